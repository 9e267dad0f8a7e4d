//! How the installation's files came to be as they are: who changed what, when and why, and the bytes before each change.
//!
//! The file itself stays the truth, and is all that a start reads. Beside it, below [`FOLDER`], stands one entry per
//! change, written before the file is: whether it came about, and whether another hand changed the file since, the hashes
//! tell. Never decides who may change anything, or whether it is right; whoever calls holds the installation's lock.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use toek_adapters::disk::{Disk, DiskError};

use crate::domain::change::Change;

/// Where it is kept, below the installation's directory.
pub const FOLDER: &str = "history";
/// The bytes that files once had, by their SHA-256.
const BYTES: &str = "bytes";
/// What one person proposed for another to approve.
const PROPOSALS: &str = "proposals";

/// Why it cannot be read or added to.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Something that is no entry.
    #[error("{} is no entry of a history", .path.display())]
    Broken {
        /// Where.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The file is another than the change was made of.
    #[error("{0} was changed meanwhile by another hand: look at it, and ask again")]
    Changed(String),
}

/// One change of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its number among the changes of this file, from 1.
    pub no: u32,
    /// The file, below the installation's directory.
    pub file: String,
    /// When, as an instant.
    pub at: String,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Who approved it, where two were needed.
    pub approved: Option<Approval>,
    /// SHA-256 of the file before; its bytes are kept under this name.
    pub before: String,
    /// SHA-256 of the file after.
    pub after: String,
    /// What is another.
    pub changes: Vec<Change>,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Became {
    /// The file was as it left it when it was next looked at.
    Made,
    /// The file was as before: the process died before it was written, or another hand put it back.
    Undone,
    /// The file was neither: another hand changed it afterwards.
    EditedSince,
}

impl Entry {
    fn became(&self, then: &str) -> Became {
        match then {
            then if then == self.after => Became::Made,
            then if then == self.before => Became::Undone,
            _ => Became::EditedSince,
        }
    }
}

/// A second person's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// Of which proposal.
    pub proposal: u32,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// What one person wants and another must approve: a value of a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// Its number, from 1.
    pub no: u32,
    /// When, as an instant.
    pub at: String,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// The parameter.
    pub parameter: String,
    /// The value, as a file writes it.
    pub value: String,
    /// For which municipality; `None` is for all.
    pub municipality: Option<String>,
    /// From which day on.
    pub from: String,
}

/// A change that is to be made.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The file, below the installation's directory.
    pub file: &'a str,
    /// Its text as the change was made of it.
    pub before: &'a str,
    /// Its text after.
    pub after: &'a str,
    /// When, as an instant.
    pub at: String,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Who approved it, where two were needed.
    pub approved: Option<Approval>,
    /// What is another.
    pub changes: Vec<Change>,
}

/// The history of one installation.
#[derive(Clone, Copy)]
pub struct History<'a> {
    disk: &'a dyn Disk,
    dir: &'a Path,
}

