//! Backup and restore as a person does it: what left after the backup is known again, and nothing leaves twice.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and makes and destroys files as a person would"
)]

mod hub;

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use hub::{Delivery, Hub, MONDAY, NAME, put, said, text};
use jiff::civil::{DateTime, datetime};
use serde_json::Value;
use toek::partners::answers::{self, GroupStatus, Kind, Listed, Stamp};
use toek::partners::bundle::Bundle;
use toek::partners::script::AmountForm;
use toek_formats::finance::{
    AnswerHead, AnswerWriter, Entry, LIMITS, Receipt, ResultForm, VoucherFileReader, VoucherResult,
};
use toek_formats::routing::{
    FileContent, FileDescriptor, FileMetadata, ReceiptOutcome, TechnicalReceipt, Trigger,
};
use toek_formats::vocabulary::Uuid;

const TUESDAY: &str = "2026-03-03T20:00:00Z";
/// When bundles for Friday leave: Wednesday, two o'clock in Denmark.
const WEDNESDAY: &str = "2026-03-04T13:00:00Z";
const RESTORED: &str = "2026-03-04T14:00:00Z";
const LATER: &str = "2026-03-04T15:00:00Z";
/// Two bank days for sending, two for answers, from Wednesday: after Tuesday all must have come.
const ALL_HAS_COME: &str = "2026-03-11T08:00:00Z";
const ANSWERED: DateTime = datetime(2026, 3, 4, 15, 0, 0, 0);

fn stamp(number: u64) -> Stamp {
    Stamp { number, created: ANSWERED, amounts: AmountForm::Decimal2 }
}

/// Ten payments in bundles of four; on Tuesday evening they wait.
fn waiting() -> Hub {
    let hub = Hub::new();
    hub.set("bundle_limit = 4");
    put(&hub.drop().join(NAME), &Delivery::new(1).bytes(), 1_770_000_000);
    hub.run("receive-payments", MONDAY);
    hub
}

fn backup_of(hub: &Hub) -> PathBuf {
    hub.home().join("backup")
}

fn key_of(hub: &Hub) -> PathBuf {
    hub.home().join("kept.key")
}

/// Takes a backup, and keeps the key apart.
#[track_caller]
fn back_up(hub: &Hub) {
    let made = hub.toek(&["--at", TUESDAY, "backup", backup_of(hub).to_str().unwrap()]);
    assert!(made.status.success(), "{}", said(&made));
    std::fs::copy(hub.dir.join("keys/installation.key"), key_of(hub)).unwrap();
}

/// The same program on another directory.
fn elsewhere(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_toek"));
    command.args(["--quiet", "--dir", dir.to_str().unwrap()]).args(arguments);
    command.env_remove("TOEK_CANARY").env_remove("TOEK_DIR").stdin(Stdio::null()).output().unwrap()
}

/// All of the installation but the counterparties' folders is gone.
fn destroy(hub: &Hub) {
    for entry in std::fs::read_dir(&hub.dir).unwrap().map(|entry| entry.unwrap()) {
        match entry.file_type().unwrap().is_dir() {
            true if entry.file_name() == "endpoints" => {}
            true => std::fs::remove_dir_all(entry.path()).unwrap(),
            false => std::fs::remove_file(entry.path()).unwrap(),
        }
    }
}

fn restore_at(hub: &Hub, at: &str) -> Output {
    let (from, key) = (backup_of(hub), key_of(hub));
    hub.toek(&["--at", at, "restore", from.to_str().unwrap(), "--key", key.to_str().unwrap(), "--json"])
}

#[track_caller]
fn restore(hub: &Hub, at: &str) -> Value {
    let restored = restore_at(hub, at);
    assert!(restored.status.success(), "{}", said(&restored));
    serde_json::from_slice(&restored.stdout).unwrap()
}

fn endpoints(hub: &Hub) -> Vec<Value> {
    let listed = hub.toek(&["endpoints", "list", "--json"]);
    assert!(listed.status.success(), "{}", said(&listed));
    listed
        .stdout
        .split(|b| *b == b'\n')
        .filter(|line| !line.is_empty())
        .map(|l| serde_json::from_slice(l).unwrap())
        .collect()
}

