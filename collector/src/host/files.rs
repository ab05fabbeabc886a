//! The host's files, through private read-only views.
//!
//! Each local mount that is read is cloned once, detached: read-only, without access times, devices or execution
//! (`sys::detached_clone`). Nobody else sees the clone, reading through it changes no access time, not even that of a symbolic
//! link, and it shows what is hidden under other mounts. Before Linux 5.12, or without `CAP_SYS_ADMIN`, the fallback reads
//! the mounts themselves with `O_NOATIME`; where that cannot keep a link's access time, the footprint says so.
//!
//! File systems whose server is not this kernel are never touched: a dead server would hang us.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, Mutex};

use nix::errno::Errno;

use super::mounts::{self, Mount};
use super::read::{self, Bytes, FdReader};
use super::sys::{self, Stat};
use super::{Dir, Footprint, ProcRoot, ReadError, Reason, dir};
use crate::model::escape;

/// The host's files below its root.
#[derive(Debug)]
pub struct HostFiles {
    mounts: Vec<Mount>,
    /// Prefix of every real path: empty for this machine, the folder's name for a fixture.
    prefix: Vec<u8>,
    views: Mutex<BTreeMap<Vec<u8>, Arc<ViewDir>>>,
    footprint: Arc<Footprint>,
}

/// An open mount.
#[derive(Debug)]
struct ViewDir {
    dir: OwnedFd,
    private: bool,
}

/// A path resolved to the mount that holds it.
struct Place {
    view: Arc<ViewDir>,
    /// Path below the mount's root; empty for the root itself.
    relative: Vec<u8>,
}

/// Symbolic links followed on one path before it is given up as a loop, as the kernel does.
const MAX_LINKS: usize = 40;

impl HostFiles {
    /// The files of this machine.
    ///
    /// # Errors
    /// When the mount table cannot be read.
    pub fn live(proc: &ProcRoot, footprint: Arc<Footprint>) -> Result<Self, ReadError> {
        let (mounts, _) = mounts::parse(&proc.file("self/mountinfo", read::SMALL)?.bytes);
        Ok(Self { mounts, prefix: Vec::new(), views: Mutex::default(), footprint })
    }

    /// The files below a folder.
    ///
    /// # Errors
    /// When the folder's path is not absolute and cannot be made so.
    pub fn fixture(root: &Path, footprint: Arc<Footprint>) -> Result<Self, ReadError> {
        use std::os::unix::ffi::OsStrExt as _;
        let shown = root.as_os_str().as_bytes();
        let prefix = root.canonicalize().map_err(|_| ReadError::errno(shown, Errno::ENOENT))?.as_os_str().as_bytes().to_owned();
        Ok(Self { mounts: Vec::new(), prefix, views: Mutex::default(), footprint })
    }

    /// The mounts, in the kernel's order.
    #[must_use]
    pub fn mounts(&self) -> &[Mount] {
        &self.mounts
    }

    /// Whether the mount that holds `path` is read through a private view (detached, no access times).
    #[must_use]
    pub fn is_private(&self, path: &[u8]) -> bool {
        self.place(path).is_ok_and(|place| place.view.private)
    }

    /// Reads a regular file whole, at most `limit` bytes; symbolic links are followed inside the host's own root.
    ///
    /// # Errors
    /// When it is not a regular file, lies on a file system that may hang, or the kernel refuses.
    pub fn file(&self, path: impl AsRef<[u8]>, limit: usize) -> Result<Bytes, ReadError> {
        let path = path.as_ref();
        let (reader, _) = self.open(path)?;
        read::named(path, read::to_end(reader.0.as_fd(), limit))
    }

    /// Opens a regular file; symbolic links are followed inside the host's own root.
    ///
    /// # Errors
    /// When it is not a regular file, lies on a file system that may hang, or the kernel refuses.
    pub fn open(&self, path: impl AsRef<[u8]>) -> Result<(FdReader, Stat), ReadError> {
        let path = path.as_ref();
        let place = self.follow(path)?;
        let view = place.view.dir.as_fd();
        // A file that something is mounted on is a mount of its own, as `/etc/hosts` is in containers.
        let opened =
            if place.relative.is_empty() { read::open_handle(view) } else { read::open_regular(view, place.relative.as_slice()) };
        opened.map(|(fd, stat)| (FdReader(fd), stat)).map_err(|reason| ReadError::new(path, reason))
    }

    /// `statx` of `path` itself; a final symbolic link is not followed.
    ///
    /// # Errors
    /// When it lies on a file system that may hang, or the kernel refuses.
    pub fn stat(&self, path: impl AsRef<[u8]>) -> Result<Stat, ReadError> {
        let path = path.as_ref();
        let place = self.parent_followed(path)?;
        place.stat().map_err(|errno| ReadError::errno(path, errno))
    }

