//! Bounded reads of files that the host may have laid as a trap.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::NixPath;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::Mode;

use super::sys::{self, Resolve, Stat};
use super::{ReadError, Reason};

/// The most that is read of a small kernel file unless its reader says otherwise: 8 MiB.
pub const SMALL: usize = 8 << 20;

/// Bytes read, and whether there were more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bytes {
    /// What was read.
    pub bytes: Vec<u8>,
    /// Whether the limit cut it short.
    pub truncated: bool,
}

/// Flags of every read: no controlling terminal, no wait in open, closed on exec, and the access time kept.
const READ: OFlag = OFlag::O_RDONLY.union(OFlag::O_NONBLOCK).union(OFlag::O_NOCTTY).union(OFlag::O_CLOEXEC);

/// Opens `path` below `dir` for reading, following neither a final link nor a mount point.
///
/// # Errors
/// The kernel's errno.
pub fn open(dir: BorrowedFd<'_>, path: &(impl NixPath + ?Sized)) -> Result<OwnedFd, Errno> {
    open_flags(dir, path, READ | OFlag::O_NOFOLLOW)
}

/// Opens what a magic link such as `/proc/PID/exe` stands for, if it is a regular file.
///
/// The link is first opened as a mere handle (`O_PATH`), so that a FIFO or a device behind it is never opened.
///
/// # Errors
/// When it is not a regular file, or with the kernel's errno.
pub fn open_magic(dir: BorrowedFd<'_>, path: &(impl NixPath + ?Sized)) -> Result<(OwnedFd, Stat), Reason> {
    let handle = openat(dir, path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).map_err(Reason::Errno)?;
    let before = sys::statx(handle.as_fd(), "", false).map_err(Reason::Errno)?;
    if !before.is_regular() {
        return Err(Reason::NotRegular(before.kind_name()));
    }
    let file = reopen(handle.as_fd()).or_else(|_| open_flags(dir, path, READ)).map_err(Reason::Errno)?;
    let after = sys::statx(file.as_fd(), "", false).map_err(Reason::Errno)?;
    if (before.dev, before.ino) == (after.dev, after.ino) { Ok((file, after)) } else { Err(Reason::Errno(Errno::ESTALE)) }
}

/// Opens for reading what `handle` (`O_PATH`) is open on, if it is a regular file.
///
/// # Errors
/// When it is not a regular file, or with the kernel's errno.
pub fn open_handle(handle: BorrowedFd<'_>) -> Result<(OwnedFd, Stat), Reason> {
    let stat = sys::statx(handle, "", false).map_err(Reason::Errno)?;
    if !stat.is_regular() {
        return Err(Reason::NotRegular(stat.kind_name()));
    }
    Ok((reopen(handle).map_err(Reason::Errno)?, stat))
}

/// Opens for reading what `handle` (`O_PATH`) is open on: nobody can put something else in its place meanwhile.
pub(super) fn reopen(handle: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    use std::os::fd::AsRawFd as _;
    let link = format!("/proc/self/fd/{}", handle.as_raw_fd());
    open_flags(nix::fcntl::AT_FDCWD, link.as_str(), READ)
}

/// Only the owner of a file, or `CAP_FOWNER`, may ask to keep the access time.
fn open_flags(dir: BorrowedFd<'_>, path: &(impl NixPath + ?Sized), flags: OFlag) -> Result<OwnedFd, Errno> {
    match openat(dir, path, flags | OFlag::O_NOATIME, Mode::empty()) {
        Err(Errno::EPERM) => openat(dir, path, flags, Mode::empty()),
        result => result,
    }
}

/// Opens `path` below `dir` without leaving it, crossing a mount or following a magic link, if it is a regular file.
///
/// # Errors
/// When it is not a regular file, or with the kernel's errno.
pub fn open_regular(dir: BorrowedFd<'_>, path: &(impl NixPath + ?Sized)) -> Result<(OwnedFd, Stat), Reason> {
    open_regular_by(dir, path, |dir, path, flags| open_within(dir, path, flags | libc::O_NOFOLLOW), |_| Ok(()))
}

