//! `toek serve` as a process: who may run, what it answers, how it stops, dies and starts again, and what it never says.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and makes files and waits as a person would"
)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use toek::config::{ClockKind, default_files};
use toek_formats::vocabulary::MunicipalityCode;

/// An installation that goes by the machine's clock, and files to deliver to it.
struct House {
    _home: tempfile::TempDir,
    dir: PathBuf,
}

fn toek(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_toek"));
    command.arg("--dir").arg(dir).args(arguments);
    command.env_remove("TOEK_CANARY").env_remove("TOEK_DIR").env_remove("TOEK_LOG").stdin(Stdio::null());
    command
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

impl House {
    /// Polls are made at this interval.
    fn new(every: &str) -> House {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("hub");
        let codes: Vec<_> =
            toek::generator::MUNICIPALITIES.iter().map(|code| MunicipalityCode(*code)).collect();
        for (path, text) in default_files(&codes, ClockKind::Real) {
            let path = dir.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text.replace("every = \"30s\"", &format!("every = \"{every}\""))).unwrap();
        }
        for folder in [
            "endpoints/ksd/in",
            "endpoints/nemkonto/inbox",
            "endpoints/nemkonto/outbox",
            "endpoints/serviceplatformen/IN",
            "endpoints/serviceplatformen/OUT",
        ] {
            std::fs::create_dir_all(dir.join(folder)).unwrap();
        }
        House { _home: home, dir }
    }

    fn toek(&self, arguments: &[&str]) -> Output {
        toek(&self.dir, arguments).output().unwrap()
    }

    fn status(&self) -> Value {
        serde_json::from_slice(&self.toek(&["status", "--json"]).stdout).unwrap()
    }

    /// Payments that wait to be sent, or for an answer.
    fn waiting(&self) -> u64 {
        self.status()["outcomes"]["waiting"].as_u64().unwrap()
    }

    fn generate(&self, records: &str, errors: &str) -> Vec<PathBuf> {
        let files = self.dir.with_file_name("files");
        let output = files.to_str().unwrap();
        let made = self.toek(&[
            "generate",
            "g68",
            "--records",
            records,
            "--errors",
            errors,
            "--municipalities",
            "101,751",
            "--output",
            output,
        ]);
        assert!(made.status.success(), "{}", stderr(&made));
        let all = std::fs::read_dir(&files).unwrap().map(|entry| entry.unwrap().path());
        let mut found: Vec<_> = all.filter(|path| path.extension().is_some_and(|e| e == "g68")).collect();
        found.sort();
        found
    }

    /// Moves a file in, so that it is there whole.
    fn deliver(&self, file: &Path) {
        let name = file.file_name().unwrap();
        let drop = self.dir.join("endpoints/ksd/in");
        let beside = drop.join(format!(".{}.part", name.to_string_lossy()));
        std::fs::copy(file, &beside).unwrap();
        std::fs::rename(beside, drop.join(name)).unwrap();
    }

    fn serve(&self, arguments: &[&str]) -> Serving {
        let all = [&["serve", "--metrics", "127.0.0.1:0"], arguments].concat();
        let mut child = toek(&self.dir, &all).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("health and metrics: http://").map(str::to_owned);
        Serving { child: Some(child), address, begun: Instant::now() }
    }

    fn verify(&self) {
        let verified = self.toek(&["verify"]);
        assert!(verified.status.success(), "{}", stdout(&verified));
    }
}

/// A running `serve`, killed when the test ends early.
struct Serving {
    child: Option<Child>,
    address: Option<String>,
    begun: Instant,
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Serving {
    fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address.as_ref().unwrap()).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split_whitespace().nth(1).unwrap().parse().unwrap();
        (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
    }

