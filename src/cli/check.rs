//! `toek check`: whether an installation could work: its files, its keys and folders, and, where asked for, its servers.
//!
//! Changes nothing, neither here nor at a server.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use toek_adapters::disk::{Disk, RealDisk};
use toek_adapters::drop::{Drop, DropError};
use toek_adapters::sftp::keys::{is_host_key, public_half};
use toek_adapters::sftp::{self, ByteBudget, KeyFile, SftpDrop, SftpEndpoint, SftpSettings};
use tokio::task::JoinSet;

use super::installation::{KEY, read};
use super::mistake::{FoundBy, Mistake, tell};
use super::{Colour, Context, Outcome, block_on};
use crate::config::{
    ACCOUNTS_FILE, ConfigError, Endpoint, EndpointKind, Installation, MAIN_FILE, Pipeline, SftpAccess,
};
use crate::domain::accounts::AccountPlan;
use crate::domain::reference::Place;
use crate::pipelines::chain;

/// Check all files of an installation, its keys and folders, and with --connect its servers.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  toek check my-hub                       every mistake of every file, drawn under its line; keys; folders
  toek check my-hub --connect             and log in at each SFTP endpoint, and list its folders
  toek check my-hub --json | jq .rule     an object per mistake, the summary last

Nothing is changed, neither here nor at a server.
Exit status: 0 all is well, 1 something is wrong, 2 the command line is wrong.")]
pub(super) struct Check {
    /// The installation's directory [default: that of --dir].
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Log in at each SFTP endpoint and list its folders.
    #[arg(long)]
    connect: bool,
    /// How long each endpoint may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
}

/// What was found out about one endpoint.
#[derive(Clone, Debug, Serialize)]
struct Seen {
    endpoint: String,
    /// Where it is.
    at: String,
    ok: bool,
    /// Folders that pipelines work in.
    folders: usize,
    /// Files in them, where a server was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<usize>,
}

#[derive(Serialize)]
struct Summary<'a> {
    ok: bool,
    mistakes: usize,
    endpoints: &'a [Seen],
}

pub(super) fn run(context: &Context, command: &Check) -> anyhow::Result<Outcome> {
    let dir = command.directory.as_ref().unwrap_or(&context.dir);
    let installation = match read(dir)? {
        Ok(installation) => installation,
        Err(errors) => {
            let behind = behind_the_main_file(dir, &errors)?;
            let mistakes: Vec<Mistake> = errors.into_iter().chain(behind).map(Mistake::from).collect();
            return report(context, dir, None, &mistakes, &[]);
        }
    };
    let mut mistakes = installation_key(dir);
    let mut seen = Vec::new();
    for number in 0..installation.endpoints.len() {
        let site = Site { dir, installation: &installation, number };
        let found = site.look();
        seen.push(site.seen(found.is_empty()));
        mistakes.extend(found);
    }
    if command.connect {
        let limit = Duration::from_secs(command.timeout);
        mistakes.extend(block_on(connect(dir, &installation, &mut seen, limit))?);
    }
    report(context, dir, Some(&installation), &mistakes, &seen)
}

/// A main file with a mistake does not say which pipelines there are: then those in their usual place are read.
fn behind_the_main_file(dir: &Path, errors: &[ConfigError]) -> anyhow::Result<Vec<ConfigError>> {
    let main = dir.join(MAIN_FILE).display().to_string();
    let schedules = dir.join(SCHEDULES);
    if !errors.iter().any(|error| error.file == main) || !RealDisk.exists(&schedules)? {
        return Ok(Vec::new());
    }
    let mut files: Vec<PathBuf> =
        RealDisk.list(&schedules)?.into_iter().map(|entry| schedules.join(entry.name)).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let loaded = Pipeline::load(&RealDisk.read_text(&file)?, &file.display().to_string());
        found.extend(loaded.err().into_iter().flat_map(|errors| errors.0));
    }
    let accounts = dir.join(ACCOUNTS_FILE);
    if RealDisk.exists(&accounts)? {
        let loaded = AccountPlan::load(&RealDisk.read_text(&accounts)?, &accounts.display().to_string());
        found.extend(loaded.err().into_iter().flat_map(|errors| errors.0));
    }
    Ok(found)
}

/// Where `toek init` puts the pipelines.
const SCHEDULES: &str = "schedules";

fn report(
    context: &Context,
    dir: &Path,
    installation: Option<&Installation>,
    mistakes: &[Mistake],
    endpoints: &[Seen],
) -> anyhow::Result<Outcome> {
    mistakes.iter().try_for_each(|mistake| tell(context, mistake))?;
    let ok = mistakes.is_empty();
    let outcome = if ok { Outcome::Done } else { Outcome::Wrong };
    if context.printer.is_json() {
        let summary = Summary { ok, mistakes: mistakes.len(), endpoints };
        context.printer.value(&serde_json::json!({ "summary": summary }))?;
        return Ok(outcome);
    }
    if let Some(installation) = installation {
        let Installation { id, municipalities, pipelines, .. } = installation;
        let counts = format!("{} municipalities, {} pipelines", municipalities.iter().len(), pipelines.len());
        verdict(context, true, "files", &format!("{id}: {counts}"));
    }
    for Seen { endpoint, at, ok, folders, files } in endpoints {
        let files =
            files.map_or_else(String::new, |files| format!(", logged in, {}", counted(files, "file")));
        verdict(context, *ok, endpoint, &format!("{at}: {}{files}", counted(*folders, "folder")));
    }
    let said = match mistakes.len() {
        0 => "nothing is wrong".to_owned(),
        count => counted(count, "mistake"),
    };
    context.printer.line(format!("{}: {said}", dir.display()));
    Ok(outcome)
}

