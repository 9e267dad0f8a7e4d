//! Vouchers to the ERP and its answers back, in folders: the platform and the ERP are played by hand, a case at a time.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise and lays files where a counterparty would"
)]

#[path = "hub/mod.rs"]
mod hub;

use std::io::BufReader;
use std::path::PathBuf;

use hub::{Hub, MONDAY, NAME};
use toek_formats::finance::{
    AnswerHead, AnswerWriter, Entry, LIMITS, Reaction, ReactionKind, Receipt, ResultForm, VoucherFileReader,
    VoucherResult,
};
use toek_formats::routing::{
    ErrorMessage, FileContent, FileDescriptor, FileMetadata, ReceiptOutcome, TechnicalReceipt, Trigger,
};
use toek_formats::vocabulary::{Ore, Uuid};

const LATER: &str = "2026-03-02T08:00:00Z";

/// A voucher file as it lies in OUT.
struct Sent {
    name: String,
    path: PathBuf,
    transaction_id: String,
    vouchers: Vec<Uuid>,
    sum: Ore,
}

fn platform(hub: &Hub, side: &str) -> PathBuf {
    hub.dir.join("endpoints/serviceplatformen").join(side)
}

fn sent(hub: &Hub) -> Vec<Sent> {
    let mut names: Vec<String> = std::fs::read_dir(platform(hub, "OUT"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".xml"))
        .collect();
    names.sort();
    names.into_iter().map(|name| read(hub, name)).collect()
}

fn read(hub: &Hub, name: String) -> Sent {
    let path = platform(hub, "OUT").join(&name);
    let mut reader = VoucherFileReader::new(BufReader::new(std::fs::File::open(&path).unwrap()), LIMITS);
    let head = reader.head().unwrap();
    let mut vouchers = Vec::new();
    while let Some(entry) = reader.next().unwrap() {
        if let Entry::Voucher(voucher) = entry {
            vouchers.push(voucher.id);
        }
    }
    let (count, _, sum) = reader.finish().unwrap();
    assert_eq!(count as usize, vouchers.len());
    Sent { name, path, transaction_id: head.transaction_id.to_string(), vouchers, sum }
}

/// The platform takes a file with its trigger away and says so.
fn take(hub: &Hub, sent: &Sent, outcome: ReceiptOutcome) {
    let trigger = sent.path.with_file_name(format!("{}.trigger", sent.name));
    let said = Trigger::read(&std::fs::read(&trigger).unwrap()).unwrap();
    assert_eq!(said.file.size, std::fs::metadata(&sent.path).unwrap().len());
    let receipt = TechnicalReceipt {
        transfer_id: "c2d4e6f8-4444-4d4d-9e9e-0f0f0f0f0f04".to_owned(),
        senders_file_id: said.file.senders_file_id,
        outcome,
    };
    std::fs::remove_file(&sent.path).unwrap();
    std::fs::remove_file(trigger).unwrap();
    let name = format!("{}.sftpreceipt", sent.name);
    std::fs::write(platform(hub, "IN").join(name), receipt.write().unwrap()).unwrap();
}

fn success() -> ReceiptOutcome {
    ReceiptOutcome::Message("SUCCESS".to_owned())
}

/// The ERP's answer, with the platform's metadata beside it.
fn answer(hub: &Hub, name: &str, sent: &Sent, refused: &[Uuid], whole: Option<&str>) {
    let fault = |text: &str| Reaction {
        kind: ReactionKind::Fault,
        id: "F001".to_owned(),
        text: text.to_owned(),
        source: None,
        places: vec![],
    };
    let head = AnswerHead {
        transaction_id: sent.transaction_id.clone(),
        at: LATER.parse().unwrap(),
        processed_at: LATER.parse().unwrap(),
        reactions: whole.map(fault).into_iter().collect(),
        unknown_elements: 0,
    };
    let mut writer = AnswerWriter::begin(Vec::new(), &head, ResultForm::Value).unwrap();
    for voucher_id in sent.vouchers.iter().filter(|_| whole.is_none()) {
        let is_refused = refused.contains(voucher_id);
        let result = if is_refused { VoucherResult::Rejected } else { VoucherResult::Accepted };
        let receipt = Receipt {
            voucher_id: *voucher_id,
            result,
            result_text: if is_refused { "Afvist" } else { "Accepteret" }.to_owned(),
            causes: vec![],
            explanation: is_refused.then(|| "Perioden er lukket for 2512489996".to_owned()),
            details: vec![],
            erp_number: (!is_refused).then(|| "990012345".to_owned()),
        };
        writer.receipt(&receipt).unwrap();
    }
    let bytes = writer.finish().unwrap();
    lay(hub, name, &bytes, bytes.len() as u64);
}

