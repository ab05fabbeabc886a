//! One image over three segments: each is complete and locked before the next begins and has its version in its receipt; a verifier misses
//! one from the middle, and nothing follows one that was refused.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hozen::run::Ended;
use hozen::s3::Timing;
use hozen::verify::Verdict;
use hozen_collector::host::Host;
use hozen_collector::model::{Artefact, Gap, Outcome};
use hozen_collector::source::{Evidence, Source, Stop};
use hozen_tests::s3::Version;
use hozen_tests::serve::{Entry, Fault, Rule};
use serde_json::Value;

use super::segments::{self, CONTENT, SEGMENTS, is_locked, place, readable, reader, report};
use super::support::{BUCKET, Place};

/// Four parts of each segment.
const PART: usize = 320 << 10;
/// The image.
const IMAGE: &str = "kcore";
/// Its segments, all of them full.
const COUNT: usize = 3;

/// Writes one image, in pieces that end nowhere near a segment.
struct Whole;

impl Source for Whole {
    fn artefact(&self) -> Artefact {
        segments::artefact()
    }

    fn acquire(&self, _: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        segments::begin(IMAGE, evidence)?;
        let mut pieces = SEGMENTS.concat();
        while !pieces.is_empty() {
            let rest = pieces.split_off(pieces.len().min(300_007));
            match evidence.image_write(&pieces) {
                Err(Stop::Sink) => {
                    evidence.gap(Gap::whole(IMAGE.as_bytes(), "the destination did not take it"));
                    return Ok(Outcome::ok());
                }
                other => other?,
            }
            pieces = rest;
        }
        evidence.image_end()?;
        Ok(Outcome::ok())
    }
}

fn collect(place: &Place) -> Ended {
    segments::execute_by(Arc::new(place.sink()), Whole, |settings| settings.segment = CONTENT as u64)
}

/// The name of a segment within the run.
fn name(number: usize) -> String {
    format!("data/memory/{IMAGE}/{number:06}.lime.zst")
}

/// All that was asked about a segment, in the order in which it came.
fn about(journal: &[Entry], number: usize) -> Vec<&Entry> {
    let path = format!("/{BUCKET}/run/{}", name(number));
    journal.iter().filter(|entry| entry.head.path == path).collect()
}

fn segment(place: &Place, number: usize) -> Version {
    place.double.object(BUCKET, &format!("run/{}", name(number))).unwrap()
}

/// The receipts of the segments, as the manifest has them.
fn receipts(place: &Place) -> Vec<Value> {
    let envelope: Value = serde_json::from_slice(&place.content("900-manifest.json").unwrap()).unwrap();
    let statement = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
    let statement: Value = serde_json::from_slice(&statement).unwrap();
    let objects = statement["predicate"]["objects"].as_array().unwrap().iter();
    objects.filter(|object| object["key"].as_str().unwrap().starts_with("data/memory/kcore/")).cloned().collect()
}

#[test]
fn each_segment_is_complete_and_locked_before_the_next_begins() {
    let place = place(PART, Timing::default());
    let ended = collect(&place);
    assert_eq!(ended.result.outcome, "complete", "{}", ended.result.line());
    let journal = place.double.journal();
    for number in 0..COUNT {
        let requests = about(&journal, number);
        let operations: Vec<&str> = requests.iter().map(|entry| entry.operation.as_str()).collect();
        assert_eq!((operations.first(), operations.last()), (Some(&"CreateMultipartUpload"), Some(&"CompleteMultipartUpload")));
        assert_eq!(operations.iter().filter(|operation| **operation == "UploadPart").count(), 4, "{operations:?}");
        let complete = requests.last().unwrap();
        assert_eq!(complete.status, Some(200));
        if let Some(next) = about(&journal, number + 1).first() {
            // Nothing about the next one had come in when this one was there, under its lock.
            assert!(next.index >= complete.answered.unwrap(), "segment {number}: {next:#?}");
        }
        assert!(is_locked(&segment(&place, number)), "segment {number}");
    }
    assert!(about(&journal, COUNT).is_empty());
}

#[test]
fn the_segments_are_the_image_and_each_receipt_names_its_version() {
    let place = place(PART, Timing::default());
    collect(&place);
    let receipts = receipts(&place);
    assert_eq!(receipts.len(), COUNT);
    let mut stored = Vec::new();
    for (number, receipt) in receipts.iter().enumerate() {
        let version = segment(&place, number);
        assert_eq!((&receipt["key"], &receipt["sink"]["version_id"]), (&name(number).into(), &version.id.as_str().into()));
        assert_eq!((&receipt["content"]["size"], &receipt["sink"]["checksum"]["parts"]), (&CONTENT.into(), &4.into()));
        assert_eq!(receipt["sink"]["lock"]["mode"], "COMPLIANCE");
        stored.extend(version.content().unwrap());
    }
    assert!(readable(&stored) == SEGMENTS.concat(), "one stream, cut anywhere");
    let report = report(&reader(&place));
    assert_eq!(report.verdict, Verdict::Verified, "{}", report.to_text());
}

#[test]
fn a_segment_that_is_missing_from_the_middle_or_exchanged_is_found() {
    let place = place(PART, Timing::default());
    collect(&place);
    let key = |number| format!("run/{}", name(number));
    let before = place.double.bucket(BUCKET).unwrap();
    place.double.change(BUCKET, |bucket| drop(bucket.versions.remove(&key(1)).unwrap()));
    let missing = report(&reader(&place));
    assert_eq!(missing.verdict, Verdict::Failed, "{}", missing.to_text());
    assert!(missing.findings.iter().any(|finding| finding.object == name(1)), "{:#?}", missing.findings);
    // As many objects as there were, and each of them whole.
    let [first, last] = [0, 2].map(|number| before.versions[&key(number)].clone());
    place.double.add_bucket(before);
    place.double.change(BUCKET, |bucket| drop((bucket.versions.insert(key(0), last), bucket.versions.insert(key(2), first))));
    let exchanged = report(&reader(&place));
    assert_eq!(exchanged.verdict, Verdict::Failed, "{}", exchanged.to_text());
}

#[test]
fn nothing_follows_a_segment_that_was_refused() {
    let place = place(PART, Timing::default());
    let rule = place.double.inject(Rule::on("CompleteMultipartUpload", Fault::Refuse(403, "AccessDenied")).after(1));
    let ended = collect(&place);
    assert_eq!((place.double.times_fired(rule), ended.result.safe_to_isolate), (1, true), "{}", ended.result.line());
    assert_ne!(ended.result.outcome, "complete", "{}", ended.result.line());
    assert_eq!((about(&place.double.journal(), 2).len(), receipts(&place).len()), (0, 1));
    let report = report(&reader(&place));
    assert_eq!(report.verdict, Verdict::Verified, "{}", report.to_text());
    assert!(report.lost.iter().any(|lost| lost.object == name(1) && lost.from == 0), "{:#?}", report.lost);
}
