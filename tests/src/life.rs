//! The life of a helper program: it says `ready`, waits until its stdin closes or a signal asks it to end, and cleans up.
//!
//! Whoever started it holds the other end of its stdin. If that process dies, even by SIGKILL, the pipe closes and the helper
//! ends: nothing is left behind.

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::ExitCode;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// What a helper program fails with: a sentence for whoever runs it.
pub type Failure = Box<dyn std::error::Error>;

/// Set up once, at the start of a helper program, before it forks.
#[derive(Debug)]
pub struct Life {
    signals: SignalFd,
}

impl Life {
    /// From now on SIGTERM, SIGINT and SIGHUP end [`Life::wait`] instead of the process, so that it can clean up.
    ///
    /// # Errors
    /// With the kernel's errno.
    pub fn begin() -> nix::Result<Self> {
        let mut mask = SigSet::empty();
        for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
            mask.add(signal);
        }
        mask.thread_block()?;
        Ok(Self { signals: SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)? })
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// With the kernel's errno.
    pub fn wait(&self) -> nix::Result<()> {
        while !self.over(PollTimeout::NONE, None)?.is_over {}
        Ok(())
    }

    /// Waits for a signal, whatever becomes of stdin.
    ///
    /// # Errors
    /// With the kernel's errno.
    pub fn wait_for_signal(&self) -> nix::Result<()> {
        loop {
            match poll(&mut [PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE) {
                Err(Errno::EINTR) => {}
                result => return result.map(drop),
            }
        }
    }

    /// Waits for the end at most `limit`, or until `other` has something to read.
    ///
    /// # Errors
    /// With the kernel's errno.
    pub fn over(&self, limit: PollTimeout, other: Option<BorrowedFd<'_>>) -> nix::Result<News> {
        let stdin = io::stdin();
        let mut waiting =
            vec![PollFd::new(stdin.as_fd(), PollFlags::POLLIN), PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        waiting.extend(other.map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
        match poll(&mut waiting, limit) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
        let mut seen = waiting.iter().map(|fd| fd.any().unwrap_or(false));
        let (input, signal, other) = (seen.next() == Some(true), seen.next() == Some(true), seen.next() == Some(true));
        Ok(News { is_over: signal || (input && closed()), other })
    }
}

/// What woke a helper program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct News {
    /// It should clean up and end.
    pub is_over: bool,
    /// The other descriptor has something to read.
    pub other: bool,
}

fn closed() -> bool {
    !matches!(io::stdin().read(&mut [0; 4096]), Ok(1..))
}

/// Prints the one line that tests wait for: `ready` and facts such as `pid=12`. Values have no white space.
///
/// # Errors
/// When stdout is closed.
pub fn ready(facts: &[(&str, String)]) -> io::Result<()> {
    let facts: String = facts.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    say(&format!("ready{facts}"))
}

/// Prints a line.
///
/// # Errors
/// When stdout is closed.
pub fn say(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(format!("{line}\n").as_bytes())?;
    stdout.flush()
}

/// Turns the result of a helper program into its exit code, and its failure into a line on stderr.
pub fn report(name: &str, result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody is left to hear that stderr is closed.
            let _ = io::stderr().write_all(format!("{name}: {failure}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}

/// This process's id, as the kernel's tables show it.
#[must_use]
pub fn own_pid() -> (&'static str, String) {
    ("pid", std::process::id().to_string())
}

/// Kills the children and waits for them.
pub fn end(children: &[nix::unistd::Pid]) {
    // A child that is gone already is what we want; there is nothing to do about other errors.
    for child in children {
        let _ = nix::sys::signal::kill(*child, Signal::SIGKILL);
    }
    for child in children {
        let _ = nix::sys::wait::waitpid(*child, None);
    }
}

/// Sleeps until killed.
pub fn sleep_for_ever() -> ! {
    loop {
        nix::unistd::pause();
    }
}
