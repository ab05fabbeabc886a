//! Which bytes of `/proc/kcore` are which physical memory.
//!
//! **Invariant:** a piece is only of memory that `/proc/iomem` calls RAM, and only of whole pages; what no program header covers is
//! in no piece.

use std::collections::BTreeSet;

use super::elf::Load;
use crate::model::PhysRange;

/// Physical memory and where it stands in the core file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Piece {
    pub range: PhysRange,
    pub file_offset: u64,
}

/// The pages that lie in `range` as a whole.
pub(in super::super) fn whole_pages(range: PhysRange, page: u64) -> Option<PhysRange> {
    PhysRange::new(range.start().checked_next_multiple_of(page)?, range.end() / page * page)
}

/// The pieces of `ram`, ascending.
///
/// Since Linux 4.11 program headers have physical addresses. RAM and, on some machines, the kernel's own text are both there, at
/// the same addresses; parts without a physical address (vmalloc, modules) carry all ones. Before, all of them are zero, and the
/// direct map must be found: it is where every range of RAM has a header of its length at its distance.
pub(super) fn pieces(ram: &[PhysRange], loads: &[Load], page: u64) -> Result<Vec<Piece>, String> {
    let ram: Vec<PhysRange> = ram.iter().filter_map(|range| whole_pages(*range, page)).collect();
    let mut placed: Vec<(PhysRange, u64)> = if loads.iter().all(|load| load.physical_address == 0) {
        let base = direct_map(&ram, loads)?;
        let place = |load: &Load| place(load, load.virtual_address.checked_sub(base)?);
        loads.iter().filter_map(place).collect()
    } else {
        // All ones, in 64 bits or in 32, is no page's address.
        let placed = loads.iter().filter(|load| load.physical_address % page == 0);
        placed.filter_map(|load| place(load, load.physical_address)).collect()
    };
    placed.sort_unstable_by_key(|(part, _)| part.start());
    let pieces: Vec<Piece> = ram.iter().flat_map(|range| cover(*range, &placed)).collect();
    if pieces.is_empty() { Err("none of its program headers covers any RAM".to_owned()) } else { Ok(pieces) }
}

fn place(load: &Load, physical: u64) -> Option<(PhysRange, u64)> {
    Some((PhysRange::new(physical, physical.checked_add(load.length)?)?, load.file_offset))
}

/// The virtual address of physical address 0, where the headers leave one possibility.
fn direct_map(ram: &[PhysRange], loads: &[Load]) -> Result<u64, String> {
    let known: BTreeSet<(u64, u64)> = loads.iter().map(|load| (load.virtual_address, load.length)).collect();
    let fits = |base: u64| {
        let there = |range: &PhysRange| base.checked_add(range.start()).is_some_and(|at| known.contains(&(at, range.length())));
        ram.iter().all(there)
    };
    let first = ram.first().ok_or_else(|| "there is no RAM to find in it".to_owned())?;
    let mut bases: Vec<u64> = loads.iter().filter_map(|load| load.virtual_address.checked_sub(first.start())).collect();
    bases.sort_unstable();
    bases.dedup();
    bases.retain(|base| fits(*base));
    match bases.as_slice() {
        [base] => Ok(*base),
        found => Err(format!(
            "its program headers have no physical addresses (Linux before 4.11), and the direct map could be at {} places",
            found.len()
        )),
    }
}

