//! Seals: that no row is changed, added or taken away by anything but a write of the hub.
//!
//! A table's seal is the sum, lane by lane, of the SHA-256 of each of its rows. It does not depend on their order, so a
//! row that comes is added, one that goes is taken off, and it costs no byte per row. It moves in the transaction of the
//! rows themselves. Where rows come by the thousand the write that makes them adds up their hashes itself; elsewhere
//! triggers of the writer's own connection do, which nobody else has: a change by another hand leaves the seal as it was.
//!
//! Notices bytes that rot and rows that are mended by hand. Not made against somebody who works out the seals anew: for
//! that the journal's leaves must be kept in another place. Never mends anything.

use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};

use super::sql::statements;
use super::{StoreError, Tx};
use crate::domain::outcome::put_varint;

statements! {
    ADD = "select sum from seal where name = $1";
    PUT = "update seal set sum = $2 where name = $1";
    ALL_SEALS = "select name, columns, sum from seal order by name";
}

/// How a table's seal moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moves {
    /// By triggers.
    Triggers,
    /// By the writes that change its rows.
    Writes,
    /// Not at all but with the schema.
    Schema,
}

/// A table whose rows are sealed, and the columns that are.
#[derive(Debug)]
struct Table {
    name: &'static str,
    columns: &'static str,
    select: &'static str,
    moves: Moves,
}

macro_rules! sealed {
    ($($moves:ident $name:literal ($columns:literal))*) => {
        const TABLES: &[Table] = &[$(Table {
            name: $name,
            columns: $columns,
            select: concat!("select ", $columns, " from ", $name),
            moves: Moves::$moves,
        }),*];
    };
}

sealed! {
    Writes "payment" ("payment_id, municipality, supplier, benefit, method, amount_ore, payee_code, payee_no, recipient_code, recipient_no, disposition_day, effective_day, period_from, period_to, warnings, line_no, byte_offset, byte_length, posting_ref, advice")
    Writes "attempt" ("payment_id, attempt, bundle_no, bundle_line, state, stop_requested, answered_by")
    Writes "posting" ("voucher_no, line_no, account, benefit, payment_id, amount_ore")
    Writes "seen" ("period, fingerprint, payment_id")
    Triggers "transfer" ("transfer_no, direction, endpoint, name, size, modified_at, format, state, received_at, decided_at, salt, data_key, sha256, layout, physical, municipality, records, sum_ore, checkpoint, accepted_at, removed_at, message_id, bundle_no, reason, companion")
    Triggers "due" ("transfer_no, municipality, day, immediate, part, payments, sum_ore, taken, records")
    Triggers "run" ("run_no, pipeline, municipality, bank_day, run_window, begun_at, finished_at")
    Triggers "bundle" ("bundle_no, run_no, transfer_no, municipality, run_day, part, group_id, created_at, execution_day, immediate, authority, agreement, debit_account, bank, supplier_id, supplier_gln, nks_id, nks_gln, implied_decimals, benefits, payments, sum_ore, undecided, overdue, state, sent_at, landed_at, members")
    Triggers "group_sequence" ("municipality, run_day, last")
    Triggers "voucher" ("voucher_no, municipality, rule, source_kind, source_no, part, booking_day, posted_at")
    Triggers "voucher_open" ("voucher_no, attempt, municipality, booking_day, held")
    Triggers "voucher_file" ("file_no, transfer_no, municipality, created_at, vouchers, postings, sum_ore, undecided, state, sent_at, landed_at, overdue")
    Triggers "voucher_sent" ("voucher_no, attempt, file_no, file_line, booking_day, state, answered_by, erp_number, cause, contradicted")
    Triggers "rejected" ("transfer_no, record_no, line_no, byte_offset, byte_length, earlier_payment")
    Triggers "finding" ("transfer_no, record_no, seq, line_no, code, field, column_from, column_to, value")
    Triggers "supplier" ("supplier, short_id")
    Triggers "task" ("task_no, kind, municipality, subject, text, opened_at, closed_at")
    Triggers "journal" ("entry_no, at, kind, subject_no, salt, body, root, leaf")
    Triggers "installation" ("key, value")
    Triggers "schedule_origin" ("pipeline, since")
    Triggers "schedule_window" ("pipeline, due_at, begun_at, finished_at, missed, first_missed")
    Triggers "deadline_told" ("pipeline, place, day, word, told_at")
    Schema "refinery_schema_history" ("version, name, applied_on, checksum")
    Schema "sqlite_schema" ("type, name, tbl_name, sql")
}

