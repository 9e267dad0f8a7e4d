//! Files and folders with what of them is durable: contents by a sync of the file, names by a sync of the folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, ErrorKind, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use toek_adapters::disk::DirEntry;

/// What a disk writes at once or not at all.
pub(super) const SECTOR: usize = 512;

/// Choices out of a seed (splitmix64).
#[derive(Clone)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64, no: u64) -> Chance {
        let mut chance = Chance(seed);
        let mixed = chance.next();
        Chance(mixed ^ no)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// True so many times of eight.
    pub(super) fn comes(&mut self, of_eight: u64) -> bool {
        self.below(8) < of_eight
    }

    /// How much of what is not synced arrives: nothing and everything are as likely as the rest.
    fn share(&mut self) -> u64 {
        [0, 1, 4, 7, 8][self.below(5) as usize]
    }
}

enum Change {
    Write { at: u64, bytes: Box<[u8]> },
    Resize { to: u64 },
}

/// A file, whatever its name.
pub(super) struct Inode {
    durable: Arc<Vec<u8>>,
    pending: Vec<Change>,
    /// None: it is SQLite's, and what was written is in the real file.
    live: Option<Arc<Vec<u8>>>,
    pub(super) modified: i64,
    locked: bool,
}

pub(super) type Shared = Arc<Mutex<Inode>>;

pub(super) fn locked(inode: &Shared) -> MutexGuard<'_, Inode> {
    inode.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inode {
    pub(super) fn shared(bytes: Arc<Vec<u8>>, of_sqlite: bool, modified: i64) -> Shared {
        let live = (!of_sqlite).then(|| bytes.clone());
        Arc::new(Mutex::new(Inode { durable: bytes, pending: Vec::new(), live, modified, locked: false }))
    }

    pub(super) fn is_sqlites(&self) -> bool {
        self.live.is_none()
    }

    /// All that was written.
    pub(super) fn content(&self) -> Arc<Vec<u8>> {
        match &self.live {
            Some(live) => live.clone(),
            None if self.pending.is_empty() => self.durable.clone(),
            None => {
                let mut bytes = (*self.durable).clone();
                self.pending.iter().for_each(|change| change.apply(&mut bytes));
                Arc::new(bytes)
            }
        }
    }

    fn size(&self) -> u64 {
        match &self.live {
            Some(live) => live.len() as u64,
            None => self.pending.iter().fold(self.durable.len() as u64, |size, change| match change {
                Change::Write { at, bytes } => size.max(at + bytes.len() as u64),
                Change::Resize { to } => *to,
            }),
        }
    }

    fn change(&mut self, change: Change, tracked: bool) {
        if let Some(live) = &mut self.live {
            change.apply(Arc::make_mut(live));
        }
        if tracked {
            self.pending.push(change);
        }
    }

    pub(super) fn write(&mut self, at: u64, bytes: &[u8], tree: &Tree) {
        self.modified = tree.now;
        if !bytes.is_empty() {
            self.change(Change::Write { at, bytes: bytes.into() }, tree.tracked);
        }
    }

    pub(super) fn resize(&mut self, to: u64, tree: &Tree) {
        self.modified = tree.now;
        self.change(Change::Resize { to }, tree.tracked);
    }

    pub(super) fn sync(&mut self) {
        match &self.live {
            Some(live) => {
                self.durable = live.clone();
                self.pending.clear();
            }
            None => {
                let durable = Arc::make_mut(&mut self.durable);
                self.pending.drain(..).for_each(|change| change.apply(durable));
            }
        }
    }

    /// A sync that power cut short. What is not chosen stays as uncertain as it was.
    pub(super) fn sync_some(&mut self, chance: &mut Chance) {
        self.durable = self.after_power_cut(chance);
    }

    /// What was synced, and of the rest sector by sector this or that.
    pub(super) fn after_power_cut(&self, chance: &mut Chance) -> Arc<Vec<u8>> {
        if self.pending.is_empty() {
            return self.durable.clone();
        }
        let mut bytes = (*self.durable).clone();
        let share = chance.share();
        for change in &self.pending {
            change.apply_some(&mut bytes, share, chance);
        }
        Arc::new(bytes)
    }
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Change::Write { at, bytes } => put(to, *at as usize, bytes),
            Change::Resize { to: size } => to.resize(*size as usize, 0),
        }
    }

    fn apply_some(&self, to: &mut Vec<u8>, share: u64, chance: &mut Chance) {
        match self {
            Change::Write { at, bytes } => {
                let (mut at, mut rest) = (*at as usize, &**bytes);
                if share > 0 && chance.comes(1) && to.len() < at + rest.len() {
                    to.resize(at + rest.len(), 0); // the size arrived before the bytes
                }
                while !rest.is_empty() {
                    let (sector, next) = rest.split_at(rest.len().min(SECTOR - at % SECTOR));
                    if chance.comes(share) {
                        put(to, at, sector);
                    }
                    at += sector.len();
                    rest = next;
                }
            }
            Change::Resize { .. } => {
                if chance.comes(share) {
                    self.apply(to);
                }
            }
        }
    }
}

