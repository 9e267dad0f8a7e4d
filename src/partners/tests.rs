use std::collections::BTreeMap;
use std::path::Path;

use jiff::ToSpan;
use jiff::civil::{DateTime, date};
use quick_xml::events::Event;
use toek_adapters::disk::{Disk, RealDisk};

use super::bundle::Bundle;
use super::nemkonto::{Folders, NemKonto, replay};
use super::script::{BundleAnswer, HOSTILE, Script};
use super::testing::{DyingDisk, Pay, bundle_xml};

const NOON: DateTime = date(2026, 1, 28).at(12, 0, 0, 0);
const GROUP: &str = "T0751-20260128-000001";

fn pay(id: &str, ore: i64, payee: &str) -> Pay {
    Pay { id: id.to_owned(), ore, payee: payee.to_owned() }
}

/// A bundle with one payment per amount.
fn bundle(group: &str, amounts: &[i64]) -> String {
    let payments =
        (1..).zip(amounts).map(|(n, ore)| pay(&format!("{}-{n}", &group[..6]), *ore, "1506305000"));
    bundle_xml(group, NOON, &[(date(2026, 1, 30), payments.collect())])
}

fn script(text: &str) -> Script {
    Script::load(text, "test.toml").unwrap()
}

fn folders(dir: &Path) -> Folders {
    Folders { inbox: dir.join("in"), outbox: dir.join("out"), home: dir.join("nks") }
}

/// Puts bundles into the inbox, by name.
fn drop_in(folders: &Folders, bundles: &[(&str, String)]) {
    RealDisk.create_dir_all(&folders.inbox).unwrap();
    for (name, xml) in bundles {
        RealDisk.write_atomically(&folders.inbox.join(name), xml.as_bytes()).unwrap();
    }
}

/// All answers ever due, by name; empties the outbox as a hub would.
fn collect(folders: &Folders) -> BTreeMap<String, String> {
    let mut answers = BTreeMap::new();
    for entry in RealDisk.list(&folders.outbox).unwrap() {
        let path = folders.outbox.join(&entry.name);
        answers.insert(entry.name, RealDisk.read_text(&path).unwrap());
        RealDisk.remove(&path).unwrap();
    }
    answers
}

/// What NemKonto says to these bundles in the end, by file name.
fn answers_to(text: &str, bundles: &[(&str, String)]) -> BTreeMap<String, String> {
    let dir = tempfile::tempdir().unwrap();
    let folders = folders(dir.path());
    drop_in(&folders, bundles);
    let mut nks = NemKonto::open(&RealDisk, folders.clone(), script(text)).unwrap();
    nks.step(NOON).unwrap();
    nks.step(NOON + 30.days()).unwrap();
    collect(&folders)
}

