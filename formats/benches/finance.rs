//! Postings a second, writing and reading files of vouchers, and how the reader stands to `quick-xml`'s bare events.
//!
//! `cargo bench -p toek-formats --bench finance`. A posting here is as long as most: two reference keys, five
//! dimensions, a party.
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]
#![expect(clippy::float_arithmetic, reason = "figures, not money")]
#![expect(clippy::print_stderr, reason = "the ratio is no figure of criterion's")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use jiff::civil::date;
use toek_formats::finance::*;
use toek_formats::vocabulary::{IdentCode, Ore, Party, Uuid};

const VOUCHERS: u32 = 10;
const POSTINGS: u32 = 2_000;

fn uuid(number: u32) -> Uuid {
    let mut bytes = [0xAB; 16];
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    Uuid(bytes)
}

fn references() -> Vec<(String, String)> {
    (0..POSTINGS)
        .map(|number| (format!("TRC-0751-{number:012}"), format!("T0751-260327-{number:09}")))
        .collect()
}

fn file(references: &[(String, String)]) -> Vec<u8> {
    let head = FileHead {
        transaction_id: uuid(0),
        at: "2026-03-02T04:15:00Z".parse().unwrap(),
        route: Route {
            sender_authority: "12345674",
            sender_it_system: uuid(1),
            receiver_authority: "12345674",
            receiver_it_system: None,
        },
        vouchers: VOUCHERS,
        postings: VOUCHERS * POSTINGS,
        sum: Ore(i64::from(VOUCHERS * POSTINGS / 2) * 125_000),
    };
    let mut writer = VoucherFileWriter::begin(Vec::with_capacity(64 << 20), &head).unwrap();
    for number in 0..VOUCHERS {
        let voucher = Voucher {
            id: uuid(100 + number),
            number: "TOEK-2026-00000001",
            booking_day: date(2026, 3, 2),
            period: Period::new(2026, 3),
            type_id: uuid(2),
            text: "Sygedagpenge februar 2026",
            external_reference: Some("EFF-2026-000001"),
            document_day: None,
            reverses: None,
            org_unit: None,
        };
        writer.voucher(&voucher).unwrap();
        for (number, (trace, payment)) in (0..).zip(references) {
            let keys = [(uuid(7), trace.as_str()), (uuid(8), payment.as_str())];
            let posting = Posting {
                id: uuid(1_000_000 + number),
                amount: Ore(125_000),
                side: if number % 2 == 0 { Side::Debit } else { Side::Credit },
                value_day: Some(date(2026, 3, 2)),
                text: "Sygedagpenge februar 2026",
                reference: Some(trace),
                period_from: Some(date(2026, 2, 1)),
                period_to: Some(date(2026, 2, 28)),
                reference_keys: &keys,
                dimensions: [Some(uuid(3)), Some(uuid(4)), Some(uuid(5)), None, Some(uuid(6)), Some(uuid(9))],
                secondary: &[],
                party: Some(PostingParty {
                    party: Party { code: IdentCode::Cpr, number: 2_512_489_996 },
                    type_id: uuid(10),
                }),
            };
            writer.posting(&posting).unwrap();
        }
    }
    writer.finish().unwrap()
}

fn read(document: &[u8]) -> u64 {
    VoucherFileReader::new(document, LIMITS).finish().unwrap().1
}

fn bare_events(document: &[u8]) -> u64 {
    let mut reader = quick_xml::Reader::from_reader(document);
    let mut buffer = Vec::new();
    let mut count = 0;
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer).unwrap() {
            quick_xml::events::Event::Eof => return count,
            event => count += u64::from(!black_box(&event).is_empty()),
        }
    }
}

/// Time this thread has been on a processor, in nanoseconds: other work on the machine does not count.
fn on_processor() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

/// The best of several runs, in postings a second on one processor.
fn rate(mut run: impl FnMut()) -> f64 {
    let best = (0..15).map(|_| {
        let begin = on_processor();
        run();
        on_processor() - begin
    });
    f64::from(VOUCHERS * POSTINGS) * 1e9 / best.fold(f64::INFINITY, f64::min)
}

fn bench(criterion: &mut Criterion) {
    let references = references();
    let document = file(&references);
    let width = document.len() as f64 / f64::from(VOUCHERS * POSTINGS);
    // Taken in turns, so that other work on the machine falls on all.
    let (mut written, mut ours, mut bare) = (0.0_f64, 0.0_f64, 0.0_f64);
    for _ in 0..3 {
        written = written.max(rate(|| assert!(file(&references).len() > 1_000)));
        bare = bare.max(rate(|| assert!(bare_events(&document) > 0)));
        ours = ours.max(rate(|| assert_eq!(read(&document), u64::from(VOUCHERS * POSTINGS))));
    }
    eprintln!("writer: {written:.0} postings/s of {width:.0} bytes, {:.0} MB/s", written * width / 1e6);
    eprintln!(
        "reader: {ours:.0} postings/s, bare quick-xml events {bare:.0}, ratio {:.0} %",
        100.0 * ours / bare
    );
    let mut group = criterion.benchmark_group("finance");
    group.throughput(Throughput::Elements(u64::from(VOUCHERS * POSTINGS)));
    group.bench_function("write vouchers", |b| b.iter(|| file(black_box(&references))));
    group.bench_function("read vouchers", |b| b.iter(|| read(black_box(&document))));
    group.bench_function("bare quick-xml events", |b| b.iter(|| bare_events(black_box(&document))));
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
