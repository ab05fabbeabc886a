//! The module that this run has put into the kernel: the way in for what it sends, and its end.
//!
//! **Invariant:** it is ended once, by whoever comes first: the source that loaded it, or the run that waits for that source no
//! longer. Whoever comes later gets the same answer.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::time::Duration;

use nix::errno::Errno;

use super::Footprint;
use super::inflow::Inflow;
use super::module::{self, Loading};
use super::warden::{Warden, Word};

/// How long the module may take until it returns when the way in has ended.
const PATIENCE: Duration = Duration::from_secs(10);

/// What became of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fate {
    /// What its init function came to; none where it did not return.
    pub returned: Option<Result<(), Errno>>,
    /// Whether it is out of the kernel.
    pub gone: bool,
}

/// The module, shared by whoever may have to end it.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Apart from the module, which may be waited for: what ends the wait must not wait itself.
    way: Mutex<Way>,
    module: Mutex<Option<Module>>,
    /// Who unloads it if this process is killed.
    warden: OnceLock<Warden>,
}

#[derive(Debug, Default)]
struct Way {
    inflow: Option<Inflow>,
    is_ending: bool,
}

#[derive(Debug)]
enum Module {
    Loading(Loading),
    Ended(Fate),
}

impl Loaded {
    /// From now on `warden` is told of every module before it is loaded, and when it is gone.
    pub fn watched_by(&self, warden: Warden) {
        // There is one for a process.
        let _ = self.warden.set(warden);
    }

    /// Who watches, if anybody does.
    #[must_use]
    pub fn warden(&self) -> Option<&Warden> {
        self.warden.get()
    }

    /// `start` puts a module on its way into the kernel; one before it has ended.
    ///
    /// # Errors
    /// Those of `start`.
    pub fn begin(&self, start: impl FnOnce() -> Result<Loading, Errno>) -> Result<(), Errno> {
        *lock(&self.way) = Way::default();
        // Somebody else's of that name, for which the kernel will refuse ours, must not be unloaded.
        if !module::is_shown("lime") {
            self.tell(&Word::Loading);
        }
        let loading = start().inspect_err(|_| self.tell(&Word::Unloaded))?;
        *lock(&self.module) = Some(Module::Loading(loading));
        Ok(())
    }

    /// Tells who watches, if anybody does.
    pub fn tell(&self, word: &Word) {
        self.warden.get().into_iter().for_each(|warden| warden.say(word));
    }

    /// It sends through `inflow`, which is ended at once if the module is being ended.
    pub fn sends(&self, inflow: Inflow) {
        let mut way = lock(&self.way);
        if way.is_ending {
            inflow.end();
        }
        way.inflow = Some(inflow);
    }

