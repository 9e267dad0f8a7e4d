//! An SFTP server for tests: on loopback only, each user in a folder of its own, key login only, and everything that
//! can go wrong at a real one on order ([`super::faults`]).
//!
//! Renames like OpenSSH (an existing target is refused), offers fsync and limits, and never posix-rename. Serves
//! what lies in the folders: whoever simulates a counterparty works on the same files. Knows no format.

mod jail;
mod session;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;

use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{PrivateKey, PublicKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Msg, Session as SshSession, VerifiedPublicKey};
use russh::{Channel, ChannelId, MethodKind, MethodSet};
use serde::Serialize;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::faults::{About, FaultKind, Faults};
use jail::Jail;

/// Bytes that a client may have under way before it must wait.
const WINDOW: u32 = 16 << 20;
/// Bytes of one SSH packet; the most that the library allows.
const PACKET: u32 = 65_535;
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1_024;
/// Connections that nothing is heard of are given up after so long.
const INACTIVITY: Duration = Duration::from_secs(600);

/// Who may log in.
#[derive(Clone, Debug)]
pub struct User {
    /// The name.
    pub name: String,
    /// The keys that let in.
    pub keys: Vec<PublicKey>,
    /// The folder that is all the user sees.
    pub root: PathBuf,
}

/// What a server is started with.
#[derive(Debug)]
pub struct Setup {
    /// The name that faults call it by.
    pub name: String,
    /// The port on 127.0.0.1; 0: any free one.
    pub port: u16,
    /// What it proves itself by.
    pub host_key: PrivateKey,
    /// Who may log in.
    pub users: Vec<User>,
    /// What goes wrong.
    pub faults: Arc<Faults>,
}

/// What a server has seen so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Connections that were accepted.
    pub connections: u64,
    /// Sessions that were let in.
    pub logins: u64,
    /// Attempts that were not.
    pub refused_logins: u64,
    /// Files closed after writing.
    pub uploads: u64,
    /// Files closed after reading.
    pub downloads: u64,
    /// Folders listed.
    pub listings: u64,
    /// Files renamed.
    pub renames: u64,
    /// Bytes of files received.
    pub bytes_in: u64,
    /// Bytes of files sent.
    pub bytes_out: u64,
}

#[derive(Debug, Default)]
struct Counts {
    connections: AtomicU64,
    logins: AtomicU64,
    refused_logins: AtomicU64,
    uploads: AtomicU64,
    downloads: AtomicU64,
    listings: AtomicU64,
    renames: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

/// What all connections of a server share.
struct Shared {
    name: String,
    users: HashMap<String, User>,
    faults: Arc<Faults>,
    counts: Counts,
    /// With the server's key, and with the key that the fault shows instead.
    config: RwLock<Arc<Config>>,
    other_config: Arc<Config>,
    open: Mutex<Vec<Weak<std::net::TcpStream>>>,
}

/// Cuts a connection, from wherever.
#[derive(Clone)]
struct Scissors(Arc<std::net::TcpStream>);

impl Scissors {
    fn cut(&self) {
        let _ = self.0.shutdown(Shutdown::Both); // a connection that is gone already is cut
    }
}

/// A running server; dropping it ends it.
pub struct SftpServer {
    address: SocketAddr,
    host_key: Mutex<PublicKey>,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

/// An Ed25519 key made of these bytes: the same bytes give the same key.
pub fn key_of(seed: &[u8; 32]) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(seed))
}

/// Writes a private key as OpenSSH reads it, for its owner only.
///
/// # Errors
/// The disk refused.
pub fn write_key(path: &Path, key: &PrivateKey) -> io::Result<()> {
    let text = key.to_openssh(LineEnding::LF).map_err(io::Error::other)?;
    jail::write_secret(path, text.as_bytes())
}

/// Writes a file that only its owner may read.
///
/// # Errors
/// The disk refused.
pub fn write_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    jail::write_secret(path, bytes)
}

