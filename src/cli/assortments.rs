//! `toek assortments`: the replica of assortments, what a version changed, and which accounts will stop working.

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use toek_formats::vocabulary::MunicipalityCode;

use super::installation::{Access, Open, open};
use super::{Colour, Context, Outcome};
use crate::domain::assortment::{Days, TOLD_BEFORE_DAYS, Value, differences, speaking};
use crate::pipelines::receive_assortments::coming_troubles;
use crate::store::assortment::{self, Version};

/// Which classes may be used towards the ERP systems, and when (SF7002).
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  toek -C my-hub assortments list
  toek -C my-hub assortments show --municipality 0751 --day 2026-07-01
  toek -C my-hub assortments show 3 --part FUNKTION
  toek -C my-hub assortments diff
  toek -C my-hub assortments check --days 30
  toek -C my-hub assortments export --municipality 0751 > classes.csv

`until` is the first day on which something is valid no more.")]
pub(super) enum Assortments {
    /// The versions that count, or all that came.
    List(ListThem),
    /// The classes that a municipality may use on a day, or those of a version.
    Show(Which),
    /// What a version changed; without a number, the newest of every assortment.
    Diff(Diff),
    /// Accounts of accounts.toml whose class is missing, ended or not yet valid on a coming day. Exit status 1 if any is.
    Check(Check),
    /// The same as `show`, as CSV with a heading (with --json an object per line).
    Export(Which),
}

/// See [`Assortments::List`].
#[derive(Debug, Args)]
pub(super) struct ListThem {
    /// Versions that count no more, too.
    #[arg(long)]
    all: bool,
}

/// Which classes.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// A version's number.
    #[arg(required_unless_present = "municipality", conflicts_with = "municipality")]
    version: Option<i64>,
    /// What counts for this municipality: its code, or its CVR number.
    #[arg(long, value_name = "CODE")]
    municipality: Option<String>,
    /// Only what is valid on this day [default: today, for a municipality].
    #[arg(long)]
    day: Option<Date>,
    /// Only this sub-assortment, such as FUNKTION.
    #[arg(long)]
    part: Option<String>,
}

/// See [`Assortments::Diff`].
#[derive(Debug, Args)]
pub(super) struct Diff {
    /// The version's number.
    version: Option<i64>,
    /// Against this version, and not the one that counted before it came.
    #[arg(long, value_name = "VERSION", requires = "version")]
    against: Option<i64>,
}

/// See [`Assortments::Check`].
#[derive(Debug, Args)]
pub(super) struct Check {
    /// How many days ahead.
    #[arg(long, default_value_t = TOLD_BEFORE_DAYS)]
    days: u32,
}

#[derive(Serialize)]
struct VersionLine {
    version: i64,
    assortment: String,
    name: String,
    title: String,
    /// A municipality's code, or `common`.
    owner: String,
    from: String,
    until: Option<String>,
    changed: String,
    transfer: i64,
    counts: bool,
}

#[derive(Serialize)]
struct ValueLine<'v> {
    part: &'v str,
    class: &'v str,
    number: &'v str,
    title: &'v str,
    from: String,
    until: Option<String>,
    /// Not in the file: the version before had it.
    closed: bool,
}

#[derive(Serialize)]
struct DaysLine {
    from: String,
    until: Option<String>,
}

#[derive(Serialize)]
struct DifferenceLine {
    version: i64,
    against: Option<i64>,
    part: String,
    class: String,
    name: String,
    was_named: Option<String>,
    before: Vec<DaysLine>,
    now: Vec<DaysLine>,
}

#[derive(Serialize)]
struct TroubleLine {
    municipality: String,
    what: String,
    part: &'static str,
    class: String,
    name: Option<String>,
    from: String,
    why: String,
}

