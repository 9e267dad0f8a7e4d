//! One SFTP session (draft-ietf-secsh-filexfer-02): requests in, answers out, in order, faults where the script has
//! them.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use russh_sftp::protocol::{
    Attrs, Data, ExtendedReply, File as Named, FileAttributes, Handle, Name, OpenFlags, Packet, Status,
    StatusCode, Version,
};
use russh_sftp::server::StatusReply;

use super::jail::{self, File, FileExt, Jail, seen};
use super::{Scissors, Shared};
use crate::partners::faults::{About, Direction, FaultKind};

/// Names in one answer to a READDIR, as OpenSSH has it.
const PAGE: usize = 100;
/// The most bytes of one READ or WRITE, and of a packet with what goes around them (limits@openssh.com).
const MOST_DATA: u32 = 255 * 1024;
/// The most bytes of a packet.
pub(super) const MOST_PACKET: u32 = 256 * 1024;
/// The most open handles of a session.
const MOST_HANDLES: usize = 1_000;

/// What a handle stands for.
enum Open {
    File(OpenFile),
    Folder(VecDeque<jail::Entry>),
}

struct OpenFile {
    file: Arc<File>,
    path: String,
    direction: Direction,
    passed: u64,
    plan: Plan,
}

/// The faults that will strike a file, decided when it is opened.
#[derive(Clone, Copy, Default)]
struct Plan {
    cut_after: Option<u64>,
    full_after: Option<u64>,
    rate: Option<u64>,
}

pub(super) struct Session {
    shared: Arc<Shared>,
    user: String,
    jail: Jail,
    scissors: Scissors,
    handles: HashMap<String, Open>,
    next: u64,
}

type Reply<T> = Result<T, StatusReply>;

fn refused(error: io::Error) -> StatusReply {
    match error.kind() {
        io::ErrorKind::NotFound => StatusCode::NoSuchFile.into(),
        io::ErrorKind::PermissionDenied => StatusCode::PermissionDenied.into(),
        io::ErrorKind::StorageFull => no_space(),
        _ => StatusCode::Failure.into(), // as OpenSSH: version 3 has no word for most of them
    }
}

fn no_space() -> StatusReply {
    StatusCode::Failure.with_message("No space left on device")
}

fn done(id: u32) -> Status {
    let (error_message, language_tag) = ("Ok".to_owned(), "en-US".to_owned());
    Status { id, status_code: StatusCode::Ok, error_message, language_tag }
}

impl Session {
    pub(super) fn new(shared: Arc<Shared>, user: String, jail: Jail, scissors: Scissors) -> Session {
        Session { shared, user, jail, scissors, handles: HashMap::new(), next: 0 }
    }

    fn about<'a>(&'a self, path: &'a str, direction: Option<Direction>) -> About<'a> {
        About { server: &self.shared.name, user: Some(&self.user), path: Some(path), direction }
    }

    fn strikes(&self, kind: FaultKind, path: &str) -> bool {
        self.shared.faults.strike(kind, &self.about(path, None)).is_some()
    }

    fn permitted(&self, path: &str, direction: Option<Direction>) -> Reply<()> {
        match self.shared.faults.strike(FaultKind::Denied, &self.about(path, direction)) {
            Some(_) => Err(StatusCode::PermissionDenied.into()),
            None => Ok(()),
        }
    }

    fn plan(&self, path: &str, direction: Direction) -> Plan {
        let about = self.about(path, Some(direction));
        let strike = |kind| self.shared.faults.strike(kind, &about);
        let full = if direction == Direction::Upload { strike(FaultKind::DiskFull) } else { None };
        Plan {
            cut_after: strike(FaultKind::CutOff).and_then(|rule| rule.after),
            full_after: full.and_then(|rule| rule.after),
            rate: strike(FaultKind::Slow).and_then(|rule| rule.rate),
        }
    }

    fn keep(&mut self, open: Open) -> Reply<String> {
        if self.handles.len() >= MOST_HANDLES {
            return Err(StatusCode::Failure.with_message("too many open handles"));
        }
        self.next += 1;
        let handle = self.next.to_string();
        self.handles.insert(handle.clone(), open);
        Ok(handle)
    }

    fn file(&mut self, handle: &str) -> Reply<&mut OpenFile> {
        match self.handles.get_mut(handle) {
            Some(Open::File(file)) => Ok(file),
            _ => Err(StatusCode::Failure.with_message("no such handle")),
        }
    }

    /// The attributes as they are shown: a growing file is smaller.
    fn shown(&self, path: &str, mut attributes: FileAttributes, look: bool) -> FileAttributes {
        if let (Some(size), true) = (attributes.size, attributes.is_regular()) {
            let size = self.shared.faults.shown_size(&self.about(path, None), size, look);
            attributes.size = Some(size);
        }
        attributes
    }

