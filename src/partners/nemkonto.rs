//! A simulated NemKonto: takes payment bundles from a folder and puts answers into another, by a script.
//!
//! Its time is an argument. Its state is files only: a bundle is moved to `taken/` under a running number and
//! the time, all its answers are written to `pending/` under the time they are due, a marker in `ready/` says
//! that they are complete, and delivering is one rename into the outbox. So it may be killed at any moment, and
//! every step may be repeated: no answer comes twice and none is lost. Answers are a function of what was taken,
//! in its order, and the script. Never looks at the hub's store.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use jiff::civil::DateTime;
use toek_adapters::disk::Disk;
use toek_formats::vocabulary::MunicipalityCode;

use super::answers::{self, GroupStatus, Kind, Listed, Stamp};
use super::bank_days;
use super::bundle::{Bundle, Debit, Instruction, Reason, Refused};
pub use super::files::{PartnerError, Taken};
use super::files::{deliver_due, names_in, post, taken_in, waiting_in, write_whole};
use super::script::{BundleAnswer, BundleFacts, BundleRule, Delay, Facts, PaymentAnswer, Script, Stray};
use crate::generator::random::mix_all;

/// The most payments in one list of answers 7, 8 and 9.
const LIST_LIMIT: usize = 10_000;
/// Room for the numbers of one bundle's answers.
const ANSWERS_PER_BUNDLE: u64 = 1_000;
/// A registration number no bank has, for the accounts of payees (nemkonto.md 5.8).
const PAYEE_REGISTRATION: u64 = 9_997;
/// Calendar days ahead that a disposition date may lie. Generous: the hub's own limit is the parameter 60.
const DAYS_AHEAD: i32 = 100;
/// Bank days between creation and disposition date from which a bundle counts as ordinary.
const ORDINARY_BANK_DAYS: u32 = 2;

/// Where a simulated NemKonto lives. All on one file system: delivering is a rename.
#[derive(Clone, Debug)]
pub struct Folders {
    /// Where the hub drops bundles.
    pub inbox: PathBuf,
    /// Where the hub finds answers.
    pub outbox: PathBuf,
    /// What NemKonto keeps for itself.
    pub home: PathBuf,
}

impl Folders {
    fn taken(&self) -> PathBuf {
        self.home.join("taken")
    }

    fn pending(&self) -> PathBuf {
        self.home.join("pending")
    }

    fn ready(&self) -> PathBuf {
        self.home.join("ready")
    }
}

/// What one step did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stepped {
    /// Bundles taken from the inbox.
    pub taken: u32,
    /// Names of the answers put into the outbox.
    pub delivered: Vec<String>,
}

/// What NemKonto remembers of earlier bundles.
#[derive(Debug, Default)]
pub struct Known {
    /// Bundle references; whether the bundle was only pretended to be unreadable.
    groups: HashMap<String, bool>,
    /// Payment references that were used.
    references: HashSet<Box<str>>,
}

/// What NemKonto decided about a bundle.
#[derive(Clone, Debug)]
pub struct Judgement<'s> {
    /// What becomes of the bundle.
    pub answer: BundleAnswer,
    /// Why it is refused.
    pub reason: Option<Reason>,
    /// What becomes of its payments, in order; empty unless the bundle is taken.
    pub payments: Vec<Verdict>,
    /// The rule that decided, for the manner of delivery.
    rule: Option<&'s BundleRule>,
}

/// What NemKonto decided about a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What becomes of it.
    pub answer: PaymentAnswer,
    /// Why it is refused.
    pub reason: Option<Reason>,
}

