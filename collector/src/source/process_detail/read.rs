//! The reads of one process, those that may hang on a thread that can be spared.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::host::read::{Bytes, SMALL};
use crate::host::{Process, ReadError, Watchdog};
use crate::model::Gap;
use crate::source::{Evidence, Member, Stop};

/// How long one read may take.
const LIMIT: Duration = Duration::from_secs(2);
/// The most threads and descriptors of one process that are read; a process with more has so many of the same.
const MOST: usize = 20_000;

/// Files of each thread. `stack`, `syscall` and `timerslack_ns` wait for `exec_update_lock`, the others for nothing.
const OF_THREAD: [&str; 9] = ["comm", "stat", "status", "wchan", "schedstat", "children", "attr/current", "syscall", "stack"];
/// Files of the process; those of the freeze-frame are read again, because this is where their rows are made.
const OF_PROCESS: [&str; 6] = ["comm", "cgroup", "limits", "schedstat", "personality", "timerslack_ns"];

/// What was read of one process: files by their name below `/proc/PID`, in order.
#[derive(Debug)]
pub(super) struct Detail {
    pub(super) process: Arc<Process>,
    pub(super) files: Vec<(String, Bytes)>,
    /// What the descriptors are open on.
    pub(super) targets: Vec<(i32, Vec<u8>)>,
    errors: Vec<ReadError>,
    /// Whether a read did not come back.
    pub(super) hangs: bool,
    /// Threads or descriptors beyond what is read.
    beyond: usize,
}

#[derive(Debug, Default)]
struct Read {
    files: Vec<(String, Bytes)>,
    targets: Vec<(i32, Vec<u8>)>,
    errors: Vec<ReadError>,
    beyond: usize,
}

impl Detail {
    pub(super) fn read(process: &Arc<Process>, watchdog: &mut Watchdog) -> Self {
        let (read, count) = (Arc::new(Mutex::new(Read::default())), Arc::new(AtomicU64::new(0)));
        let (owned, into, counted) = (Arc::clone(process), Arc::clone(&read), Arc::clone(&count));
        let progress = || count.load(Ordering::Relaxed);
        let hangs = watchdog.run_while_it_moves(LIMIT, progress, move || all(&owned, &into, &counted)).is_err();
        let read = std::mem::take(&mut *read.lock().unwrap_or_else(PoisonError::into_inner));
        let Read { files, targets, errors, beyond } = read;
        Self { process: Arc::clone(process), files, targets, errors, hangs, beyond }
    }

    /// What the file `name` holds, if it was read.
    pub(super) fn file(&self, name: &str) -> Option<&[u8]> {
        self.files.iter().find(|(file, _)| file == name).map(|(_, content)| content.bytes.as_slice())
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
        if self.beyond > 0 {
            let reason = format!("{} threads and descriptors beyond the first {MOST} of each", self.beyond);
            evidence.gap(Gap::whole(self.process.path("").as_bytes(), reason));
        }
        Ok(())
    }
}

/// Reads piece by piece, so that what was read before a hang is kept. The lock is never held during a read.
fn all(process: &Process, read: &Mutex<Read>, count: &AtomicU64) {
    let add = |change: &mut dyn FnMut(&mut Read)| {
        count.fetch_add(1, Ordering::Relaxed);
        change(&mut read.lock().unwrap_or_else(PoisonError::into_inner));
    };
    let file = |name: String| match process.file(&name, SMALL) {
        Ok(content) => add(&mut |read| read.files.push((name.clone(), content.clone()))),
        Err(error) if is_nothing(&error) => {}
        Err(error) => add(&mut |read| read.errors.push(error.clone())),
    };
    OF_PROCESS.iter().for_each(|name| file((*name).to_owned()));
    let descriptors = process.numbers("fdinfo").unwrap_or_default();
    for number in descriptors.iter().take(MOST) {
        let target = process.link(&format!("fd/{number}")).unwrap_or_default();
        add(&mut |read| read.targets.push((*number, target.clone())));
        file(format!("fdinfo/{number}"));
    }
    let threads = process.numbers("task").unwrap_or_default();
    for tid in threads.iter().take(MOST) {
        OF_THREAD.iter().for_each(|name| file(format!("task/{tid}/{name}")));
    }
    let beyond = descriptors.len().saturating_sub(MOST).saturating_add(threads.len().saturating_sub(MOST));
    add(&mut |read| read.beyond = beyond);
}

/// What is gone, what this kernel does not have, and a label where no security module labels.
fn is_nothing(error: &ReadError) -> bool {
    error.is_gone() || error.is_unsupported()
}
