//! STAND-IN, to be deleted when `source/network/sockets` is there: the same functions, doing nothing.
#![expect(clippy::unnecessary_wraps, dead_code, reason = "the signatures are those of source/network/sockets")]

use std::collections::BTreeMap;

use crate::host::Host;
use crate::source::{Evidence, Stop};

/// Who holds a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    /// The process.
    pub(super) pid: i32,
    /// The descriptor.
    pub(super) fd: i32,
}

/// A network namespace.
#[derive(Debug)]
pub(super) struct NetNamespace {
    /// Its inode.
    pub(super) inode: u64,
    /// The processes in it.
    pub(super) pids: Vec<i32>,
}

/// The sockets of one sweep.
#[derive(Debug)]
pub(super) struct Sockets;

/// The namespaces that these processes are in.
pub(super) fn namespaces(_host: &Host, by_pid: &BTreeMap<i32, u64>, _evidence: &mut dyn Evidence) -> Vec<NetNamespace> {
    let mut namespaces: BTreeMap<u64, Vec<i32>> = BTreeMap::new();
    for (pid, inode) in by_pid {
        namespaces.entry(*inode).or_default().push(*pid);
    }
    namespaces.into_iter().map(|(inode, pids)| NetNamespace { inode, pids }).collect()
}

/// Reads nothing.
///
/// # Errors
/// Never.
pub(super) fn sweep(
    _host: &Host,
    _namespaces: &[NetNamespace],
    _label: &'static str,
    _evidence: &mut dyn Evidence,
) -> Result<Sockets, Stop> {
    Ok(Sockets)
}

/// Writes nothing.
///
/// # Errors
/// Never.
pub(super) fn emit(
    _before: &Sockets,
    _after: &Sockets,
    _owners: &BTreeMap<u64, Vec<Owner>>,
    _host: &Host,
    _evidence: &mut dyn Evidence,
) -> Result<(), Stop> {
    Ok(())
}
