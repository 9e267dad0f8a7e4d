//! The catalogue as a table of texts, as a spreadsheet holds it, and back into its file.
//!
//! [`COLUMNS`] is the one table: a new field of a benefit is a row of it. What a cell may hold is judged by the rules of
//! the file itself ([`Catalogue::load`]), row by row on the lines of the same numbers. Never opens a file; never changes
//! a row of the file that the table does not.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde_json::Value;

use super::{Benefit, Catalogue};
use crate::domain::change::Change;
use crate::domain::reference::FileErrors;

/// How a file writes what stands in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Text,
    Whole,
    Day,
    Flag,
}

/// A column of the table, which is a key of `benefits.toml`.
#[derive(Debug)]
pub struct Column {
    /// Its name: the key.
    pub name: &'static str,
    form: Form,
    read: fn(&Benefit) -> Option<String>,
}

const fn column(name: &'static str, form: Form, read: fn(&Benefit) -> Option<String>) -> Column {
    Column { name, form, read }
}

fn flag(value: Option<bool>) -> Option<String> {
    value.map(|value| value.to_string())
}

/// The columns, in the order in which a file and an export have them.
pub const COLUMNS: &[Column] = &[
    column("code", Form::Text, |row| Some(row.code.to_string())),
    column("toek_key", Form::Text, |row| row.toek_key.clone()),
    column("nemkonto_ydelsesart", Form::Text, |row| Some(row.nemkonto_benefit.clone())),
    column("name", Form::Text, |row| Some(row.name.clone())),
    column("source_system", Form::Text, |row| Some(row.source_system.clone())),
    column("valid_from", Form::Day, |row| Some(row.validity.from.to_string())),
    column("valid_to", Form::Day, |row| row.validity.to.map(|day| day.to_string())),
    column("bank_account", Form::Text, |row| Some(row.bank_account.clone())),
    column("minimum_ore", Form::Whole, |row| row.minimum.map(|ore| ore.0.to_string())),
    column("maximum_ore", Form::Whole, |row| row.maximum.map(|ore| ore.0.to_string())),
    column("account_hint", Form::Text, |row| row.account_hint.clone()),
    column("payment_text", Form::Text, |row| row.payment_text.clone()),
    column("income", Form::Text, |row| row.tax.income.map(|income| income.text().to_owned())),
    column("am_contribution", Form::Flag, |row| flag(row.tax.am_contribution)),
    column("atp", Form::Flag, |row| flag(row.tax.atp)),
    column("op", Form::Flag, |row| flag(row.tax.op)),
    column("op_supplement", Form::Flag, |row| flag(row.tax.op_supplement)),
    column("offset_allowed", Form::Flag, |row| flag(row.repayment.offset_allowed)),
    column("payment_section", Form::Text, |row| row.repayment.payment_section.clone()),
    column("repayment_section", Form::Text, |row| row.repayment.repayment_section.clone()),
    column("psrm_claim_type", Form::Text, |row| row.repayment.psrm_claim_type.clone()),
];

/// Without these a row cannot be told from another.
const KEYS: [&str; 2] = ["code", "valid_from"];

impl Column {
    /// What a benefit has in this column.
    pub fn cell(&self, row: &Benefit) -> Option<String> {
        (self.read)(row)
    }

    /// The same for programs: numbers and flags as what they are.
    pub fn json(&self, row: &Benefit) -> Value {
        let Some(cell) = self.cell(row) else { return Value::Null };
        match self.form {
            Form::Text | Form::Day => Value::from(cell),
            Form::Whole => cell.parse::<i64>().map_or(Value::Null, Value::from),
            Form::Flag => Value::from(cell == "true"),
        }
    }

    /// What stands in a cell as a file writes it; what has not the column's form as a text, for the rules to refuse.
    fn toml(&self, cell: &str) -> String {
        let is_bare = match self.form {
            Form::Text => false,
            Form::Whole => cell.parse::<i64>().is_ok_and(|n| n.to_string() == cell),
            Form::Day => cell.parse::<Date>().is_ok_and(|day| day.to_string() == cell),
            Form::Flag => cell == "true" || cell == "false",
        };
        if is_bare { cell.to_owned() } else { on_one_line(cell) }
    }
}

