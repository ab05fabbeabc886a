//! The memory of one process, by address: `/proc/PID/pagemap` says which pages are there, `/proc/PID/mem` has their content.
//!
//! Reading a page that is not resident makes the kernel bring it in: from swap, from its file, or as a new page of zeros with page
//! tables to match, which for a reserved terabyte is gigabytes. So what is there is asked first, and nothing else is read.
//!
//! **Invariant:** both files are opened once and stay those of the memory that the process had then: after it ended, or executed
//! another program, they show nothing, never somebody else's memory.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;

use super::pid::Process;
use super::sys::{self, PageRegion};
use super::{ReadError, physical, read};

/// Pages that belong to a file, or to memory that is shared as a file is (`PAGE_IS_FILE` of linux/fs.h).
pub const FILE: u64 = 1 << 2;
/// Pages that are in memory (`PAGE_IS_PRESENT`).
pub const PRESENT: u64 = 1 << 3;
/// Pages that are in swap (`PAGE_IS_SWAPPED`).
pub const SWAPPED: u64 = 1 << 4;

/// Regions that one look returns at most.
const REGIONS: usize = 4096;
/// Entries of `pagemap` that one read returns at most.
const ENTRIES: usize = 32 << 10;
/// Reads of `pagemap` in one look: 8 GiB of addresses in pages of 4 KiB, some ten milliseconds.
const READS: usize = 64;

/// The memory of one process.
#[derive(Debug)]
pub struct AddressSpace {
    mem: OwnedFd,
    pagemap: OwnedFd,
    page: u64,
    /// Whether the kernel knows `PAGEMAP_SCAN`, as far as is known.
    scans: AtomicBool,
}

/// What one look at `pagemap` has shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    /// Pages that are present or swapped, ascending.
    pub regions: Vec<PageRegion>,
    /// The address up to which it looked.
    pub until: u64,
}

impl AddressSpace {
    /// Opens the memory of `process`. May wait for a lock of the process: to be called on a spare thread.
    ///
    /// # Errors
    /// When the kernel refuses (`CAP_SYS_PTRACE`, Yama); the error names the path.
    pub fn open(process: &Process) -> Result<Self, ReadError> {
        let open = |name: &str| read::named(process.path(name).as_bytes(), read::open(process.dir(), name));
        Ok(Self { mem: open("mem")?, pagemap: open("pagemap")?, page: physical::page_size(), scans: AtomicBool::new(true) })
    }

    /// Bytes of a page.
    #[must_use]
    pub fn page(&self) -> u64 {
        self.page
    }

    /// As on a kernel before 6.7, which has no `PAGEMAP_SCAN`.
    #[cfg(test)]
    #[must_use]
    pub fn without_scan(self) -> Self {
        self.scans.store(false, Ordering::Relaxed);
        self
    }

    /// Looks at the pages from `start` to `end`, both on the border of a page, as far as one look goes. What no page was ever
    /// made for, and what is in neither memory nor swap, is not among its regions.
    ///
    /// # Errors
    /// The kernel's errno.
    pub fn look(&self, start: u64, end: u64) -> Result<Look, Errno> {
        if self.scans.load(Ordering::Relaxed) {
            match self.scan(start, end) {
                Err(Errno::ENOTTY | Errno::EINVAL) => self.scans.store(false, Ordering::Relaxed),
                result => return result,
            }
        }
        self.entries(start, end)
    }

    /// Reads into `buffer` what stands at `address`; returns how many bytes came, 0 where the memory is gone.
    ///
    /// # Errors
    /// The kernel's errno: `EIO` where nothing is mapped or the kernel keeps the page to its owner.
    pub fn read_at(&self, address: u64, buffer: &mut [u8]) -> Result<usize, Errno> {
        let offset = i64::try_from(address).map_err(|_| Errno::EOVERFLOW)?;
        read::retry(|| nix::sys::uio::pread(&self.mem, buffer, offset))
    }

    fn scan(&self, start: u64, end: u64) -> Result<Look, Errno> {
        let mut regions = vec![PageRegion::default(); REGIONS];
        let kinds = (PRESENT | SWAPPED, PRESENT | SWAPPED | FILE);
        let (filled, until) = read::retry(|| sys::pagemap_scan(self.pagemap.as_fd(), (start, end), kinds, &mut regions))?;
        regions.truncate(filled);
        regions.retain(|region| region.start < region.end);
        // A walk that stands still would never end.
        if until <= start { Err(Errno::EPROTO) } else { Ok(Look { regions, until: until.min(end) }) }
    }

