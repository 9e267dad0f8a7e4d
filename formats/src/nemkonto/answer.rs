//! Receipts and return answers in (nemkonto.md 3).

use std::fmt;
use std::io::BufRead;

use jiff::civil::{Date, DateTime};

use super::forms::{read_date, read_moment};
use super::model::{ANSWERS, Label};
use super::names::{CURRENCY, NAMESPACES};
use super::{AccountUsed, AnswerKind, Error, Kind, Limits, Message, Status};
use crate::vocabulary::{BankAccount, Hidden, IdentCode, Ore, Party};
use crate::xml::Fault;
use crate::xml::model::{Node, Unknown, Walker};

/// What an answer says of itself and of the bundle it answers.
#[derive(Clone, PartialEq, Eq)]
pub struct AnswerHead {
    /// Which of the messages it is.
    pub kind: AnswerKind,
    /// NKS's id of this message: `PmtInitnStsId`, of a receipt `MessageId`. Repeats are known by kind and id.
    pub message_id: String,
    /// `Action`: a receipt's outcome.
    pub action: Option<Status>,
    /// `MessageId` of the bundle, where the header names it; a receipt 1 always does.
    pub ref_to_message_id: Option<String>,
    /// `GrpId` of the bundle; an answer always has it, a receipt never.
    pub group_id: Option<String>,
    /// `GrpSts`; answers 2 and 5 always have it, no other does.
    pub group_status: Option<Status>,
    /// `StsRsn` of the bundle: opaque.
    pub reason: Option<String>,
    /// `AddtlInf` of the bundle; of a receipt its `Description`s, a blank between them.
    pub text: Option<String>,
    /// When NKS made it, as written: Danish time; fractions, a zone or a fourth group are not kept.
    pub created: DateTime,
    /// The authority's number (ADMID); a receipt has none.
    pub authority: Option<String>,
    /// The supplier's id in the header, if there is one: who a receipt 0 concerns.
    pub supplier_id: Option<String>,
    /// Elements passed over as unknown so far; the whole number is in [`AnswerEnd`].
    pub unknown_elements: u64,
}

impl fmt::Debug for AnswerHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerHead")
            .field("kind", &self.kind)
            .field("message_id", &self.message_id)
            .field("action", &self.action)
            .field("ref_to_message_id", &self.ref_to_message_id)
            .field("group_id", &self.group_id)
            .field("group_status", &self.group_status)
            .field("reason", &self.reason.as_deref().map(Hidden))
            .field("text", &self.text.as_deref().map(Hidden))
            .field("created", &self.created)
            .field("authority", &self.authority)
            .field("supplier_id", &self.supplier_id)
            .field("unknown_elements", &self.unknown_elements)
            .finish()
    }
}

/// What was read in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerEnd {
    /// Payments listed.
    pub payments: u64,
    /// Elements passed over as unknown (3.11, rule 8).
    pub unknown_elements: u64,
}

/// One payment in an answer; borrows from the reader.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AnsweredPayment<'a> {
    /// The payment's reference as answered, 1 to 35 characters; see [`AnsweredPayment::sent_reference`].
    pub end_to_end_id: &'a str,
    /// `InstrId`: the second best reference.
    pub instruction_id: Option<&'a str>,
    /// `TxSts`.
    pub status: Status,
    /// `TxSts` as written.
    pub status_text: &'a str,
    /// `StsRsn`: opaque.
    pub reason: Option<&'a str>,
    /// `AddtlInf`; of answer 7 see [`super::classify_no_account`], of answer 9 [`bank_text`].
    pub text: Option<&'a str>,
    /// `InstdAmt` as written; see [`AnsweredPayment::amount_matches`].
    pub amount_text: &'a str,
    /// `Ccy`, three capital letters.
    pub currency: &'a str,
    /// `IncompletePaymentIndicator`. Nothing is to be decided from it (3.6).
    pub incomplete: bool,
    /// The payee's number; `None` when there is none that can be read: then it matches nobody.
    pub payee: Option<Party>,
    /// The account that received the money; answer 8 only.
    pub account_used: Option<AccountUsed<'a>>,
    /// Disposition date of the list it stands in.
    pub execution: Option<Date>,
    /// Bank agreement of the list.
    pub agreement: Option<&'a str>,
    /// Debited account of the list.
    pub debit_account: Option<BankAccount>,
    /// Posting text of the list.
    pub debit_text: Option<&'a str>,
}

