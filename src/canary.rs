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
}

impl Canary {
    /// All defects, with the name that `TOEK_CANARY` chooses them by.
    pub const ALL: [(&'static str, Canary); 5] = [
        ("swallowed-write-error", Canary::SwallowedWriteError),
        ("skipped-checkpoint", Canary::SkippedCheckpoint),
        ("doubled-answer", Canary::DoubledAnswer),
        ("dropped-voucher-line", Canary::DroppedVoucherLine),
        ("ignored-count", Canary::IgnoredCount),
    ];
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
