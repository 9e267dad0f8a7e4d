//! A million payments through the real schema: from an archived G68 file to a durable store, and what the store alone does
//! of a pay day, on an empty base and on one of millions.
//!
//! Whole-process work with a disk under it, so it is timed by the clock, once per run, and printed; run it several times on
//! a quiet machine and compare ratios: `cargo bench --bench store -- [PAYMENTS] [BASE]`.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::float_arithmetic,
    reason = "a benchmark prints figures"
)]
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock and makes its own files")]

use std::path::Path;
use std::process::Command;
use std::time::Instant;

fn main() {
    let numbers: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let payments = numbers.first().copied().unwrap_or(1_000_000);
    let base = numbers.get(1).copied().unwrap_or(0);
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("hub");
    println!("{payments} payments on a base of {base}");
    prepare(&dir);
    let mut day = jiff::civil::date(2025, 1, 6);
    let mut done = 0;
    while done < base {
        let part = (base - done).min(500_000);
        deliver(&dir, part, 1_000 + done, day);
        receive(&dir, day);
        pay(&dir, day);
        done += part;
        day = day.saturating_add(jiff::Span::new().months(1));
        println!("  base: {done}");
    }
    let day = jiff::civil::date(2026, 1, 28);
    deliver(&dir, payments, 7, day);
    let rate = |seconds: f64| payments as f64 / seconds;
    let seconds = receive(&dir, day);
    println!("file to durable store: {seconds:.2} s, {:.0} payments/s", rate(seconds));
    let seconds = pay(&dir, day);
    println!("chosen, numbered, written, landed: {seconds:.2} s, {:.0} payments/s", rate(seconds));
    println!("store: {} bytes", std::fs::metadata(dir.join("store/toek.db")).unwrap().len());
}

fn toek(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_toek"));
    command.arg("--quiet").arg("--dir").arg(dir);
    command
}

/// An installation of the generator's municipalities, with folders for endpoints.
fn prepare(dir: &Path) {
    use toek::config::{ClockKind, default_files};
    use toek_formats::vocabulary::MunicipalityCode;
    let codes = [101, 147, 461, 561, 630, 751, 791, 851].map(MunicipalityCode);
    for (path, content) in default_files(&codes, ClockKind::Simulated) {
        let path = dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    for folder in ["ksd/in", "nemkonto/inbox", "nemkonto/outbox"] {
        std::fs::create_dir_all(dir.join("endpoints").join(folder)).unwrap();
    }
}

fn deliver(dir: &Path, payments: u64, seed: u64, day: jiff::civil::Date) {
    use toek::generator::{ErrorMix, Plan, plan};
    let script = toek::partners::script::Script::load("seed = 1", "script").unwrap();
    let bank_days = toek::domain::calendar::BankDays::new(&[]);
    let plan_of = Plan {
        immediate_per_mille: 0,
        bank_days_ahead: vec![4],
        errors: ErrorMix::none(),
        ..Plan::new(payments, seed, day)
    };
    let is_bank_day = |day| bank_days.is_bank_day(day);
    let generator = plan(&plan_of, &script, &is_bank_day).unwrap();
    let files = dir.join("bench-files");
    generator.write_all(&toek_adapters::disk::RealDisk, &files).unwrap();
    for entry in std::fs::read_dir(&files).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "g68") {
            std::fs::rename(&path, dir.join("endpoints/ksd/in").join(path.file_name().unwrap())).unwrap();
        }
    }
}

fn run(dir: &Path, pipeline: &str, at: &str) -> f64 {
    let begun = Instant::now();
    let done = toek(dir).args(["--at", at, "run", pipeline]).output().unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    assert!(
        done.status.success(),
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
    seconds
}

fn receive(dir: &Path, day: jiff::civil::Date) -> f64 {
    run(dir, "receive-payments", &format!("{day}T07:00:00Z"))
}

/// Two bank days before the payments' day their bundles leave.
fn pay(dir: &Path, day: jiff::civil::Date) -> f64 {
    let bank_days = toek::domain::calendar::BankDays::new(&[]);
    let sends = bank_days.add(day, 2);
    let seconds = run(dir, "send-bundles", &format!("{sends}T12:30:00Z"));
    for entry in std::fs::read_dir(dir.join("endpoints/nemkonto/inbox")).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    seconds
}
