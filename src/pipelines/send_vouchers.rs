//! Vouchers out: what the ledger holds becomes files to the municipalities' ERP systems (features 2.3.11, 3.3.1).
//!
//! First what was begun is finished, then what waits is gathered, file by file. A voucher that cannot be expressed, for
//! want of an account say, is held back alone and tried again at the next run.

use std::io::{BufWriter, Write as _};

use jiff::{SignedDuration, Timestamp};
use toek_formats::finance::names::POSTINGS_PER_FILE;
use toek_formats::finance::{FileHead, Period, Posting, Route, Side, Voucher, VoucherFileWriter};
use toek_formats::routing::{DynamicRouting, FileContent, FileDescriptor, Trigger, names::ROUTED};
use toek_formats::vocabulary::{MunicipalityCode, Ore, Uuid, mask_cpr};

use super::deliver::{Parcel, Sight, carrier, lies_archived};
use super::{Activity, Hub, PipelineError, Place, chain, restored};
use crate::canary::{self, Canary};
use crate::config::{Commit, EndpointKind, Format, Pipeline};
use crate::domain::accounts::{AccountPlan, ReferenceKey};
use crate::domain::assortment::{Replica, class_name};
use crate::domain::finance::{FileState, VoucherState, document_number, heading, posting_text};
use crate::domain::identity::{posting_id, trace_id, voucher_file_ids};
use crate::domain::intake::unpack_digits;
use crate::domain::ledger::{Account, Line, Source};
use crate::domain::municipality::Municipality;
use crate::store::archive::Archived;
use crate::store::bundle::Bundle;
use crate::store::finance::{
    self, Dissolve, GatherFile, HoldVouchers, MoveFile, SentVoucher, TellOverdue, VoucherFile, Waiting,
};
use crate::store::ledger::Booked;
use crate::store::transfer::{self, Transfer};
use crate::store::{StoreError, Write, assortment, bundle, intake, ledger, together};

/// How long the ERP has for its answer (oir-finans-sf1590a.md 7, ASSUMED).
const ANSWER_WITHIN: SignedDuration = SignedDuration::from_hours(24);
/// How long Serviceplatformen has for its receipt (serviceplatformen-sftp.md 4, ASSUMED).
const RECEIPT_WITHIN: SignedDuration = SignedDuration::from_mins(60);

/// After both nothing more is to be heard of a file.
pub(super) const ANSWERED_WITHIN: SignedDuration = SignedDuration::from_mins(25 * 60);

/// Sends everything that waits and is to be booked today or before.
pub async fn activate(hub: &Hub, pipeline: &Pipeline) -> Result<Activity, PipelineError> {
    let mut activity = Activity::default();
    if restored::is_held(hub, pipeline)? {
        restored::look(hub, pipeline, &mut activity).await?;
        return Ok(activity);
    }
    deliver_all(hub, pipeline, &mut activity).await?;
    let today = hub.clock.danish().date();
    for municipality in hub.store.read(|tx| finance::municipalities(tx, today))? {
        if let Err(error) = gather(hub, pipeline, municipality, &mut activity).await {
            activity.failures.push(format!("municipality {municipality}: {}", chain(&error)));
        }
    }
    deliver_all(hub, pipeline, &mut activity).await?;
    let at = hub.clock.micros();
    let before = |time: SignedDuration| at - i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    let (unconfirmed_before, unanswered_before) = (before(RECEIPT_WITHIN), before(ANSWER_WITHIN));
    activity.tasks += hub.store.write(TellOverdue { unconfirmed_before, unanswered_before, at }).await?;
    Ok(activity)
}

