//! What persons, or the sender, may have done with a payment that no answer decides: one table of every state.
//!
//! A payment may be resent, paid another way, recalled or sent back only while no money is under way for it. What is
//! under way can be stopped by NemKonto's word alone (00-decisions.md 1.2, 1.5, 1.8; features 1.1.1, 1.1.2, 2.3.6).

use toek_formats::vocabulary::Ore;

use super::ledger::Rule;
use super::payment::{AttemptState, HoldReason, PaymentState};
use super::people::Act;

/// What follows from an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handling {
    /// The payment's new state.
    pub payment: PaymentState,
    /// What is posted, in order.
    pub rules: [Option<Rule>; 2],
    /// Whether it is to be sent: as a new attempt with a reference of its own.
    pub sends: bool,
    /// Whether a stop is noted as requested of NemKonto; nothing else changes before its answer 5.
    pub stops: bool,
}

/// Why an act does not fit a payment, as the end of a sentence: `P3-17 is paid: …`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotNow(pub &'static str);

/// What an act makes of a payment. `attempt`: its newest attempt, where it has one.
///
/// # Errors
/// Why the act does not fit.
pub fn handled(
    state: PaymentState,
    attempt: Option<AttemptState>,
    amount: Ore,
    act: Act,
) -> Result<Handling, NotNow> {
    if let Act::ReleaseDuplicate | Act::RefuseDuplicate = act
        && state != PaymentState::Held(HoldReason::PossibleDuplicate)
    {
        return Err(NotNow("only what is held as a possible duplicate is settled so"));
    }
    if act == Act::RequestStop {
        return stopped(state, attempt);
    }
    let posted = free(state, attempt)?;
    let to_post = |rule| if posted { [Some(rule), None] } else { [Some(Rule::P4), Some(rule)] };
    let settled = |payment, rules| Handling { payment, rules, sends: false, stops: false };
    let back = |payment| settled(payment, [posted.then_some(Rule::P9), None]);
    match act {
        Act::ReleaseDuplicate | Act::ReleaseHeld | Act::Resend => sent(state, amount, act, posted),
        Act::PayInCash | Act::PayOverOwnAccount => {
            may_be_paid_another_way(state)?;
            Ok(match act {
                Act::PayInCash => settled(PaymentState::Cash, to_post(Rule::P10)),
                _ => settled(PaymentState::Own, to_post(Rule::P11)),
            })
        }
        Act::Recall => Ok(back(PaymentState::Recalled)),
        Act::Refuse | Act::RefuseDuplicate => Ok(back(PaymentState::Refused)),
        Act::RequestStop => stopped(state, attempt),
        Act::BundleArrived
        | Act::BundleNeverArrived
        | Act::PaymentPaid
        | Act::PaymentFailed
        | Act::VoucherBooked
        | Act::VoucherRefused => Err(NotNow("that is settled with what NemKonto or the ERP said")),
    }
}

/// Whether no money is under way for it, and then whether it stands on the interim account.
fn free(state: PaymentState, attempt: Option<AttemptState>) -> Result<bool, NotNow> {
    use PaymentState as S;
    match state {
        S::Waiting | S::Held(HoldReason::Late | HoldReason::Block) => Ok(true),
        S::Held(_) => Ok(false),
        S::Open if attempt == Some(AttemptState::Manual) => {
            Err(NotNow("whether it was paid is unclear: `toek unknown settle` first"))
        }
        S::Open => Ok(true),
        S::InProgress => {
            Err(NotNow("it is under way, and only an answer of NemKonto brings it back: request a stop"))
        }
        S::Unconfirmed => Err(NotNow("nobody knows yet whether it was paid: `toek unknown settle` first")),
        S::Paid => Err(NotNow("it is paid: register it as failed first, with evidence")),
        S::Cash | S::Own | S::Petty | S::Recalled | S::Refused => Err(NotNow("that is final")),
    }
}

/// A stop is asked for where NemKonto can still carry it out (00-decisions.md 1.2).
fn stopped(state: PaymentState, attempt: Option<AttemptState>) -> Result<Handling, NotNow> {
    use AttemptState as A;
    match (state, attempt) {
        (PaymentState::InProgress, Some(A::Sent | A::Received | A::Accepted)) => {
            Ok(Handling { payment: state, rules: [None, None], sends: false, stops: true })
        }
        _ => Err(NotNow("NemKonto has nothing of it that it could stop")),
    }
}

