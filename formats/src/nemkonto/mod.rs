//! NemKonto: payment bundles out, receipts and return answers in (specification nemkonto.md).
//!
//! Start with [`BundleWriter`] (`NKSPayment`) and [`AnswerReader`] (receipts 0 and 1, answers 2, 5, 7, 8, 9). Their
//! counterparts [`AnswerWriter`] and [`BundleReader`] serve inspection, fixtures and tests; [`dump`] prints any of
//! the messages with personal data masked. [`break_advice`] makes the lines of advice a payment carries.
//!
//! Never decides what an answer means for a payment, never matches one, never looks a number up. Element names
//! stand in [`names`], content models beside them, and the same models as XSD in `formats/schemas`; a test holds
//! the two together through `xmllint`.
//!
//! Lenient beyond the schemas in one thing: an element in an answer whose local name occurs nowhere in the answers
//! is passed over and counted (3.11, rule 8). Stricter in these: no DTD, only UTF-8, [`Limits`], no `xsi:type` and
//! `xsi:nil`, and in a bundle the rules between fields (2.7) that no XSD can say.

mod advice;
mod answer;
mod answer_writer;
mod bundle;
mod bundle_reader;
mod dump;
mod forms;
mod model;
pub mod names;
mod out;

use jiff::civil::{Date, DateTime};

use crate::vocabulary::{BankAccount, Ore, Party};
pub use crate::xml::{Error, Kind, Limits};

pub use crate::vocabulary::mask_cpr;
pub use advice::{Advice, break_advice};
pub use answer::{AnswerEnd, AnswerHead, AnswerReader, AnsweredPayment, bank_text};
pub use answer_writer::AnswerWriter;
pub use bundle::BundleWriter;
pub use bundle_reader::{BundleReader, ReadBundleHead, ReadDebit, ReadPayment};
pub use dump::dump;
pub use out::WriteError;

/// Who sends and who receives: the four ids of the ebms header (2.3). In a bundle the supplier sends, in an
/// answer NKS does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parties<'a> {
    /// Short id that NKS gave the data supplier (dataleverandør); at most 35 characters.
    pub supplier_id: &'a str,
    /// The supplier's GLN (EAN), 13 digits.
    pub supplier_gln: &'a str,
    /// NKS's environment: `NKSTEST`, in production `NKS` (ASSUMED).
    pub nks_id: &'a str,
    /// NKS's GLN in that environment, 13 digits.
    pub nks_gln: &'a str,
}

/// How amounts are written in a bundle (4.4): not known until the connection test has been passed. Both the single
/// amounts and the control sum follow it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AmountFormat {
    /// `1250.00`. The safe default: read the other way it is refused or pays less.
    #[default]
    Decimal2,
    /// `1250000`: three implied decimals. Read the other way it pays a thousand times too much.
    Implied3,
}

/// The head of a bundle (2.3, 2.4).
#[derive(Clone, Copy, Debug)]
pub struct BundleHead<'a> {
    /// Sender and receiver.
    pub parties: Parties<'a>,
    /// The bundle's reference (bundtreference), also the message's id: `[A-Za-z0-9_.-]`, 1 to 35 characters,
    /// never used before.
    pub group_id: &'a str,
    /// When the bundle was made, Danish time.
    pub created: DateTime,
    /// Sum of all payments.
    pub control_sum: Ore,
    /// Number of payments.
    pub count: u32,
    /// The authority's number (ADMID); at most 35 characters.
    pub authority: &'a str,
    /// How amounts are written.
    pub amount_format: AmountFormat,
}

/// Level B: what the payments that follow have in common (2.5).
#[derive(Clone, Copy, Debug)]
pub struct Debit<'a> {
    /// Disposition date (dispositionsdato): a bank day, which is the caller's to know.
    pub execution: Date,
    /// Number of the authority's agreement with its bank (PI-aftalenummer).
    pub agreement: &'a str,
    /// The account to be debited.
    pub account: BankAccount,
    /// Posting text on that account; at most 35 characters, no CPR number.
    pub text: Option<&'a str>,
}

/// A payee's address (2.6): needed where a check may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Address<'a> {
    /// Lines, at most five of 70 characters.
    pub lines: &'a [&'a str],
    /// Street.
    pub street: Option<&'a str>,
    /// House number.
    pub building: Option<&'a str>,
    /// Postal code.
    pub postcode: Option<&'a str>,
    /// Town.
    pub town: Option<&'a str>,
    /// Country, two capital letters.
    pub country: &'a str,
}

/// Level C: one payment (2.6). Without an account it is incomplete (ukomplet), and NKS finds the account.
#[derive(Clone, Copy, Debug)]
pub struct Payment<'a> {
    /// The payment's reference: `[A-Za-z0-9-]`, 1 to 27 characters, never used before.
    pub end_to_end_id: &'a str,
    /// Benefit type (ydelsesart); an incomplete payment must have one.
    pub benefit: Option<&'a str>,
    /// Above zero, at most [`Ore::PAYMENT_MAXIMUM`].
    pub amount: Ore,
    /// Who is paid: CPR, CVR, SE or P number. An incomplete payment must have one, and no replacement CPR number.
    pub payee: Option<Party>,
    /// The payee's name; at most 70 characters.
    pub name: Option<&'a str>,
    /// The payee's address.
    pub address: Option<Address<'a>>,
    /// The account of a complete payment.
    pub account: Option<BankAccount>,
    /// Lines of advice as [`break_advice`] makes them: at most 41 of 35 characters, no CPR number.
    pub advice: &'a [&'a str],
}

