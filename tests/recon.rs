//! The day's controls, driven by the built binary: a day that is green, a file that is missing, a bank line that is too
//! small, a payment that came back, a match undone.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and makes files as a person would"
)]

mod hub;

use std::path::{Path, PathBuf};
use std::process::Command;

use hub::{Delivery, Hub, MONDAY, put, said, text};
use jiff::civil::{Date, DateTime, date, datetime};
use serde_json::Value;
use toek::partners::answers::{self, GroupStatus, Kind, Listed, Stamp};
use toek::partners::bank::{self, Line, statement};
use toek::partners::bundle::{Bundle, Reason};
use toek::partners::nemkonto::{Folders, NemKonto};
use toek::partners::script::{AmountForm, Script};
use toek_adapters::disk::RealDisk;
use toek_formats::order_control::{self, Row};
use toek_formats::vocabulary::Ore;

const WEDNESDAY: &str = "2026-03-04T13:00:00Z";
const FRIDAY_EVENING: &str = "2026-03-06T20:00:00Z";
const NEXT_MONDAY: &str = "2026-03-09T20:00:00Z";
const FRIDAY: Date = date(2026, 3, 6);
const GROUP: &str = "T0751-20260304-000001";
const ACCOUNT: &str = "99990000000751";
const OPENING: i64 = 100_000_000;
const FILE: &str = "G68_0751_20260302_0001.g68";

/// An installation that receives statements and control files.
fn house() -> Hub {
    let hub = Hub::new();
    for pipeline in ["receive-bank-statements", "receive-order-controls"] {
        let line = format!("\"schedules/{pipeline}.toml\"");
        hub.change("toek.toml", &format!("# {line}"), &line);
    }
    let path = hub.dir.join("toek.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, bank) = text.split_once("# [[endpoint]]\n# name = \"bank\"").unwrap();
    let (bank, behind) = bank.split_once("\n\n").unwrap();
    let bank = bank.replace("\n# ", "\n");
    std::fs::write(&path, format!("{before}[[endpoint]]\nname = \"bank\"{bank}\n\n{behind}")).unwrap();
    std::fs::create_dir_all(hub.dir.join("endpoints/bank/out")).unwrap();
    hub
}

fn left_by_bank(hub: &Hub, name: &str) -> PathBuf {
    hub.dir.join("endpoints/bank/out").join(name)
}

/// A control file, and what it says.
fn sent(hub: &Hub, name: &str, files: &[(&str, u32, i64)]) {
    let row = |(file, records, sum): &(&str, u32, i64)| Row {
        sender: "KSD".to_owned(),
        file: (*file).to_owned(),
        records: *records,
        sum: Ore(*sum),
        day: date(2026, 3, 2),
    };
    let rows: Vec<Row> = files.iter().map(row).collect();
    std::fs::write(hub.drop().join(name), order_control::write(&rows)).unwrap();
    hub.run("receive-order-controls", MONDAY);
}

fn answer(hub: &Hub, name: &str, bytes: Vec<u8>, at: &str) {
    std::fs::write(hub.outbox().join(name), bytes).unwrap();
    hub.run("receive-answers", at);
}

const ANSWERED: DateTime = datetime(2026, 3, 6, 8, 0, 0, 0);

fn stamp(number: u64) -> Stamp {
    Stamp { number, created: ANSWERED, amounts: AmountForm::Decimal2 }
}

/// The bank has all payments of a bundle; NemKonto's files are numbered from `first`.
fn at_bank(hub: &Hub, bundle: &Bundle, first: u64, at: &str) {
    let answer2 = answers::answer2(bundle, stamp(first), GroupStatus::Accepted, None, &[]);
    answer(hub, &format!("{first}.xml"), answer2, at);
    let listed = |payment| Listed {
        payment,
        accepted: true,
        code: None,
        text: None,
        account: Some("99970000000001".to_owned()),
        amount_ore: 0,
    };
    let payments: Vec<Listed<'_>> = bundle
        .payments()
        .map(|payment| Listed { amount_ore: payment.amount_ore, ..listed(payment) })
        .collect();
    let parts = [(&bundle.debits[0], payments)];
    let answer8 = answers::list(Kind::Answer8, None, bundle, &bundle.group_id, stamp(first + 1), &parts);
    answer(hub, &format!("{}.xml", first + 1), answer8, at);
}

/// One payment comes back from its bank.
fn returned(hub: &Hub, bundle: &Bundle) -> (String, i64) {
    let reason = Reason::new("0004", "Kontoen er lukket");
    let payment = bundle.payments().nth(3).unwrap();
    let listed = Listed {
        payment,
        accepted: false,
        code: Some(&reason.code),
        text: Some(&reason.text),
        account: None,
        amount_ore: payment.amount_ore,
    };
    let parts = [(&bundle.debits[0], vec![listed])];
    let answer9 = answers::list(Kind::Answer9, None, bundle, &bundle.group_id, stamp(3), &parts);
    answer(hub, "9.xml", answer9, NEXT_MONDAY);
    (payment.end_to_end_id.clone(), payment.amount_ore)
}

/// Ten payments taken in with their control file, sent on Wednesday, and with the bank on Friday.
fn paid() -> (Hub, Bundle, i64) {
    let hub = house();
    put(&hub.drop().join(FILE), &Delivery::new(1).bytes(), 1_770_000_000);
    hub.run("receive-payments", MONDAY);
    hub.run("send-bundles", WEDNESDAY);
    let bundle = Bundle::read(&std::fs::read(hub.inbox().join(format!("{GROUP}.xml"))).unwrap()).unwrap();
    let sum = bundle.payments().map(|payment| payment.amount_ore).sum();
    sent(&hub, "control.csv", &[(FILE, 10, sum)]);
    at_bank(&hub, &bundle, 1, FRIDAY_EVENING);
    (hub, bundle, sum)
}

fn of_bundle(amount_ore: i64) -> Line {
    Line { amount_ore, bundle: Some(GROUP.to_owned()), payment: None }
}

fn say(hub: &Hub, name: &str, day: Date, opening: i64, lines: &[Line]) -> String {
    std::fs::write(left_by_bank(hub, name), statement(ACCOUNT, day, opening, lines)).unwrap();
    hub.run("receive-bank-statements", FRIDAY_EVENING)
}

/// The page of a day, and whether the command was content.
fn page(hub: &Hub, day: &str, at: &str) -> (Value, bool) {
    let output = hub.toek(&["--at", at, "reconcile", day, "--json"]);
    (
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output))),
        output.status.success(),
    )
}

