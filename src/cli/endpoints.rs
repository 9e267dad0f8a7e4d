//! `toek endpoints`: places to which nothing is sent since a restore, what was found there, and how a person ends it.

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;

use super::installation::{Access, Open, open};
use super::{Colour, Context, Outcome, remote};
use crate::pipelines::restored;
use crate::serve::commands::{Answer, Command, held};
use crate::store::restore::{self, Hold};

/// Places to which nothing is sent since a restore.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
A restore holds every place to which anything is sent. What left after the backup is looked for in our delivery folders
and in receipts and answers, and known again. A place is free by itself when every answer must have come and nothing is
left that may have been sent unseen; else a person frees it, who has asked the counterparty what it got.

Examples:
  toek -C my-hub endpoints list
  toek -C my-hub endpoints release nemkonto --reason 'NemKonto lists the same bundles' --dry-run
  toek -C my-hub endpoints release nemkonto --reason 'NemKonto lists the same bundles'")]
pub(super) enum Endpoints {
    /// Each that a restore held: since when, why, what was found, and what is not explained.
    List,
    /// Send there again.
    Release(ReleaseOne),
}

/// See [`Endpoints::Release`].
#[derive(Debug, Args)]
pub(super) struct ReleaseOne {
    /// The endpoint's name.
    endpoint: String,
    /// Why; it is kept with who did it.
    #[arg(long)]
    reason: String,
    /// Say what would happen, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct FoundLine {
    reference: String,
    text: String,
    evidence: String,
    explained: bool,
}

#[derive(Serialize)]
struct Line {
    endpoint: String,
    held: bool,
    since: String,
    backed_up: String,
    epoch: i64,
    why: &'static str,
    answers_until: String,
    released: Option<String>,
    released_by: Option<String>,
    reason: Option<String>,
    found: Vec<FoundLine>,
    questions: Vec<String>,
}

const WHY: &str = "restored: what left after the backup must be known first";

pub(super) fn run(context: &Context, command: &Endpoints) -> anyhow::Result<Outcome> {
    match command {
        Endpoints::List => list(context),
        Endpoints::Release(command) => release(context, command),
    }
}

fn shown(micros: i64) -> String {
    Timestamp::from_microsecond(micros).map(|at| format!("{at:.0}")).unwrap_or_default()
}

fn line(open: &Open, hold: Hold) -> anyhow::Result<Line> {
    let is_held = hold.released_at.is_none();
    let found = open.hub.store.read(|tx| restore::found(tx, &hold.endpoint))?.into_iter();
    Ok(Line {
        held: is_held,
        since: shown(hold.held_at),
        backed_up: shown(hold.pictured_at),
        epoch: hold.epoch,
        why: WHY,
        answers_until: format!("{:.0}", restored::expected_until(&open.hub, &hold)?),
        questions: if is_held { restored::questions(&open.hub, &hold)? } else { Vec::new() },
        released: hold.released_at.map(shown),
        released_by: hold.released_by,
        reason: hold.reason,
        endpoint: hold.endpoint,
        found: found
            .map(|found| FoundLine {
                reference: found.reference,
                text: found.text,
                evidence: found.evidence,
                explained: !found.is_open,
            })
            .collect(),
    })
}

fn list(context: &Context) -> anyhow::Result<Outcome> {
    let open = open(context, Access::Read)?;
    let printer = &context.printer;
    for hold in open.hub.store.read(restore::holds)? {
        let line = line(&open, hold)?;
        if printer.is_json() {
            printer.value(&line)?;
            continue;
        }
        let state = match line.held {
            true => printer.paint(Colour::Yellow, "held"),
            false => printer.paint(Colour::Green, "released"),
        };
        printer.line(format!("{}  {state} since {}, {}", line.endpoint, line.since, line.why));
        printer.line(format!("  the backup is of {}; epoch {}", line.backed_up, line.epoch));
        match (&line.released, &line.released_by, &line.reason) {
            (Some(at), Some(by), Some(reason)) => {
                printer.line(format!("  released {at} by {by}: {reason}"));
            }
            _ => printer.line(format!("  answers may come until {}", line.answers_until)),
        }
        for found in &line.found {
            let mark = if found.explained { "found" } else { "FOUND, not explained" };
            printer.line(format!("  {mark}: {} {} ({})", found.reference, found.text, found.evidence));
        }
        for question in &line.questions {
            printer.line(format!("  {}: {question}", printer.paint(Colour::Yellow, "open")));
        }
    }
    Ok(Outcome::Done)
}

fn release(context: &Context, command: &ReleaseOne) -> anyhow::Result<Outcome> {
    let ReleaseOne { endpoint, reason, dry_run } = command;
    if *dry_run {
        let open = open(context, Access::Read)?;
        let questions = restored::questions(&open.hub, &held(&open.hub, endpoint, reason)?)?;
        return tell(context, endpoint, &questions, "would be sent to again");
    }
    let asked = Command::ReleaseEndpoint { endpoint: endpoint.clone(), reason: reason.clone() };
    let Answer::EndpointReleased { questions } = remote::perform(context, &asked)? else {
        anyhow::bail!("an answer to another question came")
    };
    tell(context, endpoint, &questions, "is sent to again")
}

fn tell(context: &Context, endpoint: &str, questions: &[String], what: &str) -> anyhow::Result<Outcome> {
    if context.printer.is_json() {
        context.printer.value(&serde_json::json!({ "endpoint": endpoint, "questions": questions }))?;
        return Ok(Outcome::Done);
    }
    context.printer.line(format!("{endpoint} {what}; {} questions are open", questions.len()));
    for question in questions {
        context.printer.line(format!("  {question}"));
    }
    Ok(Outcome::Done)
}
