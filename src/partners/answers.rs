//! Writes NemKonto's receipts and answers (nemkonto.md section 3), element by element as the examples there.
//!
//! Written from the specification and not from the hub's reader. Decides nothing: who is answered how is
//! [`super::nemkonto`]'s.

use jiff::civil::DateTime;

use super::bundle::{Bundle, Debit, EBMS, Instruction, NKS, Payee, Reason, SWIFT};
use super::script::{AmountForm, Parties};

/// What kind of message an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The file could not be read.
    Receipt0,
    /// The bundle was received, or refused as a whole.
    Receipt1,
    /// The bundle was checked.
    Answer2,
    /// Payments were stopped.
    Answer5,
    /// No account was found.
    Answer7,
    /// The bank has the payments.
    Answer8,
    /// The bank refused the payments.
    Answer9,
}

impl Kind {
    /// Its number.
    pub fn number(self) -> u8 {
        match self {
            Kind::Receipt0 => 0,
            Kind::Receipt1 => 1,
            Kind::Answer2 => 2,
            Kind::Answer5 => 5,
            Kind::Answer7 => 7,
            Kind::Answer8 => 8,
            Kind::Answer9 => 9,
        }
    }

    fn root(self) -> &'static str {
        match self {
            Kind::Receipt0 => "NKSReceipt0",
            Kind::Receipt1 => "NKSReceipt1",
            Kind::Answer2 => "NKSResponse2",
            Kind::Answer5 => "NKSResponse5",
            Kind::Answer7 => "NKSResponse7",
            Kind::Answer8 => "NKSResponse8",
            Kind::Answer9 => "NKSResponse9",
        }
    }

    /// NemKonto's own id of its message (nemkonto.md 3.1): receipts 30 characters, answers 27.
    fn message_id(self, number: u64) -> String {
        match self {
            Kind::Receipt0 | Kind::Receipt1 => format!("NKS KVITTERING{}{number:>15}", self.number()),
            _ => format!("NKS2C RETURSVAR{} {number:010}", self.number()),
        }
    }

    fn label(self) -> String {
        match self {
            Kind::Receipt0 | Kind::Receipt1 => format!("Kvitteringssvar {} NKS2C", self.number()),
            _ => format!("Retursvar {} NKS2C", self.number()),
        }
    }
}

/// What every answer has.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// Running number of this answer; no two answers share one.
    pub number: u64,
    /// When it was made.
    pub created: DateTime,
    /// How amounts are written.
    pub amounts: AmountForm,
}

/// The status of a bundle in answer 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupStatus {
    /// All payments accepted but those listed.
    Accepted,
    /// Some payments refused: those listed.
    Partial,
    /// None accepted.
    Rejected,
}

/// What an answer says about one payment.
#[derive(Clone, Debug)]
pub struct Listed<'a> {
    /// The payment as it was sent.
    pub payment: &'a Instruction,
    /// Whether it was accepted.
    pub accepted: bool,
    /// StsRsn.
    pub code: Option<&'a str>,
    /// AddtlInf.
    pub text: Option<&'a str>,
    /// The account that received the money: fourteen digits.
    pub account: Option<String>,
    /// The amount to write, in øre.
    pub amount_ore: i64,
}

/// Receipt 0: the file `name` could not be read. Refers to nothing, since nothing was understood.
pub fn receipt0(parties: &Parties, stamp: Stamp, name: &str, what: &str) -> Vec<u8> {
    let mut xml = Xml::begin(Kind::Receipt0.root());
    let description = clipped(&format!("XML kan ikke læses: {what} ({name})"), 105);
    xml.header(Kind::Receipt0, parties, stamp, Some("RJCT"), None, Some(&description));
    xml.finish(Kind::Receipt0.root())
}

/// Receipt 1: the bundle with this message id was taken in, or refused for a reason.
pub fn receipt1(parties: &Parties, message_id: &str, stamp: Stamp, refused: Option<&Reason>) -> Vec<u8> {
    let mut xml = Xml::begin(Kind::Receipt1.root());
    let action = if refused.is_some() { "RJCT" } else { "ACPT" };
    let description = refused.map(|reason| clipped(&format!("{} {}", reason.code, reason.text), 105));
    xml.header(Kind::Receipt1, parties, stamp, Some(action), Some(message_id), description.as_deref());
    xml.finish(Kind::Receipt1.root())
}

