//! Physical memory: which ways lead to it on this host, and an image of it by the first that works.
//!
//! ```text
//! ladder → attempt: readers (kcore, crash, mem) or LiME's pipe → chunk → image → evidence; then quality
//! ```
//!
//! **Invariant:** nothing is staged anywhere, memory use does not grow with what is read, and no image is called whole that is
//! empty, short or nothing but zeros.

mod attempt;
#[cfg(any(test, feature = "test-util"))]
mod bare;
mod chunk;
mod facts;
#[cfg(test)]
mod fake;
mod given;
#[cfg(any(test, feature = "test-util"))]
pub mod hostile;
mod image;
mod iomem;
mod ladder;
mod lime;
mod physical;
mod quality;
mod readers;
mod running;
#[cfg(test)]
mod tests;

use std::time::Duration;

#[cfg(any(test, feature = "test-util"))]
pub use bare::{drain_bare, read_bare};
pub use given::{AskedStore, GivenModule, Offer};
pub use ladder::Method;
pub use lime::module::ModuleInfo;
pub use running::Kernel;

use self::attempt::{Attempt, Tried};
use self::facts::Facts;
use self::ladder::{Rung, Verdict};
use self::quality::Quality;
use super::keep::Keeper;
use super::{Evidence, Member, Source, Stop};
use crate::host::Host;
use crate::model::{Artefact, Category, Outcome, PhysRange, Profile, Row, Status, escape};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "memory",
    category: Category::Memory,
    profile: Profile::Volatile,
    budget: Duration::from_secs(4 * 60 * 60),
    budget_bytes: None,
    source: "LiME's kernel module, /proc/kcore, /dev/crash, /dev/mem, /proc/iomem",
    about: "An image of physical memory in LiME format, where each piece of it stands, what it is worth, every reason against each way to it; in profile volatile only with --memory.",
    tables: &["memory_sources", "memory_ranges", "memory_facts", "memory_captures", "extents"],
};

/// The names that images may have: that of the method, as the first folder below `data/memory`.
pub const IMAGES: [&str; 4] = ["lime", "kcore", "crash", "mem"];

/// Reads physical memory.
#[derive(Debug, Clone, Default)]
pub struct MemorySource {
    /// Which methods are considered.
    pub method: Method,
    /// The LiME module that may be loaded.
    pub module: Offer,
}

impl Source for MemorySource {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let (facts, rungs) = self.look(host, evidence)?;
        let tried = self.climb(host, evidence, &facts, &rungs)?;
        Ok(if tried.is_empty() { no_way(&rungs) } else { outcome(&tried) })
    }
}

impl MemorySource {
    /// Tries what is available, one after the other, until an image is of use or the run wants no more.
    fn climb(&self, host: &Host, evidence: &mut dyn Evidence, facts: &Facts, rungs: &[Rung]) -> Result<Vec<Tried>, Stop> {
        let mut tried = Vec::new();
        for rung in rungs.iter().filter(|rung| rung.verdict == Verdict::Available) {
            evidence.check()?;
            let may_fill = self.method == Method::Auto && available(rungs, "kcore");
            let attempt = Attempt { host, evidence: &mut *evidence, facts, offer: &self.module, may_fill };
            let one = attempt.run(rung.method)?;
            let of_use = matches!(one.quality, Some(Quality::Ok | Quality::Incomplete));
            tried.push(one);
            if of_use {
                break;
            }
        }
        Ok(tried)
    }

    /// What an image could be had by, without reading memory or loading anything.
    #[must_use]
    pub fn outlook(&self, host: &Host) -> Outcome {
        match self.look(host, &mut super::nowhere::Nowhere) {
            Ok((_, rungs)) if rungs.iter().any(|rung| rung.verdict == Verdict::Available) => {
                let ways = rungs.iter().filter(|rung| rung.verdict == Verdict::Available).map(|rung| rung.method);
                let ways: Vec<&str> = ways.collect();
                Outcome::because(Status::Ok, format!("an image can be had by: {}", ways.join(", ")))
            }
            Ok((_, rungs)) => no_way(&rungs),
            Err(stop) => Outcome::because(Status::Failed, stop.to_string()),
        }
    }

