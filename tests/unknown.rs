//! What cannot be known by looking: it waits for a person, with the evidence, and what he says holds until more is known.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and answers as a counterparty would"
)]

mod hub;

use hub::clerk::{about, answer, at, done, refused, stamp};
use hub::{Delivery, Hub, MONDAY, NAME, put, said, text};
use serde_json::Value;
use toek::partners::answers::{self, GroupStatus, Kind};
use toek::partners::bundle::{Bundle, Reason};
use toek::partners::script::Parties;

const WEDNESDAY: &str = "2026-03-04T13:00:00Z";
const SOON: &str = "2026-03-04T13:30:00Z";
/// After the time that NemKonto has for a receipt.
const THURSDAY: &str = "2026-03-05T09:00:00Z";
const THURSDAY_EVENING: &str = "2026-03-05T18:00:00Z";
const PAST_THE_LAST_DEADLINE: &str = "2026-03-11T08:00:00Z";
const GROUP: &str = "T0751-20260304-000001";

fn file(hub: &Hub) -> std::path::PathBuf {
    hub.inbox().join(format!("{GROUP}.xml"))
}

/// Sends ten payments, and gives the bundle as it lies there, bytes and all.
fn sent() -> (Hub, Vec<u8>) {
    let hub = Hub::new();
    put(&hub.drop().join(NAME), &Delivery::new(1).bytes(), 1_770_000_000);
    hub.run("receive-payments", MONDAY);
    hub.run("send-bundles", WEDNESDAY);
    let bytes = std::fs::read(file(&hub)).unwrap();
    (hub, bytes)
}

/// NemKonto says that it could not read a file.
fn unreadable(hub: &Hub) {
    answer(hub, "0.xml", answers::receipt0(&Parties::default(), stamp(1), "x", "y"), SOON);
}

fn receipt1(bytes: &[u8], number: u64, refused: Option<&Reason>) -> Vec<u8> {
    let bundle = Bundle::read(bytes).unwrap();
    answers::receipt1(&bundle.parties, &bundle.message_id, stamp(number), refused)
}

/// Each unknown thing as "subject state".
fn unknown(hub: &Hub) -> Vec<String> {
    lines(hub).iter().map(|line| format!("{} {}", text(&line["subject"]), text(&line["state"]))).collect()
}

