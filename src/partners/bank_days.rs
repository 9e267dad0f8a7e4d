//! The simulated NemKonto's own idea of when banks are open (danish-identifiers.md 10.1), from the rule and not
//! from the hub's calendar, so that the two can disagree.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

/// Closed days by their distance from Easter Sunday: Maundy Thursday, Good Friday, Easter Monday, Ascension and
/// the day after, Whit Monday.
const AROUND_EASTER: &[i64] = &[-3, -2, 1, 39, 40, 50];
/// Great Prayer Day (store bededag), abolished after 2023.
const GREAT_PRAYER_DAY: i64 = 26;
/// Closed days by month and day.
const FIXED: &[(i8, i8)] = &[(1, 1), (6, 5), (12, 24), (12, 25), (12, 26), (12, 31)];

/// Whether banks are open.
pub fn is_open(day: Date) -> bool {
    let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    !weekend && !FIXED.contains(&(day.month(), day.day())) && !moves_with_easter(day)
}

fn moves_with_easter(day: Date) -> bool {
    let easter = easter(day.year());
    let is = |distance: &i64| easter.saturating_add(distance.days()) == day;
    AROUND_EASTER.iter().any(is) || (day.year() <= 2023 && is(&GREAT_PRAYER_DAY))
}

/// How many open days lie after `from`, up to and including `to`.
pub(super) fn open_days_between(from: Date, to: Date) -> u32 {
    let mut count = 0;
    let mut day = from;
    while day < to {
        day = day.saturating_add(1.day());
        count += u32::from(is_open(day));
    }
    count
}

/// Easter Sunday by the Gregorian rule (Meeus/Butcher).
fn easter(year: i16) -> Date {
    let year_of = i32::from(year);
    let (golden, century, rest) = (year_of % 19, year_of / 100, year_of % 100);
    let shift = (century - (century + 8) / 25 + 1) / 3;
    let moon = (19 * golden + century - century / 4 - shift + 15) % 30;
    let week = (32 + 2 * (century % 4) + 2 * (rest / 4) - moon - rest % 4) % 7;
    let late = (golden + 11 * moon + 22 * week) / 451;
    let days = moon + week - 7 * late + 114;
    // Month is 3 or 4 and day 1 to 31: a date always.
    Date::new(year, (days / 31) as i8, (days % 31 + 1) as i8).unwrap_or(Date::MIN)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn open_and_closed_days_of_the_specification() {
        let table = [
            (date(2023, 5, 5), false),
            (date(2024, 4, 26), true),
            (date(2026, 5, 1), true),
            (date(2026, 5, 15), false),
            (date(2026, 6, 5), false),
            (date(2026, 12, 24), false),
            (date(2026, 12, 28), true),
            (date(2026, 12, 31), false),
            (date(2027, 1, 4), true),
            (date(2026, 4, 2), false),
            (date(2028, 6, 5), false),
        ];
        for (day, open) in table {
            assert_eq!(is_open(day), open, "{day}");
        }
    }

    #[test]
    fn a_year_has_as_many_open_days_as_the_specification_counts() {
        let table =
            [(2024, 250), (2025, 249), (2026, 250), (2027, 252), (2028, 252), (2029, 249), (2030, 249)];
        for (year, open) in table {
            assert_eq!(open_days_between(date(year - 1, 12, 31), date(year, 12, 31)), open, "{year}");
        }
    }
}
