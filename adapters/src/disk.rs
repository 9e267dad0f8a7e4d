//! The disk seam: the only file API of the hub.
//!
//! Everything durable goes through here, so that a test can log, tear, fill up or break it. What each call
//! promises about durability is said at the call; nothing else may be assumed.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// A failed file operation: what was tried, on which path, and what the system said.
#[derive(Debug, thiserror::Error)]
#[error("{action} {}", .path.display())]
pub struct DiskError {
    /// What was tried, as a verb: "create", "rename to", …
    pub action: &'static str,
    /// The path it was tried on.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

impl DiskError {
    /// Names the action and the path of a system error.
    pub fn new(action: &'static str, path: &Path, source: io::Error) -> DiskError {
        DiskError { action, path: path.to_owned(), source }
    }

    /// Whether the path was not there.
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

/// One entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirEntry {
    /// The name within the folder. A name that is not UTF-8 is listed lossily and cannot be opened.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Modification time, microseconds since 1970.
    pub modified_micros: i64,
    /// Whether it is a folder, or anything else that is no regular file.
    pub is_dir: bool,
}

/// An open file.
pub trait DiskFile: Read + Write + Seek + Send {
    /// After this returns, all bytes written so far survive a power cut.
    fn sync(&mut self) -> io::Result<()>;
}

/// What keeps other processes out for as long as it lives.
pub trait DiskLock: Send + Sync {}

/// Files and folders. A name becomes durable with [`Disk::sync_dir`] of its folder, contents with [`DiskFile::sync`].
pub trait Disk: Send + Sync {
    /// A new empty file, open for writing; an existing one is emptied.
    fn create(&self, path: &Path) -> Result<Box<dyn DiskFile>, DiskError>;
    /// An existing file, open for reading.
    fn open(&self, path: &Path) -> Result<Box<dyn DiskFile>, DiskError>;
    /// Moves a name within one file system, atomically, over whatever stands there.
    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> Result<(), DiskError>;
    /// What a folder holds, in no particular order.
    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>, DiskError>;
    /// Size and time of one file; `None` when it is not there.
    fn entry(&self, path: &Path) -> Result<Option<DirEntry>, DiskError>;
    /// The folder and those above it.
    fn create_dir_all(&self, dir: &Path) -> Result<(), DiskError>;
    /// After this returns, names made, moved or removed in the folder survive a power cut.
    fn sync_dir(&self, dir: &Path) -> Result<(), DiskError>;
    /// Takes an exclusive lock on a file (made if missing); `None` when somebody else holds it.
    fn try_lock(&self, path: &Path) -> Result<Option<Box<dyn DiskLock>>, DiskError>;

    /// A whole small file.
    fn read(&self, path: &Path) -> Result<Vec<u8>, DiskError> {
        let mut bytes = Vec::new();
        self.open(path)?.read_to_end(&mut bytes).map_err(|e| DiskError::new("read", path, e))?;
        Ok(bytes)
    }

    /// A whole small text file; bytes that are not UTF-8 are an error.
    fn read_text(&self, path: &Path) -> Result<String, DiskError> {
        String::from_utf8(self.read(path)?)
            .map_err(|e| DiskError::new("read", path, io::Error::new(io::ErrorKind::InvalidData, e)))
    }

    /// Whether a file or folder is there.
    fn exists(&self, path: &Path) -> Result<bool, DiskError> {
        Ok(self.entry(path)?.is_some())
    }

    /// A whole small file, old or new but never half, also after a power cut: written beside under a dotted
    /// name, synced, renamed, folder synced.
    fn write_atomically(&self, path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
        let temporary = temporary_beside(path);
        let mut file = self.create(&temporary)?;
        file.write_all(bytes).map_err(|e| DiskError::new("write", &temporary, e))?;
        file.sync().map_err(|e| DiskError::new("sync", &temporary, e))?;
        self.rename(&temporary, path)?;
        self.sync_dir(parent_of(path))
    }
}

/// The name under which a file is written before it gets its own: dotted, so that no drop lists it.
pub fn temporary_beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.part"))
}

fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The operating system's files.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

/// What the group and everybody else may do, in a Unix mode.
const OTHERS: u32 = 0o077;

impl RealDisk {
    /// Like [`Disk::write_atomically`], for a key: at no moment may anybody but its owner read it.
    pub fn write_secret(&self, path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
        let temporary = temporary_beside(path);
        if self.exists(&temporary)? {
            self.remove(&temporary)?; // it may have been made by somebody else, readable
        }
        let mut options = fs::OpenOptions::new();
        let opened = options.write(true).create_new(true).mode(0o600).open(&temporary);
        let mut file = opened.map_err(|e| DiskError::new("create", &temporary, e))?;
        file.write_all(bytes).map_err(|e| DiskError::new("write", &temporary, e))?;
        file.sync().map_err(|e| DiskError::new("sync", &temporary, e))?;
        self.rename(&temporary, path)?;
        self.sync_dir(parent_of(path))
    }

    /// Whether nobody but its owner may do anything with a file.
    pub fn is_private(&self, path: &Path) -> Result<bool, DiskError> {
        let meta = fs::metadata(path).map_err(|e| DiskError::new("look at", path, e))?;
        Ok(meta.permissions().mode() & OTHERS == 0)
    }
}

impl DiskFile for fs::File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