fn endpoint(hub: &Hub, name: &str) -> Value {
    endpoints(hub).into_iter().find(|line| line["endpoint"] == name).unwrap()
}

fn release(hub: &Hub, name: &str) -> Output {
    hub.toek(&["endpoints", "release", name, "--reason", "asked the counterparty"])
}

fn names(count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("T0751-20260304-{n:06}.xml")).collect()
}

fn bundles(hub: &Hub) -> Vec<Bundle> {
    hub.delivered()
        .iter()
        .map(|name| Bundle::read(&std::fs::read(hub.inbox().join(name)).unwrap()).unwrap())
        .collect()
}

/// NemKonto takes everything away.
fn take(hub: &Hub) -> Vec<Bundle> {
    let taken = bundles(hub);
    for name in hub.delivered() {
        std::fs::remove_file(hub.inbox().join(name)).unwrap();
    }
    taken
}

/// NemKonto accepts a bundle, and the bank takes every payment of it.
fn accept(hub: &Hub, bundle: &Bundle, number: u64) {
    let answer = answers::answer2(bundle, stamp(number), GroupStatus::Accepted, None, &[]);
    std::fs::write(hub.outbox().join(format!("2_{number}.xml")), answer).unwrap();
}

fn pay(hub: &Hub, bundle: &Bundle, number: u64) {
    let paid = |payment| Listed {
        payment,
        accepted: true,
        code: None,
        text: None,
        account: Some("99970000000001".to_owned()),
        amount_ore: payment.amount_ore,
    };
    let parts = [(&bundle.debits[0], bundle.payments().map(paid).collect())];
    let answer = answers::list(Kind::Answer8, None, bundle, &bundle.group_id, stamp(number), &parts);
    std::fs::write(hub.outbox().join(format!("8_{number}.xml")), answer).unwrap();
}

#[track_caller]
fn all_are(hub: &Hub, state: &str) {
    let states: Vec<_> = (1..=10).map(|no| hub.state_of(&format!("P1-{no}"))).collect();
    assert_eq!(states, vec![state; 10]);
}

#[test]
fn three_bundles_that_still_lie_in_the_inbox_are_known_again() {
    let hub = waiting();
    back_up(&hub);
    hub.run("send-bundles", WEDNESDAY);
    let sent = bundles(&hub);
    assert_eq!(hub.delivered(), names(3));
    let bytes =
        |hub: &Hub| names(3).iter().map(|n| std::fs::read(hub.inbox().join(n)).unwrap()).collect::<Vec<_>>();
    let before = bytes(&hub);
    destroy(&hub);
    assert_eq!(restore(&hub, RESTORED)["epoch"], 1);
    all_are(&hub, "waiting");
    assert!(hub.tasks().contains(&"restored: endpoint nemkonto".to_owned()), "{:?}", hub.tasks());
    assert_eq!(hub.status()["held"][0]["endpoint"], "nemkonto");

    let lived = hub.toek(&["--at", RESTORED, "serve", "--until-idle", "--before", LATER]);
    assert!(lived.status.success(), "{}", said(&lived));
    assert_eq!((hub.delivered(), bytes(&hub)), (names(3), before));
    all_are(&hub, "in progress");
    let known: Vec<_> = (1..=3)
        .zip([4, 4, 2])
        .map(|(n, count)| format!("T0751-20260304-{n:06} 2026-03-06 {count} landed"))
        .collect();
    assert_eq!(hub.bundles(), known);
    let line = endpoint(&hub, "nemkonto");
    assert_eq!(line["found"].as_array().unwrap().len(), 3, "{line}");
    assert_eq!(line["questions"], serde_json::json!([]), "{line}");
    hub.clean();

    for (number, bundle) in (1..).zip(&sent) {
        accept(&hub, bundle, number);
        pay(&hub, bundle, 10 + number);
    }
    take(&hub);
    hub.run("receive-answers", LATER);
    all_are(&hub, "paid");
    assert_eq!(endpoint(&hub, "nemkonto")["held"], true, "something else may still be answered");
    hub.run("receive-answers", ALL_HAS_COME);
    let line = endpoint(&hub, "nemkonto");
    assert_eq!((&line["held"], &line["released_by"]), (&Value::Bool(false), &Value::from("toek")), "{line}");
    hub.run("send-bundles", ALL_HAS_COME);
    assert_eq!(hub.delivered(), [""; 0], "nothing leaves twice");
    hub.clean();
}

