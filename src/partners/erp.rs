//! A simulated ERP system: takes files of finance vouchers from its `IN/` on Serviceplatformen, books what is right,
//! and answers by a script (oir-finans-sf1590a.md sections 5 to 7).
//!
//! Its books are its own: a file of JSON lines per file taken, for whoever compares them with the hub's. What it
//! decides is a function of the files in the order they were taken, the mapping, the periods and the script; its state
//! is files moved by single renames, so that it may be killed at any moment and answers nothing twice. Keeps nothing
//! of a person. Never looks at the hub's store.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Write;
use std::path::PathBuf;

use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use toek_adapters::disk::{Disk, DiskError};
use toml::Spanned;

use super::erp_answers::{self, Form, Receipt, Return};
use super::files::{
    PartnerError, Taken, deliver_due, names_in, post, taken_in, uuid_of, waiting_in, write_whole,
};
use super::script::{Day, Delay, ScriptError, within};
use super::trigger::{ROUTED, Routing, Trigger};
use super::vouchers::{DIMENSIONS, Voucher, VoucherFile};

const METADATA: &str = ".metadata";
/// Where a person lays assortments, and how they are sent (sortiment-sf7002.md 2, ASSUMED).
const ASSORTMENTS: &str = "assortments";
const ASSORTMENT_INF_REF: &str = "SF7002_Sortiment";
/// CVR of KOMBIT, in whose name they are sent.
const KOMBIT: &str = "19435075";
/// Vouchers in the ERP's books are numbered from here.
const FIRST_NUMBER: u64 = 990_000_000;

/// Why a voucher or a file is refused. ASSUMED (section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The local code.
    pub code: &'static str,
    /// The text.
    pub text: &'static str,
    /// The element it is about.
    pub element: &'static str,
}

/// Every cause there is.
pub const CAUSES: &[Cause] = &[
    Cause { code: "F001", text: "Fejl i skemaet", element: "ModtagFinansbilag_I" },
    Cause { code: "F010", text: "Bilaget balancerer ikke", element: "PosteringsdataBeløb" },
    Cause { code: "F020", text: "Dimensionen er ukendt", element: "PrimæreDimensioner" },
    Cause {
        code: "F021",
        text: "Kombinationen af dimensioner er ikke tilladt",
        element: "PrimæreDimensioner",
    },
    Cause { code: "F030", text: "Perioden er lukket for bogføring", element: "FinansbilagBogføringsdato" },
    Cause { code: "F040", text: "Bilagets id er brugt før", element: "FinansbilagIdentifikation" },
    Cause {
        code: "F050",
        text: "Organisatorisk reference er ukendt",
        element: "ØIROrganisationsenhedIdentifikation",
    },
    Cause { code: "F099", text: "Andet", element: "FinansbilagStruktur" },
];

fn cause(code: &str) -> Option<Cause> {
    CAUSES.iter().find(|cause| cause.code == code).copied()
}

/// A class of the assortment that the ERP has mapped to its own chart.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapped {
    /// The class.
    pub uuid: String,
    /// Which dimension it is a class of: one of [`DIMENSIONS`] in small letters.
    pub dimension: String,
    /// What the ERP calls it.
    #[serde(default)]
    pub local: String,
    /// From which booking date.
    pub valid_from: Option<Day>,
    /// Until which, that day included.
    pub valid_to: Option<Day>,
}

/// The mapping table, a file of its own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Empty: every class is known.
    #[serde(default, rename = "class")]
    pub classes: Vec<Mapped>,
    /// Paying units; empty: all are known.
    #[serde(default)]
    pub units: Vec<String>,
}

impl Mapping {
    /// Reads a mapping table.
    ///
    /// # Errors
    /// [`ScriptError::Form`] with line and column.
    pub fn load(text: &str, file: &str) -> Result<Mapping, ScriptError> {
        toml::from_str(text).map_err(|e| ScriptError::Form { file: file.to_owned(), source: Box::new(e) })
    }

    fn knows(&self, dimension: &str, uuid: &str, day: Date) -> bool {
        let fits = |class: &&Mapped| {
            class.uuid == uuid
                && class.dimension == dimension.to_lowercase()
                && class.valid_from.is_none_or(|from| from.0 <= day)
                && class.valid_to.is_none_or(|to| day <= to.0)
        };
        self.classes.is_empty() || self.classes.iter().any(|class| fits(&class))
    }
}

