//! `toek catalogue`: looks at the benefit catalogue, checks it, exports it to a spreadsheet and loads it from one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use jiff::civil::Date;
use serde_json::{Map, Value, json};
use toek_adapters::disk::{Disk, RealDisk};
use toek_formats::vocabulary::{BenefitCode, Ore};

use super::changing::{self, Planned};
use super::{Colour, Context, Outcome, installation, spreadsheet};
use crate::config::{BENEFITS_FILE, Installation};
use crate::domain::catalogue::table::{COLUMNS, CellError, letters, subject};
use crate::domain::catalogue::{self, Benefit};
use crate::domain::people::Role;

/// The name of the sheet that an export has.
const SHEET: &str = "benefits";

const EXAMPLES: &str = "\
Examples:
  toek -C my-hub catalogue list
  toek -C my-hub catalogue show 0201 --on 2026-03-01
  toek -C my-hub catalogue history 0201
  toek -C my-hub catalogue check
  toek -C my-hub catalogue export benefits.xlsx
  toek -C my-hub catalogue load benefits.xlsx --reason 'rates of 2027' --dry-run
  toek -C my-hub catalogue load benefits.xlsx --reason 'rates of 2027'";

/// The benefit catalogue.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(super) enum Catalogue {
    /// All benefits, a line per benefit and period.
    #[command(after_help = EXAMPLES)]
    List(List),
    /// One benefit: every field, by period.
    #[command(after_help = EXAMPLES)]
    Show(Show),
    /// Who changed what of it, when and why.
    #[command(after_help = EXAMPLES)]
    History(History),
    /// Whether it fits the rest: gaps, overlaps, limits, bank accounts, unknown codes, and an account for every role.
    #[command(after_help = EXAMPLES)]
    Check,
    /// Write all of it to a .csv or .xlsx, for a spreadsheet or another system.
    #[command(after_help = EXAMPLES)]
    Export(Export),
    /// Make it what a .csv or .xlsx says: every change is shown, and nothing is changed when one cell is wrong.
    #[command(after_help = LOAD)]
    Load(Load),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// As it is on this day [default: every period].
    #[arg(long, value_name = "DAY")]
    on: Option<Date>,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// Its code, four digits.
    #[arg(value_parser = code)]
    code: BenefitCode,
    /// As it is on this day [default: every period].
    #[arg(long, value_name = "DAY")]
    on: Option<Date>,
}

#[derive(Debug, Args)]
pub(super) struct History {
    /// Its code, four digits [default: all].
    #[arg(value_parser = code)]
    code: Option<BenefitCode>,
}

