//! Looking into another network namespace.

use std::os::fd::OwnedFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};

use super::watchdog::TimedOut;

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
