//! The schedule as it lives: the real scheduler and store on a clock that is stepped through days.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and makes files as a person would"
)]

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp, ToSpan};
use toek::config::{ClockKind, Installation, default_files};
use toek::pipelines::{Activity, Hub, Silent};
use toek::seams::{Clock, SystemIds};
use toek::serve::activation::{Cause, Ended, Start};
use toek::serve::metrics::Metrics;
use toek::serve::scheduler::Scheduler;
use toek::store::Store;
use toek::store::archive::{Archive, Key};
use toek::store::schedule::{self, ReleaseClock};
use toek::store::task;
use toek::store::transfer::{Begin, Direction, Identity, MarkArchived, TransferState};
use toek_adapters::disk::RealDisk;
use toek_formats::g68::Layouts;
use toek_formats::vocabulary::MunicipalityCode;

/// A clock that is set, beside one that is not.
struct TwoClocks(Mutex<(Timestamp, Duration)>);

impl TwoClocks {
    fn at(text: &str) -> Arc<TwoClocks> {
        Arc::new(TwoClocks(Mutex::new((text.parse().unwrap(), Duration::from_secs(1_000_000)))))
    }

    /// Time passes.
    fn pass(&self, seconds: i64) {
        let mut both = self.0.lock().unwrap();
        both.0 = both.0.checked_add(SignedDuration::from_secs(seconds)).unwrap();
        both.1 += Duration::from_secs(seconds.unsigned_abs());
    }

    /// Somebody sets the clock.
    fn jump(&self, seconds: i64) {
        let mut both = self.0.lock().unwrap();
        both.0 = both.0.checked_add(SignedDuration::from_secs(seconds)).unwrap();
    }

    fn pass_until(&self, text: &str) {
        let until: Timestamp = text.parse().unwrap();
        self.pass(until.duration_since(self.now()).as_secs());
    }
}

impl Clock for TwoClocks {
    fn now(&self) -> Timestamp {
        self.0.lock().unwrap().0
    }

    fn elapsed(&self) -> Duration {
        self.0.lock().unwrap().1
    }
}

/// An installation whose pipeline `receive-answers` runs by `when` where one is given.
fn install(dir: &Path, when: Option<&str>) {
    for (path, text) in default_files(&[MunicipalityCode(751)], ClockKind::Simulated) {
        let path = dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = match when {
            Some(when) if path.ends_with("receive-answers.toml") => {
                text.replace("every = \"30s\"", &format!("when = \"{when}\""))
            }
            _ if path.ends_with("toek.toml") => only_payments(&text),
            _ => text,
        };
        std::fs::write(path, text).unwrap();
    }
    for folder in [
        "endpoints/ksd/in",
        "endpoints/nemkonto/inbox",
        "endpoints/nemkonto/outbox",
        "endpoints/serviceplatformen/IN",
        "endpoints/serviceplatformen/OUT",
        "archive",
    ] {
        std::fs::create_dir_all(dir.join(folder)).unwrap();
    }
}

/// The pipelines that these cases count.
fn only_payments(text: &str) -> String {
    let others = ["send-vouchers", "receive-voucher-answers", "receive-receipts", "receive-assortments"];
    let is_other = |line: &str| others.iter().any(|name| line.contains(&format!("schedules/{name}.toml")));
    text.lines().filter(|line| !is_other(line)).map(|line| format!("{line}\n")).collect()
}

fn hub(dir: &Path, clock: Arc<TwoClocks>) -> Hub {
    let read = |path: &Path| std::fs::read_to_string(path);
    let installation = Installation::load(&read, dir).unwrap();
    Hub {
        endpoints: toek::pipelines::Endpoints::new(&installation.limits),
        dir: dir.to_owned(),
        installation,
        store: Store::open_inline(&dir.join("toek.db")).unwrap(),
        archive: Archive::new(Arc::new(RealDisk), dir.join("archive")),
        key: Key::new([7; 32]),
        seen: toek::store::seen::Seen::default(),
        layouts: Layouts::embedded().unwrap(),
        clock,
        ids: Arc::new(SystemIds::default()),
        disk: Arc::new(RealDisk),
        progress: Arc::new(Silent),
    }
}

/// An installation, its clock, and a scheduler that can be stopped and started.
struct House {
    _home: tempfile::TempDir,
    clock: Arc<TwoClocks>,
    hub: Hub,
    scheduler: Scheduler,
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn scheduler(hub: &Hub) -> Scheduler {
    block_on(Scheduler::open(hub, Arc::new(Metrics::default()))).unwrap()
}

impl House {
    fn new(start: &str, when: Option<&str>) -> House {
        let home = tempfile::tempdir().unwrap();
        install(home.path(), when);
        let clock = TwoClocks::at(start);
        let hub = hub(home.path(), clock.clone());
        let scheduler = scheduler(&hub);
        House { _home: home, clock, hub, scheduler }
    }

