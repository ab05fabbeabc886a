//! The host's `/proc`, through a view that nothing can be mounted over.
//!
//! A process is hidden from `ps` by a bind mount over `/proc/PID`. A detached clone of the mount at `/proc`, or a fresh detached
//! instance of procfs, has no mounts on it, so it shows what is there. The clone is taken where it is genuine, because the
//! kernel need not make every entry anew for it (a third less time for thousands of processes, and no second set of inodes in the
//! memory that is still to be read); the fresh instance where something else is mounted at `/proc`. Where the kernel has neither
//! (before 5.2, 5.12) or we lack `CAP_SYS_ADMIN`, plain `/proc` is used and the begin record says so.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use super::pid::Process;
use super::read::{self, Bytes};
use super::sys::{self, Resolve, Stat};
use super::{Footprint, ReadError, Reason};

/// How `/proc` is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// A fresh detached instance: nothing is mounted over it.
    Detached,
    /// A detached clone of the mount at `/proc`, without what is mounted over it.
    Clone,
    /// `/proc` as every program sees it.
    Plain,
    /// A fixture.
    Fixture,
}

impl View {
    /// The word in the records.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Detached => "detached",
            Self::Clone => "clone",
            Self::Plain => "plain",
            Self::Fixture => "fixture",
        }
    }
}

/// An open `/proc`.
#[derive(Debug)]
pub struct ProcRoot {
    dir: OwnedFd,
    view: View,
}

impl ProcRoot {
    /// The `/proc` of this machine, by the best view that the kernel allows.
    ///
    /// # Errors
    /// When not even plain `/proc` can be opened.
    pub fn live(footprint: &Footprint) -> Result<Self, ReadError> {
        if let Ok(dir) = sys::detached_clone("/proc")
            && is_genuine(dir.as_fd())
        {
            footprint.count("detached_mounts");
            return Ok(Self { dir, view: View::Clone });
        }
        Self::detached(footprint).or_else(|_| Self::plain())
    }

    /// A fresh instance of procfs that is mounted nowhere.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn detached(footprint: &Footprint) -> Result<Self, ReadError> {
        let dir = read::named(b"/proc", sys::detached_filesystem(c"proc"))?;
        footprint.count("detached_mounts");
        Ok(Self { dir, view: View::Detached })
    }

    /// `/proc` as every program on the host sees it: the view to compare the other one with.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn plain() -> Result<Self, ReadError> {
        Ok(Self { dir: open_directory(Path::new("/proc"))?, view: View::Plain })
    }

    /// A folder that looks like `/proc`.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn fixture(path: &Path) -> Result<Self, ReadError> {
        Ok(Self { dir: open_directory(path)?, view: View::Fixture })
    }

    /// How `/proc` is seen.
    #[must_use]
    pub fn view(&self) -> View {
        self.view
    }

    /// The open directory.
    #[must_use]
    pub fn dir(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }

    /// Reads the file `path` below `/proc`, at most `limit` bytes of it.
    ///
    /// # Errors
    /// When the kernel refuses; the error names the path.
    pub fn file(&self, path: impl AsRef<[u8]>, limit: usize) -> Result<Bytes, ReadError> {
        let path = path.as_ref();
        read::named(&full(path), read::file(self.dir(), path, limit))
    }

    /// The target of the link `path` below `/proc`.
    ///
    /// # Errors
    /// When the kernel refuses; the error names the path.
    pub fn link(&self, path: impl AsRef<[u8]>) -> Result<Vec<u8>, ReadError> {
        let path = path.as_ref();
        read::named(&full(path), read::link(self.dir(), path))
    }

    /// The names in the directory `path` below `/proc`, unsorted.
    ///
    /// # Errors
    /// When the kernel refuses; the error names the path.
    pub fn names(&self, path: impl AsRef<[u8]>) -> Result<Vec<Vec<u8>>, ReadError> {
        let path = path.as_ref();
        read::named(&full(path), read::names(self.dir(), path))
    }

    /// `statx` of `path` below `/proc`; a final link is not followed.
    ///
    /// # Errors
    /// When the kernel refuses; the error names the path.
    pub fn stat(&self, path: impl AsRef<[u8]>) -> Result<Stat, ReadError> {
        let path = path.as_ref();
        read::named(&full(path), sys::statx(self.dir(), path, false))
    }

    /// The process ids that listing `/proc` shows, ascending.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn pids(&self) -> Result<Vec<i32>, ReadError> {
        let mut pids: Vec<i32> = self.names("")?.iter().filter_map(|name| number(name)).collect();
        pids.sort_unstable();
        Ok(pids)
    }

    /// A handle on process `pid` that cannot come to mean another process. What is mounted over it is never entered.
    ///
    /// # Errors
    /// When there is none, with `EXDEV` where something is mounted over it, or with the kernel's errno.
    pub fn process(&self, pid: i32) -> Result<Process, ReadError> {
        let name = pid.to_string();
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW;
        let dir = match sys::openat2(self.dir(), name.as_str(), flags.bits(), Resolve::NO_XDEV) {
            Err(Errno::ENOSYS) => self.on_this_device(&name, flags),
            result => result,
        };
        Ok(Process::new(pid, read::named(&full(name.as_bytes()), dir)?))
    }

    /// Before Linux 5.6 nothing but the device number tells what is mounted over a directory; procfs mounted over procfs is
    /// not noticed here.
    fn on_this_device(&self, name: &str, flags: OFlag) -> Result<OwnedFd, Errno> {
        let dir = nix::fcntl::openat(self.dir(), name, flags | OFlag::O_CLOEXEC, Mode::empty())?;
        let (here, there) = (sys::statx(self.dir(), "", false)?, sys::statx(dir.as_fd(), "", false)?);
        if here.dev == there.dev { Ok(dir) } else { Err(Errno::EXDEV) }
    }
}

