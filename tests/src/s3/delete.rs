//! DeleteObject.

use super::encryption::Encryption;
use super::lock::check_delete;
use super::put::new_version_id;
use super::service::{Answer, Call};
use super::state::{Bucket, Version, Versioning};
use crate::serve::Reply;

pub(super) fn delete(call: &Call<'_>) -> Answer {
    let mut world = call.s3.world();
    let bucket = call.bucket_mut(&mut world)?;
    let bypass = call.bypasses(bucket)?;
    match call.parameter("versionId") {
        Some(id) => delete_version(call, bucket, &id, bypass),
        None => Ok(hide(call, bucket)),
    }
}

fn delete_version(call: &Call<'_>, bucket: &mut Bucket, id: &str, bypass: bool) -> Answer {
    let Some(versions) = bucket.versions.get_mut(&call.address.key) else { return Ok(Reply::new(204)) };
    let Some(at) = versions.iter().position(|version| version.id == id) else { return Ok(Reply::new(204)) };
    if let Some(version) = versions.get(at) {
        check_delete(version, bypass, call.now)?;
    }
    let version = versions.remove(at);
    if versions.is_empty() {
        bucket.versions.remove(&call.address.key);
    }
    let marker = version.is_marker.then_some("true");
    Ok(Reply::new(204).header("x-amz-version-id", id).maybe("x-amz-delete-marker", marker))
}

/// Puts a delete marker on top; without versions the object is gone.
fn hide(call: &Call<'_>, bucket: &mut Bucket) -> Reply {
    if bucket.versioning == Versioning::Never {
        bucket.versions.remove(&call.address.key);
        return Reply::new(204);
    }
    let id = new_version_id(call, bucket);
    let reply = Reply::new(204).header("x-amz-version-id", id.as_str()).header("x-amz-delete-marker", "true");
    bucket.push(&call.address.key, marker(call, id));
    reply
}

fn marker(call: &Call<'_>, id: String) -> Version {
    Version {
        id,
        is_marker: true,
        modified: call.now,
        etag: String::new(),
        size: 0,
        parts: Vec::new(),
        checksum: None,
        retention: None,
        hold: false,
        encryption: Encryption::S3,
        metadata: Vec::new(),
    }
}
