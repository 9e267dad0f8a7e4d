//! Ways to try the promises: a kill at every durable step, an error at every call, weeks of weather, full disks, bad
//! input, and logs that cannot be written.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::ToSpan;
use jiff::civil::DateTime;
use toek::partners::script::Delay;
use toek::steps::{STEPS, Step};

use crate::chance::Chance;
use crate::fates::Scheme;
use crate::life::{Act, ENDPOINTS, Life, Lived, live};
use crate::lives;
use crate::machine::{Moment, Trouble};
use crate::network;
use crate::promises::{Promise, Table};

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Lives of weather.
    pub(crate) seeds: u64,
    /// The seed of the first of them.
    pub(crate) first_seed: u64,
    /// Kills at this many occurrences of each step, in each way; 0: at all.
    pub(crate) kills: usize,
    /// Kills at each occurrence of this step, and nowhere else.
    pub(crate) step: Option<Step>,
    /// An error at every so many-th call.
    pub(crate) stride: u64,
    /// Sieges of each kind.
    pub(crate) sieges: u64,
    /// Lives in which every tenth call of the network goes wrong.
    pub(crate) storms: u64,
    /// Lives among bad input.
    pub(crate) inputs: u64,
    /// Bits of a store that are turned.
    pub(crate) flips: u64,
    /// Weeks of all municipalities.
    pub(crate) countries: u64,
    /// Whether one broken promise is enough.
    pub(crate) stops_at_first: bool,
}

/// What was tried, in all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) lives: u64,
    pub(crate) kills: u64,
    pub(crate) errors: u64,
    pub(crate) payments: u64,
    pub(crate) calls: u64,
    pub(crate) slowest_start: u128,
    /// By step: how often it was reached, and killed before, torn in, after.
    pub(crate) steps: BTreeMap<String, [u64; 4]>,
    /// Calls whose error nobody was told of, and nothing was wrong in the end.
    pub(crate) absorbed: BTreeMap<String, u64>,
}

/// What a campaign found.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) table: Table,
    pub(crate) totals: Totals,
    /// Whether one broken promise is enough.
    stops_at_first: bool,
}

impl Found {
    fn is_enough(&self) -> bool {
        self.stops_at_first && !self.table.is_clean()
    }
}

const MOMENTS: [Moment; 3] = [Moment::Before, Moment::Torn, Moment::After];

/// A start after a crash that takes longer is not in bounded time, microseconds.
const SLOWEST_START: u128 = 5_000_000;

/// Steps that a life never kills at: they write nothing.
const SILENT: [&str; 1] = ["nothing"];

/// Tries something, and says what it found.
type Campaign = dyn Fn(&Size, &Mutex<Found>);

pub(crate) fn run(size: &Size, only: Option<&str>, tell: &(dyn Fn(&str) + Sync)) -> Found {
    let found = Mutex::new(Found { stops_at_first: size.stops_at_first, ..Found::default() });
    let wanted = |name: &str| only.is_none_or(|only| only == name);
    let campaigns: [(&str, &Campaign); 8] = [
        ("kills", &kills),
        ("errors", &errors),
        ("seeds", &seeds),
        ("sieges", &sieges),
        ("partners", &partners),
        ("inputs", &inputs),
        ("doors", &crate::doors::campaign),
        ("at-rest", &crate::at_rest::campaign),
    ];
    for (name, campaign) in campaigns.into_iter().filter(|(name, _)| wanted(name)) {
        let begun = std::time::Instant::now();
        campaign(size, &found);
        if found.lock().unwrap().is_enough() {
            break;
        }
        tell(&format!("{name}: {:.0?}", begun.elapsed()));
    }
    found.into_inner().unwrap()
}

/// One life, with what it says of a panic.
fn lived(life: &Life) -> Lived {
    let outcome = catch_unwind(AssertUnwindSafe(|| live(life)));
    outcome.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let what = format!("it panicked: {}", text.unwrap_or_default());
        Lived { violations: vec![crate::judge::Violation::new(Promise::G13, what)], ..Lived::default() }
    })
}

/// Lives between two words of how far it has come.
const TOLD_EVERY: usize = 50;

