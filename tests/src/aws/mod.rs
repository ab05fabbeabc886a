//! What the doubles of AWS services have in common, and the small ones.
//!
//! ```text
//! cloud      one account: clock, access keys, keys of KMS, made-up identifiers
//! access     access keys and what each may do
//! refusal    an error before it has the form of a service
//! sigv4      Signature Version 4, verified
//! canonical  the canonical request of Signature Version 4
//! ```

pub mod access;
pub mod canonical;
pub mod cloud;
pub mod refusal;
pub mod sigv4;
