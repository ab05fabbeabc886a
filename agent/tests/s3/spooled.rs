//! A bucket that is lost in the middle of a run: what it has stays what it is, and the rest goes on in the spool.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hozen::cli::CollectArgs;
use hozen::config::Config;
use hozen::run::{self, Ended, Run};
use hozen::s3::Timing;
use hozen::settings::Settings;
use hozen::verify::{Options, Report, Verdict, verify};
use hozen_collector::collect::Control;
use hozen_collector::host::Host;
use hozen_collector::model::{Artefact, Category, Outcome, Profile, Receipt, Row, RunId, Status, Timestamp};
use hozen_collector::sink::directory::DirectorySink;
use hozen_collector::source::{Evidence, Member, Source, Stop};
use hozen_tests::evidence::Evidence as Read;
use hozen_tests::serve::{Fault, Rule};
use serde_json::{Value, json};

use super::segments::{SEGMENTS, place};
use super::support::{BUCKET, Place};

const PART: usize = 320 << 10;

/// Collects a table, and what else it is named for.
struct Scripted(&'static str);

impl Source for Scripted {
    fn artefact(&self) -> Artefact {
        let (profile, budget, name) = (Profile::Volatile, Duration::from_secs(600), self.0);
        let category = if name == "memory" { Category::Memory } else { Category::System };
        let tables: &[&str] = match name {
            "early" => &["early"],
            "memory" => &["images"],
            "large" => &["large"],
            _ => &["late"],
        };
        Artefact { name, category, profile, budget, budget_bytes: None, source: "", about: "a test", tables }
    }

    fn acquire(&self, _: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let mut row = Row::new(Timestamp::from_seconds(0), "test");
        row.text("of", self.0);
        evidence.row(self.artefact().tables[0], &row)?;
        match self.0 {
            "memory" => {
                evidence.image_begin("lime")?;
                evidence.image_write(&SEGMENTS[0])?;
                evidence.image_end()?;
            }
            "large" => evidence.raw(&Member::pseudo(b"/proc/large"), &SEGMENTS[1])?,
            _ => {}
        }
        Ok(Outcome::ok())
    }
}

fn bucket() -> Place {
    let timing = Timing {
        retry_for: Duration::from_millis(20),
        pause: Duration::from_millis(2),
        lost: Some(Duration::ZERO),
        ..Timing::default()
    };
    let mut place = place(PART, timing);
    place.options.parallel = 1;
    place
}

fn collect(place: &Place, spool: Option<&Path>, control: Control) -> Ended {
    let fixture = tempfile::tempdir().unwrap();
    std::fs::create_dir(fixture.path().join("proc")).unwrap();
    let (settings, host) =
        (Settings::new(&CollectArgs::default(), Config::default()).unwrap(), Host::fixture(fixture.path()).unwrap());
    let sources = ALL.iter().map(|name| Box::new(Scripted(name)) as Box<dyn Source>);
    let (id, plan) = (RunId::new(host.clock.now(), 7), run::plan(sources.collect(), &settings));
    let (control, access, sink) = (Arc::new(control), BTreeMap::default(), Arc::new(place.sink()));
    let spool = spool.map(|spool| DirectorySink::create(spool).unwrap());
    Run { id, settings, host, sink, plan, control, access, instance: None, spool, errand: None, status: None }.execute()
}

/// What a verifier says of a copy of what the bucket has.
fn in_bucket(place: &Place) -> Report {
    let copy = tempfile::tempdir().unwrap();
    for key in place.double.keys(BUCKET) {
        let path = copy.path().join(key.strip_prefix("run/").unwrap());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, place.double.object(BUCKET, &key).unwrap().content().unwrap()).unwrap();
    }
    verify(copy.path(), &Options::default())
}

/// Name of each object of evidence, and the digest of what it holds where that is the same in each run.
fn evidence(receipts: &Value) -> BTreeMap<String, Option<String>> {
    let receipts: Vec<Receipt> = serde_json::from_value(receipts.clone()).unwrap();
    let data = receipts.into_iter().filter(|receipt| receipt.key.as_str().starts_with("data/"));
    data.map(|it| (it.key.to_string(), it.key.as_str().ends_with(".lime.zst").then(|| it.content.sha256.to_string()))).collect()
}