fn lay(hub: &Hub, name: &str, bytes: &[u8], size: u64) {
    let metadata = FileMetadata {
        transfer_id: format!("transfer of {name}"),
        file: FileDescriptor {
            file_name: name.to_owned(),
            size,
            sender: "ERP".to_owned(),
            senders_file_id: None,
            recipients: vec!["TOEK".to_owned()],
        },
        content: FileContent::Empty,
    };
    std::fs::write(platform(hub, "IN").join(name), bytes).unwrap();
    let beside = format!("{name}.metadata");
    std::fs::write(platform(hub, "IN").join(beside), metadata.write().unwrap()).unwrap();
}

fn counts(hub: &Hub) -> [i64; 5] {
    let output = hub.toek(&["vouchers", "status", "--json"]);
    let counts: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    ["waiting", "held", "sent", "accepted", "refused"].map(|key| counts[key].as_i64().unwrap())
}

/// Ten payments are taken in, and their voucher is sent.
fn with_a_voucher_sent() -> (Hub, Sent) {
    let hub = Hub::new();
    std::fs::write(hub.drop().join(NAME), hub::file(1)).unwrap();
    hub.run("receive-payments", MONDAY);
    assert_eq!(counts(&hub), [1, 0, 0, 0, 0]);
    hub.run("send-vouchers", MONDAY);
    assert_eq!(counts(&hub), [0, 0, 1, 0, 0]);
    let mut all = sent(&hub);
    assert_eq!(all.len(), 1);
    let one = all.remove(0);
    assert!(one.sum > Ore::ZERO);
    (hub, one)
}

#[test]
fn a_voucher_is_sent_delivered_and_booked() {
    let (hub, file) = with_a_voucher_sent();
    assert!(hub.run("send-vouchers", MONDAY).contains("nothing to do"), "nothing is sent twice");
    take(&hub, &file, success());
    hub.run("receive-receipts", LATER);
    answer(&hub, "KVITTERING_1.xml", &file, &[], None);
    hub.run("receive-voucher-answers", LATER);
    assert_eq!(counts(&hub), [0, 0, 0, 1, 0]);
    assert_eq!(std::fs::read_dir(platform(&hub, "IN")).unwrap().count(), 0, "all is taken away");
    hub.clean();
}

#[test]
fn an_answer_before_the_receipt_counts_too() {
    let (hub, file) = with_a_voucher_sent();
    answer(&hub, "KVITTERING_1.xml", &file, &[], None);
    hub.run("receive-voucher-answers", LATER);
    take(&hub, &file, success());
    hub.run("receive-receipts", LATER);
    assert_eq!(counts(&hub), [0, 0, 0, 1, 0]);
    hub.clean();
}

#[test]
fn a_refused_voucher_is_built_anew_under_another_id() {
    let (hub, file) = with_a_voucher_sent();
    take(&hub, &file, success());
    answer(&hub, "KVITTERING_1.xml", &file, &file.vouchers, None);
    hub.run("receive-voucher-answers", LATER);
    assert_eq!(counts(&hub), [0, 0, 0, 0, 1]);
    let list = hub::said(&hub.toek(&["vouchers", "list"]));
    assert!(list.contains("Perioden er lukket") && !list.contains("2512489996"), "{list}");

    let rebuild =
        ["vouchers", "rebuild", "1", "--booking-day", "2026-03-03", "--reason", "lukket", "--dry-run"];
    assert!(hub.toek(&rebuild).status.success());
    assert_eq!(counts(&hub), [0, 0, 0, 0, 1], "a dry run changes nothing");
    assert!(hub.toek(&rebuild[..7]).status.success());
    assert!(!hub.toek(&rebuild[..7]).status.success(), "once is enough");
    hub.run("send-vouchers", LATER);
    assert_eq!(counts(&hub), [1, 0, 0, 0, 0], "its new day has not come");
    hub.run("send-vouchers", "2026-03-03T08:00:00Z");
    let again = sent(&hub).remove(0);
    assert_eq!((again.vouchers.len(), again.sum), (1, file.sum));
    assert_ne!(again.vouchers, file.vouchers);
    answer(&hub, "KVITTERING_2.xml", &again, &[], None);
    hub.run("receive-voucher-answers", "2026-03-03T09:00:00Z");
    assert_eq!(counts(&hub), [0, 0, 0, 1, 0]);
    hub.clean();
}

