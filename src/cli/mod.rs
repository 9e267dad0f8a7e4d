//! The command line: one file per command. Edges translate and do nothing else: only here does an error become an exit
//! code or a sentence. What a command finds goes to standard output, everything about it to standard error.

mod assortments;
mod backup;
mod balance;
mod bank;
mod blocks;
mod catalogue;
mod changing;
mod check;
mod completions;
mod demo;
mod duplicates;
mod endpoints;
mod generate;
mod init;
mod inspect;
mod installation;
mod logging;
mod mistake;
mod parameters;
mod partner;
mod payments;
mod printer;
mod quarantine;
mod read_log;
mod reconcile;
mod release_clock;
mod remote;
mod replay;
mod restore;
mod rules;
mod run;
mod schedule;
mod serve;
mod spreadsheet;
mod status;
mod steps;
mod story;
mod trace;
mod unknown;
mod validate;
mod verify;
mod vouchers;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};

use crate::seams::{Clock, Ids};
pub use printer::{Colour, Printer};

/// The file integration hub that carries out Danish municipal benefits.
#[derive(Debug, Parser)]
#[command(name = "toek", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Arguments {
    /// The installation's directory [default: the one you stand in].
    #[arg(long, short = 'C', global = true, env = "TOEK_DIR", value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Data for programs: JSON, or a JSON object per line, on standard output.
    #[arg(long, global = true)]
    json: bool,
    /// Pretend it is this instant (for installations whose clock is simulated), such as 2026-01-28T10:00:00Z.
    #[arg(long, global = true, value_name = "INSTANT")]
    at: Option<jiff::Timestamp>,
    /// Act in this name (for rehearsals, whose clock is simulated): in earnest it is the account that tells who you are.
    #[arg(long = "as", global = true, value_name = "NAME")]
    name: Option<String>,
    /// Neither progress bars nor notes on standard error.
    #[arg(long, short, global = true)]
    quiet: bool,
    #[command(flatten)]
    log: logging::LogOptions,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  toek demo                                  a whole payment day in a temporary directory
  toek demo --dir my-hub --payments 100000   the same, kept, and larger
  toek init my-hub && toek check my-hub      an installation of your own
  toek -C my-hub status                      what stands where
  toek -C my-hub trace P3-17                 the whole story of one payment
  toek validate file.g68                     every error of a file, under its line
  toek -C my-hub verify                      hold the store against all its invariants
  toek -C my-hub serve                       do what is due, until told to stop

Exit status: 0 done, 1 something is wrong (it says what), 2 the command line is wrong, 3 `serve` found another at
work.";

#[derive(Debug, Subcommand)]
enum Command {
    /// A payment day of all municipalities over SFTP, from generated files to booked answers, then checked independently.
    Demo(demo::Demo),
    /// Do what is due by the schedule, until told to stop.
    Serve(serve::Serve),
    /// When each pipeline runs next, and when it ran last.
    Schedule(schedule::Schedule),
    /// Send again after the machine's clock had jumped.
    ReleaseClock(release_clock::ReleaseClock),
    /// Places to which nothing is sent since a restore, and what was found there.
    #[command(subcommand)]
    Endpoints(endpoints::Endpoints),
    /// A copy of everything at one moment, to be restored from, also while `serve` runs.
    Backup(backup::Backup),
    /// Make an installation of a backup; nothing is sent until what left meanwhile is known.
    Restore(restore::Restore),
    /// Who looked at what that is about persons, or changed what.
    ReadLog(read_log::ReadLog),
    /// Make a new installation, or complete one.
    Init(init::Init),
    /// Check all files of an installation, its keys and folders, and with --connect its servers.
    Check(check::Check),
    /// The benefit catalogue: look at it, check it, export it to a spreadsheet, load it from one.
    #[command(subcommand)]
    Catalogue(catalogue::Catalogue),
    /// Deadlines, limits and choices: look at them, change them from a day on.
    #[command(subcommand)]
    Parameters(parameters::Command),
    /// Run one pipeline once: it finishes what was begun, then does what is due.
    Run(run::Run),
    /// What stands where: files, records, bundles, and what needs a person.
    Status(status::Status),
    /// By which rules money is posted: what is debited, what is credited, and when.
    Rules(rules::Rules),
    /// Every durable step of the hub, and what follows a crash at it.
    Steps(steps::Steps),
    /// The whole story of a payment, a bundle, a transfer or a file, by time.
    Trace(trace::Trace),
    /// Show what is in a file, field by field, with personal data masked.
    Inspect(inspect::Inspect),
    /// Check a file and draw every error under its line.
    Validate(validate::Validate),
    /// Make files for tests, with the expected outcome of every record.
    #[command(subcommand)]
    Generate(generate::Generate),
    /// Hold the store against all its invariants, and the archive against its hashes.
    Verify(verify::Verify),
    /// Files that wait for a person.
    #[command(subcommand)]
    Quarantine(quarantine::Quarantine),
    /// Payments held because each equals an earlier one, which one, and what two persons may do about it.
    Duplicates(duplicates::Duplicates),
    /// Find payments; see which wait for a person, and do what is needed.
    Payments(payments::Payments),
    /// Payees and payments that are held back.
    Blocks(blocks::Blocks),
    /// What cannot be known by looking, with the evidence, and what a person may say of it.
    Unknown(unknown::Unknown),
    /// Finance vouchers on their way to the ERP.
    #[command(subcommand)]
    Vouchers(vouchers::Vouchers),
    /// Lines of the banks' statements, and what they are matched with.
    #[command(subcommand)]
    Bank(bank::Bank),
    /// The day's controls on one page: orders, interim account, bank, references. Exit status 1 when one differs.
    Reconcile(reconcile::Reconcile),
    /// Which classes may be used towards the ERP systems, and which accounts will stop working.
    #[command(subcommand)]
    Assortments(assortments::Assortments),
    /// The accounts of every municipality, and the interim account against the open payments.
    Balance(balance::Balance),
    /// The simulated counterparties alone, behind SFTP servers, until Ctrl-C.
    Partner(partner::Partner),
    /// Play a folder of files into a drop, with their timing.
    Replay(replay::Replay),
    /// Completions for a shell, to be put where it looks for them.
    Completions(completions::Completions),
}

