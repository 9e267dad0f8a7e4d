//! Our reader and `xmllint` with our schemas say the same of every sample and of hundreds of mutated ones.
//!
//! Where they may differ is named here and nowhere else; see [`Exception`].
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "tests read and write files")]

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, str};

use toek_formats::nemkonto::{AnswerReader, BundleReader, Error, Kind, Limits, Message, names};
use toek_formats::xml::{Reader, Token};

/// Mutations of every base document.
const MUTATIONS: usize = 100;

/// Why we refuse what `xmllint` accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Exception {
    /// `xmllint` reads a DTD.
    Dtd,
    /// `xmllint` converts other encodings and reads XML 1.1.
    Encoding,
    /// A valid `xsi:type` or `xsi:nil` is allowed by XSD; nobody needs one.
    InstanceType,
    /// The rules between fields of a bundle, which no XSD can say.
    Rule,
    /// Our limits.
    Limit,
}

#[derive(Debug)]
enum Verdict {
    Accepted { unknown: u64 },
    Refused(Error),
}

fn root_of(document: &[u8]) -> Option<Message> {
    let mut reader = Reader::new(document, Limits::default(), &names::NAMESPACES);
    loop {
        match reader.next().ok()? {
            Token::Start(root) => {
                let local = root.name().local;
                let answer = names::ANSWERS.iter().position(|name| *name == local);
                let answer = answer.map(|at| Message::Answer(toek_formats::nemkonto::AnswerKind::ALL[at]));
                return answer.or((local == names::PAYMENT).then_some(Message::Payment));
            }
            Token::Eof | Token::End => return None,
            Token::Text(_) | Token::Cdata(_) => {}
        }
    }
}

fn ours(document: &[u8], message: Message) -> Verdict {
    let outcome = match message {
        Message::Payment => BundleReader::new(document, Limits::default()).finish().map(|_| 0),
        Message::Answer(_) => {
            AnswerReader::new(document, Limits::default()).finish().map(|end| end.unknown_elements)
        }
    };
    match outcome {
        Ok(unknown) => Verdict::Accepted { unknown },
        Err(error) => Verdict::Refused(error),
    }
}

fn exception(error: &Error, document: &[u8]) -> Option<Exception> {
    let has = |text: &str| memchr::memmem::find(document, text.as_bytes()).is_some();
    match error.kind() {
        Kind::Rule => Some(Exception::Rule),
        Kind::Limit => Some(Exception::Limit),
        Kind::Malformed if error.rule().contains("DTD") => Some(Exception::Dtd),
        Kind::Malformed if error.rule().contains("encoding") || error.rule().contains("version of XML") => {
            Some(Exception::Encoding)
        }
        Kind::Malformed if document.starts_with(&[0xFF, 0xFE]) => Some(Exception::Encoding),
        Kind::Structure if error.rule().contains("attribute") && (has("xsi:type") || has("xsi:nil")) => {
            Some(Exception::InstanceType)
        }
        _ => None,
    }
}

fn schemas() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas")
}

fn fixtures() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/nemkonto");
    let mut samples = Vec::new();
    for folder in ["ok", "err"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "xml") {
                samples.push((
                    path.file_stem().unwrap().to_string_lossy().into_owned(),
                    fs::read(&path).unwrap(),
                ));
            }
        }
    }
    samples.sort();
    samples
}

/// Asks `xmllint` of all documents, as many at a time as fit on a command line: accepted and without complaint of a
/// namespace.
fn xmllint(documents: &[(Message, Vec<u8>)]) -> Vec<bool> {
    let folder = tempfile::tempdir().unwrap();
    let mut by_schema: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, (message, document)) in documents.iter().enumerate() {
        fs::write(folder.path().join(format!("{place}.xml")), document).unwrap();
        let root = match message {
            Message::Payment => names::PAYMENT,
            Message::Answer(kind) => kind.root(),
        };
        by_schema.entry(root).or_default().push(place);
    }
    let mut accepted = vec![false; documents.len()];
    for (root, places) in by_schema {
        for batch in places.chunks(400) {
            let output = Command::new("xmllint")
                .args(["--noout", "--nonet", "--schema"])
                .arg(schemas().join(format!("NKS_{root}.xsd")))
                .args(batch.iter().map(|place| format!("{place}.xml")))
                .current_dir(folder.path())
                .output()
                .expect("this test needs xmllint (Debian package libxml2-utils)");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(!said.contains("Schemas parser error"), "{said}");
            for place in validated(&said) {
                accepted[place] = true;
            }
        }
    }
    accepted
}

