//! `toek bank`: lines of the banks' statements, what they are matched with, and what a person can do about one.

use clap::{Args, Subcommand};
use serde::Serialize;
use toek_formats::vocabulary::{MunicipalityCode, Ore};

use super::installation::{Access, Open, open};
use super::{Colour, Context, Outcome, balance, remote};
use crate::serve::bank::BankAct;
use crate::serve::commands::{Answer, Command};
use crate::store::controls::{self, Line, Match};

/// Lines of the banks' statements.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  toek -C my-hub bank lines                                     those that are not explained whole
  toek -C my-hub bank lines --all --municipality 0751 --json
  toek -C my-hub bank match 7 T0751-20260304-000001 --reason 'the bank wrote another reference' --dry-run
  toek -C my-hub bank match 7 P3-17 --amount 1250.00 --reason 'one of two that the bank paid together'
  toek -C my-hub bank match 8 foreign --reason 'interest, 1st quarter'
  toek -C my-hub bank undo-match 12 --reason 'it was the bundle of the 5th'")]
pub(super) enum Bank {
    /// Lines and what they are matched with.
    Lines(Lines),
    /// Say what the rest of a line is for, or a part of it. Moves no payment and posts nothing.
    Match(MatchOne),
    /// Take a match back; its line is open again.
    UndoMatch(Undo),
}

/// See [`Bank::Lines`].
#[derive(Debug, Args)]
pub(super) struct Lines {
    /// Those that are explained, too.
    #[arg(long)]
    all: bool,
    /// Of this municipality only.
    #[arg(long, value_name = "CODE", value_parser = balance::municipality)]
    municipality: Option<MunicipalityCode>,
}

