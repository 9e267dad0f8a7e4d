//! The fields of G68, and the tables that place them.

use crate::layout::{Class, Field, Layout, LayoutError, Record, Slot as LayoutSlot};

macro_rules! slots {
    ($($slot:ident $name:literal,)*) => {
        /// Every field of the interface: the G68 record first, in the order of g68.md 7, then Z300, SLUTD and G69.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Slot {
            $(#[doc = concat!("`", $name, "`; its meaning stands in `formats/layouts/g68.toml`.")] $slot,)*
        }

        const ALL: &[Slot] = &[$(Slot::$slot,)*];

        fn name(slot: Slot) -> &'static str {
            match slot {
                $(Slot::$slot => $name,)*
            }
        }
    };
}

slots! {
    RegistrationSite "REGSTED",
    InterfaceType "SNITFLADE",
    LineNumber "LINJENR",
    OrganisationUnit "ORGENHED",
    TransactionType "TRANSTYPE",
    Form "FLYDFAST",
    PayingUnit "UDBENHED",
    OrganisationType "ORGTYPE",
    Supplier "LEVID",
    SendingSystem "AFSSYS",
    PaymentIdent "UDIDENT",
    Amount "BELOEB",
    Sign "FORTEGN",
    PayeeCode "IDENTKODE",
    PayeeNumber "IDENTNR",
    DispositionDate "DISPDATO",
    PostingRef "POSTHENV",
    InvoiceNo "FAKTURANR",
    InvoiceDate "FAKTDATO",
    Benefit "YDELSESART",
    Kle "KLENR",
    PeriodFrom "PERFRA",
    PeriodTo "PERTIL",
    RecipientCode "YDKODE",
    RecipientNumber "YDNR",
    Account "KONTERING",
    CaseRef "SAGSREF",
    TransactionRef "TRANSREF",
    Method "BETMAADE",
    BankRegistration "PIREGNR",
    BankAccount "PIKONTO",
    SlipType "KORTART",
    SlipId "BETID",
    SlipCreditor "KREDNR",
    AlternativeCode "ALTKODE",
    AlternativeNumber "ALTNR",
    Name "MODTNAVN",
    CareOf "MODTCO",
    Address "MODTADR",
    Postcode "MODTPOST",
    City "MODTBY",
    TextCount "TEKSTANT",
    Text1 "TEKST1",
    Text2 "TEKST2",
    Text3 "TEKST3",
    Text4 "TEKST4",
    Filler "FILLER",
    TextMore "TEKST5",
    Z300Code "Z300KODE",
    Z300Hdisp "HDISP",
    Z300User "BRUGERNR",
    Z300Medium "MEDIETYPE",
    Z300Volume "EVOLBR",
    Z300Day "DAGNR",
    Z300Mixed "BLANDET",
    SlutdCode "SLUTDKODE",
    SlutdCount "FANTREC",
    SlutdSum "KONTROLSUM",
    SlutdSign "KONTROLFORTEGN",
    FinanceSite "G69REGSTED",
    FinanceInterface "G69SNITFLADE",
    FinanceLineNumber "G69LINJENR",
    FinanceUnit "G69ORGENHED",
    FinanceUnitType "G69ORGTYPE",
    FinanceKind "POSTTYPE",
    FinanceFormat "LINJEFORMAT",
    Machine "MASKINNR",
    Expedition "EKSPNR",
    PostingDate "BOGFDATO",
    FinanceAccount "KONTO",
    FinanceAmount "G69BELOEB",
    DebitCredit "DEBKRED",
    FiscalYear "REGNSKABSAAR",
    PaymentRef "BETALINGSREF",
    ValueDate "VALOERDATO",
    FinancePayeeCode "BMKODE",
    FinancePayeeNumber "BMNR",
    FinanceRecipientCode "G69YDKODE",
    FinanceRecipientNumber "G69YDNR",
    TaxPersonCode "OPLKODE",
    TaxPersonNumber "OPLNR",
    TaxDuty "OPLPLIGT",
    PostingText "POSTTEKST",
    ExternalRef "EKSTREF",
}