fn lines(hub: &Hub) -> Vec<Value> {
    let output = hub.toek(&["unknown", "--json"]);
    assert!(output.status.success(), "{}", said(&output));
    let lines = output.stdout.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

fn state(hub: &Hub) -> String {
    hub.bundles()[0].rsplit("10 ").next().unwrap().to_owned()
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_suspect_bundle_is_shown_with_all_that_is_known_of_it() {
    let (hub, bytes) = sent();
    assert_eq!(unknown(&hub), [""; 0]);
    unreadable(&hub);
    assert_eq!(unknown(&hub), [format!("{GROUP} suspect, 10 of 10 undecided")]);
    let shown = said(&hub.toek(&["unknown", "show", GROUP]));
    for part in [
        "handed to NemKonto",
        &sha256(&bytes),
        &format!("{} bytes", bytes.len()),
        "looked: it lies in the counterparty's folder",
        "suspect: ",
        "--as-sent or --as-never-arrived",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(said(&hub.toek(&["unknown"])).contains(GROUP));
    hub.clean();
}

/// A bundle becomes unknown in a way, a person says a thing of it, and what follows is known.
#[test]
fn what_a_person_may_say_of_a_bundle() {
    let by_receipt0: fn(&Hub) = unreadable;
    let by_silence: fn(&Hub) = |hub| drop(hub.run("receive-answers", THURSDAY));
    for (make, was) in [(by_receipt0, "suspect"), (by_silence, "landed")] {
        let (hub, bytes) = sent();
        refused(
            &hub,
            SOON,
            "anna",
            &format!("unknown settle {GROUP} --as-sent --reason x"),
            "nothing for a person",
        );
        make(&hub);
        assert_eq!(unknown(&hub), [format!("{GROUP} {was}, 10 of 10 undecided")]);
        done(&hub, THURSDAY, "anna", &format!("unknown settle {GROUP} --as-sent --reason phone"));
        assert_eq!(unknown(&hub), [""; 0]);
        assert_eq!(hub.tasks(), [""; 0], "the worklist is done with it");
        std::fs::remove_file(file(&hub)).unwrap();
        hub.run("send-bundles", THURSDAY);
        assert_eq!(hub.delivered(), [""; 0], "what arrived is not sent again");
        answer(&hub, "1.xml", receipt1(&bytes, 9, None), THURSDAY);
        assert_eq!(state(&hub), "received");
        hub.clean();
    }
}

#[test]
fn two_have_the_same_bytes_sent_again_and_one_cannot() {
    let (hub, bytes) = sent();
    unreadable(&hub);
    std::fs::remove_file(file(&hub)).unwrap();
    let settle = format!("unknown settle {GROUP} --as-never-arrived --reason x");
    let approve = format!("unknown approve {GROUP} --reason x");
    refused(&hub, THURSDAY, "bo", &approve, "nothing is proposed");
    done(&hub, THURSDAY, "anna", &format!("{settle} --dry-run"));
    done(&hub, THURSDAY, "anna", &settle);
    refused(&hub, THURSDAY, "anna", &approve, "another account must approve");
    hub.run("send-bundles", THURSDAY);
    assert_eq!((hub.delivered(), state(&hub)), (vec![], "suspect".to_owned()), "a proposal sends nothing");
    done(&hub, THURSDAY, "bo", &format!("{approve} --dry-run"));
    done(&hub, THURSDAY, "bo", &approve);
    refused(&hub, THURSDAY, "cleo", &approve, "nothing for a person to settle");
    hub.clean();
    for _ in 0..2 {
        hub.run("send-bundles", THURSDAY);
        assert_eq!((hub.delivered(), state(&hub)), (vec![format!("{GROUP}.xml")], "landed".to_owned()));
        assert_eq!(std::fs::read(file(&hub)).unwrap(), bytes);
    }
    assert_eq!(unknown(&hub), [""; 0]);
    answer(&hub, "1.xml", receipt1(&bytes, 9, None), THURSDAY);
    // NemKonto had the first copy after all: that it refuses the second frees nobody to be paid anew.
    answer(&hub, "2.xml", receipt1(&bytes, 10, Some(&Reason::new("0009", "bundtreference brugt"))), THURSDAY);
    assert_eq!((state(&hub), hub.state_of("P1-1")), ("received".to_owned(), "in progress".to_owned()));
    hub.clean();
}

#[test]
fn what_lies_there_still_is_not_sent_a_second_time() {
    let (hub, bytes) = sent();
    unreadable(&hub);
    let before = std::fs::metadata(file(&hub)).unwrap().modified().unwrap();
    done(&hub, THURSDAY, "anna", &format!("unknown settle {GROUP} --as-never-arrived --reason x"));
    done(&hub, THURSDAY, "bo", &format!("unknown approve {GROUP} --reason x"));
    hub.run("send-bundles", THURSDAY);
    assert_eq!(state(&hub), "landed");
    assert_eq!(std::fs::read(file(&hub)).unwrap(), bytes);
    assert_eq!(std::fs::metadata(file(&hub)).unwrap().modified().unwrap(), before);
    hub.clean();
}

/// Between the approval and the next run NemKonto answers: it has it, and nothing goes again.
#[test]
fn an_answer_that_comes_in_time_stops_the_second_copy() {
    for (kind, expected) in
        [(Kind::Receipt1, "received"), (Kind::Answer2, "accepted"), (Kind::Answer8, "sent")]
    {
        let (hub, bytes) = sent();
        unreadable(&hub);
        std::fs::remove_file(file(&hub)).unwrap();
        done(&hub, THURSDAY, "anna", &format!("unknown settle {GROUP} --as-never-arrived --reason x"));
        done(&hub, THURSDAY, "bo", &format!("unknown approve {GROUP} --reason x"));
        let said = match kind {
            Kind::Receipt1 => receipt1(&bytes, 9, None),
            Kind::Answer2 => {
                answers::answer2(&Bundle::read(&bytes).unwrap(), stamp(9), GroupStatus::Accepted, None, &[])
            }
            _ => about(&bytes, kind, 9, 0, true),
        };
        answer(&hub, "late.xml", said, THURSDAY);
        hub.run("send-bundles", THURSDAY);
        assert_eq!((hub.delivered(), state(&hub)), (vec![], expected.to_owned()));
        hub.clean();
    }
}

#[test]
fn what_was_answered_in_part_did_arrive() {
    let (hub, bytes) = sent();
    answer(&hub, "8.xml", about(&bytes, Kind::Answer8, 5, 0, true), SOON);
    unreadable(&hub);
    assert_eq!(unknown(&hub), [format!("{GROUP} suspect, 9 of 10 undecided")]);
    let settle = format!("unknown settle {GROUP} --as-never-arrived --reason x");
    refused(&hub, THURSDAY, "anna", &settle, "1 payments of");
    refused(&hub, THURSDAY, "anna", &format!("{settle} --dry-run"), "cannot settle it");
}

#[test]
fn what_is_to_go_again_and_comes_too_late_is_unknown_again_and_its_answers_count() {
    let (hub, bytes) = sent();
    unreadable(&hub);
    std::fs::remove_file(file(&hub)).unwrap();
    done(&hub, THURSDAY, "anna", &format!("unknown settle {GROUP} --as-never-arrived --reason x"));
    done(&hub, THURSDAY, "bo", &format!("unknown approve {GROUP} --reason x"));
    hub.run("send-bundles", THURSDAY_EVENING);
    assert_eq!((hub.delivered(), state(&hub)), (vec![], "suspect".to_owned()));
    assert_eq!(hub.tasks(), ["suspect: bundle 1"]);
    answer(&hub, "1.xml", receipt1(&bytes, 9, None), THURSDAY_EVENING);
    assert_eq!(state(&hub), "received");
    hub.clean();
}

/// The way broke just when the look was to be taken: it is taken at the next run.
#[test]
fn a_look_that_was_missed_is_taken_later_and_what_is_seen_is_kept() {
    for (is_there, expected, sight) in [
        (true, "landed", "looked: it lies in the counterparty's folder"),
        (false, "sent", "looked: nothing lies in the counterparty's folder under its name"),
    ] {
        let (hub, bytes) = sent();
        hub.rewrite("update bundle set state = 4, landed_at = null; delete from evidence");
        if !is_there {
            std::fs::remove_file(file(&hub)).unwrap();
        }
        for _ in 0..2 {
            hub.run("send-bundles", SOON);
        }
        assert_eq!(state(&hub), expected);
        hub.run("receive-answers", THURSDAY); // the receipt is overdue: whoever asks wants to know what is there now
        for _ in 0..2 {
            hub.run("send-bundles", THURSDAY);
        }
        assert_eq!(state(&hub), expected);
        let shown = said(&hub.toek(&["unknown", "show", GROUP]));
        assert!(shown.contains(sight), "{shown}");
        assert_eq!(shown.contains("3 looks"), !is_there, "{shown}");
        assert_eq!(hub.delivered().len(), usize::from(is_there));
        if is_there {
            assert_eq!(std::fs::read(file(&hub)).unwrap(), bytes);
        }
        hub.clean();
    }
}

/// The connection was lost between the intent and the note: what is there tells whether the commit took effect.
#[test]
fn a_lost_commit_is_looked_for_before_anything_is_done() {
    for (renamed, seen) in [
        (true, "the upload is gone from under its temporary name"),
        (false, "the upload is there, and not committed"),
    ] {
        let (hub, bytes) = sent();
        hub.rewrite("update bundle set state = 3, sent_at = null, landed_at = null");
        if !renamed {
            std::fs::rename(file(&hub), hub.inbox().join(format!(".{GROUP}.xml.part"))).unwrap();
        } else {
            std::fs::remove_file(file(&hub)).unwrap(); // taken already
        }
        hub.run("send-bundles", SOON);
        assert_eq!(hub.delivered().len(), usize::from(!renamed));
        if !renamed {
            assert_eq!(std::fs::read(file(&hub)).unwrap(), bytes);
        }
        let shown = said(&hub.toek(&["unknown", "show", GROUP]));
        assert!(shown.contains(seen), "{shown}");
        hub.clean();
    }
}

#[test]
fn what_a_person_may_say_of_a_payment() {
    let unconfirmed: fn(&Hub, &[u8]) = |hub, _| drop(hub.run("receive-answers", PAST_THE_LAST_DEADLINE));
    let unclear: fn(&Hub, &[u8]) = |hub, bytes| {
        let nobody_asked = answers::answer5(&Bundle::read(bytes).unwrap(), stamp(5));
        answer(hub, "5.xml", nobody_asked, SOON);
    };
    for make in [unconfirmed, unclear] {
        for (said_of_it, expected, rules, later) in [
            ("--as-paid", "paid", 1, Some((Kind::Answer9, "open"))),
            ("--as-failed", "open", 0, Some((Kind::Answer8, "open"))),
            ("--as-paid", "paid", 1, Some((Kind::Answer8, "paid"))),
            ("--as-failed", "open", 0, None),
        ] {
            let (hub, bytes) = sent();
            make(&hub, &bytes);
            let payments = |hub: &Hub| unknown(hub).iter().filter(|line| line.starts_with("P1-")).count();
            assert_eq!(payments(&hub), 10);
            let settle = format!("unknown settle P1-1 {said_of_it} --reason statement");
            done(&hub, PAST_THE_LAST_DEADLINE, "anna", &format!("{settle} --dry-run"));
            assert_eq!(payments(&hub), 10);
            done(&hub, PAST_THE_LAST_DEADLINE, "anna", &settle);
            assert_eq!((hub.state_of("P1-1"), payments(&hub)), (expected.to_owned(), 9));
            let posted = "select count(*) from voucher where rule = 6";
            assert_eq!(hub.sql().query_row(posted, [], |row| row.get::<_, i64>(0)).unwrap(), rules);
            refused(&hub, PAST_THE_LAST_DEADLINE, "bo", &settle, "nothing for a person to settle");
            let told = said(&hub.toek(&["trace", "P1-1"]));
            assert!(told.contains("anna decided: it was") && told.contains("statement"), "{told}");
            hub.clean();
            let Some((kind, expected)) = later else { continue };
            answer(
                &hub,
                "later.xml",
                about(&bytes, kind, 7, 0, kind == Kind::Answer8),
                PAST_THE_LAST_DEADLINE,
            );
            assert_eq!(hub.state_of("P1-1"), expected, "an answer that comes later is weighed as ever");
            hub.clean();
        }
    }
}

#[test]
fn what_was_not_asked_cannot_be_said() {
    let (hub, _) = sent();
    unreadable(&hub);
    for (command, code) in [
        (format!("unknown settle {GROUP} --reason x"), 2),
        (format!("unknown settle {GROUP} --as-sent --as-never-arrived --reason x"), 2),
        (format!("unknown settle {GROUP} --as-paid --reason x"), 1),
        ("unknown settle P1-1 --as-sent --reason x".to_owned(), 1),
        ("unknown settle P1-1 --as-paid --reason x".to_owned(), 1),
        ("unknown settle T0751-20260304-000009 --as-sent --reason x".to_owned(), 1),
    ] {
        let output = at(&hub, SOON, "anna", &command);
        assert_eq!(output.status.code(), Some(code), "{command}: {}", said(&output));
    }
    assert_eq!(state(&hub), "suspect");
    hub.clean();
}

/// A voucher that is sent, and of which the ERP said two things.
fn contradicted(state: u8) -> Hub {
    let hub = Hub::new();
    put(&hub.drop().join(NAME), &Delivery::new(1).bytes(), 1_770_000_000);
    hub.run("receive-payments", MONDAY);
    hub.run("send-vouchers", MONDAY);
    let sql = format!(
        "update voucher_sent set state = {state}, contradicted = 1, cause = 'F030';
        update voucher_file set undecided = 0, state = 6;
        insert into task (kind, municipality, subject, text, opened_at)
            values ('voucher contradicted', 751, 'voucher 1', 'says another thing', 0)"
    );
    hub.rewrite(&sql);
    hub
}

#[test]
fn what_a_person_may_say_of_a_voucher_that_the_erp_contradicts() {
    let counts = |hub: &Hub| -> Value {
        serde_json::from_slice(&hub.toek(&["vouchers", "status", "--json"]).stdout).unwrap()
    };
    for first in [2, 3] {
        for (said_of_it, accepted, refused_count) in [("--as-booked", 1, 0), ("--as-refused", 0, 1)] {
            let hub = contradicted(first);
            assert_eq!(lines(&hub)[0]["subject"], "voucher 1");
            let settle = format!("vouchers settle 1 {said_of_it} --reason statement");
            refused(&hub, SOON, "anna", "vouchers rebuild 1 --reason x", "");
            done(&hub, SOON, "anna", &format!("{settle} --dry-run"));
            done(&hub, SOON, "anna", &settle);
            refused(&hub, SOON, "bo", &settle, "do not contradict");
            let now = counts(&hub);
            assert_eq!(
                (now["accepted"].as_i64(), now["refused"].as_i64()),
                (Some(accepted), Some(refused_count))
            );
            assert_eq!(unknown(&hub), [""; 0]);
            assert!(!hub.tasks().contains(&"voucher contradicted: voucher 1".to_owned()));
            hub.clean();
            if refused_count == 1 {
                done(&hub, SOON, "anna", "vouchers rebuild 1 --reason x");
                hub.run("send-vouchers", SOON);
                assert_eq!(counts(&hub)["sent"], 1);
                hub.clean();
            }
        }
    }
}

#[test]
fn a_voucher_that_was_sent_again_is_not_booked_twice_by_word() {
    let hub = contradicted(3);
    // Built anew and sent before the ERP said that it had booked the first.
    hub.rewrite(
        "insert into voucher_sent (voucher_no, attempt, file_no, file_line, booking_day, state)
                select voucher_no, 2, file_no, 2, booking_day, 2 from voucher_sent;
            update voucher_file set vouchers = 2",
    );
    refused(&hub, SOON, "anna", "vouchers settle 1 --as-booked --reason x", "it may be booked twice");
    done(&hub, SOON, "anna", "vouchers settle 1 --as-refused --reason x");
    hub.clean();
}
