//! Where the bytes of a database are, and why a walk through it ends: what the readers of databases share.

/// Where a database's bytes are.
pub(in crate::source) trait Pages {
    type Error;

    /// Fills `into` with the bytes at `offset`; an error where so many are not there.
    fn read(&mut self, offset: u64, into: &mut [u8]) -> Result<(), Self::Error>;
}

/// Why a database cannot be read (further).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source) enum Trouble<E> {
    Read(E),
    Malformed(&'static str),
}

/// Why a walk ended before the last row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source) enum Stopped<R, E> {
    Trouble(Trouble<R>),
    /// Whom the rows were handed to wants no more.
    Each(E),
}

impl<R, E> From<Trouble<R>> for Stopped<R, E> {
    fn from(trouble: Trouble<R>) -> Self {
        Self::Trouble(trouble)
    }
}
