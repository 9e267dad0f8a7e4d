//! What left in the time that a restore lost, taken into the books from evidence: bundles that lie at the counterparty's
//! side, and what receipts and answers name.
//!
//! A payment that is known becomes an attempt of the bundle that carried it. One whose file is lost is remembered as
//! sent, so that its record is held when the file comes again. Nothing here sends or posts anything.

use std::collections::BTreeSet;

use jiff::civil::Date;
use rusqlite::params;
use rusqlite::types::ValueRef;
use toek_formats::vocabulary::{IdentCode, MunicipalityCode, Ore, Party};
use uuid::Uuid;

use super::bundle::{self, Bundle, Frozen, Move};
use super::finance::{self, MoveFile};
use super::journal::{self, EntryKind};
use super::restore::{self, Found};
use super::seal::{self, Sum, number};
use super::sql::statements;
use super::{StoreError, Tx, Write, date_of, day_number, intake, task};
use crate::domain::answers::BundleState;
use crate::domain::finance::{FileState, VoucherState};
use crate::domain::identity::{AttemptId, BundleNo, PaymentId, TransferNo, read_group_id};
use crate::domain::outcome::{self, Outcome};
use crate::domain::payment::{AttemptState, HoldReason, PaymentState};
use crate::domain::restore::ASKED_BEFORE;
use crate::steps::Step;

statements! {
    SEQUENCE_USED = "insert into group_sequence (municipality, run_day, last) values ($1, $2, $3)
        on conflict (municipality, run_day) do update set
            last = case when excluded.last > last then excluded.last else last end";
    PART = "select coalesce(max(part), 0) + 1 from bundle where run_no = $1";
    RUN = "select run_no from run where pipeline = $1 and municipality = $2 and bank_day = $3 and run_window = $4";
    RUN_MAX = "select max(run_no) from run";
    RUN_BEGIN = "insert into run (run_no, pipeline, municipality, bank_day, run_window, begun_at, finished_at)
        values ($1, $2, $3, $4, $5, $6, $6)";
    BUNDLE_MAX = "select max(bundle_no) from bundle";
    INSERT = "insert into bundle (bundle_no, run_no, municipality, run_day, part, group_id, created_at, execution_day,
            immediate, authority, agreement, debit_account, bank, supplier_id, supplier_gln, nks_id, nks_gln, payments,
            sum_ore, undecided, state, sent_at, members, implied_decimals, benefits)
        values ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10, $11, $12, $13, $14, $15, $16, 0, 0, 0, $17, $18, $19, $20,
            $21)";
    CARRIED_BY = "update bundle set transfer_no = $2 where bundle_no = $1 and transfer_no is null";
    EXECUTION = "update bundle set execution_day = $2 where bundle_no = $1 and payments = 0";
    GROW = "update bundle set payments = $2, sum_ore = $3, undecided = undecided + $4, members = $5
        where bundle_no = $1";
    IN_BUNDLE = "select bundle_no from attempt where payment_id = $1 and attempt = $2";
    ACCEPTED = "select 1 from transfer where transfer_no = $1 and accepted_at is not null";
    ATTEMPT = "insert into attempt (payment_id, attempt, bundle_no, bundle_line) values ($1, $2, $3, $4)";
    UNDER_WAY = "update payment set state = $2, attempt = $3, bundle_no = $4 where payment_id = $1";
    OPEN_DUE = "select municipality, day, immediate, part, taken, records from due
        where transfer_no = $1 and taken < payments order by municipality, day, immediate, part";
    STATE = "select state from payment where payment_id = $1";
    TAKEN = "update due set taken = $6
        where transfer_no = $1 and municipality = $2 and day = $3 and immediate = $4 and part = $5";
    REMEMBER = "insert into sent_before (payment_id, attempt, bundle_no, municipality, reference, amount_ore,
            payee_code, payee_no, benefit, execution_day, evidence)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict (payment_id, attempt) do nothing";
    COMPLETE = "update sent_before set payee_code = coalesce(payee_code, $3), payee_no = coalesce(payee_no, $4),
            benefit = coalesce(benefit, $5), execution_day = coalesce(execution_day, $6)
        where payment_id = $1 and attempt = $2";
    KNOWN = "select amount_ore, payee_code, payee_no from sent_before where payment_id = $1 and attempt = $2";
    WORD = "update sent_before set word = $3 where payment_id = $1 and attempt = $2";
    UNDELIVERED = "select s.payment_id, s.attempt, s.municipality, s.reference, s.amount_ore, s.payee_code, s.payee_no,
            s.benefit, s.execution_day, s.evidence, b.group_id
        from sent_before s join bundle b on b.bundle_no = s.bundle_no
        where s.same_as is null order by s.payment_id, s.attempt";
    SAME = "update sent_before set same_as = $3 where payment_id = $1 and attempt = $2 and same_as is null";
    LIKE = "select p.payment_id, p.state, p.attempt from payment p
        join transfer t on t.transfer_no = p.payment_id >> 20
        where p.payment_id >= $1 and t.accepted_at is not null and p.municipality = $2 and p.amount_ore = $3
            and p.payee_code = $4 and p.payee_no = $5 and p.effective_day between $6 - $7 and $6
            and not exists (select 1 from sent_before s where s.same_as = p.payment_id)
        order by p.payment_id limit 1";
    BLOCK = "update payment set state = $2 where payment_id = $1";
    BEGAN = "select coalesce(max(held_at), 0) from endpoint_hold";
    FIRST_SINCE = "select coalesce(min(transfer_no), 0) from transfer where received_at >= $1 and direction = 1";
    SAME_AS = "select s.reference, b.group_id, s.evidence, s.word from sent_before s
        join bundle b on b.bundle_no = s.bundle_no where s.same_as = $1";
    OF_FILE = "select count(*), coalesce(sum(amount_ore), 0), coalesce(sum(case when same_as is null then 1 else 0 end), 0)
        from sent_before where payment_id between $1 and $2";
    IN_FILE = "select count(*) from sent_before where bundle_no = $1";
    VOUCHER_FILE = "insert into voucher_file (file_no, municipality, created_at, vouchers, postings, sum_ore, undecided,
            state, sent_at)
        values ($1, $2, $3, 0, 0, 0, 0, $4, $3) on conflict (file_no) do nothing";
    FILE_CARRIED = "update voucher_file set transfer_no = $2 where file_no = $1 and transfer_no is null";
    OPEN_VOUCHER = "select attempt, booking_day, municipality from voucher_open where voucher_no = $1";
    TAKE_VOUCHER = "delete from voucher_open where voucher_no = $1";
    SENT_VOUCHER = "insert into voucher_sent (voucher_no, attempt, file_no, file_line, booking_day, state)
        values ($1, $2, $3, $4, $5, $6)";
    LINES = "select coalesce(max(file_line), 0) from voucher_sent where file_no = $1";
    FIGURES = "select count(*), coalesce(sum(case when amount_ore > 0 then amount_ore else 0 end), 0) from posting
        where voucher_no = $1 and amount_ore <> 0";
    GROW_FILE = "update voucher_file set vouchers = vouchers + 1, undecided = undecided + 1,
            postings = postings + $2, sum_ore = sum_ore + $3 where file_no = $1";
    REOPEN_FILE = "update voucher_file set state = $2 where file_no = $1 and state = $3";
    REMEMBER_VOUCHER = "insert into voucher_before (id, file_no, evidence) values ($1, $2, $3)
        on conflict (id) do nothing";
    VOUCHER_WORD = "update voucher_before set word = $2 where id = $1";
    VOUCHERS_OPEN = "select voucher_no, attempt from voucher_open order by voucher_no";
}

