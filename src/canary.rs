//! Deliberate defects, to show that the checker would notice them. Compiled in by the feature `canary` alone; without
//! it every question here is a constant `false`.

/// A defect of the kind that loses or doubles money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canary {
    /// A failed write is taken for a success.
    SwallowedWriteError,
    /// A chunk is stored without its checkpoint.
    SkippedCheckpoint,
    /// An answer is booked twice.
    DoubledAnswer,
    /// A voucher is stored without one of its lines.
    DroppedVoucherLine,
    /// The end record's count is not looked at.
    IgnoredCount,
    /// What a bundle or a voucher file says depends on when it is written.
    MovingBytes,
    /// A store that an earlier build wrote is refused.
    RefusedOlder,
    /// Rows are not held against their seals, nor archived files against their hashes.
    BlindVerify,
    /// An archived file is taken for durable before it is.
    UnsyncedArchive,
    /// What may have been committed is sent once more, without a look.
    ForgottenIntent,
    /// One bad record sets its whole file aside.
    SpreadingPoison,
    /// What was due while the hub was down is not made up for.
    ForgottenWindow,
    /// What was about to be committed when the hub died waits for ever.
    StuckCommit,
    /// What failed is not tried again before the next start.
    GivenUp,
    /// Payments of one municipality go into the bundle of another.
    MixedMunicipalities,
    /// An answer that is too short to be one ends the process.
    PanickingInput,
    /// A counterparty that refuses a file is not heard.
    DeafToRefusals,
    /// Without health and numbers nothing is done.
    DoorsFirst,
}

impl Canary {
    /// All defects, with the name that `TOEK_CANARY` chooses them by.
    pub const ALL: [(&'static str, Canary); 18] = [
        ("swallowed-write-error", Canary::SwallowedWriteError),
        ("skipped-checkpoint", Canary::SkippedCheckpoint),
        ("doubled-answer", Canary::DoubledAnswer),
        ("dropped-voucher-line", Canary::DroppedVoucherLine),
        ("ignored-count", Canary::IgnoredCount),
        ("moving-bytes", Canary::MovingBytes),
        ("refused-older", Canary::RefusedOlder),
        ("blind-verify", Canary::BlindVerify),
        ("unsynced-archive", Canary::UnsyncedArchive),
        ("forgotten-intent", Canary::ForgottenIntent),
        ("spreading-poison", Canary::SpreadingPoison),
        ("forgotten-window", Canary::ForgottenWindow),
        ("stuck-commit", Canary::StuckCommit),
        ("given-up", Canary::GivenUp),
        ("mixed-municipalities", Canary::MixedMunicipalities),
        ("panicking-input", Canary::PanickingInput),
        ("deaf-to-refusals", Canary::DeafToRefusals),
        ("doors-first", Canary::DoorsFirst),
    ];

    /// Whether an ordinary payment day shows it. The fault simulator (`tests/simulator/`) shows all of them.
    pub fn shows_in_a_payment_day(self) -> bool {
        use Canary::*;
        matches!(
            self,
            SwallowedWriteError | SkippedCheckpoint | DoubledAnswer | DroppedVoucherLine | IgnoredCount
        )
    }
}

/// Whether this build has the defect and it was chosen.
#[cfg(feature = "canary")]
pub fn is_active(canary: Canary) -> bool {
    use std::sync::OnceLock;
    static CHOSEN: OnceLock<Option<Canary>> = OnceLock::new();
    let chosen = CHOSEN.get_or_init(|| {
        let name = std::env::var("TOEK_CANARY").ok()?;
        Canary::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, canary)| canary)
    });
    *chosen == Some(canary)
}

/// Whether this build has the defect and it was chosen: never.
#[cfg(not(feature = "canary"))]
pub const fn is_active(_canary: Canary) -> bool {
    false
}
