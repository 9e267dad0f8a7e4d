//! The hub.
#![cfg_attr(test, allow(clippy::unwrap_used))]
pub mod canary;
pub mod domain;
pub mod store;
