//! The negative table of g68.md 13, row by row, and every other rule that one record or file can break.

use toek_formats::g68::*;

use crate::support::*;

/// The lines of a file, so that columns can be changed.
#[derive(Clone)]
struct Lines(Vec<Vec<u8>>);

impl Lines {
    fn of(bytes: &[u8]) -> Lines {
        let lines = bytes.strip_suffix(b"\n").unwrap_or(bytes).split(|byte| *byte == b'\n');
        Lines(lines.map(<[u8]>::to_vec).collect())
    }

    fn example() -> Lines {
        Lines::of(&example_file())
    }

    /// Puts a value at a 1-based column of a payment line (1 to 6 in the example).
    fn put(mut self, line: usize, column: usize, value: &str) -> Lines {
        let latin1: Vec<u8> =
            value.chars().map(|c| u8::try_from(u32::from(c)).expect("ISO-8859-1")).collect();
        let record = &mut self.0[line];
        record.resize(record.len().max(column - 1 + latin1.len()), b' ');
        record[column - 1..column - 1 + latin1.len()].copy_from_slice(&latin1);
        self
    }

    /// Changes one line as a whole.
    fn edit(mut self, line: usize, edit: impl FnOnce(&mut Vec<u8>)) -> Lines {
        edit(&mut self.0[line]);
        self
    }

    fn without(mut self, line: usize) -> Lines {
        self.0.remove(line);
        self
    }

    fn insert(mut self, line: usize, text: &str) -> Lines {
        self.0.insert(line, text.as_bytes().to_vec());
        self
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|line| [line, &b"\n"[..]].concat()).collect()
    }
}

#[track_caller]
fn check(lines: &Lines, expected: &[&str]) {
    assert_eq!(codes(&lines.bytes(), options()), expected);
}

fn put(line: usize, column: usize, value: &str) -> Lines {
    Lines::example().put(line, column, value)
}

fn slutd(text: &str) -> Lines {
    Lines::example().edit(7, |line| *line = text.as_bytes().to_vec())
}

fn z300(text: &str) -> Lines {
    Lines::example().edit(0, |line| *line = text.as_bytes().to_vec())
}

#[test]
fn the_example_breaks_no_rule() {
    check(&Lines::example(), &[]);
}

#[test]
fn the_table_of_the_specification() {
    check(&slutd("SLUTD00005"), &["L8 G68-S04 FANTREC 6-10"]);
    check(&Lines::example().without(0), &["L1 G68-S01 - 1-4"]);
    check(&Lines::example().insert(8, "X"), &["L9 G68-S03 - 1-1"]);
    check(&put(1, 67, "00000000000"), &["L2 G68-F06 BELOEB 67-77"]);
    check(&put(1, 78, "*"), &["L2 G68-F07 FORTEGN 78-78"]);
    check(&put(1, 79, "07"), &["L2 G68-T03 IDENTKODE 79-80"]);
    check(&put(2, 79, "C "), &[]);
    check(&put(2, 81, "00000099000008"), &["L3 G68-T08 IDENTNR 81-94"]);
    check(&put(1, 95, "20260131"), &["L2 G68-K07 DISPDATO 95-102"]);
    check(&put(1, 95, "20260230"), &["L2 G68-F05 DISPDATO 95-102"]);
    check(&put(3, 309, "0000"), &["L4 G68-X01 PIREGNR 309-312"]);
    let account = ["L2 G68-X02 PIREGNR 309-312", "L2 G68-X02 PIKONTO 313-322"];
    check(&put(1, 309, "00400440116243"), &account);
    check(&put(5, 123, "                    "), &["L6 G68-K11 FAKTURANR 123-142"]);
    let method = ["L7 G68-X02 BETMAADE 307-308", "L7 G68-K16 IDENTNR 81-94"];
    check(&put(6, 307, "00"), &method);
    check(&put(2, 486, "01"), &["L3 G68-K13 TEKSTANT 486-487"]);
    check(&put(4, 16, "99"), &["L5 G68-T02 TRANSTYPE 16-17"]);
    check(&z300("Z300 07516      281"), &[]);
    check(&Lines::example().edit(1, |line| line.truncate(400)), &["L2 G68-F02 - 1-367"]);
}

