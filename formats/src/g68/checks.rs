//! The rules between fields: cross table (X), tables (T), combinations (K) (g68.md 10.3 to 10.5).
//!
//! Each check skips what could not be read: that was told already. Pure apart from the look-ups.

use crate::layout::bytes;
use crate::vocabulary::{
    BenefitCode, IdentCode, MunicipalityCode, Party, SupplierId, kle_is_valid, modulus11_cvr,
    slip_id_is_valid,
};

use super::Tables;
use super::cells::{Cells, Lines, MOST_TEXT_LINES, padded_ref};
use super::codes::Code;
use super::days::{Day, Standing};
use super::finding::Findings;
use super::plan::{Plans, Span};
use super::request::{Method, TransactionType};
use super::slots::Slot;

const fn bit(slot: Slot) -> u64 {
    Cells::bit(slot)
}

const fn bits(slots: &[Slot]) -> u64 {
    let mut all = 0;
    let mut place = 0;
    while place < slots.len() {
        all |= bit(slots[place]);
        place += 1;
    }
    all
}

/// The fields that say where the money goes.
const DESTINATION: u64 = bits(&[
    Slot::BankRegistration,
    Slot::BankAccount,
    Slot::SlipType,
    Slot::SlipId,
    Slot::SlipCreditor,
    Slot::AlternativeCode,
    Slot::AlternativeNumber,
]);
const ACCOUNT: u64 = bits(&[Slot::BankRegistration, Slot::BankAccount]);
const SLIP: u64 = bits(&[Slot::SlipType, Slot::SlipId, Slot::SlipCreditor]);
const ALTERNATIVE: u64 = bits(&[Slot::AlternativeCode, Slot::AlternativeNumber]);

/// Which methods a transaction type permits (g68.md 10.3). ASSUMED.
const fn permitted(kind: TransactionType) -> &'static [Method] {
    use Method::*;
    match kind {
        TransactionType::Registration => &[Cash, NoPayment],
        TransactionType::Payment => {
            &[NemKonto, BankAccount, PaymentSlip, AlternativeReceiver, BenefitAccount]
        }
        TransactionType::Forced => &[BankAccount, PaymentSlip, AlternativeReceiver],
    }
}

/// Destination fields a method needs, and those it allows (g68.md 8.3). ASSUMED.
const fn destination(method: Method) -> (u64, u64) {
    match method {
        Method::NemKonto | Method::BenefitAccount | Method::Cash | Method::NoPayment => (0, 0),
        Method::BankAccount => (ACCOUNT | bit(Slot::Name), ACCOUNT),
        Method::PaymentSlip => (bits(&[Slot::SlipType, Slot::SlipCreditor]), SLIP),
        Method::AlternativeReceiver => (ALTERNATIVE, ALTERNATIVE),
    }
}

/// Slip type, digits of its id (0: none), and the largest creditor number (g68.md 8.4). ASSUMED.
const SLIP_TYPES: [(u64, u32); 5] = [(71, 15), (75, 16), (73, 0), (4, 16), (1, 0)];

/// The first benefit types that cannot be paid to a P-number: sickness benefit (K10).
const SICKNESS_BENEFITS: std::ops::RangeInclusive<u16> = 101..=103;

/// The lowest postcode (T12).
const LOWEST_POSTCODE: u64 = 555;

/// A code and a number that name somebody, as read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who {
    /// 0 when not given or not readable.
    code: u8,
    number: u64,
    role: Role,
    ident: Option<IdentCode>,
    party: Option<Party>,
}

/// Where a code and a number stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Payee,
    Recipient,
    Alternative,
    /// The recipient, told by the partner.
    FinanceRecipient,
}

impl Role {
    /// The slots of code and number.
    const fn slots(self) -> (Slot, Slot) {
        match self {
            Role::Payee => (Slot::PayeeCode, Slot::PayeeNumber),
            Role::Recipient => (Slot::RecipientCode, Slot::RecipientNumber),
            Role::Alternative => (Slot::AlternativeCode, Slot::AlternativeNumber),
            Role::FinanceRecipient => (Slot::FinanceRecipientCode, Slot::FinanceRecipientNumber),
        }
    }
}

