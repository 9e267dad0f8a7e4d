//! A drop that is a pair of local folders: one to take from, one to deliver to. Commit is a rename.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use crate::disk::{Disk, DiskError, temporary_beside};
use crate::drop::{Drop, DropError, Listed, Sink, Source, TRIGGER, check_name, is_unfinished};

const BLOCK: usize = 256 * 1024;

/// See the module.
pub struct FolderDrop {
    disk: Arc<dyn Disk>,
    from: PathBuf,
    to: PathBuf,
}

impl FolderDrop {
    /// Takes files from folder `from` and delivers into folder `to`.
    pub fn new(disk: Arc<dyn Disk>, from: PathBuf, to: PathBuf) -> FolderDrop {
        FolderDrop { disk, from, to }
    }

    fn stream(&self, path: &Path, name: &str, sink: &mut dyn Sink) -> Result<(), DropError> {
        let mut file = self.disk.open(path).map_err(|e| missing_or(e, name))?;
        let mut block = vec![0; BLOCK];
        loop {
            let read = file.read(&mut block).map_err(|e| DiskError::new("read", path, e))?;
            if read == 0 {
                return Ok(());
            }
            let stream = |source| DropError::Stream { name: name.to_owned(), source };
            sink.block(&block[..read]).map_err(stream)?;
        }
    }

    fn companion_of(&self, name: &str) -> PathBuf {
        self.to.join(format!("{name}{TRIGGER}"))
    }

    fn commit_companion(&self, name: &str, bytes: &[u8]) -> Result<(), DropError> {
        let path = self.companion_of(name);
        if !self.disk.exists(&path)? {
            return Ok(self.disk.write_atomically(&path, bytes)?);
        }
        match self.disk.read(&path)? == bytes {
            true => Ok(()),
            false => Err(DropError::Taken { name: format!("{name}{TRIGGER}") }),
        }
    }
}

fn missing_or(error: DiskError, name: &str) -> DropError {
    if error.is_not_found() { DropError::Missing { name: name.to_owned() } } else { DropError::Disk(error) }
}

#[async_trait]
impl Drop for FolderDrop {
    async fn list(&self) -> Result<Vec<Listed>, DropError> {
        let mut listed: Vec<Listed> = self
            .disk
            .list(&self.from)?
            .into_iter()
            .filter(|entry| !entry.is_dir && !is_unfinished(&entry.name))
            .map(|entry| Listed {
                name: entry.name,
                size: entry.size,
                modified_micros: entry.modified_micros,
            })
            .collect();
        listed.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(listed)
    }

    async fn get(&self, name: &str, sink: &mut dyn Sink) -> Result<(), DropError> {
        check_name(name)?;
        self.stream(&self.from.join(name), name, sink)
    }

    async fn remove(&self, name: &str) -> Result<(), DropError> {
        check_name(name)?;
        match self.disk.remove(&self.from.join(name)) {
            Err(error) if error.is_not_found() => Ok(()),
            other => Ok(other?),
        }
    }

    async fn put(&self, name: &str, source: &mut dyn Source) -> Result<(), DropError> {
        check_name(name)?;
        let path = temporary_beside(&self.to.join(name));
        let mut file = self.disk.create(&path)?;
        let stream = |source| DropError::Stream { name: name.to_owned(), source };
        loop {
            let block = source.block().map_err(stream)?;
            if block.is_empty() {
                break;
            }
            file.write_all(block).map_err(|e| DiskError::new("write", &path, e))?;
        }
        file.sync().map_err(|e| DiskError::new("sync", &path, e))?;
        // The temporary name must survive too: its absence is read as proof of the commit.
        Ok(self.disk.sync_dir(&self.to)?)
    }

    async fn commit(&self, name: &str, companion: Option<&[u8]>) -> Result<(), DropError> {
        check_name(name)?;
        let path = self.to.join(name);
        let temporary = temporary_beside(&path);
        if companion.is_some() && !self.disk.exists(&temporary)? {
            // A commit that was cut off between the file and its companion.
            if !self.disk.exists(&path)? {
                return Err(DropError::Missing { name: name.to_owned() });
            }
        } else if self.disk.exists(&path)? {
            return Err(DropError::Taken { name: name.to_owned() });
        } else {
            self.disk.rename(&temporary, &path).map_err(|e| missing_or(e, name))?;
        }
        self.disk.sync_dir(&self.to)?;
        companion.map_or(Ok(()), |bytes| self.commit_companion(name, bytes))
    }

