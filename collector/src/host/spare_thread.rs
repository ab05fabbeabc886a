//! Reads that may never return.
//!
//! A thread that sleeps in the kernel on a held `mmap_lock` or a dead FUSE server cannot be killed. So such reads run on a
//! thread that can be spared: when the time is up it is abandoned, counted in the footprint, and a fresh one takes its place.
//! The process ends with `exit_group`, which does not wait for it.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::{Footprint, ReadError, Reason};

type Job = Box<dyn FnOnce() + Send>;

/// The job did not return in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimedOut;

/// One expendable thread for its owner, made on first use and remade after a time-out.
#[derive(Debug)]
pub struct SpareThread {
    worker: Option<Sender<Job>>,
    footprint: Arc<Footprint>,
}

impl SpareThread {
    /// One without a thread yet.
    #[must_use]
    pub fn new(footprint: Arc<Footprint>) -> Self {
        Self { worker: None, footprint }
    }

    /// Runs `job` on the expendable thread and waits at most `limit`.
    ///
    /// # Errors
    /// When the job has not returned by then (it may still run, on a thread that nobody waits for) or panicked.
    pub fn run<T: Send + 'static>(&mut self, limit: Duration, job: impl FnOnce() -> T + Send + 'static) -> Result<T, TimedOut> {
        let (reply, answer): (Sender<T>, Receiver<T>) = bounded(1);
        let job: Job = Box::new(move || drop(reply.send(job())));
        let sent = self.worker.get_or_insert_with(spawn).send(job);
        match answer.recv_timeout(limit) {
            Ok(value) if sent.is_ok() => Ok(value),
            _ => {
                self.worker = None;
                self.footprint.count("threads_abandoned");
                Err(TimedOut)
            }
        }
    }

    /// Runs a `job` that reads `path`, as [`SpareThread::run`] does.
    ///
    /// # Errors
    /// The job's own error, or [`Reason::Timeout`] for `path`.
    pub fn read<T: Send + 'static>(
        &mut self,
        limit: Duration,
        path: &[u8],
        job: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        self.run(limit, job).unwrap_or_else(|TimedOut| Err(ReadError::new(path, Reason::Timeout)))
    }
}

impl SpareThread {
    /// As [`SpareThread::run`], but waits on as long as `progress` changes from one `limit` to the next.
    ///
    /// # Errors
    /// When a whole `limit` has passed without progress, or the job panicked.
    pub fn run_while_it_moves(
        &mut self,
        limit: Duration,
        progress: impl Fn() -> u64,
        job: impl FnOnce() + Send + 'static,
    ) -> Result<(), TimedOut> {
        let (reply, answer): (Sender<()>, Receiver<()>) = bounded(1);
        let job: Job = Box::new(move || {
            job();
            let _ = reply.send(());
        });
        // If there is no thread, the job and with it the reply's sender is gone, which the first wait tells.
        let _ = self.worker.get_or_insert_with(spawn).send(job);
        let mut seen = progress();
        loop {
            match answer.recv_timeout(limit) {
                Ok(()) => return Ok(()),
                Err(RecvTimeoutError::Timeout) if progress() != seen => seen = progress(),
                Err(_) => break,
            }
        }
        self.worker = None;
        self.footprint.count("threads_abandoned");
        Err(TimedOut)
    }
}

fn spawn() -> Sender<Job> {
    let (sender, jobs) = bounded::<Job>(1);
    // If no thread can be made the channel is dropped, and the next `run` reports a time-out at once.
    let _ = std::thread::Builder::new().name("hozen-read".to_owned()).spawn(move || jobs.iter().for_each(|job| job()));
    sender
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stuck_job_is_abandoned_and_the_next_one_runs() {
        let footprint = Arc::new(Footprint::default());
        let mut spare = SpareThread::new(Arc::clone(&footprint));
        let (_never, stuck) = bounded::<()>(0);
        assert_eq!(spare.run(Duration::from_millis(20), move || stuck.recv().is_ok()), Err(TimedOut));
        assert_eq!(spare.run(Duration::from_secs(20), || 7), Ok(7));
        assert_eq!(footprint.counts().get("threads_abandoned"), Some(&1));
    }

    #[test]
    fn a_panicking_job_is_a_time_out_not_a_crash() {
        let mut spare = SpareThread::new(Arc::new(Footprint::default()));
        assert_eq!(spare.run(Duration::from_secs(20), || panic!("as a bug would")), Err::<(), _>(TimedOut));
        assert_eq!(spare.run(Duration::from_secs(20), || 7), Ok(7));
    }
}
