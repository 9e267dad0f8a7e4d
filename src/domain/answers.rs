//! What NemKonto's answers make of bundles and attempts (feature 2.3.8).
//!
//! A whole bundle's receipt changes the bundle's row alone; an attempt gets a row of its own state only when an
//! answer names it, or when the bundle as a whole is refused.

use super::payment::{AttemptEvent, AttemptState, UnknownCode};

/// Where a bundle stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum BundleState {
    /// Chosen and numbered; its bytes are fixed by its row.
    Numbered = 1,
    /// Its bytes lie in the archive.
    Archived = 2,
    /// Uploaded, and about to be made the counterparty's: whether it is, must be looked at.
    Committing = 3,
    /// Made the counterparty's.
    Sent = 4,
    /// Seen at the counterparty's side.
    Landed = 5,
    /// NemKonto could not read a file; which one is unknown.
    Suspect = 6,
    /// Receipt 1 took it in.
    Received = 7,
    /// Answer 2 accepted it, perhaps without some payments.
    Accepted = 8,
    /// Refused as a whole.
    Rejected = 9,
    /// Its cut-off passed before it could leave; a person decides.
    Held = 10,
    /// It was sent, and two persons hold that it never arrived: the same bytes are to go again.
    Resend = 12,
}

impl BundleState {
    const ALL: [BundleState; 11] = [
        BundleState::Numbered,
        BundleState::Archived,
        BundleState::Committing,
        BundleState::Sent,
        BundleState::Landed,
        BundleState::Suspect,
        BundleState::Received,
        BundleState::Accepted,
        BundleState::Rejected,
        BundleState::Held,
        BundleState::Resend,
    ];

    /// The state behind a code of the store.
    pub fn from_code(code: u8) -> Result<BundleState, UnknownCode> {
        BundleState::ALL.into_iter().find(|state| *state as u8 == code).ok_or(UnknownCode(code))
    }

    /// As screens and `--json` name it.
    pub fn text(self) -> &'static str {
        match self {
            BundleState::Numbered => "numbered",
            BundleState::Archived => "archived",
            BundleState::Committing => "committing",
            BundleState::Sent => "sent",
            BundleState::Landed => "landed",
            BundleState::Suspect => "suspect",
            BundleState::Received => "received",
            BundleState::Accepted => "accepted",
            BundleState::Rejected => "rejected",
            BundleState::Held => "held",
            BundleState::Resend => "to be sent again",
        }
    }

    /// Whether anything of it may have reached NemKonto.
    pub fn has_left(self) -> bool {
        match self {
            BundleState::Numbered | BundleState::Archived | BundleState::Held => false,
            BundleState::Committing
            | BundleState::Sent
            | BundleState::Landed
            | BundleState::Suspect
            | BundleState::Received
            | BundleState::Accepted
            | BundleState::Rejected
            | BundleState::Resend => true,
        }
    }

    /// The state of an attempt of this bundle that no answer has named.
    pub fn attempt_state(self) -> AttemptState {
        match self {
            BundleState::Numbered | BundleState::Archived | BundleState::Held => AttemptState::Ready,
            BundleState::Committing | BundleState::Sent | BundleState::Landed => AttemptState::Sent,
            BundleState::Suspect | BundleState::Resend => AttemptState::Suspect,
            BundleState::Received => AttemptState::Received,
            BundleState::Accepted => AttemptState::Accepted,
            BundleState::Rejected => AttemptState::Rejected,
        }
    }
}

/// What an answer says of the bundle as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BundleEvent {
    /// Receipt 0: a file of ours was unreadable, perhaps this one.
    Unreadable,
    /// Receipt 1, accepted.
    TakenIn,
    /// Answer 2: accepted, but for those it names.
    Accepted,
    /// Receipt 1 or answer 2: refused as a whole.
    Refused,
    /// Answer 5 that names nobody.
    Stopped,
    /// Answers 7, 8, 9, and those that only name payments.
    NamesPayments,
}

/// What follows for the bundle, and for those of its attempts that no answer has named so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BundleStep {
    /// The bundle's new state.
    pub state: BundleState,
    /// What befalls every attempt that the answer does not name.
    pub unnamed: Option<AttemptEvent>,
    /// Whether a person must be told.
    pub task: bool,
}

impl BundleState {
    /// What an answer makes of this bundle.
    pub fn answered(self, event: BundleEvent) -> BundleStep {
        use BundleEvent as E;
        use BundleState as S;
        match (self, event) {
            // NemKonto answers something that we never sent, or contradicts itself.
            (S::Numbered | S::Archived | S::Held, _) | (S::Rejected, E::TakenIn | E::Accepted) => {
                bundle(self).with_task()
            }
            (S::Sent | S::Landed | S::Committing, E::Unreadable) => bundle(S::Suspect).with_task(),
            (S::Committing | S::Sent | S::Landed | S::Suspect | S::Resend, E::TakenIn) => bundle(S::Received),
            (S::Committing | S::Sent | S::Landed | S::Suspect | S::Resend | S::Received, E::Accepted) => {
                bundle(S::Accepted)
            }
            (S::Committing | S::Sent | S::Landed | S::Suspect | S::Resend | S::Received, E::Refused) => {
                bundle(S::Rejected).unnamed(AttemptEvent::Reject)
            }
            // Accepted before, refused now: attempts the bank has keep their state, and a person is told.
            (S::Accepted, E::Refused) => bundle(S::Accepted).unnamed(AttemptEvent::Unclear).with_task(),
            // Whoever answers about its payments has it: it need not go again.
            (S::Resend, E::NamesPayments) => bundle(S::Sent),
            (S::Resend, E::Stopped) => bundle(S::Sent).unnamed(AttemptEvent::StopUnasked).with_task(),
            (_, E::Stopped) => bundle(self).unnamed(AttemptEvent::StopUnasked).with_task(),
            (_, E::NamesPayments) => bundle(self),
            // Told late, or once more.
            (S::Received | S::Accepted, E::TakenIn | E::Unreadable) | (S::Accepted, E::Accepted) => {
                bundle(self)
            }
            (S::Rejected, E::Refused | E::Unreadable) | (S::Suspect | S::Resend, E::Unreadable) => {
                bundle(self)
            }
        }
    }

