//! Simulated counterparties, and the checker that holds the hub to what was asked of it.
pub mod script;
mod bank_days;
pub mod bundle;
