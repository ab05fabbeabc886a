//! CreateMultipartUpload, UploadPart, AbortMultipartUpload.

use super::checksum::{Algorithm, Kind};
use super::put::{Made, check_protected};
use super::receive::{Received, Stated, Terms};
use super::service::{Answer, Call};
use super::state::{Bucket, Upload};
use super::xml;
use crate::aws::refusal::Refusal;
use crate::serve::Reply;

/// The most parts that an upload can have.
pub(super) const MAX_PARTS: u32 = 10_000;

/// The refusal of an upload id that is not open.
pub(super) fn no_such_upload(id: &str) -> Refusal {
    let message =
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.";
    Refusal::new(404, "NoSuchUpload", message).with("UploadId", id)
}

pub(super) fn create(call: &Call<'_>) -> Answer {
    let (algorithm, kind) = checksum(call)?;
    let mut world = call.s3.world();
    let bucket = call.bucket_mut(&mut world)?;
    let made = Made::read(call, bucket)?;
    let id = call.s3.cloud.new_id("upload");
    let upload = Upload {
        key: call.address.key.clone(),
        initiated: call.now,
        initiator: call.caller.arn.clone(),
        algorithm,
        kind,
        retention: made.wish.retention,
        hold: made.wish.hold.unwrap_or(false),
        encryption: made.encryption,
        metadata: made.metadata,
        parts: std::collections::BTreeMap::new(),
    };
    let names = [("Bucket", bucket.name.as_str()), ("Key", call.address.key.as_str()), ("UploadId", id.as_str())];
    let content: String = names.into_iter().map(|(name, text)| xml::element(name, text)).collect();
    let reply = upload.encryption.tell(Reply::new(200));
    let reply = reply.maybe("x-amz-checksum-algorithm", algorithm.map(Algorithm::name));
    let reply = reply.maybe("x-amz-checksum-type", algorithm.map(|_| kind.name()));
    bucket.uploads.insert(id.clone(), upload);
    Ok(reply.header("content-type", "application/xml").body(xml::document("InitiateMultipartUploadResult", &content)))
}

/// The algorithm and kind that the upload shall have.
fn checksum(call: &Call<'_>) -> Result<(Option<Algorithm>, Kind), Refusal> {
    let invalid = |message: String| Refusal::new(400, "InvalidRequest", message);
    let named = call.head.header("x-amz-checksum-algorithm");
    let algorithm = named
        .map(|name| Algorithm::named(name).ok_or_else(|| invalid("Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]".to_owned())))
        .transpose()?;
    let kind = match call.head.header("x-amz-checksum-type") {
        None => algorithm.map_or(Kind::FullObject, Algorithm::usual_kind),
        Some("COMPOSITE") => Kind::Composite,
        Some("FULL_OBJECT") => Kind::FullObject,
        Some(_) => return Err(invalid("Value for x-amz-checksum-type header is invalid.".to_owned())),
    };
    match algorithm {
        None if call.head.header("x-amz-checksum-type").is_some() => {
            Err(invalid("The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.".to_owned()))
        }
        Some(algorithm) if !algorithm.allows(kind) => {
            let name = algorithm.name().to_ascii_lowercase();
            Err(invalid(format!("The {} checksum type cannot be used with the {name} checksum algorithm.", kind.name())))
        }
        _ => Ok((algorithm, kind)),
    }
}

/// The open upload that a request names, which must be for the same key.
pub(super) fn open<'b>(call: &Call<'_>, bucket: &'b Bucket) -> Result<(String, &'b Upload), Refusal> {
    let id = call.parameter("uploadId").unwrap_or_default();
    match bucket.uploads.get(&id).filter(|upload| upload.key == call.address.key) {
        Some(upload) => Ok((id, upload)),
        None => Err(no_such_upload(&id)),
    }
}

fn number(call: &Call<'_>) -> Result<u32, Refusal> {
    let number =
        call.parameter("partNumber").and_then(|text| text.parse().ok()).filter(|number| (1..=MAX_PARTS).contains(number));
    let message = "Part number must be an integer between 1 and 10000, inclusive";
    number.ok_or_else(|| Refusal::new(400, "InvalidArgument", message).with("ArgumentName", "partNumber"))
}

pub(super) fn terms(call: &Call<'_>) -> Result<Terms, Refusal> {
    number(call)?;
    let world = call.s3.world();
    let bucket = call.bucket(&world)?;
    let (_, upload) = open(call, bucket)?;
    upload.encryption.must(&call.caller, "kms:GenerateDataKey")?;
    upload.encryption.must(&call.caller, "kms:Decrypt")?;
    let is_locked = upload.retention.is_some() || upload.hold || bucket.default_retention.is_some();
    check_protected(call.head, is_locked, "Put Part")?;
    check_algorithm(upload, &Stated::read(call.head)?)?;
    let otherwise = if upload.algorithm.is_none() { Some(Algorithm::Crc64nvme) } else { upload.algorithm };
    Ok(Terms { keep: call.s3.options.keep, md5_tag: upload.encryption.has_md5_tags(), otherwise, is_of_body: true })
}

/// A part must come with a checksum by the upload's algorithm, and by no other. Whole-object checksums can do without.
fn check_algorithm(upload: &Upload, stated: &Stated) -> Result<(), Refusal> {
    let (expected, actual) = (upload.algorithm, stated.algorithm());
    if expected == actual || (actual.is_none() && upload.kind == Kind::FullObject) {
        return Ok(());
    }
    let name =
        |algorithm: Option<Algorithm>| algorithm.map_or("null".to_owned(), |algorithm| algorithm.name().to_ascii_lowercase());
    let (expected, actual) = (name(expected), name(actual));
    let message = format!("Checksum Type mismatch occurred, expected checksum Type: {expected}, actual checksum Type: {actual}");
    Err(Refusal::new(400, "InvalidRequest", message))
}

pub(super) fn part(call: &Call<'_>, received: Received) -> Answer {
    let mut world = call.s3.world();
    let bucket = call.bucket_mut(&mut world)?;
    // It may have been completed or aborted while the body came in.
    let (id, _) = open(call, bucket)?;
    let upload = bucket.uploads.get_mut(&id).ok_or_else(|| no_such_upload(&id))?;
    let mut part = received.part;
    (part.number, part.modified) = (number(call)?, call.now);
    let mut reply = upload.encryption.tell(Reply::new(200).header("etag", format!("\"{}\"", part.etag)));
    if let (Some(algorithm), Some(value)) = (received.stated.algorithm(), part.checksum_text()) {
        reply = reply.header(&algorithm.header(), value);
    }
    upload.parts.insert(part.number, part);
    Ok(reply)
}

pub(super) fn abort(call: &Call<'_>) -> Answer {
    let mut world = call.s3.world();
    let bucket = call.bucket_mut(&mut world)?;
    let (id, _) = open(call, bucket)?;
    bucket.uploads.remove(&id);
    Ok(Reply::new(204))
}
