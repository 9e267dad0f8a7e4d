//! Serviceplatformen, rule by rule.

use jiff::civil::{DateTime, date};
use toek_adapters::disk::{Disk, RealDisk};

use super::serviceplatformen::{CODES, Class, Serviceplatformen, Settings};
use super::testing::DyingDisk;
use super::trigger::Trigger;

/// The trigger of the specification's section 8, for a file of `size` bytes.
const EXAMPLE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<ns2:Trigger xmlns:ns2="http://serviceplatformen.dk/xml/wsdl/soap11/SFTP/1/types">
  <FileDescriptor>
    <FileName>a.xml</FileName>
    <SizeInBytes>5</SizeInBytes>
    <Sender>HUB</Sender>
    <SendersFileId>0b5a1f8e-6a2d-4c55-9b0c-3f6f5a3f1c01</SendersFileId>
    <Recipients>ROUTING_V1_0_0</Recipients>
  </FileDescriptor>
  <FileContentDescriptor>
    <SFTPDynamicRoutingInfo>
      <InfRef>FINANS</InfRef>
      <SenderIt-system>5d7c2b1e-1111-4a4a-8b8b-0f0f0f0f0f01</SenderIt-system>
      <SenderAuthority>urn:oio:cvr-nr:12345674</SenderAuthority>
      <TransactionId>7a3c9d10-2222-4b4b-9c9c-0f0f0f0f0f02</TransactionId>
      <SenderTimestamp>2026-03-02T04:15:07Z</SenderTimestamp>
      <RecipientAuthority>urn:oio:cvr-nr:12345674</RecipientAuthority>
      <RouteParameterList>
        <RouteParameter>
          <ns2:RouteSelectionValueDate>2026-03-02</ns2:RouteSelectionValueDate>
        </RouteParameter>
      </RouteParameterList>
    </SFTPDynamicRoutingInfo>
  </FileContentDescriptor>
</ns2:Trigger>
"#;

const BASE: &str = r#"
users = ["HUB", "ERP"]
[[route]]
inf_ref = "FINANS"
recipients = ["12345674"]
to = "ERP"
"#;

fn noon() -> DateTime {
    date(2026, 3, 2).at(12, 0, 0, 0)
}

struct World {
    dir: tempfile::TempDir,
    settings: Settings,
}

impl World {
    fn with(more: &str) -> World {
        let text = format!("{BASE}{more}");
        let settings: Settings = toml::from_str(&text).unwrap();
        settings.check(&text, "t").unwrap();
        World { dir: tempfile::tempdir().unwrap(), settings }
    }

    fn open<'d>(&self, disk: &'d dyn Disk) -> Serviceplatformen<'d> {
        let (users, home) = (self.dir.path().join("users"), self.dir.path().join("home"));
        Serviceplatformen::open(disk, users, home, self.settings.clone(), 1).unwrap()
    }

    fn put(&self, path: &str, bytes: &str) {
        RealDisk.write_atomically(&self.dir.path().join("users").join(path), bytes.as_bytes()).unwrap();
    }

    fn read(&self, path: &str) -> String {
        RealDisk.read_text(&self.dir.path().join("users").join(path)).unwrap()
    }

    fn remove(&self, path: &str) {
        RealDisk.remove(&self.dir.path().join("users").join(path)).unwrap();
    }

    fn names(&self, folder: &str) -> Vec<String> {
        super::files::names_in(&RealDisk, &self.dir.path().join("users").join(folder)).unwrap()
    }

    fn send(&self) {
        self.put("HUB/OUT/a.xml", "bytes");
        self.put("HUB/OUT/a.xml.trigger", EXAMPLE);
    }
}

