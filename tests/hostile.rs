//! Files that nobody should send: each is told of clearly, the rest goes on, and the hub stays small.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and makes files and waits as a person would"
)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

/// The hub may not grow beyond this, whatever it is fed (bytes resident).
const MOST_MEMORY: u64 = 100 * 1024 * 1024;
/// A day after everything that the demo lives through.
const AT: &str = "2026-03-02T07:00:00Z";

fn toek(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_toek"));
    command
        .arg("--quiet")
        .arg("--dir")
        .arg(dir)
        .args(arguments)
        .env_remove("TOEK_CANARY")
        .stdin(Stdio::null());
    command
}

fn json_lines(dir: &Path, arguments: &[&str]) -> Vec<Value> {
    let output = toek(dir, arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Runs a pipeline to its end and tells the most memory it ever had resident.
fn run(dir: &Path, pipeline: &str) -> u64 {
    let mut child = toek(dir, &["--at", AT, "run", pipeline]).stdout(Stdio::piped()).spawn().unwrap();
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1)).and_then(|n| n.parse::<u64>().ok());
        most = most.max(kib.unwrap_or(0) * 1024);
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{pipeline}: one bad file must not fail the run\n{said}");
    assert!(most > 0, "{pipeline} ended before it could be measured");
    most
}

fn installation(dir: &Path) {
    let codes: Vec<_> =
        toek::generator::MUNICIPALITIES.map(toek_formats::vocabulary::MunicipalityCode).to_vec();
    for (path, text) in toek::config::default_files(&codes, toek::config::ClockKind::Simulated) {
        let path = dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    for folder in
        ["ksd/in", "nemkonto/inbox", "nemkonto/outbox", "serviceplatformen/IN", "serviceplatformen/OUT"]
    {
        std::fs::create_dir_all(dir.join("endpoints").join(folder)).unwrap();
    }
}

/// Copies the bad samples of a format into a drop, under names that the drop takes; gives the names.
fn samples(format: &str, ending: &str, drop: &Path) -> Vec<String> {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(format).join("err");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&from).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == ending) {
            let plain = path
                .file_name()
                .unwrap()
                .to_string_lossy()
                .replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "_");
            let name = format!("err_{plain}");
            std::fs::copy(&path, drop.join(&name)).unwrap();
            names.push(name);
        }
    }
    assert!(names.len() >= 5, "only {} bad samples of {format}", names.len());
    names
}

fn write(drop: &Path, name: &str, pieces: impl IntoIterator<Item = Vec<u8>>) -> String {
    let mut file = std::io::BufWriter::new(std::fs::File::create(drop.join(name)).unwrap());
    pieces.into_iter().for_each(|piece| file.write_all(&piece).unwrap());
    file.flush().unwrap();
    name.to_owned()
}

fn nothing(drop: &Path, name: &str, bytes: u64) -> String {
    std::fs::File::create(drop.join(name)).unwrap().set_len(bytes).unwrap();
    name.to_owned()
}

const MIB: u64 = 1024 * 1024;

/// A file that is well, to see that the rest goes on.
fn good_file(drop: &Path, home: &Path) -> (String, u64) {
    use toek::generator::{ErrorMix, Plan, plan};
    let script = toek::partners::script::Script::load("seed = 1", "script").unwrap();
    let bank_days = toek::domain::calendar::BankDays::new(&[]);
    let day = jiff::civil::date(2026, 3, 2);
    let municipalities = vec![toek_formats::vocabulary::MunicipalityCode(751)];
    let plan_of =
        Plan { municipalities, immediate_per_mille: 0, errors: ErrorMix::none(), ..Plan::new(300, 9, day) };
    let is_bank_day = |day| bank_days.is_bank_day(day);
    let generator = plan(&plan_of, &script, &is_bank_day).unwrap();
    generator.write_all(&toek_adapters::disk::RealDisk, home).unwrap();
    let name = generator.files()[0].name.clone();
    std::fs::rename(home.join(&name), drop.join(&name)).unwrap();
    (name, 300)
}

fn transfers(dir: &Path) -> Vec<Value> {
    json_lines(dir, &["status", "--json"])[0]["transfers"].as_array().unwrap().clone()
}

fn found<'a>(transfers: &'a [Value], name: &str) -> &'a Value {
    let of_name: Vec<_> = transfers.iter().filter(|t| t["file"] == name).collect();
    assert_eq!(of_name.len(), 1, "{name} is known once");
    of_name[0]
}

