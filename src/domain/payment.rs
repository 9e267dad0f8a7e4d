//! The life of a payment (udbetaling) and of each attempt to pay it, as two state machines.
//!
//! A payment is what is owed; an attempt is one try through NemKonto. 00-decisions.md section 1 is the source of
//! every arrow here. Pure: nothing is read or written, `Step` says what must follow.

use std::fmt;

/// Why a payment waits for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum HoldReason {
    /// Above the greatest amount one payment may carry.
    Maximum = 1,
    /// Equal in all but reference to one of the last days (00-decisions.md 4c).
    PossibleDuplicate = 2,
    /// A correction that takes money back; never netted.
    Negative = 3,
    /// A second person must approve.
    FourEyes = 4,
    /// A payment method that the hub does not offer yet.
    Method = 5,
    /// Registration of something already paid elsewhere: kept, never paid.
    Registration = 6,
    /// Payee or payment is blocked. The only hold after the interim posting.
    Block = 7,
    /// The last moment to send it passed; a new date is needed.
    Late = 8,
}

impl HoldReason {
    /// All of them.
    pub const ALL: [HoldReason; 8] = [
        HoldReason::Maximum,
        HoldReason::PossibleDuplicate,
        HoldReason::Negative,
        HoldReason::FourEyes,
        HoldReason::Method,
        HoldReason::Registration,
        HoldReason::Block,
        HoldReason::Late,
    ];

    /// Whether the amount already stands on the interim account (P4) while held.
    pub fn is_posted(self) -> bool {
        match self {
            HoldReason::Block | HoldReason::Late => true,
            HoldReason::Maximum
            | HoldReason::PossibleDuplicate
            | HoldReason::Negative
            | HoldReason::FourEyes
            | HoldReason::Method
            | HoldReason::Registration => false,
        }
    }

    /// As screens and `--json` name it.
    pub fn text(self) -> &'static str {
        match self {
            HoldReason::Maximum => "maximum",
            HoldReason::PossibleDuplicate => "duplicate",
            HoldReason::Negative => "negative",
            HoldReason::FourEyes => "four eyes",
            HoldReason::Method => "method",
            HoldReason::Registration => "registration",
            HoldReason::Block => "block",
            HoldReason::Late => "late",
        }
    }
}

/// Where a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PaymentState {
    /// To be sent when its day comes.
    Waiting,
    /// Kept back for a person.
    Held(HoldReason),
    /// In a bundle; the answer is awaited.
    InProgress,
    /// The time for an answer ran out; nothing is assumed.
    Unconfirmed,
    /// Refused, returned or unclear: a person decides what comes next.
    Open,
    /// The money has left. Final, unless the bank sends it back.
    Paid,
    /// Paid by cash voucher.
    Cash,
    /// Settled over the municipality's own account.
    Own,
    /// Too small to pay; on the petty account.
    Petty,
    /// Called back by its sender.
    Recalled,
    /// Sent back to its case system.
    Refused,
}

/// A code of the store that stands for no state: written by a newer build, or damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} stands for no known state")]
pub struct UnknownCode(pub u8);

impl PaymentState {
    /// As the store keeps it: a held payment is 16 plus its reason.
    pub fn code(self) -> u8 {
        match self {
            PaymentState::Waiting => 1,
            PaymentState::InProgress => 2,
            PaymentState::Unconfirmed => 3,
            PaymentState::Open => 4,
            PaymentState::Paid => 5,
            PaymentState::Cash => 6,
            PaymentState::Own => 7,
            PaymentState::Petty => 8,
            PaymentState::Recalled => 9,
            PaymentState::Refused => 10,
            PaymentState::Held(reason) => 16 + reason as u8,
        }
    }

    /// The state behind a code of the store.
    pub fn from_code(code: u8) -> Result<PaymentState, UnknownCode> {
        use PaymentState::*;
        let plain = [Waiting, InProgress, Unconfirmed, Open, Paid, Cash, Own, Petty, Recalled, Refused];
        let held = HoldReason::ALL.map(Held);
        plain.into_iter().chain(held).find(|state| state.code() == code).ok_or(UnknownCode(code))
    }

