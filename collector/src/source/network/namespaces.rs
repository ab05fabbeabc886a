//! Which network namespaces there are, and how to get into each.
//!
//! A namespace lives as long as something refers to it: a process, a thread that left its process's namespace, a bind mount
//! (`ip netns add`, container runtimes), a descriptor. Each of these is a door.

use std::collections::{BTreeMap, BTreeSet};

use crate::host::mounts::{self, Mount};
use crate::host::{Host, ReadError, read};
use crate::model::Gap;
use crate::source::process::link;
use crate::source::{Evidence, Stop, failure};

/// A network namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetNamespace {
    /// Its inode in nsfs: the number in `net:[…]`. 0 in a fixture that does not say.
    pub inode: u64,
    /// The processes in it, ascending. The first one represents it.
    pub pids: Vec<i32>,
    /// How to get in, best first.
    pub doors: Vec<Door>,
}

/// Something that refers to a namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Door {
    /// A process that is in it.
    Process(i32),
    /// A thread that is in it while its process is elsewhere.
    Thread(i32, i32),
    /// A bind mount of it, in the mount namespace of this process (`self` or a number).
    Mount {
        /// Whose mount namespace has it.
        of: String,
        /// Where it is mounted, seen from that process's root.
        point: Vec<u8>,
        /// Whether the way to it touches only file systems of this kernel.
        safe: bool,
    },
    /// A descriptor of this process.
    Descriptor(i32, i32),
}

/// Doors that are kept for one namespace: more than one, because a process may end before we come.
const DOORS: usize = 4;

impl NetNamespace {
    fn new(inode: u64) -> Self {
        Self { inode, pids: Vec::new(), doors: Vec::new() }
    }

    fn add_door(&mut self, door: Door) {
        if self.doors.len() < DOORS || matches!(door, Door::Mount { .. }) {
            self.doors.push(door);
        }
    }

    /// Where it is bind-mounted, as far as known.
    pub fn mount_points(&self) -> impl Iterator<Item = &[u8]> {
        self.doors.iter().filter_map(|door| match door {
            Door::Mount { point, .. } => Some(point.as_slice()),
            _ => None,
        })
    }
}

impl Door {
    /// Its path below `/proc`.
    #[must_use]
    pub fn path(&self) -> Vec<u8> {
        match self {
            Self::Process(pid) => format!("{pid}/ns/net").into_bytes(),
            Self::Thread(pid, tid) => format!("{pid}/task/{tid}/ns/net").into_bytes(),
            Self::Mount { of, point, .. } => [of.as_bytes(), b"/root", point].concat(),
            Self::Descriptor(pid, fd) => format!("{pid}/fd/{fd}").into_bytes(),
        }
    }
}

/// The network namespace that we are in ourselves.
#[must_use]
pub fn own(host: &Host) -> Option<u64> {
    host.proc.link("self/ns/net").ok().and_then(|target| link::inode(&target, b"net"))
}

/// The host's own network namespace: that of process 1, else ours, else the only one.
#[must_use]
pub fn of_host(host: &Host, namespaces: &[NetNamespace]) -> Option<u64> {
    let init = namespaces.iter().find(|namespace| namespace.pids.first() == Some(&1)).map(|namespace| namespace.inode);
    init.or_else(|| own(host).filter(|_| host.live)).or_else(|| namespaces.first().map(|namespace| namespace.inode))
}

/// Every network namespace that a process, a thread or a bind mount refers to, by inode. `by_pid` is what the caller has read
/// already: the inode of each process's namespace.
///
/// Descriptors are not walked here; who walks them anyway adds what it finds by [`add_descriptor`].
pub fn namespaces(host: &Host, by_pid: &BTreeMap<i32, u64>, evidence: &mut dyn Evidence) -> Vec<NetNamespace> {
    let mut found = BTreeMap::new();
    for (pid, inode) in by_pid {
        let namespace = entry(&mut found, *inode);
        namespace.pids.push(*pid);
        namespace.add_door(Door::Process(*pid));
    }
    add_threads(host, by_pid, &mut found, evidence);
    add_mounts(host, by_pid, &mut found, evidence);
    found.into_values().collect()
}

/// Notes that descriptor `fd` of process `pid` is a link to the network namespace `inode`.
pub fn add_descriptor(namespaces: &mut Vec<NetNamespace>, inode: u64, pid: i32, fd: i32) {
    let at = match namespaces.binary_search_by_key(&inode, |namespace| namespace.inode) {
        Ok(at) => at,
        Err(at) => {
            namespaces.insert(at, NetNamespace::new(inode));
            at
        }
    };
    if let Some(namespace) = namespaces.get_mut(at) {
        namespace.add_door(Door::Descriptor(pid, fd));
    }
}

/// Reads the namespace of each process and finds all others: for artefacts that do not have the processes at hand.
///
/// # Errors
/// When the run wants no more of this artefact.
pub fn find(host: &Host, evidence: &mut dyn Evidence) -> Result<Vec<NetNamespace>, Stop> {
    let mut by_pid = BTreeMap::new();
    let mut refused: Vec<ReadError> = Vec::new();
    let pids = host.proc.pids().unwrap_or_else(|error| {
        evidence.gap(error.gap());
        Vec::new()
    });
    for pid in pids {
        evidence.check()?;
        match host.proc.process(pid).and_then(|process| process.link("ns/net")) {
            Ok(target) => drop(link::inode(&target, b"net").and_then(|inode| by_pid.insert(pid, inode))),
            Err(error) if error.is_gone() => {}
            Err(error) => refused.push(error),
        }
    }
    if let Some(first) = refused.first() {
        let reason = format!("{} (and so for {} processes in all)", first.reason, refused.len());
        evidence.gap(Gap { reason, ..first.gap() });
    }
    let mut found = namespaces(host, &by_pid, evidence);
    if found.is_empty() {
        found.push(NetNamespace::new(own(host).filter(|_| host.live).unwrap_or(0)));
    }
    Ok(found)
}

