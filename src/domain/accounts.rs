//! The municipality's own accounts (kontostreng) by role, as classes of the assortment (00-decisions.md 2.6).
//!
//! A voucher speaks of roles; the ERP wants six dimensions, each the UUID of a class. This is the one look-up between
//! them. Whether a class may be used on a day is the assortment's to say ([`super::assortment`]). Never guesses: what is
//! not there holds a voucher back (V02).

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use toek_formats::vocabulary::{BenefitCode, MunicipalityCode, Uuid};
use uuid::Uuid as NameBased;

use super::assortment::{DIMENSION_PARTS, Days, REFERENCE_KEY_PART, VOUCHER_TYPE_PART};
use super::ledger::{Account, Rule, Source, Voucher};
use super::reference::{FileErrors, Rule as Form, Section, Validity, read_file};

mod coverage;

/// Keys of the six dimensions in a file, in the order of the account string (oir-finans-sf1590a.md 4.2).
const DIMENSION_KEYS: [&str; 6] =
    ["funktion", "dranst", "ejerforhold", "omkostningssted", "gruppering", "art"];
/// Which of them every account has (4.2, ASSUMED).
const IS_NEEDED: [bool; 6] = [true, true, false, false, false, true];

/// What a reference key names (REFERENCENØGLE; oir-finans-sf1590a.md 5.1, 00-decisions.md 2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReferenceKey {
    /// SPORINGSID: the money flow's trace id.
    Trace,
    /// UDBETALING: the payment.
    Payment,
    /// BETALING: the EndToEndId.
    Attempt,
    /// BUNDT: the bundle's reference.
    Bundle,
    /// YDELSE: the benefit's code.
    Benefit,
}

const REFERENCE_KEYS: [(&str, ReferenceKey); 5] = [
    ("SPORINGSID", ReferenceKey::Trace),
    ("UDBETALING", ReferenceKey::Payment),
    ("BETALING", ReferenceKey::Attempt),
    ("BUNDT", ReferenceKey::Bundle),
    ("YDELSE", ReferenceKey::Benefit),
];

const EVENTS: [&str; 3] = ["P4", "P6", "P8"];
/// Events that an installation may never have; a voucher of one without a class waits, and says so.
const RARE_EVENTS: [&str; 4] = ["P5", "P9", "P10", "P11"];
/// Roles, and the function that a new installation gives each (ASSUMED).
const ROLES: [(&str, &str); 7] = [
    ("UDB_K", "9.52.59"),
    ("MELLEM", "9.52.58"),
    ("BANK", "9.22.05"),
    ("BANK(fejlkonto)", "9.22.06"),
    ("BAGATEL", "9.52.57"),
    ("KONTANT", "9.22.01"),
    ("EGEN", "9.52.56"),
];

/// One account of `accounts.toml`.
#[derive(Clone, Debug)]
struct Row {
    role: usize,
    municipality: Option<MunicipalityCode>,
    benefit: Option<BenefitCode>,
    bank: Option<u8>,
    validity: Validity,
    dimensions: [Option<Uuid>; 6],
}

/// A class that the accounts name, and when they do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// For what: `UDB_K funktion`, `voucher type P4`.
    pub what: String,
    /// The sub-assortment it must be in.
    pub part: &'static str,
    /// The class.
    pub class: Uuid,
    /// The booking days on which a voucher may need it.
    pub days: Vec<Days>,
}

/// The accounts of an installation.
#[derive(Clone, Debug)]
pub struct AccountPlan {
    rows: Vec<Row>,
    types: BTreeMap<String, Uuid>,
}

impl AccountPlan {
    /// Reads `accounts.toml`.
    ///
    /// # Errors
    /// Every mistake of the file with its place.
    pub fn load(text: &str, file_name: &str) -> Result<AccountPlan, FileErrors> {
        read_file(text, file_name, |root| {
            let mut types = BTreeMap::new();
            if let Some(section) = root.required_section("voucher_types") {
                EVENTS.iter().for_each(|key| keep(&mut types, &section, key));
                for key in RARE_EVENTS {
                    types.extend(section.optional(key, &UUID).map(|class| (key.to_owned(), class)));
                }
                section.finish();
            }
            if let Some(section) = root.required_section("reference_keys") {
                REFERENCE_KEYS.iter().for_each(|(key, _)| keep(&mut types, &section, key));
                section.finish();
            }
            let sections = root.required_sections("account", "[[account]]");
            let rows: Vec<Option<Row>> = sections.iter().map(read_row).collect();
            for (n, row) in rows.iter().enumerate() {
                let clashes = |row: &Row| rows[..n].iter().flatten().any(|other| row.clashes(other));
                if row.as_ref().is_some_and(clashes) {
                    sections[n]
                        .wrong("role", "has an account above for the same days, municipality and benefit");
                }
            }
            Some(AccountPlan { rows: rows.into_iter().collect::<Option<_>>()?, types })
        })
    }

