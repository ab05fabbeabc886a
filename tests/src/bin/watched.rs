//! `watched REPORT -- COMMAND…`: executes the command under ptrace and writes to the file REPORT how many programs were
//! executed and how many processes forked by it and all its descendants: `execs=1 forks=0`. The first one is the command
//! itself; threads do not count. Its exit code is the command's.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use hozen_tests::life::{self, Failure};
use hozen_tests::raw;
use nix::errno::Errno;
use nix::sys::ptrace::{self, Event, Options};
use nix::sys::signal::{Signal, raise};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

const USAGE: &str = "usage: watched REPORT -- COMMAND...";

fn main() -> ExitCode {
    match watched() {
        Ok(code) => ExitCode::from(code),
        Err(failure) => life::report("watched", Err(failure)),
    }
}

#[expect(clippy::disallowed_methods, reason = "this helper exists to execute a command and to write a report about it")]
fn watched() -> Result<u8, Failure> {
    let mut arguments = std::env::args_os().skip(1);
    let report = arguments.next().ok_or(USAGE)?;
    if arguments.next().is_none_or(|argument| argument != "--") {
        return Err(USAGE.into());
    }
    let program = arguments.next().ok_or(USAGE)?;
    let child = raw::fork(|| {
        // After the stop the parent sets its options, so that it sees the first exec too.
        if ptrace::traceme().and_then(|()| raise(Signal::SIGSTOP)).is_ok() {
            let _ = Command::new(program).args(arguments).exec();
        }
        127
    })?;
    let mut seen = Seen::default();
    let code = seen.follow(child)?;
    std::fs::write(report, format!("execs={} forks={}\n", seen.execs, seen.forks))?;
    Ok(code)
}

/// What was seen.
#[derive(Default)]
struct Seen {
    execs: u64,
    forks: u64,
}

impl Seen {
    /// Lets `leader` and all that descend from it run, until it ends. Returns its exit code, 128 + the signal if one ended it.
    fn follow(&mut self, leader: Pid) -> Result<u8, Failure> {
        waitpid(leader, None)?;
        let events = Options::PTRACE_O_TRACEEXEC | Options::PTRACE_O_TRACEFORK | Options::PTRACE_O_TRACEVFORK;
        ptrace::setoptions(leader, events | Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_EXITKILL)?;
        go_on(leader, None)?;
        loop {
            match waitpid(None, Some(WaitPidFlag::__WALL))? {
                WaitStatus::Exited(pid, code) if pid == leader => return Ok(u8::try_from(code)?),
                WaitStatus::Signaled(pid, signal, _) if pid == leader => return Ok(128 + u8::try_from(signal as i32)?),
                WaitStatus::PtraceEvent(pid, _, event) => {
                    self.note(event);
                    go_on(pid, None)?;
                }
                // A new thread or process starts with a stop that is not meant for it.
                WaitStatus::Stopped(pid, Signal::SIGSTOP) => go_on(pid, None)?,
                WaitStatus::Stopped(pid, signal) => go_on(pid, Some(signal))?,
                _ => {}
            }
        }
    }

    fn note(&mut self, event: i32) {
        self.execs += u64::from(event == Event::PTRACE_EVENT_EXEC as i32);
        self.forks += u64::from(event == Event::PTRACE_EVENT_FORK as i32 || event == Event::PTRACE_EVENT_VFORK as i32);
    }
}

/// Lets a stopped thread go on. One that was killed meanwhile is gone, which is no error.
fn go_on(pid: Pid, signal: Option<Signal>) -> nix::Result<()> {
    match ptrace::cont(pid, signal) {
        Err(Errno::ESRCH) => Ok(()),
        result => result,
    }
}
