//! The way in that every file takes, whatever is in it: listed, made known, archived, compared with what came before.
//!
//! Looks at no byte of a file but to hash it. What a file says is its own pipeline's business.

use std::io;
use std::time::Duration;

use sha2::{Digest, Sha256};
use toek_adapters::drop::{DropError, Listed, Sink, check_name};
use toek_adapters::poll::list_all;
use toek_formats::g68::{Charset, Detector, Mode, Physical};
use tracing::{Instrument, Span};

use super::{Activity, Hashing, Hub, PipelineError, Place, chain, metadata};
use crate::config::{Commit, Format, Pipeline};
use crate::store::Pending;
use crate::store::archive::ArchiveWriter;
use crate::store::duplicate::danish_day;
use crate::store::task;
use crate::store::transfer::{
    self, Begin, Close, Direction, Identity, MarkArchived, MarkRemoved, SameBytes, Transfer, TransferState,
};

/// How long a drop may take to say what it holds.
const LISTED_WITHIN: Duration = Duration::from_secs(30);

/// One activation's way in. While the last writes of one file are on their way to the store, the next is fetched.
pub(super) struct Fetching<'a> {
    hub: &'a Hub,
    pipeline: &'a Pipeline,
    /// What was done so far.
    pub(super) activity: Activity,
    /// The file before.
    closing: Option<Closing<'a>>,
    /// That this one is in the archive is on its way to the store.
    marking: Option<Pending<()>>,
}

/// Writes on their way, and what was done once all of them are committed.
#[derive(Default)]
pub(super) struct Unsettled {
    pub(super) writes: Vec<Pending<()>>,
    pub(super) counts: Activity,
}

/// A file that is processed but for its last writes. Only then is it taken from where it lay.
struct Closing<'a> {
    transfer: Transfer,
    unsettled: Unsettled,
    lies_in: Option<(&'a Place, Listed)>,
    /// Its own, not that of the file that is processed while it settles.
    span: Span,
}

/// Gives every file that is to be processed to `process`: those archived before and not finished, then what the
/// pipeline's drops hold and the archive lacks. One bad file keeps no other back.
///
/// A file may still be settling when the next is given to `process`, which calls [`Fetching::settle`] before it looks at
/// anything that the earlier file's writes may change.
pub(super) async fn each_new(
    hub: &Hub,
    pipeline: &Pipeline,
    process: &mut impl AsyncFnMut(&mut Fetching<'_>, &Transfer) -> Result<Unsettled, PipelineError>,
) -> Result<Activity, PipelineError> {
    let places = hub.places(pipeline)?;
    let mut fetching =
        Fetching { hub, pipeline, activity: Activity::default(), closing: None, marking: None };
    let unfinished = hub.store.read(|tx| transfer::unfinished(tx, pipeline.format.as_str()))?;
    for transfer in unfinished.into_iter().filter(|transfer| super::takes(pipeline, transfer)) {
        let name = transfer.identity.name.clone();
        let metadata = hub.store.read(|tx| transfer::companion(tx, transfer.no))?;
        let decided = fetching.decide(transfer, metadata, None, process).await;
        fetching.note(&name, decided);
    }
    // All at once: a drop that is dead, or far away, costs the others nothing.
    let listings = list_all(places.iter().map(|place| &*place.drop), LISTED_WITHIN).await;
    mind_endpoint(hub, pipeline, &listings).await?;
    for (place, listed) in places.iter().zip(listings) {
        let listed = match listed.map_err(place.failed()) {
            Ok(listed) => listed,
            Err(error) => {
                let told = chain(&error);
                if !fetching.activity.failures.contains(&told) {
                    fetching.activity.failures.push(told); // once for a server, however many drops lie on it
                }
                continue;
            }
        };
        let wanted = |name: &str| pipeline.receiving.as_ref().is_some_and(|r| r.pattern.takes(name));
        mind_names(hub, place, &listed, wanted, &mut fetching.activity).await?;
        forget_changed(hub, place, &listed).await?;
        let mut wanted: Vec<_> = listed.iter().filter(|file| wanted(&file.name)).collect();
        if needs_metadata(hub, pipeline) {
            wanted =
                metadata::with_their_metadata(hub, place, &listed, wanted, &mut fetching.activity).await?;
            wanted = metadata::of_own_kind(hub, pipeline, place, wanted, &mut fetching.activity).await;
        }
        for file in wanted {
            let taken = fetching.one(place, file, process).await;
            fetching.note(&file.name, taken);
        }
    }
    fetching.settle().await?;
    Ok(fetching.activity)
}

/// A person is told, once, of files that cannot be fetched because of their names, until they are gone.
async fn mind_names(
    hub: &Hub,
    place: &Place,
    listed: &[Listed],
    wanted: impl Fn(&str) -> bool,
    activity: &mut Activity,
) -> Result<(), PipelineError> {
    let odd: Vec<_> = listed.iter().filter(|file| check_name(&file.name).is_err()).collect();
    let text = "it cannot be fetched under this name: letters, digits and `_ - .` only, at most 200";
    let unfit = Unfit { kind: task::FILE_NAME, text, files: odd };
    unfit.tell(hub, place, |file| wanted(&file.name), activity).await
}

/// A person is told of an endpoint that will not come right by itself, until it has.
async fn mind_endpoint(
    hub: &Hub,
    pipeline: &Pipeline,
    listings: &[Result<Vec<Listed>, DropError>],
) -> Result<(), PipelineError> {
    let endpoint = pipeline.endpoint.clone();
    let lasting = listings.iter().filter_map(|listed| listed.as_ref().err()).find(|error| !error.may_pass());
    let text = lasting.map(|error| chain(error));
    let told = hub.store.read(|tx| task::subjects(tx, task::ENDPOINT, &format!("endpoint {endpoint}")))?;
    let is_told = told.contains(&format!("endpoint {endpoint}"));
    let is_well = listings.iter().any(Result::is_ok);
    if text.is_some() != is_told && (text.is_some() || is_well) {
        hub.store.write(task::EndpointTrouble { endpoint, text, at: hub.clock.micros() }).await?;
    }
    Ok(())
}

/// What was begun and never read whole, and now is gone or another: the other is a delivery of its own.
async fn forget_changed(hub: &Hub, place: &Place, listed: &[Listed]) -> Result<(), PipelineError> {
    for begun in hub.store.read(|tx| transfer::receiving(tx, &place.label))? {
        let is_there = |file: &Listed| {
            let Identity { name, size, modified_at, .. } = &begun.identity;
            file.name == *name && file.size == *size && file.modified_micros <= *modified_at
        };
        if !listed.iter().any(is_there) {
            let reason = "it changed, or was gone, before it was read whole".to_owned();
            let (no, at, state) = (begun.no, hub.clock.micros(), TransferState::Ignored);
            hub.store.write(Close { no, state, reason, findings: vec![], records: 0, at }).await?;
        }
    }
    Ok(())
}

/// Files that lie in a drop and cannot be fetched.
pub(super) struct Unfit<'a> {
    pub(super) kind: &'static str,
    pub(super) text: &'static str,
    pub(super) files: Vec<&'a Listed>,
}