/// What becomes of a voucher that is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VoucherAnswer {
    /// Booked, and said so.
    Accept,
    /// Refused with `code`.
    Refuse,
    /// Booked, and never a word about it.
    Silent,
}

/// One rule about vouchers. What is not given matches everything; the first that fits counts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoucherRule {
    /// Municipalities, by CVR.
    #[serde(default)]
    pub authorities: Vec<String>,
    /// Places in their file, from 1.
    #[serde(default)]
    pub nth: Vec<u64>,
    /// Running numbers of files, from 1.
    #[serde(default)]
    pub files: Vec<u64>,
    /// So many per thousand, chosen by the seed and the voucher's id.
    pub share: Option<u64>,
    /// What becomes of it.
    pub answer: Spanned<VoucherAnswer>,
    /// Of a refusal; one of [`CAUSES`].
    pub code: Option<String>,
    /// Of a refusal.
    pub text: Option<String>,
}

/// What becomes of a file that is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileAnswer {
    /// Each voucher by its own rule.
    Accept,
    /// Refused as a whole with `code`.
    Refuse,
    /// Taken, and never a word about it.
    Silent,
}

/// One rule about files. What is not given matches everything; the first that fits counts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRule {
    /// Municipalities, by CVR.
    #[serde(default)]
    pub authorities: Vec<String>,
    /// Running numbers of files, from 1.
    #[serde(default)]
    pub files: Vec<u64>,
    /// What becomes of it.
    pub answer: Spanned<FileAnswer>,
    /// Of a refusal; one of [`CAUSES`].
    pub code: Option<String>,
    /// Of a refusal.
    pub text: Option<String>,
    /// The answer comes so much later.
    pub late: Option<Delay>,
    /// The same answer once more, a minute later, under another name.
    #[serde(default)]
    pub twice: bool,
    /// A second answer, a minute later, that says the opposite of every voucher. The first one counts.
    #[serde(default)]
    pub contradicting: bool,
    /// A receipt besides for a voucher that nobody sent.
    #[serde(default)]
    pub unknown_voucher: bool,
    /// The newer form of results.
    #[serde(default)]
    pub form: Form,
}

/// When a municipality's books are open.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// Municipalities, by CVR; empty: all that no earlier period names.
    #[serde(default)]
    pub authorities: Vec<String>,
    /// The first open booking date.
    pub from: Day,
    /// The last.
    pub to: Day,
    /// Years whose supplementary period (`YYYY13`) is open, for booking dates in them.
    #[serde(default)]
    pub supplementary: Vec<i16>,
}

/// What an ERP system is set up with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Its user on Serviceplatformen.
    pub user: String,
    /// UUID of its system.
    #[serde(default = "default_system")]
    pub system: String,
    /// The file specification of its answers.
    #[serde(default = "default_inf_ref")]
    pub inf_ref: String,
    /// The file with its mapping table; none: every class is known.
    pub mapping: Option<String>,
    /// How long it takes to answer.
    #[serde(default)]
    pub delay: Option<Delay>,
    /// When books are open; none: always.
    #[serde(default, rename = "period")]
    pub periods: Vec<Period>,
    /// What becomes of files.
    #[serde(default, rename = "file")]
    pub files: Vec<FileRule>,
    /// What becomes of vouchers.
    #[serde(default, rename = "voucher")]
    pub vouchers: Vec<VoucherRule>,
}

fn default_system() -> String {
    "6e8d3c2f-0000-4e4e-8e8e-0f0f0f0f0f06".to_owned()
}

fn default_inf_ref() -> String {
    "SF1590_A_FinansbilagKvittering".to_owned() // ASSUMED (serviceplatformen-sftp.md section 7)
}

