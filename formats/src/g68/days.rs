//! What a date means for a delivery, worked out once for each date: most records of a file share theirs.

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::Tables;

/// How a disposition date stands to the delivery (K05, K06; 00-decisions.md 1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    InTime,
    /// Before the delivery day.
    Late,
    /// More than five bank days before reception.
    TooLate,
    /// More than 92 days after the delivery day.
    FarAhead,
}

/// Bank days before reception from which a disposition date is refused.
const TOO_LATE_BANK_DAYS: u32 = 5;
/// Days after the delivery day from which a disposition date is warned of.
const FAR_AHEAD_DAYS: i32 = 92;

/// A date of the file and what follows from it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Day {
    number: u32,
    /// The date as sent.
    pub(super) sent: Date,
    /// The day the money is at the payee's disposal.
    pub(super) disposition: Date,
    /// The disposition day, or the bank day before it.
    pub(super) bank_day: Date,
    pub(super) standing: Standing,
}

const ENTRIES: usize = 64;

/// Days by their number `YYYYMMDD`.
pub(super) struct Days<'t, T: Tables> {
    tables: &'t T,
    date_is_processing: bool,
    delivery: Date,
    too_late: Date,
    known: [Option<Day>; ENTRIES],
}

impl<'t, T: Tables> Days<'t, T> {
    pub(super) fn new(tables: &'t T, reception: Date, date_is_processing: bool) -> Self {
        let too_late = (0..TOO_LATE_BANK_DAYS)
            .fold(reception, |day, _| tables.preceding_bank_day(day.saturating_sub(1.day())));
        Days { tables, date_is_processing, delivery: reception, too_late, known: [None; ENTRIES] }
    }

    /// Sets the delivery day, once Z300 has told it.
    pub(super) fn deliver_on(&mut self, day: Date) {
        self.delivery = day;
        self.known = [None; ENTRIES];
    }

    /// A date that was found to be a day.
    #[inline]
    pub(super) fn get(&mut self, number: u64) -> Option<Day> {
        let number = number as u32;
        let place = (number ^ (number / 100 * 31)) as usize % ENTRIES;
        match self.known[place] {
            Some(day) if day.number == number => Some(day),
            _ => {
                let day = self.work_out(number)?;
                self.known[place] = Some(day);
                Some(day)
            }
        }
    }

    fn work_out(&self, number: u32) -> Option<Day> {
        let sent = date_of(number)?;
        let disposition = if self.date_is_processing { self.tables.following_bank_day(sent) } else { sent };
        Some(Day {
            number,
            sent,
            disposition,
            bank_day: self.tables.preceding_bank_day(disposition),
            standing: self.standing(disposition),
        })
    }

    fn standing(&self, disposition: Date) -> Standing {
        let far = self.delivery.saturating_add(FAR_AHEAD_DAYS.days());
        if disposition < self.too_late {
            Standing::TooLate
        } else if disposition < self.delivery {
            Standing::Late
        } else if disposition > far {
            Standing::FarAhead
        } else {
            Standing::InTime
        }
    }
}

/// The date a number `YYYYMMDD` names.
#[inline]
pub(super) fn date_of(number: u32) -> Option<Date> {
    Date::new((number / 10_000) as i16, (number / 100 % 100) as i8, (number % 100) as i8).ok()
}

/// The day of the year a Z300 names, in the year that brings it nearest to reception (g68.md 4).
pub(super) fn delivery_day(reception: Date, day_of_year: u16) -> Option<Date> {
    let years = [reception.year() - 1, reception.year(), reception.year() + 1];
    let days = years.into_iter().filter_map(|year| {
        let first = Date::new(year, 1, 1).ok()?;
        let day = first.checked_add(i32::from(day_of_year - 1).days()).ok()?;
        (day.year() == year).then_some(day)
    });
    days.min_by_key(|day| reception.until(*day).map_or(i32::MAX, |span| span.get_days().abs()))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn the_year_of_a_day_number() {
        let table = [
            (date(2026, 1, 27), 28, Some(date(2026, 1, 28))),
            (date(2026, 12, 31), 1, Some(date(2027, 1, 1))),
            (date(2026, 1, 1), 365, Some(date(2025, 12, 31))),
            (date(2025, 1, 2), 366, Some(date(2024, 12, 31))),
            (date(2026, 7, 1), 366, None),
        ];
        for (reception, day, expected) in table {
            assert_eq!(delivery_day(reception, day), expected, "{reception} {day}");
        }
    }
}