#[test]
fn what_the_table_says_beside_the_codes() {
    let read = |lines: &Lines| {
        let mut text = Vec::new();
        let report = read_in_blocks(&lines.bytes(), options(), 64, |_, unit| {
            let asked =
                unit.request.map(|request| (request.payee.code as u8, request.effective_date.to_string()));
            text.push(asked);
        });
        (text, report)
    };
    let (asked, _) = read(&put(2, 79, "C "));
    assert_eq!(asked[1].as_ref().map(|asked| asked.0), Some(11), "normalised to 11");
    let (asked, _) = read(&put(1, 95, "20260131"));
    assert_eq!(asked[0].as_ref().map(|asked| asked.1.as_str()), Some("2026-01-30"), "the preceding bank day");
    let (asked, report) = read(&put(1, 67, "00000000000"));
    assert_eq!(asked.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true, true, true, true, true]);
    assert_eq!((report.requests_ok, report.rejected, report.is_rejected()), (5, 1, false));
    let (_, report) = read(&z300("Z300 07516      281"));
    assert_eq!(
        (report.day_number, report.delivery_day.map(|day| day.to_string())),
        (Some(28), Some("2026-01-28".to_owned()))
    );
    for rejected in [slutd("SLUTD00005"), Lines::example().without(0), Lines::example().insert(8, "X")] {
        assert!(read(&rejected).1.is_rejected());
    }
}

#[test]
fn the_envelope() {
    check(&z300("Z300 07516      0281   "), &[]);
    check(&z300("Z300 07516      81"), &["L2 G68-K05 DISPDATO 95-102"; 0]);
    for bad in [
        "Z300 07516      0001", // day 000
        "Z300 07516      3671",
        "Z300 07516      3661", // no year near has so many
        "Z300 07516      02811",
        "Z300X07516      0281",
        "Z300 0751X      0281",
        "Z300 075A6      0281",
        "Z300 07516    X 0281",
        "Z300 07516      02A1",
        "Z300 07516      028A",
        "Z300 0751       0281",
        "Z300 09996      0281", // unknown municipality
        "Z300",
        "Z300 07516",
    ] {
        let found = codes(&z300(bad).bytes(), options());
        assert!(found[0].contains("G68-S02"), "{bad}: {found:?}");
        assert_eq!(found.iter().filter(|code| code.contains("-S")).count(), 1, "{bad}: {found:?}");
    }
    check(&slutd("SLUTD0000X"), &["L8 G68-S04 - 1-10"]);
    check(&slutd("SLUTD6"), &["L8 G68-S04 - 1-6"]);
    check(&slutd("SLUTD00006X"), &["L8 G68-S03 - 11-11"]);
    check(&slutd("SLUTD00006000000004621950"), &["L8 G68-S03 KONTROLSUM 11-26"]);
    check(&slutd("SLUTD00006000000004621950-"), &["L8 G68-S07 KONTROLSUM 11-26"]);
    check(&slutd("SLUTD00006000000004621950+"), &[]);
    check(&slutd("SLUTD00006000000004621950+1"), &["L8 G68-S03 - 11-27"]);
    check(&Lines::example().without(7), &["L7 G68-S03 - 0-0"]);
    check(&Lines::example().insert(8, ""), &[]);
    let again = Lines::example().insert(4, "Z300 07516      0281");
    check(&again, &["L5 G68-S08 Z300KODE 1-4"]);
    let second = Lines::example().insert(8, "Z300 07516      0281").insert(9, "SLUTD00000");
    check(&second, &["L9 G68-S08 Z300KODE 1-4", "L10 G68-S03 - 1-10"]);
    let empty = Lines(vec![b"Z300 07516      0281".to_vec(), b"SLUTD00000".to_vec()]);
    check(&empty, &["L2 G68-S10 - 0-0"]);
    assert_eq!(codes(b"", options()), ["L1 G68-S01 - 0-0", "L0 G68-S03 - 0-0", "L0 G68-S10 - 0-0"]);
    let stranger =
        Lines::example().insert(3, "000G7000003075101").edit(8, |line| *line = b"SLUTD00007".to_vec());
    check(&stranger, &["L4 G68-S12 - 4-6"]);
}

