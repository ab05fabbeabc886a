//! Where objects go. A directory and a place in memory live here; a bucket lives in the agent.
//!
//! **Invariant:** an object is written once. Nothing is visible under its key before it is whole, and nothing changes it after.

pub mod directory;
mod directory_object;
mod folder;
pub mod memory;
mod reserve;

#[cfg(any(test, feature = "test-util"))]
pub mod conformance;
#[cfg(any(test, feature = "test-util"))]
pub mod discard;
#[cfg(any(test, feature = "test-util"))]
pub mod faulty;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::model::{Digest, Held, ObjectKey};

/// A place that objects go to. `sink::conformance` is this contract as a test; every sink passes it.
pub trait EvidenceSink: Send + Sync + fmt::Debug {
    /// Opens a new object.
    ///
    /// Nothing is visible under `key` until [`ObjectWriter::finish`] has returned `Ok`. Several objects may be open at once, on
    /// several threads; two of the same key may not (the later `finish` fails with [`Cause::Exists`]).
    ///
    /// # Errors
    /// [`Cause::Exists`] where the key is taken, and whatever keeps the sink from storing. The sink is then as it was before.
    fn create(&self, key: &ObjectKey) -> Result<Box<dyn ObjectWriter>, SinkError>;

    /// What the begin record says of the sink: at least `kind` and `location`. No secrets.
    fn describe(&self) -> BTreeMap<String, Value>;

    /// The last objects, the run's seal, come next: what the sink kept in reserve for them is set free. Called once.
    fn prepare_to_seal(&self) {}

    /// Nanoseconds since the sink was made in which it gave no answer and was retried. Not charged to any artefact.
    fn stalled_ns(&self) -> u64 {
        0
    }

    /// For how long from now evidence may be collected, so that the run's seal is stored while the sink still takes it; `None` where
    /// nobody knows of an end. Asked once the sink has the begin record.
    fn time_to_collect(&self) -> Option<Duration> {
        None
    }

    /// What happened on the way since the last call that a reader of the custody journal should know: each with the event's name.
    fn take_notes(&self) -> Vec<(&'static str, BTreeMap<String, Value>)> {
        Vec::new()
    }
}

/// One object on its way into a sink. Dropping it is [`ObjectWriter::abort`] without the answer.
pub trait ObjectWriter: Send {
    /// Takes the next bytes. Parts are handed over in order; all of one object but the last may have to be of one size
    /// (a bucket asks for 5 MiB or more), so callers do not cut them smaller.
    ///
    /// # Errors
    /// None of `bytes` belongs to the object then, and all parts before still do. The caller may hand over the same part again,
    /// [`finish`](ObjectWriter::finish) with the totals of the parts before, or abort. A sink that stores behind the caller's back
    /// may learn too late that a part taken before is lost: `finish` then fails, and nothing of the object is visible.
    fn part(&mut self, bytes: &[u8]) -> Result<(), SinkError>;

    /// Size and digest of all parts taken so far. The sink digests them anyway, to know that it stores what it was given; who asks here
    /// need not do so a second time.
    fn taken(&self) -> (u64, Digest);

    /// Makes the object visible. `size` and `sha256` are those of all parts taken; a sink that received something else refuses.
    ///
    /// `Ok` means: the object is whole under its key, survives a crash of this machine, and will not change. What comes with it is
    /// for the object's receipt: what the sink itself says of the object, or nothing where it is a sink that cannot speak.
    ///
    /// # Errors
    /// [`Cause::Mismatch`] where the totals disagree, [`Cause::Exists`] where the key was taken meanwhile, or what kept the sink
    /// from storing. Nothing of this object is then visible, now or later.
    fn finish(self: Box<Self>, size: u64, sha256: &Digest) -> Result<Option<Held>, SinkError>;

    /// Gives the object up. Nothing of it is visible, now or later, and its space is given back where the sink can do that.
    ///
    /// # Errors
    /// When the space could not be given back; the object is invisible all the same.
    fn abort(self: Box<Self>) -> Result<(), SinkError>;
}

/// A sink could not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {cause}")]
pub struct SinkError {
    /// The object.
    pub key: ObjectKey,
    /// Why.
    pub cause: Cause,
}

/// Why a sink could not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The key is taken; objects are written once.
    #[error("an object of this name exists already")]
    Exists,
    /// No room is left.
    #[error("no space left at the destination")]
    Full,
    /// The sink holds other bytes than were handed to it.
    #[error("the destination holds other bytes than were sent")]
    Mismatch,
    /// The operating system refused.
    #[error("{action}: {errno}")]
    System {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        errno: nix::errno::Errno,
    },
    /// What the sink has left is kept for the run's seal, and is taken once that begins.
    #[error("{0}")]
    Reserved(String),
    /// The destination refused, and would refuse again.
    #[error("{0}")]
    Refused(String),
    /// The destination gave no answer, or none that helps, for as long as the run waits for one.
    #[error("{0}")]
    Unreachable(String),
    /// A fault that a test injected.
    #[error("injected fault at call {0}")]
    Injected(u64),
}

impl Cause {
    /// Whether another try may help. A sink that tries again by itself says only at the end that it could not.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Full | Self::System { .. } | Self::Mismatch | Self::Injected(_))
    }
}
