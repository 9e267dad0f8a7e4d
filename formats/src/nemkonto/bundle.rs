//! The payment bundle out: `NKSPayment` (nemkonto.md 2).

use std::collections::HashSet;
use std::io;

use super::forms::is_latin;
use super::names::{self, E, N, S};
use super::out::{self, Out, WriteError, push_amount};
use super::{Address, AmountFormat, BundleHead, Debit, Parties, Payment};
use crate::vocabulary::{Cpr, CprKind, IdentCode, Ore, Party, has_cpr};

/// Writes a bundle, payment by payment. What it gives back from [`BundleWriter::finish`] is complete: the number
/// and the sum of the payments are those of the head, every field has its form, no reference stands twice.
/// After an error nothing more can be made of it: the bytes written so far are no bundle.
///
/// The same calls always write the same bytes. Each payment stands on a line of its own.
pub struct BundleWriter<W> {
    out: Out<W>,
    format: AmountFormat,
    promised: (u32, Ore),
    written: (u32, Ore),
    references: HashSet<String>,
    debit: DebitState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum DebitState {
    None,
    Empty,
    Filled,
}

impl<W: io::Write> BundleWriter<W> {
    /// Writes the head.
    ///
    /// # Errors
    /// [`WriteError::Field`] when a field of the head lacks its form; [`WriteError::Io`].
    pub fn begin(sink: W, head: &BundleHead<'_>) -> Result<BundleWriter<W>, WriteError> {
        check_head(head)?;
        let mut out = out::begin(sink, names::PAYMENT, &[N, E, S]);
        write_header(&mut out, head);
        write_group(&mut out, head);
        out.settle()?;
        Ok(BundleWriter {
            out,
            format: head.amount_format,
            promised: (head.count, head.control_sum),
            written: (0, Ore::ZERO),
            references: HashSet::new(),
            debit: DebitState::None,
        })
    }

    /// Begins a level B: the payments that follow share it.
    ///
    /// # Errors
    /// [`WriteError::Field`]; [`WriteError::Order`] when the debit before it has no payment; [`WriteError::Io`].
    pub fn debit(&mut self, debit: &Debit<'_>) -> Result<(), WriteError> {
        self.end_debit()?;
        self.check_debit(debit)?;
        let out = &mut self.out;
        out.open(N, names::PMT_INF);
        out.date(names::REQD_EXCTN_DT, debit.execution);
        out.leaf(S, names::PMT_MTD_BY_FRST_AGT, names::METHOD);
        let path = [names::DBTR, names::ORG_ID];
        out.descend(&path);
        out.leaf(S, names::BK_PTY_ID, debit.agreement);
        out.ascend(&path);
        let path = [names::DBTR_ACCT, names::ID];
        out.descend(&path);
        out.leaf(S, names::BBAN, &debit.account.bban());
        out.ascend(&path);
        out.leaf_if(names::DBT_PURP, debit.text);
        out.line();
        self.debit = DebitState::Empty;
        Ok(())
    }

    /// Writes one payment under the last debit.
    ///
    /// # Errors
    /// [`WriteError::Field`]; [`WriteError::Order`] when there is no debit; [`WriteError::Io`].
    pub fn payment(&mut self, payment: &Payment<'_>) -> Result<(), WriteError> {
        if self.debit == DebitState::None {
            return Err(WriteError::Order("a payment needs a debit before it"));
        }
        self.written.0 += 1;
        self.check(payment)?;
        self.written.1 += payment.amount;
        self.debit = DebitState::Filled;
        self.write(payment);
        self.out.settle()?;
        Ok(())
    }

    /// Ends the bundle and gives the sink back, flushed.
    ///
    /// # Errors
    /// [`WriteError::Count`] and [`WriteError::Sum`] when the payments are not what the head promised;
    /// [`WriteError::Order`] when there is no payment; [`WriteError::Io`].
    pub fn finish(mut self) -> Result<W, WriteError> {
        if self.debit == DebitState::None {
            return Err(WriteError::Order("a bundle needs a payment"));
        }
        self.end_debit()?;
        let ((promised, promised_sum), (written, written_sum)) = (self.promised, self.written);
        if promised != written {
            return Err(WriteError::Count { promised, written });
        }
        if promised_sum != written_sum {
            return Err(WriteError::Sum { promised: promised_sum, written: written_sum });
        }
        Ok(self.out.finish((N, names::PAYMENT))?)
    }

    fn end_debit(&mut self) -> Result<(), WriteError> {
        match self.debit {
            DebitState::None => Ok(()),
            DebitState::Empty => Err(WriteError::Order("a debit needs a payment after it")),
            DebitState::Filled => {
                self.out.close(N, names::PMT_INF);
                self.out.line();
                Ok(())
            }
        }
    }

