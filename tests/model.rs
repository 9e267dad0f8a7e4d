//! Thousands of commands and answers at random, through the real store: whatever is asked, in whatever order, either it is
//! refused with a reason or the books add up afterwards, judged by statements of this test's own and by the replay.
//!
//! `TOEK_MODEL_STEPS=20000 cargo test --test model` tries longer; `TOEK_MODEL_SEED=7` one course again.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test stops at the first surprise, and says how far it came"
)]

use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use toek::domain::answers::{BundleEvent, BundleState};
use toek::domain::calendar::BankDays;
use toek::domain::identity::{AttemptId, BundleNo, PaymentId, TransferNo};
use toek::domain::intake::{self as domain, Candidate, Duplicates, Limits, Method};
use toek::domain::ledger::{Source, Vouchers};
use toek::domain::parameters::Parameters;
use toek::domain::payment::{AttemptEvent, PaymentState};
use toek::domain::people::Act;
use toek::domain::sending::Due;
use toek::store::block::{self, Block, Target};
use toek::store::bundle::{self, Frozen, HoldLate, MarkLanded, Move, Number};
use toek::store::handling::Handle;
use toek::store::intake::{Accept, Chunk};
use toek::store::nemkonto::{Book, Overdue, PaymentAnswer};
use toek::store::person_act::{Step, Taken};
use toek::store::transfer::{Begin, Direction, Identity, MarkArchived, TransferState};
use toek::store::unknown::{SettleBundle, SettlePayment};
use toek::store::{Store, StoreError, Write, verify};
use toek_formats::vocabulary::{BenefitCode, IdentCode, MunicipalityCode, Ore, Party, SupplierId};

const MUNICIPALITIES: [MunicipalityCode; 2] = [MunicipalityCode(461), MunicipalityCode(751)];
const PAYMENTS: u32 = 14;
const TODAY: Date = date(2026, 3, 2);

/// A course that a number repeats.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n.max(1)
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

struct World {
    store: Store,
    /// For questions of the test's own.
    plain: rusqlite::Connection,
    chance: Chance,
    now: i64,
    files: i64,
    payments: Vec<PaymentId>,
    /// What was carried out and what was refused, by what was asked.
    told: BTreeMap<String, [u64; 2]>,
}

fn candidate(transfer: TransferNo, record: u32, chance: &mut Chance) -> Candidate {
    let payee = Party { code: IdentCode::Cvr, number: 99_000_000 + chance.below(5) as u64 };
    Candidate {
        payment: PaymentId::new(transfer, record),
        offset: u64::from(record) * 850,
        length: 850,
        line_no: record + 1,
        municipality: chance.pick(&MUNICIPALITIES),
        supplier: SupplierId(*b"KSD "),
        benefit: BenefitCode(chance.pick(&[101, 102, 201])),
        // A small one, ordinary ones, one above the limit, and one that takes money back.
        amount: Ore(chance.pick(&[90, 12_300, 45_600, 78_900, 2_000_000, -500])),
        payee,
        recipient: payee,
        disposition_day: TODAY,
        effective_day: TODAY,
        period: None,
        method: chance.pick(&[Method::NemKonto, Method::NemKonto, Method::NemKonto, Method::Cash]),
        warnings: 0,
        posting_ref: [0; 10],
        advice: Vec::new(),
        reference_fingerprint: i64::from(record),
        is_fixed: true,
    }
}

impl World {
    fn new(path: &std::path::Path, seed: u64) -> World {
        let mut world = World {
            store: Store::open_inline(path).unwrap(),
            plain: rusqlite::Connection::open(path).unwrap(),
            chance: Chance(seed),
            now: 1_772_438_400_000_000,
            files: 0,
            payments: Vec::new(),
            told: BTreeMap::new(),
        };
        world.take_in();
        world
    }

