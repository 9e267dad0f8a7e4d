//! `toek demo`: a payment day of all 98 municipalities, end to end, over real SFTP in simulated time, judged by a checker
//! that believes nothing the hub says of itself.
//!
//! It may be killed at any moment and started again: the installation goes on where it was. Simulated time is a file;
//! everything else is what the hub and its simulated counterparties keep anyway. What a person would do on such a day
//! (look at a strange host key, have a refused voucher built anew) is done by `operator`.

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
use super::{Colour, Context, Outcome, Printer, balance, status};
use crate::config::{ClockKind, default_files};
use crate::domain::calendar::{BankDays, copenhagen, instant};
use crate::generator::{self, Form, Generator, MANIFEST, Plan};
use crate::partners::checker::{self, Books, Partner};
use crate::partners::landscape::{Access as PartnerAccess, Landscape, Start};
use crate::partners::script::Script;
use crate::pipelines::{self, Activity, Endpoints};
use crate::store::finance::{self, Rebuild};
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
    /// Of how many municipalities, at most 98.
    #[arg(long, default_value_t = 98, value_name = "N")]
    municipalities: usize,
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
    municipalities: usize,
    script: String,
}

const SCRIPT: &str = include_str!("../../fixtures/scripts/demo.toml");
/// Who the hub meets, and what goes wrong on the wire.
const LANDSCAPE: &str = include_str!("../../fixtures/scripts/demo-landscape.toml");
/// The day the files are delivered: a bank day with a month's end before it lies two days ahead.
const DAY: Date = jiff::civil::date(2026, 1, 28);
/// Bank days that the demo lives through after the delivery: the last disposition day, and time for late answers.
const BANK_DAYS: i32 = 12;
/// When the case system delivers: its ordinary files, and those that must come after them.
const WAVES: [(u8, jiff::civil::Time); 2] = [(1, time(8, 0, 0, 0)), (2, time(9, 0, 0, 0))];
/// When the daily bundles leave.
const SEND: jiff::civil::Time = time(13, 0, 0, 0);
/// When the counterparties' troubles begin and end, by the landscape's file: the hub would poll then anyway.
const TROUBLES: [jiff::civil::Time; 4] =
    [time(11, 0, 0, 0), time(14, 0, 0, 0), time(15, 0, 0, 0), time(16, 0, 0, 0)];
/// What failed is tried again a minute later, so often; then at the next event.
const TRIES: u32 = 6;
/// The municipality whose files another case system delivers.
const KY: MunicipalityCode = MunicipalityCode(825);

/// The demo's own places in the installation.
struct Places {
    begun: PathBuf,
    files: PathBuf,
    /// Where the counterparties live.
    partners: PathBuf,
    landscape: PathBuf,
    script: PathBuf,
}