#[test]
fn a_file_refused_as_a_whole_refuses_every_voucher() {
    let (hub, file) = with_a_voucher_sent();
    answer(&hub, "KVITTERING_1.xml", &file, &[], Some("schema error"));
    hub.run("receive-voucher-answers", LATER);
    assert_eq!(counts(&hub), [0, 0, 0, 0, 1]);
    hub.clean();
}

#[test]
fn the_first_result_stands() {
    let (hub, file) = with_a_voucher_sent();
    answer(&hub, "KVITTERING_1.xml", &file, &[], None);
    hub.run("receive-voucher-answers", LATER);
    answer(&hub, "KVITTERING_2.xml", &file, &file.vouchers, None);
    hub.run("receive-voucher-answers", LATER);
    assert_eq!(counts(&hub), [0, 0, 0, 1, 0]);
    assert!(hub.status().to_string().contains("voucher contradicted"));
    hub.clean();
}

#[test]
fn a_voucher_that_cannot_be_written_keeps_no_other_back() {
    let hub = Hub::new();
    for (name, seed) in [("1.g68", 1), ("2.g68", 2)] {
        std::fs::write(hub.drop().join(name), hub::file(seed)).unwrap();
    }
    hub.run("receive-payments", MONDAY);
    assert_eq!(counts(&hub), [2, 0, 0, 0, 0]);
    let broken = "update payment set period_from = 20000, period_to = 19000 where payment_id / 1048576 = 1";
    hub.rewrite(broken);
    hub.run_with_failures("send-vouchers", MONDAY);
    assert_eq!(counts(&hub), [0, 2, 0, 0, 0], "the file is no file");
    hub.run("send-vouchers", LATER);
    assert_eq!(counts(&hub), [0, 1, 1, 0, 0]);
    assert!(hub.status().to_string().contains("it cannot be written"));
    assert!(hub.run("send-vouchers", LATER).contains("nothing to do"), "told once");
    let mended = "update payment set period_from = null, period_to = null where payment_id / 1048576 = 1";
    hub.rewrite(mended);
    hub.run("send-vouchers", LATER);
    assert_eq!(counts(&hub), [0, 0, 2, 0, 0]);
    hub.clean();
}

#[test]
fn a_voucher_that_was_accepted_and_refused_never_leaves_again() {
    let (hub, file) = with_a_voucher_sent();
    answer(&hub, "KVITTERING_1.xml", &file, &file.vouchers, None);
    hub.run("receive-voucher-answers", LATER);
    let rebuild = ["vouchers", "rebuild", "1", "--reason", "closed"];
    assert!(hub.toek(&rebuild).status.success());
    answer(&hub, "KVITTERING_2.xml", &file, &[], None);
    hub.run("receive-voucher-answers", LATER);
    std::fs::remove_file(&file.path).unwrap();
    hub.run("send-vouchers", LATER);
    assert_eq!(sent(&hub).len(), 0, "it may be booked already");
    assert_eq!(counts(&hub), [0, 1, 0, 0, 0]);
    assert!(hub.status().to_string().contains("voucher contradicted"), "and a person still knows");

    let (hub, file) = with_a_voucher_sent();
    for (name, refused) in [("1.xml", &file.vouchers[..]), ("2.xml", &[])] {
        answer(&hub, name, &file, refused, None);
        hub.run("receive-voucher-answers", LATER);
    }
    assert!(!hub.toek(&rebuild).status.success());
    assert!(hub.status().to_string().contains("voucher contradicted"));
    hub.clean();
}

#[test]
fn a_second_look_passes_no_metadata_that_the_first_refused() {
    let (hub, file) = with_a_voucher_sent();
    answer(&hub, "KVITTERING_1.xml", &file, &[], None);
    let bytes = std::fs::read(platform(&hub, "IN").join("KVITTERING_1.xml")).unwrap();
    lay(&hub, "KVITTERING_1.xml", &bytes, bytes.len() as u64 + 1);
    hub.run("receive-voucher-answers", LATER);
    assert_eq!(hub.states("KVITTERING_1.xml"), ["quarantined"]);
    let no = hub.transfers("KVITTERING_1.xml")[0]["transfer"].to_string();
    assert!(!hub.toek(&["quarantine", "validate", &no]).status.success());
    // As a crash right after archiving leaves it.
    hub.rewrite("update transfer set state = 2 where name = 'KVITTERING_1.xml'");
    hub.run("receive-voucher-answers", LATER);
    assert_eq!(hub.states("KVITTERING_1.xml"), ["quarantined"]);
    assert_eq!(counts(&hub), [0, 0, 1, 0, 0]);
}

