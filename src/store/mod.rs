//! Everything durable that is not a file: every SQL statement of the hub, one file per thing.
//!
//! A write is a value sent to the writer, never a transaction held across an await. The writer runs each in a
//! savepoint, so that a failure rolls back alone, commits many together, and answers only after the commit. Readers
//! have connections of their own. Decides nothing about money: the rules are the domain's, called from within a write
//! so that they see what they change.

pub mod adopt;
pub mod archive;
pub mod assortment;
pub mod block;
pub mod bundle;
pub mod controls;
pub mod duplicate;
pub mod evidence;
pub mod finance;
pub mod handling;
pub mod intake;
pub mod journal;
pub mod ledger;
pub mod nemkonto;
pub mod people_log;
pub mod person_act;
mod picture;
pub mod pulse;
mod queue;
pub mod report;
pub mod restore;
pub mod schedule;
pub mod seal;
pub mod search;
pub mod seen;
mod sql;
pub mod task;
pub mod transfer;
pub mod unknown;
pub mod verify;

use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::civil::Date;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::sync::oneshot;

use crate::canary::{self, Canary};
use queue::{Lane, Queue, Reading};
pub use sql::Tx;

use crate::steps::Step;

mod migrations {
    refinery::embed_migrations!("src/store/migrations");
}

/// What can go wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or failed.
    #[error("the store failed")]
    Sqlite(#[from] rusqlite::Error),
    /// The schema could not be brought up to date.
    #[error("the store's schema could not be brought up to date")]
    Migration(#[from] Box<refinery::Error>),
    /// A later build wrote this store.
    #[error("the store has schema version {found}, this build knows up to {known}: use the newer build")]
    Newer {
        /// The store's.
        found: i64,
        /// The newest this build knows.
        known: i64,
    },
    /// An earlier build wrote this store, and it cannot be brought up to date by looking at it.
    #[error(
        "the store has schema version {found}, this build reads version {known}: the next command that changes \
         anything, such as `toek run`, brings it up to date"
    )]
    Older {
        /// The store's.
        found: i64,
        /// The one this build reads.
        known: i64,
    },
    /// It was cut off while it was made.
    #[error(
        "the store has no tables yet, so nothing was ever kept in it: the next command that changes anything, such as \
         `toek run`, makes them"
    )]
    Empty,
    /// It was cut off between its tables and the seals of their rows.
    #[error(
        "the store was cut off while it was made or brought up to date: the next command that changes anything, such as \
         `toek run`, finishes that"
    )]
    Unfinished,
    /// Rows are not as they were sealed. A new schema would have them sealed anew, and nobody would ever know.
    #[error(
        "rows of `{table}` were changed by something else than toek: `toek verify` of the build that wrote it tells more"
    )]
    Altered {
        /// Where.
        table: String,
    },
    /// Its folder cannot be written, so that a reader cannot keep out of a writer's way.
    #[error("the store's folder cannot be written")]
    Sealed(#[source] rusqlite::Error),
    /// Something stored is not what this build can have written.
    #[error("the store holds {what} that this build cannot read")]
    Unreadable {
        /// What it is.
        what: String,
    },
    /// The state is not the one that the write expects; nothing was changed.
    #[error("{0}")]
    Conflict(String),
    /// The writer has stopped.
    #[error("the store's writer has stopped")]
    Stopped,
}

impl From<crate::domain::payment::UnknownCode> for StoreError {
    fn from(error: crate::domain::payment::UnknownCode) -> StoreError {
        StoreError::Unreadable { what: error.to_string() }
    }
}

impl From<crate::domain::outcome::BadOutcomes> for StoreError {
    fn from(error: crate::domain::outcome::BadOutcomes) -> StoreError {
        StoreError::Unreadable { what: error.to_string() }
    }
}

/// A change to the store, as a value. It may be run more than once, so it keeps nothing between runs.
pub trait Write: Send + 'static {
    /// Which durable step it is.
    const STEP: Step;
    /// What the caller learns.
    type Out: Send + 'static;
    /// Makes the change. An error undoes all of it.
    fn apply(&self, tx: &Tx<'_>) -> Result<Self::Out, StoreError>;
}

/// Several writes that are one step, each made for itself first.
pub struct Together<S, F>(PhantomData<S>, F);