impl<'a> AnsweredPayment<'a> {
    /// The reference as it was sent: of 35 characters that begin with eight digits the last 27, which is how the
    /// banks see it (3.11, rule 3; ASSUMED); else the whole.
    pub fn sent_reference(&self) -> &'a str {
        let whole = self.end_to_end_id;
        let prefixed =
            whole.is_ascii() && whole.len() == 35 && whole.bytes().take(8).all(|b| b.is_ascii_digit());
        if prefixed { &whole[8..] } else { whole }
    }

    /// Whether the amount is the one that was sent: in DKK, and read as a decimal number or with three implied
    /// decimals it is exactly that (4.4). Which of the two is not to be learnt from it.
    pub fn amount_matches(&self, sent: Ore) -> bool {
        let (whole, decimals) = self.amount_text.split_once('.').unwrap_or((self.amount_text, ""));
        let (Some(units), Some(parts)) = (digits(whole, 18), digits(decimals, 5)) else { return false };
        let Ok(sent) = u128::try_from(sent.0) else { return false };
        let scale = 10_u128.pow(5 - decimals.len() as u32);
        let as_decimal = units * 100_000 + parts * scale == sent * 1_000;
        let as_implied = self.amount_text.len() == whole.len() && units == sent * 10;
        self.currency == CURRENCY && (as_decimal || as_implied)
    }
}

/// The number in at most `most` digits; of none, zero.
fn digits(text: &str, most: usize) -> Option<u128> {
    let lawful = text.len() <= most && text.bytes().all(|b| b.is_ascii_digit());
    lawful.then(|| text.bytes().fold(0, |number, b| number * 10 + u128::from(b - b'0')))
}

impl fmt::Debug for AnsweredPayment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnsweredPayment")
            .field("end_to_end_id", &self.end_to_end_id)
            .field("status", &self.status_text)
            .field("reason", &self.reason.map(Hidden))
            .field("text", &self.text.map(Hidden))
            .field("amount", &self.amount_text)
            .field("incomplete", &self.incomplete)
            .field("payee", &self.payee)
            .field("account_used", &self.account_used)
            .field("execution", &self.execution)
            .finish_non_exhaustive()
    }
}

/// A bank's own text in answer 9 (3.8): what is wrong, and where in the bank's file. Up to 70 characters are all
/// "what".
pub fn bank_text(text: &str) -> (&str, &str) {
    match text.char_indices().nth(70) {
        None => (text.trim(), ""),
        Some((split, _)) => (text[split..].trim(), text[..split].trim()),
    }
}

/// Where a text lies in a store; absent or empty is `None`.
type Slot = Option<(u32, u32)>;

/// Texts one behind the other, forgotten together.
#[derive(Default)]
struct Store(String);

impl Store {
    #[inline]
    fn keep(&mut self, text: &str) -> Slot {
        if text.is_empty() {
            return None;
        }
        let from = self.0.len() as u32;
        self.0.push_str(text);
        Some((from, self.0.len() as u32))
    }

    #[inline]
    fn text(&self, slot: Slot) -> Option<&str> {
        slot.map(|(from, to)| &self.0[from as usize..to as usize])
    }
}

/// Level B as read so far.
#[derive(Default)]
struct DebitRead {
    store: Store,
    execution: Option<Date>,
    agreement: Slot,
    account: Option<BankAccount>,
    text: Slot,
}

/// One payment as read so far.
#[derive(Default)]
struct PaymentRead {
    store: Store,
    end_to_end_id: Slot,
    instruction_id: Slot,
    status: Slot,
    reason: Slot,
    text: Slot,
    amount: Slot,
    currency: Slot,
    incomplete: bool,
    cpr: Slot,
    party: Slot,
    issuer: Slot,
    danish: Option<BankAccount>,
    foreign: Slot,
}

