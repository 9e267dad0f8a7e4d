//! The checker before a hub made of paper: first an honest one, then one lie at a time.

use std::collections::BTreeMap;
use std::io::{self, Write};

use jiff::civil::{Date, DateTime, date};
use serde_json::{Value, json};
use tempfile::TempDir;
use toek_adapters::disk::{Disk, RealDisk};

use super::checker::{Books, CheckError, Name, Partner, Report, check};
use super::nemkonto::{Folders, NemKonto};
use super::script::{DEMO, Outcome, Script};
use super::testing::{Pay, bundle_xml};
use crate::generator::manifest::{Expected, FileState, Line, RecordLine, lines};
use crate::generator::{Plan, plan};

const DAY: Date = date(2026, 1, 26);
const NOON: DateTime = DAY.at(12, 0, 0, 0);

/// A delivery, a NemKonto that has answered it, and what a hub would print.
struct World {
    /// How many bundles NemKonto has.
    taken: usize,
    dir: TempDir,
    script: Script,
    manifest: Vec<u8>,
    status: Value,
    traces: BTreeMap<String, Vec<Value>>,
    balance: Value,
    vouchers: Vec<Value>,
    /// What `vouchers status` says.
    sent: Value,
    /// The ERP's.
    books: Books,
}

impl World {
    /// An ERP that booked what the hub's accounts say, under the names of the roles.
    fn book(&mut self) {
        let count = self.vouchers.len() as u64;
        self.sent = json!({"waiting": 0, "held": 0, "sent": 0, "accepted": count, "refused": 0});
        self.books = Books { accepted: count, ..Books::default() };
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        for account in self.balance["accounts"].as_array().unwrap() {
            let (municipality, role) = (text(&account["municipality"]), text(&account["role"]));
            let key = (format!("CVR of {municipality}"), format!("account of {role}"));
            let ore = |side: &str| account[side].as_i64().unwrap();
            self.books.accounts.insert(key.clone(), (ore("debit_ore"), ore("credit_ore")));
            self.books.authorities.insert(municipality, key.0);
            self.books.roles.insert(role, key.1);
        }
    }

    fn folders(&self) -> Folders {
        let dir = self.dir.path();
        Folders { inbox: dir.join("in"), outbox: dir.join("out"), home: dir.join("nks") }
    }

    fn report(&self) -> Report {
        self.try_report().unwrap()
    }

    fn try_report(&self) -> Result<Report, CheckError> {
        let home = self.folders().home;
        let partner =
            Partner { disk: &RealDisk, home: &home, script: &self.script, books: Some(&self.books) };
        check(self.manifest.as_slice(), &partner, &|arguments| self.print(arguments))
    }

    fn print(&self, arguments: &[&str]) -> io::Result<Vec<u8>> {
        let lines =
            |values: &[Value]| values.iter().map(|v| format!("{v}\n")).collect::<String>().into_bytes();
        match arguments {
            ["status", "--json"] => Ok(self.status.to_string().into_bytes()),
            ["trace", file, "--json"] => match self.traces.get(*file) {
                Some(values) => Ok(lines(values)),
                None => Err(io::Error::other("no such file")),
            },
            ["balance", "--json"] => Ok(self.balance.to_string().into_bytes()),
            ["vouchers", "status", "--json"] => Ok(self.sent.to_string().into_bytes()),
            ["balance", "--vouchers", "--json"] => Ok(lines(&self.vouchers)),
            _ => Err(io::Error::other("no such command")),
        }
    }

    /// The same once more, with a NemKonto of its own.
    fn copy(&self) -> World {
        let dir = tempfile::tempdir().unwrap();
        let copy = World {
            taken: self.taken,
            dir,
            script: self.script.clone(),
            manifest: self.manifest.clone(),
            status: self.status.clone(),
            traces: self.traces.clone(),
            balance: self.balance.clone(),
            vouchers: self.vouchers.clone(),
            sent: self.sent.clone(),
            books: self.books.clone(),
        };
        let (from, to) = (self.folders().home.join("taken"), copy.folders().home.join("taken"));
        RealDisk.create_dir_all(&to).unwrap();
        for entry in RealDisk.list(&from).unwrap() {
            let bytes = RealDisk.read(&from.join(&entry.name)).unwrap();
            RealDisk.create(&to.join(&entry.name)).unwrap().write_all(&bytes).unwrap();
        }
        copy
    }

