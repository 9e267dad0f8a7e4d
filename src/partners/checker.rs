//! The independent checker: holds what the hub says happened against what was delivered to it and what NemKonto
//! was really asked.
//!
//! Three witnesses: the manifest (written before anything ran), NemKonto's own ledger, and the hub, which is
//! only spoken to as a separate process that prints JSON. Imports none of the rooms it judges and believes no
//! sum it can work out itself. Never shows a payee's number.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::io::{self, BufRead};
use std::path::Path;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use toek_adapters::disk::Disk;
use toek_formats::vocabulary::{IdentCode, Ore, Party};

use super::bank_days;
use super::bundle::{Bundle, Payee};
use super::nemkonto::{Judgement, PartnerError, replay};
use super::script::{BundleAnswer, Outcome, Script};
use crate::generator::manifest::{self, Expected, FileLine, FileState, Line, ManifestError, RecordLine};

/// How many counter-examples a check shows.
const EXAMPLES: usize = 5;
/// The role of the interim account (mellemregning).
const INTERIM: &str = "MELLEM";
/// How the roles of bank accounts begin.
const BANK: &str = "BANK";
/// The event that posts an accepted payment (00-decisions.md 2.1).
const ACCEPTANCE: &str = "P4";

/// Reasons for which a payment is held after it was posted as accepted (00-decisions.md 1.1): never expected
/// here, but what they say about money must not hide what else is wrong.
const POSTED_HOLDS: &[&str] = &["block", "late"];

/// Asks the hub: runs `toek` with these arguments and gives what it prints.
pub type Hub<'a> = &'a dyn Fn(&[&str]) -> io::Result<Vec<u8>>;

/// NemKonto's side.
#[derive(Clone, Copy)]
pub struct Partner<'a> {
    /// Its files.
    pub disk: &'a dyn Disk,
    /// What it keeps for itself.
    pub home: &'a Path,
    /// By which it answered.
    pub script: &'a Script,
    /// The ERP's books, where it takes part.
    pub books: Option<&'a Books>,
}

/// What the ERP booked, and how its accounts are the hub's.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// Vouchers booked.
    pub accepted: u64,
    /// Debit and credit in øre by CVR and the ERP's account.
    pub accounts: BTreeMap<(String, String), (i64, i64)>,
    /// The ERP's account of each role.
    pub roles: BTreeMap<String, String>,
    /// CVR by the municipality's code.
    pub authorities: BTreeMap<String, String>,
}

/// Why nothing could be checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// NemKonto's files.
    #[error(transparent)]
    NemKonto(#[from] PartnerError),
    /// The hub could not be asked.
    #[error("toek {arguments}")]
    Hub {
        /// What was asked.
        arguments: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The hub's answer is not what was agreed.
    #[error("toek {arguments}: line {line} of what it printed")]
    Answer {
        /// What was asked.
        arguments: String,
        /// 1-based.
        line: usize,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The checks, in the order of [`Name`].
    pub checks: Vec<Check>,
    /// Records and øre by outcome, as the hub tells them.
    pub outcomes: BTreeMap<String, Total>,
}

/// One check and how it went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What is checked, as a sentence that should be true.
    pub name: String,
    /// Whether it is.
    pub ok: bool,
    /// How many were looked at; or some that are not so.
    pub detail: String,
}

/// How many and how much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Total {
    /// Records.
    pub records: u64,
    /// Øre, signed.
    pub ore: i64,
}

impl Total {
    fn add(&mut self, ore: i64) {
        self.records += 1;
        self.ore += ore;
    }
}

impl Report {
    /// Whether everything is as it should be.
    pub fn ok(&self) -> bool {
        self.checks.iter().all(|check| check.ok)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            writeln!(f, "{} {}: {}", if check.ok { "ok    " } else { "FAILED" }, check.name, check.detail)?;
        }
        for (outcome, total) in &self.outcomes {
            writeln!(f, "{outcome:<12}{:>10} records {:>20} kr.", total.records, Ore(total.ore).danish())?;
        }
        let failed = self.checks.iter().filter(|check| !check.ok).count();
        match failed {
            0 => writeln!(f, "all {} checks hold", self.checks.len()),
            _ => writeln!(f, "{failed} of {} checks FAILED", self.checks.len()),
        }
    }
}

