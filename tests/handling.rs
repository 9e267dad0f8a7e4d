//! What a clerk may do with a payment, from the file that brought it to the trial balance: given, when, then.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and makes files as a person would"
)]

mod hub;

use std::process::Stdio;

use hub::clerk::{about, answer, done, lines, refused};
use hub::{Delivery, Hub, MONDAY, NAME, put, said, text};
use toek::partners::answers::Kind;
use toek::partners::bundle::Bundle;

const LATER: &str = "2026-03-02T08:00:00Z";
const WEDNESDAY: &str = "2026-03-04T13:00:00Z";
const THURSDAY: &str = "2026-03-05T09:00:00Z";
const FRIDAY: &str = "2026-03-06T09:00:00Z";
const GROUP: &str = "T0751-20260304-000001";

/// Ten payments of municipality 0751 for Friday, taken in on Monday.
fn taken_in() -> Hub {
    let hub = Hub::new();
    put(&hub.drop().join(NAME), &Delivery::new(1).bytes(), 1_770_000_000);
    hub.run("receive-payments", MONDAY);
    hub
}

/// The same, sent on Wednesday; and the bytes of their bundle.
fn sent() -> (Hub, Vec<u8>) {
    let hub = taken_in();
    hub.run("send-bundles", WEDNESDAY);
    let bytes = bundle(&hub, GROUP);
    (hub, bytes)
}

/// The same, the first of them refused by the bank.
fn refused_by_the_bank() -> Hub {
    let (hub, bytes) = sent();
    answer(&hub, "9.xml", about(&bytes, Kind::Answer9, 1, 0, false), "2026-03-04T15:00:00Z");
    hub
}

fn bundle(hub: &Hub, group: &str) -> Vec<u8> {
    std::fs::read(hub.inbox().join(format!("{group}.xml"))).unwrap()
}

/// The first payment of the bundle.
const FIRST: &str = "P1-1";

fn amount(hub: &Hub, payment: &str) -> i64 {
    let found = lines(hub, "payments");
    found.iter().find(|line| line["payment"] == payment).unwrap()["amount_ore"].as_i64().unwrap()
}

/// What an account of 0751 has, debit less credit.
fn balance(hub: &Hub, account: &str) -> i64 {
    let sql = "select coalesce(sum(debit_ore - credit_ore), 0) from balance where municipality = 751 and account = ?1";
    let code = match account {
        "UDB_K" => 1,
        "MELLEM" => 2,
        "BAGATEL" => 4,
        "KONTANT" => 5,
        "EGEN" => 6,
        _ => 257,
    };
    hub.sql().query_row(sql, [code], |row| row.get(0)).unwrap()
}

#[test]
fn a_refused_payment_is_sent_anew_under_a_reference_of_its_own_and_paid() {
    // Given a payment that the payee's bank refused, and a clerk who looks what waits for him.
    let hub = refused_by_the_bank();
    let todo = lines(&hub, "payments todo");
    assert_eq!(
        (todo.len(), text(&todo[0]["payment"]), text(&todo[0]["state"])),
        (1, FIRST.into(), "open".into())
    );
    assert!(text(&todo[0]["suggested"]).contains("resend"));
    let owed = balance(&hub, "MELLEM");
    // When he has it sent anew, after he saw what would come of it.
    let tried = done(&hub, THURSDAY, "anna", "payments resend P1-1 --reason mended --dry-run");
    assert!(tried.contains("would be waiting, and sent"), "{tried}");
    assert_eq!(hub.state_of(FIRST), "open");
    done(&hub, THURSDAY, "anna", "payments resend P1-1 --reason mended");
    assert_eq!((hub.state_of(FIRST), balance(&hub, "MELLEM")), ("waiting".into(), owed), "nothing is posted");
    hub.run("send-bundles", THURSDAY);
    // Then it goes alone, as a second attempt, for its own day, that can still be reached.
    let second = "T0751-20260305-000001";
    assert!(
        hub.bundles().iter().any(|b| b.starts_with(&format!("{second} 2026-03-06 1"))),
        "{:?}",
        hub.bundles()
    );
    let (before, after) = (bundle(&hub, GROUP), bundle(&hub, second));
    let (before, after) = (Bundle::read(&before).unwrap(), Bundle::read(&after).unwrap());
    let (one, other) = (before.payments().next().unwrap(), after.payments().next().unwrap());
    assert_ne!(one.end_to_end_id, other.end_to_end_id);
    assert_eq!(
        (one.amount_ore, format!("{:?}", one.payee)),
        (other.amount_ore, format!("{:?}", other.payee))
    );
    // And when the bank has it, it is paid: P6 once.
    answer(&hub, "8.xml", about(&bundle(&hub, second), Kind::Answer8, 2, 0, true), FRIDAY);
    assert_eq!(hub.state_of(FIRST), "paid");
    assert_eq!(balance(&hub, "BANK"), -amount(&hub, FIRST));
    assert_eq!(lines(&hub, "payments todo").len(), 0);
    hub.clean();
}

