//! A store that an earlier release made opens: it is brought up to date, verifies, and what was half done is finished with
//! the totals that the release itself would have come to. The stores stand in `fixtures/stores`; its README tells how a
//! release adds its own.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test stops at the first surprise, and makes files as a person would"
)]

mod hub;

use std::path::{Path, PathBuf};
use std::time::Duration;

use hub::{Delivery, Hub, MONDAY, Obstacle, put, said, text};
use jiff::civil::datetime;
use serde_json::{Value, json};
use toek::generator::faults::{Effect, Fault};
use toek::generator::{ErrorMix, Plan, Share, plan};
use toek::partners::answers::{self, GroupStatus, Kind, Listed, Stamp};
use toek::partners::bundle::{Bundle, Reason};
use toek::partners::script::{AmountForm, Parties};
use toek::store::Store;
use toek_formats::vocabulary::MunicipalityCode;

/// When bundles for Friday leave.
const WEDNESDAY: &str = "2026-03-04T13:00:00Z";
/// When the half-done work is finished, before the last moment of any bundle.
const LATER: &str = "2026-03-04T15:00:00Z";
/// The pipelines in an order in which each finds what those before it made.
const PIPELINES: [&str; 6] = [
    "receive-payments",
    "send-bundles",
    "receive-answers",
    "send-vouchers",
    "receive-receipts",
    "receive-voucher-answers",
];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/stores")
}

/// The names of the releases whose stores are kept.
fn releases() -> Vec<String> {
    let names = hub::package::files(&fixtures()).into_iter().filter_map(|(path, _)| {
        let is_store = path.extension().is_some_and(|extension| extension == "bin");
        is_store.then(|| path.file_stem().unwrap().to_str().unwrap().to_owned())
    });
    names.collect()
}

fn unpacked(release: &str) -> Hub {
    Hub::unpacked(&fixtures().join(format!("{release}.bin")))
}

fn told(release: &str) -> Value {
    serde_json::from_slice(&std::fs::read(fixtures().join(format!("{release}.json"))).unwrap()).unwrap()
}

/// What must be the same whichever build tells it.
fn totals(hub: &Hub) -> Value {
    let status = hub.status();
    let output = hub.toek(&["balance", "--json"]);
    assert!(output.status.success(), "{}", said(&output));
    let balance: Vec<&str> = std::str::from_utf8(&output.stdout).unwrap().lines().collect();
    let list = |what: &str, line: fn(&Value) -> String| {
        let mut lines: Vec<String> = status[what].as_array().unwrap().iter().map(line).collect();
        lines.sort();
        lines
    };
    json!({
        "outcomes": status["outcomes"],
        "balance": balance,
        "files": list("transfers", |t| format!("{} {} {}", text(&t["file"]), text(&t["state"]), t["records"])),
        "bundles": list("bundles", |b| {
            format!("{} {} {} {}", text(&b["group_id"]), text(&b["day"]), b["payments"], text(&b["state"]))
        }),
    })
}

/// Runs every pipeline that the installation has, twice: the second time nothing may fail.
fn finish(hub: &Hub) {
    let main = std::fs::read_to_string(hub.dir.join("toek.toml")).unwrap();
    for round in 0..2 {
        for pipeline in PIPELINES.iter().filter(|pipeline| main.contains(&format!("schedules/{pipeline}."))) {
            let output = hub.toek(&["--at", LATER, "run", pipeline]);
            // A file that is finished and still lies in its drop is met twice by the first run of some releases.
            assert!(output.status.success() || round == 0, "{}", said(&output));
        }
    }
}

#[test]
fn a_store_of_every_release_opens_and_is_finished() {
    let releases = releases();
    assert!(releases.len() >= 4, "{releases:?}");
    for release in releases {
        let (hub, told) = (unpacked(&release), told(&release));
        let store = hub.dir.join("store/toek.db");
        let looked_at = hub.toek(&["status"]);
        drop(Store::open(&store).unwrap()); // what the first command that changes anything does
        if !looked_at.status.success() {
            assert!(said(&looked_at).contains("brings it up to date"), "{release}: {}", said(&looked_at));
        }
        hub.clean();
        assert_eq!(totals(&hub), told["at_rest"], "{release}, as it was made");
        for subject in ["P1-1", "P1-2", "1.g68", "cut.g68", "T0751-20260304-000001"] {
            let traced = hub.toek(&["trace", subject]);
            assert!(traced.status.success(), "{release}, {subject}: {}", said(&traced));
        }
        finish(&hub);
        hub.clean();
        assert_eq!(totals(&hub), told["finished"], "{release}, finished");
        let left: i64 = hub
            .sql()
            .query_row("select count(*) from transfer where state in (1, 2)", [], |row| row.get(0))
            .unwrap();
        assert_eq!(left, 0, "{release}: nothing is half done");
        drop(Store::open(&store).unwrap());
        hub.clean();
    }
}