    /// The same for a bundle whose bytes a person had sent a second time: refused as a whole is then perhaps only the
    /// second copy, because NemKonto has the first (nemkonto.md 4.2). Nobody is free to be paid anew by that.
    pub fn answered_after_resending(self, event: BundleEvent) -> BundleStep {
        use BundleState as S;
        match (self, event) {
            (S::Committing | S::Sent | S::Landed | S::Suspect | S::Resend, BundleEvent::Refused) => {
                bundle(S::Suspect).with_task()
            }
            (S::Received | S::Accepted, BundleEvent::Refused) => bundle(self).with_task(),
            _ => self.answered(event),
        }
    }

    /// Whether what became of it can be known no further by looking: NemKonto says that a file was unreadable, or it was
    /// sent and the time for a receipt has passed.
    pub fn is_unknown(self, receipt_is_overdue: bool) -> bool {
        match self {
            BundleState::Suspect => true,
            BundleState::Sent | BundleState::Landed => receipt_is_overdue,
            BundleState::Numbered
            | BundleState::Archived
            | BundleState::Committing
            | BundleState::Received
            | BundleState::Accepted
            | BundleState::Rejected
            | BundleState::Held
            | BundleState::Resend => false,
        }
    }

    /// What a person's word makes of a bundle of which nothing is known; `None`: he has no say now.
    pub fn settled(self, arrived: bool, receipt_is_overdue: bool) -> Option<BundleState> {
        let said = match (arrived, self) {
            (true, BundleState::Landed) => BundleState::Landed,
            (true, _) => BundleState::Sent,
            (false, _) => BundleState::Resend,
        };
        self.is_unknown(receipt_is_overdue).then_some(said)
    }
}

fn bundle(state: BundleState) -> BundleStep {
    BundleStep { state, unnamed: None, task: false }
}

impl BundleStep {
    fn unnamed(self, event: AttemptEvent) -> BundleStep {
        BundleStep { unnamed: Some(event), ..self }
    }
    fn with_task(self) -> BundleStep {
        BundleStep { task: true, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use BundleEvent as E;
    use BundleState as S;

    #[test]
    fn codes_come_back() {
        for state in S::ALL {
            assert_eq!(S::from_code(state as u8), Ok(state));
        }
        assert!(S::from_code(0).is_err());
    }

    #[test]
    fn in_any_order_an_accepted_bundle_stays_accepted() {
        let orders: [&[E]; 3] = [
            &[E::TakenIn, E::Accepted, E::NamesPayments],
            &[E::NamesPayments, E::Accepted, E::TakenIn],
            &[E::Accepted, E::TakenIn, E::TakenIn, E::Accepted],
        ];
        for order in orders {
            let end = order.iter().fold(S::Sent, |state, event| state.answered(*event).state);
            assert_eq!(end, S::Accepted, "{order:?}");
        }
    }

    #[test]
    fn a_refused_bundle_refuses_every_attempt_that_no_answer_named() {
        let step = S::Sent.answered(E::Refused);
        assert_eq!((step.state, step.unnamed), (S::Rejected, Some(AttemptEvent::Reject)));
        let step = S::Accepted.answered(E::Refused);
        assert_eq!((step.state, step.unnamed, step.task), (S::Accepted, Some(AttemptEvent::Unclear), true));
    }

    #[test]
    fn a_person_settles_only_what_cannot_be_known() {
        for (state, overdue, arrived, expected) in [
            (S::Suspect, false, true, Some(S::Sent)),
            (S::Suspect, false, false, Some(S::Resend)),
            (S::Sent, false, false, None),
            (S::Sent, true, false, Some(S::Resend)),
            (S::Sent, true, true, Some(S::Sent)),
            (S::Landed, true, true, Some(S::Landed)),
            (S::Landed, true, false, Some(S::Resend)),
            (S::Received, true, false, None),
            (S::Accepted, true, false, None),
            (S::Archived, true, false, None),
            (S::Held, true, false, None),
            (S::Rejected, true, false, None),
            (S::Resend, true, false, None),
        ] {
            assert_eq!(state.settled(arrived, overdue), expected, "{state:?} {overdue} {arrived}");
        }
    }

    #[test]
    fn what_was_sent_twice_is_not_refused_because_the_second_copy_is() {
        for (state, kept) in [
            (S::Sent, S::Suspect),
            (S::Resend, S::Suspect),
            (S::Received, S::Received),
            (S::Accepted, S::Accepted),
        ] {
            let step = state.answered_after_resending(E::Refused);
            assert_eq!((step.state, step.unnamed, step.task), (kept, None, true), "{state:?}");
        }
        assert_eq!(S::Resend.answered_after_resending(E::TakenIn).state, S::Received);
        assert_eq!(S::Resend.answered(E::Unreadable).state, S::Resend);
        assert_eq!(S::Resend.answered(E::NamesPayments).state, S::Sent, "whoever answers has it");
    }

    #[test]
    fn a_bundle_that_never_left_cannot_be_answered() {
        for event in [E::TakenIn, E::Accepted, E::Refused, E::Unreadable, E::Stopped, E::NamesPayments] {
            let step = S::Numbered.answered(event);
            assert_eq!((step.state, step.task), (S::Numbered, true), "{event:?}");
        }
    }
}
