//! What an installation says about an SFTP server, and the check of it. Shows neither keys nor passwords.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use russh::keys::{PrivateKey, PublicKey, decode_secret_key};

/// How to reach an SFTP server, and how to know it.
#[derive(Clone)]
pub struct SftpSettings {
    /// What the endpoint is called in errors and logs.
    pub name: String,
    /// Host name or address.
    pub host: String,
    /// Port, mostly 22.
    pub port: u16,
    /// User.
    pub user: String,
    /// Our private key: a file of OpenSSH's, or PEM.
    pub key: Option<KeyFile>,
    /// A password, for servers that know no keys. Serviceplatformen takes keys only (serviceplatformen-sftp.md 1, 3).
    pub password: Option<String>,
    /// The server's public keys, each a line of OpenSSH's (`ssh-ed25519 AAAA…`). At least one.
    pub host_keys: Vec<String>,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// How much at once.
    pub tuning: Tuning,
}

/// A private key as it is kept.
#[derive(Clone)]
pub struct KeyFile {
    /// The file's bytes.
    pub bytes: Vec<u8>,
    /// What it is locked with, if it is.
    pub passphrase: Option<String>,
}

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection, log-in included.
    pub connect: Duration,
    /// For the answer to one request; whole seconds, rounded up.
    pub operation: Duration,
    /// Between signs of life on a quiet connection. Three unanswered ones end it.
    pub keepalive: Duration,
    /// Without any sign of life, even before log-in.
    pub inactivity: Duration,
    /// Before a connection is tried again after one that failed; doubled after every further one.
    pub rest: Duration,
    /// The longest rest.
    pub longest_rest: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            connect: Duration::from_secs(10),
            operation: Duration::from_secs(30),
            keepalive: Duration::from_secs(15),
            inactivity: Duration::from_secs(90),
            rest: Duration::from_secs(1),
            longest_rest: Duration::from_secs(300),
        }
    }
}

/// How much at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// Bytes the server may send ahead. A permission, not memory: what is asked for at a time bounds that.
    pub window: u32,
    /// Requests of a transfer on their way at once, as far as its share of the memory goes.
    pub in_flight: usize,
}

impl Default for Tuning {
    fn default() -> Tuning {
        Tuning { window: 8 << 20, in_flight: 64 }
    }
}

impl Tuning {
    /// For endpoints that are mostly asked whether there is anything new.
    pub const POLLER: Tuning = Tuning { window: 256 << 10, in_flight: 8 };
}

impl SftpSettings {
    /// Settings with the usual times and sizes, and no way to log in yet.
    pub fn new(name: &str, host: &str, port: u16, user: &str) -> SftpSettings {
        SftpSettings {
            name: name.to_owned(),
            host: host.to_owned(),
            port,
            user: user.to_owned(),
            key: None,
            password: None,
            host_keys: Vec::new(),
            timeouts: Timeouts::default(),
            tuning: Tuning::default(),
        }
    }
}

impl fmt::Debug for SftpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SftpSettings { name, host, port, user, host_keys, timeouts, tuning, .. } = self;
        f.debug_struct("SftpSettings")
            .field("name", name)
            .field("address", &format_args!("{user}@{host}:{port}"))
            .field("host_keys", host_keys)
            .field("timeouts", timeouts)
            .field("tuning", tuning)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyFile(***)")
    }
}

/// What is wrong with settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The private key cannot be used. The cause is told without the key.
    #[error("endpoint `{endpoint}`: the private key cannot be used; is its passphrase right?")]
    Key {
        /// The endpoint.
        endpoint: String,
        /// What the reader of keys said.
        #[source]
        source: russh::keys::Error,
    },
    /// A pinned host key cannot be read.
    #[error("endpoint `{endpoint}`: host key {number} is no line like `ssh-ed25519 AAAA…`")]
    HostKey {
        /// The endpoint.
        endpoint: String,
        /// Which, counted from 1.
        number: usize,
    },
    /// No host key is pinned: any server would do.
    #[error("endpoint `{endpoint}`: no host key is pinned")]
    NoHostKey {
        /// The endpoint.
        endpoint: String,
    },
    /// There is nothing to log in with.
    #[error("endpoint `{endpoint}`: there is neither a private key nor a password")]
    NoLogin {
        /// The endpoint.
        endpoint: String,
    },
}

