//! G15: `serve` itself, with its log, its numbers and its socket in trouble.
//!
//! The one campaign that lives in real time, for some seconds: what it is about is the loop that the others step.

use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use jiff::civil::date;
use toek::serve::{self, Options};

use crate::campaigns::{Found, Size};
use crate::fates::{Fates, Scheme};
use crate::house::{ARCHIVE, House, KSD, Setup, SimClock};
use crate::life::instant;
use crate::lives;
use crate::machine::{Machine, MemoryDisk};
use crate::network::Network;
use crate::outside::{Brings, Outside, deliveries};
use crate::promises::Promise;

/// A log that is never written.
#[derive(Clone, Copy)]
struct Broken;

impl io::Write for Broken {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(io::Error::from_raw_os_error(28))
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::Error::from_raw_os_error(28))
    }
}

pub(crate) fn campaign(_size: &Size, found: &Mutex<Found>) {
    let log = tracing_subscriber::fmt().with_writer(|| Broken).with_max_level(tracing::Level::TRACE).finish();
    let outcome = tracing::subscriber::with_default(log, serve_in_trouble);
    let mut found = found.lock().unwrap();
    found.table.tried(Promise::G15, 3); // the log, the numbers, the socket
    if let Err(what) = outcome {
        found.table.broken(Promise::G15, what);
    }
}

/// The hub takes in what lies there, though nobody can read its log, its numbers or its socket.
fn serve_in_trouble() -> Result<(), String> {
    let life = lives::plain(5, &[751], date(2026, 3, 2), 1, 20);
    let dir = tempfile::tempdir().unwrap();
    let fates = Arc::new(Fates::new(Scheme::Calm));
    let network = Arc::new(Network::new(fates.clone()));
    let machine = Machine::start(dir.path(), None, fates.clone());
    machine.disk().create_dir_all(&dir.path().join(ARCHIVE)).unwrap();
    let outside = Arc::new(MemoryDisk::new());
    let partners = Outside::open(&outside, &life.landscape, &life.script);
    let now = instant(life.days[0].at(8, 0, 0, 0));
    let clock = Arc::new(SimClock::at(now));
    let brings = Brings {
        day: life.days[0],
        seed: 5,
        municipalities: life.municipalities.clone(),
        payments: life.payments,
        floating: false,
        records_per_file: 5_000,
        faults: false,
    };
    for delivery in deliveries(&brings, &life.script) {
        partners.put(KSD, &delivery.line.name, &delivery.bytes, now);
    }
    let taken = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
    let address = taken.local_addr().map_err(|e| e.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let setup = Setup {
            machine: &machine,
            dir: dir.path(),
            installation: &life.installation,
            clock,
            outside: &outside,
            network: &network,
            fates: &fates,
            chance: 5,
        };
        let house = House::start(&setup).await.map_err(|e| e.to_string())?;
        let options = Options { metrics: Some(address), until_idle: Some(now) };
        let told = Mutex::new(Vec::new());
        let tell = |news| told.lock().unwrap().push(format!("{news:?}"));
        let hub = Arc::new(house.hub);
        let summary = serve::run(hub, options, &tell).await.map_err(|e| format!("serve ended: {e}"))?;
        let told = told.into_inner().unwrap().join("; ");
        match (summary.activity.accepted, told.matches("Trouble").count()) {
            (1.., 2) => Ok(()),
            (accepted, troubles) => {
                Err(format!("{accepted} files taken in, {troubles} troubles told: {told}"))
            }
        }
    })?;
    Ok(())
}
