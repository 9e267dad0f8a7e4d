//! What a person may ask for that changes anything, as values: the same work whether the command does it alone or a
//! running `serve` does it for the command. Prints nothing.

use serde::{Deserialize, Serialize};

use super::activation;
use super::person::Person;
use crate::domain::identity::TransferNo;
use crate::pipelines::{self, Activity, Hub, PipelineError, restored};
use crate::store::StoreError;
use crate::store::finance::Rebuild;
use crate::store::people_log::{self, Log};
use crate::store::restore::{self, Hold, Release};
use crate::store::schedule::{self, ReleaseClock};
use crate::store::transfer::{self, Close, Reopen, Transfer, TransferState};

/// A command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// One activation of a pipeline.
    Run {
        /// Its name.
        pipeline: String,
    },
    /// Checks a quarantined file again, and takes it in if nothing is wrong with it any more.
    Validate {
        /// Its number.
        transfer: i64,
    },
    /// Refuses a quarantined file for good.
    Reject {
        /// Its number.
        transfer: i64,
        /// Why.
        reason: String,
    },
    /// Builds a refused voucher anew.
    Rebuild {
        /// Its number.
        voucher: i64,
        /// The day it is to be booked on, `2026-02-02`; as before when none.
        booking_day: Option<String>,
        /// Why.
        reason: String,
    },
    /// Believes the clock again.
    ReleaseClock,
    /// Sends to a place again that a restore held.
    ReleaseEndpoint {
        /// Its name.
        endpoint: String,
        /// Why.
        reason: String,
    },
    /// Notes that somebody looks at something about persons.
    NoteReading {
        /// By which command.
        act: String,
        /// At what: `P3-17`, `transfer 7`. No personal value.
        subject: String,
    },
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "done", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Answer {
    /// What the activation did.
    Ran {
        /// See there.
        activity: Activity,
    },
    /// What became of the file.
    Validated {
        /// Its name.
        file: String,
        /// Where it stands now.
        state: String,
        /// Whether it was taken in.
        accepted: bool,
        /// What the activation did.
        activity: Activity,
    },
    /// The file is refused.
    Rejected {
        /// Its name.
        file: String,
    },
    /// The voucher waits to be sent again.
    Rebuilt {
        /// Which try that will be.
        attempt: u8,
    },
    /// Why the clock had been doubted; `None` when it had not.
    Released {
        /// See there.
        doubted: Option<String>,
    },
    /// The place is free again.
    EndpointReleased {
        /// What was not explained when it was.
        questions: Vec<String>,
    },
    /// It is noted.
    Noted,
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The store.
    #[error("the store refused")]
    Store(#[from] StoreError),
    /// The pipeline.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// It does not fit what stands where.
    #[error("{0}")]
    Refused(String),
}

impl Command {
    /// As the log of commands names it.
    fn act(&self) -> &'static str {
        match self {
            Command::Run { .. } => "run",
            Command::Validate { .. } => "quarantine validate",
            Command::Reject { .. } => "quarantine reject",
            Command::Rebuild { .. } => "vouchers rebuild",
            Command::ReleaseClock => "release-clock",
            Command::ReleaseEndpoint { .. } => "endpoints release",
            Command::NoteReading { .. } => "read",
        }
    }

    fn subject(&self) -> String {
        match self {
            Command::Run { pipeline } => pipeline.clone(),
            Command::Validate { transfer } | Command::Reject { transfer, .. } => {
                format!("transfer {transfer}")
            }
            Command::Rebuild { voucher, reason, .. } => format!("voucher {voucher}: {reason}"),
            Command::ReleaseClock => "clock".to_owned(),
            Command::ReleaseEndpoint { endpoint, reason } => format!("endpoint {endpoint}: {reason}"),
            Command::NoteReading { subject, .. } => subject.clone(),
        }
    }

    /// The name of the pipeline that it sets to work, if any: nothing else may be at work at the same places.
    ///
    /// # Errors
    /// When there is no such pipeline or file.
    pub fn pipeline(&self, hub: &Hub) -> Result<Option<String>, CommandError> {
        match self {
            Command::Run { pipeline } => Ok(Some(hub.pipeline(pipeline)?.name.clone())),
            Command::Validate { transfer } => Ok(Some(pipeline_of(hub, &readable(hub, *transfer)?)?)),
            Command::Reject { transfer, .. } => waiting(hub, *transfer).map(|_| None),
            Command::ReleaseEndpoint { endpoint, reason } => held(hub, endpoint, reason).map(|_| None),
            Command::Rebuild { .. } | Command::ReleaseClock | Command::NoteReading { .. } => Ok(None),
        }
    }
}

