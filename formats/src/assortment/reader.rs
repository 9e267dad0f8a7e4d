//! An assortment in, value by value.

use std::collections::{BTreeMap, HashSet};
use std::io::BufRead;

use jiff::Timestamp;
use jiff::civil::Date;

use super::model::{Label, ROOTS};
use super::names::NAMESPACES;
use super::{Assortment, Class, ClassValue, Dated, Days, Error, Kind, Limits, Part, Row, UnitValue};
use crate::vocabulary::Uuid;
use crate::xml::Fault;
use crate::xml::forms::{read_date, read_instant};
use crate::xml::model::{Node, Unknown, Walker};

/// What comes next in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// A sub-assortment begins; its values follow, if it has any.
    Part(&'a Part),
    /// A class of the last sub-assortment.
    Class(&'a ClassValue),
    /// An organisation unit of the last sub-assortment.
    Unit(&'a UnitValue),
}

/// What was read in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssortmentEnd {
    /// Sub-assortments.
    pub parts: u64,
    /// Values.
    pub values: u64,
}

/// Which [`Entry`] is due.
#[derive(Clone, Copy)]
enum Due {
    Part,
    Class,
    Unit,
}

/// Into what a common element belongs.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Within {
    #[default]
    Assortment,
    Integration,
    Part,
    UsedBy,
    Class,
    Rule,
    Detail,
    Unit,
    Attribute,
}

/// Reads an assortment in bounded memory, but for the ids of its sub-assortments and the classes of one of them.
/// Besides the form it holds the file to what can be seen in one file (6.4), telling a breach as [`Kind::Rule`].
///
/// What it hands out has its form; that the rest of the document is right is only known when [`AssortmentReader::finish`]
/// or the last [`AssortmentReader::next`] has said so. After an error it says nothing but errors.
pub struct AssortmentReader<R> {
    walker: Walker<R, Label>,
    head: Option<Assortment>,
    read: Read,
    parts: HashSet<Uuid>,
    /// The days of each class in the open sub-assortment, by first day.
    used: BTreeMap<(String, Date), Option<Date>>,
    /// Whether the open sub-assortment was handed out.
    is_told: bool,
    values: u64,
    ended: bool,
}

/// What was read of the entry at hand.
#[derive(Default)]
struct Read {
    within: Within,
    assortment: Assortment,
    part: Part,
    class: ClassValue,
    unit: UnitValue,
}

impl<R: BufRead> AssortmentReader<R> {
    /// Reads from `input`; nothing is read before it is asked for.
    pub fn new(input: R, limits: Limits) -> AssortmentReader<R> {
        AssortmentReader {
            walker: Walker::new(input, limits, &NAMESPACES, &ROOTS, Unknown::Refuse),
            head: None,
            read: Read::default(),
            parts: HashSet::new(),
            used: BTreeMap::new(),
            is_told: false,
            values: 0,
            ended: false,
        }
    }

    /// What stands before the sub-assortments; may be asked for again.
    ///
    /// # Errors
    /// Any [`Kind`].
    pub fn head(&mut self) -> Result<Assortment, Error> {
        if let Some(head) = &self.head {
            return Ok(head.clone());
        }
        loop {
            match self.walker.next()? {
                Some(Node::Open(Label::Parts)) | None => break,
                Some(Node::Open(Label::Fault)) => self.rule(Some(IS_FAULT))?,
                Some(Node::Open(label)) => self.read.open(label),
                Some(Node::Close(label)) => self.read.close(label),
                Some(Node::Value(label, value)) => self.read.take(label, value),
                Some(Node::Attribute(..)) => {}
            }
        }
        let head = std::mem::take(&mut self.read.assortment);
        let is_empty = head.days.is_empty() || head.integrations.iter().any(|one| one.days.is_empty());
        self.rule(is_empty.then_some(ENDS_FIRST))?;
        self.head = Some(head.clone());
        Ok(head)
    }

