//! Deliveries that are not as they should be, each once a way to lose or misjudge a file: a named case per finding.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and makes files as a person would"
)]

mod hub;

use hub::{Hub, MONDAY, NAME, file, put, said, text};

#[test]
fn same_name_size_and_time_but_other_bytes_is_another_delivery() {
    let hub = Hub::new();
    let (first, second) = (file(1), file(2));
    assert_eq!(first.len(), second.len());
    put(&hub.drop().join(NAME), &first, 1_770_000_000);
    hub.run("receive-payments", MONDAY);
    put(&hub.drop().join(NAME), &second, 1_770_000_000);
    hub.run("receive-payments", MONDAY);
    assert_eq!(hub.states(NAME), ["accepted", "accepted"]);
    assert!(!hub.drop().join(NAME).exists());
    hub.clean();
}

#[test]
fn the_same_file_again_is_the_same_transfer() {
    let hub = Hub::new();
    for seconds in [1_770_000_000, 1_770_000_000, 1_770_000_500] {
        put(&hub.drop().join(NAME), &file(1), seconds);
        hub.run("receive-payments", MONDAY);
        assert!(!hub.drop().join(NAME).exists());
    }
    assert_eq!(hub.states(NAME), ["accepted", "ignored"]);
    hub.clean();
}

#[test]
fn what_was_refused_for_good_claims_nothing_when_it_comes_again() {
    let hub = Hub::new();
    let mut cut = file(1);
    cut.truncate(cut.len() - 20);
    put(&hub.drop().join(NAME), &cut, 1_770_000_000);
    hub.run("receive-payments", MONDAY);
    let status = hub.status();
    let transfers = status["transfers"].as_array().unwrap();
    let number = transfers.iter().find(|t| t["file"] == NAME).unwrap()["transfer"].to_string();
    assert!(hub.toek(&["quarantine", "reject", &number, "--reason", "sent again"]).status.success());
    put(&hub.drop().join(NAME), &cut, 1_770_000_900);
    hub.run("receive-payments", MONDAY);
    assert_eq!(
        hub.states(NAME),
        ["rejected", "quarantined"],
        "looked at again, not taken for the refused one"
    );
    put(&hub.drop().join(NAME), &file(1), 1_770_001_800);
    hub.run("receive-payments", MONDAY);
    assert_eq!(hub.states(NAME).last().map(String::as_str), Some("accepted"));
    hub.clean();
}

#[test]
fn a_file_over_the_limit_is_read_once_the_limit_is_raised() {
    let hub = Hub::new();
    let pipeline = hub.dir.join("schedules/receive-payments.toml");
    let text = std::fs::read_to_string(&pipeline).unwrap();
    std::fs::write(&pipeline, text.replace("\"90 MB\"", "\"1 kB\"")).unwrap();
    put(&hub.drop().join(NAME), &file(1), 1_770_000_000);
    hub.run("receive-payments", MONDAY);
    assert_eq!(hub.states(NAME), ["quarantined"]);
    assert!(hub.drop().join(NAME).exists());
    std::fs::write(&pipeline, text).unwrap();
    hub.run("receive-payments", MONDAY);
    assert_eq!(hub.states(NAME), ["accepted"]);
    hub.clean();
}

#[test]
fn a_repeated_file_stays_set_aside_however_often_it_is_validated() {
    let hub = Hub::new();
    put(&hub.drop().join(NAME), &file(1), 1_770_000_000);
    hub.run("receive-payments", MONDAY);
    put(&hub.drop().join("other.g68"), &file(1), 1_770_000_000);
    hub.run("receive-payments", MONDAY);
    let status = hub.status();
    let transfers = status["transfers"].as_array().unwrap();
    let other = transfers.iter().find(|t| t["file"] == "other.g68").unwrap();
    assert_eq!(other["reason"], "G68-S11");
    let number = other["transfer"].to_string();
    for arguments in
        [vec!["quarantine", "validate", &number, "--dry-run"], vec!["quarantine", "validate", &number]]
    {
        assert_eq!(hub.toek(&arguments).status.code(), Some(1));
        assert_eq!(hub.states("other.g68"), ["quarantined"]);
    }
    hub.clean();
}

#[test]
fn a_lost_key_is_never_silently_replaced() {
    let hub = Hub::new();
    put(&hub.drop().join(NAME), &file(1), 1_770_000_000);
    hub.run("receive-payments", MONDAY);
    let key = hub.dir.join("keys/installation.key");
    let kept = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    let without = hub.toek(&["status"]);
    assert_eq!(without.status.code(), Some(1), "a lost key is never silently replaced");
    assert!(!key.exists());
    std::fs::write(&key, kept).unwrap();
    let said = hub.run("send-bundles", "2026-03-04T12:30:00Z");
    assert!(said.contains("1 bundles sent"), "{said}");
    hub.clean();
}

