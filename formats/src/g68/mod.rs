//! G68, payment transactions to the payment system (GF200001Q), with their G69 partners: reads, checks, writes.
//!
//! Start with [`Layouts`] (the table), then [`Detector`] and [`Reader`] (bytes to [`Unit`]s), then [`FileWriter`].
//! A record that breaks a rule is a value we report ([`Finding`]), not a reason to stop. Never looks into earlier
//! files (G68-S11, K12 and K09 against them are the hub's), never nets, never reads a file or a clock.

mod cells;
mod charset;
mod checks;
mod codes;
mod days;
mod dump;
mod envelope;
mod finding;
mod owned;
mod physical;
mod plan;
mod reader;
mod record;
mod report;
mod request;
mod seen;
mod slots;
mod writer;

use jiff::civil::Date;

pub use charset::Charset;
pub use codes::{Code, Severity};
pub use dump::dump;
pub use finding::Finding;
pub use owned::{EncodedRequest, NotWritable, RequestBuf, break_text};
pub use physical::{Detector, Mode, Physical};
pub use reader::{Reader, Unit};
pub use report::FileReport;
pub use request::{Form, Method, PostingRef, Request, Slip, TextLines, TransactionType};
pub use slots::{Layouts, Slot, TABLE};
pub use writer::{FileWriter, Header, LineEnd, Partner, WriteOptions, Z300};

use crate::vocabulary::{BenefitCode, MunicipalityCode, SupplierId};

/// The most data records a file can hold: line numbers and the count in SLUTD have five digits (g68.md 3).
pub const MOST_RECORDS: u32 = 99_999;

/// What the checks must look up. The hub answers from its files; dispatch is static.
pub trait Tables {
    /// Whether a municipality with this code exists (T01, S02).
    fn municipality_exists(&self, municipality: MunicipalityCode) -> bool;
    /// Whether a benefit type with this code exists (T05).
    fn benefit_exists(&self, benefit: BenefitCode) -> bool;
    /// Whether the supplier may deliver for the municipality (T06).
    fn supplier_registered(&self, municipality: MunicipalityCode, supplier: SupplierId) -> bool;
    /// The nearest bank day not after `day`: the day itself when it is one. Asked for years 1583 to 9999.
    fn preceding_bank_day(&self, day: Date) -> Date;
    /// The first bank day strictly after `day`.
    fn following_bank_day(&self, day: Date) -> Date;
    /// The benefit of a plain G68+G69 pair, by supplier and account string (g68.md 11).
    fn default_benefit(&self, supplier: SupplierId, account: &[u8]) -> Option<BenefitCode>;
}

/// How a delivery is to be read.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Z300 and SLUTD must be there (S01, S03); without, a file may lack both (S09).
    pub require_envelope: bool,
    /// Records may be for other municipalities than the one in Z300 (K02).
    pub allow_multi_municipality: bool,
    /// The date field is the processing day: the money is at disposal on the bank day after it (g68.md 9).
    pub date_is_processing: bool,
    /// The day the delivery was received.
    pub reception: Date,
    /// The endpoint's own supplier, for records without field 05 (00-decisions.md 4).
    pub supplier: Option<SupplierId>,
}

impl Options {
    /// The defaults: envelope required, one municipality, the date is the disposition date.
    pub fn new(reception: Date) -> Options {
        Options {
            require_envelope: true,
            allow_multi_municipality: false,
            date_is_processing: false,
            reception,
            supplier: None,
        }
    }
}
