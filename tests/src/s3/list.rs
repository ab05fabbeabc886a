//! ListObjectsV2, ListObjectVersions, ListMultipartUploads, ListParts.

use std::collections::BTreeSet;

use super::checksum::Kind;
use super::lock::iso;
use super::service::{Answer, Call};
use super::state::{Bucket, Upload, Version};
use super::upload::open;
use super::xml::{document, element};
use crate::serve::{Reply, encode};

/// The most that one page holds.
const PAGE: u64 = 1000;

/// The number in a text, or this one.
pub(super) fn number(text: Option<&str>, otherwise: u64) -> u64 {
    text.and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// As many as a page holds, and whether there are more.
pub(super) fn page<T>(mut all: impl Iterator<Item = T>, max: u64) -> (Vec<T>, bool) {
    let max = usize::try_from(max.min(PAGE)).unwrap_or_default();
    let page: Vec<T> = all.by_ref().take(max).collect();
    let is_cut = all.next().is_some();
    (page, is_cut)
}

fn is(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

fn answer(name: &str, content: &str) -> Reply {
    Reply::new(200).header("content-type", "application/xml").body(document(name, content))
}

/// What every listing of keys has: prefix, delimiter, encoding.
struct Listing {
    prefix: String,
    delimiter: Option<String>,
    encodes: bool,
    max: u64,
}

impl Listing {
    fn of(call: &Call<'_>, max: &str) -> Self {
        Self {
            prefix: call.parameter("prefix").unwrap_or_default(),
            delimiter: call.parameter("delimiter").filter(|delimiter| !delimiter.is_empty()),
            encodes: call.parameter("encoding-type").is_some(),
            max: number(call.parameter(max).as_deref(), PAGE).min(PAGE),
        }
    }

    fn text(&self, text: &str) -> String {
        if self.encodes { encode(text, "/") } else { text.to_owned() }
    }

    fn head(&self, call: &Call<'_>, max: &str) -> String {
        let name = if max == "MaxUploads" { "Bucket" } else { "Name" };
        let mut head = element(name, &call.address.bucket) + &element("Prefix", &self.text(&self.prefix));
        head += &self.delimiter.as_ref().map(|delimiter| element("Delimiter", &self.text(delimiter))).unwrap_or_default();
        head += &element(max, &self.max.to_string());
        head + if self.encodes { "<EncodingType>url</EncodingType>" } else { "" }
    }

    /// The common prefix that this key disappears in.
    fn common(&self, key: &str) -> Option<String> {
        let delimiter = self.delimiter.as_deref()?;
        let rest = key.strip_prefix(&self.prefix)?;
        let (first, _) = rest.split_once(delimiter)?;
        Some(format!("{}{first}{delimiter}", self.prefix))
    }

    fn commons(&self, prefixes: &BTreeSet<String>) -> String {
        prefixes
            .iter()
            .map(|prefix| format!("<CommonPrefixes>{}</CommonPrefixes>", element("Prefix", &self.text(prefix))))
            .collect()
    }
}

fn owner(bucket: &Bucket) -> String {
    format!("<Owner>{}</Owner>", element("ID", &bucket.owner))
}

/// The elements that tell of a version in listings.
fn described(version: &Version) -> String {
    let mut text = element("LastModified", &iso(version.modified)) + &element("ETag", &format!("\"{}\"", version.etag));
    if let Some(checksum) = &version.checksum {
        text += &element("ChecksumAlgorithm", checksum.algorithm.name());
        text += &element("ChecksumType", checksum.kind.name());
    }
    text + &element("Size", &version.size.to_string()) + &element("StorageClass", "STANDARD")
}

pub(super) fn objects(call: &Call<'_>) -> Answer {
    let listing = Listing::of(call, "max-keys");
    let world = call.s3.world();
    let bucket = call.bucket(&world)?;
    let token = call.parameter("continuation-token");
    let after = token.clone().or_else(|| call.parameter("start-after")).unwrap_or_default();
    let current = bucket.versions.keys().filter_map(|key| Some((key, bucket.current(key)?)));
    let matching = current.filter(|(key, _)| key.starts_with(&listing.prefix) && **key > after);
    let fresh = matching.filter(|(key, _)| listing.common(key).is_none_or(|common| common > after));
    let (rows, is_cut) = grouped(fresh, &listing);
    let (mut contents, mut prefixes) = (String::new(), BTreeSet::new());
    for row in &rows {
        match row {
            Row::Prefix(prefix) => _ = prefixes.insert(prefix.clone()),
            Row::Item(key, version) => {
                let who = if call.parameter("fetch-owner").as_deref() == Some("true") { owner(bucket) } else { String::new() };
                contents += &format!("<Contents>{}{}{who}</Contents>", element("Key", &listing.text(key)), described(version));
            }
        }
    }
    let mut content =
        listing.head(call, "MaxKeys") + &element("KeyCount", &rows.len().to_string()) + &element("IsTruncated", is(is_cut));
    content += &token.map(|token| element("ContinuationToken", &token)).unwrap_or_default();
    if let Some(last) = rows.last().filter(|_| is_cut) {
        content += &element("NextContinuationToken", last.name());
    }
    Ok(answer("ListBucketResult", &(content + &contents + &listing.commons(&prefixes))))
}

/// A row of a listing: a key, or a prefix that several have in common.
enum Row<'a, T> {
    Prefix(String),
    Item(&'a str, T),
}

impl<T> Row<'_, T> {
    fn name(&self) -> &str {
        match self {
            Self::Prefix(prefix) => prefix,
            Self::Item(key, _) => key,
        }
    }
}

/// One page of rows, and whether there are more.
fn grouped<'a, T>(items: impl Iterator<Item = (&'a String, T)>, listing: &Listing) -> (Vec<Row<'a, T>>, bool) {
    let mut last = None;
    let rows = items.filter_map(|(key, item)| match listing.common(key) {
        None => Some(Row::Item(key.as_str(), item)),
        Some(common) if last.as_ref() == Some(&common) => None,
        Some(common) => {
            last = Some(common.clone());
            Some(Row::Prefix(common))
        }
    });
    page(rows, listing.max)
}

