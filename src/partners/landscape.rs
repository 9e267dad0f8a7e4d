//! All counterparties of a hub together, from one TOML file and in one folder: NemKonto, Serviceplatformen, an ERP
//! system, case systems, and the SFTP servers that the hub meets them at.
//!
//! [`Landscape::tick`] drives all of them to an instant; nothing moves by itself but bytes on the wire. What each kept
//! is in its folder, so that a landscape which was killed is started again where it was. Never knows the hub: it gives
//! it users, keys and addresses, and works on files.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use toek_adapters::disk::{Disk, DiskError};
use toek_formats::vocabulary::MunicipalityCode;
use tokio::runtime::{Builder, Runtime};
use toml::Spanned;

use super::erp::{self, Erp, Mapping};
use super::faults::{FaultRule, Faults};
use super::files::{PartnerError, deliver_due, names_in, post, uuid_of};
use super::nemkonto::{self, NemKonto};
use super::script::{self, Municipality, Script, ScriptError};
use super::serviceplatformen::{self, Serviceplatformen, Transfer};
use super::sftp_server::{self, Setup, SftpServer, User, key_of, write_key};
use super::trigger::{ROUTED, Routing, Trigger};
use crate::generator::MUNICIPALITIES;

/// Everybody present, nobody in trouble.
pub const CALM: &str = include_str!("../../fixtures/scripts/landscape.toml");

/// The names of the servers, as faults and ports call them.
const NEMKONTO: &str = "nemkonto";
const PLATFORM: &str = "serviceplatformen";
const CASES: &str = "case-systems";
/// What stands for a municipality's code in a case system's user and folder.
const CODE: &str = "{municipality}";
/// Threads that serve SFTP.
const THREADS: usize = 2;

/// What went wrong with a landscape.
#[derive(Debug, thiserror::Error)]
pub enum LandscapeError {
    /// Its files do not say what to do.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// A counterparty failed.
    #[error(transparent)]
    Partner(#[from] PartnerError),
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A server could not be started, or a key not be written.
    #[error("{what}")]
    System {
        /// What was tried.
        what: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

fn failed(what: impl Into<String>) -> impl FnOnce(io::Error) -> LandscapeError {
    let what = what.into();
    move |source| LandscapeError::System { what, source }
}

/// A landscape's file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Moves every choice.
    #[serde(default)]
    pub seed: u64,
    /// The hub, as the platform knows it.
    pub hub: Hub,
    /// Ports by server name; not given: any free one.
    #[serde(default)]
    pub ports: BTreeMap<String, u16>,
    /// NemKonto.
    pub nemkonto: Option<NemKontoSettings>,
    /// Serviceplatformen.
    pub serviceplatformen: Option<serviceplatformen::Settings>,
    /// The ERP system; it needs Serviceplatformen.
    pub erp: Option<Spanned<erp::Settings>>,
    /// Case systems.
    #[serde(default, rename = "case_system")]
    pub case_systems: Vec<Spanned<CaseSystem>>,
    /// What goes wrong on the wire.
    #[serde(default, rename = "fault")]
    pub faults: Vec<FaultRule>,
}

/// The hub, as its counterparties know it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hub {
    /// Its user on Serviceplatformen.
    pub user: Spanned<String>,
}

/// NemKonto's part of a landscape's file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NemKontoSettings {
    /// The user that the hub logs in as.
    pub user: String,
    /// `calm`, `demo`, `hostile`, or a file beside the landscape's.
    pub script: String,
}

/// How a case system delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// Plain SFTP: the file appears in a folder, whole, without a trigger.
    Plain,
    /// Through Serviceplatformen, with a trigger; the hub gets metadata.
    Managed,
}

