//! Pipeline definitions (`schedules/*.toml`): what runs when, from where, to where, in which format, with which limits.

use std::path::{Path, PathBuf};

use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use toek_formats::vocabulary::SupplierId;

use super::path::{RELATIVE, is_below};
use super::pattern::{FilePattern, PATTERN};
use super::when::When;
use crate::domain::calendar::{BankDays, instant};
use crate::domain::municipality::{Municipalities, SUPPLIER};
use crate::domain::reference::{
    BYTES, COUNT, DURATION, FLAG, FileErrors, NAME, Place, Rule, Section, TIME_OF_DAY, read_file,
};

/// What a pipeline does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PipelineKind {
    /// Takes payment requests in.
    ReceivePayments,
    /// Sends payment bundles to NemKonto.
    SendBundles,
    /// Takes NemKonto's receipts and answers in.
    ReceiveAnswers,
    /// Sends finance vouchers to the ERP.
    SendVouchers,
    /// Takes the ERP's answers in.
    ReceiveVoucherAnswers,
    /// Takes Serviceplatformen's technical receipts in.
    ReceiveReceipts,
    /// Takes statements of the municipalities' bank accounts in.
    ReceiveBankStatements,
    /// Takes case systems' control files in.
    ReceiveOrderControls,
    /// Takes assortments of accounts in.
    ReceiveAssortments,
}

impl PipelineKind {
    /// Every kind, in the order of a file's way through the house.
    pub const ALL: [PipelineKind; 9] = [
        PipelineKind::ReceivePayments,
        PipelineKind::SendBundles,
        PipelineKind::ReceiveAnswers,
        PipelineKind::SendVouchers,
        PipelineKind::ReceiveVoucherAnswers,
        PipelineKind::ReceiveReceipts,
        PipelineKind::ReceiveBankStatements,
        PipelineKind::ReceiveOrderControls,
        PipelineKind::ReceiveAssortments,
    ];

    /// As a definition names it.
    pub fn as_str(self) -> &'static str {
        match self {
            PipelineKind::ReceivePayments => "receive-payments",
            PipelineKind::SendBundles => "send-bundles",
            PipelineKind::ReceiveAnswers => "receive-answers",
            PipelineKind::SendVouchers => "send-vouchers",
            PipelineKind::ReceiveVoucherAnswers => "receive-voucher-answers",
            PipelineKind::ReceiveReceipts => "receive-receipts",
            PipelineKind::ReceiveBankStatements => "receive-bank-statements",
            PipelineKind::ReceiveOrderControls => "receive-order-controls",
            PipelineKind::ReceiveAssortments => "receive-assortments",
        }
    }

    /// The format it needs.
    pub fn format(self) -> Format {
        match self {
            PipelineKind::ReceivePayments => Format::G68,
            PipelineKind::SendBundles => Format::NemkontoPayment,
            PipelineKind::ReceiveAnswers => Format::NemkontoAnswer,
            PipelineKind::SendVouchers => Format::FinanceVouchers,
            PipelineKind::ReceiveVoucherAnswers => Format::FinanceAnswer,
            PipelineKind::ReceiveReceipts => Format::TechnicalReceipt,
            PipelineKind::ReceiveBankStatements => Format::BankStatement,
            PipelineKind::ReceiveOrderControls => Format::OrderControl,
            PipelineKind::ReceiveAssortments => Format::Assortment,
        }
    }

    /// Whether it takes files in (else it sends them out).
    pub fn receives(self) -> bool {
        !matches!(self, PipelineKind::SendBundles | PipelineKind::SendVouchers)
    }
}

/// The format of a pipeline's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Payment requests (g68.md).
    G68,
    /// NKSPayment (nemkonto.md 2).
    NemkontoPayment,
    /// Receipts and answers of NemKonto (nemkonto.md 3).
    NemkontoAnswer,
    /// Finance vouchers (oir-finans-sf1590a.md 5).
    FinanceVouchers,
    /// The ERP's answers to them (oir-finans-sf1590a.md 7).
    FinanceAnswer,
    /// Serviceplatformen's word on a file of ours (serviceplatformen-sftp.md 3.3).
    TechnicalReceipt,
    /// A bank's statements: camt.053, ISO 20022.
    BankStatement,
    /// What a case system says it sent.
    OrderControl,
    /// Assortments of accounts (sortiment-sf7002.md).
    Assortment,
}

impl Format {
    const ALL: [Format; 9] = [
        Format::G68,
        Format::NemkontoPayment,
        Format::NemkontoAnswer,
        Format::FinanceVouchers,
        Format::FinanceAnswer,
        Format::TechnicalReceipt,
        Format::BankStatement,
        Format::OrderControl,
        Format::Assortment,
    ];

