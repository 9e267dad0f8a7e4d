//! Writes the returns of an ERP system (`ModtagFinansbilag_O`, oir-finans-sf1590a.md section 7), in both forms that the
//! specification names. Written from there and not from the hub's reader.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use quick_xml::escape::escape;
use serde::Deserialize;

use super::erp::Cause;
use super::files::uuid_of;
use super::vouchers::{CONTEXT, MESSAGE};

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// `FinansKvitteringResultat` with `Accepteret` or `Afvist`.
    #[default]
    Result,
    /// The same with the words of another interface, `ACCEPTERET` and `FEJLET`.
    Capitals,
    /// `AcceptStruktur` or `AfvisningStruktur`, as newer services have it.
    Structure,
}

/// What is said of one voucher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its id.
    pub voucher: String,
    /// The ERP's number of it, when it was booked.
    pub number: Option<u64>,
    /// Code, text and element of a refusal.
    pub refusal: Option<(String, String, String)>,
}

impl Receipt {
    /// It was booked.
    pub fn accepted(voucher: &str, number: u64) -> Receipt {
        Receipt { voucher: voucher.to_owned(), number: Some(number), refusal: None }
    }

    /// It was not.
    pub fn refused(voucher: &str, cause: Cause, text: &str) -> Receipt {
        let refusal = Some((cause.code.to_owned(), text.to_owned(), cause.element.to_owned()));
        Receipt { voucher: voucher.to_owned(), number: None, refusal }
    }
}

/// An answer to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Return {
    /// The file's id.
    pub transaction: String,
    /// Code and text when the whole file is refused.
    pub refusal: Option<(String, String)>,
    /// By voucher.
    pub receipts: Vec<Receipt>,
}

impl Return {
    /// The whole file is refused.
    pub fn refusing(transaction: &str, code: &str, text: &str) -> Return {
        let refusal = Some((code.to_owned(), text.to_owned()));
        Return { transaction: transaction.to_owned(), refusal, receipts: Vec::new() }
    }

    /// The opposite of every receipt.
    pub fn turned_around(&self) -> Return {
        let opposite = |receipt: &Receipt| Receipt {
            voucher: receipt.voucher.clone(),
            number: receipt.refusal.as_ref().map(|_| 0),
            refusal: match receipt.refusal {
                Some(_) => None,
                None => Some(("F099".to_owned(), "Omgjort".to_owned(), "FinansbilagStruktur".to_owned())),
            },
        };
        Return { receipts: self.receipts.iter().map(opposite).collect(), ..self.clone() }
    }
}

/// A Danish local time as an instant in UTC.
pub(super) fn instant(at: DateTime) -> String {
    let zone = TimeZone::get("Europe/Copenhagen").unwrap_or(TimeZone::UTC);
    zone.to_ambiguous_timestamp(at).compatible().map_or_else(|_| format!("{at}Z"), |at| at.to_string())
}

/// The message.
pub(super) fn write(answer: &Return, at: DateTime, form: Form) -> String {
    let time = instant(at);
    let refusal = answer.refusal.as_ref().map(|(code, text)| {
        format!(
            "<kontekst:SvarReaktion><kontekst:Fejl><kontekst:FejlId>{}</kontekst:FejlId>\
             <kontekst:FejlTekst>{}</kontekst:FejlTekst><kontekst:KildeId>ERP</kontekst:KildeId>\
             </kontekst:Fejl></kontekst:SvarReaktion>\n",
            escape(code),
            escape(text)
        )
    });
    let receipts: String = answer.receipts.iter().map(|receipt| write_receipt(receipt, form)).collect();
    let list = match answer.receipts.is_empty() {
        true => String::new(),
        false => format!("<FinansKvitteringListe>\n{receipts}</FinansKvitteringListe>\n"),
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <ModtagFinansbilag_O xmlns=\"{MESSAGE}\" xmlns:kontekst=\"{CONTEXT}\">\n\
         <kontekst:HovedOplysningerSvar>\n\
         <kontekst:TransaktionsId>{}</kontekst:TransaktionsId>\n\
         <kontekst:TransaktionsTid>{time}</kontekst:TransaktionsTid>\n{}\
         </kontekst:HovedOplysningerSvar>\n\
         <BehandlingDatoTid>{time}</BehandlingDatoTid>\n{list}</ModtagFinansbilag_O>\n",
        escape(&answer.transaction),
        refusal.unwrap_or_default(),
    )
}

fn write_receipt(receipt: &Receipt, form: Form) -> String {
    let result = match (&receipt.refusal, form) {
        (None, Form::Result) => element("FinansKvitteringResultat", "Accepteret"),
        (None, Form::Capitals) => element("FinansKvitteringResultat", "ACCEPTERET"),
        (None, Form::Structure) => {
            "<AcceptStruktur><AccepteretUdenBemærkninger>true</AccepteretUdenBemærkninger></AcceptStruktur>\n"
                .to_owned()
        }
        (Some(refusal), Form::Result) => refused("Afvist", refusal),
        (Some(refusal), Form::Capitals) => refused("FEJLET", refusal),
        (Some(refusal), Form::Structure) => {
            format!("<AfvisningStruktur>\n{}</AfvisningStruktur>\n", cause(refusal))
        }
    };
    let number = receipt.number.map(|number| element("FinansbilagErpBilagsnummer", &number.to_string()));
    format!(
        "<FinansKvitteringStruktur>\n{}{result}{}</FinansKvitteringStruktur>\n",
        element("FinansbilagIdentifikation", &receipt.voucher),
        number.unwrap_or_default()
    )
}

fn refused(word: &str, refusal: &(String, String, String)) -> String {
    let (code, text, _) = refusal;
    format!(
        "{}{}{}{}",
        element("FinansKvitteringResultat", word),
        element("FinansKvitteringÅrsag", &cause_class(code)),
        element("FinansKvitteringBegrundelse", text),
        cause(refusal)
    )
}

fn cause((code, text, name): &(String, String, String)) -> String {
    format!(
        "<ResultatÅrsagStruktur>\n{}{}{}{}</ResultatÅrsagStruktur>\n",
        element("ÅrsagIdentifikation", &cause_class(code)),
        element("ElementNavn", name),
        element("LokalÅrsagTekst", text),
        element("LokalÅrsagKode", code)
    )
}

/// UUID of the class that a code stands for.
fn cause_class(code: &str) -> String {
    uuid_of(&["ERP cause", code])
}

fn element(name: &str, value: &str) -> String {
    format!("<{name}>{}</{name}>\n", escape(value))
}