fn states(page: &Value) -> Vec<String> {
    let controls = page["controls"].as_array().unwrap();
    controls.iter().map(|c| format!("{} {}", text(&c["name"]), text(&c["state"]))).collect()
}

/// Each difference as "subject amount age".
fn differences(page: &Value) -> Vec<String> {
    let all = page["controls"].as_array().unwrap().iter().flat_map(|c| c["differences"].as_array().unwrap());
    all.map(|d| format!("{} {} {}", text(&d["subject"]), d["difference_ore"], d["age_days"])).collect()
}

const GREEN: [&str; 4] = ["orders green", "interim green", "bank green", "references green"];

#[test]
fn a_day_that_is_green() {
    let (hub, _, sum) = paid();
    let (before, content) = page(&hub, "2026-03-06", FRIDAY_EVENING);
    assert!(!content, "{before}");
    assert_eq!(
        differences(&before),
        [format!("{GROUP} {sum} 0")],
        "the books went out, the bank said nothing"
    );
    say(&hub, "friday.xml", FRIDAY, OPENING, &[of_bundle(-sum)]);
    for at in [FRIDAY_EVENING, NEXT_MONDAY] {
        let (page, content) = page(&hub, "2026-03-06", at);
        assert_eq!(
            (states(&page), differences(&page), content),
            (GREEN.map(str::to_owned).to_vec(), vec![], true)
        );
    }
    let (day, _) = page(&hub, "2026-03-02", FRIDAY_EVENING);
    assert_eq!(day["orders"][0]["proof"], "control file");
    assert_eq!((&day["orders"][0]["records"], &day["orders"][0]["sum_ore"]), (&10.into(), &sum.into()));
    let shown =
        said(&hub.toek(&["--at", FRIDAY_EVENING, "reconcile", "2026-03-06", "--municipality", "0751"]));
    assert!(shown.contains("3.1.11") && shown.contains("All controls are green."), "{shown}");
    assert_eq!(hub.tasks(), [""; 0]);
    hub.clean();
}

