//! When a payment is sent, and which day it is asked to be paid on (00-decisions.md 1.6, 1.7; nemkonto.md 1.7).

use jiff::civil::{Date, DateTime};

use super::calendar::BankDays;
use super::parameters::Settings;

/// When a payment is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Due {
    /// The bank day the money is to be at the payee's disposal.
    pub day: Date,
    /// Sent at once, ahead of the ordinary ones (straksudbetaling).
    pub immediate: bool,
}

/// The bank day on which an ordinary payment leaves.
pub fn send_day(effective_day: Date, bank_days: &BankDays, rules: &Settings) -> Date {
    bank_days.add(effective_day, -(rules.send_by_bank_days as i32)) // a parameter of at most a few days
}

/// Whether a request received at `received` is an immediate payment (straksudbetaling): its day has come, or the
/// ordinary time to send it has passed.
pub fn is_immediate(
    disposition_day: Date,
    effective_day: Date,
    received: DateTime,
    bank_days: &BankDays,
    rules: &Settings,
) -> bool {
    let leaves = send_day(effective_day, bank_days, rules).to_datetime(rules.ordinary_send_time);
    disposition_day <= received.date() || received >= leaves
}

/// The last moment an ordinary payment for `day` may be handed to NemKonto.
pub fn hard_cutoff(day: Date, bank_days: &BankDays, rules: &Settings) -> DateTime {
    bank_days.add(day, -1).to_datetime(rules.hard_cutoff)
}

/// What to do with something due, at `now`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    /// Its time has not come.
    NotYet,
    /// Send it, to be paid on this day.
    Send(Date),
    /// Too late for its day; the hub does not move it by itself.
    TooLate,
}

/// Whether something due leaves now, and for which day.
pub fn timing(due: Due, now: DateTime, bank_days: &BankDays, rules: &Settings) -> Timing {
    if due.immediate {
        return Timing::Send(due.day.max(first_reachable(now, bank_days, rules)));
    }
    if now.date() < send_day(due.day, bank_days, rules)
        || days_between(now.date(), due.day) > i64::from(rules.max_days_ahead)
    {
        return Timing::NotYet;
    }
    if now > hard_cutoff(due.day, bank_days, rules) { Timing::TooLate } else { Timing::Send(due.day) }
}

/// The first bank day on which an immediate payment handed over at `now` can still be paid; never an earlier one.
pub fn first_reachable(now: DateTime, bank_days: &BankDays, rules: &Settings) -> Date {
    let today = now.date();
    let in_time = bank_days.is_bank_day(today) && now.time() <= rules.immediate_cutoff;
    if in_time { today } else { bank_days.strictly_after(today) }
}

fn days_between(from: Date, to: Date) -> i64 {
    i64::from((to - from).get_days())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::parameters::Parameters;
    use jiff::civil::{date, datetime};
    use toek_formats::vocabulary::MunicipalityCode;

    #[track_caller]
    fn check(day: Date, immediate: bool, now: DateTime, expected: Timing) {
        let rules = Parameters::default().at(MunicipalityCode(751), now.date());
        assert_eq!(timing(Due { day, immediate }, now, &BankDays::new(&[]), &rules), expected);
    }

    #[test]
    fn ordinary_payments_leave_two_bank_days_before_and_never_after_the_cut_off() {
        let friday = date(2026, 1, 30);
        check(friday, false, datetime(2026, 1, 27, 23, 59, 0, 0), Timing::NotYet);
        check(friday, false, datetime(2026, 1, 28, 0, 0, 0, 0), Timing::Send(friday));
        check(friday, false, datetime(2026, 1, 29, 16, 0, 0, 0), Timing::Send(friday));
        check(friday, false, datetime(2026, 1, 29, 16, 0, 1, 0), Timing::TooLate);
        let after_easter = date(2026, 4, 7);
        check(after_easter, false, datetime(2026, 3, 30, 9, 0, 0, 0), Timing::NotYet);
        check(after_easter, false, datetime(2026, 3, 31, 9, 0, 0, 0), Timing::Send(after_easter));
    }

    #[test]
    fn immediate_payments_get_the_first_day_that_can_be_reached_and_never_an_earlier_one() {
        let wednesday = date(2026, 1, 28);
        check(wednesday, true, datetime(2026, 1, 28, 11, 59, 0, 0), Timing::Send(wednesday));
        check(wednesday, true, datetime(2026, 1, 28, 12, 0, 1, 0), Timing::Send(date(2026, 1, 29)));
        check(date(2026, 1, 20), true, datetime(2026, 1, 31, 9, 0, 0, 0), Timing::Send(date(2026, 2, 2)));
        check(date(2026, 2, 3), true, datetime(2026, 1, 31, 9, 0, 0, 0), Timing::Send(date(2026, 2, 3)));
    }
}
