//! The replica of assortments (SF7002): which classes a municipality may use on a day, what a new version changes, and
//! which accounts will stop working (sortiment-sf7002.md 5, 6; 00-decisions.md 2.6).
//!
//! Never guesses: where an assortment speaks of a kind of class, a class that it does not hold on a day is not used then.
//! Where none has ever spoken of a kind, the accounts alone do.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use jiff::ToSpan;
use jiff::civil::Date;
use toek_formats::vocabulary::{MunicipalityCode, Uuid};

use super::accounts::Use;
use super::municipality::Municipalities;

/// The sub-assortments of the six dimensions, in the order of the account string (5, ASSUMED).
pub const DIMENSION_PARTS: [&str; 6] =
    ["FUNKTION", "DRANST", "EJERFORHOLD", "OMKOSTNINGSSTED", "GRUPPERING", "ART"];
/// The sub-assortment of voucher types (5, ASSUMED).
pub const VOUCHER_TYPE_PART: &str = "BILAGSTYPE";
/// The sub-assortment of reference keys (5, ASSUMED).
pub const REFERENCE_KEY_PART: &str = "REFERENCENØGLE";
/// How many days before it bites a person is told (ASSUMED).
pub const TOLD_BEFORE_DAYS: u32 = 90;

/// What stands before a company's number.
const CVR_URN_LEAD: &str = "urn:oio:cvr-nr:";
/// How KOMBIT, whose assortments are everybody's, calls itself (ASSUMED).
const COMMON_OWNERS: [&str; 3] = ["urn:oio:cvr-nr:19435075", "KOMBIT", "KOMBIT A/S"];
/// What may stand behind a municipality's name.
const MUNICIPALITY_WORD: &str = " Kommune";

/// Whose an assortment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// Every municipality's.
    Common,
    /// One municipality's.
    Municipality(MunicipalityCode),
}

impl Owner {
    /// The one that is meant; none when nobody here is.
    pub fn named(text: &str, municipalities: &Municipalities) -> Option<Owner> {
        if COMMON_OWNERS.contains(&text) {
            return Some(Owner::Common);
        }
        let cvr = text.strip_prefix(CVR_URN_LEAD);
        let name = text.strip_suffix(MUNICIPALITY_WORD).unwrap_or(text);
        let is_meant = |row: &&super::municipality::Municipality| match cvr {
            Some(cvr) => row.cvr.to_string() == cvr,
            None => row.name.strip_suffix(MUNICIPALITY_WORD).unwrap_or(&row.name) == name,
        };
        municipalities.iter().find(is_meant).map(|row| Owner::Municipality(row.code))
    }

    /// The municipality, if it is one's.
    pub fn municipality(self) -> Option<MunicipalityCode> {
        match self {
            Owner::Common => None,
            Owner::Municipality(code) => Some(code),
        }
    }

    /// Whether it speaks for a municipality.
    pub fn speaks_for(self, municipality: MunicipalityCode) -> bool {
        self.municipality().is_none_or(|own| own == municipality)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::Common => f.write_str("common"),
            Owner::Municipality(code) => write!(f, "{code}"),
        }
    }
}

/// Days on which something holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Days {
    /// The first one.
    pub from: Date,
    /// The first one on which it holds no more; `None` while no end is known.
    pub until: Option<Date>,
}

impl Days {
    /// Whether it holds on a day.
    pub fn holds(self, day: Date) -> bool {
        self.from <= day && self.until.is_none_or(|until| day < until)
    }

    /// The days that are in both, if any is.
    pub fn within(self, outer: Days) -> Option<Days> {
        let until = [self.until, outer.until].into_iter().flatten().min();
        let from = self.from.max(outer.from);
        until.is_none_or(|until| from < until).then_some(Days { from, until })
    }

    /// What is left of these days without others.
    pub fn without(self, other: Days) -> Vec<Days> {
        let Some(common) = self.within(other) else { return vec![self] };
        let before = Days { from: self.from, until: Some(common.from) };
        let after = common.until.map(|from| Days { from, until: self.until });
        [Some(before), after].into_iter().flatten().filter_map(|days| days.within(self)).collect()
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "from {}", self.from)?;
        self.until.map_or(Ok(()), |until| write!(f, " until {until}"))
    }
}

