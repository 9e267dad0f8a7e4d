//! The story of a payment: everything the store and the archive know of it, in the order it happened.
//!
//! Reads only. Personal data is masked; the archive is asked again for what the store does not keep.

use std::io::BufReader;

use jiff::Timestamp;
use serde::Serialize;
use toek_formats::g68;
use toek_formats::nemkonto::{AnswerReader, Limits, bank_text, mask_cpr};

use super::duplicates;
use crate::domain::calendar::copenhagen;
use crate::domain::identity::{AttemptId, PaymentId, trace_id};
use crate::domain::intake::unpack_digits;
use crate::domain::ledger::Source;
use crate::domain::payment::{HoldReason, OutcomeGroup, PaymentState};
use crate::pipelines::receive_payments::{read_record, warnings_of};
use crate::pipelines::{Hub, PipelineError, masked};
use crate::store::adopt;
use crate::store::bundle::{self, Bundle};
use crate::store::intake::{self, Stored};
use crate::store::ledger::Booked;
use crate::store::person_act::{self, PersonAct};
use crate::store::report::{self, Attempt, Rejected};
use crate::store::transfer::{self, Direction, FindingRow, Transfer, TransferState};
use crate::store::{StoreError, duplicate, finance, ledger, unknown};

/// Something that happened, and when.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Event {
    /// Danish time, for people.
    pub(super) at: String,
    /// What happened.
    pub(super) what: String,
    /// More about it, line by line.
    pub(super) details: Vec<String>,
    #[serde(skip)]
    order: (i64, u8),
}

/// A record's whole story.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Story {
    /// What it is called.
    pub(super) payment: String,
    /// Its trace id, where it is a payment.
    pub(super) trace_id: Option<String>,
    /// Where it stands.
    pub(super) state: String,
    /// What happened, oldest first.
    pub(super) events: Vec<Event>,
}

fn event(at: i64, step: u8, what: String, details: Vec<String>) -> Event {
    let shown =
        Timestamp::from_microsecond(at).map(copenhagen).map(|t| t.strftime("%Y-%m-%d %H:%M:%S").to_string());
    Event { at: shown.unwrap_or_default(), what, details, order: (at, step) }
}

/// Tells the story of one record of one transfer.
pub(super) fn tell(hub: &Hub, id: PaymentId) -> Result<Option<Story>, PipelineError> {
    let Some(transfer) = hub.store.read(|tx| transfer::get(tx, id.transfer()))? else { return Ok(None) };
    if let Some(stored) = hub.store.read(|tx| intake::payment(tx, id))? {
        return Ok(Some(of_payment(hub, &transfer, &stored)?));
    }
    let rejected = hub.store.read(|tx| report::rejected(tx, id.transfer(), id.record_no()))?;
    rejected.map(|rejected| of_rejected(hub, &transfer, id, &rejected)).transpose()
}

fn of_payment(hub: &Hub, transfer: &Transfer, stored: &Stored) -> Result<Story, PipelineError> {
    let request = &stored.request;
    let id = request.payment;
    let mut events = vec![came(hub, transfer)?];
    let record = record_text(hub, id, request.offset, request.length)?;
    let mut details = vec![place(transfer, request.line_no, id, request.offset, request.length)];
    details.extend(record);
    for code in warnings_of(request.warnings) {
        details.push(format!("warning {}: {}", code.text(), code.rule()));
    }
    let asked = format!(
        "asks {} kr. for {} on {} (benefit {}, posting reference {})",
        request.amount.danish(),
        request.payee.masked(),
        request.disposition_day,
        request.benefit,
        unpack_digits(&request.posting_ref)
    );
    events.push(event(transfer.received_at, 1, asked, details));
    if let Some(evidence) = hub.store.read(|tx| adopt::evidence_of(tx, id))? {
        events.push(event(transfer.received_at, 2, format!("it {evidence}: held"), vec![]));
    }
    if let PaymentState::Held(HoldReason::PossibleDuplicate) = stored.state {
        let equals = hub.store.read(|tx| duplicate::original_of(tx, id))?;
        let what = duplicates::sentence(request.line_no, equals.as_ref());
        let details = equals.map(|original| format!("see `toek trace {}`", original.payment));
        let at = transfer.accepted_at.unwrap_or(transfer.received_at);
        events.push(event(at, 2, format!("it is held: {what}"), details.into_iter().collect()));
    } else if let Some(original) = hub.store.read(|tx| duplicate::original_of(tx, id))? {
        let what = format!("it was held: {}", duplicates::sentence(request.line_no, Some(&original)));
        events.push(event(transfer.accepted_at.unwrap_or(transfer.received_at), 2, what, vec![]));
    }
    events.extend(acts(hub, &id.to_string())?);
    events.extend(accepted(transfer));
    events.extend(postings(hub, Source::Transfer(transfer.no), id)?);
    for attempt in hub.store.read(|tx| report::attempts(tx, id))? {
        events.extend(of_attempt(hub, &attempt)?);
    }
    events.sort_by_key(|event| event.order);
    Ok(Story {
        payment: id.to_string(),
        trace_id: Some(trace_id(request.municipality, id)),
        state: stored.state.to_string(),
        events,
    })
}

