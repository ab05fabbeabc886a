//! The memory of single processes, as ELF core files: for hosts where no way leads to physical memory (containers, Fargate,
//! lockdown), and for a close look at a few processes where one does.
//!
//! ```text
//! select → dump: open → smaps, pagemap → plan → elf head → core (a stream of known size) → rows
//! ```
//!
//! **Invariant:** no page is read that is not resident, so nothing is swapped in, no page is made, and a reserved terabyte costs
//! nothing; no device is read; this program's own memory is never taken. What could not be read is zeros and is named.

mod area;
mod core;
mod dump;
mod elf;
mod plan;
mod rows;
mod select;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use select::Which;

use self::dump::{Dumper, Ended};
use super::{Evidence, Source, Stop, failure};
use crate::host::Host;
use crate::model::{Artefact, Category, Gap, Outcome, Profile, Status};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "process_memory",
    category: Category::Process,
    profile: Profile::Volatile,
    budget: Duration::from_secs(60 * 60),
    budget_bytes: Some(TOTAL),
    source: "/proc/PID/mem, /proc/PID/maps, /proc/PID/pagemap",
    about: "resident memory of single processes as ELF core files, if --process-memory asks for it",
    tables: &["process_memory", "process_memory_pages"],
};

/// The most bytes of pages that are kept of all processes together, unless `--process-memory-total` says otherwise.
const TOTAL: u64 = 16 << 30;

/// Takes the memory of processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessMemory {
    /// Whose.
    pub which: Which,
    /// The most bytes of pages that are kept of one process.
    pub process_limit: u64,
    /// The most bytes of pages that are kept of all processes together.
    pub total_limit: u64,
}

impl Default for ProcessMemory {
    fn default() -> Self {
        Self { which: Which::Nobody, process_limit: 4 << 30, total_limit: TOTAL }
    }
}

impl Source for ProcessMemory {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        if !host.live {
            return Ok(Outcome::because(Status::Absent, "only the processes of a live host have memory"));
        }
        let listed = match host.proc.pids() {
            Ok(pids) => pids,
            Err(error) => return Ok(failure::outcome(&error)),
        };
        let chosen = select::choose(&self.which, &listed, host, evidence)?;
        let total = u64::try_from(chosen.len()).unwrap_or(u64::MAX);
        let (process_limit, left) = (self.process_limit, self.total_limit);
        let mut dumper = Dumper { host, spare: host.spare_thread(), process_limit, left };
        let mut ended = Vec::new();
        for (done, one) in (1_u64..).zip(&chosen) {
            evidence.check()?;
            ended.push(dumper.process(one, evidence)?);
            evidence.progress(done, total);
        }
        Ok(self.outcome(&ended, dumper.left, evidence))
    }
}

impl ProcessMemory {
    /// Gaps make of `ok` what it is; what is left to tell is where nothing at all could be had.
    fn outcome(&self, ended: &[Ended], left: u64, evidence: &mut dyn Evidence) -> Outcome {
        let count = |wanted: Ended| ended.iter().filter(|one| **one == wanted).count();
        if left == 0 && count(Ended::Skipped) > 0 {
            let reason =
                format!("the limit of {} bytes for all processes is spent; the table says which were left out", self.total_limit);
            evidence.gap(Gap::whole(b"/proc/*/mem", reason));
        }
        let any = count(Ended::Ok) + count(Ended::Partial) > 0;
        match (any, count(Ended::Denied), count(Ended::Failed)) {
            (true, ..) | (_, 0, 0) if !self.is_all_gone(ended) => Outcome::ok(),
            (_, 0, 0) => {
                Outcome::because(Status::Absent, "none of the processes that were named is there, or has memory of its own")
            }
            (_, denied, 0) => Outcome::because(
                Status::Denied,
                format!("the kernel did not let us read the memory of any of {denied} processes"),
            ),
            _ => Outcome::because(Status::Failed, "the memory of no process could be read; the table says why"),
        }
    }

    fn is_all_gone(&self, ended: &[Ended]) -> bool {
        matches!(self.which, Which::Pids(_)) && ended.iter().all(|one| matches!(one, Ended::Vanished | Ended::None))
    }
}
