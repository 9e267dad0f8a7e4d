//! A file of vouchers in: for inspection, replay and tests. The hub never takes one in.

use std::collections::HashSet;
use std::fmt;
use std::io::BufRead;

use jiff::Timestamp;
use jiff::civil::Date;

use super::model::{FILES, Label};
use super::names::{CPR_URN_LEAD, NAMESPACES};
use super::writer::saturated;
use super::{Error, Kind, Limits, Period, PostingParty, Side};
use crate::vocabulary::{Hidden, IdentCode, Ore, Party, Uuid, has_cpr};
use crate::xml::Fault;
use crate::xml::forms::{read_cvr_urn, read_date, read_instant};
use crate::xml::model::{Node, Unknown, Walker};

/// The head of a file, as read. What stands in it twice is the same both times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadFileHead {
    /// The file's id.
    pub transaction_id: Uuid,
    /// When the file was made.
    pub at: Timestamp,
    /// CVR number of the municipality on whose behalf it is sent.
    pub sender_authority: String,
    /// The sending it-system.
    pub sender_it_system: Uuid,
    /// CVR number of the authority that books.
    pub receiver_authority: String,
    /// The receiving it-system.
    pub receiver_it_system: Option<Uuid>,
    /// The number of vouchers it promises.
    pub vouchers: u64,
    /// The number of postings it promises.
    pub postings: u64,
    /// The sum of each side it promises.
    pub sum: Ore,
}

/// The head of a voucher, as read; see [`super::Voucher`].
#[derive(Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "as in Voucher")]
pub struct ReadVoucher {
    pub id: Uuid,
    pub number: String,
    pub booking_day: Date,
    pub period: Option<Period>,
    pub type_id: Uuid,
    pub text: String,
    pub external_reference: Option<String>,
    pub document_day: Option<Date>,
    pub reverses: Option<Uuid>,
    pub org_unit: Option<Uuid>,
    is_reversal: bool,
}

/// A posting, as read; see [`super::Posting`].
#[derive(Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "as in Posting")]
pub struct ReadPosting {
    pub id: Uuid,
    pub amount: Ore,
    /// Always there, the form asks for it.
    pub side: Option<Side>,
    pub value_day: Option<Date>,
    pub text: String,
    pub reference: Option<String>,
    pub period_from: Option<Date>,
    pub period_to: Option<Date>,
    pub reference_keys: Vec<(Uuid, String)>,
    pub dimensions: [Option<Uuid>; 6],
    pub secondary: Vec<Uuid>,
    pub party: Option<PostingParty>,
}

impl fmt::Debug for ReadVoucher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadVoucher")
            .field("id", &self.id)
            .field("number", &self.number)
            .field("booking_day", &self.booking_day)
            .field("text", &Hidden(&self.text))
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ReadPosting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadPosting")
            .field("id", &self.id)
            .field("amount", &self.amount)
            .field("side", &self.side)
            .field("text", &Hidden(&self.text))
            .field("party", &self.party)
            .finish_non_exhaustive()
    }
}