impl PaymentRead {
    fn clear(&mut self) {
        let mut text = std::mem::take(&mut self.store.0);
        text.clear();
        *self = PaymentRead { store: Store(text), ..PaymentRead::default() };
    }

    #[inline]
    fn take(&mut self, label: Label, value: &str) {
        let store = &mut self.store;
        match label {
            Label::EndToEndId => self.end_to_end_id = store.keep(value),
            Label::InstrId => self.instruction_id = store.keep(value),
            Label::TxSts => self.status = store.keep(value),
            Label::StsRsn => self.reason = store.keep(value),
            Label::AddtlInf => self.text = store.keep(value),
            Label::Currency => self.currency = store.keep(value),
            Label::InstdAmt => self.amount = store.keep(value),
            Label::Indicator => self.incomplete = value == "1",
            Label::SclSctyNb => self.cpr = store.keep(value),
            Label::PartyId => self.party = store.keep(value),
            Label::Issuer => self.issuer = store.keep(value),
            Label::Bban => self.danish = BankAccount::parse(value).ok(),
            Label::Iban => self.foreign = store.keep(value),
            _ => {}
        }
    }

    /// The payee's number. A CPR number may stand in its own element or, by a slip, as a company's (3.11, rule 7).
    fn payee(&self) -> Option<Party> {
        if let Some(cpr) = self.store.text(self.cpr) {
            return party(IdentCode::Cpr, cpr);
        }
        let number = self.store.text(self.party)?;
        let code = match self.store.text(self.issuer) {
            Some("CVR") => IdentCode::Cvr,
            Some("SE") => IdentCode::Se,
            Some("P") => IdentCode::ProductionUnit,
            Some("CPR") | None => IdentCode::Cpr,
            Some(_) => return None,
        };
        party(code, number)
    }

    fn account_used(&self) -> Option<AccountUsed<'_>> {
        match self.danish {
            Some(account) => Some(AccountUsed::Danish(account)),
            None => self.store.text(self.foreign).map(AccountUsed::Foreign),
        }
    }

    fn with<'a>(&'a self, debit: &'a DebitRead) -> AnsweredPayment<'a> {
        let text = |slot| self.store.text(slot);
        let status_text = text(self.status).unwrap_or_default();
        AnsweredPayment {
            end_to_end_id: text(self.end_to_end_id).unwrap_or_default(),
            instruction_id: text(self.instruction_id),
            status: Status::from_code(status_text),
            status_text,
            reason: text(self.reason),
            text: text(self.text),
            amount_text: text(self.amount).unwrap_or_default(),
            currency: text(self.currency).unwrap_or_default(),
            incomplete: self.incomplete,
            payee: self.payee(),
            account_used: self.account_used(),
            execution: debit.execution,
            agreement: debit.store.text(debit.agreement),
            debit_account: debit.account,
            debit_text: debit.store.text(debit.text),
        }
    }
}

/// A party of that kind, if the text is as many digits as the kind has.
pub(super) fn party(code: IdentCode, digits: &str) -> Option<Party> {
    let lawful = digits.len() == code.width() && digits.bytes().all(|b| b.is_ascii_digit());
    lawful.then(|| digits.parse().ok().map(|number| Party { code, number })).flatten()
}

/// The head as read so far.
#[derive(Default)]
struct HeadRead {
    kind: Option<AnswerKind>,
    message_id: String,
    answer_id: Option<String>,
    action: Option<Status>,
    ref_to_message_id: Option<String>,
    group_id: Option<String>,
    group_status: Option<Status>,
    reason: Option<String>,
    text: Option<String>,
    timestamp: Option<DateTime>,
    created: Option<DateTime>,
    authority: Option<String>,
    supplier_id: Option<String>,
}

impl HeadRead {
    fn take(&mut self, label: Label, value: &str) {
        let given = || Some(value.to_owned()).filter(|text| !text.is_empty());
        match label {
            Label::MessageId => self.message_id = value.to_owned(),
            Label::PmtInitnStsId => self.answer_id = given(),
            Label::Action => self.action = Some(Status::from_code(value)),
            Label::RefToMessageId => self.ref_to_message_id = given(),
            Label::GrpId => self.group_id = given(),
            Label::GrpSts => self.group_status = Some(Status::from_code(value)),
            Label::GroupReason => self.reason = given(),
            Label::GroupText => self.text = given(),
            Label::Description => self.add_text(value),
            Label::Timestamp => self.timestamp = read_moment(&value[..value.len().min(19)]),
            Label::CreDtTm => self.created = read_moment(&value[..value.len().min(19)]),
            Label::Authority => self.authority = given(),
            // Two ids, of which the first is the supplier's own.
            Label::ToParty if self.supplier_id.is_none() => self.supplier_id = given(),
            _ => {}
        }
    }