#[test]
fn the_stores_hold_what_is_half_done() {
    for release in releases() {
        let at_rest = told(&release)["at_rest"].clone();
        let lines =
            |what: &str| at_rest[what].as_array().unwrap().iter().map(text).collect::<Vec<_>>().join("\n");
        let (files, bundles) = (lines("files"), lines("bundles"));
        for state in ["accepted", "receiving", "quarantined", "rejected", "ignored"] {
            assert!(files.contains(&format!(" {state} ")), "{release}: {state}\n{files}");
        }
        for state in ["numbered", "archived", "committing", "landed", "received", "accepted"] {
            assert!(bundles.contains(&format!(" {state}")), "{release}: {state}\n{bundles}");
        }
    }
}

#[test]
fn a_build_that_refuses_older_stores_is_noticed() {
    let mut refused = 0;
    for release in releases() {
        let hub = unpacked(&release);
        let is_older = !hub.toek(&["status"]).status.success();
        let mut command = hub.command(&["--at", LATER, "run", "receive-payments"]);
        let output = command.env("TOEK_CANARY", "refused-older").output().unwrap();
        let is_refused = !output.status.success();
        assert_eq!(is_refused, is_older, "{release}: the deliberate defect went unnoticed");
        refused += u32::from(is_refused);
    }
    assert!(refused >= 4);
}

/// Adds this build's own store: `TOEK_RELEASE=v5 cargo test --test releases -- --ignored write`.
#[test]
#[ignore = "writes fixtures/stores"]
fn write_the_store_of_this_release() {
    let release = std::env::var("TOEK_RELEASE").expect("TOEK_RELEASE names the release");
    let path = fixtures().join(format!("{release}.bin"));
    assert!(!path.exists(), "{release} is there already, and a store of a release is never changed");
    let hub = made();
    let at_rest = totals(&hub);
    hub::package::pack(&hub.dir, &path);
    finish(&hub);
    let told = json!({ "at_rest": at_rest, "finished": totals(&hub) });
    let json = format!("{}\n", serde_json::to_string_pretty(&told).unwrap());
    std::fs::write(path.with_extension("json"), json).unwrap();
}

/// Something of everything, and much of it half done.
fn made() -> Hub {
    let hub = Hub::new();
    hub.set("bundle_limit = 6");
    let put_in = |name: &str, bytes: &[u8]| put(&hub.drop().join(name), bytes, 1_770_000_000);
    let deliver = |name: &str, seed, municipality, immediate| {
        put_in(name, &Delivery { seed, municipality, payments: 8, immediate }.bytes());
    };
    put_in("1.g68", &faulty());
    put_in("again.g68", &faulty());
    deliver("2.g68", 2, 630, false);
    deliver("3.g68", 3, 751, false);
    let cut = &Delivery::new(4).bytes()[..4_000];
    put_in("cut.g68", cut);
    put_in("refused.g68", &cut[..3_000]);
    hub.run("receive-payments", MONDAY);
    put(&hub.drop().join("1.g68"), &faulty(), 1_770_000_001);
    hub.run("receive-payments", MONDAY);
    let reject = ["quarantine", "reject", &hub.number("refused.g68"), "--reason", "it comes again"];
    let output = hub.toek(&reject);
    assert!(output.status.success(), "{}", said(&output));
    serve_and_be_killed(&hub);

    // Of 461's bundles the first gets away, the second no further than the archive, the third not past its last step;
    // 630's do not get so far as the archive. 751's are answered.
    let upload = Obstacle::at(hub.inbox().join(".T0461-20260304-000002.xml.part"));
    let commit = Obstacle::at(hub.inbox().join("T0461-20260304-000003.xml"));
    let no_archive = trigger(&hub, "no_archive", "insert on transfer when new.name like 'T0630%'");
    hub.run_with_failures("send-bundles", WEDNESDAY);
    answer(&hub);
    if hub.dir.join("accounts.toml").exists() {
        hub.run("send-vouchers", WEDNESDAY);
    }
    // One file is stored and not accepted, another only archived; one answer is matched and not booked.
    let no_acceptance =
        trigger(&hub, "no_acceptance", "update of accepted_at on transfer when new.accepted_at is not null");
    deliver("5.g68", 5, 751, true);
    hub.run_with_failures("receive-payments", "2026-03-04T13:30:00Z");
    hub.run_with_failures("receive-answers", "2026-03-04T13:30:00Z");
    no_acceptance(&hub);
    let no_payment = trigger(&hub, "no_payment", "insert on payment when new.municipality = 630");
    let no_end = trigger(&hub, "no_end", "update of accepted_at on transfer when new.name = '5.g68'");
    deliver("6.g68", 6, 630, true);
    hub.run_with_failures("receive-payments", "2026-03-04T13:40:00Z");
    for remove in [no_payment, no_end, no_archive] {
        remove(&hub);
    }
    upload.clear();
    commit.clear();
    hub
}