#[test]
fn a_file_in_order_is_moved_with_metadata_and_the_sender_hears_of_it() {
    let world = World::with("");
    let mut platform = world.open(&RealDisk);
    world.put("HUB/OUT/a.xml", "bytes");
    platform.step(noon()).unwrap();
    assert_eq!(world.names("HUB/OUT"), ["a.xml"], "without a trigger nothing happens");
    world.send();
    platform.step(noon()).unwrap();
    assert_eq!(world.names("HUB/OUT"), [""; 0]);
    assert_eq!(world.names("ERP/IN"), ["a.xml", "a.xml.metadata"]);
    assert_eq!(world.read("ERP/IN/a.xml"), "bytes");
    let metadata = Trigger::read_metadata(world.read("ERP/IN/a.xml.metadata").as_bytes()).unwrap();
    let mut trigger = Trigger::read(EXAMPLE.as_bytes()).unwrap();
    trigger.transfer = Some(platform.transfers()[0].uuid.clone());
    trigger.recipients = vec!["ERP".to_owned()];
    assert_eq!(metadata, trigger);
    let receipt = world.read("HUB/IN/a.xml.sftpreceipt");
    assert!(receipt.contains("<Message>SUCCESS</Message>"), "{receipt}");
    assert!(receipt.contains("<SendersFileId>0b5a1f8e-6a2d-4c55-9b0c-3f6f5a3f1c01</SendersFileId>"));
    assert!(receipt.contains(&platform.transfers()[0].uuid));
    assert_eq!(platform.step(noon()).unwrap(), Default::default(), "again is nothing");
}

