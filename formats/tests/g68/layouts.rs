//! The table in the tree, and what an override of it can do.

use toek_formats::g68::*;
use toek_formats::layout::{Class, Slot as _};

use crate::support::*;

#[test]
fn the_table_in_the_tree_is_the_specification() {
    let layouts = layouts();
    let g68 = layouts.table().record("g68").unwrap();
    assert_eq!((g68.length, g68.shortest(), g68.fields.len()), (Some(850), 487, 48));
    let places = [
        (Slot::Amount, 67, 77, Some((8, 8))),
        (Slot::PayeeNumber, 81, 94, Some((11, 11))),
        (Slot::TransactionRef, 271, 306, Some((88, 88))),
        (Slot::City, 474, 485, Some((32, 32))),
        (Slot::Text4, 731, 811, Some((43, 43))),
        (Slot::Filler, 812, 850, None),
    ];
    for (slot, from, to, numbers) in places {
        let field = g68.field(slot).unwrap();
        assert_eq!((field.from, field.to, field.numbers), (from, to, numbers), "{}", slot.name());
    }
    let page = layouts.table().markdown();
    assert!(page.contains(
        "| `IDENTNR` | 81-94 | 14 | digits | yes | 11 | yes | ident number of the payee | assumed |"
    ));
    assert!(page.contains("| `TEKST5` |  | 81 | text |  | 44-75 | yes |"));
}

/// The case reference four columns longer, at the cost of the filler; an invoice number of digits only.
const OVERRIDE: &str = r#"
[g68]
fields = [
  { name = "SAGSREF", from = 235, to = 274 },
  { name = "TRANSREF", from = 275, to = 310 },
  { name = "BETMAADE", from = 311, to = 312 },
  { name = "PIREGNR", from = 313, to = 316 },
  { name = "PIKONTO", from = 317, to = 326 },
  { name = "KORTART", from = 327, to = 328 },
  { name = "BETID", from = 329, to = 347 },
  { name = "KREDNR", from = 348, to = 355 },
  { name = "ALTKODE", from = 356, to = 357 },
  { name = "ALTNR", from = 358, to = 371 },
  { name = "MODTNAVN", from = 372, to = 405 },
  { name = "MODTCO", from = 406, to = 439 },
  { name = "MODTADR", from = 440, to = 473 },
  { name = "MODTPOST", from = 474, to = 477 },
  { name = "MODTBY", from = 478, to = 489 },
  { name = "TEKSTANT", from = 490, to = 491 },
  { name = "TEKST1", from = 492, to = 572 },
  { name = "TEKST2", from = 573, to = 653 },
  { name = "TEKST3", from = 654, to = 734 },
  { name = "TEKST4", from = 735, to = 815 },
  { name = "FILLER", from = 816, to = 850 },
  { name = "FAKTURANR", class = "account" },
  { name = "UDIDENT", number = 4 },
]
"#;

#[test]
fn reader_and_writer_follow_an_override() {
    let layouts = Layouts::with_override(OVERRIDE).unwrap();
    assert_ne!(layouts.canonical(), crate::support::layouts().canonical());
    let mut payments = example();
    payments[0].case_ref = "x".repeat(40);
    for form in [Form::Fixed, Form::Floating] {
        let mut writer =
            FileWriter::new(&layouts, WriteOptions { form, ..WriteOptions::default() }, START, Vec::new());
        payments.iter().for_each(|payment| writer.record_buf(payment).unwrap());
        let bytes = writer.finish();
        assert_eq!(bytes.windows(3).any(|window| window == b"&04"), form == Form::Floating);
        let mut reader = Reader::new(&layouts, options(), detect(&bytes, 999), &World);
        let mut references = Vec::new();
        let mut sink = |unit: Unit<'_>| {
            references.push(unit.request.map_or(0, |request| request.case_ref.len()));
        };
        reader.feed(&bytes, &mut sink);
        let report = reader.finish(&mut sink);
        assert_eq!((report.requests_ok, report.findings.len()), (6, 0));
        assert_eq!(references, [40, 16, 15, 15, 16, 15]);
    }
}

#[test]
fn what_the_code_relies_on_cannot_be_overridden() {
    let table = [
        ("[g68]\nfields = [ { name = \"BELOEB\", class = \"text\" } ]", "BELOEB"),
        ("[g68]\nfields = [ { name = \"DISPDATO\", class = \"digits\" } ]", "DISPDATO"),
        ("[g68_head_a]\nfields = [ { name = \"SNITFLADE\", from = 5, to = 7 } ]", "SNITFLADE"),
        ("[g68]\nfields = [ { name = \"POSTHENV\", from = 103, to = 121 } ]", "POSTHENV"),
        ("[g68]\nfields = [ { name = \"KORTNUMMER\", from = 851, to = 860 } ]", "KORTNUMMER"),
        ("[g68]\nfields = [ { name = \"FAKTURANR\", from = 123, to = 141 } ]", "columns 142-142"),
        ("[g68]\nlength = 851", "the fields end at column 850, the record at 851"),
    ];
    for (text, expected) in table {
        let error = Layouts::with_override(text).err().unwrap();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.line <= 2);
    }
    let layouts =
        Layouts::with_override("[g68]\nfields = [ { name = \"IDENTNR\", personal = false } ]").unwrap();
    let payee = layouts.table().record("g68").unwrap().field(Slot::PayeeNumber).unwrap();
    assert!(payee.personal && payee.class == Class::Digits);
}
