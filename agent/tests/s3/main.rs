//! The S3 sink against a strict double of S3: the contract, the requests, the faults, a whole run, and refusals.

mod conformance;
mod faults;
mod refusals;
mod requests;
mod runs;
mod support;