/// Carries a command out, and keeps who it was.
///
/// # Errors
/// When it does not fit what stands where, or fails. Asking again is safe.
pub async fn perform(hub: &Hub, who: &Person, command: &Command) -> Result<Answer, CommandError> {
    if let Command::NoteReading { act, subject } = command {
        hub.store.write(note(hub, Log::Reads, who, act, subject)).await?;
        return Ok(Answer::Noted);
    }
    command.pipeline(hub)?; // what cannot be done is no entry
    hub.store.write(note(hub, Log::Commands, who, command.act(), &command.subject())).await?;
    match command {
        Command::Run { pipeline } => Ok(Answer::Ran { activity: run(hub, pipeline).await? }),
        Command::Validate { transfer } => validate(hub, *transfer).await,
        Command::Reject { transfer, reason } => reject(hub, who, *transfer, reason).await,
        Command::Rebuild { voucher, booking_day, .. } => rebuild(hub, *voucher, booking_day.as_deref()).await,
        Command::ReleaseClock => {
            let doubted = hub.store.write(ReleaseClock { at: hub.clock.micros() }).await?;
            Ok(Answer::Released { doubted })
        }
        Command::ReleaseEndpoint { endpoint, reason } => release(hub, who, endpoint, reason).await,
        Command::NoteReading { .. } => Ok(Answer::Noted),
    }
}

/// What a restore holds at an endpoint that is to be released for a reason.
///
/// # Errors
/// When it is not held, or no reason is given.
pub fn held(hub: &Hub, endpoint: &str, reason: &str) -> Result<Hold, CommandError> {
    if reason.trim().is_empty() {
        return Err(CommandError::Refused("--reason may not be empty".to_owned()));
    }
    let hold = hub.store.read(|tx| restore::hold_at(tx, endpoint))?;
    let hold = hold.filter(|hold| hold.released_at.is_none());
    hold.ok_or_else(|| CommandError::Refused(format!("endpoint `{endpoint}` is not held by a restore")))
}

async fn release(hub: &Hub, who: &Person, endpoint: &str, reason: &str) -> Result<Answer, CommandError> {
    let questions = restored::questions(hub, &held(hub, endpoint, reason)?)?;
    let (endpoint, by, reason) = (endpoint.to_owned(), who.to_string(), reason.to_owned());
    hub.store.write(Release { endpoint, by, reason, at: hub.clock.micros() }).await?;
    Ok(Answer::EndpointReleased { questions })
}

async fn rebuild(hub: &Hub, voucher_no: i64, booking_day: Option<&str>) -> Result<Answer, CommandError> {
    let day = |text: &str| text.parse().map_err(|_| CommandError::Refused(format!("`{text}` is no day")));
    let rebuild =
        Rebuild { voucher_no, booking_day: booking_day.map(day).transpose()?, at: hub.clock.micros() };
    match hub.store.write(rebuild).await {
        Ok(attempt) => Ok(Answer::Rebuilt { attempt }),
        Err(StoreError::Conflict(why)) => Err(CommandError::Refused(why)),
        Err(error) => Err(error.into()),
    }
}

