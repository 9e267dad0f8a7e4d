//! Payment requests on their way in: a chunk of a file in one transaction, then the acceptance that makes it count.

use rusqlite::types::ValueRef;
use rusqlite::{Row, params};
use toek_formats::vocabulary::{BenefitCode, IdentCode, MunicipalityCode, Ore, Party, SupplierId};

use super::journal::{self, EntryKind};
use super::seal::{self, Sum, maybe, number};
use super::sql::statements;
use super::transfer::{self, FindingRow, TransferState};
use super::{StoreError, Tx, Write, adopt, date_of, day_number, duplicate, ledger, seen};
use crate::canary::{self, Canary};
use crate::domain::identity::{AttemptId, BundleNo, PaymentId, TransferNo};
use crate::domain::intake::{Candidate, Decision, Method};
use crate::domain::ledger::{Source, Voucher};
use crate::domain::outcome::{self, Outcome};
use crate::domain::payment::PaymentState;
use crate::steps::Step;

statements! {
    SUPPLIER = "select supplier from supplier where short_id = $1";
    SUPPLIER_MAX = "select max(supplier) from supplier";
    SUPPLIER_INSERT = "insert into supplier (supplier, short_id) values ($1, $2)";
    PAYMENT = "insert into payment (payment_id, municipality, supplier, benefit, method, amount_ore, payee_code,
            payee_no, recipient_code, recipient_no, disposition_day, effective_day, period_from, period_to, state,
            attempt, warnings, line_no, byte_offset, byte_length, posting_ref, advice)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 0, $16, $17, $18, $19, $20, $21)";
    DUE = "insert into due (transfer_no, municipality, day, immediate, part, payments, sum_ore, taken, records)
        values ($1, $2, $3, $4, $5, $6, $7, 0, $8)";
    REJECTED = "insert into rejected (transfer_no, record_no, line_no, byte_offset, byte_length, earlier_payment)
        values ($1, $2, $3, $4, $5, $6)";
    CHECKPOINT = "update transfer set checkpoint = $2 where transfer_no = $1 and checkpoint = $3";
    STATE = "select state, salt, checkpoint from transfer where transfer_no = $1";
    ACCEPT = "update transfer set state = $2, accepted_at = $3, municipality = $4, records = $5, sum_ore = $6,
        reason = null where transfer_no = $1";
    IDS = "select payment_id from payment where payment_id >= $1 and payment_id < $2 order by payment_id";
    STORED = "select p.payment_id, p.byte_offset, p.byte_length, p.line_no, p.municipality, s.short_id, p.benefit,
            p.amount_ore, p.payee_code, p.payee_no, p.recipient_code, p.recipient_no, p.disposition_day,
            p.effective_day, p.period_from, p.period_to, p.method, p.warnings, p.posting_ref, p.advice, p.state,
            p.attempt, p.bundle_no
        from payment p join supplier s on s.supplier = p.supplier where p.payment_id = $1";
    ACCEPTED_SUM = "select coalesce(sum(sum_ore), 0) from due where transfer_no = $1";
}

/// A record that its own checks, or intake, refused.
#[derive(Clone, Debug)]
pub struct RejectedRow {
    /// The data record, from 1.
    pub record_no: u32,
    /// Its line, from 1.
    pub line_no: u32,
    /// Where it begins in the file, in bytes.
    pub offset: u64,
    /// Its length in bytes.
    pub length: u32,
    /// The payment it repeats, where that is why.
    pub earlier: Option<PaymentId>,
}

/// A stretch of a file's records with what was decided of each.
pub struct Chunk {
    /// The file.
    pub transfer: TransferNo,
    /// The checkpoint this chunk continues from.
    pub after: u32,
    /// The checkpoint it leads to: its last data record.
    pub up_to: u32,
    /// Records that passed their own checks.
    pub candidates: Vec<Candidate>,
    /// What was decided, parallel to `candidates`.
    pub decisions: Vec<Decision>,
    /// Refused records, those refused by a decision included.
    pub rejected: Vec<RejectedRow>,
    /// Why they were refused.
    pub findings: Vec<FindingRow>,
    /// Payments that were sent before a restore, with the try that was sent of each.
    pub again: Vec<(PaymentId, AttemptId)>,
    /// Of those held as possible duplicates, which payment each equals.
    pub equals: Vec<(PaymentId, PaymentId)>,
    /// Vouchers of what was queued; they move no balance before acceptance.
    pub vouchers: Vec<Voucher>,
    /// Now.
    pub at: i64,
}

