//! What sort of file it is, by its content; and its bytes, block by block. Never holds a file in memory.

use std::io::{Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use memchr::memmem;
use sha2::{Digest, Sha256};
use toek_adapters::disk::{Disk, DiskError, DiskFile, RealDisk};
use toek_formats::g68::{Charset, Detector, Mode, Physical};

use super::super::Printer;
use crate::pipelines::Progress;

/// Bytes read at a time.
pub(in crate::cli) const BLOCK: usize = 256 * 1024;
/// Smaller files are through before anybody looks at a progress bar.
const LARGE: u64 = 8 * 1024 * 1024;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Kind {
    /// Payment requests, in this physical form.
    G68(Physical),
    /// Payment requests by its beginning, but with more bytes than are read.
    TooLarge,
    /// A message to or from NemKonto, or at least XML.
    Xml,
    /// Nothing we know.
    Unknown,
}

/// A file that was looked at.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Source {
    /// Where it is.
    pub(in crate::cli) path: PathBuf,
    /// As messages call it: the path as it was given.
    pub(in crate::cli) shown: String,
    /// Bytes.
    pub(in crate::cli) size: u64,
    /// What it holds.
    pub(in crate::cli) kind: Kind,
}

/// What a whole file looks like from outside.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Outside {
    /// In hexadecimal.
    pub(in crate::cli) sha256: String,
    /// Line ends, and a last line without one.
    pub(in crate::cli) lines: u64,
}

impl Source {
    /// Looks at a file: of what is no G68 only its beginning, of G68 all, for its physical form, unless it has more
    /// than `most` bytes.
    pub(in crate::cli) fn look(
        path: &Path,
        record_length: usize,
        most: u64,
        printer: &Printer,
    ) -> anyhow::Result<Source> {
        let shown = path.display().to_string();
        let entry = RealDisk.entry(path)?.with_context(|| format!("{shown} does not exist"))?;
        if entry.is_dir {
            bail!("{shown} is a folder; name the files in it");
        }
        let mut head = vec![0; BLOCK];
        let length =
            fill(&mut *RealDisk.open(path)?, &mut head).map_err(|e| DiskError::new("read", path, e))?;
        head.truncate(length);
        let mut source = Source { path: path.to_owned(), shown, size: entry.size, kind: Kind::Xml };
        source.kind = match signature(&head, &entry.name, entry.size) {
            Signature::G68 if entry.size > most => Kind::TooLarge,
            Signature::G68 => Kind::G68(source.physical(record_length, printer)?),
            Signature::Xml => Kind::Xml,
            Signature::None => Kind::Unknown,
        };
        Ok(source)
    }

    fn physical(&self, record_length: usize, printer: &Printer) -> anyhow::Result<Physical> {
        let mut detector = Detector::new(None).with_record_length(record_length);
        self.each_block(printer, |block| detector.feed(block))?;
        Ok(detector.finish())
    }

    /// The file's bytes, block by block, with a progress bar when it is large.
    pub(in crate::cli) fn each_block(
        &self,
        printer: &Printer,
        mut take: impl FnMut(&[u8]),
    ) -> anyhow::Result<()> {
        self.blocks_while(printer, |block| {
            take(block);
            true
        })
    }

    /// The same until `take` has enough.
    pub(in crate::cli) fn blocks_while(
        &self,
        printer: &Printer,
        mut take: impl FnMut(&[u8]) -> bool,
    ) -> anyhow::Result<()> {
        let mut file = RealDisk.open(&self.path)?;
        let mut buffer = vec![0; BLOCK];
        let mut done = 0;
        loop {
            let length = fill(&mut *file, &mut buffer).map_err(|e| DiskError::new("read", &self.path, e))?;
            if length == 0 || !take(buffer.get(..length).unwrap_or(&[])) {
                break;
            }
            done += length as u64;
            if self.size > LARGE {
                printer.at(&self.shown, done, self.size);
            }
        }
        printer.finish_progress();
        Ok(())
    }

