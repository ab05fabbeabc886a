//! Fault sweep: each fault at each request of a run of three segments in turn. What the run says of itself and what a verifier says
//! of the bucket agree, and of no object is anything claimed that is not so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use hozen::run::Ended;
use hozen::s3::Timing;
use hozen::verify::Verdict;
use hozen_tests::serve::{Fault, Rule};

use super::segments::{Claims, IMAGES, Noted, assert_claims, execute, place, reader, report};
use super::support::{BUCKET, Place};

/// Four parts of each segment.
const PART: usize = 320 << 10;
/// Runs at once. Most of the time they wait.
const THREADS: usize = 6;
const FAULTS: [Fault; 10] = [
    Fault::SLOW_DOWN,
    Fault::INTERNAL_ERROR,
    Fault::ResetAfter(1),
    Fault::Stall(None),
    Fault::Truncate(40),
    Fault::DropAfterCommit,
    Fault::ErrorIn200("InternalError"),
    Fault::WrongEcho,
    Fault::EXPIRED_TOKEN,
    Fault::SKEWED,
];

/// How a run meets a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Once, and it tries again.
    Patient,
    /// Once, and it tries nothing again.
    Impatient,
    /// From there on at every request.
    Broken,
}

/// A fault at a request.
#[derive(Debug)]
struct Case {
    way: Way,
    fault: Fault,
    index: u64,
}

fn timing(way: Way, fault: &Fault) -> Timing {
    let retry_for = match way {
        Way::Patient => Duration::from_secs(120),
        Way::Impatient => Duration::ZERO,
        Way::Broken => Duration::from_millis(20),
    };
    let attempt = if matches!(fault, Fault::Stall(_)) { Duration::from_secs(1) } else { Duration::from_secs(60) };
    let pause = Duration::from_millis(2);
    Timing { retry_for, begin: retry_for, attempt, least_rate: 1 << 30, complete: attempt, pause, ..Timing::default() }
}

/// A run that meets the fault, or none.
fn run(place: &Place) -> (Ended, Claims) {
    let claims = Claims::default();
    let sink = Noted { inner: place.sink(), claims: Arc::clone(&claims) };
    (execute(Arc::new(sink)), claims)
}

fn exists(place: &Place, name: &str) -> bool {
    place.double.object(BUCKET, &format!("run/{name}")).is_some()
}

/// Whether what the run says of itself, what it says of each object and what a verifier says of the bucket agree.
fn assert_agrees(place: &Place, ended: &Ended, claims: &Claims, case: &str) {
    assert_claims(place, claims, case);
    let report = report(&reader(place));
    let expected = match (ended.result.outcome, ended.result.safe_to_isolate) {
        ("refused", false) if exists(place, "000-begin.json") => Verdict::Incomplete,
        ("refused", false) => Verdict::CouldNotCheck,
        // The bucket may have obeyed the very last request, and nobody told the run.
        ("failed", false) if !exists(place, "999-end.json") => Verdict::Incomplete,
        ("failed", false) | ("complete" | "partial" | "failed", true) => Verdict::Verified,
        other => panic!("{case}: {other:?}"),
    };
    assert_eq!(report.verdict, expected, "{case}: {}\n{}", ended.result.line(), report.to_text());
    let whole = IMAGES.iter().all(|image| claims.lock().unwrap().keys().any(|key| key.as_str().contains(image)));
    assert!(ended.result.outcome != "complete" || (ended.result.code == 0 && whole), "{case}: {}", ended.result.line());
}

/// Whether the answer of this operation states a checksum, so that it can state a wrong one.
fn states_checksum(operation: &str) -> bool {
    matches!(operation, "PutObject" | "UploadPart" | "CompleteMultipartUpload")
}

/// One run with the fault; gives whether it could apply to the request that it was for.
fn check(case: &Case) -> bool {
    let name = format!("{case:?}");
    let place = place(PART, timing(case.way, &case.fault));
    let rule = match case.way {
        Way::Patient | Way::Impatient => Rule::at(case.index, case.fault.clone()),
        Way::Broken => Rule::from(case.index, case.fault.clone()),
    };
    let rule = place.double.inject(rule);
    let (ended, claims) = run(&place);
    place.double.clear_rules();
    let operation = place.double.journal()[usize::try_from(case.index).unwrap()].operation.clone();
    let applies = case.fault != Fault::WrongEcho || states_checksum(&operation);
    let times = place.double.times_fired(rule);
    assert!(if case.way == Way::Broken { times >= 1 } else { times == usize::from(applies) }, "{name}: {times}");
    assert_agrees(&place, &ended, &claims, &name);
    match case.way {
        // What is stored under another checksum stays what it is: nothing can be stored in its place.
        Way::Patient if case.fault == Fault::WrongEcho && operation != "UploadPart" => {}
        Way::Patient => assert_eq!(ended.result.outcome, "complete", "{name}: {}", ended.result.line()),
        Way::Impatient => {}
        Way::Broken => assert!(!ended.result.safe_to_isolate, "{name}: {}", ended.result.line()),
    }
    applies
}

/// The operations of a run that meets no fault.
fn operations() -> Vec<String> {
    let place = place(PART, timing(Way::Patient, &Fault::SLOW_DOWN));
    let (ended, claims) = run(&place);
    let requests = place.double.journal();
    assert_agrees(&place, &ended, &claims, "no fault");
    assert_eq!(ended.result.outcome, "complete", "{}", ended.result.line());
    requests.into_iter().map(|entry| entry.operation).collect()
}

#[test]
fn each_fault_at_each_request_leaves_no_lie() {
    let operations = operations();
    let count = |name: &str| operations.iter().filter(|operation| *operation == name).count();
    assert_eq!((count("CreateMultipartUpload"), count("UploadPart"), count("CompleteMultipartUpload")), (3, 12, 3));
    let requests = u64::try_from(operations.len()).unwrap();
    let at_each = |way, fault: &Fault| {
        (0..requests).map(move |index| (way, index)).map(|(way, index)| (way, fault.clone(), index)).collect::<Vec<_>>()
    };
    let cases: Vec<Case> = [Way::Patient, Way::Impatient, Way::Broken]
        .into_iter()
        .flat_map(|way| FAULTS.iter().flat_map(move |fault| at_each(way, fault)))
        .map(|(way, fault, index)| Case { way, fault, index })
        .collect();
    let (next, injected) = (AtomicUsize::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
                    injected.fetch_add(u64::from(check(case)), Ordering::SeqCst);
                }
            });
        }
    });
    // A wrong checksum cannot be told where none is: in the answers about the bucket's lock and to the begin of an upload.
    let without = operations.iter().filter(|operation| !states_checksum(operation)).count();
    assert_eq!(injected.into_inner(), u64::try_from(cases.len() - 3 * without).unwrap());
    println!("{} runs, {} requests each, {} faults", cases.len(), requests, FAULTS.len());
}
