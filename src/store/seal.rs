//! Seals: that no row is changed, added or taken away by anything but a write of the hub.
//!
//! A table's seal is the sum of the hashes of its rows. It does not depend on their order, so a row that comes is added,
//! one that goes is taken off, and it costs no byte per row. It moves in the transaction of the
//! rows themselves. Where rows come by the thousand the write that makes them adds up their hashes itself; elsewhere
//! triggers of the writer's own connection do, which nobody else has: a change by another hand leaves the seal as it was.
//!
//! Notices bytes that rot and rows that are mended by hand. Not made against somebody who works out the seals anew: for
//! that the journal's leaves must be kept in another place. Never mends anything.

use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};

use super::sql::statements;
use super::{StoreError, Tx};

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
    Triggers "bundle" ("bundle_no, run_no, transfer_no, municipality, run_day, part, group_id, created_at, execution_day, immediate, authority, agreement, debit_account, bank, supplier_id, supplier_gln, nks_id, nks_gln, implied_decimals, benefits, payments, sum_ore, undecided, overdue, state, sent_at, landed_at, members, settled_at, resent")
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
    Triggers "number_floor" ("what, last")
    Triggers "endpoint_hold" ("endpoint, epoch, pictured_at, held_at, released_at, released_by, reason")
    Triggers "endpoint_look" ("endpoint, pipeline, looked_at")
    Triggers "found" ("endpoint, reference, text, evidence, found_at, open")
    Triggers "sent_before" ("payment_id, attempt, bundle_no, municipality, reference, amount_ore, payee_code, payee_no, benefit, execution_day, evidence, word, same_as")
    Triggers "voucher_before" ("id, file_no, evidence, word")
    Triggers "person_act" ("act_no, act, subject, municipality, state, by_whom, reason, at, settled_by, settled_reason, settled_at")
    Triggers "duplicate" ("payment_id, earlier_payment")
    Triggers "assortment" ("version_no, assortment_id, transfer_no, municipality, name, title, owner, valid_from, valid_until, since, changed_at, loaded_at, before_no, is_current")
    Triggers "assortment_value" ("version_no, seq, part, class, name, title, valid_from, valid_until, is_carried")
    Triggers "block" ("block_no, municipality, payee_code, payee_no, payment_id, from_day, until_day, reason, by_whom, at, lifted_by, lifted_reason, lifted_at")
    Triggers "blocked" ("payment_id, block_no")
    Triggers "evidence" ("subject, seq, what, first_at, last_at, looks")
    Triggers "bank_statement" ("statement_no, transfer_no, municipality, bank, account, statement_id, sequence, opening_ore, opening_day, closing_ore, closing_day")
    Triggers "bank_line" ("line_no, statement_no, municipality, booking_day, amount_ore, reference")
    Triggers "bank_match" ("match_no, line_no, bundle_no, payment_id, attempt, amount_ore, how, matched_at, matched_by, reason, undone_at, undone_by, undone_reason")
    Triggers "order_control" ("endpoint, file, transfer_no, sender, records, sum_ore, day")
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

/// What rows add up to: two sums of 64 bits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum([u64; 2]);

impl Sum {
    fn read(bytes: &[u8]) -> Option<Sum> {
        let (lanes, rest) = bytes.as_chunks::<8>();
        let lanes: [[u8; 8]; 2] = lanes.try_into().ok().filter(|_| rest.is_empty())?;
        Some(Sum(lanes.map(u64::from_le_bytes)))
    }

    fn to_bytes(&self) -> [u8; 16] {
        (u128::from(self.0[1]) << 64 | u128::from(self.0[0])).to_le_bytes()
    }

    /// A row that comes: its values, in the order of the table's sealed columns.
    pub(super) fn add<'v>(&mut self, table: &str, values: impl IntoIterator<Item = ValueRef<'v>>) {
        let hash = hash(table, values);
        for (lane, more) in self.0.iter_mut().zip(hash) {
            *lane = lane.wrapping_add(more);
        }
    }

    /// A row that goes.
    pub(super) fn take<'v>(&mut self, table: &str, values: impl IntoIterator<Item = ValueRef<'v>>) {
        let hash = hash(table, values);
        for (lane, less) in self.0.iter_mut().zip(hash) {
            *lane = lane.wrapping_sub(less);
        }
    }
}

