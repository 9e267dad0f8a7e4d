//! `toek release-clock`: a person believes the clock again.

use clap::Args;

use super::remote;
use super::{Context, Outcome};
use crate::serve::commands::{Answer, Command};

/// Send again after the clock had jumped.
#[derive(Debug, Args)]
#[command(after_help = "\
A clock that jumps backwards, or ahead by more than `clock_jump` of toek.toml, holds sending: `toek status` shows it.
Look at the machine's clock first. A clock that is right again for ten minutes needs no release.

Example:
  toek -C my-hub release-clock")]
pub(super) struct ReleaseClock {}

pub(super) fn run(context: &Context, _command: &ReleaseClock) -> anyhow::Result<Outcome> {
    let answer = remote::perform(context, &Command::ReleaseClock)?;
    let Answer::Released { doubted } = answer else { anyhow::bail!("an answer to another question came") };
    if context.printer.is_json() {
        context.printer.value(&serde_json::json!({ "doubted": doubted }))?;
        return Ok(Outcome::Done);
    }
    context.printer.line(match doubted {
        Some(why) => format!("the clock is believed again; it had been doubted: {why}"),
        None => "the clock was not doubted".to_owned(),
    });
    Ok(Outcome::Done)
}
