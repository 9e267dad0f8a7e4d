//! The replica of assortments: every version that came, and what each holds.
//!
//! A version is never changed but for whether it counts. Which classes it holds is the domain's to say.

use jiff::civil::Date;
use rusqlite::{Row, params};
use toek_formats::vocabulary::{MunicipalityCode, Uuid};

use super::journal::{self, EntryKind};
use super::sql::statements;
use super::transfer::TransferState;
use super::{StoreError, Tx, Write, date_of, day_number, task};
use crate::domain::assortment::{Assortment, Days, Owner, Trouble, Value, carried};
use crate::domain::identity::TransferNo;
use crate::steps::Step;

statements! {
    MAX = "select max(version_no) from assortment";
    COUNTS = "select version_no, changed_at from assortment where assortment_id = $1 and is_current = 1";
    SINCE = "select min(since) from assortment where assortment_id = $1";
    COUNTS_NO_MORE = "update assortment set is_current = 0 where assortment_id = $1 and is_current = 1";
    VERSION = "insert into assortment (version_no, assortment_id, transfer_no, municipality, name, title, owner,
            valid_from, valid_until, since, changed_at, loaded_at, before_no, is_current)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    VALUE = "insert into assortment_value (version_no, seq, part, class, name, title, valid_from, valid_until, is_carried)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    ACCEPT = "update transfer set state = $2, accepted_at = $3, municipality = $4, records = $5, checkpoint = $5
        where transfer_no = $1 and state = $6";
    VERSIONS = "select version_no, assortment_id, transfer_no, municipality, name, title, owner, valid_from, valid_until,
            since, changed_at, loaded_at, before_no, is_current from assortment where version_no > $1
        order by version_no limit 500";
    CURRENT = "select version_no, assortment_id, transfer_no, municipality, name, title, owner, valid_from, valid_until,
            since, changed_at, loaded_at, before_no, is_current from assortment where is_current = 1
        order by version_no";
    SELECT = "select version_no, assortment_id, transfer_no, municipality, name, title, owner, valid_from, valid_until,
            since, changed_at, loaded_at, before_no, is_current from assortment where version_no = $1";
    VALUES = "select part, class, name, title, valid_from, valid_until, is_carried from assortment_value
        where version_no = $1 order by seq";
    TOLD = "select subject, text from task where closed_at is null and kind = $1 order by subject";
}

/// A version of an assortment, without what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its number, from 1.
    pub no: i64,
    /// The assortment: the same in every version.
    pub id: Uuid,
    /// The file it came in.
    pub transfer: TransferNo,
    /// Whose it is.
    pub owner: Owner,
    /// Short name.
    pub name: String,
    /// Title.
    pub title: String,
    /// The owner as written.
    pub owner_text: String,
    /// When it holds.
    pub days: Days,
    /// The first day that any version up to this one speaks of.
    pub since: Date,
    /// When it was changed, microseconds since 1970.
    pub changed_at: i64,
    /// When it was taken in.
    pub loaded_at: i64,
    /// The version that counted before it came.
    pub before: Option<i64>,
    /// Whether it counts.
    pub is_current: bool,
}

/// A file is taken in, whole, and counts if it is the newest of its assortment (6.1 to 6.3).
#[derive(Clone, Debug)]
pub struct TakeIn {
    /// What the file says of itself. What only the store knows (`no`, `since`, `before`, `is_current`) is set here.
    pub version: Version,
    /// What it holds.
    pub values: Vec<Value>,
    /// From which day a value is closed that it does not hold any more.
    pub closes_from: Date,
}

