//! Answers on their way in: what NemKonto said of a bundle and of its payments, booked in chunks.
//!
//! State is read, decided by the domain and written within one write, so that nothing can come between.

use std::collections::HashSet;

use jiff::civil::Date;
use rusqlite::params;
use rusqlite::types::ValueRef;
use toek_formats::vocabulary::{BenefitCode, MunicipalityCode, Ore, Party};

use super::bundle::{self, Bundle};
use super::journal::{self, EntryKind};
use super::seal::{self, Sum, maybe, number};
use super::sql::statements;
use super::transfer::{self, TransferState};
use super::{StoreError, Tx, Write, adopt, intake, ledger, task};
use crate::canary::{self, Canary};
use crate::domain::answers::{BundleEvent, BundleState};
use crate::domain::identity::{AttemptId, BundleNo, PaymentId, TransferNo};
use crate::domain::ledger::{Entry, Rule, Source, Vouchers};
use crate::domain::outcome::Outcome;
use crate::domain::payment::{AttemptEvent, AttemptState, PaymentState, Step};
use crate::steps;

statements! {
    ATTEMPT = "select a.bundle_no, a.state, a.stop_requested, p.municipality, p.benefit, p.amount_ore, p.payee_code,
            p.payee_no, p.attempt, p.state, a.bundle_line, a.answered_by
        from attempt a join payment p on p.payment_id = a.payment_id
        where a.payment_id = $1 and a.attempt = $2";
    ATTEMPT_STATE = "update attempt set state = $3, answered_by = $4 where payment_id = $1 and attempt = $2";
    PAYMENT_STATE = "update payment set state = $2 where payment_id = $1";
    REQUEST_STOP = "update attempt set stop_requested = 1 where payment_id = $1 and attempt = $2";
    NEWEST = "select attempt from payment where payment_id = $1";
    BUNDLE_STATE = "update bundle set state = $2, undecided = $3 where bundle_no = $1";
    SENT_UNNOTED = "update bundle set sent_at = $2 where bundle_no = $1 and sent_at is null";
    OVERDUE = "update bundle set overdue = $2 where bundle_no = $1";
    SALT = "select salt, checkpoint, state from transfer where transfer_no = $1";
    ACCEPT = "update transfer set state = $2, accepted_at = $3, bundle_no = $4, municipality = $5
        where transfer_no = $1";
}

/// What an answer says of one payment.
#[derive(Clone, Debug)]
pub struct PaymentAnswer {
    /// The attempt it names; none when its reference is not of our making.
    pub attempt: Option<AttemptId>,
    /// What it says.
    pub event: AttemptEvent,
    /// The amount it repeats, in each way it can be read; the sent one must be among them.
    pub amounts: [Option<Ore>; 2],
    /// The payee it repeats, where it does.
    pub payee: Option<Party>,
}

/// A stretch of one answer about one bundle.
pub struct Book {
    /// The answer's transfer.
    pub transfer: TransferNo,
    /// The bundle it answers.
    pub bundle: BundleNo,
    /// The checkpoint this stretch continues from.
    pub after: u32,
    /// The payments named, in order.
    pub answers: Vec<PaymentAnswer>,
    /// With the last stretch: what it says of the bundle as a whole.
    pub last: Option<BundleEvent>,
    /// All payments the answer names, for the last stretch: whom the whole-bundle word does not touch.
    pub named: Vec<AttemptId>,
    /// The day a returned amount is booked on.
    pub today: Date,
    /// The most payments a voucher may cover.
    pub voucher_limit: usize,
    /// Now.
    pub at: i64,
}

/// What booking did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BookedAnswers {
    /// Attempts whose state changed.
    pub changed: u32,
    /// Answers that need a person.
    pub tasks: u32,
}

