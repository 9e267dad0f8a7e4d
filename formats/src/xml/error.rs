//! What is wrong, and where: line, column and element path. Never the value, which may be personal.

use std::borrow::Cow;
use std::fmt;
use std::io;

/// What sort of fault stops a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The input could not be read; says nothing of the document.
    Io,
    /// Not a well-formed XML document, or one with a DTD or in another encoding.
    Malformed,
    /// Larger, deeper or longer than [`super::Limits`] allows.
    Limit,
    /// A root element of the right namespace which nobody here knows: for quarantine with alarm.
    UnknownMessage,
    /// An element or attribute that is missing, superfluous, out of order, or in a wrong namespace.
    Structure,
    /// A value that does not have the form its element asks for.
    Value,
    /// A rule between fields (totals, completeness) is broken.
    Rule,
}

/// A fault and its place. Displays as `line 7, column 12, /a/b: rule`.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    rule: Cow<'static, str>,
    line: u64,
    column: u64,
    path: String,
    source: Option<io::Error>,
}

impl Error {
    pub(crate) fn new(fault: Fault, line: u64, column: u64, path: String) -> Error {
        Error { kind: fault.kind, rule: fault.rule, line, column, path, source: fault.source }
    }

    /// What sort of fault it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }
    /// The rule that was broken, in words; holds names of elements but never a value.
    pub fn rule(&self) -> &str {
        &self.rule
    }
    /// The line, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }
    /// The column in characters, from 1: where the token at fault begins.
    pub fn column(&self) -> u64 {
        self.column
    }
    /// The open elements as written, `/nks:NKSResponse8/nks:GnlInf`.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "/" } else { &self.path };
        write!(f, "line {}, column {}, {path}: {}", self.line, self.column, self.rule)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|e| e as _)
    }
}

/// A fault before it has a place.
#[derive(Debug)]
pub(crate) struct Fault {
    kind: Kind,
    rule: Cow<'static, str>,
    source: Option<io::Error>,
}

impl Fault {
    pub(crate) fn new(kind: Kind, rule: impl Into<Cow<'static, str>>) -> Fault {
        Fault { kind, rule: rule.into(), source: None }
    }
    pub(crate) fn malformed(rule: &'static str) -> Fault {
        Fault::new(Kind::Malformed, rule)
    }
    pub(crate) fn limit(rule: &'static str) -> Fault {
        Fault::new(Kind::Limit, rule)
    }
    pub(crate) fn io(source: io::Error) -> Fault {
        Fault { kind: Kind::Io, rule: "the input could not be read".into(), source: Some(source) }
    }
}
