//! The day's controls on one page (features 3.1.1, 3.1.6, 3.1.11, 3.1.12): what case systems sent against what came, the
//! interim account against the open payments, the bank against the books, and whether the ERP can clear by our references.
//!
//! Reads only, and judges nothing anew: a control is green when nothing differs, else each difference is named with its
//! age, whose it is and what to do. Who owns a difference and what is suggested is ASSUMED, here and nowhere else.

use std::collections::BTreeMap;
use std::io::BufReader;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use toek_formats::finance::{self as format, Entry, VoucherFileReader};
use toek_formats::vocabulary::{MunicipalityCode, Ore, Uuid};

use super::receive_order_controls::{file_of, missing_numbers};
use super::{Hub, PipelineError, receive_payments};
use crate::config::PipelineKind;
use crate::domain::accounts::ReferenceKey;
use crate::domain::calendar::copenhagen;
use crate::domain::ledger::Account;
use crate::store::controls::{self, Interim, Interims, OrderControl, OrderFile};
use crate::store::finance::{self, VoucherFile};
use crate::store::ledger::Balance;
use crate::store::transfer::{self, TransferState};
use crate::store::{Tx, ledger};

/// Something that does not add up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What it is about: `ksd: delivery.g68`, `T0751-20260304-000001`, `bank line 7`.
    pub subject: String,
    /// Whose, where it is one's.
    pub municipality: Option<String>,
    /// What is the matter.
    pub what: String,
    /// How much, in øre, where it is an amount: the outside's figure less ours.
    pub difference_ore: Option<i64>,
    /// Since which day.
    pub since: String,
    /// Days from then to now.
    pub age_days: i32,
    /// The role that is to look at it.
    pub owner: &'static str,
    /// What to do.
    pub act: String,
}

/// How a control stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing differs.
    Green,
    /// Something does.
    Red,
    /// The installation does not have what it takes.
    Off,
}

/// One control.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Control {
    /// For programs.
    pub name: &'static str,
    /// The customer's number for it.
    pub feature: &'static str,
    /// For people.
    pub title: &'static str,
    /// How it stands.
    pub state: State,
    /// What was looked at, in words.
    pub looked_at: String,
    /// What differs, the oldest first.
    pub differences: Vec<Difference>,
}

/// A file of orders that came on the day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrderLine {
    /// The case system's place.
    pub endpoint: String,
    /// The file.
    pub file: String,
    /// Its transfer.
    pub transfer: i64,
    /// Records in it.
    pub records: u32,
    /// The sum of those that were not refused.
    pub sum_ore: i64,
    /// How many were refused.
    pub rejected: u32,
    /// By what it is known to be whole: `control file`, or `unproven` where its own count alone (SLUTD) says so.
    pub proof: &'static str,
}

/// The interim account of one municipality for what was accepted on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InterimLine {
    /// Whose.
    pub municipality: String,
    /// The day on which the orders were accepted.
    pub day: String,
    /// What stands on the account.
    pub interim_ore: i64,
    /// What the payments' states say is owed.
    pub open_payments_ore: i64,
}

/// The page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page {
    /// The day.
    pub day: String,
    /// Whose alone, where it is one's.
    pub municipality: Option<String>,
    /// Whether nothing differs.
    pub green: bool,
    /// Each control.
    pub controls: Vec<Control>,
    /// What came on the day.
    pub orders: Vec<OrderLine>,
    /// The interim account, of days and municipalities where anything stands on it or should.
    pub interim: Vec<InterimLine>,
}

/// What is looked at, and from when.
struct View<'a> {
    hub: &'a Hub,
    day: Date,
    today: Date,
    only: Option<MunicipalityCode>,
}

fn danish(micros: i64) -> Date {
    copenhagen(Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)).date()
}

/// Makes the page of a day, of all municipalities or one.
///
/// # Errors
/// The store's and the archive's; a control that does not hold is none.
pub fn page(hub: &Hub, day: Date, only: Option<MunicipalityCode>) -> Result<Page, PipelineError> {
    let view = View { hub, day, today: danish(hub.clock.micros()), only };
    let (orders, sent) = view.orders()?;
    let (interim, posted) = view.interim()?;
    let controls = vec![sent, posted, view.bank()?, view.references()?];
    Ok(Page {
        day: day.to_string(),
        municipality: only.map(|code| code.to_string()),
        green: controls.iter().all(|control| control.state != State::Red),
        controls,
        orders,
        interim,
    })
}

