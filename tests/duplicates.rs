//! The duplicate guard as persons meet it: what a payment equals and where that one stands, and that two let it go.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and makes files as a person would"
)]

mod hub;

use hub::clerk::{about, answer, at, done, refused};
use hub::{Delivery, Hub, MONDAY, NAME, put, said, text};
use serde_json::Value;
use toek::partners::answers::Kind;

const LATER: &str = "2026-03-02T08:00:00Z";
const WEDNESDAY: &str = "2026-03-04T13:00:00Z";
const THURSDAY_EVENING: &str = "2026-03-05T18:00:00Z";
const NEXT_MONDAY: &str = "2026-03-09T07:30:00Z";
const GROUP: &str = "T0751-20260304-000001";
/// The file that repeats the first: its first record by reference, the others by content.
const AGAIN: &str = "again.g68";

fn replaced(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    let places: Vec<usize> =
        bytes.windows(from.len()).enumerate().filter(|(_, w)| *w == from).map(|(at, _)| at).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
}

/// Ten payments taken in, and then a file with the same payments: nine under other references.
fn repeated() -> Hub {
    let hub = Hub::new();
    let mut bytes = Delivery::new(1).bytes();
    put(&hub.drop().join(NAME), &bytes, 1_770_000_000);
    hub.run("receive-payments", MONDAY);
    for record in hub.records(NAME).iter().skip(1) {
        let reference = text(&record["transaction_ref"]);
        let mut other = reference.trim_end().to_owned();
        let last = if other.pop().unwrap() == 'X' { 'Y' } else { 'X' };
        other.push(last);
        replaced(&mut bytes, reference.trim_end().as_bytes(), other.as_bytes());
    }
    put(&hub.drop().join(AGAIN), &bytes, 1_770_000_100);
    hub.run("receive-payments", LATER);
    hub
}

