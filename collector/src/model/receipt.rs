//! What is known of an object once it is stored.

use serde::{Deserialize, Serialize};

use super::{Digest, ObjectKey, Timestamp};

/// How the stored bytes of an object stand to its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// The stored bytes are the content.
    Identity,
    /// One independent zstd frame with checksum per part (RFC 8878); `zstd -dc` gives the content.
    ZstdFrames,
}

/// What an object holds, before compression.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// SHA-256 of the content.
    pub sha256: Digest,
    /// Bytes of the content.
    pub size: u64,
    /// How it is stored.
    pub encoding: Encoding,
    /// Complete rows of a table or members of an archive, where the object is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<u64>,
}

/// Lengths and digests of one stored object, plain and stored: what the manifest lists and a verifier checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The object.
    pub key: ObjectKey,
    /// SHA-256 of the stored bytes: what `sha256sum` prints.
    pub sha256: Digest,
    /// Stored bytes.
    pub size: u64,
    /// Parts that the stored bytes were handed over in, one zstd frame each where the encoding is `zstd-frames`.
    pub parts: u64,
    /// The content.
    pub content: Content,
    /// When the object was opened.
    pub started: Timestamp,
    /// When the sink had it whole.
    pub finished: Timestamp,
}