/// A payment that evidence names.
#[derive(Clone)]
pub struct Named {
    /// Which try to pay which payment.
    pub attempt: AttemptId,
    /// Its EndToEndId.
    pub reference: String,
    /// The amount, in each way it can be read.
    pub amounts: [Option<Ore>; 2],
    /// Who was paid, where that is told.
    pub payee: Option<Party>,
    /// The benefit, as NemKonto calls it.
    pub benefit: Option<String>,
    /// The day the money was to be at the payee's disposal.
    pub execution: Option<Date>,
}

/// Takes a bundle of the lost time into the books, or more of one.
pub struct Adopt {
    /// The endpoint it went to.
    pub endpoint: String,
    /// The pipeline that sends there.
    pub pipeline: String,
    /// Its reference; ours, by its form.
    pub group_id: String,
    /// What its bytes depended on, as far as evidence tells; else as it would be today.
    pub frozen: Frozen,
    /// The day the money was to be at the payees' disposal, where that is told.
    pub execution: Option<Date>,
    /// Payments and sum, where evidence tells all of it.
    pub whole: Option<(u32, Ore)>,
    /// Its payments, as far as they are named.
    pub named: Vec<Named>,
    /// The archived copy of its bytes.
    pub file: Option<TransferNo>,
    /// What tells of it.
    pub evidence: String,
    /// Now.
    pub at: i64,
}

/// What adopting did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// The bundle.
    pub bundle: BundleNo,
    /// Payments that are known to be sent since this, those whose file is lost included.
    pub payments: u32,
}

