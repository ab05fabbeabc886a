//! Looking into another network namespace.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sched::{CloneFlags, setns};
use nix::sys::stat::Mode;
use nix::sys::statfs::{NSFS_MAGIC, fstatfs};

use super::spare_thread::TimedOut;
use super::{ProcRoot, sys};

/// Opens the namespace with this inode, to which `path` below `/proc` leads: a link such as `1/ns/net` or `7/fd/3`, or a
/// bind mount seen as `self/root/run/netns/blue`.
///
/// The path is first opened as a mere handle (`O_PATH`), so that nothing but a namespace is ever opened.
///
/// # Errors
/// `ESTALE` where something else is there by now; else the kernel's errno.
pub fn open(proc: &ProcRoot, path: &[u8], inode: u64) -> Result<OwnedFd, Errno> {
    let handle = openat(proc.dir(), path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?;
    let is_namespace = fstatfs(&handle)?.filesystem_type() == NSFS_MAGIC;
    if !is_namespace || sys::statx(handle.as_fd(), "", false)?.ino != inode {
        return Err(Errno::ESTALE);
    }
    let again = format!("self/fd/{}", handle.as_raw_fd());
    openat(proc.dir(), again.as_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
}

/// Opens the network namespace of the calling thread.
///
/// # Errors
/// The kernel's errno.
pub fn here(proc: &ProcRoot) -> Result<OwnedFd, Errno> {
    openat(proc.dir(), "thread-self/ns/net", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
}

/// Why a namespace could not be looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NetnsError {
    /// The kernel refused to enter it.
    #[error("cannot enter the network namespace: {0}")]
    Enter(Errno),
    /// The work inside did not end in time.
    #[error("the work inside the network namespace did not end in time")]
    TimedOut,
}

/// Runs `work` on a thread of its own inside `namespace`, and waits at most `limit`.
///
/// The thread ends with its work, so no other thread of ours is ever in a foreign namespace. Inside, `/proc/thread-self/net`
/// is that of the namespace; `/proc/net` and `/proc/self/net` are not.
///
/// # Errors
/// When the namespace cannot be entered (`CAP_SYS_ADMIN` is needed) or the work does not end in time.
pub fn inside<T: Send + 'static>(
    namespace: OwnedFd,
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, NetnsError> {
    let (reply, answer) = crossbeam_channel::bounded(1);
    let enter_and_work = move || {
        let result = setns(&namespace, CloneFlags::CLONE_NEWNET).map_err(NetnsError::Enter).map(|()| work());
        drop(reply.send(result));
    };
    let spawned = std::thread::Builder::new().name("hozen-netns".to_owned()).spawn(enter_and_work);
    spawned
        .map_err(|_| TimedOut)
        .and_then(|_| answer.recv_timeout(limit).map_err(|_| TimedOut))
        .map_err(|_| NetnsError::TimedOut)?
}
