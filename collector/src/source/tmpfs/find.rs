//! Which file systems of some kinds there are in any mount namespace, and by which way each is reached.

use std::collections::BTreeMap;

use crate::host::mounts::{self, Mount};
use crate::host::{Host, read};
use crate::source::{Evidence, Stop};

/// File systems of the kernel itself, over which a way may lead: looking a name up in them waits for nobody.
const KERNELS: [&[u8]; 8] = [b"proc", b"sysfs", b"devpts", b"cgroup", b"cgroup2", b"mqueue", b"securityfs", b"debugfs"];

/// A file system, and the best way to it.
#[derive(Debug, Clone)]
pub(in crate::source) struct Found {
    /// The mount.
    pub(in crate::source) mount: Mount,
    /// The mount namespace in which it is seen.
    pub(in crate::source) namespace: Vec<u8>,
    /// A process there.
    pub(in crate::source) pid: i32,
    /// Whether that is our own namespace.
    pub(in crate::source) is_own: bool,
    /// Whether nothing on the way to it may hang.
    pub(in crate::source) is_safe: bool,
}

/// All of these `kinds`, our own namespace's first, then by path.
///
/// # Errors
/// When the run wants no more of this artefact.
pub(in crate::source) fn all(host: &Host, kinds: &[&[u8]], evidence: &dyn Evidence) -> Result<Vec<Found>, Stop> {
    let own = host.proc.link("self/ns/mnt").ok();
    let mut best: BTreeMap<(u32, u32), Found> = BTreeMap::new();
    let mut seen = std::collections::BTreeSet::new();
    for pid in host.proc.pids().unwrap_or_default() {
        evidence.check()?;
        let Ok(namespace) = host.proc.link(format!("{pid}/ns/mnt")) else { continue };
        if seen.contains(&namespace) {
            continue;
        }
        let Ok(table) = host.proc.file(format!("{pid}/mountinfo"), read::SMALL) else { continue };
        if !table.bytes.is_empty() {
            seen.insert(namespace.clone());
            let is_own = own.as_ref().map_or(!host.live, |own| *own == namespace);
            let mounts = mounts::parse(&table.bytes).0;
            add(&mut best, &mounts, |mount| kinds.contains(&mount.kind.as_slice()), (&namespace, pid, is_own));
        }
    }
    let mut found: Vec<Found> = best.into_values().collect();
    found.sort_by(|a, b| (!a.is_own, &a.mount.point).cmp(&(!b.is_own, &b.mount.point)));
    Ok(found)
}

fn add(
    best: &mut BTreeMap<(u32, u32), Found>,
    mounts: &[Mount],
    is_wanted: impl Fn(&Mount) -> bool,
    (namespace, pid, is_own): (&[u8], i32, bool),
) {
    for mount in mounts.iter().filter(|mount| is_wanted(mount)) {
        let is_covered = mounts::covering(mounts, &mount.point).is_none_or(|top| top.id != mount.id);
        let is_safe = !is_covered && is_safe(mounts, &mount.point);
        let found = Found { mount: mount.clone(), namespace: namespace.to_owned(), pid, is_own, is_safe };
        // Whole before part of it, our own namespace before another.
        let rank = |found: &Found| (found.is_safe, found.mount.root == b"/", found.is_own);
        let known = best.entry(mount.dev).or_insert_with(|| found.clone());
        if rank(&found) > rank(known) {
            *known = found;
        }
    }
}

/// Whether every folder above `point` lies on a file system that does not hang.
fn is_safe(mounts: &[Mount], point: &[u8]) -> bool {
    let ends = point.iter().enumerate().filter(|(_, b)| **b == b'/').map(|(at, _)| at.max(1));
    ends.filter_map(|end| point.get(..end)).filter(|above| *above != point).all(|above| {
        let kernels = |mount: &Mount| KERNELS.contains(&mount.kind.as_slice());
        mounts::covering(mounts, above).is_none_or(|mount| mount.is_local() || kernels(mount))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(tables: &[(&str, bool)]) -> Vec<(Vec<u8>, bool, bool)> {
        let mut best = BTreeMap::new();
        for (table, is_own) in tables {
            add(&mut best, &mounts::parse(table.as_bytes()).0, |mount| mount.kind == b"tmpfs", (b"mnt:[1]", 1, *is_own));
        }
        best.into_values().map(|found| (found.mount.point, found.is_own, found.is_safe)).collect()
    }

    #[test]
    fn each_is_found_once_by_the_best_way() {
        let other = "1 0 8:1 / / rw - ext4 d rw\n2 1 0:30 / /run rw - tmpfs t rw\n3 1 0:31 / /dev/shm rw - tmpfs t rw\n";
        let own = "4 0 8:1 / / rw - ext4 d rw\n5 4 0:30 /sub /x rw - tmpfs t rw\n6 4 0:31 / /y rw - tmpfs t rw\n";
        let ways = best(&[(other, false), (own, true)]);
        assert_eq!(ways, [(b"/run".to_vec(), false, true), (b"/y".to_vec(), true, true)]);
    }

    #[test]
    fn what_lies_behind_a_remote_file_system_or_under_another_mount_is_not_touched() {
        let table = "1 0 8:1 / / rw - ext4 d rw\n2 1 0:30 / /m rw - nfs4 h:/ rw\n3 2 0:31 / /m/t rw - tmpfs t rw\n\
            4 1 0:32 / /c rw - tmpfs t rw\n5 4 0:33 / /c rw - ext4 t rw\n6 1 0:34 / /proc rw - proc p rw\n7 6 0:35 / /proc/acpi rw - tmpfs t rw\n";
        let ways = best(&[(table, true)]);
        assert_eq!(ways, [(b"/m/t".to_vec(), true, false), (b"/c".to_vec(), true, false), (b"/proc/acpi".to_vec(), true, true)]);
    }
}
