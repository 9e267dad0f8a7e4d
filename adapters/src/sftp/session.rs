//! One SSH connection with SFTP on it: the handshake, the check of the server's key, log-in. Uses a connection only with
//! a server that has shown a pinned key.

use std::borrow::Cow;
use std::error::Error as AnyError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use russh::client::{self, AuthResult, Msg};
use russh::keys::{Algorithm, HashAlg, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{AlgorithmKind, Channel, ChannelMsg, Preferred, cipher};
use russh_sftp::client::RawSftpSession;
use russh_sftp::client::error::Error as SftpError;
use russh_sftp::client::rawsession::Limits;
use russh_sftp::protocol::StatusCode;

use super::settings::Checked;
use super::transfer::Pace;
use crate::drop::DropError;

/// Bytes that every server takes in one request (SFTP version 3, section 3).
const SAFE_CHUNK: u32 = 32 * 1024;
/// The longest answer read from a server.
const MAX_PACKET: u32 = 256 * 1024;
/// The most asked for at once, so that the answer with its head stays below the longest.
const MAX_CHUNK: u32 = 255 * 1024;
/// The longest SSH packet we ask the server to send: the protocol's usual limit.
const SSH_PACKET: u32 = 65_535;

/// SSH packets that came and were not looked at yet: 1 MiB. Beyond that the server is made to wait.
const BUFFERED_PACKETS: usize = 16;

/// AES in hardware is twice as fast as ChaCha20; both authenticate what they carry.
const CIPHERS: &[cipher::Name] =
    &[cipher::AES_256_GCM, cipher::AES_128_GCM, cipher::CHACHA20_POLY1305, cipher::AES_256_CTR];

/// Why there is no session.
pub(super) enum NoSession {
    /// The server showed another key than those pinned: its fingerprint, or what else it showed.
    HostKey(String),
    /// Anything else.
    Failed(DropError),
}

/// A connection ready for use.
pub(super) struct Session {
    endpoint: String,
    // Held for its drop, which ends the connection.
    ssh: client::Handle<Doorkeeper>,
    /// The protocol on it.
    pub(super) sftp: Arc<RawSftpSession>,
    can_sync: bool,
    limits: Limits,
    in_flight: usize,
    broken: AtomicBool,
    stranger: Arc<OnceLock<String>>,
}

/// Looks at the server's key, when the connection begins and whenever its keys are renewed.
struct Doorkeeper {
    pinned: Arc<[PublicKey]>,
    stranger: Arc<OnceLock<String>>,
}

impl client::Handler for Doorkeeper {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        let shown = shown.public_key();
        let is_pinned = self.pinned.iter().any(|key| key.key_data() == shown.key_data());
        if !is_pinned {
            let _ = self.stranger.set(fingerprint(&shown)); // the first stranger is the one to tell of
        }
        Ok(is_pinned)
    }
}

/// A key as people compare it.
pub(super) fn fingerprint(key: &PublicKey) -> String {
    format!("{} {}", key.algorithm(), key.fingerprint(HashAlg::Sha256))
}

/// Only keys of the pinned kinds are asked for, so that a server with several shows the one we can judge.
fn host_key_algorithms(pinned: &[PublicKey]) -> Vec<Algorithm> {
    let is_pinned = |wanted: &&Algorithm| {
        pinned.iter().any(|key| match wanted {
            Algorithm::Rsa { .. } => key.algorithm().is_rsa(),
            other => key.algorithm() == **other,
        })
    };
    let strong = |wanted: &&Algorithm| !matches!(wanted, Algorithm::Rsa { hash: None }); // SHA-1
    Preferred::DEFAULT.key.iter().filter(is_pinned).filter(strong).cloned().collect()
}

