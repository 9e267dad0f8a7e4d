//! A payment bundle in: for inspection and tests, and for reading our own back after a restore. The hub never takes
//! another's in.

use std::collections::HashSet;
use std::fmt;
use std::io::BufRead;

use jiff::civil::{Date, DateTime};

use super::answer::party;
use super::forms::{read_date, read_moment};
use super::model::{Label, PAYMENTS};
use super::names::NAMESPACES;
use super::{AmountFormat, Error, Kind, Limits};
use crate::vocabulary::{BankAccount, Hidden, IdentCode, Ore, Party};
use crate::xml::Fault;
use crate::xml::model::{Node, Unknown, Walker};

/// The head of a bundle, as read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadBundleHead {
    /// The two ids of the sender, then those of the receiver.
    pub parties: Vec<String>,
    /// The message's id.
    pub message_id: String,
    /// The bundle's reference.
    pub group_id: String,
    /// When it was made.
    pub created: DateTime,
    /// The control sum.
    pub control_sum: Ore,
    /// How the control sum is written; all amounts are read the same way.
    pub amount_format: AmountFormat,
    /// The number of payments it promises.
    pub count: u64,
    /// The authority's number.
    pub authority: String,
}

/// What the payments of one level B share, as read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadDebit {
    /// Disposition date.
    pub execution: Date,
    /// Bank agreement.
    pub agreement: String,
    /// The account to be debited; always there, the form asks for it.
    pub account: Option<BankAccount>,
    /// Posting text.
    pub text: Option<String>,
}

/// One payment of a bundle, as read.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ReadPayment {
    /// `InstrId`.
    pub instruction_id: String,
    /// The payment's reference.
    pub end_to_end_id: String,
    /// Benefit type.
    pub benefit: Option<String>,
    /// The amount.
    pub amount: Ore,
    /// Whether NKS is to find the account.
    pub incomplete: bool,
    /// The payee's number.
    pub payee: Option<Party>,
    /// The payee's name.
    pub name: Option<String>,
    /// The payee's address, line by line as written: lines, street, house, postal code, town, country.
    pub address: Vec<String>,
    /// The account of a complete payment.
    pub account: Option<BankAccount>,
    /// Lines of advice.
    pub advice: Vec<String>,
    company: String,
    issuer: String,
}

impl fmt::Debug for ReadPayment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadPayment")
            .field("end_to_end_id", &self.end_to_end_id)
            .field("benefit", &self.benefit)
            .field("amount", &self.amount)
            .field("incomplete", &self.incomplete)
            .field("payee", &self.payee)
            .field("account", &self.account)
            .field("advice", &self.advice.iter().map(|line| Hidden(line)).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// Reads a bundle, payment by payment. Besides the form it holds the bundle to the rules between fields (2.7, 1 to
/// 4), telling a breach as [`Kind::Rule`].
pub struct BundleReader<R> {
    walker: Walker<R, Label>,
    head: Option<ReadBundleHead>,
    debit: ReadDebit,
    payment: ReadPayment,
    references: HashSet<String>,
    read: (u64, Ore),
    ended: bool,
}

impl<R: BufRead> BundleReader<R> {
    /// Reads from `input`; nothing is read before it is asked for.
    pub fn new(input: R, limits: Limits) -> BundleReader<R> {
        BundleReader {
            walker: Walker::new(input, limits, &NAMESPACES, &PAYMENTS, Unknown::Refuse),
            head: None,
            debit: ReadDebit::default(),
            payment: ReadPayment::default(),
            references: HashSet::new(),
            read: (0, Ore::ZERO),
            ended: false,
        }
    }

    /// What stands before the payments; may be asked for again.
    ///
    /// # Errors
    /// Any [`Kind`].
    pub fn head(&mut self) -> Result<ReadBundleHead, Error> {
        if let Some(head) = &self.head {
            return Ok(head.clone());
        }
        let mut head = ReadBundleHead::default();
        loop {
            match self.walker.next()? {
                Some(Node::Open(Label::Debit)) | None => break,
                Some(Node::Value(label, value)) => head.take(label, value),
                Some(Node::Open(_) | Node::Close(_) | Node::Attribute(..)) => {}
            }
        }
        self.head = Some(head.clone());
        Ok(head)
    }

    /// The next payment and what it shares with others; `None` when the bundle has ended, and ended well.
    ///
    /// # Errors
    /// Any [`Kind`].
    #[expect(
        clippy::should_implement_trait,
        reason = "the payment borrows from the reader, so this is no Iterator"
    )]
    pub fn next(&mut self) -> Result<Option<(&ReadDebit, &ReadPayment)>, Error> {
        let format = self.head()?.amount_format;
        while !self.ended {
            match self.walker.next()? {
                Some(Node::Value(label, value)) => match label {
                    Label::ReqdExctnDt => self.debit.execution = read_date(value).unwrap_or_default(),
                    Label::BkPtyId => self.debit.agreement = value.to_owned(),
                    Label::DebitAccount => self.debit.account = BankAccount::parse(value).ok(),
                    Label::DbtPurp => self.debit.text = Some(value.to_owned()),
                    label => self.payment.take(label, value, format),
                },
                Some(Node::Open(Label::Debit)) => self.debit.text = None,
                Some(Node::Open(Label::Payment)) => self.payment = ReadPayment::default(),
                Some(Node::Close(Label::Payment)) => {
                    self.judge()?;
                    return Ok(Some((&self.debit, &self.payment)));
                }
                Some(Node::Open(_) | Node::Close(_) | Node::Attribute(..)) => {}
                None => {
                    self.ended = true;
                    self.judge_totals()?;
                }
            }
        }
        Ok(None)
    }

    /// Reads what is left; gives the number of payments and their sum, which are those of the head.
    ///
    /// # Errors
    /// Any [`Kind`].
    pub fn finish(mut self) -> Result<(u64, Ore), Error> {
        while self.next()?.is_some() {}
        Ok(self.read)
    }

    fn judge(&mut self) -> Result<(), Error> {
        self.read.0 += 1;
        // A control sum has at most 18 digits: what is greater differs from it anyway.
        self.read.1 = Ore(self.read.1.0.saturating_add(self.payment.amount.0));
        let payment = &mut self.payment;
        payment.settle_payee();
        let is_new = self.references.insert(payment.end_to_end_id.clone());
        let fault = payment.fault().or((!is_new).then_some("a payment reference stands twice in the bundle"));
        self.rule(fault)
    }

    fn judge_totals(&mut self) -> Result<(), Error> {
        let fault = match &self.head {
            Some(head) if head.count != self.read.0 => Some("`NbOfTxs` is not the number of payments"),
            Some(head) if head.control_sum != self.read.1 => Some("`CtrlSum` is not the sum of the payments"),
            Some(head) if head.message_id != head.group_id => Some("`MessageId` is not `GrpId`"),
            _ => None,
        };
        self.rule(fault)
    }

    fn rule(&mut self, fault: Option<&'static str>) -> Result<(), Error> {
        match fault {
            None => Ok(()),
            Some(rule) => Err(self.walker.error(Fault::new(Kind::Rule, rule))),
        }
    }
}

