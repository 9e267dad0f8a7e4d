//! `toek init`: makes a new installation, or completes one. Never changes a file that is there.
//!
//! What is to be written is put together and checked first; `toek.toml`, which makes a directory an installation, is
//! written last. A beginning that was cut off is gone on with by the same command.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use serde::Serialize;
use toek_adapters::disk::{Disk, RealDisk};
use toek_adapters::drop::is_unfinished;
use toek_adapters::sftp::keys::{KeyPair, public_half};
use toek_formats::vocabulary::MunicipalityCode;

use super::installation::{CLOCK, LOCK, take_lock, text_of};
use super::mistake::{Mistake, tell};
use super::partner::{DOORS, Door, doors};
use super::{Colour, Context, Outcome};
use crate::config::{
    ClockKind, ConfigError, EndpointKind, Installation, MAIN_FILE, Server, SftpAccess, Template,
};
use crate::domain::municipality::{ALL, name_of};
use crate::seams::random;
use crate::serve::person::Person;

/// Make a new installation, or complete one.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  toek init my-hub                                   for all 98 municipalities, with folders for endpoints
  toek init my-hub --municipalities 0101,0751        for two of them
  toek init my-hub --ssh-key                         with a key for SFTP servers; prints its public half
  toek init my-hub --missing                         only what is not there yet
  toek init rehearsal --simulated --at 2026-01-28T07:00:00Z    by a clock that stands until it is set

A pair to try things with, in two terminals:
  toek --dir my-partners partner
  toek init my-hub --from-partner my-partners && toek check my-hub --connect

No file that is there is changed. Cut off, the same command goes on where it was.")]
pub(super) struct Init {
    /// The installation's directory [default: that of --dir].
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
    /// The codes of its municipalities, separated by commas [default: all 98].
    #[arg(long, value_name = "CODES", value_delimiter = ',', value_parser = municipality)]
    municipalities: Vec<MunicipalityCode>,
    /// Its name, which is never changed again [default: toek].
    #[arg(long, value_name = "NAME")]
    id: Option<String>,
    /// Go by a clock that stands until it is set: for rehearsals.
    #[arg(long)]
    simulated: bool,
    /// Make a key for SFTP servers (Ed25519), and print its public half.
    #[arg(long)]
    ssh_key: bool,
    /// Reach the counterparties that `toek partner` keeps in this directory.
    #[arg(long, value_name = "DIR")]
    from_partner: Option<PathBuf>,
    /// Complete an installation: write only what is not there.
    #[arg(long)]
    missing: bool,
    /// Say what would be written, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

/// The key pair for SFTP servers, below the installation's directory.
const SSH_KEY: &str = "keys/sftp.key";
const SSH_KEY_PUBLIC: &str = "keys/sftp.pub";

fn municipality(text: &str) -> Result<MunicipalityCode, String> {
    let code = MunicipalityCode::parse(text).ok().filter(|code| name_of(*code).is_some());
    code.ok_or_else(|| "must be the code of one of the 98 municipalities, four digits".to_owned())
}

pub(super) fn run(context: &Context, command: &Init) -> anyhow::Result<Outcome> {
    let dir = command.directory.as_ref().unwrap_or(&context.dir);
    if context.at.is_some() && !command.simulated {
        bail!("--at is for installations whose clock is simulated: add --simulated");
    }
    let templates = templates(command)?;
    if !command.missing {
        refuse_what_is_there(dir, &templates)?;
    }
    let plan = match Plan::make(dir, templates, command.ssh_key)? {
        Ok(plan) => plan,
        Err(errors) => {
            let mistakes: Vec<Mistake> = errors.into_iter().map(Mistake::from).collect();
            mistakes.iter().try_for_each(|mistake| tell(context, mistake))?;
            bail!("nothing was written: the files would have {} mistakes", mistakes.len());
        }
    };
    let public_key = if command.dry_run { None } else { plan.write(context)? };
    plan.tell(context, command.dry_run, public_key.as_deref())?;
    Ok(Outcome::Done)
}

fn templates(command: &Init) -> anyhow::Result<BTreeMap<PathBuf, String>> {
    let mut codes = command.municipalities.clone();
    if codes.is_empty() {
        codes.extend(ALL.map(|(code, _)| code));
    }
    codes.sort_unstable();
    codes.dedup();
    let servers = match &command.from_partner {
        Some(partners) => servers(partners)?,
        None => Vec::new(),
    };
    let account = super::block_on(async { Person::here(&RealDisk) })??.to_string();
    let template = Template {
        account: Some(&account),
        id: command.id.as_deref().unwrap_or("toek"),
        clock: if command.simulated { ClockKind::Simulated } else { ClockKind::Real },
        municipalities: &codes,
        servers: &servers,
    };
    Ok(template.files().into_iter().collect())
}

fn servers(partners: &Path) -> anyhow::Result<Vec<Server>> {
    let doors = doors(partners)?.with_context(|| {
        let dir = partners.display();
        format!("{dir} has no {DOORS}: start the counterparties first, with `toek --dir {dir} partner`")
    })?;
    let server = |door: Door| Server {
        endpoint: door.endpoint,
        access: SftpAccess {
            host: door.address.ip().to_string(),
            port: door.address.port(),
            user: door.user,
            key: door.key,
            host_keys: vec![door.host_key],
        },
        folder: door.folder,
    };
    Ok(doors.endpoints.into_iter().map(server).collect())
}

/// A directory is empty, or not there, or holds nothing but a cut-off beginning of the same: else it is refused.
fn refuse_what_is_there(dir: &Path, templates: &BTreeMap<PathBuf, String>) -> anyhow::Result<()> {
    let shown = dir.display();
    if !RealDisk.exists(dir)? {
        return Ok(());
    }
    let mut ours: BTreeSet<&str> = ["keys", "endpoints", LOCK, CLOCK].into();
    ours.extend(templates.keys().filter_map(|path| path.iter().next()?.to_str()));
    for entry in RealDisk.list(dir)? {
        if entry.name == MAIN_FILE {
            bail!("{shown} is an installation already; --missing writes what it lacks");
        }
        if !ours.contains(entry.name.as_str()) && !is_unfinished(&entry.name) {
            bail!(
                "{shown} holds something else, {}: name a directory that is empty or not there yet",
                entry.name
            );
        }
    }
    for (path, text) in templates {
        let path = dir.join(path);
        if RealDisk.exists(&path)? && RealDisk.read(&path)? != text.as_bytes() {
            bail!("{} is there already and says something else; --missing would keep it", path.display());
        }
    }
    Ok(())
}

/// What is to be written where.
struct Plan<'a> {
    dir: &'a Path,
    installation: Installation,
    /// Files that are not there: path below the directory, and text. `toek.toml` is last.
    files: Vec<(PathBuf, String)>,
    /// Files of the installation that are there, and stay.
    kept: Vec<PathBuf>,
    /// Folders of endpoints that are not there.
    folders: Vec<PathBuf>,
    makes_ssh_key: bool,
}

