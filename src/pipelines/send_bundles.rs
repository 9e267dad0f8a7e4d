//! Payments out: what is due becomes bundles, and bundles are brought to NemKonto (features 2.3.7, 2.3.10).
//!
//! First what was begun is finished, then what is due is chosen and numbered, bundle by bundle. Every durable step of
//! a bundle is a state of its row, so that a crash between two steps is seen and resolved by looking.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufWriter, Write as _};

use jiff::Timestamp;
use jiff::civil::Date;
use toek_formats::nemkonto::{
    AmountFormat, BundleHead, BundleWriter, Debit, Parties, Payment, WriteError, break_advice,
};
use toek_formats::vocabulary::{BankAccount, MunicipalityCode};
use tracing::Instrument;

use super::deliver::{Parcel, Sight, carrier, lies_archived};
use super::{Activity, Hub, PipelineError, Place, chain, restored};
use crate::canary::{self, Canary};
use crate::config::{AmountForm, Evidence, Format, Pipeline, PipelineKind};
use crate::domain;
use crate::domain::answers::BundleState;
use crate::domain::calendar::copenhagen;
use crate::domain::identity::BundleNo;
use crate::domain::sending::{self, Due, Timing};
use crate::store::archive::{Archived, Key};
use crate::store::bundle::{
    self, Bundle, BundleLine, DueKey, FinishRuns, Frozen, HoldLate, MarkLanded, Move, Number,
};
use crate::store::transfer::{self, Transfer};
use crate::store::{StoreError, Write, block, evidence, intake, together, unknown};

/// The window of a day's ordinary run.
const DAILY: &str = "daily";

/// Sends everything that is due.
pub async fn activate(hub: &Hub, pipeline: &Pipeline) -> Result<Activity, PipelineError> {
    send(hub, pipeline, |_| true).await
}

/// Sends immediate payments of accepted transfers at once, and finishes what was begun.
pub async fn send_immediate(hub: &Hub) -> Result<Activity, PipelineError> {
    let pipelines = &hub.installation.pipelines;
    match pipelines.iter().find(|pipeline| pipeline.kind == PipelineKind::SendBundles) {
        Some(pipeline) => send(hub, pipeline, |due| due.immediate).await,
        None => Ok(Activity::default()),
    }
}

async fn send(
    hub: &Hub,
    pipeline: &Pipeline,
    wanted: impl Fn(&Due) -> bool,
) -> Result<Activity, PipelineError> {
    let mut activity = Activity::default();
    if restored::is_held(hub, pipeline)? {
        restored::look(hub, pipeline, &mut activity).await?;
        return Ok(activity);
    }
    look_again(hub, pipeline, &mut activity).await?;
    deliver_all(hub, pipeline, &mut activity).await?;
    free(hub).await?;
    for (group, due) in choose(hub, wanted, &mut activity).await? {
        let municipality = group.municipality;
        if let Err(error) = number(hub, pipeline, &group, due).await {
            activity.failures.push(format!("municipality {municipality}: {}", chain(&error)));
        }
    }
    deliver_all(hub, pipeline, &mut activity).await?;
    hub.store.write(FinishRuns { at: hub.clock.micros() }).await?;
    Ok(activity)
}

/// Lets go what no block holds any more: it was lifted, or its time is over.
async fn free(hub: &Hub) -> Result<(), PipelineError> {
    let (now, at) = (hub.clock.danish(), hub.clock.micros());
    let today = now.date();
    for payment in hub.store.read(|tx| block::freed(tx, today))? {
        let Some(stored) = hub.store.read(|tx| intake::payment(tx, payment))? else { continue };
        let rules = hub.installation.parameters.at(stored.request.municipality, today);
        let due = domain::intake::due(&stored.request, now, &hub.installation.bank_days, &rules);
        hub.store.write(block::Free { payment, due, today, at }).await?;
    }
    Ok(())
}

/// What goes into bundles together. Immediate ones of a transfer are a window of their own, and go first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    ordinary: bool,
    municipality: MunicipalityCode,
    execution_day: Date,
    window: String,
}

