//! What becomes of a payment request that passed every check of its own record (feature 2.3.6).
//!
//! Pure and in bulk: what must be looked up (rules, calendar, possible duplicates) is looked up once per chunk and
//! handed in. A single command calls the same function with a slice of one.

use jiff::civil::{Date, DateTime};
use sha2::{Digest, Sha256};
use toek_formats::vocabulary::{BenefitCode, MunicipalityCode, Ore, Party, SupplierId};

use super::calendar::BankDays;
use super::identity::{AttemptId, PaymentId};
use super::ledger::{Entry, Rule, Source, Vouchers};
use super::parameters::Settings;
use super::payment::{HoldReason, PaymentState};
use super::sending::{self, Due};

/// How the sender asks to be paid out (BETMAADE, g68.md 8.3), as far as deciding needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Method {
    /// 00 and 04: NemKonto, or the payee's account for this benefit, finds the account.
    NemKonto = 0,
    /// 01: to an account named in the request.
    NamedAccount = 1,
    /// 02: by payment slip.
    PaymentSlip = 2,
    /// 03: to an alternative receiver's NemKonto.
    AlternativeReceiver = 3,
    /// 05: cash or cheque at the municipality.
    Cash = 5,
    /// 09: registration only.
    Registration = 9,
}

impl Method {
    /// The method behind a code of the store.
    pub fn from_code(code: i64) -> Option<Method> {
        use Method::*;
        [NemKonto, NamedAccount, PaymentSlip, AlternativeReceiver, Cash, Registration]
            .into_iter()
            .find(|method| *method as i64 == code)
    }
}

/// A request that passed its record's own checks, narrowed to what deciding and paying need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The payment it would become.
    pub payment: PaymentId,
    /// Where its record begins in the original file, in bytes.
    pub offset: u64,
    /// The record's length in bytes.
    pub length: u32,
    /// The line it stands on, 1-based.
    pub line_no: u32,
    /// The paying municipality.
    pub municipality: MunicipalityCode,
    /// Who sends it (field 05 / LEVID, else the endpoint's supplier).
    pub supplier: SupplierId,
    /// What is granted.
    pub benefit: BenefitCode,
    /// Signed amount.
    pub amount: Ore,
    /// Who is paid.
    pub payee: Party,
    /// To whom the benefit is granted.
    pub recipient: Party,
    /// The day the sender named.
    pub disposition_day: Date,
    /// That day, or the bank day before it.
    pub effective_day: Date,
    /// The period the benefit covers.
    pub period: Option<(Date, Date)>,
    /// How it is to be paid.
    pub method: Method,
    /// Warnings its record raised, one bit each (see the store's table of codes).
    pub warnings: u64,
    /// The sender's posting reference (POSTHENV), 20 digits, two a byte.
    pub posting_ref: [u8; 10],
    /// Lines for the payee in ISO-8859-1, with line feeds between them.
    pub advice: Vec<u8>,
    /// See [`reference_fingerprint`].
    pub reference_fingerprint: i64,
    /// Whether its fields stand in fixed columns.
    pub is_fixed: bool,
}

/// Earlier payments that a candidate repeats, each confirmed by exact comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Duplicates {
    /// Same municipality, supplier and transaction reference, ever (00-decisions.md 4b).
    pub same_reference: Option<PaymentId>,
    /// Another reference but the same content within the last days (4c).
    pub same_content: Option<PaymentId>,
    /// What is known to be sent before a restore, from a file that was lost by it, and not matched by another record.
    pub sent_before: Option<AttemptId>,
}

/// A rule of intake that refuses a record which its own checks accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// G68-K09: the transaction reference was used before.
    ReferenceUsed(PaymentId),
    /// The payment method is not offered (00-decisions.md 5.3).
    MethodNotOffered,
}

/// What becomes of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Refused; nothing is owed because of it.
    Refuse(Refusal),
    /// Owed, and to be paid when due.
    Queue(Due),
    /// Too small to be paid: kept on the petty account.
    Petty,
    /// Kept for a person, not posted.
    Hold(HoldReason),
}

impl Decision {
    /// The payment's first state; `None` when there is no payment.
    pub fn state(self) -> Option<PaymentState> {
        match self {
            Decision::Refuse(_) => None,
            Decision::Queue(_) => Some(PaymentState::Waiting),
            Decision::Petty => Some(PaymentState::Petty),
            Decision::Hold(reason) => Some(PaymentState::Held(reason)),
        }
    }

    /// What is posted at once.
    pub fn rule(self) -> Option<Rule> {
        match self {
            Decision::Queue(_) => Some(Rule::P4),
            Decision::Petty => Some(Rule::P5),
            Decision::Refuse(_) | Decision::Hold(_) => None,
        }
    }
}