    fn write(&mut self, payment: &Payment<'_>) {
        let out = &mut self.out;
        out.open(S, names::PMT_TX);
        out.open(S, names::PMT_ID);
        out.leaf(S, names::INSTR_ID, payment.end_to_end_id);
        out.leaf(S, names::END_TO_END_ID, payment.end_to_end_id);
        out.close(S, names::PMT_ID);
        if let Some(benefit) = payment.benefit {
            out.open(S, names::PURP);
            out.leaf(S, names::PRTRY, benefit);
            out.close(S, names::PURP);
        }
        out.amount(names::CURRENCY, |buffer| push_amount(buffer, payment.amount, self.format));
        let incomplete = if payment.account.is_none() { "1" } else { "0" };
        out.leaf(S, names::INCOMPLETE_PAYMENT_INDICATOR, incomplete);
        write_payee(out, payment);
        if let Some(account) = payment.account {
            let path = [names::CDTR_ACCT, names::ID];
            out.descend(&path);
            out.leaf(S, names::BBAN, &account.bban());
            out.ascend(&path);
        }
        out.leaf(S, names::CHRG_BR, names::CHARGES);
        for line in payment.advice {
            out.open(S, names::RMT_INF);
            out.leaf(S, names::USTRD, line);
            out.close(S, names::RMT_INF);
        }
        out.close(S, names::PMT_TX);
        out.line();
    }

    fn check_debit(&self, debit: &Debit<'_>) -> Result<(), WriteError> {
        let check = Check { payment: self.written.0 + 1 };
        check.latin(names::BK_PTY_ID, debit.agreement, 35)?;
        check.that(
            names::REQD_EXCTN_DT,
            (1000..=2999).contains(&debit.execution.year()),
            "a year from 1000 to 2999",
        )?;
        if let Some(text) = debit.text {
            check.latin(names::DBT_PURP, text, 35)?;
            check.no_cpr(names::DBT_PURP, text)?;
        }
        Ok(())
    }

    fn check(&mut self, payment: &Payment<'_>) -> Result<(), WriteError> {
        let check = Check { payment: self.written.0 };
        let Payment { end_to_end_id, .. } = *payment;
        check.reference(names::END_TO_END_ID, end_to_end_id, 27, b"-")?;
        let is_new = self.references.insert(end_to_end_id.to_owned());
        check.that(names::END_TO_END_ID, is_new, "a reference that stands only once in the bundle")?;
        let lawful = (Ore(1)..=Ore::PAYMENT_MAXIMUM).contains(&payment.amount);
        check.that(names::INSTD_AMT, lawful, "above zero and at most 9999999.99")?;
        check.payee(payment)?;
        if let Some(benefit) = payment.benefit {
            check.latin(names::PRTRY, benefit, 35)?;
        }
        if let Some(name) = payment.name {
            check.latin(names::NM, name, 70)?;
        }
        if let Some(address) = &payment.address {
            check.address(address)?;
        }
        check.that(
            names::RMT_INF,
            payment.advice.len() <= names::ADVICE_LINES,
            "at most 41 lines of advice",
        )?;
        for line in payment.advice {
            check.latin(names::USTRD, line, names::ADVICE_WIDTH)?;
            check.no_cpr(names::USTRD, line)?;
        }
        Ok(())
    }
}

fn write_header<W: io::Write>(out: &mut Out<W>, head: &BundleHead<'_>) {
    let parties = &head.parties;
    out.header(
        names::PAYMENT_LABEL,
        [parties.supplier_id, parties.supplier_gln],
        [parties.nks_id, parties.nks_gln],
    );
    out.open(E, names::MESSAGE_DATA);
    out.leaf(E, names::MESSAGE_ID, head.group_id);
    out.time(E, names::TIMESTAMP, head.created);
    out.close(E, names::MESSAGE_DATA);
    out.close(N, names::MESSAGE_HEADER);
    out.line();
}

fn write_group<W: io::Write>(out: &mut Out<W>, head: &BundleHead<'_>) {
    out.open(N, names::GRP_HDR);
    out.leaf(S, names::GRP_ID, head.group_id);
    out.time(S, names::CRE_DT_TM, head.created);
    out.open(S, names::CTRL_SUM);
    push_amount(&mut out.buffer, head.control_sum, head.amount_format);
    out.close(S, names::CTRL_SUM);
    out.leaf(S, names::NB_OF_TXS, &head.count.to_string());
    out.authority(head.authority);
    out.close(N, names::GRP_HDR);
    out.line();
}

fn write_payee<W: io::Write>(out: &mut Out<W>, payment: &Payment<'_>) {
    out.open(S, names::CDTR);
    out.leaf_if(names::NM, payment.name);
    if let Some(address) = &payment.address {
        out.open(S, names::PSTL_ADR);
        for line in address.lines {
            out.leaf(S, names::ADR_LINE, line);
        }
        out.leaf_if(names::STRT_NM, address.street);
        out.leaf_if(names::BLDG_NB, address.building);
        out.leaf_if(names::PST_CD, address.postcode);
        out.leaf_if(names::TWN_NM, address.town);
        out.leaf(S, names::CTRY, address.country);
        out.close(S, names::PSTL_ADR);
    }
    if let Some(party) = payment.payee {
        out.party(party);
    }
    out.close(S, names::CDTR);
}

fn check_head(head: &BundleHead<'_>) -> Result<(), WriteError> {
    let check = Check { payment: 0 };
    check.reference(names::GRP_ID, head.group_id, 35, b"_.-")?;
    check.latin(names::ID, head.authority, 35)?;
    check.that(names::CRE_DT_TM, (1000..=2999).contains(&head.created.year()), "a year from 1000 to 2999")?;
    check.that(names::CTRL_SUM, head.control_sum > Ore::ZERO, "above zero")?;
    let Parties { supplier_id, supplier_gln, nks_id, nks_gln } = head.parties;
    for id in [supplier_id, nks_id] {
        check.latin(names::PARTY_ID, id, 35)?;
    }
    for gln in [supplier_gln, nks_gln] {
        let lawful = gln.len() == 13 && gln.bytes().all(|b| b.is_ascii_digit());
        check.that(names::PARTY_ID, lawful, "a GLN of 13 digits")?;
    }
    Ok(())
}

/// Checks the fields of one payment.
struct Check {
    payment: u32,
}

impl Check {
    #[inline]
    fn that(&self, field: &'static str, holds: bool, rule: &'static str) -> Result<(), WriteError> {
        if holds { Ok(()) } else { Err(WriteError::Field { payment: self.payment, field, rule }) }
    }

