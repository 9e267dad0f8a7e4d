//! What is sent again has the same bytes, also by a later build: bundles and voucher files that an earlier build numbered
//! are written by this one, and compared with what stands beside them in `fixtures/golden`.
//!
//! A difference here means that a resend after an upgrade would say something else than what was numbered. If the format
//! must change, what is numbered already must keep its old form: freeze what decides it with the row.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test stops at the first surprise, and makes files as a person would"
)]

mod hub;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hub::{Delivery, Hub, MONDAY, Obstacle, put, said};
use jiff::civil::datetime;
use toek::partners::answers::{self, GroupStatus, Kind, Listed, Stamp};
use toek::partners::bundle::{Bundle, Reason};
use toek::partners::script::AmountForm;

/// When bundles for Friday leave.
const WEDNESDAY: &str = "2026-03-04T13:00:00Z";
/// Later, before the last moment of any of them.
const THURSDAY: &str = "2026-03-05T10:00:00Z";
const SATURDAY: &str = "2026-03-07T08:00:00Z";
const NEXT_WEEK: &str = "2026-03-09T08:00:00Z";

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/golden")
}

fn golden() -> Hub {
    Hub::unpacked(&fixtures().join("installation.bin"))
}

fn out(hub: &Hub) -> PathBuf {
    hub.dir.join("endpoints/serviceplatformen/OUT")
}

/// Everything the counterparties see, by name.
fn sent(hub: &Hub) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for dir in [hub.inbox(), out(hub)] {
        for entry in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap()) {
            let name = entry.file_name().into_string().unwrap();
            if entry.file_type().unwrap().is_file() && !name.starts_with('.') {
                all.insert(name, std::fs::read(entry.path()).unwrap());
            }
        }
    }
    all
}

fn expected() -> BTreeMap<String, Vec<u8>> {
    hub::package::files(&fixtures().join("expected"))
        .into_iter()
        .map(|(path, bytes)| (path.to_str().unwrap().to_owned(), bytes))
        .collect()
}

/// The bundles that are numbered; the installation's other files are sent already.
fn send(hub: &Hub) {
    hub.run("send-bundles", THURSDAY);
    hub.run("send-vouchers", NEXT_WEEK);
}

#[track_caller]
fn compare(hub: &Hub, how: &str) {
    let (sent, expected) = (sent(hub), expected());
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&sent), names(&expected), "{how}");
    for (name, bytes) in &expected {
        let differs = sent[name].iter().zip(bytes).position(|(left, right)| left != right);
        assert!(sent[name] == *bytes, "{how}: {name} differs from byte {differs:?}");
    }
}

/// In the way of the bundles' and the voucher files' uploads.
fn in_the_way(hub: &Hub) -> Vec<Obstacle> {
    let uploads = expected().into_keys().filter(|name| name.ends_with(".xml")).map(|name| {
        match name.starts_with("FINANS") {
            true => out(hub).join(name),
            false => hub.inbox().join(format!(".{name}.part")),
        }
    });
    uploads.map(Obstacle::at).collect()
}

#[test]
fn what_an_earlier_build_numbered_has_the_bytes_it_had_then() {
    let hub = golden();
    send(&hub);
    compare(&hub, "sent at once");
    hub.clean();
}

#[test]
fn what_was_archived_and_not_sent_is_sent_as_it_was_archived() {
    let hub = golden();
    let obstacles = in_the_way(&hub);
    hub.run_with_failures("send-bundles", WEDNESDAY);
    hub.run_with_failures("send-vouchers", SATURDAY);
    obstacles.into_iter().for_each(Obstacle::clear);
    send(&hub);
    compare(&hub, "sent from the archive");
    hub.clean();
}

#[test]
fn what_was_written_and_not_noted_is_written_anew_under_another_key() {
    let interrupted = golden();
    let obstacles = in_the_way(&interrupted);
    interrupted.run_with_failures("send-bundles", WEDNESDAY);
    interrupted.run_with_failures("send-vouchers", SATURDAY);
    obstacles.into_iter().for_each(Obstacle::clear);
    // As a crash leaves it that came after the archive's last sync and before the store's: files that no row tells of.
    let hub = golden();
    let (mut strangers, archive) = (0, hub.dir.join("archive"));
    let before = hub::package::files(&archive);
    for (path, bytes) in hub::package::files(&interrupted.dir.join("archive")) {
        if !before.iter().any(|(known, _)| *known == path) {
            std::fs::write(archive.join(path), bytes).unwrap();
            strangers += 1;
        }
    }
    assert_eq!(strangers, expected().keys().filter(|name| name.ends_with(".xml")).count());
    send(&hub);
    compare(&hub, "written anew");
    for (path, bytes) in hub::package::files(&interrupted.dir.join("archive")) {
        let is_new = !before.iter().any(|(known, _)| *known == path);
        let again = std::fs::read(archive.join(path)).unwrap();
        assert_eq!(again != bytes, is_new, "sealed under a key of its own");
    }
    hub.clean();
}

#[test]
fn bytes_that_depend_on_when_they_are_written_are_noticed() {
    let hub = golden();
    for (pipeline, at) in [("send-bundles", THURSDAY), ("send-vouchers", NEXT_WEEK)] {
        let mut command = hub.command(&["--at", at, "run", pipeline]);
        let output = command.env("TOEK_CANARY", "moving-bytes").output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }
    let (sent, expected) = (sent(&hub), expected());
    for name in expected.keys().filter(|name| name.ends_with(".xml")) {
        assert!(sent[name] != expected[name], "{name}: the deliberate defect went unnoticed");
    }
}

