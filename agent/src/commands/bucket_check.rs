//! Whether a bucket takes what a run would write, and keeps it: asked of the bucket itself, with one small object.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use hozen_collector::host::Clock;
use hozen_collector::model::{CaseId, RunId, canonical, escape};
use hozen_collector::sink::EvidenceSink as _;
use serde_json::{Value, json};

use super::way::Way;
use crate::cli::PreflightArgs;
use crate::s3::{BucketUri, FAR, S3Sink, Timing};

/// What all of it may take, whatever is wrong.
const TIME: Duration = Duration::from_secs(8);
/// How long the first request is tried.
const BEGIN: Duration = Duration::from_secs(4);

/// What was found out.
pub(super) struct Checked {
    /// For the report.
    pub(super) report: Value,
    /// Whether a run could go there.
    pub(super) ready: bool,
}

/// A step that failed, and why.
struct Obstacle {
    step: &'static str,
    reason: String,
    known: Value,
}

impl Obstacle {
    fn at(step: &'static str) -> impl FnOnce(String) -> Self {
        move |reason| Self { step, reason, known: Value::Null }
    }
}

/// A check that is under way.
pub(super) struct Checking {
    to: BucketUri,
    answer: std::io::Result<Receiver<Result<Value, Obstacle>>>,
    begun: Instant,
}

/// Begins to check the bucket at `to`.
pub(super) fn begin(arguments: &PreflightArgs, to: BucketUri, way: &Arc<Way>) -> Checking {
    let (sender, receiver) = channel();
    let (wanted, place, way) = (Wanted::of(arguments), to.clone(), Arc::clone(way));
    // What hangs is left behind: this process ends soon.
    let spawned = std::thread::Builder::new().name("hozen-preflight".to_owned()).spawn(move || {
        let _ = sender.send(wanted.check(&place, &way));
    });
    Checking { to, answer: spawned.map(|_| receiver), begun: Instant::now() }
}

/// What begins like a bucket and names none: refused, and nobody is asked.
pub(super) fn malformed(to: &Path, reason: &str) -> Checked {
    let to = escape::path(to);
    let action = "write --to as s3://bucket/prefix";
    let report = json!({"to": to, "ready": false, "step": "options", "reason": reason, "action": action, "bucket": Value::Null});
    Checked { report, ready: false }
}

/// Waits for what a check finds out.
pub(super) fn end(checking: Checking) -> Checked {
    let Checking { to, answer, begun } = checking;
    let silent = || Obstacle::at("network")(format!("no answer within {} s; {}", TIME.as_secs(), crate::s3::SILENT));
    let result = match answer {
        Ok(answer) => answer.recv_timeout(TIME.saturating_sub(begun.elapsed())).unwrap_or_else(|_| Err(silent())),
        Err(error) => Err(Obstacle::at("network")(format!("no thread can be started: {error}"))),
    };
    let (limit, took) = (TIME.as_millis(), begun.elapsed().as_millis());
    match result {
        Ok(found) => {
            let report = json!({"to": to, "ready": true, "bucket": found, "limit_ms": limit, "took_ms": took});
            Checked { report, ready: true }
        }
        Err(Obstacle { step, reason, known }) => {
            let action = reason.rsplit_once("; ").map_or(reason.as_str(), |(_, action)| action);
            let report = json!({
                "to": to, "ready": false, "step": step, "reason": reason, "action": action, "bucket": known, "limit_ms": limit,
                "took_ms": took,
            });
            Checked { report, ready: false }
        }
    }
}

/// What a run would be given.
struct Wanted {
    bucket: crate::s3::BucketArgs,
    case: Option<CaseId>,
    allow_clock_offset: bool,
}

impl Wanted {
    fn of(arguments: &PreflightArgs) -> Self {
        let PreflightArgs { bucket, case, allow_clock_offset, .. } = arguments;
        Self { bucket: bucket.clone(), case: case.clone(), allow_clock_offset: *allow_clock_offset }
    }

    fn check(self, to: &BucketUri, way: &Way) -> Result<Value, Obstacle> {
        let options = self.bucket.check().map_err(Obstacle::at("options"))?;
        let case = self.case.map_or_else(|| "unassigned".to_owned(), |case| case.to_string());
        let place = to.below(&case).and_then(|place| place.below("preflight"));
        let place = place.map_err(|error| Obstacle::at("options")(format!("--to is too long: {error}")))?;
        way.credentials().map_err(Obstacle::at("credentials"))?;
        let timing = Timing { begin: BEGIN, retry_for: BEGIN, ..Timing::default() };
        let sink = way.sink_with(place, options, timing).map_err(Obstacle::at("lock"))?;
        write(&sink, way.clock, self.allow_clock_offset)
    }
}

/// The clock of a host is a fact that somebody must know of, and may be evidence: it is said, and never set from here.
fn check_clock(sink: &S3Sink) -> Result<(), Obstacle> {
    let Some(offset) = sink.far_clock() else { return Ok(()) };
    let (by, way) = (offset.unsigned_abs(), if offset > 0 { "behind" } else { "ahead of" });
    let reason = format!(
        "the host's clock is {by} s {way} the bucket's, and S3 allows {FAR}; set the clock and note that you did, or give \
         --allow-clock-offset: a run signs, and counts retention, by the bucket's clock"
    );
    Err(Obstacle { step: "clock", reason, known: json!(sink.describe()) })
}

/// Writes the object, and says all that is known of the way and the bucket.
fn write(sink: &S3Sink, clock: Clock, any_clock: bool) -> Result<Value, Obstacle> {
    let known = sink.describe();
    if !any_clock {
        // The answer about the lock has told the bucket's time, so that nothing has been written yet.
        check_clock(sink)?;
    }
    if let Some(reason) = sink.unknown_lock() {
        return Err(Obstacle { step: "lock", reason, known: json!(known) });
    }
    let id = id(clock).map_err(Obstacle::at("write"))?;
    let body = json!({"v": 1, "preflight": id, "agent": crate::VERSION, "at": clock.now()});
    let body = canonical::to_bytes(&body).map_err(|error| Obstacle::at("write")(error.to_string()))?;
    let refused =
        |cause: hozen_collector::sink::Cause| Obstacle { step: "write", reason: cause.to_string(), known: json!(known) };
    let name = format!("{id}.json");
    let object = sink.probe(&name, body).map_err(refused)?;
    if !any_clock {
        // Where that answer was lost, this one has told it.
        check_clock(sink)?;
    }
    let public = sink.public(&name).map_err(Obstacle::at("public"))?;
    if let Some(what) = public.told() {
        let reason =
            format!("anybody in the world can {what}; turn on Block Public Access for the bucket, and see who was there before");
        return Err(Obstacle { step: "public", reason, known: json!(known) });
    }
    let mut found = sink.describe();
    found.insert("object".to_owned(), object);
    found.insert("public".to_owned(), json!(public));
    found.insert("clock_offset_s".to_owned(), json!(sink.clock_offset()));
    Ok(json!(found))
}

fn id(clock: Clock) -> Result<RunId, String> {
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random).map_err(|error| format!("no random numbers: {error}"))?;
    Ok(RunId::new(clock.now(), u128::from_be_bytes(random)))
}