/// Puts what waits of a municipality into as many files as it takes.
async fn gather(
    hub: &Hub,
    pipeline: &Pipeline,
    municipality: MunicipalityCode,
    activity: &mut Activity,
) -> Result<(), PipelineError> {
    let today = hub.clock.danish().date();
    let accounts = accounts_of(hub)?;
    let assortments = hub.store.read(|tx| assortment::replica(tx, Some(municipality)))?;
    let replica = Replica::of(municipality, &assortments);
    let (mut after, mut chosen, mut postings, mut unfit) = (0, Vec::new(), 0, Vec::new());
    loop {
        let page = hub.store.read(|tx| finance::waiting_after(tx, municipality, today, after))?;
        let Some(last) = page.last() else { break };
        after = last.booked.voucher_no;
        for waiting in page {
            if !hub.store.read(|tx| finance::original_is_accepted(tx, &waiting.booked))? {
                continue;
            }
            let obstacle = match waiting.is_contradicted {
                true => Some("the ERP both accepted and refused an earlier try of it".to_owned()),
                false => missing_account(accounts, &waiting)
                    .or_else(|| unusable_class(accounts, &replica, &waiting))
                    .or_else(|| unwritable(hub, &waiting)),
            };
            if let Some(missing) = obstacle {
                if waiting.held.as_ref() != Some(&missing) {
                    unfit.push((waiting.booked.voucher_no, municipality, missing));
                }
                continue;
            }
            let lines = waiting.booked.voucher.lines.len();
            if postings + lines > POSTINGS_PER_FILE as usize && !chosen.is_empty() {
                number(hub, pipeline, municipality, std::mem::take(&mut chosen)).await?;
                postings = 0;
            }
            postings += lines;
            chosen.push((waiting.booked.voucher_no, waiting.attempt));
        }
    }
    if !chosen.is_empty() {
        number(hub, pipeline, municipality, chosen).await?;
    }
    if !unfit.is_empty() {
        activity.tasks += unfit.len() as u64;
        hub.store.write(HoldVouchers { vouchers: unfit, at: hub.clock.micros() }).await?;
    }
    Ok(())
}

async fn number(
    hub: &Hub,
    pipeline: &Pipeline,
    municipality: MunicipalityCode,
    vouchers: Vec<(i64, u8)>,
) -> Result<(), PipelineError> {
    let write = GatherFile { municipality, vouchers, at: hub.clock.micros() };
    hub.store.write(restored::UnlessHeld { endpoint: pipeline.endpoint.clone(), write }).await?;
    Ok(())
}

fn accounts_of(hub: &Hub) -> Result<&AccountPlan, PipelineError> {
    let none =
        || PipelineError::Configuration("there is no accounts.toml: vouchers cannot be sent".to_owned());
    hub.installation.accounts.as_deref().ok_or_else(none)
}

/// V02: the first account of a voucher that the plan does not know on its booking day.
fn missing_account(accounts: &AccountPlan, waiting: &Waiting) -> Option<String> {
    let (voucher, day) = (&waiting.booked.voucher, waiting.booking_day);
    let unknown =
        |line: &&Line| accounts.dimensions(voucher.municipality, line.account, line.benefit, day).is_none();
    let line = voucher.lines.iter().find(unknown)?;
    Some(format!("V02: there is no account for {} and benefit {} on {day}", line.account, line.benefit))
}

/// V02: the first class of a voucher that the assortment does not let it use on its booking day.
fn unusable_class(accounts: &AccountPlan, replica: &Replica, waiting: &Waiting) -> Option<String> {
    let (voucher, day) = (&waiting.booked.voucher, waiting.booking_day);
    accounts.named_by(voucher, day).into_iter().find_map(|(what, part, class)| {
        let standing = replica.standing(part, class, day);
        let name = class_name(class, replica.name(part, class));
        (!standing.is_usable())
            .then(|| format!("V02: {part} {name}, for {what}, cannot be used on {day}: {standing}"))
    })
}

