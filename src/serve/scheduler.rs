//! The schedule at work: what is due is started, what was started is remembered, nothing runs twice at once.
//!
//! [`Scheduler::tick`] gives what is to be started now, [`Scheduler::done`] takes back how it ended; between the two
//! its places are taken, so that nothing else is at work there. [`Scheduler::step`] does both for a caller that lives
//! in simulated time. Starts nothing itself, and never waits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::activation::{self, Cause, Ended, Start};
use super::clock_guard::{ClockGuard, Finding};
use super::metrics::Metrics;
use super::plan::{self, Memory, Window};
use crate::canary::{self, Canary};
use crate::config::{Pipeline, PipelineKind, When};
use crate::pipelines::{Activity, Hub, PipelineError, chain};
use crate::store::StoreError;
use crate::store::schedule::{
    self, Arrived, BeginWindow, Expected, FinishWindow, HoldClock, Known, Note, ReleaseClock, Tell, Word,
};

/// Pause before a run that failed is tried again; doubled each time, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);
/// Taking payments in is one thing at a time: of two files with the same payment the second must see the first.
const INTAKE: &str = "intake of payments";

/// What starts a line.
#[derive(Clone, Debug)]
enum Duty {
    /// Its interval.
    Poll(Duration),
    /// Times of the wall clock.
    Times,
    /// That payments came in.
    Immediate,
}

/// One pipeline of the schedule, or the immediate part of sending.
#[derive(Debug)]
struct Line {
    pipeline: String,
    duty: Duty,
    sends: bool,
    /// What nothing else may touch meanwhile.
    places: BTreeSet<String>,
    memory: Memory,
    /// Not before then, by the clock that nobody sets.
    not_before: Duration,
    wanted: bool,
    failed: u32,
    is_running: bool,
}

/// See the module.
pub struct Scheduler {
    lines: Vec<Line>,
    guard: ClockGuard,
    taken: BTreeSet<String>,
    /// Places where a file is known to have come for the day that is expected.
    came: BTreeMap<(String, String), jiff::civil::Date>,
    metrics: Arc<Metrics>,
    /// What the store is still to be told of the clock.
    owed: Option<Owed>,
}

/// What was found about the clock, until the store knows it.
#[derive(Clone, Debug)]
enum Owed {
    Hold(String),
    Release,
}

