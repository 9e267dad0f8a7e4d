//! `toek restore`: makes an installation of a backup, in a new epoch.
//!
//! The backup is checked wholly before anything is written. A marker lies in the directory until all is in place, the
//! epoch included; whatever finds it refuses, and the same command begins again. `toek.toml`, which makes a directory an
//! installation, comes last of the files.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use toek_adapters::disk::{Disk, RealDisk};

use super::backup::{FORM, MANIFEST_SUM, Manifest, copied, first_difference, folders};
use super::installation::{self, ARCHIVE, KEY, MANIFEST, STORE, UNFINISHED, take_lock, text_of};
use super::quarantine::hex;
use super::{Context, Outcome};
use crate::config::{Installation, MAIN_FILE};
use crate::domain::identity::TransferNo;
use crate::domain::restore::{LAST_EPOCH, has_room, jump};
use crate::pipelines::Progress;
use crate::store::archive::Key;
use crate::store::restore::{self, Begin};
use crate::store::{Store, transfer};

/// Make an installation of a backup.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  toek -C my-hub restore /backups/2026-02-02 --key /safe/installation.key
  toek -C my-hub restore /backups/2026-02-02 --key /safe/installation.key --dry-run

What was sent after the backup is not in it. So nothing is sent to any counterparty until that is found again, or a
person says so: `toek endpoints`. Numbers jump ahead and none is used twice. The backup notes each restore of it in
RESTORED.json, so that a second one begins another epoch; where it cannot be written, name the epoch with --epoch.
Folders of endpoints below the directory may be there already, and stay.")]
pub(super) struct Restore {
    /// The backup.
    #[arg(value_name = "FROM")]
    from: PathBuf,
    /// The installation's key, where the backup is without it.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The epoch to begin; greater than every one that any restore of this installation began [default: the next].
    #[arg(long, value_name = "NUMBER")]
    epoch: Option<i64>,
    /// Check the backup, say what would be done, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Which epochs restores of a backup began; lies in the backup, outside its manifest.
const REGISTER: &str = "RESTORED.json";

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Once {
    epoch: i64,
    at: String,
    dir: String,
}

#[derive(Serialize)]
struct Told<'a> {
    dir: &'a Path,
    dry_run: bool,
    backed_up: &'a str,
    epoch: i64,
    files: usize,
    transfers_skipped: i64,
    held: &'a [String],
}

pub(super) fn run(context: &Context, command: &Restore) -> anyhow::Result<Outcome> {
    let (manifest, sum) = manifest(&command.from)?;
    if let Some(what) = first_difference(context, &command.from, &manifest)? {
        context.printer.finish_progress();
        bail!("{} is damaged: {what}; nothing was written", command.from.display());
    }
    let plan = Plan::make(context, command, manifest, sum)?;
    if !command.dry_run {
        plan.write(context)?;
    }
    plan.tell(context, command.dry_run)?;
    Ok(Outcome::Done)
}

/// What a backup says it holds, and the hash of its saying so.
fn manifest(from: &Path) -> anyhow::Result<(Manifest, String)> {
    let shown = from.display();
    let path = from.join(MANIFEST);
    if !RealDisk.exists(&path)? {
        bail!("{shown} is no backup: it has no {MANIFEST}");
    }
    let bytes = RealDisk.read(&path)?;
    let sum = hex(&Sha256::digest(&bytes));
    if RealDisk.read(&from.join(MANIFEST_SUM))? != sum.as_bytes() {
        bail!("{shown} is damaged: its {MANIFEST} is not as it was written");
    }
    let manifest: Manifest = serde_json::from_slice(&bytes).with_context(|| path.display().to_string())?;
    if manifest.form != FORM {
        bail!("{shown} is a backup of form {}, this build knows {FORM}", manifest.form);
    }
    let leads_out = |file: &super::backup::Item| {
        let path = Path::new(&file.path);
        !path.components().all(|part| matches!(part, std::path::Component::Normal(_)))
    };
    if manifest.files.iter().any(leads_out) {
        bail!("{shown} names files outside itself");
    }
    Ok((manifest, sum))
}

struct Plan<'a> {
    from: &'a Path,
    dir: &'a Path,
    manifest: Manifest,
    sum: String,
    installation: Installation,
    key: Vec<u8>,
    /// Earlier restores of this backup.
    register: Vec<Once>,
    begin: Begin,
    at: Timestamp,
    keeps_register: bool,
}

