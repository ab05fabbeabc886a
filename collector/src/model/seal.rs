//! The seal: a countersignature over a run, made away from the host, with a key that the host never had.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::record::{ChainHead, RunKey, RunStatus};
use super::{CaseId, Digest, ObjectKey, RunId, Timestamp};

/// `predicateType` of a seal.
pub const SEAL_TYPE: &str = "hozen:seal/v1";
/// Folder of the seals.
pub const SEAL_FOLDER: &str = "seal";
/// The algorithm of a seal's key: ECDSA on P-256 with SHA-256, signature in DER form (FIPS 186-5, RFC 3279 2.2.3).
pub const SEAL_ALGORITHM: &str = "ecdsa-p256-sha256";

/// The key of the seal that is made at this time: `seal/20261122T035027Z.json`.
#[must_use]
pub fn seal_key(sealed: Timestamp) -> ObjectKey {
    dated_key(SEAL_FOLDER, sealed)
}

/// A key below `folder` that says a second.
pub(super) fn dated_key(folder: &str, time: Timestamp) -> ObjectKey {
    let text = time.to_string();
    let second = text.split('.').next().unwrap_or_default();
    let plain: String = second.chars().filter(|c| !matches!(c, '-' | ':')).collect();
    ObjectKey::made(format!("{folder}/{plain}Z.json"))
}

/// Predicate of a seal. Its subjects are the manifest and the end record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// [`super::record::VERSION`].
    pub v: u32,
    /// The run.
    pub run: RunId,
    /// The case.
    pub case: CaseId,
    /// When it was sealed, by the sealer's clock.
    pub sealed: Timestamp,
    /// The program that verified and sealed.
    pub sealer: Sealer,
    /// Where the run lay when it was verified; escaped text.
    pub location: String,
    /// Whether every stored byte was read and hashed for this seal; if not, the bucket's own checksums were compared.
    pub rehashed: bool,
    /// The run's status, as its end record says.
    pub status: RunStatus,
    /// The custody journal's last line.
    pub chain: ChainHead,
    /// Objects of the run, seals not counted.
    pub objects: u64,
    /// What the bucket says of each object: version, size, checksum, lock. Empty for a folder.
    pub places: Vec<SealedObject>,
    /// The public half of the key that signs this.
    pub seal_key: RunKey,
    /// What more is known of the key: `kms_key` for a key that never leaves KMS.
    pub key_facts: BTreeMap<String, Value>,
}

/// The program that sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealer {
    /// Its version.
    pub version: String,
    /// Its digest; absent where it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
}

/// One object of a bucket, bound to its version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedObject {
    /// The object.
    pub key: ObjectKey,
    /// Its stored bytes.
    pub size: u64,
    /// Its version.
    pub version_id: String,
    /// What the bucket says of it: `checksum`, `lock_mode`, `lock_until`, `legal_hold`, `last_modified`, as far as it says.
    pub facts: BTreeMap<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_is_named_by_its_second() {
        let time: Timestamp = "2026-11-22T03:50:27.123456789Z".parse().unwrap();
        let key = seal_key(time);
        assert_eq!(key.as_str(), "seal/20261122T035027Z.json");
        assert_eq!(key.as_str().parse(), Ok(key));
        assert_eq!(seal_key(Timestamp::from_seconds(0)).as_str(), "seal/19700101T000000Z.json");
    }
}
