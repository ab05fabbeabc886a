//! The bucket as a sink.

use std::collections::BTreeMap;
use std::sync::Arc;

use hozen_collector::host::Clock;
use hozen_collector::model::ObjectKey;
use hozen_collector::sink::{EvidenceSink, ObjectWriter, SinkError};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::bucket;
use super::buffers::Buffers;
use super::object::{BucketObject, Shared};
use super::options::BucketOptions;
use super::request::Bucket;
use super::retry::{Hurried, Patience, Timing};
use super::uri::BucketUri;
use super::watch::Watch;
use crate::aws::Network;
use crate::aws::credentials::Found;

/// Seconds between the clocks that S3 would not take a signature over ("Authenticating Requests").
const FAR: i64 = 900;

/// All that a bucket is opened with.
pub struct Opening {
    /// The way there; it lives as long as the sink.
    pub network: Arc<Network>,
    /// Credentials.
    pub credentials: Found,
    /// Where the run stands: the prefix and all of the layout below it.
    pub place: BucketUri,
    /// How objects are put there.
    pub options: BucketOptions,
    /// How long things may take.
    pub timing: Timing,
    /// The run's clock.
    pub clock: Clock,
    /// Whether somebody has asked the run to end.
    pub hurried: Hurried,
}

impl std::fmt::Debug for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opening").field("place", &self.place).finish_non_exhaustive()
    }
}

/// One run's place in a bucket.
#[derive(Debug)]
pub struct S3Sink {
    shared: Shared,
    buffers: Buffers,
    network: Arc<Network>,
    description: BTreeMap<String, Value>,
}

impl S3Sink {
    /// Opens the place. The bucket is asked whether it locks what it is given; nothing is written.
    ///
    /// # Errors
    /// When no client can be made, or the bucket is known to lock nothing. The text says what to do.
    pub fn open(opening: Opening) -> Result<Self, String> {
        let Opening { network, credentials, place, options, timing, clock, hurried } = opening;
        let Found { provider, record } = credentials;
        let client = network.s3(provider)?;
        let (part, parallel) = (options.part, options.parallel);
        let patience = Patience { timing, watch: Watch::new(clock), hurried };
        let mut bucket = Bucket { client, place, options, lock: None, patience };
        let locked = network.block_on(bucket::lock(&bucket))?;
        // By the bucket's own clock: that of the host may be years off, and what is locked too long stays locked.
        bucket.lock = bucket.options.retention.from(bucket.patience.watch.their_now());
        let bucket = Arc::new(bucket);
        let description = describe(&bucket, &locked, &record, network.record());
        let shared = Shared { bucket, handle: network.handle(), room: Arc::new(Semaphore::new(parallel)) };
        Ok(Self { shared, buffers: Buffers::new(part, parallel + 1), network, description })
    }

    /// Where it is, as text.
    #[must_use]
    pub fn location(&self) -> String {
        self.shared.bucket.place.to_string()
    }

    /// Seconds by which the bucket's clock is ahead of the host's, once an answer has come.
    #[must_use]
    pub fn clock_offset(&self) -> Option<i64> {
        self.shared.bucket.patience.watch.clock_offset()
    }

    pub(super) fn bucket(&self) -> &Bucket {
        &self.shared.bucket
    }

    /// The way there.
    #[must_use]
    pub fn network(&self) -> &Arc<Network> {
        &self.network
    }
}

/// What the begin record says.
fn describe(bucket: &Bucket, locked: &Value, credentials: &Value, network: &Value) -> BTreeMap<String, Value> {
    let options = &bucket.options;
    let retention = bucket.lock.map_or(json!("bucket-default"), |(mode, until)| json!({"mode": mode, "until": until}));
    let mut warnings = Vec::new();
    if options.owner.is_none() {
        warnings.push("no --bucket-owner was given, so the bucket may belong to anybody");
    }
    if locked.get("enabled") != Some(&json!(true)) && bucket.lock.is_none() {
        warnings.push("it is not known that the bucket locks what it is given");
    }
    if bucket.patience.watch.clock_offset().is_some_and(|offset| offset.abs() > FAR) {
        warnings
            .push("the host's clock is far from the bucket's; requests are signed, and retention is counted, by the bucket's");
    }
    let members = [
        ("kind", json!("s3")),
        ("location", json!(bucket.place.to_string())),
        ("bucket", json!(bucket.place.bucket())),
        ("prefix", json!(bucket.place.prefix())),
        ("owner", json!(options.owner)),
        ("retention", retention),
        ("bucket_lock", locked.clone()),
        ("allow_unlocked", json!(options.allow_unlocked)),
        ("kms_key", json!(options.kms_key)),
        ("part_size", json!(options.part)),
        ("parallel_uploads", json!(options.parallel)),
        ("retry_for_s", json!(bucket.patience.timing.retry_for.as_secs())),
        ("credentials", credentials.clone()),
        ("network", network.clone()),
        ("clock_offset_s", json!(bucket.patience.watch.clock_offset())),
        ("warnings", json!(warnings)),
    ];
    members.map(|(name, value)| (name.to_owned(), value)).into()
}

impl EvidenceSink for S3Sink {
    fn create(&self, key: &ObjectKey) -> Result<Box<dyn ObjectWriter>, SinkError> {
        Ok(Box::new(BucketObject::new(key.clone(), self.shared.clone(), self.buffers.fill())))
    }

    fn describe(&self) -> BTreeMap<String, Value> {
        self.description.clone()
    }

    fn stalled_ns(&self) -> u64 {
        self.shared.bucket.patience.watch.stalled_ns()
    }

    fn take_notes(&self) -> Vec<(&'static str, BTreeMap<String, Value>)> {
        self.shared.bucket.patience.watch.take_notes()
    }
}
