//! The reads of a process that may never return, worked off in batches on a thread that can be spared.
//!
//! A hand-over to another thread costs more than all these reads of one process together, so several processes share one.
//! When the time is up, the process that is being read is the one that hangs; the others go on, on a fresh thread.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::capture::Piece;
use crate::host::SpareThread;
use crate::host::pid::Process;
use crate::host::read::{self, Bytes};
use crate::host::sys::Stat;

/// Files that wait for a lock of the process; `cmdline`, for `mmap_lock`, is the last.
pub(super) const FILES: [&str; 3] = ["syscall", "io", "cmdline"];

const WAITING: u8 = 0;
const STARTED: u8 = 1;
const DONE: u8 = 2;
const GIVEN_UP: u8 = 3;

/// What is to be read of one process, and how far that is.
#[derive(Debug)]
pub struct Task {
    process: Process,
    /// Whether the executable's metadata are wanted.
    exe: bool,
    /// Descriptors whose metadata are wanted.
    fds: Vec<i32>,
    state: AtomicU8,
    /// Reads that came back.
    reads: AtomicU64,
    read: Mutex<Slow>,
}

/// What has been read so far.
#[derive(Debug, Default)]
pub(super) struct Slow {
    pub(super) files: Vec<Piece<Bytes>>,
    pub(super) exe: Option<Stat>,
    pub(super) fds: Vec<(i32, Stat)>,
}

impl Task {
    pub(super) fn new(process: Process, exe: bool, fds: Vec<i32>) -> Self {
        Self { process, exe, fds, state: AtomicU8::new(WAITING), reads: AtomicU64::new(0), read: Mutex::default() }
    }

    /// The process.
    pub(super) fn process(&self) -> &Process {
        &self.process
    }

    fn is_waiting(&self) -> bool {
        self.state.load(Ordering::SeqCst) == WAITING
    }

    /// Whether it did not return in time.
    pub(super) fn hangs(&self) -> bool {
        self.state.load(Ordering::SeqCst) == GIVEN_UP
    }

    /// What has been read, whether all of it or not.
    pub(super) fn take(&self) -> Slow {
        self.read.lock().map(|mut read| std::mem::take(&mut *read)).unwrap_or_default()
    }

    /// Reads piece by piece, so that what was read before a hang is kept. The lock is never held during a read.
    pub(super) fn work(&self) {
        if self.state.compare_exchange(WAITING, STARTED, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            return;
        }
        let (early, last) = FILES.split_at(FILES.len() - 1);
        self.read_files(early);
        let stat = if self.exe { self.process.target_stat("exe").ok() } else { None };
        self.add(|read| read.exe = stat);
        for fd in &self.fds {
            if let Ok(stat) = self.process.target_stat(&format!("fd/{fd}")) {
                self.add(|read| read.fds.push((*fd, stat)));
            }
        }
        self.read_files(last);
        let _ = self.state.compare_exchange(STARTED, DONE, Ordering::SeqCst, Ordering::SeqCst);
    }

    fn read_files(&self, names: &[&'static str]) {
        for name in names {
            let content = self.process.file(name, read::SMALL);
            self.add(|read| read.files.push((*name, content)));
        }
    }

    /// Adds to what has been read, unless somebody has taken that already.
    fn add(&self, change: impl FnOnce(&mut Slow)) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        if let Ok(mut read) = self.read.lock()
            && !self.hangs()
        {
            change(&mut read);
        }
    }

    /// Gives the task up if it is neither done nor waiting; true if it was.
    fn give_up(&self) -> bool {
        self.state.compare_exchange(STARTED, GIVEN_UP, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

/// Works all `tasks` off. When nothing has come back for `limit`, the task at which the thread stands is given up.
pub fn run(tasks: &[Arc<Task>], spare: &mut SpareThread, limit: impl Fn() -> Duration) {
    while let Some(first) = tasks.iter().find(|task| task.is_waiting()) {
        let waiting: Vec<Arc<Task>> = tasks.iter().filter(|task| task.is_waiting()).cloned().collect();
        let progress = || tasks.iter().map(|task| task.reads.load(Ordering::Relaxed)).sum();
        let result = spare.run_while_it_moves(limit(), progress, move || waiting.iter().for_each(|task| task.work()));
        if result.is_err() && tasks.iter().filter(|task| task.give_up()).count() == 0 {
            // No thread could be made, or it died before its first task, which must not be waited for again.
            first.state.store(GIVEN_UP, Ordering::SeqCst);
        }
    }
    // A thread that was given up and came back after all may have begun with one more.
    for task in tasks {
        task.give_up();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;

    #[test]
    fn a_batch_is_worked_off_and_a_task_that_hangs_costs_only_itself() {
        let host = Host::live().unwrap();
        let own = || host.proc.process(i32::try_from(std::process::id()).unwrap()).unwrap();
        let tasks: Vec<Arc<Task>> = (0..5).map(|_| Arc::new(Task::new(own(), true, vec![0]))).collect();
        // As if a thread had been abandoned in the middle of it.
        tasks[2].state.store(GIVEN_UP, Ordering::SeqCst);
        run(&tasks, &mut host.spare_thread(), || Duration::from_secs(60));
        for (number, task) in tasks.iter().enumerate() {
            assert_eq!((task.hangs(), task.take().files.len()), if number == 2 { (true, 0) } else { (false, FILES.len()) });
        }
    }

    #[test]
    fn what_comes_after_it_was_given_up_is_not_kept() {
        let host = Host::live().unwrap();
        let task = Task::new(host.proc.process(1).unwrap(), false, Vec::new());
        task.state.store(STARTED, Ordering::SeqCst);
        task.add(|read| read.fds.push((1, own_stat(&host))));
        assert!(task.give_up() && !task.give_up());
        task.add(|read| read.fds.push((2, own_stat(&host))));
        assert_eq!(task.take().fds.len(), 1);
    }

    fn own_stat(host: &Host) -> Stat {
        host.proc.stat("self/stat").unwrap()
    }
}