impl Who {
    #[inline(always)]
    fn of(cells: &Cells<'_>, role: Role) -> Who {
        let (code, number) = role.slots();
        let (code, number) = (cells.number(code) as u8, cells.number(number));
        let ident = if code == 0 { None } else { IdentCode::from_code(code) };
        let party = match ident {
            Some(code) if number > 0 && fits(code, number) => Some(Party { code, number }),
            _ => None,
        };
        Who { code, number, role, ident, party }
    }

    /// The party, when code and number can be read and fit.
    #[inline(always)]
    pub(super) fn party(&self) -> Option<Party> {
        self.party
    }

    /// Both can be read and the number does not fit the code.
    #[inline(always)]
    fn misfits(&self) -> bool {
        self.number > 0 && self.ident.is_some() && self.party.is_none()
    }
}

/// Whether a number has the digits its code asks for (g68.md 7, rule 3).
#[inline(always)]
fn fits(code: IdentCode, number: u64) -> bool {
    match code {
        IdentCode::CreditorAccount => number < 100_000_000_000_000,
        IdentCode::Cpr => number < 10_000_000_000,
        IdentCode::ProductionUnit => (1_000_000_000..10_000_000_000).contains(&number),
        IdentCode::Se | IdentCode::Cvr => number < 100_000_000,
    }
}

/// What the record says about its benefit and its accounting, whichever record of the pair it stands in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resolved<'a> {
    pub(super) kind: Option<TransactionType>,
    pub(super) method: Option<Method>,
    /// The method that was given or inferred, known or not; `None` when unreadable.
    method_code: Option<u64>,
    pub(super) municipality: Option<MunicipalityCode>,
    pub(super) supplier: Option<SupplierId>,
    pub(super) benefit: Option<BenefitCode>,
    pub(super) payee: Who,
    pub(super) recipient: Who,
    pub(super) alternative: Who,
    pub(super) account: &'a [u8],
    pub(super) case_ref: &'a [u8],
    /// Empty: the posting reference is the transaction reference (00-decisions.md 4).
    pub(super) transaction_ref: &'a [u8],
    pub(super) posting: Option<[u8; 20]>,
}

/// A record, its partner and what is known around them.
pub(super) struct Case<'r, 'a> {
    pub(super) cells: Cells<'a>,
    pub(super) lines: &'r Lines,
    pub(super) floating: bool,
    pub(super) partner: Option<Cells<'a>>,
    pub(super) partner_line: u32,
    pub(super) plans: &'r Plans,
}

