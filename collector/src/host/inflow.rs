//! What a module sends us: through a pipe that it opens by a name below `/proc/self/fd`, or over a connection to its socket.
//!
//! **Invariant:** whoever has one can end it at any time: who reads it wakes, and the module, which may wait for room where nobody
//! reads, gives up.

use std::io::{ErrorKind, Read};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::sys::stat::{Mode, fstat};
use nix::unistd::{pipe2, write};

use super::{read, sys};

/// How long an end waits for who reads to let go, in steps of [`STEP`]. It was woken, so it does at once, unless the module has kept its end
/// open when it returned.
const STEPS: u32 = 200;
const STEP: Duration = Duration::from_millis(5);

/// One way in, shared by who reads it and who may have to end it.
#[derive(Debug, Clone)]
pub enum Inflow {
    /// A pipe of ours.
    Pipe(Arc<Pipe>),
    /// A connection to a socket of the kernel's.
    Socket(Arc<TcpStream>),
}

impl Inflow {
    /// Ends it for both sides.
    pub fn end(&self) {
        match self {
            Self::Pipe(pipe) => pipe.end(),
            Self::Socket(stream) => {
                // It may have ended by itself; and where somebody still reads, there is room.
                let _ = stream.shutdown(Shutdown::Both);
                let _ = sys::disconnect(stream.as_fd());
            }
        }
    }

    /// Ends a pipe that has been silent for too long: a read of it is out of time from then on. A socket has a limit of its own.
    pub fn end_silent(&self) {
        if let Self::Pipe(pipe) = self {
            pipe.is_silent.store(true, Ordering::Release);
            pipe.end();
        }
    }

    /// Bytes that came through a pipe and were read; of a socket nobody counts them.
    #[must_use]
    pub fn came(&self) -> Option<u64> {
        match self {
            Self::Pipe(pipe) => Some(pipe.came.load(Ordering::Relaxed)),
            Self::Socket(_) => None,
        }
    }
}

impl Read for Inflow {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Pipe(pipe) => pipe.read(buffer),
            Self::Socket(stream) => stream.as_ref().read(buffer),
        }
    }
}

/// What a look at a pipe found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Nothing, but somebody may still write.
    Nothing,
    /// Bytes.
    Bytes,
    /// Nothing, and nobody can write any more.
    End,
}

/// A pipe, from its beginning in the module to its end here. It is read by calls that wait, and never polled: a pipe that was polled once wakes
/// its reader for every page (`poll_usage` in fs/pipe.c).
#[derive(Debug, Default)]
pub struct Pipe {
    /// Whoever waits for bytes holds it.
    ours: Mutex<Reading>,
    theirs: Mutex<Option<OwnedFd>>,
    is_ended: AtomicBool,
    is_silent: AtomicBool,
    /// Bytes that were read.
    came: AtomicU64,
}

#[derive(Debug, Default)]
struct Reading {
    /// None when the pipe has been ended.
    end: Option<OwnedFd>,
    /// Bytes that a look has found.
    found: Vec<u8>,
}

/// Holds the end open that the module writes to, until this is dropped: the module opens it by its name.
#[derive(Debug)]
pub struct WriteEnd(Arc<Pipe>);

impl Pipe {
    /// A pipe of the kernel's usual size (64 KiB, pipe(7)), and what holds its other end.
    ///
    /// # Errors
    /// The kernel's errno.
    pub fn new() -> Result<(Arc<Self>, WriteEnd), Errno> {
        let (ours, theirs) = pipe2(OFlag::O_CLOEXEC)?;
        // For us, who must not wait; whoever opens it by its name waits for room.
        fcntl(&theirs, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        let ours = Mutex::new(Reading { end: Some(ours), found: Vec::new() });
        let pipe = Arc::new(Self { ours, theirs: Mutex::new(Some(theirs)), ..Self::default() });
        Ok((Arc::clone(&pipe), WriteEnd(pipe)))
    }

    /// Looks, and does not wait, whether something has come; for who does not read yet.
    ///
    /// # Errors
    /// The kernel's errno.
    pub fn look(&self) -> Result<Look, Errno> {
        let mut ours = lock(&self.ours);
        let Reading { end: Some(end), found } = &mut *ours else { return Ok(Look::End) };
        let mut buffer = [0; 4096];
        fcntl(&*end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        let come = read::retry(|| nix::unistd::read(&*end, &mut buffer));
        fcntl(&*end, FcntlArg::F_SETFL(OFlag::empty()))?;
        match come {
            Ok(length) => found.extend_from_slice(buffer.get(..length).unwrap_or_default()),
            Err(Errno::EAGAIN) => return Ok(if found.is_empty() { Look::Nothing } else { Look::Bytes }),
            Err(errno) => return Err(errno),
        }
        Ok(if found.is_empty() { Look::End } else { Look::Bytes })
    }

    fn read(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut ours = lock(&self.ours);
        let Reading { end: Some(end), found } = &mut *ours else { return self.ended() };
        let length = if found.is_empty() {
            read::retry(|| nix::unistd::read(&*end, buffer))?
        } else {
            let length = found.as_slice().read(buffer)?;
            found.drain(..length);
            length
        };
        // The byte that wakes is none of the module's.
        if self.is_ended.load(Ordering::Acquire) {
            return self.ended();
        }
        self.came.fetch_add(u64::try_from(length).unwrap_or(u64::MAX), Ordering::Relaxed);
        Ok(length)
    }

    /// What a read of it gives.
    fn ended(&self) -> std::io::Result<usize> {
        if self.is_silent.load(Ordering::Acquire) { Err(ErrorKind::TimedOut.into()) } else { Ok(0) }
    }

    /// Wakes who reads, and closes our end: a module that writes is told so by `EPIPE`, and one that waits for room too.
    fn end(&self) {
        self.is_ended.store(true, Ordering::Release);
        if let Some(theirs) = &*lock(&self.theirs) {
            // Where there is no room for it, nobody waits for bytes.
            let _ = write(theirs, &[0]);
        }
        for _ in 0..STEPS {
            if let Ok(mut ours) = self.ours.try_lock() {
                ours.end = None;
                return;
            }
            std::thread::sleep(STEP);
        }
    }
}

impl WriteEnd {
    /// A name under which the kernel opens this end for a thread of this process (proc(5)). None where that name leads elsewhere, as where
    /// something else is mounted over `/proc`.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        let theirs = lock(&self.0.theirs);
        let end = theirs.as_ref()?;
        let name = format!("/proc/self/fd/{}", end.as_raw_fd());
        let there = open(name.as_str(), OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).ok()?;
        let (wanted, found) = (fstat(end).ok()?, fstat(&there).ok()?);
        ((wanted.st_dev, wanted.st_ino) == (found.st_dev, found.st_ino)).then_some(name)
    }
}

impl Drop for WriteEnd {
    fn drop(&mut self) {
        lock(&self.0.theirs).take();
    }
}

/// Nothing is half done where a lock is held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{File, OpenOptions};
    use std::io::Write as _;
    use std::net::TcpListener;

