//! Documents out, indented as the platform's own samples are. The hub writes triggers; the rest serves tests.

use super::names::{self, L, P};
use super::{
    BusinessReceipt, Document, DynamicRouting, ErrorMessage, FileContent, FileDescriptor, FileMetadata,
    ReceiptOutcome, RouteParameter, TechnicalReceipt, Trigger,
};
use crate::xml::forms::{CVR_URN_LEAD, is_cvr, is_printable};
use crate::xml::write::{Out, Space};

static SPACES: [Space; 1] = [Space { prefix: "ns2", uri: names::SFTP }];

/// Why a document cannot be written: nothing is sent that the platform would refuse (T4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {rule}")]
pub struct WriteError {
    /// The element's name.
    pub field: &'static str,
    /// What it must be.
    pub rule: &'static str,
}

/// A document being written, line by line.
struct Lines {
    out: Out<Vec<u8>>,
    root: &'static str,
    depth: usize,
}

impl Lines {
    fn begin(root: &'static str) -> Lines {
        Lines { out: Out::begin(Vec::new(), &SPACES, (P, root), &[P]), root, depth: 1 }
    }

    fn indent(&mut self) {
        self.out.buffer.extend(std::iter::repeat_n(b' ', 2 * self.depth));
    }

    fn leaf(&mut self, name: &str, text: &str) {
        self.indent();
        self.out.leaf(L, name, text);
        self.out.line();
    }

    fn leaf_if(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.leaf(name, text);
        }
    }

    fn parent(&mut self, name: &str, content: impl FnOnce(&mut Lines)) {
        self.indent();
        self.out.open(L, name);
        self.out.line();
        self.depth += 1;
        content(self);
        self.depth -= 1;
        self.indent();
        self.out.close(L, name);
        self.out.line();
    }

    fn empty(&mut self, name: &str) {
        self.indent();
        self.out.tag("<", L, name);
        self.out.raw("/>\n");
    }

    fn finish(mut self) -> Vec<u8> {
        self.out.close(P, self.root);
        self.out.line();
        self.out.buffer
    }

    fn file(&mut self, file: &FileDescriptor) {
        self.parent(names::FILE_DESCRIPTOR, |lines| {
            lines.leaf(names::FILE_NAME, &file.file_name);
            lines.leaf(names::SIZE_IN_BYTES, &file.size.to_string());
            lines.leaf(names::SENDER, &file.sender);
            lines.leaf_if(names::SENDERS_FILE_ID, file.senders_file_id.as_deref());
            for recipient in &file.recipients {
                lines.leaf(names::RECIPIENTS, recipient);
            }
        });
    }

    fn content(&mut self, content: &FileContent) {
        match content {
            FileContent::Routed(routing) => {
                self.parent(names::FILE_CONTENT_DESCRIPTOR, |lines| {
                    lines.parent(names::DYNAMIC_ROUTING, |lines| lines.routing(routing));
                });
            }
            FileContent::Empty | FileContent::Foreign(_) => self.empty(names::FILE_CONTENT_DESCRIPTOR),
        }
    }

    fn routing(&mut self, routing: &DynamicRouting) {
        let authority = |number: &str| [CVR_URN_LEAD, number].concat();
        self.leaf(names::INF_REF, &routing.inf_ref);
        self.leaf(names::SENDER_IT_SYSTEM, &routing.sender_it_system.to_string());
        self.leaf(names::SENDER_AUTHORITY, &authority(&routing.sender_authority));
        self.leaf(names::TRANSACTION_ID, &routing.transaction_id.to_string());
        self.indent();
        self.out.instant(L, names::SENDER_TIMESTAMP, routing.sent);
        self.out.line();
        let chosen = routing.recipient_it_system.map(|id| id.to_string());
        self.leaf_if(names::RECIPIENT_IT_SYSTEM, chosen.as_deref());
        self.leaf(names::RECIPIENT_AUTHORITY, &authority(&routing.recipient_authority));
        if !routing.parameters.is_empty() {
            self.parent(names::ROUTE_PARAMETER_LIST, |lines| {
                routing.parameters.iter().for_each(|parameter| lines.parameter(*parameter));
            });
        }
    }

    fn parameter(&mut self, parameter: RouteParameter) {
        self.parent(names::ROUTE_PARAMETER, |lines| {
            if let RouteParameter::SelectionValueDate(day) = parameter {
                lines.indent();
                lines.out.day(P, names::ROUTE_SELECTION_VALUE_DATE, day);
                lines.out.line();
            }
        });
    }

    fn errors(&mut self, errors: &[ErrorMessage]) {
        for error in errors {
            self.parent(names::ERROR_MESSAGE, |lines| {
                lines.leaf(names::ERROR_CODE, &error.code.to_string());
                lines.leaf(names::ERROR_CODE_DESCRIPTION, &error.code_text);
                lines.leaf(names::ERROR_DESCRIPTION, &error.text);
            });
        }
    }
}

impl Trigger {
    /// The trigger's bytes. The same trigger always gives the same.
    ///
    /// # Errors
    /// A field without its form.
    pub fn write(&self) -> Result<Vec<u8>, WriteError> {
        check_file(&self.file)?;
        check_content(&self.content)?;
        let mut lines = Lines::begin(Document::Trigger.root());
        lines.file(&self.file);
        lines.content(&self.content);
        Ok(lines.finish())
    }
}

