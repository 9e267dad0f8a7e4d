//! `toek backup`: everything at one moment, in a directory that says of itself what it holds.
//!
//! The store first, as it is at one moment; then the files that it says are archived, which never change; then the
//! configuration. Written beside under another name, synced, read back, and renamed at the very end: half a backup is
//! never taken for one.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use toek_adapters::disk::{Disk, DiskError, RealDisk};
use toek_adapters::drop::is_unfinished;

use super::installation::{ARCHIVE, Access, CLOCK, KEY, MANIFEST, Open, STORE, open, text_of};
use super::quarantine::hex;
use super::{Context, Outcome};
use crate::config::{EndpointKind, Installation};
use crate::domain::identity::TransferNo;
use crate::history::History;
use crate::pipelines::Progress;
use crate::store::archive::Archive;
use crate::store::{Store, restore, transfer};

/// A copy of everything at one moment.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  toek -C my-hub backup /backups/2026-02-02
  toek -C my-hub backup /backups/2026-02-02 --dry-run
  toek -C my-hub backup /backups/with-key --with-key

`serve` may run meanwhile; nothing waits. Without --with-key no key is in it: keep keys/installation.key elsewhere, for
without it nothing of the archive can be read, and restore asks for it. With the key, whoever has the backup can read
every file that ever came.")]
pub(super) struct Backup {
    /// The directory to be made; it must not be there.
    #[arg(value_name = "TO")]
    to: PathBuf,
    /// Put the keys in: the installation's, and those for SFTP servers.
    #[arg(long)]
    with_key: bool,
    /// Say what would be copied, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Item {
    /// Below the directory, with `/` between.
    pub(super) path: String,
    pub(super) size: u64,
    pub(super) sha256: String,
}

/// What a backup says it holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// The form of this file.
    pub(super) form: u32,
    pub(super) made_by: String,
    pub(super) installation: String,
    pub(super) schema: i64,
    pub(super) epoch: i64,
    /// The instant of the store's picture.
    pub(super) at: String,
    pub(super) with_key: bool,
    pub(super) files: Vec<Item>,
}

pub(super) const FORM: u32 = 1;
/// Of the manifest's own bytes.
pub(super) const MANIFEST_SUM: &str = "MANIFEST.sha256";
/// Lies in a backup that is being made, so that what is swept away is known to be ours.
const BEGUN: &str = "backup.unfinished";

#[derive(Serialize)]
struct Told<'a> {
    backup: &'a Path,
    dry_run: bool,
    with_key: bool,
    files: usize,
    bytes: u64,
    epoch: i64,
}

pub(super) fn run(context: &Context, command: &Backup) -> anyhow::Result<Outcome> {
    let open = open(context, Access::Read)?;
    let to = &command.to;
    if RealDisk.exists(to)? {
        bail!("{} is there already: a backup is never written over", to.display());
    }
    let configuration = configuration(&open, command.with_key)?;
    if command.dry_run {
        let archived = archived(&open.hub.store)?;
        let mut bytes = size_of(&open.hub.dir.join(STORE))?;
        for path in archived.iter().chain(&configuration) {
            bytes += size_of(&open.hub.dir.join(path))?;
        }
        let files = archived.len() + configuration.len() + 1;
        let epoch = open.hub.store.read(restore::epoch)?;
        return tell(context, command, files, bytes, epoch);
    }
    let beside = begin(to)?;
    let manifest = write(context, &open, command, &beside, &configuration)?;
    context.printer.finish_progress();
    end(&beside, to, &manifest)?;
    let bytes = manifest.files.iter().map(|file| file.size).sum();
    tell(context, command, manifest.files.len(), bytes, manifest.epoch)
}

fn size_of(path: &Path) -> anyhow::Result<u64> {
    Ok(RealDisk.entry(path)?.map_or(0, |entry| entry.size))
}

fn tell(
    context: &Context,
    command: &Backup,
    files: usize,
    bytes: u64,
    epoch: i64,
) -> anyhow::Result<Outcome> {
    let Backup { to, with_key, dry_run } = command;
    if context.printer.is_json() {
        let told = Told { backup: to, dry_run: *dry_run, with_key: *with_key, files, bytes, epoch };
        context.printer.value(&told)?;
        return Ok(Outcome::Done);
    }
    let word = if *dry_run { "would be copied to" } else { "copied to" };
    let key =
        if *with_key { "with its keys" } else { "without any key: keep keys/installation.key elsewhere" };
    context.printer.line(format!("{files} files, {bytes} bytes {word} {}, {key}", to.display()));
    Ok(Outcome::Done)
}

