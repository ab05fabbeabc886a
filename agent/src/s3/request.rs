//! The four requests that evidence is written with.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::operation::complete_multipart_upload::CompleteMultipartUploadOutput;
use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart, ObjectLockMode, ServerSideEncryption,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hozen_collector::model::receipt::{Answer, Encryption};
use hozen_collector::model::{Digest, Timestamp, escape};
use md5::Md5;
use sha2::{Digest as _, Sha256};

use super::options::BucketOptions;
use super::pace::Pace;
use super::presigned::{Deed, List, Pass};
use super::retry::{Done, GivenUp, Kind, Limit, Patience, Trouble, judge, persist};
use super::uri::BucketUri;

/// The most parts that S3 takes.
const MOST_PARTS: usize = 10_000;

/// A bucket, and how objects are put into it.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) client: aws_sdk_s3::Client,
    /// Where the run stands.
    pub(super) place: BucketUri,
    pub(super) options: BucketOptions,
    /// Mode and end of the retention, where objects name their own.
    pub(super) lock: Option<(&'static str, Timestamp)>,
    pub(super) patience: Patience,
    /// The list of requests that were signed in advance, where there are no credentials.
    pub(super) presigned: Option<Arc<List>>,
    /// The pace of all bodies, where there is a limit.
    pub(super) pace: Option<Arc<Pace>>,
}

/// A part that the bucket has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) number: i32,
    pub(super) etag: Option<String>,
    /// The checksum that the bucket keeps of it, if it keeps one.
    pub(super) sha256: Option<Digest>,
    pub(super) bytes: u64,
    pub(super) echoed: bool,
    pub(super) retries: u64,
}

/// What the bucket says of an object that it has just made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) version_id: Option<String>,
    pub(super) etag: Option<String>,
    pub(super) sse: Option<Encryption>,
    pub(super) echoed: bool,
}

impl Bucket {
    /// Stores `body` whole.
    pub(super) async fn put(&self, key: &str, body: Bytes, sha256: Digest) -> Result<Done<Made>, GivenUp> {
        let (checksum, limit) = (base64(&sha256), self.limit(body.len()));
        let (pass, md5) = (self.pass(Deed::Put, key)?, self.md5(&body).await);
        persist(&self.patience, limit, sha256, |tap| {
            let request = self.client.put_object().bucket(self.place.bucket()).key(key).body(self.body(&body));
            let request = request.set_content_md5(md5.clone());
            let request = request.set_expected_bucket_owner(self.options.owner.clone()).if_none_match("*");
            let request = request.checksum_algorithm(ChecksumAlgorithm::Sha256).checksum_sha256(&checksum);
            let request = request.set_object_lock_mode(self.mode()).set_object_lock_retain_until_date(self.until());
            let request = request.set_server_side_encryption(self.sse()).set_ssekms_key_id(self.options.kms_key.clone());
            let sending = request.customize().interceptor(tap).interceptor(pass.clone()).send();
            let checksum = checksum.clone();
            async move {
                let output = sending.await.map_err(|error| judge(&error))?;
                Made::of_put(&output, &checksum)
            }
        })
        .await
    }

    /// Begins an upload in parts and gives its id; where that was done in advance, that one's.
    pub(super) async fn create(&self, key: &str) -> Result<Done<String>, GivenUp> {
        let Some(list) = &self.presigned else { return self.begin(key, Some(ChecksumAlgorithm::Sha256)).await };
        let id = list.upload(self.short(key)).ok_or_else(not_signed)?;
        Ok(Done { value: id, answer: Answer::default(), retries: 0 })
    }

    /// Begins an upload for somebody who cannot sign the checksums of parts: the bucket keeps none that was sent.
    pub(super) async fn begin_for_another(&self, key: &str) -> Result<Done<String>, GivenUp> {
        self.begin(key, None).await
    }

