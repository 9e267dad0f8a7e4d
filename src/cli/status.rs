//! `toek status`: what stands where, and what a pipeline would do.

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use toek_adapters::drop::check_name;

use super::duplicates;
use super::installation::{Access, Open, open};
use super::{Colour, Context, Outcome};
use crate::domain::identity::TransferNo;
use crate::domain::payment::OutcomeGroup;
use crate::domain::sending::{self, Timing};
use crate::store::duplicate::{self, Held, Repeated};
use crate::store::report::{self, Tally};
use crate::store::task::{self, Task};
use crate::store::transfer::{self, Direction, Transfer};
use crate::store::{StoreError, Tx, bundle, restore};
use std::collections::BTreeMap;

/// What stands where.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  toek -C my-hub status\n  toek -C my-hub status --all --json | jq .outcomes"
)]
pub(super) struct Status {
    /// Every file and bundle, not the last few.
    #[arg(long)]
    all: bool,
}

#[derive(Serialize)]
struct TransferLine {
    transfer: i64,
    endpoint: String,
    file: String,
    format: String,
    state: &'static str,
    /// The rule's code.
    reason: Option<String>,
    /// The code and what it means here.
    text: Option<String>,
    records: u32,
    sum_ore: i64,
}

#[derive(Serialize)]
struct BundleLine {
    group_id: String,
    municipality: String,
    day: String,
    payments: u32,
    sum_ore: i64,
    undecided: u32,
    state: &'static str,
}

#[derive(Serialize)]
struct TaskLine {
    task: i64,
    kind: String,
    municipality: Option<String>,
    subject: String,
    text: String,
}

/// A place to which nothing is sent since a restore.
#[derive(Serialize)]
struct HeldLine {
    endpoint: String,
    since: String,
    epoch: i64,
}

#[derive(Serialize)]
struct Report {
    held: Vec<HeldLine>,
    transfers: Vec<TransferLine>,
    outcomes: BTreeMap<&'static str, u64>,
    bundles: Vec<BundleLine>,
    /// Payments held because each equals an earlier one; the first 500 by municipality and age.
    duplicates: Vec<duplicates::Line>,
    /// Records refused because their reference was used before; the newest 500.
    repeated: Vec<RepeatedLine>,
    tasks: Vec<TaskLine>,
}

#[derive(Serialize)]
struct RepeatedLine {
    record: String,
    file: String,
    line: u32,
    equals: Option<duplicates::Equals>,
}

/// What repeats something that came before.
struct Repeats {
    held: Vec<Held>,
    held_in_all: i64,
    refused: Vec<Repeated>,
}

fn repeats(tx: &Tx<'_>, refused: i64) -> Result<Repeats, StoreError> {
    Ok(Repeats {
        held: duplicate::held_after(tx, None)?,
        held_in_all: duplicate::count(tx)?,
        refused: duplicate::repeated(tx, refused)?,
    })
}

pub(super) fn run(context: &Context, command: &Status) -> anyhow::Result<Outcome> {
    let open = open(context, Access::Read)?;
    let (transfers, bundles, tasks, outcomes) =
        open.hub.store.read(|tx| Ok((incoming(tx)?, bundles(tx)?, all_tasks(tx)?, report::outcomes(tx)?)))?;
    let held = open.hub.store.read(held)?;
    if context.printer.is_json() {
        let counts = outcomes.iter().map(|(group, tally)| (group.text(), tally.count)).collect();
        let tasks = tasks.into_iter().map(task_line).collect();
        let Repeats { held: held_back, refused, .. } = open.hub.store.read(|tx| repeats(tx, 500))?;
        let duplicates = held_back.iter().map(duplicates::line_of).collect();
        let repeated = |one: &Repeated| RepeatedLine {
            record: one.record.to_string(),
            file: one.file.clone(),
            line: one.line_no,
            equals: one.equals.as_ref().map(duplicates::Equals::from),
        };
        let repeated = refused.iter().map(repeated).collect();
        let report = Report { held, transfers, outcomes: counts, bundles, duplicates, repeated, tasks };
        context.printer.value(&report)?;
        return Ok(Outcome::Done);
    }
    for HeldLine { endpoint, since, .. } in &held {
        let word = context.printer.paint(Colour::Yellow, "HELD");
        context.printer.line(format!(
            "{word} nothing is sent to {endpoint} since the restore of {since}: `toek endpoints list`"
        ));
    }
    let repeats = open.hub.store.read(|tx| repeats(tx, if command.all { 500 } else { SHOWN as i64 }))?;
    show(context, command.all, &transfers, &bundles, &tasks, &outcomes, &repeats);
    Ok(Outcome::Done)
}

