//! What the hub is held against from outside: the bank's statements, and what case systems say they sent.
//!
//! Posts nothing and moves no payment: a difference is shown until what explains it has come or a person says so.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{Row, params};
use toek_formats::vocabulary::{MunicipalityCode, Ore};

use super::journal::{self, EntryKind};
use super::sql::statements;
use super::{StoreError, Tx, Write, date_of, day_number, task};
use crate::domain::bank::{Claim, How};
use crate::domain::calendar::copenhagen;
use crate::domain::identity::{AttemptId, BundleNo, PaymentId, TransferNo};
use crate::domain::payment::PaymentState;
use crate::steps::Step;
use crate::store::transfer::TransferState;

statements! {
    STATE = "select state from transfer where transfer_no = $1";
    ACCEPT = "update transfer set state = $2, accepted_at = $3, municipality = $4, records = $5, checkpoint = $5
        where transfer_no = $1";
    STATEMENT_MAX = "select max(statement_no) from bank_statement";
    STATEMENT_OF = "select transfer_no from bank_statement where account = $1 and statement_id = $2";
    STATEMENT = "insert into bank_statement (statement_no, transfer_no, municipality, bank, account, statement_id,
            sequence, opening_ore, opening_day, closing_ore, closing_day)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    STATEMENTS = "select statement_no, municipality, bank, account, opening_ore, opening_day, closing_ore, closing_day
        from bank_statement order by account, opening_day, closing_day, sequence, statement_no";
    LINE_MAX = "select max(line_no) from bank_line";
    LINE = "insert into bank_line (line_no, statement_no, municipality, booking_day, amount_ore, reference)
        values ($1, $2, $3, $4, $5, $6)";
    LINES = "select l.line_no, l.municipality, l.booking_day, l.amount_ore, l.reference,
            (select coalesce(sum(m.amount_ore), 0) from bank_match m
                where m.line_no = l.line_no and m.undone_at is null)
        from bank_line l where l.line_no > $1 order by l.line_no limit 500";
    ONE_LINE = "select l.line_no, l.municipality, l.booking_day, l.amount_ore, l.reference,
            (select coalesce(sum(m.amount_ore), 0) from bank_match m
                where m.line_no = l.line_no and m.undone_at is null)
        from bank_line l where l.line_no = $1";
    GROUP = "select bundle_no from bundle where group_id = $1 and municipality = $2 and debit_account = $3";
    ATTEMPT = "select a.bundle_no, b.municipality, b.run_day from attempt a join bundle b on b.bundle_no = a.bundle_no
        where a.payment_id = $1 and a.attempt = $2 and b.municipality = $3 and b.debit_account = $4";
    NEWEST = "select attempt, bundle_no, municipality from payment where payment_id = $1";
    BUNDLE_OWNER = "select municipality from bundle where bundle_no = $1";
    MATCH_MAX = "select max(match_no) from bank_match";
    MATCH = "insert into bank_match (match_no, line_no, bundle_no, payment_id, attempt, amount_ore, how, matched_at,
            matched_by, reason) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    MATCHES = "select m.match_no, m.line_no, m.bundle_no, b.group_id, m.payment_id, m.amount_ore, m.how, m.matched_at,
            m.matched_by, m.reason, m.undone_at, m.undone_by, m.undone_reason, l.municipality
        from bank_match m join bank_line l on l.line_no = m.line_no left join bundle b on b.bundle_no = m.bundle_no
        where m.line_no = $1 order by m.match_no";
    ONE_MATCH = "select m.match_no, m.line_no, m.bundle_no, b.group_id, m.payment_id, m.amount_ore, m.how, m.matched_at,
            m.matched_by, m.reason, m.undone_at, m.undone_by, m.undone_reason, l.municipality
        from bank_match m join bank_line l on l.line_no = m.line_no left join bundle b on b.bundle_no = m.bundle_no
        where m.match_no = $1";
    UNDO = "update bank_match set undone_at = $2, undone_by = $3, undone_reason = $4
        where match_no = $1 and undone_at is null";
    BUNDLES = "select b.bundle_no, b.group_id, b.municipality, b.execution_day,
            (select coalesce(sum(p.amount_ore), 0) from voucher v join posting p on p.voucher_no = v.voucher_no
                where v.source_kind = 2 and v.source_no = b.bundle_no and p.account >= 256),
            (select coalesce(sum(m.amount_ore), 0) from bank_match m
                where m.bundle_no = b.bundle_no and m.undone_at is null)
        from bundle b where b.execution_day <= $1 order by b.bundle_no";
    CONTROL = "insert into order_control (endpoint, file, transfer_no, sender, records, sum_ore, day)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (endpoint, file) do update set transfer_no = excluded.transfer_no, sender = excluded.sender,
            records = excluded.records, sum_ore = excluded.sum_ore, day = excluded.day";
    CONTROLS = "select endpoint, file, sender, records, sum_ore, day from order_control order by endpoint, file";
    ORDERS = "select transfer_no, endpoint, name, state, received_at, accepted_at, municipality, records, sum_ore,
            (select count(*) from rejected r where r.transfer_no = transfer.transfer_no)
        from transfer where direction = 1 and format = 'g68' and state in (3, 4, 7) order by transfer_no";
    POSTED = "select p.payment_id >> 20, v.municipality, sum(-p.amount_ore)
        from posting p join voucher v on v.voucher_no = p.voucher_no
        where p.account = 2 and p.payment_id is not null group by p.payment_id >> 20, v.municipality";
    OWED = "select payment_id >> 20, municipality, state, sum(amount_ore) from payment
        group by payment_id >> 20, municipality, state";
    ACCEPTED = "select transfer_no, accepted_at from transfer where direction = 1 and format = 'g68'
        and accepted_at is not null";
}

