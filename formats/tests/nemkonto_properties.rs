//! What is written is read back; any bytes, in any pieces, give the same answer and never a panic; and no input, how
//! large or deep it may be, takes more than a little.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

use jiff::civil::{Date, DateTime, date};
use proptest::prelude::*;
use toek_formats::nemkonto::*;
use toek_formats::vocabulary::{BankAccount, IdentCode, Ore, Party};

const PARTIES: Parties<'_> = Parties {
    supplier_id: "HUBTEST",
    supplier_gln: "5798009999009",
    nks_id: "NKSTEST",
    nks_gln: "5798009999016",
};

fn any_date() -> impl Strategy<Value = Date> {
    (1000_i16..=2999, 1_i8..=12, 1_i8..=28).prop_map(|(year, month, day)| date(year, month, day))
}

fn any_time() -> impl Strategy<Value = DateTime> {
    (any_date(), 0_i8..24, 0_i8..60, 0_i8..60)
        .prop_map(|(day, hour, minute, second)| day.at(hour, minute, second, 0))
}

fn any_account() -> impl Strategy<Value = BankAccount> {
    (1_u16..=9_999, 1_u64..=9_999_999_999)
        .prop_map(|(registration, number)| BankAccount::new(registration, number).unwrap())
}

/// Published test persons only (danish-identifiers.md 1.5), and companies of any number.
fn any_party() -> impl Strategy<Value = Party> {
    prop_oneof![
        prop::sample::select(vec![2_512_489_996_u64, 108_589_995, 201_609_995, 1_007_059_995])
            .prop_map(|number| Party { code: IdentCode::Cpr, number }),
        (1_u64..99_999_999).prop_map(|number| Party { code: IdentCode::Cvr, number }),
        (1_u64..99_999_999).prop_map(|number| Party { code: IdentCode::Se, number }),
        (1_u64..9_999_999_999).prop_map(|number| Party { code: IdentCode::ProductionUnit, number }),
    ]
}

/// Text a payment may carry, signs that XML must escape among it.
fn any_latin() -> impl Strategy<Value = String> {
    "[!-/:-~æøåÆØÅéü][ -/:-~æøåÆØÅéü]{0,30}[!-/:-~æøå]"
}

#[derive(Clone, Debug)]
struct Paid {
    benefit: String,
    amount: i64,
    payee: Party,
    name: Option<String>,
    account: Option<BankAccount>,
    advice: Vec<String>,
    address: Option<(Vec<String>, String)>,
    new_debit: bool,
}

fn any_payment() -> impl Strategy<Value = Paid> {
    (
        "[0-9]{4}",
        1_i64..=999_999_999,
        any_party(),
        prop::option::of(any_latin()),
        prop::option::of(any_account()),
        prop::collection::vec(any_latin(), 0..5),
        prop::option::of((prop::collection::vec(any_latin(), 0..5), any_latin())),
        prop::bool::weighted(0.2),
    )
        .prop_map(|(benefit, amount, payee, name, account, advice, address, new_debit)| Paid {
            benefit,
            amount,
            payee,
            name,
            account,
            advice,
            address,
            new_debit,
        })
}

fn write_bundle(payments: &[Paid], created: DateTime, execution: Date, format: AmountFormat) -> Vec<u8> {
    let head = BundleHead {
        parties: PARTIES,
        group_id: "T0751-20260327-000042",
        created,
        control_sum: Ore(payments.iter().map(|payment| payment.amount).sum()),
        count: payments.len() as u32,
        authority: "900001",
        amount_format: format,
    };
    let mut writer = BundleWriter::begin(Vec::new(), &head).unwrap();
    for (number, paid) in payments.iter().enumerate() {
        if number == 0 || paid.new_debit {
            let account = BankAccount::new(9999, 12_345).unwrap();
            let text = Some("A & B < C");
            writer.debit(&Debit { execution, agreement: "700001", account, text }).unwrap();
        }
        let advice: Vec<&str> = paid.advice.iter().map(String::as_str).collect();
        let lines: Vec<&str> = paid.address.iter().flat_map(|(lines, _)| lines).map(String::as_str).collect();
        let address = paid.address.as_ref().map(|(_, street)| Address {
            lines: &lines,
            street: Some(street),
            country: "DK",
            ..Address::default()
        });
        let payment = Payment {
            end_to_end_id: &format!("T0751-260327-{number}"),
            benefit: Some(&paid.benefit),
            amount: Ore(paid.amount),
            payee: Some(paid.payee),
            name: paid.name.as_deref(),
            address,
            account: paid.account,
            advice: &advice,
        };
        writer.payment(&payment).unwrap();
    }
    writer.finish().unwrap()
}

