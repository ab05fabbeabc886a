//! A double with a locked bucket, a role that can only write, and a sink into it.

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use hozen::aws::Network;
use hozen::aws::credentials::Found;
use hozen::aws::options::{ImdsChoice, NetworkArgs};
use hozen::s3::options::Retention;
use hozen::s3::presigned::{List, Making, make};
use hozen::s3::{BucketOptions, Opening, PresignedOpening, S3Sink, Timing};
use hozen_collector::host::{Clock, Host};
use hozen_collector::model::{Digest, Held, RunId};
use hozen_collector::sink::{EvidenceSink, SinkError};
use hozen_tests::aws::access::{Key, WRITE_ONLY};
use hozen_tests::aws::cloud::{ACCOUNT, Cloud, REGION};
use hozen_tests::s3::{Bucket, Options, S3Double};
use serde_json::json;

/// The bucket.
pub(crate) const BUCKET: &str = "evidence";
/// The least that a part may have.
pub(crate) const PART: usize = 5 << 20;

/// A double, and what is needed to reach it.
pub(crate) struct Place {
    pub(crate) double: S3Double,
    pub(crate) cloud: Arc<Cloud>,
    pub(crate) options: BucketOptions,
    pub(crate) timing: Timing,
    pub(crate) key: (String, String),
}

impl Place {
    /// With a bucket that has Object Lock, written to with a lock of its own on every object.
    pub(crate) fn new() -> Self {
        Self::with(Options::default(), Bucket::new(BUCKET).locked(None))
    }

    pub(crate) fn with(options: Options, bucket: Bucket) -> Self {
        let cloud = Cloud::new();
        let key = ("AKIAWRITEONLY".to_owned(), "a-secret-that-is-nowhere".to_owned());
        cloud.add_key(Key::new(&key.0, &key.1, WRITE_ONLY));
        let double = S3Double::start(&cloud, options);
        double.add_bucket(bucket);
        let options = locked_options();
        let timing = Timing { pause: Duration::from_millis(2), ..Timing::default() };
        Self { double, cloud, options, timing, key }
    }

    fn way(&self) -> Result<Arc<Network>, String> {
        way(&self.double.url())
    }

    /// A list that is good for an hour, with room for archives of three parts, and a sink that goes by it.
    pub(crate) fn presigned(&self) -> (Arc<List>, S3Sink) {
        self.presigned_but(|_| ())
    }

    /// The same by a list that somebody has changed.
    pub(crate) fn presigned_but(&self, change: impl FnOnce(&mut List)) -> (Arc<List>, S3Sink) {
        let (network, clock) = (self.way().unwrap(), Clock::start());
        let list = make(Making {
            network: Arc::clone(&network),
            credentials: credentials(&self.key),
            place: format!("s3://{BUCKET}/run").parse().unwrap(),
            options: self.options.clone(),
            timing: self.timing,
            clock,
            run: RunId::new(clock.now(), 7),
            case: "IR-1".parse().unwrap(),
            host: "i-0123".to_owned(),
            room: (1 << 20, 12 << 20),
            expires_s: 3600,
        });
        let mut list = list.unwrap();
        change(&mut list);
        let list = Arc::new(list);
        let (options, timing) = (list.options(2, None), self.timing);
        let (hurried, warnings) = (Arc::new(|| false), Vec::new());
        let opening = PresignedOpening { network, list: Arc::clone(&list), options, timing, clock, hurried, warnings };
        (list, S3Sink::open_presigned(opening).unwrap())
    }

    /// A sink below `prefix`.
    pub(crate) fn open(&self, prefix: &str) -> Result<S3Sink, String> {
        open(&self.way()?, prefix, &self.key, self.options.clone(), self.timing)
    }

    pub(crate) fn sink(&self) -> S3Sink {
        self.open("run").unwrap()
    }

    /// The bytes under `key` of the sink below `run`.
    pub(crate) fn content(&self, key: &str) -> Option<Vec<u8>> {
        self.double.object(BUCKET, &format!("run/{key}")).map(|version| version.content().unwrap())
    }
}

/// 30 days in COMPLIANCE, with the smallest parts.
pub(crate) fn locked_options() -> BucketOptions {
    BucketOptions {
        retention: Retention::For { mode: "COMPLIANCE", days: 30 },
        allow_unlocked: false,
        kms_key: None,
        owner: Some(ACCOUNT.to_owned()),
        part: PART,
        parallel: 2,
        max_bandwidth: None,
    }
}

/// The way to a bucket at `url`.
pub(crate) fn way(url: &str) -> Result<Arc<Network>, String> {
    let empty = tempfile::tempdir().unwrap();
    std::fs::create_dir(empty.path().join("proc")).unwrap();
    let way = NetworkArgs {
        endpoint_url: Some(url.parse().unwrap()),
        region: Some(REGION.to_owned()),
        path_style: true,
        imds_endpoint: Some(ImdsChoice::Off),
        ..NetworkArgs::default()
    };
    Network::open(way, &Host::fixture(empty.path()).unwrap()).map(Arc::new)
}

/// A sink below `prefix` of the bucket, with the id and secret of `key`.
pub(crate) fn open(
    way: &Arc<Network>,
    prefix: &str,
    key: &(String, String),
    options: BucketOptions,
    timing: Timing,
) -> Result<S3Sink, String> {
    let network = Arc::clone(way);
    let (place, hurried) = (format!("s3://{BUCKET}/{prefix}").parse().unwrap(), Arc::new(|| false));
    let (credentials, clock) = (credentials(key), Clock::start());
    S3Sink::open(Opening { network, credentials, place, options, timing, clock, hurried })
}

/// Credentials that never change.
pub(crate) fn credentials(key: &(String, String)) -> Found {
    let credentials = Credentials::new(&key.0, &key.1, None, None, "test");
    Found { provider: SharedCredentialsProvider::new(credentials), record: json!({"source": "test"}) }
}

/// Bytes that repeat nowhere soon.
pub(crate) fn mixed(length: usize) -> Vec<u8> {
    (0..length).map(|n| u8::try_from((n * n / 7 + n / 1000) % 251).unwrap()).collect()
}

/// Stores `bytes` in pieces.
pub(crate) fn store(sink: &dyn EvidenceSink, key: &str, bytes: &[u8]) -> Result<Held, SinkError> {
    let mut object = sink.create(&key.parse().unwrap())?;
    for piece in bytes.chunks(1_000_003) {
        object.part(piece)?;
    }
    object.finish(bytes.len() as u64, &Digest::of(bytes)).map(Option::unwrap)
}

/// Bytes that zstd makes nothing of.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(words).flatten().take(length).collect()
}
