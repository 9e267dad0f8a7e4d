//! Any text as a control file: no panic, and what is read is written and read back alike.
#![no_main]

use libfuzzer_sys::fuzz_target;
use toek_formats::order_control::{read, write};

fuzz_target!(|text: &str| {
    if let Ok(rows) = read(text) {
        assert_eq!(read(&write(&rows)), Ok(rows));
    }
});
