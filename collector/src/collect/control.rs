//! What asks a run to end, and how far it is.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::source::Stop;

/// Asks a run to end. Shared with whoever may ask.
#[derive(Debug)]
pub struct Control {
    interrupted: AtomicBool,
    deadline_ns: u64,
}

impl Control {
    /// A run that must end `deadline_ns` nanoseconds after it began, or never where that is `None`.
    #[must_use]
    pub fn new(deadline_ns: Option<u64>) -> Self {
        Self { interrupted: AtomicBool::new(false), deadline_ns: deadline_ns.unwrap_or(u64::MAX) }
    }

    /// Asks the run to end: the open artefact is cut, the rest is skipped, the run is sealed as partial.
    pub fn interrupt(&self) {
        self.interrupted.store(true, Ordering::SeqCst);
    }

    /// Whether somebody asked.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::SeqCst)
    }

    /// When the run must end, in nanoseconds since it began.
    #[must_use]
    pub fn deadline_ns(&self) -> u64 {
        self.deadline_ns
    }

    /// Why the run must end now, if it must; `now_ns` is the monotonic time since it began.
    #[must_use]
    pub fn stopped(&self, now_ns: u64) -> Option<Stop> {
        if self.is_interrupted() {
            return Some(Stop::Interrupted);
        }
        (now_ns >= self.deadline_ns).then_some(Stop::OutOfTime)
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
