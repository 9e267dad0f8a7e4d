//! Vouchers, their lines, and the running balance of every account.

use std::collections::BTreeMap;

use rusqlite::params;
use toek_formats::vocabulary::{BenefitCode, MunicipalityCode, Ore};
use uuid::Uuid;

use super::seal::{self, Sum, maybe};
use super::sql::statements;
use super::{StoreError, Tx, date_of, day_number, finance, restore};
use crate::canary::{self, Canary};
use crate::domain::identity::{BundleNo, PaymentId, TransferNo, voucher_id};
use crate::domain::ledger::{Account, Line, Rule, Source, Voucher};

statements! {
    MAX = "select max(voucher_no) from voucher";
    MAX_PART = "select max(part) from voucher where source_kind = $1 and source_no = $2";
    INSERT = "insert into voucher (voucher_no, municipality, rule, source_kind, source_no, part, booking_day, posted_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)";
    LINE = "insert into posting (voucher_no, line_no, account, benefit, payment_id, amount_ore)
        values ($1, $2, $3, $4, $5, $6)";
    MOVE = "insert into balance (municipality, account, debit_ore, credit_ore) values ($1, $2, $3, $4)
        on conflict (municipality, account) do update set
            debit_ore = debit_ore + excluded.debit_ore, credit_ore = credit_ore + excluded.credit_ore";
    SUMS_OF_SOURCE = "select v.municipality, p.account,
            sum(case when p.amount_ore > 0 then p.amount_ore else 0 end),
            sum(case when p.amount_ore < 0 then -p.amount_ore else 0 end)
        from voucher v join posting p on p.voucher_no = v.voucher_no
        where v.source_kind = $1 and v.source_no = $2
        group by v.municipality, p.account order by v.municipality, p.account";
    BALANCES = "select municipality, account, debit_ore, credit_ore from balance order by municipality, account";
    VOUCHERS = "select v.voucher_no, v.municipality, v.rule, v.source_kind, v.source_no, v.part, v.booking_day,
            v.posted_at
        from voucher v left join transfer t on v.source_kind = 1 and t.transfer_no = v.source_no
        where v.voucher_no > $1 and (v.source_kind = 2 or t.accepted_at is not null)
        order by v.voucher_no limit 100";
    VOUCHERS_OF_SOURCE = "select voucher_no, municipality, rule, source_kind, source_no, part, booking_day, posted_at
        from voucher where source_kind = $1 and source_no = $2 order by voucher_no";
    BY_NUMBER = "select voucher_no, municipality, rule, source_kind, source_no, part, booking_day, posted_at
        from voucher where voucher_no = $1";
    LINES = "select account, benefit, payment_id, amount_ore from posting where voucher_no = $1 order by line_no";
    LINE_OF_PAYMENT = "select 1 from posting where voucher_no = $1 and payment_id = $2 limit 1";
}

/// A voucher as it stands in the books.
#[derive(Clone, Debug)]
pub struct Booked {
    /// The store's number, from 1.
    pub voucher_no: i64,
    /// Its id towards the ERP.
    pub id: Uuid,
    /// The voucher.
    pub voucher: Voucher,
    /// When it was posted, microseconds since 1970.
    pub posted_at: i64,
}

/// The sums of one account of one municipality.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Whose.
    pub municipality: MunicipalityCode,
    /// Which.
    pub account: Account,
    /// All debits.
    pub debit: Ore,
    /// All credits, positive.
    pub credit: Ore,
}

/// A source as the store keeps it: its kind and its number.
pub(super) fn source_key(source: Source) -> (i64, i64) {
    match source {
        Source::Transfer(no) => (1, no.0),
        Source::Bundle(no) => (2, no.0),
    }
}

/// Stores vouchers and moves the balances they change.
pub(super) fn post(tx: &Tx<'_>, vouchers: &[Voucher], at: i64) -> Result<(), StoreError> {
    let first = insert(tx, vouchers, at)?;
    for (number, voucher) in (first..).zip(vouchers) {
        finance::open(tx, number, voucher.municipality, voucher.booking_day)?;
    }
    let mut moved: BTreeMap<(MunicipalityCode, Account), (i64, i64)> = BTreeMap::new();
    for voucher in vouchers {
        for line in &voucher.lines {
            let sums = moved.entry((voucher.municipality, line.account)).or_default();
            sums.0 += line.amount.0.max(0);
            sums.1 += (-line.amount.0).max(0);
        }
    }
    for ((municipality, account), (debit, credit)) in moved {
        tx.run(MOVE, params![municipality.0, account.code(), debit, credit])?;
    }
    Ok(())
}