macro_rules! checks {
    ($($(#[$meta:meta])* $name:ident $sentence:literal;)*) => {
        /// The checks.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Name { $($(#[$meta])* $name,)* }

        impl Name {
            /// All there are, in the order of a report.
            pub const ALL: &[Name] = &[$(Name::$name,)*];

            /// The sentence that should be true.
            pub fn sentence(self) -> &'static str {
                match self { $(Name::$name => $sentence,)* }
            }
        }
    };
}

checks! {
    /// State and reason of each transfer.
    Files "every file is accepted or set aside as it should be, once, and no other came in";
    /// One line per record in `trace`.
    Accounted "every record has exactly one outcome";
    /// Outcome and reason.
    Outcomes "every outcome and reason is the expected one";
    /// What the record says.
    Amounts "every amount, municipality and reference is the delivered one";
    /// `status` against `trace`.
    Totals "records are paid, returned, rejected, held or waiting, and status counts them so";
    /// NemKonto could read it.
    Readable "NemKonto could read every bundle";
    /// References across bundles.
    OneBundle "no payment reference and no bundle reference was sent twice";
    /// `status` against NemKonto.
    Bundles "the hub lists exactly the bundles NemKonto has, with their counts and sums";
    /// Attempts against NemKonto.
    Instructions "every attempt was asked of NemKonto with the right amount, payee, municipality and day";
    /// NemKonto against attempts.
    Unasked "NemKonto was asked for nothing that no delivered record asks for";
    /// Both sides of an answer.
    Answers "every outcome agrees with what NemKonto decided";
    /// Never twice.
    PaidOnce "no payment can have been paid twice";
    /// Vouchers one by one.
    Vouchers "every voucher balances and is there once";
    /// `balance` against vouchers.
    Accounts "every account is the sum of its voucher lines";
    /// Double entry.
    Zero "debit equals credit, in each municipality and in all";
    /// P4.
    Accepted "what was accepted is what was posted as accepted";
    /// MELLEM.
    Interim "the interim account is the open payments, in each municipality";
    /// BANK.
    Bank "the bank accounts are the paid payments, in each municipality";
    /// `vouchers status` against the ERP.
    Booked "every voucher was booked by the ERP, once";
    /// The ERP's books against `balance`.
    Books "the ERP's books are the hub's accounts, in each municipality";
}

/// What the checks have seen so far.
struct Findings {
    seen: Vec<u64>,
    wrong: Vec<u64>,
    examples: Vec<Vec<String>>,
}

impl Findings {
    fn new() -> Findings {
        let count = Name::ALL.len();
        Findings { seen: vec![0; count], wrong: vec![0; count], examples: vec![Vec::new(); count] }
    }

    /// One thing looked at; `example` tells it when it is not as it should be.
    fn expect(&mut self, name: Name, holds: bool, example: impl FnOnce() -> String) {
        let place = name as usize;
        self.seen[place] += 1;
        if !holds {
            self.wrong[place] += 1;
            if self.examples[place].len() < EXAMPLES {
                self.examples[place].push(example());
            }
        }
    }

    fn into_report(self, outcomes: BTreeMap<String, Total>) -> Report {
        let check = |name: &Name| {
            let place = *name as usize;
            let (seen, wrong) = (self.seen[place], self.wrong[place]);
            let detail = match wrong {
                0 => format!("{seen} looked at"),
                _ => format!("{wrong} of {seen} not so: {}", self.examples[place].join("; ")),
            };
            Check { name: name.sentence().to_owned(), ok: wrong == 0, detail }
        };
        Report { checks: Name::ALL.iter().map(check).collect(), outcomes }
    }
}

/// `status --json`.
#[derive(Debug, Deserialize)]
struct Status {
    transfers: Vec<Transfer>,
    outcomes: BTreeMap<String, u64>,
    bundles: Vec<BundleLine>,
}

#[derive(Debug, Deserialize)]
struct Transfer {
    file: String,
    format: String,
    state: String,
    reason: Option<String>,
    #[serde(default)]
    records: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct BundleLine {
    group_id: String,
    payments: u64,
    sum_ore: i64,
}

/// A line of `trace FILE --json`.
#[derive(Debug, Deserialize)]
struct Trace {
    record: u32,
    #[serde(default)]
    municipality: Option<String>,
    #[serde(default)]
    transaction_ref: Option<String>,
    #[serde(default)]
    posting_ref: Option<String>,
    #[serde(default)]
    amount_ore: Option<i64>,
    outcome: String,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    attempts: Vec<Attempt>,
}

#[derive(Debug, Deserialize)]
struct Attempt {
    end_to_end_id: String,
    group_id: String,
}

/// `vouchers status --json`.
#[derive(Debug, Deserialize)]
struct VoucherCounts {
    waiting: u64,
    held: u64,
    sent: u64,
    accepted: u64,
    refused: u64,
}

/// `balance --json`.
#[derive(Debug, Deserialize)]
struct Balance {
    accounts: Vec<Account>,
    #[serde(default)]
    control: Vec<Control>,
}

#[derive(Debug, Deserialize)]
struct Account {
    municipality: String,
    role: String,
    debit_ore: i64,
    credit_ore: i64,
}

#[derive(Debug, Deserialize)]
struct Control {
    municipality: String,
    interim_ore: i64,
    open_payments_ore: i64,
}

/// A line of `balance --vouchers --json`.
#[derive(Debug, Deserialize)]
struct Voucher {
    voucher: String,
    municipality: String,
    event: String,
    lines: Vec<VoucherLine>,
}

#[derive(Debug, Deserialize)]
struct VoucherLine {
    role: String,
    side: Side,
    amount_ore: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Side {
    Debit,
    Credit,
}

fn ask(hub: Hub<'_>, arguments: &[&str]) -> Result<Vec<u8>, CheckError> {
    hub(arguments).map_err(|source| CheckError::Hub { arguments: arguments.join(" "), source })
}

fn one<T: serde::de::DeserializeOwned>(hub: Hub<'_>, arguments: &[&str]) -> Result<T, CheckError> {
    let bytes = ask(hub, arguments)?;
    serde_json::from_slice(&bytes).map_err(|source| CheckError::Answer {
        arguments: arguments.join(" "),
        line: source.line(),
        source,
    })
}

/// JSON lines, one after another, so that a million of them are never held parsed.
fn each<T: serde::de::DeserializeOwned>(
    bytes: &[u8],
    arguments: &[&str],
    see: &mut dyn FnMut(T),
) -> Result<(), CheckError> {
    for (line, text) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        if text.trim_ascii().is_empty() {
            continue;
        }
        let value = serde_json::from_slice(text).map_err(|source| CheckError::Answer {
            arguments: arguments.join(" "),
            line,
            source,
        })?;
        see(value);
    }
    Ok(())
}

/// One payment that NemKonto was asked for.
struct Asked {
    group: usize,
    ore: i64,
    payee: Option<Party>,
    day: Date,
    outcome: Outcome,
    may_have_paid: bool,
    claims: u32,
}

/// What NemKonto has.
#[derive(Default)]
struct Ledger {
    groups: Vec<(String, Total)>,
    /// Place in `groups` and SHA-256 of the bytes.
    by_group: HashMap<String, (usize, [u8; 32])>,
    payments: HashMap<Box<str>, Asked>,
}

impl Ledger {
    fn read(partner: &Partner<'_>, findings: &mut Findings) -> Result<Ledger, CheckError> {
        let mut ledger = Ledger::default();
        replay(partner.disk, partner.home, partner.script, &mut |taken, bytes, read| {
            findings.expect(Name::Readable, read.is_ok(), || match read {
                Err(refused) => format!("{}: line {}: {}", taken.name, refused.line, refused.what),
                Ok(_) => String::new(),
            });
            if let Ok((bundle, judgement)) = read {
                ledger.take(bundle, judgement, Sha256::digest(bytes).into(), findings);
            }
        })?;
        Ok(ledger)
    }

    fn take(&mut self, bundle: &Bundle, judgement: &Judgement<'_>, hash: [u8; 32], findings: &mut Findings) {
        let known = self.by_group.get(&bundle.group_id).copied();
        let again = known.is_some_and(|(_, earlier)| earlier == hash);
        findings.expect(Name::OneBundle, known.is_none() || again, || {
            format!("{} was sent with different contents", bundle.group_id)
        });
        if again {
            // The same bytes again are lawful after receipt 0: only then NemKonto decides anew about them.
            if judgement.answer != BundleAnswer::RefuseAtReceipt {
                self.decide_anew(bundle, judgement);
            }
            return;
        }
        let group = self.groups.len();
        let mut total = Total::default();
        for (debit, payment, fate) in fates(bundle, judgement) {
            total.add(payment.amount_ore);
            let asked = Asked {
                group,
                ore: payment.amount_ore,
                payee: payment.payee.as_ref().and_then(Payee::party),
                day: debit,
                outcome: fate.0,
                may_have_paid: fate.1,
                claims: 0,
            };
            let new = !self.payments.contains_key(payment.end_to_end_id.as_str());
            findings.expect(Name::OneBundle, new, || format!("{} was sent twice", payment.end_to_end_id));
            if new {
                self.payments.insert(payment.end_to_end_id.as_str().into(), asked);
            }
        }
        self.groups.push((bundle.group_id.clone(), total));
        self.by_group.entry(bundle.group_id.clone()).or_insert((group, hash));
    }

    fn decide_anew(&mut self, bundle: &Bundle, judgement: &Judgement<'_>) {
        for (_, payment, (outcome, may_have_paid)) in fates(bundle, judgement) {
            if let Some(asked) = self.payments.get_mut(payment.end_to_end_id.as_str()) {
                (asked.outcome, asked.may_have_paid) = (outcome, may_have_paid);
            }
        }
    }
}

/// Each payment of a bundle with its day and what NemKonto decided: where it should stand in the end, and whether
/// the payee may have got money.
fn fates<'a>(
    bundle: &'a Bundle,
    judgement: &'a Judgement<'_>,
) -> impl Iterator<Item = (Date, &'a super::bundle::Instruction, (Outcome, bool))> {
    let whole = judgement.answer.outcome();
    let whole_paid = judgement.answer == BundleAnswer::Silent;
    let payments = bundle.debits.iter().flat_map(|debit| debit.payments.iter().map(|p| (debit.day, p)));
    payments.enumerate().map(move |(place, (day, payment))| {
        let own = judgement.payments.get(place).map(|verdict| verdict.answer);
        let fate = match (whole, own) {
            (None, Some(answer)) => (answer.outcome(), answer.may_have_paid()),
            (whole, _) => (whole.unwrap_or(Outcome::Waiting), whole_paid),
        };
        (day, payment, fate)
    })
}

/// Everything that is summed up while files are gone through.
struct Checker<'a> {
    hub: Hub<'a>,
    books: Option<&'a Books>,
    status: Status,
    ledger: Ledger,
    findings: Findings,
    outcomes: BTreeMap<String, Total>,
    /// Øre of accepted payments by municipality: all, those paid, those open.
    accepted: BTreeMap<String, i64>,
    paid: BTreeMap<String, i64>,
    open: BTreeMap<String, i64>,
    /// Municipality and reference of every record whose payee may have got money.
    paid_references: HashSet<[u8; 32]>,
    files: HashSet<String>,
}

