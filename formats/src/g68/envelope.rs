//! Z300 and SLUTD: the frame around the data records (g68.md 3 to 5, 10.1).

use crate::layout::{Cut, bytes};
use crate::vocabulary::{MunicipalityCode, Ore};

use super::codes::Code;
use super::days::delivery_day;
use super::finding::{Finding, columns};
use super::physical::Kind;
use super::record::{Checker, Line};
use super::slots::Slot;
use super::{MOST_RECORDS, Tables};

/// Where in the file we are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Start,
    Body,
    Ended,
}

/// The envelope of one file as far as it was seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Envelope {
    stage: Stage,
    opened: bool,
    overfull: bool,
}

impl Envelope {
    /// Takes note of a record. Whether it is a data record that is to be looked at.
    #[inline]
    pub(super) fn admit<T: Tables>(
        &mut self,
        kind: Kind,
        line: &Line<'_>,
        checker: &mut Checker<'_, T>,
    ) -> bool {
        match (self.stage, kind) {
            (Stage::Body, Kind::G68 | Kind::G69 | Kind::Other) => self.count(line, checker),
            (Stage::Start, Kind::Z300) => {
                self.stage = Stage::Body;
                self.opened = true;
                open(line, checker);
                false
            }
            (Stage::Start, _) => {
                self.stage = Stage::Body;
                if checker.options.require_envelope {
                    add(checker, Code::S01, line.line_no, None, 0, line.bytes.len().min(4));
                }
                self.admit(kind, line, checker)
            }
            (Stage::Body | Stage::Ended, Kind::Z300) => {
                add(checker, Code::S08, line.line_no, Some(Slot::Z300Code), 0, 4);
                false
            }
            (Stage::Body, Kind::Slutd) => {
                self.stage = Stage::Ended;
                if !self.opened {
                    add(checker, Code::S01, 1, None, 0, 4);
                }
                self.close(line, checker);
                false
            }
            (Stage::Ended, _) => {
                // An empty line at the end is no data.
                if !bytes::is_blank(line.bytes) {
                    add(checker, Code::S03, line.line_no, None, 0, line.bytes.len());
                }
                false
            }
        }
    }

    /// Counts a data record; what comes after the most a file can hold is not looked at.
    #[inline]
    fn count<T: Tables>(&mut self, line: &Line<'_>, checker: &mut Checker<'_, T>) -> bool {
        checker.report.records += 1;
        if checker.report.records <= MOST_RECORDS {
            return true;
        }
        if !self.overfull {
            self.overfull = true;
            add(checker, Code::S04, line.line_no, None, 0, 0);
        }
        false
    }

    fn close<T: Tables>(&self, line: &Line<'_>, checker: &mut Checker<'_, T>) {
        let Some(record) = checker.layouts.record("slutd") else { return };
        let raw = bytes::trim_end(line.bytes);
        let Ok(cuts) = record.cut(raw) else {
            // What cannot be read behind the count is data after the end; in the count it is a wrong count.
            let counted = record.field(Slot::SlutdCount).map_or(0, |field| usize::from(field.to));
            let count = raw.get(..counted).is_some_and(|head| record.cut(head).is_ok());
            let (code, from) = if count { (Code::S03, counted) } else { (Code::S04, 0) };
            return add(checker, code, line.line_no, None, from, raw.len() - from.min(raw.len()));
        };
        let (at, len) = place(checker, "slutd", Slot::SlutdCount);
        let count = bytes::number(Cut::of(&cuts, Slot::SlutdCount));
        if count != Some(u64::from(checker.report.records)) && !self.overfull {
            add(checker, Code::S04, line.line_no, Some(Slot::SlutdCount), at, len);
        }
        let (sum, sign) = (Cut::of(&cuts, Slot::SlutdSum), Cut::of(&cuts, Slot::SlutdSign));
        if bytes::is_blank(sum) && bytes::is_blank(sign) {
            return;
        }
        let (at, len) = place(checker, "slutd", Slot::SlutdSum);
        match (bytes::number(sum), sign) {
            (Some(sum), b"+" | b"-") => {
                let net = Ore(if sign == b"-" { -(sum as i64) } else { sum as i64 });
                if net != checker.report.sum {
                    add(checker, Code::S07, line.line_no, Some(Slot::SlutdSum), at, len + 1);
                }
            }
            _ => add(checker, Code::S03, line.line_no, Some(Slot::SlutdSum), at, len + 1),
        }
    }

