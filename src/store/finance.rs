//! Finance vouchers on their way to the ERP: what waits, the files it goes in, and what is answered.

use rusqlite::{Row, params};
use toek_formats::vocabulary::{MunicipalityCode, Ore};
use uuid::Uuid;

use super::journal::{self, EntryKind};
use super::ledger::{self, Booked};
use super::sql::statements;
use super::{StoreError, Tx, Write, date_of, day_number, restore, task, transfer};
use crate::domain::finance::{FileState, Verdict, VoucherState, judge, takes_back};
use crate::domain::identity::{AttemptId, BundleNo, PaymentId, TransferNo, voucher_attempt_id};
use crate::domain::ledger::Source;
use crate::steps::Step;
use jiff::civil::Date;

statements! {
    OPEN_TRANSFER = "insert into voucher_open (voucher_no, attempt, municipality, booking_day)
        select voucher_no, 1, municipality, booking_day from voucher where source_kind = $1 and source_no = $2";
    OPEN = "insert into voucher_open (voucher_no, attempt, municipality, booking_day) values ($1, $2, $3, $4)";
    MUNICIPALITIES = "select distinct municipality from voucher_open where booking_day <= $1 order by municipality";
    WAITING = "select o.voucher_no, o.attempt, o.booking_day, o.held from voucher_open o
        where o.municipality = $1 and o.booking_day <= $2 and o.voucher_no > $3 order by o.voucher_no limit 100";
    OPEN_ROW = "select attempt, booking_day, municipality from voucher_open where voucher_no = $1";
    UNSETTLED_ORIGINAL = "select count(*) from voucher v
        where v.source_kind = $1 and v.source_no = $2 and v.rule = $3 and v.municipality = $4 and not exists (
            select 1 from voucher_sent s where s.voucher_no = v.voucher_no and s.state = $5)";
    HOLD = "update voucher_open set held = $2 where voucher_no = $1";
    TAKE = "delete from voucher_open where voucher_no = $1";
    FILE_MAX = "select max(file_no) from voucher_file";
    FILE = "insert into voucher_file (file_no, municipality, created_at, vouchers, postings, sum_ore, undecided, state)
        values ($1, $2, $3, $4, $5, $6, $4, $7)";
    FIGURES = "select count(*), coalesce(sum(case when amount_ore > 0 then amount_ore else 0 end), 0) from posting
        where voucher_no = $1 and amount_ore <> 0";
    SEND = "insert into voucher_sent (voucher_no, attempt, file_no, file_line, booking_day, state)
        values ($1, $2, $3, $4, $5, $6)";
    SELECT = "select file_no, transfer_no, municipality, created_at, vouchers, postings, sum_ore, undecided, state, sent_at,
            landed_at from voucher_file where file_no = $1";
    TO_SEND = "select file_no from voucher_file where undecided > 0 and state between 1 and 3 order by file_no";
    OF_TRANSFER = "select file_no from voucher_file where transfer_no = $1";
    VOUCHERS_OF = "select voucher_no, attempt, booking_day, state, erp_number, cause, answered_by from voucher_sent
        where file_no = $1 order by file_line";
    TRIES_OF = "select file_no, attempt, booking_day, state, erp_number, cause, answered_by from voucher_sent
        where voucher_no = $1 order by attempt";
    REFUSED = "select s.voucher_no, s.attempt, s.file_no, v.municipality, s.cause from voucher_sent s
        join voucher v on v.voucher_no = s.voucher_no
        where s.state = 3 and s.voucher_no > $1 and s.attempt = (
            select max(l.attempt) from voucher_sent l where l.voucher_no = s.voucher_no)
            and not exists (select 1 from voucher_open o where o.voucher_no = s.voucher_no)
        order by s.voucher_no limit 500";
    HELD = "select voucher_no, municipality, held from voucher_open where held is not null order by voucher_no";
    PUT_BACK = "insert into voucher_open (voucher_no, attempt, municipality, booking_day, held)
        select s.voucher_no, s.attempt, v.municipality, s.booking_day, $2 from voucher_sent s
        join voucher v on v.voucher_no = s.voucher_no where s.file_no = $1";
    TAKE_OUT = "delete from voucher_sent where file_no = $1";
    EMPTY = "update voucher_file set vouchers = 0, postings = 0, sum_ore = 0, undecided = 0, state = $3
        where file_no = $1 and state = $2";
    MOVE = "update voucher_file set state = $2 where file_no = $1 and state = $3";
    SENT_AT = "update voucher_file set sent_at = $2 where file_no = $1";
    LANDED_AT = "update voucher_file set landed_at = $2 where file_no = $1 and landed_at is null";
    CARRIED_BY = "update voucher_file set transfer_no = $2 where file_no = $1";
    TRY = "select state from voucher_sent where voucher_no = $1 and attempt = $2";
    CONTRADICT = "update voucher_sent set contradicted = 1 where voucher_no = $1 and attempt = $2";
    CONTRADICTED = "select count(*) from voucher_sent where voucher_no = $1 and contradicted = 1";
    BEFORE = "select file_no from voucher_file where file_no < $1 order by file_no desc limit 500";
    ANSWER = "update voucher_sent set state = $3, answered_by = $4, erp_number = $5, cause = $6
        where voucher_no = $1 and attempt = $2";
    DECIDED = "update voucher_file set undecided = undecided - $2 where file_no = $1";
    ALL_DECIDED = "update voucher_file set state = $2 where file_no = $1 and undecided = 0";
    ACCEPT_TRANSFER = "update transfer set state = $2, accepted_at = $3, municipality = $4, records = $5, checkpoint = $5
        where transfer_no = $1";
    OVERDUE = "select file_no, municipality from voucher_file
        where undecided > 0 and state between 4 and $2 and sent_at < $1 and overdue < $3 order by file_no";
    TELL_OVERDUE = "update voucher_file set overdue = $2 where file_no = $1";
    REFUSE_ALL = "update voucher_sent set state = $3, answered_by = $4, cause = $5 where file_no = $1 and state = $2";
    NONE_LEFT = "update voucher_file set undecided = 0 where file_no = $1";
    ATTEMPT_IN = "select attempt from attempt where payment_id = $1 and bundle_no = $2";
    COUNTS = "select
        (select count(*) from voucher_open where held is null), (select count(*) from voucher_open where held is not null),
        (select count(*) from voucher_sent where state = 1), (select count(*) from voucher_sent where state = 2),
        (select count(*) from voucher_sent s where s.state = 3 and s.attempt = (
            select max(l.attempt) from voucher_sent l where l.voucher_no = s.voucher_no)
            and not exists (select 1 from voucher_open o where o.voucher_no = s.voucher_no))";
}

