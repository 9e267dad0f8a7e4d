//! `toek init` and `toek check` as a person runs them: what the one writes the other finds right, and every mistake of
//! a table is pointed at.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and spoils files as a person would"
)]

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

fn toek() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("toek"));
    command.env_remove("TOEK_DIR").env_remove("TOEK_CANARY").stdin(Stdio::null());
    command
}

/// What a run gave.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn run(dir: &Path, arguments: &[&str]) -> Ran {
    let output = toek().current_dir(dir).args(arguments).output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Ran {
    /// The mistakes and the summary of `check --json`.
    fn told(&self) -> (Vec<Value>, Value) {
        let lines = self.out.lines().map(|line| serde_json::from_str(line).unwrap());
        let mut lines: Vec<Value> = lines.collect();
        let last = lines.pop().unwrap_or_else(|| panic!("{}", self.err));
        (lines, last["summary"].clone())
    }
}

/// A folder, and in it an installation `hub` for two municipalities, with a key.
fn installed(more: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let made = run(dir.path(), &[&["init", "hub", "--municipalities", "0751,0101"], more].concat());
    assert_eq!(made.code, 0, "{}", made.err);
    dir
}

fn change(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{}: {from}", file.display());
    std::fs::write(file, text.replacen(from, to, 1)).unwrap();
}

/// Every file below, with its text, in order.
fn tree(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(tree(&path)),
            false => found.push((path.clone(), std::fs::read(&path).unwrap())),
        }
    }
    found.sort();
    found
}

#[test]
fn what_is_made_is_right() {
    for more in
        [&[][..], &["--ssh-key"], &["--simulated", "--at", "2026-01-28T07:00:00Z"], &["--id", "hub-2"]]
    {
        let dir = installed(more);
        let checked = run(dir.path(), &["check", "hub", "--connect"]);
        assert_eq!((checked.code, checked.err.as_str()), (0, ""), "{more:?}: {}", checked.out);
        assert!(checked.out.ends_with("hub: nothing is wrong\n"), "{}", checked.out);
        let (mistakes, summary) = run(dir.path(), &["check", "hub", "--json"]).told();
        assert_eq!((mistakes.len(), &summary["ok"]), (0, &Value::Bool(true)));
        assert_eq!(summary["endpoints"].as_array().unwrap().len(), 3);
        let ran = run(dir.path(), &["-C", "hub", "run", "receive-payments"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert_eq!(run(dir.path(), &["check", "hub"]).code, 0, "the key of the archive is its owner's alone");
    }
}

#[test]
fn all_municipalities_unless_some_are_named() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(run(dir.path(), &["--dir", "hub", "init"]).code, 0);
    let text = std::fs::read_to_string(dir.path().join("hub/municipalities.toml")).unwrap();
    assert_eq!(text.matches("[[municipality]]").count(), 98);
    for wrong in ["0999", "101", "0101,,0751", ""] {
        let ran = run(dir.path(), &["init", "other", "--municipalities", wrong]);
        assert_eq!(ran.code, 2, "{wrong}");
        assert!(!dir.path().join("other").exists());
    }
}

#[test]
fn a_dry_run_tells_what_is_then_done() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["init", "hub", "--municipalities", "0101", "--ssh-key", "--json"];
    let planned = run(dir.path(), &[&arguments[..], &["--dry-run"]].concat());
    assert!(!dir.path().join("hub").exists());
    let done = run(dir.path(), &arguments);
    let value = |ran: &Ran| serde_json::from_str::<Value>(&ran.out).unwrap();
    let (planned, done) = (value(&planned), value(&done));
    for key in ["files", "folders", "kept", "ssh_key"] {
        assert_eq!(planned[key], done[key], "{key}");
    }
    for path in done["files"].as_array().unwrap().iter().chain(done["folders"].as_array().unwrap()) {
        assert!(dir.path().join("hub").join(path.as_str().unwrap()).exists(), "{path}");
    }
    let public = std::fs::read_to_string(dir.path().join("hub/keys/sftp.pub")).unwrap();
    assert_eq!(done["public_key"], public.trim());
    assert!(planned["public_key"].is_null());
    let key = dir.path().join("hub/keys/sftp.key");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let judged = Command::new("ssh-keygen").arg("-y").arg("-f").arg(&key).output();
    let judged = judged.expect("`ssh-keygen` is installed: apt-get install openssh-client");
    assert_eq!(String::from_utf8(judged.stdout).unwrap(), public, "OpenSSH reads the key");
}