fn validated(said: &str) -> Vec<usize> {
    let mut verdicts: HashMap<usize, bool> = HashMap::new();
    for line in said.lines() {
        let Some((place, what)) = line.split_once(".xml") else { continue };
        let Ok(place) = place.parse() else { continue };
        if what == " validates" {
            verdicts.entry(place).or_insert(true);
        } else if what.contains("namespace error") {
            verdicts.insert(place, false);
        }
    }
    verdicts.into_iter().filter(|(_, good)| *good).map(|(place, _)| place).collect()
}

/// The document without the elements whose names stand in no answer: what the reader saw, for `xmllint`.
fn without_unknown(document: &[u8]) -> Vec<u8> {
    let text = str::from_utf8(document).unwrap();
    let mut kept = String::new();
    let mut skipped = 0_usize;
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        if skipped == 0 {
            kept += &rest[..at];
        }
        let tag = tag(&rest[at..]);
        let name = tag.trim_start_matches(['<', '/']);
        let name = &name[..name.find([' ', '\n', '\t', '\r', '/', '>']).unwrap_or(name.len())];
        let name = name.rsplit(':').next().unwrap_or(name);
        let element = !tag.starts_with("<!") && !tag.starts_with("<?");
        let stranger = element && (skipped > 0 || STRANGERS.contains(&name));
        if !stranger && skipped == 0 {
            kept += tag;
        }
        if stranger && tag.starts_with("</") {
            skipped -= 1;
        } else if stranger && !tag.ends_with("/>") {
            skipped += 1;
        }
        rest = &rest[at + tag.len()..];
    }
    kept += rest;
    kept.into_bytes()
}

fn tag(text: &str) -> &str {
    let end = match text {
        _ if text.starts_with("<!--") => text.find("-->").map(|at| at + 3),
        _ if text.starts_with("<![CDATA[") => text.find("]]>").map(|at| at + 3),
        _ if text.starts_with("<?") => text.find("?>").map(|at| at + 2),
        _ => text.find('>').map(|at| at + 1),
    };
    &text[..end.unwrap_or(text.len())]
}

/// The unknown local names that samples and mutations use.
const STRANGERS: [&str; 9] =
    ["Future", "Extra", "y", "Plain", "Grpld", "Sclsctynb", "TxQts", "Purp", "Prtry"];

/// Judges all documents both ways and tells every difference that has no name.
fn compare(documents: Vec<(String, Message, Vec<u8>)>) -> BTreeMap<String, usize> {
    let (names, asked): (Vec<String>, Vec<(Message, Vec<u8>)>) =
        documents.into_iter().map(|(name, message, document)| (name, (message, document))).unzip();
    let verdicts: Vec<Verdict> = asked.iter().map(|(message, document)| ours(document, *message)).collect();
    let stripped: Vec<(Message, Vec<u8>)> = asked
        .iter()
        .zip(&verdicts)
        .map(|((message, document), verdict)| match verdict {
            Verdict::Accepted { unknown: 1.. } => (*message, without_unknown(document)),
            _ => (*message, document.clone()),
        })
        .collect();
    let theirs = xmllint(&stripped);
    let mut counts = BTreeMap::new();
    let mut differences = Vec::new();
    for ((verdict, accepted), (name, (_, document))) in
        verdicts.iter().zip(theirs).zip(names.iter().zip(&stripped))
    {
        let label = match (verdict, accepted) {
            (Verdict::Accepted { unknown: 0 }, true) => "both accept".to_owned(),
            (Verdict::Accepted { .. }, true) => "both accept but for unknown elements".to_owned(),
            (Verdict::Refused(_), false) => "both refuse".to_owned(),
            (Verdict::Refused(error), true) if exception(error, document).is_some() => {
                format!("exception {:?}", exception(error, document).unwrap())
            }
            _ => {
                let text = String::from_utf8_lossy(document);
                differences.push(format!("{name}: ours {verdict:?}, xmllint accepts: {accepted}\n{text}"));
                "differ".to_owned()
            }
        };
        *counts.entry(label).or_insert(0) += 1;
    }
    let heads: Vec<&str> = differences.iter().filter_map(|difference| difference.lines().next()).collect();
    let first = differences.first().map_or("", String::as_str);
    assert!(differences.is_empty(), "{counts:?}\n{}\n{first}", heads.join("\n"));
    counts
}

#[test]
fn samples_are_judged_alike() {
    let samples = fixtures().into_iter().map(|(name, document)| {
        let message = root_of(&document).unwrap_or(Message::Payment);
        (name, message, document)
    });
    let counts = compare(samples.collect());
    assert!(counts["both accept"] >= 24, "{counts:?}");
    assert!(counts["both refuse"] >= 40, "{counts:?}");
}

