//! Vouchers (bilag) and their lines (posteringer), balanced by construction.
//!
//! A voucher is made by posting amounts under one rule of [`RULES`]; each amount is put on both sides at once, so an
//! unbalanced voucher cannot be expressed. Corrections are vouchers of their own; nothing is changed.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;
use toek_formats::vocabulary::{BenefitCode, MunicipalityCode, Ore};

use super::identity::{BundleNo, PaymentId, TransferNo};
use super::payment::{Posting, UnknownCode};

/// The role an account plays; the municipality's own account number is found by role, benefit and day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// UDB_K: control account between the case system's expense and the payment (TØK udbetaling kontrol).
    PaymentControl,
    /// MELLEM: what is owed to citizens and companies (mellemregning borger/virksomhed).
    Interim,
    /// BANK(n): the municipality's n-th bank account, from 1.
    Bank(u8),
    /// BANK of the error account (fejlkonto) that NemKonto pays to when the payee has no account.
    ErrorAccount,
    /// BAGATEL: amounts too small to be paid.
    Petty,
    /// KONTANT: paid over the municipality's counter.
    Cash,
    /// EGEN: settled over an account of the municipality's own.
    OwnAccount,
}

impl Account {
    /// As the store keeps it.
    pub fn code(self) -> i64 {
        match self {
            Account::PaymentControl => 1,
            Account::Interim => 2,
            Account::ErrorAccount => 3,
            Account::Petty => 4,
            Account::Cash => 5,
            Account::OwnAccount => 6,
            Account::Bank(n) => 256 + i64::from(n),
        }
    }

    /// The account behind a code of the store.
    pub fn from_code(code: i64) -> Result<Account, UnknownCode> {
        match code {
            1 => Ok(Account::PaymentControl),
            2 => Ok(Account::Interim),
            3 => Ok(Account::ErrorAccount),
            4 => Ok(Account::Petty),
            5 => Ok(Account::Cash),
            6 => Ok(Account::OwnAccount),
            256..=511 => Ok(Account::Bank((code - 256) as u8)),
            _ => Err(UnknownCode(u8::try_from(code).unwrap_or(u8::MAX))),
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Account::PaymentControl => f.pad("UDB_K"),
            Account::Interim => f.pad("MELLEM"),
            Account::Bank(1) => f.pad("BANK"),
            Account::Bank(n) => f.pad(&format!("BANK({n})")),
            Account::ErrorAccount => f.pad("BANK(fejlkonto)"),
            Account::Petty => f.pad("BAGATEL"),
            Account::Cash => f.pad("KONTANT"),
            Account::OwnAccount => f.pad("EGEN"),
        }
    }
}

/// A rule of the posting table (tax-and-claims.md section 6; 00-decisions.md 1.4, 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Rule {
    /// A payment is queued.
    P4 = 4,
    /// It is too small to be paid.
    P5 = 5,
    /// The bank has it.
    P6 = 6,
    /// It failed or came back after P6.
    P8 = 8,
    /// It came to rest on the error account after P6.
    P8ToErrorAccount = 9,
    /// It left the error account again, back to where it came from.
    P8FromErrorAccount = 10,
    /// It is recalled, or sent back to its case system.
    P9 = 11,
    /// It was paid by cash voucher.
    P10 = 12,
    /// It was settled over the municipality's own account.
    P11 = 13,
}

/// What a rule moves. One of the two sides carries a line per payment, the other one line per account and benefit.
#[derive(Clone, Copy, Debug)]
pub struct RuleRow {
    /// The rule.
    pub rule: Rule,
    /// As vouchers and screens name the event.
    pub event: &'static str,
    /// The account with a line per payment.
    pub each: Role,
    /// The account whose lines are summed per benefit.
    pub summed: Role,
    /// Whether the line per payment is the debit.
    pub each_is_debit: bool,
    /// What happened, in words.
    pub meaning: &'static str,
}

