//! Statements out: for tests, fixtures and simulations. The hub itself never sends one.

use std::io;

use jiff::Timestamp;
use jiff::civil::Date;

use super::{Detail, Entry, Statement, Version};
use crate::vocabulary::Ore;
use crate::xml::write::{Out, Space, push_attribute};

static SPACES: [[Space; 1]; 2] = [
    [Space { prefix: "", uri: super::model::NAMESPACES[0] }],
    [Space { prefix: "", uri: super::model::NAMESPACES[1] }],
];
const ROOT: (u8, &str) = (0, "Document");

/// Writes a file: what [`super::StatementReader`] reads from it is what was given. Values are escaped but not checked, so
/// that odd files can be made as well.
pub struct StatementWriter<W> {
    out: Out<W>,
    version: Version,
    currency: String,
    is_open: bool,
}

impl<W: io::Write> StatementWriter<W> {
    /// Writes the head of the file.
    ///
    /// # Errors
    /// The sink's.
    pub fn begin(
        sink: W,
        version: Version,
        message_id: &str,
        at: Timestamp,
    ) -> io::Result<StatementWriter<W>> {
        let mut out = Out::begin(sink, &SPACES[version as usize], ROOT, &[0]);
        out.open(0, "BkToCstmrStmt");
        out.open(0, "GrpHdr");
        out.leaf(0, "MsgId", message_id);
        out.instant(0, "CreDtTm", at);
        out.close(0, "GrpHdr");
        out.line();
        out.settle()?;
        Ok(StatementWriter { out, version, currency: String::new(), is_open: false })
    }

    /// Begins a statement.
    ///
    /// # Errors
    /// The sink's.
    pub fn statement(&mut self, statement: &Statement) -> io::Result<()> {
        self.close();
        self.currency.clone_from(&statement.currency);
        self.is_open = true;
        let out = &mut self.out;
        out.open(0, "Stmt");
        out.leaf(0, "Id", &statement.id);
        if let Some(sequence) = statement.sequence {
            out.leaf(0, "ElctrncSeqNb", &sequence.to_string());
        }
        out.instant(0, "CreDtTm", statement.created);
        let account = &statement.account.0;
        let is_iban = account.starts_with(|c: char| c.is_ascii_uppercase());
        out.open(0, "Acct");
        out.open(0, "Id");
        if is_iban {
            out.leaf(0, "IBAN", account);
        } else {
            out.open(0, "Othr");
            out.leaf(0, "Id", account);
            out.close(0, "Othr");
        }
        out.close(0, "Id");
        out.close(0, "Acct");
        out.line();
        for (kind, (amount, day)) in [("OPBD", statement.opening), ("CLBD", statement.closing)] {
            self.balance(kind, amount, day);
        }
        self.out.settle()
    }

    fn balance(&mut self, kind: &str, amount: Ore, day: Date) {
        self.out.open(0, "Bal");
        self.out.open(0, "Tp");
        self.out.open(0, "CdOrPrtry");
        self.out.leaf(0, "Cd", kind);
        self.out.close(0, "CdOrPrtry");
        self.out.close(0, "Tp");
        self.amount("Amt", amount);
        self.out.leaf(0, "CdtDbtInd", side(amount));
        self.day("Dt", day);
        self.out.close(0, "Bal");
        self.out.line();
    }