#[test]
fn what_a_voucher_carries_is_counted_by_the_bytes_that_were_sent() {
    let (hub, _, sum) = paid();
    hub.run("send-vouchers", FRIDAY_EVENING);
    say(&hub, "friday.xml", FRIDAY, OPENING, &[of_bundle(-sum)]);
    let (day, content) = page(&hub, "2026-03-06", FRIDAY_EVENING);
    assert!(content, "{day}");
    let looked_at = text(&day["controls"][3]["looked_at"]);
    assert!(looked_at.contains("20 with SPORINGSID, 20 UDBETALING, 10 BETALING"), "{looked_at}");
    let accounts = std::fs::read_to_string(hub.dir.join("accounts.toml")).unwrap();
    let bundle = accounts.lines().find(|line| line.starts_with("BUNDT = ")).unwrap();
    hub.change("accounts.toml", bundle, "BUNDT = \"00000000-0000-5000-8000-000000000001\"");
    let (day, content) = page(&hub, "2026-03-06", FRIDAY_EVENING);
    let lacking = &day["controls"][3]["differences"][0];
    assert!(!content && text(&lacking["what"]).ends_with("postings without BUNDT"), "{day}");
    hub.clean();
}

#[test]
fn a_missing_file_is_told_until_it_comes() {
    let hub = house();
    let second = "G68_0751_20260302_0002.g68";
    put(&hub.drop().join(second), &Delivery::new(2).bytes(), 1_770_000_000);
    hub.run("receive-payments", MONDAY);
    let (before, content) = page(&hub, "2026-03-02", MONDAY);
    assert_eq!(
        (differences(&before), content),
        (vec!["ksd: G68_0751_20260302 number 1 null 0".to_owned()], false)
    );
    assert_eq!(before["orders"][0]["proof"], "unproven");
    sent(&hub, "control.csv", &[(FILE, 10, 5_000), (second, 11, 5_000)]);
    let expected =
        [format!("file missing: ksd: {FILE}"), "file gap: ksd: G68_0751_20260302 number 1".to_owned()];
    assert_eq!(hub.tasks(), expected);
    let (day, content) = page(&hub, "2026-03-02", WEDNESDAY);
    assert!(!content);
    let subjects: Vec<String> =
        differences(&day).iter().map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect();
    assert_eq!(subjects, ["G68_0751_20260302", FILE, second, second], "{day}");
    put(&hub.drop().join(FILE), &Delivery::new(1).bytes(), 1_770_000_000);
    hub.run("receive-payments", WEDNESDAY);
    hub.run("receive-order-controls", WEDNESDAY);
    assert_eq!(hub.tasks(), [""; 0]);
    let (page, _) = page(&hub, "2026-03-04", WEDNESDAY);
    assert!(!differences(&page).iter().any(|line| line.contains("number 1")), "{page}");
    hub.clean();
}

#[test]
fn a_number_that_was_never_used_is_told_of_by_the_case_system() {
    let hub = house();
    for (number, seed) in [(1, 1), (4, 2)] {
        let name = format!("G68_0751_20260302_{number:04}.g68");
        put(&hub.drop().join(name), &Delivery::new(seed).bytes(), 1_770_000_000);
    }
    hub.run("receive-payments", MONDAY);
    hub.run("receive-order-controls", MONDAY);
    assert_eq!(hub.tasks(), ["file gap: ksd: G68_0751_20260302 numbers 2 to 3"]);
    let (day, content) = page(&hub, "2026-03-05", "2026-03-05T13:00:00Z");
    let expected = vec!["ksd: G68_0751_20260302 numbers 2 to 3 null 3".to_owned()];
    assert_eq!((differences(&day), content), (expected, false), "as old as the file behind the gap");
    let never = |number: u32| format!("G68_0751_20260302_{number:04}.g68");
    sent(&hub, "never.csv", &[(&never(2), 0, 0), (&never(3), 0, 0)]);
    assert_eq!(hub.tasks(), [""; 0]);
    let (day, content) = page(&hub, "2026-03-05", "2026-03-05T13:00:00Z");
    assert!(content, "{day}");
    hub.clean();
}

