//! What asks a run to end, and how far it is.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

use crate::source::Stop;

/// Asks a run to end. Shared with whoever may ask.
#[derive(Debug)]
pub struct Control {
    interrupted: OnceLock<&'static str>,
    deadline_ns: AtomicU64,
    lost: AtomicBool,
}

impl Control {
    /// A run that must end `deadline_ns` nanoseconds after it began, or never where that is `None`.
    #[must_use]
    pub fn new(deadline_ns: Option<u64>) -> Self {
        let deadline_ns = AtomicU64::new(deadline_ns.unwrap_or(u64::MAX));
        Self { interrupted: OnceLock::new(), deadline_ns, lost: AtomicBool::new(false) }
    }

    /// Draws the deadline in to `deadline_ns` nanoseconds after the run began, and says whether that is earlier than it was; one that
    /// comes sooner stays.
    pub fn draw_in(&self, deadline_ns: u64) -> bool {
        deadline_ns < self.deadline_ns.fetch_min(deadline_ns, Ordering::Relaxed)
    }

    /// Asks the run to end because of `cause` (a signal's name): the open artefact is cut, the rest is skipped, the run is sealed
    /// as partial.
    pub fn interrupt(&self, cause: &'static str) {
        // The first cause stays.
        let _ = self.interrupted.set(cause);
    }

    /// What asked the run to end, if anything did.
    #[must_use]
    pub fn interruption(&self) -> Option<&'static str> {
        self.interrupted.get().copied()
    }

    /// The destination takes nothing more: the open artefact is cut, and the rest is passed over.
    pub fn lose_destination(&self) {
        self.lost.store(true, Ordering::Relaxed);
    }

    /// What is left goes to another destination. A deadline, or whoever asked the run to end, holds there too.
    pub fn change_destination(&self) {
        self.lost.store(false, Ordering::Relaxed);
    }

    /// Whether the destination takes nothing more.
    #[must_use]
    pub fn has_lost_destination(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// What ends a run that must end, in words.
    #[must_use]
    pub fn cause(&self) -> &'static str {
        let lost = self.has_lost_destination().then_some("the loss of the destination");
        self.interruption().or(lost).unwrap_or("the deadline")
    }

    /// When the run must end, in nanoseconds since it began.
    #[must_use]
    pub fn deadline_ns(&self) -> u64 {
        self.deadline_ns.load(Ordering::Relaxed)
    }

    /// Why the run must end now, if it must; `now_ns` is the monotonic time since it began.
    #[must_use]
    pub fn stopped(&self, now_ns: u64) -> Option<Stop> {
        if self.interruption().is_some() {
            return Some(Stop::Interrupted);
        }
        if self.has_lost_destination() {
            return Some(Stop::Sink);
        }
        (now_ns >= self.deadline_ns()).then_some(Stop::OutOfTime)
    }
}

/// How far an artefact is.
#[derive(Debug, Default)]
pub struct Progress {
    bytes: AtomicU64,
    units: Mutex<(u64, u64)>,
}

impl Progress {
    /// Content bytes handed over so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Units done and units in all, of the source's own choice; `(0, 0)` where it does not say.
    #[must_use]
    pub fn units(&self) -> (u64, u64) {
        self.units.lock().map(|units| *units).unwrap_or_default()
    }

    pub(super) fn add_bytes(&self, count: usize) {
        self.bytes.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn set_units(&self, done: u64, total: u64) {
        if let Ok(mut units) = self.units.lock() {
            *units = (done, total);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_only_comes_closer() {
        let control = Control::new(Some(100));
        assert!(!control.draw_in(100) && !control.draw_in(u64::MAX) && control.stopped(99).is_none());
        assert!(control.draw_in(60) && control.stopped(60) == Some(Stop::OutOfTime));
        assert!(!control.draw_in(80) && control.deadline_ns() == 60);
        assert!(Control::new(None).draw_in(0));
    }

    #[test]
    fn a_run_that_goes_elsewhere_is_still_asked_to_end() {
        let control = Control::new(Some(100));
        control.lose_destination();
        assert_eq!((control.stopped(0), control.cause()), (Some(Stop::Sink), "the loss of the destination"));
        control.change_destination();
        assert_eq!((control.stopped(0), control.stopped(100)), (None, Some(Stop::OutOfTime)));
        control.interrupt("SIGTERM");
        control.lose_destination();
        assert_eq!((control.stopped(0), control.cause()), (Some(Stop::Interrupted), "SIGTERM"));
    }
}