fn put(to: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if to.len() < at + bytes.len() {
        to.resize(at + bytes.len(), 0);
    }
    to[at..at + bytes.len()].copy_from_slice(bytes);
}

#[derive(Clone)]
pub(super) enum Node {
    Folder,
    File(Shared),
}

type Names = BTreeMap<PathBuf, Node>;

/// A change of names that no sync of a folder has made durable.
enum Naming {
    Put(PathBuf, Node),
    Move(PathBuf, PathBuf, Node),
    Take(PathBuf),
}

impl Naming {
    fn paths(&self) -> [&PathBuf; 2] {
        match self {
            Naming::Put(path, _) | Naming::Take(path) => [path, path],
            Naming::Move(from, to, _) => [from, to],
        }
    }

    fn apply(&self, names: &mut Names) {
        match self {
            Naming::Put(path, node) => {
                names.insert(path.clone(), node.clone());
            }
            Naming::Move(from, to, node) => {
                names.remove(from);
                names.insert(to.clone(), node.clone());
            }
            Naming::Take(path) => {
                names.remove(path);
            }
        }
    }
}

/// All files and folders. Paths are plain; relative ones lie below the machine's directory.
pub(super) struct Tree {
    /// Whether it is kept what of it is durable.
    tracked: bool,
    pub(super) now: i64,
    live: Names,
    durable: Names,
    pending: Vec<Naming>,
    /// Where SQLite's files really are.
    real: Option<PathBuf>,
}

fn is_folder() -> io::Error {
    ErrorKind::IsADirectory.into()
}

fn missing() -> io::Error {
    ErrorKind::NotFound.into()
}

impl Tree {
    /// With these names, all durable. Nothing is tracked where there is no real directory.
    pub(super) fn new(mut names: Names, real: Option<PathBuf>) -> Tree {
        names.insert(PathBuf::new(), Node::Folder);
        names.insert(PathBuf::from("/"), Node::Folder);
        let tracked = real.is_some();
        let durable = if tracked { names.clone() } else { Names::new() };
        Tree { tracked, now: 0, live: names, durable, pending: Vec::new(), real }
    }

    /// A copy of which nothing is shared.
    pub(super) fn copy(&self) -> Tree {
        let copied = |node: &Node| match node {
            Node::Folder => Node::Folder,
            Node::File(inode) => {
                let inode = locked(inode);
                Node::File(Inode::shared(inode.content(), inode.is_sqlites(), inode.modified))
            }
        };
        let names = self.live.iter().map(|(path, node)| (path.clone(), copied(node))).collect();
        let mut copy = Tree::new(names, self.real.clone());
        copy.now = self.now;
        copy
    }

