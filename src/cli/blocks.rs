//! `toek blocks`: payees and payments that are held back, by whom, why and until when.

use anyhow::bail;
use clap::{ArgGroup, Args, Subcommand};
use jiff::civil::Date;
use serde::Serialize;

use super::installation::{Access, open};
use super::{Colour, Context, Outcome, remote};
use crate::domain::identity::PaymentId;
use crate::serve::commands::{Answer, BlockTarget, Command};
use crate::store::block::{self, Block, Target};

/// Payees and payments that are held back.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toek -C my-hub blocks                                            those in force
  toek -C my-hub blocks --all                                      and those that were lifted
  toek -C my-hub blocks add --payee 250248-9996 --municipality 0751 --reason 'the estate is not settled'
  toek -C my-hub blocks add --payment P3-17 --until 2026-03-01 --reason 'under review' --dry-run
  toek -C my-hub blocks lift 3 --reason 'the review is done'")]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Blocks {
    /// Also those that were lifted or are over.
    #[arg(long)]
    all: bool,
    #[command(subcommand)]
    act: Option<Acts>,
}

#[derive(Debug, Subcommand)]
enum Acts {
    /// Hold a payee's payments, or one payment, back on their day.
    Add(Add),
    /// Lift a block: what it held goes at the next sending.
    Lift(Lift),
}

/// See [`Acts::Add`].
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("target").required(true)))]
struct Add {
    /// All payments to this CPR or CVR number.
    #[arg(long, group = "target", value_name = "NUMBER")]
    payee: Option<String>,
    /// One payment.
    #[arg(long, group = "target")]
    payment: Option<PaymentId>,
    /// Only those of this municipality; else everybody's.
    #[arg(long, value_name = "CODE")]
    municipality: Option<String>,
    /// The first day [default: today].
    #[arg(long, value_name = "DAY")]
    from: Option<Date>,
    /// The last day [default: until it is lifted].
    #[arg(long, value_name = "DAY")]
    until: Option<Date>,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Say what would happen, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

/// See [`Acts::Lift`].
#[derive(Debug, Args)]
struct Lift {
    /// Its number.
    block: i64,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Say what would happen, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

/// A block, for programs.
#[derive(Serialize)]
struct Line {
    block: i64,
    municipality: Option<String>,
    target: String,
    from: String,
    until: Option<String>,
    reason: String,
    by: String,
    lifted_by: Option<String>,
    lifted_reason: Option<String>,
}

fn line_of(block: &Block) -> Line {
    Line {
        block: block.no,
        municipality: block.municipality.map(|code| code.to_string()),
        target: match block.target {
            Target::Payee(payee) => payee.masked(),
            Target::Payment(id) => id.to_string(),
        },
        from: block.from.to_string(),
        until: block.until.map(|day| day.to_string()),
        reason: block.reason.clone(),
        by: block.by.clone(),
        lifted_by: block.lifted.as_ref().map(|(by, ..)| by.clone()),
        lifted_reason: block.lifted.as_ref().map(|(_, reason, _)| reason.clone()),
    }
}

pub(super) fn run(context: &Context, command: &Blocks) -> anyhow::Result<Outcome> {
    match &command.act {
        None => list(context, command.all),
        Some(Acts::Add(asked)) => add(context, asked),
        Some(Acts::Lift(asked)) => lift(context, asked),
    }
}

fn list(context: &Context, all: bool) -> anyhow::Result<Outcome> {
    let open = open(context, Access::Read)?;
    let today = open.hub.clock.danish().date();
    remote::note_reading(context, &open, "blocks", "blocks")?;
    for found in open.hub.store.read(block::all)? {
        let is_over = found.lifted.is_some() || found.until.is_some_and(|until| until < today);
        if all || !is_over {
            tell(context, &found)?;
        }
    }
    Ok(Outcome::Done)
}

fn tell(context: &Context, found: &Block) -> anyhow::Result<()> {
    let (printer, line) = (&context.printer, line_of(found));
    if printer.is_json() {
        return printer.value(&line);
    }
    let Line { block, municipality, target, from, until, reason, by, .. } = &line;
    let whose = municipality.as_deref().unwrap_or("all");
    let until = until.as_deref().map_or("until it is lifted".to_owned(), |day| format!("to {day}"));
    let number = printer.paint(Colour::Bold, &block.to_string());
    printer.line(format!("{number}  {whose}  {target}  from {from} {until}: {reason} ({by})"));
    if let (Some(by), Some(reason)) = (&line.lifted_by, &line.lifted_reason) {
        printer.line(format!("      lifted by {by}: {reason}"));
    }
    Ok(())
}

fn add(context: &Context, asked: &Add) -> anyhow::Result<Outcome> {
    let target = match (&asked.payee, asked.payment) {
        (Some(payee), _) => BlockTarget::Payee(payee.clone()),
        (None, Some(payment)) => BlockTarget::Payment(payment.to_string()),
        (None, None) => bail!("--payee or --payment must say what is held back"),
    };
    if asked.dry_run {
        let what = match asked.payment {
            Some(payment) => payment.to_string(),
            None => "what is to be paid to that payee".to_owned(),
        };
        let whose = asked.municipality.as_deref().unwrap_or("every municipality");
        context.printer.line(format!("{what} of {whose} would be held back on its day, and said so"));
        return Ok(Outcome::Done);
    }
    let day = |day: Option<Date>| day.map(|day| day.to_string());
    let command = Command::Block {
        municipality: asked.municipality.clone(),
        target,
        from: day(asked.from),
        until: day(asked.until),
        reason: asked.reason.clone(),
    };
    said(context, remote::perform(context, &command)?, "stands")
}

fn lift(context: &Context, asked: &Lift) -> anyhow::Result<Outcome> {
    if asked.dry_run {
        let open = open(context, Access::Read)?;
        let found = open.hub.store.read(block::all)?.into_iter().find(|block| block.no == asked.block);
        match found {
            Some(found) if found.lifted.is_none() => {
                tell(context, &found)?;
                context.printer.line("would be lifted: what it holds goes at the next sending");
            }
            _ => bail!("there is no block {} in force", asked.block),
        }
        return Ok(Outcome::Done);
    }
    let command = Command::LiftBlock { block: asked.block, reason: asked.reason.clone() };
    said(context, remote::perform(context, &command)?, "is lifted")
}

/// What became of it, for programs.
#[derive(Serialize)]
struct Said {
    block: i64,
}

fn said(context: &Context, answer: Answer, what: &str) -> anyhow::Result<Outcome> {
    let Answer::Blocked { block } = answer else { bail!("an answer to another question came") };
    match context.printer.is_json() {
        true => context.printer.value(&Said { block })?,
        false => context.printer.line(format!("block {block} {what}")),
    }
    Ok(Outcome::Done)
}
