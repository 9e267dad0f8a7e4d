//! Time and chance, as the hub gets them. With `Disk` and `Drop` of the adapters and the store these are the five
//! seams through which it reaches the world; a simulator that puts its own behind them runs the same code.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use jiff::Timestamp;
use jiff::civil::DateTime;

use crate::domain::calendar::copenhagen;

/// What time it is.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Time that has passed since some moment, by a clock that nobody sets. Held against [`Clock::now`] it tells whether
    /// that one jumped. A clock that has no other to be held against never jumps.
    fn elapsed(&self) -> Duration {
        Duration::try_from(self.now().duration_since(Timestamp::UNIX_EPOCH)).unwrap_or_default()
    }

    /// Now, as the store keeps it: microseconds since 1970.
    fn micros(&self) -> i64 {
        self.now().as_microsecond()
    }

    /// Now, as a Dane's watch shows it.
    fn danish(&self) -> DateTime {
        copenhagen(self.now())
    }
}

/// A clock that stands until it is set: the demo's, a test's.
#[derive(Debug)]
pub struct SimulatedClock(Mutex<Timestamp>);

impl SimulatedClock {
    /// Stands at `at`.
    pub fn new(at: Timestamp) -> SimulatedClock {
        SimulatedClock(Mutex::new(at))
    }

    /// Sets it.
    pub fn set(&self, at: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Chance: keys, nonces and salts. What is named by its content never asks here.
pub trait Ids: Send + Sync {
    /// Fills `bytes` with chance.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoChance>;
}

/// The machine gave no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the machine gives no random bytes")]
pub struct NoChance;

/// Chance of the operating system.
#[derive(Debug, Default)]
pub struct SystemIds(SystemRandom);

impl Ids for SystemIds {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoChance> {
        self.0.fill(bytes).map_err(|_| NoChance)
    }
}

/// As many random bytes as the caller has room for.
pub fn random<const N: usize>(ids: &dyn Ids) -> Result<[u8; N], NoChance> {
    let mut bytes = [0; N];
    ids.fill(&mut bytes)?;
    Ok(bytes)
}