/// Checks everything.
///
/// # Errors
/// [`CheckError`] when a witness cannot be heard; what a witness says wrongly is in the report.
pub fn check(manifest: impl BufRead, partner: &Partner<'_>, hub: Hub<'_>) -> Result<Report, CheckError> {
    let mut findings = Findings::new();
    let ledger = Ledger::read(partner, &mut findings)?;
    let mut checker = Checker {
        hub,
        books: partner.books,
        status: one(hub, &["status", "--json"])?,
        ledger,
        findings,
        outcomes: BTreeMap::new(),
        accepted: BTreeMap::new(),
        paid: BTreeMap::new(),
        open: BTreeMap::new(),
        paid_references: HashSet::new(),
        files: HashSet::new(),
    };
    checker.files(manifest)?;
    checker.strangers();
    checker.totals();
    checker.bundles();
    checker.unasked();
    checker.money()?;
    Ok(checker.findings.into_report(checker.outcomes))
}

impl Checker<'_> {
    /// The manifest file by file: its records come first, then the file itself.
    fn files(&mut self, manifest: impl BufRead) -> Result<(), CheckError> {
        let mut records = Vec::new();
        for line in manifest::lines(manifest) {
            match line? {
                Line::Plan(_) => {}
                Line::Record(record) => records.push(record),
                Line::File(file) => {
                    self.file(&file, &records)?;
                    records.clear();
                }
            }
        }
        Ok(())
    }

    fn file(&mut self, file: &FileLine, records: &[RecordLine]) -> Result<(), CheckError> {
        self.files.insert(file.name.clone());
        self.transfer(file);
        let arguments = ["trace", &file.name, "--json"];
        let answer = match file.state {
            FileState::Accepted => ask(self.hub, &arguments)?,
            // Nothing of it is stored: the hub may have nothing to tell, and `status` was asked already.
            FileState::Quarantined => ask(self.hub, &arguments).unwrap_or_default(),
        };
        let mut traces: BTreeMap<u32, Trace> = BTreeMap::new();
        let mut repeated = Vec::new();
        each(&answer, &arguments, &mut |trace: Trace| {
            let record = trace.record;
            if traces.insert(record, trace).is_some() {
                repeated.push(record);
            }
        })?;
        for record in repeated {
            self.findings.expect(Name::Accounted, false, || format!("{} record {record} twice", file.name));
        }
        match file.state {
            FileState::Accepted => self.accepted_file(file, records, traces),
            FileState::Quarantined => self.quarantined_file(file, &traces),
        }
        Ok(())
    }

    fn transfer(&mut self, file: &FileLine) {
        // What the hub ignored (a repetition, a file that changed while it was read) counts for nothing; whether anything
        // of it was taken in nevertheless, the records tell.
        let of_file = |t: &&Transfer| t.file == file.name && t.format == "g68" && t.state != "ignored";
        let transfers: Vec<_> = self.status.transfers.iter().filter(of_file).collect();
        let expected = match file.state {
            FileState::Accepted => "accepted",
            FileState::Quarantined => "quarantined",
        };
        let as_expected = match transfers.as_slice() {
            [transfer] => {
                transfer.state == expected
                    && code_of(transfer.reason.as_deref()) == file.code.as_deref()
                    && (expected != "accepted"
                        || transfer.records.is_none_or(|n| n == u64::from(file.records)))
            }
            _ => false,
        };
        self.findings.expect(Name::Files, as_expected, || {
            let code = file.code.as_deref().unwrap_or("");
            format!("{} should be {expected} {code}, with {} records: {transfers:?}", file.name, file.records)
        });
    }

    fn quarantined_file(&mut self, file: &FileLine, traces: &BTreeMap<u32, Trace>) {
        for (record, trace) in traces {
            let stored_nothing = trace.outcome == "quarantined" && trace.attempts.is_empty();
            self.findings.expect(Name::Outcomes, stored_nothing, || {
                format!("{} record {record} is {}, its file is set aside", file.name, trace.outcome)
            });
        }
    }

    fn accepted_file(&mut self, file: &FileLine, records: &[RecordLine], mut traces: BTreeMap<u32, Trace>) {
        for record in records {
            let trace = traces.remove(&record.record);
            self.findings
                .expect(Name::Accounted, trace.is_some(), || format!("{} is missing", place(record)));
            if let Some(trace) = trace {
                self.record(record, &trace);
            }
        }
        for number in traces.keys() {
            self.findings.expect(Name::Accounted, false, || format!("{} has no record {number}", file.name));
        }
    }

    fn record(&mut self, record: &RecordLine, trace: &Trace) {
        self.outcomes.entry(trace.outcome.clone()).or_default().add(record.amount_ore);
        self.outcome(record, trace);
        if matches!(record.expected, Expected::Rejected { .. }) {
            // What a rejected record says may be unreadable: only that nothing came of it counts.
            self.nothing_sent(record, trace);
            return;
        }
        self.content(record, trace);
        match trace.outcome.as_str() {
            "held" if !POSTED_HOLDS.contains(&trace.reason.as_deref().unwrap_or("")) => {
                self.nothing_sent(record, trace);
            }
            outcome => {
                let municipality = &record.municipality;
                *self.accepted.entry(municipality.clone()).or_default() += record.amount_ore;
                let side = if outcome == "paid" { &mut self.paid } else { &mut self.open };
                *side.entry(municipality.clone()).or_default() += record.amount_ore;
                self.attempts(record, trace);
            }
        }
    }

    fn outcome(&mut self, record: &RecordLine, trace: &Trace) {
        let reason = trace.reason.as_deref().unwrap_or("");
        let as_expected = match &record.expected {
            Expected::Pay { answer: Some(answer) } => trace.outcome == outcome_name(*answer),
            Expected::Pay { answer: None } => {
                ["paid", "returned", "waiting"].contains(&trace.outcome.as_str())
            }
            Expected::Rejected { codes } => {
                trace.outcome == "rejected"
                    && codes.iter().any(|code| Some(code.as_str()) == code_of(Some(reason)))
            }
            Expected::Held { reason: expected } => trace.outcome == "held" && reason == expected.name(),
            Expected::Quarantined => trace.outcome == "quarantined",
        };
        self.findings.expect(Name::Outcomes, as_expected, || {
            format!("{} is {} {reason}, expected {:?}", place(record), trace.outcome, record.expected)
        });
    }

    fn content(&mut self, record: &RecordLine, trace: &Trace) {
        let same = trace.amount_ore == Some(record.amount_ore)
            && trace.municipality.as_ref() == Some(&record.municipality)
            && trace.transaction_ref.as_ref() == Some(&record.transaction_ref)
            && trace.posting_ref.as_ref() == Some(&record.posting_ref);
        self.findings.expect(Name::Amounts, same, || {
            format!(
                "{}: {} øre, {}, {} delivered; {trace:?}",
                place(record),
                record.amount_ore,
                record.municipality,
                record.transaction_ref
            )
        });
    }

    fn nothing_sent(&mut self, record: &RecordLine, trace: &Trace) {
        self.findings.expect(Name::Unasked, trace.attempts.is_empty(), || {
            format!("{} is {} and was sent", place(record), trace.outcome)
        });
    }

    fn attempts(&mut self, record: &RecordLine, trace: &Trace) {
        let mut possible_payments = 0;
        let mut last = None;
        for (number, attempt) in trace.attempts.iter().enumerate() {
            let Some(asked) = self.ledger.payments.get_mut(attempt.end_to_end_id.as_str()) else {
                self.findings.expect(Name::Instructions, false, || {
                    format!("{}: NemKonto never saw {}", place(record), attempt.end_to_end_id)
                });
                continue;
            };
            asked.claims += 1;
            possible_payments += u32::from(asked.may_have_paid);
            last = Some(asked.outcome);
            let group = &self.ledger.groups[asked.group].0;
            let fault = difference(record, attempt, asked, group, number == 0);
            self.findings.expect(Name::Instructions, fault.is_none(), || {
                format!("{}: {} {}", place(record), attempt.end_to_end_id, fault.unwrap_or_default())
            });
        }
        self.answers(record, trace, last);
        self.paid_once(record, possible_payments);
    }

    /// The hub's word against NemKonto's about the last attempt. A payment not sent yet waits.
    fn answers(&mut self, record: &RecordLine, trace: &Trace, last: Option<Outcome>) {
        let decided = last.unwrap_or(Outcome::Waiting);
        self.findings.expect(Name::Answers, trace.outcome == outcome_name(decided), || {
            format!("{} is {} here, {} at NemKonto", place(record), trace.outcome, outcome_name(decided))
        });
    }

    fn paid_once(&mut self, record: &RecordLine, possible_payments: u32) {
        let mut once = possible_payments <= 1;
        if possible_payments > 0 {
            let mut hash = Sha256::new();
            hash.update(record.municipality.as_bytes());
            hash.update(record.transaction_ref.as_bytes());
            once &= self.paid_references.insert(hash.finalize().into());
        }
        self.findings.expect(Name::PaidOnce, once, || {
            format!(
                "{} {} by {possible_payments} instructions or more",
                place(record),
                record.transaction_ref
            )
        });
    }

    fn strangers(&mut self) {
        for transfer in self.status.transfers.iter().filter(|t| t.format == "g68") {
            self.findings.expect(Name::Files, self.files.contains(&transfer.file), || {
                format!("{} was never delivered", transfer.file)
            });
        }
    }

    fn totals(&mut self) {
        let names = ["paid", "returned", "rejected", "held", "waiting"];
        for name in names {
            let traced = self.outcomes.get(name).map_or(0, |total| total.records);
            let told = self.status.outcomes.get(name).copied().unwrap_or(0);
            self.findings.expect(Name::Totals, traced == told, || {
                format!("status counts {told} {name}, trace {traced}")
            });
        }
        for name in self.outcomes.keys() {
            self.findings.expect(Name::Totals, names.contains(&name.as_str()), || {
                format!("`{name}` is no outcome of a record of an accepted file")
            });
        }
    }

    fn bundles(&mut self) {
        let mut listed = HashSet::new();
        for line in &self.status.bundles {
            let asked =
                self.ledger.by_group.get(&line.group_id).map(|(place, _)| self.ledger.groups[*place].1);
            let same = asked == Some(Total { records: line.payments, ore: line.sum_ore });
            let new = listed.insert(line.group_id.as_str());
            self.findings.expect(Name::Bundles, same && new, || format!("{line:?}, NemKonto has {asked:?}"));
        }
        for (group, _) in &self.ledger.groups {
            self.findings.expect(Name::Bundles, listed.contains(group.as_str()), || {
                format!("NemKonto has {group}, the hub lists it not")
            });
        }
    }

    fn unasked(&mut self) {
        for (id, asked) in &self.ledger.payments {
            self.findings.expect(Name::Unasked, asked.claims == 1, || {
                format!("{id} of {} belongs to {} records", self.ledger.groups[asked.group].0, asked.claims)
            });
        }
    }

    fn money(&mut self) -> Result<(), CheckError> {
        let sums = self.vouchers()?;
        let balance: Balance = one(self.hub, &["balance", "--json"])?;
        self.accounts(&balance, &sums.accounts);
        self.zero(&balance);
        self.compare(Name::Accepted, &sums.accepted, &self.accepted.clone());
        let interim = net(&balance, |role| role == INTERIM);
        self.compare(Name::Interim, &interim, &self.open.clone());
        self.control(&balance.control);
        self.compare(Name::Bank, &net(&balance, |role| role.starts_with(BANK)), &self.paid.clone());
        match self.books {
            Some(books) => self.erp(books, &balance, sums.count),
            None => Ok(()),
        }
    }

    /// The ERP has its books from files alone: what stands there is what really left.
    fn erp(&mut self, books: &Books, balance: &Balance, vouchers: u64) -> Result<(), CheckError> {
        let told: VoucherCounts = one(self.hub, &["vouchers", "status", "--json"])?;
        let open = told.waiting + told.held + told.sent + told.refused;
        let all = told.accepted == vouchers && books.accepted == vouchers && open == 0;
        self.findings.expect(Name::Booked, all, || {
            format!("{vouchers} vouchers, the ERP booked {}, the hub says {told:?}", books.accepted)
        });
        let mut expected: BTreeMap<(String, String), (i64, i64)> = BTreeMap::new();
        for account in &balance.accounts {
            let authority = books.authorities.get(&account.municipality).cloned().unwrap_or_default();
            let there = books.roles.get(&account.role).cloned().unwrap_or_else(|| account.role.clone());
            let sum = expected.entry((authority, there)).or_default();
            *sum = (sum.0 + account.debit_ore, sum.1 + account.credit_ore);
        }
        let keys: BTreeSet<_> = expected.keys().chain(books.accounts.keys()).collect();
        for key in keys {
            let of = |sums: &BTreeMap<_, _>| sums.get(key).copied().unwrap_or((0, 0));
            let (ours, theirs) = (of(&expected), of(&books.accounts));
            self.findings.expect(Name::Books, ours == theirs, || {
                format!("{} {}: the hub has {ours:?}, the ERP {theirs:?}", key.0, key.1)
            });
        }
        Ok(())
    }

    fn vouchers(&mut self) -> Result<Sums, CheckError> {
        let arguments = ["balance", "--vouchers", "--json"];
        let answer = ask(self.hub, &arguments)?;
        let mut sums = Sums::default();
        let mut seen = HashSet::new();
        each(&answer, &arguments, &mut |voucher: Voucher| {
            let new = seen.insert(voucher.voucher.clone());
            let (debit, credit) = sums.add(&voucher);
            let sound = voucher.lines.iter().all(|line| line.amount_ore > 0) && !voucher.lines.is_empty();
            self.findings.expect(Name::Vouchers, new && sound && debit == credit, || {
                let Voucher { voucher, municipality, event, .. } = &voucher;
                format!("{voucher} {event} of {municipality}: debit {debit}, credit {credit} øre")
            });
        })?;
        Ok(sums)
    }

    fn accounts(&mut self, balance: &Balance, sums: &BTreeMap<(String, String), (i64, i64)>) {
        let mut told = BTreeMap::new();
        for account in &balance.accounts {
            let key = (account.municipality.clone(), account.role.clone());
            let sum = told.entry(key).or_insert((0, 0));
            *sum = (sum.0 + account.debit_ore, sum.1 + account.credit_ore);
        }
        let keys: BTreeSet<_> = told.keys().chain(sums.keys()).collect();
        for key in keys {
            let (told, summed) = (told.get(key).copied(), sums.get(key).copied());
            let nothing = Some((0, 0));
            let same = told.or(nothing) == summed.or(nothing);
            self.findings.expect(Name::Accounts, same, || {
                format!("{} {}: balance says {told:?}, vouchers {summed:?}", key.0, key.1)
            });
        }
    }

    fn zero(&mut self, balance: &Balance) {
        let all = net(balance, |_| true);
        for (municipality, ore) in &all {
            self.findings.expect(Name::Zero, *ore == 0, || format!("{municipality} is off by {ore} øre"));
        }
        let total: i64 = all.values().sum();
        self.findings.expect(Name::Zero, total == 0, || format!("in all off by {total} øre"));
    }

    fn control(&mut self, control: &[Control]) {
        for row in control {
            let open = self.open.get(&row.municipality).copied().unwrap_or(0);
            let agrees = row.interim_ore == open && row.open_payments_ore == open;
            self.findings.expect(Name::Interim, agrees, || format!("{row:?}, open payments are {open} øre"));
        }
    }

    /// Two sums by municipality: the hub's and our own.
    fn compare(&mut self, name: Name, hub: &BTreeMap<String, i64>, own: &BTreeMap<String, i64>) {
        let municipalities: BTreeSet<_> = hub.keys().chain(own.keys()).collect();
        for municipality in municipalities {
            let of = |sums: &BTreeMap<String, i64>| sums.get(municipality).copied().unwrap_or(0);
            self.findings.expect(name, of(hub) == of(own), || {
                format!("{municipality}: {} øre there, {} øre by count", of(hub), of(own))
            });
        }
    }
}