impl Settings {
    /// Holds the settings against themselves. `text` is what they were read from.
    ///
    /// # Errors
    /// [`ScriptError::Rule`] with the place of the first rule that makes no sense.
    pub fn check(&self, text: &str, file: &str) -> Result<(), ScriptError> {
        let files = self
            .files
            .iter()
            .map(|rule| (*rule.answer.get_ref() == FileAnswer::Refuse, &rule.code, rule.answer.span().start));
        let vouchers = self.vouchers.iter().map(|rule| {
            (*rule.answer.get_ref() == VoucherAnswer::Refuse, &rule.code, rule.answer.span().start)
        });
        for (refuses, code, at) in files.chain(vouchers) {
            let known = code.as_deref().is_some_and(|code| cause(code).is_some());
            if refuses != code.is_some() || refuses != known {
                let what = "`code` goes with refuse, must be there and is one of F001 to F099";
                return Err(ScriptError::at(text, file, at, what));
            }
        }
        Ok(())
    }

    fn is_open(&self, authority: &str, voucher: &Voucher) -> bool {
        let names = |period: &&Period| {
            period.authorities.is_empty() || period.authorities.iter().any(|cvr| cvr == authority)
        };
        let Some(period) = self.periods.iter().find(names) else { return true };
        let (day, year) = (voucher.day, voucher.day.year());
        match &voucher.period {
            Some(code) if *code == format!("{year:04}13") => period.supplementary.contains(&year),
            Some(code) if *code != format!("{year:04}{:02}", day.month()) => false,
            _ => (period.from.0..=period.to.0).contains(&day),
        }
    }
}

/// Where an ERP system lives. All on one file system.
#[derive(Clone, Debug)]
pub struct Folders {
    /// Its `IN/` on Serviceplatformen.
    pub inbox: PathBuf,
    /// Its `OUT/` there.
    pub outbox: PathBuf,
    /// What it keeps for itself.
    pub home: PathBuf,
}

/// What was said of a voucher.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    hash: [u8; 32],
    receipt: Receipt,
}

/// A posting as it stands in the books: one line of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booked {
    /// CVR of the municipality.
    pub authority: String,
    /// The voucher's id.
    pub voucher: String,
    /// The sender's number of it.
    pub number: String,
    /// The ERP's number of it.
    pub erp_number: u64,
    /// Booking date.
    pub day: String,
    /// The posting's id.
    pub posting: String,
    /// Øre; a credit is negative.
    pub ore: i64,
    /// The posting reference.
    pub reference: Option<String>,
    /// Reference keys: type and value.
    pub keys: Vec<(String, String)>,
    /// The six primary dimensions; empty where there is none.
    pub dimensions: Vec<String>,
}

/// An account of the books.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// Sum of debits, øre.
    pub debit_ore: i64,
    /// Sum of credits, øre.
    pub credit_ore: i64,
    /// Postings.
    pub postings: u64,
}

/// What an ERP system has seen so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Files taken.
    pub files: u64,
    /// Of these refused as a whole, or unreadable.
    pub refused_files: u64,
    /// Files that came a second time.
    pub repeated_files: u64,
    /// Vouchers booked.
    pub accepted: u64,
    /// Vouchers refused, by code.
    pub refused: BTreeMap<String, u64>,
    /// By municipality (CVR) and the six dimensions, joined by `|`.
    pub balances: BTreeMap<String, BTreeMap<String, Balance>>,
}

/// What one step did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stepped {
    /// Files taken.
    pub taken: u32,
    /// Names of answers put into `OUT/`, with their triggers.
    pub delivered: Vec<String>,
}

/// A simulated ERP system.
pub struct Erp<'d> {
    disk: &'d dyn Disk,
    folders: Folders,
    settings: Settings,
    mapping: Mapping,
    seed: u64,
    answered: u64,
    said: HashMap<String, Said>,
    /// Files by their hash, and their ids.
    files: HashMap<[u8; 32], Return>,
    transactions: HashSet<String>,
    numbers: u64,
    seen: Seen,
}

