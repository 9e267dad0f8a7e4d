//! `toek reconcile`: the day's controls on one page.

use clap::Args;
use jiff::civil::Date;
use toek_formats::vocabulary::{MunicipalityCode, Ore};

use super::installation::{Access, open};
use super::{Colour, Context, Outcome, balance};
use crate::pipelines::reconcile::{self, Control, Difference, Page, State};

/// The day's controls on one page.
#[derive(Debug, Args)]
#[command(after_help = "\
What case systems sent against what came (3.1.1), the interim account against the open payments (3.1.6), the bank against
the books (3.1.11), and the references by which the ERP clears (3.1.12). A control that differs in nothing is green; else
each difference stands there with its age, the role that looks at it, and what to do.

Examples:
  toek -C my-hub reconcile 2026-03-06
  toek -C my-hub reconcile 2026-03-06 --municipality 0751 --json

A control is off where the installation has no pipeline for it: then it says nothing, neither good nor bad.

Exit status: 0 nothing differs, 1 something does.")]
pub(super) struct Reconcile {
    /// The day: what was due, came or was booked until then.
    day: Date,
    /// Of this municipality only.
    #[arg(long, value_name = "CODE", value_parser = balance::municipality)]
    municipality: Option<MunicipalityCode>,
}

pub(super) fn run(context: &Context, command: &Reconcile) -> anyhow::Result<Outcome> {
    let open = open(context, Access::Read)?;
    let page = reconcile::page(&open.hub, command.day, command.municipality)?;
    match context.printer.is_json() {
        true => context.printer.value(&page)?,
        false => show(context, &page),
    }
    Ok(if page.green { Outcome::Done } else { Outcome::Wrong })
}

fn show(context: &Context, page: &Page) {
    let printer = &context.printer;
    let whose = page.municipality.as_ref().map_or(String::new(), |code| format!(", municipality {code}"));
    printer.heading(&format!("Reconciliation of {}{whose}", page.day));
    for control in &page.controls {
        tell(context, control);
    }
    printer.line(format!("  {}", verdict(&page.controls)));
    if !page.orders.is_empty() {
        printer.heading("Orders of the day");
        for line in &page.orders {
            let refused = match line.rejected {
                0 => String::new(),
                count => format!(", {count} refused"),
            };
            let sum = Ore(line.sum_ore).danish().to_string();
            printer.line(format!(
                "  {}: {}  {} records over {sum} kr.{refused}  {}",
                line.endpoint, line.file, line.records, line.proof
            ));
        }
    }
    if !page.interim.is_empty() {
        printer.heading("Interim account by day of the orders, and open payments");
        for line in &page.interim {
            let (interim, owed) = (Ore(line.interim_ore).danish(), Ore(line.open_payments_ore).danish());
            printer.line(format!("  {}  {}  {interim:>18}  {owed:>18}", line.municipality, line.day));
        }
    }
}

/// All of it in a sentence.
fn verdict(controls: &[Control]) -> String {
    let differences: usize = controls.iter().map(|control| control.differences.len()).sum();
    let off = controls.iter().filter(|control| control.state == State::Off).count();
    match (differences, off) {
        (0, 0) => "All controls are green.".to_owned(),
        (0, off) => format!("Nothing differs; controls that are off: {off}."),
        (count, _) => format!("Not green. Differences: {count}."),
    }
}

fn tell(context: &Context, control: &Control) {
    let printer = &context.printer;
    let verdict = match control.state {
        State::Green => printer.paint(Colour::Green, "green"),
        State::Red => printer.paint(Colour::Red, &format!("{} differ", control.differences.len())),
        State::Off => printer.paint(Colour::Yellow, "off"),
    };
    let Control { feature, title, looked_at, .. } = control;
    printer.line(format!("  {feature:<7} {title:<32} {verdict}  {looked_at}"));
    for Difference { subject, municipality, what, difference_ore, age_days, owner, act, .. } in
        &control.differences
    {
        let whose = municipality.as_ref().map_or(String::new(), |code| format!("{code}  "));
        let amount = difference_ore.map_or(String::new(), |ore| format!(" ({} kr.)", Ore(ore).danish()));
        printer.line(format!("          {whose}{subject}: {what}{amount}"));
        printer.line(format!("              {age_days} days old; {owner}: {act}"));
    }
}
