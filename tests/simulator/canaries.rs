//! Deliberate defects, one at least for each promise: this program, started with one of them, must find it.

use std::process::{Command, Stdio};

use toek::canary::Canary;

/// Whether each is caught; the rest is told.
pub(crate) fn all_are_caught() -> bool {
    let mut all = true;
    println!("\n| deliberate defect | caught |\n| --- | --- |");
    for (name, _) in Canary::ALL {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--quick"])
            .env("TOEK_CANARY", name)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let caught: Vec<&str> = said
            .lines()
            .filter_map(|line| line.split_once(" BROKEN: ").map(|(promise, _)| promise))
            .collect();
        let caught: std::collections::BTreeSet<&str> = caught.into_iter().collect();
        let is_caught = output.status.code() == Some(1) && !caught.is_empty();
        all &= is_caught;
        let by = caught.into_iter().collect::<Vec<_>>().join(", ");
        println!("| {name} | {} |", if is_caught { by } else { "NO".to_owned() });
    }
    all
}