#[test]
fn a_bank_line_too_small_is_a_difference_until_the_rest_comes() {
    let (hub, _, sum) = paid();
    say(&hub, "friday.xml", FRIDAY, OPENING, &[of_bundle(-sum + 100)]);
    let (day, content) = page(&hub, "2026-03-06", NEXT_MONDAY);
    assert_eq!((differences(&day), content), (vec![format!("{GROUP} 100 3")], false));
    let (earlier, content) = page(&hub, "2026-03-05", NEXT_MONDAY);
    assert!(content, "{earlier}");
    let monday = date(2026, 3, 9);
    say(&hub, "monday.xml", monday, OPENING - sum + 100, &[of_bundle(-100)]);
    let (day, content) = page(&hub, "2026-03-09", NEXT_MONDAY);
    assert!(content, "{day}");
    hub.clean();
}

#[test]
fn a_returned_payment_meets_its_credit() {
    let (hub, bundle, sum) = paid();
    say(&hub, "friday.xml", FRIDAY, OPENING, &[of_bundle(-sum)]);
    let (reference, amount) = returned(&hub, &bundle);
    let (day, content) = page(&hub, "2026-03-09", NEXT_MONDAY);
    assert_eq!((differences(&day), content), (vec![format!("{GROUP} {} 3", -amount)], false));
    let back = Line { amount_ore: amount, bundle: None, payment: Some(reference) };
    say(&hub, "monday.xml", date(2026, 3, 9), OPENING - sum, &[back]);
    let (day, content) = page(&hub, "2026-03-09", NEXT_MONDAY);
    assert!(content, "{day}");
    assert_eq!(day["interim"][0]["interim_ore"], amount, "it is owed again");
    hub.clean();
}

#[test]
fn a_match_is_undone_and_made_by_hand() {
    let (hub, _, sum) = paid();
    let fee = Line { amount_ore: -2_500, bundle: None, payment: None };
    say(&hub, "friday.xml", FRIDAY, OPENING, &[of_bundle(-sum), fee]);
    assert_eq!(hub.tasks(), ["bank line: bank line 2"]);
    let toek = |arguments: &[&str]| hub.toek(&[&["--at", FRIDAY_EVENING], arguments].concat());
    let undo = ["bank", "undo-match", "1", "--reason", "wrong bundle"];
    assert!(toek(&[&undo[..], &["--dry-run"]].concat()).status.success());
    assert_eq!(hub.tasks().len(), 1, "a dry run changes nothing");
    assert!(toek(&undo).status.success());
    assert!(!toek(&undo).status.success(), "undone once");
    assert_eq!(hub.tasks(), ["bank line: bank line 2", "bank line: bank line 1"]);
    let (day, content) = page(&hub, "2026-03-06", FRIDAY_EVENING);
    let expected =
        [format!("{GROUP} {sum} 0"), format!("bank line 1 {} 0", -sum), "bank line 2 -2500 0".into()];
    assert_eq!((differences(&day), content), (expected.to_vec(), false));
    for (line, target, fits) in [
        ("1", "T0751-20260304-000002", false),
        ("9", GROUP, false),
        ("1", GROUP, true),
        ("1", GROUP, false),
        ("2", "foreign", true),
    ] {
        let output = toek(&["bank", "match", line, target, "--reason", "by the bank's letter"]);
        assert_eq!(output.status.success(), fits, "{line} {target}: {}", said(&output));
    }
    assert!(!toek(&["bank", "match", "1", GROUP, "--reason", " "]).status.success());
    let (day, content) = page(&hub, "2026-03-06", FRIDAY_EVENING);
    assert!(content, "{day}");
    assert_eq!(hub.tasks(), [""; 0]);
    let shown = said(&toek(&["bank", "lines", "--all"]));
    assert!(shown.contains("undone by") && shown.contains("not the hub's"), "{shown}");
    let log = said(&hub.toek(&["read-log", "--commands"]));
    assert!(log.contains("bank undo-match") && log.contains("bank match"), "{log}");
    hub.clean();
}