impl<'a> Case<'_, 'a> {
    /// Adds a finding about a field of the G68 record; no columns when the field is not there.
    #[cold]
    fn blame(&self, code: Code, slot: Slot, findings: &mut Findings) {
        let Span { at, len } = self.cells.span(slot);
        let personal = self.plans.personal.get(slot as usize).copied().unwrap_or(true);
        findings.add(code, Some(slot), usize::from(at), usize::from(len), personal);
    }

    /// Adds a finding about the code or the number of somebody, in whichever record it stands.
    #[cold]
    fn blame_who(&self, code: Code, who: &Who, is_code: bool, findings: &mut Findings) {
        let (code_slot, number_slot) = who.role.slots();
        let slot = if is_code { code_slot } else { number_slot };
        match self.partner.filter(|_| who.role == Role::FinanceRecipient) {
            None => self.blame(code, slot, findings),
            Some(partner) => {
                let own_line = std::mem::replace(&mut findings.line_no, self.partner_line);
                let Span { at, len } = partner.span(slot);
                findings.add(code, Some(slot), usize::from(at), usize::from(len), true);
                findings.line_no = own_line;
            }
        }
    }

    /// Brings together what the record says and, where the floating form leaves it out, what its partner says.
    #[inline]
    pub(super) fn resolve<T: Tables>(&self, own_supplier: Option<SupplierId>, tables: &T) -> Resolved<'a> {
        let cells = &self.cells;
        let method_code = self.method_code();
        let kind = cells.given_number(Slot::TransactionType).and_then(TransactionType::from_code);
        let municipality = cells.given_number(Slot::OrganisationUnit);
        let supplier = if cells.readable(Slot::Supplier) { supplier(cells) } else { own_supplier };
        let mut resolved = Resolved {
            kind,
            method: method_code.and_then(Method::from_code),
            method_code,
            municipality: municipality.map(|code| MunicipalityCode(code as u16)),
            supplier,
            benefit: cells.given_number(Slot::Benefit).map(|code| BenefitCode(code as u16)),
            payee: Who::of(cells, Role::Payee),
            recipient: Who::of(cells, Role::Recipient),
            alternative: Who::of(cells, Role::Alternative),
            account: cells.text(Slot::Account),
            case_ref: cells.text(Slot::CaseRef),
            transaction_ref: cells.text(Slot::TransactionRef),
            posting: if cells.readable(Slot::PostingRef) {
                padded_ref(cells.bytes(Slot::PostingRef))
            } else {
                None
            },
        };
        if let Some(partner) = self.partner.as_ref().filter(|_| self.floating) {
            self.resolve_from(partner, &mut resolved, tables);
        }
        resolved
    }

    /// Field by field from the G69 record (g68.md 11).
    fn resolve_from<T: Tables>(&self, partner: &Cells<'a>, resolved: &mut Resolved<'a>, tables: &T) {
        let absent = |slot: Slot| self.cells.present() & bit(slot) == 0;
        if absent(Slot::Account) {
            resolved.account = partner.text(Slot::FinanceAccount);
        }
        if absent(Slot::RecipientCode) && absent(Slot::RecipientNumber) {
            resolved.recipient = Who::of(partner, Role::FinanceRecipient);
        }
        if absent(Slot::CaseRef) {
            let external = partner.text(Slot::ExternalRef);
            let text = partner.text(Slot::PostingText);
            resolved.case_ref = if external.is_empty() { text } else { external };
        }
        if absent(Slot::Benefit) {
            let supplier = resolved.supplier;
            resolved.benefit =
                supplier.and_then(|supplier| tables.default_benefit(supplier, resolved.account));
        }
    }

    /// The method as given; a floating record without one says it by its destination fields (g68.md 11).
    #[inline(always)]
    fn method_code(&self) -> Option<u64> {
        let present = self.cells.present();
        if !self.floating || present & bit(Slot::Method) != 0 {
            return self.cells.given_number(Slot::Method);
        }
        let method = match present {
            present if present & ACCOUNT != 0 => Method::BankAccount,
            present if present & SLIP != 0 => Method::PaymentSlip,
            present if present & ALTERNATIVE != 0 => Method::AlternativeReceiver,
            _ => Method::NemKonto,
        };
        Some(u64::from(method.code()))
    }

    /// Cross table: transaction type and payment method against the information given (X01, X02).
    #[inline]
    pub(super) fn cross_table(&self, resolved: &Resolved<'_>, findings: &mut Findings) {
        let present = self.cells.present();
        if self.floating {
            self.accounting_is_there(resolved, findings);
        }
        if present & bit(Slot::Filler) != 0 && self.cells.number(Slot::Filler) != 0 {
            self.blame(Code::X02, Slot::Filler, findings);
        }
        let negative = self.cells.number(Slot::Sign) == u64::from(b'-');
        if negative && resolved.kind.is_some_and(|kind| kind != TransactionType::Payment) {
            self.blame(Code::X02, Slot::Sign, findings);
        }
        let Some(method) = resolved.method else { return };
        if resolved.kind.is_some_and(|kind| !permitted(kind).contains(&method)) {
            self.blame(Code::X02, Slot::Method, findings);
        }
        let (mut needed, mut allowed) = destination(method);
        if method == Method::PaymentSlip {
            (needed, allowed) = self.slip_fields(needed, allowed);
        }
        self.blame_each(Code::X01, needed & !present, findings);
        self.blame_each(Code::X02, present & DESTINATION & !allowed, findings);
    }

    /// The hub's own fields, which a floating record may leave to its partner, in their order.
    #[inline(always)]
    fn accounting_is_there(&self, resolved: &Resolved<'_>, findings: &mut Findings) {
        let absent = |slot: Slot| self.cells.present() & bit(slot) == 0;
        let checks = [
            (Slot::Benefit, resolved.benefit.is_none()),
            (Slot::RecipientCode, resolved.recipient.code == 0 && absent(Slot::RecipientCode)),
            (Slot::RecipientNumber, resolved.recipient.number == 0 && absent(Slot::RecipientNumber)),
            (Slot::Account, resolved.account.is_empty()),
            (Slot::CaseRef, resolved.case_ref.is_empty()),
        ];
        for (slot, missing) in checks {
            // A field that is there but could not be read was told already.
            if missing && self.cells.present() & bit(slot) == 0 {
                self.blame(Code::X01, slot, findings);
            }
        }
    }

    fn slip_fields(&self, needed: u64, allowed: u64) -> (u64, u64) {
        let id = bit(Slot::SlipId);
        match slip_id_digits(self.cells.number(Slot::SlipType)) {
            Some(0) => (needed, allowed & !id),
            Some(_) => (needed | id, allowed),
            None => (needed, allowed),
        }
    }

    #[inline(always)]
    fn blame_each(&self, code: Code, mut slots: u64, findings: &mut Findings) {
        while slots != 0 {
            let place = slots.trailing_zeros() as usize;
            slots &= slots - 1;
            if let Some(slot) = <Slot as crate::layout::Slot>::ALL.get(place) {
                self.blame(code, *slot, findings);
            }
        }
    }

    /// Table controls (T01 to T13).
    #[inline]
    pub(super) fn tables<T: Tables>(
        &self,
        resolved: &Resolved<'_>,
        memo: &mut Memo,
        tables: &T,
        findings: &mut Findings,
    ) {
        let cells = &self.cells;
        if resolved.municipality.is_some_and(|code| !memo.municipality(code, tables)) {
            self.blame(Code::T01, Slot::OrganisationUnit, findings);
        }
        if resolved.kind.is_none() && cells.readable(Slot::TransactionType) {
            self.blame(Code::T02, Slot::TransactionType, findings);
        }
        for who in [&resolved.payee, &resolved.recipient, &resolved.alternative] {
            if who.code != 0 && who.ident.is_none() {
                self.blame_who(Code::T03, who, true, findings);
            }
        }
        if resolved.method.is_none() && resolved.method_code.is_some() {
            self.blame(Code::T04, Slot::Method, findings);
        }
        if resolved.benefit.is_some_and(|code| !memo.benefit(code, tables)) {
            self.blame(Code::T05, Slot::Benefit, findings);
        }
        if !memo.supplier(resolved.municipality, resolved.supplier, tables) {
            self.blame(Code::T06, Slot::Supplier, findings);
        }
        if resolved.method == Some(Method::PaymentSlip) {
            self.slip(findings);
        }
        self.numbers_are_real(resolved, findings);
        self.small_tables(findings);
    }

    fn slip(&self, findings: &mut Findings) {
        let Some(kind) = self.cells.given_number(Slot::SlipType) else { return };
        let Some(digits) = slip_id_digits(kind) else {
            return self.blame(Code::T07, Slot::SlipType, findings);
        };
        let Some(id) = self.cells.given_number(Slot::SlipId) else { return };
        if digits > 0 && !slip_id_fits(id, digits) {
            self.blame(Code::T07, Slot::SlipId, findings);
        }
    }

    #[inline(always)]
    fn numbers_are_real(&self, resolved: &Resolved<'_>, findings: &mut Findings) {
        let payee = &resolved.payee;
        let fault = fault(payee.party());
        for who in [payee, &resolved.recipient, &resolved.alternative] {
            let Some(party) = who.party() else { continue };
            // The citizen is mostly payee and recipient at once.
            let same = party.number == payee.number && who.code == payee.code;
            let found = if same { fault } else { self::fault(Some(party)) };
            if let Some(code) = found {
                self.blame_who(code, who, false, findings);
            }
        }
    }

    #[inline(always)]
    fn small_tables(&self, findings: &mut Findings) {
        let cells = &self.cells;
        let kle = cells.text(Slot::Kle);
        if !kle.is_empty() && !is_plain_kle(kle) && !std::str::from_utf8(kle).is_ok_and(kle_is_valid) {
            self.blame(Code::T11, Slot::Kle, findings);
        }
        let postcode = cells.number(Slot::Postcode);
        if postcode > 0 && postcode < LOWEST_POSTCODE {
            self.blame(Code::T12, Slot::Postcode, findings);
        }
        if cells.number(Slot::OrganisationType) != 0 {
            self.blame(Code::T13, Slot::OrganisationType, findings);
        }
    }

    /// Combination controls (K01 to K18), those against other records apart.
    #[inline]
    pub(super) fn combinations(
        &self,
        resolved: &Resolved<'_>,
        sender: Option<MunicipalityCode>,
        day: Option<&Day>,
        findings: &mut Findings,
    ) {
        let cells = &self.cells;
        let unit = cells.given_number(Slot::OrganisationUnit);
        let paying = cells.given_number(Slot::PayingUnit);
        if unit.is_some() && paying.is_some() && unit != paying {
            self.blame(Code::K01, Slot::PayingUnit, findings);
        }
        if let (Some(own), Some(sender)) = (resolved.municipality, sender)
            && own != sender
        {
            self.blame(Code::K02, Slot::OrganisationUnit, findings);
        }
        for who in [&resolved.payee, &resolved.recipient, &resolved.alternative] {
            if who.misfits() {
                self.blame_who(Code::K03, who, false, findings);
            }
        }
        self.period(findings);
        self.dates(resolved, day, findings);
        self.payees(resolved, findings);
    }

    #[inline(always)]
    fn period(&self, findings: &mut Findings) {
        let ends = bits(&[Slot::PeriodFrom, Slot::PeriodTo]);
        match self.cells.present() & ends {
            0 => {}
            both if both == ends => {
                let (from, to) = (self.cells.number(Slot::PeriodFrom), self.cells.number(Slot::PeriodTo));
                if from > to && to > 0 {
                    self.blame(Code::K04, Slot::PeriodFrom, findings);
                }
            }
            one => self.blame_each(Code::K04, one, findings),
        }
    }

    #[inline(always)]
    fn dates(&self, resolved: &Resolved<'_>, day: Option<&Day>, findings: &mut Findings) {
        let Some(day) = day else { return };
        let to_be_paid = resolved.kind.is_some_and(|kind| kind != TransactionType::Registration);
        match day.standing {
            Standing::InTime => {}
            Standing::Late if to_be_paid => self.blame(Code::K05, Slot::DispositionDate, findings),
            Standing::TooLate if to_be_paid => self.blame(Code::K05TooLate, Slot::DispositionDate, findings),
            Standing::Late | Standing::TooLate => {}
            Standing::FarAhead => self.blame(Code::K06, Slot::DispositionDate, findings),
        }
        if resolved.method.is_some_and(Method::is_paid_by_bank) && day.bank_day != day.disposition {
            self.blame(Code::K07, Slot::DispositionDate, findings);
        }
    }

    #[inline(always)]
    fn payees(&self, resolved: &Resolved<'_>, findings: &mut Findings) {
        let unit = IdentCode::ProductionUnit as u8;
        let benefit = resolved.benefit.map_or(0, |benefit| benefit.0);
        if resolved.payee.code == unit && SICKNESS_BENEFITS.contains(&benefit) {
            self.blame(Code::K10, Slot::PayeeNumber, findings);
        }
        let negative = self.cells.number(Slot::Sign) == u64::from(b'-');
        if negative && self.cells.present() & bit(Slot::InvoiceNo) == 0 {
            self.blame(Code::K11, Slot::InvoiceNo, findings);
        }
        self.text_lines(findings);
        let (payee, alternative) = (resolved.payee.party(), resolved.alternative.party());
        if payee.is_some_and(|party| party.code == IdentCode::Cpr) && payee == alternative {
            self.blame(Code::K14, Slot::AlternativeNumber, findings);
        }
        self.looked_up(resolved, findings);
        self.partner_agrees(resolved, findings);
        let date = resolved.posting.and_then(|digits| bytes::number_at(&digits, 0, 8)).unwrap_or(0);
        let disposition = self.cells.number(Slot::DispositionDate);
        if disposition > 0 && date > disposition {
            self.blame(Code::K18, Slot::PostingRef, findings);
        }
    }

    #[inline(always)]
    fn text_lines(&self, findings: &mut Findings) {
        let told = self.cells.given_number(Slot::TextCount);
        let fits = self.lines.unbroken && self.lines.count <= MOST_TEXT_LINES;
        let counted = self.floating || told.is_none_or(|told| told == self.lines.count as u64);
        if !(fits && counted) {
            let slot = if self.floating { Slot::Text1 } else { Slot::TextCount };
            self.blame(Code::K13, slot, findings);
        }
    }

    /// Whoever NemKonto is to be asked for must be somebody it can know (K15, K16).
    #[inline(always)]
    fn looked_up(&self, resolved: &Resolved<'_>, findings: &mut Findings) {
        let Some(method) = resolved.method else { return };
        let incomplete = matches!(method, Method::NemKonto | Method::BenefitAccount);
        let through_other = method == Method::AlternativeReceiver;
        if !incomplete && !through_other {
            return;
        }
        let creditor = IdentCode::CreditorAccount as u8;
        if resolved.payee.code == creditor {
            self.blame(Code::K15, Slot::PayeeCode, findings);
        }
        if through_other && resolved.alternative.code == creditor {
            self.blame(Code::K15, Slot::AlternativeCode, findings);
        }
        let (asked, slot) = match through_other {
            true => (resolved.alternative, Slot::AlternativeNumber),
            false => (resolved.payee, Slot::PayeeNumber),
        };
        if asked.party().is_some_and(is_replacement) {
            self.blame(Code::K16, slot, findings);
        }
    }

    /// The partner carries the same reference and the same amount (K17).
    #[inline(always)]
    fn partner_agrees(&self, resolved: &Resolved<'_>, findings: &mut Findings) {
        let Some(partner) = &self.partner else { return };
        let own = resolved.posting;
        let theirs = padded_ref(partner.bytes(Slot::PaymentRef));
        if own.is_none() || own != theirs {
            self.blame(Code::K17, Slot::PostingRef, findings);
        }
        let amount = self.cells.number(Slot::Amount);
        let negative = self.cells.number(Slot::Sign) == u64::from(b'-');
        let posted = partner.given_number(Slot::FinanceAmount);
        if posted.is_none_or(|posted| posted / 2 != amount) || !direction_fits(partner, negative) {
            self.blame(Code::K17, Slot::Amount, findings);
        }
    }
}

