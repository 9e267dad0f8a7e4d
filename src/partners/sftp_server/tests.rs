//! The server against the `sftp` of OpenSSH, and where that cannot ask the question, against russh-sftp's client.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use jiff::civil::date;
use toek_adapters::disk::{Disk, RealDisk};

use super::*;
use crate::partners::faults::FaultRule;

struct World {
    server: SftpServer,
    faults: Arc<Faults>,
    runtime: tokio::runtime::Runtime,
    dir: tempfile::TempDir,
}

#[derive(serde::Deserialize)]
struct Script {
    #[serde(default)]
    fault: Vec<FaultRule>,
}

impl World {
    /// A server `sp` with the users A and B.
    fn with(script: &str) -> World {
        let dir = tempfile::tempdir().unwrap();
        let script_read: Script = toml::from_str(script).unwrap();
        let faults = Arc::new(Faults::new(7, script_read.fault, script, "faults.toml").unwrap());
        faults.set_now(date(2026, 1, 28).at(8, 0, 0, 0));
        let mut users = Vec::new();
        for (name, seed) in [("A", 1), ("B", 2)] {
            let key = key_of(&[seed; 32]);
            write_key(&dir.path().join(format!("{name}.key")), &key).unwrap();
            let root = dir.path().join(name);
            RealDisk.create_dir_all(&root.join("IN")).unwrap();
            RealDisk.create_dir_all(&root.join("OUT")).unwrap();
            users.push(User { name: name.to_owned(), keys: vec![key.public_key().clone()], root });
        }
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let setup = Setup {
            name: "sp".to_owned(),
            port: 0,
            host_key: key_of(&[9; 32]),
            users,
            faults: faults.clone(),
        };
        let server = SftpServer::start(runtime.handle(), setup).unwrap();
        World { server, faults, runtime, dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        RealDisk.write_atomically(&self.path(name), bytes).unwrap();
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        RealDisk.read(&self.path(name)).unwrap()
    }

    /// Runs `sftp` as a user with a key; the server's key is pinned.
    fn sftp_as(&self, user: &str, key: &str, batch: &str) -> Output {
        let host = self.server.host_key().to_openssh().unwrap();
        let address = self.server.address();
        let known = format!("[{}]:{} {host}\n", address.ip(), address.port());
        self.put("known_hosts", known.as_bytes());
        self.put("batch", batch.as_bytes());
        let option = |name: &str, value: &Path| format!("{name}={}", value.display());
        Command::new("sftp")
            .args(["-F", "none", "-b"])
            .arg(self.path("batch"))
            .args(["-P", &address.port().to_string(), "-o", "StrictHostKeyChecking=yes"])
            .args(["-o", "IdentitiesOnly=yes", "-o", "ConnectTimeout=2", "-o"])
            .arg(option("UserKnownHostsFile", &self.path("known_hosts")))
            .args(["-o", &option("IdentityFile", &self.path(key))])
            .arg(format!("{user}@{}", address.ip()))
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .output()
            .expect("`sftp` is installed: apt-get install openssh-client")
    }

    fn sftp(&self, batch: &str) -> Output {
        self.sftp_as("A", "A.key", batch)
    }

    #[track_caller]
    fn works(&self, batch: &str) -> String {
        let output = self.sftp(batch);
        assert!(output.status.success(), "{batch}\n{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn fails(&self, batch: &str, expected: &str) {
        let output = self.sftp(batch);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(expected), "{batch}: {said}");
    }
}

/// Bytes that show a block which went to the wrong place.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (crate::generator::random::mix(at as u64 / 8) >> (at % 8 * 8)) as u8).collect()
}

#[test]
fn files_go_both_ways_as_they_are() {
    let world = World::with("");
    for (name, bytes) in [("empty", pattern(0)), ("one", pattern(1)), ("big", pattern(20 << 20))] {
        world.put(name, &bytes);
        world.works(&format!("put {name} /OUT/{name}\nget /OUT/{name} back"));
        assert!(world.bytes(&format!("A/OUT/{name}")) == bytes && world.bytes("back") == bytes, "{name}");
    }
    let seen = world.server.seen();
    assert_eq!((seen.uploads, seen.downloads, seen.bytes_in), (3, 3, (20 << 20) + 1));
    assert_eq!((seen.bytes_out, seen.logins, seen.refused_logins), ((20 << 20) + 1, 3, 0));
}