    /// The dimensions of an account on a booking day. The row that says most of municipality, benefit and bank account
    /// is taken.
    pub fn dimensions(
        &self,
        municipality: MunicipalityCode,
        account: Account,
        benefit: BenefitCode,
        day: Date,
    ) -> Option<[Option<Uuid>; 6]> {
        self.row(municipality, account, benefit, day).map(|row| row.dimensions)
    }

    fn row(
        &self,
        municipality: MunicipalityCode,
        account: Account,
        benefit: BenefitCode,
        day: Date,
    ) -> Option<&Row> {
        let (role, bank) = match account {
            Account::PaymentControl => (0, None),
            Account::Interim => (1, None),
            Account::Bank(n) => (2, Some(n)),
            Account::ErrorAccount => (3, None),
            Account::Petty => (4, None),
            Account::Cash => (5, None),
            Account::OwnAccount => (6, None),
        };
        let fits = |row: &&Row| {
            row.role == role
                && row.municipality.is_none_or(|own| own == municipality)
                && row.benefit.is_none_or(|own| own == benefit)
                && (row.bank.is_none() || row.bank == bank)
                && row.validity.holds(day)
        };
        self.rows.iter().filter(fits).max_by_key(|row| row.says())
    }

    /// The classes that a voucher names when it is booked on a day, each with for what and its sub-assortment. What has
    /// no account names none.
    pub fn named_by(&self, voucher: &Voucher, day: Date) -> Vec<(String, &'static str, Uuid)> {
        let accounts: BTreeSet<_> = voucher.lines.iter().map(|line| (line.account, line.benefit)).collect();
        let rows = accounts
            .into_iter()
            .filter_map(|(account, benefit)| self.row(voucher.municipality, account, benefit, day));
        let mut named: Vec<_> = rows.flat_map(Row::classes).collect();
        named.extend(self.type_use(voucher.rule.row().event));
        let is_of_payments = voucher.lines.iter().any(|line| line.payment.is_some());
        let is_of_bundle = matches!(voucher.source, Source::Bundle(_));
        let is_named = |key: ReferenceKey| match key {
            ReferenceKey::Benefit => true,
            ReferenceKey::Trace | ReferenceKey::Payment => is_of_payments,
            ReferenceKey::Bundle => is_of_bundle,
            ReferenceKey::Attempt => is_of_payments && is_of_bundle,
        };
        let keys = REFERENCE_KEYS.iter().filter(|(_, key)| is_named(*key));
        named.extend(keys.filter_map(|(name, _)| self.key_use(name)));
        named
    }

    /// Every class that vouchers of a municipality may name, with the booking days on which they may.
    pub fn uses(&self, municipality: MunicipalityCode) -> Vec<Use> {
        let always = [Days { from: Date::MIN, until: None }];
        let types = EVENTS.iter().chain(&RARE_EVENTS).filter_map(|event| self.type_use(event));
        let keys = REFERENCE_KEYS.iter().filter_map(|(name, _)| self.key_use(name));
        let types = types.chain(keys).map(|named| (named, always.to_vec()));
        let rows = self.rows.iter().filter(|row| row.municipality.is_none_or(|own| own == municipality));
        let rows = rows.flat_map(|row| {
            let days = self.days_taken(row, municipality);
            row.classes().into_iter().map(move |named| (named, days.clone()))
        });
        types.chain(rows).map(|((what, part, class), days)| Use { what, part, class, days }).collect()
    }

    /// The days of a row, without those on which another one is taken in its place whatever the benefit and bank.
    fn days_taken(&self, row: &Row, municipality: MunicipalityCode) -> Vec<Days> {
        let replaces = |other: &&Row| {
            other.role == row.role
                && other.municipality.is_none_or(|own| own == municipality)
                && (other.benefit.is_none() || other.benefit == row.benefit)
                && (other.bank.is_none() || other.bank == row.bank)
                && other.says() > row.says()
        };
        self.rows.iter().filter(replaces).fold(vec![row.days()], |left, other| {
            left.into_iter().flat_map(|days| days.without(other.days())).collect()
        })
    }

    fn type_use(&self, event: &str) -> Option<(String, &'static str, Uuid)> {
        Some((format!("voucher type {event}"), VOUCHER_TYPE_PART, *self.types.get(event)?))
    }

