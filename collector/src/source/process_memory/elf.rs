//! The head of an ELF core file (elf(5), System V ABI; notes as in linux/elfcore.h and fs/binfmt_elf.c): all that stands before
//! the pages.
//!
//! ```text
//! ELF header · PT_NOTE · PT_LOAD … · (section header 0) · notes · padding to a page · pages
//! ```
//!
//! There are no registers (`NT_PRSTATUS`): to have them a process must be stopped.

use super::area::Area;
use super::plan::Plan;

/// Sizes of the headers of ELF64.
const FILE_HEADER: u64 = 64;
const PROGRAM_HEADER: u64 = 56;
const SECTION_HEADER: u64 = 64;
/// From this many program headers on their number stands in section header 0.
const MANY: usize = 0xffff;

const PT_LOAD: u32 = 1;
const PT_NOTE: u32 = 4;
const NT_PRPSINFO: u32 = 3;
const NT_AUXV: u32 = 6;
const NT_FILE: u32 = 0x4649_4c45;

/// `EM_X86_64` and `EM_AARCH64`; other machines are not built for.
const MACHINE: u16 = if cfg!(target_arch = "aarch64") { 183 } else { 62 };

/// What the note `NT_PRPSINFO` says of a process (`struct elf_prpsinfo`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Info {
    pub(super) state: u8,
    pub(super) nice: i8,
    pub(super) flags: u64,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) pid: i32,
    pub(super) ppid: i32,
    pub(super) pgrp: i32,
    pub(super) session: i32,
    pub(super) name: Vec<u8>,
    /// As in `/proc/PID/cmdline`.
    pub(super) cmdline: Vec<u8>,
}

/// The head of the core file of `plan`. What follows is the pages of its kept runs, in their order.
pub(super) fn head(plan: &Plan, info: &Info, auxv: &[u8], page: u64) -> Vec<u8> {
    let segments = segments(plan);
    let count = segments.len() + 1;
    let is_many = count >= MANY;
    let notes = notes(plan, info, auxv, page);
    let sections = FILE_HEADER + PROGRAM_HEADER * length(count);
    let notes_at = sections + if is_many { SECTION_HEADER } else { 0 };
    let pages_at = (notes_at + length(notes.len())).next_multiple_of(page);
    let mut out = Vec::with_capacity(usize::try_from(pages_at).unwrap_or(0));
    file_header(&mut out, count, is_many.then_some(sections));
    program_header(
        &mut out,
        &Segment { kind: PT_NOTE, flags: 0, offset: notes_at, start: 0, length: length(notes.len()), align: 4 },
    );
    let mut offset = pages_at;
    for (start, end, flags) in segments {
        program_header(&mut out, &Segment { kind: PT_LOAD, flags, offset, start, length: end - start, align: page });
        offset += end - start;
    }
    if is_many {
        section_header(&mut out, count);
    }
    out.extend_from_slice(&notes);
    out.resize(usize::try_from(pages_at).unwrap_or(out.len()), 0);
    out
}

/// One for each stretch of kept pages in one area: first address, address behind it, flags.
fn segments(plan: &Plan) -> Vec<(u64, u64, u32)> {
    let mut segments: Vec<(u64, u64, u32)> = Vec::new();
    let mut last_area = None;
    for run in plan.kept() {
        let touches = last_area == Some(run.area) && segments.last().is_some_and(|(_, end, _)| *end == run.start);
        match segments.last_mut() {
            Some((_, end, _)) if touches => *end = run.end,
            _ => segments.push((run.start, run.end, plan.areas.get(run.area).map_or(0, Area::elf_flags))),
        }
        last_area = Some(run.area);
    }
    segments
}

fn file_header(out: &mut Vec<u8>, count: usize, sections: Option<u64>) {
    const ET_CORE: u16 = 4;
    // 64 bits, least byte first, version 1, System V.
    out.extend_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    out.extend_from_slice(&ET_CORE.to_le_bytes());
    out.extend_from_slice(&MACHINE.to_le_bytes());
    out.extend_from_slice(&1_u32.to_le_bytes());
    for word in [0, FILE_HEADER, sections.unwrap_or(0)] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(&0_u32.to_le_bytes());
    let section = |value: u16| if sections.is_some() { value } else { 0 };
    let count = u16::try_from(count.min(MANY)).unwrap_or(u16::MAX);
    for half in [64, 56, count, section(64), section(1), 0] {
        out.extend_from_slice(&half.to_le_bytes());
    }
}

/// A program header.
struct Segment {
    kind: u32,
    flags: u32,
    offset: u64,
    start: u64,
    length: u64,
    align: u64,
}

fn program_header(out: &mut Vec<u8>, segment: &Segment) {
    out.extend_from_slice(&segment.kind.to_le_bytes());
    out.extend_from_slice(&segment.flags.to_le_bytes());
    let memory = if segment.kind == PT_LOAD { segment.length } else { 0 };
    for word in [segment.offset, segment.start, 0, segment.length, memory, segment.align] {
        out.extend_from_slice(&word.to_le_bytes());
    }
}

/// Section header 0, of type `SHT_NULL`: its `sh_info` is the number of program headers.
fn section_header(out: &mut Vec<u8>, count: usize) {
    let mut header = [0_u8; 64];
    let info = u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes();
    header.iter_mut().skip(44).zip(info).for_each(|(to, from)| *to = from);
    out.extend_from_slice(&header);
}

fn notes(plan: &Plan, info: &Info, auxv: &[u8], page: u64) -> Vec<u8> {
    let mut out = Vec::new();
    note(&mut out, NT_PRPSINFO, &prpsinfo(info));
    if !auxv.is_empty() {
        note(&mut out, NT_AUXV, auxv);
    }
    note(&mut out, NT_FILE, &files(plan, page));
    out
}

