//! What goes wrong on the way.

use std::sync::Arc;
use std::time::Duration;

use hozen::custody::{self, Journal};
use hozen_collector::host::Clock;
use hozen_collector::model::{Digest, RunId};
use hozen_collector::sink::{Cause, EvidenceSink as _};
use hozen_tests::s3::{Bucket, Options, Replay};
use hozen_tests::serve::{Fault, Rule};

use super::support::{BUCKET, PART, Place, mixed, store};

const WRITES: [&str; 4] = ["PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"];

/// Stores a small and a large object with `fault` at one request for each operation, and gives how often it was sent again.
fn with_fault(operation: &str, fault: Fault) -> (Place, u64) {
    let mut place = Place::new();
    // A first answer, so that this is no begin; and tries that end, for those that are never answered.
    place.timing.attempt = Duration::from_secs(2);
    place.timing.complete = Duration::from_secs(2);
    place.timing.least_rate = 1 << 30;
    let sink = place.sink();
    store(&sink, "first", b"").unwrap();
    let rule = place.double.inject(Rule::on(operation, fault.clone()));
    let (small, large) = (store(&sink, "small", b"small"), store(&sink, "large", &mixed(PART + 5)));
    assert_eq!(place.double.times_fired(rule), 1, "{operation} {fault:?}");
    let (small, large) = (small.unwrap(), large.unwrap());
    assert_eq!(place.content("small").unwrap(), b"small");
    assert_eq!(place.content("large").unwrap(), mixed(PART + 5));
    let again = small.retries + large.retries;
    for (held, key) in [(small, "run/small"), (large, "run/large")] {
        let version = place.double.object(BUCKET, key).unwrap();
        assert_eq!(held.version_id.is_none(), held.ambiguous, "{operation} {fault:?}");
        assert!(held.version_id.is_none_or(|id| id == version.id));
        assert_eq!(place.double.bucket(BUCKET).unwrap().versions[key].len(), 1, "one version only");
    }
    assert!(sink.take_notes().iter().any(|(event, _)| *event == "outage"), "{operation} {fault:?}");
    (place, again)
}

#[test]
fn what_passes_is_sent_again() {
    for operation in WRITES {
        for fault in [
            Fault::SLOW_DOWN,
            Fault::INTERNAL_ERROR,
            Fault::CONFLICT,
            Fault::ResetAfter(0),
            Fault::Truncate(40),
            Fault::DropAfterCommit,
        ] {
            assert!(with_fault(operation, fault).1 >= 1, "{operation}");
        }
    }
}

#[test]
fn a_bucket_that_reads_nothing_for_some_seconds_is_waited_for() {
    let mut place = Place::new();
    // A body that leaves in pieces, and more of them than the kernels on the way have room for: only of such the SDK knows that they
    // stand still. Left to itself it gives them up after five seconds.
    (place.options.part, place.options.max_bandwidth) = (64 << 20, Some(1 << 40));
    let sink = place.sink();
    store(&sink, "first", b"").unwrap();
    let rule = place.double.inject(Rule::on("PutObject", Fault::Stall(Some(Duration::from_secs(9)))));
    let held = store(&sink, "large", &mixed(40 << 20)).unwrap();
    assert_eq!((place.double.times_fired(rule), held.retries, held.ambiguous), (1, 0, false));
}

#[test]
fn an_answer_that_never_comes_ends_the_try() {
    for operation in WRITES {
        assert!(with_fault(operation, Fault::Stall(None)).1 >= 1, "{operation}");
    }
}

#[test]
fn a_body_that_changed_on_its_way_is_refused_and_sent_again() {
    for operation in ["PutObject", "UploadPart"] {
        assert_eq!(with_fault(operation, Fault::FlipBit).1, 1);
    }
    assert_eq!(with_fault("UploadPart", Fault::WrongEcho).1, 1);
}

#[test]
fn an_error_behind_status_200_is_an_error() {
    assert_eq!(with_fault("CompleteMultipartUpload", Fault::ErrorIn200("InternalError")).1, 1);
}

#[test]
fn a_lost_answer_is_resolved_or_said_to_be_lost() {
    for (replay, ambiguous) in [(Replay::SameVersion, false), (Replay::PreconditionFailed, true), (Replay::NoSuchUpload, true)] {
        let place = Place::with(Options { replay, ..Options::default() }, Bucket::new(BUCKET).locked(None));
        let rule = place.double.inject(Rule::on("CompleteMultipartUpload", Fault::DropAfterCommit));
        let held = store(&place.sink(), "large", &mixed(PART + 5)).unwrap();
        assert_eq!((place.double.times_fired(rule), held.ambiguous), (1, ambiguous), "{replay:?}");
    }
    let place = Place::new();
    place.double.inject(Rule::on("PutObject", Fault::DropAfterCommit));
    let held = store(&place.sink(), "small", b"small").unwrap();
    assert_eq!((held.ambiguous, held.version_id), (true, None));
}

#[test]
fn a_key_that_was_taken_by_somebody_else_is_never_ours() {
    let place = Place::new();
    store(&place.sink(), "key", b"theirs").unwrap();
    place.double.inject(Rule::on("PutObject", Fault::SLOW_DOWN));
    let error = store(&place.sink(), "key", b"ours").unwrap_err();
    assert_eq!((error.cause, place.content("key").unwrap()), (Cause::Exists, b"theirs".to_vec()));
}

