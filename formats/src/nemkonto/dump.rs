//! A message in words, for inspection: one fact a line, personal data masked.

use std::io::{BufRead, Cursor, Read};

use super::{
    AccountUsed, AnswerEnd, AnswerHead, AnswerKind, AnswerReader, AnsweredPayment, BundleReader, Error,
    Limits, NoAccountOutcome, ReadBundleHead, ReadDebit, ReadPayment, Status, bank_text, classify_no_account,
    names,
};
use crate::vocabulary::Hidden;
use crate::xml::{Fault, Reader, Token};

/// Tells a bundle, receipt or answer in lines, payment by payment. What was told before an error was in the
/// message; the caller tells the error.
///
/// # Errors
/// Any [`super::Kind`], as [`AnswerReader`] and [`BundleReader`].
pub fn dump<R: BufRead>(mut input: R, limits: Limits, line: &mut dyn FnMut(&str)) -> Result<(), Error> {
    let mut start = Vec::new();
    if let Err(error) = input.by_ref().take(ROOT_WITHIN).read_to_end(&mut start) {
        return Err(Error::new(Fault::io(error), 1, 1, String::new()));
    }
    let is_bundle = is_bundle(&start, limits);
    let whole = Cursor::new(start).chain(input);
    if is_bundle { dump_bundle(whole, limits, line) } else { dump_answer(whole, limits, line) }
}

/// Bytes within which the root is looked for.
const ROOT_WITHIN: u64 = 8 * 1024;

/// Whether the root is a bundle's. Of what is no document at all the answers' reader tells the fault.
fn is_bundle(start: &[u8], limits: Limits) -> bool {
    let mut reader = Reader::new(start, limits, &names::NAMESPACES);
    loop {
        match reader.next() {
            Ok(Token::Start(root)) => return root.name().local == names::PAYMENT,
            Ok(Token::Text(_) | Token::Cdata(_)) => {}
            Ok(Token::End | Token::Eof) | Err(_) => return false,
        }
    }
}

fn dump_answer<R: BufRead>(input: R, limits: Limits, line: &mut dyn FnMut(&str)) -> Result<(), Error> {
    let mut reader = AnswerReader::new(input, limits);
    let head = reader.head()?;
    tell_head(&head, line);
    let mut text = String::new();
    while let Some(payment) = reader.next()? {
        text.clear();
        tell_answered(&payment, head.kind, &mut text);
        line(&text);
    }
    let AnswerEnd { payments, unknown_elements } = reader.finish()?;
    line(&format!("end: payments {payments}, unknown elements {unknown_elements}"));
    Ok(())
}

fn tell_head(head: &AnswerHead, line: &mut dyn FnMut(&str)) {
    line(&format!("{} {}", head.kind.root(), head.message_id));
    line(&format!("created: {}", head.created));
    let facts = [
        ("supplier", head.supplier_id.clone()),
        ("authority", head.authority.clone()),
        ("answers message", head.ref_to_message_id.clone()),
        ("answers bundle", head.group_id.clone()),
        ("action", head.action.map(said)),
        ("status", head.group_status.map(said)),
        ("reason", head.reason.as_deref().map(|reason| Hidden(reason).to_string())),
        ("text", head.text.as_deref().map(|text| Hidden(text).to_string())),
    ];
    for (name, value) in facts {
        if let Some(value) = value {
            line(&format!("{name}: {value}"));
        }
    }
}

fn said(status: Status) -> String {
    match status {
        Status::Accepted => "accepted",
        Status::Rejected => "rejected",
        Status::Partial => "in part",
        Status::Unknown => "unknown, for a person",
    }
    .to_owned()
}

fn tell_answered(payment: &AnsweredPayment<'_>, kind: AnswerKind, out: &mut String) {
    let payee = payment.payee.map_or("nobody".to_owned(), |party| party.masked());
    let completeness = if payment.incomplete { "incomplete" } else { "complete" };
    let status = said(payment.status);
    let AnsweredPayment { end_to_end_id, amount_text, currency, .. } = payment;
    *out += &format!(
        "payment {end_to_end_id}: {status}, {amount_text} {currency}, {completeness}, payee {payee}"
    );
    if let Some(date) = payment.execution {
        *out += &format!(", on {date}");
    }
    match payment.account_used {
        Some(AccountUsed::Danish(_)) => out.push_str(", to a Danish account"),
        Some(AccountUsed::Foreign(_)) => out.push_str(", to a foreign account"),
        None => {}
    }
    if let Some(reason) = payment.reason {
        *out += &format!(", reason {}", Hidden(reason));
    }
    if let Some(text) = payment.text {
        tell_text(text, kind, out);
    }
}

fn tell_text(text: &str, kind: AnswerKind, out: &mut String) {
    match kind {
        AnswerKind::Answer9 => {
            let (what, place) = bank_text(text);
            *out += &format!(", text: {}", Hidden(what));
            if !place.is_empty() {
                *out += &format!(" ({})", Hidden(place));
            }
        }
        AnswerKind::Answer7 => {
            let outcome = match classify_no_account(text) {
                NoAccountOutcome::Returned => "returned",
                NoAccountOutcome::PaidCheck => "paid as check",
                NoAccountOutcome::PaidErrorAccount => "paid to the error account",
                NoAccountOutcome::PaidWaitingAccount => "paid to the waiting account",
                NoAccountOutcome::Manual => "unknown outcome, for a person",
            };
            *out += &format!(", {outcome}: {}", Hidden(text));
        }
        _ => *out += &format!(", text: {}", Hidden(text)),
    }
}

fn dump_bundle<R: BufRead>(input: R, limits: Limits, line: &mut dyn FnMut(&str)) -> Result<(), Error> {
    let mut reader = BundleReader::new(input, limits);
    tell_bundle(&reader.head()?, line);
    let mut told = ReadDebit::default();
    while let Some((debit, payment)) = reader.next()? {
        if *debit != told {
            told = debit.clone();
            line(&debit_line(debit));
        }
        line(&payment_line(payment));
        for text in &payment.advice {
            line(&format!("  advice: {}", Hidden(text)));
        }
    }
    let (count, sum) = reader.finish()?;
    line(&format!("end: payments {count}, sum {} DKK", sum.decimal2()));
    Ok(())
}

fn tell_bundle(head: &ReadBundleHead, line: &mut dyn FnMut(&str)) {
    line(&format!("{} {}", names::PAYMENT, head.group_id));
    line(&format!("created: {}", head.created));
    line(&format!("parties: {}", head.parties.join(" ")));
    line(&format!("authority: {}", head.authority));
    line(&format!("promises: payments {}, sum {} DKK", head.count, head.control_sum.decimal2()));
}

fn debit_line(debit: &ReadDebit) -> String {
    let text = debit.text.as_deref().unwrap_or("none");
    let masked = super::mask_cpr(text);
    let text = masked.as_deref().unwrap_or(text);
    format!("debit: on {}, agreement {}, text {text}", debit.execution, debit.agreement)
}

fn payment_line(payment: &ReadPayment) -> String {
    let payee = payment.payee.map_or("no number".to_owned(), |party| party.masked());
    let completeness = if payment.incomplete { "incomplete" } else { "complete" };
    let benefit = payment.benefit.as_deref().unwrap_or("none");
    let (id, amount) = (&payment.end_to_end_id, payment.amount.decimal2());
    let name = if payment.name.is_some() { ", named" } else { "" };
    let address = if payment.address.is_empty() { "" } else { ", with address" };
    format!("payment {id}: {amount} DKK, {completeness}, benefit {benefit}, payee {payee}{name}{address}")
}