impl View<'_> {
    fn is_wanted(&self, municipality: MunicipalityCode) -> bool {
        self.only.is_none_or(|only| only == municipality)
    }

    fn has(&self, kind: PipelineKind) -> bool {
        self.hub.installation.pipelines.iter().any(|pipeline| pipeline.kind == kind)
    }

    fn difference(&self, subject: String, since: Date, what: String) -> Difference {
        Difference {
            subject,
            municipality: None,
            what,
            difference_ore: None,
            since: since.to_string(),
            age_days: (self.today - since).get_days().max(0),
            owner: OPERATOR,
            act: String::new(),
        }
    }

    // Orders sent against orders received.

    fn orders(&self) -> Result<(Vec<OrderLine>, Control), PipelineError> {
        let store = &self.hub.store;
        let (files, rows) =
            store.read(|tx| Ok((controls::order_files(tx)?, controls::order_controls(tx)?)))?;
        let mut differences = Vec::new();
        for row in rows.iter().filter(|row| row.day <= self.day) {
            differences.extend(self.order(row, file_of(&files, row))?);
        }
        for (gap, since) in missing_numbers(&files, &rows) {
            if since <= self.day {
                let what = "lacks between files that came".to_owned();
                let act =
                    "ask the case system for it; if there is none, a control file says so: no records, 0.00"
                        .to_owned();
                differences.push(Difference { act, ..self.difference(gap, since, what) });
            }
        }
        let is_here = |file: &&OrderFile| {
            file.received_on() == self.day
                && file.state == TransferState::Accepted
                && self.only.is_none_or(|only| file.municipality.is_none_or(|own| own == only))
        };
        let line = |file: &OrderFile| OrderLine {
            endpoint: file.endpoint.clone(),
            file: file.name.clone(),
            transfer: file.no.0,
            records: file.records,
            sum_ore: file.sum.0,
            rejected: file.rejected,
            proof: match rows.iter().any(|row| file_of(&files, row).is_some_and(|of| of.no == file.no)) {
                true => "control file",
                false => "unproven",
            },
        };
        let lines: Vec<OrderLine> = files.iter().filter(is_here).map(line).collect();
        let unproven = lines.iter().filter(|line| line.proof == "unproven").count();
        let looked_at = format!("{} files came, {unproven} of them without a control file", lines.len());
        Ok((lines, control("orders", "3.1.1", "Orders sent, orders received", looked_at, differences)))
    }

    /// What differs between a case system's word and the file.
    fn order(&self, row: &OrderControl, file: Option<&OrderFile>) -> Result<Vec<Difference>, PipelineError> {
        let is_accepted = file.is_some_and(|file| file.state == TransferState::Accepted);
        if row.is_withdrawn() && !is_accepted {
            return Ok(Vec::new());
        }
        let subject = || format!("{}: {}", row.endpoint, row.file);
        let Some(file) = file else {
            let what = format!(
                "{} says it sent {} records over {} kr.; it did not come",
                row.sender,
                row.records,
                row.sum.danish()
            );
            let act = "ask the case system to send it again".to_owned();
            return Ok(vec![Difference { act, ..self.difference(subject(), row.day, what) }]);
        };
        if file.municipality.is_some_and(|own| !self.is_wanted(own)) {
            return Ok(Vec::new());
        }
        if file.state != TransferState::Accepted {
            let what = format!("it came, and is {}", file.state.text());
            let act = format!("`toek quarantine show {}`", file.no.0);
            return Ok(vec![Difference { act, ..self.difference(subject(), row.day, what) }]);
        }
        let mut differences = Vec::new();
        let municipality = file.municipality.map(|code| code.to_string());
        let act = "ask the case system which of the two is right".to_owned();
        let mut add = |what, difference_ore| {
            let (municipality, act) = (municipality.clone(), act.clone());
            let plain = self.difference(subject(), row.day, what);
            differences.push(Difference { municipality, act, difference_ore, ..plain });
        };
        if row.records != file.records {
            add(format!("{} records were sent, {} came", row.records, file.records), None);
        }
        let came = if row.sum == file.sum { file.sum } else { self.sum_of(file)? };
        if row.sum != came {
            let what = format!("{} kr. were sent, {} kr. came", row.sum.danish(), came.danish());
            add(what, Some(row.sum.0 - came.0));
        }
        Ok(differences)
    }

    /// The sum of all records of a file, refused ones too, by its archived bytes.
    fn sum_of(&self, file: &OrderFile) -> Result<Ore, PipelineError> {
        let transfer = self.hub.store.read(|tx| transfer::get(tx, file.no))?;
        let Some(transfer) = transfer else { return Ok(file.sum) };
        let intake = self.hub.intake_of(&transfer)?.clone();
        Ok(receive_payments::read_file(self.hub, &intake, &transfer, |_| {})?.sum)
    }

    // The interim account.

    fn interim(&self) -> Result<(Vec<InterimLine>, Control), PipelineError> {
        let mut days: BTreeMap<(MunicipalityCode, Date), Interim> = BTreeMap::new();
        let (files, balances) =
            self.hub.store.read(|tx| Ok((controls::interim(tx)?, ledger::balances(tx)?)))?;
        let mut differences = self.against_balances(&files, &balances);
        for ((municipality, accepted_at), one) in files {
            let day = danish(accepted_at);
            if day <= self.day && self.is_wanted(municipality) {
                let sum = days.entry((municipality, day)).or_default();
                sum.posted += one.posted;
                sum.owed += one.owed;
            }
        }
        for ((municipality, day), Interim { posted, owed }) in &days {
            if posted != owed {
                let what = format!(
                    "{} kr. stand on the interim account for orders of {day}, {} kr. are open",
                    posted.danish(),
                    owed.danish()
                );
                let subject = format!("MELLEM of {municipality}, {day}");
                differences.push(Difference {
                    municipality: Some(municipality.to_string()),
                    difference_ore: Some(owed.0 - posted.0),
                    act: VERIFY.to_owned(),
                    ..self.difference(subject, *day, what)
                });
            }
        }
        let line = |((municipality, day), one): (&(MunicipalityCode, Date), &Interim)| InterimLine {
            municipality: municipality.to_string(),
            day: day.to_string(),
            interim_ore: one.posted.0,
            open_payments_ore: one.owed.0,
        };
        let stands = |(_, one): &(&_, &Interim)| **one != Interim { posted: Ore::ZERO, owed: Ore::ZERO };
        let lines = days.iter().filter(stands).map(line).collect();
        let looked_at = format!("{} days of {} municipalities", days.len(), count_of(&days));
        let title = "Interim account, open payments";
        Ok((lines, control("interim", "3.1.6", title, looked_at, differences)))
    }

    /// Where the account's balance is not the sum of its lines: something stands on it that no payment explains.
    fn against_balances(&self, files: &Interims, balances: &[Balance]) -> Vec<Difference> {
        let mut of: BTreeMap<MunicipalityCode, (Ore, Ore)> = BTreeMap::new();
        for ((municipality, _), one) in files {
            of.entry(*municipality).or_default().0 += one.posted;
        }
        for balance in balances.iter().filter(|balance| balance.account == Account::Interim) {
            of.entry(balance.municipality).or_default().1 += balance.credit - balance.debit;
        }
        let differs =
            of.into_iter().filter(|(code, (lines, stands))| self.is_wanted(*code) && lines != stands);
        let difference = |(municipality, (lines, stands)): (MunicipalityCode, (Ore, Ore))| Difference {
            municipality: Some(municipality.to_string()),
            difference_ore: Some(lines.0 - stands.0),
            act: VERIFY.to_owned(),
            ..self.difference(
                format!("MELLEM of {municipality}"),
                self.today,
                format!("its balance is {} kr., its lines give {} kr.", stands.danish(), lines.danish()),
            )
        };
        differs.map(difference).collect()
    }

    // The bank.

    fn bank(&self) -> Result<Control, PipelineError> {
        let (name, feature, title) = ("bank", "3.1.11", "Bank, books");
        if !self.has(PipelineKind::ReceiveBankStatements) {
            let looked_at = "no pipeline receives bank statements".to_owned();
            return Ok(Control { state: State::Off, ..control(name, feature, title, looked_at, vec![]) });
        }
        let (mut differences, bundles, lines) = self.hub.store.read(|tx| self.bundles(tx))?;
        differences.extend(self.chain()?);
        let looked_at = format!("{bundles} bundles due and {lines} bank lines until {}", self.day);
        Ok(control(name, feature, title, looked_at, differences))
    }

    fn bundles(&self, tx: &Tx<'_>) -> Result<(Vec<Difference>, u64, u64), crate::store::StoreError> {
        let mut differences = Vec::new();
        let (mut bundles, mut lines) = (0, 0);
        for bundle in controls::bundles_until(tx, self.day)? {
            if !self.is_wanted(bundle.municipality) {
                continue;
            }
            bundles += 1;
            if bundle.posted != bundle.banked {
                let what = format!(
                    "the books moved {} kr., the bank {} kr.",
                    bundle.posted.danish(),
                    bundle.banked.danish()
                );
                let act = match bundle.banked == Ore::ZERO {
                    true => "see whether the statement has come; else ask the bank",
                    false => "ask the bank, or match what lacks: `toek bank lines`, `toek bank match`",
                };
                differences.push(Difference {
                    municipality: Some(bundle.municipality.to_string()),
                    difference_ore: Some(bundle.banked.0 - bundle.posted.0),
                    owner: CLERK,
                    act: act.to_owned(),
                    ..self.difference(bundle.group_id, bundle.execution_day, what)
                });
            }
        }
        let mut last = 0;
        loop {
            let page = controls::lines_after(tx, last)?;
            let Some(end) = page.last() else { return Ok((differences, bundles, lines)) };
            last = end.no;
            let wanted =
                page.iter().filter(|line| line.booking_day <= self.day && self.is_wanted(line.municipality));
            for line in wanted {
                lines += 1;
                if line.rest() != Ore::ZERO {
                    let what = format!(
                        "{} kr. on the statement, {} kr. of it for nothing known",
                        line.amount.danish(),
                        line.rest().danish()
                    );
                    differences.push(Difference {
                        municipality: Some(line.municipality.to_string()),
                        difference_ore: Some(line.rest().0),
                        owner: CLERK,
                        act: format!("`toek bank match {} BUNDLE|PAYMENT|foreign --reason TEXT`", line.no),
                        ..self.difference(format!("bank line {}", line.no), line.booking_day, what)
                    });
                }
            }
        }
    }

    /// Each statement begins where the one before it ended.
    fn chain(&self) -> Result<Vec<Difference>, PipelineError> {
        let mut differences = Vec::new();
        let all = self.hub.store.read(controls::statements)?;
        let until: Vec<_> = all.iter().filter(|one| one.closing.1 <= self.day).collect();
        for pair in until.windows(2) {
            let (before, after) = (pair[0], pair[1]);
            let is_same = before.account == after.account && self.is_wanted(after.municipality);
            if is_same && before.closing.0 != after.opening.0 {
                let what = format!(
                    "it opens with {} kr., the one before closed with {} kr. on {}",
                    after.opening.0.danish(),
                    before.closing.0.danish(),
                    before.closing.1
                );
                let subject = format!("bank statement {} of BANK({})", after.no, after.bank);
                differences.push(Difference {
                    municipality: Some(after.municipality.to_string()),
                    difference_ore: Some(after.opening.0.0 - before.closing.0.0),
                    act: "ask the bank for the statement between".to_owned(),
                    ..self.difference(subject, after.opening.1, what)
                });
            }
        }
        Ok(differences)
    }

    // References in vouchers.

    fn references(&self) -> Result<Control, PipelineError> {
        let (name, feature, title) = ("references", "3.1.12", "References in vouchers");
        if !self.has(PipelineKind::SendVouchers) {
            let looked_at = "no pipeline sends vouchers".to_owned();
            return Ok(Control { state: State::Off, ..control(name, feature, title, looked_at, vec![]) });
        }
        let mut differences = Vec::new();
        let mut found = Found::default();
        let mut before = i64::MAX;
        'files: loop {
            let page = self.hub.store.read(|tx| finance::files_before(tx, before))?;
            let Some(last) = page.last() else { break };
            before = last.no;
            for file in &page {
                match danish(file.created_at) {
                    made if made < self.day => break 'files,
                    made if made > self.day || !self.is_wanted(file.municipality) => {}
                    _ => differences.extend(self.file(file, &mut found)?),
                }
            }
        }
        let Found { postings, trace, payment, attempt, bundle } = found;
        let looked_at = format!(
            "{postings} postings sent: {trace} with SPORINGSID, {payment} UDBETALING, {attempt} BETALING, {bundle} BUNDT"
        );
        Ok(control(name, feature, title, looked_at, differences))
    }

    /// What a file of vouchers lacks, by the bytes that were sent.
    fn file(&self, file: &VoucherFile, found: &mut Found) -> Result<Vec<Difference>, PipelineError> {
        let store = &self.hub.store;
        let transfer = file.transfer.map(|no| store.read(|tx| transfer::get(tx, no))).transpose()?.flatten();
        let (Some(transfer), Some(accounts)) = (transfer, &self.hub.installation.accounts) else {
            return Ok(Vec::new()); // not written yet: there is nothing that could lack
        };
        let keys = KEYS.map(|(key, _)| accounts.reference_key(key));
        let mut expected = Vec::new();
        for sent in store.read(|tx| finance::vouchers_of(tx, file.no))? {
            let booked = store.read(|tx| ledger::voucher(tx, sent.voucher_no))?;
            let of_bundle = finance::bundle_of(&booked).is_some();
            let lines = booked.voucher.lines.iter().filter(|line| line.amount != Ore::ZERO);
            expected.extend(lines.map(|line| (sent.voucher_no, line.payment.is_some(), of_bundle)));
        }
        let booked = expected.len();
        let mut told = 0;
        let mut lacking: BTreeMap<(i64, &str), u64> = BTreeMap::new();
        let archived = BufReader::with_capacity(1 << 16, self.hub.archived(&transfer)?);
        let mut reader = VoucherFileReader::new(archived, format::LIMITS);
        let unread = |error: format::Error| PipelineError::Unread(Box::new(error));
        let mut expected = expected.into_iter();
        while let Some(entry) = reader.next().map_err(unread)? {
            let Entry::Posting(posting) = entry else { continue };
            (told, found.postings) = (told + 1, found.postings + 1);
            let Some((voucher, of_payment, of_bundle)) = expected.next() else { continue };
            let needed = [of_payment, of_payment, of_payment && of_bundle, of_bundle];
            for (place, (_, name)) in KEYS.iter().enumerate() {
                let has = has_key(&posting.reference_keys, keys[place]);
                *found.place(place) += u64::from(has);
                if needed[place] && !has {
                    *lacking.entry((voucher, name)).or_default() += 1;
                }
            }
        }
        let difference = |((voucher, name), count): ((i64, &str), u64)| Difference {
            municipality: Some(file.municipality.to_string()),
            act:
                "see `reference_keys` in accounts.toml, then build the voucher anew: `toek vouchers rebuild`"
                    .to_owned(),
            ..self.difference(
                format!("voucher {voucher}"),
                danish(file.created_at),
                format!("{count} postings without {name}"),
            )
        };
        let mut differences: Vec<Difference> = lacking.into_iter().map(difference).collect();
        if told != booked {
            differences.push(Difference {
                municipality: Some(file.municipality.to_string()),
                act: VERIFY.to_owned(),
                ..self.difference(
                    format!("voucher file {}", file.no),
                    danish(file.created_at),
                    format!("{told} postings were sent, {booked} are booked"),
                )
            });
        }
        Ok(differences)
    }
}