impl Plan<'_> {
    fn make<'a>(
        context: &'a Context,
        command: &'a Restore,
        manifest: Manifest,
        sum: String,
    ) -> anyhow::Result<Plan<'a>> {
        let (from, dir) = (command.from.as_path(), context.dir.as_path());
        refuse_what_is_there(dir, &sum)?;
        let installation = match Installation::load(&text_of, from) {
            Ok(installation) => installation,
            Err(errors) => bail!("the backup's files have {} mistakes: {}", errors.len(), errors[0]),
        };
        let at = installation::open_clock(context, from, installation.clock)?.now(context);
        let store = Store::open_sealed(&from.join(STORE), || true)
            .with_context(|| format!("the store in {}", from.display()))?;
        let key = key(command, &manifest)?;
        let opens = Key::new(key.clone().try_into().map_err(|_| anyhow::anyhow!("a key has 32 bytes"))?);
        if !opens_archive(&store, &opens)? {
            bail!("this key is not the installation's: it opens nothing of its archive");
        }
        let register = register(from)?;
        let begun =
            register.iter().map(|once| once.epoch).max().unwrap_or(0).max(store.read(restore::epoch)?);
        let epoch = command.epoch.unwrap_or(begun + 1);
        if epoch <= begun || epoch > LAST_EPOCH {
            bail!("epoch {epoch} cannot begin: {begun} has, and {LAST_EPOCH} is the last");
        }
        let pictured: Timestamp = manifest.at.parse().context("the manifest's instant")?;
        let away_hours = at.duration_since(pictured).as_hours();
        let jump = jump(epoch, store.read(restore::busiest_day)?, away_hours);
        let floor = store.read(restore::last_numbers)?[0] + jump.transfers;
        if !has_room(floor) {
            bail!(
                "transfer numbers would begin at {floor}: no payment after that has a reference of 27 characters"
            );
        }
        let mut endpoints: Vec<String> = installation
            .pipelines
            .iter()
            .filter(|p| !p.kind.receives())
            .map(|p| p.endpoint.clone())
            .collect();
        endpoints.sort_unstable();
        endpoints.dedup();
        let begin =
            Begin { epoch, jump, endpoints, pictured_at: pictured.as_microsecond(), at: at.as_microsecond() };
        let keeps_register = command.epoch.is_none();
        Ok(Plan { from, dir, manifest, sum, installation, key, register, begin, at, keeps_register })
    }

    fn write(&self, context: &Context) -> anyhow::Result<()> {
        let dir = self.dir;
        self.note_restore()?;
        RealDisk.create_dir_all(dir)?;
        let _lock = take_lock(dir)?;
        RealDisk.write_atomically(&dir.join(UNFINISHED), self.sum.as_bytes())?;
        let keys = dir.join(KEY);
        RealDisk.create_dir_all(keys.parent().unwrap_or(dir))?;
        RealDisk.write_secret(&keys, &self.key)?;
        RealDisk.create_dir_all(&dir.join(ARCHIVE))?;
        self.store()?;
        let late = |path: &str| path == STORE || path == MAIN_FILE || path == KEY;
        let total = self.manifest.files.len() as u64;
        for (done, file) in (1..).zip(self.manifest.files.iter().filter(|file| !late(&file.path))) {
            if copied(self.from, dir, Path::new(&file.path))? != *file {
                bail!("{} changed while it was copied", file.path);
            }
            context.printer.at("files", done, total);
        }
        context.printer.finish_progress();
        self.make_folders()?;
        copied(self.from, dir, Path::new(MAIN_FILE))?;
        for folder in folders(dir)? {
            RealDisk.sync_dir(&folder)?;
        }
        RealDisk.remove(&dir.join(UNFINISHED))?;
        Ok(RealDisk.sync_dir(dir)?)
    }

    /// First of all: a restore that is cut off has begun its epoch too.
    fn note_restore(&self) -> anyhow::Result<()> {
        let once =
            Once { epoch: self.begin.epoch, at: self.at.to_string(), dir: self.dir.display().to_string() };
        let all: Vec<&Once> = self.register.iter().chain([&once]).collect();
        let written = RealDisk.write_atomically(&self.from.join(REGISTER), &serde_json::to_vec_pretty(&all)?);
        match written {
            Err(error) if self.keeps_register => Err(anyhow::Error::from(error).context(format!(
                "that it is restored cannot be noted in {}: make it writable, or name the epoch with --epoch, greater \
                 than every one that a restore of this installation began",
                self.from.display()
            ))),
            _ => Ok(()),
        }
    }

    /// The store, in its new epoch before it has its name.
    fn store(&self) -> anyhow::Result<()> {
        let path = self.dir.join(STORE);
        let folder = path.parent().unwrap_or(self.dir);
        RealDisk.create_dir_all(folder)?;
        for entry in RealDisk.list(folder)? {
            RealDisk.remove(&folder.join(entry.name))?; // of a restore that was cut off
        }
        let beside = folder.join(".toek.db.part");
        let file = self.manifest.files.iter().find(|file| file.path == STORE);
        let file = file.context("the backup has no store")?;
        copied(self.from, self.dir, Path::new(STORE))?;
        RealDisk.rename(&path, &beside)?;
        if super::backup::described(folder, Path::new(".toek.db.part"))?.sha256 != file.sha256 {
            bail!("{STORE} changed while it was copied");
        }
        let store = Store::open_inline(&beside)?;
        let Begin { epoch, jump, endpoints, pictured_at, at } = &self.begin;
        let endpoints = endpoints.clone();
        let begin = Begin { epoch: *epoch, jump: *jump, endpoints, pictured_at: *pictured_at, at: *at };
        store.write_blocking(begin)?;
        store.fold()?;
        drop(store);
        RealDisk.sync_dir(folder)?;
        RealDisk.rename(&beside, &path)?;
        Ok(RealDisk.sync_dir(folder)?)
    }

    /// Folders of endpoints on this machine that are not there.
    fn make_folders(&self) -> anyhow::Result<()> {
        for folder in super::init::missing_folders(self.dir, &self.installation)? {
            RealDisk.create_dir_all(&self.dir.join(folder))?;
        }
        Ok(())
    }

    fn tell(&self, context: &Context, dry_run: bool) -> anyhow::Result<()> {
        let Begin { epoch, jump, endpoints, .. } = &self.begin;
        let printer = &context.printer;
        if printer.is_json() {
            return printer.value(&Told {
                dir: self.dir,
                dry_run,
                backed_up: &self.manifest.at,
                epoch: *epoch,
                files: self.manifest.files.len(),
                transfers_skipped: jump.transfers,
                held: endpoints,
            });
        }
        let word = if dry_run { "would be restored" } else { "is restored" };
        printer.line(format!(
            "{} {word} as it was at {}: {} files, epoch {epoch}; {} transfer numbers are skipped",
            self.dir.display(),
            self.manifest.at,
            self.manifest.files.len(),
            jump.transfers
        ));
        printer.line(format!(
            "nothing is sent to {} until what left since then is known: `toek endpoints list`",
            endpoints.join(", ")
        ));
        Ok(())
    }
}

