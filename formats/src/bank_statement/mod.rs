//! A bank's statements in: camt.053, ISO 20022, in the versions .001.02 and .001.08.
//!
//! Start with [`StatementReader`], which hands out statements, their booked entries and what these are made of, in order
//! and in bounded memory. [`StatementWriter`] serves tests, fixtures and simulations; [`dump`] tells a file in lines, with
//! account numbers masked.
//!
//! Reads what reconciliation needs. What else the standard allows at a place is passed over there, and nothing is kept of
//! it, names of payees above all; what the standard does not allow is a fault. Sums are checked: opening balance and
//! booked entries give the closing balance, totals and batches are what they say. Never decides what an entry pays for.
//!
//! One currency to a file, whole øre: an amount with more than two decimals that are not zero is refused.

mod dump;
mod model;
mod reader;
mod writer;

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::vocabulary::Ore;
pub use crate::xml::{Error, Kind, Limits};

pub use dump::dump;
pub use reader::{Item, StatementReader};
pub use writer::StatementWriter;

/// How much a file may hold. ASSUMED.
pub const LIMITS: Limits = Limits { bytes: 512 * 1024 * 1024, depth: 32, token: 64 * 1024, attributes: 64 };

/// The most transactions told of one entry. ASSUMED; a bundle holds at most 10,000 payments (nemkonto.md 1.8).
pub const DETAILS: u32 = 100_000;

/// Which version of the message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// camt.053.001.02
    V2,
    /// camt.053.001.08
    V8,
}

impl Version {
    /// Both.
    pub const ALL: [Version; 2] = [Version::V2, Version::V8];

    /// Its namespace.
    pub const fn namespace(self) -> &'static str {
        model::NAMESPACES[self as usize]
    }
}

/// The account a statement is of.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Account(pub String);

impl Account {
    /// Registration and account number in fourteen digits, where it is a Danish account: from an IBAN, or as it is.
    pub fn danish(&self) -> Option<&str> {
        let digits = match self.0.strip_prefix("DK") {
            Some(rest) => rest.get(2..)?,
            None => &self.0,
        };
        (digits.len() == 14 && digits.bytes().all(|b| b.is_ascii_digit())).then_some(digits)
    }

    /// All but the last four signs hidden.
    pub fn masked(&self) -> String {
        let hidden = self.0.chars().count().saturating_sub(4);
        self.0.chars().enumerate().map(|(at, c)| if at < hidden { '*' } else { c }).collect()
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// What stands before the entries of a statement (`Stmt`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// `Id`: the bank's own; 1 to 35 characters.
    pub id: String,
    /// `ElctrncSeqNb`, where the bank counts its statements.
    pub sequence: Option<u64>,
    /// `CreDtTm`; the file's own where the statement has none. Without zone it counts as UTC.
    pub created: Timestamp,
    /// `Acct/Id`: an IBAN, or the bank's form.
    pub account: Account,
    /// The currency of all its amounts: three capital letters.
    pub currency: String,
    /// Balance before the first entry (`OPBD`, or the earlier closing one, `PRCD`), and its day.
    pub opening: (Ore, Date),
    /// Balance after the last entry (`CLBD`), and its day.
    pub closing: (Ore, Date),
}

/// An entry of a statement (`Ntry`). Amounts are positive where money came in, negative where it went out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it moved.
    pub amount: Ore,
    /// Whether it is booked (`BOOK`); else it is only announced and counts nowhere.
    pub is_booked: bool,
    /// Whether it takes an earlier one back (`RvslInd`).
    pub is_reversal: bool,
    /// `BookgDt`, the statement's closing day where there is none.
    pub booking_day: Date,
    /// `ValDt`.
    pub value_day: Option<Date>,
    /// The bank's own references: `NtryRef`, `AcctSvcrRef`.
    pub references: Vec<String>,
    /// References of what was paid in one, as we gave them: `Btch/MsgId` and `Btch/PmtInfId`, then those that all of the
    /// details share.
    pub batch: Vec<String>,
    /// What it is made of (`TxDtls`).
    pub details: Vec<Detail>,
}

/// One transaction of an entry (`TxDtls`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// `Refs/EndToEndId`, where it says anything.
    pub end_to_end_id: Option<String>,
    /// `Refs/MsgId` and `Refs/PmtInfId`.
    pub batch: Vec<String>,
    /// What it moved, signed as the entry; `None` where the bank does not say.
    pub amount: Option<Ore>,
    /// Why it came back (`RtrInf/Rsn/Cd`).
    pub return_reason: Option<String>,
}

/// What was read in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// Statements.
    pub statements: u64,
    /// Entries, booked or not.
    pub entries: u64,
}
