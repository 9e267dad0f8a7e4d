//! The disk seam over a tree: once without any trouble, once as part of a machine.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use toek_adapters::disk::{DirEntry, Disk, DiskError, DiskFile, DiskLock};

use super::tree::{Handle, Shared, Tree, locked, unlock};
use super::{Call, How, Machine, plain};

fn at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DiskError {
    move |source| DiskError::new(action, path, source)
}

struct Lock(Shared);

impl DiskLock for Lock {}

impl Drop for Lock {
    fn drop(&mut self) {
        unlock(&self.0);
    }
}

fn boxed(lock: Option<Shared>) -> Option<Box<dyn DiskLock>> {
    lock.map(|inode| Box::new(Lock(inode)) as Box<dyn DiskLock>)
}

/// Files in memory which are never lost and never fail. Clones are the same disk.
#[derive(Clone)]
pub(crate) struct MemoryDisk {
    tree: Arc<Mutex<Tree>>,
}

impl Default for MemoryDisk {
    fn default() -> MemoryDisk {
        MemoryDisk::new()
    }
}

impl MemoryDisk {
    /// With nothing but the root.
    pub(crate) fn new() -> MemoryDisk {
        MemoryDisk { tree: Arc::new(Mutex::new(Tree::new(Default::default(), None))) }
    }

    /// Modification times from now on, microseconds since 1970.
    pub(crate) fn set_now(&self, micros: i64) {
        self.tree().now = micros;
    }

    /// Another disk that holds the same now. Bytes are shared until one of them changes them.
    pub(crate) fn snapshot(&self) -> MemoryDisk {
        MemoryDisk { tree: Arc::new(Mutex::new(self.tree().copy())) }
    }

    fn tree(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn opened(&self, inode: Shared, writable: bool) -> Box<dyn DiskFile> {
        Box::new(MemoryFile { disk: self.clone(), handle: Handle::new(inode, writable) })
    }
}

struct MemoryFile {
    disk: MemoryDisk,
    handle: Handle,
}

impl Read for MemoryFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.handle.read(buffer))
    }
}

impl Write for MemoryFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let tree = self.disk.tree.lock().unwrap_or_else(PoisonError::into_inner);
        self.handle.write(bytes, &tree)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for MemoryFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.handle.seek(to)
    }
}

impl DiskFile for MemoryFile {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Disk for MemoryDisk {
    fn create(&self, path: &Path) -> Result<Box<dyn DiskFile>, DiskError> {
        let inode = self.tree().create(&plain(path)).map_err(at("create", path))?;
        Ok(self.opened(inode, true))
    }
    fn open(&self, path: &Path) -> Result<Box<dyn DiskFile>, DiskError> {
        let inode = self.tree().file(&plain(path)).map_err(at("open", path))?;
        Ok(self.opened(inode, false))
    }
    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        self.tree().rename(&plain(from), &plain(to)).map_err(at("rename to", to))
    }
    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        self.tree().remove(&plain(path)).map_err(at("remove", path))
    }
    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>, DiskError> {
        self.tree().list(&plain(dir)).map_err(at("list", dir))
    }
    fn entry(&self, path: &Path) -> Result<Option<DirEntry>, DiskError> {
        self.tree().entry(&plain(path)).map_err(at("look at", path))
    }
    fn create_dir_all(&self, dir: &Path) -> Result<(), DiskError> {
        self.tree().create_dir_all(&plain(dir)).map_err(at("create folder", dir))
    }
    fn sync_dir(&self, dir: &Path) -> Result<(), DiskError> {
        self.tree().list(&plain(dir)).map(drop).map_err(at("sync folder", dir))
    }
    fn try_lock(&self, path: &Path) -> Result<Option<Box<dyn DiskLock>>, DiskError> {
        self.tree().try_lock(&plain(path)).map(boxed).map_err(at("lock", path))
    }
}

/// The files of a machine.
pub(super) struct MachineDisk {
    pub(super) machine: Arc<Machine>,
}