/// The kind of a task about a line of a statement that nothing explains.
pub const LINE_TASK: &str = "bank line";

/// A line of a statement, with what its references claim.
#[derive(Clone, Debug)]
pub struct NewLine {
    /// The day it was booked.
    pub booking_day: Date,
    /// What it moved; below zero it went out.
    pub amount: Ore,
    /// The bank's own reference.
    pub reference: String,
    /// What it is for.
    pub claims: Vec<Claim>,
}

/// A statement of an account that is one of ours.
#[derive(Clone, Debug)]
pub struct NewStatement {
    /// Whose account.
    pub municipality: MunicipalityCode,
    /// Which of its accounts, from 1.
    pub bank: u8,
    /// Fourteen digits.
    pub account: String,
    /// The bank's name for it.
    pub id: String,
    /// The bank's number for it.
    pub sequence: Option<u64>,
    /// Balance before, and its day.
    pub opening: (Ore, Date),
    /// Balance after, and its day.
    pub closing: (Ore, Date),
    /// What was booked between.
    pub lines: Vec<NewLine>,
}

/// The transfer that brought a statement, if it came before.
pub fn known_statement(tx: &Tx<'_>, account: &str, id: &str) -> Result<Option<TransferNo>, StoreError> {
    tx.one(STATEMENT_OF, params![account, id], |row| row.get(0).map(TransferNo))
}

fn is_accepted(tx: &Tx<'_>, no: TransferNo) -> Result<bool, StoreError> {
    let state: Option<i64> = tx.one(STATE, params![no.0], |row| row.get(0))?;
    Ok(state == Some(TransferState::Accepted as i64))
}

fn accept(
    tx: &Tx<'_>,
    no: TransferNo,
    municipality: Option<MunicipalityCode>,
    records: usize,
    (kind, at): (EntryKind, i64),
) -> Result<(), StoreError> {
    let state = TransferState::Accepted as u8;
    tx.run(ACCEPT, params![no.0, state, at, municipality.map(|m| m.0), records as i64])?;
    journal::append(tx, at, kind, no.0, &[], &[])?;
    Ok(())
}

