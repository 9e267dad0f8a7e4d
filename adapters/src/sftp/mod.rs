//! A drop that is two folders on an SFTP server.
//!
//! Start with [`SftpDrop`], which knows the order of steps; `endpoint` keeps the session, `session` makes it, `transfer`
//! moves bytes. Never overwrites what lies under a file's own name, never uses a server whose key is not pinned, and
//! never looks inside a file but to compare it with another.
//!
//! Two ways to deliver ([`Commit`]):
//!
//! | | upload | commit | not yet committed ([`Drop::pending`]) |
//! | --- | --- | --- | --- |
//! | rename | `.NAME.part`, synced | rename to `NAME` | `.NAME.part` is there |
//! | companion | `NAME` | `NAME.trigger` | `NAME` is there, its companion is not, or not all of it |
//!
//! SFTP cannot sync a folder: after a power cut at the server a rename may be undone. Then the upload lies there again
//! under its temporary name, and the evidence of landing stays out.

mod budget;
mod endpoint;
pub mod keys;
mod session;
mod settings;
mod transfer;

use std::sync::Arc;

use async_trait::async_trait;
use russh_sftp::client::error::Error as SftpError;
use russh_sftp::client::rawsession::SftpResult;
use russh_sftp::protocol::{File, FileAttributes, StatusCode};
use tracing::Instrument;

pub use budget::ByteBudget;
pub use endpoint::SftpEndpoint;
pub use settings::{KeyFile, SettingsError, SftpSettings, Timeouts, Tuning};

use crate::drop::{Drop, DropError, Listed, Sink, Source, check_name, is_unfinished};
use session::{Session, is_missing};
use transfer::{Handle, InFlight, Reading, Writing};

/// How an upload becomes the counterparty's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Commit {
    /// It gets its own name, never over another file's.
    Rename,
    /// It has its own name from the beginning, and counts once a second file lies beside it
    /// (serviceplatformen-sftp.md F1, F2, F12).
    Companion {
        /// What the second file's name ends on, mostly [`TRIGGER`](crate::drop::TRIGGER).
        suffix: String,
    },
}

/// See the module.
pub struct SftpDrop {
    endpoint: Arc<SftpEndpoint>,
    from: String,
    to: String,
    commit: Commit,
}

impl SftpDrop {
    /// Takes files from the server's folder `from` and delivers into its folder `to`; an empty one is where log-in
    /// leads.
    pub fn new(endpoint: Arc<SftpEndpoint>, from: &str, to: &str, commit: Commit) -> SftpDrop {
        SftpDrop { endpoint, from: from.to_owned(), to: to.to_owned(), commit }
    }

    fn remote(&self, name: &str) -> Remote {
        let upload = match &self.commit {
            Commit::Rename => join(&self.to, &format!(".{name}.part")),
            Commit::Companion { .. } => join(&self.to, name),
        };
        Remote { name: name.to_owned(), upload, target: join(&self.to, name) }
    }

    async fn stream(&self, path: &str, name: &str, sink: &mut dyn Sink) -> Result<(), DropError> {
        check_name(name)?;
        let span = tracing::info_span!("sftp get", endpoint = self.endpoint.name(), name);
        self.download(path, name, sink).instrument(span).await
    }

    async fn download(&self, path: &str, name: &str, sink: &mut dyn Sink) -> Result<(), DropError> {
        let session = self.endpoint.session().await?;
        let share = self.endpoint.budget().share().await;
        let failed = |error| match is_missing(&error) {
            true => DropError::Missing { name: name.to_owned() },
            false => session.failed("read", path, error),
        };
        let file = Handle::open(session.sftp.clone(), path).await.map_err(failed)?;
        let mut reading = Reading::begin(file, session.reading_pace(share.bytes)).await.map_err(failed)?;
        while let Some(block) = reading.block().await.map_err(failed)? {
            sink.block(&block).map_err(|source| DropError::Stream { name: name.to_owned(), source })?;
        }
        let (got, size) = reading.end().await.map_err(failed)?;
        tracing::debug!(bytes = got, "fetched");
        same_size(name, got, size)
    }