    /// Whether the amount stands on the interim account now (00-decisions.md 2.2): P4 posted, and none of P6, P9,
    /// P10, P11 standing. Computed from states alone, so that it can be held against the ledger.
    pub fn is_on_interim(self) -> bool {
        match self {
            PaymentState::Waiting
            | PaymentState::InProgress
            | PaymentState::Unconfirmed
            | PaymentState::Open => true,
            PaymentState::Held(reason) => reason.is_posted(),
            PaymentState::Paid
            | PaymentState::Cash
            | PaymentState::Own
            | PaymentState::Petty
            | PaymentState::Recalled
            | PaymentState::Refused => false,
        }
    }

    /// The five groups every record falls into when a file is accounted for.
    pub fn group(self) -> OutcomeGroup {
        match self {
            PaymentState::Waiting | PaymentState::InProgress | PaymentState::Unconfirmed => {
                OutcomeGroup::Waiting
            }
            PaymentState::Held(_) => OutcomeGroup::Held,
            PaymentState::Open | PaymentState::Recalled | PaymentState::Refused => OutcomeGroup::Returned,
            PaymentState::Paid | PaymentState::Cash | PaymentState::Own | PaymentState::Petty => {
                OutcomeGroup::Paid
            }
        }
    }

    /// As screens and `--json` name it.
    pub fn text(self) -> &'static str {
        match self {
            PaymentState::Waiting => "waiting",
            PaymentState::Held(_) => "held",
            PaymentState::InProgress => "in progress",
            PaymentState::Unconfirmed => "unconfirmed",
            PaymentState::Open => "open",
            PaymentState::Paid => "paid",
            PaymentState::Cash => "cash",
            PaymentState::Own => "own account",
            PaymentState::Petty => "petty",
            PaymentState::Recalled => "recalled",
            PaymentState::Refused => "refused",
        }
    }
}

impl fmt::Display for PaymentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PaymentState::Held(reason) => write!(f, "held ({})", reason.text()),
            other => f.write_str(other.text()),
        }
    }
}

/// Every record of an accepted file is in exactly one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum OutcomeGroup {
    /// The money has left.
    Paid,
    /// Refused or returned by NemKonto or the bank; the municipality still owes it.
    Returned,
    /// The record broke a rule; nothing was ever owed because of it.
    Rejected,
    /// Kept back for a person.
    Held,
    /// On its way, or awaiting its day.
    Waiting,
}

impl OutcomeGroup {
    /// In the order they are shown.
    pub const ALL: [OutcomeGroup; 5] = [
        OutcomeGroup::Paid,
        OutcomeGroup::Returned,
        OutcomeGroup::Rejected,
        OutcomeGroup::Held,
        OutcomeGroup::Waiting,
    ];

    /// As screens and `--json` name it.
    pub fn text(self) -> &'static str {
        match self {
            OutcomeGroup::Paid => "paid",
            OutcomeGroup::Returned => "returned",
            OutcomeGroup::Rejected => "rejected",
            OutcomeGroup::Held => "held",
            OutcomeGroup::Waiting => "waiting",
        }
    }
}

/// Where one attempt stands (nemkonto.md 3.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum AttemptState {
    /// Numbered in a bundle that has not left yet.
    Ready = 1,
    /// Its bundle is with NemKonto.
    Sent = 2,
    /// NemKonto could not read a file of ours; which one is not known.
    Suspect = 3,
    /// Receipt 1 took the bundle in.
    Received = 4,
    /// Answer 2 accepted it.
    Accepted = 5,
    /// The bank has it (answer 8).
    AtBank = 6,
    /// No account, paid by check.
    PaidCheck = 7,
    /// No account, paid to the state's waiting account, which discharges the municipality.
    PaidWaitingAccount = 8,
    /// No account, paid to the municipality's own error account: the payee has nothing.
    PaidErrorAccount = 9,
    /// Refused by NemKonto before payment (receipt 1 or answer 2).
    Rejected = 10,
    /// Stopped on request (answer 5).
    Stopped = 11,
    /// No account; returned (answer 7).
    Returned = 12,
    /// Refused by the bank (answer 9).
    BankRejected = 13,
    /// Contradictory or unclear: a person decides with evidence.
    Manual = 14,
}

impl AttemptState {
    /// All states, for matrices and tests.
    pub const ALL: [AttemptState; 14] = [
        AttemptState::Ready,
        AttemptState::Sent,
        AttemptState::Suspect,
        AttemptState::Received,
        AttemptState::Accepted,
        AttemptState::AtBank,
        AttemptState::PaidCheck,
        AttemptState::PaidWaitingAccount,
        AttemptState::PaidErrorAccount,
        AttemptState::Rejected,
        AttemptState::Stopped,
        AttemptState::Returned,
        AttemptState::BankRejected,
        AttemptState::Manual,
    ];

