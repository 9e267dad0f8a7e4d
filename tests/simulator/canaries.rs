//! Deliberate defects, one at least for each promise: this program, started with one of them, must find it.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use toek::canary::Canary;

/// Whether each is caught; the rest is told.
pub(crate) fn all_are_caught() -> bool {
    let mut all = true;
    println!("\n| deliberate defect | caught |\n| --- | --- |");
    for (name, canary) in Canary::ALL {
        let (said, code) = tried_with(name, shows_in(canary));
        let caught: Vec<&str> = said
            .lines()
            .filter_map(|line| line.split_once(" BROKEN: ").map(|(promise, _)| promise))
            .collect();
        let caught: std::collections::BTreeSet<&str> = caught.into_iter().collect();
        let is_caught = code == Some(1) && !caught.is_empty();
        all &= is_caught;
        let by = caught.into_iter().collect::<Vec<_>>().join(", ");
        println!("| {name} | {} |", if is_caught { by } else { "NO".to_owned() });
    }
    all
}

/// The campaign that is to find it; a run without a defect, which goes before, finds nothing there.
fn shows_in(canary: Canary) -> &'static str {
    match canary {
        Canary::SwallowedWriteError
        | Canary::SkippedCheckpoint
        | Canary::DoubledAnswer
        | Canary::DroppedVoucherLine
        | Canary::UnsyncedArchive
        | Canary::ForgottenIntent
        | Canary::ForgottenWindow
        | Canary::StuckCommit
        | Canary::MixedMunicipalities
        | Canary::PanickingInput => "kills",
        Canary::DeafToRefusals => "errors",
        Canary::GivenUp => "sieges",
        Canary::IgnoredCount | Canary::SpreadingPoison => "inputs",
        Canary::MovingBytes | Canary::RefusedOlder | Canary::BlindVerify => "at-rest",
        Canary::DoorsFirst => "doors",
    }
}

/// What a quick run says with one defect, and how it ends; one that does not end is stopped.
fn tried_with(name: &str, campaign: &str) -> (String, Option<i32>) {
    let mut running = Command::new(std::env::current_exe().unwrap())
        .args(["--quick", "--only", campaign])
        .env("TOEK_CANARY", name)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while running.try_wait().unwrap().is_none() && begun.elapsed() < LONGEST {
        std::thread::sleep(Duration::from_millis(50));
    }
    let _ = running.kill();
    let output = running.wait_with_output().unwrap();
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code())
}

/// How long a quick run may take.
const LONGEST: Duration = Duration::from_secs(300);
