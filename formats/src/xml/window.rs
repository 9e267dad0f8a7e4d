//! The piece of the document in sight: checked text, a little of it at a time.
//!
//! Every byte passes here once and is checked once: UTF-8, and the characters XML knows. A fault is kept until
//! the text before it has been read, so that the same bytes fail at the same place however they arrive.

use std::io::BufRead;
use std::str;

use super::names::first_illegal;
use super::{Fault, Limits};

/// Most bytes taken from the input at a time.
const CHUNK: usize = 64 * 1024;

pub(super) struct Window<R> {
    input: R,
    /// Checked text; what lies before `at` is done with, but stays until more is read.
    pub(super) text: String,
    /// Where the token being read begins.
    pub(super) at: usize,
    /// The first bytes of a character that the input cut in two.
    cut: [u8; 4],
    cut_len: usize,
    ended: bool,
    /// What stands right behind `text`.
    fault: Option<Fault>,
    left: u64,
    token: usize,
    /// Place of the first character of `text`, from 0.
    line: u64,
    column: u64,
}

impl<R: BufRead> Window<R> {
    pub(super) fn new(input: R, limits: &Limits) -> Window<R> {
        Window {
            input,
            text: String::new(),
            at: 0,
            cut: [0; 4],
            cut_len: 0,
            ended: false,
            fault: None,
            left: limits.bytes,
            token: limits.token,
            line: 0,
            column: 0,
        }
    }

    /// What is in sight of the token being read and what follows it.
    #[inline]
    pub(super) fn rest(&self) -> &[u8] {
        &self.text.as_bytes()[self.at..]
    }

    /// Brings more into sight; `false` at the end of the document. Offsets from `at` stay right.
    pub(super) fn more(&mut self) -> Result<bool, Fault> {
        self.forget();
        if self.text.len() > self.token {
            return Err(Fault::limit("a tag, text or comment is too long"));
        }
        // As much again as is in sight: however small the pieces, a token is looked at a few times only.
        let before = self.text.len();
        let enough = (2 * before).max(1);
        while self.text.len() < enough && !self.ended && self.fault.is_none() {
            self.read()?;
        }
        if self.text.len() > before {
            return Ok(true);
        }
        match self.fault.take() {
            Some(fault) => Err(fault),
            None => Ok(false),
        }
    }

    /// Where an offset in `text` lies: line and column, from 1.
    pub(super) fn place(&self, offset: usize) -> (u64, u64) {
        let (line, column) = advance(self.line, self.column, &self.text[..offset]);
        (line + 1, column + 1)
    }

    fn forget(&mut self) {
        (self.line, self.column) = advance(self.line, self.column, &self.text[..self.at]);
        self.text.drain(..self.at);
        self.at = 0;
    }

    fn read(&mut self) -> Result<(), Fault> {
        let chunk = loop {
            match self.input.fill_buf() {
                Ok(chunk) => break chunk,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Fault::io(error)),
            }
        };
        if chunk.is_empty() {
            self.ended = true;
            if self.cut_len > 0 {
                self.fault = Some(not_utf8());
            }
            return Ok(());
        }
        if self.left == 0 {
            self.fault = Some(Fault::limit("the document is too large"));
            return Ok(());
        }
        let most = usize::try_from(self.left).map_or(CHUNK, |left| left.min(CHUNK));
        let taken = chunk.len().min(most);
        let check = check(&mut self.cut, &mut self.cut_len, &chunk[..taken], &mut self.text);
        self.input.consume(taken);
        self.left -= taken as u64;
        self.fault = check.err();
        Ok(())
    }
}

fn not_utf8() -> Fault {
    Fault::malformed("not UTF-8")
}

fn advance(line: u64, column: u64, passed: &str) -> (u64, u64) {
    let lines = memchr::memchr_iter(b'\n', passed.as_bytes()).count() as u64;
    match passed.rfind('\n') {
        None => (line, column + passed.chars().count() as u64),
        Some(last) => (line + lines, passed[last + 1..].chars().count() as u64),
    }
}

/// Appends the characters of `chunk` to `text`, the first perhaps begun in `cut`; leaves a cut last one in `cut`.
fn check(cut: &mut [u8; 4], cut_len: &mut usize, chunk: &[u8], text: &mut String) -> Result<(), Fault> {
    let mut rest = chunk;
    while *cut_len > 0 {
        let Some((first, others)) = rest.split_first() else { return Ok(()) };
        cut[*cut_len] = *first;
        *cut_len += 1;
        rest = others;
        match str::from_utf8(&cut[..*cut_len]) {
            Ok(character) => {
                *cut_len = 0;
                append(character, text)?;
            }
            Err(error) if error.error_len().is_none() => {}
            Err(_) => return Err(not_utf8()),
        }
    }
    let error = match str::from_utf8(rest) {
        Ok(good) => return append(good, text),
        Err(error) => error,
    };
    let (good, bad) = rest.split_at(error.valid_up_to());
    append(str::from_utf8(good).map_err(|_| not_utf8())?, text)?;
    if error.error_len().is_some() {
        return Err(not_utf8());
    }
    cut[..bad.len()].copy_from_slice(bad);
    *cut_len = bad.len();
    Ok(())
}

fn append(good: &str, text: &mut String) -> Result<(), Fault> {
    let illegal = first_illegal(good);
    text.push_str(&good[..illegal.unwrap_or(good.len())]);
    match illegal {
        Some(_) => Err(Fault::malformed("a character that XML does not know")),
        None => Ok(()),
    }
}