/// The vouchers of a transfer count from now on, and wait to be sent.
pub(super) fn open_transfer(tx: &Tx<'_>, kind: i64, no: i64) -> Result<(), StoreError> {
    tx.run(OPEN_TRANSFER, params![kind, no])?;
    Ok(())
}

/// A voucher counts, and waits to be sent.
pub(super) fn open(
    tx: &Tx<'_>,
    voucher_no: i64,
    municipality: MunicipalityCode,
    booking_day: Date,
) -> Result<(), StoreError> {
    tx.run(OPEN, params![voucher_no, 1, municipality.0, day_number(booking_day)])?;
    Ok(())
}

/// A voucher that waits to be sent.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The voucher.
    pub booked: Booked,
    /// Which try this will be, from 1.
    pub attempt: u8,
    /// The day it is to be booked on.
    pub booking_day: Date,
    /// Why it could not be sent the last time.
    pub held: Option<String>,
    /// Whether the ERP's answers to an earlier try contradict each other: then it must not leave again.
    pub is_contradicted: bool,
}

fn is_contradicted(tx: &Tx<'_>, voucher_no: i64) -> Result<bool, StoreError> {
    Ok(tx.one(CONTRADICTED, params![voucher_no], |row| row.get::<_, i64>(0))?.unwrap_or(0) > 0)
}