#[test]
fn without_an_envelope() {
    let bare = Lines::example().without(7).without(0);
    let free = Options { require_envelope: false, ..options() };
    assert_eq!(codes(&bare.bytes(), free), ["L1 G68-S09 - 0-0"]);
    assert_eq!(codes(&Lines::example().bytes(), free), [] as [&str; 0]);
    assert_eq!(codes(&Lines::example().without(7).bytes(), free), ["L7 G68-S03 - 0-0"]);
    assert_eq!(codes(&Lines::example().without(0).bytes(), free), ["L1 G68-S01 - 1-4"]);
    assert_eq!(codes(b"", free), ["L1 G68-S09 - 0-0", "L0 G68-S10 - 0-0"]);
    let both = codes(&bare.bytes(), options());
    assert_eq!(both, ["L1 G68-S01 - 1-4", "L6 G68-S03 - 0-0"]);
}

#[test]
fn line_numbers() {
    check(&put(3, 7, "00002"), &["L4 G68-S05 LINJENR 7-11", "L5 G68-S06 LINJENR 7-11"]);
    check(&put(1, 7, "00009"), &["L2 G68-S06 LINJENR 7-11", "L3 G68-S06 LINJENR 7-11"]);
    check(&put(6, 7, "00008"), &["L7 G68-S06 LINJENR 7-11"]);
    check(&put(6, 7, "0000X"), &["L7 G68-F04 LINJENR 7-11"]);
}

#[test]
fn format() {
    let long = |line: &mut Vec<u8>| line.resize(851, b'x');
    check(&Lines::example().edit(1, long), &["L2 G68-F01 - 851-851"]);
    let long = |line: &mut Vec<u8>| line.resize(100_000, b'x');
    check(&Lines::example().edit(1, long), &["L2 G68-F01 - 3615-65535", "L3 G68-S06 LINJENR 7-11"]);
    check(&put(1, 18, "1"), &["L2 G68-F03 - 1-18"]);
    check(&put(1, 18, "2"), &["L2 G68-F03 - 1-18"]);
    check(&put(1, 19, "075A"), &["L2 G68-F04 UDBENHED 19-22"]);
    check(&put(1, 49, " 00000000000001001"), &["L2 G68-F04 UDIDENT 49-66"]);
    check(&put(1, 49, "                  "), &["L2 G68-F11 UDIDENT 49-66"]);
    check(&put(1, 78, " "), &["L2 G68-F11 FORTEGN 78-78"]);
    check(&put(1, 67, "           "), &["L2 G68-F08 BELOEB 67-77"]);
    check(&put(1, 79, "  "), &["L2 G68-F08 IDENTKODE 79-80"]);
    check(&put(1, 81, "00000000000000"), &["L2 G68-F08 IDENTNR 81-94"]);
    check(&put(1, 95, "00000000"), &["L2 G68-F08 DISPDATO 95-102"]);
    check(&put(1, 95, "2026013A"), &["L2 G68-F05 DISPDATO 95-102"]);
    check(&put(1, 143, "20261301"), &["L2 G68-F05 FAKTDATO 143-150"]);
    check(&put(1, 103, "00000000000000000000"), &["L2 G68-F08 POSTHENV 103-122"]);
    check(&put(1, 103, "2026013000901000000X"), &["L2 G68-F04 POSTHENV 103-122"]);
    check(&put(1, 25, "    "), &["L2 G68-F08 LEVID 25-28", "L2 G68-T06 LEVID 25-28"]);
    check(&put(1, 195, &" ".repeat(40)), &["L2 G68-F08 KONTERING 195-234"]);
    check(&put(1, 271, &" ".repeat(36)), &["L2 G68-F08 TRANSREF 271-306"]);
    check(&put(1, 195, "55771&1010"), &["L2 G68-F12 KONTERING 200-200"]);
    check(&put(1, 195, "55771*1010"), &["L2 G68-F12 KONTERING 200-200"]);
    check(&put(1, 195, " 5577"), &["L2 G68-F12 KONTERING 195-195"]);
    check(&put(1, 490, "\u{85}"), &["L2 G68-F12 TEKST1 490-490"]);
    check(&put(1, 490, "\t"), &["L2 G68-F12 TEKST1 490-490"]);
    check(&put(1, 368, "A!B"), &["L2 G68-F12 MODTNAVN 369-369"]);
    check(&put(1, 368, "A\\B"), &["L2 G68-F12 MODTNAVN 369-369"]);
    check(&put(1, 820, "x"), &["L2 G68-X02 FILLER 812-850"]);
}

