//! Files that are written whole or not at all. No evidence is: that goes through a sink.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use hozen_collector::host::sys;
use hozen_collector::model::escape;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, fsync, unlinkat};

/// Whether a file that bears the name already is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    Replaced,
    Kept,
}

/// Opens a folder to write in it.
pub(crate) fn folder(path: &Path) -> Result<OwnedFd, Errno> {
    // A name without a folder in it is one of the current folder.
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    openat(AT_FDCWD, path, OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
}

/// Writes `bytes` as the file `name` in `folder` with these permissions, and makes sure that both are on disk.
///
/// # Errors
/// The kernel's errno: `EEXIST` where the file is there and is to be kept. Nothing is left behind.
pub(crate) fn write(folder: impl AsFd, name: &str, bytes: &[u8], mode: Mode, existing: Existing) -> Result<(), Errno> {
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
pub(crate) fn remove(folder: impl AsFd, name: &str) -> Result<(), Errno> {
    match unlinkat(folder, name, UnlinkatFlags::NoRemoveDir) {
        Err(Errno::ENOENT) => Ok(()),
        result => result,
    }
}

/// Writes a new file; one that is there is left alone.
///
/// # Errors
/// When it is there, or cannot be written.
pub(crate) fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let (folder, name) = place(path)?;
    let folder = self::folder(folder).with_context(|| format!("cannot open the folder of {}", escape::path(path)))?;
    let written = write(folder, &name, bytes, Mode::from_bits_truncate(mode), Existing::Kept);
    written.map_err(|errno| match errno {
        Errno::EEXIST => anyhow!("{} exists; nothing is overwritten: name another file", escape::path(path)),
        errno => anyhow!("cannot write {}: {errno}", escape::path(path)),
    })
}

/// Folder and name of a file to be.
pub(crate) fn place(path: &Path) -> Result<(&Path, String)> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.with_context(|| format!("{} does not name a file", escape::path(path)))?;
    Ok((path.parent().unwrap_or(Path::new("")), name.to_owned()))
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