/// The real world, handed in by `main`.
pub struct World {
    /// The machine's clock.
    pub clock: Arc<dyn Clock>,
    /// The machine's chance.
    pub ids: Arc<dyn Ids>,
}

/// What a command is run with.
struct Context {
    dir: PathBuf,
    dir_is_given: bool,
    at: Option<jiff::Timestamp>,
    /// In whose name, in a rehearsal.
    name: Option<String>,
    world: World,
    printer: Printer,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    /// Something is wrong, and was told.
    Wrong,
    /// Another process holds the installation, which was told.
    Taken,
}

/// Reads the command line and runs the command.
pub fn main(world: World) -> ExitCode {
    let arguments = Arguments::parse();
    let is_serving = matches!(arguments.command, Command::Serve(_));
    logging::start(&arguments.log, if is_serving { "info" } else { "error" });
    let printer = Printer::new(arguments.json, arguments.quiet);
    let context = Context {
        dir_is_given: arguments.dir.is_some(),
        dir: arguments.dir.unwrap_or_else(|| PathBuf::from(".")),
        at: arguments.at,
        name: arguments.name,
        world,
        printer,
    };
    let result = match arguments.command {
        Command::Demo(command) => demo::run(&context, command),
        Command::Serve(command) => serve::run(&context, &command),
        Command::Schedule(command) => schedule::run(&context, &command),
        Command::ReleaseClock(command) => release_clock::run(&context, &command),
        Command::Endpoints(command) => endpoints::run(&context, &command),
        Command::Backup(command) => backup::run(&context, &command),
        Command::Restore(command) => restore::run(&context, &command),
        Command::ReadLog(command) => read_log::run(&context, &command),
        Command::Init(command) => init::run(&context, &command),
        Command::Check(command) => check::run(&context, &command),
        Command::Catalogue(command) => catalogue::run(&context, &command),
        Command::Parameters(command) => parameters::run(&context, &command),
        Command::Run(command) => run::run(&context, &command),
        Command::Rules(command) => rules::run(&context, &command),
        Command::Steps(command) => steps::run(&context, &command),
        Command::Status(command) => status::run(&context, &command),
        Command::Trace(command) => trace::run(&context, &command),
        Command::Inspect(command) => inspect::run(&context, &command),
        Command::Validate(command) => validate::run(&context, &command),
        Command::Generate(command) => generate::run(&context, &command),
        Command::Verify(command) => verify::run(&context, &command),
        Command::Quarantine(command) => quarantine::run(&context, &command),
        Command::Duplicates(command) => duplicates::run(&context, &command),
        Command::Payments(command) => payments::run(&context, &command),
        Command::Blocks(command) => blocks::run(&context, &command),
        Command::Unknown(command) => unknown::run(&context, &command),
        Command::Vouchers(command) => vouchers::run(&context, &command),
        Command::Bank(command) => bank::run(&context, &command),
        Command::Reconcile(command) => reconcile::run(&context, &command),
        Command::Assortments(command) => assortments::run(&context, &command),
        Command::Balance(command) => balance::run(&context, &command),
        Command::Partner(command) => partner::run(&context, &command),
        Command::Replay(command) => replay::run(&context, &command),
        Command::Completions(command) => completions::run(&context, &command),
    };
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Wrong) => ExitCode::FAILURE,
        Ok(Outcome::Taken) => ExitCode::from(3),
        Err(error) => {
            context.printer.error(&error);
            ExitCode::FAILURE
        }
    }
}

/// Runs a future to its end on this thread.
fn block_on<T>(future: impl Future<Output = T>) -> anyhow::Result<T> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future))
}
