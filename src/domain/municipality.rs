//! The municipalities and what the hub must know of each: numbers, bank agreement, accounts, registered suppliers.
//!
//! The file is `municipalities.toml` (00-decisions.md 6.2). Every number that says whose money it is may stand only
//! once in it. Never decides which municipality a payment is for: the request says it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::fmt::Write as _;
use std::hash::Hash;

use toek_formats::vocabulary::{
    BankAccount, BenefitCode, MunicipalityCode, SupplierId, gln_is_valid, modulus11_cvr,
};
use toml::de::DeValue;

use super::reference::{FileErrors, NAME, Place, Rule, Section, TEXT, TEXT35, quoted, read_file};

/// The 98 municipalities (danish-identifiers.md 5), ascending by code.
pub const ALL: [(MunicipalityCode, &str); 98] = [
    (MunicipalityCode(101), "København"),
    (MunicipalityCode(147), "Frederiksberg"),
    (MunicipalityCode(151), "Ballerup"),
    (MunicipalityCode(153), "Brøndby"),
    (MunicipalityCode(155), "Dragør"),
    (MunicipalityCode(157), "Gentofte"),
    (MunicipalityCode(159), "Gladsaxe"),
    (MunicipalityCode(161), "Glostrup"),
    (MunicipalityCode(163), "Herlev"),
    (MunicipalityCode(165), "Albertslund"),
    (MunicipalityCode(167), "Hvidovre"),
    (MunicipalityCode(169), "Høje-Taastrup"),
    (MunicipalityCode(173), "Lyngby-Taarbæk"),
    (MunicipalityCode(175), "Rødovre"),
    (MunicipalityCode(183), "Ishøj"),
    (MunicipalityCode(185), "Tårnby"),
    (MunicipalityCode(187), "Vallensbæk"),
    (MunicipalityCode(190), "Furesø"),
    (MunicipalityCode(201), "Allerød"),
    (MunicipalityCode(210), "Fredensborg"),
    (MunicipalityCode(217), "Helsingør"),
    (MunicipalityCode(219), "Hillerød"),
    (MunicipalityCode(223), "Hørsholm"),
    (MunicipalityCode(230), "Rudersdal"),
    (MunicipalityCode(240), "Egedal"),
    (MunicipalityCode(250), "Frederikssund"),
    (MunicipalityCode(253), "Greve"),
    (MunicipalityCode(259), "Køge"),
    (MunicipalityCode(260), "Halsnæs"),
    (MunicipalityCode(265), "Roskilde"),
    (MunicipalityCode(269), "Solrød"),
    (MunicipalityCode(270), "Gribskov"),
    (MunicipalityCode(306), "Odsherred"),
    (MunicipalityCode(316), "Holbæk"),
    (MunicipalityCode(320), "Faxe"),
    (MunicipalityCode(326), "Kalundborg"),
    (MunicipalityCode(329), "Ringsted"),
    (MunicipalityCode(330), "Slagelse"),
    (MunicipalityCode(336), "Stevns"),
    (MunicipalityCode(340), "Sorø"),
    (MunicipalityCode(350), "Lejre"),
    (MunicipalityCode(360), "Lolland"),
    (MunicipalityCode(370), "Næstved"),
    (MunicipalityCode(376), "Guldborgsund"),
    (MunicipalityCode(390), "Vordingborg"),
    (MunicipalityCode(400), "Bornholm"),
    (MunicipalityCode(410), "Middelfart"),
    (MunicipalityCode(420), "Assens"),
    (MunicipalityCode(430), "Faaborg-Midtfyn"),
    (MunicipalityCode(440), "Kerteminde"),
    (MunicipalityCode(450), "Nyborg"),
    (MunicipalityCode(461), "Odense"),
    (MunicipalityCode(479), "Svendborg"),
    (MunicipalityCode(480), "Nordfyns"),
    (MunicipalityCode(482), "Langeland"),
    (MunicipalityCode(492), "Ærø"),
    (MunicipalityCode(510), "Haderslev"),
    (MunicipalityCode(530), "Billund"),
    (MunicipalityCode(540), "Sønderborg"),
    (MunicipalityCode(550), "Tønder"),
    (MunicipalityCode(561), "Esbjerg"),
    (MunicipalityCode(563), "Fanø"),
    (MunicipalityCode(573), "Varde"),
    (MunicipalityCode(575), "Vejen"),
    (MunicipalityCode(580), "Aabenraa"),
    (MunicipalityCode(607), "Fredericia"),
    (MunicipalityCode(615), "Horsens"),
    (MunicipalityCode(621), "Kolding"),
    (MunicipalityCode(630), "Vejle"),
    (MunicipalityCode(657), "Herning"),
    (MunicipalityCode(661), "Holstebro"),
    (MunicipalityCode(665), "Lemvig"),
    (MunicipalityCode(671), "Struer"),
    (MunicipalityCode(706), "Syddjurs"),
    (MunicipalityCode(707), "Norddjurs"),
    (MunicipalityCode(710), "Favrskov"),
    (MunicipalityCode(727), "Odder"),
    (MunicipalityCode(730), "Randers"),
    (MunicipalityCode(740), "Silkeborg"),
    (MunicipalityCode(741), "Samsø"),
    (MunicipalityCode(746), "Skanderborg"),
    (MunicipalityCode(751), "Aarhus"),
    (MunicipalityCode(756), "Ikast-Brande"),
    (MunicipalityCode(760), "Ringkøbing-Skjern"),
    (MunicipalityCode(766), "Hedensted"),
    (MunicipalityCode(773), "Morsø"),
    (MunicipalityCode(779), "Skive"),
    (MunicipalityCode(787), "Thisted"),
    (MunicipalityCode(791), "Viborg"),
    (MunicipalityCode(810), "Brønderslev"),
    (MunicipalityCode(813), "Frederikshavn"),
    (MunicipalityCode(820), "Vesthimmerlands"),
    (MunicipalityCode(825), "Læsø"),
    (MunicipalityCode(840), "Rebild"),
    (MunicipalityCode(846), "Mariagerfjord"),
    (MunicipalityCode(849), "Jammerbugt"),
    (MunicipalityCode(851), "Aalborg"),
    (MunicipalityCode(860), "Hjørring"),
];