/// Stores vouchers of a transfer that is not accepted yet: they move no balance. Gives the first one's number.
pub(super) fn insert(tx: &Tx<'_>, vouchers: &[Voucher], at: i64) -> Result<i64, StoreError> {
    let first = restore::next_outside(tx, "voucher", MAX)?;
    let mut number = first;
    let mut head = tx.prepare(INSERT)?;
    let mut line = tx.prepare(LINE)?;
    let mut sum = Sum::default();
    for voucher in vouchers {
        let (kind, no) = source_key(voucher.source);
        let part: Option<i64> = tx.one(MAX_PART, params![kind, no], |row| row.get(0))?.flatten();
        let Voucher { municipality, rule, booking_day, .. } = voucher;
        head.execute(params![
            number,
            municipality.0,
            *rule as u8,
            kind,
            no,
            part.unwrap_or(0) + 1,
            day_number(*booking_day),
            at
        ])?;
        for (line_no, l) in voucher.lines.iter().enumerate() {
            if line_no == 0 && canary::is_active(Canary::DroppedVoucherLine) {
                continue;
            }
            let payment = l.payment.map(PaymentId::as_i64);
            let (account, benefit, amount) = (l.account.code(), i64::from(l.benefit.0), l.amount.0);
            let head = [number, line_no as i64, account, benefit].map(seal::number);
            sum.add("posting", head.into_iter().chain([maybe(payment), seal::number(amount)]));
            line.execute(params![
                number,
                line_no as i64,
                l.account.code(),
                l.benefit.0,
                payment,
                l.amount.0
            ])?;
        }
        number += 1;
    }
    seal::moved(tx, "posting", &sum)?;
    Ok(first)
}

/// Lets the vouchers of a transfer count, when it is accepted.
pub(super) fn count(tx: &Tx<'_>, source: Source) -> Result<(), StoreError> {
    let (kind, no) = source_key(source);
    let sums: Vec<(i64, i64, i64, i64)> = tx.all(SUMS_OF_SOURCE, params![kind, no], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    })?;
    for (municipality, account, debit, credit) in sums {
        tx.run(MOVE, params![municipality, account, debit, credit])?;
    }
    finance::open_transfer(tx, kind, no)
}

/// Every account's sums, by municipality.
pub fn balances(tx: &Tx<'_>) -> Result<Vec<Balance>, StoreError> {
    let mut all = Vec::new();
    tx.each(BALANCES, [], |row| {
        all.push(Balance {
            municipality: MunicipalityCode(row.get(0)?),
            account: Account::from_code(row.get(1)?)?,
            debit: Ore(row.get(2)?),
            credit: Ore(row.get(3)?),
        });
        Ok(())
    })?;
    Ok(all)
}

/// The next vouchers that count after number `after`, at most 100.
pub fn accepted_vouchers_after(tx: &Tx<'_>, after: i64) -> Result<Vec<Booked>, StoreError> {
    read_vouchers(tx, VOUCHERS, params![after])
}

/// A voucher by its number.
pub fn voucher(tx: &Tx<'_>, no: i64) -> Result<Booked, StoreError> {
    let found = read_vouchers(tx, BY_NUMBER, params![no])?.pop();
    found.ok_or_else(|| StoreError::Conflict(format!("there is no voucher {no}")))
}

/// The vouchers made for a transfer or a bundle.
pub fn vouchers_of(tx: &Tx<'_>, source: Source) -> Result<Vec<Booked>, StoreError> {
    let (kind, no) = source_key(source);
    read_vouchers(tx, VOUCHERS_OF_SOURCE, params![kind, no])
}

/// Whether a voucher has a line for the payment.
pub fn concerns(tx: &Tx<'_>, voucher_no: i64, payment: PaymentId) -> Result<bool, StoreError> {
    Ok(tx.one(LINE_OF_PAYMENT, params![voucher_no, payment.as_i64()], |_| Ok(()))?.is_some())
}

fn read_vouchers(
    tx: &Tx<'_>,
    sql: &'static str,
    params: impl rusqlite::Params,
) -> Result<Vec<Booked>, StoreError> {
    let mut booked = Vec::new();
    tx.each(sql, params, |row| {
        let voucher_no = row.get(0)?;
        let municipality = MunicipalityCode(row.get(1)?);
        let rule = Rule::from_code(row.get(2)?)?;
        let source = match (row.get(3)?, row.get(4)?) {
            (1, no) => Source::Transfer(TransferNo(no)),
            (2, no) => Source::Bundle(BundleNo(no)),
            (kind, _) => {
                return Err(StoreError::Unreadable { what: format!("a voucher source of kind {kind}") });
            }
        };
        let id = voucher_id(municipality, rule.row().event, &source.to_string(), row.get(5)?);
        let booking_day = date_of(row.get(6)?);
        let voucher = Voucher { municipality, rule, source, booking_day, lines: Vec::new() };
        booked.push(Booked { voucher_no, id, voucher, posted_at: row.get(7)? });
        Ok(())
    })?;
    for one in &mut booked {
        one.voucher.lines = lines_of(tx, one.voucher_no)?;
    }
    Ok(booked)
}

fn lines_of(tx: &Tx<'_>, voucher_no: i64) -> Result<Vec<Line>, StoreError> {
    let mut lines = Vec::new();
    tx.each(LINES, params![voucher_no], |row| {
        lines.push(Line {
            account: Account::from_code(row.get(0)?)?,
            benefit: BenefitCode(row.get(1)?),
            payment: row.get::<_, Option<i64>>(2)?.map(PaymentId::from_i64),
            amount: Ore(row.get(3)?),
        });
        Ok(())
    })?;
    Ok(lines)
}
