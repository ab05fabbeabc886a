//! A piece of memory on its way from a reader to the image, with all that is known of it.
//!
//! **Invariant:** bytes that could not be read are zeros and are counted as unreadable, never as pages of zeros.

use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;
use twox_hash::XxHash3_128;

use super::physical::Physical;
use crate::host::Clock;
use crate::model::{PhysRange, Timestamp};

/// Bytes that are read, hashed and handed on at once. The kernel holds up changes of memory while one read lasts.
pub(super) const CHUNK: u64 = 1 << 19;

/// Consecutive bytes of one range.
#[derive(Debug)]
pub(super) struct Chunk {
    /// The range of the image that they belong to.
    pub record: PhysRange,
    /// Physical address of the first.
    pub start: u64,
    pub bytes: Vec<u8>,
    /// XXH3-128, to find which piece of two images differs. No proof of integrity: that is the SHA-256 of the objects, and a
    /// second one over all memory would cost too much time.
    pub xxh3: u128,
    pub started: Timestamp,
    pub finished: Timestamp,
    /// Pages, whole or cut, that hold zeros only, of those that could be read.
    pub zero_pages: u64,
    /// Bytes of pages that hold anything else.
    pub data_bytes: u64,
    /// Bytes of parts of pages, at the ends of the range, that the kernel does not manage.
    pub edge_bytes: u64,
    /// What could not be read.
    pub unreadable: Vec<(PhysRange, Errno)>,
    /// Whether the kernel's banner stands in them, and was not seen before.
    pub banner: bool,
    /// Bytes behind the last that is not zero.
    pub zero_tail: u64,
}

/// Bytes as they came, before anything is known of them.
#[derive(Debug)]
pub(super) struct Raw {
    pub record: PhysRange,
    pub start: u64,
    pub bytes: Vec<u8>,
    pub started: Timestamp,
    pub finished: Timestamp,
}

/// A buffer for a chunk.
pub(super) fn buffer() -> Vec<u8> {
    Vec::with_capacity(usize::try_from(CHUNK).unwrap_or(0))
}

/// What is looked for, and by which measure.
#[derive(Debug)]
pub(super) struct Lens {
    /// Bytes of a page.
    pub page: u64,
    /// How the kernel's banner begins.
    banner: Vec<u8>,
    /// It is looked for until it is found once.
    found: AtomicBool,
    pub clock: Clock,
}

impl Lens {
    pub(super) fn new(page: u64, banner: Vec<u8>, clock: Clock) -> Self {
        Self { page, banner, found: AtomicBool::new(false), clock }
    }

    fn finds_banner(&self, bytes: &[u8]) -> bool {
        let finds = !self.found.load(Ordering::Relaxed) && find(bytes, &self.banner);
        if finds {
            self.found.store(true, Ordering::Relaxed);
        }
        finds
    }
}

impl Chunk {
    /// Looks at bytes that came.
    pub(super) fn of(raw: Raw, lens: &Lens) -> Self {
        let weight = weigh(&raw.bytes, raw.start, lens.page);
        Self::look(raw, weight, lens)
    }

    fn look(raw: Raw, weight: Weight, lens: &Lens) -> Self {
        let Raw { record, start, bytes, started, finished } = raw;
        let data = if weight.data_bytes == 0 { None } else { last_data(&bytes) };
        Self {
            record,
            start,
            xxh3: XxHash3_128::oneshot(&bytes),
            started,
            finished,
            zero_pages: weight.zero_pages,
            data_bytes: weight.data_bytes,
            edge_bytes: 0,
            unreadable: Vec::new(),
            banner: data.is_some() && lens.finds_banner(&bytes),
            zero_tail: u64::try_from(bytes.len() - data.map_or(0, |at| at + 1)).unwrap_or(u64::MAX),
            bytes,
        }
    }

