//! Answers out: for fixtures and tests. The hub itself never sends one.

use std::io;

use super::answer::{AnswerHead, Cause, ReactionKind, Receipt};
use super::names::{self, K, M};
use super::writer::SPACES;
use super::{VoucherResult, WriteError};
use crate::xml::write::Out;

const ROOT: (u8, &str) = (M, names::ANSWER);

/// Which of the two ways a receipt says its result (7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResultForm {
    /// `FinansKvitteringResultat`, with the receipt's `result_text`.
    #[default]
    Value,
    /// `AcceptStruktur` or `AfvisningStruktur`, in which the details stand. A result that is neither accepted nor
    /// rejected cannot be said so and is written as a value.
    Structure,
}

/// Writes an answer: what [`super::AnswerReader`] reads from it is what was given. Values are escaped but not
/// checked, so that odd answers can be made as well.
pub struct AnswerWriter<W> {
    out: Out<W>,
    form: ResultForm,
    is_open: bool,
}

impl<W: io::Write> AnswerWriter<W> {
    /// Writes the head.
    ///
    /// # Errors
    /// [`WriteError::Io`].
    pub fn begin(sink: W, head: &AnswerHead, form: ResultForm) -> Result<AnswerWriter<W>, WriteError> {
        let mut out = Out::begin(sink, &SPACES, ROOT, &[M, K]);
        out.open(K, names::ANSWER_HEAD);
        out.leaf(K, names::TRANSACTION_ID, &head.transaction_id);
        out.instant(K, names::TRANSACTION_TIME, head.at);
        for reaction in &head.reactions {
            let (name, id, text) = match reaction.kind {
                ReactionKind::Notice => (names::NOTICE, names::NOTICE_ID, names::NOTICE_TEXT),
                ReactionKind::Fault => (names::FAULT, names::FAULT_ID, names::FAULT_TEXT),
            };
            out.open(K, names::REACTION);
            out.open(K, name);
            out.leaf(K, id, &reaction.id);
            out.leaf(K, text, &reaction.text);
            leaf_if(&mut out, K, names::SOURCE_ID, reaction.source.as_deref());
            reaction.places.iter().for_each(|place| out.leaf(K, names::PLACE, place));
            out.close(K, name);
            out.close(K, names::REACTION);
        }
        out.close(K, names::ANSWER_HEAD);
        out.line();
        out.instant(M, names::PROCESSED_AT, head.processed_at);
        out.line();
        out.settle()?;
        Ok(AnswerWriter { out, form, is_open: false })
    }

    /// Writes one receipt.
    ///
    /// # Errors
    /// [`WriteError::Io`].
    pub fn receipt(&mut self, receipt: &Receipt) -> Result<(), WriteError> {
        let out = &mut self.out;
        if !self.is_open {
            self.is_open = true;
            out.open(M, names::RECEIPTS);
            out.line();
        }
        out.open(M, names::RECEIPT);
        out.uuid(M, names::VOUCHER_ID, receipt.voucher_id);
        let structure = match (self.form, receipt.result) {
            (ResultForm::Structure, VoucherResult::Accepted) => Some(names::ACCEPTANCE),
            (ResultForm::Structure, VoucherResult::Rejected) => Some(names::REFUSAL),
            _ => None,
        };
        match structure {
            Some(name) => write_structure(out, name, receipt),
            None => out.leaf(M, names::RESULT, &receipt.result_text),
        }
        receipt.causes.iter().for_each(|cause| out.uuid(M, names::CAUSE, *cause));
        leaf_if(out, M, names::EXPLANATION, receipt.explanation.as_deref());
        if structure.is_none() {
            receipt.details.iter().for_each(|cause| write_cause(out, cause));
        }
        leaf_if(out, M, names::RECEIPT_ERP_NUMBER, receipt.erp_number.as_deref());
        out.close(M, names::RECEIPT);
        out.line();
        out.settle()?;
        Ok(())
    }

    /// Ends the answer and gives the sink back, flushed.
    ///
    /// # Errors
    /// [`WriteError::Io`].
    pub fn finish(mut self) -> Result<W, WriteError> {
        if self.is_open {
            self.out.close(M, names::RECEIPTS);
            self.out.line();
        }
        Ok(self.out.finish(ROOT)?)
    }
}

fn leaf_if<W: io::Write>(out: &mut Out<W>, space: u8, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        out.leaf(space, name, text);
    }
}

fn write_structure<W: io::Write>(out: &mut Out<W>, name: &str, receipt: &Receipt) {
    out.open(M, name);
    if name == names::ACCEPTANCE && receipt.details.is_empty() {
        out.leaf(M, names::ACCEPTED_PLAINLY, "true");
    }
    receipt.details.iter().for_each(|cause| write_cause(out, cause));
    out.close(M, name);
}

fn write_cause<W: io::Write>(out: &mut Out<W>, cause: &Cause) {
    out.open(M, names::DETAIL);
    if let Some(class) = cause.class {
        out.uuid(M, names::DETAIL_CAUSE, class);
    }
    leaf_if(out, M, names::DETAIL_ELEMENT, cause.element.as_deref());
    leaf_if(out, M, names::DETAIL_VALUE, cause.value.as_deref());
    leaf_if(out, M, names::DETAIL_TEXT, cause.text.as_deref());
    leaf_if(out, M, names::DETAIL_CODE, cause.code.as_deref());
    out.close(M, names::DETAIL);
}
