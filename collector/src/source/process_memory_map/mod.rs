//! The memory map of each process: what is mapped where, from which file.

pub(super) mod parse;

use std::sync::Arc;
use std::time::Duration;

use self::parse::Mapping;
use super::each_process::each_process;
use super::{Evidence, Member, Source, Stop, failure};
use crate::host::read::Bytes;
use crate::host::{Host, Process, ReadError, SpareThread};
use crate::model::{Artefact, Category, Gap, Outcome, Profile, Row};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "process_memory_map",
    category: Category::Process,
    profile: Profile::Volatile,
    budget: Duration::from_secs(120),
    budget_bytes: None,
    source: "/proc/PID/maps, in profile full /proc/PID/smaps",
    about: "memory mappings of every process, with their files, permissions and deleted files",
    tables: &["process_memory_map"],
};

/// `maps` takes the process's `mmap_lock`, which another thread may hold for ever.
const MAPS_LIMIT: Duration = Duration::from_secs(2);
/// `smaps` walks every page table of the process as well: about a second for each 100 GiB in small pages.
const SMAPS_LIMIT: Duration = Duration::from_secs(10);
/// The most that is read of one process's map: 600,000 mappings, ten times the kernel's default limit.
const MOST: usize = 64 << 20;

/// Reads the memory map of each process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessMemoryMap {
    /// Whether `smaps` is read instead of `maps`: the same and the numbers of pages, at ten times the price.
    pub smaps: bool,
}

impl Source for ProcessMemoryMap {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let mut spare = host.spare_thread();
        let file = if self.smaps { "smaps" } else { "maps" };
        each_process(host, evidence, |process, evidence| match read(process, file, &mut spare) {
            Ok(map) => keep(host, process, file, &map, evidence),
            Err(error) if error.is_gone() => Ok(()),
            Err(error) => {
                let row = failure::row(host, process, file, evidence, &error);
                evidence.row("process_memory_map", &row)
            }
        })
    }
}

/// Reads `maps` or `smaps` of `process` without waiting for ever.
pub(super) fn read(process: &Arc<Process>, file: &'static str, spare: &mut SpareThread) -> Result<Bytes, ReadError> {
    let owned = Arc::clone(process);
    let limit = if file == "maps" { MAPS_LIMIT } else { SMAPS_LIMIT };
    spare.read(limit, process.path(file).as_bytes(), move || owned.file(file, MOST))
}

fn keep(host: &Host, process: &Process, file: &'static str, map: &Bytes, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    let path = process.path(file);
    evidence.raw(&Member::pseudo(path.as_bytes()), &map.bytes)?;
    if map.truncated {
        let read = u64::try_from(map.bytes.len()).unwrap_or(u64::MAX);
        evidence.gap(Gap::from(path.as_bytes(), read, None, "longer than what is read of one memory map"));
    }
    let (mappings, unparsed) = parse::mappings(&map.bytes);
    // The last line of a truncated map is cut anywhere; the gap says so already.
    if unparsed > 0 && !map.truncated {
        evidence.gap(Gap::whole(path.as_bytes(), format!("{unparsed} lines could not be parsed; the archive has them")));
    }
    for mapping in mappings {
        evidence.check()?;
        let mut row = Row::new(host.clock.now(), path.as_str());
        columns(row.int("pid", process.pid), &mapping);
        if map.truncated {
            row.error(file, "truncated");
        }
        evidence.row("process_memory_map", &row)?;
    }
    Ok(())
}

fn columns(row: &mut Row, mapping: &Mapping<'_>) {
    row.hex("start", mapping.start).hex("end", mapping.end).bytes("permissions", mapping.permissions);
    row.int("offset", mapping.offset).bytes("device", mapping.device).int("inode", mapping.inode);
    row.bytes("path", mapping.path).flag("pseudo", mapping.inode == 0 && !mapping.path.is_empty());
    row.flag("deleted", mapping.is_deleted());
    for (name, kilobytes) in &mapping.numbers {
        row.int(&format!("{name}_kb"), *kilobytes);
    }
    if let Some(flags) = mapping.flags {
        row.bytes("vm_flags", flags);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::recorded::Recorded;

    fn rows_of(evidence: &Recorded, pid: u32) -> Vec<&serde_json::Value> {
        evidence.rows("process_memory_map").iter().filter(|row| row["pid"] == pid).collect()
    }

    #[test]
    fn a_hostile_map_is_kept_and_told_about() {
        let tree = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(tree.path().join("proc/7")).unwrap();
        let maps = b"7f0-7f1 r-xp 1000 fd:01 9 /a\xff\x1b[31m (deleted)\nnonsense\n";
        std::fs::write(tree.path().join("proc/7/maps"), maps).unwrap();
        let mut evidence = Recorded::default();
        let host = Host::fixture(tree.path()).unwrap();
        assert_eq!(ProcessMemoryMap::default().acquire(&host, &mut evidence), Ok(Outcome::ok()));
        let row = rows_of(&evidence, 7)[0];
        assert_eq!((&row["start"], &row["offset"], &row["deleted"]), (&"0x7f0".into(), &4096.into(), &1.into()));
        assert!(row.get("path").is_none() && row["path_b64"].is_string());
        assert_eq!(evidence.member("/proc/7/maps"), Some(&maps[..]));
        assert!(evidence.gaps[0].reason.starts_with("1 lines"));
    }

    #[test]
    fn this_process_has_a_heap_and_numbers() {
        let host = Host::live().unwrap();
        for smaps in [false, true] {
            let mut evidence = Recorded::default();
            assert_eq!(ProcessMemoryMap { smaps }.acquire(&host, &mut evidence), Ok(Outcome::ok()));
            let rows = rows_of(&evidence, std::process::id());
            let heap = rows.iter().find(|row| row["path"] == "[heap]").unwrap();
            assert_eq!(heap["pseudo"], 1);
            assert_eq!(heap["rss_kb"].is_u64() && heap["vm_flags"].is_string(), smaps);
            assert!(rows.iter().any(|row| row["inode"].as_u64() > Some(0) && row["permissions"] == "r-xp"));
            assert!(rows_of(&evidence, 2).is_empty(), "kernel threads have no memory of their own");
        }
    }
}
