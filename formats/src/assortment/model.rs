//! The message as a content model: what `formats/schemas/HentSortiment_O.xsd` says, for the reader
//! (sortiment-sf7002.md 3, 4).

use super::forms::*;
use super::names::{self, K, M};
use crate::finance::names as frame;
use crate::xml::model::{Child, Expected};

/// What the walker meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    /// Nothing that anyone asks for.
    Frame,
    /// Something went wrong where the assortment was made.
    Fault,
    TransactionId,
    TransactionTime,
    Id,
    Key,
    Title,
    Text,
    Owner,
    From,
    To,
    Registered,
    Changed,
    System,
    SystemId,
    SystemName,
    Integration,
    Parts,
    Part,
    TypeId,
    TypeTitle,
    UsedBy,
    ClassValues,
    UnitValues,
    ClassValue,
    UnitValue,
    Rule,
    Detail,
    Attribute,
    AttributeText,
    Class,
    ClassId,
    ClassKey,
    ClassOwner,
    ClassTitle,
    PublishedFrom,
    PublishedTo,
    Facet,
    Classification,
    ClassSystem,
    UnitId,
    UnitName,
    UnitKey,
    UnitSystem,
}

use Label as L;
type C = Child<Label>;

const MANY: u32 = u32::MAX;
/// Most notices, and most places in each (ASSUMED).
const REACTIONS: u32 = 100;
/// Most systems, integrations, elements of use, rules, details and attributes at one place (ASSUMED), so that one value
/// stays small.
const FEW: u32 = 1_000;

const REVISIONS: &[Expected<Label>] =
    &[Expected { namespace: None, local: frame::REVISION, text: &REVISION, label: L::Frame }];

// The head (2), in both of its forms.
const TRANSACTION_ID: C = C::text(K, frame::TRANSACTION_ID, &ID255, L::TransactionId);
const TRANSACTION_TIME: C = C::text(K, frame::TRANSACTION_TIME, &INSTANT, L::TransactionTime);
const REQUEST_ID: C = C::text(K, frame::REQUEST_ID, &UUID, L::Frame).optional();
static NOTICE: [C; 4] = [
    C::text(K, frame::NOTICE_ID, &ANY255, L::Frame),
    C::text(K, frame::NOTICE_TEXT, &ANY4000, L::Frame),
    C::text(K, frame::SOURCE_ID, &ANY100, L::Frame).optional(),
    C::text(K, frame::PLACE, &ANY4000, L::Frame).times(0, REACTIONS),
];
static FAULT: [C; 4] = [
    C::text(K, frame::FAULT_ID, &ANY255, L::Frame),
    C::text(K, frame::FAULT_TEXT, &ANY4000, L::Frame),
    C::text(K, frame::SOURCE_ID, &ANY100, L::Frame).optional(),
    C::text(K, frame::PLACE, &ANY4000, L::Frame).times(0, REACTIONS),
];
static REACTION: [C; 2] =
    [C::parent(K, frame::NOTICE, &NOTICE, L::Frame), C::parent(K, frame::FAULT, &FAULT, L::Fault).or()];
static ANSWER_HEAD: [C; 4] = [
    TRANSACTION_ID,
    TRANSACTION_TIME,
    REQUEST_ID,
    C::parent(K, frame::REACTION, &REACTION, L::Frame).times(0, REACTIONS),
];
static AUTHORITY: [C; 1] = [C::text(K, frame::MUNICIPALITY_CVR, &CVR, L::Frame)];
static ROUTE: [C; 4] = [
    C::text(K, frame::SENDER_ORGANISATION, &CVR, L::Frame),
    C::text(K, frame::SENDER_IT_SYSTEM, &UUID, L::Frame),
    C::text(K, frame::RECEIVER_ORGANISATION, &CVR, L::Frame),
    C::text(K, frame::RECEIVER_IT_SYSTEM, &UUID, L::Frame).optional(),
];
static HEAD: [C; 5] = [
    TRANSACTION_ID,
    TRANSACTION_TIME,
    REQUEST_ID,
    C::parent(K, frame::AUTHORITY_CONTEXT, &AUTHORITY, L::Frame),
    C::parent(K, frame::ROUTE, &ROUTE, L::Frame),
];

