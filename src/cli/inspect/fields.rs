//! A G68 or G69 record taken apart for showing: which columns hold which field, and what of it may be seen.
//!
//! Shows too little rather than too much: what no known field covers is masked. Checks nothing; the format does that.

use std::ops::Range;

use toek_formats::g68::{Layouts, Slot};
use toek_formats::layout::{Class, Field, Record, bytes};

/// A field of a record.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) struct Piece<'l> {
    /// What the layout says of it; `None` for a field number it does not know.
    pub(in crate::cli) field: Option<&'l Field<Slot>>,
    /// Its number in the floating form.
    pub(in crate::cli) number: Option<u32>,
    /// Offset of its `&` and number, or of the value.
    mark: usize,
    /// Offset of the value.
    at: usize,
    /// Its length.
    length: usize,
}

impl Piece<'_> {
    /// The name in the layout.
    pub(in crate::cli) fn name(&self) -> &'static str {
        use toek_formats::layout::Slot as _;
        self.field.map_or("unknown", |field| field.slot.name())
    }

    /// Whether the value is hidden. Nobody knows what an unknown field holds.
    pub(in crate::cli) fn is_hidden(&self) -> bool {
        self.field.is_none_or(|field| field.personal)
    }

    /// Whether it holds zeros that mean "not given".
    pub(in crate::cli) fn is_zeros(&self, raw: &[u8]) -> bool {
        let value = raw.get(self.at..self.at + self.length).unwrap_or(&[]);
        let means_nothing =
            |field: &Field<Slot>| !field.zero_is_value && matches!(field.class, Class::Digits | Class::Date);
        self.field.is_some_and(means_nothing) && value.iter().all(|byte| *byte == b'0')
    }

    /// The offsets that may be seen: the value unless it is hidden, and what tells the field.
    fn harmless(&self) -> Range<usize> {
        match (self.is_hidden(), self.number) {
            (false, _) => self.mark..self.at + self.length,
            (true, Some(_)) => self.mark..self.at,
            (true, None) => self.mark..self.at.min(self.mark + 1),
        }
    }

    /// The value as it may be shown, without blanks at the end.
    pub(in crate::cli) fn shown(&self, raw: &[u8]) -> String {
        let value = bytes::trim_end(raw.get(self.at..self.at + self.length).unwrap_or(&[]));
        value.iter().map(|byte| if self.is_hidden() { hidden(*byte) } else { visible(*byte) }).collect()
    }
}

/// A character in clear; one that has no shape of its own as U+FFFD, so that columns stay columns.
pub(in crate::cli) fn visible(byte: u8) -> char {
    match byte {
        0xA0 => ' ',
        0xAD => '-', // a soft hyphen has no width
        byte if bytes::printable(byte) => char::from(byte),
        _ => '\u{FFFD}',
    }
}

fn hidden(byte: u8) -> char {
    match byte {
        b' ' | 0xA0 => ' ',
        _ => '*',
    }
}

/// What a line of a delivery is by its first characters.
enum LineKind {
    Start,
    End,
    Payment,
    Finance,
    Other,
}

fn kind_of(raw: &[u8]) -> LineKind {
    match raw {
        [_, _, _, b'G', b'6', b'8', ..] => LineKind::Payment,
        [_, _, _, b'G', b'6', b'9', ..] => LineKind::Finance,
        [b'Z', b'3', b'0', b'0', ..] => LineKind::Start,
        [b'S', b'L', b'U', b'T', b'D', ..] => LineKind::End,
        _ => LineKind::Other,
    }
}

/// The fields of a line in their order, or `None` when its columns mean nothing (g68.md 6.1).
pub(in crate::cli) fn pieces<'l>(layouts: &'l Layouts, raw: &[u8]) -> Option<Vec<Piece<'l>>> {
    let whole = bytes::trim_end(raw);
    match kind_of(whole) {
        LineKind::Start => placed(layouts, "z300", whole),
        LineKind::End => placed(layouts, "slutd", whole),
        LineKind::Finance => finance(layouts, whole),
        LineKind::Payment => payment(layouts, whole),
        LineKind::Other => None,
    }
}