/// A class or a unit that may be used, as a version holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// The sub-assortment's short name.
    pub part: String,
    /// The class's or the unit's id.
    pub class: String,
    /// What people see: `5.57.71`.
    pub key: String,
    /// Its title.
    pub title: String,
    /// When it may be used: days of the value, its sub-assortment and its assortment together.
    pub days: Days,
    /// Whether the version before had it and this one's file does not: it ends with the file's day.
    pub is_carried: bool,
}

type Key<'v> = (&'v str, &'v str);

impl Value {
    fn place(&self) -> Key<'_> {
        (&self.part, &self.class)
    }

    /// As people name it: `5.57.71 Sygedagpenge`.
    pub fn name(&self) -> String {
        format!("{} {}", self.key, self.title)
    }
}

/// What of the version before stays in the replica though the new file does not say it: values are closed from the
/// file's day, never deleted (6.3). What the file says of the same class for some of the same days counts instead.
pub fn carried(before: &[Value], file: &[Value], day: Date) -> Vec<Value> {
    let mut said: HashMap<Key<'_>, Vec<Days>> = HashMap::new();
    for value in file {
        said.entry(value.place()).or_default().push(value.days);
    }
    let close = |value: &Value| {
        let days = value.days.within(Days { from: Date::MIN, until: Some(day) })?;
        let said = said.get(&value.place()).map_or(&[][..], Vec::as_slice);
        let is_said = said.iter().any(|other| other.within(days).is_some());
        (!is_said).then(|| Value { days, is_carried: true, ..value.clone() })
    };
    before.iter().filter_map(close).collect()
}

/// What became different for a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The sub-assortment.
    pub part: String,
    /// The class.
    pub class: String,
    /// Its number and title now, or as they were.
    pub name: String,
    /// When it could be used.
    pub before: Vec<Days>,
    /// When it can be used now.
    pub now: Vec<Days>,
    /// How it was called, if otherwise.
    pub was_named: Option<String>,
}

/// Every class whose days or name differ between two versions, by sub-assortment and class.
pub fn differences(before: &[Value], now: &[Value]) -> Vec<Difference> {
    let mut both: BTreeMap<Key<'_>, [Vec<&Value>; 2]> = BTreeMap::new();
    for (side, values) in [before, now].into_iter().enumerate() {
        for value in values {
            both.entry(value.place()).or_default()[side].push(value);
        }
    }
    let difference = |((part, class), sides): (Key<'_>, [Vec<&Value>; 2])| {
        let [was, is] = sides.each_ref().map(|values| joined(values.iter().map(|value| value.days)));
        let [was_named, is_named] = sides.each_ref().map(|values| values.last().map(|value| value.name()));
        let renamed = was_named.clone().filter(|was| is_named.as_ref().is_some_and(|is| is != was));
        (was != is || renamed.is_some()).then(|| Difference {
            part: part.to_owned(),
            class: class.to_owned(),
            name: is_named.or(was_named).unwrap_or_default(),
            before: was,
            now: is,
            was_named: renamed,
        })
    };
    both.into_iter().filter_map(difference).collect()
}

/// The same days, in order, with neighbours made one.
fn joined(days: impl Iterator<Item = Days>) -> Vec<Days> {
    let mut sorted: Vec<Days> = days.collect();
    sorted.sort();
    let mut joined: Vec<Days> = Vec::new();
    for days in sorted {
        match joined.last_mut() {
            Some(last) if last.until.is_none_or(|until| days.from <= until) => {
                last.until = last.until.zip(days.until).map(|(one, other)| one.max(other));
            }
            _ => joined.push(days),
        }
    }
    joined
}

/// An assortment as it counts.
#[derive(Clone, Debug)]
pub struct Assortment {
    /// Whose.
    pub owner: Owner,
    /// The first day that any version of it speaks of: before that it says nothing.
    pub since: Date,
    /// What it holds.
    pub values: Vec<Value>,
}