/// A second pipeline of the same format on the same endpoint, after the first; `changes` are made to its definition.
fn add_pipeline(hub: &Hub, changes: &[(&str, &str)]) {
    let folder = hub.dir.join("schedules");
    std::fs::copy(folder.join("receive-payments.toml"), folder.join("receive-other.toml")).unwrap();
    hub.change(
        "toek.toml",
        "    \"schedules/send-b",
        "    \"schedules/receive-other.toml\",\n    \"schedules/send-b",
    );
    let own = [("name = \"receive-payments\"", "name = \"receive-other\""), ("*.g68", "*.other")];
    for (from, to) in own.iter().chain(changes) {
        hub.change("schedules/receive-other.toml", from, to);
    }
}

/// A file whose head names another municipality than its records do: each of them breaks G68-K02.
fn of_another_municipality() -> Vec<u8> {
    let mut bytes = file(1);
    assert!(bytes.starts_with(b"Z300 0751"));
    bytes[5..9].copy_from_slice(b"0461");
    bytes
}

#[test]
fn a_released_file_is_decided_on_when_it_is_released() {
    // Its payments are for Friday. On Monday they would have been ordinary ones, to be sent on Wednesday; released on
    // Thursday evening they must be sent at once, since ordinary sending for Friday is over.
    let hub = Hub::new();
    hub.change("schedules/receive-payments.toml", "\"record-by-record\"", "\"all-or-none\"");
    put(&hub.drop().join(NAME), &of_another_municipality(), 1_770_000_000);
    hub.run("receive-payments", MONDAY);
    assert_eq!(text(&hub.transfers(NAME)[0]["reason"]), "G68-K02");
    hub.change("schedules/receive-payments.toml", "municipality = false", "municipality = true");
    let released = hub.toek(&["--at", "2026-03-05T18:00:00Z", "quarantine", "validate", &hub.number(NAME)]);
    assert!(released.status.success(), "{}", said(&released));
    assert_eq!(hub.states(NAME), ["accepted"]);
    assert_eq!(hub.bundles(), ["T0751-20260305-000001 2026-03-06 10 landed"]);
    assert_eq!(hub.tasks(), [""; 0]);
    hub.clean();
}

#[test]
fn a_file_is_released_by_the_pipeline_that_took_it_in() {
    let hub = Hub::new();
    add_pipeline(&hub, &[("\"record-by-record\"", "\"all-or-none\"")]);
    put(&hub.drop().join("1.other"), &of_another_municipality(), 1_770_000_000);
    hub.run("receive-payments", MONDAY);
    assert_eq!(hub.states("1.other"), [""; 0], "the first pipeline does not take such names");
    hub.run("receive-other", MONDAY);
    assert_eq!(hub.states("1.other"), ["quarantined"]);
    let number = hub.number("1.other");
    let validate = |more: &[&str]| {
        let arguments = [&["--at", MONDAY, "quarantine", "validate", &number], more].concat();
        hub.toek(&arguments).status.code()
    };
    assert_eq!(validate(&[]), Some(1));
    assert_eq!(hub.states("1.other"), ["quarantined"], "the first pipeline would have taken it in");
    hub.change("schedules/receive-other.toml", "municipality = false", "municipality = true");
    assert_eq!((validate(&["--dry-run"]), validate(&[])), (Some(0), Some(0)));
    assert_eq!(hub.states("1.other"), ["accepted"]);
    hub.clean();
}

#[test]
fn a_file_cut_off_on_its_way_in_is_finished_by_its_own_pipeline() {
    let hub = Hub::new();
    add_pipeline(&hub, &[("\"record-by-record\"", "\"all-or-none\"")]);
    put(&hub.drop().join("1.other"), &of_another_municipality(), 1_770_000_000);
    hub.run("receive-other", MONDAY);
    // As a crash right after archiving leaves it.
    hub.rewrite("update transfer set state = 2 where name = '1.other'");
    hub.run("receive-payments", MONDAY);
    assert_eq!(hub.states("1.other"), ["receiving"]);
    hub.run("receive-other", MONDAY);
    assert_eq!(hub.states("1.other"), ["quarantined"]);
    hub.clean();
}

#[test]
fn of_two_alike_files_that_a_crash_left_archived_the_first_is_the_original() {
    let hub = Hub::new();
    hub.change("schedules/receive-payments.toml", "\"record-by-record\"", "\"all-or-none\"");
    for name in ["1.g68", "2.g68"] {
        put(&hub.drop().join(name), &of_another_municipality(), 1_770_000_000);
    }
    hub.run("receive-payments", MONDAY);
    assert_eq!(hub.states("2.g68"), ["quarantined"]);
    hub.change("schedules/receive-payments.toml", "municipality = false", "municipality = true");
    hub.rewrite("update transfer set state = 2");
    hub.run("receive-payments", MONDAY);
    assert_eq!(hub.states("1.g68"), ["accepted"]);
    assert_eq!(text(&hub.transfers("2.g68")[0]["reason"]), "G68-S11");
    hub.clean();
}

