//! A run in a bucket as somebody sees it who may read: its versions, what the bucket says of each, and their bytes.
//!
//! ```text
//! list.rs    which versions, delete markers, open uploads and parts there are
//! facts.rs   what the bucket says of one version: size, checksum, retention, legal hold
//! body.rs    the bytes of one version, from where they broke off if need be
//! current.rs  a small object whole, as it is now, for who may do nothing but s3:GetObject
//! ask.rs     one question, tried again; whose answer is no names the permission that is missing
//! ```
//!
//! **Invariant:** nothing is written; every question about evidence names the version that it is about.

mod ask;
mod body;
mod current;
mod facts;
mod list;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use hozen_collector::host::Clock;
use hozen_collector::model::Timestamp;
use serde_json::Value;

use super::bucket;
use super::options::BucketArgs;
use super::request::Bucket;
use super::retry::{Patience, Timing};
use super::uri::BucketUri;
use crate::aws::Network;
use crate::aws::credentials::Found;

pub use ask::Unanswered;
pub use body::Body;
pub use facts::{Facts, Kept, Sum};
pub use list::{OpenUpload, StoredPart, Version, Versions};

/// All that a place is read with.
pub struct Reading {
    /// The way there; it lives as long as the reader.
    pub network: Arc<Network>,
    /// Credentials.
    pub credentials: Found,
    /// Where the run stands.
    pub place: BucketUri,
    /// Account that must own the bucket.
    pub owner: Option<String>,
    /// How long things may take.
    pub timing: Timing,
    /// The clock of this machine.
    pub clock: Clock,
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reading").field("place", &self.place).finish_non_exhaustive()
    }
}

/// Reads one run's place in a bucket.
#[derive(Debug)]
pub struct Reader {
    pub(super) bucket: Arc<Bucket>,
    pub(super) network: Arc<Network>,
    credentials: SharedCredentialsProvider,
    /// A client for the region that the bucket itself has named, where it is another than ours.
    elsewhere: OnceLock<aws_sdk_s3::Client>,
}

impl Reader {
    /// Opens it; nobody is asked yet.
    ///
    /// # Errors
    /// When no client can be made, or the owner is no account.
    pub fn open(reading: Reading) -> Result<Self, String> {
        let Reading { network, credentials, place, owner, timing, clock } = reading;
        let options = BucketArgs { bucket_owner: owner, ..BucketArgs::default() }.check()?;
        let credentials = credentials.provider;
        let client = network.s3(credentials.clone())?;
        let patience = Patience::new(timing, clock, Arc::new(|| false));
        let bucket = Bucket { client, place, options, lock: None, patience, presigned: None, pace: None };
        Ok(Self { bucket: Arc::new(bucket), network, credentials, elsewhere: OnceLock::new() })
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> &BucketUri {
        &self.bucket.place
    }

    /// The time by the bucket's clock, once it has answered; before that by ours.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.bucket.patience.watch.their_now()
    }

    /// Every version and delete marker below the place.
    ///
    /// # Errors
    /// When it cannot be listed.
    pub fn versions(&self) -> Result<Versions, Unanswered> {
        self.network.block_on(self.bucket.versions())
    }

    /// Every upload below the place that is open.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn uploads(&self) -> Result<Vec<OpenUpload>, Unanswered> {
        self.network.block_on(self.bucket.uploads())
    }

    /// The parts of an open upload, in order.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn parts(&self, upload: &OpenUpload) -> Result<Vec<StoredPart>, Unanswered> {
        self.network.block_on(self.bucket.parts(upload))
    }

    /// What the bucket says of these names and versions, in their order; several are asked for at once.
    #[must_use]
    pub fn facts(&self, objects: &[(String, String)]) -> Vec<Facts> {
        let objects = objects.iter().map(|(name, version)| (self.place().key(name), version.clone()));
        self.network.block_on(facts::all(&self.bucket, objects.collect()))
    }

    /// What the bucket says of its lock, in the form of the begin record's `bucket_lock`.
    ///
    /// # Errors
    /// When it does not say.
    pub fn lock(&self) -> Result<Value, Unanswered> {
        let lock = self.network.block_on(bucket::ask_by_the_right_clock(&self.bucket));
        lock.record().map_err(|reason| Unanswered::new("s3:GetBucketObjectLockConfiguration", reason))
    }

    /// The bytes of the version `version` of the object `name`, from its first.
    ///
    /// # Errors
    /// When they cannot be had.
    pub fn body(&self, name: &str, version: &str) -> Result<Body, Unanswered> {
        Body::open(Arc::clone(&self.bucket), self.network.handle(), self.place().key(name), version.to_owned())
    }

    /// The bytes of the object `name` as it is now; `None` if there are more than `limit`. A bucket that names another region is
    /// asked there.
    ///
    /// # Errors
    /// When they cannot be had within `time`.
    pub fn current(&self, name: &str, limit: u64, time: Duration) -> Result<Option<Vec<u8>>, Unanswered> {
        self.network.block_on(current::within(time, "s3:GetObject", current::whole(self, name, limit)))
    }

    /// The names of all objects that there are now below the place, the first `limit` of them.
    ///
    /// # Errors
    /// When they cannot be listed within `time`.
    pub fn names(&self, limit: usize, time: Duration) -> Result<Vec<String>, Unanswered> {
        self.network.block_on(current::within(time, "s3:ListBucket", current::names(self, limit)))
    }
}

/// A date of an answer.
fn time(date: Option<&aws_sdk_s3::primitives::DateTime>) -> Option<Timestamp> {
    date.map(|date| Timestamp::from_nanoseconds(date.as_nanos()))
}
