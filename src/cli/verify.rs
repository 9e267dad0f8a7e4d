//! `toek verify`: all invariants on the store, and the archive against its hashes. Reads only.

use clap::Args;
use serde::Serialize;

use super::installation::{Access, Open, open};
use super::{Colour, Context, Outcome};
use crate::canary::{self, Canary};
use crate::domain::identity::TransferNo;
use crate::pipelines::{Progress, chain};
use crate::store::archive::{Archived, hash_of};
use crate::store::transfer::{self, Transfer};
use crate::store::verify::{self, Check};

/// Hold the store against all its invariants.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  toek -C my-hub verify && echo every krone is where it should be")]
pub(super) struct Verify {
    /// Leave out reading the whole archive again.
    #[arg(long)]
    no_archive: bool,
}

#[derive(Serialize)]
struct CheckLine<'a> {
    check: &'a str,
    ok: bool,
    broken: &'a [String],
}

pub(super) fn run(context: &Context, command: &Verify) -> anyhow::Result<Outcome> {
    let open = open(context, Access::Read)?;
    let mut checks = open.hub.store.read(verify::all)?;
    if !command.no_archive {
        checks.push(archive(context, &open)?);
    }
    let sound = checks.iter().all(|check| check.broken.is_empty());
    for check in &checks {
        tell(context, check)?;
    }
    Ok(if sound { Outcome::Done } else { Outcome::Wrong })
}

fn tell(context: &Context, check: &Check) -> anyhow::Result<()> {
    let printer = &context.printer;
    let ok = check.broken.is_empty();
    if printer.is_json() {
        return printer.value(&CheckLine { check: check.name, ok, broken: &check.broken });
    }
    let verdict =
        if ok { printer.paint(Colour::Green, "holds ") } else { printer.paint(Colour::Red, "BROKEN") };
    printer.line(format!("{verdict} {}", check.name));
    for place in &check.broken {
        printer.line(format!("       {place}"));
    }
    Ok(())
}

/// Every archived file still has the bytes that came or went.
fn archive(context: &Context, open: &Open) -> anyhow::Result<Check> {
    let mut broken = Vec::new();
    let mut last = TransferNo(0);
    loop {
        let page = open.hub.store.read(|tx| transfer::after(tx, last))?;
        let Some(end) = page.last() else { break };
        last = end.no;
        for transfer in page {
            if let Some(what) = damage(open, &transfer) {
                broken.push(format!("transfer {} ({}): {what}", transfer.no.0, transfer.identity.name));
            }
        }
        context.printer.at("archive", last.0 as u64, last.0 as u64 + 1);
    }
    context.printer.finish_progress();
    Ok(Check { name: "every archived file has the bytes it came with", broken })
}

fn damage(open: &Open, transfer: &Transfer) -> Option<String> {
    let sha256 = transfer.sha256?; // not archived yet
    if canary::is_active(Canary::BlindVerify) {
        return None;
    }
    let read = open.hub.archived(transfer).and_then(|mut reader| Ok(hash_of(&mut reader)?));
    match read {
        Ok(read) if read == (Archived { size: transfer.identity.size, sha256 }) => None,
        Ok(_) => Some("its size or SHA-256 is another".to_owned()),
        Err(error) => Some(chain(&error)),
    }
}
