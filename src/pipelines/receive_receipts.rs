//! Serviceplatformen's technical receipts in: whether a file of ours was delivered (serviceplatformen-sftp.md 3.3, 5).
//!
//! Delivered is not accepted: the answer decides that. A failure waits for a person; nothing is sent again by itself.

use toek_formats::routing::{ReceiptOutcome, TechnicalReceipt, names::RECEIPT_SUFFIX};

use super::fetch::{self, Unsettled, close};
use super::{Activity, Hub, PipelineError, masked, restored};
use crate::config::Pipeline;
use crate::domain::identity::voucher_file_ids;
use crate::store::finance::{self, MarkDelivered, VoucherFile};
use crate::store::transfer::{self, Direction, Transfer, TransferState};

/// Takes in every receipt that the drops hold, and finishes what was begun.
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

async fn process(
    hub: &Hub,
    pipeline: &Pipeline,
    transfer: &Transfer,
    activity: &mut Activity,
) -> Result<(), PipelineError> {
    let mut archived = hub.archived(transfer)?;
    let size = usize::try_from(archived.size()).unwrap_or(usize::MAX);
    let receipt = match TechnicalReceipt::read(&archived.part(0, size)?) {
        Ok(receipt) => receipt,
        Err(error) => {
            return close(hub, transfer, TransferState::Quarantined, format!("SP-XML: {error}"), activity)
                .await;
        }
    };
    let mut file = file_of(hub, transfer, &receipt)?;
    if file.is_none() && receipt.is_success() {
        let name = transfer.identity.name.strip_suffix(RECEIPT_SUFFIX).unwrap_or_default();
        let own_id = receipt.senders_file_id.as_deref();
        file = restored::file_received(hub, &pipeline.endpoint, own_id, name).await?;
    }
    let Some(file) = file else {
        let reason = "it is about a file that we did not send".to_owned();
        return close(hub, transfer, TransferState::Unmatched, reason, activity).await;
    };
    let failure = failure(&receipt);
    activity.accepted += 1;
    activity.tasks += u64::from(failure.is_some());
    let delivered = MarkDelivered { receipt: transfer.no, file: file.no, failure, at: hub.clock.micros() };
    hub.store.write(delivered).await?;
    Ok(())
}

/// Why the platform did not deliver, in its words; none when it did.
fn failure(receipt: &TechnicalReceipt) -> Option<String> {
    if receipt.is_success() {
        return None;
    }
    let words = match &receipt.outcome {
        ReceiptOutcome::Message(message) => message.clone(),
        ReceiptOutcome::Errors(errors) => {
            let each = errors.iter().map(|e| format!("{} {}: {}", e.code, e.code_text, e.text));
            each.collect::<Vec<_>>().join("; ")
        }
    };
    Some(format!("Serviceplatformen did not deliver it: {}", masked(&words)))
}

/// By our own id, else by the file's name.
fn file_of(
    hub: &Hub,
    receipt_file: &Transfer,
    receipt: &TechnicalReceipt,
) -> Result<Option<VoucherFile>, PipelineError> {
    let name = receipt_file.identity.name.strip_suffix(RECEIPT_SUFFIX).unwrap_or_default();
    let named = hub.store.read(|tx| transfer::named(tx, name))?;
    for sent in named.into_iter().filter(|sent| sent.identity.direction == Direction::Out) {
        let Some(file) = hub.store.read(|tx| finance::file_of(tx, sent.no))? else { continue };
        let own = voucher_file_ids(&hub.installation.id, file.no).1.to_string();
        if receipt.senders_file_id.as_ref().is_none_or(|told| *told == own) {
            return Ok(Some(file));
        }
    }
    Ok(None)
}