fn verdict(context: &Context, ok: bool, what: &str, said: &str) {
    let (word, colour) = if ok { ("OK   ", Colour::Green) } else { ("WRONG", Colour::Red) };
    context.printer.line(format!("{} {what:<18} {said}", context.printer.paint(colour, word)));
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// The key of the archive, where it was made already.
fn installation_key(dir: &Path) -> Vec<Mistake> {
    let path = dir.join(KEY);
    let wrong = |rule: String, hint: String| {
        let error = ConfigError {
            file: path.display().to_string(),
            place: None,
            key: String::new(),
            value: String::new(),
            rule,
        };
        vec![Mistake { error, found: FoundBy::Looking, hint }]
    };
    match RealDisk.read(&path) {
        Ok(bytes) if bytes.len() != 32 => {
            wrong("must be a key of 32 bytes".to_owned(), "restore it".to_owned())
        }
        Ok(_) => match not_private(&path) {
            Some((rule, hint)) => wrong(rule, hint),
            None => Vec::new(),
        },
        Err(error) if error.is_not_found() => Vec::new(), // the first run makes it
        Err(error) => wrong(format!("cannot be read: {}", chain(&error)), String::new()),
    }
}

/// Rule and hint when others may read a key.
fn not_private(path: &Path) -> Option<(String, String)> {
    match RealDisk.is_private(path) {
        Ok(true) => None,
        Ok(false) => Some((
            "must be its owner's alone: others may read or change it".to_owned(),
            format!("chmod 600 {}", path.display()),
        )),
        Err(error) => Some((format!("cannot be looked at: {}", chain(&error)), String::new())),
    }
}

/// One endpoint of an installation under test.
#[derive(Clone, Copy)]
struct Site<'a> {
    dir: &'a Path,
    installation: &'a Installation,
    number: usize,
}

impl Site<'_> {
    fn endpoint(&self) -> &Endpoint {
        &self.installation.endpoints[self.number]
    }

    /// What the disk tells.
    fn look(&self) -> Vec<Mistake> {
        match &self.endpoint().kind {
            EndpointKind::Folder => self.look_at_folders(),
            EndpointKind::Sftp(access) => self.look_at_keys(access),
        }
    }

    fn seen(&self, ok: bool) -> Seen {
        let Endpoint { name, path, kind, .. } = self.endpoint();
        let at = match kind {
            EndpointKind::Folder => path.display().to_string(),
            EndpointKind::Sftp(access) => format!("sftp {}@{}:{}", access.user, access.host, access.port),
        };
        let folders = self.folders(true).len() + self.folders(false).len();
        Seen { endpoint: name.clone(), at, ok, folders, files: None }
    }

    /// The folders that pipelines fetch from, or deliver to.
    fn folders(&self, incoming: bool) -> Vec<PathBuf> {
        let name = &self.endpoint().name;
        let here = self
            .installation
            .pipelines
            .iter()
            .filter(|pipeline| pipeline.endpoint == *name && pipeline.kind.receives() == incoming);
        let mut folders: Vec<PathBuf> =
            here.flat_map(|pipeline| self.installation.folders(pipeline)).collect();
        folders.sort();
        folders.dedup();
        folders
    }

    fn look_at_folders(&self) -> Vec<Mistake> {
        let places = &self.endpoint().places;
        let sides = [("in", places.incoming, true), ("out", places.outgoing, false)];
        let look = |(key, place, incoming): (&str, Place, bool)| {
            let folders = self.folders(incoming);
            let missing: Vec<PathBuf> = folders
                .iter()
                .map(|folder| self.dir.join(folder))
                .filter(|folder| !is_folder(folder))
                .collect();
            let first = missing.first()?;
            let more = match missing.len() {
                1 => String::new(),
                count => format!(", nor are {} others", count - 1),
            };
            let rule = format!("leads to {}, which is no folder{more}", first.display());
            Some(self.mistake(key, place, rule, "`toek init --missing` makes what is not there".to_owned()))
        };
        sides.into_iter().filter_map(look).collect()
    }

    fn look_at_keys(&self, access: &SftpAccess) -> Vec<Mistake> {
        let places = &self.endpoint().places;
        let mut found = Vec::new();
        if let Err((rule, hint)) = private_key(&self.dir.join(&access.key)) {
            found.push(self.mistake("key", places.key, rule, hint));
        }
        for ((n, key), place) in (1..).zip(&access.host_keys).zip(&places.host_keys) {
            if !is_host_key(key) {
                let rule =
                    "must be a server's public key: what stands here is cut short or changed".to_owned();
                let hint =
                    format!("ssh-keyscan -p {} {} shows what it says of itself", access.port, access.host);
                found.push(self.mistake(&format!("host_keys[{n}]"), *place, rule, hint));
            }
        }
        found
    }

    fn mistake(&self, key: &str, place: Place, rule: String, hint: String) -> Mistake {
        let error = ConfigError {
            file: self.dir.join(MAIN_FILE).display().to_string(),
            place: Some(place),
            key: format!("endpoint[{}].{key}", self.number + 1),
            value: String::new(),
            rule,
        };
        Mistake { error, found: FoundBy::Looking, hint }
    }

    /// What the server tells: how many files, and what went wrong.
    fn called(&self, call: Call) -> (Option<usize>, Vec<Mistake>) {
        let place = self.endpoint().places.host;
        let wrong = |rule: String| {
            let mistake = self.mistake("host", place, rule, String::new());
            Mistake { found: FoundBy::Connecting, ..mistake }
        };
        let files = call.failures.is_empty().then_some(call.files);
        (files, call.failures.into_iter().map(wrong).collect())
    }
}