fn held(tx: &Tx<'_>) -> Result<Vec<HeldLine>, StoreError> {
    let holds = restore::holds(tx)?.into_iter().filter(|hold| hold.released_at.is_none());
    let since = |micros| Timestamp::from_microsecond(micros).map(|at| format!("{at:.0}")).unwrap_or_default();
    Ok(holds
        .map(|hold| HeldLine { since: since(hold.held_at), endpoint: hold.endpoint, epoch: hold.epoch })
        .collect())
}

/// All files that came, oldest first.
fn incoming(tx: &Tx<'_>) -> Result<Vec<TransferLine>, StoreError> {
    let (mut lines, mut last) = (Vec::new(), TransferNo(0));
    loop {
        let page = transfer::after(tx, last)?;
        let Some(end) = page.last() else { return Ok(lines) };
        last = end.no;
        lines.extend(page.into_iter().filter(|t| t.identity.direction == Direction::In).map(transfer_line));
    }
}

fn transfer_line(transfer: Transfer) -> TransferLine {
    TransferLine {
        transfer: transfer.no.0,
        endpoint: transfer.identity.endpoint,
        file: transfer.identity.name,
        format: transfer.format,
        state: transfer.state.text(),
        reason: transfer
            .reason
            .as_deref()
            .and_then(|reason| reason.split_once(": "))
            .map(|(code, _)| code.to_owned()),
        text: transfer.reason,
        records: transfer.records,
        sum_ore: transfer.sum.0,
    }
}

fn bundles(tx: &Tx<'_>) -> Result<Vec<BundleLine>, StoreError> {
    let (mut lines, mut last) = (Vec::new(), 0);
    loop {
        let page = bundle::after(tx, last)?;
        let Some(end) = page.last() else { return Ok(lines) };
        last = end.no.0;
        lines.extend(page.into_iter().map(|bundle| BundleLine {
            group_id: bundle.group_id,
            municipality: bundle.municipality.to_string(),
            day: bundle.execution_day.to_string(),
            payments: bundle.payments,
            sum_ore: bundle.sum.0,
            undecided: bundle.undecided,
            state: bundle.state.text(),
        }));
    }
}

fn all_tasks(tx: &Tx<'_>) -> Result<Vec<Task>, StoreError> {
    let mut tasks: Vec<Task> = Vec::new();
    loop {
        let page = task::open_after(tx, tasks.last().map_or(0, |task| task.task_no))?;
        if page.is_empty() {
            return Ok(tasks);
        }
        tasks.extend(page);
    }
}

fn task_line(task: Task) -> TaskLine {
    let Task { task_no, kind, municipality, subject, text, .. } = task;
    TaskLine { task: task_no, kind, municipality: municipality.map(|m| m.to_string()), subject, text }
}

/// How many rows of a list are shown unless all are asked for.
const SHOWN: usize = 12;

fn show(
    context: &Context,
    all: bool,
    transfers: &[TransferLine],
    bundles: &[BundleLine],
    tasks: &[Task],
    outcomes: &BTreeMap<OutcomeGroup, Tally>,
    repeats: &Repeats,
) {
    let printer = &context.printer;
    show_outcomes(context, outcomes);
    let payments: Vec<_> = transfers.iter().filter(|t| t.format == "g68").collect();
    printer.heading(&format!("Files with payments ({})", payments.len()));
    for line in last(&payments, all) {
        let sum = toek_formats::vocabulary::Ore(line.sum_ore).danish();
        let reason = line.text.as_deref().unwrap_or("");
        let state = colour_of(context, line.state);
        printer.line(format!(
            "  {:>5}  {:<34} {state} {:>6} records {sum:>18}  {reason}",
            line.transfer, line.file, line.records
        ));
    }
    printer.heading(&format!("Bundles ({})", bundles.len()));
    for line in last(bundles, all) {
        let sum = toek_formats::vocabulary::Ore(line.sum_ore).danish();
        printer.line(format!(
            "  {:<22} {} for {} {:>6} payments {sum:>18}  {}, {} undecided",
            line.group_id, line.municipality, line.day, line.payments, line.state, line.undecided
        ));
    }
    let odd: Vec<_> = transfers.iter().filter(|t| t.format != "g68" && t.state != "accepted").collect();
    if !odd.is_empty() {
        printer.heading(&format!("Answers that count for nothing ({})", odd.len()));
        for line in last(&odd, all) {
            let reason = line.text.as_deref().unwrap_or("");
            printer.line(format!("  {:>5}  {} {}  {reason}", line.transfer, line.file, line.state));
        }
    }
    show_repeats(context, all, repeats);
    printer.heading(&format!("For a person ({})", tasks.len()));
    for task in last(tasks, all) {
        let kind = printer.paint(Colour::Yellow, &task.kind);
        printer.line(format!("  {kind}: {} – {}", task.subject, task.text));
    }
}

