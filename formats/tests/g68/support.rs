//! The lawful synthetic world of the tests: look-up tables, the example of g68.md 13, one way to read a file.

use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday, date};
use toek_formats::g68::*;
use toek_formats::vocabulary::{
    BankAccount, BenefitCode, IdentCode, MunicipalityCode, Ore, Party, SupplierId,
};

/// Three municipalities, the benefit types of g68.md 8.5, three suppliers, bank days of 2025 and 2026.
pub(crate) struct World;

/// Closing days that fall on weekdays, 2025-12 to 2026-12 (danish-identifiers.md 10).
const CLOSED: [Date; 16] = [
    date(2025, 12, 24),
    date(2025, 12, 25),
    date(2025, 12, 26),
    date(2025, 12, 31),
    date(2026, 1, 1),
    date(2026, 4, 2),
    date(2026, 4, 3),
    date(2026, 4, 6),
    date(2026, 5, 14),
    date(2026, 5, 15),
    date(2026, 5, 25),
    date(2026, 6, 5),
    date(2026, 12, 24),
    date(2026, 12, 25),
    date(2026, 12, 26),
    date(2026, 12, 31),
];

fn is_bank_day(day: Date) -> bool {
    !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) && !CLOSED.contains(&day)
}

impl Tables for World {
    fn municipality_exists(&self, municipality: MunicipalityCode) -> bool {
        [101, 751, 851].contains(&municipality.0)
    }

    fn benefit_exists(&self, benefit: BenefitCode) -> bool {
        [101, 102, 103, 201, 202, 203, 204, 205, 206, 301, 302, 901, 902].contains(&benefit.0)
    }

    fn supplier_registered(&self, _: MunicipalityCode, supplier: SupplierId) -> bool {
        [*b"0901", *b"0902", *b"KY  "].contains(&supplier.0)
    }

    fn preceding_bank_day(&self, day: Date) -> Date {
        let mut day = day;
        while !is_bank_day(day) {
            day = day.saturating_sub(1.day());
        }
        day
    }

    fn following_bank_day(&self, day: Date) -> Date {
        let mut day = day.saturating_add(1.day());
        while !is_bank_day(day) {
            day = day.saturating_add(1.day());
        }
        day
    }

    fn default_benefit(&self, _: SupplierId, account: &[u8]) -> Option<BenefitCode> {
        match account {
            [b'5', b'5', b'7', b'7', b'1', ..] => Some(BenefitCode(101)),
            [b'5', b'5', b'7', b'7', b'3', ..] => Some(BenefitCode(201)),
            _ => None,
        }
    }
}

/// The day the example is received.
pub(crate) const RECEPTION: Date = date(2026, 1, 27);

pub(crate) fn party(code: IdentCode, number: u64) -> Party {
    Party { code, number }
}

pub(crate) fn cpr(number: u64) -> Party {
    party(IdentCode::Cpr, number)
}

fn base(n: u64, ident: u64, ore: i64, payee: Party) -> RequestBuf {
    RequestBuf {
        municipality: MunicipalityCode(751),
        supplier: SupplierId(*b"0901"),
        sending_system: "KSD".to_owned(),
        payment_ident: ident,
        amount: Ore(ore),
        payee,
        recipient: payee,
        date: date(2026, 1, 30),
        posting_ref: PostingRef::parse(&format!("2026013000901{n:07}")).expect("lawful test data"),
        invoice_no: format!("{ident:020}"),
        period: Some((date(2026, 1, 1), date(2026, 1, 31))),
        transaction_ref: format!("00000000-0000-4000-8000-{n:012}"),
        ..RequestBuf::default()
    }
}

