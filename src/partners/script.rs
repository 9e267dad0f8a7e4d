//! What the simulated NemKonto does with which payment: rules in a TOML file, first match counts.
//!
//! A decision depends only on what the sender of a G68 record knows too (municipality, payee, amount, day), so
//! that a generated file's manifest can state the outcome before anything ran. Rules that look at the bundle's
//! own number are the exception: what they decide cannot be foreseen, and [`Script::foresee`] says so.

use std::fmt;

use jiff::Span;
use jiff::civil::Date;
use serde::Deserialize;
use toek_formats::vocabulary::{MunicipalityCode, Party};

use crate::generator::random::mix_all;

/// Everything accepted, everything answered: the smallest script.
pub const CALM: &str = include_str!("../../fixtures/scripts/calm.toml");
/// Some of everything, at the shares of a bad day.
pub const DEMO: &str = include_str!("../../fixtures/scripts/demo.toml");
/// Every kind of answer and every disorder of delivery, often.
pub const HOSTILE: &str = include_str!("../../fixtures/scripts/hostile.toml");

/// Shares are given per so many.
const SHARE_OF: u64 = 1_000;

/// A script that cannot be used; the text names line, column and rule.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// Not TOML of this shape.
    #[error("{file}: {source}")]
    Form {
        /// The file, as the caller calls it.
        file: String,
        /// Where and what.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A code that no reader would know from another.
    #[error("{file}: {rule}: `code` goes with refusals only, and has 4 digits")]
    Code {
        /// The file, as the caller calls it.
        file: String,
        /// Which rule, counted from 1.
        rule: String,
    },
    /// A rule that makes no sense.
    #[error("{file}:{line}:{column}: {what}")]
    Rule {
        /// The file, as the caller calls it.
        file: String,
        /// 1-based.
        line: usize,
        /// 1-based, in characters.
        column: usize,
        /// What is wrong.
        what: String,
    },
}

impl ScriptError {
    /// A mistake at this byte of `text`.
    pub(super) fn at(text: &str, file: &str, offset: usize, what: &str) -> ScriptError {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        ScriptError::Rule { file: file.to_owned(), line, column, what: what.to_owned() }
    }
}

/// A script: who is answered how, and when.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Moves every share; the same seed gives the same answers.
    #[serde(default)]
    pub seed: u64,
    /// How amounts are written in answers.
    #[serde(default)]
    pub amounts: AmountForm,
    /// Benefit types (ydelsesart) that are known; empty: all.
    #[serde(default)]
    pub known_benefits: Vec<String>,
    /// Authority numbers (ADMID) that have an agreement; empty: all.
    #[serde(default)]
    pub known_authorities: Vec<String>,
    /// Who writes to whom when the file itself could not tell.
    #[serde(default)]
    pub parties: Parties,
    /// How long after its bundle each answer comes.
    #[serde(default)]
    pub delays: Delays,
    /// What becomes of whole bundles.
    #[serde(default, rename = "bundle")]
    pub bundles: Vec<BundleRule>,
    /// What becomes of payments in bundles that were taken.
    #[serde(default, rename = "payment")]
    pub payments: Vec<PaymentRule>,
}

/// The two ids of sender and receiver (nemkonto.md 2.3); the defaults are the specification's examples.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Parties {
    /// The data supplier's id.
    pub supplier: String,
    /// The data supplier's GLN.
    pub supplier_gln: String,
    /// NemKonto's id.
    pub nks: String,
    /// NemKonto's GLN.
    pub nks_gln: String,
}

impl Default for Parties {
    fn default() -> Parties {
        Parties {
            supplier: "HUBTEST".to_owned(),
            supplier_gln: "5798009999009".to_owned(),
            nks: "NKSTEST".to_owned(),
            nks_gln: "5798009999016".to_owned(),
        }
    }
}

/// How an amount is written in an answer (nemkonto.md 4.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AmountForm {
    /// Digits only, three implied decimals: `1250000` for 1,250.00 kr. Confirmed for answers.
    #[default]
    Implied3,
    /// `1250.00`.
    Decimal2,
}