#[test]
fn three_bundles_that_were_taken_are_known_by_their_answers() {
    let hub = waiting();
    back_up(&hub);
    hub.run("send-bundles", WEDNESDAY);
    destroy(&hub);
    let sent = take(&hub);
    restore(&hub, RESTORED);
    for (number, bundle) in (1..).zip(&sent) {
        accept(&hub, bundle, number);
    }
    hub.run("receive-answers", RESTORED);
    assert_eq!(hub.bundles().len(), 3, "known by their names");
    all_are(&hub, "waiting");
    hub.run("receive-answers", ALL_HAS_COME);
    let line = endpoint(&hub, "nemkonto");
    assert_eq!(line["held"], true, "an answer that names no payment explains none: {line}");
    assert_eq!(line["questions"].as_array().unwrap().len(), 1, "{line}");
    for (number, bundle) in (10..).zip(&sent) {
        pay(&hub, bundle, number);
    }
    hub.run("receive-answers", ALL_HAS_COME);
    all_are(&hub, "paid");
    assert_eq!(endpoint(&hub, "nemkonto")["held"], false);
    hub.run("send-bundles", ALL_HAS_COME);
    assert_eq!(hub.delivered(), [""; 0]);
    hub.clean();
}

#[test]
fn a_bundle_that_waited_in_the_backup_and_left_after_it_is_not_sent_again() {
    let hub = waiting();
    let obstacle = hub.inbox().join(".T0751-20260304-000001.xml.part");
    std::fs::create_dir(&obstacle).unwrap();
    hub.run_with_failures("send-bundles", WEDNESDAY);
    back_up(&hub);
    std::fs::remove_dir(obstacle).unwrap();
    hub.run("send-bundles", WEDNESDAY);
    destroy(&hub);
    let sent = take(&hub);
    assert_eq!(sent.len(), 3);
    restore(&hub, RESTORED);
    assert_eq!(
        endpoint(&hub, "nemkonto")["questions"].as_array().unwrap().len(),
        1,
        "the first had not left"
    );
    accept(&hub, &sent[0], 1);
    hub.run("receive-answers", RESTORED);
    assert_eq!(hub.bundles()[0], "T0751-20260304-000001 2026-03-06 4 accepted");
    assert_eq!(endpoint(&hub, "nemkonto")["questions"], serde_json::json!([]));
    assert!(release(&hub, "nemkonto").status.success());
    hub.run("send-bundles", LATER);
    assert_eq!(hub.delivered(), [""; 0]);
    hub.clean();
}