// A class (4.3).
static CLASS: [C; 9] = [
    C::text(M, names::CLASS_ID, &TEXT50, L::ClassId),
    C::text(M, names::CLASS_KEY, &TEXT50, L::ClassKey),
    C::text(M, names::CLASS_OWNER, &TEXT100, L::ClassOwner).optional(),
    C::text(M, names::CLASS_TITLE, &TEXT300, L::ClassTitle),
    C::text(M, names::CLASS_PUBLISHED_FROM, &DATE, L::PublishedFrom).optional(),
    C::text(M, names::CLASS_PUBLISHED_TO, &DATE, L::PublishedTo).optional(),
    C::text(M, names::FACET_ID, &TEXT50, L::Facet),
    C::text(M, names::CLASSIFICATION_ID, &TEXT50, L::Classification),
    C::text(M, names::SYSTEM_ID, &UUID, L::ClassSystem).optional(),
];
const CLASS_CHILD: C = C::parent(M, names::CLASS, &CLASS, L::Class);

// Values (4.1, 4.2).
const VALUE_ID: C = C::text(M, names::VALUE_ID, &UUID, L::Id);
const VALUE_FROM: C = C::text(M, names::VALUE_FROM, &DATE, L::From);
const VALUE_TO: C = C::text(M, names::VALUE_TO, &DATE, L::To).optional();
const VALUE_REGISTERED: C = C::text(M, names::VALUE_REGISTERED, &INSTANT, L::Registered);
const VALUE_CHANGED: C = C::text(M, names::VALUE_CHANGED, &INSTANT, L::Changed);
const VALUE_TITLE: C = C::text(M, names::VALUE_TITLE, &TEXT100, L::Title).optional();
static RULE: [C; 3] = [
    C::text(M, names::RULE_ID, &UUID, L::Id),
    C::text(M, names::RULE_TITLE, &TEXT100, L::Title),
    CLASS_CHILD,
];
static RULES: [C; 1] = [C::parent(M, names::RULE, &RULE, L::Rule).times(0, FEW)];
static DETAIL: [C; 7] = [
    C::text(M, names::DETAIL_ID, &UUID, L::Id),
    C::text(M, names::DETAIL_FROM, &DATE, L::From),
    C::text(M, names::DETAIL_TO, &DATE, L::To).optional(),
    C::text(M, names::DETAIL_REGISTERED, &INSTANT, L::Registered),
    C::text(M, names::DETAIL_CHANGED, &INSTANT, L::Changed),
    C::text(M, names::DETAIL_TITLE, &TEXT100, L::Title).optional(),
    CLASS_CHILD,
];
static DETAILS: [C; 1] = [C::parent(M, names::DETAIL, &DETAIL, L::Detail).times(0, FEW)];
static CLASS_VALUE: [C; 9] = [
    VALUE_ID,
    VALUE_FROM,
    VALUE_TO,
    VALUE_REGISTERED,
    VALUE_CHANGED,
    VALUE_TITLE,
    CLASS_CHILD,
    C::parent(M, names::RULES, &RULES, L::Frame).optional(),
    C::parent(M, names::DETAILS, &DETAILS, L::Frame).optional(),
];
static CLASS_VALUES: [C; 1] = [C::parent(M, names::CLASS_VALUE, &CLASS_VALUE, L::ClassValue).times(0, MANY)];
static ATTRIBUTE: [C; 2] = [
    C::text(M, names::UNIT_ATTRIBUTE_ID, &UUID, L::Id),
    C::text(M, names::UNIT_ATTRIBUTE_TEXT, &TEXT35, L::AttributeText),
];
static UNIT: [C; 4] = [
    C::text(M, names::UNIT_ID, &UUID, L::UnitId),
    C::text(M, names::UNIT_NAME, &TEXT255, L::UnitName),
    C::text(M, names::UNIT_KEY, &TEXT100, L::UnitKey),
    C::text(M, names::SYSTEM_ID, &UUID, L::UnitSystem),
];
static UNIT_VALUE: [C; 8] = [
    VALUE_ID,
    VALUE_FROM,
    VALUE_TO,
    VALUE_REGISTERED,
    VALUE_CHANGED,
    VALUE_TITLE,
    C::parent(M, names::UNIT_ATTRIBUTE, &ATTRIBUTE, L::Attribute).times(0, FEW),
    C::parent(M, names::UNIT, &UNIT, L::Frame),
];
static UNIT_VALUES: [C; 1] = [C::parent(M, names::UNIT_VALUE, &UNIT_VALUE, L::UnitValue).times(0, MANY)];