    /// Reads `part` of `record` out of `memory`.
    pub(super) fn read(memory: &mut dyn Physical, record: PhysRange, part: PhysRange, mut bytes: Vec<u8>, lens: &Lens) -> Self {
        let started = lens.clock.now();
        let (whole, unreadable) = read_pages(memory, record, part, &mut bytes, lens.page);
        let finished = lens.clock.now();
        // Neither the edges nor what could not be read are pages of zeros, though zeros stand there.
        let (from, to) = whole.map_or((part.start(), part.start()), |whole| (whole.start(), whole.end()));
        let place = usize::try_from(from - part.start()).ok().zip(usize::try_from(to - part.start()).ok());
        let read = place.and_then(|(from, to)| bytes.get(from..to)).unwrap_or_default();
        let mut weight = weigh(read, from, lens.page);
        let bad_pages: u64 = unreadable.iter().map(|(range, _)| range.length().div_ceil(lens.page)).sum();
        weight.zero_pages = weight.zero_pages.saturating_sub(bad_pages);
        let mut chunk = Self::look(Raw { record, start: part.start(), bytes, started, finished }, weight, lens);
        chunk.edge_bytes = part.length() - (to - from);
        chunk.unreadable = unreadable;
        chunk
    }

    /// Bytes of it that could not be read.
    pub(super) fn unreadable_bytes(&self) -> u64 {
        self.unreadable.iter().map(|(range, _)| range.length()).sum()
    }

    /// First address behind it.
    pub(super) fn end(&self) -> u64 {
        self.start.saturating_add(size(&self.bytes))
    }
}

fn size(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// Pages of zeros, and bytes of all other pages.
#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    zero_pages: u64,
    data_bytes: u64,
}

/// Weighs `bytes`, whose first is that of address `start`, page by page.
fn weigh(bytes: &[u8], start: u64, page: u64) -> Weight {
    let head = usize::try_from(start.checked_next_multiple_of(page).unwrap_or(start) - start).unwrap_or(0).min(bytes.len());
    let (head, rest) = bytes.split_at(head);
    let mut weight = Weight::default();
    for page in std::iter::once(head).chain(rest.chunks(usize::try_from(page).unwrap_or(4096))).filter(|page| !page.is_empty()) {
        if is_zero(page) {
            weight.zero_pages += 1;
        } else {
            weight.data_bytes += size(page);
        }
    }
    weight
}

/// Reads the whole pages of `record` that lie in `part`. Around them `bytes`, which become as long as `part`, hold zeros. Returns
/// which they are, and what of them could not be read.
pub(super) fn read_pages(
    memory: &mut dyn Physical,
    record: PhysRange,
    part: PhysRange,
    bytes: &mut Vec<u8>,
    page: u64,
) -> (Option<PhysRange>, Vec<(PhysRange, Errno)>) {
    // What a used buffer held is read over: only what will not be is made zero.
    lengthen(bytes, usize::try_from(part.length()).unwrap_or(0));
    let pages = crate::source::kcore::whole_pages(record, page);
    let whole = pages.and_then(|pages| PhysRange::new(pages.start().max(part.start()), pages.end().min(part.end())));
    let (from, to) = whole.map_or((part.end(), part.end()), |whole| (whole.start(), whole.end()));
    for (from, to) in [(part.start(), from), (to, part.end())] {
        let place = usize::try_from(from - part.start()).ok().zip(usize::try_from(to - part.start()).ok());
        place.and_then(|(from, to)| bytes.get_mut(from..to)).unwrap_or_default().fill(0);
    }
    let unreadable = whole.map(|whole| fill(memory, part.start(), whole, bytes, page)).unwrap_or_default();
    (whole, unreadable)
}

/// Makes `bytes` as long as asked, with zeros behind what they are; a page at a time, where `resize` of a small program goes byte by byte.
fn lengthen(bytes: &mut Vec<u8>, length: usize) {
    bytes.truncate(length);
    while let Some(missing) = length.checked_sub(bytes.len()).filter(|missing| *missing > 0) {
        let zeros = [0; 4096];
        bytes.extend_from_slice(zeros.get(..missing).unwrap_or(&zeros));
    }
}

