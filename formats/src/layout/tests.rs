//! A small layout of its own: what loads, what is refused and where.

use super::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Small {
    Kind,
    Amount,
    Note,
}

impl Slot for Small {
    const ALL: &'static [Small] = &[Small::Kind, Small::Amount, Small::Note];
    const RECORDS: &'static [&'static str] = &["line"];

    fn name(self) -> &'static str {
        match self {
            Small::Kind => "KIND",
            Small::Amount => "AMOUNT",
            Small::Note => "NOTE",
        }
    }

    fn accepts(self, field: &Field<Small>) -> Result<(), &'static str> {
        let fits = self != Small::Amount || (field.class == Class::Digits && field.length <= 19);
        if fits { Ok(()) } else { Err("an amount is at most 19 digits") }
    }
}

const TABLE: &str = r#"[line]
title = "A line"
length = 12
fields = [
  { name = "KIND", from = 1, to = 2, class = "text", status = "confirmed", meaning = "which" },
  { name = "AMOUNT", from = 3, to = 7, class = "digits", mandatory = "both", number = 8, status = "assumed", meaning = "øre" },
  { name = "NOTE", from = 8, to = 12, class = "text", personal = true, number = 40, number_to = 75, status = "assumed", meaning = "text" },
]
"#;

fn load(table: &str, over: Option<&str>) -> Result<Layout<Small>, String> {
    Layout::load(table, over).map_err(|error| error.to_string())
}

#[test]
fn the_table_is_cut_by() {
    let layout = load(TABLE, None).unwrap();
    let line = layout.record("line").unwrap();
    let cuts = line.cut(b"AB00012hej").unwrap();
    assert_eq!(Cut::of(&cuts, Small::Amount), b"00012");
    assert_eq!(Cut::of(&cuts, Small::Note), b"hej  ");
    assert_eq!(line.shortest(), 7);
    assert_eq!(line.cut(b"AB0001x"), Err(Misfit { slot: Small::Amount, from: 3, to: 7 }));
    assert_eq!(line.cut(b"AB00012hej  !"), Err(Misfit { slot: Small::Note, from: 13, to: 13 }));
}

#[test]
fn an_override_moves_resizes_and_retypes() {
    let over = r#"[line]
length = 13
fields = [
  { name = "AMOUNT", from = 3, to = 8 },
  { name = "NOTE", from = 9, to = 13, class = "digits", personal = false },
]"#;
    let layout = load(TABLE, Some(over)).unwrap();
    let line = layout.record("line").unwrap();
    let note = line.field(Small::Note).unwrap();
    assert_eq!((note.from, note.to, note.class, note.personal), (9, 13, Class::Digits, true));
    assert_ne!(layout.canonical(), load(TABLE, None).unwrap().canonical());
}

#[test]
fn comments_do_not_change_the_canonical_bytes() {
    let commented = format!("# a remark\n{TABLE}\n");
    assert_eq!(load(&commented, None).unwrap().canonical(), load(TABLE, None).unwrap().canonical());
    assert_eq!(load(TABLE, Some("")).unwrap().canonical(), load(TABLE, None).unwrap().canonical());
}

#[test]
fn a_table_that_does_not_add_up_is_refused_where_it_does_not() {
    let table = [
        ("from = 3, to = 7", "from = 4, to = 7", "layout, line 6, column 12: columns 3-3 belong to no field"),
        (
            "from = 3, to = 7",
            "from = 2, to = 7",
            "layout, line 6, column 12: `AMOUNT` begins at column 2, where another field still is",
        ),
        (
            "length = 12",
            "length = 13",
            "layout, line 3, column 10: the fields end at column 12, the record at 13",
        ),
        (
            "from = 3, to = 7",
            "from = 7, to = 3",
            "layout, line 6, column 12: the columns of `AMOUNT` do not add up",
        ),
        (
            "\"NOTE\"",
            "\"NOTES\"",
            "layout, line 7, column 12: the record has no field `NOTES`: a layout may place, move, resize or \
             retype a field, never add one",
        ),
        ("\"NOTE\"", "\"KIND\"", "layout, line 7, column 12: the field `KIND` stands here twice"),
        ("number = 40", "number = 7", "layout, line 7, column 12: the field number 7 stands here twice"),
        ("class = \"digits\"", "class = \"money\"", "layout, line 6, column 12: `money` is no class"),
        (
            "class = \"digits\"",
            "class = \"text\"",
            "layout, line 6, column 12: `AMOUNT` cannot be read like this: an amount is at most 19 digits",
        ),
        ("[line]", "[lines]", "layout, line 1, column 2: no record is named `lines`"),
        (
            "mandatory = \"both\"",
            "mandatory = \"yes\"",
            "layout, line 6, column 12: `yes` is no word for mandatory",
        ),
    ];
    for (good, bad, expected) in table {
        assert_eq!(load(&TABLE.replacen(good, bad, 1), None).err().as_deref(), Some(expected), "{bad}");
    }
}

