//! Serviceplatformen's documents: samples, the two judges, what is written and read back, what is never written.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "tests read and write files")]

mod judges;
mod samples;

use jiff::Timestamp;
use jiff::civil::date;
use judges::Format;
use proptest::prelude::*;
use toek_formats::routing::*;
use toek_formats::vocabulary::Uuid;

static ROUTING: Format = Format {
    fixtures: "routing",
    schemas: &[
        ("Trigger", "sp_sftp.xsd"),
        ("FileMetadata", "sp_sftp.xsd"),
        ("TechnicalReceipt", "sp_sftp.xsd"),
        ("BusinessReceipt", "sp_sftp.xsd"),
        ("BusinessResponse", "sp_sftp.xsd"),
    ],
    read,
    strangers: &[],
    bases: &["8.", "trigger-most", "trigger-of-others", "receipt-two", "business-"],
    texts: &[
        "",
        " ",
        "\n",
        "x",
        ".",
        "..",
        "...",
        "a/b",
        "a\\b",
        "\u{85}",
        "æøå",
        "日本語",
        "0",
        "007",
        "-0",
        "+1",
        "1.0",
        "18446744073709551615",
        "18446744073709551616",
        "123456789012345678901",
        " 1 ",
        "-123456789012345678",
        "1234567890123456789",
        "ACCEPTED",
        " REJECTED ",
        "accepted",
        "urn:oio:cvr-nr:12345678",
        "urn:oio:cvr-nr:1234567",
        " urn:oio:cvr-nr:12345678",
        "7a3c9d10-2222-4b4b-9c9c-0f0f0f0f0f02",
        "7A3C9D10-2222-4b4b-9c9c-0f0f0f0f0f02",
        " 7a3c9d10-2222-4b4b-9c9c-0f0f0f0f0f02",
        "2026-03-02",
        " 2026-03-02 ",
        "2026-02-29",
    ],
    elements: &[
        "<FileName>x</FileName>",
        "<ns2:RouteSelectionValueDate>2026-03-02</ns2:RouteSelectionValueDate>",
        "<x:y xmlns:x=\"urn:x\">x<FileName/></x:y>",
        "<Plain> </Plain>",
        "<ns2:Plain/>",
        "<Recipients>ONE</Recipients>",
        "<RouteParameter><Any>1</Any></RouteParameter>",
        "<Receipt><Message>SUCCESS</Message></Receipt>",
        "<ErrorMessage><ErrorCode>1</ErrorCode><ErrorCodeDescription/><ErrorDescription>x</ErrorDescription></ErrorMessage>",
        "<ResponseMessage>OK</ResponseMessage>",
        "<Reason/>",
    ],
    renames: &[
        ("<FileName", "<ns2:FileName"),
        ("FileName", "Filename"),
        ("Recipient", "Receiver"),
        ("Sender", "sender"),
        ("ns2:", ""),
        ("ns2:", "none:"),
        ("Receipt", "ErrorMessage"),
        ("ErrorMessage", "Receipt"),
        ("Message", "Text"),
    ],
    swaps: &[
        ("SFTP/1/types", "SFTP/2/types"),
        ("xmlns:ns2", "xmlns:NS2"),
        ("xmlns:ns2", "xmlns"),
        ("ns2", "sftp"),
        ("ns2:Trigger", "ns2:FileMetadata"),
        ("ns2:FileMetadata", "ns2:Trigger"),
        ("ns2:TechnicalReceipt", "ns2:BusinessReceipt"),
        ("ns2:Trigger", "ns2:RouteSelectionValueDate"),
    ],
};

fn read(root: &str, document: &[u8]) -> Result<u64, Error> {
    match root {
        "Trigger" => Trigger::read(document).map(|_| 0),
        "FileMetadata" => FileMetadata::read(document).map(|_| 0),
        "TechnicalReceipt" => TechnicalReceipt::read(document).map(|_| 0),
        "BusinessReceipt" => BusinessReceipt::read(document).map(|_| 0),
        _ => BusinessResponse::read(document).map(|_| 0),
    }
}

#[test]
fn right_documents_are_told() {
    samples::check(dump, "routing/ok", true, 20);
}

#[test]
fn broken_documents_are_refused_at_their_place() {
    samples::check(dump, "routing/err", false, 30);
}

#[test]
fn nothing_personal_is_told() {
    samples::check_secrets(dump, &["routing/ok", "routing/err"], &["9996"]);
}

#[test]
fn samples_are_judged_alike() {
    let counts = ROUTING.compare(ROUTING.samples());
    assert!(counts["both accept"] >= 19, "{counts:?}");
    assert!(counts["both refuse"] >= 30, "{counts:?}");
}

