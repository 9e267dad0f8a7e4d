//! Reads configuration and the clock, nothing else.
fn main() {}
