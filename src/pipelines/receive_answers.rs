//! Answers in: NemKonto's receipts and return answers become states and vouchers (features 2.3.8, 2.3.9).
//!
//! Two passes over the archived copy: the first reads the document to its end and writes nothing, so a broken one changes
//! nothing; the second books in chunks, each with its checkpoint. What an answer means is the domain's.

use std::io::BufReader;

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use toek_formats::nemkonto::{
    AnswerHead, AnswerKind, AnswerReader, AnsweredPayment, Kind, Limits, NoAccountOutcome, Status,
    classify_no_account,
};
use toek_formats::vocabulary::Ore;

use super::fetch::{self, Unsettled, close};
use super::{Activity, Hub, PipelineError, masked, restored};
use crate::canary::{self, Canary};
use crate::config::Pipeline;
use crate::domain::answers::{BundleEvent, BundleState};
use crate::domain::calendar::copenhagen;
use crate::domain::identity::{AttemptId, BundleNo};
use crate::domain::parameters::Settings;
use crate::domain::payment::AttemptEvent;
use crate::store::archive::ArchiveReader;
use crate::store::bundle::{self, Bundle};
use crate::store::nemkonto::{Book, BookUnreadable, FINAL, Overdue, PaymentAnswer};
use crate::store::restore;
use crate::store::transfer::{self, MarkMatched, Transfer, TransferState};

/// Payments booked in one transaction.
const CHUNK: usize = 5_000;

/// Takes in every answer that the drops hold, finishes what was begun, and minds the deadlines.
pub async fn activate(hub: &Hub, pipeline: &Pipeline) -> Result<Activity, PipelineError> {
    let mut activity = Activity::default();
    restored::look(hub, pipeline, &mut activity).await?;
    let received = fetch::each_new(hub, pipeline, &mut async |fetching, transfer| {
        process(hub, pipeline, transfer, &mut fetching.activity).await?;
        Ok(Unsettled::default())
    })
    .await?;
    activity.add(received);
    mind_deadlines(hub, &mut activity).await?;
    restored::mind(hub, pipeline, &mut activity).await?;
    Ok(activity)
}

/// What pass 1 learnt.
struct Examined {
    head: AnswerHead,
    named: Vec<AttemptId>,
    payments: u32,
}

/// Where an answer belongs, or why it counts for nothing.
enum Fate {
    Book(BundleNo, BundleEvent),
    Unreadable,
    Close(TransferState, String),
}

async fn process(
    hub: &Hub,
    pipeline: &Pipeline,
    transfer: &Transfer,
    activity: &mut Activity,
) -> Result<(), PipelineError> {
    let examined = match examine(hub, transfer) {
        Ok(examined) => examined,
        Err(Unfit::Document(reason)) => {
            return close(hub, transfer, TransferState::Quarantined, reason, activity).await;
        }
        Err(Unfit::Pipeline(error)) => return Err(error),
    };
    let message_id = format!("{} {}", examined.head.kind.root(), examined.head.message_id);
    if repetition(hub, transfer, &message_id)?.is_none() {
        activity.adopted += u64::from(adopt(hub, pipeline, transfer, &examined).await?);
    }
    match fate(hub, transfer, &examined, &message_id)? {
        Fate::Close(state, reason) => close(hub, transfer, state, reason, activity).await,
        Fate::Unreadable => {
            mark(hub, transfer, message_id, None, 0).await?;
            let text = masked(&examined.head.text.unwrap_or_default());
            let at = hub.clock.micros();
            let suspects = hub.store.write(BookUnreadable { transfer: transfer.no, text, at }).await?;
            activity.accepted += 1;
            activity.tasks += u64::from(suspects);
            Ok(())
        }
        Fate::Book(bundle, event) => {
            mark(hub, transfer, message_id, Some(bundle), examined.payments).await?;
            book(hub, transfer, bundle, event, &examined, activity).await?;
            activity.accepted += 1;
            Ok(())
        }
    }
}

