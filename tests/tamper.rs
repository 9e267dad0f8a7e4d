//! No byte at rest that changes an answer can be changed unseen: each column of each table, rows that go or come, any byte
//! of the store, any byte of the archive, and the key, changed one at a time and held against `toek verify`.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test stops at the first surprise, and changes files as no program should"
)]

mod hub;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use hub::{Delivery, Hub, put, said};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use toek::store::Store;
use toek::store::seal::UNSEALED;

const FRIDAY: &str = "2026-03-05T10:00:00Z";
const NEXT_WEEK: &str = "2026-03-09T08:00:00Z";

/// An installation with something of everything: sent, answered, paid, returned, refused, in quarantine, told of.
fn finished() -> Hub {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/golden/installation.bin");
    let hub = Hub::unpacked(&golden);
    hub.run("send-bundles", FRIDAY);
    hub.run("send-vouchers", NEXT_WEEK);
    let bytes = Delivery::new(8).bytes();
    let mut refused = bytes.clone();
    let second = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    refused[second + 78..second + 80].copy_from_slice(b"99"); // no kind of number
    put(&hub.drop().join("refused.g68"), &refused, 1_770_000_000);
    put(&hub.drop().join("cut.g68"), &bytes[..bytes.len() / 2], 1_770_000_000);
    let served = hub.toek(&["--at", NEXT_WEEK, "serve", "--until-idle", "--before", "2026-03-10T17:00:00Z"]);
    assert!(matches!(served.status.code(), Some(0 | 1)), "{}", said(&served));
    assert!(hub.toek(&["trace", "P1-1"]).status.success(), "the read log has an entry");
    hub.clean();
    hub
}

/// A copy of a store that can be changed.
struct Copy {
    dir: tempfile::TempDir,
    bytes: Vec<u8>,
}

impl Copy {
    fn of(hub: &Hub) -> Copy {
        hub.sql().query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(())).unwrap();
        let bytes = std::fs::read(hub.dir.join("store/toek.db")).unwrap();
        Copy { dir: tempfile::tempdir().unwrap(), bytes }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("toek.db")
    }

    /// Writes the bytes, changed, in place of what is there.
    fn write(&self, change: impl FnOnce(&mut Vec<u8>)) {
        for log in ["toek.db-wal", "toek.db-shm"] {
            let _ = std::fs::remove_file(self.dir.path().join(log));
        }
        let mut bytes = self.bytes.clone();
        change(&mut bytes);
        std::fs::write(self.path(), bytes).unwrap();
    }

    fn fresh(&self) -> Connection {
        self.write(|_| ());
        Connection::open(self.path()).unwrap()
    }

    fn is_noticed(&self) -> bool {
        let checks = Store::open_to_read(&self.path()).and_then(|store| store.read(toek::store::verify::all));
        checks.map_or(true, |checks| checks.iter().any(|check| !check.broken.is_empty()))
    }

    /// Everything but what is deliberately not sealed, as plain SQLite reads it; none where it cannot.
    fn dump(&self) -> Option<BTreeMap<String, Vec<Vec<Value>>>> {
        let store = Connection::open(self.path()).ok()?;
        let mut all = BTreeMap::new();
        for table in tables(&store)?.into_iter().filter(|table| !is_unsealed(table)) {
            all.insert(table.clone(), rows(&store, &table)?);
        }
        let schema = rows(&store, "(select type, name, tbl_name, sql from sqlite_schema)")?;
        all.insert("schema".to_owned(), schema);
        Some(all)
    }
}

fn is_unsealed(name: &str) -> bool {
    UNSEALED.iter().any(|(unsealed, _)| *unsealed == name)
}

fn texts(store: &Connection, sql: &str) -> Option<Vec<String>> {
    let mut statement = store.prepare(sql).ok()?;
    let rows = statement.query_map([], |row| row.get(0)).ok()?;
    rows.collect::<Result<_, _>>().ok()
}

fn tables(store: &Connection) -> Option<Vec<String>> {
    texts(store, "select name from sqlite_schema where type = 'table' order by name")
}

fn columns(store: &Connection, table: &str) -> Vec<String> {
    texts(store, &format!("select name from pragma_table_info('{table}') order by cid")).unwrap()
}

fn rows(store: &Connection, table: &str) -> Option<Vec<Vec<Value>>> {
    let mut statement = store.prepare(&format!("select * from {table}")).ok()?;
    let width = statement.column_count();
    let read = |row: &rusqlite::Row<'_>| (0..width).map(|place| row.get(place)).collect();
    let rows = statement.query_map([], read).ok()?;
    rows.collect::<Result<_, _>>().ok()
}

/// Other values in place of one, the likeliest first: a table's own rules may refuse some.
fn instead_of(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => vec![Value::Integer(1), Value::Text("x".to_owned())],
        Value::Integer(number) => vec![Value::Integer(number + 1), Value::Integer(number + 1_000_003)],
        Value::Real(number) => vec![Value::Real(-number)],
        Value::Text(text) => vec![Value::Text(format!("{text}x"))],
        Value::Blob(bytes) => {
            let mut changed = bytes.clone();
            match changed.last_mut() {
                Some(last) => *last ^= 1,
                None => changed.push(1),
            }
            vec![Value::Blob(changed)]
        }
    }
}