/// Settings whose keys have been read.
pub(super) struct Checked {
    pub(super) name: String,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) key: Option<Arc<PrivateKey>>,
    pub(super) password: Option<String>,
    pub(super) host_keys: Arc<[PublicKey]>,
    pub(super) timeouts: Timeouts,
    pub(super) tuning: Tuning,
}

impl Checked {
    pub(super) fn new(settings: SftpSettings) -> Result<Checked, SettingsError> {
        let endpoint = settings.name.clone();
        if settings.host_keys.is_empty() {
            return Err(SettingsError::NoHostKey { endpoint });
        }
        if settings.key.is_none() && settings.password.is_none() {
            return Err(SettingsError::NoLogin { endpoint });
        }
        let key = settings.key.as_ref().map(private_key).transpose();
        Ok(Checked {
            key: key.map_err(|source| SettingsError::Key { endpoint: endpoint.clone(), source })?,
            host_keys: host_keys(&endpoint, &settings.host_keys)?,
            name: settings.name,
            host: settings.host,
            port: settings.port,
            user: settings.user,
            password: settings.password,
            timeouts: settings.timeouts,
            tuning: settings.tuning,
        })
    }
}

fn private_key(file: &KeyFile) -> Result<Arc<PrivateKey>, russh::keys::Error> {
    let text = std::str::from_utf8(&file.bytes).map_err(|_| russh::keys::Error::CouldNotReadKey)?;
    decode_secret_key(text, file.passphrase.as_deref()).map(Arc::new)
}

fn host_keys(endpoint: &str, lines: &[String]) -> Result<Arc<[PublicKey]>, SettingsError> {
    let read = |(number, line): (usize, &String)| {
        PublicKey::from_openssh(line.trim())
            .map_err(|_| SettingsError::HostKey { endpoint: endpoint.to_owned(), number })
    };
    (1..).zip(lines).map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PINNED: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    fn settings() -> SftpSettings {
        let mut settings = SftpSettings::new("nemkonto", "127.0.0.1", 22, "hub");
        settings.host_keys = vec![PINNED.to_owned()];
        settings.password = Some("hemmeligt".to_owned());
        settings
    }

    #[test]
    fn what_is_missing_or_unreadable_is_named() {
        type Spoil = fn(&mut SftpSettings);
        let cases: [(Spoil, &str); 5] = [
            (|s| s.host_keys.clear(), "no host key is pinned"),
            (|s| s.password = None, "neither a private key nor a password"),
            (|s| s.host_keys.push("ssh-ed25519 nonsense".to_owned()), "host key 2 is no line"),
            (|s| s.host_keys[0].truncate(40), "host key 1 is no line"),
            (|s| s.key = Some(KeyFile { bytes: b"nonsense".to_vec(), passphrase: None }), "private key"),
        ];
        assert!(Checked::new(settings()).is_ok());
        for (spoil, expected) in cases {
            let mut spoilt = settings();
            spoil(&mut spoilt);
            let told = Checked::new(spoilt).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(told.contains("`nemkonto`") && told.contains(expected), "{told}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let mut settings = settings();
        settings.key = Some(KeyFile { bytes: b"PRIVATE".to_vec(), passphrase: Some("hemmeligt".to_owned()) });
        let shown = format!("{settings:?} {:?}", settings.key);
        assert!(!shown.contains("hemmeligt") && !shown.contains("PRIVATE") && !shown.contains("80, 82"));
    }
}
