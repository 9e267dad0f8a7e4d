//! Any bytes as an ERP system's answer: no panic, and the same answer in pieces as in one.
#![no_main]

use std::io::BufReader;

use libfuzzer_sys::fuzz_target;
use toek_formats::finance::{AnswerReader, LIMITS};

fn read(input: impl std::io::BufRead) -> String {
    let mut reader = AnswerReader::new(input, LIMITS);
    let mut told = format!("{:?}", reader.head().map_err(|error| error.to_string()));
    loop {
        match reader.next() {
            Ok(Some(receipt)) => told += &format!("{receipt:?}"),
            Ok(None) => return told,
            Err(error) => return told + &error.to_string(),
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    assert_eq!(read(bytes), read(BufReader::with_capacity(3, bytes)));
});
