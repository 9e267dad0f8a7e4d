//! What the store promises whatever is stored.

use super::*;

/// Every statement of every file, as it is written for both stores.
fn statements() -> Vec<(&'static str, &'static str)> {
    let files: [&[(&str, &str)]; 25] = [
        adopt::ALL,
        assortment::ALL,
        block::ALL,
        bundle::ALL,
        controls::ALL,
        duplicate::ALL,
        evidence::ALL,
        finance::ALL,
        handling::ALL,
        intake::ALL,
        journal::ALL,
        ledger::ALL,
        nemkonto::ALL,
        people_log::ALL,
        person_act::ALL,
        pulse::ALL,
        report::ALL,
        restore::ALL,
        schedule::ALL,
        seal::ALL,
        search::ALL,
        seen::ALL,
        task::ALL,
        transfer::ALL,
        unknown::ALL,
    ];
    files.into_iter().chain([verify::ALL]).flatten().copied().collect()
}

fn fresh() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("toek.db");
    (dir, path)
}

#[test]
fn every_statement_prepares() {
    let (_dir, path) = fresh();
    let connection = writable(&path).unwrap();
    let tx = Tx::new(&connection);
    for (name, sql) in statements() {
        tx.prepare(sql).unwrap_or_else(|error| panic!("{name}: {error:?}"));
    }
}

#[test]
fn statements_stay_within_what_both_stores_understand() {
    for (name, sql) in statements() {
        let lower = sql.to_lowercase();
        for word in ["now()", "datetime(", "json", "rowid", "strftime", "autoincrement"] {
            assert!(!lower.contains(word), "{name} uses {word}");
        }
        assert!(!sql.contains('?'), "{name} numbers its parameters with ?");
    }
}

#[test]
fn an_older_build_refuses_a_newer_schema() {
    let (_dir, path) = fresh();
    drop(writable(&path).unwrap());
    let connection = Connection::open(&path).unwrap();
    connection.execute("update refinery_schema_history set version = 999 where version = 1", []).unwrap();
    drop(connection);
    assert!(matches!(Store::open(&path), Err(StoreError::Newer { found: 999, .. })));
    assert!(matches!(Store::open_to_read(&path), Err(StoreError::Newer { .. })));
}

fn insert_key(key: &'static str, fail: bool) -> impl Write<Out = ()> {
    const INSERT: &str = "insert into installation (key, value) values ($1, 'x')";
    together::<Nothing, _, _>(move |tx| {
        tx.run(INSERT, [key])?;
        if fail { Err(StoreError::Conflict("on purpose".to_owned())) } else { Ok(()) }
    })
}

fn keys(store: &Store) -> Vec<String> {
    store.read(|tx| tx.all("select key from installation order by key", [], |row| row.get(0))).unwrap()
}

#[tokio::test]
async fn a_failed_write_rolls_back_alone() {
    for inline in [false, true] {
        let (_dir, path) = fresh();
        let store = if inline { Store::open_inline(&path) } else { Store::open(&path) }.unwrap();
        let (a, b, c) = (
            store.begin_chunk(insert_key("a", false)),
            store.begin_chunk(insert_key("b", true)),
            store.begin_chunk(insert_key("c", false)),
        );
        assert!(a.done().await.is_ok());
        assert!(matches!(b.done().await, Err(StoreError::Conflict(_))));
        assert!(c.done().await.is_ok());
        assert_eq!(keys(&store), ["a", "c"]);
    }
}

#[tokio::test]
async fn readers_cannot_write() {
    let (_dir, path) = fresh();
    let store = Store::open(&path).unwrap();
    assert!(store.read(|tx| insert_key("a", false).apply(tx)).is_err());
}

#[test]
fn a_sealed_store_is_read_without_a_log_and_only_while_it_stays_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t\u{f8} ?#%41&mode=rw.db"); // nothing in a name is for SQLite to take as an option
    let store = Store::open(&path).unwrap();
    store.write_blocking(insert_key("a", false)).unwrap();
    drop(store);
    let unchanged = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let still = unchanged.clone();
    let sealed = Store::open_sealed(&path, move || still.load(std::sync::atomic::Ordering::SeqCst)).unwrap();
    assert_eq!(keys(&sealed), ["a"]);
    assert!(sealed.read(|tx| insert_key("b", false).apply(tx)).is_err());
    assert!(!path.with_extension("db-wal").exists());
    unchanged.store(false, std::sync::atomic::Ordering::SeqCst);
    let changed: Result<(), _> = sealed.read(|_| Ok(()));
    assert!(matches!(changed, Err(StoreError::Conflict(_))));
}

#[test]
fn days_come_back() {
    for text in ["1858-01-01", "1970-01-01", "2026-02-28", "2057-12-31"] {
        let date: Date = text.parse().unwrap();
        assert_eq!(date_of(day_number(date)), date);
    }
}

#[test]
fn a_store_that_was_cut_off_while_it_was_made_says_so_and_is_made_by_the_next_who_may() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("toek.db");
    Connection::open(&path).unwrap().pragma_update(None, "journal_mode", "wal").unwrap();
    assert!(matches!(Store::open_to_read(&path), Err(StoreError::Empty)));
    let history =
        "create table refinery_schema_history (version int primary key, name, applied_on, checksum)";
    Connection::open(&path).unwrap().execute_batch(history).unwrap();
    assert!(matches!(Store::open_to_read(&path), Err(StoreError::Empty)));
    drop(Store::open_inline(&path).unwrap());
    assert!(Store::open_to_read(&path).is_ok());
    let before_its_seals = "delete from seal where name <> 'version';
        update seal set sum = x'0000000000000000' where name = 'version'";
    Connection::open(&path).unwrap().execute_batch(before_its_seals).unwrap();
    assert!(matches!(Store::open_to_read(&path), Err(StoreError::Unfinished)));
    drop(Store::open_inline(&path).unwrap());
    assert!(Store::open_to_read(&path).is_ok());
}