/// Long lines, letters that break careless readers, what looks like a person's number, signs that XML escapes, nothing.
const TEXTS: [&[&str]; 5] = [
    &[
        "Æblegrød og rødgrød med fløde, Ærøskøbing <ø> \"anførselstegn\" 'apostrof'; 100 % rettidigt",
        "Sygedagpenge for perioden 2. februar til 28. februar, efterreguleret for ferie og barsel",
        "Spørgsmål? Ring 70 00 00 00 - henvis til sag 15.17.06-G01-2026, og ikke til 991399-0003",
        "etlangtordudenmellemrumsomikkekanbrydesvedetmellemrumogderforbrydesmidtiordetvedbredden",
    ],
    &["x"],
    &["§ ½ ¼ £ ü ñ ß é", "  med blanke forrest"],
    &["først", "så to linjer", "og tre"],
    &[],
];

/// Writes other texts into a delivery's records, and one amount of an øre with the rest of it on the next record.
fn spiced(delivery: &Delivery) -> Vec<u8> {
    let bytes = delivery.bytes();
    let mut lines: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let records = 1..=delivery.payments as usize;
    for (record, texts) in records.zip(TEXTS.iter().cycle()) {
        let line = &mut lines[record];
        line[485..487].copy_from_slice(format!("{:02}", texts.len()).as_bytes());
        line[487..811].fill(b' ');
        for (place, text) in texts.iter().enumerate() {
            let column = &mut line[487 + 81 * place..487 + 81 * (place + 1)];
            for (byte, character) in column.iter_mut().zip(text.chars()) {
                *byte = u8::try_from(u32::from(character)).unwrap();
            }
        }
    }
    let amount = |line: &[u8]| std::str::from_utf8(&line[66..77]).unwrap().parse::<u64>().unwrap();
    let moved = amount(&lines[1]) - 1;
    let sum = amount(&lines[2]) + moved;
    lines[1][66..77].copy_from_slice(format!("{:011}", 1).as_bytes());
    lines[2][66..77].copy_from_slice(format!("{sum:011}").as_bytes());
    lines.join(&b'\n')
}

/// Makes the fixture anew: `cargo test --features canary --test golden -- --ignored write`. Only for what no release has
/// numbered yet: to change what a release would send again is what these tests are there to prevent.
#[test]
#[ignore = "writes fixtures/golden"]
fn write_the_fixture() {
    let hub = Hub::new();
    let deliver = |name: &str, seed, municipality, payments, immediate| {
        let delivery = Delivery { seed, municipality, payments, immediate };
        put(&hub.drop().join(name), &spiced(&delivery), 1_770_000_000);
    };
    deliver("1.g68", 1, 461, 5, false);
    deliver("2.g68", 2, 630, 7, false);
    deliver("3.g68", 3, 751, 6, false);
    hub.run("receive-payments", MONDAY);
    let block = |numbers: std::ops::Range<u32>| {
        let part = |no| hub.dir.join(format!("archive/000000/.{no:09}.toek.part"));
        numbers.map(|no| Obstacle::at(part(no))).collect::<Vec<_>>()
    };
    // Two bundles stay numbered; the third is sent and answered, for the vouchers of what it pays and what comes back.
    let mut obstacles = block(4..6);
    hub.run_with_failures("send-bundles", WEDNESDAY);
    answer(&hub, "T0751-20260304-000001.xml");
    hub.run("receive-answers", "2026-03-04T15:00:00Z");
    // Immediate ones, in the other form of amounts.
    hub.change("toek.toml", "\"decimal2\"", "\"implied3\"");
    deliver("4.g68", 4, 461, 5, true);
    deliver("5.g68", 5, 630, 5, true);
    obstacles.extend(block(12..16));
    hub.run_with_failures("receive-payments", "2026-03-04T15:10:00Z");
    obstacles.extend(block(16..30));
    hub.run_with_failures("send-vouchers", SATURDAY);
    obstacles.into_iter().for_each(Obstacle::clear);
    std::fs::remove_file(hub.inbox().join("T0751-20260304-000001.xml")).unwrap();
    hub.clean();
    eprintln!("{:?} {:?}", hub.bundles(), sent(&hub).keys());
    hub::package::pack(&hub.dir, &fixtures().join("installation.bin"));

    send(&hub);
    let _ = std::fs::remove_dir_all(fixtures().join("expected"));
    std::fs::create_dir_all(fixtures().join("expected")).unwrap();
    for (name, bytes) in sent(&hub) {
        std::fs::write(fixtures().join("expected").join(name), bytes).unwrap();
    }
}

/// NemKonto accepts all but one, pays them, and one comes back.
fn answer(hub: &Hub, name: &str) {
    let bundle = Bundle::read(&std::fs::read(hub.inbox().join(name)).unwrap()).unwrap();
    let stamp =
        |number| Stamp { number, created: datetime(2026, 3, 4, 15, 0, 0, 0), amounts: AmountForm::Decimal2 };
    let refusal = Reason::new("0004", "Ukendt");
    let listed = |place: usize, accepted: bool| {
        let payment = bundle.payments().nth(place).unwrap();
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
    let put = |name: &str, bytes: Vec<u8>| std::fs::write(hub.outbox().join(name), bytes).unwrap();
    put("2.xml", answers::answer2(&bundle, stamp(1), GroupStatus::Partial, None, &[listed(0, false)]));
    let paid = (1..bundle.payments().count()).map(|place| listed(place, true)).collect();
    let paid = [(&bundle.debits[0], paid)];
    put("8.xml", answers::list(Kind::Answer8, None, &bundle, &bundle.group_id, stamp(2), &paid));
    let back = [(&bundle.debits[0], vec![listed(1, false)])];
    put("9.xml", answers::list(Kind::Answer9, None, &bundle, &bundle.group_id, stamp(3), &back));
}
