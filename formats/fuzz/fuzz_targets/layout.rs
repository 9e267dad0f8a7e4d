//! Any text as an override layout: refused with a place, or loaded and still able to read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use toek_formats::g68::Layouts;

fuzz_target!(|text: &str| match Layouts::with_override(text) {
    Ok(layouts) => assert!(!layouts.canonical().is_empty() && !layouts.table().markdown().is_empty()),
    Err(error) => assert!(error.line > 0 && error.column > 0 && !error.to_string().is_empty()),
});
