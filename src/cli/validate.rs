//! `toek validate`: everything that is wrong with files, each finding drawn under its line.
//!
//! Holds a file against itself and the tables. Never looks into the store: whether a delivery or a reference came before
//! (G68-S11, K09 against earlier files) only the intake knows. Never shows a personal value.

pub(super) mod draw;
mod hints;
mod source;

use std::path::PathBuf;

use clap::Args;
use jiff::civil::Date;
use serde::Serialize;
use toek_formats::bank_statement::{self, Item, StatementReader};
use toek_formats::g68::{FileReport, Finding, Physical, Reader, Severity, Unit};
use toek_formats::nemkonto::{AnswerReader, BundleReader, Error, Kind as Fault, Limits, mask_cpr};

use self::draw::{Excerpt, Found, drawing};
use super::inspect::detect::{Kind, Source};
use super::inspect::rules::{Rules, Terms};
use super::inspect::{fields, message};
use super::{Colour, Context, Outcome, Printer};
use crate::config::Acceptance;

/// Check files and draw every error under its line.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  toek validate delivery.g68                     against the embedded tables, received today
  toek validate *.g68 --received 2026-01-28      received on another day
  toek -C my-hub validate delivery.g68           against the tables of an installation
  toek validate answer.xml bundle.xml            messages from and to NemKonto
  toek validate statement.xml                    a bank's statements (camt.053)
  toek validate delivery.g68 --json | jq .code   one object per finding, the summary last

What a file holds is told by its content. Whether it, or a reference in it, came before is not
looked up.
Exit status: 0 nothing or warnings only, 1 errors, 2 the command line is wrong.")]
pub(super) struct Validate {
    /// The files.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The day the files are taken to come in, such as 2026-01-28 [default: today].
    #[arg(long, value_name = "DATE")]
    received: Option<Date>,
    /// Tell of errors only.
    #[arg(long)]
    no_warnings: bool,
    /// Draw so many findings about records, then only count [default: 100; with --json all].
    #[arg(long, value_name = "N")]
    max: Option<usize>,
}

/// How many findings are drawn unless told otherwise.
const DRAWN: usize = 100;

pub(super) fn run(context: &Context, command: &Validate) -> anyhow::Result<Outcome> {
    let rules = Rules::of(context, command.received)?;
    let max = command.max.unwrap_or(if context.printer.is_json() { usize::MAX } else { DRAWN });
    let mut teller =
        Teller { printer: &context.printer, warns: !command.no_warnings, max, told: 0, left_out: 0 };
    let mut verdicts = Vec::new();
    let mut unread = 0_u64;
    for path in &command.files {
        match Check::of(&rules, &mut teller, path) {
            Ok(verdict) => verdicts.push(verdict),
            Err(error) => {
                context.printer.error(&error);
                unread += 1;
            }
        }
    }
    let summary = Summary::of(&verdicts, teller.left_out, unread);
    summary.tell(&context.printer)?;
    Ok(if summary.is_clean() { Outcome::Done } else { Outcome::Wrong })
}

/// Tells findings as they come, up to a number.
struct Teller<'a> {
    printer: &'a Printer,
    warns: bool,
    max: usize,
    told: usize,
    left_out: u64,
}

/// A finding for programs.
#[derive(Serialize)]
struct Line<'a> {
    file: &'a str,
    line: u64,
    record: Option<u32>,
    field: &'a str,
    from: usize,
    to: usize,
    code: &'a str,
    severity: &'a str,
    value: &'a str,
    rule: &'a str,
}

impl Teller<'_> {
    /// Whether a finding is to be told; one that is not only counts.
    fn wants(&mut self, severity: Severity, about_file: bool) -> bool {
        if severity == Severity::Warning && !self.warns {
            return false;
        }
        // What refuses a file is never left out: there is little of it.
        if self.told >= self.max && !about_file {
            self.left_out += 1;
            return false;
        }
        self.told += 1;
        true
    }

    fn tell(&self, found: &Found, excerpt: Option<&Excerpt>) -> anyhow::Result<()> {
        self.printer.finish_progress();
        if !self.printer.is_json() {
            self.printer.line(drawing(self.printer, found, excerpt));
            return Ok(());
        }
        let severity = match (found.warns, found.rejects) {
            (true, _) => "warning",
            (false, false) => "error",
            (false, true) => "reject",
        };
        let Found { file, line, record, field, path, from, to, code, value, rule, .. } = found;
        let field = if field.is_empty() { path } else { field };
        let (line, record, from, to) = (*line, *record, *from, *to);
        self.printer.value(&Line { file, line, record, field, from, to, code, severity, value, rule })
    }
}

