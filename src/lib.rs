//! The hub.


pub mod domain;