/// Municipalities with vouchers to be booked on or before a day.
pub fn municipalities(tx: &Tx<'_>, until: Date) -> Result<Vec<MunicipalityCode>, StoreError> {
    tx.all(MUNICIPALITIES, params![day_number(until)], |row| row.get(0).map(MunicipalityCode))
}

/// The next waiting vouchers of a municipality after number `after`, at most 100.
pub fn waiting_after(
    tx: &Tx<'_>,
    municipality: MunicipalityCode,
    until: Date,
    after: i64,
) -> Result<Vec<Waiting>, StoreError> {
    let rows: Vec<(i64, u8, i64, Option<String>)> =
        tx.all(WAITING, params![municipality.0, day_number(until), after], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
    let read = |(no, attempt, day, held)| {
        let (booked, is_contradicted) = (ledger::voucher(tx, no)?, is_contradicted(tx, no)?);
        Ok(Waiting { booked, attempt, booking_day: date_of(day), held, is_contradicted })
    };
    rows.into_iter().map(read).collect()
}

/// Whether what a voucher takes back, if anything, is accepted by the ERP: every voucher of that rule from its source.
pub fn original_is_accepted(tx: &Tx<'_>, booked: &Booked) -> Result<bool, StoreError> {
    let Some(original) = takes_back(booked.voucher.rule) else { return Ok(true) };
    let (kind, no) = ledger::source_key(booked.voucher.source);
    let key = params![kind, no, original as u8, booked.voucher.municipality.0, VoucherState::Accepted as u8];
    Ok(tx.one(UNSETTLED_ORIGINAL, key, |row| row.get::<_, i64>(0))?.unwrap_or(0) == 0)
}

/// Vouchers that cannot be sent as things are: a person is told of each, and they are tried again at the next run.
pub struct HoldVouchers {
    /// Which, and why.
    pub vouchers: Vec<(i64, MunicipalityCode, String)>,
    /// Now.
    pub at: i64,
}

impl Write for HoldVouchers {
    const STEP: Step = Step::VouchersHeld;
    type Out = ();
    fn apply(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        for (voucher_no, municipality, reason) in &self.vouchers {
            tx.run(HOLD, params![voucher_no, reason])?;
            let (subject, text) = (subject_of(*voucher_no), reason.clone());
            let kind = HELD_TASK;
            task::open(
                tx,
                &task::NewTask { kind, municipality: Some(*municipality), subject, text },
                self.at,
            )?;
        }
        Ok(())
    }
}

/// The kinds of tasks about a voucher that a later step settles.
pub(super) const HELD_TASK: &str = "voucher held";
pub(super) const REFUSED_TASK: &str = "voucher refused";
/// The kind of a task about a file that nobody confirmed or answered.
const OVERDUE_TASK: &str = "voucher file overdue";

fn subject_of(voucher_no: i64) -> String {
    format!("voucher {voucher_no}")
}

/// Puts vouchers of a municipality into a file, in one transaction with its number.
pub struct GatherFile {
    /// Whose.
    pub municipality: MunicipalityCode,
    /// Which vouchers, in order, with the try each is at.
    pub vouchers: Vec<(i64, u8)>,
    /// Now: the time the file says it was made.
    pub at: i64,
}

impl Write for GatherFile {
    const STEP: Step = Step::Gathered;
    /// The file; none when nothing of it waits any more.
    type Out = Option<i64>;
    fn apply(&self, tx: &Tx<'_>) -> Result<Option<i64>, StoreError> {
        let file_no = restore::next_outside(tx, "voucher file", FILE_MAX)?;
        let (mut taken, mut postings, mut sum) = (0_i64, 0_i64, 0_i64);
        for (voucher_no, attempt) in &self.vouchers {
            let row: Option<(u8, i64, u16)> =
                tx.one(OPEN_ROW, params![voucher_no], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            let Some((_, day, _)) =
                row.filter(|(at, _, whose)| at == attempt && *whose == self.municipality.0)
            else {
                continue;
            };
            if is_contradicted(tx, *voucher_no)? {
                continue;
            }
            taken += 1;
            let state = VoucherState::InFile as u8;
            tx.run(SEND, params![voucher_no, attempt, file_no, taken, day, state])?;
            tx.run(TAKE, params![voucher_no])?;
            task::close_kind(tx, HELD_TASK, &subject_of(*voucher_no), self.at)?;
            let figures: (i64, i64) = tx
                .one(FIGURES, params![voucher_no], |row| Ok((row.get(0)?, row.get(1)?)))?
                .unwrap_or_default();
            postings += figures.0;
            sum += figures.1;
        }
        if taken == 0 {
            return Ok(None);
        }
        let state = FileState::Numbered as u8;
        tx.run(FILE, params![file_no, self.municipality.0, self.at, taken, postings, sum, state])?;
        journal::append(tx, self.at, EntryKind::VoucherFile, file_no, &[], &[])?;
        Ok(Some(file_no))
    }
}

/// A file of vouchers as the store has it.
#[derive(Clone, Debug)]
pub struct VoucherFile {
    /// Its number, from 1.
    pub no: i64,
    /// The transfer that carries it, once archived.
    pub transfer: Option<TransferNo>,
    /// Whose vouchers.
    pub municipality: MunicipalityCode,
    /// When it was made, microseconds since 1970.
    pub created_at: i64,
    /// Vouchers in it.
    pub vouchers: u32,
    /// Postings in all of them.
    pub postings: u32,
    /// Sum of the debit side.
    pub sum: Ore,
    /// Vouchers not answered.
    pub undecided: u32,
    /// Where it stands.
    pub state: FileState,
    /// When it left.
    pub sent_at: Option<i64>,
    /// When it was known to be delivered.
    pub landed_at: Option<i64>,
}

/// A file by its number; it must be there.
pub fn file(tx: &Tx<'_>, no: i64) -> Result<VoucherFile, StoreError> {
    find_file(tx, no)?.ok_or_else(|| StoreError::Conflict(format!("there is no voucher file {no}")))
}

/// A file by its number.
pub fn find_file(tx: &Tx<'_>, no: i64) -> Result<Option<VoucherFile>, StoreError> {
    let read = |row: &Row<'_>| {
        Ok((
            row.get::<_, Option<i64>>(1)?,
            row.get(2)?,
            row.get(3)?,
            [row.get(4)?, row.get(5)?, row.get::<_, u32>(7)?],
            row.get(6)?,
            row.get::<_, u8>(8)?,
            row.get(9)?,
            row.get(10)?,
        ))
    };
    let row = tx.one(SELECT, params![no], read)?;
    let Some(row) = row else { return Ok(None) };
    let (transfer, municipality, created_at, [vouchers, postings, undecided], sum, state, sent_at, landed_at) =
        row;
    Ok(Some(VoucherFile {
        no,
        transfer: transfer.map(TransferNo),
        municipality: MunicipalityCode(municipality),
        created_at,
        vouchers,
        postings,
        sum: Ore(sum),
        undecided,
        state: FileState::from_code(state)?,
        sent_at,
        landed_at,
    }))
}

/// Files that are not out yet.
pub fn to_send(tx: &Tx<'_>) -> Result<Vec<i64>, StoreError> {
    tx.all(TO_SEND, [], |row| row.get(0))
}

/// The files before number `before`, the newest first, at most 500.
pub fn files_before(tx: &Tx<'_>, before: i64) -> Result<Vec<VoucherFile>, StoreError> {
    let numbers: Vec<i64> = tx.all(BEFORE, params![before], |row| row.get(0))?;
    numbers.into_iter().map(|no| file(tx, no)).collect()
}

/// The file that a transfer carries.
pub fn file_of(tx: &Tx<'_>, transfer: TransferNo) -> Result<Option<VoucherFile>, StoreError> {
    let no: Option<i64> = tx.one(OF_TRANSFER, params![transfer.0], |row| row.get(0))?;
    no.map(|no| file(tx, no)).transpose()
}

/// One try to send a voucher, as it stands in a file.
#[derive(Clone, Debug)]
pub struct SentVoucher {
    /// The voucher.
    pub voucher_no: i64,
    /// Which try, from 1.
    pub attempt: u8,
    /// The file.
    pub file_no: i64,
    /// The day it is to be booked on.
    pub booking_day: Date,
    /// Where it stands.
    pub state: VoucherState,
    /// The ERP's number.
    pub erp_number: Option<String>,
    /// Why it was refused.
    pub cause: Option<String>,
    /// The answer that said so.
    pub answered_by: Option<TransferNo>,
}

fn tries(
    tx: &Tx<'_>,
    sql: &'static str,
    key: i64,
    ids: impl Fn(i64) -> (Option<i64>, Option<i64>),
) -> Result<Vec<SentVoucher>, StoreError> {
    let mut found = Vec::new();
    tx.each(sql, params![key], |row| {
        let first = row.get(0)?;
        let (voucher, file) = ids(first);
        found.push(SentVoucher {
            voucher_no: voucher.unwrap_or(first),
            attempt: row.get(1)?,
            file_no: file.unwrap_or(first),
            booking_day: date_of(row.get(2)?),
            state: VoucherState::from_code(row.get(3)?)?,
            erp_number: row.get(4)?,
            cause: row.get(5)?,
            answered_by: row.get::<_, Option<i64>>(6)?.map(TransferNo),
        });
        Ok(())
    })?;
    Ok(found)
}

/// The vouchers of a file, in its order.
pub fn vouchers_of(tx: &Tx<'_>, file_no: i64) -> Result<Vec<SentVoucher>, StoreError> {
    tries(tx, VOUCHERS_OF, file_no, |_| (None, Some(file_no)))
}

/// Every try to send a voucher, the first first.
pub fn tries_of(tx: &Tx<'_>, voucher_no: i64) -> Result<Vec<SentVoucher>, StoreError> {
    tries(tx, TRIES_OF, voucher_no, |_| (Some(voucher_no), None))
}

/// The id of a voucher's try towards the ERP.
pub fn try_id(booked: &Booked, attempt: u8) -> Uuid {
    voucher_attempt_id(booked.id, attempt)
}

/// A refused voucher that was not built anew.
#[derive(Clone, Debug)]
pub struct RefusedVoucher {
    /// The voucher.
    pub voucher_no: i64,
    /// The refused try.
    pub attempt: u8,
    /// The file it was in.
    pub file_no: i64,
    /// Whose.
    pub municipality: MunicipalityCode,
    /// Why.
    pub cause: String,
}

/// Refused vouchers after number `after`, at most 500; those built anew since are left out.
pub fn refused_after(tx: &Tx<'_>, after: i64) -> Result<Vec<RefusedVoucher>, StoreError> {
    tx.all(REFUSED, params![after], |row| {
        Ok(RefusedVoucher {
            voucher_no: row.get(0)?,
            attempt: row.get(1)?,
            file_no: row.get(2)?,
            municipality: MunicipalityCode(row.get(3)?),
            cause: row.get::<_, Option<String>>(4)?.unwrap_or_default(),
        })
    })
}

/// Vouchers that are held back, with why.
pub fn held(tx: &Tx<'_>) -> Result<Vec<(i64, MunicipalityCode, String)>, StoreError> {
    tx.all(HELD, [], |row| Ok((row.get(0)?, MunicipalityCode(row.get(1)?), row.get(2)?)))
}

/// How many vouchers stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Wait to be sent.
    pub waiting: i64,
    /// Cannot be sent as things are.
    pub held: i64,
    /// Sent, not answered.
    pub sent: i64,
    /// Booked by the ERP.
    pub accepted: i64,
    /// Refused, not built anew.
    pub refused: i64,
}

