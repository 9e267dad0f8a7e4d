//! After a restore: finds what left in the time that was lost, and keeps a place held until that is known.
//!
//! Evidence is what lies in our delivery folders, read back with the strict readers of our own forms, and what receipts
//! and answers name. Sends nothing, and never takes silence for proof: a place is free again by a person, or when every
//! answer must have come and nothing is left that may have been sent unseen.

use std::collections::HashMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use toek_adapters::drop::{Collect, Listed, TRIGGER};
use toek_formats::finance::{Entry, LIMITS, VoucherFileReader};
use toek_formats::nemkonto::{self, AmountFormat, BundleReader, ReadBundleHead, ReadDebit};
use toek_formats::vocabulary::{MunicipalityCode, Ore};
use uuid::Uuid;

use super::deliver::{carrier, lies_archived};
use super::{Activity, Hub, PipelineError, Place, chain, masked, send_bundles, send_vouchers};
use crate::config::{Commit, Format, Pipeline, PipelineKind};
use crate::domain::answers::BundleState;
use crate::domain::calendar::{copenhagen, instant};
use crate::domain::identity::{AttemptId, TransferNo, read_group_id, voucher_file_ids};
use crate::domain::restore as rules;
use crate::steps::Step;
use crate::store::adopt::{self, Adopt, AdoptVouchers, Named};
use crate::store::bundle::{self, Frozen, MarkLanded};
use crate::store::finance::{self, VoucherFile};
use crate::store::restore::{self, Found, Hold, Looked, NoteFound, Release};
use crate::store::transfer::{self, Direction};
use crate::store::{StoreError, Tx, Write, ledger};

/// Who ends a hold that ends by itself.
const BY_ITSELF: &str = "toek";

/// Whether nothing may be sent where a pipeline sends.
pub(super) fn is_held(hub: &Hub, pipeline: &Pipeline) -> Result<bool, PipelineError> {
    Ok(hub.store.read(|tx| restore::is_held(tx, &pipeline.endpoint))?)
}

/// Looks what lies in the delivery folders of a pipeline's endpoint, if that is held.
pub(super) async fn look(
    hub: &Hub,
    pipeline: &Pipeline,
    activity: &mut Activity,
) -> Result<(), PipelineError> {
    if !is_held(hub, pipeline)? {
        return Ok(());
    }
    let senders = hub.installation.pipelines.iter().filter(|other| other.endpoint == pipeline.endpoint);
    for sender in senders.filter(|other| !other.kind.receives()) {
        for place in hub.places(sender)? {
            match place.drop.list().await.map_err(place.failed()) {
                Ok(listed) => look_at(hub, sender, &place, &listed, activity).await,
                Err(error) => activity.failures.push(chain(&error)),
            }
        }
    }
    Ok(())
}

async fn look_at(hub: &Hub, sender: &Pipeline, place: &Place, listed: &[Listed], activity: &mut Activity) {
    for file in listed {
        let looked = match sender.kind {
            PipelineKind::SendBundles => bundle_file(hub, sender, place, file).await,
            PipelineKind::SendVouchers => voucher_file(hub, sender, place, file, listed).await,
            PipelineKind::ReceivePayments
            | PipelineKind::ReceiveAnswers
            | PipelineKind::ReceiveVoucherAnswers
            | PipelineKind::ReceiveReceipts
            | PipelineKind::ReceiveAssortments
            | PipelineKind::ReceiveBankStatements
            | PipelineKind::ReceiveOrderControls => Ok(0),
        };
        match looked {
            Ok(adopted) => activity.adopted += u64::from(adopted),
            Err(error) => activity.failures.push(format!("{}: {}", file.name.escape_debug(), chain(&error))),
        }
    }
}

/// What is said of a bundle whose number only this epoch, or a later one, can have given, and which was not given here.
pub const ANOTHERS: &str = "its number is of this epoch or a later one and was not given here: the same backup was \
    restored elsewhere, too. Nothing may be sent from here: restore it again with a higher --epoch";