/// What counts for a municipality: of each kind what its own assortments hold, where they hold any, and else what the
/// common ones do (6.5).
pub fn speaking(
    municipality: MunicipalityCode,
    assortments: &[Assortment],
) -> impl Iterator<Item = (&Assortment, &Value)> {
    let all = assortments.iter().filter(move |one| one.owner.speaks_for(municipality));
    let all = all.flat_map(|one| one.values.iter().map(move |value| (one, value)));
    let is_own = |one: &Assortment| one.owner.municipality().is_some();
    let own_kinds: BTreeSet<&str> =
        all.clone().filter(|(one, _)| is_own(one)).map(|(_, value)| value.part.as_str()).collect();
    all.filter(move |(one, value)| is_own(one) || !own_kinds.contains(value.part.as_str()))
}

/// What an assortment says of a class on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// No assortment speaks of its kind on that day.
    Free,
    /// It may be used.
    Valid,
    /// It is in no assortment.
    Unknown,
    /// It may be used from this day on.
    NotYet(Date),
    /// It may be used no more from this day on.
    Ended(Date),
}

impl Standing {
    /// Whether the class can be used.
    pub fn is_usable(self) -> bool {
        matches!(self, Standing::Free | Standing::Valid)
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Standing::Free => f.write_str("no assortment speaks of it"),
            Standing::Valid => f.write_str("it is valid"),
            Standing::Unknown => f.write_str("it is in no assortment"),
            Standing::NotYet(from) => write!(f, "it is valid only from {from}"),
            Standing::Ended(until) => write!(f, "it is valid no more from {until}"),
        }
    }
}

/// What is said of the classes of one kind.
#[derive(Clone, Debug)]
struct Kind {
    since: Date,
    classes: HashMap<String, (String, Vec<Days>)>,
}

/// What one municipality may use.
#[derive(Clone, Debug, Default)]
pub struct Replica {
    kinds: HashMap<String, Kind>,
}

impl Replica {
    /// That of a municipality.
    pub fn of(municipality: MunicipalityCode, assortments: &[Assortment]) -> Replica {
        let mut kinds: HashMap<String, Kind> = HashMap::new();
        for (assortment, value) in speaking(municipality, assortments) {
            let since = assortment.since;
            let fresh = || Kind { since, classes: HashMap::new() };
            let kind = kinds.entry(value.part.clone()).or_insert_with(fresh);
            kind.since = kind.since.min(since);
            let class = kind.classes.entry(value.class.clone());
            class.or_insert_with(|| (value.name(), Vec::new())).1.push(value.days);
        }
        Replica { kinds }
    }

    /// What is said of a class of a kind on a day.
    pub fn standing(&self, part: &str, class: Uuid, day: Date) -> Standing {
        let Some(kind) = self.kinds.get(part).filter(|kind| kind.since <= day) else { return Standing::Free };
        let Some((_, days)) = kind.classes.get(&class.to_string()) else { return Standing::Unknown };
        if days.iter().any(|days| days.holds(day)) {
            return Standing::Valid;
        }
        let next = days.iter().map(|days| days.from).filter(|from| *from > day).min();
        let last = days.iter().filter_map(|days| days.until).filter(|until| *until <= day).max();
        match (last, next) {
            (Some(until), _) => Standing::Ended(until),
            (None, Some(from)) => Standing::NotYet(from),
            (None, None) => Standing::Unknown,
        }
    }

    /// How people name a class, where it is known.
    pub fn name(&self, part: &str, class: Uuid) -> Option<&str> {
        Some(&self.kinds.get(part)?.classes.get(&class.to_string())?.0)
    }

    /// Days on which what is said of a class may change.
    fn turns(&self, part: &str, class: Uuid) -> Vec<Date> {
        let Some(kind) = self.kinds.get(part) else { return Vec::new() };
        let days = kind.classes.get(&class.to_string()).map_or(&[][..], |(_, days)| days.as_slice());
        let ends = days.iter().flat_map(|days| [Some(days.from), days.until]).flatten();
        ends.chain([kind.since]).collect()
    }
}

