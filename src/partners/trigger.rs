//! The small documents around a file on Serviceplatformen (serviceplatformen-sftp.md section 3): reads triggers and
//! metadata as strictly as the platform, writes metadata and receipts.
//!
//! Written from the specification and not from the hub's reader or writer. Only the root element is in the namespace;
//! what is inside is in none.

use quick_xml::escape::escape;

use super::files::is_uuid;
use super::serviceplatformen::{MetadataForm, Refusal};
use super::xml::{Cursor, Read, Space, Token};

/// The namespace of the root element.
pub(super) const SFTP: &str = "http://serviceplatformen.dk/xml/wsdl/soap11/SFTP/1/types";
const SPACES: &[&str] = &[SFTP];
const IN_SFTP: Space = Space::Known(0);
/// The recipient that stands for "find him by the routing" (T1).
pub const ROUTED: &str = "ROUTING_V1_0_0";
/// The form of an authority.
const AUTHORITY: &str = "urn:oio:cvr-nr:";
/// The longest text of a file descriptor.
const TEXT_LIMIT: usize = 255;
/// The most recipients that are read.
const RECIPIENT_LIMIT: usize = 1_000;

/// A document that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// 1-based line.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

/// A trigger; a metadata file says the same and an id besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// The platform's id; only in metadata.
    pub transfer: Option<String>,
    /// The data file.
    pub file_name: String,
    /// Its bytes.
    pub size: u64,
    /// The sender's user.
    pub sender: String,
    /// The sender's own id of the file.
    pub file_id: Option<String>,
    /// Users, or [`ROUTED`].
    pub recipients: Vec<String>,
    /// Dynamic routing.
    pub routing: Option<Routing>,
}

/// What dynamic routing goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routing {
    /// The file specification.
    pub inf_ref: String,
    /// UUID of the sending system.
    pub sender_system: String,
    /// CVR of whom it is sent for.
    pub sender_authority: String,
    /// UUID of the transfer, by the sender.
    pub transaction: String,
    /// As it was written.
    pub timestamp: String,
    /// UUID of the receiving system, if the sender chooses it.
    pub recipient_system: Option<String>,
    /// CVR of who receives.
    pub recipient_authority: String,
}

impl Trigger {
    /// Reads a trigger.
    ///
    /// # Errors
    /// [`Reading`] for anything that the schema does not allow.
    pub fn read(bytes: &[u8]) -> Result<Trigger, Reading> {
        reading(bytes, |cursor| cursor.descriptors("Trigger", false))
    }

    /// Reads a metadata file; its root may be `Trigger` too (3.2).
    ///
    /// # Errors
    /// [`Reading`].
    pub fn read_metadata(bytes: &[u8]) -> Result<Trigger, Reading> {
        reading(bytes, |cursor| {
            let root = if cursor.sees(IN_SFTP, "Trigger")? { "Trigger" } else { "FileMetadata" };
            cursor.descriptors(root, true)
        })
    }

    /// Writes it as a trigger.
    pub fn write(&self) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<sftp:Trigger xmlns:sftp=\"{SFTP}\">\n{}</sftp:Trigger>\n",
            self.descriptors(&self.recipients, self.routing.as_ref())
        )
    }

    fn descriptors(&self, recipients: &[String], routing: Option<&Routing>) -> String {
        let id = self.file_id.as_deref().map(|id| element("SendersFileId", id)).unwrap_or_default();
        let recipients: String = recipients.iter().map(|name| element("Recipients", name)).collect();
        let content = routing.map(Routing::write).unwrap_or_default();
        format!(
            "<FileDescriptor>\n{}{}{}{id}{recipients}</FileDescriptor>\n\
             <FileContentDescriptor>{content}</FileContentDescriptor>\n",
            element("FileName", &self.file_name),
            element("SizeInBytes", &self.size.to_string()),
            element("Sender", &self.sender),
        )
    }
}