/// Whether a bundle is of another restore of the same backup.
fn is_anothers(hub: &Hub, group_id: &str) -> Result<bool, PipelineError> {
    let Ok((municipality, _, sequence)) = read_group_id(group_id) else { return Ok(false) };
    let (above, _) = rules::bundle_numbers(hub.store.read(restore::epoch)?);
    let can_be_ours = sequence > above && hub.installation.municipalities.get(municipality).is_some();
    Ok(can_be_ours && hub.store.read(|tx| bundle::by_group(tx, group_id))?.is_none())
}

/// What is not explained is told, and keeps the place held.
async fn unexplained(hub: &Hub, endpoint: &str, file: &Listed, what: String) -> Result<u32, PipelineError> {
    let reference = file.name.escape_debug().to_string();
    note_open(hub, endpoint, reference, "it lies in our delivery folder", what).await
}

async fn note_open(
    hub: &Hub,
    endpoint: &str,
    reference: String,
    evidence: &str,
    what: String,
) -> Result<u32, PipelineError> {
    let known = hub.store.read(|tx| restore::found(tx, endpoint))?;
    if known.iter().any(|found| found.reference == reference && found.text == what) {
        return Ok(0);
    }
    let found = Found {
        reference,
        text: what,
        evidence: evidence.to_owned(),
        found_at: hub.clock.micros(),
        is_open: true,
    };
    hub.store.write(NoteFound { endpoint: endpoint.to_owned(), found }).await?;
    Ok(0)
}

/// Whose bundle a reference is, if it can be one of ours from before this epoch.
fn before_this_epoch(hub: &Hub, group_id: &str) -> Result<Option<MunicipalityCode>, PipelineError> {
    let Ok((municipality, _, sequence)) = read_group_id(group_id) else { return Ok(None) };
    let (above, _) = rules::bundle_numbers(hub.store.read(restore::epoch)?);
    let is_ours = sequence <= above && hub.installation.municipalities.get(municipality).is_some();
    Ok(is_ours.then_some(municipality))
}

/// Takes a bundle that lies at the counterparty's side into the books. How many payments that explains.
async fn bundle_file(
    hub: &Hub,
    sender: &Pipeline,
    place: &Place,
    file: &Listed,
) -> Result<u32, PipelineError> {
    let Some(group_id) = file.name.strip_suffix(".xml") else { return Ok(0) };
    if is_anothers(hub, group_id)? {
        return unexplained(hub, &sender.endpoint, file, ANOTHERS.to_owned()).await;
    }
    if before_this_epoch(hub, group_id)?.is_none() || is_settled(hub, group_id)? {
        return Ok(0);
    }
    let mut read = Collect::default();
    place.drop.read_back(&file.name, &mut read).await.map_err(place.failed())?;
    let parsed = match parse(&read.0) {
        Ok(parsed) if parsed.head.group_id == group_id => parsed,
        Ok(_) => return unexplained(hub, &sender.endpoint, file, "it names another bundle".to_owned()).await,
        Err(what) => return unexplained(hub, &sender.endpoint, file, what).await,
    };
    let kept = match known_file(hub, group_id)? {
        Some(_) => None,
        None => Some(keep(hub, place, file, Format::NemkontoPayment, parsed.created_at(), &read.0).await?),
    };
    let whole = (u32::try_from(parsed.head.count).unwrap_or(u32::MAX), parsed.head.control_sum);
    let adopt = Adopt {
        endpoint: sender.endpoint.clone(),
        pipeline: sender.name.clone(),
        group_id: group_id.to_owned(),
        execution: Some(parsed.debit.execution),
        whole: Some(whole),
        frozen: parsed.frozen(hub)?,
        named: parsed.named,
        file: kept,
        evidence: format!("{} lies in our delivery folder", file.name),
        at: hub.clock.micros(),
    };
    let adopted = hub.store.write(adopt).await?;
    let what = "it lies in our delivery folder, and reads back alike".to_owned();
    hub.store.write(MarkLanded { bundle: adopted.bundle, what, at: hub.clock.micros() }).await?;
    tracing::warn!(group_id, payments = adopted.payments, "it was sent before the restore: known again");
    Ok(adopted.payments)
}

