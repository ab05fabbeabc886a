//! Tests of a run with sources that misbehave.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::model::{Artefact, Category, ObjectKey, Profile, Timestamp};
use crate::sink::faulty::{Fault, FaultySink};
use crate::sink::memory::MemorySink;
use crate::source::{Evidence, Member, Stop};

type Act = fn(&Host, &mut dyn Evidence) -> Result<Outcome, Stop>;

/// The name of what is read beside `a`.
const BESIDE: &str = "beside";

struct Scripted(&'static str, Act);

impl Source for Scripted {
    fn artefact(&self) -> Artefact {
        // On a busy machine a panic takes its time to say where it came from.
        let budget = if self.0 == "panics" { Duration::from_secs(60) } else { Duration::from_millis(200) };
        let (category, profile) = (Category::System, Profile::Volatile);
        let tables = if self.0 == BESIDE { &["other"] } else { &["table"] };
        Artefact { name: self.0, category, profile, budget, budget_bytes: None, source: "", about: "a test", tables }
    }
    fn beside(&self) -> Option<&'static str> {
        (self.0 == BESIDE).then_some("a")
    }
    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        (self.1)(host, evidence)
    }
}

#[derive(Default)]
struct Seen {
    stored: BTreeMap<String, Receipt>,
    lost: Vec<String>,
    gaps: Vec<Gap>,
    steps: Vec<String>,
}

impl Observer for Seen {
    fn step_started(&mut self, artefact: &'static str) {
        self.steps.push(format!("{artefact} starts"));
    }
    fn gap(&mut self, _: &'static str, gap: &Gap) {
        self.gaps.push(gap.clone());
    }
    fn object_stored(&mut self, receipt: &Receipt) {
        self.stored.insert(receipt.key.to_string(), receipt.clone());
    }
    fn object_lost(&mut self, _: u64, error: &SinkError) {
        self.lost.push(error.key.to_string());
    }
    fn step_finished(&mut self, step: &Step) {
        self.steps.push(format!("{} {}", step.artefact, step.status.word()));
    }
    fn tick(&mut self, _: &Progress) {}
}

fn host() -> Host {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("proc")).unwrap();
    Host::fixture(dir.path()).unwrap()
}

fn row(evidence: &mut dyn Evidence) -> Result<(), Stop> {
    let mut row = crate::model::Row::new(Timestamp::from_seconds(0), "test");
    row.int("n", 1);
    evidence.row("table", &row)
}