#[test]
fn a_file_that_a_crash_left_archived_and_in_the_drop_is_taken_in_once() {
    let hub = Hub::new();
    hub.change("schedules/receive-payments.toml", "\"record-by-record\"", "\"all-or-none\"");
    put(&hub.drop().join("1.g68"), &of_another_municipality(), 1_770_000_000);
    hub.run("receive-payments", MONDAY);
    hub.change("schedules/receive-payments.toml", "municipality = false", "municipality = true");
    // As a crash right after archiving leaves it: the file still lies where it lay.
    hub.rewrite("update transfer set state = 2, removed_at = null");
    put(&hub.drop().join("1.g68"), &of_another_municipality(), 1_770_000_000);
    hub.run("receive-payments", MONDAY);
    assert_eq!(hub.states("1.g68"), ["accepted"]);
    assert!(!hub.drop().join("1.g68").exists());
    hub.clean();
}

#[test]
fn a_file_that_is_still_being_written_is_not_taken_away_under_its_writer() {
    let hub = Hub::new();
    let (path, whole) = (hub.drop().join(NAME), file(1));
    put(&path, &whole[..4_000], 1_770_000_000);
    hub.run("receive-payments", MONDAY);
    assert_eq!(hub.states(NAME), ["quarantined"]);
    assert!(path.exists(), "whoever writes it goes on");
    put(&path, &whole, 1_770_000_001);
    hub.run("receive-payments", MONDAY);
    assert_eq!(hub.states(NAME), ["quarantined", "accepted"]);
    assert!(!path.exists());
    // One that stays as it is goes at the second look.
    put(&hub.drop().join("cut.g68"), &whole[..4_000], 1_770_000_002);
    hub.run("receive-payments", MONDAY);
    hub.run("receive-payments", MONDAY);
    assert!(!hub.drop().join("cut.g68").exists());
    hub.clean();
}

#[test]
fn a_name_that_cannot_be_fetched_is_told_once_and_until_it_is_gone() {
    let hub = Hub::new();
    let odd = hub.drop().join("l\u{f8}n 1\n.g68");
    put(&odd, &file(1), 1_770_000_000);
    put(&hub.drop().join(NAME), &file(2), 1_770_000_000);
    for _ in 0..2 {
        let said = hub.run_with_failures("receive-payments", MONDAY);
        assert!(said.contains("1 failed"), "{said}");
        assert_eq!(hub.tasks(), ["file name: ksd: l\u{f8}n 1\\n.g68"]);
        assert!(odd.exists());
    }
    let first = hub.run_with_failures("receive-payments", MONDAY);
    assert!(!first.contains("for a person"), "told before: {first}");
    assert_eq!(hub.states(NAME), ["accepted"]);
    assert_eq!(hub.status()["transfers"].as_array().unwrap().len(), 1, "it is no transfer");
    assert!(said(&hub.toek(&["status"])).contains("l\u{f8}n 1\\n.g68"));
    std::fs::rename(&odd, hub.drop().join("lon1.g68")).unwrap();
    hub.run("receive-payments", MONDAY);
    assert_eq!(hub.tasks(), [""; 0]);
    assert_eq!(hub.states("lon1.g68"), ["accepted"]);
    hub.clean();
}

#[test]
fn an_answer_that_cannot_be_read_back_for_a_moment_is_not_bad() {
    let hub = Hub::new();
    put(&hub.outbox().join("odd.xml"), b"<?xml version=\"1.0\"?>\n<odd/>\n", 1_770_000_000);
    hub.run("receive-answers", MONDAY);
    assert_eq!(hub.states("odd.xml"), ["quarantined"]);
    // As a crash would have left it between its arrival and its judgement.
    hub.rewrite("update transfer set state = 2, decided_at = null, reason = null where name = 'odd.xml'");
    let number: usize = hub.number("odd.xml").parse().unwrap();
    let archived = hub.dir.join(format!("archive/000000/{number:09}.toek"));
    let bytes = std::fs::read(&archived).unwrap();
    let mut damaged = bytes.clone();
    damaged[20] ^= 1;
    std::fs::write(&archived, damaged).unwrap();
    let told = hub.run_with_failures("receive-answers", MONDAY);
    assert!(told.contains("could not be read back"), "{told}");
    assert_eq!(hub.states("odd.xml"), ["receiving"], "nothing is decided about what was not read");
    std::fs::write(&archived, bytes).unwrap();
    hub.run("receive-answers", MONDAY);
    assert_eq!(hub.states("odd.xml"), ["quarantined"]);
}
