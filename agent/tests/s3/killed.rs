//! Kill sweep: a process that collects three segments is killed with SIGKILL while the bucket has it wait at a request: before any of
//! it is read, within its body, after it was obeyed. What is in the bucket then is called what it is, by a verifier and by a salvage.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hozen::s3::{Reader, Timing};
use hozen::salvage::{SalvageError, salvage};
use hozen::verify::Verdict;
use hozen_collector::host::Clock;
use hozen_collector::model::salvage::Salvaged;
use hozen_tests::serve::{Entry, Fault, Rule};

use super::segments::{IMAGES, SEGMENTS, execute, is_locked, place, readable, reader, report, segment_key};
use super::support::{BUCKET, Place, locked_options, open, way};

/// Six parts of each segment.
const PART: usize = 200 << 10;
/// The least of points that there are.
const KILLS: usize = 200;
/// One in so many of those that leave an upload open is salvaged.
const SALVAGED: usize = 4;
/// Runs at once.
const THREADS: usize = 4;
/// Where the process finds the bucket, and its key.
const PLACE: [&str; 3] = ["HOZEN_TEST_URL", "HOZEN_TEST_ID", "HOZEN_TEST_SECRET"];

/// Where a process is killed.
#[derive(Debug, Clone, Copy)]
struct Point {
    index: u64,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing of the request's body has been read.
    Before,
    /// So many bytes of it have been, and nothing was done.
    Within(u64),
    /// It was done, and no answer was given.
    After,
}

impl Stage {
    fn fault(self) -> Fault {
        match self {
            Self::Before => Fault::Stall(None),
            Self::Within(bytes) => Fault::StallAfter(bytes),
            Self::After => Fault::Late(None),
        }
    }
}

/// A bucket that nothing goes wrong with, slow as a machine may be that runs many of them.
fn patient() -> Timing {
    let long = Duration::from_secs(600);
    Timing { attempt: long, complete: long, begin: long, ..Timing::default() }
}

#[test]
#[ignore = "the process that the kill sweep starts, and kills"]
fn the_process() {
    let [Ok(url), Ok(id), Ok(secret)] = PLACE.map(std::env::var) else { return };
    let options = hozen::s3::BucketOptions { part: PART, ..locked_options() };
    let sink = open(&way(&url).unwrap(), "run", &(id, secret), options, patient()).unwrap();
    assert!(execute(Arc::new(sink)).result.safe_to_isolate);
}

/// Starts the process, which ends when it is done, or waits at the bucket.
fn start(place: &Place) -> std::process::Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--ignored", "--nocapture", "killed::the_process"]);
    command.envs(PLACE.into_iter().zip([place.double.url(), place.key.0.clone(), place.key.1.clone()]));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// The requests of a process that nobody kills.
fn requests() -> Vec<Entry> {
    let place = place(PART, patient());
    assert!(start(&place).wait().unwrap().success());
    let requests = place.double.journal();
    assert_eq!(report(&reader(&place)).verdict, Verdict::Verified);
    requests
}

/// Points of each request, in order: before, at five places of its body if it has one, after.
fn points(requests: &[Entry]) -> Vec<Point> {
    let stages = |length: u64| {
        let mut within: Vec<u64> = [1, length / 4, length / 2, length / 4 * 3, length.saturating_sub(1)].into();
        within.retain(|bytes| (1..length).contains(bytes));
        [Stage::Before].into_iter().chain(within.into_iter().map(Stage::Within)).chain([Stage::After])
    };
    requests.iter().flat_map(|entry| stages(entry.length).map(|stage| Point { index: entry.index, stage })).collect()
}

/// Kills a process at the point; the bucket is as it left it.
fn killed(point: Point) -> Place {
    let place = place(PART, patient());
    let rule = place.double.inject(Rule::at(point.index, point.stage.fault()));
    let mut child = start(&place);
    while place.double.times_fired(rule) == 0 {
        assert!(child.try_wait().unwrap().is_none(), "{point:?}: it has ended");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&child.wait().unwrap()), Some(9), "{point:?}");
    place
}

