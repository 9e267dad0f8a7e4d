//! `serve`: the one process that does what is due, for as long as it runs. Commands come to it; health and numbers are
//! had from it.
//!
//! Start with [`plan`] (what is due, pure) and [`scheduler`] (what is started and remembered), then [`run`] (the loop).
//! Beside them [`clock_guard`], [`commands`] (what a person may ask for), [`socket`] (how it arrives), [`health`] and
//! [`metrics`]. Decides nothing about money: it calls the pipelines, which an operator's command calls too. All of it
//! runs on one thread, so that activations interleave only where they wait.

pub mod activation;
pub mod bank;
pub mod clock_guard;
pub mod commands;
pub mod health;
pub mod metrics;
pub mod person;
pub mod plan;
pub mod scheduler;
pub mod socket;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::UnixStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};

use self::activation::{Ended, Start};
use self::commands::Command;
use self::health::Vitals;
use self::metrics::{Metrics, WriteTimes};
use self::person::Person;
use self::scheduler::Scheduler;
use self::socket::{Asked, Listener, Reply};
use crate::canary::{self, Canary};
use crate::config::ClockKind;
use crate::pipelines::{Activity, Hub, chain};
use crate::store::{Nothing, StoreError};

/// How often the schedule is looked at.
const TICK: Duration = Duration::from_secs(1);
/// How long a stop waits for what is being sent.
pub const STOP_WITHIN: Duration = Duration::from_secs(20);
/// A command that does not say what it wants for so long is forgotten.
const HEARING: Duration = Duration::from_secs(5);

/// What a `serve` is started with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where health and numbers are had; port 0 is a free one.
    pub metrics: Option<SocketAddr>,
    /// Stop when a whole round did nothing and nothing is due by the clock up to this instant.
    pub until_idle: Option<Timestamp>,
}

/// What is told while it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Health and numbers are had here.
    Listening(SocketAddr),
    /// Something does not work that payments do not need.
    Trouble(String),
    /// It is at work.
    Started,
}

/// How it went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// What all activations did, but for what failed.
    pub activity: Activity,
    /// What failed in each pipeline's last run, where anything did.
    pub failing: BTreeMap<String, Vec<String>>,
    /// What was cut off when it stopped; the next start goes on with it.
    pub cut: u64,
}

/// Runs until it is told to stop, by SIGTERM or SIGINT. Whoever calls this holds the installation's lock.
///
/// # Errors
/// When the store cannot be read at the start. Later trouble is told and tried again.
pub async fn run(hub: Arc<Hub>, options: Options, tell: &dyn Fn(News)) -> Result<Summary, StoreError> {
    let local = tokio::task::LocalSet::new();
    local.run_until(run_here(hub, options, tell)).await
}

async fn run_here(hub: Arc<Hub>, options: Options, tell: &dyn Fn(News)) -> Result<Summary, StoreError> {
    let metrics = Arc::new(Metrics::default());
    hub.store.witness(Arc::new(WriteTimes { metrics: metrics.clone(), clock: hub.clock.clone() }));
    let vitals = Arc::new(Vitals::new(hub.clone(), metrics.clone()));
    let listener = open_doors(&hub, &options, &vitals, tell);
    if canary::is_active(Canary::DoorsFirst) && listener.is_none() {
        return Err(StoreError::Stopped);
    }
    let scheduler = Scheduler::open(&hub, metrics.clone()).await?;
    let mut daemon = Daemon {
        hub,
        scheduler,
        metrics,
        vitals,
        until_idle: options.until_idle,
        running: JoinSet::new(),
        holding: HashMap::new(),
        waiting: VecDeque::new(),
        stop: watch::Sender::new(false),
        round: Round::default(),
        summary: Summary::default(),
    };
    tell(News::Started);
    daemon.work(listener.as_ref()).await;
    if let Some(listener) = listener {
        listener.close();
    }
    daemon.end().await;
    Ok(daemon.summary)
}

/// Health, numbers and the socket. Without them payments go on.
fn open_doors(hub: &Hub, options: &Options, vitals: &Arc<Vitals>, tell: &dyn Fn(News)) -> Option<Listener> {
    if let Some(address) = options.metrics {
        match health::listen(address, vitals.clone()) {
            Ok(bound) => tell(News::Listening(bound)),
            Err(e) => tell(News::Trouble(format!("health and metrics cannot be had at {address}: {e}"))),
        }
    }
    match Listener::open(&hub.dir, &hub.installation.users, hub.installation.clock == ClockKind::Simulated) {
        Ok(listener) => Some(listener),
        Err(error) => {
            let what = chain(&error);
            tell(News::Trouble(format!("commands that change anything cannot be given: {what}")));
            None
        }
    }
}