    /// Hash and lines of the whole file.
    pub(in crate::cli) fn outside(&self, printer: &Printer) -> anyhow::Result<Outside> {
        let charset = self.charset();
        let (mut hash, mut ends, mut open) = (Sha256::new(), 0, false);
        self.each_block(printer, |block| {
            hash.update(block);
            ends += line_ends(charset, block).count() as u64;
            open = !block.last().is_some_and(|byte| is_line_end(charset, *byte));
        })?;
        let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Outside { sha256, lines: ends + u64::from(open) })
    }

    fn charset(&self) -> Charset {
        match self.kind {
            Kind::G68(physical) => physical.charset,
            Kind::TooLarge | Kind::Xml | Kind::Unknown => Charset::Utf8,
        }
    }

    /// The beginning of some lines (or blocks) of a G68 file in ISO-8859-1, by line number; `wanted` ascends.
    /// Blocks of UTF-8, which nobody is known to send, are not looked for.
    pub(in crate::cli) fn lines(
        &self,
        wanted: &[u32],
        record_length: usize,
        printer: &Printer,
    ) -> anyhow::Result<Vec<(u32, Vec<u8>)>> {
        let Kind::G68(physical) = self.kind else { return Ok(Vec::new()) };
        let mut found = match (physical.mode, physical.charset) {
            (Mode::Line, charset) => self.cut_lines(wanted, charset, printer)?,
            (Mode::Block, Charset::Utf8) => Vec::new(),
            (Mode::Block, _) => self.cut_blocks(wanted, record_length)?,
        };
        for (line, bytes) in &mut found {
            if physical.bom && *line == 1 {
                bytes.drain(..bytes.len().min(3));
            }
            let latin1 = toek_formats::g68::decode(physical.charset, bytes, &mut Vec::new()).to_vec();
            *bytes = latin1;
        }
        Ok(found)
    }

    fn cut_lines(
        &self,
        wanted: &[u32],
        charset: Charset,
        printer: &Printer,
    ) -> anyhow::Result<Vec<(u32, Vec<u8>)>> {
        let mut found: Vec<(u32, Vec<u8>)> = wanted.iter().map(|line| (*line, Vec::new())).collect();
        let mut line = 1;
        self.each_block(printer, |block| {
            let mut from = 0;
            for end in line_ends(charset, block).chain([block.len()]) {
                if let Some((_, bytes)) = found.iter_mut().find(|(number, _)| *number == line) {
                    let room = LONGEST_SHOWN.saturating_sub(bytes.len());
                    let piece = block.get(from..end).unwrap_or(&[]);
                    bytes.extend_from_slice(piece.get(..room).unwrap_or(piece));
                }
                line += u32::from(end < block.len());
                from = end + 1;
            }
        })?;
        for (_, bytes) in &mut found {
            if bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
        }
        Ok(found)
    }

    fn cut_blocks(&self, wanted: &[u32], record_length: usize) -> anyhow::Result<Vec<(u32, Vec<u8>)>> {
        let mut file = RealDisk.open(&self.path)?;
        let at = |e| DiskError::new("read", &self.path, e);
        let mut found = Vec::new();
        for line in wanted {
            let offset = u64::from(line.saturating_sub(1)) * record_length as u64;
            file.seek(SeekFrom::Start(offset)).map_err(at)?;
            let mut bytes = vec![0; record_length];
            let length = fill(&mut *file, &mut bytes).map_err(at)?;
            bytes.truncate(length);
            found.push((*line, bytes));
        }
        Ok(found)
    }
}

/// More of a line than any lawful record has is not kept for showing.
const LONGEST_SHOWN: usize = 16 * 1024;

/// The line ends of EBCDIC 277: line feed and new line.
const EBCDIC_LINE_ENDS: [u8; 2] = [0x25, 0x15];

fn is_line_end(charset: Charset, byte: u8) -> bool {
    match charset {
        Charset::Latin1 | Charset::Utf8 => byte == b'\n',
        Charset::Ebcdic277 => EBCDIC_LINE_ENDS.contains(&byte),
    }
}

fn line_ends(charset: Charset, block: &[u8]) -> impl Iterator<Item = usize> {
    let [one, other] = match charset {
        Charset::Latin1 | Charset::Utf8 => [b'\n'; 2],
        Charset::Ebcdic277 => EBCDIC_LINE_ENDS,
    };
    memchr::memchr2_iter(one, other, block)
}

/// Reads until the buffer is full or the file ends; how many bytes it read.
fn fill(file: &mut dyn DiskFile, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut length = 0;
    while let Some(rest) = buffer.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signature {
    G68,
    Xml,
    None,
}

/// What G68 deliveries hold near their beginning; the first two also in EBCDIC 277.
const MARKS: [&[u8]; 7] =
    [b"Z300", b"SLUTD", b"G68", b"G69", b"\xE9\xF3\xF0\xF0", b"\xC7\xF6\xF8", b"\xC7\xF6\xF9"];

/// Tells by the beginning of a file; where that says nothing, by the end of its name: of XML always, of G68 only when
/// the beginning is all there is.
fn signature(head: &[u8], name: &str, size: u64) -> Signature {
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let first = text.iter().find(|byte| !byte.is_ascii_whitespace());
    let utf16: [&[u8]; 3] = [b"\xFF\xFE<\0", b"\xFE\xFF\0<", b"\0<"];
    if first == Some(&b'<') || utf16.iter().any(|mark| head.starts_with(mark)) {
        return Signature::Xml;
    }
    if MARKS.iter().any(|mark| memmem::find(head, mark).is_some()) {
        return Signature::G68;
    }
    let has_ending = |ending: &str| {
        Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case(ending))
    };
    match () {
        () if has_ending("xml") => Signature::Xml,
        () if has_ending("g68") && size == head.len() as u64 => Signature::G68,
        () => Signature::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_their_content_and_then_by_their_name() {
        let table: [(&[u8], &str, Signature); 11] = [
            (b"Z300 07516      0281\n", "a.txt", Signature::G68),
            (b"000G68000010751", "a.xml", Signature::G68),
            (b"\xE9\xF3\xF0\xF0\x40", "a", Signature::G68),
            (b"\xEF\xBB\xBF <x/>", "a.g68", Signature::Xml),
            (b"\n<!-- G68 -->", "a", Signature::Xml),
            (b"\xFF\xFE<\0", "a", Signature::Xml),
            (b"", "a.xml", Signature::Xml),
            (b"\0\0\0\0", "A.G68", Signature::G68),
            (b"\0\0\0\0", "a.bin", Signature::None),
            (b"", "g68", Signature::None),
            (b"name;cpr", "list.csv", Signature::None),
        ];
        for (head, name, expected) in table {
            assert_eq!(signature(head, name, head.len() as u64), expected, "{name} {head:?}");
        }
        assert_eq!(signature(b"\0\0", "a.g68", 3), Signature::None, "more of nothing");
    }
}
