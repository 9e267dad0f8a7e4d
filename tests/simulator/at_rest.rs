//! G7, G10 and G11: what earlier builds left, and bytes that change while nobody looks. The built binary opens it, as a
//! person would.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use rusqlite::Connection;
use rusqlite::types::Value;
use toek::store::seal::UNSEALED;
use toek::store::{Store, verify};

use crate::campaigns::{Found, Size};
use crate::chance::Chance;
use crate::package::{files, unpack};
use crate::promises::Promise;

fn fixtures(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// Runs the binary on an installation; what it said where it failed.
fn toek(dir: &Path, arguments: &[&str]) -> Result<(), String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_toek"));
    command.arg("--quiet").arg("--dir").arg(dir).args(arguments).env_remove("TOEK_DIR").stdin(Stdio::null());
    let output = command.output().map_err(|e| e.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(()) } else { Err(format!("{arguments:?}: {said}")) }
}

/// An installation of the fixtures, with the folders that packing leaves out.
fn installation(packed: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    unpack(packed, dir.path());
    for folder in
        ["ksd/in", "nemkonto/inbox", "nemkonto/outbox", "serviceplatformen/IN", "serviceplatformen/OUT"]
    {
        std::fs::create_dir_all(dir.path().join("endpoints").join(folder)).unwrap();
    }
    std::fs::create_dir_all(dir.path().join("archive")).unwrap();
    dir
}

pub(crate) fn campaign(size: &Size, found: &Mutex<Found>) {
    let mut found = found.lock().unwrap();
    golden(&mut found);
    releases(&mut found);
    flips(size.flips, &mut found);
}

/// What an earlier build numbered is sent with the bytes that it had then.
fn golden(found: &mut Found) {
    let hub = installation(&fixtures("golden/installation.bin"));
    let sent = toek(hub.path(), &["--at", "2026-03-05T10:00:00Z", "run", "send-bundles"])
        .and_then(|()| toek(hub.path(), &["--at", "2026-03-09T08:00:00Z", "run", "send-vouchers"]));
    if let Err(said) = sent {
        found.table.broken(Promise::G7, said);
    }
    for (name, expected) in files(&fixtures("golden/expected")) {
        found.table.tried(Promise::G7, 1);
        let places = ["nemkonto/inbox", "serviceplatformen/OUT"];
        let paths = places.map(|place| hub.path().join("endpoints").join(place).join(&name));
        let bytes = paths.iter().find_map(|path| std::fs::read(path).ok());
        if bytes.as_ref() != Some(&expected) {
            found.table.broken(Promise::G7, format!("{} is not what it was", name.display()));
        }
    }
}

/// A store of each earlier release opens, and its work goes on.
fn releases(found: &mut Found) {
    let kept = files(&fixtures("stores")).into_iter().map(|(path, _)| path);
    for name in kept.filter(|path| path.extension().is_some_and(|ending| ending == "bin")) {
        found.table.tried(Promise::G11, 1);
        let hub = installation(&fixtures("stores").join(&name));
        let later = "2026-03-04T15:00:00Z";
        let _ = toek(hub.path(), &["--at", later, "run", "receive-payments"]); // tests/releases.rs looks at what it says
        let opened = toek(hub.path(), &["--at", later, "run", "receive-answers"])
            .and_then(|()| toek(hub.path(), &["verify"]))
            .and_then(|()| toek(hub.path(), &["status"]));
        if let Err(said) = opened {
            found.table.broken(Promise::G11, format!("{}: {said}", name.display()));
        }
    }
}

type Answers = BTreeMap<String, Vec<Vec<Value>>>;

/// Everything in a store that an answer may come from; none where it cannot be read.
fn answers(path: &Path) -> Option<Answers> {
    let store = Connection::open(path).ok()?;
    let mut names =
        store.prepare("select name from sqlite_schema where type = 'table' order by name").ok()?;
    let names: Vec<String> = names.query_map([], |row| row.get(0)).ok()?.collect::<Result<_, _>>().ok()?;
    let is_sealed = |name: &String| !UNSEALED.iter().any(|(unsealed, _)| unsealed == name);
    let mut all = Answers::new();
    for table in names.into_iter().filter(is_sealed) {
        let mut rows = store.prepare(&format!("select * from \"{table}\"")).ok()?;
        let width = rows.column_count();
        let read = |row: &rusqlite::Row<'_>| (0..width).map(|place| row.get(place)).collect();
        let rows = rows.query_map([], read).ok()?.collect::<Result<_, _>>().ok()?;
        all.insert(table, rows);
    }
    Some(all)
}

/// Whether the store says that something is wrong with it.
fn is_noticed(path: &Path) -> bool {
    let Ok(store) = Store::open_to_read(path) else { return true };
    let Ok(checks) = store.read(verify::all) else { return true };
    checks.iter().any(|check| !check.broken.is_empty())
}

/// Bits of the store turned, one at a time.
fn flips(count: u64, found: &mut Found) {
    let hub = installation(&fixtures("golden/installation.bin"));
    let path = hub.path().join("store/toek.db");
    drop(Store::open_inline(&path).unwrap());
    let bytes = std::fs::read(&path).unwrap();
    let before = answers(&path);
    if is_noticed(&path) {
        found.table.broken(Promise::G10, "`verify` complains of what nobody changed".to_owned());
    }
    let mut chance = Chance::of(3, 3);
    for _ in 0..count {
        let mut changed = bytes.clone();
        let bit = chance.below(changed.len() as u64 * 8);
        changed[(bit / 8) as usize] ^= 1 << (bit % 8);
        std::fs::write(&path, changed).unwrap();
        found.table.tried(Promise::G10, 1);
        if answers(&path) != before && !is_noticed(&path) {
            found.table.broken(Promise::G10, format!("bit {bit} of the store was turned unseen"));
        }
    }
}
