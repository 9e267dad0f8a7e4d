//! A directory in one compressed file, the same bytes for the same content: how installations stand in `fixtures/`.

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// Every file below `dir` with its content, by its path.
pub(crate) fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    collect(dir, dir, &mut found);
    found.sort();
    found
}

fn collect(root: &Path, dir: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, found);
        } else {
            found.push((path.strip_prefix(root).unwrap().to_owned(), std::fs::read(&path).unwrap()));
        }
    }
}

/// Puts a directory into a file, with the times of its files. Empty folders are not kept; nor is what only a running process needs.
pub(crate) fn pack(dir: &Path, file: &Path) {
    let mut plain = Vec::new();
    for (path, content) in files(dir).into_iter().filter(|(path, _)| !is_passing(path)) {
        let modified = std::fs::metadata(dir.join(&path)).unwrap().modified().unwrap();
        let modified = modified.duration_since(UNIX_EPOCH).unwrap().as_micros() as u64;
        let name = path.to_str().unwrap().as_bytes();
        for number in [name.len() as u64, content.len() as u64, modified] {
            plain.extend(number.to_le_bytes());
        }
        plain.extend_from_slice(name);
        plain.extend(content);
    }
    std::fs::write(file, zstd::bulk::compress(&plain, 19).unwrap()).unwrap();
}

fn is_passing(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_str().unwrap();
    name == "lock" || name.ends_with("-shm") || name.starts_with("serve.")
}

/// Makes the directory again.
pub(crate) fn unpack(file: &Path, dir: &Path) {
    let plain = zstd::stream::decode_all(&*std::fs::read(file).unwrap()).unwrap();
    let mut rest = plain.as_slice();
    let number = |at: usize, bytes: &[u8]| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    while !rest.is_empty() {
        let [name, content, modified] = [0, 8, 16].map(|at| number(at, rest));
        let (head, behind) = rest[24..].split_at(name as usize);
        let (content, behind) = behind.split_at(content as usize);
        let path = dir.join(std::str::from_utf8(head).unwrap());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_micros(modified)).unwrap();
        rest = behind;
    }
}
