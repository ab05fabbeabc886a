//! Everything that a first look reads of one process, as raw bytes.
//!
//! The order follows the locks: first what waits for nothing, so that a wedged process is described too; then, on a thread
//! that can be spared, what waits for a lock of the process (`exec_update_lock` for `io` and `syscall`, `mmap_lock` for
//! `cmdline`) or for a file system behind a descriptor.

use std::sync::Arc;
use std::time::Duration;

use super::slow::{self, Slow, Task};
use super::{link, stat};
use crate::host::pid::Process;
use crate::host::read::{self, Bytes};
use crate::host::sys::Stat;
use crate::host::{ReadError, SpareThread};
use crate::model::{Gap, Timestamp};
use crate::source::{Evidence, Member, MemberKind, Stop};

/// Files that wait for nothing but a spin lock. `stat` is first: it says what the process is.
const QUICK: [&str; 11] = [
    "stat",
    "status",
    "wchan",
    "cgroup",
    "loginuid",
    "sessionid",
    "oom_score_adj",
    "limits",
    "uid_map",
    "gid_map",
    "attr/current",
];

/// Magic links.
const LINKS: [&str; 13] = [
    "exe",
    "cwd",
    "root",
    "ns/cgroup",
    "ns/ipc",
    "ns/mnt",
    "ns/net",
    "ns/pid",
    "ns/pid_for_children",
    "ns/time",
    "ns/time_for_children",
    "ns/user",
    "ns/uts",
];

