//! Reads payment bundles (NKSPayment) as NemKonto would: with its own strictness, straight from the XML.
//!
//! Written from nemkonto.md section 2 and not from the hub's writer, so that the two can disagree. Order and
//! number of elements are checked here, whole bundles by [`Bundle::faults`]; what concerns earlier bundles is
//! [`super::nemkonto`]'s.

use std::fmt;

use jiff::civil::{Date, DateTime};
use toek_formats::vocabulary::{Cpr, CprKind, IdentCode, MunicipalityCode, Party, modulus11_cvr};

use super::script::Parties;
use super::xml::{Cursor, Read, Space, Token};

/// The namespace of the root element and its children (nemkonto.md 2.1).
pub(super) const NKS: &str = "http://rep.oio.dk/oes.dk/nemkonto/xml/schemas/2006/05/01/";
/// The namespace of what is inside the message header.
pub(super) const EBMS: &str = "http://rep.oio.dk/oes.dk/nemkonto.ebms/xml/schemas/2006/05/01/";
/// The namespace of what is inside the other children of the root.
pub(super) const SWIFT: &str = "http://rep.oio.dk/oes.dk/nemkonto.swift/xml/schemas/2006/05/01/";

/// The most bytes a bundle may have (nemkonto.md 3.11.9).
const SIZE_LIMIT: usize = 50 << 20;
/// The most payments in a bundle (nemkonto.md 1.8).
const PAYMENT_LIMIT: usize = 10_000;
/// The most lines of advice (nemkonto.md 2.6).
const ADVICE_LIMIT: usize = 41;
/// The most one payment may carry, in øre (nemkonto.md 4.4).
const AMOUNT_LIMIT: i64 = 999_999_999;

/// A file that is no bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The message's id, when it was read before the trouble began: only then can a receipt refer to it.
    pub message_id: Option<String>,
    /// 1-based line.
    pub line: usize,
    /// What is wrong. Never a value that could be a person's.
    pub what: String,
}

/// A reason as NemKonto gives it (nemkonto.md 3.9; the numbers are invented there, except 0002).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Four digits.
    pub code: String,
    /// For people.
    pub text: String,
}

impl Reason {
    /// From parts.
    pub fn new(code: &str, text: &str) -> Reason {
        Reason { code: code.to_owned(), text: text.to_owned() }
    }
}

/// A payment bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// Whose.
    pub parties: Parties,
    /// The message's id; answers refer to it.
    pub message_id: String,
    /// The bundle's reference (GrpId).
    pub group_id: String,
    /// When it was made, Danish local time.
    pub created: DateTime,
    /// The sum it claims, in øre.
    pub control_sum_ore: i64,
    /// The number of payments it claims.
    pub count: u64,
    /// The authority's number (ADMID).
    pub authority: String,
    /// By day, agreement and account.
    pub debits: Vec<Debit>,
}

/// The payments of one day from one account (level B).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Debit {
    /// The disposition date.
    pub day: Date,
    /// The bank agreement's number.
    pub agreement: String,
    /// Fourteen digits.
    pub account: String,
    /// The text on the debit account.
    pub text: Option<String>,
    /// The payments.
    pub payments: Vec<Instruction>,
}

/// One payment (level C).
#[derive(Clone, PartialEq, Eq)]
pub struct Instruction {
    /// InstrId.
    pub instruction_id: String,
    /// EndToEndId.
    pub end_to_end_id: String,
    /// The benefit type.
    pub benefit: Option<String>,
    /// Øre; 0 when it was written in no permitted form.
    pub amount_ore: i64,
    /// Whether NemKonto is to find the account.
    pub incomplete: bool,
    /// Who is paid.
    pub payee: Option<Payee>,
    /// The account of a complete payment: fourteen digits.
    pub account: Option<String>,
}

/// A payee's number as it was written; its form is checked by [`Payee::party`]. Personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Payee {
    /// `None`: a CPR number; else the issuer, `CVR`, `SE` or `P`.
    pub issuer: Option<String>,
    /// The number.
    pub number: String,
}

