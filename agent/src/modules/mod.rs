//! The store of LiME modules: a signed index of modules that were built elsewhere, one for each kernel.
//!
//! ```text
//! builder: keygen → add (checks, writes the file, signs the index)          suspect host: offer
//! shelf (where the bytes come from: a folder or a bucket) → index (signed by the trusted key?) → fit (which is for this kernel?) → the module, its digest checked
//! ```
//!
//! **Invariant:** of an index nothing is read but its signature until the trusted key is seen to have made that, and no
//! module leaves here whose bytes are not those that the index names.

mod add;
mod bucket;
mod check;
mod fit;
mod index;
mod keys;
mod offer;
mod options;
mod place;
mod shelf;
mod trust;

pub use add::{Added, Addition, add};
pub use bucket::InBucket;
pub use check::{Finding, Report, verify};
pub use fit::choose;
pub use index::{MAX_MODULES, read, seal};
pub use keys::{Generated, generate, signing_key};
pub use offer::{Wanted, describe, offer, offer_of};
pub use options::ModuleArgs;
pub use place::Place;
pub use shelf::{Fault, Folder, MAX_INDEX, MAX_MODULE, Shelf};
pub use trust::TrustedKey;

/// Where packages put the store.
pub const DEFAULT_STORE: &str = "/usr/lib/hozen/modules";
/// Where packages put the key that must have signed it.
pub const DEFAULT_KEY: &str = "/etc/hozen/modules.pub";
