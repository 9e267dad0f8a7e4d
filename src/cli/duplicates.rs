//! `toek duplicates`: payments held because each equals an earlier one, which one, and what two persons may do about it.

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde::Serialize;
use toek_formats::vocabulary::MunicipalityCode;

use super::installation::{Access, Open, open};
use super::{Colour, Context, Outcome, remote, story};
use crate::domain::identity::PaymentId;
use crate::domain::intake::unpack_digits;
use crate::domain::payment::{HoldReason, PaymentState};
use crate::domain::people::Act;
use crate::serve::commands::{Answer, Command, due_if_released};
use crate::store::duplicate::{self, Held, Original, danish_day};
use crate::store::person_act::{PersonAct, Step};

/// Payments held because each equals an earlier one.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toek -C my-hub duplicates                                 all of them, by municipality and age
  toek -C my-hub duplicates --municipality 0751 --json
  toek -C my-hub duplicates show P3-17
  toek -C my-hub duplicates release P3-17 --reason 'two children, the same amount' --dry-run
  toek -C my-hub duplicates release P3-17 --reason 'two children, the same amount'
  toek -C my-hub duplicates approve P3-17 --reason 'seen both grants'      by another account
  toek -C my-hub duplicates refuse P3-18 --reason 'sent twice by mistake'")]
pub(super) struct Duplicates {
    /// Only those of this municipality.
    #[arg(long, value_name = "CODE")]
    municipality: Option<String>,
    #[command(subcommand)]
    act: Option<Acts>,
}

#[derive(Debug, Subcommand)]
enum Acts {
    /// One, beside the one it equals.
    Show(One),
    /// Propose that it is paid all the same; another person approves.
    Release(Reasoned),
    /// Approve what another proposed: it is owed from now on, and sent when its day comes.
    Approve(Reasoned),
    /// Send it back to its case system. It is never paid.
    Refuse(Reasoned),
}

/// Which payment.
#[derive(Debug, Args)]
struct One {
    /// The payment.
    payment: PaymentId,
}