#[test]
fn cross_table() {
    check(&put(3, 78, "-"), &["L4 G68-X02 FORTEGN 78-78"]);
    check(&put(6, 78, "-"), &["L7 G68-X02 FORTEGN 78-78"]);
    check(
        &put(3, 307, "00"),
        &["L4 G68-X02 BETMAADE 307-308", "L4 G68-X02 PIREGNR 309-312", "L4 G68-X02 PIKONTO 313-322"],
    );
    check(&put(3, 368, &" ".repeat(34)), &["L4 G68-X01 MODTNAVN 368-401"]);
    check(&put(1, 307, "05"), &["L2 G68-X02 BETMAADE 307-308"]);
    check(&put(1, 307, "07"), &["L2 G68-T04 BETMAADE 307-308"]);
    check(&put(4, 352, "  "), &["L5 G68-X01 ALTKODE 352-353"]);
    check(&put(4, 354, "00000000000000"), &["L5 G68-X01 ALTNR 354-367"]);
    // A slip: type 71 with its id, then everything that can be wrong with one.
    let slip = |kind: &str, id: &str, creditor: &str| {
        put(1, 307, "02").put(1, 323, kind).put(1, 325, id).put(1, 344, creditor)
    };
    let none = "0000000000000000000";
    check(&slip("71", "0000000000000123455", "12345678"), &[]);
    check(&slip("75", "0000000000001234566", "12345678"), &[]);
    check(&slip("73", none, "12345678"), &[]);
    check(&slip("01", none, "01234567"), &[]);
    check(&slip("71", "0000000000000123456", "12345678"), &["L2 G68-T07 BETID 325-343"]);
    check(&slip("71", "0001000000000123454", "12345678"), &["L2 G68-T07 BETID 325-343"]);
    check(&slip("71", none, "12345678"), &["L2 G68-X01 BETID 325-343"]);
    check(&slip("73", "0000000000000123455", "12345678"), &["L2 G68-X02 BETID 325-343"]);
    check(&slip("72", none, "12345678"), &["L2 G68-T07 KORTART 323-324"]);
    check(&slip("00", none, "12345678"), &["L2 G68-X01 KORTART 323-324"]);
    check(&slip("73", none, "00000000"), &["L2 G68-X01 KREDNR 344-351"]);
}

