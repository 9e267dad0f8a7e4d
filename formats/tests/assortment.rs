//! Assortments: samples, and that what is written is read back.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "tests read and write files")]

mod judges;
mod samples;

use jiff::civil::date;
use jiff::{Timestamp, ToSpan};
use judges::Format;
use proptest::prelude::*;
use toek_formats::assortment::*;
use toek_formats::vocabulary::Uuid;

static ASSORTMENT: Format = Format {
    fixtures: "assortment",
    schemas: &[(names::ASSORTMENT, "HentSortiment_O.xsd")],
    read: |_, document| AssortmentReader::new(document, LIMITS).finish().map(|_| 0),
    strangers: &[],
    bases: &["7-example", "everything", "two-in-turn", "other-head", "notice", "empty-part"],
    texts: &[
        "",
        " ",
        "\n",
        "x",
        "0",
        "æøåÆØÅ",
        "日本語",
        "\u{A0}",
        "\u{85}",
        "a\u{2028}b",
        "\u{1F600}",
        "2026-01-01",
        " 2026-01-01 ",
        "2026-02-29",
        "2024-02-29",
        "2026-1-1",
        "12345678",
        "1234567",
        "urn:oio:cvr-nr:12345678",
        "10000000-0000-4000-8000-00000000000f",
        "10000000-0000-4000-8000-00000000000F",
        " 10000000-0000-4000-8000-00000000000f",
    ],
    elements: &[
        "<Fremtid>x<a/></Fremtid>",
        "<kontekst:Ekstra/>",
        "<KlasseTitel>x</KlasseTitel>",
        "<SortimentBeskrivelse/>",
        "<RegistreringVærdiVirkningTil>2026-07-01</RegistreringVærdiVirkningTil>",
        "<KlasseRegistreringVærdiListe/>",
        "<OrganisationsenhedRegistreringVærdiListe/>",
        "<ØIRRegelListe/>",
        "<KlasseRegistreringVærdiDetaljeringListe/>",
        "<AnvendesAfKlassificeretElementListe/>",
        "<IntegrationReferenceListe/>",
        "<ItSystemInstansIdentifikation>5d7c2b1e-2222-4a4a-8b8b-0f0f0f0f0f02</ItSystemInstansIdentifikation>",
        "<kontekst:SvarReaktion><kontekst:Fejl><kontekst:FejlId/><kontekst:FejlTekst/></kontekst:Fejl></kontekst:SvarReaktion>",
    ],
    renames: &[
        ("kontekst:", ""),
        ("kontekst:", "none:"),
        ("<Delsortiment", "<kontekst:Delsortiment"),
        ("Nøgle", "Noegle"),
        ("Klasse", "Organisationsenhed"),
        ("Værdi", "Vaerdi"),
        ("Fra>", "Til>"),
        ("HovedOplysningerSvar", "HovedOplysninger"),
        ("HovedOplysninger>", "HovedOplysningerSvar>"),
        ("Advis", "Fejl"),
    ],
    swaps: &[
        ("kombit.dk/2017", "kombit.dk/2018"),
        ("kontekst/2017", "kontekst/2015"),
        ("xmlns:kontekst", "xmlns:KONTEKST"),
        ("kontekst", "k"),
        ("HentSortiment_O ", "HentSortiment_O revision=\"1\" "),
        ("HentSortiment_O ", "HentSortiment_O revision=\"\" "),
        ("HentSortiment_O ", "HentSortiment_O kontekst:revision=\"1\" "),
        ("2026-01-01", "2026-01-32"),
    ],
};

fn tell(bytes: &[u8], line: &mut dyn FnMut(&str)) -> Result<(), Error> {
    dump(bytes, LIMITS, line)
}

#[test]
fn right_assortments_are_told() {
    samples::check(tell, "assortment/ok", true, 6);
}

#[test]
fn broken_assortments_are_refused_at_their_place() {
    samples::check(tell, "assortment/err", false, 25);
}

