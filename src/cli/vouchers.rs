//! `toek vouchers`: finance vouchers on their way to the ERP, and what a person can do with a refused one.

use anyhow::Context as _;
use clap::{ArgGroup, Args, Subcommand};
use jiff::civil::Date;
use serde::Serialize;

use super::installation::{Access, Open, open};
use super::{Colour, Context, Outcome, duplicates, remote};
use crate::domain::people::Act;
use crate::serve::commands::{Answer, Command};
use crate::store::finance::{self, SentVoucher};
use crate::store::person_act::Step;
use crate::store::{ledger, unknown};

/// Finance vouchers on their way to the ERP.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  toek -C my-hub vouchers status
  toek -C my-hub vouchers list
  toek -C my-hub vouchers show 12
  toek -C my-hub vouchers rebuild 12 --booking-day 2026-02-02 --reason 'January is closed' --dry-run
  toek -C my-hub vouchers rebuild 12 --booking-day 2026-02-02 --reason 'January is closed'
  toek -C my-hub vouchers settle 12 --as-booked --reason 'it stands in the ERP as 4711'")]
pub(super) enum Vouchers {
    /// How many stand where.
    Status,
    /// Those that need a person: refused by the ERP, or held back because an account is missing.
    List,
    /// One, with every try to send it.
    Show(One),
    /// Build a refused voucher anew: the same event and amounts, a new identification. It leaves with the next run.
    Rebuild(RebuildOne),
    /// Say whether the ERP booked a voucher that it both accepted and refused.
    Settle(SettleOne),
}

