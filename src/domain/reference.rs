//! Reads reference files (TOML) so that every mistake is named with file, line, column, key, value and rule.
//!
//! One pass reports all the mistakes of a file, not just the first: whoever edits it at night fixes it once. Never
//! opens a file: the text and its name are arguments. Never guesses: an unknown key is a mistake.
//!
//! A file is a tree of `Section`s. A value is asked for by key and `Rule`; what a section was never asked for
//! is unknown, which `Section::finish` reports.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use jiff::civil::{Date, Time};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A place in a text file, as an editor shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// 1-based.
    pub line: u32,
    /// 1-based, counted in characters.
    pub column: u32,
}

/// One mistake in a reference file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct FileError {
    /// The file, as it was named to the reader.
    pub file: String,
    /// Where; `None` when the file as a whole is at fault.
    pub place: Option<Place>,
    /// The key with its path, `municipality[2].cvr`; empty outside of any.
    pub key: String,
    /// What stands there, cut at 60 characters; account numbers are masked. Empty when nothing does.
    pub value: String,
    /// What should have been there, as half a sentence.
    pub rule: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(place) = self.place {
            write!(f, ":{}:{}", place.line, place.column)?;
        }
        f.write_str(":")?;
        if !self.key.is_empty() {
            write!(f, " `{}`", self.key)?;
        }
        if !self.value.is_empty() {
            write!(f, " is {}", self.value)?;
        }
        let colon = if self.key.is_empty() && self.value.is_empty() { "" } else { ":" };
        write!(f, "{colon} {}", self.rule)
    }
}

/// All the mistakes of a file, in the order in which they stand; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileErrors(pub Vec<FileError>);

impl fmt::Display for FileErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, error) in self.0.iter().enumerate() {
            write!(f, "{}{error}", if n > 0 { "\n" } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for FileErrors {}

/// A form that a value must have, and what an error says when it has not.
pub(crate) struct Rule<T> {
    /// Half a sentence: "must be …".
    pub(crate) says: &'static str,
    /// The value, when it has the form.
    pub(crate) read: fn(&DeValue<'_>) -> Option<T>,
}

/// Reads a whole file: `body` takes what it needs from the root. Its answer counts only when no mistake was found.
pub(crate) fn read_file<T>(
    text: &str,
    file: &str,
    body: impl FnOnce(&Section<'_>) -> Option<T>,
) -> Result<T, FileErrors> {
    let faults = Faults { file, text, line_starts: line_starts(text), found: RefCell::default() };
    let (root, syntax) = DeTable::parse_recoverable(text);
    for error in &syntax {
        faults.report(error.span(), "", "", error.message().to_owned());
    }
    // A file that is no TOML would only give rise to mistakes that are none.
    let answer = if syntax.is_empty() {
        let section = Section::new(&faults, String::new(), 0..0, root.get_ref());
        let answer = body(&section);
        section.finish();
        answer
    } else {
        None
    };
    let mut found = faults.found.into_inner();
    found.sort_by_key(|error| error.place);
    match answer {
        Some(answer) if found.is_empty() => Ok(answer),
        None if found.is_empty() => {
            Err(FileErrors(vec![whole_file(file, "could not be understood".to_owned())]))
        }
        _ => Err(FileErrors(found)),
    }
}

/// A mistake of a file as a whole.
pub(crate) fn whole_file(file: &str, rule: String) -> FileError {
    FileError { file: file.to_owned(), place: None, key: String::new(), value: String::new(), rule }
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(newline, _)| newline + 1)).collect()
}

/// Collects what is wrong in one file.
struct Faults<'a> {
    file: &'a str,
    text: &'a str,
    line_starts: Vec<usize>,
    found: RefCell<Vec<FileError>>,
}

impl Faults<'_> {
    fn place(&self, at: usize) -> Place {
        let line = self.line_starts.partition_point(|start| *start <= at).max(1);
        let before = self.text.get(self.line_starts[line - 1]..at).unwrap_or_default();
        let fits = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Place { line: fits(line), column: fits(before.chars().count() + 1) }
    }