#[test]
fn mutations_are_judged_alike() {
    let counts = ROUTING.compare(ROUTING.mutations(0x7370_7366));
    assert!(counts["both accept"] >= 150, "{counts:?}");
    assert!(counts["both refuse"] >= 300, "{counts:?}");
}

fn sample(name: &str) -> Vec<u8> {
    let path = format!("{}/../fixtures/routing/ok/{name}.xml", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).unwrap()
}

#[test]
fn the_specifications_documents_are_written_as_they_stand_there() {
    let bytes = sample("8.1-trigger");
    assert_eq!(String::from_utf8(Trigger::read(&bytes).unwrap().write().unwrap()), String::from_utf8(bytes));
    // The others stand there without declaration.
    for (name, written) in [
        ("8.3-receipt-failure", TechnicalReceipt::read(&sample("8.3-receipt-failure")).unwrap().write()),
        ("8.4-metadata", FileMetadata::read(&sample("8.4-metadata")).unwrap().write()),
    ] {
        let whole = [b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_vec(), sample(name)].concat();
        assert_eq!(String::from_utf8(written.unwrap()), String::from_utf8(whole));
    }
}

#[test]
fn only_success_is_success() {
    let is_success = |name: &str| TechnicalReceipt::read(&sample(name)).unwrap().is_success();
    assert!(is_success("8.2-receipt-success"));
    assert!(!is_success("8.3-receipt-failure"));
    assert!(!is_success("receipt-not-success"));
    let two = TechnicalReceipt::read(&sample("receipt-two-errors")).unwrap();
    let ReceiptOutcome::Errors(errors) = two.outcome else { panic!("{two:?}") };
    assert_eq!(errors.iter().map(|error| error.code).collect::<Vec<_>>(), [901, -2]);
}

#[test]
fn metadata_under_the_triggers_root_is_read() {
    let under_own = FileMetadata::read(&sample("8.4-metadata")).unwrap();
    assert_eq!(FileMetadata::read(&sample("metadata-under-trigger-root")).unwrap(), under_own);
    assert!(Trigger::read(&sample("metadata-under-trigger-root")).is_err());
}

fn trigger() -> Trigger {
    Trigger::read(&sample("trigger-usual")).unwrap()
}

/// The trigger with its routing changed.
fn routed(change: impl FnOnce(&mut DynamicRouting)) -> Trigger {
    let mut trigger = trigger();
    let FileContent::Routed(routing) = &mut trigger.content else { panic!("{trigger:?}") };
    change(routing);
    trigger
}

fn with_file(change: impl FnOnce(&mut FileDescriptor)) -> Trigger {
    let mut trigger = trigger();
    change(&mut trigger.file);
    trigger
}

#[test]
fn what_the_platform_would_refuse_is_never_written() {
    let table = [
        ("FileName", with_file(|file| file.file_name = "a/b.xml".to_owned())),
        ("FileName", with_file(|file| file.file_name = "løn.xml".to_owned())),
        ("FileName", with_file(|file| file.file_name = ".part".to_owned())),
        ("FileName", with_file(|file| file.file_name = String::new())),
        ("FileName", with_file(|file| file.file_name = "x".repeat(201))),
        ("Sender", with_file(|file| file.sender = " ".to_owned())),
        ("Sender", with_file(|file| file.sender = "ø".repeat(256))),
        ("SendersFileId", with_file(|file| file.senders_file_id = Some("a\nb".to_owned()))),
        ("Recipients", with_file(|file| file.recipients.clear())),
        ("Recipients", with_file(|file| file.recipients.push(String::new()))),
        ("InfRef", routed(|routing| routing.inf_ref = String::new())),
        ("SenderAuthority", routed(|routing| routing.sender_authority = "1234567".to_owned())),
        ("RecipientAuthority", routed(|routing| routing.recipient_authority = "123456789".to_owned())),
        ("RecipientAuthority", routed(|routing| routing.recipient_authority = "1234567X".to_owned())),
        ("SenderTimestamp", routed(|routing| routing.sent = Timestamp::MIN)),
        ("RouteParameter", routed(|routing| routing.parameters.push(RouteParameter::Other))),
        (
            "RouteSelectionValueDate",
            routed(|routing| {
                routing.parameters.push(RouteParameter::SelectionValueDate(date(999, 1, 1)));
            }),
        ),
        ("FileContentDescriptor", Trigger { content: FileContent::Foreign(1), ..trigger() }),
    ];
    for (field, trigger) in table {
        assert_eq!(trigger.write().unwrap_err().field, field, "{trigger:?}");
    }
    let longest = with_file(|file| {
        file.file_name = "x".repeat(200);
        file.sender = "ø".repeat(255);
        file.size = u64::MAX;
    });
    assert_eq!(Trigger::read(&longest.write().unwrap()).unwrap(), longest);
}