fn note(hub: &Hub, log: Log, who: &Person, act: &str, subject: &str) -> people_log::Add {
    let (who, act, subject) = (who.to_string(), act.to_owned(), subject.to_owned());
    people_log::Add { log, at: hub.clock.micros(), who, act, subject }
}

/// Whether a person can do something about it.
pub fn waits(transfer: &Transfer) -> bool {
    matches!(transfer.state, TransferState::Quarantined | TransferState::Unmatched)
}

/// A file that waits for a person.
///
/// # Errors
/// When there is none, or it does not wait.
pub fn waiting(hub: &Hub, no: i64) -> Result<Transfer, CommandError> {
    let transfer = hub.store.read(|tx| transfer::get(tx, TransferNo(no)))?;
    let transfer = transfer.ok_or_else(|| CommandError::Refused(format!("there is no transfer {no}")))?;
    if waits(&transfer) {
        return Ok(transfer);
    }
    let (name, state) = (&transfer.identity.name, transfer.state.text());
    Err(CommandError::Refused(format!("transfer {no} ({name}) does not wait for anybody: it is {state}")))
}

/// A waiting file whose bytes are kept, so that it can be looked at again.
///
/// # Errors
/// When there is none, or its bytes were never read.
pub fn readable(hub: &Hub, no: i64) -> Result<Transfer, CommandError> {
    let transfer = waiting(hub, no)?;
    match transfer.sha256 {
        Some(_) => Ok(transfer),
        None => Err(CommandError::Refused(format!(
            "transfer {no} was left in its drop unread, being over its limit: raise the limit and run its pipeline, \
             or remove it"
        ))),
    }
}

fn pipeline_of(hub: &Hub, transfer: &Transfer) -> Result<String, CommandError> {
    let name = &transfer.identity.name;
    let pipeline = hub.pipeline_of(transfer).map(|pipeline| pipeline.name.clone());
    pipeline.ok_or_else(|| CommandError::Refused(format!("no pipeline takes in {name}")))
}

/// An activation, without its sending part where the clock is doubted.
async fn run(hub: &Hub, name: &str) -> Result<Activity, CommandError> {
    let pipeline = hub.pipeline(name)?;
    match hub.store.read(schedule::clock_held)? {
        None => Ok(pipelines::run(hub, name).await?),
        Some(_) if pipeline.kind.receives() => Ok(activation::receive(hub, pipeline).await?),
        Some(why) => Err(CommandError::Refused(format!(
            "nothing is sent while the clock is doubted ({why}): look at it, then `toek release-clock`"
        ))),
    }
}

async fn validate(hub: &Hub, no: i64) -> Result<Answer, CommandError> {
    let transfer = readable(hub, no)?;
    let pipeline = pipeline_of(hub, &transfer)?;
    hub.store.write(Reopen { no: transfer.no, at: hub.clock.micros() }).await?;
    let activity = run(hub, &pipeline).await?;
    let now = hub.store.read(|tx| transfer::get(tx, transfer.no))?;
    let accepted = now.as_ref().is_some_and(|now| now.state == TransferState::Accepted);
    let state = now.map_or("gone", |now| now.state.text()).to_owned();
    Ok(Answer::Validated { file: transfer.identity.name, state, accepted, activity })
}

async fn reject(hub: &Hub, who: &Person, no: i64, reason: &str) -> Result<Answer, CommandError> {
    let transfer = waiting(hub, no)?;
    if reason.trim().is_empty() {
        return Err(CommandError::Refused("--reason may not be empty".to_owned()));
    }
    let before = transfer.reason.clone().unwrap_or_default();
    let close = Close {
        no: transfer.no,
        state: TransferState::Rejected,
        reason: format!("{before}; refused for good by {who}: {reason}"),
        findings: hub.store.read(|tx| transfer::findings(tx, transfer.no, 0, 0))?,
        records: transfer.records,
        at: hub.clock.micros(),
    };
    hub.store.write(close).await?;
    Ok(Answer::Rejected { file: transfer.identity.name })
}