async fn deliver_all(hub: &Hub, pipeline: &Pipeline, activity: &mut Activity) -> Result<(), PipelineError> {
    let files = hub.store.read(finance::to_send)?;
    let Some(place) = hub.places(pipeline)?.into_iter().next() else {
        return Err(PipelineError::Configuration(format!("pipeline `{}` has no folder", pipeline.name)));
    };
    let total = files.len() as u64;
    for (done, no) in (1..).zip(files) {
        match deliver(hub, pipeline, &place, no).await {
            Ok(vouchers) => activity.vouchers += u64::from(vouchers),
            Err(error) => activity.failures.push(format!("voucher file {no}: {}", chain(&error))),
        }
        hub.progress.at("voucher files", done, total);
    }
    Ok(())
}

/// Brings one file as far as it can get; how many vouchers left with it.
async fn deliver(hub: &Hub, pipeline: &Pipeline, place: &Place, no: i64) -> Result<u32, PipelineError> {
    let mut file = hub.store.read(|tx| finance::file(tx, no))?;
    if file.state == FileState::Numbered {
        if let Err(error) = archive(hub, place, &file).await {
            if matches!(error, PipelineError::Vouchers { .. } | PipelineError::Configuration(_)) {
                hub.store.write(Dissolve { file: no, at: hub.clock.micros() }).await?;
            }
            return Err(error);
        }
        file = hub.store.read(|tx| finance::file(tx, no))?;
    }
    let carried = file.transfer.map(|carrier| hub.store.read(|tx| transfer::get(tx, carrier)));
    let carried = carried.transpose()?.flatten();
    let carried =
        carried.ok_or_else(|| StoreError::Conflict(format!("voucher file {no} has no transfer")))?;
    let companion = trigger(hub, pipeline, &file, &carried)?;
    let parcel = Parcel { hub, place, file: &carried, companion };
    if file.state == FileState::Archived {
        parcel.put().await?;
        let (from, to, at) = (FileState::Archived, FileState::Committing, hub.clock.micros());
        let write = MoveFile { file: no, from, to, transfer: None, reason: None, at };
        hub.store.write(restored::UnlessHeld { endpoint: pipeline.endpoint.clone(), write }).await?;
        parcel.commit().await?;
    } else if parcel.is_pending().await? {
        parcel.commit().await?;
    }
    step(hub, no, FileState::Committing, FileState::Sent).await?;
    let evidence = hub.installation.endpoint(&pipeline.endpoint).map(|endpoint| endpoint.evidence);
    if matches!(parcel.look(evidence).await?, Sight::Landed(_)) {
        step(hub, no, FileState::Sent, FileState::Landed).await?;
    }
    Ok(file.vouchers)
}

async fn step(hub: &Hub, file: i64, from: FileState, to: FileState) -> Result<(), PipelineError> {
    let at = hub.clock.micros();
    Ok(hub.store.write(MoveFile { file, from, to, transfer: None, reason: None, at }).await?)
}

fn municipality_of(hub: &Hub, code: MunicipalityCode) -> Result<&Municipality, PipelineError> {
    let gone = || PipelineError::Configuration(format!("municipality {code} is not in the file any more"));
    hub.installation.municipalities.get(code).ok_or_else(gone)
}

fn id(named: uuid::Uuid) -> Uuid {
    Uuid(*named.as_bytes())
}

fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The trigger of a file, where its endpoint takes one: the same bytes whenever it is asked for.
fn trigger(
    hub: &Hub,
    pipeline: &Pipeline,
    file: &VoucherFile,
    carried: &Transfer,
) -> Result<Option<Vec<u8>>, PipelineError> {
    let endpoint = hub.endpoint(pipeline)?;
    if endpoint.commit != Commit::Trigger {
        return Ok(None);
    }
    let platform = hub.installation.serviceplatformen.as_ref();
    let platform = platform.ok_or_else(|| {
        PipelineError::Configuration("a trigger needs the table `serviceplatformen` in toek.toml".to_owned())
    })?;
    let cvr = municipality_of(hub, file.municipality)?.cvr.to_string();
    let (transaction, own) = voucher_file_ids(&hub.installation.id, file.no);
    let sender = match &endpoint.kind {
        EndpointKind::Sftp(access) => access.user.clone(),
        EndpointKind::Folder => endpoint.name.clone(),
    };
    let trigger = Trigger {
        file: FileDescriptor {
            file_name: carried.identity.name.clone(),
            size: carried.identity.size,
            sender,
            senders_file_id: Some(own.to_string()),
            recipients: vec![ROUTED.to_owned()],
        },
        content: FileContent::Routed(Box::new(DynamicRouting {
            inf_ref: platform.vouchers.clone(),
            sender_it_system: platform.it_system,
            sender_authority: cvr.clone(),
            transaction_id: id(transaction),
            sent: instant(file.created_at),
            recipient_it_system: None,
            recipient_authority: cvr,
            parameters: Vec::new(),
        })),
    };
    trigger.write().map(Some).map_err(|error| unfit(file, &error))
}

fn unfit(file: &VoucherFile, error: &dyn std::error::Error) -> PipelineError {
    PipelineError::Vouchers { file: file.no, what: chain(error) }
}

/// Writes a file's bytes to the archive. Until it is archived nothing of it has left, so it may come out otherwise the
/// next time; from then on the archive alone is sent.
async fn archive(hub: &Hub, place: &Place, file: &VoucherFile) -> Result<(), PipelineError> {
    let carrier =
        carrier(hub, place, Format::FinanceVouchers, file_name(hub, file)?, file.created_at).await?;
    let (key, data_key) = hub.fresh_key()?;
    let sink = BufWriter::with_capacity(1 << 16, hub.archive.create(carrier.no, &key)?);
    let archived = write_file(hub, file, sink)?;
    let mark = lies_archived(carrier.no, &archived, data_key);
    let (from, to) = (FileState::Numbered, FileState::Archived);
    let moved = MoveFile {
        file: file.no,
        from,
        to,
        transfer: Some(carrier.no),
        reason: None,
        at: hub.clock.micros(),
    };
    hub.store
        .write(together::<MoveFile, _, _>(move |tx| {
            mark.apply(tx)?;
            moved.apply(tx)
        }))
        .await?;
    Ok(())
}

/// `FINANS_<CVR>_<yyyymmddThhmmss>_<4-digit serial>.xml` (serviceplatformen-sftp.md F13, ASSUMED), in UTC.
fn file_name(hub: &Hub, file: &VoucherFile) -> Result<String, PipelineError> {
    let cvr = municipality_of(hub, file.municipality)?.cvr.to_string();
    let made = instant(file.created_at).strftime("%Y%m%dT%H%M%S");
    Ok(format!("FINANS_{cvr}_{made}_{:04}.xml", file.no % 10_000))
}

/// Why a voucher that was held back cannot be written even alone, if it cannot. One that never gave trouble is not tried.
fn unwritable(hub: &Hub, waiting: &Waiting) -> Option<String> {
    waiting.held.as_ref()?;
    let voucher = &waiting.booked.voucher;
    let lines = voucher.lines.iter().filter(|line| line.amount != Ore::ZERO);
    let alone = VoucherFile {
        no: 0,
        transfer: None,
        municipality: voucher.municipality,
        created_at: hub.clock.micros(),
        vouchers: 1,
        postings: u32::try_from(lines.clone().count()).unwrap_or(u32::MAX),
        sum: lines.filter(|line| line.amount > Ore::ZERO).map(|line| line.amount).sum(),
        undecided: 1,
        state: FileState::Numbered,
        sent_at: None,
        landed_at: None,
    };
    let sent = SentVoucher {
        voucher_no: waiting.booked.voucher_no,
        attempt: waiting.attempt,
        file_no: 0,
        booking_day: waiting.booking_day,
        state: VoucherState::InFile,
        erp_number: None,
        cause: None,
        answered_by: None,
    };
    match write_vouchers(hub, &alone, &[sent], std::io::sink()) {
        Ok(_) => None,
        Err(PipelineError::Vouchers { what, .. }) => Some(format!("it cannot be written: {what}")),
        Err(error) => Some(chain(&error)),
    }
}

