//! A tree of the host's files, entry by entry.
//!
//! Each directory is held open and its names are resolved in it, so nothing that is renamed or replaced by a link meanwhile
//! leads the walk elsewhere. Symbolic links are entries and are never followed; mounts are not crossed; nothing is opened but
//! directories.

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::sync::Arc;

use nix::errno::Errno;

use crate::host::read::FdReader;
use crate::host::sys::Stat;
use crate::host::{Dir, HostFiles, ReadError, Reason};

/// Directories inside each other that are descended into. Each holds a descriptor.
const DEEPEST: usize = 256;

/// Names of one directory that are looked at: about 100 MiB of memory at worst.
const MOST_NAMES: usize = 400_000;

/// Something that the walk came to.
#[derive(Debug, Clone)]
pub struct Entry {
    dir: Arc<Dir>,
    /// Its name in its directory.
    pub name: Vec<u8>,
    /// Its absolute path on the host.
    pub path: Vec<u8>,
    /// What `statx` says of it.
    pub stat: Stat,
}

impl Entry {
    /// Absolute path of its directory.
    #[must_use]
    pub fn directory(&self) -> &[u8] {
        self.dir.path()
    }

    /// Opens it, if it is a regular file.
    ///
    /// # Errors
    /// When it is not, when another file has taken its name (`ESTALE`), or the kernel refuses.
    pub fn open(&self) -> Result<(FdReader, Stat), ReadError> {
        let (reader, stat) = self.dir.open(&self.name)?;
        if (stat.dev, stat.ino) == (self.stat.dev, self.stat.ino) {
            Ok((reader, stat))
        } else {
            Err(ReadError::errno(&self.path, Errno::ESTALE))
        }
    }

    /// Whether reading the target of a link leaves its access time as it is.
    #[must_use]
    pub fn keeps_times(&self) -> bool {
        self.dir.keeps_times()
    }

    /// The value of its extended attribute `attribute`, if it has it; it is not opened for that.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn attribute(&self, attribute: &CStr) -> Result<Option<Vec<u8>>, ReadError> {
        self.dir.attribute(&self.name, attribute)
    }

    /// Its target, if it is a symbolic link.
    ///
    /// # Errors
    /// When it is not, or the kernel refuses.
    pub fn link(&self) -> Result<Vec<u8>, ReadError> {
        self.dir.link(&self.name)
    }
}

/// A walk: what it finds, each directory before what is in it, names sorted by their bytes. An error stands for what could not
/// be looked at; the walk goes on behind it.
#[derive(Debug, Default)]
pub struct Walk {
    open: Vec<Level>,
    errors: Vec<ReadError>,
    shut: BTreeSet<((u32, u32), u64)>,
}

#[derive(Debug)]
struct Level {
    dir: Arc<Dir>,
    names: std::vec::IntoIter<Vec<u8>>,
}

impl Walk {
    /// Begins a walk of what is below the directory `top`, without `top` itself; links on the way to it are followed.
    ///
    /// # Errors
    /// When `top` is no directory, lies on a file system that may hang, or the kernel refuses.
    pub fn new(files: &HostFiles, top: impl AsRef<[u8]>) -> Result<Self, ReadError> {
        Ok(Self::of(files.dir(top)?))
    }

    /// Begins a walk of what is below the open directory `top`.
    #[must_use]
    pub fn of(top: Dir) -> Self {
        let mut walk = Self::default();
        walk.enter(top);
        walk
    }

    /// The same walk, which does not go into these directories (device and inode).
    #[must_use]
    pub fn without(mut self, shut: BTreeSet<((u32, u32), u64)>) -> Self {
        self.shut = shut;
        self
    }

    fn enter(&mut self, dir: Dir) {
        match dir.names(MOST_NAMES) {
            Ok((names, more)) => {
                if more {
                    let reason = Reason::Limit(format!("only {MOST_NAMES} names of this directory were looked at"));
                    self.errors.push(ReadError::new(dir.path(), reason));
                }
                self.open.push(Level { dir: Arc::new(dir), names: names.into_iter() });
            }
            Err(error) => self.errors.push(error),
        }
    }

    fn descend(&mut self, entry: &Entry) {
        if self.open.len() >= DEEPEST {
            let reason = Reason::Limit(format!("only {DEEPEST} directories inside each other are descended into"));
            return self.errors.push(ReadError::new(&entry.path, reason));
        }
        match entry.dir.enter(&entry.name) {
            Ok(dir) => self.enter(dir),
            Err(error) => self.errors.push(error),
        }
    }
}

impl Iterator for Walk {
    type Item = Result<Entry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(error) = self.errors.pop() {
                return Some(Err(error));
            }
            let level = self.open.last_mut()?;
            let Some(name) = level.names.next() else {
                self.open.pop();
                continue;
            };
            let (dir, path) = (Arc::clone(&level.dir), level.dir.path_of(&name));
            let stat = match dir.stat(&name) {
                Ok(stat) => stat,
                Err(error) => return Some(Err(error)),
            };
            let entry = Entry { dir, name, path, stat };
            if stat.is_directory() && !self.shut.contains(&(stat.dev, stat.ino)) {
                self.descend(&entry);
            }
            return Some(Ok(entry));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;

    fn paths(tree: &tempfile::TempDir) -> (Vec<Vec<u8>>, Vec<ReadError>) {
        let files = HostFiles::fixture(tree.path(), Arc::default()).unwrap();
        let (mut found, mut errors) = (Vec::new(), Vec::new());
        for entry in Walk::new(&files, "/top").unwrap() {
            match entry {
                Ok(entry) => found.push(entry.path),
                Err(error) => errors.push(error),
            }
        }
        (found, errors)
    }

    #[test]
    fn every_name_is_found_and_no_link_followed() {
        let tree = tempfile::tempdir().unwrap();
        let top = tree.path().join("top");
        std::fs::create_dir_all(top.join("b/c")).unwrap();
        symlink("..", top.join("b/loop")).unwrap();
        symlink("/etc", top.join("a")).unwrap();
        std::fs::write(top.join(std::ffi::OsStr::from_bytes(b"n\n\x1b\xff")), "").unwrap();
        std::fs::write(top.join("b/c/f"), "").unwrap();
        let (found, errors) = paths(&tree);
        assert_eq!(found, [&b"/top/a"[..], b"/top/b", b"/top/b/c", b"/top/b/c/f", b"/top/b/loop", b"/top/n\n\x1b\xff"]);
        assert_eq!(errors, []);
        let files = HostFiles::fixture(tree.path(), Arc::default()).unwrap();
        assert!(Walk::new(&files, "/none").unwrap_err().is_gone());
    }

    #[test]
    fn depth_is_bounded_and_said() {
        let tree = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(tree.path().join("top").join("d/".repeat(DEEPEST + 20))).unwrap();
        let (found, errors) = paths(&tree);
        assert_eq!((found.len(), errors.len()), (DEEPEST, 1));
        assert!(matches!(errors[0].reason, Reason::Limit(_)));
    }

    #[test]
    fn many_names_are_walked() {
        let tree = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(tree.path().join("top")).unwrap();
        std::fs::write(tree.path().join("f"), "").unwrap();
        for n in 0..20_000 {
            std::fs::hard_link(tree.path().join("f"), tree.path().join(format!("top/{n}"))).unwrap();
        }
        assert_eq!(paths(&tree).0.len(), 20_000);
    }
}
