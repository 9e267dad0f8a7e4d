//! `toek balance`: the accounts, the interim account against the open payments (feature 3.1.6), and the vouchers.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;
use toek_formats::vocabulary::{MunicipalityCode, Ore};

use super::installation::{Access, open};
use super::{Colour, Context, Outcome};
use crate::domain::ledger::Account;
use crate::store::ledger::{self, Balance as Stored, Booked};
use crate::store::{StoreError, Tx, report};

/// The accounts of every municipality.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  toek -C my-hub balance\n  toek -C my-hub balance --vouchers --json | head -1"
)]
pub(super) struct Balance {
    /// Every voucher of what is accepted, with its lines.
    #[arg(long)]
    vouchers: bool,
    /// Of this municipality only.
    #[arg(long, value_name = "CODE", value_parser = municipality)]
    municipality: Option<MunicipalityCode>,
}

pub(super) fn municipality(text: &str) -> Result<MunicipalityCode, String> {
    MunicipalityCode::parse(text).map_err(|_| "a municipality code has four digits, such as 0751".to_owned())
}

#[derive(Serialize)]
struct AccountLine {
    municipality: String,
    role: String,
    debit_ore: i64,
    credit_ore: i64,
}

#[derive(Serialize)]
struct ControlLine {
    municipality: String,
    interim_ore: i64,
    open_payments_ore: i64,
}

#[derive(Serialize)]
struct Report {
    accounts: Vec<AccountLine>,
    control: Vec<ControlLine>,
}

#[derive(Serialize)]
struct VoucherLine {
    role: String,
    side: &'static str,
    amount_ore: u64,
    benefit: String,
    payment: Option<String>,
}

#[derive(Serialize)]
struct Voucher {
    voucher: String,
    municipality: String,
    event: &'static str,
    source: String,
    booking_day: String,
    lines: Vec<VoucherLine>,
}

pub(super) fn run(context: &Context, command: &Balance) -> anyhow::Result<Outcome> {
    let open = open(context, Access::Read)?;
    if command.vouchers {
        return open.hub.store.read(|tx| Ok(vouchers(context, command, tx))).map_err(anyhow::Error::from)?;
    }
    let (balances, control) = open.hub.store.read(|tx| Ok((ledger::balances(tx)?, control(tx)?)))?;
    let wanted = |m: MunicipalityCode| command.municipality.is_none_or(|only| only == m);
    let balances: Vec<Stored> = balances.into_iter().filter(|b| wanted(b.municipality)).collect();
    let control: Vec<_> = control.into_iter().filter(|(m, _)| wanted(*m)).collect();
    let agrees = control.iter().all(|(_, (interim, owed))| interim == owed);
    if context.printer.is_json() {
        context.printer.value(&as_report(&balances, &control))?;
    } else {
        show(context, &balances, &control);
    }
    Ok(if agrees { Outcome::Done } else { Outcome::Wrong })
}

/// What stands on the interim account, and what the payments' states say should.
type Control = Vec<(MunicipalityCode, (Ore, Ore))>;

/// Per municipality what stands on the interim account, and what its payments say should.
fn control(tx: &Tx<'_>) -> Result<Control, StoreError> {
    let mut control: BTreeMap<MunicipalityCode, (Ore, Ore)> = BTreeMap::new();
    for balance in ledger::balances(tx)?.iter().filter(|b| b.account == Account::Interim) {
        control.entry(balance.municipality).or_default().0 = balance.credit - balance.debit;
    }
    for (municipality, owed) in report::open_payments(tx)? {
        control.entry(municipality).or_default().1 = owed;
    }
    Ok(control.into_iter().collect())
}

