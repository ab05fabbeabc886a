//! Physical memory: which way leads to it on this host. This version looks for the way and does not walk it.
//!
//! **Invariant:** no memory is read here; `/proc/kcore`, `/dev/mem` and `/dev/crash` are not even opened.

mod facts;
mod iomem;
mod ladder;

use std::time::Duration;

pub use ladder::Method;

use self::ladder::{Rung, Verdict};
use super::keep::Keeper;
use super::{Evidence, Source, Stop};
use crate::host::Host;
use crate::model::{Artefact, Category, Outcome, PhysRange, Profile, Row, Status};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "memory",
    category: Category::Memory,
    profile: Profile::Volatile,
    budget: Duration::from_secs(30),
    about: "Ways to read physical memory, every reason against each, and where memory lies.",
    tables: &["memory_sources", "memory_ranges", "memory_facts"],
};

/// Looks for a way to read physical memory.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemorySource {
    /// Which methods are considered.
    pub method: Method,
}

impl Source for MemorySource {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let mut row = Row::new(host.clock.now(), "/proc/iomem");
        let facts = facts::read(&mut Keeper { host, evidence }, &mut row)?;
        evidence.row("memory_facts", &row)?;
        for range in &facts.iomem.ram {
            evidence.row("memory_ranges", &range_row(host, *range))?;
        }
        let rungs = ladder::rungs(&facts, self.method);
        for (rank, rung) in (0_i64..).zip(&rungs) {
            evidence.row("memory_sources", &rung_row(host, rank, rung))?;
        }
        Ok(outcome(&rungs))
    }
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

/// Absent where nothing leads to memory, denied where something would and we may not.
fn outcome(rungs: &[Rung]) -> Outcome {
    let with = |verdict: Verdict| rungs.iter().filter(move |rung| rung.verdict == verdict);
    let allowed: Vec<&str> = with(Verdict::Available).map(|rung| rung.method).collect();
    if !allowed.is_empty() {
        let reason = format!("this version does not read memory yet; the host would allow: {}", allowed.join(", "));
        return Outcome::because(Status::Failed, reason);
    }
    let status = if with(Verdict::Denied).next().is_some() { Status::Denied } else { Status::Absent };
    let considered = rungs.iter().filter(|rung| rung.verdict != Verdict::NotConsidered);
    Outcome {
        status,
        reasons: considered.flat_map(|rung| rung.reasons.iter().map(|why| format!("{}: {why}", rung.method))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::recorded::Recorded;

    #[test]
    fn this_machines_ways_are_rows_with_reasons() {
        let mut evidence = Recorded::default();
        let host = Host::live().unwrap();
        let outcome = MemorySource::default().acquire(&host, &mut evidence).unwrap();
        assert_ne!(outcome.status, Status::Ok);
        assert!(!outcome.reasons.is_empty());
        assert_eq!(evidence.rows("memory_sources").len(), 4);
        let ram = evidence.rows("memory_facts")[0]["ram_bytes"].as_u64().unwrap_or(0);
        let lengths: u64 = evidence.rows("memory_ranges").iter().map(|row| row["length"].as_u64().unwrap()).sum();
        assert_eq!(ram, lengths);
        assert!(evidence.member("/proc/iomem").is_some());
        assert!(evidence.members.iter().all(|(path, ..)| !path.starts_with(b"/dev") && path != b"/proc/kcore"));
    }

    fn fixture(files: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("proc")).unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let host = Host::fixture(dir.path()).unwrap();
        (dir, host)
    }

    #[test]
    fn a_host_that_allows_kcore_fails_because_we_cannot_yet() {
        let status = "Name:\tx\nCapEff:\t000001ffffffffff\n";
        let (_dir, host) = fixture(&[("proc/self/status", status), ("proc/kcore", ""), ("proc/modules", "")]);
        let mut evidence = Recorded::default();
        let outcome = MemorySource::default().acquire(&host, &mut evidence).unwrap();
        assert_eq!(outcome.status, Status::Failed);
        assert!(outcome.reasons[0].ends_with("would allow: kcore"), "{outcome:?}");
        let only_lime = MemorySource { method: Method::Lime }.acquire(&host, &mut evidence).unwrap();
        assert_eq!((only_lime.status, only_lime.reasons.len()), (Status::Absent, 1));
    }

    #[test]
    fn missing_privileges_are_a_denial_and_zeros_a_gap() {
        let iomem = "00000000-00000000 : System RAM\n";
        let (_dir, host) = fixture(&[("proc/self/status", "CapEff:\t0\n"), ("proc/kcore", ""), ("proc/iomem", iomem)]);
        let mut evidence = Recorded::default();
        assert_eq!(MemorySource::default().acquire(&host, &mut evidence).unwrap().status, Status::Denied);
        assert_eq!(evidence.gaps[0].source, "/proc/iomem");
        assert!(evidence.rows("memory_ranges").is_empty());
    }
}