/// Stores a file of statements and matches what their references tell, in one transaction.
pub struct BookStatements {
    /// The file.
    pub transfer: TransferNo,
    /// Its statements.
    pub statements: Vec<NewStatement>,
    /// Now.
    pub at: i64,
}

impl Write for BookStatements {
    const STEP: Step = Step::Told;
    /// How many lines a person must look at.
    type Out = u64;
    fn apply(&self, tx: &Tx<'_>) -> Result<u64, StoreError> {
        if is_accepted(tx, self.transfer)? {
            return Ok(0);
        }
        let mut tasks = 0;
        for statement in &self.statements {
            let no = tx.next_number(STATEMENT_MAX)?;
            let NewStatement { municipality, bank, account, id, opening, closing, .. } = statement;
            let sequence = statement.sequence.and_then(|number| i64::try_from(number).ok());
            tx.run(
                STATEMENT,
                params![
                    no,
                    self.transfer.0,
                    municipality.0,
                    bank,
                    account,
                    id,
                    sequence,
                    opening.0.0,
                    day_number(opening.1),
                    closing.0.0,
                    day_number(closing.1)
                ],
            )?;
            for line in &statement.lines {
                tasks += u64::from(!self.line(tx, no, statement, line)?);
            }
        }
        let only = match &self.statements[..] {
            [first, rest @ ..] if rest.iter().all(|other| other.municipality == first.municipality) => {
                Some(first.municipality)
            }
            _ => None,
        };
        let records = self.statements.iter().map(|statement| statement.lines.len()).sum();
        accept(tx, self.transfer, only, records, (EntryKind::BankStatements, self.at))?;
        Ok(tasks)
    }
}

impl BookStatements {
    /// Whether all of the line is explained.
    fn line(
        &self,
        tx: &Tx<'_>,
        statement_no: i64,
        of: &NewStatement,
        line: &NewLine,
    ) -> Result<bool, StoreError> {
        let line_no = tx.next_number(LINE_MAX)?;
        let day = day_number(line.booking_day);
        let amount = line.amount.0;
        tx.run(LINE, params![line_no, statement_no, of.municipality.0, day, amount, line.reference])?;
        for claim in &line.claims {
            if let Some(matched) = found(tx, of, (line_no, line.amount), claim)? {
                matched.insert(tx, self.at, None)?;
            }
        }
        mind(tx, line_no, self.at)
    }
}

/// What a claim on a line means among what was sent from this very account.
fn found(
    tx: &Tx<'_>,
    of: &NewStatement,
    (line_no, whole): (i64, Ore),
    claim: &Claim,
) -> Result<Option<NewMatch>, StoreError> {
    match claim {
        Claim::Bundle(group) => {
            let key = params![group, of.municipality.0, of.account];
            let bundle = tx.one(GROUP, key, |row| row.get(0).map(BundleNo))?;
            let matched = |bundle| NewMatch {
                line_no,
                bundle: Some(bundle),
                attempt: None,
                amount: whole,
                how: How::Bundle,
            };
            Ok(bundle.map(matched))
        }
        Claim::Attempt(id, reference, amount) => {
            let key = params![id.payment.as_i64(), id.attempt, of.municipality.0, of.account];
            let sent: Option<(i64, u16, i64)> =
                tx.one(ATTEMPT, key, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            let is_it = |(_, municipality, day): &(i64, u16, i64)| {
                id.end_to_end_id(MunicipalityCode(*municipality), date_of(*day)) == *reference
            };
            let matched = |(bundle, ..): (i64, u16, i64)| NewMatch {
                line_no,
                bundle: Some(BundleNo(bundle)),
                attempt: Some(*id),
                amount: *amount,
                how: How::Payment,
            };
            Ok(sent.filter(is_it).map(matched))
        }
    }
}

struct NewMatch {
    line_no: i64,
    bundle: Option<BundleNo>,
    attempt: Option<AttemptId>,
    amount: Ore,
    how: How,
}

impl NewMatch {
    fn insert(&self, tx: &Tx<'_>, at: i64, who: Option<(&str, &str)>) -> Result<i64, StoreError> {
        let match_no = tx.next_number(MATCH_MAX)?;
        tx.run(
            MATCH,
            params![
                match_no,
                self.line_no,
                self.bundle.map(|no| no.0),
                self.attempt.map(|id| id.payment.as_i64()),
                self.attempt.map(|id| id.attempt),
                self.amount.0,
                self.how as u8,
                at,
                who.map(|(by, _)| by),
                who.map(|(_, reason)| reason)
            ],
        )?;
        Ok(match_no)
    }
}

fn line_subject(line_no: i64) -> String {
    format!("bank line {line_no}")
}

/// A person is told of a line that is not explained whole, until it is. Whether it is.
fn mind(tx: &Tx<'_>, line_no: i64, at: i64) -> Result<bool, StoreError> {
    let Some(line) = line(tx, line_no)? else { return Ok(true) };
    let subject = line_subject(line_no);
    if line.rest() == Ore::ZERO {
        task::close_kind(tx, LINE_TASK, &subject, at)?;
        return Ok(true);
    }
    let text = format!(
        "{} kr. booked {} on the statement, {} kr. of it for nothing that is known",
        line.amount.danish(),
        line.booking_day,
        line.rest().danish()
    );
    let municipality = Some(line.municipality);
    task::open(tx, &task::NewTask { kind: LINE_TASK, municipality, subject, text }, at)?;
    Ok(false)
}

/// A line of a statement, with what of it is explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number, from 1.
    pub no: i64,
    /// Whose account.
    pub municipality: MunicipalityCode,
    /// The day it was booked.
    pub booking_day: Date,
    /// What it moved.
    pub amount: Ore,
    /// The bank's own reference.
    pub reference: String,
    /// How much of it is matched.
    pub matched: Ore,
}

