//! Record layouts as data: a TOML table is the format; reader, writer, error positions and documentation come from it.
//!
//! Start with [`Layout::load`], then [`bytes`] (the primitives every reader is built of). A layout that loads is
//! seamless: no gap, no overlap, no field the code does not know. Knows no format: a format brings its [`Slot`]s.
//! Never reads a file and never guesses: a table that does not add up is refused with its line and column.

pub mod bytes;
mod class;
mod document;
mod source;

pub use class::{Class, account_byte, ident_code};
pub use source::{LayoutError, LayoutProblem};

use std::fmt::{self, Write as _};

use nom::{IResult, Parser, bytes::complete::take, combinator::all_consuming};

/// The fields a format's code knows by name. A table places them; it cannot invent one.
pub trait Slot: Copy + Eq + fmt::Debug + 'static {
    /// Every slot, in the order of the printed description.
    const ALL: &'static [Self];
    /// The names of the records the table must hold.
    const RECORDS: &'static [&'static str];

    /// The name in the table and in error messages.
    fn name(self) -> &'static str;

    /// Whether the code can read the field in this shape.
    ///
    /// # Errors
    /// One sentence that says what the code needs.
    fn accepts(self, field: &Field<Self>) -> Result<(), &'static str>;
}

/// In which forms of a record a field must be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mandatory {
    /// In none.
    No,
    /// In the fixed form; the floating form may take it from elsewhere.
    Fixed,
    /// In every form.
    Both,
}

/// How far a field is known from public sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Stated in, or observable from, a public source.
    Confirmed,
    /// Decided in our specification.
    Assumed,
}

/// One field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field<S> {
    /// Which field it is.
    pub slot: S,
    /// First column, 1-based; 0 when the field occurs in the floating form only.
    pub from: u16,
    /// Last column, included; 0 when the field occurs in the floating form only.
    pub to: u16,
    /// Columns in the fixed form; the most characters in the floating form.
    pub length: u16,
    /// What it may hold.
    pub class: Class,
    /// Where it must be given.
    pub mandatory: Mandatory,
    /// All zeros is a value and not "not given".
    pub zero_is_value: bool,
    /// Never shown in clear.
    pub personal: bool,
    /// First and last field number in the floating form.
    pub numbers: Option<(u16, u16)>,
    /// Confirmed or assumed.
    pub status: Status,
    /// One line.
    pub meaning: String,
}

impl<S> Field<S> {
    /// Whether the field has columns of its own.
    pub fn is_placed(&self) -> bool {
        self.from > 0
    }
}

/// One record of a layout. Fields with columns come first, in column order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<S> {
    /// The name in the table.
    pub name: &'static str,
    /// What it is, for people.
    pub title: String,
    /// Columns of the fixed form; `None` for a record of floating fields only.
    pub length: Option<u16>,
    /// Its fields.
    pub fields: Vec<Field<S>>,
}

/// A field of a fixed record that does not hold what its class says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misfit<S> {
    /// Which field.
    pub slot: S,
    /// First column, 1-based.
    pub from: u16,
    /// Last column.
    pub to: u16,
}

impl<S: Slot> Record<S> {
    /// The field of a slot, if the record has it.
    pub fn field(&self, slot: S) -> Option<&Field<S>> {
        self.fields.iter().find(|field| field.slot == slot)
    }

    /// The last column of the fields that a fixed record must hold: a shorter one has lost more than blanks.
    pub fn shortest(&self) -> u16 {
        let mandatory = self.fields.iter().filter(|field| field.mandatory != Mandatory::No);
        mandatory.map(|field| field.to).max().unwrap_or(0)
    }

