//! Evidence in an S3 bucket, written by a role that can do nothing but write.
//!
//! ```text
//! object.rs: ObjectWriter::part → buffers.rs [a part of exactly --part-size stored bytes]
//!          → digests.rs [SHA-256 of the part, and of the object] → request.rs UploadPart, several at once, each tried again by retry.rs
//!          → finish: CompleteMultipartUpload, or PutObject where one part holds it all → Held, for the receipt
//! ```
//!
//! Without credentials `presigned/` puts what was signed in advance in the place of what would be signed; `pace.rs` limits what leaves.
//!
//! Memory: `part-size × (parallel-uploads + objects that are open)`, where an open object below 1 MiB counts as what it has.
//!
//! **Invariants.** Only `PutObject`, `CreateMultipartUpload`, `UploadPart` and `CompleteMultipartUpload` are needed; the one
//! question that is asked besides them, after the bucket's lock, may be refused. Every body has its SHA-256 as a header, and the
//! answer's is compared with it. No key is written twice. What the bucket did not confirm is not claimed.

mod advice;
mod bucket;
mod buffers;
mod digests;
mod haste;
pub mod layout;
mod object;
pub mod options;
mod pace;
pub mod presigned;
mod probe;
mod public;
pub mod read;
mod refused;
mod request;
mod retry;
mod salvage;
mod sink;
mod tap;
mod uri;
mod watch;

pub use advice::{SILENT, for_reader as advice_for_reader};
pub use options::{BucketArgs, BucketOptions};
pub use pace::Rate;
pub use public::Public;
pub use read::{Reader, Reading};
pub use refused::Refused;
pub use retry::{Hurried, Timing};
pub use salvage::{Completed, NotCompleted, contiguous};
pub use sink::{FAR, Opening, PresignedOpening, S3Sink};
pub use uri::{BucketUri, InvalidUri};
pub(crate) use uri::{is_meant_as_bucket, place};