/// A message from NKS, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AnswerKind {
    /// The file was not readable (3.2, structure ASSUMED).
    Receipt0,
    /// The bundle was received, or rejected as a whole (3.3).
    Receipt1,
    /// Result of the reception control (3.4).
    Answer2,
    /// Payments were stopped (3.5).
    Answer5,
    /// No account was found (3.6).
    Answer7,
    /// The bank has taken the payments (3.7).
    Answer8,
    /// The bank refused the payments (3.8).
    Answer9,
}

impl AnswerKind {
    /// Every kind, in the order of [`names::ANSWERS`].
    pub const ALL: [AnswerKind; 7] = [
        AnswerKind::Receipt0,
        AnswerKind::Receipt1,
        AnswerKind::Answer2,
        AnswerKind::Answer5,
        AnswerKind::Answer7,
        AnswerKind::Answer8,
        AnswerKind::Answer9,
    ];

    /// The root element's name.
    pub fn root(self) -> &'static str {
        names::ANSWERS[self as usize]
    }

    /// Whether it is a receipt: a header and nothing else.
    pub fn is_receipt(self) -> bool {
        matches!(self, AnswerKind::Receipt0 | AnswerKind::Receipt1)
    }
}

/// One of the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// A bundle.
    Payment,
    /// A receipt or an answer.
    Answer(AnswerKind),
}

/// The status of a bundle or a payment (3.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// `ACPT`.
    Accepted,
    /// `RJCT`.
    Rejected,
    /// `PART`, of a bundle only (ASSUMED).
    Partial,
    /// Anything else: for a person (3.11, rule 8).
    Unknown,
}

impl Status {
    /// From the code.
    pub fn from_code(code: &str) -> Status {
        match code {
            "ACPT" => Status::Accepted,
            "RJCT" => Status::Rejected,
            "PART" => Status::Partial,
            _ => Status::Unknown,
        }
    }

    /// The code; of an unknown status `????`.
    pub fn code(self) -> &'static str {
        match self {
            Status::Accepted => "ACPT",
            Status::Rejected => "RJCT",
            Status::Partial => "PART",
            Status::Unknown => "????",
        }
    }
}

/// The account that received the money: confidential, only the paying authority may see it (3.7).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum AccountUsed<'a> {
    /// A Danish account.
    Danish(BankAccount),
    /// An IBAN, in clear.
    Foreign(&'a str),
}

impl std::fmt::Debug for AccountUsed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            AccountUsed::Danish(_) => "Danish(*)",
            AccountUsed::Foreign(_) => "Foreign(*)",
        })
    }
}

/// What became of a payment for which NKS found no account (3.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoAccountOutcome {
    /// Not paid; to be paid again.
    Returned,
    /// Paid as a check.
    PaidCheck,
    /// Paid to the authority's error account (fejlkonto).
    PaidErrorAccount,
    /// Paid to the state's waiting account (ventekonto).
    PaidWaitingAccount,
    /// A person must find out; never paid again by itself.
    Manual,
}

/// How answer 7 is told apart, first match wins; texts in small letters. The last two texts are ASSUMED.
const NO_ACCOUNT: [(Place, &str, NoAccountOutcome); 4] = [
    (
        Place::Start,
        "ingen nemkonto/specifik konto. myndigheden har valgt betalingen retur",
        NoAccountOutcome::Returned,
    ),
    (Place::Start, "bankcheck anvendes", NoAccountOutcome::PaidCheck),
    (Place::Anywhere, "fejlkonto", NoAccountOutcome::PaidErrorAccount),
    (Place::Anywhere, "ventekonto", NoAccountOutcome::PaidWaitingAccount),
];

#[derive(Clone, Copy)]
enum Place {
    Start,
    Anywhere,
}

/// What answer 7's text says became of the payment.
pub fn classify_no_account(text: &str) -> NoAccountOutcome {
    let text = text.trim().to_lowercase();
    let says = |(place, words, _): &&(Place, &str, NoAccountOutcome)| match place {
        Place::Start => text.starts_with(words),
        Place::Anywhere => text.contains(words),
    };
    NO_ACCOUNT.iter().find(says).map_or(NoAccountOutcome::Manual, |(_, _, outcome)| *outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_account_by_text() {
        use NoAccountOutcome::*;
        let table = [
            ("Ingen nemkonto/specifik konto. Myndigheden har valgt betalingen retur", Returned),
            ("INGEN NEMKONTO/SPECIFIK KONTO. MYNDIGHEDEN HAR VALGT BETALINGEN RETUR (x)", Returned),
            ("Bankcheck anvendes", PaidCheck),
            ("bankcheck anvendes, se oversigt", PaidCheck),
            ("Beløbet er overført til Fejlkonto", PaidErrorAccount),
            ("Overført til VENTEKONTO", PaidWaitingAccount),
            ("Ingen nemkonto/specifik konto.", Manual),
            ("Ingen bankcheck anvendes", Manual),
            ("", Manual),
        ];
        for (text, outcome) in table {
            assert_eq!(classify_no_account(text), outcome, "{text}");
        }
    }

    #[test]
    fn roots_and_kinds_stand_in_the_same_order() {
        for (place, kind) in AnswerKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place);
            assert_eq!(model::ANSWERS[place].local, kind.root());
            assert_eq!(model::ANSWERS[place].label, model::Label::Root(Message::Answer(kind)));
        }
    }
}
