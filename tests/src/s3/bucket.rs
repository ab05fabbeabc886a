//! What is asked and said about buckets, and about the lock of objects.

use super::get::find;
use super::lock::{DefaultRetention, Mode, check_change, is_on, iso, retention};
use super::service::{Answer, Call};
use super::state::{Bucket, Versioning};
use super::xml::{self, document, element};
use crate::aws::refusal::Refusal;
use crate::aws::sigv4::Signed;
use crate::serve::Reply;

pub(super) fn answer(call: &Call<'_>, body: &[u8], signed: &Signed) -> Answer {
    match call.operation.name {
        "GetObjectLockConfiguration" => get_lock(call),
        "PutObjectLockConfiguration" => put_lock(call, body),
        "GetBucketVersioning" => get_versioning(call),
        "PutBucketVersioning" => put_versioning(call, body),
        "GetBucketLocation" => location(call),
        "HeadBucket" => head(call),
        "CreateBucket" => create(call, signed),
        "DeleteBucket" => remove(call),
        "GetObjectRetention" => get_retention(call),
        "PutObjectRetention" => put_retention(call, body),
        "GetObjectLegalHold" => get_hold(call),
        "PutObjectLegalHold" => put_hold(call, body),
        name => panic!("{name} is in the list of operations and nobody answers it"),
    }
}

fn said(name: &str, content: &str) -> Reply {
    Reply::new(200).header("content-type", "application/xml").body(document(name, content))
}

fn malformed() -> Refusal {
    let message = "The XML you provided was not well-formed or did not validate against our published schema";
    Refusal::new(400, "MalformedXML", message)
}

fn state(message: &str) -> Refusal {
    Refusal::new(409, "InvalidBucketState", message)
}

fn get_lock(call: &Call<'_>) -> Answer {
    let world = call.s3.world();
    let bucket = call.bucket(&world)?;
    if !bucket.locked {
        let message = "Object Lock configuration does not exist for this bucket";
        return Err(Refusal::new(404, "ObjectLockConfigurationNotFoundError", message).with("BucketName", bucket.name.as_str()));
    }
    let rule = bucket.default_retention.map(|default| {
        let content = element("Mode", default.mode.name()) + &element("Days", &default.days.to_string());
        format!("<Rule><DefaultRetention>{content}</DefaultRetention></Rule>")
    });
    Ok(said("ObjectLockConfiguration", &(element("ObjectLockEnabled", "Enabled") + &rule.unwrap_or_default())))
}

fn put_lock(call: &Call<'_>, body: &[u8]) -> Answer {
    let root = xml::read(body, "ObjectLockConfiguration")?;
    let mut world = call.s3.world();
    let bucket = call.bucket_mut(&mut world)?;
    if bucket.versioning != Versioning::Enabled {
        return Err(state("Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"));
    }
    if root.child("ObjectLockEnabled") != Some("Enabled") {
        return Err(malformed());
    }
    let rule = root.node("Rule").map(|rule| {
        let default = rule.node("DefaultRetention")?;
        let mode = Mode::named(default.child("Mode")?)?;
        let days = match (default.child("Days"), default.child("Years")) {
            (Some(days), None) => days.parse().ok()?,
            (None, Some(years)) => years.parse::<i64>().ok()?.checked_mul(365)?,
            _ => return None,
        };
        (1..=36_500).contains(&days).then_some(DefaultRetention { mode, days })
    });
    bucket.default_retention = rule.map(|rule| rule.ok_or_else(malformed)).transpose()?;
    bucket.locked = true;
    Ok(Reply::new(200))
}

fn get_versioning(call: &Call<'_>) -> Answer {
    let world = call.s3.world();
    let status = match call.bucket(&world)?.versioning {
        Versioning::Never => String::new(),
        Versioning::Enabled => element("Status", "Enabled"),
        Versioning::Suspended => element("Status", "Suspended"),
    };
    Ok(said("VersioningConfiguration", &status))
}

fn put_versioning(call: &Call<'_>, body: &[u8]) -> Answer {
    let root = xml::read(body, "VersioningConfiguration")?;
    let mut world = call.s3.world();
    let bucket = call.bucket_mut(&mut world)?;
    bucket.versioning = match root.child("Status") {
        Some("Enabled") => Versioning::Enabled,
        Some("Suspended") if bucket.locked => {
            return Err(state(
                "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
            ));
        }
        Some("Suspended") => Versioning::Suspended,
        _ => return Err(malformed()),
    };
    Ok(Reply::new(200))
}

