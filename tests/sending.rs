//! Bundles on their way out when something is in their way, and what is made of the answers: a named case per finding.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and makes files as a person would"
)]

mod hub;

use std::path::{Path, PathBuf};

use hub::{Delivery, Hub, MONDAY, NAME, Obstacle, put, said, text};
use jiff::civil::{DateTime, datetime};
use toek::partners::answers::{self, GroupStatus, Kind, Listed, Stamp};
use toek::partners::bundle::{Bundle, Reason};
use toek::partners::script::{AmountForm, Parties};

/// When bundles for Friday leave: Wednesday, two o'clock in Denmark.
const WEDNESDAY: &str = "2026-03-04T13:00:00Z";
const THURSDAY_EVENING: &str = "2026-03-05T18:00:00Z";
/// Three bank days after Friday.
const PAST_THE_LAST_DEADLINE: &str = "2026-03-11T08:00:00Z";

/// Takes a file in, and gives the installation.
fn with(delivery: &Delivery) -> Hub {
    let hub = Hub::new();
    put(&hub.drop().join(NAME), &delivery.bytes(), 1_770_000_000);
    hub.run("receive-payments", MONDAY);
    hub
}

/// In the way of a bundle's upload, of its last rename, or of its archived file.
fn upload(hub: &Hub, group: &str) -> PathBuf {
    hub.inbox().join(format!(".{group}.xml.part"))
}

fn commit(hub: &Hub, group: &str) -> PathBuf {
    hub.inbox().join(format!("{group}.xml"))
}

fn archive(hub: &Hub, transfer: u32) -> PathBuf {
    hub.dir.join(format!("archive/000000/.{transfer:09}.toek.part"))
}

#[test]
fn what_cannot_reach_its_day_any_more_is_held_whenever_it_got_stuck() {
    let cases = [
        (true, "T0751-20260302-000001 2026-03-02 10", MONDAY, "2026-03-02T12:30:00Z"),
        (false, "T0751-20260304-000001 2026-03-06 10", WEDNESDAY, THURSDAY_EVENING),
    ];
    for (immediate, bundle, numbered, too_late) in cases {
        let group = &bundle[..21];
        for obstacle in [upload, commit] {
            let hub = Hub::new();
            let obstacle = Obstacle::at(obstacle(&hub, group));
            put(&hub.drop().join(NAME), &Delivery { immediate, ..Delivery::new(1) }.bytes(), 1_770_000_000);
            if !immediate {
                hub.run("receive-payments", MONDAY);
            }
            let pipeline = if immediate { "receive-payments" } else { "send-bundles" };
            hub.run_with_failures(pipeline, numbered);
            obstacle.clear();
            hub.run("send-bundles", too_late);
            assert_eq!(hub.bundles(), [format!("{bundle} held")]);
            assert_eq!(hub.tasks(), ["bundle held: bundle 1"]);
            hub.run("send-bundles", too_late);
            assert_eq!(hub.delivered(), [""; 0], "held is not sent");
            hub.clean();
        }
    }
}

#[test]
fn what_got_stuck_leaves_once_and_in_time_when_the_way_is_free() {
    for obstacle in [upload, commit] {
        let hub = with(&Delivery::new(1));
        let obstacle = Obstacle::at(obstacle(&hub, "T0751-20260304-000001"));
        hub.run_with_failures("send-bundles", WEDNESDAY);
        obstacle.clear();
        for _ in 0..2 {
            hub.run("send-bundles", "2026-03-05T14:59:00Z");
            assert_eq!(hub.delivered(), ["T0751-20260304-000001.xml"]);
            assert_eq!(hub.bundles(), ["T0751-20260304-000001 2026-03-06 10 landed"]);
        }
        hub.clean();
    }
}

#[test]
fn a_day_missed_before_anything_was_numbered_is_held() {
    let hub = with(&Delivery::new(1));
    hub.run("send-bundles", THURSDAY_EVENING);
    assert_eq!((hub.bundles(), hub.delivered()), (vec![], vec![]));
    assert_eq!(hub.tasks(), ["late: transfer 1 0751 2026-03-06"]);
    assert_eq!(hub.state_of("P1-1"), "held (late)");
    hub.clean();
}

