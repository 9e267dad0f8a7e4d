//! Requests made from owned values: for tests, the generator and whoever has no file.

use jiff::civil::Date;

use crate::layout::bytes;
use crate::vocabulary::{BankAccount, BenefitCode, IdentCode, MunicipalityCode, Ore, Party, SupplierId};

use super::cells::MOST_TEXT_LINES;
use super::plan::Span;
use super::request::{Form, Method, PostingRef, Request, Slip, TextLines, TransactionType};
use super::slots::Slot;
use crate::layout::Slot as _;

/// Why a request cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotWritable {
    /// A text has a character that the interface does not allow: outside ISO-8859-1, control, `&`, `!` or `\`.
    #[error("{} holds a character that is not allowed", .0.name())]
    Character(Slot),
    /// A value does not fit its field.
    #[error("{} is longer than its field", .0.name())]
    TooLong(Slot),
    /// More text lines than the form has room for.
    #[error("{0} text lines do not fit the form")]
    TextLines(usize),
    /// An empty text line, which the fixed form cannot carry.
    #[error("an empty text line does not fit the fixed form")]
    EmptyTextLine,
    /// A file is full at 99,999 data records.
    #[error("a file holds at most 99999 data records")]
    FileFull,
}

/// A request by its values; see [`Request`] for what each means. Texts are checked when it is encoded.
#[derive(Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is described at the field of the same name in `Request`")]
pub struct RequestBuf {
    pub registration_site: u16,
    pub transaction_type: TransactionType,
    pub municipality: MunicipalityCode,
    pub supplier: SupplierId,
    pub sending_system: String,
    pub payment_ident: u64,
    pub amount: Ore,
    pub payee: Party,
    pub date: Date,
    pub posting_ref: PostingRef,
    pub invoice_no: String,
    pub invoice_date: Option<Date>,
    pub benefit: BenefitCode,
    pub kle: String,
    pub period: Option<(Date, Date)>,
    pub recipient: Party,
    pub account: String,
    pub case_ref: String,
    pub transaction_ref: String,
    pub method: Method,
    pub bank_account: Option<BankAccount>,
    pub slip: Option<Slip>,
    pub alternative: Option<Party>,
    pub name: String,
    pub care_of: String,
    pub address: String,
    pub postcode: Option<u16>,
    pub city: String,
    pub text: Vec<String>,
}

impl Default for RequestBuf {
    /// An ordinary payment of nothing to nobody: what it lacks to be accepted is for the caller to say.
    fn default() -> Self {
        let nobody = Party { code: IdentCode::Cpr, number: 0 };
        RequestBuf {
            registration_site: 0,
            transaction_type: TransactionType::Payment,
            municipality: MunicipalityCode(0),
            supplier: SupplierId(*b"    "),
            sending_system: String::new(),
            payment_ident: 0,
            amount: Ore::ZERO,
            payee: nobody,
            date: Date::default(),
            posting_ref: PostingRef::default(),
            invoice_no: String::new(),
            invoice_date: None,
            benefit: BenefitCode(0),
            kle: String::new(),
            period: None,
            recipient: nobody,
            account: String::new(),
            case_ref: String::new(),
            transaction_ref: String::new(),
            method: Method::NemKonto,
            bank_account: None,
            slip: None,
            alternative: None,
            name: String::new(),
            care_of: String::new(),
            address: String::new(),
            postcode: None,
            city: String::new(),
            text: Vec::new(),
        }
    }
}

impl std::fmt::Debug for RequestBuf {
    /// As [`Request`]: no names, addresses, accounts or texts.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestBuf")
            .field("transaction_type", &self.transaction_type)
            .field("municipality", &self.municipality)
            .field("amount", &self.amount)
            .field("payee", &self.payee)
            .field("date", &self.date)
            .field("posting_ref", &self.posting_ref)
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

impl RequestBuf {
    /// Brings the texts to ISO-8859-1. Blanks at their ends are lost, as they are in a record.
    ///
    /// # Errors
    /// A character that the interface does not allow; more than 36 text lines.
    pub fn encode(&self) -> Result<EncodedRequest, NotWritable> {
        if self.text.len() > MOST_TEXT_LINES {
            return Err(NotWritable::TextLines(self.text.len()));
        }
        let mut bytes = Vec::new();
        let mut texts = [Span::default(); TEXTS];
        for (span, (slot, text)) in texts.iter_mut().zip(self.texts()) {
            *span = append(&mut bytes, slot, text)?;
        }
        let lines: Result<Vec<Span>, NotWritable> =
            self.text.iter().map(|line| append(&mut bytes, Slot::Text1, line)).collect();
        Ok(EncodedRequest { values: self.clone(), bytes, texts, lines: lines? })
    }

