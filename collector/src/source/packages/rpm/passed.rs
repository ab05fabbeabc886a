//! What a walk through a database of rpm hands over, and what it came past.

use std::collections::BTreeMap;

/// Takes the number of a package and its header, which may be none.
pub(super) type Take<'a, E> = &'a mut dyn FnMut(i64, &[u8]) -> Result<(), E>;

/// What a walk came past that did not end it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Passed {
    /// Headers that are longer than what is read of one.
    pub(super) long: u64,
    /// What is not as it must be and was left out, and how often.
    pub(super) malformed: BTreeMap<&'static str, u64>,
    /// Headers that were handed over and are not those of their checksums.
    pub(super) unlike: u64,
}

impl Passed {
    /// Counts one more that is left out.
    pub(super) fn note(&mut self, what: &'static str) {
        let times = self.malformed.entry(what).or_default();
        *times = times.saturating_add(1);
    }

    /// Counts one more that is too long.
    pub(super) fn note_long(&mut self) {
        self.long = self.long.saturating_add(1);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::source::pages::{Stopped, Trouble};

    /// Packages by their numbers, and what was left out.
    pub(in super::super) type Found = Result<(Vec<(i64, Vec<u8>)>, Passed), Trouble<&'static str>>;

    /// What a reader of databases hands over. It must come to an end.
    pub(in super::super) fn found(
        headers: impl FnOnce(Take<'_, &'static str>) -> Result<Passed, Stopped<&'static str, &'static str>>,
    ) -> Found {
        let mut found = Vec::new();
        let passed = headers(&mut |number, header| {
            found.push((number, header.to_owned()));
            if found.len() > 100_000 { Err("many") } else { Ok(()) }
        });
        match passed {
            Ok(passed) => Ok((found, passed)),
            Err(Stopped::Trouble(trouble)) => Err(trouble),
            Err(Stopped::Each(many)) => panic!("{many}"),
        }
    }
}
