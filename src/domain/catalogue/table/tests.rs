use proptest::prelude::*;

use super::*;
use crate::domain::catalogue::DEFAULT_FILE;

fn catalogue(text: &str) -> Catalogue {
    Catalogue::load(text, "b.toml").unwrap()
}

/// The column of a name in an export.
fn at(name: &str) -> usize {
    COLUMNS.iter().position(|column| column.name == name).unwrap()
}

fn with(table: &Table, row: usize, name: &str, value: &str) -> Table {
    let mut table = table.clone();
    table.rows[row - 1][at(name)] = value.to_owned();
    table
}

#[test]
fn a_row_of_columns_is_a_key_of_the_file_and_the_other_way_round() {
    let every = "[[benefit]]\ncode = \"0201\"\ntoek_key = \"KH\"\nnemkonto_ydelsesart = \"00201\"\nname = \"N\"\n\
                 source_system = \"KY\"\nvalid_from = 2026-01-01\nvalid_to = 2026-12-31\nbank_account = \"main\"\n\
                 minimum_ore = 100\nmaximum_ore = 5000000\naccount_hint = \"5.57.73\"\npayment_text = \"Hjælp\"\n\
                 income = \"a-income\"\nam_contribution = false\natp = true\nop = true\nop_supplement = false\n\
                 offset_allowed = true\npayment_section = \"LAS 25\"\nrepayment_section = \"LAS 91-94\"\n\
                 psrm_claim_type = \"KTTIBAK\"\n\n";
    let row = catalogue(every).iter().next().unwrap().clone();
    assert!(COLUMNS.iter().all(|column| column.cell(&row).is_some() && !column.json(&row).is_null()));
    assert_eq!(block_of(&row), every);
    // A key that were no column would be lost at a load: the reader's keys are these.
    let unknown = Catalogue::load("[[benefit]]\nx = 1\n", "b.toml").unwrap_err().to_string();
    let mut names: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
    names.sort_unstable();
    assert!(unknown.contains(&format!("the keys are {}", names.join(", "))), "{unknown}");
}

#[test]
fn what_is_exported_and_loaded_changes_nothing() {
    let text = DEFAULT_FILE.to_owned()
        + "\n[[pair_default]]\nsupplier = \"KSD\"\naccount_prefix = \"5\"\nbenefit = \"0101\"\n";
    let old = catalogue(&text);
    let new = old.by_table(&old.table(), &text, false).unwrap();
    assert_eq!(old.changes(&new), []);
    assert_eq!(new.file(&old, &text).unwrap(), text);
}

#[test]
fn what_is_another_is_told_by_field_and_the_rest_of_the_file_stays() {
    let old = catalogue(DEFAULT_FILE);
    let mut table = with(&old.table(), 2, "maximum_ore", "5000000");
    table = with(&table, 3, "valid_to", "2026-12-31");
    let mut fresh = table.rows[2].clone();
    fresh[at("valid_from")] = "2027-01-01".to_owned();
    fresh[at("valid_to")] = String::new();
    fresh[at("name")] = "Ressource \"ny\"".to_owned();
    table.rows.push(Vec::new());
    table.rows.push(fresh);
    let new = old.by_table(&table, DEFAULT_FILE, false).unwrap();
    let changes = old.changes(&new);
    let told: Vec<String> = changes
        .iter()
        .map(|c| format!("{} {} {:?} {:?}", c.subject, c.field, c.was.as_deref(), c.becomes.as_deref()))
        .collect();
    assert_eq!(told[0], "0101 from 2007-01-01 maximum_ore None Some(\"5000000\")");
    assert_eq!(told[1], "0102 from 2007-01-01 valid_to None Some(\"2026-12-31\")");
    assert_eq!(told[2], "0102 from 2027-01-01 code None Some(\"0102\")");
    assert_eq!(told.len(), 2 + 7, "{told:?}");
    let file = new.file(&old, DEFAULT_FILE).unwrap();
    let kept =
        blocks(DEFAULT_FILE, "[[benefit]]").into_iter().filter(|block| file.contains(block.text)).count();
    assert_eq!(kept, 12, "the head, its comments, and the eleven others");
    assert!(file.find("2027-01-01").unwrap() < file.find("\"0103\"").unwrap(), "beside its like");
    // And back again.
    let back = new.by_table(&old.table(), &file, true).unwrap();
    assert_eq!(old.changes(&back), []);
    let missing = new.by_table(&old.table(), &file, false).unwrap_err();
    assert!(missing[0].rule.starts_with("0102 from 2027-01-01 is not in the file"), "{missing:?}");
}

#[test]
fn columns_that_are_not_there_stay() {
    let old = catalogue(DEFAULT_FILE);
    let rows = [&["valid_from", "code", "minimum_ore"][..], &["2007-01-01", "0201", "500"]];
    let table =
        Table { rows: rows.iter().map(|row| row.iter().map(|&cell| cell.to_owned()).collect()).collect() };
    let new = old.by_table(&table, DEFAULT_FILE, true).unwrap();
    let row = new.iter().next().unwrap();
    assert_eq!((row.name.as_str(), row.minimum.map(|ore| ore.0)), ("Kontanthjælp", Some(500)));
    assert_eq!(new.iter().len(), 1);
}