    pub(super) fn names(&self) -> &Names {
        &self.live
    }

    fn real_of(&self, path: &Path) -> Option<PathBuf> {
        self.real.as_ref().filter(|_| path.is_relative()).map(|dir| dir.join(path))
    }

    fn name(&mut self, naming: Naming) {
        naming.apply(&mut self.live);
        if self.tracked {
            self.pending.push(naming);
        }
    }

    fn parent_is_there(&self, path: &Path) -> io::Result<()> {
        match path.parent().and_then(|parent| self.live.get(parent)) {
            Some(Node::Folder) => Ok(()),
            _ => Err(self.absent(path)),
        }
    }

    /// Why a name is not there: somewhere above it a file is in the way, or simply so.
    fn absent(&self, path: &Path) -> io::Error {
        let in_the_way = |above: &Path| matches!(self.live.get(above), Some(Node::File(_)));
        if path.ancestors().skip(1).any(in_the_way) { ErrorKind::NotADirectory.into() } else { missing() }
    }

    pub(super) fn file(&self, path: &Path) -> io::Result<Shared> {
        match self.live.get(path) {
            Some(Node::File(inode)) => Ok(inode.clone()),
            Some(Node::Folder) => Err(is_folder()),
            None => Err(self.absent(path)),
        }
    }

    fn new_file(&mut self, path: &Path, of_sqlite: bool) -> io::Result<Shared> {
        self.parent_is_there(path)?;
        let inode = Inode::shared(Arc::default(), of_sqlite, self.now);
        self.name(Naming::Put(path.to_owned(), Node::File(inode.clone())));
        Ok(inode)
    }

    /// SQLite's own file comes away from under its name; who has it open keeps it.
    fn remove_real(&self, path: &Path, inode: &Shared) -> io::Result<()> {
        match self.real_of(path) {
            Some(real) if locked(inode).is_sqlites() => fs::remove_file(real),
            _ => Ok(()),
        }
    }

    pub(super) fn create(&mut self, path: &Path) -> io::Result<Shared> {
        match self.file(path) {
            Ok(inode) if locked(&inode).is_sqlites() => {
                self.remove_real(path, &inode)?;
                self.new_file(path, false)
            }
            Ok(inode) => {
                let mut file = locked(&inode);
                if file.size() > 0 {
                    file.resize(0, self);
                }
                drop(file);
                Ok(inode)
            }
            Err(e) if e.kind() == ErrorKind::NotFound => self.new_file(path, false),
            Err(e) => Err(e),
        }
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let inode = self.file(from)?;
        self.parent_is_there(to)?;
        if from == to {
            return Ok(());
        }
        match self.file(to) {
            Ok(replaced) => self.remove_real(to, &replaced)?,
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
        if let (true, Some(real_from), Some(real_to)) =
            (locked(&inode).is_sqlites(), self.real_of(from), self.real_of(to))
        {
            fs::rename(real_from, real_to)?;
        }
        self.name(Naming::Move(from.to_owned(), to.to_owned(), Node::File(inode)));
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &Path) -> io::Result<()> {
        let inode = self.file(path)?;
        self.remove_real(path, &inode)?;
        self.take(path);
        Ok(())
    }

    /// A name goes whose real file, if any, is gone already.
    pub(super) fn take(&mut self, path: &Path) {
        if self.live.contains_key(path) {
            self.name(Naming::Take(path.to_owned()));
        }
    }

    pub(super) fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        match self.live.get(dir) {
            Some(Node::Folder) => {}
            Some(Node::File(_)) => return Err(ErrorKind::NotADirectory.into()),
            None => return Err(self.absent(dir)),
        }
        let below = self.live.range(dir.to_owned()..).skip(1);
        let below = below.take_while(|(path, _)| path.starts_with(dir));
        Ok(below
            .filter(|(path, _)| path.parent() == Some(dir))
            .map(|(path, node)| entry(path, node))
            .collect())
    }

