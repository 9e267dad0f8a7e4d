//! `toek partner`: the simulated counterparties alone, for testers: SFTP servers with keys, a NemKonto, a
//! Serviceplatformen, an ERP system and case systems, until somebody stops them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use toek_adapters::disk::{Disk, RealDisk};
use tokio::signal::unix::{SignalKind, signal};

use super::{Context, Outcome, block_on};
use crate::domain::calendar::copenhagen;
use crate::partners::landscape::{Access, CALM, Landscape, Settings, Start, Way};

/// The simulated counterparties, until Ctrl-C.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toek --dir my-partners partner                         everybody, in order and without faults
  toek --dir my-partners partner --print-script          the file that says so, as a start for your own
  toek --dir my-partners partner --script faults.toml    with the faults and answers of a file
  toek --dir my-partners --at 2026-01-28T10:00:00Z partner    from that instant on, at the machine's pace

Everything is kept in the directory and taken up again at the next start: users' folders, keys/USER.key,
keys/known_hosts, ports, what each counterparty took and gave, erp/books/*.jsonl. What is put into
case/NAME/outgoing/ is delivered to the hub. Listens on loopback only. A hub for them:
  toek init my-hub --from-partner my-partners && toek check my-hub --connect")]
pub(super) struct Partner {
    /// Who is there, and what they do (TOML).
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Print the built-in script and end.
    #[arg(long)]
    print_script: bool,
    /// Do once what is to be done, report and end.
    #[arg(long)]
    once: bool,
}

/// How often counterparties look at their folders.
const PACE: Duration = Duration::from_millis(200);

#[derive(Serialize)]
struct Started<'a> {
    dir: &'a Path,
    known_hosts: PathBuf,
    access: &'a [Access],
}

pub(super) fn run(context: &Context, command: &Partner) -> anyhow::Result<Outcome> {
    if command.print_script {
        context.printer.line(CALM.trim_end());
        return Ok(Outcome::Done);
    }
    let dir = directory(context)?;
    RealDisk.create_dir_all(&dir)?;
    let dir = std::path::absolute(dir)?;
    let (text, file) = match &command.script {
        Some(path) => (RealDisk.read_text(path)?, path.clone()),
        None => (CALM.to_owned(), PathBuf::from("landscape.toml")),
    };
    let settings = Settings::load(&text, &file.display().to_string())?;
    let text = with_ports(text, &settings, &dir)?;
    let chance = crate::seams::random(&*context.world.ids)?;
    let start = Start { text: &text, file: &file, dir: &dir, chance };
    let mut landscape = Landscape::start(&RealDisk, &start)?;
    keep_doors(&settings, landscape.access(), &dir)?;
    tell_access(context, &dir, landscape.access())?;
    let began = context.world.clock.now();
    let now = || danish_now(context, began);
    if command.once {
        landscape.tick(now())?;
    } else {
        block_on(until_stopped(context, &mut landscape, now))??;
    }
    tell_report(context, &landscape)
}

/// What a hub must know to meet these counterparties, as they keep it in [`DOORS`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Doors {
    /// Where each server listens, by its name.
    ports: BTreeMap<String, u16>,
    /// An entry for each endpoint of a new installation that is among them.
    pub(super) endpoints: Vec<Door>,
}

/// One endpoint.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Door {
    /// `ksd`, `nemkonto` or `serviceplatformen`.
    pub(super) endpoint: String,
    /// Where its server listens.
    pub(super) address: SocketAddr,
    /// The hub's user there.
    pub(super) user: String,
    /// The file of the user's private key.
    pub(super) key: PathBuf,
    /// The server's key, as OpenSSH writes it.
    pub(super) host_key: String,
    /// Where a case system puts its files; `{municipality}` may stand in it.
    pub(super) folder: Option<String>,
}

/// The file of the doors in the counterparties' directory.
pub(super) const DOORS: &str = "hub.json";

/// The counterparties' word to a hub in their directory, where they were started before.
pub(super) fn doors(dir: &Path) -> anyhow::Result<Option<Doors>> {
    let path = dir.join(DOORS);
    if !RealDisk.exists(&path)? {
        return Ok(None);
    }
    let doors = serde_json::from_slice(&RealDisk.read(&path)?);
    doors.map(Some).with_context(|| path.display().to_string())
}

/// The script with the ports of the last start, unless it names its own: whoever knows them finds the servers again.
fn with_ports(script: String, settings: &Settings, dir: &Path) -> anyhow::Result<String> {
    let known = doors(dir)?.filter(|_| settings.ports.is_empty());
    let Some(Doors { ports, .. }) = known else { return Ok(script) };
    let lines: String = ports.iter().map(|(server, port)| format!("\n{server} = {port}")).collect();
    Ok(format!("{script}\n[ports]{lines}\n"))
}

fn keep_doors(settings: &Settings, access: &[Access], dir: &Path) -> anyhow::Result<()> {
    let nemkonto = settings.nemkonto.as_ref().map(|nemkonto| ("nemkonto", nemkonto.user.as_str(), None));
    let hub = settings.hub.user.get_ref().as_str();
    let platform = settings.serviceplatformen.as_ref().map(|_| ("serviceplatformen", hub, None));
    let cases = settings.case_systems.iter().map(|case| case.get_ref());
    let case = cases.filter(|case| case.way == Way::Plain).map(|case| {
        let folder = if case.folder.is_empty() { "." } else { &case.folder };
        ("ksd", case.user.as_str(), Some(folder.to_owned()))
    });
    let known = nemkonto.into_iter().chain(platform).chain(case.take(1));
    let endpoints = known.filter_map(|(endpoint, user, folder)| {
        let at = access.iter().find(|at| at.user == user)?; // a user for each municipality is no one endpoint
        Some(Door {
            endpoint: endpoint.to_owned(),
            address: at.address,
            user: user.to_owned(),
            key: at.key.clone(),
            host_key: at.host_key.clone(),
            folder,
        })
    });
    let ports = access.iter().map(|at| (at.server.clone(), at.address.port())).collect();
    let doors = Doors { ports, endpoints: endpoints.collect() };
    Ok(RealDisk.write_atomically(&dir.join(DOORS), &serde_json::to_vec_pretty(&doors)?)?)
}

fn directory(context: &Context) -> anyhow::Result<PathBuf> {
    if context.dir_is_given {
        return Ok(context.dir.clone());
    }
    let name: [u8; 5] = crate::seams::random(&*context.world.ids)?;
    Ok(std::env::temp_dir().join(format!("toek-partner-{}", super::quarantine::hex(&name))))
}

/// The machine's time, or as much after `--at` as has passed since the start.
fn danish_now(context: &Context, began: Timestamp) -> jiff::civil::DateTime {
    let now = context.world.clock.now();
    let shown = context.at.map_or(now, |at| at.saturating_add(now.duration_since(began)).unwrap_or(at));
    copenhagen(shown)
}

async fn until_stopped(
    context: &Context,
    landscape: &mut Landscape<'_>,
    now: impl Fn() -> jiff::civil::DateTime,
) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut pace = tokio::time::interval(PACE);
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = pace.tick() => {}
        }
        let at = now();
        let done = landscape.tick(at)?;
        if !done.is_idle() {
            context.printer.note(format!(
                "{}  {} taken, {} given, {} receipts",
                at.strftime("%Y-%m-%d %H:%M:%S"),
                done.taken,
                done.delivered,
                done.receipts
            ));
        }
    }
}

/// Prints who can log in where, and writes the servers' keys for `ssh` and the hub to pin.
fn tell_access(context: &Context, dir: &Path, access: &[Access]) -> anyhow::Result<()> {
    let known_hosts = dir.join("keys/known_hosts");
    let mut lines: Vec<String> = access
        .iter()
        .map(|at| format!("[{}]:{} {}\n", at.address.ip(), at.address.port(), at.host_key))
        .collect();
    lines.dedup();
    RealDisk.write_atomically(&known_hosts, lines.concat().as_bytes())?;
    if context.printer.is_json() {
        return context.printer.value(&Started { dir, known_hosts, access });
    }
    let printer = &context.printer;
    printer.line(format!("everything is in {}", dir.display()));
    let mut server = "";
    for (place, at) in access.iter().enumerate() {
        if at.server != server {
            server = &at.server;
            printer.heading(&format!("{server}  {}", at.address));
            printer.line(format!("  {}", at.host_key));
        }
        if place < MOST_SHOWN {
            printer.line(format!(
                "  sftp -P {} -i {} -o UserKnownHostsFile={} {}@{}",
                at.address.port(),
                at.key.display(),
                known_hosts.display(),
                at.user,
                at.address.ip()
            ));
        }
    }
    if access.len() > MOST_SHOWN {
        printer.line(format!("  and {} more users: see keys/", access.len() - MOST_SHOWN));
    }
    Ok(())
}

/// Users that are shown in full; 98 drops would hide the rest.
const MOST_SHOWN: usize = 12;

fn tell_report(context: &Context, landscape: &Landscape<'_>) -> anyhow::Result<Outcome> {
    let report = landscape.report();
    if context.printer.is_json() {
        context.printer.value(&report)?;
    } else {
        context.printer.heading("What they saw");
        context.printer.line(serde_json::to_string_pretty(&report)?);
    }
    Ok(Outcome::Done)
}
