//! The drop seam: a counterparty's place to put files and take files, whatever the protocol.
//!
//! A drop knows names, bytes and order of steps. It never looks inside a file.

use std::error::Error;
use std::io;
use std::time::Duration;

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

/// What a companion file's name ends on, after the whole name of the file it goes with (serviceplatformen-sftp.md F2).
pub const TRIGGER: &str = ".trigger";

/// What went wrong at a drop. The caller may always try the same step again; [`DropError::may_pass`] says whether that
/// can help.
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
    /// The file was not the same at the end of a transfer as at its beginning, or not all of it came through.
    #[error("`{name}` changed or was cut short: {got} bytes went over, its size is or was {size}")]
    Changed {
        /// The file under way.
        name: String,
        /// Bytes that went over.
        got: u64,
        /// Bytes it has or had, as the drop told.
        size: u64,
    },
    /// A companion file was given to a drop that delivers without one, or none to a drop that needs it.
    #[error("`{name}` is delivered here {} a companion file", if *.needs { "only with" } else { "without" })]
    Companion {
        /// The file it is about.
        name: String,
        /// Whether the drop needs one.
        needs: bool,
    },
    /// The server did not show the key that is pinned for it. Nothing was sent to it, and nothing will be until the
    /// endpoint's configuration is changed.
    #[error("endpoint `{endpoint}` is shut: its host key is {shown}, not the pinned {pinned}")]
    HostKey {
        /// The endpoint.
        endpoint: String,
        /// Fingerprint of the key the server showed.
        shown: String,
        /// Fingerprints that are pinned.
        pinned: String,
    },
    /// The endpoint failed before and is not asked again until its rest is over.
    #[error("endpoint `{endpoint}` rests after {failures} failed tries; the last: {last}")]
    Resting {
        /// The endpoint.
        endpoint: String,
        /// Connections that failed one after the other.
        failures: u32,
        /// What the last one failed of.
        last: String,
        /// Whether its cause may go away by itself.
        may_pass: bool,
    },
    /// A step at a remote endpoint failed.
    #[error("endpoint `{endpoint}`: could not {action} `{path}`; {}", advice(*may_pass))]
    Remote {
        /// The endpoint.
        endpoint: String,
        /// What was tried, as a verb.
        action: &'static str,
        /// What it was tried on: a path there, or the address.
        path: String,
        /// Whether the cause may go away by itself.
        may_pass: bool,
        /// What the other side, or the way to it, said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The drop did not answer within the time it was given.
    #[error("no answer within {} ms", .limit.as_millis())]
    Late {
        /// The time it was given.
        limit: Duration,
    },
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

fn advice(may_pass: bool) -> &'static str {
    if may_pass { "trying again may help" } else { "trying again will not help" }
}

impl DropError {
    /// Whether the same step may succeed later without anybody doing anything about it.
    pub fn may_pass(&self) -> bool {
        match self {
            DropError::Missing { .. }
            | DropError::Taken { .. }
            | DropError::Name { .. }
            | DropError::Companion { .. }
            | DropError::HostKey { .. } => false,
            DropError::Changed { .. }
            | DropError::Late { .. }
            | DropError::Disk(_)
            | DropError::Stream { .. } => true,
            DropError::Resting { may_pass, .. } | DropError::Remote { may_pass, .. } => *may_pass,
        }
    }
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

    /// One of the files left for us, as it is now; `None` when it is gone.
    async fn look(&self, name: &str) -> Result<Option<Listed>, DropError>;

    /// Streams a file that was listed into `sink`.
    async fn get(&self, name: &str, sink: &mut dyn Sink) -> Result<(), DropError>;

    /// Takes away a file that was listed. Taking away what is gone already is no error.
    async fn remove(&self, name: &str) -> Result<(), DropError>;

    /// Uploads a file so that it is whole and durable, but not yet the counterparty's.
    async fn put(&self, name: &str, source: &mut dyn Source) -> Result<(), DropError>;

    /// Makes an uploaded file the counterparty's. Nothing is overwritten. Where a companion file goes with it, its bytes
    /// are `companion`, and it arrives after the file itself.
    async fn commit(&self, name: &str, companion: Option<&[u8]>) -> Result<(), DropError>;

    /// Whether an upload is there that was not committed, or not wholly, given the companion that goes with it. If it is
    /// gone, only its commit can have moved it.
    async fn pending(&self, name: &str, companion: Option<&[u8]>) -> Result<bool, DropError>;

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
