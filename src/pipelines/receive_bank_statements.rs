//! Statements of the municipalities' bank accounts in (feature 3.1.11): each line is matched with the bundle or the payment
//! that its references name, and what nothing explains is on the worklist.
//!
//! A file is read to its end before anything of it counts. Posts nothing: the books are held against the bank, never
//! changed by it.

use std::io::BufReader;

use toek_formats::bank_statement::{Entry, Error, Item, Kind, LIMITS, Statement, StatementReader};
use toek_formats::vocabulary::{BankAccount, MunicipalityCode};

use super::fetch::{self, Unsettled, close};
use super::{Activity, Hub, PipelineError, masked};
use crate::config::Pipeline;
use crate::domain::bank::{Part, claims};
use crate::store::controls::{self, BookStatements, NewLine, NewStatement};
use crate::store::transfer::{Transfer, TransferState};

/// The only currency of the hub's accounts.
const CURRENCY: &str = "DKK";

/// Takes in every statement that the drops hold, and finishes what was begun.
pub async fn activate(hub: &Hub, pipeline: &Pipeline) -> Result<Activity, PipelineError> {
    fetch::each_new(hub, pipeline, &mut async |fetching, transfer| {
        process(hub, transfer, &mut fetching.activity).await?;
        Ok(Unsettled::default())
    })
    .await
}

async fn process(hub: &Hub, transfer: &Transfer, activity: &mut Activity) -> Result<(), PipelineError> {
    let refused = match read(hub, transfer)? {
        Ok(statements) => match repeated(hub, &statements)? {
            None => return book(hub, transfer, statements, activity).await,
            Some(reason) => format!("BANK-REPEATED: {reason}"),
        },
        Err(reason) => reason,
    };
    close(hub, transfer, TransferState::Quarantined, refused, activity).await
}

async fn book(
    hub: &Hub,
    transfer: &Transfer,
    statements: Vec<NewStatement>,
    activity: &mut Activity,
) -> Result<(), PipelineError> {
    activity.accepted += 1;
    activity.records += statements.iter().map(|statement| statement.lines.len() as u64).sum::<u64>();
    let booking = BookStatements { transfer: transfer.no, statements, at: hub.clock.micros() };
    activity.tasks += hub.store.write(booking).await?;
    Ok(())
}

/// Why a file's statements came before, or twice in it.
fn repeated(hub: &Hub, statements: &[NewStatement]) -> Result<Option<String>, PipelineError> {
    for (place, statement) in statements.iter().enumerate() {
        let is_same = |other: &NewStatement| other.account == statement.account && other.id == statement.id;
        let id = masked(&statement.id);
        if statements[..place].iter().any(is_same) {
            return Ok(Some(format!("statement {id} stands in the file twice")));
        }
        let known = hub.store.read(|tx| controls::known_statement(tx, &statement.account, &statement.id))?;
        if let Some(no) = known {
            return Ok(Some(format!("statement {id} of that account came before, as transfer {}", no.0)));
        }
    }
    Ok(None)
}

fn read(hub: &Hub, transfer: &Transfer) -> Result<Result<Vec<NewStatement>, String>, PipelineError> {
    let archived = hub.archived(transfer)?;
    let mut reader = StatementReader::new(BufReader::with_capacity(1 << 16, archived), LIMITS);
    let mut statements: Vec<NewStatement> = Vec::new();
    loop {
        match reader.next() {
            Ok(None) => return Ok(Ok(statements)),
            Ok(Some(Item::Statement(statement))) => match begin(hub, statement) {
                Ok(begun) => statements.push(begun),
                Err(reason) => return Ok(Err(reason)),
            },
            Ok(Some(Item::Entry(entry))) => {
                if let Some(statement) = statements.last_mut().filter(|_| entry.is_booked) {
                    statement.lines.push(line(entry));
                }
            }
            Err(error) => return refused(error),
        }
    }
}

fn refused<T>(error: Error) -> Result<Result<T, String>, PipelineError> {
    match error.kind() {
        Kind::Io => Err(PipelineError::Unread(Box::new(error))),
        _ => Ok(Err(format!("BANK-XML: {error}"))),
    }
}

fn begin(hub: &Hub, statement: &Statement) -> Result<NewStatement, String> {
    if statement.currency != CURRENCY {
        return Err(format!("BANK-CURRENCY: its amounts are not in {CURRENCY}"));
    }
    let account = statement.account.danish().and_then(|account| BankAccount::parse(account).ok());
    let owner = account.and_then(|account| owner(hub, account));
    let Some((account, (municipality, bank))) = account.zip(owner) else {
        let shown = statement.account.masked();
        return Err(format!("BANK-ACCOUNT: account {shown} is no municipality's here"));
    };
    Ok(NewStatement {
        municipality,
        bank,
        account: account.bban(),
        id: statement.id.clone(),
        sequence: statement.sequence,
        opening: statement.opening,
        closing: statement.closing,
        lines: Vec::new(),
    })
}

/// Whose account it is, and which of theirs, from 1.
fn owner(hub: &Hub, account: BankAccount) -> Option<(MunicipalityCode, u8)> {
    hub.installation.municipalities.iter().find_map(|row| {
        let place = row.accounts.iter().position(|own| own.account == account)?;
        Some((row.code, u8::try_from(place + 1).ok()?))
    })
}

fn line(entry: &Entry) -> NewLine {
    let part = |detail: &toek_formats::bank_statement::Detail| Part {
        reference: detail.end_to_end_id.clone(),
        amount: detail.amount,
    };
    let parts: Vec<Part> = entry.details.iter().map(part).collect();
    NewLine {
        booking_day: entry.booking_day,
        amount: entry.amount,
        reference: masked(entry.references.first().map_or("", String::as_str)),
        claims: claims(entry.amount, &entry.batch, &parts),
    }
}
