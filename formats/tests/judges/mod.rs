//! A format's reader and `xmllint` with our schemas must say the same of every sample and of many mutated ones.
//!
//! [`Format`] is what differs between formats; [`Exception`] is all in which the two judges may differ.
#![allow(dead_code, reason = "shared by several tests, of which none uses all")]

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, str};

use toek_formats::xml::{Error, Kind, Limits, Reader, Token};

/// Mutations of every base document.
const MUTATIONS: usize = 100;

/// What the judges must know of a format.
pub(crate) struct Format {
    /// Folder below `fixtures`.
    pub(crate) fixtures: &'static str,
    /// Roots, and the schema each is judged by; of what has no known root the first.
    pub(crate) schemas: &'static [(&'static str, &'static str)],
    /// Reads a document of that root to its end; tells how many elements were unknown.
    pub(crate) read: fn(&str, &[u8]) -> Result<u64, Error>,
    /// The unknown local names that samples and mutations use.
    pub(crate) strangers: &'static [&'static str],
    /// Samples to mutate, by the beginnings of their names.
    pub(crate) bases: &'static [&'static str],
    /// Texts for leaves.
    pub(crate) texts: &'static [&'static str],
    /// Elements to put somewhere.
    pub(crate) elements: &'static [&'static str],
    /// Names and prefixes changed within one element.
    pub(crate) renames: &'static [(&'static str, &'static str)],
    /// What is changed in the whole document.
    pub(crate) swaps: &'static [(&'static str, &'static str)],
}

/// A document with its name for people and its root.
pub(crate) type Document = (String, &'static str, Vec<u8>);

/// Why we refuse what `xmllint` accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Exception {
    /// `xmllint` reads a DTD.
    Dtd,
    /// `xmllint` converts other encodings and reads XML 1.1.
    Encoding,
    /// A valid `xsi:type` or `xsi:nil` is allowed by XSD; nobody needs one.
    InstanceType,
    /// The rules between fields, which no XSD can say.
    Rule,
    /// Our limits.
    Limit,
    /// `xmllint` takes a zero byte behind the root for the end.
    Zero,
}

