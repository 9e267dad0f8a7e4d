//! Bundles (bundter) on their way out: choosing and numbering, then each durable step to the counterparty.

use rusqlite::types::ValueRef;
use rusqlite::{Row, params};
use toek_formats::vocabulary::{BenefitCode, MunicipalityCode, Ore, Party};

use super::block::{self, InForce};
use super::journal::{self, EntryKind};
use super::seal::{self, Sum, number};
use super::sql::statements;
use super::{StoreError, Tx, Write, date_of, day_number, evidence, intake, restore, task, unknown};
use crate::domain::answers::BundleState;
use crate::domain::identity::{AttemptId, BundleNo, PaymentId, TransferNo, group_id};
use crate::domain::outcome::{self, Outcome};
use crate::domain::payment::{AttemptState, HoldReason, PaymentState};
use crate::domain::sending::Due;
use crate::steps::Step;
use jiff::civil::Date;

statements! {
    OPEN_DUE = "select d.transfer_no, d.municipality, d.day, d.immediate, d.part, d.payments - d.taken
        from due d join transfer t on t.transfer_no = d.transfer_no
        where d.taken < d.payments and t.accepted_at is not null
        order by d.municipality, d.day, d.transfer_no, d.part";
    DUE_ROW = "select payments, taken, records from due
        where transfer_no = $1 and municipality = $2 and day = $3 and immediate = $4 and part = $5";
    TAKE = "update due set taken = $6
        where transfer_no = $1 and municipality = $2 and day = $3 and immediate = $4 and part = $5";
    RUN = "select run_no from run where pipeline = $1 and municipality = $2 and bank_day = $3 and run_window = $4";
    RUN_MAX = "select max(run_no) from run";
    RUN_BEGIN = "insert into run (run_no, pipeline, municipality, bank_day, run_window, begun_at)
        values ($1, $2, $3, $4, $5, $6)";
    RUN_FINISH = "update run set finished_at = $2 where run_no = $1 and finished_at is null";
    OPEN_RUNS = "select run_no from run where finished_at is null order by run_no";
    RUN_UNFINISHED = "select count(*) from bundle where run_no = $1 and state in (1, 2, 3)";
    PART = "select coalesce(max(part), 0) + 1 from bundle where run_no = $1";
    SEQUENCE = "insert into group_sequence (municipality, run_day, last) values ($1, $2, $3 + 1)
        on conflict (municipality, run_day) do update set
            last = case when last > $3 then last else $3 end + 1 returning last";
    MAX = "select max(bundle_no) from bundle";
    INSERT = "insert into bundle (bundle_no, run_no, municipality, run_day, part, group_id, created_at, execution_day,
            immediate, authority, agreement, debit_account, bank, supplier_id, supplier_gln, nks_id, nks_gln, payments,
            sum_ore, undecided, state, members, implied_decimals, benefits)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $18, $20, $21,
            $22, $23)";
    CANDIDATE = "select state, attempt, amount_ore, payee_code, payee_no from payment where payment_id = $1";
    ATTEMPT = "insert into attempt (payment_id, attempt, bundle_no, bundle_line) values ($1, $2, $3, $4)";
    UNDER_WAY = "update payment set state = $2, attempt = $3, bundle_no = $4 where payment_id = $1";
    SELECT = "select bundle_no, run_no, transfer_no, municipality, run_day, part, group_id, created_at, execution_day,
            immediate, authority, agreement, debit_account, bank, supplier_id, supplier_gln, nks_id, nks_gln, payments,
            sum_ore, undecided, state, sent_at, landed_at, members, overdue,
            implied_decimals, benefits, settled_at, resent
        from bundle where bundle_no = $1";
    BY_GROUP = "select bundle_no from bundle where group_id = $1";
    TO_SEND = "select bundle_no from bundle where state in (1, 2, 3, 12) and undecided > 0 order by immediate desc, bundle_no";
    UNDECIDED = "select bundle_no from bundle where undecided > 0 and state between $1 and $2 order by bundle_no";
    UNSEEN = "select b.bundle_no from bundle b where b.undecided > 0 and b.state = 4 and (b.overdue > 0 or not exists (
            select 1 from evidence e where e.subject = 'bundle ' || b.bundle_no and e.last_at > b.sent_at))
        order by b.bundle_no";
    PAGE = "select bundle_no from bundle where bundle_no > $1 order by bundle_no limit 500";
    MOVE = "update bundle set state = $2 where bundle_no = $1 and state = $3";
    SENT = "update bundle set state = $2, sent_at = $3 where bundle_no = $1 and state = $4";
    LANDED = "update bundle set landed_at = $2 where bundle_no = $1 and landed_at is null";
    FILE = "update bundle set transfer_no = $2 where bundle_no = $1";
    MEMBER = "select municipality, payee_code, payee_no, benefit, amount_ore, advice, attempt from payment
        where payment_id = $1";
    LATE = "update payment set state = $2 where payment_id = $1 and state = $3";
}

