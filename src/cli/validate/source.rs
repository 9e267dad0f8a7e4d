//! The piece of an XML document around a place, with everything masked that may be personal.
//!
//! Shows too little rather than too much: only values of elements and attributes named here are in clear, and only
//! where the markup around them is whole.

use memchr::memchr;
use toek_formats::nemkonto::{mask_cpr, names};

use super::super::Printer;
use super::super::inspect::detect::Source;
use super::draw::Excerpt;

/// Characters kept on each side of the place: enough markup to tell what the text in between belongs to.
const AROUND: u64 = 2_000;

/// Elements whose text is never personal.
const OPEN_ELEMENTS: [&str; 20] = [
    names::MESSAGE_ID,
    names::TIMESTAMP,
    names::REF_TO_MESSAGE_ID,
    names::ACTION,
    names::CRE_DT_TM,
    names::CTRL_SUM,
    names::NB_OF_TXS,
    names::ISSR,
    names::PMT_INITN_STS_ID,
    names::GRP_ID,
    names::GRP_STS,
    names::TX_STS,
    names::STS_RSN,
    names::REQD_EXCTN_DT,
    names::INSTR_ID,
    names::END_TO_END_ID,
    names::INSTD_AMT,
    names::INCOMPLETE_PAYMENT_INDICATOR,
    names::ORGNL_MSG_TP,
    names::CHRG_BR,
];

/// Attributes whose value is never personal; those that declare namespaces too.
const OPEN_ATTRIBUTES: [&str; 7] = [
    names::HEADER_ID,
    names::HEADER_VERSION_NAME,
    names::CCY,
    "encoding",
    "standalone",
    "schemaLocation",
    "type",
];

/// The line around a place, `column` counted in characters.
pub(super) fn excerpt(source: &Source, printer: &Printer, line: u64, column: u64) -> anyhow::Result<Excerpt> {
    let mut finder = Finder::new(line, column);
    source.blocks_while(printer, |block| {
        finder.feed(block);
        !finder.ended
    })?;
    let kept = String::from_utf8_lossy(&finder.kept);
    let text = masked(&kept);
    Ok(Excerpt {
        characters: text.chars().collect(),
        first: usize::try_from(finder.first()).unwrap_or(usize::MAX),
        goes_on: finder.goes_on,
    })
}

/// Keeps the bytes around one place of a document that passes by.
struct Finder {
    /// Lines still to be passed.
    lines: u64,
    /// Column of the character before the next, in the line that is looked for.
    at: u64,
    column: u64,
    kept: Vec<u8>,
    ended: bool,
    goes_on: bool,
}

impl Finder {
    fn new(line: u64, column: u64) -> Finder {
        Finder {
            lines: line.saturating_sub(1),
            at: 0,
            column,
            kept: Vec::new(),
            ended: false,
            goes_on: false,
        }
    }

    /// The first column that is kept.
    fn first(&self) -> u64 {
        self.column.saturating_sub(AROUND).max(1)
    }

    fn feed(&mut self, block: &[u8]) {
        let mut rest = block;
        while self.lines > 0 {
            let Some(end) = memchr(b'\n', rest) else { return };
            rest = rest.get(end + 1..).unwrap_or(&[]);
            self.lines -= 1;
        }
        if !self.ended {
            rest.iter().for_each(|byte| self.take(*byte));
        }
    }

    fn take(&mut self, byte: u8) {
        if self.ended {
            return;
        }
        let begins = byte & 0xC0 != 0x80;
        self.at += u64::from(begins);
        let beyond = self.at > self.column + AROUND;
        if byte == b'\n' || beyond {
            (self.ended, self.goes_on) = (true, beyond);
        } else if self.at >= self.first() && byte != b'\r' {
            self.kept.push(byte);
        }
    }
}

/// The text with what may be personal starred out; as many characters as before.
fn masked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut opened = None; // the element whose start tag stands right before the text
    while !rest.is_empty() {
        let (content, markup) = rest.split_at(rest.find('<').unwrap_or(rest.len()));
        let closed = end_tag_name(markup);
        let is_open =
            opened.is_some() && opened == closed && closed.is_some_and(|n| OPEN_ELEMENTS.contains(&n));
        if is_open {
            out.push_str(content)
        } else {
            star(content, &mut out)
        }
        opened = None;
        rest = markup;
        if let Some(inside) = markup.strip_prefix('<') {
            out.push('<');
            let end = inside.find(['<', '>']).unwrap_or(inside.len());
            let (tag, behind) = inside.split_at(end);
            let is_whole = behind.starts_with('>');
            mask_tag(tag, is_whole, &mut out);
            opened = Some(local(tag_name(tag))).filter(|_| is_whole && !tag.starts_with('/'));
            rest = behind.strip_prefix('>').unwrap_or(behind);
            if is_whole {
                out.push('>');
            }
        }
    }
    mask_cpr(&out).unwrap_or(out)
}

fn star(text: &str, out: &mut String) {
    out.extend(text.chars().map(|c| if c.is_whitespace() { c } else { '*' }));
}

