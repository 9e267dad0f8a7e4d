//! Keeps the rooms of ARCHITECTURE.md: reads the paths in every source file and holds them against three tables.
//!
//! [`ROOMS`] says what each room of the hub may name, [`BANS`] what only one place may touch, [`MANIFESTS`] what a crate
//! may not depend on. A rule is changed here and in ARCHITECTURE.md together, with the reason in the commit. Reads
//! words and paths only: who hides a room behind an alias of the whole crate is not found, and reviewed by people.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What a room of the hub may name besides itself.
struct Room {
    /// The file or folder below `src`. Of two that fit a file the longer one counts.
    name: &'static str,
    /// Other rooms.
    rooms: &'static [&'static str],
    /// Paths in `toek_formats`; an empty path is all of it.
    formats: &'static [&'static str],
    /// Paths in `toek_adapters`; an empty path is all of it.
    adapters: &'static [&'static str],
}

const EVERYTHING: &[&str] = &[""];
const WORDS_ONLY: &[&str] = &["vocabulary"];
const ALL_ROOMS: &[&str] = &[
    "canary",
    "cli",
    "config",
    "domain",
    "generator",
    "history",
    "partners",
    "pipelines",
    "seams",
    "serve",
    "steps",
    "store",
];

const ROOMS: &[Room] = &[
    Room { name: "main", rooms: &["cli", "seams"], formats: &[], adapters: &[] },
    Room { name: "lib", rooms: &[], formats: &[], adapters: &[] },
    Room { name: "canary", rooms: &[], formats: &[], adapters: &[] },
    Room { name: "steps", rooms: &[], formats: &[], adapters: &[] },
    // Instants become Danish time in one place, which is the domain's.
    Room { name: "seams", rooms: &["domain"], formats: &[], adapters: &[] },
    Room { name: "domain", rooms: &[], formats: WORDS_ONLY, adapters: &[] },
    Room { name: "config", rooms: &["domain"], formats: WORDS_ONLY, adapters: &[] },
    Room { name: "store", rooms: &["canary", "domain", "steps"], formats: WORDS_ONLY, adapters: &[] },
    // The archive is files, so it takes the disk, and streams, so it is a sink and a source.
    Room {
        name: "store/archive",
        rooms: &["canary", "domain"],
        formats: &[],
        adapters: &["disk", "drop::Sink", "drop::Source"],
    },
    Room {
        name: "pipelines",
        rooms: &["canary", "config", "domain", "seams", "steps", "store"],
        formats: EVERYTHING,
        adapters: EVERYTHING,
    },
    // It says when pipelines run and what persons ask for, and knows no format; of the adapters only the disk, for its
    // socket and accounts.
    Room {
        name: "serve",
        rooms: &["canary", "config", "domain", "pipelines", "seams", "steps", "store"],
        formats: WORDS_ONLY,
        adapters: &["disk"],
    },
    // It knows files and what was changed in them, and not what they mean.
    Room { name: "history", rooms: &["domain"], formats: &[], adapters: &["disk"] },
    // Simulated counterparties judge the hub, so they may not share its ideas of a format or of money.
    Room { name: "partners", rooms: &["generator"], formats: WORDS_ONLY, adapters: &["disk"] },
    Room { name: "generator", rooms: &["partners"], formats: WORDS_ONLY, adapters: &["disk"] },
    Room { name: "cli", rooms: ALL_ROOMS, formats: EVERYTHING, adapters: EVERYTHING },
];

/// What may be touched in few places only.
struct Ban {
    /// Paths, or parts of paths, or [`FLOAT`].
    paths: &'static [&'static str],
    /// Where it is banned: beginnings of file names.
    within: &'static [&'static str],
    /// Where it is allowed all the same.
    except: &'static [&'static str],
    why: &'static str,
}

/// Stands for a floating-point literal, which has no path.
const FLOAT: &str = "a floating-point number";
const SOURCES: &[&str] = &["src/", "formats/src/", "adapters/src/"];

