//! Finance vouchers out to the municipality's ERP system, and its answer in: ØiR Finans, SF1590_A (specification
//! oir-finans-sf1590a.md).
//!
//! Start with [`VoucherFileWriter`] (`ModtagFinansbilag_I`) and [`AnswerReader`] (`ModtagFinansbilag_O`). Their
//! counterparts [`VoucherFileReader`] and [`AnswerWriter`] serve inspection, replay, fixtures and tests; [`dump`]
//! prints either message with personal data masked.
//!
//! Never decides what a receipt means for a voucher, never finds an account, never splits a file; knows nothing of
//! other files. Element names stand in [`names`], content models beside them, and the same models as XSD in
//! `formats/schemas`; a test holds the two together through `xmllint`.
//!
//! Of the checks before sending (6) those of one file are made here, in writing and in reading: V01 (two postings,
//! debit is credit), V05 (texts), V06 (one authority, Danish kroner only), V09 (control figures), the form of V07
//! (a reversal names another voucher), V10 within the file. What needs an assortment or other files is the hub's:
//! V02, V03, V04, V07, V10, and where to split (V08: [`names::POSTINGS_PER_VOUCHER`],
//! [`names::POSTINGS_PER_FILE`]).

mod answer;
mod answer_writer;
mod dump;
mod forms;
mod model;
pub mod names;
mod reader;
mod writer;

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::vocabulary::{Hidden, Ore, Party, Uuid};
pub use crate::xml::{Error, Kind, Limits};

pub use answer::{AnswerEnd, AnswerHead, AnswerReader, Cause, Reaction, ReactionKind, Receipt};
pub use answer_writer::{AnswerWriter, ResultForm};
pub use dump::dump;
pub use reader::{Entry, ReadFileHead, ReadPosting, ReadVoucher, VoucherFileReader};
pub use writer::{VoucherFileWriter, WriteError};

/// How much a file or an answer may hold: a file of [`names::POSTINGS_PER_FILE`] postings is about 200 MB. ASSUMED.
pub const LIMITS: Limits = Limits { bytes: 1024 * 1024 * 1024, depth: 32, token: 64 * 1024, attributes: 64 };

/// Who sends and who receives a file (`Rute`, 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route<'a> {
    /// CVR number of the municipality on whose behalf the vouchers are sent: eight digits.
    pub sender_authority: &'a str,
    /// The sending it-system's instance.
    pub sender_it_system: Uuid,
    /// CVR number of the authority that books them: eight digits.
    pub receiver_authority: &'a str,
    /// The receiving it-system, only when the sender chooses it.
    pub receiver_it_system: Option<Uuid>,
}

/// The head of a file with its control figures (`HovedOplysninger`, `FinansLeverancedata`; 2, 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileHead<'a> {
    /// The file's id; comes back in the answer.
    pub transaction_id: Uuid,
    /// When the file was made; written in UTC and whole seconds.
    pub at: Timestamp,
    /// From whom, to whom.
    pub route: Route<'a>,
    /// Number of vouchers.
    pub vouchers: u32,
    /// Number of postings in all of them.
    pub postings: u32,
    /// Sum of the debit side, which is that of the credit side as well.
    pub sum: Ore,
}

/// An accounting period (regnskabsperiode): a year and a month, or 13 for the supplementary period.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    year: i16,
    month: i8,
}

impl Period {
    /// A year from 1000 to 2999 and a month from 1 to 13.
    pub fn new(year: i16, month: i8) -> Option<Period> {
        let lawful = (1000..=2999).contains(&year) && (1..=13).contains(&month);
        lawful.then_some(Period { year, month })
    }

