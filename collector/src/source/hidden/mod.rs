//! Artefact `hidden_processes`: processes that one way of looking shows and another, which should, does not.
//!
//! A process that comes or goes during a look contradicts itself too. So what contradicts itself is looked at again, twice,
//! and only what does so in the same way each time is written down, with all that can be read of it.
//!
//! **Invariant:** what changes the answer of every view alike stays unseen; only an image of the memory shows that.

mod cgroups;
mod mounted;
mod rows;
mod scan;
mod tasks;
mod views;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::process::capture::Capture;
use super::{Evidence, Source, Stop};
use crate::host::Host;
use crate::host::ProcRoot;
use crate::host::mounts::Mount;
use crate::host::privilege::Privileges;
use crate::host::procfs::View as ProcView;
use crate::model::artefact::{Artefact, Category, Profile};
use crate::model::{Outcome, Status};
use mounted::Mounted;
use scan::{Asked, Sighting};

/// What it collects.
pub const ARTEFACT: Artefact = Artefact {
    name: "hidden_processes",
    category: Category::Process,
    profile: Profile::Volatile,
    budget: Duration::from_secs(60),
    budget_bytes: None,
    source: "/proc, pidfd_open(2), a second detached procfs, cgroup.procs, task/*/children, sysinfo(2)",
    about: "processes that are seen in one way and not in another, and how many each way shows",
    tables: &["hidden_processes", "process_counts"],
};

/// Time between two looks, so that what comes and goes has gone.
const PAUSE: Duration = Duration::from_millis(50);
/// Looks after the first.
const LOOKS_AGAIN: usize = 2;
/// How long the reads of one process that may hang are waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// Refusals that are named one by one.
const NAMED_REFUSALS: usize = 20;

/// Looks for hidden processes.
#[derive(Debug, Clone, Copy)]
pub struct HiddenProcesses;

impl Source for HiddenProcesses {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        if !host.live {
            return Ok(Outcome::because(Status::Absent, "only a running kernel can be asked in several ways"));
        }
        let own = through_own_procfs(host);
        let host = own.as_ref().unwrap_or(host);
        if hidden_from_us(host) {
            return Ok(Outcome::because(Status::Denied, "/proc is mounted with hidepid, which hides others' processes from us"));
        }
        let plain = scan::plain(host);
        let time = host.clock.now();
        let first = scan::look(host, plain.as_ref(), Asked::All, evidence)?;
        for error in first.errors.iter().take(NAMED_REFUSALS) {
            evidence.gap(error.gap());
        }
        let hidden = confirm(host, plain.as_ref(), first.contradictions(host), evidence)?;
        write(host, &hidden, evidence)?;
        let tally = tasks::tally(host, &hidden.keys().copied().collect(), evidence)?;
        rows::counts(time, &first, &tally, evidence)?;
        Ok(Outcome::ok())
    }
}

/// The ids of hidden processes; none where they cannot be looked for.
pub(super) fn pids(host: &Host, evidence: &dyn Evidence) -> Result<BTreeSet<i32>, Stop> {
    let own = through_own_procfs(host);
    let host = own.as_ref().unwrap_or(host);
    if !host.live || hidden_from_us(host) {
        return Ok(BTreeSet::new());
    }
    let plain = scan::plain(host);
    let first = scan::look(host, plain.as_ref(), Asked::All, evidence)?;
    Ok(confirm(host, plain.as_ref(), first.contradictions(host), evidence)?.into_keys().collect())
}

/// The host through a second procfs of our own, so that this look and the freeze-frame's go through different ones.
fn through_own_procfs(host: &Host) -> Option<Host> {
    let detached = ProcRoot::detached(&host.footprint).ok();
    detached.map(|proc| Host { proc: Arc::new(proc), ..host.clone() })
}

/// What of `suspects` contradicts itself in the same way each time.
fn confirm(
    host: &Host,
    plain: Option<&ProcRoot>,
    mut suspects: BTreeMap<i32, Sighting>,
    evidence: &dyn Evidence,
) -> Result<BTreeMap<i32, Sighting>, Stop> {
    for _ in 0..LOOKS_AGAIN {
        suspects = look_again(host, plain, suspects, evidence)?;
    }
    Ok(suspects)
}

/// Whether the kernel keeps other users' processes from us, which would make every one of them look hidden.
fn hidden_from_us(host: &Host) -> bool {
    let may_see_all = Privileges::read(&host.proc).is_ok_and(|privileges| privileges.has("sys_ptrace"));
    let hides = |options: &[u8]| {
        let value = options.split(|b| *b == b',').find_map(|option| option.strip_prefix(b"hidepid="));
        value.is_some_and(|value| value != b"0" && value != b"off")
    };
    let mounts = Mounted::read(host).mounts;
    let procfs = mounts.iter().rev().find(|mount| mount.point == b"/proc");
    host.proc.view() != ProcView::Detached && !may_see_all && procfs.is_some_and(|mount| hides(&mount.super_options))
}

/// What of `suspects` still contradicts itself in the same way.
fn look_again(
    host: &Host,
    plain: Option<&crate::host::ProcRoot>,
    suspects: BTreeMap<i32, Sighting>,
    evidence: &dyn Evidence,
) -> Result<BTreeMap<i32, Sighting>, Stop> {
    if suspects.is_empty() {
        return Ok(suspects);
    }
    std::thread::sleep(PAUSE);
    let pids: BTreeSet<i32> = suspects.keys().copied().collect();
    let again = scan::look(host, plain, Asked::Only(&pids), evidence)?.contradictions(host);
    let agreed = |(pid, sighting): (i32, Sighting)| Some((pid, sighting.agreed(*again.get(&pid)?)?));
    Ok(suspects.into_iter().filter_map(agreed).collect())
}

/// Writes each hidden process down, and each mount over a part of any process.
fn write(host: &Host, hidden: &BTreeMap<i32, Sighting>, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    let mounted = Mounted::read(host);
    let mut spare = host.spare_thread();
    let mut read = |pid: i32| match host.proc.process(pid) {
        Ok(process) => Capture::read(process, host.clock.now(), true, &mut spare, PATIENCE),
        Err(error) => Capture::unreadable(pid, host.clock.now(), error),
    };
    for (pid, sighting) in hidden {
        let capture = read(*pid);
        capture.keep(evidence)?;
        evidence.row("hidden_processes", &rows::hidden(&capture, sighting, &mounted))?;
    }
    let shown = |(pid, mount): &(i32, &Mount)| !hidden.contains_key(pid) || mounted::inside(mount);
    for (pid, mount) in mounted.over_processes().filter(shown) {
        evidence.row("hidden_processes", &rows::covered_part(&read(pid), mount))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
