//! A quarter of an hour without a bucket, in the middle of a run, at three hundred times the speed: what waits is shortened by as much as
//! the outage. That the usual waiting is long enough by the minute is a test of `retry.rs`, and by the clock one of `hozen-tests`.

use std::sync::Arc;
use std::time::Duration;

use hozen::s3::Timing;
use hozen::verify::Verdict;
use hozen_tests::serve::{Fault, Outage, Rule};
use serde_json::Value;

use super::segments::{Claims, IMAGES, Noted, assert_claims, execute, place, reader, report};
use super::support::Place;

/// Four parts of each segment.
const PART: usize = 320 << 10;
const FASTER: u32 = 300;
const OUTAGE: Duration = Duration::from_secs(15 * 60);

/// What is usual, faster. One try may take as long as ever: this machine is no faster.
fn timing() -> Timing {
    let usual = Timing::default();
    Timing { retry_for: usual.retry_for / FASTER, pause: usual.pause / FASTER, ..usual }
}

/// Lets nobody answer for so long, once the second segment is half sent.
fn interrupt(place: &Place, how: Outage) {
    while place.double.journal().iter().filter(|entry| entry.operation == "UploadPart").count() < 6 {
        std::thread::sleep(Duration::from_millis(1));
    }
    place.double.set_outage(Some(how));
    std::thread::sleep(OUTAGE / FASTER);
    place.double.set_outage(None);
}

/// What the journal of the run says of outages.
fn outages(place: &Place) -> Vec<Value> {
    let files =
        place.double.keys(super::support::BUCKET).into_iter().filter_map(|key| key.strip_prefix("run/").map(str::to_owned));
    let lines: Vec<u8> = files.filter(|key| key.starts_with("custody/")).flat_map(|key| place.content(&key).unwrap()).collect();
    let events = serde_json::Deserializer::from_slice(&lines).into_iter::<Value>().map(Result::unwrap);
    events.filter(|event| event["event"] == "outage").collect()
}

#[test]
fn a_quarter_of_an_hour_in_the_middle_of_a_part_loses_nothing() {
    for how in [Outage::Refuse, Outage::Reset] {
        let (place, claims) = (place(PART, timing()), Claims::default());
        // So slow that the outage meets parts that are on their way.
        place.double.inject(Rule::on("UploadPart", Fault::Late(Some(Duration::from_millis(40)))).always());
        let sink = Arc::new(Noted { inner: place.sink(), claims: Arc::clone(&claims) });
        let ended = std::thread::scope(|scope| {
            scope.spawn(|| interrupt(&place, how));
            execute(sink)
        });
        assert_eq!((ended.result.outcome, ended.result.code), ("complete", 0), "{how:?}: {}", ended.result.line());
        assert_claims(&place, &claims, "after the outage");
        let claims = claims.lock().unwrap();
        assert!(IMAGES.iter().all(|image| claims.keys().any(|key| key.as_str().contains(image))), "{how:?}");
        // What was tried again is told, object by object and as a whole.
        assert!(claims.values().any(|(_, held)| held.retries >= 5), "{how:?}");
        let failures = outages(&place).iter().filter_map(|event| event["data"]["failures"].as_u64()).sum::<u64>();
        assert!(failures >= 5, "{how:?}: {failures}");
        let report = report(&reader(&place));
        assert_eq!(report.verdict, Verdict::Verified, "{how:?}: {}", report.to_text());
    }
}
