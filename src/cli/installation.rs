//! Opens an installation: its files checked, its store and archive at hand, and, for commands with outside effects, its
//! lock held.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use toek_adapters::disk::{Disk, DiskLock, RealDisk};
use toek_formats::g68::Layouts;

use super::Context;
use crate::config::{ClockKind, ConfigError, Installation, MAIN_FILE};
use crate::pipelines::{Hub, Progress, Silent};
use crate::seams::{Clock as _, Ids, SimulatedClock, random};
use crate::store::archive::{Archive, Key};
use crate::store::{Store, StoreError};

/// Where an installation keeps what it makes, below its directory.
pub(super) const STORE: &str = "store/toek.db";
pub(super) const ARCHIVE: &str = "archive";
/// Says what a backup holds; makes a directory one.
pub(super) const MANIFEST: &str = "MANIFEST.json";
/// Lies in a directory while it is being restored.
pub(super) const UNFINISHED: &str = "restore.unfinished";
pub(super) const KEY: &str = "keys/installation.key";
pub(super) const LOCK: &str = "lock";
/// What a simulated clock shows.
pub(super) const CLOCK: &str = "clock";

/// What a command may do with an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Look only. Never waits for anybody.
    Read,
    /// Change things: holds the lock, so that only one at a time does.
    Change,
}

/// An open installation, and its lock for as long as it is open.
pub(super) struct Open {
    pub(super) hub: Hub,
    pub(super) clock: OpenClock,
    pub(super) lock: Option<Box<dyn DiskLock>>,
}

/// Which clock the installation goes by.
pub(super) enum OpenClock {
    /// The machine's.
    Real,
    /// One that stands until it is set; what it shows outlives the process.
    Simulated { clock: Arc<SimulatedClock>, file: PathBuf },
}

impl OpenClock {
    /// What it shows.
    pub(super) fn now(&self, context: &Context) -> Timestamp {
        match self {
            OpenClock::Real => context.world.clock.now(),
            OpenClock::Simulated { clock, .. } => clock.now(),
        }
    }

    /// Sets a simulated clock, durably: a later process goes on from there.
    pub(super) fn set(&self, at: Timestamp) -> anyhow::Result<()> {
        match self {
            OpenClock::Real => bail!("the clock of this installation is the machine's and cannot be set"),
            OpenClock::Simulated { clock, file } => {
                RealDisk.write_atomically(file, at.to_string().as_bytes())?;
                clock.set(at);
                Ok(())
            }
        }
    }
}

/// Opens the installation in the context's directory.
pub(super) fn open(context: &Context, access: Access) -> anyhow::Result<Open> {
    open_at(context, &context.dir, access, Arc::new(Silent))
}

/// Opens the installation in `dir`, and tells `progress` of long work.
pub(super) fn open_at(
    context: &Context,
    dir: &Path,
    access: Access,
    progress: Arc<dyn Progress>,
) -> anyhow::Result<Open> {
    let installation = load(dir)?;
    match access {
        Access::Read => open_loaded(context, dir, installation, None, progress),
        Access::Change => {
            let lock = take_lock(dir)?;
            open_loaded(context, dir, installation, Some(lock), progress)
        }
    }
}

/// Opens the installation in `dir` to change it; `None` when another process holds it.
pub(super) fn open_to_change(
    context: &Context,
    dir: &Path,
    progress: Arc<dyn Progress>,
) -> anyhow::Result<Option<Open>> {
    let installation = load(dir)?;
    let Some(lock) = try_lock(dir)? else { return Ok(None) };
    open_loaded(context, dir, installation, Some(lock), progress).map(Some)
}

fn open_loaded(
    context: &Context,
    dir: &Path,
    installation: Installation,
    lock: Option<Box<dyn DiskLock>>,
    progress: Arc<dyn Progress>,
) -> anyhow::Result<Open> {
    let access = if lock.is_some() { Access::Change } else { Access::Read };
    let clock = open_clock(context, dir, installation.clock)?;
    if access == Access::Read && !RealDisk.exists(&dir.join(STORE))? {
        bail!("{} has no store yet: nothing was ever run here", dir.display());
    }
    let key = installation_key(dir, &*context.world.ids)?;
    let store = open_store(dir, access)?;
    let hub = Hub {
        dir: dir.to_owned(),
        store,
        archive: Archive::new(Arc::new(RealDisk), dir.join(ARCHIVE)),
        key,
        endpoints: crate::pipelines::Endpoints::new(&installation.limits),
        seen: crate::store::seen::Seen::default(),
        layouts: Layouts::embedded()?,
        clock: match &clock {
            OpenClock::Real => context.world.clock.clone(),
            OpenClock::Simulated { clock, .. } => clock.clone(),
        },
        ids: context.world.ids.clone(),
        disk: Arc::new(RealDisk),
        progress,
        installation,
    };
    Ok(Open { hub, clock, lock })
}

/// Reads and checks an installation's files; with one mistake there is none.
pub(super) fn load(dir: &Path) -> anyhow::Result<Installation> {
    read(dir)?.map_err(|errors| anyhow::anyhow!(all_of(&errors)))
}