/// The name of one of the 98 municipalities; `None` for any other code.
pub fn name_of(code: MunicipalityCode) -> Option<&'static str> {
    ALL.binary_search_by_key(&code, |(code, _)| *code).ok().map(|at| ALL[at].1)
}

/// A code as statistics print it, three digits without the leading zero: `101` is `0101`.
pub fn from_statistics_code(text: &str) -> Option<MunicipalityCode> {
    if text.len() != 3 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().map(MunicipalityCode)
}

/// A company number (CVR-nummer): eight digits whose check digit fits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cvr([u8; 8]);

impl Cvr {
    /// Eight digits; every CVR number satisfies modulus 11 (danish-identifiers.md 2).
    pub fn parse(text: &str) -> Option<Cvr> {
        let digits = text.as_bytes().try_into().ok()?;
        modulus11_cvr(&digits).then_some(Cvr(digits))
    }
}

impl fmt::Display for Cvr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|digit| f.write_char(char::from(*digit)))
    }
}
impl fmt::Debug for Cvr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A location number (EAN/GLN): thirteen digits whose check digit fits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gln(String);

impl Gln {
    /// Thirteen digits (danish-identifiers.md 8).
    pub fn parse(text: &str) -> Option<Gln> {
        gln_is_valid(text).then(|| Gln(text.to_owned()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Gln {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A municipality's account from which payments are drawn (debetkonto).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebitAccount {
    /// Its name within the municipality, as the catalogue uses it.
    pub name: String,
    /// The account.
    pub account: BankAccount,
}

/// A data supplier registered for a municipality (dataleverandør).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supplier {
    /// The short id that records carry (LEVID).
    pub id: SupplierId,
    /// Its id at NemKonto (PartyId), at most 35 characters.
    pub party_id: String,
    /// Its location number.
    pub gln: Option<Gln>,
}

/// A benefit whose payments this municipality draws from another account than the catalogue names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BenefitAccount {
    /// The benefit.
    pub benefit: BenefitCode,
    /// The place in [`Municipality::accounts`].
    account: usize,
    /// Where the file says so.
    pub place: Place,
}

/// One municipality (kommune).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Municipality {
    /// Its code.
    pub code: MunicipalityCode,
    /// Its name.
    pub name: String,
    /// Its company number.
    pub cvr: Cvr,
    /// The authority's number at NemKonto, issuer ADMID (nemkonto.md 2.4), at most 35 characters.
    pub authority: String,
    /// The number of its agreement with its bank (PI-aftalenummer, BkPtyId; nemkonto.md 2.5), at most 35 characters.
    pub bank_agreement: String,
    /// Its accounts, at least one; the first is the main account.
    pub accounts: Vec<DebitAccount>,
    /// Its exceptions from the accounts which the catalogue names.
    pub benefit_accounts: Vec<BenefitAccount>,
    /// The suppliers whose records are accepted for it.
    pub suppliers: Vec<Supplier>,
    /// Its location numbers.
    pub glns: Vec<Gln>,
    /// Where its row begins in the file.
    pub place: Place,
}

impl Municipality {
    /// The account of this name.
    pub fn account(&self, name: &str) -> Option<&DebitAccount> {
        self.accounts.iter().find(|account| account.name == name)
    }

