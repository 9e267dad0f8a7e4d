//! Reading and checking G68 on one core, beside a floor that does almost nothing with the same bytes.
//!
//! Budgets: 3 million floating records a second, 1 GB/s in the 850-column form, all checks done. The floor splits
//! lines with memchr and adds up the bytes.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use toek_formats::g68::*;

#[path = "../tests/g68/support.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod support;

use support::*;

/// As many payments as a file can hold, spread over the kinds of the example that every form can carry.
fn payments(count: u64, own_fields: bool) -> Vec<EncodedRequest> {
    let kinds = example();
    let people = [2_512_489_996, 108_589_995, 201_919_990, 201_919_996, 1_506_305_000, 3_112_369_006_u64];
    (0..count)
        .map(|n| {
            let mut payment = kinds[if own_fields { n as usize % 4 } else { 0 }].clone();
            payment.payee = match n % 4 {
                1 if own_fields => payment.payee,
                _ => cpr(people[n as usize % people.len()]),
            };
            payment.recipient = cpr(people[n as usize % people.len()]);
            payment.posting_ref = PostingRef::parse(&format!("2026013000901{n:07}")).expect("digits");
            payment.transaction_ref =
                format!("{:08x}-0000-4000-8000-{n:012}", n.wrapping_mul(2_654_435_761) as u32);
            payment.case_ref = format!("KSD-2026-{n:07}");
            payment.encode().expect("lawful characters")
        })
        .collect()
}

fn file(options: WriteOptions, payments: &[EncodedRequest]) -> Vec<u8> {
    let layouts = layouts();
    let mut writer = FileWriter::new(&layouts, options, START, Vec::new());
    for payment in payments {
        writer.record(&payment.request()).expect("it fits");
    }
    writer.finish()
}

/// A file in blocks of 256 KiB, as an archive hands it out.
fn read(layouts: &Layouts, bytes: &[u8]) -> FileReport {
    let options = Options { supplier: Some(toek_formats::vocabulary::SupplierId(*b"0901")), ..options() };
    let physical = Physical { charset: Charset::Latin1, mode: Mode::Line, bom: false };
    let mut reader = Reader::new(layouts, options, physical, &World);
    let mut sink = |unit: Unit<'_>| {
        std::hint::black_box(unit.request);
    };
    bytes.chunks(256 << 10).for_each(|block| reader.feed(block, &mut sink));
    reader.finish(&mut sink)
}

/// The floor: line ends by memchr, and every byte added up.
fn floor(bytes: &[u8]) -> (usize, u64) {
    let mut lines = 0;
    let mut sum = 0_u64;
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', bytes) {
        lines += 1;
        sum += bytes[start..end].iter().map(|byte| u64::from(*byte)).sum::<u64>();
        start = end + 1;
    }
    (lines, sum)
}

fn forms(c: &mut Criterion) {
    let layouts = layouts();
    let fixed = WriteOptions { strip: false, ..WriteOptions::default() };
    let floating = WriteOptions { form: Form::Floating, ..WriteOptions::default() };
    let plain = WriteOptions { plain: true, partner: Partner::After, ..floating };
    let own = payments(99_999, true);
    let simple = payments(49_999, false);
    let files = [
        ("fixed-850", file(fixed, &own)),
        ("fixed-stripped", file(WriteOptions::default(), &own)),
        ("floating", file(floating, &own)),
        ("plain-pairs", file(plain, &simple)),
    ];
    for (name, bytes) in &files {
        let report = read(&layouts, bytes);
        assert!(report.rejected == 0 && report.findings.is_empty(), "{name}: {report:?}");
        for (unit, throughput) in [
            ("bytes", Throughput::Bytes(bytes.len() as u64)),
            ("records", Throughput::Elements(u64::from(report.records))),
        ] {
            let mut group = c.benchmark_group(format!("g68/{name}/{unit}"));
            group.sample_size(10).throughput(throughput);
            group.bench_with_input(BenchmarkId::from_parameter("read"), bytes, |b, bytes| {
                b.iter(|| read(&layouts, bytes));
            });
            group.bench_with_input(BenchmarkId::from_parameter("floor"), bytes, |b, bytes| {
                b.iter(|| floor(bytes));
            });
            group.finish();
        }
    }
}

criterion_group!(benches, forms);
criterion_main!(benches);
