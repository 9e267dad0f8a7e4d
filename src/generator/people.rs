//! People and companies nobody can be: lawful payees for generated files.
//!
//! Never a number from the tax or CPR systems: every person here is born between 2037 and 2057.

use jiff::ToSpan;
use jiff::civil::{Date, date};

/// The first birth date of a constructed person. With 5-8 as the seventh digit the year lies in 2000-2057
/// (danish-identifiers.md 1.2), so the person is not born yet.
const FIRST_BIRTH: Date = date(2037, 1, 1);
/// Days from the first birth date to the end of 2057.
const BIRTH_DAYS: u64 = 7_670;
/// How many of the last two digits are used per day, seventh and eighth digit: at least nine of them satisfy
/// modulus 11.
const ENDINGS: u64 = 9;
/// People whose number satisfies modulus 11; later laps fail it, which is lawful too (danish-identifiers.md 1.3).
const PEOPLE: u64 = BIRTH_DAYS * 4 * 10 * ENDINGS;

/// The CPR number of the `n`th constructed person, as a number of ten digits. The first 27 million are distinct;
/// the first 2.7 million satisfy modulus 11.
pub fn person(n: u64) -> u64 {
    let (lap, place) = (n / PEOPLE, n % PEOPLE);
    let place = (place * 1_000_003 + 76_543) % PEOPLE; // scatters neighbours: a step that shares no factor
    let (place, day) = (place / BIRTH_DAYS, place % BIRTH_DAYS);
    let (place, seventh) = (place / 4, 5 + place % 4);
    let (ending, eighth) = (place / 10, place % 10);
    let born = FIRST_BIRTH.saturating_add((day as i64).days());
    let head = u64::from(born.day().unsigned_abs()) * 1_000_000
        + u64::from(born.month().unsigned_abs()) * 10_000
        + u64::from(born.year().unsigned_abs()) % 100 * 100
        + seventh * 10
        + eighth;
    with_check_digit(head, ending, lap)
}

/// Adds the two last digits: the `ending`th pair that satisfies modulus 11, moved on by `lap`.
fn with_check_digit(head: u64, ending: u64, lap: u64) -> u64 {
    let sum = weighted(head, &[4, 3, 2, 7, 6, 5, 4, 3]);
    let mut passing = 0;
    for ninth in 0..10 {
        let check = (11 - (sum + 2 * ninth) % 11) % 11;
        if check == 10 {
            continue;
        }
        if passing == ending {
            return head * 100 + ninth * 10 + (check + lap) % 10;
        }
        passing += 1;
    }
    head * 100 // not reached: at most one of ten ninth digits has no check digit
}

/// The digits of `number` (as many as there are weights) times the weights.
fn weighted(number: u64, weights: &[u64]) -> u64 {
    let mut rest = number;
    let mut sum = 0;
    for weight in weights.iter().rev() {
        sum += rest % 10 * weight;
        rest /= 10;
    }
    sum
}

/// A company number (CVR) from the constructed series 99xxxxxx; satisfies modulus 11. Neighbours may share one.
pub fn employer(n: u64) -> u64 {
    let mut head = 9_900_000 + n % 99_000;
    loop {
        let check = (11 - weighted(head, &[2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
        if check < 10 {
            return head * 10 + check;
        }
        head += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use toek_formats::vocabulary::{Cpr, CprKind, birth_date_of, modulus11_cpr, modulus11_cvr};

    use super::*;

    #[test]
    fn people_are_distinct_valid_and_unborn() {
        let mut seen = HashSet::new();
        for n in (0..60_000).chain(PEOPLE - 10_000..PEOPLE + 10_000) {
            let number = person(n);
            assert!(seen.insert(number), "{n}");
            let cpr = Cpr::from_number(number).unwrap();
            assert_eq!(cpr.kind(), CprKind::Ordinary);
            assert!(birth_date_of(cpr.as_digits()).unwrap() >= FIRST_BIRTH);
            assert_eq!(modulus11_cpr(cpr.as_digits()), n < PEOPLE, "{n}");
        }
    }

    #[test]
    fn employers_satisfy_modulus_11() {
        for n in 0..5_000 {
            let digits = employer(n).to_string();
            assert!(modulus11_cvr(digits.as_bytes().try_into().unwrap()), "{digits}");
            assert!(digits.starts_with("99"));
        }
    }
}
