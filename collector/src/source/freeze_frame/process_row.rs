//! Rows of `processes`: osquery's columns in its units, then ours.

use crate::host::read::SMALL;
use crate::host::{Host, Warden, clock};
use crate::model::Row;
use crate::model::row::RowStatus;
use crate::source::process::capture::Capture;
use crate::source::process::stat::{self, ProcStat};
use crate::source::process::status::{self, Status};
use crate::source::process::{args, cgroup, io_field, link};
use crate::source::text::parsed;

/// Clock ticks a second in `/proc`, `USER_HZ`: 100 on every architecture that we run on.
const TICKS: u64 = 100;
const NS_PER_TICK: i128 = 10_000_000;
const MS_PER_TICK: u64 = 10;

/// What all rows share.
#[derive(Debug)]
pub(super) struct Context {
    boot_id: String,
    /// Seconds since the Unix epoch at boot, as `/proc/stat` has them: what osquery and ps count from.
    boot_seconds: Option<u64>,
    /// The same in nanoseconds, where the kernel can be asked.
    boot_ns: Option<i128>,
    own_pid: Option<i32>,
    /// That of the process that watches over us.
    warden_pid: Option<i32>,
}

impl Context {
    /// Reads it.
    pub(super) fn read(host: &Host) -> Self {
        let stat = host.proc.file("stat", SMALL).unwrap_or_default().bytes;
        let own_pid = host.proc.link("self").ok().filter(|_| host.live).and_then(|pid| parsed(&pid));
        Self {
            boot_id: host.identity.facts.boot_id.clone().unwrap_or_default(),
            boot_seconds: stat.split(|b| *b == b'\n').find_map(|line| parsed(line.strip_prefix(b"btime ")?)),
            boot_ns: host.live.then(clock::boot_ns),
            own_pid,
            warden_pid: host.loaded.warden().map(Warden::pid),
        }
    }
}

/// The row of one process.
pub(super) fn row(capture: &Capture, context: &Context) -> Row {
    let mut row = Row::new(capture.time, format!("/proc/{}", capture.pid));
    note_errors(&mut row, capture);
    let stat = capture.file("stat").and_then(stat::parse);
    let status = capture.file("status").map(status::parse).unwrap_or_default();
    if stat.is_none() && capture.file("stat").is_some() {
        row.error("stat", "malformed");
    }
    names(&mut row, capture, stat.as_ref());
    owner(&mut row, &status);
    sizes(&mut row, capture, stat.as_ref(), &status);
    times(&mut row, capture, stat.as_ref(), context);
    kin(&mut row, capture, stat.as_ref());
    identity(&mut row, capture, stat.as_ref(), context);
    executable(&mut row, capture);
    security(&mut row, capture, &status);
    namespaces(&mut row, capture);
    row
}

fn note_errors(row: &mut Row, capture: &Capture) {
    for (name, error) in capture.errors() {
        row.error(name, error.reason.word());
    }
    for (name, _) in capture.truncated() {
        row.error(name, "truncated");
    }
    for name in capture.hanging() {
        row.error(name, "timeout");
    }
    if capture.timed_out {
        row.status(RowStatus::Timeout);
    }
    if capture.vanished {
        row.status(RowStatus::Vanished);
    }
}

fn names(row: &mut Row, capture: &Capture, stat: Option<&ProcStat<'_>>) {
    row.int("pid", capture.pid);
    if let Some(stat) = stat {
        row.bytes("name", stat.comm);
    }
    if let Some(path) = capture.executable() {
        row.bytes("path", path);
    }
    if let Some(cmdline) = capture.file("cmdline") {
        row.bytes("cmdline", &args(cmdline).join(&b' '));
    }
    if let Some(stat) = stat {
        row.bytes("state", &[stat.state]);
    }
    for name in ["cwd", "root"] {
        if let Some(target) = capture.link(name) {
            row.bytes(name, target);
        }
    }
}

fn is_deleted(capture: &Capture) -> Option<bool> {
    Some(link::is_deleted(capture.link("exe")?, capture.exe.map(|stat| stat.nlink)))
}

fn owner(row: &mut Row, status: &Status) {
    let ids = status.uid.zip(status.gid);
    if let Some(([uid, euid, suid, _], [gid, egid, sgid, _])) = ids {
        row.int("uid", uid).int("gid", gid).int("euid", euid).int("egid", egid).int("suid", suid).int("sgid", sgid);
    }
}

fn sizes(row: &mut Row, capture: &Capture, stat: Option<&ProcStat<'_>>, status: &Status) {
    row.int("on_disk", is_deleted(capture).map_or(-1, |deleted| i32::from(!deleted)));
    row.int("wired_size", 0);
    // A kernel thread or a zombie has no memory, and its `status` no such line.
    let without_memory = stat.filter(|stat| stat.vsize == 0).map(|_| 0);
    if let Some(resident) = status.vm_rss_kib.or(without_memory) {
        row.int("resident_size", resident.saturating_mul(1024));
    }
    if let Some(total) = status.vm_size_kib.map(|kib| kib.saturating_mul(1024)).or(stat.map(|stat| stat.vsize)) {
        row.int("total_size", total);
    }
}

