//! Counts for those who watch the hub: small tables only, so that asking every few seconds costs nothing.

use super::sql::statements;
use super::transfer::TransferState;
use super::{StoreError, Tx};
use crate::domain::answers::BundleState;

statements! {
    TRANSFERS = "select direction, format, state, count(*) from transfer
        group by direction, format, state order by direction, format, state";
    BUNDLES = "select state, count(*), sum(payments), sum(undecided) from bundle group by state order by state";
    TASKS = "select kind, count(*) from task where closed_at is null group by kind order by kind";
    UNLANDED = "select min(created_at) from bundle where undecided > 0 and state in (1, 2, 3, 4)";
}

/// What stands where, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pulse {
    /// Files: in or out, format, state, how many.
    pub transfers: Vec<(&'static str, String, &'static str, u64)>,
    /// Bundles: state, how many, payments in them, and those of them that await an answer.
    pub bundles: Vec<(&'static str, u64, u64, u64)>,
    /// Open tasks by kind.
    pub tasks: Vec<(String, u64)>,
    /// When the oldest bundle was made that has not been seen at NemKonto's side, microseconds since 1970.
    pub oldest_unlanded: Option<i64>,
}

/// Reads them.
pub fn read(tx: &Tx<'_>) -> Result<Pulse, StoreError> {
    let mut pulse = Pulse::default();
    tx.each(TRANSFERS, [], |row| {
        let direction = if row.get::<_, i64>(0)? == 1 { "in" } else { "out" };
        let state = TransferState::from_code(row.get(2)?)?.text();
        pulse.transfers.push((direction, row.get(1)?, state, row.get::<_, i64>(3)? as u64));
        Ok(())
    })?;
    tx.each(BUNDLES, [], |row| {
        let state = BundleState::from_code(row.get(0)?)?.text();
        let count = |n: i64| n.max(0) as u64;
        pulse.bundles.push((state, count(row.get(1)?), count(row.get(2)?), count(row.get(3)?)));
        Ok(())
    })?;
    pulse.tasks = tx.all(TASKS, [], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?;
    pulse.oldest_unlanded = tx.one(UNLANDED, [], |row| row.get(0))?.flatten();
    Ok(pulse)
}