/// What became of one file.
#[derive(Clone, Debug, Default, Serialize)]
struct Verdict {
    file: String,
    /// What it holds, in a word or two.
    format: String,
    records: u64,
    /// Records that would be refused.
    refused: u64,
    errors: u64,
    warnings: u64,
    /// Whether the file would be taken in.
    accepted: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<String>,
}

/// One file being checked.
struct Check<'c, 'p> {
    rules: &'c Rules,
    teller: &'c mut Teller<'p>,
    source: Source,
    verdict: Verdict,
    /// Telling failed; the file is read on.
    failure: Option<anyhow::Error>,
}

impl Check<'_, '_> {
    fn of(rules: &Rules, teller: &mut Teller<'_>, path: &std::path::Path) -> anyhow::Result<Verdict> {
        let terms = rules.terms(path);
        let source = Source::look(path, rules.layouts.record_length(), terms.max_bytes, teller.printer)?;
        let verdict = Verdict { file: source.shown.clone(), accepted: true, ..Verdict::default() };
        let mut check = Check { rules, teller, source, verdict, failure: None };
        match check.source.kind {
            Kind::G68(physical) => check.g68(physical, &terms)?,
            Kind::TooLarge => check.too_large(&terms),
            Kind::Xml => check.message()?,
            Kind::Unknown => check.stranger(),
        }
        match check.failure {
            Some(failure) => Err(failure),
            None => Ok(check.verdict),
        }
    }

    fn g68(&mut self, physical: Physical, terms: &Terms) -> anyhow::Result<()> {
        self.verdict.format = G68.to_owned();
        let rules = self.rules;
        let mut reader = Reader::new(&rules.layouts, terms.options, physical, rules.tables());
        let (source, printer) = (self.source.clone(), self.teller.printer);
        source.each_block(printer, |block| reader.feed(block, &mut |unit| self.unit(&unit)))?;
        let report = reader.finish(&mut |unit| self.unit(&unit));
        self.file_findings(&report)?;
        self.judge(terms, &report);
        Ok(())
    }

    /// The findings of a record.
    fn unit(&mut self, unit: &Unit<'_>) {
        for finding in unit.findings {
            self.count(finding.severity());
            if self.teller.wants(finding.severity(), false) {
                let raw = unit.record_of(finding);
                let hint = hints::hint(self.rules, finding, raw);
                let found = Found { record: Some(unit.record_no), hint, ..self.found(finding, raw) };
                self.tell_under(&found, raw);
            }
        }
    }

    /// What is wrong with the file as a whole, under the lines it shows in, which are read again.
    fn file_findings(&mut self, report: &FileReport) -> anyhow::Result<()> {
        let placed = report.findings.iter().filter(|finding| finding.from > 0);
        let mut wanted: Vec<u32> = placed.map(|finding| finding.line_no).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let length = self.rules.layouts.record_length();
        let lines = match wanted.is_empty() {
            true => Vec::new(),
            false => self.source.lines(&wanted, length, self.teller.printer)?,
        };
        for finding in &report.findings {
            self.count(finding.severity());
            if self.teller.wants(finding.severity(), true) {
                let raw =
                    lines.iter().find(|(line, _)| *line == finding.line_no).map_or(&[][..], |(_, raw)| raw);
                let hint = hints::file_hint(self.rules, finding, report, raw);
                let found = Found { hint, ..self.found(finding, raw) };
                self.tell_under(&found, raw);
            }
        }
        Ok(())
    }