/// A debit is money out, a credit or a minus is money back; a minus on a credit is read as either, since public
/// implementations differ. ASSUMED.
fn direction_fits(partner: &Cells<'_>, negative: bool) -> bool {
    let minus = partner.number(Slot::FinanceAmount) % 2 == 1;
    let credit = partner.bytes(Slot::DebitCredit) == b"K";
    match (minus, credit) {
        (true, true) => true,
        (false, false) => !negative,
        (true, false) | (false, true) => negative,
    }
}

/// Whether a CPR number has day + 60: nobody NemKonto knows.
#[inline(always)]
fn is_replacement(party: Party) -> bool {
    party.code == IdentCode::Cpr && party.number >= 6_000_000_000
}

/// What is wrong with a number as such: CPR date and modulus, CVR and SE modulus.
#[inline]
fn fault(party: Option<Party>) -> Option<Code> {
    let Party { code, number } = party?;
    match code {
        IdentCode::Cpr => cpr_fault(number),
        IdentCode::Cvr if !modulus11_cvr(&ascii_digits(number)) => Some(Code::T08),
        IdentCode::Se if !modulus11_cvr(&ascii_digits(number)) => Some(Code::T08Se),
        IdentCode::Cvr | IdentCode::Se | IdentCode::ProductionUnit | IdentCode::CreditorAccount => None,
    }
}