#[test]
fn a_file_taken_in_after_the_backup_and_delivered_again_is_not_paid_again() {
    for taken in [false, true] {
        let hub = Hub::new();
        hub.set("bundle_limit = 4");
        put(
            &hub.drop().join("first.g68"),
            &Delivery { municipality: 461, ..Delivery::new(9) }.bytes(),
            1_770_000_000,
        );
        hub.run("receive-payments", MONDAY);
        back_up(&hub);
        put(&hub.drop().join(NAME), &Delivery::new(1).bytes(), 1_770_000_000);
        hub.run("receive-payments", TUESDAY);
        hub.run("send-bundles", WEDNESDAY);
        let sent: Vec<Bundle> =
            bundles(&hub).into_iter().filter(|b| b.group_id.starts_with("T0751")).collect();
        destroy(&hub);
        if taken {
            take(&hub);
            sent.iter().zip(1..).for_each(|(bundle, number)| pay(&hub, bundle, number));
        }
        restore(&hub, RESTORED);
        hub.run("receive-answers", RESTORED);
        let tasks = hub.tasks();
        assert!(tasks.contains(&"file wanted: lost transfer 2".to_owned()), "{tasks:?}");
        hub.clean();

        put(&hub.drop().join("again.g68"), &Delivery::new(1).bytes(), 1_770_000_500);
        hub.run("receive-payments", LATER);
        let number: i64 = hub.number("again.g68").parse().unwrap();
        assert!(number > 4_000, "numbers jumped: {number}");
        for record in 1..=10 {
            assert_eq!(hub.state_of(&format!("P{number}-{record}")), "held (duplicate)");
        }
        let story = said(&hub.toek(&["trace", &format!("P{number}-1")]));
        assert!(story.contains("was sent before the restore, as T0751-260304-"), "{story}");
        assert!(!hub.tasks().contains(&"file wanted: lost transfer 2".to_owned()));
        assert!(release(&hub, "nemkonto").status.success());
        hub.run("send-bundles", LATER);
        let ours =
            hub.delivered().into_iter().filter(|name| name.starts_with("T0751") && !names(3).contains(name));
        assert_eq!(ours.count(), 0);
        sent.iter().zip(50..).for_each(|(bundle, number)| pay(&hub, bundle, number));
        hub.run("receive-answers", LATER);
        assert!(!hub.tasks().iter().any(|task| task.starts_with("answer")), "{:?}", hub.tasks());
        hub.clean();
    }
}

#[test]
fn evidence_that_comes_after_the_file_came_again_still_holds_it() {
    let hub = Hub::new();
    std::fs::write(hub.drop().join("first.g68"), Delivery { municipality: 461, ..Delivery::new(9) }.bytes())
        .unwrap();
    hub.run("receive-payments", MONDAY);
    back_up(&hub);
    put(&hub.drop().join(NAME), &Delivery::new(1).bytes(), 1_770_000_000);
    hub.run("receive-payments", TUESDAY);
    hub.run("send-bundles", WEDNESDAY);
    destroy(&hub);
    let sent = take(&hub);
    restore(&hub, RESTORED);
    put(&hub.drop().join(NAME), &Delivery::new(1).bytes(), 1_770_000_000);
    hub.run("receive-payments", RESTORED);
    let number = hub.number(NAME);
    let states = |hub: &Hub| (1..=10).map(|no| hub.state_of(&format!("P{number}-{no}"))).collect::<Vec<_>>();
    assert_eq!(states(&hub), ["waiting"; 10]);
    let ours = sent.iter().find(|bundle| bundle.group_id.starts_with("T0751")).unwrap();
    pay(&hub, ours, 1);
    hub.run("receive-answers", LATER);
    assert_eq!(states(&hub), ["held (block)"; 10]);
    assert!(release(&hub, "nemkonto").status.success());
    hub.run("send-bundles", LATER);
    assert!(hub.delivered().iter().all(|name| !name.starts_with("T0751")), "{:?}", hub.delivered());
    hub.clean();
}

#[test]
fn a_person_releases_and_the_numbers_are_new() {
    let hub = waiting();
    back_up(&hub);
    destroy(&hub);
    restore(&hub, RESTORED);
    hub.run("send-bundles", RESTORED);
    hub.run("send-bundles", ALL_HAS_COME);
    assert_eq!(
        (hub.bundles(), hub.delivered()),
        (vec![], vec![]),
        "held: neither numbered nor sent, nor found too late"
    );
    let line = endpoint(&hub, "nemkonto");
    assert!(text(&line["questions"][0]).contains("10 payments of 0751"), "{line}");
    assert!(!hub.toek(&["endpoints", "release", "nemkonto", "--reason", " "]).status.success());
    assert!(!hub.toek(&["endpoints", "release", "ksd", "--reason", "x"]).status.success());
    assert!(hub.toek(&["endpoints", "release", "nemkonto", "--reason", "x", "--dry-run"]).status.success());
    assert_eq!(endpoint(&hub, "nemkonto")["held"], true);
    assert!(release(&hub, "nemkonto").status.success());
    assert!(!release(&hub, "nemkonto").status.success(), "once is enough");
    let log = said(&hub.toek(&["read-log", "--commands"]));
    assert!(log.contains("endpoints release") && log.contains("asked the counterparty"), "{log}");
    hub.run("send-bundles", LATER);
    let new: Vec<_> = (1..=3).map(|n| format!("T0751-20260304-{:06}.xml", 10_000 + n)).collect();
    assert_eq!(hub.delivered(), new);
    assert_eq!(hub.status()["held"].as_array().unwrap().len(), 1, "the ERP's place is still held");
    hub.clean();
}

