//! Simulated counterparties, and the checker that holds the hub to what was asked of it.
//!
//! In reading order: [`script`] (who is answered how), [`bundle`] (what NemKonto reads), [`nemkonto`] (what it
//! does), [`answers`] (what it writes); [`trigger`] and [`serviceplatformen`] (who carries files to whom); [`vouchers`],
//! [`erp`] and [`erp_answers`] (who books); [`sftp_server`] and its [`faults`] (where the hub meets them);
//! [`landscape`] (all of them together); [`checker`] (what really happened). Test equipment: written from the
//! specifications, imports neither the hub's store nor its domain nor the formats it judges; a test keeps it so.

pub mod answers;
pub mod bank;
pub mod bank_days;
pub mod bundle;
pub mod checker;
pub mod erp;
pub mod erp_answers;
pub mod faults;
mod files;
pub mod landscape;
pub mod nemkonto;
pub mod script;
pub mod serviceplatformen;
pub mod sftp_server;
pub mod trigger;
pub mod vouchers;
mod xml;

#[cfg(test)]
mod checker_tests;
#[cfg(test)]
mod erp_tests;
#[cfg(test)]
mod landscape_tests;
#[cfg(test)]
mod serviceplatformen_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
