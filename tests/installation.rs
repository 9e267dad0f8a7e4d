//! What an installation's own files say is what counts, for whom they say it; and looking at it needs no right to change
//! it. A named case per finding.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and makes files as a person would"
)]

mod hub;

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

use hub::{Delivery, Hub, MONDAY, NAME, file, put, said};

/// One file with the records of several.
fn together(files: &[Vec<u8>]) -> Vec<u8> {
    let of = |bytes: &Vec<u8>| bytes.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let head = of(&files[0])[0].clone();
    let records = files.iter().flat_map(|file| {
        let lines = of(file);
        lines[1..lines.len() - 1].to_vec()
    });
    let mut bytes = head;
    let mut count = 0;
    for mut record in records {
        count += 1;
        record[6..11].copy_from_slice(format!("{count:05}").as_bytes()); // LINJENR
        bytes.extend(record);
    }
    bytes.extend(format!("SLUTD{count:05}\r\n").bytes());
    bytes
}

/// The same payments asked for again, under other references.
fn again(bytes: &[u8], letter: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for record in bytes.split_inclusive_mut(|b| *b == b'\n').filter(|line| line.len() > 800) {
        record[102] = b'7'; // POSTHENV
        record[270] = letter; // TRANSREF
    }
    bytes
}

fn of(municipality: u16) -> Vec<u8> {
    Delivery { municipality, ..Delivery::new(1) }.bytes()
}

/// An installation that takes files of several municipalities, one of which has parameters of its own.
fn with_own(parameters: &str) -> Hub {
    let hub = Hub::new();
    hub.change("schedules/receive-payments.toml", "multi_municipality = false", "multi_municipality = true");
    let path = hub.dir.join("parameters.toml");
    let before = std::fs::read_to_string(&path).unwrap();
    let row = format!("{before}\n[[municipality]]\ncode = \"0461\"\nvalid_from = 2020-01-01\n{parameters}\n");
    std::fs::write(&path, row).unwrap();
    hub
}

/// Takes a file in, and gives the payments in it that are held, by municipality.
fn held(hub: &Hub, name: &str, bytes: &[u8], at: &str) -> Vec<(String, usize)> {
    put(&hub.drop().join(name), bytes, 1_770_000_000);
    hub.run("receive-payments", at);
    let records = hub.records(name);
    assert!(records.iter().all(|r| r["outcome"] == "waiting" || r["outcome"] == "held"), "{records:?}");
    let held = |municipality: &str| {
        records.iter().filter(|r| r["outcome"] == "held" && r["municipality"] == municipality).count()
    };
    ["0461", "0751"].map(|code| (code.to_owned(), held(code))).to_vec()
}

#[test]
fn how_far_back_a_like_payment_counts_is_each_municipalitys_own() {
    for order in [[461, 751], [751, 461]] {
        let hub = with_own("duplicate_days = 2");
        let bytes = together(&order.map(of));
        let none = [("0461".to_owned(), 0), ("0751".to_owned(), 0)];
        assert_eq!(held(&hub, "1.g68", &bytes, MONDAY), none);
        let again = again(&bytes, b'z');
        let expected = [("0461".to_owned(), 0), ("0751".to_owned(), 10)];
        assert_eq!(held(&hub, "2.g68", &again, "2026-03-05T07:00:00Z"), expected, "{order:?}");
        hub.clean();
    }
}

#[test]
fn a_municipality_may_turn_the_look_for_like_payments_off() {
    let hub = with_own("duplicate_days = 0");
    let twice = |municipality| together(&[of(municipality), again(&of(municipality), b'z')]);
    let bytes = together(&[twice(461), twice(751)]);
    let expected = [("0461".to_owned(), 0), ("0751".to_owned(), 10)];
    assert_eq!(held(&hub, "1.g68", &bytes, MONDAY), expected, "within a file");
    let third = together(&[again(&of(461), b'y'), again(&of(751), b'y')]);
    assert_eq!(held(&hub, "2.g68", &third, MONDAY), expected, "and on the same day");
    hub.clean();
}

#[test]
fn how_many_payments_a_voucher_covers_is_each_municipalitys_own() {
    for order in [[461, 751], [751, 461]] {
        let hub = with_own("voucher_limit = 3");
        put(&hub.drop().join(NAME), &together(&order.map(of)), 1_770_000_000);
        hub.run("receive-payments", MONDAY);
        let store = hub.sql();
        let count = |municipality: u16| -> i64 {
            let sql = "select count(*) from voucher where municipality = ?1";
            store.query_row(sql, [municipality], |row| row.get(0)).unwrap()
        };
        assert_eq!((count(461), count(751)), (4, 1), "{order:?}");
        hub.clean();
    }
}

