//! Commands that change a file of the installation, with its history. They do it themselves, under the installation's
//! lock: a running `serve` has the files as they were when it started, so while one runs they refuse. The change counts
//! from the next start on.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::json;
use toek_adapters::disk::RealDisk;
use toek_formats::vocabulary::MunicipalityCode;

use super::installation::{self, Open, text_of};
use super::{Colour, Context, Outcome, block_on, remote};
use crate::config::{ConfigError, Installation};
use crate::domain::calendar::copenhagen;
use crate::domain::change::Change;
use crate::domain::people::Role;
use crate::history::{Approval, Became, Entry, History, Wanted};
use crate::pipelines::Silent;
use crate::store::people_log::{Add, Log};

/// An installation that is being changed, and by whom.
pub(super) struct Changing {
    open: Open,
    pub(super) who: String,
    at: Timestamp,
}

/// Takes the lock, and finds out who asks.
pub(super) fn begin(context: &Context, reason: &str) -> anyhow::Result<Changing> {
    if reason.trim().is_empty() {
        bail!("`--reason` must say why");
    }
    let open = installation::open_to_change(context, &context.dir, Arc::new(Silent))?;
    let open = open.with_context(|| {
        let at_work = installation::is_taken(&context.dir);
        format!(
            "{at_work}; a running `serve` must be stopped first, and reads the files when it starts again"
        )
    })?;
    let who = block_on(async { remote::person(context, &open) })??.to_string();
    let at = open.clock.now(context);
    Ok(Changing { open, who, at })
}

impl Changing {
    /// Whether they may, by `users.toml`.
    pub(super) fn authorize(&self, role: Role, municipality: Option<MunicipalityCode>) -> anyhow::Result<()> {
        Ok(self.open.hub.installation.users.check_reach(&self.who, role, municipality)?)
    }

    /// Now, for entries.
    pub(super) fn at(&self) -> String {
        self.at.to_string()
    }

    /// Notes in the log of commands what they are about to do.
    pub(super) fn note(&self, act: &str, subject: String) -> anyhow::Result<()> {
        let (act, who, at) = (act.to_owned(), self.who.clone(), self.at.as_microsecond());
        Ok(self.open.hub.store.write_blocking(Add { log: Log::Commands, at, who, act, subject })?)
    }

    /// Makes a change that was found right, by a proposer and an approver where it takes two.
    pub(super) fn make(
        &self,
        planned: &Planned<'_>,
        by: (&str, &str),
        approved: Option<Approval>,
    ) -> anyhow::Result<Entry> {
        let wanted = Wanted {
            file: planned.file,
            before: &planned.before,
            after: &planned.after,
            at: self.at(),
            by: by.0.to_owned(),
            reason: by.1.to_owned(),
            approved,
            changes: planned.changes.clone(),
        };
        Ok(History::of(&RealDisk, &self.open.hub.dir).change(wanted)?)
    }
}

/// A change that is not made yet.
pub(super) struct Planned<'a> {
    pub(super) file: &'a str,
    pub(super) before: String,
    pub(super) after: String,
    pub(super) changes: Vec<Change>,
}

/// The whole installation as it would be with another text in one of its files.
pub(super) fn with_text(dir: &Path, file: &str, text: &str) -> Result<Installation, Vec<ConfigError>> {
    let changed = dir.join(file);
    Installation::load(&|path| if path == changed { Ok(text.to_owned()) } else { text_of(path) }, dir)
}

/// The day, by the installation's clock.
pub(super) fn today(context: &Context, installation: &Installation) -> anyhow::Result<Date> {
    let clock = installation::open_clock(context, &context.dir, installation.clock)?;
    Ok(copenhagen(clock.now(context)).date())
}

/// Tells what is wrong with the installation, a line or an object each.
pub(super) fn tell_mistakes(context: &Context, errors: &[ConfigError]) -> anyhow::Result<Outcome> {
    for error in errors {
        let ConfigError { file, place, key, value, rule } = error;
        match context.printer.is_json() {
            true => context.printer.value(&json!({ "error": {
                "file": file, "line": place.map(|place| place.line), "key": key, "value": value, "rule": rule,
            }}))?,
            false => context.printer.line(error.to_string()),
        }
    }
    Ok(Outcome::Wrong)
}

/// Tells what would be, or is, another: by subject, a line per field.
pub(super) fn tell_changes(context: &Context, changes: &[Change]) -> anyhow::Result<()> {
    let printer = &context.printer;
    if printer.is_json() {
        return changes.iter().try_for_each(|change| printer.value(&json!({ "change": change })));
    }
    for (n, Change { subject, field, was, becomes }) in changes.iter().enumerate() {
        if n == 0 || changes[n - 1].subject != *subject {
            printer.line(printer.paint(Colour::Bold, subject));
        }
        let said = |value: &Option<String>| value.clone().unwrap_or_else(|| "(none)".to_owned());
        printer.line(format!("    {field}: {} -> {}", said(was), said(becomes)));
    }
    Ok(())
}

/// Tells the changes of a file that are about something, oldest first.
pub(super) fn tell_history(
    context: &Context,
    file: &str,
    is_about: impl Fn(&Change) -> bool,
) -> anyhow::Result<Outcome> {
    let printer = &context.printer;
    for (entry, became) in History::of(&RealDisk, &context.dir).entries(file)? {
        let changes: Vec<Change> = entry.changes.iter().filter(|change| is_about(change)).cloned().collect();
        if changes.is_empty() {
            continue;
        }
        if printer.is_json() {
            printer.value(&json!({ "became": became, "entry": Entry { changes, ..entry } }))?;
            continue;
        }
        let approved = entry.approved.as_ref();
        let approved = approved.map(|second| format!("; approved by {}: {}", second.by, second.reason));
        let became = match became {
            Became::Made => "",
            Became::Undone => "; it did not come about, or another hand put the file back",
            Became::EditedSince => "; another hand changed the file afterwards",
        };
        let Entry { no, at, by, reason, before, .. } = &entry;
        let (approved, kept) = (approved.unwrap_or_default(), before.get(..12).unwrap_or(before));
        printer.line(format!("{file} change {no}, {at}, {by}: {reason}{approved}{became} (before: {kept}…)"));
        tell_changes(context, &changes)?;
    }
    Ok(Outcome::Done)
}