fn is_well_formed(xml: &str) -> bool {
    let mut reader = quick_xml::NsReader::from_str(xml);
    let mut depth = 0;
    loop {
        match reader.read_event() {
            Ok(Event::Start(_)) => depth += 1,
            Ok(Event::End(_)) => depth -= 1,
            Ok(Event::Eof) => return depth == 0,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

fn names(answers: &BTreeMap<String, String>) -> Vec<&str> {
    let tails =
        answers.keys().map(|name| name.rsplit_once("0000001_").map_or(name.as_str(), |(_, tail)| tail));
    tails.collect()
}

#[test]
fn each_script_outcome_gives_its_answers() {
    // One payment of 100.00, ten others at most. What must be in which answer.
    type Expected = &'static [(&'static str, &'static [&'static str])];
    let table: &[(&str, Expected)] = &[
        (
            "",
            &[
                (
                    "1.xml",
                    &["<ebms:Action>ACPT</ebms:Action>", "<ebms:RefToMessageId>T0751-20260128-000001<"],
                ),
                ("2.xml", &["<swift:GrpSts>ACPT</swift:GrpSts>"]),
                ("8_0001.xml", &["<swift:TxSts>ACPT<", ">100000</swift:InstdAmt>", "<swift:CdtrAcct>"]),
            ],
        ),
        (
            "amounts = \"decimal2\"",
            &[("1.xml", &[]), ("2.xml", &[]), ("8_0001.xml", &[">100.00</swift:InstdAmt>"])],
        ),
        (
            "[[payment]]\nanswer = \"refuse\"\ncode = \"0004\"",
            &[
                ("1.xml", &["ACPT"]),
                ("2.xml", &["<swift:GrpSts>RJCT<", "<swift:StsRsn>0004<", "<swift:TxSts>RJCT<"]),
            ],
        ),
        (
            "[[payment]]\nanswer = \"return\"",
            &[
                ("1.xml", &[]),
                ("2.xml", &["ACPT"]),
                ("7_0001.xml", &["<swift:StsRsn>RJCT<", "Myndigheden har valgt betalingen retur"]),
            ],
        ),
        (
            "[[payment]]\nanswer = \"check\"",
            &[("1.xml", &[]), ("2.xml", &[]), ("7_0001.xml", &["Bankcheck anvendes"])],
        ),
        (
            "[[payment]]\nanswer = \"error-account\"",
            &[("1.xml", &[]), ("2.xml", &[]), ("7_0001.xml", &["fejlkonto"])],
        ),
        (
            "[[payment]]\nanswer = \"waiting-account\"",
            &[("1.xml", &[]), ("2.xml", &[]), ("7_0001.xml", &["ventekonto"])],
        ),
        (
            "[[payment]]\nanswer = \"unknown-text\"",
            &[("1.xml", &[]), ("2.xml", &[]), ("7_0001.xml", &["på anden vis"])],
        ),
        (
            "[[payment]]\nanswer = \"bank-refuse\"",
            &[
                ("1.xml", &[]),
                ("2.xml", &[]),
                ("9_0001.xml", &["<swift:StsRsn>0001<", "KONTO FINDES IKKE", "<swift:TxSts>RJCT<"]),
            ],
        ),
        (
            "[[payment]]\nanswer = \"bank-refuse-later\"",
            &[("1.xml", &[]), ("2.xml", &[]), ("8_0001.xml", &["ACPT"]), ("9b_0001.xml", &["RJCT"])],
        ),
        (
            "[[payment]]\nanswer = \"other-amount\"",
            &[("1.xml", &[]), ("2.xml", &[]), ("8_0001.xml", &[">100010</swift:InstdAmt>"])],
        ),
        ("[[payment]]\nanswer = \"silent\"", &[("1.xml", &[]), ("2.xml", &["ACPT"])]),
        (
            "[[bundle]]\nanswer = \"refuse-at-receipt\"\ntext = \"Nej <&>\"",
            &[("1.xml", &["<ebms:Action>RJCT<", "Nej &lt;&amp;&gt;"])],
        ),
        (
            "[[bundle]]\nanswer = \"refuse\"\ncode = \"0002\"",
            &[("1.xml", &["ACPT"]), ("2.xml", &["<swift:GrpSts>RJCT<", "<swift:StsRsn>0002<"])],
        ),
        (
            "[[bundle]]\nanswer = \"stop\"",
            &[("1.xml", &[]), ("2.xml", &[]), ("5.xml", &["BETALING(ER) STANDSET"])],
        ),
        ("[[bundle]]\nanswer = \"silent\"", &[]),
        (
            "[[bundle]]\nanswer = \"accept\"\ntwice = true",
            &[
                ("1.xml", &[]),
                ("1_again.xml", &[]),
                ("2.xml", &[]),
                ("2_again.xml", &[]),
                ("8_0001.xml", &[]),
                ("8_0001_again.xml", &[]),
            ],
        ),
        (
            "[[bundle]]\nanswer = \"accept\"\nstrays = [\"unknown-bundle\", \"unknown-root\"]",
            &[
                ("1.xml", &[]),
                ("2.xml", &[]),
                ("6_stray.xml", &["<nks:NKSResponse6 "]),
                ("8_0001.xml", &[]),
                ("8_stray.xml", &["<swift:GrpId>T0000-19990101-999999<"]),
            ],
        ),
    ];
    for (text, expected) in table {
        let answers = answers_to(text, &[("a.xml", bundle(GROUP, &[10_000]))]);
        let expected_names: Vec<_> = expected.iter().map(|(name, _)| *name).collect();
        assert_eq!(names(&answers), expected_names, "{text}");
        for ((_, parts), (name, xml)) in expected.iter().zip(&answers) {
            assert!(is_well_formed(xml), "{text} {name}");
            for part in *parts {
                assert!(xml.contains(part), "{text}: no {part} in {name}: {xml}");
            }
        }
    }
}

