//! Reads that may never return, several at a time, whose results come in the order in which they were asked for.
//!
//! ```text
//! hand_over → [bounded queue] → threads that can be spared → next (in order)
//! ```
//!
//! To hand one read to another thread and to wait for it costs two changes of thread, which on a busy machine take longer than the read.
//! Who has many files to read hands over one after the other, goes on with what else there is to do, and takes results when they are there.
//!
//! **Invariant:** a job of which nothing has come back for a whole limit is given up, counted in the footprint, and costs its own result and
//! no other. At most [`ROOM`] jobs are under way.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::Footprint;
use super::spare_thread::TimedOut;

/// The most threads: a host has other work, too.
const MOST_THREADS: usize = 2;

/// The most jobs that are under way.
pub const ROOM: usize = 64;

/// How far a job is. Whoever does it says so with each piece.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    steps: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

impl Pace {
    /// One more piece is done. False where nobody wants the rest.
    pub fn step(&self) -> bool {
        self.steps.fetch_add(1, Ordering::Relaxed);
        !self.over.load(Ordering::Relaxed)
    }
}

/// How often whoever waits is asked whether he still does.
const TICK: Duration = Duration::from_millis(100);

type Work<T> = Box<dyn FnOnce(&Pace) -> T + Send>;

/// A job on its way to a thread.
struct Job<T> {
    work: Work<T>,
    pace: Pace,
    reply: Sender<T>,
}

/// A job that is under way.
#[derive(Debug)]
struct Task<T> {
    pace: Pace,
    answer: Receiver<T>,
}

/// Threads that do jobs.
#[derive(Debug)]
pub struct Crew<T> {
    jobs: Sender<Job<T>>,
    queue: Receiver<Job<T>>,
    under_way: VecDeque<Task<T>>,
    threads: usize,
    wanted: usize,
    over: Arc<AtomicBool>,
    limit: Duration,
    footprint: Arc<Footprint>,
}

impl<T: Send + 'static> Crew<T> {
    /// A crew without a thread yet, which gives a job up when nothing has come of it for `limit`.
    #[must_use]
    pub fn new(limit: Duration, footprint: Arc<Footprint>) -> Self {
        let (jobs, queue) = bounded(ROOM);
        let (under_way, wanted, over) = (VecDeque::new(), size(), Arc::default());
        Self { jobs, queue, under_way, threads: 0, wanted, over, limit, footprint }
    }

    /// The same with a thread less where there are not more processors than threads: for whoever has much to do himself meanwhile, or is
    /// read beside another.
    #[must_use]
    pub fn leaving_a_processor(mut self) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.wanted = self.wanted.min(processors.saturating_sub(1)).max(1);
        self
    }

    /// How many threads work at a time.
    #[must_use]
    pub fn size(&self) -> usize {
        self.wanted
    }

    /// Whether the result of the first job must be taken before another one can be handed over.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.under_way.len() >= ROOM
    }

    /// Hands a job over. Where there is no room, its result is that of a job that does not come back.
    pub fn hand_over(&mut self, work: impl FnOnce(&Pace) -> T + Send + 'static) {
        self.muster();
        let pace = Pace { steps: Arc::default(), over: Arc::clone(&self.over) };
        let (reply, answer) = bounded(1);
        let job = Job { work: Box::new(work), pace: pace.clone(), reply };
        // Where it is not taken, nobody can answer, which whoever waits for the answer is told at once.
        let _ = self.jobs.try_send(job);
        self.under_way.push_back(Task { pace, answer });
    }

    /// Makes the threads that there should be.
    fn muster(&mut self) {
        while self.threads < self.wanted && spawn(self.queue.clone()).is_ok() {
            self.threads += 1;
        }
    }

    /// The result of the first job that is under way, if it is there.
    pub fn ready(&mut self) -> Option<T> {
        let value = self.under_way.front()?.answer.try_recv().ok()?;
        self.under_way.pop_front();
        Some(value)
    }

    /// Waits for the result of the first job that is under way; `None` where none is. `check` is asked several times a second whether it
    /// is still wanted.
    ///
    /// # Errors
    /// The outer one is that of `check`, and then the result is lost. The inner one says that nothing has come of the job for the limit (it
    /// may still run, on a thread that nobody waits for), or that it panicked.
    pub fn next<E>(&mut self, mut check: impl FnMut() -> Result<(), E>) -> Result<Option<Result<T, TimedOut>>, E> {
        let Some(task) = self.under_way.pop_front() else { return Ok(None) };
        let mut seen = task.pace.steps.load(Ordering::Relaxed);
        // Where no thread could be made nothing comes, and is not waited for.
        let limit = if self.threads == 0 { Duration::ZERO } else { self.limit };
        let mut still = Duration::ZERO;
        loop {
            check()?;
            match task.answer.recv_timeout(TICK.min(limit)) {
                Ok(value) => return Ok(Some(Ok(value))),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    let now = task.pace.steps.load(Ordering::Relaxed);
                    still = if now == seen { still.saturating_add(TICK) } else { Duration::ZERO };
                    seen = now;
                    if still >= limit {
                        break;
                    }
                }
            }
        }
        // Jobs begin in their order, so the thread that does this one does it alone, and another takes its place.
        self.threads = self.threads.saturating_sub(1);
        self.muster();
        self.footprint.count("threads_abandoned");
        Ok(Some(Err(TimedOut)))
    }
}

