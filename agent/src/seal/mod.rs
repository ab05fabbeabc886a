//! The seal: somebody who was not on the host verifies the run and countersigns what it came to.
//!
//! ```text
//! verify → refuse what does not verify → statement → signature (a local key, or KMS) → seal/<time>.json beside the run
//! ```
//!
//! **Invariant:** nothing is sealed that has not been verified in the same call, and the run's own objects are not touched.

mod kms;
mod make;

pub use crate::seal_key::{KeyError, LocalKey, SealKey, SealPublic};
pub use kms::KmsKey;
pub use make::{SealError, Sealed, seal_bucket, seal_folder};