fn of_rejected(
    hub: &Hub,
    transfer: &Transfer,
    id: PaymentId,
    rejected: &Rejected,
) -> Result<Story, PipelineError> {
    let no = id.record_no();
    let findings = hub.store.read(|tx| transfer::findings(tx, transfer.no, no, no))?;
    let mut details = vec![place(transfer, rejected.line_no, id, rejected.offset, rejected.length)];
    details.extend(record_text(hub, id, rejected.offset, rejected.length)?);
    details.extend(findings.iter().map(finding_text));
    if let Some(earlier) = rejected.earlier {
        let original = hub.store.read(|tx| duplicate::original(tx, earlier))?;
        details.push(duplicates::sentence(rejected.line_no, original.as_ref()));
        details.push(format!("see `toek trace {earlier}`"));
    }
    let first = findings.first().map_or("", |finding| finding.code.as_str());
    let mut events = vec![came(hub, transfer)?];
    events.push(event(transfer.received_at, 1, format!("the record is refused ({first})"), details));
    events.extend(accepted(transfer));
    Ok(Story {
        payment: id.to_string(),
        trace_id: None,
        state: OutcomeGroup::Rejected.text().to_owned(),
        events,
    })
}

/// A finding as one line.
pub(super) fn finding_text(finding: &FindingRow) -> String {
    let field = finding.field.as_deref().map(|field| format!(" {field}")).unwrap_or_default();
    let columns = match (finding.column_from, finding.column_to) {
        (0, _) => String::new(),
        (from, to) => format!(" columns {from}-{to}"),
    };
    let rule = g68::Code::all().find(|code| code.text() == finding.code).map_or("", |code| code.rule());
    format!("{} line {}{field}{columns} `{}`: {rule}", finding.code, finding.line_no, finding.value)
}

fn came(hub: &Hub, transfer: &Transfer) -> Result<Event, PipelineError> {
    let sha256 = transfer.sha256.map(|hash| super::quarantine::hex(&hash)).unwrap_or_default();
    let what = format!("{} came from {}", transfer.identity.name, transfer.identity.endpoint);
    let details = vec![format!(
        "transfer {}, {} bytes, SHA-256 {sha256}, archived in installation {}",
        transfer.no.0, transfer.identity.size, hub.installation.id
    )];
    Ok(event(transfer.received_at, 0, what, details))
}

fn place(transfer: &Transfer, line_no: u32, id: PaymentId, offset: u64, length: u32) -> String {
    let name = &transfer.identity.name;
    format!("{name} line {line_no}, record {}, bytes {offset}+{length}", id.record_no())
}

fn accepted(transfer: &Transfer) -> Option<Event> {
    let what =
        format!("the file was accepted: {} records, {} kr. queued", transfer.records, transfer.sum.danish());
    transfer.accepted_at.map(|at| event(at, 2, what, vec![]))
}

/// The record's fields with their columns, read again from the archived file.
fn record_text(hub: &Hub, id: PaymentId, offset: u64, length: u32) -> Result<Vec<String>, PipelineError> {
    let mut lines = Vec::new();
    read_record(hub, id, offset, length, |unit| {
        let text = g68::dump(&hub.layouts, &unit);
        // The head line counts within this one record, and findings are told as they were when the file came.
        let fields = text.lines().skip(1).take_while(|line| !is_verdict(line));
        lines.extend(fields.map(|line| shown(line.trim_start())));
    })?;
    Ok(lines)
}

/// A sender may put a person's number into a reference of his own.
fn shown(line: &str) -> String {
    let is_free = ["SAGSREF", "TRANSREF", "FAKTURANR"].iter().any(|field| line.starts_with(field));
    let hidden = if is_free { mask_cpr(line) } else { None };
    hidden.unwrap_or_else(|| line.to_owned())
}