/// Everything a bundle's bytes depend on, changed.
fn change_everything(hub: &Hub) {
    hub.change("toek.toml", "\"decimal2\"", "\"implied3\"");
    hub.change("toek.toml", "5798009999009", "5798009999023");
    hub.change("toek.toml", "TOEKTEST", "TOEKTES2");
    hub.change("benefits.toml", "nemkonto_ydelsesart = \"00", "nemkonto_ydelsesart = \"10");
    hub.change("municipalities.toml", "9999 0000000751", "9999 0000001751");
    hub.change("municipalities.toml", "\"700751\"", "\"701751\"");
    hub.change("municipalities.toml", "\"900751\"", "\"901751\"");
}

#[test]
fn a_numbered_bundle_keeps_its_bytes_whatever_is_changed_before_it_is_sent() {
    let read = |hub: &Hub| std::fs::read_to_string(hub.inbox().join("T0751-20260304-000001.xml")).unwrap();
    let undisturbed = with(&Delivery::new(1));
    undisturbed.run("send-bundles", WEDNESDAY);
    let expected = read(&undisturbed);
    let in_the_way: [fn(&Hub) -> PathBuf; 3] = [
        |hub| archive(hub, 2),
        |hub| upload(hub, "T0751-20260304-000001"),
        |hub| commit(hub, "T0751-20260304-000001"),
    ];
    for place in in_the_way {
        let hub = with(&Delivery::new(1));
        let obstacle = Obstacle::at(place(&hub));
        hub.run_with_failures("send-bundles", WEDNESDAY);
        change_everything(&hub);
        obstacle.clear();
        hub.run("send-bundles", "2026-03-04T15:00:00Z");
        assert_eq!(read(&hub), expected);
        hub.clean();
    }
    let hub = with(&Delivery::new(1));
    change_everything(&hub);
    hub.run("send-bundles", WEDNESDAY);
    assert_ne!(read(&hub), expected, "changed before it was numbered, it is another bundle");
}

/// Two municipalities' files taken in.
fn with_two() -> Hub {
    let hub = Hub::new();
    for municipality in [461, 751] {
        let bytes = Delivery { municipality, ..Delivery::new(1) }.bytes();
        put(&hub.drop().join(format!("{municipality}.g68")), &bytes, 1_770_000_000);
    }
    hub.run("receive-payments", MONDAY);
    hub
}

/// The first municipality's bundle fails, the second's is sent; later the first's is.
fn check_alone(hub: &Hub, fails: impl Fn(&Hub), mend: impl Fn(&Hub)) {
    fails(hub);
    let said = hub.run_with_failures("send-bundles", WEDNESDAY);
    assert!(said.contains("1 bundles sent") && said.contains("1 failed"), "{said}");
    assert_eq!(hub.delivered(), ["T0751-20260304-000001.xml"]);
    mend(hub);
    hub.run("send-bundles", "2026-03-04T15:00:00Z");
    assert_eq!(hub.delivered(), ["T0461-20260304-000001.xml", "T0751-20260304-000001.xml"]);
    hub.clean();
}

#[test]
fn a_municipality_that_left_the_file_stops_no_other() {
    let path = |hub: &Hub| hub.dir.join("municipalities.toml");
    let hub = with_two();
    let all = std::fs::read_to_string(path(&hub)).unwrap();
    let heads: Vec<_> = all.match_indices("[[municipality]]").map(|(at, _)| at).collect();
    assert!(all[heads[0]..heads[1]].contains("\"0461\""));
    let without = format!("{}{}", &all[..heads[0]], &all[heads[1]..]);
    check_alone(
        &hub,
        |hub| std::fs::write(path(hub), &without).unwrap(),
        |hub| std::fs::write(path(hub), &all).unwrap(),
    );
}

#[test]
fn a_bundle_that_cannot_be_written_stops_no_other() {
    for place in [upload, commit] {
        let place = |hub: &Hub| place(hub, "T0461-20260304-000001");
        check_alone(
            &with_two(),
            |hub| std::fs::create_dir(place(hub)).unwrap(),
            |hub| std::fs::remove_dir(place(hub)).unwrap(),
        );
    }
    let place = |hub: &Hub| archive(hub, 3);
    check_alone(
        &with_two(),
        |hub| std::fs::create_dir(place(hub)).unwrap(),
        |hub| std::fs::remove_dir(place(hub)).unwrap(),
    );
}

