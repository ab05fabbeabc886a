#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests start the binary, damage what it wrote and read it back with the standard library"
)]
//! Sweeps over real runs: a fault at every call, a kill at every step, a mutation of every object and line.

mod faults;
mod kills;
#[path = "../support/mutate.rs"]
mod mutate;
mod mutations;