/// The least and the greatest amount that is paid of a benefit (feature 2.3.6); none: any. A municipality may have limits
/// of its own besides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Below it a payment goes to the petty account.
    pub minimum: Option<Ore>,
    /// Above it a person looks first.
    pub maximum: Option<Ore>,
}

/// Decides each candidate. `received`: when the transfer came, Danish time; the same on every repetition.
///
/// `settings` gives the rules in force for a municipality, `limits` those of a benefit; `duplicates` runs parallel to
/// `candidates`.
pub fn decide(
    candidates: &[Candidate],
    duplicates: &[Duplicates],
    received: DateTime,
    bank_days: &BankDays,
    settings: &dyn Fn(MunicipalityCode) -> Settings,
    limits: &dyn Fn(BenefitCode) -> Limits,
) -> Vec<Decision> {
    let mut known: Option<(MunicipalityCode, Settings)> = None; // a file is mostly one municipality's
    let mut decisions = Vec::with_capacity(candidates.len());
    for (candidate, duplicates) in candidates.iter().zip(duplicates) {
        let rules = match &known {
            Some((municipality, rules)) if *municipality == candidate.municipality => rules,
            _ => &known.insert((candidate.municipality, settings(candidate.municipality))).1,
        };
        let limits = limits(candidate.benefit);
        decisions.push(decide_one(candidate, *duplicates, received, bank_days, rules, limits));
    }
    decisions
}

fn decide_one(
    candidate: &Candidate,
    duplicates: Duplicates,
    received: DateTime,
    bank_days: &BankDays,
    rules: &Settings,
    limits: Limits,
) -> Decision {
    if let Some(earlier) = duplicates.same_reference {
        return Decision::Refuse(Refusal::ReferenceUsed(earlier));
    }
    match candidate.method {
        Method::PaymentSlip => return Decision::Refuse(Refusal::MethodNotOffered),
        Method::Registration => return Decision::Hold(HoldReason::Registration),
        Method::NemKonto | Method::NamedAccount | Method::AlternativeReceiver | Method::Cash => {}
    }
    if candidate.amount < Ore::ZERO {
        return Decision::Hold(HoldReason::Negative);
    }
    if candidate.method != Method::NemKonto {
        return Decision::Hold(HoldReason::Method);
    }
    if limits.maximum.is_some_and(|maximum| candidate.amount > maximum)
        || candidate.amount > Ore(rules.largest_payment_ore.into())
    {
        return Decision::Hold(HoldReason::Maximum);
    }
    if duplicates.same_content.is_some() || duplicates.sent_before.is_some() {
        return Decision::Hold(HoldReason::PossibleDuplicate);
    }
    if limits.minimum.is_some_and(|minimum| candidate.amount < minimum)
        || candidate.amount < Ore(rules.smallest_payment_ore.into())
    {
        return Decision::Petty;
    }
    Decision::Queue(due(candidate, received, bank_days, rules))
}

/// When a payment that is queued at `now` is to be sent: also one that was held, and is let go only now.
pub fn due(candidate: &Candidate, now: DateTime, bank_days: &BankDays, rules: &Settings) -> Due {
    let (day, disposition) = (candidate.effective_day, candidate.disposition_day);
    Due { day, immediate: sending::is_immediate(disposition, day, now, bank_days, rules) }
}

/// Posts what each decision brings: P4 for every queued candidate, P5 for those that are too small.
pub fn post(
    candidates: &[Candidate],
    decisions: &[Decision],
    source: Source,
    day: Date,
    vouchers: &mut Vouchers<'_>,
) {
    for (candidate, decision) in candidates.iter().zip(decisions) {
        if let Some(rule) = decision.rule() {
            let entry = Entry {
                payment: candidate.payment,
                municipality: candidate.municipality,
                benefit: candidate.benefit,
                amount: candidate.amount,
                bank: 1, // neither rule touches a bank account
            };
            vouchers.post(rule, source, day, entry);
        }
    }
}

/// A number that two requests share when municipality, supplier and transaction reference are the same, and
/// almost never otherwise: a hit is compared exactly. Kept in the store for ever, so it may not change.
pub fn reference_fingerprint(municipality: MunicipalityCode, supplier: SupplierId, reference: &[u8]) -> i64 {
    let mut hash = Sha256::new();
    hash.update(b"reference/1");
    hash.update(municipality.0.to_be_bytes());
    hash.update(supplier.0);
    hash.update(reference);
    first_eight(hash)
}