/// Counts all vouchers.
pub fn counts(tx: &Tx<'_>) -> Result<Counts, StoreError> {
    let counts = tx.one(COUNTS, [], |row| {
        Ok(Counts {
            waiting: row.get(0)?,
            held: row.get(1)?,
            sent: row.get(2)?,
            accepted: row.get(3)?,
            refused: row.get(4)?,
        })
    })?;
    Ok(counts.unwrap_or_default())
}

/// The attempt of a payment that went in a bundle.
pub fn attempt_in(
    tx: &Tx<'_>,
    payment: PaymentId,
    bundle: BundleNo,
) -> Result<Option<AttemptId>, StoreError> {
    let attempt = tx.one(ATTEMPT_IN, params![payment.as_i64(), bundle.0], |row| row.get(0))?;
    Ok(attempt.map(|attempt| AttemptId { payment, attempt }))
}

/// A file takes a step.
pub struct MoveFile {
    /// Which.
    pub file: i64,
    /// From here; anywhere else nothing is changed and it is a conflict.
    pub from: FileState,
    /// To here.
    pub to: FileState,
    /// The transfer that carries it, when it is archived.
    pub transfer: Option<TransferNo>,
    /// Why, where a person must look.
    pub reason: Option<String>,
    /// Now.
    pub at: i64,
}