impl Known {
    /// Decides about a bundle.
    pub fn judge<'s>(&self, bundle: &Bundle, script: &'s Script) -> Judgement<'s> {
        let refuse = |reason| Judgement {
            answer: BundleAnswer::RefuseAtReceipt,
            reason: Some(reason),
            payments: Vec::new(),
            rule: None,
        };
        let pretended = self.groups.get(&bundle.group_id).copied();
        if pretended == Some(false) {
            return refuse(Reason::new("0009", "Bundtreference er brugt før"));
        }
        if let Some(reason) = bundle.faults().or_else(|| unknown_authority(bundle, script)) {
            return refuse(reason);
        }
        let rule = script.bundle_rule(&bundle_facts(bundle));
        let answer = match rule.map_or(BundleAnswer::Accept, |rule| rule.answer) {
            BundleAnswer::Unreadable if pretended.is_some() => BundleAnswer::Accept,
            answer => answer,
        };
        let payments = match answer {
            BundleAnswer::Accept | BundleAnswer::Stop | BundleAnswer::Silent => self.verdicts(bundle, script),
            _ => Vec::new(),
        };
        Judgement { answer, reason: rule.and_then(reason_of_rule), payments, rule }
    }

    fn verdicts(&self, bundle: &Bundle, script: &Script) -> Vec<Verdict> {
        let municipality = municipality_of(bundle);
        let mut here = HashSet::new();
        let mut verdicts = Vec::new();
        for debit in &bundle.debits {
            let late = day_fault(debit, bundle);
            for payment in &debit.payments {
                let used = !here.insert(payment.end_to_end_id.as_str())
                    || self.references.contains(payment.end_to_end_id.as_str());
                let fault = payment
                    .fault(&script.known_benefits)
                    .or_else(|| used.then(|| Reason::new("0006", "Betalingsreference er brugt før")))
                    .or_else(|| late.clone());
                verdicts.push(match fault {
                    Some(reason) => Verdict { answer: PaymentAnswer::Refuse, reason: Some(reason) },
                    None => by_script(payment, municipality, script),
                });
            }
        }
        verdicts
    }

    /// Takes a decided bundle into memory.
    pub fn remember(&mut self, bundle: &Bundle, judgement: &Judgement<'_>) {
        let pretended = judgement.answer == BundleAnswer::Unreadable;
        self.groups.insert(bundle.group_id.clone(), pretended);
        // Of a bundle refused at the door nothing was accepted: its payment references may come again.
        if !pretended && judgement.answer != BundleAnswer::RefuseAtReceipt {
            self.references.extend(bundle.payments().map(|p| p.end_to_end_id.as_str().into()));
        }
    }
}

/// The municipality a bundle is for; 0000 where its reference does not tell.
fn municipality_of(bundle: &Bundle) -> MunicipalityCode {
    bundle.municipality().unwrap_or(MunicipalityCode(0))
}

fn bundle_facts(bundle: &Bundle) -> BundleFacts {
    let created = bundle.created.date();
    let day = bundle.debits.first().map_or(created, |debit| debit.day);
    BundleFacts {
        municipality: municipality_of(bundle),
        day,
        ordinary: bank_days::open_days_between(created, day) >= ORDINARY_BANK_DAYS,
        sequence: bundle.sequence(),
    }
}

fn unknown_authority(bundle: &Bundle, script: &Script) -> Option<Reason> {
    let known = script.known_authorities.is_empty() || script.known_authorities.contains(&bundle.authority);
    (!known).then(|| Reason::new("0003", "Aftale ukendt"))
}

/// What is wrong with the disposition date, judged from the day the bundle was made.
fn day_fault(debit: &Debit, bundle: &Bundle) -> Option<Reason> {
    let created = bundle.created.date();
    let ahead = (debit.day - created).get_days();
    let fits = bank_days::is_open(debit.day) && (0..=DAYS_AHEAD).contains(&ahead);
    (!fits).then(|| Reason::new("0002", "INVALID BETALINGSDATO"))
}

fn by_script(payment: &Instruction, municipality: MunicipalityCode, script: &Script) -> Verdict {
    let payee = payment.payee.as_ref().and_then(super::bundle::Payee::party);
    let facts = Facts { municipality, payee, amount_ore: payment.amount_ore };
    let Some(rule) = script.payment_rule(&facts) else {
        return Verdict { answer: PaymentAnswer::Accept, reason: None };
    };
    let code = rule.code.as_deref();
    let text = rule.text.as_deref();
    let reason = match rule.answer {
        PaymentAnswer::Refuse => Some((code.unwrap_or("0004"), text.unwrap_or("Kreditor ukendt"))),
        PaymentAnswer::BankRefuse | PaymentAnswer::BankRefuseLater => {
            Some((code.unwrap_or("0001"), text.unwrap_or("KONTO FINDES IKKE")))
        }
        _ => None,
    };
    Verdict { answer: rule.answer, reason: reason.map(|(code, text)| Reason::new(code, text)) }
}

