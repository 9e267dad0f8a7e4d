//! What becomes of each call of the hub to its machine and to the network: who dies when, and which call fails.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use toek::steps::Step;

use crate::chance::Chance;
use crate::machine::{Call, Event, Fate, Moment, Trouble, Verdict};

/// What is to happen.
#[derive(Clone, Debug)]
pub(crate) enum Scheme {
    /// Nothing.
    Calm,
    /// The hub dies at its `nth` durable event from now, counted from 1.
    Kill { nth: u64, moment: Moment },
    /// The `nth` call from now fails, once.
    Once { nth: u64, trouble: Trouble },
    /// The `nth` read of a file from now gives a bit turned.
    Flip { nth: u64 },
    /// Some of a thousand calls fail, and some of a hundred thousand durable events are the last.
    Weather { chance: Chance, fails: u64, kills: u64 },
    /// Every write fails until it is over.
    Siege(Trouble),
}

struct State {
    scheme: Scheme,
    /// Besides, it dies once after a commit of this step.
    also: Option<Step>,
    calls: u64,
    durable: u64,
    reads: u64,
    /// What the store is about to commit.
    writing: Option<Step>,
    /// The last thing that was done to the hub, in words.
    struck: Option<String>,
    faults: BTreeMap<String, u64>,
    reached: BTreeMap<String, u64>,
    sequence: Vec<String>,
    calls_in_all: u64,
}

/// Decides, and keeps count.
pub(crate) struct Fates(Mutex<State>);

