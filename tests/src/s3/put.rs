//! PutObject, and what it has in common with CreateMultipartUpload.

use super::checksum::{Algorithm, Kind, base64};
use super::condition;
use super::encryption::Encryption;
use super::lock::{Retention, Wish};
use super::receive::{Received, Stated, Terms};
use super::service::{Answer, Call};
use super::state::{Bucket, Checksum, NULL, Version, Versioning};
use crate::aws::refusal::Refusal;
use crate::serve::{Head, Reply};

/// What the headers say about an object that is to be made.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) wish: Wish,
    pub(super) encryption: Encryption,
    pub(super) metadata: Vec<(String, String)>,
}

impl Made {
    pub(super) fn read(call: &Call<'_>, bucket: &Bucket) -> Result<Self, Refusal> {
        check_access_list(call, bucket)?;
        if call.head.header("x-amz-storage-class").is_some_and(|class| class != "STANDARD") {
            return Err(Refusal::new(400, "InvalidStorageClass", "The storage class you specified is not valid"));
        }
        let encryption = if call.s3.options.ignores_encryption {
            Encryption::of_bucket(bucket, &call.caller, &call.s3.cloud)?
        } else {
            Encryption::read(call.head, bucket, &call.caller, &call.s3.cloud)?
        };
        Ok(Self {
            wish: Wish::read(call.head, bucket, &call.address.key, &call.caller, call.now)?,
            encryption,
            metadata: metadata(call.head)?,
        })
    }

    /// Its retention: what was asked for, or else the bucket's default.
    pub(super) fn retention(&self, call: &Call<'_>, bucket: &Bucket) -> Option<Retention> {
        self.wish.retention.or_else(|| bucket.default_retention.map(|default| default.from(call.now)))
    }
}

/// Buckets have no access lists (Object Ownership: bucket owner enforced).
fn check_access_list(call: &Call<'_>, bucket: &Bucket) -> Result<(), Refusal> {
    let Some(list) = call.head.header("x-amz-acl") else { return Ok(()) };
    call.caller.must("s3:PutObjectAcl", &bucket.arn(&call.address.key))?;
    if list == "bucket-owner-full-control" {
        return Ok(());
    }
    Err(Refusal::new(400, "AccessControlListNotSupported", "The bucket does not allow ACLs"))
}

const KEPT: &[&str] = &["content-type", "content-disposition", "content-language", "cache-control", "expires"];

fn metadata(head: &Head) -> Result<Vec<(String, String)>, Refusal> {
    let own = head.headers.iter().filter(|(name, _)| name.starts_with("x-amz-meta-"));
    let size: usize = own.clone().map(|(name, value)| name.len() - "x-amz-meta-".len() + value.len()).sum();
    if size > 2048 {
        return Err(Refusal::new(400, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size"));
    }
    let kept = head.headers.iter().filter(|(name, _)| KEPT.contains(&name.as_str()));
    let mut metadata: Vec<(String, String)> = own.chain(kept).cloned().collect();
    let encodings = head.header("content-encoding").unwrap_or_default().split(',').map(str::trim);
    let encodings: Vec<&str> = encodings.filter(|coding| !coding.is_empty() && *coding != "aws-chunked").collect();
    if !encodings.is_empty() {
        metadata.push(("content-encoding".to_owned(), encodings.join(",")));
    }
    Ok(metadata)
}

pub(super) fn terms(call: &Call<'_>) -> Result<Terms, Refusal> {
    let world = call.s3.world();
    let bucket = call.bucket(&world)?;
    let made = Made::read(call, bucket)?;
    check_protected(call.head, made.wish.is_any() || bucket.default_retention.is_some(), "Put Object")?;
    let md5_tag = made.encryption.has_md5_tags();
    Ok(Terms { keep: call.s3.options.keep, md5_tag, otherwise: Some(Algorithm::Crc64nvme), is_of_body: true })
}

/// What will be locked must come with a checksum.
pub(super) fn check_protected(head: &Head, is_locked: bool, what: &str) -> Result<(), Refusal> {
    if !is_locked || head.header("content-md5").is_some() || Stated::read(head)? != Stated::Nothing {
        return Ok(());
    }
    let message =
        format!("Content-MD5 OR x-amz-checksum- HTTP header is required for {what} requests with Object Lock parameters");
    Err(Refusal::new(400, "InvalidRequest", message))
}

pub(super) fn put(call: &Call<'_>, received: Received) -> Answer {
    let mut world = call.s3.world();
    let bucket = call.bucket_mut(&mut world)?;
    let made = Made::read(call, bucket)?;
    condition::check_write(call.head, bucket.current(&call.address.key))?;
    let was_asked_for = received.stated.algorithm().is_some();
    let mut part = received.part;
    part.modified = call.now;
    let checksum = part.checksum.as_ref().map(|(algorithm, value)| Checksum {
        algorithm: *algorithm,
        kind: Kind::FullObject,
        value: base64(value),
        was_asked_for,
    });
    let version = Version {
        id: new_version_id(call, bucket),
        is_marker: false,
        modified: call.now,
        etag: part.etag.clone(),
        size: part.size,
        checksum,
        retention: made.retention(call, bucket),
        hold: made.wish.hold.unwrap_or(false),
        encryption: made.encryption,
        metadata: made.metadata,
        parts: vec![part],
    };
    let reply = tell_checksum(tell(Reply::new(200), bucket, &version), &version);
    bucket.push(&call.address.key, version);
    Ok(reply)
}

pub(super) fn new_version_id(call: &Call<'_>, bucket: &Bucket) -> String {
    match bucket.versioning {
        Versioning::Enabled => call.s3.cloud.new_id("version").replace(['-', '_'], ".").chars().take(32).collect(),
        Versioning::Never | Versioning::Suspended => NULL.to_owned(),
    }
}

/// The headers that tell of a version that was made or is read.
pub(super) fn tell(reply: Reply, bucket: &Bucket, version: &Version) -> Reply {
    let id = (bucket.versioning != Versioning::Never).then_some(version.id.as_str());
    let reply = version.encryption.tell(reply.header("etag", format!("\"{}\"", version.etag)));
    reply.maybe("x-amz-version-id", id)
}

/// The headers that tell of its checksum.
pub(super) fn tell_checksum(reply: Reply, version: &Version) -> Reply {
    let Some(checksum) = &version.checksum else { return reply };
    reply.header(&checksum.algorithm.header(), checksum.value.as_str()).header("x-amz-checksum-type", checksum.kind.name())
}
