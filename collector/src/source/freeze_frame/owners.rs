//! Who holds which socket: a socket may be open in many processes, and many times in one.

use std::collections::BTreeMap;

use super::sockets::Owner;
use crate::source::process::capture::Fd;
use crate::source::process::link;

/// The owners of each socket, by its inode, in the order of process id and descriptor.
#[derive(Debug, Default)]
pub(super) struct Owners {
    pub(super) by_inode: BTreeMap<u64, Vec<Owner>>,
    /// Descriptors that hold a network namespace open: its inode, and who holds it.
    pub(super) namespaces: Vec<(u64, Owner)>,
}

impl Owners {
    /// Adds the sockets among the descriptors of `pid`.
    pub(super) fn add(&mut self, pid: i32, fds: &[Fd]) {
        for fd in fds {
            if let Some(inode) = link::inode(&fd.target, b"socket") {
                self.by_inode.entry(inode).or_default().push(Owner { pid, fd: fd.number });
            } else if let Some(inode) = link::inode(&fd.target, b"net") {
                self.namespaces.push((inode, Owner { pid, fd: fd.number }));
            }
        }
    }
}
