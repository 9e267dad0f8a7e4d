//! The file commands as a user runs them: `validate`, `inspect`, `generate`, on the fixtures and on damaged copies.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;
use toek_adapters::disk::{Disk, RealDisk};

/// The day after which the example of g68.md 13 is received.
const RECEIVED: &str = "2026-01-28";
const EXAMPLE: &str = "fixtures/g68/ok/example.utf8.g68";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What a run of the binary gave.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn toek(arguments: &[&str]) -> Ran {
    let mut command: Command = assert_cmd::cargo::cargo_bin_cmd!("toek");
    command.env_remove("TOEK_DIR").env_remove("TOEK_CANARY").current_dir(root()).args(arguments);
    let output = command.output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Ran {
    /// The findings and the summary of `validate --json`.
    fn findings(&self) -> (Vec<Value>, Value) {
        let mut lines: Vec<Value> =
            self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let last = lines.pop().unwrap();
        (lines, last["summary"].clone())
    }
}

fn files(folder: &str, ending: &str) -> Vec<String> {
    let path = root().join(folder);
    if !RealDisk.exists(&path).unwrap() {
        return Vec::new();
    }
    let entries = RealDisk.list(&path).unwrap();
    let names = entries.into_iter().map(|entry| entry.name).filter(|name| name.ends_with(ending));
    let mut names: Vec<_> = names.map(|name| format!("{folder}/{name}")).collect();
    names.sort();
    names
}

fn text(path: impl AsRef<Path>) -> String {
    String::from_utf8_lossy(&RealDisk.read(path.as_ref()).unwrap()).into_owned()
}

/// What must never be seen: CPR numbers and accounts, read off a file by its tags or columns and by nothing of the
/// hub's.
fn secrets(path: &Path) -> BTreeSet<String> {
    let text = text(path);
    let mut found = BTreeSet::new();
    for (open, close) in [("SclSctyNb>", "<"), ("BBAN>", "<"), ("IBAN>", "<"), ("Nm>", "<")] {
        let pieces = text.split(open).skip(1).filter_map(|piece| piece.split_once(close));
        found.extend(pieces.map(|(value, _)| value.trim().to_owned()).filter(|value| value.len() >= 8));
    }
    // Code and number of the payee and of the benefit recipient, in the fixed and in the floating form.
    for line in text.lines().filter(|line| line.get(3..6) == Some("G68")) {
        let column =
            |from: usize, to: usize| line.chars().skip(from - 1).take(to + 1 - from).collect::<String>();
        if !line.contains('&') && column(79, 80) == "02" {
            found.insert(column(85, 94));
        }
        if !line.contains('&') && column(179, 180) == "02" {
            found.insert(column(185, 194));
        }
        let numbered = line.split('&').filter(|field| field.starts_with("11") || field.starts_with("85"));
        found.extend(
            numbered.map(|field| field.chars().skip(2).collect::<String>()).filter(|v| v.len() >= 10),
        );
    }
    found.retain(|value| value.chars().any(|c| c != '0'));
    found
}

#[track_caller]
fn hides(ran: &Ran, secrets: &BTreeSet<String>, subject: &str) {
    for secret in secrets {
        assert!(
            !ran.out.contains(secret.as_str()) && !ran.err.contains(secret.as_str()),
            "{subject}: {secret}"
        );
    }
}

#[test]
fn sound_files_are_sound() {
    let mut g68 = files("fixtures/g68/ok", ".g68");
    // Plain pairs name neither supplier nor benefit: only an installation knows whose they are.
    g68.retain(|file| !file.contains("plain-pairs"));
    let nemkonto = files("fixtures/nemkonto/ok", ".xml");
    assert!(g68.len() > 3 && nemkonto.len() > 10);
    for file in g68.iter().chain(&nemkonto) {
        let ran = toek(&["validate", "--received", RECEIVED, file]);
        assert_eq!(ran.code, 0, "{file}: {}{}", ran.out, ran.err);
        assert!(ran.out.ends_with("would be accepted\n"), "{file}: {}", ran.out);
        let json = toek(&["validate", "--received", RECEIVED, "--json", file]);
        assert_eq!(json.findings().1["errors"], 0, "{file}");
        assert_eq!(json.findings().1["files"][0]["accepted"], true, "{file}");
    }
}

/// The expected dump of every faulty message ends `error: Kind: line 7, column 12, /a/b: rule`.
#[test]
fn every_faulty_message_is_told_at_its_place() {
    let faulty = files("fixtures/nemkonto/err", ".xml");
    assert!(faulty.len() > 20);
    for file in faulty {
        let expected = text(root().join(file.replace(".xml", ".expected")));
        let expected = expected.lines().last().unwrap();
        let place = expected.split_once(": line ").unwrap().1;
        let (line, rest) = place.split_once(", column ").unwrap();
        let (column, rest) = rest.split_once(", ").unwrap();
        let (path, rule) = rest.split_once(": ").unwrap();

        let ran = toek(&["validate", &file]);
        assert_eq!(ran.code, 1, "{file}");
        assert!(ran.out.contains(&format!("error[NKS-XML]: {rule}\n")), "{file}: {}", ran.out);
        assert!(ran.out.contains(&format!("--> {file}:{line}:{column}\n")), "{file}: {}", ran.out);
        assert!(ran.out.contains(&format!("= in: {path}\n")), "{file}: {}", ran.out);
        assert!(ran.out.contains("would be rejected as a file (NKS-XML)"), "{file}");

        let (findings, summary) = toek(&["validate", "--json", &file]).findings();
        assert_eq!(findings.len(), 1, "{file}");
        let told = &findings[0];
        assert_eq!(
            (told["line"].to_string(), told["from"].to_string()),
            (line.into(), column.into()),
            "{file}"
        );
        assert_eq!((&told["field"], &told["rule"]), (&Value::from(path), &Value::from(rule)), "{file}");
        assert_eq!((&told["code"], &summary["errors"]), (&Value::from("NKS-XML"), &Value::from(1)), "{file}");
    }
}

/// One change to the example, and the error that must come of it.
struct Damage {
    /// What is done.
    change: Change,
    code: &'static str,
    field: &'static str,
    /// Line, first and last column of the error.
    place: (u64, u64, u64),
}

enum Change {
    /// Line, column, what is written over it.
    Write(usize, usize, &'static str),
    /// Line, how many characters of it are left.
    Cut(usize, usize),
    /// A line that is left out.
    Without(usize),
    /// What is put behind the end of a line.
    Append(usize, &'static str),
}

use Change::{Append, Cut, Without, Write};

const fn damage(
    change: Change,
    code: &'static str,
    field: &'static str,
    line: u64,
    from: u64,
    to: u64,
) -> Damage {
    Damage { change, code, field, place: (line, from, to) }
}

/// Columns and codes as in g68.md 7 and 10.
const DAMAGES: &[Damage] = &[
    damage(Write(2, 73, "O"), "G68-F04", "BELOEB", 2, 67, 77),
    damage(Write(2, 67, "00000000000"), "G68-F06", "BELOEB", 2, 67, 77),
    damage(Write(3, 78, "*"), "G68-F07", "FORTEGN", 3, 78, 78),
    damage(Write(4, 95, "20260230"), "G68-F05", "DISPDATO", 4, 95, 102),
    damage(Write(4, 95, "20260105"), "G68-K05", "DISPDATO", 4, 95, 102),
    damage(Write(2, 79, "07"), "G68-T03", "IDENTKODE", 2, 79, 80),
    damage(Write(2, 85, "32"), "G68-T10", "IDENTNR", 2, 81, 94),
    damage(Write(2, 81, "X"), "G68-F04", "IDENTNR", 2, 81, 94),
    damage(Write(2, 151, "0999"), "G68-T05", "YDELSESART", 2, 151, 154),
    damage(Write(2, 19, "0101"), "G68-K01", "UDBENHED", 2, 19, 22),
    damage(Write(2, 163, "20260228"), "G68-K04", "PERFRA", 2, 163, 170),
    damage(Write(2, 16, "99"), "G68-T02", "TRANSTYPE", 2, 16, 17),
    damage(Write(2, 18, "7"), "G68-F03", "", 2, 1, 18),
    damage(Write(2, 4, "G67"), "G68-S12", "", 2, 4, 6),
    damage(Write(2, 235, "\u{7}"), "G68-F12", "SAGSREF", 2, 235, 235),
    damage(Write(3, 7, "00001"), "G68-S05", "LINJENR", 3, 7, 11),
    damage(Write(7, 486, "09"), "G68-K13", "TEKSTANT", 7, 486, 487),
    damage(Cut(2, 400), "G68-F02", "", 2, 1, 367),
    damage(Write(8, 6, "00007"), "G68-S04", "FANTREC", 8, 6, 10),
    damage(Write(1, 6, "0999"), "G68-S02", "BRUGERNR", 1, 6, 9),
    damage(Without(1), "G68-S01", "", 1, 1, 4),
    damage(Without(8), "G68-S03", "", 7, 0, 0),
    damage(Append(8, "000000004621951+"), "G68-S07", "KONTROLSUM", 8, 11, 26),
];

impl Change {
    fn of(&self, example: &str) -> String {
        let mut lines: Vec<String> = example.lines().map(str::to_owned).collect();
        match self {
            Write(line, column, new) => {
                let mut characters: Vec<char> = lines[line - 1].chars().collect();
                characters.resize(characters.len().max(column - 1 + new.chars().count()), ' ');
                for (place, character) in characters.iter_mut().skip(column - 1).zip(new.chars()) {
                    *place = character;
                }
                lines[line - 1] = characters.into_iter().collect();
            }
            Cut(line, length) => lines[line - 1] = lines[line - 1].chars().take(*length).collect(),
            Without(line) => drop(lines.remove(line - 1)),
            Append(line, more) => lines[line - 1].push_str(more),
        }
        lines.join("\n") + "\n"
    }
}

#[test]
fn every_damage_is_told_at_its_columns() {
    let dir = tempfile::tempdir().unwrap();
    let example = text(root().join(EXAMPLE));
    let hidden = secrets(&root().join(EXAMPLE));
    for (number, Damage { change, code, field, place }) in DAMAGES.iter().enumerate() {
        let path = dir.path().join(format!("{number}.g68"));
        RealDisk.write_atomically(&path, change.of(&example).as_bytes()).unwrap();
        let path = path.to_str().unwrap();
        let (line, from, to) = *place;
        let subject = format!("{code} at {line}:{from}-{to}");

        let json = toek(&["validate", "--received", RECEIVED, "--no-warnings", "--json", path]);
        assert_eq!(json.code, 1, "{subject}");
        let (findings, summary) = json.findings();
        let is_it = |told: &&Value| {
            told["code"] == *code
                && told["field"] == *field
                && told["line"] == line
                && told["from"] == from
                && told["to"] == to
        };
        assert!(findings.iter().any(|told| is_it(&told)), "{subject}: {}", json.out);
        assert!(findings.iter().all(|told| told["severity"] != "warning"), "{subject}");
        assert_eq!(summary["errors"], findings.len(), "{subject}");

        let drawn = toek(&["validate", "--received", RECEIVED, "--no-warnings", path]);
        assert_eq!(drawn.code, 1, "{subject}");
        let column = if from == 0 { String::new() } else { format!(":{from}") };
        assert!(drawn.out.contains(&format!("error[{code}]: ")), "{subject}: {}", drawn.out);
        assert!(drawn.out.contains(&format!("--> {path}:{line}{column}")), "{subject}: {}", drawn.out);
        assert!(
            drawn.out.lines().all(|line| !line.contains(" | ") || line.chars().count() <= 100),
            "{}",
            drawn.out
        );
        assert_eq!(from > 0, carets_stand_under(&drawn.out, code, from), "{subject}: {}", drawn.out);

        hides(&json, &hidden, &subject);
        hides(&drawn, &hidden, &subject);
        let inspected = toek(&["inspect", "--received", RECEIVED, path]);
        hides(&inspected, &hidden, &subject);
        hides(&toek(&["inspect", "--received", RECEIVED, "--json", path]), &hidden, &subject);
    }
}

/// The same in EBCDIC 277 and blocks of 850 characters, as from a mainframe.
fn in_blocks(text: &str) -> Vec<u8> {
    let page: Vec<u8> = (0..=255).collect();
    let latin1 =
        toek_formats::g68::decode(toek_formats::g68::Charset::Ebcdic277, &page, &mut Vec::new()).to_vec();
    let code = |c: char| latin1.iter().position(|byte| char::from(*byte) == c).unwrap() as u8;
    text.lines().flat_map(|line| format!("{line:850}").chars().map(code).collect::<Vec<_>>()).collect()
}

#[test]
fn blocks_in_ebcdic_are_told_alike() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("blocks.g68");
    let example = text(root().join(EXAMPLE));
    let wrong = Write(8, 6, "00007").of(&Write(2, 73, "O").of(&example));
    RealDisk.write_atomically(&path, &in_blocks(&wrong)).unwrap();
    let path = path.to_str().unwrap();
    let ran = toek(&["validate", "--received", RECEIVED, "--no-warnings", path]);
    assert_eq!(ran.code, 1);
    for (code, column, line) in [("G68-F04", 67, "000018O5600+02****"), ("G68-S04", 6, "8 | SLUTD00007")] {
        assert!(ran.out.contains(line), "{}", ran.out);
        assert!(carets_stand_under(&ran.out, code, column), "{code}: {}", ran.out);
    }
    hides(&ran, &secrets(&root().join(EXAMPLE)), "blocks");
    let inspected = toek(&["inspect", "--received", RECEIVED, "--record", "1", path]);
    assert!(inspected.out.contains("EBCDIC 277, blocks"), "{}", inspected.out);
    hides(&inspected, &secrets(&root().join(EXAMPLE)), "blocks");
}

/// Whether the first caret of a drawn finding stands under the column by the ruler's count.
fn carets_stand_under(drawn: &str, code: &str, column: u64) -> bool {
    let from = drawn.find(&format!("[{code}]")).unwrap();
    let lines: Vec<&str> = drawn[from..].lines().take(5).collect();
    let [_, _, ruler, line, carets] = lines[..] else { return false };
    let (Some(caret), Some(bar)) = (carets.find('^'), carets.find('|')) else { return false };
    assert!(line.contains('|'), "{drawn}");
    // Any number on the ruler tells the column of its last digit.
    let digits = ruler.char_indices().skip(bar).find(|(_, c)| c.is_ascii_digit());
    let Some((begin, _)) = digits else { return caret == bar + 1 + column as usize };
    let number: String = ruler[begin..].chars().take_while(char::is_ascii_digit).collect();
    let end = begin + number.len() - 1;
    number.parse::<u64>().unwrap() + caret as u64 == column + end as u64
}

#[test]
fn no_number_of_a_person_is_ever_shown() {
    let dir = tempfile::tempdir().unwrap();
    let mut made = BTreeMap::new();
    for form in ["fixed", "floating"] {
        let folder = dir.path().join(form);
        let output = folder.to_str().unwrap();
        let ran = toek(&[
            "generate",
            "g68",
            "--records",
            "400",
            "--form",
            form,
            "--day",
            RECEIVED,
            "--errors",
            "few",
            "--output",
            output,
        ]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        for entry in RealDisk.list(&folder).unwrap().into_iter().filter(|entry| entry.name.ends_with(".g68"))
        {
            made.insert(folder.join(&entry.name), secrets(&folder.join(&entry.name)));
        }
    }
    assert!(made.values().map(BTreeSet::len).sum::<usize>() > 600);
    let fixtures = ["fixtures/g68/ok", "fixtures/g68/err", "fixtures/nemkonto/ok", "fixtures/nemkonto/err"];
    for file in fixtures.iter().flat_map(|folder| files(folder, "").into_iter()) {
        let path = root().join(&file);
        if file.ends_with(".g68") || file.ends_with(".xml") {
            made.insert(path.clone(), secrets(&path));
        }
    }
    for (path, hidden) in &made {
        let path = path.to_str().unwrap();
        for command in ["validate", "inspect"] {
            for style in [&[][..], &["--json"]] {
                let arguments = [&[command, "--received", RECEIVED, path], style].concat();
                hides(&toek(&arguments), hidden, &format!("{arguments:?}"));
            }
        }
    }
}

#[test]
fn what_the_manifest_expects_is_what_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let output = dir.path().to_str().unwrap();
    let ran = toek(&[
        "generate",
        "g68",
        "--records",
        "1200",
        "--municipalities",
        "2",
        "--day",
        RECEIVED,
        "--errors",
        "many",
        "--output",
        output,
    ]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let manifest = text(dir.path().join("manifest.jsonl"));
    let lines: Vec<Value> = manifest.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut rejected = 0;
    for file in lines.iter().filter(|line| line["is"] == "file") {
        let path = dir.path().join(file["name"].as_str().unwrap());
        let (findings, summary) =
            toek(&["validate", "--received", RECEIVED, "--json", path.to_str().unwrap()]).findings();
        // What came before is not looked up: repeated files and references are sound by themselves.
        let code = file["code"].as_str().filter(|code| *code != "G68-S11");
        assert_eq!(summary["files"][0]["accepted"], code.is_none(), "{file}");
        assert_eq!(summary["files"][0]["because"].as_str(), code, "{file}");
        let records = lines.iter().filter(|line| line["is"] == "record" && line["file"] == file["name"]);
        for record in
            records.filter(|record| record["expected"]["class"] == "rejected" && !record["fault"].is_null())
        {
            let codes = record["expected"]["codes"].as_array().unwrap();
            // Without an installation every supplier is registered.
            if codes.as_slice() == ["G68-T06"] {
                continue;
            }
            rejected += 1;
            let told = findings
                .iter()
                .any(|told| told["record"] == record["record"] && codes.contains(&told["code"]));
            assert!(told, "{record}");
        }
    }
    assert!(rejected > 100, "{rejected}");
}

#[test]
fn only_so_many_are_drawn_and_the_rest_is_counted() {
    let all = toek(&["validate", "--received", RECEIVED, EXAMPLE]);
    let drawn = |ran: &Ran| ran.out.matches("warning[").count();
    let count = drawn(&all);
    assert!(count > 3);
    let few = toek(&["validate", "--received", RECEIVED, "--max", "2", EXAMPLE]);
    assert_eq!(drawn(&few), 2);
    assert!(few.out.contains(&format!("and {} more", count - 2)), "{}", few.out);
    let none = toek(&["validate", "--received", RECEIVED, "--no-warnings", EXAMPLE]);
    assert_eq!(drawn(&none), 0);
    assert!(none.out.contains(&format!("{count} warnings")), "still counted: {}", none.out);
}

#[test]
fn inspect_shows_the_records_asked_for() {
    let records = |ran: &Ran| ran.out.matches("\nrecord ").count() + ran.out.starts_with("record ") as usize;
    let table: [(&[&str], usize, i32); 5] = [
        (&[], 6, 0),
        (&["--record", "3"], 1, 0),
        (&["--from", "2", "--to", "4"], 3, 0),
        (&["--from", "6"], 1, 0),
        (&["--record", "7"], 0, 1),
    ];
    for (options, expected, code) in table {
        let ran = toek(&[&["inspect", "--received", RECEIVED, EXAMPLE], options].concat());
        assert_eq!((records(&ran), ran.code), (expected, code), "{options:?}: {}", ran.out);
        assert!(ran.out.contains("UTF-8, lines, 8 lines"), "{}", ran.out);
    }
    let json = toek(&["inspect", "--received", RECEIVED, "--json", "--record", "2", EXAMPLE]);
    let lines: Vec<Value> = json.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[0]["records"], &lines[0]["sum_ore"]), (&Value::from(6), &Value::from(4_621_950)));
    assert_eq!(lines[1]["fields"]["BELOEB"], "00000975050");
    assert_eq!(lines[1]["fields"]["YDNR"], "**************");
    let layout = toek(&["inspect", "--layout"]);
    assert!(layout.out.contains("| `BELOEB` | 67-77 | 11 |"), "{}", layout.out);
}

#[test]
fn nothing_is_overwritten_unless_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let output = dir.path().to_str().unwrap();
    let arguments = ["generate", "g68", "--records", "40", "--day", RECEIVED, "--output", output];
    assert_eq!(toek(&arguments).code, 0);
    let bytes = |name: &str| RealDisk.read(&dir.path().join(name)).unwrap();
    let (first, manifest) = (bytes("G68_0101_20260128_0001.g68"), bytes("manifest.jsonl"));
    let refused = toek(&[&arguments[..], &["--seed", "2"]].concat());
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("--force"), "{}", refused.err);
    assert_eq!((bytes("G68_0101_20260128_0001.g68"), bytes("manifest.jsonl")), (first.clone(), manifest));
    assert_eq!(toek(&[&arguments[..], &["--seed", "2", "--force"]].concat()).code, 0);
    assert_ne!(bytes("G68_0101_20260128_0001.g68"), first);
    assert_eq!(toek(&[&arguments[..], &["--force"]].concat()).code, 0);
    assert_eq!(bytes("G68_0101_20260128_0001.g68"), first, "the same options, the same bytes");
    for wrong in
        [&["--municipalities", "99"], &["--errors", "sloth"], &["--form", "loose"], &["--day", "30/1"]]
    {
        assert_eq!(toek(&[&arguments[..], &wrong[..]].concat()).code, 2, "{wrong:?}");
    }
}

