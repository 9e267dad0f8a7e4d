//! The network between the hub and its counterparties: a drop in memory, and everything that happens to connections.
//!
//! Bytes never get lost in a drop; what goes wrong is what an SFTP client can meet. A call that is cut off after it took
//! effect is the one that matters most: the hub is told of a failure, and the other side has the file.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use toek::steps::Step;
use toek_adapters::disk::Disk;
use toek_adapters::drop::{Collect, Drop, DropError, Listed, Sink, Source};
use toek_adapters::folder::FolderDrop;

use crate::chance::Chance;
use crate::fates::Fates;
use crate::machine::{Call, Machine, Moment, Trouble, Verdict};

/// What a connection can do besides working.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nobody answers, and that is noticed.
    Down,
    /// The server shows a strange key.
    HostKey,
    /// We may not do that.
    Denied,
    /// It takes minutes, and works.
    Slow,
    /// Nobody answers, and that is not noticed.
    HalfOpen,
    /// Cut off in the middle.
    Middle,
    /// Cut off when it was done.
    After,
    /// Cut off when a rename was done.
    Renamed,
    /// The other side's disk is full.
    Full,
    /// A rename is refused.
    RenameRefused,
}

pub(crate) const ALL: [Fault; 10] = [
    Fault::Down,
    Fault::HostKey,
    Fault::Denied,
    Fault::Slow,
    Fault::HalfOpen,
    Fault::Middle,
    Fault::After,
    Fault::Renamed,
    Fault::Full,
    Fault::RenameRefused,
];

/// The state of the network, which outlives the hub's machine.
pub(crate) struct Network {
    state: Mutex<State>,
    fates: Arc<Fates>,
}

struct State {
    /// What goes wrong by chance: so many calls of a thousand.
    weather: Option<(Chance, u64)>,
    /// Endpoints in trouble until it is lifted.
    down: BTreeMap<String, Fault>,
    /// How wrong the counterparty's clocks are, microseconds.
    skew: i64,
    shuffles: bool,
    /// What was ever put under a name, for G7.
    sent: BTreeMap<(String, String), [u8; 32]>,
    changed_bytes: Vec<String>,
    resends: u64,
}

impl Network {
    pub(crate) fn new(fates: Arc<Fates>) -> Network {
        let state = State {
            weather: None,
            down: BTreeMap::new(),
            skew: 0,
            shuffles: false,
            sent: BTreeMap::new(),
            changed_bytes: Vec::new(),
            resends: 0,
        };
        Network { state: Mutex::new(state), fates }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Faults by chance, or none.
    pub(crate) fn weather(&self, weather: Option<(Chance, u64)>) {
        self.state().weather = weather;
    }

    /// An endpoint is in trouble, or well again.
    pub(crate) fn trouble(&self, endpoint: &str, fault: Option<Fault>) {
        match fault {
            Some(fault) => self.state().down.insert(endpoint.to_owned(), fault),
            None => self.state().down.remove(endpoint),
        };
    }

    /// Counterparties whose clocks are wrong, and which list in no order.
    pub(crate) fn oddities(&self, skew: Duration, shuffles: bool) {
        let mut state = self.state();
        state.skew = i64::try_from(skew.as_micros()).unwrap_or(0);
        state.shuffles = shuffles;
    }

    /// All is well from now on.
    pub(crate) fn heal(&self) {
        let mut state = self.state();
        state.weather = None;
        state.down.clear();
    }

    /// Names under which other bytes were sent than before.
    pub(crate) fn changed_bytes(&self) -> Vec<String> {
        self.state().changed_bytes.clone()
    }

    /// How often something was sent under a name once more.
    pub(crate) fn resends(&self) -> u64 {
        self.state().resends
    }

    fn fault(&self, endpoint: &str) -> Option<Fault> {
        let mut state = self.state();
        if let Some(fault) = state.down.get(endpoint) {
            return Some(*fault);
        }
        let (chance, share) = state.weather.as_mut()?;
        chance.in_thousand(*share).then(|| *chance.pick(&ALL))
    }

    /// Remembers what was put, and tells when it differs from what was put under the name before.
    fn note(&self, endpoint: &str, name: &str, bytes: &[u8]) {
        let hash: [u8; 32] = Sha256::digest(bytes).into();
        let mut state = self.state();
        let before = state.sent.insert((endpoint.to_owned(), name.to_owned()), hash);
        state.resends += u64::from(before.is_some());
        if before.is_some_and(|before| before != hash) {
            state.changed_bytes.push(format!("{endpoint}: {name}"));
        }
    }
}

/// One folder pair of an endpoint.
pub(crate) struct SimDrop {
    endpoint: String,
    inner: FolderDrop,
    machine: Arc<Machine>,
    network: Arc<Network>,
}

/// How far a call gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Through,
    Half(Then),
    /// It takes effect, and the hub hears of a failure.
    Deaf(Then),
}

