//! Writes G68 files: both forms, with or without G69 partners, lines or blocks, three character sets.
//!
//! Writes what it is given and judges nothing but whether it fits its columns: see `checks` for the rules.

use jiff::civil::Date;

use crate::layout::{Class, bytes};
use crate::vocabulary::{IdentCode, MunicipalityCode, Ore, Party};

use super::MOST_RECORDS;
use super::charset::{Charset, encode};
use super::owned::{NotWritable, RequestBuf};
use super::physical::Mode;
use super::plan::{Plans, Spec};
use super::request::{Form, Request};
use super::slots::{Layouts, Slot, TEXT_SLOTS};

/// The header of a floating record (g68.md 6.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Header {
    /// With the organisation unit, 18 characters.
    #[default]
    A,
    /// Without it, 14 characters.
    B,
}

/// How lines end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineEnd {
    /// LF.
    #[default]
    Lf,
    /// CR LF.
    CrLf,
}

/// Whether each payment is written with its bookkeeping, a G69 record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Partner {
    /// No G69.
    #[default]
    None,
    /// G68 and then G69.
    After,
    /// G69 and then G68.
    Before,
}

/// How a file is to be written. The default: fixed form, lines stripped of blanks at the end, LF, ISO-8859-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteOptions {
    /// Columns or numbered fields.
    pub form: Form,
    /// The header of floating records.
    pub header: Header,
    /// A floating record without the hub's own fields (05, 06, 20, 80-88), as the KMD family writes it: its
    /// accounting travels in the partner.
    pub plain: bool,
    /// G69 partners.
    pub partner: Partner,
    /// Lines or blocks; floating records are always in lines.
    pub mode: Mode,
    /// The character set.
    pub charset: Charset,
    /// Line ends, in lines.
    pub line_end: LineEnd,
    /// Strip blanks at the end of lines; otherwise a fixed record has its full length.
    pub strip: bool,
    /// Write the control sum into SLUTD.
    pub control_sum: bool,
}

impl Default for WriteOptions {
    fn default() -> Self {
        WriteOptions {
            form: Form::Fixed,
            header: Header::A,
            plain: false,
            partner: Partner::None,
            mode: Mode::Line,
            charset: Charset::Latin1,
            line_end: LineEnd::Lf,
            strip: true,
            control_sum: false,
        }
    }
}

/// What the start identification says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Z300 {
    /// The sender, as user number.
    pub municipality: MunicipalityCode,
    /// Day of the year of the delivery, 1 to 366.
    pub day: u16,
}

/// Writes one file into memory.
#[derive(Debug)]
pub struct FileWriter<'t> {
    plans: &'t Plans,
    options: WriteOptions,
    /// Floating fields in the order of their numbers.
    floating: Vec<Spec>,
    out: Vec<u8>,
    line: Vec<u8>,
    records: u32,
    sum: Ore,
}

/// Media type and "mixed" of Z300 (g68.md 4); other values are unknown.
const MEDIUM: u64 = 6;
const MIXED: u64 = 1;
/// Control sum of SLUTD, digits (g68.md 5). ASSUMED.
const SUM_DIGITS: usize = 15;
/// What a plain floating record does not carry.
const HUB_FIELDS: [Slot; 12] = [
    Slot::Supplier,
    Slot::SendingSystem,
    Slot::Method,
    Slot::Benefit,
    Slot::Kle,
    Slot::PeriodFrom,
    Slot::PeriodTo,
    Slot::RecipientCode,
    Slot::RecipientNumber,
    Slot::Account,
    Slot::CaseRef,
    Slot::TransactionRef,
];