impl Routing {
    fn write(&self) -> String {
        let system = self.recipient_system.as_deref().map(|uuid| element("RecipientIt-system", uuid));
        format!(
            "\n<SFTPDynamicRoutingInfo>\n{}{}{}{}{}{}{}</SFTPDynamicRoutingInfo>\n",
            element("InfRef", &self.inf_ref),
            element("SenderIt-system", &self.sender_system),
            element("SenderAuthority", &format!("{AUTHORITY}{}", self.sender_authority)),
            element("TransactionId", &self.transaction),
            element("SenderTimestamp", &self.timestamp),
            system.unwrap_or_default(),
            element("RecipientAuthority", &format!("{AUTHORITY}{}", self.recipient_authority)),
        )
    }
}

fn element(name: &str, value: &str) -> String {
    format!("<{name}>{}</{name}>\n", escape(value))
}

fn reading<T>(bytes: &[u8], read: impl FnOnce(&mut Cursor<'_>) -> Read<T>) -> Result<T, Reading> {
    let line = |at: usize| 1 + bytes[..at.min(bytes.len())].iter().filter(|b| **b == b'\n').count();
    let text = str::from_utf8(bytes)
        .map_err(|e| Reading { line: line(e.valid_up_to()), what: "not UTF-8".to_owned() })?;
    let mut cursor = Cursor::new(text, SPACES);
    read(&mut cursor).map_err(|what| Reading { line: line(cursor.position()), what })
}

impl Cursor<'_> {
    fn descriptors(&mut self, root: &str, is_metadata: bool) -> Read<Trigger> {
        self.open(IN_SFTP, root)?;
        let transfer = match is_metadata {
            true => Some(self.value(Space::Bare, "FileTransferUUID", TEXT_LIMIT)?),
            false => None,
        };
        let mut trigger = self.file_descriptor()?;
        trigger.transfer = transfer;
        trigger.routing = self.content_descriptor()?;
        self.close()?;
        match self.advance()? {
            Token::Eof => Ok(trigger),
            _ => Err("something follows the document".to_owned()),
        }
    }

    fn file_descriptor(&mut self) -> Read<Trigger> {
        self.open(Space::Bare, "FileDescriptor")?;
        let file_name = self.value(Space::Bare, "FileName", TEXT_LIMIT)?;
        let size = self.value(Space::Bare, "SizeInBytes", 20)?;
        let sender = self.value(Space::Bare, "Sender", TEXT_LIMIT)?;
        let file_id = self.optional(Space::Bare, "SendersFileId", TEXT_LIMIT)?;
        let mut recipients = Vec::new();
        while recipients.is_empty() || self.sees(Space::Bare, "Recipients")? {
            recipients.push(self.value(Space::Bare, "Recipients", TEXT_LIMIT)?);
            if recipients.len() > RECIPIENT_LIMIT {
                return Err("too many Recipients".to_owned());
            }
        }
        self.close()?;
        let is_number = size.bytes().all(|b| b.is_ascii_digit());
        let size = size.parse().ok().filter(|_| is_number);
        let size = size.ok_or("SizeInBytes is not a number of 64 bits without a sign")?;
        Ok(Trigger { transfer: None, file_name, size, sender, file_id, recipients, routing: None })
    }

    fn content_descriptor(&mut self) -> Read<Option<Routing>> {
        self.open(Space::Bare, "FileContentDescriptor")?;
        if self.sees(Space::Bare, "SFTPDynamicRoutingInfo")? {
            let routing = self.routing()?;
            self.close()?;
            return Ok(Some(routing));
        }
        // Anything of another vocabulary may stand here, but nothing of ours.
        match &self.next {
            Some(Token::Start(Space::Other, _)) => self.pass()?,
            _ => self.close()?,
        }
        Ok(None)
    }

    fn routing(&mut self) -> Read<Routing> {
        self.open(Space::Bare, "SFTPDynamicRoutingInfo")?;
        let inf_ref = self.value(Space::Bare, "InfRef", TEXT_LIMIT)?;
        let sender_system = self.uuid("SenderIt-system")?;
        let sender_authority = self.authority("SenderAuthority")?;
        let transaction = self.uuid("TransactionId")?;
        let timestamp = self.value(Space::Bare, "SenderTimestamp", 40)?;
        if !is_instant(&timestamp) {
            return Err("SenderTimestamp is no date and time".to_owned());
        }
        let recipient_system = match self.sees(Space::Bare, "RecipientIt-system")? {
            true => Some(self.uuid("RecipientIt-system")?),
            false => None,
        };
        let recipient_authority = self.authority("RecipientAuthority")?;
        self.parameters()?;
        self.close()?;
        Ok(Routing {
            inf_ref,
            sender_system,
            sender_authority,
            transaction,
            timestamp,
            recipient_system,
            recipient_authority,
        })
    }

    /// `RouteParameterList`, whose parameters are not validated.
    fn parameters(&mut self) -> Read<()> {
        if !self.sees(Space::Bare, "RouteParameterList")? {
            return Ok(());
        }
        self.open(Space::Bare, "RouteParameterList")?;
        let mut count = 0;
        while count == 0 || self.sees(Space::Bare, "RouteParameter")? {
            self.open(Space::Bare, "RouteParameter")?;
            self.pass()?;
            count += 1;
        }
        self.close()
    }

    fn uuid(&mut self, name: &str) -> Read<String> {
        let uuid = self.value(Space::Bare, name, 36)?;
        if is_uuid(&uuid) { Ok(uuid) } else { Err(format!("{name} is no UUID in lower case")) }
    }

    fn authority(&mut self, name: &str) -> Read<String> {
        let urn = self.value(Space::Bare, name, TEXT_LIMIT)?;
        let cvr = urn.strip_prefix(AUTHORITY).unwrap_or("");
        match cvr.len() == 8 && cvr.bytes().all(|b| b.is_ascii_digit()) {
            true => Ok(cvr.to_owned()),
            false => Err(format!("{name} is not {AUTHORITY} and 8 digits")),
        }
    }
}

