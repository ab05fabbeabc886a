//! Which pages of a process go into its core file, decided before the first of them is read: the size of the file must be known
//! when its header is written.

use super::area::{Area, Rank};
use crate::host::ReadError;
use crate::host::address_space::{FILE, PRESENT};
use crate::host::sys::PageRegion;

/// The most runs that are told apart in one process; a core file of more has headers of many megabytes.
pub(super) const MOST_RUNS: usize = 1 << 18;

/// What becomes of a run of pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    /// It is in memory, and goes into the core file.
    Kept(Rank),
    /// It is in swap; reading it would bring it in.
    Swapped,
    /// It is as a named file has it.
    File,
    /// It is in memory, and beyond a limit.
    Beyond,
}

/// Pages side by side that share their fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// First address.
    pub(super) start: u64,
    /// First address behind it.
    pub(super) end: u64,
    /// The area it stands in.
    pub(super) area: usize,
    /// What becomes of it.
    pub(super) fate: Fate,
}

impl Run {
    /// Bytes.
    pub(super) fn length(&self) -> u64 {
        self.end - self.start
    }

    /// Whether it goes into the core file.
    pub(super) fn is_kept(&self) -> bool {
        matches!(self.fate, Fate::Kept(_))
    }
}

/// The pages of one process.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Its areas, ascending.
    pub(super) areas: Vec<Area>,
    /// Runs of pages that exist, ascending.
    pub(super) runs: Vec<Run>,
    /// Whether there are more runs than are told apart.
    pub(super) is_cut: bool,
    /// Why it could not be asked of some area whether it is a device, if it could not.
    pub(super) unasked: Option<ReadError>,
}

impl Plan {
    /// A plan without runs yet. Areas that overlap one before them, which no kernel lists, are left out.
    pub(super) fn of(areas: impl IntoIterator<Item = Area>) -> Self {
        let mut plan = Self::default();
        for area in areas {
            if plan.areas.last().is_none_or(|last| last.end <= area.start) {
                plan.areas.push(area);
            }
        }
        plan
    }

    /// Adds what a look at the area of this number has shown, ascending. What lies outside of the area is cut off.
    pub(super) fn add(&mut self, number: usize, regions: &[PageRegion]) {
        let Some(area) = self.areas.get(number) else { return };
        for region in regions {
            let after = self.runs.last().map_or(0, |run| run.end);
            let (start, end) = (region.start.max(area.start).max(after), region.end.min(area.end));
            if start >= end {
                continue;
            }
            if self.runs.len() >= MOST_RUNS {
                self.is_cut = true;
                return;
            }
            let fate = match region.categories & PRESENT {
                0 => Fate::Swapped,
                _ => area.rank(region.categories & FILE != 0).map_or(Fate::File, Fate::Kept),
            };
            match self.runs.last_mut() {
                Some(last) if (last.end, last.area, last.fate) == (start, number, fate) => last.end = end,
                _ => self.runs.push(Run { start, end, area: number, fate }),
            }
        }
    }

    /// Keeps at most `limit` bytes, which is whole pages: first what no file holds (see [`Rank`]). Returns how many bytes that
    /// leaves out.
    pub(super) fn limit(&mut self, limit: u64, page: u64) -> u64 {
        let mut left = limit / page * page;
        let mut order: Vec<usize> = (0..self.runs.len()).filter(|at| self.runs.get(*at).is_some_and(Run::is_kept)).collect();
        order.sort_by_key(|at| self.runs.get(*at).map(|run| (run.fate, run.start)));
        let (mut rest, mut beyond) = (Vec::new(), 0);
        for at in order {
            let Some(run) = self.runs.get_mut(at) else { continue };
            let kept = run.length().min(left);
            left -= kept;
            beyond += run.length() - kept;
            if kept == 0 {
                run.fate = Fate::Beyond;
            } else if kept < run.length() {
                rest.push(Run { start: run.start + kept, fate: Fate::Beyond, ..*run });
                run.end = run.start + kept;
            }
        }
        // At most one run is cut in two.
        self.runs.extend(rest);
        self.runs.sort_by_key(|run| run.start);
        beyond
    }

    /// The runs that go into the core file, ascending.
    pub(super) fn kept(&self) -> impl DoubleEndedIterator<Item = &Run> {
        self.runs.iter().filter(|run| run.is_kept())
    }