#[test]
fn mutations_are_judged_alike() {
    let mut random = Random(0x6E6B_7331);
    let mut documents = Vec::new();
    let bases = fixtures();
    for (name, base) in
        bases.iter().filter(|(name, _)| name.starts_with("5.") || OTHER_BASES.contains(&name.as_str()))
    {
        let base = str::from_utf8(base).unwrap();
        let message = root_of(base.as_bytes()).unwrap();
        for round in 0..MUTATIONS {
            let mut document = base.to_owned();
            let mut did = Vec::new();
            for _ in 0..1 + random.below(2) {
                let kind = random.below(KINDS);
                did.push(kind);
                document = mutate(&document, kind, &mut random);
            }
            let mut bytes = document.into_bytes();
            if random.below(8) == 0 {
                damage(&mut bytes, &mut random);
                did.push(KINDS);
            }
            let message = root_of(&bytes).unwrap_or(message);
            documents.push((format!("{name}, round {round}, mutations {did:?}"), message, bytes));
        }
    }
    let counts = compare(documents);
    assert!(counts["both accept"] >= 150, "{counts:?}");
    assert!(counts["both refuse"] >= 300, "{counts:?}");
    assert!(counts["both accept but for unknown elements"] >= 5, "{counts:?}");
}

const OTHER_BASES: [&str; 4] = ["address", "foreign-account", "answer5-with-payment", "cpr-under-prtryid"];

/// Numbers that are the same in every run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

const KINDS: usize = 17;

const TEXTS: [&str; 52] = [
    "",
    " ",
    "\n",
    "\t",
    "x",
    "0",
    "1",
    "2",
    "00",
    "1.00",
    "1.5",
    ".5",
    "5.",
    "1250.000",
    "-1.00",
    "+1",
    "1,5",
    "0.00",
    "123456789012345678",
    "1234567890123456789",
    "ACPT",
    "acpt",
    " ACPT",
    "RJCT",
    "PART",
    "CPR",
    "CVR",
    "SE",
    "P",
    "DKK",
    "1234567890",
    "12345678",
    "123456789",
    "00000000000000",
    "00010000000001",
    "00000000000001",
    "00010000000000",
    "2026-03-31",
    " 2026-03-31 ",
    "2026-02-29",
    "2024-02-29",
    "2900-02-29",
    "2400-02-29",
    "0999-01-01",
    "3000-01-01",
    "2026-03-31Z",
    "2026-13-01",
    "æøåÆØÅ",
    "日本語",
    "\u{80}",
    "\u{A0}",
    "SE1200AB",
];

const TIMES: [&str; 16] = [
    "2026-03-27T09:15:00",
    "2026-03-27T24:00:00",
    "2026-03-27T23:59:60",
    "2026-03-27T09:15:00Z",
    "2026-03-27T09:15:00.1",
    "2026-03-27T09:15:00.",
    "2026-03-27T09:15:00.1234567890",
    "2026-03-27T09:15:00:25",
    "2026-03-27T09:15:00:5",
    "2026-03-27T09:15:00:99+02:00",
    "2026-03-27T09:15:00+14:59",
    "2026-03-27T09:15:00+15:00",
    "2026-03-27T09:15:00-2:00",
    "2026-03-27T09:15",
    "2026-03-27 09:15:00",
    "2026-02-30T09:15:00",
];

const MARKUP: [&str; 24] = [
    "&amp;",
    "&#65;",
    "&#x41;",
    "&#0;",
    "&#xFFFE;",
    "&#x110000;",
    "&nbsp;",
    "&",
    "&;",
    "&#;",
    "&#x;",
    "<![CDATA[A]]>",
    "<![CDATA[ ]]>",
    "<![cdata[A]]>",
    "]]>",
    "]]",
    "<!-- a -->",
    "<!-- a -- b -->",
    "<!-- a --->",
    "<!---->",
    "<?p?>",
    "<?xml?>",
    "<?XmL a?>",
    "&#32;",
];

const ATTRIBUTES: [&str; 20] = [
    "a=\"1\"",
    "swift:a=\"1\"",
    "xml:lang=\"da\"",
    "xmlns:q=\"urn:q\"",
    "xmlns:q=\"\"",
    "xmlns:xml=\"urn:q\"",
    "xmlns:xml=\"http://www.w3.org/XML/1998/namespace\"",
    "xmlns:xmlns=\"urn:q\"",
    "q:a=\"1\"",
    "a='1' a=\"2\"",
    "xmlns:p=\"urn:q\" xmlns:q=\"urn:q\" p:a=\"1\" q:a=\"1\"",
    "a=\"<\"",
    "a",
    "a=1",
    "a=\"1",
    "=\"1\"",
    "a =\n\"1\"",
    "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:nil=\"false\"",
    "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:schemaLocation=\"urn:a a.xsd\"",
    "xmlns=\"urn:q\"",
];

