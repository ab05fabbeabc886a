//! The image: headers and bytes in LiME format into the evidence, a row for each extent, and a tally of what went in.
//!
//! **Invariant:** ranges ascend, and each byte stands where its header says; a chunk that would break that is refused.

use std::fmt::Write as _;

use nix::errno::Errno;
use serde_json::json;

use super::chunk::Chunk;
use super::lime;
use crate::model::{Gap, PhysRange, Row, range};
use crate::source::{Evidence, Stop};

/// The most gaps that name single ranges; beyond, one says how many more there are.
const MOST_GAPS: usize = 200;

/// What went into an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Memory that stands in the image, read or not, ascending.
    pub covered: Vec<PhysRange>,
    /// Memory bytes, headers not counted.
    pub bytes: u64,
    pub data_bytes: u64,
    pub zero_pages: u64,
    pub edge_bytes: u64,
    pub unreadable: Vec<PhysRange>,
    /// Why, each reason once.
    pub errnos: Vec<Errno>,
    pub banner: bool,
    /// Bytes of zeros at the image's end.
    pub zero_tail: u64,
    /// Bytes that another method filled in.
    pub filled_bytes: u64,
    /// Bytes of image, headers counted.
    pub offset: u64,
}

impl Tally {
    /// Bytes that could not be read.
    pub(super) fn unreadable_bytes(&self) -> u64 {
        range::total(&self.unreadable)
    }

    /// The memory of `ram` that does not stand in the image: range of the image that it would belong to, and what of it.
    pub(super) fn missing(&self, ram: &[PhysRange]) -> Vec<PhysRange> {
        range::difference(ram, &self.covered)
    }
}

/// An image that is being written.
pub(super) struct Image<'a> {
    evidence: &'a mut dyn Evidence,
    name: &'static str,
    /// The open range and the address of its next byte.
    open: Option<(PhysRange, u64)>,
    total: u64,
    pub tally: Tally,
}

impl<'a> Image<'a> {
    /// Begins the image `name` of `total` bytes of memory.
    pub(super) fn begin(evidence: &'a mut dyn Evidence, name: &'static str, total: u64) -> Result<Self, Stop> {
        evidence.image_begin(name)?;
        evidence.progress(0, total);
        Ok(Self { evidence, name, open: None, total, tally: Tally::default() })
    }

    /// Whether the run wants more of it.
    pub(super) fn check(&self) -> Result<(), Stop> {
        self.evidence.check()
    }

    /// The range that lacks bytes, and from which address on.
    pub(super) fn unfinished(&self) -> Option<(PhysRange, u64)> {
        self.open.filter(|(record, next)| *next < record.end())
    }

    /// Adds a chunk that `method` read; returns a buffer for the next.
    pub(super) fn take(&mut self, method: &'static str, mut chunk: Chunk) -> Result<Vec<u8>, Stop> {
        self.evidence.check()?;
        if self.open.map(|(record, _)| record) != Some(chunk.record) {
            let least = self.tally.covered.last().map_or(0, |last| last.end());
            if self.unfinished().is_some() || chunk.record.start() < least {
                return Ok(chunk.bytes);
            }
            self.evidence.image_write(&lime::header(chunk.record))?;
            self.tally.offset += u64::try_from(lime::HEADER).unwrap_or(0);
            self.open = Some((chunk.record, chunk.record.start()));
        }
        let due = self.open.is_some_and(|(_, next)| next == chunk.start) && chunk.end() <= chunk.record.end();
        let Some(range) = PhysRange::new(chunk.start, chunk.end()).filter(|_| due) else { return Ok(chunk.bytes) };
        let spare = self.evidence.image_take(std::mem::take(&mut chunk.bytes))?;
        let row = self.row(method, range, &chunk);
        self.count(range, &chunk, method != self.name);
        self.evidence.row("extents", &row)?;
        self.evidence.progress(self.tally.bytes, self.total);
        Ok(spare)
    }