/// A text in double quotes, whatever stands in it on one line.
fn on_one_line(text: &str) -> String {
    let escaped = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c.is_control() => format!("\\u{:04X}", u32::from(c)),
        c => c.to_string(),
    };
    format!("\"{}\"", text.chars().map(escaped).collect::<String>())
}

/// A table of texts: the first row has the names of the columns. Rows count from 1, as a spreadsheet shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Row by row. What is empty or not there is no value.
    pub rows: Vec<Vec<String>>,
}

/// What is wrong with a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellError {
    /// The row, from 1; `None` when it is about no row of the table.
    pub row: Option<u32>,
    /// The column, from 0.
    pub column: Option<usize>,
    /// The column's name, or that of the key at fault.
    pub name: String,
    /// What stands there.
    pub value: String,
    /// What should have.
    pub rule: String,
}

/// `A` to `Z`, then `AA`, as a spreadsheet names its columns.
pub fn letters(column: usize) -> String {
    let letter = char::from(b'A' + u8::try_from(column % 26).unwrap_or_default());
    match column / 26 {
        0 => letter.to_string(),
        more => letters(more - 1) + &letter.to_string(),
    }
}

impl Catalogue {
    /// The whole catalogue as a table, ascending by code and first day.
    pub fn table(&self) -> Table {
        let head = COLUMNS.iter().map(|column| column.name.to_owned()).collect();
        let row = |benefit| COLUMNS.iter().map(|column| column.cell(benefit).unwrap_or_default()).collect();
        Table { rows: std::iter::once(head).chain(self.iter().map(row)).collect() }
    }

    /// The catalogue that a table says. A column that the table has not keeps what this catalogue has there. `file` is the
    /// text of `benefits.toml`, for what no table says: the benefits of plain pairs. Unless `remove`, every row of this
    /// catalogue must be in the table.
    ///
    /// # Errors
    /// Everything that is wrong, cell by cell.
    pub fn by_table(&self, table: &Table, file: &str, remove: bool) -> Result<Catalogue, Vec<CellError>> {
        let columns = columns_of(table)?;
        let sheet = Sheet { table, columns, old: self };
        let wanted =
            Catalogue::load(&sheet.judged_text(file), "").map_err(|errors| sheet.cells_at(errors))?;
        if remove {
            return Ok(wanted);
        }
        let missing: Vec<CellError> =
            self.iter().filter(|row| wanted.row(row).is_none()).map(left_out).collect();
        if missing.is_empty() { Ok(wanted) } else { Err(missing) }
    }

    /// What is another in `new` than here, by benefit, period and field.
    pub fn changes(&self, new: &Catalogue) -> Vec<Change> {
        let key = |row: &Benefit| (row.code, row.validity.from);
        let mut keys: Vec<_> = self.iter().chain(new.iter()).map(key).collect();
        keys.sort_unstable();
        keys.dedup();
        let find =
            |catalogue: &'_ Catalogue, wanted| catalogue.iter().find(|row| key(row) == wanted).cloned();
        keys.into_iter().flat_map(|wanted| row_changes(find(self, wanted), find(new, wanted))).collect()
    }

    /// The text of `benefits.toml` for this catalogue, made of the text that there is: rows that are the same stay as they
    /// stand, comments included.
    ///
    /// # Errors
    /// Why the text cannot be changed row by row.
    pub fn file(&self, old: &Catalogue, text: &str) -> Result<String, String> {
        let blocks = blocks(text, "[[benefit]]");
        let mut old_rows: Vec<&Benefit> = old.iter().collect();
        old_rows.sort_by_key(|row| row.place.line);
        let stand = blocks.iter().filter(|block| block.is_row).map(|block| block.line);
        if !stand.eq(old_rows.iter().map(|row| row.place.line)) {
            return Err("its benefits must each begin with a line `[[benefit]]`".to_owned());
        }
        let mut fresh: Vec<&Benefit> = self.iter().filter(|row| old.row(row).is_none()).collect();
        let last_row = blocks.iter().rposition(|block| block.is_row).unwrap_or_default();
        let (mut written, mut rows) = (String::new(), old_rows.into_iter());
        for (n, block) in blocks.iter().enumerate() {
            let old_row = if block.is_row { rows.next() } else { None };
            let Some(old_row) = old_row else {
                written.push_str(block.text);
                continue;
            };
            match self.row(old_row) {
                Some(row) if cells(row) == cells(old_row) => written.push_str(block.text),
                Some(row) => written.push_str(&block_of(row)),
                None => {}
            }
            let is_last = !rows.as_slice().iter().any(|later| later.code == old_row.code);
            let follows = |row: &&Benefit| n == last_row || is_last && row.code == old_row.code;
            for row in fresh.iter().filter(|row| follows(row)) {
                if !written.ends_with("\n\n") {
                    written.push_str(if written.ends_with('\n') { "\n" } else { "\n\n" });
                }
                written.push_str(&block_of(row));
            }
            fresh.retain(|row| !follows(row));
        }
        match Catalogue::load(&written, "") {
            Ok(read) if read.says_the_same_as(self) => Ok(written),
            Ok(_) => Err("it could not be changed row by row".to_owned()),
            Err(errors) => Err(format!("changed row by row it would be wrong: {errors}")),
        }
    }