    fn texts(&self) -> [(Slot, &str); TEXTS] {
        [
            (Slot::SendingSystem, &self.sending_system),
            (Slot::InvoiceNo, &self.invoice_no),
            (Slot::Kle, &self.kle),
            (Slot::Account, &self.account),
            (Slot::CaseRef, &self.case_ref),
            (Slot::TransactionRef, &self.transaction_ref),
            (Slot::Name, &self.name),
            (Slot::CareOf, &self.care_of),
            (Slot::Address, &self.address),
            (Slot::City, &self.city),
        ]
    }
}

const TEXTS: usize = 10;

fn append(out: &mut Vec<u8>, slot: Slot, text: &str) -> Result<Span, NotWritable> {
    let at = u16::try_from(out.len()).map_err(|_| NotWritable::TooLong(slot))?;
    for character in text.trim_end_matches(' ').chars() {
        let byte = u8::try_from(u32::from(character)).ok().filter(|byte| bytes::allowed(*byte));
        out.push(byte.ok_or(NotWritable::Character(slot))?);
    }
    let len = u16::try_from(out.len() - usize::from(at)).map_err(|_| NotWritable::TooLong(slot))?;
    Ok(Span { at, len })
}

/// A [`RequestBuf`] with its texts in ISO-8859-1, so that a [`Request`] can borrow them.
#[derive(Clone, Debug)]
pub struct EncodedRequest {
    values: RequestBuf,
    bytes: Vec<u8>,
    texts: [Span; TEXTS],
    lines: Vec<Span>,
}

impl EncodedRequest {
    /// The request. Its line number is 0 and its dates are all the date given: a reader would work them out.
    pub fn request(&self) -> Request<'_> {
        let values = &self.values;
        let [system, invoice_no, kle, account, case_ref, transaction_ref, name, care_of, address, city] =
            self.texts.map(|span| span.of(&self.bytes));
        Request {
            form: Form::Fixed,
            line_number: 0,
            registration_site: values.registration_site,
            transaction_type: values.transaction_type,
            municipality: values.municipality,
            supplier: values.supplier,
            sending_system: system,
            payment_ident: values.payment_ident,
            amount: values.amount,
            payee: values.payee,
            date_sent: values.date,
            disposition_date: values.date,
            effective_date: values.date,
            posting_ref: values.posting_ref,
            invoice_no,
            invoice_date: values.invoice_date,
            benefit: values.benefit,
            kle,
            period: values.period,
            recipient: values.recipient,
            account,
            case_ref,
            transaction_ref,
            method: values.method,
            bank_account: values.bank_account,
            slip: values.slip,
            alternative: values.alternative,
            name,
            care_of,
            address,
            postcode: values.postcode,
            city,
            text: TextLines { raw: &self.bytes, spans: &self.lines },
        }
    }
}

/// Columns of a text line.
const TEXT_WIDTH: usize = 81;

/// Breaks free text into text lines: at the last blank at or before column 81, else hard at 81 (g68.md 7, rule 10).
pub fn break_text(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest: Vec<char> = text.trim_end().chars().collect();
    while rest.len() > TEXT_WIDTH {
        let blank = rest[..TEXT_WIDTH].iter().rposition(|character| *character == ' ').filter(|at| *at > 0);
        let tail = rest.split_off(blank.unwrap_or(TEXT_WIDTH));
        lines.push(rest.iter().collect::<String>().trim_end().to_owned());
        rest = tail.into_iter().skip_while(|character| *character == ' ').collect();
    }
    if !rest.is_empty() {
        lines.push(rest.into_iter().collect());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_text_is_broken_at_blanks() {
        let word = "x".repeat(40);
        // The blank behind column 81 is not at or before it.
        assert_eq!(break_text(&format!("{word} {word} tail")), [word.clone(), format!("{word} tail")]);
        assert_eq!(break_text(&"x".repeat(82)), ["x".repeat(81), "x".to_owned()]);
        assert_eq!(break_text(&"x".repeat(81)), ["x".repeat(81)]);
        assert_eq!(break_text(&format!("{} y", "x".repeat(80))), ["x".repeat(80), "y".to_owned()]);
        assert!(break_text("  ").is_empty());
    }

    #[test]
    fn characters_are_checked_when_encoded() {
        let with = |name: &str| RequestBuf { name: name.to_owned(), ..RequestBuf::default() }.encode();
        assert_eq!(with("Søndergård ÆØÅ").unwrap().request().name, b"S\xF8nderg\xE5rd \xC6\xD8\xC5");
        for bad in ["a&b", "€", "a\nb", "!", "\\", "\u{85}"] {
            assert_eq!(with(bad).err(), Some(NotWritable::Character(Slot::Name)), "{bad:?}");
        }
        let many = RequestBuf { text: vec!["x".to_owned(); 37], ..RequestBuf::default() };
        assert_eq!(many.encode().err(), Some(NotWritable::TextLines(37)));
    }
}
