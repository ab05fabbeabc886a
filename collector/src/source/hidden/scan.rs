//! One look at all processes, in every view.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::cgroups;
use super::mounted::Mounted;
use super::tasks;
use super::views::{View, Views};
use crate::host::pid::{answers_signal, has_handle};
use crate::host::read::SMALL;
use crate::host::{Host, ProcRoot, ReadError};
use crate::source::process::stat;
use crate::source::text::parsed;
use crate::source::{Evidence, Stop};

/// The most that the kernel allows as the highest process id on 64-bit machines (proc_sys_kernel(5), `pid_max`).
const PID_MAX_LIMIT: i32 = 4_194_304;
/// Numbers asked between two looks at the clock.
const BLOCK: i32 = 65_536;

/// Which numbers are asked for, where a view can only be asked number by number.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asked<'a> {
    /// Every number that can be a process.
    All,
    /// These.
    Only(&'a BTreeSet<i32>),
}

impl Asked<'_> {
    fn includes(self, pid: i32) -> bool {
        match self {
            Self::All => true,
            Self::Only(pids) => pids.contains(&pid),
        }
    }
}

/// What one look showed.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// The views of each process.
    pub(super) seen: BTreeMap<i32, Views>,
    /// The views that show every process of this host, so that a missing one is a contradiction.
    pub(super) complete: Views,
    /// Number of cgroups read.
    pub(super) groups: u64,
    /// What could not be read.
    pub(super) errors: Vec<ReadError>,
}

/// What was seen of one process, and when it began, so that another process of the same number is not taken for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sighting {
    /// The views that show it.
    pub(super) seen: Views,
    /// The complete views that do not.
    pub(super) missing: Views,
    /// Its start, in clock ticks since boot, where it can be read.
    pub(super) start_ticks: Option<u64>,
}

/// Processes and threads by the views that list them or were asked for numbers.
#[derive(Debug, Default)]
struct Sets {
    by_view: BTreeMap<View, BTreeSet<i32>>,
    threads: BTreeMap<i32, i32>,
    cgroup_tids: BTreeSet<i32>,
}

/// `/proc` as every program sees it, if that is the one of our own pid namespace.
pub(super) fn plain(host: &Host) -> Option<ProcRoot> {
    let plain = ProcRoot::plain().ok()?;
    let own = host.proc.link("self").ok()?;
    plain.link("self").is_ok_and(|link| link == own).then_some(plain)
}

/// Looks at the host in every view.
pub(super) fn look(host: &Host, plain: Option<&ProcRoot>, asked: Asked<'_>, evidence: &dyn Evidence) -> Result<Look, Stop> {
    let mounted = Mounted::read(host);
    let mut look = Look { complete: complete_views(host, plain), ..Look::default() };
    let mut sets = Sets::default();
    sets.list(View::DetachedList, host.proc.pids(), &mut look.errors);
    if let Some(plain) = plain {
        sets.list(View::PlainList, plain.pids(), &mut look.errors);
    }
    sets.ask(host, asked, evidence)?;
    let members = cgroups::members(host, &mounted.mounts, evidence)?;
    (look.groups, sets.cgroup_tids) = (members.groups, members.tids);
    look.errors.extend(members.errors);
    sets.by_view.insert(View::Cgroup, members.pids);
    if members.whole {
        look.complete = look.complete.with(View::Cgroup);
    }
    sets.threads = tasks::threads(host, &sets.processes(), evidence)?;
    sets.by_view.insert(View::Children, tasks::children(host, &sets.threads, evidence)?);
    for pid in sets.all_processes(host).into_iter().filter(|pid| asked.includes(*pid)) {
        evidence.check()?;
        look.seen.insert(pid, sets.views(host, plain, &mounted, pid));
    }
    Ok(look)
}

/// The views that must show every process.
fn complete_views(host: &Host, plain: Option<&ProcRoot>) -> Views {
    let mut views = Views::of(&[View::DetachedList, View::DetachedLookup]);
    if plain.is_some() {
        views = views.with(View::PlainList).with(View::PlainLookup);
    }
    let own = host.proc.link("self").ok().and_then(|pid| parsed(&pid)).unwrap_or(1);
    if has_handle(own) == Some(true) {
        views = views.with(View::Pidfd);
    }
    // A filter that refuses the call makes every number look alive.
    if answers_signal(own) && !answers_signal(i32::MAX) {
        views = views.with(View::Kill);
    }
    views
}

impl Sets {
    fn list(&mut self, view: View, pids: Result<Vec<i32>, ReadError>, errors: &mut Vec<ReadError>) {
        match pids {
            Ok(pids) => drop(self.by_view.insert(view, pids.into_iter().collect())),
            Err(error) => errors.push(error),
        }
    }

    fn ask(&mut self, host: &Host, asked: Asked<'_>, evidence: &dyn Evidence) -> Result<(), Stop> {
        let views = complete_views(host, None);
        let handle = |pid: i32| views.has(View::Pidfd) && has_handle(pid) == Some(true);
        let signal = |pid: i32| views.has(View::Kill) && answers_signal(pid);
        let (handles, signals) = match asked {
            Asked::Only(pids) => (
                pids.iter().copied().filter(|pid| handle(*pid)).collect(),
                pids.iter().copied().filter(|pid| signal(*pid)).collect(),
            ),
            Asked::All => ask_range(1..self.highest(host), handle, signal, evidence)?,
        };
        self.by_view.insert(View::Pidfd, handles);
        self.by_view.insert(View::Kill, signals);
        Ok(())
    }