impl Unfit<'_> {
    /// A person is told of each of those that are to be `told`, once, until it is gone.
    pub(super) async fn tell(
        self,
        hub: &Hub,
        place: &Place,
        told_of: impl Fn(&Listed) -> bool,
        activity: &mut Activity,
    ) -> Result<(), PipelineError> {
        let subject = |file: &&&Listed| format!("{}: {}", place.label, file.name.escape_debug());
        let told = hub.store.read(|tx| task::subjects(tx, self.kind, &format!("{}: ", place.label)))?;
        let here: Vec<_> = self.files.iter().map(|file| subject(&file)).collect();
        let fresh = self.files.iter().filter(|file| told_of(file)).map(|file| subject(&file));
        let fresh: Vec<_> = fresh.filter(|subject| !told.contains(subject)).collect();
        let gone: Vec<_> = told.into_iter().filter(|subject| !here.contains(subject)).collect();
        if fresh.is_empty() && gone.is_empty() {
            return Ok(());
        }
        activity.tasks += fresh.len() as u64;
        let (kind, text, at) = (self.kind, self.text, hub.clock.micros());
        Ok(hub.store.write(task::UnfitFiles { kind, text, fresh, gone, at }).await?)
    }
}

/// Whether files of this pipeline come with metadata: those that Serviceplatformen moved by a trigger.
fn needs_metadata(hub: &Hub, pipeline: &Pipeline) -> bool {
    let by_trigger = hub.installation.endpoint(&pipeline.endpoint).map(|endpoint| endpoint.commit);
    by_trigger == Some(Commit::Trigger) && pipeline.format != Format::TechnicalReceipt
}

impl<'a> Fetching<'a> {
    fn note(&mut self, name: &str, result: Result<(), PipelineError>) {
        if let Err(error) = result {
            self.activity.failures.push(format!("{}: {}", name.escape_debug(), chain(&error)));
        }
    }