const ELEMENTS: [&str; 9] = [
    "<swift:Future>x<a/></swift:Future>",
    "<nks:Extra/>",
    "<x:y xmlns:x=\"urn:x\"><swift:GrpId/></x:y>",
    "<Plain> </Plain>",
    "<swift:Purp><swift:Prtry>1</swift:Prtry></swift:Purp>",
    "<swift:StsRsn>0001</swift:StsRsn>",
    "<swift:AddtlInf>x</swift:AddtlInf>",
    "<swift:Nm>Eksempel</swift:Nm>",
    "<swift:PrvtId><swift:PrtryId><swift:Id>1</swift:Id></swift:PrtryId></swift:PrvtId>",
];

/// Where tags begin and end, by hand: the bases are simple.
fn tags(document: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(from) = document[at..].find('<').map(|from| at + from) {
        let end = from + tag(&document[from..]).len();
        found.push((from, end));
        at = end;
    }
    found
}

/// The elements, whole, outermost first; the root left out when `inner`.
fn elements(document: &str, inner: bool) -> Vec<(usize, usize)> {
    let mut open = Vec::new();
    let mut found = Vec::new();
    for (from, end) in tags(document) {
        let tag = &document[from..end];
        if tag.starts_with("</") {
            if let Some(begin) = open.pop() {
                found.push((begin, end));
            }
        } else if !tag.starts_with("<?") && !tag.starts_with("<!") {
            if tag.ends_with("/>") { found.push((from, end)) } else { open.push(from) }
        }
    }
    found.sort_unstable();
    found[usize::from(inner).min(found.len())..].to_vec()
}

/// The texts of elements without elements.
fn leaves(document: &str) -> Vec<(usize, usize)> {
    let tags = tags(document);
    let starts = |at: usize, what: &str| document[at..].starts_with(what);
    tags.windows(2)
        .filter(|pair| !starts(pair[0].0, "</") && !starts(pair[0].0, "<?") && starts(pair[1].0, "</"))
        .filter(|pair| !document[..pair[0].1].ends_with("/>"))
        .map(|pair| (pair[0].1, pair[1].0))
        .collect()
}

fn pick(places: &[(usize, usize)], random: &mut Random) -> (usize, usize) {
    if places.is_empty() { (0, 0) } else { places[random.below(places.len())] }
}

fn replace(document: &str, (from, to): (usize, usize), with: &str) -> String {
    [&document[..from], with, &document[to..]].concat()
}

fn insert(document: &str, at: usize, text: &str) -> String {
    let at = (at..=document.len()).find(|at| document.is_char_boundary(*at)).unwrap_or(document.len());
    replace(document, (at, at), text)
}