/// Gives one to seven bytes at a time.
struct Drops<'a>(&'a [u8], usize);

impl Read for Drops<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.1 = (self.1 * 5 + 3) % 7;
        let count = (self.1 + 1).min(self.0.len()).min(into.len());
        let (now, later) = self.0.split_at(count);
        into[..count].copy_from_slice(now);
        self.0 = later;
        Ok(count)
    }
}

/// All that is told of a document, and the fault with its place.
fn told(input: impl BufRead) -> String {
    let mut text = String::new();
    if let Err(error) = dump(input, Limits::default(), &mut |line| text.extend([line, "\n"])) {
        text += &error.to_string();
    }
    text
}

/// Pieces of XML, right and wrong, for documents that get past the first tag.
fn any_soup() -> impl Strategy<Value = String> {
    let sample = include_str!("../../fixtures/nemkonto/ok/5.8-answer8-taken.xml");
    let piece = prop::sample::select(vec![
        "<swift:A>",
        "</swift:A>",
        "<nks:GnlInf>",
        "</nks:GnlInf>",
        " ",
        "\r\n",
        "x",
        "æ",
        "&amp;",
        "&#65;",
        "&bad;",
        "]]>",
        "<![CDATA[x]]>",
        "<!-- c -->",
        "<?p i?>",
        "<a b='c'/>",
        "<",
        ">",
        "\"",
        "\u{1}",
        "<!DOCTYPE a>",
    ]);
    (prop::collection::vec(piece, 0..6), 0..sample.len(), 0..sample.len()).prop_map(
        move |(pieces, at, gone)| {
            let place = |at: usize| (at..).find(|at| sample.is_char_boundary(*at)).unwrap();
            let behind = place(at.saturating_add(gone % 40).min(sample.len()));
            [&sample[..place(at)], &pieces.concat(), &sample[behind.max(place(at))..]].concat()
        },
    )
}