fn known_file(hub: &Hub, group_id: &str) -> Result<Option<TransferNo>, PipelineError> {
    Ok(hub.store.read(|tx| match bundle::by_group(tx, group_id)? {
        Some(no) => Ok(bundle::get(tx, no)?.transfer),
        None => Ok(None),
    })?)
}

/// Whether the store knows a bundle as sent, with its bytes.
fn is_settled(hub: &Hub, group_id: &str) -> Result<bool, PipelineError> {
    let known =
        hub.store.read(|tx| bundle::by_group(tx, group_id)?.map(|no| bundle::get(tx, no)).transpose())?;
    Ok(known.is_some_and(|bundle| {
        let has_left = bundle.state.has_left() && bundle.state != BundleState::Committing;
        has_left && bundle.transfer.is_some()
    }))
}

struct Parsed {
    head: ReadBundleHead,
    debit: ReadDebit,
    named: Vec<Named>,
}

/// Reads a bundle of ours to its end; strictly, since we wrote it.
fn parse(bytes: &[u8]) -> Result<Parsed, String> {
    let limits = nemkonto::Limits { bytes: bytes.len() as u64, ..nemkonto::Limits::default() };
    let mut reader = BundleReader::new(bytes, limits);
    let broken = |error: nemkonto::Error| format!("it cannot be read as a bundle of ours: {error}");
    let head = reader.head().map_err(broken)?;
    let (mut named, mut shared): (Vec<Named>, Option<ReadDebit>) = (Vec::new(), None);
    while let Some((debit, payment)) = reader.next().map_err(broken)? {
        let reference = &payment.end_to_end_id;
        let attempt = AttemptId::from_end_to_end_id(reference);
        named.push(Named {
            attempt: attempt.map_err(|_| format!("its payment {} is not of our making", named.len() + 1))?,
            reference: reference.clone(),
            amounts: [Some(payment.amount), None],
            payee: payment.payee,
            benefit: payment.benefit.clone(),
            execution: Some(debit.execution),
        });
        shared.get_or_insert_with(|| debit.clone());
    }
    let debit = shared.ok_or("it holds no payment")?;
    Ok(Parsed { head, debit, named })
}

impl Parsed {
    fn created_at(&self) -> i64 {
        instant(self.head.created).as_microsecond()
    }

    /// What its bytes depended on, as they say.
    fn frozen(&self, hub: &Hub) -> Result<Frozen, PipelineError> {
        let [supplier_id, supplier_gln, nks_id, nks_gln] = &self.head.parties[..] else {
            return Err(StoreError::Conflict("a bundle of ours names four parties".to_owned()).into());
        };
        let account = self.debit.account.map(|account| account.bban()).unwrap_or_default();
        Ok(Frozen {
            authority: self.head.authority.clone(),
            agreement: self.debit.agreement.clone(),
            debit_account: account,
            bank: 1,
            supplier_id: supplier_id.clone(),
            supplier_gln: supplier_gln.clone(),
            nks_id: nks_id.clone(),
            nks_gln: nks_gln.clone(),
            implied_decimals: self.head.amount_format == AmountFormat::Implied3,
            benefits: send_bundles::benefits_at(hub, self.head.created.date()),
            created_at: self.created_at(),
        })
    }
}

/// Archives what lies at the counterparty's side, as what we sent.
async fn keep(
    hub: &Hub,
    place: &Place,
    file: &Listed,
    format: Format,
    made_at: i64,
    bytes: &[u8],
) -> Result<TransferNo, PipelineError> {
    let carrier = carrier(hub, place, format, file.name.clone(), made_at).await?;
    if carrier.sha256.is_some() {
        return Ok(carrier.no); // kept before a crash
    }
    let (key, data_key) = hub.fresh_key()?;
    let mut archive = hub.archive.create(carrier.no, &key)?;
    archive.write(bytes)?;
    let archived = archive.finish()?;
    hub.store.write(lies_archived(carrier.no, &archived, data_key)).await?;
    Ok(carrier.no)
}

