//! The physical form of a delivery: character set, lines or blocks, and where a record begins and ends.

use memchr::{memchr, memchr2};

use super::charset::{self, Charset, EBCDIC_LF, EBCDIC_NEL};

/// How records are told apart (g68.md 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// One record a line; CRLF and LF, also mixed.
    Line,
    /// No line ends; every record blank-filled to the record length.
    Block,
}

/// What a delivery looks like before any record is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Physical {
    /// The character set.
    pub charset: Charset,
    /// Lines or blocks.
    pub mode: Mode,
    /// Whether the file begins with a UTF-8 byte order mark, which is no part of the first record.
    pub bom: bool,
}

/// The columns of a fixed record, unless a layout says otherwise.
const RECORD_LENGTH: u64 = 850;
const BOM: [u8; 3] = [0xEF, 0xBB, 0xBF];
/// `Z300` in EBCDIC.
const Z300_EBCDIC: [u8; 4] = [0xE9, 0xF3, 0xF0, 0xF0];

/// Finds out the physical form while the bytes pass by; it keeps none of them.
#[derive(Clone, Debug)]
pub struct Detector {
    configured: Option<Charset>,
    record_length: u64,
    bytes: u64,
    characters: u64,
    head: [u8; 4],
    line_feed: bool,
    ebcdic_line_end: bool,
    utf8: bool,
    multi_byte: bool,
    /// The bytes of a character that a block cut in two.
    pending: [u8; 4],
    pending_len: usize,
}

impl Detector {
    /// A configured character set overrides detection.
    pub fn new(configured: Option<Charset>) -> Detector {
        Detector {
            configured,
            record_length: RECORD_LENGTH,
            bytes: 0,
            characters: 0,
            head: [0; 4],
            line_feed: false,
            ebcdic_line_end: false,
            utf8: true,
            multi_byte: false,
            pending: [0; 4],
            pending_len: 0,
        }
    }

    /// For a layout whose fixed record is not 850 columns long.
    pub fn with_record_length(self, columns: usize) -> Detector {
        Detector { record_length: columns.max(1) as u64, ..self }
    }

    /// The next bytes of the file, in blocks of any size.
    pub fn feed(&mut self, block: &[u8]) {
        let seen = usize::try_from(self.bytes).unwrap_or(usize::MAX);
        for (place, byte) in self.head.iter_mut().skip(seen).zip(block) {
            *place = *byte;
        }
        self.bytes += block.len() as u64;
        self.line_feed = self.line_feed || memchr(b'\n', block).is_some();
        self.ebcdic_line_end = self.ebcdic_line_end || memchr2(EBCDIC_LF, EBCDIC_NEL, block).is_some();
        if self.utf8 {
            self.feed_utf8(block);
        }
    }

    fn feed_utf8(&mut self, block: &[u8]) {
        let mut rest = block;
        while let (1.., Some((byte, after))) = (self.pending_len, rest.split_first()) {
            self.pending[self.pending_len] = *byte;
            self.pending_len += 1;
            rest = after;
            self.resolve_pending();
        }
        if self.pending_len > 0 || !self.utf8 {
            return;
        }
        if rest.is_ascii() {
            self.characters += rest.len() as u64;
            return;
        }
        self.multi_byte = true;
        match std::str::from_utf8(rest) {
            Ok(text) => self.characters += text.chars().count() as u64,
            Err(error) => {
                let (valid, tail) = rest.split_at(error.valid_up_to());
                self.characters += valid.iter().filter(|byte| **byte & 0xC0 != 0x80).count() as u64;
                self.keep_tail(tail, error.error_len().is_none());
            }
        }
    }

    fn keep_tail(&mut self, tail: &[u8], unfinished: bool) {
        match self.pending.get_mut(..tail.len()) {
            Some(kept) if unfinished => {
                kept.copy_from_slice(tail);
                self.pending_len = tail.len();
            }
            _ => self.utf8 = false,
        }
    }

