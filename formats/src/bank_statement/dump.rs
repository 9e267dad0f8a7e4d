//! A file in words, for inspection: one fact a line, account numbers masked.

use std::io::BufRead;

use super::{Entry, Error, Item, Limits, Statement, StatementReader};
use crate::vocabulary::Hidden;

/// Tells a file in lines, entry by entry. What was told before an error was in the file; the caller tells the error.
///
/// # Errors
/// Any [`super::Kind`].
pub fn dump<R: BufRead>(input: R, limits: Limits, line: &mut dyn FnMut(&str)) -> Result<(), Error> {
    let mut reader = StatementReader::new(input, limits);
    while let Some(item) = reader.next()? {
        match item {
            Item::Statement(statement) => tell_statement(statement, line),
            Item::Entry(entry) => tell_entry(entry, line),
        }
    }
    let end = reader.finish()?;
    line(&format!("end: statements {}, entries {}", end.statements, end.entries));
    Ok(())
}

fn tell_statement(statement: &Statement, line: &mut dyn FnMut(&str)) {
    let Statement { id, sequence, created, account, currency, opening, closing } = statement;
    let number = sequence.map_or(String::new(), |number| format!(" (number {number})"));
    line(&format!("statement {}{number} of account {}", Hidden(id), account.masked()));
    line(&format!("  created: {created}"));
    for (name, (amount, day)) in [("opening", opening), ("closing", closing)] {
        line(&format!("  {name}: {} {currency} on {day}", amount.decimal2()));
    }
}

fn tell_entry(entry: &Entry, line: &mut dyn FnMut(&str)) {
    let mut text = format!("entry: {}, booked {}", entry.amount.decimal2(), entry.booking_day);
    if let Some(day) = entry.value_day {
        text += &format!(", value {day}");
    }
    let notes = [(!entry.is_booked, ", only announced"), (entry.is_reversal, ", a reversal")];
    notes.iter().filter(|(is_so, _)| *is_so).for_each(|(_, note)| text += note);
    for (name, ids) in [("bank's", &entry.references), ("batch", &entry.batch)] {
        ids.iter().for_each(|id| text += &format!(", {name} {}", ours(id)));
    }
    line(&text);
    for detail in &entry.details {
        let amount = detail.amount.map_or("an amount not said".to_owned(), |a| a.decimal2().to_string());
        let id = detail.end_to_end_id.as_deref().map_or("nothing".to_owned(), ours);
        let reason = detail.return_reason.as_deref().map_or(String::new(), |why| format!(", back: {why}"));
        line(&format!("  {id}: {amount}{reason}"));
    }
}

/// A reference of our own form holds nothing personal; another may.
fn ours(id: &str) -> String {
    let is_ours = matches!(id.len(), 21 | 27)
        && id.starts_with('T')
        && id.bytes().filter(|b| *b == b'-').count() == 2
        && id.bytes().skip(1).all(|b| b == b'-' || b.is_ascii_digit());
    if is_ours { id.to_owned() } else { Hidden(id).to_string() }
}
