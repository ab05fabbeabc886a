//! GetObject and HeadObject.

use std::collections::VecDeque;

use hyper::body::Bytes;
use jiff::Timestamp;

use super::condition;
use super::lock::iso;
use super::put::{tell, tell_checksum};
use super::service::{Answer, Call};
use super::state::{Bucket, Version};
use crate::aws::refusal::Refusal;
use crate::serve::{Reply, Step};

/// The version that a request names, or the current one.
pub(super) fn find<'b>(call: &Call<'_>, bucket: &'b Bucket) -> Result<&'b Version, Refusal> {
    let versions = bucket.versions.get(&call.address.key);
    let version = match call.parameter("versionId") {
        Some(id) => {
            versions.and_then(|versions| versions.iter().find(|version| version.id == id)).ok_or_else(|| no_such_version(&id))?
        }
        None => versions.and_then(|versions| versions.last()).ok_or_else(|| no_such_key(call, bucket))?,
    };
    if !version.is_marker {
        return Ok(version);
    }
    if call.parameter("versionId").is_some() {
        let message = "The specified method is not allowed against this resource.";
        return Err(Refusal::new(405, "MethodNotAllowed", message).with("DeleteMarker", "true"));
    }
    Err(no_such_key(call, bucket).with("DeleteMarker", "true"))
}

fn no_such_version(id: &str) -> Refusal {
    if id.len() != 32 {
        return Refusal::new(400, "InvalidArgument", "Invalid version id specified").with("ArgumentName", "versionId");
    }
    Refusal::new(404, "NoSuchVersion", "The specified version does not exist.").with("VersionId", id)
}

/// Whoever may not list learns nothing about what is there.
fn no_such_key(call: &Call<'_>, bucket: &Bucket) -> Refusal {
    match call.caller.must("s3:ListBucket", &bucket.arn("")) {
        Ok(()) => Refusal::new(404, "NoSuchKey", "The specified key does not exist.").with("Key", call.address.key.as_str()),
        Err(denied) => denied,
    }
}

pub(super) fn get(call: &Call<'_>) -> Answer {
    let world = call.s3.world();
    let bucket = call.bucket(&world)?;
    let version = find(call, bucket)?;
    condition::check_read(call.head, version)?;
    let part = call.parameter("partNumber").map(|number| part_range(version, &number)).transpose()?;
    let range = match (part, call.head.header("range")) {
        (Some(_), Some(_)) => {
            return Err(Refusal::new(400, "InvalidRequest", "Cannot specify both Range header and partNumber query parameter"));
        }
        (Some(range), None) => Some(range),
        (None, Some(text)) => asked_range(text, version.size)?,
        (None, None) => None,
    };
    let (from, to) = range.unwrap_or((0, version.size));
    let reply = describe(call, bucket, version, range);
    let parts = part.map(|_| version.parts.len().to_string()).filter(|_| version.etag.contains('-'));
    let reply = reply.maybe("x-amz-mp-parts-count", parts);
    if call.operation.name == "HeadObject" {
        return Ok(reply.header("content-length", (to - from).to_string()));
    }
    version.encryption.must(&call.caller, "kms:Decrypt")?;
    let body = content(version, from, to);
    drop(world);
    let Some(body) = body else {
        call.s3.complain(format!("GET {}: its bytes were thrown away", call.address.key));
        return Err(Refusal::new(501, "NotImplemented", "The double has thrown these bytes away"));
    };
    Ok(Reply { body, ..reply })
}

fn describe(call: &Call<'_>, bucket: &Bucket, version: &Version, range: Option<(u64, u64)>) -> Reply {
    let mut reply = tell(Reply::new(if range.is_some() { 206 } else { 200 }), bucket, version);
    if let Some((from, to)) = range {
        reply = reply.header("content-range", format!("bytes {from}-{}/{}", to.saturating_sub(1), version.size));
    }
    if call.head.header("x-amz-checksum-mode") == Some("ENABLED") && range.is_none() {
        reply = tell_checksum(reply, version);
    }
    for (name, value) in &version.metadata {
        reply = reply.header(name, value.as_str());
    }
    if !version.metadata.iter().any(|(name, _)| name == "content-type") {
        reply = reply.header("content-type", "binary/octet-stream");
    }
    reply = reply.header("accept-ranges", "bytes").header("last-modified", http_date(version.modified));
    tell_lock(reply, call, bucket, version)
}

/// Left out without a word for whoever may not see it.
fn tell_lock(mut reply: Reply, call: &Call<'_>, bucket: &Bucket, version: &Version) -> Reply {
    if let Some(retention) = version.retention.filter(|_| call.caller.may("s3:GetObjectRetention")) {
        reply = reply.header("x-amz-object-lock-mode", retention.mode.name());
        reply = reply.header("x-amz-object-lock-retain-until-date", iso(retention.until));
    }
    if bucket.locked && version.hold && call.caller.may("s3:GetObjectLegalHold") {
        reply = reply.header("x-amz-object-lock-legal-hold", "ON");
    }
    reply
}

fn http_date(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Start and end (exclusive) of a part.
fn part_range(version: &Version, number: &str) -> Result<(u64, u64), Refusal> {
    let wanted: usize =
        number.parse().ok().filter(|number| *number > 0).ok_or_else(|| {
            Refusal::new(400, "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
        })?;
    let part = version
        .parts
        .get(wanted - 1)
        .ok_or_else(|| Refusal::new(416, "InvalidPartNumber", "The requested partnumber is not satisfiable"))?;
    let from: u64 = version.parts.iter().take(wanted - 1).map(|part| part.size).sum();
    Ok((from, from + part.size))
}

/// Start and end (exclusive) of `bytes=A-B`, `bytes=A-` or `bytes=-N`. What is none of these is ignored, as HTTP has it.
fn asked_range(text: &str, size: u64) -> Result<Option<(u64, u64)>, Refusal> {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else { return Ok(None) };
    let (first, last) = (first.parse::<u64>().ok(), last.parse::<u64>().ok());
    let (from, to) = match (first, last) {
        (Some(first), Some(last)) if first <= last => (first, size.min(last.saturating_add(1))),
        (Some(first), None) if text.ends_with('-') => (first, size),
        (None, Some(last)) if text.starts_with("bytes=-") => (size.saturating_sub(last), size),
        _ => return Ok(None),
    };
    if from < to {
        return Ok(Some((from, to)));
    }
    Err(Refusal::new(416, "InvalidRange", "The requested range is not satisfiable")
        .with("RangeRequested", text)
        .with("ActualObjectSize", size.to_string()))
}

/// The bytes of a range, piece by piece.
fn content(version: &Version, from: u64, to: u64) -> Option<VecDeque<Step>> {
    let mut steps = VecDeque::new();
    let mut start = 0;
    for part in &version.parts {
        let end = start + part.size;
        let (low, high) = (from.clamp(start, end), to.clamp(start, end));
        if low < high {
            let (low, high) = (usize::try_from(low - start).ok()?, usize::try_from(high - start).ok()?);
            let data: &Bytes = part.data.as_ref()?;
            steps.push_back(Step::Bytes(data.slice(low..high)));
        }
        start = end;
    }
    Some(steps)
}
