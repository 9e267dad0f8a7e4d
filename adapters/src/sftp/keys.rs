//! Keys of SSH as they stand in files: made, read, and never shown.

use std::fmt;

use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::ssh_key::{self, LineEnding};
use russh::keys::{PrivateKey, PublicKey, decode_secret_key};

/// A key to log in with, both halves in OpenSSH's form.
pub struct KeyPair {
    /// The private half: a file for its owner only.
    pub private: String,
    /// The public half, one line: what the counterparty is given.
    pub public: String,
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({})", self.public)
    }
}

impl KeyPair {
    /// An Ed25519 key made of 32 random bytes. `comment` tells people whose it is.
    ///
    /// # Errors
    /// A comment that cannot stand in a key file.
    pub fn new(seed: &[u8; 32], comment: &str) -> Result<KeyPair, ssh_key::Error> {
        let mut key = PrivateKey::from(Ed25519Keypair::from_seed(seed));
        key.set_comment(comment);
        Ok(KeyPair {
            private: key.to_openssh(LineEnding::LF)?.to_string(),
            public: key.public_key().to_openssh()?,
        })
    }
}

/// The public half of a private key's file, as OpenSSH writes it.
///
/// # Errors
/// Bytes that are no private key, or one that is locked with a passphrase; told without the key.
pub fn public_half(file: &[u8]) -> Result<String, russh::keys::Error> {
    let text = std::str::from_utf8(file).map_err(|_| russh::keys::Error::CouldNotReadKey)?;
    Ok(decode_secret_key(text, None)?.public_key().to_openssh()?)
}

/// Whether a line is a server's public key, as `ssh-ed25519 AAAA…`.
pub fn is_host_key(line: &str) -> bool {
    PublicKey::from_openssh(line.trim()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_back_and_shows_only_its_public_half() {
        let pair = KeyPair::new(&[7; 32], "toek").unwrap();
        assert!(pair.public.starts_with("ssh-ed25519 AAAA") && pair.public.ends_with(" toek"), "{pair:?}");
        assert_eq!(public_half(pair.private.as_bytes()).unwrap(), pair.public);
        assert!(is_host_key(&pair.public) && !is_host_key(&pair.public[..40]));
        assert_ne!(KeyPair::new(&[8; 32], "toek").unwrap().public, pair.public);
        assert!(!format!("{pair:?}").contains("PRIVATE"));
        for spoilt in [&b"nonsense"[..], b"", &pair.private.as_bytes()[..120], b"\xff"] {
            assert!(public_half(spoilt).is_err());
        }
    }
}
