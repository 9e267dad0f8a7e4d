//! `toek serve`: does what is due for as long as it runs, and takes commands from others.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::bail;
use clap::Args;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use toek_adapters::disk::{Disk, RealDisk};

use super::installation::{self, Open, OpenClock};
use super::{Context, Outcome, block_on};
use crate::pipelines::{Activity, Silent};
use crate::serve::metrics::Metrics;
use crate::serve::scheduler::Scheduler;
use crate::serve::{self, News, Options};

/// Do what is due, until told to stop.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  toek -C my-hub serve --metrics 127.0.0.1:9464
  toek -C my-hub serve --log-format json --log-file /var/log/toek.json
  toek -C my-hub serve --until-idle                     whatever is due now, then end

It ends on SIGTERM or SIGINT: nothing new is begun, what is being sent gets 20 seconds. Commands that change anything
go through it while it runs. GET /health, /ready and /metrics where --metrics says. One that finds another at work on
the installation exits with status 3.")]
pub(super) struct Serve {
    /// Answer health checks and give numbers here; loopback only, port 0 for a free one.
    #[arg(long, value_name = "ADDRESS", value_parser = loopback)]
    metrics: Option<SocketAddr>,
    /// Stop when a whole round did nothing and nothing is due by the clock.
    #[arg(long)]
    until_idle: bool,
    /// With --until-idle: nothing is due up to this instant [default: now].
    #[arg(long, value_name = "INSTANT", requires = "until_idle")]
    before: Option<Timestamp>,
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr =
        text.parse().map_err(|_| "must be an address and a port, as 127.0.0.1:9464".to_owned())?;
    match address.ip().is_loopback() {
        true => Ok(address),
        false => Err("must be a loopback address: there is no log-in".to_owned()),
    }
}

/// Says who serves, for one that comes second.
const HOLDER: &str = "serve.json";

#[derive(Serialize, Deserialize)]
struct Holder {
    pid: u32,
    since: String,
}

pub(super) fn run(context: &Context, command: &Serve) -> anyhow::Result<Outcome> {
    let Some(open) = installation::open_to_change(context, &context.dir, Arc::new(Silent))? else {
        context.printer.error(&anyhow::anyhow!(who_serves(&context.dir)));
        return Ok(Outcome::Taken);
    };
    if let Some(at) = context.at {
        open.clock.set(at)?;
    }
    let until = command.before.unwrap_or_else(|| open.hub.clock.now());
    match (&open.clock, command.until_idle) {
        (OpenClock::Simulated { .. }, false) => {
            bail!(
                "the clock of this installation stands still: --until-idle moves it from one run to the next"
            )
        }
        (OpenClock::Simulated { .. }, true) => {
            let activity = block_on(live_until(&open, until))??;
            tell(context, &activity, true)
        }
        (OpenClock::Real, _) => {
            let until_idle = command.until_idle.then_some(until);
            serve(context, open, Options { metrics: command.metrics, until_idle })
        }
    }
}

fn who_serves(dir: &Path) -> String {
    let taken = installation::is_taken(dir);
    let holder = RealDisk.read(&dir.join(HOLDER)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    match holder {
        Some(Holder { pid, since }) => format!("{taken}; `serve` was started as process {pid} at {since}"),
        None => taken,
    }
}

fn serve(context: &Context, open: Open, options: Options) -> anyhow::Result<Outcome> {
    let Open { hub, lock, .. } = open;
    let holder = hub.dir.join(HOLDER);
    let until_idle = options.until_idle.is_some();
    let told = Holder { pid: std::process::id(), since: format!("{:.0}", hub.clock.now()) };
    RealDisk.write_atomically(&holder, &serde_json::to_vec(&told)?)?;
    let printer = &context.printer;
    let news = |news: News| match news {
        News::Listening(at) if printer.is_json() => {
            printer.line(serde_json::json!({ "listening": at.to_string() }).to_string());
        }
        News::Listening(at) => printer.line(format!("health and metrics: http://{at}")),
        News::Trouble(what) => printer.error(&anyhow::anyhow!("{what}; payments go on without")),
        News::Started => printer.note(format!("at work as process {}", told.pid)),
    };
    let summary = block_on(serve::run(Arc::new(hub), options, &news))?;
    RealDisk.remove(&holder)?;
    drop(lock);
    let summary = summary?;
    if summary.cut > 0 {
        printer.note(format!("{} runs were cut off; the next start goes on with them", summary.cut));
    }
    let failing: Vec<String> = summary.failing.into_values().flatten().collect();
    tell(context, &Activity { failures: failing, ..summary.activity }, until_idle)
}

/// A `serve` that was told to stop has done what it should; one that was to do what is due has perhaps not.
fn tell(context: &Context, activity: &Activity, until_idle: bool) -> anyhow::Result<Outcome> {
    super::run::tell(&context.printer, "serve", activity)?;
    Ok(if activity.failures.is_empty() || !until_idle { Outcome::Done } else { Outcome::Wrong })
}

/// A simulated clock goes from each run to the next, as far as `until`.
async fn live_until(open: &Open, until: Timestamp) -> anyhow::Result<Activity> {
    let mut scheduler = Scheduler::open(&open.hub, Arc::new(Metrics::default())).await?;
    let mut all = Activity::default();
    loop {
        let mut done = scheduler.step(&open.hub).await?;
        all.failures = std::mem::take(&mut done.failures); // what failed before was tried again
        let is_idle = done.is_idle();
        all.add(done);
        if !is_idle {
            continue;
        }
        match scheduler.next(&open.hub).filter(|next| *next <= until) {
            Some(next) => open.clock.set(next)?,
            None => return Ok(all),
        }
    }
}
