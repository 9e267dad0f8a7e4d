//! How simulated counterparties keep their state: in files whose names say everything, moved by single renames.
//!
//! So each may be killed at any moment and every step repeated. Never syncs: what must survive is a kill, not a
//! power cut, and syncing would slow down the hub beside it, which is what is measured.

use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::civil::DateTime;
use sha2::{Digest, Sha256};
use toek_adapters::disk::{Disk, DiskError, temporary_beside};

/// How times stand in file names.
pub(super) const NAME_TIME: &str = "%Y%m%dT%H%M%S";

/// What went wrong with a counterparty itself.
#[derive(Debug, thiserror::Error)]
pub enum PartnerError {
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A file in a counterparty's own folders that it did not put there.
    #[error("{}: not a name that a simulated counterparty gives", .0.display())]
    Stranger(PathBuf),
    /// A file of a counterparty's own that it cannot read any more.
    #[error("{}: damaged: {what}", .path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

/// A file that a counterparty took, as its name in the folder `taken` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Running number, from 1.
    pub number: u64,
    /// When.
    pub at: DateTime,
    /// The name under which it came.
    pub name: String,
}

impl Taken {
    /// The name under which it is kept.
    pub(super) fn file_name(&self) -> String {
        format!("{:07}_{}_{}", self.number, self.at.strftime(NAME_TIME), self.name)
    }

    fn parse(file_name: &str) -> Option<Taken> {
        let (number, rest) = file_name.split_once('_')?;
        let (at, name) = rest.split_once('_')?;
        let at = DateTime::strptime(NAME_TIME, at).ok()?;
        Some(Taken { number: number.parse().ok()?, at, name: name.to_owned() })
    }

    /// The name without what follows the last point.
    pub(super) fn stem(&self) -> &str {
        self.name.rsplit_once('.').map_or(&self.name, |(stem, _)| stem)
    }
}

/// A file that is there whole or not at all.
pub(super) fn write_whole(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    let temporary = temporary_beside(path);
    disk.create(&temporary)?.write_all(bytes).map_err(|e| DiskError::new("write", &temporary, e))?;
    disk.rename(&temporary, path)
}

/// Whether a name is of a file still being written.
pub(super) fn is_temporary(name: &str) -> bool {
    name.starts_with('.') || name.ends_with(".part")
}

/// Names of the whole files in a folder, in order.
pub(super) fn names_in(disk: &dyn Disk, dir: &Path) -> Result<Vec<String>, DiskError> {
    let mut entries = disk.list(dir)?;
    entries.retain(|entry| !entry.is_dir && !is_temporary(&entry.name));
    let mut names: Vec<String> = entries.into_iter().map(|entry| entry.name).collect();
    names.sort();
    Ok(names)
}

/// What was taken, by number.
pub(super) fn taken_in(disk: &dyn Disk, dir: &Path) -> Result<Vec<Taken>, PartnerError> {
    let mut taken = Vec::new();
    for name in names_in(disk, dir)? {
        taken.push(Taken::parse(&name).ok_or_else(|| PartnerError::Stranger(dir.join(&name)))?);
    }
    taken.sort_by_key(|taken| taken.number);
    Ok(taken)
}

/// Puts a file aside until it is due.
pub(super) fn post(
    disk: &dyn Disk,
    dir: &Path,
    at: DateTime,
    name: &str,
    bytes: &[u8],
) -> Result<(), DiskError> {
    write_whole(disk, &dir.join(format!("{}_{name}", at.strftime(NAME_TIME))), bytes)
}

/// What was put aside by [`post`], by the time it is due and then by name.
pub(super) fn waiting_in(disk: &dyn Disk, dir: &Path) -> Result<Vec<(DateTime, String)>, PartnerError> {
    let mut waiting = Vec::new();
    for name in names_in(disk, dir)? {
        let at = name.split_once('_').and_then(|(at, _)| DateTime::strptime(NAME_TIME, at).ok());
        let at = at.ok_or_else(|| PartnerError::Stranger(dir.join(&name)))?;
        waiting.push((at, name));
    }
    waiting.sort();
    Ok(waiting)
}

/// Moves what is due at `now` into `outbox`, and tells the names it has there.
pub(super) fn deliver_due(
    disk: &dyn Disk,
    dir: &Path,
    now: DateTime,
    outbox: &Path,
) -> Result<Vec<String>, PartnerError> {
    let mut delivered = Vec::new();
    for (at, file_name) in waiting_in(disk, dir)? {
        if at > now {
            break;
        }
        let name = file_name.split_once('_').map_or("", |(_, name)| name).to_owned();
        disk.rename(&dir.join(&file_name), &outbox.join(&name))?;
        delivered.push(name);
    }
    Ok(delivered)
}

/// A UUID made of these texts: the same texts give the same one.
pub(super) fn uuid_of(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let mut bytes: [u8; 32] = hash.finalize().into();
    bytes[6] = bytes[6] & 0x0F | 0x80; // version 8: made by a rule of one's own
    bytes[8] = bytes[8] & 0x3F | 0x80;
    let hex: String = bytes[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Whether a text is a UUID in lower case.
pub(super) fn is_uuid(text: &str) -> bool {
    let fits = |(place, byte): (usize, u8)| match place {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
    };
    text.len() == 36 && text.bytes().enumerate().all(fits)
}