/// One change by plain SQL; whether it could be made.
fn change(store: &Connection, table: &str, columns: &[String], row: &[Value], place: usize) -> bool {
    let terms: Vec<String> =
        columns.iter().zip(2..).map(|(column, no)| format!("\"{column}\" is ?{no}")).collect();
    let sql = format!("update {table} set \"{}\" = ?1 where {}", columns[place], terms.join(" and "));
    instead_of(&row[place]).into_iter().any(|value| {
        let parameters = std::iter::once(value).chain(row.iter().cloned());
        store.execute(&sql, params_from_iter(parameters)) == Ok(1)
    })
}

/// The rows of a table that are changed: the first, one in the middle, the last.
fn chosen(rows: Vec<Vec<Value>>) -> Vec<Vec<Value>> {
    let places: BTreeSet<usize> = match rows.len() {
        0 => BTreeSet::new(),
        length => [0, length / 2, length - 1].into(),
    };
    places.into_iter().map(|place| rows[place].clone()).collect()
}

#[test]
fn no_value_can_be_changed_unseen() {
    let hub = finished();
    let (copy, store) = (Copy::of(&hub), hub.sql());
    let (mut unseen, mut tried, mut empty) = (BTreeSet::new(), 0, Vec::new());
    for table in tables(&store).unwrap() {
        let (columns, rows) = (columns(&store, &table), chosen(rows(&store, &table).unwrap()));
        if rows.is_empty() {
            empty.push(table.clone());
        }
        for (row, place) in rows.iter().flat_map(|row| (0..columns.len()).map(move |place| (row, place))) {
            let store = copy.fresh();
            let name = format!("{table}.{}", columns[place]);
            assert!(change(&store, &table, &columns, row, place), "{name} could not be changed");
            drop(store);
            tried += 1;
            if !copy.is_noticed() && !is_unsealed(&table) {
                unseen.insert(name);
            }
        }
    }
    eprintln!("{tried} changes; empty: {empty:?}");
    assert_eq!(unseen, BTreeSet::new());
    // Nothing is learnt of an empty table; that each of its columns is sealed is the seals' own test.
    let filled_otherwise = [
        "assortment",
        "assortment_value",
        "bank_line",
        "bank_match",
        "bank_statement",
        "block",
        "blocked",
        "duplicate",
        "endpoint_hold",
        "endpoint_look",
        "found",
        "installation",
        "number_floor",
        "order_control",
        "person_act",
        "seen_filter",
        "sent_before",
        "voucher_before",
    ];
    assert_eq!(empty, filled_otherwise);
}

#[test]
fn no_row_can_come_or_go_unseen() {
    let hub = finished();
    let (copy, store) = (Copy::of(&hub), hub.sql());
    let mut unseen = BTreeSet::new();
    for table in tables(&store).unwrap().into_iter().filter(|table| !is_unsealed(table) || table == "balance")
    {
        let columns = columns(&store, &table);
        let all = rows(&store, &table).unwrap();
        for row in chosen(all.clone()) {
            let terms: Vec<String> =
                columns.iter().zip(1..).map(|(column, no)| format!("\"{column}\" is ?{no}")).collect();
            let sql = format!("delete from {table} where {}", terms.join(" and "));
            assert_eq!(copy.fresh().execute(&sql, params_from_iter(row)).unwrap(), 1);
            if !copy.is_noticed() {
                unseen.insert(format!("{table}: a row that went"));
            }
        }
        let marks: Vec<String> = (1..=columns.len()).map(|no| format!("?{no}")).collect();
        let sql = format!("insert into {table} values ({})", marks.join(", "));
        let another = match all.first() {
            Some(row) => row.iter().map(|value| instead_of(value).pop().unwrap()).collect(),
            None => vec![Value::Integer(7); columns.len()],
        };
        copy.fresh().execute(&sql, params_from_iter(another)).unwrap();
        if !copy.is_noticed() {
            unseen.insert(format!("{table}: a row that came"));
        }
    }
    assert_eq!(unseen, BTreeSet::new());
}

#[test]
fn rows_that_change_places_are_seen() {
    let hub = finished();
    let copy = Copy::of(&hub);
    for swap in [
        // Sums stay as they are, whoever is paid.
        "update payment set payee_no = case payment_id when a.x then b.y else a.y end from
            (select min(payment_id) x, payee_no y from payment where municipality = 461) a,
            (select max(payment_id) x, payee_no y from payment where municipality = 461) b
            where payment_id in (a.x, b.x)",
        "update posting set payment_id = (select max(payment_id) + min(payment_id) from posting p
            where p.voucher_no = posting.voucher_no) - payment_id where voucher_no = 1 and payment_id is not null",
        "update posting set benefit = 205 - benefit where benefit in (102, 103)",
        "update payment set benefit = 205 - benefit where benefit in (102, 103)",
        "drop index due_open",
        "create trigger stranger after insert on payment begin delete from due; end",
        "delete from journal where entry_no = (select max(entry_no) from journal)",
        "update seal set sum = (select sum from seal where name = 'payment') where name = 'attempt'",
        "delete from seal where name = 'version'",
    ] {
        copy.fresh().execute_batch(swap).unwrap();
        assert!(!copy.bytes.is_empty() && copy.is_noticed(), "{swap}");
    }
    copy.write(|_| ());
    assert!(!copy.is_noticed(), "what nobody touched is as it was");
}

