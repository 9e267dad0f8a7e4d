//! A computer whose durable state can be crashed: what the hub's files and SQLite's go through in the simulator.
//!
//! A [`Machine`] keeps every file in memory but SQLite's, which lie in a real directory and are reached through a VFS of
//! its own ([`vfs`]). Of every file it keeps what was synced, and what was written since; of every folder the same of
//! its names. So it can say at any moment what a crash would leave ([`Machine::image`]). Every call asks [`Fate`] first.
//! Never reads a clock, and makes no choice but from a seed. [`MemoryDisk`] is a disk that never fails.
#![allow(dead_code, reason = "two test targets share this; not each needs every tool")]
#![allow(clippy::disallowed_methods, reason = "SQLite's files are real, and put there as they are")]

mod disk;
mod image;
mod tree;
mod vfs;

use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use toek_adapters::disk::Disk;

pub(crate) use disk::MemoryDisk;
pub(crate) use image::{Crash, Image};
use tree::{Chance, SECTOR, Tree};

/// What is asked of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Call {
    Create,
    Open,
    Read,
    Write,
    Sync,
    Rename,
    Remove,
    List,
    Entry,
    CreateDirAll,
    SyncDir,
    Lock,
    SqliteOpen,
    SqliteRead,
    SqliteWrite,
    SqliteTruncate,
    SqliteSync,
    SqliteDelete,
    /// Something beyond the machine, named by who asks for it.
    Remote(&'static str),
}

impl Call {
    /// Whether it changes what a crash leaves, so that dying around it matters most.
    pub(crate) fn is_durable(self) -> bool {
        self.is_sync() || matches!(self, Call::Rename | Call::Remove | Call::SqliteDelete)
    }

    /// Whether it only makes durable what was done before.
    pub(crate) fn is_sync(self) -> bool {
        matches!(self, Call::Sync | Call::SyncDir | Call::SqliteSync)
    }

    fn is_write(self) -> bool {
        matches!(self, Call::Write | Call::SqliteWrite)
    }
}

/// A call about to be made.
#[derive(Debug)]
pub(crate) struct Event<'a> {
    /// Per machine, from 1.
    pub(crate) no: u64,
    pub(crate) call: Call,
    /// Below the machine's directory: relative to it, so that it is the same in every run. Of a rename the new name.
    pub(crate) path: &'a Path,
    /// Of a read or a write.
    pub(crate) bytes: usize,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Go,
    /// It fails and changes nothing, but for a write to a full disk, half of which is there.
    Fail(Trouble),
    /// A read gives its bytes with one bit turned (counted from its first, around). Others go.
    Flip {
        bit: u64,
    },
    /// A sync answers as if it had been done. Others go.
    Lie,
    Die(Moment),
}

/// EIO, ENOSPC, EROFS; for SQLite its own codes for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    Io,
    Full,
    ReadOnly,
}

impl Trouble {
    fn error(self) -> io::Error {
        io::Error::from_raw_os_error(match self {
            Trouble::Io => 5,
            Trouble::Full => 28,
            Trouble::ReadOnly => 30,
        })
    }
}

/// When a machine dies in a call. Whoever called hears of an error in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Before,
    /// Of a write its first sectors are there; a sync made some durable; anything else happened or did not.
    Torn,
    After,
}

/// Decides about every call. May be asked from several threads; must not panic, since SQLite cannot be unwound.
pub(crate) trait Fate: Send + Sync {
    fn decide(&self, event: &Event<'_>) -> Verdict;

    /// Goes into every choice the machine makes itself: how far a write is torn, say.
    fn seed(&self) -> u64 {
        0
    }
}

/// Nothing ever goes wrong.
pub(crate) struct Undisturbed;

impl Fate for Undisturbed {
    fn decide(&self, _: &Event<'_>) -> Verdict {
        Verdict::Go
    }
}

/// How a call that was let through is carried out.
enum How {
    Whole,
    /// A write of half its sectors.
    Half,
    Torn(Chance),
    Flipped(u64),
    NotAtAll,
}

impl How {
    /// How many bytes of a write at an offset arrive. Ends between sectors.
    fn of_write(&mut self, at: u64, length: usize) -> usize {
        let first = SECTOR - (at % SECTOR as u64) as usize;
        let ends = |sectors: usize| {
            if sectors == 0 { 0 } else { (first + (sectors - 1) * SECTOR).min(length) }
        };
        let sectors = 1 + length.saturating_sub(first).div_ceil(SECTOR);
        match self {
            How::Half => ends(sectors / 2),
            How::Torn(chance) => ends(chance.below(sectors as u64 + 1) as usize),
            _ => length,
        }
    }

    /// Whether a call that happens or does not, happens.
    fn happens(&mut self) -> bool {
        match self {
            How::Torn(chance) => chance.comes(4),
            How::NotAtAll => false,
            _ => true,
        }
    }

