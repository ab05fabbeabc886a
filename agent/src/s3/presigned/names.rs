//! Every name that a run can have, and how large its object may become.

use hozen_collector::model::killed::KILLED_KEY;
use hozen_collector::model::record::{BEGIN_KEY, END_KEY, LOG_KEY, MANIFEST_KEY, SUMS_KEY, custody_key, key, segment_key};
use hozen_collector::model::{Category, ObjectKey};
use hozen_collector::source::{catalogue, memory};
use hozen_collector::stream::SEGMENT;

/// Frames of what does not compress are this much larger than it, and then some: 1/128.
const OVERHEAD_SHIFT: u32 = 7;

/// How much a list has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    /// Bytes of the host's memory.
    pub memory: u64,
    /// Stored bytes of each archive.
    pub archive: u64,
    /// Bytes of a part.
    pub part: u64,
    /// Seconds that the run may last.
    pub seconds: u32,
}

impl Room {
    /// Every name, and the parts that its object may have: 0 where one request must do.
    pub(super) fn names(&self) -> Vec<(ObjectKey, usize)> {
        let (usual, archive) = (self.parts(SEGMENT), self.parts(self.archive));
        let mut names = [BEGIN_KEY, END_KEY, KILLED_KEY].map(|name| (key(name), 0)).to_vec();
        names.extend([LOG_KEY, MANIFEST_KEY, SUMS_KEY].map(|name| (key(name), usual)));
        for artefact in catalogue::artefacts() {
            let table = |table: &&str| format!("data/{}/{table}.jsonl.zst", artefact.category.folder());
            names.extend(artefact.tables.iter().map(table).filter_map(|name| Some((name.parse().ok()?, usual))));
            let name = format!("data/raw/{}.tar.zst", artefact.name);
            names.extend(name.parse().ok().map(|name| (name, archive)));
        }
        for image in memory::IMAGES {
            let segment = |number| (segment_key(Category::Memory.folder(), image, number), usual);
            names.extend((0..self.segments()).map(segment));
        }
        names.extend((1..=self.custody()).map(|number| (custody_key(number), 0)));
        names
    }

    /// Segments of one image: as many as its bytes fill, and one for the headers of its ranges.
    fn segments(&self) -> u64 {
        self.memory.div_ceil(SEGMENT) + 1
    }

    /// Custody objects: one every 15 seconds, and some for when much happens at once, and for the end.
    fn custody(&self) -> u32 {
        self.seconds / 15 + 400
    }

    /// Parts of an object whose content has `bytes`.
    fn parts(&self, bytes: u64) -> usize {
        let stored = bytes.saturating_add(bytes >> OVERHEAD_SHIFT).saturating_add(1 << 20);
        usize::try_from(stored.div_ceil(self.part.max(1))).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::is_evidence;
    use std::collections::BTreeMap;

    #[test]
    fn every_name_is_one_of_a_run_and_stands_there_once() {
        let room = Room { memory: 5 << 30, archive: 1 << 30, part: 8 << 20, seconds: 3600 };
        let names = room.names();
        let by_name: BTreeMap<&str, usize> = names.iter().map(|(key, parts)| (key.as_str(), *parts)).collect();
        assert_eq!(by_name.len(), names.len());
        assert_eq!(by_name["data/memory/kcore/000003.lime.zst"], 259);
        assert_eq!(by_name["data/raw/shm.tar.zst"], 130);
        assert_eq!((by_name["000-begin.json"], by_name["custody/000640.jsonl"]), (0, 0));
        assert!(!by_name.contains_key("data/memory/lime/000004.lime.zst") && !by_name.contains_key("custody/000641.jsonl"));
        let data = by_name.keys().filter(|name| name.starts_with("data/"));
        assert!(data.into_iter().all(|name| is_evidence(name)));
    }
}
