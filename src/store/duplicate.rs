//! Payments that repeat others: which one each equals and where that one stands now.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::params;
use toek_formats::vocabulary::MunicipalityCode;

use super::intake::{self, Stored};
use super::person_act::{self, PersonAct};
use super::report;
use super::sql::statements;
use super::transfer::{self, TransferState};
use super::{StoreError, Tx, bundle};
use crate::domain::calendar::copenhagen;
use crate::domain::identity::{PaymentId, TransferNo};
use crate::domain::payment::PaymentState;

statements! {
    INSERT = "insert into duplicate (payment_id, earlier_payment) values ($1, $2)";
    EQUALS = "select earlier_payment from duplicate where payment_id = $1";
    HELD = "select p.payment_id from payment p join transfer t on t.transfer_no = p.payment_id >> 20
        where p.state = 18 and t.accepted_at is not null and (p.municipality, p.payment_id) > ($1, $2)
        order by p.municipality, p.payment_id limit 500";
    COUNT = "select count(*) from payment p join transfer t on t.transfer_no = p.payment_id >> 20
        where p.state = 18 and t.accepted_at is not null";
    REPEATED = "select r.transfer_no, r.record_no, r.line_no, r.earlier_payment, t.name from rejected r
        join transfer t on t.transfer_no = r.transfer_no
        where t.accepted_at is not null and r.earlier_payment is not null
        order by r.transfer_no desc, r.record_no desc limit $1";
}

/// Keeps which payment each of those held as possible duplicates equals.
pub(super) fn insert(tx: &Tx<'_>, equals: &[(PaymentId, PaymentId)]) -> Result<(), StoreError> {
    for (payment, earlier) in equals {
        tx.run(INSERT, params![payment.as_i64(), earlier.as_i64()])?;
    }
    Ok(())
}

/// The payment that another repeats: where it came from, and where it stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// Which.
    pub payment: PaymentId,
    /// The file it came in.
    pub file: String,
    /// Its line there.
    pub line_no: u32,
    /// The day that file was received, Danish time.
    pub received: Date,
    /// Where it stands now, in words.
    pub standing: String,
}

impl fmt::Display for Original {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let received = self.received.strftime("%-d %B %Y");
        let Original { payment, file, line_no, standing, .. } = self;
        write!(f, "line {line_no} of file {file} of {received}, {standing} ({payment})")
    }
}

/// Tells of the payment that another repeats. The one place that does: what stands in it may change from one look to the
/// next.
pub fn original(tx: &Tx<'_>, id: PaymentId) -> Result<Option<Original>, StoreError> {
    let Some(stored) = intake::payment(tx, id)? else { return Ok(None) };
    let Some(carrier) = transfer::get(tx, id.transfer())? else { return Ok(None) };
    Ok(Some(Original {
        payment: id,
        file: carrier.identity.name,
        line_no: stored.request.line_no,
        received: danish_day(carrier.received_at),
        standing: standing(tx, &stored)?,
    }))
}

/// The Danish day of an instant.
pub fn danish_day(micros: i64) -> Date {
    copenhagen(Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)).date()
}

fn standing(tx: &Tx<'_>, stored: &Stored) -> Result<String, StoreError> {
    let last = report::attempts(tx, stored.request.payment)?.pop();
    let Some(last) = last else { return Ok(stored.state.to_string()) };
    let group = &last.group_id;
    Ok(match stored.state {
        PaymentState::InProgress => {
            format!("in bundle {group}, {}", bundle::get(tx, last.bundle)?.state.text())
        }
        PaymentState::Unconfirmed => format!("in bundle {group}, sent and never confirmed"),
        PaymentState::Open => format!("open ({} in bundle {group})", last.state.text()),
        other => other.to_string(),
    })
}

/// The payment that a held one equals, where it was kept.
pub fn earlier(tx: &Tx<'_>, id: PaymentId) -> Result<Option<PaymentId>, StoreError> {
    let found: Option<Option<i64>> = tx.one(EQUALS, params![id.as_i64()], |row| row.get(0))?;
    Ok(found.flatten().map(PaymentId::from_i64))
}

/// The same with its words.
pub fn original_of(tx: &Tx<'_>, id: PaymentId) -> Result<Option<Original>, StoreError> {
    match earlier(tx, id)? {
        Some(earlier) => original(tx, earlier),
        None => Ok(None),
    }
}

/// A payment held as a possible duplicate.
#[derive(Clone, Debug)]
pub struct Held {
    /// The payment.
    pub payment: Stored,
    /// The file it came in.
    pub file: String,
    /// When that was received, microseconds since 1970.
    pub received_at: i64,
    /// What it equals; none when it was taken in before that was kept.
    pub equals: Option<Original>,
    /// What persons did or proposed.
    pub acts: Vec<PersonAct>,
}

/// One of them, or any other payment: whether it is held is for the caller to see.
pub fn held(tx: &Tx<'_>, id: PaymentId) -> Result<Option<Held>, StoreError> {
    let Some(payment) = intake::payment(tx, id)? else { return Ok(None) };
    let carrier = transfer::get(tx, id.transfer())?;
    let Some(carrier) = carrier.filter(|carrier| carrier.state == TransferState::Accepted) else {
        return Ok(None);
    };
    Ok(Some(Held {
        payment,
        file: carrier.identity.name,
        received_at: carrier.received_at,
        equals: original_of(tx, id)?,
        acts: person_act::of(tx, &id.to_string())?,
    }))
}

/// The next payments held as possible duplicates after `after`, by municipality and age, at most 500.
pub fn held_after(
    tx: &Tx<'_>,
    after: Option<(MunicipalityCode, PaymentId)>,
) -> Result<Vec<Held>, StoreError> {
    let (municipality, payment) = after.map_or((0, 0), |(m, p)| (m.0, p.as_i64()));
    let ids: Vec<i64> = tx.all(HELD, params![municipality, payment], |row| row.get(0))?;
    let found: Result<Vec<Option<Held>>, StoreError> =
        ids.into_iter().map(|id| held(tx, PaymentId::from_i64(id))).collect();
    Ok(found?.into_iter().flatten().collect())
}

/// How many are held.
pub fn count(tx: &Tx<'_>) -> Result<i64, StoreError> {
    Ok(tx.one(COUNT, [], |row| row.get(0))?.unwrap_or(0))
}

/// A record that was refused because its reference was used before (G68-K09).
#[derive(Clone, Debug)]
pub struct Repeated {
    /// The record, as it would be called if it were a payment.
    pub record: PaymentId,
    /// Its file.
    pub file: String,
    /// Its line there.
    pub line_no: u32,
    /// What it equals.
    pub equals: Option<Original>,
}

/// The newest records refused for a reference used before, at most `limit`, newest first.
pub fn repeated(tx: &Tx<'_>, limit: i64) -> Result<Vec<Repeated>, StoreError> {
    let rows: Vec<(i64, u32, u32, i64, String)> = tx.all(REPEATED, params![limit], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
    })?;
    let read = |(transfer, record, line_no, earlier, file)| {
        let record = PaymentId::new(TransferNo(transfer), record);
        Ok(Repeated { record, file, line_no, equals: original(tx, PaymentId::from_i64(earlier))? })
    };
    rows.into_iter().map(read).collect()
}