/// What is changed in the example, and the codes that the receipt then has.
const REFUSED: &[(&str, &str, &[u32])] = &[
    ("<ns2:Trigger", "<Trigger", &[801]),
    ("<FileName>a.xml</FileName>", "<ns2:FileName>a.xml</ns2:FileName>", &[801]),
    ("<FileName>a.xml</FileName>", "<FileName></FileName>", &[801]),
    ("<FileName>a.xml</FileName>", "<FileName>b.xml</FileName>", &[802]),
    ("<SizeInBytes>5<", "<SizeInBytes>6<", &[804]),
    ("<SizeInBytes>5<", "<SizeInBytes>+5<", &[801]),
    ("<SizeInBytes>5<", "<SizeInBytes>99999999999999999999<", &[801]),
    ("<Sender>HUB<", "<Sender>ERP<", &[805]),
    ("    <Recipients>ROUTING_V1_0_0</Recipients>\n", "", &[801]),
    ("ROUTING_V1_0_0", "ERP", &[902]),
    ("<InfRef>FINANS<", "<InfRef>OTHER<", &[903]),
    ("5d7c2b1e", "5D7C2B1E", &[801]),
    ("urn:oio:cvr-nr:12345674</R", "urn:oio:cvr-nr:1234567</R", &[801]),
    ("urn:oio:cvr-nr:12345674</R", "12345674</R", &[801]),
    ("urn:oio:cvr-nr:12345674</R", "urn:oio:cvr-nr:29189846</R", &[901]),
    ("2026-03-02T04:15:07Z", "2026-03-02", &[801]),
    ("7a3c9d10-2222-", "7a3c9d10_2222-", &[801]),
    ("</ns2:Trigger>", "</ns2:Trigger><a/>", &[801]),
    ("</ns2:Trigger>", "", &[801]),
    ("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "<!DOCTYPE a>", &[801]),
    ("<Sender>HUB</Sender>", "<Sender>ERP</Sender>", &[805]),
    (
        "<SizeInBytes>5</SizeInBytes>\n    <Sender>HUB<",
        "<SizeInBytes>6</SizeInBytes>\n<Sender>X<",
        &[804, 805],
    ),
];

#[test]
fn every_mistake_in_a_trigger_is_refused_by_its_code() {
    for (from, to, codes) in REFUSED {
        let world = World::with("");
        let mut platform = world.open(&RealDisk);
        assert!(EXAMPLE.contains(from), "{from}");
        world.put("HUB/OUT/a.xml", "bytes");
        world.put("HUB/OUT/a.xml.trigger", &EXAMPLE.replacen(from, to, 1));
        platform.step(noon()).unwrap();
        let transfers = platform.transfers();
        let found: Vec<u32> = transfers[0].refusals.iter().map(|refusal| refusal.code).collect();
        assert_eq!(found, *codes, "{from} -> {to}: {:?}", transfers[0].refusals);
        assert_eq!((world.names("HUB/OUT"), world.names("ERP/IN").len()), (vec!["a.xml".to_owned()], 0));
        let receipt = world.read("HUB/IN/a.xml.sftpreceipt");
        for code in *codes {
            assert!(receipt.contains(&format!("<ErrorCode>{code}</ErrorCode>")), "{receipt}");
        }
        assert!(!receipt.contains("SUCCESS"));
    }
}

#[test]
fn a_file_that_is_missing_or_badly_named_is_refused() {
    let world = World::with("");
    let mut platform = world.open(&RealDisk);
    world.put("HUB/OUT/a.xml.trigger", EXAMPLE);
    let odd = EXAMPLE.replace("a.xml", "æ.xml");
    world.put("HUB/OUT/æ.xml", "bytes");
    world.put("HUB/OUT/æ.xml.trigger", &odd);
    platform.step(noon()).unwrap();
    let codes: Vec<Vec<u32>> =
        platform.transfers().iter().map(|t| t.refusals.iter().map(|r| r.code).collect()).collect();
    assert_eq!(codes, [vec![803], vec![702]]);
}

#[test]
fn a_name_in_use_is_refused_until_the_recipient_has_read_it() {
    let world = World::with("");
    let mut platform = world.open(&RealDisk);
    for (read_first, expected) in [(false, "SUCCESS"), (false, "NAME_IN_USE"), (true, "SUCCESS")] {
        if read_first {
            world.remove("ERP/IN/a.xml");
            world.remove("ERP/IN/a.xml.metadata");
        }
        world.send();
        platform.step(noon()).unwrap();
        assert!(world.read("HUB/IN/a.xml.sftpreceipt").contains(expected), "{expected}");
    }
    let uuids: std::collections::HashSet<_> =
        platform.transfers().iter().map(|transfer| transfer.uuid.clone()).collect();
    assert_eq!(uuids.len(), 3, "every transfer has an id of its own");
}

#[test]
fn without_routing_the_trigger_names_a_user() {
    let world = World::with("");
    let mut platform = world.open(&RealDisk);
    let start = EXAMPLE.find("<SFTPDynamicRoutingInfo>").unwrap();
    let end = EXAMPLE.find("</FileContentDescriptor>").unwrap();
    let foreign = "<x:Note xmlns:x=\"urn:x\"><x:a>text</x:a></x:Note>";
    for (content, recipient, delivered) in [("", "ERP", 2), (foreign, "ERP", 2), ("", "NOBODY", 0)] {
        let text = format!("{}{content}{}", &EXAMPLE[..start], &EXAMPLE[end..]);
        world.put("HUB/OUT/a.xml", "bytes");
        world.put("HUB/OUT/a.xml.trigger", &text.replace("ROUTING_V1_0_0", recipient));
        platform.step(noon()).unwrap();
        assert_eq!(world.names("ERP/IN").len(), delivered, "{recipient}");
        for name in world.names("ERP/IN") {
            world.remove(&format!("ERP/IN/{name}"));
        }
    }
}

#[test]
fn a_script_delays_refuses_repeats_and_forgets() {
    let world = World::with(
        r#"
        [[transfer]]
        names = "a*"
        times = 1
        answer = "refuse"
        code = 601
        text = "mappen er fuld"
        [[transfer]]
        times = 1
        answer = "twice"
        late = "1h"
        receipt_late = "1h"
        [[transfer]]
        times = 1
        answer = "no-receipt"
    "#,
    );
    let mut platform = world.open(&RealDisk);
    world.send();
    platform.step(noon()).unwrap();
    let receipt = world.read("HUB/IN/a.xml.sftpreceipt");
    assert!(receipt.contains("<ErrorCode>601</ErrorCode>") && receipt.contains("mappen er fuld"));
    assert_eq!(platform.transfers()[0].refusals[0].class, Class::Delivery);
    world.remove("HUB/IN/a.xml.sftpreceipt");

    world.send();
    platform.step(noon()).unwrap();
    assert_eq!((world.names("ERP/IN").len(), world.names("HUB/IN").len()), (0, 0), "late");
    assert_eq!(platform.next_due(), Some(date(2026, 3, 2).at(13, 0, 0, 0)));
    world.send();
    platform.step(noon()).unwrap();
    assert!(world.read("HUB/IN/a.xml.sftpreceipt").contains("NAME_IN_USE"), "it is being handled");
    world.remove("HUB/IN/a.xml.sftpreceipt");
    let mut platform = world.open(&RealDisk); // a restart forgets nothing
    platform.step(date(2026, 3, 2).at(13, 0, 0, 0)).unwrap();
    assert_eq!((world.names("ERP/IN").len(), world.names("HUB/IN").len()), (2, 0));
    platform.step(date(2026, 3, 2).at(14, 0, 0, 0)).unwrap();
    assert_eq!((world.names("ERP/IN").len(), world.names("HUB/IN").len()), (2, 1), "not read, not repeated");
    let first = world.read("ERP/IN/a.xml.metadata");
    world.remove("ERP/IN/a.xml");
    world.remove("ERP/IN/a.xml.metadata");
    platform.step(date(2026, 3, 2).at(14, 1, 0, 0)).unwrap();
    assert_eq!(world.read("ERP/IN/a.xml.metadata"), first, "the same transfer once more");
    world.remove("ERP/IN/a.xml");
    world.remove("ERP/IN/a.xml.metadata");
    world.remove("HUB/IN/a.xml.sftpreceipt");
    platform.step(date(2026, 3, 2).at(14, 2, 0, 0)).unwrap();
    assert_eq!(world.names("ERP/IN"), [""; 0], "and no third time");

    world.send();
    platform.step(noon()).unwrap();
    assert_eq!((world.names("ERP/IN").len(), world.names("HUB/IN").len()), (2, 0));
}

#[test]
fn killed_anywhere_it_delivers_once_and_says_so_once() {
    let reference = World::with("");
    let mut undisturbed = reference.open(&RealDisk);
    reference.send();
    undisturbed.step(noon()).unwrap();
    let uuid = undisturbed.transfers()[0].uuid.clone();
    for operations in 0..200 {
        let world = World::with("");
        world.open(&RealDisk);
        world.send();
        let disk = DyingDisk::after(operations);
        let (users, home) = (world.dir.path().join("users"), world.dir.path().join("home"));
        let died = Serviceplatformen::open(&disk, users, home, world.settings.clone(), 1)
            .and_then(|mut platform| platform.step(noon()))
            .is_err();
        // The recipient reads what is whole before the platform comes back.
        let early = world.names("ERP/IN").contains(&"a.xml".to_owned());
        if early {
            world.remove("ERP/IN/a.xml");
            world.remove("ERP/IN/a.xml.metadata");
        }
        let receipts = world.names("HUB/IN").len();
        for name in world.names("HUB/IN") {
            world.remove(&format!("HUB/IN/{name}"));
        }
        let mut again = world.open(&RealDisk);
        again.step(noon()).unwrap();
        again.step(noon()).unwrap();
        let late = world.names("ERP/IN").contains(&"a.xml".to_owned());
        assert!(early != late, "after {operations}: delivered {early} and {late}");
        assert_eq!(receipts + world.names("HUB/IN").len(), 1, "after {operations}");
        assert_eq!(again.transfers()[0].uuid, uuid);
        if !died {
            return;
        }
    }
    panic!("it always died");
}

#[test]
fn metadata_is_written_in_every_form_that_was_met() {
    for (form, root, recipient, has_routing) in [
        ("root_is_trigger = true", "Trigger", "ERP", true),
        ("literal_recipient = true", "FileMetadata", "ROUTING_V1_0_0", true),
        ("without_routing = true", "FileMetadata", "ERP", false),
    ] {
        let world = World::with(&format!("[metadata]\n{form}"));
        let mut platform = world.open(&RealDisk);
        world.send();
        platform.step(noon()).unwrap();
        let text = world.read("ERP/IN/a.xml.metadata");
        assert!(text.contains(&format!("<sftp:{root} ")), "{text}");
        let metadata = Trigger::read_metadata(text.as_bytes()).unwrap();
        assert_eq!((metadata.recipients[0].as_str(), metadata.routing.is_some()), (recipient, has_routing));
    }
}

#[test]
fn mistakes_in_a_script_name_line_and_column() {
    let table = [
        ("[[route]]\ninf_ref = \"A\"\nto = \"X\"", "t:9:6: `X` is none of the users"),
        ("[[transfer]]\nanswer = \"refuse\"", "t:8:10: `code` goes with refuse"),
        ("[[transfer]]\nanswer = \"refuse\"\ncode = 1", "t:8:10: `code` goes with refuse"),
        ("[[transfer]]\nanswer = \"deliver\"\ncode = 601", "t:8:10: `code` goes with refuse"),
    ];
    for (more, expected) in table {
        let text = format!("{BASE}{more}");
        let settings: Settings = toml::from_str(&text).unwrap();
        let error = settings.check(&text, "t").unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn every_code_has_a_number_and_a_name_of_its_own() {
    for (place, code) in CODES.iter().enumerate() {
        assert!(CODES[..place].iter().all(|other| other.number != code.number && other.name != code.name));
    }
}