fn times(row: &mut Row, capture: &Capture, stat: Option<&ProcStat<'_>>, context: &Context) {
    if let Some(stat) = stat {
        row.int("user_time", stat.utime.saturating_mul(MS_PER_TICK));
        row.int("system_time", stat.stime.saturating_mul(MS_PER_TICK));
    }
    if let Some(io) = capture.file("io") {
        if let Some(read) = io_field(io, b"read_bytes") {
            row.int("disk_bytes_read", read);
        }
        if let Some(written) = io_field(io, b"write_bytes") {
            row.int("disk_bytes_written", written.saturating_sub(io_field(io, b"cancelled_write_bytes").unwrap_or(0)));
        }
    }
    if let Some((stat, boot)) = stat.zip(context.boot_seconds) {
        row.int("start_time", boot.saturating_add(stat.start_ticks / TICKS));
    }
}

fn kin(row: &mut Row, capture: &Capture, stat: Option<&ProcStat<'_>>) {
    if let Some(stat) = stat {
        row.int("parent", stat.ppid).int("pgroup", stat.pgrp).int("threads", stat.threads).int("nice", stat.nice);
    }
    if let Some(path) = capture.file("cgroup").and_then(|text| cgroup::main_path(&cgroup::parse(text))) {
        row.bytes("cgroup_path", path);
    }
}

fn identity(row: &mut Row, capture: &Capture, stat: Option<&ProcStat<'_>>, context: &Context) {
    if let Some(stat) = stat {
        row.text("entity_id", &format!("{}:{}:{}", context.boot_id, capture.pid, stat.start_ticks));
        row.int("start_ticks", stat.start_ticks);
        if let Some(boot) = context.boot_ns {
            row.int("start_ns", boot.saturating_add(i128::from(stat.start_ticks).saturating_mul(NS_PER_TICK)));
        }
        row.int("session", stat.session).int("tty_nr", stat.tty_nr).flag("is_kthread", stat.is_kthread());
    }
    if let Some(cmdline) = capture.file("cmdline") {
        row.bytes_list("args", args(cmdline));
    }
    row.flag("self", [context.own_pid, context.warden_pid].contains(&Some(capture.pid)));
}

fn executable(row: &mut Row, capture: &Capture) {
    if let Some(deleted) = is_deleted(capture) {
        row.flag("exe_deleted", deleted);
    }
    if let Some(exe) = capture.link("exe") {
        row.flag("exe_memfd", link::is_memfd(exe));
    }
    if let Some(stat) = capture.exe {
        row.text("exe_dev", &format!("{}:{}", stat.dev.0, stat.dev.1)).int("exe_inode", stat.ino);
        row.int("exe_size", stat.size).int("exe_nlink", stat.nlink);
    }
}

fn security(row: &mut Row, capture: &Capture, status: &Status) {
    let audit = |name: &str| capture.file(name).and_then(parsed::<u32>);
    let small = [
        ("loginuid", audit("loginuid")),
        ("sessionid", audit("sessionid")),
        ("no_new_privs", status.no_new_privs),
        ("seccomp", status.seccomp),
        ("seccomp_filters", status.seccomp_filters),
    ];
    for (column, value) in small.into_iter().filter_map(|(column, value)| Some((column, value?))) {
        row.int(column, value);
    }
    if let Some(tracer) = status.tracer_pid {
        row.int("tracer_pid", tracer);
    }
    let capabilities = [
        ("cap_eff", status.cap_eff),
        ("cap_prm", status.cap_prm),
        ("cap_inh", status.cap_inh),
        ("cap_bnd", status.cap_bnd),
        ("cap_amb", status.cap_amb),
    ];
    for (column, mask) in capabilities.into_iter().filter_map(|(column, mask)| Some((column, mask?))) {
        row.hex(column, mask);
    }
    if let Some(label) = capture.file("attr/current").map(|label| label.trim_ascii_end()) {
        row.bytes("lsm_label", label.strip_suffix(b"\0").unwrap_or(label));
    }
    if let Some(adjust) = capture.file("oom_score_adj").and_then(parsed::<i32>) {
        row.int("oom_score_adj", adjust);
    }
    for name in ["wchan", "syscall"] {
        if let Some(text) = capture.file(name).map(|text| text.trim_ascii()) {
            row.bytes(name, text);
        }
    }
}

fn namespaces(row: &mut Row, capture: &Capture) {
    let kinds = [
        ("ns_cgroup", "ns/cgroup"),
        ("ns_ipc", "ns/ipc"),
        ("ns_mnt", "ns/mnt"),
        ("ns_net", "ns/net"),
        ("ns_pid", "ns/pid"),
        ("ns_time", "ns/time"),
        ("ns_user", "ns/user"),
        ("ns_uts", "ns/uts"),
    ];
    for (column, name) in kinds {
        if let Some(inode) = capture.link(name).and_then(link::namespace) {
            row.int(column, inode);
        }
    }
}