fn listed(hub: &Hub) -> Vec<Value> {
    let output = hub.toek(&["duplicates", "--json"]);
    assert!(output.status.success(), "{}", said(&output));
    let lines = output.stdout.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

fn count(hub: &Hub, sql: &str) -> i64 {
    hub.sql().query_row(sql, [], |row| row.get(0)).unwrap()
}

/// NemKonto's word that the bank has the first payment of the bundle.
fn bank_has_the_first(hub: &Hub) {
    let bytes = std::fs::read(hub.inbox().join(format!("{GROUP}.xml"))).unwrap();
    answer(hub, "8.xml", about(&bytes, Kind::Answer8, 1, 0, true), "2026-03-04T15:00:00Z");
}

#[test]
fn it_is_told_what_a_record_equals_and_where_that_stands_now() {
    let hub = repeated();
    let standing = |hub: &Hub| {
        let records = hub.records(AGAIN);
        let of = |place: usize| text(&records[place]["equals"]["standing"]);
        (of(0), of(1))
    };
    let records = hub.records(AGAIN);
    let outcomes: Vec<_> =
        records.iter().map(|r| format!("{} {}", text(&r["outcome"]), text(&r["reason"]))).collect();
    assert_eq!(outcomes[0], "rejected G68-K09");
    assert!(outcomes[1..].iter().all(|outcome| outcome == "held duplicate"), "{outcomes:?}");
    for (place, record) in records.iter().enumerate() {
        let equals = &record["equals"];
        assert_eq!(equals["payment"], format!("P1-{}", place + 1));
        assert_eq!(equals["line"], record["line"], "the files have the same lines");
        assert_eq!((text(&equals["file"]), text(&equals["received"])), (NAME.into(), "2026-03-02".into()));
    }
    assert_eq!(standing(&hub), ("waiting".into(), "waiting".into()));
    hub.run("send-bundles", WEDNESDAY);
    let in_bundle = format!("in bundle {GROUP}, landed");
    assert_eq!(standing(&hub), (in_bundle.clone(), in_bundle.clone()));
    bank_has_the_first(&hub);
    assert_eq!(standing(&hub), ("paid".into(), in_bundle.clone()));
    let line = records[0]["line"].as_u64().unwrap();
    let paid = format!("line {line} equals line {line} of file {NAME} of 2 March 2026, paid (P1-1)");
    let line = records[1]["line"].as_u64().unwrap();
    let sent = format!("line {line} equals line {line} of file {NAME} of 2 March 2026, {in_bundle} (P1-2)");
    for (command, sentence) in [
        ("trace P2-1", &paid),
        ("trace again.g68", &paid),
        ("status", &paid),
        ("trace P2-2", &sent),
        ("trace again.g68", &sent),
        ("status", &sent),
        ("duplicates", &sent),
        ("duplicates show P2-2", &sent),
    ] {
        let shown = said(&hub.toek(&command.split(' ').collect::<Vec<_>>()));
        assert!(shown.contains(sentence), "{command}: {sentence}: {shown}");
    }
    let status = hub.status();
    assert_eq!(status["repeated"][0]["equals"]["standing"], "paid");
    assert_eq!(status["duplicates"].as_array().unwrap().len(), 9);
    hub.clean();
}

#[test]
fn the_same_bytes_under_another_name_name_the_file_they_equal() {
    let hub = Hub::new();
    for (name, time) in [(NAME, MONDAY), ("other.g68", LATER)] {
        put(&hub.drop().join(name), &Delivery::new(1).bytes(), 1_770_000_000);
        hub.run("receive-payments", time);
    }
    let why = format!("as file {NAME} of 2 March 2026");
    assert!(text(&hub.transfers("other.g68")[0]["text"]).contains(&why));
}

#[test]
fn two_let_a_payment_go_and_it_is_sent_when_its_day_comes_or_at_once() {
    let cases = [
        // let go, sent by the run at, paid for
        (LATER, WEDNESDAY, "T0751-20260304-000001 2026-03-06 11"),
        (THURSDAY_EVENING, THURSDAY_EVENING, "2026-03-06 1"),
        (NEXT_MONDAY, NEXT_MONDAY, "2026-03-09 1"),
    ];
    for (let_go, sent, expected) in cases {
        let hub = repeated();
        if let_go != LATER {
            hub.run("send-bundles", WEDNESDAY);
        }
        let vouchers = count(&hub, "select count(*) from voucher where rule = 4");
        done(&hub, let_go, "anna", "duplicates release P2-2 --reason two-children");
        assert_eq!(hub.state_of("P2-2"), "held (duplicate)", "a proposal changes nothing");
        assert_eq!(listed(&hub)[0]["proposed"]["by"], "anna");
        hub.clean();
        done(&hub, let_go, "bo", "duplicates approve P2-2 --reason seen");
        assert_eq!(hub.state_of("P2-2"), "waiting");
        assert_eq!(count(&hub, "select count(*) from voucher where rule = 4"), vouchers + 1);
        hub.clean();
        hub.run("send-bundles", sent);
        assert!(hub.bundles().iter().any(|bundle| bundle.contains(expected)), "{:?}", hub.bundles());
        assert_eq!(hub.state_of("P2-2"), "in progress");
        assert_eq!(listed(&hub).len(), 8);
        let told = said(&hub.toek(&["trace", "P2-2"]));
        for part in ["anna proposed: release", "two-children", "bo approved it", "seen", "P4 posted"] {
            assert!(told.contains(part), "{part}: {told}");
        }
        hub.clean();
    }
}

#[test]
fn one_person_is_not_two_and_what_is_settled_is_settled() {
    let hub = repeated();
    refused(&hub, LATER, "bo", "duplicates approve P2-2 --reason x", "nothing is proposed");
    done(&hub, LATER, "anna", "duplicates release P2-2 --reason x");
    refused(&hub, LATER, "bo", "duplicates release P2-2 --reason x", "anna has proposed that already");
    refused(&hub, LATER, "anna", "duplicates approve P2-2 --reason x", "another account must approve");
    refused(
        &hub,
        LATER,
        "bo",
        "duplicates approve P1-2 --reason x",
        "only what is held as a possible duplicate is settled so",
    );
    refused(&hub, LATER, "bo", "duplicates release P9-2 --reason x", "there is no payment P9-2");
    let nothing = ["--at", LATER, "--as", "bo", "duplicates", "approve", "P2-2", "--reason", " "];
    assert_eq!(hub.toek(&nothing).status.code(), Some(1));
    assert_eq!(hub.state_of("P2-2"), "held (duplicate)");
    done(&hub, LATER, "bo", "duplicates approve P2-2 --reason x");
    refused(&hub, LATER, "cleo", "duplicates approve P2-2 --reason x", "settled by bo");
    refused(&hub, LATER, "cleo", "duplicates refuse P2-2 --reason x", "settled by bo");
    // Turned down: the proposal falls with it.
    done(&hub, LATER, "anna", "duplicates release P2-3 --reason x");
    done(&hub, LATER, "bo", "duplicates refuse P2-3 --reason twice");
    refused(&hub, LATER, "cleo", "duplicates approve P2-3 --reason x", "is refused, settled by bo");
    assert_eq!(hub.state_of("P2-3"), "refused");
    assert_eq!(count(&hub, "select count(*) from posting where payment_id = (2 << 20) + 3"), 0);
    assert_eq!(count(&hub, "select count(*) from person_act where state = 1"), 0);
    assert_eq!(listed(&hub).len(), 7);
    hub.clean();
}

#[test]
fn a_dry_run_changes_nothing_and_says_what_would_be() {
    let hub = repeated();
    for (command, told) in [
        ("duplicates release P2-2 --reason x --dry-run", "in the ordinary run for 2026-03-06"),
        ("duplicates refuse P2-2 --reason x --dry-run", "never be paid"),
    ] {
        let shown = done(&hub, LATER, "anna", command);
        assert!(shown.contains(told), "{shown}");
    }
    refused(&hub, LATER, "bo", "duplicates approve P2-2 --reason x --dry-run", "nothing is proposed");
    done(&hub, LATER, "anna", "duplicates release P2-2 --reason x");
    let shown = done(&hub, LATER, "bo", "duplicates approve P2-2 --reason x --dry-run");
    assert!(shown.contains("would be owed from now on"), "{shown}");
    assert_eq!(hub.state_of("P2-2"), "held (duplicate)");
    assert_eq!(count(&hub, "select count(*) from person_act"), 1);
}

#[test]
fn of_two_who_approve_at_once_one_wins_and_the_other_is_told() {
    let hub = repeated();
    done(&hub, LATER, "anna", "duplicates release P2-2 --reason x");
    let approve = |who: &str| loop {
        let output = at(&hub, LATER, who, "duplicates approve P2-2 --reason x");
        if !said(&output).contains("another toek is at work") {
            return output;
        }
    };
    let (bo, cleo) = std::thread::scope(|scope| {
        let (bo, cleo) = (scope.spawn(|| approve("bo")), scope.spawn(|| approve("cleo")));
        (bo.join().unwrap(), cleo.join().unwrap())
    });
    assert_ne!(bo.status.success(), cleo.status.success());
    let (loser, winner) = if bo.status.success() { (cleo, "bo") } else { (bo, "cleo") };
    assert!(said(&loser).contains(&format!("settled by {winner}")), "{}", said(&loser));
    hub.clean();
}

#[test]
fn who_is_not_among_the_users_changes_nothing() {
    let hub = repeated();
    let users = "[[user]]\naccount = \"anna\"\nroles = [\"clerk\"]\nmunicipalities = [\"0751\"]\n\
                 [[user]]\naccount = \"vera\"\nroles = [\"clerk\", \"approver\"]\nmunicipalities = [\"0630\"]\n\
                 [[user]]\naccount = \"bo\"\nroles = [\"approver\"]\n";
    std::fs::write(hub.dir.join("users.toml"), users).unwrap();
    refused(&hub, LATER, "eve", "duplicates release P2-2 --reason x", "eve is not in users.toml");
    refused(&hub, LATER, "eve", "run receive-payments", "eve is not in users.toml");
    refused(&hub, LATER, "vera", "duplicates release P2-2 --reason x", "municipality 0751");
    refused(&hub, LATER, "bo", "duplicates release P2-2 --reason x", "role `clerk`");
    refused(&hub, LATER, "anna", "run receive-payments", "role `operator`");
    done(&hub, LATER, "anna", "duplicates release P2-2 --reason x");
    refused(&hub, LATER, "vera", "duplicates approve P2-2 --reason x", "municipality 0751");
    refused(&hub, LATER, "anna", "duplicates approve P2-2 --reason x", "role `approver`");
    done(&hub, LATER, "bo", "duplicates approve P2-2 --reason x");
    std::fs::write(hub.dir.join("users.toml"), "[[user]]\naccount = \"anna\"\nroles = [\"king\"]\n").unwrap();
    refused(&hub, LATER, "anna", "duplicates refuse P2-3 --reason x", "users.toml:3");
}

#[test]
fn nobody_acts_in_anothers_name_where_the_clock_is_real() {
    let hub = repeated();
    hub.change("toek.toml", "\"simulated\"", "\"real\"");
    let output = hub.toek(&["--as", "bo", "duplicates", "refuse", "P2-2", "--reason", "x"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("--as is for rehearsals"), "{}", said(&output));
}
