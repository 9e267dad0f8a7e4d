//! From TOML to a proven table.
//!
//! Three steps: read both texts with their places, lay the override over the table, prove the result.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::{Class, Field, Mandatory, Record, Slot, Status};

/// What is wrong with a table, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}, line {line}, column {column}: {problem}", text = if *.in_override { "override layout" } else { "layout" })]
pub struct LayoutError {
    /// In the override and not in the table under it.
    pub in_override: bool,
    /// 1-based line of the TOML.
    pub line: usize,
    /// 1-based column of the TOML, in characters.
    pub column: usize,
    /// What is wrong.
    #[source]
    pub problem: LayoutProblem,
}

/// What can be wrong with a table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutProblem {
    /// The TOML itself.
    #[error("{0}")]
    Toml(String),
    /// A record the code does not know.
    #[error("no record is named `{0}`")]
    UnknownRecord(String),
    /// A record the code needs.
    #[error("the record `{0}` is missing")]
    MissingRecord(&'static str),
    /// A field the code does not know, or an override that names a field its record does not have.
    #[error(
        "the record has no field `{0}`: a layout may place, move, resize or retype a field, never add one"
    )]
    UnknownField(String),
    /// A slot that no record holds.
    #[error("the field `{0}` is in no record")]
    MissingField(&'static str),
    /// A field named twice in one record.
    #[error("the field `{0}` stands here twice")]
    RepeatedField(String),
    /// A key every field needs.
    #[error("the field `{0}` lacks `{1}`")]
    MissingKey(String, &'static str),
    /// A word that is none of the words of its key.
    #[error("`{0}` is no {1}")]
    UnknownWord(String, &'static str),
    /// First column after the last one, or 0, or a length that differs from the columns.
    #[error("the columns of `{0}` do not add up")]
    Columns(String),
    /// Columns that belong to no field.
    #[error("columns {0}-{1} belong to no field")]
    Gap(u16, u16),
    /// Columns that belong to two fields.
    #[error("`{0}` begins at column {1}, where another field still is")]
    Overlap(String, u16),
    /// The last field does not end where the record does.
    #[error("the fields end at column {0}, the record at {1}")]
    Length(u16, u16),
    /// A field without columns and without a field number.
    #[error("`{0}` has neither columns nor a field number")]
    Nowhere(String),
    /// A field number used twice.
    #[error("the field number {0} stands here twice")]
    RepeatedNumber(u16),
    /// The code cannot read the field in this shape.
    #[error("`{0}` cannot be read like this: {1}")]
    Shape(String, &'static str),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordText {
    title: Option<String>,
    length: Option<Spanned<u16>>,
    #[serde(default)]
    fields: Vec<FieldText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldText {
    name: Spanned<String>,
    from: Option<Spanned<u16>>,
    to: Option<Spanned<u16>>,
    length: Option<Spanned<u16>>,
    class: Option<Spanned<String>>,
    mandatory: Option<Spanned<String>>,
    zero: Option<bool>,
    personal: Option<bool>,
    number: Option<Spanned<u16>>,
    number_to: Option<Spanned<u16>>,
    status: Option<Spanned<String>>,
    meaning: Option<String>,
}

/// A place in one of the two texts.
#[derive(Clone, Copy)]
struct Place {
    in_override: bool,
    at: usize,
}

struct Texts<'a> {
    table: &'a str,
    overriding: &'a str,
}

impl Texts<'_> {
    fn error(&self, place: Place, problem: LayoutProblem) -> LayoutError {
        let text = if place.in_override { self.overriding } else { self.table };
        let before = text.get(..place.at).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        LayoutError { in_override: place.in_override, line, column, problem }
    }
}

type Table = BTreeMap<Spanned<String>, RecordText>;

fn read(text: &str, in_override: bool, texts: &Texts<'_>) -> Result<Table, LayoutError> {
    toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span: Range<usize>| span.start);
        texts.error(Place { in_override, at }, LayoutProblem::Toml(error.message().to_owned()))
    })
}

/// A field as both texts together say, with the place to blame.
struct Draft {
    text: FieldText,
    place: Place,
}

/// Reads, overrides and proves; see [`super::Layout::load`].
pub(super) fn load<S: Slot>(table: &str, overriding: Option<&str>) -> Result<Vec<Record<S>>, LayoutError> {
    let texts = Texts { table, overriding: overriding.unwrap_or("") };
    let mut base = read(texts.table, false, &texts)?;
    let mut over = read(texts.overriding, true, &texts)?;
    refuse_unknown_records::<S>(&base, false, &texts)?;
    refuse_unknown_records::<S>(&over, true, &texts)?;
    let mut records = Vec::new();
    for name in S::RECORDS {
        let Some(text) = take(&mut base, name) else {
            return Err(texts.error(START, LayoutProblem::MissingRecord(name)));
        };
        records.push(record(name, text, take(&mut over, name), &texts)?);
    }
    every_slot_is_somewhere(&records, &texts)?;
    Ok(records)
}