    /// Lets NemKonto have taken one more file.
    fn slip_in(&mut self, xml: &str) {
        self.taken += 1;
        let name = format!("{:07}_20260127T120000_slipped.xml", self.taken);
        let path = self.folders().home.join("taken").join(name);
        RealDisk.write_atomically(&path, xml.as_bytes()).unwrap();
    }

    /// Hands NemKonto bundles and lets the day pass.
    fn send(&mut self, bundles: &[(String, String)]) {
        self.taken += bundles.len();
        let folders = self.folders();
        RealDisk.create_dir_all(&folders.inbox).unwrap();
        for (name, xml) in bundles {
            RealDisk.write_atomically(&folders.inbox.join(name), xml.as_bytes()).unwrap();
        }
        let mut nks = NemKonto::open(&RealDisk, folders, self.script.clone()).unwrap();
        nks.step(NOON).unwrap();
        nks.step(NOON.date().at(23, 0, 0, 0)).unwrap();
    }
}

/// A month of one small case system, all well.
fn honest() -> World {
    let script = Script::load(DEMO, "demo.toml").unwrap();
    let asked = Plan { records_per_file: 90, ..Plan::new(600, 4, DAY) };
    let mut manifest = Vec::new();
    {
        let generator = plan(&asked, &script, &super::bank_days::is_open).unwrap();
        for file in generator.files() {
            generator.write_file(file, &mut io::sink(), &mut manifest).unwrap();
        }
    }
    let mut world = World {
        taken: 0,
        dir: tempfile::tempdir().unwrap(),
        script,
        manifest,
        status: json!({"transfers": [], "outcomes": {}, "bundles": [], "tasks": []}),
        traces: BTreeMap::new(),
        balance: Value::Null,
        vouchers: Vec::new(),
        sent: Value::Null,
        books: Books::default(),
    };
    let mut clerk = Clerk::default();
    for line in lines(world.manifest.as_slice()).map(Result::unwrap).collect::<Vec<_>>() {
        match line {
            Line::Plan(_) => {}
            Line::Record(record) => clerk.record(&mut world, &record),
            Line::File(file) => {
                let state = if file.state == FileState::Accepted { "accepted" } else { "quarantined" };
                push(
                    &mut world.status["transfers"],
                    json!({
                        "transfer": 1, "endpoint": "ksd", "file": file.name, "format": "g68", "state": state,
                        "reason": file.code.map(|code| format!("{code}: and why")), "records": file.records, "sum_ore": file.sum_ore,
                    }),
                );
                if file.state == FileState::Quarantined {
                    world.traces.remove(&file.name);
                }
            }
        }
    }
    clerk.close(&mut world);
    world.book();
    world
}

fn push(list: &mut Value, value: Value) {
    list.as_array_mut().unwrap().push(value);
}

/// Keeps the books of the paper hub.
#[derive(Default)]
struct Clerk {
    bundles: BTreeMap<(String, String), Vec<Pay>>,
    outcomes: BTreeMap<&'static str, u64>,
    open: BTreeMap<String, i64>,
    next: u64,
}

impl Clerk {
    fn record(&mut self, world: &mut World, record: &RecordLine) {
        let (outcome, reason) = match &record.expected {
            Expected::Quarantined => return,
            Expected::Rejected { codes } => ("rejected", Some(codes[0].clone())),
            Expected::Held { reason } => ("held", Some(reason.name().to_owned())),
            Expected::Pay { answer: Some(Outcome::Paid) } => ("paid", None),
            Expected::Pay { answer: Some(Outcome::Returned) } => ("returned", None),
            Expected::Pay { answer: Some(Outcome::Waiting) } => ("waiting", None),
            Expected::Pay { answer: None } => panic!("the demo's script can be foreseen"),
        };
        *self.outcomes.entry(outcome).or_default() += 1;
        let attempts = match record.expected {
            Expected::Pay { .. } => json!([self.pay(world, record, outcome)]),
            _ => json!([]),
        };
        let line = json!({
            "file": record.file, "record": record.record, "line": record.line,
            "municipality": record.municipality, "transaction_ref": record.transaction_ref,
            "posting_ref": record.posting_ref, "amount_ore": record.amount_ore, "outcome": outcome,
            "reason": reason, "payment": null, "attempts": attempts,
        });
        world.traces.entry(record.file.clone()).or_default().push(line);
    }