#[test]
fn a_person_matches_a_line_in_parts() {
    let (hub, _, sum) = paid();
    let together = Line { amount_ore: -sum - 2_500, bundle: None, payment: None };
    say(&hub, "friday.xml", FRIDAY, OPENING, &[together]);
    let toek = |target: &str, amount: &str, more: &[&str]| {
        let act =
            ["--at", FRIDAY_EVENING, "bank", "match", "1", target, "--amount", amount, "--reason", "a part"];
        hub.toek(&[&act[..], more].concat())
    };
    let kroner = Ore(sum).decimal2().to_string();
    for (amount, fits) in
        [("0", false), ("-1", false), ("1,50", false), ("99999999", false), (kroner.as_str(), true)]
    {
        let tried = toek(GROUP, amount, &["--dry-run"]);
        assert_eq!(tried.status.success(), fits, "{amount}: {}", said(&tried));
        let output = toek(GROUP, amount, &[]);
        assert_eq!(output.status.success(), fits, "{amount}: {}", said(&output));
    }
    let (day, content) = page(&hub, "2026-03-06", FRIDAY_EVENING);
    assert_eq!((differences(&day), content), (vec!["bank line 1 -2500 0".to_owned()], false));
    assert!(toek("foreign", "25.00", &[]).status.success());
    let (day, content) = page(&hub, "2026-03-06", FRIDAY_EVENING);
    assert!(content, "{day}");
    hub.clean();
}

#[test]
fn money_on_the_interim_account_that_no_payment_explains_is_told() {
    let (hub, _, sum) = paid();
    say(&hub, "friday.xml", FRIDAY, OPENING, &[of_bundle(-sum)]);
    // One payment's state is lost, and then the account's balance is another than its lines give.
    hub.sql()
        .execute_batch(
            "update payment set state = 2 where payment_id = (select min(payment_id) from payment)",
        )
        .unwrap();
    let (day, content) = page(&hub, "2026-03-06", FRIDAY_EVENING);
    let told = differences(&day);
    assert!(!content && told.len() == 1 && told[0].starts_with("MELLEM of 0751, 2026-03-02 "), "{day}");
    hub.sql().execute_batch("update balance set credit_ore = credit_ore + 100 where account = 2").unwrap();
    let (day, content) = page(&hub, "2026-03-06", FRIDAY_EVENING);
    assert!(!content && differences(&day).contains(&"MELLEM of 0751 -100 0".to_owned()), "{day}");
    let shown = said(&hub.toek(&["--at", FRIDAY_EVENING, "reconcile", "2026-03-06"]));
    assert!(shown.contains("toek verify") && shown.contains("operator"), "{shown}");
    let (other, content) = {
        let output = hub.toek(&["--at", FRIDAY_EVENING, "reconcile", "2026-03-06", "--municipality", "0461"]);
        (said(&output), output.status.success())
    };
    assert!(content, "another municipality's page is green: {other}");
}

#[test]
fn statements_that_cannot_be_believed_are_quarantined() {
    let (hub, _, sum) = paid();
    let good = statement(ACCOUNT, FRIDAY, OPENING, &[of_bundle(-sum)]);
    let cases = [
        (
            "sums.xml",
            good.replace(
                "<Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy=\"DKK\">",
                "<Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy=\"DKK\">1",
            ),
        ),
        ("account.xml", good.replace(ACCOUNT, "99990000009999")),
        ("euro.xml", good.replace("DKK", "EUR")),
        ("cut.xml", good[..good.len() / 2].to_owned()),
    ];
    for (name, bytes) in cases {
        std::fs::write(left_by_bank(&hub, name), bytes).unwrap();
        hub.run("receive-bank-statements", FRIDAY_EVENING);
        assert_eq!(hub.states(name), ["quarantined"], "{name}");
    }
    std::fs::write(left_by_bank(&hub, "good.xml"), &good).unwrap();
    std::fs::write(left_by_bank(&hub, "other.xml"), good.replace("22:00:00", "22:00:01")).unwrap();
    hub.run("receive-bank-statements", FRIDAY_EVENING);
    assert_eq!(
        (hub.states("good.xml"), hub.states("other.xml")),
        (vec!["accepted".into()], vec!["quarantined".into()])
    );
    let shown = said(&hub.toek(&["quarantine", "list"]));
    assert!(!shown.contains("99990000") && shown.contains("came before"), "{shown}");
    hub.clean();
}