    /// The account from which a benefit is paid: the municipality's own choice, else the one which the catalogue
    /// names. `None` when it has none of that name, which loading an installation rules out.
    pub fn debit_account(&self, benefit: BenefitCode, by_catalogue: &str) -> Option<&DebitAccount> {
        match self.benefit_accounts.iter().find(|own| own.benefit == benefit) {
            Some(own) => self.accounts.get(own.account),
            None => self.account(by_catalogue),
        }
    }

    /// The supplier of this id, when registered.
    pub fn supplier(&self, id: SupplierId) -> Option<&Supplier> {
        self.suppliers.iter().find(|supplier| supplier.id == id)
    }
}

/// The municipalities of an installation, found by code in constant time.
#[derive(Clone, PartialEq, Eq)]
pub struct Municipalities {
    rows: Vec<Municipality>,
    /// For each possible code the place in `rows`, or [`ABSENT`].
    by_code: Box<[u32]>,
}

const ABSENT: u32 = u32::MAX;

impl fmt::Debug for Municipalities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.rows).finish()
    }
}

impl Municipalities {
    /// Reads `municipalities.toml`.
    ///
    /// # Errors
    /// Every mistake of the file with its place; see the rules at each key.
    pub fn load(text: &str, file_name: &str) -> Result<Municipalities, FileErrors> {
        read_file(text, file_name, |root| {
            let sections = root.required_sections("municipality", "[[municipality]]");
            let mut once = Once::default();
            let rows = sections.iter().map(|section| read_municipality(section, &mut once));
            let rows: Option<Vec<_>> = rows.collect::<Vec<_>>().into_iter().collect();
            rows.map(Municipalities::index)
        })
    }

    fn index(mut rows: Vec<Municipality>) -> Municipalities {
        rows.sort_by_key(|row| row.code);
        let mut by_code = vec![ABSENT; 10_000];
        for (at, row) in (0..).zip(&rows) {
            by_code[usize::from(row.code.0)] = at;
        }
        Municipalities { rows, by_code: by_code.into() }
    }

    /// The municipality of this code.
    pub fn get(&self, code: MunicipalityCode) -> Option<&Municipality> {
        let at = *self.by_code.get(usize::from(code.0))?;
        self.rows.get(at as usize)
    }

