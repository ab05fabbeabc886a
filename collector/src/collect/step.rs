//! One artefact, from the start of its source to its outcome.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

use super::control::Control;
use super::recorder::{Recorder, Shared};
use super::watch::{Overdue, TICK, Watch};
use super::{Collected, Observer, Step};
use crate::host::Host;
use crate::host::loaded::Fate;
use crate::model::record::{MAX_GAPS, MAX_REASON, MAX_REASONS};
use crate::model::{Artefact, Gap, ObjectKey, Outcome, Status, Timestamp, escape};
use crate::source::{Evidence, Source, Stop};
use crate::stream::{Closed, Engine};

/// What came back from the source's thread.
enum Ending {
    Returned(Result<Outcome, Stop>),
    Panicked(String),
    Abandoned(Stop),
}

/// What comes back from the source's thread: how it ended and when, and the source itself.
type Answer = (Ending, Box<dyn Source>, Timestamp);

/// Stands for a source that did not come back.
struct Gone(Artefact);

impl Source for Gone {
    fn artefact(&self) -> Artefact {
        self.0
    }

    fn acquire(&self, _: &Host, _: &mut dyn Evidence) -> Result<Outcome, Stop> {
        Ok(Outcome::because(Status::Failed, "the thread that read it before did not come back"))
    }
}

/// An artefact that is read on a thread of its own, so that a source that hangs or panics costs nothing but itself.
pub(super) struct Started {
    artefact: Artefact,
    at: Timestamp,
    shared: Arc<Shared>,
    watch: Watch,
    answer: std::io::Result<Receiver<Answer>>,
}

impl Started {
    pub(super) fn new(source: Box<dyn Source>, host: &Host, engine: &Arc<Engine>, control: &Arc<Control>) -> Self {
        let (artefact, at) = (source.artefact(), host.clock.now());
        let shared = Arc::new(Shared::open(engine, artefact, &host.identity.facts.id, host.clock, control));
        let watch = Watch::start(host, &shared, control);
        let answer = spawn(source, host, &shared);
        Self { artefact, at, shared, watch, answer }
    }

    /// Waits for it, no longer than it may take, and says what became of it.
    pub(super) fn end(self, host: &Host, control: &Control, observer: &mut dyn Observer) -> Collected {
        let Self { artefact, at, shared, watch, answer } = self;
        let mut closed = Vec::new();
        let gone = |ending| (ending, Box::new(Gone(artefact)) as Box<dyn Source>, host.clock.now());
        let (ending, source, ended) = match answer {
            Ok(answer) => wait(&answer, &shared, host, control, &mut Told { observer, closed: &mut closed }).unwrap_or_else(gone),
            Err(error) => gone(Ending::Panicked(format!("cannot start a thread: {error}"))),
        };
        let (last, gaps) = shared.close();
        Told { observer, closed: &mut closed }.tell(last);
        // The destination may have held up us and the source alike, and the kernel would keep the module.
        let abandoned = matches!(ending, Ending::Abandoned(_)).then(|| host.loaded.release(&host.footprint)).flatten();
        let outcome = with_module(few_reasons(outcome_of(ending)), watch.end().or(abandoned));
        let step = finish(artefact.name, outcome, (at, ended), &closed, gaps, observer);
        if step.status == Status::Timeout {
            host.footprint.count("artefacts_timed_out");
        }
        Collected { step, source }
    }
}

/// Objects that have ended, and whoever is told of each as soon as it has.
struct Told<'a> {
    observer: &'a mut dyn Observer,
    closed: &'a mut Vec<Closed>,
}

impl Told<'_> {
    fn tell(&mut self, closed: Vec<Closed>) {
        for object in closed {
            if let Some(receipt) = &object.receipt {
                self.observer.object_stored(receipt);
            }
            if let Some(lost) = &object.lost {
                self.observer.object_lost(lost.from, &lost.error);
            }
            self.closed.push(object);
        }
    }
}

fn spawn(source: Box<dyn Source>, host: &Host, shared: &Arc<Shared>) -> std::io::Result<Receiver<Answer>> {
    let (reply, answer) = bounded(1);
    let (host, mut recorder) = (host.clone(), Recorder(Arc::clone(shared)));
    let name = format!("hozen-{}", source.artefact().name);
    let read = move || {
        let result = catch_unwind(AssertUnwindSafe(|| source.acquire(&host, &mut recorder)));
        let ending = result.map_or_else(|panic| Ending::Panicked(panic_text(&*panic)), Ending::Returned);
        drop(reply.send((ending, source, host.clock.now())));
    };
    std::thread::Builder::new().name(name).spawn(read)?;
    Ok(answer)
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    escape::bytes(text.unwrap_or("no message").as_bytes())
}

