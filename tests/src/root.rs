//! A small root of a test's own: what a walk over all files comes to is what the test has put there, and a whole run of profile triage
//! takes a second or two.
//!
//! It is a tmpfs, so access times move as on any disk. The programs and their libraries are shown in it at their own paths, each as a mount
//! of its own: what the kernel does to their times when it executes them is not on the test's file system.

use std::collections::BTreeSet;
use std::fs::{File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, umount2};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::{chdir, pivot_root};

use crate::agent::Agent;
use crate::helper::{beside, libraries};
use crate::host::{Mounts, mountinfo};

/// Where evidence goes: a file system of its own, so that what is written there is told apart from what is written elsewhere.
pub const OUT: &str = "/out";

/// Where the machine's root is for a moment.
const OLD: &str = "old";

/// A root of the calling thread's own. What is put into it is nowhere else.
#[derive(Debug)]
pub struct Root {
    mounts: Mounts,
}

/// Runs `test` on a thread of its own with a root of its own. In it are the machine's `/proc` and `/sys`, an empty `/tmp`, `/dev/null`, [`OUT`],
/// the program under test and the helper programs of these names. It vanishes with the thread and with what that has started. Needs root.
///
/// # Panics
/// When the kernel refuses, and as `test` does.
pub fn inside<T: Send + 'static>(helpers: &[&str], test: impl FnOnce(&mut Root) -> T + Send + 'static) -> T {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let point = folder.path().to_owned();
    let programs: Vec<PathBuf> =
        std::iter::once(Agent::find().program()).chain(helpers.iter().map(|name| beside(name))).collect();
    // The folder is removed by this thread, which goes on seeing it.
    let thread = std::thread::spawn(move || test(&mut Root::enter(&point, &programs)));
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

impl Root {
    fn enter(point: &Path, programs: &[PathBuf]) -> Self {
        let mut mounts = Mounts::own();
        mounts.tmpfs(point, "128m");
        let needed = programs.iter().flat_map(|program| libraries(program));
        let files: BTreeSet<PathBuf> = programs.iter().cloned().chain(needed).collect();
        files.iter().for_each(|file| show(&mut mounts, file, point));
        ["/proc", "/sys"].into_iter().for_each(|folder| show(&mut mounts, Path::new(folder), point));
        for folder in ["dev", "tmp", OLD, OUT.trim_start_matches('/')] {
            // A program of the test may lie in one of them.
            std::fs::create_dir_all(point.join(folder)).expect("a folder");
        }
        device(&point.join("dev/null"), 1, 3);
        device(&point.join("dev/fuse"), 10, 229);
        pivot_root(point, &point.join(OLD)).expect("change the root");
        chdir("/").expect("enter the root");
        let old = Path::new("/").join(OLD);
        umount2(&old, MntFlags::MNT_DETACH).expect("leave the machine's root");
        std::fs::remove_dir(&old).expect("remove an empty folder");
        mounts.tmpfs(Path::new(OUT), "512m");
        Self { mounts }
    }

    /// Puts a file that is not there yet.
    ///
    /// # Panics
    /// When it is, or cannot be written.
    pub fn file(&self, path: &str, mode: u32, content: impl AsRef<[u8]>) {
        make_parent(path);
        let mut file = File::create_new(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        file.write_all(content.as_ref()).expect("write a file");
        file.set_permissions(Permissions::from_mode(mode)).expect("its permissions");
    }

    /// Puts an empty file into a folder that is there.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn empty(&self, path: &str) {
        File::create_new(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// Makes a folder, and those above it.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn folder(&self, path: &str) {
        std::fs::create_dir_all(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// Puts a symbolic link.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn link(&self, path: &str, target: &str) {
        make_parent(path);
        symlink(target, path).unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// Puts a copy of the helper program `name`, which is one of those that the root was made with.
    ///
    /// # Panics
    /// When it cannot be copied.
    pub fn copy(&self, name: &str, path: &str) {
        make_parent(path);
        std::fs::copy(beside(name), path).unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// Mounts an empty tmpfs of this size (`64k`, `2m`) on a new folder.
    ///
    /// # Panics
    /// When the kernel refuses.
    pub fn tmpfs(&mut self, path: &str, size: &str) {
        self.folder(path);
        self.mounts.tmpfs(Path::new(path), size);
    }

    /// From now on nothing but [`OUT`] can be written to.
    ///
    /// # Panics
    /// When a file can be written all the same.
    pub fn read_only(&mut self) {
        for point in mountinfo().lines().filter_map(|line| line.split(' ').nth(4)).filter(|point| *point != OUT) {
            // Nobody reaches one that lies under another.
            let _ = self.mounts.read_only(Path::new(point));
        }
        assert!(std::fs::write("/written", b"").is_err(), "the root can still be written to");
    }
}

/// Shows a file or folder of the machine at its own path below `point`.
fn show(mounts: &mut Mounts, path: &Path, point: &Path) {
    let at = point.join(path.strip_prefix("/").expect("an absolute path"));
    if path.is_dir() {
        std::fs::create_dir_all(&at).expect("a folder");
    } else {
        std::fs::create_dir_all(at.parent().expect("a folder")).expect("a folder");
        std::fs::write(&at, b"").expect("a file to mount on");
    }
    mounts.bind(path, &at);
}

fn device(path: &Path, major: u64, minor: u64) {
    let mode = Mode::from_bits_truncate(0o666);
    mknod(path, SFlag::S_IFCHR, mode, makedev(major, minor)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

fn make_parent(path: &str) {
    let parent = Path::new(path).parent().expect("a folder");
    std::fs::create_dir_all(parent).unwrap_or_else(|error| panic!("{}: {error}", parent.display()));
}