    fn entries(&self, start: u64, end: u64) -> Result<Look, Errno> {
        let mut look = Look { regions: Vec::new(), until: start };
        let mut buffer = vec![0_u8; ENTRIES * 8];
        for _ in 0..READS {
            let wanted = usize::try_from((end - look.until) / self.page * 8).unwrap_or(usize::MAX).min(buffer.len());
            if wanted == 0 || look.regions.len() >= REGIONS {
                break;
            }
            let place = i64::try_from(look.until / self.page * 8).map_err(|_| Errno::EOVERFLOW)?;
            let piece = buffer.get_mut(..wanted).unwrap_or_default();
            let length = read::retry(|| nix::sys::uio::pread(&self.pagemap, piece, place))?;
            if length < 8 {
                // Of memory that is gone.
                look.until = end;
                break;
            }
            for entry in piece.get(..length).unwrap_or_default().as_chunks::<8>().0 {
                add(&mut look.regions, look.until, self.page, categories(u64::from_le_bytes(*entry)));
                look.until += self.page;
            }
        }
        Ok(look)
    }
}

/// An entry of pagemap (Documentation/admin-guide/mm/pagemap.rst) in the bits of `PAGEMAP_SCAN`.
fn categories(entry: u64) -> u64 {
    let bit = |at: u32, category| if entry >> at & 1 == 1 { category } else { 0 };
    match bit(63, PRESENT) | bit(62, SWAPPED) {
        0 => 0,
        state => state | bit(61, FILE),
    }
}

/// Adds a page behind the last one, if it is of any kind.
fn add(regions: &mut Vec<PageRegion>, start: u64, page: u64, categories: u64) {
    match regions.last_mut() {
        _ if categories == 0 => {}
        Some(last) if last.end == start && last.categories == categories => last.end += page,
        _ => regions.push(PageRegion { start, end: start + page, categories }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;

    fn own() -> AddressSpace {
        let host = Host::live().unwrap();
        AddressSpace::open(&host.proc.process(i32::try_from(std::process::id()).unwrap()).unwrap()).unwrap()
    }

    fn all(space: &AddressSpace, start: u64, end: u64) -> Vec<PageRegion> {
        let (mut found, mut at) = (Vec::new(), start);
        while at < end {
            let look = space.look(at, end).unwrap();
            found.extend(look.regions);
            at = look.until;
        }
        found
    }

    #[test]
    fn entries_become_categories() {
        assert_eq!(categories(1 << 63 | 5), PRESENT);
        assert_eq!(categories(1 << 63 | 1 << 61), PRESENT | FILE);
        assert_eq!(categories(1 << 62 | 1 << 55), SWAPPED);
        assert_eq!((categories(0), categories(1 << 61 | 1 << 55)), (0, 0));
        let mut regions = Vec::new();
        for (at, kind) in [(0, PRESENT), (1, PRESENT), (2, 0), (3, PRESENT), (4, SWAPPED)] {
            add(&mut regions, at * 8, 8, kind);
        }
        let shape: Vec<_> = regions.iter().map(|region| (region.start, region.end, region.categories)).collect();
        assert_eq!(shape, [(0, 16, PRESENT), (24, 32, PRESENT), (32, 40, SWAPPED)]);
    }

    #[test]
    fn a_touched_page_is_found_and_read_by_both_ways() {
        let mut memory = vec![0_u8; 64 * 4096];
        let start = memory.as_ptr().addr().next_multiple_of(4096);
        let offset = start - memory.as_ptr().addr();
        memory[offset + 4096..offset + 4100].copy_from_slice(b"here");
        let address = u64::try_from(start).unwrap();
        for space in [own(), own().without_scan()] {
            let found = all(&space, address, address + 8 * 4096);
            assert!(found.iter().any(|region| (region.start..region.end).contains(&(address + 4096))), "{found:x?}");
            assert!(found.iter().all(|region| region.categories & FILE == 0));
            let mut bytes = [0; 4];
            assert_eq!((space.read_at(address + 4096, &mut bytes), &bytes), (Ok(4), b"here"));
            assert_eq!(space.read_at(0, &mut bytes), Err(Errno::EIO));
            assert_eq!(space.read_at(u64::MAX, &mut bytes), Err(Errno::EOVERFLOW));
        }
        std::hint::black_box(&memory);
    }
}