impl MachineDisk {
    fn act<T>(
        &self,
        (call, action): (Call, &'static str),
        path: &Path,
        act: impl FnOnce(&mut Tree, &Path) -> io::Result<T>,
    ) -> Result<Option<T>, DiskError> {
        let place = self.machine.place(path);
        let done = self.machine.act(call, &place, 0, |tree, how| {
            if how.happens() { act(tree, &place).map(Some) } else { Ok(None) }
        });
        done.map_err(at(action, path))
    }

    fn opened(&self, path: &Path, inode: Shared, writable: bool) -> Box<dyn DiskFile> {
        let path = self.machine.place(path);
        Box::new(MachineFile { machine: self.machine.clone(), path, handle: Handle::new(inode, writable) })
    }
}

/// A call did not happen: only ever of a machine that has died of it, and then nobody gets here.
fn died(path: &Path) -> DiskError {
    DiskError::new("reach", path, super::Trouble::Io.error())
}

impl Disk for MachineDisk {
    fn create(&self, path: &Path) -> Result<Box<dyn DiskFile>, DiskError> {
        let inode = self.act((Call::Create, "create"), path, |tree, place| tree.create(place))?;
        Ok(self.opened(path, inode.ok_or_else(|| died(path))?, true))
    }
    fn open(&self, path: &Path) -> Result<Box<dyn DiskFile>, DiskError> {
        let inode = self.act((Call::Open, "open"), path, |tree, place| tree.file(place))?;
        Ok(self.opened(path, inode.ok_or_else(|| died(path))?, false))
    }
    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        let from = self.machine.place(from);
        self.act((Call::Rename, "rename to"), to, |tree, place| tree.rename(&from, place)).map(drop)
    }
    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        self.act((Call::Remove, "remove"), path, |tree, place| tree.remove(place)).map(drop)
    }
    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>, DiskError> {
        let entries = self.act((Call::List, "list"), dir, |tree, place| tree.list(place))?;
        entries.ok_or_else(|| died(dir))
    }
    fn entry(&self, path: &Path) -> Result<Option<DirEntry>, DiskError> {
        let entry = self.act((Call::Entry, "look at"), path, |tree, place| tree.entry(place))?;
        Ok(entry.flatten())
    }
    fn create_dir_all(&self, dir: &Path) -> Result<(), DiskError> {
        let action = (Call::CreateDirAll, "create folder");
        self.act(action, dir, |tree, place| tree.create_dir_all(place)).map(drop)
    }
    fn sync_dir(&self, dir: &Path) -> Result<(), DiskError> {
        let place = self.machine.place(dir);
        let done = self.machine.act(Call::SyncDir, &place, 0, |tree, how| match how {
            How::NotAtAll => Ok(()),
            How::Torn(chance) => {
                tree.sync_dir_some(chance);
                Ok(())
            }
            _ => tree.sync_dir(&place),
        });
        done.map_err(at("sync folder", dir))
    }
    fn try_lock(&self, path: &Path) -> Result<Option<Box<dyn DiskLock>>, DiskError> {
        let lock = self.act((Call::Lock, "lock"), path, |tree, place| tree.try_lock(place))?;
        Ok(boxed(lock.flatten()))
    }
}

struct MachineFile {
    machine: Arc<Machine>,
    path: PathBuf,
    handle: Handle,
}

impl Read for MachineFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let handle = &mut self.handle;
        self.machine.act(Call::Read, &self.path, buffer.len(), |_, how| {
            let taken = handle.read(buffer);
            how.turn(&mut buffer[..taken]);
            Ok(taken)
        })
    }
}

impl Write for MachineFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let handle = &mut self.handle;
        self.machine.act(Call::Write, &self.path, bytes.len(), |tree, how| {
            let arrived = how.of_write(handle.at, bytes.len());
            let began = handle.at;
            let written = handle.write(&bytes[..arrived], tree)?;
            if written < bytes.len() {
                handle.at = began; // the call fails, and has moved nothing
            }
            Ok(written)
        })
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for MachineFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.handle.seek(to)
    }
}

impl DiskFile for MachineFile {
    fn sync(&mut self) -> io::Result<()> {
        self.machine.act(Call::Sync, &self.path, 0, |_, how| {
            let mut inode = locked(&self.handle.inode);
            match how {
                How::NotAtAll => {}
                How::Torn(chance) => inode.sync_some(chance),
                _ => inode.sync(),
            }
            Ok(())
        })
    }
}