fn ssh_config(settings: &Checked) -> client::Config {
    client::Config {
        window_size: settings.tuning.window,
        maximum_packet_size: SSH_PACKET,
        channel_buffer_size: BUFFERED_PACKETS,
        preferred: Preferred {
            key: Cow::Owned(host_key_algorithms(&settings.host_keys)),
            cipher: Cow::Borrowed(CIPHERS),
            ..Preferred::DEFAULT
        },
        nodelay: true, // small requests would wait for each other
        keepalive_interval: Some(settings.timeouts.keepalive),
        keepalive_max: 3,
        inactivity_timeout: Some(settings.timeouts.inactivity),
        ..client::Config::default()
    }
}

impl Session {
    /// Connects, within the time the settings give it.
    pub(super) async fn connect(settings: &Checked) -> Result<Session, NoSession> {
        let limit = settings.timeouts.connect;
        match tokio::time::timeout(limit, Session::handshake(settings)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(failed(settings, "connect to", true, DropError::Late { limit })),
        }
    }

    async fn handshake(settings: &Checked) -> Result<Session, NoSession> {
        let stranger = Arc::new(OnceLock::new());
        let doorkeeper = Doorkeeper { pinned: settings.host_keys.clone(), stranger: stranger.clone() };
        let config = Arc::new(ssh_config(settings));
        let address = (settings.host.as_str(), settings.port);
        let mut ssh = client::connect(config, address, doorkeeper)
            .await
            .map_err(|error| no_connection(settings, &stranger, error))?;
        log_in(settings, &mut ssh).await?;
        let channel = open_sftp(&ssh).await.map_err(|error| failed(settings, "open SFTP at", true, error))?;
        let config = russh_sftp::client::Config {
            max_packet_len: MAX_PACKET,
            request_timeout_secs: whole_secs(settings.timeouts.operation),
            ..russh_sftp::client::Config::default()
        };
        let mut sftp = RawSftpSession::new_with_config(channel.into_stream(), config);
        let began = begin(&mut sftp).await;
        let (can_sync, limits) = began.map_err(|error| failed(settings, "begin SFTP at", true, error))?;
        Ok(Session {
            endpoint: settings.name.clone(),
            ssh,
            sftp: Arc::new(sftp),
            can_sync,
            limits,
            in_flight: settings.tuning.in_flight,
            broken: AtomicBool::new(false),
            stranger,
        })
    }

    /// Whether it can be used for a further step.
    pub(super) fn is_up(&self) -> bool {
        !self.broken.load(Ordering::Relaxed) && !self.ssh.is_closed() && self.stranger.get().is_none()
    }

    /// The key of a server that changed it while connected.
    pub(super) fn stranger(&self) -> Option<&str> {
        self.stranger.get().map(String::as_str)
    }

    /// Whether the server writes a file to its disk when asked to.
    pub(super) fn can_sync(&self) -> bool {
        self.can_sync
    }

    /// How to read within `bytes` of memory.
    pub(super) fn reading_pace(&self, bytes: usize) -> Pace {
        Pace::within(bytes, chunk(self.limits.read_len), self.in_flight)
    }

    /// How to write within `bytes` of memory.
    pub(super) fn writing_pace(&self, bytes: usize) -> Pace {
        Pace::within(bytes, chunk(self.limits.write_len), self.in_flight)
    }

    /// Names a failed step. A failure that is no answer of the server's means the end of this session.
    pub(super) fn failed(&self, action: &'static str, path: &str, error: SftpError) -> DropError {
        if !matches!(error, SftpError::Status(_)) {
            self.broken.store(true, Ordering::Relaxed);
        }
        DropError::Remote {
            endpoint: self.endpoint.clone(),
            action,
            path: path.to_owned(),
            may_pass: may_pass(&error),
            source: Box::new(error),
        }
    }
}

/// Whether the server says that there is no such file.
pub(super) fn is_missing(error: &SftpError) -> bool {
    matches!(error, SftpError::Status(status) if status.status_code == StatusCode::NoSuchFile)
}