const START: Place = Place { in_override: false, at: 0 };

fn take(table: &mut Table, name: &str) -> Option<RecordText> {
    let key = table.keys().find(|key| key.get_ref() == name)?.clone();
    table.remove(&key)
}

fn refuse_unknown_records<S: Slot>(
    table: &Table,
    in_override: bool,
    texts: &Texts<'_>,
) -> Result<(), LayoutError> {
    for name in table.keys() {
        if !S::RECORDS.contains(&name.get_ref().as_str()) {
            let place = Place { in_override, at: name.span().start };
            return Err(texts.error(place, LayoutProblem::UnknownRecord(name.get_ref().clone())));
        }
    }
    Ok(())
}

fn every_slot_is_somewhere<S: Slot>(records: &[Record<S>], texts: &Texts<'_>) -> Result<(), LayoutError> {
    for slot in S::ALL {
        if !records.iter().any(|record| record.field(*slot).is_some()) {
            return Err(texts.error(START, LayoutProblem::MissingField(slot.name())));
        }
    }
    Ok(())
}

fn record<S: Slot>(
    name: &'static str,
    text: RecordText,
    over: Option<RecordText>,
    texts: &Texts<'_>,
) -> Result<Record<S>, LayoutError> {
    let mut length = text.length.map(|length| (*length.get_ref(), place(&length, false)));
    let mut drafts: Vec<Draft> = text.fields.into_iter().map(|text| draft(text, false)).collect();
    if let Some(over) = over {
        length = over.length.map(|length| (*length.get_ref(), place(&length, true))).or(length);
        lay_over(&mut drafts, over.fields, texts)?;
    }
    let mut fields = Vec::new();
    for draft in &drafts {
        fields.push((field::<S>(draft, texts)?, draft.place));
    }
    // Columns decide the order; fields of the floating form alone come last, as they stand.
    fields.sort_by_key(|(field, _)| if field.is_placed() { field.from } else { u16::MAX });
    prove(&fields, length, texts)?;
    Ok(Record {
        name,
        title: text.title.unwrap_or_else(|| name.to_owned()),
        length: length.map(|(length, _)| length),
        fields: fields.into_iter().map(|(field, _)| field).collect(),
    })
}

fn place<T>(value: &Spanned<T>, in_override: bool) -> Place {
    Place { in_override, at: value.span().start }
}

fn draft(text: FieldText, in_override: bool) -> Draft {
    let place = place(&text.name, in_override);
    Draft { text, place }
}

/// Lays the fields of an override over those of the table, key by key.
fn lay_over(drafts: &mut [Draft], over: Vec<FieldText>, texts: &Texts<'_>) -> Result<(), LayoutError> {
    for text in over {
        let name = text.name.get_ref().clone();
        let at = place(&text.name, true);
        let Some(draft) = drafts.iter_mut().find(|draft| *draft.text.name.get_ref() == name) else {
            return Err(texts.error(at, LayoutProblem::UnknownField(name)));
        };
        if draft.place.in_override {
            return Err(texts.error(at, LayoutProblem::RepeatedField(name)));
        }
        let under = &mut draft.text;
        // Columns and length speak of the same thing: a new one drops the old other.
        if text.from.is_some() || text.to.is_some() {
            under.length = None;
        }
        under.from = text.from.or(under.from.take());
        under.to = text.to.or(under.to.take());
        under.length = text.length.or(under.length.take());
        under.class = text.class.or(under.class.take());
        under.mandatory = text.mandatory.or(under.mandatory.take());
        under.zero = text.zero.or(under.zero);
        // What is personal stays hidden, whatever an override says.
        under.personal = Some(under.personal == Some(true) || text.personal == Some(true));
        under.number_to =
            text.number_to.or(if text.number.is_some() { None } else { under.number_to.take() });
        under.number = text.number.or(under.number.take());
        under.status = text.status.or(under.status.take());
        under.meaning = text.meaning.or(under.meaning.take());
        draft.place = at;
    }
    Ok(())
}

fn field<S: Slot>(draft: &Draft, texts: &Texts<'_>) -> Result<Field<S>, LayoutError> {
    let name = draft.text.name.get_ref();
    let fail = |problem| texts.error(draft.place, problem);
    let slot = S::ALL.iter().copied().find(|slot| slot.name() == name);
    let slot = slot.ok_or_else(|| fail(LayoutProblem::UnknownField(name.clone())))?;
    let (from, to, length) = columns(draft).ok_or_else(|| fail(LayoutProblem::Columns(name.clone())))?;
    let numbers = numbers(draft).ok_or_else(|| fail(LayoutProblem::Columns(name.clone())))?;
    if from == 0 && numbers.is_none() {
        return Err(fail(LayoutProblem::Nowhere(name.clone())));
    }
    let class = draft.text.class.as_ref();
    let class = class.ok_or_else(|| fail(LayoutProblem::MissingKey(name.clone(), "class")))?.get_ref();
    let class =
        Class::from_name(class).ok_or_else(|| fail(LayoutProblem::UnknownWord(class.clone(), "class")))?;
    let field = Field {
        slot,
        from,
        to,
        length,
        class,
        mandatory: mandatory(draft).map_err(fail)?,
        zero_is_value: draft.text.zero == Some(true),
        personal: draft.text.personal == Some(true),
        numbers,
        status: status(draft).map_err(fail)?,
        meaning: draft.text.meaning.clone().unwrap_or_default(),
    };
    slot.accepts(&field).map_err(|why| fail(LayoutProblem::Shape(name.clone(), why)))?;
    Ok(field)
}

