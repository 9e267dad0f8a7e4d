//! ØiR Finans: samples, the two judges, what is written and read back, what is never written.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "tests read and write files")]

mod judges;
mod samples;

use std::io::BufReader;

use jiff::Timestamp;
use jiff::civil::{Date, date};
use judges::Format;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use toek_formats::finance::*;
use toek_formats::vocabulary::{IdentCode, Ore, Party, Uuid};

static FINANCE: Format = Format {
    fixtures: "finance",
    schemas: &[(names::ANSWER, "ModtagFinansbilag_O.xsd"), (names::VOUCHER_FILE, "ModtagFinansbilag_I.xsd")],
    read,
    strangers: &["Fremtid", "Ekstra", "y", "Plain", "FinansbilagTekst", "FinansbilagRegnskabsperiode"],
    bases: &["9.", "everything", "reversal", "answer-whole", "answer-structures", "answer-notice"],
    texts: &[
        "",
        " ",
        "\n",
        "x",
        "0",
        "1",
        "00",
        "0.00",
        "0.01",
        "1.00",
        "1.0",
        "1.000",
        "-1.00",
        "+1.00",
        "01.00",
        "1,00",
        "9999999999999.99",
        "10000000000000.00",
        "9999999999999999.99",
        "123456789012345678",
        "1234567890123456789",
        "true",
        "false",
        "TRUE",
        " true ",
        "Debet",
        "Kredit",
        " Debet",
        "Accepteret",
        "Delvist",
        "202612",
        "202613",
        "202614",
        "202600",
        "2026-03-02",
        " 2026-03-02 ",
        "2026-02-29",
        "2024-02-29",
        "12345678",
        "1234567",
        "urn:oio:cvr-nr:12345678",
        "urn:oio:cpr-nr:2512489996",
        "urn:oio:cpr-nr:251248999",
        "æøåÆØÅ",
        "日本語",
        "\u{A0}",
        "\u{85}",
        "a\u{2028}b",
        "\u{1F600}",
        "b1000000-0000-4000-8000-00000000000f",
        "B1000000-0000-4000-8000-00000000000F",
        " b1000000-0000-4000-8000-00000000000f",
    ],
    elements: &[
        "<Fremtid>x<a/></Fremtid>",
        "<kontekst:Ekstra/>",
        "<x:y xmlns:x=\"urn:x\"><FinansbilagTekst/></x:y>",
        "<Plain> </Plain>",
        "<FinansbilagTekst>x</FinansbilagTekst>",
        "<ElementNavn>x</ElementNavn>",
        "<ResultatÅrsagStruktur/>",
        "<ResultatÅrsagStruktur><LokalÅrsagKode>F099</LokalÅrsagKode></ResultatÅrsagStruktur>",
        "<AccepteretUdenBemærkninger>1</AccepteretUdenBemærkninger>",
        "<FinansKvitteringÅrsag>ca000000-0000-4000-8000-000000000030</FinansKvitteringÅrsag>",
        "<kontekst:SvarReaktion><kontekst:Fejl><kontekst:FejlId/><kontekst:FejlTekst/></kontekst:Fejl></kontekst:SvarReaktion>",
        "<FinansbilagRegnskabsperiode>202613</FinansbilagRegnskabsperiode>",
    ],
    renames: &[
        ("kontekst:", ""),
        ("kontekst:", "none:"),
        ("<Finans", "<kontekst:Finans"),
        ("Resultat>", "Kvittering>"),
        ("AcceptStruktur", "AfvisningStruktur"),
        ("AfvisningStruktur", "AcceptStruktur"),
        ("Fejl", "Advis"),
        ("Advis", "Fejl"),
        ("Årsag", "Aarsag"),
        ("Posteringsdata", "Posterings"),
        ("PrimæreDimensionerDranst", "PrimæreDimensionerFunktion"),
    ],
    swaps: &[
        ("kombit.dk/2017", "kombit.dk/2018"),
        ("kontekst/2017", "kontekst/2015"),
        ("xmlns:kontekst", "xmlns:KONTEKST"),
        ("kontekst", "k"),
        ("ModtagFinansbilag_I", "ModtagFinansbilag_O"),
        ("ModtagFinansbilag_O", "ModtagFinansbilag_I"),
        ("ModtagFinansbilag_O ", "ModtagFinansbilag_O revision=\"1\" "),
        ("ModtagFinansbilag_I ", "ModtagFinansbilag_I revision=\"\" "),
        ("ModtagFinansbilag_I ", "ModtagFinansbilag_I kontekst:revision=\"1\" "),
    ],
};