async fn choose(
    hub: &Hub,
    wanted: impl Fn(&Due) -> bool,
    activity: &mut Activity,
) -> Result<BTreeMap<Group, Vec<DueKey>>, PipelineError> {
    let now = hub.clock.danish();
    let mut groups: BTreeMap<Group, Vec<DueKey>> = BTreeMap::new();
    for key in hub.store.read(bundle::open_due)?.into_iter().filter(|key| wanted(&key.due)) {
        let rules = hub.installation.parameters.at(key.municipality, now.date());
        match sending::timing(key.due, now, &hub.installation.bank_days, &rules) {
            Timing::NotYet => {}
            Timing::Send(execution_day) => {
                let window = match key.due.immediate {
                    true => super::subject(key.transfer),
                    false => DAILY.to_owned(),
                };
                let (ordinary, mut municipality) = (!key.due.immediate, key.municipality);
                if canary::is_active(Canary::MixedMunicipalities) {
                    municipality = groups.keys().next().map_or(municipality, |group| group.municipality);
                }
                groups.entry(Group { ordinary, municipality, execution_day, window }).or_default().push(key);
            }
            Timing::TooLate => {
                activity.tasks += 1;
                hub.store.write(HoldLate { due: key, at: hub.clock.micros() }).await?;
            }
        }
    }
    Ok(groups)
}

/// Takes a group's payments into as many bundles as the limit asks for.
async fn number(
    hub: &Hub,
    pipeline: &Pipeline,
    group: &Group,
    due: Vec<DueKey>,
) -> Result<(), PipelineError> {
    let installation = &hub.installation;
    let run_day = hub.clock.danish().date();
    let rules = installation.parameters.at(group.municipality, run_day);
    let write = Number {
        pipeline: pipeline.name.clone(),
        municipality: group.municipality,
        run_day,
        window: group.window.clone(),
        execution_day: group.execution_day,
        due,
        limit: rules.bundle_limit as usize,
        frozen: frozen(hub, group.municipality, run_day)?,
    };
    let write = std::sync::Arc::new(write);
    loop {
        let endpoint = pipeline.endpoint.clone();
        let next = restored::UnlessHeld { endpoint, write: write.clone() };
        if hub.store.write(next).await?.is_none() {
            return Ok(());
        }
    }
}

/// Everything a bundle's bytes depend on besides its payments, as it is now.
pub(super) fn frozen(hub: &Hub, code: MunicipalityCode, day: Date) -> Result<Frozen, PipelineError> {
    let gone = || PipelineError::Configuration(format!("municipality {code} is not in the file any more"));
    let municipality = hub.installation.municipalities.get(code).ok_or_else(gone)?;
    let account = municipality
        .accounts
        .first()
        .ok_or_else(|| PipelineError::Configuration(format!("municipality {code} has no debit account")))?;
    let parties = &hub.installation.nemkonto;
    Ok(Frozen {
        authority: municipality.authority.clone(),
        agreement: municipality.bank_agreement.clone(),
        debit_account: account.account.bban(),
        bank: 1,
        supplier_id: parties.supplier_id.clone(),
        supplier_gln: parties.supplier_gln.as_str().to_owned(),
        nks_id: parties.nks_id.clone(),
        nks_gln: parties.nks_gln.as_str().to_owned(),
        implied_decimals: parties.amount_form == AmountForm::Implied3,
        benefits: benefits_at(hub, day),
        created_at: hub.clock.micros(),
    })
}

/// What NemKonto calls each benefit on a day: lines of our code, a blank, its code.
pub(super) fn benefits_at(hub: &Hub, day: Date) -> String {
    let valid =
        hub.installation.catalogue.iter().filter_map(|row| hub.installation.catalogue.at(row.code, day));
    let lines: std::collections::BTreeSet<String> =
        valid.map(|benefit| format!("{} {}", benefit.code, benefit.nemkonto_benefit)).collect();
    lines.into_iter().collect::<Vec<_>>().join("\n")
}