impl Write for Adopt {
    const STEP: Step = Step::Adopted;
    type Out = Adopted;
    fn apply(&self, tx: &Tx<'_>) -> Result<Adopted, StoreError> {
        let bundle = self.bundle(tx)?;
        let mut adopting = Adopting {
            adopt: self,
            bundle,
            outcomes: Vec::new(),
            outcomes_of_others: Vec::new(),
            lost: 0,
            odd: Vec::new(),
        };
        for named in &self.named {
            adopting.payment(tx, named)?;
        }
        adopting.finish(tx)
    }
}

impl Adopt {
    /// The bundle as the store has it: made, if it has none; sent, if it had not left by the picture.
    fn bundle(&self, tx: &Tx<'_>) -> Result<Bundle, StoreError> {
        let Ok((municipality, run_day, sequence)) = read_group_id(&self.group_id) else {
            return Err(StoreError::Conflict("it is no bundle of ours".to_owned()));
        };
        if sequence <= restore::sequence_range(tx)?.1 {
            tx.run(SEQUENCE_USED, params![municipality.0, day_number(run_day), sequence])?;
        }
        if let Some(known) = bundle::by_group(tx, &self.group_id)? {
            self.mark_sent(tx, known)?;
            return bundle::get(tx, known);
        }
        let no = BundleNo(restore::next_outside(tx, "bundle", BUNDLE_MAX)?);
        let run_no = self.run(tx, municipality, run_day)?;
        let part: i64 = tx.one(PART, params![run_no], |row| row.get(0))?.unwrap_or(1);
        let frozen = &self.frozen;
        tx.run(
            INSERT,
            params![
                no.0,
                run_no,
                municipality.0,
                day_number(run_day),
                part,
                self.group_id,
                frozen.created_at,
                day_number(self.execution.unwrap_or(run_day)),
                frozen.authority,
                frozen.agreement,
                frozen.debit_account,
                frozen.bank,
                frozen.supplier_id,
                frozen.supplier_gln,
                frozen.nks_id,
                frozen.nks_gln,
                BundleState::Sent as u8,
                self.at,
                Vec::<u8>::new(),
                frozen.implied_decimals,
                frozen.benefits,
            ],
        )?;
        if let Some(file) = self.file {
            tx.run(CARRIED_BY, params![no.0, file.0])?;
        }
        bundle::get(tx, no)
    }

    fn run(&self, tx: &Tx<'_>, whose: MunicipalityCode, day: Date) -> Result<i64, StoreError> {
        let window = format!("adopted {}", self.group_id);
        let day = day_number(day);
        if let Some(run_no) = tx.one(RUN, params![self.pipeline, whose.0, day, window], |row| row.get(0))? {
            return Ok(run_no);
        }
        let run_no = restore::next_outside(tx, "run", RUN_MAX)?;
        tx.run(RUN_BEGIN, params![run_no, self.pipeline, whose.0, day, window, self.at])?;
        Ok(run_no)
    }

    /// What had not left by the picture has left, as evidence shows.
    fn mark_sent(&self, tx: &Tx<'_>, no: BundleNo) -> Result<(), StoreError> {
        if let Some(file) = self.file {
            tx.run(CARRIED_BY, params![no.0, file.0])?;
        }
        let from = bundle::get(tx, no)?.state;
        let is_news = matches!(
            from,
            BundleState::Numbered | BundleState::Archived | BundleState::Committing | BundleState::Held
        );
        if !is_news {
            return Ok(());
        }
        task::close_kind(tx, "bundle held", &format!("bundle {}", no.0), self.at)?;
        let to = BundleState::Sent;
        Move { bundle: no, from, to, file: None, reason: None, at: self.at }.apply(tx)
    }
}

struct Adopting<'a> {
    adopt: &'a Adopt,
    bundle: Bundle,
    outcomes: Vec<Outcome>,
    /// Records that came again, and are held.
    outcomes_of_others: Vec<Outcome>,
    /// Payments whose file is lost.
    lost: u32,
    /// What does not fit.
    odd: Vec<Found>,
}