    /// Counts bytes that pass; tells how many of them still do before the line is cut.
    async fn pass(&mut self, handle: &str, length: u64) -> Reply<(u64, bool)> {
        let file = self.file(handle)?;
        let (before, plan, direction) = (file.passed, file.plan, file.direction);
        file.passed += length;
        if let Some(rate) = plan.rate {
            tokio::time::sleep(Duration::from_micros(length.saturating_mul(1_000_000) / rate)).await;
        }
        let counts = &self.shared.counts;
        let counter = if direction == Direction::Upload { &counts.bytes_in } else { &counts.bytes_out };
        counter.fetch_add(length, Ordering::Relaxed);
        match plan.cut_after {
            Some(limit) if before + length > limit => Ok((limit.saturating_sub(before), true)),
            _ => Ok((length, false)),
        }
    }

    /// Cuts the line, which no answer can pass any more.
    fn cut(&self) -> StatusReply {
        self.scissors.cut();
        StatusCode::ConnectionLost.into()
    }
}

impl russh_sftp::server::Handler for Session {
    type Error = StatusReply;

    fn unimplemented(&self) -> StatusReply {
        StatusCode::OpUnsupported.into()
    }

    async fn init(&mut self, _version: u32, _extensions: HashMap<String, String>) -> Reply<Version> {
        let mut version = Version::new();
        for name in ["fsync@openssh.com", "limits@openssh.com"] {
            version.extensions.insert(name.to_owned(), "1".to_owned());
        }
        Ok(version)
    }

    async fn open(
        &mut self,
        id: u32,
        filename: String,
        flags: OpenFlags,
        _attributes: FileAttributes,
    ) -> Reply<Handle> {
        let path = seen(&filename);
        let writes = flags.contains(OpenFlags::WRITE) || flags.contains(OpenFlags::APPEND);
        let direction = if writes { Direction::Upload } else { Direction::Download };
        self.permitted(&path, Some(direction))?;
        let file = Arc::new(self.jail.open(&path, flags).map_err(refused)?);
        let plan = self.plan(&path, direction);
        let handle = self.keep(Open::File(OpenFile { file, path, direction, passed: 0, plan }))?;
        Ok(Handle { id, handle })
    }

    async fn close(&mut self, id: u32, handle: String) -> Reply<Status> {
        let counts = &self.shared.counts;
        match self.handles.remove(&handle) {
            Some(Open::File(file)) => match file.direction {
                Direction::Upload => counts.uploads.fetch_add(1, Ordering::Relaxed),
                Direction::Download => counts.downloads.fetch_add(1, Ordering::Relaxed),
            },
            Some(Open::Folder(_)) => counts.listings.fetch_add(1, Ordering::Relaxed),
            None => return Err(StatusCode::Failure.with_message("no such handle")),
        };
        Ok(done(id))
    }

    async fn read(&mut self, id: u32, handle: String, offset: u64, len: u32) -> Reply<Data> {
        let open = self.file(&handle)?;
        let (file, path) = (open.file.clone(), open.path.clone());
        let full = file.metadata().map_err(refused)?.len();
        let shown = self.shared.faults.shown_size(&self.about(&path, None), full, false);
        let length = u64::from(len.min(MOST_DATA)).min(shown.saturating_sub(offset));
        if length == 0 {
            return Err(StatusCode::Eof.into());
        }
        let (length, last) = self.pass(&handle, length).await?;
        if last && length == 0 {
            return Err(self.cut());
        }
        let mut data = vec![0; usize::try_from(length).unwrap_or(0)];
        let read = file.read_at(&mut data, offset).map_err(refused)?;
        data.truncate(read);
        Ok(Data { id, data })
    }

    async fn write(&mut self, id: u32, handle: String, offset: u64, data: Vec<u8>) -> Reply<Status> {
        let (passing, last) = self.pass(&handle, data.len() as u64).await?;
        let open = self.file(&handle)?;
        let end = offset.saturating_add(data.len() as u64);
        if open.plan.full_after.is_some_and(|limit| end > limit) {
            return Err(no_space());
        }
        let passing = usize::try_from(passing).unwrap_or(data.len());
        open.file.write_all_at(&data[..passing], offset).map_err(refused)?;
        if last { Err(self.cut()) } else { Ok(done(id)) }
    }

    async fn lstat(&mut self, id: u32, path: String) -> Reply<Attrs> {
        self.stat(id, path).await
    }