fn location(call: &Call<'_>) -> Answer {
    let world = call.s3.world();
    let region = &call.bucket(&world)?.region;
    Ok(said("LocationConstraint", if region == "us-east-1" { "" } else { region }))
}

fn head(call: &Call<'_>) -> Answer {
    let world = call.s3.world();
    Ok(Reply::new(200).header("x-amz-bucket-region", call.bucket(&world)?.region.as_str()))
}

fn create(call: &Call<'_>, signed: &Signed) -> Answer {
    let mut world = call.s3.world();
    let name = &call.address.bucket;
    if world.buckets.contains_key(name) {
        let message = "Your previous request to create the named bucket succeeded and you already own it.";
        return Err(Refusal::new(409, "BucketAlreadyOwnedByYou", message).with("BucketName", name.as_str()));
    }
    let mut bucket = Bucket::new(name).in_region(&call.s3.options.region);
    if call.head.header("x-amz-bucket-object-lock-enabled").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        signed.key.must("s3:PutBucketObjectLockConfiguration", &bucket.arn(""))?;
        bucket = bucket.locked(None);
    }
    world.buckets.insert(name.clone(), bucket);
    Ok(Reply::new(200).header("location", format!("/{name}")))
}

fn remove(call: &Call<'_>) -> Answer {
    let mut world = call.s3.world();
    let bucket = call.bucket(&world)?;
    if !bucket.versions.is_empty() || !bucket.uploads.is_empty() {
        let message = "The bucket you tried to delete is not empty. You must delete all versions in the bucket.";
        return Err(Refusal::new(409, "BucketNotEmpty", message).with("BucketName", bucket.name.as_str()));
    }
    world.buckets.remove(&call.address.bucket);
    Ok(Reply::new(204))
}

fn need_lock(bucket: &Bucket) -> Result<(), Refusal> {
    if bucket.locked { Ok(()) } else { Err(Refusal::new(400, "InvalidRequest", "Bucket is missing Object Lock Configuration")) }
}

fn get_retention(call: &Call<'_>) -> Answer {
    let world = call.s3.world();
    let bucket = call.bucket(&world)?;
    need_lock(bucket)?;
    let none =
        || Refusal::new(404, "NoSuchObjectLockConfiguration", "The specified object does not have a ObjectLock configuration");
    let retention = find(call, bucket)?.retention.ok_or_else(none)?;
    let content = element("Mode", retention.mode.name()) + &element("RetainUntilDate", &iso(retention.until));
    Ok(said("Retention", &content))
}

fn put_retention(call: &Call<'_>, body: &[u8]) -> Answer {
    let root = xml::read(body, "Retention")?;
    let mut world = call.s3.world();
    let bucket = call.bucket_mut(&mut world)?;
    need_lock(bucket)?;
    let wanted = match (root.child("Mode"), root.child("RetainUntilDate")) {
        (Some(mode), Some(until)) => Some(retention(mode, until, call.now)?),
        (None, None) => None,
        _ => return Err(malformed()),
    };
    let bypass = call.bypasses(bucket)?;
    let id = find(call, bucket)?.id.clone();
    check_change(find(call, bucket)?, wanted, bypass, call.now)?;
    let versions = bucket.versions.get_mut(&call.address.key);
    for version in versions.into_iter().flatten().filter(|version| version.id == id) {
        version.retention = wanted;
    }
    Ok(Reply::new(200))
}

fn get_hold(call: &Call<'_>) -> Answer {
    let world = call.s3.world();
    let bucket = call.bucket(&world)?;
    need_lock(bucket)?;
    let status = if find(call, bucket)?.hold { "ON" } else { "OFF" };
    Ok(said("LegalHold", &element("Status", status)))
}

fn put_hold(call: &Call<'_>, body: &[u8]) -> Answer {
    let root = xml::read(body, "LegalHold")?;
    let mut world = call.s3.world();
    let bucket = call.bucket_mut(&mut world)?;
    need_lock(bucket)?;
    let hold = is_on(root.child("Status").unwrap_or_default()).map_err(|_| malformed())?;
    let id = find(call, bucket)?.id.clone();
    let versions = bucket.versions.get_mut(&call.address.key);
    for version in versions.into_iter().flatten().filter(|version| version.id == id) {
        version.hold = hold;
    }
    Ok(Reply::new(200))
}