    fn count(&mut self, range: PhysRange, chunk: &Chunk, filled: bool) {
        let (tally, length) = (&mut self.tally, range.length());
        self.open = Some((chunk.record, range.end()));
        tally.bytes += length;
        tally.offset += length;
        tally.filled_bytes += if filled { length } else { 0 };
        tally.data_bytes += chunk.data_bytes;
        tally.zero_pages += chunk.zero_pages;
        tally.edge_bytes += chunk.edge_bytes;
        tally.banner |= chunk.banner;
        tally.zero_tail = if chunk.zero_tail == length { tally.zero_tail + length } else { chunk.zero_tail };
        extend(&mut tally.covered, range);
        for (range, errno) in &chunk.unreadable {
            extend(&mut tally.unreadable, *range);
            if !tally.errnos.contains(errno) {
                tally.errnos.push(*errno);
            }
        }
    }

    fn row(&self, method: &'static str, range: PhysRange, chunk: &Chunk) -> Row {
        let mut row = Row::new(chunk.finished, method);
        row.text("image", self.name).text("method", method).hex("start", range.start()).hex("end", range.end());
        row.int("length", range.length())
            .int("image_offset", self.tally.offset)
            .text("xxh3_128", &format!("{:032x}", chunk.xxh3));
        row.int("zero_pages", chunk.zero_pages)
            .int("unreadable_bytes", chunk.unreadable_bytes())
            .int("edge_bytes", chunk.edge_bytes);
        if !chunk.unreadable.is_empty() {
            let list = chunk.unreadable.iter().map(|(range, errno)| {
                json!({"start": format!("0x{:x}", range.start()), "end": format!("0x{:x}", range.end()), "errno": format!("{errno:?}")})
            });
            row.json("unreadable", &list.collect::<Vec<_>>());
            row.error("bytes", "unreadable");
        }
        row.text("started", &chunk.started.to_string()).text("finished", &chunk.finished.to_string());
        row
    }

    /// Ends the image.
    pub(super) fn end(self) -> (Tally, Result<(), Stop>) {
        let ended = self.evidence.image_end();
        (self.tally, ended)
    }
}

/// Makes gaps of `path` of what of `ram` an image lacks, and of what could not be read.
pub(super) fn note_gaps(evidence: &mut dyn Evidence, path: &str, ram: &[PhysRange], tally: &Tally) {
    gaps(evidence, path, &tally.missing(ram), "not in the image");
    gaps(evidence, path, &tally.unreadable, "physical memory that could not be read; zeros stand in its place");
}

/// Makes gaps of the memory map of what was added to it and taken from it while an image was made.
pub(super) fn note_moved(evidence: &mut dyn Evidence, added: &[PhysRange], removed: &[PhysRange]) {
    gaps(evidence, "/proc/iomem", added, "memory that was added while the image was made; not in the image");
    gaps(evidence, "/proc/iomem", removed, "memory that was removed while the image was made");
}

fn extend(ranges: &mut Vec<PhysRange>, range: PhysRange) {
    match ranges.last_mut().filter(|last| last.end() == range.start()) {
        Some(last) => *last = PhysRange::new(last.start(), range.end()).unwrap_or(*last),
        None => ranges.push(range),
    }
}

