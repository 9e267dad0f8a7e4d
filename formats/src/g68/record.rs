//! One data record, or a pair, through all checks: structure, format, cross table, tables, combinations.
//!
//! Keeps what a later record of the same file is held against. Knows nothing of bytes on their way: see `reader`.

use crate::layout::bytes;
use crate::vocabulary::{BankAccount, MunicipalityCode, Ore};

use super::cells::{self, Cells, Lines, Parts, Shape, Values};
use super::charset::{Charset, decode};
use super::checks::{Case, Memo, Resolved};
use super::codes::{Code, Severity};
use super::days::{Day, Days, date_of};
use super::finding::Findings;
use super::physical::{Frame, Mode};
use super::plan::Plans;
use super::reader::Unit;
use super::report::FileReport;
use super::request::{Form, Method, PostingRef, Request, Slip, TextLines};
use super::seen::{Keys, LineNumbers, Place, fingerprint};
use super::slots::{Layouts, Slot};
use super::{Options, Tables};

/// A record in ISO-8859-1 and its place in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) line_no: u32,
    pub(super) record_no: u32,
    pub(super) offset: u64,
    pub(super) length: u32,
}

/// Which count a line number belongs to (S05).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interface {
    G68,
    G69,
}

/// The memory one record is worked on; the next one uses it again.
pub(super) struct Desk {
    findings: Findings,
    padded: Vec<u8>,
    parts: Parts,
    finance: Values,
}

impl Desk {
    pub(super) fn new() -> Desk {
        Desk {
            findings: Findings::default(),
            padded: Vec::new(),
            parts: Parts::new(),
            finance: Values::new(),
        }
    }
}

/// The characters of a G68 record that was taken apart.
struct Apart<'a> {
    cells: Cells<'a>,
    lines: &'a Lines,
    floating: bool,
}

/// What the checks made of a record beside what it says.
struct Judged {
    day: Option<Day>,
    posting: Option<Place>,
    transaction: Option<Place>,
}

/// The checks of one file.
pub(super) struct Checker<'t, T: Tables> {
    pub(super) layouts: &'t Layouts,
    pub(super) options: Options,
    pub(super) tables: &'t T,
    pub(super) report: FileReport,
    pub(super) days: Days<'t, T>,
    mode: Mode,
    memo: Memo,
    g68_numbers: LineNumbers,
    g69_numbers: LineNumbers,
    last_number: u32,
    postings: Keys,
    transactions: Keys,
}

impl<'t, T: Tables> Checker<'t, T> {
    pub(super) fn new(layouts: &'t Layouts, options: Options, mode: Mode, tables: &'t T) -> Self {
        Checker {
            layouts,
            options,
            tables,
            report: FileReport::default(),
            days: Days::new(tables, options.reception, options.date_is_processing),
            mode,
            memo: Memo::default(),
            g68_numbers: LineNumbers::new(),
            g69_numbers: LineNumbers::new(),
            last_number: 0,
            postings: Keys::new(),
            transactions: Keys::new(),
        }
    }