    fn resolve_pending(&mut self) {
        match std::str::from_utf8(&self.pending[..self.pending_len]) {
            Ok(_) => {
                self.multi_byte = true;
                self.characters += 1;
                self.pending_len = 0;
            }
            Err(error) if error.error_len().is_none() && self.pending_len < 4 => {}
            Err(_) => {
                self.utf8 = false;
                self.pending_len = 0;
            }
        }
    }

    /// The form of the whole file.
    pub fn finish(self) -> Physical {
        let charset = self.configured.unwrap_or_else(|| self.detected());
        let bom = charset == Charset::Utf8 && self.bytes >= 3 && self.head[..3] == BOM;
        let line_end = if charset == Charset::Ebcdic277 { self.ebcdic_line_end } else { self.line_feed };
        let columns = match charset {
            Charset::Utf8 if self.utf8 => self.characters - u64::from(bom),
            _ => self.bytes,
        };
        let block = !line_end && columns > 0 && columns.is_multiple_of(self.record_length);
        Physical { charset, mode: if block { Mode::Block } else { Mode::Line }, bom }
    }

    fn detected(&self) -> Charset {
        if self.bytes >= 4 && self.head == Z300_EBCDIC {
            return Charset::Ebcdic277;
        }
        let whole = self.utf8 && self.pending_len == 0;
        let marked = self.bytes >= 3 && self.head[..3] == BOM;
        if marked || (whole && self.multi_byte) { Charset::Utf8 } else { Charset::Latin1 }
    }
}

/// What a record is by its first characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Z300,
    Slutd,
    G68,
    G69,
    Other,
}

/// A record's place in a window of bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) start: usize,
    /// After the last byte of the record, line end not counted.
    pub(super) end: usize,
    /// Where the next record begins.
    pub(super) next: usize,
}

/// What a look at a window gives.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// The record does not end in this window.
    NeedMore,
    /// The input ends here.
    End,
    Record(Frame),
    /// No record is as long as this.
    TooLong,
}

/// Cuts records off a window; never reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Framing {
    physical: Physical,
    record_length: usize,
    /// No line of a lawful record has more bytes.
    longest: usize,
}

impl Framing {
    pub(super) fn new(physical: Physical, record_length: usize, longest_record: usize) -> Framing {
        // A character takes up to four bytes in UTF-8.
        let widest = if physical.charset == Charset::Utf8 { 4 } else { 1 };
        Framing { physical, record_length, longest: longest_record * widest + 2 }
    }

    #[inline]
    pub(super) fn next(&self, window: &[u8], at: usize, at_end: bool) -> Step {
        let rest = window.get(at..).unwrap_or(&[]);
        if rest.is_empty() {
            return if at_end { Step::End } else { Step::NeedMore };
        }
        match self.physical.mode {
            Mode::Line => self.next_line(rest, at, at_end),
            Mode::Block => self.next_block(rest, at, at_end),
        }
    }

    #[inline]
    fn next_line(&self, rest: &[u8], at: usize, at_end: bool) -> Step {
        let near = rest.get(..=self.longest).unwrap_or(rest);
        match self.line_end(near) {
            Some(length) => Step::Record(line_frame(near, at, length, at + length + 1)),
            None if rest.len() > self.longest => Step::TooLong,
            None if at_end => Step::Record(line_frame(near, at, rest.len(), at + rest.len())),
            None => Step::NeedMore,
        }
    }

    fn next_block(&self, rest: &[u8], at: usize, at_end: bool) -> Step {
        let length = match self.physical.charset {
            Charset::Utf8 => utf8_length(rest, self.record_length, at_end),
            Charset::Latin1 | Charset::Ebcdic277 => Some(self.record_length).filter(|n| *n <= rest.len()),
        };
        match length {
            Some(length) => Step::Record(Frame { start: at, end: at + length, next: at + length }),
            None if at_end => Step::Record(Frame { start: at, end: at + rest.len(), next: at + rest.len() }),
            None => Step::NeedMore,
        }
    }