/// The same for municipality, payee, recipient, benefit, period, amount and effective day (00-decisions.md 4c).
pub fn content_fingerprint(candidate: &Candidate) -> i64 {
    let mut hash = Sha256::new();
    hash.update(b"content/1");
    hash.update(candidate.municipality.0.to_be_bytes());
    hash.update(candidate.benefit.0.to_be_bytes());
    hash.update(candidate.amount.0.to_be_bytes());
    for party in [candidate.payee, candidate.recipient] {
        hash.update([party.code as u8]);
        hash.update(party.number.to_be_bytes());
    }
    let period = candidate.period.map_or((Date::ZERO, Date::ZERO), |period| period);
    for day in [candidate.effective_day, period.0, period.1] {
        hash.update(day.year().to_be_bytes());
        hash.update([day.month() as u8, day.day() as u8]);
    }
    first_eight(hash)
}

fn first_eight(hash: Sha256) -> i64 {
    let digest = hash.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(first)
}

/// Whether two payments are the same in all that [`content_fingerprint`] covers.
pub fn same_content(a: &Candidate, b: &Candidate) -> bool {
    let content = |c: &Candidate| {
        (c.municipality, c.benefit, c.amount, c.payee, c.recipient, c.effective_day, c.period)
    };
    content(a) == content(b)
}

/// Packs 20 digits two a byte; anything else becomes zero.
pub fn pack_digits(digits: &[u8]) -> [u8; 10] {
    let mut packed = [0; 10];
    for (place, digit) in digits.iter().rev().take(20).rev().enumerate() {
        let place = place + 20 - digits.len().min(20);
        let value = digit.wrapping_sub(b'0').min(9);
        packed[place / 2] |= if place.is_multiple_of(2) { value << 4 } else { value };
    }
    packed
}

