//! The SQLite driver: how a statement is prepared, run and read. Knows no table.

use std::cell::RefCell;
use std::collections::HashMap;

use rusqlite::{CachedStatement, Connection, OptionalExtension, Params, Row};

use super::StoreError;

/// Declares the statements of a file as constants, and lists them in `ALL` so that a test can prepare each one.
macro_rules! statements {
    ($($(#[$meta:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$meta])* const $name: &str = $text;)*
        /// Every statement of this file.
        #[cfg(test)]
        pub(super) const ALL: &[(&str, &str)] = &[$((stringify!($name), $text)),*];
    };
}
pub(super) use statements;

/// A transaction, for reading or writing. Statements are written with `$1`, `$2`, …, which both stores understand.
pub struct Tx<'c> {
    connection: &'c Connection,
}

// Statements are few and constant, so what is leaked here is too.
thread_local! {
    static NUMBERED: RefCell<HashMap<usize, &'static str>> = RefCell::new(HashMap::new());
}

/// SQLite takes `$1` for a *name*, numbered by first use; `?1` is what is meant. Done once per statement and thread.
fn numbered(sql: &'static str) -> &'static str {
    NUMBERED.with_borrow_mut(|known| {
        *known
            .entry(sql.as_ptr().addr())
            .or_insert_with(|| Box::leak(with_question_marks(sql).into_boxed_str()))
    })
}

fn with_question_marks(sql: &str) -> String {
    let mut rewritten = String::with_capacity(sql.len());
    let mut characters = sql.chars().peekable();
    while let Some(character) = characters.next() {
        let is_parameter = character == '$' && characters.peek().is_some_and(char::is_ascii_digit);
        rewritten.push(if is_parameter { '?' } else { character });
    }
    rewritten
}

impl<'c> Tx<'c> {
    pub(super) fn new(connection: &'c Connection) -> Tx<'c> {
        Tx { connection }
    }

    /// A statement to be run many times.
    pub(super) fn prepare(&self, sql: &'static str) -> Result<CachedStatement<'c>, StoreError> {
        Ok(self.connection.prepare_cached(numbered(sql))?)
    }

    /// Runs a statement and tells how many rows it changed.
    pub(super) fn run(&self, sql: &'static str, params: impl Params) -> Result<usize, StoreError> {
        Ok(self.prepare(sql)?.execute(params)?)
    }

    /// The only row, or none.
    pub(super) fn one<T>(
        &self,
        sql: &'static str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.prepare(sql)?.query_row(params, read).optional()?)
    }

    /// All rows.
    pub(super) fn all<T>(
        &self,
        sql: &'static str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.prepare(sql)?;
        let rows = statement.query_map(params, read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Hands each row to `take`, holding one at a time.
    pub(super) fn each(
        &self,
        sql: &'static str,
        params: impl Params,
        mut take: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut statement = self.prepare(sql)?;
        let mut rows = statement.query(params)?;
        while let Some(row) = rows.next()? {
            take(row)?;
        }
        Ok(())
    }

    /// The next number of a table whose rows are counted from 1.
    pub(super) fn next_number(&self, sql_max: &'static str) -> Result<i64, StoreError> {
        let last: Option<Option<i64>> = self.one(sql_max, [], |row| row.get(0))?;
        Ok(last.flatten().unwrap_or(0) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_not_named() {
        assert_eq!(with_question_marks("a = $2 and b = $1 or c = '$x'"), "a = ?2 and b = ?1 or c = '$x'");
    }
}