impl Adopting<'_> {
    fn payment(&mut self, tx: &Tx<'_>, named: &Named) -> Result<(), StoreError> {
        let AttemptId { payment, attempt } = named.attempt;
        let within: Option<i64> = tx.one(IN_BUNDLE, params![payment.as_i64(), attempt], |row| row.get(0))?;
        if within == Some(self.bundle.no.0) {
            return Ok(());
        }
        if self.bundle.state == BundleState::Rejected {
            return Ok(()); // refused as a whole: nothing was paid by it
        }
        if within.is_some() {
            self.strange(named, "it is in another bundle of ours");
            return Ok(());
        }
        if tx.one(KNOWN, params![payment.as_i64(), attempt], |_| Ok(()))?.is_some() {
            return self.remember(tx, named);
        }
        let accepted = tx.one(ACCEPTED, params![payment.transfer().0], |_| Ok(()))?.is_some();
        match intake::payment(tx, payment)?.filter(|_| accepted) {
            None => self.remember(tx, named),
            Some(stored) => match obstacle(&stored, named, self.bundle.municipality) {
                Some(what) => {
                    self.strange(named, &what);
                    Ok(())
                }
                None => self.take(tx, named, stored.request.amount),
            },
        }
    }

    /// A payment of ours that waits: it is under way, in this bundle.
    fn take(&mut self, tx: &Tx<'_>, named: &Named, amount: Ore) -> Result<(), StoreError> {
        let AttemptId { payment, attempt } = named.attempt;
        let line = self.bundle.members.len() as i64 + 1;
        tx.run(ATTEMPT, params![payment.as_i64(), attempt, self.bundle.no.0, line])?;
        let mut sum = Sum::default();
        let head = [payment.as_i64(), attempt.into(), self.bundle.no.0, line].map(number);
        sum.add("attempt", head.into_iter().chain([ValueRef::Null, number(0), ValueRef::Null]));
        seal::moved(tx, "attempt", &sum)?;
        let state = PaymentState::InProgress.code();
        tx.run(UNDER_WAY, params![payment.as_i64(), state, attempt, self.bundle.no.0])?;
        self.bundle.members.push(payment);
        self.bundle.sum += amount;
        self.outcomes.push(Outcome {
            payment,
            municipality: self.bundle.municipality,
            payment_state: state,
            attempt,
            attempt_state: AttemptState::Ready as u8, // its bundle says where it stands, as for every attempt
            rules: [0, 0],
            bank: 0,
            amount,
        });
        Ok(())
    }

    /// A payment whose file is lost.
    fn remember(&mut self, tx: &Tx<'_>, named: &Named) -> Result<(), StoreError> {
        let AttemptId { payment, attempt } = named.attempt;
        let skipped = restore::floor(tx, "transfer")?;
        if payment.transfer().0 > skipped + FAR {
            self.strange(named, "its number is far above all that were skipped");
            return Ok(());
        }
        let Some(amount) = named.amounts.into_iter().flatten().next() else {
            self.strange(named, "its amount cannot be read");
            return Ok(());
        };
        let (payment_id, payee) = (payment.as_i64(), named.payee);
        let (code, number) = (payee.map(|p| p.code as u8), payee.map(|p| p.number as i64));
        let execution = named.execution.map(day_number);
        let (whose, bundle) = (self.bundle.municipality.0, self.bundle.no.0);
        let Adopt { evidence, .. } = self.adopt;
        let Named { reference, benefit, .. } = named;
        let row = params![
            payment_id, attempt, bundle, whose, reference, amount.0, code, number, benefit, execution,
            evidence
        ];
        if tx.run(REMEMBER, row)? > 0 {
            self.lost += 1;
            self.find_delivered_again(tx, named, amount)?;
            // It was taken in under a number that this installation may have thought free.
            restore::raise_floor(tx, "transfer", payment.transfer().0)?;
            return Ok(());
        }
        let known = tx.one(KNOWN, params![payment_id, attempt], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Option<u8>>(1)?, row.get::<_, Option<i64>>(2)?))
        })?;
        let fits = known.is_some_and(|(known, known_code, known_number)| {
            let same_payee =
                payee.is_none() || known_code.is_none() || (known_code, known_number) == (code, number);
            named.amounts.contains(&Some(Ore(known))) && same_payee
        });
        if !fits {
            self.strange(named, "it was told of before with another amount or payee");
            return Ok(());
        }
        tx.run(COMPLETE, params![payment_id, attempt, code, number, benefit, execution])?;
        Ok(())
    }

    /// Its file may have come again before this evidence did: then that record waits to be sent, and must not be.
    fn find_delivered_again(&mut self, tx: &Tx<'_>, named: &Named, amount: Ore) -> Result<(), StoreError> {
        let began: i64 = tx.one(BEGAN, [], |row| row.get(0))?.unwrap_or(0);
        let first: i64 = tx.one(FIRST_SINCE, params![began], |row| row.get(0))?.unwrap_or(0);
        if first == 0 {
            return Ok(());
        }
        let (Some(payee), Some(execution)) = (named.payee, named.execution) else {
            self.strange(
                named,
                "whether its record has come again cannot be told: its payee or day is not named",
            );
            return Ok(());
        };
        let (whose, day) = (self.bundle.municipality, day_number(execution));
        let from = PaymentId::range_of(TransferNo(first)).0;
        let key = params![
            from,
            whose.0,
            amount.0,
            payee.code as u8,
            payee.number as i64,
            day,
            i64::from(ASKED_BEFORE)
        ];
        let like: Option<(i64, u8, u8)> =
            tx.one(LIKE, key, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let Some((id, state, attempt)) = like else { return Ok(()) };
        let payment = PaymentId::from_i64(id);
        let sent = named.attempt;
        tx.run(SAME, params![sent.payment.as_i64(), sent.attempt, id])?;
        match PaymentState::from_code(state)? {
            PaymentState::Held(_) => return Ok(()),
            PaymentState::Waiting => {}
            other => {
                self.strange(
                    named,
                    &format!("its record came again as {payment}, which is {other}: it may be paid twice"),
                );
                return Ok(());
            }
        }
        let held = PaymentState::Held(HoldReason::Block).code();
        tx.run(BLOCK, params![id, held])?;
        self.outcomes_of_others.push(Outcome {
            payment,
            municipality: whose,
            payment_state: held,
            attempt,
            attempt_state: 0,
            rules: [0, 0],
            bank: 0,
            amount,
        });
        let (subject, municipality) = (payment.to_string(), Some(whose));
        let text = format!("it was sent before the restore, as {}: it is held", named.reference);
        task::open(tx, &task::NewTask { kind: "sent before", municipality, subject, text }, self.adopt.at)
    }

    fn strange(&mut self, named: &Named, what: &str) {
        self.odd.push(Found {
            reference: named.reference.clone(),
            text: format!("{} in {}: {what}", named.attempt, self.bundle.group_id),
            evidence: self.adopt.evidence.clone(),
            found_at: self.adopt.at,
            is_open: true,
        });
    }

    fn finish(self, tx: &Tx<'_>) -> Result<Adopted, StoreError> {
        let Adopting { adopt, bundle, outcomes, outcomes_of_others, lost, odd } = self;
        let (no, at) = (bundle.no, adopt.at);
        if let Some(execution) = adopt.execution {
            tx.run(EXECUTION, params![no.0, day_number(execution)])?;
        }
        let taken = outcomes.len();
        if taken > 0 {
            let undecided = bundle.state.attempt_state().is_undecided();
            let members = outcome::encode_ids(bundle.members.iter().copied());
            let growth = if undecided { taken as i64 } else { 0 };
            tx.run(GROW, params![no.0, bundle.members.len() as i64, bundle.sum.0, growth, members])?;
        }
        let all: Vec<Outcome> = outcomes.into_iter().chain(outcomes_of_others).collect();
        if !all.is_empty() {
            journal::append(tx, at, EntryKind::Adopted, no.0, &[], &all)?;
        }
        let files: BTreeSet<TransferNo> = all.iter().map(|outcome| outcome.payment.transfer()).collect();
        files.into_iter().try_for_each(|file| pass_over_sent(tx, file))?;
        if lost > 0 {
            want_files(tx, adopt, bundle.municipality)?;
        }
        for found in &odd {
            restore::note_found(tx, &adopt.endpoint, found)?;
        }
        note_bundle(tx, adopt, &bundle)?;
        Ok(Adopted { bundle: no, payments: taken as u32 + lost })
    }
}

