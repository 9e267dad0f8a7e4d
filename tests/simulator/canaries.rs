//! Deliberate defects, one at least for each promise: this program, started with one of them, must find it.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use toek::canary::Canary;

use crate::promises::Promise;

/// Whether each is caught by the promise that it breaks, and every promise is broken by one; the rest is told.
pub(crate) fn all_are_caught() -> bool {
    let mut all = true;
    let mut seen = BTreeSet::new();
    println!("\n| deliberate defect | meant | caught |\n| --- | --- | --- |");
    for (name, canary) in Canary::ALL {
        let (campaign, meant) = shows_in(canary);
        let (said, code) = tried_with(name, campaign);
        let broken = said.lines().filter_map(|line| line.split_once(" BROKEN: ").map(|(promise, _)| promise));
        let caught: BTreeSet<String> = broken.map(str::to_owned).collect();
        let is_caught = code == Some(1) && caught.contains(&format!("{meant:?}"));
        all &= is_caught;
        let mut by = caught.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        if !is_caught {
            by = format!("NO ({}: {by})", campaign[0]);
        }
        println!("| {name} | {meant:?} | {by} |");
        seen.extend(caught);
    }
    for promise in Promise::ALL.iter().filter(|promise| !seen.contains(&format!("{promise:?}"))) {
        println!("no defect broke {promise:?}");
        all = false;
    }
    all
}

/// The campaign that is to find it, by its arguments, and the promise it breaks; a run without a defect, which goes before, finds nothing
/// there.
fn shows_in(canary: Canary) -> (&'static [&'static str], Promise) {
    match canary {
        Canary::SwallowedWriteError | Canary::UnsyncedArchive => (&["kills"], Promise::G1),
        // Only a bundle's own commit shows it, and most files that are committed are none.
        Canary::StuckCommit => (&["kills", "--step", "committed"], Promise::G1),
        Canary::SkippedCheckpoint => (&["kills"], Promise::G8),
        Canary::DoubledAnswer | Canary::DroppedVoucherLine => (&["kills"], Promise::G3),
        Canary::ForgottenWindow => (&["kills"], Promise::G6),
        Canary::MixedMunicipalities => (&["kills"], Promise::G12),
        Canary::PanickingInput => (&["kills"], Promise::G13),
        Canary::DeafToRefusals => (&["errors"], Promise::G4),
        Canary::GivenUp => (&["sieges"], Promise::G9),
        Canary::ForgottenIntent => (&["partners"], Promise::G14),
        Canary::IgnoredCount => (&["inputs"], Promise::G2),
        Canary::SpreadingPoison => (&["inputs"], Promise::G5),
        Canary::MovingBytes => (&["at-rest"], Promise::G7),
        Canary::RefusedOlder => (&["at-rest"], Promise::G11),
        Canary::BlindVerify => (&["at-rest"], Promise::G10),
        Canary::DoorsFirst => (&["doors"], Promise::G15),
    }
}

/// What a quick run says with one defect, and how it ends; one that does not end is stopped.
fn tried_with(name: &str, campaign: &[&str]) -> (String, Option<i32>) {
    let mut running = Command::new(std::env::current_exe().unwrap())
        .args(["--quick", "--only"])
        .args(campaign)
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
const LONGEST: Duration = Duration::from_secs(600);