    pub(super) fn entry(&self, path: &Path) -> io::Result<Option<DirEntry>> {
        match self.live.get(path) {
            Some(node) => Ok(Some(entry(path, node))),
            None => Some(self.absent(path)).filter(|e| e.kind() != ErrorKind::NotFound).map_or(Ok(None), Err),
        }
    }

    pub(super) fn create_dir_all(&mut self, dir: &Path) -> io::Result<()> {
        let mut levels: Vec<&Path> = dir.ancestors().collect();
        levels.reverse();
        for level in levels {
            match self.live.get(level) {
                Some(Node::Folder) => {}
                Some(Node::File(_)) if level == dir => return Err(ErrorKind::AlreadyExists.into()),
                Some(Node::File(_)) => return Err(ErrorKind::NotADirectory.into()),
                None => {
                    if let Some(real) = self.real_of(level) {
                        fs::create_dir_all(real)?;
                    }
                    self.name(Naming::Put(level.to_owned(), Node::Folder));
                }
            }
        }
        Ok(())
    }

    /// The names in a folder become durable, and with each name what was done to it before.
    pub(super) fn sync_dir(&mut self, dir: &Path) -> io::Result<()> {
        match self.live.get(dir) {
            Some(Node::Folder) => {
                self.sync_names(|naming| naming.paths().iter().any(|p| p.parent() == Some(dir)))
            }
            Some(Node::File(_)) => return Err(ErrorKind::NotADirectory.into()),
            None => return Err(self.absent(dir)),
        }
        Ok(())
    }

    /// Whether a name was put there and no sync of its folder has been since.
    pub(super) fn has_new_name(&self, path: &Path) -> bool {
        self.pending.iter().any(|naming| match naming {
            Naming::Put(put, _) => put == path,
            Naming::Move(_, to, _) => to == path,
            Naming::Take(_) => false,
        })
    }

    /// A sync of a folder that power cut short.
    pub(super) fn sync_dir_some(&mut self, chance: &mut Chance) {
        let (durable, left) = self.names_after_power_cut(chance);
        self.durable = durable;
        let mut left = left.into_iter();
        self.pending.retain(|_| left.next().unwrap_or(true));
    }

    fn sync_names(&mut self, is_meant: impl Fn(&Naming) -> bool) {
        let mut needed: BTreeSet<&PathBuf> = BTreeSet::new();
        let mut goes = vec![false; self.pending.len()];
        for (at, naming) in self.pending.iter().enumerate().rev() {
            if is_meant(naming) || naming.paths().iter().any(|path| needed.contains(*path)) {
                goes[at] = true;
                needed.extend(naming.paths());
            }
        }
        let mut goes = goes.into_iter();
        let (durable, mut left) = (&mut self.durable, Vec::new());
        for naming in self.pending.drain(..) {
            if goes.next() == Some(true) {
                naming.apply(durable);
            } else {
                left.push(naming);
            }
        }
        self.pending = left;
    }

    /// Names that were synced, and of the others some: of those done to one name only the first so many. Beside it
    /// which of the pending ones were left out.
    fn names_after_power_cut(&self, chance: &mut Chance) -> (Names, Vec<bool>) {
        let mut names = self.durable.clone();
        let mut stopped: BTreeSet<&PathBuf> = BTreeSet::new();
        let mut left = Vec::with_capacity(self.pending.len());
        let share = if self.pending.is_empty() { 0 } else { chance.share() };
        for naming in &self.pending {
            let waits = naming.paths().iter().any(|path| stopped.contains(*path));
            let arrives = !waits && chance.comes(share);
            if arrives {
                naming.apply(&mut names);
            } else {
                stopped.extend(naming.paths());
            }
            left.push(!arrives);
        }
        (names, left)
    }

