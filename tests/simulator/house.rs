//! A hub on a simulated machine: the real pipelines, scheduler, store and archive, with every seam in our hands.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use toek::config::{ClockKind, Installation, default_files};
use toek::pipelines::{Activity, Endpoints, Hub, Silent};
use toek::seams::{Clock, Ids, NoChance};
use toek::serve::metrics::Metrics;
use toek::serve::scheduler::Scheduler;
use toek::steps::Step;
use toek::store::archive::{Archive, Key};
use toek::store::{Store, StoreError, Witness};
use toek_adapters::disk::Disk;
use toek_adapters::drop::Drop;
use toek_formats::g68::Layouts;
use toek_formats::vocabulary::MunicipalityCode;

use crate::fates::Fates;
use crate::machine::{Machine, MemoryDisk};
use crate::network::{Network, SimDrop};

/// Where each thing lies on the counterparties' side.
pub(crate) const KSD: &str = "/endpoints/ksd/in";
pub(crate) const NEMKONTO: &str = "/endpoints/nemkonto";
pub(crate) const PLATFORM: &str = "/platform";
/// The hub's user on Serviceplatformen.
pub(crate) const USER: &str = "serviceplatformen";
/// The store's file in a machine's directory.
pub(crate) const STORE: &str = "toek.db";
/// The archive beside it.
pub(crate) const ARCHIVE: &str = "archive";

/// True time, and what the hub's clock shows.
pub(crate) struct SimClock(Mutex<(Timestamp, SignedDuration)>);

impl SimClock {
    pub(crate) fn at(now: Timestamp) -> SimClock {
        SimClock(Mutex::new((now, SignedDuration::ZERO)))
    }

    pub(crate) fn set(&self, now: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0 = now;
    }

    /// Somebody sets the clock wrong by so much, or right again.
    pub(crate) fn skew(&self, by: SignedDuration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1 = by;
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let (now, skew) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        now.checked_add(skew).unwrap_or(now)
    }

    fn elapsed(&self) -> Duration {
        let (now, _) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Duration::try_from(now.duration_since(Timestamp::UNIX_EPOCH)).unwrap_or_default()
    }
}

/// Chance of a seed: keys and salts that never repeat within a life.
struct SimIds(Mutex<(u64, u64)>);

impl Ids for SimIds {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoChance> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for part in bytes.chunks_mut(32) {
            state.1 += 1;
            let hash = Sha256::new().chain_update(state.0.to_le_bytes()).chain_update(state.1.to_le_bytes());
            part.copy_from_slice(&hash.finalize()[..part.len()]);
        }
        Ok(())
    }
}

/// The files of an installation for some municipalities, with a few texts replaced.
pub(crate) fn installation(codes: &[u16], edits: &[(&str, &str, &str)]) -> Installation {
    let codes: Vec<MunicipalityCode> = codes.iter().copied().map(MunicipalityCode).collect();
    let mut files: BTreeMap<PathBuf, String> =
        default_files(&codes, ClockKind::Simulated).into_iter().collect();
    for (file, from, to) in edits {
        let text = files.get_mut(Path::new(file)).unwrap();
        assert!(text.contains(from), "{file} does not say {from}");
        *text = text.replace(from, to);
    }
    let read = |path: &Path| {
        let path = path.strip_prefix("/hub").unwrap_or(path);
        files.get(path).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    };
    Installation::load(&read, Path::new("/hub")).unwrap()
}

struct Steps(Arc<Fates>);

impl Witness for Steps {
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    fn writing(&self, step: Step) {
        self.0.writing(step);
    }

    fn wrote(&self, _step: Step, _took: Duration) {}
}

/// What a hub is started with.
pub(crate) struct Setup<'a> {
    pub(crate) machine: &'a Arc<Machine>,
    pub(crate) dir: &'a Path,
    pub(crate) installation: &'a Installation,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) outside: &'a Arc<MemoryDisk>,
    pub(crate) network: &'a Arc<Network>,
    pub(crate) fates: &'a Arc<Fates>,
    /// Another for each start, so that no key is ever used twice.
    pub(crate) chance: u64,
}

/// A running hub.
pub(crate) struct House {
    pub(crate) hub: Hub,
    scheduler: Scheduler,
}

impl House {
    /// Starts it as a process starts: nothing is known but what the machine kept.
    pub(crate) async fn start(setup: &Setup<'_>) -> Result<House, StoreError> {
        let disk: Arc<dyn Disk> = setup.machine.disk();
        let store = Store::open_inline(&setup.dir.join(STORE))?;
        store.witness(Arc::new(Steps(setup.fates.clone())));
        let hub = Hub {
            dir: PathBuf::from("/hub"),
            endpoints: Endpoints::simulated(&setup.installation.limits, opener(setup)),
            installation: setup.installation.clone(),
            store,
            archive: Archive::new(disk.clone(), setup.dir.join(ARCHIVE)),
            key: Key::new([7; 32]),
            seen: toek::store::seen::Seen::default(),
            layouts: Layouts::embedded().map_err(|e| StoreError::Unreadable { what: e.to_string() })?,
            clock: setup.clock.clone(),
            ids: Arc::new(SimIds(Mutex::new((setup.chance, 0)))),
            disk,
            progress: Arc::new(Silent),
        };
        let scheduler = Scheduler::open(&hub, Arc::new(Metrics::default())).await?;
        Ok(House { hub, scheduler })
    }

    /// Everything that is due at this instant.
    pub(crate) async fn step(&mut self) -> Result<Activity, StoreError> {
        self.scheduler.step(&self.hub).await
    }

    /// When something is due next by the wall clock.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.scheduler.next(&self.hub)
    }

    /// A person believes the clock.
    pub(crate) fn release_clock(&mut self) {
        self.scheduler.release_clock();
    }

    pub(crate) fn holds_sending(&self) -> bool {
        self.scheduler.holds_sending()
    }
}

fn opener(setup: &Setup<'_>) -> Box<toek::pipelines::endpoints::Opener> {
    let (outside, machine, network) = (setup.outside.clone(), setup.machine.clone(), setup.network.clone());
    Box::new(move |endpoint, folder| {
        let folder = match endpoint.name.as_str() {
            "serviceplatformen" => {
                Path::new(PLATFORM).join("users").join(USER).join(folder.file_name().unwrap_or_default())
            }
            _ => Path::new("/").join(folder),
        };
        let disk: Arc<dyn Disk> = outside.clone();
        Box::new(SimDrop::new(&endpoint.name, disk, folder, machine.clone(), network.clone()))
            as Box<dyn Drop>
    })
}
