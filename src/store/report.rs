//! Questions about the whole: what became of every record, what stands where, and one payment's story.

use std::collections::BTreeMap;

use rusqlite::params;
use toek_formats::vocabulary::{MunicipalityCode, Ore};

use super::sql::statements;
use super::{StoreError, Tx};
use crate::domain::identity::{AttemptId, BundleNo, PaymentId, TransferNo};
use crate::domain::payment::{AttemptState, OutcomeGroup, PaymentState};

statements! {
    STATES = "select p.state, count(*), sum(p.amount_ore) from payment p
        join transfer t on t.transfer_no = p.payment_id >> 20
        where t.accepted_at is not null group by p.state order by p.state";
    REJECTED = "select count(*) from rejected r join transfer t on t.transfer_no = r.transfer_no
        where t.accepted_at is not null";
    OPEN_BY_MUNICIPALITY = "select p.municipality, p.state, sum(p.amount_ore) from payment p
        join transfer t on t.transfer_no = p.payment_id >> 20
        where t.accepted_at is not null group by p.municipality, p.state order by p.municipality, p.state";
    ATTEMPTS = "select a.attempt, a.bundle_no, a.bundle_line, a.state, a.answered_by, b.group_id, b.state,
            b.municipality, b.run_day
        from attempt a join bundle b on b.bundle_no = a.bundle_no where a.payment_id = $1 order by a.attempt";
    REJECTED_ROWS = "select record_no, line_no, byte_offset, byte_length, earlier_payment from rejected
        where transfer_no = $1 order by record_no";
    REJECTED_ROW = "select record_no, line_no, byte_offset, byte_length, earlier_payment from rejected
        where transfer_no = $1 and record_no = $2";
    EXAMPLE = "select p.payment_id from payment p join transfer t on t.transfer_no = p.payment_id >> 20
        where t.accepted_at is not null and p.state = $1 order by p.payment_id limit 1";
    EXAMPLE_REJECTED = "select r.transfer_no, r.record_no from rejected r
        join transfer t on t.transfer_no = r.transfer_no
        where t.accepted_at is not null order by r.transfer_no, r.record_no limit 1";
}

/// How many, and over how much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records.
    pub count: u64,
    /// Their amounts.
    pub sum: Ore,
}

/// Every record of every accepted file, by what became of it.
pub fn outcomes(tx: &Tx<'_>) -> Result<BTreeMap<OutcomeGroup, Tally>, StoreError> {
    let mut groups: BTreeMap<OutcomeGroup, Tally> =
        OutcomeGroup::ALL.into_iter().map(|group| (group, Tally::default())).collect();
    tx.each(STATES, [], |row| {
        let tally = groups.entry(PaymentState::from_code(row.get(0)?)?.group()).or_default();
        tally.count += row.get::<_, i64>(1)? as u64;
        tally.sum += Ore(row.get(2)?);
        Ok(())
    })?;
    let rejected: i64 = tx.one(REJECTED, [], |row| row.get(0))?.unwrap_or(0);
    groups.entry(OutcomeGroup::Rejected).or_default().count += rejected as u64;
    Ok(groups)
}

/// What is owed per municipality by the states of its payments: to be held against the interim account.
pub fn open_payments(tx: &Tx<'_>) -> Result<BTreeMap<MunicipalityCode, Ore>, StoreError> {
    let mut open = BTreeMap::new();
    tx.each(OPEN_BY_MUNICIPALITY, [], |row| {
        let sum: &mut Ore = open.entry(MunicipalityCode(row.get(0)?)).or_default();
        if PaymentState::from_code(row.get(1)?)?.is_on_interim() {
            *sum += Ore(row.get(2)?);
        }
        Ok(())
    })?;
    Ok(open)
}

/// One try to pay a payment.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Which.
    pub id: AttemptId,
    /// The bundle it is in.
    pub bundle: BundleNo,
    /// That bundle's reference.
    pub group_id: String,
    /// The reference of the attempt towards NemKonto (EndToEndId).
    pub reference: String,
    /// Its line in the bundle, from 1.
    pub bundle_line: u32,
    /// Where it stands.
    pub state: AttemptState,
    /// The transfer that brought the answer which decided it last.
    pub answered_by: Option<TransferNo>,
}

/// The attempts of a payment, oldest first.
pub fn attempts(tx: &Tx<'_>, payment: PaymentId) -> Result<Vec<Attempt>, StoreError> {
    let mut attempts = Vec::new();
    tx.each(ATTEMPTS, params![payment.as_i64()], |row| {
        let bundle_state = crate::domain::answers::BundleState::from_code(row.get(6)?)?;
        let state = match row.get::<_, Option<u8>>(3)? {
            Some(own) => AttemptState::from_code(own)?,
            None => bundle_state.attempt_state(),
        };
        let id = AttemptId { payment, attempt: row.get(0)? };
        attempts.push(Attempt {
            id,
            reference: id.end_to_end_id(MunicipalityCode(row.get(7)?), super::date_of(row.get(8)?)),
            bundle: BundleNo(row.get(1)?),
            bundle_line: row.get(2)?,
            state,
            answered_by: row.get::<_, Option<i64>>(4)?.map(TransferNo),
            group_id: row.get(5)?,
        });
        Ok(())
    })?;
    Ok(attempts)
}

/// A record that was refused.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// The data record, from 1.
    pub record_no: u32,
    /// Its line, from 1.
    pub line_no: u32,
    /// Where it begins in the file, in bytes.
    pub offset: u64,
    /// Its length in bytes.
    pub length: u32,
    /// The payment it repeats, where that is why.
    pub earlier: Option<PaymentId>,
}

fn read_rejected(row: &rusqlite::Row<'_>) -> rusqlite::Result<Rejected> {
    Ok(Rejected {
        record_no: row.get(0)?,
        line_no: row.get(1)?,
        offset: row.get::<_, i64>(2)? as u64,
        length: row.get(3)?,
        earlier: row.get::<_, Option<i64>>(4)?.map(PaymentId::from_i64),
    })
}

/// The refused records of a transfer, in order.
pub fn rejected_of(tx: &Tx<'_>, no: TransferNo) -> Result<Vec<Rejected>, StoreError> {
    tx.all(REJECTED_ROWS, params![no.0], read_rejected)
}

/// One refused record.
pub fn rejected(tx: &Tx<'_>, no: TransferNo, record_no: u32) -> Result<Option<Rejected>, StoreError> {
    tx.one(REJECTED_ROW, params![no.0, record_no], read_rejected)
}

/// Records worth looking at: one paid, one that came back, one refused.
pub fn examples(tx: &Tx<'_>) -> Result<Vec<(PaymentId, &'static str)>, StoreError> {
    let mut found = Vec::new();
    for (state, why) in
        [(PaymentState::Paid, "a payment that was paid"), (PaymentState::Open, "one that came back")]
    {
        let id = tx.one(EXAMPLE, params![state.code()], |row| row.get(0))?;
        found.extend(id.map(|id| (PaymentId::from_i64(id), why)));
    }
    let rejected = tx.one(EXAMPLE_REJECTED, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let record = rejected.map(|(transfer, record)| PaymentId::new(TransferNo(transfer), record));
    found.extend(record.map(|id| (id, "a record that was refused, and why")));
    Ok(found)
}
