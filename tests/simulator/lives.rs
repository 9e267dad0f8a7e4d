//! Lives worth living: a short one with something of everything, weeks with weather, and all municipalities at once.

use jiff::ToSpan;
use jiff::civil::{Date, DateTime, date};
use toek::generator::MUNICIPALITIES;
use toek::partners::script::{CALM, HOSTILE, Script};
use toek::steps::Step;

use crate::chance::Chance;
use crate::fates::Scheme;
use crate::house::{KSD, installation};
use crate::life::{Act, ENDPOINTS, How, Life, OUTBOX};
use crate::machine::Trouble;
use crate::network::Fault;
use crate::outside::{Brings, deliveries};

const LANDSCAPE: &str = r#"
seed = 1
[hub]
user = "serviceplatformen"
[serviceplatformen]
users = ["serviceplatformen", "ERP_SFTP"]
[[serviceplatformen.route]]
inf_ref = "SF1590_A_Finansbilag"
to = "ERP_SFTP"
[[serviceplatformen.route]]
inf_ref = "SF1590_A_FinansbilagKvittering"
to = "serviceplatformen"
[erp]
user = "ERP_SFTP"
delay = "30m"
[[erp.voucher]]
share = 80
answer = "refuse"
code = "F021"
"#;

/// Vouchers go out twice a day, so that a life has few instants.
const SELDOM: (&str, &str, &str) =
    ("schedules/send-vouchers.toml", "0 0,15,30,45 6-18 * * *", "0 0 11,17 * * *");
/// An account that vouchers need is none yet.
const BROKEN: (&str, &str, &str) = (
    "accounts.toml",
    "role = \"MELLEM\"\n# municipality = \"0751\"\n# benefit = \"0201\"\nvalid_from = 2020",
    "role = \"MELLEM\"\nvalid_from = 2099",
);

fn script(text: &str, seed: u64) -> Script {
    let mut script = Script::load(text, "script").unwrap();
    script.seed = seed;
    script
}

fn at(day: Date, hour: i8, minute: i8) -> DateTime {
    day.at(hour, minute, 0, 0)
}

/// Nothing goes wrong but what is asked for.
pub(crate) fn plain(seed: u64, municipalities: &[u16], first: Date, days: i64, payments: u64) -> Life {
    let days: Vec<Date> = (0..days)
        .map(|n| first.checked_add(n.days()).unwrap())
        .filter(|day| toek::partners::bank_days::is_open(*day))
        .collect();
    let last = *days.last().unwrap();
    Life {
        seed,
        municipalities: municipalities.to_vec(),
        until: last.checked_add(8.days()).unwrap(),
        days,
        payments,
        floating: false,
        bad_input: false,
        has_clerk: false,
        script: script(CALM, seed),
        landscape: LANDSCAPE.to_owned(),
        acts: Vec::new(),
        first: Scheme::Calm,
        how: How::Power,
        installation: installation(municipalities, &[SELDOM]),
        broken: installation(municipalities, &[SELDOM, BROKEN]),
        skewed_servers: false,
        pace: 180,
        ends_with_restart: true,
    }
}

/// Few payments and every durable step there is: over the end of a month, with bad files, refused vouchers, a clock that
/// jumps, an ERP and a NemKonto that are late or silent, an account that is missing, and a hub that was off when
/// something was due.
pub(crate) fn everything(seed: u64) -> Life {
    let friday = date(2026, 1, 30);
    let (monday, wednesday) = (date(2026, 2, 2), date(2026, 2, 4));
    let mut life = plain(seed, &[461, 751], friday, 4, 16);
    life.has_clerk = true;
    life.until = wednesday.tomorrow().unwrap();
    life.pace = 600;
    life.script = script(
        r#"
        [[bundle]]
        municipalities = ["0461"]
        sequences = [1]
        answer = "silent"
        [[bundle]]
        municipalities = ["0751"]
        sequences = [1]
        answer = "unreadable"
        [[payment]]
        amount_endings = [10, 20, 30, 15, 25]
        answer = "return"
        [[payment]]
        amount_endings = [40, 50, 60, 45, 55]
        answer = "bank-refuse-later"
        "#,
        seed,
    );
    life.landscape = format!(
        "{}{}",
        LANDSCAPE.split("[[erp.voucher]]").next().unwrap(),
        r#"
        [[erp.file]]
        files = [3]
        answer = "accept"
        late = "30h"
        [[erp.voucher]]
        files = [1]
        nth = [1]
        answer = "refuse"
        code = "F021"
        "#
    );
    let broken = b"Z300 04616      0291\nSLUTD00007\n".to_vec();
    life.acts = vec![
        (at(friday, 8, 30), Act::Stray(KSD, "notes about G68.g68".to_owned(), b"x\n".to_vec())),
        (at(friday, 8, 30), Act::Stray(KSD, "stray.g68".to_owned(), broken)),
        (at(friday, 8, 31), Act::Validate),
        (at(friday, 8, 40), Act::Stray(OUTBOX, "odd.xml".to_owned(), b"<NKSOdd/>".to_vec())),
        (at(friday, 14, 0), Act::Skew(7_200)),
        (at(friday, 14, 5), Act::Skew(0)),
        (at(friday, 14, 10), Act::ReleaseClock),
        (at(friday, 16, 30), Act::Accounts(false)),
        (at(friday, 17, 30), Act::Accounts(true)),
        (at(monday, 9, 0), Act::SettleUnknown),
        (at(monday, 9, 30), Act::SettleUnknown), // where the hub could not be reached the first time
        (at(monday, 10, 55), Act::KillAfter(Step::Gathered)),
        (at(monday, 11, 10), Act::Accounts(true)),
        (at(monday, 12, 0), Act::Off),
        (at(wednesday, 15, 0), Act::On),
    ];
    life
}