    /// The state behind a code of the store.
    pub fn from_code(code: u8) -> Result<AttemptState, UnknownCode> {
        AttemptState::ALL.into_iter().find(|state| *state as u8 == code).ok_or(UnknownCode(code))
    }

    /// As nemkonto.md 3.10 writes it; also in `--json`.
    pub fn text(self) -> &'static str {
        match self {
            AttemptState::Ready => "READY",
            AttemptState::Sent => "SENT",
            AttemptState::Suspect => "SUSPECT",
            AttemptState::Received => "RECEIVED",
            AttemptState::Accepted => "ACCEPTED",
            AttemptState::AtBank => "AT_BANK",
            AttemptState::PaidCheck => "PAID_CHECK",
            AttemptState::PaidWaitingAccount => "PAID_WAITING_ACCOUNT",
            AttemptState::PaidErrorAccount => "PAID_ERROR_ACCOUNT",
            AttemptState::Rejected => "REJECTED",
            AttemptState::Stopped => "STOPPED",
            AttemptState::Returned => "RETURNED",
            AttemptState::BankRejected => "BANK_REJECTED",
            AttemptState::Manual => "MANUAL",
        }
    }

    /// Whether no answer is known yet that decides it.
    pub fn is_undecided(self) -> bool {
        match self {
            AttemptState::Ready
            | AttemptState::Sent
            | AttemptState::Suspect
            | AttemptState::Received
            | AttemptState::Accepted => true,
            AttemptState::AtBank
            | AttemptState::PaidCheck
            | AttemptState::PaidWaitingAccount
            | AttemptState::PaidErrorAccount
            | AttemptState::Rejected
            | AttemptState::Stopped
            | AttemptState::Returned
            | AttemptState::BankRejected
            | AttemptState::Manual => false,
        }
    }
}

/// What NemKonto said of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptEvent {
    /// Receipt 1 or answer 2 refused it.
    Reject,
    /// Answer 2 accepted it by name.
    Accept,
    /// Answer 5 named it, or named nobody while a stop was requested for it.
    Stop,
    /// Answer 5 named nobody, and no stop was requested for this one.
    StopUnasked,
    /// Answer 7: no account, returned.
    Return,
    /// Answer 7: no account, paid by check.
    PayByCheck,
    /// Answer 7: no account, paid to the waiting account.
    PayToWaitingAccount,
    /// Answer 7: no account, paid to the error account.
    PayToErrorAccount,
    /// Answer 8: taken by the bank.
    TakenByBank,
    /// Answer 9: refused by the bank.
    BankRefusal,
    /// An answer that fits no table, or whose payee or amount differs from what was sent.
    Unclear,
}

impl AttemptEvent {
    /// All events, for matrices and tests.
    pub const ALL: [AttemptEvent; 11] = [
        AttemptEvent::Reject,
        AttemptEvent::Accept,
        AttemptEvent::Stop,
        AttemptEvent::StopUnasked,
        AttemptEvent::Return,
        AttemptEvent::PayByCheck,
        AttemptEvent::PayToWaitingAccount,
        AttemptEvent::PayToErrorAccount,
        AttemptEvent::TakenByBank,
        AttemptEvent::BankRefusal,
        AttemptEvent::Unclear,
    ];
}

/// A change to the ledger that a step brings with it (tax-and-claims.md section 6; 00-decisions.md 1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Posting {
    /// P6: the money left the bank account.
    P6,
    /// P8: it came back.
    P8,
    /// P6 and P8 at once: it left one bank account and arrived on the error account.
    P6ThenP8ToErrorAccount,
    /// P8 of what lay on the error account: back to the account it left.
    P8FromErrorAccount,
}

/// What follows from an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The attempt's new state.
    pub attempt: AttemptState,
    /// The payment's new state.
    pub payment: PaymentState,
    /// What is posted; `None` is P7 where money never left.
    pub posting: Option<Posting>,
    /// Whether a person must look, beyond what the payment's state says.
    pub task: bool,
}

