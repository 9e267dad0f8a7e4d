//! Blocks (blokeringer): payees and payments that are held back, by whom, why and until when (feature 1.2.1).
//!
//! A block holds a payment when its day to be sent comes, after it was posted. One that ends, or is lifted, lets the
//! payment go at the next sending.

use jiff::civil::Date;
use rusqlite::{Row, params};
use toek_formats::vocabulary::{MunicipalityCode, Ore, Party};

use super::handling::{Change, accepted};
use super::journal::{self, EntryKind};
use super::sql::statements;
use super::{StoreError, Tx, Write, date_of, day_number, intake, task};
use crate::domain::handling::Handling;
use crate::domain::identity::PaymentId;
use crate::domain::outcome::Outcome;
use crate::domain::payment::{HoldReason, PaymentState};
use crate::domain::sending::Due;
use crate::steps;

statements! {
    MAX = "select max(block_no) from block";
    INSERT = "insert into block (block_no, municipality, payee_code, payee_no, payment_id, from_day, until_day, reason,
            by_whom, at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    LIFT = "update block set lifted_by = $2, lifted_reason = $3, lifted_at = $4
        where block_no = $1 and lifted_at is null";
    ALL_BLOCKS = "select block_no, municipality, payee_code, payee_no, payment_id, from_day, until_day, reason, by_whom, at,
            lifted_by, lifted_reason, lifted_at
        from block order by block_no";
    IN_FORCE = "select block_no, municipality, payee_code, payee_no, payment_id, from_day, until_day, reason, by_whom, at,
            lifted_by, lifted_reason, lifted_at
        from block where lifted_at is null and from_day <= $1 and (until_day is null or until_day >= $1)
        order by block_no";
    HELD = "insert into blocked (payment_id, block_no) values ($1, $2)";
    HOLDS = "select payment_id, block_no from blocked order by payment_id";
    FORGET = "delete from blocked where payment_id = $1";
    HOLD = "update payment set state = $2 where payment_id = $1 and state = $3";
}

/// What a block holds back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// All payments to somebody.
    Payee(Party),
    /// One payment.
    Payment(PaymentId),
}

/// A block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// From 1.
    pub no: i64,
    /// Whose payments; none: everybody's (a central block).
    pub municipality: Option<MunicipalityCode>,
    /// What it holds back.
    pub target: Target,
    /// The first day.
    pub from: Date,
    /// The last day; none: until it is lifted.
    pub until: Option<Date>,
    /// Why.
    pub reason: String,
    /// Who made it.
    pub by: String,
    /// When, microseconds since 1970.
    pub at: i64,
    /// Who lifted it, why and when.
    pub lifted: Option<(String, String, i64)>,
}

impl Block {
    fn covers(&self, municipality: MunicipalityCode, payment: PaymentId, payee: Party) -> bool {
        let is_meant = match self.target {
            Target::Payee(blocked) => blocked == payee,
            Target::Payment(blocked) => blocked == payment,
        };
        is_meant && self.municipality.is_none_or(|own| own == municipality)
    }
}

fn read(row: &Row<'_>) -> Result<Block, StoreError> {
    let payment: Option<i64> = row.get(4)?;
    let target = match payment {
        Some(id) => Target::Payment(PaymentId::from_i64(id)),
        None => Target::Payee(intake::party(row.get(2)?, row.get(3)?)?),
    };
    let lifted: (Option<String>, Option<String>, Option<i64>) = (row.get(10)?, row.get(11)?, row.get(12)?);
    Ok(Block {
        no: row.get(0)?,
        municipality: row.get::<_, Option<u16>>(1)?.map(MunicipalityCode),
        target,
        from: date_of(row.get(5)?),
        until: row.get::<_, Option<i64>>(6)?.map(date_of),
        reason: row.get(7)?,
        by: row.get(8)?,
        at: row.get(9)?,
        lifted: match lifted {
            (Some(by), Some(reason), Some(at)) => Some((by, reason, at)),
            _ => None,
        },
    })
}

/// All blocks there ever were, oldest first.
pub fn all(tx: &Tx<'_>) -> Result<Vec<Block>, StoreError> {
    let mut blocks = Vec::new();
    tx.each(ALL_BLOCKS, [], |row| {
        blocks.push(read(row)?);
        Ok(())
    })?;
    Ok(blocks)
}

/// The blocks of a day.
pub(super) struct InForce(Vec<Block>);

