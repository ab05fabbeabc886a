//! What the journal's events say (evidence format, section 3): their particulars, and the story that they add up to.
//!
//! **Invariant:** what is kept does not grow with the journal: receipts are kept for objects that are there, steps and gaps for
//! artefacts of the plan.

use std::collections::{BTreeMap, BTreeSet};

use hozen_collector::model::record::{Event, MAX_GAPS, RunStatus, event};
use hozen_collector::model::{Digest, Gap, ObjectKey, Receipt, Status, Timestamp, canonical};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::findings::{Findings, Place};
use super::holding::Holding;
use super::missing::GapGroups;
use super::name::Name;

/// The most objects that the journal says are not stored whole and that the report lists.
const MAX_LOST: usize = 1000;
/// The most steps that are kept where no plan says which there are.
const MAX_STEPS: usize = 10_000;

/// All that the journal tells.
#[derive(Debug, Default)]
pub(super) struct Story {
    /// Receipts of the objects that are there.
    pub(super) receipts: BTreeMap<ObjectKey, Receipt>,
    /// What became of each step.
    pub(super) steps: BTreeMap<String, StepStory>,
    /// Objects that the sink refused, or a part of them.
    pub(super) lost: Vec<ObjectFailed>,
    /// What interrupted the run.
    pub(super) interrupted: Vec<String>,
    /// How the run ended.
    pub(super) end: Option<RunEnd>,
}

/// What the journal tells of one step.
#[derive(Debug, Default)]
pub(super) struct StepStory {
    /// It was begun.
    pub(super) started: bool,
    /// Its outcome.
    pub(super) finish: Option<StepFinish>,
    /// Digests of its first gaps, for comparison with the manifest.
    pub(super) gaps: Vec<Digest>,
    /// How many gaps it has.
    pub(super) gap_count: u64,
    /// Its gaps, for the report.
    pub(super) groups: GapGroups,
}

/// What to compare the journal with.
#[derive(Debug)]
pub(super) struct Known<'a> {
    /// The begin record's digest.
    pub(super) begin: Option<Digest>,
    /// Artefacts of the plan.
    pub(super) plan: Option<BTreeSet<&'a str>>,
    /// What is there.
    pub(super) holding: &'a Holding,
}

/// Data of `run.begin`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RunBegin {
    begin_sha256: Digest,
}

/// Data of `step.start`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StepStart {
    artefact: String,
}

/// Data of `gap`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GapNoted {
    artefact: String,
    gap: Gap,
}

/// Data of `object.failed`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ObjectFailed {
    pub(super) key: ObjectKey,
    pub(super) reason: String,
    pub(super) from: u64,
}

/// Data of `step.finish`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepFinish {
    pub(super) artefact: String,
    pub(super) status: Status,
    pub(super) reasons: Vec<String>,
    pub(super) started: Timestamp,
    pub(super) finished: Timestamp,
    pub(super) objects: Vec<ObjectKey>,
    pub(super) gaps_omitted: u64,
    pub(super) gap_count: u64,
}

/// Data of `interrupted`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Interrupted {
    cause: String,
}

/// Data of `clock`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockNoted {
    destination: String,
    host: Timestamp,
    offset_s: i64,
}

/// Data of `outage`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OutageNoted {
    from: Timestamp,
    until: Timestamp,
    failures: u64,
    reason: String,
}

/// Data of `witness`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Witnessed {
    parameter: String,
    version: i64,
    begin_sha256: Digest,
}

/// Data of `status.failed`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StatusFailed {
    parameter: String,
    reason: String,
}

/// Data of `deadline`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeadlineNoted {
    left_ms: u64,
}

/// Data of `run.end`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RunEnd {
    pub(super) status: RunStatus,
    pub(super) exit_code: u8,
    pub(super) reasons: Vec<String>,
}

/// The digest by which a gap of the journal and one of the manifest are compared.
pub(super) fn gap_digest(gap: &Gap) -> Digest {
    Digest::of(&canonical::to_bytes(gap).unwrap_or_default())
}

impl Story {
    /// Takes the event of one line and notes what is wrong with it.
    pub(super) fn take(&mut self, event: &Event, known: &Known<'_>, place: &Place, findings: &mut Findings) {
        let result = match event.event.as_str() {
            event::RUN_BEGIN => run_begin(event, known),
            event::STEP_START => self.step_start(event, known),
            event::GAP => self.gap(event, known),
            event::OBJECT_COMPLETED => self.object_completed(event, known, findings),
            event::OBJECT_FAILED => self.object_failed(event),
            event::STEP_FINISH => self.step_finish(event, known),
            event::CLOCK => particulars::<ClockNoted>(event).map(drop),
            event::OUTAGE => particulars::<OutageNoted>(event).map(drop),
            event::WITNESS => witnessed(event, known),
            event::STATUS_FAILED => particulars::<StatusFailed>(event).map(drop),
            event::DEADLINE => particulars::<DeadlineNoted>(event).map(drop),
            event::INTERRUPTED => self.interrupted(event),
            event::RUN_END => self.run_end(event),
            other => Err(format!("the event {other:?} is unknown")),
        };
        if let Err(fault) = result {
            findings.fail(place.clone(), fault);
        }
    }