    /// Waits until the file before is wholly in the store, and takes it from where it lay; then until this one is known to
    /// be in the archive.
    pub(super) async fn settle(&mut self) -> Result<(), PipelineError> {
        if let Some(closing) = self.closing.take() {
            let name = closing.transfer.identity.name.clone();
            let settled = self.finish(closing).await;
            self.note(&name, settled);
        }
        match self.marking.take() {
            Some(marking) => Ok(marking.done().await?),
            None => Ok(()),
        }
    }

    async fn finish(&mut self, closing: Closing<'a>) -> Result<(), PipelineError> {
        for write in closing.unsettled.writes {
            write.done().await?;
        }
        closing.span.in_scope(|| tracing::info!("processed"));
        self.activity.add(closing.unsettled.counts);
        match closing.lies_in {
            // A file that is set aside may be one that is still being written: it is taken away at the next look, if it
            // is the same then. If it grew it is another delivery.
            Some(_) if self.was_set_aside(&closing.transfer)? => Ok(()),
            Some((place, file)) => acknowledge(self.hub, place, &closing.transfer, &file).await,
            None => Ok(()),
        }
    }

    fn was_set_aside(&self, transfer: &Transfer) -> Result<bool, PipelineError> {
        let now = self.hub.store.read(|tx| transfer::get(tx, transfer.no))?;
        Ok(now.is_some_and(|now| now.state == TransferState::Quarantined))
    }

