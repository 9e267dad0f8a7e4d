//! `toek generate`: files for tests, with a manifest that says what must become of every record.
//!
//! Only people nobody can be. Never overwrites a file unless told so.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;
use toek_adapters::disk::{Disk, RealDisk, temporary_beside};
use toek_formats::vocabulary::MunicipalityCode;

use super::{Context, Outcome, Printer};
use crate::domain::calendar::{BankDays, copenhagen};
use crate::generator::faults::Fault;
use crate::generator::manifest::FileLine;
use crate::generator::record::Form;
use crate::generator::{
    self, ErrorMix, FILE_LIMIT, FileFault, Generator, MANIFEST, MUNICIPALITIES, Plan, PlannedFile, Share,
};
use crate::partners::script::{self, Script};
use crate::pipelines::Progress;

/// Make files for tests.
#[derive(Debug, Subcommand)]
pub(super) enum Generate {
    /// G68 deliveries of several municipalities, and the expected outcome of every record.
    G68(Box<G68>),
}

/// What G68 files to make.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  toek generate g68 --records 1000 --output files
  toek generate g68 --records 1000000 --municipalities 98 --errors none --output big
  toek generate g68 --records 5000 --errors letter-in-amount=3,cut-record,wrong-count --output wrong
  toek generate g68 --records 1000 --form floating --day 2026-01-26 --seed 7 --output floating

