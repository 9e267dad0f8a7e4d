//! `toek partner` and `toek replay` as a tester runs them.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use toek_adapters::disk::{Disk, RealDisk};

fn toek() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("toek"));
    command.env_remove("TOEK_DIR").env_remove("TOEK_CANARY").stdin(Stdio::null());
    command
}

/// `toek partner`, ended if a test gives up before it does.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill(); // gone already, if all went well
        let _ = self.0.wait();
    }
}

fn sftp(access: &Value, known_hosts: &str, dir: &Path, batch: &str) {
    RealDisk.write_atomically(&dir.join("batch"), batch.as_bytes()).unwrap();
    let (host, port) = access["address"].as_str().unwrap().rsplit_once(':').unwrap();
    let output = Command::new("sftp")
        .args(["-F", "none", "-b", "batch", "-P", port, "-i", access["key"].as_str().unwrap()])
        .args(["-o", &format!("UserKnownHostsFile={known_hosts}")])
        .arg(format!("{}@{host}", access["user"].as_str().unwrap()))
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()
        .expect("`sftp` is installed: apt-get install openssh-client");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn partners_run_until_they_are_told_to_stop_and_then_report() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("partners");
    let mut command = toek();
    command.args(["--json", "--at", "2026-01-28T10:00:00Z", "--dir"]).arg(&home).arg("partner");
    let mut running = Running(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut out = BufReader::new(running.0.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let started: Value = serde_json::from_str(&line).unwrap();
    let known_hosts = started["known_hosts"].as_str().unwrap();
    let access = |user: &str| {
        let all = started["access"].as_array().unwrap();
        all.iter().find(|access| access["user"] == user).unwrap().clone()
    };

    // A file recorded somewhere is played to a case system, which delivers it to the hub.
    let recorded = dir.path().join("recorded");
    RealDisk.create_dir_all(&recorded).unwrap();
    RealDisk.write_atomically(&recorded.join("a.g68"), b"bytes").unwrap();
    let score = "[[file]]\nname = \"a.g68\"\nto = \"0751\"\nafter = \"1h\"";
    RealDisk.write_atomically(&recorded.join("replay.toml"), score.as_bytes()).unwrap();
    let outgoing = home.join("case/KSD/outgoing");
    let replay = |more: &[&str]| {
        toek().arg("replay").arg(&recorded).arg("--to").arg(&outgoing).args(more).output().unwrap()
    };
    let planned = replay(&["--speed", "60", "--dry-run"]);
    let said = String::from_utf8(planned.stdout).unwrap();
    assert!(said.starts_with("1m ") && said.contains("outgoing/0751/a.g68"), "{said}");
    assert!(replay(&["--speed", "0"]).status.success());

    let case = access("KSD_SIMPELSFTP");
    let there = home.join("case-systems/users/KSD_SIMPELSFTP/0751/a.g68");
    for _ in 0..200 {
        if RealDisk.exists(&there).unwrap() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    sftp(&case, known_hosts, dir.path(), "get /0751/a.g68 fetched");
    assert_eq!(RealDisk.read(&dir.path().join("fetched")).unwrap(), b"bytes");

    let stopped = Command::new("kill").args(["-TERM", &running.0.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(running.0.wait().unwrap().success());
    let report: Value = serde_json::from_str(rest.trim()).unwrap();
    assert_eq!(report["case_systems"]["KSD"], 1);
    assert_eq!(report["servers"]["case-systems"]["downloads"], 1);
}

#[test]
fn a_script_with_a_mistake_is_told_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("bad.toml");
    RealDisk.write_atomically(&script, b"[hub]\nuser = \"H\"\n[[fault]]\nkind = \"slow\"").unwrap();
    let output = toek()
        .arg("--dir")
        .arg(dir.path().join("p"))
        .args(["partner", "--script"])
        .arg(&script)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("bad.toml:4:8: `rate` goes with slow"), "{said}");
}

#[test]
fn replay_never_overwrites_and_knows_an_installations_endpoints() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    RealDisk.create_dir_all(&from).unwrap();
    RealDisk.create_dir_all(&to).unwrap();
    for name in ["a", "b"] {
        RealDisk.write_atomically(&from.join(name), b"new").unwrap();
    }
    RealDisk.write_atomically(&to.join("a"), b"old").unwrap();
    let output = toek().arg("replay").arg(&from).arg("--to").arg(&to).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "one could not be played");
    assert_eq!(RealDisk.read(&to.join("a")).unwrap(), b"old");
    assert_eq!(RealDisk.read(&to.join("b")).unwrap(), b"new");
    let output = toek().arg("--dir").arg(&to).arg("replay").arg(&from).args(["--endpoint", "ksd"]).output();
    assert!(String::from_utf8(output.unwrap().stderr).unwrap().contains("is no installation"));
}
