//! A run of three segments into the bucket, what it handed over and was told, and whether that is true.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use hozen::cli::CollectArgs;
use hozen::config::Config;
use hozen::run::{self, Ended, Run};
use hozen::s3::{Reader, Reading, Timing};
use hozen::settings::Settings;
use hozen::verify::{self, Report};
use hozen_collector::collect::Control;
use hozen_collector::host::{Clock, Host};
use hozen_collector::model::{Artefact, Category, Digest, Gap, Held, ObjectKey, Outcome, Profile, Row, RunId, Timestamp};
use hozen_collector::sink::{EvidenceSink, ObjectWriter, SinkError};
use hozen_collector::source::{Evidence, Source, Stop};
use hozen_collector::stream::BULK_PART;
use hozen_tests::aws::access::Key;
use hozen_tests::aws::cloud::ACCOUNT;
use hozen_tests::s3::{Bucket, Mode, Options, Version};
use serde_json::Value;

use super::support::{BUCKET, Place, credentials, noise, way};

/// The images of a run. A segment of one image has 2 GiB, so each of them has one segment (an image of several is in `image.rs`).
pub(crate) const IMAGES: [&str; 3] = ["first", "second", "third"];
/// Content of a segment: two frames of the stream and some of the next.
pub(crate) const CONTENT: usize = 2 * BULK_PART + (100 << 10);
/// Who reads what was written, and makes objects of what was left open.
const READER: (&str, &str) = ("AKIAREADER", "another-secret-that-is-nowhere");

/// The content of each segment: bytes that zstd makes nothing of.
pub(crate) static SEGMENTS: LazyLock<[Vec<u8>; 3]> = LazyLock::new(|| {
    let all = noise(3 * CONTENT);
    [0, 1, 2].map(|n| all[n * CONTENT..(n + 1) * CONTENT].to_vec())
});

/// Writes the images; one that is refused does not keep the next from being tried.
struct Images;

/// What the sources of images here are.
pub(crate) fn artefact() -> Artefact {
    let (category, profile, budget) = (Category::Memory, Profile::Volatile, Duration::from_secs(600));
    Artefact { name: "memory", category, profile, budget, budget_bytes: None, source: "", about: "a test", tables: &["images"] }
}

/// Begins an image, with its row.
pub(crate) fn begin(image: &'static str, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    let mut row = Row::new(Timestamp::from_seconds(0), "test");
    row.text("image", image);
    evidence.row("images", &row)?;
    evidence.image_begin(image)
}

impl Source for Images {
    fn artefact(&self) -> Artefact {
        artefact()
    }

    fn acquire(&self, _: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        for (image, content) in IMAGES.into_iter().zip(SEGMENTS.iter()) {
            begin(image, evidence)?;
            match evidence.image_write(content).and_then(|()| evidence.image_end()) {
                Err(Stop::Sink) => evidence.gap(Gap::whole(image.as_bytes(), "the destination did not take it")),
                other => other?,
            }
        }
        Ok(Outcome::ok())
    }
}

/// Collects the images into `sink`.
pub(crate) fn execute(sink: Arc<dyn EvidenceSink>) -> Ended {
    execute_by(sink, Images, |_| ())
}

/// Collects what `source` has into `sink`, by settings that `change` has had.
pub(crate) fn execute_by(
    sink: Arc<dyn EvidenceSink>,
    source: impl Source + 'static,
    change: impl FnOnce(&mut Settings),
) -> Ended {
    let fixture = tempfile::tempdir().unwrap();
    std::fs::create_dir(fixture.path().join("proc")).unwrap();
    let mut settings = Settings::new(&CollectArgs::default(), Config::default()).unwrap();
    change(&mut settings);
    let host = Host::fixture(fixture.path()).unwrap();
    let (id, plan) = (RunId::new(host.clock.now(), 7), run::plan(vec![Box::new(source)], &settings));
    let (control, access) = (Arc::new(Control::new(None)), BTreeMap::default());
    Run { id, settings, host, sink, plan, control, access, instance: None, spool: None, errand: None, status: None }.execute()
}

/// A locked bucket that takes parts of any size, and a sink that makes them of `part` bytes.
pub(crate) fn place(part: usize, timing: Timing) -> Place {
    let mut place = Place::with(Options { least_part: 1, ..Options::default() }, Bucket::new(BUCKET).locked(None));
    place.cloud.add_key(Key::mighty(READER.0, READER.1));
    (place.options.part, place.timing) = (part, timing);
    place
}