/// What the vouchers add up to.
#[derive(Default)]
struct Sums {
    /// How many there are.
    count: u64,
    /// Debit and credit by municipality and role.
    accounts: BTreeMap<(String, String), (i64, i64)>,
    /// What was posted as accepted, by municipality.
    accepted: BTreeMap<String, i64>,
}

impl Sums {
    /// Adds a voucher; its debit and credit.
    fn add(&mut self, voucher: &Voucher) -> (i64, i64) {
        let (mut debit, mut credit) = (0, 0);
        self.count += 1;
        for line in &voucher.lines {
            let key = (voucher.municipality.clone(), line.role.clone());
            let sum = self.accounts.entry(key).or_default();
            match line.side {
                Side::Debit => (sum.0, debit) = (sum.0 + line.amount_ore, debit + line.amount_ore),
                Side::Credit => (sum.1, credit) = (sum.1 + line.amount_ore, credit + line.amount_ore),
            }
            if voucher.event == ACCEPTANCE && line.role == INTERIM && line.side == Side::Credit {
                *self.accepted.entry(voucher.municipality.clone()).or_default() += line.amount_ore;
            }
        }
        (debit, credit)
    }
}

/// Credit less debit by municipality, of the accounts with these roles.
fn net(balance: &Balance, role: impl Fn(&str) -> bool) -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    for account in balance.accounts.iter().filter(|account| role(&account.role)) {
        *sums.entry(account.municipality.clone()).or_insert(0) += account.credit_ore - account.debit_ore;
    }
    sums
}