    fn add_text(&mut self, more: &str) {
        match &mut self.text {
            None => self.text = Some(more.to_owned()),
            Some(text) => text.extend([" ", more]),
        }
    }

    fn finish(self, unknown_elements: u64) -> Option<AnswerHead> {
        Some(AnswerHead {
            kind: self.kind?,
            message_id: self.answer_id.unwrap_or(self.message_id),
            action: self.action,
            ref_to_message_id: self.ref_to_message_id,
            group_id: self.group_id,
            group_status: self.group_status,
            reason: self.reason,
            text: self.text,
            created: self.created.or(self.timestamp)?,
            authority: self.authority,
            supplier_id: self.supplier_id,
            unknown_elements,
        })
    }
}

/// Reads a receipt or an answer, payment by payment, in bounded memory.
///
/// What it hands out has its form; that the rest of the document is well-formed is only known when
/// [`AnswerReader::finish`] or the last [`AnswerReader::next`] has said so. After an error it says nothing but
/// errors.
pub struct AnswerReader<R> {
    walker: Walker<R, Label>,
    head: Option<AnswerHead>,
    debit: DebitRead,
    payment: PaymentRead,
    payments: u64,
    ended: bool,
}

impl<R: BufRead> AnswerReader<R> {
    /// Reads from `input`; nothing is read before it is asked for.
    pub fn new(input: R, limits: Limits) -> AnswerReader<R> {
        AnswerReader {
            walker: Walker::new(input, limits, &NAMESPACES, &ANSWERS, Unknown::Count),
            head: None,
            debit: DebitRead::default(),
            payment: PaymentRead::default(),
            payments: 0,
            ended: false,
        }
    }

    /// What stands before the payments; may be asked for again.
    ///
    /// # Errors
    /// [`super::Kind::UnknownMessage`] for a message of NKS that is no answer known here: for quarantine with alarm
    /// (3.11, rule 1). Any other [`super::Kind`] but `Rule`.
    pub fn head(&mut self) -> Result<AnswerHead, Error> {
        if let Some(head) = &self.head {
            return Ok(head.clone());
        }
        let mut read = HeadRead::default();
        loop {
            match self.walker.next()? {
                Some(Node::Open(Label::Root(Message::Answer(kind)))) => read.kind = Some(kind),
                Some(Node::Open(Label::Debit)) => break,
                Some(Node::Value(label, value)) => read.take(label, value),
                Some(Node::Open(_) | Node::Close(_) | Node::Attribute(..)) => {}
                None => {
                    self.ended = true;
                    break;
                }
            }
        }
        match read.finish(self.walker.unknown_count()) {
            Some(head) => {
                self.head = Some(head.clone());
                Ok(head)
            }
            None => Err(self.walker.error(Fault::new(Kind::Structure, "the head is incomplete"))),
        }
    }