/// Bundles leave, and the hub forgets it: an older state is brought back, and what NemKonto says tells what is lost.
pub(crate) fn restored(seed: u64) -> Life {
    let (friday, monday) = (date(2026, 1, 30), date(2026, 2, 2));
    let mut life = plain(seed, &[461, 751], friday, 1, 16);
    life.until = monday.checked_add(2.days()).unwrap();
    life.pace = 600;
    life.acts = vec![
        (at(monday, 12, 50), Act::Backup),
        (at(monday, 13, 30), Act::Restore),
        (at(monday.tomorrow().unwrap(), 10, 0), Act::ReleaseEndpoints),
    ];
    life
}

/// Some weeks with whatever the seed brings.
pub(crate) fn weather(seed: u64) -> Life {
    let mut chance = Chance::of(seed, 1);
    let count = *chance.pick(&[1, 2, 3, 3, 5, 8]);
    let from = chance.below(MUNICIPALITIES.len() as u64 - count) as usize;
    let municipalities = &MUNICIPALITIES[from..from + count as usize];
    let first = date(2026, 1, 5).checked_add(chance.between(0, 330).days()).unwrap();
    let days = chance.between(2, 9);
    let payments = 8 * count + chance.below(60);
    let mut life = plain(seed, municipalities, first, days + 3, payments);
    life.script = if chance.in_thousand(600) { script(HOSTILE, seed) } else { script(CALM, seed) };
    life.floating = chance.in_thousand(300);
    life.bad_input = chance.in_thousand(400);
    life.how = if chance.in_thousand(700) { How::Power } else { How::Process };
    life.skewed_servers = chance.in_thousand(300);
    if chance.in_thousand(800) {
        life.first = Scheme::Weather {
            chance: Chance::of(seed, 2),
            fails: *chance.pick(&[0, 20, 100, 400]),
            kills: *chance.pick(&[0, 100, 400, 1_500]),
        };
    }
    for _ in 0..chance.below(7) {
        let begin = moment(&life, &mut chance);
        let hours = *chance.pick(&[1, 3, 8, 30, 80]);
        let end = begin.checked_add(i64::from(hours).hours()).unwrap();
        trouble(&mut life, &mut chance, begin, end);
    }
    life.has_clerk = chance.in_thousand(400);
    life
}

fn moment(life: &Life, chance: &mut Chance) -> DateTime {
    let from = at(life.days[0], 7, 30);
    let hours = life.until.duration_since(life.days[0]).as_hours();
    from.checked_add(chance.between(0, hours * 60 - 600).minutes()).unwrap()
}

fn trouble(life: &mut Life, chance: &mut Chance, begin: DateTime, end: DateTime) {
    let back = life.first.clone();
    let acts = match chance.below(10) {
        0 | 1 => {
            let endpoint = *chance.pick(&ENDPOINTS);
            let fault = *chance.pick(&[
                Fault::Down,
                Fault::HostKey,
                Fault::Denied,
                Fault::HalfOpen,
                Fault::Full,
                Fault::Middle,
                Fault::After,
                Fault::Renamed,
                Fault::RenameRefused,
            ]);
            [(begin, Act::Network(endpoint, Some(fault))), (end, Act::Network(endpoint, None))].to_vec()
        }
        2 | 3 => [(begin, Act::Storm(*chance.pick(&[20, 100, 300]))), (end, Act::Storm(0))].to_vec(),
        4 => [(begin, Act::Off), (end, Act::On)].to_vec(),
        5 => {
            let trouble = *chance.pick(&[Trouble::Full, Trouble::ReadOnly, Trouble::Io]);
            [(begin, Act::Fate(Scheme::Siege(trouble))), (end, Act::Fate(back))].to_vec()
        }
        6 => {
            let how = *chance.pick(&[How::Process, How::Power]);
            [(begin, Act::Crash(how)), (end, Act::Restart)].to_vec()
        }
        7 => {
            let seconds = *chance.pick(&[-86_400, -3_600, 900, 7_200, 200_000]);
            [(begin, Act::Skew(seconds)), (end, Act::Skew(0)), (end, Act::ReleaseClock)].to_vec()
        }
        8 => [(begin, Act::Accounts(false)), (end, Act::Accounts(true))].to_vec(),
        _ => {
            let length = chance.below(3_000) as usize;
            let bytes: Vec<u8> = (0..length).map(|_| (chance.next() >> 32) as u8).collect();
            let (folder, ending) = *chance.pick(&[(KSD, "g68"), (OUTBOX, "xml")]);
            let name = format!("stray-{}.{ending}", chance.below(1_000));
            [(begin, Act::Stray(folder, name, bytes)), (end, Act::Validate)].to_vec()
        }
    };
    life.acts.extend(acts);
}