    fn write<W: Write>(&mut self, name: &str, write: W) -> Option<W::Out> {
        self.now += 1_000_000;
        let entry = self.told.entry(name.to_owned()).or_default();
        match self.store.write_blocking(write) {
            Ok(out) => {
                entry[0] += 1;
                Some(out)
            }
            Err(StoreError::Conflict(why)) => {
                assert!(!why.is_empty());
                entry[1] += 1;
                None
            }
            Err(error) => panic!("{name}: {error}"),
        }
    }

    fn file(&mut self, direction: Direction, format: &str) -> TransferNo {
        self.files += 1;
        let endpoint = "e".to_owned();
        let name = format!("file-{}", self.files);
        let identity = Identity { direction, endpoint, name, size: 1, modified_at: self.files };
        let (at, format) = (self.now, format.to_owned());
        let begun = self.write("a file", Begin { identity, format, at, salt: [7; 16], data_key: vec![1] });
        let no = begun.unwrap().no;
        let state = if direction == Direction::In { TransferState::Archived } else { TransferState::Out };
        let archived = MarkArchived {
            no,
            sha256: [1; 32],
            state,
            size: 1,
            data_key: vec![1],
            layout: None,
            physical: Some(1),
            companion: None,
        };
        self.write("a file", archived);
        no
    }

    /// A file of payments, decided and posted as intake does.
    fn take_in(&mut self) {
        let no = self.file(Direction::In, "g68");
        let candidates: Vec<Candidate> =
            (1..=PAYMENTS).map(|record| candidate(no, record, &mut self.chance)).collect();
        let parameters = Parameters::default();
        let settings = |code| parameters.at(code, TODAY);
        let limits = |_| Limits { minimum: Some(Ore(100)), maximum: Some(Ore(1_000_000)) };
        let duplicates = vec![Duplicates::default(); candidates.len()];
        let received = TODAY.at(8, 0, 0, 0);
        let decisions =
            domain::decide(&candidates, &duplicates, received, &BankDays::new(&[]), &settings, &limits);
        let limit = |_| 5;
        let mut vouchers = Vouchers::new(&limit);
        domain::post(&candidates, &decisions, Source::Transfer(no), TODAY, &mut vouchers);
        self.payments.extend(candidates.iter().map(|candidate| candidate.payment));
        let (after, up_to, vouchers, at) = (0, PAYMENTS, vouchers.finish(), self.now);
        let chunk = Chunk {
            transfer: no,
            after,
            up_to,
            candidates,
            decisions,
            rejected: Vec::new(),
            findings: Vec::new(),
            again: Vec::new(),
            equals: Vec::new(),
            vouchers,
            at,
        };
        self.write("intake", chunk).unwrap();
        let accept = Accept {
            transfer: no,
            municipality: None,
            records: PAYMENTS,
            findings: Vec::new(),
            seen: Vec::new(),
            period: 0,
            at: self.now,
        };
        self.write("intake", accept).unwrap();
    }

    fn bundles(&self) -> Vec<bundle::Bundle> {
        let (mut all, mut last) = (Vec::new(), 0);
        loop {
            let page = self.store.read(|tx| bundle::after(tx, last)).unwrap();
            let Some(end) = page.last() else { return all };
            last = end.no.0;
            all.extend(page);
        }
    }

    fn number(&mut self) {
        let municipality = self.chance.pick(&MUNICIPALITIES);
        let due = self.store.read(bundle::open_due).unwrap();
        let due: Vec<_> = due.into_iter().filter(|key| key.municipality == municipality).collect();
        if due.is_empty() {
            return;
        }
        let frozen = Frozen {
            authority: "900751".to_owned(),
            agreement: "700751".to_owned(),
            debit_account: "99990000000751".to_owned(),
            bank: 1,
            supplier_id: "S".to_owned(),
            supplier_gln: "5798009999009".to_owned(),
            nks_id: "N".to_owned(),
            nks_gln: "5798009999016".to_owned(),
            implied_decimals: false,
            benefits: String::new(),
            created_at: self.now,
        };
        let write = Number {
            pipeline: "send-bundles".to_owned(),
            municipality,
            run_day: TODAY,
            window: "daily".to_owned(),
            execution_day: TODAY,
            due,
            limit: 1 + self.chance.below(6),
            frozen,
        };
        self.write("number", write);
    }