#[test]
fn a_second_restore_of_the_same_backup_uses_no_number_of_the_first() {
    let hub = waiting();
    back_up(&hub);
    let mut used: Vec<(String, String)> = Vec::new();
    for (epoch, base) in [(1, 10_000), (2, 20_000)] {
        destroy(&hub);
        take(&hub);
        let told = restore(&hub, RESTORED);
        assert_eq!(told["epoch"], epoch);
        assert!(release(&hub, "nemkonto").status.success());
        hub.run("send-bundles", LATER);
        assert_eq!(hub.delivered()[0], format!("T0751-20260304-{:06}.xml", base + 1));
        put(
            &hub.drop().join("new.g68"),
            &Delivery { municipality: 630, ..Delivery::new(3) }.bytes(),
            1_770_000_000,
        );
        hub.run("receive-payments", LATER);
        used.push((hub.number("new.g68"), hub.delivered()[0].clone()));
        hub.clean();
    }
    assert_ne!(used[0].0, used[1].0);
    let numbers: Vec<i64> = used.iter().map(|(number, _)| number.parse().unwrap()).collect();
    assert!(numbers[0] > 4_000 && numbers[1] > numbers[0] + 4_000, "{numbers:?}");
    let (from, key) = (backup_of(&hub), key_of(&hub));
    let arguments = ["restore", from.to_str().unwrap(), "--key", key.to_str().unwrap(), "--epoch", "2"];
    let low = elsewhere(&hub.home().join("x"), &arguments);
    assert!(said(&low).contains("epoch 2 cannot begin"), "{}", said(&low));
}

/// Every file below a folder.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap()) {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(files(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found.sort();
    found
}

#[test]
fn a_damaged_backup_is_refused_before_anything_is_written() {
    let hub = waiting();
    back_up(&hub);
    destroy(&hub);
    let (from, key, dir) = (backup_of(&hub), key_of(&hub), hub.home().join("new"));
    let restore = |extra: &[&str]| {
        elsewhere(&dir, &[&["--at", RESTORED, "restore", from.to_str().unwrap()], extra].concat())
    };
    let with_key = ["--key", key.to_str().unwrap()];
    let all = files(&from);
    assert!(!all.iter().any(|file| file.to_string_lossy().contains("installation.key")));
    assert!(all.len() > 10, "{all:?}");
    for file in all {
        let whole = std::fs::read(&file).unwrap();
        let mut broken = whole.clone();
        let middle = broken.len() / 2;
        match broken.get_mut(middle) {
            Some(byte) => *byte ^= 1,
            None => broken.push(0),
        }
        std::fs::write(&file, &broken).unwrap();
        let refused = restore(&with_key);
        assert!(!refused.status.success(), "{}", file.display());
        std::fs::remove_file(&file).unwrap();
        assert!(!restore(&with_key).status.success(), "{} is missing", file.display());
        assert!(!dir.exists(), "{}: {}", file.display(), said(&refused));
        std::fs::write(&file, whole).unwrap();
    }
    assert!(!restore(&[]).status.success(), "it has no key");
    std::fs::write(hub.home().join("other.key"), [7; 32]).unwrap();
    let other = restore(&["--key", hub.home().join("other.key").to_str().unwrap()]);
    assert!(said(&other).contains("not the installation's"), "{}", said(&other));
    assert!(restore(&[&with_key[..], &["--dry-run"]].concat()).status.success());
    assert!(!dir.exists());
    let served = elsewhere(&from, &["status"]);
    assert!(said(&served).contains("is a backup"), "{}", said(&served));
    assert!(restore(&with_key).status.success());
    assert!(!restore(&with_key).status.success(), "never over an installation");
}

