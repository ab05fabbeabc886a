//! The kernel's log, record by record (Documentation/ABI/testing/dev-kmsg).
//!
//! Reading `/dev/kmsg` takes nothing away from other readers, unlike `/proc/kmsg`: each open descriptor has its own place.

use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{Whence, lseek};

use super::{ReadError, Reason, sys};

/// Where the device is.
const PATH: &str = "/dev/kmsg";
/// Longer than any record; the kernel answers `EINVAL` to a read that is too short (records hold at most 8 KiB).
const LONGEST: usize = 32 << 10;

/// An open kernel log.
#[derive(Debug)]
pub struct Kmsg {
    fd: OwnedFd,
    buffer: Vec<u8>,
}

/// What the next read of the log gives.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// One record with its newline and its dictionary lines.
    Record(&'a [u8]),
    /// The kernel overwrote records before they were read; the next read goes on behind them.
    Overwritten,
    /// There are no more for now.
    End,
}

impl Kmsg {
    /// Opens the log of this machine for reading from its oldest record, if `/dev/kmsg` is that device (character 1:11).
    ///
    /// # Errors
    /// When it is something else, or the kernel refuses (`EPERM`: `dmesg_restrict` without `CAP_SYSLOG`).
    pub fn open() -> Result<Self, ReadError> {
        let fail = |errno| ReadError::errno(PATH.as_bytes(), errno);
        let handle = open(PATH, OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty()).map_err(fail)?;
        let stat = sys::statx(handle.as_fd(), "", false).map_err(fail)?;
        if stat.kind() != libc::S_IFCHR || stat.rdev != (1, 11) {
            return Err(ReadError::new(
                PATH.as_bytes(),
                Reason::Malformed(format!("a {} that is not the log", stat.kind_name())),
            ));
        }
        // O_NONBLOCK: the end of the log is EAGAIN, not a wait for the next message.
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        let fd = open(PATH, flags, Mode::empty()).map_err(fail)?;
        Ok(Self { fd, buffer: vec![0; LONGEST] })
    }

    /// The same log behind its newest record: what is read is what comes from now on.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn at_end(self) -> Result<Self, ReadError> {
        lseek(&self.fd, 0, Whence::SeekEnd).map_err(|errno| ReadError::errno(PATH.as_bytes(), errno))?;
        Ok(self)
    }

    /// Reads the next record.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn step(&mut self) -> Result<Step<'_>, ReadError> {
        let length = loop {
            match nix::unistd::read(&self.fd, &mut self.buffer) {
                Err(Errno::EINTR) => {}
                result => break result,
            }
        };
        match length {
            Ok(0) | Err(Errno::EAGAIN) => Ok(Step::End),
            Ok(length) => Ok(Step::Record(self.buffer.get(..length).unwrap_or_default())),
            Err(Errno::EPIPE) => Ok(Step::Overwritten),
            Err(errno) => Err(ReadError::errno(PATH.as_bytes(), errno)),
        }
    }
}
