//! The configuration of an installation: what stands in its directory, read once and checked as a whole.
//!
//! `toek.toml` names the installation, its counterparties and pipelines; beside it stand `municipalities.toml`,
//! `benefits.toml`, `parameters.toml` and `schedules/*.toml`. Never opens a file: reading is an argument. Never half
//! right: what loads has been checked within each file and between them, and every mistake has its file and line.
//!
//! Start with [`Installation`]; [`Template`] is what `init` and the demo write.

mod coverage;
mod path;
mod pattern;
pub mod pipeline;
mod template;
pub mod when;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use sha2::{Digest, Sha256};
use toek_formats::vocabulary::Uuid;

use self::path::{BELOW, FOLDER};
pub use self::pattern::FilePattern;
pub use self::pipeline::{
    Acceptance, Deadline, Format, Intake, Pipeline, PipelineKind, Receiving, TransferLimits,
};
pub use self::template::{DEFAULT_PIPELINES, OPTIONAL_PIPELINES, Server, Template, default_files};
pub use self::when::When;
use crate::domain::accounts::{AccountPlan, UUID};
use crate::domain::calendar::BankDays;
use crate::domain::catalogue::{self, Catalogue};
use crate::domain::municipality::{self, GLN, Gln, Municipalities};
use crate::domain::parameters::Parameters;
use crate::domain::people::Users;
/// A mistake in a configuration file: file, line, column, key, value, rule.
pub use crate::domain::reference::FileError as ConfigError;
use crate::domain::reference::{
    BYTES, COUNT, DATE, DURATION, FileErrors, NAME, Place, Rule, Section, TEXT, TEXT35, quoted, read_file,
    whole_file,
};

/// The file every installation begins with.
pub const MAIN_FILE: &str = "toek.toml";
/// The file of the municipalities.
pub const MUNICIPALITIES_FILE: &str = "municipalities.toml";
/// The file of the benefit catalogue.
pub const BENEFITS_FILE: &str = "benefits.toml";
/// The file of the parameters.
pub const PARAMETERS_FILE: &str = "parameters.toml";
/// The file of the accounts by role; needed where vouchers are sent.
pub const ACCOUNTS_FILE: &str = "accounts.toml";

/// The file of who may do what. Without it everybody may.
pub const USERS_FILE: &str = "users.toml";

/// Which clock the hub goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockKind {
    /// The machine's.
    Real,
    /// One that the demo and rehearsals set.
    Simulated,
}

impl ClockKind {
    /// As `toek.toml` names it.
    pub fn as_str(self) -> &'static str {
        match self {
            ClockKind::Real => "real",
            ClockKind::Simulated => "simulated",
        }
    }
}

/// How amounts are written to NemKonto (nemkonto.md 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmountForm {
    /// `1250.00`.
    Decimal2,
    /// `1250000`: three implied decimals.
    Implied3,
}

/// The two parties of a NemKonto message (nemkonto.md 2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NemkontoParties {
    /// The hub's id as data supplier.
    pub supplier_id: String,
    /// The hub's location number.
    pub supplier_gln: Gln,
    /// The id of the NemKonto environment, `NKSTEST` or `NKS`.
    pub nks_id: String,
    /// Its location number.
    pub nks_gln: Gln,
    /// How amounts are written. Another form than [`AmountForm::Decimal2`] needs a passed connection test.
    pub amount_form: AmountForm,
}

/// Who the hub is on Serviceplatformen, and what it calls the kinds of files (serviceplatformen-sftp.md 7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serviceplatformen {
    /// The hub's it-system, as it was registered.
    pub it_system: Uuid,
    /// `InfRef` of finance vouchers out.
    pub vouchers: String,
    /// `InfRef` of the ERP's answers.
    pub voucher_answers: String,
    /// `InfRef` of assortments.
    pub assortments: String,
}

/// How an endpoint is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointKind {
    /// A folder of this machine.
    Folder,
    /// A server's folders, over SSH.
    Sftp(SftpAccess),
}

/// How to log on to an SFTP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SftpAccess {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// User.
    pub user: String,
    /// The file of the private key, relative to the installation or absolute.
    pub key: PathBuf,
    /// The server's keys, as `known_hosts` writes them: kind and base64. Another one shuts the endpoint.
    pub host_keys: Vec<String>,
}

/// How the end of an upload is made known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// Written under a temporary name, then renamed.
    Rename,
    /// Written under its own name, then a trigger file beside it (serviceplatformen-sftp.md F1).
    Trigger,
}

