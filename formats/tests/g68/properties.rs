//! What must hold for any payment and any bytes.

use proptest::prelude::*;
use toek_formats::g68::*;
use toek_formats::vocabulary::{
    BankAccount, BenefitCode, IdentCode, MunicipalityCode, Ore, Party, SupplierId,
};

use crate::support::*;

/// Text as a record can carry it: printable ISO-8859-1 without reserved characters, no blank at the end.
fn any_text(longest: usize) -> impl Strategy<Value = String> {
    let letters = prop_oneof![
        8 => proptest::char::range(' ', ' '),
        30 => proptest::char::range('0', 'Z'),
        30 => proptest::char::range('a', '~'),
        10 => proptest::char::range('\u{A1}', '\u{FF}'),
    ];
    prop::collection::vec(letters, 0..=longest).prop_map(|text| {
        let text: String = text.into_iter().filter(|c| !"&!\\".contains(*c)).collect();
        text.trim_end().to_owned()
    })
}

fn some_text(longest: usize) -> impl Strategy<Value = String> {
    any_text(longest - 1).prop_map(|text| format!("x{text}"))
}

fn any_date() -> impl Strategy<Value = jiff::civil::Date> {
    (2021..2030_i16, 1..=12_i8, 1..=28_i8).prop_map(|(y, m, d)| jiff::civil::date(y, m, d))
}

/// People and companies nobody can have: published test numbers, constructed company numbers.
fn any_party() -> impl Strategy<Value = Party> {
    prop_oneof![
        prop::sample::select(vec![2_512_489_996, 108_589_995, 201_919_990, 1_506_305_000, 3_112_369_006_u64])
            .prop_map(cpr),
        prop::sample::select(vec![99_000_007, 99_000_015, 10_000_009_u64])
            .prop_map(|number| party(IdentCode::Cvr, number)),
        Just(party(IdentCode::Se, 99_000_023)),
        (1_000_000_000..=9_999_999_999_u64).prop_map(|number| party(IdentCode::ProductionUnit, number)),
    ]
}

/// Destination fields that fit a method, and the transaction type it is permitted for.
type Destination = (TransactionType, Method, Option<BankAccount>, Option<Slip>, Option<Party>, String);

fn any_destination() -> impl Strategy<Value = Destination> {
    let kind = prop::sample::select(vec![TransactionType::Payment, TransactionType::Forced]);
    let account = (1..=9_999_u16, 1..=9_999_999_999_u64)
        .prop_map(|(registration, number)| BankAccount::new(registration, number).ok());
    let slip = prop_oneof![
        Just(Slip { kind: 71, id: 123_455, creditor: 12_345_678 }),
        Just(Slip { kind: 75, id: 1_234_566, creditor: 12_345_678 }),
        Just(Slip { kind: 73, id: 0, creditor: 1 }),
    ];
    prop_oneof![
        Just((TransactionType::Payment, Method::NemKonto, None, None, None, String::new())),
        Just((TransactionType::Payment, Method::BenefitAccount, None, None, None, String::new())),
        Just((TransactionType::Registration, Method::Cash, None, None, None, String::new())),
        Just((TransactionType::Registration, Method::NoPayment, None, None, None, String::new())),
        (kind.clone(), account, some_text(34)).prop_map(|(kind, account, name)| (
            kind,
            Method::BankAccount,
            account,
            None,
            None,
            name
        )),
        (kind.clone(), slip).prop_map(|(kind, slip)| (
            kind,
            Method::PaymentSlip,
            None,
            Some(slip),
            None,
            String::new()
        )),
        kind.prop_map(|kind| {
            let receiver = party(IdentCode::Cvr, 99_000_031);
            (kind, Method::AlternativeReceiver, None, None, Some(receiver), String::new())
        }),
    ]
}

