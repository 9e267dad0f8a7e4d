//! The main job as a user runs it: whole, killed at any moment, and with deliberate defects.
//!
//! Everything here starts the built binary. The demo judges itself by an independent checker; what is tested is that the
//! judge is satisfied, that he notices defects, and that being killed changes nothing.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and makes files and waits as a person would"
)]

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn toek(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_toek"));
    command.arg("--dir").arg(dir).env_remove("TOEK_CANARY").env_remove("TOEK_DIR").stdin(Stdio::null());
    command
}

fn demo(dir: &Path, payments: &str, seed: u64) -> Command {
    let mut command = toek(dir);
    let seed = seed.to_string();
    command.args(["demo", "--quiet", "--payments", payments, "--records-per-file", "100", "--seed", &seed]);
    command.args(["--municipalities", "6"]);
    command
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// All that must be the same however a run was disturbed.
fn totals(dir: &Path) -> String {
    let status = toek(dir).args(["status", "--json"]).output().unwrap();
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    let balance = toek(dir).args(["balance", "--json"]).output().unwrap();
    let files: Vec<_> = status["transfers"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|t| t["format"] == "g68" && t["state"] != "ignored" || t["format"] == "nemkonto-payment")
        .map(|t| format!("{} {} {}", t["file"], t["state"], t["records"]))
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect();
    format!("{}\n{}\n{}\n{}", status["outcomes"], status["bundles"], files.join("\n"), stdout(&balance))
}

fn verify(dir: &Path, moment: &str) {
    if !dir.join("store/toek.db").exists() {
        return; // killed before there was anything to verify
    }
    let output = toek(dir).args(["verify"]).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{moment}:\n{}{errors}", stdout(&output));
}

#[test]
fn a_payment_day_adds_up() {
    let dir = tempfile::tempdir().unwrap();
    let output = demo(&dir.path().join("hub"), "1500", 3).output().unwrap();
    assert!(output.status.success(), "{}{}", stdout(&output), String::from_utf8_lossy(&output.stderr));
    verify(&dir.path().join("hub"), "undisturbed");
    assert_eq!(stdout(&output).matches(" trace ").count(), 3, "three commands to try");
}

#[test]
fn the_floating_form_adds_up_too() {
    let dir = tempfile::tempdir().unwrap();
    let output = demo(&dir.path().join("hub"), "800", 4).args(["--form", "floating"]).output().unwrap();
    assert!(output.status.success(), "{}{}", stdout(&output), String::from_utf8_lossy(&output.stderr));
}

/// Each deliberate defect that a payment day can show must make the demo end with exit code 1.
#[test]
fn every_deliberate_defect_is_caught() {
    for (name, _) in toek::canary::Canary::ALL.into_iter().filter(|(_, c)| c.shows_in_a_payment_day()) {
        let dir = tempfile::tempdir().unwrap();
        let output = demo(&dir.path().join("hub"), "800", 5).env("TOEK_CANARY", name).output().unwrap();
        let said = format!("{}{}", stdout(&output), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(1), "{name} went unnoticed:\n{said}");
        assert!(said.contains("FAILED") || said.contains("error"), "{name}: {said}");
    }
}

/// A small generator of chance with a fixed seed, so that a failure can be repeated.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

const KILLS: u32 = 100;
const KILL_PAYMENTS: &str = "600";

#[test]
fn a_hundred_kills_change_nothing() {
    let home = tempfile::tempdir().unwrap();
    let undisturbed = home.path().join("undisturbed");
    let begun = Instant::now();
    assert!(demo(&undisturbed, KILL_PAYMENTS, 6).output().unwrap().status.success());
    let whole = begun.elapsed();
    let expected = totals(&undisturbed);
    let (mut kills, mut round, mut chance) = (0, 0, Chance(42));
    while kills < KILLS {
        round += 1;
        let dir = home.path().join(format!("killed-{round}"));
        loop {
            let pause = Duration::from_micros(chance.below(whole.as_micros() as u64 / 4));
            let mut running =
                demo(&dir, KILL_PAYMENTS, 6).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            std::thread::sleep(pause);
            if kills < KILLS && running.try_wait().unwrap().is_none() {
                running.kill().unwrap(); // SIGKILL
                running.wait().unwrap();
                kills += 1;
                verify(&dir, &format!("round {round}, kill {kills} after {pause:?}"));
                continue;
            }
            let output = running.wait_with_output().unwrap();
            let said = format!("{}{}", stdout(&output), String::from_utf8_lossy(&output.stderr));
            assert!(output.status.success(), "round {round} after {kills} kills: {said}");
            break;
        }
        verify(&dir, "in the end");
        assert_eq!(totals(&dir), expected, "round {round} after {kills} kills");
    }
}