impl Write for TakeIn {
    const STEP: Step = Step::Accepted;
    type Out = Version;
    fn apply(&self, tx: &Tx<'_>) -> Result<Version, StoreError> {
        let (id, at) = (self.version.id.to_string(), self.version.loaded_at);
        let counts: Option<(i64, i64)> = tx.one(COUNTS, params![id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let since: Option<Option<i64>> = tx.one(SINCE, params![id], |row| row.get(0))?;
        let since = since.flatten().map_or(self.version.days.from, date_of).min(self.version.days.from);
        let is_current = counts.is_none_or(|(_, changed_at)| changed_at <= self.version.changed_at);
        let before = counts.map(|(no, _)| no);
        let version = Version { no: tx.next_number(MAX)?, since, before, is_current, ..self.version.clone() };
        if is_current {
            tx.run(COUNTS_NO_MORE, params![id])?;
        }
        insert(tx, &version)?;
        // A file that is older than what counts closes nothing.
        let kept = match before.filter(|_| is_current) {
            Some(before) => carried(&values(tx, before)?, &self.values, self.closes_from),
            None => Vec::new(),
        };
        for (seq, value) in (1_i64..).zip(self.values.iter().chain(&kept)) {
            insert_value(tx, version.no, seq, value)?;
        }
        accept(tx, &version, self.values.len())?;
        journal::append(tx, at, EntryKind::AssortmentLoaded, version.no, &[], &[])?;
        Ok(version)
    }
}

fn insert(tx: &Tx<'_>, version: &Version) -> Result<(), StoreError> {
    tx.run(
        VERSION,
        params![
            version.no,
            version.id.to_string(),
            version.transfer.0,
            version.owner.municipality().map(|code| code.0),
            version.name,
            version.title,
            version.owner_text,
            day_number(version.days.from),
            version.days.until.map(day_number),
            day_number(version.since),
            version.changed_at,
            version.loaded_at,
            version.before,
            version.is_current,
        ],
    )?;
    Ok(())
}

fn insert_value(tx: &Tx<'_>, version_no: i64, seq: i64, value: &Value) -> Result<(), StoreError> {
    let Value { part, class, key, title, days, is_carried } = value;
    let (from, until) = (day_number(days.from), days.until.map(day_number));
    tx.run(VALUE, params![version_no, seq, part, class, key, title, from, until, is_carried])?;
    Ok(())
}

fn accept(tx: &Tx<'_>, version: &Version, records: usize) -> Result<(), StoreError> {
    let (state, archived) = (TransferState::Accepted as u8, TransferState::Archived as u8);
    let municipality = version.owner.municipality().map(|code| code.0);
    let records = i64::try_from(records).unwrap_or(i64::MAX);
    let key = params![version.transfer.0, state, version.loaded_at, municipality, records, archived];
    match tx.run(ACCEPT, key)? {
        1 => Ok(()),
        _ => Err(StoreError::Conflict(format!("transfer {} is settled already", version.transfer.0))),
    }
}

/// Versions after number `after`, at most 500.
pub fn versions_after(tx: &Tx<'_>, after: i64) -> Result<Vec<Version>, StoreError> {
    tx.all(VERSIONS, params![after], read)
}

/// The versions that count.
pub fn current(tx: &Tx<'_>) -> Result<Vec<Version>, StoreError> {
    tx.all(CURRENT, [], read)
}

/// A version by its number.
pub fn version(tx: &Tx<'_>, no: i64) -> Result<Option<Version>, StoreError> {
    tx.one(SELECT, params![no], read)
}

/// What a version holds, in the order of its file; what was carried over comes last.
pub fn values(tx: &Tx<'_>, no: i64) -> Result<Vec<Value>, StoreError> {
    tx.all(VALUES, params![no], |row| {
        Ok(Value {
            part: row.get(0)?,
            class: row.get(1)?,
            key: row.get(2)?,
            title: row.get(3)?,
            days: days(row.get(4)?, row.get(5)?),
            is_carried: row.get(6)?,
        })
    })
}

/// All assortments as they count, for one municipality or for all.
pub fn replica(tx: &Tx<'_>, of: Option<MunicipalityCode>) -> Result<Vec<Assortment>, StoreError> {
    let speaks = |version: &Version| of.is_none_or(|code| version.owner.speaks_for(code));
    let with_values = |version: Version| {
        let values = values(tx, version.no)?;
        Ok(Assortment { owner: version.owner, since: version.since, values })
    };
    current(tx)?.into_iter().filter(speaks).map(with_values).collect()
}

fn days(from: i64, until: Option<i64>) -> Days {
    Days { from: date_of(from), until: until.map(date_of) }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Version> {
    let municipality: Option<u16> = row.get(3)?;
    let id: String = row.get(1)?;
    Ok(Version {
        no: row.get(0)?,
        id: Uuid::parse(&id).unwrap_or_default(),
        transfer: TransferNo(row.get(2)?),
        owner: municipality.map_or(Owner::Common, |code| Owner::Municipality(MunicipalityCode(code))),
        name: row.get(4)?,
        title: row.get(5)?,
        owner_text: row.get(6)?,
        days: days(row.get(7)?, row.get(8)?),
        since: date_of(row.get(9)?),
        changed_at: row.get(10)?,
        loaded_at: row.get(11)?,
        before: row.get(12)?,
        is_current: row.get(13)?,
    })
}

/// The kind of a task about an account whose class will not be valid.
const ACCOUNT_TASK: &str = "account";

/// What the worklist says of accounts, by subject.
pub fn told(tx: &Tx<'_>) -> Result<Vec<(String, String)>, StoreError> {
    tx.all(TOLD, params![ACCOUNT_TASK], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// A person is told of accounts that will stop working; of those that will not any more nothing is said.
pub struct TellAccounts {
    /// New ones, or ones that are another now.
    pub fresh: Vec<Trouble>,
    /// Subjects of those that are settled.
    pub gone: Vec<String>,
    /// Now.
    pub at: i64,
}

impl Write for TellAccounts {
    const STEP: Step = Step::Told;
    type Out = ();
    fn apply(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        for subject in &self.gone {
            task::close_kind(tx, ACCOUNT_TASK, subject, self.at)?;
        }
        for trouble in &self.fresh {
            let (kind, municipality) = (ACCOUNT_TASK, Some(trouble.municipality));
            let (subject, text) = (trouble.subject(), trouble.text());
            task::open(tx, &task::NewTask { kind, municipality, subject, text }, self.at)?;
        }
        Ok(())
    }
}
