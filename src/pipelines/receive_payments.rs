//! Payment requests in: a G68 file becomes queued payments, rejections and vouchers (features 2.3.1, 2.3.6).
//!
//! Two passes over the archived copy. The first writes nothing: it finds what is wrong with the file as a whole, and then
//! the file is quarantined and nothing of it stored. The second stores records in chunks, each with its checkpoint in
//! one transaction; the last transaction lets them count. Duplicates and everything about money is the domain's.

use std::collections::{HashMap, HashSet, VecDeque};

use jiff::Timestamp;
use jiff::civil::DateTime;
use toek_formats::g68::{Code, FileReport, Finding, Form, Options, Reader, Request, Severity, Slot, Unit};
use toek_formats::vocabulary::MunicipalityCode;

use super::fetch::{self, Fetching, Unsettled, physical_of};
use super::tables::InstallationTables;
use super::{Activity, Hub, PipelineError};
use crate::canary::{self, Canary};
use crate::config::{Acceptance, Intake, Pipeline};
use crate::domain::calendar::copenhagen;
use crate::domain::identity::PaymentId;
use crate::domain::intake::{
    self as domain, Candidate, Decision, Duplicates, Limits, Method, Refusal, content_fingerprint,
    pack_digits, reference_fingerprint, same_content,
};
use crate::domain::ledger::{Source, Vouchers};
use crate::domain::parameters::Settings;
use crate::domain::payment::HoldReason;
use crate::domain::restore::can_be_the_one_sent;
use crate::store::adopt::{self, SentBefore};
use crate::store::intake::{self, Accept, Chunk, RejectedRow};
use crate::store::seen::Hit;
use crate::store::transfer::{Close, Decide, FindingRow, Transfer, TransferState};
use crate::store::{Pending, StoreError, day_number};

/// Records to a chunk: some tens of milliseconds of the writer's time.
const CHUNK: usize = 4_000;
/// Chunks on their way to the store while the next is read.
const CHUNKS_AHEAD: usize = 6;

/// Takes in every file that the drops hold, and finishes what was begun.
pub async fn activate(hub: &Hub, pipeline: &Pipeline) -> Result<Activity, PipelineError> {
    let intake = pipeline.intake.clone();
    let intake = intake.ok_or_else(|| {
        PipelineError::Configuration(format!("pipeline `{}` does not receive payments", pipeline.name))
    })?;
    let activity = fetch::each_new(hub, pipeline, &mut async |fetching, transfer| {
        process(hub, &intake, transfer, fetching).await
    })
    .await?;
    if let Some(filters) = hub.seen.to_keep() {
        hub.store.write(filters).await?;
    }
    Ok(activity)
}

async fn process(
    hub: &Hub,
    intake: &Intake,
    transfer: &Transfer,
    fetching: &mut Fetching<'_>,
) -> Result<Unsettled, PipelineError> {
    let (report, refusals) = examine(hub, intake, transfer)?;
    let reason = quarantine_reason(intake, &report, &refusals);
    if let Some(reason) = reason.or_else(|| too_many(hub.pipeline_of(transfer), &report)) {
        fetching.activity.quarantined += 1;
        let at = hub.clock.micros();
        let (no, state) = (transfer.no, TransferState::Quarantined);
        let findings = report.findings.iter().map(file_finding).chain(refusals).collect();
        hub.store.write(Close { no, state, reason, findings, records: report.records, at }).await?;
        return Ok(Unsettled::default());
    }
    fetching.settle().await?; // this file's duplicates may be in the one before
    let decided_at = hub.store.write(Decide { no: transfer.no, at: hub.clock.micros() }).await?;
    Intaking::begin(hub, intake, transfer, decided_at)?.run(report).await
}

/// How a transfer of this pipeline is to be read; the same on every repetition.
pub fn options(intake: &Intake, received_at: i64) -> Options {
    Options {
        require_envelope: intake.g68.require_envelope,
        allow_multi_municipality: intake.g68.allow_multi_municipality,
        date_is_processing: intake.g68.date_is_processing,
        supplier: intake.default_supplier,
        ..Options::new(danish(received_at).date())
    }
}

