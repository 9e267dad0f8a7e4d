//! Assortments in: the classes that may be used towards ERP systems, by municipality and day; SF7002 (specification
//! sortiment-sf7002.md).
//!
//! Start with [`AssortmentReader`]; [`AssortmentWriter`] is its counterpart for fixtures and tests; [`dump`] tells a
//! file in lines. Never decides whose assortment it is, which version counts, or what an account makes of a class;
//! knows nothing of other files. An element that is not known is a fault: what it says could be an end or a limit.
//!
//! Of the grounds for refusing a whole file (6.4) those of one file are held here: the schema, two overlapping values
//! for the same class in one sub-assortment, values outside their sub-assortment's days.

mod dump;
mod forms;
mod model;
pub mod names;
mod reader;
mod writer;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::vocabulary::Uuid;
pub use crate::xml::{Error, Kind, Limits};

pub use dump::dump;
pub use reader::{AssortmentEnd, AssortmentReader, Entry};
pub use writer::AssortmentWriter;

/// How much a file may hold. ASSUMED: a hundred thousand values are about 150 MB.
pub const LIMITS: Limits = Limits { bytes: 256 * 1024 * 1024, depth: 32, token: 64 * 1024, attributes: 64 };

/// Days on which something holds (virkning).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Days {
    /// The first day.
    pub from: Date,
    /// The first day on which it holds no more; `None` while no end is known.
    pub until: Option<Date>,
}

impl Days {
    /// Whether it ends on or before the day it begins.
    pub fn is_empty(self) -> bool {
        self.until.is_some_and(|until| until <= self.from)
    }

    /// Whether all of it, but for an end that is not said, lies within others.
    pub fn lies_in(self, outer: Days) -> bool {
        let begins = outer.from <= self.from && outer.until.is_none_or(|until| self.from < until);
        begins && self.until.is_none_or(|end| outer.until.is_none_or(|until| end <= until))
    }
}

/// What an assortment says of itself (3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assortment {
    /// `TransaktionsId`: 1 to 255 characters.
    pub transaction_id: String,
    /// `TransaktionsTid`; without zone it counts as UTC.
    pub at: Timestamp,
    /// The same in every version.
    pub id: Uuid,
    /// Short name (brugervendt nøgle), at most 50 characters.
    pub key: String,
    /// Title, at most 100 characters.
    pub title: String,
    /// Description.
    pub text: Option<String>,
    /// Who owns it, as written: `urn:oio:cvr-nr:` and 8 digits, or a name.
    pub owner: String,
    /// When it holds.
    pub days: Days,
    /// When it was registered.
    pub registered: Timestamp,
    /// When it was changed last: of two versions the later one counts.
    pub changed: Timestamp,
    /// It-systems it is meant for: id and name.
    pub systems: Vec<(Uuid, String)>,
    /// Integrations it is meant for.
    pub integrations: Vec<Dated>,
}

/// A class with days and instants of its own: an integration, or (4.1) a refinement of a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dated {
    /// Of a refinement: its id.
    pub id: Uuid,
    /// When it holds.
    pub days: Days,
    /// When it was registered.
    pub registered: Timestamp,
    /// When it was changed last.
    pub changed: Timestamp,
    /// Of a refinement: its title.
    pub title: Option<String>,
    /// The class.
    pub class: Class,
}

/// A class, as it is referred to (4.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Class {
    /// Its id, at most 50 characters: nearly always a UUID.
    pub id: String,
    /// The number people see: `5.57.71`, `013`.
    pub key: String,
    /// Who owns it.
    pub owner: Option<String>,
    /// Its title, at most 300 characters.
    pub title: String,
    /// First day it is published.
    pub published_from: Option<Date>,
    /// First day it is published no more.
    pub published_until: Option<Date>,
    /// Its facet.
    pub facet: String,
    /// Its classification.
    pub classification: String,
    /// The it-system that holds it.
    pub it_system: Option<Uuid>,
}

/// A sub-assortment (delsortiment, 4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Its id.
    pub id: Uuid,
    /// Short name: `FUNKTION`, `ART` (5).
    pub key: String,
    /// Title.
    pub title: String,
    /// Description.
    pub text: Option<String>,
    /// When it holds.
    pub days: Days,
    /// When it was registered.
    pub registered: Timestamp,
    /// When it was changed last.
    pub changed: Timestamp,
    /// Which kind of values it holds.
    pub type_id: Uuid,
    /// That kind's title.
    pub type_title: String,
    /// Where the values may be used: when that was registered, when changed, and the element, as a class.
    pub used_by: Vec<(Timestamp, Timestamp, Class)>,
}

/// What is said of every value (4.1, 4.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// The row's id.
    pub id: Uuid,
    /// When the value may be used.
    pub days: Days,
    /// When it was registered.
    pub registered: Timestamp,
    /// When it was changed last.
    pub changed: Timestamp,
    /// Its title.
    pub title: Option<String>,
}

/// A class that may be used (4.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassValue {
    /// When.
    pub row: Row,
    /// The class.
    pub class: Class,
    /// Rules on it: id, title, class. What they mean is not known (9).
    pub rules: Vec<(Uuid, String, Class)>,
    /// Classes that hang on it.
    pub details: Vec<Dated>,
}

/// An organisation unit that may be used (4.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitValue {
    /// When.
    pub row: Row,
    /// Attributes: id and text.
    pub attributes: Vec<(Uuid, String)>,
    /// The unit.
    pub unit: Uuid,
    /// Its name.
    pub name: String,
    /// Its short name.
    pub key: String,
    /// The system that issued it.
    pub it_system: Uuid,
}
