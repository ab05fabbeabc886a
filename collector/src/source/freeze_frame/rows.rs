//! Rows of `process_open_files` and `process_namespaces`: osquery's columns, then ours.

use crate::model::{Row, escape};
use crate::source::process::capture::{Capture, Fd};
use crate::source::process::link;
use crate::source::{Evidence, Stop};

/// The namespaces by osquery's column and by the name of their link.
const NAMESPACES: [(&str, &str); 8] = [
    ("cgroup_namespace", "ns/cgroup"),
    ("ipc_namespace", "ns/ipc"),
    ("mnt_namespace", "ns/mnt"),
    ("net_namespace", "ns/net"),
    ("pid_namespace", "ns/pid"),
    ("user_namespace", "ns/user"),
    ("uts_namespace", "ns/uts"),
    ("time_namespace", "ns/time"),
];

/// One row for each descriptor, sockets and pipes too.
pub(super) fn open_files(capture: &Capture, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    for fd in &capture.fds {
        evidence.row("process_open_files", &open_file(capture, fd))?;
    }
    Ok(())
}

fn open_file(capture: &Capture, fd: &Fd) -> Row {
    let mut row = Row::new(capture.time, format!("/proc/{}/fd/{}", capture.pid, fd.number));
    row.int("pid", capture.pid).int("fd", fd.number);
    row.bytes("path", &fd.target);
    match (link::kind(&fd.target), &fd.stat) {
        (Some(kind), _) => {
            row.text("type", &escape::bytes(kind.as_bytes()));
            if let Some(inode) = link::namespace(&fd.target) {
                row.int("inode", inode);
            }
        }
        (None, Some(stat)) => {
            row.text("type", stat.kind_name()).int("inode", stat.ino);
            row.text("dev", &format!("{}:{}", stat.dev.0, stat.dev.1));
        }
        (None, None) => {}
    }
    if link::is_path(&fd.target) {
        row.flag("deleted", link::is_deleted(&fd.target, fd.stat.as_ref().map(|stat| stat.nlink)));
        row.flag("memfd", link::is_memfd(&fd.target));
    }
    row
}

/// One row, where at least one namespace is known.
pub(super) fn namespaces(capture: &Capture, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    let inode = |name: &str| link::namespace(capture.link(name)?);
    let known: Vec<(&str, u64)> = NAMESPACES.iter().filter_map(|(column, name)| Some((*column, inode(name)?))).collect();
    if known.is_empty() {
        return Ok(());
    }
    let mut row = Row::new(capture.time, format!("/proc/{}/ns", capture.pid));
    row.int("pid", capture.pid);
    for (column, inode) in known {
        row.int(column, inode);
    }
    evidence.row("process_namespaces", &row)
}
