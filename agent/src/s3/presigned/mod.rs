//! A run into a bucket by a host that holds no key at all: only a list of requests that somebody else has signed in advance.
//!
//! ```text
//! off the host, with credentials:   make.rs   uploads begun, names.rs × request.rs signed → list.rs, a file
//! on the host, with the list alone: list.rs → pass.rs puts what was signed in the place of what the SDK would sign
//! ```
//!
//! Every name that a run can have is known before it begins, except how many segments, parts and custody objects there will be; so the
//! list has a signature for each name, and for more of those than a run needs. The layout in the bucket is that of any other run.
//! An object that fits one part is one `PutObject`. For one that may not, the upload was begun with the lock when the list was made;
//! the host sends its parts and completes it, so it is locked the moment it is whole.
//!
//! **Invariants.** Each signature is good for one method, key and set of headers, `If-None-Match: *` among them where an object is
//! made: whoever steals the list can fill what is still free, and nothing else. A SHA-256 that nobody knows yet cannot be signed, and S3
//! refuses an `x-amz-` header that is not, so the bucket compares bodies by `Content-MD5` and keeps no SHA-256: a verifier reads
//! the bytes.

mod given;
mod list;
mod make;
mod names;
mod pass;
mod request;

pub use given::{Beside, read};
pub use list::{Entry, List, Upload};
pub(super) use make::one;
pub use make::{Making, Signed, make};
pub(super) use pass::Pass;
pub(super) use request::Deed;
pub use request::{Signature, Terms, Token};
