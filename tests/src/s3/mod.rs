//! A strict double of S3. Where emulators are lenient it refuses as S3 does, and what it does not know it refuses and complains about.
//!
//! ```text
//! double      the handle: buckets, keys, what is stored, complaints
//! service     one request: who, where, may they, what
//! address     path style and virtual-host style
//! operation   which operation a request is, and the action it needs
//! receive     the body: digests, checksums, lengths
//! chunked     the body in chunks (aws-chunked), with their signatures
//! checksum    CRC-32, CRC-32C, CRC-64/NVME, SHA-1, SHA-256
//! state       buckets, versions, uploads, parts
//! lock        retention and legal hold
//! encryption  SSE-S3 and SSE-KMS
//! condition   If-Match, If-None-Match
//! xml         read and written
//! spec        buckets, keys and faults as texts
//! put, upload, complete, get, attributes, list, delete, bucket    the operations
//! ```

mod address;
mod attributes;
mod bucket;
pub mod checksum;
mod chunked;
mod complete;
mod condition;
mod delete;
mod double;
mod encryption;
mod get;
mod list;
mod lock;
mod operation;
mod policy;
mod put;
mod receive;
mod service;
pub mod spec;
mod state;
mod upload;
mod written;
mod xml;

pub use checksum::{Algorithm, Kind};
pub use double::{Options, Replay, S3Double};
pub use lock::{DefaultRetention, Mode, Retention};
pub use service::S3;
pub use state::{Bucket, Part, Upload, Version, Versioning};
pub use written::assert_write_only;
