//! What a restore does to a store, and what it holds back until the lost time is known: epochs, skipped numbers, held
//! places and what turned up at them.

use jiff::civil::Date;
use rusqlite::params;

use super::journal::{self, EntryKind};
use super::sql::statements;
use super::{StoreError, Tx, Write, day_number, task};
use crate::domain::restore::{Epoch, Jump, bundle_numbers};
use crate::steps::Step;

statements! {
    VALUE = "select value from installation where key = $1";
    SET = "insert into installation (key, value) values ($1, $2)
        on conflict (key) do update set value = excluded.value";
    FLOOR = "select last from number_floor where what = $1";
    RAISE = "insert into number_floor (what, last) values ($1, $2) on conflict (what) do update set
        last = case when excluded.last > last then excluded.last else last end";
    TRANSFERS = "select coalesce(max(transfer_no), 0) from transfer";
    BUNDLES = "select coalesce(max(bundle_no), 0) from bundle";
    RUNS = "select coalesce(max(run_no), 0) from run";
    VOUCHERS = "select coalesce(max(voucher_no), 0) from voucher";
    FILES = "select coalesce(max(file_no), 0) from voucher_file";
    BUSIEST = "select coalesce(max(many), 0) from (
        select count(*) as many from transfer group by received_at / 86400000000) as days";
    HOLD = "insert into endpoint_hold (endpoint, epoch, pictured_at, held_at) values ($1, $2, $3, $4)
        on conflict (endpoint) do update set epoch = excluded.epoch, pictured_at = excluded.pictured_at,
            held_at = excluded.held_at, released_at = null, released_by = null, reason = null";
    FORGET_LOOKS = "delete from endpoint_look where endpoint = $1";
    HOLDS = "select endpoint, epoch, pictured_at, held_at, released_at, released_by, reason from endpoint_hold
        order by endpoint";
    HELD = "select 1 from endpoint_hold where endpoint = $1 and released_at is null";
    RELEASE = "update endpoint_hold set released_at = $2, released_by = $3, reason = $4
        where endpoint = $1 and released_at is null";
    LOOKED = "insert into endpoint_look (endpoint, pipeline, looked_at) values ($1, $2, $3)
        on conflict (endpoint, pipeline) do update set looked_at = excluded.looked_at";
    LOOKS = "select pipeline, looked_at from endpoint_look where endpoint = $1 order by pipeline";
    FOUND = "insert into found (endpoint, reference, text, evidence, found_at, open) values ($1, $2, $3, $4, $5, $6)
        on conflict (endpoint, reference) do update set text = excluded.text, evidence = excluded.evidence,
            open = excluded.open";
    FOUND_AT = "select reference, text, evidence, found_at, open from found where endpoint = $1 order by reference";
    UNSENT_BUNDLES = "select group_id from bundle where state in (1, 2, 12) and created_at <= $1 order by bundle_no";
    UNSENT_FILES = "select file_no from voucher_file where state in (1, 2) and created_at <= $1 order by file_no";
    WAITING_VOUCHERS = "select count(*) from voucher_open o join voucher v on v.voucher_no = o.voucher_no
        where v.posted_at <= $1 and o.booking_day <= $2";
}

/// What an installation is counted in after a restore.
pub const NUMBERS: [&str; 5] = ["transfer", "bundle", "run", "voucher", "voucher file"];

const EPOCH: &str = "epoch";

/// How often this installation was restored.
pub fn epoch(tx: &Tx<'_>) -> Result<Epoch, StoreError> {
    let text: Option<String> = tx.one(VALUE, params![EPOCH], |row| row.get(0))?;
    let unreadable = |_| StoreError::Unreadable { what: "an epoch".to_owned() };
    text.map_or(Ok(0), |text| text.parse().map_err(unreadable))
}

/// The next number of something that is named outside: above what the store holds, and above what a restore skipped.
pub(super) fn next_outside(
    tx: &Tx<'_>,
    what: &'static str,
    sql_max: &'static str,
) -> Result<i64, StoreError> {
    let floor = tx.one(FLOOR, params![what], |row| row.get::<_, i64>(0))?.unwrap_or(0);
    Ok(tx.next_number(sql_max)?.max(floor + 1))
}

/// What a restore skipped of a kind of number; 0 where there was none.
pub fn floor(tx: &Tx<'_>, what: &'static str) -> Result<i64, StoreError> {
    Ok(tx.one(FLOOR, params![what], |row| row.get(0))?.unwrap_or(0))
}