const BANS: &[Ban] = &[
    Ban {
        paths: &["std::fs", "tokio::fs"],
        within: SOURCES,
        // An SFTP server opens, writes and renames in ways the seam does not offer, and the hub never wants.
        except: &["adapters/src/disk.rs", "src/partners/sftp_server/jail.rs"],
        why: "files are reached through the disk seam",
    },
    Ban {
        paths: &["SystemTime::now", "Instant::now", "Timestamp::now", "Zoned::now", "Utc::now", "Local::now"],
        within: SOURCES,
        except: &["src/main.rs"],
        why: "`now` is an argument; only main reads the clock",
    },
    Ban {
        paths: &["Uuid::new_v4", "Uuid::now_v7", "SystemRandom"],
        within: SOURCES,
        except: &["src/seams.rs"],
        why: "chance comes through the seam, so that a run can be replayed",
    },
    Ban {
        paths: &["f32", "f64", FLOAT],
        within: &["src/domain/", "src/store/", "src/pipelines/", "formats/src/"],
        except: &[],
        why: "no floating point near money",
    },
    Ban {
        paths: &["rusqlite", "refinery"],
        within: SOURCES,
        except: &["src/store/"],
        why: "every SQL statement stands in the store",
    },
    Ban {
        paths: &["cron", "chrono"],
        within: SOURCES,
        except: &["src/config/when.rs"],
        why: "the schedule's crate is known in one file",
    },
    Ban {
        paths: &["toek", "toek_adapters", "tokio", "std::net", "std::process", "std::env"],
        within: &["formats/src/"],
        except: &[],
        why: "formats are pure and know nothing of the hub",
    },
    Ban {
        paths: &["toek", "toek_formats"],
        within: &["adapters/src/"],
        except: &[],
        why: "adapters know no format and nothing of the hub",
    },
];

/// What a crate may not depend on, tests included.
const MANIFESTS: &[(&str, &[&str])] = &[
    ("formats/Cargo.toml", &["toek", "toek-adapters", "tokio", "async-trait", "rusqlite", "uuid", "tracing"]),
    ("adapters/Cargo.toml", &["toek", "toek-formats", "nom", "quick-xml", "rusqlite"]),
];

// --- What a source file names -----------------------------------------------------------------------------------

#[derive(Debug, PartialEq)]
enum Token {
    Word(String),
    PathSep,
    Sign(char),
}

