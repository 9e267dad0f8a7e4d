//! A life of the hub: days of deliveries, sendings and answers, and what goes wrong meanwhile. The time of a life is an
//! argument; between two instants nothing happens.

use std::sync::Arc;
use std::time::Instant;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use toek::config::Installation;
use toek::domain::answers::BundleState;
use toek::domain::handling::handled;
use toek::domain::identity::{BundleNo, TransferNo};
use toek::domain::payment::{HoldReason, PaymentState};
use toek::domain::people::Act as Decision;
use toek::domain::restore::jump;
use toek::generator::manifest::{Expected, RecordLine};
use toek::partners::script::Script;
use toek::pipelines::Activity;
use toek::serve::commands::{self, Command, CommandError};
use toek::serve::person::Person;
use toek::steps;
use toek::store::bundle::Bundle;
use toek::store::person_act::Step;
use toek::store::search::{self, Wanted};
use toek::store::{Nothing, finance, handling, restore, unknown};
use toek_formats::vocabulary::MunicipalityCode;

use crate::chance::Chance;
use crate::fates::{Fates, Scheme};
use crate::house::{ARCHIVE, House, KSD, Setup, SimClock};
use crate::judge::{self, Evidence, Violation};
use crate::machine::{Crash, Image, Machine, MemoryDisk};
use crate::network::{Fault, Network};
use crate::outside::{Brings, Delivery, Outside, deliveries};
use crate::promises::Promise;

/// What is done to the hub, or by a person, at an instant.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// An endpoint is in trouble, or well again.
    Network(&'static str, Option<Fault>),
    /// So many network calls of a thousand go wrong from now on.
    Storm(u64),
    /// What the machine does from now on.
    Fate(Scheme),
    /// The machine crashes.
    Crash(How),
    /// The hub is stopped and started as it should be.
    Restart,
    /// The hub is stopped, and stays so.
    Off,
    /// It is started again.
    On,
    /// Its clock is set wrong by so many seconds, or right again by 0.
    Skew(i64),
    /// A person believes the clock.
    ReleaseClock,
    /// The hub is started anew, and the accounts that vouchers are booked on are there, or one of them is not.
    Accounts(bool),
    /// The hub dies after its next commit of a step, and when it comes up an account is missing.
    KillAfter(steps::Step),
    /// The hub is stopped, and all it holds is kept apart.
    Backup,
    /// What was kept apart is brought back, in a new epoch.
    Restore,
    /// A person lets what a restore held be sent to again.
    ReleaseEndpoints,
    /// Two persons hold that what NemKonto could not read never arrived.
    SettleUnknown,
    /// Somebody asks for quarantined files to be judged anew.
    Validate,
    /// A file that is no good.
    Stray(&'static str, String, Vec<u8>),
}

/// What is left after a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// The process alone died.
    Process,
    /// Power was cut.
    Power,
}