impl Write for Chunk {
    const STEP: Step = Step::Chunk;
    type Out = ();
    fn apply(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let (state, salt, _) = state_of(tx, self.transfer)?;
        if state != TransferState::Archived as i64 {
            return Err(StoreError::Conflict(format!("transfer {} is not being taken in", self.transfer.0)));
        }
        if canary::is_active(Canary::SwallowedWriteError) && self.transfer.0 % 3 == 0 {
            return Err(StoreError::Conflict("a deliberate failure, to be swallowed".to_owned()));
        }
        let up_to = if canary::is_active(Canary::SkippedCheckpoint) { self.after } else { self.up_to };
        if tx.run(CHECKPOINT, params![self.transfer.0, up_to, self.after])? != 1 {
            return Err(StoreError::Conflict(format!(
                "transfer {} is not at record {}: its records are being stored twice",
                self.transfer.0, self.after
            )));
        }
        self.insert_payments(tx)?;
        self.insert_due(tx)?;
        self.insert_rejected(tx)?;
        adopt::came_again(tx, self.transfer, &self.again, self.at)?;
        duplicate::insert(tx, &self.equals)?;
        ledger::insert(tx, &self.vouchers, self.at)?;
        journal::append(tx, self.at, EntryKind::Intake, self.transfer.0, &salt, &self.outcomes())?;
        Ok(())
    }
}