/// Unpacks what [`pack_digits`] packed.
pub fn unpack_digits(packed: &[u8; 10]) -> String {
    packed.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(b'0' + digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::parameters::Parameters;
    use jiff::civil::{date, datetime};
    use toek_formats::vocabulary::IdentCode;

    fn candidate() -> Candidate {
        let person = Party { code: IdentCode::Cpr, number: 2_512_489_996 };
        Candidate {
            payment: PaymentId::new(crate::domain::identity::TransferNo(1), 1),
            offset: 0,
            length: 850,
            line_no: 2,
            municipality: MunicipalityCode(751),
            supplier: SupplierId(*b"KSD "),
            benefit: BenefitCode(101),
            amount: Ore(1_845_600),
            payee: person,
            recipient: person,
            disposition_day: date(2026, 1, 30),
            effective_day: date(2026, 1, 30),
            period: None,
            method: Method::NemKonto,
            warnings: 0,
            posting_ref: [0; 10],
            advice: vec![],
            reference_fingerprint: 0,
            is_fixed: true,
        }
    }

    #[track_caller]
    fn check(candidate: Candidate, duplicates: Duplicates, received: DateTime, expected: Decision) {
        let parameters = Parameters::default();
        let settings = |municipality| parameters.at(municipality, received.date());
        let bank_days = BankDays::new(&[]);
        let limits = |_| Limits { minimum: Some(Ore(500)), maximum: Some(Ore::PAYMENT_MAXIMUM) };
        let decided = decide(&[candidate], &[duplicates], received, &bank_days, &settings, &limits);
        assert_eq!(decided, [expected]);
    }

    const EARLY: DateTime = datetime(2026, 1, 28, 8, 0, 0, 0);

    #[test]
    fn what_becomes_of_a_request() {
        let day = date(2026, 1, 30);
        let due = |immediate| Decision::Queue(Due { day, immediate });
        let none = Duplicates::default();
        let earlier = PaymentId::new(crate::domain::identity::TransferNo(1), 9);
        let with = |change: fn(&mut Candidate)| {
            let mut candidate = candidate();
            change(&mut candidate);
            candidate
        };
        check(candidate(), none, EARLY, due(false));
        check(with(|c| c.amount = Ore(-1)), none, EARLY, Decision::Hold(HoldReason::Negative));
        check(with(|c| c.amount = Ore::PAYMENT_MAXIMUM), none, EARLY, due(false));
        check(with(|c| c.amount = Ore(1_000_000_000)), none, EARLY, Decision::Hold(HoldReason::Maximum));
        check(with(|c| c.amount = Ore(500)), none, EARLY, due(false));
        check(with(|c| c.amount = Ore(499)), none, EARLY, Decision::Petty);
        check(with(|c| c.method = Method::Cash), none, EARLY, Decision::Hold(HoldReason::Method));
        check(with(|c| c.method = Method::NamedAccount), none, EARLY, Decision::Hold(HoldReason::Method));
        check(
            with(|c| c.method = Method::Registration),
            none,
            EARLY,
            Decision::Hold(HoldReason::Registration),
        );
        check(
            with(|c| c.method = Method::PaymentSlip),
            none,
            EARLY,
            Decision::Refuse(Refusal::MethodNotOffered),
        );
        let same = Duplicates { same_content: Some(earlier), ..none };
        check(candidate(), same, EARLY, Decision::Hold(HoldReason::PossibleDuplicate));
        let before = Duplicates {
            sent_before: Some(crate::domain::identity::AttemptId { payment: earlier, attempt: 1 }),
            ..none
        };
        check(candidate(), before, EARLY, Decision::Hold(HoldReason::PossibleDuplicate));
        let used = Duplicates { same_reference: Some(earlier), ..same };
        check(candidate(), used, EARLY, Decision::Refuse(Refusal::ReferenceUsed(earlier)));
    }

    #[test]
    fn a_benefits_own_maximum_holds_a_payment_that_nemkonto_would_take() {
        let (received, bank_days) = (EARLY, BankDays::new(&[]));
        let parameters = Parameters::default();
        let settings = |municipality| parameters.at(municipality, received.date());
        let limits = |_| Limits { minimum: None, maximum: Some(Ore(1_845_599)) };
        let all =
            [candidate(), Candidate { benefit: BenefitCode(102), amount: Ore(1_845_599), ..candidate() }];
        let decided = decide(&all, &[Duplicates::default(); 2], received, &bank_days, &settings, &limits);
        assert_eq!(decided[0], Decision::Hold(HoldReason::Maximum));
        assert!(matches!(decided[1], Decision::Queue(_)));
    }

    #[test]
    fn a_municipalitys_limits_hold_beside_the_benefits() {
        let (received, bank_days) = (EARLY, BankDays::new(&[]));
        let ours =
            |_| Settings { smallest_payment_ore: 700, largest_payment_ore: 1_845_599, ..Settings::default() };
        let limits = |_| Limits { minimum: Some(Ore(500)), maximum: Some(Ore(2_000_000)) };
        let of = |ore| Candidate { amount: Ore(ore), ..candidate() };
        let all = [of(1_845_600), of(1_845_599), of(700), of(699)];
        let decided = decide(&all, &[Duplicates::default(); 4], received, &bank_days, &ours, &limits);
        assert_eq!((decided[0], decided[3]), (Decision::Hold(HoldReason::Maximum), Decision::Petty));
        assert!(decided[1..3].iter().all(|made| matches!(made, Decision::Queue(_))), "{decided:?}");
    }

    #[test]
    fn a_request_that_missed_the_ordinary_sending_is_immediate() {
        let due = |immediate| Decision::Queue(Due { day: date(2026, 1, 30), immediate });
        let none = Duplicates::default();
        check(candidate(), none, datetime(2026, 1, 28, 12, 59, 59, 0), due(false));
        check(candidate(), none, datetime(2026, 1, 28, 13, 0, 0, 0), due(true));
        check(candidate(), none, datetime(2026, 1, 30, 7, 0, 0, 0), due(true));
    }

    #[test]
    fn what_is_let_go_late_is_immediate() {
        let rules = Parameters::default().at(MunicipalityCode(751), date(2026, 1, 28));
        let bank_days = BankDays::new(&[]);
        for (now, immediate) in [
            (EARLY, false),
            (datetime(2026, 1, 28, 13, 0, 0, 0), true),
            (datetime(2026, 1, 30, 9, 0, 0, 0), true),
            (datetime(2026, 3, 1, 9, 0, 0, 0), true),
        ] {
            let due = due(&candidate(), now, &bank_days, &rules);
            assert_eq!(due, Due { day: date(2026, 1, 30), immediate }, "{now}");
        }
    }

    #[test]
    fn fingerprints_never_change() {
        // They are kept in the store for ever: another value here would make every old reference unknown.
        let reference = reference_fingerprint(MunicipalityCode(751), SupplierId(*b"KSD "), b"REF-1");
        assert_eq!(reference, REFERENCE);
        assert_eq!(content_fingerprint(&candidate()), CONTENT);
    }

    const REFERENCE: i64 = -1_113_385_096_170_661_968;
    const CONTENT: i64 = 8_029_397_134_688_080_196;

    #[test]
    fn posting_references_pack() {
        for digits in ["20260130009010000001", "00000000000000000000", "99999999999999999999", "7"] {
            assert_eq!(unpack_digits(&pack_digits(digits.as_bytes())), format!("{digits:0>20}"));
        }
    }
}