/// Reads and checks an installation's files, and gives every mistake by itself.
pub(super) fn read(dir: &Path) -> anyhow::Result<Result<Installation, Vec<ConfigError>>> {
    let shown = dir.display();
    if RealDisk.exists(&dir.join(UNFINISHED))? {
        bail!("{shown} is half restored: give the same `toek restore` again");
    }
    if RealDisk.exists(&dir.join(MANIFEST))? {
        bail!("{shown} is a backup: `toek -C ELSEWHERE restore {shown}` makes an installation of it");
    }
    if !RealDisk.exists(&dir.join(MAIN_FILE))? {
        bail!(
            "{} is no installation: it has no {MAIN_FILE} (name one with --dir, or make one with `toek init DIR`)",
            dir.display()
        );
    }
    Ok(Installation::load(&text_of, dir))
}

/// The text of a file; its error says all on one line.
pub(super) fn text_of(path: &Path) -> io::Result<String> {
    RealDisk.read_text(path).map_err(|error| {
        let kind = if error.is_not_found() { io::ErrorKind::NotFound } else { io::ErrorKind::Other };
        io::Error::new(kind, crate::pipelines::chain(&error))
    })
}

fn all_of(errors: &[ConfigError]) -> String {
    let lines: Vec<String> = errors.iter().map(|error| format!("  {error}")).collect();
    format!("the installation's files have {} mistakes:\n{}", errors.len(), lines.join("\n"))
}

fn try_lock(dir: &Path) -> anyhow::Result<Option<Box<dyn DiskLock>>> {
    Ok(RealDisk.try_lock(&dir.join(LOCK))?)
}

/// The same where nothing can be done without it.
pub(super) fn take_lock(dir: &Path) -> anyhow::Result<Box<dyn DiskLock>> {
    try_lock(dir)?.with_context(|| is_taken(dir))
}

/// What is said when another process holds the installation.
pub(super) fn is_taken(dir: &Path) -> String {
    format!("another toek is at work on {}; commands that change anything wait their turn", dir.display())
}

/// Whether anything was ever run in `dir`.
pub(super) fn has_store(dir: &Path) -> anyhow::Result<bool> {
    Ok(RealDisk.exists(&dir.join(STORE))?)
}

/// The store, to add to it beside whoever holds the installation.
pub(super) fn store_to_append(dir: &Path) -> anyhow::Result<Store> {
    let path = dir.join(STORE);
    Store::open_to_append(&path).with_context(|| format!("store {}", path.display()))
}

fn open_store(dir: &Path, access: Access) -> anyhow::Result<Store> {
    let path = dir.join(STORE);
    let at = || format!("store {}", path.display());
    match access {
        Access::Change => {
            let archive = dir.join(ARCHIVE);
            let is_used = RealDisk.exists(&archive)? && !RealDisk.list(&archive)?.is_empty();
            if is_used && !RealDisk.exists(&path)? {
                bail!("{} is missing beside an archive that is not empty: restore it", path.display());
            }
            RealDisk.create_dir_all(path.parent().unwrap_or(dir))?;
            RealDisk.create_dir_all(&archive)?;
            Store::open(&path).with_context(at)
        }
        Access::Read => match Store::open_to_read(&path) {
            Err(StoreError::Sealed(_)) => open_sealed(&path).with_context(at),
            other => other.with_context(at),
        },
    }
}

/// Opens a store in a folder where nothing can be written: a copy, or another account's. What only its log holds would be
/// missing, so one with a log is refused.
fn open_sealed(path: &Path) -> anyhow::Result<Store> {
    let log = path.with_file_name("toek.db-wal");
    if RealDisk.entry(&log)?.is_some_and(|log| log.size > 0) {
        bail!(
            "its last changes stand in {}, which cannot be read where nothing may be written: copy the folder to \
             where you may write, and look there",
            log.display()
        );
    }
    let opened = RealDisk.entry(path)?;
    let (disk, file) = (RealDisk, path.to_owned());
    Ok(Store::open_sealed(path, move || disk.entry(&file).is_ok_and(|now| now == opened))?)
}

/// The key that wraps all others, made once.
fn installation_key(dir: &Path, ids: &dyn Ids) -> anyhow::Result<Key> {
    let path = dir.join(KEY);
    if !RealDisk.exists(&path)? {
        if RealDisk.exists(&dir.join(STORE))? {
            bail!(
                "{} is missing, and with it nothing of the archive can be read: restore it",
                path.display()
            );
        }
        RealDisk.create_dir_all(path.parent().unwrap_or(dir))?;
        RealDisk.write_secret(&path, &random::<32>(ids)?)?;
    }
    let bytes: Result<[u8; 32], _> = RealDisk.read(&path)?.try_into();
    let bytes = bytes.map_err(|_| anyhow::anyhow!("{} is not a key of 32 bytes", path.display()))?;
    Ok(Key::new(bytes))
}

/// The clock that an installation in `dir` goes by.
pub(super) fn open_clock(context: &Context, dir: &Path, kind: ClockKind) -> anyhow::Result<OpenClock> {
    let file = dir.join(CLOCK);
    match (kind, context.at) {
        (ClockKind::Real, Some(_)) => {
            bail!("--at is for installations whose clock is simulated; this one goes by the machine's")
        }
        (ClockKind::Real, None) => Ok(OpenClock::Real),
        (ClockKind::Simulated, Some(at)) => Ok(simulated(at, file)),
        (ClockKind::Simulated, None) => {
            let at = match RealDisk.exists(&file)? {
                true => {
                    RealDisk.read_text(&file)?.trim().parse().with_context(|| file.display().to_string())?
                }
                false => context.world.clock.now(),
            };
            Ok(simulated(at, file))
        }
    }
}

fn simulated(at: Timestamp, file: PathBuf) -> OpenClock {
    OpenClock::Simulated { clock: Arc::new(SimulatedClock::new(at)), file }
}
