//! Everything that can be collected, in the order in which a run collects it: what is lost first comes first (RFC 3227 2.1).

use super::Source;
use super::context::ContextSource;

/// Every source, in the order of a run.
#[must_use]
pub fn all() -> Vec<Box<dyn Source>> {
    vec![Box::new(ContextSource)]
}