fn head_length(layouts: &Layouts, record: &str) -> usize {
    usize::from(layouts.table().record(record).and_then(|record| record.length).unwrap_or(0))
}

fn payment<'l>(layouts: &'l Layouts, whole: &[u8]) -> Option<Vec<Piece<'l>>> {
    for head in ["g68_head_a", "g68_head_b"] {
        let length = head_length(layouts, head);
        let separator = bytes::next_separator(whole, 0);
        if separator == length && separator < whole.len() && whole.get(length.checked_sub(1)?) == Some(&b'1')
        {
            let mut pieces = placed(layouts, head, whole.get(..length)?)?;
            pieces.extend(floating(layouts, "g68", 2, whole, length));
            return Some(pieces);
        }
    }
    let record = layouts.table().record("g68")?;
    let flag = whole.get(head_length(layouts, "g68_head_a").checked_sub(1)?);
    // A record that is cut short or too long may have lost or won characters anywhere: no column can be trusted.
    let is_whole = whole.len() >= usize::from(record.shortest());
    (flag == Some(&b'0') && is_whole).then(|| placed(layouts, "g68", whole)).flatten()
}

fn finance<'l>(layouts: &'l Layouts, whole: &[u8]) -> Option<Vec<Piece<'l>>> {
    let length = head_length(layouts, "g69_head");
    if whole.get(length) != Some(&b'&') {
        return None;
    }
    let mut pieces = placed(layouts, "g69_head", whole.get(..length)?)?;
    pieces.extend(floating(layouts, "g69", 3, whole, length));
    Some(pieces)
}

/// The fields that have columns; `None` when the line is longer than the record.
fn placed<'l>(layouts: &'l Layouts, record: &str, whole: &[u8]) -> Option<Vec<Piece<'l>>> {
    let record: &Record<Slot> = layouts.table().record(record)?;
    if whole.len() > usize::from(record.length?) {
        return None;
    }
    let fields = record.fields.iter().filter(|field| field.is_placed());
    let piece = |field: &'l Field<Slot>| {
        let at = usize::from(field.from) - 1;
        let length = usize::from(field.length).min(whole.len().saturating_sub(at));
        Piece { field: Some(field), number: None, mark: at, at, length }
    };
    Some(fields.map(piece).collect())
}

/// The fields from `start` on: `&`, a number of `digits` digits, a value, and so on.
fn floating<'l>(
    layouts: &'l Layouts,
    record: &str,
    digits: usize,
    whole: &[u8],
    start: usize,
) -> Vec<Piece<'l>> {
    let fields = layouts.table().record(record).map_or(&[][..], |record| &record.fields);
    let mut pieces = Vec::new();
    let mut at = start;
    while at < whole.len() {
        let end = bytes::next_separator(whole, at + 1);
        let from = (at + 1 + digits).min(end);
        let number = whole.get(at + 1..from).filter(|number| number.len() == digits).and_then(bytes::number);
        let number = number.and_then(|number| u32::try_from(number).ok());
        let holds = |field: &&Field<Slot>| {
            field
                .numbers
                .zip(number)
                .is_some_and(|((first, last), number)| (u32::from(first)..=u32::from(last)).contains(&number))
        };
        // Without a number all of it may be a value.
        let value = if number.is_some() { from } else { (at + 1).min(end) };
        let field = fields.iter().find(holds);
        pieces.push(Piece { field, number, mark: at, at: value, length: end - value });
        at = end;
    }
    pieces
}