    /// Cuts a fixed record into its fields, each held against its class. Blanks stand for what `bytes` lacks at
    /// the end. For headers and tools: a bulk reader compiles the table into a plan of its own.
    ///
    /// # Errors
    /// The first field that does not hold what its class says; the last column when `bytes` is too long.
    pub fn cut(&self, bytes: &[u8]) -> Result<Vec<Cut<S>>, Misfit<S>> {
        let length = usize::from(self.length.unwrap_or(0));
        let mut padded = bytes.to_vec();
        if padded.len() < length {
            padded.resize(length, b' ');
        }
        let mut rest = padded.as_slice();
        let mut cuts = Vec::new();
        for field in self.fields.iter().filter(|field| field.is_placed()) {
            let misfit = Misfit { slot: field.slot, from: field.from, to: field.to };
            let (after, value) = field_value(field, rest).map_err(|_| misfit)?;
            cuts.push(Cut { slot: field.slot, value: value.to_vec() });
            rest = after;
        }
        let last = cuts.last().map(|cut| cut.slot);
        match (rest.is_empty(), last) {
            (false, Some(slot)) => {
                let to = u16::try_from(padded.len()).unwrap_or(u16::MAX);
                Err(Misfit { slot, from: self.length.unwrap_or(0) + 1, to })
            }
            _ => Ok(cuts),
        }
    }
}

/// One field cut from a fixed record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut<S> {
    /// Which field.
    pub slot: S,
    /// Its characters, blanks and zeros included.
    pub value: Vec<u8>,
}

impl<S: Slot> Cut<S> {
    /// The value of a slot among cut fields; empty when it is not there.
    pub fn of(cuts: &[Cut<S>], slot: S) -> &[u8] {
        cuts.iter().find(|cut| cut.slot == slot).map_or(&[], |cut| &cut.value)
    }
}

/// Takes one field off the front: its width, then its class over the whole of it.
fn field_value<'a, S>(field: &Field<S>, input: &'a [u8]) -> IResult<&'a [u8], &'a [u8]> {
    let (rest, value) = take(field.length).parse(input)?;
    all_consuming(class::characters(field.class)).parse(value)?;
    Ok((rest, value))
}

/// A loaded table: every record of one interface, proven seamless.
#[derive(Clone, Debug)]
pub struct Layout<S> {
    records: Vec<Record<S>>,
    canonical: String,
}

impl<S: Slot> Layout<S> {
    /// Reads a table, and an override on top of it which may move, resize or retype its fields, never add one.
    ///
    /// # Errors
    /// The first thing that does not add up, with line and column of the TOML it stands in.
    pub fn load(table: &str, overriding: Option<&str>) -> Result<Layout<S>, LayoutError> {
        let records = source::load(table, overriding)?;
        let canonical = canonical(&records);
        Ok(Layout { records, canonical })
    }

    /// A record by its name.
    pub fn record(&self, name: &str) -> Option<&Record<S>> {
        self.records.iter().find(|record| record.name == name)
    }

    /// Every record, in the order of [`Slot::RECORDS`].
    pub fn records(&self) -> &[Record<S>] {
        &self.records
    }

    /// The table in effect as bytes that do not depend on comments, spacing or whether an override was used: a
    /// transfer keeps the SHA-256 of these.
    pub fn canonical(&self) -> &[u8] {
        self.canonical.as_bytes()
    }

    /// The table as a page for people: one Markdown table for each record.
    pub fn markdown(&self) -> String {
        document::markdown(&self.records)
    }
}

/// One line per field, everything that decides how bytes are read. The first line names this rendering.
fn canonical<S: Slot>(records: &[Record<S>]) -> String {
    let mut text = String::from("layout 1\n");
    for record in records {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{} {}", record.name, record.length.unwrap_or(0));
        for field in &record.fields {
            let (first, last) = field.numbers.unwrap_or((0, 0));
            let _ = writeln!(
                text,
                "{} {} {} {} {} {:?} {} {} {first} {last}",
                field.slot.name(),
                field.from,
                field.to,
                field.length,
                field.class,
                field.mandatory,
                u8::from(field.zero_is_value),
                u8::from(field.personal),
            );
        }
    }
    text
}

#[cfg(test)]
mod tests;