/// Reads `whole` into `bytes`, whose first is that of address `base`. After a failure goes on page by page, so that one page
/// costs no other; returns what could not be read.
fn fill(memory: &mut dyn Physical, base: u64, whole: PhysRange, bytes: &mut [u8], page: u64) -> Vec<(PhysRange, Errno)> {
    let (mut bad, mut at, mut by_page): (Vec<(PhysRange, Errno)>, _, _) = (Vec::new(), whole.start(), false);
    while at < whole.end() {
        let page_end = (at / page + 1).saturating_mul(page).min(whole.end());
        let end = if by_page { page_end } else { whole.end() };
        let place = usize::try_from(at - base).ok().zip(usize::try_from(end - base).ok());
        let Some(room) = place.and_then(|(from, to)| bytes.get_mut(from..to)) else { break };
        match memory.read(at, room) {
            Ok(length) => at = at.saturating_add(u64::try_from(length).unwrap_or(0)).min(end),
            Err(_) if !by_page => by_page = true,
            Err(errno) => {
                let bad_from = (at / page * page).max(whole.start());
                // What a read that failed has left behind is not data, nor is half a page.
                let place = usize::try_from(bad_from - base).ok().zip(usize::try_from(page_end - base).ok());
                place.and_then(|(from, to)| bytes.get_mut(from..to)).unwrap_or_default().fill(0);
                match bad.last_mut().filter(|(last, why)| last.end() == bad_from && *why == errno) {
                    Some((last, _)) => *last = PhysRange::new(last.start(), page_end).unwrap_or(*last),
                    None => bad.extend(PhysRange::new(bad_from, page_end).map(|range| (range, errno))),
                }
                at = page_end;
            }
        }
    }
    bad
}

/// The `parts` of ranges cut into chunks that end at multiples of [`CHUNK`]: range, and piece of it.
pub(super) fn cut(parts: &[(PhysRange, PhysRange)]) -> impl Iterator<Item = (PhysRange, PhysRange)> + use<'_> {
    parts.iter().flat_map(|(record, part)| {
        let mut at = part.start();
        std::iter::from_fn(move || {
            let end = (at / CHUNK + 1).saturating_mul(CHUNK).min(part.end());
            let piece = PhysRange::new(at, end)?;
            at = end;
            Some((*record, piece))
        })
    })
}

fn is_zero(bytes: &[u8]) -> bool {
    let (lines, rest) = bytes.as_chunks::<64>();
    lines.iter().all(is_zero_line) && rest.iter().all(|byte| *byte == 0)
}

/// Wide words by hand: what is built to be small gets no wide instructions from the compiler.
fn is_zero_line(line: &[u8; 64]) -> bool {
    let (words, _) = line.as_chunks::<16>();
    words.iter().fold(0, |all, word| all | u128::from_le_bytes(*word)) == 0
}

/// Where the last byte stands that is not zero.
fn last_data(bytes: &[u8]) -> Option<usize> {
    // Lines from the end on, so that the first piece may be the short one.
    let (first, lines) = bytes.as_rchunks::<64>();
    let within = |line: &[u8]| line.iter().rposition(|byte| *byte != 0);
    match lines.iter().rposition(|line| !is_zero_line(line)) {
        Some(at) => lines.get(at).and_then(|line| within(line)).map(|place| first.len() + at * 64 + place),
        None => within(first),
    }
}