#[test]
fn an_interrupted_upload_is_resumed_where_it_stopped() {
    let world = World::with("");
    let bytes = pattern(300_000);
    world.put("file", &bytes);
    world.put("A/OUT/file", &bytes[..100_000]);
    world.works("reput file /OUT/file");
    assert!(world.bytes("A/OUT/file") == bytes);
    assert_eq!(world.server.seen().bytes_in, 200_000);
}

#[test]
fn folders_can_be_made_listed_and_removed() {
    let world = World::with("");
    for number in 0..250 {
        world.put(&format!("A/IN/{number:03}"), b"x"); // three pages
    }
    let listing = world.works("ls -1 /IN");
    let names: Vec<&str> = listing.lines().filter(|line| line.starts_with("/IN/")).collect();
    assert_eq!((names.len(), names[0], names[249]), (250, "/IN/000", "/IN/249"));
    world.works("mkdir /NEW\nput batch /NEW/a\nrm /NEW/a\nrmdir /NEW");
    assert!(!RealDisk.exists(&world.path("A/NEW")).unwrap());
    world.fails("rmdir /IN", "Failure");
    world.fails("rm /IN/none", "No such file");
}

#[test]
fn a_rename_never_overwrites() {
    let world = World::with("");
    world.put("A/OUT/old", b"old");
    world.put("A/OUT/new", b"new");
    world.fails("rename /OUT/new /OUT/old", "Failure");
    assert_eq!((world.bytes("A/OUT/old"), world.bytes("A/OUT/new")), (b"old".to_vec(), b"new".to_vec()));
    world.works("rename /OUT/new /OUT/other");
    assert_eq!(world.bytes("A/OUT/other"), b"new");
    assert!(!RealDisk.exists(&world.path("A/OUT/new")).unwrap());
    world.fails("rename /OUT /IN", "Failure");
    world.works("rename /OUT /AWAY");
}

#[test]
fn nobody_leaves_his_folder_or_comes_in_with_anothers_key() {
    let world = World::with("");
    world.put("secret", b"s");
    std::os::unix::fs::symlink(world.path("secret"), world.path("A/IN/link")).unwrap();
    std::os::unix::fs::symlink(world.dir.path(), world.path("A/way")).unwrap();
    world.fails("get ../../secret x", "not found");
    world.fails("get /IN/link x", "not found");
    world.fails("get /way/secret x", "not found");
    world.fails("put batch /way/batch2", "Permission denied");
    assert!(world.works("cd ..\npwd").contains("directory: /\n"));
    for (user, key) in [("B", "A.key"), ("C", "A.key")] {
        let output = world.sftp_as(user, key, "pwd");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains("Permission denied (publickey)"), "{said}");
    }
    assert!(!RealDisk.exists(&world.path("x")).unwrap());
}

#[test]
fn a_dead_server_refuses_and_a_silent_one_says_nothing_until_its_time_is_over() {
    let later = date(2026, 1, 28).at(10, 0, 0, 0);
    for (kind, expected) in [("refuse", "Connection refused"), ("silent", "timed out")] {
        let script = format!("[[fault]]\nkind = \"{kind}\"\nuntil = \"2026-01-28T09:00:00\"");
        let world = World::with(&script);
        if kind == "refuse" {
            wait_until(|| std::net::TcpStream::connect(world.server.address()).is_err());
        }
        world.fails("pwd", expected);
        world.faults.set_now(later);
        wait_until(|| std::net::TcpStream::connect(world.server.address()).is_ok());
        world.works("pwd");
    }
}

/// Waits for what another thread is about to do.
#[track_caller]
fn wait_until(done: impl Fn() -> bool) {
    for _ in 0..200 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("in vain");
}

