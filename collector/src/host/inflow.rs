//! What a module sends us: through a pipe that it opens by a name below `/proc/self/fd`, or over a connection to its socket.
//!
//! **Invariant:** whoever has one can end it at any time: who reads it wakes, and the module, which may wait for room where nobody
//! reads, gives up.

use std::io::{ErrorKind, Read};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::{Mode, fstat};
use nix::unistd::pipe2;

use super::{read, sys};

/// Milliseconds after which who waits for a pipe looks whether it has been ended.
const LOOK: u8 = 100;

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
}

impl Read for Inflow {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Pipe(pipe) => pipe.read(buffer),
            Self::Socket(stream) => stream.as_ref().read(buffer),
        }
    }
}

/// What stands in a pipe for whoever would read it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// Nothing, but somebody may still write.
    Nothing,
    /// Bytes.
    Bytes,
    /// Nothing, and nobody can write any more.
    End,
}

/// The end of a pipe that we read.
#[derive(Debug)]
pub struct Pipe {
    /// None when it has been ended. Whoever waits for bytes holds it, [`LOOK`] at most.
    end: Mutex<Option<OwnedFd>>,
    is_ended: AtomicBool,
    /// How long it may be silent.
    silence: Duration,
}

impl Pipe {
    /// A pipe of the kernel's usual size (64 KiB, pipe(7)), and its other end. A read fails with `TimedOut` when it has been silent for
    /// `silence`.
    ///
    /// # Errors
    /// The kernel's errno.
    pub fn new(silence: Duration) -> Result<(Arc<Self>, OwnedFd), Errno> {
        let (ours, theirs) = pipe2(OFlag::O_CLOEXEC)?;
        Ok((Arc::new(Self { end: Mutex::new(Some(ours)), is_ended: AtomicBool::new(false), silence }), theirs))
    }

    /// Waits up to `limit` for something to read.
    ///
    /// # Errors
    /// The kernel's errno.
    pub fn waiting(&self, limit: PollTimeout) -> Result<Waiting, Errno> {
        self.with(Waiting::End, |end| look(end, limit))
    }

    fn read(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let began = Instant::now();
        while began.elapsed() < self.silence {
            let come = self.with(Some(0), |end| match look(end, PollTimeout::from(LOOK))? {
                Waiting::Nothing => Ok(None),
                Waiting::Bytes => read::retry(|| nix::unistd::read(end, buffer)).map(Some),
                Waiting::End => Ok(Some(0)),
            })?;
            if let Some(length) = come {
                return Ok(length);
            }
        }
        Err(ErrorKind::TimedOut.into())
    }

    /// `ended` when it has been ended.
    fn with<T>(&self, ended: T, look: impl FnOnce(BorrowedFd<'_>) -> Result<T, Errno>) -> Result<T, Errno> {
        // Whoever reads takes the lock again and again, and would keep who wants to end it waiting.
        if self.is_ended.load(Ordering::Acquire) {
            return Ok(ended);
        }
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        end.as_ref().map_or(Ok(ended), |end| look(end.as_fd()))
    }

    /// Closes it: a module that writes is told so by `EPIPE`, one that waits for room too.
    fn end(&self) {
        self.is_ended.store(true, Ordering::Release);
        drop(self.end.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

fn look(end: BorrowedFd<'_>, limit: PollTimeout) -> Result<Waiting, Errno> {
    let mut ends = [PollFd::new(end, PollFlags::POLLIN)];
    match poll(&mut ends, limit) {
        Ok(0) | Err(Errno::EINTR) => return Ok(Waiting::Nothing),
        polled => polled?,
    };
    let came = ends.first().and_then(PollFd::revents).unwrap_or(PollFlags::empty());
    Ok(if came.contains(PollFlags::POLLIN) { Waiting::Bytes } else { Waiting::End })
}

/// A name under which the kernel opens the very file that is open as `fd`, for a thread of this process (proc(5)). None where another file
/// or none has it, as where something else is mounted over `/proc`.
#[must_use]
pub fn name_of(fd: &OwnedFd) -> Option<String> {
    let name = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let there = open(name.as_str(), OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).ok()?;
    let (wanted, found) = (fstat(fd).ok()?, fstat(&there).ok()?);
    ((wanted.st_dev, wanted.st_ino) == (found.st_dev, found.st_ino)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::net::TcpListener;

    const LONG: Duration = Duration::from_secs(60);

    fn soon() -> PollTimeout {
        PollTimeout::from(1_u8)
    }

    #[test]
    fn a_pipe_gives_what_came_and_then_its_end() {
        let (pipe, theirs) = Pipe::new(LONG).unwrap();
        let mut inflow = Inflow::Pipe(Arc::clone(&pipe));
        assert_eq!(pipe.waiting(soon()), Ok(Waiting::Nothing));
        nix::unistd::write(&theirs, b"memory").unwrap();
        assert_eq!(pipe.waiting(soon()), Ok(Waiting::Bytes));
        drop(theirs);
        let mut all = Vec::new();
        inflow.read_to_end(&mut all).unwrap();
        assert_eq!((all.as_slice(), pipe.waiting(soon())), (&b"memory"[..], Ok(Waiting::End)));
    }

    #[test]
    fn silence_is_an_error_of_its_own() {
        let (pipe, _theirs) = Pipe::new(Duration::from_millis(1)).unwrap();
        assert_eq!(Inflow::Pipe(pipe).read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
    }

    /// More than the kernel keeps for a reader that does not read: the other end waits, and nothing but the end wakes it.
    fn ends_for_both(inflow: Inflow, write: impl FnOnce(&[u8]) -> std::io::Result<()> + Send + 'static) {
        let peer = std::thread::spawn(move || write(&vec![7; 256 << 20]));
        let mut reader = inflow.clone();
        reader.read_exact(&mut [0; 100]).unwrap();
        let (other, mut rest) = (inflow.clone(), inflow);
        let ended = std::thread::spawn(move || other.end());
        // One reads, and one no longer does.
        while matches!(rest.read(&mut [0; 4096]), Ok(1..)) {}
        ended.join().unwrap();
        peer.join().unwrap().unwrap_err();
        assert_eq!(reader.read(&mut [0]).unwrap_or(0), 0, "what was not read before is not read after that");
    }

    #[test]
    fn an_end_wakes_who_writes_and_who_reads() {
        let (pipe, theirs) = Pipe::new(LONG).unwrap();
        ends_for_both(Inflow::Pipe(pipe), move |bytes| std::fs::File::from(theirs).write_all(bytes));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        ends_for_both(Inflow::Socket(Arc::new(ours)), move |bytes| listener.accept().unwrap().0.write_all(bytes));
    }

    #[test]
    fn an_end_wakes_who_waits_for_a_writer_that_is_silent() {
        let (pipe, _theirs) = Pipe::new(LONG).unwrap();
        let mut reader = Inflow::Pipe(Arc::clone(&pipe));
        let waits = std::thread::spawn(move || reader.read(&mut [0]));
        Inflow::Pipe(pipe).end();
        assert_eq!(waits.join().unwrap().unwrap(), 0);
    }

    #[test]
    fn a_pipe_is_opened_by_its_name_and_by_no_other() {
        let (pipe, theirs) = Pipe::new(LONG).unwrap();
        let name = name_of(&theirs).unwrap();
        let mut again = std::fs::OpenOptions::new().write(true).create(true).truncate(true).open(&name).unwrap();
        drop(theirs);
        again.write_all(b"x").unwrap();
        drop(again);
        assert_eq!(pipe.waiting(soon()), Ok(Waiting::Bytes));
    }
}