impl Line {
    /// What nothing explains.
    pub fn rest(&self) -> Ore {
        self.amount - self.matched
    }

    /// So much of what nothing explains, without sign, with the line's sign; all of it for `None`.
    ///
    /// # Errors
    /// In words: when nothing is left, or less than that.
    pub fn part(&self, size: Option<Ore>) -> Result<Ore, String> {
        let rest = self.rest();
        if rest == Ore::ZERO {
            return Err(format!("bank line {} is matched whole already", self.no));
        }
        match size {
            None => Ok(rest),
            Some(size) if size <= Ore::ZERO || size.magnitude() > rest.magnitude() => {
                Err(format!("{} kr. of bank line {} are left to match", rest.danish(), self.no))
            }
            Some(size) if rest < Ore::ZERO => Ok(Ore(-size.0)),
            Some(size) => Ok(size),
        }
    }
}

fn read_line(row: &Row<'_>) -> rusqlite::Result<Line> {
    Ok(Line {
        no: row.get(0)?,
        municipality: MunicipalityCode(row.get(1)?),
        booking_day: date_of(row.get(2)?),
        amount: Ore(row.get(3)?),
        reference: row.get(4)?,
        matched: Ore(row.get(5)?),
    })
}

/// The next lines after number `after`, at most 500.
pub fn lines_after(tx: &Tx<'_>, after: i64) -> Result<Vec<Line>, StoreError> {
    tx.all(LINES, params![after], read_line)
}

/// One line.
pub fn line(tx: &Tx<'_>, no: i64) -> Result<Option<Line>, StoreError> {
    tx.one(ONE_LINE, params![no], read_line)
}

/// What of a line is for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Its number, from 1.
    pub no: i64,
    /// The line.
    pub line: i64,
    /// The bundle's reference; none when it is not the hub's at all.
    pub group_id: Option<String>,
    /// The payment, where it is one.
    pub payment: Option<PaymentId>,
    /// How much of the line.
    pub amount: Ore,
    /// How it came about.
    pub how: How,
    /// When, microseconds since 1970.
    pub matched_at: i64,
    /// Who and why, where it was a person.
    pub by: Option<(String, String)>,
    /// When, who and why, once it is undone.
    pub undone: Option<(i64, String, String)>,
    /// Whose account.
    pub municipality: MunicipalityCode,
}

