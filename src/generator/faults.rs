//! What can be wrong or unusual about a generated record, and what must become of it then.
//!
//! One table. The codes are those of g68.md section 10, read from the specification. Where a fault breaks two
//! rules (a foreign municipality may also be an unknown one), both stand there: a record is refused by either.

use toek_formats::vocabulary::{IdentCode, Party};

use super::draft::Draft;
use super::manifest::HeldReason;
use super::record::{Field, Form, Record};

/// What must become of a record with this fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Refused with one of these codes.
    Rejected(&'static [&'static str]),
    /// Kept for a person.
    Held(HeldReason),
    /// Paid like any other: unusual, not wrong.
    Paid,
}

macro_rules! faults {
    ($($(#[$meta:meta])* $fault:ident $name:literal $effect:expr;)*) => {
        /// One thing that is wrong or unusual about a record.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Fault { $($(#[$meta])* $fault,)* }

        impl Fault {
            /// All there are.
            pub const ALL: &[Fault] = &[$(Fault::$fault,)*];

            /// The name in options and manifests.
            pub fn name(self) -> &'static str {
                match self { $(Fault::$fault => $name,)* }
            }

            /// What must become of the record.
            pub fn effect(self) -> Effect {
                match self { $(Fault::$fault => $effect,)* }
            }
        }
    };
}

use Effect::{Held, Paid, Rejected};

faults! {
    /// A letter O among the digits of the amount.
    LetterInAmount "letter-in-amount" Rejected(&["G68-F04"]);
    /// An amount of nothing.
    AmountZero "amount-zero" Rejected(&["G68-F06"]);
    /// 30 February.
    ImpossibleDate "impossible-date" Rejected(&["G68-F05"]);
    /// `*` for plus.
    BadSign "bad-sign" Rejected(&["G68-F07"]);
    /// No case reference.
    MissingCase "missing-case" Rejected(&["G68-F08", "G68-X01"]);
    /// A control character in the text.
    ControlCharacter "control-character" Rejected(&["G68-F12"]);
    /// Cut short in transport (fixed form only).
    CutRecord "cut-record" Rejected(&["G68-F02"]);
    /// Ident code 07.
    UnknownIdentCode "unknown-ident-code" Rejected(&["G68-T03"]);
    /// A company number that fails modulus 11.
    CompanyCheckDigit "company-check-digit" Rejected(&["G68-T08"]);
    /// A CPR number with month 13.
    ImpossibleBirth "impossible-birth" Rejected(&["G68-T10"]);
    /// Transaction type 99.
    UnknownType "unknown-type" Rejected(&["G68-T02"]);
    /// A benefit type nobody grants.
    UnknownBenefit "unknown-benefit" Rejected(&["G68-T05"]);
    /// A supplier nobody registered.
    UnknownSupplier "unknown-supplier" Rejected(&["G68-T06"]);
    /// Organisation type 01.
    OrganisationType "organisation-type" Rejected(&["G68-T13"]);
    /// Another paying unit than in the header of the record.
    OtherUnit "other-unit" Rejected(&["G68-K01", "G68-T01"]);
    /// A record of another municipality than the file's.
    OtherMunicipality "other-municipality" Rejected(&["G68-K02", "G68-T01", "G68-T06"]);
    /// Leading digits that no number of this kind has.
    NumberTooLong "number-too-long" Rejected(&["G68-K03", "G68-T08", "G68-T10"]);
    /// A period that ends before it begins.
    PeriodReversed "period-reversed" Rejected(&["G68-K04"]);
    /// To be paid weeks before the delivery.
    LongPast "long-past" Rejected(&["G68-K05"]);
    /// A posting reference used by the record before.
    PostingRepeated "posting-repeated" Rejected(&["G68-K08"]);
    /// A transaction reference used by the record before.
    ReferenceRepeated "reference-repeated" Rejected(&["G68-K09"]);
    /// A production unit as payee of a sickness benefit.
    ProductionUnit "production-unit" Rejected(&["G68-K10"]);
    /// A correction downwards that names no payment.
    NegativeAlone "negative-alone" Rejected(&["G68-K11"]);
    /// A count of text lines that is not the number of lines (fixed form only).
    TextCount "text-count" Rejected(&["G68-K13"]);
    /// A creditor account number, which NemKonto cannot look up.
    CreditorAccount "creditor-account" Rejected(&["G68-K15"]);
    /// A replacement CPR number (day + 60) as payee.
    ReplacementNumber "replacement-number" Rejected(&["G68-K16"]);
    /// A correction downwards of the payment before.
    Negative "negative" Held(HeldReason::Negative);
    /// The payment before once more, under a reference of its own.
    SuspectedDuplicate "suspected-duplicate" Held(HeldReason::Duplicate);
    /// More than 9,999,999.99 kr.
    OverMaximum "over-maximum" Held(HeldReason::Maximum);
    /// Method 01: a named bank account.
    NamedAccount "named-account" Held(HeldReason::Method);
    /// Method 03: an alternative receiver.
    OtherReceiver "other-receiver" Held(HeldReason::Method);
    /// Type 00, method 05: cash, already paid.
    Cash "cash" Held(HeldReason::Method);
    /// To be paid on a day when banks are closed: paid on the bank day before.
    ClosedDay "closed-day" Paid;
    /// A CPR number that fails modulus 11, which is lawful.
    PersonCheckDigit "person-check-digit" Paid;
    /// The one-character ident code `C`.
    LetterCode "letter-code" Paid;
    /// A blank for plus.
    BlankSign "blank-sign" Paid;
}

/// A production unit of the constructed series (danish-identifiers.md 4).
const PRODUCTION_UNIT: u64 = 1_999_999_999;

impl Fault {
    /// The fault of this name.
    pub fn named(name: &str) -> Option<Fault> {
        Fault::ALL.iter().copied().find(|fault| fault.name() == name)
    }

    /// Whether it can be written in this form.
    pub fn fits(self, form: Form) -> bool {
        form == Form::Fixed || !matches!(self, Fault::CutRecord | Fault::TextCount | Fault::BlankSign)
    }

    /// Whether it refers to the record before.
    pub fn needs_earlier(self) -> bool {
        matches!(
            self,
            Fault::PostingRepeated | Fault::ReferenceRepeated | Fault::Negative | Fault::SuspectedDuplicate
        )
    }

    /// Changes what the record means. `earlier` is the faultless record before it.
    pub(super) fn alter<'a>(self, draft: &mut Draft<'a>, earlier: &Draft<'a>) {
        match self {
            Fault::AmountZero => draft.amount_ore = 0,
            Fault::MissingCase => draft.case = String::new(),
            Fault::CompanyCheckDigit => draft.payee = company(draft.payee.number / 10 * 10, true),
            Fault::UnknownBenefit => draft.benefit = 999,
            Fault::UnknownSupplier => draft.supplier = "ZZZZ".to_owned(),
            Fault::OtherMunicipality => {
                draft.municipality = if draft.municipality == 101 { 751 } else { 101 };
                draft.unit = draft.municipality;
            }
            Fault::OtherUnit => draft.unit = if draft.municipality == 101 { 751 } else { 101 },
            Fault::PeriodReversed => draft.period = (draft.period.1, draft.period.0),
            Fault::LongPast => draft.pay_on(draft.dates.long_past, None),
            Fault::PostingRepeated => draft.posting_ref.clone_from(&earlier.posting_ref),
            Fault::ReferenceRepeated => draft.transaction_ref.clone_from(&earlier.transaction_ref),
            Fault::ProductionUnit => {
                draft.payee = Party { code: IdentCode::ProductionUnit, number: PRODUCTION_UNIT };
            }
            Fault::NegativeAlone => {
                draft.amount_ore = -draft.amount_ore;
                draft.invoice = None;
            }
            Fault::CreditorAccount => {
                draft.payee = Party { code: IdentCode::CreditorAccount, number: draft.payee.number };
            }
            Fault::ReplacementNumber => {
                let number = draft.recipient.number + 6_000_000_000;
                draft.payee = Party { code: IdentCode::Cpr, number };
            }
            Fault::Negative => {
                draft.pay_like(earlier);
                draft.amount_ore = -(earlier.amount_ore / 3 + 1);
                draft.invoice = earlier.invoice;
            }
            Fault::SuspectedDuplicate => draft.pay_like(earlier),
            Fault::OverMaximum => draft.amount_ore += 1_000_000_000,
            Fault::NamedAccount => draft.method = 1,
            Fault::OtherReceiver => draft.method = 3,
            Fault::Cash => (draft.kind, draft.method) = (0, 5),
            Fault::ClosedDay => draft.pay_on(draft.dates.closed, Some(draft.dates.before_closed)),
            Fault::PersonCheckDigit => draft.payee = other_ending(draft.recipient),
            Fault::LetterCode => draft.payee = company(draft.payee.number, false),
            Fault::UnknownType => draft.kind = 99,
            Fault::LetterInAmount
            | Fault::ImpossibleDate
            | Fault::BadSign
            | Fault::ControlCharacter
            | Fault::CutRecord
            | Fault::UnknownIdentCode
            | Fault::ImpossibleBirth
            | Fault::OrganisationType
            | Fault::NumberTooLong
            | Fault::TextCount
            | Fault::BlankSign => {}
        }
    }

    /// Damages what was written.
    pub(super) fn spoil(self, record: &mut Record) {
        match self {
            Fault::LetterInAmount => record.spoil(Field::Beloeb, 6, b'O'),
            Fault::ImpossibleDate => {
                for (position, digit) in (5..).zip(*b"0230") {
                    record.spoil(Field::Dispdato, position, digit);
                }
            }
            Fault::BadSign => record.spoil(Field::Fortegn, 1, b'*'),
            Fault::BlankSign => record.spoil(Field::Fortegn, 1, b' '),
            Fault::ControlCharacter => record.spoil(Field::Tekst1, 3, 0x07),
            Fault::UnknownIdentCode => record.text(Field::Identkode, "07"),
            Fault::ImpossibleBirth => {
                record.text(Field::Identkode, "02");
                record.number(Field::Identnr, 113_500_000); // born on the first of the thirteenth month
            }
            Fault::OrganisationType => record.number(Field::Orgtype, 1),
            Fault::NumberTooLong => record.spoil(Field::Identnr, 1, b'7'),
            Fault::TextCount => record.number(Field::Tekstant, 3),
            Fault::LetterCode => record.text(Field::Identkode, "C"),
            _ => {}
        }
    }

    /// How many characters of the written record are left.
    pub(super) fn kept(self) -> usize {
        if self == Fault::CutRecord { 400 } else { usize::MAX }
    }
}

/// A company number close to the given one, with its check digit right or wrong.
fn company(near: u64, wrong: bool) -> Party {
    let number = super::people::employer(near);
    let number = if wrong { number / 10 * 10 + (number + 1) % 10 } else { number };
    Party { code: IdentCode::Cvr, number }
}

/// The same person with the last digit moved on, so that modulus 11 fails.
fn other_ending(person: Party) -> Party {
    Party { code: IdentCode::Cpr, number: person.number / 10 * 10 + (person.number + 1) % 10 }
}
