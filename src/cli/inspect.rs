//! `toek inspect`: what is in a file, field by field, with personal data masked.
//!
//! Start with [`detect`] (what a file is), [`rules`] (by which tables it is read), [`fields`] (a record taken apart);
//! `validate` uses them too. Never shows a personal value, and changes nothing.

pub(super) mod detect;
pub(super) mod fields;
pub(super) mod message;
pub(super) mod rules;

use std::ops::RangeInclusive;
use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::{Map, Value, json};
use toek_formats::assortment::{self, AssortmentReader, Entry};
use toek_formats::bank_statement;
use toek_formats::g68::{Charset, FileReport, Finding, Mode, Physical, Reader, Severity, Unit, dump};
use toek_formats::nemkonto::{self, AnswerReader, BundleReader, Limits, ReadDebit, ReadPayment};
use toek_formats::vocabulary::{Hidden, mask_cpr};

use self::detect::{Kind, Outside, Source};
use self::rules::Rules;
use super::remote;
use super::{Colour, Context, Outcome, Printer};

/// Show what is in a file, with personal data masked.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  toek inspect delivery.g68 --record 17               one record, field by field
  toek inspect delivery.g68 --from 100 --to 110       some of them
  toek inspect answer8.xml                            a message from NemKonto
  toek inspect statement.xml                          a bank's statements (camt.053)
  toek inspect sortiment.xml --record 3               a class of an assortment (SF7002)
  toek inspect delivery.g68 --json | jq .fields       one object per record, the file first
  toek inspect --layout                               the record description of G68, as Markdown")]
pub(super) struct Inspect {
    /// The file.
    #[arg(required_unless_present = "layout")]
    file: Option<PathBuf>,
    /// Only this record (in a NemKonto message: payment; in an assortment: class), counted from 1.
    #[arg(long, value_name = "N", conflicts_with_all = ["from", "to"])]
    record: Option<u64>,
    /// Only records from this one on.
    #[arg(long, value_name = "N")]
    from: Option<u64>,
    /// Only records up to this one.
    #[arg(long, value_name = "M")]
    to: Option<u64>,
    /// The day the file is taken to come in, for what is found in it [default: today].
    #[arg(long, value_name = "DATE")]
    received: Option<Date>,
    /// Print the record layouts instead.
    #[arg(long)]
    layout: bool,
}

impl Inspect {
    fn wanted(&self) -> RangeInclusive<u64> {
        match self.record {
            Some(record) => record..=record,
            None => self.from.unwrap_or(1)..=self.to.unwrap_or(u64::MAX),
        }
    }
}

pub(super) fn run(context: &Context, command: &Inspect) -> anyhow::Result<Outcome> {
    let rules = Rules::of(context, command.received)?;
    let printer = &context.printer;
    let Some(path) = command.file.as_ref().filter(|_| !command.layout) else {
        printer.line(rules.layouts.table().markdown().trim_end());
        return Ok(Outcome::Done);
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    remote::note_reading_if_installed(context, "inspect", &name)?;
    let most = rules.terms(path).max_bytes;
    let source = Source::look(path, rules.layouts.record_length(), most, printer)?;
    if source.kind == Kind::TooLarge {
        bail!("{} is a G68 delivery of {} bytes; at most {most} are read", source.shown, source.size);
    }
    let outside = source.outside(printer)?;
    let view = View { printer, rules: &rules, source: &source, outside: &outside, wanted: command.wanted() };
    match source.kind {
        Kind::G68(physical) => view.g68(physical),
        Kind::Xml => view.message(),
        Kind::TooLarge | Kind::Unknown => view.stranger(),
    }
}

/// One file being shown.
struct View<'a> {
    printer: &'a Printer,
    rules: &'a Rules,
    source: &'a Source,
    outside: &'a Outside,
    wanted: RangeInclusive<u64>,
}

/// A finding for programs.
#[derive(Serialize)]
struct FindingLine {
    line: u32,
    field: &'static str,
    from: u16,
    to: u16,
    code: &'static str,
    severity: &'static str,
    value: String,
    rule: &'static str,
}

impl FindingLine {
    fn new(finding: &Finding, value: String) -> FindingLine {
        FindingLine {
            line: finding.line_no,
            field: finding.field_name(),
            from: finding.from,
            to: finding.to,
            code: finding.code.text(),
            severity: match finding.severity() {
                Severity::Warning => "warning",
                Severity::Error => "error",
                Severity::Reject => "reject",
            },
            value,
            rule: finding.code.rule(),
        }
    }
}

