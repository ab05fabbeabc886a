//! What a mapping of a process is, and with it what of its pages is kept: decided before a page is read, from the mapping alone, and where
//! that does not tell a file from a device from what the file system says of it.

use std::sync::Arc;
use std::time::Duration;

use crate::host::{Process, ReadError, SpareThread};
use crate::source::process::link::DELETED;
use crate::source::process_memory_map::parse::Mapping;

/// The longest that the questions about the mappings of one process may take.
const LIMIT: Duration = Duration::from_secs(5);

/// Mappings that the kernel makes of its own pages; reading some of them reads a device.
const KERNELS_OWN: [&[u8]; 5] = [b"[vvar]", b"[vvar_vclock]", b"[vsyscall]", b"[vectors]", b"[sigpage]"];

/// Below `/dev`, but memory: shared memory, shared anonymous memory, huge pages.
const DEVICES_THAT_ARE_MEMORY: [&[u8]; 3] = [b"/dev/shm/", b"/dev/zero", b"/dev/hugepages/"];

/// How the kernel words files that are memory and have no name on any disk.
const MEMORY_FILES: [&[u8]; 4] = [b"/memfd:", b"/SYSV", b"/dev/zero", b"/anon_hugepage"];

/// The order in which pages are kept when not all may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// Code that no named file holds.
    LooseCode,
    /// Files without a name, and memory that is shared.
    LooseFile,
    /// Code of a named file that was changed in memory.
    ChangedCode,
    /// Heap, stack, and what was changed of a file's private mapping.
    Private,
    /// Code as it is in the page cache, which need not be what the disk has.
    Code,
}

/// What a mapping is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Without a file.
    Anonymous,
    /// Of a file that has lost its name, or is memory.
    Loose,
    /// Of a file that bears a name.
    Named,
    /// Of a file below `/dev` of which it is not known, or not yet, whether it is a device.
    BelowDev,
    /// Not memory; why it is never read.
    Never(&'static str),
}

/// A mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Area {
    /// First address.
    pub(super) start: u64,
    /// First address behind it.
    pub(super) end: u64,
    /// `rwx` and `s` or `p`.
    pub(super) permissions: Vec<u8>,
    /// Path, `[name]` or nothing.
    pub(super) path: Vec<u8>,
    /// Where it begins in its file, in bytes; `None` without a file.
    pub(super) file_offset: Option<u64>,
    kind: Kind,
    /// Whether the kernel says that some page of it is in memory or swap, or does not say.
    pub(super) may_hold_pages: bool,
}

impl Area {
    /// The area of a mapping. `None` where its borders make no sense.
    pub(super) fn new(mapping: &Mapping<'_>, page: u64) -> Option<Self> {
        let right = mapping.start < mapping.end && mapping.start.is_multiple_of(page) && mapping.end.is_multiple_of(page);
        right.then(|| Self {
            start: mapping.start,
            end: mapping.end,
            permissions: mapping.permissions.to_vec(),
            path: mapping.path.to_vec(),
            file_offset: (mapping.inode != 0).then_some(mapping.offset),
            kind: kind(mapping),
            may_hold_pages: may_hold_pages(mapping),
        })
    }