#[test]
fn with_its_key_a_backup_needs_nothing_else() {
    let hub = waiting();
    let to = hub.home().join("whole");
    let to = to.to_str().unwrap();
    assert!(hub.toek(&["backup", to, "--with-key", "--dry-run"]).status.success());
    assert!(!Path::new(to).exists());
    assert!(hub.toek(&["backup", to, "--with-key"]).status.success());
    assert!(!hub.toek(&["backup", to, "--with-key"]).status.success(), "never over another");
    destroy(&hub);
    let restored = hub.toek(&["--at", RESTORED, "restore", to]);
    assert!(restored.status.success(), "{}", said(&restored));
    hub.clean();
}

/// Lets a command run for a while and kills it; whether it was still running.
fn killed_after(hub: &Hub, arguments: &[&str], pause: Duration) -> bool {
    let mut running = hub.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(pause);
    let was_running = running.try_wait().unwrap().is_none();
    let _ = running.kill(); // SIGKILL
    running.wait().unwrap();
    was_running
}

#[test]
fn a_backup_and_a_restore_that_are_killed_leave_nothing_that_is_taken_for_whole() {
    let hub = waiting();
    for seed in 2..40 {
        let bytes = Delivery { municipality: [461, 630][seed as usize % 2], ..Delivery::new(seed) }.bytes();
        put(&hub.drop().join(format!("{seed}.g68")), &bytes, 1_770_000_000 + seed);
    }
    hub.run("receive-payments", MONDAY);
    let to = backup_of(&hub);
    let backup = ["--at", TUESDAY, "backup", to.to_str().unwrap()];
    let begun = Instant::now();
    assert!(hub.toek(&backup).status.success());
    let whole = begun.elapsed();
    std::fs::remove_dir_all(&to).unwrap();
    let mut kills = 0;
    for step in 1..=12 {
        if killed_after(&hub, &backup, whole * step / 13) {
            kills += 1;
            assert!(!to.exists(), "half a backup has no name");
        } else {
            std::fs::remove_dir_all(&to).unwrap();
        }
    }
    assert!(kills > 3, "{kills}");
    back_up(&hub);
    hub.run("send-bundles", WEDNESDAY);
    let sent = hub.delivered();
    destroy(&hub);

    let (from, key) = (backup_of(&hub), key_of(&hub));
    let restore = ["--at", RESTORED, "restore", from.to_str().unwrap(), "--key", key.to_str().unwrap()];
    let begun = Instant::now();
    assert!(hub.toek(&restore).status.success());
    let whole = begun.elapsed();
    let mut kills = 0;
    for step in 1..=12 {
        destroy(&hub);
        if !killed_after(&hub, &restore, whole * step / 13) {
            continue;
        }
        let served = hub.toek(&["serve", "--until-idle"]);
        if served.status.success() {
            assert_eq!(hub.delivered(), sent, "it was whole, and held");
            continue;
        }
        kills += 1;
        let again = hub.toek(&restore);
        assert!(again.status.success(), "{}", said(&again));
        hub.run("receive-answers", RESTORED);
        hub.run("send-bundles", LATER);
        assert_eq!(hub.delivered(), sent);
        hub.clean();
    }
    assert!(kills > 2, "{kills}");
}