    fn found(&self, finding: &Finding, raw: &[u8]) -> Found {
        let value = finding.value_shown(raw);
        Found {
            file: self.source.shown.clone(),
            line: finding.line_no.into(),
            field: finding.field_name().to_owned(),
            from: finding.from.into(),
            to: finding.to.into(),
            code: finding.code.text(),
            warns: finding.severity() == Severity::Warning,
            rejects: finding.severity() == Severity::Reject,
            value: mask_cpr(&value).unwrap_or(value),
            rule: finding.code.rule().to_owned(),
            expected: hints::expected(&self.rules.layouts, finding),
            ..Found::default()
        }
    }

    fn tell_under(&mut self, found: &Found, raw: &[u8]) {
        let drawn: String = fields::drawable(&self.rules.layouts, raw).into_iter().collect();
        // A reference or a text of the sender's own may hold a CPR number too.
        let characters = mask_cpr(&drawn).unwrap_or(drawn).chars().collect();
        let excerpt = Excerpt { characters, first: 1, goes_on: false };
        self.tell(found, (!raw.is_empty()).then_some(&excerpt));
    }

    fn tell(&mut self, found: &Found, excerpt: Option<&Excerpt>) {
        if let Err(error) = self.teller.tell(found, excerpt) {
            self.failure.get_or_insert(error);
        }
    }

    fn count(&mut self, severity: Severity) {
        match severity {
            Severity::Warning => self.verdict.warnings += 1,
            Severity::Error | Severity::Reject => self.verdict.errors += 1,
        }
    }

    fn judge(&mut self, terms: &Terms, report: &FileReport) {
        self.verdict.records = report.records.into();
        self.verdict.refused = report.rejected.into();
        let rejecting = report.findings.iter().find(|finding| finding.severity() == Severity::Reject);
        if let Some(finding) = rejecting {
            self.reject(finding.code.text());
        } else if terms.acceptance == Acceptance::AllOrNone && report.rejected > 0 {
            self.reject("the pipeline takes all records or none");
        }
    }

    fn reject(&mut self, why: &str) {
        self.verdict.accepted = false;
        self.verdict.because = Some(why.to_owned());
    }

    /// A fault of the file that no format has a code for.
    fn refuse(&mut self, found: Found) {
        self.count(Severity::Reject);
        self.reject(found.code);
        if self.teller.wants(Severity::Reject, true) {
            let found = Found { file: self.source.shown.clone(), line: 1, rejects: true, ..found };
            self.tell(&found, None);
        }
    }

    fn too_large(&mut self, terms: &Terms) {
        self.verdict.format = G68.to_owned();
        let rule = "the file is larger than a delivery can be, and was not read".to_owned();
        let hint = format!("{} bytes, at most {} are read", self.source.size, terms.max_bytes);
        self.refuse(Found { code: "TOEK-SIZE", rule, hint, ..Found::default() });
    }

    fn stranger(&mut self) {
        self.verdict.format = "unknown".to_owned();
        let rule = "neither a G68 delivery nor a NemKonto message".to_owned();
        let hint = match self.source.size {
            0 => "the file is empty".to_owned(),
            size => format!(
                "nothing in its first {} KiB of {size} bytes looks like either",
                super::inspect::detect::BLOCK / 1024
            ),
        };
        self.refuse(Found { code: "TOEK-KIND", rule, hint, ..Found::default() });
    }

    /// A message to or from NemKonto, or a bank's statements: the first fault ends it.
    fn message(&mut self) -> anyhow::Result<()> {
        self.verdict.format = "XML".to_owned();
        match self.read_message() {
            Err(error) => match error.downcast::<Error>() {
                Ok(error) if error.kind() != Fault::Io => self.message_fault(&error),
                Ok(error) => Err(error.into()),
                Err(other) => Err(other),
            },
            Ok(()) => Ok(()),
        }
    }

    fn read_message(&mut self) -> anyhow::Result<()> {
        let input = message::open(&self.source.path)?;
        if message::is_bundle(&self.source.path)? {
            self.verdict.format = "NKSPayment".to_owned();
            let mut reader = BundleReader::new(input, Limits::default());
            while reader.next()?.is_some() {
                self.verdict.records += 1;
            }
            return Ok(());
        }
        if message::is_bank_statement(&self.source.path)? {
            self.verdict.format = BANK.to_owned();
            let mut reader = StatementReader::new(input, bank_statement::LIMITS);
            while let Some(item) = reader.next()? {
                self.verdict.records += u64::from(matches!(item, Item::Entry(_)));
            }
            return Ok(());
        }
        let mut reader = AnswerReader::new(input, Limits::default());
        self.verdict.format = reader.head()?.kind.root().to_owned();
        while reader.next()?.is_some() {
            self.verdict.records += 1;
        }
        reader.finish()?;
        Ok(())
    }

