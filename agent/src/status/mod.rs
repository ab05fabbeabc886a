//! What a run says of itself in a parameter of Systems Manager, for whoever watches it from outside; and the digest of its begin
//! record in another, as a second witness.
//!
//! ```text
//! place.rs   which parameters
//! told.rs    what is said, in at most 3 KB
//! teller.rs  when: on the network's threads, at most every 15 s, and once at the end
//! ```
//!
//! **Invariant:** nothing in a run waits for it while it reads, and nothing ends because of it. What could not be told is an event of the journal.

mod place;
mod teller;
mod told;

pub use place::Place;
pub use teller::{Channel, Teller};
pub use told::{MAX_BYTES, Phase, Told};