#[test]
fn tables() {
    let other = put(1, 12, "0999").put(1, 19, "0999");
    check(&other, &["L2 G68-T01 ORGENHED 12-15", "L2 G68-K02 ORGENHED 12-15"]);
    check(&put(1, 151, "0999"), &["L2 G68-T05 YDELSESART 151-154"]);
    check(&put(1, 25, "0999"), &["L2 G68-T06 LEVID 25-28"]);
    check(&put(1, 79, "X "), &["L2 G68-T03 IDENTKODE 79-80"]);
    check(&put(1, 179, "99"), &["L2 G68-T03 YDKODE 179-180"]);
    check(&put(4, 352, "99"), &["L5 G68-T03 ALTKODE 352-353"]);
    check(&put(2, 79, "03").put(2, 81, "00000099000008"), &["L3 G68-T08 IDENTNR 81-94"]);
    check(&put(1, 81, "00003002900000"), &["L2 G68-T10 IDENTNR 81-94"]);
    check(&put(1, 155, "15.17.6 "), &["L2 G68-T11 KLENR 155-162"]);
    check(&put(3, 470, "0554"), &["L4 G68-T12 MODTPOST 470-473"]);
    check(&put(3, 470, "0555"), &[]);
    check(&put(1, 23, "01"), &["L2 G68-T13 ORGTYPE 23-24"]);
    // An SE number that fails modulus 11 is only warned of; the request stands.
    let report =
        read_in_blocks(&put(2, 79, "03").put(2, 81, "00000099000008").bytes(), options(), 99, |_, _| {});
    assert_eq!((report.requests_ok, report.rejected), (6, 0));
}

#[test]
fn old_check_digits_are_warned_of_and_never_refused() {
    let mut warned = Vec::new();
    let lines = put(1, 81, "00001506305000").put(1, 181, "00001506305000");
    read_in_blocks(&lines.bytes(), options(), 99, |_, unit| {
        let found = unit.findings.iter().filter(|finding| finding.code == Code::T09);
        warned.push((found.count(), unit.request.is_some()));
    });
    assert_eq!(warned, [(0, true), (1, true), (2, true), (2, true), (2, true), (0, true)]);
}

#[test]
fn combinations() {
    check(&put(1, 19, "0101"), &["L2 G68-K01 UDBENHED 19-22"]);
    check(&put(1, 12, "0101").put(1, 19, "0101"), &["L2 G68-K02 ORGENHED 12-15"]);
    let shared = Options { allow_multi_municipality: true, ..options() };
    assert_eq!(codes(&put(1, 12, "0101").put(1, 19, "0101").bytes(), shared), [] as [&str; 0]);
    check(&put(1, 81, "10002512489996"), &["L2 G68-K03 IDENTNR 81-94"]);
    check(&put(2, 81, "00000199000007"), &["L3 G68-K03 IDENTNR 81-94"]);
    check(&put(4, 354, "00000999999999"), &["L5 G68-K03 ALTNR 354-367"]);
    check(&put(1, 163, "2026013120260101"), &["L2 G68-K04 PERFRA 163-170"]);
    check(&put(1, 163, "2026010100000000"), &["L2 G68-K04 PERFRA 163-170"]);
    check(&put(1, 163, "0000000020260131"), &["L2 G68-K04 PERTIL 171-178"]);
    check(&put(1, 163, "0000000000000000"), &[]);
    check(&put(2, 79, "E ").put(2, 81, "00001999999999"), &["L3 G68-K10 IDENTNR 81-94"]);
    check(&put(2, 486, "05"), &["L3 G68-K13 TEKSTANT 486-487"]);
    let gap = put(2, 569, &" ".repeat(81)).put(2, 650, "third");
    check(&gap, &["L3 G68-K13 TEKSTANT 486-487"]);
    let self_paid = put(4, 352, "02").put(4, 354, "00000201919990");
    check(&self_paid, &["L5 G68-K14 ALTNR 354-367"]);
    let creditor = put(1, 79, "01").put(1, 81, "00000012345678");
    check(&creditor, &["L2 G68-K15 IDENTKODE 79-80"]);
    check(&put(4, 352, "01"), &["L5 G68-K15 ALTKODE 352-353"]);
    check(&put(1, 81, "00006101900000"), &["L2 G68-K16 IDENTNR 81-94"]);
    check(&put(4, 352, "02").put(4, 354, "00006101900000"), &["L5 G68-K16 ALTNR 354-367"]);
    check(&put(1, 103, "20260131"), &["L2 G68-K18 POSTHENV 103-122"]);
}