fn read(root: &str, document: &[u8]) -> Result<u64, Error> {
    if root == names::VOUCHER_FILE {
        return VoucherFileReader::new(document, LIMITS).finish().map(|_| 0);
    }
    AnswerReader::new(document, LIMITS).finish().map(|end| end.unknown_elements)
}

fn tell(bytes: &[u8], line: &mut dyn FnMut(&str)) -> Result<(), Error> {
    dump(bytes, LIMITS, line)
}

#[test]
fn right_messages_are_told() {
    samples::check(tell, "finance/ok", true, 18);
}

#[test]
fn broken_messages_are_refused_at_their_place() {
    samples::check(tell, "finance/err", false, 65);
}

#[test]
fn nothing_personal_is_told() {
    samples::check_secrets(tell, &["finance/ok", "finance/err"], &["9996"]);
}

#[test]
fn samples_are_judged_alike() {
    let counts = FINANCE.compare(FINANCE.samples());
    assert!(counts["both accept"] >= 17, "{counts:?}");
    assert!(counts["both refuse"] >= 40, "{counts:?}");
    assert!(counts["exception Rule"] >= 20, "{counts:?}");
}

#[test]
fn mutations_are_judged_alike() {
    let counts = FINANCE.compare(FINANCE.mutations(0x5F15_90A0));
    assert!(counts["both accept"] >= 80, "{counts:?}");
    assert!(counts["both refuse"] >= 300, "{counts:?}");
    assert!(counts["both accept but for unknown elements"] >= 2, "{counts:?}");
}

// What is written.

fn uuid(number: u32) -> Uuid {
    let mut bytes = [0xAB; 16];
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    Uuid(bytes)
}

fn head(vouchers: u32, postings: u32, sum: i64) -> FileHead<'static> {
    FileHead {
        transaction_id: uuid(0),
        at: "2026-03-02T04:15:00Z".parse().unwrap(),
        route: Route {
            sender_authority: "12345674",
            sender_it_system: uuid(1),
            receiver_authority: "12345674",
            receiver_it_system: None,
        },
        vouchers,
        postings,
        sum: Ore(sum),
    }
}

fn voucher(number: u32) -> Voucher<'static> {
    Voucher {
        id: uuid(1_000 + number),
        number: "TOEK-2026-00000001",
        booking_day: date(2026, 3, 2),
        period: Period::new(2026, 3),
        type_id: uuid(2),
        text: "Sygedagpenge februar 2026",
        external_reference: Some("EFF-2026-000001"),
        document_day: None,
        reverses: None,
        org_unit: None,
    }
}

fn posting(number: u32, amount: i64, side: Side) -> Posting<'static> {
    Posting {
        id: uuid(1_000_000 + number),
        amount: Ore(amount),
        side,
        value_day: Some(date(2026, 3, 2)),
        text: "Til udbetaling",
        reference: Some("TRC-0751-000000000001"),
        period_from: None,
        period_to: None,
        reference_keys: &[],
        dimensions: [Some(uuid(3)), Some(uuid(4)), None, None, None, Some(uuid(5))],
        secondary: &[],
        party: None,
    }
}

fn write(head: &FileHead<'_>, vouchers: &[(Voucher<'_>, Vec<Posting<'_>>)]) -> Result<Vec<u8>, WriteError> {
    let mut writer = VoucherFileWriter::begin(Vec::new(), head)?;
    for (voucher, postings) in vouchers {
        writer.voucher(voucher)?;
        postings.iter().try_for_each(|posting| writer.posting(posting))?;
    }
    writer.finish()
}

fn pair(amount: i64) -> Vec<Posting<'static>> {
    vec![posting(1, amount, Side::Debit), posting(2, amount, Side::Credit)]
}

