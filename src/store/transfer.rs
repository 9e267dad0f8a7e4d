//! Transfers (leverancer): the files that came and went, each with its identity, its place in the archive, its state.

use rusqlite::{Row, params};
use toek_formats::vocabulary::{MunicipalityCode, Ore};

use super::sql::statements;
use super::{StoreError, Tx, Write, journal, restore};
use crate::domain::identity::{BundleNo, TransferNo};
use crate::steps::Step;
use crate::store::journal::EntryKind;

statements! {
    MAX = "select max(transfer_no) from transfer";
    COLUMNS_BY_NO = "select transfer_no, direction, endpoint, name, size, modified_at, format, state, received_at, salt,
        data_key, sha256, municipality, records, sum_ore, checkpoint, accepted_at, removed_at, message_id, bundle_no,
        reason, physical, decided_at from transfer where transfer_no = $1";
    BY_IDENTITY = "select transfer_no, direction, endpoint, name, size, modified_at, format, state, received_at, salt,
        data_key, sha256, municipality, records, sum_ore, checkpoint, accepted_at, removed_at, message_id, bundle_no,
        reason, physical, decided_at from transfer
        where direction = $1 and endpoint = $2 and name = $3 and size = $4 and modified_at = $5";
    BY_NAME = "select transfer_no, direction, endpoint, name, size, modified_at, format, state, received_at, salt,
        data_key, sha256, municipality, records, sum_ore, checkpoint, accepted_at, removed_at, message_id, bundle_no,
        reason, physical, decided_at from transfer where name = $1 order by transfer_no";
    BY_BUNDLE = "select transfer_no, direction, endpoint, name, size, modified_at, format, state, received_at, salt,
        data_key, sha256, municipality, records, sum_ore, checkpoint, accepted_at, removed_at, message_id, bundle_no,
        reason, physical, decided_at from transfer where bundle_no = $1 order by transfer_no";
    BY_MESSAGE = "select transfer_no, direction, endpoint, name, size, modified_at, format, state, received_at, salt,
        data_key, sha256, municipality, records, sum_ore, checkpoint, accepted_at, removed_at, message_id, bundle_no,
        reason, physical, decided_at from transfer where message_id = $1 and transfer_no <> $2 order by transfer_no";
    UNFINISHED = "select transfer_no, direction, endpoint, name, size, modified_at, format, state, received_at, salt,
        data_key, sha256, municipality, records, sum_ore, checkpoint, accepted_at, removed_at, message_id, bundle_no,
        reason, physical, decided_at from transfer where direction = 1 and state = 2 and format = $1 order by transfer_no";
    RECEIVING = "select transfer_no, direction, endpoint, name, size, modified_at, format, state, received_at, salt,
        data_key, sha256, municipality, records, sum_ore, checkpoint, accepted_at, removed_at, message_id, bundle_no,
        reason, physical, decided_at from transfer where state = 1 and endpoint = $1 order by transfer_no";
    PAGE = "select transfer_no, direction, endpoint, name, size, modified_at, format, state, received_at, salt,
        data_key, sha256, municipality, records, sum_ore, checkpoint, accepted_at, removed_at, message_id, bundle_no,
        reason, physical, decided_at from transfer where transfer_no > $1 order by transfer_no limit 500";
    BEGIN = "insert into transfer
        (transfer_no, direction, endpoint, name, size, modified_at, format, state, received_at, salt, data_key)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    ARCHIVED = "update transfer set state = $2, sha256 = $3, layout = $4, physical = $5, data_key = $6
        where transfer_no = $1";
    DECIDE = "update transfer set decided_at = $2 where transfer_no = $1 and decided_at is null";
    UNDECIDE = "update transfer set decided_at = null where transfer_no = $1";
    SIZE = "update transfer set size = $2 where transfer_no = $1 and direction = 2";
    SAME_BYTES = "select transfer_no, endpoint, name, state, records, received_at from transfer
        where sha256 = $1 and direction = 1 and transfer_no <> $2 order by transfer_no";
    CLOSE = "update transfer set state = $2, reason = $3, records = $4 where transfer_no = $1";
    SET_STATE = "update transfer set state = $2 where transfer_no = $1 and state = $3";
    COMPANION_OF = "select companion from transfer where transfer_no = $1";
    COMPANION = "update transfer set companion = $2 where transfer_no = $1";
    REMOVED = "update transfer set removed_at = $2 where transfer_no = $1";
    MATCHED = "update transfer set message_id = $2, bundle_no = $3, records = $4 where transfer_no = $1";
    ANSWERED = "update transfer set checkpoint = $2 where transfer_no = $1";
    FINDING = "insert or replace into finding
        (transfer_no, record_no, seq, line_no, code, field, column_from, column_to, value)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    CLEAR_FINDINGS = "delete from finding where transfer_no = $1 and record_no = 0";
    FINDINGS = "select record_no, line_no, code, field, column_from, column_to, value from finding
        where transfer_no = $1 and record_no between $2 and $3 order by record_no, seq";
}