fn has_key(keys: &[(Uuid, String)], wanted: Option<Uuid>) -> bool {
    keys.iter().any(|(key, value)| Some(*key) == wanted && !value.is_empty())
}

/// What the ERP clears by (00-decisions.md 2.4), and what it is called.
const KEYS: [(ReferenceKey, &str); 4] = [
    (ReferenceKey::Trace, "SPORINGSID"),
    (ReferenceKey::Payment, "UDBETALING"),
    (ReferenceKey::Attempt, "BETALING"),
    (ReferenceKey::Bundle, "BUNDT"),
];

/// How many postings have which reference.
#[derive(Default)]
struct Found {
    postings: u64,
    trace: u64,
    payment: u64,
    attempt: u64,
    bundle: u64,
}

impl Found {
    fn place(&mut self, place: usize) -> &mut u64 {
        match place {
            0 => &mut self.trace,
            1 => &mut self.payment,
            2 => &mut self.attempt,
            _ => &mut self.bundle,
        }
    }
}

/// What to do when the hub contradicts itself.
const VERIFY: &str = "`toek verify`: the books contradict the payments; send nothing before it is clear";

/// Roles as `users.toml` names them.
const OPERATOR: &str = "operator";
const CLERK: &str = "clerk";

fn count_of(days: &BTreeMap<(MunicipalityCode, Date), Interim>) -> usize {
    let mut codes: Vec<_> = days.keys().map(|(municipality, _)| *municipality).collect();
    codes.dedup();
    codes.len()
}

fn control(
    name: &'static str,
    feature: &'static str,
    title: &'static str,
    looked_at: String,
    mut differences: Vec<Difference>,
) -> Control {
    differences.sort_by(|a, b| (&a.since, &a.subject).cmp(&(&b.since, &b.subject)));
    let state = if differences.is_empty() { State::Green } else { State::Red };
    Control { name, feature, title, state, looked_at, differences }
}
