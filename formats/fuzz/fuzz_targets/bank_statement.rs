//! Any bytes as a bank's statements: no panic, and the same word in pieces as in one.
#![no_main]

use std::io::BufReader;

use libfuzzer_sys::fuzz_target;
use toek_formats::bank_statement::{LIMITS, StatementReader};

fn read(input: impl std::io::BufRead) -> String {
    let mut reader = StatementReader::new(input, LIMITS);
    let mut told = String::new();
    loop {
        match reader.next() {
            Ok(Some(item)) => told += &format!("{item:?}"),
            Ok(None) => return told,
            Err(error) => return told + &error.to_string(),
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    assert_eq!(read(bytes), read(BufReader::with_capacity(3, bytes)));
});
