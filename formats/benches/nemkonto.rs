//! Payments a second, writing bundles and reading answers, and how the reader stands to `quick-xml`'s bare events.
//!
//! `cargo bench -p toek-formats --bench nemkonto`. Budgets: 400,000 payments a second on one core both ways, and the
//! reader at least 70 % of the bare event loop over the same bytes.
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]
#![expect(clippy::float_arithmetic, reason = "figures, not money")]
#![expect(clippy::print_stderr, reason = "the ratio is no figure of criterion's")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use jiff::civil::date;
use toek_formats::nemkonto::*;
use toek_formats::vocabulary::{BankAccount, IdentCode, Ore, Party};

const PAYMENTS: u32 = 20_000;
const PARTIES: Parties<'_> = Parties {
    supplier_id: "HUBTEST",
    supplier_gln: "5798009999009",
    nks_id: "NKSTEST",
    nks_gln: "5798009999016",
};

fn references() -> Vec<String> {
    (0..PAYMENTS).map(|number| format!("T0751-260327-{number:09}")).collect()
}

fn bundle(references: &[String]) -> Vec<u8> {
    let head = BundleHead {
        parties: PARTIES,
        group_id: "T0751-20260327-000042",
        created: date(2026, 3, 27).at(9, 15, 0, 0),
        control_sum: Ore(125_000 * i64::from(PAYMENTS)),
        count: PAYMENTS,
        authority: "900001",
        amount_format: AmountFormat::Decimal2,
    };
    let mut writer = BundleWriter::begin(Vec::with_capacity(32 << 20), &head).unwrap();
    let debit = Debit {
        execution: date(2026, 3, 31),
        agreement: "700001",
        account: BankAccount::new(9999, 12_345).unwrap(),
        text: Some("T0751-20260327-000042"),
    };
    writer.debit(&debit).unwrap();
    for reference in references {
        let payment = Payment {
            end_to_end_id: reference,
            benefit: Some("0101"),
            amount: Ore(125_000),
            payee: Some(Party { code: IdentCode::Cpr, number: 2_512_489_996 }),
            name: None,
            address: None,
            account: None,
            advice: &["Ydelse for marts 2026", "Se din afgørelse af 20. marts 2026"],
        };
        writer.payment(&payment).unwrap();
    }
    writer.finish().unwrap()
}

fn answer(references: &[String]) -> Vec<u8> {
    let head = AnswerHead {
        kind: AnswerKind::Answer8,
        message_id: "NKS2C RETURSVAR8 0000005011".to_owned(),
        action: None,
        ref_to_message_id: None,
        group_id: Some("T0751-20260327-000042".to_owned()),
        group_status: None,
        reason: None,
        text: None,
        created: date(2026, 3, 30).at(21, 30, 0, 0),
        authority: Some("900001".to_owned()),
        supplier_id: None,
        unknown_elements: 0,
    };
    let mut writer = AnswerWriter::begin(Vec::new(), &head, &PARTIES).unwrap();
    for reference in references {
        let payment = AnsweredPayment {
            end_to_end_id: reference,
            instruction_id: Some(reference),
            status: Status::Accepted,
            status_text: "ACPT",
            reason: None,
            text: None,
            amount_text: "1250000",
            currency: "DKK",
            incomplete: true,
            payee: Some(Party { code: IdentCode::Cpr, number: 2_512_489_996 }),
            account_used: Some(AccountUsed::Danish(BankAccount::new(9997, 55_555).unwrap())),
            execution: Some(date(2026, 3, 31)),
            agreement: Some("700001"),
            debit_account: Some(BankAccount::new(9999, 12_345).unwrap()),
            debit_text: Some("T0751-20260327-000042"),
        };
        writer.payment(&payment).unwrap();
    }
    writer.finish().unwrap()
}

/// The same document with every element on a line of its own, indented as the samples are.
fn indented(document: &[u8]) -> Vec<u8> {
    let mut reader = quick_xml::Reader::from_reader(document);
    reader.config_mut().trim_text(true);
    let mut writer = quick_xml::Writer::new_with_indent(Vec::new(), b' ', 2);
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer).unwrap() {
            quick_xml::events::Event::Eof => break writer.into_inner(),
            event => writer.write_event(event).unwrap(),
        }
    }
}

fn read(document: &[u8]) -> u64 {
    let mut reader = AnswerReader::new(document, Limits::default());
    let mut count = 0;
    while let Some(payment) = reader.next().unwrap() {
        count += u64::from(payment.amount_matches(Ore(125_000)));
    }
    count
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

/// The best of several runs, in payments a second on one processor.
fn rate(mut run: impl FnMut()) -> f64 {
    let best = (0..15).map(|_| {
        let begin = on_processor();
        run();
        on_processor() - begin
    });
    f64::from(PAYMENTS) * 1e9 / best.fold(f64::INFINITY, f64::min)
}

fn ratio(name: &str, document: &[u8]) {
    // Taken in turns, so that other work on the machine falls on both.
    let (mut ours, mut bare) = (0.0_f64, 0.0_f64);
    for _ in 0..3 {
        bare = bare.max(rate(|| assert!(bare_events(document) > 0)));
        ours = ours.max(rate(|| assert_eq!(read(document), u64::from(PAYMENTS))));
    }
    eprintln!(
        "{name}: {ours:.0} payments/s, bare quick-xml events {bare:.0} payments/s, ratio {:.0} %",
        100.0 * ours / bare
    );
}

fn bench(criterion: &mut Criterion) {
    let references = references();
    let written = rate(|| assert!(bundle(&references).len() > 1_000));
    eprintln!("bundle: {written:.0} payments/s");
    let compact = answer(&references);
    let indented = indented(&compact);
    ratio("answer 8, as written by NKS's like", &compact);
    ratio("answer 8, indented", &indented);
    let mut group = criterion.benchmark_group("nemkonto");
    group.throughput(Throughput::Elements(u64::from(PAYMENTS)));
    group.bench_function("write bundle", |b| b.iter(|| bundle(black_box(&references))));
    group.bench_function("read answer 8", |b| b.iter(|| read(black_box(&compact))));
    group.bench_function("read answer 8, indented", |b| b.iter(|| read(black_box(&indented))));
    group.bench_function("bare quick-xml events", |b| b.iter(|| bare_events(black_box(&compact))));
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
