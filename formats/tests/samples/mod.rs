//! Every sample file beside what is told of it. `UPDATE_EXPECT=1` accepts what is told now; read the diff.

use std::path::{Path, PathBuf};
use std::{env, fs};

use toek_formats::xml::Error;

/// Tells a document line by line.
pub(crate) type Tell = fn(&[u8], &mut dyn FnMut(&str)) -> Result<(), Error>;

/// Samples of a folder below `fixtures`.
pub(crate) fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "xml"))
        .collect();
    files.sort();
    files
}

/// What is told, the fault last; and whether there was none.
pub(crate) fn told(tell: Tell, bytes: &[u8]) -> (String, bool) {
    let mut text = String::new();
    let outcome = tell(bytes, &mut |line| text.extend([line, "\n"]));
    if let Err(error) = &outcome {
        text += &format!("error: {:?}: {error}\n", error.kind());
    }
    (text, outcome.is_ok())
}

/// Holds every sample of a folder, at least so many, against what stands beside it.
pub(crate) fn check(tell: Tell, folder: &str, accepted: bool, least: usize) {
    let files = files(folder);
    assert!(files.len() >= least, "only {} samples in {folder}", files.len());
    for file in files {
        let (text, ok) = told(tell, &fs::read(&file).unwrap());
        assert_eq!(ok, accepted, "{}: {text}", file.display());
        let expected = file.with_extension("expected");
        if env::var_os("UPDATE_EXPECT").is_some() {
            fs::write(&expected, &text).unwrap();
        }
        assert_eq!(text, fs::read_to_string(&expected).unwrap(), "{}", file.display());
    }
}

/// Nothing of what is told holds one of the secrets.
pub(crate) fn check_secrets(tell: Tell, folders: &[&str], secrets: &[&str]) {
    for file in folders.iter().flat_map(|folder| files(folder)) {
        let (text, _) = told(tell, &fs::read(&file).unwrap());
        for secret in secrets {
            assert!(!text.contains(secret), "{}: {text}", file.display());
        }
    }
}