    /// Writes an entry of the statement begun last.
    ///
    /// # Errors
    /// The sink's.
    pub fn entry(&mut self, entry: &Entry) -> io::Result<()> {
        self.out.open(0, "Ntry");
        let mut references = entry.references.iter();
        if let Some(reference) = references.next() {
            self.out.leaf(0, "NtryRef", reference);
        }
        self.amount("Amt", entry.amount);
        self.out.leaf(0, "CdtDbtInd", side(entry.amount));
        if entry.is_reversal {
            self.out.leaf(0, "RvslInd", "true");
        }
        let status = if entry.is_booked { "BOOK" } else { "PDNG" };
        match self.version {
            Version::V2 => self.out.leaf(0, "Sts", status),
            Version::V8 => {
                self.out.open(0, "Sts");
                self.out.leaf(0, "Cd", status);
                self.out.close(0, "Sts");
            }
        }
        self.day("BookgDt", entry.booking_day);
        if let Some(day) = entry.value_day {
            self.day("ValDt", day);
        }
        if let Some(reference) = references.next() {
            self.out.leaf(0, "AcctSvcrRef", reference);
        }
        self.out.raw("<BkTxCd><Prtry><Cd>NTRF</Cd></Prtry></BkTxCd>");
        self.parts(entry);
        self.out.close(0, "Ntry");
        self.out.line();
        self.out.settle()
    }

    fn parts(&mut self, entry: &Entry) {
        // What all details share the reader finds in them; written as a batch it would be said twice.
        let of_details = entry.details.first().map_or(&[][..], |first| &first.batch);
        let batch: Vec<&String> = entry.batch.iter().filter(|id| !of_details.contains(id)).collect();
        if batch.is_empty() && entry.details.is_empty() {
            return;
        }
        self.out.open(0, "NtryDtls");
        if !batch.is_empty() {
            self.out.open(0, "Btch");
            for (name, id) in ["MsgId", "PmtInfId"].into_iter().zip(&batch) {
                self.out.leaf(0, name, id);
            }
            self.out.close(0, "Btch");
        }
        entry.details.iter().for_each(|detail| self.detail(detail));
        self.out.close(0, "NtryDtls");
    }

    fn detail(&mut self, detail: &Detail) {
        self.out.open(0, "TxDtls");
        self.out.open(0, "Refs");
        let mut batch = detail.batch.iter();
        if let Some(id) = batch.next() {
            self.out.leaf(0, "MsgId", id);
        }
        if let Some(id) = batch.next() {
            self.out.leaf(0, "PmtInfId", id);
        }
        if let Some(id) = &detail.end_to_end_id {
            self.out.leaf(0, "EndToEndId", id);
        }
        self.out.close(0, "Refs");
        match (self.version, detail.amount) {
            (_, None) => {}
            (Version::V2, Some(amount)) => {
                self.out.raw("<AmtDtls><TxAmt>");
                self.amount("Amt", amount);
                self.out.raw("</TxAmt></AmtDtls>");
            }
            (Version::V8, Some(amount)) => {
                self.amount("Amt", amount);
                self.out.leaf(0, "CdtDbtInd", side(amount));
            }
        }
        if let Some(reason) = &detail.return_reason {
            self.out.raw("<RtrInf><Rsn>");
            self.out.leaf(0, "Cd", reason);
            self.out.raw("</Rsn></RtrInf>");
        }
        self.out.close(0, "TxDtls");
    }

    fn amount(&mut self, name: &str, amount: Ore) {
        self.out.tag("<", 0, name);
        self.out.raw(" Ccy=\"");
        push_attribute(&mut self.out.buffer, &self.currency);
        self.out.raw("\">");
        self.out.raw(&Ore(amount.0.abs()).decimal2().to_string());
        self.out.close(0, name);
    }

    fn day(&mut self, name: &str, day: Date) {
        self.out.open(0, name);
        self.out.day(0, "Dt", day);
        self.out.close(0, name);
    }

    fn close(&mut self) {
        if self.is_open {
            self.out.close(0, "Stmt");
            self.out.line();
        }
    }

    /// Ends the file and gives the sink back, flushed.
    ///
    /// # Errors
    /// The sink's.
    pub fn finish(mut self) -> io::Result<W> {
        self.close();
        self.out.close(0, "BkToCstmrStmt");
        self.out.finish(ROOT)
    }
}

fn side(amount: Ore) -> &'static str {
    if amount < Ore::ZERO { "DBIT" } else { "CRDT" }
}
