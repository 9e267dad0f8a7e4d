//! The benefit catalogue (ydelseskatalog): which benefits are paid, under which names, from which account.
//!
//! The file is `benefits.toml` (g68.md 8.5; 00-decisions.md 6.1). A row holds for a period; two rows of one code may
//! neither overlap nor leave a gap. Never decides what a benefit amounts to.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use jiff::civil::Date;
use toek_formats::vocabulary::{BenefitCode, Ore, SupplierId};

use super::municipality::SUPPLIER;
use super::reference::{
    FLAG, FileErrors, NAME, Place, Rule, Section, TEXT, TEXT35, Validity, WHOLE, read_file,
};

pub mod table;

/// The catalogue that `init` and the demo write, comments included.
pub const DEFAULT_FILE: &str = include_str!("benefits.toml");

/// One benefit in one period (ydelse).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Benefit {
    /// Its code (ydelsesart).
    pub code: BenefitCode,
    /// Its short key in the customer's paper, `SDP`; where the paper has one.
    pub toek_key: Option<String>,
    /// What NemKonto calls it, sent in Purp; at most 35 characters. It may decide to which account NemKonto pays.
    pub nemkonto_benefit: String,
    /// Its name.
    pub name: String,
    /// The case system it comes from, `KSD`; `all` for every one.
    pub source_system: String,
    /// When the row holds.
    pub validity: Validity,
    /// A payment below it goes to the petty account, once there is one; øre.
    pub minimum: Option<Ore>,
    /// A payment above it is held for a person; øre.
    pub maximum: Option<Ore>,
    /// The name of the municipality's account from which it is paid.
    pub bank_account: String,
    /// The account function it is likely booked on; for people.
    pub account_hint: Option<String>,
    /// What the payee is told it is (adviseringstekst), 1 to 35 characters (nemkonto.md 4.3). Kept, used by nothing yet.
    pub payment_text: Option<String>,
    /// How it is taxed. Kept, used by nothing yet.
    pub tax: Tax,
    /// How it is claimed back. Kept, used by nothing yet.
    pub repayment: Repayment,
    /// Where the row begins in the file.
    pub place: Place,
}

/// What kind of income a benefit is (tax-and-claims.md 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Income {
    /// A-indkomst: tax is withheld.
    A,
    /// B-indkomst: reported, nothing is withheld.
    B,
    /// Neither (skattefri).
    TaxFree,
}

impl Income {
    const ALL: [Income; 3] = [Income::A, Income::B, Income::TaxFree];

    /// As the file says it.
    pub fn text(self) -> &'static str {
        match self {
            Income::A => "a-income",
            Income::B => "b-income",
            Income::TaxFree => "tax-free",
        }
    }
}

/// How a benefit is taxed, and what is paid in of it; `None` is not decided (tax-and-claims.md 1, 2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tax {
    /// What kind of income it is.
    pub income: Option<Income>,
    /// Whether it carries labour market contribution (AM-bidrag).
    pub am_contribution: Option<bool>,
    /// Whether it carries ATP.
    pub atp: Option<bool>,
    /// Whether it carries the obligatory pension (obligatorisk pensionsordning, OP).
    pub op: Option<bool>,
    /// Whether it carries its supplement (OP-tillæg).
    pub op_supplement: Option<bool>,
}

/// How a benefit is claimed back (tax-and-claims.md 2, 4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repayment {
    /// Whether a claim may be taken out of it (modregning).
    pub offset_allowed: Option<bool>,
    /// The section by which it is paid (udbetalingsparagraf).
    pub payment_section: Option<String>,
    /// The section by which it is claimed back (tilbagebetalingsparagraf).
    pub repayment_section: Option<String>,
    /// PSRM's type of claim (fordringstype), `KTTIBAK`.
    pub psrm_claim_type: Option<String>,
}

/// The benefit of a plain G68+G69 pair, which carries none: by supplier and beginning of the account string
/// (g68.md 11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairDefault {
    /// Who sent it.
    pub supplier: SupplierId,
    /// How the account string begins.
    pub account_prefix: String,
    /// What it is then.
    pub benefit: BenefitCode,
}

/// The benefits of an installation, found by code in constant time.
#[derive(Clone, PartialEq, Eq)]
pub struct Catalogue {
    /// Ascending by code, then by first day.
    rows: Vec<Benefit>,
    /// For each possible code its rows.
    by_code: Box<[Range<u32>]>,
    /// Longest prefix first.
    pair_defaults: Vec<PairDefault>,
}

impl fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalogue")
            .field("rows", &self.rows)
            .field("pair_defaults", &self.pair_defaults)
            .finish()
    }
}

