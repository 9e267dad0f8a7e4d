//! Real SFTP servers for tests: each on a free port of loopback, with all it has in a folder of its own, gone at the end.
//!
//! A server that is not installed is a failure, not a reason to skip.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test and its own files")]
#![allow(dead_code, reason = "each test file uses some of it")]

use std::fs;
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use toek_adapters::drop::{Sink, Source};
use toek_adapters::sftp::{ByteBudget, Commit, KeyFile, SftpDrop, SftpEndpoint, SftpSettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const APT: &str = "apt-get install -y openssh-server openssh-client proftpd-mod-crypto openssl";

fn need(program: &str) {
    assert!(Path::new(program).exists(), "{program} is missing; install it: {APT}");
}

fn run(program: &str, args: &[&str]) -> String {
    let told = format!("{program} {}: {APT}", args.join(" "));
    let output = Command::new(program).args(args).stdin(Stdio::null()).output().expect(&told);
    assert!(output.status.success(), "{told}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// A server's process and what it started, which ends with this.
struct Process(Child);

impl Process {
    fn start(command: &mut Command, port: u16) -> Process {
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = Process(quiet.spawn().unwrap());
        for _ in 0..200 {
            if greets(port) {
                return process;
            }
            assert_eq!(process.0.try_wait().unwrap(), None, "the server ended at once");
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the server does not answer on port {port}");
    }
}

fn greets(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return false };
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let mut greeting = [0; 4];
    stream.read_exact(&mut greeting).is_ok() && &greeting == b"SSH-"
}

/// A process and all that came from it: servers give each connection a process of its own.
fn family(pid: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let descendants = children.split_whitespace().filter_map(|child| child.parse().ok()).flat_map(family);
    std::iter::once(pid).chain(descendants).collect()
}

impl Process {
    /// Sends a signal to the server and all its connections.
    fn signal(&self, signal: &str) {
        let pids: Vec<String> = family(self.0.id()).iter().map(u32::to_string).collect();
        let _ = Command::new("kill").arg(signal).args(&pids).stderr(Stdio::null()).status();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal("-KILL");
        let _ = self.0.wait();
    }
}

/// How an OpenSSH server is started.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// As it comes.
    Plain,
    /// Nothing may be written.
    ReadOnly,
    /// Writing fails behind the first megabyte of a file, as on a full disk.
    Cramped,
}

/// OpenSSH's server.
pub(crate) struct OpenSsh {
    dir: TempDir,
    port: u16,
    kind: Kind,
    process: Option<Process>,
}

impl OpenSsh {
    pub(crate) fn start() -> OpenSsh {
        OpenSsh::of_kind(Kind::Plain)
    }

    pub(crate) fn of_kind(kind: Kind) -> OpenSsh {
        need("/usr/sbin/sshd");
        fs::create_dir_all("/run/sshd").unwrap(); // asked for when started by root
        let dir = tempfile::tempdir().unwrap();
        for folder in ["IN", "OUT"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        let mut server = OpenSsh { dir, port: free_port(), kind, process: None };
        server.new_key("host");
        server.new_key("client");
        fs::copy(server.path("client.pub"), server.path("authorized_keys")).unwrap();
        server.up();
        server
    }

    /// Another key pair, over the one of that name.
    pub(crate) fn new_key(&self, name: &str) {
        let path = self.path(name);
        let _ = fs::remove_file(&path);
        run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", path.to_str().unwrap()]);
    }

    pub(crate) fn up(&mut self) {
        let (at, sftp) = (self.dir.path().display(), self.subsystem());
        let config = format!(
            "Port {}\nListenAddress 127.0.0.1\nHostKey {at}/host\nPidFile {at}/pid\n\
             AuthorizedKeysFile {at}/authorized_keys\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
             PermitRootLogin prohibit-password\nSubsystem sftp {sftp}\nMaxStartups 300:30:400\n",
            self.port
        );
        fs::write(self.path("conf"), config).unwrap();
        // An ignored signal and a limit pass on to what is started: writing on gives an error.
        let prelude = match self.kind {
            Kind::Cramped => "trap '' XFSZ; ulimit -f 1024; ",
            Kind::Plain | Kind::ReadOnly => "",
        };
        let script = format!("{prelude}exec /usr/sbin/sshd -D -f {at}/conf -E {at}/log");
        self.process = Some(Process::start(Command::new("bash").args(["-c", &script]), self.port));
    }

    fn subsystem(&self) -> &'static str {
        match self.kind {
            Kind::ReadOnly => "internal-sftp -R",
            Kind::Plain | Kind::Cramped => "internal-sftp",
        }
    }

    /// Kills the server with all its connections.
    pub(crate) fn down(&mut self) {
        self.process = None;
    }

    /// Sends a signal to the server and all its connections.
    pub(crate) fn signal(&self, signal: &str) {
        self.process.as_ref().unwrap().signal(signal);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn settings(&self) -> SftpSettings {
        let mut settings = SftpSettings::new("openssh", "127.0.0.1", self.port, &user());
        settings.key = Some(KeyFile { bytes: fs::read(self.path("client")).unwrap(), passphrase: None });
        settings.host_keys = vec![fs::read_to_string(self.path("host.pub")).unwrap()];
        settings.timeouts.rest = Duration::from_millis(1);
        settings.timeouts.longest_rest = Duration::from_millis(2);
        settings
    }

    pub(crate) fn endpoint(&self) -> Arc<SftpEndpoint> {
        SftpEndpoint::new(self.settings(), Arc::new(ByteBudget::default())).unwrap()
    }

    /// Ours, which delivers to `OUT`, and theirs, which takes from there.
    pub(crate) fn pair(&self, commit: Commit) -> (SftpDrop, SftpDrop) {
        let at = |name: &str| self.path(name).to_str().unwrap().to_owned();
        let drop = |from: &str, to: &str| SftpDrop::new(self.endpoint(), &at(from), &at(to), commit.clone());
        (drop("IN", "OUT"), drop("OUT", "IN"))
    }
}

pub(crate) fn user() -> String {
    run("id", &["-un"]).trim().to_owned()
}

/// ProFTPD, which renames over what is there. Logs in by password.
pub(crate) struct ProFtpd {
    dir: TempDir,
    port: u16,
    process: Option<Process>,
}

const PASSWORD: &str = "hemmeligt";

impl ProFtpd {
    pub(crate) fn start() -> ProFtpd {
        need("/usr/sbin/proftpd");
        need("/usr/lib/proftpd/mod_sftp.so");
        let dir = tempfile::tempdir().unwrap();
        for folder in ["home", "home/IN", "home/OUT"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        let mut server = ProFtpd { dir, port: free_port(), process: None };
        let at = server.dir.path().display().to_string();
        let hash = run("openssl", &["passwd", "-6", PASSWORD]);
        let (uid, gid) = (run("id", &["-u"]), run("id", &["-g"]));
        let line = format!("supplier:{}:{}:{}::{at}/home:/bin/sh\n", hash.trim(), uid.trim(), gid.trim());
        fs::write(server.path("passwd"), line).unwrap();
        run("chmod", &["640", server.path("passwd").to_str().unwrap()]);
        let key = format!("{at}/hostkey");
        run("ssh-keygen", &["-q", "-t", "rsa", "-b", "3072", "-m", "PEM", "-N", "", "-f", &key]);
        server.up();
        server
    }

    pub(crate) fn up(&mut self) {
        let (at, user, group) = (self.dir.path().display(), user(), run("id", &["-gn"]));
        let config = format!(
            "ServerName test\nServerType standalone\nDefaultServer on\nUseReverseDNS off\nWtmpLog off\n\
             DefaultAddress 127.0.0.1\nPort {}\nUser {user}\nGroup {}\nRootLogin on\nPidFile {at}/pid\n\
             ScoreboardFile {at}/scoreboard\nDelayTable none\nAuthUserFile {at}/passwd\n\
             AuthOrder mod_auth_file.c\nRequireValidShell off\nLoadModule mod_sftp.c\nSFTPEngine on\n\
             SFTPLog {at}/log\nSFTPHostKey {at}/hostkey\nSFTPAuthMethods password\n",
            self.port,
            group.trim()
        );
        fs::write(self.path("conf"), config).unwrap();
        let mut command = Command::new("/usr/sbin/proftpd");
        command.args(["-n", "-c", self.path("conf").to_str().unwrap()]);
        self.process = Some(Process::start(&mut command, self.port));
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn settings(&self) -> SftpSettings {
        let mut settings = SftpSettings::new("proftpd", "127.0.0.1", self.port, "supplier");
        settings.password = Some(PASSWORD.to_owned());
        settings.host_keys = vec![fs::read_to_string(self.path("hostkey.pub")).unwrap()];
        settings
    }

    pub(crate) fn pair(&self, commit: Commit) -> (SftpDrop, SftpDrop) {
        let endpoint = SftpEndpoint::new(self.settings(), Arc::new(ByteBudget::default())).unwrap();
        let at = |name: &str| self.path("home").join(name).to_str().unwrap().to_owned();
        let drop = |from: &str, to: &str| SftpDrop::new(endpoint.clone(), &at(from), &at(to), commit.clone());
        (drop("IN", "OUT"), drop("OUT", "IN"))
    }
}

/// Bytes that do not compress and never repeat within a file, the same for the same seed.
pub(crate) fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    let mut bytes: Vec<u8> = words.take(len.div_ceil(8)).flatten().collect();
    bytes.truncate(len);
    bytes
}

/// What both directions are tried with.
pub(crate) fn contents() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("empty.xml", Vec::new()),
        ("one.xml", b"1".to_vec()),
        ("danish.xml", "Blåbærgrød til Øjvind og Åse".repeat(1000).into_bytes()),
        ("danish-latin1.txt", b"\xe6\xf8\xe5\xc6\xd8\xc5".to_vec()),
        ("odd.bin", noise(255 * 1024 * 3 + 1, 7)),
        ("large.bin", noise(50_000_000, 1)),
    ]
}

/// Calls `at` once, when `after` bytes have passed.
pub(crate) struct Passing<T, F> {
    pub(crate) inner: T,
    pub(crate) after: usize,
    pub(crate) at: Option<F>,
}

impl<T, F: FnOnce()> Passing<T, F> {
    fn pass(&mut self, bytes: usize) {
        self.after = self.after.saturating_sub(bytes);
        if self.after == 0
            && let Some(at) = self.at.take()
        {
            at();
        }
    }
}

/// A file in memory, in blocks.
pub(crate) struct Blocks<'a>(pub(crate) &'a [u8]);

impl<F: FnOnce() + Send> Source for Passing<Blocks<'_>, F> {
    fn block(&mut self) -> io::Result<&[u8]> {
        let (block, rest) = self.inner.0.split_at(self.inner.0.len().min(100_000));
        self.inner.0 = rest;
        self.pass(block.len());
        Ok(block)
    }
}