#[test]
fn an_unreadable_bundle_is_refused_once_and_taken_when_it_comes_again() {
    let text = "[[bundle]]\nanswer = \"unreadable\"";
    let xml = bundle(GROUP, &[10_000]);
    let answers = answers_to(text, &[("a.xml", xml.clone()), ("b.xml", xml)]);
    let names: Vec<_> = answers.keys().map(String::as_str).collect();
    let taken = "T0751-20260128-000001_0000002";
    let again = ["1.xml", "2.xml", "8_0001.xml"].map(|tail| format!("{taken}_{tail}"));
    assert_eq!(names, [&again[0], &again[1], &again[2], "a_0000001_0.xml"]);
    assert!(!answers["a_0000001_0.xml"].contains("RefToMessageId"));
}

#[test]
fn the_same_reference_is_never_taken_twice() {
    let first = bundle(GROUP, &[10_000, 20_000]);
    let other = bundle("T0751-20260128-000002", &[10_000]); // the payment references of the first
    let answers = answers_to("", &[("a.xml", first.clone()), ("b.xml", first), ("c.xml", other)]);
    let refused: Vec<_> =
        answers.iter().filter(|(_, xml)| xml.contains("RJCT")).map(|(name, _)| name.as_str()).collect();
    assert_eq!(refused, ["T0751-20260128-000001_0000002_1.xml", "T0751-20260128-000002_0000003_2.xml"]);
    assert!(answers["T0751-20260128-000001_0000002_1.xml"].contains("0009"));
    assert!(answers["T0751-20260128-000002_0000003_2.xml"].contains("0006"));
}

#[test]
fn last_comes_first_when_the_script_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let folders = folders(dir.path());
    drop_in(&folders, &[("a.xml", bundle(GROUP, &[10_000]))]);
    let rules = script("[[bundle]]\nanswer = \"accept\"\nreversed = true\nlate = \"1d\"");
    let mut nks = NemKonto::open(&RealDisk, folders.clone(), rules).unwrap();
    nks.step(NOON).unwrap();
    let mut order = Vec::new();
    while let Some(due) = nks.next_due().unwrap() {
        assert!(due > NOON + 1.day());
        order.extend(nks.step(due).unwrap().delivered);
    }
    let kinds: Vec<_> = order.iter().map(|name| name.split('_').nth(2).unwrap()).collect();
    assert_eq!(kinds, ["8", "2.xml", "1.xml"]);
}

