//! Files that are written whole or not at all: on the builder, never on a suspect host.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use hozen_collector::host::sys;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, fsync, unlinkat};

/// Whether a file that bears the name already is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Existing {
    Replaced,
    Kept,
}

/// Opens a folder to write in it.
pub(super) fn folder(path: &Path) -> Result<OwnedFd, Errno> {
    // A name without a folder in it is one of the current folder.
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    openat(AT_FDCWD, path, OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
}

/// Writes `bytes` as the file `name` in `folder` with these permissions, and makes sure that both are on disk.
///
/// # Errors
/// The kernel's errno: `EEXIST` where the file is there and is to be kept. Nothing is left behind.
pub(super) fn write(folder: impl AsFd, name: &str, bytes: &[u8], mode: Mode, existing: Existing) -> Result<(), Errno> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|_| Errno::EAGAIN)?;
    let part = format!(".{name}.{:016x}.part", u64::from_le_bytes(random));
    let result = write_part(&folder, &part, bytes, mode)
        .and_then(|()| sys::rename(folder.as_fd(), &part, name, existing == Existing::Replaced));
    if result.is_err() {
        // It may not have been made.
        let _ = unlinkat(&folder, part.as_str(), UnlinkatFlags::NoRemoveDir);
    }
    result.and_then(|()| fsync(folder))
}

fn write_part(folder: impl AsFd, part: &str, bytes: &[u8], mode: Mode) -> Result<(), Errno> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let file = openat(folder, part, flags, mode)?;
    let mut left = bytes;
    while !left.is_empty() {
        match nix::unistd::write(&file, left) {
            Ok(0) => return Err(Errno::EIO),
            Ok(written) => left = left.get(written..).unwrap_or_default(),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    fsync(&file)
}

/// Removes the file `name`, if it is there.
///
/// # Errors
/// The kernel's errno.
pub(super) fn remove(folder: impl AsFd, name: &str) -> Result<(), Errno> {
    match unlinkat(folder, name, UnlinkatFlags::NoRemoveDir) {
        Err(Errno::ENOENT) => Ok(()),
        result => result,
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests look at files with the standard library")]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_file_is_whole_and_replaced_only_where_that_is_wanted() {
        let dir = tempfile::tempdir().unwrap();
        let fd = folder(dir.path()).unwrap();
        let mode = Mode::from_bits_truncate(0o600);
        write(&fd, "a", b"one", mode, Existing::Kept).unwrap();
        assert_eq!(write(&fd, "a", b"two", mode, Existing::Kept), Err(Errno::EEXIST));
        assert_eq!(std::fs::read(dir.path().join("a")).unwrap(), b"one");
        write(&fd, "a", b"two", mode, Existing::Replaced).unwrap();
        assert_eq!(std::fs::read(dir.path().join("a")).unwrap(), b"two");
        assert_eq!(std::fs::metadata(dir.path().join("a")).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left behind");
        assert_eq!((remove(&fd, "a"), remove(&fd, "a")), (Ok(()), Ok(())));
    }
}
