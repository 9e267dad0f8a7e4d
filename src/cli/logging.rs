//! Where the log goes. Trouble with it is told once on standard error and stops nothing.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use clap::{Args, ValueEnum};
use toek_adapters::disk::{DiskFile, RealDisk};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// What the log tells, how and where.
#[derive(Debug, Args)]
pub(super) struct LogOptions {
    /// How the log is written.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    log_format: LogFormat,
    /// Add the log to this file [default: standard error].
    #[arg(long, global = true, value_name = "FILE")]
    log_file: Option<PathBuf>,
    /// What is logged, such as `debug` or `toek=trace,russh=warn` [default: info for serve, else error].
    #[arg(long, global = true, env = "TOEK_LOG", value_name = "FILTER", value_parser = filter)]
    log_filter: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// A line per event, for people.
    Text,
    /// A JSON object per line, for programs.
    Json,
}

fn filter(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

/// Begins to log; `default` is what is logged when nothing else is asked for.
pub(super) fn start(options: &LogOptions, default: &str) {
    let filter = EnvFilter::new(options.log_filter.as_deref().unwrap_or(default));
    let writer = Careful::new(options.log_file.as_deref());
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(writer);
    let begun = match options.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    if let Err(error) = begun {
        complain(&format!("there is no log: {error}"));
    }
}

fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "warning: {text}"); // nowhere left to tell that telling failed
}

/// Writes the log, and never fails: what cannot be written is lost, and that it is, is told once.
struct Careful {
    file: Option<Mutex<Box<dyn DiskFile>>>,
    has_complained: AtomicBool,
}

impl Careful {
    fn new(path: Option<&Path>) -> Careful {
        let opened = path.map(|path| RealDisk.append(path));
        if let Some(Err(error)) = &opened {
            complain(&format!("the log goes to standard error: {}", crate::pipelines::chain(error)));
        }
        let file = opened.and_then(Result::ok).map(Mutex::new);
        Careful { file, has_complained: AtomicBool::new(false) }
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<()> {
        match &self.file {
            Some(file) => file.lock().unwrap_or_else(PoisonError::into_inner).write_all(bytes),
            None => io::stderr().lock().write_all(bytes),
        }
    }
}

impl Write for &Careful {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Err(error) = self.try_write(bytes)
            && !self.has_complained.swap(true, Ordering::Relaxed)
        {
            complain(&format!("the log cannot be written, and what it would say is lost: {error}"));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Careful {
    type Writer = &'a Careful;

    fn make_writer(&'a self) -> &'a Careful {
        self
    }
}
