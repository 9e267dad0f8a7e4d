//! A simulated Serviceplatformen: finds trigger files in its users' `OUT/`, checks them with its own reader, routes the
//! file to another user's `IN/`, and gives the sender a technical receipt (serviceplatformen-sftp.md).
//!
//! Works on the users' folders, which an SFTP server shows to them. Its time is an argument, its state is files moved
//! by single renames: it may be killed at any moment, and no file is delivered twice and no receipt given twice, but
//! where a script says so. Never looks into a data file.

use std::path::{Path, PathBuf};

use jiff::Span;
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};
use toek_adapters::disk::Disk;
use toml::Spanned;

use super::faults::{Moment, matches_stars};
use super::files::{PartnerError, Taken, names_in, taken_in, uuid_of, write_whole};
use super::script::{Delay, ScriptError};
use super::trigger::{ROUTED, Reading, Trigger, metadata, receipt};

const TRIGGER: &str = ".trigger";
const METADATA: &str = ".metadata";
const RECEIPT: &str = ".sftpreceipt";
/// The longest name of a data file (F11).
const NAME_LIMIT: usize = 200;

/// What a refusal is about (section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// No way to the recipient.
    Route,
    /// The trigger is wrong.
    Trigger,
    /// The name cannot be used.
    Name,
    /// The recipient cannot be reached.
    Delivery,
}

/// A reason for a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// What it is about.
    pub class: Class,
    /// `ErrorCode`.
    pub number: u32,
    /// `ErrorCodeDescription`.
    pub name: &'static str,
}

const fn code(class: Class, number: u32, name: &'static str) -> Code {
    Code { class, number, name }
}

/// Every reason the platform gives. ASSUMED: the real codes are not public.
pub const CODES: &[Code] = &[
    UNREACHABLE,
    NAME_IN_USE,
    NAME_FORM,
    SCHEMA,
    TRIGGER_NAME,
    NO_FILE,
    SIZE,
    SENDER,
    INF_REF,
    NO_ROUTE,
    NO_RECIPIENT,
];
const UNREACHABLE: Code = code(Class::Delivery, 601, "RECIPIENT_NOT_REACHABLE");
const NAME_IN_USE: Code = code(Class::Name, 701, "NAME_IN_USE");
const NAME_FORM: Code = code(Class::Name, 702, "NAME_NOT_ALLOWED");
const SCHEMA: Code = code(Class::Trigger, 801, "TRIGGER_SCHEMA");
const TRIGGER_NAME: Code = code(Class::Trigger, 802, "TRIGGER_NAME");
const NO_FILE: Code = code(Class::Trigger, 803, "FILE_MISSING");
const SIZE: Code = code(Class::Trigger, 804, "SIZE_DIFFERS");
const SENDER: Code = code(Class::Trigger, 805, "SENDER_NOT_USER");
const NO_ROUTE: Code = code(Class::Route, 901, "NO_ROUTE");
const NO_RECIPIENT: Code = code(Class::Route, 902, "UNKNOWN_RECIPIENT");
const INF_REF: Code = code(Class::Route, 903, "UNKNOWN_INFREF");

/// Where files of a kind go.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The file specification.
    pub inf_ref: String,
    /// Authorities (CVR) on whose behalf it may be sent; empty: all.
    #[serde(default)]
    pub senders: Vec<String>,
    /// Authorities (CVR) that receive by this route; empty: all.
    #[serde(default)]
    pub recipients: Vec<String>,
    /// The user that gets it.
    pub to: Spanned<String>,
}

/// What becomes of a transfer that is in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TransferAnswer {
    /// Delivered, receipt given.
    Deliver,
    /// Refused with `code`.
    Refuse,
    /// Delivered, and no receipt ever.
    NoReceipt,
    /// Delivered, and once more under the same id when the recipient has taken it.
    Twice,
}