fn danish(micros: i64) -> DateTime {
    copenhagen(Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH))
}

/// Reads the whole archived file, handing each unit to `take`.
pub fn read_file(
    hub: &Hub,
    intake: &Intake,
    transfer: &Transfer,
    mut take: impl FnMut(Unit<'_>),
) -> Result<FileReport, PipelineError> {
    let tables = InstallationTables(&hub.installation);
    let physical = physical_of(transfer.physical.unwrap_or(0));
    let mut reader = Reader::new(&hub.layouts, options(intake, transfer.received_at), physical, &tables);
    let mut archived = hub.archived(transfer)?;
    loop {
        let block = archived.next_block()?;
        if block.is_empty() {
            return Ok(reader.finish(&mut take));
        }
        reader.feed(block, &mut take);
    }
}

/// How many refused records are told of when they cost the whole file.
const TOLD: usize = 50;

/// Pass 1: the file as a whole. Writes nothing. Under all-or-none it also tells of the refused records.
fn examine(
    hub: &Hub,
    intake: &Intake,
    transfer: &Transfer,
) -> Result<(FileReport, Vec<FindingRow>), PipelineError> {
    let mut refusals = Vec::new();
    let report = read_file(hub, intake, transfer, |unit| {
        if intake.acceptance == Acceptance::AllOrNone && refusals.len() < TOLD {
            refusals.extend(finding_rows(&unit).map(|row| FindingRow { record_no: 0, ..row }));
        }
    })?;
    Ok((report, refusals))
}

fn quarantine_reason(intake: &Intake, report: &FileReport, refusals: &[FindingRow]) -> Option<String> {
    let refused = |finding: &&Finding| {
        let ignored = finding.code == Code::S04 && canary::is_active(Canary::IgnoredCount);
        finding.severity() == Severity::Reject && !ignored
    };
    if let Some(finding) = report.findings.iter().find(refused) {
        return Some(format!("{}: {} (line {})", finding.code.text(), finding.code.rule(), finding.line_no));
    }
    let takes_all = intake.acceptance == Acceptance::AllOrNone || canary::is_active(Canary::SpreadingPoison);
    let all_or_none = takes_all && report.rejected > 0;
    all_or_none.then(|| {
        let first = refusals.first().map_or("", |row| row.code.as_str());
        format!("{first}: {} records are refused, and this pipeline takes all or none", report.rejected)
    })
}

fn too_many(pipeline: Option<&Pipeline>, report: &FileReport) -> Option<String> {
    let limit = pipeline?.receiving.as_ref()?.limits.max_records;
    let is_too_many = report.records > limit;
    is_too_many.then(|| format!("TOEK-SIZE: {} records are more than the limit of {limit}", report.records))
}

fn file_finding(finding: &Finding) -> FindingRow {
    FindingRow {
        record_no: 0,
        line_no: finding.line_no,
        code: finding.code.text().to_owned(),
        field: finding.field.map(|_| finding.field_name().to_owned()),
        column_from: finding.from,
        column_to: finding.to,
        value: String::new(), // the record is gone by now; whoever shows it reads it from the archive
    }
}

/// The errors of a unit, as they are stored. Warnings are bits of the payment.
fn finding_rows<'u>(unit: &'u Unit<'_>) -> impl Iterator<Item = FindingRow> + 'u {
    let errors = unit.findings.iter().filter(|finding| finding.severity() >= Severity::Error);
    errors.map(|finding| FindingRow {
        record_no: unit.record_no,
        value: unit.value_shown(finding),
        ..file_finding(finding)
    })
}

/// The bit of a warning in [`Candidate::warnings`]: the code's place in the format's table.
pub fn warning_bit(code: Code) -> u64 {
    1 << (code as u32 % 64)
}

/// The codes whose bits are set.
pub fn warnings_of(bits: u64) -> impl Iterator<Item = Code> {
    Code::all().filter(move |code| bits & warning_bit(*code) != 0)
}

/// A record's request, narrowed to what is stored.
fn candidate(unit: &Unit<'_>, request: &Request<'_>, transfer: &Transfer) -> Candidate {
    use toek_formats::g68::Method as G68;
    let reference = reference_fingerprint(request.municipality, request.supplier, request.transaction_ref);
    let mut advice = Vec::new();
    for line in request.text.iter() {
        if !advice.is_empty() {
            advice.push(b'\n');
        }
        advice.extend_from_slice(line);
    }
    Candidate {
        payment: PaymentId::new(transfer.no, unit.record_no),
        offset: unit.offset,
        length: unit.length,
        line_no: unit.line_no,
        municipality: request.municipality,
        supplier: request.supplier,
        benefit: request.benefit,
        amount: request.amount,
        payee: request.payee,
        recipient: request.recipient,
        disposition_day: request.disposition_date,
        effective_day: request.effective_date,
        period: request.period,
        method: match request.method {
            G68::NemKonto | G68::BenefitAccount => Method::NemKonto,
            G68::BankAccount => Method::NamedAccount,
            G68::PaymentSlip => Method::PaymentSlip,
            G68::AlternativeReceiver => Method::AlternativeReceiver,
            G68::Cash => Method::Cash,
            G68::NoPayment => Method::Registration,
        },
        warnings: unit.findings.iter().fold(0, |bits, finding| bits | warning_bit(finding.code)),
        posting_ref: pack_digits(request.posting_ref.digits()),
        advice,
        reference_fingerprint: reference,
        is_fixed: request.form == Form::Fixed,
    }
}

/// Records gathered for the next chunk.
#[derive(Default)]
struct Batch {
    candidates: Vec<Candidate>,
    rejected: Vec<RejectedRow>,
    findings: Vec<FindingRow>,
    up_to: u32,
}

impl Batch {
    fn take(&mut self, unit: &Unit<'_>, transfer: &Transfer) {
        self.up_to = unit.last_record_no;
        match unit.request {
            Some(request) => self.candidates.push(candidate(unit, request, transfer)),
            None => {
                self.findings.extend(finding_rows(unit));
                self.rejected.push(RejectedRow {
                    record_no: unit.record_no,
                    line_no: unit.line_no,
                    offset: unit.offset,
                    length: unit.length,
                    earlier: None,
                });
            }
        }
    }

    fn len(&self) -> usize {
        self.candidates.len() + self.rejected.len()
    }
}

/// Pass 2 under way.
struct Intaking<'a> {
    hub: &'a Hub,
    intake: &'a Intake,
    transfer: &'a Transfer,
    /// When its requests are decided on, Danish time.
    decided: DateTime,
    /// The last record that is stored, or on its way to be.
    checkpoint: u32,
    /// What a run before a crash has stored already.
    stored: HashSet<PaymentId>,
    /// Chunks on their way, the oldest first.
    pending: VecDeque<Pending<()>>,
    /// Fingerprints of all payments of this file.
    seen: Vec<(i64, PaymentId)>,
    /// The same contents, for a second one in the same file.
    contents: HashMap<i64, PaymentId>,
    /// What was sent before a restore and has not come again; empty but after one.
    sent_before: Vec<SentBefore>,
    records: u64,
    rejected: u64,
}