/// What was planned or done, for programs.
#[derive(Serialize)]
struct Told<'a> {
    dir: &'a Path,
    dry_run: bool,
    files: Vec<&'a Path>,
    folders: &'a [PathBuf],
    kept: &'a [PathBuf],
    ssh_key: Option<&'a Path>,
    public_key: Option<&'a str>,
}

impl Plan<'_> {
    /// Loads the installation as it will be: what is there, and the templates of what it asks for and is not.
    fn make(
        dir: &Path,
        mut templates: BTreeMap<PathBuf, String>,
        makes_ssh_key: bool,
    ) -> anyhow::Result<Result<Plan<'_>, Vec<ConfigError>>> {
        let asked: RefCell<Vec<(PathBuf, bool)>> = RefCell::default();
        let read = |path: &Path| {
            let file = path.strip_prefix(dir).unwrap_or(path);
            let template = templates.get(file).filter(|_| !RealDisk.exists(path).unwrap_or(true));
            asked.borrow_mut().push((file.to_owned(), template.is_some()));
            template.map_or_else(|| text_of(path), |text| Ok(text.clone()))
        };
        let installation = match Installation::load(&read, dir) {
            Ok(installation) => installation,
            Err(errors) => return Ok(Err(errors)),
        };
        let asked = asked.into_inner();
        let kept = asked.iter().filter(|(_, is_new)| !is_new).map(|(path, _)| path.clone()).collect();
        let new = asked.iter().rev().filter(|(_, is_new)| *is_new);
        let files = new.filter_map(|(path, _)| Some((path.clone(), templates.remove(path)?))).collect();
        let folders = missing_folders(dir, &installation)?;
        let makes_ssh_key = makes_ssh_key && !RealDisk.exists(&dir.join(SSH_KEY))?;
        Ok(Ok(Plan { dir, installation, files, kept, folders, makes_ssh_key }))
    }

    /// Gives the public half of the SSH key, where there is one.
    fn write(&self, context: &Context) -> anyhow::Result<Option<String>> {
        RealDisk.create_dir_all(self.dir)?;
        let _lock = take_lock(self.dir)?;
        for folder in &self.folders {
            RealDisk.create_dir_all(&self.dir.join(folder))?;
        }
        if self.makes_ssh_key {
            self.write_ssh_key(context)?;
        }
        if self.installation.clock == ClockKind::Simulated && !RealDisk.exists(&self.dir.join(CLOCK))? {
            let at = context.at.unwrap_or_else(|| context.world.clock.now());
            RealDisk.write_atomically(&self.dir.join(CLOCK), at.to_string().as_bytes())?;
        }
        for (path, text) in &self.files {
            let path = self.dir.join(path);
            RealDisk.create_dir_all(path.parent().unwrap_or(self.dir))?;
            RealDisk.write_atomically(&path, text.as_bytes())?;
        }
        RealDisk.sync_dir(self.dir)?;
        let key = self.dir.join(SSH_KEY);
        let is_there = RealDisk.exists(&key)?;
        Ok(if is_there { public_half(&RealDisk.read(&key)?).ok() } else { None }) // `check` tells of a bad one
    }

    /// The public half first: with the private one there is a key.
    fn write_ssh_key(&self, context: &Context) -> anyhow::Result<()> {
        let pair = KeyPair::new(&random(&*context.world.ids)?, &self.installation.id)?;
        let (private, public) = (self.dir.join(SSH_KEY), self.dir.join(SSH_KEY_PUBLIC));
        RealDisk.create_dir_all(private.parent().unwrap_or(self.dir))?;
        RealDisk.write_atomically(&public, format!("{}\n", pair.public).as_bytes())?;
        Ok(RealDisk.write_secret(&private, pair.private.as_bytes())?)
    }

    fn tell(&self, context: &Context, dry_run: bool, public_key: Option<&str>) -> anyhow::Result<()> {
        let printer = &context.printer;
        if printer.is_json() {
            return printer.value(&Told {
                dir: self.dir,
                dry_run,
                files: self.files.iter().map(|(path, _)| path.as_path()).collect(),
                folders: &self.folders,
                kept: &self.kept,
                ssh_key: self.makes_ssh_key.then_some(Path::new(SSH_KEY)),
                public_key,
            });
        }
        let word = if dry_run { "would write" } else { "wrote" };
        let keys: &[&str] = if self.makes_ssh_key { &[SSH_KEY, SSH_KEY_PUBLIC] } else { &[] };
        let files = self.files.iter().map(|(path, _)| path.as_path()).chain(keys.iter().map(Path::new));
        let folders = self.folders.iter().map(|folder| format!("{}/", folder.display()));
        for path in files.map(|path| path.display().to_string()).chain(folders) {
            printer.line(format!("{word} {}", self.dir.join(path).display()));
        }
        for path in &self.kept {
            let line = format!("kept  {}", self.dir.join(path).display());
            printer.line(printer.paint(Colour::Dim, &line));
        }
        if let Some(key) = public_key {
            printer.heading("The key the counterparties are given");
            printer.line(format!("  {key}"));
        }
        if !dry_run {
            self.tell_next(context);
        }
        Ok(())
    }

    fn tell_next(&self, context: &Context) {
        let dir = self.dir.display();
        let has_server =
            self.installation.endpoints.iter().any(|endpoint| matches!(endpoint.kind, EndpointKind::Sftp(_)));
        let connect = if has_server { " --connect" } else { "" };
        let steps = [
            (format!("toek check {dir}{connect}"), "every file, key and folder, and the servers"),
            (format!("toek -C {dir} run receive-payments"), "one activation of a pipeline"),
            (format!("toek -C {dir} status"), "what stands where"),
        ];
        context.printer.heading("Next");
        context.printer.line(format!(
            "  Numbers and accounts in {dir} are SYNTHETIC: agree {MAIN_FILE}, municipalities.toml and accounts.toml"
        ));
        context.printer.line("  with NemKonto, the banks and KOMBIT before any money depends on them.");
        for (step, why) in steps {
            context.printer.line(format!("  {step:<44} # {why}"));
        }
    }
}

/// The folders that pipelines work in and that are not there, of endpoints that are folders of this machine.
pub(super) fn missing_folders(dir: &Path, installation: &Installation) -> anyhow::Result<Vec<PathBuf>> {
    let is_folder = |name: &str| {
        installation.endpoint(name).is_some_and(|endpoint| endpoint.kind == EndpointKind::Folder)
    };
    let local = installation.pipelines.iter().filter(|pipeline| is_folder(&pipeline.endpoint));
    let folders: BTreeSet<PathBuf> = local.flat_map(|pipeline| installation.folders(pipeline)).collect();
    let mut missing = Vec::new();
    for folder in folders {
        if !RealDisk.exists(&dir.join(&folder))? {
            missing.push(folder);
        }
    }
    Ok(missing)
}