impl<'a> History<'a> {
    /// That of the installation in `dir`.
    pub fn of(disk: &'a dyn Disk, dir: &'a Path) -> History<'a> {
        History { disk, dir }
    }

    /// The changes of a file, oldest first, with what became of each.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn entries(&self, file: &str) -> Result<Vec<(Entry, Became)>, HistoryError> {
        let entries: Vec<Entry> = self.all(&self.folder(file))?;
        let now = hash(&self.disk.read(&self.dir.join(file))?);
        let next = entries.iter().skip(1).map(|entry| entry.before.clone()).chain([now]);
        let became: Vec<Became> = entries.iter().zip(next).map(|(entry, then)| entry.became(&then)).collect();
        Ok(entries.into_iter().zip(became).collect())
    }

    /// Makes a change: the bytes before, then its entry, then the file. After a crash the file is old or new, and its
    /// history says which.
    ///
    /// # Errors
    /// When the file is not as it was taken to be, or the disk fails.
    pub fn change(&self, wanted: Wanted<'_>) -> Result<Entry, HistoryError> {
        let path = self.dir.join(wanted.file);
        let bytes = self.disk.read(&path)?;
        if bytes != wanted.before.as_bytes() {
            return Err(HistoryError::Changed(wanted.file.to_owned()));
        }
        let no = self.next_no(wanted.file)?;
        let entry = Entry {
            no,
            file: wanted.file.to_owned(),
            at: wanted.at,
            by: wanted.by,
            reason: wanted.reason,
            approved: wanted.approved,
            before: hash(&bytes),
            after: hash(wanted.after.as_bytes()),
            changes: wanted.changes,
        };
        self.put(BYTES, &entry.before, &bytes)?;
        self.put_numbered(wanted.file, no, &entry)?;
        self.disk.write_atomically(&path, wanted.after.as_bytes())?;
        Ok(entry)
    }

    /// Keeps what somebody proposes, under the next number.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn propose(&self, proposal: Proposal) -> Result<Proposal, HistoryError> {
        let no = self.next_no(PROPOSALS)?;
        let proposal = Proposal { no, ..proposal };
        self.put_numbered(PROPOSALS, no, &proposal)?;
        Ok(proposal)
    }

    /// All that was ever proposed, oldest first.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn proposals(&self) -> Result<Vec<Proposal>, HistoryError> {
        self.all(&self.folder(PROPOSALS))
    }

    /// Every file of the history, below the installation's directory.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn files(&self) -> Result<Vec<PathBuf>, HistoryError> {
        let mut files = Vec::new();
        for folder in self.listed(&self.dir.join(FOLDER))? {
            let names = self.listed(&self.dir.join(FOLDER).join(&folder))?;
            files.extend(names.iter().map(|name| Path::new(FOLDER).join(&folder).join(name)));
        }
        Ok(files)
    }

    fn next_no(&self, of: &str) -> Result<u32, HistoryError> {
        Ok(u32::try_from(self.listed(&self.folder(of))?.len()).unwrap_or(u32::MAX - 1) + 1)
    }

    fn folder(&self, of: &str) -> PathBuf {
        self.dir.join(FOLDER).join(of)
    }

    fn put_numbered(&self, of: &str, no: u32, value: &impl Serialize) -> Result<(), HistoryError> {
        let name = format!("{no:06}.json");
        let broken = |source| HistoryError::Broken { path: self.folder(of).join(&name), source };
        let mut bytes = serde_json::to_vec_pretty(value).map_err(broken)?;
        bytes.push(b'\n');
        self.put(of, &name, &bytes)
    }

    /// A whole file, and the folders around it, durably.
    fn put(&self, of: &str, name: &str, bytes: &[u8]) -> Result<(), HistoryError> {
        let folder = self.folder(of);
        self.disk.create_dir_all(&folder)?;
        self.disk.write_atomically(&folder.join(name), bytes)?;
        self.disk.sync_dir(&self.dir.join(FOLDER))?;
        Ok(self.disk.sync_dir(self.dir)?)
    }

    /// The names in a folder, in order, without those that are half written; none where there is no folder.
    fn listed(&self, folder: &Path) -> Result<Vec<String>, HistoryError> {
        if !self.disk.exists(folder)? {
            return Ok(Vec::new());
        }
        let mut names: Vec<String> = self.disk.list(folder)?.into_iter().map(|entry| entry.name).collect();
        names.retain(|name| !name.starts_with('.'));
        names.sort();
        Ok(names)
    }

    fn all<T: DeserializeOwned>(&self, folder: &Path) -> Result<Vec<T>, HistoryError> {
        let read = |name: String| {
            let path = folder.join(name);
            let bytes = self.disk.read(&path)?;
            serde_json::from_slice(&bytes).map_err(|source| HistoryError::Broken { path, source })
        };
        self.listed(folder)?.into_iter().map(read).collect()
    }
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
