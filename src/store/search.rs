//! Payments by what a clerk knows of them (feature 1.2.1). Goes through one file at a time, newest first: the rows have
//! no index but their key, since intake pays for every one.

use jiff::civil::Date;
use rusqlite::params;
use toek_formats::vocabulary::{BenefitCode, Cpr, IdentCode, MunicipalityCode, Ore, Party};

use super::intake::{self, Stored};
use super::sql::statements;
use super::{StoreError, Tx, bundle, day_number};
use crate::domain::identity::{PaymentId, TransferNo};
use crate::domain::intake::pack_digits;
use crate::domain::payment::{HoldReason, PaymentState};

statements! {
    FILES = "select transfer_no, name, received_at from transfer
        where direction = 1 and format = 'g68' and accepted_at is not null and transfer_no < $1
        order by transfer_no desc limit 200";
    FOUND = "select payment_id, state from payment where payment_id > $1 and payment_id <= $2
            and ($3 is null or municipality = $3) and ($4 is null or (payee_code = $4 and payee_no = $5))
            and ($6 is null or amount_ore = $6) and ($7 is null or disposition_day = $7 or effective_day = $7)
            and ($8 is null or benefit = $8) and ($9 is null or bundle_no = $9)
            and ($10 is null or posting_ref = $10)
        order by payment_id";
}

/// The party that ten digits (CPR) or eight (CVR) name; a dash may stand in a CPR number.
pub fn payee(text: &str) -> Option<Party> {
    let digits: String = text.trim().chars().filter(|c| *c != '-').collect();
    let number = digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    match digits.len() {
        10 => Cpr::parse(&digits).ok().map(|_| Party { code: IdentCode::Cpr, number }),
        8 => Some(Party { code: IdentCode::Cvr, number }),
        _ => None,
    }
}

/// What is looked for: all that is given must fit.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Whose.
    pub municipality: Option<MunicipalityCode>,
    /// To whom.
    pub payee: Option<Party>,
    /// How much.
    pub amount: Option<Ore>,
    /// The day the sender named, or the bank day it became.
    pub day: Option<Date>,
    /// What was granted.
    pub benefit: Option<BenefitCode>,
    /// Part of the file's name.
    pub file: Option<String>,
    /// A bundle's reference.
    pub bundle: Option<String>,
    /// The sender's posting reference (POSTHENV).
    pub posting_ref: Option<String>,
    /// In one of these states; empty: in any.
    pub states: Vec<PaymentState>,
}

/// Every state in which a payment waits for a person.
pub fn waiting_for_a_person() -> Vec<PaymentState> {
    let all = (0..=u8::MAX).filter_map(|code| PaymentState::from_code(code).ok());
    all.filter(|state| match state {
        PaymentState::Open | PaymentState::Unconfirmed => true,
        PaymentState::Held(reason) => *reason != HoldReason::Registration,
        _ => false,
    })
    .collect()
}

/// A payment that was found.
#[derive(Clone, Debug)]
pub struct Hit {
    /// It.
    pub payment: Stored,
    /// The file it came in.
    pub file: String,
    /// When that was received, microseconds since 1970.
    pub received_at: i64,
}

/// One file that payments come in.
#[derive(Clone, Debug)]
pub struct File {
    /// Its number.
    pub no: TransferNo,
    name: String,
    received_at: i64,
}

/// The next accepted files before number `before`, newest first, at most 200.
pub fn files_before(tx: &Tx<'_>, before: TransferNo) -> Result<Vec<File>, StoreError> {
    tx.all(FILES, params![before.0], |row| {
        Ok(File { no: TransferNo(row.get(0)?), name: row.get(1)?, received_at: row.get(2)? })
    })
}

/// What a file has of it, at most `limit`.
pub fn in_file(tx: &Tx<'_>, wanted: &Wanted, file: &File, limit: usize) -> Result<Vec<Hit>, StoreError> {
    if wanted.file.as_ref().is_some_and(|part| !file.name.contains(part)) {
        return Ok(Vec::new());
    }
    let bundle_no = match &wanted.bundle {
        Some(group) => match bundle::by_group(tx, group)? {
            Some(no) => Some(no.0),
            None => return Ok(Vec::new()),
        },
        None => None,
    };
    let posting_ref = wanted.posting_ref.as_ref().map(|digits| pack_digits(digits.as_bytes()));
    let (after, up_to) = PaymentId::range_of(file.no);
    let rows: Vec<(i64, u8)> = tx.all(
        FOUND,
        params![
            after,
            up_to,
            wanted.municipality.map(|code| code.0),
            wanted.payee.map(|payee| payee.code as u8),
            wanted.payee.map(|payee| payee.number as i64),
            wanted.amount.map(|amount| amount.0),
            wanted.day.map(day_number),
            wanted.benefit.map(|benefit| benefit.0),
            bundle_no,
            posting_ref.as_ref().map(|packed| packed.as_slice()),
        ],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let mut hits = Vec::new();
    for (id, code) in rows {
        let state = PaymentState::from_code(code)?;
        if hits.len() == limit {
            break;
        }
        if !wanted.states.is_empty() && !wanted.states.contains(&state) {
            continue;
        }
        let Some(payment) = intake::payment(tx, PaymentId::from_i64(id))? else { continue };
        hits.push(Hit { payment, file: file.name.clone(), received_at: file.received_at });
    }
    Ok(hits)
}