/// The date of a CPR number by danish-identifiers.md 1.2, its check digit by 1.3. Worked out on the number: as
/// `vocabulary` does it on digits, which a test holds against this.
#[inline]
fn cpr_fault(number: u64) -> Option<Code> {
    let (date, serial) = ((number / 10_000) as u32, (number % 10_000) as u32);
    let (day, month, year) = (date / 10_000, date / 100 % 100, date % 100);
    let century = match (serial / 1_000, year) {
        (0..=3, _) => 1900,
        (4 | 9, 0..=36) => 2000,
        (4 | 9, _) => 1900,
        (_, 0..=57) => 2000,
        (_, _) => 1800,
    };
    let replacement = (61..=91).contains(&day);
    let day = if replacement { day - 60 } else { day };
    if !bytes::is_day_of(century + year, month, day) {
        Some(Code::T10)
    } else if !replacement && !fits_modulus11(date, serial) {
        Some(Code::T09)
    } else {
        None
    }
}

/// Weights 4 3 2 7 6 5 for the date, 4 3 2 1 for the serial number.
#[inline]
fn fits_modulus11(date: u32, serial: u32) -> bool {
    let (day, month, year) = (date / 10_000, date / 100 % 100, date % 100);
    let pair = |pair: u32, tens: u32, ones: u32| pair / 10 * tens + pair % 10 * ones;
    let sum = pair(day, 4, 3) + pair(month, 2, 7) + pair(year, 6, 5);
    (sum + pair(serial / 100, 4, 3) + pair(serial % 100, 2, 1)).is_multiple_of(11)
}