/// Something that waits to be sent: part of a transfer, for one municipality and day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueKey {
    /// The accepted transfer it came in.
    pub transfer: TransferNo,
    /// Whose.
    pub municipality: MunicipalityCode,
    /// For when.
    pub due: Due,
    /// Which chunk of the transfer.
    pub part: i64,
    /// How many payments are left.
    pub payments: i64,
}

/// All that waits to be sent, by municipality and day.
pub fn open_due(tx: &Tx<'_>) -> Result<Vec<DueKey>, StoreError> {
    tx.all(OPEN_DUE, [], |row| {
        Ok(DueKey {
            transfer: TransferNo(row.get(0)?),
            municipality: MunicipalityCode(row.get(1)?),
            due: Due { day: date_of(row.get(2)?), immediate: row.get(3)? },
            part: row.get(4)?,
            payments: row.get(5)?,
        })
    })
}

/// Everything a bundle's bytes depend on besides its payments, fixed when it is numbered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frozen {
    /// The authority's number (ADMID).
    pub authority: String,
    /// Its agreement with its bank (PI-aftalenummer).
    pub agreement: String,
    /// The account to be debited, 14 digits.
    pub debit_account: String,
    /// Which of the municipality's accounts that is, from 1.
    pub bank: u8,
    /// Our id as data supplier.
    pub supplier_id: String,
    /// Our location number.
    pub supplier_gln: String,
    /// NemKonto's id.
    pub nks_id: String,
    /// NemKonto's location number.
    pub nks_gln: String,
    /// Whether amounts are written with three implied decimals.
    pub implied_decimals: bool,
    /// What NemKonto calls each benefit: lines of our code, a blank, its code.
    pub benefits: String,
    /// When it was made, microseconds since 1970.
    pub created_at: i64,
}

/// Takes the next payments of `due` into one bundle, in one transaction with its number and its attempts.
pub struct Number {
    /// The pipeline's name.
    pub pipeline: String,
    /// Whose payments.
    pub municipality: MunicipalityCode,
    /// The bank day of the run.
    pub run_day: Date,
    /// The window of the run; a transfer's number for immediate sending.
    pub window: String,
    /// The day the money is to be at the payees' disposal.
    pub execution_day: Date,
    /// What to take from, in order.
    pub due: Vec<DueKey>,
    /// The most payments a bundle may hold.
    pub limit: usize,
    /// What its bytes depend on.
    pub frozen: Frozen,
}

impl Write for Number {
    const STEP: Step = Step::Numbered;
    /// The bundle; none when nothing was left to take.
    type Out = Option<BundleNo>;
    fn apply(&self, tx: &Tx<'_>) -> Result<Option<BundleNo>, StoreError> {
        let members = self.take(tx)?;
        if members.is_empty() {
            return Ok(None);
        }
        let run_no = self.run(tx)?;
        let bundle_no = BundleNo(restore::next_outside(tx, "bundle", MAX)?);
        let part: i64 = tx.one(PART, params![run_no], |row| row.get(0))?.unwrap_or(1);
        let run_day = day_number(self.run_day);
        let sequence = self.sequence(tx)?;
        let immediate = self.due.iter().any(|key| key.due.immediate);
        let sum: Ore = members.iter().map(|member| member.amount).sum();
        let frozen = &self.frozen;
        tx.run(
            INSERT,
            params![
                bundle_no.0,
                run_no,
                self.municipality.0,
                run_day,
                part,
                group_id(self.municipality, self.run_day, sequence),
                frozen.created_at,
                day_number(self.execution_day),
                immediate,
                frozen.authority,
                frozen.agreement,
                frozen.debit_account,
                frozen.bank,
                frozen.supplier_id,
                frozen.supplier_gln,
                frozen.nks_id,
                frozen.nks_gln,
                members.len() as i64,
                sum.0,
                BundleState::Numbered as u8,
                outcome::encode_ids(members.iter().map(|member| member.attempt.payment)),
                frozen.implied_decimals,
                frozen.benefits,
            ],
        )?;
        self.begin_attempts(tx, bundle_no, &members)?;
        Ok(Some(bundle_no))
    }
}