    /// The row of the same code and first day.
    fn row(&self, other: &Benefit) -> Option<&Benefit> {
        self.iter().find(|row| row.code == other.code && row.validity.from == other.validity.from)
    }

    fn says_the_same_as(&self, other: &Catalogue) -> bool {
        self.iter().map(cells).eq(other.iter().map(cells)) && self.pair_defaults == other.pair_defaults
    }
}

fn cells(row: &Benefit) -> Vec<Option<String>> {
    COLUMNS.iter().map(|column| column.cell(row)).collect()
}

/// `0201 from 2026-01-01`.
pub fn subject(row: &Benefit) -> String {
    format!("{} from {}", row.code, row.validity.from)
}

fn left_out(row: &Benefit) -> CellError {
    let rule = format!("{} is not in the file; `--remove` takes out what is not there", subject(row));
    CellError { row: None, column: None, name: String::new(), value: String::new(), rule }
}

fn row_changes(old: Option<Benefit>, new: Option<Benefit>) -> Vec<Change> {
    let Some(of) = new.as_ref().or(old.as_ref()).map(subject) else { return Vec::new() };
    let change = |column: &Column| {
        let was = old.as_ref().and_then(|row| column.cell(row));
        let becomes = new.as_ref().and_then(|row| column.cell(row));
        let differs = was != becomes;
        differs.then(|| Change { subject: of.clone(), field: column.name.to_owned(), was, becomes })
    };
    COLUMNS.iter().filter_map(change).collect()
}

/// A row as the file writes it, with an empty line behind.
fn block_of(row: &Benefit) -> String {
    let line = |column: &Column| Some(format!("{} = {}\n", column.name, column.toml(&column.cell(row)?)));
    format!("[[benefit]]\n{}\n", COLUMNS.iter().filter_map(line).collect::<String>())
}

/// A piece of a file: what stands before its first table, or a table with all that follows it.
#[derive(Debug)]
pub(crate) struct Block<'a> {
    /// Where it begins, from 1.
    pub(crate) line: u32,
    pub(crate) text: &'a str,
    /// Whether it begins with one of the headers asked for.
    pub(crate) is_row: bool,
}

/// Cuts a file before each line that begins a table.
pub(crate) fn blocks<'a>(text: &'a str, header: &str) -> Vec<Block<'a>> {
    let mut found = vec![Block { line: 1, text: "", is_row: false }];
    let (mut start, mut at, mut line) = (0, 0, 1);
    for source in text.split_inclusive('\n') {
        let word = source.split('#').next().unwrap_or_default().trim();
        if word.starts_with('[') {
            if let Some(last) = found.last_mut() {
                last.text = &text[start..at];
            }
            start = at;
            let is_row = word.chars().filter(|c| !c.is_whitespace()).eq(header.chars());
            found.push(Block { line, text: "", is_row });
        }
        at += source.len();
        line += 1;
    }
    if let Some(last) = found.last_mut() {
        last.text = &text[start..];
    }
    found
}