    fn message_fault(&mut self, error: &Error) -> anyhow::Result<()> {
        let code = if self.verdict.format == BANK { BANK_XML } else { XML };
        self.count(Severity::Reject);
        self.reject(code);
        if !self.teller.wants(Severity::Reject, true) {
            return Ok(());
        }
        let excerpt = source::excerpt(&self.source, self.teller.printer, error.line(), error.column())?;
        let column = usize::try_from(error.column()).unwrap_or(usize::MAX);
        let found = Found {
            file: self.source.shown.clone(),
            line: error.line(),
            path: if error.path().is_empty() { "/".to_owned() } else { error.path().to_owned() },
            from: column,
            to: column,
            code,
            rejects: true,
            rule: error.rule().to_owned(),
            hint: fault_hint(error.kind()).to_owned(),
            ..Found::default()
        };
        self.tell(&found, Some(&excerpt));
        Ok(())
    }
}

const G68: &str = "G68";
const BANK: &str = "camt.053";

/// The code of every fault of a document, as the intake reports it.
const XML: &str = "NKS-XML";
const BANK_XML: &str = "BANK-XML";

fn fault_hint(kind: Fault) -> &'static str {
    match kind {
        Fault::Io => "",
        Fault::Malformed => {
            "the document is not well-formed, or was cut short; nothing behind this place was read"
        }
        Fault::Limit => "larger, deeper or longer than is read at all",
        Fault::UnknownMessage => "a new kind of message? An intake would quarantine it and raise an alarm",
        Fault::Structure => "the schemas in formats/schemas tell which elements stand where",
        Fault::Value => "the value is not shown: it may be personal",
        Fault::Rule => "a rule between fields: nemkonto.md 2.7; in a bank's statements the sums",
    }
}

/// All files together.
#[derive(Serialize)]
struct Summary<'a> {
    files: &'a [Verdict],
    errors: u64,
    warnings: u64,
    /// Findings that were counted and not told.
    left_out: u64,
    /// Files that could not be read.
    unread: u64,
}

#[derive(Serialize)]
struct Last<'a> {
    summary: &'a Summary<'a>,
}

impl Summary<'_> {
    fn of(files: &[Verdict], left_out: u64, unread: u64) -> Summary<'_> {
        Summary {
            files,
            errors: files.iter().map(|file| file.errors).sum(),
            warnings: files.iter().map(|file| file.warnings).sum(),
            left_out,
            unread,
        }
    }

    fn is_clean(&self) -> bool {
        self.errors == 0 && self.unread == 0
    }

    fn tell(&self, printer: &Printer) -> anyhow::Result<()> {
        if printer.is_json() {
            return printer.value(&Last { summary: self });
        }
        if self.left_out > 0 {
            printer.line(format!("… and {} more; --max draws more of them\n", self.left_out));
        }
        for file in self.files {
            printer.line(file.sentence(printer));
        }
        Ok(())
    }
}

impl Verdict {
    /// `a.g68: G68, 9 records, 1 error, 2 warnings: would be accepted without 1 record`
    fn sentence(&self, printer: &Printer) -> String {
        let verdict = match (&self.because, self.refused) {
            (Some(why), _) => printer.paint(Colour::Red, &format!("would be rejected as a file ({why})")),
            (None, 0) => printer.paint(Colour::Green, "would be accepted"),
            (None, refused) => {
                let records = counted(refused, "record");
                printer.paint(Colour::Yellow, &format!("would be accepted without {records}"))
            }
        };
        let of = match self.format.as_str() {
            G68 => "record",
            BANK => "line",
            _ => "payment",
        };
        let parts = [
            self.format.clone(),
            counted(self.records, of),
            counted(self.errors, "error"),
            counted(self.warnings, "warning"),
        ];
        format!("{}: {}: {verdict}", self.file, parts.join(", "))
    }
}

/// `1 record`, `2 records`.
fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