#[test]
fn a_file_is_told_of_by_the_rules_of_its_own_pipeline() {
    let hub = Hub::new();
    let folder = hub.dir.join("schedules");
    std::fs::copy(folder.join("receive-payments.toml"), folder.join("receive-other.toml")).unwrap();
    hub.change(
        "toek.toml",
        "    \"schedules/send-b",
        "    \"schedules/receive-other.toml\",\n    \"schedules/send-b",
    );
    for (from, to) in [
        ("\"receive-payments\"\nkind", "\"receive-other\"\nkind"),
        ("*.g68", "*.other"),
        ("multi_municipality = false", "multi_municipality = true"),
    ] {
        hub.change("schedules/receive-other.toml", from, to);
    }
    put(&hub.drop().join("1.other"), &together(&[of(461), of(751)]), 1_770_000_000);
    hub.run("receive-other", MONDAY);
    let records = hub.records("1.other");
    assert_eq!(records.len(), 20);
    assert!(
        records.iter().all(|r| r["outcome"] == "waiting" && !r["transaction_ref"].is_null()),
        "{records:?}"
    );
    assert_eq!(hub.state_of("P1-20"), "waiting");
}

#[test]
fn a_file_with_more_records_than_its_pipeline_allows_waits_for_a_person() {
    for (limit, state) in [(9, "quarantined"), (10, "accepted")] {
        let hub = Hub::new();
        let allowed = format!("max_records = {limit}");
        hub.change("schedules/receive-payments.toml", "max_records = 99999", &allowed);
        put(&hub.drop().join(NAME), &file(1), 1_770_000_000);
        hub.run("receive-payments", MONDAY);
        assert_eq!(hub.states(NAME), [state], "{allowed}");
    }
}

/// Makes a copy of an installation in which nobody may write.
fn read_only_copy(hub: &Hub, but: &[&str]) -> std::path::PathBuf {
    let copy = hub.home().join("copy");
    let copied = Command::new("cp").arg("-r").arg(&hub.dir).arg(&copy).status().unwrap();
    assert!(copied.success());
    for file in but {
        std::fs::remove_file(copy.join("store").join(file)).unwrap();
    }
    std::fs::set_permissions(hub.home(), PermissionsExt::from_mode(0o755)).unwrap();
    let closed = Command::new("chmod").args(["-R", "a-w,a+rX"]).arg(&copy).status().unwrap();
    assert!(closed.success());
    copy
}

/// Runs a command on it. The administrator may write everywhere, so for him somebody else does.
fn look(copy: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_toek"));
    command.arg("--quiet").arg("--dir").arg(copy).args(arguments);
    if std::fs::metadata(copy).unwrap().uid() == 0 {
        command.uid(65_534).gid(65_534);
    }
    command.output().unwrap()
}

/// So that it can be cleared away.
fn reopen(copy: &Path) {
    assert!(Command::new("chmod").args(["-R", "u+w"]).arg(copy).status().unwrap().success());
}

#[test]
fn an_installation_can_be_looked_at_without_the_right_to_write() {
    let hub = Hub::new();
    put(&hub.drop().join(NAME), &file(1), 1_770_000_000);
    hub.run("receive-payments", MONDAY);
    let copy = read_only_copy(&hub, &[]);
    for arguments in [&["status", "--json"][..], &["verify"], &["balance"]] {
        let there = look(&copy, arguments);
        assert!(there.status.success(), "{arguments:?}: {}", said(&there));
        assert_eq!(there.stdout, hub.toek(arguments).stdout, "{arguments:?}");
    }
    assert_eq!(look(&copy, &["run", "receive-payments"]).status.code(), Some(1));
    let traced = look(&copy, &["trace", "P1-1"]);
    assert!(traced.stdout.is_empty(), "who looks at a person's payment must be noted, and cannot be");
    assert!(said(&traced).contains("cannot be noted in the read log"), "{}", said(&traced));
    reopen(&copy);
}

#[test]
fn what_is_only_in_the_log_is_shown_or_missed_in_words_never_in_silence() {
    for without in [&[][..], &["toek.db-shm"]] {
        let hub = Hub::new();
        hub.run("receive-payments", MONDAY);
        // While somebody reads, the log of the last run is not folded back when it ends.
        let reader = hub.sql();
        reader.query_row("select count(*) from transfer", [], |row| row.get::<_, i64>(0)).unwrap();
        put(&hub.drop().join(NAME), &file(1), 1_770_000_000);
        hub.run("receive-payments", MONDAY);
        let copy = read_only_copy(&hub, without);
        let there = look(&copy, &["status", "--json"]);
        assert_eq!(there.status.success(), without.is_empty(), "{}", said(&there));
        if without.is_empty() {
            assert_eq!(there.stdout, hub.toek(&["status", "--json"]).stdout);
        } else {
            let said = said(&there);
            assert!(said.contains("toek.db-wal") && said.contains("copy the folder"), "{said}");
        }
        reopen(&copy);
    }
}

#[test]
fn a_file_is_validated_by_the_installations_clock() {
    let hub = Hub::new();
    let path = hub.home().join(NAME);
    std::fs::write(&path, file(1)).unwrap();
    let path = path.to_str().unwrap();
    let code = |arguments: &[&str]| hub.toek(&[&["validate", path], arguments].concat()).status.code();
    hub.run("receive-payments", MONDAY);
    assert_eq!(code(&[]), Some(0));
    hub.run("receive-payments", "2026-05-04T07:00:00Z");
    assert_eq!(code(&[]), Some(1), "its payments are for a day long past");
    assert_eq!(code(&["--received", "2026-03-02"]), Some(0));
    assert_eq!(code(&["--at", MONDAY]), Some(0));
    let told = said(&hub.toek(&["validate", path, "--json"]));
    assert!(told.contains("G68-K05"), "{told}");
}