/// Whether a text is an xs:dateTime, with or without a zone.
pub(super) fn is_instant(text: &str) -> bool {
    let shape = text.len() >= 19 && text.as_bytes()[10] == b'T';
    shape && (text.parse::<jiff::Timestamp>().is_ok() || text.parse::<jiff::civil::DateTime>().is_ok())
}

/// The metadata file for a recipient.
pub(super) fn metadata(trigger: &Trigger, uuid: &str, recipient: &str, form: MetadataForm) -> String {
    let root = if form.root_is_trigger { "Trigger" } else { "FileMetadata" };
    let recipient = if form.literal_recipient { ROUTED } else { recipient };
    let routing = trigger.routing.as_ref().filter(|_| !form.without_routing);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<sftp:{root} xmlns:sftp=\"{SFTP}\">\n{}{}</sftp:{root}>\n",
        element("FileTransferUUID", uuid),
        trigger.descriptors(&[recipient.to_owned()], routing)
    )
}

/// The technical receipt: a success, or every reason why not.
pub(super) fn receipt(uuid: &str, file_id: Option<&str>, refusals: &[Refusal]) -> String {
    let id = file_id.map(|id| element("SendersFileId", id)).unwrap_or_default();
    let body: String = match refusals {
        [] => "<Receipt><Message>SUCCESS</Message></Receipt>\n".to_owned(),
        refusals => refusals.iter().map(error_message).collect(),
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<sftp:TechnicalReceipt xmlns:sftp=\"{SFTP}\">\n\
         {}{id}{body}</sftp:TechnicalReceipt>\n",
        element("FileTransferUUID", uuid)
    )
}

fn error_message(refusal: &Refusal) -> String {
    format!(
        "<ErrorMessage>\n{}{}{}</ErrorMessage>\n",
        element("ErrorCode", &refusal.code.to_string()),
        element("ErrorCodeDescription", &refusal.name),
        element("ErrorDescription", &refusal.text)
    )
}