    fn pay(&mut self, world: &mut World, record: &RecordLine, outcome: &str) -> Value {
        self.next += 1;
        let id = format!("T{}-260126-{:09}", record.municipality, self.next);
        let day = record.effective.clone().unwrap_or_else(|| DAY.to_string());
        let key = (record.municipality.clone(), day);
        let group = group_id(&key);
        let payee = record.payee.clone();
        self.bundles.entry(key).or_default().push(Pay { id: id.clone(), ore: record.amount_ore, payee });
        self.post(world, record, "P4", "UDB_K", "MELLEM");
        match outcome {
            "paid" => self.post(world, record, "P6", "MELLEM", "BANK"),
            _ => *self.open.entry(record.municipality.clone()).or_default() += record.amount_ore,
        }
        json!({"end_to_end_id": id, "group_id": group, "bundle_line": 1, "state": "AT_BANK"})
    }

    fn post(&self, world: &mut World, record: &RecordLine, event: &str, debit: &str, credit: &str) {
        let line = |role: &str, side: &str| json!({"role": role, "side": side, "amount_ore": record.amount_ore, "payment": null});
        world.vouchers.push(json!({
            "voucher": format!("{event}-{}", record.transaction_ref), "municipality": record.municipality,
            "event": event, "lines": [line(debit, "debit"), line(credit, "credit")],
        }));
    }

    fn close(self, world: &mut World) {
        let mut files = Vec::new();
        for (key, payments) in &self.bundles {
            let group = group_id(key);
            let sum: i64 = payments.iter().map(|pay| pay.ore).sum();
            push(
                &mut world.status["bundles"],
                json!({
                    "group_id": group, "municipality": key.0, "day": key.1, "payments": payments.len(),
                    "sum_ore": sum, "state": "ACCEPTED",
                }),
            );
            let day = key.1.parse().unwrap();
            files.push((format!("{group}.xml"), bundle_xml(&group, NOON, &[(day, payments.clone())])));
        }
        world.send(&files);
        world.status["outcomes"] = json!(self.outcomes);
        let control: Vec<_> = self
            .open
            .iter()
            .map(|(m, ore)| json!({"municipality": m, "interim_ore": ore, "open_payments_ore": ore}))
            .collect();
        world.balance = json!({"accounts": accounts(&world.vouchers), "control": control});
    }
}

/// A bundle per municipality and day; the day stands in for the running number.
fn group_id(key: &(String, String)) -> String {
    format!("T{}-20260126-{}", key.0, key.1[2..].replace('-', ""))
}

fn accounts(vouchers: &[Value]) -> Vec<Value> {
    let mut sums: BTreeMap<(String, String), (i64, i64)> = BTreeMap::new();
    for voucher in vouchers {
        for line in voucher["lines"].as_array().unwrap() {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let sum = sums.entry((text(&voucher["municipality"]), text(&line["role"]))).or_default();
            let ore = line["amount_ore"].as_i64().unwrap();
            if line["side"] == "debit" { sum.0 += ore } else { sum.1 += ore }
        }
    }
    let account = |((m, role), (debit, credit)): (&(String, String), &(i64, i64))| json!({"municipality": m, "role": role, "debit_ore": debit, "credit_ore": credit});
    sums.iter().map(account).collect()
}

/// The first trace with this outcome.
fn first<'w>(world: &'w mut World, outcome: &str) -> &'w mut Value {
    world.traces.values_mut().flatten().find(|trace| trace["outcome"] == outcome).unwrap()
}

#[test]
fn an_honest_hub_passes() {
    let report = honest().report();
    assert!(report.ok(), "{report}");
    assert!(report.to_string().contains(&format!("all {} checks hold", Name::ALL.len())));
    for (outcome, least) in [("paid", 500), ("returned", 10), ("rejected", 20), ("held", 5), ("waiting", 1)] {
        assert!(report.outcomes[outcome].records >= least, "{outcome}: {report}");
    }
    // Nothing is well because nobody looked.
    for check in &report.checks {
        assert_ne!(check.detail, "0 looked at", "{}", check.name);
    }
}

