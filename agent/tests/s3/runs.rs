//! Whole runs into a bucket, and what a verifier says of a copy.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hozen::cli::CollectArgs;
use hozen::config::Config;
use hozen::run::{self, Ended, Run};
use hozen::settings::Settings;
use hozen::verify::{Options, Verdict, verify};
use hozen_collector::collect::Control;
use hozen_collector::host::Host;
use hozen_collector::model::{Artefact, Category, Gap, Outcome, Profile, Row, RunId, Timestamp};
use hozen_collector::sink::EvidenceSink;
use hozen_collector::sink::directory::DirectorySink;
use hozen_collector::source::{Evidence, Member, Source, Stop};
use hozen_tests::serve::{Fault, Rule};

use super::support::{BUCKET, Place, mixed};

/// A table, and raw bytes that fill more than two parts.
struct Large;

impl Source for Large {
    fn artefact(&self) -> Artefact {
        let (category, profile, budget) = (Category::System, Profile::Volatile, Duration::from_secs(600));
        Artefact { name: "large", category, profile, budget, budget_bytes: None, source: "", about: "a test", tables: &["large"] }
    }

    fn acquire(&self, _: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let mut row = Row::new(Timestamp::from_seconds(0), "test");
        row.int("n", 1);
        evidence.row("large", &row)?;
        evidence.raw(&Member::pseudo(b"/proc/large"), &noise(12 << 20))?;
        evidence.gap(Gap::whole(b"/gone", "a gap on purpose"));
        Ok(Outcome::ok())
    }
}

/// Bytes that zstd makes nothing of.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        u8::try_from(state & 0xff).unwrap()
    };
    (0..length).map(step).collect()
}

fn run(sink: Arc<dyn EvidenceSink>, spool: Option<DirectorySink>) -> Ended {
    let fixture = tempfile::tempdir().unwrap();
    std::fs::create_dir(fixture.path().join("proc")).unwrap();
    let (settings, host) =
        (Settings::new(&CollectArgs::default(), Config::default()).unwrap(), Host::fixture(fixture.path()).unwrap());
    let (id, plan) = (RunId::new(host.clock.now(), 7), run::plan(vec![Box::new(Large)], &settings));
    let (control, access) = (Arc::new(Control::new(None)), BTreeMap::default());
    Run { id, settings, host, sink, plan, control, access, instance: None, spool, errand: None, status: None }.execute()
}

/// Copies all that is in the bucket into `to`, as somebody does who may read it.
fn download(place: &Place, to: &Path) {
    for key in place.double.keys(BUCKET) {
        let path = to.join(key.strip_prefix("run/").unwrap());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, place.double.object(BUCKET, &key).unwrap().content().unwrap()).unwrap();
    }
}

fn verdict(place: &Place) -> (Verdict, String) {
    let copy = tempfile::tempdir().unwrap();
    download(place, copy.path());
    let report = verify(copy.path(), &Options::default());
    (report.verdict, report.to_text())
}

#[test]
fn a_copy_of_a_run_in_a_bucket_verifies() {
    let place = Place::new();
    let ended = run(Arc::new(place.sink()), None);
    assert!(ended.result.safe_to_isolate, "{:?}", ended.result);
    let archive = place.double.object(BUCKET, "run/data/raw/large.tar.zst").unwrap();
    assert!(archive.parts.len() >= 3 && archive.retention.is_some());
    let (found, report) = verdict(&place);
    assert_eq!(found, Verdict::Verified, "{report}");
    let manifest = place.double.object(BUCKET, "run/900-manifest.json").unwrap();
    assert_eq!(ended.result.details["manifest"]["version"], manifest.id.as_str());
    assert!(place.double.uploads(BUCKET).is_empty());
}

#[test]
fn a_run_whose_large_object_is_refused_is_sealed_without_it() {
    let place = Place::new();
    place.double.inject(Rule::on("UploadPart", Fault::Refuse(403, "AccessDenied")).always());
    let ended = run(Arc::new(place.sink()), None);
    assert_eq!((ended.result.code, ended.result.safe_to_isolate), (10, true), "{:?}", ended.result);
    assert_eq!(place.double.object(BUCKET, "run/data/raw/large.tar.zst").map(|v| v.size), None);
    let (found, report) = verdict(&place);
    assert_eq!(found, Verdict::Verified, "{report}");
    assert!(report.contains("large.tar.zst"), "{report}");
}

#[test]
fn a_run_that_cannot_be_sealed_is_incomplete() {
    let place = Place::new();
    let sink = place.sink();
    place.double.inject(Rule::on("PutObject", Fault::Refuse(403, "AccessDenied")).after(2).always());
    let ended = run(Arc::new(sink), None);
    assert_eq!((ended.result.code, ended.result.safe_to_isolate), (31, false));
    assert_eq!(verdict(&place).0, Verdict::Incomplete);
}

#[test]
fn a_bucket_that_takes_nothing_sends_the_run_into_the_spool() {
    let (place, dir) = (Place::new(), tempfile::tempdir().unwrap());
    let spool = dir.path().join("spool");
    place.double.inject(Rule::on("PutObject", Fault::Refuse(403, "AccessDenied")).always());
    let ended = run(Arc::new(place.sink()), Some(DirectorySink::create(&spool).unwrap()));
    assert_eq!((ended.result.code, ended.result.safe_to_isolate), (30, false));
    assert_eq!(ended.result.details["spool"], spool.canonicalize().unwrap().to_str().unwrap());
    assert_eq!(verify(&spool, &Options::default()).verdict, Verdict::Verified);
    assert!(place.double.keys(BUCKET).is_empty());
}

#[test]
fn a_spool_that_is_not_needed_is_gone() {
    let (place, dir) = (Place::new(), tempfile::tempdir().unwrap());
    let spool = dir.path().join("spool");
    let ended = run(Arc::new(place.sink()), Some(DirectorySink::create(&spool).unwrap()));
    assert!(ended.result.safe_to_isolate && !spool.exists());
}

#[test]
fn parts_of_zeros_are_joined_before_they_are_sent() {
    // A frame of zeros is some hundred bytes: no part of a bucket could be so small.
    let place = Place::new();
    let engine =
        hozen_collector::stream::Engine::start(Arc::new(place.sink()), 1, 1, Arc::new(|| Timestamp::from_seconds(0))).unwrap();
    let mut object =
        engine.open("data/memory/kcore/000000.lime.zst".parse().unwrap(), hozen_collector::stream::Kind::Bulk).unwrap();
    for _ in 0..64 {
        object.write_all(&vec![0; 1 << 20]).unwrap();
    }
    object.write_all(&mixed(100)).unwrap();
    let receipt = object.close().unwrap().receipt.unwrap();
    assert!(receipt.parts > 8 && receipt.sink.unwrap().checksum.parts == 1);
}
