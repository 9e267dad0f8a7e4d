//! What a line of a bank's statement says it pays for (feature 3.1.11), and how old a difference is.
//!
//! Takes references only, never amounts alone: two bundles of the same sum are not told apart by it. Knows no statement
//! format and no store.

use toek_formats::vocabulary::Ore;

use super::identity::{AttemptId, read_group_id};

/// One transaction within a line, as far as references go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The payment's reference, where there is one.
    pub reference: Option<String>,
    /// What it moved, signed; `None` where the bank does not say.
    pub amount: Option<Ore>,
}

/// What a line is for, by its references. They are not held against any store yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// All of it for a bundle (GrpId).
    Bundle(String),
    /// So much of it for one attempt (EndToEndId, as it was sent).
    Attempt(AttemptId, String, Ore),
}

/// What a line that moved `amount` claims to be for. A bundle's reference is taken before those of payments in it. Nothing
/// is claimed when the parts are more than the line, or against it: then a person looks.
///
/// Where the bank puts our references is ASSUMED: the bundle's as the batch's `PmtInfId` or `MsgId`, the payment's as
/// `EndToEndId`, perhaps behind eight digits of the bank's (nemkonto.md 3.11, rule 3).
pub fn claims(amount: Ore, batch: &[String], parts: &[Part]) -> Vec<Claim> {
    if let Some(group) = batch.iter().find(|id| read_group_id(id).is_ok()) {
        return vec![Claim::Bundle(group.clone())];
    }
    let alone = (parts.len() == 1).then_some(amount);
    let claim = |part: &Part| {
        let reference = sent_reference(part.reference.as_deref()?);
        let attempt = AttemptId::from_end_to_end_id(reference).ok()?;
        Some((attempt, reference.to_owned(), part.amount.or(alone)?))
    };
    let found: Vec<_> = parts.iter().filter_map(claim).collect();
    let sum: i128 = found.iter().map(|(_, _, part)| i128::from(part.0)).sum();
    let is_with_it = found.iter().all(|(_, _, part)| (part.0 < 0) == (amount.0 < 0));
    if !is_with_it || sum.abs() > i128::from(amount.0).abs() {
        return Vec::new();
    }
    found.into_iter().map(|(attempt, reference, part)| Claim::Attempt(attempt, reference, part)).collect()
}

/// A reference without the eight digits that banks put before it.
fn sent_reference(whole: &str) -> &str {
    let prefixed = whole.is_ascii() && whole.len() == 35 && whole.bytes().take(8).all(|b| b.is_ascii_digit());
    if prefixed { &whole[8..] } else { whole }
}

/// How a match came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum How {
    /// By the bundle's reference.
    Bundle = 1,
    /// By the payment's.
    Payment = 2,
    /// By a person.
    Hand = 3,
}

impl How {
    /// From a code of the store.
    pub fn from_code(code: u8) -> Option<How> {
        [How::Bundle, How::Payment, How::Hand].into_iter().find(|how| *how as u8 == code)
    }

    /// As screens and `--json` name it.
    pub fn text(self) -> &'static str {
        match self {
            How::Bundle => "bundle reference",
            How::Payment => "payment reference",
            How::Hand => "by hand",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identity::{PaymentId, TransferNo};

    const GROUP: &str = "T0751-20260304-000001";
    const FIRST: &str = "T0751-260304-00000104857701";

    fn part(reference: &str, amount: Option<i64>) -> Part {
        Part { reference: Some(reference.to_owned()), amount: amount.map(Ore) }
    }

    fn attempt(amount: i64) -> Claim {
        let id = AttemptId { payment: PaymentId::new(TransferNo(1), 1), attempt: 1 };
        Claim::Attempt(id, FIRST.to_owned(), Ore(amount))
    }

    /// A line's amount, its batch references and its parts, and what they claim.
    type Case<'a> = (i64, &'a [&'a str], Vec<Part>, Vec<Claim>);

    #[test]
    fn what_a_line_claims() {
        let prefixed = format!("12345678{FIRST}");
        let table: [Case<'_>; 9] = [
            (-100, &[GROUP], vec![], vec![Claim::Bundle(GROUP.to_owned())]),
            (-100, &["BANK-1", GROUP], vec![part(FIRST, Some(-100))], vec![Claim::Bundle(GROUP.to_owned())]),
            (-100, &["BANK-1"], vec![], vec![]),
            (-100, &[], vec![part(FIRST, None)], vec![attempt(-100)]),
            (100, &[], vec![part(FIRST, Some(100))], vec![attempt(100)]),
            (-100, &[], vec![part(&prefixed, Some(-60)), part("RENTE", Some(-40))], vec![attempt(-60)]),
            (-100, &[], vec![part(FIRST, Some(-101))], vec![]),
            (-100, &[], vec![part(FIRST, Some(100))], vec![]),
            (-100, &[], vec![part(FIRST, None), part(FIRST, None)], vec![]),
        ];
        for (amount, batch, parts, expected) in table {
            let batch: Vec<String> = batch.iter().map(|id| (*id).to_owned()).collect();
            assert_eq!(claims(Ore(amount), &batch, &parts), expected, "{amount} {batch:?} {parts:?}");
        }
    }
}
