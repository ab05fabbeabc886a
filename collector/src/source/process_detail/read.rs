//! The reads of one process, those that may hang on a thread that can be spared.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::host::read::{Bytes, SMALL};
use crate::host::{Process, ReadError, SpareThread};
use crate::model::Gap;
use crate::source::{Evidence, Member, Stop};

/// How long one read may take.
const LIMIT: Duration = Duration::from_secs(2);
/// The most threads and descriptors of one process that are read; a process with more has so many of the same.
pub(super) const MOST_THREADS: usize = 4_000;
const MOST_DESCRIPTORS: usize = 20_000;
/// The most that is read of one process: it is held in memory until it is written.
const MOST_BYTES: u64 = 64 << 20;

/// Threads of each process that are read even if there is no room left for all processes together.
const LEAST_THREADS: usize = 16;

/// Files of each thread. `stack`, `syscall` and `timerslack_ns` wait for `exec_update_lock`, the others for nothing.
const OF_THREAD: [&str; 9] = ["comm", "stat", "status", "wchan", "schedstat", "children", "attr/current", "syscall", "stack"];
/// Files of the process; those of the freeze-frame are read again, because this is where their rows are made.
const OF_PROCESS: [&str; 6] = ["comm", "cgroup", "limits", "schedstat", "personality", "timerslack_ns"];

/// What may still be read of all processes together: a process with thousands of threads must not take the time of all others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    threads: usize,
    bytes: u64,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { threads: 40_000, bytes: 1 << 30 }
    }
}

impl Allowance {
    /// What may be read of the next process.
    fn of_one(self) -> Self {
        let threads = self.threads.clamp(LEAST_THREADS, MOST_THREADS);
        // Enough for the threads that are read in any case.
        Self { threads, bytes: self.bytes.clamp(1 << 20, MOST_BYTES) }
    }

    fn less(self, threads: usize, bytes: u64) -> Self {
        Self { threads: self.threads.saturating_sub(threads), bytes: self.bytes.saturating_sub(bytes) }
    }
}

/// What was read of one process: files by their name below `/proc/PID`, in order.
#[derive(Debug)]
pub(super) struct Detail {
    pub(super) process: Arc<Process>,
    pub(super) files: Vec<(String, Bytes)>,
    /// Where each file stands in `files`.
    index: BTreeMap<String, usize>,
    /// What the descriptors are open on.
    pub(super) targets: Vec<(i32, Vec<u8>)>,
    errors: Vec<ReadError>,
    /// Whether a read did not come back.
    pub(super) hangs: bool,
    beyond: Beyond,
}

/// How many threads and descriptors were not read, because there are more than are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Beyond {
    threads: usize,
    descriptors: usize,
}

#[derive(Debug, Default)]
struct Read {
    files: Vec<(String, Bytes)>,
    targets: Vec<(i32, Vec<u8>)>,
    errors: Vec<ReadError>,
    threads: usize,
    bytes: u64,
    beyond: Beyond,
}

impl Detail {
    /// Reads what there is of `process`, as far as `allowance` goes, and takes it off there.
    pub(super) fn read(process: &Arc<Process>, spare: &mut SpareThread, allowance: &mut Allowance) -> Self {
        let (read, count) = (Arc::new(Mutex::new(Read::default())), Arc::new(AtomicU64::new(0)));
        let (owned, into, counted) = (Arc::clone(process), Arc::clone(&read), Arc::clone(&count));
        let (progress, most) = (|| count.load(Ordering::Relaxed), allowance.of_one());
        let hangs = spare.run_while_it_moves(LIMIT, progress, move || all(&owned, most, &into, &counted)).is_err();
        let read = std::mem::take(&mut *read.lock().unwrap_or_else(PoisonError::into_inner));
        *allowance = allowance.less(read.threads, read.bytes);
        let index = read.files.iter().enumerate().map(|(at, (name, _))| (name.clone(), at)).collect();
        let Read { files, targets, errors, beyond, .. } = read;
        Self { process: Arc::clone(process), files, index, targets, errors, hangs, beyond }
    }

    /// What the file `name` holds, if it was read.
    pub(super) fn file(&self, name: &str) -> Option<&[u8]> {
        self.files.get(*self.index.get(name)?).map(|(_, content)| content.bytes.as_slice())
    }