/// A life to be lived.
#[derive(Clone)]
pub(crate) struct Life {
    pub(crate) seed: u64,
    pub(crate) municipalities: Vec<u16>,
    /// On these days files come.
    pub(crate) days: Vec<Date>,
    /// The last day that is lived in any case.
    pub(crate) until: Date,
    pub(crate) payments: u64,
    pub(crate) floating: bool,
    /// Whether bad records and bad files are among what comes.
    pub(crate) bad_input: bool,
    /// Whether a clerk does something about every payment that was refused, returned or held for its day.
    pub(crate) has_clerk: bool,
    pub(crate) script: Script,
    pub(crate) landscape: String,
    pub(crate) acts: Vec<(DateTime, Act)>,
    pub(crate) first: Scheme,
    /// How the machine dies by fate.
    pub(crate) how: How,
    pub(crate) installation: Installation,
    /// With one account missing.
    pub(crate) broken: Installation,
    pub(crate) skewed_servers: bool,
    /// An instant at least so often, minutes.
    pub(crate) pace: i64,
    /// Whether the hub is started anew before it comes to rest; else it must come right by itself.
    pub(crate) ends_with_restart: bool,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lived {
    pub(crate) violations: Vec<Violation>,
    pub(crate) faults: std::collections::BTreeMap<String, u64>,
    pub(crate) reached: std::collections::BTreeMap<String, u64>,
    pub(crate) crashes: u64,
    pub(crate) restarts: u64,
    pub(crate) instants: u64,
    /// Calls of the hub to its machine and the network.
    pub(crate) calls: u64,
    /// Reads of files among them.
    pub(crate) reads: u64,
    pub(crate) payments: u64,
    /// Durable events in their order, by step.
    pub(crate) sequence: Vec<String>,
    /// Faulty records and files among what came.
    pub(crate) bad_inputs: u64,
    /// Due times that were served late.
    pub(crate) late_windows: u64,
    /// Files sent again.
    pub(crate) resends: u64,
    pub(crate) errors_in_siege: u64,
    pub(crate) told_in_siege: u64,
    pub(crate) slowest_instant: std::time::Duration,
    /// What is compared with an undisturbed life.
    pub(crate) end: Vec<String>,
    /// Faults that no failure was told of.
    pub(crate) untold: Vec<String>,
    /// The longest start after a crash, microseconds of this machine.
    pub(crate) slowest_start: u128,
}

/// Danish time as an instant.
pub(crate) fn instant(at: DateTime) -> Timestamp {
    at.to_zoned(TimeZone::get("Europe/Copenhagen").unwrap()).unwrap().timestamp()
}

pub(crate) fn danish(at: Timestamp) -> DateTime {
    at.to_zoned(TimeZone::get("Europe/Copenhagen").unwrap()).datetime()
}

/// Lives it, and judges it.
pub(crate) fn live(life: &Life) -> Lived {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let outside = Arc::new(MemoryDisk::new());
    runtime.block_on(async {
        let partners = Outside::open(&outside, &life.landscape, &life.script);
        let mut world = World::new(life, &outside, partners);
        world.live().await;
        world.finish()
    })
}

/// Where SQLite's files of a life lie: in memory, where the machine has such a place.
fn workplace() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory).unwrap(),
        false => tempfile::tempdir().unwrap(),
    }
}

struct World<'l> {
    life: &'l Life,
    dir: tempfile::TempDir,
    outside: Arc<MemoryDisk>,
    partners: Outside<'l>,
    clock: Arc<SimClock>,
    fates: Arc<Fates>,
    network: Arc<Network>,
    machine: Arc<Machine>,
    house: Option<House>,
    /// Whether the hub is to run.
    is_on: bool,
    has_accounts: bool,
    is_besieged: bool,
    now: Timestamp,
    /// When the hub was last at work.
    lived_until: Timestamp,
    deliveries: Vec<(DateTime, Delivery)>,
    delivered: usize,
    acts: Vec<(DateTime, Act)>,
    backup: Option<(Image, Timestamp)>,
    chance: Chance,
    starts: u64,
    lived: Lived,
}

/// Whose bundles NemKonto cannot read in the life with everything.
const UNREAD: MunicipalityCode = MunicipalityCode(751);
/// Names an existing folder in which what is left of a life is kept, to look at.
const KEEP: &str = "TOEK_SIMULATOR_KEEP";
/// When a day's first and second files come.
const WAVES: [(i8, i8); 2] = [(8, 0), (10, 0)];
/// The same while something fails or the hub cannot start.
const IN_TROUBLE: i64 = 7;
/// So many instants may a life have before what waits is looked at less often.
const PATIENCE: u64 = 1_500;
/// So many days after its end a life may take to come to rest.
const REST_DAYS: i64 = 21;
/// So many crashes of a life are looked at one by one; of the others, one in ten.
const ALL_AUDITED: u64 = 30;
/// So often a person asks for what failed.
const ASKED: u32 = 5;
/// So often the hub may die at one instant.
const DEATHS_AT_ONCE: u32 = 50;