    /// As the module does.
    fn opened(end: &WriteEnd) -> File {
        OpenOptions::new().write(true).create(true).truncate(true).open(end.name().unwrap()).unwrap()
    }

    #[test]
    fn a_pipe_gives_what_came_and_then_its_end() {
        let (pipe, held) = Pipe::new().unwrap();
        assert_eq!(pipe.look(), Ok(Look::Nothing));
        let mut theirs = opened(&held);
        drop(held);
        theirs.write_all(b"mem").unwrap();
        assert_eq!((pipe.look(), pipe.look()), (Ok(Look::Bytes), Ok(Look::Bytes)));
        theirs.write_all(b"ory").unwrap();
        drop(theirs);
        let mut all = Vec::new();
        let mut inflow = Inflow::Pipe(Arc::clone(&pipe));
        inflow.read_to_end(&mut all).unwrap();
        assert_eq!((all.as_slice(), pipe.look(), inflow.came()), (&b"memory"[..], Ok(Look::End), Some(6)));
    }

    /// Waits until somebody waits for bytes: whoever does holds the lock.
    fn await_reader(pipe: &Pipe) {
        let began = std::time::Instant::now();
        while pipe.ours.try_lock().is_ok() {
            assert!(began.elapsed() < Duration::from_secs(60), "nobody reads");
            std::thread::yield_now();
        }
    }

    /// More than the kernel keeps for a reader that does not read: the other end waits, and nothing but the end wakes it.
    fn ends_for_both(inflow: Inflow, write: impl FnOnce(&[u8]) -> std::io::Result<()> + Send + 'static) {
        let peer = std::thread::spawn(move || write(&vec![7; 256 << 20]));
        let mut reader = inflow.clone();
        reader.read_exact(&mut [0; 100]).unwrap();
        inflow.end();
        peer.join().unwrap().unwrap_err();
        assert_eq!(reader.read(&mut [0]).unwrap_or(0), 0, "what was not read before is not read after that");
    }

    #[test]
    fn an_end_wakes_who_writes() {
        let (pipe, held) = Pipe::new().unwrap();
        let mut theirs = opened(&held);
        ends_for_both(Inflow::Pipe(pipe), move |bytes| theirs.write_all(bytes));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        ends_for_both(Inflow::Socket(Arc::new(ours)), move |bytes| listener.accept().unwrap().0.write_all(bytes));
    }

    #[test]
    fn an_end_wakes_who_reads_while_the_module_is_silent() {
        let (pipe, held) = Pipe::new().unwrap();
        let mut theirs = opened(&held);
        let (mut reader, inflow) = (Inflow::Pipe(Arc::clone(&pipe)), Inflow::Pipe(Arc::clone(&pipe)));
        let waits = std::thread::spawn(move || reader.read(&mut [0]));
        await_reader(&pipe);
        inflow.end_silent();
        assert_eq!(waits.join().unwrap().unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(inflow.came(), Some(0), "the byte that woke it is not counted");
        assert!(theirs.write_all(b"x").is_err());
    }

    #[test]
    fn an_end_gives_up_where_the_module_keeps_its_end_open() {
        let (pipe, held) = Pipe::new().unwrap();
        let theirs = opened(&held);
        drop(held);
        let mut reader = Inflow::Pipe(Arc::clone(&pipe));
        let waits = std::thread::spawn(move || reader.read(&mut [0]));
        await_reader(&pipe);
        Inflow::Pipe(pipe).end();
        drop(theirs);
        assert_eq!(waits.join().unwrap().unwrap(), 0);
    }
}