    async fn upload(&self, path: &str, name: &str, source: &mut dyn Source) -> Result<(), DropError> {
        let session = self.endpoint.session().await?;
        if let Commit::Companion { suffix } = &self.commit
            && look(&session, &format!("{path}{suffix}")).await?.is_some()
        {
            return Err(DropError::Taken { name: name.to_owned() }); // delivered already
        }
        let share = self.endpoint.budget().share().await;
        let failed = |error| session.failed("write", path, error);
        let file = Handle::create(session.sftp.clone(), path).await.map_err(failed)?;
        let mut writing = Writing::begin(file, session.writing_pace(share.bytes));
        loop {
            let block = source.block();
            let block = block.map_err(|source| DropError::Stream { name: name.to_owned(), source })?;
            if block.is_empty() {
                break;
            }
            writing.write(block).await.map_err(failed)?;
        }
        let written = writing.end(session.can_sync()).await.map_err(failed)?;
        tracing::debug!(bytes = written, "put");
        let there = look(&session, path).await?;
        same_size(name, written, there.map_or(0, |file| file.size))
    }

    /// Gives the upload its own name. A name that is taken is looked at before (ProFTPD would overwrite it) and after
    /// (OpenSSH refuses, and somebody may have been quicker than our look).
    async fn rename(&self, session: &Session, remote: &Remote) -> Result<(), DropError> {
        if look(session, &remote.target).await?.is_some() {
            return self.settle(session, remote).await;
        }
        match session.sftp.rename(remote.upload.as_str(), remote.target.as_str()).await {
            Ok(_) => Ok(()),
            Err(error) if is_missing(&error) => Err(DropError::Missing { name: remote.name.clone() }),
            Err(error @ SftpError::Status(_)) => match look(session, &remote.target).await? {
                Some(_) => self.settle(session, remote).await,
                None => Err(session.failed("rename to", &remote.target, error)),
            },
            Err(error) => Err(session.failed("rename to", &remote.target, error)),
        }
    }

    /// The name is taken. If what lies there has our upload's bytes it is our delivery; anything else stays as it is.
    async fn settle(&self, session: &Session, remote: &Remote) -> Result<(), DropError> {
        let taken = || DropError::Taken { name: remote.name.clone() };
        if look(session, &remote.upload).await?.is_none() {
            return Err(taken());
        }
        if !self.are_equal(session, &remote.upload, &remote.target).await? {
            return Err(taken());
        }
        remove(session, &remote.upload).await
    }

    async fn are_equal(&self, session: &Session, one: &str, other: &str) -> Result<bool, DropError> {
        let share = self.endpoint.budget().share().await;
        let pace = session.reading_pace(share.bytes / 2);
        let mut sides = Vec::new();
        for path in [one, other] {
            let failed = |error| session.failed("compare", path, error);
            let file = Handle::open(session.sftp.clone(), path).await.map_err(failed)?;
            sides.push(Side::new(Reading::begin(file, pace).await.map_err(failed)?));
        }
        let [first, second] = sides.as_mut_slice() else { return Ok(false) };
        let failed = |error| session.failed("compare", other, error);
        loop {
            let (left, right) = (first.rest().await.map_err(failed)?, second.rest().await.map_err(failed)?);
            let common = left.len().min(right.len());
            if left[..common] != right[..common] || (common == 0 && left.len() != right.len()) {
                return Ok(false);
            }
            if common == 0 {
                return Ok(true);
            }
            first.at += common;
            second.at += common;
        }
    }

