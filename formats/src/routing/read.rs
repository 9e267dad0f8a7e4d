//! Documents in: each is small, so each is read whole.

use jiff::Timestamp;

use super::model::{self, Label};
use super::names::NAMESPACES;
use super::{
    Acceptance, BusinessReceipt, BusinessResponse, DynamicRouting, Error, ErrorMessage, FileContent,
    FileDescriptor, FileMetadata, Kind, LIMITS, ReceiptOutcome, RouteParameter, TechnicalReceipt, Trigger,
};
use crate::vocabulary::Uuid;
use crate::xml::Fault;
use crate::xml::forms::{read_cvr_urn, read_date, read_instant};
use crate::xml::model::{Child, Node, Unknown, Walker};

/// All that any of the documents holds.
#[derive(Default)]
struct Read {
    transfer_id: String,
    file: FileDescriptor,
    routing: Option<Box<DynamicRouting>>,
    foreign: usize,
    message: Option<String>,
    errors: Vec<ErrorMessage>,
    acceptance: Option<Acceptance>,
    reason: Option<String>,
}

/// Of what there may be only one of two, both stand there, or one twice.
const ONE_OF_TWO: &str = "an element that may not stand beside the one before it";

impl Read {
    /// Reads a document whose root is one of `roots`.
    fn whole(bytes: &[u8], roots: &'static [Child<Label>]) -> Result<Read, Error> {
        let mut walker = Walker::new(bytes, LIMITS, &NAMESPACES, roots, Unknown::Refuse);
        let mut read = Read::default();
        loop {
            let taken = match walker.next()? {
                None => return Ok(read),
                Some(Node::Open(label)) => read.open(label),
                Some(Node::Value(label, value)) => read.take(label, value),
                Some(Node::Attribute(..) | Node::Close(_)) => Ok(()),
            };
            if let Err(rule) = taken {
                return Err(walker.error(Fault::new(Kind::Structure, rule)));
            }
        }
    }

    fn open(&mut self, label: Label) -> Result<(), &'static str> {
        match label {
            Label::Routing if self.routing.is_some() || self.foreign > 0 => return Err(ONE_OF_TWO),
            Label::Routing => self.routing = Some(Box::new(nothing())),
            Label::RouteParameter => {
                self.routing().parameters.push(RouteParameter::Other);
            }
            Label::Receipt if self.message.is_some() || !self.errors.is_empty() => return Err(ONE_OF_TWO),
            Label::Error if self.message.is_some() => return Err(ONE_OF_TWO),
            Label::Error => self.errors.push(ErrorMessage::default()),
            _ => {}
        }
        Ok(())
    }

    fn take(&mut self, label: Label, value: &str) -> Result<(), &'static str> {
        let text = || value.to_owned();
        match label {
            Label::TransferId => self.transfer_id = text(),
            Label::FileName => self.file.file_name = text(),
            Label::Size => self.file.size = value.parse().unwrap_or_default(),
            Label::Sender => self.file.sender = text(),
            Label::SendersFileId => self.file.senders_file_id = Some(text()),
            Label::Recipient => self.file.recipients.push(text()),
            Label::Foreign if self.routing.is_some() => return Err(ONE_OF_TWO),
            Label::Foreign => self.foreign += 1,
            Label::Response if self.message.is_some() || !self.errors.is_empty() => return Err(ONE_OF_TWO),
            Label::Message | Label::Response => self.message = Some(text()),
            Label::Acceptance => self.acceptance = Acceptance::from_code(value),
            Label::Reason => self.reason = Some(text()),
            Label::ErrorCode | Label::ErrorCodeDescription | Label::ErrorDescription => {
                self.take_error(label, value);
            }
            label => self.take_routing(label, value),
        }
        Ok(())
    }

    fn routing(&mut self) -> &mut DynamicRouting {
        self.routing.get_or_insert_with(|| Box::new(nothing()))
    }

    fn take_routing(&mut self, label: Label, value: &str) {
        let Some(routing) = &mut self.routing else { return };
        let uuid = Uuid::parse(value);
        let authority = || read_cvr_urn(value).unwrap_or_default().to_owned();
        match label {
            Label::InfRef => routing.inf_ref = value.to_owned(),
            Label::SenderItSystem => routing.sender_it_system = uuid.unwrap_or_default(),
            Label::SenderAuthority => routing.sender_authority = authority(),
            Label::TransactionId => routing.transaction_id = uuid.unwrap_or_default(),
            Label::SenderTimestamp => routing.sent = read_instant(value).unwrap_or_default(),
            Label::RecipientItSystem => routing.recipient_it_system = uuid.ok(),
            Label::RecipientAuthority => routing.recipient_authority = authority(),
            Label::RouteDate => {
                if let (Some(last), Some(day)) = (routing.parameters.last_mut(), read_date(value)) {
                    *last = RouteParameter::SelectionValueDate(day);
                }
            }
            _ => {}
        }
    }

    fn take_error(&mut self, label: Label, value: &str) {
        let Some(error) = self.errors.last_mut() else { return };
        match label {
            Label::ErrorCode => error.code = value.parse().unwrap_or_default(),
            Label::ErrorCodeDescription => error.code_text = value.to_owned(),
            _ => error.text = value.to_owned(),
        }
    }

    fn content(self) -> (FileDescriptor, FileContent) {
        let content = match (self.routing, self.foreign) {
            (Some(routing), _) => FileContent::Routed(routing),
            (None, 0) => FileContent::Empty,
            (None, count) => FileContent::Foreign(count),
        };
        (self.file, content)
    }
}