    fn key_use(&self, name: &str) -> Option<(String, &'static str, Uuid)> {
        Some((format!("reference key {name}"), REFERENCE_KEY_PART, *self.types.get(name)?))
    }

    /// The class of a voucher made by a rule.
    pub fn voucher_type(&self, rule: Rule) -> Option<Uuid> {
        self.types.get(rule.row().event).copied()
    }

    /// The class of a reference key.
    pub fn reference_key(&self, key: ReferenceKey) -> Option<Uuid> {
        let (name, _) = REFERENCE_KEYS.iter().find(|(_, known)| *known == key)?;
        self.types.get(*name).copied()
    }
}

impl Row {
    fn clashes(&self, other: &Row) -> bool {
        let key = |row: &Row| (row.role, row.municipality, row.benefit, row.bank);
        key(self) == key(other) && self.validity.overlaps(other.validity)
    }

    /// How much it says: the row that says most is taken.
    fn says(&self) -> (bool, bool, bool) {
        (self.municipality.is_some(), self.bank.is_some(), self.benefit.is_some())
    }

    fn days(&self) -> Days {
        let until = self.validity.to.and_then(|to| to.tomorrow().ok());
        Days { from: self.validity.from, until }
    }

    /// Its classes, each with for what and its sub-assortment.
    fn classes(&self) -> Vec<(String, &'static str, Uuid)> {
        let mut what = ROLES.get(self.role).map_or(String::new(), |(role, _)| (*role).to_owned());
        what.extend(self.bank.map(|bank| format!(" bank {bank}")));
        what.extend(self.benefit.map(|benefit| format!(" benefit {benefit}")));
        let names = DIMENSION_KEYS.iter().zip(DIMENSION_PARTS).zip(self.dimensions);
        names.filter_map(|((key, part), class)| Some((format!("{what} {key}"), part, class?))).collect()
    }
}

fn keep(types: &mut BTreeMap<String, Uuid>, section: &Section<'_>, key: &'static str) {
    types.extend(section.required(key, &UUID).map(|class| (key.to_owned(), class)));
}

fn read_row(section: &Section<'_>) -> Option<Row> {
    let role = section.required("role", &ROLE);
    let municipality = section.optional("municipality", &super::municipality::MUNICIPALITY);
    let benefit = section.optional("benefit", &BENEFIT);
    let bank = section.optional("bank", &BANK);
    let validity = Validity::read(section);
    let dimensions = section.required_section("dimensions").and_then(|section| {
        let mut dimensions = [None; 6];
        for ((key, needed), dimension) in DIMENSION_KEYS.into_iter().zip(IS_NEEDED).zip(&mut dimensions) {
            *dimension = match needed {
                true => Some(section.required(key, &UUID)?),
                false => section.optional(key, &UUID),
            };
        }
        section.finish();
        Some(dimensions)
    });
    section.finish();
    Some(Row { role: role?, municipality, benefit, bank, validity: validity?, dimensions: dimensions? })
}

/// The UUID of a class, in small letters.
pub(crate) const UUID: Form<Uuid> =
    Form { says: "must be a UUID in small letters", read: |value| Uuid::parse(value.as_str()?).ok() };

const ROLE: Form<usize> = Form {
    says: "must be \"UDB_K\", \"MELLEM\", \"BANK\", \"BANK(fejlkonto)\", \"BAGATEL\", \"KONTANT\" or \"EGEN\"",
    read: |value| {
        let text = value.as_str()?;
        ROLES.iter().position(|(role, _)| *role == text)
    },
};

const BENEFIT: Form<BenefitCode> = Form {
    says: "must be the four digits of a benefit, in quotes",
    read: |value| BenefitCode::parse(value.as_str()?).ok(),
};

const BANK: Form<u8> = Form {
    says: "must be the number of a bank account, from 1 to 255",
    read: |value| value.as_integer()?.as_str().parse().ok().filter(|n| *n > 0),
};