fn as_report(balances: &[Stored], control: &[(MunicipalityCode, (Ore, Ore))]) -> Report {
    Report {
        accounts: balances
            .iter()
            .map(|b| AccountLine {
                municipality: b.municipality.to_string(),
                role: b.account.to_string(),
                debit_ore: b.debit.0,
                credit_ore: b.credit.0,
            })
            .collect(),
        control: control
            .iter()
            .map(|(municipality, (interim, owed))| ControlLine {
                municipality: municipality.to_string(),
                interim_ore: interim.0,
                open_payments_ore: owed.0,
            })
            .collect(),
    }
}

pub(super) fn show(context: &Context, balances: &[Stored], control: &[(MunicipalityCode, (Ore, Ore))]) {
    let printer = &context.printer;
    printer.heading("Trial balance");
    printer.line(format!("  {:<5} {:<15} {:>20} {:>20} {:>20}", "", "", "debit", "credit", "balance"));
    let (mut debit, mut credit) = (Ore::ZERO, Ore::ZERO);
    for b in balances {
        debit += b.debit;
        credit += b.credit;
        let balance = b.debit - b.credit;
        printer.line(format!(
            "  {:<5} {:<15} {:>20} {:>20} {:>20}",
            b.municipality,
            b.account,
            b.debit.danish(),
            b.credit.danish(),
            balance.danish()
        ));
    }
    printer.line(format!(
        "  {:<21} {:>20} {:>20} {:>20}",
        "sum",
        debit.danish(),
        credit.danish(),
        (debit - credit).danish()
    ));
    printer.heading("Interim account against open payments");
    for (municipality, (interim, owed)) in control {
        let verdict = if interim == owed {
            printer.paint(Colour::Green, "equal")
        } else {
            printer.paint(Colour::Red, &format!("differs by {}", (*interim - *owed).danish()))
        };
        printer.line(format!(
            "  {municipality:<5} {:>20} {:>20}  {verdict}",
            interim.danish(),
            owed.danish()
        ));
    }
}

/// The balances and the control together, for the demo's last page.
pub(super) fn show_all(context: &Context, tx: &Tx<'_>) -> Result<(), StoreError> {
    show(context, &ledger::balances(tx)?, &control(tx)?);
    Ok(())
}

fn vouchers(context: &Context, command: &Balance, tx: &Tx<'_>) -> anyhow::Result<Outcome> {
    let mut last = 0;
    loop {
        let page = ledger::accepted_vouchers_after(tx, last)?;
        let Some(end) = page.last() else { return Ok(Outcome::Done) };
        last = end.voucher_no;
        for booked in page {
            if command.municipality.is_none_or(|only| only == booked.voucher.municipality) {
                tell(context, &booked)?;
            }
        }
    }
}

fn tell(context: &Context, booked: &Booked) -> anyhow::Result<()> {
    let voucher = &booked.voucher;
    if context.printer.is_json() {
        return context.printer.value(&Voucher {
            voucher: booked.id.to_string(),
            municipality: voucher.municipality.to_string(),
            event: voucher.rule.row().event,
            source: voucher.source.to_string(),
            booking_day: voucher.booking_day.to_string(),
            lines: voucher.lines.iter().map(line).collect(),
        });
    }
    let event = voucher.rule.row().event;
    let (municipality, source, day) = (voucher.municipality, voucher.source, voucher.booking_day);
    context.printer.line(format!("{} {municipality} {event} {source} {day}", booked.id));
    for l in &voucher.lines {
        let payment = l.payment.map(|p| p.to_string()).unwrap_or_default();
        context.printer.line(format!(
            "  {:<15} {} {:>18}  {payment}",
            l.account,
            l.benefit,
            l.amount.danish()
        ));
    }
    Ok(())
}

fn line(line: &crate::domain::ledger::Line) -> VoucherLine {
    VoucherLine {
        role: line.account.to_string(),
        side: if line.amount >= Ore::ZERO { "debit" } else { "credit" },
        amount_ore: line.amount.magnitude(),
        benefit: line.benefit.to_string(),
        payment: line.payment.map(|payment| payment.to_string()),
    }
}
