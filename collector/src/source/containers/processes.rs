//! Which process is in which container: by its cgroup, by what engines say is a container's first process, and by the mount
//! namespace that it shares with one of those. Whoever moves out of a container's cgroup still shares its namespaces.

use std::collections::BTreeMap;

use super::cgroup::{self, Belongs};
use super::claims::{Claim, Claims};
use super::known::Known;
use crate::host::{Host, Process, read};
use crate::model::{Row, escape};
use crate::source::each_process::{each_process, is_kernel_thread};
use crate::source::process::{cgroup as process_cgroup, link, status};
use crate::source::{Evidence, Stop, failure};

/// Namespaces of which the inodes are columns.
const NAMESPACES: [&str; 7] = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];

/// What is known of one process.
struct Seen {
    pid: i32,
    name: Vec<u8>,
    cgroup: Vec<u8>,
    belongs: Option<Belongs>,
    /// The container whose first process it is said to be.
    claim: Option<Claim>,
    how: Vec<&'static str>,
    namespaces: BTreeMap<&'static str, u64>,
    in_namespace: Option<i32>,
    error: Option<crate::host::ReadError>,
}

/// The container of each mount namespace that belongs to one.
pub(super) type Namespaces = BTreeMap<u64, Vec<u8>>;

/// Writes a row for each process that is in a container or in a mount namespace that is not that of the host.
///
/// # Errors
/// When the run wants no more of this artefact.
pub(super) fn rows(host: &Host, known: &Known, evidence: &mut dyn Evidence) -> Result<Namespaces, Stop> {
    let mut all = Vec::new();
    let claims = Claims::of(known, host);
    let _ = each_process(host, evidence, |process, _| {
        if !is_kernel_thread(process) {
            all.push(look(process, &claims));
        }
        Ok(())
    })?;
    by_state(&mut all);
    let hosts = hosts_namespace(&all);
    let containers = by_namespace(&mut all, hosts);
    for seen in &all {
        evidence.check()?;
        let elsewhere = hosts.is_some() && seen.namespaces.get("mnt").is_some_and(|own| Some(*own) != hosts);
        if seen.belongs.is_some() || seen.claim.is_some() || elsewhere {
            let row = row(host, seen, known, evidence);
            evidence.row("container_processes", &row)?;
        }
    }
    Ok(containers)
}

/// The mount namespace of the host: that of its first process, or, where that may not be seen, our own.
fn hosts_namespace(all: &[Seen]) -> Option<u64> {
    let of = |pid: i32| all.iter().find(|seen| seen.pid == pid).and_then(|seen| seen.namespaces.get("mnt").copied());
    of(1).or_else(|| i32::try_from(std::process::id()).ok().and_then(of))
}

fn look(process: &Process, claims: &Claims<'_>) -> Seen {
    let text = process.file("cgroup", read::SMALL);
    let error = text.as_ref().err().cloned();
    let text = text.map(|text| text.bytes).unwrap_or_default();
    let places = process_cgroup::parse(&text);
    let belongs = places.iter().find_map(|place| cgroup::of_path(place.path));
    let status = process.file("status", read::SMALL).map(|text| status::parse(&text.bytes)).unwrap_or_default();
    Seen {
        pid: process.pid,
        name: process.file("comm", 4096).map(|text| text.bytes.trim_ascii_end().to_owned()).unwrap_or_default(),
        cgroup: process_cgroup::main_path(&places).unwrap_or_default().to_owned(),
        how: if belongs.is_some() { vec!["cgroup"] } else { Vec::new() },
        claim: claims.on(process, belongs.as_ref()),
        belongs,
        namespaces: NAMESPACES.into_iter().filter_map(|name| Some((name, inode(process, name)?))).collect(),
        in_namespace: status.ns_pid.last().copied(),
        error,
    }
}

/// The inode of a namespace that the process is in.
fn inode(process: &Process, namespace: &str) -> Option<u64> {
    link::inode(&process.link(&format!("ns/{namespace}")).ok()?, namespace.as_bytes())
}

/// Gives each process the container whose first one it is said to be, unless something speaks against that or its cgroup is another's.
fn by_state(all: &mut [Seen]) {
    for seen in all {
        let Some(claim) = seen.claim.as_ref().filter(|claim| !claim.proof.is_against()) else { continue };
        if seen.belongs.as_ref().is_none_or(|belongs| belongs.container.is_empty() || belongs.container == claim.container) {
            seen.how.push("state");
            let pod = seen.belongs.take().and_then(|belongs| belongs.pod);
            seen.belongs = Some(Belongs { container: claim.container.clone(), runtime: None, pod });
        }
    }
}

/// Gives each process of a mount namespace the container that others in it are known to be in. The host's own namespace
/// belongs to none, whoever shares it.
fn by_namespace(all: &mut [Seen], hosts: Option<u64>) -> Namespaces {
    let mut containers = Namespaces::new();
    let sure = |seen: &&Seen| seen.belongs.as_ref().is_some_and(|belongs| !belongs.container.is_empty());
    for seen in all.iter().filter(sure) {
        if let (Some(inode), Some(belongs)) = (seen.namespaces.get("mnt").filter(|own| Some(**own) != hosts), &seen.belongs) {
            containers.entry(*inode).or_insert_with(|| belongs.container.clone());
        }
    }
    for seen in all.iter_mut().filter(|seen| seen.belongs.as_ref().is_none_or(|belongs| belongs.container.is_empty())) {
        if let Some(id) = seen.namespaces.get("mnt").and_then(|inode| containers.get(inode)) {
            let pod = seen.belongs.take().and_then(|belongs| belongs.pod);
            seen.belongs = Some(Belongs { container: id.clone(), runtime: None, pod });
            seen.how.push("mnt-namespace");
        }
    }
    containers
}

fn row(host: &Host, seen: &Seen, known: &Known, evidence: &mut dyn Evidence) -> Row {
    let mut row = Row::new(host.clock.now(), format!("/proc/{}/cgroup", seen.pid));
    row.int("pid", seen.pid).bytes("name", &seen.name);
    if let Some(belongs) = &seen.belongs {
        if !belongs.container.is_empty() {
            row.bytes("container_id", &belongs.container);
        }
        let container = known.get(&belongs.container);
        if let Some(runtime) = container.map(|container| container.runtime).or(belongs.runtime) {
            row.text("runtime", runtime);
        }
        if let Some(name) = container.and_then(|container| container.text("name")) {
            row.text("container_name", &name);
        }
        if let Some(pod) = &belongs.pod {
            row.bytes("pod_uid", pod);
        }
    }
    row.json("known_by", &seen.how).bytes("cgroup_path", &seen.cgroup);
    if let Some(claim) = &seen.claim {
        row.bytes("state_container_id", &claim.container).text("state_check", claim.proof.word());
    }
    if let Some(pid) = seen.in_namespace {
        row.int("pid_in_namespace", pid);
    }
    for (name, inode) in &seen.namespaces {
        row.int(&format!("{name}_namespace"), *inode);
    }
    if let Some(error) = &seen.error {
        failure::note(&mut row, evidence, "cgroup", error);
    }
    row
}

/// A name for the source of rows that are made of a process's mount table.
pub(super) fn table_of(pid: i32) -> String {
    escape::bytes(format!("/proc/{pid}/mountinfo").as_bytes())
}
