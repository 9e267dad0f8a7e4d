//! A simulated bank: writes statements (camt.053.001.08) of what NemKonto had it pay, account by account and day by day.
//!
//! Works from what NemKonto took and decided, never from the hub's books, and with a writer of its own: so that a mistake
//! of the hub's reader shows. Its time is an argument.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::Date;
use toek_adapters::disk::Disk;

use super::bank_days;
use super::files::{PartnerError, write_whole};
use super::nemkonto;
use super::script::{BundleAnswer, PaymentAnswer, Script};

/// What every account begins with: a million kroner.
const OPENING_ORE: i64 = 100_000_000;

/// One line of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Øre; below zero it went out.
    pub amount_ore: i64,
    /// The bundle that was paid in one, or of which one came back.
    pub bundle: Option<String>,
    /// The payment that came back.
    pub payment: Option<String>,
}

/// Lines by account and day.
pub type Book = BTreeMap<(String, Date), Vec<Line>>;

/// What the bank did, by what NemKonto took: a debit per bundle, account and day; a credit per payment that came back, on
/// the bank day after.
///
/// # Errors
/// [`PartnerError`].
pub fn book(disk: &dyn Disk, nemkonto_home: &Path, script: &Script) -> Result<Book, PartnerError> {
    let mut book = Book::new();
    nemkonto::replay(disk, nemkonto_home, script, &mut |_, _, told| {
        let Ok((bundle, judgement)) = told else { return };
        if judgement.answer != BundleAnswer::Accept {
            return;
        }
        let mut verdicts = judgement.payments.iter();
        for debit in &bundle.debits {
            let (mut paid, mut back) = (0, Vec::new());
            for (payment, verdict) in debit.payments.iter().zip(verdicts.by_ref()) {
                match verdict.answer {
                    PaymentAnswer::Refuse
                    | PaymentAnswer::Return
                    | PaymentAnswer::UnknownText
                    | PaymentAnswer::Silent
                    | PaymentAnswer::BankRefuse => {}
                    PaymentAnswer::BankRefuseLater => {
                        paid += payment.amount_ore;
                        back.push(Line {
                            amount_ore: payment.amount_ore,
                            bundle: None,
                            payment: Some(payment.end_to_end_id.clone()),
                        });
                    }
                    _ => paid += payment.amount_ore,
                }
            }
            let on = |day| (debit.account.clone(), day);
            if paid > 0 {
                let line = Line { amount_ore: -paid, bundle: Some(bundle.group_id.clone()), payment: None };
                book.entry(on(debit.day)).or_default().push(line);
            }
            if !back.is_empty() {
                book.entry(on(next_open(debit.day))).or_default().extend(back);
            }
        }
    })?;
    Ok(book)
}

fn next_open(day: Date) -> Date {
    let mut next = day.saturating_add(jiff::Span::new().days(1));
    while !bank_days::is_open(next) {
        next = next.saturating_add(jiff::Span::new().days(1));
    }
    next
}

/// Puts the statements of all days up to `until` into a folder, one file per account and day. Those that lie there stay.
///
/// # Errors
/// [`PartnerError`].
pub fn deliver(
    disk: &dyn Disk,
    book: &Book,
    until: Date,
    outbox: &Path,
) -> Result<Vec<String>, PartnerError> {
    disk.create_dir_all(outbox)?;
    let mut balances: BTreeMap<&str, i64> = BTreeMap::new();
    let mut names = Vec::new();
    for ((account, day), lines) in book.iter().filter(|((_, day), _)| *day <= until) {
        let opening = *balances.get(account.as_str()).unwrap_or(&OPENING_ORE);
        let closing = opening + lines.iter().map(|line| line.amount_ore).sum::<i64>();
        balances.insert(account, closing);
        let name = format!("camt053_{account}_{:04}{:02}{:02}.xml", day.year(), day.month(), day.day());
        let path = outbox.join(&name);
        if !disk.exists(&path)? {
            write_whole(disk, &path, statement(account, *day, opening, lines).as_bytes())?;
            names.push(name);
        }
    }
    Ok(names)
}

/// A file with the statement of one account and day.
pub fn statement(account: &str, day: Date, opening_ore: i64, lines: &[Line]) -> String {
    let closing = opening_ore + lines.iter().map(|line| line.amount_ore).sum::<i64>();
    let id = format!("{}-{day}", &account[account.len().saturating_sub(6)..]);
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"><BkToCstmrStmt>\n\
         <GrpHdr><MsgId>{id}</MsgId><CreDtTm>{day}T22:00:00</CreDtTm></GrpHdr>\n\
         <Stmt><Id>{id}</Id><CreDtTm>{day}T22:00:00</CreDtTm><Acct><Id><Othr><Id>{account}</Id><SchmeNm><Cd>BBAN</Cd>\
         </SchmeNm></Othr></Id><Ccy>DKK</Ccy></Acct>\n"
    );
    for (kind, ore) in [("OPBD", opening_ore), ("CLBD", closing)] {
        text += &format!(
            "<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>{}<Dt><Dt>{day}</Dt></Dt></Bal>\n",
            amount(ore)
        );
    }
    for (number, line) in (1..).zip(lines) {
        text += &format!(
            "<Ntry><NtryRef>{number}</NtryRef>{}<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{day}</Dt></BookgDt>\
             <ValDt><Dt>{day}</Dt></ValDt><BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>ICDT</Cd><SubFmlyCd>BOOK</SubFmlyCd>\
             </Fmly></Domn></BkTxCd><NtryDtls>{}</NtryDtls></Ntry>\n",
            amount(line.amount_ore),
            parts(line)
        );
    }
    text + "</Stmt>\n</BkToCstmrStmt></Document>\n"
}

fn parts(line: &Line) -> String {
    let batch = line.bundle.as_ref().map(|id| format!("<Btch><PmtInfId>{id}</PmtInfId></Btch>"));
    let payment = line.payment.as_ref().map(|id| {
        let amount = amount(line.amount_ore);
        format!("<TxDtls><Refs><EndToEndId>{id}</EndToEndId></Refs>{amount}</TxDtls>")
    });
    batch.into_iter().chain(payment).collect()
}

fn amount(ore: i64) -> String {
    let (size, side) = (ore.unsigned_abs(), if ore < 0 { "DBIT" } else { "CRDT" });
    format!("<Amt Ccy=\"DKK\">{}.{:02}</Amt><CdtDbtInd>{side}</CdtDbtInd>", size / 100, size % 100)
}
