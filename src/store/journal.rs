//! The journal: one entry per transaction that changed what is owed, paid or known, with its cause and outcomes.
//!
//! Append-only. An entry's leaf is the hash of its head, which holds the root over its records' hashes: what a later
//! log of all leaves will need to prove that nothing was changed afterwards.

use rusqlite::params;
use sha2::{Digest, Sha256};

use super::sql::statements;
use super::{StoreError, Tx};
use crate::domain::outcome::{self, Outcome};

statements! {
    MAX = "select max(entry_no) from journal";
    INSERT = "insert into journal (entry_no, at, kind, subject_no, salt, body, root, leaf)
        values ($1, $2, $3, $4, $5, $6, $7, $8)";
    EACH = "select entry_no, at, kind, subject_no, salt, body, root, leaf from journal order by entry_no";
}

/// What an entry tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum EntryKind {
    /// A chunk of a file's records was taken in; it counts once its transfer is accepted.
    Intake = 1,
    /// A transfer was accepted: its intake entries count from here.
    Accepted = 2,
    /// A transfer was quarantined.
    Quarantined = 3,
    /// A bundle was chosen and numbered.
    Bundled = 4,
    /// A bundle took a step on its way out.
    BundleMoved = 5,
    /// Answers were booked.
    Answered = 6,
    /// The time for an answer ran out.
    TimedOut = 7,
    /// A person closed a quarantined transfer.
    TransferClosed = 8,
    /// Payments were held because their time had passed.
    HeldLate = 9,
    /// A file of vouchers was made, or took a step on its way out.
    VoucherFile = 10,
    /// The ERP answered a file of vouchers.
    VouchersAnswered = 11,
    /// A refused voucher is to be built anew.
    VoucherRebuilt = 12,
    /// Payments were found to be sent in the time that a restore lost.
    Adopted = 21,
    /// An older state was brought back: an epoch began.
    Restored = 22,
    /// A place that a restore held is sent to again.
    Released = 23,
    /// Persons let a possible duplicate go, or sent it back.
    DuplicateSettled = 30,
    /// A person said what became of a bundle or a payment.
    SettledByHand = 31,
    /// A person said what became of a voucher.
    VoucherSettled = 32,
    /// A person had something done with a payment.
    HandledByHand = 33,
    /// A block was made.
    Blocked = 34,
    /// A block was lifted.
    BlockLifted = 35,
    /// Payments were held on their day by a block.
    HeldByBlock = 36,
    /// A payment goes on that no block holds any more.
    Unblocked = 37,
    /// A bank's statements were taken in, and matched by their references.
    BankStatements = 40,
    /// A person said what a line of a statement is for.
    BankMatched = 41,
    /// A person took a match back.
    BankUnmatched = 42,
    /// A case system said what it sent.
    OrderControls = 43,
    /// A version of an assortment was taken in.
    AssortmentLoaded = 46,
}

impl EntryKind {
    const ALL: [EntryKind; 28] = [
        EntryKind::Intake,
        EntryKind::Accepted,
        EntryKind::Quarantined,
        EntryKind::Bundled,
        EntryKind::BundleMoved,
        EntryKind::Answered,
        EntryKind::TimedOut,
        EntryKind::TransferClosed,
        EntryKind::HeldLate,
        EntryKind::VoucherFile,
        EntryKind::VouchersAnswered,
        EntryKind::VoucherRebuilt,
        EntryKind::Adopted,
        EntryKind::Restored,
        EntryKind::Released,
        EntryKind::DuplicateSettled,
        EntryKind::SettledByHand,
        EntryKind::VoucherSettled,
        EntryKind::HandledByHand,
        EntryKind::Blocked,
        EntryKind::BlockLifted,
        EntryKind::HeldByBlock,
        EntryKind::Unblocked,
        EntryKind::BankStatements,
        EntryKind::BankMatched,
        EntryKind::BankUnmatched,
        EntryKind::OrderControls,
        EntryKind::AssortmentLoaded,
    ];

    fn from_code(code: u8) -> Result<EntryKind, StoreError> {
        let known = EntryKind::ALL.into_iter().find(|kind| *kind as u8 == code);
        known.ok_or_else(|| StoreError::Unreadable { what: format!("a journal entry of kind {code}") })
    }
}

/// An entry as it was written.
pub struct Entry {
    /// From 1.
    pub entry_no: i64,
    /// Microseconds since 1970.
    pub at: i64,
    /// What it tells of.
    pub kind: EntryKind,
    /// The transfer or bundle concerned.
    pub subject_no: i64,
    /// What became of each record.
    pub outcomes: Vec<Outcome>,
    /// Whether its hashes fit its bytes.
    pub intact: bool,
}

/// Appends an entry. `salt` keeps the record hashes from being guessed; it goes with the transfer.
pub(super) fn append(
    tx: &Tx<'_>,
    at: i64,
    kind: EntryKind,
    subject_no: i64,
    salt: &[u8],
    outcomes: &[Outcome],
) -> Result<i64, StoreError> {
    let entry_no = tx.next_number(MAX)?;
    let body = outcome::encode(outcomes);
    let root = root_of(salt, outcomes);
    let leaf = leaf_of(entry_no, at, kind, subject_no, &root);
    tx.run(
        INSERT,
        params![entry_no, at, kind as u8, subject_no, salt, body, root.as_slice(), leaf.as_slice()],
    )?;
    Ok(entry_no)
}

/// Hands every entry, oldest first, to `take`.
pub fn each(tx: &Tx<'_>, mut take: impl FnMut(Entry) -> Result<(), StoreError>) -> Result<(), StoreError> {
    tx.each(EACH, [], |row| {
        let (entry_no, at, subject_no): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(3)?);
        let kind = EntryKind::from_code(row.get(2)?)?;
        let salt: Vec<u8> = row.get(4)?;
        let body: Vec<u8> = row.get(5)?;
        let (root, leaf): (Vec<u8>, Vec<u8>) = (row.get(6)?, row.get(7)?);
        let outcomes = outcome::decode(&body)?;
        let expected_root = root_of(&salt, &outcomes);
        let intact = root == expected_root && leaf == leaf_of(entry_no, at, kind, subject_no, &expected_root);
        take(Entry { entry_no, at, kind, subject_no, outcomes, intact })
    })
}

/// The root of a binary hash tree over the salted records (an odd one at the end of a level moves up as it is).
fn root_of(salt: &[u8], outcomes: &[Outcome]) -> [u8; 32] {
    let mut level: Vec<[u8; 32]> = Vec::with_capacity(outcomes.len());
    outcome::each_encoded(outcomes, |bytes| {
        level.push(Sha256::new().chain_update([0]).chain_update(salt).chain_update(bytes).finalize().into());
    });
    if level.is_empty() {
        return Sha256::digest([]).into();
    }
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => {
                    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
                }
                [single] => *single,
                _ => [0; 32], // chunks(2) gives one or two
            })
            .collect();
    }
    level[0]
}

fn leaf_of(entry_no: i64, at: i64, kind: EntryKind, subject_no: i64, root: &[u8; 32]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update([2, outcome::OUTCOME_VERSION, kind as u8]);
    for number in [entry_no, at, subject_no] {
        hash.update(number.to_be_bytes());
    }
    hash.update(root);
    hash.finalize().into()
}
