//! `toek demo`: a payment day of several municipalities, end to end, in simulated time, judged by a checker that believes
//! nothing the hub says of itself.
//!
//! It may be killed at any moment and started again: the installation goes on where it was. Simulated time is a file;
//! everything else is what the hub and the simulated NemKonto keep anyway.

use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use jiff::ToSpan;
use jiff::civil::{Date, DateTime, time};
use serde::{Deserialize, Serialize};
use toek_adapters::disk::{Disk, RealDisk};
use toek_adapters::drop::is_unfinished;
use toek_formats::vocabulary::MunicipalityCode;

use super::installation::{Access, Open, open_at};
use super::{Colour, Context, Outcome, Printer, balance, block_on, status};
use crate::config::{ClockKind, default_files};
use crate::domain::calendar::{BankDays, copenhagen, instant};
use crate::generator::{self, Form, Generator, MANIFEST, Plan};
use crate::partners::checker::{self, Partner};
use crate::partners::nemkonto::{Folders, NemKonto};
use crate::partners::script::Script;
use crate::pipelines::{self, Activity};
use crate::store::report;

/// A payment day, from generated files to booked answers, then checked independently.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toek demo
  toek demo --dir my-hub --payments 100000 --seed 7
  toek -C my-hub status            what it leaves is a working installation")]
