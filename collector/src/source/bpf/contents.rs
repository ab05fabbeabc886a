//! What is in maps: a program's constants and variables (whom it hides, where it reports to) are maps too.
//!
//! Read are only types whose reading changes nothing (kernel/bpf, Documentation/bpf/map_*.rst). Not queues and stacks (a look is harmless,
//! but there are no keys), ring buffers (whoever reads takes), maps of the least recently used (before Linux 5.2 a look counts as
//! use), stack traces (a look takes the trace out for a moment), and local storage, whose keys are descriptors.

use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::symbols::hex;
use crate::host::Host;
use crate::host::bpf::{BpfEntries, BpfKind, BpfObject, Info};
use crate::model::{Digest, Gap, Row};
use crate::source::{Evidence, Member, Stop};

/// `enum bpf_map_type`: hash, array, program array, hash and array for each processor, longest prefix, arrays and hashes of maps, devices
/// by number, processors, devices by key.
const READ: [u32; 11] = [1, 2, 3, 5, 6, 11, 12, 13, 14, 16, 25];
/// Those of them of which each processor has a value of its own.
const OF_PROCESSORS: [u32; 2] = [5, 6];
/// Those that have every index from the beginning, with zeros.
const ARRAYS: [u32; 4] = [2, 3, 6, 12];

/// The most that is kept of one map and of all, and the most entries that are looked at.
const MOST_OF_ONE: usize = 1 << 20;
const MOST_OF_ALL: usize = 64 << 20;
const MOST_ENTRIES: usize = 100_000;
/// The longest that one map may take.
const LONGEST: Duration = Duration::from_secs(5);
/// The longest key or value that stands in a row.
const IN_ROW: usize = 1024;

/// How much has been kept so far.
#[derive(Debug, Default)]
pub(super) struct Kept(usize);

/// What was read of one map.
#[derive(Debug, Default)]
struct Contents {
    bytes: Vec<u8>,
    entries: usize,
    zeros: usize,
    /// Why not all of it was read.
    cut: Option<String>,
}

/// Reads map `id`, keeps its entries, and says in its row what came of it.
pub(super) fn keep(
    host: &Host,
    id: u32,
    info: &Info,
    kept: &mut Kept,
    row: &mut Row,
    evidence: &mut dyn Evidence,
) -> Result<(), Stop> {
    if !READ.contains(&info.number(0)) {
        row.text("entries_not_read", "a type that has no keys to ask for, or that reading would change");
        return Ok(());
    }
    let processors = OF_PROCESSORS.contains(&info.number(0)).then(|| processors(host));
    let contents = match BpfObject::open(BpfKind::Map, id) {
        Ok(map) if kept.0 < MOST_OF_ALL => match BpfEntries::of(&map, processors) {
            Ok(entries) => read(host, id, info, entries, evidence)?,
            Err(errno) => Contents { cut: Some(errno.to_string()), ..Contents::default() },
        },
        Ok(_) => Contents { cut: Some("the limit of all maps together is spent".to_owned()), ..Contents::default() },
        Err(Errno::ENOENT) => return Ok(()),
        Err(errno) => Contents { cut: Some(errno.to_string()), ..Contents::default() },
    };
    kept.0 = kept.0.saturating_add(contents.bytes.len());
    let path = format!("/.hozen/bpf/maps-{id}.entries");
    evidence.raw(&Member::pseudo(path.as_bytes()), &contents.bytes)?;
    for (column, value) in
        [("entries", contents.entries), ("entries_of_zeros", contents.zeros), ("entries_bytes", contents.bytes.len())]
    {
        row.int(column, i64::try_from(value).unwrap_or(i64::MAX));
    }
    row.text("entries_sha256", &Digest::of(&contents.bytes).to_string());
    if let Some(reason) = contents.cut {
        evidence.gap(Gap::whole(path.as_bytes(), reason.clone()));
        row.error("entries", reason);
    }
    Ok(())
}

