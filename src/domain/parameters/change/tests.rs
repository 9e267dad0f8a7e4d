use jiff::civil::date;
use proptest::prelude::*;

use super::super::default_file;
use super::*;

const AARHUS: MunicipalityCode = MunicipalityCode(751);
const ODENSE: MunicipalityCode = MunicipalityCode(461);

fn to(name: &str, municipality: Option<MunicipalityCode>, from: Date, value: &str) -> SetTo {
    let parameter = find(name).unwrap();
    SetTo { name: parameter.name, value: parameter.value(value).unwrap(), municipality, from }
}

fn loaded(text: &str) -> Parameters {
    Parameters::load(text, "p.toml").unwrap()
}

#[test]
fn a_new_parameter_is_a_row_of_the_table_and_nothing_else() {
    // Whatever the table holds can be read, set and told by its name alone; no code knows one.
    let text = default_file();
    for parameter in PARAMETERS {
        assert_eq!(find(parameter.name).unwrap().name, parameter.name);
        let default = (parameter.default)();
        assert_eq!(parameter.of(&Settings::default()), default);
        assert_eq!(parameter.value(default.trim_matches('"')).unwrap(), default, "{}", parameter.name);
        for municipality in [None, Some(AARHUS)] {
            let wanted = to(parameter.name, municipality, date(2026, 4, 1), &default);
            let (change, changed) = loaded("").set(&wanted, &text).unwrap();
            assert_eq!((change.field.as_str(), change.becomes.as_ref()), (parameter.name, Some(&default)));
            assert!(changed.starts_with(&text), "what stands there stays");
            let (value, set) = loaded(&changed).in_force(parameter, municipality, date(2026, 4, 1));
            assert_eq!((value, set.unwrap().municipality), (default.clone(), municipality));
        }
        assert!(
            matches!(parameter.value("no such value"), Err(NotSettable::Value { .. })),
            "{}",
            parameter.name
        );
    }
    assert!(matches!(find("no_such"), Err(NotSettable::Unknown(_))));
    assert!(PARAMETERS.iter().any(|parameter| parameter.four_eyes));
}

#[test]
fn values_as_people_give_them() {
    let value = |name: &str, text: &str| find(name).unwrap().value(text).ok();
    for (name, text, expected) in [
        ("hard_cutoff", "15:30", Some("\"15:30\"")),
        ("hard_cutoff", "\"15:30\"", Some("\"15:30\"")),
        ("hard_cutoff", "25:00", None),
        ("answer1_timeout", "90m", Some("\"90m\"")),
        ("answer1_timeout", "60m", Some("\"1h\"")),
        ("send_by_bank_days", "3", Some("3")),
        ("send_by_bank_days", "\"3\"", None),
        ("send_by_bank_days", "21", None),
        ("send_by_bank_days", "3\n[[central]]\nvalid_from = 2020-01-01", None),
        ("expense_by", "hub", Some("\"hub\"")),
        ("assume_paid", "true", Some("true")),
        ("assume_paid", "yes", None),
        ("assume_paid", "", None),
    ] {
        assert_eq!(value(name, text).as_deref(), expected, "{name} {text}");
    }
}

