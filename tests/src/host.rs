//! What a test may do to this machine: mounts of its own, which vanish with it, and nothing else.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use tempfile::TempDir;

/// Whether a test that needs root can run. If not it says so, loudly; with `HOZEN_NO_SKIP` set (as in CI) it fails.
#[must_use]
pub fn is_root(test: &str) -> bool {
    nix::unistd::geteuid().is_root() || skipped(test, "root")
}

/// Says that `test` needs `what`, past the capture of the test runner. Always false.
///
/// # Panics
/// When `HOZEN_NO_SKIP` is set.
pub fn skipped(test: &str, what: &str) -> bool {
    let message = format!("skipped: {test} needs {what}");
    assert!(std::env::var_os("HOZEN_NO_SKIP").is_none(), "{message}, and HOZEN_NO_SKIP is set");
    // If stderr is closed nobody wants to know.
    let _ = writeln!(std::io::stderr(), "{message}");
    false
}

/// A new folder, gone with what it returns.
///
/// # Panics
/// When there is no room for it.
#[must_use]
pub fn scratch() -> TempDir {
    tempfile::tempdir().unwrap_or_else(|error| panic!("no temporary folder: {error}"))
}

/// A mount namespace for the calling thread and every program it starts. What is mounted in it nobody else sees, and it is
/// gone when the thread and those programs are, however they end.
#[derive(Debug)]
pub struct Mounts {
    made: Vec<PathBuf>,
}

impl Mounts {
    /// Enters a namespace of its own. Needs root.
    ///
    /// # Panics
    /// When the kernel refuses.
    #[must_use]
    pub fn own() -> Self {
        unshare(CloneFlags::CLONE_NEWNS).expect("unshare the mount namespace");
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>).expect("make / private");
        Self { made: Vec::new() }
    }

    /// Mounts an empty tmpfs of this size (`64k`, `2m`) on `point`.
    ///
    /// # Panics
    /// When the kernel refuses.
    pub fn tmpfs(&mut self, point: &Path, size: &str) {
        let options = format!("size={size}");
        mount(Some("tmpfs"), point, Some("tmpfs"), MsFlags::empty(), Some(options.as_str())).expect("mount a tmpfs");
        self.made.push(point.to_owned());
    }

    /// Mounts `folder` over `point`.
    ///
    /// # Panics
    /// When the kernel refuses.
    pub fn bind(&mut self, folder: &Path, point: &Path) {
        mount(Some(folder), point, None::<&str>, MsFlags::MS_BIND, None::<&str>).expect("bind mount");
        self.made.push(point.to_owned());
    }

    /// Lays an empty layer over `folder`: what is written there from now on lies in memory. `layers` is an empty folder to build it in.
    ///
    /// # Panics
    /// When the kernel refuses.
    pub fn overlay(&mut self, folder: &Path, layers: &Path) {
        self.tmpfs(layers, "16m");
        let (upper, work) = (layers.join("upper"), layers.join("work"));
        for layer in [&upper, &work] {
            std::fs::create_dir(layer).expect("a layer");
        }
        let options = format!("lowerdir={},upperdir={},workdir={}", folder.display(), upper.display(), work.display());
        mount(Some("overlay"), folder, Some("overlay"), MsFlags::empty(), Some(options.as_str())).expect("mount an overlay");
        self.made.push(folder.to_owned());
    }

    /// Makes the mount at `point` read-only in this namespace, for as long as it exists. Whether the kernel could: a mount that
    /// lies under another one cannot be reached.
    pub fn read_only(&mut self, point: &Path) -> bool {
        let flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        mount(None::<&str>, point, None::<&str>, flags, None::<&str>).is_ok()
    }
}

impl Drop for Mounts {
    fn drop(&mut self) {
        for point in self.made.iter().rev() {
            // What is gone already is what we want; the rest goes with the namespace.
            let _ = umount2(point, MntFlags::MNT_DETACH);
        }
    }
}

/// Notices whatever is mounted, unmounted or mounted anew in the calling thread's mount namespace, be it for a moment: the kernel marks the
/// table as changed for whoever has it open (proc_pid_mounts(5)).
#[derive(Debug)]
pub struct MountWatch {
    table: File,
}

impl MountWatch {
    /// Watches from now on.
    ///
    /// # Panics
    /// When the table cannot be opened.
    #[must_use]
    pub fn begin() -> Self {
        Self { table: File::open("/proc/thread-self/mountinfo").expect("open mountinfo") }
    }

    /// Whether anything has changed since it was asked last.
    ///
    /// # Panics
    /// When the kernel does not say.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        let mut table = [PollFd::new(self.table.as_fd(), PollFlags::POLLPRI)];
        poll(&mut table, PollTimeout::ZERO).expect("poll mountinfo");
        table.iter().any(|table| table.any() != Some(false))
    }
}

/// The mounts that the calling thread sees, as the kernel lists them.
///
/// # Panics
/// When they cannot be read.
#[must_use]
pub fn mountinfo() -> String {
    std::fs::read_to_string("/proc/thread-self/mountinfo").expect("read mountinfo")
}

/// The names in `/sys/module`: what is loaded or built in with parameters.
///
/// # Panics
/// When they cannot be read.
#[must_use]
pub fn modules() -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> =
        std::fs::read_dir("/sys/module").expect("list /sys/module").map(|entry| entry.expect("an entry").file_name()).collect();
    names.sort();
    names
}