    /// All of them, ascending by code.
    pub fn iter(&self) -> std::slice::Iter<'_, Municipality> {
        self.rows.iter()
    }

    /// Whether the supplier's records are accepted for the municipality (G68-T06).
    pub fn supplier_registered(&self, code: MunicipalityCode, supplier: SupplierId) -> bool {
        self.get(code).is_some_and(|row| row.supplier(supplier).is_some())
    }
}

/// Remembers which municipality used a number first: no two may share one, or money goes under a wrong name.
#[derive(Default)]
struct Once {
    code: HashMap<MunicipalityCode, u32>,
    cvr: HashMap<Cvr, u32>,
    authority: HashMap<String, u32>,
    agreement: HashMap<String, u32>,
    account: HashMap<BankAccount, u32>,
}

/// Notes a value that may stand once; says where it stood before, when it did.
fn seen_before<T: Hash + Eq>(seen: &mut HashMap<T, u32>, value: T, line: u32) -> Option<String> {
    match seen.entry(value) {
        Entry::Occupied(first) => {
            Some(format!("stands already in line {}; no two may share it", first.get()))
        }
        Entry::Vacant(free) => {
            free.insert(line);
            None
        }
    }
}

fn read_municipality(section: &Section<'_>, once: &mut Once) -> Option<Municipality> {
    let code = section.required("code", &CODE);
    let name = section.required("name", &TEXT);
    let cvr = section.required("cvr", &CVR);
    let authority = section.required("authority", &TEXT35);
    let bank_agreement = section.required("bank_agreement", &TEXT35);
    let accounts = read_accounts(section, once);
    let benefit_accounts = read_benefit_accounts(section, &accounts);
    let suppliers = read_suppliers(section);
    let glns = section.list("glns", &GLN);
    section.finish();
    let row = Municipality {
        code: code?,
        name: name?,
        cvr: cvr?,
        authority: authority?,
        bank_agreement: bank_agreement?,
        accounts,
        benefit_accounts,
        suppliers,
        glns,
        place: section.place(),
    };
    check_uniqueness(section, &row, once);
    Some(row)
}

fn check_uniqueness(section: &Section<'_>, row: &Municipality, once: &mut Once) {
    let line = |key| section.place_of(key).line;
    let repeated = [
        ("code", seen_before(&mut once.code, row.code, line("code"))),
        ("cvr", seen_before(&mut once.cvr, row.cvr, line("cvr"))),
        ("authority", seen_before(&mut once.authority, row.authority.clone(), line("authority"))),
        (
            "bank_agreement",
            seen_before(&mut once.agreement, row.bank_agreement.clone(), line("bank_agreement")),
        ),
    ];
    for (key, rule) in repeated {
        if let Some(rule) = rule {
            section.wrong(key, &rule);
        }
    }
}

fn read_accounts(section: &Section<'_>, once: &mut Once) -> Vec<DebitAccount> {
    let mut accounts: Vec<DebitAccount> = Vec::new();
    let rows = section.required_sections("account", "[[municipality.account]]");
    for row in rows {
        let name = row.required("name", &NAME);
        let account = row.required_masked("bban", &BBAN);
        row.finish();
        let (Some(name), Some(account)) = (name, account) else { continue };
        if let Some(rule) = seen_before(&mut once.account, account, row.place_of("bban").line) {
            row.wrong_masked("bban", &rule);
        }
        if accounts.iter().any(|other| other.name == name) {
            row.wrong("name", "is the name of an account above");
        }
        accounts.push(DebitAccount { name, account });
    }
    accounts
}

fn read_benefit_accounts(section: &Section<'_>, accounts: &[DebitAccount]) -> Vec<BenefitAccount> {
    let Some(map) = section.section("benefit_accounts") else { return Vec::new() };
    let mut own = Vec::new();
    for (key, value, place) in map.entries() {
        let account = accounts.iter().position(|account| value.as_str() == Some(&account.name));
        match (BenefitCode::parse(key), account) {
            (Ok(benefit), Some(account)) => own.push(BenefitAccount { benefit, account, place }),
            (Err(_), _) => map.wrong(key, "must have a benefit's code as key, four digits in quotes"),
            (Ok(_), None) => map.wrong(key, "must be the name of one of the municipality's accounts"),
        }
    }
    own
}