#[test]
fn the_first_connection_is_dropped_and_the_second_works() {
    let world = World::with("[[fault]]\nkind = \"refuse\"\ntimes = 1");
    world.fails("pwd", "Connection");
    world.works("pwd");
    let world = World::with("[[fault]]\nkind = \"refuse\"\ntimes = 1\nusers = [\"A\"]");
    world.fails("pwd", "Permission denied (publickey)");
    world.works("pwd");
}

#[test]
fn a_line_is_cut_after_so_many_bytes_each_way() {
    let script = r#"
        [[fault]]
        kind = "cut-off"
        direction = "upload"
        names = "*.xml"
        after = 100000
        times = 1
        [[fault]]
        kind = "cut-off"
        direction = "download"
        after = 5000
        times = 1
    "#;
    let world = World::with(script);
    let bytes = pattern(400_000);
    world.put("a.xml", &bytes);
    world.fails("put a.xml /OUT/a.xml", "Connection");
    assert!(world.bytes("A/OUT/a.xml") == bytes[..100_000], "so much had passed");
    world.works("put a.xml /OUT/a.xml");
    world.fails("get /OUT/a.xml back", "Connection");
    world.works("get /OUT/a.xml back");
    assert!(world.bytes("back") == bytes);
    assert_eq!(world.faults.struck(), [1, 1]);
}

#[test]
fn a_disk_is_full_and_rights_are_missing_where_the_script_says() {
    let script = r#"
        [[fault]]
        kind = "disk-full"
        after = 50000
        names = "big"
        [[fault]]
        kind = "denied"
        names = "/IN/*"
        users = ["A"]
        [[fault]]
        kind = "refuse-rename"
        times = 1
    "#;
    let world = World::with(script);
    world.put("big", &pattern(100_000));
    world.put("A/IN/a", b"a");
    world.fails("put big /OUT/big", "Failure");
    world.works("put big /OUT/small");
    world.fails("get /IN/a x", "Permission denied");
    world.fails("rm /IN/a", "Permission denied");
    world.fails("rename /OUT/small /OUT/other", "Failure");
    world.works("rename /OUT/small /OUT/other");
}

#[test]
fn another_host_key_is_noticed_and_the_old_one_comes_back() {
    let world = World::with("[[fault]]\nkind = \"host-key\"\ntimes = 1");
    world.fails("pwd", "Host key verification failed");
    world.works("pwd");
    let pinned = world.server.host_key();
    world.server.set_host_key(key_of(&[10; 32]));
    assert_ne!(world.server.host_key(), pinned);
    world.works("pwd"); // the new key is the one pinned now
}

#[test]
fn a_growing_file_and_a_listing_out_of_order() {
    let script = "[[fault]]\nkind = \"growing\"\nnames = \"a\"\ntimes = 2\n[[fault]]\nkind = \"disorder\"";
    let world = World::with(script);
    for name in ["a", "b", "c", "d", "e"] {
        world.put(&format!("A/IN/{name}"), &pattern(3_000));
    }
    let names = "ls -1 -f /IN";
    let first = world.works(names);
    assert_eq!(first, world.works(names), "the same disorder every time");
    let order: Vec<&str> = first.lines().filter(|line| line.starts_with("/IN/")).collect();
    assert_eq!(order.len(), 5);
    assert!(!order.is_sorted(), "{order:?}");
    world.works("get /IN/a back"); // it has been looked at often enough by now
    assert_eq!(world.bytes("back").len(), 3_000);
    let sizes = World::with("[[fault]]\nkind = \"growing\"\ntimes = 2");
    sizes.put("A/IN/a", &pattern(3_000));
    let shown: Vec<String> = (0..3)
        .map(|_| sizes.works("ls -ln /IN").split_whitespace().nth(8).unwrap_or("?").to_owned())
        .collect();
    assert_eq!(shown, ["1000", "2000", "3000"]);
}