    /// A record of the window, with the next line number; its record number is not known yet.
    #[inline]
    pub(super) fn line<'w>(
        &mut self,
        window: &'w [u8],
        frame: Frame,
        base: u64,
        charset: Charset,
        scratch: &'w mut Vec<u8>,
    ) -> Line<'w> {
        self.report.lines += 1;
        Line {
            bytes: decode(charset, window.get(frame.start..frame.end).unwrap_or(&[]), scratch),
            line_no: self.report.lines,
            record_no: 0,
            offset: base + frame.start as u64,
            length: (frame.end - frame.start) as u32,
        }
    }

    fn plans(&self) -> &'t Plans {
        &self.layouts.plans
    }

    /// A record that is neither G68 nor G69, or no record at all.
    #[cold]
    pub(super) fn stranger(
        &mut self,
        desk: &mut Desk,
        line: &Line<'_>,
        (code, at, len): (Code, usize, usize),
        sink: &mut impl FnMut(Unit<'_>),
    ) {
        let findings = &mut desk.findings;
        findings.clear(line.line_no);
        findings.add(code, None, at, len, code != Code::S12);
        self.emit(line, None, None, findings, sink);
    }

    /// A G69 record without a G68 beside it that has its reference: nothing is paid by it (K17).
    pub(super) fn finance(&mut self, desk: &mut Desk, line: &Line<'_>, sink: &mut impl FnMut(Unit<'_>)) {
        let Desk { findings, finance: values, .. } = desk;
        findings.clear(line.line_no);
        self.number(line, Interface::G69, findings);
        let raw = bytes::trim_end(line.bytes);
        let too_long = self.too_long(raw.len(), self.plans().finance_longest(), findings);
        if !too_long && cells::read_finance(self.plans(), raw, values, findings) {
            let span = Cells::new(raw, values).span(Slot::PaymentRef);
            findings.add(
                Code::K17,
                Some(Slot::PaymentRef),
                usize::from(span.at),
                usize::from(span.len),
                false,
            );
        }
        self.emit(line, None, None, findings, sink);
    }

    /// A G68 record, alone or with its G69 partner.
    #[inline]
    pub(super) fn payment(
        &mut self,
        desk: &mut Desk,
        line: &Line<'_>,
        partner: Option<&Line<'_>>,
        sink: &mut impl FnMut(Unit<'_>),
    ) {
        let Desk { findings, padded, parts, finance } = desk;
        findings.clear(line.line_no);
        self.numbers(line, partner, findings);
        let apart = self.take_apart(line.bytes, padded, parts, findings);
        if let Some(other) = partner {
            findings.line_no = other.line_no;
            cells::read_finance(self.plans(), bytes::trim_end(other.bytes), finance, findings);
            findings.line_no = line.line_no;
        }
        let Some(Apart { cells, lines, floating }) = apart else {
            return self.emit(line, partner, None, findings, sink);
        };
        let case = Case {
            cells,
            lines,
            floating,
            partner: partner.map(|other| Cells::new(bytes::trim_end(other.bytes), finance)),
            partner_line: partner.map_or(0, |other| other.line_no),
            plans: self.plans(),
        };
        self.settle(line, partner, &case, findings, sink);
    }

    /// Judges a readable record and hands it on: with a request only when nothing refuses it.
    #[inline]
    fn settle(
        &mut self,
        line: &Line<'_>,
        partner: Option<&Line<'_>>,
        case: &Case<'_, '_>,
        findings: &mut Findings,
        sink: &mut impl FnMut(Unit<'_>),
    ) {
        let resolved = case.resolve(self.options.supplier, self.tables);
        let judged = self.judge(case, &resolved, findings);
        if findings.refused() {
            return self.emit(line, partner, None, findings, sink);
        }
        let posting = PostingRef(resolved.posting.unwrap_or([b'0'; 20]));
        let built = build(case, &resolved, judged.day, &posting);
        match &built {
            Some(request) => {
                judged.posting.into_iter().for_each(|place| self.postings.claim(place));
                judged.transaction.into_iter().for_each(|place| self.transactions.claim(place));
                self.report.sum_ok += request.amount;
                self.emit(line, partner, Some(request), findings, sink);
            }
            // Every reason for this was told above; were one forgotten, the record must still not be lost.
            None => {
                findings.add(Code::F03, None, 0, line.bytes.len(), true);
                self.emit(line, partner, None, findings, sink);
            }
        }
    }

    #[inline]
    fn emit(
        &mut self,
        line: &Line<'_>,
        partner: Option<&Line<'_>>,
        request: Option<&Request<'_>>,
        findings: &Findings,
        sink: &mut impl FnMut(Unit<'_>),
    ) {
        if request.is_some() {
            self.report.requests_ok += 1
        } else {
            self.report.rejected += 1
        }
        if !findings.list().is_empty() {
            let warnings = findings.list().iter().filter(|finding| finding.severity() == Severity::Warning);
            self.report.warnings += warnings.count() as u32;
        }
        sink(Unit {
            record_no: line.record_no,
            last_record_no: partner.map_or(0, |partner| partner.record_no).max(line.record_no),
            line_no: line.line_no,
            offset: line.offset,
            length: line.length,
            raw: line.bytes,
            partner: partner.map(|partner| partner.bytes),
            request,
            findings: findings.list(),
        });
    }

    /// Line numbers in the order of the file (S05, S06).
    #[inline]
    fn numbers(&mut self, line: &Line<'_>, partner: Option<&Line<'_>>, findings: &mut Findings) {
        let before = partner.filter(|partner| partner.line_no < line.line_no);
        let after = partner.filter(|partner| partner.line_no > line.line_no);
        if let Some(partner) = before {
            self.number(partner, Interface::G69, findings);
        }
        self.number(line, Interface::G68, findings);
        if let Some(partner) = after {
            self.number(partner, Interface::G69, findings);
        }
        findings.line_no = line.line_no;
    }

    /// Senders number all records together, or G68 and G69 apart: a number follows when it does so in either way.
    #[inline]
    fn number(&mut self, line: &Line<'_>, interface: Interface, findings: &mut Findings) {
        let (slot, span, numbers) = match interface {
            Interface::G68 => (Slot::LineNumber, self.plans().line_number, &mut self.g68_numbers),
            Interface::G69 => {
                (Slot::FinanceLineNumber, self.plans().finance_line_number, &mut self.g69_numbers)
            }
        };
        let (at, len) = (usize::from(span.at), usize::from(span.len));
        let Some(number) = bytes::number_at(line.bytes, at, len) else { return };
        let number = number as u32;
        let follows = number == self.last_number + 1 || number == numbers.last + 1;
        let repeated = numbers.note(number);
        self.last_number = number;
        if repeated || !follows {
            let code = if repeated { Code::S05 } else { Code::S06 };
            findings.line_no = line.line_no;
            findings.add(code, Some(slot), usize::from(span.at), usize::from(span.len), false);
        }
    }

    #[inline(always)]
    fn too_long(&self, length: usize, longest: usize, findings: &mut Findings) -> bool {
        if length > longest {
            findings.add(Code::F01, None, longest, length - longest, true);
        }
        length > longest
    }

    /// Takes the record apart, or tells why its columns and fields mean nothing: length or header.
    #[inline]
    fn take_apart<'a>(
        &self,
        raw: &'a [u8],
        padded: &'a mut Vec<u8>,
        parts: &'a mut Parts,
        findings: &mut Findings,
    ) -> Option<Apart<'a>> {
        let plans = self.plans();
        match cells::shape(plans, raw) {
            Some(Shape::Fixed) => {
                let raw = self.whole(raw, padded, findings)?;
                let (values, lines) = cells::read_fixed(plans, raw, parts, findings);
                Some(Apart { cells: Cells::new(raw, values), lines, floating: false })
            }
            Some(variant) if self.mode == Mode::Line => {
                let raw = bytes::trim_end(raw);
                if self.too_long(raw.len(), plans.floating_longest(), findings) {
                    return None;
                }
                let (values, lines) = cells::read_floating(plans, raw, variant, parts, findings);
                Some(Apart { cells: Cells::new(raw, values), lines, floating: true })
            }
            // Floating records have no place in blocks (g68.md 3.1).
            _ => {
                findings.add(Code::F03, None, 0, raw.len().min(plans.head_a_length), false);
                None
            }
        }
    }

    /// A fixed record with every column: blanks at its end may have been lost on the way, but nothing else.
    #[inline]
    fn whole<'a>(&self, raw: &'a [u8], padded: &'a mut Vec<u8>, findings: &mut Findings) -> Option<&'a [u8]> {
        let plans = self.plans();
        if self.too_long(raw.len(), plans.fixed_length, findings) {
            return None;
        }
        // The last mandatory column is never blank, so a shorter record has lost more than blanks.
        let last = plans.fixed_shortest.saturating_sub(1);
        if raw.get(last).is_none_or(|byte| *byte == b' ') {
            let length = bytes::trimmed_len(raw);
            if length < plans.fixed_shortest {
                findings.add(Code::F02, None, 0, length, true);
                return None;
            }
        }
        if raw.len() == plans.fixed_length {
            return Some(raw);
        }
        padded.clear();
        padded.extend_from_slice(raw);
        padded.resize(plans.fixed_length, b' ');
        Some(padded)
    }

    #[inline]
    fn judge(&mut self, case: &Case<'_, '_>, resolved: &Resolved<'_>, findings: &mut Findings) -> Judged {
        let cells = &case.cells;
        self.amount(cells, findings);
        case.cross_table(resolved, findings);
        case.tables(resolved, &mut self.memo, self.tables, findings);
        let day = cells.given_number(Slot::DispositionDate).and_then(|number| self.days.get(number));
        let sender = self.report.municipality.filter(|_| !self.options.allow_multi_municipality);
        case.combinations(resolved, sender, day.as_ref(), findings);
        let (posting, transaction) = self.repeated(cells, resolved, findings);
        Judged { day, posting, transaction }
    }

    /// The amount counts for the control sum whatever becomes of the record.
    #[inline]
    fn amount(&mut self, cells: &Cells<'_>, findings: &mut Findings) {
        let Some(amount) = cells.given_number(Slot::Amount) else { return };
        if amount == 0 {
            let span = cells.span(Slot::Amount);
            findings.add(Code::F06, Some(Slot::Amount), usize::from(span.at), usize::from(span.len), false);
        }
        self.report.sum += signed(cells, amount);
    }

    /// What an accepted record of this file has claimed before (K08, K09). Refused records claim nothing.
    #[inline]
    fn repeated(
        &mut self,
        cells: &Cells<'_>,
        resolved: &Resolved<'_>,
        findings: &mut Findings,
    ) -> (Option<Place>, Option<Place>) {
        let reference = resolved.posting;
        let posting = reference.zip(resolved.municipality).and_then(|(reference, municipality)| {
            posting_key(&reference, municipality).map(|key| self.postings.find(key))
        });
        if posting.is_some_and(|place| place.taken) {
            blame(Code::K08, cells, Slot::PostingRef, findings);
        }
        let own = resolved.transaction_ref;
        let (slot, text) = match &reference {
            Some(reference) if own.is_empty() => (Slot::PostingRef, &reference[..]),
            _ => (Slot::TransactionRef, own),
        };
        // Of one municipality and supplier (00-decisions.md 4b): two municipalities' references may be the same.
        let sender = resolved.municipality.zip(resolved.supplier).filter(|_| !text.is_empty());
        let transaction = sender.map(|(municipality, supplier)| {
            self.transactions.find(fingerprint(municipality.0, supplier.0, text))
        });
        if transaction.is_some_and(|place| place.taken) {
            blame(Code::K09, cells, slot, findings);
        }
        (posting, transaction)
    }
}

