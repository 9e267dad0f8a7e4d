//! `toek trace`: the whole story of a payment, a bundle or a file.

use anyhow::{Context as _, bail};
use clap::Args;
use serde::Serialize;
use toek_formats::g68::Unit;

use super::duplicates::{Equals, sentence};
use super::installation::{Access, Open, open};
use super::remote;
use super::story::{self, Story};
use super::{Colour, Context, Outcome};
use crate::domain::identity::{PaymentId, TransferNo};
use crate::domain::payment::{HoldReason, PaymentState};
use crate::pipelines::receive_payments;
use crate::store::duplicate::{self, Original};
use crate::store::intake;
use crate::store::report;
use crate::store::transfer::{self, Transfer, TransferState};
use crate::store::{StoreError, Tx, bundle};

/// The whole story of a payment, a bundle, a transfer or a file.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toek -C my-hub trace P3-17                          a payment: transfer 3, record 17
  toek -C my-hub trace T0751-260128-00000125829301    by the reference NemKonto knows it by
  toek -C my-hub trace TRC-0751-000012582913          by its trace id
  toek -C my-hub trace T0751-20260128-000001          a bundle
  toek -C my-hub trace G68_0751_20260128_0001.g68     every record of a file")]
pub(super) struct Trace {
    /// A payment, reference, trace id, bundle, transfer number or file name.
    #[arg(value_name = "ID|FILE")]
    subject: String,
}

pub(super) fn run(context: &Context, command: &Trace) -> anyhow::Result<Outcome> {
    let open = open(context, Access::Read)?;
    let subject = command.subject.trim();
    if let Some(id) = payment_named(subject) {
        let story = story::tell(&open.hub, id)?;
        let story = story.with_context(|| format!("nothing is known of {id}"))?;
        remote::note_reading(context, &open, "trace", &id.to_string())?;
        return tell(context, &story);
    }
    if let Some(no) = open.hub.store.read(|tx| bundle::by_group(tx, subject))? {
        let bundle = open.hub.store.read(|tx| bundle::get(tx, no))?;
        remote::note_reading(context, &open, "trace", &bundle.group_id)?;
        return tell(context, &story::of_bundle(&open.hub, &bundle)?);
    }
    let transfer = open.hub.store.read(|tx| transfer_named(tx, subject))?;
    match transfer {
        Some(transfer) => {
            remote::note_reading(context, &open, "trace", &format!("transfer {}", transfer.no.0))?;
            file(context, &open, &transfer)
        }
        None => bail!(
            "`{subject}` is no payment (P3-17), reference, trace id, bundle, transfer or file known here"
        ),
    }
}

/// A payment by its id, trace id or reference.
fn payment_named(text: &str) -> Option<PaymentId> {
    let by_trace = || {
        let digits = text.strip_prefix("TRC-")?.split_once('-')?.1;
        digits.parse().ok().map(PaymentId::from_i64)
    };
    text.parse().ok().or_else(|| story::attempt_named(text)).or_else(by_trace)
}

fn transfer_named(tx: &Tx<'_>, text: &str) -> Result<Option<Transfer>, StoreError> {
    if let Ok(no) = text.parse() {
        return transfer::get(tx, TransferNo(no));
    }
    let name = text.rsplit('/').next().unwrap_or(text);
    let mut all = transfer::named(tx, name)?;
    let accepted = all.iter().position(|t| t.state == TransferState::Accepted);
    let told = accepted.or_else(|| all.iter().position(|t| t.state != TransferState::Ignored));
    Ok(match told {
        Some(place) => Some(all.swap_remove(place)),
        None => all.pop(),
    })
}

fn tell(context: &Context, story: &Story) -> anyhow::Result<Outcome> {
    let printer = &context.printer;
    if printer.is_json() {
        printer.value(story)?;
        return Ok(Outcome::Done);
    }
    let trace_id = story.trace_id.as_deref().map(|id| format!("  {id}")).unwrap_or_default();
    printer.line(format!("{}{trace_id}  {}", printer.paint(Colour::Bold, &story.payment), story.state));
    for event in &story.events {
        printer.line(format!("{}  {}", printer.paint(Colour::Dim, &event.at), event.what));
        for detail in &event.details {
            printer.line(format!("{:21}{detail}", ""));
        }
    }
    Ok(Outcome::Done)
}

#[derive(Serialize)]
struct AttemptLine {
    end_to_end_id: String,
    group_id: String,
    bundle_line: u32,
    state: &'static str,
}

#[derive(Serialize)]
struct RecordLine<'a> {
    file: &'a str,
    record: u32,
    line: u32,
    municipality: Option<String>,
    transaction_ref: Option<String>,
    posting_ref: Option<String>,
    amount_ore: Option<i64>,
    outcome: &'static str,
    reason: Option<String>,
    /// The payment it repeats, where that is why.
    equals: Option<Equals>,
    payment: Option<String>,
    attempts: Vec<AttemptLine>,
}

