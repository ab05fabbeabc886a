//! Turns what happens in a run into custody events, log lines and what a person sees.

use std::collections::{BTreeSet, VecDeque};

use hozen_collector::collect::{Control, Observer, Progress};
use hozen_collector::host::Clock;
use hozen_collector::model::record::{Step, event};
use hozen_collector::model::{Gap, Receipt};
use hozen_collector::sink::{Cause, SinkError};
use hozen_collector::source::Stop;
use hozen_collector::stream::Closed;
use serde_json::{Value, json};

use crate::custody::Journal;
use crate::progress::Display;
use crate::status::{Teller, Told};

/// Watches a run for the journal, the log and the person.
pub(super) struct RunObserver<'a> {
    pub(super) journal: &'a mut Journal,
    pub(super) display: Display,
    pub(super) clock: Clock,
    pub(super) control: &'a Control,
    /// Whether the journal knows that the run was asked to end.
    pub(super) told: bool,
    /// Who tells whoever watches from outside.
    pub(super) teller: Option<&'a Teller>,
    /// Where the destination's losses are noted.
    pub(super) losses: &'a mut Losses,
    /// What has started and not finished, and when. The first is shown, and whatever is told is of it.
    pub(super) open: VecDeque<(&'static str, u64)>,
}

/// What the destination did not take.
#[derive(Debug, Default)]
pub(super) struct Losses {
    /// Whether there is a spool to go on in, so that a destination is asked whether it is lost whatever it did not take an object for.
    pub(super) has_spool: bool,
    /// The artefact that is read.
    pub(super) artefact: &'static str,
    /// Artefacts of which something is not stored.
    pub(super) artefacts: BTreeSet<&'static str>,
    /// Why it takes nothing more, if that is so.
    pub(super) reason: Option<String>,
}

/// Why what concerns the status is done.
pub(super) const FOR_WATCHERS: &str = "for whoever watches the run";

/// Puts into the journal what became of telling.
pub(super) fn take_notes(journal: &mut Journal, teller: &Teller) {
    for (event, data) in teller.take_notes() {
        journal.append(event, FOR_WATCHERS, &data);
    }
}

impl RunObserver<'_> {
    /// Changes what whoever watches is told next.
    fn tell(&self, change: impl FnOnce(&mut Told)) {
        let now = self.clock.now();
        if let Some(teller) = self.teller {
            teller.update(|told| {
                told.moved = now;
                change(told);
            });
        }
    }

    /// Called when an object was not stored: tries to store the journal, the least a run must store. If that fails too, the destination is
    /// lost and nothing more is read for it. Without a spool to go on in this is not asked unless the cause is final. A folder without
    /// room is not lost: it keeps some back for the seal, and smaller objects may still fit.
    fn look_for_destination(&mut self, error: &SinkError) {
        let is_final = matches!(error.cause, Cause::Refused(_) | Cause::Unreachable(_));
        // Without a spool a run that is to end for another reason ends for that one.
        let ends = !self.losses.has_spool && self.control.stopped(self.clock.mono_ns()).is_some();
        if !(self.losses.has_spool || is_final) || self.control.has_lost_destination() || ends {
            return;
        }
        if let Err(error) = self.journal.flush()
            && !matches!(error.cause, Cause::Reserved(_))
        {
            tracing::error!(%error, "the destination is lost");
            self.losses.reason = Some(format!("the destination takes nothing more: {error}"));
            self.control.lose_destination();
        }
    }

    /// Shows the first of what is open.
    fn show(&mut self) {
        let Some((artefact, began_ns)) = self.open.front().copied() else { return };
        self.losses.artefact = artefact;
        self.display.start(artefact, began_ns);
        self.tell(|told| told.artefact = Some(artefact));
    }

    fn tell_interruption(&mut self) {
        let stop = self.control.stopped(self.clock.mono_ns());
        if self.told || stop.is_none() {
            return;
        }
        self.told = true;
        let cause = if stop == Some(Stop::Sink) { "destination" } else { "deadline" };
        let cause = self.control.interruption().unwrap_or(cause);
        tracing::warn!(cause, "run is cut short");
        self.journal.append(event::INTERRUPTED, "the run was asked to end", &json!({"cause": cause}));
    }
}