impl ReadBundleHead {
    fn take(&mut self, label: Label, value: &str) {
        match label {
            Label::FromParty | Label::ToParty => self.parties.push(value.to_owned()),
            Label::MessageId => self.message_id = value.to_owned(),
            Label::GrpId => self.group_id = value.to_owned(),
            Label::CreDtTm => self.created = read_moment(&value[..value.len().min(19)]).unwrap_or_default(),
            Label::CtrlSum => {
                self.amount_format =
                    if value.contains('.') { AmountFormat::Decimal2 } else { AmountFormat::Implied3 };
                self.control_sum = amount(value, self.amount_format).unwrap_or_default();
            }
            Label::NbOfTxs => self.count = value.parse().unwrap_or_default(),
            Label::Authority => self.authority = value.to_owned(),
            _ => {}
        }
    }
}

impl ReadPayment {
    fn take(&mut self, label: Label, value: &str, format: AmountFormat) {
        let text = || value.to_owned();
        match label {
            Label::InstrId => self.instruction_id = text(),
            Label::EndToEndId => self.end_to_end_id = text(),
            Label::Benefit => self.benefit = Some(text()),
            Label::InstdAmt => self.amount = amount(value, format).unwrap_or_default(),
            Label::Indicator => self.incomplete = value == "1",
            Label::Name => self.name = Some(text()),
            Label::AdrLine | Label::StrtNm | Label::BldgNb | Label::PstCd | Label::TwnNm | Label::Ctry => {
                self.address.push(text());
            }
            Label::SclSctyNb => self.payee = party(IdentCode::Cpr, value),
            Label::PartyId => self.company = text(),
            Label::Issuer => self.issuer = text(),
            Label::Bban => self.account = BankAccount::parse(value).ok(),
            Label::Ustrd => self.advice.push(text()),
            _ => {}
        }
    }

    fn settle_payee(&mut self) {
        let code = match self.issuer.as_str() {
            "CVR" => IdentCode::Cvr,
            "SE" => IdentCode::Se,
            "P" => IdentCode::ProductionUnit,
            _ => return,
        };
        self.payee = party(code, &self.company);
    }

    /// Rules 1 and 2 of 2.7, and what makes an amount.
    fn fault(&self) -> Option<&'static str> {
        let has_number = self.payee.is_some();
        if !self.issuer.is_empty() && !has_number {
            return Some("a company's number has not the digits of its kind");
        }
        if self.amount <= Ore::ZERO {
            return Some("`InstdAmt` is not written as `CtrlSum` is");
        }
        match (self.incomplete, self.account.is_some()) {
            (true, true) => Some("an incomplete payment has an account"),
            (false, false) => Some("a complete payment has no account"),
            (true, false) if !has_number => Some("an incomplete payment has no payee's number"),
            (true, false) if self.benefit.is_none() => Some("an incomplete payment has no benefit type"),
            (false, true) if !has_number && self.name.is_none() => Some("a payment has no payee"),
            _ => None,
        }
    }
}

/// An amount in the form given; `None` when it is in the other, or in neither.
fn amount(text: &str, format: AmountFormat) -> Option<Ore> {
    match format {
        AmountFormat::Decimal2 if text.contains('.') => Ore::parse_decimal(text).ok(),
        AmountFormat::Implied3 => text.strip_suffix('0')?.parse().ok().map(Ore),
        AmountFormat::Decimal2 => None,
    }
}
