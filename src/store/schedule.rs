//! The schedule's memory: which times were begun and finished, what was said about late files, and whether the clock is
//! doubted. Decides nothing: what is due is `serve::plan`'s.

use jiff::civil::Date;
use rusqlite::params;

use super::sql::statements;
use super::task::{self, NewTask};
use super::{StoreError, Tx, Write, day_number};
use crate::steps::Step;

statements! {
    ORIGIN = "insert into schedule_origin (pipeline, since) values ($1, $2) on conflict (pipeline) do nothing";
    SINCE = "select since from schedule_origin where pipeline = $1";
    LAST = "select due_at, finished_at from schedule_window where pipeline = $1 order by due_at desc limit 1";
    BEGIN = "insert into schedule_window (pipeline, due_at, begun_at, missed, first_missed)
        values ($1, $2, $3, $4, $5) on conflict (pipeline, due_at) do nothing";
    FINISH = "update schedule_window set finished_at = $3
        where pipeline = $1 and due_at <= $2 and finished_at is null";
    RECENT = "select due_at, begun_at, finished_at, missed, first_missed from schedule_window
        where pipeline = $1 order by due_at desc limit $2";
    TELL = "insert into deadline_told (pipeline, place, day, word, told_at) values ($1, $2, $3, $4, $5)
        on conflict (pipeline, place, day, word) do nothing";
    TOLD = "select max(word) from deadline_told where pipeline = $1 and place = $2 and day = $3";
    ARRIVED = "select 1 from transfer where direction = 1 and endpoint = $1 and format = $2
        and received_at > $3 and state in (2, 3, 4) limit 1";
    LAST_BEGUN = "select max(begun_at) from schedule_window";
    LAST_RECEIVED = "select received_at from transfer order by transfer_no desc limit 1";
    HELD = "select text from task where kind = $1 and subject = $2 and closed_at is null";
}

/// What is known of a pipeline that runs by the wall clock. Instants are microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// When it was first seen.
    pub since: i64,
    /// The last time that was begun, and whether it was finished.
    pub last: Option<(i64, bool)>,
}

/// Makes a pipeline known: it begins now, unless it was known before.
pub struct Note {
    /// Its name.
    pub pipeline: String,
    /// Now.
    pub at: i64,
}

impl Write for Note {
    const STEP: Step = Step::Scheduled;
    type Out = Known;
    fn apply(&self, tx: &Tx<'_>) -> Result<Known, StoreError> {
        tx.run(ORIGIN, params![self.pipeline, self.at])?;
        let since = tx.one(SINCE, params![self.pipeline], |row| row.get(0))?.unwrap_or(self.at);
        let last = tx.one(LAST, params![self.pipeline], |row| {
            Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?.is_some()))
        })?;
        Ok(Known { since, last })
    }
}

/// A due time is begun. Again is harmless.
pub struct BeginWindow {
    /// The pipeline.
    pub pipeline: String,
    /// When it was due.
    pub due_at: i64,
    /// Earlier times that this run stands for.
    pub missed: u32,
    /// The first of them.
    pub first_missed: Option<i64>,
    /// Now.
    pub at: i64,
}

impl Write for BeginWindow {
    const STEP: Step = Step::Begun;
    type Out = ();
    fn apply(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let BeginWindow { pipeline, due_at, missed, first_missed, at } = self;
        tx.run(BEGIN, params![pipeline, due_at, at, missed, first_missed])?;
        Ok(())
    }
}

/// A due time is done with, and so are those before it that were begun and never finished: the work is the same.
pub struct FinishWindow {
    /// The pipeline.
    pub pipeline: String,
    /// When it was due.
    pub due_at: i64,
    /// Now.
    pub at: i64,
}

impl Write for FinishWindow {
    const STEP: Step = Step::Ended;
    type Out = ();
    fn apply(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        tx.run(FINISH, params![self.pipeline, self.due_at, self.at])?;
        Ok(())
    }
}

/// A due time of the past, as microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Past {
    /// When it was due.
    pub due_at: i64,
    /// When it was begun.
    pub begun_at: i64,
    /// When it was done.
    pub finished_at: Option<i64>,
    /// Earlier times it stood for.
    pub missed: u32,
    /// The first of them.
    pub first_missed: Option<i64>,
}