fn config_with(key: PrivateKey) -> Arc<Config> {
    Arc::new(Config {
        methods: MethodSet::from(&[MethodKind::PublicKey][..]),
        auth_rejection_time: Duration::ZERO, // nobody guesses keys on loopback
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![key],
        window_size: WINDOW,
        maximum_packet_size: PACKET,
        channel_buffer_size: 1_024,
        inactivity_timeout: Some(INACTIVITY),
        nodelay: true,
        ..Config::default()
    })
}

/// Another key than the given one, for the fault that shows it.
fn another_key(key: &PrivateKey) -> PrivateKey {
    let mut hash = sha2::Sha256::default();
    sha2::Digest::update(&mut hash, b"another host key");
    sha2::Digest::update(&mut hash, key.public_key().to_bytes().unwrap_or_default());
    key_of(&sha2::Digest::finalize(hash).into())
}

fn loopback(port: u16) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    Ok(socket)
}

impl SftpServer {
    /// Starts a server on `runtime`.
    ///
    /// # Errors
    /// The port is taken, or the system has no more sockets.
    pub fn start(runtime: &Handle, setup: Setup) -> io::Result<SftpServer> {
        let _inside = runtime.enter();
        let listener = loopback(setup.port)?.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        let host_key = Mutex::new(setup.host_key.public_key().clone());
        let shared = Arc::new(Shared {
            name: setup.name,
            users: setup.users.into_iter().map(|user| (user.name.clone(), user)).collect(),
            faults: setup.faults,
            counts: Counts::default(),
            other_config: config_with(another_key(&setup.host_key)),
            config: RwLock::new(config_with(setup.host_key)),
            open: Mutex::default(),
        });
        let accepting = runtime.spawn(accept(shared.clone(), listener, address.port()));
        Ok(SftpServer { address, host_key, shared, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The key it proves itself by; not the one that a fault may show.
    pub fn host_key(&self) -> PublicKey {
        self.host_key.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From the next connection on it proves itself by another key.
    pub fn set_host_key(&self, key: PrivateKey) {
        *self.host_key.lock().unwrap_or_else(PoisonError::into_inner) = key.public_key().clone();
        *self.shared.config.write().unwrap_or_else(PoisonError::into_inner) = config_with(key);
    }

    /// Cuts all connections, as a restart would.
    pub fn cut_all(&self) {
        self.shared.cut_all();
    }

    /// What it has seen so far.
    pub fn seen(&self) -> Seen {
        let counts = &self.shared.counts;
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Seen {
            connections: of(&counts.connections),
            logins: of(&counts.logins),
            refused_logins: of(&counts.refused_logins),
            uploads: of(&counts.uploads),
            downloads: of(&counts.downloads),
            listings: of(&counts.listings),
            renames: of(&counts.renames),
            bytes_in: of(&counts.bytes_in),
            bytes_out: of(&counts.bytes_out),
        }
    }
}

impl Drop for SftpServer {
    fn drop(&mut self) {
        self.accepting.abort();
        self.shared.cut_all();
    }
}

impl Shared {
    fn cut_all(&self) {
        let open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        open.iter().filter_map(Weak::upgrade).for_each(|stream| Scissors(stream).cut());
    }

    fn remember(&self, stream: &Arc<std::net::TcpStream>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|known| known.strong_count() > 0);
        open.push(Arc::downgrade(stream));
    }

    fn is_dead(&self) -> bool {
        self.faults.stands(FaultKind::Refuse, &About::server(&self.name))
    }

    fn config(&self) -> Arc<Config> {
        match self.faults.strike(FaultKind::HostKey, &About::server(&self.name)) {
            Some(_) => self.other_config.clone(),
            None => self.config.read().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

/// Accepts until the server is dropped. While it is dead the port stays bound and nobody listens.
async fn accept(shared: Arc<Shared>, listener: TcpListener, port: u16) {
    let mut clock = shared.faults.clock();
    let mut listener = Some(listener);
    loop {
        if shared.is_dead() {
            drop(listener.take());
            shared.cut_all();
            let Some(socket) = rebound(port).await else { return };
            while shared.is_dead() {
                if clock.changed().await.is_err() {
                    return;
                }
            }
            listener = socket.listen(BACKLOG).ok();
        }
        let Some(listening) = &listener else { return };
        tokio::select! {
            changed = clock.changed() => if changed.is_err() { return },
            accepted = listening.accept() => match accepted {
                Ok((stream, _)) => admit(&shared, stream),
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await, // out of sockets: some will be closed
            },
        }
    }
}

/// The port again, bound but not listened at. Closing the listener may take the system a moment.
async fn rebound(port: u16) -> Option<TcpSocket> {
    for _ in 0..100 {
        if let Ok(socket) = loopback(port) {
            return Some(socket);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    None
}

fn admit(shared: &Arc<Shared>, stream: TcpStream) {
    shared.counts.connections.fetch_add(1, Ordering::Relaxed);
    let about = About::server(&shared.name);
    if shared.faults.strike(FaultKind::Refuse, &about).is_some() {
        let _ = stream.set_zero_linger(); // then closing is a reset, the nearest to a refusal once accepted
        return;
    }
    if shared.faults.strike(FaultKind::Silent, &about).is_some() {
        tokio::spawn(say_nothing(shared.clone(), stream));
        return;
    }
    let _ = stream.set_nodelay(true); // only slower without
    let halves = stream.into_std().and_then(|stream| Ok((Arc::new(stream.try_clone()?), stream)));
    let Ok((line, stream)) = halves else { return };
    let Ok(stream) = TcpStream::from_std(stream) else { return };
    shared.remember(&line);
    let config = shared.config();
    let client =
        Client { shared: shared.clone(), scissors: Scissors(line), user: None, channels: HashMap::new() };
    tokio::spawn(async move {
        if let Ok(running) = russh::server::run_stream(config, stream, client).await {
            let _ = running.await; // how a client leaves is its own affair
        }
    });
}

/// Holds a connection without a word, until the fault is over or, for one that is counted, for good.
async fn say_nothing(shared: Arc<Shared>, stream: TcpStream) {
    let mut clock = shared.faults.clock();
    let about = About::server(&shared.name);
    let lasting = shared.faults.stands(FaultKind::Silent, &about);
    while clock.changed().await.is_ok() {
        if lasting && !shared.faults.stands(FaultKind::Silent, &about) {
            break;
        }
    }
    drop(stream);
}

/// One connection.
struct Client {
    shared: Arc<Shared>,
    scissors: Scissors,
    user: Option<String>,
    channels: HashMap<ChannelId, Channel<Msg>>,
}

impl Client {
    fn lets_in(&self, name: &str, key: &PublicKey) -> bool {
        let about = About { user: Some(name), ..About::server(&self.shared.name) };
        let known = self.shared.users.get(name);
        known.is_some_and(|user| user.keys.iter().any(|known| known.key_data() == key.key_data()))
            && self.shared.faults.strike(FaultKind::Refuse, &about).is_none()
    }
}

impl russh::server::Handler for Client {
    type Error = russh::Error;

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, russh::Error> {
        if !self.lets_in(user, key.public_key) {
            self.shared.counts.refused_logins.fetch_add(1, Ordering::Relaxed);
            return Ok(Auth::reject());
        }
        self.shared.counts.logins.fetch_add(1, Ordering::Relaxed);
        self.user = Some(user.to_owned());
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut SshSession,
    ) -> Result<(), russh::Error> {
        self.channels.insert(channel.id(), channel);
        reply.accept().await;
        Ok(())
    }

    async fn channel_eof(&mut self, id: ChannelId, session: &mut SshSession) -> Result<(), russh::Error> {
        session.close(id)
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        name: &str,
        session: &mut SshSession,
    ) -> Result<(), russh::Error> {
        let user = self.user.as_ref().and_then(|name| self.shared.users.get(name));
        let (Some(user), Some(channel), "sftp") = (user, self.channels.remove(&id), name) else {
            return session.channel_failure(id);
        };
        session.channel_success(id)?;
        let jail = Jail::new(user.root.clone());
        let handler =
            session::Session::new(self.shared.clone(), user.name.clone(), jail, self.scissors.clone());
        let config = russh_sftp::server::Config { max_client_packet_len: session::MOST_PACKET + 1_024 };
        russh_sftp::server::run_with_config(channel.into_stream(), handler, config).await;
        Ok(())
    }
}