fn collect(
    sink: impl crate::sink::EvidenceSink + 'static,
    control: Control,
    plan: Vec<(&'static str, Act)>,
) -> (Vec<Step>, Seen) {
    let engine = Arc::new(Engine::start(Arc::new(sink), 1, 1, Arc::new(|| Timestamp::from_seconds(0))).unwrap());
    let plan = plan.into_iter().map(|(name, act)| Planned { source: Box::new(Scripted(name, act)), skip: None }).collect();
    let mut seen = Seen::default();
    let collected = run(plan, &host(), &engine, &Arc::new(control), &mut seen);
    (collected.into_iter().map(|collected| collected.step).collect(), seen)
}

fn one(act: Act) -> (Step, Seen, MemorySink) {
    let sink = MemorySink::default();
    let (mut steps, seen) = collect(sink.clone(), Control::new(None), vec![("a", act)]);
    (steps.remove(0), seen, sink)
}

fn content(sink: &MemorySink, key: &str) -> Vec<u8> {
    zstd::decode_all(sink.objects()[&key.parse().unwrap()].as_slice()).unwrap()
}

#[test]
fn a_good_source_is_ok_and_its_table_and_archive_are_stored() {
    let (step, seen, sink) = one(|_, evidence| {
        row(evidence)?;
        evidence.raw(&Member::pseudo(b"/proc/1/stat"), b"1 (init)")?;
        Ok(Outcome::ok())
    });
    assert_eq!((step.status, step.objects.len()), (Status::Ok, 2));
    assert_eq!(seen.stored["data/system/table.jsonl.zst"].content.entries, Some(1));
    assert_eq!(seen.stored["data/raw/a.tar.zst"].content.entries, Some(1));
    assert!(content(&sink, "data/system/table.jsonl.zst").ends_with(b"\"n\":1}\n"));
    assert_eq!(content(&sink, "data/raw/a.tar.zst").len(), 512 + 512 + 1024);
}

#[test]
fn a_table_without_rows_exists() {
    let (step, _, sink) = one(|_, _| Ok(Outcome::because(Status::Absent, "none here")));
    assert_eq!((step.status, content(&sink, "data/system/table.jsonl.zst").len()), (Status::Absent, 0));
}

#[test]
fn a_gap_makes_ok_partial() {
    let (step, seen, _) = one(|_, evidence| {
        evidence.gap(Gap::whole(b"/x", "denied"));
        Ok(Outcome::ok())
    });
    assert_eq!((step.status, step.gaps.len(), seen.gaps.len()), (Status::Partial, 1, 1));
}

#[test]
fn what_an_intruder_makes_missing_does_not_swell_the_records() {
    let (step, seen, _) = one(|_, evidence| {
        (0..200_u8).for_each(|n| evidence.gap(Gap::whole(&[n; 10_000], "too deep")));
        Ok(Outcome { status: Status::Partial, reasons: vec!["x".repeat(10_000); 1_000] })
    });
    assert!(serde_json::to_vec(&step).unwrap().len() < 400_000);
    assert_eq!((step.reasons.len(), step.reasons[15].as_str()), (16, "and 985 more reasons"));
    assert_eq!((seen.gaps.len(), step.gaps_omitted), (step.gaps.len(), 0));
    assert!(step.gaps.iter().all(|gap| gap.source.len() <= 1024));
}

#[test]
fn a_panic_is_a_failed_artefact_and_what_came_before_is_kept() {
    let sink = MemorySink::default();
    let act: Act = |_, evidence| {
        row(evidence)?;
        panic!("boom");
    };
    let steps = collect(sink.clone(), Control::new(None), vec![("panics", act)]).0;
    assert_eq!(steps[0].status, Status::Failed);
    assert!(steps[0].reasons[0].contains("boom"));
    assert!(!content(&sink, "data/system/table.jsonl.zst").is_empty());
}

#[test]
fn a_source_that_hangs_is_abandoned_and_what_came_before_is_kept() {
    let (step, seen, sink) = one(|_, evidence| {
        row(evidence)?;
        let mut endless = std::io::repeat(7);
        let _ = evidence.raw_stream(&Member::pseudo(b"/big"), 1 << 30, &mut endless);
        loop {
            std::thread::park();
        }
    });
    assert_eq!(step.status, Status::Timeout);
    assert_eq!(step.objects.len(), 2);
    assert!(seen.gaps.iter().any(|gap| gap.length.is_some()), "the cut member is a gap: {:?}", seen.gaps);
    let archive = content(&sink, "data/raw/a.tar.zst");
    let members = tar::Archive::new(archive.as_slice()).entries().unwrap().map(|e| e.unwrap().size()).collect::<Vec<_>>();
    assert_eq!(members, [1 << 30]);
}

/// The module ends with the wait for its source; and the reason is of that artefact alone.
#[test]
fn a_source_that_hangs_leaves_no_module() {
    let hang: Act = |host, _| {
        host.loaded.begin(|| crate::host::module::Loading::start(b"no module", std::ffi::CString::default(), None)).unwrap();
        loop {
            std::thread::park();
        }
    };
    let later: Act = |_, _| loop {
        std::thread::park();
    };
    let (steps, _) = collect(MemorySink::default(), Control::new(None), vec![("a", hang), ("b", later)]);
    assert_eq!(steps[0].reasons[1..], ["the run itself unloaded its kernel module"], "{steps:?}");
    assert!(!steps[1].reasons.iter().any(|why| why.contains("module")), "{steps:?}");
}

#[test]
fn a_stream_that_ends_early_is_filled_and_said() {
    let (step, seen, sink) = one(|_, evidence| {
        let streamed = evidence.raw_stream(&Member::pseudo(b"/short"), 1000, &mut &b"abc"[..])?;
        assert_eq!(streamed.read, 3);
        Ok(Outcome::ok())
    });
    assert_eq!(step.status, Status::Partial);
    assert_eq!((seen.gaps[0].offset, seen.gaps[0].length), (Some(3), Some(997)));
    assert_eq!(content(&sink, "data/raw/a.tar.zst").len(), 512 + 1024 + 1024);
}

#[test]
fn what_is_read_beside_another_starts_before_that_one_ends() {
    static MEET: std::sync::Barrier = std::sync::Barrier::new(2);
    let meet: Act = |_, _| {
        MEET.wait();
        Ok(Outcome::ok())
    };
    let (_, seen) = collect(MemorySink::default(), Control::new(None), vec![("a", meet), (BESIDE, meet)]);
    assert_eq!(seen.steps, ["a starts", "beside starts", "a ok", "beside ok"]);
}

#[test]
fn what_is_read_beside_another_is_read_where_that_one_hangs_or_is_not_there() {
    let hang: Act = |_, _| loop {
        std::thread::park();
    };
    let fine: Act = |_, _| Ok(Outcome::ok());
    let (steps, _) = collect(MemorySink::default(), Control::new(None), vec![("a", hang), (BESIDE, fine)]);
    assert_eq!([steps[0].status, steps[1].status], [Status::Timeout, Status::Ok]);
    let (steps, _) = collect(MemorySink::default(), Control::new(None), vec![(BESIDE, fine)]);
    assert_eq!(steps[0].status, Status::Ok);
}

#[test]
fn an_interrupted_run_skips_the_rest() {
    let control = Control::new(None);
    control.interrupt("SIGTERM");
    let (steps, _) = collect(MemorySink::default(), control, vec![("a", |_, _| Ok(Outcome::ok()))]);
    assert_eq!((steps[0].status, steps[0].reasons[0].as_str()), (Status::Skipped, "the run was interrupted"));
}

#[test]
fn a_deadline_skips_the_rest() {
    let (steps, _) = collect(MemorySink::default(), Control::new(Some(0)), vec![("a", |_, _| Ok(Outcome::ok()))]);
    assert_eq!((steps[0].status, steps[0].reasons[0].as_str()), (Status::Skipped, "out of time"));
}

/// The sink fails at every call in turn; what the steps say is stored is stored, and what is lost is a gap.
#[test]
fn steps_tell_the_truth_whatever_the_sink_does() {
    let plan = || -> Vec<(&'static str, Act)> {
        let act: Act = |_, evidence| {
            row(evidence)?;
            evidence.raw(&Member::pseudo(b"/f"), &[1; 100])?;
            Ok(Outcome::ok())
        };
        let beside: Act = |_, evidence| {
            evidence.raw(&Member::pseudo(b"/g"), &[2; 100])?;
            Ok(Outcome::ok())
        };
        vec![("a", act), (BESIDE, beside)]
    };
    let (good, count) = FaultySink::new(MemorySink::default(), Fault::Never);
    collect(good, Control::new(None), plan());
    for at in 0..count.calls() {
        for fault in [Fault::Once(at), Fault::From(at)] {
            let memory = MemorySink::default();
            let (sink, script) = FaultySink::new(memory.clone(), fault);
            let (steps, seen) = collect(sink, Control::new(None), plan());
            assert!(script.injected() > 0);
            let claimed: Vec<_> = steps.iter().flat_map(|step| &step.objects).collect();
            assert_eq!(claimed.len(), memory.objects().len(), "{fault:?}");
            assert!(claimed.iter().all(|key| memory.objects().contains_key(*key)), "{fault:?}");
            assert!(!seen.lost.is_empty() && !seen.gaps.is_empty(), "{fault:?}");
            assert!(steps.iter().any(|step| step.status != Status::Ok), "{fault:?}");
        }
    }
}

/// A destination that, each time it is asked, has kept the run waiting for another hour.
#[derive(Debug, Default)]
struct Waiting(MemorySink, std::sync::atomic::AtomicU64);

impl crate::sink::EvidenceSink for Waiting {
    fn create(&self, key: &ObjectKey) -> Result<Box<dyn crate::sink::ObjectWriter>, SinkError> {
        self.0.create(key)
    }
    fn describe(&self) -> BTreeMap<String, serde_json::Value> {
        self.0.describe()
    }
    fn stalled_ns(&self) -> u64 {
        self.1.fetch_add(3_600_000_000_000, std::sync::atomic::Ordering::SeqCst)
    }
}

#[test]
fn what_the_destination_keeps_waiting_is_off_no_budget_but_the_runs() {
    let act: Act = |_, evidence| {
        // Twice the budget.
        std::thread::sleep(Duration::from_millis(400));
        evidence.check()?;
        Ok(Outcome::ok())
    };
    let status = |sink, control| collect(sink, control, vec![("a", act)]).0[0].status;
    assert_eq!(status(Waiting::default(), Control::new(None)), Status::Ok);
    assert_eq!(status(Waiting::default(), Control::new(Some(1))), Status::Skipped);
    assert_eq!(collect(MemorySink::default(), Control::new(None), vec![("a", act)]).0[0].status, Status::Timeout);
}

/// A destination that takes longer over the end of a segment than the run waits for a source that was told to stop.
#[derive(Debug, Default)]
struct Slow(MemorySink);

struct SlowObject(ObjectKey, Box<dyn crate::sink::ObjectWriter>);

impl crate::sink::EvidenceSink for Slow {
    fn create(&self, key: &ObjectKey) -> Result<Box<dyn crate::sink::ObjectWriter>, SinkError> {
        Ok(Box::new(SlowObject(key.clone(), self.0.create(key)?)))
    }
    fn describe(&self) -> BTreeMap<String, serde_json::Value> {
        self.0.describe()
    }
}

impl crate::sink::ObjectWriter for SlowObject {
    fn part(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.1.part(bytes)
    }
    fn taken(&self) -> (u64, crate::model::Digest) {
        self.1.taken()
    }
    fn finish(self: Box<Self>, size: u64, sha256: &crate::model::Digest) -> Result<Option<crate::model::Held>, SinkError> {
        let Self(key, writer) = *self;
        if key.as_str().ends_with(".lime.zst") {
            std::thread::sleep(Duration::from_nanos(watch::GRACE_NS) + Duration::from_secs(1));
        }
        writer.finish(size, sha256)
    }
    fn abort(self: Box<Self>) -> Result<(), SinkError> {
        let Self(_, writer) = *self;
        writer.abort()
    }
}

/// A deadline in the middle of an image: its last segment has a receipt, and what the source writes after it is kept.
#[test]
fn a_segment_that_takes_longer_than_the_run_waits_is_told_and_so_is_what_follows_it() {
    let act: Act = |_, evidence| {
        evidence.image_begin("kcore")?;
        evidence.image_write(b"memory")?;
        let stop = loop {
            if let Err(stop) = evidence.check() {
                break stop;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        evidence.image_end()?;
        row(evidence)?;
        Err(stop)
    };
    let memory = MemorySink::default();
    let (steps, seen) = collect(Slow(memory.clone()), Control::new(None), vec![("a", act)]);
    let stored: Vec<String> = memory.objects().keys().map(ToString::to_string).collect();
    assert!(stored.iter().any(|key| key.ends_with("kcore/000000.lime.zst")), "{stored:?}");
    assert_eq!(seen.stored.keys().cloned().collect::<Vec<_>>(), stored, "an object has no receipt");
    assert_eq!(steps[0].objects.iter().map(ToString::to_string).collect::<Vec<_>>(), stored);
    assert_eq!(steps[0].reasons, ["out of time; what had been read is kept"]);
    assert!(!content(&memory, "data/system/table.jsonl.zst").is_empty());
}

#[test]
fn what_a_lost_destination_did_not_take_is_read_for_another_by_the_same_source() {
    let control = Arc::new(Control::new(None));
    let source = Box::new(Scripted("a", |_, evidence| row(evidence).map(|()| Outcome::ok())));
    let mut plan = vec![Planned { source, skip: None }];
    for (lost, status) in [(true, Status::Skipped), (false, Status::Ok), (false, Status::Ok)] {
        if lost {
            control.lose_destination()
        } else {
            control.change_destination()
        }
        let sink = Arc::new(MemorySink::default());
        let engine = Arc::new(Engine::start(sink, 1, 1, Arc::new(|| Timestamp::from_seconds(0))).unwrap());
        let mut collected = run(plan, &host(), &engine, &control, &mut Seen::default());
        let Collected { step, source } = collected.remove(0);
        assert_eq!((step.status, step.reasons == [Stop::Sink.to_string()]), (status, lost));
        plan = vec![Planned { source, skip: None }];
    }
}