#[test]
fn a_municipality_whose_folder_is_missing_stops_no_other() {
    let hub = Hub::new();
    hub.change("schedules/receive-payments.toml", "folder = \".\"", "folder = \"{municipality}\"");
    let folder = hub.drop().join("0751");
    std::fs::create_dir(&folder).unwrap();
    put(&folder.join(NAME), &Delivery::new(1).bytes(), 1_770_000_000);
    let said = hub.run_with_failures("receive-payments", MONDAY);
    assert!(said.contains("1 files taken in") && said.contains("2 failed"), "{said}");
    assert_eq!(hub.states(NAME), ["accepted"]);
}

#[test]
fn payments_are_sent_in_the_order_they_came_across_bundles() {
    let hub = Hub::new();
    hub.set("bundle_limit = 4");
    for (name, seed) in [("1.g68", 5), ("2.g68", 6)] {
        put(&hub.drop().join(name), &Delivery::new(seed).bytes(), 1_770_000_000);
    }
    hub.run("receive-payments", MONDAY);
    hub.run("send-bundles", WEDNESDAY);
    let came: Vec<_> = ["1.g68", "2.g68"].iter().flat_map(|name| hub.records(name)).collect();
    let attempt = |record: &serde_json::Value| {
        let attempt = &record["attempts"][0];
        (
            text(&attempt["group_id"]),
            attempt["bundle_line"].as_u64().unwrap(),
            text(&attempt["end_to_end_id"]),
        )
    };
    let by_record: Vec<_> = came.iter().map(attempt).collect();
    assert_eq!(by_record.len(), 20);
    assert!(by_record.is_sorted_by_key(|(group, line, _)| (group.clone(), *line)), "{by_record:?}");
    let names: Vec<_> = (1..=5).map(|n| format!("T0751-20260304-{n:06}.xml")).collect();
    assert_eq!(hub.delivered(), names);
    let sent = names.iter().map(|name| bundle(&hub.inbox().join(name)));
    let sent: Vec<Vec<_>> =
        sent.map(|b| b.payments().map(|payment| payment.end_to_end_id.clone()).collect()).collect();
    assert!(sent.iter().all(|references| references.len() == 4));
    let references: Vec<_> = by_record.into_iter().map(|(_, _, reference)| reference).collect();
    assert_eq!(sent.concat(), references);
}

fn bundle(path: &Path) -> Bundle {
    Bundle::read(&std::fs::read(path).unwrap()).unwrap()
}

/// Sends a file's ten payments, and gives the bundle as NemKonto reads it.
fn sent() -> (Hub, Bundle) {
    let hub = with(&Delivery::new(1));
    hub.run("send-bundles", WEDNESDAY);
    let bundle = bundle(&hub.inbox().join("T0751-20260304-000001.xml"));
    (hub, bundle)
}

const ANSWERED: DateTime = datetime(2026, 3, 4, 15, 0, 0, 0);

fn stamp(number: u64) -> Stamp {
    Stamp { number, created: ANSWERED, amounts: AmountForm::Decimal2 }
}

/// The bundle's payment number `place`, listed in an answer.
fn listed<'a>(bundle: &'a Bundle, place: usize, accepted: bool, reason: Option<&'a Reason>) -> Listed<'a> {
    let payment = bundle.payments().nth(place).unwrap();
    Listed {
        payment,
        accepted,
        code: reason.map(|reason| reason.code.as_str()),
        text: reason.map(|reason| reason.text.as_str()),
        account: None,
        amount_ore: payment.amount_ore,
    }
}