/// What the answer tells of a time that a restore lost is taken into the books before the answer is.
async fn adopt(
    hub: &Hub,
    pipeline: &Pipeline,
    transfer: &Transfer,
    examined: &Examined,
) -> Result<u32, PipelineError> {
    let head = &examined.head;
    let Some(group_id) = head.group_id.as_ref().or(head.ref_to_message_id.as_ref()) else { return Ok(0) };
    if hub.store.read(|tx| restore::hold_at(tx, &pipeline.endpoint))?.is_none() {
        return Ok(0);
    }
    let mut named = Vec::new();
    let mut answer = open(hub, transfer)?;
    let unfit = |e: toek_formats::nemkonto::Error| PipelineError::Configuration(e.to_string());
    answer.head().map_err(unfit)?;
    while let Some(payment) = answer.next().map_err(unfit)? {
        if let Some(attempt) = attempt_of(&payment) {
            named.push(restored::named(&payment, attempt, readings(&payment)));
        }
    }
    let evidence = format!("{} {}", head.kind.root(), masked(&head.message_id));
    restored::adopt_answered(hub, &pipeline.endpoint, group_id, named, evidence).await
}

async fn mark(
    hub: &Hub,
    transfer: &Transfer,
    message_id: String,
    bundle: Option<BundleNo>,
    payments: u32,
) -> Result<(), PipelineError> {
    Ok(hub.store.write(MarkMatched { no: transfer.no, message_id, bundle, payments }).await?)
}

/// Why an answer cannot be examined: because of itself, or because of us.
enum Unfit {
    Document(String),
    Pipeline(PipelineError),
}

impl From<PipelineError> for Unfit {
    fn from(error: PipelineError) -> Unfit {
        Unfit::Pipeline(error)
    }
}

impl From<toek_formats::nemkonto::Error> for Unfit {
    fn from(error: toek_formats::nemkonto::Error) -> Unfit {
        if error.kind() == Kind::Io {
            return Unfit::Pipeline(PipelineError::Unread(Box::new(error)));
        }
        Unfit::Document(format!("NKS-XML: {error}"))
    }
}

type Answer = AnswerReader<BufReader<ArchiveReader>>;

fn open(hub: &Hub, transfer: &Transfer) -> Result<Answer, PipelineError> {
    let archived = hub.archived(transfer)?;
    Ok(AnswerReader::new(BufReader::with_capacity(1 << 16, archived), Limits::default()))
}

/// Pass 1: the document to its end. Writes nothing.
fn examine(hub: &Hub, transfer: &Transfer) -> Result<Examined, Unfit> {
    let is_short = transfer.identity.size < 64;
    assert!(!(is_short && canary::is_active(Canary::PanickingInput)), "an answer of a few bytes");
    let mut answer = open(hub, transfer)?;
    let head = answer.head()?;
    let (mut named, mut payments) = (Vec::new(), 0);
    while let Some(payment) = answer.next()? {
        payments += 1;
        named.extend(attempt_of(&payment));
    }
    answer.finish()?;
    Ok(Examined { head, named, payments })
}

/// The attempt an answered payment names: by EndToEndId, else by InstrId (nemkonto.md 3.11, rule 3).
fn attempt_of(payment: &AnsweredPayment<'_>) -> Option<AttemptId> {
    let by_reference = AttemptId::from_end_to_end_id(payment.sent_reference()).ok();
    by_reference.or_else(|| AttemptId::from_end_to_end_id(payment.instruction_id?).ok())
}

fn fate(
    hub: &Hub,
    transfer: &Transfer,
    examined: &Examined,
    message_id: &str,
) -> Result<Fate, PipelineError> {
    if let Some(fate) = repetition(hub, transfer, message_id)? {
        return Ok(fate);
    }
    let head = &examined.head;
    let reference = head.group_id.as_ref().or(head.ref_to_message_id.as_ref());
    if head.kind == AnswerKind::Receipt0 && reference.is_none() {
        return Ok(Fate::Unreadable);
    }
    let Some(reference) = reference else {
        return Ok(Fate::Close(TransferState::Unmatched, "NKS-M01: it names no bundle".to_owned()));
    };
    let Some(bundle) = hub.store.read(|tx| bundle::by_group(tx, reference))? else {
        let reason = format!("NKS-M02: it answers {}, which was never sent", masked(reference));
        return Ok(Fate::Close(TransferState::Unmatched, reason));
    };
    Ok(match bundle_event(head, examined.payments) {
        Some(event) => Fate::Book(bundle, event),
        None => {
            let reason = format!("NKS-M03: its status for the whole of {reference} is unknown");
            Fate::Close(TransferState::Quarantined, reason)
        }
    })
}