/// A case system's part of a landscape's file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseSystem {
    /// Its name.
    pub name: String,
    /// How it delivers.
    pub way: Way,
    /// Plain: the user that the hub logs in as, one for each municipality if `{municipality}` stands in it. Managed:
    /// its own user on Serviceplatformen.
    pub user: String,
    /// Plain: the folder below the user's root; `{municipality}` may stand in it.
    #[serde(default)]
    pub folder: String,
    /// For whom; empty: all 98.
    #[serde(default)]
    pub municipalities: Vec<Municipality>,
    /// Managed: the authority (CVR) it sends for and to.
    pub authority: Option<String>,
    /// Managed: the file specification.
    #[serde(default = "g68")]
    pub inf_ref: String,
}

fn g68() -> String {
    "G68".to_owned() // ASSUMED (serviceplatformen-sftp.md section 7)
}

impl Settings {
    /// Reads a landscape's file.
    ///
    /// # Errors
    /// [`ScriptError`] with line and column.
    pub fn load(text: &str, file: &str) -> Result<Settings, ScriptError> {
        let settings: Settings = toml::from_str(text)
            .map_err(|e| ScriptError::Form { file: file.to_owned(), source: Box::new(e) })?;
        settings.check(text, file)?;
        Ok(settings)
    }

    fn check(&self, text: &str, file: &str) -> Result<(), ScriptError> {
        let at = |offset: usize, what: String| Err(ScriptError::at(text, file, offset, &what));
        let platform = self.serviceplatformen.as_ref();
        let is_user = |name: &String| platform.is_some_and(|platform| platform.users.contains(name));
        if let Some(platform) = platform {
            platform.check(text, file)?;
            if !is_user(self.hub.user.get_ref()) {
                return at(self.hub.user.span().start, "the hub is no user of Serviceplatformen".to_owned());
            }
        }
        if let Some(erp) = &self.erp {
            erp.get_ref().check(text, file)?;
            if !is_user(&erp.get_ref().user) {
                return at(erp.span().start, "the ERP is no user of Serviceplatformen".to_owned());
            }
        }
        for case in &self.case_systems {
            let CaseSystem { name, way, user, authority, .. } = case.get_ref();
            let managed = *way == Way::Managed;
            if managed && !(is_user(user) && authority.is_some()) {
                let what = format!("{name} needs a user of Serviceplatformen and an `authority`");
                return at(case.span().start, what);
            }
        }
        Faults::new(self.seed, self.faults.clone(), text, file).map(drop)
    }
}

impl CaseSystem {
    fn codes(&self) -> Vec<String> {
        let code = |code: MunicipalityCode| format!("{:04}", code.0);
        match self.municipalities.is_empty() {
            true => MUNICIPALITIES.iter().map(|number| code(MunicipalityCode(*number))).collect(),
            false => self.municipalities.iter().map(|municipality| code(municipality.0)).collect(),
        }
    }

    /// Where what lies in a folder below `outgoing` goes: that folder, the user, and the user's folder.
    fn ways(&self) -> Vec<(String, String, String)> {
        if !self.user.contains(CODE) && !self.folder.contains(CODE) {
            return vec![(String::new(), self.user.clone(), self.folder.clone())];
        }
        let filled =
            |code: String| (code.clone(), self.user.replace(CODE, &code), self.folder.replace(CODE, &code));
        self.codes().into_iter().map(filled).collect()
    }
}

/// How to log in at one of the servers.
#[derive(Clone, Debug, Serialize)]
pub struct Access {
    /// The server's name.
    pub server: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// The user.
    pub user: String,
    /// The private key, OpenSSH format.
    pub key: PathBuf,
    /// The server's key as OpenSSH writes it: what the hub pins.
    pub host_key: String,
}

/// What one tick did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ticked {
    /// Files that came to a counterparty.
    pub taken: u32,
    /// Files that a counterparty gave to somebody, receipts apart.
    pub delivered: u32,
    /// Technical receipts.
    pub receipts: u32,
}

impl Ticked {
    /// Whether nothing happened.
    pub fn is_idle(&self) -> bool {
        *self == Ticked::default()
    }
}

