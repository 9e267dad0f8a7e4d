//! By which rules a file is held: those of the installation that was named, else those the binary carries.

use std::path::Path;

use anyhow::anyhow;
use jiff::Timestamp;
use jiff::civil::Date;
use toek_formats::g68::{Layouts, Options, Tables};
use toek_formats::vocabulary::{BenefitCode, MunicipalityCode, SupplierId};

use super::super::{Context, installation};
use crate::config::{Acceptance, Installation, Pipeline};
use crate::domain::calendar::{BankDays, copenhagen};
use crate::domain::catalogue::{Catalogue, DEFAULT_FILE};
use crate::domain::municipality;
use crate::pipelines::tables::InstallationTables;

/// Layouts, look-ups and the day of reception.
pub(in crate::cli) struct Rules {
    /// The embedded layouts.
    pub(in crate::cli) layouts: Layouts,
    /// The day files are taken to come in.
    pub(in crate::cli) reception: Date,
    lookups: Lookups,
}

/// Without an installation a G68 file of more bytes is not read: 99,999 of the longest records, in the floating form
/// with every field at its longest, are less.
const MOST_BYTES: u64 = 400_000_000;

/// How one file is to be taken.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) struct Terms {
    /// How it is read.
    pub(in crate::cli) options: Options,
    /// What one bad record does to it.
    pub(in crate::cli) acceptance: Acceptance,
    /// Bytes beyond which it is not read at all.
    pub(in crate::cli) max_bytes: u64,
}

impl Rules {
    /// The rules of the installation that `--dir` names, else the embedded ones: 98 municipalities,
    /// the default benefit catalogue, every supplier registered. Says on standard error which.
    pub(in crate::cli) fn of(context: &Context, received: Option<Date>) -> anyhow::Result<Rules> {
        let lookups = Lookups::of(context)?;
        let reception = match received {
            Some(day) => day,
            None => copenhagen(lookups.now(context)?).date(),
        };
        Ok(Rules { layouts: Layouts::embedded()?, reception, lookups })
    }

    /// How a file of this name is taken: by the pipeline whose pattern takes it, else by the first that takes any.
    pub(in crate::cli) fn terms(&self, path: &Path) -> Terms {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let options = Options::new(self.reception);
        let Some((pipeline, intake)) =
            self.lookups.pipeline(&name).and_then(|pipeline| Some((pipeline, pipeline.intake.as_ref()?)))
        else {
            return Terms { options, acceptance: Acceptance::RecordByRecord, max_bytes: MOST_BYTES };
        };
        let limits = pipeline.receiving.as_ref().map(|receiving| receiving.limits);
        Terms {
            options: Options {
                require_envelope: intake.g68.require_envelope,
                allow_multi_municipality: intake.g68.allow_multi_municipality,
                date_is_processing: intake.g68.date_is_processing,
                supplier: intake.default_supplier,
                ..options
            },
            acceptance: intake.acceptance,
            max_bytes: limits.map_or(MOST_BYTES, |limits| limits.max_bytes),
        }
    }

    /// What G68 checks look up.
    pub(in crate::cli) fn tables(&self) -> &impl Tables {
        &self.lookups
    }
}

enum Lookups {
    Embedded { catalogue: Catalogue, bank_days: BankDays },
    Installed(Box<Installation>),
}

impl Lookups {
    fn of(context: &Context) -> anyhow::Result<Lookups> {
        if !context.dir_is_given {
            let catalogue =
                Catalogue::load(DEFAULT_FILE, "benefits.toml").map_err(|errors| anyhow!("{errors}"))?;
            return Ok(Lookups::Embedded { catalogue, bank_days: BankDays::new(&[]) });
        }
        let installation = installation::load(&context.dir)?;
        context.printer.note(format!("by the rules of the installation in {}", context.dir.display()));
        Ok(Lookups::Installed(Box::new(installation)))
    }

    /// By `--at`, else by the installation's clock, else by the machine's.
    fn now(&self, context: &Context) -> anyhow::Result<Timestamp> {
        match (context.at, self) {
            (Some(at), _) => Ok(at),
            (None, Lookups::Embedded { .. }) => Ok(context.world.clock.now()),
            (None, Lookups::Installed(installed)) => {
                Ok(installation::open_clock(context, &context.dir, installed.clock)?.now(context))
            }
        }
    }

    fn pipeline(&self, name: &str) -> Option<&Pipeline> {
        let Lookups::Installed(installation) = self else { return None };
        let takes = |pipeline: &&Pipeline| pipeline.receiving.as_ref().is_some_and(|r| r.pattern.takes(name));
        let mut taking = installation.pipelines.iter().filter(|pipeline| pipeline.intake.is_some());
        taking.clone().find(takes).or_else(|| taking.next())
    }
}

impl Tables for Lookups {
    fn municipality_exists(&self, municipality: MunicipalityCode) -> bool {
        match self {
            Lookups::Embedded { .. } => municipality::name_of(municipality).is_some(),
            Lookups::Installed(installation) => {
                InstallationTables(installation).municipality_exists(municipality)
            }
        }
    }

    fn benefit_exists(&self, benefit: BenefitCode) -> bool {
        match self {
            Lookups::Embedded { catalogue, .. } => catalogue.exists(benefit),
            Lookups::Installed(installation) => InstallationTables(installation).benefit_exists(benefit),
        }
    }

    /// Without an installation nobody knows who is registered, so nobody is refused for it.
    fn supplier_registered(&self, municipality: MunicipalityCode, supplier: SupplierId) -> bool {
        match self {
            Lookups::Embedded { .. } => true,
            Lookups::Installed(installation) => {
                InstallationTables(installation).supplier_registered(municipality, supplier)
            }
        }
    }

    fn preceding_bank_day(&self, day: Date) -> Date {
        match self {
            Lookups::Embedded { bank_days, .. } => bank_days.preceding(day),
            Lookups::Installed(installation) => InstallationTables(installation).preceding_bank_day(day),
        }
    }

    fn following_bank_day(&self, day: Date) -> Date {
        match self {
            Lookups::Embedded { bank_days, .. } => bank_days.strictly_after(day),
            Lookups::Installed(installation) => InstallationTables(installation).following_bank_day(day),
        }
    }

    fn default_benefit(&self, supplier: SupplierId, account: &[u8]) -> Option<BenefitCode> {
        match self {
            Lookups::Embedded { catalogue, .. } => catalogue.pair_default(supplier, account),
            Lookups::Installed(installation) => {
                InstallationTables(installation).default_benefit(supplier, account)
            }
        }
    }
}
