//! G68 records from a table of columns: the generator's own idea of the format (g68.md section 7).
//!
//! Test equipment: written from the specification and not from the hub's reader, so that the two can disagree.
//! Never reads a record.

use std::sync::LazyLock;

/// What fills a column when nothing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Zeros; values stand at the right.
    Zeros,
    /// Blanks; values stand at the left.
    Blanks,
}

/// One column of the fixed form, and its number in the floating form.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Which one it is.
    pub field: Field,
    /// First position, 1-based.
    pub from: usize,
    /// Last position, included.
    pub to: usize,
    /// What fills it.
    pub fill: Fill,
    /// Number in the floating form; `None` for header, count of lines and filler.
    pub floating: Option<u8>,
    /// Whether the floating form writes it even when empty.
    pub always: bool,
}

macro_rules! columns {
    ($($field:ident $from:literal $to:literal $fill:ident $floating:expr, $always:literal;)*) => {
        /// The columns by their name in g68.md section 7.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the names are the specification's, which says what they mean")]
        pub enum Field { $($field,)* }

        /// The fixed form, seamless from 1 to 850.
        pub const COLUMNS: &[Column] = &[$(Column {
            field: Field::$field, from: $from, to: $to, fill: Fill::$fill, floating: $floating, always: $always,
        },)*];
    };
}

columns! {
    Regsted      1   3 Zeros  None, true;
    Snitflade    4   6 Blanks None, true;
    Linjenr      7  11 Zeros  None, true;
    Orgenhed    12  15 Zeros  None, true;
    Transtype   16  17 Zeros  None, true;
    Flydfast    18  18 Zeros  None, true;
    Udbenhed    19  22 Zeros  Some(2), true;
    Orgtype     23  24 Zeros  Some(3), true;
    Levid       25  28 Blanks Some(5), true;
    Afssys      29  48 Blanks Some(6), false;
    Udident     49  66 Zeros  Some(7), false;
    Beloeb      67  77 Zeros  Some(8), true;
    Fortegn     78  78 Blanks Some(9), true;
    Identkode   79  80 Blanks Some(10), true;
    Identnr     81  94 Zeros  Some(11), true;
    Dispdato    95 102 Zeros  Some(12), true;
    Posthenv   103 122 Zeros  Some(16), true;
    Fakturanr  123 142 Blanks Some(17), false;
    Faktdato   143 150 Zeros  Some(18), false;
    Ydelsesart 151 154 Zeros  Some(80), true;
    Klenr      155 162 Blanks Some(81), false;
    Perfra     163 170 Zeros  Some(82), false;
    Pertil     171 178 Zeros  Some(83), false;
    Ydkode     179 180 Blanks Some(84), true;
    Ydnr       181 194 Zeros  Some(85), true;
    Kontering  195 234 Blanks Some(86), false;
    Sagsref    235 270 Blanks Some(87), false;
    Transref   271 306 Blanks Some(88), false;
    Betmaade   307 308 Zeros  Some(20), true;
    Piregnr    309 312 Zeros  Some(21), false;
    Pikonto    313 322 Zeros  Some(22), false;
    Kortart    323 324 Zeros  Some(23), false;
    Betid      325 343 Zeros  Some(24), false;
    Krednr     344 351 Zeros  Some(25), false;
    Altkode    352 353 Blanks Some(26), false;
    Altnr      354 367 Zeros  Some(27), false;
    Modtnavn   368 401 Blanks Some(28), false;
    Modtco     402 435 Blanks Some(29), false;
    Modtadr    436 469 Blanks Some(30), false;
    Modtpost   470 473 Zeros  Some(31), false;
    Modtby     474 485 Blanks Some(32), false;
    Tekstant   486 487 Zeros  None, true;
    Tekst1     488 568 Blanks Some(40), false;
    Tekst2     569 649 Blanks Some(41), false;
    Tekst3     650 730 Blanks Some(42), false;
    Tekst4     731 811 Blanks Some(43), false;
    Filler     812 850 Blanks None, true;
}

/// The columns of the floating form in the order of their numbers, which must not decrease (g68.md 6.2).
static FLOATING_ORDER: LazyLock<Vec<(u8, Column)>> = LazyLock::new(|| {
    let mut order: Vec<_> = COLUMNS.iter().filter_map(|c| Some((c.floating?, *c))).collect();
    order.sort_by_key(|(number, _)| *number);
    order
});

/// Length of a record of the fixed form.
pub const LENGTH: usize = 850;

/// How records are written (g68.md 6 and 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// 850 characters, every field in its place.
    Fixed,
    /// `&` and a number before each field, header variant A.
    Floating,
}

/// A record under construction, in ISO-8859-1.
#[derive(Clone, Debug)]
pub struct Record {
    bytes: [u8; LENGTH],
}

impl Record {
    /// Nothing given: zeros and blanks, and the constants of the header.
    pub fn empty() -> Record {
        let mut record = Record { bytes: [b' '; LENGTH] };
        for column in COLUMNS {
            if column.fill == Fill::Zeros {
                record.bytes[column.from - 1..column.to].fill(b'0');
            }
        }
        record.text(Field::Snitflade, "G68");
        record
    }

    /// The characters of one column.
    pub fn column(&self, field: Field) -> &[u8] {
        let column = &COLUMNS[field as usize];
        &self.bytes[column.from - 1..column.to]
    }