    fn deliver(&mut self) {
        let bundles = self.bundles();
        if bundles.is_empty() {
            return;
        }
        let bundle = &bundles[self.chance.below(bundles.len())];
        let (no, from) = (bundle.no, bundle.state);
        let to = match from {
            BundleState::Numbered => BundleState::Archived,
            BundleState::Archived | BundleState::Resend => BundleState::Committing,
            BundleState::Committing => BundleState::Sent,
            BundleState::Sent => {
                let landed = MarkLanded { bundle: no, what: "seen".to_owned(), at: self.now };
                self.write("landed", landed);
                return;
            }
            _ => return,
        };
        let step = Move { bundle: no, from, to, file: None, reason: None, at: self.now };
        self.write("deliver", step);
    }

    /// Whatever NemKonto may say of a bundle that left, in any order and as often as it likes.
    fn answer(&mut self) {
        let sent: Vec<_> = self.bundles().into_iter().filter(|bundle| bundle.state.has_left()).collect();
        if sent.is_empty() {
            return;
        }
        let bundle = &sent[self.chance.below(sent.len())];
        let mut answers = Vec::new();
        for payment in &bundle.members {
            if self.chance.below(3) > 0 {
                continue;
            }
            let found = (1..=9).map(|attempt| AttemptId { payment: *payment, attempt }).find(|id| {
                let sql = "select 1 from attempt where payment_id = ?1 and attempt = ?2 and bundle_no = ?3";
                self.asks(sql, &[id.payment.as_i64(), i64::from(id.attempt), bundle.no.0])
            });
            let stored = self.store.read(|tx| toek::store::intake::payment(tx, *payment)).unwrap().unwrap();
            answers.push(PaymentAnswer {
                attempt: found,
                event: self.chance.pick(&AttemptEvent::ALL),
                amounts: [Some(stored.request.amount), None],
                payee: Some(stored.request.payee),
            });
        }
        let whole = [
            BundleEvent::TakenIn,
            BundleEvent::Accepted,
            BundleEvent::Refused,
            BundleEvent::Stopped,
            BundleEvent::NamesPayments,
        ];
        let last = if answers.is_empty() { self.chance.pick(&whole) } else { BundleEvent::NamesPayments };
        let no = bundle.no;
        let transfer = self.file(Direction::In, "nemkonto-answer");
        let named = answers.iter().filter_map(|answer| answer.attempt).collect();
        let (after, today, voucher_limit, at) = (0, TODAY, 5, self.now);
        let last = Some(last);
        let book = Book { transfer, bundle: no, after, answers, last, named, today, voucher_limit, at };
        self.write("answer", book);
    }

    fn overdue(&mut self) {
        let late: Vec<BundleNo> = self
            .bundles()
            .into_iter()
            .filter(|bundle| bundle.state.has_left() && bundle.undecided > 0)
            .map(|bundle| bundle.no)
            .collect();
        if late.is_empty() {
            return;
        }
        let bundle = late[self.chance.below(late.len())];
        self.write("overdue", Overdue { bundle, missing: "a final answer", level: 3, at: self.now });
    }

    fn taken(&mut self, act: Act) -> Taken {
        let step = match act.needs_two() {
            true => self.chance.pick(&[Step::Propose, Step::Approve]),
            false => Step::Do,
        };
        let by = self.chance.pick(&["anna", "bo"]).to_owned();
        Taken { act, step, by, reason: "because".to_owned(), at: self.now }
    }

    fn due(&mut self) -> Due {
        Due { day: TODAY, immediate: self.chance.below(2) == 0 }
    }

