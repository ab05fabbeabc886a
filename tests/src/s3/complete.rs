//! CompleteMultipartUpload.

use std::collections::VecDeque;

use hyper::body::Bytes;
use md5::Md5;
use sha2::Digest as _;

use super::checksum::{ALL, Algorithm, Kind, base64};
use super::condition;
use super::double::Replay;
use super::put::{new_version_id, tell};
use super::service::{Answer, Call};
use super::state::{Bucket, Checksum, Completed, Part, Upload, Version, World};
use super::upload::{MAX_PARTS, no_such_upload, open};
use super::xml::{self, Node};
use crate::aws::canonical::hex;
use crate::aws::refusal::Refusal;
use crate::serve::{Reply, Step};

pub(super) fn complete(call: &Call<'_>, body: &[u8]) -> Answer {
    let wanted = Wanted::read(body)?;
    let mut world = call.s3.world();
    let id = call.parameter("uploadId").unwrap_or_default();
    if let Some(done) = completed(&world, call, &id) {
        return replay(call, call.bucket(&world)?, &done, &id);
    }
    let bucket = call.bucket_mut(&mut world)?;
    let (id, upload) = open(call, bucket)?;
    upload.encryption.must(&call.caller, "kms:Decrypt")?;
    let parts = chosen(upload, &wanted)?;
    check_sizes(call, &parts)?;
    let checksum = checksum(upload, &parts);
    check_checksum(call, upload, &checksum)?;
    condition::check_write(call.head, bucket.current(&call.address.key))?;
    let version = version(call, bucket, upload, parts, checksum);
    let reply = tell_result(call, bucket, &version);
    let (bucket_name, key) = (bucket.name.clone(), call.address.key.clone());
    bucket.uploads.remove(&id);
    bucket.push(&key, version.clone());
    world.completed.insert(id, Completed { bucket: bucket_name, key, version });
    Ok(reply)
}

fn completed(world: &World, call: &Call<'_>, id: &str) -> Option<Completed> {
    let is_same = |done: &&Completed| done.bucket == call.address.bucket && done.key == call.address.key;
    world.completed.get(id).filter(is_same).cloned()
}

/// The upload has been completed before: perhaps the answer was lost.
fn replay(call: &Call<'_>, bucket: &Bucket, done: &Completed, id: &str) -> Answer {
    match call.s3.options.replay {
        Replay::NoSuchUpload => Err(no_such_upload(id)),
        Replay::PreconditionFailed => {
            condition::check_write(call.head, bucket.current(&call.address.key))?;
            Ok(tell_result(call, bucket, &done.version))
        }
        Replay::SameVersion => Ok(tell_result(call, bucket, &done.version)),
    }
}

/// A part as the request lists it.
struct Wanted {
    number: u32,
    etag: String,
    checksums: Vec<(Algorithm, String)>,
}

impl Wanted {
    fn read(body: &[u8]) -> Result<Vec<Self>, Refusal> {
        let root = xml::read(body, "CompleteMultipartUpload")?;
        let parts: Option<Vec<Self>> = root.children.iter().filter(|node| node.name == "Part").map(Self::from).collect();
        let message = "The XML you provided was not well-formed or did not validate against our published schema";
        parts.filter(|parts| !parts.is_empty()).ok_or_else(|| Refusal::new(400, "MalformedXML", message))
    }

    fn from(node: &Node) -> Option<Self> {
        let checksums =
            ALL.into_iter().filter_map(|algorithm| Some((algorithm, node.child(&algorithm.element())?.to_owned()))).collect();
        let number = node.child("PartNumber")?.parse().ok()?;
        Some(Self { number, etag: node.child("ETag")?.trim_matches('"').to_owned(), checksums })
    }
}