fn nothing() -> DynamicRouting {
    DynamicRouting {
        inf_ref: String::new(),
        sender_it_system: Uuid::default(),
        sender_authority: String::new(),
        transaction_id: Uuid::default(),
        sent: Timestamp::UNIX_EPOCH,
        recipient_it_system: None,
        recipient_authority: String::new(),
        parameters: Vec::new(),
    }
}

impl Trigger {
    /// Reads a trigger.
    ///
    /// # Errors
    /// Any [`Kind`] but `Rule`.
    pub fn read(bytes: &[u8]) -> Result<Trigger, Error> {
        let (file, content) = Read::whole(bytes, &model::TRIGGERS)?.content();
        Ok(Trigger { file, content })
    }
}

impl FileMetadata {
    /// Reads metadata, under its own root or the trigger's (3.2).
    ///
    /// # Errors
    /// Any [`Kind`] but `Rule`.
    pub fn read(bytes: &[u8]) -> Result<FileMetadata, Error> {
        let mut read = Read::whole(bytes, &model::METADATAS)?;
        let transfer_id = std::mem::take(&mut read.transfer_id);
        let (file, content) = read.content();
        Ok(FileMetadata { transfer_id, file, content })
    }
}

impl TechnicalReceipt {
    /// Reads a technical receipt.
    ///
    /// # Errors
    /// Any [`Kind`] but `Rule`.
    pub fn read(bytes: &[u8]) -> Result<TechnicalReceipt, Error> {
        let read = Read::whole(bytes, &model::RECEIPTS)?;
        let outcome = match read.message {
            Some(message) => ReceiptOutcome::Message(message),
            None => ReceiptOutcome::Errors(read.errors),
        };
        let senders_file_id = read.file.senders_file_id;
        Ok(TechnicalReceipt { transfer_id: read.transfer_id, senders_file_id, outcome })
    }
}

impl BusinessReceipt {
    /// Reads a business receipt.
    ///
    /// # Errors
    /// Any [`Kind`] but `Rule`.
    pub fn read(bytes: &[u8]) -> Result<BusinessReceipt, Error> {
        let mut read = Read::whole(bytes, &model::BUSINESS_RECEIPTS)?;
        Ok(BusinessReceipt {
            transfer_id: read.transfer_id,
            file_name: read.file.file_name,
            recipient: read.file.recipients.pop().unwrap_or_default(),
            // The form lets nothing else by; were it not so, the graver one is meant.
            acceptance: read.acceptance.unwrap_or(Acceptance::Rejected),
            reason: read.reason,
        })
    }
}

impl BusinessResponse {
    /// Reads the answer to a business receipt.
    ///
    /// # Errors
    /// Any [`Kind`] but `Rule`.
    pub fn read(bytes: &[u8]) -> Result<BusinessResponse, Error> {
        let read = Read::whole(bytes, &model::BUSINESS_RESPONSES)?;
        Ok(match read.message {
            Some(message) => BusinessResponse::Message(message),
            None => BusinessResponse::Errors(read.errors),
        })
    }
}
