//! `toek payments`: find payments, see which wait for a person and what to do, and do it.

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;
use serde::Serialize;
use toek_formats::vocabulary::{BenefitCode, MunicipalityCode, Ore};

use super::duplicates::acted;
use super::installation::{Access, Open, open};
use super::{Colour, Context, Outcome, remote};
use crate::domain::handling::{handled, suggested};
use crate::domain::identity::{PaymentId, TransferNo};
use crate::domain::ledger::Rule;
use crate::domain::payment::{AttemptState, HoldReason, PaymentState};
use crate::domain::people::Act;
use crate::serve::commands::{Command, due_if_released};
use crate::store::duplicate::danish_day;
use crate::store::person_act::Step;
use crate::store::search::{self, Hit, Wanted};
use crate::store::{handling, intake};

/// Find payments; see which wait for a person, and do what is needed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toek -C my-hub payments --payee 250248-9996                 all that was asked to be paid to somebody
  toek -C my-hub payments --municipality 0751 --state open --json
  toek -C my-hub payments --amount 12345,00 --day 2026-01-30
  toek -C my-hub payments todo                                what waits for a person, and what to do about it
  toek -C my-hub payments resend P3-17 --reason 'the payee has a NemKonto now' --dry-run
  toek -C my-hub payments cash P3-17 --reason 'cheque 4711, handed over today'
  toek -C my-hub payments fail P3-18 --reason 'the bank sent it back, statement of 9 March'
  toek -C my-hub payments recall P3-19 --reason 'KSD asks, case 26/117'")]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Payments {
    #[command(flatten)]
    wanted: Filters,
    #[command(subcommand)]
    act: Option<Acts>,
}

#[derive(Debug, Subcommand)]
enum Acts {
    /// What waits for a person, by municipality and age, with what is suggested.
    Todo(Todo),
    /// Send a refused or returned payment anew: a new attempt, with a reference of its own.
    Resend(Reasoned),
    /// Pay it by cash voucher, in full.
    Cash(Reasoned),
    /// Settle it over the municipality's own account, in full.
    Own(Reasoned),
    /// Take it back as its sender asks: owed no more.
    Recall(Reasoned),
    /// Send it back to its case system: owed no more.
    Refuse(Reasoned),
    /// Let one go that is held for its amount or its day.
    Release(Reasoned),
    /// Note that NemKonto was asked to stop one under way; its answer 5 decides.
    Stop(Reasoned),
    /// Register that a paid one failed: the payee's bank refused it outside NemKonto.
    Fail(Reasoned),
}

/// What is looked for; all that is given must fit.
#[derive(Debug, Default, Args)]
struct Filters {
    /// Of this municipality.
    #[arg(long, value_name = "CODE")]
    municipality: Option<String>,
    /// To this CPR or CVR number.
    #[arg(long, value_name = "NUMBER")]
    payee: Option<String>,
    /// Of this amount in kroner, such as 1234,50.
    #[arg(long, value_name = "KRONER")]
    amount: Option<String>,
    /// To be paid on this day.
    #[arg(long, value_name = "DAY")]
    day: Option<Date>,
    /// Of this benefit, four digits.
    #[arg(long, value_name = "CODE")]
    benefit: Option<String>,
    /// In a state.
    #[arg(long, value_enum)]
    state: Option<State>,
    /// From a file whose name has this in it.
    #[arg(long, value_name = "NAME")]
    file: Option<String>,
    /// Whose newest attempt is in this bundle.
    #[arg(long, value_name = "REFERENCE")]
    bundle: Option<String>,
    /// With this posting reference of the sender (POSTHENV).
    #[arg(long, value_name = "DIGITS")]
    posting_ref: Option<String>,
    /// So many at most.
    #[arg(long, default_value_t = 200)]
    limit: usize,
}

/// The states by the words that screens use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum State {
    Waiting,
    Held,
    InProgress,
    Unconfirmed,
    Open,
    Paid,
    Cash,
    Own,
    Petty,
    Recalled,
    Refused,
}

impl State {
    fn states(self) -> Vec<PaymentState> {
        use PaymentState as S;
        match self {
            State::Waiting => vec![S::Waiting],
            State::Held => HoldReason::ALL.map(S::Held).to_vec(),
            State::InProgress => vec![S::InProgress],
            State::Unconfirmed => vec![S::Unconfirmed],
            State::Open => vec![S::Open],
            State::Paid => vec![S::Paid],
            State::Cash => vec![S::Cash],
            State::Own => vec![S::Own],
            State::Petty => vec![S::Petty],
            State::Recalled => vec![S::Recalled],
            State::Refused => vec![S::Refused],
        }
    }
}