/// A small generator of chance with a fixed seed, so that a failure can be repeated.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % bound as u64) as usize
    }
}

#[test]
fn no_bit_of_the_store_that_says_something_can_be_turned_unseen() {
    let hub = finished();
    let copy = Copy::of(&hub);
    copy.write(|_| ());
    let undisturbed = copy.dump().unwrap();
    let (mut chance, mut noticed, mut silent) = (Chance(7), 0, 0);
    let flips = 600;
    let occupied: Vec<usize> = (0..copy.bytes.len()).filter(|at| copy.bytes[*at] != 0).collect();
    for _ in 0..flips {
        let (at, bit) = (occupied[chance.below(occupied.len())], chance.below(8));
        copy.write(|bytes| bytes[at] ^= 1 << bit);
        let says_the_same = copy.dump().is_some_and(|dump| dump == undisturbed);
        copy.write(|bytes| bytes[at] ^= 1 << bit);
        match (copy.is_noticed(), says_the_same) {
            (true, _) => noticed += 1,
            (false, true) => silent += 1,
            (false, false) => panic!("bit {bit} of byte {at} says something else, unseen"),
        }
    }
    eprintln!("of {flips} bits {noticed} were noticed and {silent} say nothing");
    assert!(noticed > flips / 4, "only {noticed} flips hit anything");
}

#[test]
fn no_bit_of_the_archive_or_the_key_can_be_turned_unseen() {
    let hub = finished();
    let archive = hub.dir.join("archive");
    let mut chance = Chance(11);
    let files = hub::package::files(&archive);
    let check = |what: &str| {
        let verified = hub.toek(&["verify"]);
        assert_eq!(verified.status.code(), Some(1), "{what} went unseen: {}", said(&verified));
    };
    for (path, bytes) in &files {
        let path = archive.join(path);
        let mut changed = bytes.clone();
        changed[chance.below(bytes.len())] ^= 1 << chance.below(8);
        std::fs::write(&path, changed).unwrap();
        check(&format!("a bit of {}", path.display()));
        std::fs::write(&path, bytes).unwrap();
    }
    let (first, second) = (archive.join(&files[0].0), archive.join(&files[1].0));
    std::fs::write(&first, &files[1].1).unwrap();
    check("another file in its place");
    std::fs::write(&first, &files[0].1[..files[0].1.len() - 9]).unwrap();
    check("a file that is cut off");
    std::fs::write(&first, &files[0].1).unwrap();
    std::fs::remove_file(&second).unwrap();
    check("a file that is missing");
    std::fs::write(&second, &files[1].1).unwrap();
    let key = hub.dir.join("keys/installation.key");
    let mut bytes = std::fs::read(&key).unwrap();
    bytes[chance.below(32)] ^= 1;
    std::fs::write(&key, &bytes).unwrap();
    check("the installation's key");
}

/// What stands in a store that nobody sealed would be trusted again: only a new schema may do that.
#[test]
fn work_on_a_changed_store_does_not_seal_the_change() {
    let hub = finished();
    hub.sql().execute("update payment set payee_no = payee_no + 1 where payment_id = 1048577", []).unwrap();
    for pipeline in ["receive-payments", "send-bundles", "send-vouchers"] {
        hub.toek(&["--at", "2026-03-10T18:00:00Z", "run", pipeline]);
    }
    let verified = hub.toek(&["verify"]);
    assert_eq!(verified.status.code(), Some(1), "{}", said(&verified));
    assert!(said(&verified).contains("a row of `payment` was changed"), "{}", said(&verified));
}

#[test]
fn a_blind_verify_is_caught() {
    let hub = finished();
    hub.sql().execute("update payment set payee_no = payee_no + 1 where payment_id = 1048577", []).unwrap();
    let blind = hub.command(&["verify"]).env("TOEK_CANARY", "blind-verify").output().unwrap();
    assert!(blind.status.success(), "nothing else would notice it, so these tests need the seals");
    assert!(!hub.toek(&["verify"]).status.success());
}

#[test]
fn every_exception_is_of_something_that_is_there() {
    let hub = finished();
    let store = hub.sql();
    let names: BTreeSet<String> = tables(&store)
        .unwrap()
        .into_iter()
        .flat_map(|table| {
            let own = columns(&store, &table).into_iter().map(move |column| format!("{table}.{column}"));
            own.collect::<Vec<_>>()
        })
        .collect();
    for (name, why) in UNSEALED {
        assert!(names.iter().any(|known| known == name || known.starts_with(&format!("{name}."))), "{name}");
        assert!(!why.is_empty());
    }
}