    /// Puts the companion beside the file. One that is there already is ours when it has our bytes, and a cut-off try of
    /// ours when it is shorter.
    async fn accompany(
        &self,
        session: &Session,
        remote: &Remote,
        suffix: &str,
        bytes: &[u8],
    ) -> Result<(), DropError> {
        if look(session, &remote.target).await?.is_none() {
            return Err(DropError::Missing { name: remote.name.clone() });
        }
        let path = format!("{}{suffix}", remote.target);
        let there = look(session, &path).await?;
        if there.is_some_and(|file| file.size >= bytes.len() as u64) {
            return match read_whole(session, &path, bytes.len()).await? == bytes {
                true => Ok(()),
                false => Err(DropError::Taken { name: format!("{}{suffix}", remote.name) }),
            };
        }
        let failed = |error| session.failed("write", &path, error);
        let file = Handle::create(session.sftp.clone(), &path).await.map_err(failed)?;
        let mut writing = Writing::begin(file, session.writing_pace(bytes.len()));
        writing.write(bytes).await.map_err(failed)?;
        let written = writing.end(session.can_sync()).await.map_err(failed)?;
        tracing::debug!(bytes = written, "companion put");
        Ok(())
    }
}

/// Where a file of ours lies while it is uploaded, and in the end.
struct Remote {
    name: String,
    upload: String,
    target: String,
}

fn join(folder: &str, name: &str) -> String {
    match folder {
        "" => name.to_owned(),
        folder => format!("{}/{name}", folder.trim_end_matches('/')),
    }
}

fn same_size(name: &str, got: u64, size: u64) -> Result<(), DropError> {
    if got == size { Ok(()) } else { Err(DropError::Changed { name: name.to_owned(), got, size }) }
}

/// A file by its path; `None` when it is not there.
async fn look(session: &Session, path: &str) -> Result<Option<Listed>, DropError> {
    match session.sftp.stat(path).await {
        Ok(answer) => {
            let name = path.rsplit('/').next().unwrap_or(path).to_owned();
            listed(name, &answer.attrs).map(Some).ok_or_else(|| no_size(session, path))
        }
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(session.failed("look at", path, error)),
    }
}

async fn remove(session: &Session, path: &str) -> Result<(), DropError> {
    match session.sftp.remove(path).await {
        Ok(_) => Ok(()),
        Err(error) if is_missing(&error) => Ok(()),
        Err(error) => Err(session.failed("remove", path, error)),
    }
}

/// A small file, up to one byte more than expected.
async fn read_whole(session: &Session, path: &str, expected: usize) -> Result<Vec<u8>, DropError> {
    let failed = |error| session.failed("read", path, error);
    let file = Handle::open(session.sftp.clone(), path).await.map_err(failed)?;
    let mut reading = Reading::begin(file, session.reading_pace(expected + 1)).await.map_err(failed)?;
    let mut whole = Vec::new();
    while whole.len() <= expected
        && let Some(block) = reading.block().await.map_err(failed)?
    {
        whole.extend_from_slice(&block);
    }
    Ok(whole)
}

/// Every entry of a folder. The next question is on its way before the last is answered: far servers are asked twice,
/// not once per hundred names.
async fn entries(session: &Session, folder: &str) -> Result<Vec<File>, DropError> {
    let path = if folder.is_empty() { "." } else { folder };
    let failed = |error| session.failed("list", path, error);
    let dir = Handle::open_dir(session.sftp.clone(), path).await.map_err(failed)?;
    let mut flight: InFlight<SftpResult<Vec<File>>> = InFlight::new();
    let mut entries = Vec::new();
    loop {
        while flight.len() < 2 {
            flight.send(dir.entries()).await;
        }
        match flight.answer().await {
            Some(Ok(more)) => entries.extend(more),
            Some(Err(SftpError::Status(status))) if status.status_code == StatusCode::Eof => {
                return Ok(entries);
            }
            Some(Err(error)) => return Err(failed(error)),
            None => return Ok(entries),
        }
    }
}

/// The kind of file in a Unix mode, and the kind that a regular one has.
const KIND: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;

fn is_regular(attributes: &FileAttributes) -> bool {
    attributes.permissions.is_none_or(|mode| mode & KIND == REGULAR || mode & KIND == 0)
}