fn note(out: &mut Vec<u8>, kind: u32, content: &[u8]) {
    for word in [5, u32::try_from(content.len()).unwrap_or(u32::MAX), kind] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(b"CORE\0\0\0\0");
    out.extend_from_slice(content);
    out.resize(out.len().next_multiple_of(4), 0);
}

fn prpsinfo(info: &Info) -> Vec<u8> {
    let state = b"RSDTZW".iter().position(|letter| *letter == info.state).and_then(|at| u8::try_from(at).ok());
    let mut out = vec![state.unwrap_or(0), info.state, u8::from(info.state == b'Z')];
    out.extend_from_slice(&info.nice.to_le_bytes());
    out.resize(8, 0);
    out.extend_from_slice(&info.flags.to_le_bytes());
    for id in [info.uid, info.gid] {
        out.extend_from_slice(&id.to_le_bytes());
    }
    for id in [info.pid, info.ppid, info.pgrp, info.session] {
        out.extend_from_slice(&id.to_le_bytes());
    }
    let arguments: Vec<u8> = info.cmdline.iter().map(|byte| if *byte == 0 { b' ' } else { *byte }).collect();
    for (text, room) in [(&info.name, 16), (&arguments, 80)] {
        out.extend(text.iter().copied().take(room - 1).chain(std::iter::repeat(0)).take(room));
    }
    out
}

/// Which files are mapped where: number of entries, page size, for each first address, end and offset in pages, then the paths.
fn files(plan: &Plan, page: u64) -> Vec<u8> {
    let mapped: Vec<(&Area, u64)> = plan.areas.iter().filter_map(|area| Some((area, area.file_offset?))).collect();
    let mut out: Vec<u8> = [length(mapped.len()), page].iter().flat_map(|word| word.to_le_bytes()).collect();
    for (area, offset) in &mapped {
        out.extend([area.start, area.end, *offset / page].iter().flat_map(|word| word.to_le_bytes()));
    }
    for (area, _) in &mapped {
        out.extend_from_slice(&area.path);
        out.push(0);
    }
    out
}

fn length(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::area::Area;
    use super::*;
    use crate::host::address_space::PRESENT;
    use crate::host::sys::PageRegion;
    use crate::source::process_memory_map::parse::mappings;

    fn word(bytes: &[u8], at: usize) -> u64 {
        u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
    }

    fn half(bytes: &[u8], at: usize) -> u16 {
        u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap())
    }

    fn plan(pages: u64) -> Plan {
        let text = b"1000-9000 rw-p 0 00:00 0\n9000-a000 r-xp 3000 08:01 9 /bin/x\n100000-900000000 rw-p 0 00:00 0\n";
        let mut plan = Plan::of(mappings(text).0.iter().filter_map(|mapping| Area::new(mapping, 0x1000)));
        let region = |start: u64, end: u64| PageRegion { start: start << 12, end: end << 12, categories: PRESENT };
        plan.add(0, &[region(2, 4), region(8, 9)]);
        plan.add(1, &[region(9, 10)]);
        let far: Vec<PageRegion> = (0..pages).map(|at| region(0x100 + at * 2, 0x101 + at * 2)).collect();
        plan.add(2, &far);
        plan
    }

    #[test]
    fn segments_follow_each_other_in_the_file_and_end_with_their_area() {
        let head = head(&plan(0), &Info::default(), b"", 0x1000);
        assert_eq!((half(&head, 16), half(&head, 56), word(&head, 40)), (4, 4, 0));
        let loads: Vec<_> =
            (1..4).map(|at| 64 + at * 56).map(|at| (head[at + 4], word(&head, at + 16), word(&head, at + 32))).collect();
        assert_eq!(loads, [(6, 0x2000, 0x2000), (6, 0x8000, 0x1000), (5, 0x9000, 0x1000)]);
        let offsets: Vec<_> = (1..4).map(|at| word(&head, 64 + at * 56 + 8) - u64::try_from(head.len()).unwrap()).collect();
        assert_eq!(offsets, [0, 0x2000, 0x3000]);
        assert_eq!(head.len() % 0x1000, 0);
    }

    #[test]
    fn more_segments_than_a_half_word_holds_are_counted_elsewhere() {
        let head = head(&plan(70_000), &Info::default(), b"", 0x1000);
        assert_eq!((half(&head, 56), half(&head, 60)), (0xffff, 1));
        let section = usize::try_from(word(&head, 40)).unwrap();
        assert_eq!(u32::from_le_bytes(head[section + 44..section + 48].try_into().unwrap()), 70_004);
        assert_eq!(section, 64 + 56 * 70_004);
    }

    #[test]
    fn notes_are_laid_out_as_the_kernel_does() {
        let (name, cmdline) = (b"a name of more than 16".to_vec(), b"x\0-y\0".to_vec());
        let info = Info { state: b'Z', nice: -5, pid: 7, name, cmdline, ..Info::default() };
        let bytes = prpsinfo(&info);
        assert_eq!((bytes.len(), &bytes[..4]), (136, &[4, b'Z', 1, 0xfb][..]));
        assert_eq!(
            (&bytes[24..28], &bytes[40..56], &bytes[56..62]),
            (&[7, 0, 0, 0][..], &b"a name of more \0"[..], &b"x -y \0"[..])
        );
        let files = files(&plan(0), 0x1000);
        assert_eq!((word(&files, 0), word(&files, 16), word(&files, 32), &files[40..]), (1, 0x9000, 3, &b"/bin/x\0"[..]));
        let mut out = Vec::new();
        note(&mut out, NT_AUXV, b"abcde");
        assert_eq!((out.len(), &out[12..16]), (28, &b"CORE"[..]));
    }
}