impl AttemptState {
    /// What an answer makes of this attempt. Every pair is decided; none is an error, since NemKonto's word is
    /// evidence whatever order it comes in.
    pub fn answered(self, event: AttemptEvent) -> Step {
        use AttemptEvent as E;
        use AttemptState as S;
        let undecided = self.is_undecided();
        match (self, event) {
            (_, E::Accept) if undecided => step(S::Accepted, PaymentState::InProgress),
            (_, E::Reject) if undecided => step(S::Rejected, PaymentState::Open),
            (_, E::Stop) if undecided => step(S::Stopped, PaymentState::Open),
            (_, E::StopUnasked | E::Unclear) if undecided => step(S::Manual, PaymentState::Open).with_task(),
            (_, E::Return) if undecided => step(S::Returned, PaymentState::Open),
            (_, E::PayByCheck) if undecided => step(S::PaidCheck, PaymentState::Paid).posting(Posting::P6),
            (_, E::PayToWaitingAccount) if undecided => {
                step(S::PaidWaitingAccount, PaymentState::Paid).posting(Posting::P6)
            }
            (_, E::PayToErrorAccount) if undecided => {
                step(S::PaidErrorAccount, PaymentState::Open).posting(Posting::P6ThenP8ToErrorAccount)
            }
            (_, E::TakenByBank) if undecided => step(S::AtBank, PaymentState::Paid).posting(Posting::P6),
            (_, E::BankRefusal) if undecided => step(S::BankRejected, PaymentState::Open),

            // The bank's last word overrules that the money had left (00-decisions.md 1.3).
            (S::AtBank | S::PaidCheck | S::PaidWaitingAccount, E::BankRefusal) => {
                step(S::BankRejected, PaymentState::Open).posting(Posting::P8)
            }
            (S::PaidErrorAccount, E::BankRefusal) => {
                step(S::BankRejected, PaymentState::Open).posting(Posting::P8FromErrorAccount)
            }
            // A later 8 confirms what 7 told; P6 stands already.
            (S::AtBank | S::PaidCheck | S::PaidWaitingAccount | S::PaidErrorAccount, E::TakenByBank) => {
                self.unchanged()
            }
            // Paid after all? Nobody may pay again before a person has decided.
            (S::Rejected | S::Stopped | S::Returned | S::BankRejected, E::TakenByBank) => {
                step(S::Manual, PaymentState::Open).with_task()
            }
            // The same word once more.
            (S::Rejected, E::Reject)
            | (S::Stopped, E::Stop)
            | (S::Returned, E::Return)
            | (S::BankRejected, E::BankRefusal)
            | (S::PaidCheck, E::PayByCheck)
            | (S::PaidWaitingAccount, E::PayToWaitingAccount)
            | (S::PaidErrorAccount, E::PayToErrorAccount) => self.unchanged(),
            // Acceptance told late changes nothing that came after it.
            (
                S::AtBank | S::PaidCheck | S::PaidWaitingAccount | S::PaidErrorAccount | S::Returned,
                E::Accept,
            )
            | (S::BankRejected, E::Accept) => self.unchanged(),
            // Everything else contradicts what is known: it is kept, and a person is told.
            (
                S::Ready
                | S::Sent
                | S::Suspect
                | S::Received
                | S::Accepted
                | S::AtBank
                | S::PaidCheck
                | S::PaidWaitingAccount
                | S::PaidErrorAccount
                | S::Rejected
                | S::Stopped
                | S::Returned
                | S::BankRejected
                | S::Manual,
                _,
            ) => self.unchanged().with_task(),
        }
    }

    /// What a person's word makes of an attempt that is unclear, of one whose time for an answer ran out, or, where the
    /// payee's bank refused it outside NemKonto, of one that is paid (00-decisions.md 1.3, 1.5; feature 1.1.1); `None`: he
    /// has no say now. An answer that comes later is weighed as ever.
    pub fn settled(self, payment: PaymentState, was_paid: bool) -> Option<Step> {
        if payment == PaymentState::Paid && self.payment_state() == PaymentState::Paid && !was_paid {
            return Some(step(AttemptState::BankRejected, PaymentState::Open).posting(Posting::P8));
        }
        let timed_out = payment == PaymentState::Unconfirmed && self.is_undecided();
        let unclear = payment == PaymentState::Open && self == AttemptState::Manual;
        if !(unclear || timed_out) || self == AttemptState::Ready {
            return None;
        }
        // What is unclear or undecided stands on the interim account, so a failure has nothing to take back.
        Some(match was_paid {
            true => step(AttemptState::AtBank, PaymentState::Paid).posting(Posting::P6),
            false => step(AttemptState::BankRejected, PaymentState::Open),
        })
    }