    fn step(&mut self, artefact: &str, known: &Known<'_>) -> Result<&mut StepStory, String> {
        let planned = known.plan.as_ref().map_or(self.steps.len() < MAX_STEPS, |plan| plan.contains(artefact));
        if !planned {
            return Err(format!("the plan does not name the artefact {artefact}"));
        }
        Ok(self.steps.entry(artefact.to_owned()).or_default())
    }

    fn step_start(&mut self, event: &Event, known: &Known<'_>) -> Result<(), String> {
        let StepStart { artefact } = particulars(event)?;
        let step = self.step(&artefact, known)?;
        let again = std::mem::replace(&mut step.started, true) || step.finish.is_some();
        if again { Err(format!("{artefact} is begun a second time")) } else { Ok(()) }
    }

    fn gap(&mut self, event: &Event, known: &Known<'_>) -> Result<(), String> {
        let GapNoted { artefact, gap } = particulars(event)?;
        let step = self.step(&artefact, known)?;
        step.gap_count = step.gap_count.saturating_add(1);
        if step.gaps.len() < MAX_GAPS {
            step.gaps.push(gap_digest(&gap));
        }
        step.groups.add(&gap);
        Ok(())
    }

    fn step_finish(&mut self, event: &Event, known: &Known<'_>) -> Result<(), String> {
        let finish: StepFinish = particulars(event)?;
        let artefact = finish.artefact.clone();
        let step = self.step(&artefact, known)?;
        let again = step.finish.replace(finish).is_some();
        if again { Err(format!("{artefact} is finished a second time")) } else { Ok(()) }
    }

    fn object_completed(&mut self, event: &Event, known: &Known<'_>, findings: &mut Findings) -> Result<(), String> {
        let receipt: Receipt = particulars(event)?;
        let key = receipt.key.clone();
        if !Name::of(&key).is_some_and(Name::has_journal_receipt) {
            return Err(format!("{key} is not an object that the journal has receipts for"));
        }
        if !known.holding.objects().contains(&key) {
            findings.require(!known.holding.lacks(&key), &key, "is missing, though the journal has its receipt");
            return Ok(());
        }
        let again = self.receipts.insert(key.clone(), receipt).is_some();
        if again { Err(format!("{key} is completed a second time")) } else { Ok(()) }
    }

    fn object_failed(&mut self, event: &Event) -> Result<(), String> {
        let failed: ObjectFailed = particulars(event)?;
        if self.lost.len() < MAX_LOST {
            self.lost.push(failed);
        }
        Ok(())
    }

    fn interrupted(&mut self, event: &Event) -> Result<(), String> {
        let Interrupted { cause } = particulars(event)?;
        if !matches!(cause.as_str(), "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGQUIT" | "deadline" | "destination") {
            return Err(format!("the cause {cause:?} is unknown"));
        }
        if !self.interrupted.contains(&cause) {
            self.interrupted.push(cause);
        }
        Ok(())
    }

    fn run_end(&mut self, event: &Event) -> Result<(), String> {
        let again = self.end.replace(particulars(event)?).is_some();
        if again { Err("the run ends a second time".to_owned()) } else { Ok(()) }
    }
}

fn run_begin(event: &Event, known: &Known<'_>) -> Result<(), String> {
    let RunBegin { begin_sha256 } = particulars(event)?;
    let right = known.begin.is_none_or(|begin| begin == begin_sha256);
    if right { Ok(()) } else { Err("it names another begin record than the one that is there".to_owned()) }
}

fn witnessed(event: &Event, known: &Known<'_>) -> Result<(), String> {
    let Witnessed { begin_sha256, .. } = particulars(event)?;
    let right = known.begin.is_none_or(|begin| begin == begin_sha256);
    if right { Ok(()) } else { Err("the witness has the digest of another begin record than the one that is there".to_owned()) }
}

/// The event's particulars, in their one spelling.
fn particulars<T: Serialize + DeserializeOwned>(event: &Event) -> Result<T, String> {
    let fault = |error| format!("the data of {} is not what the format says: {error}", event.event);
    let value: T = serde_json::from_value(event.data.clone()).map_err(fault)?;
    let same = serde_json::to_value(&value).is_ok_and(|again| again == event.data);
    if same { Ok(value) } else { Err(format!("the data of {} is not in canonical form", event.event)) }
}