proptest! {
    #[test]
    fn a_bundle_is_read_back(
        payments in prop::collection::vec(any_payment(), 1..12),
        created in any_time(),
        execution in any_date(),
        implied in any::<bool>(),
    ) {
        let format = if implied { AmountFormat::Implied3 } else { AmountFormat::Decimal2 };
        let bytes = write_bundle(&payments, created, execution, format);
        let mut reader = BundleReader::new(BufReader::with_capacity(9, bytes.as_slice()), Limits::default());
        let head = reader.head().unwrap();
        prop_assert_eq!((head.created, head.count, head.amount_format), (created, payments.len() as u64, format));
        for paid in &payments {
            let (debit, read) = reader.next().unwrap().unwrap();
            prop_assert_eq!((debit.execution, debit.text.as_deref()), (execution, Some("A & B < C")));
            prop_assert_eq!(read.amount, Ore(paid.amount));
            prop_assert_eq!(read.payee, Some(paid.payee));
            prop_assert_eq!(&read.name, &paid.name);
            prop_assert_eq!(read.account, paid.account);
            prop_assert_eq!(read.incomplete, paid.account.is_none());
            prop_assert_eq!(&read.advice, &paid.advice);
            prop_assert_eq!(read.benefit.as_deref(), Some(paid.benefit.as_str()));
            let address = paid.address.iter().flat_map(|(lines, street)| lines.iter().chain([street]));
            let country = paid.address.iter().map(|_| "DK");
            let expected: Vec<&str> = address.map(String::as_str).chain(country).collect();
            prop_assert_eq!(&read.address, &expected);
        }
        prop_assert!(reader.next().unwrap().is_none());
    }

    #[test]
    fn an_answer_is_read_back(
        kind in prop::sample::select(AnswerKind::ALL.to_vec()),
        text in prop::option::of("[ -~æøåÆØÅ€\n\t]{1,105}"),
        reason in prop::option::of("[ -~]{1,35}"),
        payments in prop::collection::vec((any_party(), any_account(), "[0-9]{1,12}", "\\PC{1,35}"), 1..8),
        created in any_time(),
        execution in any_date(),
    ) {
        let of_bundle = matches!(kind, AnswerKind::Answer2 | AnswerKind::Answer5);
        let has_header = of_bundle || kind.is_receipt();
        let head = AnswerHead {
            kind,
            message_id: "NKS2C RETURSVAR2 0000005003".to_owned(),
            action: kind.is_receipt().then_some(Status::Rejected),
            ref_to_message_id: has_header.then(|| "T0751-20260327-000042".to_owned()),
            group_id: (!kind.is_receipt()).then(|| "T0751-20260327-000042".to_owned()),
            group_status: of_bundle.then_some(Status::Partial),
            reason: reason.clone().filter(|_| !kind.is_receipt()),
            text: text.clone(),
            created,
            authority: (!kind.is_receipt()).then(|| "900001".to_owned()),
            supplier_id: has_header.then(|| "HUBTEST".to_owned()),
            unknown_elements: 0,
        };
        let of_bank = kind == AnswerKind::Answer8;
        let payments = if kind.is_receipt() { &payments[..0] } else { &payments };
        let given: Vec<AnsweredPayment<'_>> = payments.iter().map(|(party, account, amount, reference)| AnsweredPayment {
            end_to_end_id: reference,
            instruction_id: Some(reference),
            status: Status::Unknown,
            status_text: "PDNG",
            reason: reason.as_deref(),
            text: text.as_deref(),
            amount_text: amount,
            currency: "DKK",
            incomplete: true,
            payee: Some(*party),
            account_used: of_bank.then_some(AccountUsed::Danish(*account)),
            execution: of_bank.then_some(execution),
            agreement: of_bank.then_some("700001"),
            debit_account: of_bank.then_some(*account),
            debit_text: None,
        }).collect();
        let mut writer = AnswerWriter::begin(Vec::new(), &head, &PARTIES).unwrap();
        for payment in &given {
            writer.payment(payment).unwrap();
        }
        let bytes = writer.finish().unwrap();
        let mut reader = AnswerReader::new(BufReader::with_capacity(9, bytes.as_slice()), Limits::default());
        prop_assert!(reader.head().unwrap() == head, "{:?}", reader.head());
        for payment in &given {
            let read = reader.next().unwrap().unwrap();
            prop_assert!(read == *payment, "{read:?}");
        }
        prop_assert_eq!(reader.finish().unwrap(), AnswerEnd { payments: given.len() as u64, unknown_elements: 0 });
    }

    #[test]
    fn any_bytes_in_any_pieces(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(told(bytes.as_slice()), told(BufReader::with_capacity(3, Drops(&bytes, 0))));
    }

    #[test]
    fn any_soup_in_any_pieces(soup in any_soup()) {
        let whole = told(soup.as_bytes());
        prop_assert_eq!(&whole, &told(BufReader::with_capacity(1, soup.as_bytes())));
        prop_assert_eq!(&whole, &told(BufReader::with_capacity(64, Drops(soup.as_bytes(), 0))));
    }
}

/// Repeats a piece for ever, counting the bytes taken.
struct Endless {
    begin: &'static [u8],
    piece: &'static [u8],
    given: Rc<Cell<u64>>,
}