/// The parts that the request lists, which must be those that came.
fn chosen(upload: &Upload, wanted: &[Wanted]) -> Result<Vec<Part>, Refusal> {
    if !wanted.is_sorted_by(|left, right| left.number < right.number) {
        let message = "The list of parts was not in ascending order. Parts must be ordered by part number.";
        return Err(Refusal::new(400, "InvalidPartOrder", message));
    }
    if wanted.iter().any(|part| !(1..=MAX_PARTS).contains(&part.number)) {
        let message = "Part number must be an integer between 1 and 10000, inclusive";
        return Err(Refusal::new(400, "InvalidArgument", message));
    }
    let parts = wanted.iter().map(|part| matching(upload, part)).collect::<Result<Vec<Part>, Refusal>>()?;
    // "Your part numbers must be consecutive when you use an additional checksum": User Guide, "Checking object integrity".
    if upload.algorithm.is_some() && !(1..).zip(wanted).all(|(number, part)| part.number == number) {
        return Err(Refusal::new(500, "InternalError", "We encountered an internal error. Please try again."));
    }
    Ok(parts)
}

fn matching(upload: &Upload, wanted: &Wanted) -> Result<Part, Refusal> {
    let message = "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.";
    let invalid = || {
        Refusal::new(400, "InvalidPart", message).with("PartNumber", wanted.number.to_string()).with("ETag", wanted.etag.as_str())
    };
    let part = upload.parts.get(&wanted.number).filter(|part| part.etag == wanted.etag).ok_or_else(invalid)?;
    let needs = upload.algorithm.filter(|_| upload.kind == Kind::Composite);
    if let Some(algorithm) = needs.filter(|needed| !wanted.checksums.iter().any(|(given, _)| given == needed)) {
        let (name, number) = (algorithm.name().to_ascii_lowercase(), wanted.number);
        let what = format!(
            "The upload was created using a {name} checksum. The complete request must include the checksum for each part. It was missing for part {number} in the request."
        );
        return Err(Refusal::new(400, "InvalidRequest", what));
    }
    let is_right = |(algorithm, value): &(Algorithm, String)| {
        part.checksum.as_ref().is_some_and(|(own, bytes)| own == algorithm && base64(bytes) == *value)
    };
    if wanted.checksums.iter().all(is_right) { Ok(part.clone()) } else { Err(invalid()) }
}