/// What a run that nothing happens to has, and which needs no spool.
fn plain() -> BTreeMap<String, Option<String>> {
    let (place, dir) = (bucket(), tempfile::tempdir().unwrap());
    let spool = dir.path().join("spool");
    let ended = collect(&place, Some(&spool), Control::new(None));
    assert_eq!((ended.result.code, ended.result.safe_to_isolate, spool.exists()), (0, true, false), "{:?}", ended.result);
    let copy = tempfile::tempdir().unwrap();
    std::fs::write(copy.path().join("900-manifest.json"), place.content("900-manifest.json").unwrap()).unwrap();
    evidence(&Read { dir: copy.path().to_owned() }.predicate("900-manifest.json")["objects"])
}

/// All artefacts.
const ALL: &[&str] = &["early", "memory", "large", "late"];

/// From which request on nothing is taken, and what the bucket has an outcome of then.
const POINTS: [(&str, u64, &[&str]); 7] = [
    // The first table, behind the begin record.
    ("PutObject", 1, &[]),
    // In the image.
    ("UploadPart", 1, &["early"]),
    ("CompleteMultipartUpload", 0, &["early"]),
    // The archive.
    ("CreateMultipartUpload", 1, &["early", "memory"]),
    // The journal's end, behind four tables and the log; the manifest; the end record.
    ("PutObject", 6, ALL),
    ("PutObject", 8, ALL),
    ("PutObject", 9, ALL),
];

#[test]
fn a_run_whose_bucket_is_lost_goes_on_in_the_spool_and_both_parts_are_the_whole() {
    let whole = plain();
    let faults = [Fault::Refuse(403, "AccessDenied"), Fault::EXPIRED_TOKEN, Fault::SLOW_DOWN];
    for (number, (request, skip, kept)) in POINTS.into_iter().enumerate() {
        let fault = faults[number % faults.len()].clone();
        let lost = Rule::on(request, fault.clone()).after(skip).onwards();
        let (place, dir) = (bucket(), tempfile::tempdir().unwrap());
        let spool = dir.path().join("spool");
        place.double.inject(lost.clone());
        let ended = collect(&place, Some(&spool), Control::new(None));
        let case = format!("{request} {skip} {fault:?}: {:?}", ended.result);
        assert_eq!((ended.result.code, ended.result.outcome, ended.result.safe_to_isolate), (30, "complete", false), "{case}");
        let report = in_bucket(&place);
        assert_eq!(report.verdict, Verdict::Incomplete, "{case}\n{}", report.to_text());
        joined(&place, &spool, &ended, kept, &whole);

        let place = bucket();
        place.double.inject(lost);
        let ended = collect(&place, None, Control::new(None));
        assert_eq!((ended.result.code, ended.result.safe_to_isolate), (31, false), "{case}");
        assert_eq!(in_bucket(&place).verdict, Verdict::Incomplete, "{case}");
    }
}