/// Words and signs with their lines. Comments, texts and characters are left out.
fn tokens(text: &str) -> Vec<(usize, Token)> {
    let mut lexer = Lexer { chars: text.chars().collect(), at: 0, line: 1, found: Vec::new() };
    while lexer.at < lexer.chars.len() {
        lexer.step();
    }
    lexer.found
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: usize,
    found: Vec<(usize, Token)>,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> char {
        self.chars.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            self.line += usize::from(self.peek(0) == '\n');
            self.at += 1;
        }
    }

    fn push(&mut self, token: Token, length: usize) {
        self.found.push((self.line, token));
        self.skip(length);
    }

    fn step(&mut self) {
        match (self.peek(0), self.peek(1)) {
            ('/', '/') => self.skip_while(|c| c != '\n'),
            ('/', '*') => self.block_comment(),
            ('"', _) => self.text(0, false),
            ('\'', _) => self.character_or_lifetime(),
            (':', ':') => self.push(Token::PathSep, 2),
            (c, _) if c.is_ascii_digit() => self.number(),
            (c, _) if is_word(c) => self.word(),
            (c, _) if c.is_whitespace() => self.skip(1),
            (c, _) => self.push(Token::Sign(c), 1),
        }
    }

    fn skip_while(&mut self, belongs: impl Fn(char) -> bool) {
        while self.at < self.chars.len() && belongs(self.peek(0)) {
            self.skip(1);
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        while self.at < self.chars.len() {
            match (self.peek(0), self.peek(1)) {
                ('/', '*') => depth += 1,
                ('*', '/') => depth -= 1,
                _ => {
                    self.skip(1);
                    continue;
                }
            }
            self.skip(2);
            if depth == 0 {
                return;
            }
        }
    }

    /// A text from its opening quote on; a raw one ends at a quote and as many hashes.
    fn text(&mut self, hashes: usize, raw: bool) {
        self.skip(1);
        while self.at < self.chars.len() {
            let closes = self.peek(0) == '"' && (1..=hashes).all(|ahead| self.peek(ahead) == '#');
            if closes {
                return self.skip(1 + hashes);
            }
            self.skip(if self.peek(0) == '\\' && !raw { 2 } else { 1 });
        }
    }

    fn character_or_lifetime(&mut self) {
        if self.peek(1) == '\\' {
            self.skip(3); // the escaped character may be a quote itself
            self.skip_while(|c| c != '\'');
            self.skip(1);
        } else if self.peek(2) == '\'' {
            self.skip(3);
        } else {
            self.skip(1);
            self.skip_while(is_word);
        }
    }

    fn word(&mut self) {
        let start = self.at;
        let length = self.chars[start..].iter().take_while(|c| is_word(**c)).count();
        let word: String = self.chars[start..start + length].iter().collect();
        let hashes = self.chars[start + length..].iter().take_while(|c| **c == '#').count();
        let quoted = self.peek(length + hashes) == '"';
        match word.as_str() {
            "r" | "br" | "cr" if quoted => {
                self.skip(length + hashes);
                self.text(hashes, true);
            }
            "b" | "c" if quoted && hashes == 0 => self.skip(length),
            _ => self.push(Token::Word(word), length),
        }
    }

    /// A number; one with a fraction, an exponent or a floating type is a word of its own.
    fn number(&mut self) {
        let of_tuple = matches!(self.found.last(), Some((_, Token::Sign('.'))));
        let whole: String = self.chars[self.at..].iter().take_while(|c| is_word(**c)).collect();
        let rest = whole.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_');
        let exponent =
            rest.strip_prefix(['e', 'E']).is_some_and(|r| r.is_empty() || r.starts_with(char::is_numeric));
        let after = self.chars.get(self.at + whole.len() + 1).copied().unwrap_or('\0');
        let fraction = self.peek(whole.len()) == '.'
            && !of_tuple
            && (after.is_ascii_digit() || !(is_word(after) || after == '.'));
        if matches!(rest, "f32" | "f64") || exponent || fraction {
            self.found.push((self.line, Token::Word(FLOAT.to_owned())));
        }
        self.skip(whole.len());
        if fraction {
            self.skip(1);
            self.skip_while(is_word);
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A path as it stands in the source, with `self` and `super` resolved and groups of `use` spelled out.
#[derive(Debug)]
struct Mention {
    line: usize,
    path: Vec<String>,
}

impl Mention {
    fn text(&self) -> String {
        self.path.join("::")
    }

    /// Whether `part` stands in the path, whole segments at a time.
    fn holds(&self, part: &str) -> bool {
        (0..self.path.len()).any(|from| self.has_at(from, part))
    }

    fn has_at(&self, from: usize, part: &str) -> bool {
        let mut rest = self.path[from..].iter();
        part.split("::").all(|word| rest.next().is_some_and(|segment| segment == word))
    }

    /// Whether the path, after its crate, begins with `start`.
    fn begins(&self, start: &str) -> bool {
        start.is_empty() || self.has_at(1, start)
    }
}

struct Walker<'t> {
    tokens: &'t [(usize, Token)],
    at: usize,
    /// The module under way, and at which depth of braces each part of it began.
    module: Vec<(String, usize)>,
    depth: usize,
    found: Vec<Mention>,
}

/// Every path of a file whose module is `module`.
fn mentions(text: &str, module: &[&str]) -> Vec<Mention> {
    let tokens = tokens(text);
    let module = module.iter().map(|part| ((*part).to_owned(), 0)).collect();
    let mut walker = Walker { tokens: &tokens, at: 0, module, depth: 0, found: Vec::new() };
    while walker.at < tokens.len() {
        walker.step();
    }
    walker.found
}

impl<'t> Walker<'t> {
    fn token(&self, ahead: usize) -> Option<&'t Token> {
        self.tokens.get(self.at + ahead).map(|(_, token)| token)
    }

    fn step(&mut self) {
        match self.token(0) {
            Some(Token::Word(word)) if word == "mod" => self.inner_module(),
            Some(Token::Word(_)) => self.tree(Vec::new()),
            Some(Token::Sign('{')) => {
                self.depth += 1;
                self.at += 1;
            }
            Some(Token::Sign('}')) => {
                self.depth = self.depth.saturating_sub(1);
                self.module.retain(|(_, began)| *began == 0 || *began <= self.depth);
                self.at += 1;
            }
            _ => self.at += 1,
        }
    }

    fn inner_module(&mut self) {
        if let (Some(Token::Word(name)), Some(Token::Sign('{'))) = (self.token(1), self.token(2)) {
            self.module.push((name.clone(), self.depth + 1));
        }
        self.at += 2;
    }

    /// A path, or a tree of them in a `use`.
    fn tree(&mut self, mut path: Vec<String>) {
        let line = self.tokens[self.at].0;
        while let Some(Token::Word(word)) = self.token(0) {
            path.push(word.clone());
            self.at += 1;
            if self.token(0) != Some(&Token::PathSep) {
                break;
            }
            self.at += 1;
        }
        match self.token(0) {
            Some(Token::Sign('{')) if self.follows_separator() => self.group(&path),
            Some(Token::Sign('*')) if self.follows_separator() => {
                path.push("*".to_owned());
                self.at += 1;
                self.mention(line, path);
            }
            _ => self.mention(line, path),
        }
    }

    fn follows_separator(&self) -> bool {
        self.at > 0 && self.tokens[self.at - 1].1 == Token::PathSep
    }

    fn group(&mut self, path: &[String]) {
        self.at += 1;
        loop {
            match self.token(0) {
                Some(Token::Sign('}')) | None => {
                    self.at += 1;
                    return;
                }
                Some(Token::Word(word)) if word == "as" => self.at += 2,
                Some(Token::Word(_)) => self.tree(path.to_vec()),
                Some(Token::Sign('*')) => {
                    let line = self.tokens[self.at].0;
                    self.at += 1;
                    self.mention(line, [path, &["*".to_owned()]].concat());
                }
                _ => self.at += 1,
            }
        }
    }

    fn mention(&mut self, line: usize, path: Vec<String>) {
        let path = self.resolved(path);
        self.found.push(Mention { line, path });
    }

    fn resolved(&self, mut path: Vec<String>) -> Vec<String> {
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop(); // `use a::{self}`
        }
        let ups = path.iter().take_while(|word| *word == "super").count();
        let from_here = path.first().is_some_and(|first| first == "self");
        if ups == 0 && !from_here {
            return path;
        }
        let keep = self.module.len().saturating_sub(ups);
        let here = self.module[..keep].iter().map(|(name, _)| name.clone());
        let rest = path.into_iter().skip(ups + usize::from(from_here));
        std::iter::once("crate".to_owned()).chain(here).chain(rest).collect()
    }
}