/// A time span in a script, `20m`, `1d 2h`.
#[derive(Clone, Copy)]
pub struct Delay(pub Span);

impl fmt::Debug for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

impl<'de> Deserialize<'de> for Delay {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Delay, D::Error> {
        let text = String::deserialize(input)?;
        let span: Span = text.parse().map_err(serde::de::Error::custom)?;
        if span.is_negative() {
            return Err(serde::de::Error::custom("a delay is not negative"));
        }
        Ok(Delay(span))
    }
}

/// When each answer comes, counted from the moment the bundle was taken.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Delays {
    /// Receipts 0 and 1.
    pub receipt: Delay,
    /// Answer 2.
    pub answer2: Delay,
    /// Answer 5.
    pub answer5: Delay,
    /// Answer 7.
    pub answer7: Delay,
    /// Answer 8.
    pub answer8: Delay,
    /// Answer 9 in place of an 8.
    pub answer9: Delay,
    /// Answer 9 after an 8.
    pub answer9_after_8: Delay,
}

impl Default for Delays {
    fn default() -> Delays {
        let minutes = |n: i64| Delay(Span::new().minutes(n));
        Delays {
            receipt: minutes(1),
            answer2: minutes(20),
            answer5: minutes(120),
            answer7: minutes(180),
            answer8: minutes(360),
            answer9: minutes(420),
            answer9_after_8: minutes(480),
        }
    }
}

/// A civil date in a script, `"2026-01-30"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day(pub Date);

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Day, D::Error> {
        let text = String::deserialize(input)?;
        text.parse().map(Day).map_err(serde::de::Error::custom)
    }
}

/// A municipality code in a script, `"0751"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Municipality(pub MunicipalityCode);

impl<'de> Deserialize<'de> for Municipality {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Municipality, D::Error> {
        let text = String::deserialize(input)?;
        MunicipalityCode::parse(&text).map(Municipality).map_err(serde::de::Error::custom)
    }
}

/// One rule about whole bundles. What is not given matches everything.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleRule {
    /// Whose bundles.
    #[serde(default)]
    pub municipalities: Vec<Municipality>,
    /// Bundles whose first disposition date is one of these.
    #[serde(default)]
    pub days: Vec<Day>,
    /// Bundles whose reference ends in one of these sequence numbers. Cannot be foreseen from G68 records.
    #[serde(default)]
    pub sequences: Vec<u64>,
    /// Only bundles whose first disposition date is at least two bank days after their creation, which spares
    /// immediate payments: nobody can foresee on which day the hub sends those.
    #[serde(default)]
    pub ordinary_only: bool,
    /// So many per thousand of (municipality, day), chosen by the seed; not given: all.
    pub share: Option<u64>,
    /// What becomes of the bundle.
    pub answer: BundleAnswer,
    /// The reason code of a refusal; four digits.
    pub code: Option<String>,
    /// The reason text of a refusal.
    pub text: Option<String>,
    /// All answers later by so much.
    pub late: Option<Delay>,
    /// Every answer twice, the second under another name.
    #[serde(default)]
    pub twice: bool,
    /// The last answer first.
    #[serde(default)]
    pub reversed: bool,
    /// Answers besides that nobody can make sense of.
    #[serde(default)]
    pub strays: Vec<Stray>,
}

/// What becomes of a whole bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BundleAnswer {
    /// Taken; its payments go by the payment rules.
    Accept,
    /// Receipt 0 the first time, as if the file had been damaged on its way; taken when the same comes again.
    Unreadable,
    /// Receipt 1 with RJCT.
    RefuseAtReceipt,
    /// Receipt 1 with ACPT, then answer 2 with RJCT.
    Refuse,
    /// Taken, then stopped by the authority: answer 5 that lists no payment.
    Stop,
    /// Taken, and never a word about it.
    Silent,
}

/// An answer that nobody can make sense of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stray {
    /// An answer 8 to a bundle that nobody sent.
    UnknownBundle,
    /// A message whose root element is in no specification.
    UnknownRoot,
    /// A file that ends in the middle.
    CutShort,
}

