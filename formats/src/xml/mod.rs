//! A strict, streaming reader for every XML format: bytes in, checked tokens out.
//!
//! What `xmllint` calls not well-formed is refused here too, and so is what nobody needs: a DTD, entities of
//! one's own, other encodings than UTF-8. Never resolves, loads or executes anything; never holds more than one
//! token ([`Limits::token`]) and one chunk of input, whatever the file says.
//!
//! Start with [`Reader`] (tokens), then [`model`] (content models as tables, and the walker that holds a document
//! against them), then [`write`] (escaped text out).
//!
//! Why not `quick-xml`'s reader: it spends 77 ns an event on this kind of document, over the budget before the
//! first check, it buffers a token however long it is, and it is lenient where this must not be (characters,
//! names, attributes, `]]>`). It is the yardstick of the benchmark `nemkonto`.

mod error;
pub(crate) mod forms;
pub mod model;
mod names;
mod reader;
mod window;
pub mod write;

pub use error::{Error, Kind};
pub use reader::{Attribute, Name, Namespace, Reader, Start, Token};

pub(crate) use error::Fault;

/// How much a document may ask of its reader (nemkonto.md 3.11, rule 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes in the whole document.
    pub bytes: u64,
    /// Elements open at once.
    pub depth: usize,
    /// Bytes in one token: a tag, a run of text, a comment.
    pub token: usize,
    /// Attributes and namespace declarations on one element; also namespace declarations in force at once.
    pub attributes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { bytes: 50 * 1024 * 1024, depth: 32, token: 64 * 1024, attributes: 64 }
    }
}