/// Transfers above what a restore skipped that are believed: a number without sense must not use up all numbers.
const FAR: i64 = 50_000;

/// Why a stored payment cannot be the one that evidence names.
fn obstacle(stored: &intake::Stored, named: &Named, municipality: MunicipalityCode) -> Option<String> {
    let request = &stored.request;
    if request.municipality != municipality {
        return Some("it is another municipality's".to_owned());
    }
    if !named.amounts.contains(&Some(request.amount)) {
        return Some("its amount is another".to_owned());
    }
    if named.payee.is_some_and(|payee| payee != request.payee) {
        return Some("its payee is another".to_owned());
    }
    let can_be_sent = match stored.state {
        PaymentState::Waiting | PaymentState::Open => true,
        PaymentState::Held(reason) => reason.is_posted(),
        PaymentState::InProgress
        | PaymentState::Unconfirmed
        | PaymentState::Paid
        | PaymentState::Cash
        | PaymentState::Own
        | PaymentState::Petty
        | PaymentState::Recalled
        | PaymentState::Refused => false,
    };
    let is_later = named.attempt.attempt > stored.attempt;
    let here = &stored.state;
    (!can_be_sent || !is_later).then(|| {
        format!("it was sent, and here it is {here} after {} tries: it may be paid twice", stored.attempt)
    })
}

