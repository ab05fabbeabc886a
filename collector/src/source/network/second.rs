//! For tests: a second network namespace, held by a thread of the test process for as long as the value lives.

use std::sync::mpsc::{Receiver, Sender, channel};

use nix::sched::{CloneFlags, unshare};

/// A thread that is alone in a network namespace.
#[derive(Debug)]
pub(super) struct Second {
    /// The namespace's inode.
    pub(super) inode: u64,
    /// The thread's id.
    pub(super) tid: i32,
    _release: Sender<()>,
}

impl Second {
    /// Starts it; what `prepare` makes inside (a listener, say) is kept as long as the namespace.
    pub(super) fn start<T: 'static>(prepare: impl FnOnce() -> T + Send + 'static) -> Self {
        let (release, wait): (Sender<()>, Receiver<()>) = channel();
        let (tell, told) = channel();
        std::thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).expect("these tests need root");
            let link = std::fs::read_link("/proc/thread-self/ns/net").unwrap();
            let inode = crate::source::process::link::inode(link.as_os_str().as_encoded_bytes(), b"net").unwrap();
            let kept = prepare();
            tell.send((inode, nix::unistd::gettid().as_raw())).unwrap();
            let _ = wait.recv();
            drop(kept);
        });
        let (inode, tid) = told.recv().unwrap();
        Self { inode, tid, _release: release }
    }
}
