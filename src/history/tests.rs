use std::sync::atomic::{AtomicUsize, Ordering};

use toek_adapters::disk::{DirEntry, DiskFile, DiskLock, RealDisk};

use super::*;

const FILE: &str = "benefits.toml";

fn wanted<'a>(before: &'a str, after: &'a str) -> Wanted<'a> {
    let change = Change { subject: "s".into(), field: "f".into(), was: None, becomes: Some(after.into()) };
    Wanted {
        file: FILE,
        before,
        after,
        at: "2026-03-02T07:00:00Z".into(),
        by: "anna".into(),
        reason: "r".into(),
        approved: None,
        changes: vec![change],
    }
}

fn written(dir: &Path, text: &str) {
    RealDisk.write_atomically(&dir.join(FILE), text.as_bytes()).unwrap();
}

fn told(dir: &Path) -> Vec<(String, Became)> {
    let entries = History::of(&RealDisk, dir).entries(FILE).unwrap();
    entries.into_iter().map(|(entry, became)| (entry.changes[0].becomes.clone().unwrap(), became)).collect()
}

#[test]
fn every_change_keeps_who_when_why_and_the_bytes_before() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), "one");
    let history = History::of(&RealDisk, dir.path());
    history.change(wanted("one", "two")).unwrap();
    let last = history.change(wanted("two", "three")).unwrap();
    assert_eq!(RealDisk.read_text(&dir.path().join(FILE)).unwrap(), "three");
    assert_eq!((last.no, last.by.as_str(), last.reason.as_str()), (2, "anna", "r"));
    let kept = dir.path().join("history/bytes").join(&last.before);
    assert_eq!(RealDisk.read_text(&kept).unwrap(), "two");
    assert_eq!(told(dir.path()), [("two".into(), Became::Made), ("three".into(), Became::Made)]);
    assert_eq!(history.files().unwrap().len(), 4);
    // What another hand did is seen, and not written over.
    written(dir.path(), "by hand");
    assert_eq!(told(dir.path())[1].1, Became::EditedSince);
    assert!(matches!(history.change(wanted("three", "four")), Err(HistoryError::Changed(_))));
    written(dir.path(), "two");
    assert_eq!(told(dir.path())[1].1, Became::Undone);
}

/// A disk that fails from one call on, as for a process that died there.
struct Dying {
    left: AtomicUsize,
}

impl Dying {
    fn step(&self, path: &Path) -> Result<(), DiskError> {
        let alive = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        alive.map(|_| ()).map_err(|_| DiskError::new("reach", path, std::io::Error::other("dead")))
    }
}

impl Disk for Dying {
    fn create(&self, path: &Path) -> Result<Box<dyn DiskFile>, DiskError> {
        self.step(path)?;
        RealDisk.create(path)
    }
    fn open(&self, path: &Path) -> Result<Box<dyn DiskFile>, DiskError> {
        self.step(path)?;
        RealDisk.open(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        self.step(to)?;
        RealDisk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> Result<(), DiskError> {
        self.step(path)?;
        RealDisk.remove(path)
    }
    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>, DiskError> {
        self.step(dir)?;
        RealDisk.list(dir)
    }
    fn entry(&self, path: &Path) -> Result<Option<DirEntry>, DiskError> {
        self.step(path)?;
        RealDisk.entry(path)
    }
    fn create_dir_all(&self, dir: &Path) -> Result<(), DiskError> {
        self.step(dir)?;
        RealDisk.create_dir_all(dir)
    }
    fn sync_dir(&self, dir: &Path) -> Result<(), DiskError> {
        self.step(dir)?;
        RealDisk.sync_dir(dir)
    }
    fn try_lock(&self, path: &Path) -> Result<Option<Box<dyn DiskLock>>, DiskError> {
        RealDisk.try_lock(path)
    }
}

#[test]
fn whenever_it_dies_the_file_is_old_or_new_and_the_history_says_which() {
    let mut calls = 0;
    loop {
        let dir = tempfile::tempdir().unwrap();
        written(dir.path(), "one");
        let dying = Dying { left: AtomicUsize::new(calls) };
        let ended = History::of(&dying, dir.path()).change(wanted("one", "two"));
        let text = RealDisk.read_text(&dir.path().join(FILE)).unwrap();
        match text.as_str() {
            "one" => assert!(told(dir.path()).iter().all(|(_, became)| *became == Became::Undone), "{calls}"),
            "two" => assert_eq!(told(dir.path()), [("two".into(), Became::Made)], "{calls}"),
            other => panic!("{calls}: {other}"),
        }
        // Asked again it is made, once.
        if text == "one" {
            History::of(&RealDisk, dir.path()).change(wanted("one", "two")).unwrap();
        }
        let made = told(dir.path()).into_iter().filter(|(_, became)| *became == Became::Made).count();
        assert_eq!(made, 1, "{calls}");
        if ended.is_ok() {
            break;
        }
        calls += 1;
    }
    assert!(calls > 10, "{calls}");
}

#[test]
fn proposals_are_numbered_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let history = History::of(&RealDisk, dir.path());
    let proposal = Proposal {
        no: 0,
        at: "2026-03-02T07:00:00Z".into(),
        by: "anna".into(),
        reason: "r".into(),
        parameter: "assume_paid".into(),
        value: "true".into(),
        municipality: None,
        from: "2026-04-01".into(),
    };
    assert_eq!(history.proposals().unwrap(), []);
    assert_eq!(history.propose(proposal.clone()).unwrap().no, 1);
    assert_eq!(history.propose(proposal).unwrap().no, 2);
    assert_eq!(history.proposals().unwrap().iter().map(|known| known.no).collect::<Vec<_>>(), [1, 2]);
    RealDisk.write_atomically(&dir.path().join("history/proposals/000003.json"), b"{}").unwrap();
    assert!(matches!(history.proposals(), Err(HistoryError::Broken { .. })));
}