fn read_suppliers(section: &Section<'_>) -> Vec<Supplier> {
    let mut suppliers: Vec<Supplier> = Vec::new();
    for row in section.sections("supplier") {
        let id = row.required("id", &SUPPLIER);
        let party_id = row.required("party_id", &TEXT35);
        let gln = row.optional("gln", &GLN);
        row.finish();
        let (Some(id), Some(party_id)) = (id, party_id) else { continue };
        if suppliers.iter().any(|other| other.id == id) {
            row.wrong("id", "is registered above");
        }
        suppliers.push(Supplier { id, party_id, gln });
    }
    suppliers
}

const CODE: Rule<MunicipalityCode> = Rule {
    says: "must be the code of one of the 98 municipalities, four digits in quotes",
    read: |value| MunicipalityCode::parse(value.as_str()?).ok().filter(|code| name_of(*code).is_some()),
};

/// One of the 98 codes, for other reference files.
pub(crate) const MUNICIPALITY: Rule<MunicipalityCode> = CODE;

const CVR: Rule<Cvr> = Rule {
    says: "must be a CVR number, eight digits that satisfy modulus 11",
    read: |value| Cvr::parse(value.as_str()?),
};

/// A location number.
pub(crate) const GLN: Rule<Gln> = Rule {
    says: "must be a location number, thirteen digits with their check digit",
    read: |value| Gln::parse(value.as_str()?),
};

const BBAN: Rule<BankAccount> = Rule {
    says: "must be an account, four digits, a blank and up to ten digits",
    read: |value| BankAccount::parse(value.as_str()?).ok(),
};

/// A supplier's short id.
pub(crate) const SUPPLIER: Rule<SupplierId> = Rule {
    says: "must be a supplier's id of one to four characters",
    read: |value: &DeValue<'_>| SupplierId::parse(value.as_str()?).ok().filter(|id| id.0[0] != b' '),
};

/// A `municipalities.toml` for these municipalities with synthetic numbers, for `init` and the demo: valid by form,
/// each derived from the code, and none of them real. A code that is none of the 98 is written too, and refused at
/// load.
pub fn synthetic(codes: &[MunicipalityCode]) -> String {
    let mut text = String::from(SYNTHETIC_HEAD);
    for code in codes {
        text.push_str(&synthetic_row(*code));
    }
    text
}

const SYNTHETIC_HEAD: &str = "\
# The municipalities this installation pays for, and what it must know of each.
# All numbers below are SYNTHETIC: right by form and check digit, but nobody's. Replace them before any real use.
#
#   code            the municipality's code, one of the 98
#   cvr             its company number
#   authority       its number at NemKonto (ADMID)
#   bank_agreement  the number of its agreement with its bank (PI-aftalenummer)
#   glns            its location numbers
#   account         an account to pay from: a name, and registration number and account; the first is the main one
#   supplier        a case system whose records are accepted: LEVID of the records, id and location number at NemKonto
#   benefit_accounts  benefits paid from another account than benefits.toml names, as { \"0101\" = \"main\" }
";

/// The case systems registered in a synthetic file (00-decisions.md 6.1; design.md 3).
const CASE_SYSTEMS: [&str; 3] = ["KSD", "KY", "KP"];

fn synthetic_row(code: MunicipalityCode) -> String {
    let name = quoted(name_of(code).unwrap_or("?"));
    let (cvr, gln) = (synthetic_cvr(code), synthetic_gln(0, code));
    let mut row = format!(
        r#"
[[municipality]]
code = "{code}"
name = {name}
cvr = "{cvr}"
authority = "90{code}"
bank_agreement = "70{code}"
glns = ["{gln}"]
[[municipality.account]]
name = "main"
bban = "9999 000000{code}"
"#
    );
    for (n, system) in (1..).zip(CASE_SYSTEMS) {
        let gln = synthetic_gln(n, code);
        row.push_str(&format!(
            "[[municipality.supplier]]\nid = \"{system}\"\nparty_id = \"{system}{code}\"\ngln = \"{gln}\"\n"
        ));
    }
    row
}