pub(super) fn run(context: &Context, command: &Assortments) -> anyhow::Result<Outcome> {
    let open = open(context, Access::Read)?;
    match command {
        Assortments::List(command) => list(context, &open, command),
        Assortments::Show(which) => each(context, &open, which, show),
        Assortments::Diff(command) => diff(context, &open, command),
        Assortments::Check(command) => check(context, &open, command),
        Assortments::Export(which) => {
            if !context.printer.is_json() {
                context.printer.line("part,number,title,class,from,until");
            }
            each(context, &open, which, export)
        }
    }
}

fn list(context: &Context, open: &Open, command: &ListThem) -> anyhow::Result<Outcome> {
    let mut last = 0;
    loop {
        let page = open.hub.store.read(|tx| assortment::versions_after(tx, last))?;
        let Some(end) = page.last() else { return Ok(Outcome::Done) };
        last = end.no;
        for version in page.into_iter().filter(|version| version.is_current || command.all) {
            tell_version(context, &version)?;
        }
    }
}

fn tell_version(context: &Context, version: &Version) -> anyhow::Result<()> {
    let changed = Timestamp::from_microsecond(version.changed_at)?;
    if context.printer.is_json() {
        let Days { from, until } = version.days;
        return context.printer.value(&VersionLine {
            version: version.no,
            assortment: version.id.to_string(),
            name: version.name.clone(),
            title: version.title.clone(),
            owner: version.owner.to_string(),
            from: from.to_string(),
            until: until.map(|until| until.to_string()),
            changed: changed.to_string(),
            transfer: version.transfer.0,
            counts: version.is_current,
        });
    }
    let counts = if version.is_current { "" } else { "  counts no more" };
    let Version { no, owner, name, title, days, .. } = version;
    context
        .printer
        .line(format!("{no:>5}  {owner:<6}  {name}, {title}: {days}, changed {changed:.0}{counts}"));
    Ok(())
}

/// Hands each class that was asked for to `tell`.
fn each(
    context: &Context,
    open: &Open,
    which: &Which,
    tell: fn(&Context, &Value) -> anyhow::Result<()>,
) -> anyhow::Result<Outcome> {
    let is_wanted = |value: &Value, day: Option<Date>| {
        day.is_none_or(|day| value.days.holds(day))
            && which.part.as_deref().is_none_or(|part| part == value.part)
    };
    if let Some(text) = &which.municipality {
        let code = municipality(open, text)?;
        let day = which.day.unwrap_or_else(|| open.hub.clock.danish().date());
        let assortments = open.hub.store.read(|tx| assortment::replica(tx, Some(code)))?;
        if assortments.is_empty() {
            context.printer.note(format!("no assortment speaks for {code}: accounts.toml alone does"));
        }
        let values = speaking(code, &assortments).map(|(_, value)| value);
        values.filter(|value| is_wanted(value, Some(day))).try_for_each(|value| tell(context, value))?;
        return Ok(Outcome::Done);
    }
    let no = which.version.unwrap_or_default();
    version(open, no)?;
    let values = open.hub.store.read(|tx| assortment::values(tx, no))?;
    values.iter().filter(|value| is_wanted(value, which.day)).try_for_each(|value| tell(context, value))?;
    Ok(Outcome::Done)
}

fn version(open: &Open, no: i64) -> anyhow::Result<Version> {
    let found = open.hub.store.read(|tx| assortment::version(tx, no))?;
    found.with_context(|| format!("there is no version {no}: `toek assortments list --all` names them"))
}

fn municipality(open: &Open, text: &str) -> anyhow::Result<MunicipalityCode> {
    let mut all = open.hub.installation.municipalities.iter();
    let found = all.find(|row| row.code.to_string() == text || row.cvr.to_string() == text);
    match found {
        Some(row) => Ok(row.code),
        None => {
            bail!("`{}` is neither the code nor the CVR number of a municipality here", text.escape_debug())
        }
    }
}

fn value_line(value: &Value) -> ValueLine<'_> {
    ValueLine {
        part: &value.part,
        class: &value.class,
        number: &value.key,
        title: &value.title,
        from: value.days.from.to_string(),
        until: value.days.until.map(|until| until.to_string()),
        closed: value.is_carried,
    }
}