/// What proves that a file has landed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// It is listed at its size.
    Listing,
    /// It is listed at its size and reads back with the same bytes.
    ReadBack,
    /// The counterparty's technical receipt says so.
    Receipt,
}

/// Where `toek.toml` says things of an endpoint that only the disk or the wire can find wrong. What is not said has
/// the place of the endpoint itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointPlaces {
    /// `path`.
    pub path: Place,
    /// `in`.
    pub incoming: Place,
    /// `out`.
    pub outgoing: Place,
    /// `host`.
    pub host: Place,
    /// `key`.
    pub key: Place,
    /// Each of `host_keys`.
    pub host_keys: Vec<Place>,
}

/// A named place of a counterparty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its name; part of the identity of transfers, so it is never changed.
    pub name: String,
    /// How it is reached.
    pub kind: EndpointKind,
    /// Its folder, relative to the installation or absolute.
    pub path: PathBuf,
    /// The folder below `path` from which files are fetched (`in`).
    pub incoming: Option<PathBuf>,
    /// The folder below `path` to which files are delivered (`out`).
    pub outgoing: Option<PathBuf>,
    /// How an upload is ended.
    pub commit: Commit,
    /// What proves that it landed.
    pub evidence: Evidence,
    /// Where the file says so.
    pub places: EndpointPlaces,
}

/// What the hub allows itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of transfers in flight at most, all together.
    pub in_flight_bytes: u64,
    /// Data transfers at a time at most.
    pub data_transfers: u32,
    /// How far the clock may jump before sending is held.
    pub clock_jump: Duration,
}

/// An installation, loaded and checked.
#[derive(Clone, Debug)]
pub struct Installation {
    /// Its name; part of the identity of what it makes.
    pub id: String,
    /// Which clock it goes by.
    pub clock: ClockKind,
    /// The bank days, less its own closing days.
    pub bank_days: BankDays,
    /// The parties of NemKonto messages.
    pub nemkonto: NemkontoParties,
    /// Who the hub is on Serviceplatformen.
    pub serviceplatformen: Option<Serviceplatformen>,
    /// The endpoints.
    pub endpoints: Vec<Endpoint>,
    /// What the hub allows itself.
    pub limits: Limits,
    /// The pipelines, in the order of `toek.toml`.
    pub pipelines: Vec<Pipeline>,
    /// The municipalities.
    pub municipalities: Municipalities,
    /// The benefit catalogue.
    pub catalogue: Catalogue,
    /// The parameters.
    pub parameters: Parameters,
    /// The accounts by role, where vouchers are sent.
    pub accounts: Option<Arc<AccountPlan>>,
    /// Who may do what.
    pub users: Users,
    /// SHA-256 over the names and texts of all its files: the version of the rules that a run freezes.
    pub rules_version: [u8; 32],
}

impl Installation {
    /// Reads and checks an installation. `read` gives the text of a file; `dir` is the installation's directory.
    ///
    /// # Errors
    /// Every mistake of every file that could be read, and the files that could not; then those between files.
    pub fn load(
        read: &dyn Fn(&Path) -> io::Result<String>,
        dir: &Path,
    ) -> Result<Installation, Vec<ConfigError>> {
        let mut files = Files { read, dir, errors: Vec::new(), hash: Sha256::new() };
        let main = files.load(Path::new(MAIN_FILE), read_main_file);
        let municipalities = files.load(Path::new(MUNICIPALITIES_FILE), Municipalities::load);
        let catalogue = files.load(Path::new(BENEFITS_FILE), Catalogue::load);
        let parameters = files.load(Path::new(PARAMETERS_FILE), Parameters::load);
        let paths = main.as_ref().map(|main| main.pipelines.clone()).unwrap_or_default();
        let pipelines: Vec<_> = paths.iter().filter_map(|path| files.load(path, Pipeline::load)).collect();
        let sends_vouchers = pipelines.iter().any(|pipeline| pipeline.kind == PipelineKind::SendVouchers);
        let accounts = sends_vouchers.then(|| files.load(Path::new(ACCOUNTS_FILE), AccountPlan::load));
        let users = files.load_if_there(Path::new(USERS_FILE), Users::load);
        if !files.errors.is_empty() {
            return Err(files.errors);
        }
        let (Some(main), Some(municipalities), Some(catalogue), Some(parameters)) =
            (main, municipalities, catalogue, parameters)
        else {
            return Err(files.errors); // what is missing has been reported, so this is not reached empty
        };
        let installation = Installation {
            id: main.id,
            clock: main.clock,
            bank_days: BankDays::new(&main.closing_days),
            nemkonto: main.nemkonto,
            serviceplatformen: main.serviceplatformen,
            endpoints: main.endpoints,
            limits: main.limits,
            pipelines,
            municipalities,
            catalogue,
            parameters,
            accounts: accounts.flatten().map(Arc::new),
            users: users.unwrap_or_default(),
            rules_version: files.hash.finalize().into(),
        };
        let errors = installation.check_between_files(dir);
        if errors.is_empty() { Ok(installation) } else { Err(errors) }
    }