#[derive(Debug, Args)]
pub(super) struct Export {
    /// The file to write, *.csv or *.xlsx.
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct Load {
    /// The file to read, *.csv or *.xlsx: its first sheet, whose first row names the columns as an export does.
    file: PathBuf,
    /// Why; it is kept with the change.
    #[arg(long)]
    reason: String,
    /// Take benefits and periods out that the file does not have.
    #[arg(long)]
    remove: bool,
    /// Show every change and every mistake, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

const LOAD: &str = "\
Examples:
  toek -C my-hub catalogue export benefits.xlsx       edit it, then
  toek -C my-hub catalogue load benefits.xlsx --reason 'rates of 2027' --dry-run
  toek -C my-hub catalogue load benefits.xlsx --reason 'rates of 2027'

A row is a benefit in a period, told by `code` and `valid_from`; a column that the file does not have stays as it is. To
change a benefit from a day on, end its row by `valid_to` and add one that begins on the next day.
A change takes the installation's lock: while `serve` runs it is refused. Stop `serve`, change, and start it again; what
it missed meanwhile is made up for. Every start reads the files anew.";

fn code(text: &str) -> Result<BenefitCode, String> {
    BenefitCode::parse(text).map_err(|_| "a benefit's code is four digits".to_owned())
}

pub(super) fn run(context: &Context, command: &Catalogue) -> anyhow::Result<Outcome> {
    match command {
        Catalogue::List(asked) => list(context, asked.on),
        Catalogue::Show(asked) => show(context, asked),
        Catalogue::History(asked) => history(context, asked.code),
        Catalogue::Check => check(context),
        Catalogue::Export(asked) => export(context, &asked.file),
        Catalogue::Load(asked) => load(context, asked),
    }
}

fn object(row: &Benefit) -> Value {
    let pair = |column: &catalogue::table::Column| (column.name.to_owned(), column.json(row));
    Value::Object(COLUMNS.iter().map(pair).collect::<Map<_, _>>())
}

fn list(context: &Context, on: Option<Date>) -> anyhow::Result<Outcome> {
    let installation = installation::load(&context.dir)?;
    for row in installation.catalogue.iter().filter(|row| on.is_none_or(|day| row.validity.holds(day))) {
        if context.printer.is_json() {
            context.printer.value(&object(row))?;
            continue;
        }
        let until = row.validity.to.map_or_else(|| "          ".to_owned(), |day| day.to_string());
        let limit = |ore: Option<Ore>| ore.map_or_else(|| "-".to_owned(), |ore| ore.danish().to_string());
        context.printer.line(format!(
            "{}  {}..{until}  {:<4} {:<5} {:<12} {:>12} {:>14}  {}",
            row.code,
            row.validity.from,
            row.toek_key.as_deref().unwrap_or_default(),
            row.source_system,
            row.bank_account,
            limit(row.minimum),
            limit(row.maximum),
            row.name,
        ));
    }
    Ok(Outcome::Done)
}

fn show(context: &Context, asked: &Show) -> anyhow::Result<Outcome> {
    let installation = installation::load(&context.dir)?;
    let fits = |row: &&Benefit| row.code == asked.code && asked.on.is_none_or(|day| row.validity.holds(day));
    let rows: Vec<&Benefit> = installation.catalogue.iter().filter(fits).collect();
    if rows.is_empty() {
        let then = asked.on.map(|day| format!(" on {day}")).unwrap_or_default();
        bail!("there is no benefit {}{then}", asked.code);
    }
    for row in rows {
        if context.printer.is_json() {
            context.printer.value(&object(row))?;
            continue;
        }
        context.printer.line(context.printer.paint(Colour::Bold, &subject(row)));
        for column in COLUMNS {
            if let Some(cell) = column.cell(row) {
                context.printer.line(format!("    {:<20} {cell}", column.name));
            }
        }
    }
    Ok(Outcome::Done)
}

fn history(context: &Context, code: Option<BenefitCode>) -> anyhow::Result<Outcome> {
    installation::load(&context.dir)?;
    let begins = code.map(|code| format!("{code} ")).unwrap_or_default();
    changing::tell_history(context, BENEFITS_FILE, |change| change.subject.starts_with(&begins))
}

fn check(context: &Context) -> anyhow::Result<Outcome> {
    let installation = match installation::read(&context.dir)? {
        Ok(installation) => installation,
        Err(errors) => return changing::tell_mistakes(context, &errors),
    };
    let findings = installation.uncovered(changing::today(context, &installation)?);
    if !findings.is_empty() {
        return tell_findings(context, &findings);
    }
    let rows = installation.catalogue.iter().len();
    match context.printer.is_json() {
        true => context.printer.value(&json!({ "summary": { "ok": true, "rows": rows } }))?,
        false => context.printer.line(format!("{rows} rows, nothing is wrong")),
    }
    Ok(Outcome::Done)
}

fn tell_findings(context: &Context, findings: &[String]) -> anyhow::Result<Outcome> {
    for finding in findings {
        match context.printer.is_json() {
            true => context.printer.value(&json!({ "error": { "rule": finding } }))?,
            false => context.printer.line(finding),
        }
    }
    Ok(Outcome::Wrong)
}

fn export(context: &Context, file: &Path) -> anyhow::Result<Outcome> {
    let installation = installation::load(&context.dir)?;
    if RealDisk.exists(file)? {
        bail!("{} is there already: name another, or remove it", file.display());
    }
    let today = changing::today(context, &installation)?;
    spreadsheet::write(file, SHEET, &installation.catalogue.table(), today)?;
    let rows = installation.catalogue.iter().len();
    match context.printer.is_json() {
        true => context.printer.value(&json!({ "summary": { "file": file, "rows": rows } }))?,
        false => context.printer.line(format!("{}: {rows} rows", file.display())),
    }
    Ok(Outcome::Done)
}

fn load(context: &Context, asked: &Load) -> anyhow::Result<Outcome> {
    if asked.dry_run {
        return match plan(context, asked)? {
            Ok(planned) => tell(context, &planned, None),
            Err(outcome) => Ok(outcome),
        };
    }
    let changing = changing::begin(context, &asked.reason)?;
    changing.authorize(Role::Operator, None)?;
    let planned = match plan(context, asked)? {
        Ok(planned) => planned,
        Err(outcome) => return Ok(outcome),
    };
    if planned.changes.is_empty() {
        return tell(context, &planned, None);
    }
    changing.note("catalogue load", format!("{}: {}", asked.file.display(), asked.reason))?;
    let entry = changing.make(&planned, (&changing.who, &asked.reason), None)?;
    tell(context, &planned, Some(entry.no))
}

/// What a load would change; else what is wrong has been told.
fn plan(context: &Context, asked: &Load) -> anyhow::Result<Result<Planned<'static>, Outcome>> {
    let installation = installation::load(&context.dir)?;
    let before = installation::text_of(&context.dir.join(BENEFITS_FILE))?;
    let old = catalogue::Catalogue::load(&before, BENEFITS_FILE)?;
    let spreadsheet::Read { sheet, table } = spreadsheet::read(&asked.file)?;
    let new = match old.by_table(&table, &before, asked.remove) {
        Ok(new) => new,
        Err(errors) => return tell_cells(context, &asked.file, sheet.as_deref(), &errors).map(Err),
    };
    let after = new.file(&old, &before);
    let after =
        after.map_err(anyhow::Error::msg).with_context(|| format!("{BENEFITS_FILE} cannot be changed"))?;
    let planned = Planned { file: BENEFITS_FILE, changes: old.changes(&new), before, after };
    let whole = match changing::with_text(&context.dir, BENEFITS_FILE, &planned.after) {
        Ok(whole) => whole,
        Err(errors) => return changing::tell_mistakes(context, &errors).map(Err),
    };
    let findings = fresh_findings(context, &installation, &whole)?;
    if findings.is_empty() { Ok(Ok(planned)) } else { tell_findings(context, &findings).map(Err) }
}

/// What would be missing that is not missing already.
fn fresh_findings(context: &Context, old: &Installation, new: &Installation) -> anyhow::Result<Vec<String>> {
    let today = changing::today(context, old)?;
    let known: BTreeSet<String> = old.uncovered(today).into_iter().collect();
    Ok(new.uncovered(today).into_iter().filter(|finding| !known.contains(finding)).collect())
}

fn tell_cells(
    context: &Context,
    file: &Path,
    sheet: Option<&str>,
    errors: &[CellError],
) -> anyhow::Result<Outcome> {
    let printer = &context.printer;
    for CellError { row, column, name, value, rule } in errors {
        let letter = column.map(letters);
        if printer.is_json() {
            printer.value(&json!({ "error": {
                "file": file, "sheet": sheet, "row": row, "column": letter, "name": name, "value": value,
                "rule": rule,
            }}))?;
            continue;
        }
        let mut said = file.display().to_string();
        said.extend(sheet.map(|sheet| format!(", sheet {sheet}")));
        said.extend(row.map(|row| format!(", row {row}")));
        said.extend(letter.map(|letter| format!(", column {letter}")));
        said.extend((!name.is_empty()).then(|| format!(" ({name})")));
        said.extend((!value.is_empty()).then(|| format!(" is \"{value}\"")));
        printer.line(format!("{said}: {rule}"));
    }
    match printer.is_json() {
        true => printer.value(&json!({ "summary": { "ok": false, "errors": errors.len() } }))?,
        false => printer.note(format!("{} mistakes, nothing is changed", errors.len())),
    }
    Ok(Outcome::Wrong)
}

/// `entry`: the number of the change, where it was made.
fn tell(context: &Context, planned: &Planned<'_>, entry: Option<u32>) -> anyhow::Result<Outcome> {
    changing::tell_changes(context, &planned.changes)?;
    let subjects: BTreeSet<&str> = planned.changes.iter().map(|change| change.subject.as_str()).collect();
    let (fields, rows) = (planned.changes.len(), subjects.len());
    if context.printer.is_json() {
        context
            .printer
            .value(&json!({ "summary": { "ok": true, "rows": rows, "fields": fields, "entry": entry } }))?;
        return Ok(Outcome::Done);
    }
    let what = format!("{fields} fields of {rows} rows");
    context.printer.line(match (fields, entry) {
        (0, _) => "nothing is another".to_owned(),
        (_, None) => format!("{what} would change; nothing is written"),
        (_, Some(entry)) => {
            format!(
                "{what} are changed, as change {entry} of {BENEFITS_FILE}; it counts from the next start on"
            )
        }
    });
    Ok(Outcome::Done)
}