impl Scheduler {
    /// Reads what is remembered. A pipeline that was never seen begins now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn open(hub: &Hub, metrics: Arc<Metrics>) -> Result<Scheduler, StoreError> {
        let mut lines = Vec::new();
        for pipeline in &hub.installation.pipelines {
            let known =
                hub.store.write(Note { pipeline: pipeline.name.clone(), at: hub.clock.micros() }).await?;
            lines.push(line(hub, pipeline, memory(known)?));
        }
        lines.extend(immediate(hub));
        let mut guard = ClockGuard::new(hub.installation.limits.clock_jump);
        if hub.store.read(schedule::clock_held)?.is_some() {
            guard.doubt();
        }
        let mut scheduler =
            Scheduler { lines, guard, taken: BTreeSet::new(), came: BTreeMap::new(), metrics, owed: None };
        scheduler.look_back(hub)?;
        scheduler.pay_what_is_owed(hub).await;
        scheduler.metrics.clock_held(scheduler.guard.doubts());
        Ok(scheduler)
    }

    /// A clock that shows less than it did before the last stop has been set back meanwhile.
    fn look_back(&mut self, hub: &Hub) -> Result<(), StoreError> {
        let now = hub.clock.now();
        let Some(last) = hub.store.read(schedule::last_sign_of_life)? else { return Ok(()) };
        let last = instant(last)?;
        if self.guard.doubts() || now.duration_since(last) >= -super::clock_guard::BACKWARDS {
            return Ok(());
        }
        self.guard.doubt();
        self.hold(format!(
            "the clock shows {now:.0}, and this hub was at work at {last:.0} already: nothing is sent before \
             `toek release-clock`"
        ));
        Ok(())
    }

    fn hold(&mut self, text: String) {
        tracing::error!(text, "sending is held");
        self.metrics.clock_held(true);
        self.owed = Some(Owed::Hold(text));
    }

    /// Whether sending is held because the clock is doubted.
    pub fn holds_sending(&self) -> bool {
        self.guard.doubts()
    }

    /// A person believes the clock; the store was told.
    pub fn release_clock(&mut self) {
        self.guard.release();
        self.metrics.clock_held(false);
        self.owed = None;
    }

    /// Everything that is to be started now. What it gives must come back by [`Scheduler::done`]. What the store fails to
    /// take note of waits for a later tick.
    pub async fn tick(&mut self, hub: &Hub) -> Vec<Start> {
        self.mind_clock(hub);
        self.pay_what_is_owed(hub).await;
        let mut starts = Vec::new();
        for no in 0..self.lines.len() {
            let Some(cause) = self.due(hub, no) else { continue };
            match self.start(hub, no, cause).await {
                Ok(start) => starts.push(start),
                Err(error) => {
                    let line = &mut self.lines[no];
                    line.fail(hub.clock.elapsed());
                    tracing::error!(pipeline = %line.pipeline, error = %chain(&error), "it could not be started");
                }
            }
        }
        starts
    }

    fn mind_clock(&mut self, hub: &Hub) {
        let now = hub.clock.now();
        match self.guard.tick(now, hub.clock.elapsed()) {
            None => {}
            Some(Finding::Jumped(by)) => {
                let direction = if by < SignedDuration::ZERO { "backwards" } else { "ahead" };
                let by = by.unsigned_abs().as_secs();
                self.hold(format!(
                    "the clock jumped {by} seconds {direction}, to {now:.0}: nothing is sent before it is right again \
                     for ten minutes, or `toek release-clock`"
                ));
            }
            Some(Finding::RightAgain) => {
                tracing::warn!("the clock is right again: sending goes on");
                self.metrics.clock_held(false);
                self.owed = Some(Owed::Release);
            }
        }
    }

    /// Tells the store what was found about the clock, again until it knows.
    async fn pay_what_is_owed(&mut self, hub: &Hub) {
        let at = hub.clock.micros();
        let paid = match self.owed.clone() {
            None => return,
            Some(Owed::Hold(text)) => hub.store.write(HoldClock { text, at }).await,
            Some(Owed::Release) => hub.store.write(ReleaseClock { at }).await.map(|_| ()),
        };
        match paid {
            Ok(()) => self.owed = None,
            Err(error) => {
                tracing::error!(error = %chain(&error), "what was found about the clock is not stored")
            }
        }
    }

    /// Why a line is to be started now; `None` when it is not.
    fn due(&self, hub: &Hub, no: usize) -> Option<Cause> {
        let line = &self.lines[no];
        let is_free = !line.is_running && line.places.is_disjoint(&self.taken);
        let is_held = line.sends && self.guard.doubts();
        if !is_free || is_held || hub.clock.elapsed() < line.not_before {
            return None;
        }
        match line.duty {
            Duty::Poll(_) => Some(Cause::Poll),
            Duty::Immediate => line.wanted.then_some(Cause::Immediate),
            Duty::Times => line.window(hub).map(Cause::Window),
        }
    }

    async fn start(&mut self, hub: &Hub, no: usize, cause: Cause) -> Result<Start, PipelineError> {
        let at = hub.clock.now();
        let run = run_id(hub, at)?;
        if let Cause::Window(window) = cause {
            self.begin(hub, no, window, at).await?;
        }
        let line = &mut self.lines[no];
        line.is_running = true;
        line.wanted = false;
        self.taken.extend(line.places.iter().cloned());
        Ok(Start { line: no, pipeline: line.pipeline.clone(), cause, run, at })
    }

    async fn begin(&mut self, hub: &Hub, no: usize, window: Window, at: Timestamp) -> Result<(), StoreError> {
        let line = &mut self.lines[no];
        let Window { due, missed, first_missed, again } = window;
        hub.store
            .write(BeginWindow {
                pipeline: line.pipeline.clone(),
                due_at: due.as_microsecond(),
                missed,
                first_missed: first_missed.map(Timestamp::as_microsecond),
                at: at.as_microsecond(),
            })
            .await?;
        line.memory.last = Some((due, false));
        if window.is_late(at) && !again {
            let first = first_missed.unwrap_or(due);
            let pipeline = &line.pipeline;
            tracing::warn!(%pipeline, "missed {first:.0}, run at {at:.0}, late; it stands for {} runs", missed + 1);
            self.metrics.late_run(pipeline);
        }
        Ok(())
    }

    /// Takes back what was started, and remembers how it ended.
    ///
    /// # Errors
    /// When the store fails: then the run is made again, which does no harm.
    pub async fn done(&mut self, hub: &Hub, start: &Start, ended: &Ended) -> Result<(), StoreError> {
        let (now, elapsed) = (hub.clock.now(), hub.clock.elapsed());
        let line = &mut self.lines[start.line];
        line.is_running = false;
        for place in &line.places {
            self.taken.remove(place);
        }
        match ended.is_success() {
            true => line.succeed(elapsed),
            false => line.fail(elapsed),
        }
        self.metrics.ended(hub, start, ended, now);
        if is_intake(hub, start) {
            self.want_immediate();
        }
        if let Cause::Window(window) = start.cause
            && ended.is_success()
        {
            let (pipeline, due_at, at) =
                (start.pipeline.clone(), window.due.as_microsecond(), now.as_microsecond());
            hub.store.write(FinishWindow { pipeline, due_at, at }).await?;
            self.lines[start.line].memory.last = Some((window.due, true));
        }
        if !ended.is_success() {
            return Ok(()); // nobody could look everywhere, so nobody can say that nothing came
        }
        self.mind_deadline(hub, start).await
    }

    fn want_immediate(&mut self) {
        for line in self.lines.iter_mut().filter(|line| matches!(line.duty, Duty::Immediate)) {
            line.wanted = true;
        }
    }

    /// Lets every poll happen now, whatever its interval.
    pub fn poll_now(&mut self) {
        for line in self.lines.iter_mut().filter(|line| matches!(line.duty, Duty::Poll(_))) {
            line.not_before = Duration::ZERO;
        }
    }

    /// Says what is to be said of files that have not come, as of when this poll began: what lay there then has been
    /// seen.
    async fn mind_deadline(&mut self, hub: &Hub, start: &Start) -> Result<(), StoreError> {
        let Ok(pipeline) = hub.pipeline(&start.pipeline) else { return Ok(()) };
        let Some(deadline) = pipeline.receiving.as_ref().and_then(|receiving| receiving.deadline) else {
            return Ok(());
        };
        let since = self.lines[start.line].memory.since;
        let bank_days = &hub.installation.bank_days;
        let Some(expected) = plan::expectation(&deadline, start.at, since, bank_days) else { return Ok(()) };
        let Ok(places) = hub.places(pipeline) else { return Ok(()) };
        for place in places {
            let place = place.label;
            if self.came.get(&(pipeline.name.clone(), place.clone())) != Some(&expected.day) {
                self.mind_place(hub, pipeline, place, expected).await?;
            }
        }
        Ok(())
    }

    async fn mind_place(
        &mut self,
        hub: &Hub,
        pipeline: &Pipeline,
        place: String,
        found: plan::Expectation,
    ) -> Result<(), StoreError> {
        let expected = Expected { pipeline: pipeline.name.clone(), place: place.clone(), day: found.day };
        let (since, format) = (found.since.as_microsecond(), pipeline.format.as_str());
        let (has_come, told) = hub.store.read(|tx| {
            Ok((schedule::has_arrived(tx, &place, format, since)?, schedule::told(tx, &expected)?))
        })?;
        let at = hub.clock.micros();
        if has_come {
            self.came.insert((expected.pipeline.clone(), place), found.day);
            return match told {
                Some(_) => hub.store.write(Arrived { expected, at }).await,
                None => Ok(()),
            };
        }
        if told >= Some(found.word) {
            return Ok(());
        }
        let by = crate::domain::calendar::copenhagen(found.late).strftime("%H:%M").to_string();
        let text = match found.word {
            Word::Warning => format!("no file yet, expected by {by}"),
            Word::Late => format!("no file came by {by}"),
        };
        let said = text.clone();
        let name = &pipeline.name;
        if hub.store.write(Tell { expected, word: found.word, text, at }).await? {
            tracing::warn!(pipeline = name, place, day = %found.day, "{said}");
        }
        Ok(())
    }

    /// Takes the places of a pipeline for a command, if they are free.
    pub fn take(&mut self, hub: &Hub, pipeline: &str) -> Option<BTreeSet<String>> {
        let pipeline = hub.pipeline(pipeline).ok()?;
        let mut places = places(pipeline);
        if pipeline.kind == PipelineKind::ReceivePayments {
            places
                .extend(hub.installation.pipelines.iter().filter(|p| is_bundling(p)).flat_map(self::places));
        }
        if !places.is_disjoint(&self.taken) {
            return None;
        }
        self.taken.extend(places.iter().cloned());
        Some(places)
    }

    /// Gives places back.
    pub fn give_back(&mut self, places: &BTreeSet<String>) {
        self.taken.retain(|place| !places.contains(place));
    }

    /// The next time by the wall clock at which something is due, or when what failed is tried again; polls apart.
    pub fn next(&self, hub: &Hub) -> Option<Timestamp> {
        let (now, elapsed) = (hub.clock.now(), hub.clock.elapsed());
        self.lines
            .iter()
            .filter(|line| !(line.sends && self.guard.doubts()))
            .filter_map(|line| {
                let retry = line.window(hub).map(|_| {
                    let wait = line.not_before.saturating_sub(elapsed);
                    now.checked_add(wait).unwrap_or(now)
                });
                retry.or_else(|| line.next(hub, now))
            })
            .min()
    }

    /// Does everything that is due at this instant, one after the other, until nothing is: for a clock that stands
    /// meanwhile. Polls are made once.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn step(&mut self, hub: &Hub) -> Result<Activity, StoreError> {
        let mut all = Activity::default();
        self.poll_now();
        loop {
            let starts = self.tick(hub).await;
            if starts.is_empty() {
                return Ok(all);
            }
            for start in starts {
                let ended = activation::activate(hub, &start).await;
                self.done(hub, &start, &ended).await?;
                all.failures.extend(ended.error);
                all.add(ended.activity);
            }
        }
    }
}