fn show_repeats(context: &Context, all: bool, repeats: &Repeats) {
    let printer = &context.printer;
    if repeats.held_in_all > 0 {
        printer.heading(&format!(
            "Held because they equal another ({}): `toek duplicates`",
            repeats.held_in_all
        ));
        let few = if all { repeats.held.len() } else { SHOWN };
        for held in repeats.held.iter().take(few) {
            let request = &held.payment.request;
            let sentence = duplicates::sentence(request.line_no, held.equals.as_ref());
            printer
                .line(format!("  {}  {}: {} {sentence}", request.municipality, request.payment, held.file));
        }
    }
    if !repeats.refused.is_empty() {
        printer.heading("Refused because their reference was used before (G68-K09), the newest");
        for one in &repeats.refused {
            let sentence = duplicates::sentence(one.line_no, one.equals.as_ref());
            printer.line(format!("  {}: {} {sentence}", one.record, one.file));
        }
    }
}

fn last<T>(lines: &[T], all: bool) -> &[T] {
    if all { lines } else { &lines[lines.len().saturating_sub(SHOWN)..] }
}

fn colour_of(context: &Context, state: &str) -> String {
    let padded = format!("{state:<11}");
    match state {
        "accepted" => context.printer.paint(Colour::Green, &padded),
        "quarantined" | "unmatched" | "rejected" => context.printer.paint(Colour::Red, &padded),
        _ => padded,
    }
}

/// The five groups, and that they add up.
pub(super) fn show_outcomes(context: &Context, outcomes: &BTreeMap<OutcomeGroup, Tally>) {
    let printer = &context.printer;
    printer.heading("Records of accepted files");
    for (group, tally) in outcomes {
        let sum = match group {
            OutcomeGroup::Rejected => String::new(), // nothing is owed because of them
            _ => tally.sum.danish().to_string(),
        };
        printer.line(format!("  {:<9} {:>9} {sum:>20}", group.text(), tally.count));
    }
    let records: u64 = outcomes.values().map(|tally| tally.count).sum();
    printer.line(format!("  {:<9} {records:>9}", "records"));
}

/// What a pipeline would take or send now.
pub(super) fn what_would_run(context: &Context, name: &str) -> anyhow::Result<Outcome> {
    let open = open(context, Access::Read)?;
    let pipeline = open.hub.pipeline(name)?.clone();
    if pipeline.kind.receives() {
        return what_would_come(context, &open, &pipeline);
    }
    let now = open.hub.clock.danish();
    for key in open.hub.store.read(bundle::open_due)? {
        let rules = open.hub.installation.parameters.at(key.municipality, now.date());
        let what = match sending::timing(key.due, now, &open.hub.installation.bank_days, &rules) {
            Timing::NotYet => format!("waits for {}", key.due.day),
            Timing::Send(day) => format!("would be sent for {day}"),
            Timing::TooLate => format!("would be held: too late for {}", key.due.day),
        };
        let (municipality, transfer) = (key.municipality, key.transfer.0);
        context
            .printer
            .line(format!("{municipality}: {} payments of transfer {transfer} {what}", key.payments));
    }
    for no in open.hub.store.read(bundle::to_send)? {
        let bundle = open.hub.store.read(|tx| bundle::get(tx, no))?;
        context.printer.line(format!("{}: {}, would go on its way", bundle.group_id, bundle.state.text()));
    }
    Ok(Outcome::Done)
}

fn what_would_come(
    context: &Context,
    open: &Open,
    pipeline: &crate::config::Pipeline,
) -> anyhow::Result<Outcome> {
    for place in open.hub.places(pipeline)? {
        for file in super::block_on(place.drop.list())?? {
            let taken = pipeline.receiving.as_ref().is_some_and(|r| r.pattern.takes(&file.name));
            let what = match (taken, check_name(&file.name)) {
                (true, Ok(())) => "would be looked at",
                (true, Err(_)) => "has a name under which it cannot be fetched, and stays",
                (false, _) => "does not fit the pattern, and stays",
            };
            let changed = Timestamp::from_microsecond(file.modified_micros)?;
            let name = file.name.escape_debug();
            let line = format!("{}: {name} ({} bytes, {changed:.0}) {what}", place.label, file.size);
            context.printer.line(line);
        }
    }
    Ok(Outcome::Done)
}