/// What follows a call that was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Lives,
    Dies,
}

impl SimDrop {
    pub(crate) fn new(
        endpoint: &str,
        disk: Arc<dyn Disk>,
        folder: PathBuf,
        machine: Arc<Machine>,
        network: Arc<Network>,
    ) -> SimDrop {
        let inner = FolderDrop::new(disk, folder.clone(), folder);
        SimDrop { endpoint: endpoint.to_owned(), inner, machine, network }
    }

    fn remote(&self, action: &'static str, name: &str, may_pass: bool, said: &str) -> DropError {
        let source = Box::new(io::Error::other(said.to_owned()));
        DropError::Remote { endpoint: self.endpoint.clone(), action, path: name.to_owned(), may_pass, source }
    }

    fn dead(&self, action: &'static str, name: &str) -> DropError {
        self.remote(action, name, true, "this process is dead")
    }

    /// What becomes of a call, before it is made. `step` names those that take effect.
    async fn way(&self, action: &'static str, name: &str, step: Option<Step>) -> Result<Way, DropError> {
        let call = Call::Remote(step.map_or(action, |step| step.row().name));
        let path = PathBuf::from(format!("{}/{name}", self.endpoint));
        let lost = |said: &str| Err(self.remote(action, name, true, said));
        match self.machine.ask(call, &path) {
            Verdict::Go | Verdict::Flip { .. } | Verdict::Lie => {}
            Verdict::Die(Moment::Before) => {
                self.machine.die();
                return Err(self.dead(action, name));
            }
            Verdict::Die(Moment::Torn) => return Ok(Way::Half(Then::Dies)),
            Verdict::Die(Moment::After) => return Ok(Way::Deaf(Then::Dies)),
            Verdict::Fail(Trouble::Io) => return lost("connection reset"),
            Verdict::Fail(Trouble::Full) if step.is_some() => return Ok(Way::Half(Then::Lives)),
            Verdict::Fail(_) if step.is_some() => return Ok(Way::Deaf(Then::Lives)),
            Verdict::Fail(_) => return lost("connection reset"),
        }
        if self.machine.is_dead() {
            return Err(self.dead(action, name));
        }
        let Some(fault) = self.network.fault(&self.endpoint) else { return Ok(Way::Through) };
        self.network.fates.count(&format!("network: {fault:?}"));
        match fault {
            Fault::Down => lost("connection refused"),
            Fault::HostKey => Err(DropError::HostKey {
                endpoint: self.endpoint.clone(),
                shown: "SHA256:strange".to_owned(),
                pinned: "SHA256:known".to_owned(),
            }),
            Fault::Denied => Err(self.remote(action, name, false, "permission denied")),
            Fault::Full if step == Some(Step::Uploaded) => Ok(Way::Half(Then::Lives)),
            Fault::Full => lost("no space left at the other side"),
            Fault::RenameRefused if step == Some(Step::Committed) => {
                Err(self.remote("rename", name, false, "failure"))
            }
            Fault::Renamed if step == Some(Step::Committed) => Ok(Way::Deaf(Then::Lives)),
            Fault::RenameRefused | Fault::Renamed => Ok(Way::Through),
            Fault::Slow => {
                tokio::time::sleep(Duration::from_secs(20)).await;
                Ok(Way::Through)
            }
            Fault::HalfOpen => {
                tokio::time::sleep(Duration::from_secs(180)).await;
                Err(DropError::Late { limit: Duration::from_secs(180) })
            }
            Fault::Middle if step.is_some() => Ok(Way::Half(Then::Lives)),
            Fault::After if step.is_some() => Ok(Way::Deaf(Then::Lives)),
            Fault::Middle | Fault::After => lost("connection reset"),
        }
    }

    /// After an effect: what the hub hears.
    fn told(&self, way: Way, action: &'static str, name: &str) -> Result<(), DropError> {
        match way {
            Way::Through => Ok(()),
            Way::Half(then) | Way::Deaf(then) => {
                if then == Then::Dies {
                    self.machine.die();
                }
                Err(self.remote(action, name, true, "connection reset"))
            }
        }
    }

    fn seen(&self, mut listed: Listed) -> Listed {
        listed.modified_micros += self.network.state().skew;
        listed
    }
}