fn matches(tx: &Tx<'_>, sql: &'static str, key: i64) -> Result<Vec<Match>, StoreError> {
    let mut found = Vec::new();
    tx.each(sql, params![key], |row| {
        let code: u8 = row.get(6)?;
        let how = How::from_code(code);
        let (by, reason): (Option<String>, Option<String>) = (row.get(8)?, row.get(9)?);
        let undone: (Option<i64>, Option<String>, Option<String>) =
            (row.get(10)?, row.get(11)?, row.get(12)?);
        found.push(Match {
            no: row.get(0)?,
            line: row.get(1)?,
            group_id: row.get(3)?,
            payment: row.get::<_, Option<i64>>(4)?.map(PaymentId::from_i64),
            amount: Ore(row.get(5)?),
            how: how.ok_or_else(|| StoreError::Unreadable { what: format!("a match of kind {code}") })?,
            matched_at: row.get(7)?,
            by: by.zip(reason),
            undone: match undone {
                (Some(at), Some(by), Some(why)) => Some((at, by, why)),
                _ => None,
            },
            municipality: MunicipalityCode(row.get(13)?),
        });
        Ok(())
    })?;
    Ok(found)
}

/// The matches of a line, undone ones too, oldest first.
pub fn matches_of(tx: &Tx<'_>, line: i64) -> Result<Vec<Match>, StoreError> {
    matches(tx, MATCHES, line)
}

/// One match.
pub fn match_of(tx: &Tx<'_>, no: i64) -> Result<Option<Match>, StoreError> {
    Ok(matches(tx, ONE_MATCH, no)?.pop())
}

/// What a person matches a line with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A bundle.
    Bundle(BundleNo),
    /// A payment: its newest attempt.
    Payment(PaymentId),
    /// Nothing of the hub's: interest, a fee, another's money.
    Foreign,
}

/// A person says what the rest of a line is for, or a part of it.
pub struct MatchByHand {
    /// Which line.
    pub line: i64,
    /// How much of it, in øre without sign; `None`: all that is left.
    pub amount_ore: Option<i64>,
    /// With what.
    pub target: Target,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Now.
    pub at: i64,
}

impl Write for MatchByHand {
    const STEP: Step = Step::People;
    /// The match's number, and how much it is over.
    type Out = (i64, Ore);
    fn apply(&self, tx: &Tx<'_>) -> Result<(i64, Ore), StoreError> {
        let line = line(tx, self.line)?;
        let line =
            line.ok_or_else(|| StoreError::Conflict(format!("there is no bank line {}", self.line)))?;
        let amount = line.part(self.amount_ore.map(Ore)).map_err(StoreError::Conflict)?;
        let (bundle, attempt, owner) = self.target(tx)?;
        if owner.is_some_and(|owner| owner != line.municipality) {
            let text = format!("bank line {} is {}'s, and that is not", line.no, line.municipality);
            return Err(StoreError::Conflict(text));
        }
        let (line_no, how) = (line.no, How::Hand);
        let matched = NewMatch { line_no, bundle, attempt, amount, how };
        let no = matched.insert(tx, self.at, Some((&self.by, &self.reason)))?;
        mind(tx, line_no, self.at)?;
        journal::append(tx, self.at, EntryKind::BankMatched, no, &[], &[])?;
        Ok((no, amount))
    }
}

type Found = (Option<BundleNo>, Option<AttemptId>, Option<MunicipalityCode>);