impl Line {
    fn when<'a>(&self, hub: &'a Hub) -> Option<&'a When> {
        matches!(self.duty, Duty::Times).then(|| hub.pipeline(&self.pipeline).ok().map(|p| &p.when)).flatten()
    }

    fn window(&self, hub: &Hub) -> Option<Window> {
        if self.is_running {
            return None;
        }
        plan::window(self.when(hub)?, self.memory, hub.clock.now(), &hub.installation.bank_days)
    }

    fn next(&self, hub: &Hub, now: Timestamp) -> Option<Timestamp> {
        plan::next(self.when(hub)?, self.memory, now, &hub.installation.bank_days)
    }

    fn succeed(&mut self, elapsed: Duration) {
        self.failed = 0;
        self.not_before = elapsed + self.pause();
    }

    fn fail(&mut self, elapsed: Duration) {
        self.failed = self.failed.saturating_add(1);
        self.not_before = elapsed + self.pause();
        if canary::is_active(Canary::GivenUp) {
            self.not_before = Duration::MAX;
        }
    }

    /// How long to wait before the next.
    fn pause(&self) -> Duration {
        match (&self.duty, self.failed) {
            (Duty::Poll(interval), _) => *interval,
            (_, 0) => Duration::ZERO,
            (_, failed) => FIRST_PAUSE.saturating_mul(1 << (failed - 1).min(8)).min(LONGEST_PAUSE),
        }
    }
}

