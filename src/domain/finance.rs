//! Finance vouchers on their way to the ERP (features 2.3.11, 3.3.1): where one stands, and what is said of it.
//!
//! What is booked stands in the ledger and never changes; what is *sent* of it can be refused, and is then built anew
//! under a new identification. So a voucher has tries, as a payment has attempts.

use super::ledger::{Account, Rule};
use super::payment::UnknownCode;

/// Where a file of vouchers stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum FileState {
    /// Its vouchers are chosen; its ids are fixed.
    Numbered = 1,
    /// Its bytes lie in the archive.
    Archived = 2,
    /// Uploaded, and about to be made the counterparty's: whether it is, must be looked at.
    Committing = 3,
    /// Made the counterparty's.
    Sent = 4,
    /// Its receipt, or our own look, says that it was delivered.
    Landed = 5,
    /// Every voucher in it is answered.
    Answered = 6,
    /// It was not delivered: a person decides.
    Failed = 7,
}

impl FileState {
    const ALL: [FileState; 7] = [
        FileState::Numbered,
        FileState::Archived,
        FileState::Committing,
        FileState::Sent,
        FileState::Landed,
        FileState::Answered,
        FileState::Failed,
    ];

    /// The state behind a code of the store.
    pub fn from_code(code: u8) -> Result<FileState, UnknownCode> {
        FileState::ALL.into_iter().find(|state| *state as u8 == code).ok_or(UnknownCode(code))
    }

    /// As screens and `--json` name it.
    pub fn text(self) -> &'static str {
        match self {
            FileState::Numbered => "numbered",
            FileState::Archived => "archived",
            FileState::Committing => "committing",
            FileState::Sent => "sent",
            FileState::Landed => "landed",
            FileState::Answered => "answered",
            FileState::Failed => "failed",
        }
    }
}

/// Where one try to send a voucher stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum VoucherState {
    /// In a file, not answered.
    InFile = 1,
    /// The ERP has booked it.
    Accepted = 2,
    /// The ERP refused it.
    Refused = 3,
}

impl VoucherState {
    /// The state behind a code of the store.
    pub fn from_code(code: u8) -> Result<VoucherState, UnknownCode> {
        let all = [VoucherState::InFile, VoucherState::Accepted, VoucherState::Refused];
        all.into_iter().find(|state| *state as u8 == code).ok_or(UnknownCode(code))
    }

    /// As screens and `--json` name it.
    pub fn text(self) -> &'static str {
        match self {
            VoucherState::InFile => "sent",
            VoucherState::Accepted => "accepted",
            VoucherState::Refused => "refused",
        }
    }
}

/// What the ERP says of a voucher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Booked, under its own number there.
    Accepted {
        /// The ERP's number, where it tells one.
        erp_number: Option<String>,
    },
    /// Refused.
    Refused {
        /// Why, in its words, with long numbers hidden.
        cause: String,
    },
}

/// What follows from a verdict, given where the try stands: the new state, or `None` when nothing changes; and whether a
/// person is told. The first result stands (oir-finans-sf1590a.md 7).
pub fn judge(state: VoucherState, verdict: &Verdict) -> (Option<VoucherState>, bool) {
    match (state, verdict) {
        (VoucherState::InFile, Verdict::Accepted { .. }) => (Some(VoucherState::Accepted), false),
        (VoucherState::InFile, Verdict::Refused { .. }) => (Some(VoucherState::Refused), true),
        (VoucherState::Accepted, Verdict::Accepted { .. })
        | (VoucherState::Refused, Verdict::Refused { .. }) => (None, false),
        (VoucherState::Accepted, Verdict::Refused { .. })
        | (VoucherState::Refused, Verdict::Accepted { .. }) => (None, true),
    }
}