    /// Any payment; mostly one that waits for a person, as it does where persons work.
    fn some_payment(&mut self) -> PaymentId {
        let open = "select payment_id from payment where state in (3, 4) order by payment_id";
        let mut statement = self.plain.prepare_cached(open).unwrap();
        let open: Vec<i64> =
            statement.query_map([], |row| row.get(0)).unwrap().map(|id| id.unwrap()).collect();
        match self.chance.below(3) {
            0 => self.payments[self.chance.below(self.payments.len())],
            _ if open.is_empty() => self.payments[self.chance.below(self.payments.len())],
            _ => PaymentId::from_i64(open[self.chance.below(open.len())]),
        }
    }

    fn person(&mut self) {
        let payment = self.some_payment();
        let act = self.chance.pick(&Act::ALL);
        let (taken, due, today) = (self.taken(act), self.due(), TODAY);
        match act {
            Act::PaymentPaid | Act::PaymentFailed => {
                self.write(act.text(), SettlePayment { payment, taken, today });
            }
            Act::BundleArrived | Act::BundleNeverArrived => {
                let bundles = self.bundles();
                if !bundles.is_empty() {
                    let bundle = bundles[self.chance.below(bundles.len())].no;
                    self.write(act.text(), SettleBundle { bundle, taken });
                }
            }
            Act::VoucherBooked | Act::VoucherRefused => {}
            _ => {
                self.write(act.text(), Handle { payment, taken, due, today });
            }
        }
    }

    fn block(&mut self) {
        let target = match self.chance.below(2) {
            0 => Target::Payment(self.payments[self.chance.below(self.payments.len())]),
            _ => Target::Payee(Party {
                code: IdentCode::Cvr,
                number: 99_000_000 + self.chance.below(5) as u64,
            }),
        };
        let all = self.store.read(block::all).unwrap();
        let in_force: Vec<i64> =
            all.iter().filter(|block| block.lifted.is_none()).map(|block| block.no).collect();
        if in_force.len() > 2 || self.chance.below(2) == 0 && !in_force.is_empty() {
            let block = in_force[self.chance.below(in_force.len())];
            let (by, reason, at) = ("bo".to_owned(), "done".to_owned(), self.now);
            self.write("lift", block::Lift { block, by, reason, at });
            return;
        }
        let municipality = self.chance.pick(&[None, Some(MUNICIPALITIES[0])]);
        let until = self.chance.pick(&[None, Some(TODAY)]);
        let (by, reason, at) = ("anna".to_owned(), "review".to_owned(), self.now);
        let block = Block { no: 0, municipality, target, from: TODAY, until, reason, by, at, lifted: None };
        self.write("block", block::Add { block });
    }

    fn free(&mut self) {
        for payment in self.store.read(|tx| block::freed(tx, TODAY)).unwrap() {
            let (due, today, at) = (self.due(), TODAY, self.now);
            self.write("free", block::Free { payment, due, today, at });
        }
    }

    fn late(&mut self) {
        let due = self.store.read(bundle::open_due).unwrap();
        if !due.is_empty() {
            let due = due[self.chance.below(due.len())];
            self.write("late", HoldLate { due, at: self.now });
        }
    }

    fn step(&mut self) {
        match self.chance.below(40) {
            0 => self.late(),
            1 if self.payments.len() < 90 => self.take_in(),
            2 => self.overdue(),
            3 | 4 => self.block(),
            5 => self.free(),
            6..=11 => self.number(),
            12..=20 => self.deliver(),
            21..=28 => self.answer(),
            _ => self.person(),
        }
    }

    fn asks(&self, sql: &str, values: &[i64]) -> bool {
        let mut statement = self.plain.prepare_cached(sql).unwrap();
        statement.exists(rusqlite::params_from_iter(values)).unwrap()
    }
}