/// One rule about transfers. What is not given matches everything; the first that fits counts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferRule {
    /// Senders.
    #[serde(default)]
    pub users: Vec<String>,
    /// File specifications.
    #[serde(default)]
    pub inf_refs: Vec<String>,
    /// The data file's name; `*` stands for anything.
    pub names: Option<String>,
    /// How often; not given: always.
    pub times: Option<usize>,
    /// From which simulated instant.
    pub from: Option<Moment>,
    /// Until which.
    pub until: Option<Moment>,
    /// What becomes of it.
    pub answer: Spanned<TransferAnswer>,
    /// The number of a refusal, one of [`CODES`].
    pub code: Option<u32>,
    /// The text of a refusal.
    pub text: Option<String>,
    /// The file comes so much later.
    pub late: Option<Delay>,
    /// The receipt comes so much later than the file.
    pub receipt_late: Option<Delay>,
}

/// What is written for a recipient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetadataForm {
    /// The root is `Trigger`, as one client has met it (3.2).
    pub root_is_trigger: bool,
    /// `Recipients` is the literal `ROUTING_V1_0_0` and not the recipient's name.
    pub literal_recipient: bool,
    /// Without the routing information: the recipient must go by the name.
    pub without_routing: bool,
}

/// What the platform is set up with.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Everybody with an `IN/` and an `OUT/`.
    pub users: Vec<String>,
    /// Where files go.
    #[serde(rename = "route")]
    pub routes: Vec<Route>,
    /// What goes wrong.
    #[serde(rename = "transfer")]
    pub transfers: Vec<TransferRule>,
    /// What is written for recipients.
    pub metadata: MetadataForm,
}

impl Settings {
    /// Holds the settings against themselves. `text` is what they were read from.
    ///
    /// # Errors
    /// [`ScriptError::Rule`] with the place of the first that makes no sense.
    pub fn check(&self, text: &str, file: &str) -> Result<(), ScriptError> {
        for route in &self.routes {
            if !self.users.contains(route.to.get_ref()) {
                let what = format!("`{}` is none of the users", route.to.get_ref());
                return Err(ScriptError::at(text, file, route.to.span().start, &what));
            }
        }
        for rule in &self.transfers {
            let refuses = *rule.answer.get_ref() == TransferAnswer::Refuse;
            let known = rule.code.is_some_and(|number| CODES.iter().any(|code| code.number == number));
            if refuses != rule.code.is_some() || (refuses && !known) {
                let what = "`code` goes with refuse, must be there and is one of the platform's";
                return Err(ScriptError::at(text, file, rule.answer.span().start, what));
            }
        }
        Ok(())
    }
}

impl TransferRule {
    fn fits(&self, user: &str, trigger: &Trigger, now: DateTime) -> bool {
        let among = |list: &[String], word: &str| list.is_empty() || list.iter().any(|known| known == word);
        among(&self.users, user)
            && among(&self.inf_refs, trigger.routing.as_ref().map_or("", |routing| &routing.inf_ref))
            && self.names.as_deref().is_none_or(|names| matches_stars(names, &trigger.file_name))
            && self.from.is_none_or(|from| from.0 <= now)
            && self.until.is_none_or(|until| now < until.0)
    }
}

/// One reason of a refusal, as the receipt says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What it is about.
    pub class: Class,
    /// `ErrorCode`.
    pub code: u32,
    /// `ErrorCodeDescription`.
    pub name: String,
    /// `ErrorDescription`.
    pub text: String,
}

fn refusal(code: Code, text: String) -> Refusal {
    Refusal { class: code.class, code: code.number, name: code.name.to_owned(), text }
}

/// What was decided about a trigger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Running number, from 1.
    pub number: u64,
    /// The platform's id of it.
    pub uuid: String,
    /// When the trigger was taken.
    pub at: Moment,
    /// Whose `OUT/` it lay in.
    pub sender: String,
    /// The data file's name.
    pub name: String,
    /// Bytes, as the trigger says.
    pub size: u64,
    /// The file specification.
    pub inf_ref: Option<String>,
    /// The receiving authority (CVR).
    pub authority: Option<String>,
    /// Who gets the file; `None`: nobody.
    pub recipient: Option<String>,
    /// Why not.
    pub refusals: Vec<Refusal>,
    /// When the file comes.
    pub deliver_at: Moment,
    /// When the receipt comes; `None`: never.
    pub receipt_at: Option<Moment>,
    /// Which rule of the script decided, counted from 0.
    pub rule: Option<usize>,
    /// The metadata for the recipient.
    metadata: String,
    /// The receipt for the sender.
    receipt: String,
}