/// Lives each of some lives, on all cores, and hands them to `take` with their places.
fn each(
    lives: Vec<(String, Life)>,
    found: &Mutex<Found>,
    take: impl Fn(&str, &Life, &Lived, &mut Found) + Sync,
) {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let nth = next.fetch_add(1, Ordering::SeqCst);
                    let Some((name, life)) = lives.get(nth) else { return };
                    if found.lock().unwrap().is_enough() {
                        return;
                    }
                    if nth > 0 && nth.is_multiple_of(TOLD_EVERY) {
                        eprintln!("{nth} of {} lives begun", lives.len());
                    }
                    let lived = lived(life);
                    let mut found = found.lock().unwrap();
                    for violation in &lived.violations {
                        eprintln!("{name}: {:?} broken: {}", violation.promise, violation.what);
                    }
                    note(name, &lived, &mut found);
                    take(name, life, &lived, &mut found);
                }
            });
        }
    });
}

fn note(name: &str, lived: &Lived, found: &mut Found) {
    let totals = &mut found.totals;
    totals.lives += 1;
    totals.kills += lived.crashes;
    totals.payments += lived.payments;
    totals.calls += lived.calls;
    totals.slowest_start = totals.slowest_start.max(lived.slowest_start);
    for (step, times) in &lived.reached {
        totals.steps.entry(step.clone()).or_default()[0] += times;
    }
    let starts = |what: &str| -> u64 {
        lived.faults.iter().filter(|(fault, _)| fault.starts_with(what)).map(|(_, times)| times).sum()
    };
    for moment in [("killed Before ", 1), ("killed Torn ", 2), ("killed After ", 3)] {
        for (fault, times) in lived.faults.iter() {
            if let Some(step) = fault.strip_prefix(moment.0) {
                totals.steps.entry(step.to_owned()).or_default()[moment.1] += times;
            }
        }
    }
    let kills = starts("killed") + starts("crash");
    let errors = starts("Io at") + starts("Full at") + starts("ReadOnly at");
    totals.errors += errors;
    for promise in [Promise::G1, Promise::G2, Promise::G3, Promise::G8] {
        found.table.tried(promise, kills + u64::from(promise == Promise::G8) * lived.restarts);
    }
    found.table.tried(Promise::G4, errors);
    found.table.tried(Promise::G10, starts("a bit flipped"));
    if lived.slowest_start > SLOWEST_START {
        let what = format!("{name}: a start took {} ms", lived.slowest_start / 1_000);
        found.table.broken(Promise::G8, what);
    }
    found.table.tried(Promise::G5, starts("file that is no good") + lived.bad_inputs);
    found.table.tried(Promise::G6, starts("hub not running") + lived.late_windows);
    found.table.tried(Promise::G7, lived.resends);
    found.table.tried(Promise::G12, lived.payments);
    found.table.tried(Promise::G13, starts("file that is no good") + lived.bad_inputs);
    found.table.tried(Promise::G14, starts("network"));
    for violation in &lived.violations {
        found.table.broken(violation.promise, format!("{name}: {}", violation.what));
    }
}

/// A kill before, torn in and after every durable event of lives that have them all.
fn kills(size: &Size, found: &Mutex<Found>) {
    let mut tried: BTreeSet<String> = BTreeSet::new();
    for (name, life_of) in
        [("everything", lives::everything as fn(u64) -> Life), ("restored", lives::restored)]
    {
        let undisturbed = lived(&life_of(1));
        note(&format!("undisturbed {name}"), &undisturbed, &mut found.lock().unwrap());
        let mut places: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for (nth, step) in (1..).zip(&undisturbed.sequence) {
            places.entry(step).or_default().push(nth);
        }
        let mut all = Vec::new();
        if let Some(only) = size.step {
            places.retain(|step, _| *step == only.row().name);
        }
        let most = if size.step.is_some() { 0 } else { size.kills };
        for (step, at) in places.iter().filter(|(step, _)| !tried.contains(**step)) {
            for nth in chosen(at, most) {
                for moment in MOMENTS {
                    let life = Life { first: Scheme::Kill { nth, moment }, ..life_of(1) };
                    all.push((format!("{name}: kill {moment:?} {step} (durable event {nth})"), life));
                }
            }
        }
        tried.extend(places.keys().map(|step| (*step).to_owned()));
        each(all, found, |name, life, lived, found| {
            compare(name, &undisturbed, lived, Promise::G1, found);
            // A life that was not killed as planned proves nothing.
            let Scheme::Kill { nth, moment } = life.first else { return };
            let step = &undisturbed.sequence[nth as usize - 1];
            if !lived.faults.contains_key(&format!("killed {moment:?} {step}")) && lived.violations.is_empty()
            {
                found.table.broken(Promise::G8, format!("{name}: it was never killed there"));
            }
        });
    }
    let mut found = found.lock().unwrap();
    // Steps that a defect keeps from being reached are no finding of their own.
    let is_whole = !size.stops_at_first && size.step.is_none();
    for row in STEPS.iter().filter(|row| !SILENT.contains(&row.name) && is_whole) {
        if !tried.contains(row.name) {
            found.table.broken(Promise::G8, format!("step `{}` was never reached", row.name));
        }
    }
}