    /// The endpoint of this name.
    pub fn endpoint(&self, name: &str) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.name == name)
    }

    /// The pipeline of this name.
    pub fn pipeline(&self, name: &str) -> Option<&Pipeline> {
        self.pipelines.iter().find(|pipeline| pipeline.name == name)
    }

    /// The folders a pipeline works in, relative to the installation or absolute.
    pub fn folders(&self, pipeline: &Pipeline) -> Vec<PathBuf> {
        let Some(endpoint) = self.endpoint(&pipeline.endpoint) else { return Vec::new() };
        let Some(side) = endpoint.side(pipeline.kind) else { return Vec::new() };
        let base = endpoint.path.join(side);
        let folders = pipeline.folders(&self.municipalities);
        folders.iter().map(|folder| base.join(folder).components().collect()).collect()
    }

    fn check_between_files(&self, dir: &Path) -> Vec<ConfigError> {
        let mut errors = Vec::new();
        for (n, pipeline) in self.pipelines.iter().enumerate() {
            self.check_pipeline(pipeline, &self.pipelines[..n], &mut errors);
        }
        let file = dir.join(MUNICIPALITIES_FILE).display().to_string();
        for municipality in self.municipalities.iter() {
            self.check_accounts(municipality, &file, &mut errors);
        }
        let file = dir.join(PARAMETERS_FILE).display().to_string();
        let strangers =
            self.parameters.municipalities().filter(|(code, _)| self.municipalities.get(*code).is_none());
        errors.extend(strangers.map(|(code, place)| ConfigError {
            file: file.clone(),
            place: Some(place),
            key: "code".to_owned(),
            value: quoted(&code.to_string()),
            rule: format!("must be a municipality of {MUNICIPALITIES_FILE}"),
        }));
        errors
    }

    fn check_pipeline(&self, pipeline: &Pipeline, earlier: &[Pipeline], errors: &mut Vec<ConfigError>) {
        let supplier = pipeline.intake.as_ref().and_then(|intake| intake.default_supplier);
        let supplier = supplier.map(|id| id.to_string()).unwrap_or_default();
        let expression = match &pipeline.when {
            When::At(times) => times.expression.as_str(),
            When::Every(_) => "",
        };
        let checks = [
            ("name", pipeline.name_place, pipeline.name.as_str(), name_taken(pipeline, earlier)),
            ("endpoint", pipeline.endpoint_place, &pipeline.endpoint, self.endpoint_unfit(pipeline)),
            ("default_supplier", pipeline.supplier_place, &supplier, self.supplier_unknown(pipeline)),
            ("when", pipeline.when_place, expression, self.uncovered_send_time(pipeline)),
        ];
        for (key, place, value, rule) in checks {
            if let Some(rule) = rule {
                let (file, key, value) = (pipeline.file.clone(), key.to_owned(), quoted(value));
                errors.push(ConfigError { file, place: Some(place), key, value, rule });
            }
        }
    }

    fn endpoint_unfit(&self, pipeline: &Pipeline) -> Option<String> {
        let Some(endpoint) = self.endpoint(&pipeline.endpoint) else {
            return Some(format!("must be an endpoint of {MAIN_FILE}"));
        };
        let side = if pipeline.kind.receives() { "in" } else { "out" };
        if endpoint.side(pipeline.kind).is_none() {
            return Some(format!("must be an endpoint with `{side}`"));
        }
        let by_trigger = endpoint.commit == Commit::Trigger;
        match pipeline.kind {
            PipelineKind::SendBundles if by_trigger => {
                Some("must be an endpoint that commits by rename: bundles go without a trigger".to_owned())
            }
            PipelineKind::SendVouchers if by_trigger && self.serviceplatformen.is_none() => {
                Some(format!("needs the table `serviceplatformen` in {MAIN_FILE} to write triggers"))
            }
            PipelineKind::ReceiveAssortments if by_trigger && self.serviceplatformen.is_none() => {
                Some(format!("needs the table `serviceplatformen` in {MAIN_FILE} to know assortments by"))
            }
            _ => None,
        }
    }

    fn supplier_unknown(&self, pipeline: &Pipeline) -> Option<String> {
        let supplier = pipeline.intake.as_ref()?.default_supplier?;
        let registered = self.municipalities.iter().any(|row| row.supplier(supplier).is_some());
        (!registered).then(|| format!("must be a supplier registered in {MUNICIPALITIES_FILE}"))
    }

    /// Whether some municipality's bundles would wait for a time at which nothing runs.
    fn uncovered_send_time(&self, pipeline: &Pipeline) -> Option<String> {
        if pipeline.kind != PipelineKind::SendBundles {
            return None;
        }
        let combinations = self.parameters.combinations();
        let uncovered = combinations.iter().find(|(_, _, settings)| {
            !pipeline.when.covers(settings.ordinary_send_time, SAMPLE_YEAR, &self.bank_days)
        });
        let (municipality, day, settings) = uncovered?;
        let time = settings.ordinary_send_time;
        let whose = municipality.map_or_else(String::new, |code| format!(" of {code}"));
        let since = if *day == Date::MIN { String::new() } else { format!(" from {day}") };
        Some(format!(
            "must run at {:02}:{:02} on every bank day, the `ordinary_send_time`{whose}{since} in {PARAMETERS_FILE}",
            time.hour(),
            time.minute()
        ))
    }

    fn check_accounts(&self, row: &municipality::Municipality, file: &str, errors: &mut Vec<ConfigError>) {
        let mut report = |place, key: &str, value: String, rule: String| {
            let (file, key) = (file.to_owned(), format!("municipality {}: {key}", row.code));
            errors.push(ConfigError { file, place: Some(place), key, value, rule });
        };
        for own in &row.benefit_accounts {
            if !self.catalogue.exists(own.benefit) {
                let rule = format!("must be the code of a benefit in {BENEFITS_FILE}");
                report(own.place, "benefit_accounts", quoted(&own.benefit.to_string()), rule);
            }
        }
        let without =
            |benefit: &&catalogue::Benefit| row.debit_account(benefit.code, &benefit.bank_account).is_none();
        for benefit in self.catalogue.iter().filter(without) {
            let (name, line) = (&benefit.bank_account, benefit.place.line);
            let rule =
                format!("has no \"{name}\", from which {BENEFITS_FILE} line {line} pays {}", benefit.code);
            report(row.place, "account", String::new(), rule);
        }
    }
}

