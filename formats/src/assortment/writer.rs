//! Assortments out: for fixtures and tests. The hub itself never sends one.

use std::io;

use super::names::{self, K, M};
use super::{Assortment, Class, ClassValue, Dated, Days, Part, Row, UnitValue};
use crate::finance::names as frame;
use crate::xml::write::{Out, Space};

static SPACES: [Space; 2] =
    [Space { prefix: "", uri: names::KOMBIT }, Space { prefix: "kontekst", uri: names::CONTEXT }];

const ROOT: (u8, &str) = (M, names::ASSORTMENT);

/// Writes an assortment: what [`super::AssortmentReader`] reads from it is what was given, instants in whole seconds.
/// Values are escaped but not checked, so that odd assortments can be made as well.
pub struct AssortmentWriter<W> {
    out: Out<W>,
    /// A sub-assortment is open, and the list of values in it.
    open: Option<Option<&'static str>>,
}

impl<W: io::Write> AssortmentWriter<W> {
    /// Writes what stands before the sub-assortments.
    ///
    /// # Errors
    /// When the sink fails.
    pub fn begin(sink: W, head: &Assortment) -> io::Result<AssortmentWriter<W>> {
        let mut out = Out::begin(sink, &SPACES, ROOT, &[M, K]);
        out.open(K, frame::ANSWER_HEAD);
        out.leaf(K, frame::TRANSACTION_ID, &head.transaction_id);
        out.instant(K, frame::TRANSACTION_TIME, head.at);
        out.close(K, frame::ANSWER_HEAD);
        out.line();
        out.uuid(M, names::DATA_ID, head.id);
        out.leaf(M, names::DATA_KEY, &head.key);
        out.leaf(M, names::DATA_TITLE, &head.title);
        leaf_if(&mut out, names::DATA_TEXT, head.text.as_deref());
        out.leaf(M, names::DATA_OWNER, &head.owner);
        days(&mut out, names::DATA_FROM, names::DATA_TO, head.days);
        out.instant(M, names::DATA_REGISTERED, head.registered);
        out.instant(M, names::DATA_CHANGED, head.changed);
        out.line();
        list(&mut out, names::SYSTEMS, &head.systems, |out, (id, name)| {
            out.open(M, names::SYSTEM);
            out.uuid(M, names::SYSTEM_ID, *id);
            out.leaf(M, names::SYSTEM_NAME, name);
            out.close(M, names::SYSTEM);
        });
        list(&mut out, names::INTEGRATIONS, &head.integrations, |out, one| {
            out.open(M, names::INTEGRATION);
            days(out, names::INTEGRATION_FROM, names::INTEGRATION_TO, one.days);
            out.instant(M, names::INTEGRATION_REGISTERED, one.registered);
            out.instant(M, names::INTEGRATION_CHANGED, one.changed);
            class(out, &one.class);
            out.close(M, names::INTEGRATION);
        });
        out.open(M, names::PARTS);
        out.line();
        out.settle()?;
        Ok(AssortmentWriter { out, open: None })
    }

    /// Begins a sub-assortment.
    ///
    /// # Errors
    /// When the sink fails.
    pub fn part(&mut self, part: &Part) -> io::Result<()> {
        self.close_part();
        self.open = Some(None);
        let out = &mut self.out;
        out.open(M, names::PART);
        out.uuid(M, names::PART_ID, part.id);
        out.leaf(M, names::PART_KEY, &part.key);
        out.leaf(M, names::PART_TITLE, &part.title);
        leaf_if(out, names::PART_TEXT, part.text.as_deref());
        days(out, names::PART_FROM, names::PART_TO, part.days);
        out.instant(M, names::PART_REGISTERED, part.registered);
        out.instant(M, names::PART_CHANGED, part.changed);
        out.uuid(M, names::PART_TYPE_ID, part.type_id);
        out.leaf(M, names::PART_TYPE_TITLE, &part.type_title);
        out.line();
        list(out, names::USED_BY_LIST, &part.used_by, |out, (registered, changed, element)| {
            out.open(M, names::USED_BY);
            out.instant(M, names::USED_BY_REGISTERED, *registered);
            out.instant(M, names::USED_BY_CHANGED, *changed);
            class(out, element);
            out.close(M, names::USED_BY);
        });
        self.out.settle()
    }

    /// Writes a class of the sub-assortment.
    ///
    /// # Errors
    /// When the sink fails.
    pub fn class(&mut self, value: &ClassValue) -> io::Result<()> {
        self.open_list(names::CLASS_VALUES);
        let out = &mut self.out;
        out.open(M, names::CLASS_VALUE);
        row(out, &value.row);
        class(out, &value.class);
        list(out, names::RULES, &value.rules, |out, (id, title, about)| {
            out.open(M, names::RULE);
            out.uuid(M, names::RULE_ID, *id);
            out.leaf(M, names::RULE_TITLE, title);
            class(out, about);
            out.close(M, names::RULE);
        });
        list(out, names::DETAILS, &value.details, detail);
        out.close(M, names::CLASS_VALUE);
        out.line();
        out.settle()
    }

