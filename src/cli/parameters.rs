//! `toek parameters`: deadlines, limits and choices, for all or for one municipality, each from a day on.

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use jiff::civil::Date;
use serde_json::json;
use toek_adapters::disk::RealDisk;
use toek_formats::vocabulary::MunicipalityCode;

use super::changing::{self, Changing, Planned};
use super::{Colour, Context, Outcome, installation};
use crate::config::{Installation, PARAMETERS_FILE};
use crate::domain::parameters::change::{Set, SetTo, find};
use crate::domain::parameters::{PARAMETERS, Parameter, Parameters};
use crate::domain::people::{Role, is_another};
use crate::history::{Approval, Became, History, Proposal};

const EXAMPLES: &str = "\
Examples:
  toek -C my-hub parameters list --municipality 0751 --on 2026-04-01
  toek -C my-hub parameters show hard_cutoff
  toek -C my-hub parameters history hard_cutoff
  toek -C my-hub parameters set hard_cutoff 15:00 --from 2026-04-01 --reason 'agreed with the bank' --dry-run
  toek -C my-hub parameters set send_by_bank_days 3 --municipality 0751 --from 2026-04-01 --reason 'their wish'
  toek -C my-hub parameters set assume_paid true --from 2026-04-01 --reason 'case 17'     proposes it: it takes two
  toek -C my-hub parameters approve 1 --reason 'seen case 17'                             by another account

A value holds from its day until the next one of the same level begins; what held before ends the day before.
A change takes the installation's lock: while `serve` runs it is refused. Stop `serve`, change, and start it again; what
it missed meanwhile is made up for. Every start reads the files anew.";

/// The parameters.
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(super) enum Command {
    /// Every parameter with the value in force, and what waits for a second person.
    #[command(after_help = EXAMPLES)]
    List(List),
    /// One parameter: what it does, what it takes, and every value that is set.
    #[command(after_help = EXAMPLES)]
    Show(Named),
    /// Who changed one, when and why.
    #[command(after_help = EXAMPLES)]
    History(Named),
    /// Another value from a day on; where it takes two, a proposal.
    #[command(after_help = EXAMPLES)]
    Set(ToSet),
    /// Approve what another account proposed: the value is set.
    #[command(after_help = EXAMPLES)]
    Approve(ToApprove),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// As it is for this municipality [default: for those that have no value of their own].
    #[arg(long, value_name = "CODE", value_parser = municipality)]
    municipality: Option<MunicipalityCode>,
    /// As it is on this day [default: today].
    #[arg(long, value_name = "DAY")]
    on: Option<Date>,
}

#[derive(Debug, Args)]
pub(super) struct Named {
    /// Its name, as `list` shows it.
    #[arg(value_name = "NAME")]
    parameter: String,
}

