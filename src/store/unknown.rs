//! What cannot be known by looking, and what persons say of it: bundles, payments, vouchers (00-decisions.md 1.3, 1.5).
//!
//! What somebody says is weighed within the write that books it, so that an answer that came meanwhile goes first.

use jiff::civil::Date;
use rusqlite::params;
use toek_formats::vocabulary::MunicipalityCode;

use super::bundle::{self, Bundle};
use super::finance;
use super::journal::{self, EntryKind};
use super::ledger;
use super::nemkonto;
use super::person_act::{self, Taken};
use super::sql::statements;
use super::{StoreError, Tx, Write, intake, task};
use crate::domain::answers::BundleState;
use crate::domain::finance::{VoucherState, contradiction_stands};
use crate::domain::identity::{AttemptId, BundleNo, PaymentId};
use crate::domain::ledger::{Entry, Rule, Source, Vouchers};
use crate::domain::outcome::Outcome;
use crate::domain::payment::{AttemptState, PaymentState};
use crate::domain::people::Act;
use crate::steps;

statements! {
    BUNDLES = "select bundle_no from bundle where undecided > 0
        and (state = 6 or (state in (4, 5) and overdue > 0 and settled_at is null))
        and bundle_no > $1 order by bundle_no limit 500";
    UNCONFIRMED = "select payment_id from payment where state = 3 and payment_id > $1 order by payment_id limit 500";
    MANUAL = "select a.payment_id from attempt a join payment p on p.payment_id = a.payment_id
        where a.state = 14 and p.attempt = a.attempt and p.state = 4 and a.payment_id > $1
        order by a.payment_id limit 500";
    CONTRADICTED = "select s.voucher_no, v.municipality, s.state, s.erp_number, s.cause from voucher_sent s
        join voucher v on v.voucher_no = s.voucher_no where s.contradicted = 1 order by s.voucher_no";
    FILES = "select file_no, municipality, sent_at from voucher_file
        where undecided > 0 and overdue > 0 and state between 4 and 5 order by file_no";
    SETTLED = "update bundle set state = $2, settled_at = $3 where bundle_no = $1 and state = $4";
    RESEND = "update bundle set state = $2, settled_at = null, overdue = 0, landed_at = null, resent = resent + 1
        where bundle_no = $1 and state = $3";
    UNDECIDED = "update bundle set undecided = $2 where bundle_no = $1";
    CONTRADICTED_TRY = "select attempt, state from voucher_sent where voucher_no = $1 and contradicted = 1
        order by attempt limit 1";
    LATER_TRY = "select state from voucher_sent where voucher_no = $1 and attempt > $2 order by attempt desc limit 1";
    SETTLE_TRY = "update voucher_sent set state = $3, contradicted = 0 where voucher_no = $1 and attempt = $2";
    NOT_OPEN = "delete from voucher_open where voucher_no = $1";
}

/// As acts and evidence call a bundle.
pub fn bundle_subject(no: BundleNo) -> String {
    format!("bundle {}", no.0)
}

/// As acts call a voucher.
pub fn voucher_subject(no: i64) -> String {
    format!("voucher {no}")
}

/// The next bundles of which nothing can be known, after number `after`, at most 500.
pub fn bundles_after(tx: &Tx<'_>, after: BundleNo) -> Result<Vec<Bundle>, StoreError> {
    let numbers: Vec<i64> = tx.all(BUNDLES, params![after.0], |row| row.get(0))?;
    numbers.into_iter().map(|no| bundle::get(tx, BundleNo(no))).collect()
}

/// The next payments whose time for an answer ran out, after `after`, at most 500.
pub fn unconfirmed_after(tx: &Tx<'_>, after: PaymentId) -> Result<Vec<PaymentId>, StoreError> {
    tx.all(UNCONFIRMED, params![after.as_i64()], |row| row.get(0).map(PaymentId::from_i64))
}

/// The next payments whose newest attempt is unclear, after `after`, at most 500.
pub fn unclear_after(tx: &Tx<'_>, after: PaymentId) -> Result<Vec<PaymentId>, StoreError> {
    tx.all(MANUAL, params![after.as_i64()], |row| row.get(0).map(PaymentId::from_i64))
}

/// A voucher that the ERP both accepted and refused.
#[derive(Clone, Debug)]
pub struct Contradicted {
    /// Which.
    pub voucher_no: i64,
    /// Whose.
    pub municipality: MunicipalityCode,
    /// What its first answer made of it.
    pub state: VoucherState,
    /// What that answer said: the ERP's number, or its cause.
    pub first: String,
}

