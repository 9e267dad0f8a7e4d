//! Turns an endpoint's configuration into drops: the one place that knows the kinds of endpoints.
//!
//! A server has one session, however many drops lie on it; all share one budget of bytes in flight.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use toek_adapters::disk::Disk;
use toek_adapters::drop::{Drop, TRIGGER};
use toek_adapters::folder::FolderDrop;
use toek_adapters::sftp::{self, ByteBudget, KeyFile, SftpDrop, SftpEndpoint, SftpSettings};

use super::PipelineError;
use crate::config::{Commit, Endpoint, EndpointKind, Limits, SftpAccess};

/// How long one request may take: what is in flight at once must pass a slow line in that time. A dead line is noticed
/// sooner, by what keeps it alive.
const SLOWEST_ANSWER: Duration = Duration::from_secs(180);

/// Makes the drop of an endpoint's folder.
pub type Opener = dyn Fn(&Endpoint, &Path) -> Box<dyn Drop> + Send + Sync;

/// The servers that were spoken to so far.
pub struct Endpoints {
    budget: Arc<ByteBudget>,
    servers: Mutex<HashMap<String, Arc<SftpEndpoint>>>,
    opener: Option<Box<Opener>>,
}

impl Endpoints {
    /// None yet.
    pub fn new(limits: &Limits) -> Endpoints {
        let bytes = usize::try_from(limits.in_flight_bytes).unwrap_or(usize::MAX);
        let budget = Arc::new(ByteBudget::new(bytes, limits.data_transfers as usize));
        Endpoints { budget, servers: Mutex::default(), opener: None }
    }

    /// Whatever kind they are of, they are what `opener` makes: a simulator's.
    pub fn simulated(limits: &Limits, opener: Box<Opener>) -> Endpoints {
        Endpoints { opener: Some(opener), ..Endpoints::new(limits) }
    }

    /// One folder of an endpoint as a drop. `dir` is the installation's directory.
    pub(super) fn open(
        &self,
        endpoint: &Endpoint,
        dir: &Path,
        folder: &Path,
        disk: &Arc<dyn Disk>,
    ) -> Result<Box<dyn Drop>, PipelineError> {
        if let Some(opener) = &self.opener {
            return Ok(opener(endpoint, folder));
        }
        match &endpoint.kind {
            EndpointKind::Folder => {
                let folder = dir.join(folder);
                Ok(Box::new(FolderDrop::new(disk.clone(), folder.clone(), folder)))
            }
            EndpointKind::Sftp(access) => {
                let server = self.server(endpoint, access, dir, disk)?;
                let folder = folder.to_string_lossy();
                let commit = match endpoint.commit {
                    Commit::Rename => sftp::Commit::Rename,
                    Commit::Trigger => sftp::Commit::Companion { suffix: TRIGGER.to_owned() },
                };
                Ok(Box::new(SftpDrop::new(server, &folder, &folder, commit)))
            }
        }
    }

    fn server(
        &self,
        endpoint: &Endpoint,
        access: &SftpAccess,
        dir: &Path,
        disk: &Arc<dyn Disk>,
    ) -> Result<Arc<SftpEndpoint>, PipelineError> {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = servers.get(&endpoint.name) {
            return Ok(known.clone());
        }
        let mut settings = SftpSettings::new(&endpoint.name, &access.host, access.port, &access.user);
        settings.key = Some(KeyFile { bytes: disk.read(&dir.join(&access.key))?, passphrase: None });
        settings.host_keys = access.host_keys.clone();
        settings.timeouts.operation = SLOWEST_ANSWER;
        let server = SftpEndpoint::new(settings, self.budget.clone()).map_err(Box::new)?;
        servers.insert(endpoint.name.clone(), server.clone());
        Ok(server)
    }
}