    /// As a definition names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::G68 => "g68",
            Format::NemkontoPayment => "nemkonto-payment",
            Format::NemkontoAnswer => "nemkonto-answer",
            Format::FinanceVouchers => "finance-vouchers",
            Format::FinanceAnswer => "finance-answer",
            Format::TechnicalReceipt => "technical-receipt",
            Format::BankStatement => "camt.053",
            Format::OrderControl => "order-control",
            Format::Assortment => "assortment",
        }
    }
}

/// What one bad record does to its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// It alone is rejected.
    RecordByRecord,
    /// The whole file is quarantined.
    AllOrNone,
}

/// Which transfers are too large to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferLimits {
    /// Bytes of a file at most.
    pub max_bytes: u64,
    /// Records of a file at most.
    pub max_records: u32,
}

/// Until when a file is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// The time of day.
    pub by: Time,
    /// How long before it a warning is given.
    pub warn_before: Duration,
    /// Whether a file is expected on bank days only.
    pub bank_days_only: bool,
}

impl Deadline {
    /// When to warn and when the file is late on a day; `None` when none is expected then.
    pub fn on(&self, date: Date, bank_days: &BankDays) -> Option<(Timestamp, Timestamp)> {
        if self.bank_days_only && !bank_days.is_bank_day(date) {
            return None;
        }
        let late = instant(date.to_datetime(self.by));
        let warn_before = SignedDuration::try_from(self.warn_before).ok()?;
        Some((late.checked_sub(warn_before).ok()?, late))
    }
}

/// How G68 files of an endpoint are read (g68.md 3, 9, 10.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct G68Rules {
    /// Whether a file must stand between Z300 and SLUTD.
    pub require_envelope: bool,
    /// Whether a file may hold records of other municipalities than its user number (G68-K02 off).
    pub allow_multi_municipality: bool,
    /// Whether the date in the records is the processing day, so that the disposition day is the next bank day.
    pub date_is_processing: bool,
}

/// What only pipelines that receive have.
#[derive(Clone, Debug)]
pub struct Receiving {
    /// Which files are taken.
    pub pattern: FilePattern,
    /// What is too large.
    pub limits: TransferLimits,
    /// Until when a file is expected.
    pub deadline: Option<Deadline>,
}

/// What only pipelines that receive payment requests have.
#[derive(Clone, Debug)]
pub struct Intake {
    /// What one bad record does.
    pub acceptance: Acceptance,
    /// Who is taken to have sent records that do not say so (00-decisions.md 4).
    pub default_supplier: Option<SupplierId>,
    /// How G68 is read.
    pub g68: G68Rules,
}

/// One pipeline of an installation.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// Its name; part of the identity of its runs, so it is never changed.
    pub name: String,
    /// What it does.
    pub kind: PipelineKind,
    /// When it runs.
    pub when: When,
    /// The name of the endpoint it reads from or writes to.
    pub endpoint: String,
    /// The folder below the endpoint's `in` or `out`; `{municipality}` in it stands for each municipality's code.
    pub folder: String,
    /// The format of the files.
    pub format: Format,
    /// For pipelines that receive.
    pub receiving: Option<Receiving>,
    /// For pipelines that receive payment requests.
    pub intake: Option<Intake>,
    /// The file that defines it, as it was named to the reader.
    pub file: String,
    /// Where the file says these; for checks against other files.
    pub(super) name_place: Place,
    pub(super) endpoint_place: Place,
    pub(super) when_place: Place,
    pub(super) supplier_place: Place,
}

const MUNICIPALITY: &str = "{municipality}";

impl Pipeline {
    /// Reads one file of `schedules/`.
    ///
    /// # Errors
    /// Every mistake of the file with its place.
    pub fn load(text: &str, file_name: &str) -> Result<Pipeline, FileErrors> {
        read_file(text, file_name, |root| read_pipeline(root, file_name))
    }

    /// The folders it works in, below the endpoint's `in` or `out`: one, or one per municipality.
    pub fn folders(&self, municipalities: &Municipalities) -> Vec<PathBuf> {
        if !self.folder.contains(MUNICIPALITY) {
            return vec![PathBuf::from(&self.folder)];
        }
        let folder = |code: String| PathBuf::from(self.folder.replace(MUNICIPALITY, &code));
        municipalities.iter().map(|row| folder(row.code.to_string())).collect()
    }
}