impl Write for Book {
    const STEP: steps::Step = steps::Step::Booked;
    type Out = BookedAnswers;
    fn apply(&self, tx: &Tx<'_>) -> Result<BookedAnswers, StoreError> {
        let found: Option<(Vec<u8>, u32, i64)> =
            tx.one(SALT, params![self.transfer.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let Some((salt, checkpoint, state)) = found else {
            return Err(StoreError::Conflict(format!("there is no transfer {}", self.transfer.0)));
        };
        if state != TransferState::Archived as i64 || checkpoint != self.after {
            return Err(StoreError::Conflict(format!(
                "answer {} is not at payment {}: it would be booked twice",
                self.transfer.0, self.after
            )));
        }
        let bundle = bundle::get(tx, self.bundle)?;
        let limit = |_| self.voucher_limit; // a bundle is one municipality's
        let mut booking = Booking {
            transfer: self.transfer,
            today: self.today,
            undecided: i64::from(bundle.undecided),
            state: bundle.state,
            vouchers: Vouchers::new(&limit),
            outcomes: Vec::new(),
            tasks: Vec::new(),
            booked: BookedAnswers::default(),
            sealed: Sum::default(),
            bundle,
        };
        for answer in &self.answers {
            booking.book_named(tx, answer)?;
            if canary::is_active(Canary::DoubledAnswer) {
                booking.post_again();
            }
        }
        transfer::set_checkpoint(tx, self.transfer, self.after + self.answers.len() as u32)?;
        if let Some(event) = self.last {
            booking.book_whole(tx, event, &self.named)?;
            let accepted = TransferState::Accepted as u8;
            let municipality = booking.bundle.municipality.0;
            tx.run(ACCEPT, params![self.transfer.0, accepted, self.at, self.bundle.0, municipality])?;
        }
        booking.finish(tx, &salt, self.at)
    }
}

struct Booking<'l> {
    transfer: TransferNo,
    bundle: Bundle,
    today: Date,
    state: BundleState,
    undecided: i64,
    vouchers: Vouchers<'l>,
    outcomes: Vec<Outcome>,
    tasks: Vec<(String, String)>,
    booked: BookedAnswers,
    /// By what the seal of the attempts moves.
    sealed: Sum,
}

/// An attempt as it stands, with what of its payment is needed beside it.
pub(super) struct Current {
    pub(super) bundle: i64,
    pub(super) own_state: Option<u8>,
    pub(super) stop_requested: bool,
    pub(super) municipality: MunicipalityCode,
    pub(super) benefit: BenefitCode,
    pub(super) amount: Ore,
    pub(super) payee: Party,
    pub(super) newest: u8,
    pub(super) payment_state: u8,
    bundle_line: i64,
    answered_by: Option<i64>,
}

impl Current {
    /// The attempt's row, in the order in which it is sealed.
    pub(super) fn sealed(
        &self,
        attempt: AttemptId,
        state: Option<u8>,
        answered_by: Option<i64>,
    ) -> [ValueRef<'static>; 7] {
        [
            number(attempt.payment.as_i64()),
            number(attempt.attempt),
            number(self.bundle),
            number(self.bundle_line),
            maybe(state),
            number(self.stop_requested),
            maybe(answered_by),
        ]
    }
}

pub(super) fn current(tx: &Tx<'_>, attempt: AttemptId) -> Result<Option<Current>, StoreError> {
    let mut found = None;
    tx.each(ATTEMPT, params![attempt.payment.as_i64(), attempt.attempt], |row| {
        found = Some(Current {
            bundle: row.get(0)?,
            own_state: row.get(1)?,
            stop_requested: row.get(2)?,
            municipality: MunicipalityCode(row.get(3)?),
            benefit: BenefitCode(row.get(4)?),
            amount: Ore(row.get(5)?),
            payee: intake::party(row.get(6)?, row.get(7)?)?,
            newest: row.get(8)?,
            payment_state: row.get(9)?,
            bundle_line: row.get(10)?,
            answered_by: row.get(11)?,
        });
        Ok(())
    })?;
    Ok(found)
}

/// That NemKonto was asked to stop an attempt: an answer 5 that names nobody is about it, too.
pub(super) fn request_stop(tx: &Tx<'_>, attempt: AttemptId) -> Result<(), StoreError> {
    let Some(before) = current(tx, attempt)? else { return Ok(()) };
    let after = Current { stop_requested: true, ..before };
    let mut sealed = Sum::default();
    sealed.take("attempt", before.sealed(attempt, before.own_state, before.answered_by));
    sealed.add("attempt", after.sealed(attempt, after.own_state, after.answered_by));
    tx.run(REQUEST_STOP, params![attempt.payment.as_i64(), attempt.attempt])?;
    seal::moved(tx, "attempt", &sealed)
}

/// What a person's word makes of an attempt and its payment: no answer decided it.
pub(super) fn set_by_hand(tx: &Tx<'_>, attempt: AttemptId, step: &Step) -> Result<(), StoreError> {
    let id = attempt.payment.as_i64();
    let mut sealed = Sum::default();
    if let Some(before) = current(tx, attempt)? {
        sealed.take("attempt", before.sealed(attempt, before.own_state, before.answered_by));
        sealed.add("attempt", before.sealed(attempt, Some(step.attempt as u8), None));
    }
    tx.run(ATTEMPT_STATE, params![id, attempt.attempt, step.attempt as u8, None::<i64>])?;
    seal::moved(tx, "attempt", &sealed)?;
    tx.run(PAYMENT_STATE, params![id, step.payment.code()])?;
    Ok(())
}

impl Booking<'_> {
    fn book_named(&mut self, tx: &Tx<'_>, answer: &PaymentAnswer) -> Result<(), StoreError> {
        let Some(attempt) = answer.attempt else {
            let subject = format!("transfer {}", self.transfer.0);
            self.tell(subject, "it names a payment by a reference that is not ours");
            return Ok(());
        };
        let current = current(tx, attempt)?.filter(|current| current.bundle == self.bundle.no.0);
        let Some(current) = current else {
            if adopt::answered(tx, attempt, name_of(answer.event))? {
                return Ok(()); // its file was lost by a restore: it is remembered as sent, with this as its last word
            }
            self.tell(attempt.to_string(), "an answer names it in a bundle that it is not in");
            return Ok(());
        };
        let same_amount = answer.amounts.contains(&Some(current.amount));
        let same_payee = answer.payee.is_none_or(|payee| payee == current.payee);
        let event = if same_amount && same_payee { answer.event } else { AttemptEvent::Unclear };
        self.book(tx, attempt, &current, event)
    }

