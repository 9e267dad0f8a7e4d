//! When a pipeline runs: at an interval, or by the Danish wall clock.
//!
//! Daylight saving neither skips nor doubles a run, and a condition keeps runs to bank days. Never asks what time it
//! is: the instant is an argument. The only place that knows the `cron` crate and the `chrono` it speaks.

use std::str::FromStr;
use std::time::Duration;

use chrono::{Datelike, NaiveDate, Timelike, Utc};
use jiff::civil::{Date, DateTime, Time};
use jiff::{Timestamp, ToSpan};

use crate::domain::calendar::{BankDays, copenhagen, instant};
use crate::domain::reference::{DURATION, FLAG, Rule, Section};

/// When a pipeline runs.
#[derive(Clone, Debug)]
pub enum When {
    /// Again and again, this long after the last time. For polling.
    Every(Duration),
    /// At times of the wall clock.
    At(Box<Times>),
}

/// Times of the Danish wall clock (a cron expression).
#[derive(Clone, Debug)]
pub struct Times {
    /// The expression as written: second, minute, hour, day, month, weekday.
    pub expression: String,
    /// Whether only those on bank days count.
    pub bank_days_only: bool,
    schedule: cron::Schedule,
}

impl When {
    /// The first run after an instant. `None` when there is none before the year 2100.
    pub fn next_after(&self, after: Timestamp, bank_days: &BankDays) -> Option<Timestamp> {
        match self {
            When::Every(interval) => after.checked_add(*interval).ok(),
            When::At(times) => times.after(after, bank_days).next(),
        }
    }

    /// The times of the wall clock after one instant, up to and including another, each once and in order. An interval
    /// has none.
    pub fn times_between<'a>(
        &'a self,
        after: Timestamp,
        until: Timestamp,
        bank_days: &'a BankDays,
    ) -> Box<dyn Iterator<Item = Timestamp> + 'a> {
        match self {
            When::Every(_) => Box::new(std::iter::empty()),
            When::At(times) => Box::new(times.after(after, bank_days).take_while(move |at| *at <= until)),
        }
    }

    /// Whether there is a run at this time on each bank day of a year, or all day long.
    pub(super) fn covers(&self, time: Time, year: i16, bank_days: &BankDays) -> bool {
        let When::At(times) = self else { return true };
        let mut days = jiff::civil::date(year, 1, 1).series(1.day()).take_while(|day| day.year() == year);
        days.all(|day| !bank_days.is_bank_day(day) || times.includes(day.to_datetime(time)))
    }

    /// Reads `every`, or `when` with `bank_days_only`.
    pub(super) fn read(section: &Section<'_>) -> Option<When> {
        if section.has("every") && !section.has("when") {
            return section.required("every", &INTERVAL).map(When::Every);
        }
        if section.raw("every").is_some() {
            section.wrong("every", "excludes `when`: a pipeline has one of them");
        }
        let (expression, schedule) = section.required("when", &EXPRESSION)?;
        let bank_days_only = section.optional("bank_days_only", &FLAG).unwrap_or(false);
        Some(When::At(Box::new(Times { expression, bank_days_only, schedule })))
    }
}

impl Times {
    /// Walks the wall clock from one hour before, so that what the clock shows twice is looked at from its start; a
    /// time that does not exist is brought to the first instant after it (dependencies.md 2.4).
    fn after<'a>(
        &'a self,
        after: Timestamp,
        bank_days: &'a BankDays,
    ) -> impl Iterator<Item = Timestamp> + 'a {
        let start = copenhagen(after).checked_sub(1.hour()).ok().and_then(dressed_as_utc);
        let mut last = after;
        start
            .into_iter()
            .flat_map(|start| self.schedule.after_owned(start))
            .filter_map(undressed)
            .filter(|local| !self.bank_days_only || bank_days.is_bank_day(local.date()))
            .map(instant)
            .filter(move |found| {
                let is_later = *found > last;
                last = last.max(*found);
                is_later
            })
    }

    fn includes(&self, local: DateTime) -> bool {
        dressed_as_utc(local).is_some_and(|local| self.schedule.includes(local))
    }
}

/// `cron` walks a time zone's clock wrongly when it changes; UTC's clock never does.
fn dressed_as_utc(local: DateTime) -> Option<chrono::DateTime<Utc>> {
    let unsigned = |n: i8| u32::try_from(n).ok();
    let date =
        NaiveDate::from_ymd_opt(i32::from(local.year()), unsigned(local.month())?, unsigned(local.day())?)?;
    let time =
        date.and_hms_opt(unsigned(local.hour())?, unsigned(local.minute())?, unsigned(local.second())?)?;
    Some(time.and_utc())
}

fn undressed(found: chrono::DateTime<Utc>) -> Option<DateTime> {
    let small = |n: u32| i8::try_from(n).ok();
    let date =
        Date::new(i16::try_from(found.year()).ok()?, small(found.month())?, small(found.day())?).ok()?;
    let time = Time::new(small(found.hour())?, small(found.minute())?, small(found.second())?, 0).ok()?;
    Some(date.to_datetime(time))
}