/// What every counterparty has seen so far.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// By server.
    pub servers: BTreeMap<String, sftp_server::Seen>,
    /// Bundles that NemKonto took since the start, and answers it gave.
    pub nemkonto: Option<Exchanged>,
    /// Serviceplatformen's transfers.
    pub transfers: BTreeMap<String, u64>,
    /// The ERP system, with its balances.
    pub erp: Option<erp::Seen>,
    /// Files delivered since the start, by case system.
    pub case_systems: BTreeMap<String, u64>,
    /// How often each fault struck, in the order of the file.
    pub faults: Vec<u64>,
}

/// Files in and out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Exchanged {
    /// Taken.
    pub taken: u64,
    /// Given.
    pub given: u64,
}

/// A running landscape; dropping it ends its servers.
pub struct Landscape<'d> {
    disk: &'d dyn Disk,
    dir: PathBuf,
    servers: Vec<SftpServer>,
    access: Vec<Access>,
    faults: Arc<Faults>,
    nemkonto: Option<NemKonto<'d>>,
    platform: Option<Serviceplatformen<'d>>,
    erp: Option<Erp<'d>>,
    case_systems: Vec<CaseSystem>,
    exchanged: Exchanged,
    delivered: BTreeMap<String, u64>,
    /// Last, so that what runs on it goes first.
    runtime: Option<Runtime>,
}

impl Drop for Landscape<'_> {
    fn drop(&mut self) {
        self.servers.clear();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background(); // a plain drop would wait, which is not allowed inside another runtime
        }
    }
}

/// What a landscape is started from.
pub struct Start<'a> {
    /// The landscape's file.
    pub text: &'a str,
    /// What it is called, for mistakes in it; other files are looked for beside it.
    pub file: &'a Path,
    /// Where everybody lives.
    pub dir: &'a Path,
    /// What keys are made of when there are none yet.
    pub chance: [u8; 32],
}

