//! Rows of one process.

use super::read::Detail;
use crate::model::row::RowStatus;
use crate::model::{Row, Timestamp};
use crate::source::process::{cgroup, status};
use crate::source::text::{lines, parsed};
use crate::source::{Evidence, Stop};

/// Writes the rows of all tables.
pub(super) fn put(detail: &Detail, time: Timestamp, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    for tid in threads(detail) {
        evidence.check()?;
        evidence.row("process_threads", &thread(detail, time, tid))?;
    }
    for (fd, target) in &detail.targets {
        if let Some(text) = detail.file(&format!("fdinfo/{fd}")) {
            evidence.row("process_fdinfo", &descriptor(detail, time, *fd, target, text))?;
        }
    }
    for line in detail.file("limits").unwrap_or_default().split(|b| *b == b'\n').skip(1) {
        if let Some([name, soft, hard, units]) = limit(line) {
            let mut row = begin(detail, time, "limits");
            row.bytes("limit", name).bytes("soft", soft).bytes("hard", hard).bytes("units", units);
            evidence.row("process_limits", &row)?;
        }
    }
    for place in cgroup::parse(detail.file("cgroup").unwrap_or_default()) {
        let mut row = begin(detail, time, "cgroup");
        row.int("hierarchy", place.hierarchy).bytes("controllers", place.controllers).bytes("path", place.path);
        evidence.row("process_cgroups", &row)?;
    }
    Ok(())
}

fn begin(detail: &Detail, time: Timestamp, name: &str) -> Row {
    let mut row = Row::new(time, detail.process.path(name));
    row.int("pid", detail.process.pid);
    row
}

/// The threads of which anything was read, in the order of their ids.
fn threads(detail: &Detail) -> Vec<i32> {
    let tid = |name: &str| parsed(name.strip_prefix("task/")?.split('/').next()?.as_bytes());
    let mut tids: Vec<i32> = detail.files.iter().filter_map(|(name, _)| tid(name)).collect();
    tids.dedup();
    tids
}

fn thread(detail: &Detail, time: Timestamp, tid: i32) -> Row {
    let mut row = begin(detail, time, &format!("task/{tid}"));
    let file = |name: &str| detail.file(&format!("task/{tid}/{name}"));
    row.int("tid", tid).flag("leader", tid == detail.process.pid);
    let name = file("comm").map(line);
    if let Some(name) = name {
        row.bytes("name", name);
        // The name of the process is that of its leader.
        row.flag("name_differs", detail.file("comm").is_some_and(|own| line(own) != name));
    }
    let status = file("status").map(status::parse).unwrap_or_default();
    credentials(&mut row, &status);
    for column in ["wchan", "syscall"] {
        if let Some(text) = file(column) {
            row.bytes(column, text.trim_ascii());
        }
    }
    if let Some(label) = file("attr/current").map(<[u8]>::trim_ascii_end) {
        row.bytes("lsm_label", label.strip_suffix(b"\0").unwrap_or(label));
    }
    if let Some(stack) = file("stack") {
        row.bytes_list("stack", lines(stack).map(frame));
    }
    if tid == detail.process.pid
        && let Some(slack) = detail.file("timerslack_ns").and_then(parsed::<u64>)
    {
        row.int("timerslack_ns", slack);
    }
    if detail.hangs && file("stack").is_none() {
        row.status(RowStatus::Timeout);
    }
    row
}

/// What a thread may, which is its own and not its process's.
fn credentials(row: &mut Row, status: &status::Status) {
    if let Some([uid, euid, ..]) = status.uid {
        row.int("uid", uid).int("euid", euid);
    }
    let masks = [
        ("cap_eff", status.cap_eff),
        ("cap_prm", status.cap_prm),
        ("cap_inh", status.cap_inh),
        ("cap_bnd", status.cap_bnd),
        ("cap_amb", status.cap_amb),
    ];
    for (column, mask) in masks.into_iter().filter_map(|(column, mask)| Some((column, mask?))) {
        row.hex(column, mask);
    }
    let small = [("no_new_privs", status.no_new_privs), ("seccomp", status.seccomp), ("seccomp_filters", status.seccomp_filters)];
    for (column, value) in small.into_iter().filter_map(|(column, value)| Some((column, value?))) {
        row.int(column, value);
    }
}

/// A text without the newline at its end.
fn line(text: &[u8]) -> &[u8] {
    text.strip_suffix(b"\n").unwrap_or(text)
}

/// `[<0>] do_nanosleep+0x6e/0x120` without its address, which the kernel hides.
fn frame(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"[<0>] ").unwrap_or(line)
}

/// `pos`, `flags`, `mnt_id` and `ino` of every descriptor; what else the kernel says is of its kind.
fn descriptor(detail: &Detail, time: Timestamp, fd: i32, target: &[u8], text: &[u8]) -> Row {
    let mut row = begin(detail, time, &format!("fdinfo/{fd}"));
    row.int("fd", fd).bytes("target", target);
    let mut details = Vec::new();
    for line in lines(text) {
        let known = |name: &[u8]| line.strip_prefix(name).map(<[u8]>::trim_ascii);
        if let Some(value) = known(b"pos:").and_then(parsed::<i64>) {
            row.int("position", value);
        } else if let Some(value) = known(b"flags:") {
            row.bytes("flags", value);
        } else if let Some(value) = known(b"mnt_id:").and_then(parsed::<u64>) {
            row.int("mnt_id", value);
        } else if let Some(value) = known(b"ino:").and_then(parsed::<u64>) {
            row.int("inode", value);
        } else {
            details.push(line);
        }
    }
    if !details.is_empty() {
        row.bytes_list("details", details);
    }
    row
}

/// `name soft hard units` in columns of 25, 20, 20 and 10 characters (proc_pid_limits(5)).
fn limit(line: &[u8]) -> Option<[&[u8]; 4]> {
    let column = |from: usize, to: usize| line.get(from..to.min(line.len())).map(<[u8]>::trim_ascii);
    Some([column(0, 26)?, column(26, 47)?, column(47, 68)?, column(68, usize::MAX).unwrap_or_default()])
}
