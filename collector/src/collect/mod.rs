//! Floor 4: the order of a run. Each source in turn, one failure never stops the rest.
//!
//! **Invariant:** this file decides when something is read and how it ended; it reads nothing itself and writes nothing but
//! through the stream.

mod archive;
mod control;
mod image;
mod recorder;
mod step;
mod watch;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::host::Host;
use crate::model::record::Step;
use crate::model::{Gap, Outcome, Receipt, Status};
use crate::sink::SinkError;
use crate::source::Source;
use crate::stream::Engine;

pub use control::{Control, Progress};

/// A source and whether the plan leaves it out.
pub struct Planned {
    /// Reads the artefact.
    pub source: Box<dyn Source>,
    /// Why it is left out, if it is.
    pub skip: Option<String>,
}

impl std::fmt::Debug for Planned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Planned({}, skip: {:?})", self.source.artefact().name, self.skip)
    }
}

/// Watches a run. All calls come from the thread that called [`run`].
pub trait Observer {
    /// An artefact is about to be read.
    fn step_started(&mut self, artefact: &'static str);
    /// Something is missing.
    fn gap(&mut self, artefact: &'static str, gap: &Gap);
    /// The sink has an object whole.
    fn object_stored(&mut self, receipt: &Receipt);
    /// The sink did not take an object, from this content byte on.
    fn object_lost(&mut self, from: u64, error: &SinkError);
    /// An artefact has its outcome.
    fn step_finished(&mut self, step: &Step);
    /// Called several times a second while an artefact is read.
    fn tick(&mut self, progress: &Progress);
}

/// What became of one entry of the plan.
pub struct Collected {
    /// Its outcome.
    pub step: Step,
    /// Its source, which can be read again: what is shared with others, and what was heard since the run began, is still there.
    pub source: Box<dyn Source>,
}

impl std::fmt::Debug for Collected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collected").field("step", &self.step).finish_non_exhaustive()
    }
}

/// Tells every artefact that the plan does not skip that the run begins.
pub fn begin(plan: &[Planned], host: &Host) {
    for planned in plan.iter().filter(|planned| planned.skip.is_none()) {
        // One that panics has not begun, and says so when its turn comes.
        let _ = catch_unwind(AssertUnwindSafe(|| planned.source.begin(host)));
    }
}

/// Collects one artefact after the other, and returns what became of each, one for each entry of the plan.
pub fn run(
    plan: Vec<Planned>,
    host: &Host,
    engine: &Arc<Engine>,
    control: &Arc<Control>,
    observer: &mut dyn Observer,
) -> Vec<Collected> {
    let collect_one = |planned: Planned| {
        let artefact = planned.source.artefact();
        let skip = planned.skip.or_else(|| control.stopped(host.clock.mono_ns()).map(|stop| stop.to_string()));
        let collected = match skip {
            Some(reason) => Collected { step: skipped(artefact.name, host, reason), source: planned.source },
            None => step::collect(planned.source, host, engine, control, observer),
        };
        observer.step_finished(&collected.step);
        collected
    };
    plan.into_iter().map(collect_one).collect()
}

fn skipped(artefact: &str, host: &Host, reason: String) -> Step {
    let now = host.clock.now();
    step::record(artefact, Outcome::because(Status::Skipped, reason), (now, now), Vec::new(), Vec::new())
}

#[cfg(test)]
mod tests;
