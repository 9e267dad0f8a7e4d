//! What is due: pure decisions on instants. Never asks what time it is, and never waits.

use jiff::Timestamp;
use jiff::ToSpan;
use jiff::civil::Date;

use crate::canary::{self, Canary};
use crate::config::{Deadline, When};
use crate::domain::calendar::{BankDays, copenhagen};
use crate::store::schedule::Word;

/// What is remembered of a pipeline that runs by the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// When it was first seen: nothing before is caught up.
    pub since: Timestamp,
    /// The last time that was begun, and whether it was finished.
    pub last: Option<(Timestamp, bool)>,
}

/// A time at which a pipeline is due. With the pipeline's name it is the run's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// When it was due.
    pub due: Timestamp,
    /// Earlier times that were missed and that this run stands for.
    pub missed: u32,
    /// The first of them.
    pub first_missed: Option<Timestamp>,
    /// Whether it was begun before and not finished.
    pub again: bool,
}

/// The one run that is due now, if any: the newest time that has come, standing for all that were missed before it; or
/// the last one begun, when it was not finished and no newer one has come.
pub fn window(when: &When, memory: Memory, now: Timestamp, bank_days: &BankDays) -> Option<Window> {
    let after = memory.last.map_or(memory.since, |(due, _)| due);
    let (mut first, mut newest, mut count) = (None, None, 0);
    for time in when.times_between(after, now, bank_days) {
        first.get_or_insert(time);
        newest = Some(time);
        count += 1;
    }
    match (newest, memory.last) {
        (Some(due), _)
            if canary::is_active(Canary::ForgottenWindow) && now.duration_since(due).as_secs() > 3_600 =>
        {
            None
        }
        (Some(due), _) => {
            let first_missed = first.filter(|first| *first < due);
            Some(Window { due, missed: count - 1, first_missed, again: false })
        }
        (None, Some((due, false))) => Some(Window { due, missed: 0, first_missed: None, again: true }),
        (None, _) => None,
    }
}

/// The next time that will come, after what was begun and after now.
pub fn next(when: &When, memory: Memory, now: Timestamp, bank_days: &BankDays) -> Option<Timestamp> {
    let after = memory.last.map_or(memory.since, |(due, _)| due).max(now);
    match when {
        When::Every(_) => None,
        When::At(_) => when.next_after(after, bank_days),
    }
}

/// Whether a run that begins now is worth a word about its lateness, seconds after its time.
pub const LATE_SECONDS: i64 = 60;

impl Window {
    /// Whether it begins late: it stands for others, or its own time is over a minute past.
    pub fn is_late(&self, now: Timestamp) -> bool {
        self.missed > 0 || now.duration_since(self.due).as_secs() > LATE_SECONDS
    }
}

/// The file that a deadline speaks of at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The day it is expected on.
    pub day: Date,
    /// From when on a file counts as this one: when the one before it was late.
    pub since: Timestamp,
    /// When it is late.
    pub late: Timestamp,
    /// What is to be said at the instant, if the file has not come.
    pub word: Word,
}

/// Days that are looked back for the day before, or for the last day that was missed: more than any holidays.
const LOOK_BACK: i64 = 15;

