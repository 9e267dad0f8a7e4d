//! Reads the command line and hands in the clock and chance of the machine; nothing else does.

use std::process::ExitCode;
use std::sync::Arc;

use jiff::Timestamp;
use toek::cli::{self, World};
use toek::seams::{Clock, SystemIds};

struct MachineClock;

impl Clock for MachineClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the real time is read")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

fn main() -> ExitCode {
    cli::main(World { clock: Arc::new(MachineClock), ids: Arc::new(SystemIds::default()) })
}