const INTERVAL: Rule<Duration> = Rule {
    says: "must be an interval from 1s to 24h, as 30s",
    read: |value| {
        let range = Duration::from_secs(1)..=Duration::from_secs(24 * 3_600);
        (DURATION.read)(value).filter(|interval| range.contains(interval))
    },
};

/// Weekdays are written as names only: `cron` counts them from Sunday as 1, other tools from 0.
const EXPRESSION: Rule<(String, cron::Schedule)> = Rule {
    says: "must be six fields: second, minute, hour, day, month, weekday by name, as 0 0 13 * * MON-FRI",
    read: |value| {
        let text = value.as_str()?;
        let fields: Vec<_> = text.split_whitespace().collect();
        let six = fields.len() == 6 && !fields[5].contains(|c: char| c.is_ascii_digit());
        let schedule = cron::Schedule::from_str(text).ok()?;
        six.then(|| (text.to_owned(), schedule))
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reference::read_file;

    fn when(text: &str) -> Result<When, String> {
        read_file(text, "p.toml", When::read).map_err(|errors| errors.to_string())
    }

    /// The next runs after an instant, as instants.
    fn runs(text: &str, after: &str, count: usize) -> Vec<String> {
        let (when, days) = (when(text).unwrap(), BankDays::default());
        let mut at: Timestamp = after.parse().unwrap();
        let next = std::iter::from_fn(|| {
            at = when.next_after(at, &days)?;
            Some(at.to_string())
        });
        next.take(count).collect()
    }

    #[test]
    fn by_the_wall_clock_on_bank_days() {
        let found = runs("when = \"0 0 13 * * *\"\nbank_days_only = true", "2026-03-27T12:00:00Z", 5);
        // Friday 27 March 13:00 is 12:00 UTC and gone; summer time begins on the 29th; Easter from 2 to 6 April.
        let expected = [
            "2026-03-30T11:00:00Z",
            "2026-03-31T11:00:00Z",
            "2026-04-01T11:00:00Z",
            "2026-04-07T11:00:00Z",
            "2026-04-08T11:00:00Z",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn summer_time_neither_skips_nor_doubles() {
        let nightly = "when = \"0 30 2 * * *\"";
        // 29 March has no 02:30: the first instant after the gap. 25 October has two: the first.
        let march = ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"];
        assert_eq!(runs(nightly, "2026-03-27T12:00:00Z", 3), march);
        let october = ["2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"];
        assert_eq!(runs(nightly, "2026-10-23T12:00:00Z", 3), october);
        // Several times in the gap are one run; the hour that comes twice is walked once, in order.
        let half_hours = "when = \"0 */30 * * * *\"";
        let march = ["2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"];
        assert_eq!(runs(half_hours, "2026-03-29T00:00:00Z", 3), march);
        let october = ["2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T02:00:00Z"];
        assert_eq!(runs(half_hours, "2026-10-24T23:30:00Z", 3), october);
    }

    #[test]
    fn at_an_interval() {
        assert_eq!(
            runs("every = \"30s\"", "2026-03-29T00:59:45Z", 2),
            ["2026-03-29T01:00:15Z", "2026-03-29T01:00:45Z"]
        );
    }

    #[test]
    fn a_time_that_never_comes() {
        assert_eq!(runs("when = \"0 0 3 5 6 *\"\nbank_days_only = true", "2026-01-01T00:00:00Z", 1), [""; 0]);
    }

    #[test]
    fn what_is_no_schedule() {
        let rule =
            "must be six fields: second, minute, hour, day, month, weekday by name, as 0 0 13 * * MON-FRI";
        for text in
            ["0 13 * * *", "0 0 13 * * 1-5", "0 0 13 * * * 2026", "0 0 25 * * *", "0 0 13 * * MÅN", ""]
        {
            let expected = format!("p.toml:1:8: `when` is \"{text}\": {rule}");
            assert_eq!(when(&format!("when = \"{text}\"")).err(), Some(expected));
        }
        assert_eq!(when("").err(), Some(format!("p.toml:1:1: `when`: is missing; it {rule}")));
        let both = when("when = \"0 0 13 * * *\"\nevery = \"30s\"").err().unwrap();
        assert_eq!(both, "p.toml:2:9: `every` is \"30s\": excludes `when`: a pipeline has one of them");
        let interval = when("every = \"25h\"").err().unwrap();
        assert_eq!(interval, "p.toml:1:9: `every` is \"25h\": must be an interval from 1s to 24h, as 30s");
    }

    #[test]
    fn covering_a_time_of_day() {
        let days = BankDays::default();
        let one = jiff::civil::time(13, 0, 0, 0);
        for (text, covers) in [
            ("when = \"0 0 13 * * *\"", true),
            ("when = \"0 0 13 * * MON-FRI\"\nbank_days_only = true", true),
            ("when = \"0 0 9,13 * * *\"", true),
            ("when = \"0 0 12 * * *\"", false),
            ("when = \"0 0 13 1-28 * *\"", false),
            ("every = \"1m\"", true),
        ] {
            assert_eq!(when(text).unwrap().covers(one, 2026, &days), covers, "{text}");
        }
    }
}