struct Member {
    attempt: AttemptId,
    amount: Ore,
}

impl Number {
    /// Which of the day's bundles this is. Each epoch has numbers of its own, so that none is used twice.
    fn sequence(&self, tx: &Tx<'_>) -> Result<i64, StoreError> {
        let (above, up_to) = restore::sequence_range(tx)?;
        let key = params![self.municipality.0, day_number(self.run_day), above];
        let sequence: i64 = tx.one(SEQUENCE, key, |row| row.get(0))?.unwrap_or(above + 1);
        match sequence <= up_to {
            true => Ok(sequence),
            false => Err(StoreError::Conflict(format!(
                "{} has used up its bundle numbers of {}",
                self.municipality, self.run_day
            ))),
        }
    }

    fn run(&self, tx: &Tx<'_>) -> Result<i64, StoreError> {
        let day = day_number(self.run_day);
        let key = params![self.pipeline, self.municipality.0, day, self.window];
        if let Some(run_no) = tx.one(RUN, key, |row| row.get(0))? {
            return Ok(run_no);
        }
        let run_no = restore::next_outside(tx, "run", RUN_MAX)?;
        let at = self.frozen.created_at;
        tx.run(RUN_BEGIN, params![run_no, self.pipeline, self.municipality.0, day, self.window, at])?;
        Ok(run_no)
    }

    /// Takes from the due rows what still waits; what a person has held since is left out of the bundle, not in it.
    fn take(&self, tx: &Tx<'_>) -> Result<Vec<Member>, StoreError> {
        let blocks = InForce::on(tx, self.run_day)?;
        let mut candidate = tx.prepare(CANDIDATE)?;
        let (mut members, mut held) = (Vec::new(), Vec::new());
        for key in &self.due {
            let Some((_, taken, ids)) = due_row(tx, key)? else { continue };
            let mut now_taken = taken;
            for id in ids.iter().skip(taken as usize) {
                if members.len() == self.limit {
                    break;
                }
                let (state, attempt, amount, code, number): (u8, u8, i64, u8, i64) = candidate
                    .query_row(params![id.as_i64()], |row| {
                        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
                    })?;
                now_taken += 1;
                if PaymentState::from_code(state)? != PaymentState::Waiting {
                    continue;
                }
                let block = match blocks.is_empty() {
                    true => None,
                    false => blocks.over(self.municipality, *id, intake::party(code, number)?),
                };
                match block {
                    Some(block) => held.push((*id, block.no)),
                    None => {
                        let attempt = AttemptId { payment: *id, attempt: attempt + 1 };
                        members.push(Member { attempt, amount: Ore(amount) });
                    }
                }
            }
            set_taken(tx, key, now_taken)?;
        }
        block::hold(tx, self.municipality, &held, self.frozen.created_at)?;
        Ok(members)
    }

