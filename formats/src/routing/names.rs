//! Every namespace, element name and fixed value of the file exchange's documents, once
//! (serviceplatformen-sftp.md 3). All were seen in the schemas.

use crate::xml::model::UNQUALIFIED;

/// The namespace of the roots and of global elements. All else is in none.
pub const SFTP: &str = "http://serviceplatformen.dk/xml/wsdl/soap11/SFTP/1/types";

/// The namespace, as the content models number it.
pub static NAMESPACES: [&str; 1] = [SFTP];

/// Place of [`SFTP`].
pub const P: u8 = 0;
/// Elements in no namespace.
pub const L: u8 = UNQUALIFIED;

/// The roots, in the order of [`super::Document`].
pub const ROOTS: [&str; 5] = [TRIGGER, FILE_METADATA, TECHNICAL_RECEIPT, BUSINESS_RECEIPT, BUSINESS_RESPONSE];

/// The recipient under dynamic routing: the platform finds the real one (T1).
pub const ROUTED: &str = "ROUTING_V1_0_0";
/// A technical receipt's message when the file was delivered (3.3).
pub const SUCCESS: &str = "SUCCESS";
/// What the trigger's name adds to the data file's (F2).
pub const TRIGGER_SUFFIX: &str = ".trigger";
/// What the metadata's name adds (F3).
pub const METADATA_SUFFIX: &str = ".metadata";
/// What the technical receipt's name adds (F4).
pub const RECEIPT_SUFFIX: &str = ".sftpreceipt";

/// Most characters in the name of a file of ours (F11, ASSUMED).
pub const FILE_NAME_WIDTH: usize = 200;

macro_rules! names {
    ($($name:ident = $text:literal;)*) => {
        $(#[doc = concat!("`", $text, "`.")] pub const $name: &str = $text;)*
    };
}

names! {
    TRIGGER = "Trigger";
    FILE_METADATA = "FileMetadata";
    TECHNICAL_RECEIPT = "TechnicalReceipt";
    BUSINESS_RECEIPT = "BusinessReceipt";
    BUSINESS_RESPONSE = "BusinessResponse";
    FILE_DESCRIPTOR = "FileDescriptor";
    FILE_NAME = "FileName";
    SIZE_IN_BYTES = "SizeInBytes";
    SENDER = "Sender";
    SENDERS_FILE_ID = "SendersFileId";
    RECIPIENTS = "Recipients";
    FILE_CONTENT_DESCRIPTOR = "FileContentDescriptor";
    DYNAMIC_ROUTING = "SFTPDynamicRoutingInfo";
    INF_REF = "InfRef";
    SENDER_IT_SYSTEM = "SenderIt-system";
    SENDER_AUTHORITY = "SenderAuthority";
    TRANSACTION_ID = "TransactionId";
    SENDER_TIMESTAMP = "SenderTimestamp";
    RECIPIENT_IT_SYSTEM = "RecipientIt-system";
    RECIPIENT_AUTHORITY = "RecipientAuthority";
    ROUTE_PARAMETER_LIST = "RouteParameterList";
    ROUTE_PARAMETER = "RouteParameter";
    ROUTE_SELECTION_VALUE_DATE = "RouteSelectionValueDate";
    FILE_TRANSFER_UUID = "FileTransferUUID";
    RECEIPT = "Receipt";
    MESSAGE = "Message";
    ERROR_MESSAGE = "ErrorMessage";
    ERROR_CODE = "ErrorCode";
    ERROR_CODE_DESCRIPTION = "ErrorCodeDescription";
    ERROR_DESCRIPTION = "ErrorDescription";
    FILENAME = "Filename";
    RECIPIENT = "Recipient";
    FILE_ACCEPTANCE = "FileAcceptance";
    REASON = "Reason";
    RESPONSE_MESSAGE = "ResponseMessage";
}