impl Write for MoveFile {
    const STEP: Step = Step::FileMoved;
    type Out = ();
    fn apply(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        if tx.run(MOVE, params![self.file, self.to as u8, self.from as u8])? != 1 {
            let (file, from) = (self.file, self.from.text());
            return Err(StoreError::Conflict(format!("voucher file {file} is not {from}")));
        }
        if let Some(transfer) = self.transfer {
            tx.run(CARRIED_BY, params![self.file, transfer.0])?;
        }
        match self.to {
            FileState::Sent => drop(tx.run(SENT_AT, params![self.file, self.at])?),
            FileState::Landed => drop(tx.run(LANDED_AT, params![self.file, self.at])?),
            _ => {}
        }
        if let Some(reason) = &self.reason {
            let municipality = Some(file(tx, self.file)?.municipality);
            let (kind, subject, text) = ("voucher file", file_subject(self.file), reason.clone());
            task::open(tx, &task::NewTask { kind, municipality, subject, text }, self.at)?;
        }
        journal::append(tx, self.at, EntryKind::VoucherFile, self.file, &[], &[])?;
        Ok(())
    }
}

/// A file that cannot be written is no file: its vouchers wait again, each to be looked at alone before it is put into
/// another. Nothing of it has left.
pub struct Dissolve {
    /// Which.
    pub file: i64,
    /// Now.
    pub at: i64,
}