/// What `init` and the demo write. The classes are SYNTHETIC: made from their names, in no assortment of anybody's.
pub fn default_file() -> String {
    let class = |name: &str| synthetic_class(name).to_string();
    let mut text = String::from(
        "# The municipality's accounts by role: for each the six dimensions that the ERP system is told, as classes of\n\
         # the assortment. SYNTHETIC: put the classes of your own assortment (SF7002) in. The row that says most of\n\
         # municipality, bank account and benefit is taken; valid_from and valid_to are days of booking.\n\n\
         # Classes of the sub-assortment BILAGSTYPE, by event.\n[voucher_types]\n",
    );
    for event in EVENTS.into_iter().chain(RARE_EVENTS) {
        text.push_str(&format!("{event} = \"{}\"\n", class(event)));
    }
    text.push_str("\n# Classes of the sub-assortment REFERENCENØGLE.\n[reference_keys]\n");
    for (key, _) in REFERENCE_KEYS {
        text.push_str(&format!("{key} = \"{}\"\n", class(key)));
    }
    for (role, function) in ROLES {
        text.push_str(&format!(
            "\n# {function}, dranst 9, art 0.0\n[[account]]\nrole = \"{role}\"\n# municipality = \"0751\"\n# benefit = \
             \"0201\"\nvalid_from = 2020-01-01\n[account.dimensions]\nfunktion = \"{}\"\ndranst = \"{}\"\nart = \"{}\"\n",
            class(function),
            class("dranst 9"),
            class("art 0.0"),
        ));
    }
    text
}

/// A class for the demo and for rehearsals.
fn synthetic_class(name: &str) -> Uuid {
    Uuid(
        *NameBased::new_v5(&NameBased::NAMESPACE_OID, format!("toek synthetic class {name}").as_bytes())
            .as_bytes(),
    )
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    use super::super::ledger::{RULES, RuleRow};

    const AARHUS: MunicipalityCode = MunicipalityCode(751);
    const DAY: Date = date(2026, 1, 28);
    const OWN: &str = "00000000-0000-4000-8000-000000000001";

    #[test]
    fn every_role_has_an_account_to_start_with() {
        let plan = AccountPlan::load(&default_file(), "accounts.toml").unwrap();
        for account in [
            Account::PaymentControl,
            Account::Interim,
            Account::Bank(2),
            Account::ErrorAccount,
            Account::Petty,
            Account::Cash,
            Account::OwnAccount,
        ] {
            let found = plan.dimensions(AARHUS, account, BenefitCode(201), DAY).unwrap();
            assert!(found[0].is_some() && found[1].is_some() && found[5].is_some(), "{account}");
        }
        assert!(plan.dimensions(AARHUS, Account::Interim, BenefitCode(201), date(2019, 12, 31)).is_none());
        for RuleRow { rule, .. } in RULES {
            assert!(plan.voucher_type(rule).is_some());
        }
        for (_, key) in REFERENCE_KEYS {
            assert!(plan.reference_key(key).is_some());
        }
    }

    #[test]
    fn the_row_that_says_most_is_taken() {
        let own = "[[account]]\nrole = \"BANK\"\nmunicipality = \"0751\"\nbank = 2\nvalid_from = 2026-01-01\n\
                   valid_to = 2026-12-31\n[account.dimensions]\nfunktion = \"00000000-0000-4000-8000-000000000001\"\n\
                   dranst = \"00000000-0000-4000-8000-000000000002\"\nart = \"00000000-0000-4000-8000-000000000003\"\n";
        let plan = AccountPlan::load(&(default_file() + own), "accounts.toml").unwrap();
        let funktion = |municipality, bank, day| {
            plan.dimensions(municipality, Account::Bank(bank), BenefitCode(201), day).unwrap()[0].unwrap().0
                [15]
        };
        assert_eq!(funktion(AARHUS, 2, DAY), 1);
        assert_ne!(funktion(AARHUS, 1, DAY), 1);
        assert_ne!(funktion(AARHUS, 2, date(2027, 1, 1)), 1);
        assert_ne!(funktion(MunicipalityCode(101), 2, DAY), 1);
        let generic = |municipality| {
            let uses = plan.uses(municipality);
            let of_bank = uses.into_iter().filter(|one| one.what == "BANK funktion");
            of_bank.flat_map(|one| one.days).collect::<Vec<_>>()
        };
        let whole = Days { from: date(2020, 1, 1), until: None };
        assert_eq!(generic(AARHUS), [whole], "its own row is of one bank account only");
        let for_all = own.replace("bank = 2\n", "");
        let plan = AccountPlan::load(&(default_file() + &for_all), "accounts.toml").unwrap();
        let generic = |municipality| {
            let uses = plan.uses(municipality);
            let is_generic =
                |one: &&Use| one.what == "BANK funktion" && one.class != Uuid::parse(OWN).unwrap();
            uses.iter().find(is_generic).map(|one| one.days.clone()).unwrap()
        };
        let year = Days { from: date(2026, 1, 1), until: Some(date(2027, 1, 1)) };
        assert_eq!(generic(AARHUS), whole.without(year));
        assert_eq!(generic(MunicipalityCode(101)), [whole]);
        let twice =
            AccountPlan::load(&(default_file() + own + own), "accounts.toml").unwrap_err().to_string();
        assert!(twice.contains("has an account above"), "{twice}");
    }
}
