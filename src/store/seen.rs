//! The duplicate guard's memory: fingerprints of every accepted request, filed under the day of acceptance.
//!
//! Almost every question is answered "never seen" by a filter in memory; the table is asked only when the filter says
//! "perhaps", and whatever the table answers is compared exactly by the caller.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use rusqlite::params;

use super::sql::statements;
use super::{StoreError, Tx, date_of};
use crate::domain::identity::{PaymentId, TransferNo};

statements! {
    INSERT = "insert or ignore into seen (period, fingerprint, payment_id) values ($1, $2, $3)";
    LOOK = "select payment_id from seen where period = $1 and fingerprint = $2 order by payment_id";
    NEXT_PERIOD = "select min(period) from seen where period > $1";
    OF_PERIOD = "select fingerprint from seen where period = $1";
}

pub(super) fn insert(tx: &Tx<'_>, period: i64, seen: &[(i64, PaymentId)]) -> Result<(), StoreError> {
    let mut statement = tx.prepare(INSERT)?;
    for (fingerprint, payment) in seen {
        statement.execute(params![period, fingerprint, payment.as_i64()])?;
    }
    Ok(())
}

/// Bits of filter per fingerprint: about one false alarm in three hundred.
const BITS_PER_ENTRY: usize = 12;
/// Probes within a 64-byte block.
const PROBES: u32 = 6;

/// A blocked Bloom filter: each fingerprint's bits lie in one cache line.
struct Filter {
    blocks: Vec<[u64; 8]>,
    room: usize,
}

impl Filter {
    fn for_entries(entries: usize) -> Filter {
        let blocks = (entries * BITS_PER_ENTRY).div_ceil(512).max(1);
        Filter { blocks: vec![[0; 8]; blocks], room: entries }
    }

    /// Fingerprints are uniform already: the high half chooses the block, the low bits the places within it.
    fn block_of(&self, fingerprint: i64) -> usize {
        (((fingerprint as u64 >> 32) * self.blocks.len() as u64) >> 32) as usize
    }

    fn places(fingerprint: i64) -> impl Iterator<Item = (usize, u64)> {
        let spread = (fingerprint as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (0..PROBES).map(move |probe| {
            let bit = (spread >> (10 * probe)) & 511;
            ((bit / 64) as usize, 1 << (bit % 64))
        })
    }

    fn insert(&mut self, fingerprint: i64) {
        let block = self.block_of(fingerprint);
        for (word, bit) in Filter::places(fingerprint) {
            self.blocks[block][word] |= bit;
        }
        self.room = self.room.saturating_sub(1);
    }

    fn may_hold(&self, fingerprint: i64) -> bool {
        let block = &self.blocks[self.block_of(fingerprint)];
        Filter::places(fingerprint).all(|(word, bit)| block[word] & bit != 0)
    }
}

/// A month's filters: when one is full the next is twice as large.
#[derive(Default)]
struct Month {
    filters: Vec<Filter>,
    periods: Vec<i64>,
}

const FIRST_FILTER: usize = 1 << 16;

impl Month {
    fn insert(&mut self, period: i64, fingerprints: impl ExactSizeIterator<Item = i64>) {
        if self.periods.last() != Some(&period) && !self.periods.contains(&period) {
            self.periods.push(period);
        }
        let mut left = fingerprints.len();
        for fingerprint in fingerprints {
            if self.filters.last().is_none_or(|filter| filter.room == 0) {
                let double = self
                    .filters
                    .last()
                    .map_or(FIRST_FILTER, |filter| filter.blocks.len() * 512 / BITS_PER_ENTRY * 2);
                self.filters.push(Filter::for_entries(double.max(left)));
            }
            if let Some(filter) = self.filters.last_mut() {
                filter.insert(fingerprint);
            }
            left -= 1;
        }
    }

    fn may_hold(&self, fingerprint: i64) -> bool {
        self.filters.iter().any(|filter| filter.may_hold(fingerprint))
    }
}

fn month_of(period: i64) -> (i16, i8) {
    let date = date_of(period);
    (date.year(), date.month())
}

/// An accepted payment that carries a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The fingerprint.
    pub fingerprint: i64,
    /// The day of its acceptance, days since 1970.
    pub period: i64,
    /// The payment.
    pub payment: PaymentId,
}

/// What was ever accepted, as far as memory can tell.
#[derive(Default)]
pub struct Seen {
    months: Mutex<Option<BTreeMap<(i16, i8), Month>>>,
}

impl Seen {
    /// The accepted payments of other transfers that carry one of the fingerprints, from period `since` on. `fingerprints`
    /// must be ascending for the table to be read in order; most will have none.
    pub fn look(
        &self,
        tx: &Tx<'_>,
        fingerprints: &[i64],
        since: i64,
        but: TransferNo,
    ) -> Result<Vec<Hit>, StoreError> {
        let mut guard = self.months.lock().unwrap_or_else(PoisonError::into_inner);
        let months = match &mut *guard {
            Some(months) => months,
            none => none.insert(load(tx)?),
        };
        let mut hits = Vec::new();
        for month in months.range(month_of(since)..).map(|(_, month)| month) {
            for fingerprint in fingerprints.iter().filter(|f| month.may_hold(**f)) {
                for period in month.periods.iter().filter(|period| **period >= since) {
                    tx.each(LOOK, params![period, fingerprint], |row| {
                        let payment = PaymentId::from_i64(row.get(0)?);
                        if payment.transfer() != but {
                            hits.push(Hit { fingerprint: *fingerprint, period: *period, payment });
                        }
                        Ok(())
                    })?;
                }
            }
        }
        Ok(hits)
    }

    /// Remembers what an acceptance has just made durable.
    pub fn remember(&self, period: i64, seen: &[(i64, PaymentId)]) {
        let mut guard = self.months.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(months) = &mut *guard {
            months.entry(month_of(period)).or_default().insert(period, seen.iter().map(|(f, _)| *f));
        }
    }
}

fn load(tx: &Tx<'_>) -> Result<BTreeMap<(i16, i8), Month>, StoreError> {
    let mut months: BTreeMap<(i16, i8), Month> = BTreeMap::new();
    let mut last = i64::MIN;
    while let Some(period) = tx.one(NEXT_PERIOD, params![last], |row| row.get::<_, Option<i64>>(0))?.flatten()
    {
        let fingerprints: Vec<i64> = tx.all(OF_PERIOD, params![period], |row| row.get(0))?;
        months.entry(month_of(period)).or_default().insert(period, fingerprints.into_iter());
        last = period;
    }
    Ok(months)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(n: i64) -> i64 {
        // A permutation of the 64-bit numbers that looks like chance.
        let mut z = (n as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as i64
    }

    #[test]
    fn a_filter_forgets_nothing_and_seldom_cries_wolf() {
        let mut month = Month::default();
        month.insert(1, (0..200_000).map(spread).collect::<Vec<_>>().into_iter());
        assert!((0..200_000).all(|n| month.may_hold(spread(n))));
        let false_alarms = (200_000..400_000).filter(|n| month.may_hold(spread(*n))).count();
        assert!(false_alarms < 200_000 / 50, "{false_alarms}");
    }
}
