//! The SFTP drop against ProFTPD, which renames over what is there, takes 32 KiB at a time and offers no sync.

#![expect(clippy::disallowed_methods, reason = "a test's own files")]

mod servers;

use std::fs;

use servers::{ProFtpd, noise};
use toek_adapters::drop::{Bytes, Collect, Drop, DropError, TRIGGER};
use toek_adapters::sftp::Commit;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_go_both_ways() {
    let server = ProFtpd::start();
    let (ours, theirs) = server.pair(Commit::Rename);
    for (name, content) in servers::contents() {
        ours.put(name, &mut Bytes(&content)).await.unwrap();
        assert!(ours.pending(name, None).await.unwrap());
        ours.commit(name, None).await.unwrap();
        assert!(!ours.pending(name, None).await.unwrap());
        assert_eq!(theirs.list().await.unwrap(), [ours.landed(name).await.unwrap().unwrap()]);
        let mut got = Collect::default();
        theirs.get(name, &mut got).await.unwrap();
        assert!(got.0 == content, "{name}");
        theirs.remove(name).await.unwrap();
        theirs.remove(name).await.unwrap();
    }
    assert!(matches!(ours.commit("gone.xml", None).await, Err(DropError::Missing { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_taken_name_is_ours_or_stays_as_it_is() {
    let server = ProFtpd::start();
    let (ours, _theirs) = server.pair(Commit::Rename);
    let content = noise(1_000_000, 3);
    let mut other = content.clone();
    other[500_000] ^= 1;
    for (there, is_ours) in [(content.clone(), true), (other, false)] {
        fs::write(server.path("home/OUT/x.xml"), &there).unwrap();
        ours.put("x.xml", &mut Bytes(&content)).await.unwrap();
        let outcome = ours.commit("x.xml", None).await;
        assert_eq!(outcome.is_ok(), is_ours, "{outcome:?}");
        assert!(is_ours || matches!(outcome, Err(DropError::Taken { .. })));
        assert!(fs::read(server.path("home/OUT/x.xml")).unwrap() == there);
    }
}

#[tokio::test]
async fn a_companion_comes_last() {
    let server = ProFtpd::start();
    let (ours, theirs) = server.pair(Commit::Companion { suffix: TRIGGER.to_owned() });
    let trigger = Some(&b"<Trigger/>"[..]);
    ours.put("x.xml", &mut Bytes(b"hello")).await.unwrap();
    assert!(ours.pending("x.xml", trigger).await.unwrap());
    ours.commit("x.xml", trigger).await.unwrap();
    assert!(!ours.pending("x.xml", trigger).await.unwrap());
    let names: Vec<_> = theirs.list().await.unwrap().into_iter().map(|file| file.name).collect();
    assert_eq!(names, ["x.xml", "x.xml.trigger"]);
}

#[tokio::test]
async fn a_wrong_password_does_not_pass() {
    let server = ProFtpd::start();
    let mut settings = server.settings();
    settings.password = Some("forkert".to_owned());
    let endpoint = toek_adapters::sftp::SftpEndpoint::new(settings, std::sync::Arc::default()).unwrap();
    let drop = toek_adapters::sftp::SftpDrop::new(endpoint, "", "", Commit::Rename);
    let error = drop.list().await.unwrap_err();
    assert!(matches!(&error, DropError::Remote { action: "log in at", may_pass: false, .. }), "{error}");
    assert!(!format!("{error:?}").contains("forkert"));
}
