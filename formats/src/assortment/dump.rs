//! An assortment in words, for inspection: one fact a line. It holds no personal data; numbers as long as a CPR number
//! are starred out all the same.

use std::io::BufRead;

use super::{
    Assortment, AssortmentEnd, AssortmentReader, Class, ClassValue, Days, Entry, Error, Limits, Part,
    UnitValue, names,
};
use crate::vocabulary::mask_cpr;

/// Tells an assortment in lines, value by value. What was told before an error was in the file; the caller tells the
/// error.
///
/// # Errors
/// Any [`super::Kind`], as [`AssortmentReader`].
pub fn dump<R: BufRead>(input: R, limits: Limits, line: &mut dyn FnMut(&str)) -> Result<(), Error> {
    let mut reader = AssortmentReader::new(input, limits);
    tell_head(&reader.head()?, line);
    while let Some(entry) = reader.next()? {
        match entry {
            Entry::Part(part) => tell_part(part, line),
            Entry::Class(value) => tell_value(value, line),
            Entry::Unit(value) => tell_unit(value, line),
        }
    }
    let AssortmentEnd { parts, values } = reader.finish()?;
    line(&format!("end: sub-assortments {parts}, values {values}"));
    Ok(())
}

fn shown(text: &str) -> String {
    mask_cpr(text).unwrap_or_else(|| text.to_owned()).escape_debug().to_string()
}

fn days(days: Days) -> String {
    let until = days.until.map(|until| format!(" until {until}")).unwrap_or_default();
    format!("from {}{until}", days.from)
}

fn tell_head(head: &Assortment, line: &mut dyn FnMut(&str)) {
    line(&format!("{} {}", names::ASSORTMENT, shown(&head.transaction_id)));
    line(&format!("created: {}", head.at));
    line(&format!("assortment {}: {}, {}", head.id, shown(&head.key), shown(&head.title)));
    line(&format!("owner: {}", shown(&head.owner)));
    line(&format!("holds: {}", days(head.days)));
    line(&format!("registered: {}, changed: {}", head.registered, head.changed));
    if let Some(text) = &head.text {
        line(&format!("text: {}", shown(text)));
    }
    for (id, name) in &head.systems {
        line(&format!("for system {id}: {}", shown(name)));
    }
    for one in &head.integrations {
        line(&format!("for integration {}, {}", class(&one.class), days(one.days)));
    }
}

fn tell_part(part: &Part, line: &mut dyn FnMut(&str)) {
    line(&format!(
        "sub-assortment {}: {}, {}, {}, type {} {}",
        part.id,
        shown(&part.key),
        shown(&part.title),
        days(part.days),
        part.type_id,
        shown(&part.type_title),
    ));
    for (_, _, element) in &part.used_by {
        line(&format!("  used by {}", class(element)));
    }
}

fn class(class: &Class) -> String {
    format!("{} {} {}", shown(&class.key), shown(&class.title), shown(&class.id))
}

fn tell_value(value: &ClassValue, line: &mut dyn FnMut(&str)) {
    let title = value.row.title.as_deref().map(|title| format!(", as {}", shown(title))).unwrap_or_default();
    line(&format!("  {}, {}{title}", class(&value.class), days(value.row.days)));
    for (_, title, about) in &value.rules {
        line(&format!("    rule {}: {}", shown(title), class(about)));
    }
    for one in &value.details {
        line(&format!("    with {}, {}", class(&one.class), days(one.days)));
    }
}

fn tell_unit(value: &UnitValue, line: &mut dyn FnMut(&str)) {
    let (name, key) = (shown(&value.name), shown(&value.key));
    line(&format!("  unit {key} {name} {}, {}", value.unit, days(value.row.days)));
    for (id, text) in &value.attributes {
        line(&format!("    attribute {id}: {}", shown(text)));
    }
}
