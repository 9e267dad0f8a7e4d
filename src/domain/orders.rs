//! Files that case systems number: whether one is missing in between (feature 3.1.1).
//!
//! No public source says how a case system numbers its files; all of it is ASSUMED, and stands here. Knows no endpoint.

use std::collections::{BTreeMap, BTreeSet};

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

/// Numbers that are missing between those that came, per series: `(series, first, last)`.
pub fn gaps<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<(String, u32, u32)> {
    let mut series: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
    for (name, number) in names.into_iter().filter_map(place_of) {
        series.entry(name).or_default().insert(number);
    }
    let mut gaps = Vec::new();
    for (name, numbers) in series {
        let mut expected = match begins_at_one(name) {
            true => 1,
            false => numbers.first().copied().unwrap_or(1),
        };
        for number in numbers {
            if number > expected {
                gaps.push((name.to_owned(), expected, number - 1));
            }
            expected = number + 1;
        }
    }
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

    #[test]
    fn what_is_missing() {
        let table: [(&[&str], &[(&str, u32, u32)]); 6] = [
            (&[], &[]),
            (&["K_20260302_0001.g68", "K_20260302_0002.g68"], &[]),
            (&["K_20260302_0002.g68"], &[("K_20260302", 1, 1)]),
            (&["K_17.g68", "K_20.g68", "K_18.g68"], &[("K", 19, 19)]),
            (&["K_17.g68", "L_19.g68"], &[]),
            (&["K_17.g68", "K_17.csv", "other.g68"], &[]),
        ];
        for (names, expected) in table {
            let expected: Vec<_> = expected.iter().map(|(s, a, b)| ((*s).to_owned(), *a, *b)).collect();
            assert_eq!(gaps(names.iter().copied()), expected, "{names:?}");
        }
    }

    proptest! {
        /// What came and what is missing are together all numbers from 1 on, none twice.
        #[test]
        fn nothing_is_lost_between(came in proptest::collection::btree_set(1_u32..60, 1..20)) {
            let names: Vec<String> = came.iter().map(|n| format!("K_20260302_{n:04}.g68")).collect();
            let mut all = came.clone();
            for (_, first, last) in gaps(names.iter().map(String::as_str)) {
                for number in first..=last {
                    prop_assert!(all.insert(number));
                }
            }
            prop_assert_eq!(all, (1..=*came.last().unwrap_or(&1)).collect());
        }
    }
}