#[test]
fn why_a_payment_was_posted_so_is_told_by_the_rules_row() {
    let hub = refused_by_the_bank();
    done(&hub, THURSDAY, "anna", "payments cash P1-1 --reason cheque-4711");
    let story = said(&hub.toek(&["trace", FIRST]));
    for (rule, debit, credit) in [("P4", "UDB_K", "MELLEM"), ("P10", "MELLEM", "KONTANT")] {
        let rows = lines(&hub, "rules");
        let row = rows.iter().find(|row| row["rule"] == rule).unwrap();
        assert_eq!((text(&row["debit"]), text(&row["credit"])), (debit.into(), credit.into()));
        let posted = story.lines().find(|line| line.contains(&format!("{rule} posted"))).unwrap();
        assert!(posted.ends_with(&text(&row["when"])), "{posted}");
    }
    assert!(lines(&hub, "rules").iter().all(|row| row["debit"] != row["credit"]));
}

/// The journal told of the first attempt last, and its replay took that for the newest.
#[test]
fn what_comes_of_an_earlier_attempt_is_told_and_changes_nothing_of_the_newest() {
    // Given a payment that the bank refused, sent anew since.
    let hub = refused_by_the_bank();
    done(&hub, THURSDAY, "anna", "payments resend P1-1 --reason mended");
    hub.run("send-bundles", THURSDAY);
    // When NemKonto says after all that the bank has the first.
    answer(&hub, "8.xml", about(&bundle(&hub, GROUP), Kind::Answer8, 2, 0, true), THURSDAY);
    // Then nothing is booked, the second is still awaited, and a person is told.
    assert_eq!((hub.state_of(FIRST), balance(&hub, "BANK")), ("in progress".into(), 0));
    let tasks = said(&hub.toek(&["status"]));
    assert!(tasks.contains("an attempt was answered after a newer one was made"), "{tasks}");
    hub.clean();
}

#[test]
fn a_refused_payment_is_settled_another_way_and_never_twice() {
    for (act, state, account) in [
        ("cash", "cash", "KONTANT"),
        ("own", "own account", "EGEN"),
        ("recall", "recalled", "UDB_K"),
        ("refuse", "refused", "UDB_K"),
    ] {
        let hub = refused_by_the_bank();
        let (before, owed, amount) = (balance(&hub, account), balance(&hub, "MELLEM"), amount(&hub, FIRST));
        done(&hub, THURSDAY, "anna", &format!("payments {act} {FIRST} --reason agreed"));
        assert_eq!(hub.state_of(FIRST), state);
        assert_eq!(balance(&hub, "MELLEM"), owed + amount, "{act}: owed no more");
        assert_eq!(balance(&hub, account), before - amount, "{act}");
        for again in ["cash", "own", "recall", "refuse", "resend", "release"] {
            let arguments = format!("payments {again} {FIRST} --reason again");
            refused(&hub, THURSDAY, "bo", &arguments, "settled by anna: that is final");
        }
        assert_eq!(lines(&hub, "payments todo").len(), 0);
        assert_eq!(lines(&hub, &format!("payments --state {}", state.split(' ').next().unwrap())).len(), 1);
        let story = said(&hub.toek(&["trace", FIRST]));
        assert!(story.contains("anna decided") && story.contains("agreed"), "{story}");
        hub.clean();
    }
}

#[test]
fn what_waits_can_be_recalled_and_what_left_only_stopped() {
    let hub = taken_in();
    done(&hub, LATER, "anna", "payments recall P1-2 --reason asked");
    hub.run("send-bundles", WEDNESDAY);
    assert!(hub.bundles()[0].starts_with(&format!("{GROUP} 2026-03-06 9")), "{:?}", hub.bundles());
    assert_eq!((hub.state_of("P1-2"), hub.state_of("P1-3")), ("recalled".into(), "in progress".into()));
    refused(&hub, WEDNESDAY, "anna", "payments recall P1-3 --reason asked", "request a stop");
    done(&hub, WEDNESDAY, "anna", "payments stop P1-3 --reason asked");
    assert_eq!(hub.state_of("P1-3"), "in progress", "nothing is assumed before NemKonto's answer");
    let bytes = bundle(&hub, GROUP);
    answer(&hub, "8.xml", about(&bytes, Kind::Answer8, 1, 1, true), "2026-03-04T15:00:00Z");
    assert_eq!(hub.state_of("P1-3"), "paid", "it came too late");
    hub.clean();
}

