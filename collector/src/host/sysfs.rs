//! The host's `/sys`, and the small file systems that lie on it.
//!
//! `/sys` is read through a detached clone where the kernel allows one, so nothing that is mounted over a part of it is seen.
//! What belongs on it (`securityfs`, `efivarfs`, `selinuxfs`) is a file system of its own: see [`Host::filesystem`].

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use super::read::{self, Bytes};
use super::sys::{self, Stat};
use super::{Footprint, Host, ReadError};

/// An open directory tree of the kernel's: `/sys`, or a file system that belongs on it. A host may lack it; then everything in
/// it is reported as `ENOENT`.
#[derive(Debug)]
pub struct SysRoot {
    dir: Option<OwnedFd>,
    point: String,
}

impl SysRoot {
    /// The `/sys` of this machine: a detached clone, else the plain one, else none.
    #[must_use]
    pub fn live(footprint: &Footprint) -> Self {
        Self { dir: clone_or_plain("/sys", footprint), point: "/sys".to_owned() }
    }

    /// The folder `sys` of a fixture, if it has one.
    #[must_use]
    pub fn fixture(path: &Path) -> Self {
        Self { dir: plain(path).ok(), point: "/sys".to_owned() }
    }

    /// The absolute path on the host of `path` below this root.
    #[must_use]
    pub fn full(&self, path: &[u8]) -> Vec<u8> {
        [self.point.as_bytes(), b"/", path].concat()
    }

    /// Reads the file `path` below this root, at most `limit` bytes of it.
    ///
    /// # Errors
    /// When the kernel refuses; the error names the path.
    pub fn file(&self, path: impl AsRef<[u8]>, limit: usize) -> Result<Bytes, ReadError> {
        self.ask(path.as_ref(), |dir, path| read::file(dir, path, limit))
    }

    /// The target of the link `path` below this root.
    ///
    /// # Errors
    /// When the kernel refuses; the error names the path.
    pub fn link(&self, path: impl AsRef<[u8]>) -> Result<Vec<u8>, ReadError> {
        self.ask(path.as_ref(), read::link)
    }

    /// The names in the directory `path` below this root, sorted.
    ///
    /// # Errors
    /// When the kernel refuses; the error names the path.
    pub fn names(&self, path: impl AsRef<[u8]>) -> Result<Vec<Vec<u8>>, ReadError> {
        let mut names = self.ask(path.as_ref(), read::names)?;
        names.sort_unstable();
        Ok(names)
    }

    /// `statx` of `path` below this root; a final link is not followed.
    ///
    /// # Errors
    /// When the kernel refuses; the error names the path.
    pub fn stat(&self, path: impl AsRef<[u8]>) -> Result<Stat, ReadError> {
        self.ask(path.as_ref(), |dir, path| sys::statx(dir, path, false))
    }

    /// Opens the object of BPF that is pinned as `path` below this root, a bpffs. Its file is not read.
    ///
    /// # Errors
    /// When the kernel refuses; the error names the path.
    pub fn bpf_pinned(&self, path: impl AsRef<[u8]>) -> Result<OwnedFd, ReadError> {
        self.ask(path.as_ref(), sys::bpf_pinned)
    }

    fn ask<T>(&self, path: &[u8], call: impl FnOnce(BorrowedFd<'_>, &[u8]) -> Result<T, Errno>) -> Result<T, ReadError> {
        let result = self.dir.as_ref().ok_or(Errno::ENOENT).and_then(|dir| call(dir.as_fd(), path));
        read::named(&self.full(path), result)
    }
}

impl Host {
    /// The file system of type `kind` if it is mounted at `point` (`/sys/…`, `/proc/…`): a detached clone of that mount where possible.
    /// In a fixture it is the folder of that name.
    #[must_use]
    pub fn mounted(&self, kind: &CStr, point: &str) -> Option<SysRoot> {
        let dir = if self.live {
            let here = |mount: &&super::mounts::Mount| mount.kind == kind.to_bytes() && mount.point == point.as_bytes();
            self.files.mounts().iter().rfind(here).and_then(|_| clone_or_plain(point, &self.footprint))
        } else {
            let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            let open = |top: BorrowedFd<'_>, below: &str| nix::fcntl::openat(top, below, flags, Mode::empty()).ok();
            match point.strip_prefix("/proc/") {
                Some(below) => open(self.proc.dir(), below),
                None => self.sys.dir.as_ref().and_then(|sys| open(sys.as_fd(), point.strip_prefix("/sys/")?)),
            }
        };
        Some(SysRoot { dir: Some(dir?), point: point.to_owned() })
    }