#[test]
fn each_lie_is_found_by_the_check_that_is_there_for_it() {
    type Lie = fn(&mut World);
    let table: &[(&str, Name, Lie)] = &[
        ("a file accepted that should be set aside", Name::Files, |w| {
            let transfers = w.status["transfers"].as_array_mut().unwrap();
            let set_aside = transfers.iter_mut().find(|t| t["state"] == "quarantined").unwrap();
            set_aside["state"] = json!("accepted");
        }),
        ("a file set aside for another reason", Name::Files, |w| {
            let transfers = w.status["transfers"].as_array_mut().unwrap();
            transfers.iter_mut().find(|t| t["reason"] == "G68-S04: and why").unwrap()["reason"] =
                json!("G68-S07");
        }),
        ("a file taken in twice", Name::Files, |w| {
            let again = w.status["transfers"][0].clone();
            push(&mut w.status["transfers"], again);
        }),
        ("a file nobody delivered", Name::Files, |w| {
            let mut other = w.status["transfers"][0].clone();
            other["file"] = json!("other.g68");
            push(&mut w.status["transfers"], other);
        }),
        ("a record forgotten", Name::Accounted, |w| {
            w.traces.values_mut().next().unwrap().pop();
        }),
        ("a record told twice", Name::Accounted, |w| {
            let traces = w.traces.values_mut().next().unwrap();
            traces.push(traces[0].clone());
        }),
        ("a record nobody delivered", Name::Accounted, |w| {
            let traces = w.traces.values_mut().next().unwrap();
            let mut other = traces[0].clone();
            other["record"] = json!(9_999);
            traces.push(other);
        }),
        ("paid, though NemKonto returned it", Name::Answers, |w| {
            first(w, "returned")["outcome"] = json!("paid")
        }),
        ("rejected for another reason", Name::Outcomes, |w| {
            first(w, "rejected")["reason"] = json!("G68-F99")
        }),
        ("held for no reason", Name::Outcomes, |w| first(w, "held")["reason"] = Value::Null),
        ("another amount", Name::Amounts, |w| first(w, "paid")["amount_ore"] = json!(1)),
        ("another municipality", Name::Amounts, |w| first(w, "paid")["municipality"] = json!("0999")),
        ("a wrong count", Name::Totals, |w| w.status["outcomes"]["paid"] = json!(1)),
        ("an outcome that is none", Name::Totals, |w| first(w, "paid")["outcome"] = json!("lost")),
        ("a bundle hidden", Name::Bundles, |w| {
            w.status["bundles"].as_array_mut().unwrap().pop();
        }),
        ("a bundle with another sum", Name::Bundles, |w| w.status["bundles"][0]["sum_ore"] = json!(1)),
        ("a reference NemKonto never saw", Name::Instructions, |w| {
            first(w, "paid")["attempts"][0]["end_to_end_id"] = json!("T0751-260126-999999999");
        }),
        ("another bundle", Name::Instructions, |w| {
            first(w, "paid")["attempts"][0]["group_id"] = json!("T0751-20260126-999999");
        }),
        ("two records behind one instruction", Name::Unasked, |w| {
            let attempts = first(w, "paid")["attempts"].clone();
            let other = w.traces.values_mut().flatten().filter(|t| t["outcome"] == "paid").nth(1).unwrap();
            other["attempts"] = attempts;
        }),
        ("a rejected record that was sent", Name::Unasked, |w| {
            let attempts = first(w, "paid")["attempts"].clone();
            first(w, "rejected")["attempts"] = attempts;
        }),
        ("a paid record never sent", Name::Answers, |w| first(w, "paid")["attempts"] = json!([])),
        ("a second payment of the same", Name::PaidOnce, |w| {
            let paid = first(w, "paid");
            let municipality = paid["municipality"].as_str().unwrap().to_owned();
            let (group, id) =
                (format!("T{municipality}-20260126-900001"), format!("T{municipality}-260126-9"));
            let again = json!({"end_to_end_id": id, "group_id": group, "state": "AT_BANK"});
            paid["attempts"].as_array_mut().unwrap().push(again);
            let pay = Pay { id, ore: paid["amount_ore"].as_i64().unwrap(), payee: "1506305000".to_owned() };
            w.slip_in(&bundle_xml(&group, NOON, &[(DAY, vec![pay])]));
        }),
        ("an instruction nobody asked for", Name::Unasked, |w| {
            let pay = Pay { id: "T0751-260126-9".to_owned(), ore: 100, payee: "1506305000".to_owned() };
            let xml = bundle_xml("T0751-20260126-900001", NOON, &[(DAY, vec![pay])]);
            w.slip_in(&xml);
        }),
        ("a bundle NemKonto cannot read", Name::Readable, |w| {
            w.slip_in("<nks:NKSPayment");
        }),
        ("a payment reference used twice", Name::OneBundle, |w| {
            let id = first(w, "paid")["attempts"][0]["end_to_end_id"].as_str().unwrap().to_owned();
            let pay = Pay { id, ore: 100, payee: "1506305000".to_owned() };
            let xml = bundle_xml("T0751-20260126-900001", NOON, &[(DAY, vec![pay])]);
            w.slip_in(&xml);
        }),
        ("a voucher that does not balance", Name::Vouchers, |w| {
            w.vouchers[0]["lines"][0]["amount_ore"] = json!(1);
        }),
        ("a voucher twice", Name::Vouchers, |w| w.vouchers.push(w.vouchers[0].clone())),
        ("a voucher of nothing", Name::Vouchers, |w| w.vouchers[0]["lines"] = json!([])),
        ("an account that is not its lines", Name::Accounts, |w| {
            w.balance["accounts"][0]["debit_ore"] = json!(1);
        }),
        ("an account that is not there", Name::Accounts, |w| {
            w.balance["accounts"].as_array_mut().unwrap().pop();
        }),
        ("a krone lost", Name::Zero, |w| {
            let debit = w.balance["accounts"][0]["debit_ore"].as_i64().unwrap();
            w.balance["accounts"][0]["debit_ore"] = json!(debit + 100);
        }),
        ("an acceptance not posted", Name::Accepted, |w| {
            let place = w.vouchers.iter().position(|v| v["event"] == "P4").unwrap();
            w.vouchers.remove(place);
        }),
        ("an interim account that is off", Name::Interim, |w| {
            w.balance["control"][0]["interim_ore"] = json!(1);
        }),
        ("a payment posted on the wrong account", Name::Bank, |w| {
            let voucher = w.vouchers.iter_mut().find(|v| v["event"] == "P6").unwrap();
            voucher["lines"][1]["role"] = json!("UDB_K");
            w.balance["accounts"] = json!(accounts(&w.vouchers));
        }),
        ("a voucher that the ERP never got", Name::Booked, |w| w.books.accepted -= 1),
        ("a voucher that still waits", Name::Booked, |w| w.sent["waiting"] = json!(1)),
        ("an øre that the ERP does not have", Name::Books, |w| {
            w.books.accounts.values_mut().next().unwrap().0 -= 1;
        }),
    ];
    let truth = honest();
    for (lie, name, tell) in table {
        let mut world = truth.copy();
        tell(&mut world);
        let report = world.report();
        let found = report.checks.iter().find(|check| check.name == name.sentence()).unwrap();
        assert!(!found.ok, "{lie}: {report}");
        assert!(!report.ok());
    }
    for name in Name::ALL {
        assert!(table.iter().any(|(_, tested, _)| tested == name), "no lie tests {name:?}");
    }
}

