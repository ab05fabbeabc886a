//! Ranges of physical addresses.

use serde::Serialize;

/// Addresses from `start` up to, but not including, `end`. Never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PhysRange {
    start: u64,
    end: u64,
}

impl PhysRange {
    /// The range `[start, end)`, unless it is empty.
    #[must_use]
    pub fn new(start: u64, end: u64) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }

    /// From the first and the last address, as `/proc/iomem` and LiME headers have them. None where `last` lies before
    /// `first`, or is the last address of all, whose end no number can hold.
    #[must_use]
    pub fn from_inclusive(first: u64, last: u64) -> Option<Self> {
        Self::new(first, last.checked_add(1)?)
    }

    /// First address.
    #[must_use]
    pub fn start(self) -> u64 {
        self.start
    }

    /// First address behind it.
    #[must_use]
    pub fn end(self) -> u64 {
        self.end
    }

    /// Bytes; at least 1.
    #[must_use]
    pub fn length(self) -> u64 {
        self.end - self.start
    }
}

/// The same addresses in ascending order, each once: overlapping and touching ranges become one.
#[must_use]
pub fn merge(mut ranges: Vec<PhysRange>) -> Vec<PhysRange> {
    ranges.sort_unstable();
    let mut merged: Vec<PhysRange> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut().filter(|last| range.start <= last.end) {
            Some(last) => last.end = last.end.max(range.end),
            None => merged.push(range),
        }
    }
    merged
}

/// Bytes of all `ranges` together; those that overlap count twice. More than 64 bits hold becomes the largest number.
#[must_use]
pub fn total(ranges: &[PhysRange]) -> u64 {
    ranges.iter().fold(0, |sum, range| sum.saturating_add(range.length()))
}

/// The addresses of `ranges` that lie in none of `covered`. Both ascend.
#[must_use]
pub fn difference(ranges: &[PhysRange], covered: &[PhysRange]) -> Vec<PhysRange> {
    ranges.iter().flat_map(|range| without(*range, covered)).collect()
}

/// What of `range` lies in none of `covered`, which ascend.
fn without(range: PhysRange, covered: &[PhysRange]) -> Vec<PhysRange> {
    let (mut left, mut at) = (Vec::new(), range.start());
    for cover in covered.iter().filter(|cover| cover.end() > range.start() && cover.start() < range.end()) {
        left.extend(PhysRange::new(at, cover.start()));
        at = at.max(cover.end());
    }
    left.extend(PhysRange::new(at, range.end()));
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn range(start: u64, end: u64) -> PhysRange {
        PhysRange::new(start, end).unwrap()
    }

    #[test]
    fn ends_are_converted_and_the_empty_refused() {
        assert_eq!(PhysRange::from_inclusive(0, 0xfff), Some(range(0, 0x1000)));
        assert_eq!(PhysRange::from_inclusive(5, 5).unwrap().length(), 1);
        assert_eq!(PhysRange::from_inclusive(6, 5), None.or(PhysRange::new(6, 6)));
        assert_eq!(PhysRange::from_inclusive(7, 5), None);
        assert_eq!(PhysRange::from_inclusive(0, u64::MAX), None);
    }

    #[test]
    fn what_touches_or_overlaps_becomes_one() {
        let merged = merge(vec![range(8, 9), range(0, 4), range(2, 3), range(4, 6)]);
        assert_eq!(merged, [range(0, 6), range(8, 9)]);
        assert_eq!(total(&merged), 7);
        assert_eq!(total(&[range(0, u64::MAX), range(0, u64::MAX)]), u64::MAX);
    }

    proptest! {
        #[test]
        fn merging_keeps_the_addresses(pairs in proptest::collection::vec((0_u64..64, 0_u64..64), 0..12)) {
            let ranges: Vec<_> = pairs.into_iter().filter_map(|(start, end)| PhysRange::new(start, end)).collect();
            let merged = merge(ranges.clone());
            let holds = |set: &[PhysRange], at: u64| set.iter().any(|range| range.start() <= at && at < range.end());
            prop_assert!((0..64).all(|at| holds(&ranges, at) == holds(&merged, at)));
            prop_assert!(merged.windows(2).all(|pair| pair[0].end() < pair[1].start()));
        }
    }
}