    fn begin_attempts(&self, tx: &Tx<'_>, bundle: BundleNo, members: &[Member]) -> Result<(), StoreError> {
        let mut attempt = tx.prepare(ATTEMPT)?;
        let mut under_way = tx.prepare(UNDER_WAY)?;
        let mut outcomes = Vec::with_capacity(members.len());
        let mut sum = Sum::default();
        for (line, member) in (1i64..).zip(members) {
            let AttemptId { payment, attempt: attempt_no } = member.attempt;
            attempt.execute(params![payment.as_i64(), attempt_no, bundle.0, line])?;
            let head = [payment.as_i64(), attempt_no.into(), bundle.0, line].map(number);
            sum.add("attempt", head.into_iter().chain([ValueRef::Null, number(0), ValueRef::Null]));
            let state = PaymentState::InProgress.code();
            under_way.execute(params![payment.as_i64(), state, attempt_no, bundle.0])?;
            outcomes.push(Outcome {
                payment,
                municipality: self.municipality,
                payment_state: state,
                attempt: attempt_no,
                attempt_state: AttemptState::Ready as u8,
                rules: [0, 0],
                bank: 0,
                amount: member.amount,
            });
        }
        seal::moved(tx, "attempt", &sum)?;
        journal::append(tx, self.frozen.created_at, EntryKind::Bundled, bundle.0, &[], &outcomes)?;
        Ok(())
    }
}

fn due_row(tx: &Tx<'_>, key: &DueKey) -> Result<Option<(i64, i64, Vec<PaymentId>)>, StoreError> {
    let DueKey { transfer, municipality, due, part, .. } = key;
    let params = params![transfer.0, municipality.0, day_number(due.day), due.immediate, part];
    let row: Option<(i64, i64, Vec<u8>)> =
        tx.one(DUE_ROW, params, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let Some((payments, taken, records)) = row else { return Ok(None) };
    Ok(Some((payments, taken, outcome::decode_ids(&records)?)))
}

fn set_taken(tx: &Tx<'_>, key: &DueKey, taken: i64) -> Result<(), StoreError> {
    let DueKey { transfer, municipality, due, part, .. } = key;
    tx.run(TAKE, params![transfer.0, municipality.0, day_number(due.day), due.immediate, part, taken])?;
    Ok(())
}

/// Holds what is due but can no longer reach its day: a person must give it a new one.
pub struct HoldLate {
    /// What came too late.
    pub due: DueKey,
    /// Now.
    pub at: i64,
}

impl Write for HoldLate {
    const STEP: Step = Step::TooLate;
    type Out = usize;
    fn apply(&self, tx: &Tx<'_>) -> Result<usize, StoreError> {
        let Some((payments, taken, ids)) = due_row(tx, &self.due)? else { return Ok(0) };
        let (held, waiting) = (PaymentState::Held(HoldReason::Late).code(), PaymentState::Waiting.code());
        let mut outcomes = Vec::new();
        for id in ids.iter().skip(taken as usize) {
            if tx.run(LATE, params![id.as_i64(), held, waiting])? == 1 {
                outcomes.push(Outcome {
                    payment: *id,
                    municipality: self.due.municipality,
                    payment_state: held,
                    attempt: 0,
                    attempt_state: 0,
                    rules: [0, 0],
                    bank: 0,
                    amount: Ore::ZERO,
                });
            }
        }
        set_taken(tx, &self.due, payments)?;
        let day = self.due.due.day;
        task::open(
            tx,
            &task::NewTask {
                kind: "late",
                municipality: Some(self.due.municipality),
                subject: format!("transfer {} {} {day}", self.due.transfer.0, self.due.municipality),
                text: format!("{} payments missed the last moment to send them for {day}", outcomes.len()),
            },
            self.at,
        )?;
        journal::append(tx, self.at, EntryKind::HeldLate, self.due.transfer.0, &[], &outcomes)?;
        Ok(outcomes.len())
    }
}

/// A bundle as the store has it.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// Its number, from 1.
    pub no: BundleNo,
    /// The run it belongs to.
    pub run_no: i64,
    /// The transfer that carries it, once archived.
    pub transfer: Option<TransferNo>,
    /// Whose payments.
    pub municipality: MunicipalityCode,
    /// The bank day of the run.
    pub run_day: Date,
    /// Which part of the run, from 1.
    pub part: i64,
    /// Its reference towards NemKonto.
    pub group_id: String,
    /// The day the money is to be at the payees' disposal.
    pub execution_day: Date,
    /// Whether it was sent ahead of the ordinary ones.
    pub immediate: bool,
    /// What its bytes depend on.
    pub frozen: Frozen,
    /// How many payments.
    pub payments: u32,
    /// Their sum.
    pub sum: Ore,
    /// How many of its attempts no answer has decided.
    pub undecided: u32,
    /// Where it stands.
    pub state: BundleState,
    /// When it was made the counterparty's.
    pub sent_at: Option<i64>,
    /// When it was seen there.
    pub landed_at: Option<i64>,
    /// Its payments, in the order of its lines.
    pub members: Vec<PaymentId>,
    /// The last deadline whose passing was told: 0 none, 1 receipt, 2 answer 2, 3 the last.
    pub overdue: u8,
    /// Since when a person's word that it arrived stands.
    pub settled_at: Option<i64>,
    /// How often persons had the same bytes sent again.
    pub resent: u32,
}

