//! One directory of the host, held open while a tree is walked.
//!
//! Names are resolved against the descriptor, never from the root again: what is renamed or replaced by a link meanwhile
//! cannot lead the walk elsewhere.
//!
//! **Invariant:** below the directory that was opened first nothing here follows a symbolic link, crosses a mount, or opens anything but directories and regular files.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;

use super::read::{self, FdReader};
use super::sys::{self, Stat};
use super::{Footprint, ReadError, Reason};
use crate::model::escape;

/// How a directory is opened to look things up in it.
pub(super) const FLAGS: i32 = libc::O_PATH | libc::O_DIRECTORY | libc::O_NOFOLLOW;

/// An open directory.
#[derive(Debug)]
pub struct Dir {
    fd: OwnedFd,
    path: Vec<u8>,
    /// Told of each link that is read, where that changes the link's access time.
    watched: Option<Arc<Footprint>>,
}

impl Dir {
    pub(super) fn new(fd: OwnedFd, path: Vec<u8>, watched: Option<Arc<Footprint>>) -> Self {
        Self { fd, path, watched }
    }

    /// Opens the directory at `path` as whoever runs this program named it: links are followed, whatever file system it lies on.
    ///
    /// # Errors
    /// When it is no directory, or the kernel refuses.
    pub fn named(path: &Path) -> Result<Self, ReadError> {
        let shown = path.as_os_str().as_encoded_bytes();
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let fd = read::named(shown, openat(AT_FDCWD, path, flags, Mode::empty()))?;
        Ok(Self::new(fd, shown.to_owned(), None))
    }

    /// Its absolute path on the host.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// The absolute path of `name` in it.
    #[must_use]
    pub fn path_of(&self, name: &[u8]) -> Vec<u8> {
        let slash: &[u8] = if self.path.ends_with(b"/") { b"" } else { b"/" };
        [self.path.as_slice(), slash, name].concat()
    }

    /// `statx` of the directory itself.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn stat_self(&self) -> Result<Stat, ReadError> {
        read::named(&self.path, sys::statx(self.fd.as_fd(), "", false))
    }

    /// The first `limit` names in it, sorted by their bytes, and whether there are more.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn names(&self, limit: usize) -> Result<(Vec<Vec<u8>>, bool), ReadError> {
        let (mut names, more) = read::named(&self.path, read::names_limited(self.fd.as_fd(), b"", limit))?;
        names.sort_unstable();
        Ok((names, more))
    }

    /// `statx` of `name`; a link is not followed.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn stat(&self, name: &[u8]) -> Result<Stat, ReadError> {
        read::named(&self.path_of(name), sys::statx(self.fd.as_fd(), name, false))
    }

    /// Whether reading the target of a link in it leaves the link's access time as it is.
    #[must_use]
    pub fn keeps_times(&self) -> bool {
        self.watched.is_none()
    }

    /// The value of the extended attribute `attribute` of `name`, which is not opened and not followed; `None` where it has none, or
    /// its file system has no such attributes.
    ///
    /// # Errors
    /// When the kernel refuses, or it has more than 255 bytes (`ERANGE`).
    pub fn attribute(&self, name: &[u8], attribute: &CStr) -> Result<Option<Vec<u8>>, ReadError> {
        let path = self.path_of(name);
        let handle = read::named(&path, read::open_within(self.fd.as_fd(), name, libc::O_PATH | libc::O_NOFOLLOW))?;
        match sys::getxattr(format!("/proc/self/fd/{}", handle.as_raw_fd()).as_str(), attribute) {
            Err(Errno::ENODATA | Errno::EOPNOTSUPP) => Ok(None),
            value => read::named(&path, value).map(Some),
        }
    }

    /// The target of the symbolic link `name`.
    ///
    /// # Errors
    /// When it is no link, or the kernel refuses.
    pub fn link(&self, name: &[u8]) -> Result<Vec<u8>, ReadError> {
        let path = self.path_of(name);
        if let Some(footprint) = &self.watched {
            footprint.note(format!("access time of the symbolic link {} may have changed", escape::bytes(&path)));
        }
        read::named(&path, read::link(self.fd.as_fd(), name))
    }

    /// Opens the regular file `name`.
    ///
    /// # Errors
    /// When it is not a regular file, or the kernel refuses.
    pub fn open(&self, name: &[u8]) -> Result<(FdReader, Stat), ReadError> {
        let opened = read::open_regular(self.fd.as_fd(), name);
        opened.map(|(fd, stat)| (FdReader(fd), stat)).map_err(|reason| ReadError::new(&self.path_of(name), reason))
    }

    /// Opens the directory `name` in it.
    ///
    /// # Errors
    /// When it is no directory or a mount point (`EXDEV`), or the kernel refuses.
    pub fn enter(&self, name: &[u8]) -> Result<Self, ReadError> {
        let path = self.path_of(name);
        let fd = read::named(&path, read::open_within(self.fd.as_fd(), name, FLAGS))?;
        let (here, there) = (self.stat_self()?, read::named(&path, sys::statx(fd.as_fd(), "", false))?);
        // Before Linux 5.6 only the device number tells that a mount was crossed.
        let crossed = if here.mnt_id.is_some() { here.mnt_id != there.mnt_id } else { here.dev != there.dev };
        if crossed {
            return Err(ReadError::new(&path, Reason::Errno(Errno::EXDEV)));
        }
        Ok(Self { fd, path, watched: self.watched.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::HostFiles;

    #[test]
    fn names_are_resolved_in_the_open_directory_and_never_outside() {
        let tree = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(tree.path().join("a/b")).unwrap();
        std::fs::write(tree.path().join("a/f"), "text").unwrap();
        std::os::unix::fs::symlink("b", tree.path().join("a/link")).unwrap();
        let files = HostFiles::fixture(tree.path(), Arc::default()).unwrap();
        let dir = files.dir("/a").unwrap();
        assert_eq!(dir.names(10).unwrap(), (vec![b"b".to_vec(), b"f".to_vec(), b"link".to_vec()], false));
        assert!(dir.names(2).unwrap().1);
        assert_eq!(dir.enter(b"b").unwrap().path(), b"/a/b");
        assert_eq!(dir.link(b"link").unwrap(), b"b");
        assert_eq!(dir.open(b"f").unwrap().1.size, 4);
        let named = Dir::named(&tree.path().join("a/link")).unwrap();
        assert!(named.names(10).unwrap().0.is_empty());
        assert!(Dir::named(&tree.path().join("a/f")).is_err());
        for name in [&b"link"[..], b"..", b"f", b"none"] {
            assert!(dir.enter(name).is_err(), "{}", escape::bytes(name));
        }
    }
}
