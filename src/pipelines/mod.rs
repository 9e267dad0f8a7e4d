//! What the hub does, one file per pipeline. The only rooms where adapters, formats, domain and store meet.
//!
//! Each activation is idempotent: it takes no hint of what changed, compares what is with what should be, and does the
//! difference. The first run after a crash, an operator's command and the schedule all take this one way.

mod deliver;
pub mod endpoints;
pub mod fetch;
mod metadata;
pub mod receive_answers;
pub mod receive_assortments;
pub mod receive_bank_statements;
pub mod receive_order_controls;
pub mod receive_payments;
pub mod receive_receipts;
pub mod receive_voucher_answers;
pub mod reconcile;
pub mod restored;
pub mod send_bundles;
pub mod send_vouchers;
pub mod tables;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use toek_adapters::disk::{Disk, DiskError};
use toek_adapters::drop::{Drop, DropError, Sink};
use toek_adapters::sftp::SettingsError;
use toek_formats::g68::Layouts;

pub use self::endpoints::Endpoints;
use crate::config::{Endpoint, Installation, Intake, Pipeline, PipelineKind};
use crate::domain::identity::TransferNo;
use crate::seams::{Clock, Ids, NoChance, random};
use crate::store::archive::{Archive, ArchiveError, ArchiveReader, Archived, Key};
use crate::store::seen::Seen;
use crate::store::transfer::Transfer;
use crate::store::{Store, StoreError};