fn entry(found: &mut BTreeMap<u64, NetNamespace>, inode: u64) -> &mut NetNamespace {
    found.entry(inode).or_insert_with(|| NetNamespace::new(inode))
}

/// Threads may leave the namespace of their process one by one (`unshare(2)`, `setns(2)`).
fn add_threads(host: &Host, by_pid: &BTreeMap<i32, u64>, found: &mut BTreeMap<u64, NetNamespace>, evidence: &mut dyn Evidence) {
    for (pid, inode) in by_pid {
        if evidence.check().is_err() {
            return;
        }
        let Ok(process) = host.proc.process(*pid) else { continue };
        for tid in process.numbers("task").unwrap_or_default().into_iter().filter(|tid| tid != pid) {
            let target = process.link(&format!("task/{tid}/ns/net")).unwrap_or_default();
            if let Some(other) = link::inode(&target, b"net").filter(|other| other != inode) {
                entry(found, other).add_door(Door::Thread(*pid, tid));
            }
        }
    }
}

/// Bind mounts of network namespaces, in every mount namespace that a process is in.
fn add_mounts(host: &Host, by_pid: &BTreeMap<i32, u64>, found: &mut BTreeMap<u64, NetNamespace>, evidence: &mut dyn Evidence) {
    let mut seen = BTreeSet::new();
    let own = std::iter::once("self".to_owned()).filter(|_| host.live);
    for of in own.chain(by_pid.keys().map(ToString::to_string)) {
        if evidence.check().is_err() {
            return;
        }
        let Ok(mount_namespace) = host.proc.link(format!("{of}/ns/mnt")) else { continue };
        if !seen.insert(mount_namespace) {
            continue;
        }
        match host.proc.file(format!("{of}/mountinfo"), read::SMALL) {
            Ok(table) => add_table(&of, &mounts::parse(&table.bytes).0, found),
            Err(error) => failure::gap(evidence, &error),
        }
    }
}

fn add_table(of: &str, table: &[Mount], found: &mut BTreeMap<u64, NetNamespace>) {
    for mount in table.iter().filter(|mount| mount.kind == b"nsfs") {
        if let Some(inode) = link::inode(&mount.root, b"net") {
            let safe = is_safe(table, mount);
            entry(found, inode).add_door(Door::Mount { of: of.to_owned(), point: mount.point.clone(), safe });
        }
    }
}

/// Whether the way to this mount point touches only file systems that cannot hang.
fn is_safe(table: &[Mount], target: &Mount) -> bool {
    let on_the_way = |mount: &&Mount| mount.kind != b"nsfs" && mounts::below(&target.point, &mount.point).is_some();
    table.iter().filter(on_the_way).all(Mount::is_local)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::recorded::Recorded;

    const TABLE: &[u8] = b"21 1 8:1 / / rw - ext4 /dev/root rw\n\
        22 21 0:20 / /run rw - tmpfs tmpfs rw\n\
        23 22 0:4 net:[7] /run/netns/a\\040b rw - nsfs nsfs rw\n\
        24 21 0:5 / /mnt rw - nfs4 host:/ rw\n\
        25 24 0:4 net:[8] /mnt/ns rw - nsfs nsfs rw\n\
        26 22 0:4 mnt:[9] /run/mnt rw - nsfs nsfs rw\n";

    #[test]
    fn bind_mounts_are_doors_and_the_way_over_nfs_is_not_safe() {
        let mut found = BTreeMap::new();
        add_table("self", &mounts::parse(TABLE).0, &mut found);
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), [7, 8]);
        let door = |inode: u64| found[&inode].doors[0].clone();
        assert_eq!(door(7), Door::Mount { of: "self".to_owned(), point: b"/run/netns/a b".to_vec(), safe: true });
        assert!(matches!(door(8), Door::Mount { safe: false, .. }));
        assert_eq!(door(7).path(), b"self/root/run/netns/a b");
    }

    #[test]
    fn descriptors_add_namespaces_in_order() {
        let mut list = vec![NetNamespace::new(5)];
        add_descriptor(&mut list, 9, 1, 2);
        add_descriptor(&mut list, 3, 1, 4);
        add_descriptor(&mut list, 9, 1, 5);
        assert_eq!(list.iter().map(|n| (n.inode, n.doors.len())).collect::<Vec<_>>(), [(3, 1), (5, 0), (9, 2)]);
    }

    #[test]
    fn our_own_namespace_and_that_of_a_thread_are_found() {
        let host = Host::live().unwrap();
        let second = super::super::second::Second::start(|| ());
        let found = find(&host, &mut Recorded::default()).unwrap();
        let pid = i32::try_from(std::process::id()).unwrap();
        let ours = found.iter().find(|namespace| Some(namespace.inode) == own(&host)).unwrap();
        assert!(ours.pids.contains(&pid));
        let other = found.iter().find(|namespace| namespace.inode == second.inode).unwrap();
        assert_eq!(other.doors, [Door::Thread(pid, second.tid)]);
        assert_ne!(other.inode, ours.inode);
    }
}