#[test]
fn a_slow_line_takes_its_time() {
    let world = World::with("[[fault]]\nkind = \"slow\"\nrate = 100000\nnames = \"slow\"");
    world.put("slow", &pattern(60_000));
    let mut child = Command::new("true").spawn().unwrap(); // the pace is the server's: ask whether it is under way
    child.wait().unwrap();
    std::thread::scope(|scope| {
        let upload = scope.spawn(|| world.works("put slow /OUT/slow"));
        wait_until(|| world.server.seen().logins == 1);
        std::thread::sleep(Duration::from_millis(250));
        assert!(!upload.is_finished(), "60 KB at 100 KB/s take more than half a second");
        upload.join().unwrap();
    });
    assert_eq!(world.bytes("A/OUT/slow").len(), 60_000);
}

#[test]
fn extensions_limits_and_many_requests_in_flight() {
    let world = World::with("");
    let address = world.server.address();
    let bytes = pattern(3 << 20);
    world.runtime.block_on(async {
        let config = Arc::new(russh::client::Config { nodelay: true, ..Default::default() });
        let mut client = russh::client::connect(config, address, Trusting).await.unwrap();
        let key = russh::keys::PrivateKeyWithHashAlg::new(Arc::new(key_of(&[1; 32])), None);
        assert!(client.authenticate_publickey("A", key).await.unwrap().success());
        let channel = client.channel_open_session().await.unwrap();
        channel.request_subsystem(true, "sftp").await.unwrap();
        let sftp = russh_sftp::client::RawSftpSession::new(channel.into_stream());
        let version = sftp.init().await.unwrap();
        let mut offered: Vec<String> = version.extensions.into_keys().collect();
        offered.sort();
        assert_eq!(offered, ["fsync@openssh.com", "limits@openssh.com"]);
        assert_eq!(sftp.limits().await.unwrap().max_read_len, 255 * 1024);
        let flags = OpenFlags::CREATE | OpenFlags::WRITE | OpenFlags::READ;
        let attributes = russh_sftp::protocol::FileAttributes::empty();
        let handle = sftp.open("/OUT/a", flags, attributes).await.unwrap().handle;
        // Backwards and all at once: offsets count, not the order.
        let size = 64 << 10;
        let writes = (0..bytes.len() / size).rev().map(|block| {
            let part = bytes[block * size..(block + 1) * size].to_vec();
            sftp.write(handle.as_str(), (block * size) as u64, part)
        });
        for written in futures_joined(writes).await {
            written.unwrap();
        }
        sftp.fsync(handle.as_str()).await.unwrap();
        assert_eq!(sftp.fstat(handle.as_str()).await.unwrap().attrs.size, Some(bytes.len() as u64));
        let end = sftp.read(handle.as_str(), bytes.len() as u64, 10).await.unwrap_err();
        assert!(end.to_string().to_lowercase().contains("eof"), "{end}");
        sftp.close(handle.as_str()).await.unwrap();
        assert!(sftp.close(handle.as_str()).await.is_err(), "a handle is closed once");
        let excluding = OpenFlags::CREATE | OpenFlags::WRITE | OpenFlags::EXCLUDE;
        let again = sftp.open("/OUT/a", excluding, russh_sftp::protocol::FileAttributes::empty()).await;
        assert!(again.is_err(), "EXCL means new");
        assert!(sftp.open("/OUT", OpenFlags::READ, FileAttributes::empty()).await.is_err());
    });
    assert!(world.bytes("A/OUT/a") == bytes);
}

use russh_sftp::protocol::{FileAttributes, OpenFlags};

/// All of them at once.
async fn futures_joined<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, result) in waiting.iter_mut().filter(|(_, result)| result.is_none()) {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(context) {
                *result = Some(value);
            }
        }
        match waiting.iter().all(|(_, result)| result.is_some()) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    waiting.into_iter().filter_map(|(_, result)| result).collect()
}

struct Trusting;

impl russh::client::Handler for Trusting {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        _key: &russh::keys::PublicKeyOrCertificate,
    ) -> Result<bool, russh::Error> {
        Ok(true)
    }
}
