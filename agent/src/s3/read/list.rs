//! What there is below a place: versions, delete markers, open uploads, parts.

use aws_sdk_s3::types::{EncodingType, ObjectVersion, Part};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hozen_collector::model::{Digest, Timestamp};

use super::ask::Unanswered;
use super::time;
use crate::s3::request::Bucket;
use crate::s3::retry::judge;

/// Entries of a listing that are read; no run has nearly as many.
const MOST: usize = 200_000;

/// One version of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Name below the place.
    pub name: String,
    /// Its id; `null` in a bucket without versions.
    pub id: String,
    /// Bytes.
    pub size: u64,
    /// The bucket's date of it.
    pub modified: Option<Timestamp>,
}

/// A mark under which all older versions of a name are hidden from plain listings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// Name below the place.
    pub name: String,
    /// When it was laid.
    pub modified: Option<Timestamp>,
}

/// What a place holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Versions {
    /// By name; of one name the newest first, as the bucket lists them.
    pub versions: Vec<Version>,
    /// Delete markers.
    pub markers: Vec<Marker>,
    /// Whether there is more than was read.
    pub more: bool,
}

/// An upload in parts that nobody has completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenUpload {
    /// Name below the place.
    pub name: String,
    /// Its id.
    pub id: String,
    /// When it was begun.
    pub initiated: Option<Timestamp>,
}

/// A part that lies in an open upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPart {
    /// From 1.
    pub number: i32,
    /// Entity tag as the bucket gives it.
    pub etag: Option<String>,
    /// Bytes.
    pub size: u64,
    /// When it came, by the bucket's clock.
    pub modified: Option<Timestamp>,
    /// Its checksum, where it is a SHA-256.
    pub sha256: Option<Digest>,
}

impl Bucket {
    /// What stands before every name of the run.
    pub(super) fn below(&self) -> String {
        self.place.key("")
    }

    /// The name below the place of a key of a listing, which is percent-encoded.
    pub(super) fn name(&self, key: Option<&str>) -> Option<String> {
        decoded(key?).strip_prefix(&self.below()).map(str::to_owned)
    }

    pub(super) async fn versions(&self) -> Result<Versions, Unanswered> {
        let mut all = Versions::default();
        let (mut key, mut version) = (None, None);
        loop {
            let page = self
                .ask("s3:ListBucketVersions", |ear| {
                    let request = self.client.list_object_versions().bucket(self.place.bucket()).prefix(self.below());
                    let request = request.encoding_type(EncodingType::Url).set_key_marker(key.clone());
                    let request = request.set_version_id_marker(version.clone());
                    let request = request.set_expected_bucket_owner(self.options.owner.clone());
                    let sending = request.customize().interceptor(ear).send();
                    async move { sending.await.map_err(|error| judge(&error)) }
                })
                .await?;
            all.versions.extend(page.versions().iter().filter_map(|version| self.version(version)));
            all.markers.extend(
                page.delete_markers()
                    .iter()
                    .filter_map(|marker| Some(Marker { name: self.name(marker.key())?, modified: time(marker.last_modified()) })),
            );
            if !page.is_truncated().unwrap_or_default() {
                return Ok(all);
            }
            (key, version) = (page.next_key_marker().map(decoded), page.next_version_id_marker().map(str::to_owned));
            if key.is_none() || all.versions.len() + all.markers.len() >= MOST {
                return Ok(Versions { more: true, ..all });
            }
        }
    }

    fn version(&self, version: &ObjectVersion) -> Option<Version> {
        Some(Version {
            name: self.name(version.key())?,
            id: version.version_id()?.to_owned(),
            size: u64::try_from(version.size().unwrap_or_default()).unwrap_or_default(),
            modified: time(version.last_modified()),
        })
    }

    pub(super) async fn uploads(&self) -> Result<Vec<OpenUpload>, Unanswered> {
        let mut all = Vec::new();
        let (mut key, mut upload) = (None, None);
        loop {
            let page = self
                .ask("s3:ListBucketMultipartUploads", |ear| {
                    let request = self.client.list_multipart_uploads().bucket(self.place.bucket()).prefix(self.below());
                    let request = request.encoding_type(EncodingType::Url).set_key_marker(key.clone());
                    let request = request.set_upload_id_marker(upload.clone());
                    let request = request.set_expected_bucket_owner(self.options.owner.clone());
                    let sending = request.customize().interceptor(ear).send();
                    async move { sending.await.map_err(|error| judge(&error)) }
                })
                .await?;
            all.extend(page.uploads().iter().filter_map(|upload| {
                let (name, id) = (self.name(upload.key())?, upload.upload_id()?.to_owned());
                Some(OpenUpload { name, id, initiated: time(upload.initiated()) })
            }));
            (key, upload) = (page.next_key_marker().map(decoded), page.next_upload_id_marker().map(str::to_owned));
            if !page.is_truncated().unwrap_or_default() || key.is_none() || all.len() >= MOST {
                return Ok(all);
            }
        }
    }

    pub(super) async fn parts(&self, upload: &OpenUpload) -> Result<Vec<StoredPart>, Unanswered> {
        let mut all: Vec<StoredPart> = Vec::new();
        let key = self.place.key(&upload.name);
        loop {
            let marker = all.last().map(|part| part.number.to_string());
            let page = self
                .ask("s3:ListMultipartUploadParts", |ear| {
                    let request = self.client.list_parts().bucket(self.place.bucket()).key(&key).upload_id(&upload.id);
                    let request = request.set_part_number_marker(marker.clone());
                    let request = request.set_expected_bucket_owner(self.options.owner.clone());
                    let sending = request.customize().interceptor(ear).send();
                    async move { sending.await.map_err(|error| judge(&error)) }
                })
                .await?;
            let before = all.len();
            all.extend(page.parts().iter().filter_map(part));
            if !page.is_truncated().unwrap_or_default() || all.len() == before {
                return Ok(all);
            }
        }
    }
}

fn part(part: &Part) -> Option<StoredPart> {
    let sha256 = part.checksum_sha256().and_then(|text| STANDARD.decode(text).ok());
    Some(StoredPart {
        number: part.part_number()?,
        etag: part.e_tag().map(str::to_owned),
        size: u64::try_from(part.size()?).ok()?,
        modified: time(part.last_modified()),
        sha256: sha256.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()).map(Digest::from),
    })
}

/// Undoes the percent-encoding of a listing; what is none stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16)).and_then(|n| u8::try_from(n).ok());
        match (byte, digit(ahead.next()), digit(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(high << 4 | low);
                rest = ahead;
            }
            (b'+', _, _) => bytes.push(b' '),
            _ => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_of_a_listing_are_decoded() {
        assert_eq!(decoded("cases/a%2Bb+c%C3%A4/000-begin.json"), "cases/a+b cä/000-begin.json");
        assert_eq!(
            (decoded("%"), decoded("%4"), decoded("%zz"), decoded("%ff")),
            ("%".into(), "%4".into(), "%zz".into(), "%ff".into())
        );
    }

    proptest! {
        #[test]
        fn any_key_is_decoded(text in any::<String>()) {
            let _ = decoded(&text);
        }
    }
}