    /// The target of the symbolic link `path`.
    ///
    /// # Errors
    /// When it is no link, lies on a file system that may hang, or the kernel refuses.
    pub fn link(&self, path: impl AsRef<[u8]>) -> Result<Vec<u8>, ReadError> {
        let path = path.as_ref();
        let place = self.parent_followed(path)?;
        self.read_link(&place, path)
    }

    /// Where `path` leads when every symbolic link on it is followed inside the host's own root, and `statx` of what is there.
    ///
    /// # Errors
    /// When nothing is there, it lies on a file system that may hang, or the kernel refuses.
    pub fn real(&self, path: impl AsRef<[u8]>) -> Result<(Vec<u8>, Stat), ReadError> {
        let (target, place) = self.resolve(path.as_ref())?;
        let stat = read::named(&target, place.stat())?;
        Ok((target, stat))
    }

    /// Whether something is mounted at exactly `path`.
    #[must_use]
    pub fn is_mount_point(&self, path: &[u8]) -> bool {
        self.mounts.iter().any(|mount| mount.point == path)
    }

    /// The names in the directory `path`, sorted by their bytes.
    ///
    /// # Errors
    /// When it is no directory, lies on a file system that may hang, or the kernel refuses.
    pub fn names(&self, path: impl AsRef<[u8]>) -> Result<Vec<Vec<u8>>, ReadError> {
        let path = path.as_ref();
        let place = self.follow(path)?;
        let mut names = read::named(path, read::names(place.view.dir.as_fd(), &place.relative))?;
        names.sort_unstable();
        Ok(names)
    }

    /// Opens the directory `path`; symbolic links are followed inside the host's own root.
    ///
    /// # Errors
    /// When it is no directory, lies on a file system that may hang, or the kernel refuses.
    pub fn dir(&self, path: impl AsRef<[u8]>) -> Result<Dir, ReadError> {
        let path = path.as_ref();
        let (target, place) = self.resolve(path)?;
        let name: &[u8] = if place.relative.is_empty() { b"." } else { &place.relative };
        let fd = read::named(path, read::open_within(place.view.dir.as_fd(), name, dir::FLAGS))?;
        // Reading a link changes its access time unless the view is private.
        let watched = (!place.view.private && self.prefix.is_empty()).then(|| Arc::clone(&self.footprint));
        Ok(Dir::new(fd, target, watched))
    }

    /// The place of `path` with every symbolic link on the way and at its end followed.
    fn follow(&self, path: &[u8]) -> Result<Place, ReadError> {
        self.resolve(path).map(|(_, place)| place)
    }

    /// The path that `path` leads to when every symbolic link is followed, and its place.
    fn resolve(&self, path: &[u8]) -> Result<(Vec<u8>, Place), ReadError> {
        let mut target = normalise(path);
        for _ in 0..MAX_LINKS {
            match self.first_link(&target)? {
                None => {
                    let place = self.place(&target)?;
                    return Ok((target, place));
                }
                Some((at, link)) => target = splice(&target, at, &link),
            }
        }
        Err(ReadError::errno(path, Errno::ELOOP))
    }

    /// The place of `path` with every symbolic link on the way followed, but not one at its end.
    fn parent_followed(&self, path: &[u8]) -> Result<Place, ReadError> {
        let path = normalise(path);
        let Some(slash) = path.iter().rposition(|b| *b == b'/').filter(|at| *at > 0) else {
            return self.place(&path);
        };
        let (parent, name) = path.split_at(slash);
        let mut target = normalise(parent);
        for _ in 0..MAX_LINKS {
            match self.first_link(&target)? {
                None => return self.place(&[target.as_slice(), name].concat()),
                Some((at, link)) => target = splice(&target, at, &link),
            }
        }
        Err(ReadError::errno(&path, Errno::ELOOP))
    }

    /// The first component of `path` that is a symbolic link: the offset behind it, and its target.
    fn first_link(&self, path: &[u8]) -> Result<Option<(usize, Vec<u8>)>, ReadError> {
        let ends = path.iter().enumerate().skip(1).filter(|(_, b)| **b == b'/').map(|(at, _)| at).chain([path.len()]);
        for end in ends {
            let head = path.get(..end).unwrap_or(path);
            let place = self.place(head)?;
            let stat = place.stat().map_err(|errno| ReadError::errno(head, errno))?;
            if stat.is_symlink() {
                return Ok(Some((end, self.read_link(&place, head)?)));
            }
        }
        Ok(None)
    }

    fn read_link(&self, place: &Place, path: &[u8]) -> Result<Vec<u8>, ReadError> {
        if !place.view.private && self.prefix.is_empty() {
            self.footprint.note(format!("access time of the symbolic link {} may have changed", escape::bytes(path)));
        }
        read::named(path, read::link(place.view.dir.as_fd(), place.relative.as_slice()))
    }