    fn book(
        &mut self,
        tx: &Tx<'_>,
        attempt: AttemptId,
        current: &Current,
        event: AttemptEvent,
    ) -> Result<(), StoreError> {
        let before = self.attempt_state(current)?;
        if before == AttemptState::Ready {
            self.tell(attempt.to_string(), "it was answered before it was sent");
            return Ok(());
        }
        let step = before.answered(event);
        if step.task {
            self.tell(
                attempt.to_string(),
                &format!("{} came while it was {}", name_of(event), before.text()),
            );
        }
        if step.attempt == before && current.own_state.is_some() && step.posting.is_none() {
            return Ok(());
        }
        self.store(tx, attempt, current, before, step)
    }

    fn attempt_state(&self, current: &Current) -> Result<AttemptState, StoreError> {
        match current.own_state {
            Some(code) => Ok(AttemptState::from_code(code)?),
            None => Ok(self.state.attempt_state()),
        }
    }

    fn store(
        &mut self,
        tx: &Tx<'_>,
        attempt: AttemptId,
        current: &Current,
        before: AttemptState,
        step: Step,
    ) -> Result<(), StoreError> {
        let AttemptId { payment, attempt: attempt_no } = attempt;
        tx.run(ATTEMPT_STATE, params![payment.as_i64(), attempt_no, step.attempt as u8, self.transfer.0])?;
        self.sealed.take("attempt", current.sealed(attempt, current.own_state, current.answered_by));
        self.sealed.add("attempt", current.sealed(attempt, Some(step.attempt as u8), Some(self.transfer.0)));
        let payment_state = if current.newest == attempt_no {
            let state = step.payment_now(PaymentState::from_code(current.payment_state)?).code();
            if state != current.payment_state {
                tx.run(PAYMENT_STATE, params![payment.as_i64(), state])?;
            }
            state
        } else {
            self.tell(attempt.to_string(), "an attempt was answered after a newer one was made");
            current.payment_state
        };
        if before.is_undecided() && !step.attempt.is_undecided() {
            self.undecided -= 1;
        }
        let rules = step.posting.map_or(&[][..], |posting| posting.rules());
        for rule in rules {
            self.post(*rule, payment, current);
        }
        self.booked.changed += 1;
        let code = |place: usize| rules.get(place).map_or(0, |rule| *rule as u8);
        self.outcomes.push(Outcome {
            payment,
            municipality: current.municipality,
            payment_state,
            attempt: attempt_no,
            attempt_state: step.attempt as u8,
            rules: [code(0), code(1)],
            bank: self.bundle.frozen.bank,
            amount: current.amount,
        });
        Ok(())
    }