fn check_sizes(call: &Call<'_>, parts: &[Part]) -> Result<(), Refusal> {
    let all_but_last = parts.split_last().map(|(_, rest)| rest).unwrap_or_default();
    if let Some(part) = all_but_last.iter().find(|part| part.size < call.s3.options.least_part) {
        return Err(Refusal::new(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size")
            .with("ProposedSize", part.size.to_string())
            .with("MinSizeAllowed", call.s3.options.least_part.to_string())
            .with("PartNumber", part.number.to_string())
            .with("ETag", part.etag.as_str()));
    }
    let size: u64 = parts.iter().map(|part| part.size).sum();
    let Some(stated) = call.head.header("x-amz-mp-object-size") else { return Ok(()) };
    if stated.parse() == Ok(size) {
        return Ok(());
    }
    let message = format!("The provided 'x-amz-mp-object-size' header value {stated} does not match what was computed: {size}");
    Err(Refusal::new(400, "InvalidRequest", message))
}

/// The checksum of the object: of the upload's algorithm, or CRC-64/NVME.
fn checksum(upload: &Upload, parts: &[Part]) -> Checksum {
    let algorithm = upload.algorithm.unwrap_or(Algorithm::Crc64nvme);
    let sums = parts.iter().filter_map(|part| part.checksum.as_ref().map(|(_, value)| (value.as_slice(), part.size)));
    let value = match upload.kind {
        Kind::Composite => format!("{}-{}", base64(&algorithm.composite(sums.map(|(value, _)| value))), parts.len()),
        Kind::FullObject => base64(&algorithm.joined(sums).expect("only the CRCs have this kind")),
    };
    Checksum { algorithm, kind: upload.kind, value, was_asked_for: upload.algorithm.is_some() }
}

/// What the request itself says about the checksum of the object.
fn check_checksum(call: &Call<'_>, upload: &Upload, checksum: &Checksum) -> Result<(), Refusal> {
    if call.head.header("x-amz-checksum-type").is_some_and(|kind| kind != upload.kind.name()) {
        let (given, was) = (call.head.header("x-amz-checksum-type").unwrap_or_default(), upload.kind.name());
        let message = format!(
            "The upload was created using the {was} checksum mode. The complete request must use the same checksum mode, not {given}."
        );
        return Err(Refusal::new(400, "InvalidRequest", message));
    }
    for algorithm in ALL {
        let Some(value) = call.head.header(&algorithm.header()) else { continue };
        let bare = checksum.value.split('-').next();
        if algorithm != checksum.algorithm || (value != checksum.value && Some(value) != bare) {
            let name = algorithm.name().to_ascii_lowercase();
            return Err(Refusal::new(
                400,
                "BadDigest",
                format!("The {name} you specified did not match the calculated checksum."),
            ));
        }
    }
    Ok(())
}

fn version(call: &Call<'_>, bucket: &Bucket, upload: &Upload, parts: Vec<Part>, checksum: Checksum) -> Version {
    let mut digest = Md5::new();
    for part in &parts {
        digest.update(unhex(&part.etag));
    }
    Version {
        id: new_version_id(call, bucket),
        is_marker: false,
        // S3 dates an object that was uploaded in parts from the start of its upload.
        modified: upload.initiated,
        etag: format!("{}-{}", hex(&digest.finalize()), parts.len()),
        size: parts.iter().map(|part| part.size).sum(),
        checksum: Some(checksum),
        retention: upload.retention.or_else(|| bucket.default_retention.map(|default| default.from(call.now))),
        hold: upload.hold,
        encryption: upload.encryption.clone(),
        metadata: upload.metadata.clone(),
        parts,
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().filter_map(|digit| digit.to_digit(16)).filter_map(|digit| u8::try_from(digit).ok()).collect();
    digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect()
}

fn tell_result(call: &Call<'_>, bucket: &Bucket, version: &Version) -> Reply {
    let (name, key) = (bucket.name.as_str(), call.address.key.as_str());
    let etag = format!("\"{}\"", version.etag);
    let names = [
        ("Location", format!("https://{name}.s3.{}.amazonaws.com/{key}", bucket.region).as_str()),
        ("Bucket", name),
        ("Key", key),
        ("ETag", &etag),
    ]
    .into_iter()
    .map(|(name, text)| xml::element(name, text))
    .collect::<String>();
    let sums = version.checksum.iter().map(|checksum| {
        xml::element(&checksum.algorithm.element(), &checksum.value) + &xml::element("ChecksumType", checksum.kind.name())
    });
    let document = xml::document("CompleteMultipartUploadResult", &(names + &sums.collect::<String>()));
    let reply = tell(Reply::new(200), bucket, version).header("content-type", "application/xml");
    // The entity tag is in the body.
    let headers = reply.headers.into_iter().filter(|(name, _)| name != "etag").collect();
    Reply { status: 200, headers, body: steps(call, document) }
}

/// The document, with white space after its first line where that was asked for.
fn steps(call: &Call<'_>, document: String) -> VecDeque<Step> {
    let Some((count, pause)) = call.s3.options.whitespace else { return [Step::Bytes(document.into())].into() };
    let (first, rest) = document.split_at(document.find('\n').map_or(0, |at| at + 1));
    let spaces = std::iter::repeat_n([Step::Pause(pause), Step::Bytes(Bytes::from_static(b" "))], count).flatten();
    let (first, rest) = (Step::Bytes(first.to_owned().into()), Step::Bytes(rest.to_owned().into()));
    std::iter::once(first).chain(spaces).chain([rest]).collect()
}
