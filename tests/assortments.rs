//! Assortments in folders: what comes, what it makes of the accounts, told before it bites, and of vouchers when it does.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise and lays files where a counterparty would"
)]

#[path = "hub/mod.rs"]
mod hub;

use std::collections::BTreeSet;
use std::path::PathBuf;

use hub::{Hub, MONDAY, NAME, said};
use jiff::civil::{Date, date};
use toek_formats::assortment::{Assortment, AssortmentWriter, Class, ClassValue, Days, Part, Row};
use toek_formats::routing::{DynamicRouting, FileContent, FileDescriptor, FileMetadata};
use toek_formats::vocabulary::{MunicipalityCode, Uuid};

const FRIDAY: &str = "2026-02-27T07:00:00Z";
const LATER: &str = "2026-03-02T08:00:00Z";
const ASSORTMENT: &str = "SF7002_Sortiment";
const ANSWER: &str = "SF1590_A_FinansbilagKvittering";
const JANUARY: Date = date(2026, 1, 1);
const FUNKTION: &str = "FUNKTION";

/// A class in a sub-assortment, and its days.
type Valid = (&'static str, Uuid, Days);

/// Every class that the accounts name, valid since January.
fn all_valid(hub: &Hub) -> Vec<Valid> {
    let text = std::fs::read_to_string(hub.dir.join("accounts.toml")).unwrap();
    let (mut section, mut found) = (String::new(), BTreeSet::new());
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with('[') {
            section = line.to_owned();
        }
        let Some((key, value)) = line.split_once(" = ") else { continue };
        let Ok(class) = Uuid::parse(value.trim_matches('"')) else { continue };
        let part = match (section.as_str(), key) {
            ("[voucher_types]", _) => "BILAGSTYPE",
            ("[reference_keys]", _) => "REFERENCENØGLE",
            (_, "funktion") => FUNKTION,
            (_, "dranst") => "DRANST",
            (_, "art") => "ART",
            other => panic!("{other:?}"),
        };
        found.insert((part, class));
    }
    assert_eq!(found.len(), 21);
    found.into_iter().map(|(part, class)| (part, class, Days { from: JANUARY, until: None })).collect()
}

/// The class of the first account, UDB_K.
fn funktion(hub: &Hub) -> Uuid {
    let text = std::fs::read_to_string(hub.dir.join("accounts.toml")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("funktion = ")).unwrap();
    Uuid::parse(line.trim_matches('"')).unwrap()
}

fn set(values: &mut [Valid], class: Uuid, days: Days) {
    values.iter_mut().filter(|value| value.1 == class).for_each(|value| value.2 = days);
}

fn cvr(hub: &Hub, code: u16) -> String {
    let text = std::fs::read_to_string(hub.dir.join("municipalities.toml")).unwrap();
    let all = toek::domain::municipality::Municipalities::load(&text, "m.toml").unwrap();
    all.get(MunicipalityCode(code)).unwrap().cvr.to_string()
}

fn written(owner: &str, changed: &str, values: &[Valid]) -> Vec<u8> {
    let changed: jiff::Timestamp = changed.parse().unwrap();
    let always = Days { from: JANUARY, until: None };
    let head = Assortment {
        transaction_id: "10000000-0000-4000-8000-000000000001".to_owned(),
        at: changed,
        id: Uuid([0x10; 16]),
        key: "TOEK-FINANS".to_owned(),
        title: "TØK finans".to_owned(),
        owner: owner.to_owned(),
        days: always,
        registered: changed,
        changed,
        ..Assortment::default()
    };
    let mut writer = AssortmentWriter::begin(Vec::new(), &head).unwrap();
    let parts: BTreeSet<&str> = values.iter().map(|value| value.0).collect();
    for (n, key) in (0x20..).zip(parts) {
        let part = Part {
            id: Uuid([n; 16]),
            key: key.to_owned(),
            title: key.to_owned(),
            days: always,
            registered: changed,
            changed,
            type_title: "Primær dimension".to_owned(),
            ..Part::default()
        };
        writer.part(&part).unwrap();
        for (_, class, days) in values.iter().filter(|value| value.0 == key) {
            let row = Row { days: *days, registered: changed, changed, ..Row::default() };
            let class = Class {
                id: class.to_string(),
                key: format!("9.{}", class.0[0]),
                title: "Konto, \"prøve\"".to_owned(),
                facet: "f".to_owned(),
                classification: "k".to_owned(),
                ..Class::default()
            };
            writer.class(&ClassValue { row, class, ..ClassValue::default() }).unwrap();
        }
    }
    writer.finish().unwrap()
}

fn inbox(hub: &Hub) -> PathBuf {
    hub.dir.join("endpoints/serviceplatformen/IN")
}