    async fn stat(&mut self, id: u32, path: String) -> Reply<Attrs> {
        let path = seen(&path);
        let attributes = FileAttributes::from(&self.jail.metadata(&path).map_err(refused)?);
        Ok(Attrs { id, attrs: self.shown(&path, attributes, true) })
    }

    async fn fstat(&mut self, id: u32, handle: String) -> Reply<Attrs> {
        let open = self.file(&handle)?;
        let path = open.path.clone();
        let attributes = FileAttributes::from(&open.file.metadata().map_err(refused)?);
        Ok(Attrs { id, attrs: self.shown(&path, attributes, false) })
    }

    async fn setstat(&mut self, id: u32, path: String, attributes: FileAttributes) -> Reply<Status> {
        let path = seen(&path);
        self.permitted(&path, Some(Direction::Upload))?;
        self.jail.set(&path, &attributes).map_err(refused)?;
        Ok(done(id))
    }

    async fn fsetstat(&mut self, id: u32, handle: String, attributes: FileAttributes) -> Reply<Status> {
        jail::set(&self.file(&handle)?.file, &attributes).map_err(refused)?;
        Ok(done(id))
    }

    async fn opendir(&mut self, id: u32, path: String) -> Reply<Handle> {
        let path = seen(&path);
        self.permitted(&path, None)?;
        let mut entries = self.jail.list(&path).map_err(refused)?;
        if self.strikes(FaultKind::Disorder, &path) {
            self.shared.faults.shuffle(&mut entries);
        }
        for entry in &mut entries {
            let whole = format!("{}/{}", path.trim_end_matches('/'), entry.name);
            entry.attributes = self.shown(&whole, entry.attributes.clone(), true);
        }
        let handle = self.keep(Open::Folder(entries.into()))?;
        Ok(Handle { id, handle })
    }

    async fn readdir(&mut self, id: u32, handle: String) -> Reply<Name> {
        let Some(Open::Folder(entries)) = self.handles.get_mut(&handle) else {
            return Err(StatusCode::Failure.with_message("no such handle"));
        };
        if entries.is_empty() {
            return Err(StatusCode::Eof.into());
        }
        let page = entries.drain(..entries.len().min(PAGE));
        let files = page.map(|entry| Named::new(entry.name, entry.attributes)).collect();
        Ok(Name { id, files })
    }

    async fn remove(&mut self, id: u32, filename: String) -> Reply<Status> {
        let path = seen(&filename);
        self.permitted(&path, None)?;
        self.jail.remove(&path).map_err(refused)?;
        Ok(done(id))
    }

    async fn mkdir(&mut self, id: u32, path: String, _attributes: FileAttributes) -> Reply<Status> {
        let path = seen(&path);
        self.permitted(&path, None)?;
        self.jail.make_dir(&path).map_err(refused)?;
        Ok(done(id))
    }

    async fn rmdir(&mut self, id: u32, path: String) -> Reply<Status> {
        let path = seen(&path);
        self.permitted(&path, None)?;
        self.jail.remove_dir(&path).map_err(refused)?;
        Ok(done(id))
    }

    async fn realpath(&mut self, id: u32, path: String) -> Reply<Name> {
        Ok(Name { id, files: vec![Named::dummy(seen(&path))] })
    }

    async fn rename(&mut self, id: u32, oldpath: String, newpath: String) -> Reply<Status> {
        let (from, to) = (seen(&oldpath), seen(&newpath));
        self.permitted(&from, None)?;
        self.permitted(&to, None)?;
        if self.strikes(FaultKind::RefuseRename, &to) {
            return Err(StatusCode::Failure.into());
        }
        self.jail.rename(&from, &to).map_err(refused)?;
        self.shared.counts.renames.fetch_add(1, Ordering::Relaxed);
        Ok(done(id))
    }

    async fn extended(&mut self, id: u32, request: String, data: Vec<u8>) -> Reply<Packet> {
        match request.as_str() {
            "limits@openssh.com" => {
                let limits = [MOST_PACKET.into(), MOST_DATA.into(), MOST_DATA.into(), MOST_HANDLES as u64];
                let data = limits.iter().flat_map(|limit: &u64| limit.to_be_bytes()).collect();
                Ok(Packet::ExtendedReply(ExtendedReply { id, data }))
            }
            "fsync@openssh.com" => {
                let handle = data.get(4..).and_then(|text| str::from_utf8(text).ok()).unwrap_or("");
                let file = self.file(handle)?.file.clone();
                let synced = tokio::task::spawn_blocking(move || file.sync_all()).await;
                synced.map_err(|_| StatusReply::new(StatusCode::Failure))?.map_err(refused)?;
                Ok(Packet::Status(done(id)))
            }
            _ => Err(StatusCode::OpUnsupported.into()),
        }
    }
}