/// Moves the mark of what is still due past payments that are not.
fn pass_over_sent(tx: &Tx<'_>, transfer: TransferNo) -> Result<(), StoreError> {
    type Row = (u16, i64, bool, i64, i64, Vec<u8>);
    let open: Vec<Row> = tx.all(OPEN_DUE, params![transfer.0], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
    })?;
    for (municipality, day, immediate, part, taken, records) in open {
        let mut now = taken;
        for id in outcome::decode_ids(&records)?.into_iter().skip(taken as usize) {
            let state: Option<u8> = tx.one(STATE, params![id.as_i64()], |row| row.get(0))?;
            if state == Some(PaymentState::Waiting.code()) {
                break;
            }
            now += 1;
        }
        tx.run(TAKEN, params![transfer.0, municipality, day, immediate, part, now])?;
    }
    Ok(())
}

/// The kind of a task that asks for a file again.
const WANTED: &str = "file wanted";

fn wanted_subject(transfer: TransferNo) -> String {
    format!("lost transfer {}", transfer.0)
}

/// Asks a person for every lost file of which payments are known.
fn want_files(tx: &Tx<'_>, adopt: &Adopt, municipality: MunicipalityCode) -> Result<(), StoreError> {
    let mut files: Vec<TransferNo> =
        adopt.named.iter().map(|named| named.attempt.payment.transfer()).collect();
    files.sort_unstable();
    files.dedup();
    for file in files {
        let (count, sum, open) = of_file(tx, file)?;
        if open == 0 {
            continue;
        }
        let text = format!(
            "{count} payments over {} kr. of {municipality} were sent from a file that came after the picture was \
             taken: have its case system deliver it again; what was sent of it will be held",
            sum.danish()
        );
        let (kind, subject, municipality) = (WANTED, wanted_subject(file), Some(municipality));
        task::open(tx, &task::NewTask { kind, municipality, subject, text }, adopt.at)?;
    }
    Ok(())
}

fn of_file(tx: &Tx<'_>, file: TransferNo) -> Result<(i64, Ore, i64), StoreError> {
    let (from, to) = PaymentId::range_of(file);
    let row =
        tx.one(OF_FILE, params![from, to - 1], |row| Ok((row.get(0)?, Ore(row.get(1)?), row.get(2)?)))?;
    Ok(row.unwrap_or((0, Ore::ZERO, 0)))
}

/// What is known of the bundle now. That all of it is known can be told only where evidence tells how much that is.
fn note_bundle(tx: &Tx<'_>, adopt: &Adopt, before: &Bundle) -> Result<(), StoreError> {
    let bundle = bundle::get(tx, before.no)?;
    let lost: i64 = tx.one(IN_FILE, params![bundle.no.0], |row| row.get(0))?.unwrap_or(0);
    let known = i64::from(bundle.payments) + lost;
    let (of, is_open) = match adopt.whole {
        Some((count, _)) if i64::from(count) == known => (String::new(), false),
        Some((count, _)) => (format!(" of {count}"), true),
        None => (" so far".to_owned(), false),
    };
    let (payments, sum) = (bundle.payments, bundle.sum.danish());
    let lost = if lost > 0 { format!(", and {lost} payments of lost files") } else { String::new() };
    let text = format!("was sent: {payments} payments over {sum} kr.{lost}{of}");
    let (reference, evidence) = (adopt.group_id.clone(), adopt.evidence.clone());
    let earlier = restore::found(tx, &adopt.endpoint)?.into_iter().find(|found| found.reference == reference);
    // What a whole bundle told is not made less by an answer that names some of it.
    if adopt.whole.is_none() && earlier.is_some_and(|earlier| !earlier.text.ends_with("so far")) {
        return Ok(());
    }
    restore::note_found(
        tx,
        &adopt.endpoint,
        &Found { reference, text, evidence, found_at: adopt.at, is_open },
    )
}

/// A payment that is known to be sent and whose record has not come again.
#[derive(Clone, Debug)]
pub struct SentBefore {
    /// The try that was sent.
    pub attempt: AttemptId,
    /// Whose.
    pub municipality: MunicipalityCode,
    /// Its EndToEndId.
    pub reference: String,
    /// How much.
    pub amount: Ore,
    /// Who, where that is known.
    pub payee: Option<Party>,
    /// What NemKonto calls its benefit, where that is known.
    pub benefit: Option<String>,
    /// For when, where that is known.
    pub execution: Option<Date>,
    /// What told of it.
    pub evidence: String,
    /// The bundle it was in.
    pub group_id: String,
}

/// Every payment that is known to be sent and whose record has not come again.
pub fn undelivered(tx: &Tx<'_>) -> Result<Vec<SentBefore>, StoreError> {
    tx.all(UNDELIVERED, [], |row| {
        let code: Option<u8> = row.get(5)?;
        let number: Option<i64> = row.get(6)?;
        let code = code.and_then(IdentCode::from_code);
        Ok(SentBefore {
            attempt: AttemptId { payment: PaymentId::from_i64(row.get(0)?), attempt: row.get(1)? },
            municipality: MunicipalityCode(row.get(2)?),
            reference: row.get(3)?,
            amount: Ore(row.get(4)?),
            payee: code.zip(number).map(|(code, number)| Party { code, number: number as u64 }),
            benefit: row.get(7)?,
            execution: row.get::<_, Option<i64>>(8)?.map(date_of),
            evidence: row.get(9)?,
            group_id: row.get(10)?,
        })
    })
}

