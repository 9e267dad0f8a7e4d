//! The rules of money. Pure: `now` and the rules are arguments, decisions are the answer.
//!
//! Never reads a clock, a file or a database. Start with [`calendar`] (bank days, Danish time), then the four
//! reference files: [`municipality`], [`catalogue`], [`parameters`], all read by way of [`mod@reference`].

pub mod calendar;
pub mod catalogue;
pub mod municipality;
pub mod parameters;
pub mod reference;
