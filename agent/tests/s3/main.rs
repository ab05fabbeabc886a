//! The S3 sink against a strict double of S3: the contract, the requests, where they go and who signs them, the faults, whole runs,
//! refusals; and sweeps, a fault and a kill at every request of a run.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests lay out files with the standard library, and fail by panicking"
)]

mod addresses;
mod conformance;
mod faults;
mod flat;
mod image;
mod killed;
mod outage;
mod presigned;
mod refusals;
mod renewal;
mod requests;
mod runs;
mod segments;
mod spooled;
mod support;
mod sweep;
