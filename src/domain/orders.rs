//! Files that case systems number: whether one is missing in between (feature 3.1.1).
//!
//! No public source says how a case system numbers its files; all of it is ASSUMED, and stands here. Knows no endpoint.

use std::collections::BTreeMap;

/// The most digits of a running number; more are a day or a time.
const MOST_DIGITS: usize = 6;

/// What a file's name says of its place in a sequence: `G68_0751_20260302_0004.g68` is number 4 of `G68_0751_20260302`.
/// The number stands behind the last `_` or `-`, before the ending.
pub fn place_of(name: &str) -> Option<(&str, u32)> {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let at = stem.rfind(['_', '-'])?;
    let (series, number) = (&stem[..at], &stem[at + 1..]);
    let is_number = (1..=MOST_DIGITS).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    (is_number && !series.is_empty()).then(|| Some((series, number.parse().ok()?))).flatten()
}

/// Whether a series begins anew with each day, and so at 1: it ends in a day, such as `20260302`.
fn begins_at_one(series: &str) -> bool {
    let digits = series.bytes().rev().take_while(u8::is_ascii_digit).count();
    digits == 8
}

/// Numbers that are missing between files that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap<T> {
    /// What the files are named before their number.
    pub series: String,
    /// The first number that is missing.
    pub first: u32,
    /// The last.
    pub last: u32,
    /// When the first file with a higher number came: since then it is known.
    pub since: T,
}

/// What is missing between the files that came, each given by its name and when it came.
pub fn gaps<'a, T: Ord + Copy>(files: impl IntoIterator<Item = (&'a str, T)>) -> Vec<Gap<T>> {
    let mut series: BTreeMap<&str, BTreeMap<u32, T>> = BTreeMap::new();
    for (name, came) in files {
        let Some((name, number)) = place_of(name) else { continue };
        let first = series.entry(name).or_default().entry(number).or_insert(came);
        *first = came.min(*first);
    }
    series.into_iter().flat_map(|(name, numbers)| gaps_of(name, &numbers)).collect()
}

/// The gaps of one series, from the lowest number on.
fn gaps_of<T: Ord + Copy>(series: &str, numbers: &BTreeMap<u32, T>) -> Vec<Gap<T>> {
    let mut gaps = Vec::new();
    let mut earliest: Option<T> = None;
    let begin = begins_at_one(series).then_some(0);
    let below = numbers.keys().rev().skip(1).copied().map(Some).chain([begin]);
    for ((number, came), below) in numbers.iter().rev().zip(below) {
        let since = *earliest.insert(earliest.map_or(*came, |other| other.min(*came)));
        if let Some(below) = below.filter(|below| below + 1 < *number) {
            gaps.push(Gap { series: series.to_owned(), first: below + 1, last: number - 1, since });
        }
    }
    gaps.reverse();
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn places_in_a_sequence() {
        let table = [
            ("G68_0751_20260302_0004.g68", Some(("G68_0751_20260302", 4))),
            ("KSD-12.g68", Some(("KSD", 12))),
            ("KSD-000012", Some(("KSD", 12))),
            ("KSD_20260302.g68", None),
            ("delivery.g68", None),
            ("461.g68", None),
            ("_1.g68", None),
            ("a_.g68", None),
            ("a_1x.g68", None),
        ];
        for (name, place) in table {
            assert_eq!(place_of(name), place, "{name}");
        }
    }

    /// Each gap as `series first-last since`; files come at the place they stand at.
    fn told(names: &[&str]) -> Vec<String> {
        let files = names.iter().copied().zip(0..);
        let one = |gap: Gap<i32>| format!("{} {}-{} {}", gap.series, gap.first, gap.last, gap.since);
        gaps(files).into_iter().map(one).collect()
    }

    #[test]
    fn what_is_missing() {
        let table: [(&[&str], &[&str]); 9] = [
            (&[], &[]),
            (&["K_20260302_0001.g68", "K_20260302_0002.g68"], &[]),
            (&["K_20260302_0002.g68"], &["K_20260302 1-1 0"]),
            (&["K_17.g68", "K_20.g68", "K_18.g68"], &["K 19-19 1"]),
            (&["K_9.g68", "K_4.g68", "K_6.g68"], &["K 5-5 0", "K 7-8 0"]),
            (&["K_1.g68", "K_4.g68", "K_9.g68", "K_4.g68"], &["K 2-3 1", "K 5-8 2"]),
            (&["K_17.g68", "L_19.g68"], &[]),
            (&["K_0.g68", "K_1.g68"], &[]),
            (&["K_17.g68", "K_17.csv", "other.g68"], &[]),
        ];
        for (names, expected) in table {
            assert_eq!(told(names), expected, "{names:?}");
        }
    }

    proptest! {
        /// What came and what is missing are together all numbers from 1 on, none twice; and what is missing is known since
        /// the first file above it came.
        #[test]
        fn nothing_is_lost_between(came in proptest::collection::btree_map(1_u32..60, 0_u8..9, 1..20)) {
            let names: Vec<(String, u8)> =
                came.iter().map(|(n, at)| (format!("K_20260302_{n:04}.g68"), *at)).collect();
            let mut all: std::collections::BTreeSet<u32> = came.keys().copied().collect();
            for gap in gaps(names.iter().map(|(name, at)| (name.as_str(), *at))) {
                prop_assert_eq!(came.range(gap.last..).map(|(_, at)| *at).min(), Some(gap.since));
                for number in gap.first..=gap.last {
                    prop_assert!(all.insert(number));
                }
            }
            prop_assert_eq!(all, (1..=*came.keys().last().unwrap()).collect());
        }
    }
}