fn reason_of_rule(rule: &BundleRule) -> Option<Reason> {
    let code = rule.code.as_deref();
    let text = rule.text.as_deref();
    match rule.answer {
        BundleAnswer::RefuseAtReceipt => {
            Some(Reason::new(code.unwrap_or("0003"), text.unwrap_or("Aftale ukendt")))
        }
        BundleAnswer::Refuse => {
            Some(Reason::new(code.unwrap_or("0002"), text.unwrap_or("INVALID BETALINGSDATO")))
        }
        _ => None,
    }
}

/// One answer and when it comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// When.
    pub at: DateTime,
    /// Its name in the outbox.
    pub name: String,
    /// What it is.
    pub bytes: Vec<u8>,
}

/// Writes all answers to one bundle.
struct Answering<'a> {
    taken: &'a Taken,
    script: &'a Script,
    rule: Option<&'a BundleRule>,
    prefix: String,
    numbers: u64,
    due: Vec<Due>,
}

/// All answers to what was taken: to a bundle by its judgement, to anything else a receipt 0 or a refusal.
pub fn respond(
    taken: &Taken,
    reading: &Result<Bundle, Refused>,
    judgement: Option<&Judgement<'_>>,
    script: &Script,
) -> Vec<Due> {
    let rule = judgement.and_then(|judgement| judgement.rule);
    let prefix = reading.as_ref().map_or(taken.stem(), |bundle| &bundle.group_id).to_owned();
    let mut answering = Answering { taken, script, rule, prefix, numbers: 0, due: Vec::new() };
    match (reading, judgement) {
        (Ok(bundle), Some(judgement)) => answering.bundle(bundle, judgement),
        (Err(refused), _) => answering.refused(refused),
        (Ok(_), None) => {}
    }
    answering.in_its_manner()
}

