//! Destinations that are refused at the begin, each with what to do.

use std::time::{Duration, Instant};

use hozen::s3::options::Retention;
use hozen_collector::sink::{Cause, EvidenceSink as _};
use hozen_tests::aws::access::{Key, WRITE_ONLY};
use hozen_tests::aws::cloud::KeyState;
use hozen_tests::s3::{Bucket, DefaultRetention, Mode, Options};

use super::support::{BUCKET, Place, store};

/// What is said to the first object that is stored.
fn refusal(place: &Place) -> String {
    let begun = Instant::now();
    let error = match place.open("run") {
        Ok(sink) => match store(&sink, "000-begin.json", b"{}").unwrap_err().cause {
            Cause::Refused(text) | Cause::Unreachable(text) => text,
            other => panic!("{other:?}"),
        },
        Err(text) => text,
    };
    assert!(begun.elapsed() < Duration::from_secs(20), "a refusal must not take this long: {error}");
    error
}

fn expect(place: &Place, words: &[&str]) {
    let text = refusal(place);
    assert!(words.iter().all(|word| text.contains(word)), "{words:?}: {text}");
    assert!(!text.contains(&place.key.1));
}

#[test]
fn a_bucket_that_is_not_there_or_is_not_ours() {
    let place = Place::with(Options::default(), Bucket::new("another"));
    expect(&place, &["NoSuchBucket", "--to"]);
    let place = Place::with(Options::default(), Bucket::new(BUCKET).locked(None).owned_by("999999999999"));
    expect(&place, &["AccessDenied", "--bucket-owner"]);
    let place = Place::with(
        Options { region: "us-west-2".to_owned(), ..Options::default() },
        Bucket::new(BUCKET).locked(None).in_region("us-west-2"),
    );
    expect(&place, &["--region"]);
}

#[test]
fn a_bucket_that_locks_nothing() {
    let mut place = Place::with(Options::default(), Bucket::new(BUCKET).versioned());
    expect(&place, &["--allow-unlocked"]);
    place.options.retention = Retention::BucketDefault;
    expect(&place, &["no Object Lock", "--allow-unlocked"]);
    place.options.allow_unlocked = true;
    store(&place.sink(), "key", b"").unwrap();
    let mut place = Place::new();
    place.options.retention = Retention::BucketDefault;
    expect(&place, &["no default retention"]);
    let bucket = Bucket::new(BUCKET).locked(Some(DefaultRetention { mode: Mode::Governance, days: 3 }));
    let mut place = Place::with(Options::default(), bucket);
    place.options.retention = Retention::BucketDefault;
    let held = store(&place.sink(), "key", b"").unwrap();
    assert_eq!(held.lock, None);
    assert!(place.double.object(BUCKET, "run/key").unwrap().retention.is_some());
}

#[test]
fn a_writer_that_may_not_or_is_nobody() {
    let place = Place::new();
    place.cloud.add_key(Key::new(&place.key.0, &place.key.1, WRITE_ONLY).without("s3:PutObject"));
    expect(&place, &["AccessDenied", "s3:PutObject"]);
    let mut place = Place::new();
    place.key.1 = "another-secret".to_owned();
    expect(&place, &["SignatureDoesNotMatch", "three parts"]);
    place.key.0 = "AKIANOBODY".to_owned();
    expect(&place, &["InvalidAccessKeyId"]);
}

#[test]
fn a_key_that_cannot_be_used() {
    let mut place = Place::new();
    place.options.kms_key = Some(place.cloud.set_kms_key("1234abcd-12ab-34cd-56ef-1234567890ab", KeyState::Disabled));
    expect(&place, &["--kms-key"]);
}

#[test]
fn a_host_whose_clock_is_wrong_is_collected_by_the_buckets_clock() {
    for seconds in [3600, -7200, 400 * 86_400] {
        let place = Place::new();
        place.cloud.shift_clock(seconds);
        let sink = place.open("run").unwrap();
        assert_eq!(sink.describe()["bucket_lock"]["enabled"], true);
        let held = store(&sink, "000-begin.json", b"{}").unwrap();
        let offset = sink.describe()["clock_offset_s"].as_i64().unwrap();
        assert!((offset - seconds).abs() < 60, "{offset}");
        let version = place.double.object(BUCKET, "run/000-begin.json").unwrap();
        assert_eq!(version.retention.unwrap().until.to_string(), held.lock.unwrap().until.to_string().replace(".000000000", ""));
        assert!(sink.take_notes().iter().any(|(event, data)| *event == "clock" && data["offset_s"] == offset));
    }
}

#[test]
fn nobody_there() {
    let mut place = Place::new();
    place.timing.begin = Duration::from_millis(300);
    place.double.set_outage(Some(hozen_tests::serve::Outage::Refuse));
    expect(&place, &["given up"]);
}
