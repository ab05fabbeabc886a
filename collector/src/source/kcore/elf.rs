//! The header of `/proc/kcore`: an ELF core file (elf(5)) whose program headers say where the kernel's memory lies in it.
//!
//! **Invariant:** nothing in it is believed that does not hold together; sizes and offsets never overflow.

use crate::model::little_endian::{long, short, word};

/// Bytes of the ELF header.
pub(super) const ELF_HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;
/// `ET_CORE`.
const CORE: u16 = 4;
/// `PT_LOAD`.
const LOAD: u32 = 1;
/// `PT_NOTE`.
const NOTE: u32 = 4;

/// Where the program headers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Table {
    pub offset: u64,
    /// Bytes of all of them.
    pub size: usize,
}

/// A part of the kernel's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    pub file_offset: u64,
    pub virtual_address: u64,
    /// As the header says it: all ones where the part has none, zero before Linux 4.11.
    pub physical_address: u64,
    /// Never 0; no end of the part, in file or memory, is beyond 64 bits.
    pub length: u64,
}

/// Bytes of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub offset: u64,
    pub length: u64,
}

/// Reads the ELF header.
pub(super) fn header(bytes: &[u8]) -> Result<Table, String> {
    let broken = || "its ELF header is cut short".to_owned();
    if bytes.first_chunk() != Some(b"\x7fELF\x02\x01\x01") || short(bytes, 16) != Some(CORE) {
        return Err("it is not an ELF core file of 64 bits, little-endian".to_owned());
    }
    let count = usize::from(short(bytes, 56).ok_or_else(broken)?);
    if short(bytes, 54).map(usize::from) != Some(PROGRAM_HEADER) || count == 0 {
        return Err("its ELF header announces no program headers of 56 bytes".to_owned());
    }
    Ok(Table { offset: long(bytes, 32).ok_or_else(broken)?, size: count * PROGRAM_HEADER })
}

/// Reads the parts out of the program headers.
pub(super) fn loads(table: &[u8]) -> Result<Vec<Load>, String> {
    let mut loads = Vec::new();
    for header in table.chunks_exact(PROGRAM_HEADER).filter(|header| word(header, 0) == Some(LOAD)) {
        let field = |at: usize| long(header, at).unwrap_or_default();
        let load = Load {
            file_offset: field(8),
            virtual_address: field(16),
            physical_address: field(24),
            length: field(40).min(field(32)),
        };
        // An end may be 2^64 itself: the last part of the address space ends there.
        let fits = |start: u64| start.checked_add(load.length.saturating_sub(1)).is_some();
        if !fits(load.file_offset) || !fits(load.virtual_address) {
            return Err(format!("its program header at 0x{:x} goes beyond 64 bits", load.virtual_address));
        }
        if load.length > 0 {
            loads.push(load);
        }
    }
    Ok(loads)
}

/// Where the notes are.
pub(super) fn notes(table: &[u8]) -> Option<Span> {
    let header = table.chunks_exact(PROGRAM_HEADER).find(|header| word(header, 0) == Some(NOTE))?;
    Some(Span { offset: long(header, 8)?, length: long(header, 32)? }).filter(|span| span.length > 0)
}

#[cfg(test)]
pub(in super::super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The beginning of a core file: header and parts (file offset, virtual address, physical address, length).
    pub(in super::super::super) fn core_header(parts: &[(u64, u64, u64, u64)]) -> Vec<u8> {
        let mut out = b"\x7fELF\x02\x01\x01".to_vec();
        out.resize(ELF_HEADER, 0);
        out[16] = 4;
        out[32] = 64;
        out[54] = 56;
        out[56..58].copy_from_slice(&u16::try_from(parts.len() + 1).unwrap().to_le_bytes());
        let mut note = [0; PROGRAM_HEADER];
        note[0] = 4;
        out.extend(note);
        for (offset, virtual_address, physical_address, length) in parts {
            out.extend([1_u32, 7].iter().flat_map(|word| word.to_le_bytes()));
            let longs = [*offset, *virtual_address, *physical_address, *length, *length, 4096];
            out.extend(longs.iter().flat_map(|long| long.to_le_bytes()));
        }
        out
    }

    #[test]
    fn parts_are_read_and_notes_left_out() {
        let bytes =
            core_header(&[(0x1000, 0xffff_8880_0000_1000, 0x1000, 0x2000), (0x9000, u64::MAX, u64::MAX, 1), (1, 1, 1, 0)]);
        let table = header(&bytes).unwrap();
        assert_eq!(table, Table { offset: 64, size: 4 * 56 });
        let loads = loads(&bytes[64..]).unwrap();
        assert_eq!(loads.len(), 2);
        assert_eq!((loads[0].physical_address, loads[0].file_offset, loads[0].length), (0x1000, 0x1000, 0x2000));
    }

    #[test]
    fn notes_are_found_where_there_are_any() {
        let mut bytes = core_header(&[(0x1000, 0xffff_8880_0000_1000, 0x1000, 0x2000)]);
        assert_eq!(notes(&bytes[64..]), None);
        bytes[64 + 8..64 + 16].copy_from_slice(&0x3000_u64.to_le_bytes());
        bytes[64 + 32..64 + 40].copy_from_slice(&12_148_u64.to_le_bytes());
        assert_eq!(notes(&bytes[64..]), Some(Span { offset: 0x3000, length: 12_148 }));
    }

    #[test]
    fn what_is_no_core_file_or_overflows_is_refused() {
        let good = core_header(&[(0, 0, 0, 1)]);
        assert!((0..58).all(|length| header(&good[..length]).is_err()));
        let mut program = good;
        program[16] = 2;
        assert!(header(&program).is_err());
        assert!(loads(&core_header(&[(u64::MAX, 0, 0, 2)])[64..]).is_err());
        assert!(loads(&core_header(&[(0, u64::MAX, 0, 2)])[64..]).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_parse(bytes: Vec<u8>, at in 0_usize..120, value: u8) {
            header(&bytes).ok();
            loads(&bytes).ok();
            notes(&bytes);
            let mut hostile = core_header(&[(1, 2, 3, 4)]);
            hostile[at] = value;
            header(&hostile).ok();
            loads(&hostile[64..]).ok();
        }
    }
}