/// The six payments of g68.md 13.
pub(crate) fn example() -> [RequestBuf; 6] {
    let sick = |request: RequestBuf| RequestBuf {
        benefit: BenefitCode(101),
        kle: "15.17.06".to_owned(),
        account: "5577101010".to_owned(),
        ..request
    };
    let cash = |request: RequestBuf| RequestBuf {
        benefit: BenefitCode(201),
        account: "5577310070".to_owned(),
        ..request
    };
    [
        RequestBuf {
            case_ref: "KSD-2026-0000123".to_owned(),
            text: vec!["Sygedagpenge januar 2026".to_owned()],
            ..sick(base(1, 1001, 1_845_600, cpr(2_512_489_996)))
        },
        RequestBuf {
            benefit: BenefitCode(103),
            recipient: cpr(108_589_995),
            period: Some((date(2026, 1, 1), date(2026, 1, 18))),
            case_ref: "KSD-2026-0000124".to_owned(),
            text: vec![
                "Refusion af sygedagpenge, medarbejder Åse Æbelø".to_owned(),
                "Fraværsperiode 01.01.2026-18.01.2026".to_owned(),
            ],
            ..{
                let refund = sick(base(2, 1002, 975_050, party(IdentCode::Cvr, 99_000_007)));
                RequestBuf { benefit: BenefitCode(103), ..refund }
            }
        },
        RequestBuf {
            transaction_type: TransactionType::Forced,
            period: Some((date(2026, 2, 1), date(2026, 2, 28))),
            case_ref: "KY-2026-0004711".to_owned(),
            method: Method::BankAccount,
            bank_account: Some(BankAccount::new(40, 440_116_243).expect("lawful test data")),
            name: "Boligselskabet Søndergård".to_owned(),
            address: "Østerågade 12".to_owned(),
            postcode: Some(9000),
            city: "Aalborg".to_owned(),
            text: vec!["Husleje februar 2026".to_owned()],
            ..cash(base(3, 1003, 650_000, cpr(201_919_996)))
        },
        RequestBuf {
            case_ref: "KY-2026-0004712".to_owned(),
            method: Method::AlternativeReceiver,
            alternative: Some(party(IdentCode::ProductionUnit, 1_999_999_999)),
            text: vec!["Kontanthjælp januar 2026, administration".to_owned()],
            ..cash(base(4, 1004, 1_221_300, cpr(201_919_990)))
        },
        RequestBuf {
            period: Some((date(2025, 12, 1), date(2025, 12, 31))),
            invoice_no: format!("{:020}", 1001),
            case_ref: "KSD-2026-0000123".to_owned(),
            text: vec!["Regulering december 2025".to_owned()],
            ..sick(base(5, 1005, -120_000, cpr(2_512_489_996)))
        },
        RequestBuf {
            transaction_type: TransactionType::Registration,
            date: date(2026, 1, 28),
            posting_ref: PostingRef::parse("20260128009010000006").expect("lawful test data"),
            benefit: BenefitCode(202),
            account: "5577310080".to_owned(),
            period: Some((date(2026, 1, 28), date(2026, 1, 28))),
            case_ref: "KY-2026-0004713".to_owned(),
            method: Method::Cash,
            ..base(6, 1006, 50_000, cpr(6_101_900_000))
        },
    ]
}

pub(crate) const START: Z300 = Z300 { municipality: MunicipalityCode(751), day: 28 };

pub(crate) fn layouts() -> Layouts {
    Layouts::embedded().expect("lawful test data")
}

/// A file of these requests.
pub(crate) fn write(options: WriteOptions, requests: &[RequestBuf]) -> Vec<u8> {
    let layouts = layouts();
    let mut writer = FileWriter::new(&layouts, options, START, Vec::new());
    for request in requests {
        writer.record_buf(request).expect("lawful test data");
    }
    writer.finish()
}

/// The example, lines stripped.
pub(crate) fn example_file() -> Vec<u8> {
    write(WriteOptions::default(), &example())
}

pub(crate) fn options() -> Options {
    Options::new(RECEPTION)
}

pub(crate) fn detect(bytes: &[u8], block: usize) -> Physical {
    let mut detector = Detector::new(None);
    bytes.chunks(block.max(1)).for_each(|block| detector.feed(block));
    detector.finish()
}

/// Reads a file in blocks of a size; `each` sees every unit.
pub(crate) fn read_in_blocks(
    bytes: &[u8],
    options: Options,
    block: usize,
    mut each: impl FnMut(&Layouts, Unit<'_>),
) -> FileReport {
    let layouts = layouts();
    let mut reader = Reader::new(&layouts, options, detect(bytes, block), &World);
    let mut sink = |unit: Unit<'_>| each(&layouts, unit);
    bytes.chunks(block.max(1)).for_each(|block| reader.feed(block, &mut sink));
    reader.finish(&mut sink)
}

/// The whole file as text, and its report.
pub(crate) fn dump_file(bytes: &[u8], options: Options, block: usize) -> (String, FileReport) {
    let mut text = String::new();
    let report = read_in_blocks(bytes, options, block, |layouts, unit| text.push_str(&dump(layouts, &unit)));
    (text, report)
}

/// Every code found, as `L3 G68-X01 PIREGNR 309-312` in the order found, the warnings every test number gives
/// (T09) left out; file findings first.
pub(crate) fn codes(bytes: &[u8], options: Options) -> Vec<String> {
    let mut found = Vec::new();
    let report = read_in_blocks(bytes, options, usize::MAX, |_, unit| {
        found.extend(unit.findings.iter().filter(|finding| finding.code != Code::T09).map(told));
    });
    report.findings.iter().map(told).chain(found).collect()
}

fn told(finding: &Finding) -> String {
    let name = if finding.field.is_some() { finding.field_name() } else { "-" };
    format!("L{} {} {name} {}-{}", finding.line_no, finding.code, finding.from, finding.to)
}