    async fn begin(&self, key: &str, checksum: Option<ChecksumAlgorithm>) -> Result<Done<String>, GivenUp> {
        persist(&self.patience, self.patience.timing.attempt, nothing(), |tap| {
            let request = self.client.create_multipart_upload().bucket(self.place.bucket()).key(key);
            let request = request.set_expected_bucket_owner(self.options.owner.clone());
            let request = request.set_checksum_type(checksum.as_ref().map(|_| ChecksumType::Composite));
            let request = request.set_checksum_algorithm(checksum.clone());
            let request = request.set_object_lock_mode(self.mode()).set_object_lock_retain_until_date(self.until());
            let request = request.set_server_side_encryption(self.sse()).set_ssekms_key_id(self.options.kms_key.clone());
            let sending = request.customize().interceptor(tap).send();
            async move {
                let output = sending.await.map_err(|error| judge(&error))?;
                output.upload_id.filter(|id| !id.is_empty()).ok_or_else(|| odd("the answer names no upload"))
            }
        })
        .await
    }

    /// Stores one part.
    pub(super) async fn part(&self, key: &str, upload: &str, number: i32, body: Bytes, sha256: Digest) -> Result<Part, GivenUp> {
        let (checksum, length) = (base64(&sha256), u64::try_from(body.len()).unwrap_or(u64::MAX));
        let deed = Deed::Part { upload, number: usize::try_from(number).unwrap_or_default() };
        let (limit, pass, md5) = (self.limit(body.len()), self.pass(deed, key)?, self.md5(&body).await);
        let done = persist(&self.patience, limit, sha256, |tap| {
            let request = self.client.upload_part().bucket(self.place.bucket()).key(key).upload_id(upload);
            let request = request.part_number(number).body(self.body(&body)).set_content_md5(md5.clone());
            let request = request.set_expected_bucket_owner(self.options.owner.clone());
            let request = request.checksum_algorithm(ChecksumAlgorithm::Sha256).checksum_sha256(&checksum);
            let sending = request.customize().interceptor(tap).interceptor(pass.clone()).send();
            let checksum = checksum.clone();
            async move {
                let output = sending.await.map_err(|error| judge(&error))?;
                let echoed = echoes(output.checksum_sha256.as_deref(), &checksum);
                // A part can be sent again in the place of the wrong one.
                let echoed = echoed.map_err(|trouble| Trouble { kind: Kind::Rare, ..trouble })?;
                Ok((Some(tag(output.e_tag)?), echoed))
            }
        })
        .await?;
        let (etag, echoed) = done.value;
        let sha256 = self.presigned.is_none().then_some(sha256);
        Ok(Part { number, etag, sha256, bytes: length, echoed, retries: done.retries })
    }

    /// Makes an object of the parts, in order.
    pub(super) async fn complete(&self, key: &str, upload: &str, parts: &[Part]) -> Result<Done<Made>, GivenUp> {
        let (size, checksum) = (parts.iter().map(|part| part.bytes).sum::<u64>(), composite(parts));
        let pass = self.pass(Deed::Complete { upload }, key)?;
        let parts: Vec<CompletedPart> = parts.iter().map(completed).collect();
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let body = |request: aws_sdk_s3::operation::complete_multipart_upload::builders::CompleteMultipartUploadFluentBuilder| {
            request.bucket(self.place.bucket()).key(key).upload_id(upload).multipart_upload(parts.clone())
        };
        self.persist_unsigned(self.patience.timing.for_completing(), |tap| {
            let request = body(self.client.complete_multipart_upload());
            let request = request.set_expected_bucket_owner(self.options.owner.clone()).if_none_match("*");
            let request = request.mpu_object_size(i64::try_from(size).unwrap_or(i64::MAX));
            let request = request.set_checksum_type(checksum.as_ref().map(|_| ChecksumType::Composite));
            let sending = request.customize().interceptor(tap).interceptor(pass.clone()).send();
            let checksum = checksum.clone();
            async move {
                let output = sending.await.map_err(|error| judge(&error))?;
                Made::of_complete(output, checksum.as_deref())
            }
        })
        .await
    }

    /// A request whose body the SDK makes and signs itself.
    async fn persist_unsigned<T, F, A>(&self, limit: Limit, attempt: F) -> Result<Done<T>, GivenUp>
    where
        F: Fn(super::tap::Ear) -> A,
        A: Future<Output = Result<T, Trouble>>,
    {
        persist(&self.patience, limit, nothing(), |tap| attempt(tap.ear())).await
    }