/// See [`Vouchers::Settle`].
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("said").required(true)))]
pub(super) struct SettleOne {
    /// The voucher's number.
    voucher: i64,
    /// The ERP has it in its books.
    #[arg(long, group = "said")]
    as_booked: bool,
    /// The ERP has it not; it can be built anew.
    #[arg(long, group = "said")]
    as_refused: bool,
    /// Why: where the evidence is.
    #[arg(long)]
    reason: String,
    /// Say what would happen, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Which voucher.
#[derive(Debug, Args)]
pub(super) struct One {
    /// The voucher's number.
    voucher: i64,
}

/// See [`Vouchers::Rebuild`].
#[derive(Debug, Args)]
pub(super) struct RebuildOne {
    /// The voucher's number.
    voucher: i64,
    /// The day it is to be booked on; as before when left out.
    #[arg(long, value_name = "DAY")]
    booking_day: Option<Date>,
    /// Why; it is told with the result.
    #[arg(long)]
    reason: String,
    /// Say what would happen, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Counted {
    waiting: i64,
    held: i64,
    sent: i64,
    accepted: i64,
    refused: i64,
}

#[derive(Serialize)]
struct Line {
    voucher: i64,
    municipality: String,
    state: &'static str,
    why: String,
}

#[derive(Serialize)]
struct Try {
    attempt: u8,
    id: String,
    file: i64,
    booking_day: String,
    state: &'static str,
    erp_number: Option<String>,
    cause: Option<String>,
}

#[derive(Serialize)]
struct Rebuilt {
    voucher: i64,
    attempt: u8,
    booking_day: String,
}

#[derive(Serialize)]
struct Shown {
    voucher: i64,
    municipality: String,
    event: &'static str,
    source: String,
    tries: Vec<Try>,
}

pub(super) fn run(context: &Context, command: &Vouchers) -> anyhow::Result<Outcome> {
    match command {
        Vouchers::Status => status(context),
        Vouchers::List => list(context),
        Vouchers::Show(one) => show(context, one.voucher),
        Vouchers::Rebuild(command) => rebuild(context, command),
        Vouchers::Settle(command) => settle(context, command),
    }
}

fn status(context: &Context) -> anyhow::Result<Outcome> {
    let counts = open(context, Access::Read)?.hub.store.read(finance::counts)?;
    let finance::Counts { waiting, held, sent, accepted, refused } = counts;
    if context.printer.is_json() {
        context.printer.value(&Counted { waiting, held, sent, accepted, refused })?;
    } else {
        context.printer.line(format!(
            "{waiting} wait, {held} held back, {sent} sent and not answered, {accepted} accepted, {refused} refused"
        ));
    }
    Ok(Outcome::Done)
}

fn list(context: &Context) -> anyhow::Result<Outcome> {
    let open = open(context, Access::Read)?;
    for one in open.hub.store.read(unknown::contradicted)? {
        let (voucher, municipality) = (one.voucher_no, one.municipality.to_string());
        let why = "the ERP both accepted and refused it".to_owned();
        tell(context, Line { voucher, municipality, state: "contradicted", why })?;
    }
    for (voucher, municipality, why) in open.hub.store.read(finance::held)? {
        tell(context, Line { voucher, municipality: municipality.to_string(), state: "held", why })?;
    }
    let mut last = 0;
    loop {
        let page = open.hub.store.read(|tx| finance::refused_after(tx, last))?;
        let Some(end) = page.last() else { return Ok(Outcome::Done) };
        last = end.voucher_no;
        for refused in page {
            let (voucher, municipality) = (refused.voucher_no, refused.municipality.to_string());
            tell(context, Line { voucher, municipality, state: "refused", why: refused.cause })?;
        }
    }
}

fn tell(context: &Context, line: Line) -> anyhow::Result<()> {
    if context.printer.is_json() {
        return context.printer.value(&line);
    }
    let state = context.printer.paint(Colour::Yellow, line.state);
    context.printer.line(format!("{:>6}  {}  {state}  {}", line.voucher, line.municipality, line.why));
    Ok(())
}

fn shown(open: &Open, no: i64) -> anyhow::Result<Shown> {
    let booked = open.hub.store.read(|tx| ledger::voucher(tx, no))?;
    let tries = open.hub.store.read(|tx| finance::tries_of(tx, no))?;
    let one = |sent: SentVoucher| Try {
        attempt: sent.attempt,
        id: finance::try_id(&booked, sent.attempt).to_string(),
        file: sent.file_no,
        booking_day: sent.booking_day.to_string(),
        state: sent.state.text(),
        erp_number: sent.erp_number,
        cause: sent.cause,
    };
    Ok(Shown {
        voucher: no,
        municipality: booked.voucher.municipality.to_string(),
        event: booked.voucher.rule.row().event,
        source: booked.voucher.source.to_string(),
        tries: tries.into_iter().map(one).collect(),
    })
}

fn show(context: &Context, no: i64) -> anyhow::Result<Outcome> {
    let shown = shown(&open(context, Access::Read)?, no)?;
    if context.printer.is_json() {
        context.printer.value(&shown)?;
        return Ok(Outcome::Done);
    }
    let Shown { voucher, municipality, event, source, tries } = shown;
    context.printer.line(format!("voucher {voucher} of {municipality}: {event}, made for {source}"));
    if tries.is_empty() {
        context.printer.line("  it was not sent yet");
    }
    for t in tries {
        let said = t.erp_number.map(|no| format!("as {no}")).or(t.cause).unwrap_or_default();
        context.printer.line(format!(
            "  {}. in voucher file {} as {}, booked on {}: {} {said}",
            t.attempt, t.file, t.id, t.booking_day, t.state
        ));
    }
    Ok(Outcome::Done)
}

fn rebuild(context: &Context, command: &RebuildOne) -> anyhow::Result<Outcome> {
    if command.reason.trim().is_empty() {
        anyhow::bail!("`--reason` must say why");
    }
    let voucher = command.voucher;
    let before = shown(&open(context, Access::Read)?, voucher)?;
    let last = before.tries.last().filter(|last| last.state == "refused");
    let last = last.with_context(|| format!("voucher {voucher} is not refused"))?;
    let day = command.booking_day.map_or_else(|| last.booking_day.clone(), |day| day.to_string());
    if command.dry_run {
        let cause = last.cause.clone().unwrap_or_default();
        context.printer.line(format!(
            "voucher {voucher}, refused as {}: {cause}\nwould be built anew, to be booked on {day}",
            last.id
        ));
        return Ok(Outcome::Done);
    }
    let booking_day = command.booking_day.map(|day| day.to_string());
    let asked = Command::Rebuild { voucher, booking_day, reason: command.reason.clone() };
    let Answer::Rebuilt { attempt } = remote::perform(context, &asked)? else {
        anyhow::bail!("an answer to another question came")
    };
    if context.printer.is_json() {
        context.printer.value(&Rebuilt { voucher, attempt, booking_day: day })?;
        return Ok(Outcome::Done);
    }
    context.printer.line(format!(
        "voucher {voucher} is built anew, try {attempt}, to be booked on {day}; it leaves with the next run"
    ));
    Ok(Outcome::Done)
}

fn settle(context: &Context, command: &SettleOne) -> anyhow::Result<Outcome> {
    if command.reason.trim().is_empty() {
        anyhow::bail!("`--reason` must say why");
    }
    let subject = unknown::voucher_subject(command.voucher);
    let act = if command.as_booked { Act::VoucherBooked } else { Act::VoucherRefused };
    if command.dry_run {
        let all = open(context, Access::Read)?.hub.store.read(unknown::contradicted)?;
        let one = all.iter().find(|one| one.voucher_no == command.voucher);
        let one = one.with_context(|| format!("the ERP's answers to {subject} do not contradict"))?;
        let (first, state) = (&one.first, one.state.text());
        context.printer.line(format!("{subject}, first {state} {first}: would be settled: {act}"));
        return Ok(Outcome::Done);
    }
    let reason = command.reason.clone();
    let asked = Command::Act { act, step: Step::Do, subject: subject.clone(), reason };
    duplicates::acted(context, &subject, remote::perform(context, &asked)?)
}