#[test]
fn what_is_there_is_never_changed() {
    let dir = installed(&["--ssh-key"]);
    let before = tree(&dir.path().join("hub"));
    let again = run(dir.path(), &["init", "hub"]);
    assert_eq!(again.code, 1);
    assert!(again.err.contains("is an installation already"), "{}", again.err);
    std::fs::create_dir(dir.path().join("full")).unwrap();
    std::fs::write(dir.path().join("full/thesis.doc"), "years").unwrap();
    let full = run(dir.path(), &["init", "full"]);
    assert!(full.code == 1 && full.err.contains("holds something else, thesis.doc"), "{}", full.err);
    assert_eq!(tree(&dir.path().join("full")).len(), 1);

    // Completing what is complete changes nothing; what is missing comes back as it was.
    assert_eq!(run(dir.path(), &["init", "hub", "--missing", "--ssh-key"]).code, 0);
    assert_eq!(tree(&dir.path().join("hub")), before);
    for gone in ["parameters.toml", "schedules/send-bundles.toml", "toek.toml"] {
        std::fs::remove_file(dir.path().join("hub").join(gone)).unwrap();
    }
    std::fs::remove_dir_all(dir.path().join("hub/endpoints/ksd")).unwrap();
    std::fs::write(dir.path().join("hub/note.txt"), "mine").unwrap();
    let completed = run(dir.path(), &["init", "hub", "--missing", "--json"]);
    let completed: Value = serde_json::from_str(&completed.out).unwrap();
    assert_eq!(completed["files"].as_array().unwrap().len(), 3, "{completed}");
    assert_eq!(completed["folders"], serde_json::json!(["endpoints/ksd/in"]));
    std::fs::remove_file(dir.path().join("hub/note.txt")).unwrap();
    assert_eq!(tree(&dir.path().join("hub")), before);
}

#[test]
fn only_what_the_main_file_asks_for_is_completed() {
    let dir = installed(&[]);
    let hub = dir.path().join("hub");
    change(&hub.join("toek.toml"), "    \"schedules/send-vouchers.toml\",\n", "");
    for gone in ["accounts.toml", "schedules/send-vouchers.toml"] {
        std::fs::remove_file(hub.join(gone)).unwrap();
    }
    assert_eq!(run(dir.path(), &["init", "hub", "--missing"]).code, 0);
    assert!(!hub.join("accounts.toml").exists() && !hub.join("schedules/send-vouchers.toml").exists());
    assert_eq!(run(dir.path(), &["check", "hub"]).code, 0);
}

/// `toek.toml` comes last: without it, what a cut-off beginning left is gone on with, if it is the same beginning.
#[test]
fn a_beginning_that_was_cut_off_is_gone_on_with() {
    let dir = installed(&["--ssh-key"]);
    let hub = dir.path().join("hub");
    let whole = tree(&hub);
    for gone in ["toek.toml", "municipalities.toml"] {
        std::fs::remove_file(hub.join(gone)).unwrap();
    }
    std::fs::write(hub.join(".municipalities.toml.part"), "[[munici").unwrap();
    let again = ["init", "hub", "--municipalities", "0101,0751", "--ssh-key"];
    assert_eq!(run(dir.path(), &again).code, 0);
    assert_eq!(tree(&hub), whole, "the key too");
    std::fs::remove_file(hub.join("toek.toml")).unwrap();
    let other = run(dir.path(), &["init", "hub", "--municipalities", "0101"]);
    assert!(other.code == 1 && other.err.contains("municipalities.toml is there already"), "{}", other.err);
    assert!(!hub.join("toek.toml").exists());
}

