//! One value that somebody changed in a file of the installation: what differences are told and kept in. Knows no file.

use serde::{Deserialize, Serialize};

/// A value before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Of what, and for which days: `0201 from 2026-01-01`, `0751 from 2026-03-01 to 2026-03-31`.
    pub subject: String,
    /// The field or parameter.
    pub field: String,
    /// Before; `None` when it was not there.
    pub was: Option<String>,
    /// After; `None` when it is gone.
    pub becomes: Option<String>,
}
