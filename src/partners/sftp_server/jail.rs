//! The files below one user's root: the only place beside the disk seam that touches files.
//!
//! An SFTP server opens for writing without emptying, writes at offsets and renames without overwriting, none of
//! which the hub ever does and the seam therefore offers. Never leaves the root: `..` ends at it, and a symbolic
//! link on the way is refused. (Nobody else is expected to swap folders for links meanwhile: this is test equipment.)

use std::fs::{self, FileTimes, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use russh_sftp::protocol::{FileAttributes, OpenFlags};

pub(super) use std::fs::File;
pub(super) use std::os::unix::fs::FileExt;

/// A user's root.
#[derive(Clone, Debug)]
pub(super) struct Jail {
    root: PathBuf,
}

/// A path as its user sees it: absolute, without `.` and `..`.
pub(super) fn seen(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// One entry of a folder.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) attributes: FileAttributes,
}

impl Jail {
    pub(super) fn new(root: PathBuf) -> Jail {
        Jail { root }
    }

    /// Where a path that was [`seen`] lies; none of its folders is a link.
    fn real(&self, path: &str) -> io::Result<PathBuf> {
        let mut real = self.root.clone();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            if part.contains('\0') {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            real.push(part);
            match fs::symlink_metadata(&real) {
                Ok(meta) if meta.is_symlink() => return Err(io::ErrorKind::PermissionDenied.into()),
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(real)
    }

    pub(super) fn open(&self, path: &str, flags: OpenFlags) -> io::Result<File> {
        let writes = flags.contains(OpenFlags::WRITE) || flags.contains(OpenFlags::APPEND);
        let creates = flags.contains(OpenFlags::CREATE);
        let mut options = OpenOptions::new();
        options.read(flags.contains(OpenFlags::READ)).write(writes);
        options.create(creates).create_new(creates && flags.contains(OpenFlags::EXCLUDE));
        options.truncate(writes && flags.contains(OpenFlags::TRUNCATE));
        let file = options.open(self.real(path)?)?;
        if file.metadata()?.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(file)
    }

    /// The names in a folder, in order, with `.` and `..` first as OpenSSH gives them.
    pub(super) fn list(&self, path: &str) -> io::Result<Vec<Entry>> {
        let real = self.real(path)?;
        let own = FileAttributes::from(&fs::metadata(&real)?);
        let mut entries = Vec::new();
        for entry in fs::read_dir(&real)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            match entry.metadata() {
                Ok(meta) => entries.push(Entry { name, attributes: FileAttributes::from(&meta) }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {} // gone since the listing began
                Err(error) => return Err(error),
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        let dots = [".", ".."].map(|name| Entry { name: name.to_owned(), attributes: own.clone() });
        Ok(dots.into_iter().chain(entries).collect())
    }

    pub(super) fn metadata(&self, path: &str) -> io::Result<Metadata> {
        fs::metadata(self.real(path)?)
    }

    /// Sets size and times; rights and owners are taken note of by nobody.
    pub(super) fn set(&self, path: &str, attributes: &FileAttributes) -> io::Result<()> {
        let real = self.real(path)?;
        if attributes.size.is_none() && attributes.mtime.is_none() {
            return fs::metadata(real).map(drop);
        }
        set(&OpenOptions::new().write(true).open(real)?, attributes)
    }

    pub(super) fn remove(&self, path: &str) -> io::Result<()> {
        fs::remove_file(self.real(path)?)
    }

    pub(super) fn make_dir(&self, path: &str) -> io::Result<()> {
        fs::create_dir(self.real(path)?)
    }

    pub(super) fn remove_dir(&self, path: &str) -> io::Result<()> {
        if path == "/" {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        fs::remove_dir(self.real(path)?)
    }

    /// Renames; an existing target is left alone, as OpenSSH does: a file gets its second name before it loses the
    /// first, which no two clients can both succeed in.
    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (self.real(from)?, self.real(to)?);
        if fs::metadata(&from)?.is_dir() {
            let taken = fs::symlink_metadata(&to).is_ok();
            return if taken { Err(io::ErrorKind::AlreadyExists.into()) } else { rename_over(&from, &to) };
        }
        fs::hard_link(&from, &to)?;
        fs::remove_file(&from)
    }
}

#[expect(clippy::disallowed_methods, reason = "the server's own files, see the head of this file")]
fn rename_over(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// The same of an open file.
pub(super) fn set(file: &File, attributes: &FileAttributes) -> io::Result<()> {
    if let Some(size) = attributes.size {
        file.set_len(size)?;
    }
    if let Some(seconds) = attributes.mtime {
        let at = UNIX_EPOCH + Duration::from_secs(u64::from(seconds));
        file.set_times(FileTimes::new().set_modified(at))?;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a server's own files do not go through the hub's seam")]
/// A file that only its owner may read, as `ssh` wants it of keys.
pub(super) fn write_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part"); // whoever is killed here has not half a key
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).open(&beside)?.write_all(bytes)?;
    fs::rename(beside, path)
}
