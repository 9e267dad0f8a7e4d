//! Everybody together, met over SFTP.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jiff::civil::{DateTime, date};
use toek_adapters::disk::{Disk, RealDisk};

use super::landscape::{CALM, Landscape, LandscapeError, Settings, Start};
use super::testing::{Pay, bundle_xml};

fn at(hour: i8, minute: i8) -> DateTime {
    date(2026, 1, 28).at(hour, minute, 0, 0)
}

fn start<'d>(dir: &Path, text: &str) -> Result<Landscape<'d>, LandscapeError> {
    let start = Start { text, file: Path::new("landscape.toml"), dir, chance: [7; 32] };
    Landscape::start(&RealDisk, &start)
}

/// Runs `sftp` as one of a landscape's users, in `dir`.
#[track_caller]
fn sftp(landscape: &Landscape<'_>, dir: &Path, user: &str, batch: &str) -> String {
    let access = landscape.access().iter().find(|access| access.user == user).unwrap();
    let port = access.address.port();
    let known = format!("[127.0.0.1]:{port} {}\n", access.host_key);
    let at = |name: &str| dir.join(name);
    RealDisk.write_atomically(&at("known"), known.as_bytes()).unwrap();
    RealDisk.write_atomically(&at("batch"), batch.as_bytes()).unwrap();
    let output = Command::new("sftp")
        .args(["-F", "none", "-b"])
        .arg(at("batch"))
        .args(["-P", &port.to_string(), "-o", "IdentitiesOnly=yes", "-i"])
        .arg(&access.key)
        .args(["-o", &format!("UserKnownHostsFile={}", at("known").display())])
        .arg(format!("{user}@127.0.0.1"))
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()
        .expect("`sftp` is installed: apt-get install openssh-client");
    assert!(output.status.success(), "{batch}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn names(listing: &str) -> Vec<String> {
    let lines = listing.lines().filter(|line| !line.starts_with("sftp>"));
    lines.map(|line| line.rsplit('/').next().unwrap_or(line).trim().to_owned()).collect()
}

#[test]
fn a_day_with_everybody_over_the_wire() {
    let dir = tempfile::tempdir().unwrap();
    let hub = dir.path().join("hub");
    RealDisk.create_dir_all(&hub).unwrap();
    let mut landscape = start(&dir.path().join("all"), CALM).unwrap();
    let put = |path: PathBuf, bytes: &[u8]| RealDisk.write_atomically(&path, bytes).unwrap();

    // Case systems: one in plain folders, one through Serviceplatformen.
    put(landscape.outgoing("KSD").join("0751/a.g68"), b"plain");
    put(landscape.outgoing("KY").join("b.g68"), b"managed");
    landscape.tick(at(8, 0)).unwrap();
    sftp(&landscape, &hub, "KSD_SIMPELSFTP", "get /0751/a.g68\nrm /0751/a.g68");
    sftp(&landscape, &hub, "HUB_SFTP", "get /IN/b.g68 /dev/null\nget /IN/b.g68.metadata\nrm /IN/b.g68");
    assert_eq!(RealDisk.read(&hub.join("a.g68")).unwrap(), b"plain");
    assert!(RealDisk.read_text(&hub.join("b.g68.metadata")).unwrap().contains("<InfRef>G68</InfRef>"));

    // NemKonto: a bundle under a temporary name, then renamed; its receipt a minute later.
    let pay = Pay { id: "T0751-260128-1".to_owned(), ore: 12_345, payee: "2512489996".to_owned() };
    let bundle = bundle_xml("T0751-20260128-000001", at(8, 0), &[(date(2026, 1, 30), vec![pay])]);
    put(hub.join("bundle.xml"), bundle.as_bytes());
    sftp(&landscape, &hub, "HUB_NEMKONTO", "put bundle.xml /inbox/.b.part");
    assert!(landscape.tick(at(8, 1)).unwrap().is_idle(), "not before it has its name");
    sftp(&landscape, &hub, "HUB_NEMKONTO", "rename /inbox/.b.part /inbox/b.xml");
    landscape.tick(at(8, 2)).unwrap();
    landscape.tick(at(8, 3)).unwrap();
    let answers = names(&sftp(&landscape, &hub, "HUB_NEMKONTO", "ls -1 /outbox"));
    assert_eq!(answers, ["T0751-20260128-000001_0000001_1.xml"]);

    // The ERP: a file of vouchers and its trigger; receipt at once, answer ten minutes later.
    let vouchers = include_str!("../../fixtures/partners/finans-9.xml");
    let trigger = include_str!("../../fixtures/partners/trigger-8.xml")
        .replace("HUBDEMO_SFTP", "HUB_SFTP")
        .replace("48213", &vouchers.len().to_string());
    let name = "FINANS_12345674_20260302T041507_0001.xml";
    put(hub.join(name), vouchers.as_bytes());
    put(hub.join(format!("{name}.trigger")), trigger.as_bytes());
    sftp(
        &landscape,
        &hub,
        "HUB_SFTP",
        &format!("put {name} /OUT/{name}\nput {name}.trigger /OUT/{name}.trigger"),
    );
    landscape.tick(at(9, 0)).unwrap();
    sftp(&landscape, &hub, "HUB_SFTP", &format!("get /IN/{name}.sftpreceipt receipt"));
    assert!(RealDisk.read_text(&hub.join("receipt")).unwrap().contains("SUCCESS"));
    assert_eq!(landscape.next_due().unwrap(), Some(at(9, 10)));
    landscape.tick(at(9, 10)).unwrap();
    sftp(&landscape, &hub, "HUB_SFTP", "get /IN/FINANSKVIT_12345674_20260128T091000_0011.xml answer");
    assert!(RealDisk.read_text(&hub.join("answer")).unwrap().contains("Accepteret"));

    let report = landscape.report();
    assert_eq!(report.erp.as_ref().map(|erp| (erp.files, erp.accepted)), Some((1, 1)));
    assert_eq!(report.transfers["to HUB_SFTP"], 2);
    assert_eq!((report.case_systems["KSD"], report.case_systems["KY"]), (1, 1));
    assert_eq!(report.nemkonto.map(|seen| seen.taken), Some(1));
    assert!(report.servers["serviceplatformen"].logins >= 4);
    serde_json::to_string(&report).unwrap();
}

#[test]
fn started_again_it_has_the_same_keys_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let first = start(dir.path(), CALM).unwrap();
    let host_key = first.access()[0].host_key.clone();
    let key = RealDisk.read(&first.access()[0].key).unwrap();
    drop(first);
    let again = start(dir.path(), CALM).unwrap();
    assert_eq!(
        (&again.access()[0].host_key, RealDisk.read(&again.access()[0].key).unwrap()),
        (&host_key, key)
    );
    let hosts: std::collections::HashSet<_> = again.access().iter().map(|access| &access.host_key).collect();
    assert_eq!(hosts.len(), 3, "each server has a key of its own");
}