impl Answering<'_> {
    fn delays(&self) -> super::script::Delays {
        self.script.delays
    }

    /// When an answer with this delay comes.
    fn at(&self, delay: Delay) -> DateTime {
        let late = self.rule.and_then(|rule| rule.late).map_or(jiff::Span::new(), |late| late.0);
        self.taken.at.saturating_add(delay.0).saturating_add(late)
    }

    fn stamp(&mut self, at: DateTime) -> Stamp {
        let number = self.taken.number * ANSWERS_PER_BUNDLE + self.numbers;
        self.numbers += 1;
        Stamp { number, created: at, amounts: self.script.amounts }
    }

    fn add(&mut self, at: DateTime, what: &str, bytes: Vec<u8>) {
        let name = format!("{}_{:07}_{what}.xml", self.prefix, self.taken.number);
        self.due.push(Due { at, name, bytes });
    }

    /// A file that is no bundle. A receipt 1 can be given when the message's id was read.
    fn refused(&mut self, refused: &Refused) {
        let at = self.at(self.delays().receipt);
        let stamp = self.stamp(at);
        let what = format!("linje {}: {}", refused.line, refused.what);
        let parties = &self.script.parties;
        match &refused.message_id {
            Some(id) => {
                let reason = Reason::new("0007", &what);
                self.add(at, "1", answers::receipt1(parties, id, stamp, Some(&reason)));
            }
            None => self.add(at, "0", answers::receipt0(parties, stamp, &self.taken.name, &what)),
        }
    }

    fn bundle(&mut self, bundle: &Bundle, judgement: &Judgement<'_>) {
        match judgement.answer {
            BundleAnswer::Unreadable => self.unreadable(bundle),
            BundleAnswer::RefuseAtReceipt => self.receipt1(bundle, judgement.reason.as_ref()),
            BundleAnswer::Refuse => {
                self.receipt1(bundle, None);
                self.answer2(bundle, GroupStatus::Rejected, judgement.reason.as_ref(), &[]);
            }
            BundleAnswer::Stop => {
                self.receipt1(bundle, None);
                self.answer2(bundle, GroupStatus::Accepted, None, &[]);
                let at = self.at(self.delays().answer5);
                let stamp = self.stamp(at);
                self.add(at, "5", answers::answer5(bundle, stamp));
            }
            BundleAnswer::Silent => {}
            BundleAnswer::Accept => {
                self.receipt1(bundle, None);
                self.reception_control(bundle, judgement);
                self.lists(bundle, judgement);
            }
        }
        self.strays(bundle);
    }

    fn unreadable(&mut self, bundle: &Bundle) {
        let at = self.at(self.delays().receipt);
        let stamp = self.stamp(at);
        let bytes = answers::receipt0(&bundle.parties, stamp, &self.taken.name, "uventet filafslutning");
        self.prefix = self.taken.stem().to_owned(); // nothing inside was understood: only the file's name is known
        self.add(at, "0", bytes);
    }

    fn receipt1(&mut self, bundle: &Bundle, refused: Option<&Reason>) {
        let at = self.at(self.delays().receipt);
        let stamp = self.stamp(at);
        self.add(at, "1", answers::receipt1(&bundle.parties, &bundle.message_id, stamp, refused));
    }

    fn answer2(
        &mut self,
        bundle: &Bundle,
        status: GroupStatus,
        reason: Option<&Reason>,
        listed: &[Listed<'_>],
    ) {
        let at = self.at(self.delays().answer2);
        let stamp = self.stamp(at);
        self.add(at, "2", answers::answer2(bundle, stamp, status, reason, listed));
    }

    fn reception_control(&mut self, bundle: &Bundle, judgement: &Judgement<'_>) {
        let refused: Vec<_> = bundle
            .payments()
            .zip(&judgement.payments)
            .filter(|(_, verdict)| verdict.answer == PaymentAnswer::Refuse)
            .map(|(payment, verdict)| listed(payment, verdict))
            .collect();
        let status = match refused.len() {
            0 => GroupStatus::Accepted,
            all if all == judgement.payments.len() => GroupStatus::Rejected,
            _ => GroupStatus::Partial,
        };
        self.answer2(bundle, status, None, &refused);
    }

    fn lists(&mut self, bundle: &Bundle, judgement: &Judgement<'_>) {
        let delays = self.delays();
        let sevens = [
            PaymentAnswer::Return,
            PaymentAnswer::Check,
            PaymentAnswer::ErrorAccount,
            PaymentAnswer::WaitingAccount,
            PaymentAnswer::UnknownText,
        ];
        let eights = [PaymentAnswer::Accept, PaymentAnswer::OtherAmount, PaymentAnswer::BankRefuseLater];
        self.list(Kind::Answer7, delays.answer7, "7", bundle, judgement, &sevens);
        self.list(Kind::Answer8, delays.answer8, "8", bundle, judgement, &eights);
        self.list(Kind::Answer9, delays.answer9, "9", bundle, judgement, &[PaymentAnswer::BankRefuse]);
        let later = [PaymentAnswer::BankRefuseLater];
        self.list(Kind::Answer9, delays.answer9_after_8, "9b", bundle, judgement, &later);
    }

    fn list(
        &mut self,
        kind: Kind,
        delay: Delay,
        what: &str,
        bundle: &Bundle,
        judgement: &Judgement<'_>,
        answers: &[PaymentAnswer],
    ) {
        let mut verdicts = judgement.payments.iter();
        let mut chosen: Vec<(&Debit, Listed<'_>)> = Vec::new();
        for debit in &bundle.debits {
            for (payment, verdict) in debit.payments.iter().zip(verdicts.by_ref()) {
                if answers.contains(&verdict.answer) {
                    chosen.push((debit, told(kind, payment, verdict)));
                }
            }
        }
        for (part, payments) in (1..).zip(chosen.chunks(LIST_LIMIT)) {
            let at = self.at(delay);
            let stamp = self.stamp(at);
            let bytes = answers::list(kind, None, bundle, &bundle.group_id, stamp, &by_debit(payments));
            self.add(at, &format!("{what}_{part:04}"), bytes);
        }
    }

    /// Messages nobody can make sense of.
    fn strays(&mut self, bundle: &Bundle) {
        let strays = self.rule.map_or(&[][..], |rule| &rule.strays);
        let at = self.at(self.delays().answer8);
        let Some((debit, payment)) = bundle.debits.first().and_then(|d| Some((d, d.payments.first()?)))
        else {
            return;
        };
        let accepted = Verdict { answer: PaymentAnswer::Accept, reason: None };
        let parts = [(debit, vec![told(Kind::Answer8, payment, &accepted)])];
        for stray in strays {
            let stamp = self.stamp(at);
            let (group, root, what) = match stray {
                Stray::UnknownBundle => ("T0000-19990101-999999", None, "8_stray"),
                Stray::UnknownRoot => (bundle.group_id.as_str(), Some("NKSResponse6"), "6_stray"),
                Stray::CutShort => (bundle.group_id.as_str(), None, "8_cut"),
            };
            let mut bytes = answers::list(Kind::Answer8, root, bundle, group, stamp, &parts);
            if *stray == Stray::CutShort {
                bytes.truncate(bytes.len() / 2);
            }
            self.add(at, what, bytes);
        }
    }

    /// The answers as the rule wants them delivered: last first, or twice.
    fn in_its_manner(mut self) -> Vec<Due> {
        if self.rule.is_some_and(|rule| rule.reversed) {
            self.due.sort_by_key(|due| due.at);
            let mut times: Vec<_> = self.due.iter().map(|due| due.at).collect();
            times.reverse();
            self.due.iter_mut().zip(times).for_each(|(due, at)| due.at = at);
        }
        if self.rule.is_some_and(|rule| rule.twice) {
            let again = self.due.iter().map(|due| Due {
                at: due.at.saturating_add(jiff::Span::new().minutes(1)),
                name: due.name.replace(".xml", "_again.xml"),
                bytes: due.bytes.clone(),
            });
            let again: Vec<_> = again.collect();
            self.due.extend(again);
        }
        self.due
    }
}

/// Payments one after another, under the debit they belong to.
fn by_debit<'a>(payments: &[(&'a Debit, Listed<'a>)]) -> Vec<(&'a Debit, Vec<Listed<'a>>)> {
    let mut parts: Vec<(&Debit, Vec<Listed<'_>>)> = Vec::new();
    for (debit, listed) in payments {
        match parts.last_mut() {
            Some((last, list)) if std::ptr::eq(*last, *debit) => list.push(listed.clone()),
            _ => parts.push((debit, vec![listed.clone()])),
        }
    }
    parts
}

/// A payment as refused in answer 2.
fn listed<'a>(payment: &'a Instruction, verdict: &'a Verdict) -> Listed<'a> {
    let reason = verdict.reason.as_ref();
    Listed {
        payment,
        accepted: false,
        code: reason.map(|reason| reason.code.as_str()),
        text: reason.map(|reason| reason.text.as_str()),
        account: None,
        amount_ore: payment.amount_ore,
    }
}

/// A payment as told in a list.
fn told<'a>(kind: Kind, payment: &'a Instruction, verdict: &'a Verdict) -> Listed<'a> {
    let base = listed(payment, verdict);
    match kind {
        Kind::Answer7 => Listed { code: Some("RJCT"), text: Some(no_account_text(verdict.answer)), ..base },
        Kind::Answer8 => Listed {
            accepted: true,
            code: None,
            text: None,
            account: Some(account_of(payment)),
            amount_ore: payment.amount_ore + i64::from(verdict.answer == PaymentAnswer::OtherAmount),
            ..base
        },
        _ => base,
    }
}

/// The text of answer 7 (nemkonto.md 3.6; those on error and waiting account are ASSUMED there).
fn no_account_text(answer: PaymentAnswer) -> &'static str {
    match answer {
        PaymentAnswer::Return => "Ingen nemkonto/specifik konto. Myndigheden har valgt betalingen retur",
        PaymentAnswer::Check => "Bankcheck anvendes",
        PaymentAnswer::ErrorAccount => "Betalingen er overført til myndighedens fejlkonto",
        PaymentAnswer::WaitingAccount => "Betalingen er overført til ventekonto",
        _ => "Betalingen er behandlet på anden vis",
    }
}

