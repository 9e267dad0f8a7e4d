//! camt.053: samples with what is told of them, and what is written read back.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "tests read and write files")]

mod samples;

use std::io::BufReader;

use jiff::Timestamp;
use jiff::civil::{Date, date};
use proptest::prelude::*;
use toek_formats::bank_statement::*;
use toek_formats::vocabulary::Ore;

fn tell(bytes: &[u8], line: &mut dyn FnMut(&str)) -> Result<(), Error> {
    dump(bytes, LIMITS, line)
}

#[test]
fn right_files_are_told() {
    samples::check(tell, "bank_statement/ok", true, 13);
}

#[test]
fn broken_files_are_refused_at_their_place() {
    samples::check(tell, "bank_statement/err", false, 31);
}

#[test]
fn nothing_personal_is_told() {
    let secrets = ["9996", "Hanne", "99970000000001", "99990000000751"];
    samples::check_secrets(tell, &["bank_statement/ok", "bank_statement/err"], &secrets);
}

#[test]
fn danish_accounts_by_either_form() {
    let table = [
        ("99990000000751", Some("99990000000751")),
        ("DK5099990000000751", Some("99990000000751")),
        ("DK50999900000007511", None),
        ("DE89370400440532013000", None),
        ("9999-0000000751", None),
        ("DK", None),
        ("", None),
    ];
    for (written, expected) in table {
        assert_eq!(Account(written.to_owned()).danish(), expected, "{written}");
    }
    assert!(!format!("{:?}", Account("99990000000751".to_owned())).contains("9999"));
}

type Written = Vec<(Statement, Vec<Entry>)>;

fn write(version: Version, all: &Written) -> Vec<u8> {
    let at = Timestamp::from_second(1_772_800_000).unwrap();
    let mut writer = StatementWriter::begin(Vec::new(), version, "BANK-1", at).unwrap();
    for (statement, entries) in all {
        writer.statement(statement).unwrap();
        entries.iter().for_each(|entry| writer.entry(entry).unwrap());
    }
    writer.finish().unwrap()
}

fn read(bytes: &[u8], chunk: usize) -> Result<Written, Error> {
    let mut reader = StatementReader::new(BufReader::with_capacity(chunk, bytes), LIMITS);
    let mut all: Written = Vec::new();
    while let Some(item) = reader.next()? {
        match item {
            Item::Statement(statement) => all.push((statement.clone(), Vec::new())),
            Item::Entry(entry) => all.last_mut().unwrap().1.push(entry.clone()),
        }
    }
    Ok(all)
}

fn days() -> impl Strategy<Value = Date> {
    (1_i8..=28).prop_map(|day| date(2026, 3, day))
}

fn details(sign: i64) -> impl Strategy<Value = Vec<Detail>> {
    let detail = (
        proptest::option::of("[A-Z0-9][A-Za-z0-9&<-]{0,25}[a-z0-9]"),
        proptest::option::of(1_i64..10_000_000),
        proptest::option::of("[A-Z]{2}[0-9]{2}"),
    );
    proptest::collection::vec(detail, 0..4).prop_map(move |all| {
        let detail = |(end_to_end_id, amount, return_reason): (_, Option<i64>, _)| Detail {
            end_to_end_id,
            batch: Vec::new(),
            amount: amount.map(|ore| Ore(ore * sign)),
            return_reason,
        };
        all.into_iter().map(detail).collect()
    })
}

fn entries() -> impl Strategy<Value = Entry> {
    let sign = prop_oneof![Just(1_i64), Just(-1_i64)];
    let flags = (any::<bool>(), any::<bool>());
    sign.prop_flat_map(move |sign| {
        let references = proptest::collection::vec("[A-Z0-9]{1,20}", 0..=2);
        let batch = proptest::collection::vec("T0751-20260304-[0-9]{6}", 0..=2);
        (
            1_i64..100_000_000_000,
            flags,
            days(),
            proptest::option::of(days()),
            references,
            batch,
            details(sign),
        )
            .prop_map(
                move |(
                    amount,
                    (is_booked, is_reversal),
                    booking_day,
                    value_day,
                    references,
                    batch,
                    details,
                )| {
                    Entry {
                        amount: Ore(amount * sign),
                        is_booked,
                        is_reversal,
                        booking_day,
                        value_day,
                        references,
                        batch,
                        details,
                    }
                },
            )
    })
}

fn statements() -> impl Strategy<Value = Written> {
    let one = (
        "[A-Za-z0-9-]{1,35}",
        proptest::option::of(1_u64..100_000),
        prop_oneof![Just("99990000000751"), Just("DK5099990000000461")],
        -1_000_000_000_000_i64..1_000_000_000_000,
        proptest::collection::vec(entries(), 0..5),
    );
    proptest::collection::vec(one, 1..3).prop_map(|all| {
        let statement = |(id, sequence, account, opening, entries): (String, _, &str, i64, Vec<Entry>)| {
            let moved: i64 = entries.iter().filter(|e| e.is_booked).map(|e| e.amount.0).sum();
            let statement = Statement {
                id,
                sequence,
                created: Timestamp::from_second(1_772_800_000).unwrap(),
                account: Account(account.to_owned()),
                currency: "DKK".to_owned(),
                opening: (Ore(opening), date(2026, 3, 6)),
                closing: (Ore(opening + moved), date(2026, 3, 6)),
            };
            (statement, entries)
        };
        all.into_iter().map(statement).collect()
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(all in statements(), is_new in any::<bool>(), chunk in 1_usize..200) {
        let version = if is_new { Version::V8 } else { Version::V2 };
        prop_assert_eq!(read(&write(version, &all), chunk).unwrap(), all);
    }

    #[test]
    fn a_balance_that_is_one_ore_off_is_refused(all in statements(), more in prop_oneof![Just(1_i64), Just(-1_i64)]) {
        let mut all = all;
        all.last_mut().unwrap().0.closing.0.0 += more;
        prop_assert_eq!(read(&write(Version::V8, &all), 4096).unwrap_err().kind(), Kind::Rule);
    }

    #[test]
    fn bytes_that_are_cut_or_turned_never_panic(all in statements(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = write(Version::V2, &all);
        let at = at.index(bytes.len());
        let _ = read(&bytes[..at], 4096).map_err(|error| error.to_string());
        bytes[at] = byte;
        let _ = read(&bytes, 7).map_err(|error| error.to_string());
    }
}