    /// What the end of the file tells.
    pub(super) fn finish<T: Tables>(&self, checker: &mut Checker<'_, T>) {
        let last = checker.report.lines;
        if self.stage == Stage::Start && checker.options.require_envelope {
            add(checker, Code::S01, 1, None, 0, 0);
        }
        if self.stage != Stage::Ended {
            if self.opened || checker.options.require_envelope {
                add(checker, Code::S03, last, None, 0, 0);
            } else {
                add(checker, Code::S09, 1, None, 0, 0);
            }
        }
        if checker.report.records == 0 {
            add(checker, Code::S10, last, None, 0, 0);
        }
    }
}

/// A finding about the file; each code once, at the first place.
fn add<T: Tables>(
    checker: &mut Checker<'_, T>,
    code: Code,
    line_no: u32,
    field: Option<Slot>,
    at: usize,
    len: usize,
) {
    let findings = &mut checker.report.findings;
    if findings.iter().any(|finding| finding.code == code) {
        return;
    }
    let (from, to) = columns(at, len);
    findings.push(Finding { code, line_no, field, from, to, personal: field.is_none() });
}

/// Offset and length of a field in a record.
fn place<T: Tables>(checker: &Checker<'_, T>, record: &str, slot: Slot) -> (usize, usize) {
    let field = checker.layouts.record(record).and_then(|record| record.field(slot));
    field.map_or((0, 0), |field| (usize::from(field.from) - 1, usize::from(field.length)))
}

/// Reads Z300, or refuses the file (S02).
fn open<T: Tables>(line: &Line<'_>, checker: &mut Checker<'_, T>) {
    let raw = bytes::trim_end(line.bytes);
    let length = raw.len();
    let Some(start) = start(raw, checker) else {
        return add(checker, Code::S02, line.line_no, None, 0, length);
    };
    let MunicipalityCode(user) = start.municipality;
    checker.report.municipality = Some(start.municipality);
    if user == 0 || !checker.tables.municipality_exists(start.municipality) {
        let (at, len) = place(checker, "z300", Slot::Z300User);
        return add(checker, Code::S02, line.line_no, Some(Slot::Z300User), at, len);
    }
    checker.report.day_number = Some(start.day);
    let reception = checker.options.reception;
    match (1..=366).contains(&start.day).then(|| delivery_day(reception, start.day)).flatten() {
        Some(day) => {
            checker.report.delivery_day = Some(day);
            checker.days.deliver_on(day);
        }
        None => {
            let (at, len) = place(checker, "z300", Slot::Z300Day);
            add(checker, Code::S02, line.line_no, Some(Slot::Z300Day), at, len);
        }
    }
}

struct Start {
    municipality: MunicipalityCode,
    day: u16,
}

/// The user number and the day of a well-formed Z300. Some senders do not zero-fill the day: its one to three
/// digits stand before the last character (g68.md 4).
fn start<T: Tables>(raw: &[u8], checker: &Checker<'_, T>) -> Option<Start> {
    let record = checker.layouts.record("z300")?;
    let day = record.field(Slot::Z300Day)?;
    let (head, tail) = raw.split_at_checked(usize::from(day.from) - 1)?;
    let (mixed, digits) = tail.split_last()?;
    let missing = usize::from(day.length).checked_sub(digits.len()).filter(|_| !digits.is_empty())?;
    let mut whole = head.to_vec();
    whole.extend(std::iter::repeat_n(b'0', missing));
    whole.extend_from_slice(digits);
    whole.push(*mixed);
    let cuts = record.cut(&whole).ok()?;
    let number = |slot| bytes::number(Cut::of(&cuts, slot));
    number(Slot::Z300Medium)?;
    number(Slot::Z300Mixed)?;
    Some(Start {
        municipality: MunicipalityCode(number(Slot::Z300User)? as u16),
        day: number(Slot::Z300Day)? as u16,
    })
}