/// Gives the first half of another source.
struct HalfOf<'a>(&'a [u8]);

impl Source for HalfOf<'_> {
    fn block(&mut self) -> io::Result<&[u8]> {
        Ok(std::mem::take(&mut self.0))
    }
}

fn all_of(source: &mut dyn Source, name: &str) -> Result<Vec<u8>, DropError> {
    let mut bytes = Vec::new();
    loop {
        let block = source.block().map_err(|source| DropError::Stream { name: name.to_owned(), source })?;
        if block.is_empty() {
            return Ok(bytes);
        }
        bytes.extend_from_slice(block);
    }
}

#[async_trait]
impl Drop for SimDrop {
    async fn list(&self) -> Result<Vec<Listed>, DropError> {
        self.way("list", ".", None).await?;
        let mut listed: Vec<Listed> =
            self.inner.list().await?.into_iter().map(|file| self.seen(file)).collect();
        let mut state = self.network.state();
        if state.shuffles {
            let mut chance = Chance::new(listed.len() as u64);
            if let Some((weather, _)) = state.weather.as_mut() {
                chance = Chance::new(weather.next());
            }
            chance.shuffle(&mut listed);
        }
        Ok(listed)
    }

    async fn look(&self, name: &str) -> Result<Option<Listed>, DropError> {
        self.way("look at", name, None).await?;
        Ok(self.inner.look(name).await?.map(|file| self.seen(file)))
    }

    async fn get(&self, name: &str, sink: &mut dyn Sink) -> Result<(), DropError> {
        let way = self.way("read", name, None).await?;
        let mut bytes = Collect::default();
        self.inner.get(name, &mut bytes).await?;
        let is_cut = matches!(way, Way::Half(_)) || self.network.fault(&self.endpoint) == Some(Fault::Middle);
        let given = if is_cut { bytes.0.len() / 2 } else { bytes.0.len() };
        for block in bytes.0[..given].chunks(4_096) {
            sink.block(block).map_err(|source| DropError::Stream { name: name.to_owned(), source })?;
        }
        match is_cut {
            true => {
                self.network.fates.count("network: download cut off");
                Err(DropError::Changed {
                    name: name.to_owned(),
                    got: given as u64,
                    size: bytes.0.len() as u64,
                })
            }
            false => Ok(()),
        }
    }

    async fn remove(&self, name: &str) -> Result<(), DropError> {
        let way = self.way("remove", name, Some(Step::TakenAway)).await?;
        if !matches!(way, Way::Half(_)) {
            self.inner.remove(name).await?;
        }
        self.told(way, "remove", name)
    }

    async fn put(&self, name: &str, source: &mut dyn Source) -> Result<(), DropError> {
        let way = self.way("write", name, Some(Step::Uploaded)).await?;
        let bytes = all_of(source, name)?;
        self.network.note(&self.endpoint, name, &bytes);
        let given = if matches!(way, Way::Half(_)) { bytes.len() / 2 } else { bytes.len() };
        self.inner.put(name, &mut HalfOf(&bytes[..given])).await?;
        self.told(way, "write", name)
    }

    async fn commit(&self, name: &str, companion: Option<&[u8]>) -> Result<(), DropError> {
        let way = self.way("rename", name, Some(Step::Committed)).await?;
        if matches!(way, Way::Half(_)) {
            return self.told(way, "rename", name); // a rename is whole or not at all
        }
        match (self.inner.commit(name, None).await, companion) {
            // A commit that was cut off between the file and its companion goes on.
            (Err(DropError::Missing { .. } | DropError::Taken { .. }), Some(_)) => {}
            (done, _) => done?,
        }
        self.told(way, "rename", name)?;
        let Some(companion) = companion else { return Ok(()) };
        let way = self.way("write", name, Some(Step::Companion)).await?;
        if !matches!(way, Way::Half(_)) {
            self.inner.commit(name, Some(companion)).await?;
        }
        self.told(way, "write", name)
    }

    async fn pending(&self, name: &str, companion: Option<&[u8]>) -> Result<bool, DropError> {
        self.way("look at", name, None).await?;
        self.inner.pending(name, companion).await
    }

    async fn landed(&self, name: &str) -> Result<Option<Listed>, DropError> {
        self.way("look at", name, None).await?;
        Ok(self.inner.landed(name).await?.map(|file| self.seen(file)))
    }

    async fn read_back(&self, name: &str, sink: &mut dyn Sink) -> Result<(), DropError> {
        self.way("read", name, None).await?;
        self.inner.read_back(name, sink).await
    }
}