/// Lets a kind of write fail, as a full disk would, until what is given back is called.
fn trigger(hub: &Hub, name: &'static str, what: &str) -> Box<dyn Fn(&Hub)> {
    let sql = format!("create trigger {name} before {what} begin select raise(abort, 'on purpose'); end");
    hub.sql().execute_batch(&sql).unwrap();
    Box::new(move |hub| hub.sql().execute_batch(&format!("drop trigger {name}")).unwrap())
}

/// A file with a record for each of many mistakes.
fn faulty() -> Vec<u8> {
    let script = toek::partners::script::Script::load("seed = 1", "script").unwrap();
    let bank_days = toek::domain::calendar::BankDays::new(&[]);
    let (held, refused): (Vec<Fault>, Vec<Fault>) =
        Fault::ALL.iter().partition(|fault| matches!(fault.effect(), Effect::Held(_)));
    let faults = held.into_iter().chain(refused.into_iter().take(10));
    let errors =
        ErrorMix { files: Vec::new(), records: faults.map(|fault| (fault, Share::Count(1))).collect() };
    let plan_of = Plan {
        municipalities: vec![MunicipalityCode(461)],
        immediate_per_mille: 0,
        bank_days_ahead: vec![4],
        errors,
        ..Plan::new(90, 1, jiff::civil::date(2026, 3, 2))
    };
    let is_bank_day = |day| bank_days.is_bank_day(day);
    let generator = plan(&plan_of, &script, &is_bank_day).unwrap();
    let mut bytes = Vec::new();
    generator.write_file(generator.files()[0], &mut bytes, &mut std::io::sink()).unwrap();
    bytes
}

/// NemKonto has received a bundle, has accepted two, has paid some of one and sent one back; and has said more that is
/// not taken in yet.
fn answer(hub: &Hub) {
    let bundle = |group: &str| {
        Bundle::read(&std::fs::read(hub.inbox().join(format!("{group}.xml"))).unwrap()).unwrap()
    };
    let stamp =
        |number| Stamp { number, created: datetime(2026, 3, 4, 14, 10, 0, 0), amounts: AmountForm::Decimal2 };
    let put = |name: &str, bytes: Vec<u8>| std::fs::write(hub.outbox().join(name), bytes).unwrap();
    let (first, second, other) =
        (bundle("T0751-20260304-000001"), bundle("T0751-20260304-000002"), bundle("T0461-20260304-000001"));
    put("r1.xml", answers::receipt1(&Parties::default(), &other.group_id, stamp(1), None));
    put("2a.xml", answers::answer2(&first, stamp(2), GroupStatus::Accepted, None, &[]));
    let refusal = Reason::new("0004", "Ukendt");
    let listed = |place: usize, accepted: bool| {
        let payment = first.payments().nth(place).unwrap();
        let reason = (!accepted).then_some(&refusal);
        Listed {
            payment,
            accepted,
            code: reason.map(|reason| reason.code.as_str()),
            text: reason.map(|reason| reason.text.as_str()),
            account: accepted.then(|| "99970000000001".to_owned()),
            amount_ore: payment.amount_ore,
        }
    };
    let parts = [(&first.debits[0], vec![listed(0, true), listed(1, true), listed(2, true)])];
    put("8.xml", answers::list(Kind::Answer8, None, &first, &first.group_id, stamp(3), &parts));
    hub.run("receive-answers", "2026-03-04T13:20:00Z");
    put("2b.xml", answers::answer2(&second, stamp(4), GroupStatus::Accepted, None, &[]));
    let parts = [(&first.debits[0], vec![listed(1, false)])];
    put("9.xml", answers::list(Kind::Answer9, None, &first, &first.group_id, stamp(5), &parts));
}

/// Leaves times of the schedule begun and not finished, where this build has a schedule.
fn serve_and_be_killed(hub: &Hub) {
    let has_schedule = hub.sql().prepare("select 1 from schedule_window").is_ok();
    if !has_schedule {
        return;
    }
    let no_end = trigger(hub, "no_end", "update of finished_at on schedule_window");
    let mut serve =
        hub.command(&["--at", MONDAY, "serve", "--until-idle", "--before", "2026-03-02T08:30:00Z"]);
    let mut running =
        serve.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    for _ in 0..100 {
        if running.try_wait().unwrap().is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let _ = running.kill();
    running.wait().unwrap();
    no_end(hub);
}