fn sent(state: PaymentState, amount: Ore, act: Act, posted: bool) -> Result<Handling, NotNow> {
    use HoldReason as R;
    match (act, state) {
        (Act::Resend, PaymentState::Open)
        | (Act::ReleaseDuplicate, PaymentState::Held(R::PossibleDuplicate))
        | (Act::ReleaseHeld, PaymentState::Held(R::Late)) => {}
        (Act::ReleaseHeld, PaymentState::Held(R::Maximum)) if amount <= Ore::PAYMENT_MAXIMUM => {}
        (Act::ReleaseHeld, PaymentState::Held(R::Maximum)) => {
            return Err(NotNow(
                "NemKonto pays no such amount at once: cash, own account, or back to the sender",
            ));
        }
        (Act::ReleaseHeld, PaymentState::Held(R::Block)) => {
            return Err(NotNow("lift the block: `toek blocks`"));
        }
        (Act::ReleaseHeld, PaymentState::Held(R::PossibleDuplicate)) => {
            return Err(NotNow("a possible duplicate takes two persons: `toek duplicates release`"));
        }
        (Act::ReleaseHeld, PaymentState::Held(R::Negative)) => {
            return Err(NotNow("a negative amount is never paid: recall it, or send it back"));
        }
        (Act::ReleaseHeld, PaymentState::Held(R::Method | R::Registration | R::FourEyes)) => {
            return Err(NotNow("it cannot be sent so: pay it another way, or send it back"));
        }
        (Act::ReleaseHeld, _) => return Err(NotNow("it is not held")),
        _ => return Err(NotNow("only what was refused or returned is sent anew")),
    }
    let rules = [(!posted).then_some(Rule::P4), None];
    Ok(Handling { payment: PaymentState::Waiting, rules, sends: true, stops: false })
}

fn may_be_paid_another_way(state: PaymentState) -> Result<(), NotNow> {
    match state {
        PaymentState::Held(HoldReason::Block) => Err(NotNow("it is blocked: lift the block first")),
        PaymentState::Held(HoldReason::Negative) => Err(NotNow("a negative amount is never paid")),
        PaymentState::Held(HoldReason::PossibleDuplicate) => {
            Err(NotNow("it may be a duplicate: `toek duplicates` first"))
        }
        PaymentState::Held(HoldReason::FourEyes) => Err(NotNow("another person must approve it first")),
        PaymentState::Held(HoldReason::Registration) => {
            Err(NotNow("it registers what was paid elsewhere, and is never paid"))
        }
        _ => Ok(()),
    }
}

