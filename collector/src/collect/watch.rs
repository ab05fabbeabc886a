//! The watch over a source that was told to stop: whether it is overdue, and that no kernel module of ours outlives the wait for it.
//!
//! **Invariant:** the watch waits for nothing but the clock. The run itself may be held up by its destination, and so may the source.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};

use super::control::Control;
use super::recorder::Shared;
use crate::host::Host;
use crate::host::loaded::Fate;
use crate::source::Stop;

/// How often the run looks at the clock while a source reads.
pub(super) const TICK: Duration = Duration::from_millis(100);
/// How long a source that was told to stop may take to come back before it is abandoned.
pub(super) const GRACE_NS: u64 = 3_000_000_000;

/// When a source was told to stop.
#[derive(Default)]
pub(super) struct Overdue(Option<u64>);

impl Overdue {
    /// Why the source was told to stop, once that is more than the grace ago. If the deadline has moved away meanwhile, the grace
    /// starts anew.
    pub(super) fn now(&mut self, shared: &Shared, host: &Host, control: &Control) -> Option<Stop> {
        let now = host.clock.mono_ns();
        let Some(stop) = control.stopped(now).or_else(|| (now >= shared.deadline_ns()).then_some(Stop::OutOfTime)) else {
            self.0 = None;
            return None;
        };
        (now.saturating_sub(*self.0.get_or_insert(now)) >= GRACE_NS).then_some(stop)
    }
}

/// A thread that unloads the module of a source that is overdue.
pub(super) struct Watch {
    over: Sender<()>,
    /// None where there could be no thread: then only the run itself looks.
    thread: Option<JoinHandle<Option<Fate>>>,
}

impl Watch {
    pub(super) fn start(host: &Host, shared: &Arc<Shared>, control: &Arc<Control>) -> Self {
        let (over, ended) = bounded::<()>(0);
        let (host, shared, control) = (host.clone(), Arc::clone(shared), Arc::clone(control));
        let watch = move || {
            let mut overdue = Overdue::default();
            while ended.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                let is_overdue = overdue.now(&shared, &host, &control).is_some();
                // It may be about to load one.
                if is_overdue && let Some(fate) = host.loaded.release(&host.footprint) {
                    return Some(fate);
                }
            }
            None
        };
        Self { over, thread: std::thread::Builder::new().name("hozen-watch".to_owned()).spawn(watch).ok() }
    }

    /// Ends it. Says what became of the module, if it had to unload one.
    pub(super) fn end(self) -> Option<Fate> {
        drop(self.over);
        self.thread.and_then(|thread| thread.join().ok()).flatten()
    }
}