impl Places {
    fn of(dir: &Path) -> Places {
        let partners = dir.join("partners");
        Places {
            begun: dir.join("demo/begun.json"),
            files: dir.join("demo/files"),
            landscape: partners.join("landscape.toml"),
            script: partners.join("script.toml"),
            partners,
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
    let books = drive(context, &dir, &places, &begun, &script)?;
    let report = judge(&dir, &places, &script, &books)?;
    tell(context, &dir, &report)
}

/// The directory that was named, which is new or holds an unfinished demo; else a new temporary one.
fn directory(context: &Context) -> anyhow::Result<PathBuf> {
    if context.dir_is_given {
        return Ok(std::path::absolute(&context.dir)?); // the keys of its endpoints are named in its files
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
    RealDisk.create_dir_all(&places.files)?;
    RealDisk.create_dir_all(&places.partners)?;
    for (path, from, to) in [
        ("schedules/receive-payments.toml", "folder = \".\"", "folder = \"{municipality}\""),
        (
            "toek.toml",
            "    \"schedules/send-bundles.toml\",",
            "    \"schedules/receive-payments-ky.toml\",\n    \"schedules/send-bundles.toml\",",
        ),
    ] {
        let text = RealDisk.read_text(&dir.join(path))?;
        RealDisk.write_atomically(&dir.join(path), text.replacen(from, to, 1).as_bytes())?;
    }
    let ky = RealDisk.read_text(&dir.join("schedules/receive-payments.toml"))?;
    let ky = ky
        .replace("name = \"receive-payments\"", "name = \"receive-payments-ky\"")
        .replace("endpoint = \"ksd\"", "endpoint = \"ky\"")
        .replace("folder = \"{municipality}\"", &format!("folder = \"{KY}\""));
    RealDisk.write_atomically(&dir.join("schedules/receive-payments-ky.toml"), ky.as_bytes())?;
    RealDisk.write_atomically(&dir.join("clock"), start().to_string().as_bytes())?;
    let script = match &command.script {
        Some(path) => RealDisk.read_text(path)?,
        None => SCRIPT.to_owned(),
    };
    RealDisk.write_atomically(&places.script, script.as_bytes())?;
    RealDisk.write_atomically(&places.landscape, LANDSCAPE.as_bytes())?;
    let begun = Begun {
        payments: command.payments,
        seed: command.seed,
        floating: command.form == FormChoice::Floating,
        records_per_file: command.records_per_file,
        municipalities: command.municipalities,
        script,
    };
    RealDisk.write_atomically(&places.begun, &serde_json::to_vec_pretty(&begun)?)?;
    Ok(begun)
}

/// What an unfinished beginning may have left.
const OURS: [&str; 10] = [
    "toek.toml",
    "municipalities.toml",
    "benefits.toml",
    "parameters.toml",
    "accounts.toml",
    "schedules",
    "partners",
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
    let all = generator::MUNICIPALITIES.map(MunicipalityCode);
    // The one that the dead drop is about is always there.
    let others = all.into_iter().filter(|code| *code != KY).take(begun.municipalities.saturating_sub(1));
    plan.municipalities = others.chain([KY]).collect();
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

/// Lives through the days: at each instant the case systems deliver what is due, the hub does what it would by schedule,
/// and its counterparties answer; then time moves to the next thing that happens. What the ERP booked is the answer.
fn drive(
    context: &Context,
    dir: &Path,
    places: &Places,
    begun: &Begun,
    script: &Script,
) -> anyhow::Result<Books> {
    let (text, chance) = (RealDisk.read_text(&places.landscape)?, crate::seams::random(&*context.world.ids)?);
    let text = text.split(PORTS).next().unwrap_or_default(); // of an earlier start: somebody else may listen there now
    let start = Start { text, file: &places.landscape, dir: &places.partners, chance };
    let mut landscape = Landscape::start(&RealDisk, &start)?;
    connect(dir, landscape.access())?;
    keep_ports(places, &landscape)?;
    let progress = Arc::new(Printer::new(context.printer.is_json(), context.printer.is_quiet()));
    let mut open = open_at(context, dir, Access::Change, progress)?;
    let plan = plan_of(begun);
    let bank_days = open.hub.installation.bank_days.clone();
    let is_bank_day = |day| bank_days.is_bank_day(day);
    let generator = generator::plan(&plan, script, &is_bank_day)?;
    let end = bank_days.add(DAY, BANK_DAYS).to_datetime(time(18, 0, 0, 0));
    // Sessions live as long as the runtime they were made on.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut tries = 0;
    loop {
        let now = open.hub.clock.danish();
        deliver(&generator, places, &landscape, now)?;
        let activity = runtime.block_on(one_instant(&open, &mut landscape, now, &bank_days))?;
        tell_instant(context, now, &activity);
        let failed = !activity.failures.is_empty();
        if failed {
            // In the time that passes now an endpoint would have had its rest, or an operator would have looked at it.
            open.hub.endpoints = Endpoints::new(&open.hub.installation.limits);
        }
        tries = if failed { tries + 1 } else { 0 };
        let next = match (1..TRIES).contains(&tries) {
            true => now.saturating_add(1.minute()),
            false => next_instant(now, landscape.next_due()?),
        };
        if next > end {
            return books(dir, &landscape);
        }
        open.clock.set(instant(next))?;
    }
}

fn tell_instant(context: &Context, now: DateTime, activity: &Activity) {
    if activity.is_idle() {
        return;
    }
    let at = now.strftime("%Y-%m-%d %H:%M");
    context.printer.note(format!("{at}  {}", super::run::summary(activity)));
    for failure in activity.failures.iter().take(3) {
        context.printer.note(format!("                  {failure}"));
    }
}

/// How the ports begin in the landscape's file.
const PORTS: &str = "\n# Where they listened, and are to listen again.\n[ports]\n";

/// So that `toek partner` runs the counterparties again where `toek.toml` looks for them.
fn keep_ports(places: &Places, landscape: &Landscape<'_>) -> anyhow::Result<()> {
    let text = RealDisk.read_text(&places.landscape)?;
    let mut whole = text.split(PORTS).next().unwrap_or_default().to_owned();
    whole.push_str(PORTS);
    for server in landscape.servers() {
        whole.push_str(&format!("{} = {}\n", server.name(), server.address().port()));
    }
    Ok(RealDisk.write_atomically(&places.landscape, whole.as_bytes())?)
}

/// Where the counterparties listen this time: the endpoints of `toek.toml`.
fn connect(dir: &Path, access: &[PartnerAccess]) -> anyhow::Result<()> {
    let path = dir.join("toek.toml");
    let text = RealDisk.read_text(&path)?;
    let begin = text.find(ENDPOINTS_BEGIN).context("toek.toml has no endpoints to replace")?;
    let end = text.find("[limits]").context("toek.toml has no limits")?;
    let mut endpoints = String::from(ENDPOINTS_BEGIN);
    endpoints.push_str(
        " The demo's; this runs them again, in partners/: toek --dir . partner --script landscape.toml\n",
    );
    for (name, user, folders, commit, evidence) in [
        ("ksd", "KSD_SIMPELSFTP", "in = \".\"", "rename", "listing"),
        ("ky", "KY_SIMPELSFTP", "in = \".\"", "rename", "listing"),
        ("nemkonto", "TOEK_NEMKONTO", "in = \"outbox\"\nout = \"inbox\"", "rename", "read-back"),
        ("serviceplatformen", "TOEK_SFTP", "in = \"IN\"\nout = \"OUT\"", "trigger", "receipt"),
    ] {
        let at =
            access.iter().find(|at| at.user == user).with_context(|| format!("nobody lets {user} in"))?;
        let (host, port, key, host_key) =
            (at.address.ip(), at.address.port(), at.key.display(), &at.host_key);
        endpoints.push_str(&format!(
            "[[endpoint]]\nname = \"{name}\"\nkind = \"sftp\"\nhost = \"{host}\"\nport = {port}\nuser = \"{user}\"\n\
             key = \"{key}\"\nhost_keys = [\"{host_key}\"]\npath = \"/\"\n{folders}\ncommit = \"{commit}\"\n\
             evidence = \"{evidence}\"\n\n"
        ));
    }
    let whole = format!("{}{endpoints}{}", &text[..begin], &text[end..]);
    Ok(RealDisk.write_atomically(&path, whole.as_bytes())?)
}

/// How the endpoints of `toek.toml` begin.
const ENDPOINTS_BEGIN: &str = "# Counterparties' places.";

/// Hands a wave's files to their case systems: each is either here or there, whenever we are cut off.
fn deliver(
    generator: &Generator<'_>,
    places: &Places,
    landscape: &Landscape<'_>,
    now: DateTime,
) -> anyhow::Result<()> {
    for (wave, at) in WAVES {
        if now < DAY.to_datetime(at) {
            continue;
        }
        for file in generator.files().into_iter().filter(|file| file.wave == wave) {
            let from = places.files.join(&file.name);
            if RealDisk.exists(&from)? {
                let case_system = if file.municipality == KY { "KY" } else { "KSD" };
                let folder = landscape.outgoing(case_system).join(file.municipality.to_string());
                RealDisk.rename(&from, &folder.join(&file.name))?;
            }
        }
    }
    Ok(())
}

async fn one_instant(
    open: &Open,
    landscape: &mut Landscape<'_>,
    now: DateTime,
    bank_days: &BankDays,
) -> anyhow::Result<Activity> {
    let mut done = Activity::default();
    let sends = now.time() >= SEND && bank_days.is_bank_day(now.date());
    landscape.tick(now)?;
    for (pipeline, is_due) in [
        ("receive-payments", true),
        ("receive-payments-ky", true),
        ("send-bundles", sends),
        ("receive-answers", true),
        ("send-vouchers", true),
    ] {
        if is_due {
            done.add(pipelines::run(&open.hub, pipeline).await?);
        }
    }
    landscape.tick(now)?;
    for pipeline in ["receive-receipts", "receive-voucher-answers"] {
        done.add(pipelines::run(&open.hub, pipeline).await?);
    }
    operator(open).await?;
    landscape.tick(now)?;
    Ok(done)
}

/// What a person does on such a day: refused vouchers are built anew.
async fn operator(open: &Open) -> anyhow::Result<()> {
    for refused in open.hub.store.read(|tx| finance::refused_after(tx, 0))? {
        let at = open.hub.clock.micros();
        open.hub.store.write(Rebuild { voucher_no: refused.voucher_no, booking_day: None, at }).await?;
    }
    Ok(())
}

/// The next wave, the next sending, the next trouble's end or the next answer, whichever is first.
fn next_instant(now: DateTime, answer: Option<DateTime>) -> DateTime {
    let tomorrow = now.date().saturating_add(1.day());
    let day = WAVES.iter().map(|(_, at)| *at).chain(TROUBLES).map(|at| DAY.to_datetime(at));
    let sends = [now.date().to_datetime(SEND), tomorrow.to_datetime(SEND)];
    let fallback = tomorrow.to_datetime(SEND);
    day.chain(sends).chain(answer).filter(|at| *at > now).min().unwrap_or(fallback)
}

/// The ERP's books, and how its accounts are the hub's, read from the installation's files as anybody could.
fn books(dir: &Path, landscape: &Landscape<'_>) -> anyhow::Result<Books> {
    let table = |name: &str| -> anyhow::Result<toml::Table> {
        Ok(RealDisk.read_text(&dir.join(name))?.parse::<toml::Table>()?)
    };
    let text = |value: &toml::Value, key: &str| {
        value.get(key).and_then(toml::Value::as_str).unwrap_or_default().to_owned()
    };
    let rows = |table: &toml::Table, key: &str| {
        table.get(key).and_then(toml::Value::as_array).cloned().unwrap_or_default()
    };
    let mut books = Books::default();
    for row in rows(&table("accounts.toml")?, "account") {
        let dimensions = row.get("dimensions").cloned().unwrap_or(toml::Value::Boolean(false));
        let names = ["funktion", "dranst", "ejerforhold", "omkostningssted", "gruppering", "art"];
        let account = names.map(|name| text(&dimensions, name)).join("|");
        books.roles.insert(text(&row, "role"), account);
    }
    for row in rows(&table("municipalities.toml")?, "municipality") {
        books.authorities.insert(text(&row, "code"), text(&row, "cvr"));
    }
    if let Some(seen) = landscape.report().erp {
        books.accepted = seen.accepted;
        for (authority, accounts) in seen.balances {
            for (account, sums) in accounts {
                let at = (authority.clone(), account);
                books.accounts.insert(at, (sums.debit_ore, sums.credit_ore));
            }
        }
    }
    Ok(books)
}

/// Asks the checker, which asks the hub only as any program would: a process of its own, printing JSON.
fn judge(dir: &Path, places: &Places, script: &Script, books: &Books) -> anyhow::Result<checker::Report> {
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
    let home = places.partners.join("nemkonto/home");
    let partner = Partner { disk: &RealDisk, home: &home, script, books: Some(books) };
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
