//! What the engines' files say of each container, put together under its id.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::host::Host;
use crate::model::{Gap, Row};
use crate::source::{Evidence, Stop};

/// The most containers of which rows are made.
const MOST: usize = 20_000;

/// Engines, the one that knows most of a container last: Docker's containers are containerd's and runc's as well.
const ENGINES: [&str; 6] = ["oci", "containerd", "podman", "cri-o", "ecs", "docker"];

/// A container as it is described.
#[derive(Debug, Default)]
pub(super) struct Container {
    /// The engine that describes it best.
    pub(super) runtime: &'static str,
    columns: BTreeMap<&'static str, Value>,
    /// Columns that count where nobody sets the same.
    fallbacks: BTreeMap<&'static str, Value>,
    /// When a first process began, by its number: in clock ticks since boot.
    begun: BTreeMap<i64, u64>,
    sources: Vec<String>,
}

/// What is said of a container's first process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct First<'a> {
    /// The container.
    pub(super) id: &'a [u8],
    /// When the process began, in clock ticks since boot, where that is said.
    pub(super) ticks: Option<u64>,
}

/// All containers that any engine describes, by id.
#[derive(Debug, Default)]
pub(super) struct Known {
    containers: BTreeMap<Vec<u8>, Container>,
    /// Folders in which containers write, and the container.
    pub(super) layers: Vec<(Vec<u8>, Vec<u8>)>,
    left_out: u64,
}

impl Known {
    /// The container `id`, which the file `source` of this engine describes; none where there are too many.
    pub(super) fn container(&mut self, id: &[u8], runtime: &'static str, source: String) -> Option<&mut Container> {
        if self.containers.len() >= MOST && !self.containers.contains_key(id) {
            self.left_out += 1;
            return None;
        }
        let container = self.containers.entry(id.to_owned()).or_default();
        let rank = |engine: &str| ENGINES.iter().position(|known| *known == engine);
        if rank(runtime) >= rank(container.runtime) {
            container.runtime = runtime;
        }
        // A database may speak of it in several places.
        if container.sources.last() != Some(&source) {
            container.sources.push(source);
        }
        Some(container)
    }

    /// Remembers that a container writes into the folder `upper`.
    pub(super) fn layer(&mut self, upper: Vec<u8>, id: &[u8]) {
        if self.layers.len() < MOST {
            self.layers.push((upper, id.to_owned()));
        }
    }

    /// The container `id`.
    pub(super) fn get(&self, id: &[u8]) -> Option<&Container> {
        self.containers.get(id)
    }

    /// What is said to be a container's first process, by its number. Of several containers that name the same one, one at least has ended.
    pub(super) fn firsts(&self) -> BTreeMap<i64, Vec<First<'_>>> {
        let mut firsts: BTreeMap<i64, Vec<First<'_>>> = BTreeMap::new();
        for (id, container) in &self.containers {
            let pid = container.columns.get("pid").and_then(Value::as_i64).filter(|pid| *pid > 0);
            if let Some(pid) = pid {
                let ticks = container.begun.get(&pid).copied();
                firsts.entry(pid).or_default().push(First { id, ticks });
            }
        }
        firsts
    }

    /// How many there are.
    #[cfg(any(test, feature = "test-util"))]
    pub(super) fn count(&self) -> usize {
        self.containers.len()
    }

    /// Writes a row for each.
    ///
    /// # Errors
    /// When the run wants no more of this artefact.
    pub(super) fn rows(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        if self.left_out > 0 {
            evidence
                .gap(Gap::whole(b"containers", format!("{} containers beyond the {MOST} of which rows are made", self.left_out)));
        }
        for (id, container) in &self.containers {
            evidence.check()?;
            let mut row = Row::new(host.clock.now(), container.sources.first().cloned().unwrap_or_default());
            row.bytes("id", id).text("runtime", container.runtime);
            let others = container.fallbacks.iter().filter(|(column, _)| !container.columns.contains_key(*column));
            for (column, value) in container.columns.iter().chain(others) {
                row.json(column, value);
            }
            row.json("described_by", &container.sources);
            evidence.row("containers", &row)?;
        }
        Ok(())
    }
}

impl Container {
    /// Sets a column, unless an engine that knows more has set it or there is no value.
    pub(super) fn set(&mut self, column: &'static str, value: Option<Value>) {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            self.columns.entry(column).or_insert(value);
        }
    }

    /// Sets a column whatever was there.
    pub(super) fn overwrite(&mut self, column: &'static str, value: Option<Value>) {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            self.columns.insert(column, value);
        }
    }

    /// Sets a column to what counts if nobody else sets it, before or later.
    pub(super) fn fall_back(&mut self, column: &'static str, value: Option<Value>) {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            self.fallbacks.entry(column).or_insert(value);
        }
    }

    /// Notes when the first process began that has the number `pid`.
    pub(super) fn begun(&mut self, pid: i64, ticks: u64) {
        self.begun.insert(pid, ticks);
    }

    /// A column's text.
    pub(super) fn text(&self, column: &str) -> Option<&str> {
        self.columns.get(column).and_then(Value::as_str)
    }
}