    fn turn(&self, bytes: &mut [u8]) {
        if let (How::Flipped(bit), false) = (self, bytes.is_empty()) {
            let bit = bit % (bytes.len() as u64 * 8);
            bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
        }
    }
}

/// The hub's own computer.
pub(crate) struct Machine {
    /// As it was given, and without links.
    dirs: [PathBuf; 2],
    fate: Arc<dyn Fate>,
    no: AtomicU64,
    dead: AtomicBool,
    tree: Mutex<Tree>,
}

impl Machine {
    /// A machine as it comes up after a crash, or an empty one. `dir` is a real directory for SQLite's files: an empty
    /// one, or that of an earlier machine, which is dead from now on and whose files are removed.
    pub(crate) fn start(dir: &Path, image: Option<Image>, fate: Arc<dyn Fate>) -> Arc<Machine> {
        let canonical = dir.canonicalize().expect("the machine's directory is there");
        vfs::make_default();
        if let Some(earlier) = vfs::forget(&canonical) {
            earlier.into_iter().for_each(|machine| machine.die());
            image::clear(&canonical);
        }
        let image = image.unwrap_or_default();
        let tree = image.start_in(&canonical);
        let machine = Arc::new(Machine {
            dirs: [dir.to_owned(), canonical],
            fate,
            no: AtomicU64::new(0),
            dead: AtomicBool::new(false),
            tree: Mutex::new(tree),
        });
        vfs::remember(&machine);
        machine
    }

    /// Its files, those of SQLite among them, though those cannot be written this way while they are open.
    pub(crate) fn disk(self: &Arc<Self>) -> Arc<dyn Disk> {
        Arc::new(disk::MachineDisk { machine: self.clone() })
    }

    /// Modification times from now on, microseconds since 1970.
    pub(crate) fn set_now(&self, micros: i64) {
        self.tree().now = micros;
    }

    /// Dead from now on: every call fails and changes nothing.
    pub(crate) fn die(&self) {
        let _tree = self.tree(); // no call is half done
        self.dead.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// How many events there were.
    pub(crate) fn step_no(&self) -> u64 {
        self.no.load(Ordering::SeqCst)
    }

    /// One event beyond the machine. Of a dead machine every call fails; at [`Moment::Before`] it is dead already when
    /// this returns; at the others whoever asks does the thing, or half of it, and then calls [`Machine::die`].
    pub(crate) fn ask(&self, call: Call, path: &Path) -> Verdict {
        self.asked(call, &self.place(path), 0).1
    }

    /// What a crash at this moment leaves. May be asked as often as wanted, and of a machine that lives.
    pub(crate) fn image(&self, how: Crash) -> Image {
        Image::of(&self.tree(), how)
    }

    /// Makes everything durable, as when it was written long ago.
    pub(crate) fn settle(&self) {
        self.tree().settle();
    }

    fn tree(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A path as the tree knows it: relative to the machine's directory where it lies below it.
    fn place(&self, path: &Path) -> PathBuf {
        let inside = self.dirs.iter().find_map(|dir| path.strip_prefix(dir).ok());
        plain(inside.unwrap_or(path))
    }

    fn asked(&self, call: Call, path: &Path, bytes: usize) -> (u64, Verdict) {
        if self.is_dead() {
            return (0, Verdict::Fail(Trouble::Io));
        }
        let no = self.no.fetch_add(1, Ordering::SeqCst) + 1;
        let verdict = self.fate.decide(&Event { no, call, path, bytes });
        if verdict == Verdict::Die(Moment::Before) {
            self.die();
        }
        (no, verdict)
    }

    /// Carries out a call as fate has it.
    fn act<T>(
        &self,
        call: Call,
        path: &Path,
        bytes: usize,
        act: impl FnOnce(&mut Tree, &mut How) -> io::Result<T>,
    ) -> io::Result<T> {
        let (no, verdict) = self.asked(call, path, bytes);
        let (mut how, ends) = match verdict {
            Verdict::Fail(Trouble::Full) if call.is_write() => (How::Half, Some(Trouble::Full)),
            Verdict::Fail(trouble) => return Err(trouble.error()),
            Verdict::Die(Moment::Before) => return Err(Trouble::Io.error()),
            Verdict::Die(Moment::Torn) => (How::Torn(Chance::new(self.fate.seed(), no)), Some(Trouble::Io)),
            Verdict::Die(Moment::After) => (How::Whole, Some(Trouble::Io)),
            Verdict::Flip { bit } => (How::Flipped(bit), None),
            Verdict::Lie if call.is_sync() => (How::NotAtAll, None),
            Verdict::Lie | Verdict::Go => (How::Whole, None),
        };
        let mut tree = self.tree();
        if self.is_dead() {
            return Err(Trouble::Io.error()); // it died in another thread since it was asked
        }
        let done = act(&mut tree, &mut how);
        if matches!(verdict, Verdict::Die(_)) {
            self.dead.store(true, Ordering::SeqCst);
        }
        match ends {
            Some(trouble) => Err(trouble.error()),
            None => done,
        }
    }
}

/// Without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}
