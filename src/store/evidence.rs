//! What was seen at a counterparty's place when somebody looked: what a person needs where nothing can be known.

use rusqlite::params;

use super::sql::statements;
use super::{StoreError, Tx, Write};
use crate::steps;

statements! {
    LAST = "select seq, what from evidence where subject = $1 order by seq desc limit 1";
    INSERT = "insert into evidence (subject, seq, what, first_at, last_at, looks) values ($1, $2, $3, $4, $4, 1)";
    AGAIN = "update evidence set last_at = $3, looks = looks + 1 where subject = $1 and seq = $2";
    OF = "select what, first_at, last_at, looks from evidence where subject = $1 order by seq";
}

/// Something that was seen. The same once more is the same sight, later.
pub struct Note {
    /// About what: `bundle 4`.
    pub subject: String,
    /// What was seen. No personal value.
    pub what: String,
    /// Now.
    pub at: i64,
}

impl Write for Note {
    const STEP: steps::Step = steps::Step::Evidence;
    type Out = ();
    fn apply(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let last: Option<(i64, String)> =
            tx.one(LAST, params![self.subject], |row| Ok((row.get(0)?, row.get(1)?)))?;
        match last {
            Some((seq, what)) if what == self.what => tx.run(AGAIN, params![self.subject, seq, self.at])?,
            last => {
                let seq = last.map_or(1, |(seq, _)| seq + 1);
                tx.run(INSERT, params![self.subject, seq, self.what, self.at])?
            }
        };
        Ok(())
    }
}

/// What was seen, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// What.
    pub what: String,
    /// When first, microseconds since 1970.
    pub first_at: i64,
    /// When last.
    pub last_at: i64,
    /// How often in a row.
    pub looks: u32,
}

/// All that was seen of something, oldest first.
pub fn of(tx: &Tx<'_>, subject: &str) -> Result<Vec<Sight>, StoreError> {
    tx.all(OF, params![subject], |row| {
        Ok(Sight { what: row.get(0)?, first_at: row.get(1)?, last_at: row.get(2)?, looks: row.get(3)? })
    })
}