    /// P6 is booked on the day the payees have the money, corrections on the day they are learnt of.
    fn post(&mut self, rule: Rule, payment: PaymentId, current: &Current) {
        let day = if rule == Rule::P6 { self.bundle.execution_day } else { self.today };
        let entry = Entry {
            payment,
            municipality: current.municipality,
            benefit: current.benefit,
            amount: current.amount,
            bank: self.bundle.frozen.bank,
        };
        self.vouchers.post(rule, Source::Bundle(self.bundle.no), day, entry);
    }

    /// The deliberate defect: what was just posted, once more.
    fn post_again(&mut self) {
        let Some(last) = self.outcomes.last().copied() else { return };
        if let Ok(rule) = Rule::from_code(last.rules[0]) {
            let entry = Entry {
                payment: last.payment,
                municipality: last.municipality,
                benefit: BenefitCode(0),
                amount: last.amount,
                bank: last.bank,
            };
            self.vouchers.post(rule, Source::Bundle(self.bundle.no), self.today, entry);
        }
    }

    /// The word about the bundle as a whole, for every attempt that the answer does not name.
    fn book_whole(&mut self, tx: &Tx<'_>, event: BundleEvent, named: &[AttemptId]) -> Result<(), StoreError> {
        let step = match self.bundle.resent {
            0 => self.state.answered(event),
            _ => self.state.answered_after_resending(event),
        };
        if step.task {
            let text = format!("{event:?} came while it was {}", self.state.text());
            self.tell(format!("bundle {}", self.bundle.no.0), &text);
        }
        if let Some(event) = step.unnamed {
            let named: HashSet<AttemptId> = named.iter().copied().collect();
            for payment in self.bundle.members.clone() {
                let Some(attempt) = self.attempt_in_bundle(tx, payment)? else { continue };
                let Some(current) = current(tx, attempt)?.filter(|_| !named.contains(&attempt)) else {
                    continue;
                };
                let event = match event {
                    AttemptEvent::StopUnasked if current.stop_requested => AttemptEvent::Stop,
                    other => other,
                };
                self.book(tx, attempt, &current, event)?;
            }
        }
        self.state = step.state;
        Ok(())
    }