/// What comes next in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// A voucher begins; its postings follow.
    Voucher(&'a ReadVoucher),
    /// A posting of the last voucher.
    Posting(&'a ReadPosting),
}

/// What [`Entry`] is due.
#[derive(Clone, Copy)]
enum Due {
    Voucher,
    Posting,
}

/// Counts and sums of what was read.
#[derive(Clone, Copy, Default)]
struct Sides {
    postings: u64,
    debit: Ore,
    credit: Ore,
}

/// Reads a file, posting by posting, in bounded memory but for the vouchers' ids. Besides the form it holds the file
/// to the checks of one file (6: V01, V05, V07, V09, V10), telling a breach as [`Kind::Rule`].
pub struct VoucherFileReader<R> {
    walker: Walker<R, Label>,
    head: Option<ReadFileHead>,
    voucher: ReadVoucher,
    posting: ReadPosting,
    vouchers: HashSet<Uuid>,
    postings: HashSet<Uuid>,
    file: Sides,
    open: Sides,
    ended: bool,
}

impl<R: BufRead> VoucherFileReader<R> {
    /// Reads from `input`; nothing is read before it is asked for.
    pub fn new(input: R, limits: Limits) -> VoucherFileReader<R> {
        VoucherFileReader {
            walker: Walker::new(input, limits, &NAMESPACES, &FILES, Unknown::Refuse),
            head: None,
            voucher: ReadVoucher::default(),
            posting: ReadPosting::default(),
            vouchers: HashSet::new(),
            postings: HashSet::new(),
            file: Sides::default(),
            open: Sides::default(),
            ended: false,
        }
    }

    /// What stands before the vouchers; may be asked for again.
    ///
    /// # Errors
    /// Any [`Kind`].
    pub fn head(&mut self) -> Result<ReadFileHead, Error> {
        if let Some(head) = &self.head {
            return Ok(head.clone());
        }
        let mut read = HeadRead::default();
        loop {
            match self.walker.next()? {
                Some(Node::Open(Label::Vouchers)) | None => break,
                Some(Node::Value(label, value)) => read.take(label, value),
                Some(Node::Open(_) | Node::Close(_) | Node::Attribute(..)) => {}
            }
        }
        self.rule(read.fault())?;
        self.head = Some(read.head.clone());
        Ok(read.head)
    }

    /// The next voucher or posting; `None` when the file has ended, and ended well.
    ///
    /// # Errors
    /// Any [`Kind`].
    #[expect(
        clippy::should_implement_trait,
        reason = "the entry borrows from the reader, so this is no Iterator"
    )]
    pub fn next(&mut self) -> Result<Option<Entry<'_>>, Error> {
        Ok(self.step()?.map(|due| match due {
            Due::Voucher => Entry::Voucher(&self.voucher),
            Due::Posting => Entry::Posting(&self.posting),
        }))
    }

    /// Reads what is left; gives the number of vouchers and of postings, and the sum, which are those of the head.
    ///
    /// # Errors
    /// Any [`Kind`].
    pub fn finish(mut self) -> Result<(u64, u64, Ore), Error> {
        while self.step()?.is_some() {}
        Ok((self.vouchers.len() as u64, self.file.postings, self.file.debit))
    }

    fn step(&mut self) -> Result<Option<Due>, Error> {
        if self.head.is_none() {
            self.head()?;
        }
        while !self.ended {
            let judged = match self.walker.next()? {
                Some(Node::Value(label, value)) => {
                    if !self.posting.take(label, value) {
                        self.voucher.take(label, value);
                    }
                    continue;
                }
                Some(Node::Open(Label::Voucher)) => {
                    self.voucher = ReadVoucher::default();
                    continue;
                }
                Some(Node::Open(Label::Posting)) => {
                    self.posting.clear();
                    continue;
                }
                Some(Node::Open(Label::Postings)) => (self.judge_voucher(), Some(Due::Voucher)),
                Some(Node::Close(Label::Posting)) => (self.judge_posting(), Some(Due::Posting)),
                Some(Node::Close(Label::Voucher)) => (self.judge_balance(), None),
                Some(Node::Open(_) | Node::Close(_) | Node::Attribute(..)) => continue,
                None => {
                    self.ended = true;
                    (self.judge_file(), None)
                }
            };
            self.rule(judged.0)?;
            if judged.1.is_some() {
                return Ok(judged.1);
            }
        }
        Ok(None)
    }

    fn judge_voucher(&mut self) -> Option<&'static str> {
        let voucher = &self.voucher;
        if !self.vouchers.insert(voucher.id) {
            return Some("a voucher's id stands twice in the file");
        }
        if voucher.is_reversal != voucher.reverses.is_some() {
            return Some("a reversal names the voucher it reverses, and nothing else does");
        }
        if voucher.reverses == Some(voucher.id) {
            return Some("a voucher reverses itself");
        }
        has_cpr(&voucher.text).then_some("a CPR number stands in a text")
    }

    fn judge_posting(&mut self) -> Option<&'static str> {
        let posting = &self.posting;
        if !self.postings.insert(posting.id) {
            return Some("a posting's id stands twice in the voucher");
        }
        self.open.postings += 1;
        match posting.side {
            Some(Side::Debit) => self.open.debit = saturated(self.open.debit, posting.amount),
            _ => self.open.credit = saturated(self.open.credit, posting.amount),
        }
        if posting.period_from.zip(posting.period_to).is_some_and(|(from, to)| from > to) {
            return Some("a posting's period ends before it begins");
        }
        has_cpr(&posting.text).then_some("a CPR number stands in a text")
    }

    fn judge_balance(&mut self) -> Option<&'static str> {
        let Sides { postings, debit, credit } = std::mem::take(&mut self.open);
        self.postings.clear();
        self.file.postings += postings;
        self.file.debit = saturated(self.file.debit, debit);
        self.file.credit = saturated(self.file.credit, credit);
        (debit != credit).then_some("a voucher's debit and credit differ")
    }

    fn judge_file(&mut self) -> Option<&'static str> {
        match &self.head {
            Some(head) if head.vouchers != self.vouchers.len() as u64 => {
                Some("`FinansLeverancedataAntalFinansbilag` is not the number of vouchers")
            }
            Some(head) if head.postings != self.file.postings => {
                Some("`FinansLeverancedataAntalPosteringer` is not the number of postings")
            }
            Some(head) if head.sum != self.file.debit => {
                Some("`FinansLeverancedataSumDebet` is not the sum of the debit side")
            }
            _ => None,
        }
    }

    fn rule(&self, fault: Option<&'static str>) -> Result<(), Error> {
        match fault {
            None => Ok(()),
            Some(rule) => Err(self.walker.error(Fault::new(Kind::Rule, rule))),
        }
    }
}

