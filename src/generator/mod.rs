//! Makes G68 files of any size with known faults, and the manifest that says what must become of every record.
//!
//! Deterministic: the same plan gives the same bytes, record by record, with no state between records, so a
//! million of them are written without keeping any. Knows the format from the specification and not from the
//! hub's reader or writer. Never a number that belongs to a living person.
//!
//! Start with [`Plan`], then [`Generator::write_all`]; [`faults`] is the table of what can be wrong.

mod draft;
pub mod faults;
pub mod manifest;
mod municipalities;
pub mod people;
pub mod random;
pub mod record;

use std::io::{self, BufWriter, Write};
use std::path::Path;

use jiff::ToSpan;
use jiff::civil::Date;
use sha2::{Digest, Sha256};
use toek_adapters::disk::{Disk, DiskError, temporary_beside};
use toek_formats::vocabulary::MunicipalityCode;

use self::draft::{Dates, Draft, Place};
use self::faults::{Effect, Fault};
use self::manifest::{Expected, FileLine, FileState, Line, PlanLine, RecordLine};
pub use self::municipalities::MUNICIPALITIES;
use self::random::Random;
pub use self::record::Form;
use crate::partners::script::{Facts, Script};

/// The most data records a file can hold: its count has five digits (g68.md 3).
pub const FILE_LIMIT: u32 = 99_999;
/// Records in a file that is made only for its fault.
const SMALL_FILE: u32 = 12;
/// How many records of a later file repeat references of an earlier one.
const LATE_REPEATS: u32 = 4;
/// A fault needs a faultless neighbour before it, and room to move off the start of a file.
const RECORDS_PER_FAULT: u64 = 4;
/// Fewer records than this are not spread over another municipality.
const RECORDS_PER_MUNICIPALITY: u64 = 8;
/// How far back the "long past" fault lies; the rule begins at more than five bank days (00-decisions.md 1.6).
const LONG_PAST_BANK_DAYS: u32 = 15;
/// The name of the manifest beside the files.
pub const MANIFEST: &str = "manifest.jsonl";

/// What to make.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Records in ordinary files.
    pub payments: u64,
    /// Who pays; used evenly. Fewer are used when there are few records.
    pub municipalities: Vec<MunicipalityCode>,
    /// The same seed gives the same bytes.
    pub seed: u64,
    /// How records are written.
    pub form: Form,
    /// The day of delivery.
    pub day: Date,
    /// The data supplier's short id (LEVID), at most four characters.
    pub supplier: String,
    /// The most records in one file, at most [`FILE_LIMIT`].
    pub records_per_file: u32,
    /// Disposition dates of ordinary payments, in bank days after `day`; drawn evenly.
    pub bank_days_ahead: Vec<u32>,
    /// So many records per thousand are to be paid at once.
    pub immediate_per_mille: u64,
    /// What is wrong on purpose.
    pub errors: ErrorMix,
}

impl Plan {
    /// What `demo` and `generate` make unless told otherwise: KSD, eight municipalities, fixed form.
    pub fn new(payments: u64, seed: u64, day: Date) -> Plan {
        Plan {
            payments,
            municipalities: [101, 147, 461, 561, 630, 751, 791, 851].map(MunicipalityCode).to_vec(),
            seed,
            form: Form::Fixed,
            day,
            supplier: "KSD".to_owned(),
            records_per_file: FILE_LIMIT,
            bank_days_ahead: vec![4, 4, 4, 5, 7],
            immediate_per_mille: 5,
            errors: ErrorMix::some_of_each(payments),
        }
    }
}

/// What is wrong on purpose.
#[derive(Clone, Debug, Default)]
pub struct ErrorMix {
    /// Records with a fault: which, and how many. A fault that the form cannot show is left out.
    pub records: Vec<(Fault, Share)>,
    /// Files with a fault, each one more file.
    pub files: Vec<FileFault>,
}

/// How many records have a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// So many.
    Count(u64),
    /// So many of a thousand, at least one.
    PerMille(u64),
}

impl Share {
    fn of(self, payments: u64) -> u64 {
        match self {
            Share::Count(count) => count,
            Share::PerMille(0) => 0,
            Share::PerMille(share) => (payments * share / 1_000).max(1),
        }
    }
}