pub(super) fn versions(call: &Call<'_>) -> Answer {
    let listing = Listing::of(call, "max-keys");
    let world = call.s3.world();
    let bucket = call.bucket(&world)?;
    let marker = call.parameter("key-marker").unwrap_or_default();
    let id_marker = call.parameter("version-id-marker");
    let all = bucket.versions.iter().flat_map(|(key, versions)| versions.iter().rev().map(move |version| (key, version)));
    let matching = all.filter(|(key, _)| key.starts_with(&listing.prefix));
    let mut passed = id_marker.is_none();
    let fresh = matching.filter(|(key, version)| {
        if **key != marker || marker.is_empty() {
            return **key > marker && listing.common(key).is_none_or(|common| common > marker);
        }
        // The rest of the versions of the key that the last page ended with.
        let is_behind = passed && id_marker.is_some();
        passed |= id_marker.as_ref() == Some(&version.id);
        is_behind
    });
    let (rows, is_cut) = grouped(fresh, &listing);
    let (mut contents, mut prefixes) = (String::new(), BTreeSet::new());
    for row in &rows {
        match row {
            Row::Prefix(prefix) => _ = prefixes.insert(prefix.clone()),
            Row::Item(key, version) => contents += &version_row(bucket, &listing, key, version),
        }
    }
    let mut content = listing.head(call, "MaxKeys") + &element("KeyMarker", &marker) + &element("IsTruncated", is(is_cut));
    if let Some(last) = rows.last().filter(|_| is_cut) {
        content += &element("NextKeyMarker", &listing.text(last.name()));
        if let Row::Item(_, version) = last {
            content += &element("NextVersionIdMarker", &version.id);
        }
    }
    Ok(answer("ListVersionsResult", &(content + &contents + &listing.commons(&prefixes))))
}

fn version_row(bucket: &Bucket, listing: &Listing, key: &str, version: &Version) -> String {
    let is_latest = bucket.versions.get(key).and_then(|versions| versions.last()).is_some_and(|last| last.id == version.id);
    let names = element("Key", &listing.text(key)) + &element("VersionId", &version.id) + &element("IsLatest", is(is_latest));
    if version.is_marker {
        return format!(
            "<DeleteMarker>{names}{}{}</DeleteMarker>",
            element("LastModified", &iso(version.modified)),
            owner(bucket)
        );
    }
    format!("<Version>{names}{}{}</Version>", described(version), owner(bucket))
}

