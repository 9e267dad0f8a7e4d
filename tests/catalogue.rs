//! The benefit catalogue and the parameters as a person keeps them: exported, edited in a spreadsheet, loaded; set from a
//! day on, by two where it takes two; and always with who, when and why.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and makes files as a person would"
)]

mod hub;

use std::path::{Path, PathBuf};

use hub::{Hub, said};
use rust_xlsxwriter::Workbook;
use serde_json::Value;

const AT: &str = "2026-03-02T07:00:00Z";
const BENEFITS: &str = "benefits.toml";
const PARAMETERS: &str = "parameters.toml";

struct Ran {
    code: i32,
    said: String,
    /// What it printed for programs.
    values: Vec<Value>,
}

fn ran(hub: &Hub, who: &str, arguments: &[&str]) -> Ran {
    let output = hub.toek(&[&["--at", AT, "--as", who], arguments].concat());
    let lines = output.stdout.split(|b| *b == b'\n');
    let values = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
    Ran { code: output.status.code().unwrap(), said: said(&output), values }
}

#[track_caller]
fn done(hub: &Hub, who: &str, arguments: &[&str]) -> Ran {
    let ran = ran(hub, who, arguments);
    assert_eq!(ran.code, 0, "{}", ran.said);
    ran
}

#[track_caller]
fn refused(hub: &Hub, who: &str, arguments: &[&str], why: &str) {
    let (benefits, parameters) = (text(hub, BENEFITS), text(hub, PARAMETERS));
    let ran = ran(hub, who, arguments);
    assert_eq!(ran.code, 1, "{}", ran.said);
    assert!(ran.said.contains(why), "{why}: {}", ran.said);
    assert_eq!((text(hub, BENEFITS), text(hub, PARAMETERS)), (benefits, parameters), "nothing is changed");
}

fn text(hub: &Hub, file: &str) -> String {
    std::fs::read_to_string(hub.dir.join(file)).unwrap()
}

fn path(hub: &Hub, name: &str) -> String {
    hub.home().join(name).display().to_string()
}

/// The catalogue as an export has it.
fn exported(hub: &Hub) -> Vec<Vec<String>> {
    let file = path(hub, "exported.csv");
    let _ = std::fs::remove_file(&file);
    done(hub, "anna", &["catalogue", "export", &file]);
    let bytes = std::fs::read(&file).unwrap();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).delimiter(b';').from_reader(&bytes[3..]);
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// Writes rows as a person's spreadsheet would, by the ending of the name.
fn sheet(hub: &Hub, name: &str, rows: &[Vec<String>]) -> String {
    let file = hub.home().join(name);
    match name.ends_with(".csv") {
        true => {
            let mut writer =
                csv::WriterBuilder::new().delimiter(b';').flexible(true).from_path(&file).unwrap();
            rows.iter().for_each(|row| writer.write_record(row).unwrap());
        }
        false => xlsx(&file, rows),
    }
    file.display().to_string()
}

fn xlsx(file: &Path, rows: &[Vec<String>]) {
    let mut book = Workbook::new();
    let page = book.add_worksheet();
    page.set_name("Ydelser").unwrap();
    for (n, row) in (0..).zip(rows) {
        for (column, cell) in (0..).zip(row) {
            page.write_string(n, column, cell).unwrap();
        }
    }
    book.save(file).unwrap();
}

fn set(rows: &mut [Vec<String>], code: &str, name: &str, value: &str) {
    let column = rows[0].iter().position(|head| head == name).unwrap();
    let row = rows.iter_mut().find(|row| row[0] == code).unwrap();
    row[column] = value.to_owned();
}