    fn report(&self, span: Option<Range<usize>>, key: &str, value: &str, rule: String) {
        let place = span.map(|span| self.place(span.start));
        let (file, key, value) = (self.file.to_owned(), key.to_owned(), value.to_owned());
        self.found.borrow_mut().push(FileError { file, place, key, value, rule });
    }

    /// The source text of a value, on one line and not too long for an error.
    fn shown(&self, span: &Range<usize>) -> String {
        let source = self.text.get(span.clone()).unwrap_or_default();
        let first = source.lines().next().unwrap_or_default();
        if first.len() == source.len() && first.chars().count() <= 60 {
            return first.to_owned();
        }
        first.chars().take(59).chain(['…']).collect()
    }
}

/// One table of a file: the root, a `[section]`, one `[[item]]` of a list, or an inline table.
pub(crate) struct Section<'a> {
    faults: &'a Faults<'a>,
    path: String,
    span: Range<usize>,
    table: &'a DeTable<'a>,
    asked: RefCell<Vec<&'static str>>,
    /// No key is unknown: they are data, or what belongs could not be told.
    open: Cell<bool>,
}

impl<'a> Section<'a> {
    fn new(faults: &'a Faults<'a>, path: String, span: Range<usize>, table: &'a DeTable<'a>) -> Section<'a> {
        Section { faults, path, span, table, asked: RefCell::default(), open: Cell::new(false) }
    }

    fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn get(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.borrow_mut().push(key);
        self.table.get(key)
    }

    /// The value of a key as it stands, for rules that are not known before the key is.
    pub(crate) fn raw(&self, key: &'static str) -> Option<&'a DeValue<'a>> {
        self.get(key).map(Spanned::get_ref)
    }

    /// Whether the section has the key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Where the section begins.
    pub(crate) fn place(&self) -> Place {
        self.faults.place(self.span.start)
    }

    /// Where the value of a key stands; the section's own place when there is none.
    pub(crate) fn place_of(&self, key: &str) -> Place {
        self.table.get(key).map_or_else(|| self.place(), |value| self.faults.place(value.span().start))
    }

    /// Where the items of a list stand; none when it is no list.
    pub(crate) fn places_in(&self, key: &str) -> Vec<Place> {
        let items = self.table.get(key).and_then(|value| value.get_ref().as_array());
        items.into_iter().flatten().map(|item| self.faults.place(item.span().start)).collect()
    }

    /// A value that must be there. `None` has been reported.
    pub(crate) fn required<T>(&self, key: &'static str, rule: &Rule<T>) -> Option<T> {
        if self.get(key).is_none() {
            self.wrong(key, &format!("is missing; it {}", rule.says));
            return None;
        }
        self.optional(key, rule)
    }

    /// A value that may be there. `None` when it is not, or has been reported.
    pub(crate) fn optional<T>(&self, key: &'static str, rule: &Rule<T>) -> Option<T> {
        let value = self.get(key)?;
        self.value_by(&self.key(key), value, rule)
    }

    fn value_by<T>(&self, key: &str, value: &Spanned<DeValue<'_>>, rule: &Rule<T>) -> Option<T> {
        let read = (rule.read)(value.get_ref());
        if read.is_none() {
            self.faults.report(
                Some(value.span()),
                key,
                &self.faults.shown(&value.span()),
                rule.says.to_owned(),
            );
        }
        read
    }

    /// Like [`Section::required`], for values that no error may show.
    pub(crate) fn required_masked<T>(&self, key: &'static str, rule: &Rule<T>) -> Option<T> {
        let Some(value) = self.get(key) else {
            self.wrong(key, &format!("is missing; it {}", rule.says));
            return None;
        };
        let read = (rule.read)(value.get_ref());
        if read.is_none() {
            self.faults.report(Some(value.span()), &self.key(key), "********", rule.says.to_owned());
        }
        read
    }

    /// A list of values; empty when it is not there. Wrong ones have been reported.
    pub(crate) fn list<T>(&self, key: &'static str, rule: &Rule<T>) -> Vec<T> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.wrong(key, "must be a list, `[…]`");
            return Vec::new();
        };
        let item = |(n, item)| self.value_by(&format!("{}[{}]", self.key(key), n + 1), item, rule);
        items.iter().enumerate().filter_map(item).collect()
    }

    /// The items of a list of tables; empty when it is not there.
    pub(crate) fn sections(&self, key: &'static str) -> Vec<Section<'a>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            let rule = format!("must be a list of tables, `[[{key}]]`");
            self.faults.report(Some(value.span()), &self.key(key), "", rule);
            return Vec::new();
        };
        let section = |(n, item): (usize, &'a Spanned<DeValue<'a>>)| {
            let path = self.key(&format!("{key}[{}]", n + 1));
            self.table_at(path, item)
        };
        items.iter().enumerate().filter_map(section).collect()
    }

    /// The items of a list of tables that has at least one. `header` is how the file begins one.
    pub(crate) fn required_sections(&self, key: &'static str, header: &str) -> Vec<Section<'a>> {
        let is_empty =
            |value: &Spanned<DeValue<'_>>| value.get_ref().as_array().is_some_and(|items| items.is_empty());
        if self.table.get(key).is_none_or(is_empty) {
            self.wrong(key, &format!("must have at least one row, `{header}`"));
        }
        self.sections(key)
    }

    /// A table that may be there.
    pub(crate) fn section(&self, key: &'static str) -> Option<Section<'a>> {
        let value = self.get(key)?;
        self.table_at(self.key(key), value)
    }

    /// A table that must be there.
    pub(crate) fn required_section(&self, key: &'static str) -> Option<Section<'a>> {
        if !self.table.contains_key(key) {
            self.get(key);
            self.wrong(key, "is missing; it must be a table");
        }
        self.section(key)
    }

    fn table_at(&self, path: String, value: &'a Spanned<DeValue<'a>>) -> Option<Section<'a>> {
        match value.get_ref().as_table() {
            Some(table) => Some(Section::new(self.faults, path, value.span(), table)),
            None => {
                // Not shown: what stands in the place of a table may hold what no error may show.
                self.faults.report(Some(value.span()), &path, "", "must be a table".to_owned());
                None
            }
        }
    }

    /// All pairs but those whose keys were asked for, for sections whose keys are data.
    pub(crate) fn entries(&self) -> Vec<(&'a str, &'a DeValue<'a>, Place)> {
        self.open.set(true);
        let asked = self.asked.borrow();
        let fresh = self.table.iter().filter(|(key, _)| !asked.contains(&key.get_ref().as_ref()));
        fresh
            .map(|(key, value)| {
                (key.get_ref().as_ref(), value.get_ref(), self.faults.place(key.span().start))
            })
            .collect()
    }

    /// Gives up on the rest of the section: what belongs in it depends on a key that was wrong.
    pub(crate) fn leave_rest(&self) {
        self.open.set(true);
    }

    /// Reports a key whose form was right but whose value breaks a rule. Shows the value.
    pub(crate) fn wrong(&self, key: &str, rule: &str) {
        let (span, value) = match self.table.get(key) {
            Some(value) => (value.span(), self.faults.shown(&value.span())),
            None => (self.span.clone(), String::new()),
        };
        self.faults.report(Some(span), &self.key(key), &value, rule.to_owned());
    }

    /// Like [`Section::wrong`], for values that no error may show.
    pub(crate) fn wrong_masked(&self, key: &str, rule: &str) {
        let span = self.table.get(key).map_or_else(|| self.span.clone(), Spanned::span);
        self.faults.report(Some(span), &self.key(key), "********", rule.to_owned());
    }

    /// Reports the keys that were never asked for.
    pub(crate) fn finish(&self) {
        if self.open.get() {
            return;
        }
        let asked = self.asked.borrow();
        for (key, _) in self.table {
            if !asked.contains(&key.get_ref().as_ref()) {
                let mut known = asked.clone();
                known.sort_unstable();
                known.dedup();
                let rule = format!("is no key here; the keys are {}", known.join(", "));
                self.faults.report(Some(key.span()), &self.key(key.get_ref()), "", rule);
            }
        }
    }
}

/// Any text that is not blank and holds no control characters.
pub(crate) const TEXT: Rule<String> = Rule {
    says: "must be a text that is not blank",
    read: |value| {
        let text = value.as_str()?;
        let fits = !text.trim().is_empty() && !text.chars().any(char::is_control);
        fits.then(|| text.to_owned())
    },
};

/// Text of at most 35 characters, as NemKonto's party ids and references (nemkonto.md 2.3, 2.4).
pub(crate) const TEXT35: Rule<String> = Rule {
    says: "must be a text of 1 to 35 characters",
    read: |value| (TEXT.read)(value).filter(|text| text.chars().count() <= 35),
};

/// A name of the hub's own: an account, an endpoint, a pipeline.
pub(crate) const NAME: Rule<String> = Rule {
    says: "must be a name of 1 to 35 small letters, digits and hyphens",
    read: |value| {
        let text = value.as_str()?;
        let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        ((1..=35).contains(&text.len()) && text.bytes().all(legal)).then(|| text.to_owned())
    },
};

/// `true` or `false`.
pub(crate) const FLAG: Rule<bool> = Rule { says: "must be true or false", read: |value| value.as_bool() };

/// A day: `2026-03-01`, bare or in quotes.
pub(crate) const DATE: Rule<Date> = Rule {
    says: "must be a day that exists, as 2026-03-01",
    read: |value| match (value.as_datetime(), value.as_str()) {
        (Some(moment), _) if moment.time.is_none() && moment.offset.is_none() => {
            let date = moment.date?;
            Date::new(
                i16::try_from(date.year).ok()?,
                i8::try_from(date.month).ok()?,
                i8::try_from(date.day).ok()?,
            )
            .ok()
        }
        (None, Some(text)) if text.len() == 10 => text.parse().ok(),
        _ => None,
    },
};

/// A time of day: `16:00` or `16:00:00`, bare or in quotes.
pub(crate) const TIME_OF_DAY: Rule<Time> = Rule {
    says: "must be a time of day, as 16:00",
    read: |value| match (value.as_datetime(), value.as_str()) {
        (Some(moment), _) if moment.date.is_none() && moment.offset.is_none() => {
            let time = moment.time?;
            let small = |n: u8| i8::try_from(n).ok();
            Time::new(small(time.hour)?, small(time.minute)?, small(time.second.unwrap_or(0))?, 0).ok()
        }
        (None, Some(text)) => parse_time_of_day(text),
        _ => None,
    },
};

/// `HH:MM` or `HH:MM:SS`.
fn parse_time_of_day(text: &str) -> Option<Time> {
    let parts: Vec<i8> = text
        .split(':')
        .map(|part| {
            let two_digits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
            two_digits.then(|| part.parse().ok())?
        })
        .collect::<Option<_>>()?;
    match parts[..] {
        [hour, minute] => Time::new(hour, minute, 0, 0).ok(),
        [hour, minute, second] => Time::new(hour, minute, second, 0).ok(),
        _ => None,
    }
}

/// A length of time: a whole number and a unit, `30s`, `15m`, `2h`. No days: bank days are counted, not measured.
pub(crate) const DURATION: Rule<Duration> = Rule {
    says: "must be a length of time, as 30s, 15m or 2h",
    read: |value| {
        let (number, unit) = number_and_unit(value.as_str()?)?;
        let secs = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            _ => return None,
        };
        number.checked_mul(secs).map(Duration::from_secs)
    },
};