#[cold]
fn blame(code: Code, cells: &Cells<'_>, slot: Slot, findings: &mut Findings) {
    let span = cells.span(slot);
    findings.add(code, Some(slot), usize::from(span.at), usize::from(span.len), false);
}

/// Municipality and posting reference in one number: exact, since 24 digits fit 128 bits.
#[inline(always)]
fn posting_key(reference: &[u8; 20], municipality: MunicipalityCode) -> Option<u128> {
    let (head, tail) = (bytes::number_at(reference, 0, 8)?, bytes::number_at(reference, 8, 12)?);
    let digits = u128::from(head) * 1_000_000_000_000 + u128::from(tail);
    Some(u128::from(municipality.0) << 80 | digits)
}

#[inline(always)]
fn signed(cells: &Cells<'_>, amount: u64) -> Ore {
    let amount = Ore(amount as i64);
    if cells.number(Slot::Sign) == u64::from(b'-') { -amount } else { amount }
}

/// The request of a record that nothing refuses; `None` would mean that a check is missing.
#[inline]
fn build<'b>(
    case: &'b Case<'b, 'b>,
    resolved: &Resolved<'b>,
    day: Option<Day>,
    posting: &'b PostingRef,
) -> Option<Request<'b>> {
    let cells = &case.cells;
    let day = day?;
    let method = resolved.method?;
    let own = resolved.transaction_ref;
    Some(Request {
        form: if case.floating { Form::Floating } else { Form::Fixed },
        line_number: cells.number(Slot::LineNumber) as u32,
        registration_site: cells.number(Slot::RegistrationSite) as u16,
        transaction_type: resolved.kind?,
        municipality: resolved.municipality?,
        supplier: resolved.supplier?,
        sending_system: cells.text(Slot::SendingSystem),
        payment_ident: cells.number(Slot::PaymentIdent),
        amount: signed(cells, cells.given_number(Slot::Amount)?),
        payee: resolved.payee.party()?,
        date_sent: day.sent,
        disposition_date: day.disposition,
        effective_date: if method.is_paid_by_bank() { day.bank_day } else { day.disposition },
        posting_ref: *posting,
        invoice_no: cells.text(Slot::InvoiceNo),
        invoice_date: optional_date(cells, Slot::InvoiceDate),
        benefit: resolved.benefit?,
        kle: cells.text(Slot::Kle),
        period: optional_date(cells, Slot::PeriodFrom).zip(optional_date(cells, Slot::PeriodTo)),
        recipient: resolved.recipient.party()?,
        account: resolved.account,
        case_ref: resolved.case_ref,
        transaction_ref: if own.is_empty() { posting.digits() } else { own },
        method,
        bank_account: bank_account(cells),
        slip: (method == Method::PaymentSlip).then(|| slip(cells)),
        alternative: resolved.alternative.party(),
        name: cells.text(Slot::Name),
        care_of: cells.text(Slot::CareOf),
        address: cells.text(Slot::Address),
        postcode: cells.given_number(Slot::Postcode).map(|code| code as u16),
        city: cells.text(Slot::City),
        text: TextLines { raw: cells.raw, spans: case.lines.spans.get(..case.lines.count)? },
    })
}

#[inline(always)]
fn optional_date(cells: &Cells<'_>, slot: Slot) -> Option<jiff::civil::Date> {
    cells.given_number(slot).and_then(|number| date_of(number as u32))
}

fn bank_account(cells: &Cells<'_>) -> Option<BankAccount> {
    let registration = cells.given_number(Slot::BankRegistration)?;
    BankAccount::new(registration as u16, cells.given_number(Slot::BankAccount)?).ok()
}

fn slip(cells: &Cells<'_>) -> Slip {
    Slip {
        kind: cells.number(Slot::SlipType) as u8,
        id: cells.number(Slot::SlipId),
        creditor: cells.number(Slot::SlipCreditor) as u32,
    }
}
