//! The rules of money. Pure: `now` and the rules are arguments, decisions are the answer.
//!
//! Never reads a clock, a file or a database. Start with [`payment`] (the two state machines) and [`ledger`]
//! (vouchers that balance by construction); then [`intake`], [`sending`] and [`answers`] along a payment's way. The
//! reference files are [`municipality`], [`catalogue`] and [`parameters`], all read by way of [`reference`];
//! [`calendar`] knows bank days and Danish time; [`identity`] names things; [`outcome`] is what the journal keeps;
//! [`restore`] is how far numbers jump when an older state is brought back.
//! [`people`] is who may do what, [`handling`] what they may do with a payment; [`assortment`] is which classes may be
//! used when; [`change`] is one value before and after.

pub mod accounts;
pub mod answers;
pub mod assortment;
pub mod bank;
pub mod calendar;
pub mod catalogue;
pub mod change;
pub mod finance;
pub mod handling;
pub mod identity;
pub mod intake;
pub mod ledger;
pub mod municipality;
pub mod orders;
pub mod outcome;
pub mod parameters;
pub mod payment;
pub mod people;
pub mod reference;
pub mod restore;
pub mod sending;