/// What must be so after every step, in statements that share nothing with the hub's.
fn judge(store: &rusqlite::Connection, verified: &[verify::Check]) -> Result<(), String> {
    let rows = |sql: &str| -> Vec<(i64, i64)> {
        let mut statement = store.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(|row| row.unwrap()).collect()
    };
    for (what, sql) in [
        ("a voucher does not add up", "select voucher_no, sum(amount_ore) from posting group by 1 having sum(amount_ore) <> 0"),
        (
            "the interim account is not what is owed",
            "select p.payment_id, p.state from payment p
                left join (select payment_id, sum(amount_ore) as ore from posting where account = 2 and payment_id is not null
                    group by 1) m on m.payment_id = p.payment_id
                where coalesce(m.ore, 0) <> case when p.state in (1, 2, 3, 4, 23, 24) then -p.amount_ore else 0 end",
        ),
        (
            "more left for it than was owed",
            "select l.payment_id, sum(case when v.rule in (6, 12, 13) then 1 when v.rule in (8, 9) then -1 else 0 end) as left_
                from posting l join voucher v on v.voucher_no = l.voucher_no where l.payment_id is not null and l.account = 2
                group by 1 having left_ not in (0, 1)",
        ),
        (
            "two attempts may pay it",
            "select a.payment_id, count(*) from attempt a join bundle b on b.bundle_no = a.bundle_no
                where coalesce(a.state, case b.state when 9 then 10 else 2 end) in (1, 2, 3, 4, 5, 6, 7, 8) group by 1
                having count(*) > 1",
        ),
        (
            "it is settled another way, and an attempt may pay it",
            "select p.payment_id, p.state from payment p join attempt a on a.payment_id = p.payment_id
                join bundle b on b.bundle_no = a.bundle_no
                where p.state in (6, 7, 8, 9, 10) and coalesce(a.state, case b.state when 9 then 10 else 2 end) in
                    (1, 2, 3, 4, 5, 6, 7, 8)",
        ),
    ] {
        if let Some(found) = rows(sql).first() {
            return Err(format!("{what}: {found:?} ({})", PaymentId::from_i64(found.0)));
        }
    }
    match verified.iter().find(|check| !check.broken.is_empty()) {
        Some(check) => Err(format!("{}: {:?}", check.name, check.broken)),
        None => Ok(()),
    }
}

fn number_of(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn whatever_is_asked_in_whatever_order_the_books_add_up() {
    let steps = number_of("TOEK_MODEL_STEPS", 2_000);
    let seeds = match number_of("TOEK_MODEL_SEED", 0) {
        0 => 1..=4,
        seed => seed..=seed,
    };
    let courses = seeds.clone().count() as u64;
    let mut told: BTreeMap<String, [u64; 2]> = BTreeMap::new();
    let mut reached = std::collections::BTreeSet::new();
    for seed in seeds {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("toek.db");
        let mut world = World::new(&path, seed);
        for step in 0..steps / courses {
            world.step();
            let verified = world.store.read(verify::all).unwrap();
            if let Err(what) = judge(&world.plain, &verified) {
                panic!("seed {seed}, step {step}: {what}");
            }
        }
        for payment in &world.payments {
            let stored = world.store.read(|tx| toek::store::intake::payment(tx, *payment)).unwrap().unwrap();
            reached.insert(stored.state);
        }
        for (what, [done, refused]) in world.told {
            let sums = told.entry(what).or_default();
            sums[0] += done;
            sums[1] += refused;
        }
    }
    eprintln!("done, refused: {told:?}\nstates at the end: {reached:?}");
    for state in [
        PaymentState::Paid,
        PaymentState::Cash,
        PaymentState::Own,
        PaymentState::Recalled,
        PaymentState::Petty,
    ] {
        assert!(reached.contains(&state), "nothing ended as {state}");
    }
    for act in [Act::Resend, Act::PayInCash, Act::PaymentFailed, Act::ReleaseHeld] {
        assert!(told[act.text()][0] > 0 && told[act.text()][1] > 0, "{act}: {told:?}");
    }
}
