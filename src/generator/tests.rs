use std::collections::{HashMap, HashSet};

use jiff::civil::{Date, Weekday, date};
use proptest::prelude::*;
use toek_adapters::disk::{Disk, RealDisk};

use super::manifest::{Expected, HeldReason, Line};
use super::record::{COLUMNS, Field, LENGTH};
use super::*;
use crate::partners::script::{DEMO, Outcome, Script};

const DAY: Date = date(2026, 1, 26);

fn weekday(day: Date) -> bool {
    !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// Everything a plan makes, in memory.
struct Output {
    files: Vec<(FileLine, Vec<u8>)>,
    records: Vec<RecordLine>,
    manifest: Vec<u8>,
}

fn make(asked: &Plan) -> Output {
    let script = Script::load(DEMO, "demo.toml").unwrap();
    let generator = plan(asked, &script, &weekday).unwrap();
    let mut manifest = Vec::new();
    generator.write_head(&mut manifest).unwrap();
    let mut files = Vec::new();
    for file in generator.files() {
        let mut bytes = Vec::new();
        let line = generator.write_file(file, &mut bytes, &mut manifest).unwrap();
        files.push((line, bytes));
    }
    let lines = manifest::lines(manifest.as_slice()).map(Result::unwrap);
    let records = lines.filter_map(|line| match line {
        Line::Record(record) => Some(record),
        Line::Plan(_) | Line::File(_) => None,
    });
    Output { files, records: records.collect(), manifest }
}

fn column(line: &[u8], field: Field) -> String {
    let column = COLUMNS[field as usize];
    line[column.from - 1..column.to].iter().map(|b| char::from(*b)).collect()
}

fn lines_of(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty()).collect()
}

#[test]
fn the_same_plan_gives_the_same_bytes() {
    let asked = Plan::new(2_000, 42, DAY);
    let (one, two) = (make(&asked), make(&asked));
    assert_eq!(one.manifest, two.manifest);
    for (a, b) in one.files.iter().zip(&two.files) {
        assert!(a == b, "{}", a.0.name);
    }
    let other = make(&Plan { seed: 43, ..asked });
    assert_ne!(one.files[0].0.sha256, other.files[0].0.sha256);
}

#[test]
fn the_manifest_says_what_the_files_hold() {
    let made = make(&Plan { records_per_file: 300, ..Plan::new(5_000, 1, DAY) });
    for (file, bytes) in &made.files {
        let lines = lines_of(bytes);
        let records: Vec<_> = made.records.iter().filter(|r| r.file == file.name).collect();
        assert_eq!(records.len() as u32, file.records, "{}", file.name);
        assert_eq!(file.bytes, bytes.len() as u64);
        assert_eq!(file.sum_ore, records.iter().map(|r| r.amount_ore).sum::<i64>());
        for record in &records {
            let line = lines[record.line as usize - 1];
            if record.fault.as_deref() == Some("cut-record") {
                assert_eq!(line.len(), 400);
                continue;
            }
            assert_eq!(line.len(), LENGTH);
            assert_eq!(column(line, Field::Linjenr), format!("{:05}", record.record));
            assert_eq!(column(line, Field::Orgenhed), record.municipality);
            assert_eq!(column(line, Field::Posthenv), record.posting_ref);
            assert_eq!(column(line, Field::Transref), record.transaction_ref);
            let spoiled = record.fault.as_deref() == Some("letter-in-amount");
            assert_eq!(column(line, Field::Beloeb) == format!("{:011}", record.amount_ore.abs()), !spoiled);
        }
        if file.state == FileState::Accepted {
            assert_eq!(lines.len() as u32, file.records + 2);
            assert_eq!(lines[0], format!("Z300 {}6      0261", &file.name[4..8]).as_bytes());
            assert_eq!(lines[lines.len() - 1], format!("SLUTD{:05}", file.records).as_bytes());
        }
    }
    let asked: u32 =
        made.files.iter().filter(|f| f.0.state == FileState::Accepted).map(|f| f.0.records).sum();
    assert_eq!(asked, 5_000 + SMALL_FILE);
}

/// What stands in the columns that make two payments suspiciously alike (00-decisions.md 4 c).
fn likeness(line: &[u8]) -> Vec<String> {
    let fields = [
        Field::Orgenhed,
        Field::Identkode,
        Field::Identnr,
        Field::Ydnr,
        Field::Ydelsesart,
        Field::Perfra,
        Field::Pertil,
        Field::Beloeb,
        Field::Dispdato,
    ];
    fields.iter().map(|field| column(line, *field)).collect()
}

#[test]
fn nothing_is_repeated_that_was_not_meant_to_be() {
    let made = make(&Plan { records_per_file: 700, ..Plan::new(6_000, 5, DAY) });
    let mut references = HashMap::new();
    let mut alike = HashSet::new();
    let rejected =
        |codes: &[&str]| Expected::Rejected { codes: codes.iter().map(|c| c.to_string()).collect() };
    for (file, bytes) in &made.files {
        if file.state == FileState::Quarantined {
            continue;
        }
        let mut postings = HashSet::new();
        let lines = lines_of(bytes);
        for record in made.records.iter().filter(|r| r.file == file.name) {
            let first_use = references.insert(record.transaction_ref.clone(), record.line).is_none();
            assert_eq!(first_use, record.expected != rejected(&["G68-K09"]), "{record:?}");
            let first_posting = postings.insert(record.posting_ref.clone());
            assert_eq!(first_posting, record.expected != rejected(&["G68-K08"]), "{record:?}");
            if record.fault.as_deref() != Some("cut-record") {
                let duplicate = Expected::Held { reason: HeldReason::Duplicate };
                let new = alike.insert(likeness(lines[record.line as usize - 1]));
                assert_eq!(new, record.expected != duplicate, "{record:?}");
            }
        }
    }
}

