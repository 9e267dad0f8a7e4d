//! Bank days and Danish time (danish-identifiers.md 10).
//!
//! The closing days are a table ([`CLOSING_DAYS`]); everything else follows from it. Never asks what day it is:
//! the day is an argument. Danish wall-clock time and instants meet here and nowhere else.

use std::ops::RangeInclusive;
use std::sync::LazyLock;

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};

/// When in the year a closing day falls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Falls {
    /// On this month and day, every year.
    On {
        /// 1 to 12.
        month: i8,
        /// 1 to 31.
        day: i8,
    },
    /// This many days after Easter Sunday (before, when negative).
    FromEaster(i32),
}

/// A day on which the banks are closed although it may be a weekday.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosingDay {
    /// Its English name.
    pub name: &'static str,
    /// When it falls.
    pub falls: Falls,
    /// The last year in which it was one; `None` while it still is.
    pub last_year: Option<i16>,
}

const fn on(name: &'static str, month: i8, day: i8) -> ClosingDay {
    ClosingDay { name, falls: Falls::On { month, day }, last_year: None }
}

const fn from_easter(name: &'static str, days: i32) -> ClosingDay {
    ClosingDay { name, falls: Falls::FromEaster(days), last_year: None }
}

/// The closing days besides Saturdays and Sundays (danish-identifiers.md 10.1, from the central bank's lists for
/// 2026 and 2027). Days that fall in a weekend are not moved. ASSUMED: the same table before 2023, where the day
/// after Ascension and 5 June may have been open; nothing is paid there any more.
pub const CLOSING_DAYS: &[ClosingDay] = &[
    on("New Year's Day", 1, 1),
    from_easter("Maundy Thursday", -3),
    from_easter("Good Friday", -2),
    from_easter("Easter Monday", 1),
    ClosingDay { name: "Great Prayer Day", falls: Falls::FromEaster(26), last_year: Some(2023) },
    from_easter("Ascension Day", 39),
    from_easter("Day after Ascension", 40),
    from_easter("Whit Monday", 50),
    on("Constitution Day", 6, 5),
    on("Christmas Eve", 12, 24),
    on("Christmas Day", 12, 25),
    on("Boxing Day", 12, 26),
    on("New Year's Eve", 12, 31),
];

/// The years whose bank days are kept as bits; others are worked out when asked for.
const TABLED_YEARS: RangeInclusive<i16> = 1990..=2100;

/// Easter Sunday of a Gregorian year (Meeus/Butcher). Defined for every year `Date` holds from 1 on.
pub fn easter(year: i16) -> Date {
    let year = i32::from(year);
    let (golden, century, in_century) = (year % 19, year / 100, year % 100);
    let correction = (century - (century + 8) / 25 + 1) / 3;
    let epact = (19 * golden + century - century / 4 - correction + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (in_century / 4) - epact - in_century % 4) % 7;
    let late = (golden + 11 * epact + 22 * weekday) / 451;
    let days = epact + weekday - 7 * late + 114;
    jiff::civil::date(year as i16, (days / 31) as i8, (days % 31 + 1) as i8)
}

/// The days on which Danish banks settle payments (bankdage), some municipalities' own closing days left out.
///
/// Cheap to ask (one bit for 1990-2100), so it is passed by reference wherever dates are decided.
#[derive(Clone, PartialEq, Eq)]
pub struct BankDays {
    /// Bit `n` is the day `n` days after 1 January 1990.
    bits: Box<[u64]>,
    /// For each tabled month, the bit of its first day.
    month_starts: Box<[u16]>,
    /// Days left out besides the table, ascending.
    extra: Box<[Date]>,
}

impl std::fmt::Debug for BankDays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BankDays").field("extra", &self.extra).finish_non_exhaustive()
    }
}

impl Default for BankDays {
    fn default() -> BankDays {
        BankDays::new(&[])
    }
}

impl BankDays {
    /// The bank days by the table, less the days in `extra_closing_days` (none by default; 10.1).
    pub fn new(extra_closing_days: &[Date]) -> BankDays {
        let mut extra = extra_closing_days.to_vec();
        extra.sort_unstable();
        extra.dedup();
        let mut days = BankDays { bits: Box::default(), month_starts: Box::default(), extra: extra.into() };
        days.tabulate();
        days
    }

    /// Fills the bits from the rule; until then every question is answered by the rule.
    fn tabulate(&mut self) {
        let (mut bits, mut month_starts, mut bit) = (Vec::new(), Vec::new(), 0_u16);
        for year in TABLED_YEARS {
            let closed = closing_days_of(year);
            let first = jiff::civil::date(year, 1, 1);
            for date in first.series(1.day()).take(first.days_in_year() as usize) {
                if date.day() == 1 {
                    month_starts.push(bit);
                }
                let (word, shift) = (usize::from(bit / 64), bit % 64);
                bits.resize(word + 1, 0);
                bits[word] |= u64::from(self.open_by_rule(date, &closed)) << shift;
                bit += 1;
            }
        }
        (self.bits, self.month_starts) = (bits.into(), month_starts.into());
    }