#[derive(Debug, Args)]
pub(super) struct ToSet {
    /// Its name, as `list` shows it.
    #[arg(value_name = "NAME")]
    parameter: String,
    /// The value, as `show` says what it takes.
    #[arg(value_name = "VALUE")]
    value: String,
    /// For this municipality alone [default: for all].
    #[arg(long, value_name = "CODE", value_parser = municipality)]
    municipality: Option<MunicipalityCode>,
    /// The first day on which it holds.
    #[arg(long, value_name = "DAY")]
    from: Date,
    /// Why; it is kept with the change.
    #[arg(long)]
    reason: String,
    /// Say what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
pub(super) struct ToApprove {
    /// The number of the proposal, as `list` shows it.
    number: u32,
    /// Why; it is kept with the change.
    #[arg(long)]
    reason: String,
    /// Say what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

fn municipality(text: &str) -> Result<MunicipalityCode, String> {
    MunicipalityCode::parse(text).map_err(|_| "a municipality's code is four digits".to_owned())
}

pub(super) fn run(context: &Context, command: &Command) -> anyhow::Result<Outcome> {
    match command {
        Command::List(asked) => list(context, asked),
        Command::Show(asked) => show(context, &asked.parameter),
        Command::History(asked) => {
            installation::load(&context.dir)?;
            let name = find(&asked.parameter)?.name;
            changing::tell_history(context, PARAMETERS_FILE, |change| change.field == name)
        }
        Command::Set(asked) => set(context, asked),
        Command::Approve(asked) => approve(context, asked),
    }
}

fn list(context: &Context, asked: &List) -> anyhow::Result<Outcome> {
    let installation = installation::load(&context.dir)?;
    let known = |code| installation.municipalities.get(code).is_some();
    if let Some(stranger) = asked.municipality.filter(|code| !known(*code)) {
        bail!("{stranger} is no municipality of this installation");
    }
    let day = match asked.on {
        Some(day) => day,
        None => changing::today(context, &installation)?,
    };
    let printer = &context.printer;
    for parameter in PARAMETERS {
        let (value, set) = installation.parameters.in_force(parameter, asked.municipality, day);
        if printer.is_json() {
            printer.value(&json!({
                "name": parameter.name, "value": bare(&value), "unit": parameter.unit, "level": level(set.as_ref()),
                "from": set.as_ref().map(|set| set.validity.from.to_string()),
                "to": set.as_ref().and_then(|set| set.validity.to).map(|day| day.to_string()),
                "four_eyes": parameter.four_eyes,
            }))?;
            continue;
        }
        let whence = format!("{}{}", level(set.as_ref()), set.as_ref().map(days).unwrap_or_default());
        let unit = if parameter.unit.is_empty() { String::new() } else { format!(" {}", parameter.unit) };
        let two = if parameter.four_eyes { "; two persons" } else { "" };
        printer.line(format!(
            "{:<24} {:<20} {whence}{two}",
            parameter.name,
            format!("{}{unit}", bare(&value))
        ));
    }
    open_proposals(context)?.iter().try_for_each(|proposal| tell_proposal(context, proposal))?;
    Ok(Outcome::Done)
}

/// A value without the quotes of its file.
fn bare(value: &str) -> &str {
    value.trim_matches('"')
}

fn level(set: Option<&Set>) -> String {
    let Some(set) = set else { return "default".to_owned() };
    let whose = set.municipality.map_or_else(|| "central".to_owned(), |code| code.to_string());
    whose + &set.supplier.as_ref().map(|id| format!(" for {}", id.trim_end())).unwrap_or_default()
}

fn days(set: &Set) -> String {
    let to = set.validity.to.map(|day| format!(" to {day}")).unwrap_or_default();
    format!(" from {}{to}", set.validity.from)
}

fn show(context: &Context, name: &str) -> anyhow::Result<Outcome> {
    let installation = installation::load(&context.dir)?;
    let parameter = find(name)?;
    let sets = installation.parameters.sets(parameter);
    let Parameter { meaning, unit, source, .. } = parameter;
    let (takes, default) = ((parameter.takes)(), (parameter.default)());
    let proposals: Vec<Proposal> =
        open_proposals(context)?.into_iter().filter(|proposal| proposal.parameter == name).collect();
    let printer = &context.printer;
    if printer.is_json() {
        let sets: Vec<_> = sets
            .iter()
            .map(|set| {
                json!({
                    "level": level(Some(set)), "from": set.validity.from.to_string(),
                    "to": set.validity.to.map(|day| day.to_string()), "value": bare(&set.value),
                })
            })
            .collect();
        printer.value(&json!({
            "name": name, "meaning": meaning, "unit": unit, "source": source, "takes": takes,
            "default": bare(&default), "four_eyes": parameter.four_eyes, "set": sets, "proposed": proposals,
        }))?;
        return Ok(Outcome::Done);
    }
    printer.line(printer.paint(Colour::Bold, name));
    printer.line(format!("    {meaning} ({source})"));
    let two = if parameter.four_eyes { "; another value takes two persons" } else { "" };
    let counts = if unit.is_empty() { String::new() } else { format!(", in {unit}") };
    printer.line(format!("    takes {takes}{counts}{two}"));
    printer.line(format!("    {} by default", bare(&default)));
    for set in &sets {
        printer.line(format!("    {} {}{}", bare(&set.value), level(Some(set)), days(set)));
    }
    proposals.iter().try_for_each(|proposal| tell_proposal(context, proposal))?;
    Ok(Outcome::Done)
}

/// What was proposed and has not come about.
fn open_proposals(context: &Context) -> anyhow::Result<Vec<Proposal>> {
    let history = History::of(&RealDisk, &context.dir);
    let entries = history.entries(PARAMETERS_FILE)?;
    let made = entries.iter().filter(|(_, became)| *became != Became::Undone);
    let settled: Vec<u32> = made.filter_map(|(entry, _)| Some(entry.approved.as_ref()?.proposal)).collect();
    Ok(history.proposals()?.into_iter().filter(|proposal| !settled.contains(&proposal.no)).collect())
}

fn tell_proposal(context: &Context, proposal: &Proposal) -> anyhow::Result<()> {
    if context.printer.is_json() {
        return context.printer.value(&json!({ "proposal": proposal }));
    }
    let Proposal { no, by, reason, parameter, value, municipality, from, .. } = proposal;
    let whose = municipality.as_deref().unwrap_or("central");
    context.printer.line(format!(
        "proposal {no} of {by}: {parameter} = {} {whose} from {from} ({reason}); another account may approve",
        bare(value)
    ));
    Ok(())
}

/// What a new value would change; else what is wrong has been told.
fn plan(context: &Context, wanted: &SetTo) -> anyhow::Result<Result<Planned<'static>, Outcome>> {
    let before = installation::text_of(&context.dir.join(PARAMETERS_FILE))?;
    let old = Parameters::load(&before, PARAMETERS_FILE)?;
    let (change, after) = old.set(wanted, &before)?;
    Ok(match changing::with_text(&context.dir, PARAMETERS_FILE, &after) {
        Ok(_) => Ok(Planned { file: PARAMETERS_FILE, before, after, changes: vec![change] }),
        Err(errors) => Err(changing::tell_mistakes(context, &errors)?),
    })
}

fn set(context: &Context, asked: &ToSet) -> anyhow::Result<Outcome> {
    let parameter = find(&asked.parameter)?;
    let value = parameter.value(&asked.value)?;
    let wanted = SetTo { name: parameter.name, value, municipality: asked.municipality, from: asked.from };
    let changing = if asked.dry_run { None } else { Some(changing::begin(context, &asked.reason)?) };
    if let Some(changing) = &changing {
        changing.authorize(Role::Operator, asked.municipality)?;
    } else {
        installation::load(&context.dir)?;
    }
    let planned = match plan(context, &wanted)? {
        Ok(planned) => planned,
        Err(outcome) => return Ok(outcome),
    };
    match (&changing, parameter.four_eyes) {
        (None, two) => tell(context, &planned, None, two),
        (Some(changing), true) => propose(context, changing, asked, &wanted),
        (Some(changing), false) => {
            changing.note("parameters set", subject(&wanted, &asked.reason))?;
            let entry = changing.make(&planned, (&changing.who, &asked.reason), None)?;
            tell(context, &planned, Some(entry.no), false)
        }
    }
}

fn subject(wanted: &SetTo, reason: &str) -> String {
    let whose = wanted.municipality.map_or_else(|| "central".to_owned(), |code| code.to_string());
    format!("{} = {} {whose} from {}: {reason}", wanted.name, bare(&wanted.value), wanted.from)
}

fn propose(context: &Context, changing: &Changing, asked: &ToSet, wanted: &SetTo) -> anyhow::Result<Outcome> {
    changing.note("parameters set", subject(wanted, &asked.reason))?;
    let proposal = Proposal {
        no: 0,
        at: changing.at(),
        by: changing.who.clone(),
        reason: asked.reason.clone(),
        parameter: wanted.name.to_owned(),
        value: wanted.value.clone(),
        municipality: wanted.municipality.map(|code| code.to_string()),
        from: wanted.from.to_string(),
    };
    let kept = History::of(&RealDisk, &context.dir).propose(proposal)?;
    tell_proposal(context, &kept)?;
    Ok(Outcome::Done)
}

fn approve(context: &Context, asked: &ToApprove) -> anyhow::Result<Outcome> {
    let changing = if asked.dry_run { None } else { Some(changing::begin(context, &asked.reason)?) };
    let installation = installation::load(&context.dir)?;
    let proposal = open_proposals(context)?.into_iter().find(|proposal| proposal.no == asked.number);
    let proposal = proposal
        .with_context(|| format!("no proposal {} waits: `toek parameters list` shows them", asked.number))?;
    let wanted = wanted_by(&installation, &proposal)?;
    if let Some(changing) = &changing {
        changing.authorize(Role::Approver, wanted.municipality)?;
        if !is_another(&proposal.by, &changing.who) {
            bail!("{} proposed it: another account must approve", changing.who);
        }
    }
    let planned = match plan(context, &wanted)? {
        Ok(planned) => planned,
        Err(outcome) => return Ok(outcome),
    };
    let Some(changing) = changing else { return tell(context, &planned, None, false) };
    changing.note("parameters approve", format!("proposal {}: {}", proposal.no, asked.reason))?;
    let (by, reason) = (changing.who.clone(), asked.reason.clone());
    let approval = Approval { proposal: proposal.no, by, reason };
    let entry = changing.make(&planned, (&proposal.by, &proposal.reason), Some(approval))?;
    tell(context, &planned, Some(entry.no), false)
}

/// A proposal by the table as it is now.
fn wanted_by(installation: &Installation, proposal: &Proposal) -> anyhow::Result<SetTo> {
    let parameter = find(&proposal.parameter)?;
    let municipality = proposal.municipality.as_deref().map(MunicipalityCode::parse).transpose();
    let municipality = municipality.ok().context("the proposal names no municipality")?;
    let is_known = municipality.is_none_or(|code| installation.municipalities.get(code).is_some());
    if !is_known {
        bail!("the proposal is for a municipality that is not of this installation any more");
    }
    let from = proposal.from.parse().context("the proposal names no day")?;
    Ok(SetTo { name: parameter.name, value: parameter.value(&proposal.value)?, municipality, from })
}

/// `entry`: the number of the change, where it was made. `two`: whether it would be a proposal only.
fn tell(context: &Context, planned: &Planned<'_>, entry: Option<u32>, two: bool) -> anyhow::Result<Outcome> {
    changing::tell_changes(context, &planned.changes)?;
    if context.printer.is_json() {
        context.printer.value(&json!({ "summary": { "ok": true, "entry": entry, "four_eyes": two } }))?;
        return Ok(Outcome::Done);
    }
    context.printer.line(match (entry, two) {
        (None, true) => {
            "it would be proposed: another account must approve it; nothing is written".to_owned()
        }
        (None, false) => "it would change; nothing is written".to_owned(),
        (Some(entry), _) => {
            format!("it is changed, as change {entry} of {PARAMETERS_FILE}; it counts from the next start on")
        }
    });
    Ok(Outcome::Done)
}