fn mutate(document: &str, kind: usize, random: &mut Random) -> String {
    let inner = elements(document, true);
    let element = pick(&inner, random);
    let (from, to) = element;
    let leaf = pick(&leaves(document), random);
    let a_tag = pick(&tags(document), random);
    match kind {
        0 => replace(document, element, ""),
        1 => insert(document, to, &document[from..to]),
        2 => {
            // Two neighbours change places.
            match inner.iter().find(|(begin, _)| *begin > to && document[to..*begin].trim().is_empty()) {
                Some((second, end)) => {
                    let swapped =
                        [&document[*second..*end], &document[to..*second], &document[from..to]].concat();
                    replace(document, (from, *end), &swapped)
                }
                None => document.to_owned(),
            }
        }
        3 => replace(document, leaf, random.of(&TEXTS)),
        4 => {
            let times: Vec<(usize, usize)> = leaves(document)
                .into_iter()
                .filter(|(a, b)| {
                    document[*a..*b].contains("T0")
                        || document[*a..*b].contains("T1")
                        || document[*a..*b].contains("T2")
                })
                .collect();
            if times.is_empty() {
                document.to_owned()
            } else {
                replace(document, pick(&times, random), random.of(&TIMES))
            }
        }
        5 => replace(document, leaf, &"ø1".repeat(1 + random.below(60))),
        6 => insert(document, leaf.0 + random.below(2).min(leaf.1 - leaf.0), random.of(&MARKUP)),
        7 => insert(document, a_tag.1, random.of(&MARKUP)),
        8 => insert(document, a_tag.1, random.of(&ELEMENTS)),
        9 => {
            let tag = &document[a_tag.0..a_tag.1];
            let name = tag.find([' ', '>', '/']).unwrap_or(1);
            let glue = random.of(&[" ", "\n", "  ", ""]);
            if tag.starts_with("</") || tag.starts_with("<?") {
                document.to_owned()
            } else {
                insert(document, a_tag.0 + name, &format!("{glue}{}", random.of(&ATTRIBUTES)))
            }
        }
        10 => {
            let pairs = [
                ("swift:", "nks:"),
                ("swift:", "ebms:"),
                ("swift:", ""),
                ("swift:", "none:"),
                ("swift:GrpId", "swift:Grpld"),
                ("swift:SclSctyNb", "swift:Sclsctynb"),
                ("swift:OrgId", "swift:PrvtId"),
                ("swift:Id", "swift:BBAN"),
                ("swift:StsRsn", "swift:AddtlInf"),
                ("nks:", "swift:"),
            ];
            let (old, new) = pairs[random.below(pairs.len())];
            let element = &document[from..to];
            replace(document, (from, to), &element.replace(old, new))
        }
        11 => {
            let pairs = [
                ("2006/05/01", "2007/05/01"),
                ("nemkonto.swift", "nemkonto.sepa"),
                ("xmlns:swift", "xmlns:SWIFT"),
                (" ebms:version=\"2.0\"", ""),
                ("ebms:version=\"2.0\"", "ebms:version=\"2.1\""),
                ("ebms:id", "id"),
                ("Ccy=\"DKK\"", "Ccy='EUR'"),
                ("Ccy=\"DKK\"", "Ccy=\"dkk\""),
                (" Ccy=\"DKK\"", ""),
                ("Ccy=\"DKK\"", "Ccy=\"D&#75;K\""),
                ("NKSResponse9", "NKSResponse7"),
                ("NKSResponse7", "NKSResponse9"),
                ("NKSResponse8", "NKSResponse6"),
                ("NKSResponse2", "NKSResponse5"),
                ("NKSReceipt0", "NKSReceipt1"),
                ("NKSReceipt1", "NKSReceipt0"),
            ];
            let (old, new) = pairs[random.below(pairs.len())];
            document.replace(old, new)
        }
        12 => {
            let declarations = [
                "",
                "<?xml version=\"1.0\"?>",
                "<?xml version='1.0' encoding='utf-8' standalone='yes' ?>",
                "<?xml encoding=\"UTF-8\"?>",
                "<?xml version=\"1.0\" standalone=\"maybe\"?>",
                "<?xml version=\"1.0\" encoding=\"UTF-16\"?>",
                "<?xml version=\"1.0\"encoding=\"UTF-8\"?>",
                "\n<?xml version=\"1.0\"?>",
                "<?XML version=\"1.0\"?>",
                "\u{FEFF}<?xml version=\"1.0\"?>",
                "<!-- x -->",
                "<?p?>\n<!---->",
                "x",
                "<!DOCTYPE nks:x>",
                "<!DOCTYPE nks:x [<!ENTITY a \"b\">]>",
                "<!doctype x>",
            ];
            document.replacen("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", random.of(&declarations), 1)
        }
        13 => replace(document, a_tag, ""),
        14 => document.replace('\n', random.of(&["\r\n", "\r", "", "\n\n", "\u{A0}"])),
        15 => {
            let tails = [
                "<!-- end -->",
                "\n",
                "x",
                "<a/>",
                "<?end?>",
                "&#32;",
                "<![CDATA[]]>",
                "\u{A0}",
                "\u{FEFF}",
                "</a>",
            ];
            [document, random.of(&tails)].concat()
        }
        _ => {
            let stray = random.of(&["x", " ", "<", ">", "\"", "&#x20;", "<a>", "</a>"]);
            insert(
                document,
                if random.below(2) == 0 { a_tag.0 } else { (a_tag.0 + 1).min(document.len()) },
                stray,
            )
        }
    }
}

/// A bit flipped, a byte gone, a byte too many, or the end cut off.
fn damage(document: &mut Vec<u8>, random: &mut Random) {
    if document.is_empty() {
        return;
    }
    let at = random.below(document.len());
    match random.below(4) {
        0 => document[at] ^= 1 << random.below(8),
        1 => drop(document.remove(at)),
        2 => document.insert(at, [0, 9, 0x1F, b'<', b'&', 0x80, 0xC3, 0xFF][random.below(8)]),
        _ => document.truncate(at),
    }
}