    /// Why no page of it may be read, if that is so.
    pub(super) fn never(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Never(why) => Some(why),
            Kind::BelowDev => Some("below /dev, and it could not be asked whether it is a device"),
            _ => None,
        }
    }

    /// Whether it is below `/dev` and could not be told from a device.
    pub(super) fn is_unasked(&self) -> bool {
        self.kind == Kind::BelowDev
    }

    /// Whether it holds code, or is of a deleted file, and is below `/dev` and no device, as far as is known. Nobody but who hides
    /// something keeps files there.
    pub(super) fn is_odd_below_dev(&self) -> bool {
        let is_file = matches!(self.kind, Kind::Named | Kind::Loose | Kind::BelowDev);
        is_file && is_below_dev(&self.path) && (self.is_executable() || self.path.ends_with(DELETED))
    }

    /// Takes the answer to whether its file is a regular one; none where that could not be asked.
    fn settle(&mut self, is_regular: Option<bool>) {
        self.kind = match is_regular {
            Some(true) => of_file(&self.path),
            Some(false) => Kind::Never("a device"),
            None => Kind::BelowDev,
        };
    }

    /// Whether its pages can be executed.
    pub(super) fn is_executable(&self) -> bool {
        self.permissions.get(2) == Some(&b'x')
    }

    /// Whether its pages can be written and executed.
    pub(super) fn is_writable_code(&self) -> bool {
        self.is_executable() && self.permissions.get(1) == Some(&b'w')
    }

    /// Whether it holds code without a file: not the kernel's own `[vdso]`.
    pub(super) fn is_anonymous_code(&self) -> bool {
        self.is_executable() && self.kind == Kind::Anonymous && self.path != b"[vdso]" && self.path != b"[uprobes]"
    }

    /// Whether it holds code of a file that has no name.
    pub(super) fn is_loose_code(&self) -> bool {
        self.is_executable() && self.kind == Kind::Loose
    }

    /// When a present page of it is kept; `None` for what its file has as well. `of_file` says whether the page is the file's own,
    /// not a private copy.
    pub(super) fn rank(&self, of_file: bool) -> Option<Rank> {
        match (self.kind, self.is_executable()) {
            (Kind::Never(_) | Kind::BelowDev, _) => None,
            (Kind::Anonymous | Kind::Loose, true) => Some(Rank::LooseCode),
            (Kind::Loose, false) => Some(Rank::LooseFile),
            (Kind::Anonymous, false) => Some(if of_file { Rank::LooseFile } else { Rank::Private }),
            (Kind::Named, true) => Some(if of_file { Rank::Code } else { Rank::ChangedCode }),
            (Kind::Named, false) => (!of_file).then_some(Rank::Private),
        }
    }

    /// The segment flags of an ELF file: 4 for reading, 2 for writing, 1 for executing.
    pub(super) fn elf_flags(&self) -> u32 {
        let bit = |at: usize, letter: u8, bit: u32| if self.permissions.get(at) == Some(&letter) { bit } else { 0 };
        bit(0, b'r', 4) | bit(1, b'w', 2) | bit(2, b'x', 1)
    }
}