/// What only the program around the hub needs, and no simulated disk.
impl RealDisk {
    /// A file, made if missing, to which is added at its end. Nothing of it is promised to survive a power cut.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn append(&self, path: &Path) -> Result<Box<dyn DiskFile>, DiskError> {
        let file = fs::OpenOptions::new().create(true).append(true).open(path);
        Ok(Box::new(file.map_err(|e| DiskError::new("open", path, e))?))
    }

    /// Lets every account of the machine read and write it (mode 666): for a socket that looks at who knocks.
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn make_reachable(&self, path: &Path) -> Result<(), DiskError> {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::Permissions::from_mode(0o666);
        fs::set_permissions(path, mode).map_err(|e| DiskError::new("make reachable", path, e))
    }

    /// Leaves a file, a socket or the like to its owner alone (mode 600).
    ///
    /// # Errors
    /// The system's, with the path.
    pub fn make_private(&self, path: &Path) -> Result<(), DiskError> {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::Permissions::from_mode(0o600);
        fs::set_permissions(path, mode).map_err(|e| DiskError::new("make private", path, e))
    }
}

struct FileLock {
    _held: fs::File, // the system releases the lock when this closes, also when the process is killed
}

impl DiskLock for FileLock {}

fn entry_of(name: String, meta: &fs::Metadata) -> DirEntry {
    let modified = meta.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
    let modified_micros = modified.map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX));
    DirEntry { name, size: meta.len(), modified_micros, is_dir: !meta.is_file() }
}

#[expect(clippy::disallowed_methods, reason = "this is the seam that the others go through")]
impl Disk for RealDisk {
    fn create(&self, path: &Path) -> Result<Box<dyn DiskFile>, DiskError> {
        let file = fs::File::create(path).map_err(|e| DiskError::new("create", path, e))?;
        Ok(Box::new(file))
    }

    fn open(&self, path: &Path) -> Result<Box<dyn DiskFile>, DiskError> {
        let file = fs::File::open(path).map_err(|e| DiskError::new("open", path, e))?;
        Ok(Box::new(file))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        fs::rename(from, to).map_err(|e| DiskError::new("rename to", to, e))
    }

    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        fs::remove_file(path).map_err(|e| DiskError::new("remove", path, e))
    }

    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>, DiskError> {
        let at = |e| DiskError::new("list", dir, e);
        let mut entries = Vec::new();
        for entry in fs::read_dir(dir).map_err(at)? {
            let entry = entry.map_err(at)?;
            match entry.metadata() {
                Ok(meta) => entries.push(entry_of(entry.file_name().to_string_lossy().into_owned(), &meta)),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {} // gone since the listing began
                Err(e) => return Err(at(e)),
            }
        }
        Ok(entries)
    }

    fn entry(&self, path: &Path) -> Result<Option<DirEntry>, DiskError> {
        match fs::metadata(path) {
            Ok(meta) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                Ok(Some(entry_of(name, &meta)))
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(DiskError::new("look at", path, e)),
        }
    }

    fn create_dir_all(&self, dir: &Path) -> Result<(), DiskError> {
        fs::create_dir_all(dir).map_err(|e| DiskError::new("create folder", dir, e))
    }

    fn sync_dir(&self, dir: &Path) -> Result<(), DiskError> {
        fs::File::open(dir).and_then(|d| d.sync_all()).map_err(|e| DiskError::new("sync folder", dir, e))
    }

    fn try_lock(&self, path: &Path) -> Result<Option<Box<dyn DiskLock>>, DiskError> {
        let at = |e| DiskError::new("lock", path, e);
        let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(at)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(FileLock { _held: file }))),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(e)) => Err(at(e)),
        }
    }
}

/// Reads exactly `buffer.len()` bytes at `offset`.
pub fn read_exact_at(file: &mut dyn DiskFile, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_old_or_new_and_leaves_nothing_beside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.toml");
        RealDisk.write_atomically(&path, b"one").unwrap();
        RealDisk.write_atomically(&path, b"two").unwrap();
        assert_eq!(RealDisk.read(&path).unwrap(), b"two");
        assert_eq!(RealDisk.list(dir.path()).unwrap().len(), 1);
    }

    #[test]
    fn a_secret_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        RealDisk.write_atomically(&path, b"open").unwrap();
        RealDisk.write_atomically(&temporary_beside(&path), b"left by somebody").unwrap();
        assert!(!RealDisk.is_private(&path).unwrap());
        RealDisk.write_secret(&path, b"secret").unwrap();
        assert!(RealDisk.is_private(&path).unwrap());
        assert_eq!(RealDisk.read(&path).unwrap(), b"secret");
        assert_eq!(RealDisk.list(dir.path()).unwrap().len(), 1);
    }

    #[test]
    fn a_lock_keeps_the_second_out_until_the_first_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = RealDisk.try_lock(&path).unwrap();
        assert!(first.is_some());
        assert!(RealDisk.try_lock(&path).unwrap().is_none());
        drop(first);
        assert!(RealDisk.try_lock(&path).unwrap().is_some());
    }

    #[test]
    fn an_error_names_the_action_and_the_path() {
        let error = RealDisk.read(Path::new("/nowhere/at/all")).unwrap_err();
        assert_eq!(error.to_string(), "open /nowhere/at/all");
        assert!(error.is_not_found());
    }
}