/// Which way a file went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Direction {
    /// From a counterparty.
    In = 1,
    /// To a counterparty.
    Out = 2,
}

/// Where a transfer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TransferState {
    /// Known by name, its bytes not yet in the archive.
    Receiving = 1,
    /// Its bytes are in the archive; nothing of it counts.
    Archived = 2,
    /// What it says counts.
    Accepted = 3,
    /// A person must look at it; nothing of it counts.
    Quarantined = 4,
    /// An answer to nothing that we sent; kept for a person.
    Unmatched = 5,
    /// The same as one that came before.
    Ignored = 6,
    /// A person refused it for good.
    Rejected = 7,
    /// Ours, to a counterparty.
    Out = 8,
}

impl TransferState {
    const ALL: [TransferState; 8] = [
        TransferState::Receiving,
        TransferState::Archived,
        TransferState::Accepted,
        TransferState::Quarantined,
        TransferState::Unmatched,
        TransferState::Ignored,
        TransferState::Rejected,
        TransferState::Out,
    ];

    pub(super) fn from_code(code: i64) -> Result<TransferState, StoreError> {
        let known = TransferState::ALL.into_iter().find(|state| *state as i64 == code);
        known.ok_or_else(|| StoreError::Unreadable { what: format!("a transfer in state {code}") })
    }

    /// As screens and `--json` name it.
    pub fn text(self) -> &'static str {
        match self {
            TransferState::Receiving | TransferState::Archived => "receiving",
            TransferState::Accepted => "accepted",
            TransferState::Quarantined => "quarantined",
            TransferState::Unmatched => "unmatched",
            TransferState::Ignored => "ignored",
            TransferState::Rejected => "rejected",
            TransferState::Out => "out",
        }
    }

    /// Whether nothing more will be done with it unless a person acts.
    pub fn is_settled(self) -> bool {
        !matches!(self, TransferState::Receiving | TransferState::Archived)
    }
}

/// What tells one delivery from another before its bytes are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Which way.
    pub direction: Direction,
    /// Where.
    pub endpoint: String,
    /// Under which name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// As the drop told it, microseconds since 1970.
    pub modified_at: i64,
}

/// A transfer as the store has it.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// Its number, from 1.
    pub no: TransferNo,
    /// What it is known by.
    pub identity: Identity,
    /// `g68`, `nemkonto-answer`, `nemkonto-payment`.
    pub format: String,
    /// Where it stands.
    pub state: TransferState,
    /// When it was first seen; the same on every repetition. Microseconds since 1970.
    pub received_at: i64,
    /// Salts the journal's hashes of its records.
    pub salt: Vec<u8>,
    /// Its data key under the installation's key; none once it was erased.
    pub data_key: Option<Vec<u8>>,
    /// Of its original bytes, once archived.
    pub sha256: Option<[u8; 32]>,
    /// The sender's municipality, where the file has one.
    pub municipality: Option<MunicipalityCode>,
    /// Data records (G68), or payments answered.
    pub records: u32,
    /// Sum of what was queued.
    pub sum: Ore,
    /// The last record (or answered payment) that is stored.
    pub checkpoint: u32,
    /// When what it says began to count.
    pub accepted_at: Option<i64>,
    /// When it was taken away from the drop.
    pub removed_at: Option<i64>,
    /// The counterparty's own id of the message.
    pub message_id: Option<String>,
    /// The bundle it is, or answers.
    pub bundle: Option<BundleNo>,
    /// Why it is where it is.
    pub reason: Option<String>,
    /// How its bytes are written, as its format codes it.
    pub physical: Option<i64>,
    /// When what it asks for was first decided on; the same after a crash.
    pub decided_at: Option<i64>,
}

/// One thing wrong with a file or a record, ready to be shown: personal values are masked already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingRow {
    /// The data record, from 1; 0: the file as a whole.
    pub record_no: u32,
    /// The line, from 1.
    pub line_no: u32,
    /// The rule's code, `G68-F04`.
    pub code: String,
    /// The field's name.
    pub field: Option<String>,
    /// First column, from 1; 0: none.
    pub column_from: u16,
    /// Last column, included.
    pub column_to: u16,
    /// The offending value.
    pub value: String,
}

