//! GetObjectAttributes.

use super::checksum::Kind;
use super::get::find;
use super::list::{number, page};
use super::service::{Answer, Call};
use super::state::{Checksum, Version};
use super::xml::{document, element};
use crate::aws::refusal::Refusal;
use crate::serve::Reply;

const ATTRIBUTES: [&str; 5] = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"];

pub(super) fn attributes(call: &Call<'_>) -> Answer {
    let asked = asked(call)?;
    let world = call.s3.world();
    let bucket = call.bucket(&world)?;
    let read = if call.parameter("versionId").is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" };
    call.caller.must(read, &bucket.arn(&call.address.key))?;
    let version = find(call, bucket)?;
    version.encryption.must(&call.caller, "kms:Decrypt")?;
    let mut content = String::new();
    for name in asked {
        content += &match name {
            "ETag" => element("ETag", &version.etag),
            "Checksum" => version.checksum.as_ref().map(|checksum| checksum_of(call, checksum)).unwrap_or_default(),
            "ObjectParts" if version.etag.contains('-') => parts(call, version),
            "ObjectSize" => element("ObjectSize", &version.size.to_string()),
            "StorageClass" => element("StorageClass", "STANDARD"),
            _ => String::new(),
        };
    }
    let reply = Reply::new(200).header("last-modified", version.modified.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
    let id = (bucket.versioning != super::Versioning::Never).then_some(version.id.as_str());
    let reply = reply.maybe("x-amz-version-id", id).header("content-type", "application/xml");
    Ok(reply.body(document("GetObjectAttributesResponse", &content)))
}

/// The attributes that are asked for, in the order of the schema.
fn asked(call: &Call<'_>) -> Result<Vec<&'static str>, Refusal> {
    let headers = call.head.headers.iter().filter(|(name, _)| name == "x-amz-object-attributes");
    let names: Vec<&str> = headers.flat_map(|(_, value)| value.split(',')).map(str::trim).collect();
    if names.is_empty() || names.iter().any(|name| !ATTRIBUTES.contains(name)) {
        return Err(Refusal::new(400, "InvalidArgument", "Invalid attribute name specified.")
            .with("ArgumentName", "x-amz-object-attributes"));
    }
    Ok(ATTRIBUTES.into_iter().filter(|name| names.contains(name)).collect())
}

fn checksum_of(call: &Call<'_>, checksum: &Checksum) -> String {
    let bare = checksum.value.split('-').next().unwrap_or_default();
    let value = if call.s3.options.attributes_count_parts { checksum.value.as_str() } else { bare };
    let content = element(&checksum.algorithm.element(), value) + &element("ChecksumType", checksum.kind.name());
    format!("<Checksum>{content}</Checksum>")
}

/// Parts are listed only if the uploader has named an algorithm; otherwise there is just their number.
fn parts(call: &Call<'_>, version: &Version) -> String {
    let count = element("PartsCount", &version.parts.len().to_string());
    let is_listed = version.checksum.as_ref().is_some_and(|checksum| checksum.was_asked_for && checksum.kind == Kind::Composite);
    if !is_listed {
        return format!("<ObjectParts>{count}</ObjectParts>");
    }
    let marker = number(call.head.header("x-amz-part-number-marker"), 0);
    let max = number(call.head.header("x-amz-max-parts"), 1000);
    let (page, is_cut) = page(version.parts.iter().filter(|part| u64::from(part.number) > marker), max);
    let mut content = count + &element("PartNumberMarker", &marker.to_string()) + &element("MaxParts", &max.to_string());
    content += &element("IsTruncated", if is_cut { "true" } else { "false" });
    content += &page.last().map(|part| element("NextPartNumberMarker", &part.number.to_string())).unwrap_or_default();
    for part in page {
        let sum =
            part.checksum.as_ref().map(|(algorithm, _)| element(&algorithm.element(), &part.checksum_text().unwrap_or_default()));
        let size = element("PartNumber", &part.number.to_string()) + &element("Size", &part.size.to_string());
        content += &format!("<Part>{size}{}</Part>", sum.unwrap_or_default());
    }
    format!("<ObjectParts>{content}</ObjectParts>")
}
