//! Statements in, item by item.

use std::io::BufRead;

use jiff::Timestamp;
use jiff::civil::Date;

use super::model::{Label, NAMESPACES, ROOTS, Total, read_day};
use super::{Account, Detail, End, Entry, Error, Kind, Limits, Statement};
use crate::vocabulary::Ore;
use crate::xml::Fault;
use crate::xml::forms::read_instant;
use crate::xml::model::{Node, Unknown, Walker};

/// An amount without sign, in whole øre: at most 15 digits before the point, and behind it none but zeros after two.
pub(super) fn amount(text: &str) -> Option<Ore> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (cents, rest) = decimals.split_at(decimals.len().min(2));
    let lawful = (1..=15).contains(&whole.len())
        && digits(whole)
        && digits(decimals)
        && text.contains('.') != decimals.is_empty()
        && decimals.len() <= 5
        && rest.bytes().all(|b| b == b'0');
    lawful.then(|| Ore::parse_decimal(&format!("{whole}.{cents:0<2}")).ok()).flatten()
}

/// A day, with a zone or not.
pub(super) fn day(text: &str) -> Option<Date> {
    let zone = text.get(10..)?.as_bytes();
    crate::xml::forms::is_zone(zone).then(|| read_day(text)).flatten()
}

/// What a file holds, in its order: a statement, then each of its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A statement begins. Whether its entries give its closing balance is known when the next item is asked for after
    /// its last entry.
    Statement(&'a Statement),
    /// One of its entries.
    Entry(&'a Entry),
}

/// What `Amt` and `CdtDbtInd` are about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    Balance,
    Entry,
    Detail,
}

/// A promise of `TxsSummry`.
#[derive(Clone, Copy, Default)]
struct Promise {
    count: Option<u64>,
    sum: Option<Ore>,
}

/// A statement as read so far.
#[derive(Default)]
struct Read {
    created: Option<Timestamp>,
    id: String,
    sequence: Option<u64>,
    account: String,
    account_currency: Option<String>,
    currency: Option<String>,
    opening: Option<(Ore, Date)>,
    earlier_closing: Option<(Ore, Date)>,
    closing: Option<(Ore, Date)>,
    promises: [Promise; 3],
    /// Entries and their sizes by [`Total`], and what the booked ones moved.
    counted: [u64; 3],
    summed: [i128; 3],
    moved: i128,
}

/// A balance, an entry or a detail: what was said of its amount.
#[derive(Default)]
struct Said {
    amount: Option<Ore>,
    credit: Option<bool>,
    foreign: bool,
}

impl Said {
    fn signed(&self) -> Option<Ore> {
        let amount = self.amount?;
        Some(if self.credit? { amount } else { -amount })
    }
}

/// Reads a file, item by item, in memory bounded by its largest entry.
///
/// What it hands out has its form; that the rest is well-formed and adds up is only known when the last
/// [`StatementReader::next`] or [`StatementReader::finish`] has said so. After an error it says nothing but errors.
pub struct StatementReader<R> {
    walker: Walker<R, Label>,
    file_created: Timestamp,
    read: Read,
    statement: Option<Statement>,
    entry: Entry,
    about: About,
    said: Said,
    detail_said: Said,
    balance: (Option<String>, Option<Date>),
    total: Option<Total>,
    /// Batches of the entry; count and amount that the only one promises.
    batches: u32,
    batch_count: Option<u64>,
    batch_amount: Option<Ore>,
    booking_day: Option<Date>,
    told_head: bool,
    end: End,
    ended: bool,
}

fn no_entry() -> Entry {
    Entry {
        amount: Ore::ZERO,
        is_booked: false,
        is_reversal: false,
        booking_day: Date::ZERO,
        value_day: None,
        references: Vec::new(),
        batch: Vec::new(),
        details: Vec::new(),
    }
}

fn rule(text: &'static str) -> Fault {
    Fault::new(Kind::Rule, text)
}

