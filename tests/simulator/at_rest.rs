//! G7, G10 and G11: what earlier builds left, and bytes that change while nobody looks. The built binary opens it, as a
//! person would.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
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

/// One bit turned, or one value changed by another hand than the hub's, at a time.
fn flips(count: u64, found: &mut Found) {
    let hub = installation(&fixtures("golden/installation.bin"));
    let path = hub.path().join("store/toek.db");
    if let Err(error) = Store::open_inline(&path) {
        found.table.broken(Promise::G11, format!("the golden store: {error}"));
        return;
    }
    let bytes = std::fs::read(&path).unwrap();
    let Some(before) = answers(&path) else { return };
    if is_noticed(&path) {
        found.table.broken(Promise::G10, "`verify` complains of what nobody changed".to_owned());
    }
    let mut chance = Chance::of(3, 3);
    for nth in 0..count {
        std::fs::write(&path, &bytes).unwrap();
        let what = match nth % 2 {
            0 => turn(&path, &bytes, &mut chance),
            _ => change(&path, &before, &mut chance),
        };
        let Some(what) = what else { continue };
        found.table.tried(Promise::G10, 1);
        if answers(&path).as_ref() != Some(&before) && !is_noticed(&path) {
            found.table.broken(Promise::G10, format!("{what} unseen"));
        }
    }
}

fn turn(path: &Path, bytes: &[u8], chance: &mut Chance) -> Option<String> {
    let mut changed = bytes.to_vec();
    let bit = chance.below(changed.len() as u64 * 8);
    changed[(bit / 8) as usize] ^= 1 << (bit % 8);
    std::fs::write(path, changed).unwrap();
    Some(format!("bit {bit} of the store was turned"))
}

/// Changes one value of one row; none where the table's own rules refuse it.
fn change(path: &Path, answers: &Answers, chance: &mut Chance) -> Option<String> {
    let full: Vec<_> = answers.iter().filter(|(_, rows)| !rows.is_empty()).collect();
    let (table, rows) = *chance.pick(&full);
    let row = chance.pick(rows);
    let place = chance.below(row.len() as u64) as usize;
    let store = Connection::open(path).unwrap();
    let mut names = store.prepare(&format!("select name from pragma_table_info('{table}')")).unwrap();
    let names: Vec<String> = names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let value = match &row[place] {
        Value::Integer(number) => Value::Integer(number ^ 1),
        Value::Text(text) => Value::Text(format!("{text}x")),
        Value::Blob(bytes) => Value::Blob([bytes.as_slice(), &[1]].concat()),
        Value::Null | Value::Real(_) => Value::Integer(1),
    };
    let terms: Vec<String> = (2..).zip(&names).map(|(no, name)| format!("\"{name}\" is ?{no}")).collect();
    let sql = format!("update \"{table}\" set \"{}\" = ?1 where {}", names[place], terms.join(" and "));
    let changed = store.execute(&sql, params_from_iter(std::iter::once(&value).chain(row)));
    // What is deliberately not sealed is held against something else, or says nothing of money.
    let is_unsealed = UNSEALED.iter().any(|(name, _)| *name == format!("{table}.{}", names[place]));
    let is_told = changed == Ok(1) && !is_unsealed;
    is_told.then(|| format!("{table}.{} was changed", names[place]))
}