/// The line as it may be drawn, a character a column: what is personal, or not known to be harmless, as `*`.
pub(in crate::cli) fn drawable(layouts: &Layouts, raw: &[u8]) -> Vec<char> {
    let mut line: Vec<char> = raw.iter().map(|byte| hidden(*byte)).collect();
    for range in harmless(layouts, raw) {
        let clear = raw.iter().map(|byte| visible(*byte));
        for (place, shown) in line.iter_mut().zip(clear).take(range.end).skip(range.start) {
            *place = shown;
        }
    }
    line
}

/// The offsets that may be seen.
fn harmless(layouts: &Layouts, raw: &[u8]) -> Vec<Range<usize>> {
    if let Some(pieces) = pieces(layouts, raw) {
        return pieces.iter().map(Piece::harmless).collect();
    }
    let head = match kind_of(raw) {
        // So much of the head that no number of a person fits in behind the line number.
        LineKind::Payment | LineKind::Finance => 0..head_length(layouts, "g68_head_a"),
        LineKind::Start => 0..head_length(layouts, "z300"),
        LineKind::End => 0..head_length(layouts, "slutd"),
        // The columns of the interface type, which is what is wrong with it.
        LineKind::Other => 3..6,
    };
    vec![head]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(line: &str) -> String {
        let latin1: Vec<u8> = line.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        drawable(&Layouts::embedded().unwrap(), &latin1).into_iter().collect()
    }

    /// The first record of g68.md 13 in the fixed form, as far as its name.
    fn fixed() -> String {
        let example = include_str!("../../../fixtures/g68/ok/example.utf8.g68");
        example.lines().nth(1).unwrap().to_owned()
    }

    #[test]
    fn what_is_personal_is_covered_in_every_shape() {
        let table = [
            ("Z300 07516      0281", "Z300 07516      0281"),
            ("SLUTD00006", "SLUTD00006"),
            // Behind the end nobody knows what stands.
            ("SLUTD00006000000004621950+ 0101010101", "SLUTD00006000000004621950+ **********"),
            (
                "000G68000010751011&020751&1002&1100000101010101",
                "000G68000010751011&020751&1002&11**************",
            ),
            ("000G6800001011&020751&1100000101010101&40Ole", "000G6800001011&020751&11**************&40***"),
            ("000G68000010751011&990101010101&", "000G68000010751011&99**********&"),
            ("000G68000010751011&x0101010101", "000G68000010751011&***********"),
            (
                "000G6900002075101NORFLYD&10300901&1330101010101",
                "000G6900002075101NORFLYD&10300901&133**********",
            ),
            // No shape: nothing behind the head is known.
            ("000G680000107510170101010101", "000G68000010751017**********"),
            ("000G69000020751010101010101", "000G69000020751010*********"),
            ("0101010101 Ole", "***101**** ***"),
            ("", ""),
        ];
        for (line, expected) in table {
            assert_eq!(drawn(line), expected);
        }
    }

    #[test]
    fn a_fixed_record_shows_what_is_not_personal() {
        let line = drawn(&fixed());
        let column =
            |from: usize, to: usize| line.chars().skip(from - 1).take(to + 1 - from).collect::<String>();
        assert_eq!((column(67, 80), column(81, 94)), ("00001845600+02".to_owned(), "*".repeat(14)));
        assert_eq!((column(179, 180), column(181, 194)), ("02".to_owned(), "*".repeat(14)));
        assert!(column(488, 568).chars().all(|c| matches!(c, '*' | ' ')));
        assert_eq!(line.chars().count(), fixed().chars().count());
    }

    #[test]
    fn a_record_that_lost_or_won_characters_shows_its_head_only() {
        let whole = fixed();
        let cut: String = whole.chars().take(400).collect();
        let grown = format!("{whole:850}X");
        for line in [cut, grown] {
            let shown = drawn(&line);
            assert!(shown.starts_with("000G68000010751010"));
            assert!(shown.chars().skip(18).all(|c| matches!(c, '*' | ' ')), "{shown}");
        }
    }
}