    /// The next sub-assortment or value; `None` when the file has ended, and ended well.
    ///
    /// # Errors
    /// Any [`Kind`].
    #[expect(
        clippy::should_implement_trait,
        reason = "the entry borrows from the reader, so this is no Iterator"
    )]
    pub fn next(&mut self) -> Result<Option<Entry<'_>>, Error> {
        Ok(self.step()?.map(|due| match due {
            Due::Part => Entry::Part(&self.read.part),
            Due::Class => Entry::Class(&self.read.class),
            Due::Unit => Entry::Unit(&self.read.unit),
        }))
    }

    /// Reads what is left, and tells what there was.
    ///
    /// # Errors
    /// Any [`Kind`].
    pub fn finish(mut self) -> Result<AssortmentEnd, Error> {
        while self.step()?.is_some() {}
        Ok(AssortmentEnd { parts: self.parts.len() as u64, values: self.values })
    }

    fn step(&mut self) -> Result<Option<Due>, Error> {
        if self.head.is_none() {
            self.head()?;
        }
        while !self.ended {
            let (fault, due) = match self.walker.next()? {
                Some(Node::Value(label, value)) => {
                    self.read.take(label, value);
                    continue;
                }
                Some(Node::Open(label)) => {
                    self.read.open(label);
                    match label {
                        Label::Part => {
                            self.used.clear();
                            self.is_told = false;
                            continue;
                        }
                        Label::ClassValues | Label::UnitValues => (self.judge_part(), Some(Due::Part)),
                        _ => continue,
                    }
                }
                Some(Node::Close(label)) => {
                    self.read.close(label);
                    match label {
                        Label::Part if !self.is_told => (self.judge_part(), Some(Due::Part)),
                        Label::ClassValue => (self.judge_class(), Some(Due::Class)),
                        Label::UnitValue => (self.judge_unit(), Some(Due::Unit)),
                        _ => continue,
                    }
                }
                Some(Node::Attribute(..)) => continue,
                None => {
                    self.ended = true;
                    continue;
                }
            };
            self.rule(fault)?;
            if due.is_some() {
                return Ok(due);
            }
        }
        Ok(None)
    }

    fn judge_part(&mut self) -> Option<&'static str> {
        self.is_told = true;
        let part = &self.read.part;
        if part.days.is_empty() {
            return Some(ENDS_FIRST);
        }
        (!self.parts.insert(part.id)).then_some("a sub-assortment's id stands twice in the file")
    }

    fn judge_class(&mut self) -> Option<&'static str> {
        self.values += 1;
        let value = &self.read.class;
        if value.details.iter().any(|detail| detail.days.is_empty()) {
            return Some(ENDS_FIRST);
        }
        let (id, days) = (value.class.id.clone(), value.row.days);
        judge_row(&value.row, &self.read.part).or(self.use_on(id, days))
    }

    fn judge_unit(&mut self) -> Option<&'static str> {
        self.values += 1;
        let value = &self.read.unit;
        let (id, days) = (value.unit.to_string(), value.row.days);
        judge_row(&value.row, &self.read.part).or(self.use_on(id, days))
    }

    /// Notes that a class or unit may be used on these days; a fault when some of them are taken by it already.
    fn use_on(&mut self, id: String, days: Days) -> Option<&'static str> {
        let is_same = |(other, _): &(&(String, Date), &Option<Date>)| other.0 == id;
        let key = (id.clone(), days.from);
        let before = self.used.range(..=&key).next_back().filter(is_same);
        let after = self.used.range(&key..).next().filter(is_same);
        let overlaps = before.is_some_and(|(_, until)| until.is_none_or(|until| until > days.from))
            || after.is_some_and(|(other, _)| days.until.is_none_or(|until| until > other.1));
        self.used.insert(key, days.until);
        overlaps.then_some("two values of one class or unit overlap in a sub-assortment")
    }

    fn rule(&self, fault: Option<&'static str>) -> Result<(), Error> {
        match fault {
            None => Ok(()),
            Some(rule) => Err(self.walker.error(Fault::new(Kind::Rule, rule))),
        }
    }
}

const IS_FAULT: &str = "a fault is told, so this is no whole assortment";
const ENDS_FIRST: &str = "it ends on or before the day it begins";