async fn deliver_all(hub: &Hub, pipeline: &Pipeline, activity: &mut Activity) -> Result<(), PipelineError> {
    let bundles = hub.store.read(bundle::to_send)?;
    let Some(place) = hub.places(pipeline)?.into_iter().next() else {
        return Err(PipelineError::Configuration(format!("pipeline `{}` has no folder", pipeline.name)));
    };
    let evidence = hub.installation.endpoint(&pipeline.endpoint).map(|endpoint| endpoint.evidence);
    let total = bundles.len() as u64;
    for (done, no) in (1..).zip(bundles) {
        let span = tracing::info_span!("bundle", no = no.0, endpoint = place.label);
        match deliver(hub, pipeline, &place, evidence, no).instrument(span).await {
            Ok(Some(payments)) => {
                activity.bundles += 1;
                activity.payments += u64::from(payments);
            }
            Ok(None) => activity.tasks += 1,
            Err(error) => activity.failures.push(format!("bundle {}: {}", no.0, chain(&error))),
        }
        hub.progress.at("bundles", done, total);
    }
    Ok(())
}

/// Looks once more for bundles that left and were not seen since: the way may have broken just then. What is seen is
/// evidence; nothing is sent again because of it.
async fn look_again(hub: &Hub, pipeline: &Pipeline, activity: &mut Activity) -> Result<(), PipelineError> {
    let unseen = hub.store.read(bundle::unseen)?;
    let endpoint = hub.installation.endpoint(&pipeline.endpoint).map(|endpoint| endpoint.evidence);
    let Some(place) = hub.places(pipeline)?.into_iter().next().filter(|_| !unseen.is_empty()) else {
        return Ok(());
    };
    for no in unseen {
        let bundle = hub.store.read(|tx| bundle::get(tx, no))?;
        let Some(file) = bundle.transfer else { continue };
        let Some(file) = hub.store.read(|tx| transfer::get(tx, file))? else { continue };
        let parcel = Parcel { hub, place: &place, file: &file, companion: None };
        if let Err(error) = look(hub, &parcel, endpoint, no).await {
            activity.failures.push(format!("bundle {}: {}", no.0, chain(&error)));
            return Ok(()); // the others lie at the same place
        }
    }
    Ok(())
}

/// Looks, and keeps what was seen.
async fn look(
    hub: &Hub,
    parcel: &Parcel<'_>,
    evidence: Option<Evidence>,
    no: BundleNo,
) -> Result<(), PipelineError> {
    let (sight, at) = (parcel.look(evidence).await?, hub.clock.micros());
    match sight {
        Sight::NotLookedFor => {}
        Sight::Landed(_) => {
            hub.store.write(MarkLanded { bundle: no, what: sight.to_string(), at }).await?;
        }
        Sight::Other(_) | Sight::Gone => note(hub, no, sight.to_string()).await?,
    }
    Ok(())
}

async fn note(hub: &Hub, no: BundleNo, what: String) -> Result<(), PipelineError> {
    let (subject, at) = (unknown::bundle_subject(no), hub.clock.micros());
    Ok(hub.store.write(evidence::Note { subject, what, at }).await?)
}

