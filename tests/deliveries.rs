//! Deliveries that are not as they should be, each once a way to lose or misjudge a file: a named case per finding.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and makes files as a person would"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use toek::generator::{ErrorMix, Plan, plan};

struct Hub {
    _home: tempfile::TempDir,
    dir: PathBuf,
}

impl Hub {
    fn new() -> Hub {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("hub");
        let hub = Hub { _home: home, dir };
        let made = hub.toek(&["demo", "--payments", "8"]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        hub
    }

    fn toek(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_toek"));
        command.arg("--quiet").arg("--dir").arg(&self.dir).args(arguments);
        command.env_remove("TOEK_CANARY").stdin(Stdio::null()).output().unwrap()
    }

    /// Runs a pipeline at an instant and gives what it printed.
    fn run(&self, pipeline: &str, at: &str) -> String {
        let output = self.toek(&["--at", at, "run", pipeline]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        said
    }

    fn status(&self) -> Value {
        serde_json::from_slice(&self.toek(&["status", "--json"]).stdout).unwrap()
    }

    /// The states of all transfers of a name, oldest first.
    fn states(&self, name: &str) -> Vec<String> {
        let status = self.status();
        let transfers = status["transfers"].as_array().unwrap().clone();
        let of_name = transfers.iter().filter(|t| t["file"] == name);
        of_name.map(|t| t["state"].as_str().unwrap().to_owned()).collect()
    }

    fn drop(&self) -> PathBuf {
        self.dir.join("endpoints/ksd/in")
    }

    fn clean(&self) {
        let verified = self.toek(&["verify"]);
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    }
}

const MONDAY: &str = "2026-03-02T07:00:00Z";
const NAME: &str = "delivery.g68";

/// A file of ten payments; another seed gives other payments in as many bytes.
fn file(seed: u64) -> Vec<u8> {
    let script = toek::partners::script::Script::load("seed = 1", "script").unwrap();
    let bank_days = toek::domain::calendar::BankDays::new(&[]);
    let municipalities = vec![toek_formats::vocabulary::MunicipalityCode(751)];
    let day = jiff::civil::date(2026, 3, 2);
    let plan_of = Plan {
        municipalities,
        immediate_per_mille: 0,
        bank_days_ahead: vec![4],
        errors: ErrorMix::none(),
        ..Plan::new(10, seed, day)
    };
    let is_bank_day = |day| bank_days.is_bank_day(day);
    let generator = plan(&plan_of, &script, &is_bank_day).unwrap();
    let mut bytes = Vec::new();
    generator.write_file(generator.files()[0], &mut bytes, &mut std::io::sink()).unwrap();
    bytes
}

fn put(path: &Path, bytes: &[u8], seconds: u64) {
    std::fs::write(path, bytes).unwrap();
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    std::fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

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