    /// The file system with this device number as process `pid` sees it at `point`, through the mount that is in use there.
    ///
    /// # Errors
    /// `ESTALE` where something else is there by now, `EILSEQ` where the point is no text; else the kernel's errno.
    pub fn mounted_of(&self, pid: i32, point: &[u8], device: (u32, u32)) -> Result<SysRoot, ReadError> {
        let shown = String::from_utf8(point.to_owned()).map_err(|_| ReadError::errno(point, Errno::EILSEQ))?;
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let path = format!("{pid}/root{shown}");
        let dir = read::named(point, nix::fcntl::openat(self.proc.dir(), path.as_str(), flags, Mode::empty()))?;
        if read::named(point, sys::statx(dir.as_fd(), "", false))?.dev != device {
            return Err(ReadError::errno(point, Errno::ESTALE));
        }
        Ok(SysRoot { dir: Some(dir), point: shown })
    }

    /// The file system of type `kind`, which belongs at `point`, also where nobody has mounted it: then a detached instance
    /// that no other process sees. The kernel is asked only for a type that it has registered, because asking for another
    /// one makes it run modprobe; and a mount that exists is cloned, because a second instance could change its options.
    ///
    /// # Errors
    /// `ENOENT` where the kernel does not have it; else why the kernel refused (`EPERM` without `CAP_SYS_ADMIN`).
    pub fn filesystem(&self, kind: &CStr, point: &str) -> Result<SysRoot, ReadError> {
        if let Some(mounted) = self.mounted(kind, point) {
            return Ok(mounted);
        }
        if !self.live || !self.has_filesystem(kind.to_bytes()) {
            return Err(ReadError::errno(point.as_bytes(), Errno::ENOENT));
        }
        let dir = read::named(point.as_bytes(), sys::detached_filesystem(kind))?;
        self.footprint.count("detached_mounts");
        Ok(SysRoot { dir: Some(dir), point: point.to_owned() })
    }

    /// Whether the kernel has a file system of this type registered.
    fn has_filesystem(&self, kind: &[u8]) -> bool {
        self.proc.file("filesystems", read::SMALL).is_ok_and(|text| {
            text.bytes
                .split(|b| *b == b'\n')
                .filter(|line| !line.is_empty())
                .any(|line| line.rsplit(|b| *b == b'\t').next() == Some(kind))
        })
    }
}

fn clone_or_plain(point: &str, footprint: &Footprint) -> Option<OwnedFd> {
    match sys::detached_clone(point) {
        Ok(dir) => {
            footprint.count("detached_mounts");
            Some(dir)
        }
        Err(_) => plain(Path::new(point)).ok(),
    }
}

fn plain(path: &Path) -> Result<OwnedFd, Errno> {
    open(path, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machines_sys_is_read_and_a_missing_one_is_empty() {
        let sys = SysRoot::live(&Footprint::default());
        assert!(sys.names("kernel").unwrap().contains(&b"notes".to_vec()));
        let none = SysRoot::fixture(Path::new("/nowhere"));
        let error = none.file("kernel/notes", 10).unwrap_err();
        assert!(error.is_gone());
        assert_eq!(error.path, b"/sys/kernel/notes");
    }

    #[test]
    fn only_registered_types_are_asked_for() {
        let host = Host::live().unwrap();
        assert!(host.has_filesystem(b"proc"));
        assert!(!host.has_filesystem(b"nodev") && !host.has_filesystem(b"") && !host.has_filesystem(b"no-such-type"));
        assert!(host.filesystem(c"no-such-type", "/sys/nowhere").unwrap_err().is_gone());
        assert!(host.mounted(c"sysfs", "/sys").is_some());
    }

    #[test]
    fn a_fixture_holds_its_file_systems_as_folders() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("proc")).unwrap();
        std::fs::create_dir_all(dir.path().join("sys/kernel/security")).unwrap();
        std::fs::write(dir.path().join("sys/kernel/security/lsm"), b"yama").unwrap();
        let host = Host::fixture(dir.path()).unwrap();
        let security = host.filesystem(c"securityfs", "/sys/kernel/security").unwrap();
        assert_eq!(security.file("lsm", 10).unwrap().bytes, b"yama");
        assert!(host.filesystem(c"efivarfs", "/sys/firmware/efi/efivars").is_err());
    }
}
