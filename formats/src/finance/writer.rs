//! Vouchers out: `ModtagFinansbilag_I` (oir-finans-sf1590a.md 5).

use std::collections::HashSet;
use std::io;

use super::names::{self, AMOUNT_DIGITS, CONTEXT, DIMENSION_IS_NEEDED, DIMENSIONS, K, KOMBIT, M, SUM_DIGITS};
use super::{FileHead, Posting, PostingParty, Route, Side, Voucher};
use crate::vocabulary::{IdentCode, Ore, Uuid, has_cpr};
use crate::xml::forms::{CVR_URN_LEAD, is_cvr, is_printable};
use crate::xml::write::{Out, Space, push_digits};

/// As the content models number them.
pub(super) static SPACES: [Space; 2] =
    [Space { prefix: "", uri: KOMBIT }, Space { prefix: "kontekst", uri: CONTEXT }];

const ROOT: (u8, &str) = (M, names::VOUCHER_FILE);

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The sink failed.
    #[error("the file could not be written")]
    Io(#[from] io::Error),
    /// A field does not have the form the message asks for. The value is not told: it may be personal.
    #[error("voucher {voucher}, posting {posting}, {field}: {rule}")]
    Field {
        /// Number of the voucher, from 1; 0 for the head.
        voucher: u32,
        /// Number of the posting in it, from 1; 0 for its head.
        posting: u32,
        /// The element's name.
        field: &'static str,
        /// What it must be.
        rule: &'static str,
    },
    /// The sides of a voucher differ (V01).
    #[error("voucher {voucher} has {} debit and {} credit", debit.decimal2(), credit.decimal2())]
    Balance {
        /// Number of the voucher, from 1.
        voucher: u32,
        /// Sum of its debit side.
        debit: Ore,
        /// Sum of its credit side.
        credit: Ore,
    },
    /// The head promised another number of vouchers or postings (V09).
    #[error("the head promises {promised} {what}, but {written} were written")]
    Count {
        /// `vouchers` or `postings`.
        what: &'static str,
        /// As in the head.
        promised: u32,
        /// As counted.
        written: u32,
    },
    /// The head promised another sum (V09).
    #[error("the head promises a sum of {}, but {} was written", promised.decimal2(), written.decimal2())]
    Sum {
        /// As in the head.
        promised: Ore,
        /// As summed.
        written: Ore,
    },
    /// A posting before the first voucher, or a file without one.
    #[error("{0}")]
    Order(&'static str),
}

/// Sums and postings of what was written so far.
#[derive(Clone, Copy, Default)]
struct Written {
    postings: u32,
    debit: Ore,
    credit: Ore,
}

impl Written {
    fn add(&mut self, posting: &Posting<'_>) {
        self.postings += 1;
        match posting.side {
            Side::Debit => self.debit = saturated(self.debit, posting.amount),
            Side::Credit => self.credit = saturated(self.credit, posting.amount),
        }
    }
}

/// A control sum has at most 18 digits: what saturates differs from it anyway.
pub(super) fn saturated(sum: Ore, amount: Ore) -> Ore {
    Ore(sum.0.saturating_add(amount.0))
}

/// Writes a file, posting by posting, in memory that grows by sixteen bytes a voucher. What it gives back from
/// [`VoucherFileWriter::finish`] is complete: every voucher has two postings at least and balances, the control
/// figures are those of the head, every field has its form, no id stands twice where it may not.
/// After an error nothing more can be made of it: the bytes written so far are no file.
///
/// The same calls always write the same bytes. Each posting stands on a line of its own.
pub struct VoucherFileWriter<W> {
    out: Out<W>,
    promised: (u32, u32, Ore),
    /// How many vouchers were begun, and the ids of all of them.
    vouchers: u32,
    voucher_ids: HashSet<Uuid>,
    /// Of the one that is open.
    posting_ids: HashSet<Uuid>,
    /// Of all vouchers that are ended.
    file: Written,
    /// Of the one that is open.
    open: Written,
}

impl<W: io::Write> VoucherFileWriter<W> {
    /// Writes the head.
    ///
    /// # Errors
    /// [`WriteError::Field`] when a field of the head lacks its form; [`WriteError::Io`].
    pub fn begin(sink: W, head: &FileHead<'_>) -> Result<VoucherFileWriter<W>, WriteError> {
        check_head(head)?;
        let mut out = Out::begin(sink, &SPACES, ROOT, &[M, K]);
        write_head(&mut out, head);
        write_delivery(&mut out, head);
        out.open(M, names::VOUCHERS);
        out.line();
        out.settle()?;
        Ok(VoucherFileWriter {
            out,
            promised: (head.vouchers, head.postings, head.sum),
            vouchers: 0,
            voucher_ids: HashSet::new(),
            posting_ids: HashSet::new(),
            file: Written::default(),
            open: Written::default(),
        })
    }

    /// Ends the voucher before it and begins another: the postings that follow are its own.
    ///
    /// # Errors
    /// [`WriteError::Field`]; [`WriteError::Balance`] when the voucher before it does not balance;
    /// [`WriteError::Io`].
    pub fn voucher(&mut self, voucher: &Voucher<'_>) -> Result<(), WriteError> {
        self.end_voucher()?;
        self.vouchers += 1;
        let is_new = self.voucher_ids.insert(voucher.id);
        self.check(0).voucher(voucher, is_new)?;
        write_voucher(&mut self.out, voucher);
        self.out.settle()?;
        Ok(())
    }

    /// Writes one posting of the last voucher.
    ///
    /// # Errors
    /// [`WriteError::Field`]; [`WriteError::Order`] when there is no voucher; [`WriteError::Io`].
    pub fn posting(&mut self, posting: &Posting<'_>) -> Result<(), WriteError> {
        if self.vouchers == 0 {
            return Err(WriteError::Order("a posting needs a voucher before it"));
        }
        let is_new = self.posting_ids.insert(posting.id);
        self.check(self.open.postings + 1).posting(posting, is_new)?;
        self.open.add(posting);
        write_posting(&mut self.out, posting);
        self.out.settle()?;
        Ok(())
    }

    /// Ends the file and gives the sink back, flushed.
    ///
    /// # Errors
    /// [`WriteError::Balance`] as in [`VoucherFileWriter::voucher`]; [`WriteError::Count`] and [`WriteError::Sum`]
    /// when the control figures are not what the head promised; [`WriteError::Order`] when there is no voucher;
    /// [`WriteError::Io`].
    pub fn finish(mut self) -> Result<W, WriteError> {
        self.end_voucher()?;
        if self.vouchers == 0 {
            return Err(WriteError::Order("a file needs a voucher"));
        }
        let (vouchers, postings, promised) = self.promised;
        for (what, promised, written) in
            [("vouchers", vouchers, self.vouchers), ("postings", postings, self.file.postings)]
        {
            if promised != written {
                return Err(WriteError::Count { what, promised, written });
            }
        }
        if promised != self.file.debit {
            return Err(WriteError::Sum { promised, written: self.file.debit });
        }
        self.out.close(M, names::VOUCHERS);
        self.out.line();
        Ok(self.out.finish(ROOT)?)
    }

    /// V01 of the voucher that is open, if one is.
    fn end_voucher(&mut self) -> Result<(), WriteError> {
        if self.vouchers == 0 {
            return Ok(());
        }
        let Written { postings, debit, credit } = std::mem::take(&mut self.open);
        self.check(0).that(names::POSTINGS, postings >= 2, "at least two postings")?;
        if debit != credit {
            return Err(WriteError::Balance { voucher: self.vouchers, debit, credit });
        }
        self.posting_ids.clear();
        self.file.postings += postings;
        self.file.debit = saturated(self.file.debit, debit);
        self.out.close(M, names::POSTINGS);
        self.out.close(M, names::VOUCHER);
        self.out.line();
        Ok(())
    }

    fn check(&self, posting: u32) -> Check {
        Check { voucher: self.vouchers, posting }
    }
}

fn write_head<W: io::Write>(out: &mut Out<W>, head: &FileHead<'_>) {
    let Route { sender_authority, sender_it_system, receiver_authority, receiver_it_system } = head.route;
    out.open(K, names::HEAD);
    out.uuid(K, names::TRANSACTION_ID, head.transaction_id);
    out.instant(K, names::TRANSACTION_TIME, head.at);
    out.open(K, names::AUTHORITY_CONTEXT);
    out.leaf(K, names::MUNICIPALITY_CVR, sender_authority);
    out.close(K, names::AUTHORITY_CONTEXT);
    out.open(K, names::ROUTE);
    out.leaf(K, names::SENDER_ORGANISATION, sender_authority);
    out.uuid(K, names::SENDER_IT_SYSTEM, sender_it_system);
    out.leaf(K, names::RECEIVER_ORGANISATION, receiver_authority);
    if let Some(system) = receiver_it_system {
        out.uuid(K, names::RECEIVER_IT_SYSTEM, system);
    }
    out.close(K, names::ROUTE);
    out.close(K, names::HEAD);
    out.line();
}

fn write_delivery<W: io::Write>(out: &mut Out<W>, head: &FileHead<'_>) {
    out.open(M, names::DELIVERY);
    out.uuid(M, names::DELIVERY_TRANSACTION_ID, head.transaction_id);
    write_count(out, names::DELIVERY_VOUCHERS, head.vouchers);
    out.decimal2(M, names::DELIVERY_DEBIT, head.sum);
    out.decimal2(M, names::DELIVERY_CREDIT, head.sum);
    write_urn(out, names::DELIVERY_SENDER, head.route.sender_authority);
    out.uuid(M, names::DELIVERY_IT_SYSTEM, head.route.sender_it_system);
    out.instant(M, names::DELIVERY_TIME, head.at);
    write_count(out, names::DELIVERY_POSTINGS, head.postings);
    write_urn(out, names::DELIVERY_RECEIVER, head.route.receiver_authority);
    out.close(M, names::DELIVERY);
    out.line();
}

fn write_count<W: io::Write>(out: &mut Out<W>, name: &str, count: u32) {
    out.open(M, name);
    push_digits(&mut out.buffer, u64::from(count), 1);
    out.close(M, name);
}

fn write_urn<W: io::Write>(out: &mut Out<W>, name: &str, cvr: &str) {
    out.open(M, name);
    out.raw(CVR_URN_LEAD);
    out.raw(cvr);
    out.close(M, name);
}

fn write_voucher<W: io::Write>(out: &mut Out<W>, voucher: &Voucher<'_>) {
    out.open(M, names::VOUCHER);
    out.uuid(M, names::VOUCHER_ID, voucher.id);
    out.leaf(M, names::VOUCHER_NUMBER, voucher.number);
    out.day(M, names::VOUCHER_BOOKING_DAY, voucher.booking_day);
    if let Some(period) = voucher.period {
        out.leaf(M, names::VOUCHER_PERIOD, &period.to_string());
    }
    out.uuid(M, names::VOUCHER_TYPE, voucher.type_id);
    out.leaf(M, names::VOUCHER_TEXT, voucher.text);
    if let Some(reference) = voucher.external_reference {
        out.leaf(M, names::VOUCHER_EXTERNAL_REFERENCE, reference);
    }
    if let Some(day) = voucher.document_day {
        out.day(M, names::VOUCHER_DOCUMENT_DAY, day);
    }
    if let Some(reversed) = voucher.reverses {
        out.leaf(M, names::VOUCHER_IS_REVERSAL, "true");
        out.uuid(M, names::VOUCHER_REVERSES, reversed);
    }
    if let Some(unit) = voucher.org_unit {
        out.uuid(M, names::VOUCHER_ORG_UNIT, unit);
    }
    out.open(M, names::POSTINGS);
    out.line();
}

fn write_posting<W: io::Write>(out: &mut Out<W>, posting: &Posting<'_>) {
    out.open(M, names::POSTING);
    out.uuid(M, names::POSTING_ID, posting.id);
    out.decimal2(M, names::POSTING_AMOUNT, posting.amount);
    out.plain(M, names::POSTING_SIDE, posting.side.code().as_bytes());
    if let Some(day) = posting.value_day {
        out.day(M, names::POSTING_VALUE_DAY, day);
    }
    out.leaf(M, names::POSTING_TEXT, posting.text);
    if let Some(reference) = posting.reference {
        out.leaf(M, names::POSTING_REFERENCE, reference);
    }
    for (name, day) in
        [(names::POSTING_PERIOD_FROM, posting.period_from), (names::POSTING_PERIOD_TO, posting.period_to)]
    {
        if let Some(day) = day {
            out.day(M, name, day);
        }
    }
    write_reference_keys(out, posting.reference_keys);
    write_dimensions(out, posting);
    if let Some(party) = posting.party {
        write_party(out, party);
    }
    out.close(M, names::POSTING);
    out.line();
}

fn write_reference_keys<W: io::Write>(out: &mut Out<W>, keys: &[(Uuid, &str)]) {
    if keys.is_empty() {
        return;
    }
    out.open(M, names::REFERENCE_KEYS);
    for (type_id, value) in keys {
        out.open(M, names::REFERENCE_KEY);
        out.uuid(M, names::REFERENCE_KEY_TYPE, *type_id);
        out.leaf(M, names::REFERENCE_KEY_VALUE, value);
        out.close(M, names::REFERENCE_KEY);
    }
    out.close(M, names::REFERENCE_KEYS);
}

fn write_dimensions<W: io::Write>(out: &mut Out<W>, posting: &Posting<'_>) {
    out.open(M, names::PRIMARY_DIMENSIONS);
    for (name, class) in DIMENSIONS.iter().zip(posting.dimensions) {
        if let Some(class) = class {
            out.uuid(M, name, class);
        }
    }
    out.close(M, names::PRIMARY_DIMENSIONS);
    if posting.secondary.is_empty() {
        return;
    }
    out.open(M, names::SECONDARY_DIMENSIONS);
    for class in posting.secondary {
        out.uuid(M, names::SECONDARY_DIMENSION, *class);
    }
    out.close(M, names::SECONDARY_DIMENSIONS);
}

fn write_party<W: io::Write>(out: &mut Out<W>, PostingParty { party, type_id }: PostingParty) {
    out.open(M, names::PARTY);
    out.open(M, names::PARTY_ID);
    out.raw(if party.code == IdentCode::Cpr { names::CPR_URN_LEAD } else { CVR_URN_LEAD });
    push_digits(&mut out.buffer, party.number, party.code.width());
    out.close(M, names::PARTY_ID);
    out.uuid(M, names::PARTY_TYPE, type_id);
    out.close(M, names::PARTY);
}

fn check_head(head: &FileHead<'_>) -> Result<(), WriteError> {
    let check = Check { voucher: 0, posting: 0 };
    for (field, cvr) in [
        (names::SENDER_ORGANISATION, head.route.sender_authority),
        (names::RECEIVER_ORGANISATION, head.route.receiver_authority),
    ] {
        check.that(field, is_cvr(cvr), "a CVR number of 8 digits")?;
    }
    let most = 10_i64.pow(SUM_DIGITS as u32);
    check.that(
        names::DELIVERY_DEBIT,
        (1..most).contains(&head.sum.0),
        "above zero and of at most 18 digits",
    )?;
    let year = jiff::tz::Offset::UTC.to_datetime(head.at).year();
    check.that(names::TRANSACTION_TIME, (1000..=2999).contains(&year), YEARS)
}

const YEARS: &str = "a year from 1000 to 2999";

/// Checks the fields of one voucher or posting.
#[derive(Clone, Copy)]
struct Check {
    voucher: u32,
    posting: u32,
}

impl Check {
    #[inline]
    fn that(self, field: &'static str, holds: bool, rule: &'static str) -> Result<(), WriteError> {
        if holds {
            return Ok(());
        }
        Err(WriteError::Field { voucher: self.voucher, posting: self.posting, field, rule })
    }

    fn voucher(self, voucher: &Voucher<'_>, is_new: bool) -> Result<(), WriteError> {
        self.that(names::VOUCHER_ID, is_new, "an id that stands only once in the file")?;
        self.printable(names::VOUCHER_NUMBER, voucher.number, 70)?;
        self.day(names::VOUCHER_BOOKING_DAY, Some(voucher.booking_day))?;
        self.day(names::VOUCHER_DOCUMENT_DAY, voucher.document_day)?;
        self.printable(names::VOUCHER_TEXT, voucher.text, 40)?;
        self.no_cpr(names::VOUCHER_TEXT, voucher.text)?;
        if let Some(reference) = voucher.external_reference {
            self.printable(names::VOUCHER_EXTERNAL_REFERENCE, reference, 70)?;
        }
        self.that(names::VOUCHER_REVERSES, voucher.reverses != Some(voucher.id), "another voucher than this")
    }

    #[inline]
    fn posting(self, posting: &Posting<'_>, is_new: bool) -> Result<(), WriteError> {
        self.that(names::POSTING_ID, is_new, "an id that stands only once in the voucher")?;
        let most = 10_i64.pow(AMOUNT_DIGITS as u32);
        let lawful = (1..most).contains(&posting.amount.0);
        self.that(names::POSTING_AMOUNT, lawful, "above zero and of at most 15 digits")?;
        self.printable(names::POSTING_TEXT, posting.text, 255)?;
        self.no_cpr(names::POSTING_TEXT, posting.text)?;
        if let Some(reference) = posting.reference {
            self.printable(names::POSTING_REFERENCE, reference, 255)?;
        }
        self.days(posting)?;
        for (_, value) in posting.reference_keys {
            self.printable(names::REFERENCE_KEY_VALUE, value, 255)?;
        }
        for (place, class) in posting.dimensions.iter().enumerate() {
            let holds = class.is_some() || !DIMENSION_IS_NEEDED[place];
            self.that(DIMENSIONS[place], holds, "given for every posting")?;
        }
        posting.party.map_or(Ok(()), |party| self.party(party))
    }

    fn days(self, posting: &Posting<'_>) -> Result<(), WriteError> {
        let Posting { value_day, period_from, period_to, .. } = *posting;
        self.day(names::POSTING_VALUE_DAY, value_day)?;
        self.day(names::POSTING_PERIOD_FROM, period_from)?;
        self.day(names::POSTING_PERIOD_TO, period_to)?;
        let in_order = period_from.zip(period_to).is_none_or(|(from, to)| from <= to);
        self.that(names::POSTING_PERIOD_TO, in_order, "not before the first day")
    }

    fn day(self, field: &'static str, day: Option<jiff::civil::Date>) -> Result<(), WriteError> {
        self.that(field, day.is_none_or(|day| (1000..=2999).contains(&day.year())), YEARS)
    }

    fn party(self, PostingParty { party, .. }: PostingParty) -> Result<(), WriteError> {
        let known = matches!(party.code, IdentCode::Cpr | IdentCode::Cvr);
        self.that(names::PARTY_ID, known, "a CPR or a CVR number")?;
        let fits = party.number < 10_u64.pow(party.code.width() as u32);
        self.that(names::PARTY_ID, fits, "a number of no more digits than its kind has")
    }

    #[inline]
    fn printable(self, field: &'static str, text: &str, most: usize) -> Result<(), WriteError> {
        let short = text.len() <= most || text.chars().count() <= most;
        self.that(field, short && is_printable(text), "text that can be printed, not blank and not too long")
    }

    #[inline]
    fn no_cpr(self, field: &'static str, text: &str) -> Result<(), WriteError> {
        self.that(field, !has_cpr(text), "text without a CPR number")
    }
}