#[test]
fn a_backup_is_one_moment_while_serve_takes_files_in() {
    let hub = Hub::new();
    hub.change("toek.toml", "clock = \"simulated\"", "clock = \"real\"");
    for pipeline in ["receive-payments", "receive-answers"] {
        hub.change(&format!("schedules/{pipeline}.toml"), "every = \"30s\"", "every = \"1s\"");
    }
    for seed in 1..30 {
        let bytes = Delivery { payments: 300, ..Delivery::new(seed) }.bytes();
        put(&hub.drop().join(format!("{seed}.g68")), &bytes, 1_770_000_000 + seed);
    }
    let mut serving = hub.command(&["serve"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while hub.toek(&["status"]).status.code() != Some(0) {
        assert!(begun.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut made = Vec::new();
    for no in 0..4 {
        let to = hub.home().join(format!("backup-{no}"));
        let output = hub.toek(&["backup", to.to_str().unwrap(), "--with-key"]);
        assert!(output.status.success(), "{}", said(&output));
        made.push(to);
        std::thread::sleep(Duration::from_millis(150));
    }
    assert!(Command::new("kill").args(["-TERM", &serving.id().to_string()]).status().unwrap().success());
    assert!(serving.wait().unwrap().success());
    let mut sizes = Vec::new();
    for (no, from) in made.iter().enumerate() {
        let dir = hub.home().join(format!("restored-{no}"));
        let in_dir = |arguments: &[&str]| elsewhere(&dir, arguments);
        let restored = in_dir(&["restore", from.to_str().unwrap()]);
        assert!(restored.status.success(), "{}", said(&restored));
        let verified = in_dir(&["verify"]);
        assert!(verified.status.success(), "{}", said(&verified));
        sizes.push(files(&dir.join("archive")).len());
    }
    assert!(sizes.is_sorted(), "{sizes:?}");
}

// --- Vouchers ---------------------------------------------------------------------------------------------------

fn platform(hub: &Hub, side: &str) -> PathBuf {
    hub.dir.join("endpoints/serviceplatformen").join(side)
}

struct VoucherFile {
    name: String,
    transaction_id: String,
    own_id: Option<String>,
    vouchers: Vec<Uuid>,
}

fn voucher_files(hub: &Hub) -> Vec<VoucherFile> {
    let all =
        files(&platform(hub, "OUT")).into_iter().filter(|path| path.extension().is_some_and(|e| e == "xml"));
    all.map(|path| {
        let mut reader = VoucherFileReader::new(BufReader::new(std::fs::File::open(&path).unwrap()), LIMITS);
        let transaction_id = reader.head().unwrap().transaction_id.to_string();
        let mut vouchers = Vec::new();
        while let Some(entry) = reader.next().unwrap() {
            if let Entry::Voucher(voucher) = entry {
                vouchers.push(voucher.id);
            }
        }
        let trigger = std::fs::read(path.with_extension("xml.trigger")).unwrap();
        let own_id = Trigger::read(&trigger).unwrap().file.senders_file_id;
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        VoucherFile { name, transaction_id, own_id, vouchers }
    })
    .collect()
}

fn take_vouchers(hub: &Hub) {
    files(&platform(hub, "OUT")).iter().for_each(|path| std::fs::remove_file(path).unwrap());
}

fn receipt(hub: &Hub, file: &VoucherFile) {
    let receipt = TechnicalReceipt {
        transfer_id: "c2d4e6f8-4444-4d4d-9e9e-0f0f0f0f0f04".to_owned(),
        senders_file_id: file.own_id.clone(),
        outcome: ReceiptOutcome::Message("SUCCESS".to_owned()),
    };
    let name = format!("{}.sftpreceipt", file.name);
    std::fs::write(platform(hub, "IN").join(name), receipt.write().unwrap()).unwrap();
}

fn book(hub: &Hub, file: &VoucherFile) {
    let at = "2026-03-04T14:30:00Z".parse().unwrap();
    let head = AnswerHead {
        transaction_id: file.transaction_id.clone(),
        at,
        processed_at: at,
        reactions: vec![],
        unknown_elements: 0,
    };
    let mut writer = AnswerWriter::begin(Vec::new(), &head, ResultForm::Value).unwrap();
    for voucher_id in &file.vouchers {
        let receipt = Receipt {
            voucher_id: *voucher_id,
            result: VoucherResult::Accepted,
            result_text: "Accepteret".to_owned(),
            causes: vec![],
            explanation: None,
            details: vec![],
            erp_number: Some("990012345".to_owned()),
        };
        writer.receipt(&receipt).unwrap();
    }
    let bytes = writer.finish().unwrap();
    let name = format!("KVIT_{}", file.name);
    let metadata = FileMetadata {
        transfer_id: "answer".to_owned(),
        file: FileDescriptor {
            file_name: name.clone(),
            size: bytes.len() as u64,
            sender: "ERP".to_owned(),
            senders_file_id: None,
            recipients: vec!["TOEK".to_owned()],
        },
        content: FileContent::Empty,
    };
    std::fs::write(platform(hub, "IN").join(&name), bytes).unwrap();
    std::fs::write(platform(hub, "IN").join(format!("{name}.metadata")), metadata.write().unwrap()).unwrap();
}

fn counts(hub: &Hub) -> [i64; 5] {
    let output = hub.toek(&["vouchers", "status", "--json"]);
    let counts: Value = serde_json::from_slice(&output.stdout).unwrap();
    ["waiting", "held", "sent", "accepted", "refused"].map(|key| counts[key].as_i64().unwrap())
}

#[test]
fn vouchers_that_left_after_the_backup_do_not_leave_again() {
    let the_next_day = "2026-03-06T08:00:00Z";
    for (lies_there, has_receipt) in [(true, false), (false, true), (false, false)] {
        let hub = waiting();
        back_up(&hub);
        hub.run("send-vouchers", WEDNESDAY);
        let sent = voucher_files(&hub);
        assert_eq!(sent.len(), 1);
        destroy(&hub);
        restore(&hub, RESTORED);
        assert_eq!(counts(&hub), [1, 0, 0, 0, 0]);
        if !lies_there {
            take_vouchers(&hub);
        }
        if has_receipt {
            receipt(&hub, &sent[0]);
        }
        hub.run("receive-receipts", RESTORED);
        hub.run("send-vouchers", RESTORED);
        let expected = if lies_there { [0, 0, 1, 0, 0] } else { [1, 0, 0, 0, 0] };
        assert_eq!(counts(&hub), expected, "held: it waits until it is known");
        take_vouchers(&hub);
        book(&hub, &sent[0]);
        hub.run("receive-voucher-answers", LATER);
        assert_eq!(counts(&hub), [0, 0, 0, 1, 0]);
        assert_eq!(endpoint(&hub, "serviceplatformen")["questions"], serde_json::json!([]));
        hub.clean();
        hub.run("receive-voucher-answers", the_next_day);
        assert_eq!(endpoint(&hub, "serviceplatformen")["held"], true, "the other pipeline has not looked");
        hub.run("receive-receipts", the_next_day);
        assert_eq!(endpoint(&hub, "serviceplatformen")["held"], false);
        hub.run("send-vouchers", the_next_day);
        assert!(voucher_files(&hub).is_empty(), "nothing is booked twice");
        hub.clean();
    }
}

#[test]
fn a_voucher_of_a_lost_file_is_remembered_and_tells_nobody() {
    let hub = Hub::new();
    std::fs::write(hub.drop().join("first.g68"), Delivery { municipality: 461, ..Delivery::new(9) }.bytes())
        .unwrap();
    hub.run("receive-payments", MONDAY);
    hub.run("send-vouchers", MONDAY);
    take_vouchers(&hub);
    back_up(&hub);
    put(&hub.drop().join(NAME), &Delivery::new(1).bytes(), 1_770_000_000);
    hub.run("receive-payments", TUESDAY);
    hub.run("send-vouchers", TUESDAY);
    let sent = voucher_files(&hub);
    destroy(&hub);
    restore(&hub, RESTORED);
    hub.run("receive-voucher-answers", RESTORED);
    let found = endpoint(&hub, "serviceplatformen")["found"].to_string();
    assert!(found.contains("1 that were booked after the picture"), "{found}");
    take_vouchers(&hub);
    book(&hub, &sent[0]);
    hub.run("receive-voucher-answers", LATER);
    assert!(!hub.tasks().iter().any(|task| task.starts_with("voucher unknown")), "{:?}", hub.tasks());
    hub.clean();
}
