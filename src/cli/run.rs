//! `toek run`: one activation of a pipeline.

use anyhow::bail;
use clap::Args;
use serde::Serialize;

use super::remote;
use super::{Context, Outcome, Printer};
use crate::pipelines::Activity;
use crate::serve::commands::{Answer, Command};

/// Run one pipeline once.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  toek -C my-hub run receive-payments\n  toek -C my-hub run send-bundles --dry-run"
)]
pub(super) struct Run {
    /// The pipeline's name, as in schedules/*.toml.
    pipeline: String,
    /// Say what it would take or send, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    pipeline: &'a str,
    accepted: u64,
    quarantined: u64,
    ignored: u64,
    records: u64,
    rejected: u64,
    bundles: u64,
    payments: u64,
    vouchers: u64,
    adopted: u64,
    tasks: u64,
    failures: &'a [String],
}

pub(super) fn run(context: &Context, command: &Run) -> anyhow::Result<Outcome> {
    if command.dry_run {
        return super::status::what_would_run(context, &command.pipeline);
    }
    let answer = remote::perform(context, &Command::Run { pipeline: command.pipeline.clone() })?;
    let Answer::Ran { activity } = answer else { bail!("an answer to another question came") };
    tell(&context.printer, &command.pipeline, &activity)?;
    Ok(if activity.failures.is_empty() { Outcome::Done } else { Outcome::Wrong })
}

pub(super) fn tell(printer: &Printer, pipeline: &str, activity: &Activity) -> anyhow::Result<()> {
    if printer.is_json() {
        let Activity {
            accepted,
            quarantined,
            ignored,
            records,
            rejected,
            bundles,
            payments,
            vouchers,
            adopted,
            tasks,
            failures,
        } = activity;
        return printer.value(&Report {
            pipeline,
            accepted: *accepted,
            quarantined: *quarantined,
            ignored: *ignored,
            records: *records,
            rejected: *rejected,
            bundles: *bundles,
            payments: *payments,
            vouchers: *vouchers,
            adopted: *adopted,
            tasks: *tasks,
            failures,
        });
    }
    if activity.is_idle() {
        printer.line(format!("{pipeline}: nothing to do"));
    } else {
        printer.line(format!("{pipeline}: {}", summary(activity)));
    }
    for failure in &activity.failures {
        printer.line(format!("  failed, and left for the next run: {failure}"));
    }
    Ok(())
}

/// What an activation did, in words; what is zero is left out.
pub(super) fn summary(activity: &Activity) -> String {
    let counts = [
        (activity.accepted, "files taken in"),
        (activity.quarantined, "quarantined"),
        (activity.ignored, "seen before"),
        (activity.records, "records"),
        (activity.rejected, "rejected"),
        (activity.bundles, "bundles sent"),
        (activity.payments, "payments sent"),
        (activity.vouchers, "vouchers sent"),
        (activity.adopted, "known again since the restore"),
        (activity.tasks, "for a person to look at"),
        (activity.failures.len() as u64, "failed"),
    ];
    let told: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    told.join(", ")
}