fn is_verdict(line: &str) -> bool {
    let line = line.trim_start();
    ["error ", "warning ", "reject ", "refused", "request"].iter().any(|word| line.starts_with(word))
}

fn postings(hub: &Hub, source: Source, id: PaymentId) -> Result<Vec<Event>, PipelineError> {
    let mut events = Vec::new();
    for booked in hub.store.read(|tx| ledger::vouchers_of(tx, source))? {
        if !hub.store.read(|tx| ledger::concerns(tx, booked.voucher_no, id))? {
            continue;
        }
        let voucher = &booked.voucher;
        let row = voucher.rule.row();
        let what = format!("{} posted, booked on {}: {}", row.event, voucher.booking_day, row.meaning);
        let mut details = vec![format!("voucher {} ({} payments)", booked.id, voucher.payments())];
        for line in voucher.lines.iter().filter(|line| line.payment == Some(id)) {
            let (side, counter) = match line.amount.0 >= 0 {
                true => ("debit", "credit"),
                false => ("credit", "debit"),
            };
            let summed =
                voucher.lines.iter().find(|other| other.payment.is_none() && other.benefit == line.benefit);
            let against = summed.map(|other| format!(", {counter} {}", other.account)).unwrap_or_default();
            let amount = toek_formats::vocabulary::Ore(line.amount.0.abs()).danish();
            details.push(format!("{side} {} {amount}{against}", line.account));
        }
        events.push(event(booked.posted_at, 6, what, details));
        events.extend(at_the_erp(hub, &booked)?);
    }
    Ok(events)
}

/// What persons did or proposed about something.
fn acts(hub: &Hub, subject: &str) -> Result<Vec<Event>, PipelineError> {
    let acts = hub.store.read(|tx| person_act::of(tx, subject))?;
    let mut events = Vec::new();
    for act in acts {
        let is_alone = act.settled.as_ref().is_none_or(|(by, ..)| *by == act.by);
        let word = if act.act.needs_two() { "proposed" } else { "decided" };
        events.push(event(act.at, 6, format!("{} {word}: {}", act.by, act.act), vec![act.reason.clone()]));
        if let (Some((by, reason, at)), false) = (&act.settled, is_alone) {
            let word = if act.is_turned_down { "turned it down" } else { "approved it" };
            events.push(event(*at, 6, format!("{by} {word}"), vec![reason.clone()]));
        }
    }
    Ok(events)
}

/// The same as lines.
pub(super) fn acts_told(acts: &[PersonAct]) -> Vec<String> {
    let mut lines = Vec::new();
    for act in acts {
        let word = if act.act.needs_two() { "proposed" } else { "decided" };
        let mut line = format!("{} {word}: {} ({})", act.by, act.act, act.reason);
        if let Some((by, reason, _)) = act.settled.as_ref().filter(|_| act.act.needs_two()) {
            let word = if act.is_turned_down { "turned it down" } else { "approved it" };
            line.push_str(&format!("; {by} {word} ({reason})"));
        }
        lines.push(line);
    }
    lines
}

/// What became of a voucher at the ERP, try by try.
fn at_the_erp(hub: &Hub, booked: &Booked) -> Result<Vec<Event>, PipelineError> {
    let mut events = Vec::new();
    let name = booked.voucher.rule.row().event;
    for sent in hub.store.read(|tx| finance::tries_of(tx, booked.voucher_no))? {
        let file = hub.store.read(|tx| finance::file(tx, sent.file_no))?;
        let carrier =
            file.transfer.map(|no| hub.store.read(|tx| transfer::get(tx, no))).transpose()?.flatten();
        let Some((at, carrier)) = file.sent_at.zip(carrier) else { continue };
        let id = finance::try_id(booked, sent.attempt);
        let details = vec![format!("voucher {} as {id}, in {}", booked.voucher_no, carrier.identity.name)];
        events.push(event(at, 7, format!("{name} sent to the ERP"), details));
        let answer =
            sent.answered_by.map(|no| hub.store.read(|tx| transfer::get(tx, no))).transpose()?.flatten();
        let Some((at, answer)) = answer.and_then(|a| a.accepted_at.map(|at| (at, a))) else { continue };
        let verdict = match (&sent.erp_number, &sent.cause) {
            (_, Some(cause)) => format!("the ERP refused {name}: {cause}"),
            (Some(number), None) => format!("the ERP booked {name} as {number}"),
            (None, None) => format!("the ERP booked {name}"),
        };
        events.push(event(at, 8, verdict, vec![format!("told in {}", answer.identity.name)]));
    }
    Ok(events)
}