fn name_taken(pipeline: &Pipeline, earlier: &[Pipeline]) -> Option<String> {
    let other = earlier.iter().find(|other| other.name == pipeline.name)?;
    Some(format!("is the name of the pipeline in {} too", other.file))
}

/// Schedules are held against the bank days of one year; every year has the same kinds of days.
const SAMPLE_YEAR: i16 = 2026;

impl Endpoint {
    /// The folder that a kind of pipeline works in.
    pub fn side(&self, kind: PipelineKind) -> Option<&Path> {
        if kind.receives() { self.incoming.as_deref() } else { self.outgoing.as_deref() }
    }
}

/// Reads the files of an installation, and gathers what is wrong in them.
struct Files<'a> {
    read: &'a dyn Fn(&Path) -> io::Result<String>,
    dir: &'a Path,
    errors: Vec<ConfigError>,
    hash: Sha256,
}

impl Files<'_> {
    fn load<T>(&mut self, file: &Path, load: impl FnOnce(&str, &str) -> Result<T, FileErrors>) -> Option<T> {
        let path = self.dir.join(file);
        let name = path.display().to_string();
        let loaded = match (self.read)(&path) {
            Ok(text) => {
                self.add_to_version(file, &text);
                load(&text, &name)
            }
            Err(error) => Err(FileErrors(vec![whole_file(&name, format!("cannot be read: {error}"))])),
        };
        loaded.map_err(|errors| self.errors.extend(errors.0)).ok()
    }

    /// The same for a file that need not be there.
    fn load_if_there<T>(
        &mut self,
        file: &Path,
        load: impl FnOnce(&str, &str) -> Result<T, FileErrors>,
    ) -> Option<T> {
        match (self.read)(&self.dir.join(file)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            _ => self.load(file, load),
        }
    }

    /// Name and text with their lengths, so that no two installations read alike.
    fn add_to_version(&mut self, file: &Path, text: &str) {
        for part in [file.as_os_str().as_encoded_bytes(), text.as_bytes()] {
            self.hash.update((part.len() as u64).to_be_bytes());
            self.hash.update(part);
        }
    }
}