#[test]
fn nothing_is_written_that_would_not_load() {
    let dir = installed(&[]);
    let hub = dir.path().join("hub");
    change(&hub.join("benefits.toml"), "code = \"0101\"", "code = \"101\"");
    std::fs::remove_file(hub.join("parameters.toml")).unwrap();
    let ran = run(dir.path(), &["init", "hub", "--missing"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.out.contains("hub/benefits.toml:31:8") && ran.err.contains("nothing was written"),
        "{}",
        ran.err
    );
    assert!(!hub.join("parameters.toml").exists());
    let named = run(dir.path(), &["init", "other", "--id", "Not A Name"]);
    assert!(named.code == 1 && named.out.contains("`installation.id` must be a name"), "{}", named.out);
    assert!(!dir.path().join("other").exists());
    let early = run(dir.path(), &["--at", "2026-01-28T07:00:00Z", "init", "other"]);
    assert!(early.code == 1 && early.err.contains("add --simulated"), "{}", early.err);
}

/// File, what stands there, what is put in its place, where the mistake is, and how its rule begins.
const MISTAKES: &[(&str, &str, &str, &str, &str)] = &[
    ("toek.toml", "clock = \"real\"", "clock = \"sundial\"", "8:9", "must be \"real\" or \"simulated\""),
    ("toek.toml", "id = \"toek\"", "id = \"toek", "6:11", "invalid basic string"),
    ("toek.toml", "id = \"toek\"", "name = \"toek\"", "6:1", "is no key here; the keys are"),
    ("toek.toml", "5798009999009", "5798009999008", "30:16", "must be a location number"),
    (
        "toek.toml",
        "amount_form = \"decimal2\"",
        "amount_form = \"decimal3\"",
        "35:15",
        "must be \"decimal2\" or \"implied3\"",
    ),
    ("toek.toml", "out = \"inbox\"", "out = \"outbox\"", "61:7", "must not be the folder of `in`"),
    ("toek.toml", "kind = \"folder\"", "kind = \"ftp\"", "49:8", "must be \"folder\" or \"sftp\""),
    ("toek.toml", "data_transfers = 8", "data_transfers = 0", "107:18", "must be a whole number from 1 on"),
    ("toek.toml", "clock_jump = \"5m\"", "clock_jump = 5", "109:14", "must be a length of time"),
    (
        "municipalities.toml",
        "code = \"0101\"",
        "code = \"0102\"",
        "14:8",
        "must be the code of one of the 98",
    ),
    ("municipalities.toml", "9999 0000000101", "9999 00000001010", "22:8", "must be an account"),
    ("municipalities.toml", "9999 0000000751", "9999 0000000101", "45:8", "stands already in line 22"),
    (
        "municipalities.toml",
        "name = \"main\"",
        "name = \"spare\"",
        "13:1",
        "has no \"main\", from which benefits.toml",
    ),
    ("benefits.toml", "code = \"0101\"", "code = \"101\"", "31:8", "must be"),
    (
        "schedules/receive-payments.toml",
        "kind = \"receive",
        "kind = \"recieve",
        "3:8",
        "must be \"receive-payments\"",
    ),
    (
        "schedules/receive-payments.toml",
        "endpoint = \"ksd\"",
        "endpoint = \"ky\"",
        "10:12",
        "must be an endpoint of",
    ),
    ("schedules/receive-payments.toml", "max_records = 99999", "max_lines = 1", "22:1", "is no key here"),
    ("schedules/send-bundles.toml", "0 0 13", "0 0 12", "8:8", "must run at 13:00 on every bank day"),
    ("schedules/receive-answers.toml", "pattern = \"*.xml\"", "pattern = 7", "12:11", "must be"),
];

#[test]
fn every_mistake_is_pointed_at() {
    let dir = installed(&[]);
    let hub = dir.path().join("hub");
    for (file, from, to, place, rule) in MISTAKES {
        let path = hub.join(file);
        let before = std::fs::read(&path).unwrap();
        change(&path, from, to);
        let (mistakes, summary) = run(dir.path(), &["check", "hub", "--json"]).told();
        let is_it = |found: &&Value| {
            found["file"] == format!("hub/{file}")
                && format!("{}:{}", found["line"], found["column"]) == *place
                && found["rule"].as_str().unwrap().starts_with(rule)
        };
        assert!(mistakes.iter().any(|found| is_it(&found)), "{file}: {to}: {mistakes:#?}");
        assert_eq!((&summary["ok"], &summary["mistakes"]), (&false.into(), &mistakes.len().into()));

        let drawn = run(dir.path(), &["check", "hub"]);
        assert_eq!(drawn.code, 1, "{file}: {to}");
        assert!(!drawn.out.contains('\u{1b}'), "no colours where nobody looks");
        let (line, column) = place.split_once(':').unwrap();
        let (line, column): (usize, usize) = (line.parse().unwrap(), column.parse().unwrap());
        let under = drawn.out.split(&format!("--> hub/{file}:{place}\n")).nth(1).unwrap();
        let mut under = under.lines();
        let (source, carets) = (under.next().unwrap(), under.next().unwrap());
        let gutter = format!("{line} | ").len();
        assert!(source.starts_with(&format!("{line} | ")), "{source}");
        assert_eq!(carets.find('^'), Some(gutter + column - 1), "{}", drawn.out);
        assert!(!drawn.out.contains("0000000101") && !drawn.out.contains("0000000751"), "{}", drawn.out);
        std::fs::write(&path, before).unwrap();
    }
    assert_eq!(run(dir.path(), &["check", "hub"]).code, 0, "each was put right again");
}

#[test]
fn mistakes_of_all_files_are_told_together() {
    let dir = installed(&[]);
    let hub = dir.path().join("hub");
    change(&hub.join("toek.toml"), "clock = \"real\"", "clock = 7");
    change(&hub.join("accounts.toml"), "[voucher_types]", "[voucher_kinds]");
    change(&hub.join("schedules/send-vouchers.toml"), "folder = ", "foldr = ");
    std::fs::remove_file(hub.join("benefits.toml")).unwrap();
    let (mistakes, _) = run(dir.path(), &["check", "hub", "--json"]).told();
    let files: Vec<_> = mistakes.iter().map(|mistake| mistake["file"].as_str().unwrap()).collect();
    for file in ["toek.toml", "benefits.toml", "schedules/send-vouchers.toml", "accounts.toml"] {
        assert!(files.contains(&format!("hub/{file}").as_str()), "{file}: {files:?}");
    }
    let elsewhere = run(dir.path(), &["check", "nowhere"]);
    assert!(elsewhere.code == 1 && elsewhere.err.contains("is no installation"), "{}", elsewhere.err);
}

/// A server that nobody is at: the port of one that was closed again.
const NOBODY: &str = "kind = \"sftp\"\nhost = \"127.0.0.1\"\nport = 1\nuser = \"HUB\"\nkey = \"keys/sftp.key\"\n\
    host_keys = [\"PUBLIC\"]\npath = \"/\"";

/// The installation with its first endpoint at a server, whose key is our own.
fn at_a_server() -> tempfile::TempDir {
    let dir = installed(&["--ssh-key"]);
    let hub = dir.path().join("hub");
    let public = std::fs::read_to_string(hub.join("keys/sftp.pub")).unwrap();
    let public = public.trim().rsplit_once(' ').unwrap().0;
    let there = NOBODY.replace("PUBLIC", public);
    change(&hub.join("toek.toml"), "kind = \"folder\"\npath = \"endpoints/ksd\"", &there);
    dir
}

/// The only mistake there is: its code, place and rule.
fn only(dir: &Path, more: &[&str]) -> (String, String, String) {
    let (mistakes, _) = run(dir, &[&["check", "hub", "--json"], more].concat()).told();
    assert_eq!(mistakes.len(), 1, "{mistakes:#?}");
    let found = &mistakes[0];
    let text = |key: &str| found[key].as_str().unwrap().to_owned();
    (text("code"), format!("{}:{}", found["line"], found["column"]), text("rule"))
}

#[test]
fn what_only_disk_and_wire_can_tell() {
    let dir = at_a_server();
    let (hub, key) = (dir.path().join("hub"), dir.path().join("hub/keys/sftp.key"));
    assert_eq!(run(dir.path(), &["check", "hub"]).code, 0);

    let (code, place, rule) = only(dir.path(), &["--connect", "--timeout", "10"]);
    assert_eq!((code.as_str(), place.as_str()), ("server", "50:8"));
    assert!(rule.contains("could not connect to `127.0.0.1:1`"), "{rule}");

    let mode = |mode| std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o640);
    let (code, place, rule) = only(dir.path(), &["--connect"]);
    assert_eq!((code.as_str(), place.as_str()), ("disk", "53:7"));
    assert!(rule.contains("owner's alone"), "{rule}");
    mode(0o600);

    let right = std::fs::read(&key).unwrap();
    std::fs::write(&key, &right[..100]).unwrap();
    assert!(only(dir.path(), &[]).2.contains("private key without a passphrase"));
    std::fs::remove_file(&key).unwrap();
    assert!(only(dir.path(), &[]).2.contains("cannot be read"));
    std::fs::write(&key, &right).unwrap();
    mode(0o600);

    change(&hub.join("toek.toml"), "ssh-ed25519 AAAAC3", "ssh-ed25519 BAAAC3");
    let (code, place, rule) = only(dir.path(), &[]);
    assert_eq!((code.as_str(), place.as_str()), ("disk", "54:14"));
    assert!(rule.contains("server's public key"), "{rule}");
    change(&hub.join("toek.toml"), "ssh-ed25519 BAAAC3", "ssh-ed25519 AAAAC3");

    std::fs::remove_dir(hub.join("endpoints/nemkonto/outbox")).unwrap();
    let (code, place, rule) = only(dir.path(), &[]);
    assert_eq!((code.as_str(), place.as_str()), ("disk", "65:6"));
    assert!(rule.contains("endpoints/nemkonto/outbox, which is no folder"), "{rule}");
    assert_eq!(run(dir.path(), &["init", "hub", "--missing"]).code, 0);
    assert_eq!(run(dir.path(), &["check", "hub"]).code, 0);

    std::fs::write(hub.join("keys/installation.key"), "short").unwrap();
    assert!(only(dir.path(), &[]).2.contains("32 bytes"));
}