/// Records that came again: which payment each has become, and the try that was sent of it.
pub(super) fn came_again(
    tx: &Tx<'_>,
    transfer: TransferNo,
    again: &[(PaymentId, AttemptId)],
    at: i64,
) -> Result<(), StoreError> {
    for (payment, sent) in again {
        tx.run(SAME, params![sent.payment.as_i64(), sent.attempt, payment.as_i64()])?;
    }
    let mut files: Vec<TransferNo> = again.iter().map(|(_, sent)| sent.payment.transfer()).collect();
    files.sort_unstable();
    files.dedup();
    for file in &files {
        if of_file(tx, *file)?.2 == 0 {
            task::close_kind(tx, WANTED, &wanted_subject(*file), at)?;
        }
    }
    let Some(file) = files.first() else { return Ok(()) };
    let text = format!(
        "payments of it were sent before the restore, as those of lost transfer {}, and are held: `toek trace` names \
         the evidence of each",
        file.0
    );
    let subject = format!("transfer {}", transfer.0);
    task::open(tx, &task::NewTask { kind: "sent before", municipality: None, subject, text }, at)
}

/// What is known of how a payment was sent in the time that a restore lost: one sentence.
pub fn evidence_of(tx: &Tx<'_>, payment: PaymentId) -> Result<Option<String>, StoreError> {
    tx.one(SAME_AS, params![payment.as_i64()], |row| {
        let (reference, group): (String, String) = (row.get(0)?, row.get(1)?);
        let (evidence, word): (String, Option<String>) = (row.get(2)?, row.get(3)?);
        let word = word.map(|word| format!("; the last word of it: {word}")).unwrap_or_default();
        Ok(format!("was sent before the restore, as {reference} in {group} ({evidence}){word}"))
    })
}

/// Whether the store has a bundle as sent, and each of these payments in it or as one whose file is lost.
pub fn is_known(tx: &Tx<'_>, group_id: &str, named: &[Named]) -> Result<bool, StoreError> {
    let Some(no) = bundle::by_group(tx, group_id)? else { return Ok(false) };
    let has_left = bundle::get(tx, no)?.state.has_left();
    for Named { attempt: AttemptId { payment, attempt }, .. } in named {
        let key = params![payment.as_i64(), attempt];
        let within: Option<i64> = tx.one(IN_BUNDLE, key, |row| row.get(0))?;
        let is_lost = tx.one(KNOWN, key, |_| Ok(()))?.is_some();
        if within != Some(no.0) && !is_lost {
            return Ok(false);
        }
    }
    Ok(has_left)
}

/// What an answer says of a payment whose file is lost; whether there is such a one.
pub(super) fn answered(tx: &Tx<'_>, attempt: AttemptId, word: &str) -> Result<bool, StoreError> {
    Ok(tx.run(WORD, params![attempt.payment.as_i64(), attempt.attempt, word])? > 0)
}

/// Takes a file of vouchers of the lost time into the books, or more of one.
pub struct AdoptVouchers {
    /// The endpoint it went to.
    pub endpoint: String,
    /// Its number, which its ids are made of.
    pub file: i64,
    /// Whose, where that is told.
    pub municipality: Option<MunicipalityCode>,
    /// The vouchers in it, by id, with the store's number and try where it has them.
    pub vouchers: Vec<(Uuid, Option<(i64, u8)>)>,
    /// The archived copy of its bytes.
    pub carrier: Option<TransferNo>,
    /// What tells of it.
    pub evidence: String,
    /// Now.
    pub at: i64,
}

impl Write for AdoptVouchers {
    const STEP: Step = Step::Adopted;
    /// Vouchers that are known to be sent since this.
    type Out = u32;
    fn apply(&self, tx: &Tx<'_>) -> Result<u32, StoreError> {
        let (file, at) = (self.file, self.at);
        let whose = self.whose(tx)?;
        if let Some(whose) = whose {
            tx.run(VOUCHER_FILE, params![file, whose, at, FileState::Sent as u8])?;
            restore::raise_floor(tx, "voucher file", file)?;
            self.mark_sent(tx)?;
        }
        if let Some(carrier) = self.carrier {
            tx.run(FILE_CARRIED, params![file, carrier.0])?;
        }
        let (mut taken, mut lost) = (0, 0);
        for (id, known) in &self.vouchers {
            match known {
                Some((voucher_no, attempt)) => taken += self.take(tx, *voucher_no, *attempt)?,
                None => {
                    lost += tx.run(REMEMBER_VOUCHER, params![id.to_string(), file, self.evidence])? as u32
                }
            }
        }
        if taken > 0 {
            journal::append(tx, at, EntryKind::VoucherFile, file, &[], &[])?;
        }
        self.note(tx, whose.is_some(), lost)?;
        Ok(taken + lost)
    }
}