    /// What its init function came to; none while it runs, or while the module is being ended.
    pub fn outcome(&self) -> Option<Result<(), Errno>> {
        let mut module = match self.module.try_lock() {
            Ok(module) => module,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        match &mut *module {
            Some(Module::Loading(loading)) => loading.outcome(Duration::ZERO),
            Some(Module::Ended(fate)) => fate.returned,
            None => None,
        }
    }

    /// Ends the way in, waits for the module and unloads it. None where no module was loaded.
    pub fn end(&self, footprint: &Footprint) -> Option<Fate> {
        let mut way = lock(&self.way);
        way.is_ending = true;
        way.inflow.take().iter().for_each(Inflow::end);
        drop(way);
        let mut module = lock(&self.module);
        let fate = match module.as_mut()? {
            Module::Loading(loading) => {
                let fate = fate(loading, footprint);
                if fate.gone {
                    self.tell(&Word::Unloaded);
                }
                fate
            }
            Module::Ended(fate) => *fate,
        };
        *module = Some(Module::Ended(fate));
        Some(fate)
    }

    /// Ends the module if it has not ended yet: for a run whose source may never do so. None where there was nothing to end.
    pub fn release(&self, footprint: &Footprint) -> Option<Fate> {
        let is_loading = matches!(*lock(&self.module), Some(Module::Loading(_)));
        if is_loading { self.end(footprint) } else { None }
    }

    /// As [`Loaded::release`], but waits for it no longer than `limit`: for a process that is about to end.
    pub fn release_within(self: &Arc<Self>, footprint: &Arc<Footprint>, limit: Duration) {
        let (loaded, footprint) = (Arc::clone(self), Arc::clone(footprint));
        let (done, ended) = crossbeam_channel::bounded(1);
        let release = move || {
            loaded.release(&footprint);
            // Whoever waited may have given up.
            let _ = done.send(());
        };
        if std::thread::Builder::new().name("hozen-release".to_owned()).spawn(release).is_ok() {
            let _ = ended.recv_timeout(limit);
        }
    }
}

fn fate(loading: &mut Loading, footprint: &Footprint) -> Fate {
    let returned = loading.outcome(PATIENCE);
    let gone = match returned {
        Some(Ok(())) => unload(footprint),
        // The kernel has taken it out again.
        Some(Err(_)) => true,
        None => false,
    };
    if !gone {
        footprint.note("the kernel module lime was loaded and could not be unloaded".to_owned());
    }
    Fate { returned, gone }
}

/// Unloads it; what is still going on in it is over within moments.
fn unload(footprint: &Footprint) -> bool {
    for _ in 0..40 {
        match module::unload(c"lime") {
            Ok(()) => {
                footprint.count("modules_unloaded");
                return true;
            }
            Err(Errno::EWOULDBLOCK | Errno::EBUSY | Errno::EINTR) => std::thread::sleep(Duration::from_millis(50)),
            Err(_) => return false,
        }
    }
    false
}

/// Nothing is half done where a lock is held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::inflow::Pipe;
    use std::ffi::CString;
    use std::io::Read as _;

    fn refused() -> Result<Loading, Errno> {
        Loading::start(b"not a module", CString::default(), None)
    }

    #[test]
    fn a_process_that_ends_waits_no_longer_than_it_is_told_to() {
        let (loaded, footprint) = (Arc::new(Loaded::default()), Arc::new(Footprint::default()));
        loaded.begin(refused).unwrap();
        loaded.release_within(&footprint, Duration::from_secs(20));
        assert!(loaded.release(&footprint).is_none() && loaded.end(&footprint).unwrap().gone);
        loaded.begin(refused).unwrap();
        let held = lock(&loaded.module);
        loaded.release_within(&footprint, Duration::from_millis(10));
        drop(held);
    }

    #[test]
    fn whoever_comes_later_gets_the_same_answer_and_a_run_has_nothing_to_release() {
        let (loaded, footprint) = (Loaded::default(), Footprint::default());
        assert_eq!((loaded.end(&footprint), loaded.release(&footprint), loaded.outcome()), (None, None, None));
        loaded.begin(refused).unwrap();
        let fate = loaded.release(&footprint).unwrap();
        assert!(fate.gone && fate.returned.unwrap().is_err() && footprint.notes().is_empty(), "{fate:?}");
        assert_eq!((loaded.end(&footprint), loaded.release(&footprint)), (Some(fate), None));
        assert_eq!(loaded.outcome(), fate.returned);
        loaded.begin(refused).unwrap();
        assert!(loaded.release(&footprint).is_some(), "another module");
    }

    #[test]
    fn the_way_in_ends_with_the_module_and_none_is_opened_after_that() {
        let (loaded, footprint) = (Loaded::default(), Footprint::default());
        let pipe = || Pipe::new().unwrap();
        let ((first, _other), (second, _another)) = (pipe(), pipe());
        loaded.begin(refused).unwrap();
        loaded.sends(Inflow::Pipe(Arc::clone(&first)));
        loaded.end(&footprint).unwrap();
        loaded.sends(Inflow::Pipe(Arc::clone(&second)));
        for pipe in [first, second] {
            assert_eq!(Inflow::Pipe(pipe).read(&mut [0]).unwrap(), 0);
        }
    }
}
