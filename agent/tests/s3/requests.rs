//! What is sent, and what the receipt says of it.

use hozen_collector::model::Digest;
use hozen_collector::sink::EvidenceSink as _;
use hozen_tests::aws::cloud::KeyState;
use std::sync::Arc;
use std::time::Duration;

use hozen::s3::Timing;
use hozen_tests::aws::cloud::ACCOUNT;
use hozen_tests::s3::{Bucket, Options, assert_write_only};
use hozen_tests::serve::{Fault, Rule, most_at_once};
use sha2::{Digest as _, Sha256};

use super::segments;
use super::support::{BUCKET, PART, Place, mixed, store};

fn operations(place: &Place) -> Vec<String> {
    let mut operations: Vec<String> = place.double.journal().into_iter().map(|entry| entry.operation).collect();
    operations.retain(|operation| operation != "GetObjectLockConfiguration");
    operations
}

#[test]
fn a_small_object_is_one_request_and_its_receipt_names_the_version() {
    let place = Place::new();
    let held = store(&place.sink(), "a/b", b"content").unwrap();
    let version = place.double.object(BUCKET, "run/a/b").unwrap();
    assert_eq!(operations(&place), ["PutObject"]);
    assert_eq!((held.version_id.as_deref(), held.key.as_str()), (Some(version.id.as_str()), "run/a/b"));
    assert_eq!((held.checksum.kind.as_str(), held.checksum.parts, held.checksum.echoed), ("FULL_OBJECT", 1, true));
    assert_eq!((held.retries, held.ambiguous), (0, false));
    assert!(held.answer.date.is_some() && held.answer.request_id.is_some() && held.etag.is_some());
    assert_eq!(version.retention.unwrap().mode.name(), held.lock.unwrap().mode);
}

#[test]
fn parts_are_cut_at_exactly_the_part_size() {
    for (length, parts) in [(PART, 1_u64), (PART + 1, 2), (2 * PART, 2), (2 * PART + 17, 3)] {
        let (place, bytes) = (Place::new(), mixed(length));
        let held = store(&place.sink(), "image", &bytes).unwrap();
        assert_eq!(place.content("image").unwrap(), bytes);
        assert_eq!(held.checksum.parts, parts, "{length}");
        let version = place.double.object(BUCKET, "run/image").unwrap();
        if parts > 1 {
            let expected: Vec<[u8; 32]> = bytes.chunks(PART).map(|part| *Digest::of(part).as_bytes()).collect();
            assert_eq!(version.part_digests(), expected);
            let mut hasher = Sha256::new();
            expected.iter().for_each(|digest| hasher.update(digest));
            assert!(held.checksum.sha256.ends_with(&format!("-{parts}")) && held.checksum.kind == "COMPOSITE");
            assert!(version.retention.is_some(), "locked from its first moment");
        }
        assert!(place.double.uploads(BUCKET).is_empty());
    }
}

#[test]
fn a_write_only_role_is_enough_and_nothing_else_is_asked() {
    let place = Place::new();
    store(&place.sink(), "image", &mixed(PART + 9)).unwrap();
    let mut operations = operations(&place);
    operations.sort();
    assert_eq!(operations, ["CompleteMultipartUpload", "CreateMultipartUpload", "UploadPart", "UploadPart"]);
}

#[test]
fn every_request_of_a_whole_run_has_what_keeps_the_evidence_whole() {
    let place = segments::place(320 << 10, Timing::default());
    let ended = segments::execute(Arc::new(place.sink()));
    assert!(ended.result.safe_to_isolate, "{:?}", ended.result);
    let counts = assert_write_only(&place.double.journal(), ACCOUNT);
    let of = |operation: &str| counts.get(operation).copied().unwrap_or_default();
    assert!(of("CreateMultipartUpload") == 3 && of("CompleteMultipartUpload") == 3 && of("UploadPart") > 6, "{counts:?}");
    assert!(of("PutObject") > 3 && of("GetObjectLockConfiguration") == 1, "{counts:?}");
}

#[test]
fn as_many_parts_are_on_their_way_as_may_be_and_never_more() {
    const SMALL: usize = 64 << 10;
    for parallel in [1, 2, 5] {
        let mut place = segments::place(SMALL, Timing::default());
        place.options.parallel = parallel;
        place.double.inject(Rule::on("UploadPart", Fault::Late(Some(Duration::from_millis(100)))).always());
        let held = store(&place.sink(), "image", &mixed(12 * SMALL)).unwrap();
        assert_eq!((held.checksum.parts, most_at_once(&place.double.journal(), "UploadPart")), (12, parallel));
    }
}

#[test]
fn objects_are_encrypted_with_the_key_that_was_named() {
    let mut place = Place::new();
    let arn = place.cloud.set_kms_key("1234abcd-12ab-34cd-56ef-1234567890ab", KeyState::Enabled);
    place.options.kms_key = Some(arn.clone());
    for length in [9, PART + 9] {
        let held = store(&place.sink(), &format!("o{length}"), &mixed(length)).unwrap();
        let sse = held.sse.unwrap();
        assert_eq!((sse.algorithm.as_str(), sse.key.as_deref()), ("aws:kms", Some(arn.as_str())));
    }
}

#[test]
fn the_record_says_what_was_decided() {
    let place = Place::with(Options::default(), Bucket::new(BUCKET).locked(None));
    let sink = place.sink();
    let described = sink.describe();
    assert_eq!((&described["kind"], &described["bucket"], &described["prefix"]), (&"s3".into(), &BUCKET.into(), &"run".into()));
    assert_eq!(described["retention"]["mode"], "COMPLIANCE");
    assert_eq!(described["bucket_lock"]["enabled"], true);
    assert!(!format!("{described:?} {sink:?} {sink:#?}").contains(&place.key.1));
}