/// What an answer tells of a bundle of the lost time, before it is booked: the bundle exists, and the payments it names
/// were in it.
pub(super) async fn adopt_answered(
    hub: &Hub,
    endpoint: &str,
    group_id: &str,
    named: Vec<Named>,
    evidence: String,
) -> Result<u32, PipelineError> {
    if hub.store.read(|tx| restore::hold_at(tx, endpoint))?.is_none() {
        return Ok(0); // nothing was ever restored
    }
    if is_anothers(hub, group_id)? {
        return note_open(hub, endpoint, masked(group_id), &evidence, ANOTHERS.to_owned()).await;
    }
    let Some(municipality) = before_this_epoch(hub, group_id)? else { return Ok(0) };
    if hub.store.read(|tx| adopt::is_known(tx, group_id, &named))? {
        return Ok(0);
    }
    let pipelines = &hub.installation.pipelines;
    let sender = pipelines.iter().find(|p| p.kind == PipelineKind::SendBundles && p.endpoint == endpoint);
    let execution = named.iter().find_map(|payment| payment.execution);
    let today = hub.clock.danish().date();
    let adopt = Adopt {
        endpoint: endpoint.to_owned(),
        pipeline: sender.map_or_else(String::new, |sender| sender.name.clone()),
        group_id: group_id.to_owned(),
        frozen: send_bundles::frozen(hub, municipality, today)?,
        execution,
        whole: None,
        named,
        file: None,
        evidence,
        at: hub.clock.micros(),
    };
    let adopted = hub.store.write(adopt).await?;
    tracing::warn!(group_id, payments = adopted.payments, "an answer names what was sent before the restore");
    Ok(adopted.payments)
}

/// The number of a file of vouchers that one of its ids was made of.
fn file_number(hub: &Hub, is_it: impl Fn((Uuid, Uuid)) -> bool) -> Result<Option<i64>, PipelineError> {
    let last = hub.store.read(restore::last_numbers)?[4];
    Ok((1..=last).rev().find(|no| is_it(voucher_file_ids(&hub.installation.id, *no))))
}

/// The vouchers that wait, and those of a file, by their ids towards the ERP.
fn vouchers_by_id(hub: &Hub, file: i64) -> Result<HashMap<Uuid, (i64, u8)>, PipelineError> {
    Ok(hub.store.read(|tx| {
        let waiting = adopt::open_vouchers(tx)?.into_iter();
        let sent = finance::vouchers_of(tx, file)?.into_iter().map(|sent| (sent.voucher_no, sent.attempt));
        let mut by_id = HashMap::new();
        for (no, attempt) in waiting.chain(sent) {
            by_id.insert(finance::try_id(&ledger::voucher(tx, no)?, attempt), (no, attempt));
        }
        Ok(by_id)
    })?)
}

/// Takes a file of vouchers that lies at the platform into the books.
async fn voucher_file(
    hub: &Hub,
    sender: &Pipeline,
    place: &Place,
    file: &Listed,
    listed: &[Listed],
) -> Result<u32, PipelineError> {
    if !file.name.starts_with("FINANS_") || !file.name.ends_with(".xml") {
        return Ok(0);
    }
    if file_sent_as(hub, &file.name)?
        .is_some_and(|file| file.state >= crate::domain::finance::FileState::Sent)
    {
        return Ok(0);
    }
    let companion = format!("{}{TRIGGER}", file.name);
    let needs_trigger = hub.endpoint(sender)?.commit == Commit::Trigger;
    if needs_trigger && !listed.iter().any(|other| other.name == companion) {
        let what = "it lies there without its trigger: whether it counts is not known".to_owned();
        return unexplained(hub, &sender.endpoint, file, what).await;
    }
    let mut read = Collect::default();
    place.drop.read_back(&file.name, &mut read).await.map_err(place.failed())?;
    let (head, ids) = match parse_vouchers(&read.0) {
        Ok(parsed) => parsed,
        Err(what) => return unexplained(hub, &sender.endpoint, file, what).await,
    };
    let transaction = Uuid::from_bytes(head.transaction_id.0);
    let Some(no) = file_number(hub, |(own, _)| own == transaction)? else {
        return unexplained(hub, &sender.endpoint, file, "its id is not of our making".to_owned()).await;
    };
    let whose = hub.installation.municipalities.iter().find(|m| m.cvr.to_string() == head.sender_authority);
    let made_at = head.at.as_microsecond();
    let kept = keep(hub, place, file, Format::FinanceVouchers, made_at, &read.0).await?;
    let evidence = format!("{} lies in our delivery folder", file.name);
    adopt_vouchers(hub, &sender.endpoint, no, whose.map(|m| m.code), ids, Some(kept), evidence).await
}