impl<'l> World<'l> {
    fn new(life: &'l Life, outside: &'l Arc<MemoryDisk>, partners: Outside<'l>) -> World<'l> {
        let dir = workplace();
        let fates = Arc::new(Fates::new(Scheme::Calm));
        let network = Arc::new(Network::new(fates.clone()));
        network.oddities(std::time::Duration::from_secs(if life.skewed_servers { 5_000 } else { 0 }), true);
        let machine = Machine::start(dir.path(), None, fates.clone());
        machine.disk().create_dir_all(&dir.path().join(ARCHIVE)).unwrap();
        machine.settle();
        let start = instant(life.days[0].at(7, 0, 0, 0));
        let mut brought = Vec::new();
        for (nth, day) in (0..).zip(&life.days) {
            let brings = Brings {
                day: *day,
                seed: life.seed.wrapping_mul(31).wrapping_add(nth),
                municipalities: life.municipalities.clone(),
                payments: life.payments,
                floating: life.floating,
                records_per_file: 5_000,
                faults: life.bad_input,
            };
            for delivery in deliveries(&brings, &life.script) {
                let (hour, minute) = WAVES[usize::from(delivery.line.wave > 1)];
                brought.push((day.at(hour, minute, 0, 0), delivery));
            }
        }
        brought.sort_by_key(|(at, _)| *at);
        let mut acts = life.acts.clone();
        acts.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        World {
            life,
            dir,
            outside: outside.clone(),
            partners,
            clock: Arc::new(SimClock::at(start)),
            fates,
            network,
            machine,
            house: None,
            is_on: true,
            has_accounts: true,
            is_besieged: false,
            now: start,
            lived_until: start,
            deliveries: brought,
            delivered: 0,
            acts,
            backup: None,
            chance: Chance::of(life.seed, 77),
            starts: 0,
            lived: Lived::default(),
        }
    }

    async fn live(&mut self) {
        self.fates.begin(self.life.first.clone());
        self.start().await;
        let end = instant(self.life.until.at(18, 0, 0, 0));
        loop {
            self.instant().await;
            let next = self.next();
            if next > end {
                break;
            }
            self.now = next;
        }
        self.rest().await;
    }

    /// All is well from now on; the hub starts once more, and comes to rest.
    async fn rest(&mut self) {
        if matches!(self.life.first, Scheme::Weather { .. }) || self.is_besieged {
            self.fates.set(Scheme::Calm);
        }
        self.network.heal();
        self.clock.skew(SignedDuration::ZERO);
        self.is_besieged = false;
        self.has_accounts = true;
        self.is_on = true;
        self.acts.clear();
        if self.life.ends_with_restart {
            self.stop().await;
        }
        let last = instant(self.life.until.checked_add(REST_DAYS.days()).unwrap().at(18, 0, 0, 0));
        let mut quiet = 0;
        while quiet < 3 {
            let faults = self.fates.faults_in_all();
            let did = self.instant().await | (self.fates.faults_in_all() > faults);
            if self.house.as_ref().is_some_and(House::holds_sending) {
                self.release_clock().await;
            }
            let waits = self.partners.next_due().is_some() || self.delivered < self.deliveries.len();
            quiet = if did || waits { 0 } else { quiet + 1 };
            // Three sending times without anything to do.
            let next = if quiet > 0 { self.now + 24.hours() } else { self.next() };
            if next > last {
                let what = format!("it has not come to rest by {}", danish(last));
                self.lived.violations.push(Violation::new(Promise::G8, what));
                return;
            }
            self.now = next;
        }
        self.stop().await;
    }

    /// Everything that happens at an instant; whether the hub did anything.
    async fn instant(&mut self) -> bool {
        self.lived.instants += 1;
        let begun = Instant::now();
        self.clock.set(self.now);
        let now = danish(self.now);
        self.outside.set_now(self.now.as_microsecond());
        self.machine.set_now(self.now.as_microsecond());
        while self.acts.last().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, act)) = self.acts.pop() {
                self.perform(act).await;
            }
        }
        self.deliver(now);
        self.partners.tick(now);
        let mut did = self.hub().await;
        self.partners.tick(now);
        did |= self.hub().await;
        self.operator().await;
        self.partners.tick(now);
        self.lived.slowest_instant = self.lived.slowest_instant.max(begun.elapsed());
        did
    }

    fn next(&self) -> Timestamp {
        let gap = if self.house.is_none() && self.is_on { IN_TROUBLE } else { self.life.pace };
        let latest = self.now + gap.minutes();
        let delivery = self.deliveries.get(self.delivered).map(|(at, _)| instant(*at));
        let act = self.acts.last().map(|(at, _)| instant(*at));
        let partners = self.partners.next_due().map(instant);
        let hub = self.house.as_ref().and_then(House::next);
        let soon = self.now + 1.second();
        // What waits for something else than time is looked at again in a while.
        let is_stuck = self.lived.instants > PATIENCE;
        let waiting = self.now + if is_stuck { self.life.pace.minutes() } else { IN_TROUBLE.minutes() };
        let later = |at: Timestamp| if at > self.now { at } else { waiting };
        [delivery, act, partners, hub].into_iter().flatten().map(later).fold(latest, Timestamp::min).max(soon)
    }

    /// Files come in their order, each when those before it were taken.
    fn deliver(&mut self, now: DateTime) {
        while let Some((at, delivery)) = self.deliveries.get(self.delivered) {
            let earlier = &self.deliveries[..self.delivered];
            let is_in_the_way = |(before, other): &(DateTime, Delivery)| {
                (*before < *at || other.line.name == delivery.line.name)
                    && self.partners.lies(KSD, &other.line.name)
            };
            if *at > now || earlier.iter().any(is_in_the_way) {
                return;
            }
            self.partners.put(KSD, &delivery.line.name, &delivery.bytes, self.now);
            self.delivered += 1;
        }
    }

    /// The hub does what is due; if it dies, it starts again at once and goes on.
    async fn hub(&mut self) -> bool {
        let mut did = false;
        for _ in 0..DEATHS_AT_ONCE {
            if self.house.is_none() {
                self.start().await;
            }
            self.fates.forget();
            let Some(house) = &mut self.house else { return did };
            let activity = house.step().await;
            if self.machine.is_dead() {
                self.after_death();
                continue;
            }
            self.note(&activity);
            self.lived_until = self.now;
            did |= activity.is_ok_and(|activity| !Activity { failures: Vec::new(), ..activity }.is_idle());
            return did;
        }
        did
    }

    /// What failed must have been told.
    fn note<E>(&mut self, activity: &Result<Activity, E>) {
        let was_told = match activity {
            Ok(activity) => !activity.failures.is_empty(),
            Err(_) => true,
        };
        let was_struck = self.is_besieged && self.fates.struck().is_some();
        self.lived.errors_in_siege += u64::from(was_struck);
        self.lived.told_in_siege += u64::from(was_struck && was_told);
        if let Some(struck) = self.fates.struck()
            && !was_told
        {
            self.lived.untold.push(struck);
        }
    }

    /// The machine comes up again.
    fn after_death(&mut self) {
        let how = self.crash_of(self.life.how);
        self.crash(how);
    }

    fn crash_of(&mut self, how: How) -> Crash {
        match how {
            How::Process => Crash::Kill,
            How::Power => Crash::Power { seed: self.chance.next() },
        }
    }

    fn crash(&mut self, how: Crash) {
        self.machine.die();
        self.house = None;
        self.lived.crashes += 1;
        let image = self.machine.image(how);
        // A life of hundreds of crashes would be mostly audits.
        if self.lived.crashes <= ALL_AUDITED || self.lived.crashes.is_multiple_of(10) {
            self.audit(&image);
        }
        self.machine = Machine::start(self.dir.path(), Some(image), self.fates.clone());
        self.machine.set_now(self.now.as_microsecond());
    }

    /// What a crash left is looked at before anybody mends it.
    fn audit(&mut self, image: &Image) {
        let place = workplace();
        image.write_to(place.path());
        let gone: Vec<&Delivery> = self.delivered_and_gone();
        let found = judge::after_crash(place.path(), &gone);
        self.lived.violations.extend(found);
    }

    fn delivered_and_gone(&self) -> Vec<&Delivery> {
        let given = self.deliveries[..self.delivered].iter().map(|(_, delivery)| delivery);
        given.filter(|delivery| !self.partners.lies(KSD, &delivery.line.name)).collect()
    }

    async fn start(&mut self) {
        if !self.is_on {
            return;
        }
        self.starts += 1;
        let installation = if self.has_accounts { &self.life.installation } else { &self.life.broken };
        let setup = Setup {
            machine: &self.machine,
            dir: self.dir.path(),
            installation,
            clock: self.clock.clone(),
            outside: &self.outside,
            network: &self.network,
            fates: &self.fates,
            chance: self.life.seed.wrapping_mul(1_000_003).wrapping_add(self.starts),
        };
        let begun = Instant::now();
        match House::start(&setup).await {
            Ok(house) => {
                self.lived.slowest_start = self.lived.slowest_start.max(begun.elapsed().as_micros());
                self.house = Some(house);
            }
            Err(_) if self.machine.is_dead() => self.after_death(),
            Err(_) if self.is_besieged => self.lived.told_in_siege += 1,
            Err(_) => {} // told to whoever started it; tried again later
        }
    }

    /// As a process is stopped by a signal.
    async fn stop(&mut self) {
        if let Some(house) = self.house.take() {
            let _ = house.hub.store.write(Nothing).await;
            self.lived.restarts += 1;
        }
    }

    async fn perform(&mut self, act: Act) {
        match act {
            Act::Network(endpoint, fault) => {
                if let Some(fault) = fault {
                    self.fates.count(&format!("network: {endpoint} {fault:?} for hours"));
                }
                self.network.trouble(endpoint, fault);
            }
            Act::Storm(share) => {
                let chance = Chance::new(self.chance.next());
                self.network.weather((share > 0).then_some((chance, share)));
            }
            Act::Fate(scheme) => {
                self.is_besieged = matches!(scheme, Scheme::Siege(_));
                self.fates.set(scheme);
            }
            Act::Crash(how) => {
                self.fates.count("crash at rest");
                let how = self.crash_of(how);
                self.crash(how);
            }
            Act::Restart => self.stop().await,
            Act::Off => {
                self.fates.count("hub not running for hours");
                self.stop().await;
                self.is_on = false;
            }
            Act::On => self.is_on = true,
            Act::Skew(seconds) => {
                self.fates.count("clock jumps");
                self.clock.skew(SignedDuration::from_secs(seconds));
            }
            Act::ReleaseClock => self.release_clock().await,
            Act::Accounts(are_there) => {
                self.has_accounts = are_there;
                self.stop().await;
            }
            Act::KillAfter(step) => {
                self.has_accounts = false;
                self.fates.kill_after(step);
            }
            Act::Backup => {
                self.stop().await;
                self.backup = Some((self.machine.image(Crash::Kill), self.now));
            }
            Act::Restore => self.restore().await,
            Act::ReleaseEndpoints => self.release_endpoints().await,
            Act::SettleUnknown => self.settle_unknown().await,
            Act::Validate => self.validate().await,
            Act::Stray(folder, name, bytes) => {
                self.fates.count("file that is no good");
                self.partners.put(folder, &name, &bytes, self.now);
            }
        }
    }

    async fn command(&mut self, command: Command) {
        self.command_of("anna", command).await;
    }

    async fn command_of(&mut self, person: &str, command: Command) {
        let who = Person { uid: 1_000, name: Some(person.to_owned()) };
        for _ in 0..ASKED {
            if self.house.is_none() {
                self.start().await;
            }
            let Some(house) = &self.house else { return };
            let done = commands::perform(&house.hub, &who, &command).await;
            // Whoever asked sees that it failed, or that the process died, and asks again.
            match (self.machine.is_dead(), done) {
                (true, _) => self.after_death(),
                (false, Err(CommandError::Store(_) | CommandError::Pipeline(_))) => {}
                (false, _) => return,
            }
        }
    }

    async fn release_clock(&mut self) {
        self.command(Command::ReleaseClock).await;
        if let Some(house) = &mut self.house {
            house.release_clock();
        }
    }

    /// What a person does every day: refused vouchers are built anew.
    async fn operator(&mut self) {
        let Some(house) = &self.house else { return };
        let Ok(refused) = house.hub.store.read(|tx| finance::refused_after(tx, 0)) else { return };
        for voucher in refused {
            let reason = "the account is open again".to_owned();
            self.command(Command::Rebuild { voucher: voucher.voucher_no, booking_day: None, reason }).await;
        }
        if self.life.has_clerk {
            self.clerk().await;
        }
    }

    /// What a clerk does about the payments that wait for him: which it is, goes by the payment alone.
    async fn clerk(&mut self) {
        let Some(house) = &self.house else { return };
        let wanted = Wanted { states: search::waiting_for_a_person(), ..Wanted::default() };
        let found = house.hub.store.read(|tx| {
            let mut found = Vec::new();
            for file in search::files_before(tx, TransferNo(i64::MAX))? {
                for hit in search::in_file(tx, &wanted, &file, usize::MAX)? {
                    found.push((handling::newest(tx, &hit.payment)?, hit.payment));
                }
            }
            Ok(found)
        });
        for (attempt, payment) in found.unwrap_or_default() {
            let amount = payment.request.amount;
            let act = match (payment.state, amount.0 % 7) {
                (PaymentState::Held(HoldReason::Late), _) => Decision::ReleaseHeld,
                (PaymentState::Open, 0..=2) if payment.attempt == 1 => Decision::Resend,
                (PaymentState::Open, 0 | 3) => Decision::PayInCash,
                (PaymentState::Open, 1 | 4) => Decision::PayOverOwnAccount,
                (PaymentState::Open, 5) => Decision::Recall,
                (PaymentState::Open, 6) => Decision::Refuse,
                _ => continue,
            };
            if handled(payment.state, attempt, amount, act).is_ok() {
                let (subject, reason) = (payment.request.payment.to_string(), "so it was agreed".to_owned());
                self.command(Command::Act { act, step: Step::Do, subject, reason }).await;
            }
        }
    }

    /// An older state, and a new epoch in it before anything else happens.
    async fn restore(&mut self) {
        let Some((image, pictured)) = self.backup.clone() else { return };
        self.fates.count("restore of an older state");
        self.stop().await;
        self.machine = Machine::start(self.dir.path(), Some(image), self.fates.clone());
        for _ in 0..DEATHS_AT_ONCE {
            self.start().await;
            let Some(house) = &self.house else { continue };
            let begin = restore::Begin {
                epoch: 1,
                jump: jump(1, 100, 1),
                endpoints: ["nemkonto", "serviceplatformen"].map(str::to_owned).to_vec(),
                pictured_at: pictured.as_microsecond(),
                at: self.now.as_microsecond(),
            };
            let _ = house.hub.store.write(begin).await; // a second time it says that the epoch has begun
            if !self.machine.is_dead() {
                return;
            }
            self.after_death();
        }
    }

    async fn release_endpoints(&mut self) {
        for endpoint in ["nemkonto", "serviceplatformen"] {
            let reason = "the counterparty told what it has".to_owned();
            self.command(Command::ReleaseEndpoint { endpoint: endpoint.to_owned(), reason }).await;
        }
    }

    async fn settle_unknown(&mut self) {
        let Some(house) = &self.house else { return };
        let ask = || house.hub.store.read(|tx| unknown::bundles_after(tx, BundleNo(0)));
        let mut suspects = (0..ASKED).find_map(|_| ask().ok()).unwrap_or_default();
        // A receipt 0 puts every bundle under way in doubt; NemKonto's people said whose it was.
        let unread = |bundle: &Bundle| bundle.state == BundleState::Suspect && bundle.municipality == UNREAD;
        suspects.retain(unread);
        for bundle in suspects {
            for (person, step) in [("anna", Step::Propose), ("bo", Step::Approve)] {
                let (subject, reason) = (bundle.group_id.clone(), "NemKonto could not read it".to_owned());
                let command = Command::Act { act: Decision::BundleNeverArrived, step, subject, reason };
                self.command_of(person, command).await;
            }
        }
    }

    async fn validate(&mut self) {
        let Some(house) = &self.house else { return };
        let quarantined = judge::quarantined(&house.hub);
        for transfer in quarantined {
            self.command(Command::Validate { transfer }).await;
        }
    }

    fn finish(mut self) -> Lived {
        self.house = None;
        self.lived.calls = self.fates.calls_in_all();
        self.lived.reads = self.fates.reads();
        self.lived.sequence = self.fates.sequence();
        self.lived.resends = self.network.resends();
        let is_bad = |record: &RecordLine| {
            matches!(record.expected, Expected::Rejected { .. } | Expected::Quarantined)
        };
        self.lived.bad_inputs =
            self.deliveries.iter().flat_map(|(_, d)| &d.records).filter(|record| is_bad(record)).count()
                as u64;
        self.lived.faults = self.fates.faults();
        self.lived.reached = self.fates.reached();
        self.lived.payments = self.deliveries.iter().map(|(_, d)| u64::from(d.line.records)).sum();
        let place = workplace();
        self.machine.image(Crash::Kill).write_to(place.path());
        if let Some(keep) = std::env::var_os(KEEP) {
            self.machine.image(Crash::Kill).write_to(std::path::Path::new(&keep));
        }
        let evidence = Evidence {
            place: place.path(),
            life: self.life,
            outside: &self.outside,
            books: self.partners.books(),
            deliveries: self.deliveries.iter().map(|(at, delivery)| (*at, delivery)).collect(),
            changed_bytes: self.network.changed_bytes(),
            first: self.deliveries.first().map(|(at, _)| *at),
            end: danish(self.lived_until),
        };
        let judged = judge::at_the_end(&evidence);
        self.lived.violations.extend(judged.violations);
        self.lived.end = judged.end;
        self.lived.late_windows = judged.late_windows;
        self.lived
    }
}

/// The endpoints that can be in trouble.
pub(crate) const ENDPOINTS: [&str; 3] = ["ksd", "nemkonto", "serviceplatformen"];

/// Where NemKonto leaves its answers.
pub(crate) const OUTBOX: &str = "/endpoints/nemkonto/outbox";
