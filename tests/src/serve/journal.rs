//! Every request and what became of it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Fault, Head};

/// One request, as the journal has it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its number, from 0, in the order in which heads came in.
    pub index: u64,
    /// What the service calls it.
    pub operation: String,
    /// Method, target, headers.
    pub head: Head,
    /// The fault that met it.
    pub fault: Option<Fault>,
    /// The answer's status; none while there is none, or when the connection was dropped instead.
    pub status: Option<u16>,
    /// Bytes of its body that were read.
    pub length: u64,
    /// How many requests had come in by the time its turn was over; none as for `status`.
    pub answered: Option<u64>,
}

/// The most requests for this operation that were on their way at one moment.
#[must_use]
pub fn most_at_once(entries: &[Entry], operation: &str) -> usize {
    let of = |entry: &&Entry| entry.operation == operation;
    // One that has no answer yet is on its way still.
    let open_at = |entry: &Entry, index: u64| entry.index <= index && entry.answered.is_none_or(|came| came > index);
    let at = |last: &Entry| entries.iter().filter(of).filter(|entry| open_at(entry, last.index)).count();
    entries.iter().filter(of).map(at).max().unwrap_or_default()
}

#[derive(Debug, Default)]
pub(super) struct Journal(Mutex<Vec<Entry>>);

impl Journal {
    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn open(&self, operation: &str, head: &Head) -> u64 {
        let mut entries = self.lock();
        let index = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        let (operation, head) = (operation.to_owned(), head.clone());
        entries.push(Entry { index, operation, head, fault: None, status: None, length: 0, answered: None });
        index
    }

    /// Its turn is over.
    pub(super) fn close(&self, index: u64, status: Option<u16>, length: u64) {
        let came = u64::try_from(self.count()).ok().filter(|_| status.is_some());
        self.note(index, |entry| (entry.status, entry.length, entry.answered) = (status, length, came));
    }

    pub(super) fn note(&self, index: u64, change: impl FnOnce(&mut Entry)) {
        let mut entries = self.lock();
        if let Some(entry) = usize::try_from(index).ok().and_then(|index| entries.get_mut(index)) {
            change(entry);
        }
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        self.lock().clone()
    }

    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }
}
