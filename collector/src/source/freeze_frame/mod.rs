//! Artefact `freeze_frame`: all processes and all sockets of the host, as close to one instant as can be.
//!
//! Sockets are read before and after the processes, so that an owner found between the two is known to belong to what both
//! saw. Every row has its own time; the first and the last tell how long the frame took.
//!
//! **Invariant:** a process is read through one handle, so no row mixes two processes that shared a number.

mod owners;
mod process_row;
mod rows;
mod sweep;

use std::collections::BTreeMap;
use std::time::Duration;

use super::network::sockets;
use super::process::link;
use super::{Evidence, Source, Stop};
use crate::host::Host;
use crate::model::artefact::{Artefact, Category, Profile};
use crate::model::{Outcome, Status};
use owners::Owners;

/// What it collects.
pub const ARTEFACT: Artefact = Artefact {
    name: "freeze_frame",
    category: Category::Process,
    profile: Profile::Volatile,
    budget: Duration::from_secs(60),
    budget_bytes: None,
    source: "/proc/PID, /proc/PID/net, sock_diag netlink in every network namespace",
    about: "all processes with their open files and namespaces, and all sockets of all network namespaces, at one instant",
    tables: &["processes", "process_open_files", "process_namespaces", "process_open_sockets", "network_namespaces"],
};

/// Reads all processes and sockets.
#[derive(Debug, Clone, Copy)]
pub struct FreezeFrame;

impl Source for FreezeFrame {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let pids = match host.proc.pids() {
            Ok(pids) => pids,
            Err(error) => return Ok(Outcome::because(Status::Failed, error.to_string())),
        };
        let mut namespaces = sockets::namespaces(host, &net_namespaces(host, &pids), evidence);
        let before = sockets::sweep(host, &namespaces, "before", evidence)?;
        let mut owners = Owners::default();
        sweep::processes(host, &pids, &mut owners, evidence)?;
        // A namespace without a process, held by a descriptor alone, is known only now: it is seen in the second sweep.
        for (inode, holder) in &owners.namespaces {
            sockets::add_descriptor(&mut namespaces, *inode, holder.pid, holder.fd);
        }
        let after = sockets::sweep(host, &namespaces, "after", evidence)?;
        sockets::emit(&before, &after, &owners.by_inode, host, evidence)?;
        Ok(Outcome::ok())
    }
}

/// The network namespace of each process that tells it.
fn net_namespaces(host: &Host, pids: &[i32]) -> BTreeMap<i32, u64> {
    let inode = |pid: i32| link::namespace(&host.proc.process(pid).ok()?.link("ns/net").ok()?);
    pids.iter().filter_map(|pid| Some((*pid, inode(*pid)?))).collect()
}

#[cfg(test)]
mod tests;