impl fmt::Debug for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instruction")
            .field("end_to_end_id", &self.end_to_end_id)
            .field("amount_ore", &self.amount_ore)
            .field("payee", &self.payee)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Payee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.issuer {
            Some(issuer) => write!(f, "{issuer} {}", self.number),
            None => f.write_str("CPR *"),
        }
    }
}

impl Payee {
    /// The number by its kind; `None` when it is not of the form its kind has.
    pub fn party(&self) -> Option<Party> {
        let digits = self.number.as_bytes();
        let (code, width) = match self.issuer.as_deref() {
            None => (IdentCode::Cpr, 10),
            Some("CVR") => (IdentCode::Cvr, 8),
            Some("SE") => (IdentCode::Se, 8),
            Some("P") => (IdentCode::ProductionUnit, 10),
            Some(_) => return None,
        };
        if digits.len() != width || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        Some(Party { code, number: self.number.parse().ok()? })
    }

    /// Whether NemKonto could find an account for it.
    fn can_be_found(&self) -> bool {
        let Some(party) = self.party() else { return false };
        match party.code {
            IdentCode::Cpr => Cpr::from_number(party.number).is_ok_and(|c| c.kind() == CprKind::Ordinary),
            IdentCode::Cvr => self.number.as_bytes().try_into().is_ok_and(modulus11_cvr),
            _ => party.number > 0,
        }
    }
}

impl Bundle {
    /// Reads a bundle.
    ///
    /// # Errors
    /// [`Refused`] for anything but a well-formed NKSPayment with its elements in order.
    pub fn read(bytes: &[u8]) -> Result<Bundle, Refused> {
        let mut message_id = None;
        let at =
            |position: usize| 1 + bytes[..position.min(bytes.len())].iter().filter(|b| **b == b'\n').count();
        let text = match str::from_utf8(bytes) {
            Ok(_) if bytes.len() > SIZE_LIMIT => {
                return Err(Refused { message_id, line: 1, what: "larger than 50 MB".to_owned() });
            }
            Ok(text) => text,
            Err(e) => {
                return Err(Refused { message_id, line: at(e.valid_up_to()), what: "not UTF-8".to_owned() });
            }
        };
        let mut cursor = Cursor::new(text, SPACES);
        cursor.bundle(&mut message_id).map_err(|what| Refused {
            message_id,
            line: at(cursor.position()),
            what,
        })
    }

    /// All payments, in order.
    pub fn payments(&self) -> impl Iterator<Item = &Instruction> {
        self.debits.iter().flat_map(|debit| &debit.payments)
    }

    /// The municipality its reference names (00-decisions.md 3.2: `T<kommune4>-<yyyymmdd>-<6 digits>`).
    pub fn municipality(&self) -> Option<MunicipalityCode> {
        MunicipalityCode::parse(self.group_id.strip_prefix('T')?.get(..4)?).ok()
    }

    /// The sequence number at the end of its reference; 0 when there is none.
    pub fn sequence(&self) -> u64 {
        self.group_id.rsplit('-').next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }

    /// What is wrong with the bundle as a whole, by its own content.
    pub fn faults(&self) -> Option<Reason> {
        let sum: i64 = self.payments().map(|payment| payment.amount_ore).sum();
        let count = self.payments().count();
        let accounts_fit = self.debits.iter().all(|debit| is_digits(&debit.account, 14));
        match () {
            () if count as u64 != self.count => Some(Reason::new("0007", "Antal betalinger passer ikke")),
            () if sum != self.control_sum_ore => Some(Reason::new("0007", "Kontrolsum passer ikke")),
            () if count > PAYMENT_LIMIT => Some(Reason::new("0007", "Mere end 10.000 betalinger")),
            () if !is_reference(&self.group_id, "_.-", 35) => {
                Some(Reason::new("0009", "Bundtreference ugyldig"))
            }
            () if !accounts_fit => Some(Reason::new("0003", "Debitorkonto ugyldig")),
            () => None,
        }
    }
}

