//! The ERP system's answer in: `ModtagFinansbilag_O` (oir-finans-sf1590a.md 7).

use std::fmt;
use std::io::BufRead;

use jiff::Timestamp;

use super::model::{ANSWERS, Label};
use super::names::NAMESPACES;
use super::{Error, Kind, Limits, VoucherResult};
use crate::vocabulary::{Hidden, Uuid};
use crate::xml::Fault;
use crate::xml::forms::read_instant;
use crate::xml::model::{Node, Unknown, Walker};

/// What an answer says of itself and of the file as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnswerHead {
    /// `TransaktionsId`: that of the file it answers, if it is one of ours; 1 to 255 characters.
    pub transaction_id: String,
    /// `TransaktionsTid`; without zone it counts as UTC.
    pub at: Timestamp,
    /// `BehandlingDatoTid`: when the file was handled; likewise.
    pub processed_at: Timestamp,
    /// What is said of the whole file, in order.
    pub reactions: Vec<Reaction>,
    /// Elements passed over as unknown so far; the whole number is in [`AnswerEnd`].
    pub unknown_elements: u64,
}

impl AnswerHead {
    /// Whether the whole file is refused (`Fejl`): then no voucher is listed, and all of them are refused.
    pub fn is_refusal(&self) -> bool {
        self.reactions.iter().any(|reaction| reaction.kind == ReactionKind::Fault)
    }
}

/// A notice or fault that concerns the whole file (`SvarReaktion`, 2).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Reaction {
    /// Which of the two.
    pub kind: ReactionKind,
    /// `AdvisId`, `FejlId`: opaque.
    pub id: String,
    /// What a person is told.
    pub text: String,
    /// `KildeId`: which system says it.
    pub source: Option<String>,
    /// `Identifikation`: where in the file, perhaps as an XPath. Never followed.
    pub places: Vec<String>,
}

/// What sort of reaction it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ReactionKind {
    /// `Advis`: a notice.
    Notice,
    /// `Fejl`: the file is refused.
    #[default]
    Fault,
}

impl fmt::Debug for Reaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reaction")
            .field("kind", &self.kind)
            .field("id", &self.id)
            .field("text", &Hidden(&self.text))
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// The receipt for one voucher, as read.
#[derive(Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The voucher's id.
    pub voucher_id: Uuid,
    /// What became of it.
    pub result: VoucherResult,
    /// The result as written; empty when an `AcceptStruktur` or `AfvisningStruktur` says it.
    pub result_text: String,
    /// Classes of causes (`FinansKvitteringÅrsag`).
    pub causes: Vec<Uuid>,
    /// `FinansKvitteringBegrundelse`.
    pub explanation: Option<String>,
    /// Causes in detail, wherever they stand. Of an accepted voucher they are remarks.
    pub details: Vec<Cause>,
    /// The voucher's number in the ERP system.
    pub erp_number: Option<String>,
}

/// One cause in detail (`ResultatÅrsagStruktur`).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Cause {
    /// Class of the cause.
    pub class: Option<Uuid>,
    /// Name of the element at fault.
    pub element: Option<String>,
    /// Its value; may be personal.
    pub value: Option<String>,
    /// What a person is told.
    pub text: Option<String>,
    /// The ERP system's own code (7.1).
    pub code: Option<String>,
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt")
            .field("voucher_id", &self.voucher_id)
            .field("result", &self.result)
            .field("result_text", &Hidden(&self.result_text))
            .field("causes", &self.causes)
            .field("explanation", &self.explanation.as_deref().map(Hidden))
            .field("details", &self.details)
            .field("erp_number", &self.erp_number)
            .finish()
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cause")
            .field("class", &self.class)
            .field("element", &self.element)
            .field("value", &self.value.as_deref().map(Hidden))
            .field("text", &self.text.as_deref().map(Hidden))
            .field("code", &self.code)
            .finish()
    }
}

/// What was read in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerEnd {
    /// Receipts listed.
    pub receipts: u64,
    /// Elements passed over as unknown.
    pub unknown_elements: u64,
}

/// Reads an answer, receipt by receipt, in bounded memory. An element whose local name occurs nowhere in an answer is
/// passed over and counted: the names are not agreed yet.
///
/// An answer that refuses the whole file and lists vouchers all the same, and one that does neither, breaks a rule
/// ([`Kind::Rule`]): nobody can say what it means. What it hands out has its form; that the rest of the document is
/// well-formed is only known when [`AnswerReader::finish`] or the last [`AnswerReader::next`] has said so. After an
/// error it says nothing but errors.
pub struct AnswerReader<R> {
    walker: Walker<R, Label>,
    head: Option<AnswerHead>,
    receipt: Receipt,
    receipts: u64,
    ended: bool,
}

impl<R: BufRead> AnswerReader<R> {
    /// Reads from `input`; nothing is read before it is asked for.
    pub fn new(input: R, limits: Limits) -> AnswerReader<R> {
        AnswerReader {
            walker: Walker::new(input, limits, &NAMESPACES, &ANSWERS, Unknown::Count),
            head: None,
            receipt: nothing(),
            receipts: 0,
            ended: false,
        }
    }

