//! The counterparties of a life: NemKonto, Serviceplatformen and an ERP system on a disk in memory, and the files that
//! the case system brings, with what must become of each record.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use toek::generator::manifest::{Expected, FileLine, Line, RecordLine, lines};
use toek::generator::{ErrorMix, FileFault, Form, Plan, Share, plan};
use toek::partners::bank_days;
use toek::partners::erp::{self, Erp, Mapping};
use toek::partners::landscape::Settings;
use toek::partners::nemkonto::{self, NemKonto};
use toek::partners::script::Script;
use toek::partners::serviceplatformen::Serviceplatformen;
use toek_adapters::disk::Disk;
use toek_formats::vocabulary::MunicipalityCode;

use crate::house::{KSD, NEMKONTO, PLATFORM};
use crate::machine::MemoryDisk;

/// Who stands around the hub.
pub(crate) struct Outside<'d> {
    disk: &'d MemoryDisk,
    nemkonto: NemKonto<'d>,
    platform: Serviceplatformen<'d>,
    erp: Erp<'d>,
}

impl<'d> Outside<'d> {
    /// Everybody, by the landscape's file. What they kept on the disk they go on with.
    pub(crate) fn open(disk: &'d MemoryDisk, landscape: &str, script: &Script) -> Outside<'d> {
        let settings = Settings::load(landscape, "landscape").unwrap();
        let at = Path::new(NEMKONTO);
        let folders = nemkonto::Folders {
            inbox: at.join("inbox"),
            outbox: at.join("outbox"),
            home: PathBuf::from(HOME),
        };
        disk.create_dir_all(Path::new(KSD)).unwrap();
        let users = Path::new(PLATFORM).join("users");
        let erp = settings.erp.unwrap().into_inner();
        let user = users.join(&erp.user);
        let erp_folders =
            erp::Folders { inbox: user.join("IN"), outbox: user.join("OUT"), home: PathBuf::from("/erp") };
        let platform = settings.serviceplatformen.unwrap();
        let home = Path::new(PLATFORM).join("home");
        Outside {
            disk,
            nemkonto: NemKonto::open(disk, folders, script.clone()).unwrap(),
            platform: Serviceplatformen::open(disk, users, home, platform, settings.seed).unwrap(),
            erp: Erp::open(disk, erp_folders, erp, Mapping::default(), settings.seed).unwrap(),
        }
    }

    /// Everybody does what is to be done, until nothing moves any more.
    pub(crate) fn tick(&mut self, now: DateTime) {
        loop {
            let nemkonto = self.nemkonto.step(now).unwrap();
            let erp = self.erp.step(now).unwrap();
            let platform = self.platform.step(now).unwrap();
            let is_still = nemkonto == nemkonto::Stepped::default()
                && erp == erp::Stepped::default()
                && platform == Default::default();
            if is_still {
                return;
            }
        }
    }

    /// When one of them does something next.
    pub(crate) fn next_due(&self) -> Option<DateTime> {
        let nemkonto = self.nemkonto.next_due().unwrap();
        let erp = self.erp.next_due().unwrap();
        [nemkonto, erp, self.platform.next_due()].into_iter().flatten().min()
    }

    /// The ERP's books.
    pub(crate) fn books(&self) -> &erp::Seen {
        self.erp.seen()
    }

    /// A file into a folder of the hub's, whole at once, under a time of its own.
    pub(crate) fn put(&self, folder: &str, name: &str, bytes: &[u8], at: Timestamp) {
        self.disk.set_now(at.as_microsecond());
        let mut file = self.disk.create(&Path::new(folder).join(name)).unwrap();
        file.write_all(bytes).unwrap();
    }

    /// Whether a file still lies in a folder.
    pub(crate) fn lies(&self, folder: &str, name: &str) -> bool {
        self.disk.exists(&Path::new(folder).join(name)).unwrap()
    }
}

/// What NemKonto keeps for itself.
pub(crate) const HOME: &str = "/nemkonto-home";

/// A file that a case system brings.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) line: FileLine,
    pub(crate) bytes: Vec<u8>,
    pub(crate) records: Vec<RecordLine>,
}

/// What a day brings.
#[derive(Clone, Debug)]
pub(crate) struct Brings {
    pub(crate) day: Date,
    pub(crate) seed: u64,
    pub(crate) municipalities: Vec<u16>,
    pub(crate) payments: u64,
    pub(crate) floating: bool,
    pub(crate) records_per_file: u32,
    /// Bad records, and bad files.
    pub(crate) faults: bool,
}