#[test]
fn a_statement_that_lacks_between_is_told() {
    let (hub, _, sum) = paid();
    say(&hub, "friday.xml", FRIDAY, OPENING, &[of_bundle(-sum)]);
    say(&hub, "tuesday.xml", date(2026, 3, 10), OPENING - sum - 700, &[]);
    let (day, content) = page(&hub, "2026-03-10", "2026-03-10T20:00:00Z");
    assert_eq!((differences(&day), content), (vec!["bank statement 2 of BANK(1) -700 0".to_owned()], false));
    hub.clean();
}

#[test]
fn statements_are_inspected_and_validated() {
    let toek = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_toek"));
        command.args(arguments).env_remove("TOEK_CANARY").env_remove("TOEK_DIR").output().unwrap()
    };
    for (folder, is_right) in [("ok", true), ("err", false)] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/bank_statement").join(folder);
        let files: Vec<PathBuf> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        let files = files.iter().filter(|path| path.extension().is_some_and(|ending| ending == "xml"));
        for file in files {
            let path = file.to_str().unwrap();
            for command in [&["inspect", path][..], &["inspect", "--json", path], &["validate", path]] {
                let output = toek(command);
                assert_eq!(output.status.success(), is_right, "{command:?}: {}", said(&output));
                assert!(!said(&output).contains("99990000000751"), "{command:?}: {}", said(&output));
            }
            let expected = std::fs::read_to_string(file.with_extension("expected")).unwrap();
            let inspected = said(&toek(&["inspect", path]));
            assert!(!is_right || inspected.contains(&expected), "{path}: {inspected}");
        }
    }
    let sums = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/bank_statement/err/sums-differ.xml");
    let validated = said(&toek(&["validate", sums]));
    assert!(validated.contains("error[BANK-XML]") && validated.contains(":11:5"), "{validated}");
}

/// What a clerk has done in somebody's name.
fn by_anna(hub: &Hub, at: &str, arguments: &str) -> String {
    let words = ["--at", at, "--as", "anna"].into_iter().chain(arguments.split(' '));
    let output = hub.toek(&words.collect::<Vec<_>>());
    assert!(output.status.success(), "{arguments}: {}", said(&output));
    said(&output)
}

#[test]
fn a_clerks_day_from_refused_payments_to_a_cleared_bank_line() {
    // Given a bundle on the bank's statement, of which two payments came back since.
    let (hub, bundle, sum) = paid();
    say(&hub, "friday.xml", FRIDAY, OPENING, &[of_bundle(-sum)]);
    let (reference, back) = returned(&hub, &bundle);
    let todo = by_anna(&hub, NEXT_MONDAY, "payments todo --json");
    let returned: Value = serde_json::from_str(todo.lines().next().unwrap()).unwrap();
    let payment = text(&returned["payment"]);
    // When the clerk has one sent anew, and another paid by the bank with the rest is found unpaid and settled in cash.
    by_anna(&hub, NEXT_MONDAY, &format!("payments resend {payment} --reason mended"));
    let other = bundle.payments().next().unwrap();
    let payee = &other.payee.as_ref().unwrap().number;
    let found = format!("payments --payee {payee} --amount {} --json", Ore(other.amount_ore).danish());
    let failed = by_anna(&hub, NEXT_MONDAY, &found);
    let failed: Value = serde_json::from_str(failed.lines().next().unwrap()).unwrap();
    let other = (text(&failed["payment"]), other.amount_ore);
    by_anna(&hub, NEXT_MONDAY, &format!("payments fail {} --reason statement-of-the-9th", other.0));
    by_anna(&hub, NEXT_MONDAY, &format!("payments cash {} --reason cheque-4711", other.0));
    // And the bank books what it gave back, and on Wednesday the new attempt.
    let monday = date(2026, 3, 9);
    hub.run("send-bundles", "2026-03-10T13:00:00Z");
    let mut second = hub.bundles().into_iter().map(|line| line.split(' ').next().unwrap().to_owned());
    let second = second.rfind(|group| group != GROUP).unwrap();
    let bytes = std::fs::read(hub.inbox().join(format!("{second}.xml"))).unwrap();
    let anew = Bundle::read(&bytes).unwrap();
    assert_eq!(anew.payments().map(|payment| payment.amount_ore).collect::<Vec<_>>(), [back]);
    let late = "2026-03-13T20:00:00Z";
    at_bank(&hub, &anew, 11, late);
    let lines = [
        Line { amount_ore: back, bundle: None, payment: Some(reference) },
        Line { amount_ore: other.1, bundle: None, payment: None },
    ];
    let heard = |name: &str, day, opening, lines: &[Line]| {
        std::fs::write(left_by_bank(&hub, name), statement(ACCOUNT, day, opening, lines)).unwrap();
        hub.run("receive-bank-statements", late);
    };
    heard("monday.xml", monday, OPENING - sum, &lines);
    let paid_on = anew.debits[0].day;
    let line = Line { amount_ore: -back, bundle: Some(second), payment: None };
    heard("later.xml", paid_on, OPENING - sum + back + other.1, &[line]);
    // Then only the line without a reference waits for him; matched, the page is green and the books are even.
    let (day, content) = page(&hub, &paid_on.to_string(), late);
    assert!(!content, "{day}");
    by_anna(&hub, late, &format!("bank match 3 {} --reason the-bank-gave-it-back", other.0));
    let (day, content) = page(&hub, &paid_on.to_string(), late);
    assert_eq!((states(&day), content), (GREEN.map(str::to_owned).to_vec(), true), "{day}");
    assert_eq!((hub.state_of(&payment), hub.state_of(&other.0)), ("paid".into(), "cash".into()));
    hub.clean();
}