The same options give the same bytes. Files are split at 99,999 records; a faulty file is one file more.
manifest.jsonl beside them holds a line per record: what must become of it, and why.")]
pub(super) struct G68 {
    /// Records in files without a fault of their own.
    #[arg(long, value_name = "N")]
    records: u64,
    /// Moves every choice; the same seed gives the same bytes.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// How records are written.
    #[arg(long, value_enum, default_value_t = FormOption::Fixed)]
    form: FormOption,
    /// The folder to write to; made when it is not there.
    #[arg(long, value_name = "PATH")]
    output: PathBuf,
    /// How many municipalities (1-98), or their codes: 101,751.
    #[arg(long, value_name = "M", default_value = "8", value_parser = municipalities)]
    municipalities: Municipalities,
    /// none, few (each kind once in 25,000 records), many (each kind in 5 records of 1,000), or kinds:
    /// KIND or KIND=COUNT, separated by commas; a wrong kind lists them all.
    #[arg(long, value_name = "E", default_value = "few", value_parser = errors)]
    errors: Errors,
    /// The day of delivery [default: today, or the bank day after it].
    #[arg(long, value_name = "DATE")]
    day: Option<Date>,
    /// Whose NemKonto answers the manifest expects: calm, demo or hostile.
    #[arg(long, value_enum, default_value_t = Answers::Calm)]
    answers: Answers,
    /// Overwrite files that are there.
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FormOption {
    /// 850 columns.
    Fixed,
    /// Numbered fields.
    Floating,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Answers {
    /// Everything is paid.
    Calm,
    /// A bad day: some of everything.
    Demo,
    /// Every kind of answer, often.
    Hostile,
}

#[derive(Clone, Debug)]
struct Municipalities(Vec<MunicipalityCode>);

#[derive(Clone, Debug)]
enum Errors {
    None,
    Few,
    Many,
    Kinds(ErrorMix),
}

/// Each kind of fault in so many records of a thousand: all of them together leave room for the faultless.
const MANY_PER_MILLE: u64 = 5;
/// Fewer records than this have no room for many of each.
const ROOM_FOR_MANY: u64 = 1_000;
/// A kind that is named without a count is in so many records of a thousand.
const NAMED_PER_MILLE: u64 = 10;

/// What can be wrong with a whole file, by the name on the command line.
const FILE_FAULTS: [(&str, FileFault); 7] = [
    ("truncated-file", FileFault::Truncated),
    ("wrong-count", FileFault::WrongCount),
    ("wrong-sum", FileFault::WrongSum),
    ("no-start", FileFault::NoStart),
    ("no-records", FileFault::NoRecords),
    ("repeated-file", FileFault::Repeated),
    ("later-references", FileFault::LaterReferences),
];

fn municipalities(text: &str) -> Result<Municipalities, String> {
    let count = text.parse::<usize>().ok().filter(|count| (1..=MUNICIPALITIES.len()).contains(count));
    if let Some(count) = count {
        return Ok(Municipalities(first_municipalities(count)));
    }
    let code = |code: &str| {
        let known = code.trim().parse().ok().filter(|code| MUNICIPALITIES.contains(code));
        known
            .map(MunicipalityCode)
            .ok_or(format!("`{code}` is neither a count up to 98 nor a municipality's code"))
    };
    let mut codes: Vec<MunicipalityCode> = text.split(',').map(code).collect::<Result<_, _>>()?;
    codes.sort_unstable_by_key(|code| code.0);
    codes.dedup();
    Ok(Municipalities(codes))
}

/// The generator's usual ones first, then the others by code.
fn first_municipalities(count: usize) -> Vec<MunicipalityCode> {
    let mut codes = Plan::new(1, 0, Date::ZERO).municipalities;
    let others = MUNICIPALITIES.iter().map(|code| MunicipalityCode(*code));
    let others: Vec<_> = others.filter(|code| !codes.contains(code)).collect();
    codes.extend(others);
    codes.truncate(count);
    codes
}

fn errors(text: &str) -> Result<Errors, String> {
    match text {
        "none" => Ok(Errors::None),
        "few" => Ok(Errors::Few),
        "many" => Ok(Errors::Many),
        kinds => {
            let mut mix = ErrorMix::none();
            kinds.split(',').try_for_each(|kind| add_kind(kind.trim(), &mut mix))?;
            Ok(Errors::Kinds(mix))
        }
    }
}

fn add_kind(text: &str, mix: &mut ErrorMix) -> Result<(), String> {
    let (name, count) = match text.split_once('=') {
        None => (text, None),
        Some((name, count)) => {
            let count: u64 = count.parse().map_err(|_| format!("`{count}` is no number"))?;
            (name, Some(count))
        }
    };
    if let Some(fault) = Fault::named(name) {
        mix.records.push((fault, count.map_or(Share::PerMille(NAMED_PER_MILLE), Share::Count)));
        return Ok(());
    }
    let fault = FILE_FAULTS.iter().find(|(known, _)| *known == name).map(|(_, fault)| *fault);
    let fault = fault.ok_or_else(|| {
        let records = Fault::ALL.iter().map(|fault| fault.name());
        let known: Vec<_> = records.chain(FILE_FAULTS.map(|(name, _)| name)).collect();
        format!("`{name}` is not known; there are {}", known.join(", "))
    })?;
    mix.files.extend(std::iter::repeat_n(
        fault,
        usize::try_from(count.unwrap_or(1)).unwrap_or(usize::MAX).min(99),
    ));
    Ok(())
}

impl Errors {
    /// The mix for so many records; of `few` and `many` only what the form can show.
    fn mix(&self, records: u64, form: Form) -> ErrorMix {
        let mut mix = match self {
            Errors::None => return ErrorMix::none(),
            Errors::Kinds(mix) => return mix.clone(),
            Errors::Many if records >= ROOM_FOR_MANY => ErrorMix {
                records: Fault::ALL.iter().map(|fault| (*fault, Share::PerMille(MANY_PER_MILLE))).collect(),
                files: FileFault::ALL.to_vec(),
            },
            Errors::Few | Errors::Many => ErrorMix::some_of_each(records),
        };
        mix.records.retain(|(fault, _)| fault.fits(form));
        mix
    }
}

pub(super) fn run(context: &Context, command: &Generate) -> anyhow::Result<Outcome> {
    match command {
        Generate::G68(command) => g68(context, command),
    }
}

fn g68(context: &Context, command: &G68) -> anyhow::Result<Outcome> {
    let bank_days = BankDays::new(&[]);
    let today = copenhagen(context.at.unwrap_or_else(|| context.world.clock.now())).date();
    let day = command.day.unwrap_or_else(|| bank_days.following_or_same(today));
    let form = match command.form {
        FormOption::Fixed => Form::Fixed,
        FormOption::Floating => Form::Floating,
    };
    let plan = Plan {
        municipalities: command.municipalities.0.clone(),
        form,
        records_per_file: FILE_LIMIT,
        errors: command.errors.mix(command.records, form),
        ..Plan::new(command.records, command.seed, day)
    };
    let script = script_of(command.answers)?;
    let generator = generator::plan(&plan, &script, &|day| bank_days.is_bank_day(day))?;
    refuse_to_overwrite(command, &generator)?;
    let written = Writing { printer: &context.printer, dir: &command.output, generator: &generator }.all()?;
    tell(&context.printer, command, day, &written)?;
    Ok(Outcome::Done)
}

fn script_of(answers: Answers) -> anyhow::Result<Script> {
    let (text, name) = match answers {
        Answers::Calm => (script::CALM, "calm.toml"),
        Answers::Demo => (script::DEMO, "demo.toml"),
        Answers::Hostile => (script::HOSTILE, "hostile.toml"),
    };
    Ok(Script::load(text, name)?)
}

fn refuse_to_overwrite(command: &G68, generator: &Generator<'_>) -> anyhow::Result<()> {
    if command.force {
        return Ok(());
    }
    let names = generator.files().into_iter().map(|file| file.name.as_str());
    for name in names.chain([MANIFEST]) {
        let path = command.output.join(name);
        if RealDisk.exists(&path)? {
            bail!("{} is there already; --force overwrites it", path.display());
        }
    }
    Ok(())
}

/// Files on their way to a folder, each under its name only when it is whole.
struct Writing<'a> {
    printer: &'a Printer,
    dir: &'a Path,
    generator: &'a Generator<'a>,
}

impl Writing<'_> {
    fn all(&self) -> anyhow::Result<Vec<FileLine>> {
        RealDisk.create_dir_all(self.dir)?;
        let files = self.generator.files();
        let total = files.iter().map(|file| u64::from(file.records)).sum();
        let path = self.dir.join(MANIFEST);
        let mut manifest = BufWriter::with_capacity(1 << 18, RealDisk.create(&temporary_beside(&path))?);
        let at_manifest = || format!("writing {}", path.display());
        self.generator.write_head(&mut manifest).with_context(at_manifest)?;
        let (mut written, mut done) = (Vec::new(), 0);
        for file in files {
            self.printer.at("generating", done, total);
            written.push(self.one(file, &mut manifest)?);
            done += u64::from(file.records);
        }
        manifest.flush().with_context(at_manifest)?;
        RealDisk.rename(&temporary_beside(&path), &path)?;
        self.printer.finish_progress();
        Ok(written)
    }