fn is_folder(path: &Path) -> bool {
    matches!(RealDisk.entry(path), Ok(Some(entry)) if entry.is_dir) && RealDisk.list(path).is_ok()
}

/// Whether a key can be used; else rule and hint.
fn private_key(path: &Path) -> Result<(), (String, String)> {
    let bytes = RealDisk.read(path).map_err(|error| {
        let hint =
            if error.is_not_found() { "`toek init --ssh-key --missing` makes keys/sftp.key" } else { "" };
        (format!("names a file that cannot be read: {}", chain(&error)), hint.to_owned())
    })?;
    public_half(&bytes)
        .map_err(|error| (format!("must name a private key without a passphrase: {error}"), String::new()))?;
    not_private(path).map_or(Ok(()), Err)
}

/// What came of calling one server.
#[derive(Default)]
struct Call {
    files: usize,
    failures: Vec<String>,
}

/// Calls all servers at once, each with its own limit; those whose keys are wrong are not called.
async fn connect(
    dir: &Path,
    installation: &Installation,
    seen: &mut [Seen],
    limit: Duration,
) -> Vec<Mistake> {
    let mut calls = JoinSet::new();
    for (number, seen) in seen.iter().enumerate().filter(|(_, seen)| seen.ok) {
        let site = Site { dir, installation, number };
        if let EndpointKind::Sftp(access) = &site.endpoint().kind {
            let settings = settings(&seen.endpoint, dir, access, limit);
            let folders = [site.folders(true), site.folders(false)].concat();
            calls.spawn(async move { (number, call(settings, folders, limit).await) });
        }
    }
    let mut ended: Vec<(usize, Call)> = calls.join_all().await;
    ended.sort_by_key(|(number, _)| *number);
    let mut mistakes = Vec::new();
    for (number, call) in ended {
        let (files, wrong) = Site { dir, installation, number }.called(call);
        seen[number].files = files;
        seen[number].ok = wrong.is_empty();
        mistakes.extend(wrong);
    }
    mistakes
}

fn settings(name: &str, dir: &Path, access: &SftpAccess, limit: Duration) -> Result<SftpSettings, DropError> {
    let mut settings = SftpSettings::new(name, &access.host, access.port, &access.user);
    settings.key = Some(KeyFile { bytes: RealDisk.read(&dir.join(&access.key))?, passphrase: None });
    settings.host_keys = access.host_keys.clone();
    settings.timeouts.connect = settings.timeouts.connect.min(limit);
    Ok(settings)
}

/// Bytes in flight that listing folders may take.
const BUDGET: usize = 1 << 20;

async fn call(settings: Result<SftpSettings, DropError>, folders: Vec<PathBuf>, limit: Duration) -> Call {
    let mut call = Call::default();
    let server = settings.map_err(|error| chain(&error)).and_then(|settings| {
        let budget = Arc::new(ByteBudget::new(BUDGET, 1));
        SftpEndpoint::new(settings, budget).map_err(|error| chain(&error))
    });
    match server {
        Ok(server) => {
            if tokio::time::timeout(limit, visit(server, &folders, &mut call)).await.is_err() {
                call.failures.push(format!("did not answer within {} s", limit.as_secs()));
            }
        }
        Err(failure) => call.failures.push(failure),
    }
    call
}

/// Lists each folder. A server that cannot be reached is not asked for the others.
async fn visit(server: Arc<SftpEndpoint>, folders: &[PathBuf], call: &mut Call) {
    for folder in folders {
        let folder = folder.to_string_lossy();
        let drop = SftpDrop::new(server.clone(), &folder, &folder, sftp::Commit::Rename);
        match drop.list().await {
            Ok(files) => call.files += files.len(),
            Err(DropError::Resting { .. }) => return, // what it failed of is told
            Err(error @ DropError::HostKey { .. }) => {
                call.failures.push(chain(&error));
                return;
            }
            Err(error) => call.failures.push(chain(&error)),
        }
    }
}