/// What is not sealed, and why: tables, and columns of sealed tables.
pub const UNSEALED: &[(&str, &str)] = &[
    ("payment.state", "replaying the journal must give it"),
    ("payment.attempt", "replaying the journal must give it"),
    ("payment.bundle_no", "it must be that of the newest attempt, which is sealed"),
    ("balance", "the postings and the journal must both give it"),
    ("seen_filter", "it has a hash of its own and must know every fingerprint; what is missing is made anew"),
    ("read_log", "written beside the owner by whoever reads; says nothing of money"),
    ("command_log", "written beside the owner by whoever commands; says nothing of money"),
    ("seal", "it is what the rows are held against"),
];

/// The row that says with which schema the seals were made.
const VERSION: &str = "version";

/// What rows add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    lanes: [u64; 4],
    bytes: Vec<u8>,
}

impl Sum {
    fn read(bytes: &[u8]) -> Option<Sum> {
        let (lanes, rest) = bytes.as_chunks::<8>();
        let lanes: [[u8; 8]; 4] = lanes.try_into().ok().filter(|_| rest.is_empty())?;
        Some(Sum { lanes: lanes.map(u64::from_le_bytes), bytes: Vec::new() })
    }

    fn to_bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (place, lane) in bytes.chunks_exact_mut(8).zip(self.lanes) {
            place.copy_from_slice(&lane.to_le_bytes());
        }
        bytes
    }

    /// A row that comes: its values, in the order of the table's sealed columns.
    pub(super) fn add<'v>(&mut self, table: &str, values: impl IntoIterator<Item = ValueRef<'v>>) {
        let hash = self.hash(table, values);
        for (lane, more) in self.lanes.iter_mut().zip(hash) {
            *lane = lane.wrapping_add(more);
        }
    }

    /// A row that goes.
    pub(super) fn take<'v>(&mut self, table: &str, values: impl IntoIterator<Item = ValueRef<'v>>) {
        let hash = self.hash(table, values);
        for (lane, less) in self.lanes.iter_mut().zip(hash) {
            *lane = lane.wrapping_sub(less);
        }
    }

    /// Of the table's name and each value: what kind it is, its length where that may vary, its bytes.
    fn hash<'v>(&mut self, table: &str, values: impl IntoIterator<Item = ValueRef<'v>>) -> [u64; 4] {
        self.bytes.clear();
        put(&mut self.bytes, ValueRef::Text(table.as_bytes()));
        values.into_iter().for_each(|value| put(&mut self.bytes, value));
        let hash: [u8; 32] = Sha256::digest(&self.bytes).into();
        let mut lanes = [0; 4];
        for (lane, bytes) in lanes.iter_mut().zip(hash.as_chunks::<8>().0) {
            *lane = u64::from_le_bytes(*bytes);
        }
        lanes
    }
}

fn put(bytes: &mut Vec<u8>, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => bytes.push(0),
        ValueRef::Integer(number) => {
            bytes.push(1);
            put_varint(bytes, ((number << 1) ^ (number >> 63)) as u64);
        }
        ValueRef::Real(number) => {
            bytes.push(2);
            bytes.extend(number.to_bits().to_le_bytes());
        }
        ValueRef::Text(text) => put_long(bytes, 3, text),
        ValueRef::Blob(blob) => put_long(bytes, 4, blob),
    }
}

fn put_long(bytes: &mut Vec<u8>, kind: u8, value: &[u8]) {
    bytes.push(kind);
    put_varint(bytes, value.len() as u64);
    bytes.extend_from_slice(value);
}

/// A number as a sealed value.
pub(super) fn number(value: impl Into<i64>) -> ValueRef<'static> {
    ValueRef::Integer(value.into())
}

/// A number that may be missing, as a sealed value.
pub(super) fn maybe(value: Option<impl Into<i64>>) -> ValueRef<'static> {
    value.map_or(ValueRef::Null, number)
}

/// Moves a table's seal by what a write added up.
pub(super) fn moved(tx: &Tx<'_>, table: &str, by: &Sum) -> Result<(), StoreError> {
    let stored: Option<Vec<u8>> = tx.one(ADD, params![table], |row| row.get(0))?;
    let Some(mut sum) = stored.and_then(|bytes| Sum::read(&bytes)) else { return Ok(()) }; // `verify` tells of it
    for (lane, more) in sum.lanes.iter_mut().zip(by.lanes) {
        *lane = lane.wrapping_add(more);
    }
    tx.run(PUT, params![table, sum.to_bytes().as_slice()])?;
    Ok(())
}

