//! What a person may ask for that changes anything, as values: the same work whether the command does it alone or a
//! running `serve` does it for the command. Prints nothing.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use toek_formats::vocabulary::MunicipalityCode;

use super::activation;
use super::bank::{self, BankAct};
use super::person::Person;
use crate::domain::identity::{BundleNo, PaymentId, TransferNo};
use crate::domain::intake as domain;
use crate::domain::people::{Act, Forbidden, Role};
use crate::domain::sending::Due;
use crate::pipelines::{self, Activity, Hub, PipelineError, restored};
use crate::store::block::{self, Block, Target};
use crate::store::finance::{self, Rebuild};
use crate::store::handling::Handle;
use crate::store::people_log::{self, Log};
use crate::store::person_act::{Step, Taken};
use crate::store::restore::{self, Hold, Release};
use crate::store::schedule::{self, ReleaseClock};
use crate::store::transfer::{self, Close, Reopen, Transfer, TransferState};
use crate::store::unknown::{SettleBundle, SettlePayment, SettleVoucher};
use crate::store::{StoreError, bundle, intake, ledger, search};

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
    /// Takes a step of an act that persons answer for: one does it, or one proposes and another approves.
    Act {
        /// What.
        act: Act,
        /// Which part of it.
        step: Step,
        /// To what: `P3-17`, a bundle's reference, `voucher 9`.
        subject: String,
        /// Why.
        reason: String,
    },
    /// Matches a line of a bank's statement, or takes a match back.
    Bank {
        /// Which of the two.
        what: BankAct,
    },
    /// Blocks a payee or a payment.
    Block {
        /// Whose payments, four digits; none: everybody's.
        municipality: Option<String>,
        /// What it holds back.
        target: BlockTarget,
        /// The first day, `2026-02-02`; today when none.
        from: Option<String>,
        /// The last day; until it is lifted when none.
        until: Option<String>,
        /// Why.
        reason: String,
    },
    /// Lifts a block.
    LiftBlock {
        /// Its number.
        block: i64,
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

/// What a block is to hold back.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlockTarget {
    /// All payments to somebody: the digits of a CPR or CVR number.
    Payee(String),
    /// One payment: `P3-17`.
    Payment(String),
}