impl Fates {
    pub(crate) fn new(scheme: Scheme) -> Fates {
        Fates(Mutex::new(State {
            scheme,
            also: None,
            calls: 0,
            durable: 0,
            reads: 0,
            writing: None,
            struck: None,
            faults: BTreeMap::new(),
            reached: BTreeMap::new(),
            sequence: Vec::new(),
            calls_in_all: 0,
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on; calls and durable events are counted from here.
    pub(crate) fn begin(&self, scheme: Scheme) {
        let mut state = self.state();
        state.scheme = scheme;
        (state.calls, state.durable, state.reads) = (0, 0, 0);
        state.sequence.clear();
    }

    /// From now on.
    pub(crate) fn set(&self, scheme: Scheme) {
        self.state().scheme = scheme;
    }

    /// Besides what else happens, it dies right after the next commit of a step.
    pub(crate) fn kill_after(&self, step: Step) {
        self.state().also = Some(step);
    }

    /// Every durable event so far, by step.
    pub(crate) fn sequence(&self) -> Vec<String> {
        self.state().sequence.clone()
    }

    /// Reads of files so far.
    pub(crate) fn reads(&self) -> u64 {
        self.state().reads
    }

    /// Calls so far, of all machines.
    pub(crate) fn calls_in_all(&self) -> u64 {
        self.state().calls_in_all
    }

    /// The store is about to commit.
    pub(crate) fn writing(&self, step: Step) {
        self.state().writing = Some(step);
    }

    /// What was done to the hub last.
    pub(crate) fn struck(&self) -> Option<String> {
        self.state().struck.clone()
    }

    /// Forgets what was done last.
    pub(crate) fn forget(&self) {
        self.state().struck = None;
    }

    /// How often any fault struck.
    pub(crate) fn faults_in_all(&self) -> u64 {
        self.state().faults.values().sum()
    }

    /// How often each fault struck.
    pub(crate) fn faults(&self) -> BTreeMap<String, u64> {
        self.state().faults.clone()
    }

    /// One more of a fault that somebody else made.
    pub(crate) fn count(&self, fault: &str) {
        let mut state = self.state();
        *state.faults.entry(fault.to_owned()).or_insert(0) += 1;
        state.struck = Some(fault.to_owned());
    }

    /// How often each durable event was reached, by step.
    pub(crate) fn reached(&self) -> BTreeMap<String, u64> {
        self.state().reached.clone()
    }
}

impl State {
    /// Which step a durable event is, in words of the table.
    fn step_of(&mut self, event: &Event<'_>) -> String {
        let name = event.path.to_string_lossy();
        match event.call {
            Call::Remote(what) => what.to_owned(),
            Call::SqliteSync if name.ends_with("-wal") => match self.writing.take() {
                Some(step) => step.row().name.to_owned(),
                None => "(the log's head)".to_owned(),
            },
            Call::SqliteSync | Call::SqliteDelete => "(the log folded back)".to_owned(),
            Call::Sync => Step::Bytes.row().name.to_owned(),
            Call::Rename => Step::Name.row().name.to_owned(),
            Call::SyncDir => Step::Folder.row().name.to_owned(),
            _ => format!("({:?})", event.call),
        }
    }

    fn decide(&mut self, event: &Event<'_>) -> Verdict {
        self.calls += 1;
        self.calls_in_all += 1;
        self.reads += u64::from(event.call == Call::Read);
        let step = is_durable(event.call).then(|| {
            self.durable += 1;
            let step = self.step_of(event);
            *self.reached.entry(step.clone()).or_insert(0) += 1;
            if !matches!(self.scheme, Scheme::Weather { .. }) {
                self.sequence.push(step.clone());
            }
            step
        });
        let verdict = self.verdict(event, step.as_deref());
        let what = match &verdict {
            Verdict::Go | Verdict::Lie => return verdict,
            Verdict::Die(moment) => {
                let step = step.unwrap_or_else(|| format!("{:?}", event.call));
                format!("killed {moment:?} {step}")
            }
            Verdict::Fail(trouble) => format!("{trouble:?} at {:?}", event.call),
            Verdict::Flip { .. } => format!("a bit flipped at {:?}", event.call),
        };
        *self.faults.entry(what.clone()).or_insert(0) += 1;
        self.struck = Some(format!("{what} of {}", event.path.display()));
        verdict
    }

    fn verdict(&mut self, event: &Event<'_>, step: Option<&str>) -> Verdict {
        let is_durable = step.is_some();
        if let Scheme::Kill { nth, moment } = self.scheme
            && is_durable
            && self.durable == nth
        {
            return Verdict::Die(moment);
        }
        if self.also.is_some_and(|also| step == Some(also.row().name)) {
            self.also = None;
            return Verdict::Die(Moment::After);
        }
        match &mut self.scheme {
            Scheme::Calm => Verdict::Go,
            Scheme::Once { nth, trouble } if self.calls == *nth => Verdict::Fail(*trouble),
            Scheme::Flip { nth } if event.call == Call::Read && self.reads == *nth => {
                Verdict::Flip { bit: nth.wrapping_mul(2_654_435_761) }
            }
            Scheme::Kill { .. } | Scheme::Once { .. } | Scheme::Flip { .. } => Verdict::Go,
            Scheme::Weather { chance, fails, kills } => {
                if is_durable && chance.below(100_000) < *kills {
                    return Verdict::Die(*chance.pick(&[Moment::Before, Moment::Torn, Moment::After]));
                }
                if chance.below(100_000) < *fails {
                    return Verdict::Fail(*chance.pick(&[Trouble::Io, Trouble::Full, Trouble::ReadOnly]));
                }
                Verdict::Go
            }
            Scheme::Siege(trouble) if writes(event.call) => Verdict::Fail(*trouble),
            Scheme::Siege(_) => Verdict::Go,
        }
    }
}

/// The calls of the network that change something at the other side.
const EFFECTS: [Step; 4] = [Step::TakenAway, Step::Uploaded, Step::Committed, Step::Companion];

fn is_durable(call: Call) -> bool {
    match call {
        Call::Remote(what) => EFFECTS.iter().any(|step| step.row().name == what),
        _ => call.is_durable(),
    }
}

/// Whether a call fails where nothing can be written.
fn writes(call: Call) -> bool {
    matches!(
        call,
        Call::Create
            | Call::Write
            | Call::Sync
            | Call::Rename
            | Call::Remove
            | Call::CreateDirAll
            | Call::SqliteWrite
            | Call::SqliteTruncate
            | Call::SqliteSync
            | Call::SqliteDelete
    )
}

impl Fate for Fates {
    fn decide(&self, event: &Event<'_>) -> Verdict {
        self.state().decide(event)
    }
}