/// First column, last column, length; `None` when they contradict each other.
fn columns(draft: &Draft) -> Option<(u16, u16, u16)> {
    let value = |value: &Option<Spanned<u16>>| value.as_ref().map(|value| *value.get_ref());
    match (value(&draft.text.from), value(&draft.text.to), value(&draft.text.length)) {
        (Some(from), Some(to), length) if 0 < from && from <= to => {
            let columns = to - from + 1;
            (length.is_none() || length == Some(columns)).then_some((from, to, columns))
        }
        (None, None, Some(length)) if length > 0 => Some((0, 0, length)),
        _ => None,
    }
}

/// First and last field number of the floating form; `None` when they contradict each other.
#[expect(clippy::option_option, reason = "whether it adds up, and whether there is one, are two questions")]
fn numbers(draft: &Draft) -> Option<Option<(u16, u16)>> {
    let first = draft.text.number.as_ref().map(|value| *value.get_ref());
    let last = draft.text.number_to.as_ref().map(|value| *value.get_ref());
    match (first, last) {
        (None, None) => Some(None),
        (Some(first), None) => Some(Some((first, first))),
        (Some(first), Some(last)) if first <= last => Some(Some((first, last))),
        _ => None,
    }
}

fn mandatory(draft: &Draft) -> Result<Mandatory, LayoutProblem> {
    match draft.text.mandatory.as_ref().map(|word| word.get_ref().as_str()) {
        None | Some("no") => Ok(Mandatory::No),
        Some("fixed") => Ok(Mandatory::Fixed),
        Some("both") => Ok(Mandatory::Both),
        Some(word) => Err(LayoutProblem::UnknownWord(word.to_owned(), "word for mandatory")),
    }
}

fn status(draft: &Draft) -> Result<Status, LayoutProblem> {
    match draft.text.status.as_ref().map(|word| word.get_ref().as_str()) {
        Some("confirmed") => Ok(Status::Confirmed),
        Some("assumed") => Ok(Status::Assumed),
        Some(word) => Err(LayoutProblem::UnknownWord(word.to_owned(), "status")),
        None => Err(LayoutProblem::MissingKey(draft.text.name.get_ref().clone(), "status")),
    }
}

/// That the columns meet from 1 to the record's length, and no slot or field number stands twice.
fn prove<S: Slot>(
    fields: &[(Field<S>, Place)],
    length: Option<(u16, Place)>,
    texts: &Texts<'_>,
) -> Result<(), LayoutError> {
    prove_unique(fields, texts)?;
    let mut end = 0;
    let mut before = START;
    for (field, place) in fields.iter().filter(|(field, _)| field.is_placed()) {
        let name = field.slot.name().to_owned();
        if field.from <= end {
            return Err(texts.error(blamed(*place, before), LayoutProblem::Overlap(name, field.from)));
        }
        if field.from > end + 1 {
            return Err(texts.error(blamed(*place, before), LayoutProblem::Gap(end + 1, field.from - 1)));
        }
        (end, before) = (field.to, *place);
    }
    let (expected, place) = length.unwrap_or((0, fields.first().map_or(START, |(_, place)| *place)));
    if end != expected {
        return Err(texts.error(blamed(place, before), LayoutProblem::Length(end, expected)));
    }
    Ok(())
}

/// Of two places that do not fit each other, the one somebody changed.
fn blamed(place: Place, before: Place) -> Place {
    if before.in_override && !place.in_override { before } else { place }
}

fn prove_unique<S: Slot>(fields: &[(Field<S>, Place)], texts: &Texts<'_>) -> Result<(), LayoutError> {
    for (index, (field, place)) in fields.iter().enumerate() {
        let earlier = &fields[..index];
        if earlier.iter().any(|(other, _)| other.slot == field.slot) {
            let name = field.slot.name().to_owned();
            return Err(texts.error(*place, LayoutProblem::RepeatedField(name)));
        }
        let Some((first, last)) = field.numbers else { continue };
        let clash = |(other, _): &&(Field<S>, Place)| {
            other.numbers.is_some_and(|(low, high)| first <= high && low <= last)
        };
        if earlier.iter().any(|entry| clash(&entry)) {
            return Err(texts.error(*place, LayoutProblem::RepeatedNumber(first)));
        }
    }
    Ok(())
}