fn show(context: &Context, value: &Value) -> anyhow::Result<()> {
    if context.printer.is_json() {
        return context.printer.value(&value_line(value));
    }
    let closed = if value.is_carried { ", closed" } else { "" };
    let Value { part, class, key, title, days, .. } = value;
    context.printer.line(format!("{part:<16} {key:<10} {title}  {days}{closed}  {class}"));
    Ok(())
}

fn export(context: &Context, value: &Value) -> anyhow::Result<()> {
    if context.printer.is_json() {
        return context.printer.value(&value_line(value));
    }
    let line = value_line(value);
    let until = line.until.unwrap_or_default();
    let cells = [line.part, line.number, line.title, line.class, &line.from, &until];
    context.printer.line(cells.map(quoted).join(","));
    Ok(())
}

/// A cell of CSV (RFC 4180).
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn diff(context: &Context, open: &Open, command: &Diff) -> anyhow::Result<Outcome> {
    let wanted = match command.version {
        Some(no) => vec![version(open, no)?],
        None => open.hub.store.read(assortment::current)?,
    };
    for version in wanted {
        let against = command.against.or(version.before);
        let values = |no| open.hub.store.read(|tx| assortment::values(tx, no));
        let before = match against {
            Some(no) => {
                self::version(open, no)?;
                values(no)?
            }
            None => Vec::new(),
        };
        let found = differences(&before, &values(version.no)?);
        if !context.printer.is_json() {
            let against = against.map_or("nothing before it".to_owned(), |no| format!("version {no}"));
            let heading = format!("version {} of {}, against {against}", version.no, version.name);
            context.printer.line(context.printer.paint(Colour::Bold, &heading));
            if found.is_empty() {
                context.printer.line("  nothing is different");
            }
        }
        for one in found {
            let [before, now] = [&one.before, &one.now];
            if context.printer.is_json() {
                let lines = |days: &[Days]| days.iter().map(days_line).collect();
                context.printer.value(&DifferenceLine {
                    version: version.no,
                    against,
                    before: lines(before),
                    now: lines(now),
                    part: one.part,
                    class: one.class,
                    name: one.name,
                    was_named: one.was_named,
                })?;
                continue;
            }
            let named = one.was_named.map(|was| format!(" (was {was})")).unwrap_or_default();
            let what = match (before.is_empty(), now.is_empty()) {
                (true, _) => format!("new, valid {}", in_words(now)),
                (_, true) => format!("gone, was valid {}", in_words(before)),
                _ if before == now => "has another name".to_owned(),
                _ => format!("was valid {}, is {}", in_words(before), in_words(now)),
            };
            context.printer.line(format!("  {:<16} {}{named}: {what}", one.part, one.name));
        }
    }
    Ok(Outcome::Done)
}

fn days_line(days: &Days) -> DaysLine {
    DaysLine { from: days.from.to_string(), until: days.until.map(|until| until.to_string()) }
}

fn in_words(days: &[Days]) -> String {
    days.iter().map(Days::to_string).collect::<Vec<_>>().join(" and ")
}

fn check(context: &Context, open: &Open, command: &Check) -> anyhow::Result<Outcome> {
    let troubles = coming_troubles(&open.hub, command.days)?;
    for one in &troubles {
        if context.printer.is_json() {
            context.printer.value(&TroubleLine {
                municipality: one.municipality.to_string(),
                what: one.what.clone(),
                part: one.part,
                class: one.class.to_string(),
                name: one.name.clone(),
                from: one.from.to_string(),
                why: one.standing.to_string(),
            })?;
            continue;
        }
        let from = context.printer.paint(Colour::Yellow, &one.from.to_string());
        context.printer.line(format!("{}  {from}  {}: {}", one.municipality, one.what, one.text()));
    }
    if troubles.is_empty() && !context.printer.is_json() {
        context.printer.line(format!("every account can be used for the coming {} days", command.days));
    }
    Ok(if troubles.is_empty() { Outcome::Done } else { Outcome::Wrong })
}
