//! What Serviceplatformen lays beside a file it delivers (serviceplatformen-sftp.md 3.2, 5): read, held against the file,
//! kept with it, and taken away with it.

use toek_adapters::drop::{Collect, Listed, Sink};
use toek_formats::routing::names::{METADATA_SUFFIX, ROUTED};
use toek_formats::routing::{FileContent, FileMetadata};

use super::fetch::Unfit;
use super::{Activity, Hub, PipelineError, Place, chain};
use crate::config::{EndpointKind, Format, Pipeline};
use crate::store::task;
use crate::store::transfer::{self, Close, Transfer, TransferState};

/// How long a file may lie without metadata before a person is told (5.5, ASSUMED).
const PATIENCE_MICROS: i64 = 10 * 60 * 1_000_000;

/// The files whose metadata has come. Of those that wait long a person is told; metadata whose file was taken away by a
/// run that then died goes too.
pub(super) async fn with_their_metadata<'l>(
    hub: &Hub,
    place: &Place,
    listed: &'l [Listed],
    wanted: Vec<&'l Listed>,
    activity: &mut Activity,
) -> Result<Vec<&'l Listed>, PipelineError> {
    let has = |name: &str| listed.iter().any(|file| file.name == name);
    let is_ready = |file: &&Listed| has(&format!("{}{METADATA_SUFFIX}", file.name));
    let (ready, waiting): (Vec<_>, Vec<_>) = wanted.into_iter().partition(is_ready);
    let now = hub.clock.micros();
    let text = "it came without its metadata and is not taken in";
    let late = |file: &Listed| {
        let is_wanted = waiting.iter().any(|wanted| wanted.name == file.name);
        is_wanted && now - file.modified_micros > PATIENCE_MICROS
    };
    // What another pipeline waits for is not gone.
    let files = listed.iter().filter(|file| !is_ready(file)).collect();
    Unfit { kind: task::NO_METADATA, text, files }.tell(hub, place, late, activity).await?;
    for left in listed.iter().filter_map(|file| file.name.strip_suffix(METADATA_SUFFIX)) {
        let taken = !has(left)
            && hub.store.read(|tx| transfer::named(tx, left))?.iter().any(|t| t.state.is_settled());
        if taken {
            forget(place, left).await?;
        }
    }
    Ok(ready)
}

/// The files that this pipeline takes where another takes files of the same folder: what each is, its metadata tells.
/// What cannot be told is the ERP's, whose pipeline sets it aside.
pub(super) async fn of_own_kind<'l>(
    hub: &Hub,
    pipeline: &Pipeline,
    place: &Place,
    files: Vec<&'l Listed>,
    activity: &mut Activity,
) -> Vec<&'l Listed> {
    let mut own = Vec::new();
    for file in files {
        let Some(other) = rival(hub, pipeline, &file.name) else {
            own.push(file);
            continue;
        };
        match fetch(place, file).await {
            Ok(bytes) => {
                let kind = kind_of(&bytes);
                let is_own = match pipeline.format {
                    Format::Assortment => kind.as_deref() == expected(hub, pipeline.format),
                    _ => kind.is_none() || kind.as_deref() != expected(hub, other.format),
                };
                own.extend(is_own.then_some(file));
            }
            Err(error) => {
                activity.failures.push(format!("{}: {}", file.name.escape_debug(), chain(&error)));
            }
        }
    }
    own
}

/// Another pipeline that takes files of this name from the same folder.
fn rival<'h>(hub: &'h Hub, pipeline: &Pipeline, name: &str) -> Option<&'h Pipeline> {
    hub.installation.pipelines.iter().find(|other| {
        other.format != pipeline.format
            && [pipeline, other].into_iter().all(|one| expected(hub, one.format).is_some())
            && (&other.endpoint, &other.folder) == (&pipeline.endpoint, &pipeline.folder)
            && other.receiving.as_ref().is_some_and(|receiving| receiving.pattern.takes(name))
    })
}

/// The kind of file that metadata tells.
fn kind_of(bytes: &[u8]) -> Option<String> {
    match FileMetadata::read(bytes).ok()?.content {
        FileContent::Routed(routing) => Some(routing.inf_ref),
        _ => None,
    }
}

/// What Serviceplatformen calls the files of a format that comes routed.
fn expected(hub: &Hub, format: Format) -> Option<&str> {
    let platform = hub.installation.serviceplatformen.as_ref()?;
    match format {
        Format::FinanceAnswer => Some(&platform.voucher_answers),
        Format::Assortment => Some(&platform.assortments),
        _ => None,
    }
}

/// What lies beside a file.
pub(super) async fn fetch(place: &Place, file: &Listed) -> Result<Vec<u8>, PipelineError> {
    let mut bytes = Short(Collect::default());
    let name = format!("{}{METADATA_SUFFIX}", file.name);
    place.drop.get(&name, &mut bytes).await.map_err(place.failed())?;
    Ok(bytes.0.0)
}

/// Takes no more than a document of this kind may hold.
struct Short(Collect);

impl Sink for Short {
    fn block(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if (self.0.0.len() + bytes.len()) as u64 > toek_formats::routing::LIMITS.bytes {
            return Err(std::io::Error::other("metadata of more than a megabyte"));
        }
        self.0.block(bytes)
    }
}

/// Takes away what lies beside a file that is taken away.
pub(super) async fn forget(place: &Place, name: &str) -> Result<(), PipelineError> {
    place.drop.remove(&format!("{name}{METADATA_SUFFIX}")).await.map_err(place.failed())
}

/// What becomes of a file that is not what its metadata says. Asked whenever the file is looked at, so that a second look
/// does not pass what the first refused.
pub(super) fn unfit(hub: &Hub, pipeline: &Pipeline, file: &Transfer, bytes: Option<&[u8]>) -> Option<Close> {
    let reason = match bytes {
        Some(bytes) => fault(hub, pipeline, file, bytes)?,
        None => "SP-META: what came with it was not kept".to_owned(),
    };
    let (no, state, at) = (file.no, TransferState::Quarantined, hub.clock.micros());
    Some(Close { no, state, reason, findings: vec![], records: 0, at })
}

/// Why a file is not what its metadata says, if it is not.
fn fault(hub: &Hub, pipeline: &Pipeline, file: &Transfer, bytes: &[u8]) -> Option<String> {
    let metadata = match FileMetadata::read(bytes) {
        Ok(metadata) => metadata,
        Err(error) => return Some(format!("SP-XML: its metadata: {error}")),
    };
    let about = &metadata.file;
    if about.file_name != file.identity.name {
        return Some(format!("SP-META: its metadata is about `{}`", about.file_name.escape_debug()));
    }
    if about.size != file.identity.size {
        return Some(format!(
            "SP-META: it has {} bytes, its metadata says {}",
            file.identity.size, about.size
        ));
    }
    let endpoint = hub.installation.endpoint(&pipeline.endpoint)?;
    if let EndpointKind::Sftp(access) = &endpoint.kind
        && !about.recipients.iter().any(|recipient| *recipient == access.user || recipient == ROUTED)
    {
        return Some("SP-META: it is not for us".to_owned());
    }
    match (metadata.content, expected(hub, pipeline.format)) {
        (FileContent::Routed(routing), Some(expected)) if routing.inf_ref != expected => {
            Some(format!("SP-META: it is a file of kind `{}`", routing.inf_ref.escape_debug()))
        }
        _ => None,
    }
}
