//! The hub: payment requests in, bundles out, answers in, every krone explained.
//!
//! Rooms, in reading order: [`domain`] (the rules of money, pure), [`store`] (every SQL statement), [`pipelines`] (the
//! only rooms where adapters, formats, domain and store meet), [`serve`] (when they run), [`cli`] (one file per command). Beside them
//! [`config`] (an installation's files), [`history`] (who changed them), [`seams`] (what the hub reaches the world through), [`partners`] and
//! [`generator`] (simulated counterparties for demo and tests, which know nothing of the hub's own code).

pub mod canary;
pub mod cli;
pub mod config;
pub mod domain;
pub mod generator;
pub mod history;
pub mod partners;
pub mod pipelines;
pub mod seams;
pub mod serve;
pub mod steps;
pub mod store;