/// The files of the history, below it.
fn kept(hub: &Hub, folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(hub.dir.join("history").join(folder));
    entries.into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

const NAMES: [&str; 2] = ["benefits.csv", "benefits.xlsx"];

#[test]
fn what_is_exported_is_loaded_again_and_nothing_is_another() {
    for name in NAMES {
        let hub = Hub::new();
        let (before, file) = (text(&hub, BENEFITS), path(&hub, name));
        done(&hub, "anna", &["catalogue", "export", &file]);
        refused(&hub, "anna", &["catalogue", "export", &file], "is there already");
        let loaded = done(&hub, "anna", &["catalogue", "load", &file, "--reason", "r"]);
        assert!(loaded.said.contains("nothing is another"), "{}", loaded.said);
        assert_eq!(text(&hub, BENEFITS), before);
        assert_eq!(kept(&hub, BENEFITS).len(), 0);
        done(&hub, "anna", &["catalogue", "check"]);
    }
}

#[test]
fn an_edited_spreadsheet_is_loaded_with_its_differences_and_its_history() {
    for name in NAMES {
        let hub = Hub::new();
        let before = text(&hub, BENEFITS);
        let mut rows = exported(&hub);
        set(&mut rows, "0201", "maximum_ore", "5000000");
        set(&mut rows, "0201", "payment_text", "Kontanthjælp");
        set(&mut rows, "0202", "valid_to", "2026-12-31");
        let mut fresh = rows.iter().find(|row| row[0] == "0202").unwrap().clone();
        (fresh[5], fresh[6]) = ("2027-01-01".to_owned(), String::new());
        fresh[12] = "a-income".to_owned();
        rows.push(fresh);
        let file = sheet(&hub, name, &rows);
        let load = ["catalogue", "load", &file, "--reason", "rates of 2027", "--json"];
        let planned = done(&hub, "anna", &[&load[..], &["--dry-run"]].concat());
        assert_eq!(text(&hub, BENEFITS), before, "a dry run changes nothing");
        assert!(kept(&hub, BENEFITS).is_empty());
        let loaded = done(&hub, "anna", &load);
        let changes = |ran: &Ran| {
            ran.values.iter().filter(|value| value["change"].is_object()).cloned().collect::<Vec<_>>()
        };
        assert_eq!(changes(&planned), changes(&loaded), "what was told is what is done");
        let first = &changes(&loaded)[0]["change"];
        assert_eq!(
            (&first["subject"], &first["field"], &first["was"], &first["becomes"]),
            (&"0201 from 2007-01-01".into(), &"maximum_ore".into(), &Value::Null, &"5000000".into())
        );
        assert_eq!(loaded.values.last().unwrap()["summary"]["rows"], 3);
        // The rest of the file stands as it stood.
        assert!(text(&hub, BENEFITS).contains("account_hint = \"5.57.71\" # not verified"));
        let shown = done(&hub, "anna", &["catalogue", "show", "0202", "--on", "2027-01-01", "--json"]);
        assert_eq!((&shown.values[0]["income"], shown.values.len()), (&"a-income".into(), 1));
        let shown = done(&hub, "anna", &["catalogue", "show", "0201"]);
        assert!(shown.said.contains("5000000") && shown.said.contains("Kontanthjælp"), "{}", shown.said);
        // Who, when, why, what, and the bytes before.
        let told = done(&hub, "anna", &["catalogue", "history", "0201"]).said;
        for part in
            ["change 1", "anna: rates of 2027", "2026-03-02T07:00:00Z", "maximum_ore: (none) -> 5000000"]
        {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(!told.contains("2027-01-01"), "of that benefit alone: {told}");
        let old = kept(&hub, "bytes");
        assert_eq!((old.len(), std::fs::read_to_string(&old[0]).unwrap()), (1, before.clone()));
        let logged = done(&hub, "anna", &["read-log", "--commands"]).said;
        assert!(logged.contains("catalogue load") && logged.contains("rates of 2027"), "{logged}");
        // The next start goes by it, and it is in a backup.
        done(&hub, "anna", &["catalogue", "check"]);
        hub.run("receive-payments", AT);
        let backup = path(&hub, "backup");
        done(&hub, "anna", &["backup", &backup]);
        assert!(Path::new(&backup).join("history/benefits.toml/000001.json").exists());
        // Back to what it was, which takes out what was added.
        let mut back = exported(&hub);
        set(&mut back, "0201", "maximum_ore", "");
        set(&mut back, "0201", "payment_text", "");
        set(&mut back, "0202", "valid_to", "");
        back.retain(|row| row[5] != "2027-01-01");
        let file = sheet(&hub, &format!("back-{name}"), &back);
        refused(&hub, "anna", &["catalogue", "load", &file, "--reason", "r"], "`--remove` takes out");
        done(&hub, "anna", &["catalogue", "load", &file, "--reason", "back", "--remove"]);
        assert_eq!(exported(&hub).len(), 14);
        assert_eq!(done(&hub, "anna", &["catalogue", "history", "--json"]).values.len(), 2);
    }
}

#[test]
fn every_wrong_cell_is_named_and_nothing_is_changed() {
    for name in NAMES {
        let hub = Hub::new();
        let mut rows = exported(&hub);
        set(&mut rows, "0101", "minimum_ore", "5,00");
        set(&mut rows, "0102", "valid_to", "31.12.2026");
        set(&mut rows, "0103", "maximum_ore", "500");
        let file = sheet(&hub, name, &rows);
        let load = ["catalogue", "load", &file, "--reason", "r"];
        let place = if name.ends_with(".xlsx") { "benefits.xlsx, sheet Ydelser" } else { "benefits.csv" };
        let amount = format!("{place}, row 2, column I (minimum_ore) is \"5,00\": must be an amount in øre");
        refused(&hub, "anna", &load, &amount);
        let day = format!("{place}, row 3, column G (valid_to) is \"31.12.2026\": must be a day that exists");
        refused(&hub, "anna", &load, &day);
        let told = ran(&hub, "anna", &[&load[..], &["--json", "--dry-run"]].concat());
        assert_eq!(told.values[0]["error"]["column"], "I");
        assert_eq!(told.values[1]["error"]["row"], 3);
        assert_eq!(told.values[2]["summary"]["errors"], 2);
        assert!(kept(&hub, BENEFITS).is_empty());
    }
}

#[test]
fn the_whole_installation_must_be_right_with_it() {
    for name in NAMES {
        let hub = Hub::new();
        let mut rows = exported(&hub);
        set(&mut rows, "0101", "bank_account", "other");
        let file = sheet(&hub, name, &rows);
        refused(&hub, "anna", &["catalogue", "load", &file, "--reason", "r"], "has no \"other\", from which");
        // A benefit that is to come, and no account for one of its roles on its first day.
        let accounts = text(&hub, "accounts.toml");
        let ends = accounts.replace("role = \"MELLEM\"", "role = \"MELLEM\"\nvalid_to = 2026-06-30");
        std::fs::write(hub.dir.join("accounts.toml"), &ends).unwrap();
        let mut rows = exported(&hub);
        let mut fresh = rows[1].clone();
        (fresh[0], fresh[5]) = ("0199".to_owned(), "2026-09-01".to_owned());
        rows.push(fresh);
        let file = sheet(&hub, name, &rows);
        let why = "benefit 0199 from 2026-09-01: accounts.toml has no account for MELLEM on 2026-09-01, for municipalities 0461, 0630, 0751";
        refused(&hub, "anna", &["catalogue", "load", &file, "--reason", "r"], why);
        refused(
            &hub,
            "anna",
            &["catalogue", "check"],
            "benefit 0101 from 2007-01-01: accounts.toml has no account for MELLEM on 2026-07-01",
        );
        let named = accounts
            + "\n[[account]]\nrole = \"BANK\"\nbenefit = \"0999\"\nmunicipality = \"0101\"\nvalid_from = 2026-01-01\n\
            [account.dimensions]\nfunktion = \"00000000-0000-4000-8000-000000000001\"\n\
            dranst = \"00000000-0000-4000-8000-000000000002\"\nart = \"00000000-0000-4000-8000-000000000003\"\n";
        std::fs::write(hub.dir.join("accounts.toml"), named).unwrap();
        refused(&hub, "anna", &["catalogue", "check"], "names 0999, which is no benefit");
        refused(&hub, "anna", &["catalogue", "check"], "names municipality 0101, which is not among them");
    }
}

#[test]
fn a_catalogue_with_a_gap_is_shown_by_check() {
    let hub = Hub::new();
    let text = text(&hub, BENEFITS);
    let row = "\n[[benefit]]\ncode = \"0902\"\nnemkonto_ydelsesart = \"00902\"\nname = \"N\"\nsource_system = \"all\"\n\
               valid_from = 2027-02-01\nbank_account = \"main\"\n";
    let ended = text.trim_end().to_owned() + "\nvalid_to = 2026-12-31\n" + row;
    std::fs::write(hub.dir.join(BENEFITS), ended).unwrap();
    refused(&hub, "anna", &["catalogue", "check"], "leaves a gap after the row of 0902");
}

#[test]
fn a_parameter_is_set_from_a_day_on_for_one_or_for_all() {
    let hub = Hub::new();
    let cutoff = |who: &[&str]| {
        let listed = done(&hub, "anna", &[&["parameters", "list", "--json"], who].concat());
        let row = listed.values.iter().find(|value| value["name"] == "hard_cutoff").unwrap();
        format!("{} {} {}", row["value"], row["level"], row["from"])
    };
    let set = ["parameters", "set", "hard_cutoff", "15:30", "--from", "2026-04-01", "--reason", "the bank"];
    let planned = done(&hub, "anna", &[&set[..], &["--dry-run"]].concat());
    assert!(planned.said.contains("hard_cutoff: \"16:00\" -> \"15:30\""), "{}", planned.said);
    assert!(kept(&hub, PARAMETERS).is_empty());
    done(&hub, "anna", &set);
    let own = ["--municipality", "0751"];
    done(
        &hub,
        "anna",
        &[
            "parameters",
            "set",
            "hard_cutoff",
            "14:00",
            "--municipality",
            "0751",
            "--from",
            "2026-05-01",
            "--reason",
            "theirs",
        ],
    );
    for (arguments, expected) in [
        (&["--on", "2026-03-31"][..], "\"16:00\" \"default\" null"),
        (&["--on", "2026-04-01"], "\"15:30\" \"central\" \"2026-04-01\""),
        (&[own[0], own[1], "--on", "2026-04-30"], "\"15:30\" \"central\" \"2026-04-01\""),
        (&[own[0], own[1], "--on", "2026-05-01"], "\"14:00\" \"0751\" \"2026-05-01\""),
        (&[], "\"16:00\" \"default\" null"),
    ] {
        assert_eq!(cutoff(arguments), expected, "{arguments:?}");
    }
    let shown = done(&hub, "anna", &["parameters", "show", "hard_cutoff"]).said;
    assert!(shown.contains("takes a time of day") && shown.contains("14:00 0751 from 2026-05-01"), "{shown}");
    let told = done(&hub, "anna", &["parameters", "history", "hard_cutoff"]).said;
    for part in ["change 1", "anna: the bank", "change 2", "0751 from 2026-05-01", "\"15:30\" -> \"14:00\""] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(done(&hub, "anna", &["parameters", "history", "assume_paid"]).said, "");
    hub.run("receive-payments", AT);
    let logged = done(&hub, "anna", &["read-log", "--commands"]).said;
    assert!(logged.contains("parameters set") && logged.contains("hard_cutoff = 14:00 0751"), "{logged}");
    let set = |name, value, more: &[&'static str]| {
        [&["parameters", "set", name, value, "--from", "2026-06-01", "--reason", "r"], more].concat()
    };
    for (arguments, why) in [
        (set("hard_cutof", "15:00", &[]), "`hard_cutof` is no parameter"),
        (set("hard_cutoff", "25:00", &[]), "`hard_cutoff` is 25:00: must be a time of day"),
        (set("bundle_limit", "0", &[]), "must be a whole number from 1 to 10000"),
        (set("hard_cutoff", "15:30", &[]), "is set to that from that day on already"),
        (set("bundle_limit", "5", &["--municipality", "0101"]), "must be a municipality of"),
        (set("ordinary_send_time", "12:34", &[]), "must run at 12:34"),
        (set("hard_cutoff", "12:00", &[]), "puts `ordinary_send_time` after `hard_cutoff`"),
    ] {
        refused(&hub, "anna", &arguments, why);
    }
    refused(
        &hub,
        "anna",
        &["parameters", "set", "bundle_limit", "5", "--from", "2026-06-01", "--reason", " "],
        "`--reason` must say why",
    );
    assert_eq!(kept(&hub, PARAMETERS).len(), 2);
}

#[test]
fn every_parameter_of_the_table_is_kept_by_the_same_commands() {
    let hub = Hub::new();
    let listed = done(&hub, "anna", &["parameters", "list", "--json"]).values;
    assert!(listed.len() >= 16);
    for row in listed {
        let (name, value) = (hub::text(&row["name"]), hub::text(&row["value"]));
        let shown = done(&hub, "anna", &["parameters", "show", &name, "--json"]);
        assert_eq!(shown.values[0]["default"], row["value"]);
        let set = ["parameters", "set", &name, &value, "--from", "2026-04-01", "--reason", "r", "--dry-run"];
        assert!(done(&hub, "anna", &set).said.contains(&name));
    }
}

#[test]
fn what_takes_two_takes_two_accounts() {
    let hub = Hub::new();
    let set = ["parameters", "set", "assume_paid", "true", "--from", "2026-04-01", "--reason", "case 17"];
    let planned = done(&hub, "anna", &[&set[..], &["--dry-run"]].concat());
    assert!(planned.said.contains("another account must approve it; nothing is written"), "{}", planned.said);
    let before = text(&hub, PARAMETERS);
    let proposed = done(&hub, "anna", &set);
    assert!(proposed.said.contains("proposal 1 of anna: assume_paid = true central"), "{}", proposed.said);
    assert_eq!(text(&hub, PARAMETERS), before, "a proposal changes nothing");
    assert!(done(&hub, "bo", &["parameters", "list"]).said.contains("proposal 1 of anna"));
    let approve = |number| ["parameters", "approve", number, "--reason", "seen"];
    refused(&hub, "anna", &approve("1"), "another account must approve");
    refused(&hub, "bo", &approve("2"), "no proposal 2 waits");
    let planned = done(&hub, "bo", &[&approve("1")[..], &["--dry-run"]].concat());
    assert!(planned.said.contains("assume_paid: false -> true"), "{}", planned.said);
    done(&hub, "bo", &approve("1"));
    let value = |day| {
        let listed = done(&hub, "bo", &["parameters", "list", "--json", "--on", day]).values;
        listed.iter().find(|value| value["name"] == "assume_paid").unwrap()["value"].clone()
    };
    assert_eq!((value("2026-03-31"), value("2026-04-01")), ("false".into(), "true".into()));
    refused(&hub, "cleo", &approve("1"), "no proposal 1 waits");
    let told = done(&hub, "bo", &["parameters", "history", "assume_paid"]).said;
    assert!(told.contains("anna: case 17; approved by bo: seen"), "{told}");
    assert!(!done(&hub, "bo", &["parameters", "list"]).said.contains("proposal 1"));
    let logged = done(&hub, "anna", &["read-log", "--commands"]).said;
    assert!(logged.contains("parameters approve"), "{logged}");
}

#[test]
fn who_may_not_changes_nothing() {
    let hub = Hub::new();
    let users = "[[user]]\naccount = \"anna\"\nroles = [\"operator\"]\nmunicipalities = [\"0751\"]\n\
                 [[user]]\naccount = \"bo\"\nroles = [\"clerk\", \"approver\"]\n\
                 [[user]]\naccount = \"cleo\"\nroles = [\"operator\"]\n";
    std::fs::write(hub.dir.join("users.toml"), users).unwrap();
    let mut rows = exported(&hub);
    set(&mut rows, "0101", "minimum_ore", "500");
    let file = sheet(&hub, "b.csv", &rows);
    let load = ["catalogue", "load", &file, "--reason", "r"];
    refused(&hub, "anna", &load, "this is for all of them");
    refused(&hub, "bo", &load, "role `operator`");
    refused(&hub, "eve", &load, "eve is not in users.toml");
    let set = |more: &[&'static str]| {
        [&["parameters", "set", "assume_paid", "true", "--from", "2026-04-01", "--reason", "r"], more]
            .concat()
    };
    refused(&hub, "anna", &set(&[]), "this is for all of them");
    refused(&hub, "anna", &set(&["--municipality", "0461"]), "municipality 0461");
    done(&hub, "anna", &set(&["--municipality", "0751"]));
    refused(&hub, "cleo", &["parameters", "approve", "1", "--reason", "r"], "role `approver`");
    done(&hub, "bo", &["parameters", "approve", "1", "--reason", "r"]);
    done(&hub, "cleo", &load);
}

#[test]
fn while_another_is_at_work_nothing_is_changed() {
    let hub = Hub::new();
    let mut rows = exported(&hub);
    set(&mut rows, "0101", "minimum_ore", "500");
    let file = sheet(&hub, "b.xlsx", &rows);
    let held = std::fs::File::create(hub.dir.join("lock")).unwrap();
    held.try_lock().unwrap();
    let load = ["catalogue", "load", &file, "--reason", "r"];
    refused(&hub, "anna", &load, "a running `serve` must be stopped first");
    let set = ["parameters", "set", "bundle_limit", "5", "--from", "2026-04-01", "--reason", "r"];
    refused(&hub, "anna", &set, "a running `serve` must be stopped first");
    done(&hub, "anna", &[&load[..], &["--dry-run"]].concat());
    drop(held);
    done(&hub, "anna", &load);
}

#[test]
fn an_edit_by_hand_is_seen_in_the_history() {
    let hub = Hub::new();
    let set = |value| ["parameters", "set", "bundle_limit", value, "--from", "2026-04-01", "--reason", "r"];
    done(&hub, "anna", &set("5"));
    hub.change(PARAMETERS, "bundle_limit = 5\n", "bundle_limit = 6\n");
    let told = done(&hub, "anna", &["parameters", "history", "bundle_limit"]).said;
    assert!(told.contains("another hand changed the file afterwards"), "{told}");
    done(&hub, "anna", &set("7"));
    let told = done(&hub, "anna", &["parameters", "history", "bundle_limit"]).said;
    assert!(told.contains("bundle_limit: 6 -> 7"), "{told}");
}