/// Every record of a file, in order, with what became of it.
fn file(context: &Context, open: &Open, transfer: &Transfer) -> anyhow::Result<Outcome> {
    if transfer.format != "g68" {
        return answer(context, transfer);
    }
    let intake = open.hub.intake_of(transfer)?;
    let printer = &context.printer;
    if !printer.is_json() {
        let reason = transfer.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        let (name, no, state) = (&transfer.identity.name, transfer.no.0, transfer.state.text());
        printer.line(format!("{}  transfer {no}, {state}{reason}", printer.paint(Colour::Bold, name)));
    }
    let mut failed: Option<anyhow::Error> = None;
    receive_payments::read_file(&open.hub, intake, transfer, |unit| {
        if failed.is_none() {
            failed = record(context, open, transfer, &unit).err();
        }
    })?;
    failed.map_or(Ok(Outcome::Done), Err)
}

fn answer(context: &Context, transfer: &Transfer) -> anyhow::Result<Outcome> {
    let (name, state) = (&transfer.identity.name, transfer.state.text());
    let reason = transfer.reason.as_deref().unwrap_or("");
    let message = transfer.message_id.as_deref().unwrap_or("");
    context.printer.line(format!("{name}  transfer {}, {state}  {message}  {reason}", transfer.no.0));
    Ok(Outcome::Done)
}

fn record(context: &Context, open: &Open, transfer: &Transfer, unit: &Unit<'_>) -> anyhow::Result<()> {
    let id = PaymentId::new(transfer.no, unit.record_no);
    let (outcome, reason, attempts, original) = open.hub.store.read(|tx| fate(tx, transfer, id))?;
    let latin1 = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect::<String>();
    let request = unit.request;
    let line = RecordLine {
        file: &transfer.identity.name,
        record: unit.record_no,
        line: unit.line_no,
        municipality: request.map(|r| r.municipality.to_string()),
        transaction_ref: request.map(|r| latin1(r.transaction_ref)),
        posting_ref: request.map(|r| r.posting_ref.as_str().to_owned()),
        amount_ore: request.map(|r| r.amount.0),
        outcome,
        reason,
        equals: original.as_ref().map(Equals::from),
        payment: matches!(outcome, "paid" | "returned" | "held" | "waiting").then(|| id.to_string()),
        attempts,
    };
    if context.printer.is_json() {
        return context.printer.value(&line);
    }
    let amount = line.amount_ore.map(|ore| toek_formats::vocabulary::Ore(ore).danish().to_string());
    let attempt = line.attempts.last().map(|a| format!("{} {}", a.group_id, a.state)).unwrap_or_default();
    context.printer.line(format!(
        "  line {:>6}  {:>16}  {:<11} {:<20} {id:<12} {attempt}",
        line.line,
        amount.unwrap_or_default(),
        line.outcome,
        line.reason.unwrap_or_default(),
    ));
    if let Some(original) = original {
        context.printer.line(format!("               {}", sentence(line.line, Some(&original))));
    }
    Ok(())
}

type Fate = (&'static str, Option<String>, Vec<AttemptLine>, Option<Original>);

/// What became of a record: its group, why, and the attempts to pay it.
fn fate(tx: &Tx<'_>, transfer: &Transfer, id: PaymentId) -> Result<Fate, StoreError> {
    if transfer.state != TransferState::Accepted {
        return Ok((transfer.state.text(), transfer.reason.clone(), vec![], None));
    }
    let Some(stored) = intake::payment(tx, id)? else {
        let findings = transfer::findings(tx, transfer.no, id.record_no(), id.record_no())?;
        let known = report::rejected(tx, transfer.no, id.record_no())?;
        let reason = findings.into_iter().next().map(|finding| finding.code);
        let outcome = if known.is_some() { "rejected" } else { "unknown" };
        let earlier = known.and_then(|known| known.earlier);
        let original = earlier.map(|earlier| duplicate::original(tx, earlier)).transpose()?.flatten();
        return Ok((outcome, reason, vec![], original));
    };
    let line = |attempt: report::Attempt| AttemptLine {
        end_to_end_id: attempt.reference,
        group_id: attempt.group_id,
        bundle_line: attempt.bundle_line,
        state: attempt.state.text(),
    };
    let attempts = report::attempts(tx, id)?.into_iter().map(line).collect();
    let reason = match stored.state {
        PaymentState::Held(reason) => Some(reason.text().to_owned()),
        _ => None,
    };
    let is_duplicate = stored.state == PaymentState::Held(HoldReason::PossibleDuplicate);
    let original = if is_duplicate { duplicate::original_of(tx, id)? } else { None };
    Ok((stored.state.group().text(), reason, attempts, original))
}
