//! The documents as content models: what `formats/schemas/sp_sftp.xsd` says, for the reader.

use super::Document;
use super::names::{self, L, P};
use crate::xml::forms::{CVR_URN, DATE, INSTANT, UUID, form, is_digits, text, trimmed};
use crate::xml::model::{Child, Text};

/// What the walker meets, in all documents. The names are the elements'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    /// Nothing that anyone asks for.
    Frame,
    Root(Document),
    FileName,
    Size,
    Sender,
    SendersFileId,
    Recipient,
    Routing,
    /// An element of another namespace instead of the routing.
    Foreign,
    InfRef,
    SenderItSystem,
    SenderAuthority,
    TransactionId,
    SenderTimestamp,
    RecipientItSystem,
    RecipientAuthority,
    RouteParameter,
    RouteDate,
    TransferId,
    Receipt,
    Message,
    Error,
    ErrorCode,
    ErrorCodeDescription,
    ErrorDescription,
    Acceptance,
    Reason,
    Response,
}

use Label as F;
type C = Child<Label>;

/// `xs:string` of at most 255 characters; an empty one names nothing and is refused (ASSUMED).
static TEXT255: Text = text(1, 255, "1 to 255 characters");
/// Texts without a limit in the schema; the limit is ours.
static FREE: Text = text(0, 4000, "at most 4000 characters");
static FILE_NAME: Text = form(1, 255, "a file's name of 1 to 255 characters, without folder", is_file_name);
static SIZE: Text =
    trimmed(1, 20, "a number of bytes", |text| is_digits(text) && text.parse::<u64>().is_ok());
static ERROR_CODE: Text = trimmed(1, 19, "a whole number", |text| {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    (1..=18).contains(&digits.len()) && is_digits(digits)
});
static ACCEPTANCE: Text = trimmed(8, 26, "ACCEPTED, REJECTED or COULD_NOT_NOTIFY_RECIPIENT", |text| {
    super::Acceptance::from_code(text).is_some()
});

/// No way out of the folder it is put in: no slash, no control character, not `.` and not `..`.
fn is_file_name(text: &str) -> bool {
    let harmless = |c: char| !matches!(c, '/' | '\\' | '\t' | '\n' | '\r' | '\u{7F}'..='\u{9F}');
    text.chars().all(harmless) && !matches!(text, "." | "..")
}

static DESCRIPTOR: [C; 5] = [
    C::text(L, names::FILE_NAME, &FILE_NAME, F::FileName),
    C::text(L, names::SIZE_IN_BYTES, &SIZE, F::Size),
    C::text(L, names::SENDER, &TEXT255, F::Sender),
    C::text(L, names::SENDERS_FILE_ID, &TEXT255, F::SendersFileId).optional(),
    C::text(L, names::RECIPIENTS, &TEXT255, F::Recipient).times(1, u32::MAX),
];
static PARAMETER: [C; 3] = [
    C::text(P, names::ROUTE_SELECTION_VALUE_DATE, &DATE, F::RouteDate),
    C::any(P, F::Frame).or(),
    C::any(L, F::Frame).or(),
];
static PARAMETERS: [C; 1] =
    [C::parent(L, names::ROUTE_PARAMETER, &PARAMETER, F::RouteParameter).times(1, u32::MAX)];
static ROUTING: [C; 8] = [
    C::text(L, names::INF_REF, &TEXT255, F::InfRef),
    C::text(L, names::SENDER_IT_SYSTEM, &UUID, F::SenderItSystem),
    C::text(L, names::SENDER_AUTHORITY, &CVR_URN, F::SenderAuthority),
    C::text(L, names::TRANSACTION_ID, &UUID, F::TransactionId),
    C::text(L, names::SENDER_TIMESTAMP, &INSTANT, F::SenderTimestamp),
    C::text(L, names::RECIPIENT_IT_SYSTEM, &UUID, F::RecipientItSystem).optional(),
    C::text(L, names::RECIPIENT_AUTHORITY, &CVR_URN, F::RecipientAuthority),
    C::parent(L, names::ROUTE_PARAMETER_LIST, &PARAMETERS, F::Frame).optional(),
];
/// Either dynamic routing or anything of another namespace; that only one of them stands here, the reader sees to.
static CONTENT: [C; 2] = [
    C::parent(L, names::DYNAMIC_ROUTING, &ROUTING, F::Routing).times(0, u32::MAX),
    C::any(P, F::Foreign).or(),
];

const TRANSFER_ID: C = C::text(L, names::FILE_TRANSFER_UUID, &TEXT255, F::TransferId);
const FILE: C = C::parent(L, names::FILE_DESCRIPTOR, &DESCRIPTOR, F::Frame);
const CONTENT_ELEMENT: C = C::parent(L, names::FILE_CONTENT_DESCRIPTOR, &CONTENT, F::Frame);

static TRIGGER: [C; 2] = [FILE, CONTENT_ELEMENT];
static METADATA: [C; 3] = [TRANSFER_ID, FILE, CONTENT_ELEMENT];

static MESSAGE: [C; 1] = [C::text(L, names::MESSAGE, &FREE, F::Message)];
static ERROR: [C; 3] = [
    C::text(L, names::ERROR_CODE, &ERROR_CODE, F::ErrorCode),
    C::text(L, names::ERROR_CODE_DESCRIPTION, &FREE, F::ErrorCodeDescription),
    C::text(L, names::ERROR_DESCRIPTION, &FREE, F::ErrorDescription),
];
const ERROR_ELEMENT: C = C::parent(L, names::ERROR_MESSAGE, &ERROR, F::Error);
/// Either one receipt or errors, which the reader sees to.
static RECEIPT: [C; 4] = [
    TRANSFER_ID,
    C::text(L, names::SENDERS_FILE_ID, &TEXT255, F::SendersFileId).optional(),
    C::parent(L, names::RECEIPT, &MESSAGE, F::Receipt).times(1, u32::MAX),
    ERROR_ELEMENT.or(),
];
static BUSINESS_RECEIPT: [C; 5] = [
    TRANSFER_ID,
    C::text(L, names::FILENAME, &FILE_NAME, F::FileName),
    C::text(L, names::RECIPIENT, &TEXT255, F::Recipient),
    C::text(L, names::FILE_ACCEPTANCE, &ACCEPTANCE, F::Acceptance),
    C::text(L, names::REASON, &FREE, F::Reason).optional(),
];
/// Either one message or errors, which the reader sees to.
static BUSINESS_RESPONSE: [C; 2] =
    [C::text(L, names::RESPONSE_MESSAGE, &FREE, F::Response).times(0, u32::MAX), ERROR_ELEMENT.or()];

const fn root(document: Document, content: &'static [C]) -> C {
    C::parent(P, names::ROOTS[document as usize], content, F::Root(document))
}

/// The root of each document.
pub(super) static TRIGGERS: [C; 1] = [root(Document::Trigger, &TRIGGER)];
/// Metadata was also seen under the trigger's root (3.2).
pub(super) static METADATAS: [C; 2] = [
    root(Document::Metadata, &METADATA),
    C::parent(P, names::TRIGGER, &METADATA, F::Root(Document::Metadata)).or(),
];
pub(super) static RECEIPTS: [C; 1] = [root(Document::TechnicalReceipt, &RECEIPT)];
pub(super) static BUSINESS_RECEIPTS: [C; 1] = [root(Document::BusinessReceipt, &BUSINESS_RECEIPT)];
pub(super) static BUSINESS_RESPONSES: [C; 1] = [root(Document::BusinessResponse, &BUSINESS_RESPONSE)];
