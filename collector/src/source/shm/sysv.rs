//! System V shared memory segments: `/proc/sysvipc/shm` (proc_sysvipc(5)), of the IPC namespace that we run in.

use crate::host::{Host, read};
use crate::model::{Gap, Row};
use crate::source::{Evidence, Member, Stop, failure};

/// Bits that `perms` holds above the nine of the permissions (linux/shm.h).
const DEST: u64 = 0o1000;
const LOCKED: u64 = 0o2000;

/// The kernel's columns, in its order; kernels before 2.6.37 lack the last two.
const NAMES: [&str; 16] = [
    "key", "shmid", "perms", "size", "cpid", "lpid", "nattch", "uid", "gid", "cuid", "cgid", "atime", "dtime", "ctime", "rss",
    "swap",
];

/// One segment: the kernel's numbers, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Segment {
    perms: u64,
    values: Vec<i128>,
}

/// Reads the list. Returns whether the kernel has one.
pub(super) fn acquire(host: &Host, evidence: &mut dyn Evidence) -> Result<bool, Stop> {
    const PATH: &str = "/proc/sysvipc/shm";
    let list = match host.proc.file("sysvipc/shm", read::SMALL) {
        Ok(list) => list,
        Err(error) if error.is_gone() => return Ok(false),
        Err(error) => {
            let mut row = Row::new(host.clock.now(), PATH);
            failure::note(&mut row, evidence, "shm", &error);
            evidence.row("shared_memory", &row)?;
            return Ok(true);
        }
    };
    evidence.raw(&Member::pseudo(PATH.as_bytes()), &list.bytes)?;
    let (segments, unparsed) = parse(&list.bytes);
    if list.truncated || unparsed > 0 {
        evidence.gap(Gap::whole(
            PATH.as_bytes(),
            format!("cut short or not parsed: {unparsed} lines; the archive has what was read"),
        ));
    }
    for segment in segments {
        evidence.check()?;
        let mut row = Row::new(host.clock.now(), PATH);
        columns(&mut row, &segment);
        evidence.row("shared_memory", &row)?;
    }
    Ok(true)
}

/// The segments, sorted by id, and how many lines could not be parsed.
fn parse(list: &[u8]) -> (Vec<Segment>, usize) {
    let mut segments = Vec::new();
    let mut bad = 0;
    for line in list.split(|b| *b == b'\n').skip(1).filter(|line| !line.is_empty()) {
        match parse_line(line) {
            Some(segment) => segments.push(segment),
            None => bad += 1,
        }
    }
    segments.sort_by_key(|segment| segment.values.get(1).copied());
    (segments, bad)
}

fn parse_line(line: &[u8]) -> Option<Segment> {
    let fields: Vec<&str> = std::str::from_utf8(line).ok()?.split_ascii_whitespace().collect();
    let perms = u64::from_str_radix(fields.get(2)?, 8).ok()?;
    // Numbers fit in 64 bits, signed or not; `perms` is the only octal one.
    let value = |field: &&str| field.parse::<i64>().map(i128::from).or_else(|_| field.parse::<u64>().map(i128::from)).ok();
    let values: Option<Vec<i128>> = fields.iter().map(value).collect();
    values.filter(|values| values.len() >= NAMES.len() - 2).map(|values| Segment { perms, values })
}

/// osquery's columns, then the kernel's others. `size`, `rss` and `swap` are bytes, times seconds since the Unix epoch.
fn columns(row: &mut Row, segment: &Segment) {
    let value = |name: &str| NAMES.iter().zip(&segment.values).find(|(known, _)| **known == name).map(|(_, value)| *value);
    let mut copy = |column: &str, name: &str| {
        if let Some(value) = value(name) {
            row.int(column, value);
        }
    };
    copy("shmid", "shmid");
    copy("owner_uid", "uid");
    copy("creator_uid", "cuid");
    copy("pid", "lpid");
    copy("creator_pid", "cpid");
    for same in ["atime", "dtime", "ctime", "size"] {
        copy(same, same);
    }
    copy("attached", "nattch");
    for same in ["key", "gid", "cgid", "rss", "swap"] {
        copy(same, same);
    }
    row.text("permissions", &format!("{:04o}", segment.perms & 0o777));
    row.text("segment_status", if segment.perms & DEST != 0 { "dest" } else { "" });
    row.flag("locked", segment.perms & LOCKED != 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::recorded::Recorded;

    const HEAD: &str =
        "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime\n";

    fn rows(list: &str) -> Recorded {
        let tree = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(tree.path().join("proc/sysvipc")).unwrap();
        std::fs::write(tree.path().join("proc/sysvipc/shm"), list).unwrap();
        let mut evidence = Recorded::default();
        assert_eq!(acquire(&Host::fixture(tree.path()).unwrap(), &mut evidence), Ok(true));
        evidence
    }

    #[test]
    fn segments_have_osquerys_columns() {
        let evidence = rows(&format!(
            "{HEAD}1234 9 3640 18446744073709551615 11 12 2 1000 1001 0 0 5 0 7 4096 0\n-559038737 2 600 1 1 1 0 0 0 0 0 0 0 0\n"
        ));
        let rows = evidence.rows("shared_memory");
        assert_eq!((&rows[0]["shmid"], &rows[0]["key"], &rows[0]["attached"]), (&2.into(), &(-559_038_737).into(), &0.into()));
        let full = &rows[1];
        assert_eq!((&full["pid"], &full["creator_pid"], &full["owner_uid"]), (&12.into(), &11.into(), &1000.into()));
        assert_eq!((&full["permissions"], &full["segment_status"], &full["locked"]), (&"0640".into(), &"dest".into(), &1.into()));
        assert_eq!((&full["size"], &full["rss"]), (&u64::MAX.into(), &4096.into()));
        assert!(evidence.gaps.is_empty());
    }

    #[test]
    fn hostile_lines_are_a_gap() {
        let evidence = rows(&format!(
            "{HEAD}x\n1 2 9 4 5 6 7 8 9 10 11 12 13 14\n1 2 600 99999999999999999999999 5 6 7 8 9 10 11 12 13 14\n"
        ));
        assert!(evidence.rows("shared_memory").is_empty());
        assert!(evidence.gaps[0].reason.contains("3 lines"));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_parsed(list: Vec<u8>) {
            let (segments, bad) = parse(&list);
            assert!(segments.len() + bad <= list.len());
        }
    }
}