    /// Bytes of all runs for which `wanted` holds.
    pub(super) fn bytes(&self, wanted: impl Fn(&Run) -> bool) -> u64 {
        self.runs.iter().filter(|run| wanted(run)).map(Run::length).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::address_space::SWAPPED;
    use crate::source::process_memory_map::parse::mappings;
    use proptest::prelude::*;

    const PAGE: u64 = 0x1000;

    fn plan_of(text: &str) -> Plan {
        Plan::of(mappings(text.as_bytes()).0.iter().filter_map(|mapping| Area::new(mapping, PAGE)))
    }

    fn region(start: u64, end: u64, categories: u64) -> PageRegion {
        PageRegion { start: start * PAGE, end: end * PAGE, categories }
    }

    /// Code of a file, a heap, a memfd that can be executed.
    fn plan() -> Plan {
        let mut plan =
            plan_of("1000-9000 r-xp 0 08:01 9 /bin/x\n10000-20000 rw-p 0 00:00 0 [heap]\n30000-40000 r-xs 0 00:01 7 /memfd:a\n");
        plan.add(0, &[region(1, 3, PRESENT | FILE), region(3, 4, PRESENT)]);
        plan.add(1, &[region(0x10, 0x12, PRESENT), region(0x12, 0x14, SWAPPED), region(0x15, 0x16, PRESENT)]);
        plan.add(2, &[region(0x2f, 0x32, PRESENT | FILE), region(0x3f, 0x99, PRESENT | FILE)]);
        plan
    }

    fn shape(plan: &Plan) -> Vec<(u64, u64, Fate)> {
        plan.runs.iter().map(|run| (run.start / PAGE, run.end / PAGE, run.fate)).collect()
    }

    #[test]
    fn runs_are_cut_at_their_area_and_known_by_what_they_are() {
        use Fate::{Kept, Swapped};
        use Rank::{ChangedCode, Code, LooseCode, Private};
        let expected = [
            (1, 3, Kept(Code)),
            (3, 4, Kept(ChangedCode)),
            (0x10, 0x12, Kept(Private)),
            (0x12, 0x14, Swapped),
            (0x15, 0x16, Kept(Private)),
            (0x30, 0x32, Kept(LooseCode)),
            (0x3f, 0x40, Kept(LooseCode)),
        ];
        assert_eq!(shape(&plan()), expected);
    }

    #[test]
    fn a_limit_keeps_first_what_no_file_holds() {
        let mut plan = plan();
        // Three pages of the memfd, the changed one, one of the heap.
        assert_eq!(plan.limit(5 * PAGE + 7, PAGE), 4 * PAGE);
        let kept: Vec<_> = plan.kept().map(|run| (run.start / PAGE, run.end / PAGE)).collect();
        assert_eq!(kept, [(3, 4), (0x10, 0x11), (0x30, 0x32), (0x3f, 0x40)]);
        assert_eq!(plan.bytes(|run| run.fate == Fate::Beyond), 4 * PAGE);
        assert!(plan.runs.is_sorted_by_key(|run| run.start));
    }

    #[test]
    fn what_overlaps_is_taken_once() {
        let mut plan = plan_of("1000-4000 rw-p 0 00:00 0\n2000-3000 rw-p 0 00:00 0\n5000-6000 rw-p 0 00:00 0\n");
        assert_eq!(plan.areas.len(), 2);
        plan.add(0, &[region(1, 3, PRESENT), region(2, 4, PRESENT), region(1, 2, SWAPPED)]);
        plan.add(7, &[region(1, 3, PRESENT)]);
        assert_eq!(shape(&plan), [(1, 4, Fate::Kept(Rank::Private))]);
    }

    fn lines() -> impl Strategy<Value = String> {
        let line =
            (0_u64..60, 1_u64..20, "[r-][w-][x-][sp]", prop::sample::select(vec!["0", "7 /a", "7 /a (deleted)", "7 /dev/x"]));
        prop::collection::vec(line, 0..12).prop_map(|lines| {
            let text = |(at, length, permissions, rest): (u64, u64, String, &str)| {
                format!("{:x}-{:x} {permissions} 00000000 00:00 {rest}\n", at * PAGE, (at + length) * PAGE)
            };
            lines.into_iter().map(text).collect()
        })
    }

    proptest! {
        #[test]
        fn no_page_is_twice_and_none_is_lost(
            text in lines(),
            looks in prop::collection::vec((0_usize..12, 0_u64..80, 0_u64..20, 0_u64..32), 0..40),
            limit in 0_u64..40,
        ) {
            let mut plan = plan_of(&text);
            let mut looks = looks;
            looks.sort_unstable();
            for (area, at, length, categories) in looks {
                plan.add(area, &[region(at, at + length, categories)]);
            }
            let before = plan.bytes(|_| true);
            let wanted = plan.bytes(Run::is_kept);
            let beyond = plan.limit(limit * PAGE, PAGE);
            prop_assert_eq!(plan.bytes(|_| true), before);
            prop_assert_eq!(plan.bytes(Run::is_kept) + beyond, wanted);
            prop_assert_eq!(plan.bytes(Run::is_kept), wanted.min(limit * PAGE));
            prop_assert!(plan.runs.windows(2).all(|pair| pair[0].end <= pair[1].start));
            for run in &plan.runs {
                let area = &plan.areas[run.area];
                prop_assert!(area.start <= run.start && run.start < run.end && run.end <= area.end);
                prop_assert!(!run.is_kept() || area.never().is_none());
            }
        }
    }
}
