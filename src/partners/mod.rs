//! Simulated counterparties, and the checker that holds the hub to what was asked of it.
pub mod answers;
mod bank_days;
pub mod bundle;
pub mod checker;
pub mod nemkonto;
pub mod script;

#[cfg(test)]
mod checker_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