/// A class that the accounts name and that cannot be used on a coming day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Whose.
    pub municipality: MunicipalityCode,
    /// For what the accounts name it: `UDB_K funktion`.
    pub what: String,
    /// The kind of class.
    pub part: &'static str,
    /// The class.
    pub class: Uuid,
    /// How people name it, where it is known.
    pub name: Option<String>,
    /// The first day on which a voucher would be held.
    pub from: Date,
    /// Why.
    pub standing: Standing,
}

impl Trouble {
    /// As the worklist knows it.
    pub fn subject(&self) -> String {
        format!("account {} {}", self.municipality, self.what)
    }

    /// In words that stay the same from day to day.
    pub fn text(&self) -> String {
        format!(
            "{} {}: {}; {}",
            self.part,
            class_name(self.class, self.name.as_deref()),
            self.standing,
            match self.standing {
                Standing::NotYet(from) => format!("vouchers to be booked before {from} are held"),
                Standing::Ended(until) => format!("vouchers to be booked on {until} or later are held"),
                _ => "vouchers that need it are held".to_owned(),
            }
        )
    }
}

/// A class with its number, where that is known.
pub fn class_name(class: Uuid, name: Option<&str>) -> String {
    name.map_or_else(|| class.to_string(), |name| format!("{name} ({class})"))
}