impl Read for Endless {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        for byte in into.iter_mut() {
            let at = self.given.get() as usize;
            let behind = at.wrapping_sub(self.begin.len()) % self.piece.len();
            *byte = self.begin.get(at).copied().unwrap_or_else(|| self.piece[behind]);
            self.given.set(self.given.get() + 1);
        }
        Ok(into.len())
    }
}

const ROOT: &[u8] = b"<n:NKSResponse9 xmlns:n='http://rep.oio.dk/oes.dk/nemkonto/xml/schemas/2006/05/01/'>";

/// Reads without end what begins with a root; tells the fault and the bytes taken.
fn endless(begin: &'static [u8], piece: &'static [u8], limits: Limits) -> (Kind, u64) {
    let given = Rc::new(Cell::new(0));
    let input = Endless { begin, piece, given: Rc::clone(&given) };
    let error = AnswerReader::new(BufReader::new(input), limits).finish().unwrap_err();
    (error.kind(), given.get())
}

#[test]
fn nothing_endless_is_swallowed() {
    let table: [(&[u8], &str); 7] = [
        (b"x", "text"),
        (b" ", "white space"),
        (b"<!-- ", "one comment"),
        (b"<a ", "one tag"),
        (b"<a>", "nesting"),
        (b"<![CDATA[", "one section"),
        (b"&#", "a reference"),
    ];
    for (piece, what) in table {
        let (kind, taken) = endless(ROOT, piece, Limits::default());
        assert!(matches!(kind, Kind::Limit | Kind::Malformed), "{what}: {kind:?}");
        assert!(taken < 400_000, "{what}: {taken} bytes taken");
    }
    for piece in [b"<!-- comment -->".as_slice(), b"<a b='c'/>", b"<?p?> "] {
        let (kind, taken) = endless(ROOT, piece, Limits { bytes: 1 << 20, ..Limits::default() });
        assert_eq!(kind, Kind::Limit);
        assert!((1 << 20..(1 << 20) + 100_000).contains(&taken), "{taken} bytes taken");
    }
}

#[test]
fn ten_thousand_deep() {
    let deep = [ROOT, &b"<n:x>".repeat(10_000), &b"</n:x>".repeat(10_000), b"</n:NKSResponse9>"].concat();
    let error = AnswerReader::new(deep.as_slice(), Limits::default()).finish().unwrap_err();
    assert_eq!((error.kind(), error.column()), (Kind::Limit, ROOT.len() as u64 + 31 * 5 + 1));
}

#[test]
fn many_attributes_and_declarations() {
    let attributes: String = (0..100).map(|number| format!(" a{number}='1'")).collect();
    let declarations: String = (0..100).map(|number| format!(" xmlns:a{number}='urn:a'")).collect();
    for text in [attributes, declarations] {
        let document = [ROOT, b"<x", text.as_bytes(), b"/></n:NKSResponse9>"].concat();
        assert_eq!(
            AnswerReader::new(document.as_slice(), Limits::default()).finish().unwrap_err().kind(),
            Kind::Limit
        );
    }
}

#[test]
fn after_a_fault_there_are_only_faults() {
    let sample = include_str!("../../fixtures/nemkonto/ok/5.8-answer8-taken.xml");
    let broken = sample.replacen("<swift:BBAN>99980000067890", "<swift:BBAN>9998000006789X", 1);
    let mut reader = AnswerReader::new(broken.as_bytes(), Limits::default());
    assert!(reader.next().unwrap().is_some());
    assert_eq!(reader.next().unwrap_err().kind(), Kind::Value);
    assert!(reader.next().is_err());
    assert!(reader.finish().is_err());
}

#[test]
fn a_failing_input_is_no_fault_of_the_document() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("gone"))
        }
    }
    let sample = include_bytes!("../../fixtures/nemkonto/ok/5.8-answer8-taken.xml");
    let mut reader = AnswerReader::new(BufReader::new(sample[..700].chain(Fails)), Limits::default());
    assert_eq!(reader.head().unwrap_err().kind(), Kind::Io);
}