impl<'a> Intaking<'a> {
    fn begin(
        hub: &'a Hub,
        intake: &'a Intake,
        transfer: &'a Transfer,
        decided_at: i64,
    ) -> Result<Intaking<'a>, PipelineError> {
        let stored = match transfer.checkpoint {
            0 => HashSet::new(),
            _ => hub.store.read(|tx| intake::payments_of(tx, transfer.no))?.into_iter().collect(),
        };
        Ok(Intaking {
            hub,
            intake,
            transfer,
            decided: danish(decided_at),
            checkpoint: transfer.checkpoint,
            stored,
            pending: VecDeque::new(),
            seen: Vec::new(),
            contents: HashMap::new(),
            sent_before: hub.store.read(adopt::undelivered)?,
            records: 0,
            rejected: 0,
        })
    }

    async fn run(mut self, report: FileReport) -> Result<Unsettled, PipelineError> {
        let tables = InstallationTables(&self.hub.installation);
        let physical = physical_of(self.transfer.physical.unwrap_or(0));
        let options = options(self.intake, self.transfer.received_at);
        let mut reader = Reader::new(&self.hub.layouts, options, physical, &tables);
        let mut archived = self.hub.archived(self.transfer)?;
        let mut batch = Batch::default();
        loop {
            let block = archived.next_block()?;
            if block.is_empty() {
                break;
            }
            reader.feed(block, &mut |unit| self.gather(&mut batch, &unit));
            if batch.len() >= CHUNK {
                self.store(std::mem::take(&mut batch)).await?;
                self.hub.progress.at(
                    &self.transfer.identity.name,
                    self.checkpoint.into(),
                    report.records.into(),
                );
            }
        }
        reader.finish(&mut |unit| self.gather(&mut batch, &unit));
        if batch.len() > 0 || batch.up_to > self.checkpoint {
            self.store(batch).await?;
        }
        Ok(self.accept(&report))
    }

    /// Puts a unit into the batch, unless a run before a crash has stored it.
    fn gather(&mut self, batch: &mut Batch, unit: &Unit<'_>) {
        if unit.last_record_no > self.checkpoint {
            batch.take(unit, self.transfer);
            return;
        }
        self.records += 1;
        match unit.request {
            Some(request) => {
                let candidate = candidate(unit, request, self.transfer);
                if self.stored.contains(&candidate.payment) {
                    self.remember(&candidate);
                }
            }
            None => self.rejected += 1,
        }
    }

    /// Notes the fingerprints of a stored payment, to be made durable with the acceptance.
    fn remember(&mut self, candidate: &Candidate) {
        let content = content_fingerprint(candidate);
        self.contents.entry(content).or_insert(candidate.payment);
        self.seen.push((candidate.reference_fingerprint, candidate.payment));
        self.seen.push((content, candidate.payment));
    }

    async fn store(&mut self, batch: Batch) -> Result<(), PipelineError> {
        let duplicates = self.find_duplicates(&batch.candidates).await?;
        let chunk = self.decide(batch, &duplicates);
        self.records += (chunk.decisions.len() + chunk.rejected.len()) as u64
            - chunk.decisions.iter().filter(|d| matches!(d, Decision::Refuse(_))).count() as u64;
        self.rejected += chunk.rejected.len() as u64;
        self.checkpoint = chunk.up_to;
        self.wait_for_all_but(CHUNKS_AHEAD - 1).await?;
        let pending = self.hub.store.begin_chunk(chunk);
        if !canary::is_active(Canary::SwallowedWriteError) {
            self.pending.push_back(pending);
        }
        Ok(())
    }

    /// Waits until no more than `ahead` chunks are on their way.
    async fn wait_for_all_but(&mut self, ahead: usize) -> Result<(), PipelineError> {
        while self.pending.len() > ahead {
            if let Some(oldest) = self.pending.pop_front() {
                oldest.done().await?;
            }
        }
        Ok(())
    }

    fn settings(&self, municipality: MunicipalityCode) -> Settings {
        self.hub.installation.parameters.at(municipality, self.decided.date())
    }

    fn decide(&mut self, batch: Batch, duplicates: &[Duplicates]) -> Chunk {
        let Batch { candidates, mut rejected, mut findings, up_to, .. } = batch;
        let bank_days = &self.hub.installation.bank_days;
        let settings = |municipality| self.settings(municipality);
        let (catalogue, on) = (&self.hub.installation.catalogue, self.decided.date());
        let limits = |benefit| {
            let row = catalogue.at(benefit, on);
            row.map_or(Limits::default(), |row| Limits { minimum: row.minimum, maximum: row.maximum })
        };
        let decisions = domain::decide(&candidates, duplicates, self.decided, bank_days, &settings, &limits);
        let limit = |municipality| self.settings(municipality).voucher_limit as usize;
        let mut vouchers = Vouchers::new(&limit);
        let day = self.decided.date();
        domain::post(&candidates, &decisions, Source::Transfer(self.transfer.no), day, &mut vouchers);
        let vouchers = vouchers.finish();
        for (candidate, decision) in candidates.iter().zip(&decisions) {
            match decision {
                Decision::Refuse(refusal) => {
                    let (row, finding) = self.refused(candidate, *refusal);
                    rejected.push(row);
                    findings.push(finding);
                }
                Decision::Queue(_) | Decision::Petty | Decision::Hold(_) => self.remember(candidate),
            }
        }
        let held = decisions.iter().zip(duplicates).zip(&candidates);
        let held = held.filter(|((made, _), _)| **made == Decision::Hold(HoldReason::PossibleDuplicate));
        let equals =
            held.filter_map(|((_, found), held)| Some((held.payment, found.same_content?))).collect();
        let (transfer, after) = (self.transfer.no, self.checkpoint);
        let at = self.hub.clock.micros();
        let again = duplicates.iter().zip(&candidates);
        let again = again.filter_map(|(found, c)| Some((c.payment, found.sent_before?))).collect();
        Chunk {
            again,
            transfer,
            after,
            up_to,
            candidates,
            decisions,
            rejected,
            findings,
            equals,
            vouchers,
            at,
        }
    }

    /// A record that its own checks accepted, refused by what came before it.
    fn refused(&self, candidate: &Candidate, refusal: Refusal) -> (RejectedRow, FindingRow) {
        let (code, slot, earlier, value) = match refusal {
            Refusal::ReferenceUsed(earlier) => {
                (Code::K09.text(), Slot::TransactionRef, Some(earlier), format!("used by {earlier}"))
            }
            Refusal::MethodNotOffered => (METHOD_NOT_OFFERED, Slot::Method, None, "02".to_owned()),
        };
        let columns = if candidate.is_fixed { self.fixed_columns(slot) } else { (0, 0) };
        let row = RejectedRow {
            record_no: candidate.payment.record_no(),
            line_no: candidate.line_no,
            offset: candidate.offset,
            length: candidate.length,
            earlier,
        };
        let finding = FindingRow {
            record_no: row.record_no,
            line_no: row.line_no,
            code: code.to_owned(),
            field: Some(toek_formats::layout::Slot::name(slot).to_owned()),
            column_from: columns.0,
            column_to: columns.1,
            value,
        };
        (row, finding)
    }

    /// Where a field stands in the fixed form, from and to, 1-based.
    fn fixed_columns(&self, slot: Slot) -> (u16, u16) {
        let mut records = self.hub.layouts.table().records().iter();
        let field = records.find_map(|record| record.field(slot).filter(|field| field.is_placed()));
        field.map_or((0, 0), |field| (field.from, field.to))
    }

    /// What earlier files, or earlier records of this one, have that these repeat. Each is confirmed exactly.
    async fn find_duplicates(&mut self, candidates: &[Candidate]) -> Result<Vec<Duplicates>, PipelineError> {
        let mut duplicates = vec![Duplicates::default(); candidates.len()];
        let contents: Vec<i64> = candidates.iter().map(content_fingerprint).collect();
        self.find_same_reference(candidates, &mut duplicates)?;
        self.find_same_content(candidates, &contents, &mut duplicates)?;
        self.find_within_file(candidates, &contents, &mut duplicates).await?;
        self.find_sent_before(candidates, &mut duplicates);
        Ok(duplicates)
    }

    fn find_same_reference(
        &self,
        candidates: &[Candidate],
        found: &mut [Duplicates],
    ) -> Result<(), PipelineError> {
        let fingerprints = sorted(candidates.iter().map(|c| c.reference_fingerprint));
        let hits = self.look(&fingerprints, i64::MIN)?;
        for (place, candidate) in candidates.iter().enumerate() {
            for hit in hits.get(&candidate.reference_fingerprint).into_iter().flatten() {
                if self.has_same_reference(candidate, hit.payment)? {
                    found[place].same_reference = Some(hit.payment);
                    break;
                }
            }
        }
        Ok(())
    }

    fn find_same_content(
        &self,
        candidates: &[Candidate],
        contents: &[i64],
        found: &mut [Duplicates],
    ) -> Result<(), PipelineError> {
        // Asked once, as far back as anybody looks; then each is held by its own municipality's days.
        let days = self.duplicate_days(candidates);
        let Some(furthest) = days.values().copied().max().filter(|days| *days > 0) else { return Ok(()) };
        let hits = self.look(&sorted(contents.iter().copied()), self.period() - furthest)?;
        for ((place, candidate), content) in candidates.iter().enumerate().zip(contents) {
            let days = days.get(&candidate.municipality).copied().unwrap_or(0);
            let since = self.period() - days;
            for Hit { period, payment: earlier, .. } in hits.get(content).into_iter().flatten() {
                if days == 0 || *period < since {
                    continue;
                }
                let stored = self.hub.store.read(|tx| intake::payment(tx, *earlier))?;
                if stored.is_some_and(|stored| same_content(&stored.request, candidate)) {
                    found[place].same_content = Some(*earlier);
                    break;
                }
            }
        }
        Ok(())
    }

    async fn find_within_file(
        &mut self,
        candidates: &[Candidate],
        contents: &[i64],
        found: &mut [Duplicates],
    ) -> Result<(), PipelineError> {
        let days = self.duplicate_days(candidates);
        let mut here: HashMap<i64, usize> = HashMap::new();
        for (place, content) in contents.iter().enumerate() {
            if days.get(&candidates[place].municipality).is_none_or(|days| *days == 0) {
                continue;
            }
            if let Some(first) = here.get(content) {
                if same_content(&candidates[*first], &candidates[place]) {
                    found[place].same_content = Some(candidates[*first].payment);
                }
                continue;
            }
            here.insert(*content, place);
            if let Some(earlier) = self.contents.get(content).copied() {
                self.wait_for_all_but(0).await?; // the earlier one may be among them
                let stored = self.hub.store.read(|tx| intake::payment(tx, earlier))?;
                if stored.is_some_and(|stored| same_content(&stored.request, &candidates[place])) {
                    found[place].same_content = Some(earlier);
                }
            }
        }
        Ok(())
    }

    /// Payments that were sent before a restore, from a file that was lost by it: each stands for one record.
    fn find_sent_before(&mut self, candidates: &[Candidate], found: &mut [Duplicates]) {
        if self.sent_before.is_empty() {
            return;
        }
        for (candidate, found) in candidates.iter().zip(found) {
            if found.same_reference.is_some() {
                continue;
            }
            let catalogue = &self.hub.installation.catalogue;
            let benefit = catalogue.at(candidate.benefit, self.decided.date());
            let is_same = |sent: &SentBefore| {
                sent.municipality == candidate.municipality
                    && sent.amount == candidate.amount
                    && sent.payee.is_none_or(|payee| payee == candidate.payee)
                    && sent
                        .benefit
                        .as_ref()
                        .is_none_or(|sent| benefit.is_none_or(|benefit| benefit.nemkonto_benefit == *sent))
                    && can_be_the_one_sent(candidate.effective_day, sent.execution)
            };
            if let Some(place) = self.sent_before.iter().position(is_same) {
                found.sent_before = Some(self.sent_before[place].attempt);
                // Where the payee is not known, it may be another's: then every record that fits is held.
                if self.sent_before[place].payee.is_some() {
                    self.sent_before.remove(place);
                }
            }
        }
    }

    /// How many days back each municipality among the candidates looks for like payments; 0: it does not.
    fn duplicate_days(&self, candidates: &[Candidate]) -> HashMap<MunicipalityCode, i64> {
        let mut days = HashMap::new();
        for Candidate { municipality, .. } in candidates {
            days.entry(*municipality).or_insert_with(|| self.settings(*municipality).duplicate_days.into());
        }
        days
    }

    fn look(&self, fingerprints: &[i64], since: i64) -> Result<HashMap<i64, Vec<Hit>>, PipelineError> {
        let hub = self.hub;
        let hits = hub.store.read(|tx| hub.seen.look(tx, fingerprints, since, self.transfer.no))?;
        let mut by_fingerprint: HashMap<i64, Vec<Hit>> = HashMap::new();
        for hit in hits {
            by_fingerprint.entry(hit.fingerprint).or_default().push(hit);
        }
        Ok(by_fingerprint)
    }

    /// Compares the transaction references themselves: the fingerprints of two can be the same by chance.
    fn has_same_reference(&self, candidate: &Candidate, earlier: PaymentId) -> Result<bool, PipelineError> {
        let Some(stored) = self.hub.store.read(|tx| intake::payment(tx, earlier))? else { return Ok(false) };
        let same_sender = stored.request.municipality == candidate.municipality
            && stored.request.supplier == candidate.supplier;
        if !same_sender {
            return Ok(false);
        }
        let ours = reference_in_archive(self.hub, candidate)?;
        let theirs = reference_in_archive(self.hub, &stored.request)?;
        // A record that cannot be read alone (its reference stood in a G69) is taken at its fingerprint's word.
        Ok(ours.is_none() || theirs.is_none() || ours == theirs)
    }

    fn period(&self) -> i64 {
        day_number(self.decided.date())
    }

    /// The last write, behind the chunks: if one of those failed, it finds records missing and refuses.
    fn accept(mut self, report: &FileReport) -> Unsettled {
        self.seen.sort_unstable();
        let (period, seen) = (self.period(), std::mem::take(&mut self.seen));
        self.hub.seen.remember(period, &seen);
        let accepted = self.hub.store.begin_chunk(Accept {
            transfer: self.transfer.no,
            municipality: report.municipality,
            records: report.records,
            findings: report.findings.iter().map(file_finding).collect(),
            seen,
            period,
            at: self.hub.clock.micros(),
        });
        let counts =
            Activity { accepted: 1, records: self.records, rejected: self.rejected, ..Activity::default() };
        Unsettled { writes: self.pending.into_iter().chain([accepted]).collect(), counts }
    }
}