/// Makes a writer's connection keep the seals, and makes them where a new schema asks for it.
pub(super) fn keep(connection: &Connection, schema: i64) -> Result<(), StoreError> {
    if version(connection)?.is_some_and(|made_with| made_with < schema) {
        make_all(connection, schema)?;
    }
    connection.pragma_update(None, "recursive_triggers", true)?; // a row that is replaced goes, too
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("toek_seal", -1, flags, |context| {
        let mut sum = Sum::read(context.get_raw(0).as_blob()?).unwrap_or_default();
        let table = context.get_raw(1);
        let values = (3..context.len()).map(|place| context.get_raw(place));
        match context.get::<i64>(2)? {
            0.. => sum.add(table.as_str()?, values),
            _ => sum.take(table.as_str()?, values),
        }
        Ok(sum.to_bytes().to_vec())
    })?;
    for table in TABLES.iter().filter(|table| table.moves == Moves::Triggers) {
        connection.execute_batch(&triggers(table))?;
    }
    Ok(())
}

fn triggers(table: &Table) -> String {
    let Table { name, columns, .. } = table;
    let of = |row: &str| columns.split(", ").map(|c| format!(", {row}.\"{c}\"")).collect::<String>();
    let (old, new) = (of("old"), of("new"));
    let added = |sum: &str| format!("toek_seal({sum}, '{name}', 1{new})");
    let taken = format!("toek_seal(sum, '{name}', -1{old})");
    [("insert", added("sum")), ("delete", taken.clone()), ("update", added(&taken))]
        .map(|(event, sum)| {
            format!(
                "create temp trigger seal_{name}_{event} after {event} on main.{name}
                begin update seal set sum = {sum} where name = '{name}'; end;"
            )
        })
        .concat()
}

fn version(connection: &Connection) -> Result<Option<i64>, StoreError> {
    let mut statement = connection.prepare("select sum from seal where name = ?1")?;
    let mut rows = statement.query(params![VERSION])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(row.get_ref(0)?.as_blob().ok().and_then(|bytes| bytes.try_into().ok()).map(i64::from_le_bytes))
}

fn make_all(connection: &Connection, schema: i64) -> Result<(), StoreError> {
    connection.execute_batch("begin immediate")?;
    let made = make_each(connection, schema);
    connection.execute_batch(if made.is_ok() { "commit" } else { "rollback" })?;
    made
}

fn make_each(connection: &Connection, schema: i64) -> Result<(), StoreError> {
    connection.execute("delete from seal", [])?;
    let mut put = connection.prepare("insert into seal (name, columns, sum) values (?1, ?2, ?3)")?;
    put.execute(params![VERSION, "", schema.to_le_bytes().as_slice()])?;
    for table in TABLES {
        let sum = add_up(&Tx::new(connection), table)?;
        put.execute(params![table.name, table.columns, sum.to_bytes().as_slice()])?;
    }
    Ok(())
}

fn add_up(tx: &Tx<'_>, table: &Table) -> Result<Sum, StoreError> {
    let columns = table.columns.split(", ").count();
    let mut sum = Sum::default();
    let mut failed = None;
    tx.each(table.select, [], |row| {
        let values = (0..columns).map_while(|place| match row.get_ref(place) {
            Ok(value) => Some(value),
            Err(error) => {
                failed = Some(error);
                None
            }
        });
        sum.add(table.name, values);
        Ok(())
    })?;
    failed.map_or(Ok(sum), |error| Err(error.into()))
}

/// Tables whose rows do not add up to their seal.
pub(super) fn broken(tx: &Tx<'_>) -> Result<Vec<String>, StoreError> {
    let mut seals: std::collections::BTreeMap<String, (String, Vec<u8>)> =
        tx.all(ALL_SEALS, [], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?.into_iter().collect();
    let mut broken = Vec::new();
    if seals.remove(VERSION).is_none() {
        broken.push("it is not told with which schema the seals were made".to_owned());
    }
    for table in TABLES {
        let sum = add_up(tx, table)?.to_bytes();
        match seals.remove(table.name) {
            Some((columns, sealed)) if columns == table.columns && sealed == sum => {}
            Some(_) => broken.push(format!(
                "a row of `{}` was changed, added or taken away by something else than toek",
                table.name
            )),
            None => broken.push(format!("`{}` has no seal", table.name)),
        }
    }
    broken.extend(seals.into_keys().map(|name| format!("there is a seal for `{name}`, which is no table")));
    Ok(broken)
}