    async fn one(
        &mut self,
        place: &'a Place,
        file: &Listed,
        process: &mut impl AsyncFnMut(&mut Fetching<'_>, &Transfer) -> Result<Unsettled, PipelineError>,
    ) -> Result<(), PipelineError> {
        let (hub, pipeline) = (self.hub, self.pipeline);
        check_name(&file.name).map_err(place.failed())?;
        let mut transfer = make_known(hub, pipeline, place, file).await?;
        if self.closing.as_ref().is_some_and(|before| before.transfer.no == transfer.no) {
            self.settle().await?; // left by a run that was cut off, and finished by this one a moment ago
            transfer = make_known(hub, pipeline, place, file).await?;
        }
        if transfer.sha256.is_some() && !has_same_bytes(place, &transfer).await? {
            // Name, size and time of one that came before, but not its bytes: another delivery, known a moment later.
            transfer = make_known_apart(hub, pipeline, place, file, &transfer).await?;
        }
        if transfer.sha256.is_none() {
            if is_too_large(pipeline, file) {
                if transfer.state != TransferState::Receiving {
                    return Ok(()); // told of before
                }
                self.activity.quarantined += 1;
                return refuse_unread(hub, pipeline, &transfer).await;
            }
            let metadata = match needs_metadata(hub, pipeline) {
                true => Some(metadata::fetch(place, file).await?),
                false => None,
            };
            let taken = take_in(hub, place, transfer, file, metadata.clone()).await?;
            let Some((taken, marking)) = taken else { return Ok(()) };
            (transfer, self.marking) = (taken, Some(marking));
            return self.decide(transfer, metadata, Some((place, file.clone())), process).await;
        }
        match transfer.state {
            TransferState::Archived => {
                let metadata = hub.store.read(|tx| transfer::companion(tx, transfer.no))?;
                self.decide(transfer, metadata, Some((place, file.clone())), process).await
            }
            _ => acknowledge(hub, place, &transfer, file).await,
        }
    }

    /// An archived file is one that came before, or it is processed.
    async fn decide(
        &mut self,
        transfer: Transfer,
        metadata: Option<Vec<u8>>,
        lies_in: Option<(&'a Place, Listed)>,
        process: &mut impl AsyncFnMut(&mut Fetching<'_>, &Transfer) -> Result<Unsettled, PipelineError>,
    ) -> Result<(), PipelineError> {
        if self.closing.as_ref().is_some_and(|before| before.transfer.sha256 == transfer.sha256) {
            self.settle().await?; // whether this repeats it depends on what became of it
        }
        let span = span(&transfer);
        let unfit = match needs_metadata(self.hub, self.pipeline) {
            true => metadata::unfit(self.hub, self.pipeline, &transfer, metadata.as_deref()),
            false => None,
        };
        let unsettled = match repetition(self.hub, &transfer)?.or(unfit) {
            Some(close) => {
                match close.state {
                    TransferState::Ignored => self.activity.ignored += 1,
                    _ => self.activity.quarantined += 1,
                }
                self.hub.store.write(close).await?;
                Unsettled::default()
            }
            None => process(self, &transfer).instrument(span.clone()).await?,
        };
        self.settle().await?;
        self.closing = Some(Closing { transfer, unsettled, lies_in, span });
        Ok(())
    }
}

/// What the log calls a transfer.
fn span(transfer: &Transfer) -> Span {
    let Identity { endpoint, name, .. } = &transfer.identity;
    tracing::info_span!("transfer", no = transfer.no.0, endpoint, file = name)
}

/// Whether what lies in the drop now has the bytes that were archived.
async fn has_same_bytes(place: &Place, transfer: &Transfer) -> Result<bool, PipelineError> {
    let mut hashing = Hashing::default();
    place.drop.get(&transfer.identity.name, &mut hashing).await.map_err(place.failed())?;
    Ok(transfer.sha256 == Some(hashing.finish().sha256))
}

/// A delivery that looks like an earlier one in all but its bytes.
async fn make_known_apart(
    hub: &Hub,
    pipeline: &Pipeline,
    place: &Place,
    file: &Listed,
    earlier: &Transfer,
) -> Result<Transfer, PipelineError> {
    let mut apart = file.clone();
    loop {
        apart.modified_micros += 1;
        let other = make_known(hub, pipeline, place, &apart).await?;
        if other.no != earlier.no && (other.sha256.is_none() || has_same_bytes(place, &other).await?) {
            return Ok(other);
        }
    }
}

/// The file's transfer, under the installation's number for it.
async fn make_known(
    hub: &Hub,
    pipeline: &Pipeline,
    place: &Place,
    file: &Listed,
) -> Result<Transfer, PipelineError> {
    let identity = Identity {
        direction: Direction::In,
        endpoint: place.label.clone(),
        name: file.name.clone(),
        size: file.size,
        modified_at: file.modified_micros,
    };
    if let Some(known) = hub.store.read(|tx| transfer::known(tx, &identity))? {
        return Ok(known);
    }
    let (_, data_key) = hub.fresh_key()?;
    let begin = Begin {
        identity,
        format: pipeline.format.as_str().to_owned(),
        at: hub.clock.micros(),
        salt: crate::seams::random(&*hub.ids)?,
        data_key,
    };
    Ok(hub.store.write(begin).await?)
}

fn is_too_large(pipeline: &Pipeline, file: &Listed) -> bool {
    pipeline.receiving.as_ref().is_some_and(|receiving| file.size > receiving.limits.max_bytes)
}

/// A file beyond its limit is not read at all: it stays in the drop, and a person is told.
async fn refuse_unread(hub: &Hub, pipeline: &Pipeline, transfer: &Transfer) -> Result<(), PipelineError> {
    let limit = pipeline.receiving.as_ref().map_or(0, |receiving| receiving.limits.max_bytes);
    let reason = format!(
        "TOEK-SIZE: {} bytes are more than the limit of {limit}; it was left in the drop unread",
        transfer.identity.size
    );
    let at = hub.clock.micros();
    let state = TransferState::Quarantined;
    Ok(hub.store.write(Close { no: transfer.no, state, reason, findings: vec![], records: 0, at }).await?)
}

/// Writes to the archive, and looks at how the bytes are written as they pass.
struct Inflow {
    archive: ArchiveWriter,
    detector: Option<Detector>,
}

impl Sink for Inflow {
    fn block(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(detector) = &mut self.detector {
            detector.feed(bytes);
        }
        self.archive.block(bytes)
    }
}

/// Archives a file, with the write that says so on its way; `None` when it changed while it was read: then the next
/// listing shows it as it is.
async fn take_in(
    hub: &Hub,
    place: &Place,
    transfer: Transfer,
    file: &Listed,
    companion: Option<Vec<u8>>,
) -> Result<Option<(Transfer, Pending<()>)>, PipelineError> {
    let is_g68 = transfer.format == Format::G68.as_str();
    // A fresh key for every try: what a cut-off try sealed must not share its key with other bytes.
    let (key, data_key) = hub.fresh_key()?;
    let mut inflow = Inflow {
        archive: hub.archive.create(transfer.no, &key)?,
        detector: is_g68.then(|| Detector::new(None)),
    };
    place.drop.get(&file.name, &mut inflow).await.map_err(place.failed())?;
    let archived = inflow.archive.finish()?;
    if archived.size != file.size || !is_unchanged(place, file).await? {
        let reason = "it changed while it was being read; what replaced it is another delivery".to_owned();
        let (no, at, state) = (transfer.no, hub.clock.micros(), TransferState::Ignored);
        hub.store.write(Close { no, state, reason, findings: vec![], records: 0, at }).await?;
        return Ok(None);
    }
    let taken = Transfer {
        state: TransferState::Archived,
        sha256: Some(archived.sha256),
        data_key: Some(data_key.clone()),
        physical: inflow.detector.map(|detector| physical_code(detector.finish())),
        ..transfer
    };
    let marking = hub.store.begin_write(MarkArchived {
        no: taken.no,
        sha256: archived.sha256,
        state: taken.state,
        size: archived.size,
        data_key,
        layout: is_g68.then(|| Sha256::digest(hub.layouts.canonical()).into()),
        physical: taken.physical,
        companion,
    });
    Ok(Some((taken, marking)))
}

/// Nothing of a file counts, and why.
pub(super) async fn close(
    hub: &Hub,
    transfer: &Transfer,
    state: TransferState,
    reason: String,
    activity: &mut Activity,
) -> Result<(), PipelineError> {
    match state {
        TransferState::Ignored => activity.ignored += 1,
        _ => activity.quarantined += 1,
    }
    let at = hub.clock.micros();
    Ok(hub.store.write(Close { no: transfer.no, state, reason, findings: vec![], records: 0, at }).await?)
}

/// Whether the drop still shows the file as it was listed.
async fn is_unchanged(place: &Place, file: &Listed) -> Result<bool, PipelineError> {
    Ok(place.drop.look(&file.name).await.map_err(place.failed())?.as_ref() == Some(file))
}

/// The same name and bytes again are the same transfer; other name, same bytes as an accepted one is G68-S11
/// (00-decisions.md 4a).
pub fn repetition(hub: &Hub, transfer: &Transfer) -> Result<Option<Close>, PipelineError> {
    let Some(sha256) = transfer.sha256 else { return Ok(None) };
    let is_g68 = transfer.format == Format::G68.as_str();
    // Whatever was begun before this one: of two the first is the original, whichever is looked at first.
    let mut earlier = hub.store.read(|tx| transfer::same_bytes(tx, &sha256, transfer.no))?;
    earlier.retain(|other| match other.state {
        TransferState::Accepted => true,
        TransferState::Rejected => false, // what was refused for good claims nothing
        _ => other.no < transfer.no,
    });
    let is_same = |other: &&SameBytes| {
        other.endpoint == transfer.identity.endpoint && other.name == transfer.identity.name
    };
    let close = |state, reason, records| {
        Some(Close { no: transfer.no, state, reason, findings: vec![], records, at: hub.clock.micros() })
    };
    if let Some(same) = earlier.iter().find(is_same) {
        let reason = format!("the same file as transfer {} ({})", same.no.0, same.state.text());
        return Ok(close(TransferState::Ignored, reason, same.records));
    }
    let accepted = earlier.iter().find(|other| is_g68 && other.state == TransferState::Accepted);
    Ok(accepted.and_then(|other| {
        let received = danish_day(other.received_at).strftime("%-d %B %Y");
        let reason = format!(
            "G68-S11: the same content was accepted before, as file {} of {received} (transfer {})",
            other.name, other.no.0
        );
        close(TransferState::Quarantined, reason, other.records)
    }))
}

/// Takes the file away from the drop once its bytes are kept and it is settled. What is over its limit stays, and so does
/// whatever has taken its place meanwhile.
async fn acknowledge(
    hub: &Hub,
    place: &Place,
    transfer: &Transfer,
    file: &Listed,
) -> Result<(), PipelineError> {
    let current = hub.store.read(|tx| transfer::get(tx, transfer.no))?;
    let settled = current.is_some_and(|now| now.state.is_settled() && now.sha256.is_some());
    if settled && is_unchanged(place, file).await? {
        place.drop.remove(&transfer.identity.name).await.map_err(place.failed())?;
        metadata::forget(place, &transfer.identity.name).await?;
        hub.store.write(MarkRemoved { no: transfer.no, at: hub.clock.micros() }).await?;
    }
    Ok(())
}

/// How a file's bytes are written, as the store keeps it.
fn physical_code(physical: Physical) -> i64 {
    let charset = match physical.charset {
        Charset::Latin1 => 1,
        Charset::Utf8 => 2,
        Charset::Ebcdic277 => 3,
    };
    let mode = match physical.mode {
        Mode::Line => 0,
        Mode::Block => 16,
    };
    charset + mode + if physical.bom { 256 } else { 0 }
}

/// Reads [`physical_code`]; an unknown code is plain ISO-8859-1 in lines.
pub(super) fn physical_of(code: i64) -> Physical {
    Physical {
        charset: match code & 15 {
            2 => Charset::Utf8,
            3 => Charset::Ebcdic277,
            _ => Charset::Latin1,
        },
        mode: if code & 16 == 0 { Mode::Line } else { Mode::Block },
        bom: code & 256 != 0,
    }
}