pub(super) struct Demo {
    /// Payments in ordinary files; files with faults come on top.
    #[arg(long, default_value_t = 20_000, value_name = "N")]
    payments: u64,
    /// The same seed gives the same files and the same answers.
    #[arg(long, default_value_t = 1, value_name = "SEED")]
    seed: u64,
    /// How records are written.
    #[arg(long, value_enum, default_value_t = FormChoice::Fixed)]
    form: FormChoice,
    /// The most records in one file.
    #[arg(long, default_value_t = 2_000, value_name = "N")]
    records_per_file: u32,
    /// What the simulated NemKonto answers (TOML); the built-in script has every outcome.
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormChoice {
    Fixed,
    Floating,
}

/// What a demo was begun with: going on with it takes this, not the command line.
#[derive(Debug, Serialize, Deserialize)]
struct Begun {
    payments: u64,
    seed: u64,
    floating: bool,
    records_per_file: u32,
    script: String,
}

const SCRIPT: &str = include_str!("../../fixtures/scripts/demo.toml");
/// The day the files are delivered: a bank day with a month's end before it lies two days ahead.
const DAY: Date = jiff::civil::date(2026, 1, 28);
/// Bank days that the demo lives through after the delivery: the last disposition day, and time for late answers.
const BANK_DAYS: i32 = 12;
/// When the case system delivers: its ordinary files, and those that must come after them.
const WAVES: [(u8, jiff::civil::Time); 2] = [(1, time(8, 0, 0, 0)), (2, time(9, 0, 0, 0))];
/// When the daily bundles leave.
const SEND: jiff::civil::Time = time(13, 0, 0, 0);

/// The demo's own places in the installation.
struct Places {
    begun: PathBuf,
    files: PathBuf,
    nemkonto: Folders,
    payments_in: PathBuf,
}

impl Places {
    fn of(dir: &Path) -> Places {
        let endpoint = dir.join("endpoints/nemkonto");
        Places {
            begun: dir.join("demo/begun.json"),
            files: dir.join("demo/files"),
            nemkonto: Folders {
                inbox: endpoint.join("inbox"),
                outbox: endpoint.join("outbox"),
                home: dir.join("demo/nemkonto"),
            },
            payments_in: dir.join("endpoints/ksd/in"),
        }
    }
}

pub(super) fn run(context: &Context, command: Demo) -> anyhow::Result<Outcome> {
    let dir = directory(context)?;
    let places = Places::of(&dir);
    let begun = begin(&dir, &places, &command)?;
    let script = Script::load(&begun.script, "script.toml")?;
    context.printer.note(format!("installation: {}", dir.display()));
    generate(context, &places, &begun, &script)?;
    drive(context, &dir, &places, &begun, &script)?;
    let report = judge(&dir, &places, &script)?;
    tell(context, &dir, &report)
}

/// The directory that was named, which is new or holds an unfinished demo; else a new temporary one.
fn directory(context: &Context) -> anyhow::Result<PathBuf> {
    if context.dir_is_given {
        return Ok(context.dir.clone());
    }
    let name: [u8; 5] = crate::seams::random(&*context.world.ids)?;
    Ok(std::env::temp_dir().join(format!("toek-demo-{}", super::quarantine::hex(&name))))
}

/// Writes the installation's files, or finds those of a demo that was cut off. `begun.json` comes last: with it the
/// installation is whole.
fn begin(dir: &Path, places: &Places, command: &Demo) -> anyhow::Result<Begun> {
    if RealDisk.exists(&places.begun)? {
        return serde_json::from_slice(&RealDisk.read(&places.begun)?).context("demo/begun.json");
    }
    let is_ours = |name: &str| OURS.contains(&name) || is_unfinished(name);
    if RealDisk.exists(dir)? && RealDisk.list(dir)?.iter().any(|entry| !is_ours(&entry.name)) {
        bail!("{} holds something else: name a directory that is empty or not there yet", dir.display());
    }
    let codes: Vec<MunicipalityCode> =
        generator::MUNICIPALITIES.iter().map(|code| MunicipalityCode(*code)).collect();
    for (path, content) in default_files(&codes, ClockKind::Simulated) {
        let path = dir.join(path);
        RealDisk.create_dir_all(path.parent().unwrap_or(dir))?;
        RealDisk.write_atomically(&path, content.as_bytes())?;
    }
    let folders =
        [&places.nemkonto.inbox, &places.nemkonto.outbox, &places.nemkonto.home, &places.payments_in];
    for folder in folders {
        RealDisk.create_dir_all(folder)?;
    }
    RealDisk.write_atomically(&dir.join("clock"), start().to_string().as_bytes())?;
    let script = match &command.script {
        Some(path) => RealDisk.read_text(path)?,
        None => SCRIPT.to_owned(),
    };
    let begun = Begun {
        payments: command.payments,
        seed: command.seed,
        floating: command.form == FormChoice::Floating,
        records_per_file: command.records_per_file,
        script,
    };
    RealDisk.write_atomically(&places.begun, &serde_json::to_vec_pretty(&begun)?)?;
    Ok(begun)
}

/// What an unfinished beginning may have left.
const OURS: [&str; 9] = [
    "toek.toml",
    "municipalities.toml",
    "benefits.toml",
    "parameters.toml",
    "schedules",
    "endpoints",
    "demo",
    "clock",
    "keys",
];

fn start() -> jiff::Timestamp {
    instant(DAY.to_datetime(WAVES[0].1))
}

fn plan_of(begun: &Begun) -> Plan {
    let form = if begun.floating { Form::Floating } else { Form::Fixed };
    let mut plan =
        Plan { form, records_per_file: begun.records_per_file, ..Plan::new(begun.payments, begun.seed, DAY) };
    plan.errors.records.retain(|(fault, _)| fault.fits(form));
    plan
}

/// Makes the files and their manifest, unless an earlier start has; the manifest's name comes last.
fn generate(context: &Context, places: &Places, begun: &Begun, script: &Script) -> anyhow::Result<()> {
    if RealDisk.exists(&places.files.join(MANIFEST))? {
        return Ok(());
    }
    let plan = plan_of(begun);
    let bank_days = BankDays::new(&[]);
    let is_bank_day = |day| bank_days.is_bank_day(day);
    let generator = generator::plan(&plan, script, &is_bank_day)?;
    let made = generator.write_all(&RealDisk, &places.files)?;
    RealDisk.sync_dir(&places.files)?;
    context.printer.note(format!("{} files with {} records made", made.files, made.records));
    Ok(())
}

/// Lives through the days: at each instant the case system delivers what is due, the hub does what it would by
/// schedule, and NemKonto answers; then time moves to the next thing that happens.
fn drive(
    context: &Context,
    dir: &Path,
    places: &Places,
    begun: &Begun,
    script: &Script,
) -> anyhow::Result<()> {
    let progress = Arc::new(Printer::new(context.printer.is_json(), context.printer.is_quiet()));
    let open = open_at(context, dir, Access::Change, progress)?;
    let plan = plan_of(begun);
    let bank_days = open.hub.installation.bank_days.clone();
    let is_bank_day = |day| bank_days.is_bank_day(day);
    let generator = generator::plan(&plan, script, &is_bank_day)?;
    let mut nemkonto = NemKonto::open(&RealDisk, places.nemkonto.clone(), script.clone())?;
    let end = bank_days.add(DAY, BANK_DAYS).to_datetime(time(18, 0, 0, 0));
    loop {
        let now = open.hub.clock.danish();
        deliver(&generator, places, now)?;
        let activity = one_instant(&open, &mut nemkonto, now, &bank_days)?;
        if !activity.is_idle() {
            context.printer.note(format!(
                "{}  {}",
                now.strftime("%Y-%m-%d %H:%M"),
                super::run::summary(&activity)
            ));
        }
        if let Some(failure) = activity.failures.first() {
            bail!("{failure}");
        }
        let next = next_instant(now, nemkonto.next_due()?);
        if next > end {
            return Ok(());
        }
        open.clock.set(instant(next))?;
    }
}

/// Moves a wave's files into the hub's drop: each is either here or there, whenever we are cut off.
fn deliver(generator: &Generator<'_>, places: &Places, now: DateTime) -> anyhow::Result<()> {
    for (wave, at) in WAVES {
        if now < DAY.to_datetime(at) {
            continue;
        }
        for file in generator.files().into_iter().filter(|file| file.wave == wave) {
            let from = places.files.join(&file.name);
            if RealDisk.exists(&from)? {
                RealDisk.rename(&from, &places.payments_in.join(&file.name))?;
            }
        }
    }
    Ok(())
}

fn one_instant(
    open: &Open,
    nemkonto: &mut NemKonto<'_>,
    now: DateTime,
    bank_days: &BankDays,
) -> anyhow::Result<Activity> {
    let mut done = Activity::default();
    nemkonto.step(now)?;
    done.add(block_on(pipelines::run(&open.hub, "receive-payments"))??);
    if now.time() >= SEND && bank_days.is_bank_day(now.date()) {
        done.add(block_on(pipelines::run(&open.hub, "send-bundles"))??);
    }
    done.add(block_on(pipelines::run(&open.hub, "receive-answers"))??);
    nemkonto.step(now)?;
    Ok(done)
}

/// The next wave, the next sending, or NemKonto's next answer, whichever is first.
fn next_instant(now: DateTime, answer: Option<DateTime>) -> DateTime {
    let tomorrow = now.date().saturating_add(1.day());
    let waves = WAVES.iter().map(|(_, at)| DAY.to_datetime(*at));
    let sends = [now.date().to_datetime(SEND), tomorrow.to_datetime(SEND)];
    let fallback = tomorrow.to_datetime(SEND);
    waves.chain(sends).chain(answer).filter(|at| *at > now).min().unwrap_or(fallback)
}

/// Asks the checker, which asks the hub only as any program would: a process of its own, printing JSON.
fn judge(dir: &Path, places: &Places, script: &Script) -> anyhow::Result<checker::Report> {
    let toek = std::env::current_exe()?;
    let hub = |arguments: &[&str]| -> io::Result<Vec<u8>> {
        let output = std::process::Command::new(&toek).arg("--dir").arg(dir).args(arguments).output()?;
        let said_something = !output.stdout.is_empty() || output.status.success();
        if said_something {
            return Ok(output.stdout); // `balance` exits 1 when the accounts differ, and the checker wants to see how
        }
        Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    };
    let manifest = BufReader::new(RealDisk.open(&places.files.join(MANIFEST))?);
    let partner = Partner { disk: &RealDisk, home: &places.nemkonto.home, script };
    Ok(checker::check(manifest, &partner, &hub)?)
}

fn tell(context: &Context, dir: &Path, report: &checker::Report) -> anyhow::Result<Outcome> {
    let outcome = if report.ok() { Outcome::Done } else { Outcome::Wrong };
    if context.printer.is_json() {
        context.printer.value(report)?;
        return Ok(outcome);
    }
    let open = open_at(context, dir, Access::Read, Arc::new(pipelines::Silent))?;
    let outcomes = open.hub.store.read(report::outcomes)?;
    status::show_outcomes(context, &outcomes);
    open.hub.store.read(|tx| balance::show_all(context, tx))?;
    context.printer.heading("What an independent checker found");
    for line in report.to_string().lines() {
        let colour = if line.starts_with("FAILED") { Colour::Red } else { Colour::Dim };
        context.printer.line(format!("  {}", context.printer.paint(colour, line)));
    }
    context.printer.heading("Try");
    let at = dir.display();
    for (subject, why) in examples(&open)? {
        context.printer.line(format!("  toek --dir {at} trace {subject:<12} # {why}"));
    }
    let days = copenhagen(open.hub.clock.now()).date() - DAY;
    context.printer.note(format!("{} simulated days; the installation stays in {at}", days.get_days()));
    Ok(outcome)
}

/// One payment that was paid, one that came back, one record that was refused.
fn examples(open: &Open) -> anyhow::Result<Vec<(String, &'static str)>> {
    let examples = open.hub.store.read(report::examples)?;
    Ok(examples.into_iter().map(|(id, why)| (id.to_string(), why)).collect())
}