#[test]
fn what_is_no_file_of_ours_is_said_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    RealDisk.write_atomically(&path("list.csv"), b"navn;cpr\nNiels;0101010101\n").unwrap();
    RealDisk.write_atomically(&path("empty.g68"), b"").unwrap();
    let table = [
        ("list.csv", "error[TOEK-KIND]"),
        ("empty.g68", "error[G68-S01]"),
        ("empty.g68", "error[G68-S10]"),
        ("missing.g68", "does not exist"),
        (".", "is a folder"),
    ];
    for (name, expected) in table {
        let ran = toek(&["validate", path(name).to_str().unwrap()]);
        assert_eq!(ran.code, 1, "{name}");
        assert!(ran.out.contains(expected) || ran.err.contains(expected), "{name}: {}{}", ran.out, ran.err);
        assert!(!ran.out.contains("0101010101"));
    }
    // A file that cannot be read keeps no other back.
    let both = toek(&["validate", "--received", RECEIVED, path("missing.g68").to_str().unwrap(), EXAMPLE]);
    assert_eq!(both.code, 1);
    assert!(both.out.contains("would be accepted"), "{}", both.out);
    // An installation that was named must be one.
    let named = toek(&["--dir", dir.path().to_str().unwrap(), "validate", EXAMPLE]);
    assert_eq!(named.code, 1);
    assert!(named.err.contains("toek.toml"), "{}", named.err);
}