/// Nothing personal belongs here; what looks like it is not shown all the same.
#[test]
fn nothing_personal_is_told() {
    samples::check_secrets(tell, &["assortment/ok", "assortment/err"], &["9996"]);
}

#[test]
fn samples_are_judged_alike() {
    let counts = ASSORTMENT.compare(ASSORTMENT.samples());
    assert!(counts["both accept"] >= 6, "{counts:?}");
    assert!(counts["both refuse"] >= 12, "{counts:?}");
    assert!(counts["exception Rule"] >= 8, "{counts:?}");
}

#[test]
fn mutations_are_judged_alike() {
    let counts = ASSORTMENT.compare(ASSORTMENT.mutations(0x7002_7002));
    assert!(counts["both accept"] >= 80, "{counts:?}");
    assert!(counts["both refuse"] >= 300, "{counts:?}");
}

/// What the proptest writes is right by the schema, too.
#[test]
fn what_is_written_is_right_by_the_schema() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let documents: Vec<_> = (0..60)
        .map(|n| {
            let assortment = any_assortment().new_tree(&mut runner).unwrap().current();
            (format!("written {n}"), names::ASSORTMENT, written(&assortment))
        })
        .collect();
    assert!(ASSORTMENT.xmllint(&documents).into_iter().all(|accepted| accepted));
}

fn any_uuid() -> impl Strategy<Value = Uuid> {
    any::<[u8; 16]>().prop_map(Uuid)
}

fn any_instant() -> impl Strategy<Value = Timestamp> {
    (0..4_000_000_000_i64).prop_map(|second| Timestamp::from_second(second).unwrap())
}

fn any_text() -> impl Strategy<Value = String> {
    "[a-zæøåÆØÅ<&>\"'.0-9]{1,30}"
}

/// Days of 2026, within those of every sub-assortment made here.
fn any_days() -> impl Strategy<Value = Days> {
    (0..300_i32, prop::option::of(1..60_i32)).prop_map(|(from, length)| {
        let from = date(2026, 1, 1) + from.days();
        Days { from, until: length.map(|days| from + days.days()) }
    })
}

fn any_class() -> impl Strategy<Value = Class> {
    let words = (any_text(), any_text(), prop::option::of(any_text()), any_text(), any_text(), any_text());
    (words, prop::option::of(any_uuid()), any::<[bool; 2]>()).prop_map(|(words, it_system, published)| {
        let (id, key, owner, title, facet, classification) = words;
        let published_from = published[0].then_some(date(2020, 1, 1));
        let published_until = published[1].then_some(date(2028, 2, 29));
        Class { id, key, owner, title, published_from, published_until, facet, classification, it_system }
    })
}

fn any_dated() -> impl Strategy<Value = Dated> {
    (any_uuid(), any_days(), any_instant(), any_instant(), prop::option::of(any_text()), any_class())
        .prop_map(|(id, days, registered, changed, title, class)| Dated {
            id,
            days,
            registered,
            changed,
            title,
            class,
        })
}

fn any_row() -> impl Strategy<Value = Row> {
    any_dated().prop_map(|Dated { id, days, registered, changed, title, .. }| Row {
        id,
        days,
        registered,
        changed,
        title,
    })
}

fn any_class_value() -> impl Strategy<Value = ClassValue> {
    let rules = prop::collection::vec((any_uuid(), any_text(), any_class()), 0..3);
    (any_row(), any_class(), rules, prop::collection::vec(any_dated(), 0..3))
        .prop_map(|(row, class, rules, details)| ClassValue { row, class, rules, details })
}

fn any_unit_value() -> impl Strategy<Value = UnitValue> {
    let attributes = prop::collection::vec((any_uuid(), any_text()), 0..3);
    (any_row(), attributes, any_uuid(), any_text(), any_text(), any_uuid()).prop_map(
        |(row, attributes, unit, name, key, it_system)| UnitValue {
            row,
            attributes,
            unit,
            name,
            key,
            it_system,
        },
    )
}