/// Opens `path` below `dir` with `open(dir, path, flags)`, if it is a regular file that is `allowed`: first as a mere handle
/// (`O_PATH`), so that a FIFO or a device is never opened.
///
/// # Errors
/// When it is not a regular file or not allowed, or with the kernel's errno.
pub fn open_regular_by<P: NixPath + ?Sized>(
    dir: BorrowedFd<'_>,
    path: &P,
    open: impl Fn(BorrowedFd<'_>, &P, i32) -> Result<OwnedFd, Errno>,
    allowed: impl Fn(&Stat) -> Result<(), Reason>,
) -> Result<(OwnedFd, Stat), Reason> {
    let handle = open(dir, path, libc::O_PATH).map_err(Reason::Errno)?;
    let before = sys::statx(handle.as_fd(), "", false).map_err(Reason::Errno)?;
    if !before.is_regular() {
        return Err(Reason::NotRegular(before.kind_name()));
    }
    allowed(&before)?;
    let file = match open(dir, path, READ.bits() | libc::O_NOATIME) {
        Err(Errno::EPERM) => open(dir, path, READ.bits()),
        result => result,
    }
    .map_err(Reason::Errno)?;
    let after = sys::statx(file.as_fd(), "", false).map_err(Reason::Errno)?;
    if (before.dev, before.ino) == (after.dev, after.ino) { Ok((file, after)) } else { Err(Reason::Errno(Errno::ESTALE)) }
}

/// `openat2` with [`Resolve::WITHIN`], or plain `openat` before Linux 5.6.
///
/// # Errors
/// The kernel's errno.
pub fn open_within(dir: BorrowedFd<'_>, path: &(impl NixPath + ?Sized), flags: i32) -> Result<OwnedFd, Errno> {
    match sys::openat2(dir, path, flags, Resolve::WITHIN) {
        Err(Errno::ENOSYS) => openat(dir, path, OFlag::from_bits_retain(flags) | OFlag::O_CLOEXEC, Mode::empty()),
        result => result,
    }
}

/// Reads `fd` to its end or to `limit` bytes.
///
/// # Errors
/// The kernel's errno; what had been read is lost, so callers that want it read in pieces with [`FdReader`].
pub fn to_end(fd: BorrowedFd<'_>, limit: usize) -> Result<Bytes, Errno> {
    let mut out = Vec::new();
    let mut chunk = [0_u8; 16 << 10];
    loop {
        let length = match nix::unistd::read(fd, &mut chunk) {
            Err(Errno::EINTR) => continue,
            result => result?,
        };
        let room = limit - out.len();
        out.extend(chunk.iter().take(length.min(room)));
        if length == 0 || length > room {
            return Ok(Bytes { bytes: out, truncated: length > room });
        }
    }
}

/// Opens and reads `path` below `dir`.
///
/// # Errors
/// The kernel's errno.
pub fn file(dir: BorrowedFd<'_>, path: &(impl NixPath + ?Sized), limit: usize) -> Result<Bytes, Errno> {
    to_end(open(dir, path)?.as_fd(), limit)
}

/// The target of the link `path` below `dir`, as the kernel has it.
///
/// # Errors
/// The kernel's errno.
pub fn link(dir: BorrowedFd<'_>, path: &(impl NixPath + ?Sized)) -> Result<Vec<u8>, Errno> {
    use std::os::unix::ffi::OsStringExt as _;
    readlinkat(dir, path).map(std::ffi::OsString::into_vec)
}

/// The names in the directory `path` below `dir` (or `dir` itself for an empty path), without `.` and `..`, unsorted.
///
/// # Errors
/// The kernel's errno.
pub fn names(dir: BorrowedFd<'_>, path: &[u8]) -> Result<Vec<Vec<u8>>, Errno> {
    entries(dir, path, usize::MAX, |_| true).map(|(names, _)| names)
}

/// The first `limit` names, as [`names`] has them, and whether there are more.
///
/// # Errors
/// The kernel's errno.
pub fn names_limited(dir: BorrowedFd<'_>, path: &[u8], limit: usize) -> Result<(Vec<Vec<u8>>, bool), Errno> {
    entries(dir, path, limit, |_| true)
}

/// The names of the directories in the directory `path` below `dir`, as [`names`], by the type that the kernel lists them with.
///
/// # Errors
/// The kernel's errno.
pub fn directories(dir: BorrowedFd<'_>, path: &[u8]) -> Result<Vec<Vec<u8>>, Errno> {
    entries(dir, path, usize::MAX, |entry| entry.file_type() == Some(nix::dir::Type::Directory)).map(|(names, _)| names)
}

fn entries(
    dir: BorrowedFd<'_>,
    path: &[u8],
    limit: usize,
    wanted: impl Fn(&nix::dir::Entry) -> bool,
) -> Result<(Vec<Vec<u8>>, bool), Errno> {
    let path = if path.is_empty() { b"." } else { path };
    let mut entries = nix::dir::Dir::from_fd(open_folder(dir, path)?)?;
    let mut names = Vec::new();
    for entry in entries.iter() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name == b"." || name == b".." || !wanted(&entry) {
            continue;
        }
        if names.len() >= limit {
            return Ok((names, true));
        }
        names.push(name.to_owned());
    }
    Ok((names, false))
}