#[test]
fn what_is_unconfirmed_stays_so_until_an_answer_decides_it() {
    let (hub, bundle) = sent();
    hub.run("receive-answers", PAST_THE_LAST_DEADLINE);
    assert_eq!(hub.state_of("P1-1"), "unconfirmed");
    let accepted = [listed(&bundle, 0, true, None)];
    let answer = answers::answer2(&bundle, stamp(1), GroupStatus::Partial, None, &accepted);
    std::fs::write(hub.outbox().join("2.xml"), answer).unwrap();
    hub.run("receive-answers", PAST_THE_LAST_DEADLINE);
    assert_eq!(hub.states("2.xml"), ["accepted"]);
    assert_eq!((hub.state_of("P1-1"), hub.state_of("P1-2")), ("unconfirmed".into(), "unconfirmed".into()));
    hub.clean();
    let paid = Listed { account: Some("99970000000001".to_owned()), ..listed(&bundle, 0, true, None) };
    let parts = [(&bundle.debits[0], vec![paid])];
    let answer = answers::list(Kind::Answer8, None, &bundle, &bundle.group_id, stamp(2), &parts);
    std::fs::write(hub.outbox().join("8.xml"), answer).unwrap();
    hub.run("receive-answers", PAST_THE_LAST_DEADLINE);
    assert_eq!((hub.state_of("P1-1"), hub.state_of("P1-2")), ("paid".into(), "unconfirmed".into()));
    hub.clean();
}

/// Numbers that nobody can have, as a clerk may write those of a person, a company or an account.
const WRITTEN: [&str; 6] = [
    "9913990003",
    "991399-0003",
    "991399 0003",
    "9999 0000012345",
    "9999-0000012345",
    "DK99 9999 0000 0123 45",
];

#[test]
fn a_counterpartys_own_words_are_shown_without_long_numbers() {
    let words = WRITTEN.map(|number| Reason::new("0004", &format!("Ukendt {number} her"))).to_vec();
    let (hub, bundle) = sent();
    let put = |name: &str, answer: Vec<u8>| std::fs::write(hub.outbox().join(name), answer).unwrap();
    for (n, reason) in (10..).zip(&words) {
        put(&format!("0_{n}.xml"), answers::receipt0(&Parties::default(), stamp(n), "x", &reason.text));
    }
    let refused: Vec<_> =
        words.iter().enumerate().map(|(place, reason)| listed(&bundle, place, false, Some(reason))).collect();
    let answer = answers::answer2(&bundle, stamp(30), GroupStatus::Partial, Some(&words[0]), &refused);
    put("2.xml", answer);
    let refused: Vec<_> =
        words.iter().enumerate().map(|(place, reason)| listed(&bundle, place, false, Some(reason))).collect();
    let parts = [(&bundle.debits[0], refused)];
    put("9.xml", answers::list(Kind::Answer9, None, &bundle, &bundle.group_id, stamp(31), &parts));
    for (n, number) in (40..).zip(WRITTEN) {
        let unknown = Bundle { group_id: number.to_owned(), ..bundle.clone() };
        put(&format!("u_{n}.xml"), answers::answer2(&unknown, stamp(n), GroupStatus::Accepted, None, &[]));
    }
    let mut shown = said(&hub.toek(&["--at", "2026-03-04T15:00:00Z", "run", "receive-answers"]));
    let subjects =
        ["status", "status --all --json", "quarantine list", "trace T0751-20260304-000001", "verify"];
    let payments = (1..=6).map(|n| format!("trace P1-{n}"));
    let numbers = (1..=20).map(|n| format!("trace {n}"));
    for command in subjects.map(str::to_owned).into_iter().chain(payments).chain(numbers) {
        shown.push_str(&said(&hub.toek(&command.split(' ').collect::<Vec<_>>())));
    }
    assert_eq!(shown.matches("NKSResponse9: RJCT 0004 Ukendt ").count(), 6, "{shown}");
    assert_eq!(shown.matches("NKSResponse2: RJCT 0004 Ukendt ").count(), 6, "{shown}");
    let digits: String = shown.chars().filter(|c| c.is_ascii_digit() || c.is_alphabetic()).collect();
    for number in WRITTEN {
        assert!(!shown.contains(number), "{number}: {shown}");
        let bare: String = number.chars().filter(char::is_ascii_digit).collect();
        assert!(!digits.contains(&bare), "{number}: {shown}");
    }
    hub.clean();
}
