//! Puts the content of files into the archive within limits, and says in the row what became of it.
//!
//! A file within the limit is one member under its own path. Of a larger one each stretch of data is a member
//! `<path>@<offset>`, so that what hides behind a terabyte of holes is found, and no member that is not the file bears the
//! file's name. What exceeds the limit is a gap.
//!
//! Holes cost nothing on the disk, so they have a budget of their own: whoever makes files of holes takes no room from the data of
//! others. Where it is used up, a file with holes is kept as its stretches of data.

use std::io::Read as _;
use std::ops::Range;

use serde::Serialize;

use super::{Evidence, Member, Stop};
use crate::host::{Content, SpareThread};
use crate::model::{Digest, Gap, Row};

/// A budget of bytes.
#[derive(Debug)]
pub(super) struct Keeper {
    /// Runs the reads.
    pub(super) spare: SpareThread,
    /// The most bytes that are kept of one file; holes count where they are written out.
    pub(super) file_cap: u64,
    /// Bytes of data that may still be kept of all files together.
    pub(super) left: u64,
    /// Zeros that may still be written out for holes.
    pub(super) holes: u64,
    /// Which part is kept of a file that exceeds the limit.
    pub(super) part: Part,
}

/// Which part of a file a limit lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Its beginning.
    First,
    /// Its end, which is the newest of a file that only grows.
    Last,
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
        let stored = if self.is_whole(content) {
            self.whole(path, content, row, evidence)?
        } else {
            self.pieces(path, content, row, evidence)?
        };
        row.int("stored", stored).flag("changed_during_read", content.has_changed());
        Ok(())
    }

    /// The same as one member, whatever room there is: for files of which a part is of no use. Holes that have no room count as data.
    pub(super) fn keep_whole(
        &mut self,
        path: &[u8],
        content: &Content,
        row: &mut Row,
        evidence: &mut dyn Evidence,
    ) -> Result<(), Stop> {
        let stored = self.whole(path, content, row, evidence)?;
        row.int("stored", stored).flag("changed_during_read", content.has_changed());
        Ok(())
    }

    /// Whether there is room for all of `content` as one member.
    pub(super) fn is_whole(&self, content: &Content) -> bool {
        content.stat.size <= self.file_cap && self.has_room(content)
    }

    /// Whether there is room for the data of `content`, and for its holes.
    pub(super) fn has_room(&self, content: &Content) -> bool {
        let data = held(&content.data, &(0..content.stat.size));
        data <= self.left && content.stat.size.saturating_sub(data) <= self.holes
    }

    /// Takes what `range` of `content` costs off the budgets.
    pub(super) fn charge(&mut self, content: &Content, range: &Range<u64>) {
        let data = held(&content.data, range);
        let holes = range.end.saturating_sub(range.start).saturating_sub(data);
        let beyond = holes.saturating_sub(self.holes);
        self.holes = self.holes.saturating_sub(holes);
        self.left = self.left.saturating_sub(data).saturating_sub(beyond);
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
        let within = within(&content.data, self.file_cap.min(self.left), self.part);
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
        self.tell_cut(path, (within.cut, within.lost), row, evidence);
        Ok(stored)
    }

    /// Keeps `content`, which is small enough to be held in memory, as its stretches of data. `mask` hides the secrets in one, and says how
    /// many bytes that were; digests are of what the host has.
    pub(super) fn keep_masked(
        &mut self,
        path: &[u8],
        content: &Content,
        row: &mut Row,
        mask: &dyn Fn(&mut [u8]) -> u64,
        evidence: &mut dyn Evidence,
    ) -> Result<(), Stop> {
        let within = within(&content.data, self.file_cap.min(self.left), self.part);
        let (mut stored, mut hidden, mut pieces) = (0_u64, 0_u64, Vec::new());
        for range in within.kept {
            evidence.check()?;
            self.charge(content, &range);
            let (offset, asked, mut bytes) = (range.start, range.end - range.start, Vec::new());
            let result = content.reader(range, &mut self.spare).read_to_end(&mut bytes);
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            if length < asked {
                row.error("content", "truncated");
                let reason =
                    result.err().map_or_else(|| "it has shrunk since it was looked at".to_owned(), |error| error.to_string());
                evidence.gap(Gap::from(path, offset.saturating_add(length), Some(asked - length), reason));
            }
            pieces.push(Piece { offset, length, sha256: Digest::of(&bytes) });
            hidden = hidden.saturating_add(mask(&mut bytes));
            stored = stored.saturating_add(length);
            let member = [path, format!("@{offset}").as_bytes()].concat();
            evidence.raw(&Member::file(&member, content.stat), &bytes)?;
        }
        row.json("pieces", &pieces);
        self.tell_cut(path, (within.cut, within.lost), row, evidence);
        row.int("stored", stored).int("hidden_bytes", hidden).flag("changed_during_read", content.has_changed());
        Ok(())
    }

    /// The gap of data that a limit holds back: where it begins, if it does, and how much it is.
    fn tell_cut(&self, path: &[u8], (cut, lost): (Option<u64>, u64), row: &mut Row, evidence: &mut dyn Evidence) {
        let Some(offset) = cut else { return };
        row.error("content", "limit");
        let reason =
            format!("data beyond the limit of {} bytes for one file and {} for all that are left", self.file_cap, self.left);
        evidence.gap(Gap::from(path, offset, Some(lost), reason));
    }

    fn stream(
        &mut self,
        member: &[u8],
        content: &Content,
        range: Range<u64>,
        evidence: &mut dyn Evidence,
    ) -> Result<(u64, Digest), Stop> {
        let length = range.end - range.start;
        self.charge(content, &range);
        let mut reader = content.reader(range, &mut self.spare);
        let streamed = evidence.raw_stream(&Member::file(member, content.stat), length, &mut reader)?;
        Ok((streamed.read, streamed.sha256))
    }
}