/// The newest expected file that something is to be said of at `now`: its warning has come. Nothing is expected before
/// the pipeline was there.
pub fn expectation(
    deadline: &Deadline,
    now: Timestamp,
    since: Timestamp,
    bank_days: &BankDays,
) -> Option<Expectation> {
    let today = copenhagen(now).date();
    let days = (0..=LOOK_BACK).filter_map(|back| {
        let day = today.checked_sub(back.days()).ok()?;
        deadline.on(day, bank_days).map(|(warn, late)| (day, warn, late))
    });
    let mut days = days.skip_while(|(_, warn, _)| *warn > now);
    let (day, _, late) = days.next().filter(|(_, _, late)| *late > since)?;
    let before = days.next().map_or(since, |(_, _, late)| late);
    let word = if now >= late { Word::Late } else { Word::Warning };
    Some(Expectation { day, since: before, late, word })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Pipeline;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn when(expression: &str) -> When {
        let text = format!(
            "name = \"p\"\nkind = \"send-bundles\"\nformat = \"nemkonto-payment\"\nendpoint = \"e\"\n{expression}\n"
        );
        Pipeline::load(&text, "p.toml").unwrap().when
    }

    fn memory(since: &str, last: Option<(&str, bool)>) -> Memory {
        Memory { since: at(since), last: last.map(|(due, finished)| (at(due), finished)) }
    }

    const DAILY: &str = "when = \"0 0 13 * * *\"\nbank_days_only = true";

    #[track_caller]
    fn check(memory: Memory, now: &str, expected: Option<(&str, u32, bool)>) {
        let found = window(&when(DAILY), memory, at(now), &BankDays::default());
        let found = found.map(|window| (window.due, window.missed, window.again));
        assert_eq!(found, expected.map(|(due, missed, again)| (at(due), missed, again)));
    }

    #[test]
    fn what_is_due() {
        let new = memory("2026-01-27T13:00:00Z", None); // Tuesday, 14:00
        check(new, "2026-01-27T20:00:00Z", None);
        check(new, "2026-01-28T11:59:59Z", None);
        check(new, "2026-01-28T12:00:00Z", Some(("2026-01-28T12:00:00Z", 0, false)));
        let done = memory("2026-01-27T13:00:00Z", Some(("2026-01-28T12:00:00Z", true)));
        check(done, "2026-01-29T11:00:00Z", None);
        check(done, "2026-02-02T13:00:00Z", Some(("2026-02-02T12:00:00Z", 2, false)));
        let begun = memory("2026-01-27T13:00:00Z", Some(("2026-01-28T12:00:00Z", false)));
        check(begun, "2026-01-28T12:40:00Z", Some(("2026-01-28T12:00:00Z", 0, true)));
        check(begun, "2026-01-29T12:00:00Z", Some(("2026-01-29T12:00:00Z", 0, false)));
    }

    #[test]
    fn many_missed_times_are_walked_once() {
        let each_second = when("when = \"* * * * * *\"");
        let found = window(
            &each_second,
            memory("2026-01-27T00:00:00Z", None),
            at("2026-01-30T00:00:00Z"),
            &BankDays::default(),
        );
        let found = found.unwrap();
        assert_eq!((found.due, found.missed), (at("2026-01-30T00:00:00Z"), 3 * 86_400 - 1));
    }

    fn deadline() -> Deadline {
        let by = jiff::civil::time(12, 0, 0, 0);
        Deadline { by, warn_before: std::time::Duration::from_secs(3_600), bank_days_only: true }
    }

    #[track_caller]
    fn check_expected(now: &str, since: &str, expected: Option<(&str, &str, Word)>) {
        let found = expectation(&deadline(), at(now), at(since), &BankDays::default());
        let found = found.map(|found| (found.day.to_string(), found.since, found.word));
        assert_eq!(found, expected.map(|(day, since, word)| (day.to_owned(), at(since), word)));
    }

    #[test]
    fn what_is_expected() {
        let long_ago = "2025-06-01T00:00:00Z";
        let tuesday = Some(("2026-01-27", "2026-01-26T11:00:00Z", Word::Late));
        check_expected("2026-01-28T09:59:59Z", long_ago, tuesday);
        check_expected(
            "2026-01-28T10:00:00Z",
            long_ago,
            Some(("2026-01-28", "2026-01-27T11:00:00Z", Word::Warning)),
        );
        check_expected(
            "2026-01-28T11:00:00Z",
            long_ago,
            Some(("2026-01-28", "2026-01-27T11:00:00Z", Word::Late)),
        );
        // Over Easter: Maundy Thursday to Easter Monday are no bank days.
        check_expected(
            "2026-04-06T15:00:00Z",
            long_ago,
            Some(("2026-04-01", "2026-03-31T10:00:00Z", Word::Late)),
        );
        // A new pipeline begins now.
        check_expected(
            "2026-01-28T10:30:00Z",
            "2026-01-28T10:15:00Z",
            Some(("2026-01-28", "2026-01-27T11:00:00Z", Word::Warning)),
        );
        check_expected("2026-01-28T11:30:00Z", "2026-01-28T11:15:00Z", None);
    }
}