/// What a sink was given and said that it has, by key.
pub(crate) type Claims = Arc<Mutex<BTreeMap<ObjectKey, (Vec<u8>, Held)>>>;

/// A sink that notes what goes into another, and what that one claims of it.
#[derive(Debug)]
pub(crate) struct Noted<S> {
    pub(crate) inner: S,
    pub(crate) claims: Claims,
}

struct NotedObject {
    key: ObjectKey,
    bytes: Vec<u8>,
    inner: Box<dyn ObjectWriter>,
    claims: Claims,
}

impl<S: EvidenceSink> EvidenceSink for Noted<S> {
    fn create(&self, key: &ObjectKey) -> Result<Box<dyn ObjectWriter>, SinkError> {
        let (inner, claims) = (self.inner.create(key)?, Arc::clone(&self.claims));
        Ok(Box::new(NotedObject { key: key.clone(), bytes: Vec::new(), inner, claims }))
    }

    fn describe(&self) -> BTreeMap<String, Value> {
        self.inner.describe()
    }

    fn prepare_to_seal(&self) {
        self.inner.prepare_to_seal();
    }

    fn stalled_ns(&self) -> u64 {
        self.inner.stalled_ns()
    }

    fn take_notes(&self) -> Vec<(&'static str, BTreeMap<String, Value>)> {
        self.inner.take_notes()
    }
}

impl ObjectWriter for NotedObject {
    fn part(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.inner.part(bytes)?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn taken(&self) -> (u64, Digest) {
        self.inner.taken()
    }

    fn finish(self: Box<Self>, size: u64, sha256: &Digest) -> Result<Option<Held>, SinkError> {
        let held = self.inner.finish(size, sha256)?;
        let claim = (self.bytes, held.clone().unwrap());
        let again = self.claims.lock().unwrap().insert(self.key, claim);
        assert!(again.is_none(), "stored a second time");
        Ok(held)
    }

    fn abort(self: Box<Self>) -> Result<(), SinkError> {
        self.inner.abort()
    }
}

/// Every object that the sink claims is there: in one version, the one that it names, locked, with the bytes that were sent.
pub(crate) fn assert_claims(place: &Place, claims: &Claims, case: &str) {
    let bucket = place.double.bucket(BUCKET).unwrap();
    for (key, (bytes, held)) in claims.lock().unwrap().iter() {
        let versions = bucket.versions.get(&format!("run/{key}")).unwrap_or_else(|| panic!("{case}: {key} is not there"));
        assert_eq!(versions.len(), 1, "{case}: {key}");
        assert!(held.version_id.as_ref().is_none_or(|id| *id == versions[0].id), "{case}: {key} {held:?}");
        assert!(versions[0].content().unwrap() == *bytes, "{case}: {key} is not what was sent");
        assert!(is_locked(&versions[0]), "{case}: {key} is not locked");
    }
}

/// Whether it is locked as the run asked for.
pub(crate) fn is_locked(version: &Version) -> bool {
    let soon = Clock::start().now().nanoseconds() + 29 * 86_400_000_000_000;
    version.retention.is_some_and(|retention| retention.mode == Mode::Compliance && retention.until.as_nanosecond() > soon)
}

/// The key of an image's segment.
pub(crate) fn segment_key(image: &str) -> String {
    format!("run/data/memory/{image}/000000.lime.zst")
}

/// All that can be decompressed of these bytes, which may end anywhere.
pub(crate) fn readable(stored: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    // Where they end in a frame it fails, and what it had by then is there.
    let _ = zstd::Decoder::new(stored).unwrap().read_to_end(&mut content);
    content
}

/// Reads the run with other credentials than it was written with.
pub(crate) fn reader(place: &Place) -> Arc<Reader> {
    let network = way(&place.double.url()).unwrap();
    let credentials = credentials(&(READER.0.to_owned(), READER.1.to_owned()));
    let (at, owner) = (format!("s3://{BUCKET}/run").parse().unwrap(), Some(ACCOUNT.to_owned()));
    let (timing, clock) = (Timing::default(), Clock::start());
    Arc::new(Reader::open(Reading { network, credentials, place: at, owner, timing, clock }).unwrap())
}

/// What `hozen verify --rehash` says of the run.
pub(crate) fn report(reader: &Arc<Reader>) -> Report {
    verify::examine_bucket(reader, &verify::Options::default(), true).0
}
