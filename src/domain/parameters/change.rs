//! Another value of a parameter from a day on, as a change of `parameters.toml`. Everything here goes by the table
//! [`PARAMETERS`]: no parameter is known by name. Never opens a file; lines that the change is not about stay.

use jiff::civil::Date;
use toek_formats::vocabulary::MunicipalityCode;
use toml::de::DeTable;

use super::{NO_MUNICIPALITY, PARAMETERS, Parameter, Parameters, Row, Settings};
use crate::domain::change::Change;
use crate::domain::reference::{FileErrors, Validity, quoted};

/// A value that one level sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// For which municipality; `None` is for all.
    pub municipality: Option<MunicipalityCode>,
    /// For whose records; `None` is for everybody's.
    pub supplier: Option<String>,
    /// When it holds.
    pub validity: Validity,
    /// The value, as a file writes it.
    pub value: String,
}

/// Another value of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetTo {
    /// Its name.
    pub name: &'static str,
    /// The value, as a file writes it.
    pub value: String,
    /// For which municipality; `None` is for all.
    pub municipality: Option<MunicipalityCode>,
    /// From which day on.
    pub from: Date,
}

/// Why a parameter cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSettable {
    /// There is none of this name.
    #[error("`{0}` is no parameter: `toek parameters list` shows them")]
    Unknown(String),
    /// The table does not allow the value.
    #[error("`{name}` is {value}: must be {takes}")]
    Value {
        /// The parameter.
        name: &'static str,
        /// What was given.
        value: String,
        /// What it takes.
        takes: String,
    },
    /// It holds that value from that day on already.
    #[error("`{0}` is set to that from that day on already")]
    Already(&'static str),
    /// The file would break its own rules.
    #[error("with it the file would be wrong: {0}")]
    Wrong(FileErrors),
    /// The file is not written line by line.
    #[error("parameters.toml cannot be changed line by line: {0}")]
    File(String),
}

/// The row of the table of this name.
///
/// # Errors
/// When there is none.
pub fn find(name: &str) -> Result<&'static Parameter, NotSettable> {
    let found = PARAMETERS.iter().find(|parameter| parameter.name == name);
    found.ok_or_else(|| NotSettable::Unknown(name.to_owned()))
}

impl Parameter {
    /// A value as a person gives it, with or without quotes, as a file writes it.
    ///
    /// # Errors
    /// When the table does not allow it.
    pub fn value(&self, text: &str) -> Result<String, NotSettable> {
        let read = |toml: &str| {
            let source = format!("v = {toml}");
            let table = DeTable::parse(&source).ok().filter(|table| table.get_ref().len() == 1)?;
            let mut settings = Settings::default();
            (self.read)(table.get_ref().get("v").map(|value| value.get_ref())?, &mut settings)?;
            Some((self.write)(&settings))
        };
        let wrong = || NotSettable::Value { name: self.name, value: text.to_owned(), takes: (self.takes)() };
        read(text).or_else(|| read(&quoted(text))).ok_or_else(wrong)
    }

    /// Its value among others, as a file writes it.
    pub fn of(&self, settings: &Settings) -> String {
        (self.write)(settings)
    }
}

impl Parameters {
    /// Every value that the file sets of a parameter, by level and day.
    pub fn sets(&self, parameter: &Parameter) -> Vec<Set> {
        let row = |row: &Row| Set {
            municipality: row.municipality,
            supplier: row.supplier.map(|id| id.to_string()),
            validity: row.validity,
            value: parameter.of(&row.values),
        };
        let sets = |row: &&Row| row.sets.iter().any(|(n, _)| PARAMETERS[*n].name == parameter.name);
        let mut found: Vec<Set> = self.rows.iter().filter(sets).map(row).collect();
        found.sort_by_key(|set| (set.municipality, set.supplier.clone(), set.validity.from));
        found
    }

    /// The value in force for a municipality, or for all others, on a day, and which row sets it; `None` is the default.
    pub fn in_force(
        &self,
        parameter: &Parameter,
        municipality: Option<MunicipalityCode>,
        day: Date,
    ) -> (String, Option<Set>) {
        let value = parameter.of(&self.at(municipality.unwrap_or(NO_MUNICIPALITY), day));
        let sets = self.sets(parameter).into_iter();
        let here = sets.filter(|set| {
            let reaches = set.municipality.is_none() || set.municipality == municipality;
            reaches && set.supplier.is_none() && set.validity.holds(day)
        });
        (value, here.max_by_key(|set| set.municipality.is_some()))
    }

