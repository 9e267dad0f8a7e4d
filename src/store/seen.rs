//! The duplicate guard's memory: fingerprints of every accepted request, filed under the day of acceptance.
//!
//! Almost every question is answered "never seen" by a filter in memory; the table is asked only when the filter says
//! "perhaps", and whatever the table answers is compared exactly by the caller. Filters of months that are over are kept
//! in the store, so that a start reads bits and not fingerprints.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use rusqlite::params;
use sha2::{Digest, Sha256};

use super::seal::{self, Sum, number};
use super::sql::statements;
use super::{StoreError, Tx, Write, date_of};
use crate::domain::identity::{PaymentId, TransferNo};
use crate::steps::Step;

statements! {
    INSERT = "insert or ignore into seen (period, fingerprint, payment_id) values ($1, $2, $3)";
    LOOK = "select payment_id from seen where period = $1 and fingerprint = $2 order by payment_id";
    NEXT_PERIOD = "select min(period) from seen where period > $1";
    OF_PERIOD = "select fingerprint from seen where period = $1";
    KEPT = "select month, bits from seen_filter order by month";
    KEEP = "insert into seen_filter (month, bits) values ($1, $2) on conflict (month) do update set bits = excluded.bits";
    FORGET = "delete from seen_filter where month = $1";
}

pub(super) fn insert(tx: &Tx<'_>, period: i64, seen: &[(i64, PaymentId)]) -> Result<(), StoreError> {
    tx.run(FORGET, params![month_of(period)])?;
    let mut statement = tx.prepare(INSERT)?;
    let mut sum = Sum::default();
    for (fingerprint, payment) in seen {
        if statement.execute(params![period, fingerprint, payment.as_i64()])? == 1 {
            sum.add("seen", [number(period), number(*fingerprint), number(payment.as_i64())]);
        }
    }
    seal::moved(tx, "seen", &sum)
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
    is_kept: bool,
}

const FIRST_FILTER: usize = 1 << 16;

impl Month {
    fn insert(&mut self, period: i64, fingerprints: impl ExactSizeIterator<Item = i64>) {
        if self.periods.last() != Some(&period) && !self.periods.contains(&period) {
            self.periods.push(period);
        }
        self.is_kept = false;
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

impl Month {
    /// What is kept of it: a SHA-256, then each filter's length in words and its words.
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; 32];
        for filter in &self.filters {
            bytes.extend((filter.blocks.len() as u64 * 8).to_le_bytes());
            bytes.extend(filter.blocks.as_flattened().iter().flat_map(|word| word.to_le_bytes()));
        }
        let hash = Sha256::digest(&bytes[32..]);
        bytes[..32].copy_from_slice(&hash);
        bytes
    }

    /// Reads what was kept; `None` when a bit of it is not as it was.
    fn from_bytes(bytes: &[u8]) -> Option<Month> {
        let (hash, body) = bytes.split_at_checked(32)?;
        if Sha256::digest(body).as_slice() != hash {
            return None;
        }
        let mut month = Month { is_kept: true, ..Month::default() };
        let mut words = body.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word));
        while let Some(length) = words.next() {
            let words: Vec<u64> = words.by_ref().take(usize::try_from(length).ok()?).collect();
            let blocks = words.as_chunks::<8>().0.to_vec();
            month.filters.push(Filter { blocks, room: 0 });
        }
        Some(month)
    }
}

/// Months counted from the year 0.
fn month_of(period: i64) -> i64 {
    let date = date_of(period);
    i64::from(date.year()) * 12 + i64::from(date.month()) - 1
}

/// Filters of months that are over, to be kept.
pub struct KeepFilters {
    months: Vec<(i64, Vec<u8>)>,
}

impl Write for KeepFilters {
    const STEP: Step = Step::Filters;
    type Out = ();
    fn apply(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        for (month, bits) in &self.months {
            tx.run(KEEP, params![month, bits])?;
        }
        Ok(())
    }
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
    months: Mutex<Option<BTreeMap<i64, Month>>>,
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

