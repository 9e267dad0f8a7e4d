//! `toek completions`: what a shell needs to complete the command line.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Arguments, Context, Outcome};

/// Completions for a shell.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  toek completions bash > ~/.local/share/bash-completion/completions/toek")]
pub(super) struct Completions {
    /// Which shell.
    shell: Shell,
}

pub(super) fn run(context: &Context, command: &Completions) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(command.shell, &mut Arguments::command(), "toek", &mut script);
    context.printer.line(String::from_utf8(script)?.trim_end());
    Ok(Outcome::Done)
}
