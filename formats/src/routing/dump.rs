//! A document in words, for inspection: one fact a line.

use super::names;
use super::{
    BusinessReceipt, BusinessResponse, DynamicRouting, Error, ErrorMessage, FileContent, FileDescriptor,
    FileMetadata, LIMITS, ReceiptOutcome, RouteParameter, TechnicalReceipt, Trigger,
};
use crate::vocabulary::Hidden;
use crate::xml::{Reader, Token};

/// Tells a document in lines. Of what has a trigger's root a trigger is read first, then metadata.
///
/// # Errors
/// Any [`super::Kind`] but `Rule`; of an unknown root what the trigger's reader says.
pub fn dump(bytes: &[u8], line: &mut dyn FnMut(&str)) -> Result<(), Error> {
    match root(bytes).as_deref() {
        Some(names::FILE_METADATA) => tell_metadata(&FileMetadata::read(bytes)?, line),
        Some(names::TECHNICAL_RECEIPT) => tell_receipt(&TechnicalReceipt::read(bytes)?, line),
        Some(names::BUSINESS_RECEIPT) => tell_business_receipt(&BusinessReceipt::read(bytes)?, line),
        Some(names::BUSINESS_RESPONSE) => tell_response(&BusinessResponse::read(bytes)?, line),
        _ => match (Trigger::read(bytes), FileMetadata::read(bytes)) {
            (Ok(trigger), _) => tell_trigger(&trigger, line),
            (Err(_), Ok(metadata)) => tell_metadata(&metadata, line),
            (Err(error), Err(_)) => return Err(error),
        },
    }
    Ok(())
}

/// The root's local name; `None` when there is none that can be read.
fn root(bytes: &[u8]) -> Option<String> {
    let mut reader = Reader::new(bytes, LIMITS, &names::NAMESPACES);
    loop {
        match reader.next().ok()? {
            Token::Start(root) => return Some(root.name().local.to_owned()),
            Token::Text(_) | Token::Cdata(_) => {}
            Token::End | Token::Eof => return None,
        }
    }
}

fn tell_trigger(trigger: &Trigger, line: &mut dyn FnMut(&str)) {
    line(names::TRIGGER);
    tell_file(&trigger.file, line);
    tell_content(&trigger.content, line);
}

fn tell_metadata(metadata: &FileMetadata, line: &mut dyn FnMut(&str)) {
    line(&format!("{} {}", names::FILE_METADATA, metadata.transfer_id));
    tell_file(&metadata.file, line);
    tell_content(&metadata.content, line);
}

fn tell_file(file: &FileDescriptor, line: &mut dyn FnMut(&str)) {
    line(&format!("file: {}, {} bytes", file.file_name, file.size));
    let id = file.senders_file_id.as_deref().unwrap_or("none");
    line(&format!("sender: {}, its id {id}", file.sender));
    line(&format!("recipients: {}", file.recipients.join(" ")));
}

fn tell_content(content: &FileContent, line: &mut dyn FnMut(&str)) {
    match content {
        FileContent::Empty => line("content: not described"),
        FileContent::Foreign(count) => line(&format!("content: {count} elements of other namespaces")),
        FileContent::Routed(routing) => tell_routing(routing, line),
    }
}

fn tell_routing(routing: &DynamicRouting, line: &mut dyn FnMut(&str)) {
    line(&format!("routed as: {}", routing.inf_ref));
    line(&format!("from: authority {}, system {}", routing.sender_authority, routing.sender_it_system));
    let system = routing.recipient_it_system.map_or("as routed".to_owned(), |id| id.to_string());
    line(&format!("to: authority {}, system {system}", routing.recipient_authority));
    line(&format!("transaction: {} at {}", routing.transaction_id, routing.sent));
    for parameter in &routing.parameters {
        match parameter {
            RouteParameter::SelectionValueDate(day) => line(&format!("rules valid on: {day}")),
            RouteParameter::Other => line("a parameter not known here"),
        }
    }
}

fn tell_receipt(receipt: &TechnicalReceipt, line: &mut dyn FnMut(&str)) {
    line(&format!("{} {}", names::TECHNICAL_RECEIPT, receipt.transfer_id));
    line(&format!("sender's id: {}", receipt.senders_file_id.as_deref().unwrap_or("none")));
    line(if receipt.is_success() { "delivered" } else { "not said to be delivered" });
    match &receipt.outcome {
        ReceiptOutcome::Message(message) => line(&format!("message: {}", Hidden(message))),
        ReceiptOutcome::Errors(errors) => tell_errors(errors, line),
    }
}

fn tell_errors(errors: &[ErrorMessage], line: &mut dyn FnMut(&str)) {
    for ErrorMessage { code, code_text, text } in errors {
        line(&format!("error {code} {}: {}", Hidden(code_text), Hidden(text)));
    }
}

fn tell_business_receipt(receipt: &BusinessReceipt, line: &mut dyn FnMut(&str)) {
    line(&format!("{} {}", names::BUSINESS_RECEIPT, receipt.transfer_id));
    line(&format!("file: {}", receipt.file_name));
    line(&format!("recipient: {}", receipt.recipient));
    line(&format!("acceptance: {}", receipt.acceptance.code()));
    if let Some(reason) = &receipt.reason {
        line(&format!("reason: {}", Hidden(reason)));
    }
}

fn tell_response(response: &BusinessResponse, line: &mut dyn FnMut(&str)) {
    line(names::BUSINESS_RESPONSE);
    match response {
        BusinessResponse::Message(message) => line(&format!("message: {}", Hidden(message))),
        BusinessResponse::Errors(errors) => tell_errors(errors, line),
    }
}