impl std::fmt::Debug for BlockTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BlockTarget::Payee(_) => f.write_str("Payee(…)"),
            BlockTarget::Payment(id) => write!(f, "Payment({id})"),
        }
    }
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
    /// The step is taken.
    Acted {
        /// Whether the act is carried out; a proposal waits for another person.
        carried_out: bool,
        /// Where its subject stands now.
        state: String,
    },
    /// A line of a bank's statement is matched.
    BankMatched {
        /// The match's number.
        number: i64,
        /// The line's.
        line: i64,
        /// How much of the line it is over.
        amount_ore: i64,
    },
    /// A match is undone.
    BankUnmatched {
        /// The match's number.
        number: i64,
        /// The line that is open again.
        line: i64,
    },
    /// The block stands, or is lifted.
    Blocked {
        /// Its number.
        block: i64,
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
    /// Whoever asked may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
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
            Command::Act { act, step, .. } => match (act, step) {
                (Act::ReleaseDuplicate, Step::Approve) => "duplicates approve",
                (Act::ReleaseDuplicate, _) => "duplicates release",
                (Act::RefuseDuplicate, _) => "duplicates refuse",
                (Act::BundleNeverArrived, Step::Approve) => "unknown approve",
                (Act::BundleArrived | Act::BundleNeverArrived, _) => "unknown settle",
                (Act::PaymentPaid | Act::PaymentFailed, _) => "unknown settle",
                (Act::VoucherBooked | Act::VoucherRefused, _) => "vouchers settle",
                (Act::Resend, _) => "payments resend",
                (Act::PayInCash, _) => "payments cash",
                (Act::PayOverOwnAccount, _) => "payments own",
                (Act::Recall, _) => "payments recall",
                (Act::Refuse, _) => "payments refuse",
                (Act::ReleaseHeld, _) => "payments release",
                (Act::RequestStop, _) => "payments stop",
            },
            Command::Bank { what } => what.name(),
            Command::Block { .. } => "blocks add",
            Command::LiftBlock { .. } => "blocks lift",
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
            Command::Act { act, subject, reason, .. } => format!("{subject}: {act}: {reason}"),
            Command::Bank { what } => what.subject(),
            Command::Block { target: BlockTarget::Payment(id), reason, .. } => format!("{id}: {reason}"),
            Command::Block { target: BlockTarget::Payee(_), reason, .. } => format!("a payee: {reason}"),
            Command::LiftBlock { block, reason } => format!("block {block}: {reason}"),
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
            Command::Bank { what } => what.line(hub).map(|_| None),
            Command::Rebuild { .. }
            | Command::Act { .. }
            | Command::Block { .. }
            | Command::LiftBlock { .. }
            | Command::ReleaseClock
            | Command::NoteReading { .. } => Ok(None),
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
    authorize(hub, who, command)?;
    command.pipeline(hub)?; // what cannot be done is no entry
    hub.store.write(note(hub, Log::Commands, who, command.act(), &command.subject())).await?;
    match command {
        Command::Run { pipeline } => Ok(Answer::Ran { activity: run(hub, pipeline).await? }),
        Command::Validate { transfer } => validate(hub, *transfer).await,
        Command::Reject { transfer, reason } => reject(hub, who, *transfer, reason).await,
        Command::Rebuild { voucher, booking_day, .. } => rebuild(hub, *voucher, booking_day.as_deref()).await,
        Command::Act { act, step, subject, reason } => {
            let at = hub.clock.micros();
            let taken = Taken { act: *act, step: *step, by: who.to_string(), reason: reason.clone(), at };
            take_step(hub, subject, taken).await
        }
        Command::Bank { what } => bank::perform(hub, who, what).await,
        Command::Block { municipality, target, from, until, reason } => {
            let from = from.as_deref().map(day_of).transpose()?;
            let until = until.as_deref().map(day_of).transpose()?;
            let block = Block {
                no: 0,
                municipality: municipality.as_deref().map(municipality_of).transpose()?,
                target: target_of(target)?,
                from: from.unwrap_or_else(|| hub.clock.danish().date()),
                until,
                reason: given(reason)?,
                by: who.to_string(),
                at: hub.clock.micros(),
                lifted: None,
            };
            if until.is_some_and(|until| until < block.from) {
                return Err(CommandError::Refused("a block ends no earlier than it begins".to_owned()));
            }
            let block = hub.store.write(block::Add { block }).await.map_err(refused)?;
            Ok(Answer::Blocked { block })
        }
        Command::LiftBlock { block, reason } => {
            let (by, at, block) = (who.to_string(), hub.clock.micros(), *block);
            hub.store.write(block::Lift { block, by, reason: given(reason)?, at }).await.map_err(refused)?;
            Ok(Answer::Blocked { block })
        }
        Command::ReleaseClock => {
            let doubted = hub.store.write(ReleaseClock { at: hub.clock.micros() }).await?;
            Ok(Answer::Released { doubted })
        }
        Command::ReleaseEndpoint { endpoint, reason } => release(hub, who, endpoint, reason).await,
        Command::NoteReading { .. } => Ok(Answer::Noted),
    }
}

fn given(reason: &str) -> Result<String, CommandError> {
    match reason.trim().is_empty() {
        true => Err(CommandError::Refused("--reason may not be empty".to_owned())),
        false => Ok(reason.to_owned()),
    }
}

fn day_of(text: &str) -> Result<Date, CommandError> {
    text.parse().map_err(|_| CommandError::Refused(format!("`{text}` is no day, such as 2026-02-02")))
}