/// All of them.
pub fn contradicted(tx: &Tx<'_>) -> Result<Vec<Contradicted>, StoreError> {
    let mut found = Vec::new();
    tx.each(CONTRADICTED, [], |row| {
        let (number, cause): (Option<String>, Option<String>) = (row.get(3)?, row.get(4)?);
        found.push(Contradicted {
            voucher_no: row.get(0)?,
            municipality: MunicipalityCode(row.get(1)?),
            state: VoucherState::from_code(row.get(2)?)?,
            first: number.or(cause).unwrap_or_default(),
        });
        Ok(())
    })?;
    Ok(found)
}

/// Voucher files that nobody confirmed or answered in time: number, whose, and since when they are away.
pub fn silent_files(tx: &Tx<'_>) -> Result<Vec<(i64, MunicipalityCode, Option<i64>)>, StoreError> {
    tx.all(FILES, [], |row| Ok((row.get(0)?, MunicipalityCode(row.get(1)?), row.get(2)?)))
}

/// A person says whether a bundle arrived.
pub struct SettleBundle {
    /// Which.
    pub bundle: BundleNo,
    /// What is said or proposed, and by whom.
    pub taken: Taken,
}

impl Write for SettleBundle {
    const STEP: steps::Step = steps::Step::Settled;
    /// Whether it was carried out; a proposal is not.
    type Out = bool;
    fn apply(&self, tx: &Tx<'_>) -> Result<bool, StoreError> {
        let bundle = bundle::get(tx, self.bundle)?;
        let arrived = self.taken.act == Act::BundleArrived;
        let (no, group) = (bundle.no.0, &bundle.group_id);
        let Some(state) = bundle.state.settled(arrived, bundle.overdue > 0) else {
            return Err(StoreError::Conflict(format!(
                "{group} is {}: there is nothing for a person to settle",
                bundle.state.text()
            )));
        };
        if !arrived && bundle.undecided < bundle.payments {
            let decided = bundle.payments - bundle.undecided;
            return Err(StoreError::Conflict(format!(
                "{decided} payments of {group} are decided: it arrived, and sending it again would pay twice"
            )));
        }
        if !arrived && bundle.state == BundleState::Landed {
            return Err(StoreError::Conflict(format!(
                "{group} was seen at NemKonto's side: it arrived, and sending it again may pay twice. Of what NemKonto \
                 lost, settle each payment"
            )));
        }
        let subject = bundle_subject(bundle.no);
        if !person_act::take(tx, &subject, bundle.municipality, &self.taken)? {
            return Ok(false);
        }
        let at = self.taken.at;
        match arrived {
            true => tx.run(SETTLED, params![no, state as u8, at, bundle.state as u8])?,
            false => tx.run(RESEND, params![no, state as u8, bundle.state as u8])?,
        };
        task::close_kind(tx, "suspect", &subject, at)?;
        task::close_kind(tx, "overdue", &format!("{subject} receipt 0 or 1"), at)?;
        journal::append(tx, at, EntryKind::SettledByHand, no, &[], &[])?;
        Ok(true)
    }
}

/// A person says whether a payment was paid.
pub struct SettlePayment {
    /// Which.
    pub payment: PaymentId,
    /// What is said, and by whom.
    pub taken: Taken,
    /// The day that a failure after payment is booked on.
    pub today: Date,
}