    /// A new process on the same installation.
    fn restart(&mut self) {
        self.scheduler = scheduler(&self.hub);
    }

    fn tick(&mut self) -> Vec<Start> {
        block_on(self.scheduler.tick(&self.hub))
    }

    fn done(&mut self, start: &Start, ended: &Ended) {
        block_on(self.scheduler.done(&self.hub, start, ended)).unwrap();
    }

    /// Starts what is due and lets all of it succeed at once; the runs by the clock among it.
    fn windows(&mut self) -> Vec<String> {
        let mut windows = Vec::new();
        loop {
            let starts = self.tick();
            if starts.is_empty() {
                return windows;
            }
            for start in starts {
                self.done(&start, &Ended::default());
                if let Cause::Window(window) = start.cause {
                    windows.push(format!("{} {} +{}", start.pipeline, window.due, window.missed));
                }
            }
        }
    }

    /// Lives until an instant in steps of some seconds; all runs by the clock on the way.
    fn live(&mut self, until: &str, step: i64) -> Vec<String> {
        let until: Timestamp = until.parse().unwrap();
        let mut all = Vec::new();
        while self.clock.now() < until {
            self.clock.pass(step);
            all.extend(self.windows());
        }
        all
    }

    fn tasks(&self) -> Vec<String> {
        let tasks = self.hub.store.read(|tx| task::open_after(tx, 0)).unwrap();
        tasks.into_iter().map(|task| format!("{}: {}: {}", task.kind, task.subject, task.text)).collect()
    }

