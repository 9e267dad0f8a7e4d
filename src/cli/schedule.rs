//! `toek schedule`: when each pipeline runs next, and when it ran last.

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::installation::{Access, open};
use super::{Context, Outcome};
use crate::config::When;
use crate::domain::calendar::copenhagen;
use crate::store::schedule::{self, Past};

/// When each pipeline runs.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toek -C my-hub schedule
  toek -C my-hub schedule --json | jq .next")]
pub(super) struct Schedule {
    /// So many past runs of each.
    #[arg(long, default_value_t = 5, value_name = "N")]
    last: u32,
}

#[derive(Serialize)]
struct Line<'a> {
    pipeline: &'a str,
    every_seconds: Option<u64>,
    next: Option<String>,
    past: Vec<PastLine>,
}

#[derive(Serialize)]
struct PastLine {
    due: String,
    begun: String,
    finished: Option<String>,
    missed: u32,
    first_missed: Option<String>,
}

pub(super) fn run(context: &Context, command: &Schedule) -> anyhow::Result<Outcome> {
    let open = open(context, Access::Read)?;
    let hub = &open.hub;
    for pipeline in &hub.installation.pipelines {
        let past = hub.store.read(|tx| schedule::recent(tx, &pipeline.name, command.last))?;
        let (every_seconds, next) = match &pipeline.when {
            When::Every(interval) => (Some(interval.as_secs()), None),
            when @ When::At(_) => (None, when.next_after(hub.clock.now(), &hub.installation.bank_days)),
        };
        if context.printer.is_json() {
            let past = past.iter().map(past_line).collect::<anyhow::Result<_>>()?;
            let next = next.map(|next| next.to_string());
            context.printer.value(&Line { pipeline: &pipeline.name, every_seconds, next, past })?;
            continue;
        }
        let when = match (every_seconds, next) {
            (Some(seconds), _) => format!("every {seconds} s"),
            (None, Some(next)) => format!("next at {}", danish(next)),
            (None, None) => "never again".to_owned(),
        };
        context.printer.line(format!("{:<24} {when}", pipeline.name));
        for past in past {
            context.printer.line(format!("    {}", words(&past)?));
        }
    }
    Ok(Outcome::Done)
}

fn danish(at: Timestamp) -> String {
    copenhagen(at).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn words(past: &Past) -> anyhow::Result<String> {
    let at = |micros| anyhow::Ok(danish(Timestamp::from_microsecond(micros)?));
    let (due, begun) = (at(past.due_at)?, at(past.begun_at)?);
    let end = match past.finished_at {
        Some(finished) => format!("done {}", at(finished)?),
        None => "not finished".to_owned(),
    };
    let missed = match past.first_missed {
        Some(first) => format!("; missed {}, it stands for {} runs", at(first)?, past.missed + 1),
        None => String::new(),
    };
    Ok(format!("due {due}, begun {begun}, {end}{missed}"))
}

fn past_line(past: &Past) -> anyhow::Result<PastLine> {
    let at = |micros| anyhow::Ok(Timestamp::from_microsecond(micros)?.to_string());
    Ok(PastLine {
        due: at(past.due_at)?,
        begun: at(past.begun_at)?,
        finished: past.finished_at.map(at).transpose()?,
        missed: past.missed,
        first_missed: past.first_missed.map(at).transpose()?,
    })
}