#[test]
fn bad_payment_files_stay_alone() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("hub");
    installation(&dir);
    let drop = dir.join("endpoints/ksd/in");
    let mut bad = samples("g68", "g68", &drop);
    bad.push(nothing(&drop, "two_gigabytes_of_nothing.g68", 2_048 * MIB));
    bad.push(nothing(&drop, "eighty_megabytes_of_nothing.g68", 80 * MIB));
    bad.push(nothing(&drop, "empty.g68", 0));
    bad.push(write(&drop, "one_endless_line.g68", (0..80).map(|_| vec![b'7'; MIB as usize])));
    bad.push(write(&drop, "line_feeds.g68", (0..16).map(|_| vec![b'\n'; MIB as usize])));
    let (good, records) = good_file(&drop, &home.path().join("good"));
    let memory = run(&dir, "receive-payments");
    assert!(memory < MOST_MEMORY, "{} MiB resident", memory / MIB);
    let transfers = transfers(&dir);
    let well = found(&transfers, &good);
    assert_eq!((&well["state"], &well["records"]), (&Value::from("accepted"), &Value::from(records)));
    for name in &bad {
        told_of(&dir, found(&transfers, name), name);
    }
    assert!(drop.join("two_gigabytes_of_nothing.g68").exists(), "what is not read is left where it is");
    let verified = toek(&dir, &["verify"]).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

/// A bad file is set aside with its rule's code, or taken in with its bad records refused by name.
fn told_of(dir: &Path, transfer: &Value, name: &str) {
    match transfer["state"].as_str().unwrap() {
        "quarantined" => {
            let code = transfer["reason"].as_str().unwrap_or_default();
            assert!(
                code.contains('-') && !transfer["text"].as_str().unwrap().is_empty(),
                "{name}: {transfer}"
            );
        }
        "accepted" => {
            let records = json_lines(dir, &["trace", name, "--json"]);
            let refused = records.iter().filter(|record| record["outcome"] == "rejected");
            let with_code =
                refused.filter(|record| record["reason"].as_str().is_some_and(|r| r.contains('-')));
            assert!(with_code.count() > 0, "{name} was taken in as if nothing were wrong with it");
        }
        other => panic!("{name} is {other}"),
    }
}

#[test]
fn bad_answers_stay_alone() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("hub");
    installation(&dir);
    let drop = dir.join("endpoints/nemkonto/outbox");
    let mut bad = samples("nemkonto", "xml", &drop);
    let deep = |tag: &'static str| std::iter::repeat_n(tag.as_bytes().to_vec(), 10_000);
    bad.push(write(&drop, "ten_thousand_deep.xml", deep("<a>").chain(deep("</a>"))));
    bad.push(write(&drop, "entity_bomb.xml", [entity_bomb()]));
    bad.push(nothing(&drop, "two_gigabytes_of_nothing.xml", 2_048 * MIB));
    bad.push(nothing(&drop, "forty_megabytes_of_nothing.xml", 40 * MIB));
    bad.push(nothing(&drop, "empty.xml", 0));
    bad.push(write(
        &drop,
        "one_endless_tag.xml",
        std::iter::once(b"<".to_vec()).chain((0..40).map(|_| vec![b'a'; MIB as usize])),
    ));
    bad.push(write(&drop, "blanks.xml", (0..40).map(|_| vec![b' '; MIB as usize])));
    assert!(toek(&dir, &["--at", AT, "run", "receive-payments"]).output().unwrap().status.success());
    let before = json_lines(&dir, &["status", "--json"])[0]["outcomes"].clone();
    let memory = run(&dir, "receive-answers");
    assert!(memory < MOST_MEMORY, "{} MiB resident", memory / MIB);
    let transfers = transfers(&dir);
    for name in &bad {
        let transfer = found(&transfers, name);
        let state = transfer["state"].as_str().unwrap();
        assert!(matches!(state, "quarantined" | "unmatched"), "{name} is {state}");
        assert!(!transfer["text"].as_str().unwrap_or_default().is_empty(), "{name}: {transfer}");
    }
    let after = json_lines(&dir, &["status", "--json"])[0]["outcomes"].clone();
    assert_eq!(before, after, "no bad answer moved a payment");
    let verified = toek(&dir, &["verify"]).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

/// Ten entities, each ten times the one before.
fn entity_bomb() -> Vec<u8> {
    let mut text = "<?xml version=\"1.0\"?>\n<!DOCTYPE a [<!ENTITY e0 \"ha\">".to_owned();
    for n in 1..10 {
        text.push_str(&format!("<!ENTITY e{n} \"{}\">", format!("&e{};", n - 1).repeat(10)));
    }
    text.push_str("]>\n<a>&e9;</a>");
    text.into_bytes()
}