    /// What stands before the receipts; may be asked for again.
    ///
    /// # Errors
    /// Any [`Kind`].
    pub fn head(&mut self) -> Result<AnswerHead, Error> {
        if let Some(head) = &self.head {
            return Ok(head.clone());
        }
        let mut head = AnswerHead::default();
        loop {
            match self.walker.next()? {
                Some(Node::Open(Label::Receipts)) => break,
                Some(Node::Open(label)) => head.open(label),
                Some(Node::Value(label, value)) => head.take(label, value),
                Some(Node::Close(_) | Node::Attribute(..)) => {}
                None => {
                    self.ended = true;
                    break;
                }
            }
        }
        self.agrees(&head)?;
        head.unknown_elements = self.walker.unknown_count();
        self.head = Some(head.clone());
        Ok(head)
    }

    /// The next receipt; `None` when the answer has ended, and ended well.
    ///
    /// # Errors
    /// Any [`Kind`].
    #[expect(
        clippy::should_implement_trait,
        reason = "the receipt borrows from the reader, so this is no Iterator"
    )]
    pub fn next(&mut self) -> Result<Option<&Receipt>, Error> {
        if self.head.is_none() {
            self.head()?;
        }
        while !self.ended {
            match self.walker.next()? {
                Some(Node::Value(label, value)) => self.receipt.take(label, value),
                Some(Node::Open(label)) => self.receipt.open(label),
                Some(Node::Close(Label::Receipt)) => {
                    self.receipts += 1;
                    return Ok(Some(&self.receipt));
                }
                Some(Node::Close(_) | Node::Attribute(..)) => {}
                None => self.ended = true,
            }
        }
        Ok(None)
    }

    /// Reads what is left, and tells what there was.
    ///
    /// # Errors
    /// As [`AnswerReader::next`].
    pub fn finish(mut self) -> Result<AnswerEnd, Error> {
        while self.next()?.is_some() {}
        Ok(AnswerEnd { receipts: self.receipts, unknown_elements: self.walker.unknown_count() })
    }

    /// A whole file refused, or vouchers listed: one of the two.
    fn agrees(&self, head: &AnswerHead) -> Result<(), Error> {
        let rule = match (head.is_refusal(), self.ended) {
            (true, false) => "the whole file is refused, and vouchers are listed all the same",
            (false, true) => "neither is the whole file refused nor a voucher listed",
            (true, true) | (false, false) => return Ok(()),
        };
        Err(self.walker.error(Fault::new(Kind::Rule, rule)))
    }
}

impl AnswerHead {
    fn open(&mut self, label: Label) {
        let kind = match label {
            Label::Notice => ReactionKind::Notice,
            Label::Fault => ReactionKind::Fault,
            _ => return,
        };
        self.reactions.push(Reaction { kind, ..Reaction::default() });
    }

    fn take(&mut self, label: Label, value: &str) {
        match label {
            Label::TransactionId => self.transaction_id = value.to_owned(),
            Label::TransactionTime => self.at = read_instant(value).unwrap_or_default(),
            Label::ProcessedAt => self.processed_at = read_instant(value).unwrap_or_default(),
            label => {
                if let Some(reaction) = self.reactions.last_mut() {
                    reaction.take(label, value);
                }
            }
        }
    }
}

impl Reaction {
    fn take(&mut self, label: Label, value: &str) {
        match label {
            Label::ReactionId => self.id = value.to_owned(),
            Label::ReactionText => self.text = value.to_owned(),
            Label::ReactionSource => self.source = given(value),
            Label::ReactionPlace => self.places.push(value.to_owned()),
            _ => {}
        }
    }
}

/// A text, if there is one.
fn given(value: &str) -> Option<String> {
    Some(value.to_owned()).filter(|text| !text.is_empty())
}

fn nothing() -> Receipt {
    Receipt {
        voucher_id: Uuid::default(),
        result: VoucherResult::Unknown,
        result_text: String::new(),
        causes: Vec::new(),
        explanation: None,
        details: Vec::new(),
        erp_number: None,
    }
}

impl Receipt {
    fn open(&mut self, label: Label) {
        match label {
            Label::Receipt => *self = nothing(),
            Label::Acceptance => self.result = VoucherResult::Accepted,
            Label::Refusal => self.result = VoucherResult::Rejected,
            Label::Detail => self.details.push(Cause::default()),
            _ => {}
        }
    }

    fn take(&mut self, label: Label, value: &str) {
        match label {
            Label::VoucherId => self.voucher_id = Uuid::parse(value).unwrap_or_default(),
            Label::Result => {
                self.result = VoucherResult::from_text(value);
                self.result_text = value.to_owned();
            }
            Label::Cause => self.causes.extend(Uuid::parse(value)),
            Label::Explanation => self.explanation = given(value),
            Label::ErpNumber => self.erp_number = given(value),
            label => {
                if let Some(cause) = self.details.last_mut() {
                    cause.take(label, value);
                }
            }
        }
    }
}

impl Cause {
    fn take(&mut self, label: Label, value: &str) {
        match label {
            Label::DetailCause => self.class = Uuid::parse(value).ok(),
            Label::DetailElement => self.element = given(value),
            Label::DetailValue => self.value = given(value),
            Label::DetailText => self.text = given(value),
            Label::DetailCode => self.code = given(value),
            _ => {}
        }
    }
}