/// What one step did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stepped {
    /// Triggers taken.
    pub taken: u32,
    /// Files put into an `IN/`.
    pub delivered: u32,
    /// Receipts given.
    pub receipts: u32,
}

/// A simulated Serviceplatformen.
pub struct Serviceplatformen<'d> {
    disk: &'d dyn Disk,
    /// Holds a folder for each user, with `IN` and `OUT` in it.
    users: PathBuf,
    home: PathBuf,
    settings: Settings,
    seed: u64,
    /// What was decided and is not finished, and what is.
    open: Vec<Transfer>,
    done: Vec<Transfer>,
    loaded: bool,
}

impl<'d> Serviceplatformen<'d> {
    /// Makes the folders that are missing. What was decided earlier is read at the first step.
    ///
    /// # Errors
    /// [`PartnerError::Disk`].
    pub fn open(
        disk: &'d dyn Disk,
        users: PathBuf,
        home: PathBuf,
        settings: Settings,
        seed: u64,
    ) -> Result<Serviceplatformen<'d>, PartnerError> {
        for user in &settings.users {
            disk.create_dir_all(&users.join(user).join("IN"))?;
            disk.create_dir_all(&users.join(user).join("OUT"))?;
        }
        for folder in ["taken", "open", "done", "files", "fetched", "receipts", "again"] {
            disk.create_dir_all(&home.join(folder))?;
        }
        let (open, done) = (Vec::new(), Vec::new());
        Ok(Serviceplatformen { disk, users, home, settings, seed, open, done, loaded: false })
    }

    /// Everything decided so far, in order.
    pub fn transfers(&self) -> Vec<&Transfer> {
        let mut all: Vec<&Transfer> = self.done.iter().chain(&self.open).collect();
        all.sort_by_key(|transfer| transfer.number);
        all
    }

    /// When something is due next; `None` when nothing waits for its time.
    pub fn next_due(&self) -> Option<DateTime> {
        self.open.iter().filter_map(|transfer| self.due(transfer)).min()
    }

    fn due(&self, transfer: &Transfer) -> Option<DateTime> {
        let waits = |at: Moment, folder: &str| {
            let there = self.disk.exists(&self.at(folder, transfer)).unwrap_or(false);
            there.then_some(at.0)
        };
        let receipt = transfer.receipt_at.and_then(|at| waits(at, "receipts"));
        [waits(transfer.deliver_at, "files"), receipt].into_iter().flatten().min()
    }

    /// Takes the triggers that lie there and does what is due at `now` (Danish local time). Repeating it does nothing
    /// twice; after an error or a kill the next step goes on where this one stopped.
    ///
    /// # Errors
    /// [`PartnerError`]; nothing is lost.
    pub fn step(&mut self, now: DateTime) -> Result<Stepped, PartnerError> {
        self.load()?;
        let taken = self.take(now)?;
        self.decide()?;
        let mut stepped = Stepped { taken, ..Stepped::default() };
        for transfer in std::mem::take(&mut self.open) {
            if self.advance(&transfer, now, &mut stepped)? {
                let name = file_name(transfer.number);
                self.disk.rename(&self.home.join("open").join(&name), &self.home.join("done").join(&name))?;
                self.done.push(transfer);
            } else {
                self.open.push(transfer);
            }
        }
        Ok(stepped)
    }

    fn load(&mut self) -> Result<(), PartnerError> {
        if !self.loaded {
            self.open = self.read_all("open")?;
            self.done = self.read_all("done")?;
            self.loaded = true;
        }
        Ok(())
    }

    fn read_all(&self, folder: &str) -> Result<Vec<Transfer>, PartnerError> {
        let dir = self.home.join(folder);
        let mut transfers = Vec::new();
        for name in names_in(self.disk, &dir)? {
            let path = dir.join(name);
            let read = serde_json::from_slice(&self.disk.read(&path)?);
            transfers.push(read.map_err(|e| PartnerError::Damaged { path, what: e.to_string() })?);
        }
        Ok(transfers)
    }

    fn folder(&self, user: &str, folder: &str) -> PathBuf {
        self.users.join(user).join(folder)
    }

    fn at(&self, folder: &str, transfer: &Transfer) -> PathBuf {
        self.home.join(folder).join(file_name(transfer.number))
    }

    /// Moves triggers out of every `OUT/`: from then on they are the platform's.
    fn take(&self, now: DateTime) -> Result<u32, PartnerError> {
        let mut last = None;
        let mut count = 0;
        for user in &self.settings.users {
            let out = self.folder(user, "OUT");
            for name in names_in(self.disk, &out)?.iter().filter(|name| name.ends_with(TRIGGER)) {
                let before = match last {
                    Some(number) => number,
                    None => taken_in(self.disk, &self.home.join("taken"))?.last().map_or(0, |t| t.number),
                };
                let taken = Taken { number: before + 1, at: now, name: format!("{user}~{name}") };
                self.disk.rename(&out.join(name), &self.home.join("taken").join(taken.file_name()))?;
                last = Some(taken.number);
                count += 1;
            }
        }
        Ok(count)
    }

    fn decide(&mut self) -> Result<(), PartnerError> {
        let decided = self.open.iter().chain(&self.done).map(|transfer| transfer.number).max().unwrap_or(0);
        for taken in taken_in(self.disk, &self.home.join("taken"))? {
            if taken.number <= decided {
                continue;
            }
            let transfer = self.judge(&taken)?;
            if transfer.receipt_at.is_some() {
                write_whole(self.disk, &self.at("receipts", &transfer), transfer.receipt.as_bytes())?;
            }
            let json = serde_json::to_vec_pretty(&transfer).unwrap_or_default();
            write_whole(self.disk, &self.at("open", &transfer), &json)?;
            self.open.push(transfer);
        }
        Ok(())
    }

    fn judge(&self, taken: &Taken) -> Result<Transfer, PartnerError> {
        let (user, name) = taken.name.split_once('~').unwrap_or(("", &taken.name));
        let name = name.strip_suffix(TRIGGER).unwrap_or(name);
        let bytes = self.disk.read(&self.home.join("taken").join(taken.file_name()))?;
        let uuid = uuid_of(&[&self.seed.to_string(), &taken.number.to_string(), user, name]);
        let reading = Trigger::read(&bytes);
        let (recipient, mut refusals) = match &reading {
            Ok(trigger) => self.examine(trigger, user, name)?,
            Err(Reading { line, what }) => (None, vec![refusal(SCHEMA, format!("line {line}: {what}"))]),
        };
        let found = reading.as_ref().ok().filter(|_| refusals.is_empty());
        let rule = found.and_then(|trigger| self.rule(user, trigger, taken.at));
        let settings = rule.map(|place| &self.settings.transfers[place]);
        let answer = settings.map_or(TransferAnswer::Deliver, |rule| *rule.answer.get_ref());
        if let (TransferAnswer::Refuse, Some(rule)) = (answer, settings) {
            let code =
                CODES.iter().find(|code| Some(code.number) == rule.code).copied().unwrap_or(UNREACHABLE);
            refusals.push(refusal(code, rule.text.clone().unwrap_or_else(|| code.name.to_owned())));
        }
        let recipient = recipient.filter(|_| refusals.is_empty());
        let after = |at: DateTime, late: Option<Delay>| at.saturating_add(late.map_or(Span::new(), |d| d.0));
        let deliver_at = after(taken.at, settings.and_then(|rule| rule.late));
        let receipt_at = after(deliver_at, settings.and_then(|rule| rule.receipt_late));
        let trigger = reading.as_ref().ok();
        let routing = trigger.and_then(|trigger| trigger.routing.as_ref());
        Ok(Transfer {
            number: taken.number,
            at: Moment(taken.at),
            sender: user.to_owned(),
            name: name.to_owned(),
            size: trigger.map_or(0, |trigger| trigger.size),
            inf_ref: routing.map(|routing| routing.inf_ref.clone()),
            authority: routing.map(|routing| routing.recipient_authority.clone()),
            metadata: match (trigger, &recipient) {
                (Some(trigger), Some(recipient)) => {
                    metadata(trigger, &uuid, recipient, self.settings.metadata)
                }
                _ => String::new(),
            },
            receipt: receipt(&uuid, trigger.and_then(|trigger| trigger.file_id.as_deref()), &refusals),
            uuid,
            recipient,
            refusals,
            deliver_at: Moment(deliver_at),
            receipt_at: (answer != TransferAnswer::NoReceipt).then_some(Moment(receipt_at)),
            rule,
        })
    }

    /// Which rule of the script decides.
    fn rule(&self, user: &str, trigger: &Trigger, now: DateTime) -> Option<usize> {
        let used = |place| self.open.iter().chain(&self.done).filter(|t| t.rule == Some(place)).count();
        let rules = self.settings.transfers.iter().enumerate();
        let fits = |(place, rule): &(usize, &TransferRule)| {
            rule.fits(user, trigger, now) && rule.times.is_none_or(|times| used(*place) < times)
        };
        rules.into_iter().find(fits).map(|(place, _)| place)
    }

    /// Who gets the file, and everything that speaks against it.
    fn examine(
        &self,
        trigger: &Trigger,
        user: &str,
        name: &str,
    ) -> Result<(Option<String>, Vec<Refusal>), PartnerError> {
        let mut refusals = Vec::new();
        if trigger.file_name != name {
            refusals.push(refusal(TRIGGER_NAME, format!("FileName is not {name}")));
        }
        if !is_plain(name) {
            refusals.push(refusal(NAME_FORM, "letters, digits and _ - . only, at most 200".to_owned()));
        }
        match self.disk.entry(&self.folder(user, "OUT").join(name))? {
            None => refusals.push(refusal(NO_FILE, format!("{name} does not lie beside its trigger"))),
            Some(entry) if entry.size != trigger.size => {
                let text = format!("SizeInBytes is {}, the file has {}", trigger.size, entry.size);
                refusals.push(refusal(SIZE, text));
            }
            Some(_) => {}
        }
        if trigger.sender != user {
            refusals.push(refusal(SENDER, format!("Sender is not {user}")));
        }
        let recipient = match self.recipient(trigger) {
            Ok(recipient) => Some(recipient),
            Err(no) => {
                refusals.push(no);
                None
            }
        };
        if let Some(recipient) = &recipient
            && self.is_in_use(recipient, name)?
        {
            refusals
                .push(refusal(NAME_IN_USE, format!("{name} is being handled or lies with the recipient")));
        }
        Ok((recipient, refusals))
    }

    fn recipient(&self, trigger: &Trigger) -> Result<String, Refusal> {
        let [recipient] = trigger.recipients.as_slice() else {
            return Err(refusal(NO_RECIPIENT, "one recipient at a time".to_owned()));
        };
        let Some(routing) = &trigger.routing else {
            let known = self.settings.users.contains(recipient);
            let unknown = || refusal(NO_RECIPIENT, format!("{recipient} is no user"));
            return known.then(|| recipient.clone()).ok_or_else(unknown);
        };
        if recipient != ROUTED {
            return Err(refusal(NO_RECIPIENT, format!("with dynamic routing Recipients is {ROUTED}")));
        }
        let inf_ref = &routing.inf_ref;
        if !self.settings.routes.iter().any(|route| route.inf_ref == *inf_ref) {
            return Err(refusal(INF_REF, format!("{inf_ref} is no file specification")));
        }
        let serves = |list: &[String], cvr: &String| list.is_empty() || list.contains(cvr);
        let (from, to) = (&routing.sender_authority, &routing.recipient_authority);
        let fits = |route: &&Route| {
            route.inf_ref == *inf_ref && serves(&route.senders, from) && serves(&route.recipients, to)
        };
        let no_route = || refusal(NO_ROUTE, format!("No route for {inf_ref} from {from} to {to}"));
        self.settings.routes.iter().find(fits).map(|route| route.to.get_ref().clone()).ok_or_else(no_route)
    }

    /// Whether the name is being handled or lies with the recipient (F5).
    fn is_in_use(&self, recipient: &str, name: &str) -> Result<bool, PartnerError> {
        let inbox = self.folder(recipient, "IN");
        let handled = self
            .open
            .iter()
            .any(|transfer| transfer.recipient.as_deref() == Some(recipient) && transfer.name == name);
        Ok(handled
            || self.disk.exists(&inbox.join(name))?
            || self.disk.exists(&inbox.join(format!("{name}{METADATA}")))?)
    }

    /// Takes a transfer as far as it gets; whether it is finished.
    fn advance(
        &self,
        transfer: &Transfer,
        now: DateTime,
        stepped: &mut Stepped,
    ) -> Result<bool, PartnerError> {
        let delivered = match &transfer.recipient {
            Some(recipient) => self.deliver(transfer, recipient, now, stepped)?,
            None => true,
        };
        let answered = self.answer(transfer, now, stepped)?;
        Ok(delivered && answered)
    }

    fn deliver(
        &self,
        transfer: &Transfer,
        recipient: &str,
        now: DateTime,
        stepped: &mut Stepped,
    ) -> Result<bool, PartnerError> {
        let own = self.at("files", transfer);
        let again = self.at("again", transfer);
        self.fetch(transfer, &own, &again)?;
        if transfer.deliver_at.0 > now {
            return Ok(false);
        }
        if self.disk.exists(&own)? {
            self.hand_over(transfer, recipient, &own)?;
            stepped.delivered += 1;
            return Ok(!self.is_twice(transfer));
        }
        if self.disk.exists(&again)? {
            let inbox = self.folder(recipient, "IN");
            let was_read = !self.disk.exists(&inbox.join(&transfer.name))?
                && !self.disk.exists(&inbox.join(format!("{}{METADATA}", transfer.name)))?;
            if !was_read {
                return Ok(false);
            }
            self.hand_over(transfer, recipient, &again)?;
            stepped.delivered += 1;
        }
        Ok(true)
    }

    /// Moves the data file out of the sender's folder, once: a mark keeps a file that comes later under the same name
    /// from being taken for this one.
    fn fetch(&self, transfer: &Transfer, own: &Path, again: &Path) -> Result<(), PartnerError> {
        let mark = self.at("fetched", transfer);
        if self.disk.exists(&mark)? {
            return Ok(());
        }
        if !self.disk.exists(own)? {
            let out = self.folder(&transfer.sender, "OUT").join(&transfer.name);
            if self.is_twice(transfer) {
                write_whole(self.disk, again, &self.disk.read(&out)?)?;
            }
            self.disk.rename(&out, own)?;
        }
        write_whole(self.disk, &mark, b"")?;
        Ok(())
    }

    fn is_twice(&self, transfer: &Transfer) -> bool {
        let rule = transfer.rule.and_then(|place| self.settings.transfers.get(place));
        rule.is_some_and(|rule| *rule.answer.get_ref() == TransferAnswer::Twice)
    }

    /// First the companion, then the file: a recipient that sees the file sees both.
    fn hand_over(&self, transfer: &Transfer, recipient: &str, from: &Path) -> Result<(), PartnerError> {
        let inbox = self.folder(recipient, "IN");
        let companion = inbox.join(format!("{}{METADATA}", transfer.name));
        write_whole(self.disk, &companion, transfer.metadata.as_bytes())?;
        self.disk.rename(from, &inbox.join(&transfer.name))?;
        Ok(())
    }

    fn answer(
        &self,
        transfer: &Transfer,
        now: DateTime,
        stepped: &mut Stepped,
    ) -> Result<bool, PartnerError> {
        let Some(at) = transfer.receipt_at else { return Ok(true) };
        let own = self.at("receipts", transfer);
        if !self.disk.exists(&own)? {
            return Ok(true);
        }
        if at.0 > now {
            return Ok(false);
        }
        let name = format!("{}{RECEIPT}", transfer.name);
        self.disk.rename(&own, &self.folder(&transfer.sender, "IN").join(name))?;
        stepped.receipts += 1;
        Ok(true)
    }
}

fn file_name(number: u64) -> String {
    format!("{number:07}")
}

/// Whether a name is of the alphabet and length of F11.
fn is_plain(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    (1..=NAME_LIMIT).contains(&name.len()) && name.bytes().all(plain)
}
