//! `/proc/iomem`: what lies where in the physical address space (proc_iomem(5)).

use crate::model::PhysRange;
use crate::model::range;
use crate::source::text;

/// The name of memory that the kernel manages.
const RAM: &[u8] = b"System RAM";

/// The map of physical addresses, as far as it concerns memory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Iomem {
    /// Memory that the kernel manages, ascending.
    pub ram: Vec<PhysRange>,
    /// Entries in all.
    pub entries: usize,
    /// Whether every address is zero: that is what a process without `CAP_SYS_ADMIN` is shown.
    pub hidden: bool,
    /// Lines that are not of the form `start-end : name`, and memory that ends before it begins.
    pub bad: usize,
}

/// Parses it. Ends are inclusive in the file. Memory counts at any depth, because memory that was added while running lies
/// below the device that holds it.
pub(super) fn parse(text: &[u8]) -> Iomem {
    let mut out = Iomem::default();
    let mut highest = 0;
    let mut ram = Vec::new();
    for line in text::lines(text) {
        let Some((first, last, name)) = entry(line) else {
            out.bad += 1;
            continue;
        };
        out.entries += 1;
        highest = highest.max(first).max(last);
        if name.starts_with(RAM) {
            let range = PhysRange::from_inclusive(first, last);
            out.bad += usize::from(range.is_none());
            ram.extend(range);
        }
    }
    out.hidden = out.entries > 0 && highest == 0;
    if !out.hidden {
        out.ram = range::merge(ram);
    }
    out
}

fn entry(line: &[u8]) -> Option<(u64, u64, &[u8])> {
    let line = line.trim_ascii_start();
    let separator = line.windows(3).position(|three| three == b" : ")?;
    let (addresses, name) = line.split_at(separator);
    let mut ends = addresses.splitn(2, |b| *b == b'-');
    Some((text::hexadecimal(ends.next()?)?, text::hexadecimal(ends.next()?)?, name.get(3..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn inclusive_ends_become_half_open_at_any_depth() {
        let map = parse(
            b"00000000-00000fff : Reserved\n00001000-0009fbff : System RAM\n100000000-1ffffffff : Persistent Memory\n  \
            140000000-17fffffff : System RAM (kmem)\n  broken\n",
        );
        assert_eq!(map.ram, [PhysRange::new(0x1000, 0x9_fc00).unwrap(), PhysRange::new(0x1_4000_0000, 0x1_8000_0000).unwrap()]);
        assert_eq!((map.entries, map.bad, map.hidden), (4, 1, false));
    }

    #[test]
    fn memory_that_ends_before_it_begins_is_no_range_and_no_silence() {
        let map = parse(b"00001000-00001fff : System RAM\n00500000-00400000 : System RAM\n");
        assert_eq!((map.ram, map.bad), (vec![PhysRange::new(0x1000, 0x2000).unwrap()], 1));
    }

    #[test]
    fn zeros_are_not_a_map() {
        let map = parse(b"00000000-00000000 : Reserved\n00000000-00000000 : System RAM\n");
        assert!(map.hidden && map.ram.is_empty());
        assert!(!parse(b"").hidden);
    }

    proptest! {
        #[test]
        fn any_bytes_parse(bytes: Vec<u8>) {
            parse(&bytes);
        }

        #[test]
        fn any_lines_parse(text in "([ 0-9a-f]{0,20}-[0-9a-f]{0,20} : (System RAM|\\PC{0,5})\n){0,9}") {
            parse(text.as_bytes());
        }
    }
}