#[test]
fn a_bundle_that_breaks_its_promise_is_none() {
    let head = BundleHead {
        parties: PARTIES,
        group_id: "T0751-20260327-000042",
        created: date(2026, 3, 27).at(9, 15, 0, 0),
        control_sum: Ore(125_000),
        count: 1,
        authority: "900001",
        amount_format: AmountFormat::Decimal2,
    };
    let account = BankAccount::new(9999, 12_345).unwrap();
    let debit = Debit { execution: date(2026, 3, 31), agreement: "700001", account, text: None };
    let good = Payment {
        end_to_end_id: "T0751-260327-1",
        benefit: Some("0101"),
        amount: Ore(125_000),
        payee: Some(Party { code: IdentCode::Cpr, number: 2_512_489_996 }),
        name: None,
        address: None,
        account: None,
        advice: &[],
    };
    let write = |head: &BundleHead<'_>, payments: &[Payment<'_>]| -> Result<usize, WriteError> {
        let mut writer = BundleWriter::begin(Vec::new(), head)?;
        writer.debit(&debit)?;
        payments.iter().try_for_each(|payment| writer.payment(payment))?;
        Ok(writer.finish()?.len())
    };
    assert!(write(&head, &[good]).is_ok());
    assert!(matches!(write(&head, &[]), Err(WriteError::Order(_))));
    assert!(matches!(write(&BundleHead { count: 2, ..head }, &[good]), Err(WriteError::Count { .. })));
    assert!(matches!(
        write(&BundleHead { control_sum: Ore(1), ..head }, &[good]),
        Err(WriteError::Sum { .. })
    ));
    for group_id in ["", "a b", "æ", &"x".repeat(36)] {
        assert!(matches!(write(&BundleHead { group_id, ..head }, &[good]), Err(WriteError::Field { .. })));
    }
    let replacement = Party { code: IdentCode::Cpr, number: 6_101_804_001 };
    let creditor = Party { code: IdentCode::CreditorAccount, number: 1 };
    let long: Vec<&str> = vec!["x"; 42];
    let wrong = [
        ("EndToEndId", Payment { end_to_end_id: &"1".repeat(28), ..good }),
        ("EndToEndId", Payment { end_to_end_id: "a_b", ..good }),
        ("InstdAmt", Payment { amount: Ore(0), ..good }),
        ("InstdAmt", Payment { amount: Ore(-1), ..good }),
        ("InstdAmt", Payment { amount: Ore(1_000_000_000), ..good }),
        ("Purp", Payment { benefit: None, ..good }),
        ("Cdtr", Payment { payee: None, ..good }),
        ("Cdtr", Payment { payee: None, account: Some(account), ..good }),
        ("Cdtr", Payment { payee: Some(creditor), ..good }),
        ("SclSctyNb", Payment { payee: Some(replacement), ..good }),
        ("RmtInf", Payment { advice: &long, ..good }),
        ("Ustrd", Payment { advice: &[" "], ..good }),
        ("Ustrd", Payment { advice: &["tab\there"], ..good }),
        ("Ustrd", Payment { advice: &["til 251248-9996"], ..good }),
        ("Ustrd", Payment { advice: &["123456789012345678901234567890123456"], ..good }),
        ("Nm", Payment { name: Some(""), ..good }),
        ("Ctry", Payment { address: Some(Address { country: "dk", ..Address::default() }), ..good }),
    ];
    for (expected, payment) in wrong {
        match write(&head, &[payment]) {
            Err(WriteError::Field { payment: 1, field, .. }) => assert_eq!(field, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
    let again = write(&BundleHead { count: 2, control_sum: Ore(250_000), ..head }, &[good, good]);
    assert!(matches!(again, Err(WriteError::Field { payment: 2, field: "EndToEndId", .. })));
    // A replacement number may stand in a complete payment.
    assert!(write(&head, &[Payment { payee: Some(replacement), account: Some(account), ..good }]).is_ok());
}
