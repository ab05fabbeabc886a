//! What the double holds: buckets, versions, uploads, parts.

use std::collections::BTreeMap;

use hyper::body::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::checksum::{Algorithm, Kind};
use super::encryption::Encryption;
use super::lock::{DefaultRetention, Retention};

/// Whether a bucket keeps versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versioning {
    /// It never did.
    Never,
    /// It does.
    Enabled,
    /// It did.
    Suspended,
}

/// A bucket.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// The account that owns it.
    pub owner: String,
    /// Where it is.
    pub region: String,
    /// Whether it has Object Lock.
    pub locked: bool,
    /// What objects get that come without retention.
    pub default_retention: Option<DefaultRetention>,
    /// Whether it keeps versions. Always, with Object Lock.
    pub versioning: Versioning,
    /// The KMS key (id or ARN) that it encrypts with; without one SSE-S3.
    pub kms_key: Option<String>,
    /// The statements of its policy that deny something; see [`Bucket::under`].
    pub denials: Vec<serde_json::Value>,
    /// The versions of each key, oldest first.
    pub versions: BTreeMap<String, Vec<Version>>,
    /// Open uploads, by their id.
    pub uploads: BTreeMap<String, Upload>,
}

impl Bucket {
    /// An empty bucket without versions and lock.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            owner: crate::aws::cloud::ACCOUNT.to_owned(),
            region: crate::aws::cloud::REGION.to_owned(),
            locked: false,
            default_retention: None,
            versioning: Versioning::Never,
            kms_key: None,
            denials: Vec::new(),
            versions: BTreeMap::new(),
            uploads: BTreeMap::new(),
        }
    }

    /// The same with Object Lock, and retention by default if there is one.
    #[must_use]
    pub fn locked(mut self, default: Option<DefaultRetention>) -> Self {
        (self.locked, self.versioning, self.default_retention) = (true, Versioning::Enabled, default);
        self
    }

    /// The same with versions.
    #[must_use]
    pub fn versioned(mut self) -> Self {
        self.versioning = Versioning::Enabled;
        self
    }

    /// The same, owned by another account.
    #[must_use]
    pub fn owned_by(mut self, account: &str) -> Self {
        account.clone_into(&mut self.owner);
        self
    }

    /// The same in another region.
    #[must_use]
    pub fn in_region(mut self, region: &str) -> Self {
        region.clone_into(&mut self.region);
        self
    }

    /// The same, encrypted with this key (id or ARN).
    #[must_use]
    pub fn encrypted_with(mut self, kms_key: &str) -> Self {
        self.kms_key = Some(kms_key.to_owned());
        self
    }

    /// The resource name of an object, or of the bucket if the key is empty.
    #[must_use]
    pub fn arn(&self, key: &str) -> String {
        let slash = if key.is_empty() { "" } else { "/" };
        format!("arn:aws:s3:::{}{slash}{key}", self.name)
    }

    /// The newest version of a key, unless it is a delete marker.
    #[must_use]
    pub fn current(&self, key: &str) -> Option<&Version> {
        self.versions.get(key)?.last().filter(|version| !version.is_marker)
    }

    /// Has all that is in it come earlier than it did.
    pub fn grow_older(&mut self, by: SignedDuration) {
        self.versions.values_mut().flatten().for_each(|version| version.modified -= by);
        for upload in self.uploads.values_mut() {
            upload.initiated -= by;
            upload.parts.values_mut().for_each(|part| part.modified -= by);
        }
    }

    /// Puts a version on top.
    pub(super) fn push(&mut self, key: &str, version: Version) {
        let versions = self.versions.entry(key.to_owned()).or_default();
        if version.id == NULL {
            versions.retain(|other| other.id != NULL);
        }
        versions.push(version);
    }
}

/// The id of versions that were written without versioning.
pub(super) const NULL: &str = "null";

/// One version of an object.
#[derive(Debug, Clone)]
pub struct Version {
    /// Its id.
    pub id: String,
    /// Whether it marks a deletion. Then all else is empty.
    pub is_marker: bool,
    /// When it was made.
    pub modified: Timestamp,
    /// Without quotes.
    pub etag: String,
    /// In bytes.
    pub size: u64,
    /// Its parts; one with the number 0 if it was put in one piece.
    pub parts: Vec<Part>,
    /// Its checksum.
    pub checksum: Option<Checksum>,
    /// How long it is kept.
    pub retention: Option<Retention>,
    /// Whether it is held.
    pub hold: bool,
    /// How it is encrypted.
    pub encryption: Encryption,
    /// Content type, `x-amz-meta-*` and the like.
    pub metadata: Vec<(String, String)>,
}

/// The checksum of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    /// By which algorithm.
    pub algorithm: Algorithm,
    /// Of what.
    pub kind: Kind,
    /// Base64, and for composite ones `-` and the number of parts.
    pub value: String,
    /// Whether whoever wrote the object asked for this algorithm.
    pub was_asked_for: bool,
}

/// One part of an object or of an upload.
#[derive(Debug, Clone)]
pub struct Part {
    /// From 1.
    pub number: u32,
    /// In bytes.
    pub size: u64,
    /// Without quotes.
    pub etag: String,
    /// When it came.
    pub modified: Timestamp,
    /// The digest of its bytes.
    pub sha256: [u8; 32],
    /// MD5 of its bytes, where it was computed.
    pub md5: Option<[u8; 16]>,
    /// Its checksum: algorithm and value.
    pub checksum: Option<(Algorithm, Vec<u8>)>,
    /// Its bytes, unless they were thrown away.
    pub data: Option<Bytes>,
}

/// An upload in parts that is open.
#[derive(Debug, Clone)]
pub struct Upload {
    /// What it will be.
    pub key: String,
    /// When it began.
    pub initiated: Timestamp,
    /// Whose it is.
    pub initiator: String,
    /// The algorithm that was named at its beginning.
    pub algorithm: Option<Algorithm>,
    /// What the checksum is computed from.
    pub kind: Kind,
    /// How long the object will be kept.
    pub retention: Option<Retention>,
    /// Whether the object will be held.
    pub hold: bool,
    /// How it will be encrypted.
    pub encryption: Encryption,
    /// Content type, `x-amz-meta-*` and the like.
    pub metadata: Vec<(String, String)>,
    /// By number.
    pub parts: BTreeMap<u32, Part>,
}

/// An upload that was completed.
#[derive(Debug, Clone)]
pub(super) struct Completed {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) version: Version,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) buckets: BTreeMap<String, Bucket>,
    pub(super) completed: BTreeMap<String, Completed>,
    pub(super) complaints: Vec<String>,
}
