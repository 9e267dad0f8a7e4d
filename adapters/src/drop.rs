//! The drop seam: a counterparty's place to put files and take files, whatever the protocol.
//!
//! A drop knows names, bytes and order of steps. It never looks inside a file.

use std::io;

use async_trait::async_trait;

use crate::disk::DiskError;

/// A file lying in a drop. Name, size and time together tell one delivery from the next under the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The name, without folder.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Modification time as the drop tells it, microseconds since 1970.
    pub modified_micros: i64,
}

/// What went wrong at a drop. The caller may always try the same step again.
#[derive(Debug, thiserror::Error)]
pub enum DropError {
    /// The name is not there (any more).
    #[error("`{name}` is not in the drop")]
    Missing {
        /// The name asked for.
        name: String,
    },
    /// The drop already holds something else under that name.
    #[error("the drop already holds another `{name}`")]
    Taken {
        /// The name in the way.
        name: String,
    },
    /// A name that could lead outside the drop, or that other systems would not read back.
    #[error(
        "{name:?} is no acceptable file name: letters, digits and `_ - .` only, at most 200, no leading dot"
    )]
    Name {
        /// The offending name.
        name: String,
    },
    /// The local disk under the drop failed.
    #[error("the drop's disk failed")]
    Disk(#[from] DiskError),
    /// The caller's end of the stream failed; the drop itself may be well.
    #[error("transfer of `{name}` was interrupted")]
    Stream {
        /// The file under way.
        name: String,
        /// What the stream said.
        #[source]
        source: io::Error,
    },
}

/// Takes the blocks of a file as they come.
pub trait Sink: Send {
    /// The next block, in order.
    fn block(&mut self, bytes: &[u8]) -> io::Result<()>;
}

/// Gives the blocks of a file as they are wanted.
pub trait Source: Send {
    /// The next block; empty at the end. It is valid until the next call.
    fn block(&mut self) -> io::Result<&[u8]>;
}

/// A counterparty's place for files. `put` then `commit` delivers; `get` then `remove` takes.
#[async_trait]
pub trait Drop: Send + Sync {
    /// The files a counterparty has left for us, by name. Unfinished (dotted, `.part`) names are left out.
    async fn list(&self) -> Result<Vec<Listed>, DropError>;

    /// Streams a file that was listed into `sink`.
    async fn get(&self, name: &str, sink: &mut dyn Sink) -> Result<(), DropError>;

    /// Takes away a file that was listed. Taking away what is gone already is no error.
    async fn remove(&self, name: &str) -> Result<(), DropError>;

    /// Uploads a file so that it is whole and durable, but not yet the counterparty's.
    async fn put(&self, name: &str, source: &mut dyn Source) -> Result<(), DropError>;

    /// Makes an uploaded file the counterparty's. Nothing is overwritten.
    async fn commit(&self, name: &str) -> Result<(), DropError>;

    /// Whether an upload that was not committed is still there. If it is gone, only its commit can have moved it.
    async fn pending(&self, name: &str) -> Result<bool, DropError>;

    /// Evidence of landing: a file of that name as the counterparty's side shows it now, if it does.
    async fn landed(&self, name: &str) -> Result<Option<Listed>, DropError>;

    /// Reads back what was delivered, for a closer look than its size.
    async fn read_back(&self, name: &str, sink: &mut dyn Sink) -> Result<(), DropError>;
}

/// Refuses names that could lead outside the drop (serviceplatformen-sftp.md F11).
pub fn check_name(name: &str) -> Result<(), DropError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let fits = (1..=200).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(plain);
    if fits { Ok(()) } else { Err(DropError::Name { name: name.to_owned() }) }
}

/// Whether a listed name is a file still being written.
pub fn is_unfinished(name: &str) -> bool {
    name.starts_with('.') || name.ends_with(".part") || name.ends_with(".tmp")
}

/// Collects a small file in memory.
#[derive(Debug, Default)]
pub struct Collect(pub Vec<u8>);

impl Sink for Collect {
    fn block(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// A small file in memory, as one block.
#[derive(Debug)]
pub struct Bytes<'a>(pub &'a [u8]);

impl Source for Bytes<'_> {
    fn block(&mut self) -> io::Result<&[u8]> {
        Ok(std::mem::take(&mut self.0))
    }
}