    /// What the payment is while its newest attempt is in this state.
    pub fn payment_state(self) -> PaymentState {
        match self {
            AttemptState::Ready
            | AttemptState::Sent
            | AttemptState::Suspect
            | AttemptState::Received
            | AttemptState::Accepted => PaymentState::InProgress,
            AttemptState::AtBank | AttemptState::PaidCheck | AttemptState::PaidWaitingAccount => {
                PaymentState::Paid
            }
            AttemptState::PaidErrorAccount
            | AttemptState::Rejected
            | AttemptState::Stopped
            | AttemptState::Returned
            | AttemptState::BankRejected
            | AttemptState::Manual => PaymentState::Open,
        }
    }

    fn unchanged(self) -> Step {
        step(self, self.payment_state())
    }
}

fn step(attempt: AttemptState, payment: PaymentState) -> Step {
    Step { attempt, payment, posting: None, task: false }
}

impl Step {
    /// Where a payment stands when this became of its newest attempt: what a person did about it since is not undone by what
    /// NemKonto says late. `now`: where it stands.
    pub fn payment_now(self, now: PaymentState) -> PaymentState {
        use PaymentState as S;
        match now {
            // An answer that decides nothing does not take away that its time ran out.
            S::Unconfirmed if self.attempt.is_undecided() => now,
            S::Cash | S::Own | S::Petty | S::Recalled | S::Refused => now,
            // To be sent anew; but not while it may be paid already.
            S::Waiting | S::Held(_) if self.attempt != AttemptState::Manual => now,
            S::Waiting | S::Held(_) | S::InProgress | S::Unconfirmed | S::Open | S::Paid => self.payment,
        }
    }