/// What stops an activation. Whatever it is, calling again is safe.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The store.
    #[error("the store refused")]
    Store(#[from] StoreError),
    /// The archive.
    #[error("the archive refused")]
    Archive(#[from] ArchiveError),
    /// A drop.
    #[error("endpoint `{endpoint}` failed")]
    Drop {
        /// Which.
        endpoint: String,
        /// How.
        #[source]
        source: DropError,
    },
    /// An endpoint's settings.
    #[error("an endpoint cannot be used")]
    Endpoint(#[from] Box<SettingsError>),
    /// The disk.
    #[error("the disk failed")]
    Disk(#[from] DiskError),
    /// No chance.
    #[error(transparent)]
    Chance(#[from] NoChance),
    /// The configuration does not say what is needed.
    #[error("{0}")]
    Configuration(String),
    /// An archived file could not be read back, which says nothing of what is in it.
    #[error("the archived file could not be read back")]
    Unread(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A file of vouchers could not be written.
    #[error("voucher file {file} could not be written: {what}")]
    Vouchers {
        /// Its number.
        file: i64,
        /// What is wrong with it.
        what: String,
    },
    /// A bundle could not be written.
    #[error("bundle {group_id} could not be written: {what}")]
    Bundle {
        /// Its reference.
        group_id: String,
        /// What is wrong with it.
        what: String,
    },
}

/// Told of progress on long work. Whoever shows it decides how.
pub trait Progress: Send + Sync {
    /// `done` of `total` units of `what` are behind us.
    fn at(&self, what: &str, done: u64, total: u64);
}

/// Shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn at(&self, _what: &str, _done: u64, _total: u64) {}
}

/// An installation at work: its configuration, its store and archive, and the seams to the world.
pub struct Hub {
    /// Its directory.
    pub dir: PathBuf,
    /// Its configuration.
    pub installation: Installation,
    /// Its store.
    pub store: Store,
    /// Its archive.
    pub archive: Archive,
    /// The installation's key, which wraps the transfers' data keys.
    pub key: Key,
    /// The duplicate guard's memory.
    pub seen: Seen,
    /// G68's tables.
    pub layouts: Layouts,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub ids: Arc<dyn Ids>,
    /// Files.
    pub disk: Arc<dyn Disk>,
    /// Who is told of progress.
    pub progress: Arc<dyn Progress>,
    /// The endpoints' servers and their sessions.
    pub endpoints: Endpoints,
}

/// One folder of an endpoint, as a drop.
pub struct Place {
    /// The endpoint's name, and the folder's where the endpoint has several.
    pub label: String,
    /// The drop.
    pub drop: Box<dyn Drop>,
}

impl Place {
    pub(crate) fn failed(&self) -> impl Fn(DropError) -> PipelineError + '_ {
        |source| PipelineError::Drop { endpoint: self.label.clone(), source }
    }
}

impl Hub {
    /// The pipeline of a name.
    pub fn pipeline(&self, name: &str) -> Result<&Pipeline, PipelineError> {
        self.installation.pipeline(name).ok_or_else(|| {
            let known: Vec<_> = self.installation.pipelines.iter().map(|p| p.name.as_str()).collect();
            PipelineError::Configuration(format!(
                "there is no pipeline `{name}`; there are {}",
                known.join(", ")
            ))
        })
    }

    fn endpoint(&self, pipeline: &Pipeline) -> Result<&Endpoint, PipelineError> {
        let missing =
            || PipelineError::Configuration(format!("there is no endpoint `{}`", pipeline.endpoint));
        self.installation.endpoint(&pipeline.endpoint).ok_or_else(missing)
    }

    /// The pipeline that takes in files like this one: same format, its endpoint, a name it takes.
    pub fn pipeline_of(&self, transfer: &Transfer) -> Option<&Pipeline> {
        self.installation.pipelines.iter().find(|pipeline| takes(pipeline, transfer))
    }

    /// How a file like this one is read: as its own pipeline says, or, where none takes such files any more, as the first
    /// that receives payments.
    pub fn intake_of(&self, transfer: &Transfer) -> Result<&Intake, PipelineError> {
        let own = self.pipeline_of(transfer).and_then(|pipeline| pipeline.intake.as_ref());
        let first = || self.installation.pipelines.iter().find_map(|pipeline| pipeline.intake.as_ref());
        let none = || PipelineError::Configuration("no pipeline here receives payments".to_owned());
        own.or_else(first).ok_or_else(none)
    }

    /// The drops a pipeline works with: one, or one per folder.
    pub fn places(&self, pipeline: &Pipeline) -> Result<Vec<Place>, PipelineError> {
        let endpoint = self.endpoint(pipeline)?;
        let folders = self.installation.folders(pipeline);
        let several = folders.len() > 1;
        let place = |folder: &PathBuf| {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            let label = if several { format!("{}/{name}", endpoint.name) } else { endpoint.name.clone() };
            Ok(Place { label, drop: self.endpoints.open(endpoint, &self.dir, folder, &self.disk)? })
        };
        folders.iter().map(place).collect()
    }

    /// A fresh data key, in clear and wrapped.
    fn fresh_key(&self) -> Result<(Key, Vec<u8>), PipelineError> {
        let key = Key::new(random(&*self.ids)?);
        let wrapped = self.key.wrap(&key, random(&*self.ids)?)?;
        Ok((key, wrapped))
    }

    /// The data key of a transfer.
    pub fn key_of(&self, transfer: &Transfer) -> Result<Key, PipelineError> {
        let wrapped = transfer.data_key.as_deref().ok_or(ArchiveError::Key)?;
        Ok(self.key.unwrap_key(wrapped)?)
    }

    /// The archived bytes of a transfer.
    pub fn archived(&self, transfer: &Transfer) -> Result<ArchiveReader, PipelineError> {
        Ok(self.archive.open(transfer.no, &self.key_of(transfer)?)?)
    }
}

/// Whether a file is one that the pipeline takes in.
fn takes(pipeline: &Pipeline, transfer: &Transfer) -> bool {
    let identity = &transfer.identity;
    let endpoint = identity.endpoint.split('/').next();
    pipeline.format.as_str() == transfer.format
        && endpoint == Some(pipeline.endpoint.as_str())
        && pipeline.receiving.as_ref().is_some_and(|receiving| receiving.pattern.takes(&identity.name))
}

/// Takes a file for its size and hash alone.
#[derive(Default)]
struct Hashing {
    hash: Sha256,
    size: u64,
}

impl Sink for Hashing {
    fn block(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }
}

impl Hashing {
    fn finish(self) -> Archived {
        Archived { size: self.size, sha256: self.hash.finalize().into() }
    }
}

/// What one activation did.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Activity {
    /// Files taken in.
    pub accepted: u64,
    /// Files that wait for a person.
    pub quarantined: u64,
    /// Files that repeat an earlier one.
    pub ignored: u64,
    /// Records taken in or payments answered.
    pub records: u64,
    /// Records refused.
    pub rejected: u64,
    /// Bundles sent.
    pub bundles: u64,
    /// Payments sent.
    pub payments: u64,
    /// Vouchers sent.
    pub vouchers: u64,
    /// Payments and vouchers found to be sent before a restore.
    pub adopted: u64,
    /// Payments or bundles that need a person.
    pub tasks: u64,
    /// What went wrong with single files, while the rest went on.
    pub failures: Vec<String>,
}

impl Activity {
    /// Adds what another activation did.
    pub fn add(&mut self, other: Activity) {
        self.accepted += other.accepted;
        self.quarantined += other.quarantined;
        self.ignored += other.ignored;
        self.records += other.records;
        self.rejected += other.rejected;
        self.bundles += other.bundles;
        self.payments += other.payments;
        self.vouchers += other.vouchers;
        self.adopted += other.adopted;
        self.tasks += other.tasks;
        self.failures.extend(other.failures);
    }

    /// Whether anything happened at all.
    pub fn is_idle(&self) -> bool {
        *self == Activity::default()
    }
}

/// Runs one activation of a pipeline.
pub async fn run(hub: &Hub, name: &str) -> Result<Activity, PipelineError> {
    let pipeline = hub.pipeline(name)?;
    match pipeline.kind {
        PipelineKind::ReceivePayments => {
            let mut activity = receive_payments::activate(hub, pipeline).await?;
            activity.add(send_bundles::send_immediate(hub).await?);
            Ok(activity)
        }
        PipelineKind::SendBundles => send_bundles::activate(hub, pipeline).await,
        PipelineKind::ReceiveAnswers => receive_answers::activate(hub, pipeline).await,
        PipelineKind::SendVouchers => send_vouchers::activate(hub, pipeline).await,
        PipelineKind::ReceiveVoucherAnswers => receive_voucher_answers::activate(hub, pipeline).await,
        PipelineKind::ReceiveReceipts => receive_receipts::activate(hub, pipeline).await,
        PipelineKind::ReceiveBankStatements => receive_bank_statements::activate(hub, pipeline).await,
        PipelineKind::ReceiveOrderControls => receive_order_controls::activate(hub, pipeline).await,
        PipelineKind::ReceiveAssortments => receive_assortments::activate(hub, pipeline).await,
    }
}

/// An error with its causes, on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// A counterparty's own words, with every number long enough to name a person or an account hidden. Numbers that only a
/// blank, a point, a stroke or a hyphen parts are one: people write `DK99 9999 0000 0123 45`.
pub fn masked(text: &str) -> String {
    if is_ours(text) {
        return text.to_owned();
    }
    let characters: Vec<char> = text.chars().collect();
    let mut shown = String::with_capacity(text.len());
    let mut rest = characters.as_slice();
    while let Some((first, others)) = rest.split_first() {
        if !first.is_ascii_digit() {
            shown.push(*first);
            rest = others;
            continue;
        }
        let (number, after) = rest.split_at(number_length(rest));
        let is_long = number.iter().filter(|c| c.is_ascii_digit()).count() >= LONG_NUMBER;
        shown.extend(number.iter().map(|c| if is_long && c.is_ascii_digit() { '*' } else { *c }));
        rest = after;
    }
    shown
}

/// So many digits could be a company's number, ten a person's.
const LONG_NUMBER: usize = 8;

/// How far the number at the beginning goes, single separators between digits included.
fn number_length(characters: &[char]) -> usize {
    let is_digit = |at: usize| characters.get(at).is_some_and(char::is_ascii_digit);
    let parts = |at: usize| characters.get(at).is_some_and(|c| c.is_whitespace() || "-./".contains(*c));
    let mut length = 0;
    while is_digit(length) || (parts(length) && is_digit(length + 1)) {
        length += 1;
    }
    length
}

/// Whether a text is a reference of our own making, which holds no personal data: `T0751-260304-00000104858201` for a
/// payment, `T0751-20260304-000001` for a bundle.
fn is_ours(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [authority, day, number] = parts[..] else { return false };
    let digits = |text: &str, most: usize| text.len() <= most && text.bytes().all(|b| b.is_ascii_digit());
    let is_authority = authority.strip_prefix('T').is_some_and(|code| code.len() == 4 && digits(code, 4));
    let is_bundle = day.len() == 8 && number.len() == 6;
    let is_payment = day.len() == 6 && number.len() == 14;
    is_authority && digits(day, 8) && digits(number, 14) && (is_bundle || is_payment)
}

/// A transfer as messages name it.
pub(crate) fn subject(no: TransferNo) -> String {
    format!("transfer {}", no.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_are_hidden_however_they_are_written() {
        for (said, shown) in [
            ("Ukendt 9913990003.", "Ukendt **********."),
            ("991399-0003", "******-****"),
            ("991399 0003 her", "****** **** her"),
            ("konto 9999 0000012345", "konto **** **********"),
            ("DK99 9999 0000 0123 45", "DK** **** **** **** **"),
            ("9999.1234/56", "****.****/**"),
            ("0004 KONTO FINDES IKKE", "0004 KONTO FINDES IKKE"),
            ("1234567, 1234567", "1234567, 1234567"),
            ("linje 12 - 3456789", "linje 12 - 3456789"),
            ("T - 991399-0003", "T - ******-****"),
            ("T-991399-0003", "T-******-****"),
            ("T0751-991399-0003", "T****-******-****"),
            ("T0751-20260304-000001", "T0751-20260304-000001"),
            ("T0751-260304-00000104858201", "T0751-260304-00000104858201"),
            ("æ9913990003ø", "æ**********ø"),
            ("", ""),
        ] {
            assert_eq!(masked(said), shown);
        }
    }
}