#[test]
fn a_paid_one_that_failed_outside_nemkonto_is_owed_again_and_can_be_sent_anew() {
    let (hub, bytes) = sent();
    answer(&hub, "8.xml", about(&bytes, Kind::Answer8, 1, 0, true), "2026-03-04T15:00:00Z");
    let (paid, amount) = (balance(&hub, "BANK"), amount(&hub, FIRST));
    assert_eq!(paid, -amount);
    refused(&hub, THURSDAY, "anna", "payments resend P1-1 --reason x", "register it as failed first");
    let tried = done(&hub, THURSDAY, "anna", "payments fail P1-1 --reason statement --dry-run");
    assert!(tried.contains("would be open") && tried.contains("P8"), "{tried}");
    done(&hub, THURSDAY, "anna", "payments fail P1-1 --reason statement");
    assert_eq!((hub.state_of(FIRST), balance(&hub, "BANK")), ("open".into(), 0));
    done(&hub, THURSDAY, "anna", "payments resend P1-1 --reason mended");
    hub.run("send-bundles", THURSDAY);
    assert_eq!(hub.state_of(FIRST), "in progress");
    hub.clean();
}

#[test]
fn a_block_holds_on_the_day_says_so_and_lets_go_when_it_is_lifted_or_over() {
    for until in [None, Some("2026-03-04")] {
        let hub = taken_in();
        let period = until.map(|day| format!(" --until {day}")).unwrap_or_default();
        let of_payment = format!("blocks add --payment P1-4{period} --reason review");
        done(&hub, LATER, "anna", &of_payment);
        hub.run("send-bundles", WEDNESDAY);
        assert!(hub.bundles()[0].starts_with(&format!("{GROUP} 2026-03-06 9")), "{:?}", hub.bundles());
        assert_eq!(hub.state_of("P1-4"), "held (block)");
        assert_eq!(hub.tasks().iter().filter(|task| task.starts_with("blocked")).count(), 1);
        refused(&hub, WEDNESDAY, "anna", "payments cash P1-4 --reason x", "it is blocked");
        refused(&hub, WEDNESDAY, "anna", "payments release P1-4 --reason x", "lift the block");
        if until.is_none() {
            hub.run("send-bundles", THURSDAY);
            assert_eq!(hub.state_of("P1-4"), "held (block)", "until it is lifted");
            done(&hub, THURSDAY, "bo", "blocks lift 1 --reason done");
            refused(&hub, THURSDAY, "bo", "blocks lift 1 --reason again", "was lifted by bo");
        }
        hub.run("send-bundles", THURSDAY);
        assert_eq!(hub.state_of("P1-4"), "in progress");
        assert_eq!(hub.bundles().len(), 2, "it goes alone, and once");
        hub.run("send-bundles", FRIDAY);
        assert_eq!(hub.bundles().len(), 2);
        hub.clean();
    }
}

#[test]
fn a_blocked_payee_is_paid_nothing_by_the_municipality_that_blocked_and_by_no_other_is_he_held() {
    let hub = taken_in();
    let sql = "select payee_code, payee_no from payment where payment_id = (1 << 20) + 1";
    let (code, number): (i64, i64) =
        hub.sql().query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let width = if code == 2 { 10 } else { 8 };
    for (municipality, held) in [("0461", "in progress"), ("0751", "held (block)")] {
        let hub = taken_in();
        let add =
            format!("blocks add --payee {number:0width$} --municipality {municipality} --reason estate");
        done(&hub, LATER, "anna", &add);
        hub.run("send-bundles", WEDNESDAY);
        assert_eq!(hub.state_of(FIRST), held, "{municipality}");
        let shown = said(&hub.toek(&["blocks"]));
        assert!(
            code == 1 || !shown.contains(&format!("{number:010}")),
            "a person's number is masked: {shown}"
        );
        hub.clean();
    }
}

#[test]
fn a_benefits_limits_send_the_small_to_the_petty_account_and_the_large_to_a_person() {
    let hub = taken_in();
    let mut amounts: Vec<(i64, String)> = lines(&hub, "payments")
        .iter()
        .map(|l| (l["amount_ore"].as_i64().unwrap(), text(&l["payment"])))
        .collect();
    amounts.sort();
    let (small, large) = (amounts[0].0, amounts[9].0);
    let limited = Hub::new();
    limited.change(
        "benefits.toml",
        "\nbank_account",
        &format!("\nminimum_ore = {}\nmaximum_ore = {}\nbank_account", small + 1, large - 1),
    );
    put(&limited.drop().join(NAME), &Delivery::new(1).bytes(), 1_770_000_000);
    limited.run("receive-payments", MONDAY);
    let (petty, held) = (&amounts[0].1, &amounts[9].1);
    assert_eq!((limited.state_of(petty), limited.state_of(held)), ("petty".into(), "held (maximum)".into()));
    assert_eq!(balance(&limited, "BAGATEL"), -small);
    let (owed, listed) = (balance(&limited, "MELLEM"), lines(&limited, "payments --state petty"));
    assert_eq!((listed.len(), listed[0]["amount_ore"].as_i64()), (1, Some(small)));
    assert!(text(&lines(&limited, "payments todo")[0]["suggested"]).contains("release"));
    done(&limited, LATER, "anna", &format!("payments release {held} --reason checked"));
    assert_eq!(balance(&limited, "MELLEM"), owed - large, "owed from now on");
    limited.run("send-bundles", WEDNESDAY);
    assert!(limited.bundles()[0].starts_with(&format!("{GROUP} 2026-03-06 9")), "{:?}", limited.bundles());
    limited.clean();
}

