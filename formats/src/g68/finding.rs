//! What was found in a record or a file, and where.

use crate::layout::{Slot as _, bytes};

use super::codes::{Code, Severity};
use super::slots::Slot;

/// One rule that a record or the file does not satisfy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which rule.
    pub code: Code,
    /// 1-based line of the file; in a pair, the line of the record that is meant.
    pub line_no: u32,
    /// The field, when the rule is about one.
    pub field: Option<Slot>,
    /// First column, 1-based; 0 when what is missing has no columns.
    pub from: u16,
    /// Last column, included.
    pub to: u16,
    /// The value must not be shown in clear.
    pub personal: bool,
}

impl Finding {
    /// What it does.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }

    /// The field's name in the layout, or nothing.
    pub fn field_name(&self) -> &'static str {
        self.field.map_or("", |slot| slot.name())
    }

    /// The value in the record, as it may be shown: personal data as asterisks, control characters as `\x1A`,
    /// blanks at the end left out. `raw` is the record in ISO-8859-1 that stands in [`Finding::line_no`].
    pub fn value_shown(&self, raw: &[u8]) -> String {
        let from = usize::from(self.from).saturating_sub(1);
        let to = usize::from(self.to).min(raw.len());
        let value = bytes::trim_end(raw.get(from..to).unwrap_or(&[]));
        shown(value, self.personal)
    }
}

/// A value for people: see [`Finding::value_shown`].
pub(super) fn shown(value: &[u8], personal: bool) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value {
        match *byte {
            byte if !bytes::printable(byte) => text.push_str(&format!("\\x{byte:02X}")),
            b' ' => text.push(' '),
            _ if personal => text.push('*'),
            byte => text.push(char::from(byte)),
        }
    }
    text
}

/// The findings of the record in hand; the memory is used again for the next one.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    list: Vec<Finding>,
    refused: bool,
    /// The line that is looked at.
    pub(super) line_no: u32,
}

impl Findings {
    pub(super) fn clear(&mut self, line_no: u32) {
        self.list.clear();
        self.refused = false;
        self.line_no = line_no;
    }

    pub(super) fn list(&self) -> &[Finding] {
        &self.list
    }

    /// Whether a finding refuses the record.
    pub(super) fn refused(&self) -> bool {
        self.refused
    }

    /// `at` and `len` are an offset and a length; a length of 0 means that nothing is there.
    #[cold]
    pub(super) fn add(&mut self, code: Code, field: Option<Slot>, at: usize, len: usize, personal: bool) {
        let (from, to) = columns(at, len);
        self.list.push(Finding { code, line_no: self.line_no, field, from, to, personal });
        self.refused |= code.severity() >= Severity::Error;
    }
}

/// 1-based columns of an offset and a length.
pub(super) fn columns(at: usize, len: usize) -> (u16, u16) {
    let column = |place: usize| u16::try_from(place).unwrap_or(u16::MAX);
    if len == 0 { (0, 0) } else { (column(at + 1), column(at + len)) }
}