/// The local name of the end tag that `markup` begins with.
fn end_tag_name(markup: &str) -> Option<&str> {
    let (name, _) = markup.strip_prefix("</")?.split_once('>')?;
    Some(local(name.trim_end()))
}

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// The name of a tag, without `/` or `?` before it; empty when it begins with no letter.
fn tag_name(tag: &str) -> &str {
    let inner = tag.strip_prefix(['/', '?']).unwrap_or(tag);
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '-' | '.');
    let end = inner.find(|c| !is_name(c)).unwrap_or(inner.len());
    let name = inner.get(..end).unwrap_or("");
    if name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') { name } else { "" }
}

/// What stands between `<` and `>`: the name in clear, then names of attributes, and the values that may be seen.
/// Of a tag that does not end, or has no name, nothing but the name.
fn mask_tag(tag: &str, is_whole: bool, out: &mut String) {
    let name = tag_name(tag);
    let head = tag.len() - tag.trim_start_matches(['/', '?']).len();
    let (before, rest) = tag.split_at((head.min(1) + name.len()).min(tag.len()));
    if name.is_empty() || !is_whole {
        let shown = if name.is_empty() { 0 } else { before.len() };
        let (clear, hidden) = tag.split_at(shown);
        out.push_str(clear);
        return star(hidden, out);
    }
    out.push_str(before);
    mask_attributes(rest, out);
}

/// Names and values one after the other; words that are no attribute are starred out.
fn mask_attributes(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(equals) = rest.find('=') {
        let (before, value) = rest.split_at(equals + 1);
        let name = before.trim_end_matches('=').trim_end();
        let name = name.rsplit(char::is_whitespace).next().unwrap_or(name);
        let (words, own) = before.split_at(before.rfind(name).unwrap_or(0));
        star(words, out);
        out.push_str(own);
        rest = mask_value(name, value, out);
    }
    out.extend(rest.chars().map(|c| if c.is_whitespace() || matches!(c, '/' | '?') { c } else { '*' }));
}

/// Masks the value that `text` begins with; gives what stands behind it.
fn mask_value<'a>(name: &str, text: &'a str, out: &mut String) -> &'a str {
    let is_open = OPEN_ATTRIBUTES.contains(&local(name)) || name == "xmlns" || name.starts_with("xmlns:");
    let (blanks, text) = text.split_at(text.len() - text.trim_start().len());
    out.push_str(blanks);
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''));
    let end = match quote {
        Some(quote) => text.get(1..).and_then(|inner| inner.find(quote)).map(|end| end + 2),
        None => text.find(char::is_whitespace),
    };
    let (value, behind) = text.split_at(end.unwrap_or(text.len()));
    if is_open && end.is_some() && quote.is_some() {
        out.push_str(value);
    } else {
        out.extend(value.chars().map(|c| if c.is_whitespace() || Some(c) == quote { c } else { '*' }));
    }
    behind
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_to_be_harmless_is_shown() {
        let table = [
            ("<a:TxSts>ACPT</a:TxSts>", "<a:TxSts>ACPT</a:TxSts>"),
            ("<TxSts>ACPT</GrpSts>", "<TxSts>****</GrpSts>"),
            ("<SclSctyNb>0101010101</SclSctyNb>", "<SclSctyNb>**********</SclSctyNb>"),
            ("Niels</Nm><Nm>Ole & Eva</Nm>", "*****</Nm><Nm>*** * ***</Nm>"),
            ("<TxSts>ACPT", "<TxSts>****"),
            ("ACPT</TxSts>", "****</TxSts>"),
            ("<Nm>a < 0101010101 b</Nm>", "<Nm>* < ********** *</Nm>"),
            ("<Nm>a <0101010101</Nm>", "<Nm>* <**********</Nm>"),
            ("<InstdAmt Ccy=\"DKK\">1</InstdAmt>", "<InstdAmt Ccy=\"DKK\">1</InstdAmt>"),
            ("<InstdAmt Ccy=DKK>1</InstdAmt>", "<InstdAmt Ccy=***>1</InstdAmt>"),
            ("<a x='Ole'/>", "<a x='***'/>"),
            ("<a x='Ole", "<a ******"),
            ("<Nm Ole b = 'Eva' Hansen/>", "<Nm *** b = '***' ******/>"),
            ("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"),
            ("<!-- Ole -->", "<*** *** **>"),
            ("<EndToEndId>610180-0002</EndToEndId>", "<EndToEndId>******-****</EndToEndId>"),
            ("", ""),
        ];
        for (text, expected) in table {
            assert_eq!(masked(text), expected, "{text}");
            assert_eq!(masked(text).chars().count(), text.chars().count(), "{text}");
        }
    }

    #[test]
    fn the_place_is_found_in_blocks_of_any_size() {
        let text = format!("<a>\r\n<æ>{}X{}\n<b>", "ø".repeat(5_000), "y".repeat(3_000));
        for size in [1, 7, 4096, 100_000] {
            let mut finder = Finder::new(2, 5_004);
            text.as_bytes().chunks(size).for_each(|block| finder.feed(block));
            let kept = String::from_utf8(finder.kept.clone()).unwrap();
            assert_eq!(kept.chars().nth((5_004 - finder.first()) as usize), Some('X'));
            assert!(finder.goes_on);
            assert_eq!(kept.chars().count() as u64, 2 * AROUND + 1);
        }
    }
}
