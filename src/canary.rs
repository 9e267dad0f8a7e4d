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
}

impl Canary {
    /// All defects, with the name that `TOEK_CANARY` chooses them by.
    pub const ALL: [(&'static str, Canary); 8] = [
        ("swallowed-write-error", Canary::SwallowedWriteError),
        ("skipped-checkpoint", Canary::SkippedCheckpoint),
        ("doubled-answer", Canary::DoubledAnswer),
        ("dropped-voucher-line", Canary::DroppedVoucherLine),
        ("ignored-count", Canary::IgnoredCount),
        ("moving-bytes", Canary::MovingBytes),
        ("refused-older", Canary::RefusedOlder),
        ("blind-verify", Canary::BlindVerify),
    ];

    /// Whether a payment day shows it. What shows only in bytes at rest is caught by `tests/golden.rs`,
    /// `tests/releases.rs` and `tests/tamper.rs`.
    pub fn shows_in_a_payment_day(self) -> bool {
        !matches!(self, Canary::MovingBytes | Canary::RefusedOlder | Canary::BlindVerify)
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
