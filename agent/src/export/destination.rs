//! The folder that an export is written to.
//!
//! **Invariant:** every name is made relative to an open folder, follows no link and replaces nothing. What is not whole has a name
//! that ends in `.part`.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use hozen_collector::host::{read, sys};
use hozen_collector::model::escape;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, mkdirat};
use nix::sys::time::TimeSpec;

/// Ending of what is not whole.
pub(super) const PART: &str = ".part";

/// Zeros are recognised in pieces of this size, which file systems have holes of.
const BLOCK: u64 = 4096;

/// The destination cannot be written; escaped text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refused(pub(super) String);

/// A new or empty folder.
#[derive(Debug)]
pub(super) struct Destination {
    root: OwnedFd,
    /// Its path; escaped text.
    pub(super) shown: String,
}

/// Reading, as a folder, and no link.
const FOLDER: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

impl Destination {
    /// Takes the folder at `path`, which is created if it does not exist and must be empty if it does, and lies outside of
    /// `evidence`.
    pub(super) fn create(path: &Path, evidence: &Path) -> Result<Self, Refused> {
        let shown = escape::path(path);
        let refused = |why: String| Refused(format!("{shown}: {why}"));
        check_outside(path, evidence).map_err(|why| refused(why.to_owned()))?;
        match nix::unistd::mkdir(path, Mode::S_IRWXU) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(Errno::ENOENT) => return Err(refused("the folder above it does not exist; create it first".to_owned())),
            Err(errno) => return Err(refused(format!("cannot be created: {errno}"))),
        }
        let root = nix::fcntl::open(path, FOLDER, Mode::empty()).map_err(|errno| match errno {
            Errno::ENOTDIR | Errno::ELOOP => refused("exists and is not a folder; name a new or empty folder".to_owned()),
            errno => refused(format!("cannot be opened: {errno}")),
        })?;
        match read::names_limited(root.as_fd(), b"", 1) {
            Ok((names, _)) if names.is_empty() => Ok(Self { root, shown }),
            Ok(_) => Err(refused("exists and is not empty; name a new or empty folder".to_owned())),
            Err(errno) => Err(refused(format!("cannot be listed: {errno}"))),
        }
    }

    /// The open folder.
    pub(super) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// The folder `path` below it, made if it is not there.
    pub(super) fn folder(&self, path: &str) -> Result<OwnedFd, Refused> {
        let names = path.split('/').filter(|name| !name.is_empty());
        let root = self.root.try_clone().map_err(|error| self.refused(path, &error.to_string()))?;
        names
            .map(str::as_bytes)
            .try_fold(root, |folder, name| enter(folder.as_fd(), name))
            .map_err(|errno| self.errno(path, errno))
    }

    /// A new file in `folder`, which is `path` below the root.
    pub(super) fn file(&self, folder: BorrowedFd<'_>, path: &str, name: &str) -> Result<SparseFile, Refused> {
        SparseFile::create(folder, name.as_bytes()).map_err(|errno| self.errno(&format!("{path}/{name}"), errno))
    }

    /// Gives `from` in `folder` the name `to`, which is free.
    pub(super) fn rename(&self, folder: BorrowedFd<'_>, from: &str, to: &str) -> Result<(), Refused> {
        let renamed = match sys::rename(folder, from, to, false) {
            // Some file systems cannot rule out that something is replaced; the folder is ours alone.
            Err(Errno::EINVAL | Errno::ENOSYS) => nix::fcntl::renameat(folder, from, folder, to),
            result => result,
        };
        renamed.map_err(|errno| self.errno(to, errno))
    }

    /// That `path` (escaped text) below it could not be written.
    pub(super) fn errno(&self, path: &str, errno: Errno) -> Refused {
        let why = match errno {
            Errno::ENOSPC | Errno::EDQUOT => "no space is left; export to a larger disk, what is here is not whole".to_owned(),
            errno => errno.to_string(),
        };
        self.refused(path, &why)
    }

    fn refused(&self, path: &str, why: &str) -> Refused {
        Refused(format!("{}/{path}: {why}", self.shown))
    }
}

/// An export inside of the evidence would be found there by the next verification.
fn check_outside(path: &Path, evidence: &Path) -> Result<(), &'static str> {
    let above = match path.parent() {
        Some(above) if !above.as_os_str().is_empty() => above.to_owned(),
        _ => Path::new(".").to_owned(),
    };
    let own = path.canonicalize().or_else(|_| above.canonicalize());
    let inside = own.and_then(|own| Ok(own.starts_with(evidence.canonicalize()?))).unwrap_or(false);
    if inside { Err("lies within the evidence; name a folder outside of it") } else { Ok(()) }
}

/// The folder `name` in `parent`, made if it is not there. A link is never followed.
pub(super) fn enter(parent: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    match mkdirat(parent, name, Mode::S_IRWXU) {
        Ok(()) | Err(Errno::EEXIST) => openat(parent, name, FOLDER, Mode::empty()),
        Err(errno) => Err(errno),
    }
}

/// A file that grows and in which stretches of zeros become holes.
#[derive(Debug)]
pub(super) struct SparseFile {
    fd: OwnedFd,
    size: u64,
}