/// Every municipality there is, for a week.
pub(crate) fn country(seed: u64) -> Life {
    let mut life = plain(seed, &MUNICIPALITIES, date(2026, 3, 2), 5, 1_200);
    life.script = script(HOSTILE, seed);
    life.first = Scheme::Weather { chance: Chance::of(seed, 2), fails: 30, kills: 60 };
    let begin = at(life.days[1], 7, 45);
    life.acts.push((begin, Act::Storm(20)));
    life
}

/// A day among input that nobody should have sent: files with faults, and files that were changed at random.
pub(crate) fn inputs(seed: u64) -> Life {
    let mut life = plain(seed, &[461, 630, 751], date(2026, 3, 2), 2, 40);
    let mut chance = Chance::of(seed, 3);
    life.bad_input = seed.is_multiple_of(2);
    let samples = samples(seed);
    for nth in 0..20 {
        let (folder, ending, sample) = chance.pick(&samples).clone();
        let mut bytes = sample;
        for _ in 0..=chance.below(4) {
            change(&mut bytes, &mut chance);
        }
        let when = at(life.days[0], 7, 30).checked_add(chance.between(0, 900).minutes()).unwrap();
        life.acts.push((when, Act::Stray(folder, format!("stray-{nth}.{ending}"), bytes)));
    }
    life
}

/// Where a file is put, how its name ends, and its bytes.
type Sample = (&'static str, &'static str, Vec<u8>);

/// Something of everything that comes in.
fn samples(seed: u64) -> Vec<Sample> {
    let brings = Brings {
        day: date(2026, 3, 2),
        seed: seed.wrapping_add(1_000_000),
        municipalities: vec![461],
        payments: 20,
        floating: seed.is_multiple_of(3),
        records_per_file: 5_000,
        faults: false,
    };
    let script = script(CALM, seed);
    let mut all: Vec<Sample> =
        deliveries(&brings, &script).into_iter().map(|delivery| (KSD, "g68", delivery.bytes)).collect();
    for (folder, ending, place) in [
        (KSD, "g68", "g68/ok"),
        (OUTBOX, "xml", "nemkonto/ok"),
        (PLATFORM_IN, "xml", "finance/ok"),
        (PLATFORM_IN, "sftpreceipt", "routing/ok"),
    ] {
        let place = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(place);
        let mut files: Vec<_> =
            std::fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let files = files.into_iter().filter(|file| file.is_file());
        all.extend(files.map(|file| (folder, ending, std::fs::read(file).unwrap())));
    }
    all
}

/// The hub's own folder on Serviceplatformen.
const PLATFORM_IN: &str = "/platform/users/serviceplatformen/IN";

/// One change at random.
fn change(bytes: &mut Vec<u8>, chance: &mut Chance) {
    if bytes.is_empty() {
        return;
    }
    let length = bytes.len() as u64;
    let from = chance.below(length) as usize;
    let to = (from + chance.below(200) as usize).min(bytes.len());
    match chance.below(6) {
        0 => bytes[from] ^= 1 << chance.below(8),
        1 => bytes.truncate(from),
        2 => drop(bytes.drain(from..to)),
        3 => {
            let part = bytes[from..to].to_vec();
            bytes.splice(from..from, part);
        }
        4 => bytes[from..to].fill(*chance.pick(b"\0 <>&9-")),
        _ => {
            let noise: Vec<u8> = (0..chance.below(60)).map(|_| (chance.next() >> 40) as u8).collect();
            bytes.splice(from..from, noise);
        }
    }
}

/// Large files that hold nothing, and how much memory the other side needs to hold them.
pub(crate) fn large_inputs() -> Vec<(String, Life, usize)> {
    const SIZE: usize = 24 << 20;
    let named = [
        ("one endless line", KSD, "stray.g68", vec![b'A'; SIZE]),
        ("nothing but line ends", KSD, "stray.g68", vec![b'\n'; SIZE]),
        ("elements without end", OUTBOX, "stray.xml", b"<a>".repeat(SIZE / 3)),
        ("one endless name", OUTBOX, "stray.xml", [b"<".to_vec(), vec![b'a'; SIZE]].concat()),
        ("one endless text", OUTBOX, "stray.xml", [b"<a>".to_vec(), vec![b'x'; SIZE]].concat()),
    ];
    let life = |(name, folder, file, bytes): (&str, &'static str, &str, Vec<u8>)| {
        let mut life = plain(1, &[751], date(2026, 3, 2), 1, 10);
        life.acts.push((at(life.days[0], 8, 30), Act::Stray(folder, file.to_owned(), bytes)));
        (name.to_owned(), life, 5 * SIZE)
    };
    named.into_iter().map(life).collect()
}