    fn step(&mut self) -> Activity {
        block_on(self.scheduler.step(&self.hub)).unwrap()
    }
}

#[track_caller]
fn check(when: &str, from: &str, until: &str, step: i64, expected: &[&str]) {
    let mut house = House::new(from, Some(when));
    let found = house.live(until, step);
    let answers = found.iter().filter_map(|line| line.strip_prefix("receive-answers "));
    let expected: Vec<String> = expected.iter().map(|due| format!("{due} +0")).collect();
    assert_eq!(answers.collect::<Vec<_>>(), expected);
}

#[test]
fn daylight_saving_begins() {
    let expected = ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"];
    check("0 30 2 * * *", "2026-03-27T12:00:00Z", "2026-03-30T12:00:00Z", 600, &expected);
}

#[test]
fn daylight_saving_ends() {
    let expected = ["2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"];
    check("0 30 2 * * *", "2026-10-23T12:00:00Z", "2026-10-26T12:00:00Z", 600, &expected);
}

#[test]
fn every_hour_of_the_wall_clock_runs_once_whatever_it_does() {
    let count = |from: &str, until: &str| {
        let mut house = House::new(from, Some("0 15 * * * *"));
        let mut found = house.live(until, 300);
        found.retain(|line| line.starts_with("receive-answers"));
        let all = found.len();
        found.dedup();
        assert_eq!(found.len(), all, "none twice");
        all
    };
    // Midnight to midnight: a day of 23 hours shows 23 wall-clock hours, but 02:15 is made up for at 03:00.
    assert_eq!(count("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"), 24);
    assert_eq!(count("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"), 24);
}

#[track_caller]
fn check_bundles(from: &str, until: &str, expected: &[&str]) {
    let mut house = House::new(from, None);
    let found = house.live(until, 1_800);
    let expected: Vec<String> = expected.iter().map(|due| format!("send-bundles {due} +0")).collect();
    assert_eq!(found, expected);
}

#[test]
fn leap_day() {
    let expected = ["2028-02-28T12:00:00Z", "2028-02-29T12:00:00Z", "2028-03-01T12:00:00Z"];
    check_bundles("2028-02-27T12:30:00Z", "2028-03-01T20:00:00Z", &expected);
}

#[test]
fn the_end_of_a_year_has_few_bank_days() {
    let expected = ["2026-12-30T12:00:00Z", "2027-01-04T12:00:00Z"];
    check_bundles("2026-12-29T13:00:00Z", "2027-01-04T20:00:00Z", &expected);
}

#[test]
fn a_year_has_as_many_runs_as_bank_days() {
    let mut house = House::new("2025-12-31T23:00:00Z", None);
    let found = house.live("2026-12-31T23:00:00Z", 2 * 3_600);
    let day = |n: i64| jiff::civil::date(2026, 1, 1).checked_add(n.days()).unwrap();
    let bank_days = (0..365).filter(|n| house.hub.installation.bank_days.is_bank_day(day(*n))).count();
    assert_eq!(found.len(), bank_days);
    assert!(bank_days > 245, "{bank_days}");
}

#[test]
fn a_new_installation_begins_now() {
    let mut house = House::new("2026-01-28T15:00:00Z", None);
    assert_eq!(house.windows(), Vec::<String>::new());
    house.clock.pass_until("2026-01-29T12:00:00Z");
    assert_eq!(house.windows(), ["send-bundles 2026-01-29T12:00:00Z +0"]);
}

#[test]
fn what_was_missed_is_one_late_run() {
    let mut house = House::new("2026-01-26T09:00:00Z", None); // a Monday
    assert_eq!(house.live("2026-01-26T13:00:00Z", 1_800), ["send-bundles 2026-01-26T12:00:00Z +0"]);
    house.clock.pass_until("2026-01-29T15:40:00Z");
    house.restart();
    assert_eq!(house.windows(), ["send-bundles 2026-01-29T12:00:00Z +2"]);
    house.restart();
    assert_eq!(house.windows(), Vec::<String>::new(), "caught up once");
    let past = house.hub.store.read(|tx| schedule::recent(tx, "send-bundles", 9)).unwrap();
    let told: Vec<_> = past.iter().map(|past| (past.missed, past.first_missed.is_some())).collect();
    assert_eq!(told, [(2, true), (0, false)]);
}

#[test]
fn a_crash_between_beginning_and_end_runs_it_again() {
    let mut house = House::new("2026-01-26T09:00:00Z", None);
    house.clock.pass_until("2026-01-26T12:00:10Z");
    let is_window = |start: &Start| matches!(start.cause, Cause::Window(_));
    assert_eq!(house.tick().into_iter().filter(is_window).count(), 1);
    house.clock.pass(400);
    house.restart(); // it never came back
    let again = house.tick().into_iter().find(is_window).unwrap();
    let Cause::Window(window) = again.cause else { panic!() };
    assert!(window.again);
    house.done(&again, &Ended::default());
    house.restart();
    assert_eq!(house.windows(), Vec::<String>::new());
}

#[test]
fn what_failed_is_tried_again_after_a_pause_until_it_succeeds() {
    let mut house = House::new("2026-01-26T09:00:00Z", None);
    house.clock.pass_until("2026-01-26T12:00:00Z");
    let is_window = |start: &Start| matches!(start.cause, Cause::Window(_));
    let poll = failed_poll();
    let failed = Ended { error: Some("the endpoint is down".to_owned()), ..Ended::default() };
    for pause in [60, 120, 240] {
        let starts = house.tick();
        for start in &starts {
            house.done(start, if is_window(start) { &failed } else { &poll });
        }
        assert_eq!(starts.iter().filter(|start| is_window(start)).count(), 1);
        house.clock.pass(pause - 1);
        assert!(!house.tick_and_end().iter().any(is_window), "not before {pause} s");
        house.clock.pass(1);
    }
    assert_eq!(house.windows(), ["send-bundles 2026-01-26T12:00:00Z +0"]);
    assert_eq!(house.windows(), Vec::<String>::new());
}

fn failed_poll() -> Ended {
    let failures = vec!["nobody there".to_owned()];
    Ended { activity: Activity { failures, ..Activity::default() }, ..Ended::default() }
}

impl House {
    fn tick_and_end(&mut self) -> Vec<Start> {
        let starts = self.tick();
        for start in &starts {
            self.done(start, &Ended::default());
        }
        starts
    }
}

#[test]
fn one_thing_at_a_time_at_each_endpoint() {
    let mut house = House::new("2026-01-26T09:00:00Z", None);
    let first = house.tick();
    let names: Vec<_> = first.iter().map(|start| start.pipeline.as_str()).collect();
    assert_eq!(names, ["receive-payments", "receive-answers"], "two endpoints");
    assert_eq!(house.tick(), [], "nothing twice, and sending waits for the endpoint");
    house.done(&first[1], &Ended::default());
    let next = house.tick();
    assert_eq!(next.len(), 1);
    assert_eq!((next[0].pipeline.as_str(), next[0].cause), ("send-bundles", Cause::Immediate));
}

fn held(house: &House) -> Option<String> {
    house.hub.store.read(schedule::clock_held).unwrap()
}

#[test]
fn a_clock_that_jumps_holds_sending_and_nothing_else() {
    let mut house = House::new("2026-01-26T11:00:00Z", None);
    house.windows();
    house.clock.jump(2 * 3_600);
    house.clock.pass(60);
    let starts = house.tick_and_end();
    let names: Vec<_> = starts.iter().map(|start| start.pipeline.as_str()).collect();
    assert_eq!(names, ["receive-payments", "receive-answers"], "sending was due at noon, and waits");
    assert!(held(&house).unwrap().contains("jumped 7200 seconds ahead"), "{:?}", held(&house));
    assert_eq!(house.tasks().len(), 1, "{:?}", house.tasks());
    house.restart();
    assert!(house.scheduler.holds_sending(), "a new process does not believe it either");
    block_on(house.hub.store.write(ReleaseClock { at: 0 })).unwrap();
    house.scheduler.release_clock();
    assert_eq!(house.windows(), ["send-bundles 2026-01-26T12:00:00Z +0"]);
    assert_eq!(house.tasks(), Vec::<String>::new());
}

#[test]
fn a_clock_that_is_set_right_again_is_believed_after_ten_minutes() {
    let mut house = House::new("2026-01-26T11:58:00Z", None);
    house.windows();
    house.clock.jump(-86_400);
    house.windows();
    assert!(held(&house).unwrap().contains("backwards"));
    house.clock.jump(86_400);
    let found = house.live("2026-01-26T12:20:00Z", 30);
    assert_eq!(found, ["send-bundles 2026-01-26T12:00:00Z +0"], "once, and not while it was doubted");
    assert_eq!(held(&house), None);
}

#[test]
fn a_clock_that_was_set_back_while_nobody_looked() {
    let mut house = House::new("2026-01-26T11:58:00Z", None);
    house.live("2026-01-26T12:30:00Z", 60);
    house.clock.jump(-7 * 86_400);
    house.restart();
    assert!(house.scheduler.holds_sending());
    assert!(held(&house).unwrap().contains("was at work at 2026-01-26"));
}

fn arrive(house: &House, name: &str) {
    let at = house.hub.clock.micros();
    let identity = Identity {
        direction: Direction::In,
        endpoint: "ksd".to_owned(),
        name: name.to_owned(),
        size: 1,
        modified_at: at,
    };
    let begin = Begin { identity, format: "g68".to_owned(), at, salt: [0; 16], data_key: vec![] };
    let known = block_on(house.hub.store.write(begin)).unwrap();
    let mark = MarkArchived {
        no: known.no,
        sha256: [1; 32],
        state: TransferState::Quarantined,
        size: 1,
        data_key: vec![],
        layout: None,
        physical: None,
        companion: None,
    };
    block_on(house.hub.store.write(mark)).unwrap();
}

#[test]
fn a_file_that_does_not_come_is_told_of_once() {
    let mut house = House::new("2026-01-26T08:00:00Z", None); // expected by 12:00, that is 11:00Z
    house.live("2026-01-26T09:58:00Z", 60);
    assert_eq!(house.tasks(), Vec::<String>::new());
    house.live("2026-01-26T10:01:00Z", 60);
    let subject = "file missing: receive-payments from ksd on 2026-01-26";
    assert_eq!(house.tasks(), [format!("{subject}: no file yet, expected by 12:00")]);
    house.live("2026-01-26T11:01:00Z", 60);
    assert_eq!(house.tasks(), [format!("{subject}: no file came by 12:00")]);
    house.restart();
    house.live("2026-01-26T14:00:00Z", 60);
    assert_eq!(house.tasks().len(), 1);
    arrive(&house, "late.g68");
    house.live("2026-01-26T14:02:00Z", 60);
    assert_eq!(house.tasks(), Vec::<String>::new(), "it came after all");
    arrive(&house, "tomorrow.g68");
    house.live("2026-01-27T14:00:00Z", 60);
    assert_eq!(house.tasks(), Vec::<String>::new(), "after the deadline of one day it is for the next");
}

#[test]
fn a_step_of_the_library_does_what_is_due_and_ends() {
    let mut house = House::new("2026-01-26T11:58:00Z", None);
    assert!(house.step().is_idle());
    house.clock.pass(120);
    assert_eq!(house.scheduler.next(&house.hub), Some(house.clock.now()));
    assert!(house.step().is_idle());
    assert_eq!(house.scheduler.next(&house.hub).unwrap().to_string(), "2026-01-27T12:00:00Z");
}

#[test]
fn a_run_that_was_begun_and_overtaken_is_done_with_when_the_next_one_is() {
    let mut house = House::new("2026-01-26T09:00:00Z", None);
    house.clock.pass_until("2026-01-26T12:00:10Z");
    let is_window = |start: &Start| matches!(start.cause, Cause::Window(_));
    assert_eq!(house.tick().into_iter().filter(is_window).count(), 1);
    house.clock.pass_until("2026-01-27T12:00:10Z"); // it never came back, and the next one is due
    house.restart();
    assert_eq!(house.windows(), ["send-bundles 2026-01-27T12:00:00Z +0"]);
    let past = house.hub.store.read(|tx| schedule::recent(tx, "send-bundles", 9)).unwrap();
    assert_eq!(past.iter().map(|past| past.finished_at.is_some()).collect::<Vec<_>>(), [true, true]);
}