impl ErrorMix {
    /// Nothing wrong anywhere.
    pub fn none() -> ErrorMix {
        ErrorMix::default()
    }

    /// Every fault there is, each in one record of 25,000 but at least once where there is room, and every kind
    /// of faulty file once.
    pub fn some_of_each(payments: u64) -> ErrorMix {
        let room = usize::try_from(payments / RECORDS_PER_FAULT / 2).unwrap_or(usize::MAX);
        let each = Share::Count((payments / 25_000).max(1));
        let records = Fault::ALL.iter().take(room).map(|fault| (*fault, each)).collect();
        let files = if payments >= 100 { FileFault::ALL.to_vec() } else { Vec::new() };
        ErrorMix { records, files }
    }
}

/// What is wrong with a whole file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFault {
    /// It ends in the middle of a record.
    Truncated,
    /// SLUTD counts one record too many.
    WrongCount,
    /// SLUTD's control sum is one øre off.
    WrongSum,
    /// Z300 is missing.
    NoStart,
    /// Nothing between Z300 and SLUTD.
    NoRecords,
    /// An accepted file once more under another name.
    Repeated,
    /// A sound file of which some records repeat references of an accepted one.
    LaterReferences,
}

impl FileFault {
    /// All there are.
    pub const ALL: &[FileFault] = &[
        FileFault::Truncated,
        FileFault::WrongCount,
        FileFault::WrongSum,
        FileFault::NoStart,
        FileFault::NoRecords,
        FileFault::Repeated,
        FileFault::LaterReferences,
    ];

    /// Why the file must be quarantined; `None`: it must be accepted.
    pub fn code(self) -> Option<&'static str> {
        match self {
            FileFault::Truncated => Some("G68-S03"),
            FileFault::WrongCount => Some("G68-S04"),
            FileFault::WrongSum => Some("G68-S07"),
            FileFault::NoStart => Some("G68-S01"),
            FileFault::NoRecords => Some("G68-S10"),
            FileFault::Repeated => Some("G68-S11"),
            FileFault::LaterReferences => None,
        }
    }

    /// Whether it only shows after other files were accepted.
    fn wave(self) -> u8 {
        match self {
            FileFault::Repeated | FileFault::LaterReferences => 2,
            _ => 1,
        }
    }
}

/// A plan that cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// No municipality, no date, or no record.
    #[error("a plan needs at least one record, one municipality and one disposition date")]
    Empty,
    /// A municipality that is none of the 98.
    #[error("{0} is none of the 98 municipalities")]
    Municipality(MunicipalityCode),
    /// More faulty records than can stand beside faultless ones.
    #[error("{faults} faulty records need at least {} records", .faults * RECORDS_PER_FAULT)]
    TooManyFaults {
        /// How many were asked for.
        faults: u64,
    },
    /// More records in a file than its count can tell.
    #[error("a file holds between 8 and 99,999 records")]
    FileSize,
}

/// One file to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFile {
    /// `G68_<kommune>_<yyyymmdd>_<nnnn>.g68`
    pub name: String,
    /// Whose.
    pub municipality: MunicipalityCode,
    /// When to deliver it, see [`FileLine::wave`].
    pub wave: u8,
    /// What is wrong with it.
    pub fault: Option<FileFault>,
    /// Data records in it (for a truncated file: whole ones).
    pub records: u32,
    /// Number within the plan, from 1; a repeated file has the number of its original.
    number: u32,
    /// Number of its first record within the plan.
    first: u64,
    /// For later references: the first record of the earlier file and how many it has.
    earlier: Option<(u32, u64, u32)>,
}

/// What was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Files.
    pub files: u64,
    /// Data records in them.
    pub records: u64,
    /// Bytes of the files, manifest apart.
    pub bytes: u64,
}

/// A file that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The disk refused in the middle of a file.
    #[error("writing {file}")]
    Write {
        /// Which file.
        file: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Carries out a plan.
#[derive(Debug)]
pub struct Generator<'a> {
    plan: &'a Plan,
    script: &'a Script,
    dates: Dates,
    files: Vec<PlannedFile>,
    /// Faulty records by their number within the plan, ascending.
    faults: Vec<(u64, Fault)>,
}