fn parse_vouchers(bytes: &[u8]) -> Result<(toek_formats::finance::ReadFileHead, Vec<Uuid>), String> {
    let mut reader = VoucherFileReader::new(bytes, LIMITS);
    let broken =
        |error: toek_formats::finance::Error| format!("it cannot be read as a file of ours: {error}");
    let head = reader.head().map_err(broken)?;
    let mut ids = Vec::new();
    while let Some(entry) = reader.next().map_err(broken)? {
        if let Entry::Voucher(voucher) = entry {
            ids.push(Uuid::from_bytes(voucher.id.0));
        }
    }
    reader.finish().map_err(broken)?;
    Ok((head, ids))
}

/// The file of vouchers that was sent under a name.
fn file_sent_as(hub: &Hub, name: &str) -> Result<Option<VoucherFile>, PipelineError> {
    Ok(hub.store.read(|tx| {
        for sent in transfer::named(tx, name)?.iter().filter(|t| t.identity.direction == Direction::Out) {
            if let Some(file) = finance::file_of(tx, sent.no)? {
                return Ok(Some(file));
            }
        }
        Ok(None)
    })?)
}

async fn adopt_vouchers(
    hub: &Hub,
    endpoint: &str,
    file: i64,
    municipality: Option<MunicipalityCode>,
    ids: Vec<Uuid>,
    carrier: Option<TransferNo>,
    evidence: String,
) -> Result<u32, PipelineError> {
    let by_id = vouchers_by_id(hub, file)?;
    let vouchers = ids.into_iter().map(|id| (id, by_id.get(&id).copied())).collect();
    let endpoint = endpoint.to_owned();
    let at = hub.clock.micros();
    let adopt = AdoptVouchers { endpoint, file, municipality, vouchers, carrier, evidence, at };
    Ok(hub.store.write(adopt).await?)
}

/// The file of the lost time that a technical receipt is about: known by its number, its vouchers not yet.
pub(super) async fn file_received(
    hub: &Hub,
    endpoint: &str,
    own_id: Option<&str>,
    name: &str,
) -> Result<Option<VoucherFile>, PipelineError> {
    if hub.store.read(|tx| restore::hold_at(tx, endpoint))?.is_none() {
        return Ok(None);
    }
    let Some(own_id) = own_id else { return Ok(None) };
    let Some(no) = file_number(hub, |(_, own)| own.to_string() == own_id)? else { return Ok(None) };
    let cvr = name.split('_').nth(1).unwrap_or_default();
    let whose = hub.installation.municipalities.iter().find(|m| m.cvr.to_string() == cvr).map(|m| m.code);
    if whose.is_none() {
        return Ok(None);
    }
    let evidence = format!("Serviceplatformen's receipt for {name}");
    adopt_vouchers(hub, endpoint, no, whose, Vec::new(), None, evidence).await?;
    Ok(Some(hub.store.read(|tx| finance::file(tx, no))?))
}

/// What an ERP's answer tells of a file of the lost time, before it is booked: its vouchers were in it.
pub(super) async fn vouchers_answered(
    hub: &Hub,
    endpoint: &str,
    transaction_id: &str,
    ids: Vec<Uuid>,
    evidence: String,
) -> Result<u32, PipelineError> {
    if ids.is_empty() || hub.store.read(|tx| restore::hold_at(tx, endpoint))?.is_none() {
        return Ok(0);
    }
    let Some(no) = file_number(hub, |(own, _)| own.to_string() == transaction_id)? else { return Ok(0) };
    let known = hub.store.read(|tx| adopt::vouchers_known(tx, no))?;
    if known && vouchers_by_id(hub, no)?.keys().filter(|id| ids.contains(id)).count() == ids.len() {
        let open = hub.store.read(adopt::open_vouchers)?;
        let by_id = vouchers_by_id(hub, no)?;
        if !ids.iter().filter_map(|id| by_id.get(id)).any(|known| open.contains(known)) {
            return Ok(0); // all of them stand in that file
        }
    }
    adopt_vouchers(hub, endpoint, no, None, ids, None, evidence).await
}

