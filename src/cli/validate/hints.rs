//! What to do about a finding, beyond its rule: one table, and what can be read off the record itself.

use toek_formats::g68::{Code, FileReport, Finding, Layouts};
use toek_formats::layout::{Class, Slot as _, bytes};

use super::super::inspect::rules::Rules;

/// Advice that is the same whatever the record holds; by the rule's code.
const HINTS: &[(Code, &str)] = &[
    (Code::S01, "a delivery begins with Z300: `Z300 <municipality, 4>6      <day of the year, 3>1`"),
    (Code::S02, "the form is `Z300 <municipality, 4>6      <day of the year, 3>1`"),
    (Code::S03, "a delivery ends with SLUTD and the number of data records, `SLUTD00042`; was it cut short?"),
    (Code::S06, "harmless when records were taken out on purpose"),
    (Code::S08, "two deliveries in one file? Each goes in a file of its own"),
    (Code::F01, "is a line end missing?"),
    (Code::F02, "was the line cut on its way?"),
    (Code::F03, "column 18 tells the form: 0 fixed, 1 floating (then `&` in column 19)"),
    (Code::F05, "a day is written YYYYMMDD"),
    (Code::F07, "a blank counts as plus"),
    (Code::X01, "table of types and methods: g68.md 8"),
    (Code::X02, "table of types and methods: g68.md 8"),
    (Code::T01, "the code has four digits, such as 0751"),
    (Code::T02, "known are 00, 01 and 10"),
    (Code::T03, "02 CPR, 03 SE, 04 CVR, 05 P-number"),
    (Code::T05, "the catalogue is benefits.toml; `--dir` names an installation with its own"),
    (Code::T06, "suppliers stand in municipalities.toml"),
    (Code::T13, "write 00"),
    (Code::K02, "a municipality delivers its own payments only"),
    (Code::K07, "nothing to do: it is paid a bank day early"),
    (Code::K08, "a posting reference names one payment, for ever"),
    (Code::K09, "a repeated payment needs a reference of its own"),
    (Code::K11, "FAKTURANR names the payment that is corrected"),
    (Code::K15, "write the CPR, CVR, SE or P-number of the payee"),
    (Code::K16, "a replacement number can only be paid to a named account"),
];

/// The hint for a finding in the record `raw`.
pub(super) fn hint(rules: &Rules, finding: &Finding, raw: &[u8]) -> String {
    let fixed =
        HINTS.iter().find(|(code, _)| code.text() == finding.code.text()).map_or("", |(_, hint)| hint);
    match finding.code {
        Code::F04 => bad_digit(finding, raw),
        Code::F12 => bad_character(finding, raw),
        Code::F01 | Code::F02 => {
            let shortest = rules.layouts.table().record("g68").map_or(0, |record| record.shortest());
            let (has, most) = (bytes::trim_end(raw).len(), rules.layouts.record_length());
            match finding.code {
                Code::F02 => {
                    format!("the line has {has} characters, a fixed record {shortest} to {most}; {fixed}")
                }
                _ => format!("a fixed record has at most {most} characters; {fixed}"),
            }
        }
        Code::K05TooLate => {
            format!("held against reception on {}; --received names another day", rules.reception)
        }
        _ => fixed.to_owned(),
    }
}

/// The hint for a finding about the file.
pub(super) fn file_hint(rules: &Rules, finding: &Finding, report: &FileReport, raw: &[u8]) -> String {
    match finding.code {
        Code::S04 => format!("the file holds {} data records", report.records),
        Code::S07 => format!("the net sum of the amounts is {} øre", report.sum.0),
        _ => hint(rules, finding, raw),
    }
}

/// What a field should hold, from the layout.
pub(super) fn expected(layouts: &Layouts, finding: &Finding) -> String {
    let Some(slot) = finding.field else { return String::new() };
    let field = layouts.table().records().iter().find_map(|record| record.field(slot));
    field.map_or(String::new(), |field| {
        let unit = if field.length == 1 { "character" } else { "characters" };
        let class = match field.class {
            Class::Date => "YYYYMMDD".to_owned(),
            class => class.to_string(),
        };
        format!("{} is {} ({class}, {} {unit})", slot.name(), field.meaning, field.length)
    })
}

fn characters<'r>(finding: &Finding, raw: &'r [u8]) -> impl Iterator<Item = (usize, u8)> + 'r {
    let from = usize::from(finding.from).saturating_sub(1);
    let to = usize::from(finding.to).min(raw.len());
    (from + 1..).zip(raw.get(from..to).unwrap_or(&[]).iter().copied())
}

fn bad_digit(finding: &Finding, raw: &[u8]) -> String {
    let bad = characters(finding, raw).find(|(_, byte)| !byte.is_ascii_digit());
    match bad {
        None => String::new(),
        Some((column, b' ')) => {
            format!("column {column} is blank: numbers are filled with zeros on the left")
        }
        Some((column, b'O' | b'o')) if !finding.personal => {
            format!("column {column} is the letter O, not a zero")
        }
        Some((column, byte)) if !finding.personal && bytes::printable(byte) => {
            format!("column {column} is `{}`", char::from(byte))
        }
        Some((column, _)) => format!("column {column} is no digit"),
    }
}

fn bad_character(finding: &Finding, raw: &[u8]) -> String {
    match characters(finding, raw).find(|(_, byte)| !bytes::allowed(*byte)) {
        Some((column, 0x1A)) => format!("column {column} is a character that ISO-8859-1 does not have"),
        Some((column, byte @ (b'&' | b'!' | b'\\'))) => {
            format!("`{}` in column {column} may not stand in a value", char::from(byte))
        }
        Some((column, byte)) => format!("column {column} is the control character {byte:02X} (hexadecimal)"),
        None => String::new(),
    }
}