/// `NN.NN.NN`, which nearly every KLE number is.
#[inline(always)]
fn is_plain_kle(kle: &[u8]) -> bool {
    match kle {
        [a, b, b'.', c, d, b'.', e, f] => bytes::all_digits(&[*a, *b, *c, *d, *e, *f, b'0', b'0']),
        _ => false,
    }
}

/// A number as `N` ASCII digits.
#[inline(always)]
fn ascii_digits<const N: usize>(mut number: u64) -> [u8; N] {
    let mut digits = [b'0'; N];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    digits
}

/// How many digits the id of a slip type has; `None` for an unknown type.
fn slip_id_digits(kind: u64) -> Option<u32> {
    SLIP_TYPES.iter().find(|(known, _)| *known == kind).map(|(_, digits)| *digits)
}

fn slip_id_fits(id: u64, digits: u32) -> bool {
    let all: [u8; 19] = ascii_digits(id);
    id < 10_u64.pow(digits) && slip_id_is_valid(&all[19 - digits as usize..])
}

/// The four characters of LEVID, blank-filled.
fn supplier(cells: &Cells<'_>) -> Option<SupplierId> {
    let text = cells.text(Slot::Supplier);
    let mut id = [b' '; 4];
    id.get_mut(..text.len())?.copy_from_slice(text);
    Some(SupplierId(id))
}