#[test]
fn a_wrong_instruction_is_named_without_naming_the_person() {
    let world = honest();
    // The first bundle is replaced by one that pays somebody else another amount on another day.
    let taken = world.folders().home.join("taken");
    let mut names: Vec<_> = RealDisk.list(&taken).unwrap().into_iter().map(|entry| entry.name).collect();
    names.sort();
    let path = taken.join(&names[0]);
    let xml = RealDisk.read_text(&path).unwrap();
    let start = xml.find("<swift:SclSctyNb>").unwrap() + "<swift:SclSctyNb>".len();
    let other = format!("{}0201364005{}", &xml[..start], &xml[start + 10..]);
    RealDisk.write_atomically(&path, other.as_bytes()).unwrap();
    let report = world.report();
    let found = report.checks.iter().find(|c| c.name == Name::Instructions.sentence()).unwrap();
    assert!(!found.ok && found.detail.contains("pays 020136-**** instead of"), "{}", found.detail);
    assert!(!report.to_string().contains("0201364005"));
}

#[test]
fn a_hub_that_cannot_be_heard_is_an_error_and_no_verdict() {
    let mut world = honest();
    world.traces.remove("G68_0101_20260126_0001.g68");
    assert!(matches!(world.try_report(), Err(CheckError::Hub { .. })));
    let mut world = honest();
    world.vouchers[3] = json!("nonsense");
    let error = world.try_report().unwrap_err();
    assert_eq!(error.to_string(), "toek balance --vouchers --json: line 4 of what it printed");
}