impl Write for Dissolve {
    const STEP: Step = Step::Dissolved;
    type Out = ();
    fn apply(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let (from, to) = (FileState::Numbered as u8, FileState::Failed as u8);
        if tx.run(EMPTY, params![self.file, from, to])? != 1 {
            let file = self.file;
            return Err(StoreError::Conflict(format!("voucher file {file} is more than numbered")));
        }
        tx.run(PUT_BACK, params![self.file, "its file could not be written"])?;
        tx.run(TAKE_OUT, params![self.file])?;
        journal::append(tx, self.at, EntryKind::VoucherFile, self.file, &[], &[])?;
        Ok(())
    }
}

/// What a technical receipt says of a file: delivered, or not and why. A receipt that comes again changes nothing.
pub struct MarkDelivered {
    /// The receipt.
    pub receipt: TransferNo,
    /// The file.
    pub file: i64,
    /// Why it was not delivered.
    pub failure: Option<String>,
    /// Now.
    pub at: i64,
}

impl Write for MarkDelivered {
    const STEP: Step = Step::Delivered;
    type Out = bool;
    fn apply(&self, tx: &Tx<'_>) -> Result<bool, StoreError> {
        let about = file(tx, self.file)?;
        let to = if self.failure.is_some() { FileState::Failed } else { FileState::Landed };
        let is_news = matches!(about.state, FileState::Committing | FileState::Sent);
        if is_news {
            let reason = self.failure.clone();
            MoveFile { file: self.file, from: about.state, to, transfer: None, reason, at: self.at }
                .apply(tx)?;
            if let Some(failure) = &self.failure {
                // The ERP never saw its vouchers: each can be built anew.
                let (from, to) = (VoucherState::InFile as u8, VoucherState::Refused as u8);
                tx.run(REFUSE_ALL, params![self.file, from, to, self.receipt.0, failure])?;
                tx.run(NONE_LEFT, params![self.file])?;
            }
        }
        task::close_kind(tx, OVERDUE_TASK, &file_subject(self.file), self.at)?;
        accept_answer(tx, self.receipt, about.municipality, 1, self.at)?;
        Ok(is_news)
    }
}