fn read_pipeline(root: &Section<'_>, file: &str) -> Option<Pipeline> {
    let name = root.required("name", &NAME);
    let kind = root.required("kind", &KIND);
    let format = root.required("format", &FORMAT);
    let when = When::read(root);
    let endpoint = root.required("endpoint", &NAME);
    let folder = root.optional("folder", &FOLDER).unwrap_or_else(|| ".".to_owned());
    let Some(kind) = kind else {
        root.leave_rest(); // which keys belong depends on the kind
        return None;
    };
    if format.is_some_and(|format| format != kind.format()) {
        root.wrong(
            "format",
            &format!("must be \"{}\" for the kind \"{}\"", kind.format().as_str(), kind.as_str()),
        );
    }
    let receiving = kind.receives().then(|| read_receiving(root));
    let intake = (kind == PipelineKind::ReceivePayments).then(|| read_intake(root));
    let when_key = if root.has("when") { "when" } else { "every" };
    Some(Pipeline {
        name: name?,
        kind,
        when: when?,
        endpoint: endpoint?,
        folder,
        format: format?,
        receiving: all_or_reported(receiving)?,
        intake: all_or_reported(intake)?,
        file: file.to_owned(),
        name_place: root.place_of("name"),
        endpoint_place: root.place_of("endpoint"),
        when_place: root.place_of(when_key),
        supplier_place: root.place_of("default_supplier"),
    })
}

/// A part that does not belong is `Some(None)`; one that belongs but was wrong, and so reported, is `None`.
fn all_or_reported<T>(part: Option<Option<T>>) -> Option<Option<T>> {
    match part {
        None => Some(None),
        Some(part) => part.map(Some),
    }
}

fn read_receiving(root: &Section<'_>) -> Option<Receiving> {
    let pattern = root.required("pattern", &PATTERN);
    let limits = root.required_section("limits").and_then(|section| {
        let max_bytes = section.required("max_bytes", &BYTES);
        let max_records = section.required("max_records", &COUNT);
        section.finish();
        Some(TransferLimits { max_bytes: max_bytes?, max_records: max_records? })
    });
    let deadline = root.section("deadline").map(|section| read_deadline(&section));
    Some(Receiving { pattern: pattern?, limits: limits?, deadline: all_or_reported(deadline)? })
}

fn read_deadline(section: &Section<'_>) -> Option<Deadline> {
    let by = section.required("by", &TIME_OF_DAY);
    let warn_before = section.required("warn_before", &DURATION);
    let bank_days_only = section.optional("bank_days_only", &FLAG).unwrap_or(true);
    section.finish();
    Some(Deadline { by: by?, warn_before: warn_before?, bank_days_only })
}

fn read_intake(root: &Section<'_>) -> Option<Intake> {
    let acceptance = root.required("acceptance", &ACCEPTANCE);
    let default_supplier = root.optional("default_supplier", &SUPPLIER);
    let g68 = root.section("g68");
    let flag = |key, default| g68.as_ref().and_then(|g68| g68.optional(key, &FLAG)).unwrap_or(default);
    let rules = G68Rules {
        require_envelope: flag("require_envelope", true),
        allow_multi_municipality: flag("allow_multi_municipality", false),
        date_is_processing: flag("date_is_processing", false),
    };
    if let Some(g68) = &g68 {
        g68.finish();
    }
    Some(Intake { acceptance: acceptance?, default_supplier, g68: rules })
}

const KIND: Rule<PipelineKind> = Rule {
    says: "must be \"receive-payments\", \"send-bundles\", \"receive-answers\", \"send-vouchers\", \
           \"receive-voucher-answers\", \"receive-receipts\", \"receive-bank-statements\", \
           \"receive-order-controls\" or \"receive-assortments\"",
    read: |value| PipelineKind::ALL.into_iter().find(|kind| value.as_str() == Some(kind.as_str())),
};

const FORMAT: Rule<Format> = Rule {
    says: "must be \"g68\", \"nemkonto-payment\", \"nemkonto-answer\", \"finance-vouchers\", \"finance-answer\", \
           \"technical-receipt\", \"camt.053\", \"order-control\" or \"assortment\"",
    read: |value| Format::ALL.into_iter().find(|format| value.as_str() == Some(format.as_str())),
};

const ACCEPTANCE: Rule<Acceptance> = Rule {
    says: "must be \"record-by-record\" or \"all-or-none\"",
    read: |value| match value.as_str()? {
        "record-by-record" => Some(Acceptance::RecordByRecord),
        "all-or-none" => Some(Acceptance::AllOrNone),
        _ => None,
    },
};