impl<'d> Landscape<'d> {
    /// Starts everybody.
    ///
    /// # Errors
    /// [`LandscapeError`]; nobody runs then.
    pub fn start(disk: &'d dyn Disk, start: &Start<'_>) -> Result<Landscape<'d>, LandscapeError> {
        let file = start.file.display().to_string();
        let settings = Settings::load(start.text, &file)?;
        let faults = Arc::new(Faults::new(settings.seed, settings.faults.clone(), start.text, &file)?);
        let mut landscape = Landscape {
            disk,
            dir: start.dir.to_owned(),
            servers: Vec::new(),
            access: Vec::new(),
            faults,
            nemkonto: None,
            platform: None,
            erp: None,
            case_systems: settings.case_systems.iter().map(|case| case.get_ref().clone()).collect(),
            exchanged: Exchanged::default(),
            delivered: BTreeMap::new(),
            runtime: None,
        };
        landscape.open_partners(&settings, start.file)?;
        landscape.start_servers(&settings, start.chance)?;
        Ok(landscape)
    }

    fn open_partners(&mut self, settings: &Settings, file: &Path) -> Result<(), LandscapeError> {
        if let Some(nemkonto) = &settings.nemkonto {
            let script = nemkonto_script(self.disk, &nemkonto.script, file)?;
            let user = self.dir.join("nemkonto/user");
            let folders = nemkonto::Folders {
                inbox: user.join("inbox"),
                outbox: user.join("outbox"),
                home: self.dir.join("nemkonto/home"),
            };
            self.nemkonto = Some(NemKonto::open(self.disk, folders, script)?);
        }
        if let Some(platform) = &settings.serviceplatformen {
            let (users, home) = (self.platform_users(), self.dir.join("serviceplatformen/home"));
            let opened = Serviceplatformen::open(self.disk, users, home, platform.clone(), settings.seed)?;
            self.platform = Some(opened);
        }
        if let Some(erp) = &settings.erp {
            let erp = erp.get_ref().clone();
            let mapping = match &erp.mapping {
                Some(name) => {
                    let path = file.with_file_name(name);
                    Mapping::load(&self.disk.read_text(&path)?, &path.display().to_string())?
                }
                None => Mapping::default(),
            };
            let user = self.platform_users().join(&erp.user);
            let folders =
                erp::Folders { inbox: user.join("IN"), outbox: user.join("OUT"), home: self.dir.join("erp") };
            self.erp = Some(Erp::open(self.disk, folders, erp, mapping, settings.seed)?);
        }
        for case in &self.case_systems {
            for (code, user, folder) in case.ways() {
                self.disk.create_dir_all(&self.outgoing(&case.name).join(code))?;
                if case.way == Way::Plain {
                    self.disk.create_dir_all(&self.case_users().join(user).join(folder))?;
                }
            }
            self.disk.create_dir_all(&self.dir.join("case").join(&case.name).join("pending"))?;
        }
        Ok(())
    }

    fn platform_users(&self) -> PathBuf {
        self.dir.join("serviceplatformen/users")
    }

    fn case_users(&self) -> PathBuf {
        self.dir.join("case-systems/users")
    }

    /// Where a case system's files are put for it to deliver, in a folder for each municipality if its way has them.
    pub fn outgoing(&self, case_system: &str) -> PathBuf {
        self.dir.join("case").join(case_system).join("outgoing")
    }

    fn start_servers(&mut self, settings: &Settings, chance: [u8; 32]) -> Result<(), LandscapeError> {
        let runtime = Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
        let runtime = runtime.map_err(failed("start the threads of the servers"))?;
        let keys = Keys::open(self.disk, &self.dir, chance)?;
        let mut users: BTreeMap<&str, BTreeMap<String, PathBuf>> = BTreeMap::new();
        if let Some(nemkonto) = &settings.nemkonto {
            users.entry(NEMKONTO).or_default().insert(nemkonto.user.clone(), self.dir.join("nemkonto/user"));
        }
        for user in settings.serviceplatformen.iter().flat_map(|platform| &platform.users) {
            users.entry(PLATFORM).or_default().insert(user.clone(), self.platform_users().join(user));
        }
        for case in self.case_systems.iter().filter(|case| case.way == Way::Plain) {
            for (_, user, _) in case.ways() {
                let root = self.case_users().join(&user);
                users.entry(CASES).or_default().insert(user, root);
            }
        }
        for (name, users) in users {
            self.start_server(&runtime, &keys, name, users, settings)?;
        }
        self.runtime = Some(runtime);
        Ok(())
    }

    fn start_server(
        &mut self,
        runtime: &Runtime,
        keys: &Keys,
        name: &str,
        users: BTreeMap<String, PathBuf>,
        settings: &Settings,
    ) -> Result<(), LandscapeError> {
        let mut let_in = Vec::new();
        for (user, root) in users {
            let key = keys.user(&user)?;
            let_in.push((User { name: user, keys: vec![key.1], root }, key.0));
        }
        let setup = Setup {
            name: name.to_owned(),
            port: settings.ports.get(name).copied().unwrap_or(0),
            host_key: keys.host(name),
            users: let_in.iter().map(|(user, _)| user.clone()).collect(),
            faults: self.faults.clone(),
        };
        let server = SftpServer::start(runtime.handle(), setup)
            .map_err(failed(format!("start the SFTP server `{name}`")))?;
        let host_key = server.host_key().to_openssh().unwrap_or_default();
        for (user, key) in let_in {
            let (server, address) = (name.to_owned(), server.address());
            self.access.push(Access { server, address, user: user.name, key, host_key: host_key.clone() });
        }
        self.servers.push(server);
        Ok(())
    }

    /// Everybody that can log in, and how.
    pub fn access(&self) -> &[Access] {
        &self.access
    }

    /// The servers, for what only a test does to them.
    pub fn servers(&self) -> &[SftpServer] {
        &self.servers
    }

    /// Lets everybody do what is to be done at `now` (Danish local time): until nothing moves any more, so that what
    /// one gives the next has taken. Repeating it does nothing twice.
    ///
    /// # Errors
    /// [`LandscapeError`]; the next tick goes on.
    pub fn tick(&mut self, now: DateTime) -> Result<Ticked, LandscapeError> {
        self.faults.set_now(now);
        let mut all = Ticked::default();
        loop {
            let done = self.pass(now)?;
            if done.is_idle() {
                return Ok(all);
            }
            all.taken += done.taken;
            all.delivered += done.delivered;
            all.receipts += done.receipts;
        }
    }

    fn pass(&mut self, now: DateTime) -> Result<Ticked, LandscapeError> {
        let mut done = Ticked::default();
        for case in self.case_systems.clone() {
            let count = self.deliver(&case, now)?;
            *self.delivered.entry(case.name).or_insert(0) += u64::from(count);
            done.delivered += count;
        }
        if let Some(nemkonto) = &mut self.nemkonto {
            let stepped = nemkonto.step(now)?;
            let given = stepped.delivered.len();
            self.exchanged.taken += u64::from(stepped.taken);
            self.exchanged.given += given as u64;
            done.taken += stepped.taken;
            done.delivered += u32::try_from(given).unwrap_or(u32::MAX);
        }
        if let Some(erp) = &mut self.erp {
            let stepped = erp.step(now)?;
            done.taken += stepped.taken;
            done.delivered += u32::try_from(stepped.delivered.len()).unwrap_or(u32::MAX);
        }
        if let Some(platform) = &mut self.platform {
            let stepped = platform.step(now)?;
            done.taken += stepped.taken;
            done.delivered += stepped.delivered;
            done.receipts += stepped.receipts;
        }
        Ok(done)
    }

    /// When something is due next; `None` when nothing waits for its time.
    ///
    /// # Errors
    /// [`LandscapeError`].
    pub fn next_due(&self) -> Result<Option<DateTime>, LandscapeError> {
        let nemkonto = self.nemkonto.as_ref().map(NemKonto::next_due).transpose()?.flatten();
        let erp = self.erp.as_ref().map(Erp::next_due).transpose()?.flatten();
        let platform = self.platform.as_ref().and_then(Serviceplatformen::next_due);
        Ok([nemkonto, erp, platform].into_iter().flatten().min())
    }

    /// Moves what a case system has to deliver to where the hub finds it; how many files.
    fn deliver(&self, case: &CaseSystem, now: DateTime) -> Result<u32, LandscapeError> {
        let mut count = 0;
        for (code, user, folder) in case.ways() {
            let outgoing = self.outgoing(&case.name).join(&code);
            for name in names_in(self.disk, &outgoing)? {
                let from = outgoing.join(&name);
                match case.way {
                    Way::Plain => {
                        let to = self.case_users().join(&user).join(&folder).join(&name);
                        if self.disk.exists(&to)? {
                            continue; // the one before was not taken yet
                        }
                        self.disk.rename(&from, &to)?;
                    }
                    Way::Managed => self.hand_in(case, &name, &from, now)?,
                }
                count += 1;
            }
        }
        if case.way == Way::Managed {
            let pending = self.dir.join("case").join(&case.name).join("pending");
            let out = self.platform_users().join(&case.user).join("OUT");
            deliver_due(self.disk, &pending, now, &out)?;
        }
        Ok(count)
    }

    /// A file into the case system's `OUT/`. Its trigger is written aside before the file moves and delivered after it:
    /// whenever we are cut off, the next tick ends it.
    fn hand_in(
        &self,
        case: &CaseSystem,
        name: &str,
        from: &Path,
        now: DateTime,
    ) -> Result<(), LandscapeError> {
        let out = self.platform_users().join(&case.user).join("OUT");
        let authority = case.authority.clone().unwrap_or_default();
        let uuid = |what: &str| uuid_of(&[&case.name, what, name, &now.to_string()]);
        let trigger = Trigger {
            transfer: None,
            file_name: name.to_owned(),
            size: self.disk.entry(from)?.map_or(0, |entry| entry.size),
            sender: case.user.clone(),
            file_id: Some(uuid("file")),
            recipients: vec![ROUTED.to_owned()],
            routing: Some(Routing {
                inf_ref: case.inf_ref.clone(),
                sender_system: uuid_of(&["system", &case.name]),
                sender_authority: authority.clone(),
                transaction: uuid("transaction"),
                timestamp: super::erp_answers::instant(now),
                recipient_system: None,
                recipient_authority: authority,
            }),
        };
        let pending = self.dir.join("case").join(&case.name).join("pending");
        post(self.disk, &pending, now, &format!("{name}.trigger"), trigger.write().as_bytes())?;
        self.disk.rename(from, &out.join(name))?;
        Ok(())
    }

    /// What everybody has seen so far.
    pub fn report(&self) -> Report {
        let mut transfers = BTreeMap::new();
        for transfer in self.platform.iter().flat_map(Serviceplatformen::transfers) {
            *transfers.entry(what_became_of(transfer)).or_insert(0) += 1;
        }
        Report {
            servers: self.servers.iter().map(|server| (server.name().to_owned(), server.seen())).collect(),
            nemkonto: self.nemkonto.as_ref().map(|_| self.exchanged),
            transfers,
            erp: self.erp.as_ref().map(|erp| erp.seen().clone()),
            case_systems: self.delivered.clone(),
            faults: self.faults.struck(),
        }
    }
}