#[test]
fn a_value_holds_from_its_day_until_the_next_of_its_level() {
    let mut now =
        "# kept\n[[central]]\nvalid_from = 2026-01-01\nsend_by_bank_days = 3 # three\nduplicate_days = 7\n\
                   # about the next\n[[central]]\nvalid_from = 2025-06-01\nvoucher_limit = 9\n"
            .to_owned();
    let steps = [
        (None, date(2026, 3, 1), "4", "central from 2026-03-01", "3"),
        (None, date(2026, 2, 1), "5", "central from 2026-02-01 to 2026-02-28", "3"),
        (Some(AARHUS), date(2026, 2, 10), "6", "0751 from 2026-02-10", "5"),
        (None, date(2026, 3, 1), "7", "central from 2026-03-01", "4"),
        (None, date(2025, 1, 1), "8", "central from 2025-01-01 to 2025-12-31", "2"),
    ];
    for (municipality, from, value, subject, was) in steps {
        let (change, changed) =
            loaded(&now).set(&to("send_by_bank_days", municipality, from, value), &now).unwrap();
        assert_eq!((change.subject.as_str(), change.was.as_deref()), (subject, Some(was)));
        now = changed;
    }
    let parameters = loaded(&now);
    let days = |whose, month, day| parameters.at(whose, date(2026, month, day)).send_by_bank_days;
    assert_eq!(
        [days(ODENSE, 1, 31), days(ODENSE, 2, 1), days(ODENSE, 2, 28), days(ODENSE, 3, 1)],
        [3, 5, 5, 7]
    );
    assert_eq!([days(AARHUS, 2, 9), days(AARHUS, 2, 10), days(AARHUS, 12, 1)], [5, 6, 6]);
    assert_eq!(parameters.at(ODENSE, date(2025, 6, 1)).send_by_bank_days, 8);
    assert!(now.starts_with("# kept\n[[central]]\n") && now.contains("# about the next\n"), "{now}");
    assert_eq!(parameters.at(ODENSE, date(2026, 3, 1)).duplicate_days, 7, "its like in the same row stays");
    let again = parameters.set(&to("send_by_bank_days", None, date(2026, 3, 1), "7"), &now);
    assert_eq!(again, Err(NotSettable::Already("send_by_bank_days")));
    // A row that sets nothing any more is gone; one of a supplier is another level.
    let text = "[[municipality]]\ncode = \"0751\"\nsupplier = \"KSD\"\nvalid_from = 2026-01-01\nexpense_by = \"hub\"\n\
                [[municipality]]\ncode = \"0751\"\nvalid_from = 2026-01-01\nexpense_by = \"hub\"\n";
    let (_, changed) =
        loaded(text).set(&to("expense_by", Some(AARHUS), date(2026, 1, 1), "sender"), text).unwrap();
    assert_eq!(changed.matches("[[municipality]]").count(), 2, "{changed}");
    assert!(changed.contains("supplier = \"KSD\""));
}

#[test]
fn what_is_not_written_line_by_line_is_left_alone() {
    let text = "central = [{ valid_from = 2026-01-01, duplicate_days = 7 }]\n";
    let refused = loaded(text).set(&to("duplicate_days", None, date(2026, 3, 1), "9"), text);
    assert!(matches!(refused, Err(NotSettable::File(_))), "{refused:?}");
}

proptest! {
    /// Whatever was set before: the new value holds from its day to the next of its level, and nothing else moves.
    #[test]
    fn only_the_days_of_the_new_value_change(steps in prop::collection::vec(
        (0_usize..3, prop::option::of(0_usize..2), 1_i8..25, 1_u16..20), 1..8)) {
        let names = ["send_by_bank_days", "late_bank_days", "duplicate_days"];
        let (mut text, whose) = (default_file(), [AARHUS, ODENSE]);
        for (name, municipality, day, value) in steps {
            let wanted = to(names[name], municipality.map(|n| whose[n]), date(2026, 5, day), &value.to_string());
            let before = loaded(&text);
            let changed = match before.set(&wanted, &text) {
                Ok((_, changed)) => changed,
                Err(error) => {
                    prop_assert_eq!(error, NotSettable::Already(wanted.name));
                    continue;
                }
            };
            let after = loaded(&changed);
            let own = |set: &Set| set.municipality == wanted.municipality && set.validity.from > wanted.from;
            let parameter = find(wanted.name).unwrap();
            let next = before.sets(parameter).into_iter().filter(own).map(|set| set.validity.from).min();
            for day in 1..30 {
                let day = date(2026, 5, day);
                let is_in = wanted.from <= day && next.is_none_or(|next| day < next);
                for code in whose {
                    let overruled = wanted.municipality.is_none()
                        && before.in_force(parameter, Some(code), day).1.is_some_and(|set| set.municipality.is_some());
                    let concerns = wanted.municipality.is_none_or(|own| own == code) && !overruled;
                    let mut expected = before.at(code, day);
                    if is_in && concerns {
                        let one = format!("[[central]]\nvalid_from = 2026-01-01\n{} = {}\n", wanted.name, wanted.value);
                        (parameter.copy)(&loaded(&one).at(code, day), &mut expected);
                    }
                    prop_assert_eq!(after.at(code, day), expected);
                }
            }
            text = changed;
        }
    }
}