impl Format {
    /// The root as the format's tables name it.
    pub(crate) fn root_of(&self, document: &[u8]) -> Option<&'static str> {
        let mut reader = Reader::new(document, Limits::default(), &[]);
        loop {
            match reader.next().ok()? {
                Token::Start(root) => {
                    let local = root.name().local;
                    return self.schemas.iter().map(|(name, _)| *name).find(|name| *name == local);
                }
                Token::Eof | Token::End => return None,
                Token::Text(_) | Token::Cdata(_) => {}
            }
        }
    }

    /// Every sample, right or wrong.
    pub(crate) fn samples(&self) -> Vec<Document> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(self.fixtures);
        let mut samples = Vec::new();
        for folder in ["ok", "err"] {
            for entry in fs::read_dir(root.join(folder)).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|extension| extension == "xml") {
                    let bytes = fs::read(&path).unwrap();
                    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
                    samples.push((name, self.root_of(&bytes).unwrap_or(self.schemas[0].0), bytes));
                }
            }
        }
        samples.sort();
        samples
    }

    /// The bases, changed in many ways; the same in every run with that seed.
    pub(crate) fn mutations(&self, seed: u64) -> Vec<Document> {
        let mut random = Random(seed);
        let mut documents = Vec::new();
        for (name, root, base) in self.samples() {
            if !self.bases.iter().any(|begin| name.starts_with(begin)) {
                continue;
            }
            let base = str::from_utf8(&base).unwrap();
            for round in 0..MUTATIONS {
                let mut document = base.to_owned();
                let mut did = Vec::new();
                for _ in 0..1 + random.below(2) {
                    let kind = random.below(KINDS);
                    did.push(kind);
                    document = mutate(self, &document, kind, &mut random);
                }
                let mut bytes = document.into_bytes();
                if random.below(8) == 0 {
                    damage(&mut bytes, &mut random);
                    did.push(KINDS);
                }
                let root = self.root_of(&bytes).unwrap_or(root);
                documents.push((format!("{name}, round {round}, mutations {did:?}"), root, bytes));
            }
        }
        documents
    }

    /// Judges all documents both ways and fails on every difference that has no name; tells how many came to what.
    pub(crate) fn compare(&self, documents: Vec<Document>) -> BTreeMap<String, usize> {
        let verdicts: Vec<_> = documents.iter().map(|(_, root, bytes)| (self.read)(root, bytes)).collect();
        let seen: Vec<Document> = documents
            .into_iter()
            .zip(&verdicts)
            .map(|((name, root, document), verdict)| match verdict {
                Ok(1..) => (name, root, without_unknown(&document, self.strangers)),
                _ => (name, root, document),
            })
            .collect();
        let theirs = self.xmllint(&seen);
        let mut counts = BTreeMap::new();
        let mut differences = Vec::new();
        for ((verdict, accepted), (name, _, document)) in verdicts.iter().zip(theirs).zip(&seen) {
            let label = match (verdict, accepted) {
                (Ok(0), true) => "both accept".to_owned(),
                (Ok(_), true) => "both accept but for unknown elements".to_owned(),
                (Err(_), false) => "both refuse".to_owned(),
                (Err(error), true) if exception(error, document).is_some() => {
                    format!("exception {:?}", exception(error, document).unwrap())
                }
                _ => {
                    let text = String::from_utf8_lossy(document);
                    differences
                        .push(format!("{name}: ours {verdict:?}, xmllint accepts: {accepted}\n{text}"));
                    "differ".to_owned()
                }
            };
            *counts.entry(label).or_insert(0) += 1;
        }
        let heads: Vec<&str> =
            differences.iter().filter_map(|difference| difference.lines().next()).collect();
        let first = differences.first().map_or("", String::as_str);
        assert!(differences.is_empty(), "{counts:?}\n{}\n{first}", heads.join("\n"));
        counts
    }

    /// Asks `xmllint` of all documents, as many at a time as fit on a command line: accepted and without complaint
    /// of a namespace.
    pub(crate) fn xmllint(&self, documents: &[Document]) -> Vec<bool> {
        let folder = tempfile::tempdir().unwrap();
        let mut by_schema: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, (_, root, document)) in documents.iter().enumerate() {
            fs::write(folder.path().join(format!("{place}.xml")), document).unwrap();
            let schema = self.schemas.iter().find(|(name, _)| name == root).unwrap().1;
            by_schema.entry(schema).or_default().push(place);
        }
        let mut accepted = vec![false; documents.len()];
        for (schema, places) in by_schema {
            for batch in places.chunks(400) {
                let output = Command::new("xmllint")
                    .args(["--noout", "--nonet", "--schema"])
                    .arg(schemas().join(schema))
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
        Kind::Malformed if error.path().is_empty() && document.contains(&0) => Some(Exception::Zero),
        Kind::Structure if error.rule().contains("attribute") && (has("xsi:type") || has("xsi:nil")) => {
            Some(Exception::InstanceType)
        }
        _ => None,
    }
}

fn schemas() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas")
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
fn without_unknown(document: &[u8], strangers: &[&str]) -> Vec<u8> {
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
        let stranger = element && (skipped > 0 || strangers.contains(&name));
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

const ATTRIBUTES: [&str; 19] = [
    "a=\"1\"",
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

fn mutate(format: &Format, document: &str, kind: usize, random: &mut Random) -> String {
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
        3 => replace(document, leaf, random.of(format.texts)),
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
        8 => insert(document, a_tag.1, random.of(format.elements)),
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
            let (old, new) = format.renames[random.below(format.renames.len())];
            let element = &document[from..to];
            replace(document, (from, to), &element.replace(old, new))
        }
        11 => {
            let (old, new) = format.swaps[random.below(format.swaps.len())];
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
                "<!DOCTYPE x>",
                "<!DOCTYPE x [<!ENTITY a \"b\">]>",
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