pub(super) fn uploads(call: &Call<'_>) -> Answer {
    let listing = Listing::of(call, "max-uploads");
    let world = call.s3.world();
    let bucket = call.bucket(&world)?;
    let marker = (call.parameter("key-marker").unwrap_or_default(), call.parameter("upload-id-marker").unwrap_or_default());
    let mut all: Vec<(&String, (&String, &Upload))> =
        bucket.uploads.iter().map(|(id, upload)| (&upload.key, (id, upload))).collect();
    all.sort_by(|left, right| (left.0, left.1.0).cmp(&(right.0, right.1.0)));
    let is_behind = |key: &str, id: &str| {
        if key == marker.0 { !marker.1.is_empty() && id > marker.1.as_str() } else { key > marker.0.as_str() }
    };
    let fresh = all.into_iter().filter(|(key, (id, _))| key.starts_with(&listing.prefix) && is_behind(key, id));
    let (rows, is_cut) = grouped(fresh, &listing);
    let (mut contents, mut prefixes) = (String::new(), BTreeSet::new());
    for row in &rows {
        match row {
            Row::Prefix(prefix) => _ = prefixes.insert(prefix.clone()),
            Row::Item(key, (id, upload)) => contents += &upload_row(&listing, key, id, upload),
        }
    }
    let mut content = listing.head(call, "MaxUploads") + &element("KeyMarker", &marker.0) + &element("IsTruncated", is(is_cut));
    if let Some(last) = rows.last().filter(|_| is_cut) {
        content += &element("NextKeyMarker", &listing.text(last.name()));
        if let Row::Item(_, (id, _)) = last {
            content += &element("NextUploadIdMarker", id);
        }
    }
    Ok(answer("ListMultipartUploadsResult", &(content + &contents + &listing.commons(&prefixes))))
}

fn upload_row(listing: &Listing, key: &str, id: &str, upload: &Upload) -> String {
    let names = element("Key", &listing.text(key)) + &element("UploadId", id);
    let who = format!("<Initiator>{}</Initiator>", element("ID", &upload.initiator));
    let when = element("StorageClass", "STANDARD") + &element("Initiated", &iso(upload.initiated));
    format!("<Upload>{names}{who}{when}{}</Upload>", checksum_names(upload))
}

fn checksum_names(upload: &Upload) -> String {
    let Some(algorithm) = upload.algorithm else { return String::new() };
    element("ChecksumAlgorithm", algorithm.name()) + &element("ChecksumType", upload.kind.name())
}

pub(super) fn parts(call: &Call<'_>) -> Answer {
    let world = call.s3.world();
    let bucket = call.bucket(&world)?;
    let (id, upload) = open(call, bucket)?;
    let marker = number(call.parameter("part-number-marker").as_deref(), 0);
    let max = number(call.parameter("max-parts").as_deref(), PAGE).min(PAGE);
    let (page, is_cut) = page(upload.parts.values().filter(|part| u64::from(part.number) > marker), max);
    let mut content = element("Bucket", &bucket.name) + &element("Key", &upload.key) + &element("UploadId", &id);
    content += &checksum_names(upload);
    content += &(element("PartNumberMarker", &marker.to_string())
        + &element("MaxParts", &max.to_string())
        + &element("IsTruncated", is(is_cut)));
    content += &page.last().map(|part| element("NextPartNumberMarker", &part.number.to_string())).unwrap_or_default();
    for part in page {
        let mut row = element("PartNumber", &part.number.to_string()) + &element("LastModified", &iso(part.modified));
        row += &(element("ETag", &format!("\"{}\"", part.etag)) + &element("Size", &part.size.to_string()));
        // Stated only where the uploader has stated them.
        if let (Some(algorithm), Some(text)) =
            (upload.algorithm.filter(|_| upload.kind == Kind::Composite || part.checksum.is_some()), part.checksum_text())
        {
            row += &element(&algorithm.element(), &text);
        }
        content += &format!("<Part>{row}</Part>");
    }
    Ok(answer("ListPartsResult", &content))
}
