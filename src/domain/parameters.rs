//! The parameters: deadlines, limits and choices that users change and code does not (feature 1.3.1).
//!
//! [`PARAMETERS`] is the one table: name, type, default, range, unit, meaning, source. `parameters.toml` sets others
//! than the defaults, centrally or for a municipality, each for a period. Never guesses: a name, type or value that
//! the table does not allow is a mistake with its place.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::civil::{Date, Time};
use toek_formats::vocabulary::{MunicipalityCode, Ore, SupplierId};
use toml::de::DeValue;

use super::municipality::{MUNICIPALITY, SUPPLIER};
use super::reference::{
    DURATION, FLAG, FileErrors, Place, Section, TIME_OF_DAY, Validity, WHOLE, duration_text, read_file,
};

pub mod change;

/// Who posts the expense of a payment (00-decisions.md 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExpenseBy {
    /// The sender has booked it against UDB_K; the hub posts between UDB_K and MELLEM.
    Sender,
    /// The hub puts the record's account in place of UDB_K.
    Hub,
}

/// How the counter lines of a voucher are written (00-decisions.md 2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CounterLines {
    /// One line per account and benefit.
    Summed,
    /// One line per payment, for those whose ERP clears UDB_K by posting reference.
    Each,
}

/// How a payment to an alternative account is supervised (00-decisions.md 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlternativeAccount {
    /// A second person approves it before it is sent.
    FourEyes,
    /// It is listed in a report afterwards.
    Report,
}

/// Whether the source of a value is known, or the value was chosen here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// A source states it.
    Confirmed,
    /// Chosen so that the hub can be built; to be agreed.
    Assumed,
}

/// For whom a parameter can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Centrally and per municipality.
    Municipality,
    /// Also per supplier.
    Supplier,
}

