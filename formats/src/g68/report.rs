//! What a whole file came to.

use jiff::civil::Date;

use crate::vocabulary::{MunicipalityCode, Ore};

use super::codes::Severity;
use super::finding::Finding;

/// A file, read to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileReport {
    /// The user number in Z300: the municipality that sent it.
    pub municipality: Option<MunicipalityCode>,
    /// The day number in Z300.
    pub day_number: Option<u16>,
    /// The delivery day: the day number in the year that brings it nearest to reception.
    pub delivery_day: Option<Date>,
    /// Lines of the file, or blocks; envelope counted.
    pub lines: u32,
    /// Data records: everything between Z300 and SLUTD.
    pub records: u32,
    /// Units that gave a request.
    pub requests_ok: u32,
    /// Units that were refused.
    pub rejected: u32,
    /// Findings of severity warning in all units.
    pub warnings: u32,
    /// Net sum of all G68 amounts that could be read, refused records included: what the control sum counts.
    pub sum: Ore,
    /// Net sum of the requests.
    pub sum_ok: Ore,
    /// Findings about the file itself. One of severity [`Severity::Reject`] refuses it.
    pub findings: Vec<Finding>,
}

impl FileReport {
    /// Whether nothing of the file may be stored.
    pub fn is_rejected(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity() == Severity::Reject)
    }
}
