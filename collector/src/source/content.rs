//! Puts the content of files into the archive within limits, and says in the row what became of it.
//!
//! A file within the limit is one member under its own path. Of a larger one each stretch of data is a member
//! `<path>@<offset>`, so that what hides behind a terabyte of holes is found, and no member that is not the file bears the
//! file's name. What exceeds the limit is a gap.

use std::ops::Range;

use serde::Serialize;

use super::{Evidence, Member, Stop};
use crate::host::{Content, Watchdog};
use crate::model::{Digest, Gap, Row};

/// A budget of bytes.
#[derive(Debug)]
pub(super) struct Keeper {
    /// Runs the reads.
    pub(super) watchdog: Watchdog,
    /// The most bytes that are kept of one file; holes count where they are written out.
    pub(super) file_cap: u64,
    /// Bytes that may still be kept of all files together.
    pub(super) left: u64,
}

/// A stretch of data of a file that was not kept whole.
#[derive(Debug, Serialize)]
struct Piece {
    offset: u64,
    length: u64,
    sha256: Digest,
}

impl Keeper {
    /// Keeps `content` under `path`, and adds to `row`: `sha256` if all of it was read, `stored` bytes, `pieces` if it was not
    /// kept as one member, `changed_during_read`.
    pub(super) fn keep(
        &mut self,
        path: &[u8],
        content: &Content,
        row: &mut Row,
        evidence: &mut dyn Evidence,
    ) -> Result<(), Stop> {
        let size = content.stat.size;
        let stored = if size <= self.file_cap.min(self.left) {
            self.whole(path, content, row, evidence)?
        } else {
            self.pieces(path, content, row, evidence)?
        };
        row.int("stored", stored).flag("changed_during_read", content.has_changed());
        Ok(())
    }

    fn whole(&mut self, path: &[u8], content: &Content, row: &mut Row, evidence: &mut dyn Evidence) -> Result<u64, Stop> {
        let size = content.stat.size;
        let (read, sha256) = self.stream(path, content, 0..size, evidence)?;
        if read == size {
            row.text("sha256", &sha256.to_string());
        } else {
            row.error("content", "truncated");
        }
        Ok(read)
    }

    fn pieces(&mut self, path: &[u8], content: &Content, row: &mut Row, evidence: &mut dyn Evidence) -> Result<u64, Stop> {
        let within = within(&content.data, self.file_cap.min(self.left));
        let mut stored = 0;
        let mut pieces = Vec::new();
        for range in within.kept {
            evidence.check()?;
            let (offset, asked) = (range.start, range.end - range.start);
            let member = [path, format!("@{offset}").as_bytes()].concat();
            let (length, sha256) = self.stream(&member, content, range, evidence)?;
            if length < asked {
                row.error("content", "truncated");
            }
            stored += length;
            pieces.push(Piece { offset, length, sha256 });
        }
        row.json("pieces", &pieces);
        if let Some(offset) = within.cut {
            row.error("content", "limit");
            let reason =
                format!("data beyond the limit of {} bytes for one file and {} for all that are left", self.file_cap, self.left);
            evidence.gap(Gap::from(path, offset, Some(within.lost), reason));
        }
        Ok(stored)
    }

    fn stream(
        &mut self,
        member: &[u8],
        content: &Content,
        range: Range<u64>,
        evidence: &mut dyn Evidence,
    ) -> Result<(u64, Digest), Stop> {
        let length = range.end - range.start;
        self.left = self.left.saturating_sub(length);
        let mut reader = content.reader(range, &mut self.watchdog);
        let streamed = evidence.raw_stream(&Member::file(member, content.stat), length, &mut reader)?;
        Ok((streamed.read, streamed.sha256))
    }
}

/// Which data a limit lets through.
#[derive(Debug, PartialEq, Eq)]
struct Within {
    kept: Vec<Range<u64>>,
    /// Where the first byte is that it holds back.
    cut: Option<u64>,
    /// Bytes that it holds back.
    lost: u64,
}

fn within(data: &[Range<u64>], mut limit: u64) -> Within {
    let mut out = Within { kept: Vec::new(), cut: None, lost: 0 };
    for range in data {
        let end = range.end.min(range.start.saturating_add(limit));
        limit -= end - range.start;
        if end > range.start {
            out.kept.push(range.start..end);
        }
        if end < range.end {
            out.cut.get_or_insert(end);
            out.lost += range.end - end;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_keeps_the_first_data_and_counts_the_rest() {
        let data = [0..10, 100..105, 200..300];
        assert_eq!(within(&data, 12), Within { kept: vec![0..10, 100..102], cut: Some(102), lost: 103 });
        assert_eq!(within(&data, 115), Within { kept: data.to_vec(), cut: None, lost: 0 });
        assert_eq!(within(&data, 0), Within { kept: vec![], cut: Some(0), lost: 115 });
    }

    proptest::proptest! {
        #[test]
        fn kept_and_lost_are_all_of_it(steps in proptest::collection::vec((0_u64..50, 1_u64..50), 0..20), limit in 0_u64..600) {
            let data: Vec<Range<u64>> = steps
                .iter()
                .scan(0, |at, (hole, length)| {
                    let start = *at + hole;
                    *at = start + length;
                    Some(start..*at)
                })
                .collect();
            let total = |ranges: &[Range<u64>]| ranges.iter().map(|range| range.end - range.start).sum::<u64>();
            let out = within(&data, limit);
            assert_eq!(total(&out.kept) + out.lost, total(&data));
            assert_eq!(total(&out.kept), total(&data).min(limit));
        }
    }
}