/// What a task of ours brings back.
enum Finished {
    Run(Box<Start>, Box<Ended>),
    Heard(Option<Asked>),
    Command { released_clock: bool },
}

/// What a running task holds, for when it dies.
enum Holding {
    Run(Start),
    Places(BTreeSet<String>),
    Nothing,
}

/// Whether every place has been looked at since something last happened.
#[derive(Default)]
struct Round {
    polled: BTreeSet<String>,
}

struct Daemon {
    hub: Arc<Hub>,
    scheduler: Scheduler,
    metrics: Arc<Metrics>,
    vitals: Arc<Vitals>,
    until_idle: Option<Timestamp>,
    running: JoinSet<Finished>,
    holding: HashMap<Id, Holding>,
    /// Commands whose pipeline is at work.
    waiting: VecDeque<Asked>,
    stop: watch::Sender<bool>,
    round: Round,
    summary: Summary,
}

impl Daemon {
    async fn work(&mut self, listener: Option<&Listener>) {
        let (mut terminate, mut interrupt) =
            (signals(SignalKind::terminate()), signals(SignalKind::interrupt()));
        while !self.is_idle() {
            self.vitals.tick();
            self.metrics.tidy();
            self.begin_commands();
            self.begin_runs().await;
            tokio::select! {
                () = tokio::time::sleep(TICK) => {}
                ended = self.running.join_next_with_id(), if !self.running.is_empty() => {
                    if let Some(ended) = ended { self.take_back(ended).await; }
                }
                stream = accept(listener) => self.hear(listener, stream),
                () = &mut terminate => return,
                () = &mut interrupt => return,
            }
        }
    }

    async fn begin_runs(&mut self) {
        for start in self.scheduler.tick(&self.hub).await {
            self.begin(start);
        }
    }

    fn begin(&mut self, start: Start) {
        let (hub, mut stop) = (self.hub.clone(), self.stop.subscribe());
        let is_patient = activation::sends(&hub, &start);
        let held = Holding::Run(start.clone());
        let task = self.running.spawn_local(async move {
            let run = activation::activate(&hub, &start);
            let ended = tokio::select! {
                ended = run => ended,
                // What receives may end wherever it waits: what it has not stored it reads again.
                _ = stop.wait_for(|stop| *stop), if !is_patient => Ended { was_cut: true, ..Ended::default() },
            };
            Finished::Run(Box::new(start), Box::new(ended))
        });
        self.holding.insert(task.id(), held);
    }

    fn hear(&mut self, listener: Option<&Listener>, stream: std::io::Result<UnixStream>) {
        let (Some(gate), Ok(stream)) = (listener.map(Listener::gate), stream) else { return };
        let hearing = tokio::time::timeout(HEARING, Listener::hear(gate, stream));
        let task = self.running.spawn_local(async move { Finished::Heard(hearing.await.ok().flatten()) });
        self.holding.insert(task.id(), Holding::Nothing);
    }

    /// Commands go before runs, each as soon as its places are free.
    fn begin_commands(&mut self) {
        for asked in std::mem::take(&mut self.waiting) {
            let pipeline = asked.command.pipeline(&self.hub).ok().flatten();
            match pipeline.map(|pipeline| self.scheduler.take(&self.hub, &pipeline)) {
                Some(None) => self.waiting.push_back(asked),
                Some(Some(places)) => self.perform(asked, places),
                None => self.perform(asked, BTreeSet::new()),
            }
        }
    }

    fn perform(&mut self, asked: Asked, places: BTreeSet<String>) {
        let hub = self.hub.clone();
        let task = self.running.spawn_local(async move {
            let (command, who) = (asked.command.clone(), asked.who.clone());
            let reply = perform(&hub, &who, &command).await;
            let released_clock = command == Command::ReleaseClock && reply.is_ok();
            asked.answer(reply).await;
            Finished::Command { released_clock }
        });
        self.holding.insert(task.id(), Holding::Places(places));
    }

