//! What the catalogue needs of the other files beyond what a start asks for: an account for every role, and codes that are
//! known. A start does without: a voucher without an account waits alone.

use std::collections::BTreeMap;

use jiff::civil::Date;
use toek_formats::vocabulary::{BenefitCode, MunicipalityCode};

use super::{ACCOUNTS_FILE, Installation};
use crate::domain::catalogue::{Benefit, table};
use crate::domain::ledger::Account;
use crate::domain::municipality::Municipality;

impl Installation {
    /// What is missing, a sentence each. From `today` on: what is past needs nothing any more.
    pub fn uncovered(&self, today: Date) -> Vec<String> {
        let Some(plan) = &self.accounts else { return Vec::new() };
        let mut missing: BTreeMap<(String, i64, Date), (Account, Vec<MunicipalityCode>)> = BTreeMap::new();
        for benefit in self.catalogue.iter() {
            for municipality in self.municipalities.iter() {
                let roles = roles(municipality, benefit);
                let gaps = plan.gaps(municipality.code, benefit.code, &roles, benefit.validity, today);
                for (role, day) in gaps {
                    let key = (table::subject(benefit), role.code(), day);
                    missing.entry(key).or_insert((role, Vec::new())).1.push(municipality.code);
                }
            }
        }
        let mut found = self.unknown_codes();
        found.extend(missing.into_iter().map(|((subject, _, day), (role, codes))| {
            format!(
                "benefit {subject}: {ACCOUNTS_FILE} has no account for {role} on {day}, for {}",
                whose(&codes)
            )
        }));
        found
    }

    fn unknown_codes(&self) -> Vec<String> {
        let rows = self.accounts.iter().flat_map(|plan| plan.named());
        let unknown = |(n, municipality, benefit): (usize, Option<MunicipalityCode>, Option<BenefitCode>)| {
            let stranger = municipality.filter(|code| self.municipalities.get(*code).is_none());
            let stranger = stranger.map(|code| {
                format!("{ACCOUNTS_FILE}: account[{n}] names municipality {code}, which is not among them")
            });
            let nothing = benefit.filter(|code| !self.catalogue.exists(*code));
            let nothing = nothing
                .map(|code| format!("{ACCOUNTS_FILE}: account[{n}] names {code}, which is no benefit"));
            stranger.into_iter().chain(nothing)
        };
        rows.flat_map(unknown).collect()
    }
}

/// The roles that every payment of a benefit may come to; one with a smallest payment may end on the petty account. The
/// others are for acts of persons that an installation may never have.
fn roles(municipality: &Municipality, benefit: &Benefit) -> Vec<Account> {
    let bank = Account::Bank(bank_number(municipality, benefit));
    let mut roles = vec![Account::PaymentControl, Account::Interim, bank, Account::ErrorAccount];
    roles.extend(benefit.minimum.map(|_| Account::Petty));
    roles
}

/// The number of the municipality's account that pays a benefit, from 1.
fn bank_number(municipality: &Municipality, benefit: &Benefit) -> u8 {
    let pays = municipality.debit_account(benefit.code, &benefit.bank_account);
    let at = municipality.accounts.iter().position(|account| Some(account) == pays);
    at.and_then(|at| u8::try_from(at + 1).ok()).unwrap_or(1)
}

fn whose(codes: &[MunicipalityCode]) -> String {
    let shown: Vec<String> = codes.iter().take(5).map(MunicipalityCode::to_string).collect();
    match codes.len() {
        1 => format!("municipality {}", shown.join("")),
        n if n <= 5 => format!("municipalities {}", shown.join(", ")),
        n => format!("municipalities {} and {} more", shown.join(", "), n - 5),
    }
}
