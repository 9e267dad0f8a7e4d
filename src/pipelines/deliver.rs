//! The last steps that everything takes that goes out: uploaded, committed, looked for.
//!
//! Whose state says how far it is, and what is written between two steps, is each sender's own business.

use toek_adapters::drop::DropError;

use super::{Hashing, Hub, PipelineError, Place};
use crate::canary::{self, Canary};
use crate::config::{Evidence, Format};
use crate::domain::identity::TransferNo;
use crate::store::archive::Archived;
use crate::store::transfer::{Begin, Direction, Identity, MarkArchived, Transfer, TransferState};

/// The transfer that is to carry a file out; the same again gives the same. Its size is not known before it is written.
pub(super) async fn carrier(
    hub: &Hub,
    place: &Place,
    format: Format,
    name: String,
    made_at: i64,
) -> Result<Transfer, PipelineError> {
    let (_, data_key) = hub.fresh_key()?;
    let endpoint = place.label.clone();
    let identity = Identity { direction: Direction::Out, endpoint, name, size: 0, modified_at: made_at };
    let begin = Begin {
        identity,
        format: format.as_str().to_owned(),
        at: hub.clock.micros(),
        salt: crate::seams::random(&*hub.ids)?,
        data_key,
    };
    Ok(hub.store.write(begin).await?)
}

/// That a file that is to go out lies in the archive.
pub(super) fn lies_archived(no: TransferNo, archived: &Archived, data_key: Vec<u8>) -> MarkArchived {
    MarkArchived {
        no,
        sha256: archived.sha256,
        state: TransferState::Out,
        size: archived.size,
        data_key,
        layout: None,
        physical: None,
        companion: None,
    }
}

/// An archived file on its way to a counterparty.
pub(super) struct Parcel<'a> {
    pub(super) hub: &'a Hub,
    pub(super) place: &'a Place,
    pub(super) file: &'a Transfer,
    /// The bytes of the file that makes it the counterparty's, where one does.
    pub(super) companion: Option<Vec<u8>>,
}

impl Parcel<'_> {
    fn name(&self) -> &str {
        &self.file.identity.name
    }

    /// Uploads it. Not yet the counterparty's; again is harmless.
    pub(super) async fn put(&self) -> Result<(), PipelineError> {
        let mut archived = self.hub.archived(self.file)?;
        self.place.drop.put(self.name(), &mut archived).await.map_err(self.place.failed())
    }

    /// Makes it the counterparty's. A file of ours that is there already is as good.
    pub(super) async fn commit(&self) -> Result<(), PipelineError> {
        match self.place.drop.commit(self.name(), self.companion.as_deref()).await {
            Err(DropError::Taken { .. }) if self.is_ours().await? => Ok(()),
            Err(_) if canary::is_active(Canary::DeafToRefusals) => Ok(()),
            other => other.map_err(self.place.failed()),
        }
    }

    /// After a crash between the intent to commit and the note that it was done: whether it was not.
    pub(super) async fn is_pending(&self) -> Result<bool, PipelineError> {
        let companion = self.companion.as_deref();
        self.place.drop.pending(self.name(), companion).await.map_err(self.place.failed())
    }

    /// Whether what lies at the counterparty under our name has our bytes.
    async fn is_ours(&self) -> Result<bool, PipelineError> {
        let mut read = Hashing::default();
        self.place.drop.read_back(self.name(), &mut read).await.map_err(self.place.failed())?;
        let sent = crate::store::archive::hash_of(&mut self.hub.archived(self.file)?)?;
        Ok(read.finish() == sent)
    }

    /// What is seen of it at the counterparty's side. One that is quicker than our look is no failure: its receipt will tell.
    pub(super) async fn look(&self, evidence: Option<Evidence>) -> Result<Sight, PipelineError> {
        if evidence == Some(Evidence::Receipt) {
            return Ok(Sight::NotLookedFor);
        }
        let listed = self.place.drop.landed(self.name()).await.map_err(self.place.failed())?;
        match (listed, evidence) {
            (None, _) => Ok(Sight::Gone),
            (Some(listed), Some(Evidence::ReadBack)) => match self.is_ours().await {
                Err(PipelineError::Drop { source: DropError::Missing { .. }, .. }) => Ok(Sight::Gone),
                Ok(true) => Ok(Sight::Landed(listed.size)),
                Ok(false) => Ok(Sight::Other(listed.size)),
                Err(error) => Err(error),
            },
            (Some(listed), _) if listed.size == self.file.identity.size => Ok(Sight::Landed(listed.size)),
            (Some(listed), _) => Ok(Sight::Other(listed.size)),
        }
    }
}

/// What a look at the counterparty's side shows of a file of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// Its receipt is to tell, so nobody looks.
    NotLookedFor,
    /// It lies there, as large as it was sent (or byte for byte, where it may be read back).
    Landed(u64),
    /// Something else lies there under its name.
    Other(u64),
    /// Nothing lies there under its name: it was taken, or never came.
    Gone,
}

impl std::fmt::Display for Sight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Sight::NotLookedFor => f.write_str("not looked for: its receipt is to tell"),
            Sight::Landed(size) => write!(f, "it lies in the counterparty's folder, {size} bytes"),
            Sight::Other(size) => {
                write!(f, "something else lies in the counterparty's folder under its name, {size} bytes")
            }
            Sight::Gone => {
                f.write_str("nothing lies in the counterparty's folder under its name: taken, or never come")
            }
        }
    }
}
