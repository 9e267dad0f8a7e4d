//! A payment request as the hub knows it, whatever form it came in.

use jiff::civil::Date;

use crate::layout::bytes;
use crate::vocabulary::{BankAccount, BenefitCode, MunicipalityCode, Ore, Party, SupplierId};

use super::plan::Span;

/// What is asked for (transaktionstype, g68.md 8.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum TransactionType {
    /// 00: registration of a payment that another system has made.
    Registration = 0,
    /// 01: a payment.
    #[default]
    Payment = 1,
    /// 10: a payment that must go to the destination in the record.
    Forced = 10,
}

impl TransactionType {
    /// From the two-digit code.
    pub fn from_code(code: u64) -> Option<TransactionType> {
        Some(match code {
            0 => TransactionType::Registration,
            1 => TransactionType::Payment,
            10 => TransactionType::Forced,
            _ => return None,
        })
    }

    /// The two-digit code.
    pub fn code(self) -> u8 {
        self as u8
    }
}

/// How it is to be paid (betalingsmåde, g68.md 8.3; the codes are ASSUMED).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Method {
    /// 00: the payee's NemKonto.
    #[default]
    NemKonto = 0,
    /// 01: a named Danish bank account.
    BankAccount = 1,
    /// 02: a payment slip.
    PaymentSlip = 2,
    /// 03: the NemKonto of an alternative receiver.
    AlternativeReceiver = 3,
    /// 04: the payee's account for this benefit, registered in NemKonto.
    BenefitAccount = 4,
    /// 05: cash or cheque at the municipality.
    Cash = 5,
    /// 09: no payment by the receiver of the file.
    NoPayment = 9,
}

impl Method {
    /// From the two-digit code.
    pub fn from_code(code: u64) -> Option<Method> {
        Some(match code {
            0 => Method::NemKonto,
            1 => Method::BankAccount,
            2 => Method::PaymentSlip,
            3 => Method::AlternativeReceiver,
            4 => Method::BenefitAccount,
            5 => Method::Cash,
            9 => Method::NoPayment,
            _ => return None,
        })
    }

    /// The two-digit code.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Whether the receiver of the file pays it through a bank (00-04).
    pub fn is_paid_by_bank(self) -> bool {
        self.code() <= 4
    }
}

/// A payment slip (indbetalingskort, g68.md 8.4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slip {
    /// The type: 1, 4, 71, 73 or 75.
    pub kind: u8,
    /// The id of the read line; 0 for the types that have none. Personal data.
    pub id: u64,
    /// Creditor number or giro account. Personal data.
    pub creditor: u32,
}

impl std::fmt::Debug for Slip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Slip(+{:02} *)", self.kind)
    }
}

/// The posting reference (posteringshenvisning): twenty digits, date 8, machine number 5, running number 7.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PostingRef(pub(super) [u8; 20]);

impl PostingRef {
    /// From twenty ASCII digits, or from 18 or 19 when the running number lacks its leading zeros.
    pub fn parse(digits: &str) -> Option<PostingRef> {
        super::cells::padded_ref(digits.as_bytes()).map(PostingRef)
    }

    /// The twenty digits.
    pub fn digits(&self) -> &[u8; 20] {
        &self.0
    }

    /// The twenty digits as text.
    pub fn as_str(&self) -> &str {
        // Only ASCII digits are ever put in.
        std::str::from_utf8(&self.0).unwrap_or("")
    }

    /// The posting date as it stands there, `YYYYMMDD`; it need not be a day.
    pub fn date_digits(&self) -> &[u8] {
        &self.0[..8]
    }

    /// The machine number's five digits.
    pub fn machine(&self) -> &[u8] {
        &self.0[8..13]
    }

    /// The running number's seven digits.
    pub fn running(&self) -> &[u8] {
        &self.0[13..]
    }
}

impl Default for PostingRef {
    fn default() -> Self {
        PostingRef([b'0'; 20])
    }
}

impl std::fmt::Debug for PostingRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// In which form the record came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// Columns.
    #[default]
    Fixed,
    /// Numbered fields, header variant A or B.
    Floating,
}

/// The text lines of a record, ISO-8859-1, blanks at the end left out.
#[derive(Clone, Copy)]
pub struct TextLines<'a> {
    pub(super) raw: &'a [u8],
    pub(super) spans: &'a [Span],
}

impl<'a> TextLines<'a> {
    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The lines in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + use<'a> {
        let raw = self.raw;
        self.spans.iter().map(move |span| bytes::trim_end(span.of(raw)))
    }
}

/// A request for one payment (udbetalingsanmodning): every field of g68.md 7, checked. Texts are ISO-8859-1 without
/// blanks at the end, empty when not given.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The form it came in.
    pub form: Form,
    /// The line number the sender gave it.
    pub line_number: u32,
    /// Registration site (registreringssted); 0 when unused.
    pub registration_site: u16,
    /// What is asked for.
    pub transaction_type: TransactionType,
    /// The paying municipality.
    pub municipality: MunicipalityCode,
    /// The data supplier: field LEVID, else the endpoint's own.
    pub supplier: SupplierId,
    /// The sending system (long supplier id).
    pub sending_system: &'a [u8],
    /// The sender's payment ident, 18 digits; 0 when not used.
    pub payment_ident: u64,
    /// The amount in øre, sign applied.
    pub amount: Ore,
    /// Who is to be paid.
    pub payee: Party,
    /// The date field as sent.
    pub date_sent: Date,
    /// The day on which the money is at the payee's disposal.
    pub disposition_date: Date,
    /// The same, moved to the nearest preceding bank day when the method is paid by bank.
    pub effective_date: Date,
    /// The posting reference.
    pub posting_ref: PostingRef,
    /// Invoice number, or the sender's unique payment number; for a negative amount the payment it corrects.
    pub invoice_no: &'a [u8],
    /// Invoice date.
    pub invoice_date: Option<Date>,
    /// The benefit type.
    pub benefit: BenefitCode,
    /// KLE subject number.
    pub kle: &'a [u8],
    /// First and last day of the benefit period.
    pub period: Option<(Date, Date)>,
    /// To whom the benefit is granted.
    pub recipient: Party,
    /// The account string, passed on byte by byte.
    pub account: &'a [u8],
    /// The case reference.
    pub case_ref: &'a [u8],
    /// The transaction reference: unique for the supplier.
    pub transaction_ref: &'a [u8],
    /// How it is to be paid.
    pub method: Method,
    /// The named bank account, for method 01.
    pub bank_account: Option<BankAccount>,
    /// The payment slip, for method 02.
    pub slip: Option<Slip>,
    /// The alternative receiver, for method 03.
    pub alternative: Option<Party>,
    /// Name of the amount receiver. Personal data.
    pub name: &'a [u8],
    /// Its c/o name. Personal data.
    pub care_of: &'a [u8],
    /// Its street address. Personal data.
    pub address: &'a [u8],
    /// Its postcode.
    pub postcode: Option<u16>,
    /// Its city. Personal data.
    pub city: &'a [u8],
    /// Texts for the payee.
    pub text: TextLines<'a>,
}

impl std::fmt::Debug for Request<'_> {
    /// What identifies the request and what it asks for; names, addresses, accounts and texts are left out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("line_number", &self.line_number)
            .field("transaction_type", &self.transaction_type)
            .field("municipality", &self.municipality)
            .field("supplier", &self.supplier)
            .field("amount", &self.amount)
            .field("payee", &self.payee)
            .field("disposition_date", &self.disposition_date)
            .field("posting_ref", &self.posting_ref)
            .field("benefit", &self.benefit)
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}
