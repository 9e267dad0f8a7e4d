//! `toek replay`: plays a folder of files into the places where a hub looks for them, at the pace at which they came.
//!
//! Each appears whole, under its own name, or not at all; nothing is overwritten.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use jiff::{SignedDuration, Span, SpanRelativeTo};
use serde::Deserialize;
use toek_adapters::disk::{Disk, RealDisk, temporary_beside};
use toek_adapters::drop::is_unfinished;

use super::{Context, Outcome, block_on};
use crate::pipelines::Progress;

/// Play a folder of files into a drop, with their timing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  toek -C my-hub replay recorded/ --endpoint ksd --speed 60     into an endpoint's folder, a minute a second
  toek replay recorded/ --to my-partners/case/KSD/outgoing      for a case system of `toek partner` to deliver
  toek replay recorded/ --to /tmp/drop --dry-run                say what would come when

A file `replay.toml` in the folder says when each comes, counted from the start:
  [[file]]
  name = \"a.g68\"
  after = \"10m\"        # not given: at once
  to = \"0751\"          # folder below the target; not given: the target
Without it the files' own times tell, the first coming at once.")]
pub(super) struct Replay {
    /// The folder with the files.
    folder: PathBuf,
    /// The folder they are played into.
    #[arg(long, value_name = "DIR", conflicts_with = "endpoint", required_unless_present = "endpoint")]
    to: Option<PathBuf>,
    /// The endpoint of the installation they are played into.
    #[arg(long, value_name = "NAME")]
    endpoint: Option<String>,
    /// How many times faster than it was; 0 plays all at once.
    #[arg(long, default_value_t = 1, value_name = "N")]
    speed: u32,
    /// Say what would come when, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

const SCORE: &str = "replay.toml";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Score {
    #[serde(default)]
    file: Vec<ScoreLine>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScoreLine {
    name: String,
    after: Option<String>,
    to: Option<String>,
}

/// One file and when it comes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    after: SignedDuration,
    name: String,
    to: String,
}

pub(super) fn run(context: &Context, command: &Replay) -> anyhow::Result<Outcome> {
    let target = target(context, command)?;
    let entries = read_plan(&command.folder)?;
    if command.dry_run {
        for entry in &entries {
            let at = scaled(entry.after, command.speed);
            context.printer.line(format!("{at:#}  {}", target.join(&entry.to).join(&entry.name).display()));
        }
        return Ok(Outcome::Done);
    }
    let played = block_on(play(context, command, &target, &entries))??;
    context.printer.finish_progress();
    context.printer.line(format!("{played} of {} files played into {}", entries.len(), target.display()));
    Ok(if played == entries.len() { Outcome::Done } else { Outcome::Wrong })
}

fn target(context: &Context, command: &Replay) -> anyhow::Result<PathBuf> {
    match (&command.to, &command.endpoint) {
        (Some(to), _) => Ok(to.clone()),
        (None, name) => {
            let name = name.as_deref().unwrap_or_default();
            let installation = super::installation::load(&context.dir)?;
            let endpoint = installation.endpoint(name);
            let endpoint = endpoint.with_context(|| format!("the installation has no endpoint `{name}`"))?;
            let incoming = endpoint.incoming.clone();
            let incoming = incoming.with_context(|| format!("nothing is fetched from endpoint `{name}`"))?;
            Ok(context.dir.join(&endpoint.path).join(incoming))
        }
    }
}

fn read_plan(folder: &Path) -> anyhow::Result<Vec<Entry>> {
    let score = folder.join(SCORE);
    let mut entries = match RealDisk.exists(&score)? {
        true => by_score(&RealDisk.read_text(&score)?, &score)?,
        false => by_time(folder)?,
    };
    entries.sort_by(|a, b| (a.after, &a.name).cmp(&(b.after, &b.name)));
    Ok(entries)
}

fn by_score(text: &str, path: &Path) -> anyhow::Result<Vec<Entry>> {
    let score: Score = toml::from_str(text).with_context(|| path.display().to_string())?;
    score.file.into_iter().map(|line| entry(line).with_context(|| path.display().to_string())).collect()
}

fn entry(line: ScoreLine) -> anyhow::Result<Entry> {
    let to = line.to.unwrap_or_default();
    let leads_away = |path: &str| path.split('/').any(|part| part == "..") || path.starts_with('/');
    if leads_away(&to) || line.name.contains('/') || is_unfinished(&line.name) {
        bail!("`{}` into `{to}`: names stay below the folder and the target", line.name);
    }
    let span: Span = match &line.after {
        Some(text) => text.parse().with_context(|| format!("`{}`: after = `{text}`", line.name))?,
        None => Span::new(),
    };
    let after = span.to_duration(SpanRelativeTo::days_are_24_hours())?;
    if after.is_negative() {
        bail!("`{}` cannot come before the start", line.name);
    }
    Ok(Entry { after, name: line.name, to })
}

fn by_time(folder: &Path) -> anyhow::Result<Vec<Entry>> {
    let mut files = RealDisk.list(folder)?;
    files.retain(|file| !file.is_dir && !is_unfinished(&file.name));
    let first = files.iter().map(|file| file.modified_micros).min().unwrap_or(0);
    let entry = |file: &toek_adapters::disk::DirEntry| Entry {
        after: SignedDuration::from_micros(file.modified_micros - first),
        name: file.name.clone(),
        to: String::new(),
    };
    Ok(files.iter().map(entry).collect())
}

/// How long it takes at this speed; nothing at speed 0.
fn scaled(after: SignedDuration, speed: u32) -> SignedDuration {
    i32::try_from(speed).ok().and_then(|speed| after.checked_div(speed)).unwrap_or(SignedDuration::ZERO)
}

async fn play(
    context: &Context,
    command: &Replay,
    target: &Path,
    entries: &[Entry],
) -> anyhow::Result<usize> {
    let mut waited = SignedDuration::ZERO;
    let mut played = 0;
    for (place, entry) in (1..).zip(entries) {
        let at = scaled(entry.after, command.speed);
        tokio::time::sleep((at - waited).unsigned_abs()).await;
        waited = at;
        let to = target.join(&entry.to).join(&entry.name);
        match put(&command.folder.join(&entry.name), &to) {
            Ok(()) => played += 1,
            Err(error) => context.printer.note(format!("{}: {error:#}", entry.name)),
        }
        context.printer.at("replay", place, entries.len() as u64);
    }
    Ok(played)
}

/// The file appears whole under its name, or not at all.
fn put(from: &Path, to: &Path) -> anyhow::Result<()> {
    if RealDisk.exists(to)? {
        bail!("{} is there already", to.display());
    }
    RealDisk.create_dir_all(to.parent().unwrap_or(Path::new(".")))?;
    let temporary = temporary_beside(to);
    let mut source = RealDisk.open(from)?;
    let mut sink = RealDisk.create(&temporary)?;
    io::copy(&mut source, &mut sink).with_context(|| format!("write {}", temporary.display()))?;
    RealDisk.rename(&temporary, to)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(text: &str) -> Result<Vec<Entry>, String> {
        by_score(text, Path::new("replay.toml")).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_score_says_what_comes_when_and_where() {
        let text = "[[file]]\nname = \"a\"\nafter = \"1h 30m\"\nto = \"0751\"\n[[file]]\nname = \"b\"";
        let entries = score(text).unwrap();
        let of = |after, name: &str, to: &str| Entry { after, name: name.to_owned(), to: to.to_owned() };
        assert_eq!(
            entries,
            [of(SignedDuration::from_mins(90), "a", "0751"), of(SignedDuration::ZERO, "b", "")]
        );
        assert_eq!(scaled(entries[0].after, 90), SignedDuration::from_mins(1));
        assert_eq!(scaled(entries[0].after, 0), SignedDuration::ZERO);
    }

    #[test]
    fn a_score_that_leads_away_or_makes_no_sense_is_refused() {
        let table = [
            ("name = \"../a\"", "names stay below"),
            ("name = \"a\"\nto = \"/tmp\"", "names stay below"),
            ("name = \"a\"\nto = \"b/../../c\"", "names stay below"),
            ("name = \".a.part\"", "names stay below"),
            ("name = \"a\"\nafter = \"soon\"", "`a`: after = `soon`"),
            ("name = \"a\"\nafter = \"-1m\"", "before the start"),
            ("names = \"a\"", "unknown field"),
        ];
        for (line, expected) in table {
            let error = score(&format!("[[file]]\n{line}")).unwrap_err();
            assert!(error.contains("replay.toml") && error.contains(expected), "{line}: {error}");
        }
    }
}
