//! Floor 4: the order of a run. Each source in turn, a few beside the one before; one failure never stops the rest.
//!
//! **Invariant:** this file decides when something is read and how it ended; it reads nothing itself and writes nothing but
//! through the stream.

mod archive;
mod control;
mod gaps;
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
    /// An artefact is about to be read. What is told next is of the first that has started and not finished.
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

/// Collects one artefact after the other, or beside the one before ([`Source::beside`]), and returns what became of each, one for each
/// entry of the plan.
pub fn run(
    plan: Vec<Planned>,
    host: &Host,
    engine: &Arc<Engine>,
    control: &Arc<Control>,
    observer: &mut dyn Observer,
) -> Vec<Collected> {
    let mut run = Run { host, engine, control, observer };
    let (mut plan, mut collected) = (plan.into_iter().peekable(), Vec::new());
    while let Some(planned) = plan.next() {
        let mut last = planned.source.artefact().name;
        let mut begun = vec![run.begin(planned)];
        while let Some(beside) = plan.next_if(|next| next.source.beside() == Some(last)) {
            last = beside.source.artefact().name;
            begun.push(run.begin(beside));
        }
        collected.extend(begun.into_iter().map(|begun| run.end(begun)));
    }
    collected
}

/// What all steps of a run need.
struct Run<'a> {
    host: &'a Host,
    engine: &'a Arc<Engine>,
    control: &'a Arc<Control>,
    observer: &'a mut dyn Observer,
}

/// An entry of the plan whose turn has come.
enum Begun {
    Skipped(Collected),
    Started(step::Started),
}

impl Run<'_> {
    fn begin(&mut self, planned: Planned) -> Begun {
        let artefact = planned.source.artefact();
        let skip = planned.skip.or_else(|| self.control.stopped(self.host.clock.mono_ns()).map(|stop| stop.to_string()));
        if let Some(reason) = skip {
            return Begun::Skipped(Collected { step: skipped(artefact.name, self.host, reason), source: planned.source });
        }
        self.observer.step_started(artefact.name);
        Begun::Started(step::Started::new(planned.source, self.host, self.engine, self.control))
    }

    fn end(&mut self, begun: Begun) -> Collected {
        let collected = match begun {
            Begun::Skipped(collected) => collected,
            Begun::Started(started) => started.end(self.host, self.control, self.observer),
        };
        self.observer.step_finished(&collected.step);
        collected
    }
}

fn skipped(artefact: &str, host: &Host, reason: String) -> Step {
    let now = host.clock.now();
    step::record(artefact, Outcome::because(Status::Skipped, reason), (now, now), Vec::new(), Vec::new())
}

#[cfg(test)]
mod tests;