impl MatchByHand {
    fn target(&self, tx: &Tx<'_>) -> Result<Found, StoreError> {
        match self.target {
            Target::Foreign => Ok((None, None, None)),
            Target::Bundle(no) => {
                let owner = tx.one(BUNDLE_OWNER, params![no.0], |row| row.get(0).map(MunicipalityCode))?;
                Ok((Some(no), None, owner))
            }
            Target::Payment(id) => {
                let newest: Option<(u8, Option<i64>, u16)> =
                    tx.one(NEWEST, params![id.as_i64()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
                let Some((attempt, Some(bundle), owner)) = newest else {
                    return Err(StoreError::Conflict(format!("{id} was never sent")));
                };
                let attempt = AttemptId { payment: id, attempt };
                Ok((Some(BundleNo(bundle)), Some(attempt), Some(MunicipalityCode(owner))))
            }
        }
    }
}

/// A person takes a match back; the row stays, and counts no more.
pub struct UndoMatch {
    /// Which.
    pub match_no: i64,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Now.
    pub at: i64,
}

impl Write for UndoMatch {
    const STEP: Step = Step::People;
    /// The line that is open again.
    type Out = i64;
    fn apply(&self, tx: &Tx<'_>) -> Result<i64, StoreError> {
        let known = match_of(tx, self.match_no)?;
        let known =
            known.ok_or_else(|| StoreError::Conflict(format!("there is no match {}", self.match_no)))?;
        if tx.run(UNDO, params![self.match_no, self.at, self.by, self.reason])? == 0 {
            return Err(StoreError::Conflict(format!("match {} is undone already", self.match_no)));
        }
        mind(tx, known.line, self.at)?;
        journal::append(tx, self.at, EntryKind::BankUnmatched, known.no, &[], &[])?;
        Ok(known.line)
    }
}

/// A bundle as the books and the bank have it. Below zero: it went out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleAtBank {
    /// Its reference.
    pub group_id: String,
    /// Whose.
    pub municipality: MunicipalityCode,
    /// The day the money was to move.
    pub execution_day: Date,
    /// What is posted on bank accounts for it.
    pub posted: Ore,
    /// What lines of statements are matched with it.
    pub banked: Ore,
}

/// Every bundle that was to be paid up to a day.
pub fn bundles_until(tx: &Tx<'_>, day: Date) -> Result<Vec<BundleAtBank>, StoreError> {
    tx.all(BUNDLES, params![day_number(day)], |row| {
        Ok(BundleAtBank {
            group_id: row.get(1)?,
            municipality: MunicipalityCode(row.get(2)?),
            execution_day: date_of(row.get(3)?),
            posted: Ore(row.get(4)?),
            banked: Ore(row.get(5)?),
        })
    })
}

/// A statement's balances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balances {
    /// Its number.
    pub no: i64,
    /// Whose account.
    pub municipality: MunicipalityCode,
    /// Which of its accounts.
    pub bank: u8,
    /// Fourteen digits. In clear: never for a log.
    pub account: String,
    /// Balance before, and its day.
    pub opening: (Ore, Date),
    /// Balance after, and its day.
    pub closing: (Ore, Date),
}

/// Every statement, by account and day.
pub fn statements(tx: &Tx<'_>) -> Result<Vec<Balances>, StoreError> {
    tx.all(STATEMENTS, [], |row| {
        Ok(Balances {
            no: row.get(0)?,
            municipality: MunicipalityCode(row.get(1)?),
            bank: row.get(2)?,
            account: row.get(3)?,
            opening: (Ore(row.get(4)?), date_of(row.get(5)?)),
            closing: (Ore(row.get(6)?), date_of(row.get(7)?)),
        })
    })
}

/// What a case system says it sent in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderControl {
    /// Where the file comes.
    pub endpoint: String,
    /// Its name.
    pub file: String,
    /// Who says so.
    pub sender: String,
    /// Records.
    pub records: u32,
    /// Their sum.
    pub sum: Ore,
    /// The day it was sent.
    pub day: Date,
}

impl OrderControl {
    /// Whether it says that the file is not to come (ASSUMED, as the whole of the format).
    pub fn is_withdrawn(&self) -> bool {
        (self.records, self.sum) == (0, Ore::ZERO)
    }
}

/// Stores a control file. A later word on a file takes the place of an earlier one.
pub struct BookOrderControls {
    /// The control file.
    pub transfer: TransferNo,
    /// What it says.
    pub rows: Vec<OrderControl>,
    /// Now.
    pub at: i64,
}