fn write_file(
    hub: &Hub,
    file: &VoucherFile,
    sink: BufWriter<crate::store::archive::ArchiveWriter>,
) -> Result<Archived, PipelineError> {
    let vouchers = hub.store.read(|tx| finance::vouchers_of(tx, file.no))?;
    let mut sink = write_vouchers(hub, file, &vouchers, sink)?;
    sink.flush().map_err(|error| unfit(file, &error))?;
    let archive = sink.into_inner().map_err(|error| unfit(file, error.error()))?;
    Ok(archive.finish()?)
}

fn write_vouchers<W: std::io::Write>(
    hub: &Hub,
    file: &VoucherFile,
    vouchers: &[SentVoucher],
    sink: W,
) -> Result<W, PipelineError> {
    let cvr = municipality_of(hub, file.municipality)?.cvr.to_string();
    let it_system = hub.installation.serviceplatformen.as_ref().map(|platform| platform.it_system);
    let head = FileHead {
        transaction_id: id(voucher_file_ids(&hub.installation.id, file.no).0),
        at: instant(if canary::is_active(Canary::MovingBytes) {
            hub.clock.micros()
        } else {
            file.created_at
        }),
        route: Route {
            sender_authority: &cvr,
            sender_it_system: it_system.unwrap_or_default(),
            receiver_authority: &cvr,
            receiver_it_system: None,
        },
        vouchers: file.vouchers,
        postings: file.postings,
        sum: file.sum,
    };
    let failed = |error: toek_formats::finance::WriteError| unfit(file, &error);
    let mut writer = VoucherFileWriter::begin(sink, &head).map_err(failed)?;
    for sent in vouchers {
        let booked = hub.store.read(|tx| ledger::voucher(tx, sent.voucher_no))?;
        write_voucher(hub, file, sent, &booked, &mut writer)?;
    }
    writer.finish().map_err(failed)
}

fn write_voucher<W: std::io::Write>(
    hub: &Hub,
    file: &VoucherFile,
    sent: &SentVoucher,
    booked: &Booked,
    writer: &mut VoucherFileWriter<W>,
) -> Result<(), PipelineError> {
    let accounts = accounts_of(hub)?;
    let failed = |error: toek_formats::finance::WriteError| unfit(file, &error);
    let missing = |what: &str| PipelineError::Configuration(format!("accounts.toml has no {what} any more"));
    let voucher = &booked.voucher;
    let bundle = finance::bundle_of(booked).map(|no| hub.store.read(|tx| bundle::get(tx, no))).transpose()?;
    let cause = match (&bundle, voucher.source) {
        (Some(bundle), _) => bundle.group_id.clone(),
        (None, Source::Transfer(no)) => {
            let carrier = hub.store.read(|tx| transfer::get(tx, no))?;
            carrier.map_or_else(|| super::subject(no), |carrier| carrier.identity.name)
        }
        (None, Source::Bundle(no)) => format!("bundle {}", no.0),
    };
    let number = document_number(sent.booking_day.year(), booked.voucher_no, sent.attempt);
    let try_id = finance::try_id(booked, sent.attempt);
    // A sender may put a person's number into a file's name.
    let external: String = mask_cpr(&cause).unwrap_or(cause).chars().take(70).collect();
    let first_day = sent.booking_day != voucher.booking_day;
    writer
        .voucher(&Voucher {
            id: id(try_id),
            number: &number,
            booking_day: sent.booking_day,
            period: Period::of(sent.booking_day),
            type_id: accounts.voucher_type(voucher.rule).ok_or_else(|| missing("voucher type"))?,
            text: heading(voucher.rule),
            external_reference: Some(&external),
            document_day: first_day.then_some(voucher.booking_day),
            reverses: None,
            org_unit: None,
        })
        .map_err(failed)?;
    let reading = Reading { hub, accounts, booked, bundle: bundle.as_ref(), cause: &external, try_id };
    for (line_no, line) in voucher.lines.iter().enumerate().filter(|(_, line)| line.amount != Ore::ZERO) {
        let dimensions = accounts
            .dimensions(voucher.municipality, line.account, line.benefit, sent.booking_day)
            .ok_or_else(|| missing("account that a voucher needs"))?;
        reading.posting(line_no, line, dimensions, sent, writer).map_err(|error| match error {
            Unwritten::Format(error) => unfit(file, &error),
            Unwritten::Store(error) => error.into(),
        })?;
    }
    Ok(())
}