    async fn pending(&self, name: &str, companion: Option<&[u8]>) -> Result<bool, DropError> {
        check_name(name)?;
        let path = self.to.join(name);
        if self.disk.exists(&temporary_beside(&path))? {
            return Ok(true);
        }
        if companion.is_some() && self.disk.exists(&path)? && !self.disk.exists(&self.companion_of(name))? {
            return Ok(true);
        }
        // The rename is about to be taken for done, so it must not be undone by a power cut.
        self.disk.sync_dir(&self.to)?;
        Ok(false)
    }

    async fn look(&self, name: &str) -> Result<Option<Listed>, DropError> {
        check_name(name)?;
        let entry = self.disk.entry(&self.from.join(name))?;
        Ok(entry.map(|e| Listed { name: e.name, size: e.size, modified_micros: e.modified_micros }))
    }

    async fn landed(&self, name: &str) -> Result<Option<Listed>, DropError> {
        check_name(name)?;
        let entry = self.disk.entry(&self.to.join(name))?;
        Ok(entry.map(|e| Listed { name: e.name, size: e.size, modified_micros: e.modified_micros }))
    }

    async fn read_back(&self, name: &str, sink: &mut dyn Sink) -> Result<(), DropError> {
        check_name(name)?;
        self.stream(&self.to.join(name), name, sink)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;
    use crate::drop::{Bytes, Collect};

    fn pair() -> (tempfile::TempDir, FolderDrop, FolderDrop) {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        for folder in [&a, &b] {
            RealDisk.create_dir_all(folder).unwrap();
        }
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        (dir, FolderDrop::new(disk.clone(), a.clone(), b.clone()), FolderDrop::new(disk, b, a))
    }

    #[tokio::test]
    async fn a_file_is_invisible_until_committed_and_then_whole() {
        let (_dir, ours, theirs) = pair();
        ours.put("x.xml", &mut Bytes(b"hello")).await.unwrap();
        assert!(theirs.list().await.unwrap().is_empty());
        assert_eq!(ours.landed("x.xml").await.unwrap(), None);
        assert!(ours.pending("x.xml", None).await.unwrap());
        ours.commit("x.xml", None).await.unwrap();
        assert!(!ours.pending("x.xml", None).await.unwrap());
        assert_eq!(theirs.list().await.unwrap()[0].name, "x.xml");
        let mut got = Collect::default();
        theirs.get("x.xml", &mut got).await.unwrap();
        assert_eq!(got.0, b"hello");
        assert_eq!(ours.landed("x.xml").await.unwrap().unwrap().size, 5);
        theirs.remove("x.xml").await.unwrap();
        theirs.remove("x.xml").await.unwrap();
        assert!(theirs.list().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn nothing_is_overwritten() {
        let (_dir, ours, _theirs) = pair();
        for _ in 0..2 {
            ours.put("x.xml", &mut Bytes(b"hello")).await.unwrap();
        }
        ours.commit("x.xml", None).await.unwrap();
        ours.put("x.xml", &mut Bytes(b"other")).await.unwrap();
        assert!(matches!(ours.commit("x.xml", None).await, Err(DropError::Taken { .. })));
    }

    #[tokio::test]
    async fn a_companion_arrives_last_and_a_cut_off_commit_goes_on() {
        let (dir, ours, theirs) = pair();
        let trigger = Some(&b"<Trigger/>"[..]);
        ours.put("x.xml", &mut Bytes(b"hello")).await.unwrap();
        ours.commit("x.xml", None).await.unwrap(); // as if killed between the two renames
        assert!(ours.pending("x.xml", trigger).await.unwrap());
        ours.commit("x.xml", trigger).await.unwrap();
        assert!(!ours.pending("x.xml", trigger).await.unwrap());
        ours.commit("x.xml", trigger).await.unwrap();
        let names: Vec<_> = theirs.list().await.unwrap().into_iter().map(|file| file.name).collect();
        assert_eq!(names, ["x.xml", "x.xml.trigger"]);
        assert_eq!(RealDisk.read(&dir.path().join("b/x.xml.trigger")).unwrap(), b"<Trigger/>");
        assert!(matches!(ours.commit("x.xml", Some(b"other")).await, Err(DropError::Taken { .. })));
        assert!(matches!(ours.commit("gone.xml", trigger).await, Err(DropError::Missing { .. })));
    }

    #[tokio::test]
    async fn names_cannot_lead_outside() {
        let (_dir, ours, _theirs) = pair();
        for name in ["../x", "a/b", "", ".hidden", "æ.xml", "a b", &"x".repeat(201)] {
            assert!(
                matches!(ours.get(name, &mut Collect::default()).await, Err(DropError::Name { .. })),
                "{name}"
            );
        }
        let gone = ours.get("gone.xml", &mut Collect::default()).await;
        assert!(matches!(gone, Err(DropError::Missing { .. })));
    }
}