/// An account as the rule knows it, before the payment's own bank account is put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// See [`Account::PaymentControl`].
    PaymentControl,
    /// See [`Account::Interim`].
    Interim,
    /// The bank account the payment is paid from.
    PayingBank,
    /// See [`Account::ErrorAccount`].
    ErrorAccount,
    /// See [`Account::Petty`].
    Petty,
    /// See [`Account::Cash`].
    Cash,
    /// See [`Account::OwnAccount`].
    OwnAccount,
}

/// The posting table of this phase. P7 (refused before payment) posts nothing and so has no row.
pub const RULES: [RuleRow; 9] = [
    RuleRow {
        rule: Rule::P4,
        event: "P4",
        each: Role::Interim,
        summed: Role::PaymentControl,
        each_is_debit: false,
        meaning: "payment queued: owed to the payee",
    },
    RuleRow {
        rule: Rule::P5,
        event: "P5",
        each: Role::Petty,
        summed: Role::PaymentControl,
        each_is_debit: false,
        meaning: "below the benefit's smallest payment: kept on the petty account",
    },
    RuleRow {
        rule: Rule::P6,
        event: "P6",
        each: Role::Interim,
        summed: Role::PayingBank,
        each_is_debit: true,
        meaning: "the bank has taken the payment",
    },
    RuleRow {
        rule: Rule::P8,
        event: "P8",
        each: Role::Interim,
        summed: Role::PayingBank,
        each_is_debit: false,
        meaning: "the payment failed or came back after it had left",
    },
    RuleRow {
        rule: Rule::P8ToErrorAccount,
        event: "P8",
        each: Role::Interim,
        summed: Role::ErrorAccount,
        each_is_debit: false,
        meaning: "no account: the money lies on the error account and is owed again",
    },
    RuleRow {
        rule: Rule::P8FromErrorAccount,
        event: "P8",
        each: Role::ErrorAccount,
        summed: Role::PayingBank,
        each_is_debit: false,
        meaning: "the error account was refused too: the money is back where it came from",
    },
    RuleRow {
        rule: Rule::P9,
        event: "P9",
        each: Role::Interim,
        summed: Role::PaymentControl,
        each_is_debit: true,
        meaning: "recalled, or sent back to its case system: owed no more",
    },
    RuleRow {
        rule: Rule::P10,
        event: "P10",
        each: Role::Interim,
        summed: Role::Cash,
        each_is_debit: true,
        meaning: "paid by cash voucher",
    },
    RuleRow {
        rule: Rule::P11,
        event: "P11",
        each: Role::Interim,
        summed: Role::OwnAccount,
        each_is_debit: true,
        meaning: "settled over the municipality's own account",
    },
];

impl Rule {
    /// Its row in [`RULES`].
    pub fn row(self) -> &'static RuleRow {
        let found = RULES.iter().find(|row| row.rule == self);
        found.unwrap_or(&RULES[0]) // every rule has a row: see the test
    }

    /// The rule behind a code of the store.
    pub fn from_code(code: u8) -> Result<Rule, UnknownCode> {
        RULES.iter().map(|row| row.rule).find(|rule| *rule as u8 == code).ok_or(UnknownCode(code))
    }

    /// The two sides for a payment paid from bank account `bank`: the account with a line per payment, its signed
    /// direction (+1 debit), and the counter account.
    pub fn sides(self, bank: u8) -> (Account, i64, Account) {
        let account = |role| match role {
            Role::PaymentControl => Account::PaymentControl,
            Role::Interim => Account::Interim,
            Role::PayingBank => Account::Bank(bank),
            Role::ErrorAccount => Account::ErrorAccount,
            Role::Petty => Account::Petty,
            Role::Cash => Account::Cash,
            Role::OwnAccount => Account::OwnAccount,
        };
        let row = self.row();
        (account(row.each), if row.each_is_debit { 1 } else { -1 }, account(row.summed))
    }
}