    /// The next payment; `None` when the document has ended, and ended well.
    ///
    /// # Errors
    /// As [`AnswerReader::head`].
    #[expect(
        clippy::should_implement_trait,
        reason = "the payment borrows from the reader, so this is no Iterator"
    )]
    pub fn next(&mut self) -> Result<Option<AnsweredPayment<'_>>, Error> {
        if self.head.is_none() {
            self.head()?;
        }
        while !self.ended {
            match self.walker.next()? {
                Some(Node::Value(label, value)) => match label {
                    Label::ReqdExctnDt => self.debit.execution = read_date(value),
                    Label::BkPtyId => self.debit.agreement = self.debit.store.keep(value),
                    Label::DebitAccount => self.debit.account = BankAccount::parse(value).ok(),
                    Label::DbtPurp => self.debit.text = self.debit.store.keep(value),
                    label => self.payment.take(label, value),
                },
                Some(Node::Attribute(label, value)) => self.payment.take(label, value),
                Some(Node::Open(Label::Debit)) => self.debit = DebitRead::default(),
                Some(Node::Open(Label::Payment)) => self.payment.clear(),
                Some(Node::Close(Label::Payment)) => {
                    self.payments += 1;
                    return Ok(Some(self.payment.with(&self.debit)));
                }
                Some(Node::Open(_) | Node::Close(_)) => {}
                None => self.ended = true,
            }
        }
        Ok(None)
    }

    /// Reads what is left, and tells what there was.
    ///
    /// # Errors
    /// As [`AnswerReader::head`].
    pub fn finish(mut self) -> Result<AnswerEnd, Error> {
        while self.next()?.is_some() {}
        Ok(AnswerEnd { payments: self.payments, unknown_elements: self.walker.unknown_count() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered<'a>(end_to_end_id: &'a str, amount_text: &'a str, currency: &'a str) -> AnsweredPayment<'a> {
        AnsweredPayment {
            end_to_end_id,
            instruction_id: None,
            status: Status::Accepted,
            status_text: "ACPT",
            reason: None,
            text: None,
            amount_text,
            currency,
            incomplete: true,
            payee: None,
            account_used: None,
            execution: None,
            agreement: None,
            debit_account: None,
            debit_text: None,
        }
    }

    #[test]
    fn both_readings_of_an_amount() {
        let table = [
            ("1250.00", "DKK", 125_000, true),
            ("1250", "DKK", 125_000, true),
            ("1250.0", "DKK", 125_000, true),
            ("1250.00000", "DKK", 125_000, true),
            ("1250000", "DKK", 125_000, true),
            ("001250000", "DKK", 125_000, true),
            ("1250000", "DKK", 125_000_000, true),
            ("1250.00", "EUR", 125_000, false),
            ("1250.001", "DKK", 125_000, false),
            ("1250.00001", "DKK", 125_000, false),
            ("1250000.0", "DKK", 125_000, false),
            ("125000", "DKK", 125_000, false),
            ("1250.00", "DKK", -125_000, false),
            ("999999999999999999", "DKK", i64::MAX, false),
            ("0", "DKK", 0, true),
        ];
        for (text, currency, sent, matches) in table {
            assert_eq!(
                answered("x", text, currency).amount_matches(Ore(sent)),
                matches,
                "{text} {currency} {sent}"
            );
        }
    }

    #[test]
    fn references_with_the_banks_prefix() {
        let table = [
            ("T0751-260327-000000101", "T0751-260327-000000101"),
            ("12345678KYUD-260327-000000101------", "KYUD-260327-000000101------"),
            ("1234567AKYUD-260327-000000101------", "1234567AKYUD-260327-000000101------"),
            ("12345678KYUD-260327-000000101-----", "12345678KYUD-260327-000000101-----"),
        ];
        for (answered_id, sent) in table {
            assert_eq!(answered(answered_id, "1", "DKK").sent_reference(), sent);
        }
    }

    #[test]
    fn the_banks_text_in_two_parts() {
        let text = format!("{:<70}KONTO FINDES IKKE", "LINJE 000001, SEKVENS 000002");
        assert_eq!(bank_text(&text), ("KONTO FINDES IKKE", "LINJE 000001, SEKVENS 000002"));
        assert_eq!(bank_text(" kort "), ("kort", ""));
        let danish = format!("{:ø<70}æ", "");
        assert_eq!(bank_text(&danish).0, "æ");
    }

    #[test]
    fn nothing_personal_in_debug() {
        let mut payment = answered("T0751-260327-1", "1.00", "DKK");
        payment.payee = Some(Party { code: IdentCode::Cpr, number: 2_512_489_996 });
        payment.account_used = Some(AccountUsed::Foreign("DE89370400440532013000"));
        payment.text = Some("KONTO 00400440116243 CPR 251248-9996");
        let debug = format!("{payment:?}");
        for secret in ["9996", "0440116243", "370400"] {
            assert!(!debug.contains(secret), "{debug}");
        }
    }
}