    /// Puts all that was read into the archive, and a gap for what is missing.
    pub(super) fn keep(&self, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        for (name, content) in &self.files {
            let path = self.process.path(name);
            evidence.raw(&Member::pseudo(path.as_bytes()), &content.bytes)?;
            if content.truncated {
                let read = u64::try_from(content.bytes.len()).unwrap_or(u64::MAX);
                evidence.gap(Gap::from(path.as_bytes(), read, None, "longer than what is read of it"));
            }
        }
        // One refusal stands for all of its kind: without rights every thread has it.
        if let Some(first) = self.errors.first() {
            let reason = format!("{} (and so for {} reads of this process in all)", first.reason, self.errors.len());
            evidence.gap(Gap { reason, ..first.gap() });
        }
        if self.hangs {
            let behind = self.files.last().map_or("", |(name, _)| name.as_str());
            let reason = format!("a read did not return in time and was abandoned; the last that did was {behind:?}");
            evidence.gap(Gap::whole(self.process.path("").as_bytes(), reason));
        }
        if self.beyond != Beyond::default() {
            let Beyond { threads, descriptors } = self.beyond;
            let reason = format!(
                "{threads} threads and {descriptors} descriptors were not read: of one process at most {MOST_THREADS} threads, \
                 {MOST_DESCRIPTORS} descriptors and {MOST_BYTES} bytes are, and fewer where others had many"
            );
            evidence.gap(Gap::whole(self.process.path("").as_bytes(), reason));
        }
        Ok(())
    }
}

/// Reads piece by piece, so that what was read before a hang is kept. The lock is never held during a read.
fn all(process: &Process, most: Allowance, read: &Mutex<Read>, count: &AtomicU64) {
    let add = |change: &mut dyn FnMut(&mut Read)| {
        count.fetch_add(1, Ordering::Relaxed);
        change(&mut read.lock().unwrap_or_else(PoisonError::into_inner));
    };
    let file = |name: String| match process.file(&name, SMALL) {
        Ok(content) => add(&mut |read| {
            read.bytes = read.bytes.saturating_add(u64::try_from(content.bytes.len()).unwrap_or(u64::MAX));
            read.files.push((name.clone(), content.clone()));
        }),
        Err(error) if is_nothing(&error) => {}
        Err(error) => add(&mut |read| read.errors.push(error.clone())),
    };
    let is_full = || read.lock().unwrap_or_else(PoisonError::into_inner).bytes >= most.bytes;
    OF_PROCESS.iter().for_each(|name| file((*name).to_owned()));
    // Threads first: a descriptor may say as much of itself as its owner likes.
    let threads = leader_first(process);
    let done = threads.iter().take(most.threads).take_while(|_| !is_full());
    let done = done.map(|tid| OF_THREAD.iter().for_each(|name| file(format!("task/{tid}/{name}")))).count();
    add(&mut |read| (read.threads, read.beyond.threads) = (done, threads.len().saturating_sub(done)));
    let descriptors = process.numbers("fdinfo").unwrap_or_default();
    let done = descriptors.iter().take(MOST_DESCRIPTORS).take_while(|_| !is_full());
    let done = done.map(|number| {
        let target = process.link(&format!("fd/{number}")).unwrap_or_default();
        add(&mut |read| read.targets.push((*number, target.clone())));
        file(format!("fdinfo/{number}"));
    });
    let done = done.count();
    add(&mut |read| read.beyond.descriptors = descriptors.len().saturating_sub(done));
}

/// The threads of a process: its leader, and then the others by their numbers.
fn leader_first(process: &Process) -> Vec<i32> {
    let mut threads = process.numbers("task").unwrap_or_default();
    threads.sort_by_key(|tid| (*tid != process.pid, *tid));
    threads
}

/// What is gone, what this kernel does not have, and a label where no security module labels.
fn is_nothing(error: &ReadError) -> bool {
    error.is_gone() || error.is_unsupported()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_threads_of_some_leave_a_few_for_each() {
        let mut left = Allowance::default();
        for _ in 0..20 {
            assert!(left.of_one().threads >= LEAST_THREADS && left.of_one().threads <= MOST_THREADS);
            left = left.less(left.of_one().threads, MOST_BYTES);
        }
        assert_eq!((left.threads, left.of_one().threads, left.bytes, left.of_one().bytes), (0, LEAST_THREADS, 0, 1 << 20));
    }
}