/// Which payment, and why.
#[derive(Debug, Args)]
struct Reasoned {
    /// The payment.
    payment: PaymentId,
    /// Why; it is kept with the payment.
    #[arg(long)]
    reason: String,
    /// Say what would happen, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

/// What a payment repeats, for programs.
#[derive(Serialize)]
pub(super) struct Equals {
    payment: String,
    file: String,
    line: u32,
    received: String,
    standing: String,
}

impl From<&Original> for Equals {
    fn from(original: &Original) -> Equals {
        Equals {
            payment: original.payment.to_string(),
            file: original.file.clone(),
            line: original.line_no,
            received: original.received.to_string(),
            standing: original.standing.clone(),
        }
    }
}

/// What somebody proposed and nobody approved yet.
#[derive(Serialize)]
pub(super) struct Proposed {
    act: &'static str,
    by: String,
    reason: String,
    on: String,
}

pub(super) fn proposed(acts: &[PersonAct]) -> Option<Proposed> {
    let open = acts.iter().rev().find(|act| act.is_open)?;
    Some(Proposed {
        act: open.act.text(),
        by: open.by.clone(),
        reason: open.reason.clone(),
        on: danish_day(open.at).to_string(),
    })
}

/// A held payment, for programs.
#[derive(Serialize)]
pub(super) struct Line {
    payment: String,
    municipality: String,
    file: String,
    line: u32,
    received: String,
    amount_ore: i64,
    disposition_day: String,
    equals: Option<Equals>,
    proposed: Option<Proposed>,
}

pub(super) fn line_of(held: &Held) -> Line {
    let request = &held.payment.request;
    Line {
        payment: request.payment.to_string(),
        municipality: request.municipality.to_string(),
        file: held.file.clone(),
        line: request.line_no,
        received: danish_day(held.received_at).to_string(),
        amount_ore: request.amount.0,
        disposition_day: request.disposition_day.to_string(),
        equals: held.equals.as_ref().map(Equals::from),
        proposed: proposed(&held.acts),
    }
}

/// `line 812 equals line 17 of file X of 3 November 2026, paid (P1-17)`.
pub(super) fn sentence(line_no: u32, equals: Option<&Original>) -> String {
    match equals {
        Some(original) => format!("line {line_no} equals {original}"),
        None => format!("line {line_no} equals an earlier payment; which one was not kept when it came"),
    }
}

pub(super) fn run(context: &Context, command: &Duplicates) -> anyhow::Result<Outcome> {
    match &command.act {
        None => list(context, command.municipality.as_deref()),
        Some(Acts::Show(one)) => show(context, one.payment),
        Some(Acts::Release(asked)) => settle(context, asked, Act::ReleaseDuplicate, Step::Propose),
        Some(Acts::Approve(asked)) => settle(context, asked, Act::ReleaseDuplicate, Step::Approve),
        Some(Acts::Refuse(asked)) => settle(context, asked, Act::RefuseDuplicate, Step::Do),
    }
}

fn list(context: &Context, municipality: Option<&str>) -> anyhow::Result<Outcome> {
    let wanted = municipality.map(MunicipalityCode::parse).transpose();
    let wanted = wanted.ok().context("--municipality is the code of a municipality, four digits")?;
    let open = open(context, Access::Read)?;
    let mut after = None;
    loop {
        let page = open.hub.store.read(|tx| duplicate::held_after(tx, after))?;
        let Some(end) = page.last() else { return Ok(Outcome::Done) };
        after = Some((end.payment.request.municipality, end.payment.request.payment));
        for held in
            page.iter().filter(|held| wanted.is_none_or(|code| code == held.payment.request.municipality))
        {
            tell(context, held)?;
        }
    }
}

fn tell(context: &Context, held: &Held) -> anyhow::Result<()> {
    let printer = &context.printer;
    let line = line_of(held);
    if printer.is_json() {
        return printer.value(&line);
    }
    let Line { payment, municipality, file, line: line_no, .. } = &line;
    let amount = held.payment.request.amount.danish();
    let sentence = sentence(*line_no, held.equals.as_ref());
    printer.line(format!(
        "{municipality}  {}  {amount} kr.  {file} {sentence}",
        printer.paint(Colour::Bold, payment)
    ));
    if let Some(Proposed { act, by, reason, on }) = line.proposed {
        printer.line(format!("      {by} proposed on {on}: {act} ({reason}); another account may approve"));
    }
    Ok(())
}

fn held(open: &Open, id: PaymentId) -> anyhow::Result<Held> {
    let held = open.hub.store.read(|tx| duplicate::held(tx, id))?;
    let held = held.with_context(|| format!("there is no payment {id}"))?;
    let state = held.payment.state;
    if state != PaymentState::Held(HoldReason::PossibleDuplicate) {
        bail!("{id} is not held as a possible duplicate: it is {state}");
    }
    Ok(held)
}

fn show(context: &Context, id: PaymentId) -> anyhow::Result<Outcome> {
    let open = open(context, Access::Read)?;
    let held = held(&open, id)?;
    remote::note_reading(context, &open, "duplicates show", &id.to_string())?;
    tell(context, &held)?;
    let printer = &context.printer;
    if printer.is_json() {
        return Ok(Outcome::Done);
    }
    let earlier = held.equals.as_ref().map(|original| original.payment);
    let earlier = earlier.map(|id| open.hub.store.read(|tx| duplicate::held(tx, id))).transpose()?.flatten();
    for (word, one) in [("this", Some(&held)), ("that", earlier.as_ref())] {
        let Some(request) = one.map(|one| &one.payment.request) else { continue };
        let period = request.period.map(|(from, to)| format!(", for {from} to {to}")).unwrap_or_default();
        printer.line(format!(
            "      {word}: {} kr. for {} on {}{period}, benefit {}, posting reference {} ({})",
            request.amount.danish(),
            request.payee.masked(),
            request.disposition_day,
            request.benefit,
            unpack_digits(&request.posting_ref),
            request.payment,
        ));
    }
    for line in story::acts_told(&held.acts) {
        printer.line(format!("      {line}"));
    }
    printer.line(format!(
        "      next: `toek duplicates release {id} --reason …` (another account approves), or `refuse {id}`"
    ));
    Ok(Outcome::Done)
}

fn settle(context: &Context, asked: &Reasoned, act: Act, step: Step) -> anyhow::Result<Outcome> {
    let id = asked.payment;
    if asked.reason.trim().is_empty() {
        bail!("`--reason` must say why");
    }
    if asked.dry_run {
        let open = open(context, Access::Read)?;
        let held = held(&open, id)?;
        tell(context, &held)?;
        let due = due_if_released(&open.hub, id)?;
        let when = if due.immediate { "at once" } else { "in the ordinary run" };
        let what = match (act, step) {
            (Act::ReleaseDuplicate, Step::Propose) => {
                format!("would be proposed; approved, it would be sent {when} for {}", due.day)
            }
            (Act::ReleaseDuplicate, _) if proposed(&held.acts).is_none() => {
                bail!("{id}: nothing is proposed that could be approved")
            }
            (Act::ReleaseDuplicate, _) => {
                format!("would be owed from now on, and sent {when} for {}", due.day)
            }
            _ => "would be sent back to its case system, and never be paid".to_owned(),
        };
        context.printer.line(format!("{id} {what}"));
        return Ok(Outcome::Done);
    }
    let subject = id.to_string();
    let asked = Command::Act { act, step, subject, reason: asked.reason.clone() };
    acted(context, &id.to_string(), remote::perform(context, &asked)?)
}

/// What became of a step, for programs.
#[derive(Serialize)]
struct Acted<'a> {
    subject: &'a str,
    carried_out: bool,
    state: String,
}

/// Tells what became of a step.
pub(super) fn acted(context: &Context, subject: &str, answer: Answer) -> anyhow::Result<Outcome> {
    let Answer::Acted { carried_out, state } = answer else { bail!("an answer to another question came") };
    if context.printer.is_json() {
        context.printer.value(&Acted { subject, carried_out, state })?;
        return Ok(Outcome::Done);
    }
    context.printer.line(match carried_out {
        true => format!("{subject} is {state}"),
        false => format!("{subject} is still {state}: it is proposed, and another account must approve it"),
    });
    Ok(Outcome::Done)
}