/// Checks a plan and lays out its files. `bank_day` tells whether banks are open; `script` what NemKonto will do.
///
/// # Errors
/// [`PlanError`] when the plan asks for what cannot be.
pub fn plan<'a>(
    plan: &'a Plan,
    script: &'a Script,
    bank_day: &dyn Fn(Date) -> bool,
) -> Result<Generator<'a>, PlanError> {
    check(plan)?;
    let files = lay_out(plan);
    let faults = spread_faults(plan, &files)?;
    Ok(Generator { plan, script, dates: dates(plan, bank_day), files, faults })
}

fn check(plan: &Plan) -> Result<(), PlanError> {
    if plan.payments == 0 || plan.municipalities.is_empty() || plan.bank_days_ahead.is_empty() {
        return Err(PlanError::Empty);
    }
    if let Some(unknown) = plan.municipalities.iter().find(|m| !MUNICIPALITIES.contains(&m.0)) {
        return Err(PlanError::Municipality(*unknown));
    }
    if !(8..=FILE_LIMIT).contains(&plan.records_per_file) {
        return Err(PlanError::FileSize);
    }
    Ok(())
}

/// The `n`th bank day after (or before, by `step`) a day.
fn bank_days_from(day: Date, n: u32, step: i64, bank_day: &dyn Fn(Date) -> bool) -> Date {
    let mut day = day;
    for _ in 0..n {
        day = day.saturating_add(step.days());
        while !bank_day(day) {
            day = day.saturating_add(step.days());
        }
    }
    day
}

fn dates(plan: &Plan, bank_day: &dyn Fn(Date) -> bool) -> Dates {
    let ahead = |n: u32| bank_days_from(plan.day, n, 1, bank_day);
    let mut closed = ahead(plan.bank_days_ahead[0]);
    while bank_day(closed) {
        closed = closed.saturating_add(1.day());
    }
    Dates {
        day: plan.day,
        day_before: bank_days_from(plan.day, 1, -1, bank_day),
        ordinary: plan.bank_days_ahead.iter().map(|n| ahead(*n)).collect(),
        closed,
        before_closed: bank_days_from(closed, 1, -1, bank_day),
        long_past: bank_days_from(plan.day, LONG_PAST_BANK_DAYS, -1, bank_day),
    }
}

/// Divides `total` into `parts` that differ by one at most.
fn even_parts(total: u64, parts: u64) -> impl Iterator<Item = u64> {
    (0..parts).map(move |part| total / parts + u64::from(part < total % parts))
}

fn lay_out(plan: &Plan) -> Vec<PlannedFile> {
    let mut layout = Layout { plan, files: Vec::new(), next: 0 };
    let used = (plan.payments / RECORDS_PER_MUNICIPALITY).clamp(1, plan.municipalities.len() as u64);
    for (municipality, records) in plan.municipalities.iter().zip(even_parts(plan.payments, used)) {
        let files = records.div_ceil(u64::from(plan.records_per_file)).max(1);
        for records in even_parts(records, files) {
            layout.add(*municipality, None, u32::try_from(records).unwrap_or(FILE_LIMIT));
        }
    }
    for (place, fault) in plan.errors.files.iter().enumerate() {
        layout.add_faulty(plan.municipalities[place % used as usize], *fault);
    }
    layout.files
}

struct Layout<'a> {
    plan: &'a Plan,
    files: Vec<PlannedFile>,
    next: u64,
}