/// The run in the spool verifies, says what it goes on with, and has what the bucket has not.
fn joined(place: &Place, spool: &Path, ended: &Ended, kept: &[&str], whole: &BTreeMap<String, Option<String>>) {
    let report = verify(spool, &Options::default());
    assert_eq!(report.verdict, Verdict::Verified, "{}", report.to_text());
    assert!(report.to_text().contains("Goes on with"), "{}", report.to_text());
    let read = Read::open(spool);
    let (begin, manifest, end) = ("000-begin.json", "900-manifest.json", "999-end.json");
    let (begin, manifest, end) = (read.predicate(begin), read.predicate(manifest), read.predicate(end));
    assert_eq!((&end["status"], &end["exit_code"]), (&json!("complete"), &json!(0)));

    let first = in_bucket(place).facts;
    let continues = &begin["continues"];
    assert_eq!(continues["run"], first.run.clone().unwrap());
    assert_eq!(continues["begin_sha256"], first.begin_sha256.unwrap().to_string());
    assert_eq!((&continues["location"], &continues["sealed"]), (&json!(format!("s3://{BUCKET}/run")), &json!(false)));
    assert_eq!(report.facts.keyid, first.keyid, "one key for both");
    let details = &ended.result.details;
    assert_eq!((&details["run"], &details["continues"]), (&begin["run"], &continues["run"]));
    assert_eq!((&details["refused"], &details["spool"]), (&continues["reason"], &json!(spool.canonicalize().unwrap())));

    let left_out = |step: &&Value| step["skip"].as_str().is_some_and(|skip| skip.contains(continues["run"].as_str().unwrap()));
    let plan: Vec<&Value> = begin["plan"].as_array().unwrap().iter().collect();
    let told: BTreeSet<&str> = plan.into_iter().filter(left_out).map(|step| step["artefact"].as_str().unwrap()).collect();
    assert_eq!(told, kept.iter().copied().collect());

    let before = evidence(&manifest["continues"]["objects"]);
    for (key, sha256) in &before {
        assert!(place.content(key).is_some() && whole.get(key) == Some(sha256), "{key} of the first");
    }
    let both: BTreeMap<_, _> = before.into_iter().chain(evidence(&manifest["objects"])).collect();
    assert_eq!(both, *whole);
}

#[test]
fn a_deadline_that_is_over_holds_in_the_spool_too() {
    let (place, dir) = (bucket(), tempfile::tempdir().unwrap());
    let spool = dir.path().join("spool");
    place.double.inject(Rule::on("PutObject", Fault::Refuse(403, "AccessDenied")).after(1).always());
    let ended = collect(&place, Some(&spool), Control::new(Some(0)));
    assert_eq!((ended.result.code, ended.result.outcome), (30, "partial"), "{:?}", ended.result);
    assert_eq!(verify(&spool, &Options::default()).verdict, Verdict::Verified);
    let end = Read::open(&spool).predicate("999-end.json");
    assert_eq!((&end["exit_code"], end["reasons"][0].as_str()), (&json!(50), Some("the run was cut short by the deadline")));
}

#[test]
fn a_spool_that_takes_nothing_either_ends_the_run_as_it_would_have_ended() {
    let (place, ended) = without_a_way_out(u64::MAX);
    let details = &ended.result.details;
    assert_eq!((ended.result.code, ended.result.safe_to_isolate), (31, false), "{details:?}");
    assert!(details["spool_error"].as_str().unwrap().contains("begin record"), "{details:?}");
    assert!(details["error"].as_str().unwrap().contains("could not be sealed") && !details.contains_key("run"), "{details:?}");
    assert_eq!(in_bucket(&place).verdict, Verdict::Incomplete);
    // The table and the journal are refused, and then the bucket is back: what it has is sealed, and there is nothing else.
    let (place, ended) = without_a_way_out(2);
    let details = &ended.result.details;
    assert_eq!((ended.result.code, ended.result.safe_to_isolate), (10, true), "{details:?}");
    assert!(details["spool_error"].as_str().unwrap().contains("begin record"), "{details:?}");
    assert_eq!(in_bucket(&place).verdict, Verdict::Verified);
}

/// A run into a bucket that refuses so many objects behind the begin record, with a spool that takes nothing.
fn without_a_way_out(refused: u64) -> (Place, Ended) {
    let (place, dir) = (bucket(), tempfile::tempdir().unwrap());
    let fixture = dir.path().join("spool");
    place.double.inject(Rule::on("PutObject", Fault::Refuse(403, "AccessDenied")).after(1).times(refused));
    let spool = DirectorySink::create(&fixture).unwrap();
    std::fs::remove_dir(&fixture).unwrap();
    let settings = Settings::new(&CollectArgs::default(), Config::default()).unwrap();
    std::fs::create_dir(dir.path().join("proc")).unwrap();
    let host = Host::fixture(dir.path()).unwrap();
    let plan = run::plan(vec![Box::new(Scripted("early"))], &settings);
    let (id, sink, control) = (RunId::new(host.clock.now(), 7), Arc::new(place.sink()), Arc::new(Control::new(None)));
    let (access, spool) = (BTreeMap::default(), Some(spool));
    let ended =
        Run { id, settings, host, sink, plan, control, access, instance: None, spool, errand: None, status: None }.execute();
    (place, ended)
}