#[test]
fn a_thousand_postings_balance_to_the_ore() {
    let mut postings: Vec<Posting<'_>> =
        (0..999).map(|number| posting(number, i64::from(number) * 7 + 1, Side::Debit)).collect();
    let sum = postings.iter().map(|posting| posting.amount.0).sum();
    postings.push(posting(999, sum, Side::Credit));
    let bytes = write(&head(1, 1_000, sum), &[(voucher(1), postings.clone())]).unwrap();
    assert_eq!(VoucherFileReader::new(bytes.as_slice(), LIMITS).finish().unwrap(), (1, 1_000, Ore(sum)));
    postings[500].amount.0 += 1;
    match write(&head(1, 1_000, sum), &[(voucher(1), postings)]) {
        Err(WriteError::Balance { voucher: 1, debit, credit }) => {
            assert_eq!((debit.0 - credit.0, credit.0), (1, sum))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn control_figures_are_kept() {
    let good = [(voucher(1), pair(100)), (voucher(2), pair(50))];
    assert!(write(&head(2, 4, 150), &good).is_ok());
    assert!(matches!(
        write(&head(3, 4, 150), &good),
        Err(WriteError::Count { what: "vouchers", promised: 3, written: 2 })
    ));
    assert!(matches!(
        write(&head(2, 5, 150), &good),
        Err(WriteError::Count { what: "postings", promised: 5, written: 4 })
    ));
    assert!(matches!(
        write(&head(2, 4, 151), &good),
        Err(WriteError::Sum { promised: Ore(151), written: Ore(150) })
    ));
    assert!(matches!(write(&head(1, 2, 100), &[]), Err(WriteError::Order(_))));
    let mut writer = VoucherFileWriter::begin(Vec::new(), &head(1, 2, 100)).unwrap();
    assert!(matches!(writer.posting(&posting(1, 100, Side::Debit)), Err(WriteError::Order(_))));
    let greatest = 999_999_999_999_999;
    assert!(write(&head(1, 2, greatest), &[(voucher(1), pair(greatest))]).is_ok());
}

#[test]
fn a_file_that_fails_in_its_last_voucher_is_none() {
    let unbalanced = vec![posting(1, 100, Side::Debit), posting(2, 99, Side::Credit)];
    let error = write(&head(2, 4, 200), &[(voucher(1), pair(100)), (voucher(2), unbalanced)]).unwrap_err();
    assert!(matches!(error, WriteError::Balance { voucher: 2, .. }), "{error}");
    let error = write(&head(1, 1, 100), &[(voucher(1), vec![posting(1, 100, Side::Debit)])]).unwrap_err();
    assert!(matches!(error, WriteError::Field { voucher: 1, field: "PosteringListe", .. }), "{error}");
}

#[test]
fn heads_without_form_are_never_written() {
    let good = head(1, 2, 100);
    let route = good.route;
    let table = [
        ("AfsenderOrganisation", FileHead { route: Route { sender_authority: "1234567", ..route }, ..good }),
        (
            "ModtagerOrganisation",
            FileHead { route: Route { receiver_authority: "12 45674", ..route }, ..good },
        ),
        ("FinansLeverancedataSumDebet", FileHead { sum: Ore(0), ..good }),
        ("FinansLeverancedataSumDebet", FileHead { sum: Ore(1_000_000_000_000_000_000), ..good }),
        ("TransaktionsTid", FileHead { at: Timestamp::MIN, ..good }),
    ];
    for (expected, head) in table {
        match VoucherFileWriter::begin(Vec::new(), &head).err() {
            Some(WriteError::Field { voucher: 0, posting: 0, field, .. }) => assert_eq!(field, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[test]
fn vouchers_without_form_are_never_written() {
    let good = voucher(1);
    let table = [
        ("FinansbilagBilagsnummer", Voucher { number: "", ..good }),
        ("FinansbilagBilagsnummer", Voucher { number: &"1".repeat(71), ..good }),
        ("FinansbilagBogføringsdato", Voucher { booking_day: date(999, 1, 1), ..good }),
        ("FinansbilagBilagsdato", Voucher { document_day: Some(date(3000, 1, 1)), ..good }),
        ("FinansbilagTekst", Voucher { text: &"ø".repeat(41), ..good }),
        ("FinansbilagTekst", Voucher { text: " ", ..good }),
        ("FinansbilagTekst", Voucher { text: "til 251248-9996", ..good }),
        ("FinansbilagTekst", Voucher { text: "a\u{85}b", ..good }),
        ("FinansbilagEksternReference", Voucher { external_reference: Some(""), ..good }),
        ("FinansbilagEksternReference", Voucher { external_reference: Some(&"1".repeat(71)), ..good }),
        ("FinansbilagTilbageførtBilag", Voucher { reverses: Some(good.id), ..good }),
    ];
    for (expected, voucher) in table {
        match write(&head(1, 2, 100), &[(voucher, pair(100))]) {
            Err(WriteError::Field { voucher: 1, posting: 0, field, .. }) => assert_eq!(field, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
    let again = write(&head(2, 4, 200), &[(good, pair(100)), (good, pair(100))]).unwrap_err();
    assert!(matches!(again, WriteError::Field { voucher: 2, field: "FinansbilagIdentifikation", .. }));
    let widest = Voucher { text: &"ø".repeat(40), number: &"æ".repeat(70), ..good };
    assert!(write(&head(1, 2, 100), &[(widest, pair(100))]).is_ok());
}

#[test]
fn postings_without_form_are_never_written() {
    let good = posting(2, 100, Side::Credit);
    let party = |code, number| Some(PostingParty { party: Party { code, number }, type_id: uuid(9) });
    let without = |place: usize| {
        let mut dimensions = good.dimensions;
        dimensions[place] = None;
        Posting { dimensions, ..good }
    };
    let long = "x".repeat(256);
    let table = [
        ("PosteringsdataBeløb", Posting { amount: Ore(0), ..good }),
        ("PosteringsdataBeløb", Posting { amount: Ore(-100), ..good }),
        ("PosteringsdataBeløb", Posting { amount: Ore(1_000_000_000_000_000), ..good }),
        ("PosteringsdataIdentifikation", Posting { id: posting(1, 1, Side::Debit).id, ..good }),
        ("PosteringsdataTekst", Posting { text: &long, ..good }),
        ("PosteringsdataTekst", Posting { text: "", ..good }),
        ("PosteringsdataTekst", Posting { text: "tab\there", ..good }),
        ("PosteringsdataTekst", Posting { text: "2512489996", ..good }),
        ("PosteringsdataHenvisning", Posting { reference: Some("\u{A0}"), ..good }),
        ("PosteringsdataHenvisning", Posting { reference: Some(&long), ..good }),
        ("PosteringsdataDato", Posting { value_day: Some(date(999, 1, 1)), ..good }),
        ("PosteringsdataPeriodeFra", Posting { period_from: Some(Date::MAX), ..good }),
        (
            "PosteringsdataPeriodeTil",
            Posting { period_from: Some(date(2026, 2, 2)), period_to: Some(date(2026, 2, 1)), ..good },
        ),
        ("ReferencenøgleVærdi", Posting { reference_keys: &[(Uuid([1; 16]), "")], ..good }),
        ("PrimæreDimensionerFunktion", without(0)),
        ("PrimæreDimensionerDranst", without(1)),
        ("PrimæreDimensionerArt", without(5)),
        ("ØIRPartIdentifikation", Posting { party: party(IdentCode::Se, 99_000_007), ..good }),
        ("ØIRPartIdentifikation", Posting { party: party(IdentCode::Cvr, 100_000_000), ..good }),
    ];
    for (expected, posting) in table {
        let debit = self::posting(1, 100, Side::Debit);
        match write(&head(1, 2, 100), &[(voucher(1), vec![debit, posting])]) {
            Err(WriteError::Field { voucher: 1, posting: 2, field, .. }) => assert_eq!(field, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[test]
fn nothing_personal_in_debug_and_errors() {
    let party =
        PostingParty { party: Party { code: IdentCode::Cpr, number: 2_512_489_996 }, type_id: uuid(9) };
    let posting = Posting { text: "for 251248-9996", party: Some(party), ..posting(1, 100, Side::Debit) };
    let voucher = Voucher { text: "for 251248-9996", ..voucher(1) };
    let error = write(&head(1, 2, 100), &[(voucher, pair(100))]).unwrap_err();
    let cause = Cause { value: Some("2512489996".to_owned()), ..Cause::default() };
    let told = format!("{posting:?} {voucher:?} {error} {error:?} {cause:?}");
    assert!(!told.contains("9996"), "{told}");
}

// What is written is read back.

fn any_uuid() -> impl Strategy<Value = Uuid> {
    any::<[u8; 16]>().prop_map(Uuid)
}

fn any_date() -> impl Strategy<Value = Date> {
    (1000_i16..=2999, 1_i8..=12, 1_i8..=28).prop_map(|(year, month, day)| date(year, month, day))
}

/// Signs that XML must escape among them; digits only apart, so that no CPR number comes of them.
fn any_text(most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop::sample::select("aZ0 &<>\"'æøåÆØÅ€–日\u{1F600}".chars().collect::<Vec<_>>()),
        0..most,
    )
    .prop_map(|letters| ["x".to_owned(), letters.into_iter().collect()].concat())
}

prop_compose! {
    fn any_voucher()(
        id in any_uuid(),
        number in any_text(69),
        days in (any_date(), prop::option::of(any_date())),
        period in prop::option::of((1000_i16..=2999, 1_i8..=13)),
        ids in (any_uuid(), prop::option::of(any_uuid()), prop::option::of(any_uuid())),
        text in any_text(39),
        external in prop::option::of(any_text(69)),
    ) -> (Uuid, String, Date, Option<Date>, Option<Period>, Uuid, Option<Uuid>, Option<Uuid>, String, Option<String>) {
        let period = period.and_then(|(year, month)| Period::new(year, month));
        (id, number, days.0, days.1, period, ids.0, ids.1.filter(|other| *other != id), ids.2, text, external)
    }
}

prop_compose! {
    /// A posting but for its side.
    fn any_posting()(
        id in any_uuid(),
        amount in 1_i64..=999_999_999,
        days in (prop::option::of(any_date()), prop::option::of(any_date()), prop::option::of(any_date())),
        text in any_text(200),
        reference in prop::option::of(any_text(200)),
        reference_keys in prop::collection::vec((any_uuid(), any_text(60)), 0..4),
        dimensions in (any_uuid(), any_uuid(), prop::array::uniform3(prop::option::of(any_uuid())), any_uuid()),
        secondary in prop::collection::vec(any_uuid(), 0..3),
        party in prop::option::of((
            prop_oneof![
                Just(Party { code: IdentCode::Cpr, number: 108_589_995 }),
                (1_u64..99_999_999).prop_map(|number| Party { code: IdentCode::Cvr, number }),
            ],
            any_uuid(),
        )),
    ) -> ReadPosting {
        let (from, to) = match (days.1, days.2) {
            (Some(a), Some(b)) => (Some(a.min(b)), Some(a.max(b))),
            other => other,
        };
        let (function, dranst, [a, b, c], art) = dimensions;
        ReadPosting {
            id,
            amount: Ore(amount),
            side: None,
            value_day: days.0,
            text,
            reference,
            period_from: from,
            period_to: to,
            reference_keys,
            dimensions: [Some(function), Some(dranst), a, b, c, Some(art)],
            secondary,
            party: party.map(|(party, type_id)| PostingParty { party, type_id }),
        }
    }
}

/// Postings that balance: each once on either side.
fn balanced(half: Vec<ReadPosting>) -> Vec<ReadPosting> {
    let side = |posting: &ReadPosting, side: Side, flip: u8| {
        let mut posting = posting.clone();
        posting.side = Some(side);
        posting.id.0[0] = posting.id.0[0] & 0x7F | flip;
        posting
    };
    half.iter()
        .flat_map(|posting| [side(posting, Side::Debit, 0), side(posting, Side::Credit, 0x80)])
        .collect()
}

fn write_posting<W: std::io::Write>(writer: &mut VoucherFileWriter<W>, posting: &ReadPosting) {
    let keys: Vec<(Uuid, &str)> =
        posting.reference_keys.iter().map(|(type_id, value)| (*type_id, value.as_str())).collect();
    let posting = Posting {
        id: posting.id,
        amount: posting.amount,
        side: posting.side.unwrap(),
        value_day: posting.value_day,
        text: &posting.text,
        reference: posting.reference.as_deref(),
        period_from: posting.period_from,
        period_to: posting.period_to,
        reference_keys: &keys,
        dimensions: posting.dimensions,
        secondary: &posting.secondary,
        party: posting.party,
    };
    writer.posting(&posting).unwrap();
}

type AnyVoucher = (
    Uuid,
    String,
    Date,
    Option<Date>,
    Option<Period>,
    Uuid,
    Option<Uuid>,
    Option<Uuid>,
    String,
    Option<String>,
);

fn as_voucher(given: &AnyVoucher) -> Voucher<'_> {
    let (id, number, booking_day, document_day, period, type_id, reverses, org_unit, text, external) = given;
    Voucher {
        id: *id,
        number,
        booking_day: *booking_day,
        period: *period,
        type_id: *type_id,
        text,
        external_reference: external.as_deref(),
        document_day: *document_day,
        reverses: *reverses,
        org_unit: *org_unit,
    }
}

fn write_file(file: &[(AnyVoucher, Vec<ReadPosting>)]) -> Vec<u8> {
    let postings = file.iter().map(|(_, postings)| postings.len() as u32).sum();
    let sum: i64 = file.iter().flat_map(|(_, postings)| postings).map(|posting| posting.amount.0).sum();
    let mut writer =
        VoucherFileWriter::begin(Vec::new(), &head(file.len() as u32, postings, sum / 2)).unwrap();
    for (voucher, postings) in file {
        writer.voucher(&as_voucher(voucher)).unwrap();
        postings.iter().for_each(|posting| write_posting(&mut writer, posting));
    }
    writer.finish().unwrap()
}

fn any_file() -> impl Strategy<Value = Vec<(AnyVoucher, Vec<ReadPosting>)>> {
    let one = (any_voucher(), prop::collection::vec(any_posting(), 1..5).prop_map(balanced));
    prop::collection::vec(one, 1..5)
}

prop_compose! {
    fn any_cause()(
        class in prop::option::of(any_uuid()),
        texts in prop::array::uniform4(prop::option::of("[ -~æøå€]{1,90}")),
    ) -> Cause {
        let [element, value, text, code] = texts;
        Cause { class, element, value, text, code }
    }
}

prop_compose! {
    fn any_receipt()(
        voucher_id in any_uuid(),
        result_text in prop::sample::select(vec!["Accepteret", "Afvist", "FEJLET", "MODTAGET", "Andet"]),
        causes in prop::collection::vec(any_uuid(), 0..3),
        explanation in prop::option::of("[ -~æøå]{1,200}"),
        details in prop::collection::vec(any_cause(), 0..3),
        erp_number in prop::option::of("[0-9A-Z]{1,70}"),
    ) -> Receipt {
        let result = VoucherResult::from_text(result_text);
        Receipt { voucher_id, result, result_text: result_text.to_owned(), causes, explanation, details, erp_number }
    }
}

prop_compose! {
    fn any_reaction()(
        kind in prop::sample::select(vec![ReactionKind::Notice, ReactionKind::Fault]),
        id in "[A-Z0-9]{0,20}",
        text in "\\PC{0,60}",
        source in prop::option::of("[A-Z]{1,20}"),
        places in prop::collection::vec("[a-z/@:\\[\\]0-9']{0,60}", 0..3),
    ) -> Reaction {
        Reaction { kind, id, text, source, places }
    }
}

/// Everything told, and the fault with its place.
fn told(input: impl std::io::BufRead) -> String {
    let mut text = String::new();
    if let Err(error) = dump(input, LIMITS, &mut |line| text.extend([line, "\n"])) {
        text += &error.to_string();
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_file_is_read_back(file in any_file()) {
        let bytes = write_file(&file);
        let mut reader = VoucherFileReader::new(BufReader::with_capacity(7, bytes.as_slice()), LIMITS);
        let read = reader.head().unwrap();
        prop_assert_eq!((read.transaction_id, read.vouchers), (uuid(0), file.len() as u64));
        prop_assert_eq!((read.at, read.sender_it_system), (head(1, 2, 1).at, uuid(1)));
        for (given, postings) in &file {
            let Some(Entry::Voucher(read)) = reader.next().unwrap() else { panic!("no voucher") };
            let again = Voucher {
                id: read.id,
                number: &read.number,
                booking_day: read.booking_day,
                period: read.period,
                type_id: read.type_id,
                text: &read.text,
                external_reference: read.external_reference.as_deref(),
                document_day: read.document_day,
                reverses: read.reverses,
                org_unit: read.org_unit,
            };
            prop_assert!(again == as_voucher(given), "{again:?}");
            for posting in postings {
                let Some(Entry::Posting(read)) = reader.next().unwrap() else { panic!("no posting") };
                prop_assert!(read == posting, "{read:?}\n{posting:?}");
            }
        }
        prop_assert!(reader.next().unwrap().is_none());
    }

    #[test]
    fn an_answer_is_read_back(
        receipts in prop::collection::vec(any_receipt(), 1..6),
        notices in prop::collection::vec(any_reaction(), 0..3),
        structured: bool,
    ) {
        let refused = notices.iter().any(|reaction| reaction.kind == ReactionKind::Fault);
        let receipts = if refused { &receipts[..0] } else { &receipts };
        let head = AnswerHead {
            transaction_id: uuid(0).to_string(),
            at: "2026-03-02T05:01:10Z".parse().unwrap(),
            processed_at: "2026-03-02T05:01:09Z".parse().unwrap(),
            reactions: notices,
            unknown_elements: 0,
        };
        let form = if structured { ResultForm::Structure } else { ResultForm::Value };
        let mut writer = AnswerWriter::begin(Vec::new(), &head, form).unwrap();
        // A refusal in a structure says why; of one without, the form has no such sentence.
        let can_be_said = |receipt: &&Receipt| {
            !structured || receipt.result != VoucherResult::Rejected || !receipt.details.is_empty()
        };
        let said: Vec<&Receipt> = receipts.iter().filter(can_be_said).collect();
        prop_assume!(refused || !said.is_empty());
        said.iter().for_each(|receipt| writer.receipt(receipt).unwrap());
        let bytes = writer.finish().unwrap();
        let mut reader = AnswerReader::new(BufReader::with_capacity(7, bytes.as_slice()), LIMITS);
        prop_assert_eq!(reader.head().unwrap(), head);
        for receipt in said {
            let mut expected = receipt.clone();
            if structured && matches!(receipt.result, VoucherResult::Accepted | VoucherResult::Rejected) {
                expected.result_text.clear();
            }
            prop_assert!(reader.next().unwrap() == Some(&expected), "{expected:?}");
        }
        prop_assert!(reader.next().unwrap().is_none());
    }

    #[test]
    fn any_bytes_in_any_pieces(
        bytes in prop::collection::vec(any::<u8>(), 0..60),
        at in 0_usize..6_000,
        gone in 0_usize..60,
    ) {
        let sample = include_bytes!("../../fixtures/finance/ok/9.1-vouchers.xml");
        let behind = &sample[(at + gone).min(sample.len())..];
        let document = [&sample[..at.min(sample.len())], &bytes, behind].concat();
        prop_assert_eq!(told(document.as_slice()), told(BufReader::with_capacity(3, document.as_slice())));
    }
}

#[test]
fn what_is_written_is_what_the_schema_asks_for() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut documents = Vec::new();
    for number in 0..60 {
        let file = any_file().new_tree(&mut runner).unwrap().current();
        documents.push((format!("file {number}"), names::VOUCHER_FILE, write_file(&file)));
    }
    let counts = FINANCE.compare(documents);
    assert_eq!(counts["both accept"], 60, "{counts:?}");
}