/// A type that a parameter can have.
trait Setting: Copy + PartialOrd {
    /// Half a sentence for errors and pages: "a whole number".
    const TYPE: &'static str;
    /// Reads it from a file.
    fn read(value: &DeValue<'_>) -> Option<Self>;
    /// As a file writes it.
    fn toml(self) -> String;
    /// The range, as half a sentence after the type.
    fn between(range: RangeInclusive<Self>) -> String {
        format!(" from {} to {}", range.start().toml(), range.end().toml())
    }
}

/// Bank days are counted in `u16`, calendar days in `i32` as dates subtract to, payments in `u32`.
macro_rules! whole_number {
    ($($type:ty),+) => {$(
        impl Setting for $type {
            const TYPE: &'static str = "a whole number";
            fn read(value: &DeValue<'_>) -> Option<$type> {
                (WHOLE.read)(value).and_then(|n| n.try_into().ok())
            }
            fn toml(self) -> String {
                self.to_string()
            }
        }
    )+};
}
whole_number!(u16, i32, u32);

impl Setting for bool {
    const TYPE: &'static str = "true or false";
    fn read(value: &DeValue<'_>) -> Option<bool> {
        (FLAG.read)(value)
    }
    fn toml(self) -> String {
        self.to_string()
    }
    fn between(_: RangeInclusive<bool>) -> String {
        String::new()
    }
}

impl Setting for Time {
    const TYPE: &'static str = "a time of day in hours and minutes";
    fn read(value: &DeValue<'_>) -> Option<Time> {
        (TIME_OF_DAY.read)(value).filter(|time| time.second() == 0)
    }
    fn toml(self) -> String {
        format!("\"{:02}:{:02}\"", self.hour(), self.minute())
    }
}

impl Setting for Duration {
    const TYPE: &'static str = "a length of time";
    fn read(value: &DeValue<'_>) -> Option<Duration> {
        (DURATION.read)(value)
    }
    fn toml(self) -> String {
        format!("\"{}\"", duration_text(self))
    }
}

/// A setting that is one of a few words.
macro_rules! choice {
    ($type:ty, $says:literal, $($word:literal => $value:expr),+) => {
        impl Setting for $type {
            const TYPE: &'static str = $says;
            fn read(value: &DeValue<'_>) -> Option<$type> {
                match value.as_str()? {
                    $($word => Some($value),)+
                    _ => None,
                }
            }
            fn toml(self) -> String {
                let words = [$(($word, $value)),+];
                words.iter().find(|(_, value)| *value == self).map(|(word, _)| format!("\"{word}\"")).unwrap_or_default()
            }
            fn between(_: RangeInclusive<$type>) -> String {
                String::new()
            }
        }
    };
}
choice!(ExpenseBy, "\"sender\" or \"hub\"", "sender" => ExpenseBy::Sender, "hub" => ExpenseBy::Hub);
choice!(CounterLines, "\"summed\" or \"each\"", "summed" => CounterLines::Summed, "each" => CounterLines::Each);
choice!(AlternativeAccount, "\"four-eyes\" or \"report\"",
    "four-eyes" => AlternativeAccount::FourEyes, "report" => AlternativeAccount::Report);

/// One row of the table of parameters.
pub struct Parameter {
    /// Its name, in the file and in [`Settings`].
    pub name: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// What its number counts; empty for times and choices.
    pub unit: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// Whether the default is known or chosen here.
    pub status: Status,
    /// For whom it can be set.
    pub reach: Reach,
    /// Whether another value takes effect only when a second person approves it (ASSUMED, which ones).
    pub four_eyes: bool,
    /// What kind of value it takes, and from where to where: "a whole number from 1 to 20".
    pub takes: fn() -> String,
    /// The default, as a file writes it.
    pub default: fn() -> String,
    /// Puts a file's value into the settings; `None` when the table does not allow it.
    read: fn(&DeValue<'_>, &mut Settings) -> Option<()>,
    /// Takes the value of the first settings over into the second.
    copy: fn(&Settings, &mut Settings),
    /// Its value among the settings, as a file writes it.
    write: fn(&Settings) -> String,
}

impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

const fn at(hour: i8, minute: i8) -> Time {
    jiff::civil::time(hour, minute, 0, 0)
}

const fn minutes(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

/// What NemKonto carries in one payment at most ([`Ore::PAYMENT_MAXIMUM`]), as a parameter counts it.
const LARGEST_PAYMENT_ORE: u32 = Ore::PAYMENT_MAXIMUM.0 as u32;

/// Makes the table, the plain struct of the values, and the way between them, from one list.
///
/// A row that ends in `, FourEyes` takes two persons.
macro_rules! parameters {
    (@four_eyes) => { false };
    (@four_eyes FourEyes) => { true };
    ($($name:ident: $type:ty = $default:expr, $range:expr, $unit:literal, $status:ident, $reach:ident, $source:literal, $meaning:literal $(, $eyes:ident)?;)*) => {
        /// The parameters in force for one municipality on one day: see [`Parameters::at`]. `default()` has the
        /// defaults of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Settings {
            $(#[doc = concat!($meaning, ". ", $unit, " (", $source, ")")] pub $name: $type,)*
        }

        impl Default for Settings {
            fn default() -> Settings {
                Settings { $($name: $default,)* }
            }
        }

        /// The table of parameters, in reading order.
        pub const PARAMETERS: &[Parameter] = &[$(Parameter {
            name: stringify!($name),
            meaning: $meaning,
            unit: $unit,
            source: $source,
            status: Status::$status,
            reach: Reach::$reach,
            four_eyes: parameters!(@four_eyes $($eyes)?),
            takes: || format!("{}{}", <$type as Setting>::TYPE, <$type as Setting>::between($range)),
            default: || <$type as Setting>::toml($default),
            read: |value, settings| {
                let value = <$type as Setting>::read(value)?;
                ($range).contains(&value).then(|| settings.$name = value)
            },
            copy: |from, to| to.$name = from.$name,
            write: |settings| <$type as Setting>::toml(settings.$name),
        },)*];
    };
}

parameters! {
    send_by_bank_days: u16 = 2, 1..=20, "bank days", Assumed, Municipality, "00-decisions.md 1.7; nemkonto.md 1.7",
        "Bank days before the disposition day on which ordinary payments are sent";
    ordinary_send_time: Time = at(13, 0), at(0, 0)..=at(23, 59), "", Assumed, Municipality, "00-decisions.md 1.6",
        "When on that day the bundle is sent; what comes later for the day is an immediate payment";
    hard_cutoff: Time = at(16, 0), at(0, 0)..=at(23, 59), "", Assumed, Municipality, "nemkonto.md 1.7",
        "When on the last bank day before the disposition day ordinary sending is refused";
    immediate_cutoff: Time = at(12, 0), at(0, 0)..=at(23, 59), "", Assumed, Municipality, "00-decisions.md 1.6",
        "Until when an immediate payment still reaches the same bank day";
    max_days_ahead: i32 = 60, 1..=366, "days", Assumed, Municipality, "nemkonto.md 1.7; 00-decisions.md 5.5",
        "How far ahead of sending a disposition day may lie";
    late_bank_days: u16 = 5, 0..=60, "bank days", Assumed, Municipality, "00-decisions.md 1.6 (G68-K05)",
        "How long before reception a disposition day may lie; a record with an earlier one is rejected";
    bundle_limit: u32 = 10_000, 1..=10_000, "payments", Assumed, Municipality, "nemkonto.md 1.8",
        "Payments in one bundle at most";
    answer1_timeout: Duration = minutes(120), minutes(1)..=minutes(4_320), "", Assumed, Municipality, "nemkonto.md 1.7",
        "After how long without receipt 0 or 1 a sent bundle is on the worklist";
    answer2_timeout: Duration = minutes(240), minutes(1)..=minutes(4_320), "", Assumed, Municipality, "nemkonto.md 1.7",
        "After how long without answer 2 a received bundle is on the worklist";
    final_timeout_bank_days: u16 = 2, 0..=20, "bank days", Assumed, Municipality, "nemkonto.md 1.7; 00-decisions.md 1.4",
        "Bank days after the disposition day when a payment without a final answer is on the worklist";
    assume_paid: bool = false, false..=true, "", Assumed, Municipality, "00-decisions.md 1.4",
        "Whether such a payment then counts as paid, without a person", FourEyes;
    duplicate_days: i32 = 30, 0..=366, "days", Assumed, Municipality, "nemkonto.md 4.2; 00-decisions.md 4",
        "How far back a like payment under another reference holds a new one for a person; 0: never", FourEyes;
    alternative_account: AlternativeAccount = AlternativeAccount::FourEyes,
        AlternativeAccount::FourEyes..=AlternativeAccount::Report, "", Assumed, Municipality, "00-decisions.md 8",
        "How a payment to an alternative account is supervised", FourEyes;
    expense_by: ExpenseBy = ExpenseBy::Sender, ExpenseBy::Sender..=ExpenseBy::Hub, "", Assumed, Supplier,
        "00-decisions.md 2.1", "Who posts the expense: the sender against UDB_K, or the hub on the record's account", FourEyes;
    counter_lines: CounterLines = CounterLines::Summed, CounterLines::Summed..=CounterLines::Each, "", Assumed,
        Municipality, "00-decisions.md 2.7", "Whether the counter lines of a voucher are summed per account and benefit";
    smallest_payment_ore: u32 = 0, 0..=LARGEST_PAYMENT_ORE, "øre", Assumed, Municipality, "feature 2.3.6",
        "Smaller payments go to the petty account; where the benefit has a smallest payment too, the greater of both counts",
        FourEyes;
    largest_payment_ore: u32 = LARGEST_PAYMENT_ORE, 1..=LARGEST_PAYMENT_ORE, "øre", Assumed, Municipality,
        "feature 2.3.6", "Larger payments are held for a person; where the benefit has a largest payment too, the lesser of both counts",
        FourEyes;
    voucher_limit: u32 = 2_000, 1..=10_000, "payments", Assumed, Municipality, "00-decisions.md 2.7",
        "Payments in one voucher at most";
}

/// No municipality has this code: asks for the central values.
const NO_MUNICIPALITY: MunicipalityCode = MunicipalityCode(0);

/// Values that one row of the file sets.
#[derive(Clone, Debug)]
struct Row {
    municipality: Option<MunicipalityCode>,
    supplier: Option<SupplierId>,
    validity: Validity,
    /// Where the row names its municipality.
    place: Place,
    /// The line on which it begins.
    begins: u32,
    values: Settings,
    /// Which of [`PARAMETERS`] the row sets, with the line.
    sets: Vec<(usize, u32)>,
}

impl Row {
    fn concerns(&self, municipality: MunicipalityCode, supplier: Option<SupplierId>) -> bool {
        self.municipality.is_none_or(|own| own == municipality)
            && self.supplier.is_none_or(|own| Some(own) == supplier)
    }

    /// Later ranks overrule earlier ones.
    fn rank(&self) -> (bool, bool) {
        (self.municipality.is_some(), self.supplier.is_some())
    }

    fn apply(&self, settings: &mut Settings) {
        for (parameter, _) in &self.sets {
            (PARAMETERS[*parameter].copy)(&self.values, settings);
        }
    }
}

/// The parameters of an installation: the defaults, and what `parameters.toml` sets.
#[derive(Clone, Debug, Default)]
pub struct Parameters {
    /// In the order in which they are applied.
    rows: Vec<Row>,
}

impl Parameters {
    /// Reads `parameters.toml`. An empty file is right: the defaults hold.
    ///
    /// # Errors
    /// Every mistake of the file with its place: unknown names, wrong types, values out of range, two values for one
    /// day, and times that exclude each other.
    pub fn load(text: &str, file_name: &str) -> Result<Parameters, FileErrors> {
        read_file(text, file_name, |root| {
            let mut sections = root.sections("central");
            let central = sections.len();
            sections.extend(root.sections("municipality"));
            let read = |(n, section)| read_row(section, n >= central);
            let rows: Option<Vec<Row>> =
                sections.iter().enumerate().map(read).collect::<Vec<_>>().into_iter().collect();
            let rows = rows?;
            check_single(&sections, &rows);
            let mut parameters = Parameters { rows: rows.clone() };
            parameters.rows.sort_by_key(Row::rank);
            check_times(&sections, &rows, &parameters);
            Some(parameters)
        })
    }

    /// The values in force for a municipality on a day: its own, else the central ones, else the defaults.
    pub fn at(&self, municipality: MunicipalityCode, date: Date) -> Settings {
        self.resolve(municipality, None, date)
    }

    /// Like [`Parameters::at`], with what is set for one supplier's records ([`Reach::Supplier`]).
    pub fn for_supplier(&self, municipality: MunicipalityCode, supplier: SupplierId, date: Date) -> Settings {
        self.resolve(municipality, Some(supplier), date)
    }

    /// The municipalities that have values of their own, with the place where the file names them.
    pub fn municipalities(&self) -> impl Iterator<Item = (MunicipalityCode, Place)> {
        self.rows.iter().filter_map(|row| Some((row.municipality?, row.place)))
    }

    /// Every combination that some day holds for some municipality, each with the first municipality (`None`: all
    /// that have no values of their own) and day found: for checks against the rest of the configuration.
    pub fn combinations(&self) -> Vec<(Option<MunicipalityCode>, Date, Settings)> {
        let mut found: Vec<(Option<MunicipalityCode>, Date, Settings)> = Vec::new();
        let municipalities = std::iter::once(None).chain(self.rows.iter().map(|row| row.municipality));
        for municipality in municipalities {
            for day in std::iter::once(Date::MIN).chain(self.change_days()) {
                let settings = self.at(municipality.unwrap_or(NO_MUNICIPALITY), day);
                if !found.iter().any(|(_, _, known)| *known == settings) {
                    found.push((municipality, day, settings));
                }
            }
        }
        found
    }

    /// The days on which some value begins or ends.
    fn change_days(&self) -> Vec<Date> {
        let ends = self.rows.iter().filter_map(|row| row.validity.to?.tomorrow().ok());
        let mut days: Vec<Date> = self.rows.iter().map(|row| row.validity.from).chain(ends).collect();
        days.sort_unstable();
        days
    }

    fn resolve(&self, municipality: MunicipalityCode, supplier: Option<SupplierId>, date: Date) -> Settings {
        let mut settings = Settings::default();
        for row in &self.rows {
            if row.validity.holds(date) && row.concerns(municipality, supplier) {
                row.apply(&mut settings);
            }
        }
        settings
    }
}

fn read_row(section: &Section<'_>, of_municipality: bool) -> Option<Row> {
    let municipality = if of_municipality { Some(section.required("code", &MUNICIPALITY)) } else { None };
    let supplier = section.optional("supplier", &SUPPLIER);
    let validity = Validity::read(section);
    let mut values = Settings::default();
    let mut sets = Vec::new();
    for (n, parameter) in PARAMETERS.iter().enumerate() {
        if read_value(section, parameter, supplier.is_some(), &mut values) {
            sets.push((n, section.place_of(parameter.name).line));
        }
    }
    section.finish();
    let municipality = match municipality {
        Some(code) => Some(code?),
        None => None,
    };
    let (place, begins) = (section.place_of("code"), section.place().line);
    Some(Row { municipality, supplier, validity: validity?, place, begins, values, sets })
}

/// Reads one parameter if the row sets it, and says whether it does.
fn read_value(
    section: &Section<'_>,
    parameter: &Parameter,
    by_supplier: bool,
    values: &mut Settings,
) -> bool {
    let Some(value) = section.raw(parameter.name) else { return false };
    if by_supplier && parameter.reach != Reach::Supplier {
        section.wrong(parameter.name, "cannot be set per supplier; leave out `supplier`");
    } else if (parameter.read)(value, values).is_none() {
        section.wrong(parameter.name, &format!("must be {}", (parameter.takes)()));
    }
    true
}

/// No day has two values of one parameter at the same level.
fn check_single(sections: &[Section<'_>], rows: &[Row]) {
    for (n, (later, section)) in rows.iter().zip(sections).enumerate() {
        for earlier in &rows[..n] {
            let same_level = (earlier.municipality, earlier.supplier) == (later.municipality, later.supplier);
            if !same_level || !earlier.validity.overlaps(later.validity) {
                continue;
            }
            for (parameter, _) in &later.sets {
                if let Some((_, line)) = earlier.sets.iter().find(|(other, _)| other == parameter) {
                    let name = PARAMETERS[*parameter].name;
                    section.wrong(name, &format!("is set in line {line} for some of the same days"));
                }
            }
        }
    }
}

/// On no day may the bundle's time lie after the hard cut-off: nothing could be sent on the last possible day.
fn check_times(sections: &[Section<'_>], rows: &[Row], parameters: &Parameters) {
    let changes = parameters.change_days();
    for (row, section) in rows.iter().zip(sections) {
        let municipality = row.municipality.unwrap_or(NO_MUNICIPALITY);
        let days = changes.iter().filter(|day| row.validity.holds(**day));
        let wrong = days.copied().find(|day| {
            let settings = parameters.at(municipality, *day);
            settings.ordinary_send_time > settings.hard_cutoff
        });
        if let Some(day) = wrong {
            let key = if section.has("hard_cutoff") { "hard_cutoff" } else { "ordinary_send_time" };
            section.wrong(key, &format!("puts `ordinary_send_time` after `hard_cutoff` on {day}"));
        }
    }
}

/// A `parameters.toml` which sets nothing and tells of every parameter: its default, meaning, range and source.
pub fn default_file() -> String {
    let mut text = String::from(DEFAULT_HEAD);
    for parameter in PARAMETERS {
        let assumed = if parameter.status == Status::Assumed { "; ASSUMED" } else { "" };
        let unit = if parameter.unit.is_empty() { String::new() } else { format!(" ({})", parameter.unit) };
        let reach = if parameter.reach == Reach::Supplier { ", also per supplier" } else { "" };
        text.push_str(&format!(
            "#\n# {} = {}\n#   {}.\n#   {}{unit}{reach}. {}{assumed}.\n",
            parameter.name,
            (parameter.default)(),
            parameter.meaning,
            capitalised(&(parameter.takes)()),
            parameter.source,
        ));
    }
    text
}

const DEFAULT_HEAD: &str = r#"# Deadlines, limits and choices other than the hub's defaults. Each row holds for a period, `valid_from` and, if it
# ends, `valid_to`, both included. A municipality's value overrules the central one, which overrules the default.
#
# [[central]]
# valid_from = 2026-03-01
# send_by_bank_days = 3
#
# [[municipality]]
# code = "0751"
# valid_from = 2026-03-01
# valid_to = 2026-12-31
# hard_cutoff = "15:00"
#
# [[municipality]]
# code = "0751"
# supplier = "KSD"
# valid_from = 2026-03-01
# expense_by = "hub"
#
# The parameters and their defaults:
"#;

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const AARHUS: MunicipalityCode = MunicipalityCode(751);
    const ODENSE: MunicipalityCode = MunicipalityCode(461);

    #[test]
    fn the_defaults_are_those_of_the_specifications() {
        let defaults: Vec<_> = PARAMETERS.iter().map(|p| (p.name, (p.default)())).collect();
        let expected = [
            ("send_by_bank_days", "2"),
            ("ordinary_send_time", "\"13:00\""),
            ("hard_cutoff", "\"16:00\""),
            ("immediate_cutoff", "\"12:00\""),
            ("max_days_ahead", "60"),
            ("late_bank_days", "5"),
            ("bundle_limit", "10000"),
            ("answer1_timeout", "\"2h\""),
            ("answer2_timeout", "\"4h\""),
            ("final_timeout_bank_days", "2"),
            ("assume_paid", "false"),
            ("duplicate_days", "30"),
            ("alternative_account", "\"four-eyes\""),
            ("expense_by", "\"sender\""),
            ("counter_lines", "\"summed\""),
            ("smallest_payment_ore", "0"),
            ("largest_payment_ore", "999999999"),
            ("voucher_limit", "2000"),
        ];
        assert_eq!(defaults, expected.map(|(name, value)| (name, value.to_owned())));
        let none = Parameters::load("", "p.toml").unwrap();
        assert_eq!(none.at(AARHUS, date(2026, 1, 1)), Settings::default());
    }

    #[test]
    fn the_default_file_sets_nothing_and_its_values_are_right() {
        let text = default_file();
        assert!(Parameters::load(&text, "p.toml").unwrap().rows.is_empty());
        // Uncommented, every line `name = value` is accepted as a central value and changes nothing.
        let names: Vec<_> = PARAMETERS.iter().map(|p| format!("# {} = ", p.name)).collect();
        let listed = text.split_once("The parameters and their defaults:").unwrap().1;
        let set = listed.lines().filter(|line| names.iter().any(|name| line.starts_with(name)));
        let values: String = set.map(|line| format!("{}\n", &line[2..])).collect();
        let loaded =
            Parameters::load(&format!("[[central]]\nvalid_from = 2020-01-01\n{values}"), "p.toml").unwrap();
        assert_eq!(loaded.rows[0].sets.len(), PARAMETERS.len());
        assert_eq!(loaded.at(AARHUS, date(2026, 1, 1)), Settings::default());
        // The examples of the head, too.
        let head: String =
            text.lines().skip(3).take(16).map(|line| format!("{}\n", line[1..].trim_start())).collect();
        assert_eq!(Parameters::load(&head, "p.toml").unwrap().rows.len(), 3, "{head}");
    }

    const FILE: &str = r#"
[[municipality]]
code = "0751"
valid_from = 2026-03-01
valid_to = 2026-03-31
send_by_bank_days = 4
answer1_timeout = "90m"

[[central]]
valid_from = 2026-01-01
send_by_bank_days = 3
hard_cutoff = 15:30
counter_lines = "each"
assume_paid = true

[[central]]
valid_from = 2026-01-01
supplier = "KY"
expense_by = "hub"

[[municipality]]
code = "0751"
supplier = "KY"
valid_from = 2026-06-01
expense_by = "sender"
"#;

    #[test]
    fn a_municipality_overrules_the_centre_for_a_period() {
        let loaded = Parameters::load(FILE, "p.toml").unwrap();
        let days = |municipality, m, d| loaded.at(municipality, date(2026, m, d)).send_by_bank_days;
        assert_eq!(loaded.at(AARHUS, date(2025, 12, 31)), Settings::default());
        assert_eq!((days(AARHUS, 1, 1), days(AARHUS, 2, 28)), (3, 3));
        assert_eq!((days(AARHUS, 3, 1), days(AARHUS, 3, 31), days(AARHUS, 4, 1)), (4, 4, 3));
        assert_eq!(days(ODENSE, 3, 15), 3);
        let march = loaded.at(AARHUS, date(2026, 3, 15));
        let expected = Settings {
            send_by_bank_days: 4,
            answer1_timeout: minutes(90),
            hard_cutoff: at(15, 30),
            counter_lines: CounterLines::Each,
            assume_paid: true,
            ..Settings::default()
        };
        assert_eq!(march, expected);
    }

    #[test]
    fn a_supplier_has_its_own() {
        let loaded = Parameters::load(FILE, "p.toml").unwrap();
        let by = |supplier: [u8; 4], m| {
            loaded.for_supplier(AARHUS, SupplierId(supplier), date(2026, m, 1)).expense_by
        };
        assert_eq!(loaded.at(AARHUS, date(2026, 3, 1)).expense_by, ExpenseBy::Sender);
        assert_eq!(
            (by(*b"KY  ", 3), by(*b"KSD ", 3), by(*b"KY  ", 6)),
            (ExpenseBy::Hub, ExpenseBy::Sender, ExpenseBy::Sender)
        );
    }

    #[test]
    fn combinations_are_all_that_can_be_in_force() {
        let days = |text| {
            let loaded = Parameters::load(text, "p.toml").unwrap();
            loaded.combinations().iter().map(|(m, _, s)| (*m, s.send_by_bank_days)).collect::<Vec<_>>()
        };
        assert_eq!(days(""), [(None, 2)]);
        assert_eq!(days(FILE), [(None, 2), (None, 3), (Some(AARHUS), 4)]);
    }

    #[track_caller]
    fn check(rows: &str, expected: &str) {
        assert_eq!(Parameters::load(rows, "p.toml").unwrap_err().to_string(), expected);
    }

    const TIMES: &str = "must be a time of day in hours and minutes from \"00:00\" to \"23:59\"";

    #[test]
    fn mistakes_have_their_place() {
        let central = |value: &str| format!("[[central]]\nvalid_from = 2026-01-01\n{value}\n");
        for (value, column, name, shown, rule) in [
            ("send_by_bank_days = 0", 21, "send_by_bank_days", "0", "must be a whole number from 1 to 20"),
            ("send_by_bank_days = 21", 21, "send_by_bank_days", "21", "must be a whole number from 1 to 20"),
            ("bundle_limit = \"5\"", 16, "bundle_limit", "\"5\"", "must be a whole number from 1 to 10000"),
            ("hard_cutoff = 25:00", 15, "", "", ""),
            ("hard_cutoff = 16", 15, "hard_cutoff", "16", TIMES),
            ("hard_cutoff = 16:00:30", 15, "hard_cutoff", "16:00:30", TIMES),
            (
                "answer1_timeout = \"80h\"",
                19,
                "answer1_timeout",
                "\"80h\"",
                "must be a length of time from \"1m\" to \"72h\"",
            ),
            ("assume_paid = \"no\"", 15, "assume_paid", "\"no\"", "must be true or false"),
            ("expense_by = \"Hub\"", 14, "expense_by", "\"Hub\"", "must be \"sender\" or \"hub\""),
        ] {
            let errors = Parameters::load(&central(value), "p.toml").unwrap_err();
            assert_eq!(errors.0[0].place, Some(Place { line: 3, column }), "{errors}");
            if !name.is_empty() {
                let expected = format!("p.toml:3:{column}: `central[1].{name}` is {shown}: {rule}");
                assert_eq!(errors.to_string(), expected);
            }
        }
        check(
            "[[municipality]]\ncode = \"0411\"\nvalid_from = 2026-01-01\nsupplier = \"KSD\"\nvoucher_limit = 5\n",
            "p.toml:2:8: `municipality[1].code` is \"0411\": \
             must be the code of one of the 98 municipalities, four digits in quotes\n\
             p.toml:5:17: `municipality[1].voucher_limit` is 5: cannot be set per supplier; leave out `supplier`",
        );
        let errors = Parameters::load(&central("cutoff = 5"), "p.toml").unwrap_err();
        assert!(
            errors
                .to_string()
                .starts_with("p.toml:3:1: `central[1].cutoff`: is no key here; the keys are alt")
        );
    }

    #[test]
    fn no_day_has_two_values() {
        let row = |dates: &str| format!("[[central]]\n{dates}\nduplicate_days = 7\n");
        let first = row("valid_from = 2026-01-01\nvalid_to = 2026-01-31");
        check(
            &(first.clone() + &row("valid_from = 2026-01-31")),
            "p.toml:7:18: `central[2].duplicate_days` is 7: is set in line 4 for some of the same days",
        );
        assert!(Parameters::load(&(first + &row("valid_from = 2026-02-01")), "p.toml").is_ok());
    }

    #[test]
    fn the_bundle_is_not_later_than_the_cutoff() {
        let text = "[[central]]\nvalid_from = 2026-01-01\nordinary_send_time = \"15:00\"\n\
                    [[municipality]]\ncode = \"0751\"\nvalid_from = 2025-01-01\nhard_cutoff = \"14:00\"\n";
        check(
            text,
            "p.toml:7:15: `municipality[1].hard_cutoff` is \"14:00\": \
             puts `ordinary_send_time` after `hard_cutoff` on 2026-01-01",
        );
        assert!(Parameters::load(&text.replace("14:00", "15:00"), "p.toml").is_ok());
        // The municipality's own time covers the central one until it ends.
        let own = "[[municipality]]\ncode = \"0751\"\nvalid_from = 2025-01-01\nvalid_to = 2026-03-31\n\
                   ordinary_send_time = \"12:00\"\n";
        let error = Parameters::load(&(text.to_owned() + own), "p.toml").unwrap_err().to_string();
        assert!(error.ends_with("puts `ordinary_send_time` after `hard_cutoff` on 2026-04-01"), "{error}");
    }
}