fn file_subject(file: i64) -> String {
    format!("voucher file {file}")
}

fn accept_answer(
    tx: &Tx<'_>,
    answer: TransferNo,
    municipality: MunicipalityCode,
    records: u32,
    at: i64,
) -> Result<(), StoreError> {
    let state = transfer::TransferState::Accepted as u8;
    tx.run(ACCEPT_TRANSFER, params![answer.0, state, at, municipality.0, records])?;
    Ok(())
}

/// Books the ERP's answer to a file.
pub struct BookVerdicts {
    /// The answer.
    pub answer: TransferNo,
    /// The file answered.
    pub file: i64,
    /// What is said of which voucher and try.
    pub verdicts: Vec<(i64, u8, Verdict)>,
    /// What else a person must know: receipts for vouchers that are not in the file.
    pub strange: Vec<String>,
    /// Now.
    pub at: i64,
}

impl Write for BookVerdicts {
    const STEP: Step = Step::Verdicts;
    /// How many vouchers a person must look at.
    type Out = u64;
    fn apply(&self, tx: &Tx<'_>) -> Result<u64, StoreError> {
        let about = file(tx, self.file)?;
        let (mut tasks, mut decided) = (0, 0_i64);
        for (voucher_no, attempt, verdict) in &self.verdicts {
            let state: u8 =
                tx.one(TRY, params![voucher_no, attempt], |row| row.get(0))?.ok_or_else(|| {
                    StoreError::Conflict(format!("voucher {voucher_no} was not sent a time {attempt}"))
                })?;
            let (next, tell) = judge(VoucherState::from_code(state)?, verdict);
            let (erp_number, cause) = match verdict {
                Verdict::Accepted { erp_number } => (erp_number.clone(), None),
                Verdict::Refused { cause } => (None, Some(cause.clone())),
            };
            if let Some(next) = next {
                decided += 1;
                tx.run(ANSWER, params![voucher_no, attempt, next as u8, self.answer.0, erp_number, cause])?;
            }
            if tell && next.is_none() {
                tx.run(CONTRADICT, params![voucher_no, attempt])?;
            }
            if tell {
                tasks += 1;
                let (kind, text) = match next {
                    Some(_) => (REFUSED_TASK, cause.unwrap_or_default()),
                    None => (
                        "voucher contradicted",
                        "a second answer says another thing; the first stands".into(),
                    ),
                };
                let (municipality, subject) = (Some(about.municipality), subject_of(*voucher_no));
                task::open(tx, &task::NewTask { kind, municipality, subject, text }, self.at)?;
            }
        }
        for text in &self.strange {
            tasks += 1;
            let (municipality, subject) = (Some(about.municipality), format!("transfer {}", self.answer.0));
            let (kind, text) = ("voucher unknown", text.clone());
            task::open(tx, &task::NewTask { kind, municipality, subject, text }, self.at)?;
        }
        tx.run(DECIDED, params![self.file, decided])?;
        if tx.run(ALL_DECIDED, params![self.file, FileState::Answered as u8])? > 0 {
            task::close_kind(tx, OVERDUE_TASK, &file_subject(self.file), self.at)?;
        }
        accept_answer(tx, self.answer, about.municipality, self.verdicts.len() as u32, self.at)?;
        journal::append(tx, self.at, EntryKind::VouchersAnswered, self.answer.0, &[], &[])?;
        Ok(tasks)
    }
}

