//! Bytes to records and back: every file format the hub reads or writes.
//!
//! Pure: no I/O, no clock, no SQL, no async. Knows nothing of the hub. Start with [`vocabulary`] (the checked
//! types that all formats share), then [`layout`] (fixed-record layouts as data), then any one format.

pub mod assortment;
pub mod bank_statement;
pub mod finance;
pub mod g68;
pub mod layout;
pub mod nemkonto;
pub mod order_control;
pub mod routing;
pub mod vocabulary;
pub mod xml;
