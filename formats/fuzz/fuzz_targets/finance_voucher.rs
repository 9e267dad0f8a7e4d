//! Any bytes as a file of vouchers: no panic; what is told of it is the same in pieces as in one; and what is read to
//! its end balances.
#![no_main]

use std::io::BufReader;

use libfuzzer_sys::fuzz_target;
use toek_formats::finance::{Entry, LIMITS, Side, VoucherFileReader};

fn read(input: impl std::io::BufRead) -> (String, bool, i64) {
    let mut reader = VoucherFileReader::new(input, LIMITS);
    let mut told = format!("{:?}", reader.head().map_err(|error| error.to_string()));
    let mut balance = 0;
    loop {
        match reader.next() {
            Ok(Some(Entry::Posting(posting))) => {
                let sign = if posting.side == Some(Side::Debit) { 1 } else { -1 };
                balance += sign * posting.amount.0;
                told += &format!("{posting:?}");
            }
            Ok(Some(entry)) => told += &format!("{entry:?}"),
            Ok(None) => return (told, true, balance),
            Err(error) => return (told + &error.to_string(), false, balance),
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let (told, ended, balance) = read(bytes);
    assert_eq!(told, read(BufReader::with_capacity(3, bytes)).0);
    assert!(!ended || balance == 0);
});