fn what_became_of(transfer: &Transfer) -> String {
    match (&transfer.recipient, transfer.refusals.first()) {
        (Some(recipient), _) => format!("to {recipient}"),
        (None, Some(refusal)) => format!("refused: {}", refusal.name),
        (None, None) => "to nobody".to_owned(),
    }
}

fn nemkonto_script(disk: &dyn Disk, name: &str, file: &Path) -> Result<Script, LandscapeError> {
    let of_the_house = match name {
        "calm" => Some(script::CALM),
        "demo" => Some(script::DEMO),
        "hostile" => Some(script::HOSTILE),
        _ => None,
    };
    let path = file.with_file_name(name);
    Ok(match of_the_house {
        Some(text) => Script::load(text, name)?,
        None => Script::load(&disk.read_text(&path)?, &path.display().to_string())?,
    })
}

/// The keys of a landscape: made once, of chance that is kept beside them.
struct Keys {
    dir: PathBuf,
    chance: [u8; 32],
}

impl Keys {
    fn open(disk: &dyn Disk, dir: &Path, chance: [u8; 32]) -> Result<Keys, LandscapeError> {
        let dir = dir.join("keys");
        disk.create_dir_all(&dir)?;
        let path = dir.join("chance");
        if !disk.exists(&path)? {
            sftp_server::write_secret(&path, &chance).map_err(failed(format!("write {}", path.display())))?;
        }
        let damaged = |_| PartnerError::Damaged { path: path.clone(), what: "not 32 bytes".to_owned() };
        let chance = disk.read(&path)?.try_into().map_err(damaged)?;
        Ok(Keys { dir, chance })
    }

    fn key(&self, what: &str, name: &str) -> russh::keys::PrivateKey {
        let hash = Sha256::new().chain_update(self.chance).chain_update(what).chain_update(name);
        key_of(&hash.finalize().into())
    }

    fn host(&self, server: &str) -> russh::keys::PrivateKey {
        self.key("host ", server)
    }

    /// A user's key: where its private half lies, and the public one.
    fn user(&self, name: &str) -> Result<(PathBuf, russh::keys::PublicKey), LandscapeError> {
        let key = self.key("user ", name);
        let path = self.dir.join(format!("{name}.key"));
        write_key(&path, &key).map_err(failed(format!("write {}", path.display())))?;
        Ok((path, key.public_key().clone()))
    }
}