    /// What one try of a request with so many bytes in its body may take.
    fn limit(&self, bytes: usize) -> Duration {
        let parallel = self.options.parallel;
        let paced = self.pace.as_ref().map(|pace| pace.takes(bytes.saturating_mul(parallel.saturating_add(1))));
        self.patience.timing.for_bytes(bytes, parallel).saturating_add(paced.unwrap_or_default())
    }

    fn body(&self, bytes: &Bytes) -> ByteStream {
        match &self.pace {
            Some(pace) => ByteStream::from_body_1_x(pace.body(bytes.clone())),
            None => ByteStream::from(bytes.clone()),
        }
    }

    /// The name below the place.
    fn short<'a>(&self, key: &'a str) -> &'a str {
        key.strip_prefix(&self.place.key("")).unwrap_or(key)
    }

    /// What lets `deed` through where nobody here can sign.
    fn pass(&self, deed: Deed<'_>, key: &str) -> Result<Pass, GivenUp> {
        let Some(list) = &self.presigned else { return Ok(Pass::unneeded()) };
        list.pass(deed, self.short(key)).ok_or_else(not_signed)
    }

    /// The checksum that a body can have without anybody signing it, where nobody can: the bucket takes nothing under a lock without.
    async fn md5(&self, body: &Bytes) -> Option<String> {
        self.presigned.as_ref()?;
        let body = body.clone();
        // Without it the bucket refuses, so that a failure here is never hidden.
        tokio::task::spawn_blocking(move || STANDARD.encode(Md5::digest(&body))).await.ok()
    }

    /// Parts that an object may have.
    pub(super) fn most_parts(&self, key: &str) -> usize {
        self.presigned.as_ref().map_or(MOST_PARTS, |list| list.most_parts(self.short(key)))
    }

    fn mode(&self) -> Option<ObjectLockMode> {
        self.lock.map(|(mode, _)| ObjectLockMode::from(mode))
    }

    fn until(&self) -> Option<DateTime> {
        let seconds = |until: Timestamp| i64::try_from(until.nanoseconds() / 1_000_000_000).unwrap_or(i64::MAX);
        self.lock.map(|(_, until)| DateTime::from_secs(seconds(until)))
    }

    fn sse(&self) -> Option<ServerSideEncryption> {
        self.options.kms_key.as_ref().map(|_| ServerSideEncryption::AwsKms)
    }
}

impl Made {
    fn of_put(output: &PutObjectOutput, sent: &str) -> Result<Self, Trouble> {
        let echoed = echoes(output.checksum_sha256.as_deref(), sent)?;
        let etag = tag(output.e_tag.clone())?;
        let sse = encryption(output.server_side_encryption.as_ref(), output.ssekms_key_id.as_deref());
        Ok(Self { version_id: plain(output.version_id.as_deref()), etag: plain(Some(&etag)), sse, echoed })
    }

    fn of_complete(output: CompleteMultipartUploadOutput, sent: Option<&str>) -> Result<Self, Trouble> {
        let echoed = sent.map_or(Ok(false), |sent| {
            // Some stores leave out the number of parts behind the composite.
            let bare = sent.split('-').next().unwrap_or_default();
            let echo = output.checksum_sha256.as_deref().map(|echo| if echo == bare { sent } else { echo });
            echoes(echo, sent)
        })?;
        let sse = encryption(output.server_side_encryption.as_ref(), output.ssekms_key_id.as_deref());
        Ok(Self { version_id: plain(output.version_id.as_deref()), etag: plain(Some(&tag(output.e_tag)?)), sse, echoed })
    }
}

/// The entity tag. S3 sends one whenever something was stored; an answer without it came from something in front of S3 and proves
/// nothing.
fn tag(tag: Option<String>) -> Result<String, Trouble> {
    tag.filter(|tag| !tag.is_empty())
        .ok_or_else(|| odd("the answer has no entity tag, so it does not say that anything was stored"))
}

/// Whether the answer repeats the checksum. One that repeats another says that the bucket has other bytes.
fn echoes(echo: Option<&str>, sent: &str) -> Result<bool, Trouble> {
    match echo {
        None => Ok(false),
        Some(echo) if echo == sent => Ok(true),
        Some(echo) => {
            let reason = format!("the bucket has the checksum {}, and {sent} was sent", escape::bytes(echo.as_bytes()));
            Err(Trouble { kind: Kind::Mismatch, perhaps_done: true, reason })
        }
    }
}