    /// The methods in the order in which they would be tried, and whether nothing speaks against each; and the kernel's lockdown
    /// (escaped text), empty where it says none.
    #[must_use]
    pub fn ways(&self, host: &Host) -> (Vec<(&'static str, bool)>, String) {
        let Ok((facts, rungs)) = self.look(host, &mut super::nowhere::Nowhere) else { return Default::default() };
        let ways = rungs.iter().map(|rung| (rung.method, rung.verdict == Verdict::Available)).collect();
        (ways, escape::bytes(&facts.lockdown))
    }

    /// Writes down all that is known before memory is read.
    fn look(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<(Facts, Vec<Rung>), Stop> {
        let mut row = Row::new(host.clock.now(), "/proc/iomem");
        let facts = facts::read(&mut Keeper { host, evidence }, &mut row, &self.module)?;
        if let Some(index) = self.module.store.as_ref().and_then(|store| store.index.as_deref()) {
            evidence.raw(&Member::pseudo(b"/.hozen/modules.json"), index)?;
        }
        evidence.row("memory_facts", &row)?;
        for range in &facts.iomem.ram {
            evidence.row("memory_ranges", &range_row(host, *range))?;
        }
        let rungs = ladder::rungs(&facts, self.method);
        for (rank, rung) in (0_i64..).zip(&rungs) {
            let mut row = rung_row(host, rank, rung);
            if rung.method == "lime" {
                self.module.describe(&mut row);
            }
            evidence.row("memory_sources", &row)?;
        }
        Ok((facts, rungs))
    }
}

fn available(rungs: &[Rung], method: &str) -> bool {
    rungs.iter().any(|rung| rung.method == method && rung.verdict == Verdict::Available)
}

fn range_row(host: &Host, range: PhysRange) -> Row {
    let mut row = Row::new(host.clock.now(), "/proc/iomem");
    row.hex("start", range.start()).hex("end", range.end()).int("length", range.length());
    row
}

fn rung_row(host: &Host, rank: i64, rung: &Rung) -> Row {
    let mut row = Row::new(host.clock.now(), rung.method);
    row.text("method", rung.method).int("rank", rank).flag("available", rung.verdict == Verdict::Available);
    row.text("verdict", rung.verdict.word()).json("reasons", &rung.reasons).text("reason", &rung.reasons.join("; "));
    row
}

/// What is left where no image can be had.
const INSTEAD: &str = "the memory of single processes needs none of these ways: --process-memory";

/// Absent where nothing leads to memory, denied where something would and we may not.
fn no_way(rungs: &[Rung]) -> Outcome {
    let denied = rungs.iter().any(|rung| rung.verdict == Verdict::Denied);
    let considered = rungs.iter().filter(|rung| rung.verdict != Verdict::NotConsidered);
    let reasons = considered.flat_map(|rung| rung.reasons.iter().map(|why| format!("{}: {why}", rung.method)));
    Outcome {
        status: if denied { Status::Denied } else { Status::Absent },
        reasons: reasons.chain([INSTEAD.to_owned()]).collect(),
    }
}

/// The best image decides; without one of use, all that was tried and why it came to nothing.
fn outcome(tried: &[Tried]) -> Outcome {
    let best = tried.iter().filter(|one| one.quality.is_some()).min_by_key(|one| one.quality);
    let reasons = |one: &Tried| {
        let word = one.quality.map_or("refused", Quality::word);
        one.reasons.iter().map(|why| format!("{} ({word}): {why}", one.method)).collect::<Vec<_>>()
    };
    match best.and_then(|one| Some((one, one.quality?))) {
        Some((_, Quality::Ok)) => Outcome::ok(),
        Some((one, Quality::Incomplete)) => Outcome { status: Status::Partial, reasons: reasons(one) },
        _ => {
            let status = if tried.iter().all(|one| one.denied) { Status::Denied } else { Status::Failed };
            Outcome { status, reasons: tried.iter().flat_map(reasons).collect() }
        }
    }
}