// --- The rules -------------------------------------------------------------------------------------------------

/// Everything in a source file that breaks a rule. `file` is its path below the project, with `/`.
fn violations(file: &str, text: &str) -> Vec<String> {
    let module = module_of(file);
    let module: Vec<&str> = module.iter().map(String::as_str).collect();
    let found = mentions(text, &module);
    let mut broken = banned(file, &found);
    if let Some(inside) = file.strip_prefix("src/") {
        broken.extend(out_of_room(inside, &found));
    }
    broken
}

/// The module of a file within its crate.
fn module_of(file: &str) -> Vec<String> {
    let inside = file.split_once("src/").map_or(file, |(_, inside)| inside);
    let inside = inside.trim_end_matches(".rs");
    let inside = inside.strip_suffix("/mod").unwrap_or(inside);
    match inside {
        "lib" | "main" => Vec::new(),
        other => other.split('/').map(str::to_owned).collect(),
    }
}

fn banned(file: &str, found: &[Mention]) -> Vec<String> {
    let begins = |starts: &[&str]| starts.iter().any(|start| file.starts_with(start));
    let mut broken = Vec::new();
    for ban in BANS.iter().filter(|ban| begins(ban.within) && !begins(ban.except)) {
        for mention in found.iter().filter(|mention| ban.paths.iter().any(|path| mention.holds(path))) {
            broken.push(format!("{file}:{}: {}: {}", mention.line, mention.text(), ban.why));
        }
    }
    broken
}

fn room_of(inside: &str) -> Option<&'static Room> {
    let fits =
        |name: &str| inside.strip_prefix(name).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'));
    ROOMS.iter().filter(|room| fits(room.name)).max_by_key(|room| room.name.len())
}

fn out_of_room(inside: &str, found: &[Mention]) -> Vec<String> {
    let Some(room) = room_of(inside) else {
        return vec![format!("src/{inside}: in no room of the table: place it in tests/architecture.rs")];
    };
    let own = room.name.split('/').next().unwrap_or(room.name);
    let mut broken = Vec::new();
    for mention in found.iter().filter(|mention| mention.path.len() > 1) {
        let allowed = match mention.path[0].as_str() {
            "crate" | "toek" => mention.path[1] == own || room.rooms.contains(&mention.path[1].as_str()),
            "toek_formats" => room.formats.iter().any(|start| mention.begins(start)),
            "toek_adapters" => room.adapters.iter().any(|start| mention.begins(start)),
            _ => true,
        };
        if !allowed {
            broken.push(format!(
                "src/{inside}:{}: {} is not for `{}`",
                mention.line,
                mention.text(),
                room.name
            ));
        }
    }
    broken
}