impl Layout<'_> {
    fn add(&mut self, municipality: MunicipalityCode, fault: Option<FileFault>, records: u32) {
        let own = self.files.iter().filter(|f| f.municipality == municipality).count();
        self.files.push(PlannedFile {
            name: file_name(municipality, self.plan.day, own + 1),
            municipality,
            wave: fault.map_or(1, FileFault::wave),
            fault,
            records,
            number: u32::try_from(self.files.len() + 1).unwrap_or(u32::MAX),
            first: self.next,
            earlier: None,
        });
        self.next += u64::from(records);
    }

    fn add_faulty(&mut self, municipality: MunicipalityCode, fault: FileFault) {
        let earlier =
            self.files.iter().find(|f| f.municipality == municipality && f.fault.is_none()).cloned();
        let records = match (fault, &earlier) {
            (FileFault::NoRecords, _) => 0,
            (FileFault::Repeated, Some(original)) => original.records,
            _ => SMALL_FILE,
        };
        self.add(municipality, Some(fault), records);
        let (Some(file), Some(earlier)) = (self.files.last_mut(), earlier) else { return };
        match fault {
            FileFault::Repeated => (file.number, file.first) = (earlier.number, earlier.first),
            FileFault::LaterReferences => {
                file.earlier = Some((earlier.number, earlier.first, earlier.records));
            }
            _ => {}
        }
    }
}

fn file_name(municipality: MunicipalityCode, day: Date, number: usize) -> String {
    format!("G68_{municipality}_{:04}{:02}{:02}_{number:04}.g68", day.year(), day.month(), day.day())
}

/// Gives every fault a record of an ordinary file: evenly spread, each with a faultless record before it in the
/// same file.
fn spread_faults(plan: &Plan, files: &[PlannedFile]) -> Result<Vec<(u64, Fault)>, PlanError> {
    let mut kinds: Vec<Fault> = Vec::new();
    for (fault, share) in plan.errors.records.iter().filter(|(fault, _)| fault.fits(plan.form)) {
        kinds.extend((0..share.of(plan.payments)).map(|_| *fault));
    }
    let total = kinds.len() as u64;
    if total * RECORDS_PER_FAULT > plan.payments {
        return Err(PlanError::TooManyFaults { faults: total });
    }
    let mut random = Random::new(&[plan.seed, 0xFA17]);
    shuffle(&mut kinds, &mut random);
    let mut starts: Vec<u64> = files.iter().map(|file| file.first).collect();
    starts.sort_unstable(); // a repeated file has the start of its original
    let mut faults = Vec::with_capacity(kinds.len());
    for (place, fault) in (0..).zip(kinds) {
        let (from, to) = (place * plan.payments / total, (place + 1) * plan.payments / total);
        let index = from + 1 + random.below(to - from - 2); // never the last: there is room to step aside
        let opens_a_file = starts.binary_search(&index).is_ok();
        faults.push((index + u64::from(opens_a_file), fault));
    }
    Ok(faults)
}

fn shuffle<T>(things: &mut [T], random: &mut Random) {
    for last in (1..things.len()).rev() {
        let other = random.below(last as u64 + 1) as usize;
        things.swap(last, other);
    }
}

impl<'a> Generator<'a> {
    /// The files, in the order in which they are to be made and delivered: by wave, then by name.
    pub fn files(&self) -> Vec<&PlannedFile> {
        let mut files: Vec<_> = self.files.iter().collect();
        files.sort_by(|a, b| (a.wave, &a.name).cmp(&(b.wave, &b.name)));
        files
    }

    /// Makes all files in `dir`, each under its name only when whole, and the manifest beside them.
    ///
    /// # Errors
    /// [`MakeError`] naming the file.
    pub fn write_all(&self, disk: &dyn Disk, dir: &Path) -> Result<Made, MakeError> {
        disk.create_dir_all(dir)?;
        let path = dir.join(MANIFEST);
        let mut manifest = BufWriter::new(disk.create(&temporary_beside(&path))?);
        let at_manifest = |source| MakeError::Write { file: MANIFEST.to_owned(), source };
        self.write_head(&mut manifest).map_err(at_manifest)?;
        let mut made = Made::default();
        for file in self.files() {
            let line = self.write_named(disk, dir, file, &mut manifest)?;
            made.files += 1;
            made.records += u64::from(line.records);
            made.bytes += line.bytes;
        }
        manifest.flush().map_err(at_manifest)?;
        disk.rename(&temporary_beside(&path), &path)?;
        Ok(made)
    }