#[test]
fn every_fault_stands_in_the_manifest_and_beside_a_sound_record() {
    let made = make(&Plan::new(4_000, 9, DAY));
    let mut found = HashMap::new();
    for (place, record) in made.records.iter().enumerate() {
        if record.expected == Expected::Quarantined {
            continue; // a copy of a file with faults
        }
        let Some(fault) = record.fault.as_deref().and_then(Fault::named) else { continue };
        *found.entry(fault).or_insert(0) += 1;
        let before = &made.records[place - 1];
        assert_eq!((&before.file, before.fault.as_ref()), (&record.file, None), "{fault:?}");
        match fault.effect() {
            Effect::Rejected(codes) => {
                let codes = codes.iter().map(|c| (*c).to_owned()).collect();
                assert_eq!(record.expected, Expected::Rejected { codes });
            }
            Effect::Held(reason) => assert_eq!(record.expected, Expected::Held { reason }),
            Effect::Paid => assert!(matches!(record.expected, Expected::Pay { .. })),
        }
    }
    assert_eq!(found.len(), Fault::ALL.len());
    let files: Vec<_> = made.files.iter().filter_map(|f| f.0.code.as_deref()).collect();
    for code in FileFault::ALL.iter().filter_map(|fault| fault.code()) {
        assert!(files.contains(&code), "{code}");
    }
}

#[test]
fn a_repeated_file_is_the_same_bytes_under_another_name() {
    let made = make(&Plan::new(1_000, 3, DAY));
    let copy = made.files.iter().find(|f| f.0.code.as_deref() == Some("G68-S11")).unwrap();
    let same: Vec<_> = made.files.iter().filter(|f| f.1 == copy.1).collect();
    assert_eq!(same.len(), 2);
    assert_eq!((same[0].0.wave, same[1].0.wave), (1, 2));
    assert_eq!(same[0].0.state, FileState::Accepted);
}

#[test]
fn what_nemkonto_will_answer_is_foreseen_for_all_but_a_few() {
    let made = make(&Plan::new(20_000, 11, DAY));
    let mut counts: HashMap<Option<Outcome>, u32> = HashMap::new();
    for record in &made.records {
        if let Expected::Pay { answer } = &record.expected {
            *counts.entry(*answer).or_default() += 1;
        }
    }
    assert_eq!(counts.get(&None), None);
    assert!(counts[&Some(Outcome::Paid)] > 15_000, "{counts:?}");
    assert!(counts[&Some(Outcome::Returned)] > 500, "{counts:?}");
    assert!(counts[&Some(Outcome::Waiting)] > 20, "{counts:?}");
}

#[test]
fn plans_that_cannot_be_are_refused() {
    let good = Plan::new(100, 1, DAY);
    let table = [
        (Plan { payments: 0, ..good.clone() }, PlanError::Empty),
        (
            Plan { municipalities: vec![MunicipalityCode(411)], ..good.clone() },
            PlanError::Municipality(MunicipalityCode(411)),
        ),
        (Plan { records_per_file: 100_000, ..good.clone() }, PlanError::FileSize),
        (
            Plan {
                errors: ErrorMix { records: vec![(Fault::Cash, Share::Count(26))], files: Vec::new() },
                ..good
            },
            PlanError::TooManyFaults { faults: 26 },
        ),
    ];
    let script = Script::load(DEMO, "demo.toml").unwrap();
    for (asked, expected) in table {
        assert_eq!(plan(&asked, &script, &weekday).unwrap_err(), expected);
    }
}

#[test]
fn files_appear_on_disk_whole_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let asked = Plan::new(300, 1, DAY);
    let script = Script::load(DEMO, "demo.toml").unwrap();
    let generator = plan(&asked, &script, &weekday).unwrap();
    let made = generator.write_all(&RealDisk, dir.path()).unwrap();
    let entries = RealDisk.list(dir.path()).unwrap();
    assert_eq!(entries.len() as u64, made.files + 1);
    let bytes: u64 = entries.iter().filter(|e| e.name != MANIFEST).map(|e| e.size).sum();
    assert_eq!(bytes, made.bytes);
    assert!(entries.iter().all(|e| e.name == MANIFEST || e.name.ends_with(".g68")));
}

#[test]
fn texts_carry_danish_letters_in_latin_1() {
    let made = make(&Plan::new(200, 1, DAY));
    assert!(made.files[0].1.contains(&0xF8)); // ø
    assert!(std::str::from_utf8(&made.files[0].1).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_plan_counts_right(payments in 1_u64..900, seed: u64, floating: bool, per_file in 8_u32..200) {
        let mut asked = Plan { records_per_file: per_file, ..Plan::new(payments, seed, DAY) };
        if floating {
            asked.form = Form::Floating;
        }
        let made = make(&asked);
        let ordinary: u64 = made
            .files
            .iter()
            .filter(|f| f.0.wave == 1 && f.0.code.is_none())
            .map(|f| u64::from(f.0.records))
            .sum();
        prop_assert_eq!(ordinary, payments);
        for (file, bytes) in &made.files {
            if file.state == FileState::Accepted {
                prop_assert_eq!(lines_of(bytes).len() as u32, file.records + 2);
                prop_assert!(file.records <= per_file.max(SMALL_FILE));
            }
        }
    }
}