fn read(row: &Row<'_>) -> Result<Transfer, StoreError> {
    let direction = if row.get::<_, i64>(1)? == 1 { Direction::In } else { Direction::Out };
    let sha: Option<Vec<u8>> = row.get(11)?;
    Ok(Transfer {
        no: TransferNo(row.get(0)?),
        identity: Identity {
            direction,
            endpoint: row.get(2)?,
            name: row.get(3)?,
            size: row.get::<_, i64>(4)? as u64,
            modified_at: row.get(5)?,
        },
        format: row.get(6)?,
        state: TransferState::from_code(row.get(7)?)?,
        received_at: row.get(8)?,
        salt: row.get(9)?,
        data_key: row.get(10)?,
        sha256: sha.and_then(|bytes| bytes.try_into().ok()),
        municipality: row.get::<_, Option<u16>>(12)?.map(MunicipalityCode),
        records: row.get(13)?,
        sum: Ore(row.get(14)?),
        checkpoint: row.get(15)?,
        accepted_at: row.get(16)?,
        removed_at: row.get(17)?,
        message_id: row.get(18)?,
        bundle: row.get::<_, Option<i64>>(19)?.map(BundleNo),
        reason: row.get(20)?,
        physical: row.get(21)?,
        decided_at: row.get(22)?,
    })
}

fn first(
    tx: &Tx<'_>,
    sql: &'static str,
    params: impl rusqlite::Params,
) -> Result<Option<Transfer>, StoreError> {
    Ok(many(tx, sql, params)?.into_iter().next())
}

fn many(tx: &Tx<'_>, sql: &'static str, params: impl rusqlite::Params) -> Result<Vec<Transfer>, StoreError> {
    let mut transfers = Vec::new();
    tx.each(sql, params, |row| {
        transfers.push(read(row)?);
        Ok(())
    })?;
    Ok(transfers)
}

/// A transfer by its number.
pub fn get(tx: &Tx<'_>, no: TransferNo) -> Result<Option<Transfer>, StoreError> {
    first(tx, COLUMNS_BY_NO, params![no.0])
}

/// What came with a file, as it came.
pub fn companion(tx: &Tx<'_>, no: TransferNo) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(tx.one(COMPANION_OF, params![no.0], |row| row.get(0))?.flatten())
}

/// The transfers of a name, oldest first.
pub fn named(tx: &Tx<'_>, name: &str) -> Result<Vec<Transfer>, StoreError> {
    many(tx, BY_NAME, params![name])
}

/// The bundle file and the answers that belong to a bundle, oldest first.
pub fn of_bundle(tx: &Tx<'_>, bundle: BundleNo) -> Result<Vec<Transfer>, StoreError> {
    many(tx, BY_BUNDLE, params![bundle.0])
}

/// Other transfers that carry the counterparty's message id.
pub fn with_message(tx: &Tx<'_>, message_id: &str, but: TransferNo) -> Result<Vec<Transfer>, StoreError> {
    many(tx, BY_MESSAGE, params![message_id, but.0])
}

/// Files of a format whose bytes are archived and whose fate is not decided.
pub fn unfinished(tx: &Tx<'_>, format: &str) -> Result<Vec<Transfer>, StoreError> {
    many(tx, UNFINISHED, params![format])
}

/// What was begun at an endpoint and is not wholly read.
pub fn receiving(tx: &Tx<'_>, endpoint: &str) -> Result<Vec<Transfer>, StoreError> {
    many(tx, RECEIVING, params![endpoint])
}

/// The next transfers after number `after`, at most 500.
pub fn after(tx: &Tx<'_>, after: TransferNo) -> Result<Vec<Transfer>, StoreError> {
    many(tx, PAGE, params![after.0])
}

/// A transfer by what the drop tells of it.
pub fn known(tx: &Tx<'_>, identity: &Identity) -> Result<Option<Transfer>, StoreError> {
    let Identity { direction, endpoint, name, size, modified_at } = identity;
    first(tx, BY_IDENTITY, params![*direction as u8, endpoint, name, *size as i64, modified_at])
}

/// An earlier transfer in with the very same bytes.
#[derive(Clone, Debug)]
pub struct SameBytes {
    /// Its number.
    pub no: TransferNo,
    /// Where it came.
    pub endpoint: String,
    /// Under which name.
    pub name: String,
    /// Where it stands.
    pub state: TransferState,
    /// Records in it.
    pub records: u32,
    /// When it was received, microseconds since 1970.
    pub received_at: i64,
}