fn read(row: &Row<'_>) -> Result<Bundle, StoreError> {
    Ok(Bundle {
        no: BundleNo(row.get(0)?),
        run_no: row.get(1)?,
        transfer: row.get::<_, Option<i64>>(2)?.map(TransferNo),
        municipality: MunicipalityCode(row.get(3)?),
        run_day: date_of(row.get(4)?),
        part: row.get(5)?,
        group_id: row.get(6)?,
        execution_day: date_of(row.get(8)?),
        immediate: row.get(9)?,
        frozen: Frozen {
            created_at: row.get(7)?,
            authority: row.get(10)?,
            agreement: row.get(11)?,
            debit_account: row.get(12)?,
            bank: row.get(13)?,
            supplier_id: row.get(14)?,
            supplier_gln: row.get(15)?,
            nks_id: row.get(16)?,
            nks_gln: row.get(17)?,
            implied_decimals: row.get(26)?,
            benefits: row.get(27)?,
        },
        payments: row.get(18)?,
        sum: Ore(row.get(19)?),
        undecided: row.get(20)?,
        state: BundleState::from_code(row.get(21)?)?,
        sent_at: row.get(22)?,
        landed_at: row.get(23)?,
        members: outcome::decode_ids(&row.get::<_, Vec<u8>>(24)?)?,
        overdue: row.get(25)?,
        settled_at: row.get(28)?,
        resent: row.get(29)?,
    })
}

/// A bundle by its number.
pub fn get(tx: &Tx<'_>, no: BundleNo) -> Result<Bundle, StoreError> {
    let mut found = None;
    tx.each(SELECT, params![no.0], |row| {
        found = Some(read(row)?);
        Ok(())
    })?;
    found.ok_or_else(|| StoreError::Conflict(format!("there is no bundle {}", no.0)))
}

/// A bundle by its reference.
pub fn by_group(tx: &Tx<'_>, group_id: &str) -> Result<Option<BundleNo>, StoreError> {
    tx.one(BY_GROUP, params![group_id], |row| row.get(0).map(BundleNo))
}

/// Bundles that have not left yet, immediate ones first.
pub fn to_send(tx: &Tx<'_>) -> Result<Vec<BundleNo>, StoreError> {
    tx.all(TO_SEND, [], |row| row.get(0).map(BundleNo))
}

/// Bundles that left and for which nobody has looked since, or whose receipt is overdue. One that was looked for and gone
/// is mostly one that was taken: its receipt will tell.
pub fn unseen(tx: &Tx<'_>) -> Result<Vec<BundleNo>, StoreError> {
    tx.all(UNSEEN, [], |row| row.get(0).map(BundleNo))
}

/// Bundles with attempts that no answer has decided, in states `from` to `to`.
pub fn undecided(tx: &Tx<'_>, from: BundleState, to: BundleState) -> Result<Vec<BundleNo>, StoreError> {
    tx.all(UNDECIDED, params![from as u8, to as u8], |row| row.get(0).map(BundleNo))
}

/// The next bundles after number `after`, at most 500.
pub fn after(tx: &Tx<'_>, after: i64) -> Result<Vec<Bundle>, StoreError> {
    let numbers: Vec<i64> = tx.all(PAGE, params![after], |row| row.get(0))?;
    numbers.into_iter().map(|no| get(tx, BundleNo(no))).collect()
}

