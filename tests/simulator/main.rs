//! The fault simulator: the hub's real code on a simulated machine, network and clock, among simulated counterparties.
//!
//! `cargo test --features canary --test simulator` lives some minutes of it; `-- --long` lives it at length, and
//! `-- --seed N` lives one life again. It prints a table of promises, and ends with 1 when one was broken.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test stops at the first surprise, and says what it finds"
)]

mod chance;
mod fates;
mod house;
mod judge;
mod life;
mod lives;
#[path = "machine/mod.rs"]
mod machine;
mod network;
mod outside;
mod promises;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let seed =
        arguments.iter().position(|a| a == "--seed").and_then(|at| arguments.get(at + 1)?.parse().ok());
    let begun = std::time::Instant::now();
    let which = arguments.first().map(String::as_str).unwrap_or("everything");
    let life = match which {
        "country" => lives::country(seed.unwrap_or(1)),
        "weather" => lives::weather(seed.unwrap_or(1)),
        _ => lives::everything(seed.unwrap_or(1)),
    };
    let lived = life::live(&life);
    for violation in &lived.violations {
        println!("{:?} {}", violation.promise, violation.what);
    }
    println!("{:#?}", lived.reached);
    println!("{:#?}", lived.faults);
    println!("untold {:#?}", lived.untold);
    println!(
        "{} instants, {} calls, {} payments, {} crashes, {} restarts, {:?}",
        lived.instants,
        lived.calls,
        lived.payments,
        lived.crashes,
        lived.restarts,
        begun.elapsed()
    );
    if lived.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
