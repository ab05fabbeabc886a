//! Everything that can be collected, in the order in which a run collects it: what is lost first comes first (RFC 3227 2.1).

use super::Source;
use crate::host::Host;
use crate::model::Artefact;

/// What a run wants of the sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Keep secret-looking values of environments.
    pub include_secrets: bool,
    /// Read what is slow to read, such as `smaps`.
    pub thorough: bool,
}

/// Every source, in the order of a run.
#[must_use]
pub fn all(_host: &Host, _options: &Options) -> Vec<Box<dyn Source>> {
    vec![]
}

/// Every artefact, in the order of a run.
#[must_use]
pub fn artefacts() -> Vec<Artefact> {
    vec![]
}