/// The segments whose upload was completed are locked, and have the content that was collected; there are no others. Gives how many.
fn assert_segments(place: &Place, point: Point) -> usize {
    let done = |entry: &&Entry| {
        let obeyed = entry.status == Some(200) || (entry.index == point.index && point.stage == Stage::After);
        entry.operation == "CompleteMultipartUpload" && obeyed
    };
    let journal = place.double.journal();
    let completed: Vec<&Entry> = journal.iter().filter(done).collect();
    for (image, content) in IMAGES.into_iter().zip(SEGMENTS.iter()) {
        let (key, is_done) = (segment_key(image), |entry: &&Entry| entry.head.path.ends_with(&segment_key(image)));
        let object = place.double.object(BUCKET, &key);
        assert!(object.is_some() || !completed.iter().any(is_done), "{point:?}: {image} is gone");
        if let Some(object) = object {
            assert!(is_locked(&object) && readable(&object.content().unwrap()) == *content, "{point:?}: {image}");
        }
    }
    completed.len()
}

/// Salvages the run: what was open is an object then, locked, a beginning of what was collected, and no part of a whole run.
fn assert_salvages(place: &Place, reader: &Arc<Reader>, point: Point) {
    // What it left came a moment ago, as if it could be going on.
    assert!(
        matches!(salvage(reader, false, |_| place.open("run"), Clock::start()), Err(SalvageError::Going { .. })),
        "{point:?}"
    );
    let done = salvage(reader, true, |_| place.open("run"), Clock::start()).unwrap().unwrap();
    assert!(place.double.uploads(BUCKET).iter().all(|(_, upload)| !upload.parts.contains_key(&1)), "{point:?}");
    let completed = done.record.uploads.iter().filter(|upload| upload.outcome == Salvaged::Completed).count();
    for upload in &done.record.uploads {
        assert!(matches!(upload.outcome, Salvaged::Completed | Salvaged::Empty), "{point:?}: {upload:?}");
        let object = place.double.object(BUCKET, &format!("run/{}", upload.key));
        assert_eq!(object.is_some(), upload.outcome == Salvaged::Completed, "{point:?}: {upload:?}");
        let Some(object) = object else { continue };
        let at = IMAGES.iter().position(|image| upload.key.contains(image)).unwrap();
        let content = readable(&object.content().unwrap());
        assert!(is_locked(&object) && !content.is_empty() && SEGMENTS[at].starts_with(&content), "{point:?}: {upload:?}");
    }
    let report = report(reader);
    assert_eq!((report.verdict, report.salvaged.len()), (Verdict::Incomplete, completed), "{point:?}: {}", report.to_text());
}

/// Kills at the point and judges what is left. Gives the segments that were whole, and whether there was something to salvage.
fn check(point: Point, salvages: &AtomicUsize) -> (usize, bool) {
    let place = killed(point);
    let segments = assert_segments(&place, point);
    let has = |name: &str| place.double.object(BUCKET, &format!("run/{name}")).is_some();
    let expected = match (has("000-begin.json"), has("999-end.json")) {
        (false, _) => Verdict::CouldNotCheck,
        (true, false) => Verdict::Incomplete,
        (true, true) => Verdict::Verified,
    };
    let reader = reader(&place);
    let report = report(&reader);
    assert_eq!(report.verdict, expected, "{point:?}: {}", report.to_text());
    let open = !place.double.uploads(BUCKET).is_empty();
    if open && salvages.fetch_add(1, Ordering::SeqCst).is_multiple_of(SALVAGED) {
        assert_salvages(&place, &reader, point);
    }
    (segments, open)
}

#[test]
fn a_kill_at_any_point_leaves_no_lie_and_whole_segments_whole() {
    let points = points(&requests());
    assert!(points.len() >= KILLS, "{}", points.len());
    let (next, salvages) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let results = std::thread::scope(|scope| {
        let work = || {
            std::iter::from_fn(|| points.get(next.fetch_add(1, Ordering::SeqCst)).map(|point| check(*point, &salvages))).collect()
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| -> Vec<(usize, bool)> { thread.join().unwrap() }).collect::<Vec<_>>()
    });
    assert_eq!(results.len(), points.len());
    for segments in 0..=IMAGES.len() {
        assert!(results.iter().any(|(whole, _)| *whole == segments), "no kill left {segments} whole segments");
    }
    assert!(results.iter().filter(|(_, open)| *open).count() >= KILLS / 4, "too few left an upload open");
    println!("{} kills, {} left an upload open", points.len(), salvages.into_inner());
}
