//! What our own run does to the host, counted where it happens.

use std::collections::BTreeMap;
use std::sync::Mutex;

/// Counters of what we did, by name. The artefact `footprint` writes them down.
#[derive(Debug, Default)]
pub struct Footprint {
    counts: Mutex<BTreeMap<&'static str, u64>>,
    notes: Mutex<Vec<String>>,
}

impl Footprint {
    /// Counts one `deed`, such as `detached_mounts` or `threads_abandoned`.
    pub fn count(&self, deed: &'static str) {
        if let Ok(mut counts) = self.counts.lock() {
            *counts.entry(deed).or_default() += 1;
        }
    }

    /// Writes down one effect on the host that could not be avoided; escaped text, the first 1000 of them.
    pub fn note(&self, effect: String) {
        if let Ok(mut notes) = self.notes.lock()
            && notes.len() < 1000
        {
            notes.push(effect);
        }
    }

    /// All counters.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.counts.lock().map(|counts| counts.clone()).unwrap_or_default()
    }

    /// All notes.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.notes.lock().map(|notes| notes.clone()).unwrap_or_default()
    }
}