/// A payment no rule refuses, with the references of its place in the file.
fn any_payment(lines: usize) -> impl Strategy<Value = RequestBuf> {
    let money = (1..=99_999_999_999_i64, any::<bool>());
    let names = (any_text(34), any_text(34), any_text(12), any_text(20), some_text(36));
    let dates = (any_date(), prop::option::of((any_date(), any_date())), prop::option::of(any_date()));
    let codes = (any_party(), any_party(), prop::sample::select(vec![201_u16, 202, 205, 301, 901]));
    let numbers = (0..=999_u16, 0..=999_999_999_999_999_999_u64, prop::option::of(555..=9_999_u16));
    let text = prop::collection::vec(some_text(81), 0..=lines);
    (any_destination(), money, names, dates, codes, numbers, text, "[0-9A-Za-z./-]{1,40}").prop_map(
        |(destination, money, names, dates, codes, numbers, text, account)| {
            let (transaction_type, method, bank_account, slip, alternative, name) = destination;
            let (care_of, address, city, sending_system, case_ref) = names;
            let (date, period, invoice_date) = dates;
            let negative = money.1 && transaction_type == TransactionType::Payment;
            RequestBuf {
                registration_site: numbers.0,
                transaction_type,
                municipality: MunicipalityCode(751),
                supplier: SupplierId(*b"0901"),
                sending_system,
                payment_ident: numbers.1,
                amount: Ore(if negative { -money.0 } else { money.0 }),
                payee: codes.0,
                date,
                invoice_no: "1001".to_owned(),
                invoice_date,
                benefit: BenefitCode(codes.2),
                kle: "15.17.06".to_owned(),
                period: period.map(|(a, b)| (a.min(b), a.max(b))),
                recipient: codes.1,
                account,
                case_ref,
                method,
                bank_account,
                slip,
                alternative,
                name,
                care_of,
                address,
                postcode: numbers.2,
                city,
                text,
                ..RequestBuf::default()
            }
        },
    )
}

fn any_file(lines: usize) -> impl Strategy<Value = Vec<RequestBuf>> {
    prop::collection::vec(any_payment(lines), 1..6).prop_map(|mut payments| {
        for (n, payment) in payments.iter_mut().enumerate() {
            payment.posting_ref = PostingRef::parse(&format!("2020010100901{n:07}")).expect("twenty digits");
            payment.transaction_ref = format!("reference {n}");
        }
        payments
    })
}

fn any_options() -> impl Strategy<Value = WriteOptions> {
    let charset = prop::sample::select(vec![Charset::Latin1, Charset::Utf8, Charset::Ebcdic277]);
    let header = prop::sample::select(vec![Header::A, Header::B]);
    let partner = prop::sample::select(vec![Partner::None, Partner::After, Partner::Before]);
    let line_end = prop::sample::select(vec![LineEnd::Lf, LineEnd::CrLf]);
    (charset, header, partner, line_end, any::<[bool; 4]>()).prop_map(
        |(charset, header, partner, line_end, [floating, block, strip, control_sum])| WriteOptions {
            form: if floating { Form::Floating } else { Form::Fixed },
            header,
            plain: false,
            // G69 has 35 columns for the case reference.
            partner: if block { Partner::None } else { partner },
            mode: if block && !floating { Mode::Block } else { Mode::Line },
            charset,
            line_end,
            strip,
            control_sum,
        },
    )
}

