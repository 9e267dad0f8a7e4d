//! Assortments in: which classes a municipality may use towards its ERP, and from when (features 3.3.3, 6.1.4).
//!
//! A file is read to its end before anything of it counts. What a new version makes of the accounts is told before it
//! bites; never changes an account, and never sends.

use std::collections::BTreeMap;
use std::io::BufReader;

use jiff::Timestamp;
use toek_formats::assortment::{self as format, AssortmentReader, Entry, Kind, LIMITS};
use toek_formats::vocabulary::mask_cpr;

use super::fetch::{self, Unsettled, close};
use super::{Activity, Hub, PipelineError};
use crate::config::Pipeline;
use crate::domain::assortment::{Days, Owner, Replica, TOLD_BEFORE_DAYS, Trouble, Value, troubles};
use crate::domain::calendar::copenhagen;
use crate::store::assortment::{self, TakeIn, TellAccounts, Version};
use crate::store::transfer::{Transfer, TransferState};

/// Takes in every assortment that the drops hold, and tells of accounts that will stop working.
pub async fn activate(hub: &Hub, pipeline: &Pipeline) -> Result<Activity, PipelineError> {
    let mut activity = fetch::each_new(hub, pipeline, &mut async |fetching, transfer| {
        process(hub, transfer, &mut fetching.activity).await?;
        Ok(Unsettled::default())
    })
    .await?;
    activity.tasks += mind_accounts(hub).await?;
    Ok(activity)
}

async fn process(hub: &Hub, transfer: &Transfer, activity: &mut Activity) -> Result<(), PipelineError> {
    let (head, values) = match read(hub, transfer)? {
        Ok(read) => read,
        Err(reason) => {
            let reason = format!("SORT-XML: {reason}");
            return close(hub, transfer, TransferState::Quarantined, reason, activity).await;
        }
    };
    let Some(owner) = Owner::named(&head.owner, &hub.installation.municipalities) else {
        let reason =
            format!("SORT-OWNER: `{}` is neither a municipality here nor KOMBIT", shown(&head.owner));
        return close(hub, transfer, TransferState::Quarantined, reason, activity).await;
    };
    let take_in = TakeIn {
        version: Version {
            no: 0,
            id: head.id,
            transfer: transfer.no,
            owner,
            name: shown(&head.key),
            title: shown(&head.title),
            owner_text: shown(&head.owner),
            days: days(head.days),
            since: head.days.from,
            changed_at: head.changed.as_microsecond(),
            loaded_at: hub.clock.micros(),
            before: None,
            is_current: false,
        },
        closes_from: day_of(head.changed),
        values,
    };
    activity.records += take_in.values.len() as u64;
    hub.store.write(take_in).await?;
    activity.accepted += 1;
    Ok(())
}

/// The day in Denmark.
fn day_of(at: Timestamp) -> jiff::civil::Date {
    copenhagen(at).date()
}

/// A text of theirs, which is about accounts and not about persons.
fn shown(text: &str) -> String {
    mask_cpr(text).unwrap_or_else(|| text.to_owned())
}

fn days(days: format::Days) -> Days {
    Days { from: days.from, until: days.until }
}

type Read = Result<(format::Assortment, Vec<Value>), String>;

/// All that a file says, or what is wrong with it.
fn read(hub: &Hub, transfer: &Transfer) -> Result<Read, PipelineError> {
    let archived = hub.archived(transfer)?;
    let mut reader = AssortmentReader::new(BufReader::with_capacity(1 << 16, archived), LIMITS);
    match read_values(&mut reader).and_then(|read| reader.finish().map(|_| read)) {
        Err(error) if error.kind() == Kind::Io => Err(PipelineError::Unread(Box::new(error))),
        read => Ok(read.map_err(|error| error.to_string())),
    }
}

fn read_values<R: std::io::BufRead>(
    reader: &mut AssortmentReader<R>,
) -> Result<(format::Assortment, Vec<Value>), format::Error> {
    let head = reader.head()?;
    let (mut part, mut within) = (String::new(), days(head.days));
    let mut values = Vec::new();
    while let Some(entry) = reader.next()? {
        // A value holds on days that are its own, its sub-assortment's and its assortment's: one that has none is left out.
        let (row, class, key, title) = match entry {
            Entry::Part(open) => {
                part = shown(&open.key);
                within = days(open.days);
                continue;
            }
            Entry::Class(value) => {
                // Classes are compared as UUIDs, whose letters are small.
                (&value.row, value.class.id.to_ascii_lowercase(), &value.class.key, &value.class.title)
            }
            Entry::Unit(value) => (&value.row, value.unit.to_string(), &value.key, &value.name),
        };
        let days = days(row.days).within(within).and_then(|days_of| days_of.within(days(head.days)));
        if let Some(days) = days {
            let (part, key, title) = (part.clone(), shown(key), shown(title));
            values.push(Value { part, class, key, title, days, is_carried: false });
        }
    }
    Ok((head, values))
}

/// Every account of every municipality that will stop working within so many days.
///
/// # Errors
/// The store's.
pub fn coming_troubles(hub: &Hub, ahead_days: u32) -> Result<Vec<Trouble>, PipelineError> {
    let Some(accounts) = hub.installation.accounts.as_deref() else { return Ok(Vec::new()) };
    let assortments = hub.store.read(|tx| assortment::replica(tx, None))?;
    let today = hub.clock.danish().date();
    let of = |code| troubles(code, &accounts.uses(code), &Replica::of(code, &assortments), today, ahead_days);
    Ok(hub.installation.municipalities.iter().flat_map(|row| of(row.code)).collect())
}

/// The worklist says what will stop working, no more and no less; how much of it is new.
async fn mind_accounts(hub: &Hub) -> Result<u64, PipelineError> {
    let told: BTreeMap<_, _> = hub.store.read(assortment::told)?.into_iter().collect();
    let troubles = coming_troubles(hub, TOLD_BEFORE_DAYS)?;
    let is_told = |subject: &String| troubles.iter().any(|trouble| trouble.subject() == *subject);
    let gone: Vec<_> = told.keys().filter(|subject| !is_told(subject)).cloned().collect();
    let is_fresh = |trouble: &Trouble| told.get(&trouble.subject()) != Some(&trouble.text());
    let fresh: Vec<_> = troubles.iter().filter(|trouble| is_fresh(trouble)).cloned().collect();
    let count = fresh.len() as u64;
    if !fresh.is_empty() || !gone.is_empty() {
        hub.store.write(TellAccounts { fresh, gone, at: hub.clock.micros() }).await?;
    }
    Ok(count)
}