/// The code of a record whose payment method the hub does not offer (00-decisions.md 5.3).
const METHOD_NOT_OFFERED: &str = "TOEK-M02";

fn sorted(fingerprints: impl Iterator<Item = i64>) -> Vec<i64> {
    let mut sorted: Vec<i64> = fingerprints.collect();
    sorted.sort_unstable();
    sorted.dedup();
    sorted
}

/// The transaction reference of a stored request, read again from the file it came in.
fn reference_in_archive(hub: &Hub, request: &Candidate) -> Result<Option<Vec<u8>>, PipelineError> {
    let mut reference = None;
    read_record(hub, request.payment, request.offset, request.length, |unit| {
        reference = unit.request.map(|request| request.transaction_ref.to_vec());
    })?;
    Ok(reference)
}

/// Reads one record again from the archive, on its own and as its file's pipeline says, and hands it to `take` with what
/// its own checks say.
pub fn read_record(
    hub: &Hub,
    payment: PaymentId,
    offset: u64,
    length: u32,
    mut take: impl FnMut(Unit<'_>),
) -> Result<(), PipelineError> {
    let transfer = hub.store.read(|tx| crate::store::transfer::get(tx, payment.transfer()))?;
    let transfer =
        transfer.ok_or_else(|| StoreError::Conflict(format!("the file of {payment} is missing")))?;
    let bytes = hub.archived(&transfer)?.part(offset, length as usize)?;
    let alone = Options {
        require_envelope: false,
        allow_multi_municipality: true,
        ..options(hub.intake_of(&transfer)?, transfer.received_at)
    };
    let tables = InstallationTables(&hub.installation);
    let physical = physical_of(transfer.physical.unwrap_or(0));
    let mut reader = Reader::new(&hub.layouts, alone, physical, &tables);
    reader.feed(&bytes, &mut take);
    reader.finish(&mut take);
    Ok(())
}
