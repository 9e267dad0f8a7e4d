//! A copy of the whole store as it is at one moment, made while others write.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::{Store, StoreError, readable, sealed};

/// Pages copied between two looks at the progress.
const PAGES: i32 = 4_096;
/// While the source is locked for an instant.
const AGAIN: Duration = Duration::from_millis(20);

impl Store {
    /// Copies the store to a new file: all of one moment, whatever is written meanwhile. The copy is one file, without a
    /// log, and is checked. Nothing waits for it; only the log cannot be folded back before it ends.
    ///
    /// # Errors
    /// When either file fails, or the copy is not sound.
    pub fn copy_to(&self, path: &Path, told: &mut dyn FnMut(u64, u64)) -> Result<(), StoreError> {
        let source = if self.still.is_some() { sealed(&self.path)? } else { readable(&self.path)? };
        // A reading that is open already keeps one moment in view for all steps.
        source.execute_batch("begin")?;
        source.query_row("select count(*) from sqlite_master", [], |row| row.get::<_, i64>(0))?;
        let mut target = Connection::open(path)?;
        let copy = Backup::new(&source, &mut target)?;
        loop {
            match copy.step(PAGES)? {
                StepResult::Done => break,
                StepResult::More => {
                    let progress = copy.progress();
                    let total = u64::try_from(progress.pagecount).unwrap_or(0);
                    told(total - u64::try_from(progress.remaining).unwrap_or(0).min(total), total);
                }
                _ => std::thread::sleep(AGAIN),
            }
        }
        drop(copy);
        target.pragma_update(None, "journal_mode", "delete")?;
        check(&target)
    }
}

impl Store {
    /// The version of its schema.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn schema(&self) -> Result<i64, StoreError> {
        let connection = if self.still.is_some() { sealed(&self.path)? } else { readable(&self.path)? };
        const SCHEMA: &str = "select coalesce(max(version), 0) from refinery_schema_history";
        Ok(connection.query_row(SCHEMA, [], |row| row.get(0))?)
    }

    /// Folds the log back into the file, so that the file alone is the store. For a store that nobody else has open.
    ///
    /// # Errors
    /// When not all of it could be.
    pub fn fold(&self) -> Result<(), StoreError> {
        let connection = Connection::open(&self.path)?;
        let busy: i64 = connection.query_row("pragma wal_checkpoint(truncate)", [], |row| row.get(0))?;
        match busy {
            0 => Ok(()),
            _ => Err(StoreError::Conflict("somebody else has the store open".to_owned())),
        }
    }
}

fn check(copy: &Connection) -> Result<(), StoreError> {
    let verdict: String = copy.query_row("pragma integrity_check(1)", [], |row| row.get(0))?;
    match verdict.as_str() {
        "ok" => Ok(()),
        _ => Err(StoreError::Unreadable { what: format!("a damaged page ({verdict})") }),
    }
}