/// What a bundle's line needs of its payment.
#[derive(Clone, Debug)]
pub struct BundleLine {
    /// The attempt.
    pub attempt: AttemptId,
    /// Who is paid.
    pub payee: Party,
    /// The benefit.
    pub benefit: BenefitCode,
    /// How much.
    pub amount: Ore,
    /// Lines for the payee, ISO-8859-1, line feeds between.
    pub advice: Vec<u8>,
}

/// The lines of a bundle's payments, in order.
pub fn lines(tx: &Tx<'_>, payments: &[PaymentId]) -> Result<Vec<BundleLine>, StoreError> {
    let mut lines = Vec::with_capacity(payments.len());
    let mut statement = tx.prepare(MEMBER)?;
    for payment in payments {
        let mut rows = statement.query(params![payment.as_i64()])?;
        let row =
            rows.next()?.ok_or_else(|| StoreError::Conflict(format!("payment {payment} is missing")))?;
        lines.push(BundleLine {
            payee: intake::party(row.get(1)?, row.get(2)?)?,
            benefit: BenefitCode(row.get(3)?),
            amount: Ore(row.get(4)?),
            advice: row.get(5)?,
            attempt: AttemptId { payment: *payment, attempt: row.get(6)? },
        });
    }
    Ok(lines)
}

/// One durable step of a bundle on its way out.
pub struct Move {
    /// Which.
    pub bundle: BundleNo,
    /// The state it must be in.
    pub from: BundleState,
    /// The state it gets.
    pub to: BundleState,
    /// The transfer that carries it, when it gets one.
    pub file: Option<TransferNo>,
    /// Why it is held, when it is.
    pub reason: Option<String>,
    /// Now.
    pub at: i64,
}

impl Write for Move {
    const STEP: Step = Step::Moved;
    type Out = ();
    fn apply(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let (no, from, to) = (self.bundle.0, self.from as u8, self.to as u8);
        let moved = match self.to {
            BundleState::Sent => tx.run(SENT, params![no, to, self.at, from])?,
            _ => tx.run(MOVE, params![no, to, from])?,
        };
        if moved != 1 {
            return Err(StoreError::Conflict(format!("bundle {no} is not {}", self.from.text())));
        }
        if let Some(file) = self.file {
            tx.run(FILE, params![no, file.0])?;
        }
        if let Some(reason) = &self.reason {
            let bundle = get(tx, self.bundle)?;
            let text = format!("{}: {reason}", bundle.group_id);
            let subject = format!("bundle {no}");
            let municipality = Some(bundle.municipality);
            let kind = if self.to == BundleState::Suspect { "suspect" } else { "bundle held" };
            task::open(tx, &task::NewTask { kind, municipality, subject, text }, self.at)?;
        }
        journal::append(tx, self.at, EntryKind::BundleMoved, no, &[], &[])?;
        Ok(())
    }
}

/// A bundle's file was seen at the counterparty's side.
pub struct MarkLanded {
    /// Which.
    pub bundle: BundleNo,
    /// What was seen.
    pub what: String,
    /// Now.
    pub at: i64,
}

impl Write for MarkLanded {
    const STEP: Step = Step::Landed;
    type Out = ();
    fn apply(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        tx.run(LANDED, params![self.bundle.0, self.at])?;
        let (subject, what) = (unknown::bundle_subject(self.bundle), self.what.clone());
        evidence::Note { subject, what, at: self.at }.apply(tx)?;
        tx.run(MOVE, params![self.bundle.0, BundleState::Landed as u8, BundleState::Sent as u8])?;
        Ok(())
    }
}

/// Finishes every run whose bundles have all left.
pub struct FinishRuns {
    /// Now.
    pub at: i64,
}

impl Write for FinishRuns {
    const STEP: Step = Step::RunsEnded;
    type Out = ();
    fn apply(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let open: Vec<i64> = tx.all(OPEN_RUNS, [], |row| row.get(0))?;
        for run_no in open {
            let unfinished: i64 = tx.one(RUN_UNFINISHED, params![run_no], |row| row.get(0))?.unwrap_or(0);
            if unfinished == 0 {
                tx.run(RUN_FINISH, params![run_no, self.at])?;
            }
        }
        Ok(())
    }
}
