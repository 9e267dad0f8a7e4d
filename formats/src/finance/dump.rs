//! A message in words, for inspection: one fact a line, personal data masked.

use std::io::{BufRead, Cursor, Read};

use super::{
    AnswerEnd, AnswerHead, AnswerReader, Cause, Entry, Error, Limits, ReactionKind, ReadFileHead,
    ReadPosting, ReadVoucher, Receipt, VoucherFileReader, VoucherResult, names,
};
use crate::vocabulary::{Hidden, mask_cpr};
use crate::xml::{Fault, Reader, Token};

/// Bytes within which the root is looked for.
const ROOT_WITHIN: u64 = 8 * 1024;

/// Tells a file of vouchers or an answer in lines, posting by posting. What was told before an error was in the
/// message; the caller tells the error.
///
/// # Errors
/// Any [`super::Kind`], as [`VoucherFileReader`] and [`AnswerReader`].
pub fn dump<R: BufRead>(mut input: R, limits: Limits, line: &mut dyn FnMut(&str)) -> Result<(), Error> {
    let mut start = Vec::new();
    if let Err(error) = input.by_ref().take(ROOT_WITHIN).read_to_end(&mut start) {
        return Err(Error::new(Fault::io(error), 1, 1, String::new()));
    }
    let is_file = is_file(&start, limits);
    let whole = Cursor::new(start).chain(input);
    if is_file { dump_file(whole, limits, line) } else { dump_answer(whole, limits, line) }
}

/// Whether the root is a file's. Of what is no document at all the answers' reader tells the fault.
fn is_file(start: &[u8], limits: Limits) -> bool {
    let mut reader = Reader::new(start, limits, &names::NAMESPACES);
    loop {
        match reader.next() {
            Ok(Token::Start(root)) => return root.name().local == names::VOUCHER_FILE,
            Ok(Token::Text(_) | Token::Cdata(_)) => {}
            Ok(Token::End | Token::Eof) | Err(_) => return false,
        }
    }
}

fn dump_file<R: BufRead>(input: R, limits: Limits, line: &mut dyn FnMut(&str)) -> Result<(), Error> {
    let mut reader = VoucherFileReader::new(input, limits);
    tell_head(&reader.head()?, line);
    while let Some(entry) = reader.next()? {
        match entry {
            Entry::Voucher(voucher) => tell_voucher(voucher, line),
            Entry::Posting(posting) => tell_posting(posting, line),
        }
    }
    let (vouchers, postings, sum) = reader.finish()?;
    line(&format!("end: vouchers {vouchers}, postings {postings}, sum {} DKK", sum.decimal2()));
    Ok(())
}

fn tell_head(head: &ReadFileHead, line: &mut dyn FnMut(&str)) {
    line(&format!("{} {}", names::VOUCHER_FILE, head.transaction_id));
    line(&format!("created: {}", head.at));
    line(&format!("from: authority {}, system {}", head.sender_authority, head.sender_it_system));
    let system = head.receiver_it_system.map_or("as routed".to_owned(), |id| id.to_string());
    line(&format!("to: authority {}, system {system}", head.receiver_authority));
    let ReadFileHead { vouchers, postings, sum, .. } = head;
    line(&format!("promises: vouchers {vouchers}, postings {postings}, sum {} DKK", sum.decimal2()));
}

fn tell_voucher(voucher: &ReadVoucher, line: &mut dyn FnMut(&str)) {
    let ReadVoucher { id, number, booking_day, .. } = voucher;
    let mut text = format!("voucher {id}: {number}, booked {booking_day}");
    let facts = [
        ("period", voucher.period.map(|period| period.to_string())),
        ("type", Some(voucher.type_id.to_string())),
        ("cause", voucher.external_reference.as_deref().map(ours)),
        ("of", voucher.document_day.map(|day| day.to_string())),
        ("reverses", voucher.reverses.map(|id| id.to_string())),
        ("unit", voucher.org_unit.map(|id| id.to_string())),
        ("text", Some(ours(&voucher.text))),
    ];
    tell_facts(facts, &mut text);
    line(&text);
}

