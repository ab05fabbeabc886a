//! A sink that has no credentials and goes by a list that somebody else has signed.

use std::sync::Arc;
use std::time::Duration;

use hozen::custody::{self, Journal};
use hozen_collector::host::Clock;
use hozen_collector::model::Digest;
use hozen_collector::model::record::custody_key;
use hozen_collector::sink::{Cause, EvidenceSink as _};
use hozen_tests::aws::cloud::KeyState;
use hozen_tests::s3::{Kind, Replay};
use hozen_tests::serve::{Fault, Rule};

use super::support::{BUCKET, PART, Place, mixed, store};

const SMALL: &str = "data/system/clocks.jsonl.zst";
const LARGE: &str = "data/raw/shm.tar.zst";

fn refusal(result: Result<hozen_collector::model::Held, hozen_collector::sink::SinkError>) -> String {
    match result.unwrap_err().cause {
        Cause::Refused(text) | Cause::Reserved(text) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn objects_of_one_part_and_of_several_are_locked_and_nobody_claims_a_checksum_of_the_bucket() {
    let mut place = Place::new();
    let arn = place.cloud.set_kms_key("1234abcd-12ab-34cd-56ef-1234567890ab", KeyState::Enabled);
    place.options.kms_key = Some(arn.clone());
    let (_, sink) = place.presigned();
    for (key, length, parts) in [(SMALL, 9, 1), (LARGE, 2 * PART + 17, 3)] {
        let held = store(&sink, key, &mixed(length)).unwrap();
        assert_eq!(place.content(key).unwrap(), mixed(length));
        let version = place.double.object(BUCKET, &format!("run/{key}")).unwrap();
        assert_eq!((held.checksum.kind.as_str(), held.checksum.sha256.as_str(), held.checksum.echoed), ("NONE", "", false));
        assert_eq!((held.checksum.parts, version.parts.len()), (parts, usize::try_from(parts).unwrap()));
        assert_eq!(version.checksum.unwrap().kind, Kind::FullObject, "the bucket's own");
        assert_eq!(version.retention.unwrap().mode.name(), held.lock.unwrap().mode);
        assert_eq!(held.sse.unwrap().key, Some(arn.clone()));
        assert_eq!(held.version_id, Some(version.id));
    }
}

#[test]
fn what_passes_is_sent_again_and_a_flipped_bit_is_noticed() {
    let faults = [Fault::SLOW_DOWN, Fault::ResetAfter(0), Fault::Truncate(40), Fault::DropAfterCommit, Fault::FlipBit];
    for (operation, fault) in ["PutObject", "UploadPart", "CompleteMultipartUpload"]
        .into_iter()
        .flat_map(|operation| faults.clone().map(|fault| (operation, fault)))
        .filter(|(operation, fault)| *operation != "CompleteMultipartUpload" || *fault != Fault::FlipBit)
    {
        let place = Place::new();
        let (_, sink) = place.presigned();
        let first = store(&sink, "000-begin.json", b"{}");
        let rule = place.double.inject(Rule::on(operation, fault.clone()));
        let (small, large) = (store(&sink, SMALL, b"small"), store(&sink, LARGE, &mixed(PART + 5)));
        assert_eq!(place.double.times_fired(rule), 1, "{operation} {fault:?}");
        for (result, key) in [(first, "000-begin.json"), (small, SMALL), (large, LARGE)] {
            let held = result.unwrap_or_else(|error| panic!("{operation} {fault:?}: {error}"));
            assert_eq!(held.version_id.is_none(), held.ambiguous, "{operation} {fault:?}");
            assert_eq!(place.double.bucket(BUCKET).unwrap().versions[&format!("run/{key}")].len(), 1, "one version only");
        }
        assert_eq!(place.content(LARGE).unwrap(), mixed(PART + 5), "{operation} {fault:?}");
    }
}

#[test]
fn a_lost_answer_to_what_completed_an_object_is_ambiguous_whatever_the_bucket_says_then() {
    for replay in [Replay::NoSuchUpload, Replay::PreconditionFailed, Replay::SameVersion] {
        let options = hozen_tests::s3::Options { replay, ..hozen_tests::s3::Options::default() };
        let place = Place::with(options, hozen_tests::s3::Bucket::new(BUCKET).locked(None));
        let (_, sink) = place.presigned();
        store(&sink, "000-begin.json", b"{}").unwrap();
        place.double.inject(Rule::on("CompleteMultipartUpload", Fault::DropAfterCommit));
        let held = store(&sink, LARGE, &mixed(PART + 5)).unwrap();
        assert_eq!(held.ambiguous, !matches!(replay, Replay::SameVersion), "{replay:?}");
        assert_eq!(place.content(LARGE).unwrap(), mixed(PART + 5));
    }
}

#[test]
fn a_list_ends_when_it_expires_and_when_the_session_does() {
    let place = Place::new();
    let (_, sink) = place.presigned();
    store(&sink, "000-begin.json", b"{}").unwrap();
    place.cloud.shift_clock(3601);
    for (key, bytes) in [(SMALL, b"x".to_vec()), (LARGE, mixed(PART + 1))] {
        let text = refusal(store(&sink, key, &bytes));
        assert!(text.contains("Request has expired") && text.contains("make a new one with hozen presign"), "{text}");
    }
    place.cloud.shift_clock(0);
    place.cloud.remove_key(&place.key.0);
    let text = refusal(store(&sink, SMALL, b"x"));
    assert!(text.contains("InvalidAccessKeyId"), "{text}");
}

#[test]
fn only_what_was_signed_can_be_stored_and_no_more_of_it() {
    let place = Place::new();
    let (_, sink) = place.presigned();
    let text = refusal(store(&sink, "data/system/other.jsonl.zst", b"x"));
    assert!(text.contains("no place for it"), "{text}");
    // All of a refused piece or nothing is part of the object, so that what came before can be kept.
    let mut object = sink.create(&LARGE.parse().unwrap()).unwrap();
    let (whole, more) = (mixed(3 * PART - 10), mixed(11));
    object.part(&whole).unwrap();
    let error = object.part(&more).unwrap_err();
    assert!(error.to_string().contains("room for 3 parts"), "{error}");
    object.finish(whole.len() as u64, &Digest::of(&whole)).unwrap();
    assert_eq!(place.content(LARGE).unwrap(), whole);
    let text = match store(&sink, LARGE, b"again").unwrap_err().cause {
        Cause::Exists => "exists",
        _ => "?",
    };
    assert_eq!(text, "exists");
    // What begins and ends a run is one request.
    let error = store(&sink, "999-end.json", &mixed(PART + 1)).unwrap_err();
    assert!(error.to_string().contains("room for 1 parts"), "{error}");
    // A custody object is kept back until the run's end.
    let (list, sink) = Place::new().presigned();
    let last = list.objects.keys().rfind(|key| key.as_str().starts_with("custody/")).unwrap();
    assert!(refusal(store(&sink, last.as_str(), b"x")).contains("kept for the end"));
    sink.prepare_to_seal();
    assert!(sink.create(last).is_ok());
}

/// With a list that has few custody objects left, the journal waits until the run's end, and is then larger than one request may be.
#[test]
fn a_journal_that_waited_for_the_seal_is_cut_to_what_the_list_takes() {
    let place = Place::new();
    let is_left = |key: &str| !key.starts_with("custody/") || *key <= *custody_key(4).as_str();
    let (list, sink) = place.presigned_but(|list| list.objects.retain(|key, _| is_left(key.as_str())));
    let (sink, clock) = (Arc::new(sink), Clock::start());
    let begin = custody::store(&*sink, clock, &"000-begin.json".parse().unwrap(), b"{}").unwrap();
    let mut journal = Journal::new(Arc::clone(&sink) as _, clock, list.run, list.case.clone(), begin);
    for _ in 0..120 {
        journal.append("gap", "a test", &"x".repeat(100_000));
    }
    let error = journal.flush().unwrap_err();
    assert!(error.to_string().contains("kept for the end"), "{error}");
    sink.prepare_to_seal();
    journal.flush().unwrap();
    let objects: Vec<Vec<u8>> = (1..=3).map(|number| place.content(custody_key(number).as_str()).unwrap()).collect();
    assert!(place.content(custody_key(4).as_str()).is_none() && journal.receipts().len() == 4);
    assert!(objects.iter().all(|object| object.len() <= PART && object.ends_with(b"\n")));
    let text = objects.concat();
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let last = format!("sha256:{}", Digest::of(lines.last().unwrap()));
    // The sink's note of the bucket's clock is one more.
    assert_eq!((lines.len() as u64, journal.head().head), (journal.head().seq, last));
    assert!(lines.len() > 120, "{}", lines.len());
}

#[test]
fn bodies_keep_the_pace_and_a_try_has_time_for_it() {
    let mut place = Place::new();
    place.options.max_bandwidth = Some(16 << 20);
    // Without more time for what is sent slowly on purpose no try would succeed.
    place.timing.attempt = Duration::from_millis(50);
    place.timing.least_rate = 1 << 40;
    let sink = place.sink();
    assert_eq!(sink.describe()["max_bandwidth"], 16 << 20);
    let (began, bytes) = (std::time::Instant::now(), mixed(2 * PART));
    let held = store(&sink, "image", &bytes).unwrap();
    // A pace is kept by waiting, and no wait is shorter than it was to be: this can never be too early by chance.
    assert!(began.elapsed() >= Duration::from_millis(600), "{:?}", began.elapsed());
    assert_eq!((place.content("image").unwrap(), held.checksum.echoed), (bytes, true));
}
