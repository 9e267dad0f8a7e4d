//! The layout as a page for people.

use std::fmt::Write as _;

use super::{Field, Mandatory, Record, Slot, Status};

/// One heading and one table for each record.
pub(super) fn markdown<S: Slot>(records: &[Record<S>]) -> String {
    let mut page = String::new();
    for record in records {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "## {}\n", record.title);
        if let Some(length) = record.length {
            let _ = writeln!(page, "Length {length}.\n");
        }
        page.push_str(
            "| Field | Columns | Length | Class | Mandatory | Floating | Personal | Meaning | Status |\n",
        );
        page.push_str("|---|---|---|---|---|---|---|---|---|\n");
        for field in &record.fields {
            row(&mut page, field);
        }
        page.push('\n');
    }
    page
}

fn row<S: Slot>(page: &mut String, field: &Field<S>) {
    let columns = if field.is_placed() { format!("{}-{}", field.from, field.to) } else { String::new() };
    let mandatory = match field.mandatory {
        Mandatory::No => "",
        Mandatory::Fixed => "fixed form",
        Mandatory::Both => "yes",
    };
    let numbers = match field.numbers {
        None => String::new(),
        Some((first, last)) if first == last => format!("{first:02}"),
        Some((first, last)) => format!("{first:02}-{last:02}"),
    };
    let personal = if field.personal { "yes" } else { "" };
    let status = match field.status {
        Status::Confirmed => "confirmed",
        Status::Assumed => "assumed",
    };
    let _ = writeln!(
        page,
        "| `{}` | {columns} | {} | {} | {mandatory} | {numbers} | {personal} | {} | {status} |",
        field.slot.name(),
        field.length,
        field.class,
        field.meaning
    );
}