/// Notes that a pipeline looked at its place, and frees the place when nothing is left to wait for. Called after an
/// activation that receives.
pub(super) async fn mind(
    hub: &Hub,
    pipeline: &Pipeline,
    activity: &mut Activity,
) -> Result<(), PipelineError> {
    let hold = hub.store.read(|tx| restore::hold_at(tx, &pipeline.endpoint))?;
    let Some(hold) = hold.filter(|hold| hold.released_at.is_none()) else { return Ok(()) };
    let until = expected_until(hub, &hold)?;
    if !activity.failures.is_empty() || hub.clock.now() <= until {
        return Ok(());
    }
    let (endpoint, at) = (hold.endpoint.clone(), hub.clock.micros());
    hub.store.write(Looked { endpoint: endpoint.clone(), pipeline: pipeline.name.clone(), at }).await?;
    if !all_have_looked(hub, &hold, until)? || !questions(hub, &hold)?.is_empty() {
        return Ok(());
    }
    let reason = format!(
        "every answer to what was sent before the restore had come by {until:.0}, and all is explained"
    );
    tracing::warn!(endpoint, reason, "the place is free again");
    hub.store.write(Release { endpoint, by: BY_ITSELF.to_owned(), reason, at }).await?;
    activity.adopted += 1; // something happened: what waited is sent in the same round
    Ok(())
}

/// Whether every pipeline that receives there has looked, and nothing failed, since answers are no longer expected.
fn all_have_looked(hub: &Hub, hold: &Hold, until: Timestamp) -> Result<bool, PipelineError> {
    let looks: HashMap<String, i64> =
        hub.store.read(|tx| restore::looks(tx, &hold.endpoint))?.into_iter().collect();
    // An assortment tells nothing of what was sent.
    let tells = |kind: PipelineKind| kind.receives() && kind != PipelineKind::ReceiveAssortments;
    let here = hub.installation.pipelines.iter().filter(|p| p.endpoint == hold.endpoint && tells(p.kind));
    Ok(here.map(|p| &p.name).all(|name| looks.get(name).is_some_and(|at| *at > until.as_microsecond())))
}

