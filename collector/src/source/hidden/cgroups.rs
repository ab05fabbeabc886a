//! Processes and threads as the control groups count them.

use std::collections::BTreeSet;

use crate::host::cgroups::{self, Hierarchy};
use crate::host::mounts::Mount;
use crate::host::read::SMALL;
use crate::host::{Host, ReadError};
use crate::source::text::parsed;
use crate::source::{Evidence, Stop};

/// The namespace in which the kernel boots (linux/proc_ns.h, `PROC_CGROUP_INIT_INO`): from it all cgroups are seen.
const INITIAL_NAMESPACE: &[u8] = b"cgroup:[4026531835]";

/// What all cgroups together hold.
#[derive(Debug, Default)]
pub(super) struct Members {
    /// Processes.
    pub(super) pids: BTreeSet<i32>,
    /// Threads, those that lead a process too.
    pub(super) tids: BTreeSet<i32>,
    /// Number of cgroups read.
    pub(super) groups: u64,
    /// Whether at least one hierarchy was read whole, so that every living process must be in `pids`.
    pub(super) whole: bool,
    /// What could not be read.
    pub(super) errors: Vec<ReadError>,
}

/// Reads all cgroups of all mounted hierarchies.
pub(super) fn members(host: &Host, mounts: &[Mount], evidence: &dyn Evidence) -> Result<Members, Stop> {
    let all_seen = host.proc.link("self/ns/cgroup").map_or_else(|error| error.is_gone(), |link| link == INITIAL_NAMESPACE);
    let mut members = Members::default();
    for mount in cgroups::mounts(mounts) {
        match Hierarchy::open(mount) {
            Ok(hierarchy) => {
                let refusals = members.errors.len();
                walk(&hierarchy, &mut members, evidence)?;
                members.whole |= all_seen && hierarchy.whole && members.errors.len() == refusals;
            }
            Err(error) => members.errors.push(error),
        }
    }
    Ok(members)
}

fn walk(hierarchy: &Hierarchy, members: &mut Members, evidence: &dyn Evidence) -> Result<(), Stop> {
    let threads = if hierarchy.unified { &b"cgroup.threads"[..] } else { b"tasks" };
    let mut waiting = vec![Vec::new()];
    while let Some(group) = waiting.pop() {
        evidence.check()?;
        members.groups += 1;
        add(hierarchy.file(&below(&group, b"cgroup.procs"), SMALL), &mut members.pids, &mut members.errors);
        add(hierarchy.file(&below(&group, threads), SMALL), &mut members.tids, &mut members.errors);
        match hierarchy.children(&group) {
            Ok(names) => waiting.extend(names.iter().map(|name| below(&group, name))),
            Err(error) if error.is_gone() => {}
            Err(error) => members.errors.push(error),
        }
    }
    Ok(())
}

fn below(group: &[u8], name: &[u8]) -> Vec<u8> {
    if group.is_empty() { name.to_owned() } else { [group, name].join(&b'/') }
}

/// A cgroup that was removed meanwhile is empty; a threaded one (cgroup v2) lists its processes in its parent.
fn add(content: Result<crate::host::read::Bytes, ReadError>, ids: &mut BTreeSet<i32>, errors: &mut Vec<ReadError>) {
    match content {
        // Members outside our pid namespace are listed as 0.
        Ok(content) => ids.extend(content.bytes.split(|b| *b == b'\n').filter_map(parsed::<i32>).filter(|id| *id > 0)),
        Err(error) if error.is_gone() || error.is_removed() || error.is_unsupported() => {}
        Err(error) => errors.push(error),
    }
}
