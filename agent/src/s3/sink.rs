//! The bucket as a sink.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hozen_collector::host::Clock;
use hozen_collector::model::ObjectKey;
use hozen_collector::sink::{EvidenceSink, ObjectWriter, SinkError};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::bucket;
use super::buffers::Buffers;
use super::object::{BucketObject, Shared};
use super::options::{BucketOptions, Retention};
use super::pace::Pace;
use super::presigned::{self, List, Signed};
use super::request::Bucket;
use super::retry::{Hurried, Patience, Timing};
use super::uri::BucketUri;
use crate::aws::Network;
use crate::aws::credentials::Found;

/// Seconds between the clocks over which S3 takes no signature ("Authenticating Requests").
pub const FAR: i64 = 900;

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
    /// Whether the run is to end.
    pub hurried: Hurried,
}

/// All that a bucket is opened with by a host that holds a presigned list and no credentials.
pub struct PresignedOpening {
    /// The way there; it lives as long as the sink.
    pub network: Arc<Network>,
    /// The list.
    pub list: Arc<List>,
    /// How objects are put there: what the list says, and how many at once.
    pub options: BucketOptions,
    /// How long things may take.
    pub timing: Timing,
    /// The run's clock.
    pub clock: Clock,
    /// Whether the run is to end.
    pub hurried: Hurried,
    /// What whoever reads the begin record should know.
    pub warnings: Vec<String>,
}

