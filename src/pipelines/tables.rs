//! The look-ups that checking a G68 record needs, answered from the installation's files.

use jiff::civil::Date;
use toek_formats::g68::Tables;
use toek_formats::vocabulary::{BenefitCode, MunicipalityCode, SupplierId};

use crate::config::Installation;

/// See [`Tables`].
pub struct InstallationTables<'a>(pub &'a Installation);

impl Tables for InstallationTables<'_> {
    fn municipality_exists(&self, municipality: MunicipalityCode) -> bool {
        self.0.municipalities.get(municipality).is_some()
    }

    fn benefit_exists(&self, benefit: BenefitCode) -> bool {
        self.0.catalogue.exists(benefit)
    }

    fn supplier_registered(&self, municipality: MunicipalityCode, supplier: SupplierId) -> bool {
        self.0.municipalities.supplier_registered(municipality, supplier)
    }

    fn preceding_bank_day(&self, day: Date) -> Date {
        self.0.bank_days.preceding(day)
    }

    fn following_bank_day(&self, day: Date) -> Date {
        self.0.bank_days.strictly_after(day)
    }

    fn default_benefit(&self, supplier: SupplierId, account: &[u8]) -> Option<BenefitCode> {
        self.0.catalogue.pair_default(supplier, account)
    }
}