/// What a person is advised to do with a payment that waits for one.
pub fn suggested(state: PaymentState, attempt: Option<AttemptState>) -> Option<&'static str> {
    use HoldReason as R;
    Some(match state {
        PaymentState::Open => match attempt {
            Some(AttemptState::Manual) => "find out whether it was paid: toek unknown",
            Some(AttemptState::BankRejected | AttemptState::Returned | AttemptState::PaidErrorAccount) => {
                "the payee has no account that works: resend when one is there, or pay in cash"
            }
            Some(AttemptState::Stopped) => "recall it, or resend",
            _ => "mend what NemKonto refused, and resend; or send it back to its case system",
        },
        PaymentState::Unconfirmed => "find out whether it was paid: toek unknown",
        PaymentState::Held(R::Maximum) => "check the amount with the case system, and release",
        PaymentState::Held(R::PossibleDuplicate) => "compare the two: toek duplicates",
        PaymentState::Held(R::Negative) => "recall or change the payment it concerns, and close this one",
        PaymentState::Held(R::FourEyes) => "another person approves",
        PaymentState::Held(R::Method) => "pay it in cash or over an own account, or send it back",
        PaymentState::Held(R::Block) => "toek blocks tells why and until when",
        PaymentState::Held(R::Late) => "release: it is paid on the first day that can be reached",
        PaymentState::Held(R::Registration)
        | PaymentState::Waiting
        | PaymentState::InProgress
        | PaymentState::Paid
        | PaymentState::Cash
        | PaymentState::Own
        | PaymentState::Petty
        | PaymentState::Recalled
        | PaymentState::Refused => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every state with every attempt that it can have.
    fn situations() -> Vec<(PaymentState, Option<AttemptState>)> {
        let mut all = Vec::new();
        for state in (0..=255).filter_map(|code| PaymentState::from_code(code).ok()) {
            let attempts = AttemptState::ALL.into_iter().filter(|attempt| match state {
                PaymentState::Unconfirmed => attempt.is_undecided(),
                // What was refused or returned may have been settled another way since.
                PaymentState::Cash | PaymentState::Own | PaymentState::Recalled | PaymentState::Refused => {
                    attempt.payment_state() == PaymentState::Open && *attempt != AttemptState::Manual
                }
                PaymentState::Waiting | PaymentState::Held(HoldReason::Late | HoldReason::Block) => {
                    attempt.payment_state() == PaymentState::Open && *attempt != AttemptState::Manual
                }
                _ => attempt.payment_state() == state,
            });
            all.extend(attempts.map(|attempt| (state, Some(attempt))));
            let needs_one = matches!(
                state,
                PaymentState::InProgress
                    | PaymentState::Unconfirmed
                    | PaymentState::Open
                    | PaymentState::Paid
            );
            if !needs_one {
                all.push((state, None));
            }
        }
        all
    }

    /// The transition matrix: a line for each state and act, `state (attempt) act -> state rules`, or why not.
    #[test]
    fn every_pair_is_allowed_or_refused_with_a_reason() {
        let mut matrix = String::new();
        for (state, attempt) in situations() {
            for act in Act::ALL.into_iter().filter(|act| act.is_of_payment()) {
                let attempt_text = attempt.map(|a| format!(" ({})", a.text())).unwrap_or_default();
                let what = match handled(state, attempt, Ore(100), act) {
                    Ok(Handling { payment, rules, sends, stops }) => {
                        let rules: String = rules
                            .into_iter()
                            .flatten()
                            .map(|rule| format!(" {}", rule.row().event))
                            .collect();
                        let sent = if sends { ", to be sent" } else { "" };
                        let stop = if stops { ", stop requested" } else { "" };
                        format!("-> {payment}{rules}{sent}{stop}")
                    }
                    Err(why) => format!("no: {why}"),
                };
                matrix.push_str(&format!("{state}{attempt_text} | {act:?} | {what}\n"));
            }
        }
        let expected = include_str!("../../fixtures/transitions/payment.txt");
        if matrix != expected {
            let differs = matrix.lines().zip(expected.lines()).find(|(is, should)| is != should);
            panic!(
                "{differs:?} of {} and {} lines\n{matrix}",
                matrix.lines().count(),
                expected.lines().count()
            );
        }
    }

    /// The interim account holds the amount exactly while the payment is owed.
    #[test]
    fn the_ledger_follows_every_act() {
        for (state, attempt) in situations() {
            for act in Act::ALL {
                let Ok(handling) = handled(state, attempt, Ore(100), act) else { continue };
                let mut interim = i64::from(state.is_on_interim());
                for rule in handling.rules.into_iter().flatten() {
                    let (each, direction, counter) = rule.sides(1);
                    let interim_account = super::super::ledger::Account::Interim;
                    interim -= direction * i64::from(each == interim_account);
                    interim += direction * i64::from(counter == interim_account);
                }
                assert_eq!(interim == 1, handling.payment.is_on_interim(), "{state} {act:?}");
                assert!(interim == 0 || interim == 1, "{state} {act:?}");
            }
        }
    }

    #[test]
    fn whatever_waits_for_a_person_has_an_act_suggested() {
        for (state, attempt) in situations() {
            let waits =
                matches!(state, PaymentState::Open | PaymentState::Unconfirmed | PaymentState::Held(_))
                    && state != PaymentState::Held(HoldReason::Registration);
            assert_eq!(suggested(state, attempt).is_some(), waits, "{state}");
        }
    }

    #[test]
    fn what_nemkonto_cannot_pay_at_once_is_not_released() {
        let state = PaymentState::Held(HoldReason::Maximum);
        let above = Ore(Ore::PAYMENT_MAXIMUM.0 + 1);
        assert!(handled(state, None, above, Act::ReleaseHeld).is_err());
        assert!(handled(state, None, above, Act::PayInCash).is_ok());
        assert!(handled(state, None, Ore::PAYMENT_MAXIMUM, Act::ReleaseHeld).is_ok());
    }
}