impl Observer for RunObserver<'_> {
    fn step_started(&mut self, artefact: &'static str) {
        self.open.push_back((artefact, self.clock.mono_ns()));
        if self.open.len() == 1 {
            self.show();
        }
        self.journal.append(event::STEP_START, "collection plan", &json!({"artefact": artefact}));
    }

    fn gap(&mut self, artefact: &'static str, gap: &Gap) {
        tracing::warn!(artefact, source = gap.source, offset = gap.offset, length = gap.length, reason = gap.reason, "gap");
        self.journal.append(event::GAP, "what is missing is named", &json!({"artefact": artefact, "gap": gap}));
    }

    fn object_stored(&mut self, receipt: &Receipt) {
        tracing::debug!(key = receipt.key.as_str(), size = receipt.size, sha256 = %receipt.sha256, "stored");
        self.journal.append(event::OBJECT_COMPLETED, "collection plan", receipt);
        self.journal.add_receipt(receipt.clone());
        self.tell(|told| told.bytes = told.bytes.saturating_add(receipt.size));
    }

    fn object_lost(&mut self, from: u64, error: &SinkError) {
        tracing::error!(%error, from, "the destination did not take an object");
        let data = lost(error.key.as_str(), from, &error.cause.to_string());
        self.journal.append(event::OBJECT_FAILED, "the destination did not take it", &data);
        self.tell(|told| told.fault(error.to_string()));
        self.losses.artefacts.insert(self.losses.artefact);
        self.look_for_destination(error);
    }

    fn step_finished(&mut self, step: &Step) {
        let status = step.status.word();
        tracing::info!(artefact = step.artefact, status, reasons = step.reasons.join("; "), "step ends");
        self.tell_interruption();
        self.journal.append(event::STEP_FINISH, "collection plan", &step_event(step));
        self.tell(|told| told.step(step));
        self.display.finish(step);
        // What was skipped has not started.
        if self.open.pop_front_if(|(artefact, _)| *artefact == step.artefact).is_some() {
            self.show();
        }
    }

    fn tick(&mut self, progress: &Progress) {
        self.tell_interruption();
        if let Some(teller) = self.teller {
            let (now, read) = (self.clock.now(), progress.bytes());
            teller.update(|told| {
                if told.read != read {
                    (told.read, told.moved) = (read, now);
                }
            });
            take_notes(self.journal, teller);
        }
        self.journal.tick();
        self.display.tick(progress, self.clock.mono_ns());
    }
}

impl Drop for RunObserver<'_> {
    fn drop(&mut self) {
        self.display.close();
    }
}

/// The data of a `step.finish` event: the step without its gaps, which stand in their own events.
fn step_event(step: &Step) -> Value {
    let gap_count = u64::try_from(step.gaps.len()).unwrap_or(u64::MAX).saturating_add(step.gaps_omitted);
    json!({
        "artefact": step.artefact,
        "status": step.status,
        "reasons": step.reasons,
        "started": step.started,
        "finished": step.finished,
        "objects": step.objects,
        "gaps_omitted": step.gaps_omitted,
        "gap_count": gap_count,
    })
}

/// The data of an `object.failed` event.
pub(super) fn lost(key: &str, from: u64, reason: &str) -> Value {
    json!({"key": key, "from": from, "reason": reason})
}

/// Notes what became of the agent's log.
pub(super) fn store_log(journal: &mut Journal, closed: Closed) {
    if let Some(receipt) = closed.receipt {
        journal.append(event::OBJECT_COMPLETED, "the agent's log", &receipt);
        journal.add_receipt(receipt);
    }
    if let Some(gone) = closed.lost {
        journal.append(
            event::OBJECT_FAILED,
            "the agent's log",
            &lost(closed.key.as_str(), gone.from, &gone.error.cause.to_string()),
        );
    }
}