pub(super) fn raise_floor(tx: &Tx<'_>, what: &'static str, last: i64) -> Result<(), StoreError> {
    tx.run(RAISE, params![what, last])?;
    Ok(())
}

/// The last number of each kind that the store holds, as [`NUMBERS`] names them.
pub fn last_numbers(tx: &Tx<'_>) -> Result<[i64; 5], StoreError> {
    let last = |sql| Ok::<i64, StoreError>(tx.one(sql, [], |row| row.get(0))?.unwrap_or(0));
    let held = [last(TRANSFERS)?, last(BUNDLES)?, last(RUNS)?, last(VOUCHERS)?, last(FILES)?];
    let mut numbers = [0; 5];
    for ((number, held), what) in numbers.iter_mut().zip(held).zip(NUMBERS) {
        *number = held.max(floor(tx, what)?);
    }
    Ok(numbers)
}

/// The most transfers of a day.
pub fn busiest_day(tx: &Tx<'_>) -> Result<i64, StoreError> {
    Ok(tx.one(BUSIEST, [], |row| row.get(0))?.unwrap_or(0))
}

/// Begins an epoch: numbers jump, and every place to which anything is sent is held.
pub struct Begin {
    /// The epoch that begins.
    pub epoch: Epoch,
    /// How far numbers jump.
    pub jump: Jump,
    /// The endpoints to which anything is sent.
    pub endpoints: Vec<String>,
    /// When the picture was taken.
    pub pictured_at: i64,
    /// Now.
    pub at: i64,
}

impl Write for Begin {
    const STEP: Step = Step::Restored;
    type Out = ();
    fn apply(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        if self.epoch <= epoch(tx)? {
            return Err(StoreError::Conflict(format!("epoch {} has begun already", self.epoch)));
        }
        let Jump { transfers, others } = self.jump;
        for (what, last) in NUMBERS.into_iter().zip(last_numbers(tx)?) {
            let by = if what == "transfer" { transfers } else { others };
            raise_floor(tx, what, last + by)?;
        }
        tx.run(SET, params![EPOCH, self.epoch.to_string()])?;
        for endpoint in &self.endpoints {
            tx.run(HOLD, params![endpoint, self.epoch, self.pictured_at, self.at])?;
            tx.run(FORGET_LOOKS, params![endpoint])?;
            let (subject, text) = (subject_of(endpoint), HELD_TEXT.to_owned());
            task::open(tx, &task::NewTask { kind: TASK, municipality: None, subject, text }, self.at)?;
        }
        journal::append(tx, self.at, EntryKind::Restored, self.epoch, &[], &[])?;
        Ok(())
    }
}

/// The kind of tasks about restored places.
pub const TASK: &str = "restored";
const HELD_TEXT: &str = "nothing is sent there since the restore: `toek endpoints` says what was found";

fn subject_of(endpoint: &str) -> String {
    format!("endpoint {endpoint}")
}

/// A place that a restore held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The endpoint.
    pub endpoint: String,
    /// The epoch that began.
    pub epoch: Epoch,
    /// When the picture was taken. Instants are microseconds since 1970.
    pub pictured_at: i64,
    /// Since when it is held.
    pub held_at: i64,
    /// When that ended.
    pub released_at: Option<i64>,
    /// Who ended it.
    pub released_by: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// Every place that a restore held, released or not.
pub fn holds(tx: &Tx<'_>) -> Result<Vec<Hold>, StoreError> {
    tx.all(HOLDS, [], |row| {
        Ok(Hold {
            endpoint: row.get(0)?,
            epoch: row.get(1)?,
            pictured_at: row.get(2)?,
            held_at: row.get(3)?,
            released_at: row.get(4)?,
            released_by: row.get(5)?,
            reason: row.get(6)?,
        })
    })
}

/// What a restore held at an endpoint, released or not.
pub fn hold_at(tx: &Tx<'_>, endpoint: &str) -> Result<Option<Hold>, StoreError> {
    Ok(holds(tx)?.into_iter().find(|hold| hold.endpoint == endpoint))
}

/// Whether nothing may be sent there.
pub fn is_held(tx: &Tx<'_>, endpoint: &str) -> Result<bool, StoreError> {
    Ok(tx.one(HELD, params![endpoint], |_| Ok(()))?.is_some())
}

/// Refuses, within a write, to number or to send anything at a held place.
///
/// # Errors
/// [`StoreError::Conflict`] while it is held.
pub fn refuse_held(tx: &Tx<'_>, endpoint: &str) -> Result<(), StoreError> {
    match is_held(tx, endpoint)? {
        true => Err(StoreError::Conflict(format!("endpoint `{endpoint}` is held since the restore"))),
        false => Ok(()),
    }
}