    fn one(&self, file: &PlannedFile, manifest: &mut dyn Write) -> anyhow::Result<FileLine> {
        let path = self.dir.join(&file.name);
        let mut out = BufWriter::with_capacity(1 << 18, RealDisk.create(&temporary_beside(&path))?);
        let at_file = || format!("writing {}", path.display());
        let line = self.generator.write_file(file, &mut out, manifest).with_context(at_file)?;
        out.flush().with_context(at_file)?;
        drop(out);
        RealDisk.rename(&temporary_beside(&path), &path)?;
        Ok(line)
    }
}

fn tell(printer: &Printer, command: &G68, day: Date, written: &[FileLine]) -> anyhow::Result<()> {
    if printer.is_json() {
        return written.iter().try_for_each(|line| printer.value(line));
    }
    for file in written {
        let fate = file.code.as_deref().map_or(String::new(), |code| format!("  to be quarantined: {code}"));
        printer.line(format!("{:<28} {:>6} records {:>11} bytes{fate}", file.name, file.records, file.bytes));
    }
    let records: u64 = written.iter().map(|file| u64::from(file.records)).sum();
    let bytes: u64 = written.iter().map(|file| file.bytes).sum();
    printer.line(format!(
        "{} files, {records} records, {bytes} bytes, delivered {day}; what must become of them: {}",
        written.len(),
        command.output.join(MANIFEST).display()
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn municipalities_are_a_count_or_codes() {
        let table = [
            ("1", Ok(vec![101])),
            ("3", Ok(vec![101, 147, 461])),
            ("751,0101,751", Ok(vec![101, 751])),
            ("851", Ok(vec![851])),
            ("99", Err(())),
            ("0", Err(())),
            ("101,999", Err(())),
            ("", Err(())),
        ];
        for (text, expected) in table {
            let codes = municipalities(text).map(|m| m.0.iter().map(|code| code.0).collect::<Vec<_>>());
            assert_eq!(codes.map_err(|_| ()), expected, "{text}");
        }
        let mut all = first_municipalities(98);
        all.sort_unstable_by_key(|code| code.0);
        assert_eq!(all, MUNICIPALITIES.map(MunicipalityCode));
    }

    #[test]
    fn every_fault_can_be_named() {
        for name in Fault::ALL.iter().map(|fault| fault.name()).chain(FILE_FAULTS.map(|(name, _)| name)) {
            assert!(matches!(errors(name), Ok(Errors::Kinds(_))), "{name}");
        }
        assert_eq!(FILE_FAULTS.map(|(_, fault)| fault), FileFault::ALL);
        assert!(errors("letter-in-amount=x").is_err());
        assert!(errors("nothing-known").is_err_and(|text| text.contains("letter-in-amount")));
    }
}
