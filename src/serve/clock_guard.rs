//! Holds the clock against one that nobody sets. Pure: both readings are arguments.
//!
//! A clock that jumps makes a hub send on the wrong day, so it is not believed until a person says so or until it shows
//! again what it should. Receiving needs no clock that is right.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// How far back a clock may be set without a word: what keeping it on time does.
pub const BACKWARDS: SignedDuration = SignedDuration::from_secs(1);
/// How far from what it should show a doubted clock may be to count as right again.
pub const AGREES: SignedDuration = SignedDuration::from_secs(5);
/// How long a doubted clock must have been right to be believed again.
pub const PROBATION: Duration = Duration::from_secs(10 * 60);

/// What the guard finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The clock jumped, by this much (negative: backwards).
    Jumped(SignedDuration),
    /// It has shown what it should for [`PROBATION`].
    RightAgain,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    wall: Timestamp,
    elapsed: Duration,
}

/// Since when a doubted clock has been right, and what it should show.
#[derive(Clone, Copy, Debug)]
struct Doubt {
    /// A reading of the clock from before it jumped; `None` when that was before this process.
    trusted: Option<Reading>,
    right_since: Option<Duration>,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct ClockGuard {
    allowed: SignedDuration,
    last: Option<Reading>,
    doubt: Option<Doubt>,
}

impl ClockGuard {
    /// Allows jumps forward of at most `allowed`.
    pub fn new(allowed: Duration) -> ClockGuard {
        let allowed = SignedDuration::try_from(allowed).unwrap_or(SignedDuration::MAX);
        ClockGuard { allowed, last: None, doubt: None }
    }

    /// Whether the clock is doubted.
    pub fn doubts(&self) -> bool {
        self.doubt.is_some()
    }

    /// Doubts the clock because of what happened before this process.
    pub fn doubt(&mut self) {
        self.doubt.get_or_insert(Doubt { trusted: None, right_since: None });
    }

    /// A person believes the clock as it is.
    pub fn release(&mut self) {
        self.doubt = None;
    }

    /// Takes both readings of one moment.
    pub fn tick(&mut self, wall: Timestamp, elapsed: Duration) -> Option<Finding> {
        let reading = Reading { wall, elapsed };
        let last = self.last.replace(reading)?;
        match self.doubt {
            None => {
                let jump = deviation(last, reading);
                if jump <= self.allowed && jump >= -BACKWARDS {
                    return None;
                }
                self.doubt = Some(Doubt { trusted: Some(last), right_since: None });
                Some(Finding::Jumped(jump))
            }
            Some(doubt) => self.watch(doubt, reading),
        }
    }

    fn watch(&mut self, doubt: Doubt, reading: Reading) -> Option<Finding> {
        let trusted = doubt.trusted?;
        let is_right = deviation(trusted, reading).abs() <= AGREES;
        let right_since = is_right.then(|| doubt.right_since.unwrap_or(reading.elapsed));
        if right_since.is_some_and(|since| reading.elapsed.saturating_sub(since) >= PROBATION) {
            self.doubt = None;
            return Some(Finding::RightAgain);
        }
        self.doubt = Some(Doubt { right_since, ..doubt });
        None
    }
}

/// How much further the clock went than time did.
fn deviation(from: Reading, to: Reading) -> SignedDuration {
    let passed = SignedDuration::try_from(to.elapsed.saturating_sub(from.elapsed)).unwrap_or_default();
    to.wall.duration_since(from.wall).saturating_sub(passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ticks at seconds of real time with what the clock shows besides, and what is found.
    #[track_caller]
    fn check(ticks: &[(u64, i64, Option<Finding>)]) {
        let mut guard = ClockGuard::new(Duration::from_secs(300));
        for (seconds, ahead, expected) in ticks {
            let wall = Timestamp::from_second(1_770_000_000 + *seconds as i64 + ahead).unwrap();
            let found = guard.tick(wall, Duration::from_secs(*seconds));
            assert_eq!(found, *expected, "at {seconds} s");
        }
    }

    fn jumped(seconds: i64) -> Option<Finding> {
        Some(Finding::Jumped(SignedDuration::from_secs(seconds)))
    }

    #[test]
    fn a_clock_that_keeps_time() {
        check(&[(0, 0, None), (1, 0, None), (3_600, 0, None), (3_601, 300, None), (3_602, 299, None)]);
    }

    #[test]
    fn jumps() {
        check(&[(0, 0, None), (1, 301, jumped(301))]);
        check(&[(0, 0, None), (1, -2, jumped(-2))]);
        check(&[(0, 0, None), (1, -3_600, jumped(-3_600)), (2, -3_600, None), (9_999, -3_600, None)]);
    }

    #[test]
    fn a_clock_that_is_right_again_is_believed_after_ten_minutes() {
        check(&[
            (0, 0, None),
            (1, 3_600, jumped(3_600)),
            (60, 0, None),
            (300, 3_600, None),
            (400, 1, None),
            (999, 1, None),
            (1_000, 1, Some(Finding::RightAgain)),
            (1_001, -3_600, jumped(-3_601)),
        ]);
    }

    #[test]
    fn a_person_releases_it() {
        let mut guard = ClockGuard::new(Duration::from_secs(300));
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        guard.tick(at(0), Duration::ZERO);
        assert!(guard.tick(at(10_000), Duration::from_secs(1)).is_some());
        guard.release();
        assert!(!guard.doubts());
        assert_eq!(guard.tick(at(10_001), Duration::from_secs(2)), None);
    }
}
