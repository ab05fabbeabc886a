//! The control group hierarchies that are mounted (cgroups(7)), for reading.
//!
//! Their mounts are cloned, detached, where the kernel allows it, so nothing that is mounted over them is entered. A fresh
//! instance is never made: that would reset the options of the one in use.

use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::Mode;

use super::bpf::{self, Attached};
use super::mounts::Mount;
use super::read::{self, Bytes};
use super::{ReadError, sys};

/// An open hierarchy.
#[derive(Debug)]
pub struct Hierarchy {
    dir: OwnedFd,
    /// Where it is mounted.
    pub point: Vec<u8>,
    /// Whether it is cgroup v2.
    pub unified: bool,
    /// Whether its mount shows all of it, as far as our cgroup namespace reaches.
    pub whole: bool,
}

impl Hierarchy {
    /// Opens the hierarchy of `mount`.
    ///
    /// # Errors
    /// When something else covers it, or the kernel refuses.
    pub fn open(mount: &Mount) -> Result<Self, ReadError> {
        let point = mount.point.as_slice();
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let opened = sys::detached_clone(point).or_else(|_| open(point, flags, Mode::empty()));
        let dir = read::named(point, opened)?;
        // The device number alone tells, and asking for it waits for no server of what may lie here instead.
        if read::named(point, sys::statx(dir.as_fd(), "", false))?.dev != mount.dev {
            return Err(ReadError::errno(point, Errno::EXDEV));
        }
        Ok(Self { dir, point: point.to_owned(), unified: mount.kind == b"cgroup2", whole: mount.root == b"/" })
    }

    /// Reads the file `path` below the hierarchy's root, at most `limit` bytes of it.
    ///
    /// # Errors
    /// When the kernel refuses; the error names the path.
    pub fn file(&self, path: &[u8], limit: usize) -> Result<Bytes, ReadError> {
        read::named(&self.full(path), read::file(self.dir.as_fd(), path, limit))
    }

    /// The names of the cgroups in the cgroup `path`, unsorted.
    ///
    /// # Errors
    /// When the kernel refuses; the error names the path.
    pub fn children(&self, path: &[u8]) -> Result<Vec<Vec<u8>>, ReadError> {
        read::named(&self.full(path), read::directories(self.dir.as_fd(), path))
    }

    /// The programs of BPF that are attached to the cgroup `path` in the place `attach_type`.
    ///
    /// # Errors
    /// The kernel's errno; `EINVAL` where it has no such place.
    pub fn programs(&self, path: &[u8], attach_type: u32) -> Result<Attached, Errno> {
        let path = if path.is_empty() { b".".as_slice() } else { path };
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let group = openat(&self.dir, path, flags, Mode::empty())?;
        bpf::attached_to(&group, attach_type)
    }

    fn full(&self, path: &[u8]) -> Vec<u8> {
        [&self.point, &b"/"[..], path].concat()
    }
}

/// One mount of each hierarchy, the one that shows most of it.
#[must_use]
pub fn mounts(all: &[Mount]) -> Vec<&Mount> {
    let mut best: Vec<&Mount> = Vec::new();
    for mount in all.iter().filter(|mount| mount.kind == b"cgroup" || mount.kind == b"cgroup2") {
        match best.iter_mut().find(|known| known.dev == mount.dev) {
            Some(known) if known.root.len() > mount.root.len() => *known = mount,
            Some(_) => {}
            None => best.push(mount),
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_that_shows_most_is_chosen() {
        let text = b"1 0 0:9 /a /x rw - cgroup2 c rw\n2 0 0:9 / /y rw - cgroup2 c rw\n3 0 0:8 / /z rw - tmpfs t rw\n";
        let (all, _) = super::super::mounts::parse(text);
        let points: Vec<&[u8]> = mounts(&all).iter().map(|mount| mount.point.as_slice()).collect();
        assert_eq!(points, [b"/y"]);
    }

    #[test]
    fn what_is_no_hierarchy_is_refused() {
        let (all, _) = super::super::mounts::parse(b"1 0 0:9 / /tmp rw - cgroup2 c rw\n");
        assert!(Hierarchy::open(&all[0]).unwrap_err().is_covered());
    }
}
