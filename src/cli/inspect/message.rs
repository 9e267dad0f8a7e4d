//! Messages on disk: opened, and told apart by their root.

use std::io::BufReader;
use std::path::Path;

use toek_adapters::disk::{Disk, DiskError, DiskFile, RealDisk};
use toek_formats::bank_statement;
use toek_formats::nemkonto::{Limits, names};
use toek_formats::xml::{Namespace, Reader, Token};

/// A file being read.
pub(in crate::cli) type Input = BufReader<Box<dyn DiskFile>>;

/// Opens a message from its beginning.
pub(in crate::cli) fn open(path: &Path) -> Result<Input, DiskError> {
    Ok(BufReader::with_capacity(1 << 16, RealDisk.open(path)?))
}

/// Whether the root is a bundle's. Of what is no document at all the answers' reader tells the fault.
pub(in crate::cli) fn is_bundle(path: &Path) -> Result<bool, DiskError> {
    Ok(root(path)?.as_deref() == Some(names::PAYMENT))
}

/// Whether the root is an assortment's.
pub(in crate::cli) fn is_assortment(path: &Path) -> Result<bool, DiskError> {
    Ok(root(path)?.as_deref() == Some(toek_formats::assortment::names::ASSORTMENT))
}

/// The root's name, where there is one.
fn root(path: &Path) -> Result<Option<String>, DiskError> {
    let mut reader = Reader::new(open(path)?, Limits::default(), &names::NAMESPACES);
    loop {
        match reader.next() {
            Ok(Token::Start(root)) => return Ok(Some(root.name().local.to_owned())),
            Ok(Token::Text(_) | Token::Cdata(_)) => {}
            Ok(Token::End | Token::Eof) | Err(_) => return Ok(None),
        }
    }
}

/// Whether it is a bank's statements (camt.053), in a version that is read.
pub(in crate::cli) fn is_bank_statement(path: &Path) -> Result<bool, DiskError> {
    const KNOWN: [&str; 2] =
        [bank_statement::Version::V2.namespace(), bank_statement::Version::V8.namespace()];
    let mut reader = Reader::new(open(path)?, Limits::default(), &KNOWN);
    loop {
        match reader.next() {
            Ok(Token::Start(root)) => return Ok(matches!(root.name().namespace, Namespace::Known(_))),
            Ok(Token::Text(_) | Token::Cdata(_)) => {}
            Ok(Token::End | Token::Eof) | Err(_) => return Ok(false),
        }
    }
}
