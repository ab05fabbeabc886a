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
    /// What the sink says of the object; absent where it is a folder, which says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sink: Option<Held>,
}

/// What a bucket says of an object that it holds, and what it was told with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// The bucket.
    pub bucket: String,
    /// The object's whole key in the bucket.
    pub key: String,
    /// The version that is the evidence; absent where the answer was lost (`ambiguous`) or the bucket has no versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// The entity tag, which is not a digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The checksum that the bucket keeps.
    pub checksum: Checksum,
    /// The lock that was asked for; absent where the bucket's own default retention was left to decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<Lock>,
    /// The encryption at rest, as the bucket answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sse: Option<Encryption>,
    /// The answer that completed the object.
    pub answer: Answer,
    /// Requests of this object that had to be sent again.
    pub retries: u64,
    /// Whether the answer to the request that completed the object was lost, so that only who can read the bucket can tell which
    /// version it made. The bytes are then the ones that were sent, or there is no such object.
    pub ambiguous: bool,
}

/// A SHA-256 as a bucket keeps it: base64, and for an object of several parts the digest of the parts' digests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checksum {
    /// `FULL_OBJECT` for an object that was sent whole, `COMPOSITE` for one of several parts.
    #[serde(rename = "type")]
    pub kind: String,
    /// Base64; a composite ends with `-` and the number of parts.
    pub sha256: String,
    /// Bytes of each part but the last.
    pub part_size: u64,
    /// Parts that the stored bytes were sent in.
    pub parts: u64,
    /// Whether the bucket repeated each checksum in its answers.
    pub echoed: bool,
}

/// A retention that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// `COMPLIANCE` or `GOVERNANCE`.
    pub mode: String,
    /// Until when.
    pub until: Timestamp,
}

/// An encryption at rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encryption {
    /// `AES256`, `aws:kms` and the like.
    pub algorithm: String,
    /// The KMS key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// What identifies an answer to whoever runs the bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// `x-amz-request-id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// `x-amz-id-2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id2: Option<String>,
    /// `Date`: the time by the bucket's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
}