/// What the walker met, free of its borrow.
enum Step {
    Head,
    EntryOver,
    StatementOver,
    Over,
    On,
}

impl<R: BufRead> StatementReader<R> {
    /// Reads from `input`; nothing is read before it is asked for.
    pub fn new(input: R, limits: Limits) -> StatementReader<R> {
        StatementReader {
            walker: Walker::new(input, limits, &NAMESPACES, &ROOTS, Unknown::Refuse),
            file_created: Timestamp::UNIX_EPOCH,
            read: Read::default(),
            statement: None,
            entry: no_entry(),
            about: About::Balance,
            said: Said::default(),
            detail_said: Said::default(),
            balance: (None, None),
            total: None,
            batches: 0,
            batch_count: None,
            batch_amount: None,
            booking_day: None,
            told_head: false,
            end: End::default(),
            ended: false,
        }
    }

    /// The next item; `None` when the file has ended, and ended well.
    ///
    /// # Errors
    /// Any [`Kind`].
    #[expect(
        clippy::should_implement_trait,
        reason = "the item borrows from the reader, so this is no Iterator"
    )]
    pub fn next(&mut self) -> Result<Option<Item<'_>>, Error> {
        loop {
            if self.ended {
                return Ok(None);
            }
            match self.step()? {
                Step::On => {}
                Step::Head => {
                    let statement = self.head().map_err(|fault| self.walker.error(fault))?;
                    return Ok(Some(Item::Statement(self.statement.insert(statement))));
                }
                Step::EntryOver => {
                    self.entry_over().map_err(|fault| self.walker.error(fault))?;
                    return Ok(Some(Item::Entry(&self.entry)));
                }
                Step::StatementOver => {
                    let is_told = self.told_head;
                    let statement = self.head().map_err(|fault| self.walker.error(fault))?;
                    self.statement_over(&statement).map_err(|fault| self.walker.error(fault))?;
                    self.told_head = false;
                    if !is_told {
                        return Ok(Some(Item::Statement(self.statement.insert(statement))));
                    }
                }
                Step::Over => self.ended = true,
            }
        }
    }

    /// Reads what is left, and tells what there was.
    ///
    /// # Errors
    /// As [`StatementReader::next`].
    pub fn finish(mut self) -> Result<End, Error> {
        while self.next()?.is_some() {}
        Ok(self.end)
    }

    fn step(&mut self) -> Result<Step, Error> {
        let StatementReader { walker, read, entry, said, detail_said, about, total, .. } = self;
        let about_detail = *about == About::Detail;
        match walker.next()? {
            None => return Ok(Step::Over),
            Some(Node::Open(label)) => match label {
                Label::Statement => *read = Read::default(),
                Label::Balance => {
                    (*said, *about) = (Said::default(), About::Balance);
                    self.balance = (None, None);
                }
                Label::Totals(which) => *total = Some(which),
                Label::Entry => {
                    (*said, *about, *entry) = (Said::default(), About::Entry, no_entry());
                    (self.batches, self.batch_count, self.batch_amount) = (0, None, None);
                    self.booking_day = None;
                    if !self.told_head {
                        self.told_head = true;
                        return Ok(Step::Head);
                    }
                }
                Label::Batch => self.batches += 1,
                Label::Detail => {
                    (*detail_said, *about) = (Said::default(), About::Detail);
                    entry.details.push(Detail::default());
                }
                _ => {}
            },
            Some(Node::Attribute(_, currency)) => {
                let known = read.currency.get_or_insert_with(|| currency.to_owned());
                let is_foreign = known != currency;
                match (is_foreign, about_detail) {
                    // A payment abroad may be told in its own currency.
                    (foreign, true) => detail_said.foreign = foreign,
                    (true, false) => {
                        return Err(walker.error(rule("every amount must be in the statement's currency")));
                    }
                    (false, false) => {}
                }
            }
            Some(Node::Value(label, value)) => match label {
                Label::FileCreated => self.file_created = read_instant(value).unwrap_or_default(),
                Label::StatementId => read.id = value.to_owned(),
                Label::Sequence => read.sequence = value.parse().ok(),
                Label::Created => read.created = read_instant(value),
                Label::Account => read.account = value.to_owned(),
                Label::AccountCurrency => read.account_currency = Some(value.to_owned()),
                Label::BalanceType => self.balance.0 = Some(value.to_owned()),
                Label::Day => self.balance.1 = read_day(value),
                Label::Amount if about_detail => detail_said.amount = amount(value),
                Label::TransactionAmount if detail_said.amount.is_none() && !detail_said.foreign => {
                    detail_said.amount = amount(value);
                }
                Label::Amount => said.amount = amount(value),
                Label::Side if about_detail => detail_said.credit = Some(value == "CRDT"),
                Label::Side => said.credit = Some(value == "CRDT"),
                Label::TotalCount => {
                    if let Some(which) = *total {
                        read.promises[which as usize].count = value.parse().ok();
                    }
                }
                Label::TotalSum => {
                    if let Some(which) = *total {
                        read.promises[which as usize].sum = amount(value);
                    }
                }
                Label::EntryReference => entry.references.extend(said_reference(value)),
                Label::Reversal => entry.is_reversal = matches!(value, "true" | "1"),
                Label::Status => entry.is_booked = value == "BOOK",
                Label::BookingDay => self.booking_day = read_day(value),
                Label::ValueDay => entry.value_day = read_day(value),
                Label::BatchReference => entry.batch.extend(said_reference(value)),
                Label::BatchCount => self.batch_count = value.parse().ok(),
                Label::BatchAmount => self.batch_amount = amount(value),
                Label::DetailReference => {
                    if let Some(detail) = entry.details.last_mut() {
                        detail.batch.extend(said_reference(value));
                    }
                }
                Label::EndToEndId => {
                    if let Some(detail) = entry.details.last_mut() {
                        detail.end_to_end_id = said_reference(value);
                    }
                }
                Label::ReturnReason => {
                    if let Some(detail) = entry.details.last_mut() {
                        detail.return_reason = Some(value.to_owned());
                    }
                }
                _ => {}
            },
            Some(Node::Close(label)) => match label {
                Label::Balance => self.balance_over(),
                Label::Totals(_) => *total = None,
                Label::Detail => {
                    *about = About::Entry;
                    let credit = detail_said.credit.or(said.credit);
                    let told = detail_said.amount.filter(|_| !detail_said.foreign);
                    let amount = Said { amount: told, credit, foreign: false }.signed();
                    if let Some(detail) = entry.details.last_mut() {
                        detail.amount = amount;
                    }
                }
                Label::Entry => return Ok(Step::EntryOver),
                Label::Statement => return Ok(Step::StatementOver),
                _ => {}
            },
        }
        Ok(Step::On)
    }

    fn balance_over(&mut self) {
        let (Some(amount), Some(day)) = (self.said.signed(), self.balance.1) else { return };
        let place = match self.balance.0.as_deref() {
            Some("OPBD") => &mut self.read.opening,
            Some("PRCD") => &mut self.read.earlier_closing,
            Some("CLBD") => &mut self.read.closing,
            _ => return,
        };
        *place = Some((amount, day));
    }

    fn head(&self) -> Result<Statement, Fault> {
        let read = &self.read;
        let currency = read.currency.clone().unwrap_or_default();
        if read.account_currency.as_ref().is_some_and(|own| *own != currency) {
            return Err(rule("every amount must be in the account's currency"));
        }
        Ok(Statement {
            id: read.id.clone(),
            sequence: read.sequence,
            created: read.created.unwrap_or(self.file_created),
            account: Account(read.account.clone()),
            currency,
            opening: read.opening.or(read.earlier_closing).ok_or(rule("no opening balance"))?,
            closing: read.closing.ok_or(rule("no closing balance"))?,
        })
    }

    fn entry_over(&mut self) -> Result<(), Fault> {
        let signed = self.said.signed().ok_or(rule("an entry without amount or side"))?;
        let closing_day = self.read.closing.map_or(Date::ZERO, |(_, day)| day);
        let entry = &mut self.entry;
        entry.amount = signed;
        entry.booking_day = self.booking_day.unwrap_or(closing_day);
        if self.batches == 1 {
            check_batch(entry, self.batch_count, self.batch_amount)?;
        }
        if let Some((first, others)) = entry.details.split_first() {
            let shared = first.batch.iter().filter(|id| others.iter().all(|o| o.batch.contains(id)));
            let fresh: Vec<String> = shared.filter(|id| !entry.batch.contains(id)).cloned().collect();
            entry.batch.extend(fresh);
        }
        let size = i128::from(signed.0).abs();
        let side = if signed.0 > 0 || self.said.credit == Some(true) { Total::Credit } else { Total::Debit };
        for which in [Total::All, side] {
            self.read.counted[which as usize] += 1;
            self.read.summed[which as usize] += size;
        }
        if entry.is_booked {
            self.read.moved += i128::from(signed.0);
        }
        self.end.entries += 1;
        Ok(())
    }

    fn statement_over(&mut self, statement: &Statement) -> Result<(), Fault> {
        let (opening, closing) = (i128::from(statement.opening.0.0), i128::from(statement.closing.0.0));
        if opening + self.read.moved != closing {
            return Err(rule("the opening balance and the booked entries must give the closing balance"));
        }
        for which in [Total::All, Total::Credit, Total::Debit] {
            let place = which as usize;
            let Promise { count, sum } = self.read.promises[place];
            let is_other_count = count.is_some_and(|count| count != self.read.counted[place]);
            if is_other_count || sum.is_some_and(|sum| i128::from(sum.0) != self.read.summed[place]) {
                return Err(rule("`TxsSummry` must be the number and sum of the entries"));
            }
        }
        self.end.statements += 1;
        Ok(())
    }
}