/// Makes what `apply` makes, as the step that write `S` is.
pub fn together<S, F, T>(apply: F) -> Together<S, F>
where
    S: Write,
    F: Fn(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
{
    Together(PhantomData, apply)
}

impl<S, F, T> Write for Together<S, F>
where
    S: Write,
    F: Fn(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    T: Send + 'static,
{
    const STEP: Step = S::STEP;
    type Out = T;
    fn apply(&self, tx: &Tx<'_>) -> Result<T, StoreError> {
        (self.1)(tx)
    }
}

/// The same value again and again.
impl<W: Write + Sync> Write for Arc<W> {
    const STEP: Step = W::STEP;
    type Out = W::Out;
    fn apply(&self, tx: &Tx<'_>) -> Result<W::Out, StoreError> {
        W::apply(self, tx)
    }
}

/// Changes nothing: once it is done, so is all that was queued before it.
pub struct Nothing;

impl Write for Nothing {
    const STEP: Step = Step::Nothing;
    type Out = ();
    fn apply(&self, _tx: &Tx<'_>) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A write on its way: runs, and later tells its caller how the commit went.
type Job = Box<dyn FnOnce(&Connection) -> Answer + Send>;
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

enum Writer {
    Thread { jobs: Arc<Queue<Job>>, thread: Option<JoinHandle<()>> },
    Inline(Mutex<Connection>),
}

/// Is told of every write.
pub trait Witness: Send + Sync {
    /// Time that has passed since some moment.
    fn elapsed(&self) -> Duration;
    /// A write is about to be made; it is durable only when [`Witness::wrote`] is told.
    fn writing(&self, _step: Step) {}
    /// A write took this long from being queued to being durable, or to being refused.
    fn wrote(&self, step: Step, took: Duration);
}

/// The store of one installation.
pub struct Store {
    path: PathBuf,
    writer: Writer,
    readers: Mutex<Vec<Connection>>,
    witness: OnceLock<Arc<dyn Witness>>,
    /// Of a store read without a log: whether it is still as it was when it was opened.
    still: Option<Box<dyn Fn() -> bool + Send + Sync>>,
}

/// Prepared statements kept: more than there are.
const STATEMENTS: usize = 512;
/// Pages of 8 KiB.
const PAGE_BYTES: i64 = 8_192;
/// The write-ahead log is folded back when it is this long, 32 MiB.
const CHECKPOINT_PAGES: i64 = 4_096;

impl Store {
    /// Opens or makes the store at `path`, with its writer on a thread of its own.
    pub fn open(path: &Path) -> Result<Store, StoreError> {
        let connection = writable(path)?;
        let jobs = Arc::new(Queue::new());
        let queue = jobs.clone();
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || write_until_closed(&connection, &queue))
            .map_err(|_| StoreError::Stopped)?;
        Ok(Store::new(path, Writer::Thread { jobs, thread: Some(thread) }, None))
    }

    fn new(path: &Path, writer: Writer, still: Option<Box<dyn Fn() -> bool + Send + Sync>>) -> Store {
        Store { path: path.to_owned(), writer, readers: Mutex::default(), witness: OnceLock::new(), still }
    }

    /// The same with the writer in the caller's thread: slower, and in an order that a test can repeat.
    pub fn open_inline(path: &Path) -> Result<Store, StoreError> {
        let writer = Writer::Inline(Mutex::new(writable(path)?));
        Ok(Store::new(path, writer, None))
    }

    /// Opens an existing store for reading only.
    ///
    /// # Errors
    /// [`StoreError::Sealed`] where its log cannot be written: SQLite keeps readers and writers apart by files beside it.
    pub fn open_to_read(path: &Path) -> Result<Store, StoreError> {
        Store::reading(path, None)
    }

    /// Opens a store where nobody may write, and which has no log: the file itself is all there is. Every read asks
    /// `still` whether that file is as it was when the store was opened, and fails if it is not.
    pub fn open_sealed(
        path: &Path,
        still: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Result<Store, StoreError> {
        Store::reading(path, Some(Box::new(still)))
    }

    fn reading(path: &Path, still: Option<Box<dyn Fn() -> bool + Send + Sync>>) -> Result<Store, StoreError> {
        let open = if still.is_some() { sealed } else { readable };
        let checked = open(path).and_then(|connection| refuse_another(&connection).map(|()| connection));
        let connection = checked.map_err(|error| match error {
            StoreError::Sqlite(cause) if cannot_write(&cause) => StoreError::Sealed(cause),
            other => other,
        })?;
        let writer = Writer::Inline(Mutex::new(connection));
        Ok(Store::new(path, writer, still))
    }

    /// Opens an existing store to add to it beside its owner. Never changes its schema.
    pub fn open_to_append(path: &Path) -> Result<Store, StoreError> {
        let connection = readable(path)?;
        connection.pragma_update(None, "query_only", false)?;
        connection.pragma_update(None, "synchronous", "full")?;
        refuse_another(&connection)?;
        let writer = Writer::Inline(Mutex::new(connection));
        Ok(Store::new(path, writer, None))
    }

    /// Tells of every write from now on. Only the first witness counts.
    pub fn witness(&self, witness: Arc<dyn Witness>) {
        let _ = self.witness.set(witness);
    }

    /// Queues a chunk of a long work without waiting for it; the receiver hears of it after the commit. Chunks are stored
    /// in the order in which they are brought, but other writes pass them.
    pub fn begin_chunk<W: Write>(&self, write: W) -> Pending<W::Out> {
        self.begin(Lane::Chunks, write)
    }

    fn begin<W: Write>(&self, lane: Lane, write: W) -> Pending<W::Out> {
        let (tell, told) = oneshot::channel();
        let watched = self.witness.get().map(|witness| (witness.clone(), witness.elapsed()));
        let tell = Tell { tell, step: W::STEP, watched };
        match &self.writer {
            // A closed queue drops `tell`, and the caller hears that the writer has stopped.
            Writer::Thread { jobs, .. } => jobs.push(lane, job(write, tell)),
            Writer::Inline(connection) => {
                let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                commit_together(&connection, vec![job(write, tell)]);
            }
        }
        Pending { told }
    }

    /// Queues a small write without waiting for it.
    pub fn begin_write<W: Write>(&self, write: W) -> Pending<W::Out> {
        self.begin(Lane::Small, write)
    }

    /// Makes a change and answers after it is committed.
    pub async fn write<W: Write>(&self, write: W) -> Result<W::Out, StoreError> {
        self.begin_write(write).done().await
    }

    /// The same for callers that are not async.
    pub fn write_blocking<W: Write>(&self, write: W) -> Result<W::Out, StoreError> {
        self.begin_write(write).told.blocking_recv().unwrap_or(Err(StoreError::Stopped))
    }

    /// Reads a consistent view. Keep it short: while it lasts the log cannot be folded back.
    pub fn read<T>(&self, read: impl FnOnce(&Tx<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let pooled = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match pooled {
            Some(connection) => connection,
            None if self.still.is_some() => sealed(&self.path)?,
            None => readable(&self.path)?,
        };
        connection.execute_batch("begin")?;
        let result = read(&Tx::new(&connection));
        connection.execute_batch("rollback")?;
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        if self.still.as_ref().is_some_and(|still| !still()) {
            return Err(StoreError::Conflict(
                "the store was changed while it was read: ask again".to_owned(),
            ));
        }
        result
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Writer::Thread { jobs, thread } = &mut self.writer {
            jobs.close();
            if let Some(thread) = thread.take() {
                let _ = thread.join();
            }
        }
    }
}

/// A write that was queued.
#[must_use = "a write that nobody waits for may have failed"]
pub struct Pending<T> {
    told: oneshot::Receiver<Result<T, StoreError>>,
}

impl<T> Pending<T> {
    /// Waits for the commit.
    pub async fn done(self) -> Result<T, StoreError> {
        self.told.await.unwrap_or(Err(StoreError::Stopped))
    }
}

/// Who hears of a write, and when it was queued where that is measured.
struct Tell<T> {
    tell: oneshot::Sender<Result<T, StoreError>>,
    step: Step,
    watched: Option<(Arc<dyn Witness>, Duration)>,
}

impl<T> Tell<T> {
    fn tell(self, answer: Result<T, StoreError>) {
        if let Some((witness, queued)) = self.watched {
            witness.wrote(self.step, witness.elapsed().saturating_sub(queued));
        }
        let _ = self.tell.send(answer); // the caller may have gone away
    }
}

fn job<W: Write>(write: W, tell: Tell<W::Out>) -> Job {
    Box::new(move |connection| {
        if let Some((witness, _)) = &tell.watched {
            witness.writing(tell.step);
        }
        let result = in_savepoint(connection, &write);
        Box::new(move |committed| {
            let answer = match (result, committed) {
                (Ok(out), Ok(())) => Ok(out),
                (Ok(_), Err(error)) | (Err(error), _) => Err(error),
            };
            tell.tell(answer);
        })
    })
}

fn in_savepoint<W: Write>(connection: &Connection, write: &W) -> Result<W::Out, StoreError> {
    connection.execute_batch("savepoint write_value")?;
    let result = write.apply(&Tx::new(connection));
    let end =
        if result.is_ok() { "release write_value" } else { "rollback to write_value; release write_value" };
    connection.execute_batch(end)?;
    result
}

fn write_until_closed(connection: &Connection, queue: &Queue<Job>) {
    let _reading = Reading(queue);
    loop {
        let together = queue.next();
        if together.is_empty() {
            return;
        }
        commit_together(connection, together);
    }
}

fn commit_together(connection: &Connection, jobs: Vec<Job>) {
    let begun = connection.execute_batch("begin immediate");
    if begun.is_err() {
        // Each job learns of it by its own savepoint's commit: none is run.
        let message = begun.err().map(|e| e.to_string()).unwrap_or_default();
        for job in jobs {
            drop(job); // dropping the answer tells the caller that nothing was written
        }
        tracing::error!(error = message, "the store could not begin a transaction");
        return;
    }
    let answers: Vec<Answer> = jobs.into_iter().map(|job| job(connection)).collect();
    let committed = connection.execute_batch("commit").map_err(|e| {
        let _ = connection.execute_batch("rollback");
        Arc::new(e)
    });
    for answer in answers {
        answer(match &committed {
            Ok(()) => Ok(()),
            Err(error) => Err(StoreError::Conflict(format!("the commit failed: {error}"))),
        });
    }
}

fn writable(path: &Path) -> Result<Connection, StoreError> {
    let mut connection = Connection::open(path)?;
    keep_plans(&connection)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "cache_size", -16_000)?; // KiB
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    refuse_newer(&connection)?;
    if canary::is_active(Canary::RefusedOlder) && found_version(&connection)?.is_some() {
        refuse_another(&connection)?;
    }
    seal::hold_before_upgrade(&connection, known_version())?;
    // Together: a step that is done and a note of it that is not would be a store that never opens again.
    migrations::migrations::runner().set_grouped(true).run(&mut connection).map_err(Box::new)?;
    seal::keep(&connection, known_version())?;
    Ok(connection)
}

fn readable(path: &Path) -> Result<Connection, StoreError> {
    // A reader is one thread's at a time, so SQLite need not lock it again.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    prepared_to_read(Connection::open_with_flags(path, flags)?)
}

/// SQLite takes the file for one that never changes, and wants no log beside it.
fn sealed(path: &Path) -> Result<Connection, StoreError> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => uri.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    prepared_to_read(Connection::open_with_flags(uri + "?immutable=1", flags)?)
}

/// A statement keeps the plan it was prepared with. Otherwise one that compares what a partial index speaks of is prepared
/// again whenever it is bound anew.
fn keep_plans(connection: &Connection) -> Result<(), StoreError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

fn prepared_to_read(connection: Connection) -> Result<Connection, StoreError> {
    keep_plans(&connection)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -4_000)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

fn cannot_write(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    code.is_some_and(|code| matches!(code, ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

/// An older build must not write into a newer schema.
fn refuse_newer(connection: &Connection) -> Result<(), StoreError> {
    let known = known_version();
    match found_version(connection)? {
        Some(found) if found > known => Err(StoreError::Newer { found, known }),
        _ => Ok(()),
    }
}

/// The same where nothing is brought up to date: this build's questions are about its own tables.
fn refuse_another(connection: &Connection) -> Result<(), StoreError> {
    refuse_newer(connection)?;
    let known = known_version();
    match found_version(connection)? {
        None | Some(0) => Err(StoreError::Empty),
        Some(found) if found < known => Err(StoreError::Older { found, known }),
        Some(_) if !seal::are_made(connection)? => Err(StoreError::Unfinished),
        Some(_) => Ok(()),
    }
}

/// The newest version of the schema that this build knows.
fn known_version() -> i64 {
    let all = migrations::migrations::runner();
    all.get_migrations().iter().map(|m| i64::from(m.version())).max().unwrap_or(0)
}

/// The version of a store's schema; none where it has none yet.
fn found_version(connection: &Connection) -> Result<Option<i64>, StoreError> {
    let has_history: bool = connection.query_row(
        "select exists (select 1 from sqlite_master where name = 'refinery_schema_history')",
        [],
        |row| row.get(0),
    )?;
    if !has_history {
        return Ok(None);
    }
    let found =
        connection.query_row("select coalesce(max(version), 0) from refinery_schema_history", [], |row| {
            row.get(0)
        })?;
    Ok(Some(found))
}

/// Days since 1970-01-01, as the store keeps a date.
pub(crate) fn day_number(date: Date) -> i64 {
    i64::from((date - Date::constant(1970, 1, 1)).get_days())
}

/// The date of a stored day.
pub(crate) fn date_of(day: i64) -> Date {
    let span = jiff::Span::new().days(day.clamp(-1_000_000, 1_000_000));
    Date::constant(1970, 1, 1).saturating_add(span)
}

#[cfg(test)]
mod tests;