/// As Serviceplatformen delivers a file of a kind.
fn lay(hub: &Hub, name: &str, inf_ref: &str, bytes: &[u8]) {
    let metadata = FileMetadata {
        transfer_id: format!("transfer of {name}"),
        file: FileDescriptor {
            file_name: name.to_owned(),
            size: bytes.len() as u64,
            sender: "KLASSIFIKATION".to_owned(),
            senders_file_id: None,
            recipients: vec!["TOEK".to_owned()],
        },
        content: FileContent::Routed(Box::new(DynamicRouting {
            inf_ref: inf_ref.to_owned(),
            sender_it_system: Uuid([7; 16]),
            sender_authority: "19435075".to_owned(),
            transaction_id: Uuid([8; 16]),
            sent: LATER.parse().unwrap(),
            recipient_it_system: None,
            recipient_authority: "12345674".to_owned(),
            parameters: Vec::new(),
        })),
    };
    std::fs::write(inbox(hub).join(name), bytes).unwrap();
    std::fs::write(inbox(hub).join(format!("{name}.metadata")), metadata.write().unwrap()).unwrap();
}

fn vouchers(hub: &Hub) -> [i64; 3] {
    let output = hub.toek(&["vouchers", "status", "--json"]);
    let counts: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    ["waiting", "held", "sent"].map(|key| counts[key].as_i64().unwrap())
}

/// What `toek assortments` says, and whether nothing is wrong.
fn told(hub: &Hub, arguments: &[&str]) -> (String, bool) {
    let output = hub.toek(&[&["assortments"], arguments].concat());
    (said(&output), output.status.success())
}

fn versions(hub: &Hub) -> Vec<(i64, bool)> {
    let (text, _) = told(hub, &["list", "--all", "--json"]);
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines.map(|line| (line["version"].as_i64().unwrap(), line["counts"].as_bool().unwrap())).collect()
}

#[test]
fn an_account_that_ends_is_told_before_it_holds_a_voucher_and_a_new_assortment_lets_it_go() {
    let hub = Hub::new();
    let owner = format!("urn:oio:cvr-nr:{}", cvr(&hub, 751));
    let (class, mut values) = (funktion(&hub), all_valid(&hub));
    set(&mut values, class, Days { from: JANUARY, until: Some(date(2026, 3, 2)) });
    lay(&hub, "SORTIMENT_1.xml", ASSORTMENT, &written(&owner, "2026-02-26T12:00:00Z", &values));
    assert!(hub.run("receive-voucher-answers", FRIDAY).contains("nothing to do"), "it is not the ERP's");
    hub.run("receive-assortments", FRIDAY);
    assert_eq!(hub.states("SORTIMENT_1.xml"), ["accepted"]);
    assert_eq!(std::fs::read_dir(inbox(&hub)).unwrap().count(), 0, "all is taken away");
    assert_eq!(hub.tasks(), ["account: account 0751 UDB_K funktion"]);
    assert!(hub.run("receive-assortments", FRIDAY).contains("nothing to do"), "it is told once");
    let (text, is_well) = told(&hub, &["check"]);
    assert!(!is_well && text.contains("2026-03-02") && text.lines().count() == 1, "{text}");
    assert!(told(&hub, &["check", "--days", "2"]).1, "not before Monday");

    std::fs::write(hub.drop().join(NAME), hub::file(1)).unwrap();
    hub.run("receive-payments", MONDAY);
    hub.run("send-vouchers", MONDAY);
    assert_eq!(vouchers(&hub), [0, 1, 0]);
    let why = said(&hub.toek(&["vouchers", "list"]));
    let expected =
        format!("({class}), for UDB_K funktion, cannot be used on 2026-03-02: it is valid no more");
    assert!(why.contains("V02: FUNKTION 9.") && why.contains(&expected), "{why}");

    set(&mut values, class, Days { from: JANUARY, until: None });
    lay(&hub, "SORTIMENT_2.xml", ASSORTMENT, &written(&owner, "2026-03-02T07:30:00Z", &values));
    hub.run("receive-assortments", LATER);
    assert_eq!(versions(&hub), [(1, false), (2, true)]);
    let (diff, _) = told(&hub, &["diff"]);
    assert!(diff.contains("was valid from 2026-01-01 until 2026-03-02, is from 2026-01-01"), "{diff}");
    assert_eq!(diff.lines().count(), 2, "{diff}");
    assert!(told(&hub, &["check"]).1);
    hub.run("send-vouchers", LATER);
    assert_eq!(vouchers(&hub), [0, 0, 1]);
    assert_eq!(hub.tasks(), [""; 0]);
    hub.clean();
}