enum Unwritten {
    Format(toek_formats::finance::WriteError),
    Store(StoreError),
}

impl From<StoreError> for Unwritten {
    fn from(error: StoreError) -> Unwritten {
        Unwritten::Store(error)
    }
}

/// What the lines of one voucher are written from.
struct Reading<'a> {
    hub: &'a Hub,
    accounts: &'a AccountPlan,
    booked: &'a Booked,
    bundle: Option<&'a Bundle>,
    cause: &'a str,
    try_id: uuid::Uuid,
}

impl Reading<'_> {
    /// The reference is the sender's own on lines of a payment, and that of the transfer or bundle on summed ones
    /// (00-decisions.md 2.4, 2.7).
    fn posting<W: std::io::Write>(
        &self,
        line_no: usize,
        line: &Line,
        dimensions: [Option<Uuid>; 6],
        sent: &SentVoucher,
        writer: &mut VoucherFileWriter<W>,
    ) -> Result<(), Unwritten> {
        let voucher = &self.booked.voucher;
        let mut keys: Vec<(ReferenceKey, String)> = vec![(ReferenceKey::Benefit, line.benefit.to_string())];
        let (mut reference, mut period) = (self.cause.to_owned(), None);
        if let Some(payment) = line.payment {
            keys.push((ReferenceKey::Trace, trace_id(voucher.municipality, payment)));
            keys.push((ReferenceKey::Payment, payment.to_string()));
            if let Some(stored) = self.hub.store.read(|tx| intake::payment(tx, payment))? {
                if line.account == Account::Interim {
                    reference = unpack_digits(&stored.request.posting_ref);
                }
                period = stored.request.period;
            }
            if let Some(bundle) = self.bundle
                && let Some(attempt) =
                    self.hub.store.read(|tx| finance::attempt_in(tx, payment, bundle.no))?
            {
                keys.push((
                    ReferenceKey::Attempt,
                    attempt.end_to_end_id(bundle.municipality, bundle.run_day),
                ));
            }
        }
        if let Some(bundle) = self.bundle {
            keys.push((ReferenceKey::Bundle, bundle.group_id.clone()));
        }
        let keys: Vec<(Uuid, &str)> = keys
            .iter()
            .filter_map(|(key, value)| Some((self.accounts.reference_key(*key)?, value.as_str())))
            .collect();
        let text = posting_text(voucher.rule, line.account);
        let posting = Posting {
            id: id(posting_id(self.try_id, line_no)),
            amount: Ore(line.amount.0.abs()),
            side: if line.amount > Ore::ZERO { Side::Debit } else { Side::Credit },
            value_day: Some(self.bundle.map_or(sent.booking_day, |bundle| bundle.execution_day)),
            text: &text,
            reference: Some(&reference),
            period_from: period.map(|(from, _)| from),
            period_to: period.map(|(_, to)| to),
            reference_keys: &keys,
            dimensions,
            secondary: &[],
            party: None,
        };
        writer.posting(&posting).map_err(Unwritten::Format)
    }
}
