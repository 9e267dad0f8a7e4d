//! An installation of its own for a case, driven by the built binary as a person would; and files to drop into it.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    dead_code,
    reason = "a test stops at the first surprise and makes files as a person would; not every case needs every tool"
)]

pub(crate) mod clerk;
pub(crate) mod package;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use toek::config::{ClockKind, default_files};
use toek::generator::{ErrorMix, Plan, plan};
use toek_formats::vocabulary::MunicipalityCode;

pub(crate) const MONDAY: &str = "2026-03-02T07:00:00Z";
pub(crate) const NAME: &str = "delivery.g68";

pub(crate) struct Hub {
    home: tempfile::TempDir,
    pub(crate) dir: PathBuf,
}

impl Hub {
    /// An installation of a few municipalities, where nothing has happened yet.
    pub(crate) fn new() -> Hub {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("hub");
        for (path, content) in default_files(&[461, 630, 751].map(MunicipalityCode), ClockKind::Simulated) {
            let path = dir.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, content).unwrap();
        }
        make_folders(&dir);
        Hub { home, dir }
    }

    /// An installation as it was packed into a file.
    pub(crate) fn unpacked(file: &Path) -> Hub {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("hub");
        package::unpack(file, &dir);
        make_folders(&dir);
        Hub { home, dir }
    }

    /// Beside the installation.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_toek"));
        command.arg("--quiet").arg("--dir").arg(&self.dir).args(arguments);
        command.env_remove("TOEK_CANARY").env_remove("TOEK_DIR").stdin(Stdio::null());
        command
    }

    pub(crate) fn toek(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a pipeline at an instant and gives what it printed.
    #[track_caller]
    pub(crate) fn run(&self, pipeline: &str, at: &str) -> String {
        let output = self.toek(&["--at", at, "run", pipeline]);
        assert!(output.status.success(), "{}", said(&output));
        said(&output)
    }

    /// The same where something is to go wrong.
    #[track_caller]
    pub(crate) fn run_with_failures(&self, pipeline: &str, at: &str) -> String {
        let output = self.toek(&["--at", at, "run", pipeline]);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        said(&output)
    }

    pub(crate) fn status(&self) -> Value {
        let output = self.toek(&["status", "--json"]);
        assert!(output.status.success(), "{}", said(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn listed(&self, what: &str) -> Vec<Value> {
        self.status()[what].as_array().unwrap().clone()
    }

    /// The transfers of a name, oldest first.
    pub(crate) fn transfers(&self, name: &str) -> Vec<Value> {
        self.listed("transfers").into_iter().filter(|t| t["file"] == name).collect()
    }

    /// Their states.
    pub(crate) fn states(&self, name: &str) -> Vec<String> {
        self.transfers(name).iter().map(|t| text(&t["state"])).collect()
    }

    /// The number of the newest transfer of a name.
    pub(crate) fn number(&self, name: &str) -> String {
        self.transfers(name).last().unwrap()["transfer"].to_string()
    }

    /// Each bundle as "reference day payments state".
    pub(crate) fn bundles(&self) -> Vec<String> {
        let line = |b: &Value| {
            format!("{} {} {} {}", text(&b["group_id"]), text(&b["day"]), b["payments"], text(&b["state"]))
        };
        self.listed("bundles").iter().map(line).collect()
    }

    /// Each open task as "kind: subject".
    pub(crate) fn tasks(&self) -> Vec<String> {
        let line = |t: &Value| format!("{}: {}", text(&t["kind"]), text(&t["subject"]));
        self.listed("tasks").iter().map(line).collect()
    }

    /// A payment's state, as `trace` gives it.
    pub(crate) fn state_of(&self, payment: &str) -> String {
        let output = self.toek(&["trace", payment, "--json"]);
        assert!(output.status.success(), "{}", said(&output));
        let story: Value = serde_json::from_slice(&output.stdout).unwrap();
        text(&story["state"])
    }

    /// Every record of a file, as `trace` gives them.
    pub(crate) fn records(&self, name: &str) -> Vec<Value> {
        let output = self.toek(&["trace", name, "--json"]);
        assert!(output.status.success(), "{}", said(&output));
        output.stdout.split(|b| *b == b'\n').filter(|line| !line.is_empty()).map(json).collect()
    }

    pub(crate) fn drop(&self) -> PathBuf {
        self.dir.join("endpoints/ksd/in")
    }

    pub(crate) fn inbox(&self) -> PathBuf {
        self.dir.join("endpoints/nemkonto/inbox")
    }

    pub(crate) fn outbox(&self) -> PathBuf {
        self.dir.join("endpoints/nemkonto/outbox")
    }

    /// The names that NemKonto sees in its inbox.
    pub(crate) fn delivered(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.inbox()).unwrap().map(|entry| entry.unwrap());
        let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
        let names = files.map(|entry| entry.file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| !name.starts_with('.')).collect();
        names.sort();
        names
    }

    /// Changes a file of the installation.
    #[track_caller]
    pub(crate) fn change(&self, file: &str, from: &str, to: &str) {
        let path = self.dir.join(file);
        let before = std::fs::read_to_string(&path).unwrap();
        assert!(before.contains(from), "{file}: {from}");
        std::fs::write(&path, before.replace(from, to)).unwrap();
    }

    /// Sets a parameter for everybody.
    pub(crate) fn set(&self, parameter: &str) {
        let path = self.dir.join("parameters.toml");
        let before = std::fs::read_to_string(&path).unwrap();
        let row = format!("{before}\n[[central]]\nvalid_from = 2020-01-01\n{parameter}\n");
        std::fs::write(&path, row).unwrap();
    }

    /// The store, to make it what a crash would have left, or to look at what no command shows.
    pub(crate) fn sql(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.dir.join("store/toek.db")).unwrap()
    }

    /// Changes rows to what a crash, or other payments, would have left, and makes their seals anew.
    pub(crate) fn rewrite(&self, sql: &str) {
        let store = self.sql();
        store.execute_batch(sql).unwrap();
        let anew = "delete from seal where name <> 'version';
            update seal set sum = x'0000000000000000' where name = 'version'";
        store.execute_batch(anew).unwrap();
        drop(store);
        drop(toek::store::Store::open_inline(&self.dir.join("store/toek.db")).unwrap());
    }

    #[track_caller]
    pub(crate) fn clean(&self) {
        let verified = self.toek(&["verify"]);
        assert!(verified.status.success(), "{}", said(&verified));
    }
}

fn make_folders(dir: &Path) {
    for folder in
        ["ksd/in", "nemkonto/inbox", "nemkonto/outbox", "serviceplatformen/IN", "serviceplatformen/OUT"]
    {
        std::fs::create_dir_all(dir.join("endpoints").join(folder)).unwrap();
    }
}

/// Something in the way of one file: a folder stands where it should be written.
pub(crate) struct Obstacle(PathBuf);

impl Obstacle {
    pub(crate) fn at(path: PathBuf) -> Obstacle {
        std::fs::create_dir_all(&path).unwrap();
        Obstacle(path)
    }

    pub(crate) fn clear(self) {
        std::fs::remove_dir(self.0).unwrap();
    }
}

fn json(line: &[u8]) -> Value {
    serde_json::from_slice(line).unwrap()
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// All that a command printed.
pub(crate) fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A file of payments to be made. Another seed gives other payments in as many bytes.
pub(crate) struct Delivery {
    pub(crate) seed: u64,
    pub(crate) municipality: u16,
    pub(crate) payments: u64,
    /// Whether they are to be paid at once; else in four bank days, on Friday.
    pub(crate) immediate: bool,
}

impl Delivery {
    pub(crate) fn new(seed: u64) -> Delivery {
        Delivery { seed, municipality: 751, payments: 10, immediate: false }
    }

    /// Delivered on [`MONDAY`].
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let script = toek::partners::script::Script::load("seed = 1", "script").unwrap();
        let bank_days = toek::domain::calendar::BankDays::new(&[]);
        let plan_of = Plan {
            municipalities: vec![MunicipalityCode(self.municipality)],
            immediate_per_mille: if self.immediate { 1_000 } else { 0 },
            bank_days_ahead: vec![4],
            errors: ErrorMix::none(),
            ..Plan::new(self.payments, self.seed, jiff::civil::date(2026, 3, 2))
        };
        let is_bank_day = |day| bank_days.is_bank_day(day);
        let generator = plan(&plan_of, &script, &is_bank_day).unwrap();
        let mut bytes = Vec::new();
        generator.write_file(generator.files()[0], &mut bytes, &mut std::io::sink()).unwrap();
        bytes
    }
}

/// A file of ten payments.
pub(crate) fn file(seed: u64) -> Vec<u8> {
    Delivery::new(seed).bytes()
}

pub(crate) fn put(path: &Path, bytes: &[u8], seconds: u64) {
    std::fs::write(path, bytes).unwrap();
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    std::fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}