/// Opens the directory `path` below `dir`, not following a final link.
///
/// # Errors
/// The kernel's errno; `ENOTDIR` where it is no directory, a link included.
pub fn open_folder(dir: BorrowedFd<'_>, path: &(impl NixPath + ?Sized)) -> Result<OwnedFd, Errno> {
    open_flags(dir, path, OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW)
}

/// A descriptor as [`Read`], for content that is streamed.
#[derive(Debug)]
pub struct FdReader(pub OwnedFd);

impl Read for FdReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match nix::unistd::read(&self.0, buffer) {
                Err(Errno::EINTR) => {}
                result => return result.map_err(io::Error::from),
            }
        }
    }
}

/// Calls `call` again for as long as a signal interrupts it.
///
/// # Errors
/// The call's errno.
pub fn retry<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            result => return result,
        }
    }
}

/// Turns an errno into an error that names `path`.
pub fn named<T>(path: &[u8], result: Result<T, Errno>) -> Result<T, ReadError> {
    result.map_err(|errno| ReadError::errno(path, errno))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn a_limit_is_reported_and_an_exact_fit_is_not() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("f", dir.path().join("l")).unwrap();
        nix::sys::stat::mknod(&dir.path().join("f"), nix::sys::stat::SFlag::S_IFREG, Mode::S_IRWXU, 0).unwrap();
        let fd = File::open(dir.path()).unwrap();
        assert_eq!(file(fd.as_fd(), "f", 0).unwrap(), Bytes::default());
        let zero = File::open("/dev/zero").unwrap();
        assert!(to_end(zero.as_fd(), 100_000).unwrap().truncated);
        assert_eq!(file(fd.as_fd(), "l", 10).unwrap_err(), Errno::ELOOP);
        assert_eq!(link(fd.as_fd(), "l").unwrap(), b"f");
    }

    #[test]
    fn a_fifo_is_never_opened() {
        let dir = tempfile::tempdir().unwrap();
        nix::unistd::mkfifo(&dir.path().join("p"), Mode::S_IRWXU).unwrap();
        let fd = File::open(dir.path()).unwrap();
        assert_eq!(open_regular(fd.as_fd(), "p").unwrap_err(), Reason::NotRegular("FIFO"));
        assert_eq!(open_magic(fd.as_fd(), "p").unwrap_err(), Reason::NotRegular("FIFO"));
    }
}