/// Asks of each area below `/dev` whether it is a device: regular files can lie there too. Returns why it could not be asked, if it could
/// not of one of them.
pub(super) fn ask(areas: &mut [Area], process: &Arc<Process>, spare: &mut SpareThread) -> Option<ReadError> {
    let name = |area: &Area| format!("map_files/{:x}-{:x}", area.start, area.end);
    let names: Vec<String> = areas.iter().filter(|area| area.is_unasked()).map(name).collect();
    if names.is_empty() {
        return None;
    }
    let owned = Arc::clone(process);
    let job = move || Ok(names.iter().map(|name| owned.target_stat(name).map(|stat| stat.is_regular())).collect());
    let answers: Result<Vec<Result<bool, ReadError>>, ReadError> = spare.read(LIMIT, process.path("map_files").as_bytes(), job);
    let (answers, mut why) = match answers {
        Ok(answers) => (answers, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    for (area, answer) in areas.iter_mut().filter(|area| area.is_unasked()).zip(answers) {
        area.settle(answer.as_ref().ok().copied());
        why = why.or(answer.err());
    }
    why
}

/// Whether a file of this path would be expected to be a device.
fn is_below_dev(path: &[u8]) -> bool {
    path.starts_with(b"/dev/") && !begins(path, &DEVICES_THAT_ARE_MEMORY)
}

fn begins(path: &[u8], names: &[&[u8]]) -> bool {
    names.iter().any(|name| path.starts_with(name))
}

/// What a mapping of a file is.
fn of_file(path: &[u8]) -> Kind {
    if path.ends_with(DELETED) || begins(path, &MEMORY_FILES) { Kind::Loose } else { Kind::Named }
}

fn kind(mapping: &Mapping<'_>) -> Kind {
    let has_flag = |flag: &[u8]| mapping.flags.is_some_and(|flags| flags.split(|b| *b == b' ').any(|word| word == flag));
    // Above the middle of the address space stand the kernel's own addresses.
    if KERNELS_OWN.contains(&mapping.path) || mapping.end > 1 << 63 {
        return Kind::Never("pages of the kernel's own");
    }
    if has_flag(b"io") || has_flag(b"pf") {
        return Kind::Never("a device, or pages that the kernel does not manage (VM_IO, VM_PFNMAP)");
    }
    if is_below_dev(mapping.path) {
        return Kind::BelowDev;
    }
    if mapping.inode == 0 { Kind::Anonymous } else { of_file(mapping.path) }
}

/// Huge pages of hugetlbfs are in none of the usual sums.
fn may_hold_pages(mapping: &Mapping<'_>) -> bool {
    let sum = |names: &[&str]| mapping.numbers.iter().filter(|(name, _)| names.contains(&name.as_str())).map(|(_, kb)| *kb).max();
    let told = mapping.numbers.iter().any(|(name, _)| name == "rss");
    !told || sum(&["rss", "swap", "shared_hugetlb", "private_hugetlb"]).unwrap_or(0) > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{Host, physical};
    use crate::source::process_memory_map::parse::mappings;

    fn area(line: &str) -> Area {
        Area::new(&mappings(line.as_bytes()).0[0], 0x1000).unwrap()
    }

    #[test]
    fn devices_and_the_kernels_own_pages_are_never_read() {
        for line in [
            "1000-2000 r--p 00000000 00:00 0 [vvar]\n",
            "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n",
            "1000-2000 rw-s 00000000 00:05 9 /dev/mem\n",
            "1000-2000 rw-s 00000000 00:05 9 /dev/dri/card0\n",
            "1000-2000 rw-s 00000000 00:05 9 /sys/bus/resource0\nRss: 4 kB\nVmFlags: rd wr sh io pf dd\n",
        ] {
            assert!(
                area(line).never().is_some() && area(line).rank(false).is_none() && area(line).rank(true).is_none(),
                "{line}"
            );
        }
        for line in ["1000-2000 rw-s 0 00:05 9 /dev/shm/x\n", "1000-2000 rw-s 0 00:05 9 /dev/zero (deleted)\n"] {
            assert_eq!(area(line).never(), None);
        }
    }

    #[test]
    fn a_file_below_dev_is_a_file_and_odd() {
        let settled = |line: &str, is_regular| {
            let mut area = area(line);
            assert!(area.is_unasked() && area.never().is_some());
            area.settle(is_regular);
            area
        };
        let code = "1000-2000 r-xp 0 00:05 9 /dev/.x/agent\n";
        let deleted = "1000-2000 r-xp 0 00:05 9 /dev/.x/agent (deleted)\n";
        let data = "1000-2000 rw-p 0 00:05 9 /dev/.x/agent (deleted)\n";
        let device = "1000-2000 rw-s 0 00:05 9 /dev/nvidia0\n";
        let file = settled(code, Some(true));
        assert_eq!((file.never(), file.rank(true), file.rank(false)), (None, Some(Rank::Code), Some(Rank::ChangedCode)));
        assert!(file.is_odd_below_dev() && !file.is_loose_code());
        assert!(settled(deleted, Some(true)).is_loose_code());
        assert_eq!(settled(data, Some(true)).rank(true), Some(Rank::LooseFile));
        for line in [code, deleted, data, device] {
            let area = settled(line, Some(false));
            assert!(area.never() == Some("a device") && !area.is_odd_below_dev(), "{line}");
            let area = settled(line, None);
            assert!(area.is_unasked() && area.rank(false).is_none(), "{line}");
            assert_eq!(area.is_odd_below_dev(), line != device, "{line}");
        }
        assert!(!area("1000-2000 r-xp 0 00:05 9 /dev/shm/x\n").is_odd_below_dev());
        assert!(!area("1000-2000 r-xp 0 08:01 9 /lib/c\n").is_odd_below_dev());
    }

    #[test]
    fn whether_it_is_a_file_is_asked_of_the_mapping_and_not_of_its_path() {
        let host = Host::live().unwrap();
        let process = Arc::new(host.proc.process(i32::try_from(std::process::id()).unwrap()).unwrap());
        let maps = process.file("maps", 16 << 20).unwrap().bytes;
        let file = mappings(&maps).0.into_iter().find(|mapping| mapping.inode != 0 && mapping.is_executable()).unwrap();
        let page = physical::page_size();
        let (start, end) = (file.start, file.end);
        let there = Mapping { path: &b"/dev/.x/there"[..], ..file.clone() };
        let gone = Mapping { start: page, end: 2 * page, path: &b"/dev/.x/gone"[..], ..file };
        let mut areas = [Area::new(&gone, page).unwrap(), Area::new(&there, page).unwrap()];
        assert!(ask(&mut areas, &process, &mut host.spare_thread()).is_some() && areas[0].is_unasked());
        match process.target_stat(&format!("map_files/{start:x}-{end:x}")) {
            Ok(_) => assert_eq!(areas[1].kind, Kind::Named),
            Err(why) => crate::testing::skip("root, to follow map_files", why),
        }
        assert!(ask(&mut [area("1000-2000 rw-p 0 00:00 0 [heap]\n")], &process, &mut host.spare_thread()).is_none());
    }

    #[test]
    fn what_no_file_holds_goes_before_what_one_does() {
        let rank = |line: &str, of_file| area(line).rank(of_file);
        assert_eq!(rank("1000-2000 rwxp 0 00:00 0\n", false), Some(Rank::LooseCode));
        assert_eq!(rank("1000-2000 r-xp 0 00:01 9 /memfd:x (deleted)\n", true), Some(Rank::LooseCode));
        assert_eq!(rank("1000-2000 r--p 0 08:01 9 /tmp/x (deleted)\n", true), Some(Rank::LooseFile));
        assert_eq!(rank("1000-2000 r-xp 0 08:01 9 /lib/c\n", false), Some(Rank::ChangedCode));
        assert_eq!(rank("1000-2000 rw-p 0 08:01 9 /lib/c\n", false), Some(Rank::Private));
        assert_eq!(rank("1000-2000 rw-p 0 00:00 0 [heap]\n", false), Some(Rank::Private));
        assert_eq!(rank("1000-2000 r-xp 0 08:01 9 /lib/c\n", true), Some(Rank::Code));
        assert_eq!(rank("1000-2000 r--p 0 08:01 9 /lib/c\n", true), None);
        assert!(Rank::LooseCode < Rank::LooseFile && Rank::Private < Rank::Code);
    }

    #[test]
    fn facts_and_flags_come_from_the_permissions() {
        let jit = area("1000-2000 rwxp 0 00:00 0\n");
        assert!(jit.is_anonymous_code() && jit.is_writable_code() && !jit.is_loose_code());
        assert!(!area("1000-2000 r-xp 0 00:00 0 [vdso]\n").is_anonymous_code());
        assert!(area("1000-2000 r-xp 0 08:01 9 /tmp/preload.so (deleted)\n").is_loose_code());
        assert_eq!((jit.elf_flags(), area("1000-2000 ---p 0 00:00 0\n").elf_flags()), (7, 0));
    }

    #[test]
    fn an_area_without_pages_is_told_by_its_numbers_alone() {
        let reserved = "1000-10000001000 rw-p 0 00:00 0\nRss: 0 kB\nSwap: 0 kB\nPrivate_Hugetlb: 0 kB\n";
        assert!(!area(reserved).may_hold_pages);
        assert!(
            area(&reserved.replace("Swap: 0", "Swap: 4")).may_hold_pages && area("1000-2000 rw-p 0 00:00 0\n").may_hold_pages
        );
        assert!(area(&reserved.replace("Hugetlb: 0", "Hugetlb: 2048")).may_hold_pages);
        let odd = mappings(b"1001-2000 rw-p 0 00:00 0\n2000-1000 rw-p 0 00:00 0\n").0;
        assert!(odd.iter().all(|mapping| Area::new(mapping, 0x1000).is_none()));
    }
}
