//! The example of g68.md 13: bytes, hashes, and what is read from them.

use sha2::{Digest as _, Sha256};
use toek_formats::g68::*;
use toek_formats::vocabulary::Ore;

use crate::support::*;

/// As printed in the specification.
const PRINTED: &str = include_str!("../../../fixtures/g68/ok/example.utf8.g68");

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn forms() -> [(&'static str, WriteOptions, usize, &'static str); 4] {
    let base = WriteOptions::default();
    let full = WriteOptions { strip: false, line_end: LineEnd::CrLf, ..base };
    let block = WriteOptions { mode: Mode::Block, strip: false, ..base };
    [
        ("lines", base, 3185, "b7fb7f7bafbe854327f8ffd045014593e4e2951f0e9cf77a4fb5c935d0b77f69"),
        ("full lines", full, 5146, "1d63d329544333561b5a524e38de0824d07b70b997b033cb6f51541fb60e2115"),
        ("blocks", block, 6800, "23777f6ae5fef9b6dcd5af2c8204d39c37b9d2297531fae9f4a92ac81c55b85a"),
        (
            "EBCDIC blocks",
            WriteOptions { charset: Charset::Ebcdic277, ..block },
            6800,
            "17e44214d3790d3d525b83734e7e0abdaa8cd57ce3b3b4112f734d2f16b7481e",
        ),
    ]
}

#[test]
fn the_reference_hashes() {
    for (name, options, length, hash) in forms() {
        let bytes = write(options, &example());
        assert_eq!((bytes.len(), sha256(&bytes).as_str()), (length, hash), "{name}");
    }
}

#[test]
fn as_printed() {
    let utf8 = write(WriteOptions { charset: Charset::Utf8, ..WriteOptions::default() }, &example());
    assert_eq!(String::from_utf8(utf8).unwrap(), PRINTED);
}

#[test]
fn the_control_sum() {
    let bytes = write(WriteOptions { control_sum: true, ..WriteOptions::default() }, &example());
    assert!(bytes.ends_with(b"\nSLUTD00006000000004621950+\n"));
    assert_eq!(codes(&bytes, options()), [] as [&str; 0]);
    let broken = String::from_utf8_lossy(&bytes).replace("4621950+", "4621951+").into_bytes();
    assert!(codes(&broken, options()).contains(&"L8 G68-S07 KONTROLSUM 11-26".to_owned()));
}

#[test]
fn floating_and_finance_records_as_printed() {
    let plain = WriteOptions {
        form: Form::Floating,
        plain: true,
        partner: Partner::After,
        ..WriteOptions::default()
    };
    let a = "000G68000010751011&020751&0300&07000000000000001001&0800001845600&09+&1002&1100002512489996&1220260130&1620260130009010000001&1700000000000000001001&40Sygedagpenge januar 2026";
    let b = a.replacen("0751011&", "011&", 1);
    let finance = "000G6900002075101NORFLYD&10300901&1040000001&11020260130&1115577101010&112000001845600 &113D&1142026&11720260130009010000001&13202&1332512489996&153KSD-2026-0000123";
    for (header, expected) in [(Header::A, a.to_owned()), (Header::B, b)] {
        let bytes = write(WriteOptions { header, ..plain }, &example()[..1]);
        let text = String::from_utf8(bytes).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines, ["Z300 07516      0281", expected.as_str(), finance, "SLUTD00002"]);
    }
}

#[test]
fn every_form_reads_as_the_same_payments() {
    let mut all = Vec::new();
    for (name, write_options, _, _) in forms() {
        let bytes = write(write_options, &example());
        let mut asked = Vec::new();
        let report = read_in_blocks(&bytes, options(), 4096, |_, unit| {
            let request = unit.request.expect(name);
            asked.push(format!("{request:?} {:?} {}", request.bank_account, request.text.len()));
        });
        assert_eq!((report.records, report.requests_ok, report.rejected), (6, 6, 0), "{name}");
        assert_eq!((report.sum, report.sum_ok), (Ore(4_621_950), Ore(4_621_950)));
        assert!(report.findings.is_empty(), "{name}");
        all.push(asked);
    }
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn what_was_written_is_written_again_byte_for_byte() {
    let floating = WriteOptions { form: Form::Floating, ..WriteOptions::default() };
    let plain = WriteOptions { plain: true, partner: Partner::Before, ..floating };
    let kinds = [
        (WriteOptions::default(), &example()[..]),
        (WriteOptions { control_sum: true, ..WriteOptions::default() }, &example()[..]),
        (floating, &example()[..]),
        (WriteOptions { header: Header::B, charset: Charset::Utf8, ..floating }, &example()[..]),
        (WriteOptions { partner: Partner::After, ..WriteOptions::default() }, &example()[..]),
        (WriteOptions { charset: Charset::Ebcdic277, line_end: LineEnd::CrLf, ..floating }, &example()[..]),
        // A plain record says no method but by its destination: cash has none.
        (plain, &example()[..5]),
        (WriteOptions { header: Header::B, partner: Partner::After, ..plain }, &example()[..5]),
    ];
    let layouts = layouts();
    for (write_options, requests) in kinds {
        let bytes = write(write_options, requests);
        let mut writer = FileWriter::new(&layouts, write_options, START, Vec::new());
        let options = Options { supplier: Some(requests[0].supplier), ..options() };
        let report = read_in_blocks(&bytes, options, 100, |layouts, unit| {
            writer.record(unit.request.unwrap_or_else(|| panic!("{}", dump(layouts, &unit)))).unwrap();
        });
        assert!(!report.is_rejected());
        assert_eq!(
            String::from_utf8_lossy(&writer.finish()),
            String::from_utf8_lossy(&bytes),
            "{write_options:?}"
        );
    }
}
