//! Control files of case systems: which files they sent, with how many records and over how much (feature 3.1.1).
//!
//! The format is ASSUMED, and agreed with nobody: lines of semicolon-separated values, the columns of [`COLUMNS`] named in
//! the first. Amounts have a point and two decimals. A later word on a file takes the place of an earlier one; one of no
//! records over nothing says that the file is not to come. One bad line refuses the file.

use jiff::civil::Date;

use crate::vocabulary::Ore;
use crate::xml::forms::read_date;

/// The columns, in order. ASSUMED.
pub const COLUMNS: [&str; 5] = ["sender", "file", "records", "sum", "day"];

/// The most lines of a file. ASSUMED.
pub const MOST_LINES: usize = 10_000;

/// What was sent in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The case system, as it calls itself.
    pub sender: String,
    /// The file's name.
    pub file: String,
    /// Its data records.
    pub records: u32,
    /// The sum of their amounts, those that take back subtracted.
    pub sum: Ore,
    /// The day it was sent.
    pub day: Date,
}

/// What is wrong with a control file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: `{column}` {rule}")]
pub struct Fault {
    /// From 1.
    pub line: usize,
    /// Which column.
    pub column: &'static str,
    /// What must hold.
    pub rule: &'static str,
}

/// Reads a control file.
///
/// # Errors
/// The first fault.
pub fn read(text: &str) -> Result<Vec<Row>, Fault> {
    let mut lines = text.strip_prefix('\u{FEFF}').unwrap_or(text).lines();
    if lines.next() != Some(COLUMNS.join(";").as_str()) {
        return Err(Fault {
            line: 1,
            column: COLUMNS[0],
            rule: "must begin the line that names all columns",
        });
    }
    let mut rows: Vec<Row> = Vec::new();
    for (line, text) in (2..).zip(lines) {
        let fault = |place: usize, rule| Fault { line, column: COLUMNS[place], rule };
        if line > MOST_LINES {
            return Err(fault(0, "stands on more lines than a file may have"));
        }
        let cells: Vec<&str> = text.split(';').collect();
        let [sender, file, records, sum, day] = cells[..] else {
            return Err(fault(0, "must begin a line of five values"));
        };
        let is_word = |text: &str, most: usize| {
            !text.is_empty() && text.len() <= most && text.bytes().all(|b| b.is_ascii_graphic())
        };
        if !is_word(sender, 35) {
            return Err(fault(0, "must be 1 to 35 signs without blanks"));
        }
        if !is_word(file, 200) {
            return Err(fault(1, "must be 1 to 200 signs without blanks"));
        }
        if rows.iter().any(|row| row.file == file) {
            return Err(fault(1, "must name each file once"));
        }
        let digits = records.bytes().all(|b| b.is_ascii_digit()) && records.len() <= 7;
        let records = records.parse().ok().filter(|_| digits);
        let has_two = sum.split_once('.').is_some_and(|(_, cents)| cents.len() == 2);
        let sum = Ore::parse_decimal(sum).ok().filter(|_| has_two);
        rows.push(Row {
            sender: sender.to_owned(),
            file: file.to_owned(),
            records: records.ok_or_else(|| fault(2, "must be a number of at most 7 digits"))?,
            sum: sum.ok_or_else(|| fault(3, "must be an amount with a point and two decimals"))?,
            day: read_date(day).ok_or_else(|| fault(4, "must be a day such as 2026-03-02"))?,
        });
    }
    if rows.is_empty() {
        return Err(Fault { line: 2, column: COLUMNS[0], rule: "is missing: the file names no file" });
    }
    Ok(rows)
}

/// Writes a control file, for tests and simulations.
pub fn write(rows: &[Row]) -> String {
    let mut text = COLUMNS.join(";") + "\n";
    for Row { sender, file, records, sum, day } in rows {
        text += &format!("{sender};{file};{records};{};{day}\n", sum.decimal2());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_wrong_is_named() {
        let table = [
            ("", 1, "sender"),
            ("sender;file;records;sum\n", 1, "sender"),
            ("sender;file;records;sum;day\n", 2, "sender"),
            ("sender;file;records;sum;day\nKSD;a.g68;1;1.00\n", 2, "sender"),
            ("sender;file;records;sum;day\nK D;a.g68;1;1.00;2026-03-02\n", 2, "sender"),
            ("sender;file;records;sum;day\nKSD;;1;1.00;2026-03-02\n", 2, "file"),
            ("sender;file;records;sum;day\nKSD;a.g68;+1;1.00;2026-03-02\n", 2, "records"),
            ("sender;file;records;sum;day\nKSD;a.g68;1;1,00;2026-03-02\n", 2, "sum"),
            ("sender;file;records;sum;day\nKSD;a.g68;1;1.0;2026-03-02\n", 2, "sum"),
            ("sender;file;records;sum;day\nKSD;a.g68;1;1.00;2026-02-30\n", 2, "day"),
            ("sender;file;records;sum;day\nKSD;a;1;1.00;2026-03-02\nKSD;a;1;1.00;2026-03-02\n", 3, "file"),
        ];
        for (text, line, column) in table {
            let fault = read(text).unwrap_err();
            assert_eq!((fault.line, fault.column), (line, column), "{text:?}: {fault}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            rows in proptest::collection::btree_map("[A-Za-z0-9_.-]{1,40}", (0_u32..9_999_999, -1_000_000_000_000_i64..1_000_000_000_000, 1_i8..29), 1..20)
        ) {
            let rows: Vec<Row> = rows.into_iter().map(|(file, (records, sum, day))| Row {
                sender: "KSD".to_owned(), file, records, sum: Ore(sum), day: jiff::civil::date(2026, 3, day),
            }).collect();
            prop_assert_eq!(read(&write(&rows)), Ok(rows));
        }
    }
}
