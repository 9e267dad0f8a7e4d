//! Deliberate defects, one at least for each promise: this program, started with one of them, must find it.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use toek::canary::Canary;

/// Whether each is caught; the rest is told.
pub(crate) fn all_are_caught() -> bool {
    let (said, code) = tried_with(NONE);
    let mut all = code == Some(0);
    if !all {
        println!("a quick run finds something where there is no defect:\n{said}");
    }
    println!("\n| deliberate defect | caught |\n| --- | --- |");
    for (name, _) in Canary::ALL {
        let (said, code) = tried_with(name);
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

/// What a quick run says with one defect, and how it ends; one that does not end is stopped.
fn tried_with(name: &str) -> (String, Option<i32>) {
    let mut running = Command::new(std::env::current_exe().unwrap())
        .arg("--quick")
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

/// No defect's name.
const NONE: &str = "none";
/// How long a quick run may take.
const LONGEST: Duration = Duration::from_secs(300);