/// One rule about single payments. What is not given matches everything.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaymentRule {
    /// Whose payments.
    #[serde(default)]
    pub municipalities: Vec<Municipality>,
    /// Payments whose amount ends in these two digits of øre.
    #[serde(default)]
    pub amount_endings: Vec<u64>,
    /// Payments to payees whose number ends in one of these texts.
    #[serde(default)]
    pub payee_endings: Vec<String>,
    /// So many per thousand of (municipality, payee, amount), chosen by the seed; not given: all.
    pub share: Option<u64>,
    /// What becomes of the payment.
    pub answer: PaymentAnswer,
    /// The reason code of a refusal; four digits.
    pub code: Option<String>,
    /// The reason text of a refusal.
    pub text: Option<String>,
}

/// What becomes of one payment in a bundle that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PaymentAnswer {
    /// Answer 8: the bank has it.
    Accept,
    /// Refused in answer 2, which is then PART.
    Refuse,
    /// Answer 7: no account, returned.
    Return,
    /// Answer 7: no account, paid by check.
    Check,
    /// Answer 7: no account, paid to the authority's own error account.
    ErrorAccount,
    /// Answer 7: no account, paid to the state's waiting account.
    WaitingAccount,
    /// Answer 7 with a text that no list has.
    UnknownText,
    /// Answer 9.
    BankRefuse,
    /// Answer 8, and later answer 9.
    BankRefuseLater,
    /// Answer 8 with another amount than was sent.
    OtherAmount,
    /// No word about this payment.
    Silent,
}

/// Where a payment stands when all answers have come. ASSUMED where 00-decisions.md section 1 leaves a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// At the bank, or paid in a way that discharges the authority.
    Paid,
    /// Refused, returned or answered in a way nobody can read: open, and a person decides what comes next.
    Returned,
    /// Nobody can say yet.
    Waiting,
}

impl PaymentAnswer {
    /// What the hub should show in the end.
    pub fn outcome(self) -> Outcome {
        match self {
            PaymentAnswer::Accept | PaymentAnswer::Check | PaymentAnswer::WaitingAccount => Outcome::Paid,
            PaymentAnswer::Refuse
            | PaymentAnswer::Return
            | PaymentAnswer::ErrorAccount // the authority has its money back: the payment stays open
            | PaymentAnswer::BankRefuse
            | PaymentAnswer::BankRefuseLater
            | PaymentAnswer::UnknownText
            | PaymentAnswer::OtherAmount => Outcome::Returned,
            PaymentAnswer::Silent => Outcome::Waiting,
        }
    }

    /// Whether the payee may have got money.
    pub fn may_have_paid(self) -> bool {
        match self {
            PaymentAnswer::Accept
            | PaymentAnswer::Check
            | PaymentAnswer::WaitingAccount
            | PaymentAnswer::UnknownText
            | PaymentAnswer::OtherAmount
            | PaymentAnswer::Silent => true,
            PaymentAnswer::Refuse
            | PaymentAnswer::Return
            | PaymentAnswer::ErrorAccount
            | PaymentAnswer::BankRefuse
            | PaymentAnswer::BankRefuseLater => false,
        }
    }
}

impl BundleAnswer {
    /// What the hub should show in the end for every payment of the bundle; `None`: each by its own rule.
    pub fn outcome(self) -> Option<Outcome> {
        match self {
            BundleAnswer::Accept => None,
            // A stop that nobody recorded leaves the payments to a person (00-decisions.md 1.2).
            BundleAnswer::RefuseAtReceipt | BundleAnswer::Refuse | BundleAnswer::Stop => {
                Some(Outcome::Returned)
            }
            BundleAnswer::Unreadable | BundleAnswer::Silent => Some(Outcome::Waiting),
        }
    }
}

/// What a rule about a payment may look at.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Who pays.
    pub municipality: MunicipalityCode,
    /// Who is paid; a payment with an account may name nobody.
    pub payee: Option<Party>,
    /// How much, in øre.
    pub amount_ore: i64,
}

