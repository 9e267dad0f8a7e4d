//! Receipts and answers out: for simulated counterparties' fixtures and for tests. The hub itself never sends one.

use std::io;

use super::names::{self, E, N, S};
use super::out::{self, Out, WriteError, push_digits};
use super::{AccountUsed, AnswerHead, AnswerKind, AnsweredPayment, Parties};

/// Writes a receipt or an answer: what [`super::AnswerReader`] reads from it is what was given. Values are escaped
/// but not checked, so that odd answers can be made as well.
pub struct AnswerWriter<W> {
    out: Out<W>,
    kind: AnswerKind,
    /// What the list that is open says of its debit; `None` when none is open.
    list: Option<String>,
}

impl<W: io::Write> AnswerWriter<W> {
    /// Writes the head. Receipts and answers 2 and 5 have a header with `parties`, the others none.
    ///
    /// # Errors
    /// [`WriteError::Io`].
    pub fn begin(sink: W, head: &AnswerHead, parties: &Parties<'_>) -> Result<AnswerWriter<W>, WriteError> {
        let kind = head.kind;
        let has_header = kind.is_receipt() || matches!(kind, AnswerKind::Answer2 | AnswerKind::Answer5);
        let prefixes: &[u8] = match (kind.is_receipt(), has_header) {
            (true, _) => &[N, E],
            (false, true) => &[N, E, S],
            (false, false) => &[N, S],
        };
        let mut out = out::begin(sink, kind.root(), prefixes);
        if has_header {
            write_header(&mut out, head, parties);
        }
        if !kind.is_receipt() {
            write_group(&mut out, head);
        }
        out.settle()?;
        Ok(AnswerWriter { out, kind, list: None })
    }

    /// Writes one payment, in a new list when its debit is not that of the one before.
    ///
    /// # Errors
    /// [`WriteError::Io`].
    pub fn payment(&mut self, payment: &AnsweredPayment<'_>) -> Result<(), WriteError> {
        self.list_for(payment);
        let out = &mut self.out;
        out.open(S, names::ORGNL_TX_REF_INF_AND_STS);
        out.open(S, names::PMT_ID);
        out.leaf_if(names::INSTR_ID, payment.instruction_id);
        out.leaf(S, names::END_TO_END_ID, payment.end_to_end_id);
        out.close(S, names::PMT_ID);
        out.leaf(S, names::TX_STS, payment.status_text);
        out.leaf_if(names::STS_RSN, payment.reason);
        out.leaf_if(names::ADDTL_INF, payment.text);
        out.open(S, names::ORGNL_TX_INF);
        out.amount(payment.currency, |buffer| buffer.extend_from_slice(payment.amount_text.as_bytes()));
        out.leaf(S, names::INCOMPLETE_PAYMENT_INDICATOR, if payment.incomplete { "1" } else { "0" });
        out.open(S, names::CDTR);
        if let Some(party) = payment.payee {
            out.party(party);
        }
        out.close(S, names::CDTR);
        if let Some(account) = payment.account_used {
            let path = [names::CDTR_ACCT, names::ID];
            out.descend(&path);
            match account {
                AccountUsed::Danish(account) => out.leaf(S, names::BBAN, &account.bban()),
                AccountUsed::Foreign(iban) => out.leaf(S, names::IBAN, iban),
            }
            out.ascend(&path);
        }
        out.ascend(&[names::ORGNL_TX_REF_INF_AND_STS, names::ORGNL_TX_INF]);
        out.line();
        out.settle()?;
        Ok(())
    }

    /// Ends the message and gives the sink back, flushed.
    ///
    /// # Errors
    /// [`WriteError::Io`].
    pub fn finish(mut self) -> Result<W, WriteError> {
        self.end_list();
        Ok(self.out.finish((N, self.kind.root()))?)
    }