#[test]
fn strictness() {
    let good = bundle(GROUP, &[10_000, 20_000]);
    // What is changed into what, and what the answers must then contain.
    let table: &[(&str, &str, &str)] = &[
        ("<swift:CtrlSum>300.00", "<swift:CtrlSum>300.01", "0007 Kontrolsum"),
        ("<swift:NbOfTxs>2", "<swift:NbOfTxs>3", "0007 Antal"),
        ("<swift:ChrgBr>SHA</swift:ChrgBr>", "", "ChrgBr expected"),
        ("<swift:GrpId>T0751", "<swift:GrpId>T07 51", "0009 Bundtreference"),
        ("1506305000", "6106305000", "<swift:StsRsn>0004"),
        ("1506305000", "1513305000", "<swift:StsRsn>0004"),
        (">100.00<", ">100<", "0007 Kontrolsum"), // no permitted form: counts as nothing
        ("<swift:ReqdExctnDt>2026-01-30", "<swift:ReqdExctnDt>2026-01-31", "0002"),
        ("<swift:ReqdExctnDt>2026-01-30", "<swift:ReqdExctnDt>2026-01-27", "0002"),
        ("Ccy=\"DKK\"", "Ccy=\"EUR\"", "not in DKK"),
        ("oes.dk/nemkonto.swift/", "oes.dk/nemkonto.other/", "GrpId expected"),
        ("<nks:GrpHdr>", "<nks:GrpHdr/><nks:GrpHdr>", "GrpId is missing"),
        ("<swift:DbtPurp>", "<swift:DbtPurp> </swift:DbtPurp><swift:DbtPurp>", "DbtPurp is empty"),
        ("</nks:NKSPayment>", "", "linje"),
        ("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "<!DOCTYPE a>", "document type"),
        ("Åse", "&aase;", "entity"),
        ("ebms:version=\"2.0\"", "", "version 2.0"),
    ];
    for (from, to, expected) in table {
        let spoiled = good.replacen(from, to, 1);
        assert_ne!(spoiled, good, "{from}");
        let answers = answers_to("", &[("a.xml", spoiled)]);
        let all: String = answers.values().map(String::as_str).collect();
        assert!(all.contains(expected), "{from} -> {to}: {all}");
        assert!(all.contains("RJCT"), "{from} -> {to}");
        let clean = answers.values().all(|xml| is_well_formed(xml));
        assert!(clean, "{from} -> {to}");
    }
}

#[test]
fn the_example_of_the_specification_is_read() {
    let example = include_str!("../../fixtures/partners/nemkonto-5.1.xml");
    let bundle = Bundle::read(example.as_bytes()).unwrap();
    assert_eq!(bundle.faults(), None);
    assert_eq!((bundle.count, bundle.control_sum_ore), (2, 472_550));
    let faults: Vec<_> = bundle.payments().map(|p| p.fault(&[]).map(|reason| reason.code)).collect();
    assert_eq!(faults, [Some("0004".to_owned()), None]); // a replacement CPR number cannot be looked up
    assert!(!format!("{bundle:?}").contains("6101804001"));
}

/// Two bundles that between them meet every answer and every disorder of the hostile script.
fn busy() -> Vec<(&'static str, String)> {
    let amounts: Vec<i64> = (0..60).map(|n| 100_000 + n).collect();
    vec![("a.xml", bundle(GROUP, &amounts)), ("b.xml", bundle("T0101-20260128-000001", &amounts))]
}

/// Steps until nothing waits, dying after `operations` disk operations and starting anew; all that was delivered.
fn run_with_deaths(operations: u64) -> (BTreeMap<String, String>, u32) {
    let dir = tempfile::tempdir().unwrap();
    let folders = folders(dir.path());
    drop_in(&folders, &busy());
    let mut all = BTreeMap::new();
    let (mut deaths, mut budget, mut now) = (0, operations, NOON);
    loop {
        let disk = DyingDisk::after(budget);
        let mut life = || -> Result<bool, super::nemkonto::PartnerError> {
            let mut nks = NemKonto::open(&disk, folders.clone(), script(HOSTILE))?;
            nks.step(now)?;
            while let Some(due) = nks.next_due()? {
                now = now.max(due);
                nks.step(now)?;
            }
            Ok(true)
        };
        let finished = life().unwrap_or(false);
        if RealDisk.exists(&folders.outbox).unwrap() {
            for (name, xml) in collect(&folders) {
                assert_eq!(all.insert(name.clone(), xml), None, "{name} came twice");
            }
        }
        if finished {
            return (all, deaths);
        }
        deaths += 1;
        budget += 3; // a life that is always too short would never end
    }
}

#[test]
fn a_death_at_any_moment_loses_nothing_and_repeats_nothing() {
    let (undisturbed, deaths) = run_with_deaths(u64::MAX);
    assert_eq!(deaths, 0);
    assert!(undisturbed.len() > 5);
    for operations in 1..40 {
        let (answers, deaths) = run_with_deaths(operations);
        assert!(deaths > 0);
        let names = |answers: &BTreeMap<String, String>| answers.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&answers), names(&undisturbed), "{operations}");
    }
}