/// The account that received the money: the payment's own, or an invented one that stays the same per payee.
fn account_of(payment: &Instruction) -> String {
    if let Some(account) = &payment.account {
        return account.clone();
    }
    let payee = payment.payee.as_ref().and_then(super::bundle::Payee::party);
    let number = mix_all(&[payee.map_or(0, |party| party.number)]) % 9_999_999_999 + 1;
    format!("{PAYEE_REGISTRATION}{number:010}")
}

/// A simulated NemKonto.
pub struct NemKonto<'d> {
    disk: &'d dyn Disk,
    folders: Folders,
    script: Script,
    known: Known,
    /// The last number that was answered.
    answered: u64,
}

impl<'d> NemKonto<'d> {
    /// Makes the folders that are missing. What was taken earlier is read at the first [`NemKonto::step`].
    ///
    /// # Errors
    /// [`PartnerError::Disk`].
    pub fn open(disk: &'d dyn Disk, folders: Folders, script: Script) -> Result<NemKonto<'d>, PartnerError> {
        for dir in [&folders.inbox, &folders.outbox, &folders.taken(), &folders.pending(), &folders.ready()] {
            disk.create_dir_all(dir)?;
        }
        Ok(NemKonto { disk, folders, script, known: Known::default(), answered: 0 })
    }

    /// Takes what lies in the inbox and delivers what is due at `now` (Danish local time). Repeating it does
    /// nothing twice; after an error or a kill the next step goes on where this one stopped.
    ///
    /// # Errors
    /// [`PartnerError`]; nothing is lost.
    pub fn step(&mut self, now: DateTime) -> Result<Stepped, PartnerError> {
        let taken = self.take(now)?;
        self.answer()?;
        Ok(Stepped {
            taken,
            delivered: deliver_due(self.disk, &self.folders.pending(), now, &self.folders.outbox)?,
        })
    }

    /// When the next answer is due; `None` when none waits.
    ///
    /// # Errors
    /// [`PartnerError`].
    pub fn next_due(&self) -> Result<Option<DateTime>, PartnerError> {
        Ok(waiting_in(self.disk, &self.folders.pending())?.first().map(|(at, _)| *at))
    }

    fn take(&self, now: DateTime) -> Result<u32, PartnerError> {
        let names = names_in(self.disk, &self.folders.inbox)?;
        if names.is_empty() {
            return Ok(0);
        }
        let last = taken_in(self.disk, &self.folders.taken())?.last().map_or(0, |taken| taken.number);
        for (number, name) in (last + 1..).zip(&names) {
            let taken = Taken { number, at: now, name: name.clone() };
            let to = self.folders.taken().join(taken.file_name());
            self.disk.rename(&self.folders.inbox.join(name), &to)?;
        }
        Ok(u32::try_from(names.len()).unwrap_or(u32::MAX))
    }

    /// Prepares the answers to everything taken that was not answered yet, in the order in which it was taken.
    fn answer(&mut self) -> Result<(), PartnerError> {
        for taken in taken_in(self.disk, &self.folders.taken())? {
            if taken.number <= self.answered {
                continue;
            }
            let reading = Bundle::read(&self.disk.read(&self.folders.taken().join(taken.file_name()))?);
            let judgement = reading.as_ref().ok().map(|bundle| self.known.judge(bundle, &self.script));
            let marker = self.folders.ready().join(format!("{:07}", taken.number));
            if !self.disk.exists(&marker)? {
                for due in respond(&taken, &reading, judgement.as_ref(), &self.script) {
                    post(self.disk, &self.folders.pending(), due.at, &due.name, &due.bytes)?;
                }
                write_whole(self.disk, &marker, b"")?;
            }
            if let (Ok(bundle), Some(judgement)) = (&reading, &judgement) {
                self.known.remember(bundle, judgement);
            }
            self.answered = taken.number;
        }
        Ok(())
    }
}

/// What hears of each file NemKonto took: the file, its bytes, and what was read and decided.
pub type Witness<'w> = dyn FnMut(&Taken, &[u8], Result<(&Bundle, &Judgement<'_>), &Refused>) + 'w;

/// Goes through everything NemKonto took, in its order, with what it decided: its ledger, for the checker.
///
/// # Errors
/// [`PartnerError`].
pub fn replay(
    disk: &dyn Disk,
    home: &Path,
    script: &Script,
    see: &mut Witness<'_>,
) -> Result<(), PartnerError> {
    let mut known = Known::default();
    for taken in taken_in(disk, &home.join("taken"))? {
        let bytes = disk.read(&home.join("taken").join(taken.file_name()))?;
        match Bundle::read(&bytes) {
            Ok(bundle) => {
                let judgement = known.judge(&bundle, script);
                see(&taken, &bytes, Ok((&bundle, &judgement)));
                known.remember(&bundle, &judgement);
            }
            Err(refused) => see(&taken, &bytes, Err(&refused)),
        }
    }
    Ok(())
}