#[test]
fn a_municipality_may_have_limits_of_its_own_from_a_day_on() {
    // Given limits that two persons set for one municipality, from the day of the file on.
    let known = taken_in();
    let amounts = lines(&known, "payments");
    let amounts: Vec<i64> = amounts.iter().map(|line| line["amount_ore"].as_i64().unwrap()).collect();
    let (small, large) = (amounts.iter().min().unwrap(), amounts.iter().max().unwrap());
    let hub = Hub::new();
    for (number, name, value) in
        [(1, "smallest_payment_ore", small + 1), (2, "largest_payment_ore", large - 1)]
    {
        let set =
            format!("parameters set {name} {value} --municipality 0751 --from 2026-03-02 --reason council");
        done(&hub, MONDAY, "anna", &set);
        done(&hub, MONDAY, "bo", &format!("parameters approve {number} --reason seen"));
    }
    // When the file is taken in, then they hold for it; and for another municipality the old ones.
    put(&hub.drop().join(NAME), &Delivery::new(1).bytes(), 1_770_000_000);
    hub.run("receive-payments", MONDAY);
    for (state, amount) in [("petty", *small), ("held", *large)] {
        let found = lines(&hub, &format!("payments --state {state}"));
        let found: Vec<i64> = found.iter().map(|line| line["amount_ore"].as_i64().unwrap()).collect();
        assert_eq!(found, [amount], "{state}");
    }
    assert_eq!(balance(&hub, "BAGATEL"), -small);
    let other = lines(&hub, "parameters list --municipality 0461 --on 2026-03-02");
    assert_eq!(other.iter().find(|line| line["name"] == "smallest_payment_ore").unwrap()["value"], "0");
    hub.clean();
}

#[test]
fn payments_are_found_by_what_a_clerk_knows() {
    let hub = taken_in();
    hub.run("send-bundles", WEDNESDAY);
    let all = lines(&hub, "payments");
    assert_eq!(all.len(), 10);
    let first = all.iter().find(|line| line["payment"] == FIRST).unwrap();
    let kroner = first["amount_ore"].as_i64().unwrap();
    let count = |arguments: &str| lines(&hub, arguments).len();
    assert_eq!(count(&format!("payments --amount {},{:02}", kroner / 100, kroner % 100)), 1);
    assert_eq!(count(&format!("payments --bundle {GROUP} --state in-progress")), 10);
    assert_eq!(count("payments --day 2026-03-06 --municipality 0751"), 10);
    assert_eq!(count("payments --municipality 0461"), 0);
    assert_eq!(count("payments --file deliv --limit 3"), 3);
    let refs = hub.records(NAME);
    assert_eq!(count(&format!("payments --posting-ref {}", text(&refs[0]["posting_ref"]))), 1);
    let log = said(&hub.toek(&["read-log"]));
    assert!(log.contains("payments"), "who searched is noted: {log}");
}

/// Two clerks at the same moment: one wins, the other is told who did.
#[test]
fn of_two_who_act_at_once_one_wins_and_the_other_is_told() {
    for round in 0..4 {
        let hub = refused_by_the_bank();
        let acts = [("anna", "cash"), ("bo", "resend")];
        let running: Vec<_> = acts
            .map(|(who, act)| {
                let arguments =
                    ["--at", THURSDAY, "--as", who, "payments", act, FIRST, "--reason", "at once"];
                hub.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
            })
            .into_iter()
            .collect();
        let outputs: Vec<_> = running.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
        let won: Vec<bool> = outputs.iter().map(|output| output.status.success()).collect();
        let told: Vec<String> = outputs.iter().map(said).collect();
        assert_eq!(won.iter().filter(|won| **won).count(), 1, "round {round}: {told:?}");
        let winner = usize::from(won[1]);
        let loser = &told[1 - winner];
        let is_told = loser.contains("settled by") || loser.contains("at work");
        assert!(is_told, "round {round}: {loser}");
        assert_eq!(hub.state_of(FIRST), ["cash", "waiting"][winner]);
        hub.clean();
    }
}
