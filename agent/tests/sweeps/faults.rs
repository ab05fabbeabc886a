//! Fault sweeps: the sink, or a source, fails at every call in turn. Whatever happens, the evidence on disk tells the truth: a
//! sealed run verifies, an unsealed one is incomplete, and nothing that is missing goes unnamed.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hozen::cli::CollectArgs;
use hozen::config::Config;
use hozen::run::{self, Ended, Run};
use hozen::settings::Settings;
use hozen::verify::{self, Verdict};
use hozen_collector::collect::Control;
use hozen_collector::host::Host;
use hozen_collector::model::{Artefact, Category, Gap, Outcome, Profile, Row, RunId, Status, Timestamp};
use hozen_collector::sink::EvidenceSink;
use hozen_collector::sink::directory::DirectorySink;
use hozen_collector::sink::faulty::{Fault, FaultySink};
use hozen_collector::source::{Evidence, Member, Source, Stop};

/// A source that counts its calls to the evidence and panics or gives up at one of them.
struct Faulty {
    name: &'static str,
    table: [&'static str; 1],
    fail_at: Option<u64>,
    panics: bool,
    calls: Arc<AtomicU64>,
}

impl Faulty {
    fn call(&self) -> Result<(), Outcome> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        if self.fail_at != Some(call) {
            return Ok(());
        }
        assert!(!self.panics, "a bug on purpose");
        Err(Outcome::because(Status::Failed, "a fault on purpose"))
    }

    fn read(&self, evidence: &mut dyn Evidence) -> Result<Result<(), Outcome>, Stop> {
        for n in 0..3 {
            if let Err(outcome) = self.call() {
                return Ok(Err(outcome));
            }
            let mut row = Row::new(Timestamp::from_seconds(n), "test");
            row.int("n", n);
            evidence.row(self.table[0], &row)?;
            evidence.raw(&Member::pseudo(format!("/proc/{n}/stat").as_bytes()), b"raw bytes")?;
        }
        if let Err(outcome) = self.call() {
            return Ok(Err(outcome));
        }
        evidence.gap(Gap::whole(b"/gone", "a gap on purpose"));
        Ok(Ok(()))
    }
}

impl Source for Faulty {
    fn artefact(&self) -> Artefact {
        let tables: &'static [&'static str] = if self.name == "one" { &["table_one"] } else { &["table_two"] };
        let (category, profile, budget) = (Category::System, Profile::Volatile, Duration::from_secs(30));
        Artefact { name: self.name, category, profile, budget, budget_bytes: None, source: "", about: "a test", tables }
    }

    fn acquire(&self, _: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        Ok(self.read(evidence)?.err().unwrap_or_else(Outcome::ok))
    }
}

pub(super) fn sources(fail_at: Option<u64>, panics: bool, calls: &Arc<AtomicU64>) -> Vec<Box<dyn Source>> {
    let source = |name, table| Faulty { name, table: [table], fail_at, panics, calls: Arc::clone(calls) };
    vec![Box::new(source("one", "table_one")), Box::new(source("two", "table_two"))]
}

pub(super) fn execute(sink: Arc<dyn EvidenceSink>, sources: Vec<Box<dyn Source>>, fixture: &Path) -> Ended {
    let settings = Settings::new(&CollectArgs::default(), Config::default()).unwrap();
    let host = Host::fixture(fixture).unwrap();
    let plan = run::plan(sources, &settings);
    let id = RunId::new(host.clock.now(), 7);
    Run {
        id,
        settings,
        host,
        sink,
        plan,
        control: Arc::new(Control::new(None)),
        access: std::collections::BTreeMap::default(),
        instance: None,
        spool: None,
        errand: None,
        status: None,
    }
    .execute()
}

pub(super) fn fixture() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("proc")).unwrap();
    dir
}

pub(super) fn verdict(dir: &Path) -> (Verdict, String) {
    let report = verify::verify(dir, &verify::Options::default());
    (report.verdict, format!("{:?}", report.findings))
}

/// Whether the verdict fits what the result line claims.
fn agrees(ended: &Ended, dir: &Path, place: &str) {
    let (verdict, findings) = verdict(dir);
    match ended.result.outcome {
        "complete" | "partial" => assert_eq!(verdict, Verdict::Verified, "{place}: {findings}"),
        "failed" if ended.result.safe_to_isolate => assert_eq!(verdict, Verdict::Verified, "{place}: {findings}"),
        "failed" => assert_eq!(verdict, Verdict::Incomplete, "{place}: {findings}"),
        _ => assert!(!dir.join("000-begin.json").exists(), "{place}: refused, but something is there"),
    }
}

#[test]
fn the_sink_fails_at_every_call() {
    let (fixture, place) = (fixture(), tempfile::tempdir().unwrap());
    let good = place.path().join("good");
    let (sink, script) = FaultySink::new(DirectorySink::create(&good).unwrap(), Fault::Never);
    let ended = execute(Arc::new(sink), sources(None, false, &Arc::default()), fixture.path());
    agrees(&ended, &good, "good");
    let calls = script.calls();
    assert!(calls > 20, "a run makes {calls} calls");
    let mut faults = 0;
    for at in 0..calls {
        for fault in [Fault::Once(at), Fault::From(at)] {
            let dir = place.path().join(format!("{fault:?}"));
            let (sink, script) = FaultySink::new(DirectorySink::create(&dir).unwrap(), fault);
            let ended = execute(Arc::new(sink), sources(None, false, &Arc::default()), fixture.path());
            assert!(script.injected() > 0, "{fault:?} did not happen");
            faults += script.injected();
            agrees(&ended, &dir, &format!("{fault:?}"));
            assert!(ended.result.outcome != "complete" || matches!(fault, Fault::Once(_)), "{fault:?}");
        }
    }
    assert!(faults >= 2 * calls);
}

#[test]
fn a_source_fails_at_every_call() {
    let (fixture, place) = (fixture(), tempfile::tempdir().unwrap());
    let calls = Arc::default();
    execute(Arc::new(DirectorySink::create(&place.path().join("good")).unwrap()), sources(None, false, &calls), fixture.path());
    for at in 0..calls.load(Ordering::SeqCst) {
        for panics in [false, true] {
            let dir = place.path().join(format!("{at}-{panics}"));
            let made = sources(Some(at), panics, &Arc::default());
            let ended = execute(Arc::new(DirectorySink::create(&dir).unwrap()), made, fixture.path());
            agrees(&ended, &dir, &format!("call {at}, panics: {panics}"));
            let failed: Vec<_> = ended.steps.iter().filter(|step| step.status == Status::Failed).collect();
            assert_eq!(failed.len(), 1, "call {at}");
            assert!(failed[0].reasons[0].contains("on purpose"), "{:?}", failed[0].reasons);
        }
    }
}
