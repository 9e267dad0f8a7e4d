//! Where everything a command says goes out: data to standard output, the rest to standard error, colours and bars only
//! on a terminal.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::pipelines::Progress;

/// A colour for words on a terminal.
#[derive(Clone, Copy, Debug)]
pub enum Colour {
    /// Good.
    Green,
    /// Wrong.
    Red,
    /// Look here.
    Yellow,
    /// Less important.
    Dim,
    /// A heading.
    Bold,
}

/// See the module.
pub struct Printer {
    json: bool,
    quiet: bool,
    colours: bool,
    bar: Mutex<Option<(String, ProgressBar)>>,
}

impl Printer {
    /// Colours when standard output is a terminal and `NO_COLOR` is not set.
    pub fn new(json: bool, quiet: bool) -> Printer {
        let colours = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Printer { json, quiet, colours, bar: Mutex::new(None) }
    }

    /// Whether programs read the output.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether only the result is wanted.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// A line of data. A reader that went away (`| head`) ends the program quietly.
    pub fn line(&self, text: impl AsRef<str>) {
        let mut out = io::stdout().lock();
        let written = out.write_all(text.as_ref().as_bytes()).and_then(|()| out.write_all(b"\n"));
        if written.is_err_and(|e| e.kind() == io::ErrorKind::BrokenPipe) {
            std::process::exit(0);
        }
    }

    /// A value as one line of JSON.
    pub fn value(&self, value: &impl Serialize) -> anyhow::Result<()> {
        self.line(serde_json::to_string(value)?);
        Ok(())
    }

    /// A note about what is being done, not part of the result.
    pub fn note(&self, text: impl AsRef<str>) {
        if !self.quiet {
            self.to_stderr(text.as_ref());
        }
    }

    /// An error with its causes.
    pub fn error(&self, error: &anyhow::Error) {
        let word = self.paint(Colour::Red, "error");
        let mut text = format!("{word}: {error}");
        for cause in error.chain().skip(1) {
            text.push_str(&format!("\n  because {cause}"));
        }
        self.to_stderr(&text);
    }

    fn to_stderr(&self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{text}"); // nowhere left to tell that telling failed
    }

    /// A word in a colour, where there are colours.
    pub fn paint(&self, colour: Colour, text: &str) -> String {
        if !self.colours {
            return text.to_owned();
        }
        let code = match colour {
            Colour::Green => "32",
            Colour::Red => "31",
            Colour::Yellow => "33",
            Colour::Dim => "2",
            Colour::Bold => "1",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// A heading.
    pub fn heading(&self, text: &str) {
        self.line(format!("\n{}", self.paint(Colour::Bold, text)));
    }

    /// Takes a progress bar away.
    pub fn finish_progress(&self) {
        if let Some((_, bar)) = self.bar.lock().unwrap_or_else(PoisonError::into_inner).take() {
            bar.finish_and_clear();
        }
    }
}

impl Progress for Printer {
    fn at(&self, what: &str, done: u64, total: u64) {
        if self.quiet || !io::stderr().is_terminal() {
            return;
        }
        let mut guard = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = guard.as_ref().is_some_and(|(known, _)| known == what);
        if !fits {
            if let Some((_, old)) = guard.take() {
                old.finish_and_clear();
            }
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{msg:32!} {bar:30} {human_pos}/{human_len} {eta}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_message(what.to_owned());
            *guard = Some((what.to_owned(), bar));
        }
        if let Some((_, bar)) = guard.as_ref() {
            bar.set_length(total);
            bar.set_position(done);
        }
        if done >= total
            && let Some((_, bar)) = guard.take()
        {
            bar.finish_and_clear();
        }
    }
}