/// Lets things be sent to a place again.
pub struct Release {
    /// The endpoint.
    pub endpoint: String,
    /// Who does it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Now.
    pub at: i64,
}

impl Write for Release {
    const STEP: Step = Step::Looked;
    /// Whether it was held.
    type Out = bool;
    fn apply(&self, tx: &Tx<'_>) -> Result<bool, StoreError> {
        let Release { endpoint, by, reason, at } = self;
        if tx.run(RELEASE, params![endpoint, at, by, reason])? == 0 {
            return Ok(false);
        }
        task::close_kind(tx, TASK, &subject_of(endpoint), *at)?;
        let epoch = epoch(tx)?;
        journal::append(tx, *at, EntryKind::Released, epoch, &[], &[])?;
        Ok(true)
    }
}

/// A pipeline has looked at a held place, and nothing failed.
pub struct Looked {
    /// The endpoint.
    pub endpoint: String,
    /// The pipeline.
    pub pipeline: String,
    /// Now.
    pub at: i64,
}

impl Write for Looked {
    const STEP: Step = Step::Looked;
    type Out = ();
    fn apply(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        tx.run(LOOKED, params![self.endpoint, self.pipeline, self.at])?;
        Ok(())
    }
}

/// Which pipelines have looked at a held place, and when last.
pub fn looks(tx: &Tx<'_>, endpoint: &str) -> Result<Vec<(String, i64)>, StoreError> {
    tx.all(LOOKS, params![endpoint], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Something that turned up at a restored place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is called: a bundle's reference, a payment's, a file's name.
    pub reference: String,
    /// What is known of it now.
    pub text: String,
    /// What told of it.
    pub evidence: String,
    /// When it was first seen, microseconds since 1970.
    pub found_at: i64,
    /// Whether it is not explained, and keeps the place held.
    pub is_open: bool,
}

/// What turned up at an endpoint, by reference.
pub fn found(tx: &Tx<'_>, endpoint: &str) -> Result<Vec<Found>, StoreError> {
    tx.all(FOUND_AT, params![endpoint], |row| {
        Ok(Found {
            reference: row.get(0)?,
            text: row.get(1)?,
            evidence: row.get(2)?,
            found_at: row.get(3)?,
            is_open: row.get(4)?,
        })
    })
}

/// Notes what turned up; a person is told of what is not explained.
pub(super) fn note_found(tx: &Tx<'_>, endpoint: &str, found: &Found) -> Result<(), StoreError> {
    let Found { reference, text, evidence, found_at, is_open } = found;
    tx.run(FOUND, params![endpoint, reference, text, evidence, found_at, is_open])?;
    let subject = format!("{endpoint}: {reference}");
    if !is_open {
        return task::close_kind(tx, TASK, &subject, *found_at);
    }
    let text = format!("{text} ({evidence})");
    task::open(tx, &task::NewTask { kind: TASK, municipality: None, subject, text }, *found_at)
}

/// Something turned up that cannot be taken apart.
pub struct NoteFound {
    /// Where.
    pub endpoint: String,
    /// What.
    pub found: Found,
}

impl Write for NoteFound {
    const STEP: Step = Step::Looked;
    type Out = ();
    fn apply(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        note_found(tx, &self.endpoint, &self.found)
    }
}

/// The bundle numbers within a GrpId that this epoch may give: above the first, up to the second.
pub(super) fn sequence_range(tx: &Tx<'_>) -> Result<(i64, i64), StoreError> {
    Ok(bundle_numbers(epoch(tx)?))
}

/// Bundles numbered before the restore that did not leave, as far as the store knows.
pub fn unsent_bundles(tx: &Tx<'_>, before: i64) -> Result<Vec<String>, StoreError> {
    tx.all(UNSENT_BUNDLES, params![before], |row| row.get(0))
}

/// The same for files of vouchers.
pub fn unsent_files(tx: &Tx<'_>, before: i64) -> Result<Vec<i64>, StoreError> {
    tx.all(UNSENT_FILES, params![before], |row| row.get(0))
}

/// Vouchers posted before the restore that wait to be sent and whose booking day had come.
pub fn waiting_vouchers(tx: &Tx<'_>, before: i64, day: Date) -> Result<i64, StoreError> {
    Ok(tx.one(WAITING_VOUCHERS, params![before, day_number(day)], |row| row.get(0))?.unwrap_or(0))
}
