//! What an older state that is brought back must not do again: name a second thing by a number that the lost time used.
//!
//! Pure. The lost time is what lies between the picture and the restore; nobody remembers what was numbered in it.

use jiff::civil::Date;

use super::calendar::BankDays;
use super::identity::LAST_TRANSFER;
use super::parameters::Settings;
use super::sending::{self, Due};

/// How often this installation was restored. Epoch 0 is one that never was.
pub type Epoch = i64;

/// Bundles that one epoch may number for a municipality and day. A GrpId has six digits for them.
const BUNDLES_PER_EPOCH: i64 = 10_000;
/// The last epoch whose bundles have six digits.
pub const LAST_EPOCH: Epoch = 98;

/// Transfers that are skipped at each restore whatever else is known.
const TRANSFERS_PER_RESTORE: i64 = 4_096;
/// Transfers that a day may have had at least, where the store tells of quieter days only: 98 municipalities, a few
/// payment files each, their bundles, three answers to each, voucher files with receipts and answers.
const TRANSFERS_PER_DAY: i64 = 2_000;
/// Vouchers, bundles, runs and files of vouchers for one transfer.
const OTHERS_PER_TRANSFER: i64 = 16;

/// How far numbers jump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jump {
    /// Transfers, and with them payments, EndToEndIds and trace ids.
    pub transfers: i64,
    /// Bundles, runs, vouchers and files of vouchers.
    pub others: i64,
}

/// How far numbers jump in a restore that begins `epoch`.
///
/// A number must not have been used in the lost time. How many were is not known, so: twice as many a day as the busiest
/// day in the store had, [`TRANSFERS_PER_DAY`] at least, for every hour begun since the picture was taken; and
/// [`TRANSFERS_PER_RESTORE`] for each epoch, so that a second restore of one picture lands above what the first one
/// used. (The first one's own jump is within what the second skips: both count from the same picture, and only one of two
/// requests of a day is a real one.) Not further, because a payment has 12 digits: there are [`LAST_TRANSFER`] transfers
/// in an installation's whole life, and a restore of last night's picture takes some 6,000 of them. Whatever turns up
/// later with a number above all this moves the numbers again, before anything is sent.
pub fn jump(epoch: Epoch, busiest_day: i64, away_hours: i64) -> Jump {
    let a_day = TRANSFERS_PER_DAY.max(busiest_day.saturating_mul(2));
    let lost = a_day.saturating_mul(away_hours.max(0).saturating_add(1)).saturating_add(23) / 24;
    let transfers = lost.saturating_add(epoch.saturating_mul(TRANSFERS_PER_RESTORE));
    Jump { transfers, others: transfers.saturating_mul(OTHERS_PER_TRANSFER) }
}

/// Whether payments of transfers after `floor` still have EndToEndIds: a thousand transfers are the least to go on with.
pub fn has_room(floor: i64) -> bool {
    floor.saturating_add(1_000) <= LAST_TRANSFER
}

/// The numbers within a GrpId that belong to an epoch: above the first, up to the second. Each epoch has its own, so none
/// is used twice whatever the lost time did.
pub fn bundle_numbers(epoch: Epoch) -> (i64, i64) {
    (epoch * BUNDLES_PER_EPOCH, (epoch + 1) * BUNDLES_PER_EPOCH - 1)
}

/// Whether something due may have been sent before the restore: its sending day had come. An operator may send by hand
/// at any hour of that day, so the hour does not count.
pub fn may_have_left(due: Due, restored: Date, bank_days: &BankDays, rules: &Settings) -> bool {
    due.immediate || sending::send_day(due.day, bank_days, rules) <= restored
}

/// The day after which no answer is to be expected to anything sent before the restore: what left last was for
/// `send_by_bank_days` later, and its last deadline passes `final_timeout_bank_days` after that (nemkonto.md 1.7).
pub fn answers_until(restored: Date, bank_days: &BankDays, rules: &Settings) -> Date {
    let days = rules.send_by_bank_days.saturating_add(rules.final_timeout_bank_days);
    bank_days.add(restored, i32::from(days))
}

/// How many days before its execution a record may have asked to be paid: an immediate one that came late.
pub const ASKED_BEFORE: i32 = 14;

/// Whether a record that asks for `effective` can be the one that was sent for `execution`.
pub fn can_be_the_one_sent(effective: Date, execution: Option<Date>) -> bool {
    execution.is_none_or(|execution| (0..=ASKED_BEFORE).contains(&(execution - effective).get_days()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn last_nights_picture_costs_some_thousand_numbers() {
        assert_eq!(jump(1, 0, 10).transfers, 4_096 + 917);
        assert_eq!(jump(1, 3_000, 23).transfers, 4_096 + 6_000);
        assert_eq!(jump(1, 0, 0).others, jump(1, 0, 0).transfers * 16);
    }

    #[test]
    fn a_second_restore_of_one_picture_lands_above_what_the_first_used() {
        for (first, second) in [(0, 0), (0, 1), (5, 400)] {
            let used_between = TRANSFERS_PER_DAY / 2 * (second - first) / 24;
            assert!(jump(2, 0, second).transfers > jump(1, 0, first).transfers + used_between);
        }
    }

    #[test]
    fn each_epoch_has_bundle_numbers_of_its_own_within_six_digits() {
        for epoch in 0..=LAST_EPOCH {
            assert!(bundle_numbers(epoch).1 < bundle_numbers(epoch + 1).0 + 1);
            assert!(bundle_numbers(epoch).1 <= 999_999);
        }
        assert!(!has_room(LAST_TRANSFER) && has_room(10_000));
    }

    #[test]
    fn a_record_is_the_one_sent_for_its_day_or_soon_after() {
        let day = date(2026, 3, 6);
        assert!(can_be_the_one_sent(day, Some(day)) && can_be_the_one_sent(day, None));
        assert!(can_be_the_one_sent(date(2026, 3, 2), Some(day)));
        assert!(!can_be_the_one_sent(date(2026, 4, 6), Some(day)), "next month's is another");
        assert!(!can_be_the_one_sent(date(2026, 2, 6), Some(day)), "last month's was another");
    }
}
