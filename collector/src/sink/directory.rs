//! A sink that is a folder.
//!
//! An object grows as `<key>.part` and gets its own name by a rename that replaces nothing, after its bytes and its name are
//! on disk (`fsync`). So what a power cut leaves behind can be told from what was whole.
//!
//! All folders are held open under descriptor numbers from [`FOLDER_FDS`] up, and every name is created relative to one of
//! them, following no link: root on the host cannot turn our writes elsewhere, and the seccomp filter can tell our writes
//! from all others by the number alone.

use std::collections::BTreeMap;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};
use serde_json::Value;

use super::directory_object::{DirectoryObject, system_error};
use super::folder::{is_empty, is_free, probe, raise, subfolder, sync_parent};
use super::reserve::Reserve;
use super::{EvidenceSink, ObjectWriter, SinkError};
use crate::model::{ObjectKey, escape};

/// Lowest descriptor number of a folder of this sink.
pub const FOLDER_FDS: i32 = crate::host::footprint::EVIDENCE_FDS;
/// Ending of an object that is not whole.
pub const PART_SUFFIX: &str = ".part";

/// Why a folder cannot be the destination.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// There is something in it already.
    #[error("{}: exists and is not empty; name a new or empty folder", escape::path(.0))]
    NotEmpty(PathBuf),
    /// It is a file or the like.
    #[error("{}: exists and is not a folder; name a new or empty folder", escape::path(.0))]
    NotAFolder(PathBuf),
    /// The folder that should hold it is missing.
    #[error("{}: the folder above it does not exist; create it first", escape::path(.0))]
    NoParent(PathBuf),
    /// The system refused.
    #[error("{}: cannot be opened or written: {errno}", escape::path(.path))]
    Refused {
        /// The destination.
        path: PathBuf,
        /// What the system said.
        errno: Errno,
    },
}

/// A folder that holds one run.
#[derive(Debug)]
pub struct DirectorySink {
    location: String,
    /// The folder's path, where this sink made it.
    made: Option<PathBuf>,
    root: Arc<OwnedFd>,
    folders: Mutex<BTreeMap<String, Arc<OwnedFd>>>,
    reserve: Arc<Reserve>,
}

impl DirectorySink {
    /// Takes the folder at `path`, which is created (mode 0700) if it does not exist and must be empty if it does.
    ///
    /// # Errors
    /// When it is not empty, no folder, has no parent, or cannot be written. Nothing is left behind then.
    pub fn create(path: &Path) -> Result<Self, DirectoryError> {
        let refused = |errno| match errno {
            Errno::ENOENT => DirectoryError::NoParent(path.to_owned()),
            Errno::ENOTDIR | Errno::ELOOP => DirectoryError::NotAFolder(path.to_owned()),
            errno => DirectoryError::Refused { path: path.to_owned(), errno },
        };
        let made = match nix::unistd::mkdir(path, Mode::S_IRWXU) {
            Ok(()) => {
                sync_parent(path);
                true
            }
            Err(Errno::EEXIST) => false,
            Err(errno) => return Err(refused(errno)),
        };
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let root = nix::fcntl::open(path, flags, Mode::empty()).and_then(|fd| raise(fd.as_fd())).map_err(refused)?;
        if !made && !is_empty(root.as_fd()).map_err(refused)? {
            return Err(DirectoryError::NotEmpty(path.to_owned()));
        }
        let writable = probe(root.as_fd());
        if let Err(errno) = writable {
            if made {
                // Best effort: the folder is ours and empty.
                let _ = nix::unistd::unlinkat(nix::fcntl::AT_FDCWD, path, UnlinkatFlags::RemoveDir);
            }
            return Err(refused(errno));
        }
        let reserve = Reserve::take(root.as_fd());
        Ok(Self::at(path, made, root, reserve))
    }