impl Catalogue {
    /// Reads `benefits.toml`.
    ///
    /// # Errors
    /// Every mistake of the file with its place, gaps and overlaps between the rows of a code included.
    pub fn load(text: &str, file_name: &str) -> Result<Catalogue, FileErrors> {
        read_file(text, file_name, |root| {
            let sections = root.required_sections("benefit", "[[benefit]]");
            let rows: Vec<_> = sections.iter().map(read_benefit).collect();
            check_periods(&sections, &rows);
            let pair_defaults = read_pair_defaults(root, &rows);
            Some(Catalogue::index(rows.into_iter().collect::<Option<_>>()?, pair_defaults))
        })
    }

    fn index(mut rows: Vec<Benefit>, mut pair_defaults: Vec<PairDefault>) -> Catalogue {
        rows.sort_by_key(|row| (row.code, row.validity.from));
        pair_defaults.sort_by_key(|row| std::cmp::Reverse(row.account_prefix.len()));
        let mut by_code = vec![0..0; 10_000];
        for (at, row) in (0_u32..).zip(&rows) {
            let range = &mut by_code[usize::from(row.code.0)];
            *range = if range.end == 0 { at..at + 1 } else { range.start..at + 1 };
        }
        Catalogue { rows, by_code: by_code.into(), pair_defaults }
    }

    fn rows_of(&self, code: BenefitCode) -> &[Benefit] {
        let range = self.by_code.get(usize::from(code.0)).cloned().unwrap_or(0..0);
        &self.rows[range.start as usize..range.end as usize]
    }

    /// The benefit as it is on a day; `None` when there is none of this code then.
    pub fn at(&self, code: BenefitCode, date: Date) -> Option<&Benefit> {
        self.rows_of(code).iter().find(|row| row.validity.holds(date))
    }

    /// Whether the code was ever, is or will be a benefit (G68-T05).
    pub fn exists(&self, code: BenefitCode) -> bool {
        !self.rows_of(code).is_empty()
    }

    /// All rows, ascending by code and first day.
    pub fn iter(&self) -> std::slice::Iter<'_, Benefit> {
        self.rows.iter()
    }

    /// What a plain G68+G69 pair pays: the row of its supplier with the longest prefix of its account string.
    pub fn pair_default(&self, supplier: SupplierId, account: &[u8]) -> Option<BenefitCode> {
        let fits = |row: &&PairDefault| {
            row.supplier == supplier && account.starts_with(row.account_prefix.as_bytes())
        };
        self.pair_defaults.iter().find(fits).map(|row| row.benefit)
    }
}

fn read_benefit(section: &Section<'_>) -> Option<Benefit> {
    let code = section.required("code", &BENEFIT);
    let toek_key = section.optional("toek_key", &TEXT);
    let nemkonto_benefit = section.required("nemkonto_ydelsesart", &TEXT35);
    let name = section.required("name", &TEXT);
    let source_system = section.required("source_system", &TEXT);
    let validity = Validity::read(section);
    let minimum = section.optional("minimum_ore", &AMOUNT);
    let maximum = section.optional("maximum_ore", &AMOUNT);
    let bank_account = section.required("bank_account", &NAME);
    let account_hint = section.optional("account_hint", &TEXT);
    let payment_text = section.optional("payment_text", &TEXT35);
    let tax = read_tax(section);
    let repayment = Repayment {
        offset_allowed: section.optional("offset_allowed", &FLAG),
        payment_section: section.optional("payment_section", &TEXT),
        repayment_section: section.optional("repayment_section", &TEXT),
        psrm_claim_type: section.optional("psrm_claim_type", &CLAIM_TYPE),
    };
    section.finish();
    if minimum.zip(maximum).is_some_and(|(minimum, maximum)| maximum < minimum) {
        section.wrong("maximum_ore", "must not be less than `minimum_ore`");
    }
    Some(Benefit {
        code: code?,
        toek_key,
        nemkonto_benefit: nemkonto_benefit?,
        name: name?,
        source_system: source_system?,
        validity: validity?,
        minimum,
        maximum,
        bank_account: bank_account?,
        account_hint,
        payment_text,
        tax,
        repayment,
        place: section.place(),
    })
}

/// What is tax free carries no contribution (tax-and-claims.md 1, step 1).
fn read_tax(section: &Section<'_>) -> Tax {
    let income = section.optional("income", &INCOME);
    let [am_contribution, atp, op, op_supplement] =
        ["am_contribution", "atp", "op", "op_supplement"].map(|key| section.optional(key, &FLAG));
    if income == Some(Income::TaxFree) && am_contribution == Some(true) {
        section.wrong("am_contribution", "must not be true where `income` is \"tax-free\"");
    }
    Tax { income, am_contribution, atp, op, op_supplement }
}