/// The files that make the installation what it is, besides store and archive.
fn configuration(open: &Open, with_key: bool) -> anyhow::Result<Vec<PathBuf>> {
    let dir = &open.hub.dir;
    let asked: RefCell<BTreeSet<PathBuf>> = RefCell::default();
    let read = |path: &Path| {
        let text = text_of(path)?;
        asked.borrow_mut().insert(path.strip_prefix(dir).unwrap_or(path).to_owned());
        Ok(text)
    };
    if Installation::load(&read, dir).is_err() {
        bail!("the installation's files have mistakes: `toek check` shows them");
    }
    let mut files = asked.into_inner();
    let mut more = vec![PathBuf::from(CLOCK)];
    if with_key {
        more.push(PathBuf::from(KEY));
        more.extend(open.hub.installation.endpoints.iter().filter_map(|endpoint| match &endpoint.kind {
            EndpointKind::Sftp(access) => Some(access.key.clone()),
            EndpointKind::Folder => None,
        }));
    }
    more.extend(History::of(&RealDisk, dir).files()?);
    for path in more {
        if path.is_relative() && RealDisk.exists(&dir.join(&path))? {
            files.insert(path);
        }
    }
    Ok(files.into_iter().collect())
}

/// The files of the archive that a store names as whole, below the installation's directory.
fn archived(store: &Store) -> anyhow::Result<Vec<PathBuf>> {
    let (mut paths, mut last) = (Vec::new(), TransferNo(0));
    loop {
        let page = store.read(|tx| transfer::after(tx, last))?;
        let Some(end) = page.last() else { return Ok(paths) };
        last = end.no;
        let whole = page.iter().filter(|transfer| transfer.sha256.is_some());
        paths.extend(whole.map(|transfer| Path::new(ARCHIVE).join(Archive::place_of(transfer.no))));
    }
}

/// Makes the directory that is written to; one that was cut off is swept first.
fn begin(to: &Path) -> anyhow::Result<PathBuf> {
    let mut name = to.file_name().context("TO must name a directory to be made")?.to_owned();
    name.push(".part");
    let beside = to.with_file_name(name);
    if RealDisk.exists(&beside)? {
        let has_begun = RealDisk.exists(&beside.join(BEGUN))? || RealDisk.exists(&beside.join(MANIFEST))?;
        let is_ours = has_begun || RealDisk.list(&beside)?.iter().all(|entry| is_unfinished(&entry.name));
        if !is_ours {
            bail!("{} is there and no unfinished backup: remove it first", beside.display());
        }
        sweep(&beside)?;
    }
    RealDisk.create_dir_all(&beside)?;
    RealDisk.write_atomically(&beside.join(BEGUN), b"")?;
    Ok(beside)
}

fn sweep(dir: &Path) -> anyhow::Result<()> {
    for entry in RealDisk.list(dir)? {
        let path = dir.join(&entry.name);
        match entry.is_dir {
            true => sweep(&path)?,
            false if entry.name == BEGUN => {}
            false => RealDisk.remove(&path)?,
        }
    }
    Ok(())
}

fn write(
    context: &Context,
    open: &Open,
    command: &Backup,
    beside: &Path,
    configuration: &[PathBuf],
) -> anyhow::Result<Manifest> {
    let printer = &context.printer;
    let at = open.clock.now(context);
    let copy = beside.join(STORE);
    RealDisk.create_dir_all(copy.parent().unwrap_or(beside))?;
    open.hub.store.copy_to(&copy, &mut |done, total| printer.at("store", done, total))?;
    let store = Store::open_sealed(&copy, || true)?;
    let archived = archived(&store)?;
    let (epoch, schema) = (store.read(restore::epoch)?, store.schema()?);
    drop(store);
    let mut files = vec![described(beside, Path::new(STORE))?];
    let total = (archived.len() + configuration.len()) as u64;
    for (done, path) in (1..).zip(archived.iter().chain(configuration)) {
        files.push(copied(&open.hub.dir, beside, path)?);
        printer.at("files", done, total);
    }
    Ok(Manifest {
        form: FORM,
        made_by: format!("toek {}", env!("CARGO_PKG_VERSION")),
        installation: open.hub.installation.id.clone(),
        schema,
        epoch,
        at: at.to_string(),
        with_key: command.with_key,
        files,
    })
}