    /// Writes an organisation unit of the sub-assortment.
    ///
    /// # Errors
    /// When the sink fails.
    pub fn unit(&mut self, value: &UnitValue) -> io::Result<()> {
        self.open_list(names::UNIT_VALUES);
        let out = &mut self.out;
        out.open(M, names::UNIT_VALUE);
        row(out, &value.row);
        for (id, text) in &value.attributes {
            out.open(M, names::UNIT_ATTRIBUTE);
            out.uuid(M, names::UNIT_ATTRIBUTE_ID, *id);
            out.leaf(M, names::UNIT_ATTRIBUTE_TEXT, text);
            out.close(M, names::UNIT_ATTRIBUTE);
        }
        out.open(M, names::UNIT);
        out.uuid(M, names::UNIT_ID, value.unit);
        out.leaf(M, names::UNIT_NAME, &value.name);
        out.leaf(M, names::UNIT_KEY, &value.key);
        out.uuid(M, names::SYSTEM_ID, value.it_system);
        out.close(M, names::UNIT);
        out.close(M, names::UNIT_VALUE);
        out.line();
        out.settle()
    }

    /// Ends the file and gives the sink back, flushed.
    ///
    /// # Errors
    /// When the sink fails.
    pub fn finish(mut self) -> io::Result<W> {
        self.close_part();
        self.out.close(M, names::PARTS);
        self.out.line();
        self.out.finish(ROOT)
    }

    fn open_list(&mut self, name: &'static str) {
        if let Some(open @ None) = &mut self.open {
            *open = Some(name);
            self.out.open(M, name);
            self.out.line();
        }
    }

    fn close_part(&mut self) {
        let Some(open) = self.open.take() else { return };
        if let Some(name) = open {
            self.out.close(M, name);
        }
        self.out.close(M, names::PART);
        self.out.line();
    }
}

fn leaf_if<W: io::Write>(out: &mut Out<W>, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        out.leaf(M, name, text);
    }
}

fn days<W: io::Write>(out: &mut Out<W>, from: &str, to: &str, days: Days) {
    out.day(M, from, days.from);
    if let Some(until) = days.until {
        out.day(M, to, until);
    }
}

fn list<W: io::Write, T>(out: &mut Out<W>, name: &str, rows: &[T], one: fn(&mut Out<W>, &T)) {
    if rows.is_empty() {
        return;
    }
    out.open(M, name);
    rows.iter().for_each(|row| one(out, row));
    out.close(M, name);
    out.line();
}

fn row<W: io::Write>(out: &mut Out<W>, row: &Row) {
    out.uuid(M, names::VALUE_ID, row.id);
    days(out, names::VALUE_FROM, names::VALUE_TO, row.days);
    out.instant(M, names::VALUE_REGISTERED, row.registered);
    out.instant(M, names::VALUE_CHANGED, row.changed);
    leaf_if(out, names::VALUE_TITLE, row.title.as_deref());
}

fn detail<W: io::Write>(out: &mut Out<W>, one: &Dated) {
    out.open(M, names::DETAIL);
    out.uuid(M, names::DETAIL_ID, one.id);
    days(out, names::DETAIL_FROM, names::DETAIL_TO, one.days);
    out.instant(M, names::DETAIL_REGISTERED, one.registered);
    out.instant(M, names::DETAIL_CHANGED, one.changed);
    leaf_if(out, names::DETAIL_TITLE, one.title.as_deref());
    class(out, &one.class);
    out.close(M, names::DETAIL);
}

fn class<W: io::Write>(out: &mut Out<W>, class: &Class) {
    out.open(M, names::CLASS);
    out.leaf(M, names::CLASS_ID, &class.id);
    out.leaf(M, names::CLASS_KEY, &class.key);
    leaf_if(out, names::CLASS_OWNER, class.owner.as_deref());
    out.leaf(M, names::CLASS_TITLE, &class.title);
    let day = |out: &mut Out<W>, name, day| {
        if let Some(day) = day {
            out.day(M, name, day);
        }
    };
    day(out, names::CLASS_PUBLISHED_FROM, class.published_from);
    day(out, names::CLASS_PUBLISHED_TO, class.published_until);
    out.leaf(M, names::FACET_ID, &class.facet);
    out.leaf(M, names::CLASSIFICATION_ID, &class.classification);
    if let Some(system) = class.it_system {
        out.uuid(M, names::SYSTEM_ID, system);
    }
    out.close(M, names::CLASS);
}
