//! The hub.

pub mod generator;
pub mod partners;
