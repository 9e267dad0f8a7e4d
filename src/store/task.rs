//! The worklist: what a person must look at. A task is known by its kind and subject, so that saying it twice is one.

use rusqlite::{Row, params};
use toek_formats::vocabulary::MunicipalityCode;

use super::sql::statements;
use super::{StoreError, Tx, Write};
use crate::steps::Step;

statements! {
    OPEN = "insert into task (kind, municipality, subject, text, opened_at) values ($1, $2, $3, $4, $5)
        on conflict (kind, subject) do update set text = excluded.text, closed_at = null";
    CLOSE = "update task set closed_at = $2 where subject = $1 and closed_at is null";
    CLOSE_ONE = "update task set closed_at = $3 where kind = $1 and subject = $2 and closed_at is null";
    SUBJECTS = "select subject from task where closed_at is null and kind = $1 order by subject";
    LIST = "select task_no, kind, municipality, subject, text, opened_at from task
        where closed_at is null and task_no > $1 order by task_no limit 500";
    ABOUT = "select task_no, kind, municipality, subject, text, opened_at from task
        where closed_at is null and (subject = $1 or subject like $1 || ' %') order by task_no";
}

pub(super) struct NewTask {
    pub(super) kind: &'static str,
    pub(super) municipality: Option<MunicipalityCode>,
    pub(super) subject: String,
    pub(super) text: String,
}

pub(super) fn open(tx: &Tx<'_>, task: &NewTask, at: i64) -> Result<(), StoreError> {
    tx.run(OPEN, params![task.kind, task.municipality.map(|m| m.0), task.subject, task.text, at])?;
    Ok(())
}

pub(super) fn close(tx: &Tx<'_>, subject: &str, at: i64) -> Result<(), StoreError> {
    tx.run(CLOSE, params![subject, at])?;
    Ok(())
}

/// Closes what was told of one kind about a subject; what else is open about it stays.
pub(super) fn close_kind(tx: &Tx<'_>, kind: &str, subject: &str, at: i64) -> Result<(), StoreError> {
    tx.run(CLOSE_ONE, params![kind, subject, at])?;
    Ok(())
}

/// The kind of a task about an endpoint that will not come right by itself.
pub const ENDPOINT: &str = "endpoint";

/// An endpoint is in trouble that needs a person, or is well again.
pub struct EndpointTrouble {
    /// Its name.
    pub endpoint: String,
    /// What is wrong; `None` when nothing is.
    pub text: Option<String>,
    /// Now.
    pub at: i64,
}

impl Write for EndpointTrouble {
    const STEP: Step = Step::Told;
    type Out = ();
    fn apply(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let subject = format!("endpoint {}", self.endpoint);
        match &self.text {
            None => close_kind(tx, ENDPOINT, &subject, self.at),
            Some(text) => {
                let text = text.clone();
                open(tx, &NewTask { kind: ENDPOINT, municipality: None, subject, text }, self.at)
            }
        }
    }
}

/// The kind of a task about a file that cannot be fetched because of its name.
pub const FILE_NAME: &str = "file name";

/// The subjects of the open tasks of a kind that begin like this.
pub fn subjects(tx: &Tx<'_>, kind: &str, beginning: &str) -> Result<Vec<String>, StoreError> {
    let mut subjects: Vec<String> = tx.all(SUBJECTS, params![kind], |row| row.get(0))?;
    subjects.retain(|subject| subject.starts_with(beginning));
    Ok(subjects)
}

/// The kind of a task about a file that came without its metadata.
pub const NO_METADATA: &str = "no metadata";

/// Files that cannot be fetched as they lie there have come, or are gone.
pub struct UnfitFiles {
    /// [`FILE_NAME`] or [`NO_METADATA`].
    pub kind: &'static str,
    /// What is wrong with them.
    pub text: &'static str,
    /// Subjects of those that came.
    pub fresh: Vec<String>,
    /// Subjects of those that are gone.
    pub gone: Vec<String>,
    /// Now.
    pub at: i64,
}

impl Write for UnfitFiles {
    const STEP: Step = Step::Told;
    type Out = ();
    fn apply(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        for subject in &self.gone {
            tx.run(CLOSE_ONE, params![self.kind, subject, self.at])?;
        }
        for subject in &self.fresh {
            let (kind, subject, text) = (self.kind, subject.clone(), self.text.to_owned());
            open(tx, &NewTask { kind, municipality: None, subject, text }, self.at)?;
        }
        Ok(())
    }
}

/// An open task.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its number.
    pub task_no: i64,
    /// What kind of trouble.
    pub kind: String,
    /// Whose.
    pub municipality: Option<MunicipalityCode>,
    /// What it is about: `transfer 7`, `bundle 3`, `P12-345`.
    pub subject: String,
    /// What happened.
    pub text: String,
    /// Since when, microseconds since 1970.
    pub opened_at: i64,
}

/// Open tasks after number `after`, at most 500.
pub fn open_after(tx: &Tx<'_>, after: i64) -> Result<Vec<Task>, StoreError> {
    tx.all(LIST, params![after], read)
}

/// Open tasks about something, or about a part of it.
pub fn about(tx: &Tx<'_>, subject: &str) -> Result<Vec<Task>, StoreError> {
    tx.all(ABOUT, params![subject], read)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Task> {
    Ok(Task {
        task_no: row.get(0)?,
        kind: row.get(1)?,
        municipality: row.get::<_, Option<u16>>(2)?.map(MunicipalityCode),
        subject: row.get(3)?,
        text: row.get(4)?,
        opened_at: row.get(5)?,
    })
}