impl std::fmt::Debug for PresignedOpening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PresignedOpening").field("place", &self.list.place).finish_non_exhaustive()
    }
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
    /// Whether the run's end has begun.
    sealing: AtomicBool,
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
        let patience = Patience::new(timing, clock, hurried);
        let pace = pace(&options, clock);
        let mut bucket = Bucket { client, place, options, lock: None, patience, presigned: None, pace };
        let locked = network.block_on(bucket::lock(&bucket))?;
        // By the bucket's own clock: that of the host may be years off, and what is locked too long stays locked.
        bucket.lock = bucket.options.retention.from(bucket.patience.watch.their_now());
        let description = describe(&bucket, &locked, &record, &network.record());
        Ok(Self::of(bucket, network, description))
    }

    /// Opens the place that a presigned list is for. Nobody is asked: whoever signed has asked whether the bucket locks.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn open_presigned(opening: PresignedOpening) -> Result<Self, String> {
        let PresignedOpening { network, list, options, timing, clock, hurried, warnings } = opening;
        let client = network.s3_without_credentials()?;
        let patience = Patience::new(timing, clock, hurried);
        let (place, pace) = (list.place.clone(), pace(&options, clock));
        let lock = match options.retention {
            Retention::Until { mode, until } => Some((mode, until)),
            _ => None,
        };
        let bucket = Bucket { client, place, options, lock, patience, presigned: Some(Arc::clone(&list)), pace };
        let mut description = describe(&bucket, &list.bucket_lock, &list.signer(), &network.record());
        description.insert("presigned".to_owned(), list.record());
        if let Some(Value::Array(known)) = description.get_mut("warnings") {
            known.extend(warnings.into_iter().map(Value::from));
        }
        Ok(Self::of(bucket, network, description))
    }

    fn of(bucket: Bucket, network: Arc<Network>, description: BTreeMap<String, Value>) -> Self {
        let (part, parallel) = (bucket.options.part, bucket.options.parallel);
        let bucket = Arc::new(bucket);
        let (room, doubtful) = (Arc::new(Semaphore::new(parallel)), Arc::default());
        let shared = Shared { bucket, handle: network.handle(), room, doubtful };
        Self { shared, buffers: Buffers::new(part, parallel + 1), network, description, sealing: AtomicBool::new(false) }
    }

    /// A list of the one request that stores the object `name`, for who has no credentials: of the list that this was opened with, or
    /// signed now with `credentials`, for so many seconds.
    ///
    /// # Errors
    /// When that is not in the list, or cannot be signed.
    pub fn one_request(&self, name: ObjectKey, of: Signed, credentials: Option<&Found>, expires_s: u32) -> Result<List, String> {
        let bucket = &self.shared.bucket;
        match (&bucket.presigned, credentials) {
            (Some(list), _) => list.of_one(&name).ok_or_else(|| format!("the presigned list has no place for {name}")),
            (None, Some(found)) => self.network.block_on(presigned::one(bucket, found, name, of, expires_s)),
            (None, None) => Err("there are no credentials".to_owned()),
        }
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

    /// The same where it is more than [`FAR`].
    #[must_use]
    pub fn far_clock(&self) -> Option<i64> {
        far(&self.shared.bucket)
    }

    /// Why it is not known that the bucket locks what it is given, with what to do; `None` where it is known, where each object names
    /// its own lock, or where none is wanted.
    #[must_use]
    pub fn unknown_lock(&self) -> Option<String> {
        let bucket = &self.shared.bucket;
        let reason = self.description.get("bucket_lock")?.get("reason")?.as_str()?;
        let matters = bucket.lock.is_none() && !bucket.options.allow_unlocked;
        matters.then(|| bucket::unknown(bucket.place.bucket(), reason))
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

fn pace(options: &BucketOptions, clock: Clock) -> Option<Arc<Pace>> {
    options.max_bandwidth.map(|rate| Arc::new(Pace::new(clock, rate)))
}

/// The offset of the bucket's clock, where that is too much for a signature.
fn far(bucket: &Bucket) -> Option<i64> {
    bucket.patience.watch.clock_offset().filter(|offset| offset.abs() > FAR)
}

/// What the begin record says.
fn describe(bucket: &Bucket, locked: &Value, credentials: &Value, network: &Value) -> BTreeMap<String, Value> {
    let options = &bucket.options;
    let retention = bucket.lock.map_or(json!("bucket-default"), |(mode, until)| json!({"mode": mode, "until": until}));
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
        ("max_bandwidth", json!(options.max_bandwidth)),
        ("retry_for_s", json!(bucket.patience.timing.retry_for.as_secs())),
        ("credentials", credentials.clone()),
        ("network", network.clone()),
        ("clock_offset_s", json!(bucket.patience.watch.clock_offset())),
        ("warnings", json!(warnings(bucket, locked))),
    ];
    members.map(|(name, value)| (name.to_owned(), value)).into()
}

/// What whoever starts the run, and whoever reads its records, should know of the bucket.
fn warnings(bucket: &Bucket, locked: &Value) -> Vec<String> {
    let owner = bucket.options.owner.is_none();
    let owner = owner.then(|| "no --bucket-owner was given, so the bucket may belong to anybody".to_owned());
    let clock = far(bucket).map(|_| {
        "the host's clock is far from the bucket's; requests are signed, and retention is counted, by the bucket's".to_owned()
    });
    [owner, not_locked(bucket, locked), clock].into_iter().flatten().collect()
}

/// That nothing keeps what is written from being deleted, or that this is not known.
fn not_locked(bucket: &Bucket, locked: &Value) -> Option<String> {
    let has = match locked.get("enabled").and_then(Value::as_bool) {
        _ if bucket.lock.is_some() => return None,
        Some(true) if locked.get("default").is_some_and(Value::is_null) => "Object Lock and no default retention",
        Some(true) => return None,
        Some(false) => "no Object Lock",
        None => return Some("it is not known that the bucket locks what it is given".to_owned()),
    };
    // Without --allow-unlocked nothing is written there.
    let name = bucket.place.bucket();
    Some(format!("the bucket {name} has {has}, and --allow-unlocked was given: what is written into it can be deleted"))
}

impl EvidenceSink for S3Sink {
    fn create(&self, key: &ObjectKey) -> Result<Box<dyn ObjectWriter>, SinkError> {
        let list = self.shared.bucket.presigned.as_ref();
        if let Some(cause) = list.and_then(|list| list.refuses(key, self.sealing.load(Ordering::Relaxed))) {
            return Err(SinkError { key: key.clone(), cause });
        }
        Ok(Box::new(BucketObject::new(key.clone(), self.shared.clone(), self.buffers.fill())))
    }

    fn describe(&self) -> BTreeMap<String, Value> {
        let mut description = self.description.clone();
        if let Some(Value::Array(known)) = description.get_mut("warnings") {
            known.extend(self.shared.doubtful.warnings().into_iter().map(Value::from));
        }
        description
    }

    fn prepare_to_seal(&self) {
        self.sealing.store(true, Ordering::Relaxed);
    }

    /// By the bucket's clock, where it was heard: that of the host may say that a good list has expired, or that there is time when
    /// there is none.
    fn time_to_collect(&self) -> Option<Duration> {
        let Bucket { presigned, options, patience, .. } = self.shared.bucket.as_ref();
        let list = presigned.as_ref()?;
        let left = list.time_to_collect(patience.watch.their_now(), options.on_its_way());
        left.or_else(|| patience.watch.clock_offset().map(|_| Duration::ZERO))
    }

    fn stalled_ns(&self) -> u64 {
        self.shared.bucket.patience.watch.stalled_ns()
    }

    fn take_notes(&self) -> Vec<(&'static str, BTreeMap<String, Value>)> {
        self.shared.bucket.patience.watch.take_notes()
    }
}
