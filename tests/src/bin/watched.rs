//! `watched REPORT -- COMMAND…`: executes the command under ptrace and writes to the file REPORT how many programs were
//! executed and how many processes forked by it and all its descendants, and how many calls of theirs came to the kernel that mount or
//! unmount something where others see it, and that load or unload a module: `execs=1 forks=0 mounts=0 modules=0`. The first program is the
//! command itself; threads do not count, and calls that a filter of the command's own refuses do not come to the kernel. Its exit code is
//! the command's.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use hozen_tests::life::{self, Failure};
use hozen_tests::raw;
use nix::errno::Errno;
use nix::sys::ptrace::{self, Event, Options};
use nix::sys::signal::{Signal, raise};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

const USAGE: &str = "usage: watched REPORT -- COMMAND...";

fn main() -> ExitCode {
    match watched() {
        Ok(code) => ExitCode::from(code),
        Err(failure) => life::report("watched", Err(failure)),
    }
}

#[expect(clippy::disallowed_methods, reason = "this helper exists to write a report")]
fn watched() -> Result<u8, Failure> {
    let mut arguments = std::env::args_os().skip(1);
    let report = arguments.next().ok_or(USAGE)?;
    if arguments.next().is_none_or(|argument| argument != "--") {
        return Err(USAGE.into());
    }
    let program = arguments.next().ok_or(USAGE)?;
    let child = raw::fork(|| {
        let _ = life::report("watched", Err(traced(program, arguments)));
        127
    })?;
    let mut seen = Seen::default();
    let code = seen.follow(child)?;
    std::fs::write(report, seen.told())?;
    Ok(code)
}

/// Executes the command under the eyes of the parent. Returns what went wrong.
#[expect(clippy::disallowed_methods, reason = "this helper exists to execute a command")]
fn traced(program: OsString, arguments: impl Iterator<Item = OsString>) -> Failure {
    match be_traced() {
        Ok(()) => Command::new(program).args(arguments).exec().into(),
        Err(failure) => failure,
    }
}

fn be_traced() -> Result<(), Failure> {
    ptrace::traceme()?;
    // After the stop the parent sets its options, so that it sees the first exec too.
    raise(Signal::SIGSTOP)?;
    tell_of(&MOUNTS, MOUNT)?;
    tell_of(&MODULES, MODULE)
}

/// What the filters tell of a call: its kind.
const MOUNT: u32 = 1;
const MODULE: u32 = 2;
/// Calls that change what is mounted where.
const MOUNTS: [libc::c_long; 4] = [libc::SYS_mount, libc::SYS_umount2, libc::SYS_move_mount, libc::SYS_pivot_root];
/// Calls that change what the kernel has loaded.
const MODULES: [libc::c_long; 3] = [libc::SYS_init_module, libc::SYS_finit_module, libc::SYS_delete_module];

/// From now on the kernel stops this process, and all that descends from it, at these calls and tells the tracer their kind.
fn tell_of(calls: &[libc::c_long], kind: u32) -> Result<(), Failure> {
    let rules: BTreeMap<_, _> = calls.iter().map(|call| (*call, Vec::new())).collect();
    let arch: TargetArch = std::env::consts::ARCH.try_into()?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Trace(kind), arch)?;
    let program: BpfProgram = filter.try_into()?;
    Ok(seccompiler::apply_filter(&program)?)
}

/// What was seen.
#[derive(Default)]
struct Seen {
    execs: u64,
    forks: u64,
    mounts: u64,
    modules: u64,
}

impl Seen {
    /// Lets `leader` and all that descend from it run, until it ends. Returns its exit code, 128 + the signal if one ended it.
    fn follow(&mut self, leader: Pid) -> Result<u8, Failure> {
        waitpid(leader, None)?;
        let events = Options::PTRACE_O_TRACEEXEC | Options::PTRACE_O_TRACEFORK | Options::PTRACE_O_TRACEVFORK;
        let events = events | Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_TRACESECCOMP;
        ptrace::setoptions(leader, events | Options::PTRACE_O_EXITKILL)?;
        go_on(leader, None)?;
        loop {
            match waitpid(None, Some(WaitPidFlag::__WALL))? {
                WaitStatus::Exited(pid, code) if pid == leader => return Ok(u8::try_from(code)?),
                WaitStatus::Signaled(pid, signal, _) if pid == leader => return Ok(128 + u8::try_from(signal as i32)?),
                WaitStatus::PtraceEvent(pid, _, event) => {
                    self.note(pid, event);
                    go_on(pid, None)?;
                }
                // A new thread or process starts with a stop that is not meant for it.
                WaitStatus::Stopped(pid, Signal::SIGSTOP) => go_on(pid, None)?,
                WaitStatus::Stopped(pid, signal) => go_on(pid, Some(signal))?,
                _ => {}
            }
        }
    }

    fn note(&mut self, pid: Pid, event: i32) {
        self.execs += u64::from(event == Event::PTRACE_EVENT_EXEC as i32);
        self.forks += u64::from(event == Event::PTRACE_EVENT_FORK as i32 || event == Event::PTRACE_EVENT_VFORK as i32);
        if event == Event::PTRACE_EVENT_SECCOMP as i32 {
            // One that was killed meanwhile has made no call.
            let kind = ptrace::getevent(pid).unwrap_or_default();
            self.mounts += u64::from(kind == libc::c_long::from(MOUNT));
            self.modules += u64::from(kind == libc::c_long::from(MODULE));
        }
    }

    fn told(&self) -> String {
        format!("execs={} forks={} mounts={} modules={}\n", self.execs, self.forks, self.mounts, self.modules)
    }
}

/// Lets a stopped thread go on. One that was killed meanwhile is gone, which is no error.
fn go_on(pid: Pid, signal: Option<Signal>) -> nix::Result<()> {
    match ptrace::cont(pid, signal) {
        Err(Errno::ESRCH) => Ok(()),
        result => result,
    }
}