impl Write for SettlePayment {
    const STEP: steps::Step = steps::Step::Settled;
    type Out = bool;
    fn apply(&self, tx: &Tx<'_>) -> Result<bool, StoreError> {
        let payment = self.payment;
        let unknown = || StoreError::Conflict(format!("there is no payment {payment} that was sent"));
        let stored = intake::payment(tx, payment)?.ok_or_else(unknown)?;
        let attempt = AttemptId { payment, attempt: stored.attempt };
        let current = nemkonto::current(tx, attempt)?.ok_or_else(unknown)?;
        let bundle = bundle::get(tx, BundleNo(current.bundle))?;
        let before = match current.own_state {
            Some(code) => AttemptState::from_code(code)?,
            None => bundle.state.attempt_state(),
        };
        let Some(step) = before.settled(stored.state, self.taken.act == Act::PaymentPaid) else {
            return Err(StoreError::Conflict(format!(
                "{payment} is {} ({}): there is nothing for a person to settle",
                stored.state,
                before.text()
            )));
        };
        let municipality = current.municipality;
        if !person_act::take(tx, &payment.to_string(), municipality, &self.taken)? {
            return Ok(false);
        }
        let at = self.taken.at;
        nemkonto::set_by_hand(tx, attempt, &step)?;
        if before.is_undecided() {
            let left = bundle.undecided.saturating_sub(1);
            tx.run(UNDECIDED, params![bundle.no.0, left])?;
            if left == 0 {
                let subject = format!("{} a final answer", bundle_subject(bundle.no));
                task::close_kind(tx, "overdue", &subject, at)?;
            }
        }
        let one = |_| 1;
        let mut vouchers = Vouchers::new(&one);
        let rules = step.posting.map_or(&[][..], |posting| posting.rules());
        for rule in rules {
            let (benefit, amount, bank) = (current.benefit, current.amount, bundle.frozen.bank);
            let entry = Entry { payment, municipality, benefit, amount, bank };
            let day = if *rule == Rule::P6 { bundle.execution_day } else { self.today };
            vouchers.post(*rule, Source::Bundle(bundle.no), day, entry);
        }
        ledger::post(tx, &vouchers.finish(), at)?;
        task::close(tx, &attempt.to_string(), at)?;
        let code = |place: usize| rules.get(place).map_or(0, |rule| *rule as u8);
        let outcome = Outcome {
            payment,
            municipality,
            payment_state: step.payment.code(),
            attempt: attempt.attempt,
            attempt_state: step.attempt as u8,
            rules: [code(0), code(1)],
            bank: bundle.frozen.bank,
            amount: current.amount,
        };
        journal::append(tx, at, EntryKind::SettledByHand, bundle.no.0, &[], &[outcome])?;
        Ok(true)
    }
}

/// A person says whether the ERP booked a voucher that it both accepted and refused.
pub struct SettleVoucher {
    /// Which.
    pub voucher_no: i64,
    /// What is said, and by whom.
    pub taken: Taken,
}

impl Write for SettleVoucher {
    const STEP: steps::Step = steps::Step::Settled;
    type Out = bool;
    fn apply(&self, tx: &Tx<'_>) -> Result<bool, StoreError> {
        let no = self.voucher_no;
        let booked = ledger::voucher(tx, no)?;
        let contradicted: Option<(u8, u8)> =
            tx.one(CONTRADICTED_TRY, params![no], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let Some((attempt, stood)) = contradicted else {
            return Err(StoreError::Conflict(format!("the ERP's answers to voucher {no} do not contradict")));
        };
        let was_booked = self.taken.act == Act::VoucherBooked;
        let later: Option<u8> = tx.one(LATER_TRY, params![no, attempt], |row| row.get(0))?;
        let later = later.map(VoucherState::from_code).transpose()?;
        if let Some(why) = contradiction_stands(was_booked, later) {
            return Err(StoreError::Conflict(format!("voucher {no}: {why}")));
        }
        let (subject, at) = (voucher_subject(no), self.taken.at);
        if !person_act::take(tx, &subject, booked.voucher.municipality, &self.taken)? {
            return Ok(false);
        }
        let state = if was_booked { VoucherState::Accepted } else { VoucherState::Refused };
        tx.run(SETTLE_TRY, params![no, attempt, state as u8])?;
        if !was_booked && stood == VoucherState::Accepted as u8 {
            let (kind, municipality) = (finance::REFUSED_TASK, Some(booked.voucher.municipality));
            let (subject, text) =
                (subject.clone(), format!("the ERP did not book it: {}", self.taken.reason));
            task::open(tx, &task::NewTask { kind, municipality, subject, text }, at)?;
        }
        if was_booked {
            tx.run(NOT_OPEN, params![no])?; // built anew and not sent: it stands already
            task::close_kind(tx, finance::HELD_TASK, &subject, at)?;
            task::close_kind(tx, finance::REFUSED_TASK, &subject, at)?;
        }
        task::close_kind(tx, "voucher contradicted", &subject, at)?;
        journal::append(tx, at, EntryKind::VoucherSettled, no, &[], &[])?;
        Ok(true)
    }
}

/// Whether a payment waits for a person's word.
pub fn is_unknown(state: PaymentState, attempt: AttemptState) -> bool {
    attempt.settled(state, true).is_some()
}