/// Same kind, id and content: said twice. Same kind and id, other content: a person must look (3.11, rule 5).
fn repetition(hub: &Hub, transfer: &Transfer, message_id: &str) -> Result<Option<Fate>, PipelineError> {
    let earlier = hub.store.read(|tx| transfer::with_message(tx, message_id, transfer.no))?;
    let earlier =
        earlier.iter().find(|other| !matches!(other.state, TransferState::Ignored | TransferState::Rejected));
    Ok(earlier.map(|other| {
        let named = format!("{message_id} came before, as {} (transfer {})", other.identity.name, other.no.0);
        if other.sha256 == transfer.sha256 {
            Fate::Close(TransferState::Ignored, named)
        } else {
            Fate::Close(TransferState::Quarantined, format!("NKS-M04: other content, but {named}"))
        }
    }))
}

/// What an answer says of the bundle as a whole (nemkonto.md 3.3-3.8); `None` when its status is none we know.
fn bundle_event(head: &AnswerHead, payments: u32) -> Option<BundleEvent> {
    match head.kind {
        AnswerKind::Receipt0 => Some(BundleEvent::Unreadable),
        AnswerKind::Receipt1 => match head.action? {
            Status::Accepted => Some(BundleEvent::TakenIn),
            Status::Rejected => Some(BundleEvent::Refused),
            Status::Partial | Status::Unknown => None,
        },
        AnswerKind::Answer2 => match head.group_status? {
            Status::Rejected => Some(BundleEvent::Refused),
            Status::Accepted => Some(BundleEvent::Accepted),
            Status::Partial | Status::Unknown if payments > 0 => Some(BundleEvent::Accepted),
            Status::Partial | Status::Unknown => None,
        },
        AnswerKind::Answer5 if payments == 0 => Some(BundleEvent::Stopped),
        AnswerKind::Answer5 | AnswerKind::Answer7 | AnswerKind::Answer8 | AnswerKind::Answer9 => {
            Some(BundleEvent::NamesPayments)
        }
    }
}

/// What an answer says of one payment it names.
fn payment_event(kind: AnswerKind, payment: &AnsweredPayment<'_>) -> AttemptEvent {
    match (kind, payment.status) {
        (AnswerKind::Answer2, Status::Accepted) => AttemptEvent::Accept,
        (AnswerKind::Answer2, Status::Rejected) => AttemptEvent::Reject,
        (AnswerKind::Answer5, Status::Rejected) => AttemptEvent::Stop,
        (AnswerKind::Answer7, Status::Rejected | Status::Accepted) => {
            match classify_no_account(payment.text.unwrap_or("")) {
                NoAccountOutcome::Returned => AttemptEvent::Return,
                NoAccountOutcome::PaidCheck => AttemptEvent::PayByCheck,
                NoAccountOutcome::PaidErrorAccount => AttemptEvent::PayToErrorAccount,
                NoAccountOutcome::PaidWaitingAccount => AttemptEvent::PayToWaitingAccount,
                NoAccountOutcome::Manual => AttemptEvent::Unclear,
            }
        }
        (AnswerKind::Answer8, Status::Accepted) => AttemptEvent::TakenByBank,
        (AnswerKind::Answer9, Status::Rejected) => AttemptEvent::BankRefusal,
        (
            AnswerKind::Receipt0
            | AnswerKind::Receipt1
            | AnswerKind::Answer2
            | AnswerKind::Answer5
            | AnswerKind::Answer7
            | AnswerKind::Answer8
            | AnswerKind::Answer9,
            _,
        ) => AttemptEvent::Unclear,
    }
}

/// The two ways an amount can be read: as a decimal number, or with three implied decimals (nemkonto.md 4.4).
fn readings(payment: &AnsweredPayment<'_>) -> [Option<Ore>; 2] {
    if payment.currency != "DKK" {
        return [None, None];
    }
    let text = payment.amount_text;
    let decimal = match text.split_once('.') {
        Some((whole, cents)) if cents.len() > 2 => {
            let (kept, rest) = cents.split_at_checked(2).unwrap_or((cents, ""));
            let exact = rest.bytes().all(|b| b == b'0');
            exact.then(|| Ore::parse_decimal(&format!("{whole}.{kept}")).ok()).flatten()
        }
        _ => Ore::parse_decimal(text).ok(),
    };
    let implied = text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<i64>().ok()).flatten();
    [decimal, implied.filter(|thousandths| thousandths % 10 == 0).map(|thousandths| Ore(thousandths / 10))]
}