fn any_text() -> impl Strategy<Value = String> {
    "[!-~æøåÆØÅ€][ -~æøåÆØÅ€]{0,40}"
}

fn any_uuid() -> impl Strategy<Value = Uuid> {
    any::<[u8; 16]>().prop_map(Uuid)
}

prop_compose! {
    fn any_routing()(
        inf_ref in any_text(),
        systems in (any_uuid(), prop::option::of(any_uuid())),
        authorities in ("[0-9]{8}", "[0-9]{8}"),
        transaction_id in any_uuid(),
        second in 0_i64..4_000_000_000,
        days in prop::collection::vec((1000_i16..=2999, 1_i8..=12, 1_i8..=28), 0..3),
    ) -> DynamicRouting {
        let parameter = |(year, month, day)| RouteParameter::SelectionValueDate(date(year, month, day));
        DynamicRouting {
            inf_ref,
            sender_it_system: systems.0,
            sender_authority: authorities.0,
            transaction_id,
            sent: Timestamp::new(second, 0).unwrap(),
            recipient_it_system: systems.1,
            recipient_authority: authorities.1,
            parameters: days.into_iter().map(parameter).collect(),
        }
    }
}

prop_compose! {
    fn any_trigger()(
        file_name in "[A-Za-z0-9_-][A-Za-z0-9_.-]{0,60}",
        size: u64,
        sender in any_text(),
        senders_file_id in prop::option::of(any_text()),
        recipients in prop::collection::vec(any_text(), 1..4),
        routing in prop::option::of(any_routing()),
    ) -> Trigger {
        let content = routing.map_or(FileContent::Empty, |routing| FileContent::Routed(Box::new(routing)));
        Trigger { file: FileDescriptor { file_name, size, sender, senders_file_id, recipients }, content }
    }
}

prop_compose! {
    fn any_receipt()(
        transfer_id in any_text(),
        senders_file_id in prop::option::of(any_text()),
        message in prop::option::of("\\PC{0,60}"),
        errors in prop::collection::vec((-999_999_i64..999_999, "\\PC{0,30}", "[ -~\n]{0,60}"), 1..4),
    ) -> TechnicalReceipt {
        let error = |(code, code_text, text)| ErrorMessage { code, code_text, text };
        let outcome = match message {
            Some(message) => ReceiptOutcome::Message(message),
            None => ReceiptOutcome::Errors(errors.into_iter().map(error).collect()),
        };
        TechnicalReceipt { transfer_id, senders_file_id, outcome }
    }
}

proptest! {
    #[test]
    fn a_trigger_is_read_back(trigger in any_trigger()) {
        prop_assert_eq!(Trigger::read(&trigger.write().unwrap()).unwrap(), trigger);
    }

    #[test]
    fn metadata_is_read_back(transfer_id in any_text(), trigger in any_trigger()) {
        let metadata = FileMetadata { transfer_id, file: trigger.file, content: trigger.content };
        prop_assert_eq!(FileMetadata::read(&metadata.write().unwrap()).unwrap(), metadata);
    }

    #[test]
    fn a_receipt_is_read_back(receipt in any_receipt()) {
        prop_assert_eq!(TechnicalReceipt::read(&receipt.write().unwrap()).unwrap(), receipt);
    }

    #[test]
    fn a_business_receipt_is_read_back(
        texts in (any_text(), "[A-Za-z0-9_-]{1,40}", any_text(), prop::option::of("\\PC{0,60}")),
        acceptance in prop::sample::select(Acceptance::ALL.to_vec()),
    ) {
        let (transfer_id, file_name, recipient, reason) = texts;
        let receipt = BusinessReceipt { transfer_id, file_name, recipient, acceptance, reason };
        prop_assert_eq!(BusinessReceipt::read(&receipt.write().unwrap()).unwrap(), receipt);
    }

    #[test]
    fn any_bytes_are_told_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let told = dump(&bytes, &mut |_| ());
        prop_assert!(told.is_err());
    }
}

#[test]
fn what_is_written_is_what_the_schema_asks_for() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut documents = Vec::new();
    for number in 0..50 {
        let tree = (any_trigger(), any_receipt()).new_tree(&mut runner).unwrap();
        let (trigger, receipt) = proptest::strategy::ValueTree::current(&tree);
        documents.push((format!("trigger {number}"), "Trigger", trigger.write().unwrap()));
        documents.push((format!("receipt {number}"), "TechnicalReceipt", receipt.write().unwrap()));
    }
    let counts = ROUTING.compare(documents);
    assert_eq!(counts["both accept"], 100, "{counts:?}");
}