/// 99, a digit, the code, the check digit. The third digit steps past the one in eleven without a check digit.
fn synthetic_cvr(code: MunicipalityCode) -> String {
    let candidates = (0..10).flat_map(|step| (0..10).map(move |check| format!("99{step}{code}{check}")));
    // Two steps in a row cannot both be without: their weighted sums differ by 6, which is not 0 modulo 11.
    candidates.into_iter().find(|digits| Cvr::parse(digits).is_some()).unwrap_or_default()
}

/// 5798, 009 and a digit, the code, the check digit.
fn synthetic_gln(n: u8, code: MunicipalityCode) -> String {
    let candidates = (0..10).map(|check| format!("5798009{n}{code}{check}"));
    candidates.into_iter().find(|digits| gln_is_valid(digits)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_code() -> Vec<MunicipalityCode> {
        ALL.iter().map(|(code, _)| *code).collect()
    }

    #[test]
    fn the_table_of_codes() {
        assert!(ALL.is_sorted_by(|a, b| a.0 < b.0));
        for (text, known) in [
            ("0101", true),
            ("0751", true),
            ("0860", true),
            ("0400", true),
            ("0411", false),
            ("0100", false),
            ("0999", false),
            ("1101", false),
        ] {
            let code = MunicipalityCode::parse(text).unwrap();
            assert_eq!(name_of(code).is_some(), known, "{text}");
        }
        assert_eq!(name_of(MunicipalityCode(492)), Some("Ærø"));
        assert!(MunicipalityCode::parse("101").is_err());
        assert_eq!(from_statistics_code("101"), Some(MunicipalityCode(101)));
        assert_eq!(from_statistics_code("0101"), None);
        assert_eq!(from_statistics_code("+10"), None);
    }

    #[test]
    fn a_synthetic_file_of_all_is_loaded() {
        let loaded = Municipalities::load(&synthetic(&every_code()), "municipalities.toml").unwrap();
        assert_eq!(loaded.iter().len(), 98);
        for (code, name) in ALL {
            let row = loaded.get(code).unwrap();
            assert_eq!((row.code, row.name.as_str()), (code, name));
            let main = row.debit_account(BenefitCode(101), "main").unwrap();
            assert_eq!(main.account.bban(), format!("9999000000{code}"));
            assert_eq!(row.authority, format!("90{code}"));
            assert!(row.supplier(SupplierId(*b"KSD ")).unwrap().gln.is_some());
        }
        assert!(loaded.supplier_registered(MunicipalityCode(751), SupplierId(*b"KY  ")));
        assert!(!loaded.supplier_registered(MunicipalityCode(751), SupplierId(*b"XX  ")));
        assert!(!loaded.supplier_registered(MunicipalityCode(752), SupplierId(*b"KY  ")));
        for absent in [0, 411, 752, 9_999, 10_000, u16::MAX] {
            assert!(loaded.get(MunicipalityCode(absent)).is_none());
        }
    }

    #[test]
    fn accounts_by_benefit() {
        let text = synthetic(&[MunicipalityCode(751)]).replace(
            "[[municipality.account]]",
            "benefit_accounts = { \"0103\" = \"employers\" }\n[[municipality.account]]",
        ) + "[[municipality.account]]\nname = \"employers\"\nbban = \"9999 17\"\n";
        let loaded = Municipalities::load(&text, "m.toml").unwrap();
        let row = loaded.get(MunicipalityCode(751)).unwrap();
        let name = |benefit, by_catalogue| {
            row.debit_account(BenefitCode(benefit), by_catalogue).map(|a| a.name.as_str())
        };
        assert_eq!(name(101, "main"), Some("main"));
        assert_eq!(name(103, "main"), Some("employers"));
        assert_eq!(name(101, "employers"), Some("employers"));
        assert_eq!(name(101, "other"), None);
    }

    /// Replaces the first `from` in the synthetic row of Aarhus and Odense, and tells what loading says.
    #[track_caller]
    fn check(from: &str, to: &str, expected: &str) {
        let text = synthetic(&[MunicipalityCode(751), MunicipalityCode(461)]);
        assert!(text.contains(from), "{from}");
        let errors = Municipalities::load(&text.replacen(from, to, 1), "m.toml").unwrap_err();
        assert_eq!(errors.to_string(), expected);
    }

    #[test]
    fn mistakes_have_their_place() {
        let cvr = synthetic_cvr(MunicipalityCode(751));
        check(
            "code = \"0751\"",
            "code = \"0411\"",
            "m.toml:14:8: `municipality[1].code` is \"0411\": \
             must be the code of one of the 98 municipalities, four digits in quotes",
        );
        check(
            &cvr,
            "12345678",
            "m.toml:16:7: `municipality[1].cvr` is \"12345678\": must be a CVR number, eight digits that satisfy modulus 11",
        );
        check(
            "bban = \"9999 0000000751\"",
            "bban = \"9999 00000007510\"",
            "m.toml:22:8: `municipality[1].account[1].bban` is ********: \
             must be an account, four digits, a blank and up to ten digits",
        );
        check(
            "bban = \"9999 0000000751\"",
            "bban = \"9999 461\"",
            "m.toml:45:8: `municipality[2].account[1].bban` is ********: stands already in line 22; no two may share it",
        );
        check(
            "\"900751\"",
            "\"900461\"",
            "m.toml:40:13: `municipality[2].authority` is \"900461\": stands already in line 17; no two may share it",
        );
        check(
            "[[municipality.account]]\nname = \"main\"\nbban = \"9999 0000000751\"",
            "account = [{ name = \"a\", bban = \"9999 7\" }, { name = \"b\", bban = \"9999 7\" }]",
            "m.toml:20:66: `municipality[1].account[2].bban` is ********: stands already in line 20; no two may share it",
        );
        check(
            "id = \"KY\"",
            "id = \"KSD\"",
            "m.toml:28:6: `municipality[1].supplier[2].id` is \"KSD\": is registered above",
        );
        check(
            "glns =",
            "glnz =",
            "m.toml:19:1: `municipality[1].glnz`: is no key here; the keys are \
             account, authority, bank_agreement, benefit_accounts, code, cvr, glns, name, supplier",
        );
        check(
            "[[municipality.account]]",
            "benefit_accounts = { \"0103\" = \"none\", x = \"main\" }\n[[municipality.account]]",
            "m.toml:20:31: `municipality[1].benefit_accounts.0103` is \"none\": \
             must be the name of one of the municipality's accounts\n\
             m.toml:20:43: `municipality[1].benefit_accounts.x` is \"main\": \
             must have a benefit's code as key, four digits in quotes",
        );
    }

    #[test]
    fn a_file_without_rows_is_refused() {
        let error = Municipalities::load("# nothing\n", "m.toml").unwrap_err();
        assert_eq!(
            error.to_string(),
            "m.toml:1:1: `municipality`: must have at least one row, `[[municipality]]`"
        );
    }

    #[test]
    fn accounts_hide_themselves() {
        let loaded = Municipalities::load(&synthetic(&[MunicipalityCode(751)]), "m.toml").unwrap();
        assert!(!format!("{loaded:?}").contains("9999"));
        let row = "[[municipality]]\ncode = \"0751\"\n";
        for account in [
            "account = \"9999 17\"",
            "account = [\"9999 17\"]",
            "account = [{ name = \"a\", bban = 999917 }]",
        ] {
            let errors = Municipalities::load(&format!("{row}{account}\n"), "m.toml").unwrap_err();
            assert!(!errors.to_string().contains("17") && errors.to_string().contains("account"), "{errors}");
        }
    }
}
