//! The ERP's answers in: each voucher of a file of ours is booked there, or refused (features 2.3.11, 3.3.1).
//!
//! The answer is read to its end before anything is booked. A whole file refused is every voucher in it refused. What an
//! answer means for a voucher is the domain's.

use std::collections::HashMap;
use std::io::BufReader;

use toek_formats::finance::{AnswerReader, Kind, LIMITS, Receipt, VoucherResult};
use toek_formats::vocabulary::Uuid;

use super::fetch::{self, Unsettled, close};
use super::{Activity, Hub, PipelineError, masked, restored};
use crate::config::Pipeline;
use crate::domain::finance::Verdict;
use crate::domain::identity::voucher_file_ids;
use crate::store::adopt::NoteVoucherWords;
use crate::store::finance::{self, BookVerdicts, VoucherFile};
use crate::store::transfer::{Transfer, TransferState};
use crate::store::{ledger, restore};

/// Takes in every answer that the drops hold, and finishes what was begun.
pub async fn activate(hub: &Hub, pipeline: &Pipeline) -> Result<Activity, PipelineError> {
    let mut activity = Activity::default();
    restored::look(hub, pipeline, &mut activity).await?;
    let received = fetch::each_new(hub, pipeline, &mut async |fetching, transfer| {
        process(hub, pipeline, transfer, &mut fetching.activity).await?;
        Ok(Unsettled::default())
    })
    .await?;
    activity.add(received);
    restored::mind(hub, pipeline, &mut activity).await?;
    Ok(activity)
}

/// What an answer says, read to its end.
struct Said {
    transaction_id: String,
    refusal: Option<String>,
    receipts: Vec<(Uuid, VoucherResult, Verdict)>,
}

async fn process(
    hub: &Hub,
    pipeline: &Pipeline,
    transfer: &Transfer,
    activity: &mut Activity,
) -> Result<(), PipelineError> {
    let said = match read(hub, transfer)? {
        Ok(said) => said,
        Err(reason) => {
            return close(hub, transfer, TransferState::Quarantined, format!("FIN-XML: {reason}"), activity)
                .await;
        }
    };
    let ids = said.receipts.iter().map(|(id, _, _)| uuid::Uuid::from_bytes(id.0)).collect();
    let evidence = format!("the ERP's answer {}", transfer.identity.name);
    let adopted =
        restored::vouchers_answered(hub, &pipeline.endpoint, &said.transaction_id, ids, evidence).await?;
    activity.adopted += u64::from(adopted);
    let said = without_lost(hub, said).await?;
    let Some(file) = file_of(hub, &said.transaction_id)? else {
        let reason = format!("it answers {}, which we did not send", masked(&said.transaction_id));
        return close(hub, transfer, TransferState::Unmatched, reason, activity).await;
    };
    let (verdicts, strange) = match_vouchers(hub, &file, said)?;
    activity.accepted += 1;
    activity.records += verdicts.len() as u64;
    let at = hub.clock.micros();
    let booking = BookVerdicts { answer: transfer.no, file: file.no, verdicts, strange, at };
    activity.tasks += hub.store.write(booking).await?;
    Ok(())
}

/// Vouchers that a restore lost get their word where they are remembered; the rest is booked.
async fn without_lost(hub: &Hub, said: Said) -> Result<Said, PipelineError> {
    if hub.store.read(restore::epoch)? == 0 {
        return Ok(said);
    }
    let word = |verdict: &Verdict| match verdict {
        Verdict::Accepted { erp_number } => format!("accepted {}", erp_number.as_deref().unwrap_or_default()),
        Verdict::Refused { cause } => format!("refused: {cause}"),
    };
    let id = |id: &Uuid| uuid::Uuid::from_bytes(id.0);
    let words = said.receipts.iter().map(|(voucher, _, verdict)| (id(voucher), word(verdict))).collect();
    let lost = hub.store.write(NoteVoucherWords { words }).await?;
    let receipts = said.receipts.into_iter().filter(|(voucher, _, _)| !lost.contains(&id(voucher)));
    Ok(Said { receipts: receipts.collect(), ..said })
}