    /// The mount that holds `path`, which has no symbolic link that leads elsewhere.
    fn place(&self, path: &[u8]) -> Result<Place, ReadError> {
        let mount = mounts::covering(&self.mounts, path);
        if let Some(mount) = mount.filter(|mount| !mount.is_local()) {
            return Err(ReadError::new(path, Reason::FileSystem(escape::bytes(&mount.kind))));
        }
        let point = mount.map_or(&b"/"[..], |mount| &mount.point);
        let relative = mounts::below(path, point).unwrap_or_default().to_owned();
        Ok(Place { view: self.view(point)?, relative })
    }

    fn view(&self, point: &[u8]) -> Result<Arc<ViewDir>, ReadError> {
        let poisoned = || ReadError::errno(point, Errno::EDEADLK);
        let mut views = self.views.lock().map_err(|_| poisoned())?;
        if let Some(view) = views.get(point) {
            return Ok(Arc::clone(view));
        }
        let view = Arc::new(self.open_view(point)?);
        views.insert(point.to_owned(), Arc::clone(&view));
        Ok(view)
    }

    fn open_view(&self, point: &[u8]) -> Result<ViewDir, ReadError> {
        let real = if self.prefix.is_empty() { point.to_owned() } else { [self.prefix.as_slice(), point].concat() };
        if self.prefix.is_empty()
            && let Ok(dir) = sys::detached_clone(real.as_slice())
        {
            self.footprint.count("detached_mounts");
            return Ok(ViewDir { dir, private: true });
        }
        use nix::fcntl::{OFlag, open};
        let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
        let dir = read::named(point, open(real.as_slice(), flags, nix::sys::stat::Mode::empty()))?;
        Ok(ViewDir { dir, private: false })
    }
}

impl Place {
    fn stat(&self) -> Result<Stat, Errno> {
        sys::statx(self.view.dir.as_fd(), self.relative.as_slice(), false)
    }
}

/// `path` as an absolute path without empty, `.` and `..` components.
fn normalise(path: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|b| *b == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    [&b"/"[..], &parts.join(&b'/')].concat()
}

/// `path` with the component that ends at `at` replaced by the link target `link`.
fn splice(path: &[u8], at: usize, link: &[u8]) -> Vec<u8> {
    let (head, tail) = path.split_at(at.min(path.len()));
    let parent = head.iter().rposition(|b| *b == b'/').and_then(|slash| head.get(..slash)).unwrap_or_default();
    if link.first() == Some(&b'/') {
        normalise(&[link, b"/", tail].concat())
    } else {
        normalise(&[parent, b"/", link, b"/", tail].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn tree() -> (tempfile::TempDir, HostFiles) {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir_all(at("etc")).unwrap();
        std::fs::create_dir_all(at("usr/lib")).unwrap();
        std::fs::copy("/proc/version", at("usr/lib/os-release")).unwrap();
        symlink("../usr/lib/os-release", at("etc/os-release")).unwrap();
        symlink("/usr/lib/os-release", at("etc/absolute")).unwrap();
        symlink("loop", at("etc/loop")).unwrap();
        symlink("/etc", at("conf")).unwrap();
        let files = HostFiles::fixture(dir.path(), Arc::default()).unwrap();
        (dir, files)
    }

    #[test]
    fn links_stay_inside_the_root() {
        let (_dir, files) = tree();
        for path in
            ["/etc/os-release", "/etc/absolute", "/conf/../conf/os-release", "/usr/lib/os-release", "//usr/./lib/os-release"]
        {
            assert!(files.file(path, 100).unwrap().bytes.starts_with(b"Linux"), "{path}");
        }
        assert_eq!(files.link("/conf/absolute").unwrap(), b"/usr/lib/os-release");
        assert!(files.stat("/conf/absolute").unwrap().is_symlink());
        assert_eq!(files.file("/etc/loop", 1).unwrap_err().reason, Reason::Errno(Errno::ELOOP));
        assert!(files.file("/etc/none", 1).unwrap_err().is_gone());
        assert_eq!(files.names("/usr").unwrap(), [b"lib"]);
        let (real, stat) = files.real("/conf/absolute").unwrap();
        assert!(real == b"/usr/lib/os-release" && stat.is_regular());
        assert!(files.real("/etc/none").unwrap_err().is_gone() && !files.is_mount_point(b"/etc"));
    }

    #[test]
    fn a_live_file_is_read_and_its_access_time_kept() {
        let footprint = Arc::new(Footprint::default());
        let proc = ProcRoot::live(&footprint).unwrap();
        let files = HostFiles::live(&proc, footprint).unwrap();
        let passwd = files.file("/etc/passwd", 1 << 20).unwrap();
        assert_eq!(passwd.bytes, std::fs::read("/etc/passwd").unwrap());
    }
}
