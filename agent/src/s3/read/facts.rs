//! What a bucket says of one version.

use std::sync::Arc;

use aws_sdk_s3::types::{ObjectAttributes, ObjectLockLegalHoldStatus, ObjectLockRetention};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use hozen_collector::model::escape;
use hozen_collector::model::receipt::Lock;
use tokio::sync::Semaphore;

use super::ask::Unanswered;
use super::time;
use crate::s3::request::Bucket;
use crate::s3::retry::judge;

/// Versions that are asked for at once.
const AT_ONCE: usize = 16;

/// A checksum that the bucket keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// `FULL_OBJECT` or `COMPOSITE`; escaped text.
    pub kind: String,
    /// Base64 of a SHA-256; a composite may end with `-` and the number of parts. Escaped text.
    pub sha256: String,
}

impl Sum {
    /// Whether both are one checksum; not every answer has the number of parts behind a composite.
    #[must_use]
    pub fn agrees(&self, kind: &str, sha256: &str) -> bool {
        let (mine, theirs) = (halves(&self.sha256), halves(sha256));
        let parts = mine.1.is_none() || theirs.1.is_none() || mine.1 == theirs.1;
        self.kind == kind && mine.0 == theirs.0 && parts
    }
}

fn halves(sha256: &str) -> (&str, Option<&str>) {
    sha256.split_once('-').map_or((sha256, None), |(sum, parts)| (sum, Some(parts)))
}

/// The bytes of a version, as the bucket has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// How many.
    pub size: u64,
    /// Their SHA-256 checksum, if the bucket keeps one.
    pub sum: Option<Sum>,
}

/// What the bucket says of a version, each answer by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Its bytes.
    pub kept: Result<Kept, Unanswered>,
    /// Its retention, if it has one.
    pub lock: Result<Option<Lock>, Unanswered>,
    /// Whether it is held.
    pub hold: Result<bool, Unanswered>,
}

/// Asks for all of them, some at once.
pub(super) async fn all(bucket: &Arc<Bucket>, objects: Vec<(String, String)>) -> Vec<Facts> {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let ask = |(key, version): (String, String)| {
        let (bucket, room) = (Arc::clone(bucket), Arc::clone(&room));
        tokio::spawn(async move {
            let _permit = room.acquire().await;
            bucket.facts(&key, &version).await
        })
    };
    let asking: Vec<_> = objects.into_iter().map(ask).collect();
    let mut all = Vec::with_capacity(asking.len());
    for facts in asking {
        all.push(facts.await.unwrap_or_else(|_| unknown()));
    }
    all
}

/// Where the question itself came to nothing.
fn unknown() -> Facts {
    let lost = || Unanswered::new("s3:GetObjectVersionAttributes", "the question ended by a bug".to_owned());
    Facts { kept: Err(lost()), lock: Err(lost()), hold: Err(lost()) }
}

impl Bucket {
    async fn facts(&self, key: &str, version: &str) -> Facts {
        let (kept, lock) = (self.kept(key, version).await, self.retention(key, version).await);
        Facts { kept, lock, hold: self.hold(key, version).await }
    }

    async fn kept(&self, key: &str, version: &str) -> Result<Kept, Unanswered> {
        self.ask("s3:GetObjectVersion and s3:GetObjectVersionAttributes", |ear| {
            let request = self.client.get_object_attributes().bucket(self.place.bucket()).key(key).version_id(version);
            let request = request.object_attributes(ObjectAttributes::Checksum).object_attributes(ObjectAttributes::ObjectSize);
            let request = request.set_expected_bucket_owner(self.options.owner.clone());
            let sending = request.customize().interceptor(ear).send();
            async move {
                let output = sending.await.map_err(|error| judge(&error))?;
                let checksum = output.checksum();
                let sha256 = checksum.and_then(|checksum| checksum.checksum_sha256());
                let kind = checksum.and_then(|checksum| checksum.checksum_type()).map(|kind| kind.as_str());
                let plain = |text: &str| escape::bytes(text.as_bytes()).chars().take(200).collect::<String>();
                // A store that does not say the kind says the number of parts.
                let guess = |sha256: &str| if sha256.contains('-') { "COMPOSITE" } else { "FULL_OBJECT" };
                let sum = sha256.map(|sha256| Sum { kind: plain(kind.unwrap_or_else(|| guess(sha256))), sha256: plain(sha256) });
                Ok(Kept { size: u64::try_from(output.object_size().unwrap_or(-1)).unwrap_or(u64::MAX), sum })
            }
        })
        .await
    }

    async fn retention(&self, key: &str, version: &str) -> Result<Option<Lock>, Unanswered> {
        self.ask("s3:GetObjectRetention", |ear| {
            let request = self.client.get_object_retention().bucket(self.place.bucket()).key(key).version_id(version);
            let request = request.set_expected_bucket_owner(self.options.owner.clone());
            let sending = request.customize().interceptor(ear).send();
            async move {
                match sending.await {
                    Ok(output) => Ok(output.retention().and_then(lock)),
                    Err(error) if has_none(&error) => Ok(None),
                    Err(error) => Err(judge(&error)),
                }
            }
        })
        .await
    }

    async fn hold(&self, key: &str, version: &str) -> Result<bool, Unanswered> {
        self.ask("s3:GetObjectLegalHold", |ear| {
            let request = self.client.get_object_legal_hold().bucket(self.place.bucket()).key(key).version_id(version);
            let request = request.set_expected_bucket_owner(self.options.owner.clone());
            let sending = request.customize().interceptor(ear).send();
            async move {
                match sending.await {
                    Ok(output) => {
                        let status = output.legal_hold().and_then(|hold| hold.status());
                        Ok(status == Some(&ObjectLockLegalHoldStatus::On))
                    }
                    Err(error) if has_none(&error) => Ok(false),
                    Err(error) => Err(judge(&error)),
                }
            }
        })
        .await
    }
}

fn lock(retention: &ObjectLockRetention) -> Option<Lock> {
    let mode = escape::bytes(retention.mode()?.as_str().as_bytes());
    Some(Lock { mode, until: time(retention.retain_until_date())? })
}

/// Whether the answer is that there is no lock: on this version, or in this bucket at all.
fn has_none<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    let Some(error) = error.as_service_error() else { return false };
    let missing = || error.message().is_some_and(|text| text.to_ascii_lowercase().contains("missing object lock"));
    match error.code() {
        Some("NoSuchObjectLockConfiguration" | "ObjectLockConfigurationNotFoundError") => true,
        Some("InvalidRequest") => missing(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_composite_agrees_with_and_without_its_number_of_parts() {
        let sum = |text: &str| Sum { kind: "COMPOSITE".to_owned(), sha256: text.to_owned() };
        assert!(sum("abc=-3").agrees("COMPOSITE", "abc=") && sum("abc=").agrees("COMPOSITE", "abc=-3"));
        assert!(sum("abc=-3").agrees("COMPOSITE", "abc=-3") && !sum("abc=-3").agrees("COMPOSITE", "abc=-2"));
        assert!(!sum("abc=").agrees("COMPOSITE", "abd=") && !sum("abc=").agrees("FULL_OBJECT", "abc="));
    }
}