    /// One more than the highest number that can be a process. `pid_max` may have been lowered under living processes.
    fn highest(&self, host: &Host) -> i32 {
        let limit =
            host.proc.file("sys/kernel/pid_max", SMALL).ok().and_then(|text| parsed(&text.bytes)).unwrap_or(PID_MAX_LIMIT);
        let listed = self.by_view.values().filter_map(BTreeSet::last).max().copied().unwrap_or(0);
        limit.max(listed).min(PID_MAX_LIMIT).saturating_add(1)
    }

    /// Every number that a view gives for a process and never for a thread.
    fn processes(&self) -> BTreeSet<i32> {
        self.by_view.iter().filter(|(view, _)| **view != View::Kill).flat_map(|(_, pids)| pids).copied().collect()
    }

    /// Every process: those, and what answers a signal or sits in a cgroup and is no thread of theirs.
    fn all_processes(&self, host: &Host) -> BTreeSet<i32> {
        let mut all = self.processes();
        let signals = self.by_view.get(&View::Kill).into_iter().flatten();
        let unknown = signals.chain(&self.cgroup_tids).filter(|id| !self.threads.contains_key(id) && !all.contains(id));
        let found: Vec<i32> = unknown.map(|id| tasks::leader(host, *id).unwrap_or(*id)).collect();
        all.extend(found);
        all
    }

    fn views(&self, host: &Host, plain: Option<&ProcRoot>, mounted: &Mounted, pid: i32) -> Views {
        let listed = self.by_view.iter().filter(|(_, pids)| pids.contains(&pid)).map(|(view, _)| *view);
        let mut views = listed.fold(Views::default(), Views::with);
        if host.proc.process(pid).is_ok() {
            views = views.with(View::DetachedLookup);
        }
        if plain.is_some_and(|plain| plain.process(pid).is_ok()) && !mounted.covers(pid) {
            views = views.with(View::PlainLookup);
        }
        views
    }
}

/// Asks both system calls for each number, each on its own thread: over four million numbers each takes a second.
fn ask_range(
    range: Range<i32>,
    handle: impl Fn(i32) -> bool,
    signal: impl Fn(i32) -> bool + Sync,
    evidence: &dyn Evidence,
) -> Result<(BTreeSet<i32>, BTreeSet<i32>), Stop> {
    std::thread::scope(|scope| {
        let (signal, all) = (&signal, range.clone());
        let signals = scope.spawn(move || all.filter(|pid| signal(*pid)).collect::<BTreeSet<i32>>());
        let mut handles = BTreeSet::new();
        for pid in range {
            if pid % BLOCK == 0 {
                evidence.check()?;
            }
            if handle(pid) {
                handles.insert(pid);
            }
        }
        Ok((handles, signals.join().unwrap_or_default()))
    })
}

impl Look {
    /// The processes that some views show and others, which should, do not.
    pub(super) fn contradictions(&self, host: &Host) -> BTreeMap<i32, Sighting> {
        let sighting = |(pid, seen): (&i32, &Views)| {
            let missing = self.complete.without(*seen);
            (!missing.is_empty() && !seen.is_empty()).then(|| sighting(host, *pid, *seen, missing)).flatten()
        };
        self.seen.iter().filter_map(|entry| Some((*entry.0, sighting(entry)?))).collect()
    }

    /// How many processes `view` shows.
    pub(super) fn count(&self, view: View) -> usize {
        self.seen.values().filter(|views| views.has(view)).count()
    }
}

/// A process that has ended is in no cgroup any more, so that one's silence says nothing of it.
fn sighting(host: &Host, pid: i32, seen: Views, missing: Views) -> Option<Sighting> {
    let text = host.proc.process(pid).and_then(|process| process.file("stat", SMALL)).unwrap_or_default().bytes;
    let stat = stat::parse(&text);
    let ended = stat.as_ref().is_some_and(stat::ProcStat::is_zombie);
    let missing = if ended { missing.without(Views::of(&[View::Cgroup])) } else { missing };
    (!missing.is_empty()).then(|| Sighting { seen, missing, start_ticks: stat.map(|stat| stat.start_ticks) })
}

impl Sighting {
    /// What two looks at the same process agree on; `None` where they do not contradict themselves in the same way.
    pub(super) fn agreed(self, again: Self) -> Option<Self> {
        let another = self.start_ticks.zip(again.start_ticks).is_some_and(|(first, second)| first != second);
        let (seen, missing) = (self.seen.and(again.seen), self.missing.and(again.missing));
        let stable = !another && !seen.is_empty() && !missing.is_empty();
        stable.then_some(Self { seen, missing, start_ticks: self.start_ticks.or(again.start_ticks) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_contradiction_of_the_same_process_stands() {
        let all = Views::of(&View::ALL);
        let unlisted = Sighting { seen: Views::of(&[View::Kill]), missing: Views::of(&[View::PlainList]), start_ticks: Some(5) };
        assert_eq!(unlisted.agreed(unlisted), Some(unlisted));
        assert_eq!(unlisted.agreed(Sighting { start_ticks: Some(6), ..unlisted }), None);
        assert_eq!(unlisted.agreed(Sighting { missing: Views::of(&[View::Kill]), ..unlisted }), None);
        let later = Sighting { seen: all, missing: all, start_ticks: None };
        assert_eq!(unlisted.agreed(later), Some(unlisted));
    }
}