    /// The names a power cut leaves; what lies in a folder that is not there is not there either.
    pub(super) fn after_power_cut(&self, chance: &mut Chance) -> Names {
        let (names, _) = self.names_after_power_cut(chance);
        let mut left = Names::new();
        for (path, node) in names {
            let in_folder = path.parent().is_none_or(|parent| matches!(left.get(parent), Some(Node::Folder)));
            if in_folder {
                left.insert(path, node);
            }
        }
        left
    }

    pub(super) fn settle(&mut self) {
        self.sync_names(|_| true);
        for node in self.live.values() {
            if let Node::File(inode) = node {
                locked(inode).sync();
            }
        }
    }

    /// A lock on a file, made if missing; none when it is taken.
    pub(super) fn try_lock(&mut self, path: &Path) -> io::Result<Option<Shared>> {
        let inode = match self.file(path) {
            Err(e) if e.kind() == ErrorKind::NotFound => self.new_file(path, false)?,
            other => other?,
        };
        let was_locked = std::mem::replace(&mut locked(&inode).locked, true);
        Ok((!was_locked).then_some(inode))
    }

    /// SQLite is about to look at a file that was written by the disk: it becomes a real one.
    pub(super) fn make_real(&mut self, path: &Path) -> io::Result<()> {
        if let (Some(Node::File(inode)), Some(real)) = (self.live.get(path), self.real_of(path)) {
            let mut inode = locked(inode);
            if let Some(live) = &inode.live {
                fs::write(real, &**live)?;
                inode.live = None;
            }
        }
        Ok(())
    }

    /// A file that SQLite has opened.
    pub(super) fn opened_by_sqlite(&mut self, path: &Path, was_there: bool) -> io::Result<Shared> {
        match self.file(path) {
            Ok(inode) => Ok(inode),
            Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
            Err(_) if was_there => {
                // Somebody has put it there beside the machine.
                let real = self.real_of(path).ok_or_else(missing)?;
                let inode = Inode::shared(Arc::new(fs::read(real)?), true, self.now);
                self.live.insert(path.to_owned(), Node::File(inode.clone()));
                self.durable.insert(path.to_owned(), Node::File(inode.clone()));
                Ok(inode)
            }
            Err(_) => self.new_file(path, true),
        }
    }
}

pub(super) fn unlock(inode: &Shared) {
    locked(inode).locked = false;
}

fn entry(path: &Path, node: &Node) -> DirEntry {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match node {
        Node::Folder => DirEntry { name, size: 0, modified_micros: 0, is_dir: true },
        Node::File(inode) => {
            let inode = locked(inode);
            DirEntry { name, size: inode.size(), modified_micros: inode.modified, is_dir: false }
        }
    }
}

/// A file as somebody has it open.
pub(super) struct Handle {
    pub(super) inode: Shared,
    /// SQLite's file as it was when it was opened.
    still: Option<Arc<Vec<u8>>>,
    pub(super) at: u64,
    writable: bool,
}

impl Handle {
    pub(super) fn new(inode: Shared, writable: bool) -> Handle {
        let still = {
            let inode = locked(&inode);
            inode.is_sqlites().then(|| inode.content())
        };
        Handle { inode, still, at: 0, writable }
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> usize {
        let inode = locked(&self.inode);
        let Some(bytes) = self.still.as_ref().or(inode.live.as_ref()) else { return 0 };
        let rest = &bytes[(self.at as usize).min(bytes.len())..];
        let taken = rest.len().min(buffer.len());
        buffer[..taken].copy_from_slice(&rest[..taken]);
        self.at += taken as u64;
        taken
    }

    pub(super) fn write(&mut self, bytes: &[u8], tree: &Tree) -> io::Result<usize> {
        if !self.writable {
            return Err(io::Error::from_raw_os_error(9)); // EBADF, as a file opened for reading says
        }
        locked(&self.inode).write(self.at, bytes, tree);
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }

    pub(super) fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let size = locked(&self.inode).size();
        let sought = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => size.checked_add_signed(by),
        };
        self.at = sought.ok_or(ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