impl<T> Drop for Crew<T> {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

/// How many threads there should be, at most. The standard library reads files of the kernel to tell how many processors there are.
fn size() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(MOST_THREADS)
}

fn spawn<T: Send + 'static>(queue: Receiver<Job<T>>) -> std::io::Result<()> {
    let work = move || {
        for job in queue {
            let Job { work, pace, reply } = job;
            // Nobody waits for the answer of a thread that was given up, and for none when the crew is no more.
            if pace.over.load(Ordering::Relaxed) || reply.send(work(&pace)).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("hozen-crew".to_owned()).spawn(work).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next<T: Send + 'static>(crew: &mut Crew<T>) -> Option<Result<T, TimedOut>> {
        crew.next(|| Ok::<(), ()>(())).unwrap()
    }

    #[test]
    fn results_come_in_order_whatever_takes_longer() {
        let mut crew = Crew::new(Duration::from_secs(60), Arc::default());
        for number in 0..ROOM {
            crew.hand_over(move |_| {
                std::thread::sleep(Duration::from_micros(if number % 2 == 0 { 300 } else { 0 }));
                number
            });
        }
        assert!(crew.is_full());
        let results: Vec<_> = std::iter::from_fn(|| next(&mut crew)).collect();
        assert_eq!(results, (0..ROOM).map(Ok).collect::<Vec<_>>());
        assert_eq!(crew.ready(), None);
    }

    #[test]
    fn a_job_that_hangs_or_panics_costs_only_itself() {
        let footprint = Arc::new(Footprint::default());
        let mut crew = Crew::new(Duration::from_millis(20), Arc::clone(&footprint));
        let (_never, stuck) = bounded::<()>(0);
        let many = crew.size() + 1;
        for _ in 0..many {
            let stuck = stuck.clone();
            crew.hand_over(move |_| u8::from(stuck.recv().is_ok()));
        }
        crew.hand_over(|_| panic!("as a bug would"));
        crew.hand_over(|_| 7);
        assert!((0..many).all(|_| next(&mut crew) == Some(Err(TimedOut))));
        // On a busy machine the others take their time.
        crew.limit = Duration::from_secs(60);
        assert_eq!([next(&mut crew), next(&mut crew)], [Some(Err(TimedOut)), Some(Ok(7))]);
        assert_eq!((next(&mut crew), footprint.counts().get("threads_abandoned").copied()), (None, u64::try_from(many + 1).ok()));
    }

    #[test]
    fn a_job_that_moves_is_waited_for() {
        let mut crew = Crew::new(Duration::from_secs(1), Arc::default());
        crew.hand_over(|pace| {
            for _ in 0..15 {
                std::thread::sleep(Duration::from_millis(100));
                pace.step();
            }
            7
        });
        assert_eq!(next(&mut crew), Some(Ok(7)));
    }

    #[test]
    fn a_job_that_nobody_wants_any_more_ends() {
        let mut crew = Crew::new(Duration::from_secs(60), Arc::default());
        let (told, ended) = bounded(2);
        crew.hand_over(move |pace| {
            let _ = told.send(());
            while pace.step() {
                std::thread::yield_now();
            }
            let _ = told.send(());
        });
        assert_eq!(ended.recv(), Ok(()), "it has begun");
        assert_eq!(crew.next(|| Err::<(), _>("no more")), Err("no more"));
        drop(crew);
        assert_eq!(ended.recv(), Ok(()));
    }
}
