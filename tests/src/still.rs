//! Whether a tree has stayed as it was, to the nanosecond: who reads in the ordinary way moves access times, who lists a folder moves the
//! folder's, and who writes, makes or removes anything changes other times.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;

/// When everything was read last, and changed last. The first is older, so that the next ordinary read moves it, whatever `relatime` says
/// (mount(8)).
const READ: TimeSpec = TimeSpec::new(1_000_000, 0);
const CHANGED: TimeSpec = TimeSpec::new(2_000_000, 0);

/// A tree as it was: all that lies on the file system of its top.
#[derive(Debug)]
pub struct Still {
    top: PathBuf,
    seen: BTreeMap<PathBuf, Facts>,
}

/// What `stat` says, but for the size of blocks: the access time, and the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Facts {
    read: (i64, i64),
    rest: [u64; 7],
    changed: [(i64, i64); 2],
}

impl Facts {
    fn of(meta: &Metadata) -> Self {
        let rest = [meta.dev(), meta.ino(), meta.mode().into(), meta.nlink(), meta.uid().into(), meta.gid().into(), meta.size()];
        let changed = [(meta.mtime(), meta.mtime_nsec()), (meta.ctime(), meta.ctime_nsec())];
        Self { read: (meta.atime(), meta.atime_nsec()), rest, changed }
    }
}

/// What has become of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Its path.
    pub path: PathBuf,
    /// What it is not any more.
    pub how: How,
}

/// In which way a file is not as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It was read: the access time and nothing else.
    Read,
    /// Its content, or what is known of it.
    Changed,
    /// It is gone.
    Gone,
    /// It was not there.
    Made,
}

impl Still {
    /// Sets the times of everything below `top`, and of `top`, long back, and remembers them.
    ///
    /// # Panics
    /// When they cannot be set.
    #[must_use]
    pub fn set_back(top: &Path) -> Self {
        // All of it first: to list a folder moves the folder's access time.
        let paths = paths(top);
        for path in &paths {
            utimensat(AT_FDCWD, path, &READ, &CHANGED, UtimensatFlags::NoFollowSymlink)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
        let facts = |path: PathBuf| {
            let meta = std::fs::symlink_metadata(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path, Facts::of(&meta))
        };
        Self { top: top.to_owned(), seen: paths.into_iter().map(facts).collect() }
    }

    /// All that is not as it was. To ask moves the access times of folders.
    #[must_use]
    pub fn moved(&self) -> Vec<Moved> {
        let known = self.seen.iter().filter_map(|(path, was)| Some(Moved { path: path.clone(), how: how(path, was)? }));
        let mut moved: Vec<Moved> = known.collect();
        let made = paths(&self.top).into_iter().filter(|path| !self.seen.contains_key(path));
        moved.extend(made.map(|path| Moved { path, how: How::Made }));
        moved
    }
}

fn how(path: &Path, was: &Facts) -> Option<How> {
    let Ok(meta) = std::fs::symlink_metadata(path) else { return Some(How::Gone) };
    let is = Facts::of(&meta);
    if (is.rest, is.changed) != (was.rest, was.changed) {
        return Some(How::Changed);
    }
    (is.read != was.read).then_some(How::Read)
}

/// `top`, and all that lies below it on the same file system.
fn paths(top: &Path) -> Vec<PathBuf> {
    let mut found = vec![top.to_owned()];
    let device = |path: &Path| std::fs::symlink_metadata(path).map(|meta| (meta.dev(), meta.is_dir())).ok();
    let Some((own, _)) = device(top) else { return found };
    let mut folders = found.clone();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("an entry").path();
            let Some((_, is_folder)) = device(&path).filter(|(device, _)| *device == own) else { continue };
            folders.extend(is_folder.then(|| path.clone()));
            found.push(path);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_becomes_of_a_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["read", "written", "removed", "kept"] {
            std::fs::write(at(name), name).unwrap();
        }
        std::os::unix::fs::symlink("read", at("link")).unwrap();
        let still = Still::set_back(folder.path());
        assert_eq!(still.moved(), []);
        // The question has listed the folder.
        let still = Still::set_back(folder.path());
        std::fs::read(at("read")).unwrap();
        std::fs::write(at("written"), "other").unwrap();
        std::fs::remove_file(at("removed")).unwrap();
        std::fs::write(at("made"), "").unwrap();
        let moved: BTreeMap<PathBuf, How> = still.moved().into_iter().map(|moved| (moved.path, moved.how)).collect();
        let expected = [("made", How::Made), ("removed", How::Gone), ("written", How::Changed)];
        let mut expected: BTreeMap<PathBuf, How> = expected.into_iter().map(|(name, how)| (at(name), how)).collect();
        expected.insert(folder.path().to_owned(), How::Changed);
        // A machine may mount its temporary folder without access times.
        if moved.contains_key(&at("read")) {
            expected.insert(at("read"), How::Read);
        }
        assert_eq!(moved, expected);
    }
}