/// How many slots the G68 record has: they come first, so that one word holds a bit for each.
pub(super) const G68_SLOTS: usize = Slot::TextMore as usize + 1;
/// The first slot of the G69 record.
pub(super) const G69_FIRST: usize = Slot::FinanceSite as usize;
/// How many slots the G69 record has.
pub(super) const G69_SLOTS: usize = ALL.len() - G69_FIRST;
const _: () = assert!(G68_SLOTS <= 64 && G69_SLOTS <= 64);

/// The text lines of the fixed form.
pub(super) const TEXT_SLOTS: [Slot; 4] = [Slot::Text1, Slot::Text2, Slot::Text3, Slot::Text4];

impl LayoutSlot for Slot {
    const ALL: &'static [Slot] = ALL;
    const RECORDS: &'static [&'static str] =
        &["z300", "slutd", "g68_head_a", "g68_head_b", "g68", "g69_head", "g69"];

    fn name(self) -> &'static str {
        name(self)
    }

    /// What the code relies on: numbers that fit their types, dates of eight digits, and the columns by which a
    /// record is recognised.
    fn accepts(self, field: &Field<Slot>) -> Result<(), &'static str> {
        let shape = Shape::of(self);
        if !shape.classes.contains(&field.class) {
            return Err("the code reads a field of this kind as another class");
        }
        if !(shape.shortest..=shape.longest).contains(&field.length) {
            return Err("the code cannot keep a value of this length");
        }
        if field.is_placed() && shape.from.is_some_and(|from| from != field.from) {
            return Err("a record is recognised by these columns");
        }
        Ok(())
    }
}

/// What the code can read in one slot.
struct Shape {
    classes: &'static [Class],
    shortest: u16,
    longest: u16,
    /// The column it must begin at.
    from: Option<u16>,
}

impl Shape {
    const fn new(classes: &'static [Class], shortest: u16, longest: u16) -> Shape {
        Shape { classes, shortest, longest, from: None }
    }

    const fn at(from: u16, length: u16) -> Shape {
        Shape { classes: &[Class::Text], shortest: length, longest: length, from: Some(from) }
    }