/// Very large files of next to nothing: the memory a reader takes must not follow the size of the file.
#[cfg(target_os = "linux")]
mod large {
    use std::fs::File;
    use std::process::{Child, Command, Stdio};
    use std::time::Duration;

    use super::*;

    /// Resident at most, in kB.
    const MOST: u64 = 100_000;

    fn sparse(path: &Path, head: &[u8], length: u64) {
        RealDisk.write_atomically(path, head).unwrap();
        File::options().append(true).open(path).unwrap().set_len(length).unwrap();
    }

    /// Runs to the end; the exit code, the output, and the most memory that was seen.
    fn watch(arguments: &[&str]) -> (i32, String, u64) {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("toek"));
        command.env_remove("TOEK_DIR").args(arguments).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut most = 0;
        let code = loop {
            most = most.max(high_water_mark(&child));
            if let Some(status) = child.try_wait().unwrap() {
                break status.code().unwrap();
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let out = std::io::read_to_string(child.stdout.take().unwrap()).unwrap();
        (code, out, most)
    }

    /// `VmHWM` in kB; 0 once the process has ended.
    fn high_water_mark(child: &Child) -> u64 {
        let status =
            RealDisk.read_text(Path::new(&format!("/proc/{}/status", child.id()))).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
    }

    #[test]
    fn two_gigabytes_of_nothing_are_refused_quickly_and_in_little_memory() {
        const TWO: u64 = 2 << 30;
        let dir = tempfile::tempdir().unwrap();
        let line = b"Z300 07516      0281\n";
        let table: [(&str, &[u8], u64, &str); 5] = [
            ("nothing.g68", b"", TWO, "error[TOEK-KIND]: "),
            ("nothing.bin", b"", TWO, "error[TOEK-KIND]: "),
            ("begins.g68", line, TWO, "error[TOEK-SIZE]: "),
            ("nothing.xml", b"<a>", TWO, "error[NKS-XML]: "),
            // Read to its end: one line of 200 MB.
            ("line.g68", line, 200_000_000, "error[G68-F01]: "),
        ];
        for (name, head, length, expected) in table {
            let path = dir.path().join(name);
            sparse(&path, head, length);
            let (code, out, most) = watch(&["validate", path.to_str().unwrap()]);
            assert_eq!(code, 1, "{name}");
            assert!(out.contains(expected), "{name}: {out}");
            assert!(most > 0 && most < MOST, "{name}: {most} kB resident");
        }
    }

    #[test]
    fn a_full_delivery_takes_little_memory() {
        let dir = tempfile::tempdir().unwrap();
        let output = dir.path().to_str().unwrap();
        let made = toek(&[
            "generate",
            "g68",
            "--records",
            "40000",
            "--municipalities",
            "1",
            "--errors",
            "none",
            "--day",
            RECEIVED,
            "--output",
            output,
        ]);
        assert_eq!(made.code, 0, "{}", made.err);
        let file = dir.path().join("G68_0101_20260128_0001.g68");
        let (code, out, most) = watch(&["validate", "--received", RECEIVED, file.to_str().unwrap()]);
        assert_eq!(code, 0, "{out}");
        assert!(out.contains("40000 records, 0 errors"), "{out}");
        assert!(most > 0 && most < MOST, "{most} kB resident");
    }
}
