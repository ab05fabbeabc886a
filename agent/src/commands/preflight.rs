//! `hozen preflight`.

use crate::cli::PreflightArgs;

/// Checks.
#[must_use]
pub fn preflight(_arguments: &PreflightArgs) -> u8 {
    60
}
