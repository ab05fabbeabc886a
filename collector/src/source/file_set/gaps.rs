//! Gaps of files, of which an intruder can make as many as he likes: those beyond a number are counted and not told one by one.

use std::io::Read;

use crate::model::{Gap, Row};
use crate::source::{Evidence, Member, Stop, Streamed};

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

impl Evidence for Few<'_> {
    fn row(&mut self, table: &'static str, row: &Row) -> Result<(), Stop> {
        self.evidence.row(table, row)
    }

    fn raw(&mut self, member: &Member<'_>, content: &[u8]) -> Result<(), Stop> {
        self.evidence.raw(member, content)
    }

    fn raw_stream(&mut self, member: &Member<'_>, size: u64, content: &mut dyn Read) -> Result<Streamed, Stop> {
        self.evidence.raw_stream(member, size, content)
    }

    fn image_begin(&mut self, name: &'static str) -> Result<(), Stop> {
        self.evidence.image_begin(name)
    }

    fn image_write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.evidence.image_write(bytes)
    }

    fn image_end(&mut self) -> Result<(), Stop> {
        self.evidence.image_end()
    }

    fn gap(&mut self, gap: Gap) {
        if self.left == 0 {
            self.more += 1;
            return;
        }
        self.left -= 1;
        self.evidence.gap(gap);
    }

    fn check(&self) -> Result<(), Stop> {
        self.evidence.check()
    }

    fn progress(&mut self, done: u64, total: u64) {
        self.evidence.progress(done, total);
    }
}