#[test]
fn answers_that_the_hub_removed_do_not_come_again() {
    let dir = tempfile::tempdir().unwrap();
    let folders = folders(dir.path());
    drop_in(&folders, &[("a.xml", bundle(GROUP, &[10_000])), (".b.xml.part", "half".to_owned())]);
    let mut nks = NemKonto::open(&RealDisk, folders.clone(), script("")).unwrap();
    assert_eq!(nks.step(NOON).unwrap().taken, 1);
    nks.step(NOON + 1.day()).unwrap();
    assert_eq!(collect(&folders).len(), 3);
    let mut again = NemKonto::open(&RealDisk, folders.clone(), script("")).unwrap();
    assert_eq!(again.step(NOON + 2.days()).unwrap(), super::nemkonto::Stepped::default());
    assert_eq!(again.next_due().unwrap(), None);
}

#[test]
fn the_ledger_tells_what_was_asked_and_decided() {
    let dir = tempfile::tempdir().unwrap();
    let folders = folders(dir.path());
    let rules = "[[bundle]]\nsequences = [2]\nanswer = \"refuse\"";
    drop_in(
        &folders,
        &[
            ("a.xml", bundle(GROUP, &[10_000, 20_000])),
            ("b.xml", bundle("T0101-20260128-000002", &[30_000])),
            ("c.xml", "no bundle".to_owned()),
        ],
    );
    let mut nks = NemKonto::open(&RealDisk, folders.clone(), script(rules)).unwrap();
    nks.step(NOON).unwrap();
    let mut seen = Vec::new();
    replay(&RealDisk, &folders.home, &script(rules), &mut |taken, _, read| {
        seen.push((
            taken.name.clone(),
            read.ok().map(|(bundle, j)| (bundle.count, j.answer, j.payments.len())),
        ));
    })
    .unwrap();
    assert_eq!(
        seen,
        [
            ("a.xml".to_owned(), Some((2, BundleAnswer::Accept, 2))),
            ("b.xml".to_owned(), Some((1, BundleAnswer::Refuse, 0))),
            ("c.xml".to_owned(), None),
        ]
    );
}

/// A test room may not look into the rooms it tests.
#[test]
fn partners_use_nothing_they_judge() {
    let files = [
        ("answers.rs", include_str!("answers.rs")),
        ("bank_days.rs", include_str!("bank_days.rs")),
        ("bundle.rs", include_str!("bundle.rs")),
        ("checker.rs", include_str!("checker.rs")),
        ("nemkonto.rs", include_str!("nemkonto.rs")),
        ("script.rs", include_str!("script.rs")),
        ("../generator/mod.rs", include_str!("../generator/mod.rs")),
        ("../generator/draft.rs", include_str!("../generator/draft.rs")),
        ("../generator/faults.rs", include_str!("../generator/faults.rs")),
        ("../generator/manifest.rs", include_str!("../generator/manifest.rs")),
        ("../generator/record.rs", include_str!("../generator/record.rs")),
    ];
    let allowed_of_formats = "toek_formats::vocabulary";
    for (name, text) in files {
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let foreign = line.contains("toek_formats::") && !line.contains(allowed_of_formats);
            let hub = ["store", "domain", "pipelines", "config", "cli"]
                .iter()
                .any(|room| line.contains(&format!("crate::{room}")));
            assert!(!foreign && !hub, "{name}: {line}");
        }
    }
}