fn line(hub: &Hub, pipeline: &Pipeline, memory: Memory) -> Line {
    let duty = match pipeline.when {
        When::Every(interval) => Duty::Poll(interval),
        When::At(_) => Duty::Times,
    };
    Line {
        pipeline: pipeline.name.clone(),
        duty,
        sends: !pipeline.kind.receives(),
        places: places(pipeline),
        memory,
        not_before: hub.clock.elapsed(),
        wanted: false,
        failed: 0,
        is_running: false,
    }
}

/// Payments that do not wait for the daily bundles are sent when they have come in, at the places of those.
fn immediate(hub: &Hub) -> Option<Line> {
    let pipeline = hub.installation.pipelines.iter().find(|pipeline| is_bundling(pipeline))?;
    let memory = Memory { since: hub.clock.now(), last: None };
    Some(Line { duty: Duty::Immediate, wanted: true, ..line(hub, pipeline, memory) })
}

fn is_bundling(pipeline: &Pipeline) -> bool {
    pipeline.kind == PipelineKind::SendBundles
}

fn is_intake(hub: &Hub, start: &Start) -> bool {
    hub.pipeline(&start.pipeline).is_ok_and(|pipeline| pipeline.kind == PipelineKind::ReceivePayments)
}

/// One thing at a time at each endpoint: an upload and its rename are not to be met by another's.
fn places(pipeline: &Pipeline) -> BTreeSet<String> {
    let intake = (pipeline.kind == PipelineKind::ReceivePayments).then(|| INTAKE.to_owned());
    [pipeline.endpoint.clone()].into_iter().chain(intake).collect()
}

fn memory(known: Known) -> Result<Memory, StoreError> {
    let last = known.last.map(|(due, finished)| Ok::<_, StoreError>((instant(due)?, finished)));
    Ok(Memory { since: instant(known.since)?, last: last.transpose()? })
}

fn instant(micros: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(micros)
        .map_err(|_| StoreError::Unreadable { what: format!("instant {micros}") })
}

/// Known by when it was started, and by chance.
fn run_id(hub: &Hub, at: Timestamp) -> Result<Uuid, PipelineError> {
    let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
    let random = crate::seams::random(&*hub.ids)?;
    Ok(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
}