fn municipality_of(text: &str) -> Result<MunicipalityCode, CommandError> {
    let wrong = |_| CommandError::Refused(format!("`{text}` is no municipality: it has four digits"));
    MunicipalityCode::parse(text).map_err(wrong)
}

fn target_of(target: &BlockTarget) -> Result<Target, CommandError> {
    match target {
        BlockTarget::Payee(digits) => {
            let payee = search::payee(digits);
            let wrong = "a payee is named by the ten digits of a CPR or the eight of a CVR number";
            payee.map(Target::Payee).ok_or_else(|| CommandError::Refused(wrong.to_owned()))
        }
        BlockTarget::Payment(text) => {
            let wrong = |_| CommandError::Refused(format!("`{text}` is no payment, such as P3-17"));
            text.parse().map(Target::Payment).map_err(wrong)
        }
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
    if questions.iter().any(|question| question.ends_with(restored::ANOTHERS)) {
        return Err(CommandError::Refused(format!(
            "`toek endpoints list` shows numbers of this epoch that were not given here: {}",
            restored::ANOTHERS
        )));
    }
    let (endpoint, by, reason) = (endpoint.to_owned(), who.to_string(), reason.to_owned());
    hub.store.write(Release { endpoint, by, reason, at: hub.clock.micros() }).await?;
    Ok(Answer::EndpointReleased { questions })
}

/// Whether whoever asks may, by `users.toml`. What an act needs besides, such as another person, its write sees to.
fn authorize(hub: &Hub, who: &Person, command: &Command) -> Result<(), CommandError> {
    let (role, subject) = match command {
        Command::NoteReading { .. } => return Ok(()), // one who may read the files may look; that he did is noted
        Command::Run { .. }
        | Command::Validate { .. }
        | Command::Reject { .. }
        | Command::ReleaseClock
        | Command::ReleaseEndpoint { .. } => (Role::Operator, None),
        Command::Bank { what } => {
            let line = what.line(hub)?;
            return Ok(hub.installation.users.check(
                &who.to_string(),
                Role::Clerk,
                Some(line.municipality),
            )?);
        }
        Command::Block { municipality, target, .. } => {
            let (role, municipality) = match municipality {
                Some(code) => (Role::Clerk, Some(municipality_of(code)?)),
                None => (Role::Approver, None), // a central block touches everybody (ASSUMED)
            };
            let subject = match target_of(target)? {
                Target::Payment(id) if municipality.is_none() => {
                    let role = Role::Clerk;
                    let owner = hub.store.read(|tx| intake::payment(tx, id))?;
                    let owner = owner.map(|stored| stored.request.municipality);
                    return Ok(hub.installation.users.check(&who.to_string(), role, owner)?);
                }
                _ => municipality,
            };
            return Ok(hub.installation.users.check(&who.to_string(), role, subject)?);
        }
        Command::LiftBlock { block, .. } => {
            let found = hub.store.read(block::all)?.into_iter().find(|known| known.no == *block);
            let municipality = found.and_then(|found| found.municipality);
            let role = if municipality.is_some() { Role::Clerk } else { Role::Approver };
            return Ok(hub.installation.users.check(&who.to_string(), role, municipality)?);
        }
        Command::Rebuild { voucher, .. } => (Role::Operator, Some(Subject::Voucher(*voucher))),
        Command::Act { act, step, subject, .. } => {
            let role = if *step == Step::Approve { Role::Approver } else { act.role() };
            (role, Some(Subject::named(hub, subject)?))
        }
    };
    // Whose it is can be told of a subject alone; a file's payments may be of several municipalities.
    let municipality = match subject {
        Some(Subject::Payment(id)) => {
            hub.store.read(|tx| intake::payment(tx, id))?.map(|stored| stored.request.municipality)
        }
        Some(Subject::Bundle(no)) => {
            Some(hub.store.read(|tx| bundle::get(tx, no)).map_err(refused)?.municipality)
        }
        Some(Subject::Voucher(no)) => {
            Some(hub.store.read(|tx| ledger::voucher(tx, no)).map_err(refused)?.voucher.municipality)
        }
        None => None,
    };
    Ok(hub.installation.users.check(&who.to_string(), role, municipality)?)
}

/// What an act is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A payment.
    Payment(PaymentId),
    /// A bundle.
    Bundle(BundleNo),
    /// A voucher.
    Voucher(i64),
}

