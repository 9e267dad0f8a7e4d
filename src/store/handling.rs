//! What persons do with payments, by the table of [`crate::domain::handling`]: decided and written at once, so that of two
//! who act at the same time one wins and the other is told.

use jiff::civil::Date;
use rusqlite::params;
use toek_formats::vocabulary::Ore;

use super::intake::{self, Stored};
use super::journal::{self, EntryKind};
use super::nemkonto;
use super::person_act::{self, PersonAct, Taken};
use super::sql::statements;
use super::transfer::{self, TransferState};
use super::{StoreError, Tx, Write, block, bundle, day_number, ledger, task};
use crate::domain::handling::{Handling, handled};
use crate::domain::identity::{AttemptId, BundleNo, PaymentId};
use crate::domain::ledger::{Entry, Rule, Source, Vouchers};
use crate::domain::outcome::{self, Outcome};
use crate::domain::payment::{AttemptState, PaymentState};
use crate::domain::people::Act;
use crate::domain::sending::Due;
use crate::steps;

statements! {
    STATE = "update payment set state = $2 where payment_id = $1 and state = $3";
    SALT = "select salt from transfer where transfer_no = $1";
    DUE = "insert into due (transfer_no, municipality, day, immediate, part, payments, sum_ore, taken, records)
        values ($1, $2, $3, $4, $5, 1, $6, 0, $7)";
    LAST_PART = "select max(part) from due where transfer_no = $1 and part >= $2";
}

/// Parts of a transfer that persons let go are numbered from here: no chunk of its records begins so far out.
const BY_HAND: i64 = 1 << 32;

/// A person has something done with a payment.
pub struct Handle {
    /// Which.
    pub payment: PaymentId,
    /// What is done or proposed, and by whom.
    pub taken: Taken,
    /// When it is to be sent, if it is.
    pub due: Due,
    /// The day it is posted on.
    pub today: Date,
}

impl Write for Handle {
    const STEP: steps::Step = steps::Step::Settled;
    /// Whether it was carried out; a proposal is not.
    type Out = bool;
    fn apply(&self, tx: &Tx<'_>) -> Result<bool, StoreError> {
        let (id, act) = (self.payment, self.taken.act);
        let stored = accepted(tx, id)?;
        let (before, request) = (stored.state, &stored.request);
        let handling = handled(before, newest(tx, &stored)?, request.amount, act).map_err(|why| {
            let acts = person_act::of(tx, &id.to_string()).unwrap_or_default();
            StoreError::Conflict(format!("{id} is {before}{}: {why}", who_was(&acts)))
        })?;
        if !person_act::take(tx, &id.to_string(), request.municipality, &self.taken)? {
            return Ok(false);
        }
        let kind = match act {
            Act::ReleaseDuplicate | Act::RefuseDuplicate => EntryKind::DuplicateSettled,
            _ => EntryKind::HandledByHand,
        };
        if handling.stops {
            nemkonto::request_stop(tx, AttemptId { payment: id, attempt: stored.attempt })?;
        }
        let change = Change { stored: &stored, handling, due: self.due, today: self.today, kind };
        change.carry_out(tx, self.taken.at)?;
        Ok(true)
    }
}

/// A payment whose transfer counts.
pub(super) fn accepted(tx: &Tx<'_>, id: PaymentId) -> Result<Stored, StoreError> {
    let carrier = transfer::get(tx, id.transfer())?;
    let counts = carrier.is_some_and(|carrier| carrier.state == TransferState::Accepted);
    let stored = intake::payment(tx, id)?.filter(|_| counts);
    stored.ok_or_else(|| StoreError::Conflict(format!("there is no payment {id}")))
}

/// Where the newest attempt of a payment stands; none where there is none.
pub fn newest(tx: &Tx<'_>, stored: &Stored) -> Result<Option<AttemptState>, StoreError> {
    let attempt = AttemptId { payment: stored.request.payment, attempt: stored.attempt };
    let Some(current) = nemkonto::current(tx, attempt)? else { return Ok(None) };
    Ok(Some(match current.own_state {
        Some(code) => AttemptState::from_code(code)?,
        None => bundle::get(tx, BundleNo(current.bundle))?.state.attempt_state(),
    }))
}

/// A change of one payment, decided.
pub(super) struct Change<'a> {
    pub(super) stored: &'a Stored,
    pub(super) handling: Handling,
    pub(super) due: Due,
    pub(super) today: Date,
    pub(super) kind: EntryKind,
}

impl Change<'_> {
    /// State, vouchers, what is due, and the journal's entry.
    pub(super) fn carry_out(&self, tx: &Tx<'_>, at: i64) -> Result<(), StoreError> {
        let (request, after) = (&self.stored.request, self.handling.payment);
        let (id, before) = (request.payment, self.stored.state);
        if after != before && tx.run(STATE, params![id.as_i64(), after.code(), before.code()])? != 1 {
            return Err(StoreError::Conflict(format!("{id} is {before} no more")));
        }
        self.post(tx, at)?;
        if self.handling.sends {
            self.make_due(tx)?;
        }
        if before == PaymentState::Open {
            task::close(tx, &AttemptId { payment: id, attempt: self.stored.attempt }.to_string(), at)?;
        }
        block::forget(tx, id)?;
        let salt: Vec<u8> = tx.one(SALT, params![id.transfer().0], |row| row.get(0))?.unwrap_or_default();
        let code = |rule: Option<Rule>| rule.map_or(0, |rule| rule as u8);
        let [first, second] = self.handling.rules;
        let outcome = Outcome {
            payment: id,
            municipality: request.municipality,
            payment_state: after.code(),
            attempt: 0,
            attempt_state: 0,
            rules: [code(first), code(second)],
            bank: u8::from(first.is_some()),
            amount: request.amount,
        };
        journal::append(tx, at, self.kind, id.transfer().0, &salt, &[outcome])?;
        Ok(())
    }

    fn post(&self, tx: &Tx<'_>, at: i64) -> Result<(), StoreError> {
        let request = &self.stored.request;
        let entry = Entry {
            payment: request.payment,
            municipality: request.municipality,
            benefit: request.benefit,
            amount: request.amount,
            bank: 1, // none of these rules touches a bank account
        };
        let one = |_| 1;
        let mut vouchers = Vouchers::new(&one);
        for rule in self.handling.rules.into_iter().flatten() {
            vouchers.post(rule, Source::Transfer(request.payment.transfer()), self.today, entry);
        }
        ledger::post(tx, &vouchers.finish(), at)
    }

    /// What intake would have done: to be sent when its day comes.
    fn make_due(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let request = &self.stored.request;
        let transfer = request.payment.transfer().0;
        let last: Option<i64> = tx.one(LAST_PART, params![transfer, BY_HAND], |row| row.get(0))?.flatten();
        let part = last.map_or(BY_HAND, |last| last + 1);
        let (day, records) = (day_number(self.due.day), outcome::encode_ids([request.payment].into_iter()));
        let (municipality, Ore(sum)) = (request.municipality.0, request.amount);
        tx.run(DUE, params![transfer, municipality, day, self.due.immediate, part, sum, records])?;
        Ok(())
    }
}

/// Who was quicker, as the end of a sentence.
fn who_was(acts: &[PersonAct]) -> String {
    let done = acts.iter().rev().find(|act| !act.is_open && !act.is_turned_down);
    let by = done.and_then(|act| act.settled.as_ref()).map(|(by, ..)| by);
    by.map(|by| format!(", settled by {by}")).unwrap_or_default()
}