/// Whether `dir` is the root of a procfs of our own pid namespace, and not something that was mounted in its place.
fn is_genuine(dir: BorrowedFd<'_>) -> bool {
    /// Inode number of the root of every procfs (`PROC_ROOT_INO` of linux/proc_fs.h).
    const ROOT_INODE: u64 = 1;
    let is_procfs = nix::sys::statfs::fstatfs(dir).is_ok_and(|fs| fs.filesystem_type() == nix::sys::statfs::PROC_SUPER_MAGIC);
    let is_root = sys::statx(dir, "", false).is_ok_and(|stat| stat.ino == ROOT_INODE);
    let own = std::process::id().to_string();
    is_procfs && is_root && read::link(dir, "self").is_ok_and(|pid| pid == own.as_bytes())
}

/// A name made of digits only, as a number.
#[must_use]
pub fn number(name: &[u8]) -> Option<i32> {
    let digits = name.first().is_some_and(u8::is_ascii_digit) && name.iter().all(u8::is_ascii_digit);
    if digits { std::str::from_utf8(name).ok()?.parse().ok() } else { None }
}

fn full(path: &[u8]) -> Vec<u8> {
    [b"/proc/", path].concat()
}

fn open_directory(path: &Path) -> Result<OwnedFd, ReadError> {
    use std::os::unix::ffi::OsStrExt as _;
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let bytes = path.as_os_str().as_bytes();
    open(path, flags, Mode::empty()).map_err(|errno| match errno {
        Errno::ENOTDIR => ReadError::new(bytes, Reason::NotRegular("file, not a directory")),
        errno => ReadError::errno(bytes, errno),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::skip;

    #[test]
    fn this_process_is_seen_in_every_view() {
        let pid = i32::try_from(std::process::id()).unwrap();
        for proc in [ProcRoot::live(&Footprint::default()).unwrap(), ProcRoot::plain().unwrap()] {
            assert!(proc.pids().unwrap().contains(&pid), "{:?}", proc.view());
            assert!(proc.process(pid).unwrap().file("stat", read::SMALL).unwrap().bytes.starts_with(pid.to_string().as_bytes()));
            assert!(proc.process(i32::MAX).unwrap_err().is_gone());
        }
    }

    #[test]
    fn what_is_mounted_in_the_place_of_proc_is_not_believed() {
        use nix::mount::{MsFlags, mount};
        use nix::sched::{CloneFlags, unshare};
        let masked = || -> nix::Result<View> {
            unshare(CloneFlags::CLONE_NEWNS)?;
            let none = None::<&str>;
            mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
            mount(Some("fake"), "/proc", Some("tmpfs"), MsFlags::empty(), none)?;
            Ok(ProcRoot::live(&Footprint::default()).unwrap().view())
        };
        match std::thread::spawn(masked).join().unwrap() {
            Ok(view) => assert_eq!(view, View::Detached),
            Err(errno) => skip("root, to mount", errno),
        }
        let view = ProcRoot::live(&Footprint::default()).unwrap().view();
        assert!(matches!(view, View::Clone | View::Plain), "{view:?}");
    }

    #[test]
    fn only_plain_numbers_are_pids() {
        assert_eq!(number(b"12"), Some(12));
        for name in [&b""[..], b"+1", b"1a", b"self", b"99999999999"] {
            assert_eq!(number(name), None);
        }
    }
}