#[test]
fn a_user_for_each_municipality_and_faults_by_the_clock_of_the_tick() {
    let dir = tempfile::tempdir().unwrap();
    let text = r#"
        [hub]
        user = "HUB"
        [[case_system]]
        name = "KSD"
        way = "plain"
        user = "KSD_{municipality}"
        folder = "IN"
        [[fault]]
        kind = "denied"
        users = ["KSD_0751"]
        until = "2026-01-28T09:00:00"
    "#;
    let mut landscape = start(&dir.path().join("all"), text).unwrap();
    assert_eq!(landscape.access().len(), 98);
    RealDisk.write_atomically(&landscape.outgoing("KSD").join("0751/a"), b"a").unwrap();
    landscape.tick(at(9, 0)).unwrap();
    assert_eq!(names(&sftp(&landscape, dir.path(), "KSD_0751", "ls -1 /IN")), ["a"]);
    assert_eq!(names(&sftp(&landscape, dir.path(), "KSD_0101", "ls -1 /IN")), [""; 0]);
    landscape.tick(at(8, 0)).unwrap();
    assert_eq!(landscape.report().faults, [0]);
}

#[test]
fn mistakes_name_line_and_column() {
    let table = [
        ("[hub]\nuser = \"X\"\n[serviceplatformen]\nusers = []", "t:2:8: the hub is no user"),
        ("[hub]\nuser = \"H\"\n[erp]\nuser = \"E\"", "t:3:1: the ERP is no user"),
        (
            "[hub]\nuser = \"H\"\n[[case_system]]\nname = \"K\"\nway = \"managed\"\nuser = \"K\"",
            "t:3:1: K needs",
        ),
        ("[hub]\nuser = \"H\"\n[[fault]]\nkind = \"slow\"", "t:4:8: `rate`"),
        ("[hub]\nuser = \"H\"\n[hubs]", "TOML parse error at line 3, column 2"),
    ];
    for (text, expected) in table {
        let error = Settings::load(text, "t").unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