/// "Failure" is all that many servers say, of a full disk too: that may pass. Missing folders and rights do not.
fn may_pass(error: &SftpError) -> bool {
    match error {
        SftpError::Status(status) => !matches!(
            status.status_code,
            StatusCode::NoSuchFile
                | StatusCode::PermissionDenied
                | StatusCode::OpUnsupported
                | StatusCode::BadMessage
        ),
        _ => true,
    }
}

fn chunk(limit: Option<u64>) -> u32 {
    limit.map_or(SAFE_CHUNK, |limit| u32::try_from(limit).unwrap_or(u32::MAX).min(MAX_CHUNK))
}

fn whole_secs(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

fn failed(
    settings: &Checked,
    action: &'static str,
    may_pass: bool,
    source: impl Into<Box<dyn AnyError + Send + Sync>>,
) -> NoSession {
    NoSession::Failed(DropError::Remote {
        endpoint: settings.name.clone(),
        action,
        path: format!("{}:{}", settings.host, settings.port),
        may_pass,
        source: source.into(),
    })
}

fn no_connection(settings: &Checked, stranger: &OnceLock<String>, error: russh::Error) -> NoSession {
    match (stranger.get(), &error) {
        (Some(shown), _) => NoSession::HostKey(shown.clone()),
        (None, russh::Error::NoCommonAlgo { kind: AlgorithmKind::Key, theirs, .. }) => {
            NoSession::HostKey(format!("none of the pinned kinds, only {}", theirs.join(", ")))
        }
        (None, russh::Error::NoCommonAlgo { .. }) => failed(settings, "connect to", false, error),
        (None, _) => failed(settings, "connect to", true, error),
    }
}

/// By key, then by password, as far as the settings hold them.
async fn log_in(settings: &Checked, ssh: &mut client::Handle<Doorkeeper>) -> Result<(), NoSession> {
    let broken = |error: russh::Error| failed(settings, "log in at", true, error);
    let mut outcome = None;
    if let Some(key) = &settings.key {
        let hash = match key.algorithm().is_rsa() {
            true => ssh.best_supported_rsa_hash().await.map_err(broken)?.flatten().or(Some(HashAlg::Sha256)),
            false => None,
        };
        let key = PrivateKeyWithHashAlg::new(key.clone(), hash);
        outcome = Some(ssh.authenticate_publickey(settings.user.as_str(), key).await.map_err(broken)?);
    }
    if let Some(password) = &settings.password
        && !matches!(outcome, Some(AuthResult::Success))
    {
        let tried = ssh.authenticate_password(settings.user.as_str(), password.as_str());
        outcome = Some(tried.await.map_err(broken)?);
    }
    match outcome {
        Some(AuthResult::Success) => Ok(()),
        _ => Err(failed(settings, "log in at", false, "the server refused the user or its key")),
    }
}

async fn open_sftp(
    ssh: &client::Handle<Doorkeeper>,
) -> Result<Channel<Msg>, Box<dyn AnyError + Send + Sync>> {
    let mut channel = ssh.channel_open_session().await?;
    channel.request_subsystem(true, "sftp").await?;
    loop {
        match channel.wait().await {
            Some(ChannelMsg::Success) => return Ok(channel),
            Some(ChannelMsg::WindowAdjusted { .. }) => {}
            Some(ChannelMsg::Failure) => return Err("the server has no SFTP".into()),
            _ => return Err("the server closed the channel".into()),
        }
    }
}

/// Says hello, and asks what the server can do and bear.
async fn begin(sftp: &mut RawSftpSession) -> Result<(bool, Limits), SftpError> {
    let extensions = sftp.init().await?.extensions;
    let offers = |name: &str| extensions.get(name).is_some_and(|version| version == "1");
    let limits = match offers("limits@openssh.com") {
        true => Limits::from(sftp.limits().await?),
        false => Limits::default(),
    };
    sftp.set_limits(limits);
    Ok((offers("fsync@openssh.com"), limits))
}