/// What `toek.toml` says.
struct MainFile {
    id: String,
    clock: ClockKind,
    closing_days: Vec<Date>,
    pipelines: Vec<PathBuf>,
    nemkonto: NemkontoParties,
    serviceplatformen: Option<Serviceplatformen>,
    endpoints: Vec<Endpoint>,
    limits: Limits,
}

fn read_main_file(text: &str, file_name: &str) -> Result<MainFile, FileErrors> {
    read_file(text, file_name, |root| {
        let installation =
            root.required_section("installation").and_then(|section| read_installation(&section));
        let nemkonto = root.required_section("nemkonto").and_then(|section| read_nemkonto(&section));
        let limits = root.required_section("limits").and_then(|section| read_limits(&section));
        let serviceplatformen = root.section("serviceplatformen").map(|section| read_platform(&section));
        let endpoints = read_endpoints(root);
        let (id, clock, closing_days, pipelines) = installation?;
        let serviceplatformen = match serviceplatformen {
            Some(platform) => Some(platform?),
            None => None,
        };
        let (nemkonto, limits) = (nemkonto?, limits?);
        Some(MainFile { id, clock, closing_days, pipelines, nemkonto, serviceplatformen, endpoints, limits })
    })
}

fn read_installation(section: &Section<'_>) -> Option<(String, ClockKind, Vec<Date>, Vec<PathBuf>)> {
    let id = section.required("id", &NAME);
    let clock = section.required("clock", &CLOCK);
    let closing_days = section.list("closing_days", &DATE);
    let pipelines = section.list("pipelines", &BELOW);
    section.finish();
    if pipelines.is_empty() {
        section.wrong("pipelines", "must name at least one file: without one nothing runs");
    }
    if (1..pipelines.len()).any(|n| pipelines[..n].contains(&pipelines[n])) {
        section.wrong("pipelines", "must name each file once");
    }
    Some((id?, clock?, closing_days, pipelines))
}

fn read_nemkonto(section: &Section<'_>) -> Option<NemkontoParties> {
    let supplier_id = section.required("supplier_id", &TEXT35);
    let supplier_gln = section.required("supplier_gln", &GLN);
    let nks_id = section.required("nks_id", &TEXT35);
    let nks_gln = section.required("nks_gln", &GLN);
    let amount_form = section.required("amount_form", &AMOUNT_FORM);
    section.finish();
    Some(NemkontoParties {
        supplier_id: supplier_id?,
        supplier_gln: supplier_gln?,
        nks_id: nks_id?,
        nks_gln: nks_gln?,
        amount_form: amount_form?,
    })
}

/// What an installation from before there were assortments calls them (sortiment-sf7002.md 2, ASSUMED).
const ASSORTMENTS: &str = "SF7002_Sortiment";

fn read_platform(section: &Section<'_>) -> Option<Serviceplatformen> {
    let it_system = section.required("it_system", &UUID);
    let vouchers = section.required("vouchers", &TEXT35);
    let voucher_answers = section.required("voucher_answers", &TEXT35);
    let assortments = section.optional("assortments", &TEXT35);
    section.finish();
    Some(Serviceplatformen {
        it_system: it_system?,
        vouchers: vouchers?,
        voucher_answers: voucher_answers?,
        assortments: assortments.unwrap_or_else(|| ASSORTMENTS.to_owned()),
    })
}

fn read_limits(section: &Section<'_>) -> Option<Limits> {
    let in_flight_bytes = section.required("in_flight_bytes", &BYTES);
    let data_transfers = section.required("data_transfers", &COUNT);
    let clock_jump = section.required("clock_jump", &DURATION);
    section.finish();
    Some(Limits {
        in_flight_bytes: in_flight_bytes?,
        data_transfers: data_transfers?,
        clock_jump: clock_jump?,
    })
}