/// The files of a day, in the order in which they are to be delivered.
pub(crate) fn deliveries(brings: &Brings, script: &Script) -> Vec<Delivery> {
    let form = if brings.floating { Form::Floating } else { Form::Fixed };
    let mut of_day = Plan {
        form,
        municipalities: brings.municipalities.iter().copied().map(MunicipalityCode).collect(),
        records_per_file: brings.records_per_file,
        bank_days_ahead: vec![3, 4, 4, 5],
        immediate_per_mille: 60,
        errors: ErrorMix::none(),
        ..Plan::new(brings.payments, brings.seed, brings.day)
    };
    if brings.faults {
        of_day.errors = ErrorMix::some_of_each(brings.payments);
        of_day.errors.records.retain(|(fault, _)| fault.fits(form));
        of_day.errors.records.iter_mut().for_each(|(_, share)| *share = Share::Count(1));
        of_day.errors.files = FileFault::ALL.to_vec();
    }
    let is_open = |day| bank_days::is_open(day);
    let generator = plan(&of_day, script, &is_open).unwrap();
    let mut all = Vec::new();
    for file in generator.files() {
        let (mut bytes, mut manifest) = (Vec::new(), Vec::new());
        let line = generator.write_file(file, &mut bytes, &mut manifest).unwrap();
        let records = lines(manifest.as_slice()).filter_map(|line| match line.unwrap() {
            Line::Record(record) => Some(record),
            Line::Plan(_) | Line::File(_) => None,
        });
        all.push(Delivery { line, bytes, records: records.collect() });
    }
    all
}

/// Whether a record is to be asked of NemKonto.
pub(crate) fn is_to_be_paid(record: &RecordLine) -> bool {
    matches!(record.expected, Expected::Pay { .. })
}

/// What NemKonto was asked, and what it decided.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) group: String,
    pub(crate) reference: String,
    pub(crate) municipality: String,
    pub(crate) day: Date,
    pub(crate) amount_ore: i64,
    pub(crate) payee: Option<String>,
    /// Where it must stand in the end; `None` when NemKonto never told.
    pub(crate) decided: Decided,
}

/// NemKonto's last word on a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decided {
    Paid,
    Returned,
    Silent,
    /// The bundle never counted.
    Refused,
    /// The same bytes came again.
    Repeated,
    /// NemKonto could not read its bundle.
    Unread,
}

/// Goes through all bundles that NemKonto took, in their order.
pub(crate) fn asked(disk: &MemoryDisk, script: &Script) -> (Vec<Asked>, Vec<String>) {
    use toek::partners::script::{BundleAnswer, Outcome};
    let (mut all, mut unreadable) = (Vec::new(), Vec::new());
    let mut groups: BTreeMap<String, u32> = BTreeMap::new();
    let mut see =
        |taken: &nemkonto::Taken,
         _bytes: &[u8],
         read: Result<(&toek::partners::bundle::Bundle, &nemkonto::Judgement<'_>), &_>| {
            let Ok((bundle, judgement)) = read else {
                unreadable.push(taken.name.clone());
                return;
            };
            let seen = groups.entry(bundle.group_id.clone()).or_insert(0);
            *seen += 1;
            let payments =
                bundle.debits.iter().flat_map(|debit| debit.payments.iter().map(move |p| (debit, p)));
            for (nth, (debit, payment)) in payments.enumerate() {
                let decided = match judgement.answer {
                    BundleAnswer::RefuseAtReceipt if *seen > 1 => Decided::Repeated,
                    BundleAnswer::RefuseAtReceipt | BundleAnswer::Refuse => Decided::Refused,
                    BundleAnswer::Unreadable => Decided::Unread,
                    BundleAnswer::Silent => Decided::Silent,
                    BundleAnswer::Stop => Decided::Returned,
                    BundleAnswer::Accept => match judgement.payments[nth].answer.outcome() {
                        Outcome::Paid => Decided::Paid,
                        Outcome::Returned => Decided::Returned,
                        Outcome::Waiting => Decided::Silent,
                    },
                };
                all.push(Asked {
                    group: bundle.group_id.clone(),
                    reference: payment.end_to_end_id.clone(),
                    municipality: bundle.municipality().map(|code| code.to_string()).unwrap_or_default(),
                    day: debit.day,
                    amount_ore: payment.amount_ore,
                    payee: payment
                        .payee
                        .as_ref()
                        .and_then(|p| p.party())
                        .map(|party| party.digits().to_string()),
                    decided,
                });
            }
        };
    nemkonto::replay(disk, Path::new(HOME), script, &mut see).unwrap();
    (all, unreadable)
}