/// The code at the beginning of a reason: `G68-S04: the count is wrong`.
fn code_of(reason: Option<&str>) -> Option<&str> {
    reason.map(|text| text.split_once(':').map_or(text, |(code, _)| code))
}

fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Paid => "paid",
        Outcome::Returned => "returned",
        Outcome::Waiting => "waiting",
    }
}

fn place(record: &RecordLine) -> String {
    format!("{} record {}", record.file, record.record)
}

/// What an instruction says otherwise than the record; `None`: nothing.
fn difference(
    record: &RecordLine,
    attempt: &Attempt,
    asked: &Asked,
    group: &str,
    first: bool,
) -> Option<String> {
    let payee = payee_of(record);
    let municipality = group.strip_prefix('T').and_then(|rest| rest.get(..4));
    match () {
        () if attempt.group_id != group => Some(format!("was in {group}, not in {}", attempt.group_id)),
        () if asked.ore != record.amount_ore => {
            Some(format!("asked for {} øre instead of {}", asked.ore, record.amount_ore))
        }
        () if asked.payee != payee => {
            let shown = |party: Option<Party>| party.map_or("nobody".to_owned(), Party::masked);
            Some(format!("pays {} instead of {}", shown(asked.payee), shown(payee)))
        }
        () if municipality != Some(&record.municipality) => Some(format!("was in {group}")),
        () if !day_fits(record, asked.day, first) => {
            let due = record.effective.as_deref().unwrap_or(&record.disposition);
            Some(format!("is to be paid on {} instead of {due}", asked.day))
        }
        () => None,
    }
}

/// The first attempt of an ordinary payment pays on its day; immediate ones and later attempts on a bank day not
/// before it.
fn day_fits(record: &RecordLine, day: Date, first: bool) -> bool {
    match &record.effective {
        Some(effective) if first => day.to_string() == *effective,
        _ => bank_days::is_open(day) && day.to_string() >= record.disposition,
    }
}

fn payee_of(record: &RecordLine) -> Option<Party> {
    let code = match record.payee_kind.as_str() {
        "cpr" => IdentCode::Cpr,
        "cvr" => IdentCode::Cvr,
        "se" => IdentCode::Se,
        "p" => IdentCode::ProductionUnit,
        _ => return None,
    };
    Some(Party { code, number: record.payee.parse().ok()? })
}