    async fn take_back(&mut self, ended: Result<(Id, Finished), JoinError>) {
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let holding = self.holding.remove(&id);
        match (ended, holding) {
            (Ok((_, Finished::Run(start, ended))), _) => self.run_ended(&start, *ended).await,
            (Err(error), Some(Holding::Run(start))) => {
                let error = Some(format!("it broke off: {error}"));
                self.run_ended(&start, Ended { error, ..Ended::default() }).await;
            }
            (Ok((_, Finished::Heard(asked))), _) => self.waiting.extend(asked),
            (finished, Some(Holding::Places(places))) => {
                self.scheduler.give_back(&places);
                if matches!(finished, Ok((_, Finished::Command { released_clock: true }))) {
                    self.scheduler.release_clock();
                }
                if self.until_idle.is_some() {
                    self.round = Round::default();
                }
            }
            (_, None | Some(Holding::Nothing)) => {}
            (Ok(_), Some(Holding::Run(_))) => {}
        }
    }

    async fn run_ended(&mut self, start: &Start, ended: Ended) {
        if let Err(error) = self.scheduler.done(&self.hub, start, &ended).await {
            tracing::error!(error = %chain(&error), "the end of a run could not be stored");
        }
        self.summary.cut += u64::from(ended.was_cut);
        if self.until_idle.is_some() && !ended.is_idle() {
            self.scheduler.poll_now();
            self.round = Round::default();
        } else {
            self.round.polled.insert(start.pipeline.clone());
        }
        if self.polled_all() {
            self.vitals.polled();
        }
        self.sum_up(start, ended);
    }

    fn sum_up(&mut self, start: &Start, mut ended: Ended) {
        let mut failures = std::mem::take(&mut ended.activity.failures);
        failures.extend(ended.error);
        match failures.is_empty() {
            true => self.summary.failing.remove(&start.label()),
            false => self.summary.failing.insert(start.label(), failures),
        };
        self.summary.activity.add(ended.activity);
    }

    fn polled_all(&self) -> bool {
        let polling = self
            .hub
            .installation
            .pipelines
            .iter()
            .filter(|p| matches!(p.when, crate::config::When::Every(_)));
        polling.map(|pipeline| &pipeline.name).all(|name| self.round.polled.contains(name))
    }

    /// Whether it was to stop when nothing is left, and nothing is.
    fn is_idle(&self) -> bool {
        let Some(until) = self.until_idle else { return false };
        let is_quiet = self.running.is_empty() && self.waiting.is_empty() && self.polled_all();
        is_quiet && self.scheduler.next(&self.hub).is_none_or(|next| next > until)
    }

    /// Lets what runs come to its next safe point, and the store write what it was given.
    async fn end(&mut self) {
        self.vitals.stopping();
        self.stop.send_replace(true);
        self.waiting.clear(); // who waits is told by his connection's end
        let all_back = async {
            while let Some(ended) = self.running.join_next_with_id().await {
                self.take_back(ended).await;
            }
        };
        if tokio::time::timeout(STOP_WITHIN, all_back).await.is_err() {
            let cut = self.running.len();
            tracing::warn!(cut, "what was still running is cut off; the next start goes on with it");
            self.summary.cut += cut as u64;
            self.running.shutdown().await;
        }
        if let Err(error) = drain(&self.hub).await {
            tracing::error!(error = %chain(&error), "the store did not write what it was given");
        }
    }
}

/// Everything that the store was given before this is written, or was refused.
async fn drain(hub: &Hub) -> Result<(), StoreError> {
    let (small, chunk) = (hub.store.begin_write(Nothing), hub.store.begin_chunk(Nothing));
    small.done().await?;
    chunk.done().await
}

async fn accept(listener: Option<&Listener>) -> std::io::Result<UnixStream> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

/// Waits for a signal; for ever, where the system cannot tell.
fn signals(kind: SignalKind) -> std::pin::Pin<Box<dyn Future<Output = ()>>> {
    match signal(kind) {
        Ok(mut signal) => Box::pin(async move {
            signal.recv().await;
        }),
        Err(error) => {
            tracing::error!(%error, "this process cannot be told to stop by a signal");
            Box::pin(std::future::pending())
        }
    }
}

/// Carries a command out, with a failure as words for whoever asked.
pub async fn perform(hub: &Hub, who: &Person, command: &Command) -> Reply {
    commands::perform(hub, who, command).await.map_err(|error| {
        let mut causes = vec![error.to_string()];
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            causes.push(cause.to_string());
            source = cause.source();
        }
        causes
    })
}