fn gaps(evidence: &mut dyn Evidence, path: &str, ranges: &[PhysRange], why: &str) {
    let (named, rest) = ranges.split_at(ranges.len().min(MOST_GAPS));
    for range in named {
        evidence.gap(Gap::from(path.as_bytes(), range.start(), Some(range.length()), why));
    }
    if !rest.is_empty() {
        let mut reason = why.to_owned();
        // Writing to a String cannot fail.
        let _ = write!(reason, "; {} more ranges, {} bytes (table extents)", rest.len(), range::total(rest));
        evidence.gap(Gap::whole(path.as_bytes(), reason));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Clock;
    use crate::source::memory::chunk::Lens;
    use crate::source::memory::fake::FakeMemory;
    use crate::source::recorded::Recorded;

    fn range(start: u64, end: u64) -> PhysRange {
        PhysRange::new(start, end).unwrap()
    }

    fn chunk(memory: &mut FakeMemory, record: PhysRange, part: PhysRange) -> Chunk {
        let lens = Lens::new(4096, Vec::new(), Clock::start());
        Chunk::read(memory, record, part, Vec::new(), &lens)
    }

    #[test]
    fn the_image_is_headers_and_bytes_and_the_rows_say_where() {
        let mut memory = FakeMemory::new(0x10000, &[range(0x2000, 0x3000)]);
        let ram = [range(0x1000, 0x4c00), range(0x8000, 0x9000), range(0xa000, 0xb000)];
        let mut evidence = Recorded::default();
        let mut image = Image::begin(&mut evidence, "kcore", 0).unwrap();
        for part in [range(0x1000, 0x2000), range(0x2000, 0x4c00)] {
            image.take("kcore", chunk(&mut memory, ram[0], part)).unwrap();
        }
        image.take("kcore", chunk(&mut memory, ram[1], ram[1])).unwrap();
        assert_eq!(image.unfinished(), None);
        let (tally, ended) = image.end();
        note_gaps(&mut evidence, "/proc/kcore", &ram, &tally);
        assert_eq!((ended, tally.bytes, tally.unreadable_bytes(), tally.edge_bytes), (Ok(()), 0x4c00, 0x1000, 0xc00));
        assert_eq!(tally.missing(&ram), [ram[2]]);
        let bytes = &evidence.images[0].1;
        let mut expected =
            [&lime::header(ram[0])[..], &memory.bytes[0x1000..0x2000], &[0; 0x1000], &memory.bytes[0x3000..0x4000]].concat();
        expected.extend([0; 0xc00]);
        expected.extend([&lime::header(ram[1])[..], &memory.bytes[0x8000..0x9000]].concat());
        assert!(*bytes == expected);
        let rows = evidence.rows("extents");
        for row in rows {
            let offset = usize::try_from(row["image_offset"].as_u64().unwrap()).unwrap();
            let length = usize::try_from(row["length"].as_u64().unwrap()).unwrap();
            let checksum = twox_hash::XxHash3_128::oneshot(&bytes[offset..offset + length]);
            assert_eq!(row["xxh3_128"], format!("{checksum:032x}"));
        }
        assert_eq!((&rows[1]["status"], &rows[1]["unreadable"][0]["start"]), (&json!("partial"), &json!("0x2000")));
        let gaps: Vec<_> = evidence.gaps.iter().map(|gap| (gap.offset, gap.length)).collect();
        assert_eq!(gaps, [(Some(0xa000), Some(0x1000)), (Some(0x2000), Some(0x1000))]);
    }

    #[test]
    fn what_is_out_of_order_does_not_go_in() {
        let mut memory = FakeMemory::new(0x10000, &[]);
        let (low, high) = (range(0x1000, 0x3000), range(0x8000, 0x9000));
        let mut evidence = Recorded::default();
        let mut image = Image::begin(&mut evidence, "lime", 0).unwrap();
        image.take("lime", chunk(&mut memory, high, high)).unwrap();
        image.take("lime", chunk(&mut memory, low, low)).unwrap();
        image.take("lime", chunk(&mut memory, high, high)).unwrap();
        let (tally, _) = image.end();
        assert_eq!((tally.bytes, tally.missing(&[low, high])), (0x1000, vec![low]));
        assert_eq!(evidence.images[0].1.len(), 0x1020);
    }

    #[test]
    fn many_gaps_are_not_all_named() {
        let mut evidence = Recorded::default();
        let ranges: Vec<PhysRange> = (0..500).map(|n| range(n * 0x2000, n * 0x2000 + 0x1000)).collect();
        gaps(&mut evidence, "/proc/kcore", &ranges, "why");
        assert_eq!(evidence.gaps.len(), MOST_GAPS + 1);
        assert!(evidence.gaps.last().unwrap().reason.contains("300 more ranges"));
    }
}