/// A row's hash. Each step is one to one in what it takes in, so a row that differs in one number never has the same.
/// SHA-256 in its place would cost a sixth of the speed at which files are taken in; this costs a fifteenth.
fn hash<'v>(table: &str, values: impl IntoIterator<Item = ValueRef<'v>>) -> [u64; 2] {
    let mut mixer = Mixer(SEEDS);
    mixer.long(Kind::Text, table.as_bytes());
    for value in values {
        match value {
            ValueRef::Null => mixer.word(Kind::Null, 0),
            ValueRef::Integer(number) => mixer.word(Kind::Integer, number as u64),
            ValueRef::Real(number) => mixer.word(Kind::Real, number.to_bits()),
            ValueRef::Text(text) => mixer.long(Kind::Text, text),
            ValueRef::Blob(blob) => mixer.long(Kind::Blob, blob),
        }
    }
    mixer.finish()
}

/// What a value is. Each has odd factors of its own, so that an empty text is not a missing one.
#[derive(Clone, Copy)]
enum Kind {
    Null,
    Integer,
    Real,
    Text,
    Blob,
}

const SEEDS: [u64; 2] = [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344];
/// Odd numbers without a pattern, per kind and lane: the digits of pi.
const FACTORS: [[u64; 2]; 5] = [
    [0xa409_3822_299f_31d1, 0x082e_fa98_ec4e_6c89],
    [0x4528_21e6_38d0_1377, 0xbe54_66cf_34e9_0c6d],
    [0xc0ac_29b7_c97c_50dd, 0x3f84_d5b5_b547_0917],
    [0x9216_d5d9_8979_fb1b, 0xd131_0ba6_98df_b5ad],
    [0x2ffd_72db_d01a_dfb7, 0xb8e1_afed_6a26_7e97],
];

struct Mixer([u64; 2]);

impl Mixer {
    fn word(&mut self, kind: Kind, word: u64) {
        for (lane, factor) in self.0.iter_mut().zip(FACTORS[kind as usize]) {
            *lane = (*lane ^ word).wrapping_mul(factor);
            *lane ^= *lane >> 32;
        }
    }