/// Brings one bundle as far as it can get: `Some(payments)` when it left, `None` when it is held.
async fn deliver(
    hub: &Hub,
    pipeline: &Pipeline,
    place: &Place,
    evidence: Option<Evidence>,
    no: BundleNo,
) -> Result<Option<u32>, PipelineError> {
    let mut bundle = hub.store.read(|tx| bundle::get(tx, no))?;
    if bundle.state == BundleState::Numbered {
        archive(hub, place, &bundle).await?;
        bundle = hub.store.read(|tx| bundle::get(tx, no))?;
    }
    let file = bundle.transfer.map(|file| hub.store.read(|tx| transfer::get(tx, file)));
    let file = file.transpose()?.flatten();
    let file = file.ok_or_else(|| StoreError::Conflict(format!("bundle {} has no file", no.0)))?;
    let parcel = Parcel { hub, place, file: &file, companion: None };
    if canary::is_active(Canary::ForgottenIntent) && bundle.state == BundleState::Committing {
        parcel.put().await?;
        parcel.commit().await?;
    }
    if canary::is_active(Canary::StuckCommit) && bundle.state == BundleState::Committing {
        return Ok(None);
    }
    if bundle.state == BundleState::Resend {
        if let Some(reason) = too_late(hub, &bundle) {
            step(hub, no, BundleState::Resend, BundleState::Suspect, Some(reason)).await?;
            return Ok(None);
        }
        // It may lie there still, or again: then it arrived after all, and no second copy is made.
        let sight = parcel.look(Some(evidence.unwrap_or(Evidence::Listing))).await?;
        note(hub, no, sight.to_string()).await?;
        if matches!(sight, Sight::Landed(_)) {
            step(hub, no, BundleState::Resend, BundleState::Sent, None).await?;
            hub.store
                .write(MarkLanded { bundle: no, what: sight.to_string(), at: hub.clock.micros() })
                .await?;
            return Ok(Some(bundle.payments));
        }
    }
    // What left before is never held: an answer to the first copy may still come, and counts.
    let held = if bundle.resent > 0 { BundleState::Suspect } else { BundleState::Held };
    if matches!(bundle.state, BundleState::Archived | BundleState::Resend) {
        parcel.put().await?;
        if let Some(reason) = too_late(hub, &bundle) {
            step(hub, no, bundle.state, held, Some(reason)).await?;
            return Ok(None);
        }
        let (from, to, at) = (bundle.state, BundleState::Committing, hub.clock.micros());
        let write = Move { bundle: no, from, to, file: None, reason: None, at };
        hub.store.write(restored::UnlessHeld { endpoint: pipeline.endpoint.clone(), write }).await?;
        parcel.commit().await?;
    } else {
        // A crash, or a lost connection, came between the intent to commit and the note that it was done. Is our upload
        // still there under its temporary name, it was not committed. Were it gone, only our own rename could have moved it.
        let is_pending = parcel.is_pending().await?;
        let seen = if is_pending { "the upload is there, and not committed" } else { PROOF };
        note(hub, no, seen.to_owned()).await?;
        if is_pending {
            if let Some(reason) = too_late(hub, &bundle) {
                step(hub, no, BundleState::Committing, held, Some(reason)).await?;
                return Ok(None);
            }
            parcel.commit().await?;
        }
    }
    step(hub, no, BundleState::Committing, BundleState::Sent, None).await?;
    look(hub, &parcel, evidence, no).await?;
    Ok(Some(bundle.payments))
}

/// What is kept when an upload is gone whose commit nobody noted.
const PROOF: &str = "the upload is gone from under its temporary name, so its commit took effect";

async fn step(
    hub: &Hub,
    bundle: BundleNo,
    from: BundleState,
    to: BundleState,
    reason: Option<String>,
) -> Result<(), PipelineError> {
    let at = hub.clock.micros();
    Ok(hub.store.write(Move { bundle, from, to, file: None, reason, at }).await?)
}

/// Checked once more at the last moment: an ordinary bundle never leaves after its cut-off, an immediate one never with
/// a day that cannot be reached any more.
fn too_late(hub: &Hub, bundle: &Bundle) -> Option<String> {
    let now = hub.clock.danish();
    let (bank_days, day) = (&hub.installation.bank_days, bundle.execution_day);
    let rules = hub.installation.parameters.at(bundle.municipality, now.date());
    if bundle.immediate {
        let reachable = sending::first_reachable(now, bank_days, &rules);
        return (day < reachable).then(|| format!("{day} cannot be reached any more; it needs a new date"));
    }
    let cutoff = sending::hard_cutoff(day, bank_days, &rules);
    (now > cutoff).then(|| format!("the last moment to send it for {day} was {cutoff}; it needs a new date"))
}

