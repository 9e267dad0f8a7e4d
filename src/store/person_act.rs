//! What persons did, and what one proposed and another must approve. Whether somebody may is asked within the write that
//! carries it out, so that of two who act at once one wins and the other is told.

use rusqlite::{Row, params};
use toek_formats::vocabulary::MunicipalityCode;

use super::sql::statements;
use super::{StoreError, Tx};
use crate::domain::people::{Act, is_another};

const OPEN: u8 = 1;
const DONE: u8 = 2;
const TURNED_DOWN: u8 = 3;

statements! {
    INSERT = "insert into person_act (act, subject, municipality, state, by_whom, reason, at, settled_by, settled_reason,
            settled_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    PROPOSED = "select act_no, by_whom from person_act where act = $1 and subject = $2 and state = 1";
    SETTLE = "update person_act set state = $2, settled_by = $3, settled_reason = $4, settled_at = $5
        where act_no = $1 and state = 1";
    TURN_DOWN = "update person_act set state = $2, settled_by = $3, settled_reason = $4, settled_at = $5
        where subject = $1 and state = 1";
    OF = "select act, subject, municipality, state, by_whom, reason, at, settled_by, settled_reason, settled_at
        from person_act where subject = $1 order by act_no";
    OPEN_ONES = "select act, subject, municipality, state, by_whom, reason, at, settled_by, settled_reason, settled_at
        from person_act where state = 1 and act = $1 order by act_no";
}

/// Which part of an act somebody takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Does it, where one person is enough.
    Do,
    /// Proposes it, where two are needed.
    Propose,
    /// Approves what another proposed.
    Approve,
}

/// A part of an act that somebody takes.
#[derive(Clone, Debug)]
pub struct Taken {
    /// What.
    pub act: Act,
    /// Which part of it.
    pub step: Step,
    /// Who: an account.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Now.
    pub at: i64,
}

/// Something that a person did, or proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonAct {
    /// What.
    pub act: Act,
    /// To what: `P3-17`, `bundle 4`, `voucher 9`.
    pub subject: String,
    /// Whose that is.
    pub municipality: Option<MunicipalityCode>,
    /// Whether it still waits for another person.
    pub is_open: bool,
    /// Whether it was turned down.
    pub is_turned_down: bool,
    /// Who did or proposed it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When, microseconds since 1970.
    pub at: i64,
    /// Who approved it or turned it down, why and when; the same person where one was enough.
    pub settled: Option<(String, String, i64)>,
}

fn conflict<T>(text: String) -> Result<T, StoreError> {
    Err(StoreError::Conflict(text))
}

/// Notes a step. Whether the act is to be carried out now: a proposal alone changes nothing else.
pub(super) fn take(
    tx: &Tx<'_>,
    subject: &str,
    municipality: MunicipalityCode,
    taken: &Taken,
) -> Result<bool, StoreError> {
    let Taken { act, step, by, reason, at } = taken;
    if reason.trim().is_empty() {
        return conflict("--reason may not be empty".to_owned());
    }
    let proposed: Option<(i64, String)> =
        tx.one(PROPOSED, params![*act as u8, subject], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let code = *act as u8;
    match (act.needs_two(), step, proposed) {
        (true, Step::Propose, None) => {
            let none = None::<String>;
            tx.run(
                INSERT,
                params![code, subject, municipality.0, OPEN, by, reason, at, none, none, None::<i64>],
            )?;
            Ok(false)
        }
        (true, Step::Propose, Some((_, who))) => {
            conflict(format!("{subject}: {who} has proposed that already; another account approves it"))
        }
        (true, Step::Approve, Some((_, who))) if !is_another(&who, by) => {
            conflict(format!("{subject}: {who} proposed it, so another account must approve it"))
        }
        (true, Step::Approve, Some((no, _))) => {
            tx.run(SETTLE, params![no, DONE, by, reason, at])?;
            Ok(true)
        }
        (true, Step::Approve, None) => {
            conflict(format!("{subject}: nothing is proposed that could be approved"))
        }
        (false, Step::Do, _) => {
            tx.run(TURN_DOWN, params![subject, TURNED_DOWN, by, reason, at])?;
            tx.run(INSERT, params![code, subject, municipality.0, DONE, by, reason, at, by, reason, at])?;
            Ok(true)
        }
        (true, Step::Do, _) | (false, Step::Propose | Step::Approve, _) => {
            conflict(format!("{subject}: `{act}` takes {} persons", if act.needs_two() { 2 } else { 1 }))
        }
    }
}

fn read(row: &Row<'_>) -> Result<PersonAct, StoreError> {
    let code = row.get(0)?;
    let act = Act::from_code(code);
    let act = act.ok_or_else(|| StoreError::Unreadable { what: format!("an act of kind {code}") })?;
    let state: u8 = row.get(3)?;
    let settled: (Option<String>, Option<String>, Option<i64>) = (row.get(7)?, row.get(8)?, row.get(9)?);
    Ok(PersonAct {
        act,
        subject: row.get(1)?,
        municipality: row.get::<_, Option<u16>>(2)?.map(MunicipalityCode),
        is_open: state == OPEN,
        is_turned_down: state == TURNED_DOWN,
        by: row.get(4)?,
        reason: row.get(5)?,
        at: row.get(6)?,
        settled: match settled {
            (Some(by), Some(reason), Some(at)) => Some((by, reason, at)),
            _ => None,
        },
    })
}

/// What persons did or proposed about something, oldest first.
pub fn of(tx: &Tx<'_>, subject: &str) -> Result<Vec<PersonAct>, StoreError> {
    let mut acts = Vec::new();
    tx.each(OF, params![subject], |row| {
        acts.push(read(row)?);
        Ok(())
    })?;
    Ok(acts)
}

/// Proposals of a kind that wait for another person, oldest first.
pub fn proposals(tx: &Tx<'_>, act: Act) -> Result<Vec<PersonAct>, StoreError> {
    let mut acts = Vec::new();
    tx.each(OPEN_ONES, params![act as u8], |row| {
        acts.push(read(row)?);
        Ok(())
    })?;
    Ok(acts)
}