impl AdoptVouchers {
    fn whose(&self, tx: &Tx<'_>) -> Result<Option<u16>, StoreError> {
        let mut of_vouchers = self.vouchers.iter().filter_map(|(_, known)| known.map(|(no, _)| no));
        let first = of_vouchers
            .find_map(|no| tx.one(OPEN_VOUCHER, params![no], |row| row.get::<_, u16>(2)).transpose());
        Ok(self.municipality.map(|m| m.0).or(first.transpose()?))
    }

    fn mark_sent(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let from = finance::file(tx, self.file)?.state;
        match from {
            FileState::Numbered | FileState::Archived | FileState::Committing => {
                let (file, to, at) = (self.file, FileState::Sent, self.at);
                MoveFile { file, from, to, transfer: None, reason: None, at }.apply(tx)
            }
            FileState::Sent | FileState::Landed | FileState::Answered | FileState::Failed => Ok(()),
        }
    }

    /// A voucher that waits: it is in this file.
    fn take(&self, tx: &Tx<'_>, voucher_no: i64, attempt: u8) -> Result<u32, StoreError> {
        let open: Option<(u8, i64)> =
            tx.one(OPEN_VOUCHER, params![voucher_no], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let Some((_, day)) = open.filter(|(at, _)| *at == attempt) else { return Ok(0) };
        let line: i64 = tx.one(LINES, params![self.file], |row| row.get(0))?.unwrap_or(0);
        let state = VoucherState::InFile as u8;
        tx.run(SENT_VOUCHER, params![voucher_no, attempt, self.file, line + 1, day, state])?;
        tx.run(TAKE_VOUCHER, params![voucher_no])?;
        let figures: (i64, i64) =
            tx.one(FIGURES, params![voucher_no], |row| Ok((row.get(0)?, row.get(1)?)))?.unwrap_or_default();
        tx.run(GROW_FILE, params![self.file, figures.0, figures.1])?;
        tx.run(REOPEN_FILE, params![self.file, FileState::Landed as u8, FileState::Answered as u8])?;
        Ok(1)
    }

    fn note(&self, tx: &Tx<'_>, is_known: bool, lost: u32) -> Result<(), StoreError> {
        let vouchers = match is_known {
            true => finance::file(tx, self.file)?.vouchers,
            false => 0,
        };
        let more =
            if lost > 0 { format!(", and {lost} that were booked after the picture") } else { String::new() };
        // Known by its number alone: which vouchers are in it, its answer will say.
        let is_open = self.vouchers.is_empty() && vouchers == 0;
        let text = match is_open {
            true => "was sent; which vouchers it holds is not known".to_owned(),
            false => format!("was sent: {vouchers} vouchers that are known{more}"),
        };
        let found = Found {
            reference: format!("voucher file {}", self.file),
            text,
            evidence: self.evidence.clone(),
            found_at: self.at,
            is_open,
        };
        restore::note_found(tx, &self.endpoint, &found)
    }
}

/// Whether the store has a file of vouchers with any voucher in it.
pub fn vouchers_known(tx: &Tx<'_>, file: i64) -> Result<bool, StoreError> {
    Ok(finance::find_file(tx, file)?.is_some_and(|file| file.vouchers > 0))
}

/// What the ERP said of vouchers that the store has lost. Again is harmless.
pub struct NoteVoucherWords {
    /// Their ids, and what was said.
    pub words: Vec<(Uuid, String)>,
}

impl Write for NoteVoucherWords {
    const STEP: Step = Step::Looked;
    /// Those of them that are known as lost.
    type Out = Vec<Uuid>;
    fn apply(&self, tx: &Tx<'_>) -> Result<Vec<Uuid>, StoreError> {
        let mut known = Vec::new();
        for (id, word) in &self.words {
            if tx.run(VOUCHER_WORD, params![id.to_string(), word])? > 0 {
                known.push(*id);
            }
        }
        Ok(known)
    }
}

/// Vouchers that wait to be sent, each with the try it is at.
pub fn open_vouchers(tx: &Tx<'_>) -> Result<Vec<(i64, u8)>, StoreError> {
    tx.all(VOUCHERS_OPEN, [], |row| Ok((row.get(0)?, row.get(1)?)))
}
