//! What the hub promises, and how a report on it looks.

use std::collections::BTreeMap;
use std::fmt::Write as _;

macro_rules! promises {
    ($($name:ident $sentence:literal;)*) => {
        /// A promise of reliability.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Promise { $(#[doc = $sentence] $name,)* }

        impl Promise {
            pub(crate) const ALL: &'static [Promise] = &[$(Promise::$name,)*];

            /// What is promised.
            pub(crate) fn sentence(self) -> &'static str {
                match self { $(Promise::$name => $sentence,)* }
            }
        }
    };
}

promises! {
    G1 "what was acknowledged is never lost";
    G2 "no attempt in two bundles, no payment with two live attempts";
    G3 "each payment in one state, each krone in one account, sums zero, replay equal";
    G4 "no error of any I/O call shows as success";
    G5 "bad inputs among good ones: the good come out, in time";
    G6 "a missed window runs once, late, and says so";
    G7 "sending again sends the same bytes, also by a later build";
    G8 "a restart needs no person, and comes to rest";
    G9 "disk full or read-only: stops safely, tells, resumes";
    G10 "no byte that changes an answer can be changed unseen";
    G11 "a store made by each earlier release opens";
    G12 "two users, two municipalities, never mix";
    G13 "no input crashes, hangs or swells the hub";
    G14 "no fault of a partner causes a double or a silent stop";
    G15 "trouble with logs or metrics never stops paying";
}

/// What was tried against a promise, and what broke.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    /// Things that went wrong on purpose, or were looked at.
    pub(crate) faults: u64,
    pub(crate) violations: Vec<String>,
}

/// All promises.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    rows: BTreeMap<Promise, Row>,
}

/// Violations shown of each promise.
const SHOWN: usize = 10;

impl Table {
    /// So many faults were tried against a promise.
    pub(crate) fn tried(&mut self, promise: Promise, faults: u64) {
        self.rows.entry(promise).or_default().faults += faults;
    }

    pub(crate) fn broken(&mut self, promise: Promise, what: String) {
        self.rows.entry(promise).or_default().violations.push(what);
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.rows.values().all(|row| row.violations.is_empty())
    }

    /// As README shows it.
    pub(crate) fn show(&self) -> String {
        let mut text =
            String::from("| promise | | faults injected | violations |\n| --- | --- | ---: | ---: |\n");
        for promise in Promise::ALL {
            let row = self.rows.get(promise).cloned().unwrap_or_default();
            let (sentence, faults) = (promise.sentence(), row.faults);
            let _ = writeln!(text, "| {promise:?} | {sentence} | {faults} | {} |", row.violations.len());
        }
        for (promise, row) in &self.rows {
            for what in row.violations.iter().take(SHOWN) {
                let _ = writeln!(text, "{promise:?} BROKEN: {what}");
            }
        }
        text
    }
}