/// All other transfers in with these bytes, oldest first.
pub fn same_bytes(tx: &Tx<'_>, sha256: &[u8; 32], but: TransferNo) -> Result<Vec<SameBytes>, StoreError> {
    let mut found = Vec::new();
    tx.each(SAME_BYTES, params![sha256.as_slice(), but.0], |row| {
        let state = TransferState::from_code(row.get(3)?)?;
        found.push(SameBytes {
            no: TransferNo(row.get(0)?),
            endpoint: row.get(1)?,
            name: row.get(2)?,
            state,
            records: row.get(4)?,
            received_at: row.get(5)?,
        });
        Ok(())
    })?;
    Ok(found)
}

/// What was found wrong in records `from` to `to` of a transfer; 0 is the file as a whole.
pub fn findings(tx: &Tx<'_>, no: TransferNo, from: u32, to: u32) -> Result<Vec<FindingRow>, StoreError> {
    tx.all(FINDINGS, params![no.0, from, to], |row| {
        Ok(FindingRow {
            record_no: row.get(0)?,
            line_no: row.get(1)?,
            code: row.get(2)?,
            field: row.get(3)?,
            column_from: row.get(4)?,
            column_to: row.get(5)?,
            value: row.get(6)?,
        })
    })
}

pub(super) fn insert_findings(tx: &Tx<'_>, no: TransferNo, rows: &[FindingRow]) -> Result<(), StoreError> {
    let mut statement = tx.prepare(FINDING)?;
    let (mut seq, mut record) = (0, u32::MAX);
    for row in rows {
        seq = if row.record_no == record { seq + 1 } else { 1 };
        record = row.record_no;
        statement.execute(params![
            no.0,
            row.record_no,
            seq,
            row.line_no,
            row.code,
            row.field,
            row.column_from,
            row.column_to,
            row.value
        ])?;
    }
    Ok(())
}

/// Makes a transfer known before its bytes are fetched. The same identity again gives the same transfer.
pub struct Begin {
    /// What it is known by.
    pub identity: Identity,
    /// Its format.
    pub format: String,
    /// Now.
    pub at: i64,
    /// Chance for the journal's hashes.
    pub salt: [u8; 16],
    /// The wrapped data key.
    pub data_key: Vec<u8>,
}

impl Write for Begin {
    const STEP: Step = Step::Known;
    type Out = Transfer;
    fn apply(&self, tx: &Tx<'_>) -> Result<Transfer, StoreError> {
        if let Some(known) = known(tx, &self.identity)? {
            return Ok(known);
        }
        let no = TransferNo(restore::next_outside(tx, "transfer", MAX)?);
        let state = match self.identity.direction {
            Direction::In => TransferState::Receiving,
            Direction::Out => TransferState::Out,
        };
        let Identity { direction, endpoint, name, size, modified_at } = &self.identity;
        tx.run(
            BEGIN,
            params![
                no.0,
                *direction as u8,
                endpoint,
                name,
                *size as i64,
                modified_at,
                self.format,
                state as u8,
                self.at,
                self.salt.as_slice(),
                self.data_key
            ],
        )?;
        get(tx, no)?.ok_or_else(|| StoreError::Conflict(format!("transfer {} vanished", no.0)))
    }
}

/// The bytes of a transfer are in the archive.
pub struct MarkArchived {
    /// Which.
    pub no: TransferNo,
    /// Of its bytes.
    pub sha256: [u8; 32],
    /// The state this leads to: `Archived` for what came in, `Out` for what goes out.
    pub state: TransferState,
    /// Original bytes.
    pub size: u64,
    /// The wrapped key it is sealed under.
    pub data_key: Vec<u8>,
    /// The hash of the layouts it will be read with, where it has any.
    pub layout: Option<[u8; 32]>,
    /// How its bytes are written, as its format codes it.
    pub physical: Option<i64>,
    /// What came with it, as it came.
    pub companion: Option<Vec<u8>>,
}

impl Write for MarkArchived {
    const STEP: Step = Step::Archived;
    type Out = ();
    fn apply(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let layout = self.layout.map(|hash| hash.to_vec());
        let state = self.state as u8;
        tx.run(
            ARCHIVED,
            params![self.no.0, state, self.sha256.as_slice(), layout, self.physical, self.data_key],
        )?;
        if self.companion.is_some() {
            tx.run(COMPANION, params![self.no.0, self.companion])?;
        }
        tx.run(SIZE, params![self.no.0, self.size as i64])?; // of what comes in, the drop told it before
        Ok(())
    }
}