    /// The filters of months that are over and not kept yet.
    pub fn to_keep(&self) -> Option<KeepFilters> {
        let mut guard = self.months.lock().unwrap_or_else(PoisonError::into_inner);
        let months = guard.as_mut()?;
        let newest = *months.keys().next_back()?;
        let over = months.range_mut(..newest).filter(|(_, month)| !month.is_kept);
        let months: Vec<_> = over
            .map(|(number, month)| {
                month.is_kept = true;
                (*number, month.to_bytes())
            })
            .collect();
        (!months.is_empty()).then_some(KeepFilters { months })
    }
}

fn load(tx: &Tx<'_>) -> Result<BTreeMap<i64, Month>, StoreError> {
    let mut months: BTreeMap<i64, Month> = BTreeMap::new();
    tx.each(KEPT, [], |row| {
        let (number, bits) = (row.get(0)?, row.get_ref(1)?.as_blob().unwrap_or_default());
        months.extend(Month::from_bytes(bits).map(|month| (number, month)));
        Ok(())
    })?;
    let mut last = i64::MIN;
    while let Some(period) = tx.one(NEXT_PERIOD, params![last], |row| row.get::<_, Option<i64>>(0))?.flatten()
    {
        let month = months.entry(month_of(period)).or_default();
        if month.is_kept {
            month.periods.push(period);
        } else {
            let fingerprints: Vec<i64> = tx.all(OF_PERIOD, params![period], |row| row.get(0))?;
            month.insert(period, fingerprints.into_iter());
        }
        last = period;
    }
    Ok(months)
}

/// Fingerprints that the filters as they would be loaded now do not know: there must be none.
pub(super) fn unknown_to_filters(tx: &Tx<'_>) -> Result<Vec<String>, StoreError> {
    let months = load(tx)?;
    let mut broken = Vec::new();
    for (period, month) in months.values().flat_map(|month| month.periods.iter().map(move |p| (*p, month))) {
        tx.each(OF_PERIOD, params![period], |row| {
            if !month.may_hold(row.get(0)?) {
                broken.push(format!("a fingerprint of {} is missing in its filter", date_of(period)));
            }
            Ok(())
        })?;
    }
    Ok(broken)
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

    #[test]
    fn what_is_kept_is_the_same_filter_or_nothing() {
        let mut month = Month::default();
        month.insert(1, (0..100_000).map(spread).collect::<Vec<_>>().into_iter());
        let mut bytes = month.to_bytes();
        let read = Month::from_bytes(&bytes).unwrap();
        assert!(read.is_kept && (0..200_000).all(|n| read.may_hold(spread(n)) == month.may_hold(spread(n))));
        bytes[40_000] ^= 1;
        assert!(Month::from_bytes(&bytes).is_none());
        assert!(Month::from_bytes(&[]).is_none());
    }

    #[test]
    fn a_month_that_is_over_is_kept_until_somebody_adds_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let store = crate::store::Store::open_inline(&dir.path().join("toek.db")).unwrap();
        let add = |period: i64, fingerprint: i64, memory: &Seen| {
            let entries = vec![(fingerprint, PaymentId::new(TransferNo(1), 1))];
            memory.remember(period, &entries);
            store
                .write_blocking(crate::store::together::<KeepFilters, _, _>(move |tx| {
                    insert(tx, period, &entries)
                }))
                .unwrap();
        };
        let look = |memory: &Seen, fingerprint: i64| {
            store.read(|tx| memory.look(tx, &[fingerprint], i64::MIN, TransferNo(2))).unwrap().len()
        };
        let kept = || store.read(|tx| tx.all(KEPT, [], |row| row.get::<_, i64>(0))).unwrap();
        let memory = Seen::default();
        assert_eq!(look(&memory, 7), 0);
        add(0, 7, &memory);
        assert!(memory.to_keep().is_none(), "the newest month is not over");
        add(40, 8, &memory);
        store.write_blocking(memory.to_keep().unwrap()).unwrap();
        assert_eq!(kept(), [month_of(0)]);
        assert!(memory.to_keep().is_none());
        let restarted = Seen::default();
        assert_eq!([7, 8, 9].map(|fingerprint| look(&restarted, fingerprint)), [1, 1, 0]);
        add(3, 9, &restarted); // a clock that was set back
        assert_eq!(kept(), [0; 0]);
        assert_eq!(look(&Seen::default(), 9), 1);
        assert!(store.read(unknown_to_filters).unwrap().is_empty());
    }
}