impl Instruction {
    /// What is wrong with the payment, by its own content.
    pub fn fault(&self, known_benefits: &[String]) -> Option<Reason> {
        let payee_fits = match (&self.payee, self.incomplete) {
            (Some(payee), true) => payee.can_be_found(),
            (Some(payee), false) => payee.party().is_some(),
            (None, incomplete) => !incomplete,
        };
        let benefit_fits = match &self.benefit {
            Some(benefit) => known_benefits.is_empty() || known_benefits.contains(benefit),
            None => !self.incomplete,
        };
        let account_fits = match &self.account {
            Some(account) => !self.incomplete && is_digits(account, 14),
            None => self.incomplete,
        };
        match () {
            () if !payee_fits => Some(Reason::new("0004", "Kreditor ugyldig")),
            () if !(1..=AMOUNT_LIMIT).contains(&self.amount_ore) => {
                Some(Reason::new("0005", "Beløb ugyldigt"))
            }
            () if !is_reference(&self.end_to_end_id, "-", 27) => {
                Some(Reason::new("0006", "Reference ugyldig"))
            }
            () if !benefit_fits => Some(Reason::new("0008", "Ydelsesart ukendt")),
            () if !account_fits => Some(Reason::new("0004", "Kreditors konto ugyldig")),
            () => None,
        }
    }
}

fn is_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_reference(text: &str, punctuation: &str, limit: usize) -> bool {
    (1..=limit).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || punctuation.contains(c))
}

/// `1250.00`: digits, a point, two decimals; nothing else. In øre.
fn amount(text: &str) -> Option<i64> {
    let (whole, cents) = text.split_once('.')?;
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let fits = (1..=16).contains(&whole.len()) && cents.len() == 2 && digits(whole) && digits(cents);
    let leading_zero = whole.len() > 1 && whole.starts_with('0');
    if !fits || leading_zero {
        return None;
    }
    Some(whole.parse::<i64>().ok()? * 100 + cents.parse::<i64>().ok()?)
}

/// `YYYY-MM-DD` and nothing more generous.
fn date(text: &str) -> Option<Date> {
    if text.len() == 10 { text.parse().ok() } else { None }
}

/// `YYYY-MM-DDThh:mm:ss`, no zone.
fn date_time(text: &str) -> Option<DateTime> {
    let shape_fits = text.len() == 19 && text.as_bytes()[10] == b'T';
    if shape_fits { text.parse().ok() } else { None }
}

/// The vocabularies, in the order in which [`Space::Known`] counts them.
const SPACES: &[&str] = &[NKS, EBMS, SWIFT];
const IN_NKS: Space = Space::Known(0);
const IN_EBMS: Space = Space::Known(1);
const IN_SWIFT: Space = Space::Known(2);