/// Payments that go wrong in every way that moves money, or does not.
const SCRIPT: &str = r#"
seed = 1
amounts = "decimal2"

[[payment]]
amount_endings = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
answer = "return"

[[payment]]
amount_endings = [10, 11, 12, 13, 14, 15, 16, 17, 18, 19]
answer = "bank-refuse-later"
text = "KONTO OPHÆVET"

[[payment]]
amount_endings = [20, 21, 22, 23, 24, 25, 26, 27, 28, 29]
answer = "error-account"

[[payment]]
amount_endings = [30, 31, 32, 33, 34, 35, 36, 37, 38, 39]
answer = "refuse"
code = "0004"
text = "Kreditor ukendt"
"#;

#[test]
fn the_simulated_bank_and_the_books_agree_whatever_becomes_of_payments() {
    let hub = house();
    let script = Script::load(SCRIPT, "script").unwrap();
    let home = hub.home().join("nemkonto");
    let folders = Folders { inbox: hub.inbox(), outbox: hub.outbox(), home: home.clone() };
    let mut nemkonto = NemKonto::open(&RealDisk, folders, script.clone()).unwrap();
    put(&hub.drop().join(FILE), &Delivery { payments: 200, ..Delivery::new(3) }.bytes(), 1_770_000_000);
    hub.run("receive-payments", MONDAY);
    hub.run("send-bundles", WEDNESDAY);
    for at in [datetime(2026, 3, 4, 14, 0, 0, 0), datetime(2026, 3, 6, 14, 0, 0, 0)] {
        nemkonto.step(at).unwrap();
    }
    hub.run("receive-answers", FRIDAY_EVENING);
    let book = bank::book(&RealDisk, &home, &script).unwrap();
    let out = hub.dir.join("endpoints/bank/out");
    let (before, content) = page(&hub, "2026-03-09", NEXT_MONDAY);
    assert!(!content && differences(&before).len() == 1, "{before}");
    for (day, files) in [(FRIDAY, 1), (date(2026, 3, 9), 1), (date(2026, 3, 10), 0)] {
        assert_eq!(bank::deliver(&RealDisk, &book, day, &out).unwrap().len(), files, "{day}");
    }
    hub.run("receive-bank-statements", NEXT_MONDAY);
    let (day, content) = page(&hub, "2026-03-09", NEXT_MONDAY);
    assert_eq!((states(&day), content), (GREEN.map(str::to_owned).to_vec(), true), "{day}");
    assert!(day["controls"][2]["looked_at"].as_str().unwrap().starts_with("1 bundles"), "{day}");
    let credits = said(&hub.toek(&["bank", "lines", "--all", "--json"])).matches("payment reference").count();
    assert!(credits > 5, "{credits} came back");
    hub.clean();
}
