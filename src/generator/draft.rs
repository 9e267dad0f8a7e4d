//! What one generated record means, before it is written.

use jiff::civil::Date;
use toek_formats::vocabulary::{IdentCode, Party};

use super::people;
use super::random::{Random, mix};
use super::record::{Field, Record};

/// A benefit the case system grants, and how its payments look. Amounts in øre.
struct Benefit {
    code: u16,
    kle: &'static str,
    account: &'static str,
    from_ore: u64,
    to_ore: u64,
    employer: bool,
    text: &'static str,
}

/// The benefits of KSD (g68.md 8.5). Amounts and account strings are invented; the shape is the example's.
const BENEFITS: &[Benefit] = &[
    Benefit {
        code: 101,
        kle: "15.17.06",
        account: "5577101010",
        from_ore: 200_000,
        to_ore: 2_100_000,
        employer: false,
        text: "Sygedagpenge",
    },
    Benefit {
        code: 102,
        kle: "15.17.12",
        account: "5577101020",
        from_ore: 900_000,
        to_ore: 1_900_000,
        employer: false,
        text: "Ressourceforløbsydelse",
    },
    Benefit {
        code: 103,
        kle: "15.17.06",
        account: "5577101010",
        from_ore: 150_000,
        to_ore: 6_000_000,
        employer: true,
        text: "Refusion af sygedagpenge",
    },
];

/// Which benefit how often: ten draws.
const BENEFIT_DRAWS: &[usize] = &[0, 0, 0, 0, 0, 0, 0, 1, 2, 2];

/// Invented names for texts, with the letters that break careless readers.
const NAMES: &[&str] = &[
    "Åse Æbelø",
    "Søren Østergård",
    "Jørgen Ærø",
    "Bodil Ågård",
    "Tove Übermann",
    "René Læsø",
    "Kåre Sønderå",
    "Pia Dahl",
    "Ole Skov",
    "Grethe Nør",
];

const MONTHS: [&str; 12] = [
    "januar",
    "februar",
    "marts",
    "april",
    "maj",
    "juni",
    "juli",
    "august",
    "september",
    "oktober",
    "november",
    "december",
];

/// The machine number in posting references (g68.md 6.2, field 16).
const MACHINE: u32 = 901;

/// The dates of a plan, worked out once.
#[derive(Clone, Debug)]
pub(super) struct Dates {
    /// The day of delivery.
    pub(super) day: Date,
    /// The bank day before it.
    pub(super) day_before: Date,
    /// Disposition dates of ordinary payments; drawn evenly.
    pub(super) ordinary: Vec<Date>,
    /// A day when banks are closed, after the first ordinary one.
    pub(super) closed: Date,
    /// The bank day before that.
    pub(super) before_closed: Date,
    /// More than five bank days before the delivery.
    pub(super) long_past: Date,
}

/// Where a record stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) seed: u64,
    pub(super) dates: &'a Dates,
    pub(super) supplier: &'a str,
    pub(super) municipality: u16,
    /// Number of the file within the plan, from 1.
    pub(super) file: u32,
    /// Number of the record within the file, from 1.
    pub(super) record: u32,
    /// Number of the record within the plan: makes payees and references distinct.
    pub(super) index: u64,
    pub(super) immediate_per_mille: u64,
}

/// One record by its meaning.
#[derive(Clone, Debug)]
pub(super) struct Draft<'a> {
    pub(super) dates: &'a Dates,
    pub(super) line: u32,
    pub(super) supplier: String,
    pub(super) municipality: u16,
    pub(super) unit: u16,
    pub(super) kind: u8,
    pub(super) ident: u64,
    pub(super) amount_ore: i64,
    pub(super) payee: Party,
    pub(super) recipient: Party,
    pub(super) disposition: Date,
    /// The day the payee has the money; `None` when the hub chooses it.
    pub(super) effective: Option<Date>,
    pub(super) posting_ref: String,
    pub(super) invoice: Option<u64>,
    pub(super) benefit: u16,
    kle: &'static str,
    account: &'static str,
    pub(super) period: (Date, Date),
    pub(super) case: String,
    pub(super) transaction_ref: String,
    pub(super) method: u8,
    texts: Vec<String>,
}

/// `20260130`.
fn digits(date: Date) -> u64 {
    let (year, month, day) =
        (date.year().unsigned_abs(), date.month().unsigned_abs(), date.day().unsigned_abs());
    u64::from(year) * 10_000 + u64::from(month) * 100 + u64::from(day)
}