impl View<'_> {
    fn g68(&self, physical: Physical) -> anyhow::Result<Outcome> {
        let report = self.read(physical, |_| Ok(()))?;
        self.envelope(physical, &report)?;
        let mut shown = 0_u64;
        self.read(physical, |unit| {
            if u64::from(unit.last_record_no) < *self.wanted.start()
                || u64::from(unit.record_no) > *self.wanted.end()
            {
                return Ok(());
            }
            shown += 1;
            if self.printer.is_json() {
                return self.printer.value(&self.record(unit));
            }
            self.printer.line(dump(&self.rules.layouts, unit));
            Ok(())
        })?;
        if shown == 0 && !self.printer.is_json() {
            self.printer.line(format!("no such record: the file holds {}", report.records));
        }
        Ok(if shown == 0 && report.records > 0 { Outcome::Wrong } else { Outcome::Done })
    }

    fn read(
        &self,
        physical: Physical,
        mut show: impl FnMut(&Unit<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<FileReport> {
        let options = self.rules.terms(&self.source.path).options;
        let mut reader = Reader::new(&self.rules.layouts, options, physical, self.rules.tables());
        let mut failure = None;
        let mut sink = |unit: Unit<'_>| {
            if let Err(error) = show(&unit) {
                failure.get_or_insert(error);
            }
        };
        self.source.each_block(self.printer, |block| reader.feed(block, &mut sink))?;
        let report = reader.finish(&mut sink);
        failure.map_or(Ok(report), Err)
    }

    /// The file as a whole: how it is written, and what its envelope says.
    fn envelope(&self, physical: Physical, report: &FileReport) -> anyhow::Result<()> {
        let Physical { charset, mode, bom } = physical;
        let (charset, mode) = (charset_name(charset), if mode == Mode::Block { "blocks" } else { "lines" });
        if self.printer.is_json() {
            let findings: Vec<_> =
                report.findings.iter().map(|f| FindingLine::new(f, String::new())).collect();
            return self.printer.value(&json!({
                "file": self.source.shown, "format": "G68", "size": self.source.size, "sha256": self.outside.sha256,
                "charset": charset, "mode": mode, "byte_order_mark": bom, "lines": self.outside.lines,
                "records": report.records, "requests": report.requests_ok, "refused": report.rejected,
                "municipality": report.municipality.map(|code| code.to_string()),
                "day_number": report.day_number, "delivery_day": report.delivery_day.map(|day| day.to_string()),
                "sum_ore": report.sum.0, "findings": findings,
            }));
        }
        self.outside("G68, payment requests");
        let mark = if bom { ", byte order mark" } else { "" };
        self.fact("written", format!("{charset}, {mode}{mark}, {} lines", self.outside.lines));
        let sender = report.municipality.map_or("nobody".to_owned(), |code| code.to_string());
        let day = report.delivery_day.map_or("unknown day".to_owned(), |day| day.to_string());
        self.fact("sent by", format!("municipality {sender}, {day}"));
        let records = format!("{}, of which {} refused", report.records, report.rejected);
        self.fact("records", format!("{records}, net {} kr.", report.sum.danish()));
        for finding in &report.findings {
            let code = self.printer.paint(Colour::Red, finding.code.text());
            self.fact("file", format!("{code} line {}: {}", finding.line_no, finding.code.rule()));
        }
        self.printer.line("");
        Ok(())
    }

    fn outside(&self, format: &str) {
        self.printer.line(self.printer.paint(Colour::Bold, &self.source.shown));
        self.fact("holds", format);
        self.fact("size", format!("{} bytes", self.source.size));
        self.fact("sha256", &self.outside.sha256);
    }

    fn fact(&self, name: &str, fact: impl AsRef<str>) {
        self.printer.line(format!("  {name:<8} {}", fact.as_ref()));
    }

    /// A unit for programs.
    fn record(&self, unit: &Unit<'_>) -> Value {
        let findings: Vec<_> =
            unit.findings.iter().map(|f| FindingLine::new(f, unit.value_shown(f))).collect();
        json!({
            "record": unit.record_no, "line": unit.line_no, "offset": unit.offset, "length": unit.length,
            "accepted": unit.request.is_some(),
            "fields": self.fields(unit.raw),
            "partner": unit.partner.map(|partner| self.fields(partner)),
            "findings": findings,
        })
    }

    /// Fields that hold something, by name; those the layout does not know by number.
    fn fields(&self, raw: &[u8]) -> Map<String, Value> {
        let pieces = fields::pieces(&self.rules.layouts, raw).unwrap_or_default();
        let mut map = Map::new();
        for piece in pieces {
            let value = piece.shown(raw);
            let name = match (piece.field, piece.number) {
                (None, Some(number)) => format!("&{number}"),
                (Some(field), Some(number)) if field.numbers.is_some_and(|(first, last)| first < last) => {
                    format!("{} &{number}", piece.name())
                }
                _ => piece.name().to_owned(),
            };
            if !value.is_empty() && !piece.is_zeros(raw) {
                map.insert(name, Value::String(value));
            }
        }
        map
    }

    fn message(&self) -> anyhow::Result<Outcome> {
        let path = &self.source.path;
        let is_statement = message::is_bank_statement(path)?;
        let is_assortment = message::is_assortment(path)?;
        let told = match (is_statement, is_assortment, self.printer.is_json()) {
            (true, _, true) => self.statement_values(),
            (true, _, false) => self.statement_lines(),
            (false, true, true) => self.assortment_values(),
            (false, true, false) => self.assortment_lines(),
            (false, false, true) => self.message_values(),
            (false, false, false) => self.message_lines(),
        };
        match told {
            Ok(()) => Ok(Outcome::Done),
            Err(error) => {
                self.printer.error(&error); // what stood before the fault has been shown
                Ok(Outcome::Wrong)
            }
        }
    }

    fn message_lines(&self) -> anyhow::Result<()> {
        self.outside("a NemKonto message");
        self.fact("written", format!("XML, {} lines", self.outside.lines));
        self.printer.line("");
        let mut payment = 0;
        nemkonto::dump(message::open(&self.source.path)?, Limits::default(), &mut |line| {
            payment += u64::from(line.starts_with("payment "));
            let about_payment = line.starts_with("payment ") || line.starts_with(' ');
            if !about_payment || self.wanted.contains(&payment) {
                self.printer.line(line);
            }
        })?;
        Ok(())
    }

    fn statement_lines(&self) -> anyhow::Result<()> {
        self.outside("a bank's statements (camt.053)");
        self.fact("written", format!("XML, {} lines", self.outside.lines));
        self.printer.line("");
        let mut entry = 0;
        let input = message::open(&self.source.path)?;
        bank_statement::dump(input, bank_statement::LIMITS, &mut |line| {
            entry += u64::from(line.starts_with("entry: "));
            let of_entry = entry > 0 && (line.starts_with("entry: ") || line.starts_with(' '));
            if !of_entry || self.wanted.contains(&entry) {
                self.printer.line(line);
            }
        })?;
        Ok(())
    }

    fn assortment_lines(&self) -> anyhow::Result<()> {
        self.outside("an assortment (SF7002)");
        self.fact("written", format!("XML, {} lines", self.outside.lines));
        self.printer.line("");
        let mut value = 0;
        assortment::dump(message::open(&self.source.path)?, assortment::LIMITS, &mut |line| {
            let is_of_part = line.starts_with("  used by ");
            let is_of_value = line.starts_with("  ") && !is_of_part;
            value += u64::from(is_of_value && !line.starts_with("   "));
            if !is_of_value || self.wanted.contains(&value) {
                self.printer.line(line);
            }
        })?;
        Ok(())
    }

    fn statement_values(&self) -> anyhow::Result<()> {
        use bank_statement::{Item, StatementReader};
        self.file_value("camt.053", Value::Null)?;
        let mut reader = StatementReader::new(message::open(&self.source.path)?, bank_statement::LIMITS);
        let mut number = 0;
        while let Some(item) = reader.next()? {
            match item {
                Item::Statement(statement) => self.printer.value(&json!({ "statement": {
                    "id": Hidden(&statement.id).to_string(), "number": statement.sequence,
                    "account": statement.account.masked(), "currency": statement.currency,
                    "opening_ore": statement.opening.0.0, "opening_day": statement.opening.1.to_string(),
                    "closing_ore": statement.closing.0.0, "closing_day": statement.closing.1.to_string(),
                }}))?,
                Item::Entry(entry) => {
                    number += 1;
                    if self.wanted.contains(&number) {
                        self.printer.value(&json!({ "record": number, "fields": {
                            "amount_ore": entry.amount.0, "booked": entry.is_booked,
                            "reversal": entry.is_reversal, "booking_day": entry.booking_day.to_string(),
                            "transactions": entry.details.len(),
                        }}))?;
                    }
                }
            }
        }
        Ok(())
    }

    fn assortment_values(&self) -> anyhow::Result<()> {
        let mut reader = AssortmentReader::new(message::open(&self.source.path)?, assortment::LIMITS);
        let head = reader.head()?;
        let told = json!({
            "message": head.transaction_id, "created": head.at.to_string(), "assortment": head.id.to_string(),
            "name": shown(&head.key), "title": shown(&head.title), "owner": shown(&head.owner), "from": head.days.from.to_string(),
            "until": head.days.until.map(|day| day.to_string()), "changed": head.changed.to_string(),
        });
        self.file_value(assortment::names::ASSORTMENT, told)?;
        let (mut number, mut part) = (0, String::new());
        while let Some(entry) = reader.next()? {
            let (row, class, key, title) = match entry {
                Entry::Part(open) => {
                    part = shown(&open.key);
                    continue;
                }
                Entry::Class(value) => {
                    (&value.row, value.class.id.clone(), &value.class.key, &value.class.title)
                }
                Entry::Unit(value) => (&value.row, value.unit.to_string(), &value.key, &value.name),
            };
            number += 1;
            if self.wanted.contains(&number) {
                let until = row.days.until.map(|day| day.to_string());
                self.printer.value(&json!({ "record": number, "fields": {
                    "part": part, "class": class, "number": shown(key), "title": shown(title),
                    "from": row.days.from.to_string(), "until": until,
                }}))?;
            }
        }
        reader.finish()?;
        Ok(())
    }

    fn message_values(&self) -> anyhow::Result<()> {
        match message::is_bundle(&self.source.path)? {
            true => self.bundle_values(),
            false => self.answer_values(),
        }
    }

    fn file_value(&self, format: &str, head: Value) -> anyhow::Result<()> {
        self.printer.value(&json!({
            "file": self.source.shown, "format": format, "size": self.source.size, "sha256": self.outside.sha256,
            "lines": self.outside.lines, "head": head,
        }))
    }

    fn bundle_values(&self) -> anyhow::Result<()> {
        let mut reader = BundleReader::new(message::open(&self.source.path)?, Limits::default());
        let head = reader.head()?;
        let told = json!({
            "message": head.message_id, "bundle": head.group_id, "created": head.created.to_string(),
            "authority": head.authority, "payments": head.count, "sum_ore": head.control_sum.0,
        });
        self.file_value(nemkonto::names::PAYMENT, told)?;
        let mut number = 0;
        while let Some((debit, payment)) = reader.next()? {
            number += 1;
            if self.wanted.contains(&number) {
                self.printer.value(&bundled(number, debit, payment))?;
            }
        }
        Ok(())
    }

    fn answer_values(&self) -> anyhow::Result<()> {
        let mut reader = AnswerReader::new(message::open(&self.source.path)?, Limits::default());
        let head = reader.head()?;
        let status = |status: nemkonto::Status| status.code();
        let told = json!({
            "message": head.message_id, "created": head.created.to_string(), "answers_bundle": head.group_id,
            "answers_message": head.ref_to_message_id, "authority": head.authority,
            "action": head.action.map(status), "status": head.group_status.map(status),
        });
        self.file_value(head.kind.root(), told)?;
        let mut number = 0;
        while let Some(payment) = reader.next()? {
            number += 1;
            if !self.wanted.contains(&number) {
                continue;
            }
            let execution = payment.execution.map(|day| day.to_string());
            self.printer.value(&json!({ "record": number, "fields": {
                "reference": payment.end_to_end_id, "status": payment.status.code(), "amount": payment.amount_text,
                "currency": payment.currency, "incomplete": payment.incomplete, "execution": execution,
                "payee": payment.payee.map(|payee| payee.masked()), "agreement": payment.agreement,
                "account_used": payment.account_used.is_some(), "has_text": payment.text.is_some(),
            }}))?;
        }
        reader.finish()?;
        Ok(())
    }

    fn stranger(&self) -> anyhow::Result<Outcome> {
        if self.printer.is_json() {
            self.file_value("unknown", Value::Null)?;
        } else {
            self.outside("neither a G68 delivery nor a NemKonto message");
        }
        Ok(Outcome::Wrong)
    }
}

/// A text of an assortment: no place for a person's number, and none is shown.
fn shown(text: &str) -> String {
    mask_cpr(text).unwrap_or_else(|| text.to_owned())
}

/// A payment of a bundle for programs; names, addresses and advice only as that they are there.
fn bundled(number: u64, debit: &ReadDebit, payment: &ReadPayment) -> Value {
    json!({ "record": number, "fields": {
        "reference": payment.end_to_end_id, "amount_ore": payment.amount.0, "benefit": payment.benefit,
        "incomplete": payment.incomplete, "payee": payment.payee.map(|payee| payee.masked()),
        "named": payment.name.is_some(), "address_lines": payment.address.len(),
        "advice_lines": payment.advice.len(), "execution": debit.execution.to_string(),
        "agreement": debit.agreement,
    }})
}

fn charset_name(charset: Charset) -> &'static str {
    match charset {
        Charset::Latin1 => "ISO-8859-1",
        Charset::Utf8 => "UTF-8",
        Charset::Ebcdic277 => "EBCDIC 277",
    }
}