/// Rows of one code follow each other day by day.
fn check_periods(sections: &[Section<'_>], rows: &[Option<Benefit>]) {
    let mut by_code: BTreeMap<BenefitCode, Vec<(&Benefit, &Section<'_>)>> = BTreeMap::new();
    for (row, section) in rows.iter().zip(sections) {
        if let Some(row) = row {
            by_code.entry(row.code).or_default().push((row, section));
        }
    }
    for (code, mut rows) in by_code {
        rows.sort_by_key(|(row, _)| row.validity.from);
        for pair in rows.windows(2) {
            let [(earlier, _), (later, section)] = pair else { continue };
            if let Some(rule) = seam(code, earlier, later.validity.from) {
                section.wrong("valid_from", &rule);
            }
        }
    }
}

/// What is wrong between a row and the next of the same code, which begins at `next`.
fn seam(code: BenefitCode, earlier: &Benefit, next: Date) -> Option<String> {
    let line = earlier.place.line;
    let Some(to) = earlier.validity.to else {
        return Some(format!("overlaps the row of {code} in line {line}, which has no `valid_to`"));
    };
    if to >= next {
        return Some(format!("overlaps the row of {code} in line {line}, which holds until {to}"));
    }
    if to.tomorrow().is_ok_and(|day| day < next) {
        return Some(format!("leaves a gap after the row of {code} in line {line}, which holds until {to}"));
    }
    None
}

fn read_pair_defaults(root: &Section<'_>, rows: &[Option<Benefit>]) -> Vec<PairDefault> {
    let mut defaults: Vec<PairDefault> = Vec::new();
    for section in root.sections("pair_default") {
        let supplier = section.required("supplier", &SUPPLIER);
        let account_prefix = section.required("account_prefix", &ACCOUNT_PREFIX);
        let benefit = section.required("benefit", &BENEFIT);
        section.finish();
        let (Some(supplier), Some(account_prefix), Some(benefit)) = (supplier, account_prefix, benefit)
        else {
            continue;
        };
        if !rows.iter().flatten().any(|row| row.code == benefit) {
            section.wrong("benefit", "must be the code of a benefit in this file");
        }
        if defaults.iter().any(|row| row.supplier == supplier && row.account_prefix == account_prefix) {
            section.wrong("account_prefix", "has a row for this supplier above");
        }
        defaults.push(PairDefault { supplier, account_prefix, benefit });
    }
    defaults
}

const BENEFIT: Rule<BenefitCode> = Rule {
    says: "must be a benefit's code, four digits in quotes",
    read: |value| BenefitCode::parse(value.as_str()?).ok().filter(|code| code.0 != 0),
};

const AMOUNT: Rule<Ore> = Rule {
    says: "must be an amount in øre, a whole number from 1 to 999999999",
    read: |value| {
        let ore = Ore(i64::try_from((WHOLE.read)(value)?).ok()?);
        (Ore(1)..=Ore::PAYMENT_MAXIMUM).contains(&ore).then_some(ore)
    },
};

const INCOME: Rule<Income> = Rule {
    says: "must be \"a-income\", \"b-income\" or \"tax-free\"",
    read: |value| Income::ALL.into_iter().find(|income| value.as_str() == Some(income.text())),
};

/// ASSUMED: the form of the types seen (tax-and-claims.md 2).
const CLAIM_TYPE: Rule<String> = Rule {
    says: "must be a PSRM claim type of 1 to 10 capital letters and digits",
    read: |value| {
        let text = value.as_str()?;
        let legal = |c: char| c.is_uppercase() || c.is_ascii_digit();
        ((1..=10).contains(&text.chars().count()) && text.chars().all(legal)).then(|| text.to_owned())
    },
};

/// Account strings are ISO-8859-1; a prefix is compared byte by byte, so it is kept to ASCII.
const ACCOUNT_PREFIX: Rule<String> = Rule {
    says: "must be the beginning of an account string, 1 to 40 ASCII characters",
    read: |value| (TEXT.read)(value).filter(|text| text.is_ascii() && text.len() <= 40),
};

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn the_default_file_has_every_benefit() {
        let catalogue = Catalogue::load(DEFAULT_FILE, "benefits.toml").unwrap();
        let rows: Vec<_> = catalogue
            .iter()
            .map(|row| {
                (row.code.to_string(), row.toek_key.clone().unwrap_or_default(), row.source_system.clone())
            })
            .collect();
        let expected = [
            ("0101", "SDP", "KSD"),
            ("0102", "RJ", "KSD"),
            ("0103", "SDR", "KSD"),
            ("0201", "KH", "KY"),
            ("0202", "UH", "KY"),
            ("0203", "SHO", "KY"),
            ("0204", "REV", "KY"),
            ("0205", "LY", "KY"),
            ("0206", "", "KY"),
            ("0301", "PT", "KP"),
            ("0302", "HT", "KP"),
            ("0901", "", "all"),
            ("0902", "", "all"),
        ];
        assert_eq!(
            rows,
            expected.map(|(code, key, system)| (code.to_owned(), key.to_owned(), system.to_owned()))
        );
        for row in catalogue.iter() {
            assert_eq!((row.bank_account.as_str(), row.nemkonto_benefit.len()), ("main", 5));
        }
    }

    fn row(code: &str, from: &str, more: &str) -> String {
        format!(
            "[[benefit]]\ncode = \"{code}\"\nnemkonto_ydelsesart = \"0{code}\"\nname = \"N\"\nsource_system = \"KY\"\n\
             bank_account = \"main\"\nvalid_from = {from}\n{more}\n"
        )
    }

    #[test]
    fn a_benefit_as_it_is_on_a_day() {
        let text = row("0201", "2026-01-01", "")
            + &row("0201", "2025-01-01", "valid_to = 2025-12-31\nminimum_ore = 5");
        let catalogue = Catalogue::load(&text, "b.toml").unwrap();
        let minimum = |y, m, d| catalogue.at(BenefitCode(201), date(y, m, d)).map(|row| row.minimum);
        assert_eq!(minimum(2024, 12, 31), None);
        assert_eq!(minimum(2025, 1, 1), Some(Some(Ore(5))));
        assert_eq!(minimum(2025, 12, 31), Some(Some(Ore(5))));
        assert_eq!(minimum(2026, 1, 1), Some(None));
        assert!(catalogue.exists(BenefitCode(201)));
        for absent in [0, 200, 202, 9_999, 10_000, u16::MAX] {
            assert!(!catalogue.exists(BenefitCode(absent)));
        }
    }

    #[test]
    fn the_longest_prefix_wins() {
        let default = |supplier: &str, prefix: &str, benefit: &str| {
            format!(
                "[[pair_default]]\nsupplier = \"{supplier}\"\naccount_prefix = \"{prefix}\"\nbenefit = \"{benefit}\"\n"
            )
        };
        let text = row("0201", "2026-01-01", "")
            + &row("0202", "2026-01-01", "")
            + &default("KY", "5", "0201")
            + &default("KY", "557", "0202");
        let catalogue = Catalogue::load(&text, "b.toml").unwrap();
        let found = |supplier, account: &[u8]| catalogue.pair_default(SupplierId(supplier), account);
        assert_eq!(found(*b"KY  ", b"5573"), Some(BenefitCode(202)));
        assert_eq!(found(*b"KY  ", b"55"), Some(BenefitCode(201)));
        assert_eq!(found(*b"KY  ", b"655"), None);
        assert_eq!(found(*b"KSD ", b"5573"), None);
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(Catalogue::load(text, "b.toml").unwrap_err().to_string(), expected);
    }

    #[test]
    fn mistakes_have_their_place() {
        check("", "b.toml:1:1: `benefit`: must have at least one row, `[[benefit]]`");
        check(
            &row("101", "2026-02-28", "maximum_ore = 1000000000"),
            "b.toml:2:8: `benefit[1].code` is \"101\": must be a benefit's code, four digits in quotes\n\
             b.toml:8:15: `benefit[1].maximum_ore` is 1000000000: \
             must be an amount in øre, a whole number from 1 to 999999999",
        );
        check(
            &row("0101", "2026-01-01", "minimum_ore = 200\nmaximum_ore = 100"),
            "b.toml:9:15: `benefit[1].maximum_ore` is 100: must not be less than `minimum_ore`",
        );
        check(
            &row("0101", "2026-01-01", "valid_to = 2025-12-31"),
            "b.toml:8:12: `benefit[1].valid_to` is 2025-12-31: must not lie before `valid_from`",
        );
        check(
            &(row(
                "0101",
                "2026-01-01",
                "[[pair_default]]\nsupplier = \"KSD\"\naccount_prefix = \"5\"\nbenefit = \"0102\"",
            )),
            "b.toml:11:11: `pair_default[1].benefit` is \"0102\": must be the code of a benefit in this file",
        );
    }

    #[test]
    fn periods_neither_overlap_nor_leave_gaps() {
        let from = |earlier: &str| row("0101", "2026-01-01", earlier) + &row("0101", "2026-07-01", "");
        check(
            &from(""),
            "b.toml:15:14: `benefit[2].valid_from` is 2026-07-01: \
             overlaps the row of 0101 in line 1, which has no `valid_to`",
        );
        check(
            &from("valid_to = 2026-07-01"),
            "b.toml:15:14: `benefit[2].valid_from` is 2026-07-01: \
             overlaps the row of 0101 in line 1, which holds until 2026-07-01",
        );
        check(
            &from("valid_to = 2026-06-29"),
            "b.toml:15:14: `benefit[2].valid_from` is 2026-07-01: \
             leaves a gap after the row of 0101 in line 1, which holds until 2026-06-29",
        );
        assert!(Catalogue::load(&from("valid_to = 2026-06-30"), "b.toml").is_ok());
    }
}