/// The pieces of `range`, each as long as one part of the file covers it. `placed` ascends, and is gone through once: a file can have
/// 65,535 parts.
fn cover(range: PhysRange, placed: &[(PhysRange, u64)]) -> Vec<Piece> {
    let (mut pieces, mut at) = (Vec::new(), range.start());
    let mut later = placed.iter().peekable();
    let mut farthest: Option<&(PhysRange, u64)> = None;
    while at < range.end() {
        while let Some(part) = later.next_if(|(part, _)| part.start() <= at) {
            farthest = farthest.filter(|known| known.0.end() > part.0.end()).or(Some(part));
        }
        if let Some((part, file_offset)) = farthest.filter(|(part, _)| part.end() > at) {
            let end = part.end().min(range.end());
            pieces.extend(PhysRange::new(at, end).map(|range| Piece { range, file_offset: file_offset + (at - part.start()) }));
            at = end;
        } else {
            at = later.peek().map_or(range.end(), |(part, _)| part.start());
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NONE: u64 = u64::MAX;
    const DIRECT: u64 = 0xffff_8880_0000_0000;

    fn range(start: u64, end: u64) -> PhysRange {
        PhysRange::new(start, end).unwrap()
    }

    fn load(file_offset: u64, virtual_address: u64, physical_address: u64, length: u64) -> Load {
        Load { file_offset, virtual_address, physical_address, length }
    }

    #[test]
    fn whole_pages_only() {
        assert_eq!(whole_pages(range(0x1000, 0x9_fc00), 0x1000), Some(range(0x1000, 0x9_f000)));
        assert_eq!(whole_pages(range(0x1001, 0x1fff), 0x1000), None);
        assert_eq!(whole_pages(range(u64::MAX - 5, u64::MAX), 0x1000), None);
    }

    #[test]
    fn ram_is_taken_from_the_direct_map_and_the_texts_alias_is_not_needed() {
        let ram = [range(0x1000, 0x9_fc00), range(0x10_0000, 0x1000_0000)];
        let loads = [
            load(0x7fff_8100_0000, 0xffff_ffff_8100_0000, 0x100_0000, 0x20_0000),
            load(0x1000_0000, 0xffff_c900_0000_0000, NONE, 0x1_0000_0000),
            load(0x1000, DIRECT + 0x1000, 0x1000, 0x9_e000),
            load(0x10_0000, DIRECT + 0x10_0000, 0x10_0000, 0xff0_0000),
        ];
        let pieces = pieces(&ram, &loads, 0x1000).unwrap();
        assert_eq!(
            pieces,
            [
                Piece { range: range(0x1000, 0x9_f000), file_offset: 0x1000 },
                Piece { range: range(0x10_0000, 0x1000_0000), file_offset: 0x10_0000 }
            ]
        );
    }

    #[test]
    fn what_no_header_covers_is_in_no_piece() {
        let loads = [load(0, DIRECT, 0x2000, 0x1000), load(0x5000, DIRECT, 0x4000, 0x9000)];
        let pieces = pieces(&[range(0, 0x6000)], &loads, 0x1000).unwrap();
        assert_eq!(pieces.iter().map(|piece| piece.range).collect::<Vec<_>>(), [range(0x2000, 0x3000), range(0x4000, 0x6000)]);
        assert!(super::pieces(&[range(0, 0x1000)], &loads, 0x1000).is_err());
    }

    #[test]
    fn before_4_11_the_direct_map_is_found_or_the_file_refused() {
        let ram = [range(0x1000, 0x9_fc00), range(0x10_0000, 0x1000_0000)];
        let old = 0xffff_8800_0000_0000;
        let text = load(1, 0xffff_ffff_8100_0000, 0, 0x20_0000);
        let loads = [text, load(0x1000, old + 0x1000, 0, 0x9_e000), load(0x10_0000, old + 0x10_0000, 0, 0xff0_0000)];
        let found = pieces(&ram, &loads, 0x1000).unwrap();
        assert_eq!(found[1], Piece { range: range(0x10_0000, 0x1000_0000), file_offset: 0x10_0000 });
        assert!(pieces(&ram, &loads[..2], 0x1000).unwrap_err().contains("0 places"));
        let twice = [load(0, old, 0, 0x1000), load(0, old + 0x5000, 0, 0x1000)];
        assert!(pieces(&[range(0, 0x1000)], &twice, 0x1000).unwrap_err().contains("2 places"));
    }

    /// As many program headers as a file can have, in the most tedious order, on both ways to the map: seconds would be minutes if each
    /// were held against all others.
    #[test]
    fn as_many_headers_as_there_can_be_take_no_time_to_speak_of() {
        let count = u64::from(u16::MAX);
        let ram = [range(0x1000, count * 0x2000)];
        let placed: Vec<Load> = (1..count).rev().map(|n| load(n, DIRECT + n * 0x1000, n * 0x2000, 0x1000)).collect();
        assert_eq!(pieces(&ram, &placed, 0x1000).unwrap().len(), placed.len());
        let unplaced: Vec<Load> = (1..count).map(|n| load(n, n * 0x1_0000, 0, 0x1000)).collect();
        let many: Vec<PhysRange> = (1..8).map(|n| range(n * 0x1_0000, n * 0x1_0000 + 0x1000)).collect();
        assert!(pieces(&many, &unplaced, 0x1000).unwrap_err().contains("places"));
    }

    proptest! {
        #[test]
        fn pieces_ascend_and_stay_in_ram(
            ram in proptest::collection::vec((0_u64..64, 1_u64..16), 0..5),
            loads in proptest::collection::vec((0_u64..64, 0_u64..64, 1_u64..32), 0..8),
        ) {
            let ram = crate::model::range::merge(ram.into_iter().map(|(start, length)| range(start * 512, (start + length) * 512)).collect());
            let loads: Vec<Load> = loads.into_iter().map(|(at, physical, length)| load(at, DIRECT, physical * 1024, length * 1024)).collect();
            for piece in pieces(&ram, &loads, 1024).unwrap_or_default() {
                prop_assert!(ram.iter().any(|ram| ram.start() <= piece.range.start() && piece.range.end() <= ram.end()));
                let part = loads.iter().find(|load| piece.file_offset.checked_sub(load.file_offset) == piece.range.start().checked_sub(load.physical_address)
                    && load.physical_address <= piece.range.start() && piece.range.end() <= load.physical_address + load.length);
                prop_assert!(part.is_some());
            }
            let found = pieces(&ram, &loads, 1024).unwrap_or_default();
            prop_assert!(found.windows(2).all(|two| two[0].range.end() <= two[1].range.start()));
        }

        #[test]
        fn any_headers_do(ram: Vec<(u64, u64)>, loads: Vec<(u64, u64, u64, u64)>) {
            let ram: Vec<PhysRange> = ram.into_iter().filter_map(|(start, end)| PhysRange::new(start, end)).take(4).collect();
            let loads: Vec<Load> = loads.into_iter().take(6).map(|(a, b, c, d)| load(a % (1 << 62), b, c, d % (1 << 62) + 1)).collect();
            pieces(&crate::model::range::merge(ram), &loads, 4096).ok();
        }
    }
}