impl Subject {
    /// The one that a text names: `P3-17`, a bundle's reference, `bundle 4`, `voucher 9`.
    ///
    /// # Errors
    /// When nothing is known by that name.
    pub fn named(hub: &Hub, text: &str) -> Result<Subject, CommandError> {
        let number = |word: &str| text.strip_prefix(word).and_then(|rest| rest.trim().parse().ok());
        if let Ok(payment) = text.parse() {
            return Ok(Subject::Payment(payment));
        }
        if let Some(voucher) = number("voucher ") {
            return Ok(Subject::Voucher(voucher));
        }
        if let Some(bundle) = number("bundle ") {
            return Ok(Subject::Bundle(BundleNo(bundle)));
        }
        let bundle = hub.store.read(|tx| bundle::by_group(tx, text))?;
        let none =
            || CommandError::Refused(format!("`{text}` is no payment (P3-17) and no bundle known here"));
        bundle.map(Subject::Bundle).ok_or_else(none)
    }
}

/// What does not fit is a refusal, not a failure of the store.
fn refused(error: StoreError) -> CommandError {
    match error {
        StoreError::Conflict(why) => CommandError::Refused(why),
        other => other.into(),
    }
}

/// When a payment that is let go now is to be sent, as intake would have it.
///
/// # Errors
/// When there is no such payment.
pub fn due_if_released(hub: &Hub, payment: PaymentId) -> Result<Due, CommandError> {
    let stored = hub.store.read(|tx| intake::payment(tx, payment))?;
    let none = || CommandError::Refused(format!("there is no payment {payment}"));
    let request = stored.ok_or_else(none)?.request;
    let now = hub.clock.danish();
    let rules = hub.installation.parameters.at(request.municipality, now.date());
    Ok(domain::due(&request, now, &hub.installation.bank_days, &rules))
}

async fn take_step(hub: &Hub, subject: &str, taken: Taken) -> Result<Answer, CommandError> {
    let subject = Subject::named(hub, subject)?;
    let act = taken.act;
    let carried_out = match (subject, act) {
        (Subject::Payment(payment), act) if act.is_of_payment() => {
            let (due, today) = (due_if_released(hub, payment)?, hub.clock.danish().date());
            hub.store.write(Handle { payment, taken, due, today }).await
        }
        (Subject::Payment(payment), Act::PaymentPaid | Act::PaymentFailed) => {
            let today = hub.clock.danish().date();
            hub.store.write(SettlePayment { payment, taken, today }).await
        }
        (Subject::Bundle(bundle), Act::BundleArrived | Act::BundleNeverArrived) => {
            hub.store.write(SettleBundle { bundle, taken }).await
        }
        (Subject::Voucher(voucher_no), Act::VoucherBooked | Act::VoucherRefused) => {
            hub.store.write(SettleVoucher { voucher_no, taken }).await
        }
        (Subject::Payment(_) | Subject::Bundle(_) | Subject::Voucher(_), _) => {
            Err(StoreError::Conflict(format!("`{act}` cannot be said of that")))
        }
    };
    let carried_out = carried_out.map_err(refused)?;
    let state = hub.store.read(|tx| {
        Ok(match subject {
            Subject::Payment(id) => intake::payment(tx, id)?.map(|now| now.state.to_string()),
            Subject::Bundle(no) => Some(bundle::get(tx, no)?.state.text().to_owned()),
            Subject::Voucher(no) => finance::tries_of(tx, no)?.pop().map(|last| last.state.text().to_owned()),
        })
    })?;
    Ok(Answer::Acted { carried_out, state: state.unwrap_or_default() })
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