#[test]
fn a_missing_field_or_record_is_told() {
    let without: String =
        TABLE.lines().filter(|line| !line.contains("NOTE")).map(|line| format!("{line}\n")).collect();
    let without = without.replace("length = 12", "length = 7");
    assert_eq!(
        load(&without, None).err().as_deref(),
        Some("layout, line 1, column 1: the field `NOTE` is in no record")
    );
    assert_eq!(
        load("", None).err().as_deref(),
        Some("layout, line 1, column 1: the record `line` is missing")
    );
}

#[test]
fn an_override_never_adds() {
    let over = "[line]\nfields = [ { name = \"EXTRA\", from = 13, to = 13 } ]";
    let error = load(TABLE, Some(over)).err().unwrap();
    assert!(
        error.starts_with("override layout, line 2, column 21: the record has no field `EXTRA`"),
        "{error}"
    );
    let over = "[other]\nlength = 1";
    assert_eq!(
        load(TABLE, Some(over)).err().as_deref(),
        Some("override layout, line 1, column 2: no record is named `other`")
    );
    let error = load(TABLE, Some("[line]\nlenght = 1")).err().unwrap();
    assert!(error.starts_with("override layout, line 2, column 1: unknown field `lenght`"), "{error}");
}

#[test]
fn the_page_for_people() {
    let page = load(TABLE, None).unwrap().markdown();
    assert_eq!(
        page,
        "## A line\n\nLength 12.\n\n\
         | Field | Columns | Length | Class | Mandatory | Floating | Personal | Meaning | Status |\n\
         |---|---|---|---|---|---|---|---|---|\n\
         | `KIND` | 1-2 | 2 | text |  |  |  | which | confirmed |\n\
         | `AMOUNT` | 3-7 | 5 | digits | yes | 08 |  | øre | assumed |\n\
         | `NOTE` | 8-12 | 5 | text |  | 40-75 | yes | text | assumed |\n\n"
    );
}

#[test]
fn primitives_agree_with_the_plain_way() {
    use super::bytes::*;
    let samples: [&[u8]; 9] = [
        b"0",
        b"12",
        b"123",
        b"1234",
        b"00007",
        b"12345678",
        b"99999999999",
        b"1234567890123456",
        b"9999999999999999999",
    ];
    for sample in samples {
        let plain: u64 = std::str::from_utf8(sample).unwrap().parse().unwrap();
        assert_eq!(number(sample), Some(plain));
        for place in 0..sample.len() {
            for wrong in [b'/', b':', b' ', 0, 0xB0, 0xFF] {
                let mut broken = sample.to_vec();
                broken[place] = wrong;
                assert_eq!(number(&broken), None, "{broken:?}");
                assert!(!all_digits(&broken));
            }
        }
        assert!(all_digits(sample));
        let surrounded = [b"12 \xFF", sample, b"345"].concat();
        for before in 0..4 {
            assert_eq!(number_at(&surrounded[before..], 4 - before, sample.len()), Some(plain));
        }
    }
    assert_eq!(number(b""), None);
    assert_eq!(number(b"00000000000000000000"), None);
    for byte in 0..=255_u8 {
        let reserved = b"&!\\".contains(&byte);
        let control = byte < 0x20 || (0x7F..=0x9F).contains(&byte);
        for length in [1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 70] {
            let mut line = vec![b'x'; length];
            line[length * usize::from(byte) / 256] = byte;
            assert_eq!(all_allowed(&line), !(reserved || control), "{byte}");
        }
        assert_eq!(allowed(byte), !(reserved || control));
    }
    for length in 0..40 {
        for blanks in 0..=length {
            let mut line = vec![b'x'; length];
            line[length - blanks..].fill(b' ');
            assert_eq!(trimmed_len(&line), length - blanks);
        }
        for place in 0..length {
            let mut line = vec![0xA6; length];
            line[place] = b'&';
            assert_eq!(next_separator(&line, 0), place);
            assert_eq!(next_separator(&line, place + 1), length);
        }
    }
    assert_eq!(next_separator(b"abc", 9), 3);
}

#[test]
fn days() {
    use super::bytes::is_day;
    let table = [
        (20_260_130, true),
        (20_260_230, false),
        (20_240_229, true),
        (21_000_229, false),
        (20_000_229, true),
        (20_260_431, false),
        (20_261_301, false),
        (20_260_001, false),
        (20_260_100, false),
        (99_981_231, true),
        (99_991_231, false),
        (15_821_231, false),
        (0, false),
    ];
    for (day, expected) in table {
        assert_eq!(is_day(day), expected, "{day}");
    }
    for day in 19_000_000..21_010_000_u32 {
        let (y, m, d) = ((day / 10_000) as i16, (day / 100 % 100) as i8, (day % 100) as i8);
        assert_eq!(is_day(day), jiff::civil::Date::new(y, m, d).is_ok(), "{day}");
    }
}

#[test]
fn a_clean_record_holds_nothing_but_values_and_separators() {
    use super::bytes::{allowed, is_clean};
    for length in [1, 31, 32, 33, 64, 70] {
        for place in 0..length {
            let mut line = vec![b'x'; length];
            for byte in 0..=255 {
                line[place] = byte;
                assert_eq!(is_clean(&line), allowed(byte) || byte == b'&', "{length} {place} {byte}");
            }
        }
    }
}