    /// Takes the folder at `path` to add to what lies there. Nothing is kept in reserve.
    ///
    /// # Errors
    /// When it is no folder, or cannot be opened.
    pub fn reopen(path: &Path) -> Result<Self, DirectoryError> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let root = nix::fcntl::open(path, flags, Mode::empty()).and_then(|fd| raise(fd.as_fd()));
        let root = root.map_err(|errno| match errno {
            Errno::ENOTDIR => DirectoryError::NotAFolder(path.to_owned()),
            errno => DirectoryError::Refused { path: path.to_owned(), errno },
        })?;
        Ok(Self::at(path, false, root, Reserve::default()))
    }

    fn at(path: &Path, made: bool, root: OwnedFd, reserve: Reserve) -> Self {
        let location = path.canonicalize().map_or_else(|_| escape::path(path), |path| escape::path(&path));
        let (folders, reserve) = (Mutex::default(), Arc::new(reserve));
        Self { location, made: made.then(|| path.to_owned()), root: Arc::new(root), folders, reserve }
    }

    /// Gives up a folder that nothing was put into: it is removed if this sink made it. The seccomp filter lets that pass, because
    /// the folder above is opened under a number from [`FOLDER_FDS`] up for the moment.
    pub fn discard(self) {
        let Some(path) = self.made else { return };
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let parent = nix::fcntl::open(parent, flags, Mode::empty()).and_then(|fd| raise(fd.as_fd()));
        if let (Ok(parent), Some(name)) = (parent, path.file_name()) {
            // Only an empty folder goes, so nothing is lost where it is not.
            let _ = unlinkat(&parent, name, UnlinkatFlags::RemoveDir);
        }
    }

    /// The number of the descriptor under which the folder is open.
    #[must_use]
    pub fn number(&self) -> RawFd {
        self.root.as_raw_fd()
    }

    /// Whether the object `key` of the folder itself is there.
    #[must_use]
    pub fn holds(&self, key: &ObjectKey) -> bool {
        !is_free(&self.root, key.as_str())
    }

    /// Where it is: absolute path, escaped text.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.location
    }

    /// The open folder `path` below the root, created if need be.
    fn folder(&self, path: &str) -> Result<Arc<OwnedFd>, (&'static str, Errno)> {
        if path.is_empty() {
            return Ok(Arc::clone(&self.root));
        }
        let mut folders = self.folders.lock().map_err(|_| ("lock the folders", Errno::EDEADLK))?;
        if let Some(folder) = folders.get(path) {
            return Ok(Arc::clone(folder));
        }
        let mut current = Arc::clone(&self.root);
        for name in path.split('/') {
            current = Arc::new(subfolder(current.as_fd(), name)?);
        }
        folders.insert(path.to_owned(), Arc::clone(&current));
        Ok(current)
    }
}

impl EvidenceSink for DirectorySink {
    fn create(&self, key: &ObjectKey) -> Result<Box<dyn ObjectWriter>, SinkError> {
        let (path, name) = key.as_str().rsplit_once('/').unwrap_or(("", key.as_str()));
        let folder = self.folder(path).map_err(|(action, errno)| system_error(&self.reserve, key, action, errno))?;
        Ok(Box::new(DirectoryObject::create(key, folder, name, &self.reserve)?))
    }

    fn describe(&self) -> BTreeMap<String, Value> {
        BTreeMap::from([
            ("kind".to_owned(), Value::from("directory")),
            ("location".to_owned(), Value::from(self.location.as_str())),
            ("reserve_held".to_owned(), Value::from(self.reserve.is_held())),
        ])
    }

    fn prepare_to_seal(&self) {
        self.reserve.release_for_seal();
    }
}

#[cfg(test)]
mod tests {
    use super::super::Cause;
    use super::*;
    use crate::model::Digest;

    #[test]
    fn conforms() {
        let dir = tempfile::tempdir().unwrap();
        let count = std::cell::Cell::new(0);
        super::super::conformance::check(|| {
            count.set(count.get() + 1);
            let path = dir.path().join(count.get().to_string());
            let sink = DirectorySink::create(&path).unwrap();
            (Box::new(sink), Box::new(move |key| std::fs::read(path.join(key.as_str())).ok()))
        });
    }