/// The last answers of the look-ups: neighbours in a file ask the same.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Memo {
    municipality: Option<(MunicipalityCode, bool)>,
    benefit: Option<(BenefitCode, bool)>,
    supplier: Option<(MunicipalityCode, SupplierId, bool)>,
}

impl Memo {
    #[inline(always)]
    fn municipality<T: Tables>(&mut self, code: MunicipalityCode, tables: &T) -> bool {
        match self.municipality {
            Some((known, answer)) if known == code => answer,
            _ => {
                let answer = tables.municipality_exists(code);
                self.municipality = Some((code, answer));
                answer
            }
        }
    }

    #[inline(always)]
    fn benefit<T: Tables>(&mut self, code: BenefitCode, tables: &T) -> bool {
        match self.benefit {
            Some((known, answer)) if known == code => answer,
            _ => {
                let answer = tables.benefit_exists(code);
                self.benefit = Some((code, answer));
                answer
            }
        }
    }

    /// A record whose supplier is unknown is not from a registered one; without a municipality nothing is asked.
    #[inline(always)]
    fn supplier<T: Tables>(
        &mut self,
        municipality: Option<MunicipalityCode>,
        supplier: Option<SupplierId>,
        tables: &T,
    ) -> bool {
        let Some(municipality) = municipality else { return true };
        let Some(supplier) = supplier else { return false };
        match self.supplier {
            Some((place, who, answer)) if place == municipality && who == supplier => answer,
            _ => {
                let answer = tables.supplier_registered(municipality, supplier);
                self.supplier = Some((municipality, supplier, answer));
                answer
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::{birth_date_of, modulus11_cpr};

    #[test]
    fn cpr_numbers_are_judged_as_the_vocabulary_does() {
        let plain = |number: u64| {
            let digits: [u8; 10] = ascii_digits(number);
            if birth_date_of(&digits).is_none() {
                Some(Code::T10)
            } else if digits[0] < b'6' && !modulus11_cpr(&digits) {
                Some(Code::T09)
            } else {
                None
            }
        };
        // Every day, month and seventh digit, with years and serial numbers that change along.
        let mut number = 0;
        for step in (0..10_000_000_000_u64).step_by(12_347) {
            number += 1;
            assert_eq!(cpr_fault(step), plain(step), "{step} {number}");
        }
        for known in
            [2_512_489_996, 1_506_305_000, 6_101_900_000, 3_002_900_000, 0, 9_999_999_999, 101_585_018]
        {
            assert_eq!(cpr_fault(known), plain(known), "{known}");
        }
    }
}