/// Builds a refused voucher anew: the same event and lines, a new identification, perhaps another booking day.
pub struct Rebuild {
    /// Which.
    pub voucher_no: i64,
    /// The day it is to be booked on; as before when none.
    pub booking_day: Option<Date>,
    /// Now.
    pub at: i64,
}

impl Write for Rebuild {
    const STEP: Step = Step::Rebuilt;
    /// The number of the new try.
    type Out = u8;
    fn apply(&self, tx: &Tx<'_>) -> Result<u8, StoreError> {
        let last = tries_of(tx, self.voucher_no)?.pop().filter(|last| last.state == VoucherState::Refused);
        let is_open = tx.one(OPEN_ROW, params![self.voucher_no], |_| Ok(()))?.is_some();
        let Some(last) = last.filter(|_| !is_open) else {
            let no = self.voucher_no;
            return Err(StoreError::Conflict(format!(
                "voucher {no} is not refused, or is built anew already"
            )));
        };
        if is_contradicted(tx, self.voucher_no)? {
            return Err(StoreError::Conflict(format!(
                "the ERP both accepted and refused voucher {}: it may be booked there; settle it with the ERP first",
                self.voucher_no
            )));
        }
        let attempt = last.attempt.checked_add(1);
        let attempt =
            attempt.ok_or_else(|| StoreError::Conflict("a voucher has at most 255 tries".to_owned()))?;
        let booked = ledger::voucher(tx, self.voucher_no)?;
        let day = day_number(self.booking_day.unwrap_or(last.booking_day));
        tx.run(OPEN, params![self.voucher_no, attempt, booked.voucher.municipality.0, day])?;
        task::close_kind(tx, REFUSED_TASK, &subject_of(self.voucher_no), self.at)?;
        journal::append(tx, self.at, EntryKind::VoucherRebuilt, self.voucher_no, &[], &[])?;
        Ok(attempt)
    }
}

/// Tells, once each, of files whose delivery was not confirmed, and of those not answered.
pub struct TellOverdue {
    /// Sent before this and not known to be delivered.
    pub unconfirmed_before: i64,
    /// Sent before this and not answered.
    pub unanswered_before: i64,
    /// Now.
    pub at: i64,
}

impl Write for TellOverdue {
    const STEP: Step = Step::VouchersOverdue;
    type Out = u64;
    fn apply(&self, tx: &Tx<'_>) -> Result<u64, StoreError> {
        let mut told = 0;
        for (before, newest, level, what) in [
            (self.unconfirmed_before, FileState::Sent, 1, "no technical receipt"),
            (self.unanswered_before, FileState::Landed, 2, "no answer from the ERP"),
        ] {
            let key = params![before, newest as u8, level];
            let late: Vec<(i64, u16)> = tx.all(OVERDUE, key, |row| Ok((row.get(0)?, row.get(1)?)))?;
            told += late.len() as u64;
            for (file, municipality) in late {
                tx.run(TELL_OVERDUE, params![file, level])?;
                let (kind, subject) = (OVERDUE_TASK, file_subject(file));
                let text = format!("{what}; nothing is sent again by itself");
                let municipality = Some(MunicipalityCode(municipality));
                task::open(tx, &task::NewTask { kind, municipality, subject, text }, self.at)?;
            }
        }
        Ok(told)
    }
}

/// The bundle a voucher was made for.
pub fn bundle_of(booked: &Booked) -> Option<BundleNo> {
    match booked.voucher.source {
        Source::Bundle(no) => Some(no),
        Source::Transfer(_) => None,
    }
}