const FOLDER: Rule<String> = Rule {
    says: RELATIVE,
    read: |value| value.as_str().filter(|text| is_below(Path::new(text))).map(str::to_owned),
};

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use toek_formats::vocabulary::MunicipalityCode;

    use super::*;
    use crate::domain::municipality::synthetic;

    const RECEIVE: &str = "name = \"ksd-in\"\nkind = \"receive-payments\"\nformat = \"g68\"\nevery = \"30s\"\n\
        endpoint = \"ksd\"\nfolder = \"g68/{municipality}\"\npattern = \"*.g68\"\nacceptance = \"all-or-none\"\n\
        [limits]\nmax_bytes = \"85 MB\"\nmax_records = 99999\n[deadline]\nby = \"12:00\"\nwarn_before = \"1h\"\n";

    #[test]
    fn a_pipeline_is_read() {
        let pipeline = Pipeline::load(RECEIVE, "p.toml").unwrap();
        let receiving = pipeline.receiving.as_ref().unwrap();
        assert_eq!(receiving.limits, TransferLimits { max_bytes: 85_000_000, max_records: 99_999 });
        let intake = pipeline.intake.as_ref().unwrap();
        assert_eq!((intake.acceptance, intake.default_supplier), (Acceptance::AllOrNone, None));
        assert!(
            intake.g68.require_envelope
                && !intake.g68.allow_multi_municipality
                && !intake.g68.date_is_processing
        );
        let codes = [MunicipalityCode(751), MunicipalityCode(101)];
        let municipalities = Municipalities::load(&synthetic(&codes), "m.toml").unwrap();
        assert_eq!(pipeline.folders(&municipalities), [PathBuf::from("g68/0101"), PathBuf::from("g68/0751")]);
    }

    #[test]
    fn a_deadline_on_bank_days() {
        let days = BankDays::default();
        let deadline = Pipeline::load(RECEIVE, "p.toml").unwrap().receiving.unwrap().deadline.unwrap();
        assert_eq!(deadline.on(date(2026, 4, 6), &days), None);
        let (warn, late) = deadline.on(date(2026, 4, 7), &days).unwrap();
        assert_eq!(
            (warn.to_string(), late.to_string()),
            ("2026-04-07T09:00:00Z".into(), "2026-04-07T10:00:00Z".into())
        );
    }

    #[track_caller]
    fn check(from: &str, to: &str, expected: &str) {
        assert!(RECEIVE.contains(from), "{from}");
        let errors = Pipeline::load(&RECEIVE.replacen(from, to, 1), "p.toml").unwrap_err();
        assert_eq!(errors.to_string(), expected);
    }

    #[test]
    fn mistakes_have_their_place() {
        check(
            "\"g68\"",
            "\"nemkonto-answer\"",
            "p.toml:3:10: `format` is \"nemkonto-answer\": must be \"g68\" for the kind \"receive-payments\"",
        );
        check(
            "kind = \"receive-payments\"",
            "kind = \"receive\"",
            "p.toml:2:8: `kind` is \"receive\": must be \"receive-payments\", \"send-bundles\", \
             \"receive-answers\", \"send-vouchers\", \"receive-voucher-answers\", \"receive-receipts\", \
             \"receive-bank-statements\", \"receive-order-controls\" or \"receive-assortments\"",
        );
        check(
            "format = \"g68\"\nevery = \"30s\"",
            "format = \"g69\"\nevery = \"soon\"",
            "p.toml:3:10: `format` is \"g69\": must be \"g68\", \"nemkonto-payment\", \"nemkonto-answer\", \
             \"finance-vouchers\", \"finance-answer\", \"technical-receipt\", \"camt.053\", \
             \"order-control\" or \"assortment\"\n\
             p.toml:4:9: `every` is \"soon\": must be an interval from 1s to 24h, as 30s",
        );
        check(
            "g68/{municipality}",
            "../x",
            "p.toml:6:10: `folder` is \"../x\": must be a folder below, as a/b, without `..`",
        );
        check(
            "acceptance = \"all-or-none\"\n",
            "",
            "p.toml:1:1: `acceptance`: is missing; it must be \"record-by-record\" or \"all-or-none\"",
        );
        check(
            "max_records = 99999\n",
            "max_lines = 0\n",
            "p.toml:9:1: `limits.max_records`: is missing; it must be a whole number from 1 on\n\
             p.toml:11:1: `limits.max_lines`: is no key here; the keys are max_bytes, max_records",
        );
        check(
            "by = \"12:00\"",
            "by = 12",
            "p.toml:13:6: `deadline.by` is 12: must be a time of day, as 16:00",
        );
        let sending = "name = \"out\"\nkind = \"send-bundles\"\nformat = \"nemkonto-payment\"\nevery = \"1m\"\n\
                       endpoint = \"nks\"\npattern = \"*\"\n";
        let error = Pipeline::load(sending, "p.toml").unwrap_err().to_string();
        assert_eq!(
            error,
            "p.toml:6:1: `pattern`: is no key here; the keys are endpoint, every, folder, format, kind, name"
        );
    }
}