#[test]
fn a_file_that_was_not_delivered_waits_for_a_person() {
    let (hub, file) = with_a_voucher_sent();
    let error = ErrorMessage { code: 901, code_text: "NO_ROUTE".to_owned(), text: "No route".to_owned() };
    take(&hub, &file, ReceiptOutcome::Errors(vec![error]));
    hub.run("receive-receipts", LATER);
    assert!(hub.status().to_string().contains("NO_ROUTE"));
    assert!(hub.run("send-vouchers", LATER).contains("nothing to do"), "nothing is sent again by itself");
    assert_eq!(counts(&hub), [0, 0, 0, 0, 1], "the ERP never saw it: it can be built anew");
    assert!(hub.toek(&["vouchers", "rebuild", "1", "--reason", "route mended"]).status.success());
    hub.run("send-vouchers", LATER);
    assert_eq!(counts(&hub), [0, 0, 1, 0, 0]);
    hub.clean();
}

#[test]
fn a_file_that_nobody_confirms_or_answers_is_told_of_once_each() {
    let (hub, _file) = with_a_voucher_sent();
    let tasks = || hub.status()["tasks"].as_array().unwrap().len();
    assert!(!hub.run("send-vouchers", "2026-03-02T07:59:00Z").contains("person"));
    assert!(hub.run("send-vouchers", "2026-03-02T08:01:00Z").contains("1 for a person"));
    assert!(!hub.run("send-vouchers", "2026-03-02T08:02:00Z").contains("person"));
    assert!(hub.run("send-vouchers", "2026-03-03T07:01:00Z").contains("1 for a person"));
    assert!(!hub.run("send-vouchers", "2026-03-03T07:02:00Z").contains("person"));
    assert_eq!(tasks(), 1, "one subject, one task");
    assert_eq!(sent(&hub).len(), 1, "nothing is sent again by itself");
    hub.clean();
}

#[test]
fn strangers_are_kept_and_told_of() {
    let (hub, mut file) = with_a_voucher_sent();
    file.transaction_id = "00000000-0000-4000-8000-000000000000".to_owned();
    answer(&hub, "KVITTERING_1.xml", &file, &[], None);
    std::fs::write(platform(&hub, "IN").join("X.xml.sftpreceipt"), b"<a/>").unwrap();
    hub.run("receive-voucher-answers", LATER);
    hub.run("receive-receipts", LATER);
    assert_eq!(hub.states("KVITTERING_1.xml"), ["unmatched"]);
    assert_eq!(hub.states("X.xml.sftpreceipt"), ["quarantined"]);
    assert_eq!(counts(&hub), [0, 0, 1, 0, 0]);
    hub.clean();
}

#[test]
fn a_file_without_metadata_or_with_another_size_is_not_taken_in() {
    let (hub, file) = with_a_voucher_sent();
    answer(&hub, "KVITTERING_1.xml", &file, &[], None);
    let beside = platform(&hub, "IN").join("KVITTERING_1.xml.metadata");
    let metadata = std::fs::read(&beside).unwrap();
    std::fs::remove_file(&beside).unwrap();
    hub.run("receive-voucher-answers", LATER);
    assert_eq!(counts(&hub), [0, 0, 1, 0, 0]);
    assert!(platform(&hub, "IN").join("KVITTERING_1.xml").exists());
    std::fs::write(&beside, metadata).unwrap();
    hub.run("receive-voucher-answers", LATER);
    assert_eq!(counts(&hub), [0, 0, 0, 1, 0]);
    lay(&hub, "KVITTERING_2.xml", b"<short/>", 9);
    hub.run("receive-voucher-answers", LATER);
    assert_eq!(hub.states("KVITTERING_2.xml"), ["quarantined"]);
}

#[test]
fn a_voucher_without_an_account_is_held_alone_until_there_is_one() {
    let hub = Hub::new();
    let path = hub.dir.join("accounts.toml");
    let accounts = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, accounts.replacen("valid_from = 2020-01-01", "valid_from = 2027-01-01", 1))
        .unwrap();
    std::fs::write(hub.drop().join(NAME), hub::file(1)).unwrap();
    hub.run("receive-payments", MONDAY);
    hub.run("send-vouchers", MONDAY);
    assert_eq!(counts(&hub), [0, 1, 0, 0, 0]);
    assert!(hub.status().to_string().contains("V02"));
    std::fs::write(&path, accounts).unwrap();
    hub.run("send-vouchers", LATER);
    assert_eq!(counts(&hub), [0, 0, 1, 0, 0]);
    assert!(!hub.status().to_string().contains("V02"));
    hub.clean();
}