    fn column_mut(&mut self, field: Field) -> &mut [u8] {
        let column = &COLUMNS[field as usize];
        &mut self.bytes[column.from - 1..column.to]
    }

    /// Puts a number at the right of its column, zero-filled; digits that do not fit are lost.
    pub fn number(&mut self, field: Field, value: u64) {
        let mut rest = value;
        for byte in self.column_mut(field).iter_mut().rev() {
            *byte = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
    }

    /// Puts a text at the left of its column; what does not fit is lost, what ISO-8859-1 lacks becomes `?`.
    pub fn text(&mut self, field: Field, value: &str) {
        let column = self.column_mut(field);
        column.fill(b' ');
        for (byte, character) in column.iter_mut().zip(value.chars()) {
            *byte = u8::try_from(u32::from(character)).unwrap_or(b'?');
        }
    }

    /// Puts one character on a position of a column (1-based), whatever belongs there: for spoiled records.
    pub fn spoil(&mut self, field: Field, position: usize, character: u8) {
        self.column_mut(field)[position - 1] = character;
    }

    /// Adds the record to `out` without a line end.
    pub fn write(&self, form: Form, out: &mut Vec<u8>) {
        match form {
            Form::Fixed => out.extend_from_slice(&self.bytes),
            Form::Floating => self.write_floating(out),
        }
    }

    fn write_floating(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes[..17]);
        out.push(b'1');
        for (number, column) in FLOATING_ORDER.iter() {
            let whole = self.column(column.field);
            // A blank sign is a value, and stays a blank; the other blanks are filling.
            let value = if whole.len() == 1 { whole } else { whole.trim_ascii_end() };
            let given = match column.fill {
                Fill::Zeros => value.iter().any(|b| *b != b'0'),
                Fill::Blanks => !value.is_empty(),
            };
            if given || column.always {
                out.extend_from_slice(&[b'&', b'0' + number / 10, b'0' + number % 10]);
                out.extend_from_slice(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_meet_and_stand_in_the_order_of_their_names() {
        let mut next = 1;
        for (place, column) in COLUMNS.iter().enumerate() {
            assert_eq!(column.field as usize, place);
            assert_eq!(column.from, next, "{:?}", column.field);
            next = column.to + 1;
        }
        assert_eq!(next, LENGTH + 1);
    }

    /// Line 1 of g68.md section 13.
    fn example() -> Record {
        let mut record = Record::empty();
        for (field, value) in [
            (Field::Linjenr, 1),
            (Field::Orgenhed, 751),
            (Field::Transtype, 1),
            (Field::Udbenhed, 751),
            (Field::Udident, 1001),
            (Field::Beloeb, 1_845_600),
            (Field::Identnr, 2_512_489_996),
            (Field::Dispdato, 20_260_130),
            (Field::Ydelsesart, 101),
            (Field::Perfra, 20_260_101),
            (Field::Pertil, 20_260_131),
            (Field::Ydnr, 2_512_489_996),
            (Field::Tekstant, 1),
        ] {
            record.number(field, value);
        }
        for (field, value) in [
            (Field::Levid, "0901"),
            (Field::Afssys, "KSD"),
            (Field::Fortegn, "+"),
            (Field::Identkode, "02"),
            (Field::Posthenv, "20260130009010000001"),
            (Field::Fakturanr, "00000000000000001001"),
            (Field::Klenr, "15.17.06"),
            (Field::Ydkode, "02"),
            (Field::Kontering, "5577101010"),
            (Field::Sagsref, "KSD-2026-0000123"),
            (Field::Transref, "00000000-0000-4000-8000-000000000001"),
            (Field::Tekst1, "Sygedagpenge januar 2026"),
        ] {
            record.text(field, value);
        }
        record
    }

    #[test]
    fn the_example_of_the_specification_comes_out() {
        let mut line = Vec::new();
        example().write(Form::Fixed, &mut line);
        let expected = [
            "000G680000107510100751000901KSD                 00000000000000100100001845600+02",
            "0000251248999620260130202601300090100000010000000000000000100100000000010115.17.",
            "06202601012026013102000025124899965577101010                              KSD-20",
            "26-0000123                    00000000-0000-4000-8000-00000000000100000000000000",
            "0000000000000000000000000000000  00000000000000                                 ",
            "                                                                     0000       ",
            "     01Sygedagpenge januar 2026",
        ]
        .concat();
        assert_eq!(line.len(), LENGTH);
        assert_eq!(String::from_utf8(line).unwrap().trim_end(), expected);
    }

    #[test]
    fn the_floating_example_is_the_start_and_the_extensions_follow() {
        let mut line = Vec::new();
        example().write(Form::Floating, &mut line);
        let text = String::from_utf8(line).unwrap();
        assert_eq!(
            text,
            "000G68000010751011&020751&0300&050901&06KSD&07000000000000001001&0800001845600&09+&1002\
             &1100002512489996&1220260130&1620260130009010000001&1700000000000000001001&2000\
             &40Sygedagpenge januar 2026&800101&8115.17.06&8220260101&8320260131&8402&8500002512489996\
             &865577101010&87KSD-2026-0000123&8800000000-0000-4000-8000-000000000001"
        );
    }
}
