//! One process, held by its directory in `/proc`.
//!
//! The directory belongs to the process, not to its number: when the process ends, every read fails with `ESRCH`, even if the
//! number is used again. So nothing of two processes can end up in one row.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use super::read::{self, Bytes};
use super::sys::{self, Stat};
use super::{Dir, Footprint, ReadError, Reason};

/// A process.
#[derive(Debug)]
pub struct Process {
    /// Its id.
    pub pid: i32,
    dir: OwnedFd,
}

/// Whether the kernel finds anything of the number `pid` to signal: a process, a thread or a zombie. Signal 0 is only checked
/// for, never delivered (kill(2)).
#[must_use]
pub fn answers_signal(pid: i32) -> bool {
    use nix::{errno::Errno, sys::signal::kill, unistd::Pid};
    // Numbers below 1 mean groups of processes.
    pid > 0 && kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH)
}

/// Whether the kernel gives a handle on a process of the number `pid` (pidfd_open(2)), which it does not on a mere thread.
/// `None` where it has no such handles (before Linux 5.3) or refuses them all.
#[must_use]
pub fn has_handle(pid: i32) -> Option<bool> {
    use nix::errno::Errno;
    match sys::pidfd_open(pid) {
        Err(Errno::ENOSYS | Errno::EPERM) => None,
        Err(Errno::ESRCH | Errno::EINVAL | Errno::ENOENT) => Some(false),
        // A full table of descriptors is found only after the process.
        Ok(_) | Err(_) => Some(true),
    }
}

impl Process {
    pub(super) fn new(pid: i32, dir: OwnedFd) -> Self {
        Self { pid, dir }
    }

    /// The open directory (`O_PATH`).
    #[must_use]
    pub fn dir(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }

    /// The full path of `name`, for rows and errors.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.pid)
    }

    /// Reads the file `name`, at most `limit` bytes of it.
    ///
    /// # Errors
    /// When the kernel refuses; the error names the path.
    pub fn file(&self, name: &str, limit: usize) -> Result<Bytes, ReadError> {
        self.named(name, read::file(self.dir(), name, limit))
    }

    /// The target of the link `name`, as the kernel words it.
    ///
    /// # Errors
    /// When the kernel refuses; the error names the path.
    pub fn link(&self, name: &str) -> Result<Vec<u8>, ReadError> {
        self.named(name, read::link(self.dir(), name))
    }

    /// The names in the directory `name`, unsorted.
    ///
    /// # Errors
    /// When the kernel refuses; the error names the path.
    pub fn names(&self, name: &str) -> Result<Vec<Vec<u8>>, ReadError> {
        self.named(name, read::names(self.dir(), name.as_bytes()))
    }

    /// The numeric names in the directory `name` (`fd`, `task`), ascending.
    ///
    /// # Errors
    /// When the kernel refuses; the error names the path.
    pub fn numbers(&self, name: &str) -> Result<Vec<i32>, ReadError> {
        let mut numbers: Vec<i32> = self.names(name)?.iter().filter_map(|name| super::procfs::number(name)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// `statx` of what the magic link `name` stands for (`exe`, `fd/3`, `ns/net`). Asks no remote file system.
    ///
    /// # Errors
    /// When the kernel refuses; the error names the path.
    pub fn target_stat(&self, name: &str) -> Result<Stat, ReadError> {
        self.named(name, sys::statx(self.dir(), name, true))
    }

    /// Opens what the magic link `name` stands for, if it is a regular file. Works for deleted files and for files in other
    /// mount namespaces.
    ///
    /// # Errors
    /// When it is not a regular file, or the kernel refuses; the error names the path.
    pub fn open_target(&self, name: &str) -> Result<(OwnedFd, Stat), ReadError> {
        read::open_magic(self.dir(), name).map_err(|reason| self.error(name, reason))
    }

    /// Opens the regular file that `path` names in the process's own root (`/proc/PID/root`): links are followed inside that
    /// root. Mounts are crossed, so the caller must know that none on the way may hang, or must be ready to abandon the call;
    /// `allowed` is asked before the file itself is opened.
    ///
    /// # Errors
    /// When it is not a regular file or not allowed, or the kernel refuses (`ENOSYS` before Linux 5.6); the error names the
    /// path.
    pub fn open_in_root(&self, path: &[u8], allowed: impl Fn(&Stat) -> Result<(), Reason>) -> Result<(OwnedFd, Stat), ReadError> {
        use nix::fcntl::{OFlag, openat};
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let root = self.named("root", openat(self.dir(), "root", flags, nix::sys::stat::Mode::empty()))?;
        let shown = [self.path("root").as_bytes(), path].concat();
        let open = |dir: BorrowedFd<'_>, path: &[u8], flags| sys::openat2(dir, path, flags, sys::Resolve::IN_ROOT);
        read::open_regular_by(root.as_fd(), path, open, allowed).map_err(|reason| ReadError::new(&shown, reason))
    }

    /// Opens the directory that `path` names in the process's own root (`/proc/PID/root`), under the path `shown`. Mounts on the
    /// way are crossed, so the caller must know that none of them may hang. Reading a link in it changes the link's access time, of
    /// which `footprint` is told.
    ///
    /// # Errors
    /// When it is no directory, or the kernel refuses (`ENOSYS` before Linux 5.6); the error names the path.
    pub fn dir_in_root(&self, path: &[u8], shown: Vec<u8>, footprint: &Arc<Footprint>) -> Result<Dir, ReadError> {
        use nix::fcntl::{OFlag, openat};
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let root = self.named("root", openat(self.dir(), "root", flags, nix::sys::stat::Mode::empty()))?;
        let whole = [self.path("root").as_bytes(), path].concat();
        let dir = read::named(&whole, sys::openat2(root.as_fd(), path, flags.bits(), sys::Resolve::IN_ROOT))?;
        Ok(Dir::new(dir, shown, Some(Arc::clone(footprint))))
    }

    /// Opens the namespace `name` (`ns/net`) to enter it.
    ///
    /// # Errors
    /// When the kernel refuses; the error names the path.
    pub fn open_namespace(&self, name: &str) -> Result<OwnedFd, ReadError> {
        use nix::fcntl::{OFlag, openat};
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        self.named(name, openat(self.dir(), name, flags, nix::sys::stat::Mode::empty()))
    }

    fn named<T>(&self, name: &str, result: Result<T, nix::errno::Errno>) -> Result<T, ReadError> {
        result.map_err(|errno| self.error(name, Reason::Errno(errno)))
    }

    fn error(&self, name: &str, reason: Reason) -> ReadError {
        ReadError::new(self.path(name).as_bytes(), reason)
    }
}