/// Pass 2: books the payments in chunks, and with the last one what is said of the bundle.
async fn book(
    hub: &Hub,
    transfer: &Transfer,
    bundle: BundleNo,
    event: BundleEvent,
    examined: &Examined,
    activity: &mut Activity,
) -> Result<(), PipelineError> {
    let municipality = hub.store.read(|tx| bundle::get(tx, bundle))?.municipality;
    let now = hub.clock.danish();
    let rules = hub.installation.parameters.at(municipality, now.date());
    let chunk = |after, answers: &mut Vec<PaymentAnswer>, last: Option<BundleEvent>| Book {
        transfer: transfer.no,
        bundle,
        after,
        answers: std::mem::take(answers),
        last,
        named: if last.is_some() { examined.named.clone() } else { vec![] },
        today: now.date(),
        voucher_limit: rules.voucher_limit as usize,
        at: hub.clock.micros(),
    };
    let mut answer = open(hub, transfer)?;
    let unfit = |e: toek_formats::nemkonto::Error| PipelineError::Unread(Box::new(e)); // it was read before
    answer.head().map_err(unfit)?;
    let (mut at, mut checkpoint, mut answers) = (0, transfer.checkpoint, Vec::new());
    while let Some(payment) = answer.next().map_err(unfit)? {
        at += 1;
        if at <= transfer.checkpoint {
            continue; // booked before a crash
        }
        answers.push(PaymentAnswer {
            attempt: attempt_of(&payment),
            event: payment_event(examined.head.kind, &payment),
            amounts: readings(&payment),
            payee: payment.payee,
        });
        if answers.len() == CHUNK {
            let booked = hub.store.write(chunk(checkpoint, &mut answers, None)).await?;
            activity.tasks += u64::from(booked.tasks);
            checkpoint = at;
            hub.progress.at(&transfer.identity.name, at.into(), examined.payments.into());
        }
    }
    let booked = hub.store.write(chunk(checkpoint, &mut answers, Some(event))).await?;
    activity.tasks += u64::from(booked.tasks);
    activity.records += u64::from(examined.payments);
    Ok(())
}

/// Alarms about bundles that nothing, or too little, was heard of; nothing is assumed about their payments.
async fn mind_deadlines(hub: &Hub, activity: &mut Activity) -> Result<(), PipelineError> {
    let now = hub.clock.danish();
    for no in hub.store.read(|tx| bundle::undecided(tx, BundleState::Sent, BundleState::Accepted))? {
        let bundle = hub.store.read(|tx| bundle::get(tx, no))?;
        let rules = hub.installation.parameters.at(bundle.municipality, now.date());
        let Some((level, missing)) = overdue(hub, &bundle, now, &rules) else { continue };
        if level > bundle.overdue {
            let at = hub.clock.micros();
            hub.store.write(Overdue { bundle: no, missing, level, at }).await?;
            activity.tasks += 1;
        }
    }
    Ok(())
}

fn overdue(hub: &Hub, bundle: &Bundle, now: DateTime, rules: &Settings) -> Option<(u8, &'static str)> {
    let days = rules.final_timeout_bank_days as i32; // a parameter of at most twenty
    if now.date() > hub.installation.bank_days.add(bundle.execution_day, days) {
        return Some((FINAL, "a final answer"));
    }
    let sent = copenhagen(Timestamp::from_microsecond(bundle.sent_at?).ok()?);
    let waited = |limit: std::time::Duration| {
        let limit = SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX);
        now.duration_since(sent) > limit
    };
    match bundle.state {
        BundleState::Sent | BundleState::Landed if waited(rules.answer1_timeout) => {
            Some((1, "receipt 0 or 1"))
        }
        BundleState::Received if waited(rules.answer2_timeout) => Some((2, "answer 2")),
        _ => None,
    }
}
