//! Who looked at what that is about persons, and who changed what by a command. Only added to. Holds no personal value:
//! a subject is a payment's or a transfer's name.

use rusqlite::params;

use super::sql::statements;
use super::{StoreError, Tx, Write};
use crate::steps::Step;

statements! {
    ADD_READ = "insert into read_log (at, who, act, subject) values ($1, $2, $3, $4)";
    ADD_COMMAND = "insert into command_log (at, who, act, subject) values ($1, $2, $3, $4)";
    READS = "select entry_no, at, who, act, subject from read_log
        where entry_no > $1 order by entry_no limit 500";
    COMMANDS = "select entry_no, at, who, act, subject from command_log
        where entry_no > $1 order by entry_no limit 500";
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    /// Looking.
    Reads,
    /// Changing.
    Commands,
}

/// Adds an entry.
#[derive(Clone, Debug)]
pub struct Add {
    /// To which.
    pub log: Log,
    /// Now, microseconds since 1970.
    pub at: i64,
    /// Who: an account of the machine.
    pub who: String,
    /// Did what: a command.
    pub act: String,
    /// With what: `P3-17`, `transfer 7`.
    pub subject: String,
}

impl Write for Add {
    const STEP: Step = Step::People;
    type Out = ();
    fn apply(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let sql = match self.log {
            Log::Reads => ADD_READ,
            Log::Commands => ADD_COMMAND,
        };
        tx.run(sql, params![self.at, self.who, self.act, self.subject])?;
        Ok(())
    }
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub no: i64,
    /// When, microseconds since 1970.
    pub at: i64,
    /// Who.
    pub who: String,
    /// Did what.
    pub act: String,
    /// With what.
    pub subject: String,
}

/// Entries after number `after`, at most 500.
pub fn after(tx: &Tx<'_>, log: Log, after: i64) -> Result<Vec<Entry>, StoreError> {
    let sql = match log {
        Log::Reads => READS,
        Log::Commands => COMMANDS,
    };
    tx.all(sql, params![after], |row| {
        Ok(Entry {
            no: row.get(0)?,
            at: row.get(1)?,
            who: row.get(2)?,
            act: row.get(3)?,
            subject: row.get(4)?,
        })
    })
}