#[test]
fn dates_against_the_delivery() {
    // Delivery day Wednesday 28 January, reception the day before.
    check(&put(1, 95, "20260128").put(1, 103, "20260128"), &[]);
    check(&put(1, 95, "20260127").put(1, 103, "20260127"), &["L2 G68-K05 DISPDATO 95-102"]);
    // Five bank days before reception is Tuesday 20 January.
    check(&put(1, 95, "20260120").put(1, 103, "20260120"), &["L2 G68-K05 DISPDATO 95-102"]);
    check(&put(1, 95, "20260119").put(1, 103, "20260119"), &["L2 G68-K05 DISPDATO 95-102"]);
    check(&put(6, 95, "20260119").put(6, 103, "20260119"), &[]);
    check(&put(1, 95, "20260430"), &[]);
    check(&put(1, 95, "20260501"), &["L2 G68-K06 DISPDATO 95-102"]);
    let refused = |day: &str| {
        let lines = put(1, 95, day).put(1, 103, day);
        read_in_blocks(&lines.bytes(), options(), 99, |_, _| {}).rejected
    };
    assert_eq!((refused("20260120"), refused("20260119")), (0, 1));
}

#[test]
fn the_date_may_be_the_processing_day() {
    let processing = Options { date_is_processing: true, ..options() };
    let mut days = Vec::new();
    read_in_blocks(&example_file(), processing, 99, |_, unit| {
        days.extend(
            unit.request.map(|request| (request.date_sent, request.disposition_date, request.effective_date)),
        );
    });
    let told: Vec<String> = days.iter().map(|(a, b, c)| format!("{a} {b} {c}")).collect();
    assert_eq!(told[0], "2026-01-30 2026-02-02 2026-02-02");
    assert_eq!(told[5], "2026-01-28 2026-01-29 2026-01-29");
}

#[test]
fn repeated_references() {
    let posting = put(2, 103, "20260130009010000001");
    check(&posting, &["L3 G68-K08 POSTHENV 103-122"]);
    let transaction = put(2, 271, "00000000-0000-4000-8000-000000000001");
    check(&transaction, &["L3 G68-K09 TRANSREF 271-306"]);
    // Another supplier's reference is another reference; a refused record claims nothing.
    check(&transaction.clone().put(2, 25, "0902"), &[]);
    // Nor is another municipality's (00-decisions.md 4b).
    let shared = Options { allow_multi_municipality: true, ..options() };
    let other = transaction.clone().put(2, 12, "0101").put(2, 19, "0101");
    assert_eq!(codes(&other.bytes(), shared), [] as [&str; 0]);
    let refused = transaction.put(1, 78, "*");
    check(&refused, &["L2 G68-F07 FORTEGN 78-78"]);
}

/// Lines of floating records, in an envelope.
fn floating(records: &[&str]) -> Vec<u8> {
    let text = format!("Z300 07516      0281\n{}\nSLUTD{:05}\n", records.join("\n"), records.len());
    text.chars().map(|c| u8::try_from(u32::from(c)).expect("ISO-8859-1")).collect()
}

const PLAIN: &str = "000G68000010751011&020751&0300&07000000000000001001&0800001845600&09+&1002&1100002512489996&1220260130&1620260130009010000001&1700000000000000001001&40Sygedagpenge januar 2026";
const FINANCE: &str = "000G6900002075101NORFLYD&10300901&1040000001&11020260130&1115577101010&112000001845600 &113D&1142026&11720260130009010000001&13202&1332512489996&153KSD-2026-0000123";

fn own_supplier() -> Options {
    Options { supplier: Some(toek_formats::vocabulary::SupplierId(*b"0901")), ..options() }
}

#[track_caller]
fn check_floating(records: &[&str], expected: &[&str]) {
    assert_eq!(codes(&floating(records), own_supplier()), expected);
}