    #[test]
    fn only_a_new_or_empty_folder_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir(at("empty")).unwrap();
        std::fs::write(at("file"), "x").unwrap();
        assert!(DirectorySink::create(&at("empty")).is_ok());
        assert_eq!(DirectorySink::create(dir.path()).unwrap_err(), DirectoryError::NotEmpty(dir.path().to_owned()));
        assert_eq!(DirectorySink::create(&at("file")).unwrap_err(), DirectoryError::NotAFolder(at("file")));
        assert_eq!(DirectorySink::create(&at("no/such")).unwrap_err(), DirectoryError::NoParent(at("no/such")));
        std::os::unix::fs::symlink("empty", at("link")).unwrap();
        assert_eq!(DirectorySink::create(&at("link")).unwrap_err(), DirectoryError::NotAFolder(at("link")));
    }

    #[test]
    fn a_link_laid_in_our_way_is_not_followed() {
        let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let sink = DirectorySink::create(&dir.path().join("run")).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), dir.path().join("run/data")).unwrap();
        assert!(sink.create(&"data/x".parse().unwrap()).is_err());
        std::os::unix::fs::symlink(elsewhere.path().join("y"), dir.path().join("run/y.part")).unwrap();
        assert!(sink.create(&"y".parse().unwrap()).is_err());
        assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_was_made_for_nothing_goes_away() {
        let dir = tempfile::tempdir().unwrap();
        let (path, own) = (dir.path().join("run"), dir.path().join("own"));
        DirectorySink::create(&path).unwrap().discard();
        std::fs::create_dir(&own).unwrap();
        DirectorySink::create(&own).unwrap().discard();
        assert!(!path.exists() && own.exists());
        let sink = DirectorySink::create(&path).unwrap();
        let object = sink.create(&"a".parse().unwrap()).unwrap();
        object.finish(0, &Digest::of(b"")).unwrap();
        sink.discard();
        assert!(path.join("a").exists());
    }

    #[test]
    fn what_is_not_finished_bears_the_part_ending() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run");
        let sink = DirectorySink::create(&path).unwrap();
        let mut object = sink.create(&"a".parse().unwrap()).unwrap();
        object.part(b"x").unwrap();
        assert!(path.join("a.part").exists() && !path.join("a").exists());
        drop(object);
        assert!(!path.join("a.part").exists());
    }

    /// An empty file system of 8 MiB, which only the calling thread sees. `false` where that wants another user.
    fn small(point: &Path) -> bool {
        use nix::mount::{MsFlags, mount};
        let none = None::<&str>;
        let mounted = nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS)
            .and_then(|()| mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none))
            .and_then(|()| mount(Some("tmpfs"), point, Some("tmpfs"), MsFlags::empty(), Some("size=8m")));
        assert!(matches!(mounted, Ok(()) | Err(Errno::EPERM)), "{mounted:?}");
        mounted.is_ok()
    }

    fn what_comes_after_a_large_object(point: &Path) {
        if !small(point) {
            return crate::testing::skip("root, to mount", Errno::EPERM);
        }
        let sink = DirectorySink::create(&point.join("run")).unwrap();
        let fill = |key: &str| {
            let mut object = sink.create(&key.parse().unwrap()).unwrap();
            // The smallest part there is: nothing is left over when one no longer fits.
            while object.part(&[1; 4096]).is_ok() {}
            object
        };
        let store = |key: &str| {
            let mut object = sink.create(&key.parse().unwrap()).unwrap();
            object.part(&[2; 65536]).and_then(|()| object.finish(65536, &Digest::of(&[2; 65536])))
        };
        let image = fill("image");
        assert_eq!(store("table"), Ok(None));
        let more = fill("more");
        assert_eq!(store("seal").unwrap_err().cause, Cause::Full);
        sink.prepare_to_seal();
        assert_eq!(store("seal"), Ok(None));
        drop((image, more));
    }

    #[test]
    fn what_says_that_an_object_did_not_fit_fits() {
        let dir = tempfile::tempdir().unwrap();
        let point = dir.path().to_owned();
        std::thread::spawn(move || what_comes_after_a_large_object(&point)).join().unwrap();
    }
}