/// A length of time as a file writes it, in the largest unit that fits.
pub(crate) fn duration_text(duration: Duration) -> String {
    match duration.as_secs() {
        secs if secs > 0 && secs.is_multiple_of(3_600) => format!("{}h", secs / 3_600),
        secs if secs > 0 && secs.is_multiple_of(60) => format!("{}m", secs / 60),
        secs => format!("{secs}s"),
    }
}

/// A size in bytes: a number, or one with a unit, `85 MB` (powers of ten), `32 MiB` (powers of two).
pub(crate) const BYTES: Rule<u64> = Rule {
    says: "must be a size in bytes, as 65536, 85 MB or 32 MiB",
    read: |value| {
        let Some(text) = value.as_str() else { return (WHOLE.read)(value) };
        let (number, unit) = number_and_unit(text)?;
        let size: u64 = match unit {
            "" | "B" => 1,
            "kB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return None,
        };
        number.checked_mul(size)
    },
};

/// A whole number, not negative.
pub(crate) const WHOLE: Rule<u64> = Rule {
    says: "must be a whole number, not negative",
    read: |value| {
        let integer = value.as_integer()?;
        u64::from_str_radix(integer.as_str(), integer.radix()).ok()
    },
};

/// A whole number from 1 on that fits 32 bits.
pub(crate) const COUNT: Rule<u32> = Rule {
    says: "must be a whole number from 1 on",
    read: |value| (WHOLE.read)(value).and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0),
};

fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number = text[..digits].parse().ok()?;
    let unit = &text[digits..];
    Some((number, unit.strip_prefix(' ').unwrap_or(unit)))
}

/// The first and the last day on which a row holds, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first day.
    pub from: Date,
    /// The last day; `None` while no end is known.
    pub to: Option<Date>,
}

impl Validity {
    /// Whether the row holds on this day.
    pub fn holds(self, date: Date) -> bool {
        self.from <= date && self.to.is_none_or(|to| date <= to)
    }

    /// Whether some day is in both.
    pub fn overlaps(self, other: Validity) -> bool {
        let starts_in = |a: Validity, b: Validity| b.holds(a.from);
        starts_in(self, other) || starts_in(other, self)
    }

    /// Reads `valid_from` and `valid_to` of a section.
    pub(crate) fn read(section: &Section<'_>) -> Option<Validity> {
        let from = section.required("valid_from", &DATE);
        let to = section.optional("valid_to", &DATE);
        let validity = Validity { from: from?, to };
        if to.is_some_and(|to| to < validity.from) {
            section.wrong("valid_to", "must not lie before `valid_from`");
            return None;
        }
        Some(validity)
    }
}

/// A text as TOML writes it, in double quotes.
pub(crate) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value<T>(rule: &Rule<T>, source: &str) -> Option<T> {
        let text = format!("v = {source}");
        read_file(&text, "t.toml", |root| root.required("v", rule)).ok()
    }

    #[test]
    fn times_dates_lengths_sizes() {
        for (source, expected) in [
            ("16:00", Some((16, 0, 0))),
            ("16:00:05", Some((16, 0, 5))),
            ("\"07:30\"", Some((7, 30, 0))),
            ("\"07:30:59\"", Some((7, 30, 59))),
            ("\"7:30\"", None),
            ("\"24:00\"", None),
            ("\"16\"", None),
            ("\"16:+1\"", None),
            ("16", None),
            ("2026-01-01", None),
        ] {
            let expected = expected.map(|(h, m, s)| jiff::civil::time(h, m, s, 0));
            assert_eq!(value(&TIME_OF_DAY, source), expected, "{source}");
        }
        let new_year = Some(jiff::civil::date(2026, 1, 1));
        for (source, expected) in [
            ("2026-01-01", new_year),
            ("\"2026-01-01\"", new_year),
            ("2026-01-01T10:00:00", None),
            ("\"20260101\"", None),
            ("\"2026-02-29\"", None),
        ] {
            assert_eq!(value(&DATE, source), expected, "{source}");
        }
        for (source, secs) in [
            ("\"30s\"", Some(30)),
            ("\"15m\"", Some(900)),
            ("\"2h\"", Some(7_200)),
            ("\"2 h\"", Some(7_200)),
            ("\"2d\"", None),
            ("\"-2h\"", None),
            ("\"1.5h\"", None),
            ("\"h\"", None),
            ("\"18446744073709551615h\"", None),
            ("7200", None),
        ] {
            assert_eq!(value(&DURATION, source), secs.map(Duration::from_secs), "{source}");
        }
        for (source, bytes) in [
            ("65536", Some(65_536)),
            ("\"65536\"", Some(65_536)),
            ("\"85 MB\"", Some(85_000_000)),
            ("\"32MiB\"", Some(33_554_432)),
            ("\"1 GiB\"", Some(1 << 30)),
            ("\"1 mb\"", None),
            ("\"\"", None),
            ("-1", None),
        ] {
            assert_eq!(value(&BYTES, source), bytes, "{source}");
        }
        assert_eq!((value(&COUNT, "0"), value(&COUNT, "0x10"), value(&COUNT, "1.0")), (None, Some(16), None));
    }

    #[test]
    fn all_mistakes_of_a_file_in_their_order() {
        let text = "name = \"Ærø\"\n[a]\nx = \"æ\" # y = 2\nz = 3\n[[b]]\nx = 1\n[[b]]\n";
        let errors = read_file(text, "t.toml", |root| {
            root.required("name", &NAME);
            let a = root.required_section("a")?;
            a.required("x", &COUNT);
            a.finish();
            for b in root.sections("b") {
                b.required("x", &COUNT);
                b.finish();
            }
            root.required_section("c");
            Some(())
        })
        .unwrap_err();
        let expected = "\
t.toml:1:1: `c`: is missing; it must be a table
t.toml:1:8: `name` is \"Ærø\": must be a name of 1 to 35 small letters, digits and hyphens
t.toml:3:5: `a.x` is \"æ\": must be a whole number from 1 on
t.toml:4:1: `a.z`: is no key here; the keys are x
t.toml:7:1: `b[2].x`: is missing; it must be a whole number from 1 on";
        assert_eq!(errors.to_string(), expected);
    }

    #[test]
    fn what_is_no_toml_is_told_with_its_place() {
        let errors = read_file("a = 1\nb = \n", "t.toml", |_| Some(())).unwrap_err();
        assert_eq!(errors.0[0].place.map(|p| p.line), Some(2), "{errors}");
        assert_eq!(errors.0[0].key, "");
        let errors = read_file("a = 1\na = 2\n", "t.toml", |_| Some(())).unwrap_err();
        assert_eq!(errors.0[0].place, Some(Place { line: 2, column: 1 }), "{errors}");
    }

    #[test]
    fn an_answer_that_is_none_is_a_mistake_too() {
        let error = read_file::<()>("", "t.toml", |_| None).unwrap_err();
        assert_eq!(error.to_string(), "t.toml: could not be understood");
    }

    #[test]
    fn validities_meet() {
        let day = |n| jiff::civil::date(2026, 1, n);
        let valid = |from, to: i8| Validity { from: day(from), to: (to > 0).then(|| day(to)) };
        assert!(valid(1, 5).holds(day(1)) && valid(1, 5).holds(day(5)) && !valid(1, 5).holds(day(6)));
        assert!(valid(1, 0).overlaps(valid(9, 9)) && valid(9, 9).overlaps(valid(1, 0)));
        assert!(valid(1, 5).overlaps(valid(5, 6)) && !valid(1, 5).overlaps(valid(6, 0)));
    }

    proptest! {
        #[test]
        fn a_length_of_time_is_written_as_it_is_read(secs in 0..10_000_000_u64) {
            let duration = Duration::from_secs(secs);
            prop_assert_eq!(value(&DURATION, &quoted(&duration_text(duration))), Some(duration));
        }

        #[test]
        fn any_text_is_read_without_panic(text in "(?s)[ -~æøå\n\t\"\\[\\]=#.]{0,80}") {
            let _ = read_file(&text, "t.toml", |root| {
                root.list("a", &TEXT);
                root.sections("b").iter().for_each(Section::finish);
                root.section("c").map(|c| c.entries().len());
                Some(())
            });
        }
    }
}