/// The first, the last, and some between.
fn chosen(at: &[u64], most: usize) -> Vec<u64> {
    if most == 0 || at.len() <= most {
        return at.to_vec();
    }
    (0..most).map(|n| at[n * (at.len() - 1) / (most - 1).max(1)]).collect()
}

/// However a life was disturbed, its end is the same.
fn compare(name: &str, undisturbed: &Lived, lived: &Lived, promise: Promise, found: &mut Found) {
    if lived.end == undisturbed.end || !lived.violations.is_empty() {
        return;
    }
    // NemKonto's silence goes by a bundle's number, which another order gives to another: then the ends cannot be compared.
    let silent = |end: &[String]| -> BTreeSet<String> {
        end.iter().filter(|line| line.ends_with("no answer")).cloned().collect()
    };
    if silent(&lived.end) != silent(&undisturbed.end) {
        return;
    }
    let differs = undisturbed.end.iter().zip(&lived.end).find(|(before, after)| before != after);
    let lengths = (undisturbed.end.len(), lived.end.len());
    found.table.broken(promise, format!("{name}: another end: {differs:?} of {lengths:?}"));
}

/// An error at every call, once each.
fn errors(size: &Size, found: &Mutex<Found>) {
    let undisturbed = lived(&lives::everything(1));
    let troubles = [Trouble::Io, Trouble::Full, Trouble::ReadOnly];
    let mut all = Vec::new();
    for nth in (1..=undisturbed.calls).filter(|nth| nth % size.stride == 1 % size.stride) {
        let trouble = troubles[(nth / size.stride % 3) as usize];
        let life = Life { first: Scheme::Once { nth, trouble }, ..lives::everything(1) };
        all.push((format!("{trouble:?} at call {nth}"), life));
    }
    // Bytes of the archive that are not what was written.
    for nth in (1..=undisturbed.reads).filter(|nth| nth % size.stride.div_ceil(2) == 0) {
        let life = Life { first: Scheme::Flip { nth }, ..lives::everything(1) };
        all.push((format!("a bit turned at read {nth}"), life));
    }
    each(all, found, |name, _, lived, found| {
        compare(name, &undisturbed, lived, Promise::G4, found);
        for call in &lived.untold {
            let call = call.split(" of ").next().unwrap_or_default().to_owned();
            *found.totals.absorbed.entry(call).or_insert(0) += 1;
        }
    });
}

/// Weeks with whatever their seeds bring.
fn seeds(size: &Size, found: &Mutex<Found>) {
    let weather = (size.first_seed..size.first_seed + size.seeds)
        .map(|seed| (format!("seed {seed}"), lives::weather(seed)));
    let country = (1..=size.countries).map(|seed| (format!("country {seed}"), lives::country(seed)));
    each(weather.chain(country).collect(), found, |_, _, _, _| {});
}

