//! Escaped text out; elements out: a buffer that fills, and goes on to the sink when it is full.

use std::io;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::vocabulary::{Ore, Uuid};

/// Appends `text` as element content: `&`, `<` and `>` escaped.
#[inline]
pub fn push_text(out: &mut Vec<u8>, text: &str) {
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escaped: &[u8] = match byte {
            b'&' => b"&amp;",
            b'<' => b"&lt;",
            b'>' => b"&gt;",
            b'\r' => b"&#13;",
            _ => continue,
        };
        out.extend_from_slice(&text.as_bytes()[from..at]);
        out.extend_from_slice(escaped);
        from = at + 1;
    }
    out.extend_from_slice(&text.as_bytes()[from..]);
}

/// Appends `text` as an attribute's value between double quotes.
pub fn push_attribute(out: &mut Vec<u8>, text: &str) {
    for character in text.chars() {
        match character {
            '"' => out.extend_from_slice(b"&quot;"),
            '\t' => out.extend_from_slice(b"&#9;"),
            '\n' => out.extend_from_slice(b"&#10;"),
            _ => push_text(out, character.encode_utf8(&mut [0; 4])),
        }
    }
}

/// When the buffer goes on to the sink.
const FULL: usize = 64 * 1024;

/// A namespace and the prefix it is written with; an empty prefix is none.
pub(crate) struct Space {
    pub(crate) prefix: &'static str,
    pub(crate) uri: &'static str,
}

/// A sink with a buffer before it. Elements are named by the place of their namespace in a list (or
/// [`super::model::UNQUALIFIED`]), and by local name.
pub(crate) struct Out<W> {
    sink: W,
    pub(crate) buffer: Vec<u8>,
    spaces: &'static [Space],
}

impl<W: io::Write> Out<W> {
    /// Begins a document: declaration and root, on which the `declared` of the namespaces are declared.
    pub(crate) fn begin(
        sink: W,
        spaces: &'static [Space],
        (space, root): (u8, &str),
        declared: &[u8],
    ) -> Out<W> {
        let mut out = Out { sink, buffer: Vec::with_capacity(FULL + FULL / 4), spaces };
        out.raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        out.tag("<", space, root);
        for place in declared {
            let Space { prefix, uri } = &spaces[usize::from(*place)];
            let colon = if prefix.is_empty() { "" } else { ":" };
            for piece in [" xmlns", colon, prefix, "=\"", uri, "\""] {
                out.raw(piece);
            }
        }
        out.raw(">\n");
        out
    }

    /// Lets the buffer go on when it is full.
    #[inline]
    pub(crate) fn settle(&mut self) -> io::Result<()> {
        if self.buffer.len() < FULL {
            return Ok(());
        }
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Ends the document and gives the sink back, flushed.
    pub(crate) fn finish(mut self, (space, root): (u8, &str)) -> io::Result<W> {
        self.close(space, root);
        self.line();
        self.flush()?;
        self.sink.flush()?;
        Ok(self.sink)
    }

    #[inline]
    pub(crate) fn raw(&mut self, text: &str) {
        self.buffer.extend_from_slice(text.as_bytes());
    }

    #[inline]
    pub(crate) fn line(&mut self) {
        self.buffer.push(b'\n');
    }

    /// `<`, `</` or a blank, and the name with its prefix.
    #[inline]
    pub(crate) fn tag(&mut self, begin: &str, space: u8, name: &str) {
        self.raw(begin);
        // What is in no namespace has no place in the list.
        let prefix = self.spaces.get(usize::from(space)).map_or("", |space| space.prefix);
        if !prefix.is_empty() {
            self.raw(prefix);
            self.buffer.push(b':');
        }
        self.raw(name);
    }

    #[inline]
    pub(crate) fn open(&mut self, space: u8, name: &str) {
        self.tag("<", space, name);
        self.buffer.push(b'>');
    }

    #[inline]
    pub(crate) fn close(&mut self, space: u8, name: &str) {
        self.tag("</", space, name);
        self.buffer.push(b'>');
    }

    #[inline]
    pub(crate) fn leaf(&mut self, space: u8, name: &str, text: &str) {
        self.open(space, name);
        push_text(&mut self.buffer, text);
        self.close(space, name);
    }

    /// An element whose text needs no escaping.
    #[inline]
    pub(crate) fn plain(&mut self, space: u8, name: &str, text: &[u8]) {
        self.open(space, name);
        self.buffer.extend_from_slice(text);
        self.close(space, name);
    }

    #[inline]
    pub(crate) fn uuid(&mut self, space: u8, name: &str, id: Uuid) {
        self.plain(space, name, &id.written());
    }

    #[inline]
    pub(crate) fn day(&mut self, space: u8, name: &str, day: Date) {
        self.open(space, name);
        push_day(&mut self.buffer, day);
        self.close(space, name);
    }

    /// An instant in UTC with `Z`, in whole seconds.
    pub(crate) fn instant(&mut self, space: u8, name: &str, at: Timestamp) {
        let civil = jiff::tz::Offset::UTC.to_datetime(at);
        self.leaf(space, name, &civil.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    }

    /// An amount that is not negative, with two decimals.
    #[inline]
    pub(crate) fn decimal2(&mut self, space: u8, name: &str, amount: Ore) {
        self.open(space, name);
        push_decimal2(&mut self.buffer, amount);
        self.close(space, name);
    }
}

/// Appends a number, zero-filled to at least `width` digits (at most 20).
#[inline]
pub(crate) fn push_digits(out: &mut Vec<u8>, number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut rest = number;
    let mut first = 20;
    while rest > 0 {
        first -= 1;
        digits[first] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&digits[first.min(20 - width)..]);
}

/// Appends the size of an amount with a point and two decimals.
#[inline]
pub(crate) fn push_decimal2(out: &mut Vec<u8>, amount: Ore) {
    let size = amount.magnitude();
    push_digits(out, size / 100, 1);
    out.push(b'.');
    push_digits(out, size % 100, 2);
}

#[inline]
fn push_day(out: &mut Vec<u8>, day: Date) {
    push_digits(out, u64::from(day.year().unsigned_abs()), 4);
    out.push(b'-');
    push_digits(out, u64::from(day.month().unsigned_abs()), 2);
    out.push(b'-');
    push_digits(out, u64::from(day.day().unsigned_abs()), 2);
}