/// One thing read: its name below `/proc/PID` and what came of it.
pub type Piece<T> = (&'static str, Result<T, ReadError>);

/// An open descriptor of a process.
#[derive(Debug)]
pub struct Fd {
    /// Its number.
    pub number: i32,
    /// What it is open on, as the kernel words it.
    pub target: Vec<u8>,
    /// Metadata of what it is open on, where that has a path.
    pub stat: Option<Stat>,
}

/// What was read of one process.
#[derive(Debug)]
pub struct Capture {
    /// Its id.
    pub pid: i32,
    /// When reading began.
    pub time: Timestamp,
    /// The files, in the order in which they were read.
    pub files: Vec<Piece<Bytes>>,
    /// The magic links but those of descriptors.
    pub links: Vec<Piece<Vec<u8>>>,
    /// The descriptors, ascending.
    pub fds: Vec<Fd>,
    /// Why descriptors are missing, if some are.
    pub fd_error: Option<ReadError>,
    /// Metadata of the executable, through its magic link.
    pub exe: Option<Stat>,
    /// Whether the process was gone before all was read.
    pub vanished: bool,
    /// Whether some reads did not return in time.
    pub timed_out: bool,
}

impl Capture {
    /// A process of which nothing could be read, not even that it exists.
    #[must_use]
    pub fn unreadable(pid: i32, time: Timestamp, error: ReadError) -> Self {
        let vanished = error.is_gone();
        let files = vec![("stat", Err(error.clone()))];
        let (links, fds, fd_error) = (Vec::new(), Vec::new(), Some(error));
        Self { pid, time, files, links, fds, fd_error, exe: None, vanished, timed_out: false }
    }

    /// Reads `process`. Reads that may hang get `limit` together.
    #[must_use]
    pub fn read(process: Process, time: Timestamp, targets: bool, spare: &mut SpareThread, limit: Duration) -> Self {
        let (mut capture, task) = Self::begin(process, time, targets);
        if let Some(task) = task {
            slow::run(std::slice::from_ref(&task), spare, || limit);
            capture.end(&task);
        }
        capture
    }

    /// Reads what cannot hang, and says what else there is to read, if the process is still there. `targets` says whether links
    /// may be followed to their metadata, which a fixture's may not: they would lead to our own files.
    #[must_use]
    pub fn begin(process: Process, time: Timestamp, targets: bool) -> (Self, Option<Arc<Task>>) {
        let files: Vec<Piece<Bytes>> = QUICK.iter().map(|name| (*name, process.file(name, read::SMALL))).collect();
        let links = LINKS.iter().map(|name| (*name, process.link(name))).collect();
        let (pid, (fds, fd_error)) = (process.pid, read_fds(&process));
        let mut capture = Self { pid, time, files, links, fds, fd_error, exe: None, vanished: false, timed_out: false };
        if capture.is_gone() {
            capture.vanished = true;
            return (capture, None);
        }
        let paths = if targets { capture.path_fds() } else { Vec::new() };
        let task = Task::new(process, targets && capture.link("exe").is_some(), paths);
        // A kernel thread has no memory and so nothing to wait for: spare it the way to another thread.
        if capture.file("stat").and_then(stat::parse).is_some_and(|stat| stat.is_kthread()) {
            task.work();
        }
        (capture, Some(Arc::new(task)))
    }

    /// Takes over what a task has read, whether all of it or not.
    pub fn end(&mut self, task: &Task) {
        self.timed_out = task.hangs();
        self.take(task.take());
        // A missing file may also mean a kernel without it; only the process's own `stat` tells.
        self.vanished = self.has_missing() && task.process().file("stat", read::SMALL).is_err_and(|error| error.is_gone());
    }

    fn take(&mut self, slow: Slow) {
        self.files.extend(slow.files);
        self.exe = slow.exe;
        let mut stats = slow.fds.into_iter().peekable();
        for fd in &mut self.fds {
            fd.stat = stats.next_if(|(number, _)| *number == fd.number).map(|(_, stat)| stat);
        }
    }

    /// The descriptors whose link is a path, ascending.
    fn path_fds(&self) -> Vec<i32> {
        self.fds.iter().filter(|fd| link::is_path(&fd.target)).map(|fd| fd.number).collect()
    }

    /// What the file `name` holds, if it could be read.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        let (_, result) = self.files.iter().find(|(file, _)| *file == name)?;
        result.as_ref().ok().map(|content| content.bytes.as_slice())
    }

    /// Where the link `name` leads, if it could be read.
    #[must_use]
    pub fn link(&self, name: &str) -> Option<&[u8]> {
        let (_, result) = self.links.iter().find(|(link, _)| *link == name)?;
        result.as_ref().ok().map(Vec::as_slice)
    }

    /// The executable's path without the kernel's mark of a file that lost its name, as osquery has it.
    #[must_use]
    pub fn executable(&self) -> Option<&[u8]> {
        let exe = self.link("exe")?;
        match exe.strip_suffix(link::DELETED) {
            Some(path) if self.exe.is_none_or(|stat| stat.nlink == 0) => Some(path),
            _ => Some(exe),
        }
    }

    /// What was refused, by name below `/proc/PID`. What the kernel or this kind of process does not have is not among it.
    pub fn errors(&self) -> impl Iterator<Item = (&'static str, &ReadError)> {
        let files = self.files.iter().filter_map(|(name, result)| Some((*name, result.as_ref().err()?)));
        let links = self.links.iter().filter_map(|(name, result)| Some((*name, result.as_ref().err()?)));
        let fds = self.fd_error.iter().map(|error| ("fd", error));
        // Without a security module that labels processes, reading the label is an invalid request.
        let absent = |name: &str, error: &ReadError| error.is_gone() || (name == "attr/current" && error.is_unsupported());
        files.chain(links).chain(fds).filter(move |(name, error)| !absent(name, error))
    }

    /// The names of the files that hold more than was read.
    pub fn truncated(&self) -> impl Iterator<Item = (&'static str, usize)> {
        let truncated = |(name, result): &(&'static str, Result<Bytes, ReadError>)| {
            result.as_ref().ok().filter(|content| content.truncated).map(|content| (*name, content.bytes.len()))
        };
        self.files.iter().filter_map(truncated)
    }

    /// The files that were not reached because an earlier read hangs.
    pub fn hanging(&self) -> impl Iterator<Item = &'static str> {
        let missing = |name: &&str| self.timed_out && !self.files.iter().any(|(file, _)| file == name);
        slow::FILES.into_iter().filter(missing)
    }

    fn is_gone(&self) -> bool {
        self.files.first().is_none_or(|(_, stat)| stat.as_ref().is_err_and(ReadError::is_gone))
    }

    fn has_missing(&self) -> bool {
        let files = self.files.iter().filter_map(|(_, result)| result.as_ref().err());
        let links = self.links.iter().filter_map(|(_, result)| result.as_ref().err());
        files.chain(links).chain(&self.fd_error).any(ReadError::is_gone)
    }

    /// Puts all that was read into the archive, as it stands below `/proc/PID`, and a gap for each file that was cut short or
    /// hangs.
    ///
    /// # Errors
    /// When the run wants no more of this artefact.
    pub fn keep(&self, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        let mut path = Path::new(self.pid);
        for (name, content) in self.files.iter().filter_map(|(name, result)| Some((*name, result.as_ref().ok()?))) {
            evidence.raw(&Member::pseudo(path.of(name)), &content.bytes)?;
        }
        for (name, target) in self.links.iter().filter_map(|(name, result)| Some((*name, result.as_ref().ok()?))) {
            evidence.raw(&Member::symlink(path.of(name), target), &[])?;
        }
        for fd in &self.fds {
            evidence.raw(&Member::symlink(path.of(&format!("fd/{}", fd.number)), &fd.target), &[])?;
        }
        if self.fds.is_empty() && self.fd_error.is_none() {
            evidence.raw(&Member { path: path.of("fd"), kind: MemberKind::Directory, stat: None }, &[])?;
        }
        for (name, read) in self.truncated() {
            let reason = format!("longer than the {read} bytes that are read of it");
            evidence.gap(Gap::from(path.of(name), u64::try_from(read).unwrap_or(u64::MAX), None, reason));
        }
        for name in self.hanging() {
            evidence.gap(Gap::whole(path.of(name), "the read did not return in time and was abandoned"));
        }
        Ok(())
    }
}

