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
use std::process::{Child, Command, Output, Stdio};
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
    if errors.contains("nothing was ever kept in it") || errors.contains("cut off while it was made") {
        return; // killed while the store was made
    }
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

/// How often the demo is killed, unless `TOEK_KILLS` says another number.
const KILLS: u32 = 100;
const KILL_PAYMENTS: &str = "500";

fn kills() -> u32 {
    std::env::var("TOEK_KILLS").map_or(KILLS, |text| text.parse().expect("TOEK_KILLS is a number"))
}

/// How an undisturbed run goes: when its simulated clock first showed what.
struct Course {
    steps: Vec<(Duration, String)>,
    whole: Duration,
}

fn clock(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("clock")).unwrap_or_default()
}

impl Course {
    fn of(dir: &Path, demo: &mut Command) -> Course {
        let begun = Instant::now();
        let mut running = demo.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut steps = vec![(Duration::ZERO, String::new())];
        let status = loop {
            let shown = clock(dir);
            if steps.last().unwrap().1 < shown {
                steps.push((begun.elapsed(), shown));
            }
            if let Some(status) = running.try_wait().unwrap() {
                break status;
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        assert!(status.success());
        Course { steps, whole: begun.elapsed() }
    }

    /// The last step at or before a moment, and how long before.
    fn at(&self, moment: Duration) -> (&str, Duration) {
        let step = self.steps.iter().rfind(|(since, _)| *since <= moment).unwrap();
        (&step.1, moment - step.0)
    }

    /// When an undisturbed run first showed a clock.
    fn moment_of(&self, shown: &str) -> Duration {
        self.steps.iter().rfind(|(_, clock)| clock.as_str() <= shown).unwrap().0
    }

    /// Which tenth of the whole a moment is in.
    fn tenth(&self, moment: Duration) -> usize {
        ((moment.as_micros() * 10 / self.whole.as_micros()) as usize).min(9)
    }
}

/// Lets the demo come as far as it is at a moment of the undisturbed run; whether it is still running then.
fn let_live(running: &mut Child, dir: &Path, course: &Course, until: Duration) -> bool {
    let (wanted, pause) = course.at(until);
    while clock(dir).as_str() < wanted {
        if running.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(pause);
    running.try_wait().unwrap().is_none()
}

/// 500 payments over real SFTP, killed with SIGKILL again and again, from the first file to the checker's last word.
#[test]
fn kills_change_nothing() {
    let home = tempfile::tempdir().unwrap();
    let undisturbed = home.path().join("undisturbed");
    let course = Course::of(&undisturbed, &mut demo(&undisturbed, KILL_PAYMENTS, 6));
    let expected = totals(&undisturbed);
    let (wanted, begun) = (kills(), Instant::now());
    let (mut kills, mut round, mut chance) = (0, 0, Chance(42));
    // Kills by the tenth of the demo's life they came in, and those that came while it was starting again.
    let (mut tenths, mut at_start) = ([0; 10], 0);
    while kills < wanted {
        round += 1;
        let dir = home.path().join(format!("killed-{round}"));
        loop {
            let mut running =
                demo(&dir, KILL_PAYMENTS, 6).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            let reached = course.moment_of(&clock(&dir));
            let share = if reached.is_zero() { 12 } else { 4 }; // a fresh one dies young
            let ahead = Duration::from_micros(chance.below(course.whole.as_micros() as u64 / share));
            let is_early = chance.below(5) == 0;
            let until = reached + ahead;
            let lives = match (kills < wanted, is_early) {
                (false, _) => false,
                (true, true) => {
                    std::thread::sleep(ahead / 10);
                    running.try_wait().unwrap().is_none()
                }
                // Past the end is the very end: whatever is done after the clock stood still for the last time.
                (true, false) => let_live(&mut running, &dir, &course, until.min(course.whole * 99 / 100)),
            };
            if lives {
                running.kill().unwrap(); // SIGKILL
                running.wait().unwrap();
                kills += 1;
                match is_early {
                    true => at_start += 1,
                    false => tenths[course.tenth(until)] += 1,
                }
                verify(&dir, &format!("round {round}, kill {kills} at {}", clock(&dir)));
                if kills % 50 == 0 || kills == wanted {
                    let took = begun.elapsed().as_secs();
                    eprintln!(
                        "{kills} kills in {took} s, {round} rounds; by tenths of its life {tenths:?}, at starts {at_start}"
                    );
                }
                if until < course.whole {
                    continue;
                }
                running = demo(&dir, KILL_PAYMENTS, 6)
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap();
            }
            let output = running.wait_with_output().unwrap();
            let said = format!("{}{}", stdout(&output), String::from_utf8_lossy(&output.stderr));
            assert!(output.status.success(), "round {round} after {kills} kills: {said}");
            break;
        }
        verify(&dir, "in the end");
        assert_eq!(totals(&dir), expected, "round {round} after {kills} kills");
        std::fs::remove_dir_all(&dir).unwrap();
    }
    let missed = tenths.iter().position(|kills| *kills == 0);
    assert!(wanted < 100 || missed.is_none(), "no kill came in some part of its life: {tenths:?}");
}