    /// A number of at most nineteen digits fits 64 bits; a text of at most 200 fits the longest record.
    const fn of(slot: Slot) -> Shape {
        const DIGITS: &[Class] = &[Class::Digits];
        match slot {
            Slot::Z300Code => Shape::at(1, 4),
            Slot::SlutdCode => Shape::at(1, 5),
            Slot::InterfaceType | Slot::FinanceInterface => Shape::at(4, 3),
            Slot::LineNumber | Slot::FinanceLineNumber => Shape::new(DIGITS, 1, 5),
            Slot::Supplier => Shape::new(&[Class::Text], 4, 4),
            Slot::PostingRef | Slot::PaymentRef => Shape::new(DIGITS, 20, 20),
            Slot::Sign | Slot::SlutdSign => Shape::new(&[Class::Sign], 1, 1),
            Slot::PayeeCode | Slot::RecipientCode | Slot::AlternativeCode => {
                Shape::new(&[Class::Ident], 2, 2)
            }
            Slot::FinancePayeeCode | Slot::FinanceRecipientCode | Slot::TaxPersonCode => {
                Shape::new(&[Class::Ident], 2, 2)
            }
            Slot::DispositionDate
            | Slot::InvoiceDate
            | Slot::PeriodFrom
            | Slot::PeriodTo
            | Slot::PostingDate
            | Slot::ValueDate => Shape::new(&[Class::Date], 8, 8),
            Slot::FinanceAmount => Shape::new(&[Class::Amount], 2, 17),
            Slot::Amount => Shape::new(DIGITS, 1, 13),
            Slot::SlutdSum => Shape::new(DIGITS, 1, 18),
            Slot::OrganisationUnit
            | Slot::PayingUnit
            | Slot::FinanceUnit
            | Slot::Z300User
            | Slot::Benefit => Shape::new(DIGITS, 4, 4),
            Slot::BankRegistration | Slot::Postcode => Shape::new(DIGITS, 4, 4),
            Slot::RegistrationSite
            | Slot::FinanceSite
            | Slot::TransactionType
            | Slot::Form
            | Slot::OrganisationType
            | Slot::FinanceUnitType
            | Slot::Method
            | Slot::TextCount
            | Slot::Z300Medium
            | Slot::Z300Mixed
            | Slot::Z300Day => Shape::new(DIGITS, 1, 4),
            Slot::SlutdCount | Slot::SlipCreditor => Shape::new(DIGITS, 5, 9),
            Slot::BankAccount => Shape::new(DIGITS, 10, 10),
            Slot::SlipType => Shape::new(DIGITS, 2, 2),
            Slot::PaymentIdent
            | Slot::PayeeNumber
            | Slot::RecipientNumber
            | Slot::SlipId
            | Slot::AlternativeNumber
            | Slot::Machine
            | Slot::Expedition
            | Slot::FiscalYear
            | Slot::FinancePayeeNumber
            | Slot::FinanceRecipientNumber
            | Slot::TaxPersonNumber => Shape::new(DIGITS, 1, 19),
            Slot::Filler => Shape::new(&[Class::Blank], 1, 200),
            Slot::Z300Hdisp | Slot::Z300Volume => Shape::new(&[Class::Blank], 1, 20),
            Slot::SendingSystem
            | Slot::InvoiceNo
            | Slot::Kle
            | Slot::Account
            | Slot::FinanceAccount
            | Slot::CaseRef
            | Slot::TransactionRef
            | Slot::Name
            | Slot::CareOf
            | Slot::Address
            | Slot::City
            | Slot::Text1
            | Slot::Text2
            | Slot::Text3
            | Slot::Text4
            | Slot::TextMore
            | Slot::FinanceKind
            | Slot::FinanceFormat
            | Slot::DebitCredit
            | Slot::TaxDuty
            | Slot::PostingText
            | Slot::ExternalRef => Shape::new(&[Class::Text, Class::Account], 1, 200),
        }
    }
}

/// The embedded table, `formats/layouts/g68.toml`.
pub const TABLE: &str = include_str!("../../layouts/g68.toml");

/// The G68 tables, loaded and compiled into the flat plans that the reader and the writer follow.
#[derive(Clone, Debug)]
pub struct Layouts {
    table: Layout<Slot>,
    pub(super) plans: super::plan::Plans,
}

impl Layouts {
    /// The embedded table.
    ///
    /// # Errors
    /// Never for the table in the tree, which a test proves; the error is there because loading has one way.
    pub fn embedded() -> Result<Layouts, LayoutError> {
        Layouts::load(TABLE, None)
    }

    /// The embedded table with an override on top (see [`Layout::load`]).
    ///
    /// # Errors
    /// What does not add up, with line and column.
    pub fn with_override(overriding: &str) -> Result<Layouts, LayoutError> {
        Layouts::load(TABLE, Some(overriding))
    }

    /// Another table, with an override or without.
    ///
    /// # Errors
    /// What does not add up, with line and column.
    pub fn load(table: &str, overriding: Option<&str>) -> Result<Layouts, LayoutError> {
        let table = Layout::load(table, overriding)?;
        let plans = super::plan::Plans::compile(&table);
        Ok(Layouts { table, plans })
    }

    /// The table itself, for documentation and tools.
    pub fn table(&self) -> &Layout<Slot> {
        &self.table
    }

    /// The bytes whose SHA-256 a transfer keeps (see [`Layout::canonical`]).
    pub fn canonical(&self) -> &[u8] {
        self.table.canonical()
    }

    /// Columns of a fixed G68 record, 850.
    pub fn record_length(&self) -> usize {
        self.plans.fixed_length
    }

    /// A record that loading has proven to be there.
    pub(super) fn record(&self, name: &str) -> Option<&Record<Slot>> {
        self.table.record(name)
    }
}
