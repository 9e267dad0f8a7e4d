//! Control files of case systems in: what was sent is held against what came (feature 3.1.1).
//!
//! What a control file names and did not come, and what lacks between files that are numbered, is on the worklist until
//! it has come. Moves no payment.

use std::collections::BTreeMap;
use std::io::Read as _;

use jiff::civil::Date;
use toek_formats::order_control;

use super::fetch::{self, Unsettled, close};
use super::{Activity, Hub, PipelineError};
use crate::config::Pipeline;
use crate::domain::orders::{Gap, gaps};
use crate::store::controls::{self, BookOrderControls, OrderControl, OrderFile};
use crate::store::task::{self, UnfitFiles};
use crate::store::transfer::{Transfer, TransferState};

/// The kind of a task about a file that a control file names and that did not come.
pub const MISSING: &str = "file missing";
/// The kind of a task about numbers that lack between files.
pub const GAP: &str = "file gap";

/// Takes in every control file that the drops hold, and tells of what is missing.
pub async fn activate(hub: &Hub, pipeline: &Pipeline) -> Result<Activity, PipelineError> {
    let mut activity = fetch::each_new(hub, pipeline, &mut async |fetching, transfer| {
        process(hub, transfer, &mut fetching.activity).await?;
        Ok(Unsettled::default())
    })
    .await?;
    mind(hub, &mut activity).await?;
    Ok(activity)
}

async fn process(hub: &Hub, transfer: &Transfer, activity: &mut Activity) -> Result<(), PipelineError> {
    let mut bytes = Vec::new();
    let archived = hub.archived(transfer)?;
    let mut archived = std::io::BufReader::new(archived);
    archived.read_to_end(&mut bytes).map_err(|error| PipelineError::Unread(Box::new(error)))?;
    let told = match std::str::from_utf8(&bytes) {
        Ok(text) => order_control::read(text).map_err(|fault| fault.to_string()),
        Err(_) => Err("it is not UTF-8".to_owned()),
    };
    let rows = match told {
        Ok(rows) => rows,
        Err(fault) => {
            let reason = format!("CONTROL: {fault}");
            return close(hub, transfer, TransferState::Quarantined, reason, activity).await;
        }
    };
    activity.accepted += 1;
    activity.records += rows.len() as u64;
    let endpoint = base(&transfer.identity.endpoint).to_owned();
    let row = |row: order_control::Row| OrderControl {
        endpoint: endpoint.clone(),
        file: row.file,
        sender: row.sender,
        records: row.records,
        sum: row.sum,
        day: row.day,
    };
    let rows = rows.into_iter().map(row).collect();
    hub.store.write(BookOrderControls { transfer: transfer.no, rows, at: hub.clock.micros() }).await?;
    Ok(())
}

/// An endpoint's name without the folder.
pub(super) fn base(endpoint: &str) -> &str {
    endpoint.split('/').next().unwrap_or(endpoint)
}

/// What lacks between the numbered files of each place, but for those that are not to come: how it is called
/// (`ksd: G68_0751_20260302 number 3`), and since when it is known.
pub(super) fn missing_numbers(files: &[OrderFile], rows: &[OrderControl]) -> Vec<(String, Date)> {
    let mut by_place: BTreeMap<&str, Vec<(&str, Date)>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.state != TransferState::Rejected) {
        by_place.entry(&file.endpoint).or_default().push((&file.name, file.received_on()));
    }
    for (place, names) in &mut by_place {
        let withdrawn = rows.iter().filter(|row| row.is_withdrawn() && row.endpoint == base(place));
        names.extend(withdrawn.map(|row| (row.file.as_str(), row.day)));
    }
    let one = |place: &str, Gap { series, first, last, since }: Gap<Date>| match first == last {
        true => (format!("{place}: {series} number {first}"), since),
        false => (format!("{place}: {series} numbers {first} to {last}"), since),
    };
    by_place
        .into_iter()
        .flat_map(|(place, files)| gaps(files).into_iter().map(move |gap| one(place, gap)))
        .collect()
}

/// The file that a control row is about, the accepted one before others.
pub(super) fn file_of<'a>(files: &'a [OrderFile], row: &OrderControl) -> Option<&'a OrderFile> {
    let is_it = |file: &&OrderFile| base(&file.endpoint) == row.endpoint && file.name == row.file;
    let accepted = files.iter().filter(is_it).find(|file| file.state == TransferState::Accepted);
    accepted.or_else(|| files.iter().rfind(is_it))
}

async fn mind(hub: &Hub, activity: &mut Activity) -> Result<(), PipelineError> {
    let (files, rows) =
        hub.store.read(|tx| Ok((controls::order_files(tx)?, controls::order_controls(tx)?)))?;
    let absent = rows.iter().filter(|row| !row.is_withdrawn() && file_of(&files, row).is_none());
    let missing: Vec<String> = absent.map(|row| format!("{}: {}", row.endpoint, row.file)).collect();
    tell(hub, MISSING, "its control file says it was sent; it did not come", missing, activity).await?;
    let text = "files of these numbers lack between those that came";
    let lacking = missing_numbers(&files, &rows).into_iter().map(|(subject, _)| subject).collect();
    tell(hub, GAP, text, lacking, activity).await
}

async fn tell(
    hub: &Hub,
    kind: &'static str,
    text: &'static str,
    now: Vec<String>,
    activity: &mut Activity,
) -> Result<(), PipelineError> {
    let told = hub.store.read(|tx| task::subjects(tx, kind, ""))?;
    let fresh: Vec<String> = now.iter().filter(|subject| !told.contains(subject)).cloned().collect();
    let gone: Vec<String> = told.into_iter().filter(|subject| !now.contains(subject)).collect();
    if fresh.is_empty() && gone.is_empty() {
        return Ok(());
    }
    activity.tasks += fresh.len() as u64;
    Ok(hub.store.write(UnfitFiles { kind, text, fresh, gone, at: hub.clock.micros() }).await?)
}
