//! What the doubles of AWS services have in common, and the small ones.
//!
//! ```text
//! cloud      one account: clock, access keys, keys of KMS, made-up identifiers
//! access     access keys and what each may do
//! refusal    an error before it has the form of a service
//! client     one signed request, and what came back byte by byte
//! sigv4      Signature Version 4, verified
//! canonical  the canonical request of Signature Version 4
//! json       services that speak JSON 1.1
//! ssm        the parameter store
//! kms        keys that sign digests
//! imds       instance metadata, version 2
//! identity   signatures of instance identity documents
//! ```

pub mod access;
pub mod canonical;
pub mod client;
pub mod cloud;
pub mod identity;
pub mod imds;
pub mod json;
pub mod kms;
pub mod refusal;
pub mod sigv4;
pub mod ssm;
