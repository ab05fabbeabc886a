//! The module that this run has put into the kernel: the connection to its socket, and its end.
//!
//! **Invariant:** it is ended once, by whoever comes first: the source that loaded it, or the run that waits for that source no
//! longer. Whoever comes later gets the same answer.

use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::time::Duration;

use nix::errno::Errno;

use super::module::{self, Loading};
use super::warden::{Warden, Word};
use super::{Footprint, sys};

/// How long the module may take until it returns when its connection has ended.
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
    connection: Mutex<Connection>,
    module: Mutex<Option<Module>>,
    /// Who unloads it if this process is killed.
    warden: OnceLock<Warden>,
}

#[derive(Debug, Default)]
struct Connection {
    stream: Option<TcpStream>,
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
        *lock(&self.connection) = Connection::default();
        // Somebody else's of that name, for which the kernel will refuse ours, must not be unloaded.
        if !module::is_shown("lime") {
            self.tell(&Word::Loading);
        }
        let loading = start().inspect_err(|_| self.tell(&Word::Unloaded))?;
        *lock(&self.module) = Some(Module::Loading(loading));
        Ok(())
    }

    fn tell(&self, word: &Word) {
        self.warden.get().into_iter().for_each(|warden| warden.say(word));
    }

    /// Its socket takes this connection, which is closed at once if the module is being ended.
    pub fn connected(&self, stream: TcpStream) {
        let mut connection = lock(&self.connection);
        if connection.is_ending {
            shut(&stream);
        }
        connection.stream = Some(stream);
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

    /// Closes the connection, waits for the module and unloads it. None where no module was loaded.
    pub fn end(&self, footprint: &Footprint) -> Option<Fate> {
        let mut connection = lock(&self.connection);
        connection.is_ending = true;
        connection.stream.take().iter().for_each(shut);
        drop(connection);
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

/// Ends a connection for both ends: whoever reads it wakes, and the module, which may wait for room where nobody reads, gives up.
fn shut(stream: &TcpStream) {
    // It may have ended by itself; and where somebody still reads, there is room.
    let _ = stream.shutdown(Shutdown::Both);
    let _ = sys::disconnect(stream.as_fd());
}

/// Nothing is half done where a lock is held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    fn refused() -> Result<Loading, Errno> {
        Loading::start(b"not a module", CString::default())
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
    fn a_connection_ends_with_the_module_and_none_is_made_after_that() {
        let (loaded, footprint) = (Loaded::default(), Footprint::default());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connect = || TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        loaded.begin(refused).unwrap();
        loaded.connected(connect());
        loaded.end(&footprint).unwrap();
        loaded.connected(connect());
        for _ in 0..2 {
            // The end, or a reset.
            assert_eq!(listener.accept().unwrap().0.read(&mut [0]).unwrap_or(0), 0);
        }
    }

    /// More than the kernel keeps for a reader that does not read: the other end waits, and nothing but a reset wakes it.
    #[test]
    fn what_waits_for_a_reader_that_does_not_read_is_woken() {
        let (loaded, footprint) = (Loaded::default(), Footprint::default());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let peer = std::thread::spawn(move || listener.accept().unwrap().0.write_all(&vec![7; 256 << 20]));
        let stream = TcpStream::connect(address).unwrap();
        let mut reader = stream.try_clone().unwrap();
        loaded.begin(refused).unwrap();
        reader.read_exact(&mut [0; 100]).unwrap();
        loaded.connected(stream);
        loaded.end(&footprint).unwrap();
        peer.join().unwrap().unwrap_err();
        assert!(reader.read(&mut [0]).unwrap_or(0) == 0, "what was not read before is not read after that");
    }
}
