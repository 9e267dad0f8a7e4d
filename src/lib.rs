//! The hub.

pub mod config;
pub mod domain;
