//! Where the bytes of a database of rpm are, and how a walk through it goes on and ends.

use std::collections::BTreeMap;

/// Where a database's bytes are.
pub(super) trait Pages {
    type Error;

    /// Fills `into` with the bytes at `offset`; an error where so many are not there.
    fn read(&mut self, offset: u64, into: &mut [u8]) -> Result<(), Self::Error>;
}

/// Takes the number of a package and its header, which may be none.
pub(super) type Take<'a, E> = &'a mut dyn FnMut(i64, &[u8]) -> Result<(), E>;

/// Why a database cannot be read (further).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble<E> {
    Read(E),
    Malformed(&'static str),
}

/// Why a walk ended before the last row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stopped<R, E> {
    Trouble(Trouble<R>),
    /// Whom the rows were handed to wants no more.
    Each(E),
}

impl<R, E> From<Trouble<R>> for Stopped<R, E> {
    fn from(trouble: Trouble<R>) -> Self {
        Self::Trouble(trouble)
    }
}

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