impl InForce {
    pub(super) fn on(tx: &Tx<'_>, day: Date) -> Result<InForce, StoreError> {
        let mut blocks = Vec::new();
        tx.each(IN_FORCE, params![day_number(day)], |row| {
            blocks.push(read(row)?);
            Ok(())
        })?;
        Ok(InForce(blocks))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn over(
        &self,
        municipality: MunicipalityCode,
        payment: PaymentId,
        payee: Party,
    ) -> Option<&Block> {
        self.0.iter().find(|block| block.covers(municipality, payment, payee))
    }
}

/// Holds payments that were to be sent, each with the block that holds it.
pub(super) fn hold(
    tx: &Tx<'_>,
    municipality: MunicipalityCode,
    held: &[(PaymentId, i64)],
    at: i64,
) -> Result<(), StoreError> {
    let (blocked, waiting) = (PaymentState::Held(HoldReason::Block).code(), PaymentState::Waiting.code());
    let mut outcomes = Vec::with_capacity(held.len());
    for (payment, block) in held {
        tx.run(HOLD, params![payment.as_i64(), blocked, waiting])?;
        tx.run(HELD, params![payment.as_i64(), block])?;
        let (subject, text) = (payment.to_string(), format!("block {block} holds it back on its day"));
        let municipality_of_task = Some(municipality);
        task::open(
            tx,
            &task::NewTask { kind: "blocked", municipality: municipality_of_task, subject, text },
            at,
        )?;
        outcomes.push(Outcome {
            payment: *payment,
            municipality,
            payment_state: blocked,
            attempt: 0,
            attempt_state: 0,
            rules: [0, 0],
            bank: 0,
            amount: Ore::ZERO,
        });
    }
    if let Some((_, block)) = held.first() {
        journal::append(tx, at, EntryKind::HeldByBlock, *block, &[], &outcomes)?;
    }
    Ok(())
}

/// A payment that is done with otherwise is held by no block.
pub(super) fn forget(tx: &Tx<'_>, payment: PaymentId) -> Result<(), StoreError> {
    tx.run(FORGET, params![payment.as_i64()])?;
    Ok(())
}

/// Payments that no block holds any more on a day.
pub fn freed(tx: &Tx<'_>, today: Date) -> Result<Vec<PaymentId>, StoreError> {
    let held: Vec<i64> = tx.all(HOLDS, [], |row| row.get(0))?;
    if held.is_empty() {
        return Ok(Vec::new());
    }
    let in_force = InForce::on(tx, today)?;
    let mut freed = Vec::new();
    for id in held.into_iter().map(PaymentId::from_i64) {
        let Some(stored) = intake::payment(tx, id)? else { continue };
        let (municipality, payee) = (stored.request.municipality, stored.request.payee);
        if in_force.over(municipality, id, payee).is_none() {
            freed.push(id);
        }
    }
    Ok(freed)
}

/// A payment that a block held goes on.
pub struct Free {
    /// Which.
    pub payment: PaymentId,
    /// When it is to be sent.
    pub due: Due,
    /// Today.
    pub today: Date,
    /// Now.
    pub at: i64,
}

impl Write for Free {
    const STEP: steps::Step = steps::Step::Settled;
    type Out = ();
    fn apply(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let stored = accepted(tx, self.payment)?;
        if stored.state != PaymentState::Held(HoldReason::Block) {
            return forget(tx, self.payment);
        }
        let handling =
            Handling { payment: PaymentState::Waiting, rules: [None, None], sends: true, stops: false };
        task::close_kind(tx, "blocked", &self.payment.to_string(), self.at)?;
        let (due, today, kind) = (self.due, self.today, EntryKind::Unblocked);
        Change { stored: &stored, handling, due, today, kind }.carry_out(tx, self.at)
    }
}

/// Somebody blocks a payee or a payment.
pub struct Add {
    /// As it is to stand; its number is given here.
    pub block: Block,
}

impl Write for Add {
    const STEP: steps::Step = steps::Step::Settled;
    /// Its number.
    type Out = i64;
    fn apply(&self, tx: &Tx<'_>) -> Result<i64, StoreError> {
        let block = &self.block;
        if let Target::Payment(id) = block.target {
            accepted(tx, id)?;
        }
        let no = tx.next_number(MAX)?;
        let (payee, payment) = match block.target {
            Target::Payee(party) => (Some((party.code as u8, party.number as i64)), None),
            Target::Payment(id) => (None, Some(id.as_i64())),
        };
        tx.run(
            INSERT,
            params![
                no,
                block.municipality.map(|code| code.0),
                payee.map(|(code, _)| code),
                payee.map(|(_, number)| number),
                payment,
                day_number(block.from),
                block.until.map(day_number),
                block.reason,
                block.by,
                block.at
            ],
        )?;
        journal::append(tx, block.at, EntryKind::Blocked, no, &[], &[])?;
        Ok(no)
    }
}

/// Somebody lifts a block.
pub struct Lift {
    /// Which.
    pub block: i64,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Now.
    pub at: i64,
}

impl Write for Lift {
    const STEP: steps::Step = steps::Step::Settled;
    type Out = ();
    fn apply(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        if tx.run(LIFT, params![self.block, self.by, self.reason, self.at])? == 1 {
            journal::append(tx, self.at, EntryKind::BlockLifted, self.block, &[], &[])?;
            return Ok(());
        }
        let found = all(tx)?.into_iter().find(|block| block.no == self.block);
        Err(StoreError::Conflict(match found.and_then(|block| block.lifted) {
            Some((by, ..)) => format!("block {} was lifted by {by}", self.block),
            None => format!("there is no block {}", self.block),
        }))
    }
}
