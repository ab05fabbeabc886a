//! Rows of `process_memory_pages`: every stretch of pages that exists, and what became of it.

use super::area::Area;
use super::core::{Came, Piece};
use super::plan::{Fate, Plan, Run};
use crate::host::Host;
use crate::model::{Digest, Row};
use crate::source::{Evidence, Stop};

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stretch<'a> {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) area: &'a Area,
    pub(super) state: &'static str,
    pub(super) reason: Option<String>,
    /// Where it stands in the core file.
    pub(super) offset: Option<u64>,
    pub(super) sha256: Option<Digest>,
}

/// All stretches of a process, ascending. `head` is the length of what stands before the pages in the core file, `why` tells why the
/// file ends before its last page, if it does.
pub(super) fn stretches<'a>(plan: &'a Plan, pieces: &[Piece], head: u64, why: &str) -> Vec<Stretch<'a>> {
    let mut all: Vec<Stretch<'a>> = pieces.iter().filter_map(|piece| of_piece(plan, piece)).collect();
    let done = pieces.last().map_or(0, |piece| piece.end);
    let mut offset = head;
    for run in &plan.runs {
        let Some(area) = plan.areas.get(run.area) else { continue };
        if run.is_kept() {
            let start = run.start.max(done);
            if start < run.end {
                let place = Some(offset + (start - run.start));
                let stretch = Stretch { start, reason: Some(why.to_owned()), offset: place, ..plain(area, run, "unreadable") };
                all.push(stretch);
            }
            offset += run.length();
        } else {
            all.push(of_fate(area, run));
        }
    }
    for area in plan.areas.iter().filter(|area| area.never().is_some()) {
        let whole = Run { start: area.start, end: area.end, area: 0, fate: Fate::Beyond };
        all.push(Stretch { reason: area.never().map(str::to_owned), ..plain(area, &whole, "skipped") });
    }
    all.sort_by_key(|stretch| stretch.start);
    all
}

fn of_piece<'a>(plan: &'a Plan, piece: &Piece) -> Option<Stretch<'a>> {
    let (state, reason) = match piece.came {
        Came::Read => ("present", None),
        Came::Vanished => ("unreadable", Some("no longer in memory when it was read".to_owned())),
        Came::Unreadable(errno) => ("unreadable", Some(errno.to_string())),
    };
    let sha256 = (piece.came == Came::Read).then_some(piece.sha256);
    let area = plan.areas.get(piece.area)?;
    Some(Stretch { start: piece.start, end: piece.end, area, state, reason, offset: Some(piece.offset), sha256 })
}

fn of_fate<'a>(area: &'a Area, run: &Run) -> Stretch<'a> {
    match run.fate {
        Fate::Swapped => plain(area, run, "swapped"),
        Fate::File => plain(area, run, "file"),
        Fate::Beyond | Fate::Kept(_) => {
            Stretch { reason: Some("beyond the limit on bytes".to_owned()), ..plain(area, run, "skipped") }
        }
    }
}

fn plain<'a>(area: &'a Area, run: &Run, state: &'static str) -> Stretch<'a> {
    Stretch { start: run.start, end: run.end, area, state, reason: None, offset: None, sha256: None }
}

/// Writes the rows of one process.
pub(super) fn write(host: &Host, pid: i32, stretches: &[Stretch<'_>], evidence: &mut dyn Evidence) -> Result<(), Stop> {
    for stretch in stretches {
        let mut row = Row::new(host.clock.now(), format!("/proc/{pid}/mem"));
        row.int("pid", pid).hex("start", stretch.start).hex("end", stretch.end);
        row.bytes("permissions", &stretch.area.permissions).bytes("path", &stretch.area.path).text("state", stretch.state);
        if let Some(reason) = &stretch.reason {
            row.text("reason", reason);
        }
        if let Some(offset) = stretch.offset {
            row.int("core_offset", offset);
        }
        if let Some(sha256) = stretch.sha256 {
            row.text("sha256", &sha256.to_string());
        }
        evidence.row("process_memory_pages", &row)?;
    }
    Ok(())
}