#[test]
fn plain_pairs() {
    check_floating(&[PLAIN, FINANCE], &[]);
    let first = FINANCE.replacen("00002", "00001", 1);
    let second = PLAIN.replacen("00001", "00002", 1);
    check_floating(&[&first, &second], &[]);
    // Without a supplier of the endpoint's own nobody vouches for the record.
    let alone = codes(&floating(&[PLAIN, FINANCE]), options());
    assert_eq!(alone, ["L2 G68-X01 YDELSESART 0-0", "L2 G68-T06 LEVID 0-0"]);
    // Without a partner its accounting is missing.
    check_floating(
        &[PLAIN],
        &[
            "L2 G68-X01 YDELSESART 0-0",
            "L2 G68-X01 YDKODE 0-0",
            "L2 G68-X01 YDNR 0-0",
            "L2 G68-X01 KONTERING 0-0",
            "L2 G68-X01 SAGSREF 0-0",
        ],
    );
    let reference = FINANCE.replace("&11720260130009010000001", "&11720260130009010000002");
    check_floating(&[PLAIN, &reference], &["L2 G68-K17 POSTHENV 106-125"]);
    let amount = FINANCE.replace("000001845600 ", "000001845601 ");
    check_floating(&[PLAIN, &amount], &["L2 G68-K17 BELOEB 55-65"]);
    let minus = FINANCE.replace("000001845600 ", "000001845600-");
    check_floating(&[PLAIN, &minus], &["L2 G68-K17 BELOEB 55-65"]);
    let credit = FINANCE.replace("&113D", "&113K");
    check_floating(&[PLAIN, &credit], &["L2 G68-K17 BELOEB 55-65"]);
    let unknown = FINANCE.replace("&1115577101010", "&1115599");
    check_floating(&[PLAIN, &unknown], &["L2 G68-X01 YDELSESART 0-0"]);
    check_floating(&[&FINANCE.replacen("00002", "00001", 1)], &["L2 G68-K17 BETALINGSREF 105-124"]);
}

#[test]
fn pairs_are_found_by_their_reference() {
    // Two payments, each before its partner; then each after it; then a lone finance record between pairs.
    let ours = |n: u32, line: u32| {
        PLAIN.replacen("00001", &format!("{line:05}"), 1).replace("009010000001", &format!("00901{n:07}"))
    };
    let theirs = |n: u32, line: u32| {
        FINANCE.replacen("00002", &format!("{line:05}"), 1).replace("009010000001", &format!("00901{n:07}"))
    };
    check_floating(&[&ours(1, 1), &theirs(1, 2), &ours(2, 3), &theirs(2, 4)], &[]);
    check_floating(&[&theirs(1, 1), &ours(1, 2), &theirs(2, 3), &ours(2, 4)], &[]);
    check_floating(&[&ours(1, 1), &theirs(1, 2), &theirs(2, 3), &ours(2, 4)], &[]);
    let lone = ["L4 G68-K17 BETALINGSREF 105-124"];
    check_floating(&[&ours(1, 1), &theirs(1, 2), &theirs(9, 3), &theirs(2, 4), &ours(2, 5)], &lone);
    // A payment without a partner before a pair keeps to itself.
    let found = codes(&floating(&[&ours(3, 1), &theirs(2, 2), &ours(2, 3)]), own_supplier());
    assert!(found.iter().all(|code| code.starts_with("L2 G68-X01")) && found.len() == 5, "{found:?}");
}