impl<'a> Draft<'a> {
    /// A faultless record.
    pub(super) fn ordinary(place: &Place<'a>) -> Draft<'a> {
        let mut random = Random::new(&[place.seed, place.index]);
        let benefit = &BENEFITS[*random.pick(BENEFIT_DRAWS)];
        let recipient = Party { code: IdentCode::Cpr, number: people::person(place.index) };
        let payee = match benefit.employer {
            true => Party { code: IdentCode::Cvr, number: people::employer(random.below(500)) },
            false => recipient,
        };
        let amount = benefit.from_ore + random.below(benefit.to_ore - benefit.from_ore);
        let dates = place.dates;
        let first = dates.day.first_of_month();
        let mut draft = Draft {
            dates,
            line: place.record,
            supplier: place.supplier.to_owned(),
            municipality: place.municipality,
            unit: place.municipality,
            kind: 1,
            ident: place.index + 1,
            amount_ore: i64::try_from(amount).unwrap_or(i64::MAX),
            payee,
            recipient,
            disposition: dates.day,
            effective: None,
            posting_ref: format!("{:08}{MACHINE:05}{:07}", digits(dates.day), posting_number(place)),
            invoice: Some(place.index + 1),
            benefit: benefit.code,
            kle: benefit.kle,
            account: benefit.account,
            period: (first, dates.day.last_of_month()),
            case: format!("KSD-{:04}-{:07}", dates.day.year(), place.index + 1),
            transaction_ref: reference(place.seed, place.index),
            method: 0,
            texts: texts(benefit, dates.day, &mut random),
        };
        draft.choose_day(&mut random, place.immediate_per_mille);
        draft
    }

    fn choose_day(&mut self, random: &mut Random, immediate_per_mille: u64) {
        if random.below(1_000) < immediate_per_mille {
            let day = *random.pick(&[self.dates.day, self.dates.day_before]);
            self.pay_on(day, None);
        } else {
            let day = *random.pick(&self.dates.ordinary);
            self.pay_on(day, Some(day));
        }
    }

    /// Sets the date written, and the bank day meant (`None`: the hub's choice). The posting date is never
    /// later than the disposition date, which would be a warning of its own (G68-K18).
    pub(super) fn pay_on(&mut self, written: Date, effective: Option<Date>) {
        self.disposition = written;
        self.effective = effective;
        let posting = written.min(self.dates.day);
        self.posting_ref.replace_range(..8, &format!("{:08}", digits(posting)));
    }

    /// The same payee, benefit, period, amount and date as another payment; references stay.
    pub(super) fn pay_like(&mut self, other: &Draft<'a>) {
        self.payee = other.payee;
        self.recipient = other.recipient;
        self.benefit = other.benefit;
        self.kle = other.kle;
        self.account = other.account;
        self.period = other.period;
        self.amount_ore = other.amount_ore;
        self.texts.clone_from(&other.texts);
        self.pay_on(other.disposition, other.effective);
    }

    /// Writes it in columns.
    pub(super) fn record(&self) -> Record {
        let mut record = Record::empty();
        self.write_head(&mut record);
        self.write_payment(&mut record);
        self.write_destination(&mut record);
        self.write_texts(&mut record);
        record
    }

    fn write_head(&self, record: &mut Record) {
        record.number(Field::Linjenr, u64::from(self.line));
        record.number(Field::Orgenhed, u64::from(self.municipality));
        record.number(Field::Transtype, u64::from(self.kind));
        record.number(Field::Udbenhed, u64::from(self.unit));
        record.text(Field::Levid, &self.supplier);
    }

    fn write_payment(&self, record: &mut Record) {
        record.number(Field::Udident, self.ident);
        record.number(Field::Beloeb, self.amount_ore.unsigned_abs());
        record.text(Field::Fortegn, if self.amount_ore < 0 { "-" } else { "+" });
        record.text(Field::Identkode, &format!("{:02}", self.payee.code as u8));
        record.number(Field::Identnr, self.payee.number);
        record.number(Field::Dispdato, digits(self.disposition));
        record.text(Field::Posthenv, &self.posting_ref);
        if let Some(invoice) = self.invoice {
            record.text(Field::Fakturanr, &format!("{invoice:020}"));
        }
        record.number(Field::Ydelsesart, u64::from(self.benefit));
        record.text(Field::Klenr, self.kle);
        record.number(Field::Perfra, digits(self.period.0));
        record.number(Field::Pertil, digits(self.period.1));
        record.text(Field::Ydkode, &format!("{:02}", self.recipient.code as u8));
        record.number(Field::Ydnr, self.recipient.number);
        record.text(Field::Kontering, self.account);
        record.text(Field::Sagsref, &self.case);
        record.text(Field::Transref, &self.transaction_ref);
    }

    fn write_destination(&self, record: &mut Record) {
        record.number(Field::Betmaade, u64::from(self.method));
        match self.method {
            1 => {
                record.number(Field::Piregnr, 9_999); // a registration number no bank has
                record.number(Field::Pikonto, 1_000_000_000 + self.ident % 1_000_000_000);
                record.text(Field::Modtnavn, "Boligselskabet Søndergård");
            }
            3 => {
                record.text(Field::Altkode, "11");
                record.number(Field::Altnr, people::employer(self.ident));
            }
            _ => {}
        }
    }

    fn write_texts(&self, record: &mut Record) {
        record.number(Field::Tekstant, self.texts.len() as u64);
        for (field, text) in [Field::Tekst1, Field::Tekst2].into_iter().zip(&self.texts) {
            record.text(field, text);
        }
    }
}

/// The running number of a posting reference: the file's place and the record's, so that references of one
/// delivery are distinct. Seven digits hold 99 files before they repeat across files, which the format allows.
fn posting_number(place: &Place<'_>) -> u64 {
    u64::from(place.file % 100) * 100_000 + u64::from(place.record)
}

/// A reference of the shape of a UUID: the last twelve digits make it distinct, the first twenty unguessable.
fn reference(seed: u64, index: u64) -> String {
    let chance = mix(seed ^ mix(index));
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        chance >> 32,
        chance >> 16 & 0xFFFF,
        chance >> 4 & 0xFFF,
        mix(chance) & 0xFFF,
        (index ^ mix(seed)) & 0xFFFF_FFFF_FFFF
    )
}

fn texts(benefit: &Benefit, day: Date, random: &mut Random) -> Vec<String> {
    let month = MONTHS[usize::from(day.month().unsigned_abs()) - 1];
    let name = random.pick(NAMES);
    match benefit.employer {
        true => vec![
            format!("{}, medarbejder {name}", benefit.text),
            format!("Fraværsperiode {month} {}", day.year()),
        ],
        false => vec![format!("{} {month} {}", benefit.text, day.year())],
    }
}