// A sub-assortment (4).
static USED_BY: [C; 3] = [
    C::text(M, names::USED_BY_REGISTERED, &INSTANT, L::Registered),
    C::text(M, names::USED_BY_CHANGED, &INSTANT, L::Changed),
    CLASS_CHILD,
];
static USED_BY_LIST: [C; 1] = [C::parent(M, names::USED_BY, &USED_BY, L::UsedBy).times(0, FEW)];
static PART: [C; 13] = [
    C::text(M, names::PART_ID, &UUID, L::Id),
    C::text(M, names::PART_KEY, &TEXT50, L::Key),
    C::text(M, names::PART_TITLE, &TEXT100, L::Title),
    C::text(M, names::PART_TEXT, &ANY255, L::Text).optional(),
    C::text(M, names::PART_FROM, &DATE, L::From),
    C::text(M, names::PART_TO, &DATE, L::To).optional(),
    C::text(M, names::PART_REGISTERED, &INSTANT, L::Registered),
    C::text(M, names::PART_CHANGED, &INSTANT, L::Changed),
    C::text(M, names::PART_TYPE_ID, &UUID, L::TypeId),
    C::text(M, names::PART_TYPE_TITLE, &TEXT100, L::TypeTitle),
    C::parent(M, names::USED_BY_LIST, &USED_BY_LIST, L::Frame).optional(),
    C::parent(M, names::CLASS_VALUES, &CLASS_VALUES, L::ClassValues).optional(),
    C::parent(M, names::UNIT_VALUES, &UNIT_VALUES, L::UnitValues).or(),
];
static PARTS: [C; 1] = [C::parent(M, names::PART, &PART, L::Part).times(1, MANY)];

// The assortment (3).
static SYSTEM: [C; 2] = [
    C::text(M, names::SYSTEM_ID, &UUID, L::SystemId),
    C::text(M, names::SYSTEM_NAME, &TEXT100, L::SystemName),
];
static SYSTEMS: [C; 1] = [C::parent(M, names::SYSTEM, &SYSTEM, L::System).times(1, FEW)];
static INTEGRATION: [C; 5] = [
    C::text(M, names::INTEGRATION_FROM, &DATE, L::From),
    C::text(M, names::INTEGRATION_TO, &DATE, L::To).optional(),
    C::text(M, names::INTEGRATION_REGISTERED, &INSTANT, L::Registered),
    C::text(M, names::INTEGRATION_CHANGED, &INSTANT, L::Changed),
    CLASS_CHILD,
];
static INTEGRATIONS: [C; 1] = [C::parent(M, names::INTEGRATION, &INTEGRATION, L::Integration).times(1, FEW)];
static ASSORTMENT: [C; 14] = [
    C::parent(K, frame::ANSWER_HEAD, &ANSWER_HEAD, L::Frame),
    C::parent(K, frame::HEAD, &HEAD, L::Frame).or(),
    C::text(M, names::DATA_ID, &UUID, L::Id),
    C::text(M, names::DATA_KEY, &TEXT50, L::Key),
    C::text(M, names::DATA_TITLE, &TEXT100, L::Title),
    C::text(M, names::DATA_TEXT, &ANY255, L::Text).optional(),
    C::text(M, names::DATA_OWNER, &TEXT100, L::Owner),
    C::text(M, names::DATA_FROM, &DATE, L::From),
    C::text(M, names::DATA_TO, &DATE, L::To).optional(),
    C::text(M, names::DATA_REGISTERED, &INSTANT, L::Registered),
    C::text(M, names::DATA_CHANGED, &INSTANT, L::Changed),
    C::parent(M, names::SYSTEMS, &SYSTEMS, L::Frame).optional(),
    C::parent(M, names::INTEGRATIONS, &INTEGRATIONS, L::Frame).optional(),
    C::parent(M, names::PARTS, &PARTS, L::Parts),
];

/// The root.
pub(super) static ROOTS: [C; 1] =
    [C::parent(M, names::ASSORTMENT, &ASSORTMENT, L::Frame).with_optional(REVISIONS)];