    /// Its length, then eight bytes at a time, the last ones filled up with zeros.
    fn long(&mut self, kind: Kind, bytes: &[u8]) {
        self.word(kind, bytes.len() as u64);
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.word(kind, u64::from_le_bytes(*word)));
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.word(kind, u64::from_le_bytes(last));
    }

    /// Spreads every bit over the whole, as SplitMix64 ends, so that sums of rows that are alike tell nothing.
    fn finish(self) -> [u64; 2] {
        self.0.map(|lane| {
            let lane = (lane ^ (lane >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let lane = (lane ^ (lane >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            lane ^ (lane >> 31)
        })
    }
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
    for (lane, more) in sum.0.iter_mut().zip(by.0) {
        *lane = lane.wrapping_add(more);
    }
    tx.run(PUT, params![table, sum.to_bytes().as_slice()])?;
    Ok(())
}

/// Holds a store of an earlier schema against its seals, by the columns it was sealed by: after the upgrade they are made
/// anew. One that was never sealed has nothing to be held against.
pub(super) fn hold_before_upgrade(connection: &Connection, schema: i64) -> Result<(), StoreError> {
    const IS_THERE: &str = "select exists (select 1 from sqlite_schema where name = 'seal')";
    let is_sealed: bool = connection.query_row(IS_THERE, [], |row| row.get(0))?;
    if !is_sealed {
        return Ok(());
    }
    // Only a migration leaves seals that are to be made, and then there are none yet.
    let made: i64 = connection.query_row("select count(*) from seal", [], |row| row.get(0))?;
    if version(connection)? == Some(0) && made > 1 {
        return Err(StoreError::Altered { table: "seal".to_owned() });
    }
    if !version(connection)?.is_some_and(|made_with| (1..schema).contains(&made_with)) {
        return Ok(());
    }
    let mut seals = connection.prepare("select name, columns, sum from seal where columns <> ''")?;
    let mut seals = seals.query([])?;
    while let Some(seal) = seals.next()? {
        let (table, columns, sealed): (String, String, Vec<u8>) = (seal.get(0)?, seal.get(1)?, seal.get(2)?);
        let mut statement = connection.prepare(&format!("select {columns} from {table}"))?;
        let (mut sum, mut rows) = (Sum::default(), statement.query([])?);
        while let Some(row) = rows.next()? {
            add_row(&mut sum, &table, columns.split(", ").count(), row)?;
        }
        if sum.to_bytes().as_slice() != sealed {
            return Err(StoreError::Altered { table });
        }
    }
    Ok(())
}

/// Whether a store of this schema has its seals: one that was cut off before they were made has none.
pub(super) fn are_made(connection: &Connection) -> Result<bool, StoreError> {
    Ok(version(connection)? != Some(0))
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
    tx.each(table.select, [], |row| add_row(&mut sum, table.name, columns, row))?;
    Ok(sum)
}

fn add_row(sum: &mut Sum, table: &str, columns: usize, row: &Row<'_>) -> Result<(), StoreError> {
    let mut failed = None;
    let values =
        (0..columns).map_while(|place| row.get_ref(place).map_err(|error| failed = Some(error)).ok());
    sum.add(table, values);
    failed.map_or(Ok(()), |error| Err(error.into()))
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::store::Store;

    #[test]
    fn rows_add_up_in_any_order_and_can_be_taken_off_again() {
        let rows = [[number(1), ValueRef::Text(b"a")], [number(-7), ValueRef::Null]];
        let (mut there, mut back) = (Sum::default(), Sum::default());
        rows.iter().for_each(|row| there.add("t", *row));
        rows.iter().rev().for_each(|row| back.add("t", *row));
        assert_eq!(there, back);
        there.take("t", rows[0]);
        there.take("t", rows[1]);
        assert_eq!(there, Sum::default());
        let one = |table: &str, row: &[ValueRef<'_>]| hash(table, row.iter().copied());
        let all = [
            one("t", &[]),
            one("u", &[]),
            one("t", &[ValueRef::Null]),
            one("t", &[number(0)]),
            one("t", &[ValueRef::Text(b"")]),
            one("t", &[ValueRef::Blob(b"")]),
            one("t", &[ValueRef::Text(b"ab"), ValueRef::Text(b"c")]),
            one("t", &[ValueRef::Text(b"a"), ValueRef::Text(b"bc")]),
        ];
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }

    #[test]
    fn hashes_never_change() {
        // They are kept in every store: another value here would make every row look changed.
        let row =
            [number(-1), number(1i64 << 40), ValueRef::Null, ValueRef::Text(b"x"), ValueRef::Blob(&[0, 255])];
        assert_eq!(hash("rest", row), [7_195_445_862_029_065_655, 5_115_196_390_982_381_141]);
    }

    #[test]
    fn every_column_is_sealed_or_listed_with_why_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("toek.db");
        drop(Store::open_inline(&path).unwrap());
        let store = Connection::open(&path).unwrap();
        let texts = |sql: &str| -> BTreeSet<String> {
            let mut statement = store.prepare(sql).unwrap();
            statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
        };
        for table in texts("select name from sqlite_schema where type = 'table'") {
            let mut columns = texts(&format!("select name from pragma_table_info('{table}')"));
            let sealed = TABLES.iter().find(|known| known.name == table);
            for column in sealed.iter().flat_map(|known| known.columns.split(", ")) {
                assert!(columns.remove(column), "{table}.{column} is sealed and not there");
            }
            let is_listed = |name: &str| UNSEALED.iter().any(|(unsealed, _)| *unsealed == name);
            columns.retain(|column| !is_listed(&table) && !is_listed(&format!("{table}.{column}")));
            assert_eq!(columns, BTreeSet::new(), "of {table} are neither sealed nor listed");
        }
    }

    #[test]
    fn an_upgrade_seals_nothing_that_was_changed_before_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("toek.db");
        drop(Store::open_inline(&path).unwrap());
        let as_of_an_earlier_schema = || {
            let store = Connection::open(&path).unwrap();
            store.execute("update seal set sum = ?1 where name = 'version'", [1i64.to_le_bytes()]).unwrap();
            store
        };
        as_of_an_earlier_schema();
        drop(Store::open_inline(&path).unwrap());
        let store = as_of_an_earlier_schema();
        store.execute("insert into installation (key, value) values ('a', 'b')", []).unwrap();
        drop(store);
        assert!(
            matches!(Store::open_inline(&path), Err(StoreError::Altered { table }) if table == "installation")
        );
    }
}