/// The head as read so far, and what stands in it again.
#[derive(Default)]
struct HeadRead {
    head: ReadFileHead,
    transaction: String,
    municipality: String,
    credit: Ore,
    sender: String,
    it_system: Uuid,
    time: Timestamp,
    receiver: String,
}

impl HeadRead {
    fn take(&mut self, label: Label, value: &str) {
        let head = &mut self.head;
        let text = || value.to_owned();
        let uuid = || Uuid::parse(value).unwrap_or_default();
        let instant = || read_instant(value).unwrap_or_default();
        let authority = || read_cvr_urn(value).unwrap_or_default().to_owned();
        match label {
            Label::TransactionId => self.transaction = text(),
            Label::TransactionTime => head.at = instant(),
            Label::MunicipalityCvr => self.municipality = text(),
            Label::SenderOrganisation => head.sender_authority = text(),
            Label::SenderItSystem => head.sender_it_system = uuid(),
            Label::ReceiverOrganisation => head.receiver_authority = text(),
            Label::ReceiverItSystem => head.receiver_it_system = Some(uuid()),
            Label::DeliveryTransactionId => head.transaction_id = uuid(),
            Label::DeliveryVouchers => head.vouchers = value.parse().unwrap_or_default(),
            Label::DeliveryDebit => head.sum = Ore::parse_decimal(value).unwrap_or_default(),
            Label::DeliveryCredit => self.credit = Ore::parse_decimal(value).unwrap_or_default(),
            Label::DeliverySender => self.sender = authority(),
            Label::DeliveryItSystem => self.it_system = uuid(),
            Label::DeliveryTime => self.time = instant(),
            Label::DeliveryPostings => head.postings = value.parse().unwrap_or_default(),
            Label::DeliveryReceiver => self.receiver = authority(),
            _ => {}
        }
    }