    fn open_by_rule(&self, date: Date, closed: &[Date]) -> bool {
        let weekend = date.weekday().to_monday_zero_offset() >= 5;
        !weekend && !closed.contains(&date) && self.extra.binary_search(&date).is_err()
    }

    /// The bit of a tabled day.
    fn bit_of(&self, date: Date) -> Option<u16> {
        let years = usize::try_from(date.year().checked_sub(*TABLED_YEARS.start())?).ok()?;
        let start = self.month_starts.get(years * 12 + date.month() as usize - 1)?;
        Some(start + date.day() as u16 - 1)
    }

    /// Whether banks settle payments on this day.
    pub fn is_bank_day(&self, date: Date) -> bool {
        match self.bit_of(date) {
            Some(bit) => self.bits[usize::from(bit / 64)] >> (bit % 64) & 1 == 1,
            None => self.open_by_rule(date, &closing_days_of(date.year())),
        }
    }

    /// The day itself when a bank day, else the nearest earlier one: how payments roll (10.2, ASSUMED).
    pub fn preceding(&self, date: Date) -> Date {
        self.seek(date, Date::yesterday)
    }

    /// The day itself when a bank day, else the nearest later one: how due dates of claims roll (10.2, ASSUMED).
    pub fn following_or_same(&self, date: Date) -> Date {
        self.seek(date, Date::tomorrow)
    }

    /// The first bank day after the day.
    pub fn strictly_after(&self, date: Date) -> Date {
        self.following_or_same(date.tomorrow().unwrap_or(Date::MAX))
    }

    /// The last bank day before the day.
    pub fn strictly_before(&self, date: Date) -> Date {
        self.preceding(date.yesterday().unwrap_or(Date::MIN))
    }

    /// Counts `n` bank days strictly after the day (before it, when negative); 0 is [`BankDays::preceding`].
    pub fn add(&self, date: Date, n: i32) -> Date {
        match n {
            0 => self.preceding(date),
            1.. => (0..n).fold(date, |day, _| self.strictly_after(day)),
            ..0 => (n..0).fold(date, |day, _| self.strictly_before(day)),
        }
    }

    /// How many bank days lie after `from`, up to and including `to`; negative when `to` is the earlier one, and
    /// then those from `to` on that lie before `from`. So `add(from, n)` is `n` from `from` for every `n` but 0.
    pub fn between(&self, from: Date, to: Date) -> i32 {
        let mut count = 0;
        let mut day = from;
        while day < to {
            day = day.tomorrow().unwrap_or(to);
            count += i32::from(self.is_bank_day(day));
        }
        while day > to {
            day = day.yesterday().unwrap_or(to);
            count -= i32::from(self.is_bank_day(day));
        }
        count
    }

    /// The last bank day of a month: when monthly benefits are at the citizen's disposal (10.2). `None` when there
    /// is no such month.
    pub fn last_bank_day(&self, year: i16, month: i8) -> Option<Date> {
        let first = Date::new(year, month, 1).ok()?;
        Some(self.preceding(first.last_of_month()))
    }

    /// Steps until a bank day. At either end of the calendar there is nowhere to go: the day is returned as it is.
    fn seek(&self, mut date: Date, step: fn(Date) -> Result<Date, jiff::Error>) -> Date {
        while !self.is_bank_day(date) {
            match step(date) {
                Ok(next) => date = next,
                Err(_) => return date,
            }
        }
        date
    }
}

/// The closing days of one year. A year before 1 has no Easter: only its fixed days are given.
fn closing_days_of(year: i16) -> Vec<Date> {
    let easter = (year >= 1).then(|| easter(year));
    let falls = |day: &ClosingDay| match day.falls {
        Falls::On { month, day } => Date::new(year, month, day).ok(),
        Falls::FromEaster(days) => easter?.checked_add(days.days()).ok(),
    };
    CLOSING_DAYS
        .iter()
        .filter(|day| day.last_year.is_none_or(|last| year <= last))
        .filter_map(falls)
        .collect()
}

static COPENHAGEN: LazyLock<TimeZone> = LazyLock::new(|| {
    // The zone's rules are compiled in (feature `tzdb-bundle-always`), so this cannot depend on the machine.
    TimeZone::get("Europe/Copenhagen").expect("the bundled time zone data has Copenhagen")
});

/// What a Danish wall clock shows at an instant.
pub fn copenhagen(now: Timestamp) -> DateTime {
    COPENHAGEN.to_datetime(now)
}

/// The instant at which a Danish wall clock shows this: in the hour that is skipped in March the first instant
/// after it, in the hour that comes twice in October the first of the two (dependencies.md 2.4).
pub fn instant(local: DateTime) -> Timestamp {
    let ambiguous = COPENHAGEN.to_ambiguous_timestamp(local);
    let found = match ambiguous.offset() {
        AmbiguousOffset::Gap { .. } => ambiguous.earlier().ok().and_then(next_transition),
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => ambiguous.earlier().ok(),
    };
    // Only the first and last hours of jiff's calendar have no instant.
    found.unwrap_or(if local.year() < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

fn next_transition(after: Timestamp) -> Option<Timestamp> {
    COPENHAGEN.following(after).next().map(|transition| transition.timestamp())
}

#[cfg(test)]
mod tests;