impl SparseFile {
    /// A new file: only its owner may read it, and nobody execute it.
    pub(super) fn create(folder: BorrowedFd<'_>, name: &[u8]) -> Result<Self, Errno> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        Ok(Self { fd: openat(folder, name, flags, Mode::S_IRUSR | Mode::S_IWUSR)?, size: 0 })
    }

    /// Bytes so far.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Adds bytes.
    pub(super) fn write(&mut self, mut bytes: &[u8]) -> Result<(), Errno> {
        while !bytes.is_empty() {
            let zeros = self.blocks(bytes, |block| block.iter().all(|byte| *byte == 0));
            self.size += length(zeros);
            bytes = bytes.get(zeros..).unwrap_or_default();
            let data = self.blocks(bytes, |block| block.iter().any(|byte| *byte != 0));
            self.write_at(bytes.get(..data).unwrap_or_default())?;
            bytes = bytes.get(data..).unwrap_or_default();
        }
        Ok(())
    }

    /// How many bytes the blocks at the beginning of `bytes` have for which `is` holds. Blocks lie at multiples of their size in the
    /// file.
    fn blocks(&self, bytes: &[u8], is: impl Fn(&[u8]) -> bool) -> usize {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let room = BLOCK - (self.size + length(at)) % BLOCK;
            let block = usize::try_from(room).unwrap_or(usize::MAX).min(rest.len());
            if !rest.get(..block).is_some_and(&is) {
                break;
            }
            at += block;
        }
        at
    }

    fn write_at(&mut self, mut bytes: &[u8]) -> Result<(), Errno> {
        while !bytes.is_empty() {
            let offset = i64::try_from(self.size).map_err(|_| Errno::EFBIG)?;
            let written = read::retry(|| nix::sys::uio::pwrite(&self.fd, bytes, offset))?;
            if written == 0 {
                return Err(Errno::EIO);
            }
            self.size += length(written);
            bytes = bytes.get(written..).unwrap_or_default();
        }
        Ok(())
    }

    /// Gives it its size, and its times where they are known (access, modification; nanoseconds since 1970).
    pub(super) fn end(self, times: Option<(i128, i128)>) -> Result<OwnedFd, Errno> {
        let size = i64::try_from(self.size).map_err(|_| Errno::EFBIG)?;
        nix::unistd::ftruncate(&self.fd, size)?;
        if let Some((accessed, modified)) = times {
            nix::sys::stat::futimens(&self.fd, &time(accessed), &time(modified))?;
        }
        Ok(self.fd)
    }
}

/// Nanoseconds since 1970 as the kernel takes them.
pub(super) fn time(nanoseconds: i128) -> TimeSpec {
    let seconds = i64::try_from(nanoseconds.div_euclid(1_000_000_000)).unwrap_or(0);
    TimeSpec::new(seconds, i64::try_from(nanoseconds.rem_euclid(1_000_000_000)).unwrap_or(0))
}

fn length(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests look at what was written with the standard library")]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    fn root(dir: &Path) -> OwnedFd {
        nix::fcntl::open(dir, FOLDER, Mode::empty()).unwrap()
    }

    #[test]
    fn zeros_become_holes_however_they_are_cut() {
        let dir = tempfile::tempdir().unwrap();
        let mut content = vec![0_u8; 3 << 20];
        content[5000] = 1;
        content[(2 << 20) + 4095] = 2;
        for step in [1000, 4096, 5000, 1 << 20, 4 << 20] {
            let name = format!("f{step}");
            let mut file = SparseFile::create(root(dir.path()).as_fd(), name.as_bytes()).unwrap();
            content.chunks(step).for_each(|piece| file.write(piece).unwrap());
            assert_eq!(file.size(), 3 << 20);
            file.end(Some((1_500_000_000, -1))).unwrap();
            let path = dir.path().join(name);
            let stat = path.metadata().unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), content);
            assert!(stat.blocks() * 512 < 1 << 20, "{step}: {} blocks", stat.blocks());
            assert_eq!((stat.atime(), stat.mtime(), stat.mtime_nsec(), stat.mode() & 0o7777), (1, -1, 999_999_999, 0o600));
        }
    }

    #[test]
    fn only_a_new_or_empty_folder_outside_of_the_evidence_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let evidence = dir.path().join("evidence");
        std::fs::create_dir_all(evidence.join("data")).unwrap();
        std::fs::write(dir.path().join("file"), b"x").unwrap();
        std::os::unix::fs::symlink("/tmp", dir.path().join("link")).unwrap();
        let refused = |path: &Path| Destination::create(path, &evidence).unwrap_err().0;
        assert!(refused(dir.path()).contains("not empty"));
        assert!(refused(&dir.path().join("file")).contains("not a folder"));
        assert!(refused(&dir.path().join("link")).contains("not a folder"));
        assert!(refused(&dir.path().join("a/b")).contains("above it"));
        assert!(refused(&evidence.join("data/out")).contains("within the evidence"));
        let made = Destination::create(&dir.path().join("out"), &evidence).unwrap();
        made.folder("a/b").unwrap();
        std::os::unix::fs::symlink("/tmp", dir.path().join("out/l")).unwrap();
        assert!(made.folder("l/x").is_err(), "a link is followed");
        assert!(made.errno("x", Errno::ENOSPC).0.contains("no space is left"));
    }
}
