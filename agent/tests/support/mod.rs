//! What the tests of verification share: runs made by the page, and ways to damage them.

pub(crate) mod builder;
pub(crate) mod mutate;