/// A transfer's state, salt and checkpoint.
fn state_of(tx: &Tx<'_>, no: TransferNo) -> Result<(i64, Vec<u8>, u32), StoreError> {
    let found = tx.one(STATE, params![no.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    found.ok_or_else(|| StoreError::Conflict(format!("there is no transfer {}", no.0)))
}

impl Chunk {
    fn insert_payments(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let mut statement = tx.prepare(PAYMENT)?;
        let mut supplier: Option<(SupplierId, i64)> = None;
        let mut sum = Sum::default();
        for (candidate, decision) in self.candidates.iter().zip(&self.decisions) {
            let Some(state) = decision.state() else { continue };
            let supplier_no = match supplier {
                Some((known, no)) if known == candidate.supplier => no,
                _ => supplier.insert((candidate.supplier, supplier_number(tx, candidate.supplier)?)).1,
            };
            let c = candidate;
            sum.add("payment", sealed(c, supplier_no));
            statement.execute(params![
                c.payment.as_i64(),
                c.municipality.0,
                supplier_no,
                c.benefit.0,
                c.method as u8,
                c.amount.0,
                c.payee.code as u8,
                c.payee.number as i64,
                c.recipient.code as u8,
                c.recipient.number as i64,
                day_number(c.disposition_day),
                day_number(c.effective_day),
                c.period.map(|(from, _)| day_number(from)),
                c.period.map(|(_, to)| day_number(to)),
                state.code(),
                c.warnings as i64,
                c.line_no,
                c.offset as i64,
                c.length,
                c.posting_ref.as_slice(),
                c.advice.as_slice(),
            ])?;
        }
        seal::moved(tx, "payment", &sum)
    }

    fn insert_due(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let mut groups = std::collections::BTreeMap::new();
        for (candidate, decision) in self.candidates.iter().zip(&self.decisions) {
            if let Decision::Queue(due) = decision {
                let (ids, sum): &mut (Vec<PaymentId>, Ore) =
                    groups.entry((candidate.municipality, *due)).or_default();
                ids.push(candidate.payment);
                *sum += candidate.amount;
            }
        }
        for ((municipality, due), (ids, sum)) in groups {
            let records = outcome::encode_ids(ids.iter().copied());
            let part = ids.first().map_or(0, |id| id.record_no());
            let count = ids.len() as i64;
            let day = day_number(due.day);
            tx.run(
                DUE,
                params![self.transfer.0, municipality.0, day, due.immediate, part, count, sum.0, records],
            )?;
        }
        Ok(())
    }

    fn insert_rejected(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let mut statement = tx.prepare(REJECTED)?;
        for row in &self.rejected {
            let earlier = row.earlier.map(PaymentId::as_i64);
            let RejectedRow { record_no, line_no, offset, length, .. } = row;
            statement.execute(params![
                self.transfer.0,
                record_no,
                line_no,
                *offset as i64,
                length,
                earlier
            ])?;
        }
        transfer::insert_findings(tx, self.transfer, &self.findings)
    }

    fn outcomes(&self) -> Vec<Outcome> {
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(self.candidates.len() + self.rejected.len());
        for (candidate, decision) in self.candidates.iter().zip(&self.decisions) {
            if let Some(state) = decision.state() {
                let rule = decision.rule();
                outcomes.push(Outcome {
                    payment: candidate.payment,
                    municipality: candidate.municipality,
                    payment_state: state.code(),
                    attempt: 0,
                    attempt_state: 0,
                    rules: [rule.map_or(0, |rule| rule as u8), 0],
                    bank: u8::from(rule.is_some()),
                    amount: candidate.amount,
                });
            }
        }
        outcomes.extend(self.rejected.iter().map(|row| Outcome {
            payment: PaymentId::new(self.transfer, row.record_no),
            municipality: MunicipalityCode(0),
            payment_state: 0,
            attempt: 0,
            attempt_state: 0,
            rules: [0, 0],
            bank: 0,
            amount: Ore::ZERO,
        }));
        outcomes.sort_by_key(|outcome| outcome.payment);
        outcomes
    }
}

/// What of a payment never changes, in the order in which it is sealed.
fn sealed(c: &Candidate, supplier: i64) -> [ValueRef<'_>; 20] {
    [
        number(c.payment.as_i64()),
        number(c.municipality.0),
        number(supplier),
        number(c.benefit.0),
        number(c.method as u8),
        number(c.amount.0),
        number(c.payee.code as u8),
        number(c.payee.number as i64),
        number(c.recipient.code as u8),
        number(c.recipient.number as i64),
        number(day_number(c.disposition_day)),
        number(day_number(c.effective_day)),
        maybe(c.period.map(|(from, _)| day_number(from))),
        maybe(c.period.map(|(_, to)| day_number(to))),
        number(c.warnings as i64),
        number(c.line_no),
        number(c.offset as i64),
        number(c.length),
        ValueRef::Blob(&c.posting_ref),
        ValueRef::Blob(&c.advice),
    ]
}

fn supplier_number(tx: &Tx<'_>, supplier: SupplierId) -> Result<i64, StoreError> {
    if let Some(known) = tx.one(SUPPLIER, params![supplier.0.as_slice()], |row| row.get(0))? {
        return Ok(known);
    }
    let no = tx.next_number(SUPPLIER_MAX)?;
    tx.run(SUPPLIER_INSERT, params![no, supplier.0.as_slice()])?;
    Ok(no)
}

/// Makes everything stored of a transfer count, at once: its payments, its vouchers, its references.
pub struct Accept {
    /// Which.
    pub transfer: TransferNo,
    /// The sender's municipality.
    pub municipality: Option<MunicipalityCode>,
    /// Data records in the file: the checkpoint must have come this far.
    pub records: u32,
    /// Warnings about the file as a whole.
    pub findings: Vec<FindingRow>,
    /// Fingerprints of its payments, ascending.
    pub seen: Vec<(i64, PaymentId)>,
    /// The day they are filed under.
    pub period: i64,
    /// Now.
    pub at: i64,
}

impl Write for Accept {
    const STEP: Step = Step::Accepted;
    type Out = ();
    fn apply(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let (state, salt, checkpoint) = state_of(tx, self.transfer)?;
        if state == TransferState::Accepted as i64 {
            return Ok(());
        }
        if checkpoint != self.records {
            return Err(StoreError::Conflict(format!(
                "transfer {} is stored up to record {checkpoint} of {}",
                self.transfer.0, self.records
            )));
        }
        if state != TransferState::Archived as i64 {
            return Err(StoreError::Conflict(format!("transfer {} is not being taken in", self.transfer.0)));
        }
        let no = self.transfer.0;
        let sum: i64 = tx.one(ACCEPTED_SUM, params![no], |row| row.get(0))?.unwrap_or(0);
        let municipality = self.municipality.map(|m| m.0);
        let accepted = TransferState::Accepted as u8;
        tx.run(ACCEPT, params![no, accepted, self.at, municipality, self.records, sum])?;
        transfer::insert_findings(tx, self.transfer, &self.findings)?;
        seen::insert(tx, self.period, &self.seen)?;
        ledger::count(tx, Source::Transfer(self.transfer))?;
        journal::append(tx, self.at, EntryKind::Accepted, no, &salt, &[])?;
        Ok(())
    }
}

/// A payment as the store has it.
#[derive(Clone, Debug)]
pub struct Stored {
    /// What was asked for.
    pub request: Candidate,
    /// Where it stands.
    pub state: PaymentState,
    /// Its newest attempt; 0: none yet.
    pub attempt: u8,
    /// The bundle of that attempt.
    pub bundle: Option<BundleNo>,
}

pub(super) fn party(code: u8, number: i64) -> Result<Party, StoreError> {
    let code = IdentCode::from_code(code);
    let code = code.ok_or_else(|| StoreError::Unreadable { what: "an unknown ident code".to_owned() })?;
    Ok(Party { code, number: number as u64 })
}

fn read(row: &Row<'_>) -> Result<Stored, StoreError> {
    let method = Method::from_code(row.get(16)?);
    let supplier: Vec<u8> = row.get(5)?;
    let posting_ref: Vec<u8> = row.get(18)?;
    let unreadable = |what: &str| StoreError::Unreadable { what: what.to_owned() };
    let period: (Option<i64>, Option<i64>) = (row.get(14)?, row.get(15)?);
    let request = Candidate {
        payment: PaymentId::from_i64(row.get(0)?),
        offset: row.get::<_, i64>(1)? as u64,
        length: row.get(2)?,
        line_no: row.get(3)?,
        municipality: MunicipalityCode(row.get(4)?),
        supplier: SupplierId(supplier.try_into().map_err(|_| unreadable("a supplier id"))?),
        benefit: BenefitCode(row.get(6)?),
        amount: Ore(row.get(7)?),
        payee: party(row.get(8)?, row.get(9)?)?,
        recipient: party(row.get(10)?, row.get(11)?)?,
        disposition_day: date_of(row.get(12)?),
        effective_day: date_of(row.get(13)?),
        period: period.0.zip(period.1).map(|(from, to)| (date_of(from), date_of(to))),
        method: method.ok_or_else(|| unreadable("a payment method"))?,
        warnings: row.get::<_, i64>(17)? as u64,
        posting_ref: posting_ref.try_into().map_err(|_| unreadable("a posting reference"))?,
        advice: row.get(19)?,
        reference_fingerprint: 0, // not kept with the payment: it stands in `seen`
        is_fixed: false,          // told by the archived record alone
    };
    let state = PaymentState::from_code(row.get(20)?)?;
    let bundle = row.get::<_, Option<i64>>(22)?.map(BundleNo);
    Ok(Stored { request, state, attempt: row.get(21)?, bundle })
}

/// A payment by its id; also one whose transfer is not accepted yet.
pub fn payment(tx: &Tx<'_>, id: PaymentId) -> Result<Option<Stored>, StoreError> {
    let mut found = None;
    tx.each(STORED, params![id.as_i64()], |row| {
        found = Some(read(row)?);
        Ok(())
    })?;
    Ok(found)
}

/// The payments stored of a transfer, ascending.
pub fn payments_of(tx: &Tx<'_>, no: TransferNo) -> Result<Vec<PaymentId>, StoreError> {
    let (from, to) = PaymentId::range_of(no);
    tx.all(IDS, params![from, to], |row| row.get(0).map(PaymentId::from_i64))
}