    /// Letters, digits and the `others`.
    #[inline]
    fn reference(
        &self,
        field: &'static str,
        text: &str,
        most: usize,
        others: &[u8],
    ) -> Result<(), WriteError> {
        let lawful = (1..=most).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || others.contains(&b));
        self.that(field, lawful, "a reference of letters, digits and hyphens, not too long")
    }

    #[inline]
    fn latin(&self, field: &'static str, text: &str, most: usize) -> Result<(), WriteError> {
        let short = text.len() <= most || text.chars().count() <= most;
        self.that(field, short && is_latin(text), "text of ISO-8859-1, not blank and not too long")
    }

    #[inline]
    fn no_cpr(&self, field: &'static str, text: &str) -> Result<(), WriteError> {
        self.that(field, !has_cpr(text), "text without a CPR number")
    }

    /// Incomplete: a number NemKonto knows, and a benefit. Complete: a number or a name (2.7; 00-decisions.md 5.5).
    fn payee(&self, payment: &Payment<'_>) -> Result<(), WriteError> {
        let Payment { payee, name, benefit, account, .. } = *payment;
        if let Some(party) = payee {
            let known = party.code != IdentCode::CreditorAccount;
            self.that(names::CDTR, known, "a CPR, CVR, SE or P number, not a creditor account")?;
            let fits = party.number < 10_u64.pow(party.code.width() as u32);
            self.that(names::CDTR, fits, "a number of no more digits than its kind has")?;
        }
        if account.is_some() {
            return self.that(names::CDTR, payee.is_some() || name.is_some(), "a payee's number or name");
        }
        self.that(names::PURP, benefit.is_some(), "given for an incomplete payment")?;
        self.that(names::CDTR, payee.is_some(), "a payee's number in an incomplete payment")?;
        let can_be_known = payee.is_none_or(may_be_known);
        self.that(names::SCL_SCTY_NB, can_be_known, "a CPR number NemKonto can know, no replacement number")
    }

    fn address(&self, address: &Address<'_>) -> Result<(), WriteError> {
        self.that(names::ADR_LINE, address.lines.len() <= 5, "at most five lines")?;
        for line in address.lines {
            self.latin(names::ADR_LINE, line, 70)?;
        }
        let fields = [
            (names::STRT_NM, address.street, 70),
            (names::BLDG_NB, address.building, 16),
            (names::PST_CD, address.postcode, 16),
            (names::TWN_NM, address.town, 35),
        ];
        for (field, text, most) in fields {
            if let Some(text) = text {
                self.latin(field, text, most)?;
            }
        }
        let country = address.country.as_bytes();
        let lawful = country.len() == 2 && country.iter().all(u8::is_ascii_uppercase);
        self.that(names::CTRY, lawful, "a country in two capital letters")
    }
}

fn may_be_known(party: Party) -> bool {
    party.code != IdentCode::Cpr
        || Cpr::from_number(party.number).is_ok_and(|cpr| cpr.kind() == CprKind::Ordinary)
}
