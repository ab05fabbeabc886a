//! Containers: what the engines' files say of them, which processes are in them, and what they have written.
//!
//! No engine is asked: its socket belongs to a program of the suspect host. Everything is read from the files of Docker,
//! containerd, Podman, CRI-O, Kubernetes and ECS, and from the kernel.
//!
//! ```text
//! files ─┬ describe, ecs, storage ─ json                                 ┐
//!        └ databases ─┬ containerd, ecs, podman ─ bolt                    ├→ known → containers
//!                     └ podman ─ SQLite (source::sqlite)                  ┘    │
//! /proc ── processes ─ cgroup, claims (what known says of first processes) ←───┤→ container_processes
//!          layers ─ overlay ←──────────────────────────────────────────────────┘→ overlay_mounts, container_layers, container_files
//! ```

mod bolt;
#[cfg(test)]
mod bolt_writer;
mod cgroup;
mod claims;
mod containerd;
mod databases;
mod describe;
mod ecs;
#[cfg(any(test, feature = "test-util"))]
pub(in crate::source) mod hostile;
mod json;
mod known;
mod layers;
mod overlay;
mod patterns;
mod podman;
mod processes;
pub(super) mod roots;
#[cfg(test)]
pub(super) mod sqlite_writer;
mod storage;
#[cfg(test)]
mod tests;

use std::time::Duration;

use self::known::Known;
use super::file_set::{FileSet, Form, Limits, Order};
use super::{Evidence, Source, Stop};
use crate::host::Host;
use crate::model::{Artefact, Category, Outcome, Profile, Status};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "containers",
    category: Category::File,
    profile: Profile::Triage,
    budget: Duration::from_secs(300),
    budget_bytes: Some(STATE + WRITTEN),
    source: "state folders of the engines (/var/lib/docker, /run/containerd, /var/lib/containers, /var/lib/kubelet, …), /proc/PID/{cgroup,mountinfo}",
    about: "containers of Docker, containerd, Podman, CRI-O, Kubernetes and ECS, their processes, and what they have written: 2 GiB, or 16 GiB in profile full",
    tables: &[
        "container_state_files",
        "containers",
        "container_processes",
        "overlay_mounts",
        "container_layers",
        "container_files",
    ],
};

/// The most bytes that are kept of the engines' state.
const STATE: u64 = 1 << 30;

/// The most bytes that are kept of what containers have written; eight times as many in profile full.
const WRITTEN: u64 = 2 << 30;

/// Reads containers.
#[derive(Debug, Clone, Copy)]
pub struct Containers {
    /// The most bytes that are kept of one file that a container has written.
    pub file_cap: u64,
    /// The most bytes that are kept of all that containers have written.
    pub total_cap: u64,
    /// The most files and folders of containers that are looked at.
    pub entries: usize,
    /// Keep secrets as they are.
    pub include_secrets: bool,
}

impl Containers {
    /// With the usual limits, or eight times as much.
    #[must_use]
    pub fn new(thorough: bool, include_secrets: bool) -> Self {
        let times: u32 = if thorough { 8 } else { 1 };
        let bytes = u64::from(times);
        let entries = if thorough { 2_000_000 } else { 250_000 };
        Self { file_cap: bytes * (256 << 20), total_cap: bytes * WRITTEN, entries, include_secrets }
    }
}

impl Source for Containers {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let mut known = Known::default();
        let texts = roots::patterns(patterns::GROUPS, &roots::moved(host));
        let lists: Vec<Vec<&str>> = texts.iter().map(|list| list.iter().map(String::as_str).collect()).collect();
        let groups = roots::groups(patterns::GROUPS, &lists);
        let set = FileSet {
            table: "container_state_files",
            groups: &groups,
            limits: Limits::bytes(32 << 20, STATE),
            order: Order::Path,
            include_secrets: self.include_secrets,
            is_read: None,
        };
        let files = set.keep(host, evidence, &mut |text, evidence| {
            known.read_for(text.found.user());
            if text.found.group.form == Form::Database {
                databases::add(text, !self.include_secrets, &mut known, evidence);
            } else {
                describe::add(text, &mut known, evidence);
            }
            Ok(Vec::new())
        })?;
        known.rows(host, evidence)?;
        let namespaces = processes::rows(host, &known, evidence)?;
        let layers = layers::keep(host, self, &known, &namespaces, evidence)?;
        let nothing = files == 0 && layers == 0 && namespaces.is_empty();
        Ok(if nothing { Outcome::because(Status::Absent, "the host has no containers") } else { Outcome::ok() })
    }
}