/// Writes the bundle's bytes, a function of its row and payments, to the archive.
async fn archive(hub: &Hub, place: &Place, bundle: &Bundle) -> Result<(), PipelineError> {
    let file = carrier(
        hub,
        place,
        Format::NemkontoPayment,
        format!("{}.xml", bundle.group_id),
        bundle.frozen.created_at,
    )
    .await?;
    let (key, data_key) = hub.fresh_key()?;
    let archived = write_bundle(hub, bundle, &file, &key)?;
    let mark = lies_archived(file.no, &archived, data_key);
    let (bundle, file_no, at) = (bundle.no, Some(file.no), hub.clock.micros());
    let (from, to) = (BundleState::Numbered, BundleState::Archived);
    hub.store
        .write(together::<Move, _, _>(move |tx| {
            mark.apply(tx)?;
            Move { bundle, from, to, file: file_no, reason: None, at }.apply(tx)
        }))
        .await?;
    Ok(())
}

/// Payments read from the store at a time.
const PAGE: usize = 1_000;

fn write_bundle(hub: &Hub, bundle: &Bundle, file: &Transfer, key: &Key) -> Result<Archived, PipelineError> {
    let unfit = |what: String| PipelineError::Bundle { group_id: bundle.group_id.clone(), what };
    let failed = |error: WriteError| unfit(chain(&error));
    let account = BankAccount::parse(&bundle.frozen.debit_account).map_err(|e| unfit(e.to_string()))?;
    let created = match canary::is_active(Canary::MovingBytes) {
        true => hub.clock.micros(),
        false => bundle.frozen.created_at,
    };
    let created = Timestamp::from_microsecond(created).map_err(|e| unfit(e.to_string()))?;
    let head = BundleHead {
        parties: Parties {
            supplier_id: &bundle.frozen.supplier_id,
            supplier_gln: &bundle.frozen.supplier_gln,
            nks_id: &bundle.frozen.nks_id,
            nks_gln: &bundle.frozen.nks_gln,
        },
        group_id: &bundle.group_id,
        created: copenhagen(created).round(jiff::Unit::Second).unwrap_or(copenhagen(created)),
        control_sum: bundle.sum,
        count: bundle.payments,
        authority: &bundle.frozen.authority,
        amount_format: match bundle.frozen.implied_decimals {
            false => AmountFormat::Decimal2,
            true => AmountFormat::Implied3,
        },
    };
    let sink = BufWriter::with_capacity(1 << 16, hub.archive.create(file.no, key)?);
    let mut writer = BundleWriter::begin(sink, &head).map_err(failed)?;
    let debit = Debit {
        execution: bundle.execution_day,
        agreement: &bundle.frozen.agreement,
        account,
        text: Some(&bundle.group_id),
    };
    writer.debit(&debit).map_err(failed)?;
    let benefits = bundle.frozen.benefits.lines().filter_map(|line| line.split_once(' ')).collect();
    for page in bundle.members.chunks(PAGE) {
        for line in hub.store.read(|tx| bundle::lines(tx, page))? {
            write_payment(&benefits, bundle, &line, &mut writer).map_err(failed)?;
        }
    }
    let mut sink = writer.finish().map_err(failed)?;
    sink.flush().map_err(|e| unfit(e.to_string()))?;
    let archive = sink.into_inner().map_err(|e| unfit(e.to_string()))?;
    Ok(archive.finish()?)
}

fn write_payment<W: io::Write>(
    benefits: &HashMap<&str, &str>,
    bundle: &Bundle,
    line: &BundleLine,
    writer: &mut BundleWriter<W>,
) -> Result<(), WriteError> {
    let reference = line.attempt.end_to_end_id(bundle.municipality, bundle.run_day);
    let own_code = line.benefit.to_string();
    let text: String = line.advice.iter().map(|byte| char::from(*byte)).collect();
    let advice = break_advice(text.lines());
    writer.payment(&Payment {
        end_to_end_id: &reference,
        benefit: Some(benefits.get(own_code.as_str()).copied().unwrap_or(&own_code)),
        amount: line.amount,
        payee: Some(line.payee),
        name: None,
        address: None,
        account: None,
        advice: &advice.as_lines(),
    })
}
