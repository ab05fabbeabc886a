//! The gaps of one artefact as they come. Whoever is on the host can make as many as he likes, and of paths as long as he likes: neither the
//! memory that they take nor the records that they stand in grow with that.

use crate::model::record::{MAX_GAP_BYTES, MAX_GAPS};
use crate::model::{Gap, canonical};

/// What is missing of one artefact.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    kept: Vec<Gap>,
    /// Bytes of JSON that `kept` has.
    bytes: usize,
    /// Gaps that there was no room for.
    more: u64,
    /// Whether one of those is more than the kernel's refusal.
    is_more_than_refused: bool,
}

impl Gaps {
    /// Keeps the gap, with its texts clipped, as long as there is room; those that come later are counted.
    pub(super) fn push(&mut self, gap: Gap) {
        let refused = gap.refused;
        if self.more == 0 {
            let gap = gap.clipped();
            let bytes = self.bytes.saturating_add(written(&gap));
            if bytes <= MAX_GAP_BYTES {
                self.bytes = bytes;
                return self.kept.push(gap);
            }
        }
        self.more += 1;
        self.is_more_than_refused |= !refused;
    }

    /// The gaps, and one more that counts those that there was no room for. It stands among those that the manifest lists.
    pub(super) fn end(self, artefact: &str) -> Vec<Gap> {
        let Self { mut kept, more, is_more_than_refused, .. } = self;
        if more > 0 {
            let reason = format!("{more} more gaps than the records have room for");
            let gap = Gap { refused: !is_more_than_refused, ..Gap::whole(artefact.as_bytes(), reason) };
            kept.insert(kept.len().min(MAX_GAPS - 1), gap);
        }
        kept
    }
}

/// Bytes of JSON that a gap has, with the comma behind it.
fn written(gap: &Gap) -> usize {
    canonical::to_bytes(gap).map_or(0, |json| json.len()) + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Room for the gap that counts the others.
    const ROOM: usize = 300;

    fn kept(gaps: impl IntoIterator<Item = Gap>) -> (Vec<Gap>, usize) {
        let mut all = Gaps::default();
        gaps.into_iter().for_each(|gap| all.push(gap));
        let kept = all.end("shm");
        let bytes = canonical::to_bytes(&kept).unwrap().len();
        (kept, bytes)
    }

    #[test]
    fn folders_deep_inside_each_other_do_not_swell_the_records() {
        let path = [0xff_u8; 65_000];
        let (kept, bytes) = kept((0..400).map(|_| Gap::whole(&path, "only 256 directories are descended into")));
        assert!(bytes <= MAX_GAP_BYTES + ROOM, "{bytes}");
        let last = kept.last().unwrap();
        assert_eq!(last.reason, format!("{} more gaps than the records have room for", 401 - kept.len()));
        assert!(kept.len() > 100 && !last.refused && last.source == "shm", "{last:?}");
    }

    #[test]
    fn those_that_are_counted_stand_in_the_manifest_and_are_refused_where_all_are() {
        let refused = || (0..20_000).map(|n: u32| Gap::whole(n.to_string().as_bytes(), "EPERM").refused());
        let (kept_alone, _) = kept(refused());
        assert!(kept_alone.len() > MAX_GAPS && kept_alone[MAX_GAPS - 1].reason.contains("more gaps"));
        assert!(kept_alone[MAX_GAPS - 1].refused);
        let (kept_with_another, _) = kept(refused().chain([Gap::whole(b"/x", "gone")]));
        assert!(!kept_with_another[MAX_GAPS - 1].refused);
    }

    proptest! {
        #[test]
        fn no_gap_is_lost_without_a_word_and_none_is_too_much(
            gaps in prop::collection::vec((any::<u8>(), 0_usize..3_000, 0_usize..2_000, any::<bool>()), 0..400),
        ) {
            let count = gaps.len();
            let gap = |(byte, source, reason, refused): (u8, usize, usize, bool)| {
                Gap { refused, ..Gap::whole(&vec![byte; source], "\"".repeat(reason)) }
            };
            let (kept, bytes) = kept(gaps.into_iter().map(gap));
            prop_assert!(bytes <= MAX_GAP_BYTES + ROOM);
            let more = kept.iter().filter(|gap| gap.source == "shm").find_map(|gap| gap.reason.split_once(" more gaps"));
            let more = more.map_or(0, |(count, _)| count.parse::<usize>().unwrap() + 1);
            prop_assert!(kept.len() == count || more == count + 2 - kept.len());
        }
    }
}