/// What a rule about a bundle may look at.
#[derive(Clone, Copy, Debug)]
pub struct BundleFacts {
    /// Who pays.
    pub municipality: MunicipalityCode,
    /// The first disposition date.
    pub day: Date,
    /// Whether that date is at least two bank days after the bundle was made.
    pub ordinary: bool,
    /// The sequence number at the end of its reference.
    pub sequence: u64,
}

impl BundleRule {
    fn matches(&self, script: &Script, bundle: &BundleFacts) -> bool {
        self.may_match(script, bundle)
            && (self.sequences.is_empty() || self.sequences.contains(&bundle.sequence))
    }

    /// As far as everything but the sequence number tells.
    fn may_match(&self, script: &Script, bundle: &BundleFacts) -> bool {
        let municipality = u64::from(bundle.municipality.0);
        self.is_about(bundle.municipality)
            && (self.days.is_empty() || self.days.contains(&Day(bundle.day)))
            && (bundle.ordinary || !self.ordinary_only)
            && within(self.share, &[script.seed, 1, municipality, day_number(bundle.day)])
    }

    fn is_about(&self, municipality: MunicipalityCode) -> bool {
        self.municipalities.is_empty() || self.municipalities.contains(&Municipality(municipality))
    }

    /// Whether it decides about a payment of this municipality and day: yes, no, or `None`, nobody knows yet.
    fn foreseen(&self, script: &Script, municipality: MunicipalityCode, day: Option<Date>) -> Option<bool> {
        match day {
            Some(day) => {
                let bundle = BundleFacts { municipality, day, ordinary: true, sequence: 0 };
                match self.may_match(script, &bundle) {
                    false => Some(false),
                    true if self.sequences.is_empty() => Some(true),
                    true => None,
                }
            }
            None if self.ordinary_only || !self.is_about(municipality) => Some(false),
            None if self.days.is_empty() && self.share.is_none() && self.sequences.is_empty() => Some(true),
            None => None,
        }
    }
}

fn day_number(day: Date) -> u64 {
    u64::from(day.year().unsigned_abs()) * 1_000 + u64::from(day.day_of_year().unsigned_abs())
}

/// Whether what these numbers stand for is in a share of so many per thousand.
pub(super) fn within(share: Option<u64>, parts: &[u64]) -> bool {
    share.is_none_or(|share| mix_all(parts) % SHARE_OF < share)
}

impl PaymentRule {
    fn matches(&self, script: &Script, facts: &Facts) -> bool {
        let ending = facts.amount_ore.unsigned_abs() % 100;
        let payee = facts.payee.map_or(0, |payee| payee.number);
        let parts = [script.seed, 2, u64::from(facts.municipality.0), payee, facts.amount_ore.unsigned_abs()];
        (self.municipalities.is_empty() || self.municipalities.contains(&Municipality(facts.municipality)))
            && (self.amount_endings.is_empty() || self.amount_endings.contains(&ending))
            && (self.payee_endings.is_empty() || self.payee_fits(facts.payee))
            && within(self.share, &parts)
    }

    fn payee_fits(&self, payee: Option<Party>) -> bool {
        let Some(digits) = payee.map(Party::digits) else { return false };
        self.payee_endings.iter().any(|ending| digits.ends_with(ending.as_str()))
    }
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// [`ScriptError`] naming `file` and the place in it.
    pub fn load(text: &str, file: &str) -> Result<Script, ScriptError> {
        let script: Script = toml::from_str(text)
            .map_err(|e| ScriptError::Form { file: file.to_owned(), source: Box::new(e) })?;
        let codes = script.bundles.iter().map(|r| &r.code).chain(script.payments.iter().map(|r| &r.code));
        for (place, code) in codes.enumerate() {
            let fits = code.as_ref().is_none_or(|c| c.len() == 4 && c.bytes().all(|b| b.is_ascii_digit()));
            if !fits {
                let rule = format!("rule {}", place + 1);
                return Err(ScriptError::Code { file: file.to_owned(), rule });
            }
        }
        Ok(script)
    }

    /// The rule that decides about a bundle; `None`: accept.
    pub fn bundle_rule(&self, bundle: &BundleFacts) -> Option<&BundleRule> {
        self.bundles.iter().find(|rule| rule.matches(self, bundle))
    }

