//! Every sample file beside what is told of it. `UPDATE_EXPECT=1` accepts what is told now; read the diff.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "tests read sample files")]

use std::path::{Path, PathBuf};
use std::{env, fs};

use toek_formats::nemkonto::{Limits, dump};

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/nemkonto").join(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "xml"))
        .collect();
    files.sort();
    files
}

/// What is told, the fault last.
fn told(bytes: &[u8]) -> (String, bool) {
    let mut text = String::new();
    let outcome = dump(bytes, Limits::default(), &mut |line| text.extend([line, "\n"]));
    if let Err(error) = &outcome {
        text += &format!("error: {:?}: {error}\n", error.kind());
    }
    (text, outcome.is_ok())
}

fn check(folder: &str, accepted: bool, least: usize) {
    let files = files(folder);
    assert!(files.len() >= least, "only {} samples in {folder}", files.len());
    for file in files {
        let (text, ok) = told(&fs::read(&file).unwrap());
        assert_eq!(ok, accepted, "{}: {text}", file.display());
        let expected = file.with_extension("expected");
        if env::var_os("UPDATE_EXPECT").is_some() {
            fs::write(&expected, &text).unwrap();
        }
        assert_eq!(text, fs::read_to_string(&expected).unwrap(), "{}", file.display());
    }
}

#[test]
fn right_messages_are_told() {
    check("ok", true, 25);
}

#[test]
fn broken_messages_are_refused_at_their_place() {
    check("err", false, 55);
}

#[test]
fn nothing_personal_is_told() {
    for file in files("ok").into_iter().chain(files("err")) {
        let (text, _) = told(&fs::read(&file).unwrap());
        for secret in [
            "6101804001",
            "804001",
            "2512489996",
            "489996",
            "99970000055555",
            "99980000067890",
            "99990000012345",
        ] {
            assert!(!text.contains(secret), "{}: {text}", file.display());
        }
    }
}