/// The descriptors of a process, and the first refusal. One that is closed while they are read is no longer one of them.
fn read_fds(process: &Process) -> (Vec<Fd>, Option<ReadError>) {
    let numbers = match process.numbers("fd") {
        Ok(numbers) => numbers,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let (mut fds, mut refusal) = (Vec::with_capacity(numbers.len()), None);
    for number in numbers {
        match process.link(&format!("fd/{number}")) {
            Ok(target) => fds.push(Fd { number, target, stat: None }),
            Err(error) if error.is_gone() => {}
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    (fds, refusal)
}

/// `/proc/PID/…`, built in one buffer.
struct Path {
    bytes: Vec<u8>,
    prefix: usize,
}

impl Path {
    fn new(pid: i32) -> Self {
        let bytes = format!("/proc/{pid}/").into_bytes();
        Self { prefix: bytes.len(), bytes }
    }

    fn of(&mut self, name: &str) -> &[u8] {
        self.bytes.truncate(self.prefix);
        self.bytes.extend_from_slice(name.as_bytes());
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{Host, Reason};
    use crate::source::recorded::Recorded;

    fn own(host: &Host) -> Process {
        host.proc.process(i32::try_from(std::process::id()).unwrap()).unwrap()
    }

    #[test]
    fn all_of_a_living_process_is_read() {
        let host = Host::live().unwrap();
        let capture = Capture::read(own(&host), host.clock.now(), true, &mut host.spare_thread(), Duration::from_secs(60));
        assert!(!capture.vanished && !capture.timed_out && capture.errors().count() == 0);
        assert_eq!(capture.files.len(), QUICK.len() + slow::FILES.len());
        assert_eq!(capture.exe.unwrap().ino, std::os::unix::fs::MetadataExt::ino(&std::fs::metadata("/proc/self/exe").unwrap()));
        assert!(capture.fds.iter().all(|fd| fd.stat.is_some() == link::is_path(&fd.target) || fd.number > 2));
    }

    #[test]
    fn a_wedged_process_is_described_by_what_waits_for_nothing() {
        let host = Host::live().unwrap();
        let mut capture = Capture::read(own(&host), host.clock.now(), true, &mut host.spare_thread(), Duration::from_secs(60));
        // As if the expendable thread had read `syscall` and then hung.
        capture.files.truncate(QUICK.len() + 1);
        capture.timed_out = true;
        assert_eq!(capture.hanging().collect::<Vec<_>>(), ["io", "cmdline"]);
        let mut recorded = Recorded::default();
        capture.keep(&mut recorded).unwrap();
        assert!(recorded.members.iter().any(|(path, ..)| path.ends_with(b"/status")));
        let sources: Vec<&str> = recorded.gaps.iter().map(|gap| gap.source.rsplit('/').next().unwrap()).collect();
        assert_eq!(sources, ["io", "cmdline"]);
    }

    #[test]
    fn what_never_was_and_what_is_refused_differ() {
        let host = Host::live().unwrap();
        let error = |reason| ReadError::new(b"/proc/7", reason);
        let gone = Capture::unreadable(7, host.clock.now(), host.proc.process(i32::MAX).unwrap_err());
        assert!(gone.vanished && gone.errors().count() == 0);
        let refused = Capture::unreadable(7, host.clock.now(), error(Reason::Timeout));
        assert!(!refused.vanished && refused.errors().count() > 0);
    }
}