/// See [`Bank::Match`].
#[derive(Debug, Args)]
pub(super) struct MatchOne {
    /// The line's number.
    line: i64,
    /// A bundle's reference, a payment (P3-17), or `foreign`: it is not the hub's.
    #[arg(value_name = "BUNDLE|PAYMENT|foreign")]
    target: String,
    /// How much of the line, as 1250.00; without it all that is left.
    #[arg(long, value_name = "KRONER", value_parser = amount)]
    amount: Option<Ore>,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Say what would happen, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

fn amount(text: &str) -> Result<Ore, String> {
    Ore::parse_decimal(text)
        .map_err(|_| "an amount has a point and at most two decimals, such as 1250.00".to_owned())
}

/// See [`Bank::UndoMatch`].
#[derive(Debug, Args)]
pub(super) struct Undo {
    /// The match's number.
    number: i64,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Say what would happen, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct LineShown {
    line: i64,
    municipality: String,
    booking_day: String,
    amount_ore: i64,
    unexplained_ore: i64,
    reference: String,
    matches: Vec<MatchShown>,
}

#[derive(Serialize)]
struct MatchShown {
    number: i64,
    bundle: Option<String>,
    payment: Option<String>,
    amount_ore: i64,
    how: &'static str,
    by: Option<String>,
    reason: Option<String>,
    undone_by: Option<String>,
    undone_reason: Option<String>,
}

pub(super) fn run(context: &Context, command: &Bank) -> anyhow::Result<Outcome> {
    match command {
        Bank::Lines(asked) => lines(context, asked),
        Bank::Match(asked) => {
            let MatchOne { line, target, amount, reason, dry_run } = asked;
            let act = BankAct::Match {
                line: *line,
                amount_ore: amount.map(|amount| amount.0),
                target: target.clone(),
                reason: reason.clone(),
            };
            perform(context, act, *dry_run)
        }
        Bank::UndoMatch(asked) => perform(
            context,
            BankAct::Undo { number: asked.number, reason: asked.reason.clone() },
            asked.dry_run,
        ),
    }
}

fn lines(context: &Context, asked: &Lines) -> anyhow::Result<Outcome> {
    let open = open(context, Access::Read)?;
    let mut last = 0;
    loop {
        let page = open.hub.store.read(|tx| controls::lines_after(tx, last))?;
        let Some(end) = page.last() else { return Ok(Outcome::Done) };
        last = end.no;
        let is_wanted = |line: &Line| {
            (asked.all || line.rest() != Ore::ZERO)
                && asked.municipality.is_none_or(|only| only == line.municipality)
        };
        for line in page.into_iter().filter(is_wanted) {
            tell(context, &open, line)?;
        }
    }
}

fn shown(one: Match) -> MatchShown {
    let (by, reason) = one.by.unzip();
    let (undone_by, undone_reason) = one.undone.map(|(_, by, reason)| (by, reason)).unzip();
    MatchShown {
        number: one.no,
        bundle: one.group_id,
        payment: one.payment.map(|id| id.to_string()),
        amount_ore: one.amount.0,
        how: one.how.text(),
        by,
        reason,
        undone_by,
        undone_reason,
    }
}

fn tell(context: &Context, open: &Open, line: Line) -> anyhow::Result<()> {
    let matches = open.hub.store.read(|tx| controls::matches_of(tx, line.no))?;
    let printer = &context.printer;
    let (amount, rest) = (line.amount, line.rest());
    let line = LineShown {
        line: line.no,
        municipality: line.municipality.to_string(),
        booking_day: line.booking_day.to_string(),
        amount_ore: amount.0,
        unexplained_ore: rest.0,
        reference: line.reference,
        matches: matches.into_iter().map(shown).collect(),
    };
    if printer.is_json() {
        return printer.value(&line);
    }
    let verdict = match rest == Ore::ZERO {
        true => printer.paint(Colour::Green, "explained"),
        false => printer.paint(Colour::Red, &format!("{} for nothing known", rest.danish())),
    };
    let LineShown { line: no, municipality, booking_day, reference, .. } = &line;
    printer.line(format!(
        "{no:>5}  {municipality}  {booking_day}  {:>18}  {verdict}  {reference}",
        amount.danish()
    ));
    for one in &line.matches {
        let target = one.payment.as_ref().or(one.bundle.as_ref()).map_or("not the hub's", String::as_str);
        let who = one.by.as_ref().zip(one.reason.as_ref());
        let who = who.map_or(String::new(), |(by, reason)| format!(", {by}: {reason}"));
        let undone = one.undone_by.as_ref().zip(one.undone_reason.as_ref());
        let undone = undone.map_or(String::new(), |(by, reason)| format!("; undone by {by}: {reason}"));
        let amount = Ore(one.amount_ore).danish().to_string();
        printer.line(format!("         match {}: {amount} {target} ({}{who}{undone})", one.number, one.how));
    }
    Ok(())
}

fn perform(context: &Context, act: BankAct, dry_run: bool) -> anyhow::Result<Outcome> {
    let printer = &context.printer;
    if dry_run {
        let open = open(context, Access::Read)?;
        let line = act.line(&open.hub)?;
        printer.line(would(&open, &act, &line)?);
        return Ok(Outcome::Done);
    }
    let answer = remote::perform(context, &Command::Bank { what: act })?;
    if printer.is_json() {
        printer.value(&answer)?;
        return Ok(Outcome::Done);
    }
    match answer {
        Answer::BankMatched { number, line, amount_ore } => printer.line(format!(
            "bank line {line}: {} kr. matched by hand, as match {number}",
            Ore(amount_ore).danish()
        )),
        Answer::BankUnmatched { number, line } => {
            printer.line(format!("match {number} is undone; bank line {line} is open again"));
        }
        _ => anyhow::bail!("an answer to another question came"),
    }
    Ok(Outcome::Done)
}

fn would(open: &Open, act: &BankAct, line: &Line) -> anyhow::Result<String> {
    match act {
        BankAct::Match { target, amount_ore, .. } => {
            let part = line.part(amount_ore.map(Ore)).map_err(anyhow::Error::msg)?;
            Ok(format!("{} kr. of bank line {} would be matched with {target}", part.danish(), line.no))
        }
        BankAct::Undo { number, .. } => {
            let found = open.hub.store.read(|tx| controls::match_of(tx, *number))?;
            match found.filter(|one| one.undone.is_none()) {
                Some(one) => Ok(format!("match {number} of bank line {} would be undone", one.line)),
                None => anyhow::bail!("match {number} is undone already"),
            }
        }
    }
}