#[derive(Clone, Debug, PartialEq)]
enum Values {
    Classes(Vec<ClassValue>),
    Units(Vec<UnitValue>),
}

fn any_part() -> impl Strategy<Value = (Part, Values)> {
    // Ids apart, so that no class stands twice in a sub-assortment.
    let classes = prop::collection::vec(any_class_value(), 0..4).prop_map(|mut values| {
        for (n, value) in values.iter_mut().enumerate() {
            value.class.id.push_str(&format!("#{n}"));
        }
        Values::Classes(values)
    });
    let units = prop::collection::vec(any_unit_value(), 1..4).prop_map(Values::Units);
    let used_by = prop::collection::vec((any_instant(), any_instant(), any_class()), 0..3);
    let words = (any_text(), any_text(), prop::option::of(any_text()), any_text());
    let part = (any_uuid(), words, any_instant(), any_instant(), any_uuid(), used_by);
    let part =
        part.prop_map(|(id, (key, title, text, type_title), registered, changed, type_id, used_by)| {
            let days = Days { from: date(2026, 1, 1), until: None };
            Part { id, key, title, text, days, registered, changed, type_id, type_title, used_by }
        });
    (part, prop_oneof![classes, units])
}

fn any_assortment() -> impl Strategy<Value = (Assortment, Vec<(Part, Values)>)> {
    let words = (any_text(), any_text(), any_text(), prop::option::of(any_text()), any_text());
    let times = (any_instant(), any_instant(), any_instant());
    let systems = prop::collection::vec((any_uuid(), any_text()), 0..3);
    let integrations = prop::collection::vec(any_dated(), 0..3);
    let head = (words, any_uuid(), any_days(), times, systems, integrations).prop_map(
        |(
            (transaction_id, key, title, text, owner),
            id,
            days,
            (at, registered, changed),
            systems,
            mut integrations,
        )| {
            for one in &mut integrations {
                (one.id, one.title) = (Uuid::default(), None); // only refinements have them
            }
            Assortment {
                transaction_id,
                at,
                id,
                key,
                title,
                text,
                owner,
                days,
                registered,
                changed,
                systems,
                integrations,
            }
        },
    );
    (head, prop::collection::vec(any_part(), 1..4))
}

fn written((head, parts): &(Assortment, Vec<(Part, Values)>)) -> Vec<u8> {
    let mut writer = AssortmentWriter::begin(Vec::new(), head).unwrap();
    for (part, values) in parts {
        writer.part(part).unwrap();
        match values {
            Values::Classes(values) => values.iter().for_each(|value| writer.class(value).unwrap()),
            Values::Units(values) => values.iter().for_each(|value| writer.unit(value).unwrap()),
        }
    }
    writer.finish().unwrap()
}

fn read(bytes: &[u8]) -> (Assortment, Vec<(Part, Values)>) {
    let mut reader = AssortmentReader::new(bytes, LIMITS);
    let (head, mut parts) = (reader.head().unwrap(), Vec::<(Part, Values)>::new());
    while let Some(entry) = reader.next().unwrap() {
        match (entry, parts.last_mut()) {
            (Entry::Part(part), _) => parts.push((part.clone(), Values::Classes(vec![]))),
            (Entry::Class(value), Some((_, Values::Classes(values)))) => values.push(value.clone()),
            (Entry::Unit(value), Some((_, Values::Units(values)))) => values.push(value.clone()),
            (Entry::Unit(value), Some((_, values))) => *values = Values::Units(vec![value.clone()]),
            _ => panic!("a value before its sub-assortment"),
        }
    }
    (head, parts)
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(assortment in any_assortment()) {
        prop_assert_eq!(read(&written(&assortment)), assortment);
    }
}