fn read(host: &Host, id: u32, info: &Info, mut entries: BpfEntries<'_>, evidence: &mut dyn Evidence) -> Result<Contents, Stop> {
    let mut out = Contents::default();
    // Where a key was removed the kernel begins anew, so there may be more than there are.
    let most = usize::try_from(info.number(16)).unwrap_or(usize::MAX).min(MOST_ENTRIES);
    let (until, mut looked) = (Instant::now() + LONGEST, 0_usize);
    loop {
        evidence.check()?;
        let entry = match entries.step() {
            Ok(None) => return Ok(out),
            Ok(Some(entry)) => entry,
            Err(errno) => {
                out.cut = Some(errno.to_string());
                return Ok(out);
            }
        };
        looked += 1;
        if looked > most || out.bytes.len() > MOST_OF_ONE || Instant::now() > until {
            out.cut = Some(format!("more than is read of one map; {} entries were", out.entries));
            return Ok(out);
        }
        let (key, Some(value)) = entry else { continue };
        if ARRAYS.contains(&info.number(0)) && value.iter().all(|byte| *byte == 0) {
            out.zeros += 1;
            continue;
        }
        out.entries += 1;
        out.bytes.extend_from_slice(&key);
        out.bytes.extend_from_slice(&value);
        evidence.row("bpf_map_entries", &entry_row(host, id, info, &key, &value))?;
    }
}

fn entry_row(host: &Host, id: u32, info: &Info, key: &[u8], value: &[u8]) -> Row {
    let mut row = Row::new(host.clock.now(), "bpf(2)");
    row.int("map_id", id).bytes("map_name", info.name(24));
    for (column, bytes) in [("key", key), ("value", value)] {
        row.bytes(column, &hex(bytes.get(..IN_ROW).unwrap_or(bytes)));
    }
    row.int("value_bytes", i64::try_from(value.len()).unwrap_or(i64::MAX));
    row
}

/// How many processors there may be (`possible`): of each a map has a value.
fn processors(host: &Host) -> usize {
    let text = host.sys.file("devices/system/cpu/possible", 4096).map(|text| text.bytes).unwrap_or_default();
    last(&text).map_or(1, |last| last + 1)
}

/// The last number of a list such as `0-3,8-11`.
fn last(text: &[u8]) -> Option<usize> {
    let last = text.trim_ascii().rsplit(|byte| matches!(byte, b'-' | b',')).next()?;
    std::str::from_utf8(last).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::sys::bpf_for_tests;
    use crate::source::recorded::Recorded;
    use crate::testing::{BPF, skip};

    #[test]
    fn what_is_in_a_map_is_read_and_stays() {
        let map = match bpf_for_tests::array(&[(1, *b"evil\0\0\0\0"), (3, *b"10.0.0.7")]) {
            Ok(map) => map,
            Err(errno) => return skip(BPF, errno),
        };
        let mut evidence = Recorded::default();
        super::super::Bpf.acquire(&Host::live().unwrap(), &mut evidence).unwrap();
        let rows = evidence.rows("bpf_maps");
        let row = rows.iter().find(|row| row["name"] == "hozen_map").unwrap();
        assert_eq!((&row["entries"], &row["entries_of_zeros"], &row["entries_bytes"]), (&2.into(), &6.into(), &24.into()));
        let entries: Vec<_> = evidence.rows("bpf_map_entries").iter().filter(|entry| entry["map_id"] == row["id"]).collect();
        assert_eq!((&entries[0]["key"], &entries[0]["value"]), (&"01000000".into(), &"6576696c00000000".into()));
        let member = evidence.member(&format!("/.hozen/bpf/maps-{}.entries", row["id"])).unwrap();
        assert_eq!(member, b"\x01\0\0\0evil\0\0\0\0\x03\0\0\x0010.0.0.7");
        drop(map);
    }

    #[test]
    fn lists_of_processors() {
        assert_eq!((last(b"0-3,8-11\n"), last(b"0\n"), last(b"x")), (Some(11), Some(0), None));
    }

    #[test]
    fn a_type_that_reading_would_change_is_left_alone() {
        let mut info = Info { bytes: vec![0; 320], parts: Vec::new() };
        // A ring buffer.
        info.bytes[0] = 27;
        let mut row = Row::new(crate::model::Timestamp::from_seconds(0), "x");
        keep(&Host::live().unwrap(), u32::MAX, &info, &mut Kept::default(), &mut row, &mut Recorded::default()).unwrap();
        assert!(row.columns().contains_key("entries_not_read"));
    }

    use crate::source::Source as _;
}