/// Why a person's word on a voucher that the ERP both accepted and refused cannot be taken, if it cannot: booked twice is
/// not settled by saying so. `later`: where the newest try after the contradicted one stands, if there is any.
pub fn contradiction_stands(was_booked: bool, later: Option<VoucherState>) -> Option<&'static str> {
    match (was_booked, later) {
        (false, _) | (true, None | Some(VoucherState::Refused)) => None,
        (true, Some(VoucherState::InFile | VoucherState::Accepted)) => Some(
            "it was built anew and sent since, so it may be booked twice: have one of the two taken back at the ERP, then \
             settle this one as refused",
        ),
    }
}

/// The rule of the vouchers that those of this rule take back: they wait until those are accepted (00-decisions.md 2.5).
pub fn takes_back(rule: Rule) -> Option<Rule> {
    match rule {
        Rule::P4 | Rule::P5 | Rule::P6 | Rule::P10 | Rule::P11 => None,
        Rule::P8 | Rule::P8ToErrorAccount | Rule::P8FromErrorAccount => Some(Rule::P6),
        Rule::P9 => Some(Rule::P4),
    }
}

/// The heading of a voucher on the account (FinansbilagTekst), at most 40 characters.
pub fn heading(rule: Rule) -> &'static str {
    match rule {
        Rule::P4 => "Udbetaling bestilt",
        Rule::P5 => "Under mindstebeløb",
        Rule::P6 => "Udbetalt via NemKonto",
        Rule::P8 => "Udbetaling kommet retur",
        Rule::P8ToErrorAccount => "Udbetaling til fejlkonto",
        Rule::P8FromErrorAccount => "Fejlkonto afvist",
        Rule::P9 => "Udbetaling tilbagekaldt",
        Rule::P10 => "Udbetalt kontant",
        Rule::P11 => "Afregnet over egen konto",
    }
}

/// The text of a posting (PosteringsdataTekst): the heading, and the account's part in it.
pub fn posting_text(rule: Rule, account: Account) -> String {
    format!("{}, {account}", heading(rule))
}

/// The number for people of a voucher's try (Bilagsnummer): `TOEK-2026-00000001`, `-2` at its end for the second try.
pub fn document_number(year: i16, voucher_no: i64, attempt: u8) -> String {
    let again = if attempt > 1 { format!("-{attempt}") } else { String::new() };
    format!("TOEK-{year:04}-{voucher_no:08}{again}")
}

#[cfg(test)]
mod tests {
    use super::super::ledger::{RULES, RuleRow};
    use super::*;

    #[test]
    fn the_first_result_stands() {
        let (yes, no) =
            (Verdict::Accepted { erp_number: None }, Verdict::Refused { cause: "F030".to_owned() });
        assert_eq!(judge(VoucherState::InFile, &yes), (Some(VoucherState::Accepted), false));
        assert_eq!(judge(VoucherState::InFile, &no), (Some(VoucherState::Refused), true));
        assert_eq!(judge(VoucherState::Accepted, &yes), (None, false));
        assert_eq!(judge(VoucherState::Accepted, &no), (None, true));
        assert_eq!(judge(VoucherState::Refused, &yes), (None, true));
    }

    #[test]
    fn a_contradiction_is_settled_unless_it_was_sent_again() {
        use VoucherState::{Accepted, InFile, Refused};
        for (booked, later, taken) in [
            (true, None, true),
            (true, Some(Refused), true),
            (true, Some(InFile), false),
            (true, Some(Accepted), false),
            (false, None, true),
            (false, Some(InFile), true),
            (false, Some(Accepted), true),
        ] {
            assert_eq!(contradiction_stands(booked, later).is_none(), taken, "{booked} {later:?}");
        }
    }

    #[test]
    fn texts_fit() {
        for RuleRow { rule, .. } in RULES {
            assert!(heading(rule).chars().count() <= 40);
        }
        assert_eq!(document_number(2026, 7, 1), "TOEK-2026-00000007");
        assert_eq!(document_number(2026, 7, 2), "TOEK-2026-00000007-2");
    }
}
