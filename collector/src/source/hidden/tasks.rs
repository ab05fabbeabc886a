//! Threads, children, and the kernel's own count of tasks.

use std::collections::{BTreeMap, BTreeSet};

use crate::host::pid::Process;
use crate::host::read::SMALL;
use crate::host::{Host, sys};
use crate::source::process::status;
use crate::source::text::parsed;
use crate::source::{Evidence, Stop};

/// The namespace in which the kernel boots (linux/proc_ns.h, `PROC_PID_INIT_INO`): only in it all tasks have a number.
const INITIAL_NAMESPACE: &[u8] = b"pid:[4026531836]";
/// How often the threads are counted to find a moment in which none came or went.
const ATTEMPTS: usize = 5;

/// The threads of the processes `pids`: the process of each, by the thread's id.
pub(super) fn threads(host: &Host, pids: &BTreeSet<i32>, evidence: &dyn Evidence) -> Result<BTreeMap<i32, i32>, Stop> {
    let mut threads = BTreeMap::new();
    for pid in pids {
        evidence.check()?;
        // Through the handle, because a path would lead into what is mounted over it where `/proc` is the plain one.
        let tids = host.proc.process(*pid).and_then(|process| process.numbers("task")).unwrap_or_default();
        threads.extend(tids.into_iter().map(|tid| (tid, *pid)));
    }
    Ok(threads)
}

/// The children of these threads; empty where the kernel has no such lists (`CONFIG_PROC_CHILDREN`).
pub(super) fn children(host: &Host, threads: &BTreeMap<i32, i32>, evidence: &dyn Evidence) -> Result<BTreeSet<i32>, Stop> {
    let mut children = BTreeSet::new();
    let mut open: Option<Process> = None;
    for (tid, pid) in threads {
        evidence.check()?;
        // Threads of one process mostly follow each other, so its handle serves them all.
        if open.as_ref().is_none_or(|process| process.pid != *pid) {
            open = host.proc.process(*pid).ok();
        }
        let list = open.as_ref().and_then(|process| process.file(&format!("task/{tid}/children"), SMALL).ok());
        let list = list.unwrap_or_default().bytes;
        children.extend(list.split(|b| *b == b' ').filter_map(parsed::<i32>));
    }
    Ok(children)
}

/// The process that the thread or process `id` belongs to. `/proc` answers for the number of a thread though it does not list it.
pub(super) fn leader(host: &Host, id: i32) -> Option<i32> {
    let text = host.proc.process(id).ok()?.file("status", SMALL).ok()?;
    status::parse(&text.bytes).tgid
}

/// Tasks as they were found and as the kernel counts them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    /// Tasks of the list before, of which each process that was gone is one, and of the list after: two moments, because what was never there
    /// at the same time was never counted together.
    pub(super) found: (u64, u64),
    /// The count of sysinfo(2), which ends at 65,535.
    pub(super) sysinfo: Option<u64>,
    /// The count in `/proc/loadavg` before and after.
    pub(super) loadavg: Option<(u64, u64)>,
    /// Whether the counts hold for what we see: they include tasks of other pid namespaces.
    pub(super) comparable: bool,
}

impl Tally {
    /// Tasks that the kernel counts and that were not found, of the moment at which they are fewer.
    pub(super) fn unaccounted(&self) -> Option<u64> {
        let (before, after) = self.loadavg.filter(|_| self.comparable)?;
        Some(before.saturating_sub(self.found.0).min(after.saturating_sub(self.found.1)))
    }
}

/// Counts the threads of all processes that `/proc` lists and of `others`, several times if need be: threads of a process come and go
/// while those of others are counted, and the smallest difference is the one that least of them explain. For whole processes that would
/// not do: on a host where they come and go all the time, each attempt errs the same way ([`count`]).
pub(super) fn tally(host: &Host, others: &BTreeSet<i32>, evidence: &dyn Evidence) -> Result<Tally, Stop> {
    let mut best = count(host, others, evidence)?;
    for _ in 1..ATTEMPTS {
        if best.unaccounted().unwrap_or(0) == 0 {
            break;
        }
        let next = count(host, others, evidence)?;
        if next.unaccounted() < best.unaccounted() {
            best = next;
        }
    }
    Ok(best)
}

