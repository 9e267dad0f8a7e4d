//! Whether the account plan has an account wherever one will be needed. Looks forward only: what was booked is booked.

use jiff::civil::Date;
use toek_formats::vocabulary::{BenefitCode, MunicipalityCode};

use super::AccountPlan;
use crate::domain::ledger::Account;
use crate::domain::reference::Validity;

impl AccountPlan {
    /// Which of the roles have no account on some day of a validity from `today` on, each with the first such day.
    pub fn gaps(
        &self,
        municipality: MunicipalityCode,
        benefit: BenefitCode,
        roles: &[Account],
        validity: Validity,
        today: Date,
    ) -> Vec<(Account, Date)> {
        let first = today.max(validity.from);
        let ends = self.rows.iter().filter_map(|row| row.validity.to?.tomorrow().ok());
        let mut days: Vec<Date> = ends.filter(|day| *day > first).chain([first]).collect();
        days.retain(|day| validity.holds(*day));
        days.sort_unstable();
        let gap = |role: Account| {
            let lacks = |day: &&Date| self.dimensions(municipality, role, benefit, **day).is_none();
            Some((role, *days.iter().find(lacks)?))
        };
        roles.iter().copied().filter_map(gap).collect()
    }

    /// The codes of benefits and municipalities that its rows name, each row with its number from 1.
    pub fn named(&self) -> impl Iterator<Item = (usize, Option<MunicipalityCode>, Option<BenefitCode>)> + '_ {
        (1..).zip(&self.rows).map(|(n, row)| (n, row.municipality, row.benefit))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::domain::accounts::default_file;

    const AARHUS: MunicipalityCode = MunicipalityCode(751);
    const ROLES: [Account; 4] =
        [Account::PaymentControl, Account::Interim, Account::Bank(1), Account::ErrorAccount];

    #[test]
    fn the_first_day_without_an_account_is_found() {
        let ends =
            default_file().replace("role = \"MELLEM\"\n", "role = \"MELLEM\"\nvalid_to = 2026-06-30\n");
        let plan = AccountPlan::load(&ends, "a.toml").unwrap();
        let gaps = |from, to, today| {
            let validity = Validity { from, to };
            plan.gaps(AARHUS, BenefitCode(201), &ROLES, validity, today)
        };
        let (start, today) = (date(2007, 1, 1), date(2026, 3, 1));
        assert_eq!(gaps(start, None, today), [(Account::Interim, date(2026, 7, 1))]);
        assert_eq!(gaps(start, Some(date(2026, 6, 30)), today), []);
        assert_eq!(gaps(start, None, date(2026, 8, 5)), [(Account::Interim, date(2026, 8, 5))]);
        assert_eq!(gaps(date(2026, 9, 1), None, today), [(Account::Interim, date(2026, 9, 1))]);
        // Before any account is valid at all: every role.
        assert_eq!(gaps(start, None, date(2019, 1, 1)).len(), 4);
        assert_eq!(gaps(start, Some(date(2010, 1, 1)), today), [], "what is over needs none");
    }
}
