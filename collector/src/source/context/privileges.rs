//! Table `privileges`: what we are on this host, and so what we cannot see. Being in a container is part of that.

use crate::host::{privilege, read};
use crate::model::{Gap, Row};
use crate::source::keep::{self, Keeper};
use crate::source::text;
use crate::source::{Member, Stop};

/// The namespaces of a process, and the inode that the host's first one has, where the kernel fixes it
/// (include/uapi/linux/nsfs.h, before that include/linux/proc_ns.h).
const NAMESPACES: [(&str, Option<&str>); 8] = [
    ("cgroup", Some("cgroup:[4026531835]")),
    ("ipc", Some("ipc:[4026531839]")),
    ("mnt", None),
    ("net", None),
    ("pid", Some("pid:[4026531836]")),
    ("time", Some("time:[4026531834]")),
    ("user", Some("user:[4026531837]")),
    ("uts", Some("uts:[4026531838]")),
];

/// The capability masks of `/proc/self/status`.
const MASKS: [(&str, &str); 5] = [
    ("capabilities_effective", "CapEff"),
    ("capabilities_permitted", "CapPrm"),
    ("capabilities_inheritable", "CapInh"),
    ("capabilities_bounding", "CapBnd"),
    ("capabilities_ambient", "CapAmb"),
];

pub(super) fn acquire(keeper: &mut Keeper<'_>) -> Result<(), Stop> {
    let mut row = Row::new(keeper.host.clock.now(), "/proc/self");
    if let Some(status) = keep::content(&mut row, "status", keeper.proc("self/status")?) {
        status_columns(&mut row, &status);
    }
    row.text("proc_view", keeper.host.proc.view().word());
    label(&mut row, keeper)?;
    keep::column(&mut row, "cgroup", keeper.proc("self/cgroup")?);
    keep::column(&mut row, "loginuid", keeper.proc("self/loginuid")?);
    keep::column(&mut row, "uid_map", keeper.proc("self/uid_map")?);
    namespaces(&mut row, keeper)?;
    keeper.evidence.row("privileges", &row)
}

/// Without a security module that labels processes the kernel answers `EINVAL`: there is no label.
fn label(row: &mut Row, keeper: &mut Keeper<'_>) -> Result<(), Stop> {
    let read = keeper.host.proc.file("self/attr/current", read::SMALL);
    if read.as_ref().is_err_and(|error| error.reason.word() == "EINVAL") {
        return Ok(());
    }
    keep::column(row, "lsm_label", keeper.keep(b"/proc/self/attr/current", read)?);
    Ok(())
}

fn status_columns(row: &mut Row, status: &[u8]) {
    let pid = field(status, "Pid").and_then(text::number);
    if let Some(pid) = pid {
        row.int("pid", pid);
    }
    // Real, effective, saved and file system id.
    for (names, column) in [(["uid", "euid", "suid", "fsuid"], "Uid"), (["gid", "egid", "sgid", "fsgid"], "Gid")] {
        for (name, id) in names.into_iter().zip(text::fields(field(status, column).unwrap_or_default())) {
            if let Some(id) = text::number(id) {
                row.int(name, id);
            }
        }
    }
    for (column, name) in MASKS {
        if let Some(mask) = field(status, name).and_then(text::hexadecimal) {
            row.json(column, &privilege::names(mask));
        }
    }
    for (column, name) in [("no_new_privs", "NoNewPrivs"), ("seccomp", "Seccomp"), ("seccomp_filters", "Seccomp_filters")] {
        if let Some(value) = field(status, name).and_then(text::number) {
            row.int(column, value);
        }
    }
}

/// The value of `name` in a table of `Name:\tvalue` lines.
pub(crate) fn field<'a>(text: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let value = |line: &'a [u8]| line.strip_prefix(name.as_bytes())?.strip_prefix(b":");
    text::lines(text).find_map(value).map(<[u8]>::trim_ascii)
}

/// Compares our namespaces with those of process 1 and with the host's first ones.
fn namespaces(row: &mut Row, keeper: &mut Keeper<'_>) -> Result<(), Stop> {
    let (mut not_of_init, mut not_first, mut denied) = (Vec::new(), Vec::new(), false);
    for (name, first) in NAMESPACES {
        let Some(ours) = namespace(keeper, "self", name)? else { continue };
        row.bytes(&format!("ns_{name}"), &ours);
        match namespace(keeper, "1", name)? {
            Some(inits) if inits != ours => not_of_init.push(name),
            Some(_) => {}
            None => denied |= keeper.host.proc.stat("1/ns").is_ok(),
        }
        if first.is_some_and(|first| first.as_bytes() != ours) {
            not_first.push(name);
        }
    }
    if denied {
        // The kernel shows them only to those who could trace process 1.
        row.error("ns_other_than_of_pid_1", "EACCES");
        keeper.evidence.gap(Gap::whole(b"/proc/1/ns", "not readable; whether we share them is not known").refused());
    }
    row.json("ns_other_than_of_pid_1", &not_of_init).json("ns_other_than_first", &not_first);
    row.flag("in_container", !not_of_init.is_empty() || !not_first.is_empty());
    Ok(())
}

fn namespace(keeper: &mut Keeper<'_>, of: &str, name: &str) -> Result<Option<Vec<u8>>, Stop> {
    let path = format!("{of}/ns/{name}");
    let Ok(target) = keeper.host.proc.link(&path) else { return Ok(None) };
    keeper.evidence.raw(&Member::symlink(format!("/proc/{path}").as_bytes(), &target), b"")?;
    Ok(Some(target))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let text = b"Name:\tx\nUid:\t0\t1\t2\t3\nUidmap:\t9\n";
        assert_eq!(field(text, "Uid").unwrap(), b"0\t1\t2\t3");
        assert_eq!(field(text, "Ui"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_parse(bytes: Vec<u8>) {
            status_columns(&mut Row::new(crate::model::Timestamp::from_seconds(0), "x"), &bytes);
        }
    }
}