    /// The attempt of a member that this bundle carries: the newest, or one before it.
    fn attempt_in_bundle(&self, tx: &Tx<'_>, payment: PaymentId) -> Result<Option<AttemptId>, StoreError> {
        let newest: u8 = tx.one(NEWEST, params![payment.as_i64()], |row| row.get(0))?.unwrap_or(0);
        for attempt in (1..=newest).rev() {
            let id = AttemptId { payment, attempt };
            if current(tx, id)?.is_some_and(|found| found.bundle == self.bundle.no.0) {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    fn tell(&mut self, subject: String, text: &str) {
        self.booked.tasks += 1;
        self.tasks.push((
            subject,
            format!("{}: {text} (answer in transfer {})", self.bundle.group_id, self.transfer.0),
        ));
    }

    fn finish(self, tx: &Tx<'_>, salt: &[u8], at: i64) -> Result<BookedAnswers, StoreError> {
        ledger::post(tx, &self.vouchers.finish(), at)?;
        seal::moved(tx, "attempt", &self.sealed)?;
        for (subject, text) in self.tasks {
            let municipality = Some(self.bundle.municipality);
            task::open(tx, &task::NewTask { kind: "answer", municipality, subject, text }, at)?;
        }
        tx.run(BUNDLE_STATE, params![self.bundle.no.0, self.state as u8, self.undecided])?;
        if self.state.has_left() {
            tx.run(SENT_UNNOTED, params![self.bundle.no.0, at])?; // the answer came before our own note
        }
        journal::append(tx, at, EntryKind::Answered, self.transfer.0, salt, &self.outcomes)?;
        Ok(self.booked)
    }
}

fn name_of(event: AttemptEvent) -> &'static str {
    match event {
        AttemptEvent::Reject => "a refusal",
        AttemptEvent::Accept => "an acceptance",
        AttemptEvent::Stop => "a stop",
        AttemptEvent::StopUnasked => "a stop that was not asked for",
        AttemptEvent::Return => "answer 7 (returned)",
        AttemptEvent::PayByCheck => "answer 7 (paid by check)",
        AttemptEvent::PayToWaitingAccount => "answer 7 (waiting account)",
        AttemptEvent::PayToErrorAccount => "answer 7 (error account)",
        AttemptEvent::TakenByBank => "answer 8",
        AttemptEvent::BankRefusal => "answer 9",
        AttemptEvent::Unclear => {
            "an unclear answer, or one whose payee or amount differs from what was sent,"
        }
    }
}

/// NemKonto could not read a file and cannot say which: every bundle that nothing was heard of becomes suspect.
pub struct BookUnreadable {
    /// The receipt's transfer.
    pub transfer: TransferNo,
    /// What it says.
    pub text: String,
    /// Now.
    pub at: i64,
}

impl Write for BookUnreadable {
    const STEP: steps::Step = steps::Step::Unreadable;
    type Out = u32;
    fn apply(&self, tx: &Tx<'_>) -> Result<u32, StoreError> {
        let mut suspects = 0;
        for no in bundle::undecided(tx, BundleState::Committing, BundleState::Landed)? {
            let bundle = bundle::get(tx, no)?;
            let step = bundle.state.answered(BundleEvent::Unreadable);
            tx.run(BUNDLE_STATE, params![no.0, step.state as u8, bundle.undecided])?;
            let text = format!("{}: NemKonto could not read a file of ours: {}", bundle.group_id, self.text);
            let subject = format!("bundle {}", no.0);
            let municipality = Some(bundle.municipality);
            task::open(tx, &task::NewTask { kind: "suspect", municipality, subject, text }, self.at)?;
            journal::append(tx, self.at, EntryKind::BundleMoved, no.0, &[], &[])?;
            suspects += 1;
        }
        let accepted = TransferState::Accepted as u8;
        tx.run(ACCEPT, params![self.transfer.0, accepted, self.at, None::<i64>, None::<i64>])?;
        Ok(suspects)
    }
}

/// The last deadline of a bundle's answers.
pub const FINAL: u8 = 3;

/// An alarm about a bundle that nothing, or too little, was heard of in time.
pub struct Overdue {
    /// Which.
    pub bundle: BundleNo,
    /// What is missing.
    pub missing: &'static str,
    /// Which deadline: 1 receipt, 2 answer 2, 3 the last, whose passing makes undecided payments unconfirmed.
    pub level: u8,
    /// Now.
    pub at: i64,
}

impl Write for Overdue {
    const STEP: steps::Step = steps::Step::Overdue;
    type Out = u32;
    fn apply(&self, tx: &Tx<'_>) -> Result<u32, StoreError> {
        let bundle = bundle::get(tx, self.bundle)?;
        let mut outcomes = Vec::new();
        if self.level == FINAL {
            for payment in &bundle.members {
                outcomes.extend(unconfirm(tx, &bundle, *payment)?);
            }
        }
        let text = format!(
            "{}: {} has not come; {} payments undecided",
            bundle.group_id, self.missing, bundle.undecided
        );
        tx.run(OVERDUE, params![self.bundle.0, self.level])?;
        let subject = format!("bundle {} {}", self.bundle.0, self.missing);
        let municipality = Some(bundle.municipality);
        task::open(tx, &task::NewTask { kind: "overdue", municipality, subject, text }, self.at)?;
        if !outcomes.is_empty() {
            journal::append(tx, self.at, EntryKind::TimedOut, self.bundle.0, &[], &outcomes)?;
        }
        Ok(outcomes.len() as u32)
    }
}

fn unconfirm(tx: &Tx<'_>, bundle: &Bundle, payment: PaymentId) -> Result<Option<Outcome>, StoreError> {
    let newest: u8 = tx.one(NEWEST, params![payment.as_i64()], |row| row.get(0))?.unwrap_or(0);
    let attempt = AttemptId { payment, attempt: newest };
    let Some(current) = current(tx, attempt)?.filter(|current| current.bundle == bundle.no.0) else {
        return Ok(None);
    };
    let undecided = match current.own_state {
        Some(code) => AttemptState::from_code(code)?.is_undecided(),
        None => bundle.state.attempt_state().is_undecided(),
    };
    if !undecided || PaymentState::from_code(current.payment_state)? != PaymentState::InProgress {
        return Ok(None);
    }
    let state = PaymentState::Unconfirmed.code();
    tx.run(PAYMENT_STATE, params![payment.as_i64(), state])?;
    Ok(Some(Outcome {
        payment,
        municipality: current.municipality,
        payment_state: state,
        attempt: newest,
        attempt_state: 0,
        rules: [0, 0],
        bank: 0,
        amount: current.amount,
    }))
}
