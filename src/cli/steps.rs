//! `toek steps`: the table of durable steps.

use clap::Args;
use serde::Serialize;

use super::{Context, Outcome};
use crate::steps::STEPS;

/// Every place where the hub makes something durable or visible outside, and what follows a crash there.
#[derive(Debug, Args)]
#[command(after_help = "\
The fault simulator kills the hub before, in the middle of and after each of these steps.

Examples:
  toek steps
  toek steps --json | jq -r '.name'")]
pub(super) struct Steps {}

#[derive(Serialize)]
struct Line {
    number: u8,
    name: &'static str,
    seam: &'static str,
    makes_durable: &'static str,
    after_a_crash: &'static str,
}

pub(super) fn run(context: &Context, _command: &Steps) -> anyhow::Result<Outcome> {
    for row in STEPS {
        let (number, seam) = (row.step as u8, row.seam.text());
        if context.printer.is_json() {
            let (makes_durable, after_a_crash) = (row.makes, row.then);
            context.printer.value(&Line { number, name: row.name, seam, makes_durable, after_a_crash })?;
            continue;
        }
        context.printer.line(format!("{number:>2}  {:<16} {seam:<9} {}", row.name, row.makes));
        context.printer.line(format!("{:30}after a crash: {}", "", row.then));
    }
    Ok(Outcome::Done)
}
