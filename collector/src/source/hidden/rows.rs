//! Rows of `hidden_processes` and `process_counts`.

use super::mounted::{self, Mounted};
use super::scan::{Look, Sighting};
use super::tasks::Tally;
use super::views::View;
use crate::host::mounts::Mount;
use crate::model::row::RowStatus;
use crate::model::{Row, Timestamp};
use crate::source::process::capture::Capture;
use crate::source::process::{args, stat};
use crate::source::{Evidence, Stop};

/// The row of one hidden process.
pub(super) fn hidden(capture: &Capture, sighting: &Sighting, mounted: &Mounted) -> Row {
    let mut row = described(capture);
    let over = mounted.over_processes().find(|(pid, mount)| *pid == capture.pid && !mounted::inside(mount));
    if let Some(start) = sighting.start_ticks {
        row.int("start_ticks", start);
    }
    row.json("seen_by", &sighting.seen.words()).json("missing_from", &sighting.missing.words());
    row.text("reason", if over.is_some() { "mounted-over" } else { reason(sighting) }).flag("hidden", true);
    if let Some((_, mount)) = over {
        mount_columns(&mut row, mount);
    }
    row
}

/// The row of a process that is not hidden, but over a part of whose directory something is mounted.
pub(super) fn covered_part(capture: &Capture, mount: &Mount) -> Row {
    let mut row = described(capture);
    row.text("reason", if mounted::inside(mount) { "mounted-inside" } else { "mounted-over" }).flag("hidden", false);
    mount_columns(&mut row, mount);
    row
}

fn described(capture: &Capture) -> Row {
    let mut row = Row::new(capture.time, format!("/proc/{}", capture.pid));
    for (name, error) in capture.errors() {
        row.error(name, error.reason.word());
    }
    if capture.timed_out {
        row.status(RowStatus::Timeout);
    }
    row.int("pid", capture.pid);
    if let Some(stat) = capture.file("stat").and_then(stat::parse) {
        row.bytes("name", stat.comm);
    }
    if let Some(path) = capture.executable() {
        row.bytes("path", path);
    }
    if let Some(cmdline) = capture.file("cmdline") {
        row.bytes("cmdline", &args(cmdline).join(&b' '));
    }
    row
}

fn mount_columns(row: &mut Row, mount: &Mount) {
    row.bytes("mount_point", &mount.point).bytes("mount_root", &mount.root);
    row.bytes("mount_type", &mount.kind).bytes("mount_source", &mount.source);
}

/// How it is hidden, as far as the views that miss it tell. The first that applies is the simplest explanation.
fn reason(sighting: &Sighting) -> &'static str {
    let missing = |view| sighting.missing.has(view);
    if missing(View::DetachedLookup) {
        "filtered-from-proc"
    } else if missing(View::DetachedList) {
        "filtered-from-listing"
    } else if missing(View::PlainLookup) {
        "mounted-over"
    } else if missing(View::PlainList) {
        "filtered-from-plain-listing"
    } else if missing(View::Pidfd) || missing(View::Kill) {
        "filtered-from-system-calls"
    } else {
        "outside-every-cgroup"
    }
}

/// How many processes each view shows, and the arithmetic of tasks.
pub(super) fn counts(time: Timestamp, look: &Look, tally: &Tally, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    for view in View::ALL {
        let count = u64::try_from(look.count(view)).unwrap_or(u64::MAX);
        let mut row = count_row(time, view.word(), count);
        row.flag("complete", look.complete.has(view));
        evidence.row("process_counts", &row)?;
    }
    let numbers = [
        ("cgroups", Some(look.groups)),
        ("tasks-found-before", Some(tally.found.0)),
        ("tasks-found-after", Some(tally.found.1)),
        ("tasks-sysinfo", tally.sysinfo),
        ("tasks-loadavg-before", tally.loadavg.map(|(before, _)| before)),
        ("tasks-loadavg-after", tally.loadavg.map(|(_, after)| after)),
        ("tasks-unaccounted", tally.unaccounted()),
    ];
    for (name, count) in numbers.into_iter().filter_map(|(name, count)| Some((name, count?))) {
        evidence.row("process_counts", &count_row(time, name, count))?;
    }
    Ok(())
}

fn count_row(time: Timestamp, view: &str, count: u64) -> Row {
    let mut row = Row::new(time, "/proc");
    row.text("view", view).int("count", count);
    row
}
