//! The tables of danish-identifiers.md 10, and what must hold for any day.

use jiff::civil::{date, datetime};
use proptest::prelude::*;

use super::*;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

/// 10.1: year, Easter Sunday, Maundy Thursday, Good Friday, Easter Monday, Ascension, the day after, Whit Monday.
const EASTER: [(i16, [&str; 7]); 12] = [
    (2024, ["03-31", "03-28", "03-29", "04-01", "05-09", "05-10", "05-20"]),
    (2025, ["04-20", "04-17", "04-18", "04-21", "05-29", "05-30", "06-09"]),
    (2026, ["04-05", "04-02", "04-03", "04-06", "05-14", "05-15", "05-25"]),
    (2027, ["03-28", "03-25", "03-26", "03-29", "05-06", "05-07", "05-17"]),
    (2028, ["04-16", "04-13", "04-14", "04-17", "05-25", "05-26", "06-05"]),
    (2029, ["04-01", "03-29", "03-30", "04-02", "05-10", "05-11", "05-21"]),
    (2030, ["04-21", "04-18", "04-19", "04-22", "05-30", "05-31", "06-10"]),
    (2031, ["04-13", "04-10", "04-11", "04-14", "05-22", "05-23", "06-02"]),
    (2032, ["03-28", "03-25", "03-26", "03-29", "05-06", "05-07", "05-17"]),
    (2033, ["04-17", "04-14", "04-15", "04-18", "05-26", "05-27", "06-06"]),
    (2034, ["04-09", "04-06", "04-07", "04-10", "05-18", "05-19", "05-29"]),
    (2035, ["03-25", "03-22", "03-23", "03-26", "05-03", "05-04", "05-14"]),
];

#[test]
fn easter_and_what_follows_it() {
    let days = BankDays::default();
    for (year, expected) in EASTER {
        let [sunday, closed @ ..] = expected.map(|text| day(&format!("{year}-{text}")));
        assert_eq!(easter(year), sunday);
        let computed = closing_days_of(year);
        for closing in closed {
            assert!(computed.contains(&closing) && !days.is_bank_day(closing), "{closing}");
        }
    }
}

/// 10.2: the last bank day of each month.
const LAST: [(i16, [i8; 12]); 7] = [
    (2024, [31, 29, 27, 30, 31, 28, 31, 30, 30, 31, 29, 30]),
    (2025, [31, 28, 31, 30, 28, 30, 31, 29, 30, 31, 28, 30]),
    (2026, [30, 27, 31, 30, 29, 30, 31, 31, 30, 30, 30, 30]),
    (2027, [29, 26, 31, 30, 31, 30, 30, 31, 30, 29, 30, 30]),
    (2028, [31, 29, 31, 28, 31, 30, 31, 31, 29, 31, 30, 29]),
    (2029, [31, 28, 28, 30, 31, 29, 31, 31, 28, 31, 30, 28]),
    (2030, [31, 28, 29, 30, 29, 28, 31, 30, 30, 31, 29, 30]),
];

#[test]
fn last_bank_days() {
    let days = BankDays::default();
    for (year, expected) in LAST {
        for (month, last) in (1..).zip(expected) {
            assert_eq!(days.last_bank_day(year, month), Some(date(year, month, last)));
        }
    }
    assert_eq!(days.last_bank_day(2026, 13), None);
}

#[test]
fn bank_days_of_a_year() {
    let days = BankDays::default();
    for (year, count) in
        [(2024, 250), (2025, 249), (2026, 250), (2027, 252), (2028, 252), (2029, 249), (2030, 249)]
    {
        assert_eq!(days.between(date(year - 1, 12, 31), date(year, 12, 31)), count, "{year}");
    }
}

/// 10.3, the first half.
#[test]
fn open_or_closed() {
    let days = BankDays::default();
    for (text, open) in [
        ("2023-05-05", false),
        ("2024-04-26", true),
        ("2026-05-01", true),
        ("2026-05-15", false),
        ("2026-06-05", false),
        ("2026-12-24", false),
        ("2026-12-28", true),
        ("2026-12-31", false),
        ("2027-01-04", true),
    ] {
        assert_eq!(days.is_bank_day(day(text)), open, "{text}");
    }
}

/// 10.3, the second half.
#[test]
fn rolling_and_counting() {
    let days = BankDays::default();
    assert_eq!(days.preceding(day("2026-01-31")), day("2026-01-30"));
    assert_eq!(days.preceding(day("2026-04-06")), day("2026-04-01"));
    assert_eq!(days.preceding(day("2026-04-01")), day("2026-04-01"));
    assert_eq!(days.following_or_same(day("2026-05-14")), day("2026-05-18"));
    assert_eq!(days.following_or_same(day("2026-05-18")), day("2026-05-18"));
    assert_eq!(days.strictly_after(day("2026-05-18")), day("2026-05-19"));
    assert_eq!(days.strictly_before(day("2026-05-18")), day("2026-05-13"));
    for (from, n, to) in [
        ("2026-03-31", 2, "2026-04-07"),
        ("2026-05-13", 1, "2026-05-18"),
        ("2026-12-23", 1, "2026-12-28"),
        ("2026-12-30", 1, "2027-01-04"),
        ("2026-01-30", -2, "2026-01-28"),
        ("2025-06-06", -1, "2025-06-04"),
        ("2025-06-10", -1, "2025-06-06"),
        ("2026-04-06", 0, "2026-04-01"),
        ("2026-04-01", 0, "2026-04-01"),
    ] {
        assert_eq!(days.add(day(from), n), day(to), "{from} {n:+}");
    }
}