/// Answer 2: the result of the reception control.
pub fn answer2(
    bundle: &Bundle,
    stamp: Stamp,
    status: GroupStatus,
    reason: Option<&Reason>,
    listed: &[Listed<'_>],
) -> Vec<u8> {
    let status = match status {
        GroupStatus::Accepted => "ACPT",
        GroupStatus::Partial => "PART",
        GroupStatus::Rejected => "RJCT",
    };
    let mut xml = Xml::begin(Kind::Answer2.root());
    xml.header(Kind::Answer2, &bundle.parties, stamp, None, Some(&bundle.message_id), None);
    xml.general(Kind::Answer2, bundle, stamp);
    xml.original_group(
        &bundle.group_id,
        Some(status),
        reason.map(|r| (Some(r.code.as_str()), r.text.as_str())),
    );
    if !listed.is_empty() {
        xml.open("nks:OrgnlPmtInf");
        xml.payments(listed, stamp);
        xml.close("nks:OrgnlPmtInf");
    }
    xml.finish(Kind::Answer2.root())
}

/// Answer 5: payments were stopped; lists none, as the only example known.
pub fn answer5(bundle: &Bundle, stamp: Stamp) -> Vec<u8> {
    let mut xml = Xml::begin(Kind::Answer5.root());
    xml.header(Kind::Answer5, &bundle.parties, stamp, None, Some(&bundle.message_id), None);
    xml.general(Kind::Answer5, bundle, stamp);
    xml.original_group(&bundle.group_id, Some("RJCT"), Some((None, "BETALING(ER) STANDSET")));
    xml.finish(Kind::Answer5.root())
}

/// Answers 7, 8 and 9: a list of payments, by debit account. `root` replaces the root element's name where an
/// answer is wanted that nobody knows.
pub fn list(
    kind: Kind,
    root: Option<&str>,
    bundle: &Bundle,
    group_id: &str,
    stamp: Stamp,
    parts: &[(&Debit, Vec<Listed<'_>>)],
) -> Vec<u8> {
    let root = root.unwrap_or(kind.root());
    let mut xml = Xml::begin(root);
    xml.general(kind, bundle, stamp);
    xml.original_group(group_id, None, None);
    for (debit, listed) in parts {
        xml.open("nks:OrgnlPmtInf");
        if kind == Kind::Answer8 {
            xml.debit(debit);
        }
        xml.payments(listed, stamp);
        xml.close("nks:OrgnlPmtInf");
    }
    xml.finish(root)
}

/// The first `limit` characters, none of them a control character.
fn clipped(text: &str, limit: usize) -> String {
    text.chars().take(limit).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The form of an amount in answers (nemkonto.md 4.4).
fn amount(ore: i64, form: AmountForm) -> String {
    match form {
        AmountForm::Implied3 => format!("{}", ore * 10),
        AmountForm::Decimal2 => format!("{}.{:02}", ore / 100, ore % 100),
    }
}

/// A document under construction.
struct Xml {
    bytes: Vec<u8>,
}

impl Xml {
    fn begin(root: &str) -> Xml {
        let mut xml = Xml { bytes: Vec::with_capacity(4_096) };
        xml.raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<nks:");
        xml.raw(root);
        for (prefix, space) in [("nks", NKS), ("ebms", EBMS), ("swift", SWIFT)] {
            xml.raw(" xmlns:");
            xml.raw(prefix);
            xml.raw("=\"");
            xml.raw(space);
            xml.raw("\"");
        }
        xml.raw(">");
        xml
    }

    fn finish(mut self, root: &str) -> Vec<u8> {
        self.raw("</nks:");
        self.raw(root);
        self.raw(">\n");
        self.bytes
    }

    fn raw(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn open(&mut self, name: &str) {
        self.raw("<");
        self.raw(name);
        self.raw(">");
    }

    fn close(&mut self, name: &str) {
        self.raw("</");
        self.raw(name);
        self.raw(">");
    }

    fn value(&mut self, name: &str, value: &str) {
        self.open(name);
        for character in value.chars() {
            match character {
                '&' => self.raw("&amp;"),
                '<' => self.raw("&lt;"),
                '>' => self.raw("&gt;"),
                other => self.raw(other.encode_utf8(&mut [0; 4])),
            }
        }
        self.close(name);
    }

    /// `<a><b>value</b></a>`.
    fn nested(&mut self, names: &[&str], value: &str) {
        let Some((last, outer)) = names.split_last() else { return };
        outer.iter().for_each(|name| self.open(name));
        self.value(last, value);
        outer.iter().rev().for_each(|name| self.close(name));
    }

    fn header(
        &mut self,
        kind: Kind,
        parties: &Parties,
        stamp: Stamp,
        action: Option<&str>,
        refers_to: Option<&str>,
        description: Option<&str>,
    ) {
        self.raw(&format!("<nks:MessageHeader ebms:id=\"{}\" ebms:version=\"2.0\">", kind.label()));
        self.party("ebms:From", &parties.nks, &parties.nks_gln);
        self.party("ebms:To", &parties.supplier, &parties.supplier_gln);
        if let Some(action) = action {
            self.value("ebms:Action", action);
        }
        self.open("ebms:MessageData");
        self.value("ebms:MessageId", &kind.message_id(stamp.number));
        self.value("ebms:Timestamp", &time(stamp.created));
        if let Some(id) = refers_to {
            self.value("ebms:RefToMessageId", id);
        }
        self.close("ebms:MessageData");
        if let Some(description) = description {
            self.value("ebms:Description", description);
        }
        self.close("nks:MessageHeader");
    }

    fn party(&mut self, name: &str, id: &str, gln: &str) {
        self.open(name);
        self.value("ebms:PartyId", id);
        self.value("ebms:PartyId", gln);
        self.close(name);
    }

    fn general(&mut self, kind: Kind, bundle: &Bundle, stamp: Stamp) {
        self.open("nks:GnlInf");
        self.value("swift:PmtInitnStsId", &kind.message_id(stamp.number));
        self.value("swift:CreDtTm", &time(stamp.created));
        self.open("swift:InitgPty");
        self.open("swift:OrgId");
        self.proprietary_id(&bundle.authority, "ADMID");
        self.close("swift:OrgId");
        self.close("swift:InitgPty");
        self.close("nks:GnlInf");
    }

    fn proprietary_id(&mut self, id: &str, issuer: &str) {
        self.open("swift:PrtryId");
        self.value("swift:Id", id);
        self.value("swift:Issr", issuer);
        self.close("swift:PrtryId");
    }

    fn original_group(&mut self, group_id: &str, status: Option<&str>, reason: Option<(Option<&str>, &str)>) {
        self.open("nks:OrgnlGrpRefInfAndSts");
        self.value("swift:GrpId", group_id);
        self.value("swift:OrgnlMsgTp", "NKSBetaling");
        if let Some(status) = status {
            self.value("swift:GrpSts", status);
        }
        if let Some((code, text)) = reason {
            if let Some(code) = code {
                self.value("swift:StsRsn", code);
            }
            self.value("swift:AddtlInf", text);
        }
        self.close("nks:OrgnlGrpRefInfAndSts");
    }

    fn debit(&mut self, debit: &Debit) {
        self.value("swift:ReqdExctnDt", &debit.day.to_string());
        self.nested(&["swift:Dbtr", "swift:OrgId", "swift:BkPtyId"], &debit.agreement);
        self.nested(&["swift:DbtrAcct", "swift:Id", "swift:BBAN"], &debit.account);
        if let Some(text) = &debit.text {
            self.value("swift:DbtPurp", text);
        }
    }

    fn payments(&mut self, listed: &[Listed<'_>], stamp: Stamp) {
        for one in listed {
            self.payment(one, stamp);
        }
    }

    fn payment(&mut self, listed: &Listed<'_>, stamp: Stamp) {
        self.open("swift:OrgnlTxRefInfAndSts");
        self.open("swift:PmtId");
        self.value("swift:InstrId", &listed.payment.instruction_id);
        self.value("swift:EndToEndId", &listed.payment.end_to_end_id);
        self.close("swift:PmtId");
        self.value("swift:TxSts", if listed.accepted { "ACPT" } else { "RJCT" });
        if let Some(code) = listed.code {
            self.value("swift:StsRsn", code);
        }
        if let Some(text) = listed.text {
            self.value("swift:AddtlInf", text);
        }
        self.original_payment(listed, stamp);
        self.close("swift:OrgnlTxRefInfAndSts");
    }

    fn payee(&mut self, payee: &Payee) {
        match &payee.issuer {
            None => self.nested(&["swift:PrvtId", "swift:SclSctyNb"], &payee.number),
            Some(issuer) => {
                self.open("swift:OrgId");
                self.proprietary_id(&payee.number, issuer);
                self.close("swift:OrgId");
            }
        }
    }

    fn original_payment(&mut self, listed: &Listed<'_>, stamp: Stamp) {
        self.open("swift:OrgnlTxInf");
        self.open("swift:Amt");
        self.raw("<swift:InstdAmt Ccy=\"DKK\">");
        self.raw(&amount(listed.amount_ore, stamp.amounts));
        self.close("swift:InstdAmt");
        self.close("swift:Amt");
        self.value("swift:IncompletePaymentIndicator", if listed.payment.incomplete { "1" } else { "0" });
        self.open("swift:Cdtr");
        if let Some(payee) = &listed.payment.payee {
            self.payee(payee);
        }
        self.close("swift:Cdtr");
        if let Some(account) = &listed.account {
            self.nested(&["swift:CdtrAcct", "swift:Id", "swift:BBAN"], account);
        }
        self.close("swift:OrgnlTxInf");
    }
}

/// `YYYY-MM-DDThh:mm:ss`.
fn time(at: DateTime) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_ids_have_the_lengths_of_the_examples() {
        assert_eq!(Kind::Receipt1.message_id(5002), "NKS KVITTERING1           5002");
        assert_eq!(Kind::Answer8.message_id(5011), "NKS2C RETURSVAR8 0000005011");
    }

    #[test]
    fn amounts_in_both_forms() {
        for (ore, implied, decimal) in [(125_000, "1250000", "1250.00"), (5, "50", "0.05")] {
            assert_eq!(amount(ore, AmountForm::Implied3), implied);
            assert_eq!(amount(ore, AmountForm::Decimal2), decimal);
        }
    }
}
