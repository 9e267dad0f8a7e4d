//! Commands that change anything: done here while nobody else holds the installation, else by the `serve` that does.

use std::path::Path;
use std::sync::Arc;

use anyhow::bail;

use super::installation::{self, Access, Open};
use super::{Context, Printer, block_on};
use crate::config::ClockKind;
use crate::pipelines::Progress;
use crate::serve::commands::{Answer, Command};
use crate::serve::person::Person;
use crate::serve::{self, socket};
use crate::store::people_log::{Add, Log};
use toek_adapters::disk::RealDisk;

/// Has a command carried out, and gives what became of it.
pub(super) fn perform(context: &Context, command: &Command) -> anyhow::Result<Answer> {
    let progress: Arc<dyn Progress> =
        Arc::new(Printer::new(context.printer.is_json(), context.printer.is_quiet()));
    // One who may ask a running `serve` need not be one who may open the installation.
    if context.at.is_none()
        && let Some(reply) = block_on(socket::ask(&context.dir, command, context.name.as_deref()))??
    {
        return reply.map_err(failure);
    }
    let reply = match installation::open_to_change(context, &context.dir, progress)? {
        Some(open) => alone(context, &open, command)?,
        None => through_serve(context, command)?,
    };
    reply.map_err(failure)
}

fn alone(context: &Context, open: &Open, command: &Command) -> anyhow::Result<socket::Reply> {
    if let (Some(at), Command::Run { .. }) = (context.at, command) {
        open.clock.set(at)?; // a simulated clock goes on from there
    }
    block_on(async {
        let who = person(context, open)?;
        Ok(serve::perform(&open.hub, &who, command).await)
    })?
}

/// Who asks: in a rehearsal whoever is named, else the account of the machine. Needs a running runtime.
pub(super) fn person(context: &Context, open: &Open) -> anyhow::Result<Person> {
    let who = Person::here(&RealDisk)?;
    match &context.name {
        Some(_) if open.hub.installation.clock != ClockKind::Simulated => {
            bail!("--as is for rehearsals: the clock of this installation is the machine's")
        }
        Some(name) => Ok(Person { name: Some(name.clone()), ..who }),
        None => Ok(who),
    }
}

fn through_serve(context: &Context, command: &Command) -> anyhow::Result<socket::Reply> {
    if context.at.is_some() {
        bail!("--at is not for an installation that another toek is at work on");
    }
    match block_on(socket::ask(&context.dir, command, context.name.as_deref()))?? {
        Some(reply) => Ok(reply),
        None => bail!(installation::is_taken(&context.dir)),
    }
}

/// A failure as it is told here, whoever had it.
fn failure(causes: Vec<String>) -> anyhow::Error {
    let mut causes = causes.into_iter().rev();
    let root = anyhow::Error::msg(causes.next().unwrap_or_default());
    causes.fold(root, |error, cause| error.context(cause))
}

/// Notes that somebody looks at something about persons, before it is shown: what cannot be noted is not shown.
pub(super) fn note_reading(context: &Context, open: &Open, act: &str, subject: &str) -> anyhow::Result<()> {
    let command = Command::NoteReading { act: act.to_owned(), subject: subject.to_owned() };
    let noted = match block_on(socket::ask(&context.dir, &command, None))? {
        Ok(Some(reply)) => reply.map(|_| ()).map_err(failure),
        Ok(None) => append(&context.dir, open, act, subject),
        Err(error) => Err(error.into()),
    };
    noted
        .map_err(|error| error.context("it is not shown, because that it is cannot be noted in the read log"))
}

fn append(dir: &Path, open: &Open, act: &str, subject: &str) -> anyhow::Result<()> {
    let who = block_on(async { Person::here(&RealDisk) })??;
    let entry = Add {
        log: Log::Reads,
        at: open.hub.clock.micros(),
        who: who.to_string(),
        act: act.to_owned(),
        subject: subject.to_owned(),
    };
    Ok(installation::store_to_append(dir)?.write_blocking(entry)?)
}

/// The same for a command that may be used without any installation: then there is no log, and nobody's data in it.
pub(super) fn note_reading_if_installed(context: &Context, act: &str, subject: &str) -> anyhow::Result<()> {
    if !installation::has_store(&context.dir)? {
        return Ok(());
    }
    note_reading(context, &installation::open(context, Access::Read)?, act, subject)
}