impl FileMetadata {
    /// The metadata's bytes, as the platform writes them: for tests.
    ///
    /// # Errors
    /// A field without its form.
    pub fn write(&self) -> Result<Vec<u8>, WriteError> {
        check_text(names::FILE_TRANSFER_UUID, &self.transfer_id)?;
        check_file(&self.file)?;
        check_content(&self.content)?;
        let mut lines = Lines::begin(Document::Metadata.root());
        lines.leaf(names::FILE_TRANSFER_UUID, &self.transfer_id);
        lines.file(&self.file);
        lines.content(&self.content);
        Ok(lines.finish())
    }
}

impl TechnicalReceipt {
    /// The receipt's bytes, as the platform writes them: for tests.
    ///
    /// # Errors
    /// A field without its form.
    pub fn write(&self) -> Result<Vec<u8>, WriteError> {
        check_text(names::FILE_TRANSFER_UUID, &self.transfer_id)?;
        if let Some(id) = &self.senders_file_id {
            check_text(names::SENDERS_FILE_ID, id)?;
        }
        let mut lines = Lines::begin(Document::TechnicalReceipt.root());
        lines.leaf(names::FILE_TRANSFER_UUID, &self.transfer_id);
        lines.leaf_if(names::SENDERS_FILE_ID, self.senders_file_id.as_deref());
        match &self.outcome {
            ReceiptOutcome::Message(message) => {
                lines.parent(names::RECEIPT, |lines| lines.leaf(names::MESSAGE, message));
            }
            ReceiptOutcome::Errors(errors) => {
                check(names::ERROR_MESSAGE, !errors.is_empty(), "at least one error")?;
                lines.errors(errors);
            }
        }
        Ok(lines.finish())
    }
}

impl BusinessReceipt {
    /// The receipt's bytes: for tests; the hub never sends one.
    ///
    /// # Errors
    /// A field without its form.
    pub fn write(&self) -> Result<Vec<u8>, WriteError> {
        check_text(names::FILE_TRANSFER_UUID, &self.transfer_id)?;
        check_file_name(names::FILENAME, &self.file_name)?;
        check_text(names::RECIPIENT, &self.recipient)?;
        let mut lines = Lines::begin(Document::BusinessReceipt.root());
        lines.leaf(names::FILE_TRANSFER_UUID, &self.transfer_id);
        lines.leaf(names::FILENAME, &self.file_name);
        lines.leaf(names::RECIPIENT, &self.recipient);
        lines.leaf(names::FILE_ACCEPTANCE, self.acceptance.code());
        lines.leaf_if(names::REASON, self.reason.as_deref());
        Ok(lines.finish())
    }
}

fn check(field: &'static str, holds: bool, rule: &'static str) -> Result<(), WriteError> {
    if holds { Ok(()) } else { Err(WriteError { field, rule }) }
}

fn check_text(field: &'static str, text: &str) -> Result<(), WriteError> {
    let holds = text.chars().count() <= 255 && is_printable(text);
    check(field, holds, "1 to 255 characters that can be printed, not only blanks")
}

/// The alphabet and length of F11 (ASSUMED).
fn check_file_name(field: &'static str, name: &str) -> Result<(), WriteError> {
    let lawful = (1..=names::FILE_NAME_WIDTH).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        && !name.starts_with('.');
    check(field, lawful, "letters, digits, `_`, `-` and `.`, not too long, no `.` in front")
}

fn check_file(file: &FileDescriptor) -> Result<(), WriteError> {
    check_file_name(names::FILE_NAME, &file.file_name)?;
    check_text(names::SENDER, &file.sender)?;
    if let Some(id) = &file.senders_file_id {
        check_text(names::SENDERS_FILE_ID, id)?;
    }
    check(names::RECIPIENTS, !file.recipients.is_empty(), "at least one recipient")?;
    file.recipients.iter().try_for_each(|recipient| check_text(names::RECIPIENTS, recipient))
}

fn check_content(content: &FileContent) -> Result<(), WriteError> {
    match content {
        FileContent::Empty => Ok(()),
        FileContent::Routed(routing) => check_routing(routing),
        FileContent::Foreign(_) => {
            check(names::FILE_CONTENT_DESCRIPTOR, false, "nothing that was passed over in reading")
        }
    }
}

fn check_routing(routing: &DynamicRouting) -> Result<(), WriteError> {
    const AUTHORITY: &str = "a CVR number of 8 digits";
    const YEARS: &str = "a year from 1000 to 2999";
    check_text(names::INF_REF, &routing.inf_ref)?;
    check(names::SENDER_AUTHORITY, is_cvr(&routing.sender_authority), AUTHORITY)?;
    check(names::RECIPIENT_AUTHORITY, is_cvr(&routing.recipient_authority), AUTHORITY)?;
    let year = jiff::tz::Offset::UTC.to_datetime(routing.sent).year();
    check(names::SENDER_TIMESTAMP, (1000..=2999).contains(&year), YEARS)?;
    for parameter in &routing.parameters {
        let RouteParameter::SelectionValueDate(day) = parameter else {
            return check(names::ROUTE_PARAMETER, false, "nothing that was passed over in reading");
        };
        check(names::ROUTE_SELECTION_VALUE_DATE, (1000..=2999).contains(&day.year()), YEARS)?;
    }
    Ok(())
}