    /// Reads `YYYYMM`.
    pub fn parse(text: &str) -> Option<Period> {
        let lawful = text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit());
        let (year, month) = lawful.then(|| text.split_at(4))?;
        Period::new(year.parse().ok()?, month.parse().ok()?)
    }

    /// The month of a day.
    pub fn of(day: Date) -> Option<Period> {
        Period::new(day.year(), day.month())
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}{:02}", self.year, self.month)
    }
}
impl fmt::Debug for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The head of a voucher (finansbilag, 5). Texts: characters that can be printed, not only blanks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Voucher<'a> {
    /// The voucher's id, never used again.
    pub id: Uuid,
    /// A number for people, unique per municipality; at most 70 characters.
    pub number: &'a str,
    /// Booking day (bogføringsdato).
    pub booking_day: Date,
    /// Accounting period; left out it is the booking day's.
    pub period: Option<Period>,
    /// Class of the sub-assortment BILAGSTYPE.
    pub type_id: Uuid,
    /// Heading on the account: at most 40 characters, no CPR number.
    pub text: &'a str,
    /// Id of the cause; at most 70 characters.
    pub external_reference: Option<&'a str>,
    /// Day of the event.
    pub document_day: Option<Date>,
    /// The voucher that this one reverses.
    pub reverses: Option<Uuid>,
    /// Organisational reference of the paying unit.
    pub org_unit: Option<Uuid>,
}

/// Which side of the account a posting stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Debet.
    Debit,
    /// Kredit.
    Credit,
}

impl Side {
    /// As written.
    pub fn code(self) -> &'static str {
        match self {
            Side::Debit => names::DEBIT,
            Side::Credit => names::CREDIT,
        }
    }

    /// From what is written.
    pub fn from_code(code: &str) -> Option<Side> {
        [Side::Debit, Side::Credit].into_iter().find(|side| side.code() == code)
    }
}

/// Whom a posting concerns (ØIR-part): sent only on accounts marked "person" (5.1), which is the caller's to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostingParty {
    /// A CPR or a CVR number; for others no form is known.
    pub party: Party,
    /// What kind of number it is, as a class.
    pub type_id: Uuid,
}

/// A posting (postering, 5).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Posting<'a> {
    /// The posting's id, once in a voucher.
    pub id: Uuid,
    /// Above zero, at most 15 digits: the side tells the direction (4.3).
    pub amount: Ore,
    /// Debit or credit.
    pub side: Side,
    /// Value date.
    pub value_day: Option<Date>,
    /// Text: at most 255 characters, no CPR number.
    pub text: &'a str,
    /// Posting reference (posteringshenvisning): at most 255 characters.
    pub reference: Option<&'a str>,
    /// First day the benefit covers.
    pub period_from: Option<Date>,
    /// Last day the benefit covers; not before the first.
    pub period_to: Option<Date>,
    /// Reference keys: a class of the sub-assortment REFERENCENØGLE, and a value of at most 255 characters (5.1).
    pub reference_keys: &'a [(Uuid, &'a str)],
    /// The account: classes of the assortment, in the order of [`names::DIMENSIONS`].
    pub dimensions: [Option<Uuid>; 6],
    /// Further dimensions.
    pub secondary: &'a [Uuid],
    /// Person or company.
    pub party: Option<PostingParty>,
}

impl fmt::Debug for Voucher<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Voucher")
            .field("id", &self.id)
            .field("number", &self.number)
            .field("booking_day", &self.booking_day)
            .field("text", &Hidden(self.text))
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Posting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Posting")
            .field("id", &self.id)
            .field("amount", &self.amount)
            .field("side", &self.side)
            .field("text", &Hidden(self.text))
            .field("party", &self.party)
            .finish_non_exhaustive()
    }
}

/// What a receipt says of a voucher (7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VoucherResult {
    /// Booked; perhaps with remarks.
    Accepted,
    /// Refused, all of it.
    Rejected,
    /// It came; whether it was booked is not said.
    Received,
    /// Anything else: for a person.
    Unknown,
}

impl VoucherResult {
    /// From the value of `FinansKvitteringResultat`, by [`names::RESULTS`].
    pub fn from_text(text: &str) -> VoucherResult {
        let known = names::RESULTS.iter().find(|(value, _)| *value == text);
        known.map_or(VoucherResult::Unknown, |(_, result)| *result)
    }
}