fn read(hub: &Hub, transfer: &Transfer) -> Result<Result<Said, String>, PipelineError> {
    let archived = hub.archived(transfer)?;
    let mut answer = AnswerReader::new(BufReader::with_capacity(1 << 16, archived), LIMITS);
    let mut read = || {
        let head = answer.head()?;
        let refusal = head.is_refusal().then(|| {
            let faults = head.reactions.iter().map(|reaction| format!("{} {}", reaction.id, reaction.text));
            masked(&faults.collect::<Vec<_>>().join("; "))
        });
        let mut receipts = Vec::new();
        while let Some(receipt) = answer.next()? {
            receipts.push((receipt.voucher_id, receipt.result, verdict(receipt)));
        }
        Ok(Said { transaction_id: head.transaction_id, refusal, receipts })
    };
    let said: Result<Said, toek_formats::finance::Error> = read();
    let said = said.and_then(|said| answer.finish().map(|_| said));
    match said {
        Err(error) if error.kind() == Kind::Io => Err(PipelineError::Unread(Box::new(error))),
        said => Ok(said.map_err(|error| error.to_string())),
    }
}

fn verdict(receipt: &Receipt) -> Verdict {
    if receipt.result == VoucherResult::Accepted {
        return Verdict::Accepted { erp_number: receipt.erp_number.clone() };
    }
    let details = receipt.details.iter().flat_map(|cause| [cause.code.as_deref(), cause.text.as_deref()]);
    let words = details.chain([receipt.explanation.as_deref()]).flatten();
    let cause = words.collect::<Vec<_>>().join(" ");
    let cause = if cause.is_empty() { receipt.result_text.clone() } else { cause };
    Verdict::Refused { cause: masked(&cause) }
}

/// The file of ours with this transaction id.
fn file_of(hub: &Hub, transaction_id: &str) -> Result<Option<VoucherFile>, PipelineError> {
    let ours =
        |file: &VoucherFile| voucher_file_ids(&hub.installation.id, file.no).0.to_string() == transaction_id;
    let mut before = i64::MAX;
    loop {
        // Ids are functions of the files' numbers, so none is kept; an answer is mostly about one of the newest.
        let page = hub.store.read(|tx| finance::files_before(tx, before))?;
        let Some(last) = page.last() else { return Ok(None) };
        before = last.no;
        if let Some(found) = page.into_iter().find(ours) {
            return Ok(Some(found));
        }
    }
}

type Verdicts = Vec<(i64, u8, Verdict)>;

fn match_vouchers(
    hub: &Hub,
    file: &VoucherFile,
    said: Said,
) -> Result<(Verdicts, Vec<String>), PipelineError> {
    let (mut by_id, mut in_file) = (HashMap::new(), Vec::new());
    for sent in hub.store.read(|tx| finance::vouchers_of(tx, file.no))? {
        let booked = hub.store.read(|tx| ledger::voucher(tx, sent.voucher_no))?;
        let id = Uuid(*finance::try_id(&booked, sent.attempt).as_bytes());
        by_id.insert(id, (sent.voucher_no, sent.attempt));
        in_file.push((sent.voucher_no, sent.attempt));
    }
    if let Some(cause) = said.refusal {
        let refused = |(no, attempt)| (no, attempt, Verdict::Refused { cause: cause.clone() });
        return Ok((in_file.into_iter().map(refused).collect(), Vec::new()));
    }
    let (mut verdicts, mut strange) = (Vec::new(), Vec::new());
    for (id, result, verdict) in said.receipts {
        match (by_id.get(&id), result) {
            (Some((no, attempt)), VoucherResult::Accepted | VoucherResult::Rejected) => {
                verdicts.push((*no, *attempt, verdict));
            }
            // Handed on and not yet decided: the answer that decides is still to come.
            (Some(_), VoucherResult::Received) => {}
            (Some((no, _)), _) => strange.push(format!("the answer says nothing we know of voucher {no}")),
            (None, _) => strange.push(format!("the answer speaks of voucher {id}, which is not in the file")),
        }
    }
    Ok((verdicts, strange))
}