/// The last due times of a pipeline, newest first.
pub fn recent(tx: &Tx<'_>, pipeline: &str, count: u32) -> Result<Vec<Past>, StoreError> {
    tx.all(RECENT, params![pipeline, count], |row| {
        Ok(Past {
            due_at: row.get(0)?,
            begun_at: row.get(1)?,
            finished_at: row.get(2)?,
            missed: row.get(3)?,
            first_missed: row.get(4)?,
        })
    })
}

/// What is said of a file that is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Word {
    /// It has not come yet.
    Warning = 1,
    /// Its time has passed.
    Late = 2,
}

/// Which file is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// By which pipeline.
    pub pipeline: String,
    /// From which endpoint, or folder of one.
    pub place: String,
    /// On which day.
    pub day: Date,
}

impl Expected {
    fn subject(&self) -> String {
        format!("{} from {} on {}", self.pipeline, self.place, self.day)
    }
}

/// Says once that a file is missing: one line on the worklist, which says what was said last.
pub struct Tell {
    /// Which file.
    pub expected: Expected,
    /// What.
    pub word: Word,
    /// In words.
    pub text: String,
    /// Now.
    pub at: i64,
}

impl Write for Tell {
    const STEP: Step = Step::Told;
    /// Whether it was not said before.
    type Out = bool;
    fn apply(&self, tx: &Tx<'_>) -> Result<bool, StoreError> {
        let Expected { pipeline, place, day } = &self.expected;
        if tx.run(TELL, params![pipeline, place, day_number(*day), self.word as u8, self.at])? == 0 {
            return Ok(false);
        }
        let (subject, text) = (self.expected.subject(), self.text.clone());
        let task = NewTask { kind: "file missing", municipality: None, subject, text };
        task::open(tx, &task, self.at)?;
        Ok(true)
    }
}

/// What was said last of a file.
pub fn told(tx: &Tx<'_>, expected: &Expected) -> Result<Option<Word>, StoreError> {
    let Expected { pipeline, place, day } = expected;
    let word = tx.one(TOLD, params![pipeline, place, day_number(*day)], |row| row.get(0))?;
    Ok(match word.flatten() {
        None => None,
        Some(1_u8) => Some(Word::Warning),
        Some(_) => Some(Word::Late),
    })
}

/// The file that was missing has come.
pub struct Arrived {
    /// Which file.
    pub expected: Expected,
    /// Now.
    pub at: i64,
}

impl Write for Arrived {
    const STEP: Step = Step::Told;
    type Out = ();
    fn apply(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        task::close(tx, &self.expected.subject(), self.at)
    }
}

/// Whether a file of a format has come to a place since an instant. One that repeats an earlier one, or was refused for
/// good, is none; one in quarantine is.
pub fn has_arrived(tx: &Tx<'_>, place: &str, format: &str, since: i64) -> Result<bool, StoreError> {
    Ok(tx.one(ARRIVED, params![place, format, since], |_| Ok(()))?.is_some())
}

/// The latest instant at which the hub is known to have been at work.
pub fn last_sign_of_life(tx: &Tx<'_>) -> Result<Option<i64>, StoreError> {
    let begun: Option<i64> = tx.one(LAST_BEGUN, [], |row| row.get(0))?.flatten();
    let received: Option<i64> = tx.one(LAST_RECEIVED, [], |row| row.get(0))?;
    Ok(begun.max(received))
}

const CLOCK: &str = "clock";

/// The clock is doubted: nothing is sent until it is released.
pub struct HoldClock {
    /// Why.
    pub text: String,
    /// Now, by that clock.
    pub at: i64,
}

impl Write for HoldClock {
    const STEP: Step = Step::Clock;
    type Out = ();
    fn apply(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let (subject, text) = (CLOCK.to_owned(), self.text.clone());
        task::open(tx, &NewTask { kind: CLOCK, municipality: None, subject, text }, self.at)
    }
}

/// The clock is believed again.
pub struct ReleaseClock {
    /// Now.
    pub at: i64,
}

impl Write for ReleaseClock {
    const STEP: Step = Step::Clock;
    /// Why it was doubted; `None` when it was not.
    type Out = Option<String>;
    fn apply(&self, tx: &Tx<'_>) -> Result<Option<String>, StoreError> {
        let held = clock_held(tx)?;
        task::close(tx, CLOCK, self.at)?;
        Ok(held)
    }
}

/// Why the clock is doubted; `None` when it is not.
pub fn clock_held(tx: &Tx<'_>) -> Result<Option<String>, StoreError> {
    tx.one(HELD, params![CLOCK, CLOCK], |row| row.get(0))
}