impl Cursor<'_> {
    fn bundle(&mut self, message_id: &mut Option<String>) -> Read<Bundle> {
        self.open(IN_NKS, "NKSPayment")?;
        let parties = self.header(message_id)?;
        let mut bundle = self.group(parties, message_id.clone().unwrap_or_default())?;
        while bundle.debits.is_empty() || self.sees(IN_NKS, "PmtInf")? {
            let debit = self.debit()?;
            bundle.debits.push(debit);
        }
        self.close()?;
        match self.advance()? {
            Token::Eof => Ok(bundle),
            _ => Err("something follows the message".to_owned()),
        }
    }

    fn header(&mut self, message_id: &mut Option<String>) -> Read<Parties> {
        let start = self.open(IN_NKS, "MessageHeader")?;
        let version_fits = start
            .attributes()
            .flatten()
            .any(|a| a.key.local_name().into_inner() == "version" && a.value.as_ref() == "2.0");
        if !version_fits {
            return Err("MessageHeader is not of version 2.0".to_owned());
        }
        let (supplier, supplier_gln) = self.party("From")?;
        let (nks, nks_gln) = self.party("To")?;
        self.optional(IN_EBMS, "Action", 35)?;
        self.open(IN_EBMS, "MessageData")?;
        *message_id = Some(self.value(IN_EBMS, "MessageId", 35)?);
        let time = self.value(IN_EBMS, "Timestamp", 19)?;
        date_time(&time).ok_or("Timestamp is not of the form YYYY-MM-DDThh:mm:ss")?;
        self.close()?;
        self.close()?;
        Ok(Parties { supplier, supplier_gln, nks, nks_gln })
    }

    fn party(&mut self, name: &str) -> Read<(String, String)> {
        self.open(IN_EBMS, name)?;
        let id = self.value(IN_EBMS, "PartyId", 35)?;
        let gln = self.value(IN_EBMS, "PartyId", 13)?;
        if !is_digits(&gln, 13) {
            return Err(format!("the second PartyId of {name} has not 13 digits"));
        }
        self.close()?;
        Ok((id, gln))
    }

    fn group(&mut self, parties: Parties, message_id: String) -> Read<Bundle> {
        self.open(IN_NKS, "GrpHdr")?;
        let group_id = self.value(IN_SWIFT, "GrpId", 35)?;
        let created = self.value(IN_SWIFT, "CreDtTm", 19)?;
        let sum = self.value(IN_SWIFT, "CtrlSum", 19)?;
        let count = self.value(IN_SWIFT, "NbOfTxs", 15)?;
        self.open(IN_SWIFT, "InitgPty")?;
        self.open(IN_SWIFT, "OrgId")?;
        let (authority, issuer) = self.proprietary_id(35)?;
        self.close()?;
        self.close()?;
        self.close()?;
        if issuer != "ADMID" {
            return Err("the authority's number is not issued by ADMID".to_owned());
        }
        Ok(Bundle {
            parties,
            message_id,
            group_id,
            created: date_time(&created).ok_or("CreDtTm is not of the form YYYY-MM-DDThh:mm:ss")?,
            control_sum_ore: amount(&sum).ok_or("CtrlSum has not two decimals")?,
            count: count.parse().map_err(|_| "NbOfTxs is not a number".to_owned())?,
            authority,
            debits: Vec::new(),
        })
    }

    /// `PrtryId` with `Id` and `Issr`.
    fn proprietary_id(&mut self, limit: usize) -> Read<(String, String)> {
        self.open(IN_SWIFT, "PrtryId")?;
        let id = self.value(IN_SWIFT, "Id", limit)?;
        let issuer = self.value(IN_SWIFT, "Issr", 35)?;
        self.close()?;
        Ok((id, issuer))
    }

    fn debit(&mut self) -> Read<Debit> {
        self.open(IN_NKS, "PmtInf")?;
        let day = self.value(IN_SWIFT, "ReqdExctnDt", 10)?;
        let day = date(&day).ok_or("ReqdExctnDt is not of the form YYYY-MM-DD")?;
        if self.value(IN_SWIFT, "PmtMtdByFrstAgt", 3)? != "TRF" {
            return Err("PmtMtdByFrstAgt is not TRF".to_owned());
        }
        self.open(IN_SWIFT, "Dbtr")?;
        self.open(IN_SWIFT, "OrgId")?;
        let agreement = self.value(IN_SWIFT, "BkPtyId", 35)?;
        self.close()?;
        self.close()?;
        let account = self.account("DbtrAcct")?;
        let text = self.optional(IN_SWIFT, "DbtPurp", 35)?;
        let mut payments = Vec::new();
        while payments.is_empty() || self.sees(IN_SWIFT, "PmtTx")? {
            payments.push(self.instruction()?);
        }
        self.close()?;
        Ok(Debit { day, agreement, account, text, payments })
    }

    /// An element with `Id` and `BBAN`.
    fn account(&mut self, name: &str) -> Read<String> {
        self.open(IN_SWIFT, name)?;
        self.open(IN_SWIFT, "Id")?;
        let account = self.value(IN_SWIFT, "BBAN", 35)?;
        self.close()?;
        self.close()?;
        Ok(account)
    }

    fn instruction(&mut self) -> Read<Instruction> {
        self.open(IN_SWIFT, "PmtTx")?;
        self.open(IN_SWIFT, "PmtId")?;
        let instruction_id = self.value(IN_SWIFT, "InstrId", 35)?;
        let end_to_end_id = self.value(IN_SWIFT, "EndToEndId", 35)?;
        self.close()?;
        let benefit = self.benefit()?;
        let amount_ore = self.amount()?;
        let incomplete = match self.value(IN_SWIFT, "IncompletePaymentIndicator", 1)?.as_str() {
            "1" => true,
            "0" => false,
            _ => return Err("IncompletePaymentIndicator is neither 0 nor 1".to_owned()),
        };
        let payee = self.creditor()?;
        let account = match self.sees(IN_SWIFT, "CdtrAcct")? {
            true => Some(self.account("CdtrAcct")?),
            false => None,
        };
        if !["OUR", "BEN", "SHA"].contains(&self.value(IN_SWIFT, "ChrgBr", 3)?.as_str()) {
            return Err("ChrgBr is none of OUR, BEN, SHA".to_owned());
        }
        self.advice()?;
        self.close()?;
        Ok(Instruction { instruction_id, end_to_end_id, benefit, amount_ore, incomplete, payee, account })
    }

    fn benefit(&mut self) -> Read<Option<String>> {
        if !self.sees(IN_SWIFT, "Purp")? {
            return Ok(None);
        }
        self.open(IN_SWIFT, "Purp")?;
        let benefit = self.value(IN_SWIFT, "Prtry", 35)?;
        self.close()?;
        Ok(Some(benefit))
    }

    fn amount(&mut self) -> Read<i64> {
        self.open(IN_SWIFT, "Amt")?;
        self.sees(IN_SWIFT, "InstdAmt")?;
        let danish = match &self.next {
            Some(Token::Start(_, start)) => {
                start.attributes().flatten().any(|a| a.key.into_inner() == "Ccy" && a.value.as_ref() == "DKK")
            }
            _ => false,
        };
        let text = self.value(IN_SWIFT, "InstdAmt", 19)?;
        self.close()?;
        if !danish {
            return Err("InstdAmt is not in DKK".to_owned());
        }
        Ok(amount(&text).unwrap_or(0))
    }

    fn creditor(&mut self) -> Read<Option<Payee>> {
        self.open(IN_SWIFT, "Cdtr")?;
        self.optional(IN_SWIFT, "Nm", 70)?;
        if self.sees(IN_SWIFT, "PstlAdr")? {
            self.address()?;
        }
        let payee = if self.sees(IN_SWIFT, "PrvtId")? {
            self.open(IN_SWIFT, "PrvtId")?;
            let number = self.value(IN_SWIFT, "SclSctyNb", 10)?;
            self.close()?;
            Some(Payee { issuer: None, number })
        } else if self.sees(IN_SWIFT, "OrgId")? {
            self.open(IN_SWIFT, "OrgId")?;
            let (number, issuer) = self.proprietary_id(10)?;
            self.close()?;
            Some(Payee { issuer: Some(issuer), number })
        } else {
            None
        };
        self.close()?;
        Ok(payee)
    }

    fn address(&mut self) -> Read<()> {
        self.open(IN_SWIFT, "PstlAdr")?;
        let mut lines = 0;
        while self.optional(IN_SWIFT, "AdrLine", 70)?.is_some() {
            lines += 1;
        }
        for (name, limit) in [("StrtNm", 70), ("BldgNb", 16), ("PstCd", 16), ("TwnNm", 35)] {
            self.optional(IN_SWIFT, name, limit)?;
        }
        self.value(IN_SWIFT, "Ctry", 2)?;
        if lines > 5 {
            return Err("more than five AdrLine".to_owned());
        }
        self.close()
    }

    fn advice(&mut self) -> Read<()> {
        let mut lines = 0;
        while self.sees(IN_SWIFT, "RmtInf")? {
            self.open(IN_SWIFT, "RmtInf")?;
            self.value(IN_SWIFT, "Ustrd", 35)?;
            self.close()?;
            lines += 1;
        }
        if lines > ADVICE_LIMIT {
            return Err("more than 41 lines of advice".to_owned());
        }
        Ok(())
    }
}
