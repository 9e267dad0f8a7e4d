//! What a person does about lines of a bank's statement: matches one by hand, or takes a match back.

use serde::{Deserialize, Serialize};

use super::commands::{Answer, CommandError, Subject};
use super::person::Person;
use crate::pipelines::Hub;
use crate::store::StoreError;
use crate::store::controls::{self, Line, MatchByHand, Target, UndoMatch};

/// How a line is named that is not the hub's business at all: interest, a fee, another's money.
pub const FOREIGN: &str = "foreign";

/// An act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case", deny_unknown_fields)]
pub enum BankAct {
    /// Says what the rest of a line is for, or a part of it.
    Match {
        /// The line's number.
        line: i64,
        /// How much of it, without sign; all that is left where there is none.
        amount_ore: Option<i64>,
        /// A bundle's reference, `P3-17`, or [`FOREIGN`].
        target: String,
        /// Why.
        reason: String,
    },
    /// Takes a match back.
    Undo {
        /// The match's number.
        number: i64,
        /// Why.
        reason: String,
    },
}

impl BankAct {
    /// As the log of commands names it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            BankAct::Match { .. } => "bank match",
            BankAct::Undo { .. } => "bank undo-match",
        }
    }

    pub(super) fn subject(&self) -> String {
        match self {
            BankAct::Match { line, target, reason, .. } => {
                format!("bank line {line} with {target}: {reason}")
            }
            BankAct::Undo { number, reason } => format!("match {number}: {reason}"),
        }
    }

    fn reason(&self) -> &str {
        match self {
            BankAct::Match { reason, .. } | BankAct::Undo { reason, .. } => reason,
        }
    }

    /// The line it is about.
    ///
    /// # Errors
    /// When there is no such line, match or target, or no reason is given: then nothing is done.
    pub fn line(&self, hub: &Hub) -> Result<Line, CommandError> {
        if self.reason().trim().is_empty() {
            return Err(CommandError::Refused("--reason may not be empty".to_owned()));
        }
        let line = match self {
            BankAct::Match { line, target, .. } => {
                read_target(hub, target)?;
                *line
            }
            BankAct::Undo { number, .. } => {
                let found = hub.store.read(|tx| controls::match_of(tx, *number))?;
                let none = || CommandError::Refused(format!("there is no match {number}"));
                found.map(|one| one.line).ok_or_else(none)?
            }
        };
        let found = hub.store.read(|tx| controls::line(tx, line))?;
        found.ok_or_else(|| CommandError::Refused(format!("there is no bank line {line}")))
    }
}

fn read_target(hub: &Hub, target: &str) -> Result<Target, CommandError> {
    if target == FOREIGN {
        return Ok(Target::Foreign);
    }
    match Subject::named(hub, target)? {
        Subject::Payment(id) => Ok(Target::Payment(id)),
        Subject::Bundle(no) => Ok(Target::Bundle(no)),
        Subject::Voucher(_) => Err(CommandError::Refused(format!(
            "`{target}` is a voucher: a line is matched with a bundle, a payment or `{FOREIGN}`"
        ))),
    }
}

pub(super) async fn perform(hub: &Hub, who: &Person, act: &BankAct) -> Result<Answer, CommandError> {
    let (by, at) = (who.to_string(), hub.clock.micros());
    let done = match act {
        BankAct::Match { line, amount_ore, target, reason } => {
            let (line, target, reason) = (*line, read_target(hub, target)?, reason.clone());
            let by_hand = MatchByHand { line, amount_ore: *amount_ore, target, by, reason, at };
            let written = hub.store.write(by_hand).await;
            written.map(|(number, amount)| Answer::BankMatched { number, line, amount_ore: amount.0 })
        }
        BankAct::Undo { number, reason } => {
            let (match_no, reason) = (*number, reason.clone());
            let written = hub.store.write(UndoMatch { match_no, by, reason, at }).await;
            written.map(|line| Answer::BankUnmatched { number: match_no, line })
        }
    };
    match done {
        Err(StoreError::Conflict(why)) => Err(CommandError::Refused(why)),
        done => Ok(done?),
    }
}