    fn write_named(
        &self,
        disk: &dyn Disk,
        dir: &Path,
        file: &PlannedFile,
        manifest: &mut dyn Write,
    ) -> Result<FileLine, MakeError> {
        let path = dir.join(&file.name);
        let mut out = BufWriter::with_capacity(1 << 18, disk.create(&temporary_beside(&path))?);
        let at_file = |source| MakeError::Write { file: file.name.clone(), source };
        let line = self.write_file(file, &mut out, manifest).map_err(at_file)?;
        out.flush().map_err(at_file)?;
        drop(out);
        disk.rename(&temporary_beside(&path), &path)?;
        Ok(line)
    }

    /// The first line of the manifest.
    ///
    /// # Errors
    /// Whatever `manifest` says.
    pub fn write_head(&self, manifest: &mut dyn Write) -> io::Result<()> {
        let Plan { seed, day, form, payments, .. } = self.plan;
        let line = PlanLine { seed: *seed, day: day.to_string(), form: *form, payments: *payments };
        manifest::write_line(manifest, &Line::Plan(line))
    }

    /// Makes one file, and adds its records and itself to the manifest.
    ///
    /// # Errors
    /// Whatever `out` or `manifest` says.
    pub fn write_file(
        &self,
        file: &PlannedFile,
        out: &mut dyn Write,
        manifest: &mut dyn Write,
    ) -> io::Result<FileLine> {
        let mut out = Counted { out, hash: Sha256::new(), bytes: 0 };
        let mut sum_ore = 0;
        if file.fault != Some(FileFault::NoStart) {
            let day = self.plan.day.day_of_year();
            out.add(format!("Z300 {}6      {day:03}1\n", file.municipality).as_bytes())?;
        }
        let mut bytes = Vec::new();
        for record in 1..=file.records {
            let line = self.write_record(file, record, &mut bytes);
            out.add(&bytes)?;
            sum_ore += line.amount_ore;
            manifest::write_line(manifest, &Line::Record(line))?;
        }
        out.add(&self.ending(file, sum_ore))?;
        let line = out.into_line(file, sum_ore);
        manifest::write_line(manifest, &Line::File(line.clone()))?;
        Ok(line)
    }

    /// What stands after the last whole record.
    fn ending(&self, file: &PlannedFile, sum_ore: i64) -> Vec<u8> {
        match file.fault {
            Some(FileFault::Truncated) => {
                let mut part = Vec::new();
                self.write_record(file, file.records + 1, &mut part);
                part.truncate(part.len() / 2);
                part
            }
            Some(FileFault::WrongCount) => format!("SLUTD{:05}\n", file.records + 1).into_bytes(),
            Some(FileFault::WrongSum) => {
                let sum = sum_ore + 1;
                let sign = if sum < 0 { '-' } else { '+' };
                format!("SLUTD{:05}{:015}{sign}\n", file.records, sum.unsigned_abs()).into_bytes()
            }
            _ => format!("SLUTD{:05}\n", file.records).into_bytes(),
        }
    }

    /// Writes one record with its line end, over whatever `bytes` held.
    fn write_record(&self, file: &PlannedFile, record: u32, bytes: &mut Vec<u8>) -> RecordLine {
        let (draft, fault) = self.draft(file, record);
        let mut columns = draft.record();
        if let Some(fault) = fault {
            fault.spoil(&mut columns);
        }
        bytes.clear();
        columns.write(self.plan.form, bytes);
        bytes.truncate(fault.map_or(usize::MAX, Fault::kept));
        bytes.push(b'\n');
        self.line(file, record, &draft, fault)
    }

    fn draft(&self, file: &PlannedFile, record: u32) -> (Draft<'_>, Option<Fault>) {
        let place = self.place(file.municipality, file.number, file.first, record);
        let mut draft = Draft::ordinary(&place);
        let fault = self.fault_at(place.index);
        if let (Some(fault), true) = (fault, record > 1) {
            let earlier =
                Draft::ordinary(&self.place(file.municipality, file.number, file.first, record - 1));
            fault.alter(&mut draft, &earlier);
        }
        if let Some(reference) = self.repeated_reference(file, record) {
            draft.transaction_ref = reference;
        }
        (draft, fault)
    }