    fn list_for(&mut self, payment: &AnsweredPayment<'_>) {
        let AnsweredPayment { execution, agreement, debit_account, debit_text, .. } = payment;
        let account = debit_account.map(|account| account.bban());
        let wanted = format!("{execution:?} {agreement:?} {account:?} {debit_text:?}");
        if self.list.as_ref() == Some(&wanted) {
            return;
        }
        self.end_list();
        self.list = Some(wanted);
        let out = &mut self.out;
        out.open(N, names::ORGNL_PMT_INF);
        if let Some(date) = execution {
            out.date(names::REQD_EXCTN_DT, *date);
        }
        for (path, leaf, value) in [
            ([names::DBTR, names::ORG_ID], names::BK_PTY_ID, *agreement),
            ([names::DBTR_ACCT, names::ID], names::BBAN, account.as_deref()),
        ] {
            if let Some(value) = value {
                out.descend(&path);
                out.leaf(S, leaf, value);
                out.ascend(&path);
            }
        }
        out.leaf_if(names::DBT_PURP, *debit_text);
        out.line();
    }

    fn end_list(&mut self) {
        if self.list.take().is_some() {
            self.out.close(N, names::ORGNL_PMT_INF);
            self.out.line();
        }
    }
}

fn write_header<W: io::Write>(out: &mut Out<W>, head: &AnswerHead, parties: &Parties<'_>) {
    let mut label =
        if head.kind.is_receipt() { "Kvitteringssvar " } else { "Retursvar " }.as_bytes().to_vec();
    push_digits(&mut label, number(head.kind), 1);
    label.extend_from_slice(b" NKS2C");
    let label = String::from_utf8_lossy(&label);
    let supplier = head.supplier_id.as_deref().unwrap_or(parties.supplier_id);
    out.header(&label, [parties.nks_id, parties.nks_gln], [supplier, parties.supplier_gln]);
    if let Some(action) = head.action {
        out.leaf(E, names::ACTION, action.code());
    }
    out.open(E, names::MESSAGE_DATA);
    out.leaf(E, names::MESSAGE_ID, &head.message_id);
    out.time(E, names::TIMESTAMP, head.created);
    if let Some(reference) = &head.ref_to_message_id {
        out.leaf(E, names::REF_TO_MESSAGE_ID, reference);
    }
    out.close(E, names::MESSAGE_DATA);
    if let Some(text) = head.text.as_deref().filter(|_| head.kind.is_receipt()) {
        out.leaf(E, names::DESCRIPTION, text);
    }
    out.close(N, names::MESSAGE_HEADER);
    out.line();
}

fn write_group<W: io::Write>(out: &mut Out<W>, head: &AnswerHead) {
    out.open(N, names::GNL_INF);
    out.leaf(S, names::PMT_INITN_STS_ID, &head.message_id);
    out.time(S, names::CRE_DT_TM, head.created);
    out.authority(head.authority.as_deref().unwrap_or_default());
    out.close(N, names::GNL_INF);
    out.line();
    out.open(N, names::ORGNL_GRP_REF_INF_AND_STS);
    out.leaf(S, names::GRP_ID, head.group_id.as_deref().unwrap_or_default());
    out.leaf(S, names::ORGNL_MSG_TP, names::ANSWERED_MESSAGE);
    out.leaf_if(names::GRP_STS, head.group_status.map(|status| status.code()));
    out.leaf_if(names::STS_RSN, head.reason.as_deref());
    out.leaf_if(names::ADDTL_INF, head.text.as_deref());
    out.close(N, names::ORGNL_GRP_REF_INF_AND_STS);
    out.line();
}

fn number(kind: AnswerKind) -> u64 {
    match kind {
        AnswerKind::Receipt0 => 0,
        AnswerKind::Receipt1 => 1,
        AnswerKind::Answer2 => 2,
        AnswerKind::Answer5 => 5,
        AnswerKind::Answer7 => 7,
        AnswerKind::Answer8 => 8,
        AnswerKind::Answer9 => 9,
    }
}