/// Nobody signed what is to be done.
fn not_signed() -> GivenUp {
    let reason = "the presigned list has no signature for it".to_owned();
    GivenUp { trouble: Trouble { kind: Kind::Lasting, perhaps_done: false, reason }, perhaps_done: false, retries: 0 }
}

fn odd(reason: &str) -> Trouble {
    Trouble { kind: Kind::Passing, perhaps_done: true, reason: reason.to_owned() }
}

fn completed(part: &Part) -> CompletedPart {
    let checksum = part.sha256.as_ref().map(base64);
    let completed = CompletedPart::builder().part_number(part.number).set_checksum_sha256(checksum);
    completed.set_e_tag(part.etag.clone()).build()
}

/// The checksum of an object of parts: the digest of their digests, and their number ("Checking object integrity"). None where the
/// bucket keeps none of the parts.
pub(super) fn composite(parts: &[Part]) -> Option<String> {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.sha256?.as_bytes());
    }
    Some(format!("{}-{}", base64(&Digest::so_far(&hasher)), parts.len()))
}

/// As S3 writes digests.
pub(super) fn base64(sha256: &Digest) -> String {
    STANDARD.encode(sha256.as_bytes())
}

fn nothing() -> Digest {
    Digest::of(b"")
}

fn encryption(algorithm: Option<&ServerSideEncryption>, key: Option<&str>) -> Option<Encryption> {
    let algorithm = plain(algorithm.map(ServerSideEncryption::as_str))?;
    Some(Encryption { algorithm, key: plain(key) })
}

/// Text of an answer as a record may hold it.
fn plain(text: Option<&str>) -> Option<String> {
    text.map(|text| escape::bytes(text.as_bytes()).chars().take(2048).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_composite_is_the_digest_of_the_digests() {
        let part = |number, bytes: &[u8]| Part {
            number,
            etag: None,
            sha256: Some(Digest::of(bytes)),
            bytes: 1,
            echoed: true,
            retries: 0,
        };
        // printf a | openssl dgst -sha256 -binary; the same of b; both into openssl dgst -sha256 -binary | base64
        let expected = "5aAf7hTg7VxIcU8iGA8lrYNltT+XefedxKPX6Tlj+Uo=-2";
        let whole: Vec<u8> = [Digest::of(b"a"), Digest::of(b"b")].iter().flat_map(|digest| *digest.as_bytes()).collect();
        let both = composite(&[part(1, b"a"), part(2, b"b")]).unwrap();
        assert_eq!((&both, expected.len()), (&format!("{}-2", base64(&Digest::of(&whole))), both.len()));
        assert_eq!(composite(&[part(1, b"a"), Part { sha256: None, ..part(2, b"b") }]), None);
    }

    #[test]
    fn another_checksum_is_a_mismatch_and_none_is_no_echo() {
        assert_eq!((echoes(Some("x"), "x"), echoes(None, "x")), (Ok(true), Ok(false)));
        assert_eq!(echoes(Some("y"), "x").unwrap_err().kind, Kind::Mismatch);
        let output = |echo: &str| CompleteMultipartUploadOutput::builder().e_tag("x").checksum_sha256(echo).build();
        for echo in ["abc=-3", "abc="] {
            assert!(Made::of_complete(output(echo), Some("abc=-3")).unwrap().echoed, "{echo}");
        }
        for echo in ["abc=-2", "abd=-3", "abd="] {
            assert_eq!(Made::of_complete(output(echo), Some("abc=-3")).unwrap_err().kind, Kind::Mismatch, "{echo}");
        }
    }

    #[test]
    fn an_answer_without_an_entity_tag_is_none() {
        let (put, complete) = (PutObjectOutput::builder().build(), CompleteMultipartUploadOutput::builder().build());
        for trouble in [Made::of_put(&put, "x").unwrap_err(), Made::of_complete(complete, Some("x")).unwrap_err()] {
            assert_eq!((trouble.kind, trouble.perhaps_done), (Kind::Passing, true));
        }
    }
}
