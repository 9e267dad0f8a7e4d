//! Reads the command line and hands in the clock and chance of the machine; nothing else does.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use toek::cli::{self, World};
use toek::seams::{Clock, SystemIds};

struct MachineClock {
    started: Instant,
}

impl MachineClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the real time is read")]
    fn start() -> MachineClock {
        MachineClock { started: Instant::now() }
    }
}

impl Clock for MachineClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the real time is read")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

fn main() -> ExitCode {
    cli::main(World { clock: Arc::new(MachineClock::start()), ids: Arc::new(SystemIds::default()) })
}
