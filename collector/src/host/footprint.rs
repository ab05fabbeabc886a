//! What our own run does to the host, counted where it happens.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use super::Host;

/// Descriptors from this number up are the folders that the evidence is written into.
pub const EVIDENCE_FDS: i32 = 900;

/// Device and inode of each folder that our own evidence is written into, so that it does not become evidence itself.
#[must_use]
pub fn evidence_folders(host: &Host) -> BTreeSet<((u32, u32), u64)> {
    let own = i32::try_from(std::process::id()).ok().filter(|_| host.live);
    let Some(process) = own.and_then(|pid| host.proc.process(pid).ok()) else { return BTreeSet::new() };
    let folders = process.numbers("fd").unwrap_or_default().into_iter().filter(|fd| *fd >= EVIDENCE_FDS);
    let stats = folders.filter_map(|fd| process.target_stat(&format!("fd/{fd}")).ok());
    stats.filter(super::sys::Stat::is_directory).map(|stat| (stat.dev, stat.ino)).collect()
}

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