#[test]
fn finance_records() {
    let bad =
        |from: &str, to: &str| codes(&floating(&[PLAIN, &FINANCE.replacen(from, to, 1)]), own_supplier());
    assert_eq!(bad("NORFLYD", "XXXFLYD"), ["L3 G68-F03 POSTTYPE 18-20"]);
    assert_eq!(bad("NORFLYD", "NORFAST"), ["L3 G68-F03 LINJEFORMAT 21-24"]);
    assert_eq!(bad("&10300901", "&103009X1"), ["L3 G68-F04 MASKINNR 29-33"]);
    assert_eq!(bad("&11020260130", "&11020260230"), ["L3 G68-F05 BOGFDATO 49-56"]);
    assert_eq!(bad("&1332512489996", "&1333002900000"), ["L3 G68-T10 G69YDNR 135-144"]);
    assert_eq!(bad("&13202", "&13209"), ["L3 G68-T03 G69YDKODE 129-130"]);
    assert_eq!(bad("&10300901", ""), ["L3 G68-F08 MASKINNR 0-0"]);
    assert_eq!(bad("&1142026", "&1992026"), ["L3 G68-F10 - 97-100", "L3 G68-F09 BETALINGSREF 102-104"]);
}

#[test]
fn floating_format() {
    let bad =
        |from: &str, to: &str| codes(&floating(&[&PLAIN.replacen(from, to, 1), FINANCE]), own_supplier());
    assert_eq!(bad("&0300", "&030"), [] as [&str; 0]);
    assert_eq!(bad("&1100002512489996", "&112512489996"), [] as [&str; 0]);
    assert_eq!(bad("&0300", ""), ["L2 G68-F08 ORGTYPE 0-0"]);
    assert_eq!(bad("&09+", "&09"), ["L2 G68-F08 FORTEGN 0-0"]);
    assert_eq!(bad("&09+", "&09 "), ["L2 G68-F11 FORTEGN 69-69"]);
    assert_eq!(bad("&0300", "&0300&0275"), ["L2 G68-F09 UDBENHED 32-33", "L2 G68-K01 UDBENHED 34-35"]);
    assert_eq!(bad("&0300", "&0300&0300"), ["L2 G68-F09 ORGTYPE 32-33"]);
    assert_eq!(bad("&0300", "&03000"), ["L2 G68-F13 ORGTYPE 29-31"]);
    assert_eq!(bad("&40Syge", "&33abc&40Syge"), ["L2 G68-F10 - 152-154"]);
    assert_eq!(bad("&40Syge", "&41Syge"), ["L2 G68-K13 TEKST1 0-0"]);
    assert_eq!(bad("Sygedagpenge", "Mad & drikke"), ["L2 G68-F12 - 156-156"]);
    assert_eq!(bad("Sygedagpenge", "Syge\tpenge"), ["L2 G68-F12 TEKST1 156-156"]);
    assert_eq!(bad("&1620260130009010000001", "&16202601300090100001"), [] as [&str; 0]);
    assert_eq!(bad("&1620260130009010000001", "&1620260130009010001")[0], "L2 G68-F04 POSTHENV 106-122");
    assert_eq!(bad("0751011&", "0751010&"), ["L2 G68-F03 - 1-18"]);
    assert_eq!(bad("0751011&", "075101&"), ["L2 G68-F03 - 1-18"]);
    assert_eq!(bad("&1220260130", "&122026013"), ["L2 G68-F05 DISPDATO 95-101"]);
    let text: String = (40..=75).map(|number| format!("&{number}{}", "x".repeat(81))).collect();
    assert_eq!(bad("&40Sygedagpenge januar 2026", &text), [] as [&str; 0]);
}

#[test]
fn more_records_than_a_file_can_hold() {
    let mut writer_lines = vec![b"Z300 07516      0281\n".to_vec()];
    let record = example_file().split(|byte| *byte == b'\n').nth(1).unwrap().to_vec();
    for _ in 0..100_001 {
        writer_lines.push([&record, &b"\n"[..]].concat());
    }
    writer_lines.push(b"SLUTD00001\n".to_vec());
    let mut units = 0;
    let report = read_in_blocks(&writer_lines.concat(), options(), 1 << 20, |_, _| units += 1);
    assert_eq!((units, report.records), (99_999, 100_001));
    let told: Vec<&str> = report.findings.iter().map(|finding| finding.code.text()).collect();
    assert_eq!(told, ["G68-S04"]);
}