/// Late disposition dates are no matter here.
fn patient() -> Options {
    Options { reception: jiff::civil::date(2020, 1, 28), ..options() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_we_write_we_read_back(payments in any_file(4), write_options in any_options()) {
        let payments: Vec<RequestBuf> = payments.into_iter().map(|mut payment| {
            payment.case_ref.truncate(payment.case_ref.char_indices().nth(34).map_or(usize::MAX, |(at, _)| at));
            payment
        }).collect();
        let bytes = write(write_options, &payments);
        let layouts = layouts();
        let mut writer = FileWriter::new(&layouts, write_options, START, Vec::new());
        let mut seen = 0;
        let report = read_in_blocks(&bytes, patient(), 333, |layouts, unit| {
            let request = unit.request.unwrap_or_else(|| panic!("{}", dump(layouts, &unit)));
            let sent = payments[seen].encode().unwrap();
            assert_eq!(told(request), told(&sent.request()), "{}", dump(layouts, &unit));
            writer.record(request).unwrap();
            seen += 1;
        });
        prop_assert_eq!(seen, payments.len());
        prop_assert_eq!(&report.findings, &[]);
        prop_assert_eq!(report.sum, payments.iter().map(|payment| payment.amount).sum());
        prop_assert_eq!(writer.finish(), bytes);
    }

    #[test]
    fn long_texts_go_in_the_floating_form(payments in any_file(36)) {
        let bytes = write(WriteOptions { form: Form::Floating, ..WriteOptions::default() }, &payments);
        let mut lines = Vec::new();
        read_in_blocks(&bytes, patient(), 1000, |_, unit| {
            lines.extend(unit.request.map(|request| request.text.len()));
        });
        prop_assert_eq!(lines, payments.iter().map(|payment| payment.text.len()).collect::<Vec<_>>());
    }

    #[test]
    fn blocks_of_any_size_give_the_same_units(
        payments in any_file(4),
        write_options in any_options(),
        hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in any::<prop::sample::Index>(),
        size in 1..2000_usize,
    ) {
        let payments: Vec<RequestBuf> = payments.into_iter().map(|mut payment| {
            payment.case_ref = "case".to_owned();
            payment
        }).collect();
        let mut bytes = write(write_options, &payments);
        for (place, value) in hits {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        bytes.truncate(bytes.len() - cut.index(bytes.len().min(300)));
        let whole = dump_file(&bytes, patient(), usize::MAX);
        prop_assert_eq!(&dump_file(&bytes, patient(), size), &whole);
        prop_assert_eq!(&dump_file(&bytes, patient(), 1), &whole);
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..3000), size in 1..500_usize) {
        for charset in [Charset::Latin1, Charset::Utf8, Charset::Ebcdic277] {
            for mode in [Mode::Line, Mode::Block] {
                let layouts = layouts();
                let physical = Physical { charset, mode, bom: false };
                let mut reader = Reader::new(&layouts, options(), physical, &World);
                let mut requests = 0;
                let mut sink = |unit: Unit<'_>| requests += usize::from(unit.request.is_some());
                bytes.chunks(size).for_each(|block| reader.feed(block, &mut sink));
                reader.finish(&mut sink);
                prop_assert_eq!(requests, 0);
            }
        }
    }

    #[test]
    fn floating_noise_is_read_without_panic(noise in "[&0-9+ A-Z]{0,300}", header in 0..3_usize) {
        let header = ["000G68000010751011", "000G6800001011", "000G6900001075101NORFLYD"][header];
        let file = format!("Z300 07516      0281\n{header}{noise}\nSLUTD00001\n");
        let report = read_in_blocks(file.as_bytes(), options(), 50, |layouts, unit| {
            assert!(!dump(layouts, &unit).is_empty());
        });
        prop_assert_eq!(report.records, 1);
    }
}

/// Everything a request says but what depends on the form it came in.
fn told(request: &Request<'_>) -> String {
    let texts = [
        request.sending_system,
        request.invoice_no,
        request.kle,
        request.account,
        request.case_ref,
        request.transaction_ref,
        request.name,
        request.care_of,
        request.address,
        request.city,
    ];
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {texts:?} {:?}",
        request.registration_site,
        request.transaction_type,
        request.municipality,
        request.supplier,
        request.payment_ident,
        request.amount,
        (request.payee.code, request.payee.number),
        request.date_sent,
        request.posting_ref,
        request.invoice_date,
        request.benefit,
        request.period,
        (request.recipient.code, request.recipient.number),
        request.method,
        (request.bank_account.map(|account| account.bban()), request.alternative.map(Party::digits)),
        request.slip.map(|slip| (slip.kind, slip.id, slip.creditor)),
        request.postcode,
        request.text.iter().collect::<Vec<_>>(),
    )
}