/// How many bytes of `range` are `data`.
fn held(data: &[Range<u64>], range: &Range<u64>) -> u64 {
    let inside = |one: &Range<u64>| one.end.min(range.end).saturating_sub(one.start.max(range.start));
    data.iter().map(inside).sum()
}

/// Which data a limit lets through.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Within {
    /// Ascending.
    pub(super) kept: Vec<Range<u64>>,
    /// Where the first byte is that it holds back.
    pub(super) cut: Option<u64>,
    /// Bytes that it holds back.
    pub(super) lost: u64,
}

/// What of `data` a limit lets through.
pub(super) fn within(data: &[Range<u64>], mut limit: u64, part: Part) -> Within {
    let mut out = Within { kept: Vec::new(), cut: None, lost: 0 };
    let mut take = |range: &Range<u64>| {
        let length = (range.end - range.start).min(limit);
        limit -= length;
        let (kept, held) = match part {
            Part::First => (range.start..range.start + length, range.start + length..range.end),
            Part::Last => (range.end - length..range.end, range.start..range.end - length),
        };
        if !kept.is_empty() {
            out.kept.push(kept);
        }
        if !held.is_empty() {
            out.cut = Some(out.cut.map_or(held.start, |cut| cut.min(held.start)));
            out.lost += held.end - held.start;
        }
    };
    match part {
        Part::First => data.iter().for_each(&mut take),
        Part::Last => data.iter().rev().for_each(&mut take),
    }
    out.kept.sort_unstable_by_key(|range| range.start);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_keeps_the_first_data_and_counts_the_rest() {
        let data = [0..10, 100..105, 200..300];
        let first = |limit| within(&data, limit, Part::First);
        assert_eq!(first(12), Within { kept: vec![0..10, 100..102], cut: Some(102), lost: 103 });
        assert_eq!(first(115), Within { kept: data.to_vec(), cut: None, lost: 0 });
        assert_eq!(first(0), Within { kept: vec![], cut: Some(0), lost: 115 });
        let last = |limit| within(&data, limit, Part::Last);
        assert_eq!(last(102), Within { kept: vec![103..105, 200..300], cut: Some(0), lost: 13 });
        assert_eq!(last(115), Within { kept: data.to_vec(), cut: None, lost: 0 });
    }

    /// A file of `size` bytes with this text at `offset`, and holes around it.
    fn sparse(size: u64, text: &[u8], offset: u64) -> Content {
        use std::os::fd::AsFd as _;
        use std::os::unix::fs::FileExt as _;
        // Its holes are whole pages on every machine.
        let file = std::fs::File::from(nix::sys::memfd::memfd_create("x", nix::sys::memfd::MFdFlags::empty()).unwrap());
        file.set_len(size).unwrap();
        file.write_all_at(text, offset).unwrap();
        let stat = crate::host::sys::statx(file.as_fd(), "", false).unwrap();
        Content::new(file.into(), stat).unwrap()
    }

    #[test]
    fn holes_take_no_room_from_data() {
        let host = crate::host::Host::live().unwrap();
        let mut keeper =
            Keeper { spare: host.spare_thread(), file_cap: 8 << 20, left: 1 << 20, holes: 10 << 20, part: Part::First };
        let (mut evidence, clock) = (crate::source::recorded::Recorded::default(), host.clock);
        let mut keep = |keeper: &mut Keeper, path: &str, content: &Content| {
            let mut row = Row::new(clock.now(), path);
            keeper.keep(path.as_bytes(), content, &mut row, &mut evidence).unwrap();
            evidence.row("t", &row).unwrap();
        };
        for path in ["/empty-1", "/empty-2"] {
            keep(&mut keeper, path, &sparse(8 << 20, b"", 0));
        }
        keep(&mut keeper, "/data", &sparse(1 << 19, &[b'd'; 1 << 19], 0));
        keep(&mut keeper, "/tail", &sparse(8 << 20, b"t", 4 << 20));
        assert_eq!(evidence.gaps, []);
        let members: Vec<_> = evidence.members.iter().map(|(path, _, bytes)| (path.as_slice(), bytes.len())).collect();
        let [empty, data, (tail, length)] = members[..] else { panic!("{members:?}") };
        assert_eq!((empty, data, tail), ((&b"/empty-1"[..], 8 << 20), (&b"/data"[..], 1 << 19), &b"/tail@4194304"[..]));
        let stored: Vec<_> = evidence.rows("t").iter().map(|row| row["stored"].as_u64().unwrap()).collect();
        assert_eq!(stored[..3], [8 << 20, 0, 1 << 19]);
        assert_eq!((keeper.left, keeper.holes), ((1 << 19) - u64::try_from(length).unwrap(), 2 << 20));
        assert!(evidence.rows("t")[1].get("sha256").is_none() && evidence.rows("t")[2].get("sha256").is_some());
    }

    proptest::proptest! {
        #[test]
        fn kept_and_lost_are_all_of_it(steps in proptest::collection::vec((0_u64..50, 1_u64..50), 0..20), limit in 0_u64..600, last: bool) {
            let data: Vec<Range<u64>> = steps
                .iter()
                .scan(0, |at, (hole, length)| {
                    let start = *at + hole;
                    *at = start + length;
                    Some(start..*at)
                })
                .collect();
            let total = |ranges: &[Range<u64>]| ranges.iter().map(|range| range.end - range.start).sum::<u64>();
            let out = within(&data, limit, if last { Part::Last } else { Part::First });
            assert_eq!(total(&out.kept) + out.lost, total(&data));
            assert_eq!(total(&out.kept), total(&data).min(limit));
        }
    }
}
