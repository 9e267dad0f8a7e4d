//! Sample files and the expected dump beside each. `UPDATE_FIXTURES=1 cargo test -p toek-formats --test g68` writes
//! them anew; a change is accepted by reading its diff.

use std::path::PathBuf;

use toek_formats::g68::*;

use crate::support::*;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures/g68")
}

/// The sample files: the example in every form, and the example spoiled in every way a transport or a sender can.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let base = WriteOptions::default();
    let floating = WriteOptions { form: Form::Floating, ..base };
    let block = WriteOptions { mode: Mode::Block, strip: false, ..base };
    let own = &example()[..];
    let mut samples = vec![
        ("ok/example.g68", write(base, own)),
        (
            "ok/example.full-crlf.g68",
            write(WriteOptions { strip: false, line_end: LineEnd::CrLf, ..base }, own),
        ),
        ("ok/example.block.g68", write(block, own)),
        ("ok/example.block-ebcdic.g68", write(WriteOptions { charset: Charset::Ebcdic277, ..block }, own)),
        ("ok/example.utf8.g68", write(WriteOptions { charset: Charset::Utf8, ..base }, own)),
        ("ok/example.floating.g68", write(floating, own)),
        (
            "ok/example.floating-b-sum.g68",
            write(WriteOptions { header: Header::B, control_sum: true, ..floating }, own),
        ),
        (
            "ok/example.plain-pairs.g68",
            write(WriteOptions { plain: true, partner: Partner::After, ..floating }, &own[..5]),
        ),
        (
            "ok/example.plain-pairs-before.g68",
            write(WriteOptions { plain: true, partner: Partner::Before, ..floating }, &own[..5]),
        ),
    ];
    samples.extend(spoiled(&write(base, own)));
    samples
}

/// The example in lines, spoiled.
fn spoiled(good: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let text = |edit: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut lines: Vec<Vec<u8>> =
            good.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        edit(&mut lines);
        lines.concat()
    };
    let flip = |line: usize, column: usize, bit: u8| text(&|lines| lines[line][column - 1] ^= bit);
    vec![
        ("err/bit-flip-in-amount.g68", flip(1, 70, 0x40)),
        ("err/bit-flip-in-payee.g68", flip(1, 88, 0x01)),
        ("err/bit-flip-in-date.g68", flip(2, 101, 0x08)),
        ("err/bit-flip-in-header.g68", flip(3, 4, 0x20)),
        ("err/bit-flip-in-form-flag.g68", flip(3, 18, 0x02)),
        (
            "err/bit-flip-in-line-end.g68",
            text(&|lines| *lines[2].last_mut().expect("a line has an end") ^= 0x04),
        ),
        ("err/control-character.g68", text(&|lines| lines[1][495] = 0x07)),
        ("err/reserved-characters.g68", text(&|lines| lines[3][370] = b'&')),
        ("err/too-short.g68", text(&|lines| lines[1] = [&lines[1][..400], b"\n"].concat())),
        (
            "err/too-long.g68",
            text(&|lines| lines[1] = [&[&lines[1][..511], &[b'x'; 400]].concat(), &b"\n"[..]].concat()),
        ),
        ("err/line-that-never-ends.g68", text(&|lines| lines[4] = vec![b'7'; 20_000])),
        ("err/truncated.g68", good[..good.len() / 2].to_vec()),
        ("err/truncated-in-slutd.g68", good[..good.len() - 3].to_vec()),
        ("err/wrong-count.g68", text(&|lines| lines[7] = b"SLUTD00007\n".to_vec())),
        ("err/without-z300.g68", text(&|lines| drop(lines.remove(0)))),
        ("err/data-after-the-end.g68", text(&|lines| lines.push(lines[1].clone()))),
        ("err/second-z300.g68", text(&|lines| lines.insert(3, lines[0].clone()))),
        ("err/unknown-municipality.g68", text(&|lines| lines[0] = b"Z300 09996      0281\n".to_vec())),
        ("err/no-records.g68", text(&|lines| drop(lines.drain(1..7)))),
        ("err/empty.g68", Vec::new()),
        (
            "err/the-same-payment-twice.g68",
            text(&|lines| {
                lines.insert(2, lines[1].clone());
                lines[8] = b"SLUTD00007\n".to_vec();
            }),
        ),
        ("err/other-interface.g68", text(&|lines| lines[2] = b"000G190000207511\n".to_vec())),
        ("err/pair-that-disagrees.g68", pair_that_disagrees()),
    ]
}

fn pair_that_disagrees() -> Vec<u8> {
    let plain = WriteOptions {
        form: Form::Floating,
        plain: true,
        partner: Partner::After,
        ..WriteOptions::default()
    };
    let text = String::from_utf8(write(plain, &example()[..1])).expect("ASCII");
    text.replace("&112000001845600 ", "&112000001845601 ").into_bytes()
}

/// What a person is shown of a file.
fn told(bytes: &[u8]) -> String {
    let options = Options { supplier: Some(example()[0].supplier), ..options() };
    let (mut text, report) = dump_file(bytes, options, 4096);
    for finding in &report.findings {
        text.push_str(&format!(
            "file: {} line {} {}-{}: {}\n",
            finding.code,
            finding.line_no,
            finding.from,
            finding.to,
            finding.code.rule()
        ));
    }
    text.push_str(&format!(
        "file: municipality {:?}, day {:?}, {} lines, {} records, {} requests, {} refused, {} warnings, sum {}, \
         of requests {}, {}\n",
        report.municipality,
        report.day_number,
        report.lines,
        report.records,
        report.requests_ok,
        report.rejected,
        report.warnings,
        report.sum.danish(),
        report.sum_ok.danish(),
        if report.is_rejected() { "rejected" } else { "accepted" }
    ));
    text
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test reads and writes its own fixtures")]
fn the_dump_beside_each_file() {
    let update = std::env::var_os("UPDATE_FIXTURES").is_some();
    for (name, bytes) in samples() {
        let path = folder().join(name);
        let dump_path = path.with_extension("dump");
        let dump = told(&bytes);
        if update {
            std::fs::write(&path, &bytes).unwrap();
            std::fs::write(&dump_path, &dump).unwrap();
        }
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "{name} is not what the test makes");
        let expected = String::from_utf8(std::fs::read(&dump_path).unwrap()).unwrap();
        assert_eq!(dump, expected, "{name}");
    }
}

#[test]
fn no_personal_number_is_shown() {
    let shown: String = samples().iter().map(|(_, bytes)| told(bytes)).collect();
    for hidden in
        ["2512489996", "0108589995", "0201919996", "0201919990", "6101900000", "0440116243", "Østerågade"]
    {
        assert!(!shown.contains(hidden), "{hidden}");
    }
    assert!(shown.contains("251248-****"));
}
