//! `toek quarantine`: files that wait for a person, and what a person can do with them.

use anyhow::bail;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::installation::{Access, Open, open};
use super::remote;
use super::{Colour, Context, Outcome};
use crate::domain::identity::TransferNo;
use crate::pipelines::{fetch, receive_payments};
use crate::serve::commands::{Answer, Command, readable, waiting, waits};
use crate::store::transfer::{self, FindingRow, Transfer};

/// Files that wait for a person.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  toek -C my-hub quarantine list
  toek -C my-hub quarantine show 7
  toek -C my-hub quarantine validate 7 --dry-run
  toek -C my-hub quarantine reject 7 --reason 'KSD sends it again on Monday'")]
pub(super) enum Quarantine {
    /// All of them.
    List,
    /// One, with everything that is wrong with it.
    Show(One),
    /// Check it again with today's rules and files, and take it in if nothing is wrong with it any more.
    Validate(Validate),
    /// Refuse it for good. Its bytes are kept; nothing of it ever counts.
    Reject(Reject),
}

/// Which file.
#[derive(Debug, Args)]
pub(super) struct One {
    /// The transfer's number.
    transfer: i64,
}

/// See [`Quarantine::Validate`].
#[derive(Debug, Args)]
pub(super) struct Validate {
    /// The transfer's number.
    transfer: i64,
    /// Say what would happen, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

/// See [`Quarantine::Reject`].
#[derive(Debug, Args)]
pub(super) struct Reject {
    /// The transfer's number.
    transfer: i64,
    /// Why; it stands in the journal's story of the file.
    #[arg(long)]
    reason: String,
    /// Say what would happen, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Line {
    transfer: i64,
    file: String,
    endpoint: String,
    state: &'static str,
    reason: Option<String>,
    size: u64,
}

pub(super) fn run(context: &Context, command: &Quarantine) -> anyhow::Result<Outcome> {
    match command {
        Quarantine::List => list(context),
        Quarantine::Show(one) => show(context, one.transfer),
        Quarantine::Validate(command) => validate(context, command),
        Quarantine::Reject(command) => reject(context, command),
    }
}

fn list(context: &Context) -> anyhow::Result<Outcome> {
    let open = open(context, Access::Read)?;
    let mut last = TransferNo(0);
    loop {
        let page = open.hub.store.read(|tx| transfer::after(tx, last))?;
        let Some(end) = page.last() else { return Ok(Outcome::Done) };
        last = end.no;
        for transfer in page.into_iter().filter(waits) {
            tell(context, transfer)?;
        }
    }
}

fn tell(context: &Context, transfer: Transfer) -> anyhow::Result<()> {
    let line = Line {
        transfer: transfer.no.0,
        file: transfer.identity.name,
        endpoint: transfer.identity.endpoint,
        state: transfer.state.text(),
        reason: transfer.reason,
        size: transfer.identity.size,
    };
    if context.printer.is_json() {
        return context.printer.value(&line);
    }
    let state = context.printer.paint(Colour::Yellow, line.state);
    let reason = line.reason.unwrap_or_default();
    context.printer.line(format!("{:>5}  {}  {state}  {reason}", line.transfer, line.file));
    Ok(())
}

fn show(context: &Context, no: i64) -> anyhow::Result<Outcome> {
    let open = open(context, Access::Read)?;
    let transfer = waiting(&open.hub, no)?;
    remote::note_reading(context, &open, "quarantine show", &format!("transfer {no}"))?;
    let findings = open.hub.store.read(|tx| transfer::findings(tx, transfer.no, 0, 0))?;
    let printer = &context.printer;
    let sha256 = transfer.sha256.map_or_else(|| "not read".to_owned(), |hash| hex(&hash));
    let (size, format) = (transfer.identity.size, transfer.format.clone());
    tell(context, transfer)?;
    if !printer.is_json() {
        printer.line(format!("       {size} bytes, {format}, SHA-256 {sha256}"));
        for FindingRow { line_no, code, field, column_from, column_to, value, .. } in findings {
            let field = field
                .map(|field| format!(" {field} (columns {column_from}-{column_to})"))
                .unwrap_or_default();
            printer.line(format!("       line {line_no}: {code}{field} {value}"));
        }
        printer.line(format!(
            "       next: `toek quarantine validate {no}` when its cause is mended, or `reject {no}`"
        ));
    }
    Ok(Outcome::Done)
}

/// A hash as everybody's tools print it.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn validate(context: &Context, command: &Validate) -> anyhow::Result<Outcome> {
    if command.dry_run {
        let open = open(context, Access::Read)?;
        return dry_run(context, &open, &readable(&open.hub, command.transfer)?);
    }
    let answer = remote::perform(context, &Command::Validate { transfer: command.transfer })?;
    let Answer::Validated { file, state, accepted, activity } = answer else {
        bail!("an answer to another question came")
    };
    context.printer.line(format!("{file}: {state}; {}", super::run::summary(&activity)));
    Ok(if accepted { Outcome::Done } else { Outcome::Wrong })
}

fn dry_run(context: &Context, open: &Open, transfer: &Transfer) -> anyhow::Result<Outcome> {
    let intake = open.hub.pipeline_of(transfer).and_then(|pipeline| pipeline.intake.clone());
    let Some(intake) = intake.filter(|_| transfer.format == "g68") else {
        bail!("a dry run is for files with payments; an answer is matched again without one");
    };
    if let Some(close) = fetch::repetition(&open.hub, transfer)? {
        context.printer.line(format!(
            "{}: {} again: {}",
            transfer.identity.name,
            close.state.text(),
            close.reason
        ));
        return Ok(Outcome::Wrong);
    }
    let report = receive_payments::read_file(&open.hub, &intake, transfer, |_| {})?;
    let accepted = !report.is_rejected();
    let verdict = if accepted { "would be taken in" } else { "would be quarantined again" };
    context.printer.line(format!(
        "{}: {verdict}; {} records, {} of them refused",
        transfer.identity.name, report.records, report.rejected
    ));
    for finding in &report.findings {
        context.printer.line(format!(
            "  {}: {} (line {})",
            finding.code.text(),
            finding.code.rule(),
            finding.line_no
        ));
    }
    Ok(if accepted { Outcome::Done } else { Outcome::Wrong })
}

fn reject(context: &Context, command: &Reject) -> anyhow::Result<Outcome> {
    let (transfer, reason) = (command.transfer, command.reason.clone());
    if command.dry_run {
        let open = open(context, Access::Read)?;
        let name = waiting(&open.hub, transfer)?.identity.name;
        context.printer.line(format!("{name} would be refused for good: {reason}"));
        return Ok(Outcome::Done);
    }
    let answer = remote::perform(context, &Command::Reject { transfer, reason })?;
    let Answer::Rejected { file } = answer else { bail!("an answer to another question came") };
    context.printer.line(format!("{file} is refused for good; its bytes are kept"));
    Ok(Outcome::Done)
}