/// Waits for the source; how it ended without coming back is the error.
fn wait(
    answer: &Receiver<Answer>,
    shared: &Shared,
    host: &Host,
    control: &Control,
    told: &mut Told<'_>,
) -> Result<Answer, Ending> {
    let mut overdue = Overdue::default();
    loop {
        match answer.recv_timeout(TICK) {
            Ok(answer) => return Ok(answer),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Ending::Panicked("the source's thread vanished".to_owned()));
            }
            Err(RecvTimeoutError::Timeout) => {
                told.tell(shared.take_ended());
                told.observer.tick(&shared.progress);
            }
        }
        // It waits for the destination with its image, and so would we to close its objects: to abandon it would gain nothing, and lose the
        // rows that it still has to write about that image.
        if shared.is_in_image() {
            overdue = Overdue::default();
            continue;
        }
        if let Some(stop) = overdue.now(shared, host, control) {
            host.footprint.count("threads_abandoned");
            return Err(Ending::Abandoned(stop));
        }
    }
}

fn finish(
    artefact: &'static str,
    outcome: Outcome,
    times: (Timestamp, Timestamp),
    closed: &[Closed],
    mut gaps: Vec<Gap>,
    observer: &mut dyn Observer,
) -> Step {
    for object in closed {
        if let Some(lost) = &object.lost {
            let reason = format!("not stored: {}", lost.error.cause);
            gaps.push(Gap::from(object.key.as_str().as_bytes(), lost.from, None, reason).clipped());
        }
    }
    gaps.iter().for_each(|gap| observer.gap(artefact, gap));
    let objects: Vec<ObjectKey> = closed.iter().filter_map(|object| object.receipt.as_ref()).map(|r| r.key.clone()).collect();
    let lost_all = objects.is_empty() && closed.iter().any(|object| object.lost.is_some());
    let lost_some = closed.iter().any(|object| object.lost.is_some());
    let outcome = settle(outcome, &gaps, (lost_some, lost_all));
    record(artefact, outcome, times, objects, gaps)
}

fn outcome_of(ending: Ending) -> Outcome {
    match ending {
        Ending::Returned(Ok(outcome)) => outcome,
        Ending::Returned(Err(Stop::Interrupted)) => Outcome::because(Status::Partial, "the run was interrupted"),
        Ending::Returned(Err(Stop::OutOfTime)) => Outcome::because(Status::Timeout, "out of time; what had been read is kept"),
        Ending::Returned(Err(Stop::Sink)) => Outcome::because(Status::Failed, "the destination takes no more"),
        Ending::Panicked(what) => Outcome::because(Status::Failed, format!("a bug in Hozen: {what}")),
        Ending::Abandoned(stop) => {
            Outcome::because(Status::Timeout, format!("{stop}, and its source did not come back; what had been read is kept"))
        }
    }
}

/// The first reasons of what a source says, which may have as many as there are files on the host. What the run adds comes behind them.
fn few_reasons(mut outcome: Outcome) -> Outcome {
    let more = outcome.reasons.len().saturating_sub(MAX_REASONS);
    if more > 0 {
        outcome.reasons.truncate(MAX_REASONS - 1);
        outcome.reasons.push(format!("and {} more reasons", more + 1));
    }
    outcome
}

/// Says what became of a module that the run had to unload. What is `ok` has all of its image, and says nothing.
fn with_module(mut outcome: Outcome, module: Option<Fate>) -> Outcome {
    if let (Some(fate), true) = (module, outcome.status != Status::Ok) {
        let what = if fate.gone { "the run itself unloaded its kernel module" } else { "its kernel module is still loaded" };
        outcome.reasons.push(what.to_owned());
    }
    outcome
}

/// An outcome that says `ok` although something is missing is `partial`; one of which nothing is stored is `failed`.
fn settle(mut outcome: Outcome, gaps: &[Gap], (lost_some, lost_all): (bool, bool)) -> Outcome {
    if lost_all {
        outcome.status = Status::Failed;
        outcome.reasons.push("nothing of it could be stored".to_owned());
    } else if outcome.status == Status::Absent && lost_some {
        outcome.status = Status::Partial;
        outcome.reasons.push("what shows that it is absent could not be stored whole".to_owned());
    } else if let (Status::Ok, Some(first)) = (outcome.status, gaps.first()) {
        outcome.status = Status::Partial;
        outcome.reasons.push(describe(gaps, first));
    }
    outcome
}

/// Gaps in one sentence.
fn describe(gaps: &[Gap], first: &Gap) -> String {
    let refused = gaps.iter().all(|gap| gap.refused);
    let what = if refused { "the kernel refused" } else { "missing:" };
    let more = if gaps.len() > 1 { format!(" and {} more", gaps.len() - 1) } else { String::new() };
    format!("{what} {}{more} ({})", first.source, first.reason)
}

/// The record of a step with at most [`MAX_GAPS`] of its gaps, and reasons that the records have room for.
pub(super) fn record(
    artefact: &str,
    outcome: Outcome,
    (started, finished): (Timestamp, Timestamp),
    mut objects: Vec<ObjectKey>,
    mut gaps: Vec<Gap>,
) -> Step {
    objects.sort();
    let gaps_omitted = u64::try_from(gaps.len().saturating_sub(MAX_GAPS)).unwrap_or(u64::MAX);
    gaps.truncate(MAX_GAPS);
    let Outcome { status, reasons } = outcome;
    let reasons = reasons.into_iter().map(|reason| escape::clipped(reason, MAX_REASON)).collect();
    Step { artefact: artefact.to_owned(), status, reasons, started, finished, objects, gaps, gaps_omitted }
}