/// `toek partner`, ended if a test gives up before it does.
struct Partners(Child);

impl Drop for Partners {
    fn drop(&mut self) {
        let _ = self.0.kill(); // gone already, if all went well
        let _ = self.0.wait();
    }
}

impl Partners {
    fn start(dir: &Path) -> Partners {
        let mut command = toek();
        command.current_dir(dir).args(["--json", "--dir", "partners", "partner"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("known_hosts"), "{line}");
        Partners(child)
    }
}

#[test]
fn a_hub_and_its_counterparties_in_two_commands() {
    let dir = tempfile::tempdir().unwrap();
    let alone = run(dir.path(), &["init", "hub", "--from-partner", "partners"]);
    assert!(alone.code == 1 && alone.err.contains("start the counterparties first"), "{}", alone.err);
    let partners = Partners::start(dir.path());
    assert_eq!(run(dir.path(), &["init", "hub", "--from-partner", "partners"]).code, 0);
    let check = || run(dir.path(), &["check", "hub", "--connect", "--json"]).told();
    let (mistakes, summary) = check();
    assert_eq!(mistakes.len(), 0, "{mistakes:#?}");
    let endpoints = summary["endpoints"].as_array().unwrap();
    assert!(endpoints.iter().all(|endpoint| endpoint["files"] == 0), "{endpoints:?}");
    assert_eq!(endpoints[0]["folders"], 98);

    let made = run(
        dir.path(),
        &[
            "generate",
            "g68",
            "--records",
            "3",
            "--municipalities",
            "751",
            "--errors",
            "none",
            "--output",
            "made",
        ],
    );
    assert_eq!(made.code, 0, "{}", made.err);
    let file =
        tree(&dir.path().join("made")).into_iter().find(|(path, _)| path.extension().unwrap() == "g68");
    let (path, bytes) = file.unwrap();
    let there = dir.path().join("partners/case-systems/users/KSD_SIMPELSFTP/0751");
    std::fs::write(there.join(path.file_name().unwrap()), bytes).unwrap();
    assert_eq!(check().1["endpoints"][0]["files"], 1);
    let ran = run(dir.path(), &["-C", "hub", "run", "receive-payments"]);
    assert!(ran.code == 0 && ran.out.contains("3 records"), "{}{}", ran.out, ran.err);

    // They come back where they were; a folder that is gone there is told of, and no other endpoint suffers.
    drop(partners);
    assert_eq!(check().0.len(), 3);
    let _partners = Partners::start(dir.path());
    std::fs::remove_dir(dir.path().join("partners/nemkonto/user/outbox")).unwrap();
    let (mistakes, summary) = check();
    assert_eq!(mistakes.len(), 1, "{mistakes:#?}");
    assert!(mistakes[0]["rule"].as_str().unwrap().contains("could not list `/outbox`"), "{mistakes:#?}");
    let ok: Vec<_> =
        summary["endpoints"].as_array().unwrap().iter().map(|endpoint| &endpoint["ok"]).collect();
    assert_eq!(ok, [true, false, true]);
}