fn judge_row(row: &Row, part: &Part) -> Option<&'static str> {
    match row.days {
        days if days.is_empty() => Some(ENDS_FIRST),
        days if !days.lies_in(part.days) => Some("a value's days lie outside its sub-assortment's"),
        _ => None,
    }
}

/// The fields that stand in several elements, wherever they are.
struct Common<'a> {
    id: Option<&'a mut Uuid>,
    title: Option<&'a mut Option<String>>,
    days: Option<&'a mut Days>,
    registered: &'a mut Timestamp,
    changed: &'a mut Timestamp,
}

impl<'a> Common<'a> {
    fn dated(one: &'a mut Dated) -> Common<'a> {
        let Dated { id, days, registered, changed, title, .. } = one;
        Common { id: Some(id), title: Some(title), days: Some(days), registered, changed }
    }

    fn row(row: &'a mut Row) -> Common<'a> {
        let Row { id, days, registered, changed, title } = row;
        Common { id: Some(id), title: Some(title), days: Some(days), registered, changed }
    }

    fn take(self, label: Label, value: &str) {
        match label {
            Label::Id => set(self.id, Uuid::parse(value).unwrap_or_default()),
            Label::Title => set(self.title, Some(value.to_owned())),
            Label::From => {
                if let Some(days) = self.days {
                    days.from = read_date(value).unwrap_or_default();
                }
            }
            Label::To => {
                if let Some(days) = self.days {
                    days.until = read_date(value);
                }
            }
            Label::Registered => *self.registered = read_instant(value).unwrap_or_default(),
            Label::Changed => *self.changed = read_instant(value).unwrap_or_default(),
            _ => {}
        }
    }
}

fn set<T>(place: Option<&mut T>, value: T) {
    if let Some(place) = place {
        *place = value;
    }
}

impl Read {
    fn open(&mut self, label: Label) {
        match label {
            Label::System => self.assortment.systems.push(Default::default()),
            Label::Integration => {
                self.within = Within::Integration;
                self.assortment.integrations.push(Dated::default());
            }
            Label::Part => (self.within, self.part) = (Within::Part, Part::default()),
            Label::UsedBy => {
                self.within = Within::UsedBy;
                self.part.used_by.push(Default::default());
            }
            Label::ClassValue => (self.within, self.class) = (Within::Class, ClassValue::default()),
            Label::Rule => {
                self.within = Within::Rule;
                self.class.rules.push(Default::default());
            }
            Label::Detail => {
                self.within = Within::Detail;
                self.class.details.push(Dated::default());
            }
            Label::UnitValue => (self.within, self.unit) = (Within::Unit, UnitValue::default()),
            Label::Attribute => {
                self.within = Within::Attribute;
                self.unit.attributes.push(Default::default());
            }
            _ => {}
        }
    }

    fn close(&mut self, label: Label) {
        self.within = match label {
            Label::Integration => Within::Assortment,
            Label::UsedBy | Label::ClassValue | Label::UnitValue => Within::Part,
            Label::Rule | Label::Detail => Within::Class,
            Label::Attribute => Within::Unit,
            _ => self.within,
        };
    }

    fn take(&mut self, label: Label, value: &str) {
        if let Some(class) = self.class_at_hand()
            && class.take(label, value)
        {
            return;
        }
        match self.within {
            Within::Assortment => self.assortment.take(label, value),
            Within::Integration => {
                self.assortment
                    .integrations
                    .last_mut()
                    .map(Common::dated)
                    .into_iter()
                    .for_each(|c| c.take(label, value));
            }
            Within::Part => self.part.take(label, value),
            Within::UsedBy => {
                if let Some((registered, changed, _)) = self.part.used_by.last_mut() {
                    Common { id: None, title: None, days: None, registered, changed }.take(label, value);
                }
            }
            Within::Class => Common::row(&mut self.class.row).take(label, value),
            Within::Rule => match (label, self.class.rules.last_mut()) {
                (Label::Id, Some(rule)) => rule.0 = Uuid::parse(value).unwrap_or_default(),
                (Label::Title, Some(rule)) => rule.1 = value.to_owned(),
                _ => {}
            },
            Within::Detail => {
                self.class
                    .details
                    .last_mut()
                    .map(Common::dated)
                    .into_iter()
                    .for_each(|c| c.take(label, value));
            }
            Within::Unit => self.unit.take(label, value),
            Within::Attribute => match (label, self.unit.attributes.last_mut()) {
                (Label::Id, Some(attribute)) => attribute.0 = Uuid::parse(value).unwrap_or_default(),
                (Label::AttributeText, Some(attribute)) => attribute.1 = value.to_owned(),
                _ => {}
            },
        }
    }

    fn class_at_hand(&mut self) -> Option<&mut Class> {
        match self.within {
            Within::Integration => self.assortment.integrations.last_mut().map(|one| &mut one.class),
            Within::UsedBy => self.part.used_by.last_mut().map(|one| &mut one.2),
            Within::Class => Some(&mut self.class.class),
            Within::Rule => self.class.rules.last_mut().map(|rule| &mut rule.2),
            Within::Detail => self.class.details.last_mut().map(|detail| &mut detail.class),
            Within::Assortment | Within::Part | Within::Unit | Within::Attribute => None,
        }
    }
}

impl Assortment {
    fn take(&mut self, label: Label, value: &str) {
        let text = || value.to_owned();
        match label {
            Label::TransactionId => self.transaction_id = text(),
            Label::TransactionTime => self.at = read_instant(value).unwrap_or_default(),
            Label::Id => self.id = Uuid::parse(value).unwrap_or_default(),
            Label::Key => self.key = text(),
            Label::Title => self.title = text(),
            Label::Text => self.text = Some(text()),
            Label::Owner => self.owner = text(),
            Label::From => self.days.from = read_date(value).unwrap_or_default(),
            Label::To => self.days.until = read_date(value),
            Label::Registered => self.registered = read_instant(value).unwrap_or_default(),
            Label::Changed => self.changed = read_instant(value).unwrap_or_default(),
            Label::SystemId => {
                set(self.systems.last_mut().map(|one| &mut one.0), Uuid::parse(value).unwrap_or_default())
            }
            Label::SystemName => set(self.systems.last_mut().map(|one| &mut one.1), text()),
            _ => {}
        }
    }
}

impl Part {
    fn take(&mut self, label: Label, value: &str) {
        let text = || value.to_owned();
        match label {
            Label::Id => self.id = Uuid::parse(value).unwrap_or_default(),
            Label::Key => self.key = text(),
            Label::Title => self.title = text(),
            Label::Text => self.text = Some(text()),
            Label::From => self.days.from = read_date(value).unwrap_or_default(),
            Label::To => self.days.until = read_date(value),
            Label::Registered => self.registered = read_instant(value).unwrap_or_default(),
            Label::Changed => self.changed = read_instant(value).unwrap_or_default(),
            Label::TypeId => self.type_id = Uuid::parse(value).unwrap_or_default(),
            Label::TypeTitle => self.type_title = text(),
            _ => {}
        }
    }
}

impl UnitValue {
    fn take(&mut self, label: Label, value: &str) {
        match label {
            Label::UnitId => self.unit = Uuid::parse(value).unwrap_or_default(),
            Label::UnitName => self.name = value.to_owned(),
            Label::UnitKey => self.key = value.to_owned(),
            Label::UnitSystem => self.it_system = Uuid::parse(value).unwrap_or_default(),
            label => Common::row(&mut self.row).take(label, value),
        }
    }
}

impl Class {
    /// Whether the value is a class's.
    fn take(&mut self, label: Label, value: &str) -> bool {
        let text = || value.to_owned();
        match label {
            Label::ClassId => self.id = text(),
            Label::ClassKey => self.key = text(),
            Label::ClassOwner => self.owner = Some(text()),
            Label::ClassTitle => self.title = text(),
            Label::PublishedFrom => self.published_from = read_date(value),
            Label::PublishedTo => self.published_until = read_date(value),
            Label::Facet => self.facet = text(),
            Label::Classification => self.classification = text(),
            Label::ClassSystem => self.it_system = Uuid::parse(value).ok(),
            _ => return false,
        }
        true
    }
}