    fn posting(self, posting: Posting) -> Step {
        Step { posting: Some(posting), ..self }
    }
    fn with_task(self) -> Step {
        Step { task: true, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_code_comes_back() {
        for code in 0..=255 {
            if let Ok(state) = PaymentState::from_code(code) {
                assert_eq!(state.code(), code);
            }
            if let Ok(state) = AttemptState::from_code(code) {
                assert_eq!(state as u8, code);
            }
        }
        assert_eq!(
            PaymentState::from_code(16 + HoldReason::Late as u8),
            Ok(PaymentState::Held(HoldReason::Late))
        );
    }

    #[test]
    fn the_arrows_of_the_decisions() {
        use AttemptEvent as E;
        use AttemptState as S;
        let table = [
            (S::Sent, E::TakenByBank, S::AtBank, Some(Posting::P6), false),
            (S::Accepted, E::Return, S::Returned, None, false),
            (S::Accepted, E::PayByCheck, S::PaidCheck, Some(Posting::P6), false),
            (S::PaidCheck, E::TakenByBank, S::PaidCheck, None, false),
            (
                S::Accepted,
                E::PayToErrorAccount,
                S::PaidErrorAccount,
                Some(Posting::P6ThenP8ToErrorAccount),
                false,
            ),
            (S::PaidErrorAccount, E::BankRefusal, S::BankRejected, Some(Posting::P8FromErrorAccount), false),
            (S::AtBank, E::BankRefusal, S::BankRejected, Some(Posting::P8), false),
            (S::PaidWaitingAccount, E::BankRefusal, S::BankRejected, Some(Posting::P8), false),
            (S::Sent, E::BankRefusal, S::BankRejected, None, false),
            (S::Stopped, E::TakenByBank, S::Manual, None, true),
            (S::Rejected, E::TakenByBank, S::Manual, None, true),
            (S::Returned, E::TakenByBank, S::Manual, None, true),
            (S::BankRejected, E::TakenByBank, S::Manual, None, true),
            (S::AtBank, E::Stop, S::AtBank, None, true),
            (S::AtBank, E::Return, S::AtBank, None, true),
            (S::AtBank, E::TakenByBank, S::AtBank, None, false),
            (S::Received, E::StopUnasked, S::Manual, None, true),
            (S::Manual, E::TakenByBank, S::Manual, None, true),
        ];
        for (from, event, to, posting, task) in table {
            let step = from.answered(event);
            assert_eq!((step.attempt, step.posting, step.task), (to, posting, task), "{from:?} {event:?}");
        }
    }

    #[test]
    fn a_step_always_agrees_with_the_state_it_leads_to() {
        for state in AttemptState::ALL {
            for event in AttemptEvent::ALL {
                let step = state.answered(event);
                assert_eq!(step.payment, step.attempt.payment_state(), "{state:?} {event:?}");
            }
        }
    }

    #[test]
    fn a_person_settles_what_is_unclear_or_unconfirmed_and_nothing_else() {
        use AttemptState as S;
        use PaymentState as P;
        for (attempt, payment, paid, failed) in [
            (S::Manual, P::Open, true, true),
            (S::Accepted, P::Unconfirmed, true, true),
            (S::Sent, P::Unconfirmed, true, true),
            (S::Suspect, P::Unconfirmed, true, true),
            (S::Accepted, P::InProgress, false, false),
            (S::Ready, P::InProgress, false, false),
            (S::AtBank, P::Paid, false, true),
            (S::PaidCheck, P::Paid, false, true),
            (S::AtBank, P::Open, false, false),
            (S::Rejected, P::Open, false, false),
            (S::BankRejected, P::Open, false, false),
            (S::PaidErrorAccount, P::Open, false, false),
        ] {
            assert_eq!(attempt.settled(payment, true).is_some(), paid, "{attempt:?} {payment:?}");
            assert_eq!(attempt.settled(payment, false).is_some(), failed, "{attempt:?} {payment:?}");
        }
        let paid = S::Manual.settled(P::Open, true).unwrap();
        assert_eq!((paid.attempt, paid.payment, paid.posting), (S::AtBank, P::Paid, Some(Posting::P6)));
        let failed = S::Accepted.settled(P::Unconfirmed, false).unwrap();
        assert_eq!((failed.attempt, failed.payment, failed.posting), (S::BankRejected, P::Open, None));
    }

    #[test]
    fn what_a_person_did_is_not_undone_by_what_nemkonto_says_late() {
        use AttemptState as S;
        use PaymentState as P;
        for (attempt, event, now, then) in [
            (S::BankRejected, AttemptEvent::TakenByBank, P::Cash, P::Cash),
            (S::Rejected, AttemptEvent::TakenByBank, P::Recalled, P::Recalled),
            (S::Returned, AttemptEvent::TakenByBank, P::Waiting, P::Open),
            (S::Returned, AttemptEvent::TakenByBank, P::Held(HoldReason::Late), P::Open),
            (S::PaidErrorAccount, AttemptEvent::BankRefusal, P::Waiting, P::Waiting),
            (S::PaidErrorAccount, AttemptEvent::BankRefusal, P::Own, P::Own),
            (S::Accepted, AttemptEvent::Accept, P::Unconfirmed, P::Unconfirmed),
            (S::Accepted, AttemptEvent::TakenByBank, P::Unconfirmed, P::Paid),
        ] {
            assert_eq!(attempt.answered(event).payment_now(now), then, "{attempt:?} {event:?} {now}");
        }
    }

    proptest! {
        /// Whatever is answered, and whatever a person says in between, in whatever order: the interim account holds the amount exactly while the payment
        /// is open, and the bank account is never debited twice.
        #[test]
        fn the_ledger_follows_the_states(events in prop::collection::vec(0..AttemptEvent::ALL.len() + 2, 0..12)) {
            let (mut state, mut interim, mut bank, mut error_account) = (AttemptState::Sent, 1, 0, 0);
            for event in events {
                let step = match AttemptEvent::ALL.get(event) {
                    Some(event) => state.answered(*event),
                    None => {
                        let payment = match state.payment_state() {
                            PaymentState::InProgress => PaymentState::Unconfirmed,
                            other => other,
                        };
                        match state.settled(payment, event == AttemptEvent::ALL.len()) {
                            Some(step) => step,
                            None => continue,
                        }
                    }
                };
                match step.posting {
                    Some(Posting::P6) => { interim -= 1; bank -= 1; }
                    Some(Posting::P8) => { interim += 1; bank += 1; }
                    Some(Posting::P6ThenP8ToErrorAccount) => { bank -= 1; error_account += 1; }
                    Some(Posting::P8FromErrorAccount) => { bank += 1; error_account -= 1; }
                    None => {}
                }
                state = step.attempt;
                prop_assert_eq!(interim == 1, step.payment.is_on_interim());
                prop_assert!(bank == 0 || bank == -1);
                prop_assert!(error_account == 0 || error_account == 1);
            }
        }
    }
}
