//! Tables of texts from and to spreadsheets: CSV as a Danish Excel writes it (`;`, UTF-8 with its mark; commas are read
//! too), and XLSX. Knows nothing of what stands in them.

use std::io::Cursor;
use std::path::Path;

use anyhow::{Context as _, bail};
use calamine::{DataRef, Reader as _, Xlsx};
use jiff::civil::Date;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook};
use toek_adapters::disk::{Disk, RealDisk};

use crate::domain::catalogue::table::Table;

/// The most rows and columns that are read: a cell further out is a mistake, and costs no memory.
const ROWS: usize = 10_000;
const COLUMNS: usize = 200;
/// The largest file that is read, bytes.
const LARGEST: u64 = 16 << 20;
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Which kind a file is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Csv,
    Xlsx,
}

fn kind_of(path: &Path) -> anyhow::Result<Kind> {
    match path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase).as_deref() {
        Some("csv") => Ok(Kind::Csv),
        Some("xlsx") => Ok(Kind::Xlsx),
        _ => bail!("{}: its name must end in .csv or .xlsx", path.display()),
    }
}

/// A table, and the name of the sheet that it stands on.
#[derive(Debug)]
pub(super) struct Read {
    /// `None` for CSV, which has no sheets.
    pub(super) sheet: Option<String>,
    pub(super) table: Table,
}

/// Reads the first sheet of a file.
pub(super) fn read(path: &Path) -> anyhow::Result<Read> {
    let kind = kind_of(path)?;
    if RealDisk.entry(path)?.is_some_and(|entry| entry.size > LARGEST) {
        bail!("{} is larger than {LARGEST} bytes", path.display());
    }
    let bytes = RealDisk.read(path)?;
    let read = match kind {
        Kind::Csv => read_csv(&bytes).map(|table| Read { sheet: None, table }),
        Kind::Xlsx => read_xlsx(bytes),
    };
    read.with_context(|| format!("{} cannot be read", path.display()))
}

fn read_csv(bytes: &[u8]) -> anyhow::Result<Table> {
    let text = std::str::from_utf8(bytes).context("it is not in UTF-8: save it as \"CSV UTF-8\"")?;
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let head = text.lines().next().unwrap_or_default();
    let delimiter = if head.contains(';') { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    let mut table = Table::default();
    for record in reader.records() {
        let record = record?;
        // An empty line is a row for a spreadsheet, and none for the reader.
        let start = record.position().map_or(0, csv::Position::byte) as usize;
        for _ in 0..empty_lines(text, start) {
            table.rows.push(Vec::new());
        }
        table.rows.push(record.iter().map(str::to_owned).collect());
        in_bounds(table.rows.len() - 1, record.len().saturating_sub(1))?;
    }
    Ok(table)
}

/// How many lines from here on are empty. The reader may stand between the two halves of a line's end.
fn empty_lines(text: &str, start: usize) -> usize {
    let (before, rest) = text.split_at_checked(start).unwrap_or((text, ""));
    let rest = if before.ends_with('\r') { rest.strip_prefix('\n').unwrap_or(rest) } else { rest };
    let ends = rest.len() - rest.trim_start_matches(['\r', '\n']).len();
    rest[..ends].replace("\r\n", "\n").len()
}

fn in_bounds(row: usize, column: usize) -> anyhow::Result<()> {
    if row >= ROWS || column >= COLUMNS {
        bail!("it has something beyond row {ROWS} or column {COLUMNS}");
    }
    Ok(())
}

fn read_xlsx(bytes: Vec<u8>) -> anyhow::Result<Read> {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes))?;
    let sheet = book.sheet_names().first().cloned().context("it has no sheet")?;
    let mut table = Table::default();
    let mut cells = book.worksheet_cells_reader(&sheet)?;
    while let Some(cell) = cells.next_cell()? {
        let (row, column) = cell.get_position();
        let (row, column) = (row as usize, column as usize);
        let text = text_of(cell.get_value());
        if text.is_empty() {
            continue;
        }
        in_bounds(row, column)?;
        if table.rows.len() <= row {
            table.rows.resize(row + 1, Vec::new());
        }
        let cells = &mut table.rows[row];
        if cells.len() <= column {
            cells.resize(column + 1, String::new());
        }
        cells[column] = text;
    }
    Ok(Read { sheet: Some(sheet), table })
}

/// What a person sees in the cell, but for formats: 101 where a code lost its zero, 2026-03-01 for a day.
fn text_of(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Empty => String::new(),
        DataRef::Int(n) => n.to_string(),
        DataRef::Float(n) => n.to_string(),
        DataRef::String(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(flag) => flag.to_string(),
        DataRef::DateTime(moment) => {
            let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
            let is_day = moment.is_datetime() && (hour, minute, second) == (0, 0, 0);
            if is_day { format!("{year:04}-{month:02}-{day:02}") } else { moment.as_f64().to_string() }
        }
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::Error(error) => error.to_string(),
    }
}