    /// Where the first line end of `bytes` stands.
    #[inline]
    pub(super) fn line_end(&self, bytes: &[u8]) -> Option<usize> {
        match self.physical.charset {
            Charset::Latin1 | Charset::Utf8 => memchr(b'\n', bytes),
            Charset::Ebcdic277 => memchr2(EBCDIC_LF, EBCDIC_NEL, bytes),
        }
    }

    #[inline]
    pub(super) fn kind(&self, record: &[u8]) -> Kind {
        match self.physical.charset {
            Charset::Latin1 | Charset::Utf8 => kind_of(record),
            Charset::Ebcdic277 => kind_of(&charset::head(record)),
        }
    }

    pub(super) fn charset(&self) -> Charset {
        self.physical.charset
    }
}

#[inline]
fn kind_of(record: &[u8]) -> Kind {
    match record {
        [_, _, _, b'G', b'6', b'8', ..] => Kind::G68,
        [_, _, _, b'G', b'6', b'9', ..] => Kind::G69,
        [b'Z', b'3', b'0', b'0', ..] => Kind::Z300,
        [b'S', b'L', b'U', b'T', b'D', ..] => Kind::Slutd,
        _ => Kind::Other,
    }
}

/// A line without its line end, of which a CR before the LF is part.
#[inline]
fn line_frame(line: &[u8], at: usize, length: usize, next: usize) -> Frame {
    let cr = length > 0 && line.get(length - 1) == Some(&b'\r');
    Frame { start: at, end: at + length - usize::from(cr), next }
}

/// The bytes of the first `characters` of UTF-8; `None` when the end of the last one is not in sight.
fn utf8_length(bytes: &[u8], characters: usize, at_end: bool) -> Option<usize> {
    let mut starts = bytes.iter().enumerate().filter(|(_, byte)| **byte & 0xC0 != 0x80);
    match starts.nth(characters) {
        Some((length, _)) => Some(length),
        None => {
            let all = bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count();
            (at_end && all == characters).then_some(bytes.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(configured: Option<Charset>, bytes: &[u8], block: usize) -> Physical {
        let mut detector = Detector::new(configured);
        bytes.chunks(block).for_each(|block| detector.feed(block));
        detector.finish()
    }

    #[test]
    fn forms_are_told_apart_in_blocks_of_any_size() {
        let block = |head: &[u8], fill: u8| {
            let mut bytes = head.to_vec();
            bytes.resize(1700, fill);
            bytes
        };
        let mut utf8_block = "Z300 \u{e6}".as_bytes().to_vec();
        utf8_block.resize(1701, b' ');
        let table: [(&[u8], Charset, Mode, bool); 11] = [
            (b"Z300 07516      0281\n", Charset::Latin1, Mode::Line, false),
            ("Z300\næøå".as_bytes(), Charset::Utf8, Mode::Line, false),
            (b"Z300\n\xE6\xF8", Charset::Latin1, Mode::Line, false),
            ("Z300\næ\u{1F600}".as_bytes(), Charset::Utf8, Mode::Line, false),
            (b"Z300\n\xC3\xA6\xC3", Charset::Latin1, Mode::Line, false),
            (b"\xEF\xBB\xBFZ300\n", Charset::Utf8, Mode::Line, true),
            (&block(b"Z300", b' '), Charset::Latin1, Mode::Block, false),
            (&block(&Z300_EBCDIC, 0x40), Charset::Ebcdic277, Mode::Block, false),
            (&utf8_block, Charset::Utf8, Mode::Block, false),
            (b"\xE9\xF3\xF0\xF0\x25\xF0", Charset::Ebcdic277, Mode::Line, false),
            (b"", Charset::Latin1, Mode::Line, false),
        ];
        for (bytes, charset, mode, bom) in table {
            for size in [1, 2, 3, 7, 4096] {
                assert_eq!(detect(None, bytes, size), Physical { charset, mode, bom }, "{size}");
            }
        }
    }

    #[test]
    fn a_configured_character_set_overrides() {
        let form = detect(Some(Charset::Latin1), "Z300\næ".as_bytes(), 5);
        assert_eq!(form, Physical { charset: Charset::Latin1, mode: Mode::Line, bom: false });
    }
}