fn tell_posting(posting: &ReadPosting, line: &mut dyn FnMut(&str)) {
    let side = posting.side.map_or("", |side| side.code());
    let mut text = format!("  {side} {} DKK: {}", posting.amount.decimal2(), posting.id);
    let day = |day: Option<jiff::civil::Date>| day.map(|day| day.to_string());
    let facts = [
        ("value day", day(posting.value_day)),
        ("from", day(posting.period_from)),
        ("to", day(posting.period_to)),
        ("reference", posting.reference.as_deref().map(ours)),
        ("party", posting.party.map(|party| party.party.masked())),
        ("text", Some(ours(&posting.text))),
    ];
    tell_facts(facts, &mut text);
    line(&text);
    for (type_id, value) in &posting.reference_keys {
        line(&format!("    key {type_id}: {}", ours(value)));
    }
    let classes = names::DIMENSIONS.iter().zip(posting.dimensions);
    for (name, class) in classes.filter_map(|(name, class)| Some((name, class?))) {
        line(&format!("    {name} {class}"));
    }
    for class in &posting.secondary {
        line(&format!("    {} {class}", names::SECONDARY_DIMENSION));
    }
}

/// An id or a text of ours: long rows of digits are what one looks for, so only CPR numbers are starred out.
fn ours(text: &str) -> String {
    mask_cpr(text).unwrap_or_else(|| text.to_owned())
}

fn tell_facts<const N: usize>(facts: [(&str, Option<String>); N], text: &mut String) {
    for (name, value) in facts {
        if let Some(value) = value {
            *text += &format!(", {name} {value}");
        }
    }
}

fn dump_answer<R: BufRead>(input: R, limits: Limits, line: &mut dyn FnMut(&str)) -> Result<(), Error> {
    let mut reader = AnswerReader::new(input, limits);
    tell_answer(&reader.head()?, line);
    while let Some(receipt) = reader.next()? {
        tell_receipt(receipt, line);
    }
    let AnswerEnd { receipts, unknown_elements } = reader.finish()?;
    line(&format!("end: receipts {receipts}, unknown elements {unknown_elements}"));
    Ok(())
}

fn tell_answer(head: &AnswerHead, line: &mut dyn FnMut(&str)) {
    line(&format!("{} {}", names::ANSWER, ours(&head.transaction_id)));
    line(&format!("created: {}, handled: {}", head.at, head.processed_at));
    line(if head.is_refusal() { "the whole file is refused" } else { "vouchers are answered one by one" });
    for reaction in &head.reactions {
        let kind = match reaction.kind {
            ReactionKind::Notice => "notice",
            ReactionKind::Fault => "fault",
        };
        let source = reaction.source.as_deref().unwrap_or("nobody");
        line(&format!("{kind} {} of {source}: {}", Hidden(&reaction.id), Hidden(&reaction.text)));
        reaction.places.iter().for_each(|place| line(&format!("  at {}", Hidden(place))));
    }
}

fn tell_receipt(receipt: &Receipt, line: &mut dyn FnMut(&str)) {
    let result = match receipt.result {
        VoucherResult::Accepted => "accepted",
        VoucherResult::Rejected => "rejected",
        VoucherResult::Received => "received, not said to be booked",
        VoucherResult::Unknown => "unknown, for a person",
    };
    let mut text = format!("voucher {}: {result}", receipt.voucher_id);
    let said = Some(&receipt.result_text).filter(|said| !said.is_empty());
    let facts = [
        ("said", said.map(|said| Hidden(said).to_string())),
        ("as", receipt.erp_number.as_deref().map(ours)),
        ("because", receipt.explanation.as_deref().map(|why| Hidden(why).to_string())),
    ];
    tell_facts(facts, &mut text);
    line(&text);
    receipt.causes.iter().for_each(|cause| line(&format!("  cause {cause}")));
    receipt.details.iter().for_each(|cause| tell_cause(cause, line));
}

fn tell_cause(cause: &Cause, line: &mut dyn FnMut(&str)) {
    let class = cause.class.map_or("of no class".to_owned(), |class| class.to_string());
    let mut text = format!("  detail {class}");
    let facts =
        [("code", &cause.code), ("element", &cause.element), ("value", &cause.value), ("text", &cause.text)];
    tell_facts(facts.map(|(name, value)| (name, value.as_deref().map(|v| Hidden(v).to_string()))), &mut text);
    line(&text);
}