impl Write for BookOrderControls {
    const STEP: Step = Step::Told;
    type Out = ();
    fn apply(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        if is_accepted(tx, self.transfer)? {
            return Ok(());
        }
        for row in &self.rows {
            let OrderControl { endpoint, file, sender, records, sum, day } = row;
            let key = params![endpoint, file, self.transfer.0, sender, records, sum.0, day_number(*day)];
            tx.run(CONTROL, key)?;
        }
        accept(tx, self.transfer, None, self.rows.len(), (EntryKind::OrderControls, self.at))
    }
}

/// Every word of a case system on a file.
pub fn order_controls(tx: &Tx<'_>) -> Result<Vec<OrderControl>, StoreError> {
    tx.all(CONTROLS, [], |row| {
        Ok(OrderControl {
            endpoint: row.get(0)?,
            file: row.get(1)?,
            sender: row.get(2)?,
            records: row.get(3)?,
            sum: Ore(row.get(4)?),
            day: date_of(row.get(5)?),
        })
    })
}

/// A file of payment requests that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderFile {
    /// Its transfer.
    pub no: TransferNo,
    /// Where it came; with the folder where there are several.
    pub endpoint: String,
    /// Its name.
    pub name: String,
    /// Accepted, quarantined or refused for good.
    pub state: TransferState,
    /// When, microseconds since 1970.
    pub received_at: i64,
    /// Its sender, where it is one municipality.
    pub municipality: Option<MunicipalityCode>,
    /// Data records.
    pub records: u32,
    /// The sum of those that were not refused.
    pub sum: Ore,
    /// How many were refused.
    pub rejected: u32,
}

impl OrderFile {
    /// The Danish day on which it came.
    pub fn received_on(&self) -> Date {
        copenhagen(Timestamp::from_microsecond(self.received_at).unwrap_or(Timestamp::UNIX_EPOCH)).date()
    }
}

/// Every file of payment requests that came and is decided, oldest first.
pub fn order_files(tx: &Tx<'_>) -> Result<Vec<OrderFile>, StoreError> {
    let mut files = Vec::new();
    tx.each(ORDERS, [], |row| {
        files.push(OrderFile {
            no: TransferNo(row.get(0)?),
            endpoint: row.get(1)?,
            name: row.get(2)?,
            state: TransferState::from_code(row.get(3)?)?,
            received_at: row.get(4)?,
            municipality: row.get::<_, Option<u16>>(6)?.map(MunicipalityCode),
            records: row.get(7)?,
            sum: Ore(row.get(8)?),
            rejected: row.get(9)?,
        });
        Ok(())
    })?;
    Ok(files)
}

/// What stands on the interim account for the payments of one accepted file, and what their states say should.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interim {
    /// Credit less debit.
    pub posted: Ore,
    /// The open payments.
    pub owed: Ore,
}

/// By municipality and the instant at which the orders were accepted.
pub type Interims = BTreeMap<(MunicipalityCode, i64), Interim>;

/// The interim account against the open payments, per municipality and accepted file.
pub fn interim(tx: &Tx<'_>) -> Result<Interims, StoreError> {
    let mut accepted: BTreeMap<i64, i64> = BTreeMap::new();
    tx.each(ACCEPTED, [], |row| {
        accepted.insert(row.get(0)?, row.get(1)?);
        Ok(())
    })?;
    let mut found = Interims::new();
    tx.each(POSTED, [], |row| {
        if let Some(at) = accepted.get(&row.get(0)?) {
            found.entry((MunicipalityCode(row.get(1)?), *at)).or_default().posted += Ore(row.get(2)?);
        }
        Ok(())
    })?;
    tx.each(OWED, [], |row| {
        if let Some(at) = accepted.get(&row.get(0)?) {
            let interim = found.entry((MunicipalityCode(row.get(1)?), *at)).or_default();
            if PaymentState::from_code(row.get(2)?)?.is_on_interim() {
                interim.owed += Ore(row.get(3)?);
            }
        }
        Ok(())
    })?;
    Ok(found)
}
