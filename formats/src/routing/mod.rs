//! The small documents of file exchange through Serviceplatformen (specification serviceplatformen-sftp.md 3): the
//! trigger that goes out behind a data file, the metadata that comes with one, and the receipts.
//!
//! Start with [`Trigger`]; [`FileMetadata`] and [`TechnicalReceipt`] come back. [`BusinessReceipt`] and
//! [`BusinessResponse`] belong to an exchange we do not use; they are read if one turns up. [`dump`] prints any of
//! them.
//!
//! Never decides what a receipt means for a transfer, never looks at the data file: name and size are given. Element
//! names stand in [`names`]; the same models as XSD in `formats/schemas/sp_sftp.xsd`.
//!
//! Only the roots are in a namespace, inner elements in none (3): the reader refuses the other way. Stricter than
//! the platform's schemas: a file name without folder, no empty names and ids, UUIDs in small letters, [`LIMITS`].

mod dump;
mod model;
pub mod names;
mod read;
mod write;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::vocabulary::Uuid;
pub use crate::xml::{Error, Kind, Limits};

pub use dump::dump;
pub use write::WriteError;

/// How much one of these documents may hold. ASSUMED: real ones are of two kilobytes.
pub const LIMITS: Limits = Limits { bytes: 1024 * 1024, depth: 32, token: 64 * 1024, attributes: 64 };

/// One of the documents, by its root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Document {
    /// [`Trigger`].
    Trigger,
    /// [`FileMetadata`].
    Metadata,
    /// [`TechnicalReceipt`].
    TechnicalReceipt,
    /// [`BusinessReceipt`].
    BusinessReceipt,
    /// [`BusinessResponse`].
    BusinessResponse,
}

impl Document {
    /// The root element's name.
    pub fn root(self) -> &'static str {
        names::ROOTS[self as usize]
    }
}

/// Which data file, from whom, to whom (`FileDescriptor`, 3.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileDescriptor {
    /// The data file's name, without folder: 1 to 255 characters; one of ours `[A-Za-z0-9_.-]`, at most
    /// [`names::FILE_NAME_WIDTH`].
    pub file_name: String,
    /// Its size in bytes, exactly.
    pub size: u64,
    /// The sender's SFTP user; at most 255 characters.
    pub sender: String,
    /// The sender's own id, which comes back in the receipt; at most 255 characters. Ours is a UUID (T2).
    pub senders_file_id: Option<String>,
    /// SFTP users of the recipients, at least one; under dynamic routing only [`names::ROUTED`].
    pub recipients: Vec<String>,
}

/// How the platform finds the recipient (`SFTPDynamicRoutingInfo`, 3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DynamicRouting {
    /// Which kind of file it is (filspecifikation); KOMBIT gives the value.
    pub inf_ref: String,
    /// The sending it-system's instance.
    pub sender_it_system: Uuid,
    /// CVR number of the authority on whose behalf it is sent: eight digits.
    pub sender_authority: String,
    /// One per transfer; a resend has another (T6).
    pub transaction_id: Uuid,
    /// When it was sent. Written in UTC and whole seconds (T5, ASSUMED); read without zone it counts as UTC.
    pub sent: Timestamp,
    /// The receiving it-system, only when the sender chooses it.
    pub recipient_it_system: Option<Uuid>,
    /// CVR number of the receiving authority: eight digits.
    pub recipient_authority: String,
    /// More to route by, only where the integration says so; usually empty, and then the list is not written.
    pub parameters: Vec<RouteParameter>,
}

/// One `RouteParameter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteParameter {
    /// A routing rule must be valid on that day: the only one that is defined.
    SelectionValueDate(Date),
    /// Something else, which was passed over. Cannot be written.
    Other,
}

/// What stands in `FileContentDescriptor`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FileContent {
    /// Nothing.
    #[default]
    Empty,
    /// Dynamic routing.
    Routed(Box<DynamicRouting>),
    /// That many elements of other namespaces, which were passed over. Cannot be written.
    Foreign(usize),
}

/// The signal that a data file is whole and may be moved (3.1): out, under the data file's name and
/// [`names::TRIGGER_SUFFIX`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trigger {
    /// The data file.
    pub file: FileDescriptor,
    /// How it is routed.
    pub content: FileContent,
}

/// What comes with a data file (3.2), under its name and [`names::METADATA_SUFFIX`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileMetadata {
    /// The platform's id of the transfer: a repeat is known by it. Text, in practice a UUID.
    pub transfer_id: String,
    /// The data file.
    pub file: FileDescriptor,
    /// How it was routed; usually nothing is left of that.
    pub content: FileContent,
}

/// Whether the platform moved the file (3.3), under its name and [`names::RECEIPT_SUFFIX`]. Success is not yet the
/// recipient's acceptance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TechnicalReceipt {
    /// The platform's id of the transfer.
    pub transfer_id: String,
    /// The sender's own id, as in the trigger.
    pub senders_file_id: Option<String>,
    /// What became of the file.
    pub outcome: ReceiptOutcome,
}

/// What a technical receipt says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiptOutcome {
    /// `Receipt/Message`: see [`TechnicalReceipt::is_success`].
    Message(String),
    /// What went wrong, at least one, in order.
    Errors(Vec<ErrorMessage>),
}

impl TechnicalReceipt {
    /// Whether it says that the file was delivered. A receipt that neither says so nor tells an error is for a
    /// person.
    pub fn is_success(&self) -> bool {
        matches!(&self.outcome, ReceiptOutcome::Message(message) if message == names::SUCCESS)
    }
}

/// One error of the platform (3.3). Its codes and texts are not public: kept as received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorMessage {
    /// `ErrorCode`.
    pub code: i64,
    /// `ErrorCodeDescription`.
    pub code_text: String,
    /// `ErrorDescription`.
    pub text: String,
}

/// Whether the recipient takes the file (3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Acceptance {
    /// `ACCEPTED`.
    Accepted,
    /// `REJECTED`.
    Rejected,
    /// `COULD_NOT_NOTIFY_RECIPIENT`.
    CouldNotNotify,
}

impl Acceptance {
    /// Every one.
    pub const ALL: [Acceptance; 3] = [Acceptance::Accepted, Acceptance::Rejected, Acceptance::CouldNotNotify];

    /// The code.
    pub fn code(self) -> &'static str {
        match self {
            Acceptance::Accepted => "ACCEPTED",
            Acceptance::Rejected => "REJECTED",
            Acceptance::CouldNotNotify => "COULD_NOT_NOTIFY_RECIPIENT",
        }
    }

    /// From the code.
    pub fn from_code(code: &str) -> Option<Acceptance> {
        Acceptance::ALL.into_iter().find(|acceptance| acceptance.code() == code)
    }
}

/// The recipient's word on a file (3.4). Our interfaces carry their answers in files of their own (ASSUMED).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusinessReceipt {
    /// The platform's id of the transfer.
    pub transfer_id: String,
    /// The data file's name.
    pub file_name: String,
    /// The recipient's SFTP user.
    pub recipient: String,
    /// Whether it takes the file.
    pub acceptance: Acceptance,
    /// Why, or why not.
    pub reason: Option<String>,
}

/// The platform's word on a business receipt (3.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BusinessResponse {
    /// `ResponseMessage`.
    Message(String),
    /// What went wrong; may be empty.
    Errors(Vec<ErrorMessage>),
}