impl Posting {
    /// The rules to apply, in order.
    pub fn rules(self) -> &'static [Rule] {
        match self {
            Posting::P6 => &[Rule::P6],
            Posting::P8 => &[Rule::P8],
            Posting::P6ThenP8ToErrorAccount => &[Rule::P6, Rule::P8ToErrorAccount],
            Posting::P8FromErrorAccount => &[Rule::P8FromErrorAccount],
        }
    }
}

/// What a voucher was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The transfer that brought the payments.
    Transfer(TransferNo),
    /// The bundle they were paid in.
    Bundle(BundleNo),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Transfer(no) => write!(f, "transfer {}", no.0),
            Source::Bundle(no) => write!(f, "bundle {}", no.0),
        }
    }
}

/// One line: debit positive, credit negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where.
    pub account: Account,
    /// The benefit it concerns.
    pub benefit: BenefitCode,
    /// The payment, on lines that carry one each.
    pub payment: Option<PaymentId>,
    /// Signed amount: debit positive, credit negative.
    pub amount: Ore,
}

/// A balanced finance entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voucher {
    /// Whose books.
    pub municipality: MunicipalityCode,
    /// Why.
    pub rule: Rule,
    /// For what.
    pub source: Source,
    /// The day it is booked on (bogføringsdato).
    pub booking_day: Date,
    /// One line per payment, then the summed counter lines.
    pub lines: Vec<Line>,
}

impl Voucher {
    /// How many payments it covers.
    pub fn payments(&self) -> usize {
        self.lines.iter().filter(|line| line.payment.is_some()).count()
    }
}

/// Collects amounts into vouchers: one per municipality, rule, source, booking day and bank account, at most as many
/// payments each as the municipality's limit allows.
pub struct Vouchers<'l> {
    limit: &'l dyn Fn(MunicipalityCode) -> usize,
    open: BTreeMap<Key, Open>,
    full: Vec<Voucher>,
}

struct Open {
    limit: usize,
    lines: Vec<Line>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    municipality: MunicipalityCode,
    rule: Rule,
    source: Source,
    booking_day: Date,
    bank: u8,
}

impl<'l> Vouchers<'l> {
    /// Starts with none. `limit`: the most payments a voucher of a municipality may cover.
    pub fn new(limit: &'l dyn Fn(MunicipalityCode) -> usize) -> Vouchers<'l> {
        Vouchers { limit, open: BTreeMap::new(), full: Vec::new() }
    }

    /// Moves `entry.amount` under `rule`, on both sides.
    ///
    /// # Panics
    /// When the municipality's limit is 0: no voucher could cover anything.
    pub fn post(&mut self, rule: Rule, source: Source, booking_day: Date, entry: Entry) {
        let key = Key { municipality: entry.municipality, rule, source, booking_day, bank: entry.bank };
        let (account, direction, _) = rule.sides(entry.bank);
        let amount = Ore(direction * entry.amount.0);
        let open = self.open.entry(key).or_insert_with(|| {
            let limit = (self.limit)(entry.municipality);
            assert!(limit > 0, "a voucher must cover at least one payment");
            Open { limit, lines: Vec::new() }
        });
        open.lines.push(Line { account, benefit: entry.benefit, payment: Some(entry.payment), amount });
        if open.lines.len() == open.limit {
            let lines = std::mem::take(&mut open.lines);
            self.full.push(close(key, lines));
        }
    }

    /// All vouchers, each balanced.
    pub fn finish(mut self) -> Vec<Voucher> {
        for (key, Open { lines, .. }) in self.open {
            if !lines.is_empty() {
                self.full.push(close(key, lines));
            }
        }
        self.full
    }
}

/// One payment's amount to be posted.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The payment.
    pub payment: PaymentId,
    /// Whose books.
    pub municipality: MunicipalityCode,
    /// The benefit.
    pub benefit: BenefitCode,
    /// The amount, positive.
    pub amount: Ore,
    /// Which of the municipality's bank accounts it is paid from.
    pub bank: u8,
}