/// See [`Acts::Todo`].
#[derive(Debug, Args)]
struct Todo {
    /// Only those of this municipality.
    #[arg(long, value_name = "CODE")]
    municipality: Option<String>,
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

/// A payment, for programs.
#[derive(Serialize)]
struct Line {
    payment: String,
    municipality: String,
    benefit: String,
    amount_ore: i64,
    payee: String,
    day: String,
    state: String,
    file: String,
    received: String,
    attempts: u8,
    suggested: Option<&'static str>,
}

pub(super) fn run(context: &Context, command: &Payments) -> anyhow::Result<Outcome> {
    match &command.act {
        None => find(context, &command.wanted),
        Some(Acts::Todo(todo)) => worklist(context, todo),
        Some(Acts::Resend(asked)) => act(context, asked, Act::Resend),
        Some(Acts::Cash(asked)) => act(context, asked, Act::PayInCash),
        Some(Acts::Own(asked)) => act(context, asked, Act::PayOverOwnAccount),
        Some(Acts::Recall(asked)) => act(context, asked, Act::Recall),
        Some(Acts::Refuse(asked)) => act(context, asked, Act::Refuse),
        Some(Acts::Release(asked)) => act(context, asked, Act::ReleaseHeld),
        Some(Acts::Stop(asked)) => act(context, asked, Act::RequestStop),
        Some(Acts::Fail(asked)) => act(context, asked, Act::PaymentFailed),
    }
}

fn wanted(filters: &Filters) -> anyhow::Result<Wanted> {
    let municipality = filters.municipality.as_deref().map(MunicipalityCode::parse).transpose();
    let benefit = filters.benefit.as_deref().map(BenefitCode::parse).transpose();
    let amount = filters.amount.as_deref().map(Ore::parse_danish).transpose();
    let payee = match &filters.payee {
        Some(text) => Some(search::payee(text).context("--payee is ten digits (CPR) or eight (CVR)")?),
        None => None,
    };
    Ok(Wanted {
        municipality: municipality.ok().context("--municipality is four digits, such as 0751")?,
        payee,
        amount: amount.ok().context("--amount is kroner, such as 1234,50")?,
        day: filters.day,
        benefit: benefit.ok().context("--benefit is four digits, such as 0101")?,
        file: filters.file.clone(),
        bundle: filters.bundle.clone(),
        posting_ref: filters.posting_ref.clone(),
        states: filters.state.map(State::states).unwrap_or_default(),
    })
}

fn find(context: &Context, filters: &Filters) -> anyhow::Result<Outcome> {
    let wanted = wanted(filters)?;
    let open = open(context, Access::Read)?;
    // Whom was looked for is personal; that somebody was is noted.
    let what = if wanted.payee.is_some() { "all payments of a payee" } else { "payments" };
    remote::note_reading(context, &open, "payments", what)?;
    let hits = hits(&open, &wanted, filters.limit)?;
    let is_all = hits.len() < filters.limit;
    for hit in &hits {
        tell(context, &open, hit)?;
    }
    if !is_all && !context.printer.is_json() {
        context.printer.line(format!("the newest {} are shown: --limit shows more", filters.limit));
    }
    Ok(if hits.is_empty() { Outcome::Wrong } else { Outcome::Done })
}

/// Newest files first, and within them by line.
fn hits(open: &Open, wanted: &Wanted, limit: usize) -> anyhow::Result<Vec<Hit>> {
    let (mut found, mut before) = (Vec::new(), TransferNo(i64::MAX));
    loop {
        let files = open.hub.store.read(|tx| search::files_before(tx, before))?;
        let Some(last) = files.last() else { return Ok(found) };
        before = last.no;
        for file in &files {
            let left = limit - found.len();
            found.extend(open.hub.store.read(|tx| search::in_file(tx, wanted, file, left))?);
            if found.len() >= limit {
                return Ok(found);
            }
        }
    }
}

fn worklist(context: &Context, todo: &Todo) -> anyhow::Result<Outcome> {
    let filters = Filters { municipality: todo.municipality.clone(), ..Filters::default() };
    let wanted = Wanted { states: search::waiting_for_a_person(), ..wanted(&filters)? };
    let open = open(context, Access::Read)?;
    remote::note_reading(context, &open, "payments todo", "what waits for a person")?;
    let mut hits = hits(&open, &wanted, usize::MAX)?;
    hits.sort_by_key(|hit| (hit.payment.request.municipality, hit.received_at, hit.payment.request.payment));
    for hit in &hits {
        tell(context, &open, hit)?;
    }
    if hits.is_empty() && !context.printer.is_json() {
        context.printer.line("no payment waits for a person");
    }
    Ok(Outcome::Done)
}

fn newest(open: &Open, hit: &Hit) -> anyhow::Result<Option<AttemptState>> {
    Ok(open.hub.store.read(|tx| handling::newest(tx, &hit.payment))?)
}

fn tell(context: &Context, open: &Open, hit: &Hit) -> anyhow::Result<()> {
    let (printer, request) = (&context.printer, &hit.payment.request);
    let attempt = newest(open, hit)?;
    let line = Line {
        payment: request.payment.to_string(),
        municipality: request.municipality.to_string(),
        benefit: request.benefit.to_string(),
        amount_ore: request.amount.0,
        payee: request.payee.masked(),
        day: request.disposition_day.to_string(),
        state: hit.payment.state.to_string(),
        file: hit.file.clone(),
        received: danish_day(hit.received_at).to_string(),
        attempts: hit.payment.attempt,
        suggested: suggested(hit.payment.state, attempt),
    };
    if printer.is_json() {
        return printer.value(&line);
    }
    let Line { payment, municipality, benefit, payee, day, state, .. } = &line;
    let amount = request.amount.danish();
    let attempt = attempt.map(|attempt| format!(" ({})", attempt.text())).unwrap_or_default();
    printer.line(format!(
        "{municipality}  {}  {benefit}  {amount:>14} kr.  {payee:<14}  {day}  {state}{attempt}",
        printer.paint(Colour::Bold, &format!("{payment:<10}")),
    ));
    if let Some(suggested) = line.suggested {
        let days = open.hub.clock.danish().date() - danish_day(hit.received_at);
        printer.line(format!("      {} days: {suggested}", days.get_days()));
    }
    Ok(())
}

fn act(context: &Context, asked: &Reasoned, act: Act) -> anyhow::Result<Outcome> {
    if asked.reason.trim().is_empty() {
        bail!("`--reason` must say why");
    }
    let subject = asked.payment.to_string();
    if asked.dry_run {
        return try_out(context, asked.payment, act);
    }
    let command =
        Command::Act { act, step: Step::Do, subject: subject.clone(), reason: asked.reason.clone() };
    acted(context, &subject, remote::perform(context, &command)?)
}

/// What would follow, for programs.
#[derive(Serialize)]
struct WouldBe {
    payment: String,
    state: String,
    postings: Vec<&'static str>,
    would_be_sent: Option<String>,
}

fn try_out(context: &Context, id: PaymentId, act: Act) -> anyhow::Result<Outcome> {
    let open = open(context, Access::Read)?;
    let stored = open.hub.store.read(|tx| intake::payment(tx, id))?;
    let stored = stored.with_context(|| format!("there is no payment {id}"))?;
    let attempt = open.hub.store.read(|tx| handling::newest(tx, &stored))?;
    let (state, rules, sends) = if act == Act::PaymentFailed {
        let step = attempt.and_then(|attempt| attempt.settled(stored.state, false));
        let step = step.with_context(|| format!("{id} is {}: there is nothing to register", stored.state))?;
        (step.payment, step.posting.map_or(Vec::new(), |posting| posting.rules().to_vec()), false)
    } else {
        let handling = handled(stored.state, attempt, stored.request.amount, act);
        let handling = handling.with_context(|| format!("{id} is {}", stored.state))?;
        (handling.payment, handling.rules.into_iter().flatten().collect::<Vec<Rule>>(), handling.sends)
    };
    let due = sends.then(|| due_if_released(&open.hub, id)).transpose()?;
    let would_be_sent = due.map(|due| match due.immediate {
        true => "at once, for the first day that can be reached".to_owned(),
        false => format!("in the ordinary run, for {}", due.day),
    });
    let postings: Vec<&'static str> = rules.iter().map(|rule| rule.row().event).collect();
    if context.printer.is_json() {
        let (payment, state) = (id.to_string(), state.to_string());
        context.printer.value(&WouldBe { payment, state, postings, would_be_sent })?;
        return Ok(Outcome::Done);
    }
    let sent = would_be_sent.map(|when| format!(", and sent {when}")).unwrap_or_default();
    context.printer.line(format!("{id} would be {state}{sent}"));
    for rule in rules {
        context.printer.line(format!("      {}: {}", rule.row().event, rule.row().meaning));
    }
    Ok(Outcome::Done)
}