impl<'t> FileWriter<'t> {
    /// Begins a file with Z300, behind what `out` holds already.
    pub fn new(layouts: &'t Layouts, options: WriteOptions, start: Z300, out: Vec<u8>) -> FileWriter<'t> {
        let plans = &layouts.plans;
        let mut floating = plans.floating.specs().to_vec();
        floating.sort_by_key(|spec| spec.numbers.0);
        let mut writer =
            FileWriter { plans, options, floating, out, line: Vec::new(), records: 0, sum: Ore::ZERO };
        writer.line.extend_from_slice(b"Z300 ");
        push_number(&mut writer.line, u64::from(start.municipality.0), 4);
        push_number(&mut writer.line, MEDIUM, 1);
        writer.line.extend_from_slice(b"      ");
        push_number(&mut writer.line, u64::from(start.day), 3);
        push_number(&mut writer.line, MIXED, 1);
        writer.end_line();
        writer
    }

    /// Writes one payment, and its partner when the options ask for one. The writer numbers the lines itself,
    /// G68 and G69 alike.
    ///
    /// # Errors
    /// What does not fit; nothing is written then.
    pub fn record(&mut self, request: &Request<'_>) -> Result<(), NotWritable> {
        let lines = if self.options.partner == Partner::None { 1 } else { 2 };
        if self.records + lines > MOST_RECORDS {
            return Err(NotWritable::FileFull);
        }
        let before = (self.out.len(), self.records);
        let written = self.pair(request);
        match written {
            Ok(()) => self.sum += request.amount,
            Err(_) => {
                self.out.truncate(before.0);
                self.records = before.1;
                self.line.clear();
            }
        }
        written
    }

    /// [`FileWriter::record`] for a request of owned values.
    ///
    /// # Errors
    /// A character that is not allowed, or what does not fit.
    pub fn record_buf(&mut self, request: &RequestBuf) -> Result<(), NotWritable> {
        self.record(&request.encode()?.request())
    }

    /// Ends the file with SLUTD.
    pub fn finish(mut self) -> Vec<u8> {
        self.line.extend_from_slice(b"SLUTD");
        push_number(&mut self.line, u64::from(self.records), 5);
        if self.options.control_sum {
            push_number(&mut self.line, self.sum.magnitude(), SUM_DIGITS);
            self.line.push(if self.sum < Ore::ZERO { b'-' } else { b'+' });
        }
        self.end_line();
        self.out
    }

    fn pair(&mut self, request: &Request<'_>) -> Result<(), NotWritable> {
        if self.options.partner == Partner::Before {
            self.finance(request)?;
        }
        match self.options.form {
            Form::Fixed => self.fixed(request)?,
            Form::Floating => self.floating(request)?,
        }
        if self.options.partner == Partner::After {
            self.finance(request)?;
        }
        Ok(())
    }

    fn fixed(&mut self, request: &Request<'_>) -> Result<(), NotWritable> {
        if request.text.len() > TEXT_SLOTS.len() {
            return Err(NotWritable::TextLines(request.text.len()));
        }
        if request.text.iter().any(<[u8]>::is_empty) {
            return Err(NotWritable::EmptyTextLine);
        }
        self.records += 1;
        for spec in &self.plans.fixed {
            let value = value(request, spec.slot, self.records, Form::Fixed);
            push_column(&mut self.line, spec, value)?;
        }
        if self.options.mode == Mode::Line && self.options.strip {
            let length = bytes::trimmed_len(&self.line);
            self.line.truncate(length);
        }
        self.end_line();
        Ok(())
    }

    fn floating(&mut self, request: &Request<'_>) -> Result<(), NotWritable> {
        self.records += 1;
        let head = if self.options.header == Header::A { &self.plans.head_a } else { &self.plans.head_b };
        for spec in head {
            push_column(&mut self.line, spec, value(request, spec.slot, self.records, Form::Floating))?;
        }
        let plain = self.options.plain;
        for spec in &self.floating {
            if plain && HUB_FIELDS.contains(&spec.slot) {
                continue;
            }
            match TEXT_SLOTS.contains(&spec.slot) || spec.slot == Slot::TextMore {
                true => push_texts(&mut self.line, spec, request)?,
                false => {
                    let value = value(request, spec.slot, self.records, Form::Floating);
                    push_field(&mut self.line, spec, spec.numbers.0, 2, value)?;
                }
            }
        }
        self.end_line();
        Ok(())
    }

    fn finance(&mut self, request: &Request<'_>) -> Result<(), NotWritable> {
        self.records += 1;
        for spec in &self.plans.finance_head {
            push_column(&mut self.line, spec, finance_value(request, spec.slot, self.records))?;
        }
        for spec in self.plans.finance.specs() {
            let value = finance_value(request, spec.slot, self.records);
            push_field(&mut self.line, spec, spec.numbers.0, 3, value)?;
        }
        self.end_line();
        Ok(())
    }

    /// Encodes the line in hand and ends it as the options say.
    fn end_line(&mut self) {
        if self.options.mode == Mode::Block {
            self.line.resize(self.plans.fixed_length.max(self.line.len()), b' ');
        }
        encode(self.options.charset, &self.line, &mut self.out);
        if self.options.mode == Mode::Line {
            let end: &[u8] = if self.options.line_end == LineEnd::CrLf { b"\r\n" } else { b"\n" };
            encode(self.options.charset, end, &mut self.out);
        }
        self.line.clear();
    }
}

/// What is to be written into a field.
#[derive(Clone, Copy)]
enum Value<'a> {
    /// Right-justified and zero-filled; zero may mean "not given".
    Number(u64),
    /// As it is: digits at full length, a sign, a date.
    Exactly(&'a [u8]),
    /// Left-justified and blank-filled; empty when not given.
    Text(&'a [u8]),
    Date(Option<Date>),
    /// An ident code; `None` when not given.
    Code(Option<IdentCode>),
    /// G69: digits and a sign, blank for plus.
    Amount(Ore),
}

/// What a slot of the G68 record holds.
fn value<'r>(request: &'r Request<'_>, slot: Slot, line_number: u32, form: Form) -> Value<'r> {
    let number = |party: Option<Party>| Value::Number(party.map_or(0, |party| party.number));
    match slot {
        Slot::RegistrationSite => Value::Number(u64::from(request.registration_site)),
        Slot::InterfaceType => Value::Text(b"G68"),
        Slot::LineNumber => Value::Number(u64::from(line_number)),
        Slot::OrganisationUnit | Slot::PayingUnit => Value::Number(u64::from(request.municipality.0)),
        Slot::TransactionType => Value::Number(u64::from(request.transaction_type.code())),
        Slot::Form => Value::Number(u64::from(form == Form::Floating)),
        Slot::OrganisationType => Value::Number(0),
        Slot::Supplier => Value::Text(bytes::trim_end(&request.supplier.0)),
        Slot::SendingSystem => Value::Text(request.sending_system),
        Slot::PaymentIdent => Value::Number(request.payment_ident),
        Slot::Amount => Value::Number(request.amount.magnitude()),
        Slot::Sign => Value::Exactly(if request.amount < Ore::ZERO { b"-" } else { b"+" }),
        Slot::PayeeCode => Value::Code(Some(request.payee.code)),
        Slot::PayeeNumber => number(Some(request.payee)),
        Slot::DispositionDate => Value::Date(Some(request.date_sent)),
        Slot::PostingRef => Value::Exactly(request.posting_ref.digits()),
        Slot::InvoiceNo => Value::Text(request.invoice_no),
        Slot::InvoiceDate => Value::Date(request.invoice_date),
        Slot::Benefit => Value::Number(u64::from(request.benefit.0)),
        Slot::Kle => Value::Text(request.kle),
        Slot::PeriodFrom => Value::Date(request.period.map(|(from, _)| from)),
        Slot::PeriodTo => Value::Date(request.period.map(|(_, to)| to)),
        Slot::RecipientCode => Value::Code(Some(request.recipient.code)),
        Slot::RecipientNumber => number(Some(request.recipient)),
        Slot::Account => Value::Text(request.account),
        Slot::CaseRef => Value::Text(request.case_ref),
        Slot::TransactionRef => Value::Text(request.transaction_ref),
        Slot::Method => Value::Number(u64::from(request.method.code())),
        Slot::BankRegistration => {
            Value::Number(request.bank_account.map_or(0, |a| u64::from(a.registration())))
        }
        Slot::BankAccount => Value::Number(request.bank_account.map_or(0, |a| a.number())),
        Slot::SlipType => Value::Number(request.slip.map_or(0, |slip| u64::from(slip.kind))),
        Slot::SlipId => Value::Number(request.slip.map_or(0, |slip| slip.id)),
        Slot::SlipCreditor => Value::Number(request.slip.map_or(0, |slip| u64::from(slip.creditor))),
        Slot::AlternativeCode => Value::Code(request.alternative.map(|party| party.code)),
        Slot::AlternativeNumber => number(request.alternative),
        Slot::Name => Value::Text(request.name),
        Slot::CareOf => Value::Text(request.care_of),
        Slot::Address => Value::Text(request.address),
        Slot::Postcode => Value::Number(request.postcode.map_or(0, u64::from)),
        Slot::City => Value::Text(request.city),
        Slot::TextCount => Value::Number(request.text.len() as u64),
        Slot::Text1 => text_line(request, 0),
        Slot::Text2 => text_line(request, 1),
        Slot::Text3 => text_line(request, 2),
        Slot::Text4 => text_line(request, 3),
        // The filler, and what belongs to other records.
        _ => Value::Text(b""),
    }
}

fn text_line<'r>(request: &'r Request<'_>, line: usize) -> Value<'r> {
    Value::Text(request.text.iter().nth(line).unwrap_or(b""))
}

/// What a slot of the G69 record holds: the payment's bookkeeping, machine and running number from its reference
/// (g68.md 11 and the example of 13).
fn finance_value<'r>(request: &'r Request<'_>, slot: Slot, line_number: u32) -> Value<'r> {
    let reference = &request.posting_ref;
    match slot {
        Slot::FinanceSite => Value::Number(u64::from(request.registration_site)),
        Slot::FinanceInterface => Value::Text(b"G69"),
        Slot::FinanceLineNumber => Value::Number(u64::from(line_number)),
        Slot::FinanceUnit => Value::Number(u64::from(request.municipality.0)),
        Slot::FinanceUnitType => Value::Number(1),
        Slot::FinanceKind => Value::Text(b"NOR"),
        Slot::FinanceFormat => Value::Text(b"FLYD"),
        Slot::Machine => Value::Exactly(reference.machine()),
        Slot::Expedition => Value::Exactly(reference.running()),
        Slot::PostingDate => Value::Exactly(reference.date_digits()),
        Slot::FinanceAccount => Value::Text(request.account),
        Slot::FinanceAmount => Value::Amount(request.amount),
        Slot::DebitCredit => Value::Text(b"D"),
        Slot::FiscalYear => Value::Exactly(reference.date_digits().get(..4).unwrap_or(b"")),
        Slot::PaymentRef => Value::Exactly(reference.digits()),
        Slot::FinanceRecipientCode => Value::Code(Some(finance_code(request.recipient.code))),
        Slot::FinanceRecipientNumber => Value::Number(request.recipient.number),
        Slot::PostingText => Value::Text(request.case_ref),
        // The rest is optional and not ours to say.
        _ => Value::Text(b""),
    }
}

/// G69 has one code for SE and CVR numbers, 03 (g68.md 11, field 132).
fn finance_code(code: IdentCode) -> IdentCode {
    if code == IdentCode::Cvr { IdentCode::Se } else { code }
}

/// Appends a value at its field's full width.
fn push_column(line: &mut Vec<u8>, spec: &Spec, value: Value<'_>) -> Result<(), NotWritable> {
    let width = usize::from(spec.span.len);
    let start = line.len();
    push_value(line, value, width);
    let blank =
        matches!(spec.class, Class::Text | Class::Account | Class::Blank | Class::Ident | Class::Sign);
    if line.len() - start > width {
        return Err(NotWritable::TooLong(spec.slot));
    }
    line.resize(start + width, if blank { b' ' } else { b'0' });
    check_characters(spec, line.get(start..).unwrap_or(&[]))
}

/// Appends a numbered field, unless its value is not given.
fn push_field(
    line: &mut Vec<u8>,
    spec: &Spec,
    number: u16,
    digits: usize,
    value: Value<'_>,
) -> Result<(), NotWritable> {
    let given = match value {
        Value::Number(number) => number != 0 || spec.zero_is_value || spec.required,
        Value::Exactly(_) | Value::Amount(_) => true,
        Value::Text(text) => !text.is_empty(),
        Value::Date(date) => date.is_some(),
        Value::Code(code) => code.is_some(),
    };
    if !given {
        return Ok(());
    }
    let width = usize::from(spec.span.len);
    line.push(b'&');
    push_number(line, u64::from(number), digits);
    let start = line.len();
    push_value(line, value, width);
    if line.len() - start > width {
        return Err(NotWritable::TooLong(spec.slot));
    }
    check_characters(spec, line.get(start..).unwrap_or(&[]))
}

/// The text lines whose numbers belong to `spec`.
fn push_texts(line: &mut Vec<u8>, spec: &Spec, request: &Request<'_>) -> Result<(), NotWritable> {
    const FIRST: u16 = 40;
    for (number, text) in (FIRST..).zip(request.text.iter()) {
        if number < spec.numbers.0 || number > spec.numbers.1 {
            continue;
        }
        line.push(b'&');
        push_number(line, u64::from(number), 2);
        line.extend_from_slice(text);
        if text.len() > usize::from(spec.span.len) {
            return Err(NotWritable::TooLong(spec.slot));
        }
        check_characters(spec, text)?;
    }
    Ok(())
}

fn push_value(line: &mut Vec<u8>, value: Value<'_>, width: usize) {
    match value {
        Value::Number(number) => push_number(line, number, width),
        Value::Exactly(text) | Value::Text(text) => line.extend_from_slice(text),
        Value::Date(Some(date)) => {
            push_number(line, u64::from(date.year().unsigned_abs()), 4);
            push_number(line, u64::from(date.month().unsigned_abs()), 2);
            push_number(line, u64::from(date.day().unsigned_abs()), 2);
        }
        Value::Date(None) => push_number(line, 0, width),
        Value::Code(Some(code)) => push_number(line, code as u64, 2),
        Value::Code(None) => {}
        Value::Amount(amount) => {
            push_number(line, amount.magnitude(), width - 1);
            line.push(if amount < Ore::ZERO { b'-' } else { b' ' });
        }
    }
}

fn check_characters(spec: &Spec, value: &[u8]) -> Result<(), NotWritable> {
    if bytes::all_allowed(value) { Ok(()) } else { Err(NotWritable::Character(spec.slot)) }
}

/// Zero-filled digits; more than `width` when the number has more.
fn push_number(line: &mut Vec<u8>, number: u64, width: usize) {
    let start = line.len();
    line.resize(start + width, b'0');
    let mut rest = number;
    for digit in line.iter_mut().skip(start).rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    if rest > 0 {
        // It does not fit: one digit too many lets the caller see it.
        line.push(b'0');
    }
}