    fn place(&self, municipality: MunicipalityCode, file: u32, first: u64, record: u32) -> Place<'_> {
        Place {
            seed: self.plan.seed,
            dates: &self.dates,
            supplier: &self.plan.supplier,
            municipality: municipality.0,
            file,
            record,
            index: first + u64::from(record) - 1,
            immediate_per_mille: self.plan.immediate_per_mille,
        }
    }

    fn fault_at(&self, index: u64) -> Option<Fault> {
        let place = self.faults.binary_search_by_key(&index, |(at, _)| *at).ok()?;
        Some(self.faults[place].1)
    }

    /// The reference of an earlier file that this record repeats: its first faultless ones.
    fn repeated_reference(&self, file: &PlannedFile, record: u32) -> Option<String> {
        let (number, first, records) = file.earlier.filter(|_| record <= LATE_REPEATS)?;
        let sound = |record: &u32| self.fault_at(first + u64::from(*record) - 1).is_none();
        let chosen = (1..=records).filter(sound).nth(record as usize - 1)?;
        Some(Draft::ordinary(&self.place(file.municipality, number, first, chosen)).transaction_ref)
    }

    fn line(&self, file: &PlannedFile, record: u32, draft: &Draft<'_>, fault: Option<Fault>) -> RecordLine {
        RecordLine {
            file: file.name.clone(),
            record,
            line: record + u32::from(file.fault != Some(FileFault::NoStart)),
            municipality: MunicipalityCode(draft.municipality).to_string(),
            amount_ore: draft.amount_ore,
            transaction_ref: draft.transaction_ref.clone(),
            posting_ref: draft.posting_ref.clone(),
            payee_kind: kind_name(draft.payee.code).to_owned(),
            payee: draft.payee.digits(),
            disposition: draft.disposition.to_string(),
            effective: draft.effective.map(|day| day.to_string()),
            expected: self.expected(file, record, draft, fault),
            fault: fault.map(|fault| fault.name().to_owned()),
        }
    }

    fn expected(&self, file: &PlannedFile, record: u32, draft: &Draft<'_>, fault: Option<Fault>) -> Expected {
        if file.fault.is_some_and(|fault| fault.code().is_some()) {
            return Expected::Quarantined;
        }
        if self.repeated_reference(file, record).is_some() {
            return Expected::Rejected { codes: vec!["G68-K09".to_owned()] };
        }
        match fault.map(Fault::effect) {
            Some(Effect::Rejected(codes)) => {
                Expected::Rejected { codes: codes.iter().map(|c| (*c).to_owned()).collect() }
            }
            Some(Effect::Held(reason)) => Expected::Held { reason },
            Some(Effect::Paid) | None => Expected::Pay { answer: self.foresee(draft) },
        }
    }

    fn foresee(&self, draft: &Draft<'_>) -> Option<crate::partners::script::Outcome> {
        let facts = Facts {
            municipality: MunicipalityCode(draft.municipality),
            payee: Some(draft.payee),
            amount_ore: draft.amount_ore,
        };
        self.script.foresee(&facts, draft.effective)
    }
}

/// The word for a kind of number in manifests.
fn kind_name(code: toek_formats::vocabulary::IdentCode) -> &'static str {
    use toek_formats::vocabulary::IdentCode;
    match code {
        IdentCode::CreditorAccount => "account",
        IdentCode::Cpr => "cpr",
        IdentCode::Se => "se",
        IdentCode::Cvr => "cvr",
        IdentCode::ProductionUnit => "p",
    }
}

/// Counts and hashes what passes.
struct Counted<'a> {
    out: &'a mut dyn Write,
    hash: Sha256,
    bytes: u64,
}

impl Counted<'_> {
    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    fn into_line(self, file: &PlannedFile, sum_ore: i64) -> FileLine {
        let code = file.fault.and_then(FileFault::code).map(str::to_owned);
        FileLine {
            name: file.name.clone(),
            wave: file.wave,
            records: file.records,
            sum_ore,
            bytes: self.bytes,
            sha256: self.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect(),
            state: if code.is_some() { FileState::Quarantined } else { FileState::Accepted },
            code,
        }
    }
}

#[cfg(test)]
mod tests;