/// Whether `needle` stands in `bytes` (Horspool's search: it looks at few of them). An empty one never does.
fn find(bytes: &[u8], needle: &[u8]) -> bool {
    let Some((last, head)) = needle.split_last() else { return false };
    let mut shifts = [needle.len(); 256];
    for (back, byte) in (1..needle.len()).rev().zip(head) {
        if let Some(shift) = shifts.get_mut(usize::from(*byte)) {
            *shift = back;
        }
    }
    let mut at = head.len();
    while let Some(byte) = bytes.get(at) {
        if byte == last && bytes.get(at - head.len()..=at) == Some(needle) {
            return true;
        }
        at += shifts.get(usize::from(*byte)).copied().unwrap_or(1);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::memory::fake::FakeMemory;
    use proptest::prelude::*;

    fn range(start: u64, end: u64) -> PhysRange {
        PhysRange::new(start, end).unwrap()
    }

    fn lens() -> Lens {
        Lens::new(4096, b"Linux version 6.1 (".to_vec(), Clock::start())
    }

    #[test]
    fn one_bad_page_costs_no_other_and_never_looks_like_data() {
        let mut memory = FakeMemory::new(0x10000, &[range(0x3000, 0x4000), range(0x5000, 0x7000)]);
        let record = range(0x1000, 0x9c00);
        let chunk = Chunk::read(&mut memory, record, record, Vec::new(), &lens());
        assert_eq!(chunk.unreadable, [(range(0x3000, 0x4000), Errno::EFAULT), (range(0x5000, 0x7000), Errno::EFAULT)]);
        assert_eq!((chunk.unreadable_bytes(), chunk.edge_bytes, chunk.zero_pages), (0x3000, 0xc00, 0));
        assert_eq!(chunk.data_bytes, 0x5000);
        let expected = |address: usize| match address {
            0x3000..0x4000 | 0x5000..0x7000 | 0x9000.. => 0,
            _ => memory.bytes[address],
        };
        assert!(chunk.bytes.iter().enumerate().all(|(at, byte)| *byte == expected(at + 0x1000)));
    }

    #[test]
    fn zero_pages_are_counted_and_the_banner_found() {
        let mut memory = FakeMemory::new(0x8000, &[]);
        memory.bytes[0x2000..0x8000].fill(0);
        memory.bytes[0x2ff0..0x2ff0 + 19].copy_from_slice(b"Linux version 6.1 (");
        let chunk = Chunk::read(&mut memory, range(0x1000, 0x8000), range(0x1000, 0x8000), Vec::new(), &lens());
        assert_eq!((chunk.zero_pages, chunk.banner, chunk.zero_tail), (4, true, 0x8000 - 0x3003));
        assert_eq!(chunk.xxh3, XxHash3_128::oneshot(&memory.bytes[0x1000..]));
    }

    #[test]
    fn the_checksum_is_what_xxhsum_prints() {
        // printf abc | xxhsum -H2
        let memory = &mut FakeMemory { bytes: b"abc".to_vec(), holes: Vec::new() };
        let raw = Raw {
            record: range(0, 3),
            start: 0,
            bytes: memory.bytes.clone(),
            started: lens().clock.now(),
            finished: lens().clock.now(),
        };
        assert_eq!(format!("{:032x}", Chunk::of(raw, &lens()).xxh3), "06b05ab6733a618578af5f94892f3950");
    }

    #[test]
    fn chunks_are_cut_at_round_addresses() {
        let record = range(0x1000, 2 * CHUNK + 5);
        let pieces: Vec<_> = cut(&[(record, record)]).map(|(_, piece)| piece).collect();
        assert_eq!(pieces, [range(0x1000, CHUNK), range(CHUNK, 2 * CHUNK), range(2 * CHUNK, 2 * CHUNK + 5)]);
        let last = range(u64::MAX - 7, u64::MAX);
        assert_eq!(cut(&[(last, last)]).count(), 1);
    }

    proptest! {
        #[test]
        fn found_exactly_where_it_stands(bytes in "[ab]{0,60}", needle in "[ab]{1,5}") {
            prop_assert_eq!(find(bytes.as_bytes(), needle.as_bytes()), bytes.contains(&needle));
        }

        #[test]
        fn zeros_are_zeros(length in 0_usize..300, at in 0_usize..300) {
            let mut bytes = vec![0; length];
            prop_assert!(is_zero(&bytes) && last_data(&bytes).is_none());
            if let Some(byte) = bytes.get_mut(at) {
                *byte = 1;
                prop_assert!(!is_zero(&bytes) && last_data(&bytes) == Some(at));
            }
            bytes.iter_mut().take(at).for_each(|byte| *byte = 1);
            prop_assert_eq!(last_data(&bytes), bytes.iter().rposition(|byte| *byte != 0));
        }

        #[test]
        fn every_byte_is_read_or_named(holes in proptest::collection::vec((0_u64..30, 1_u64..4), 0..4), start in 0_u64..0x3000, length in 1_u64..0x10000) {
            let holes: Vec<PhysRange> = holes.into_iter().map(|(at, pages)| range(at * 4096, (at + pages) * 4096)).collect();
            let mut memory = FakeMemory::new(0x20000, &holes);
            let record = range(start, start + length);
            let used = vec![0xAB; usize::try_from(length).unwrap() / 2 + 9000];
            let chunk = Chunk::read(&mut memory, record, record, used, &lens());
            prop_assert_eq!(chunk.end(), record.end());
            prop_assert_eq!(chunk.unreadable_bytes() + chunk.edge_bytes + chunk.data_bytes + chunk.zero_pages * 4096, length);
            let bad = |at: u64| chunk.unreadable.iter().any(|(range, _)| range.start() <= at && at < range.end());
            let pages = crate::source::kcore::whole_pages(record, 4096);
            for (at, byte) in (start..).zip(&chunk.bytes) {
                let edge = pages.is_none_or(|pages| at < pages.start() || pages.end() <= at);
                let real = memory.bytes[usize::try_from(at).unwrap()];
                prop_assert_eq!(*byte, if edge || bad(at) { 0 } else { real });
                prop_assert!(edge || bad(at) == holes.iter().any(|hole| hole.start() <= at && at < hole.end()));
            }
        }
    }
}