fn close(key: Key, mut lines: Vec<Line>) -> Voucher {
    let (_, _, counter) = key.rule.sides(key.bank);
    let mut sums: BTreeMap<BenefitCode, Ore> = BTreeMap::new();
    for line in &lines {
        *sums.entry(line.benefit).or_default() += line.amount;
    }
    let counter_lines = sums.into_iter().map(|(benefit, sum)| Line {
        account: counter,
        benefit,
        payment: None,
        amount: -sum,
    });
    lines.extend(counter_lines);
    let Key { municipality, rule, source, booking_day, .. } = key;
    Voucher { municipality, rule, source, booking_day, lines }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    const DAY: Date = date(2026, 1, 30);

    fn entry(record: u32, municipality: u16, benefit: u16, amount: i64) -> Entry {
        Entry {
            payment: PaymentId::new(TransferNo(1), record),
            municipality: MunicipalityCode(municipality),
            benefit: BenefitCode(benefit),
            amount: Ore(amount),
            bank: 1,
        }
    }

    #[test]
    fn every_rule_has_a_row_and_moves_between_two_accounts() {
        for RuleRow { rule, .. } in RULES {
            assert_eq!(rule.row().rule, rule);
            let (each, _, summed) = rule.sides(1);
            assert_ne!(each, summed);
            assert_eq!(Rule::from_code(rule as u8), Ok(rule));
        }
    }

    #[test]
    fn a_queued_payment_credits_interim_and_debits_control() {
        let mut vouchers = Vouchers::new(&|_| 2_000);
        vouchers.post(Rule::P4, Source::Transfer(TransferNo(1)), DAY, entry(1, 751, 101, 1_093_200));
        vouchers.post(Rule::P4, Source::Transfer(TransferNo(1)), DAY, entry(2, 751, 103, 800));
        let all = vouchers.finish();
        let shown: Vec<_> = all[0].lines.iter().map(|l| (l.account.to_string(), l.amount.0)).collect();
        let expected = [("MELLEM", -1_093_200), ("MELLEM", -800), ("UDB_K", 1_093_200), ("UDB_K", 800)];
        assert_eq!(shown, expected.map(|(account, amount)| (account.to_owned(), amount)));
        assert_eq!(all.len(), 1);
    }

    #[test]
    fn accounts_come_back_from_their_codes() {
        for account in [
            Account::PaymentControl,
            Account::Interim,
            Account::ErrorAccount,
            Account::Petty,
            Account::Cash,
            Account::OwnAccount,
            Account::Bank(1),
            Account::Bank(9),
        ] {
            assert_eq!(Account::from_code(account.code()), Ok(account));
        }
        assert!(Account::from_code(0).is_err());
    }

    proptest! {
        #[test]
        fn vouchers_balance_and_lose_nothing(
            amounts in prop::collection::vec((1i64..1_000_000_000, 0u16..3, 0u16..4), 1..200),
            limit in 1usize..50,
        ) {
            let limits = |municipality: MunicipalityCode| limit + usize::from(municipality.0);
            let mut vouchers = Vouchers::new(&limits);
            for (record, (amount, municipality, benefit)) in (1u32..).zip(&amounts) {
                vouchers.post(Rule::P6, Source::Bundle(BundleNo(1)), DAY, entry(record, *municipality, *benefit, *amount));
            }
            let all = vouchers.finish();
            for voucher in &all {
                prop_assert_eq!(voucher.lines.iter().map(|l| l.amount).sum::<Ore>(), Ore::ZERO);
                prop_assert!(voucher.payments() <= limits(voucher.municipality) && voucher.lines.len() >= 2);
            }
            let moved: i64 = all.iter().flat_map(|v| &v.lines).filter(|l| l.payment.is_some()).map(|l| l.amount.0).sum();
            prop_assert_eq!(moved, amounts.iter().map(|(a, _, _)| a).sum::<i64>());
        }
    }
}