#[test]
fn own_closing_days_are_left_out() {
    let days = BankDays::new(&[day("2026-05-01"), day("2026-05-01"), day("2150-03-02")]);
    assert!(!days.is_bank_day(day("2026-05-01")));
    assert!(!days.is_bank_day(day("2150-03-02")) && days.is_bank_day(day("2150-03-03")));
    assert_eq!(days.preceding(day("2026-05-03")), day("2026-04-30"));
    assert_eq!(days.following_or_same(day("2026-05-01")), day("2026-05-04"));
}

#[test]
fn the_ends_of_the_calendar_do_not_panic() {
    let days = BankDays::default();
    for end in [Date::MIN, Date::MAX, Date::ZERO, date(0, 1, 1), date(1, 1, 1)] {
        for found in [days.preceding(end), days.following_or_same(end), days.add(end, 3), days.add(end, -3)] {
            assert!((end.year() - found.year()).abs() <= 1);
        }
    }
}

#[test]
fn danish_time() {
    for (instant_text, local) in [
        ("2026-01-15T12:00:00Z", datetime(2026, 1, 15, 13, 0, 0, 0)),
        ("2026-07-15T12:00:00Z", datetime(2026, 7, 15, 14, 0, 0, 0)),
        ("2026-03-29T00:59:59Z", datetime(2026, 3, 29, 1, 59, 59, 0)),
        ("2026-03-29T01:00:00Z", datetime(2026, 3, 29, 3, 0, 0, 0)),
        ("2026-10-25T00:30:00Z", datetime(2026, 10, 25, 2, 30, 0, 0)),
    ] {
        let at: Timestamp = instant_text.parse().unwrap();
        assert_eq!(copenhagen(at), local);
        assert_eq!(instant(local), at);
    }
    // The second 02:30 in October is shown alike but is not what 02:30 means.
    let second: Timestamp = "2026-10-25T01:30:00Z".parse().unwrap();
    assert_eq!(copenhagen(second), datetime(2026, 10, 25, 2, 30, 0, 0));
    // 02:30 in March does not exist: the first instant after the gap stands for it.
    let after_gap: Timestamp = "2026-03-29T01:00:00Z".parse().unwrap();
    for minute in [0, 30, 59] {
        assert_eq!(instant(datetime(2026, 3, 29, 2, minute, 0, 0)), after_gap);
    }
    assert_eq!(instant(DateTime::MAX), Timestamp::MAX);
}

static DAYS: LazyLock<BankDays> = LazyLock::new(BankDays::default);

fn any_day() -> impl Strategy<Value = Date> {
    // Wider than the tabled years, so that bits and rule are both asked.
    (0..80_000_i32).prop_map(|n| date(1940, 1, 1).checked_add(n.days()).unwrap())
}

proptest! {
    #[test]
    fn bits_agree_with_the_rule(day in any_day()) {
        let days = &*DAYS;
        prop_assert_eq!(days.is_bank_day(day), days.open_by_rule(day, &closing_days_of(day.year())));
    }

    #[test]
    fn rolling_meets_a_bank_day_and_skips_none(day in any_day()) {
        let days = &*DAYS;
        let (before, after) = (days.preceding(day), days.following_or_same(day));
        prop_assert!(days.is_bank_day(before) && days.is_bank_day(after));
        prop_assert!(before <= day && day <= after);
        prop_assert_eq!(days.between(before, day), 0);
        prop_assert_eq!(days.between(day, after), i32::from(after != day));
    }

    #[test]
    fn counting_forth_and_back(day in any_day(), n in 1..40_i32) {
        let days = &*DAYS;
        prop_assert_eq!(days.between(day, days.add(day, n)), n);
        prop_assert_eq!(days.between(day, days.add(day, -n)), -n);
        let open = days.preceding(day);
        prop_assert_eq!(days.add(days.add(open, n), -n), open);
    }

    #[test]
    fn every_instant_comes_back_but_the_doubled_hour(seconds in 0..4_102_444_800_i64) {
        let at = Timestamp::from_second(seconds).unwrap();
        let back = instant(copenhagen(at));
        prop_assert!(back == at || back == at.checked_sub(1.hour()).unwrap());
        prop_assert_eq!(copenhagen(back), copenhagen(at));
    }
}