#[test]
fn without_a_spool_nothing_more_is_read_for_a_bucket_that_is_lost() {
    for fault in [Fault::Refuse(403, "AccessDenied"), Fault::SLOW_DOWN] {
        let place = bucket();
        place.double.inject(Rule::on("PutObject", fault.clone()).after(1).onwards());
        let ended = collect(&place, None, Control::new(None));
        assert_eq!((ended.result.code, ended.result.safe_to_isolate), (31, false), "{fault:?}: {:?}", ended.result);
        let (first, rest) = ended.steps.split_first().unwrap();
        assert_eq!((first.artefact.as_str(), rest.len()), ("early", ALL.len() - 1), "{fault:?}");
        assert!(rest.iter().all(|step| step.status == Status::Skipped && step.reasons == [Stop::Sink.to_string()]), "{rest:#?}");
        assert_eq!(in_bucket(&place).verdict, Verdict::Incomplete, "{fault:?}");
    }
}

/// The bucket has an object of the journal, and its answer was lost for good or said something else: the journal goes on behind it, and who
/// is to isolate the host is told what the bucket said.
#[test]
fn a_run_whose_journal_was_stored_without_an_answer_is_sealed() {
    // Another checksum is asked about at once, so that nothing seems to be lost.
    for (fault, code, differs) in [(Fault::DropAfterCommit, 50, false), (Fault::WrongEcho, 20, true)] {
        let mut place = bucket();
        place.timing.retry_for = Duration::ZERO;
        place.double.inject(Rule::on("UploadPart", Fault::Refuse(403, "AccessDenied")));
        // Behind the begin record and two tables: because an object was lost, the journal is stored at once.
        let rule = place.double.inject(Rule::on("PutObject", fault).after(3));
        let ended = collect(&place, None, Control::new(None));
        assert_eq!((ended.result.code, ended.result.safe_to_isolate), (code, true), "{:?}", ended.result);
        let report = in_bucket(&place);
        assert_eq!((place.double.times_fired(rule), report.verdict), (1, Verdict::Verified), "{}", report.to_text());
        assert!(place.content("custody/000002.jsonl").is_some());
        let told = |text: &str| text.contains("custody/000001.jsonl: the bucket has the checksum");
        let warned = report.warnings.iter().any(|warning| told(&format!("{warning:?}")));
        assert_eq!((told(&ended.result.details["warn"].to_string()), warned), (differs, differs), "{}", ended.result.line());
    }
}

/// It was lost, and is back for the seal: what it has is sealed there, and the rest here.
#[test]
fn a_bucket_that_comes_back_has_its_seal() {
    let (place, dir) = (bucket(), tempfile::tempdir().unwrap());
    let spool = dir.path().join("spool");
    place.double.inject(Rule::on("PutObject", Fault::Refuse(403, "AccessDenied")).after(1).times(2));
    let ended = collect(&place, Some(&spool), Control::new(None));
    assert_eq!((ended.result.code, ended.result.outcome), (30, "complete"), "{:?}", ended.result);
    let report = in_bucket(&place);
    assert_eq!((report.verdict, report.facts.exit_code), (Verdict::Verified, Some(50)), "{}", report.to_text());
    assert_eq!(report.facts.interrupted, ["destination"]);
    assert!(report.facts.reasons[0].contains("the loss of the destination"), "{:?}", report.facts.reasons);
    let report = verify(&spool, &Options::default());
    assert_eq!((report.verdict, report.facts.continues.unwrap().sealed), (Verdict::Verified, true));
}

#[test]
fn one_object_that_is_refused_is_no_lost_bucket() {
    let (place, dir) = (bucket(), tempfile::tempdir().unwrap());
    let spool = dir.path().join("spool");
    place.double.inject(Rule::on("UploadPart", Fault::Refuse(403, "AccessDenied")).always());
    let ended = collect(&place, Some(&spool), Control::new(None));
    assert!(ended.result.safe_to_isolate && !spool.exists(), "{:?}", ended.result);
    assert_eq!(in_bucket(&place).verdict, Verdict::Verified);
}