#[test]
fn each_pipeline_takes_its_own_files_of_one_folder() {
    let hub = Hub::new();
    let bytes = written("KOMBIT", "2026-02-26T12:00:00Z", &all_valid(&hub));
    lay(&hub, "A.xml", ASSORTMENT, &bytes);
    lay(&hub, "B.xml", ANSWER, b"<no-answer/>");
    lay(&hub, "C.xml", "SF9999", b"<of-nobody/>");
    hub.run("receive-assortments", MONDAY);
    let states = || ["A.xml", "B.xml", "C.xml"].map(|name| hub.states(name).concat());
    assert_eq!(states(), ["accepted", "", ""]);
    hub.run("receive-voucher-answers", MONDAY);
    assert_eq!(states(), ["accepted", "quarantined", "quarantined"]);
    lay(&hub, "D.xml", ASSORTMENT, &bytes[..bytes.len() - 20]);
    hub.run("receive-assortments", LATER);
    assert_eq!(hub.states("D.xml"), ["quarantined"]);
    assert_eq!(versions(&hub), [(1, true)], "nothing of half a file counts");
    hub.clean();
}

#[test]
fn of_versions_the_one_changed_last_counts_and_what_it_leaves_out_is_closed() {
    let hub = Hub::new();
    let owner = format!("urn:oio:cvr-nr:{}", cvr(&hub, 751));
    let (class, mut values) = (funktion(&hub), all_valid(&hub));
    lay(&hub, "1.xml", ASSORTMENT, &written(&owner, "2026-02-20T12:00:00Z", &values));
    hub.run("receive-assortments", FRIDAY);
    values.retain(|value| value.1 != class);
    lay(&hub, "2.xml", ASSORTMENT, &written(&owner, "2026-03-01T23:30:00Z", &values)); // Monday in Denmark
    hub.run("receive-assortments", MONDAY);
    lay(&hub, "3.xml", ASSORTMENT, &written(&owner, "2026-02-28T12:00:00Z", &values));
    hub.run("receive-assortments", LATER);
    assert_eq!(versions(&hub), [(1, false), (2, true), (3, false)]);
    let cvr = cvr(&hub, 751);
    let on = |day: &str, whose: &str| {
        let arguments = ["show", "--municipality", whose, "--day", day, "--part", FUNKTION];
        told(&hub, &arguments).0.contains(&class.to_string())
    };
    assert!(on("2026-03-01", "0751") && on("2026-03-01", &cvr) && !on("2026-03-02", "0751"));
    assert!(!on("2026-03-01", "0461"), "it is nobody else's");
    assert!(told(&hub, &["check", "--days", "0"]).0.contains("it is valid no more from 2026-03-02"));
    let (csv, _) = told(&hub, &["export", "--municipality", "0751", "--day", "2026-03-01"]);
    assert_eq!(csv.lines().count(), 22, "{csv}");
    assert!(csv.starts_with("part,number,title,class,from,until\n"), "{csv}");
    assert!(
        csv.contains("\"Konto, \"\"prøve\"\"\"") && csv.contains("\"2026-01-01\",\"2026-03-02\""),
        "{csv}"
    );
    let (text, is_well) = told(&hub, &["show", "9"]);
    assert!(!is_well && text.contains("there is no version 9"), "{text}");
    hub.clean();
}

#[test]
fn an_assortment_of_nobody_here_waits_for_a_person() {
    let hub = Hub::new();
    lay(&hub, "1.xml", ASSORTMENT, &written("urn:oio:cvr-nr:12345674", FRIDAY, &all_valid(&hub)));
    hub.run("receive-assortments", MONDAY);
    assert_eq!(hub.states("1.xml"), ["quarantined"]);
    assert!(hub.status().to_string().contains("SORT-OWNER"));
    assert_eq!(versions(&hub), []);
    hub.clean();
}

#[test]
fn a_common_assortment_speaks_for_all_until_a_municipality_has_its_own() {
    let hub = Hub::new();
    let (class, mut values) = (funktion(&hub), all_valid(&hub));
    values.retain(|value| value.1 != class);
    lay(&hub, "1.xml", ASSORTMENT, &written("KOMBIT", "2026-02-26T12:00:00Z", &values));
    hub.run("receive-assortments", MONDAY);
    let whose = || {
        let (text, _) = told(&hub, &["check", "--json"]);
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.map(|line| hub::text(&line["municipality"])).collect::<Vec<_>>()
    };
    assert_eq!(whose(), ["0461", "0630", "0751"]);
    let name = format!("own-{}.xml", cvr(&hub, 751));
    let own = written(&format!("urn:oio:cvr-nr:{}", cvr(&hub, 751)), FRIDAY, &all_valid(&hub));
    // An assortment of its own, not another version.
    let own =
        String::from_utf8(own).unwrap().replace(&Uuid([0x10; 16]).to_string(), &Uuid([0x11; 16]).to_string());
    lay(&hub, &name, ASSORTMENT, own.as_bytes());
    hub.run("receive-assortments", LATER);
    assert_eq!(whose(), ["0461", "0630"]);
    assert_eq!(versions(&hub), [(1, true), (2, true)]);
    hub.clean();
}