    /// What a new value changes, and the text of the file with it. It holds until the next value of the same level
    /// begins, or for ever; a value that held on its first day ends the day before.
    ///
    /// # Errors
    /// When it changes nothing, or the text cannot be changed line by line.
    pub fn set(&self, wanted: &SetTo, text: &str) -> Result<(Change, String), NotSettable> {
        let parameter = find(wanted.name)?;
        let (was, _) = self.in_force(parameter, wanted.municipality, wanted.from);
        let own: Vec<Set> =
            self.sets(parameter).into_iter().filter(|set| wanted.is_at_level_of(set)).collect();
        let until = own.iter().map(|set| set.validity.from).filter(|day| *day > wanted.from).min();
        let until = until.and_then(|day| day.yesterday().ok());
        let validity = Validity { from: wanted.from, to: until };
        let holding = own.iter().find(|set| set.validity.holds(wanted.from));
        if holding.is_some_and(|set| set.value == wanted.value && set.validity.to == until) {
            return Err(NotSettable::Already(parameter.name));
        }
        let changed = self.text_with(wanted, validity, text)?;
        let becomes = Some(wanted.value.clone());
        let change = Change {
            subject: wanted.subject(validity),
            field: parameter.name.to_owned(),
            was: Some(was),
            becomes,
        };
        Ok((change, changed))
    }

    fn text_with(&self, wanted: &SetTo, validity: Validity, text: &str) -> Result<String, NotSettable> {
        let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
        let mut added = String::new();
        for row in self.rows.iter().filter(|row| wanted.is_set_by(row)) {
            let Some((_, line)) = row.sets.iter().find(|(n, _)| PARAMETERS[*n].name == wanted.name) else {
                continue;
            };
            let at = *line as usize - 1;
            let key = lines.get(at).and_then(|line| line.split('=').next()).unwrap_or_default().trim();
            if key != wanted.name {
                return Err(NotSettable::File(format!(
                    "line {line} does not begin with `{} =`",
                    wanted.name
                )));
            }
            lines[at] = "";
            if row.sets.len() == 1 {
                take_out(&mut lines, row.begins as usize - 1);
            }
            let parameter = find(wanted.name)?;
            if let (true, Ok(to)) = (row.validity.from < wanted.from, wanted.from.yesterday()) {
                let before = Validity { from: row.validity.from, to: Some(to) };
                added.push_str(&wanted.block(before, &parameter.of(&row.values)));
            }
        }
        added.push_str(&wanted.block(validity, &wanted.value));
        let kept: String = lines.concat();
        let gap = if kept.is_empty() || kept.ends_with('\n') { "" } else { "\n" };
        let changed = format!("{kept}{gap}{added}");
        Parameters::load(&changed, "parameters.toml").map_err(NotSettable::Wrong)?;
        Ok(changed)
    }
}

/// Takes a table's header and the rest of its keys out; comments below it stay.
fn take_out(lines: &mut [&str], header: usize) {
    lines[header] = "";
    for line in lines[header + 1..].iter_mut().take_while(|line| !line.trim_start().starts_with('[')) {
        if !line.trim_start().starts_with('#') {
            *line = "";
        }
    }
}

impl SetTo {
    fn is_at_level_of(&self, set: &Set) -> bool {
        set.municipality == self.municipality && set.supplier.is_none()
    }

    /// Whether a row holds the value that the new one ends or takes the place of.
    fn is_set_by(&self, row: &Row) -> bool {
        row.municipality == self.municipality && row.supplier.is_none() && row.validity.holds(self.from)
    }

    /// `central from 2026-03-01`, `0751 from 2026-03-01 to 2026-03-31`.
    fn subject(&self, validity: Validity) -> String {
        let whose = self.municipality.map_or_else(|| "central".to_owned(), |code| code.to_string());
        let to = validity.to.map(|day| format!(" to {day}")).unwrap_or_default();
        format!("{whose} from {}{to}", validity.from)
    }

    fn block(&self, validity: Validity, value: &str) -> String {
        let head = match self.municipality {
            None => "[[central]]\n".to_owned(),
            Some(code) => format!("[[municipality]]\ncode = \"{code}\"\n"),
        };
        let to = validity.to.map(|day| format!("valid_to = {day}\n")).unwrap_or_default();
        format!("\n{head}valid_from = {}\n{to}{} = {value}\n", validity.from, self.name)
    }
}

#[cfg(test)]
mod tests;
