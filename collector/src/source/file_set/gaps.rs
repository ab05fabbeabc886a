//! Gaps of files, of which an intruder can make as many as he likes: those beyond a number are counted and not told one by one.

use crate::model::Gap;
use crate::source::Evidence;
use crate::source::between::Between;

/// The most gaps that are told: fewer than a step of the run has room for (`MAX_GAPS`).
pub(super) const MOST_GAPS: usize = 900;

/// Hands everything on, but only so many gaps.
pub(in crate::source) struct Few<'a> {
    evidence: &'a mut dyn Evidence,
    left: usize,
    more: u64,
}

impl<'a> Few<'a> {
    pub(in crate::source) fn new(evidence: &'a mut dyn Evidence) -> Self {
        Self { evidence, left: MOST_GAPS, more: 0 }
    }

    /// Tells how many gaps of the files of `table` there were beyond the limit.
    pub(in crate::source) fn tell(self, table: &str) {
        if self.more > 0 {
            let reason = format!("{} more gaps than the {MOST_GAPS} that are told", self.more);
            self.evidence.gap(Gap::whole(table.as_bytes(), reason));
        }
    }
}

impl Between for Few<'_> {
    fn inner(&self) -> &dyn Evidence {
        self.evidence
    }

    fn inner_mut(&mut self) -> &mut dyn Evidence {
        self.evidence
    }

    fn pass_gap(&mut self, gap: Gap) {
        if self.left == 0 {
            self.more += 1;
            return;
        }
        self.left -= 1;
        self.evidence.gap(gap);
    }
}