fn register(from: &Path) -> anyhow::Result<Vec<Once>> {
    let path = from.join(REGISTER);
    match RealDisk.exists(&path)? {
        false => Ok(Vec::new()),
        true => serde_json::from_slice(&RealDisk.read(&path)?).with_context(|| path.display().to_string()),
    }
}

/// A directory must be empty but for endpoints' folders, or hold nothing but a beginning of this same restore.
fn refuse_what_is_there(dir: &Path, sum: &str) -> anyhow::Result<()> {
    let shown = dir.display();
    if !RealDisk.exists(dir)? {
        return Ok(());
    }
    let marker = dir.join(UNFINISHED);
    if RealDisk.exists(&marker)? {
        if RealDisk.read(&marker)? == sum.as_bytes() {
            return Ok(());
        }
        bail!("{shown} holds an unfinished restore of another backup: name another directory");
    }
    for path in [MAIN_FILE, STORE, ARCHIVE, KEY, MANIFEST] {
        if RealDisk.exists(&dir.join(path))? {
            bail!("{shown} holds something already, {path}: a restore never writes over an installation");
        }
    }
    Ok(())
}

fn key(command: &Restore, manifest: &Manifest) -> anyhow::Result<Vec<u8>> {
    if let Some(path) = &command.key {
        return Ok(RealDisk.read(path)?);
    }
    match manifest.files.iter().any(|file| file.path == KEY) {
        true => Ok(RealDisk.read(&command.from.join(KEY))?),
        false => bail!("the backup is without the installation's key: name it with --key"),
    }
}

/// Whether a key opens the first transfer that has one to open.
fn opens_archive(store: &Store, key: &Key) -> anyhow::Result<bool> {
    let mut last = TransferNo(0);
    loop {
        let page = store.read(|tx| transfer::after(tx, last))?;
        let Some(end) = page.last() else { return Ok(true) };
        last = end.no;
        if let Some(wrapped) = page.iter().find_map(|transfer| transfer.data_key.as_deref()) {
            return Ok(key.unwrap_key(wrapped).is_ok());
        }
    }
}