    /// What stands twice must agree.
    fn fault(&self) -> Option<&'static str> {
        let head = &self.head;
        let pairs = [
            (
                self.transaction != head.transaction_id.to_string(),
                "`TransaktionsId` is not `FinansLeverancedataTransaktionsId`",
            ),
            (self.municipality != head.sender_authority, "`MunicipalityCVR` is not `AfsenderOrganisation`"),
            (
                self.sender != head.sender_authority,
                "`FinansLeverancedataAfsenderMyndighed` is not `AfsenderOrganisation`",
            ),
            (
                self.receiver != head.receiver_authority,
                "`FinansLeverancedataModtagerMyndighed` is not `ModtagerOrganisation`",
            ),
            (
                self.it_system != head.sender_it_system,
                "`FinansLeverancedataAfsenderItSystem` is not `AfsenderItSystemInstans`",
            ),
            (self.time != head.at, "`FinansLeverancedataDatoTid` is not `TransaktionsTid`"),
            (self.credit != head.sum, "`FinansLeverancedataSumKredit` is not `FinansLeverancedataSumDebet`"),
        ];
        pairs.into_iter().find(|(differ, _)| *differ).map(|(_, rule)| rule)
    }
}

impl ReadVoucher {
    fn take(&mut self, label: Label, value: &str) {
        let text = || value.to_owned();
        let uuid = || Uuid::parse(value).unwrap_or_default();
        match label {
            Label::VoucherId => self.id = uuid(),
            Label::VoucherNumber => self.number = text(),
            Label::BookingDay => self.booking_day = read_date(value).unwrap_or_default(),
            Label::Period => self.period = Period::parse(value),
            Label::VoucherType => self.type_id = uuid(),
            Label::VoucherText => self.text = text(),
            Label::ExternalReference => self.external_reference = Some(text()),
            Label::DocumentDay => self.document_day = read_date(value),
            Label::IsReversal => self.is_reversal = matches!(value, "true" | "1"),
            Label::Reverses => self.reverses = Some(uuid()),
            Label::OrgUnit => self.org_unit = Some(uuid()),
            _ => {}
        }
    }
}

impl ReadPosting {
    fn clear(&mut self) {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        let mut secondary = std::mem::take(&mut self.secondary);
        secondary.clear();
        let mut reference_keys = std::mem::take(&mut self.reference_keys);
        reference_keys.clear();
        *self = ReadPosting { text, secondary, reference_keys, ..ReadPosting::default() };
    }

    /// Whether the value is a posting's.
    #[inline]
    fn take(&mut self, label: Label, value: &str) -> bool {
        let uuid = || Uuid::parse(value).unwrap_or_default();
        match label {
            Label::PostingId => self.id = uuid(),
            Label::Amount => self.amount = Ore::parse_decimal(value).unwrap_or_default(),
            Label::Side => self.side = Side::from_code(value),
            Label::ValueDay => self.value_day = read_date(value),
            Label::PostingText => self.text.push_str(value),
            Label::Reference => self.reference = Some(value.to_owned()),
            Label::PeriodFrom => self.period_from = read_date(value),
            Label::PeriodTo => self.period_to = read_date(value),
            Label::KeyType => self.reference_keys.push((uuid(), String::new())),
            Label::KeyValue => {
                if let Some((_, text)) = self.reference_keys.last_mut() {
                    text.push_str(value);
                }
            }
            Label::Dimension(place) => self.dimensions[usize::from(place)] = Some(uuid()),
            Label::Secondary => self.secondary.push(uuid()),
            Label::Party => {
                self.party = read_party(value).map(|party| PostingParty { party, type_id: Uuid::default() });
            }
            Label::PartyType => {
                if let Some(party) = &mut self.party {
                    party.type_id = uuid();
                }
            }
            _ => return false,
        }
        true
    }
}

fn read_party(text: &str) -> Option<Party> {
    let (code, digits) = match text.strip_prefix(CPR_URN_LEAD) {
        Some(digits) => (IdentCode::Cpr, digits),
        None => (IdentCode::Cvr, read_cvr_urn(text)?),
    };
    digits.parse().ok().map(|number| Party { code, number })
}