/// The crates of `forbidden` that a manifest names in any list of dependencies.
fn forbidden_dependencies(manifest: &str, forbidden: &[&str]) -> Vec<String> {
    let table: toml::Table = manifest.parse().expect("a manifest is TOML");
    let lists = ["dependencies", "dev-dependencies", "build-dependencies"];
    let named = lists.iter().filter_map(|list| table.get(*list)?.as_table()).flat_map(|list| list.keys());
    named.filter(|name| forbidden.contains(&name.as_str())).cloned().collect()
}

// --- The tests -------------------------------------------------------------------------------------------------

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            rust_files(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

/// All source files, by their path below the project.
fn sources() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for dir in SOURCES {
        rust_files(&root().join(dir), &mut files).expect("the sources can be listed");
    }
    files.sort();
    let read = |path: PathBuf| {
        let name = path.strip_prefix(root()).expect("found below it").to_string_lossy().replace('\\', "/");
        (name, fs::read_to_string(&path).expect("a source can be read"))
    };
    files.into_iter().map(read).collect()
}

#[test]
fn every_file_keeps_to_its_room() {
    let sources = sources();
    let broken: Vec<String> = sources.iter().flat_map(|(file, text)| violations(file, text)).collect();
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn the_paths_are_really_read() {
    let sources = sources();
    let count = |file: &str, part: &str| {
        let (_, text) = sources.iter().find(|(name, _)| name == file).expect("the file is there");
        let module = module_of(file);
        let module: Vec<&str> = module.iter().map(String::as_str).collect();
        mentions(text, &module).iter().filter(|mention| mention.holds(part)).count()
    };
    assert!(count("adapters/src/disk.rs", "std::fs") > 0);
    assert!(count("src/store/bundle.rs", "crate::domain") > 3);
    assert!(count("src/store/bundle.rs", "crate::store::journal") > 0, "`super` is resolved");
    assert!(count("src/pipelines/send_bundles.rs", "toek_formats::nemkonto::BundleWriter") > 0);
    assert!(count("src/store/mod.rs", "rusqlite") > 0);
}

#[test]
fn crates_depend_on_nothing_beyond_their_room() {
    for (file, forbidden) in MANIFESTS {
        let manifest = fs::read_to_string(root().join(file)).expect("the manifest can be read");
        assert_eq!(forbidden_dependencies(&manifest, forbidden), Vec::<String>::new(), "{file}");
    }
    let bad = "[dependencies]\nserde = \"1\"\n[dev-dependencies]\ntokio = { version = \"1\" }";
    assert_eq!(forbidden_dependencies(bad, MANIFESTS[0].1), ["tokio"]);
}

/// Each breaks one rule, in as many ways of writing it as there are.
const BROKEN: &[(&str, &str)] = &[
    ("src/domain/payment.rs", "use crate::store::Store;"),
    ("src/domain/payment.rs", "use crate::{config::Installation, domain::calendar};"),
    ("src/domain/payment.rs", "fn f(s: &crate::pipelines::Hub) {}"),
    ("src/domain/payment.rs", "use super::super::store;"),
    ("src/domain/mod.rs", "use super::store::Store;"),
    ("src/domain/payment.rs", "mod tests {\n    use super::super::super::store;\n}"),
    ("src/domain/payment.rs", "use toek_formats::g68::Reader;"),
    ("src/domain/payment.rs", "use toek_formats::{nemkonto, vocabulary::Ore};"),
    ("src/domain/payment.rs", "use toek_formats::*;"),
    ("src/domain/payment.rs", "use toek_adapters::disk::Disk;"),
    ("src/domain/payment.rs", "use crate::*;"),
    ("src/domain/payment.rs", "const RATE: i64 = (100.0 * 1) as i64;"),
    ("src/domain/payment.rs", "fn f(rate: f64) {}"),
    ("src/domain/payment.rs", "let a = 1e3;"),
    ("src/domain/payment.rs", "let a = 5f32;"),
    ("src/domain/payment.rs", "let a = 1.;"),
    ("src/store/bundle.rs", "use crate::pipelines::Hub;"),
    ("src/store/bundle.rs", "use toek_adapters::disk::Disk;"),
    ("src/store/bundle.rs", "use toek_formats::nemkonto::BundleWriter;"),
    ("src/store/archive.rs", "use toek_adapters::drop::{Drop, Sink};"),
    ("src/store/archive.rs", "use toek_adapters::folder::FolderDrop;"),
    ("src/config/mod.rs", "use crate::store::Store;"),
    ("src/pipelines/fetch.rs", "use crate::cli::Printer;"),
    ("src/pipelines/fetch.rs", "use rusqlite::params;"),
    ("src/partners/checker.rs", "use crate::store::verify;"),
    ("src/partners/checker.rs", "use crate::domain::calendar::BankDays;"),
    ("src/partners/nemkonto.rs", "use toek_formats::nemkonto::AnswerWriter;"),
    ("src/partners/sftp_server/session.rs", "use std::fs;"),
    ("src/serve/mod.rs", "use crate::cli::Printer;"),
    ("src/serve/plan.rs", "use toek_formats::g68::Reader;"),
    ("src/serve/activation.rs", "use toek_adapters::drop::Drop;"),
    ("src/generator/mod.rs", "use crate::pipelines::Silent;"),
    ("src/generator/mod.rs", "use toek_formats::g68::FileWriter;"),
    ("src/cli/demo.rs", "let began = std::time::Instant::now();"),
    ("src/cli/demo.rs", "let now = jiff::Timestamp::now();"),
    ("src/cli/demo.rs", "use std::{fmt, fs::File};"),
    ("src/cli/demo.rs", "let text = ::std::fs::read(path);"),
    ("src/cli/demo.rs", "use chrono::Utc;"),
    ("src/seams.rs", "use std::fs as files;"),
    ("src/main.rs", "use toek::store::Store;"),
    ("src/attic/mod.rs", ""),
    ("formats/src/g68/reader.rs", "use toek_adapters::disk::Disk;"),
    ("formats/src/g68/reader.rs", "use std::net::TcpStream;"),
    ("formats/src/vocabulary/money.rs", "fn f(ore: f64) {}"),
    ("adapters/src/folder.rs", "use toek_formats::vocabulary::Ore;"),
    ("adapters/src/folder.rs", "use std::fs;"),
];

#[test]
fn every_breach_is_found() {
    for (file, text) in BROKEN {
        assert_eq!(violations(file, text).len(), 1, "{file}: {text}\n{:?}", violations(file, text));
    }
}

/// Looks like a breach and is none.
const SOUND: &[(&str, &str)] = &[
    (
        "src/domain/payment.rs",
        "// use crate::store::Store;\n/* std::fs /* f64 */ */ use super::ledger::Rule;",
    ),
    (
        "src/domain/payment.rs",
        r##"const T: &str = "crate::store::Store"; const R: &str = r#"std::fs "f64" "#;"##,
    ),
    ("src/domain/payment.rs", "pub(crate) fn f<'a>(c: char) -> bool { c == '\"' || c == '\\'' || c == 'f' }"),
    (
        "src/domain/payment.rs",
        "let a = pair.0.1; let b = 0x1f64; let c = 1usize; let d = 1..2; let e = 1_000.min(7);",
    ),
    (
        "src/domain/payment.rs",
        "mod tests {\n    use super::*;\n    use super::super::calendar;\n}\nuse super::ledger;",
    ),
    ("src/domain/payment.rs", "use toek_formats::vocabulary::{self, Ore};"),
    ("src/store/archive.rs", "use toek_adapters::{disk::{self, Disk}, drop::{Sink, Source as From}};"),
    (
        "src/store/bundle.rs",
        "use crate::domain::{ledger, payment}; use super::journal; use crate::canary::Canary;",
    ),
    (
        "src/pipelines/fetch.rs",
        "use toek_adapters::drop::Drop; use toek_formats::g68; use crate::seams::Clock;",
    ),
    ("src/partners/checker.rs", "use crate::generator::manifest; use toek_adapters::disk::Disk;"),
    ("src/cli/demo.rs", "use crate::partners::checker; use crate::store::Store; let half = 0.5;"),
    ("src/main.rs", "use toek::cli; fn main() { let now = jiff::Timestamp::now(); }"),
    ("formats/src/g68/reader.rs", "use crate::vocabulary::Ore; use std::io::Read;"),
    ("adapters/src/disk.rs", "use std::fs;"),
];

#[test]
fn nothing_sound_is_called_a_breach() {
    for (file, text) in SOUND {
        assert_eq!(violations(file, text), Vec::<String>::new(), "{file}: {text}");
    }
}