impl<'d> Erp<'d> {
    /// Makes the folders that are missing. What was taken earlier is read at the first step.
    ///
    /// # Errors
    /// [`PartnerError::Disk`].
    pub fn open(
        disk: &'d dyn Disk,
        folders: Folders,
        settings: Settings,
        mapping: Mapping,
        seed: u64,
    ) -> Result<Erp<'d>, PartnerError> {
        disk.create_dir_all(&folders.inbox)?;
        disk.create_dir_all(&folders.outbox)?;
        for folder in ["taken", "metadata", "books", "pending", "ready", ASSORTMENTS] {
            disk.create_dir_all(&folders.home.join(folder))?;
        }
        Ok(Erp {
            disk,
            folders,
            settings,
            mapping,
            seed,
            answered: 0,
            said: HashMap::new(),
            files: HashMap::new(),
            transactions: HashSet::new(),
            numbers: 0,
            seen: Seen::default(),
        })
    }

    /// What it has seen so far, its balances among it.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Takes what lies in `IN/` and delivers what is due at `now` (Danish local time). Repeating it does nothing twice.
    ///
    /// # Errors
    /// [`PartnerError`]; nothing is lost.
    pub fn step(&mut self, now: DateTime) -> Result<Stepped, PartnerError> {
        let taken = self.take(now)?;
        self.answer()?;
        self.hand_on_assortments(now)?;
        let pending = self.folders.home.join("pending");
        Ok(Stepped { taken, delivered: deliver_due(self.disk, &pending, now, &self.folders.outbox)? })
    }

    /// When the next answer is due; `None` when none waits.
    ///
    /// # Errors
    /// [`PartnerError`].
    pub fn next_due(&self) -> Result<Option<DateTime>, PartnerError> {
        Ok(waiting_in(self.disk, &self.folders.home.join("pending"))?.first().map(|(at, _)| *at))
    }

    /// Takes files that are whole: the companion is there and tells their size.
    fn take(&self, now: DateTime) -> Result<u32, PartnerError> {
        let dir = self.folders.home.join("taken");
        let companions = self.folders.home.join("metadata");
        let mut last = None;
        let mut count = 0;
        for name in names_in(self.disk, &self.folders.inbox)? {
            let Some(stem) = name.strip_suffix(METADATA) else {
                self.take_away_receipt(&name)?;
                continue;
            };
            let companion = self.folders.inbox.join(&name);
            let expected = Trigger::read_metadata(&self.disk.read(&companion)?).ok().map(|m| m.size);
            let there = self.disk.entry(&self.folders.inbox.join(stem))?;
            let number = match last {
                Some(number) => number,
                None => taken_in(self.disk, &dir)?.last().map_or(0, |taken: &Taken| taken.number),
            };
            match there {
                Some(entry) if expected == Some(entry.size) => {
                    let taken = Taken { number: number + 1, at: now, name: stem.to_owned() };
                    let own = companions.join(format!("{:07}", taken.number));
                    write_whole(self.disk, &own, &self.disk.read(&companion)?)?;
                    self.disk.rename(&self.folders.inbox.join(stem), &dir.join(taken.file_name()))?;
                    self.disk.remove(&companion)?;
                    last = Some(taken.number);
                    count += 1;
                }
                Some(_) => {}
                // Taken just before a kill: only the companion was left.
                None if taken_in(self.disk, &dir)?.iter().any(|taken| taken.name == stem) => {
                    self.disk.remove(&companion)?;
                }
                None => {}
            }
        }
        Ok(count)
    }

    /// Sends what a person laid into `assortments/`, as Klassifikation would: a kill between sending and taking away sends
    /// the same file again.
    fn hand_on_assortments(&self, now: DateTime) -> Result<(), PartnerError> {
        let dir = self.folders.home.join(ASSORTMENTS);
        for name in names_in(self.disk, &dir)? {
            let bytes = self.disk.read(&dir.join(&name))?;
            self.post_with_trigger(now, &name, &bytes, ASSORTMENT_INF_REF, KOMBIT)?;
            self.disk.remove(&dir.join(&name))?;
        }
        Ok(())
    }

    /// Technical receipts of its own answers are kept and looked at by nobody but people.
    fn take_away_receipt(&self, name: &str) -> Result<(), DiskError> {
        match name.ends_with(".sftpreceipt") {
            true => {
                let dir = self.folders.home.join("receipts");
                self.disk.create_dir_all(&dir)?;
                self.disk.rename(&self.folders.inbox.join(name), &dir.join(name))
            }
            false => Ok(()),
        }
    }

    fn answer(&mut self) -> Result<(), PartnerError> {
        for taken in taken_in(self.disk, &self.folders.home.join("taken"))? {
            if taken.number <= self.answered {
                continue;
            }
            let bytes = self.disk.read(&self.folders.home.join("taken").join(taken.file_name()))?;
            let (result, booked, authority) = self.judge(&taken, &bytes)?;
            let marker = self.folders.home.join("ready").join(format!("{:07}", taken.number));
            if !self.disk.exists(&marker)? {
                let mut lines = Vec::new();
                for posting in &booked {
                    serde_json::to_writer(&mut lines, posting).unwrap_or_default();
                    let _ = lines.write_all(b"\n"); // a vector takes everything
                }
                let books = self.folders.home.join("books").join(format!("{:07}.jsonl", taken.number));
                write_whole(self.disk, &books, &lines)?;
                if let (Some(result), Some(authority)) = (&result, &authority) {
                    self.prepare(&taken, result, authority)?;
                }
                write_whole(self.disk, &marker, b"")?;
            }
            self.enter(&booked);
            self.answered = taken.number;
        }
        Ok(())
    }

    fn enter(&mut self, booked: &[Booked]) {
        for posting in booked {
            let accounts = self.seen.balances.entry(posting.authority.clone()).or_default();
            let balance = accounts.entry(posting.dimensions.join("|")).or_default();
            balance.debit_ore += posting.ore.max(0);
            balance.credit_ore += -posting.ore.min(0);
            balance.postings += 1;
        }
    }

    /// Decides about a file: what is answered, what is booked, and for whom. `None`: nobody can be answered.
    fn judge(&mut self, taken: &Taken, bytes: &[u8]) -> Result<Judged, PartnerError> {
        self.seen.files += 1;
        let hash: [u8; 32] = Sha256::digest(bytes).into();
        let companion = self.folders.home.join("metadata").join(format!("{:07}", taken.number));
        let metadata = Trigger::read_metadata(&self.disk.read(&companion)?).ok();
        let routing = metadata.and_then(|metadata| metadata.routing);
        if let Some(earlier) = self.files.get(&hash) {
            self.seen.repeated_files += 1;
            return Ok((Some(earlier.clone()), Vec::new(), routing.map(|routing| routing.sender_authority)));
        }
        let read = VoucherFile::read(bytes);
        let authority = match &read {
            Ok(file) => Some(file.head.authority.clone()),
            Err(_) => routing.as_ref().map(|routing| routing.sender_authority.clone()),
        };
        let (result, booked, is_told) = match read {
            Ok(file) => {
                let (result, booked, is_told) = self.judge_file(taken, &file);
                (Some(result), booked, is_told)
            }
            Err(refused) => {
                self.seen.refused_files += 1;
                let transaction = refused.transaction.or_else(|| routing.map(|r| r.transaction));
                let text = format!("linje {}: {}", refused.line, refused.what);
                (transaction.map(|id| Return::refusing(&id, "F001", &text)), Vec::new(), true)
            }
        };
        if let Some(result) = &result {
            self.files.insert(hash, result.clone());
        }
        Ok((result.filter(|_| is_told), booked, authority))
    }

    /// The answer, what is booked, and whether the answer is given. One that is not is given when the file comes again.
    fn judge_file(&mut self, taken: &Taken, file: &VoucherFile) -> (Return, Vec<Booked>, bool) {
        let head = &file.head;
        let rule = self.file_rule(taken.number, &head.authority);
        let answer = rule.map_or(FileAnswer::Accept, |rule| *rule.answer.get_ref());
        let refusal = if let Some(element) = file.fault() {
            Some(("F001".to_owned(), format!("{element} passer ikke med filens bilag")))
        } else if self.transactions.contains(&head.transaction) {
            Some(("F040".to_owned(), "TransaktionsId er brugt før til andet".to_owned()))
        } else if let (FileAnswer::Refuse, Some(rule)) = (answer, rule) {
            let code = rule.code.clone().unwrap_or_default();
            let text = cause(&code).map_or("", |cause| cause.text);
            Some((code, rule.text.clone().unwrap_or_else(|| text.to_owned())))
        } else {
            None
        };
        if let Some((code, text)) = refusal {
            self.seen.refused_files += 1;
            return (Return::refusing(&head.transaction, &code, &text), Vec::new(), true);
        }
        self.transactions.insert(head.transaction.clone());
        let mut booked = Vec::new();
        let mut receipts = Vec::new();
        for (place, voucher) in (1..).zip(&file.vouchers) {
            let (receipt, is_told) =
                self.judge_voucher(taken.number, place, &head.authority, voucher, &mut booked);
            if is_told {
                receipts.push(receipt);
            }
        }
        let result = Return { transaction: head.transaction.clone(), refusal: None, receipts };
        (result, booked, answer != FileAnswer::Silent)
    }

    /// The receipt of a voucher, and whether it is given.
    fn judge_voucher(
        &mut self,
        file: u64,
        place: u64,
        authority: &str,
        voucher: &Voucher,
        booked: &mut Vec<Booked>,
    ) -> (Receipt, bool) {
        if let Some(said) = self.said.get(&voucher.id)
            && said.hash == voucher.hash
        {
            return (said.receipt.clone(), true); // the same again: the same receipt, and nothing is booked
        }
        let rule = self.voucher_rule(file, place, authority, voucher).cloned();
        let answer = rule.as_ref().map_or(VoucherAnswer::Accept, |rule| *rule.answer.get_ref());
        let refusal = self.fault(authority, voucher).or_else(|| {
            let rule = rule.as_ref().filter(|_| answer == VoucherAnswer::Refuse)?;
            let cause = cause(rule.code.as_deref()?)?;
            let text = rule.text.clone().unwrap_or_else(|| cause.text.to_owned());
            Some((cause, text))
        });
        let is_new = !self.said.contains_key(&voucher.id);
        let receipt = match refusal {
            Some((cause, text)) => {
                *self.seen.refused.entry(cause.code.to_owned()).or_insert(0) += 1;
                Receipt::refused(&voucher.id, cause, &text)
            }
            None => {
                self.numbers += 1;
                self.seen.accepted += 1;
                let erp_number = FIRST_NUMBER + self.numbers;
                booked.extend(book(authority, voucher, erp_number));
                Receipt::accepted(&voucher.id, erp_number)
            }
        };
        if is_new {
            self.said.insert(voucher.id.clone(), Said { hash: voucher.hash, receipt: receipt.clone() });
        }
        (receipt, answer != VoucherAnswer::Silent)
    }

    /// What is wrong with a voucher by the ERP's own rules.
    fn fault(&self, authority: &str, voucher: &Voucher) -> Option<(Cause, String)> {
        let because = |code: &str, text: String| cause(code).map(|cause| (cause, text));
        if self.said.contains_key(&voucher.id) {
            return because("F040", "Samme id, andet indhold".to_owned());
        }
        if voucher.balance() != 0 {
            return because("F010", format!("Difference {} øre", voucher.balance()));
        }
        if !self.settings.is_open(authority, voucher) {
            let period = voucher.period.clone().unwrap_or_else(|| voucher.day.to_string());
            return because("F030", format!("Perioden {period} er lukket"));
        }
        for posting in &voucher.postings {
            for (dimension, uuid) in DIMENSIONS.iter().zip(&posting.dimensions) {
                if let Some(uuid) = uuid
                    && !self.mapping.knows(dimension, uuid, voucher.day)
                {
                    return because("F020", format!("PrimæreDimensioner{dimension} {uuid}"));
                }
            }
        }
        match &voucher.unit {
            Some(unit) if !self.mapping.units.is_empty() && !self.mapping.units.contains(unit) => {
                because("F050", unit.clone())
            }
            _ => None,
        }
    }

    fn file_rule(&self, number: u64, authority: &str) -> Option<&FileRule> {
        let among = |list: &[String]| list.is_empty() || list.iter().any(|cvr| cvr == authority);
        let counted = |list: &[u64]| list.is_empty() || list.contains(&number);
        self.settings.files.iter().find(|rule| among(&rule.authorities) && counted(&rule.files))
    }

    fn voucher_rule(
        &self,
        file: u64,
        place: u64,
        authority: &str,
        voucher: &Voucher,
    ) -> Option<&VoucherRule> {
        let counted = |list: &[u64], number: u64| list.is_empty() || list.contains(&number);
        let chance = u64::from_be_bytes(first_eight(&Sha256::digest(voucher.id.as_bytes())));
        self.settings.vouchers.iter().find(|rule| {
            (rule.authorities.is_empty() || rule.authorities.iter().any(|cvr| cvr == authority))
                && counted(&rule.nth, place)
                && counted(&rule.files, file)
                && within(rule.share, &[self.seed, chance])
        })
    }

    /// Writes the answers to a file, in the manner of its rule, each with its trigger.
    fn prepare(&self, taken: &Taken, result: &Return, authority: &str) -> Result<(), PartnerError> {
        let rule = self.file_rule(taken.number, authority);
        let span = |delay: Option<Delay>| delay.map_or(jiff::Span::new(), |delay| delay.0);
        let late = span(rule.and_then(|rule| rule.late));
        let at = taken.at.saturating_add(span(self.settings.delay)).saturating_add(late);
        let form = rule.map_or(Form::default(), |rule| rule.form);
        let mut first = result.clone();
        if rule.is_some_and(|rule| rule.unknown_voucher) {
            let unknown = uuid_of(&["unknown voucher", &result.transaction]);
            first.receipts.push(Receipt::accepted(&unknown, FIRST_NUMBER));
        }
        let mut answers = vec![first.clone()];
        if rule.is_some_and(|rule| rule.twice) {
            answers.push(first);
        }
        if rule.is_some_and(|rule| rule.contradicting) {
            answers.push(result.turned_around());
        }
        for (serial, answer) in (1..).zip(&answers) {
            let at = at.saturating_add(jiff::Span::new().minutes(serial - 1));
            self.put_aside(taken, at, serial, answer, form, authority)?;
        }
        Ok(())
    }

    fn put_aside(
        &self,
        taken: &Taken,
        at: DateTime,
        serial: i64,
        answer: &Return,
        form: Form,
        authority: &str,
    ) -> Result<(), PartnerError> {
        let bytes = erp_answers::write(answer, at, form);
        let number = taken.number * 10 + serial.unsigned_abs();
        let name = format!("FINANSKVIT_{authority}_{}_{number:04}.xml", at.strftime("%Y%m%dT%H%M%S"));
        self.post_with_trigger(at, &name, bytes.as_bytes(), &self.settings.inf_ref, authority)
    }

    fn post_with_trigger(
        &self,
        at: DateTime,
        name: &str,
        bytes: &[u8],
        inf_ref: &str,
        authority: &str,
    ) -> Result<(), PartnerError> {
        let uuid = |what: &str| uuid_of(&[&self.settings.user, what, name]);
        let trigger = Trigger {
            transfer: None,
            file_name: name.to_owned(),
            size: bytes.len() as u64,
            sender: self.settings.user.clone(),
            file_id: Some(uuid("file")),
            recipients: vec![ROUTED.to_owned()],
            routing: Some(Routing {
                inf_ref: inf_ref.to_owned(),
                sender_system: self.settings.system.clone(),
                sender_authority: authority.to_owned(),
                transaction: uuid("transaction"),
                timestamp: erp_answers::instant(at),
                recipient_system: None,
                recipient_authority: authority.to_owned(),
            }),
        };
        // By name the file comes before its trigger, and so it is delivered before it.
        let pending = self.folders.home.join("pending");
        post(self.disk, &pending, at, name, bytes)?;
        post(self.disk, &pending, at, &format!("{name}.trigger"), trigger.write().as_bytes())?;
        Ok(())
    }
}

/// What is answered, what is booked, and for which municipality.
type Judged = (Option<Return>, Vec<Booked>, Option<String>);

fn first_eight(hash: &[u8]) -> [u8; 8] {
    let mut eight = [0; 8];
    eight.iter_mut().zip(hash).for_each(|(to, from)| *to = *from);
    eight
}

fn book<'v>(
    authority: &'v str,
    voucher: &'v Voucher,
    erp_number: u64,
) -> impl Iterator<Item = Booked> + use<'v> {
    voucher.postings.iter().map(move |posting| Booked {
        authority: authority.to_owned(),
        voucher: voucher.id.clone(),
        number: voucher.number.clone(),
        erp_number,
        day: voucher.day.to_string(),
        posting: posting.id.clone(),
        ore: posting.ore,
        reference: posting.reference.clone(),
        keys: posting.keys.clone(),
        dimensions: posting.dimensions.iter().map(|uuid| uuid.clone().unwrap_or_default()).collect(),
    })
}
