//! Floor 0: the nouns of the house.
//!
//! **Invariant:** no clock and no input or output here; everything is plain data that serialises the same way each time.

pub mod artefact;
pub mod canonical;
pub mod case;
pub mod digest;
pub mod dsse;
pub mod encryption;
pub mod escape;
pub mod glob;
pub mod key;
pub mod killed;
pub mod little_endian;
pub mod modules;
mod names;
pub mod outcome;
pub mod range;
pub mod receipt;
pub mod record;
pub mod row;
pub mod salvage;
pub mod seal;
mod statement;
pub mod time;

pub use artefact::{Artefact, Category, Profile};
pub use case::{CaseId, RunId};
pub use digest::Digest;
pub use key::ObjectKey;
pub use outcome::{Gap, Outcome, Status};
pub use range::PhysRange;
pub use receipt::{Content, Encoding, Held, Receipt};
pub use row::Row;
pub use time::Timestamp;
