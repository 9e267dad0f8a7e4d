//! What must become of every record of generated files: one JSON line per record, then one per file.
//!
//! Written by the generator before anything has run; read by the checker afterwards. Holds numbers of people who
//! do not exist, and no others.

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

use crate::partners::script::Outcome;

/// One line of a manifest. The records of a file stand before the file itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase")]
pub enum Line {
    /// How the files were made; the first line.
    Plan(PlanLine),
    /// One record.
    Record(RecordLine),
    /// One file, after its records.
    File(FileLine),
}

/// How the files were made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanLine {
    /// The seed: with the other fields and the same version, the same bytes.
    pub seed: u64,
    /// The day of delivery, `2026-01-28`.
    pub day: String,
    /// Fixed or floating.
    pub form: super::record::Form,
    /// Records asked for in ordinary files; files with faults come on top.
    pub payments: u64,
}

/// One record and what must become of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordLine {
    /// Name of the file.
    pub file: String,
    /// Number among the data records, from 1.
    pub record: u32,
    /// Line in the file, from 1.
    pub line: u32,
    /// Who pays: four digits.
    pub municipality: String,
    /// Signed øre, as the record means it even where a fault makes it unreadable.
    pub amount_ore: i64,
    /// The sender's reference (TRANSREF).
    pub transaction_ref: String,
    /// The posting reference (POSTHENV).
    pub posting_ref: String,
    /// What the payee's number is: `cpr`, `cvr`, `p`, `account`.
    pub payee_kind: String,
    /// The payee's number at its width. Belongs to nobody.
    pub payee: String,
    /// The disposition date as written.
    pub disposition: String,
    /// The bank day on which the payee should have the money; not given for immediate payments, whose day is the
    /// hub's choice.
    pub effective: Option<String>,
    /// What must become of it.
    pub expected: Expected,
    /// What is wrong or unusual about it, by the generator's name.
    pub fault: Option<String>,
}

/// What must become of a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "class", rename_all = "lowercase")]
pub enum Expected {
    /// Sent to NemKonto, which then answers so; no answer given: whatever it answers.
    Pay {
        /// Where it stands when all answers have come.
        answer: Option<Outcome>,
    },
    /// Refused at intake, with one of these codes.
    Rejected {
        /// `G68-K09`, …: where the specification lets two rules apply, either may be named first.
        codes: Vec<String>,
    },
    /// Kept for a person, before anything is posted.
    Held {
        /// Why.
        reason: HeldReason,
    },
    /// Its whole file is set aside.
    Quarantined,
}

/// Why a payment waits for a person (00-decisions.md 1.1, 5.2, 5.3, 5.5); the names the hub's `trace` uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeldReason {
    /// A correction downwards.
    Negative,
    /// The same as another payment under another reference.
    Duplicate,
    /// More than one payment may carry.
    Maximum,
    /// A payment method the hub does not carry out yet.
    Method,
}

impl HeldReason {
    /// The name in `trace`.
    pub fn name(self) -> &'static str {
        match self {
            HeldReason::Negative => "negative",
            HeldReason::Duplicate => "duplicate",
            HeldReason::Maximum => "maximum",
            HeldReason::Method => "method",
        }
    }
}

/// One file and what must become of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileLine {
    /// Its name.
    pub name: String,
    /// When to deliver it: files of wave 2 must arrive after those of wave 1 were taken in.
    pub wave: u8,
    /// Data records in it that stand in the manifest.
    pub records: u32,
    /// The signed sum of their amounts in øre.
    pub sum_ore: i64,
    /// Bytes.
    pub bytes: u64,
    /// SHA-256 of the bytes, in hexadecimal.
    pub sha256: String,
    /// `accepted` or `quarantined`.
    pub state: FileState,
    /// Why quarantined: `G68-S04`, ….
    pub code: Option<String>,
}

/// What must become of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileState {
    /// Its records are taken one by one.
    Accepted,
    /// Nothing of it is stored.
    Quarantined,
}

/// A line that is none.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The manifest could not be read.
    #[error("manifest, line {line}")]
    Read {
        /// 1-based.
        line: u64,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A line is not of this shape.
    #[error("manifest, line {line}: not a line of a manifest")]
    Form {
        /// 1-based.
        line: u64,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

/// Adds one line.
///
/// # Errors
/// Whatever `out` says.
pub fn write_line(out: &mut dyn Write, line: &Line) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}

/// Reads a manifest line by line.
///
/// # Errors
/// [`ManifestError`] naming the line.
pub fn lines(input: impl BufRead) -> impl Iterator<Item = Result<Line, ManifestError>> {
    input.lines().zip(1..).map(|(text, line)| {
        let text = text.map_err(|source| ManifestError::Read { line, source })?;
        serde_json::from_str(&text).map_err(|source| ManifestError::Form { line, source })
    })
}