/// A disk that is full, or cannot be written, for hours.
fn sieges(size: &Size, found: &Mutex<Found>) {
    let mut all = Vec::new();
    let mut chance = Chance::of(9, 9);
    for nth in 0..size.sieges {
        for trouble in [Trouble::Full, Trouble::ReadOnly] {
            let mut life = lives::everything(1);
            let from = life.days[0].at(7, 30, 0, 0);
            let begin = from.checked_add(jiff::SignedDuration::from_mins(chance.between(0, 3_000))).unwrap();
            let end = begin.checked_add(jiff::SignedDuration::from_mins(chance.between(10, 400))).unwrap();
            life.ends_with_restart = false;
            life.acts
                .retain(|(_, act)| !matches!(act, Act::Off | Act::On | Act::Accounts(_) | Act::KillAfter(_)));
            life.acts.push((begin, Act::Fate(Scheme::Siege(trouble))));
            life.acts.push((end, Act::Fate(Scheme::Calm)));
            all.push((format!("siege {nth} {trouble:?} {begin} to {end}"), life));
        }
    }
    each(all, found, |name, _, lived, found| {
        found.table.tried(Promise::G9, lived.errors_in_siege);
        if lived.told_in_siege < lived.errors_in_siege {
            found.table.broken(
                Promise::G9,
                format!("{name}: told {} of {} times", lived.told_in_siege, lived.errors_in_siege),
            );
        }
        blame(Promise::G9, name, lived, found);
    });
}

/// Each counterparty in each kind of trouble, for hours and now and then.
fn partners(size: &Size, found: &Mutex<Found>) {
    let mut all = Vec::new();
    let troubled = |seed: u64, begin: DateTime, end: DateTime, trouble: [Act; 2]| {
        let mut life = lives::everything(seed);
        life.acts.extend([begin, end].into_iter().zip(trouble));
        life
    };
    let Life { days, until, .. } = lives::everything(1);
    for endpoint in ENDPOINTS {
        for fault in network::ALL {
            let (begin, end) = (days[1].at(7, 40, 0, 0), days[1].at(14, 20, 0, 0));
            let trouble = [Act::Network(endpoint, Some(fault)), Act::Network(endpoint, None)];
            let quick = troubled(1, begin, end, trouble);
            // What is known only by the answers is unknown for longer.
            let mut slow = quick.clone();
            slow.script.delays.receipt = Delay(3.hours());
            slow.script.delays.answer2 = Delay(4.hours());
            all.push((format!("{endpoint} {fault:?} for hours"), quick));
            all.push((format!("{endpoint} {fault:?} for hours, answers late"), slow));
        }
    }
    for seed in 1..=size.storms {
        let (begin, end) = (days[0].at(7, 40, 0, 0), until.at(8, 0, 0, 0));
        let storm = [Act::Storm(100), Act::Storm(0)];
        all.push((format!("storm {seed}"), troubled(seed, begin, end, storm)));
    }
    each(all, found, |name, _, lived, found| blame(Promise::G14, name, lived, found));
}

/// What broke in a life that was about one promise broke that one too.
fn blame(promise: Promise, name: &str, lived: &Lived, found: &mut Found) {
    if let Some(violation) = lived.violations.iter().find(|violation| violation.promise != promise) {
        let what = format!("{name}: with {:?}: {}", violation.promise, violation.what);
        found.table.broken(promise, what);
    }
}

/// Input that nobody should have sent.
fn inputs(size: &Size, found: &Mutex<Found>) {
    let all = (0..size.inputs).map(|seed| (format!("inputs {seed}"), lives::inputs(seed))).collect();
    each(all, found, |name, _, lived, found| {
        if lived.slowest_instant.as_secs() > SLOWEST {
            let what = format!("{name}: an instant took {:?}", lived.slowest_instant);
            found.table.broken(Promise::G13, what);
        }
    });
    swelling(found);
}

/// An instant that takes longer has hung, seconds.
const SLOWEST: u64 = 60;
/// Memory that the hub may use for whatever lies in its drops, bytes.
const SWELLS: usize = 100 << 20;

/// Large input: what it costs in memory.
fn swelling(found: &Mutex<Found>) {
    for (name, life, outside) in lives::large_inputs() {
        let before = crate::memory::start();
        let lived = lived(&life);
        let peak = crate::memory::peak().saturating_sub(before);
        let mut found = found.lock().unwrap();
        note(&name, &lived, &mut found);
        found.table.tried(Promise::G13, 1);
        if peak > SWELLS + outside {
            let what = format!("{name}: {} MiB, {} of them the other side's", peak >> 20, outside >> 20);
            found.table.broken(Promise::G13, what);
        }
    }
}
