//! One server: its kept session, and what becomes of it when the server fails. A server that cannot be reached is left
//! alone for longer and longer; one that shows a strange key is not used again.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tracing::Instrument;

use super::budget::ByteBudget;
use super::session::{NoSession, Session, fingerprint};
use super::settings::{Checked, SettingsError, SftpSettings, Timeouts};
use crate::drop::DropError;

/// An SFTP server as the hub uses it: any number of drops share its one session, which is made when it is first needed
/// and kept.
pub struct SftpEndpoint {
    settings: Checked,
    budget: Arc<ByteBudget>,
    line: Mutex<Line>,
}

/// How it stands with the server.
enum Line {
    /// Not connected: not yet, or not any more.
    Down { failures: u32 },
    /// Connected, when last looked at.
    Up(Arc<Session>),
    /// Left alone until the nap is over.
    Resting { failures: u32, nap: JoinHandle<()>, last: String, may_pass: bool },
    /// It showed a key that is not pinned.
    Shut { shown: String },
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Line::Resting { nap, .. } = self {
            nap.abort();
        }
    }
}

impl SftpEndpoint {
    /// An endpoint by its settings; nothing is sent yet. Endpoints of one hub share its budget.
    ///
    /// # Errors
    /// Settings that cannot work: unreadable keys, no pinned host key, nothing to log in with.
    pub fn new(settings: SftpSettings, budget: Arc<ByteBudget>) -> Result<Arc<SftpEndpoint>, SettingsError> {
        let settings = Checked::new(settings)?;
        Ok(Arc::new(SftpEndpoint { settings, budget, line: Mutex::new(Line::Down { failures: 0 }) }))
    }

    /// Its name, as errors tell it.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    pub(super) fn budget(&self) -> &ByteBudget {
        &self.budget
    }

    /// The kept session, or a new one.
    pub(super) async fn session(self: &Arc<Self>) -> Result<Arc<Session>, DropError> {
        // On a task of its own: a caller that gives up early must not keep the outcome from being noted.
        let this = self.clone();
        let span = tracing::info_span!("sftp", endpoint = %self.settings.name);
        let joined = tokio::spawn(async move { this.line_up().await }.instrument(span)).await;
        joined.unwrap_or_else(|error| {
            Err(DropError::Remote {
                endpoint: self.settings.name.clone(),
                action: "connect to",
                path: self.settings.host.clone(),
                may_pass: true,
                source: Box::new(error),
            })
        })
    }

    async fn line_up(&self) -> Result<Arc<Session>, DropError> {
        let mut line = self.line.lock().await;
        let failures = match &*line {
            Line::Up(session) if session.is_up() => return Ok(session.clone()),
            Line::Up(session) => match session.stranger().map(str::to_owned) {
                Some(shown) => return Err(self.shut(&mut line, shown)),
                None => 0,
            },
            Line::Shut { shown } => return Err(self.strange_key(shown)),
            Line::Resting { failures, nap, last, may_pass } if !nap.is_finished() => {
                return Err(DropError::Resting {
                    endpoint: self.settings.name.clone(),
                    failures: *failures,
                    last: last.clone(),
                    may_pass: *may_pass,
                });
            }
            Line::Resting { failures, .. } | Line::Down { failures } => *failures,
        };
        *line = Line::Down { failures };
        match Session::connect(&self.settings).await {
            Ok(session) => {
                tracing::info!(failures, "connected");
                let session = Arc::new(session);
                *line = Line::Up(session.clone());
                Ok(session)
            }
            Err(NoSession::HostKey(shown)) => Err(self.shut(&mut line, shown)),
            Err(NoSession::Failed(error)) => {
                *line = self.rest(failures + 1, &error);
                Err(error)
            }
        }
    }

    fn rest(&self, failures: u32, error: &DropError) -> Line {
        let length = rest_after(failures, &self.settings.name, &self.settings.timeouts);
        let last = with_causes(error);
        tracing::warn!(failures, rest_ms = length.as_millis() as u64, error = last, "not connected");
        Line::Resting {
            failures,
            nap: tokio::spawn(tokio::time::sleep(length)),
            last,
            may_pass: error.may_pass(),
        }
    }

    fn shut(&self, line: &mut Line, shown: String) -> DropError {
        let error = self.strange_key(&shown);
        tracing::error!(%error, "strange host key");
        *line = Line::Shut { shown };
        error
    }

    fn strange_key(&self, shown: &str) -> DropError {
        let pinned: Vec<String> = self.settings.host_keys.iter().map(fingerprint).collect();
        DropError::HostKey {
            endpoint: self.settings.name.clone(),
            shown: shown.to_owned(),
            pinned: pinned.join(" or "),
        }
    }
}

/// An error and what it came from, in one line.
fn with_causes(error: &DropError) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    told
}

/// Twice as long after each failure, up to the longest; and up to a quarter more, different for each endpoint and each
/// time, so that endpoints that failed together do not come back together.
fn rest_after(failures: u32, endpoint: &str, timeouts: &Timeouts) -> Duration {
    let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
    let rest = timeouts.rest.saturating_mul(doubled).min(timeouts.longest_rest);
    rest + rest * spread(endpoint, failures) / 1024
}

/// FNV-1a over the name and the count: 0 to 255.
fn spread(endpoint: &str, failures: u32) -> u32 {
    let bytes = endpoint.bytes().chain(failures.to_le_bytes());
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash >> 24
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_grow_to_the_longest_and_differ_between_endpoints() {
        let timeouts = Timeouts::default();
        for (failures, least) in [(1, 1), (2, 2), (3, 4), (8, 128), (9, 256), (10, 300), (u32::MAX, 300)] {
            let rest = rest_after(failures, "a", &timeouts);
            let least = Duration::from_secs(least);
            assert!(rest >= least && rest < least * 5 / 4, "{failures}: {rest:?}");
        }
        let rests: std::collections::HashSet<_> =
            (0..98).map(|n| rest_after(1, &format!("municipality {n}"), &timeouts)).collect();
        assert!(rests.len() > 60, "{}", rests.len());
    }
}
