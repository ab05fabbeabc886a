//! The ways to physical memory that are files: `/proc/kcore`, `/dev/crash`, `/dev/mem`.
//!
//! **Invariant:** a [`Reader`] is never shared or duplicated. The kernel keeps one bounce buffer for each open `/proc/kcore`, and two
//! threads that read through the same one get each other's pages, without an error (fs/proc/kcore.c).

use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use super::{Host, ReadError, Reason, read, sys};

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// `/proc/kcore`: the kernel's memory as an ELF core file.
    Kcore,
    /// `/dev/crash`: physical addresses, from the crash driver of Red Hat's kernels.
    Crash,
    /// `/dev/mem`: physical addresses.
    Mem,
}

impl Way {
    /// Its path on the host.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Kcore => "/proc/kcore",
            Self::Crash => "/dev/crash",
            Self::Mem => "/dev/mem",
        }
    }
}

/// An open way to memory.
#[derive(Debug)]
pub struct Reader {
    fd: OwnedFd,
    way: Way,
}

impl Reader {
    /// Opens `way` anew; a device only if it is the one of that name (`/dev/mem` is character 1:1, `/dev/crash` a character device).
    ///
    /// # Errors
    /// When it is something else, or the kernel refuses.
    pub fn open(host: &Host, way: Way) -> Result<Self, ReadError> {
        let path = way.path().as_bytes();
        let fd = match way {
            Way::Kcore => read::named(path, read::open(host.proc.dir(), "kcore"))?,
            Way::Crash | Way::Mem => device(way)?,
        };
        Ok(Self { fd, way })
    }

    /// `file`, open in the place of `way`: for tests of what is read through one.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn of_file(file: std::fs::File, way: Way) -> Self {
        Self { fd: file.into(), way }
    }

    /// What it is open on.
    #[must_use]
    pub fn way(&self) -> Way {
        self.way
    }

    /// Reads into `buffer` what stands at `offset`; returns how many bytes came, 0 at the end.
    ///
    /// # Errors
    /// The kernel's errno; `EOVERFLOW` where no file has such an offset.
    pub fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Errno> {
        let offset = i64::try_from(offset).map_err(|_| Errno::EOVERFLOW)?;
        read::retry(|| nix::sys::uio::pread(&self.fd, buffer, offset))
    }
}

fn device(way: Way) -> Result<OwnedFd, ReadError> {
    let fail = |errno| ReadError::errno(way.path().as_bytes(), errno);
    let flags = OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let handle = open(way.path(), OFlag::O_PATH | flags, Mode::empty()).map_err(fail)?;
    let right = |stat: sys::Stat| stat.kind() == libc::S_IFCHR && (way != Way::Mem || stat.rdev == (1, 1));
    let stat = sys::statx(handle.as_fd(), "", false).map_err(fail)?;
    if !right(stat) {
        let reason = Reason::Malformed(format!("a {} that is not the memory", stat.kind_name()));
        return Err(ReadError::new(way.path().as_bytes(), reason));
    }
    let fd = open(way.path(), OFlag::O_RDONLY | OFlag::O_NOCTTY | flags, Mode::empty()).map_err(fail)?;
    let opened = sys::statx(fd.as_fd(), "", false).map_err(fail)?;
    if (opened.dev, opened.ino) == (stat.dev, stat.ino) { Ok(fd) } else { Err(fail(Errno::ESTALE)) }
}

/// Bytes of a page of this kernel.
#[must_use]
pub fn page_size() -> u64 {
    let size = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten();
    size.and_then(|size| u64::try_from(size).ok()).filter(|size| size.is_power_of_two()).unwrap_or(4096)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixtures_kcore_is_read_at_its_offsets() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("proc")).unwrap();
        std::fs::write(dir.path().join("proc/kcore"), b"0123456789").unwrap();
        let host = Host::fixture(dir.path()).unwrap();
        let mut reader = Reader::open(&host, Way::Kcore).unwrap();
        let mut buffer = [0; 4];
        assert_eq!((reader.read_at(8, &mut buffer), buffer), (Ok(2), *b"89\0\0"));
        assert_eq!(reader.read_at(10, &mut buffer), Ok(0));
        assert_eq!(reader.read_at(u64::MAX, &mut buffer), Err(Errno::EOVERFLOW));
        assert!(page_size() >= 4096);
    }
}
