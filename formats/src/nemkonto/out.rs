//! What the writers of NemKonto's messages share.

use std::io;

use jiff::civil::{Date, DateTime};

use super::names::{E, EBMS, N, NKS, S, SWIFT};
use super::{AmountFormat, names};
use crate::vocabulary::{IdentCode, Ore, Party};
pub(super) use crate::xml::write::{Out, push_digits};
use crate::xml::write::{Space, push_attribute, push_decimal2};

/// Why a message could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The sink failed.
    #[error("the message could not be written")]
    Io(#[from] io::Error),
    /// A field does not have the form the message asks for. The value is not told: it may be personal.
    #[error("payment {payment}, {field}: {rule}")]
    Field {
        /// Number of the payment, from 1; 0 for what stands before the first.
        payment: u32,
        /// The element's name.
        field: &'static str,
        /// What it must be.
        rule: &'static str,
    },
    /// The head promised another number of payments.
    #[error("the head promises {promised} payments, but {written} were written")]
    Count {
        /// As in the head.
        promised: u32,
        /// As counted.
        written: u32,
    },
    /// The head promised another sum.
    #[error("the head promises a sum of {}, but {} was written", promised.decimal2(), written.decimal2())]
    Sum {
        /// As in the head.
        promised: Ore,
        /// As summed.
        written: Ore,
    },
    /// A payment without a debit before it, or a debit without a payment after it.
    #[error("{0}")]
    Order(&'static str),
}

/// As the content models number them.
static SPACES: [Space; 3] = [
    Space { prefix: "nks", uri: NKS },
    Space { prefix: "ebms", uri: EBMS },
    Space { prefix: "swift", uri: SWIFT },
];

/// Begins a message: declaration and root, with the namespaces it needs.
pub(super) fn begin<W: io::Write>(sink: W, root: &str, declared: &[u8]) -> Out<W> {
    Out::begin(sink, &SPACES, (N, root), declared)
}

/// What NemKonto's messages have and others do not.
impl<W: io::Write> Out<W> {
    /// Opens several elements of the swift namespace, each in the one before it.
    #[inline]
    pub(super) fn descend(&mut self, path: &[&str]) {
        for name in path {
            self.open(S, name);
        }
    }

    /// Closes what [`Out::descend`] opened.
    #[inline]
    pub(super) fn ascend(&mut self, path: &[&str]) {
        for name in path.iter().rev() {
            self.close(S, name);
        }
    }

    #[inline]
    pub(super) fn leaf_if(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.leaf(S, name, text);
        }
    }

    pub(super) fn date(&mut self, name: &str, date: Date) {
        self.leaf(S, name, &date.to_string());
    }

    pub(super) fn time(&mut self, space: u8, name: &str, time: DateTime) {
        self.leaf(space, name, &time.strftime("%Y-%m-%dT%H:%M:%S").to_string());
    }

    /// `InstdAmt` in its `Amt`.
    pub(super) fn amount(&mut self, currency: &str, text: impl FnOnce(&mut Vec<u8>)) {
        self.open(S, names::AMT);
        self.tag("<", S, names::INSTD_AMT);
        for piece in [" ", names::CCY, "=\"", currency, "\">"] {
            self.raw(piece);
        }
        text(&mut self.buffer);
        self.close(S, names::INSTD_AMT);
        self.close(S, names::AMT);
    }

    /// The elements that carry a payee's number.
    pub(super) fn party(&mut self, party: Party) {
        if party.code == IdentCode::Cpr {
            self.open(S, names::PRVT_ID);
            self.open(S, names::SCL_SCTY_NB);
            push_digits(&mut self.buffer, party.number, party.code.width());
            self.ascend(&[names::PRVT_ID, names::SCL_SCTY_NB]);
            return;
        }
        self.descend(&[names::ORG_ID, names::PRTRY_ID, names::ID]);
        push_digits(&mut self.buffer, party.number, party.code.width());
        self.close(S, names::ID);
        self.leaf(S, names::ISSR, issuer(party.code));
        self.ascend(&[names::ORG_ID, names::PRTRY_ID]);
    }

    /// The authority: `InitgPty` and what is in it.
    pub(super) fn authority(&mut self, number: &str) {
        let path = [names::INITG_PTY, names::ORG_ID, names::PRTRY_ID];
        self.descend(&path);
        self.leaf(S, names::ID, number);
        self.leaf(S, names::ISSR, names::AUTHORITY_ISSUER);
        self.ascend(&path);
    }

    /// `MessageHeader` up to the action: label, sender, receiver.
    pub(super) fn header(&mut self, label: &str, from: [&str; 2], to: [&str; 2]) {
        self.tag("<", N, names::MESSAGE_HEADER);
        self.tag(" ", E, names::HEADER_ID);
        self.raw("=\"");
        push_attribute(&mut self.buffer, label);
        self.raw("\"");
        self.tag(" ", E, names::HEADER_VERSION_NAME);
        for piece in ["=\"", names::HEADER_VERSION, "\">"] {
            self.raw(piece);
        }
        for (name, ids) in [(names::FROM, from), (names::TO, to)] {
            self.open(E, name);
            for id in ids {
                self.leaf(E, names::PARTY_ID, id);
            }
            self.close(E, name);
        }
    }
}

/// Who issued a company's number; `SE` and `P` are ASSUMED (2.6).
pub(super) fn issuer(code: IdentCode) -> &'static str {
    match code {
        IdentCode::Cvr => "CVR",
        IdentCode::Se => "SE",
        IdentCode::ProductionUnit => "P",
        IdentCode::Cpr => "CPR",
        IdentCode::CreditorAccount => "KREDITOR",
    }
}

/// Appends an amount that is not negative.
#[inline]
pub(super) fn push_amount(out: &mut Vec<u8>, amount: Ore, format: AmountFormat) {
    match format {
        AmountFormat::Decimal2 => push_decimal2(out, amount),
        AmountFormat::Implied3 => {
            push_digits(out, amount.magnitude(), 1);
            out.push(b'0');
        }
    }
}