#[test]
fn another_echo_of_a_whole_object_is_no_receipt() {
    for (operation, length) in [("PutObject", 5), ("CompleteMultipartUpload", PART + 5)] {
        let place = Place::new();
        let rule = place.double.inject(Rule::on(operation, Fault::WrongEcho));
        let error = store(&place.sink(), "key", &mixed(length)).unwrap_err();
        assert_eq!((place.double.times_fired(rule), error.cause), (1, Cause::Mismatch));
    }
}

#[test]
fn a_journal_goes_on_behind_an_object_that_was_stored_although_its_request_was_given_up() {
    for fault in [Fault::DropAfterCommit, Fault::WrongEcho] {
        let mut place = Place::new();
        place.timing.retry_for = Duration::ZERO;
        let (sink, clock) = (Arc::new(place.sink()), Clock::start());
        let begin = custody::store(&*sink, clock, &"000-begin.json".parse().unwrap(), b"{}").unwrap();
        let (run, case) = (RunId::new(clock.now(), 7), "IR-1".parse().unwrap());
        let mut journal = Journal::new(Arc::clone(&sink) as _, clock, run, case, begin);
        let rule = place.double.inject(Rule::on("PutObject", fault.clone()));
        journal.append("gap", "a test", &1);
        let first = journal.flush();
        // Another checksum is asked about at once.
        assert_eq!((place.double.times_fired(rule), first.is_ok()), (1, fault == Fault::WrongEcho), "{fault:?}");
        journal.append("gap", "a test", &2);
        journal.flush().unwrap();
        let receipts = journal.receipts();
        let ambiguous: Vec<bool> = receipts.iter().map(|receipt| receipt.sink.as_ref().unwrap().ambiguous).collect();
        assert_eq!(ambiguous, [false, true, false], "{fault:?}");
        for receipt in &receipts[1..] {
            let stored = place.content(receipt.key.as_str()).unwrap();
            assert_eq!((Digest::of(&stored), stored.ends_with(b"\n")), (receipt.sha256, true), "{fault:?}: {}", receipt.key);
        }
    }
}

#[test]
fn other_bytes_than_those_that_may_be_there_are_never_ours() {
    let mut place = Place::new();
    place.timing.retry_for = Duration::ZERO;
    let sink = place.sink();
    store(&sink, "first", b"").unwrap();
    place.double.inject(Rule::on("PutObject", Fault::DropAfterCommit).times(2));
    store(&sink, "key", b"bytes").unwrap_err();
    // Its answer is lost, too.
    store(&sink, "key", b"others").unwrap_err();
    assert_eq!(store(&sink, "key", b"others").unwrap_err().cause, Cause::Exists);
    assert!(store(&sink, "key", b"bytes").unwrap().ambiguous);
    assert_eq!(place.content("key").unwrap(), b"bytes");
}

#[test]
fn a_part_that_is_refused_for_good_ends_its_object_and_no_other() {
    let place = Place::new();
    let sink = place.sink();
    place.double.inject(Rule::on("UploadPart", Fault::Refuse(403, "AccessDenied")).after(1));
    let error = store(&sink, "large", &mixed(6 * PART)).unwrap_err();
    assert!(matches!(&error.cause, Cause::Refused(text) if text.contains("s3:PutObject")), "{error}");
    assert_eq!(place.content("large"), None);
    store(&sink, "next", &mixed(PART + 1)).unwrap();
}

#[test]
fn what_was_taken_before_an_upload_that_cannot_begin_is_stored_without_the_rest() {
    let place = Place::new();
    let sink = place.sink();
    let (good, bytes) = (3 << 20, mixed(2 * PART));
    let rule = place.double.inject(Rule::on("CreateMultipartUpload", Fault::Refuse(403, "AccessDenied")));
    let mut object = sink.create(&"key".parse().unwrap()).unwrap();
    object.part(&bytes[..good]).unwrap();
    // It lies across the end of a part, so that some of it has been taken when the upload is to begin.
    object.part(&bytes[good..]).unwrap_err();
    let held = object.finish(good as u64, &Digest::of(&bytes[..good])).unwrap().unwrap();
    assert_eq!((place.double.times_fired(rule), held.checksum.parts), (1, 1));
    assert_eq!(place.content("key").unwrap(), &bytes[..good]);
}

#[test]
fn an_object_of_more_parts_than_there_may_be_ends_before_them() {
    let mut place = Place::with(Options { least_part: 1, ..Options::default() }, Bucket::new(BUCKET).locked(None));
    place.options.part = 2;
    let sink = place.sink();
    let mut object = sink.create(&"key".parse().unwrap()).unwrap();
    object.part(b"abc").unwrap();
    assert_eq!(object.part(&vec![0; 20_000]).unwrap_err().cause, Cause::Full);
    object.part(b"de").unwrap();
    object.finish(5, &Digest::of(b"abcde")).unwrap();
    assert_eq!(place.content("key").unwrap(), b"abcde");
}

#[test]
fn an_outage_that_ends_loses_nothing_and_is_counted() {
    let place = Place::new();
    let sink = place.sink();
    store(&sink, "first", b"").unwrap();
    let rule = place.double.inject(Rule::next(Fault::ResetAfter(0)).times(25));
    let held = store(&sink, "large", &mixed(3 * PART)).unwrap();
    assert_eq!(place.double.times_fired(rule), 25);
    assert!(held.retries > 0 && sink.stalled_ns() > 0);
    let notes = sink.take_notes();
    let failures: u64 = notes.iter().filter_map(|(_, data)| data.get("failures")?.as_u64()).sum();
    assert_eq!(failures, 25, "{notes:?}");
}