/// `None` when the server does not tell the size, without which nothing can be known about a file.
fn listed(name: String, attributes: &FileAttributes) -> Option<Listed> {
    let modified_micros = i64::from(attributes.mtime.unwrap_or(0)) * 1_000_000;
    Some(Listed { name, size: attributes.size?, modified_micros })
}

fn no_size(session: &Session, path: &str) -> DropError {
    session.failed("look at", path, SftpError::IO("the server does not tell the file's size".to_owned()))
}

/// One of two files being compared: what was read of it, and how far that is compared.
struct Side {
    reading: Reading,
    block: Vec<u8>,
    at: usize,
}

impl Side {
    fn new(reading: Reading) -> Side {
        Side { reading, block: Vec::new(), at: 0 }
    }

    /// What is not compared yet; empty at the end.
    async fn rest(&mut self) -> SftpResult<&[u8]> {
        if self.at == self.block.len() {
            self.block = self.reading.block().await?.unwrap_or_default();
            self.at = 0;
        }
        Ok(&self.block[self.at..])
    }
}

#[async_trait]
impl Drop for SftpDrop {
    async fn list(&self) -> Result<Vec<Listed>, DropError> {
        let session = self.endpoint.session().await?;
        let mut files = Vec::new();
        for entry in entries(&session, &self.from).await? {
            if is_regular(&entry.attrs) && !is_unfinished(&entry.filename) {
                let path = join(&self.from, &entry.filename);
                let file = listed(entry.filename, &entry.attrs);
                files.push(file.ok_or_else(|| no_size(&session, &path))?);
            }
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(files)
    }

    async fn get(&self, name: &str, sink: &mut dyn Sink) -> Result<(), DropError> {
        self.stream(&join(&self.from, name), name, sink).await
    }

    async fn remove(&self, name: &str) -> Result<(), DropError> {
        check_name(name)?;
        let session = self.endpoint.session().await?;
        remove(&session, &join(&self.from, name)).await
    }

    async fn put(&self, name: &str, source: &mut dyn Source) -> Result<(), DropError> {
        check_name(name)?;
        let span = tracing::info_span!("sftp put", endpoint = self.endpoint.name(), name);
        self.upload(&self.remote(name).upload, name, source).instrument(span).await
    }

    async fn commit(&self, name: &str, companion: Option<&[u8]>) -> Result<(), DropError> {
        check_name(name)?;
        let remote = self.remote(name);
        match (&self.commit, companion) {
            (Commit::Rename, None) => self.rename(&*self.endpoint.session().await?, &remote).await,
            (Commit::Companion { suffix }, Some(bytes)) => {
                self.accompany(&*self.endpoint.session().await?, &remote, suffix, bytes).await
            }
            (Commit::Rename, Some(_)) => Err(DropError::Companion { name: remote.name, needs: false }),
            (Commit::Companion { .. }, None) => Err(DropError::Companion { name: remote.name, needs: true }),
        }
    }

    async fn pending(&self, name: &str, companion: Option<&[u8]>) -> Result<bool, DropError> {
        check_name(name)?;
        let session = self.endpoint.session().await?;
        let remote = self.remote(name);
        let upload = look(&session, &remote.upload).await?;
        match &self.commit {
            Commit::Rename => Ok(upload.is_some()),
            Commit::Companion { suffix } => {
                let whole = companion.map_or(0, |bytes| bytes.len() as u64);
                let there = look(&session, &format!("{}{suffix}", remote.target)).await?;
                Ok(upload.is_some() && there.is_none_or(|file| file.size < whole))
            }
        }
    }

    async fn look(&self, name: &str) -> Result<Option<Listed>, DropError> {
        check_name(name)?;
        look(&*self.endpoint.session().await?, &join(&self.from, name)).await
    }

    async fn landed(&self, name: &str) -> Result<Option<Listed>, DropError> {
        check_name(name)?;
        look(&*self.endpoint.session().await?, &join(&self.to, name)).await
    }

    async fn read_back(&self, name: &str, sink: &mut dyn Sink) -> Result<(), DropError> {
        self.stream(&join(&self.to, name), name, sink).await
    }
}
