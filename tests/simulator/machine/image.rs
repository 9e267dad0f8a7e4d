//! What a crash leaves: SQLite's files and all others. Bytes are shared with whoever starts from it until they change.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::tree::{Chance, Inode, Node, Tree, locked};

/// A way to lose what is not durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crash {
    /// The process dies: all that was written is there.
    Kill,
    /// What was synced is there, and of the rest this or that, by the seed.
    Power { seed: u64 },
}

#[derive(Clone)]
enum Left {
    Folder,
    File { bytes: Arc<Vec<u8>>, of_sqlite: bool, modified: i64 },
}

/// What is on a machine's disks between a crash and the next start. Paths as in [`super::Event`].
#[derive(Clone, Default)]
pub(crate) struct Image {
    left: BTreeMap<PathBuf, Left>,
}

/// How the file of a database begins.
const SQLITE: &[u8] = b"SQLite format 3\0";

impl Image {
    pub(super) fn of(tree: &Tree, how: Crash) -> Image {
        let power = |seed| {
            let mut chance = Chance::new(seed, 0);
            (tree.after_power_cut(&mut chance), chance)
        };
        let (names, mut chance) = match how {
            Crash::Kill => (tree.names().clone(), None),
            Crash::Power { seed } => {
                let (names, chance) = power(seed);
                (names, Some(chance))
            }
        };
        let mut left = BTreeMap::new();
        for (path, node) in names {
            let here = match node {
                Node::Folder => Left::Folder,
                Node::File(inode) => {
                    let inode = locked(&inode);
                    let bytes = match &mut chance {
                        Some(chance) => inode.after_power_cut(chance),
                        None => inode.content(),
                    };
                    Left::File { bytes, of_sqlite: inode.is_sqlites(), modified: inode.modified }
                }
            };
            left.insert(path, here);
        }
        Image { left }
    }

    /// What lies in a real directory, as on a machine whose directory it is: an installation made by other means.
    pub(crate) fn read_from(dir: &Path) -> Image {
        let mut image = Image::default();
        image.add(dir, Path::new(""));
        image
    }

    fn add(&mut self, dir: &Path, below: &Path) {
        self.left.insert(below.to_owned(), Left::Folder);
        for entry in fs::read_dir(dir.join(below)).expect("the directory can be listed") {
            let entry = entry.expect("the directory can be listed");
            let path = below.join(entry.file_name());
            let kind = entry.file_type().expect("an entry has a kind");
            if kind.is_dir() {
                self.add(dir, &path);
            } else if kind.is_file() && !path.to_string_lossy().ends_with("-shm") {
                let bytes = fs::read(entry.path()).expect("the file can be read");
                let name = path.to_string_lossy();
                let of_sqlite =
                    bytes.starts_with(SQLITE) || name.ends_with("-wal") || name.ends_with("-journal");
                self.left.insert(path, Left::File { bytes: Arc::new(bytes), of_sqlite, modified: 0 });
            }
        }
    }

    /// Puts SQLite's files into a directory, and the rest into memory.
    pub(super) fn start_in(self, dir: &Path) -> Tree {
        let is_empty = fs::read_dir(dir).expect("the directory can be listed").next().is_none();
        assert!(is_empty, "{} is not empty: a machine keeps SQLite's files there alone", dir.display());
        let mut names = BTreeMap::new();
        for (path, left) in self.left {
            let real = path.is_relative().then(|| dir.join(&path));
            let node = match left {
                Left::Folder => {
                    real.into_iter()
                        .for_each(|real| fs::create_dir_all(real).expect("the folder can be made"));
                    Node::Folder
                }
                Left::File { bytes, of_sqlite, modified } => {
                    if let (true, Some(real)) = (of_sqlite, real) {
                        fs::write(real, &*bytes).expect("the file can be written");
                    }
                    Node::File(Inode::shared(bytes, of_sqlite, modified))
                }
            };
            names.insert(path, node);
        }
        Tree::new(names, Some(dir.to_owned()))
    }

    /// All files: where, their bytes, and whether they are SQLite's.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&Path, &[u8], bool)> {
        self.left.iter().filter_map(|(path, left)| match left {
            Left::Folder => None,
            Left::File { bytes, of_sqlite, .. } => Some((&**path, &***bytes, *of_sqlite)),
        })
    }

    pub(crate) fn file(&self, path: &Path) -> Option<&[u8]> {
        match self.left.get(path)? {
            Left::Folder => None,
            Left::File { bytes, .. } => Some(bytes),
        }
    }

    /// Databases, logs and journals by their path below the machine's directory.
    pub(crate) fn sqlite_files(&self) -> BTreeMap<String, Vec<u8>> {
        let sqlites = self.files().filter(|(.., of_sqlite)| *of_sqlite);
        sqlites.map(|(path, bytes, _)| (path.to_string_lossy().into_owned(), bytes.to_vec())).collect()
    }

    /// Writes all that lay below the machine's directory into a real one.
    pub(crate) fn write_to(&self, dir: &Path) {
        for (path, left) in self.left.iter().filter(|(path, _)| path.is_relative()) {
            match left {
                Left::Folder => fs::create_dir_all(dir.join(path)).expect("the folder can be made"),
                Left::File { bytes, .. } => {
                    fs::write(dir.join(path), &**bytes).expect("the file can be written");
                }
            }
        }
    }

    /// Turns a bit of a file at rest, counted around its end. False if there is no such file, or nothing in it.
    pub(crate) fn flip(&mut self, path: &Path, bit: u64) -> bool {
        match self.left.get_mut(path) {
            Some(Left::File { bytes, .. }) if !bytes.is_empty() => {
                let bit = bit % (bytes.len() as u64 * 8);
                Arc::make_mut(bytes)[(bit / 8) as usize] ^= 1 << (bit % 8);
                true
            }
            _ => false,
        }
    }
}

/// Removes what an earlier machine kept in its directory.
pub(super) fn clear(dir: &Path) {
    for entry in fs::read_dir(dir).expect("the directory can be listed") {
        let entry = entry.expect("the directory can be listed");
        let is_dir = entry.file_type().expect("an entry has a kind").is_dir();
        let removed = if is_dir { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) };
        match removed {
            Err(e) if e.kind() != ErrorKind::NotFound => panic!("{}: {e}", entry.path().display()),
            _ => {}
        }
    }
}
