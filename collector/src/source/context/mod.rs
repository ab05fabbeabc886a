//! What machine this is, what its clocks say, and what we may see of it: the frame of every other artefact.

mod clocks;
mod kernel;
mod machine;
mod numbers;
mod os;
mod privileges;

use std::time::Duration;

pub(super) use kernel::chosen;
pub(super) use os::parse as os_release;
pub(super) use privileges::field;

use super::keep::Keeper;
use super::{Evidence, Source, Stop};
use crate::host::Host;
use crate::model::{Artefact, Category, Outcome, Profile};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "context",
    category: Category::System,
    profile: Profile::Volatile,
    budget: Duration::from_secs(10),
    budget_bytes: None,
    source: "/proc, /sys, uname(2), clock_gettime(2), adjtimex(2), /etc/os-release",
    about: "Clocks, kernel, operating system, machine, security settings and our own privileges.",
    tables: &["clocks", "kernel_info", "os_version", "system_info", "uptime", "privileges", "kernel_security", "memory_info"],
};

/// Reads clocks first, because everything else is told by them.
#[derive(Debug, Clone, Copy, Default)]
pub struct ContextSource;

impl Source for ContextSource {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let parts =
            [clocks::acquire, kernel::info, kernel::security, os::acquire, machine::system, machine::uptime, privileges::acquire];
        let mut keeper = Keeper { host, evidence };
        for (done, part) in (1..).zip(parts) {
            part(&mut keeper)?;
            keeper.evidence.progress(done, 7);
        }
        Ok(Outcome::ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::recorded::Recorded;

    #[test]
    fn this_machine_fills_every_table_with_one_row() {
        let mut evidence = Recorded::default();
        let host = Host::live().unwrap();
        assert_eq!(ContextSource.acquire(&host, &mut evidence), Ok(Outcome::ok()));
        for table in ARTEFACT.tables {
            assert_eq!(evidence.rows(table).len(), 1, "{table}");
        }
        assert_eq!(evidence.rows("kernel_info")[0]["version"], host.identity.facts.kernel.as_str());
        assert!(evidence.rows("clocks")[0]["tai_ns"].as_u64().unwrap() > 0);
        assert!(evidence.rows("uptime")[0]["total_seconds"].as_u64().unwrap() > 0);
        assert!(evidence.rows("memory_info")[0]["memory_total"].as_u64().unwrap() > 1 << 20);
        assert!(evidence.member("/proc/version").is_some() && evidence.member("/proc/meminfo").is_some());
        // Even root in a box may not look at the namespaces of process 1; others may not look at more.
        let expected =
            |gap: &crate::model::Gap| gap.source == "/proc/1/ns" || gap.reason.contains("EACCES") || gap.reason.contains("EPERM");
        assert!(evidence.gaps.iter().all(expected), "{:?}", evidence.gaps);
    }

    #[test]
    fn an_empty_fixture_gives_rows_without_values_and_asks_no_kernel() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("proc")).unwrap();
        let mut evidence = Recorded::default();
        assert_eq!(ContextSource.acquire(&Host::fixture(dir.path()).unwrap(), &mut evidence), Ok(Outcome::ok()));
        assert_eq!(evidence.rows("clocks").len(), 1);
        assert!(evidence.rows("clocks")[0].get("realtime").is_none());
        assert!(evidence.members.is_empty() && evidence.gaps.is_empty());
    }

    #[test]
    fn a_stop_is_passed_on() {
        let mut evidence = Recorded { stop: Some(Stop::OutOfTime), ..Recorded::default() };
        assert_eq!(ContextSource.acquire(&Host::live().unwrap(), &mut evidence), Err(Stop::OutOfTime));
    }
}
