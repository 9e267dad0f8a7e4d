//! `toek run`: one activation of a pipeline.

use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::installation::{Access, open_at};
use super::{Context, Outcome, Printer, block_on};
use crate::pipelines::{self, Activity};

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
    tasks: u64,
    failures: &'a [String],
}

pub(super) fn run(context: &Context, command: &Run) -> anyhow::Result<Outcome> {
    if command.dry_run {
        return super::status::what_would_run(context, &command.pipeline);
    }
    let progress = Arc::new(Printer::new(context.printer.is_json(), context.printer.is_quiet()));
    let open = open_at(context, &context.dir, Access::Change, progress)?;
    if let Some(at) = context.at {
        open.clock.set(at)?;
    }
    let activity = block_on(pipelines::run(&open.hub, &command.pipeline))??;
    tell(&context.printer, &command.pipeline, &activity)?;
    Ok(if activity.failures.is_empty() { Outcome::Done } else { Outcome::Wrong })
}

fn tell(printer: &Printer, pipeline: &str, activity: &Activity) -> anyhow::Result<()> {
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