#[test]
fn what_is_wrong_is_told_by_cell() {
    let old = catalogue(DEFAULT_FILE);
    let table = old.table();
    let told = |table: &Table| {
        let errors = old.by_table(table, DEFAULT_FILE, false).unwrap_err();
        let line = |error: &CellError| {
            let place = error.column.map(letters).unwrap_or_default()
                + &error.row.map(|r| r.to_string()).unwrap_or_default();
            format!("{place} {} {:?} {}", error.name, error.value, error.rule)
        };
        errors.iter().map(line).collect::<Vec<_>>()
    };
    let amount = "must be an amount in øre, a whole number from 1 to 999999999";
    for (row, name, value, expected) in [
        (2, "code", "101", "A2 code \"101\" must be a benefit's code, four digits in quotes".to_owned()),
        (5, "minimum_ore", "5,00", format!("I5 minimum_ore \"5,00\" {amount}")),
        (5, "minimum_ore", "007", format!("I5 minimum_ore \"007\" {amount}")),
        (5, "maximum_ore", "-1", format!("J5 maximum_ore \"-1\" {amount}")),
        (14, "atp", "yes", "O14 atp \"yes\" must be true or false".to_owned()),
        (14, "income", "A", "M14 income \"A\" must be \"a-income\", \"b-income\" or \"tax-free\"".to_owned()),
        (3, "name", "", "D3 name \"\" is missing; it must be a text that is not blank".to_owned()),
        (3, "name", "a\nb", "D3 name \"a\\nb\" must be a text that is not blank".to_owned()),
        (
            3,
            "valid_to",
            "31-12-2026",
            "G3 valid_to \"31-12-2026\" must be a day that exists, as 2026-03-01".to_owned(),
        ),
        (
            3,
            "valid_to",
            "2026-02-30",
            "G3 valid_to \"2026-02-30\" must be a day that exists, as 2026-03-01".to_owned(),
        ),
        (
            3,
            "valid_to",
            "2006-12-31",
            "G3 valid_to \"2006-12-31\" must not lie before `valid_from`".to_owned(),
        ),
        (
            3,
            "psrm_claim_type",
            "kt",
            "U3 psrm_claim_type \"kt\" must be a PSRM claim type of 1 to 10 capital letters and digits"
                .to_owned(),
        ),
    ] {
        assert_eq!(told(&with(&table, row, name, value)), [expected], "{name}");
    }
    // Two rows of one code.
    let mut twice = table.clone();
    twice.rows.push(table.rows[1].clone());
    assert_eq!(
        told(&twice),
        ["F15 valid_from \"2007-01-01\" overlaps the row of 0101 in row 2, which has no `valid_to`"]
    );
    // Limits, and a contribution of what is tax free.
    let limits = with(&with(&table, 4, "minimum_ore", "200"), 4, "maximum_ore", "100");
    assert_eq!(told(&limits), ["J4 maximum_ore \"100\" must not be less than `minimum_ore`"]);
    let tax = with(&with(&table, 4, "income", "tax-free"), 4, "am_contribution", "true");
    assert_eq!(told(&tax), ["N4 am_contribution \"true\" must not be true where `income` is \"tax-free\""]);
    // Mistakes of the head.
    let mut head = table.clone();
    head.rows[0][1] = "code".to_owned();
    head.rows[0][5] = "from".to_owned();
    let errors = told(&head);
    assert_eq!(errors[0], "B1 code \"code\" is a column further left");
    assert!(errors[1].starts_with("F1 from \"from\" is no column; the columns are code, "), "{errors:?}");
    assert_eq!(errors[2], "1 valid_from \"\" must have a column `valid_from`");
    assert_eq!(told(&Table::default()).len(), 2);
    // Something beside the columns, and nothing at all.
    let mut beside = table.clone();
    beside.rows[3].push("x".to_owned());
    assert_eq!(told(&beside), ["V4  \"x\" must be under the name of a column"]);
    let nothing = told(&Table { rows: table.rows[..1].to_vec() });
    assert!(nothing[0].contains("must have at least one row"), "{nothing:?}");
}

#[test]
fn a_benefit_that_a_plain_pair_needs_cannot_go() {
    let text = DEFAULT_FILE.to_owned()
        + "\n[[pair_default]]\nsupplier = \"KSD\"\naccount_prefix = \"5\"\nbenefit = \"0101\"\n";
    let old = catalogue(&text);
    let mut table = old.table();
    table.rows.remove(1);
    let errors = old.by_table(&table, &text, true).unwrap_err();
    assert_eq!((errors[0].row, errors[0].name.as_str()), (None, "benefit"), "{errors:?}");
}

#[test]
fn columns_have_letters() {
    for (column, name) in [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (701, "ZZ"), (702, "AAA")]
    {
        assert_eq!(letters(column), name);
    }
}

proptest! {
    /// Whatever is put into cells: refused by cell, or written so that it reads back, and no untouched row moves.
    #[test]
    fn whatever_stands_in_cells(edits in prop::collection::vec((1_usize..14, 0_usize..21, prop_oneof![
        "[0-9]{1,4}", "[a-zæøå \"\\\\#\\[\\]={},;'\n]{0,12}", "20[0-3][0-9]-0[1-9]-[0-2][0-9]", Just("true".to_owned()),
    ]), 0..4)) {
        let old = catalogue(DEFAULT_FILE);
        let mut table = old.table();
        for (row, column, value) in &edits {
            table.rows[*row][*column] = value.clone();
        }
        match old.by_table(&table, DEFAULT_FILE, true) {
            Err(errors) => prop_assert!(!errors.is_empty()),
            Ok(new) => {
                let file = new.file(&old, DEFAULT_FILE).unwrap();
                prop_assert!(catalogue(&file).says_the_same_as(&new));
                let touched: Vec<usize> = edits.iter().map(|(row, ..)| *row).collect();
                let blocks = blocks(DEFAULT_FILE, "[[benefit]]");
                for (n, block) in blocks.iter().enumerate().filter(|(n, _)| !touched.contains(n)) {
                    prop_assert!(file.contains(block.text), "{n}");
                }
            }
        }
    }
}
