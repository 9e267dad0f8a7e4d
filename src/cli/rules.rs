//! `toek rules`: the table of postings.

use clap::Args;
use serde::Serialize;

use super::{Context, Outcome};
use crate::domain::ledger::{Account, RULES};

/// By which rules money is posted (posteringsregler): what is debited, what is credited, and when.
#[derive(Debug, Args)]
#[command(after_help = "\
One side of a voucher has a line for each payment, the other one line for each benefit. `toek trace PAYMENT` names the
rule of each posting of a payment.

Examples:
  toek rules
  toek rules --json | jq -r '.rule'")]
pub(super) struct Rules {}

#[derive(Serialize)]
struct Line {
    rule: &'static str,
    debit: String,
    credit: String,
    line_per_payment: String,
    when: &'static str,
}

pub(super) fn run(context: &Context, _command: &Rules) -> anyhow::Result<Outcome> {
    for row in &RULES {
        // Of a municipality's bank accounts, the one that the payment was paid from.
        let (each, direction, summed) = row.rule.sides(1);
        let (debit, credit): (Account, Account) = if direction > 0 { (each, summed) } else { (summed, each) };
        let line = Line {
            rule: row.event,
            debit: debit.to_string(),
            credit: credit.to_string(),
            line_per_payment: each.to_string(),
            when: row.meaning,
        };
        if context.printer.is_json() {
            context.printer.value(&line)?;
            continue;
        }
        let Line { rule, debit, credit, when, .. } = line;
        context.printer.line(format!("{rule:<4} debit {debit:<15} credit {credit:<15} {when}"));
    }
    Ok(Outcome::Done)
}