/// For each column of the table which of [`COLUMNS`] it is.
fn columns_of(table: &Table) -> Result<Vec<&'static Column>, Vec<CellError>> {
    let head = table.rows.first().map(Vec::as_slice).unwrap_or_default();
    let (mut columns, mut errors) = (Vec::new(), Vec::new());
    let wrong = |column: Option<usize>, value: &str, rule: String| {
        let (name, value) = (value.to_owned(), value.to_owned());
        CellError { row: Some(1), column, name, value, rule }
    };
    for (n, name) in head.iter().enumerate() {
        match COLUMNS.iter().find(|column| column.name == name) {
            None => {
                let names: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
                errors.push(wrong(
                    Some(n),
                    name,
                    format!("is no column; the columns are {}", names.join(", ")),
                ));
            }
            Some(_) if head[..n].contains(name) => {
                errors.push(wrong(Some(n), name, "is a column further left".to_owned()));
            }
            Some(column) => columns.push(column),
        }
    }
    for key in KEYS.into_iter().filter(|key| !head.iter().any(|name| name == key)) {
        errors.push(CellError {
            name: key.to_owned(),
            ..wrong(None, "", format!("must have a column `{key}`"))
        });
    }
    if errors.is_empty() { Ok(columns) } else { Err(errors) }
}

/// A table under judgement.
struct Sheet<'a> {
    table: &'a Table,
    columns: Vec<&'static Column>,
    old: &'a Catalogue,
}

impl Sheet<'_> {
    /// The table as a file, each row on the line of its number, so that what errors say of lines holds for rows.
    fn judged_text(&self, file: &str) -> String {
        let mut text = String::from("benefit = [\n");
        for row in self.table.rows.iter().skip(1) {
            let pairs = self.pairs(row);
            if !pairs.is_empty() {
                text.push_str(&format!("{{ {} }},", pairs.join(", ")));
            }
            text.push('\n');
        }
        text.push_str("]\n");
        let others = blocks(file, "[[pair_default]]").into_iter().filter(|block| block.is_row);
        text.extend(others.map(|block| format!("{}\n", block.text)));
        text
    }

    fn pairs(&self, row: &[String]) -> Vec<String> {
        if row.iter().all(String::is_empty) {
            return Vec::new();
        }
        let pair = |column: &Column, cell: &str| format!("{} = {}", column.name, column.toml(cell));
        let here = self.columns.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
        let mut pairs: Vec<String> = here.map(|(column, cell)| pair(column, cell)).collect();
        let extra = row.iter().skip(self.columns.len()).find(|cell| !cell.is_empty());
        pairs.extend(extra.map(|cell| format!("\"\" = {}", on_one_line(cell))));
        if let Some(old) = self.old_row(row) {
            let absent =
                COLUMNS.iter().filter(|column| !self.columns.iter().any(|own| own.name == column.name));
            pairs.extend(absent.filter_map(|column| Some(pair(column, &column.cell(old)?))));
        }
        pairs
    }

    fn old_row(&self, row: &[String]) -> Option<&Benefit> {
        let of =
            |name| self.columns.iter().zip(row).find(|(column, _)| column.name == name).map(|(_, cell)| cell);
        let (code, from) = (of(KEYS[0])?, of(KEYS[1])?);
        self.old.iter().find(|old| old.code.to_string() == *code && old.validity.from.to_string() == *from)
    }

    /// What the rules said of the lines, said of the cells.
    fn cells_at(&self, errors: FileErrors) -> Vec<CellError> {
        let mut found = BTreeMap::new();
        for (n, error) in errors.0.into_iter().enumerate() {
            let name = error.key.rsplit('.').next().unwrap_or_default().trim_matches('"').to_owned();
            let row = error.place.map(|place| place.line);
            let row = row.filter(|row| (2..=self.table.rows.len()).contains(&(*row as usize)));
            let column = match (row, name.as_str()) {
                (Some(_), "") => Some(self.columns.len()),
                (Some(_), name) => self.columns.iter().position(|column| column.name == name),
                (None, _) => None,
            };
            let value = match (row, column) {
                (Some(row), Some(column)) => {
                    self.table.rows[row as usize - 1].get(column).cloned().unwrap_or_default()
                }
                _ => error.value,
            };
            let rule = match (row, name.as_str()) {
                (Some(_), "") => "must be under the name of a column".to_owned(),
                _ => error.rule.replace(" in line ", " in row "),
            };
            found.insert((row, column, n), CellError { row, column, name, value, rule });
        }
        found.into_values().collect()
    }
}

#[cfg(test)]
mod tests;
