//! What a reader of the custody journal should know of the way to the bucket: how far its clock is from ours, and when it gave no
//! answer.

use std::collections::BTreeMap;
use std::sync::Mutex;

use aws_smithy_types::date_time::{DateTime, Format};
use hozen_collector::host::Clock;
use hozen_collector::model::Timestamp;
use hozen_collector::model::record::event;
use serde_json::{Value, json};

/// Notes that wait to be taken, at most.
const MOST: usize = 200;
/// Seconds by which the clocks must part before it is noted anew; an answer's date has no fractions.
const WORTH: i64 = 3;

/// Watches. Shared by all requests.
#[derive(Debug)]
pub(super) struct Watch {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    notes: Vec<(&'static str, BTreeMap<String, Value>)>,
    offset: Option<i64>,
    outage: Option<Outage>,
    stalled_ns: u64,
    reached: bool,
}

/// The time since which nothing has succeeded.
#[derive(Debug)]
struct Outage {
    since: Timestamp,
    since_ns: u64,
    failures: u64,
    reason: String,
    /// Whether a request was given up meanwhile.
    given_up: bool,
}

impl Watch {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// Nanoseconds since the run began.
    pub(super) fn now_ns(&self) -> u64 {
        self.clock.mono_ns()
    }

    /// Whether anything has ever succeeded.
    pub(super) fn reached(&self) -> bool {
        self.state.lock().is_ok_and(|state| state.reached)
    }

    /// An answer came, dated `date`.
    pub(super) fn heard(&self, date: Option<&str>) {
        let Some(offset) = date.and_then(|date| self.offset(date)) else { return };
        let Ok(mut state) = self.state.lock() else { return };
        if state.offset.is_none_or(|known| (known - offset).abs() >= WORTH) {
            state.offset = Some(offset);
            let data = [("destination", json!(date)), ("host", json!(self.clock.now())), ("offset_s", json!(offset))];
            state.note(event::CLOCK, data.map(|(name, value)| (name.to_owned(), value)).into());
        }
    }

    /// The time by the bucket's clock, as far as that is known, else by ours.
    pub(super) fn their_now(&self) -> Timestamp {
        let offset = i128::from(self.clock_offset().unwrap_or(0)) * 1_000_000_000;
        Timestamp::from_nanoseconds(self.clock.now().nanoseconds() + offset)
    }

    /// Seconds by which the bucket's clock is ahead of ours, as far as it is known.
    pub(super) fn clock_offset(&self) -> Option<i64> {
        self.state.lock().ok().and_then(|state| state.offset)
    }

    fn offset(&self, date: &str) -> Option<i64> {
        let theirs = DateTime::from_str(date, Format::HttpDate).ok()?.secs();
        let ours = i64::try_from(self.clock.now().nanoseconds() / 1_000_000_000).ok()?;
        theirs.checked_sub(ours)
    }

    /// A request that began at `began_ns` got no answer of use.
    pub(super) fn failed(&self, began_ns: u64, reason: &str) {
        let now_ns = self.now_ns();
        let since = Timestamp::from_nanoseconds(self.clock.now().nanoseconds() - i128::from(now_ns.saturating_sub(began_ns)));
        let Ok(mut state) = self.state.lock() else { return };
        let outage = state.outage.get_or_insert_with(|| Outage {
            since,
            since_ns: began_ns,
            failures: 0,
            reason: String::new(),
            given_up: false,
        });
        outage.failures = outage.failures.saturating_add(1);
        reason.clone_into(&mut outage.reason);
    }

    /// A request has been given up, because there was no answer of use for as long as anybody waits.
    pub(super) fn given_up(&self) {
        if let Ok(mut state) = self.state.lock()
            && let Some(outage) = &mut state.outage
        {
            outage.given_up = true;
        }
    }

    /// Whether a request has been given up, and nothing has succeeded since.
    pub(super) fn has_given_up(&self) -> bool {
        self.state.lock().is_ok_and(|state| state.outage.as_ref().is_some_and(|outage| outage.given_up))
    }

    /// A request succeeded.
    pub(super) fn succeeded(&self) {
        let (now, now_ns) = (self.clock.now(), self.now_ns());
        let Ok(mut state) = self.state.lock() else { return };
        state.reached = true;
        if let Some(outage) = state.outage.take() {
            state.stalled_ns = state.stalled_ns.saturating_add(now_ns.saturating_sub(outage.since_ns));
            let data = [
                ("from", json!(outage.since)),
                ("until", json!(now)),
                ("failures", json!(outage.failures)),
                ("reason", json!(outage.reason)),
            ];
            state.note(event::OUTAGE, data.map(|(name, value)| (name.to_owned(), value)).into());
        }
    }

    /// Nanoseconds for which nothing succeeded although something was tried.
    pub(super) fn stalled_ns(&self) -> u64 {
        let now_ns = self.now_ns();
        let Ok(state) = self.state.lock() else { return 0 };
        let open = state.outage.as_ref().map_or(0, |outage| now_ns.saturating_sub(outage.since_ns));
        state.stalled_ns.saturating_add(open)
    }

    /// What was noted since the last call.
    pub(super) fn take_notes(&self) -> Vec<(&'static str, BTreeMap<String, Value>)> {
        self.state.lock().map(|mut state| std::mem::take(&mut state.notes)).unwrap_or_default()
    }
}

impl State {
    fn note(&mut self, event: &'static str, data: BTreeMap<String, Value>) {
        if self.notes.len() < MOST {
            self.notes.push((event, data));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_noted_when_it_is_over_and_counts_as_stalled() {
        let watch = Watch::new(Clock::start());
        assert!(!watch.reached() && watch.stalled_ns() == 0);
        let began = watch.now_ns();
        watch.failed(began, "503 SlowDown");
        watch.failed(began, "no answer");
        assert!(watch.take_notes().is_empty());
        watch.succeeded();
        let (notes, stalled) = (watch.take_notes(), watch.stalled_ns());
        assert!(watch.reached() && stalled > 0 && watch.stalled_ns() == stalled);
        let (event, data) = &notes[0];
        assert_eq!((*event, &data["failures"], &data["reason"]), (event::OUTAGE, &json!(2), &json!("no answer")));
    }

    #[test]
    fn a_clock_is_noted_once_and_again_when_it_moves() {
        let watch = Watch::new(Clock::start());
        for date in
            ["Sun, 22 Nov 2026 04:10:11 GMT", "Sun, 22 Nov 2026 04:10:12 GMT", "nonsense", "Sun, 22 Nov 2026 05:10:12 GMT"]
        {
            watch.heard(Some(date));
        }
        assert_eq!(watch.take_notes().len(), 2);
        assert!(watch.clock_offset().is_some());
    }
}
