//! Any bytes as an assortment: no panic; the same is told of it in pieces as in one; and no value that is read lies
//! outside its sub-assortment's days.
#![no_main]

use std::io::BufReader;

use libfuzzer_sys::fuzz_target;
use toek_formats::assortment::{AssortmentReader, Days, Entry, LIMITS};

fn read(input: impl std::io::BufRead) -> String {
    let mut reader = AssortmentReader::new(input, LIMITS);
    let mut told = format!("{:?}", reader.head().map_err(|error| error.to_string()));
    let mut days = Days::default();
    loop {
        match reader.next() {
            Ok(Some(entry)) => {
                match entry {
                    Entry::Part(part) => days = part.days,
                    Entry::Class(value) => assert!(value.row.days.lies_in(days)),
                    Entry::Unit(value) => assert!(value.row.days.lies_in(days)),
                }
                told += &format!("{entry:?}");
            }
            Ok(None) => return told,
            Err(error) => return told + &error.to_string(),
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    assert_eq!(read(bytes), read(BufReader::with_capacity(3, bytes)));
});
