//! The spool: a folder on the host for what the destination does not take.
//!
//! ```text
//! nothing at the begin    → the run itself begins there instead, under another id
//! nothing in its middle   → the run ends as it must; what it has no stored outcome for is collected by another run, which begins there
//! ```
//!
//! Two runs and not one in two places: each is whole by itself, verifies by itself, and none of the first one's locked records is in
//! doubt. The second names the first and, in its manifest, all that is stored of it; one key signs both, because one process made both.

use std::collections::{BTreeMap, BTreeSet};

use hozen_collector::collect::{Collected, Planned};
use hozen_collector::model::record::{Before, Continues, PlannedStep, Step};
use hozen_collector::model::{RunId, Status, escape};
use hozen_collector::source::Stop;
use serde_json::{Value, json};

use super::Ended;
use super::observer::Losses;
use crate::custody::Journal;
use crate::exit::Exit;

/// What a run leaves behind for the one that may go on with it.
pub(super) struct Stage {
    /// How it ended.
    pub(super) ended: Ended,
    /// Outcomes and sources, one for each entry of the plan; empty where nothing could be read.
    pub(super) collected: Vec<Collected>,
    /// What its destination did not take.
    pub(super) losses: Losses,
    /// Its records, as they stood at its end.
    pub(super) before: Before,
    /// What the next one says of it at its begin.
    pub(super) continues: Continues,
}

/// The run that another one goes on with.
pub(super) struct First {
    pub(super) continues: Continues,
    pub(super) before: Before,
    /// Artefacts that it has an outcome for and lost nothing of.
    kept: BTreeMap<String, Step>,
}

impl Stage {
    /// A run with this journal, which has come to `ended`.
    pub(super) fn of(ended: Ended, location: String, collected: Vec<Collected>, losses: Losses, journal: &Journal) -> Self {
        let error = ended.result.details.get("error").and_then(Value::as_str).map(str::to_owned);
        let reason = losses.reason.clone().or(error).unwrap_or_default();
        let (run, begin_sha256, sealed) = (journal.run(), journal.begin(), ended.result.safe_to_isolate);
        let reason = escape::bytes(reason.as_bytes());
        let continues = Continues { run, location, begin_sha256, sealed, reason };
        let steps = collected.iter().map(|collected| collected.step.clone()).collect();
        let before = Before { run, steps, objects: journal.receipts(), chain: journal.head() };
        Self { ended, collected, losses, before, continues }
    }

    /// Whether another run must go on with it, by the plan that there was: it has no seal, or its destination was lost with something due.
    pub(super) fn is_to_go_on(&self, planned: &[PlannedStep]) -> bool {
        let mut steps = self.collected.iter().map(|collected| &collected.step).zip(planned);
        let is_cut = steps.any(|(step, planned)| planned.skip.is_none() && is_due(step, &self.losses.artefacts));
        !self.continues.sealed || (self.losses.reason.is_some() && is_cut)
    }

    /// What goes on, by the plan that there was: what has an outcome, and of which nothing was lost, is left out.
    pub(super) fn go_on(self, planned: &[PlannedStep]) -> (Ended, First, Vec<Planned>) {
        let Self { ended, collected, losses, before, continues } = self;
        let stored = format!("stored by run {}", continues.run);
        let mut kept = BTreeMap::new();
        let mut again = |(Collected { step, source }, planned): (Collected, &PlannedStep)| {
            let mut skip = planned.skip.clone();
            if skip.is_none() && !is_due(&step, &losses.artefacts) {
                skip = Some(stored.clone());
                kept.insert(step.artefact.clone(), step);
            }
            Planned { source, skip }
        };
        let plan = collected.into_iter().zip(planned).map(&mut again).collect();
        (ended, First { continues, before, kept }, plan)
    }
}

/// Whether the step is to be collected once more, if it was planned.
fn is_due(step: &Step, lost: &BTreeSet<&'static str>) -> bool {
    let cut = step.reasons.iter().any(|reason| *reason == Stop::Sink.to_string());
    cut || step.status == Status::Skipped || lost.contains(step.artefact.as_str())
}

impl First {
    /// Whether the first run has the artefact.
    pub(super) fn has(&self, artefact: &str) -> bool {
        self.kept.contains_key(artefact)
    }

    /// The steps of both runs together, of which `steps` are those of the second.
    pub(super) fn with(&self, steps: &[Step]) -> Vec<Step> {
        steps.iter().map(|step| self.kept.get(&step.artefact).unwrap_or(step).clone()).collect()
    }
}

/// A run that went into the spool instead of the bucket.
pub(super) struct Spooled {
    pub(super) run: RunId,
    pub(super) location: String,
    pub(super) error: String,
    /// The run that it goes on with.
    pub(super) continues: Option<RunId>,
}

impl Spooled {
    /// The run's end with its own exit code: what is sealed here is still on the host.
    pub(super) fn tell(self, mut ended: Ended) -> Ended {
        let details = &mut ended.result.details;
        details.insert("run", json!(self.run));
        details.insert("spool", json!(self.location));
        details.insert("refused", json!(self.error));
        if let Some(first) = self.continues {
            details.insert("continues", json!(first));
        }
        if ended.result.safe_to_isolate {
            ended.result.code = Exit::Spooled.into();
            ended.result.safe_to_isolate = false;
        }
        ended
    }
}
