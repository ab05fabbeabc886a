//! What is said: one object of JSON, never longer than a watcher and a standard parameter take.

use hozen_collector::model::record::Step;
use hozen_collector::model::{CaseId, Digest, RunId, Status, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

use crate::result::{RunResult, shorten};

/// The most bytes that are said: a standard parameter takes 4 KB ("Managing parameter tiers" of the Systems Manager user guide).
pub const MAX_BYTES: usize = 3 << 10;
/// The most bytes of one text at first.
const MAX_TEXT: usize = 700;

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// It reads the host.
    Collect,
    /// All is read; manifest and end record are on their way.
    Seal,
    /// It is over; `result` is its line.
    Ended,
}

/// How a run goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Version of this object.
    pub v: u32,
    /// The run.
    pub run: RunId,
    /// The case.
    pub case: CaseId,
    /// The host, as the evidence names it.
    pub host: String,
    /// Where the evidence goes.
    pub to: String,
    /// How far it is.
    pub phase: Phase,
    /// What is read now, if anything is.
    pub artefact: Option<&'static str>,
    /// Artefacts that have their outcome.
    pub done: usize,
    /// Artefacts of the plan that are not skipped by it.
    pub planned: usize,
    /// Bytes that are stored.
    pub bytes: u64,
    /// Bytes of the artefact that is read now.
    pub read: u64,
    /// Artefacts that are not sound, and objects that the destination did not take.
    pub errors: u64,
    /// The last of these; escaped text.
    pub error: Option<String>,
    /// Digest of `000-begin.json`: kept in every status.
    pub begin_sha256: Digest,
    /// When the run last moved, by the host's clock: read or stored something, or began or ended an artefact.
    pub moved: Timestamp,
    /// When this is said, by the host's clock.
    pub updated: Timestamp,
    /// Whether cutting the host off loses nothing of this run.
    pub safe_to_isolate: bool,
    /// The result line, at the end.
    pub result: Option<Value>,
}

impl Told {
    /// An artefact has its outcome.
    pub fn step(&mut self, step: &Step) {
        // What is skipped was never read, and something else may be.
        if step.status == Status::Skipped {
            return;
        }
        (self.artefact, self.read) = (None, 0);
        self.done += 1;
        if !step.is_sound() {
            self.fault(format!("{}: {}: {}", step.artefact, step.status.word(), step.reasons.join("; ")));
        }
    }

    /// Something went wrong.
    pub fn fault(&mut self, what: String) {
        self.errors = self.errors.saturating_add(1);
        self.error = Some(what);
    }

    /// The run has come to `result`.
    pub fn end(&mut self, result: &RunResult) {
        (self.phase, self.artefact, self.read) = (Phase::Ended, None, 0);
        self.safe_to_isolate = result.safe_to_isolate;
        self.result = serde_json::from_str(&result.line()).ok();
    }

    /// The text, at most [`MAX_BYTES`]: where it would be longer, its texts are cut.
    #[must_use]
    pub fn text(&self) -> String {
        let mut limit = MAX_TEXT;
        loop {
            let mut value = json!(self);
            shorten(&mut value, limit);
            let text = without_pairs(&value.to_string());
            if text.len() <= MAX_BYTES || limit < 8 {
                return text;
            }
            limit /= 2;
        }
    }
}

/// The same JSON without two braces side by side, which Systems Manager takes for the reference to another parameter.
pub(super) fn without_pairs(json: &str) -> String {
    json.replace("{{", "{\\u007b")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::exit::Exit;
    use hozen_collector::model::record::RunStatus;
    use std::collections::BTreeMap;

    pub(in super::super) fn told() -> Told {
        Told {
            v: 1,
            run: RunId::new(Timestamp::from_seconds(0), 7),
            case: "IR-1".parse().unwrap(),
            host: "i-0123456789abcdef0".to_owned(),
            to: "s3://evidence/cases".to_owned(),
            phase: Phase::Collect,
            artefact: Some("memory"),
            done: 3,
            planned: 9,
            bytes: u64::MAX,
            read: u64::MAX,
            errors: 0,
            error: None,
            begin_sha256: Digest::of(b"begin"),
            moved: Timestamp::from_seconds(0),
            updated: Timestamp::from_seconds(0),
            safe_to_isolate: false,
            result: None,
        }
    }

    #[test]
    fn it_is_short_whatever_it_says_and_always_has_the_digest() {
        let mut told = told();
        told.to = format!("s3://evidence/{}", "x".repeat(5000));
        told.fault("{{{ssm:/secret}} \"\\\n".repeat(500));
        let details = BTreeMap::from([("warn", json!(vec!["ü".repeat(400); 50])), ("to", json!("y".repeat(4000)))]);
        told.end(&RunResult::sealed(Exit::Partial, RunStatus::Partial, details));
        let text = told.text();
        assert!(text.len() <= MAX_BYTES && !text.contains("{{"), "{}: {text}", text.len());
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["begin_sha256"], Digest::of(b"begin").to_string());
        assert_eq!(
            (&value["phase"], &value["safe_to_isolate"], &value["result"]["code"]),
            (&json!("ended"), &json!(true), &json!(10))
        );
        assert_eq!((&value["errors"], &value["artefact"]), (&json!(1), &Value::Null));
    }

    #[test]
    fn what_is_sound_or_skipped_is_no_error() {
        let mut told = told();
        let step = |status| Step {
            artefact: "context".to_owned(),
            status,
            reasons: vec!["why".to_owned()],
            started: Timestamp::from_seconds(0),
            finished: Timestamp::from_seconds(0),
            objects: Vec::new(),
            gaps: Vec::new(),
            gaps_omitted: 0,
        };
        told.step(&step(Status::Skipped));
        assert_eq!(told.artefact, Some("memory"), "what is skipped was not read, and something else may be");
        [Status::Ok, Status::Absent, Status::Skipped, Status::Failed].into_iter().for_each(|status| told.step(&step(status)));
        assert_eq!((told.done, told.errors, told.error.as_deref()), (6, 1, Some("context: failed: why")));
    }
}