    fn wait_until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            assert!(begun.elapsed() < Duration::from_secs(60), "{what} did not come");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until every place was looked at once, and tells how long that took since the start.
    fn ready(&self) -> Duration {
        self.wait_until("readiness", || self.get("/ready").0 == 200);
        self.begun.elapsed()
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    fn end(mut self) -> Output {
        self.child.take().unwrap().wait_with_output().unwrap()
    }

    /// Asks it to stop; it must.
    fn stop(self) -> Output {
        self.signal("-TERM");
        let output = self.end();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        output
    }
}

#[test]
fn it_answers_takes_files_in_and_stops() {
    let house = House::new("1s");
    let serving = house.serve(&[]);
    let ready = serving.ready();
    assert!(ready < Duration::from_secs(5), "{ready:?}");
    assert_eq!(serving.get("/health"), (200, "ok\n".to_owned()));
    for file in house.generate("60", "none") {
        house.deliver(&file);
    }
    serving.wait_until("the delivery", || serving.get("/metrics").1.contains("toek_records_total"));
    let (_, numbers) = serving.get("/metrics");
    for name in [
        "toek_transfers{direction=\"in\",format=\"g68\",state=\"accepted\"}",
        "toek_runs_total{pipeline=\"receive-payments\",result=\"success\"}",
        "toek_last_success_timestamp_seconds{pipeline=\"receive-answers\"}",
        "toek_records_total{pipeline=\"receive-payments\",what=\"taken\"}",
        "toek_store_write_seconds_bucket",
        "toek_oldest_unlanded_bundle_seconds",
        "toek_clock_held 0",
        "toek_tasks 0",
        "toek_failures_total{endpoint=\"ksd\"} 0",
    ] {
        assert!(numbers.contains(name), "{name} in\n{numbers}");
    }
    assert_eq!(serving.get("/nowhere").0, 404);
    serving.stop();
    assert!(!house.dir.join("serve.sock").exists() && !house.dir.join("serve.json").exists());
    house.verify();
}

#[test]
fn a_second_one_refuses() {
    let house = House::new("30s");
    let first = house.serve(&[]);
    let pid = first.child.as_ref().unwrap().id().to_string();
    let second = house.toek(&["serve"]);
    assert_eq!(second.status.code(), Some(3));
    assert!(stderr(&second).contains(&format!("as process {pid} at 20")), "{}", stderr(&second));
    first.stop();
    assert!(house.toek(&["serve", "--until-idle"]).status.success(), "free again");
}

#[test]
fn only_loopback_is_offered() {
    let house = House::new("30s");
    let refused = house.toek(&["serve", "--metrics", "0.0.0.0:0"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("loopback"), "{}", stderr(&refused));
}

/// What an operator says and sees, with and without a `serve` in between.
fn dialogue(house: &House, files: &[PathBuf]) -> Vec<String> {
    let mut said = Vec::new();
    let mut say = |arguments: &[&str]| {
        let output = house.toek(arguments);
        said.push(format!(
            "{arguments:?} {:?}\n{}{}",
            output.status.code(),
            stdout(&output),
            stderr(&output)
        ));
    };
    house.deliver(&files[0]);
    say(&["--quiet", "run", "receive-payments"]);
    let whole = std::fs::read(&files[1]).unwrap();
    let cut = house.dir.join("endpoints/ksd/in/cut.g68");
    std::fs::write(cut, &whole[..whole.len() - 30]).unwrap();
    say(&["--quiet", "run", "receive-payments", "--json"]);
    say(&["--quiet", "run", "receive-nothing"]);
    say(&["--quiet", "quarantine", "validate", "2"]);
    say(&["--quiet", "quarantine", "reject", "2", "--reason", " "]);
    say(&["--quiet", "quarantine", "reject", "2", "--reason", "KSD sends it again"]);
    say(&["--quiet", "quarantine", "reject", "2", "--reason", "twice"]);
    say(&["--quiet", "quarantine", "validate", "7"]);
    say(&["--quiet", "release-clock"]);
    say(&["trace", "P1-1"]);
    said
}

#[test]
fn a_command_through_the_socket_is_the_same_command() {
    let alone = House::new("1h");
    let files = alone.generate("20", "none");
    let expected = dialogue(&alone, &files);
    let served = House::new("1h");
    let serving = served.serve(&[]);
    serving.ready();
    let found = dialogue(&served, &files);
    serving.stop();
    for (expected, found) in expected.iter().zip(&found) {
        let without_times = |text: &str| {
            let lines = text.lines().map(|line| match line.get(..4) {
                Some("2026" | "2027" | "2028" | "2029") => line.get(19..).unwrap_or(line),
                _ => line,
            });
            lines.collect::<Vec<_>>().join("\n").replace(served.dir.to_str().unwrap(), "")
        };
        assert_eq!(without_times(expected), without_times(found));
    }
    for house in [&alone, &served] {
        let commands = stdout(&house.toek(&["read-log", "--commands"]));
        assert_eq!(commands.matches("quarantine reject").count(), 2, "{commands}");
        assert_eq!(commands.matches("receive-payments").count(), 2, "{commands}");
        house.verify();
    }
}

#[test]
fn the_socket_is_its_owners_and_survives_nonsense() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixStream;
    let house = House::new("1h");
    let serving = house.serve(&[]);
    serving.ready();
    let path = house.dir.join("serve.sock");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let foreign = br#"{"protocol":999,"command":{"do":"release-clock"}}"#;
    let framed = [&(foreign.len() as u32).to_be_bytes()[..], foreign].concat();
    for nonsense in [&b"\xff\xff\xff\xff"[..], b"\0\0\0\x05hello", b"GET / HTTP/1.1\r\n\r\n", b"\0", &framed]
    {
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.write_all(nonsense).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap_or_default();
        assert_eq!(
            !answer.is_empty(),
            nonsense == framed,
            "only another build's question is worth an answer"
        );
    }
    let silent = UnixStream::connect(&path).unwrap();
    assert_eq!(stdout(&house.toek(&["release-clock"])), "the clock was not doubted\n");
    drop(silent);
    serving.stop();
}

#[test]
fn another_command_at_work_is_no_serve() {
    let house = House::new("30s");
    assert!(house.toek(&["serve", "--until-idle"]).status.success());
    let lock = std::fs::File::options().write(true).open(house.dir.join("lock")).unwrap();
    lock.lock().unwrap();
    let output = house.toek(&["run", "receive-payments"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("another toek is at work"), "{}", stderr(&output));
}

#[test]
fn it_may_be_stopped_and_killed_in_the_middle_of_a_big_file() {
    let house = House::new("1s");
    let files = house.generate("40000", "none");
    for file in &files {
        house.deliver(file);
    }
    let records = || {
        let status = house.status();
        let outcomes = status["outcomes"].as_object().unwrap();
        outcomes.values().map(|count| count.as_u64().unwrap()).sum::<u64>()
    };
    let mut was_in_the_middle = false;
    for (pause, signal) in [(200, "-TERM"), (350, "-KILL"), (500, "-TERM"), (300, "-KILL"), (700, "-TERM")] {
        let serving = house.serve(&[]);
        serving.wait_until("health", || serving.get("/health").0 == 200);
        assert!(
            serving.begun.elapsed() < Duration::from_secs(5),
            "health after {:?}",
            serving.begun.elapsed()
        );
        std::thread::sleep(Duration::from_millis(pause));
        serving.signal(signal);
        let begun = Instant::now();
        let output = serving.end();
        assert!(begun.elapsed() < Duration::from_secs(22));
        let expected = if signal == "-TERM" { Some(0) } else { None };
        assert_eq!(output.status.code(), expected, "{}", stderr(&output));
        was_in_the_middle |= records() < 40_000;
    }
    assert!(was_in_the_middle);
    let last = house.toek(&["serve", "--until-idle"]);
    assert_eq!(last.status.code(), Some(0), "{}{}", stdout(&last), stderr(&last));
    assert_eq!(records(), 40_000);
    house.verify();
}

#[test]
fn trouble_with_the_log_and_the_port_stops_nothing() {
    let house = House::new("1s");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for file in house.generate("40", "none") {
        house.deliver(&file);
    }
    let arguments =
        ["serve", "--until-idle", "--metrics", &address, "--log-file", "/dev/full", "--log-filter", "trace"];
    let output = house.toek(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let said = stderr(&output);
    assert_eq!(said.matches("the log cannot be written").count(), 1, "{said}");
    assert_eq!(said.matches("health and metrics cannot be had").count(), 1, "{said}");
    assert!(house.waiting() > 0);
    let nowhere = house.toek(&["serve", "--until-idle", "--log-file", "/nowhere/at/all.log"]);
    assert_eq!(nowhere.status.code(), Some(0));
    assert!(stderr(&nowhere).contains("the log goes to standard error"), "{}", stderr(&nowhere));
}

#[test]
fn the_log_says_which_run_and_which_file() {
    let house = House::new("1s");
    let files = house.generate("10", "none");
    house.deliver(&files[0]);
    let log = house.dir.with_file_name("log.jsonl");
    let path = log.to_str().unwrap();
    let output = house.toek(&["serve", "--until-idle", "--log-format", "json", "--log-file", path]);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = std::fs::read_to_string(log).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let processed = lines.iter().find(|line| line["message"] == "processed").unwrap();
    let spans = processed["spans"].as_array().unwrap();
    let run = spans.iter().find(|span| span["name"] == "run").unwrap();
    assert_eq!((run["pipeline"].as_str(), run["window"].as_str()), (Some("receive-payments"), Some("poll")));
    assert_eq!(run["run"].as_str().map(str::len), Some(36));
    let transfer = spans.iter().find(|span| span["name"] == "transfer").unwrap();
    assert_eq!((transfer["no"].as_u64(), transfer["endpoint"].as_str()), (Some(1), Some("ksd")));
    let name = files[0].file_name().unwrap().to_str();
    assert_eq!(transfer["file"].as_str(), name);
}

/// Every personal number of the delivery, as it is written and with a hyphen.
fn personal_numbers(house: &House) -> BTreeSet<String> {
    let manifest = std::fs::read_to_string(house.dir.with_file_name("files").join("manifest.jsonl")).unwrap();
    let lines = manifest.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let people = lines.filter(|line| line["payee_kind"] == "cpr" || line["payee_kind"] == "account");
    let numbers = people.filter_map(|line| line["payee"].as_str().map(str::to_owned));
    let long_enough = numbers.filter(|number| number.len() >= 10);
    long_enough.flat_map(|number| [format!("{}-{}", &number[..6], &number[6..]), number]).collect()
}

#[test]
fn nothing_it_says_names_a_person() {
    let house = House::new("1s");
    let files = house.generate("300", "many");
    let numbers = personal_numbers(&house);
    assert!(numbers.len() > 300, "{}", numbers.len());
    let log = house.dir.with_file_name("log.txt");
    let serving = house.serve(&["--log-file", log.to_str().unwrap(), "--log-filter", "trace"]);
    serving.ready();
    for file in &files {
        house.deliver(file);
    }
    let drop = house.dir.join("endpoints/ksd/in");
    serving.wait_until("the delivery", || std::fs::read_dir(&drop).unwrap().count() == 0);
    let mut said = vec![serving.get("/metrics").1, serving.get("/health").1];
    let commands: [&[&str]; 12] = [
        &["status", "--all"],
        &["status", "--all", "--json"],
        &["balance", "--vouchers"],
        &["verify"],
        &["schedule"],
        &["read-log"],
        &["quarantine", "list"],
        &["quarantine", "show", "1"],
        &["run", "receive-payments"],
        &["run", "send-bundles", "--dry-run"],
        &["run", "send-bundles"],
        &["read-log", "--commands"],
    ];
    for command in commands {
        let output = house.toek(command);
        said.push(format!("{command:?}\n{}{}", stdout(&output), stderr(&output)));
    }
    let output = serving.stop();
    said.extend([stdout(&output), stderr(&output), std::fs::read_to_string(log).unwrap()]);
    assert!(said.last().unwrap().contains("processed"));
    for text in &said {
        for number in &numbers {
            assert!(!text.contains(number.as_str()), "{number} in {}", text.lines().next().unwrap_or(""));
        }
    }
    house.verify();
}

#[test]
fn who_looks_is_noted_before_anything_is_shown() {
    let house = House::new("1h");
    let files = house.generate("10", "none");
    house.deliver(&files[0]);
    assert!(house.toek(&["serve", "--until-idle"]).status.success());
    assert!(house.toek(&["trace", "P1-1"]).status.success());
    assert!(house.toek(&["trace", "1", "--json"]).status.success());
    let file = files[0].to_str().unwrap();
    assert!(house.toek(&["inspect", file, "--record", "1"]).status.success());
    assert!(!house.toek(&["trace", "P9-9"]).status.success(), "nothing is shown, nothing is noted");
    let serving = house.serve(&[]);
    serving.ready();
    assert!(house.toek(&["trace", "P1-2"]).status.success());
    let log = stdout(&house.toek(&["read-log", "--json"]));
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let acts: Vec<_> = lines.iter().map(|l| format!("{} {}", l["act"], l["subject"])).collect();
    let name = files[0].file_name().unwrap().to_str().unwrap();
    let expected = [
        "\"trace\" \"P1-1\"",
        "\"trace\" \"transfer 1\"",
        &format!("\"inspect\" \"{name}\""),
        "\"trace\" \"P1-2\"",
    ];
    assert_eq!(acts, expected);
    let people: BTreeSet<_> = lines.iter().map(|line| line["who"].as_str().unwrap()).collect();
    assert_eq!(people.len(), 1, "the same person with and without a serve: {people:?}");
    serving.stop();

    let store = rusqlite::Connection::open(house.dir.join("store/toek.db")).unwrap();
    store.execute_batch("drop table read_log").unwrap();
    for arguments in [&["trace", "P1-1"][..], &["inspect", file][..]] {
        let refused = house.toek(arguments);
        assert_eq!(refused.status.code(), Some(1));
        assert_eq!(stdout(&refused), "", "nothing is shown");
        assert!(stderr(&refused).contains("cannot be noted in the read log"), "{}", stderr(&refused));
    }
}

#[test]
fn a_failing_endpoint_stops_no_other_and_is_told() {
    let house = House::new("1s");
    let files = house.generate("10", "none");
    house.deliver(&files[0]);
    std::fs::remove_dir(house.dir.join("endpoints/nemkonto/outbox")).unwrap();
    let serving = house.serve(&[]);
    serving.wait_until("the delivery", || house.status()["transfers"][0]["state"] == "accepted");
    serving.wait_until("the failure", || {
        let numbers = serving.get("/metrics").1;
        numbers.lines().any(|line| {
            line.strip_prefix("toek_failures_total{endpoint=\"nemkonto\"} ").is_some_and(|count| count != "0")
        })
    });
    assert_eq!(serving.get("/health").0, 200, "the hub is well: its counterparty is not");
    let output = serving.stop();
    assert!(stderr(&output).contains("endpoint `nemkonto` failed"), "{}", stderr(&output));
    let idle = house.toek(&["serve", "--until-idle"]);
    assert_eq!(idle.status.code(), Some(1), "it says that not all could be done");
}

#[test]
fn a_simulated_clock_is_stepped_from_run_to_run() {
    let house = House::new("30s");
    let main = house.dir.join("toek.toml");
    let text = std::fs::read_to_string(&main).unwrap();
    std::fs::write(&main, text.replace("clock = \"real\"", "clock = \"simulated\"")).unwrap();
    let start = ["--at", "2026-01-26T09:00:00Z", "serve"];
    assert_eq!(house.toek(&start).status.code(), Some(1), "it stands still");
    let lived = house.toek(&[&start[..], &["--until-idle", "--before", "2026-01-28T18:00:00Z"]].concat());
    assert!(lived.status.success(), "{}", stderr(&lived));
    let schedule = stdout(&house.toek(&["schedule"]));
    assert!(schedule.contains("next at 2026-01-29 13:00:00"), "{schedule}");
    assert_eq!(schedule.matches("13:00:00, done 2026-01-2").count(), 3, "{schedule}");
}
