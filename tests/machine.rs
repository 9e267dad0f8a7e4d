//! The machine.
#[path = "simulator/machine/mod.rs"]
mod machine;
