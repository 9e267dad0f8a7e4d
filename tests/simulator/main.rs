//! The fault simulator: the hub's real code on a simulated machine, network and clock, among simulated counterparties.
//!
//! `cargo test --features canary --test simulator` tries every promise for some minutes;
//! `cargo test --release --features canary --test simulator -- --long` does so at length. It prints what was tried and
//! what broke, promise by promise, and ends with 1 when one was broken.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test stops at the first surprise, and says what it finds"
)]

mod at_rest;
mod campaigns;
mod canaries;
mod chance;
mod doors;
mod fates;
mod house;
mod judge;
mod life;
mod lives;
#[path = "machine/mod.rs"]
mod machine;
mod memory;
mod network;
mod outside;
#[path = "../hub/package.rs"]
#[allow(dead_code, reason = "packing is for those who make fixtures")]
mod package;
mod promises;

use std::process::ExitCode;

use clap::Parser;
use toek::steps::{STEPS, Step};

use campaigns::{Found, Size};

/// Tries every promise of the hub.
#[derive(Debug, Parser)]
#[command(
    name = "simulator",
    after_help = "\
Examples:
  cargo test --features canary --test simulator
  cargo test --release --features canary --test simulator -- --long
  cargo test --release --features canary --test simulator -- --life 17        one life again, in full
  cargo test --release --features canary --test simulator -- --only seeds --seeds 5000"
)]
struct Arguments {
    /// At length: every durable step, every call, a thousand seeds.
    #[arg(long)]
    long: bool,
    /// So many lives of weather.
    #[arg(long, value_name = "N")]
    seeds: Option<u64>,
    /// The first of their seeds.
    #[arg(long, value_name = "N")]
    from: Option<u64>,
    /// An error at every so many-th call.
    #[arg(long, value_name = "N")]
    stride: Option<u64>,
    /// Kills at every occurrence of this step, and at no other (`toek steps` names them).
    #[arg(long, value_name = "NAME", value_parser = step)]
    step: Option<Step>,
    /// One campaign: kills, errors, seeds, sieges, partners, inputs, doors, at-rest or canaries.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Lives one life of weather, and tells all about it.
    #[arg(long, value_name = "SEED")]
    life: Option<u64>,
    /// The same of the life with nearly every step in it.
    #[arg(long)]
    everything: bool,
    /// The same of the life with a restore in it.
    #[arg(long)]
    restored: bool,
    /// Only as much as shows a deliberate defect.
    #[arg(long, hide = true)]
    quick: bool,
    /// As every test program takes them; a filter that does not name the simulator leaves nothing to do.
    #[arg(hide = true)]
    filters: Vec<String>,
    #[arg(long, hide = true)]
    nocapture: bool,
    #[arg(long, hide = true)]
    test_threads: Option<String>,
}

fn step(name: &str) -> Result<Step, String> {
    let row = STEPS.iter().find(|row| row.name == name);
    row.map(|row| row.step).ok_or_else(|| "no durable step has this name".to_owned())
}

/// What is tried when nothing is said, in a few minutes.
const SHORT: Size = Size {
    seeds: 24,
    first_seed: 1,
    kills: 2,
    step: None,
    stride: 97,
    sieges: 4,
    storms: 9,
    inputs: 6,
    flips: 300,
    countries: 0,
    stops_at_first: false,
};
/// All of it.
const LONG: Size = Size {
    seeds: 1_000,
    first_seed: 1,
    kills: 0,
    step: None,
    stride: 1,
    sieges: 60,
    storms: 300,
    inputs: 100,
    flips: 10_000,
    countries: 3,
    stops_at_first: false,
};
/// As much as shows a deliberate defect.
const QUICK: Size = Size {
    seeds: 8,
    kills: 3,
    stride: 13,
    sieges: 3,
    storms: 3,
    inputs: 2,
    flips: 100,
    stops_at_first: true,
    ..SHORT
};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if !arguments.filters.is_empty() && !arguments.filters.iter().any(|filter| "simulator".contains(filter)) {
        return ExitCode::SUCCESS;
    }
    if arguments.life.is_some() || arguments.everything || arguments.restored {
        return one(&arguments);
    }
    let mut size = match (arguments.long, arguments.quick) {
        (true, _) => LONG,
        (_, true) => QUICK,
        _ => SHORT,
    };
    size.seeds = arguments.seeds.unwrap_or(size.seeds);
    size.step = arguments.step;
    size.stride = arguments.stride.unwrap_or(size.stride);
    size.first_seed = arguments.from.unwrap_or(size.first_seed);
    let begun = std::time::Instant::now();
    let only = arguments.only.as_deref();
    std::panic::set_hook(Box::new(|_| {})); // a panic of the hub is a finding, told in the table
    let found = campaigns::run(&size, only, &|line| eprintln!("{line}"));
    let mut is_clean = tell(&found);
    if !arguments.quick && only.is_none_or(|only| only == "canaries") {
        is_clean &= canaries::all_are_caught();
    }
    println!("{:.0?} in all", begun.elapsed());
    if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn tell(found: &Found) -> bool {
    let totals = &found.totals;
    println!("{}", found.table.show());
    println!(
        "{} lives, {} payments, {} kills, {} errors, {} calls asked; slowest start after a crash {} ms",
        totals.lives,
        totals.payments,
        totals.kills,
        totals.errors,
        totals.calls,
        totals.slowest_start / 1_000
    );
    if !totals.steps.is_empty() {
        println!("\n| step | reached | killed before | torn | after |\n| --- | ---: | ---: | ---: | ---: |");
    }
    for (step, [reached, before, torn, after]) in &totals.steps {
        println!("| {step} | {reached} | {before} | {torn} | {after} |");
    }
    for (call, times) in &totals.absorbed {
        println!("absorbed: {call}: {times}");
    }
    found.table.is_clean()
}

/// One life, in full.
fn one(arguments: &Arguments) -> ExitCode {
    let life = match arguments.life {
        Some(seed) => lives::weather(seed),
        None if arguments.everything => lives::everything(1),
        None => lives::restored(1),
    };
    let lived = life::live(&life);
    for (at, act) in &life.acts {
        println!("{at} {act:?}");
    }
    println!("{:?} {:?}", life.days, life.first);
    println!("{:#?}", lived.reached);
    println!("{:#?}", lived.faults);
    println!("untold {:#?}", lived.untold);
    for violation in &lived.violations {
        println!("{:?} BROKEN: {}", violation.promise, violation.what);
    }
    println!(
        "{} instants, {} calls, {} payments, {} crashes, {} restarts",
        lived.instants, lived.calls, lived.payments, lived.crashes, lived.restarts
    );
    if lived.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