/// Writes a table, all of it as texts, so that a code keeps its zeros. `today`: when an XLSX says it was made.
pub(super) fn write(path: &Path, sheet: &str, table: &Table, today: Date) -> anyhow::Result<()> {
    let bytes = match kind_of(path)? {
        Kind::Csv => csv_bytes(table)?,
        Kind::Xlsx => xlsx_bytes(sheet, table, today)?,
    };
    Ok(RealDisk.write_atomically(path, &bytes)?)
}

fn csv_bytes(table: &Table) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new()
        .delimiter(b';')
        .terminator(csv::Terminator::CRLF)
        .from_writer(BYTE_ORDER_MARK.as_bytes().to_vec());
    for row in &table.rows {
        writer.write_record(row)?;
    }
    Ok(writer.into_inner()?)
}

fn xlsx_bytes(sheet: &str, table: &Table, today: Date) -> anyhow::Result<Vec<u8>> {
    let mut book = Workbook::new();
    let made = ExcelDateTime::parse_from_str(&today.to_string())?;
    book.set_properties(&DocProperties::new().set_creation_datetime(&made));
    let page = book.add_worksheet();
    page.set_name(sheet)?;
    let (text, heading) = (Format::new().set_num_format("@"), Format::new().set_num_format("@").set_bold());
    for (n, row) in (0_u32..).zip(&table.rows) {
        let format = if n == 0 { &heading } else { &text };
        for (column, cell) in (0_u16..).zip(row) {
            match cell.is_empty() {
                true => page.write_blank(n, column, format)?,
                false => page.write_string_with_format(n, column, cell, format)?,
            };
        }
    }
    page.set_freeze_panes(1, 0)?.autofit();
    Ok(book.save_to_buffer()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[&[&str]]) -> Table {
        Table { rows: rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect() }
    }

    const DAY: Date = jiff::civil::date(2026, 3, 2);

    #[test]
    fn what_is_written_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let written =
            table(&[&["code", "name", "x"], &["0101", "Æ; \"ø\", å", ""], &["007", "=1+1", "2026-03-01"]]);
        for name in ["a.csv", "a.xlsx", "A.XLSX"] {
            let path = dir.path().join(name);
            write(&path, "benefits", &written, DAY).unwrap();
            let mut read = read(&path).unwrap();
            read.table.rows.iter_mut().for_each(|row| row.resize(3, String::new()));
            assert_eq!(read.table, written, "{name}");
            assert_eq!(read.sheet.is_some(), name != "a.csv");
            let bytes = RealDisk.read(&path).unwrap();
            write(&path, "benefits", &written, DAY).unwrap();
            assert_eq!(RealDisk.read(&path).unwrap(), bytes, "{name}: the same bytes for the same table");
        }
        assert!(write(&dir.path().join("a.ods"), "b", &written, DAY).is_err());
    }

    #[test]
    fn cells_as_people_type_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.xlsx");
        let mut book = Workbook::new();
        let page = book.add_worksheet();
        let day = Format::new().set_num_format("dd-mm-yyyy");
        let moment = ExcelDateTime::from_ymd(2026, 3, 1).unwrap();
        page.write_number(1, 0, 101).unwrap();
        page.write_datetime_with_format(1, 1, &moment, &day).unwrap();
        page.write_boolean(1, 2, true).unwrap();
        page.write_number_with_format(1, 3, 150_000, &Format::new().set_num_format("#,##0")).unwrap();
        page.write_number(3, 4, 1.5).unwrap();
        book.save(&path).unwrap();
        let read = read(&path).unwrap();
        let expected = table(&[&[], &["101", "2026-03-01", "true", "150000"], &[], &["", "", "", "", "1.5"]]);
        assert_eq!((read.table, read.sheet), (expected, Some("Sheet1".to_owned())));
    }

    #[test]
    fn csv_of_others() {
        for text in ["a,b\n1,2\n\n3,4\n", "\u{feff}a;b\r\n1;2\r\n\r\n3;4\r\n", "a;b\n1;2\n\n3;4"] {
            let expected = table(&[&["a", "b"], &["1", "2"], &[], &["3", "4"]]);
            assert_eq!(read_csv(text.as_bytes()).unwrap(), expected, "{text:?}");
        }
        let broken = "a;b\n\"1\n2\";x\n3;4\n";
        assert_eq!(read_csv(broken.as_bytes()).unwrap(), table(&[&["a", "b"], &["1\n2", "x"], &["3", "4"]]));
        assert!(read_csv(b"a;b\n\xe6;1\n").unwrap_err().to_string().contains("UTF-8"));
    }

    #[test]
    fn what_is_too_far_out_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.xlsx");
        let mut book = Workbook::new();
        book.add_worksheet().write_string(1_048_575, 16_383, "x").unwrap();
        book.save(&path).unwrap();
        assert!(format!("{:#}", read(&path).unwrap_err()).contains("beyond row"));
        RealDisk.write_atomically(&path, b"no zip at all").unwrap();
        assert!(read(&path).is_err());
    }
}