/// Counts once, at two moments. A process that is listed and ends before its `task` folder is read was counted by the kernel, too: it is one
/// task at least. But what one list has and the other lacks is counted only with its own: together they would make up for tasks of a
/// rootkit on every host where processes come and go.
fn count(host: &Host, others: &BTreeSet<i32>, evidence: &dyn Evidence) -> Result<Tally, Stop> {
    let before = total(host);
    let listed = || host.proc.pids().unwrap_or_default().into_iter().collect::<BTreeSet<i32>>();
    let first = listed();
    let pids: BTreeSet<i32> = first.union(others).copied().collect();
    let mut owners = threads(host, &pids, evidence)?;
    let second = listed();
    let after = total(host);
    let new: BTreeSet<i32> = second.difference(&pids).copied().collect();
    owners.extend(threads(host, &new, evidence)?);
    Ok(Tally {
        found: (tasks_of(&first, others, &owners), tasks_of(&second, others, &owners)),
        sysinfo: sys::sysinfo_procs().ok().map(u64::from),
        loadavg: before.zip(after),
        comparable: host.proc.link("self/ns/pid").is_ok_and(|link| link == INITIAL_NAMESPACE),
    })
}

/// How many tasks there are of the processes `listed`, each of which is one at least, and threads of `others`, by the process of each thread.
fn tasks_of(listed: &BTreeSet<i32>, others: &BTreeSet<i32>, owners: &BTreeMap<i32, i32>) -> u64 {
    let is_of_these = |pid: &i32| listed.contains(pid) || others.contains(pid);
    let mut tasks: BTreeSet<i32> = owners.iter().filter(|(_, pid)| is_of_these(pid)).map(|(tid, _)| *tid).collect();
    tasks.extend(listed);
    u64::try_from(tasks.len()).unwrap_or(u64::MAX)
}

/// The number behind the slash of the fourth field of `/proc/loadavg`: all tasks.
fn total(host: &Host) -> Option<u64> {
    tasks_in_loadavg(&host.proc.file("loadavg", SMALL).ok()?.bytes)
}

fn tasks_in_loadavg(text: &[u8]) -> Option<u64> {
    let tasks = text.split(|b| *b == b' ').nth(3)?;
    parsed(tasks.split(|b| *b == b'/').nth(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::recorded::Recorded;
    use proptest::prelude::*;

    #[test]
    fn the_load_holds_the_number_of_tasks() {
        assert_eq!(tasks_in_loadavg(b"0.80 0.37 0.23 2/88 10768\n"), Some(88));
        for odd in [&b""[..], b"0 0 0", b"0 0 0 2", b"0 0 0 2/x 1"] {
            assert_eq!(tasks_in_loadavg(odd), None);
        }
    }

    #[test]
    fn a_process_that_is_listed_and_gone_is_one_task() {
        let tree = tempfile::tempdir().unwrap();
        for folder in ["1/task/1", "1/task/2", "7"] {
            std::fs::create_dir_all(tree.path().join("proc").join(folder)).unwrap();
        }
        let host = Host::fixture(tree.path()).unwrap();
        assert_eq!(count(&host, &BTreeSet::new(), &Recorded::default()).unwrap().found, (3, 3));
    }

    #[test]
    fn only_what_is_missing_all_the_time_is_unaccounted() {
        let tally = Tally { found: (86, 86), sysinfo: None, loadavg: Some((90, 88)), comparable: true };
        assert_eq!(tally.unaccounted(), Some(2));
        assert_eq!(Tally { found: (89, 80), ..tally }.unaccounted(), Some(1));
        assert_eq!(Tally { found: (80, 89), ..tally }.unaccounted(), Some(0));
        assert_eq!(Tally { comparable: false, ..tally }.unaccounted(), None);
    }

    #[test]
    fn what_comes_and_goes_does_not_make_up_for_what_is_hidden() {
        // Of five tasks two are hidden; 1 stays, 2 and 3 go, and 4 and 5 come in their place.
        let owners = BTreeMap::from([(1, 1), (4, 4), (5, 5)]);
        let of = |listed: [i32; 3]| tasks_of(&BTreeSet::from(listed), &BTreeSet::new(), &owners);
        let found = (of([1, 2, 3]), of([1, 4, 5]));
        let tally = Tally { found, sysinfo: None, loadavg: Some((5, 5)), comparable: true };
        assert_eq!((found, tally.unaccounted()), ((3, 3), Some(2)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            tasks_in_loadavg(&bytes);
        }
    }
}