/// A reference that says something. `NOTPROVIDED` stands where there is none.
fn said_reference(value: &str) -> Option<String> {
    let said = value.trim();
    (!said.is_empty() && said != "NOTPROVIDED").then(|| said.to_owned())
}

/// A batch is the entry, and its details are all of it where as many are told as it counts.
fn check_batch(entry: &Entry, count: Option<u64>, total: Option<Ore>) -> Result<(), Fault> {
    if total.is_some_and(|total| total.magnitude() != entry.amount.magnitude()) {
        return Err(rule("`Btch/TtlAmt` must be the entry's amount"));
    }
    let told = entry.details.len() as u64;
    if count.is_some_and(|count| told > count) {
        return Err(rule("`Btch/NbOfTxs` must count all `TxDtls`"));
    }
    let sum: Option<i128> = entry.details.iter().map(|detail| Some(i128::from(detail.amount?.0))).sum();
    let is_complete = told > 0 && count == Some(told);
    match sum.filter(|_| is_complete) {
        Some(sum) if sum != i128::from(entry.amount.0) => {
            Err(rule("the `TxDtls` of a batch must give the entry's amount"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_whole_ore() {
        let table = [
            ("0", Some(0)),
            ("1250.00", Some(125_000)),
            ("1250.5", Some(125_050)),
            ("1250", Some(125_000)),
            ("0.01", Some(1)),
            ("0.01000", Some(1)),
            ("999999999999999.99", Some(99_999_999_999_999_999)),
            ("0.001", None),
            ("0.010000", None),
            ("1000000000000000", None),
            ("-1", None),
            ("+1", None),
            ("1.", None),
            (".5", None),
            ("1,50", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(amount(text), expected.map(Ore), "{text}");
        }
    }

    #[test]
    fn days_with_and_without_zone() {
        for (text, is_day) in
            [("2026-03-06", true), ("2026-03-06Z", true), ("2026-03-06+01:00", true), ("2026-03-06T", false)]
        {
            assert_eq!(day(text).is_some(), is_day, "{text}");
        }
    }
}