/// Every class that a municipality's accounts name and that cannot be used on one of the coming days, from `today` on
/// and so many days ahead: of each the first day and why. Days on which no account names it do not count.
pub fn troubles(
    municipality: MunicipalityCode,
    uses: &[Use],
    replica: &Replica,
    today: Date,
    ahead_days: u32,
) -> Vec<Trouble> {
    let until = today.checked_add(i64::from(ahead_days).saturating_add(1).days()).ok();
    let coming = Days { from: today, until };
    let mut found: BTreeMap<&str, Trouble> = BTreeMap::new();
    for one in uses {
        let turns = replica.turns(one.part, one.class);
        for days in one.days.iter().filter_map(|days| days.within(coming)) {
            let turns = turns.iter().copied().filter(|turn| days.holds(*turn));
            let mut tried: BTreeSet<Date> = turns.collect();
            tried.insert(days.from);
            let standing = |day: Date| (day, replica.standing(one.part, one.class, day));
            let first = tried.into_iter().map(standing).find(|(_, standing)| !standing.is_usable());
            let Some((from, standing)) = first else { continue };
            if found.get(one.what.as_str()).is_none_or(|known| from < known.from) {
                let name = replica.name(one.part, one.class).map(str::to_owned);
                let (what, part, class) = (one.what.clone(), one.part, one.class);
                found.insert(&one.what, Trouble { municipality, what, part, class, name, from, standing });
            }
        }
    }
    found.into_values().collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::domain::municipality::synthetic;

    const AARHUS: MunicipalityCode = MunicipalityCode(751);
    const ODENSE: MunicipalityCode = MunicipalityCode(461);
    const CLASS: Uuid = Uuid([1; 16]);
    const JANUARY: Date = date(2026, 1, 1);
    const JULY: Date = date(2026, 7, 1);

    fn days(from: Date, until: Option<Date>) -> Days {
        Days { from, until }
    }

    fn value(part: &str, class: Uuid, from: Date, until: Option<Date>) -> Value {
        Value {
            part: part.to_owned(),
            class: class.to_string(),
            key: "5.57.71".to_owned(),
            title: "Sygedagpenge".to_owned(),
            days: days(from, until),
            is_carried: false,
        }
    }

    fn assortment(owner: Owner, values: Vec<Value>) -> Assortment {
        Assortment { owner, since: JANUARY, values }
    }

    #[test]
    fn owners_are_known_or_none() {
        let municipalities = Municipalities::load(&synthetic(&[AARHUS]), "m.toml").unwrap();
        let row = municipalities.get(AARHUS).unwrap();
        let own = Some(Owner::Municipality(AARHUS));
        let bare = row.name.trim_end_matches(MUNICIPALITY_WORD);
        for (text, owner) in [
            (format!("urn:oio:cvr-nr:{}", row.cvr), own),
            (row.name.clone(), own),
            (bare.to_owned(), own),
            (format!("{bare} Kommune"), own),
            ("KOMBIT".to_owned(), Some(Owner::Common)),
            ("urn:oio:cvr-nr:19435075".to_owned(), Some(Owner::Common)),
            ("urn:oio:cvr-nr:00000000".to_owned(), None),
            (row.cvr.to_string(), None),
            ("Somebody".to_owned(), None),
        ] {
            assert_eq!(Owner::named(&text, &municipalities), owner, "{text}");
        }
    }

    #[test]
    fn days_are_cut_out_of_days() {
        let all = days(JANUARY, None);
        let spring = days(date(2026, 3, 1), Some(date(2026, 6, 1)));
        assert_eq!(spring.without(all), []);
        assert_eq!(
            all.without(spring),
            [days(JANUARY, Some(date(2026, 3, 1))), days(date(2026, 6, 1), None)]
        );
        assert_eq!(all.without(days(JULY, None)), [days(JANUARY, Some(JULY))]);
        assert_eq!(spring.without(days(JULY, None)), [spring]);
        assert_eq!(spring.within(days(JULY, None)), None);
    }

    #[test]
    fn what_a_new_file_does_not_say_ends_with_its_day() {
        let before = [
            value("FUNKTION", CLASS, JANUARY, None),
            value("ART", CLASS, JULY, None),
            value("DRANST", CLASS, JANUARY, Some(date(2026, 2, 1))),
            value("GRUPPERING", CLASS, JANUARY, None),
        ];
        let file = [value("GRUPPERING", CLASS, JANUARY, Some(JULY))];
        let carried = carried(&before, &file, date(2026, 3, 1));
        let told: Vec<_> = carried.iter().map(|v| (v.part.as_str(), v.days.until, v.is_carried)).collect();
        // What had not begun ends before it begins; what the file says otherwise counts as the file says it.
        assert_eq!(
            told,
            [("FUNKTION", Some(date(2026, 3, 1)), true), ("DRANST", Some(date(2026, 2, 1)), true)]
        );
    }

    #[test]
    fn a_class_is_valid_on_its_days_alone() {
        let other = Uuid([2; 16]);
        let values = vec![
            value("FUNKTION", CLASS, date(2026, 3, 1), Some(JULY)),
            value("FUNKTION", other, JULY, None),
            value("FUNKTION", other, date(2027, 1, 1), None),
        ];
        let replica = Replica::of(AARHUS, &[assortment(Owner::Municipality(AARHUS), values)]);
        for (class, day, expected) in [
            (CLASS, date(2025, 12, 31), Standing::Free),
            (CLASS, JANUARY, Standing::NotYet(date(2026, 3, 1))),
            (CLASS, date(2026, 3, 1), Standing::Valid),
            (CLASS, date(2026, 6, 30), Standing::Valid),
            (CLASS, JULY, Standing::Ended(JULY)),
            (other, date(2026, 6, 30), Standing::NotYet(JULY)),
            (other, JULY, Standing::Valid),
            (Uuid([3; 16]), JULY, Standing::Unknown),
        ] {
            assert_eq!(replica.standing("FUNKTION", class, day), expected, "{day}");
        }
        assert_eq!(replica.standing("ART", CLASS, JULY), Standing::Free, "nothing is said of that kind");
    }

    #[test]
    fn a_municipality_s_own_goes_before_the_common_one_of_the_same_kind() {
        let own = Uuid([2; 16]);
        let assortments = [
            assortment(Owner::Common, vec![value("FUNKTION", CLASS, JANUARY, None)]),
            assortment(Owner::Municipality(AARHUS), vec![value("FUNKTION", own, JANUARY, None)]),
            assortment(Owner::Common, vec![value("ART", CLASS, JANUARY, None)]),
        ];
        for turned in [false, true] {
            let mut assortments = assortments.clone();
            if turned {
                assortments.reverse();
            }
            let [aarhus, odense] = [AARHUS, ODENSE].map(|whose| Replica::of(whose, &assortments));
            assert_eq!(aarhus.standing("FUNKTION", own, JULY), Standing::Valid);
            assert_eq!(aarhus.standing("FUNKTION", CLASS, JULY), Standing::Unknown);
            assert_eq!(aarhus.standing("ART", CLASS, JULY), Standing::Valid);
            assert_eq!(odense.standing("FUNKTION", CLASS, JULY), Standing::Valid);
            assert_eq!(odense.standing("FUNKTION", own, JULY), Standing::Unknown);
        }
    }

    #[test]
    fn differences_are_told_by_class() {
        let before =
            [value("ART", CLASS, JANUARY, Some(JULY)), value("ART", Uuid([2; 16]), JANUARY, Some(JULY))];
        let mut renamed = value("ART", CLASS, JANUARY, Some(date(2026, 3, 1)));
        renamed.title = "Dagpenge".to_owned();
        let now = [
            renamed,
            Value { title: "Dagpenge".to_owned(), ..value("ART", CLASS, date(2026, 3, 1), Some(JULY)) },
            value("ART", Uuid([2; 16]), JANUARY, None),
            value("ART", Uuid([3; 16]), JULY, None),
        ];
        let told: Vec<_> = differences(&before, &now)
            .into_iter()
            .map(|one| (one.before, one.now, one.name, one.was_named))
            .collect();
        let (old, new) = ("5.57.71 Sygedagpenge".to_owned(), "5.57.71 Dagpenge".to_owned());
        let half = vec![days(JANUARY, Some(JULY))];
        assert_eq!(
            told,
            [
                (half.clone(), half.clone(), new, Some(old.clone())),
                (half, vec![days(JANUARY, None)], old.clone(), None),
                (vec![], vec![days(JULY, None)], old, None),
            ]
        );
        assert_eq!(differences(&now, &now), []);
    }

    #[test]
    fn what_will_stop_working_is_told_with_its_first_day() {
        let replica = |values| Replica::of(AARHUS, &[assortment(Owner::Common, values)]);
        let one = |used: Days| {
            vec![Use { what: "BANK art".to_owned(), part: "ART", class: CLASS, days: vec![used] }]
        };
        let always = days(date(2020, 1, 1), None);
        let told = |uses: &[Use], values, today, ahead| {
            let found = troubles(AARHUS, uses, &replica(values), today, ahead);
            found.first().map(|trouble| (trouble.from, trouble.standing))
        };
        let half = || vec![value("ART", CLASS, JANUARY, Some(JULY))];
        let march = date(2026, 3, 2);
        assert_eq!(told(&one(always), half(), march, 120), None, "30 June is the last day of these");
        assert_eq!(told(&one(always), half(), march, 121), Some((JULY, Standing::Ended(JULY))));
        assert_eq!(told(&one(days(date(2020, 1, 1), Some(JULY))), half(), march, 400), None);
        assert_eq!(
            told(&one(always), half(), date(2026, 8, 3), 1),
            Some((date(2026, 8, 3), Standing::Ended(JULY)))
        );
        assert_eq!(
            told(&one(always), half(), date(2025, 12, 1), 90),
            None,
            "before it speaks it stops nothing"
        );
        let later = vec![value("ART", CLASS, JULY, None), value("ART", Uuid([9; 16]), JANUARY, None)];
        assert_eq!(told(&one(always), later.clone(), march, 0), Some((march, Standing::NotYet(JULY))));
        assert_eq!(told(&one(days(JULY, None)), later, march, 400), None, "it is not used before");
        let missing = vec![value("ART", Uuid([9; 16]), JANUARY, None)];
        assert_eq!(told(&one(always), missing, march, 0), Some((march, Standing::Unknown)));
        assert_eq!(told(&one(always), vec![], march, 400), None);
    }
}
