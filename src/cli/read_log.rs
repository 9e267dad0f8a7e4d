//! `toek read-log`: who looked at what that is about persons, or changed what by a command.

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::installation::{Access, open};
use super::{Context, Outcome};
use crate::domain::calendar::copenhagen;
use crate::store::people_log::{self, Entry, Log};

/// Who looked at what.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toek -C my-hub read-log                      who traced, inspected or showed what
  toek -C my-hub read-log --commands           who changed what by a command
  toek -C my-hub read-log --json | jq .who")]
pub(super) struct ReadLog {
    /// Who changed what by a command, instead.
    #[arg(long)]
    commands: bool,
}

#[derive(Serialize)]
struct Line {
    entry: i64,
    at: String,
    who: String,
    act: String,
    subject: String,
}

pub(super) fn run(context: &Context, command: &ReadLog) -> anyhow::Result<Outcome> {
    let open = open(context, Access::Read)?;
    let log = if command.commands { Log::Commands } else { Log::Reads };
    let mut last = 0;
    loop {
        let page = open.hub.store.read(|tx| people_log::after(tx, log, last))?;
        let Some(end) = page.last() else { return Ok(Outcome::Done) };
        last = end.no;
        for entry in page {
            tell(context, entry)?;
        }
    }
}

fn tell(context: &Context, entry: Entry) -> anyhow::Result<()> {
    let at = Timestamp::from_microsecond(entry.at)?;
    if context.printer.is_json() {
        let Entry { no, who, act, subject, .. } = entry;
        return context.printer.value(&Line { entry: no, at: at.to_string(), who, act, subject });
    }
    let at = copenhagen(at).strftime("%Y-%m-%d %H:%M:%S");
    context.printer.line(format!("{at}  {:<12} {:<20} {}", entry.who, entry.act, entry.subject));
    Ok(())
}