fn of_attempt(hub: &Hub, attempt: &Attempt) -> Result<Vec<Event>, PipelineError> {
    let bundle = hub.store.read(|tx| bundle::get(tx, attempt.bundle))?;
    let reference = &attempt.reference;
    let mut events = vec![event(
        bundle.frozen.created_at,
        3,
        format!(
            "put into bundle {} as payment {} of {}",
            bundle.group_id, attempt.bundle_line, bundle.payments
        ),
        vec![
            format!("attempt {}, reference {reference}", attempt.id.attempt),
            format!("to be at the payee's disposal on {}", bundle.execution_day),
        ],
    )];
    events.extend(
        bundle.sent_at.map(|at| event(at, 4, "the bundle was handed to NemKonto".to_owned(), vec![])),
    );
    for file in hub.store.read(|tx| transfer::of_bundle(tx, bundle.no))? {
        events.extend(of_answer(hub, &file, reference)?);
    }
    events.extend(postings(hub, Source::Bundle(bundle.no), attempt.id.payment)?);
    Ok(events)
}

/// What an answer says of one payment, read again from the archived answer.
fn of_answer(hub: &Hub, file: &Transfer, reference: &str) -> Result<Option<Event>, PipelineError> {
    if file.identity.direction == Direction::Out || file.state != TransferState::Accepted {
        return Ok(None);
    }
    let unfit = |e: toek_formats::nemkonto::Error| StoreError::Conflict(e.to_string());
    let mut answer = AnswerReader::new(BufReader::new(hub.archived(file)?), Limits::default());
    let head = answer.head().map_err(unfit)?;
    let kind = head.kind.root();
    let name = &file.identity.name;
    let mut said = None;
    while let Some(payment) = answer.next().map_err(unfit)? {
        if payment.sent_reference() == reference {
            let (what, place) = bank_text(payment.text.unwrap_or(""));
            // Each on its own: a code beside a long number is none of it.
            let reason = payment.reason.map(|reason| format!(" {}", masked(reason))).unwrap_or_default();
            let words = format!("{}{reason} {} {}", masked(payment.status_text), masked(what), masked(place));
            said = Some(words.trim_end().to_owned());
            break;
        }
    }
    let whole = head.action.or(head.group_status).map(|status| format!("{status:?} for the bundle"));
    let what = match (said, whole) {
        (Some(said), _) => format!("{kind}: {said}"),
        (None, Some(whole)) => format!("{kind}: {whole}"),
        (None, None) => return Ok(None), // it names others
    };
    Ok(Some(event(file.received_at, 5, what, vec![format!("{name}, transfer {}", file.no.0)])))
}

/// Tells of a bundle as a whole.
pub(super) fn of_bundle(hub: &Hub, bundle: &Bundle) -> Result<Story, PipelineError> {
    let head = format!(
        "{} payments over {} kr. numbered, to be paid on {}",
        bundle.payments,
        bundle.sum.danish(),
        bundle.execution_day
    );
    let mut events = vec![event(bundle.frozen.created_at, 3, head, vec![])];
    events.extend(bundle.sent_at.map(|at| event(at, 4, "handed to NemKonto".to_owned(), vec![])));
    events.extend(bundle.landed_at.map(|at| event(at, 4, "seen at NemKonto's side".to_owned(), vec![])));
    events.extend(acts(hub, &unknown::bundle_subject(bundle.no))?);
    for file in hub.store.read(|tx| transfer::of_bundle(tx, bundle.no))? {
        if file.identity.direction == Direction::In {
            let what =
                format!("{}: {}", file.message_id.as_deref().unwrap_or("an answer"), file.state.text());
            let details = vec![format!("{}, {} payments named", file.identity.name, file.records)];
            events.push(event(file.received_at, 5, what, details));
        }
    }
    events.sort_by_key(|event| event.order);
    let state = format!("{}, {} undecided", bundle.state.text(), bundle.undecided);
    Ok(Story { payment: bundle.group_id.clone(), trace_id: None, state, events })
}

/// The attempt that an EndToEndId names.
pub(super) fn attempt_named(text: &str) -> Option<PaymentId> {
    AttemptId::from_end_to_end_id(text).ok().map(|attempt| attempt.payment)
}
