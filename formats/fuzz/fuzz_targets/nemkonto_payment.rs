//! Any bytes as a bundle: no panic; and what is told of it is the same in pieces as in one.
#![no_main]

use std::io::BufReader;

use libfuzzer_sys::fuzz_target;
use toek_formats::nemkonto::{BundleReader, Limits, break_advice, dump};

fn told(input: impl std::io::BufRead) -> String {
    let mut text = String::new();
    if let Err(error) = dump(input, Limits::default(), &mut |line| text.extend([line, "\n"])) {
        text += &error.to_string();
    }
    text
}

fuzz_target!(|bytes: &[u8]| {
    let outcome = BundleReader::new(bytes, Limits::default()).finish();
    assert_eq!(told(bytes), told(BufReader::with_capacity(3, bytes)));
    if let (Ok((count, _)), Ok(text)) = (outcome, std::str::from_utf8(bytes)) {
        assert!(count > 0);
        assert!(break_advice(text.lines()).lines.len() <= 41);
    }
});