impl<T: Sink, F: FnOnce() + Send> Sink for Passing<T, F> {
    fn block(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.pass(bytes.len());
        self.inner.block(bytes)
    }
}

/// A way to `to` on which everything takes `delay` longer, there and back.
pub(crate) async fn slow_way(to: u16, delay: Duration) -> u16 {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let Ok(far) = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, to)).await else { continue };
            near.set_nodelay(true).unwrap();
            far.set_nodelay(true).unwrap();
            let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
            tokio::spawn(carry(near_in, far_out, delay));
            tokio::spawn(carry(far_in, near_out, delay));
        }
    });
    port
}

async fn carry(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    delay: Duration,
) {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(1024);
    tokio::spawn(async move {
        while let Some((due, bytes)) = receiver.recv().await {
            tokio::time::sleep_until(due).await;
            let bytes: Vec<u8> = bytes;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let due = tokio::time::Instant::now() + delay;
        if sender.send((due, buffer[..read].to_vec())).await.is_err() {
            return;
        }
    }
}

/// A port that takes connections and never says a word.
pub(crate) async fn silent() -> u16 {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    port
}

/// A port where nobody takes connections, and whose queue is full: what is sent there vanishes.
pub(crate) struct BlackHole {
    _listener: tokio::net::TcpListener,
    _queued: Vec<tokio::net::TcpStream>,
    pub(crate) port: u16,
}

pub(crate) async fn black_hole() -> BlackHole {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let listener = socket.listen(1).unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut queued = Vec::new();
    let soon = Duration::from_millis(200);
    while let Ok(Ok(stream)) =
        tokio::time::timeout(soon, tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port))).await
    {
        queued.push(stream);
    }
    BlackHole { _listener: listener, _queued: queued, port }
}

/// A port where connections are refused.
pub(crate) fn refusing() -> u16 {
    free_port()
}