    /// The rule that decides about a payment of a bundle that was taken; `None`: accept.
    pub fn payment_rule(&self, facts: &Facts) -> Option<&PaymentRule> {
        self.payments.iter().find(|rule| rule.matches(self, facts))
    }

    /// What will become of a payment, from what its sender knows; `None` when that depends on how the hub
    /// bundles. `day` is the disposition date the hub will send for an ordinary payment, `None` for an immediate
    /// one, whose day the hub chooses.
    pub fn foresee(&self, facts: &Facts, day: Option<Date>) -> Option<Outcome> {
        let own = self.payment_rule(facts).map_or(PaymentAnswer::Accept, |rule| rule.answer).outcome();
        let mut uncertain: Option<Outcome> = None; // what a rule would give of which nobody knows yet if it fits
        for rule in &self.bundles {
            let outcome = rule.answer.outcome().unwrap_or(own);
            match rule.foreseen(self, facts.municipality, day) {
                Some(false) => {}
                Some(true) => return agreeing(uncertain, outcome),
                None => uncertain = Some(agreeing(uncertain, outcome)?),
            }
        }
        agreeing(uncertain, own)
    }
}

/// The outcome, unless something else may come.
fn agreeing(uncertain: Option<Outcome>, outcome: Outcome) -> Option<Outcome> {
    uncertain.is_none_or(|other| other == outcome).then_some(outcome)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use toek_formats::vocabulary::IdentCode;

    use super::*;

    fn facts(amount_ore: i64) -> Facts {
        let payee = Some(Party { code: IdentCode::Cpr, number: 1_506_305_000 });
        Facts { municipality: MunicipalityCode(751), payee, amount_ore }
    }

    #[test]
    fn the_scripts_of_the_house_can_be_read() {
        for (text, file) in [(CALM, "calm.toml"), (DEMO, "demo.toml"), (HOSTILE, "hostile.toml")] {
            Script::load(text, file).unwrap();
        }
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let script = Script::load(
            r#"
            [[bundle]]
            municipalities = ["0751"]
            days = ["2026-01-30"]
            answer = "refuse"
            [[bundle]]
            municipalities = ["0101"]
            sequences = [3]
            answer = "silent"
            [[payment]]
            amount_endings = [13]
            answer = "return"
            [[payment]]
            payee_endings = ["5000"]
            amount_endings = [14]
            answer = "check"
            "#,
            "test.toml",
        )
        .unwrap();
        let elsewhere = date(2026, 2, 2);
        let copenhagen = |amount| Facts { municipality: MunicipalityCode(101), ..facts(amount) };
        let table = [
            (facts(10_013), Some(elsewhere), Some(Outcome::Returned)),
            (facts(10_014), Some(elsewhere), Some(Outcome::Paid)),
            (facts(10_014), Some(date(2026, 1, 30)), Some(Outcome::Returned)),
            (facts(10_013), None, Some(Outcome::Returned)), // whatever the day, it comes back
            (facts(10_014), None, None),
            (copenhagen(10_014), Some(elsewhere), None), // its bundle may be the third
        ];
        for (facts, day, expected) in table {
            assert_eq!(script.foresee(&facts, day), expected, "{facts:?} {day:?}");
        }
    }

    #[test]
    fn a_share_is_a_share() {
        let script = Script::load("[[payment]]\nshare = 100\nanswer = \"refuse\"", "test.toml").unwrap();
        let refused = (0..10_000).filter(|n| script.payment_rule(&facts(*n)).is_some()).count();
        assert!((900..1_100).contains(&refused), "{refused}");
    }

    #[test]
    fn mistakes_name_file_and_place() {
        let table = [
            ("[[payment]]\nanswer = \"lose\"", "test.toml: TOML parse error at line 2"),
            ("[[payment]]\nanswer = \"refuse\"\ncode = \"4\"", "test.toml: rule 1: `code`"),
            ("[delays]\nreceipt = \"-1h\"", "a delay is not negative"),
            ("[[bundle]]\nanswer = \"silent\"\nday = []", "unknown field `day`"),
        ];
        for (text, expected) in table {
            let error = Script::load(text, "test.toml").unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