fn instant_of(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// After this nothing more is to be heard of what was sent to a place before the restore.
///
/// # Errors
/// None but the store's.
pub fn expected_until(hub: &Hub, hold: &Hold) -> Result<Timestamp, PipelineError> {
    let restored = instant_of(hold.held_at);
    let day = copenhagen(restored).date();
    let senders = hub.installation.pipelines.iter().filter(|p| p.endpoint == hold.endpoint);
    let mut until = restored;
    for sender in senders {
        let this = match sender.kind {
            PipelineKind::SendBundles => end_of(last_answer_day(hub, day)),
            PipelineKind::SendVouchers => later(restored, send_vouchers::ANSWERED_WITHIN),
            PipelineKind::ReceivePayments
            | PipelineKind::ReceiveAnswers
            | PipelineKind::ReceiveVoucherAnswers
            | PipelineKind::ReceiveReceipts
            | PipelineKind::ReceiveAssortments
            | PipelineKind::ReceiveBankStatements
            | PipelineKind::ReceiveOrderControls => restored,
        };
        until = until.max(this);
    }
    Ok(until)
}

fn last_answer_day(hub: &Hub, restored: Date) -> Date {
    let installation = &hub.installation;
    let of = |municipality| {
        let settings = installation.parameters.at(municipality, restored);
        rules::answers_until(restored, &installation.bank_days, &settings)
    };
    installation.municipalities.iter().map(|m| of(m.code)).max().unwrap_or(restored)
}

fn end_of(day: Date) -> Timestamp {
    instant(day.tomorrow().unwrap_or(Date::MAX).to_datetime(jiff::civil::Time::midnight()))
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// What keeps a held place from being free by itself: what turned up and is not explained, and what may have left
/// without a trace.
///
/// # Errors
/// The store's.
pub fn questions(hub: &Hub, hold: &Hold) -> Result<Vec<String>, PipelineError> {
    let found = hub.store.read(|tx| restore::found(tx, &hold.endpoint))?;
    let mut open: Vec<String> = found
        .into_iter()
        .filter(|found| found.is_open)
        .map(|found| format!("{}: {}", found.reference, found.text))
        .collect();
    let day = copenhagen(instant_of(hold.held_at)).date();
    for sender in hub.installation.pipelines.iter().filter(|p| p.endpoint == hold.endpoint) {
        match sender.kind {
            PipelineKind::SendBundles => open.extend(hub.store.read(|tx| may_have_left(hub, tx, hold, day))?),
            PipelineKind::SendVouchers => {
                open.extend(hub.store.read(|tx| vouchers_may_have_left(tx, hold, day))?)
            }
            PipelineKind::ReceivePayments
            | PipelineKind::ReceiveAnswers
            | PipelineKind::ReceiveVoucherAnswers
            | PipelineKind::ReceiveReceipts
            | PipelineKind::ReceiveAssortments
            | PipelineKind::ReceiveBankStatements
            | PipelineKind::ReceiveOrderControls => {}
        }
    }
    Ok(open)
}

fn may_have_left(hub: &Hub, tx: &Tx<'_>, hold: &Hold, day: Date) -> Result<Vec<String>, StoreError> {
    let mut questions = Vec::new();
    for group_id in restore::unsent_bundles(tx, hold.held_at)? {
        questions
            .push(format!("{group_id}: numbered before the picture was taken; whether it left is not known"));
    }
    for key in bundle::open_due(tx)? {
        let settings = hub.installation.parameters.at(key.municipality, day);
        let accepted = transfer::get(tx, key.transfer)?.and_then(|transfer| transfer.accepted_at);
        let was_there = accepted.is_some_and(|at| at <= hold.held_at);
        if was_there && rules::may_have_left(key.due, day, &hub.installation.bank_days, &settings) {
            let (count, whose, no) = (key.payments, key.municipality, key.transfer.0);
            questions.push(format!(
                "{count} payments of {whose} for {} (transfer {no}) were due before the restore; whether they were \
                 sent is not known",
                key.due.day
            ));
        }
    }
    Ok(questions)
}

fn vouchers_may_have_left(tx: &Tx<'_>, hold: &Hold, day: Date) -> Result<Vec<String>, StoreError> {
    let files = restore::unsent_files(tx, hold.held_at)?;
    let mut questions: Vec<String> = files
        .into_iter()
        .map(|no| format!("voucher file {no}: numbered before the picture; whether it left is not known"))
        .collect();
    let waiting = restore::waiting_vouchers(tx, hold.held_at, day)?;
    if waiting > 0 {
        questions.push(format!(
            "{waiting} vouchers waited before the restore; whether they were sent is not known"
        ));
    }
    Ok(questions)
}

/// The readings of amounts for [`Named`] from an answer, and everything else it tells.
pub(super) fn named(
    payment: &nemkonto::AnsweredPayment<'_>,
    attempt: AttemptId,
    amounts: [Option<Ore>; 2],
) -> Named {
    Named {
        attempt,
        reference: payment.sent_reference().to_owned(),
        amounts,
        payee: payment.payee,
        benefit: None,
        execution: payment.execution,
    }
}

/// Refuses, in the same transaction, what would number or send something at a held place.
pub(super) struct UnlessHeld<W> {
    pub(super) endpoint: String,
    pub(super) write: W,
}

impl<W: Write> Write for UnlessHeld<W> {
    const STEP: Step = W::STEP;
    type Out = W::Out;
    fn apply(&self, tx: &Tx<'_>) -> Result<W::Out, StoreError> {
        restore::refuse_held(tx, &self.endpoint)?;
        self.write.apply(tx)
    }
}