fn read_endpoints(root: &Section<'_>) -> Vec<Endpoint> {
    let mut endpoints: Vec<Endpoint> = Vec::new();
    for section in root.sections("endpoint") {
        let Some(endpoint) = read_endpoint(&section) else { continue };
        if endpoints.iter().any(|other| other.name == endpoint.name) {
            section.wrong("name", "is the name of an endpoint above");
        }
        endpoints.push(endpoint);
    }
    endpoints
}

fn read_sftp_access(section: &Section<'_>) -> Option<SftpAccess> {
    let host = section.required("host", &TEXT);
    let port = section.optional("port", &PORT);
    let user = section.required("user", &TEXT);
    let key = section.required("key", &FOLDER);
    let host_keys = section.list("host_keys", &HOST_KEY);
    if host_keys.is_empty() {
        section.wrong("host_keys", "must name at least one key: a server that is not known is not spoken to");
    }
    let port = if section.has("port") { port? } else { 22 };
    Some(SftpAccess { host: host?, port, user: user?, key: key?, host_keys })
}

fn read_endpoint(section: &Section<'_>) -> Option<Endpoint> {
    let name = section.required("name", &NAME);
    let kind = section.required("kind", &ENDPOINT_KIND).and_then(|kind| match kind {
        "sftp" => read_sftp_access(section).map(EndpointKind::Sftp),
        _ => Some(EndpointKind::Folder),
    });
    let path = section.required("path", &FOLDER);
    let incoming = section.optional("in", &BELOW);
    let outgoing = section.optional("out", &BELOW);
    let commit = section.required("commit", &COMMIT);
    let evidence = section.required("evidence", &EVIDENCE);
    section.finish();
    if !section.has("in") && !section.has("out") {
        section.wrong("in", "is missing, and so is `out`; an endpoint has at least one of them");
    }
    if incoming.is_some() && incoming == outgoing {
        section.wrong("out", "must not be the folder of `in`: the hub would fetch what it delivers");
    }
    Some(Endpoint {
        name: name?,
        kind: kind?,
        path: path?,
        incoming,
        outgoing,
        commit: commit?,
        evidence: evidence?,
        places: EndpointPlaces {
            path: section.place_of("path"),
            incoming: section.place_of("in"),
            outgoing: section.place_of("out"),
            host: section.place_of("host"),
            key: section.place_of("key"),
            host_keys: section.places_in("host_keys"),
        },
    })
}

const CLOCK: Rule<ClockKind> = Rule {
    says: "must be \"real\" or \"simulated\"",
    read: |value| {
        let kinds = [ClockKind::Real, ClockKind::Simulated];
        kinds.into_iter().find(|kind| value.as_str() == Some(kind.as_str()))
    },
};

const AMOUNT_FORM: Rule<AmountForm> = Rule {
    says: "must be \"decimal2\" or \"implied3\"",
    read: |value| match value.as_str()? {
        "decimal2" => Some(AmountForm::Decimal2),
        "implied3" => Some(AmountForm::Implied3),
        _ => None,
    },
};

const ENDPOINT_KIND: Rule<&'static str> = Rule {
    says: "must be \"folder\" or \"sftp\"",
    read: |value| ["folder", "sftp"].into_iter().find(|kind| value.as_str() == Some(kind)),
};

const PORT: Rule<u16> = Rule {
    says: "must be a port, from 1 to 65535",
    read: |value| value.as_integer()?.as_str().parse().ok().filter(|port| *port > 0),
};

const HOST_KEY: Rule<String> = Rule {
    says: "must be a server's public key, as \"ssh-ed25519 AAAA…\"",
    read: |value| {
        let text = value.as_str()?;
        let (kind, key) = text.split_once(' ')?;
        let is_key = kind.contains('-') && key.len() > 40 && !key.contains(char::is_whitespace);
        is_key.then(|| text.to_owned())
    },
};

const COMMIT: Rule<Commit> = Rule {
    says: "must be \"rename\" or \"trigger\"",
    read: |value| match value.as_str()? {
        "rename" => Some(Commit::Rename),
        "trigger" => Some(Commit::Trigger),
        _ => None,
    },
};

const EVIDENCE: Rule<Evidence> = Rule {
    says: "must be \"listing\", \"read-back\" or \"receipt\"",
    read: |value| match value.as_str()? {
        "listing" => Some(Evidence::Listing),
        "read-back" => Some(Evidence::ReadBack),
        "receipt" => Some(Evidence::Receipt),
        _ => None,
    },
};

#[cfg(test)]
mod tests;
