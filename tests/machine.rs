//! The simulator's machine: the real store and archive on it, crashed at every call that makes something durable.
//!
//! The properties are the hub's: what was answered is there afterwards, what was not is wholly there or not at all. A
//! machine whose syncs are lies must break them, or they say nothing.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and looks at real files"
)]

#[path = "simulator/machine/mod.rs"]
mod machine;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use machine::{Call, Crash, Event, Fate, Image, Machine, MemoryDisk, Moment, Trouble, Undisturbed, Verdict};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;
use toek::domain::identity::TransferNo;
use toek::store::archive::{Archive, Archived, Key, hash_of};
use toek::store::people_log::{Add, Entry, Log, after};
use toek::store::{Store, Write, together};
use toek_adapters::disk::{Disk, RealDisk};

const SEEDS: u64 = 200;
const MOMENTS: [Moment; 3] = [Moment::Before, Moment::Torn, Moment::After];
const STORE: &str = "store/toek.db";

/// Memory, where the system has a place for it.
fn folder() -> TempDir {
    let shared = Path::new("/dev/shm");
    if shared.is_dir() { tempfile::tempdir_in(shared).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// Notes every call, and has something else for some.
struct Script<F> {
    seen: Mutex<Vec<Call>>,
    seed: u64,
    decide: F,
}

impl<F: Fn(&Event<'_>) -> Verdict + Send + Sync> Fate for Script<F> {
    fn decide(&self, event: &Event<'_>) -> Verdict {
        self.seen.lock().unwrap().push(event.call);
        (self.decide)(event)
    }
    fn seed(&self) -> u64 {
        self.seed
    }
}

fn script<F: Fn(&Event<'_>) -> Verdict + Send + Sync>(decide: F) -> Arc<Script<F>> {
    Arc::new(Script { seen: Mutex::default(), seed: 7, decide })
}

/// One verdict at one event.
fn once(no: u64, verdict: Verdict) -> Arc<dyn Fate> {
    script(move |event| if event.no == no { verdict } else { Verdict::Go })
}

// --- The store ----------------------------------------------------------------------------------------------------

/// A write into two tables and over several pages.
fn write_of(no: i64) -> impl Write<Out = ()> {
    together::<Add, _, _>(move |tx| {
        for (log, subject) in parts(no) {
            Add { log, at: no, who: "w".to_owned(), act: "a".to_owned(), subject }.apply(tx)?;
        }
        Ok(())
    })
}

fn parts(no: i64) -> [(Log, String); 3] {
    let text = |part: i64| format!("{no}.{part} ").repeat(1_500 + 100 * no as usize);
    [(Log::Reads, text(0)), (Log::Commands, text(1)), (Log::Reads, text(2))]
}

const WRITES: i64 = 7;

/// What a run saw.
#[derive(Default)]
struct Run {
    answered: BTreeSet<i64>,
    errors: usize,
}

/// Opens the store, writes, folds the log back in the middle, writes on, reads, closes. Errors are told and gone past.
fn run(dir: &Path) -> Run {
    let mut run = Run::default();
    let path = dir.join(STORE);
    let opened = (0..2).find_map(|_| Store::open_inline(&path).map_err(|_| run.errors += 1).ok());
    let Some(store) = opened else { return run };
    for no in 1..=WRITES {
        match store.write_blocking(write_of(no)) {
            Ok(()) => drop(run.answered.insert(no)),
            Err(_) => run.errors += 1,
        }
        if no == 4 {
            run.errors += usize::from(fold(&path).is_err());
        }
    }
    run.errors += usize::from(store.read(|tx| after(tx, Log::Reads, 0)).is_err());
    run
}

/// Folds the log back into the database, by a connection of its own.
fn fold(path: &Path) -> rusqlite::Result<i64> {
    let connection = Connection::open(path)?;
    connection.query_row("pragma wal_checkpoint(truncate)", [], |row| row.get(0))
}

fn plain(path: &Path) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags_and_vfs(path, flags, c"unix").unwrap()
}

/// Holds what a crash left against what was answered.
fn judge(image: &Image, answered: &BTreeSet<i64>) -> Result<(), String> {
    let dir = folder();
    image.write_to(dir.path());
    let connection = plain(&dir.path().join(STORE));
    let said: rusqlite::Result<String> = connection.query_row("pragma integrity_check", [], |row| row.get(0));
    if said != Ok("ok".to_owned()) {
        return Err(format!("integrity_check: {said:?}"));
    }
    let mut found: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for table in ["read_log", "command_log"] {
        let mut statement = connection.prepare(&format!("select at, subject from {table}")).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.for_each(|row| {
            let (no, subject) = row.unwrap();
            found.entry(no).or_default().push(subject);
        });
    }
    for (no, mut subjects) in found.clone() {
        let mut wanted: Vec<String> = parts(no).into_iter().map(|(_, subject)| subject).collect();
        subjects.sort();
        wanted.sort();
        if subjects != wanted {
            return Err(format!("of write {no} only a part is there"));
        }
    }
    match answered.iter().find(|no| !found.contains_key(*no)) {
        Some(no) => Err(format!("write {no} was answered and is not there")),
        None => Ok(()),
    }
}

/// A store with its schema, as after an installation.
fn installed() -> Image {
    let dir = folder();
    let machine = Machine::start(dir.path(), None, Arc::new(Undisturbed));
    machine.disk().create_dir_all(&dir.path().join("store")).unwrap();
    drop(Store::open_inline(&dir.path().join(STORE)).unwrap());
    machine.image(Crash::Kill)
}

/// The calls of an undisturbed run, by number from 1.
fn calls(image: &Image) -> Vec<(u64, Call)> {
    let (dir, fate) = (folder(), script(|_| Verdict::Go));
    let machine = Machine::start(dir.path(), Some(image.clone()), fate.clone());
    let run = run(dir.path());
    assert_eq!((run.answered.len() as i64, run.errors), (WRITES, 0));
    assert_eq!(machine.step_no(), fate.seen.lock().unwrap().len() as u64);
    let seen = fate.seen.lock().unwrap();
    (1..).zip(seen.iter().copied()).collect()
}

/// What distinguishes images, so that each is judged once.
fn print_of(image: &Image) -> u64 {
    let mut hasher = DefaultHasher::new();
    image.files().for_each(|file| file.hash(&mut hasher));
    hasher.finish()
}

/// Crashes a machine at one event in one way and judges all that may be left. The number of images, or what is wrong.
fn crash_at(base: &Image, fate: Arc<dyn Fate>, seeds: u64) -> Result<usize, String> {
    let dir = folder();
    let machine = Machine::start(dir.path(), Some(base.clone()), fate);
    let run = run(dir.path());
    let mut judged = HashSet::new();
    for how in (0..seeds).map(|seed| Crash::Power { seed }).chain([Crash::Kill]) {
        let image = machine.image(how);
        if judged.insert(print_of(&image)) {
            judge(&image, &run.answered).map_err(|wrong| format!("{how:?}: {wrong}"))?;
        }
    }
    Ok(judged.len())
}

#[test]
fn what_was_answered_survives_every_crash_and_nothing_is_half() {
    let base = installed();
    let calls = calls(&base);
    let durable = calls.iter().filter(|(_, call)| call.is_durable()).count();
    assert!(durable > 10, "{durable} calls make something durable");
    let mut images = 0;
    for (no, call) in calls {
        let moments: &[Moment] = match call {
            call if call.is_durable() => &MOMENTS,
            Call::SqliteWrite | Call::SqliteTruncate => &[Moment::Torn],
            _ => continue,
        };
        let seeds = if call.is_durable() { SEEDS } else { 8 };
        for moment in moments {
            match crash_at(&base, once(no, Verdict::Die(*moment)), seeds) {
                Ok(count) => images += count,
                Err(wrong) => panic!("event {no}, {call:?}, {moment:?}: {wrong}"),
            }
        }
    }
    assert!(images > 1_000, "only {images} images: power cuts change too little");
}

#[test]
fn a_store_that_power_cut_short_while_it_was_made_is_made_again() {
    let fate = script(|_| Verdict::Go);
    let make = |fate: Arc<dyn Fate>, image: Option<Image>| {
        let dir = folder();
        let machine = Machine::start(dir.path(), image, fate);
        machine.disk().create_dir_all(&dir.path().join("store")).unwrap();
        machine.settle();
        let first = machine.step_no();
        let opened = Store::open_inline(&dir.path().join(STORE)).map(drop);
        (machine, opened, first)
    };
    let (_, opened, first) = make(fate.clone(), None);
    opened.unwrap();
    let calls = fate.seen.lock().unwrap().clone();
    for (no, call) in (1..).zip(calls).filter(|(no, call)| *no > first && call.is_durable()) {
        let (machine, ..) = make(once(no, Verdict::Die(Moment::Torn)), None);
        assert!(machine.is_dead(), "event {no}, {call:?}");
        for how in [Crash::Kill, Crash::Power { seed: no }, Crash::Power { seed: no + 1_000 }] {
            let (again, opened, _) = make(Arc::new(Undisturbed), Some(machine.image(how)));
            opened.unwrap();
            judge(&again.image(Crash::Kill), &BTreeSet::new()).unwrap();
        }
    }
}

#[test]
fn a_machine_that_lies_about_syncing_is_found_out() {
    let base = installed();
    let last = calls(&base).len() as u64;
    let found = (1..=last).rev().step_by(5).any(|end| {
        let fate = script(move |event| match event.call {
            _ if event.no == end => Verdict::Die(Moment::After),
            Call::SqliteSync => Verdict::Lie,
            _ => Verdict::Go,
        });
        crash_at(&base, fate, 20).is_err()
    });
    assert!(found, "no sync happened, and nobody missed it");
}

#[test]
fn after_a_crash_the_store_goes_on_from_what_is_left() {
    let base = installed();
    let calls = calls(&base);
    for (no, _) in calls.into_iter().filter(|(_, call)| call.is_durable()) {
        let dir = folder();
        let machine = Machine::start(dir.path(), Some(base.clone()), once(no, Verdict::Die(Moment::Torn)));
        let first = run(dir.path());
        assert!(machine.is_dead());
        // The next one comes up in the same place, as a process does.
        let image = machine.image(Crash::Power { seed: no });
        let again = Machine::start(dir.path(), Some(image), Arc::new(Undisturbed));
        let store = Store::open_inline(&dir.path().join(STORE)).unwrap();
        store.write_blocking(write_of(WRITES + 1)).unwrap();
        let entries: Vec<Entry> = store.read(|tx| after(tx, Log::Commands, 0)).unwrap();
        assert!(first.answered.iter().all(|no| entries.iter().any(|entry| entry.at == *no)));
        drop(store);
        let answered = first.answered.into_iter().chain([WRITES + 1]).collect();
        judge(&again.image(Crash::Power { seed: no }), &answered).unwrap();
    }
}

#[test]
fn a_call_that_fails_is_an_error_and_the_store_goes_on() {
    let base = installed();
    let calls = calls(&base);
    let (mut told, mut failed) = (0, 0);
    for (no, call) in calls {
        let changes = matches!(call, Call::SqliteWrite | Call::SqliteTruncate | Call::SqliteSync);
        let troubles: &[Trouble] =
            if changes { &[Trouble::Io, Trouble::Full, Trouble::ReadOnly] } else { &[Trouble::Io] };
        for trouble in troubles {
            let dir = folder();
            let fate = once(no, Verdict::Fail(*trouble));
            let machine = Machine::start(dir.path(), Some(base.clone()), fate);
            let run = run(dir.path());
            let at = format!("event {no}, {call:?}, {trouble:?}");
            assert!(run.errors <= 1, "{at}: {} errors", run.errors);
            assert!(run.answered.len() as i64 >= WRITES - 1, "{at}: {:?}", run.answered);
            failed += usize::from(changes);
            told += usize::from(changes && run.errors == 1);
            for how in [Crash::Kill, Crash::Power { seed: no }] {
                judge(&machine.image(how), &run.answered).unwrap_or_else(|wrong| panic!("{at}: {wrong}"));
            }
        }
    }
    assert!(told * 2 > failed, "of {failed} changes that failed {told} were told of");
}

#[test]
fn the_log_of_writes_is_what_lies_in_the_directory() {
    let dir = folder();
    let machine = Machine::start(dir.path(), Some(installed()), Arc::new(Undisturbed));
    let path = dir.path().join(STORE);
    let same = |expected: &[&str]| {
        let files = machine.image(Crash::Kill).sqlite_files();
        assert_eq!(files.keys().map(String::as_str).collect::<Vec<_>>(), expected);
        for (name, bytes) in files {
            assert!(std::fs::read(dir.path().join(&name)).unwrap() == bytes, "{name}");
        }
    };
    let store = Store::open_inline(&path).unwrap();
    store.write_blocking(write_of(1)).unwrap();
    same(&[STORE, "store/toek.db-wal"]);
    assert_eq!(fold(&path).unwrap(), 0);
    same(&[STORE, "store/toek.db-wal"]);
    assert_eq!(machine.image(Crash::Kill).file(Path::new("store/toek.db-wal")), Some(&[][..]));
    store.write_blocking(write_of(2)).unwrap();
    drop(store);
    same(&[STORE]);
    assert_eq!(std::fs::read_dir(dir.path().join("store")).unwrap().count(), 1);
    judge(&machine.image(Crash::Power { seed: 1 }), &BTreeSet::from([1, 2])).unwrap();
}

#[test]
fn the_plain_vfs_and_other_places_are_untouched() {
    let (dir, elsewhere) = (folder(), folder());
    let machine = Machine::start(dir.path(), Some(installed()), Arc::new(Undisturbed));
    drop(plain(&dir.path().join(STORE)).execute_batch("create table t (a); insert into t values (1)"));
    let store = Store::open_inline(&elsewhere.path().join("toek.db")).unwrap();
    store.write_blocking(write_of(1)).unwrap();
    assert_eq!(machine.step_no(), 0);
    machine.die();
    store.write_blocking(write_of(2)).unwrap();
}

#[test]
fn the_dead_change_nothing_and_hang_nobody() {
    let dir = folder();
    let machine = Machine::start(dir.path(), Some(installed()), Arc::new(Undisturbed));
    let disk = machine.disk();
    let path = dir.path().join("a");
    let mut open = disk.create(&path).unwrap();
    let store = Store::open_inline(&dir.path().join(STORE)).unwrap();
    store.write_blocking(write_of(1)).unwrap();
    let left = print_of(&machine.image(Crash::Kill));
    machine.die();
    assert!(store.write_blocking(write_of(2)).is_err());
    assert!(store.read(|tx| after(tx, Log::Reads, 0)).is_err());
    assert!(Store::open_inline(&dir.path().join(STORE)).is_err());
    assert!(open.write(b"x").is_err() && open.sync().is_err() && open.read(&mut [0]).is_err());
    assert!(disk.create(&path).is_err() && disk.open(&path).is_err() && disk.remove(&path).is_err());
    assert!(disk.rename(&path, &dir.path().join("b")).is_err() && disk.entry(&path).is_err());
    assert!(disk.list(dir.path()).is_err() && disk.sync_dir(dir.path()).is_err());
    assert!(disk.create_dir_all(&path).is_err() && disk.try_lock(&path).is_err());
    assert_eq!(machine.ask(Call::Remote("put"), &path), Verdict::Fail(Trouble::Io));
    let steps = machine.step_no();
    drop((store, open));
    assert_eq!(machine.step_no(), steps);
    assert_eq!(print_of(&machine.image(Crash::Kill)), left);
    judge(&machine.image(Crash::Power { seed: 3 }), &BTreeSet::from([1])).unwrap();
}

#[test]
fn machines_on_threads_do_not_meet() {
    let base = installed();
    std::thread::scope(|scope| {
        for thread in 0..3_u64 {
            let base = &base;
            scope.spawn(move || {
                for no in (1 + thread * 7..200).step_by(31) {
                    crash_at(base, once(no, Verdict::Die(Moment::Torn)), 5).unwrap();
                }
            });
        }
    });
}

#[test]
fn the_same_fate_is_the_same_run() {
    let base = installed();
    assert_eq!(calls(&base), calls(&base));
    let machine = |dir: &TempDir| Machine::start(dir.path(), Some(base.clone()), Arc::new(Undisturbed));
    let (one, other) = (folder(), folder());
    let (first, second) = (machine(&one), machine(&other));
    for (machine, dir) in [(&first, &one), (&second, &other)] {
        archive_in(machine, dir.path()).write(b"the same").unwrap();
        machine.disk().create(&dir.path().join("b")).unwrap().write_all(&[7; 9_000]).unwrap();
    }
    for seed in 0..SEEDS {
        let how = Crash::Power { seed };
        assert_eq!(print_of(&first.image(how)), print_of(&second.image(how)));
    }
}

// --- The archive --------------------------------------------------------------------------------------------------

const TRANSFER: TransferNo = TransferNo(1);

fn bytes_to_archive() -> Vec<u8> {
    (0..700_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn archive_in(machine: &Arc<Machine>, dir: &Path) -> toek::store::archive::ArchiveWriter {
    let home = dir.join("archive");
    machine.disk().create_dir_all(&home).unwrap();
    machine.settle();
    Archive::new(machine.disk(), home).create(TRANSFER, &Key::new([7; 32])).unwrap()
}

/// Archives a file on a machine that fate has in hand: what was answered, and the machine.
fn archived(dir: &Path, fate: Arc<dyn Fate>) -> (Arc<Machine>, Option<Archived>) {
    let base = folder();
    let first = Machine::start(base.path(), None, Arc::new(Undisturbed));
    first.disk().create_dir_all(&base.path().join("archive")).unwrap();
    let machine = Machine::start(dir, Some(first.image(Crash::Kill)), fate);
    let archive = Archive::new(machine.disk(), dir.join("archive"));
    let written = archive.create(TRANSFER, &Key::new([7; 32])).and_then(|mut writer| {
        bytes_to_archive().chunks(60_000).try_for_each(|chunk| writer.write(chunk))?;
        writer.finish()
    });
    (machine, written.ok())
}

/// What is under the archived file's name after a crash: nothing, or the whole of it.
fn judge_archive(machine: &Machine, answered: Option<Archived>) -> Result<(), String> {
    let images = (0..SEEDS).map(|seed| Crash::Power { seed }).chain([Crash::Kill]);
    let dir = folder();
    let mut judged = HashSet::new();
    for how in images {
        let image = machine.image(how);
        if !judged.insert(print_of(&image)) {
            continue;
        }
        let there = image.file(Path::new("archive/000000/000000001.toek")).is_some();
        let again = Machine::start(dir.path(), Some(image), Arc::new(Undisturbed));
        let archive = Archive::new(again.disk(), dir.path().join("archive"));
        let read = archive.open(TRANSFER, &Key::new([7; 32])).and_then(|mut reader| hash_of(&mut reader));
        match (read, answered) {
            (Ok(read), Some(answered)) if read == answered => {}
            (Ok(read), None) if read.size == bytes_to_archive().len() as u64 => {}
            (Err(_), None) if !there => {}
            (read, answered) => return Err(format!("{how:?}: {read:?} where {answered:?} was answered")),
        }
    }
    Ok(())
}

/// The name of its folder could not be synced at first; whoever finds the folder there later must not take it for durable.
#[test]
fn a_folder_whose_name_was_never_synced_does_not_take_its_files_with_it() {
    let (base, dir) = (folder(), folder());
    let first = Machine::start(base.path(), None, Arc::new(Undisturbed));
    first.disk().create_dir_all(&base.path().join("archive")).unwrap();
    let fails = AtomicU64::new(1);
    let fate = script(move |event| {
        let is_first = event.call == Call::SyncDir && fails.swap(0, Ordering::SeqCst) == 1;
        if is_first { Verdict::Fail(Trouble::Io) } else { Verdict::Go }
    });
    let machine = Machine::start(dir.path(), Some(first.image(Crash::Kill)), fate);
    machine.settle();
    let archive = Archive::new(machine.disk(), dir.path().join("archive"));
    assert!(archive.create(TRANSFER, &Key::new([7; 32])).is_err());
    let archive = Archive::new(machine.disk(), dir.path().join("archive")); // a later process
    let mut writer = archive.create(TRANSFER, &Key::new([7; 32])).unwrap();
    bytes_to_archive().chunks(60_000).try_for_each(|chunk| writer.write(chunk)).unwrap();
    let answered = writer.finish().unwrap();
    judge_archive(&machine, Some(answered)).unwrap();
}

#[test]
fn an_archived_file_is_whole_and_an_unfinished_one_never_half() {
    let (dir, fate) = (folder(), script(|_| Verdict::Go));
    let (machine, answered) = archived(dir.path(), fate.clone());
    assert!(answered.is_some());
    judge_archive(&machine, answered).unwrap();
    let calls = fate.seen.lock().unwrap().clone();
    assert!(calls.iter().filter(|call| call.is_durable()).count() >= 4);
    for (no, call) in (1..).zip(calls) {
        for moment in MOMENTS {
            let dir = folder();
            let (machine, answered) = archived(dir.path(), once(no, Verdict::Die(moment)));
            assert!(answered.is_none() && machine.is_dead());
            judge_archive(&machine, None)
                .unwrap_or_else(|wrong| panic!("{no}, {call:?}, {moment:?}: {wrong}"));
        }
        let dir = folder();
        let (machine, answered) = archived(dir.path(), once(no, Verdict::Fail(Trouble::Full)));
        assert!(answered.is_none(), "{no}, {call:?}");
        judge_archive(&machine, None).unwrap();
    }
}

#[test]
fn an_archive_on_a_disk_that_lies_is_lost_or_half() {
    for lie in [Call::Sync, Call::SyncDir] {
        let dir = folder();
        let fate = script(move |event| if event.call == lie { Verdict::Lie } else { Verdict::Go });
        let (machine, answered) = archived(dir.path(), fate);
        assert!(answered.is_some());
        let wrong = judge_archive(&machine, answered).unwrap_err();
        assert!(wrong.contains("Damaged"), "{wrong}");
        assert_eq!(wrong.contains("the file is missing"), lie == Call::SyncDir, "{wrong}");
    }
}

// --- Files --------------------------------------------------------------------------------------------------------

/// All outcomes of power cuts, as the content of each of these files or none.
fn outcomes(machine: &Machine, names: &[&str]) -> BTreeSet<Vec<Option<Vec<u8>>>> {
    let images = (0..SEEDS).map(|seed| machine.image(Crash::Power { seed }));
    images
        .map(|image| names.iter().map(|name| image.file(Path::new(name)).map(<[u8]>::to_vec)).collect())
        .collect()
}

#[test]
fn power_leaves_what_was_synced_and_any_of_the_rest() {
    let dir = folder();
    let machine = Machine::start(dir.path(), None, Arc::new(Undisturbed));
    let (disk, at) = (machine.disk(), |name: &str| dir.path().join(name));
    let some = |bytes: &[u8]| Some(bytes.to_vec());
    disk.write_atomically(&at("a"), b"old").unwrap();
    assert_eq!(outcomes(&machine, &["a"]), BTreeSet::from([vec![some(b"old")]]));

    // A rename is old or new, never neither.
    let mut file = disk.create(&at("b")).unwrap();
    file.write_all(b"new").unwrap();
    file.sync().unwrap();
    disk.sync_dir(dir.path()).unwrap();
    disk.rename(&at("b"), &at("a")).unwrap();
    let old = vec![some(b"old"), some(b"new")];
    assert_eq!(outcomes(&machine, &["a", "b"]), BTreeSet::from([old, vec![some(b"new"), None]]));
    disk.sync_dir(dir.path()).unwrap();
    assert_eq!(outcomes(&machine, &["a", "b"]), BTreeSet::from([vec![some(b"new"), None]]));

    // A name without its bytes, bytes without their name.
    disk.create(&at("c")).unwrap().write_all(&[1; 512]).unwrap();
    disk.sync_dir(dir.path()).unwrap();
    let found = outcomes(&machine, &["c"]);
    assert_eq!(found, BTreeSet::from([vec![some(b"")], vec![some(&[0; 512])], vec![some(&[1; 512])]]));
    let mut file = disk.create(&at("d")).unwrap();
    file.write_all(b"d").unwrap();
    file.sync().unwrap();
    assert_eq!(outcomes(&machine, &["d"]), BTreeSet::from([vec![None], vec![some(b"d")]]));

    // What is removed may be there again; a folder that is lost takes its files along.
    disk.remove(&at("a")).unwrap();
    assert_eq!(outcomes(&machine, &["a"]), BTreeSet::from([vec![None], vec![some(b"new")]]));
    disk.create_dir_all(&at("e/f")).unwrap();
    disk.write_atomically(&at("e/f/g"), b"g").unwrap();
    assert_eq!(outcomes(&machine, &["e/f/g"]), BTreeSet::from([vec![None], vec![some(b"g")]]));
    disk.sync_dir(&at("e")).unwrap();
    disk.sync_dir(dir.path()).unwrap();
    assert_eq!(outcomes(&machine, &["e/f/g"]), BTreeSet::from([vec![some(b"g")]]));
}

#[test]
fn sectors_of_a_file_arrive_one_by_one() {
    let dir = folder();
    let machine = Machine::start(dir.path(), None, Arc::new(Undisturbed));
    let mut file = machine.disk().create(&dir.path().join("a")).unwrap();
    machine.disk().sync_dir(dir.path()).unwrap();
    file.write_all(&[1; 1_536]).unwrap();
    file.sync().unwrap();
    file.seek(std::io::SeekFrom::Start(0)).unwrap();
    file.write_all(&[2; 1_536]).unwrap();
    let found = outcomes(&machine, &["a"]);
    assert_eq!(found.len(), 8, "each of three sectors is old or new");
    assert!(
        found.iter().flatten().flatten().all(|bytes| bytes.chunks(512).all(|s| s.iter().all(|b| *b == s[0])))
    );
    let killed = machine.image(Crash::Kill);
    assert_eq!(killed.file(Path::new("a")), Some(&[2; 1_536][..]));
}

#[test]
fn a_bit_turns_in_a_read_and_at_rest() {
    let dir = folder();
    let machine = Machine::start(dir.path(), None, once(3, Verdict::Flip { bit: 9 }));
    let path = dir.path().join("a");
    machine.disk().create(&path).unwrap().write_all(&[0; 4]).unwrap(); // events 1 and 2
    assert_eq!(machine.step_no(), 2);
    let mut file = machine.disk().open(&path).unwrap();
    file.read_exact(&mut [0; 4]).unwrap();
    let mut image = machine.image(Crash::Kill);
    assert!(image.flip(Path::new("a"), 9) && !image.flip(Path::new("b"), 9));
    assert_eq!(image.file(Path::new("a")), Some(&[0, 2, 0, 0][..]));
    let again = folder();
    let machine = Machine::start(again.path(), Some(image), once(2, Verdict::Flip { bit: 8 }));
    assert_eq!(machine.disk().read(&again.path().join("a")).unwrap(), [0, 3, 0, 0]);
}

#[test]
fn a_store_may_be_moved_and_copied_as_files() {
    let dir = folder();
    let machine = Machine::start(dir.path(), Some(installed()), Arc::new(Undisturbed));
    let disk = machine.disk();
    let (from, to) = (dir.path().join(STORE), dir.path().join("store/copy.db"));
    Store::open_inline(&from).unwrap().write_blocking(write_of(1)).unwrap();
    assert!(disk.entry(&from).unwrap().unwrap().size > 8_192);
    let bytes = disk.read(&from).unwrap();
    disk.write_atomically(&to, &bytes).unwrap();
    disk.remove(&from).unwrap();
    assert!(!from.exists());
    disk.rename(&to, &from).unwrap();
    disk.sync_dir(&dir.path().join("store")).unwrap();
    Store::open_inline(&from).unwrap().write_blocking(write_of(2)).unwrap();
    judge(&machine.image(Crash::Power { seed: 5 }), &BTreeSet::from([1, 2])).unwrap();
    let copied = Image::read_from(dir.path());
    assert_eq!(copied.sqlite_files(), machine.image(Crash::Kill).sqlite_files());
}

/// What a disk says to a step, in words that do not depend on where it is.
fn told<T>(result: Result<T, toek_adapters::disk::DiskError>, show: impl FnOnce(T) -> String) -> String {
    result.map_or_else(|error| format!("{} {:?}", error.action, error.source.kind()), show)
}

fn step(disk: &dyn Disk, dir: &Path, no: u64) -> String {
    let mut hasher = DefaultHasher::new();
    no.hash(&mut hasher);
    let chance = hasher.finish();
    let path = |shift: u32| {
        let names = ["a", "b", "c/a", "c/b", "c", "d/e/a", "d/e"];
        dir.join(names[(chance >> shift) as usize % names.len()])
    };
    let entries = |dir: &Path| {
        told(disk.list(dir), |mut list| {
            list.sort_by(|a, b| a.name.cmp(&b.name));
            list.iter().map(|e| format!("{} {} ", e.name, if e.is_dir { 0 } else { e.size })).collect()
        })
    };
    match chance % 8 {
        0 | 1 => told(disk.create(&path(8)), |mut file| {
            file.write_all(&vec![no as u8; (chance >> 40) as usize % 900]).unwrap();
            format!("{:?} {:?}", file.sync().is_ok(), file.seek(std::io::SeekFrom::End(0)).unwrap())
        }),
        2 => told(
            disk.read(&path(8)).map_err(|mut error| {
                // A real folder can be opened, and is refused when it is read.
                error.action = "read";
                error
            }),
            |bytes| format!("{bytes:?}"),
        ),
        3 => told(disk.rename(&path(8), &path(16)), |()| "renamed".to_owned()),
        4 => told(disk.remove(&path(8)), |()| "removed".to_owned()),
        5 => told(disk.create_dir_all(&dir.join(["c", "d/e"][(chance >> 8) as usize % 2])), |()| {
            "made".to_owned()
        }),
        6 => told(disk.entry(&path(8)), |e| format!("{:?}", e.map(|e| (e.name, e.is_dir)))),
        _ => entries(&path(8)) + &entries(dir),
    }
}

/// Renames of and over folders are nothing the hub does; disks in memory refuse them, and in words of their own.
fn is_of_no_account(said: &str) -> bool {
    said.starts_with("rename to")
}

#[test]
fn disks_in_memory_answer_as_the_real_one() {
    for round in 0..20 {
        let (real, machines) = (folder(), folder());
        let machine = Machine::start(machines.path(), None, Arc::new(Undisturbed));
        let (memory, root) = (MemoryDisk::new(), PathBuf::from("/some/where"));
        memory.create_dir_all(&root).unwrap();
        for no in round * 1_000..round * 1_000 + 300 {
            let said = step(&memory, &root, no);
            if is_of_no_account(&said) {
                continue;
            }
            assert_eq!(said, step(&RealDisk, real.path(), no), "step {no}");
            assert_eq!(said, step(&*machine.disk(), machines.path(), no), "step {no}");
        }
    }
}

#[test]
fn a_snapshot_shares_nothing_and_times_are_set() {
    let (disk, path) = (MemoryDisk::new(), PathBuf::from("/a"));
    disk.set_now(17);
    disk.write_atomically(&path, b"one").unwrap();
    let before = disk.snapshot();
    disk.set_now(18);
    disk.write_atomically(&path, b"two").unwrap();
    assert_eq!(before.read(&path).unwrap(), b"one");
    assert_eq!(before.entry(&path).unwrap().unwrap().modified_micros, 17);
    assert_eq!(disk.clone().entry(&path).unwrap().unwrap().modified_micros, 18);
    let lock = disk.try_lock(&PathBuf::from("/lock")).unwrap();
    assert!(lock.is_some() && disk.try_lock(&PathBuf::from("/lock")).unwrap().is_none());
    drop(lock);
    assert!(disk.try_lock(&PathBuf::from("/lock")).unwrap().is_some());
}

#[test]
fn what_lies_beyond_takes_part_in_the_same_stream() {
    let dir = folder();
    let seen = Arc::new(AtomicU64::new(0));
    let counted = seen.clone();
    let fate = script(move |event| match event.call {
        Call::Remote("commit") => Verdict::Die(Moment::Before),
        _ => {
            counted.store(event.no, Ordering::SeqCst);
            Verdict::Go
        }
    });
    let machine = Machine::start(dir.path(), None, fate);
    assert_eq!(machine.ask(Call::Remote("put"), Path::new("inbox")), Verdict::Go);
    machine.disk().create(&dir.path().join("a")).unwrap();
    assert_eq!((seen.load(Ordering::SeqCst), machine.step_no()), (2, 2));
    assert_eq!(machine.ask(Call::Remote("commit"), Path::new("inbox")), Verdict::Die(Moment::Before));
    assert!(machine.is_dead());
}
