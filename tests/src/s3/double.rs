//! The handle of the double: buckets, keys, what is stored, complaints.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use super::service::S3;
use super::state::{Bucket, Part, Upload, Version};
use crate::aws::cloud::{Cloud, REGION};
use crate::serve::{Double, Tls};

/// How a CompleteMultipartUpload is answered whose upload has been completed already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// With status 200 and the version that was made.
    SameVersion,
    /// With 412 if it has `If-None-Match`, as the key exists by now.
    PreconditionFailed,
    /// With 404 `NoSuchUpload`.
    NoSuchUpload,
}

/// How the double is.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it is. Signatures must name this region.
    pub region: String,
    /// Bodies of more bytes than this are hashed and thrown away; they cannot be read back. `u64::MAX` keeps all.
    pub keep: u64,
    /// The least size of all parts of an upload but the last. That of S3 is 5 MiB; less is for tests that send many uploads.
    pub least_part: u64,
    /// See [`Replay`].
    pub replay: Replay,
    /// White space that is sent before the result of CompleteMultipartUpload: how many characters, and how long before each.
    pub whitespace: Option<(usize, Duration)>,
    /// Whether GetObjectAttributes states composite checksums with `-` and the number of parts.
    pub attributes_count_parts: bool,
    /// Whether the headers that ask for an encryption are passed over, as some stores do: the bucket's own encrypts.
    pub ignores_encryption: bool,
    /// The port on 127.0.0.1; 0 is any that is free.
    pub port: u16,
    /// Speaks TLS if there is a certificate.
    pub tls: Option<Tls>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            region: REGION.to_owned(),
            keep: u64::MAX,
            least_part: 5 << 20,
            replay: Replay::SameVersion,
            whitespace: None,
            attributes_count_parts: false,
            ignores_encryption: false,
            port: 0,
            tls: None,
        }
    }
}

/// A double of S3. It ends when this is dropped; if a client has asked for something that it does not know, that is a failed test.
#[derive(Debug)]
pub struct S3Double(Double<S3>);

impl Deref for S3Double {
    type Target = Double<S3>;

    fn deref(&self) -> &Double<S3> {
        &self.0
    }
}

impl S3Double {
    /// Starts one.
    ///
    /// # Panics
    /// When the port is taken.
    #[must_use]
    pub fn start(cloud: &Arc<Cloud>, options: Options) -> Self {
        let (port, tls) = (options.port, options.tls.clone());
        Self(Double::serve(S3::new(Arc::clone(cloud), options), port, tls))
    }

    /// Adds a bucket, or replaces the one of that name with all that is in it.
    pub fn add_bucket(&self, bucket: Bucket) {
        self.service().world().buckets.insert(bucket.name.clone(), bucket);
    }

    /// A copy of a bucket with all that is in it. Bytes are shared, not copied.
    #[must_use]
    pub fn bucket(&self, name: &str) -> Option<Bucket> {
        self.service().world().buckets.get(name).cloned()
    }

    /// Changes a bucket behind the clients' back.
    ///
    /// # Panics
    /// When there is none of that name.
    pub fn change(&self, name: &str, change: impl FnOnce(&mut Bucket)) {
        let mut world = self.service().world();
        change(world.buckets.get_mut(name).unwrap_or_else(|| panic!("there is no bucket {name}")));
    }

    /// The keys that have a current version.
    #[must_use]
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        let bucket = self.bucket(bucket);
        bucket.iter().flat_map(|bucket| bucket.versions.keys().filter(|key| bucket.current(key).is_some()).cloned()).collect()
    }

    /// The current version of an object.
    #[must_use]
    pub fn object(&self, bucket: &str, key: &str) -> Option<Version> {
        self.bucket(bucket)?.current(key).cloned()
    }

    /// The open uploads, with their ids.
    #[must_use]
    pub fn uploads(&self, bucket: &str) -> Vec<(String, Upload)> {
        self.bucket(bucket).map(|bucket| bucket.uploads.into_iter().collect()).unwrap_or_default()
    }

    /// What clients asked for that the double does not know, such as a parameter; then the list is empty again.
    #[must_use]
    pub fn take_complaints(&self) -> Vec<String> {
        std::mem::take(&mut self.service().world().complaints)
    }
}

impl Drop for S3Double {
    fn drop(&mut self) {
        let complaints = self.take_complaints();
        assert!(complaints.is_empty() || std::thread::panicking(), "the double does not know: {complaints:#?}");
    }
}

impl Version {
    /// All bytes, unless some were thrown away.
    #[must_use]
    pub fn content(&self) -> Option<Vec<u8>> {
        let mut content = Vec::new();
        for part in &self.parts {
            content.extend_from_slice(part.data.as_deref()?);
        }
        Some(content)
    }

    /// The digests of its parts.
    #[must_use]
    pub fn part_digests(&self) -> Vec<[u8; 32]> {
        self.parts.iter().map(|part: &Part| part.sha256).collect()
    }
}