/// Copies one file, synced. Gives what was copied.
pub(super) fn copied(from: &Path, to: &Path, path: &Path) -> anyhow::Result<Item> {
    let (source, target) = (from.join(path), to.join(path));
    let parent = target.parent().unwrap_or(to);
    if !RealDisk.exists(parent)? {
        RealDisk.create_dir_all(parent)?;
    }
    let is_secret = path.starts_with("keys");
    let mut hash = Sha256::new();
    let mut size = 0;
    if is_secret {
        let bytes = RealDisk.read(&source)?;
        RealDisk.write_secret(&target, &bytes)?;
        (hash, size) = (hash.chain_update(&bytes), bytes.len() as u64);
    } else {
        let (mut input, mut output) = (RealDisk.open(&source)?, RealDisk.create(&target)?);
        let mut block = vec![0; BLOCK];
        loop {
            let read = input.read(&mut block).map_err(|e| DiskError::new("read", &source, e))?;
            if read == 0 {
                break;
            }
            hash.update(&block[..read]);
            size += read as u64;
            output.write_all(&block[..read]).map_err(|e| DiskError::new("write", &target, e))?;
        }
        output.sync().map_err(|e| DiskError::new("sync", &target, e))?;
    }
    let path = path.to_str().context("a path that is no text cannot be backed up")?.to_owned();
    Ok(Item { path, size, sha256: hex(&hash.finalize()) })
}

const BLOCK: usize = 256 * 1024;

/// A file as it is now, read from end to end.
pub(super) fn described(dir: &Path, path: &Path) -> anyhow::Result<Item> {
    let whole = dir.join(path);
    let mut input = RealDisk.open(&whole)?;
    let (mut hash, mut size, mut block) = (Sha256::new(), 0, vec![0; BLOCK]);
    loop {
        let read = input.read(&mut block).map_err(|e| DiskError::new("read", &whole, e))?;
        if read == 0 {
            break;
        }
        hash.update(&block[..read]);
        size += read as u64;
    }
    let path = path.to_str().context("a path that is no text cannot be backed up")?.to_owned();
    Ok(Item { path, size, sha256: hex(&hash.finalize()) })
}

/// The first file that is not as the manifest says; all are read.
pub(super) fn first_difference(
    context: &Context,
    dir: &Path,
    manifest: &Manifest,
) -> anyhow::Result<Option<String>> {
    let total = manifest.files.len() as u64;
    for (done, file) in (1..).zip(&manifest.files) {
        if RealDisk.entry(&dir.join(&file.path))?.is_none_or(|entry| entry.is_dir) {
            return Ok(Some(format!("{} is missing", file.path)));
        }
        if described(dir, Path::new(&file.path))? != *file {
            return Ok(Some(format!("{} is not as it was written", file.path)));
        }
        context.printer.at("checked", done, total);
    }
    context.printer.finish_progress();
    Ok(None)
}

/// Every folder of the backup, deepest first.
pub(super) fn folders(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in RealDisk.list(dir)?.into_iter().filter(|entry| entry.is_dir) {
        found.extend(folders(&dir.join(entry.name))?);
    }
    found.push(dir.to_owned());
    Ok(found)
}

/// Reads back what was written, and gives it its name.
fn end(beside: &Path, to: &Path, manifest: &Manifest) -> anyhow::Result<()> {
    for file in &manifest.files {
        if described(beside, Path::new(&file.path))? != *file {
            bail!("{} does not read back as it was written: the disk cannot be trusted", file.path);
        }
    }
    let bytes = serde_json::to_vec_pretty(manifest)?;
    RealDisk.write_atomically(&beside.join(MANIFEST), &bytes)?;
    RealDisk.write_atomically(&beside.join(MANIFEST_SUM), hex(&Sha256::digest(&bytes)).as_bytes())?;
    RealDisk.remove(&beside.join(BEGUN))?;
    for folder in folders(beside)? {
        RealDisk.sync_dir(&folder)?;
    }
    RealDisk.rename(beside, to)?;
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
    Ok(RealDisk.sync_dir(parent.unwrap_or(Path::new(".")))?)
}