/// Nothing of this transfer counts: quarantine, no match, a repetition, or refused by a person.
pub struct Close {
    /// Which.
    pub no: TransferNo,
    /// To which state.
    pub state: TransferState,
    /// Why, beginning with the rule's code where there is one.
    pub reason: String,
    /// What was found wrong with the file.
    pub findings: Vec<FindingRow>,
    /// Records in it, as far as it could be read.
    pub records: u32,
    /// Now.
    pub at: i64,
}

impl Write for Close {
    const STEP: Step = Step::SetAside;
    type Out = ();
    fn apply(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        let transfer = get(tx, self.no)?;
        let transfer =
            transfer.ok_or_else(|| StoreError::Conflict(format!("there is no transfer {}", self.no.0)))?;
        if transfer.state == TransferState::Accepted {
            return Err(StoreError::Conflict(format!("transfer {} is accepted already", self.no.0)));
        }
        tx.run(CLOSE, params![self.no.0, self.state as u8, self.reason, self.records])?;
        tx.run(CLEAR_FINDINGS, params![self.no.0])?;
        insert_findings(tx, self.no, &self.findings)?;
        let kind = match self.state {
            TransferState::Rejected => EntryKind::TransferClosed,
            _ => EntryKind::Quarantined,
        };
        journal::append(tx, self.at, kind, self.no.0, &transfer.salt, &[])?;
        match self.state {
            TransferState::Quarantined | TransferState::Unmatched => super::task::open(
                tx,
                &super::task::NewTask {
                    kind: self.state.text(),
                    municipality: transfer.municipality,
                    subject: format!("transfer {}", self.no.0),
                    text: format!("{}: {}", transfer.identity.name, self.reason),
                },
                self.at,
            ),
            TransferState::Rejected => super::task::close(tx, &format!("transfer {}", self.no.0), self.at),
            _ => Ok(()),
        }
    }
}

/// Lets a quarantined or unmatched transfer be looked at again by its pipeline.
pub struct Reopen {
    /// Which.
    pub no: TransferNo,
    /// Now.
    pub at: i64,
}

impl Write for Reopen {
    const STEP: Step = Step::Reopened;
    type Out = bool;
    fn apply(&self, tx: &Tx<'_>) -> Result<bool, StoreError> {
        let mut reopened = 0;
        for from in [TransferState::Quarantined, TransferState::Unmatched] {
            reopened += tx.run(SET_STATE, params![self.no.0, TransferState::Archived as u8, from as u8])?;
        }
        if reopened > 0 {
            tx.run(UNDECIDE, params![self.no.0])?;
            super::task::close(tx, &format!("transfer {}", self.no.0), self.at)?;
        }
        Ok(reopened > 0)
    }
}

/// What a file asks for is decided on now, unless that was begun before a crash.
pub struct Decide {
    /// Which.
    pub no: TransferNo,
    /// Now.
    pub at: i64,
}

impl Write for Decide {
    const STEP: Step = Step::Judged;
    /// When it was first begun.
    type Out = i64;
    fn apply(&self, tx: &Tx<'_>) -> Result<i64, StoreError> {
        tx.run(DECIDE, params![self.no.0, self.at])?;
        Ok(get(tx, self.no)?.and_then(|transfer| transfer.decided_at).unwrap_or(self.at))
    }
}

/// The file is gone from the drop.
pub struct MarkRemoved {
    /// Which.
    pub no: TransferNo,
    /// Now.
    pub at: i64,
}

impl Write for MarkRemoved {
    const STEP: Step = Step::Removal;
    type Out = ();
    fn apply(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        tx.run(REMOVED, params![self.no.0, self.at])?;
        Ok(())
    }
}

/// An answer was read to its end and belongs to a bundle (or to none, for a receipt 0).
pub struct MarkMatched {
    /// Which.
    pub no: TransferNo,
    /// The counterparty's id of the message, with its kind before it.
    pub message_id: String,
    /// The bundle answered.
    pub bundle: Option<BundleNo>,
    /// How many payments it names.
    pub payments: u32,
}

impl Write for MarkMatched {
    const STEP: Step = Step::Matched;
    type Out = ();
    fn apply(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        tx.run(MATCHED, params![self.no.0, self.message_id, self.bundle.map(|b| b.0), self.payments])?;
        Ok(())
    }
}

pub(super) fn set_checkpoint(tx: &Tx<'_>, no: TransferNo, checkpoint: u32) -> Result<(), StoreError> {
    tx.run(ANSWERED, params![no.0, checkpoint])?;
    Ok(())
}
