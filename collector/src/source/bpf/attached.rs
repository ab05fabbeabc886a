//! Programs that are attached to control groups (`BPF_PROG_QUERY`): some have no link that would say so, and no process.

use nix::errno::Errno;

use crate::host::Host;
use crate::host::bpf::Attached;
use crate::host::cgroups::{Hierarchy, mounts};
use crate::model::{Gap, Row};
use crate::source::{Evidence, Stop};

/// More groups than a host has.
const MOST: usize = 20_000;

/// `enum bpf_attach_type`, those of control groups.
const PLACES: [(u32, &str); 29] = [
    (0, "inet_ingress"),
    (1, "inet_egress"),
    (2, "inet_sock_create"),
    (3, "sock_ops"),
    (6, "device"),
    (8, "inet4_bind"),
    (9, "inet6_bind"),
    (10, "inet4_connect"),
    (11, "inet6_connect"),
    (12, "inet4_post_bind"),
    (13, "inet6_post_bind"),
    (14, "udp4_sendmsg"),
    (15, "udp6_sendmsg"),
    (18, "sysctl"),
    (19, "udp4_recvmsg"),
    (20, "udp6_recvmsg"),
    (21, "getsockopt"),
    (22, "setsockopt"),
    (29, "inet4_getpeername"),
    (30, "inet6_getpeername"),
    (31, "inet4_getsockname"),
    (32, "inet6_getsockname"),
    (34, "inet_sock_release"),
    (43, "lsm_cgroup"),
    (49, "unix_connect"),
    (50, "unix_sendmsg"),
    (51, "unix_recvmsg"),
    (52, "unix_getpeername"),
    (53, "unix_getsockname"),
];

/// Writes `bpf_cgroup_programs`: a row for each group and place that has programs.
pub(super) fn all(host: &Host, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    if !host.live {
        return Ok(());
    }
    for mount in mounts(host.files.mounts()).into_iter().filter(|mount| mount.kind == b"cgroup2") {
        match Hierarchy::open(mount) {
            Ok(hierarchy) => walk(host, &hierarchy, evidence)?,
            Err(error) => evidence.gap(error.gap()),
        }
    }
    Ok(())
}

fn walk(host: &Host, hierarchy: &Hierarchy, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    let (mut open, mut count) = (vec![Vec::new()], 0_usize);
    while let Some(path) = open.pop() {
        evidence.check()?;
        count += 1;
        if count > MOST {
            evidence.gap(Gap::whole(&hierarchy.point, "more control groups than are asked about"));
            return Ok(());
        }
        let children = hierarchy.children(&path).unwrap_or_default();
        open.extend(
            children.into_iter().map(|name| if path.is_empty() { name } else { [path.as_slice(), b"/", &name].concat() }),
        );
        group(host, hierarchy, &path, evidence)?;
    }
    Ok(())
}

fn group(host: &Host, hierarchy: &Hierarchy, path: &[u8], evidence: &mut dyn Evidence) -> Result<(), Stop> {
    for (number, word) in PLACES {
        match hierarchy.programs(path, number) {
            Ok(found) if found.programs.is_empty() => {}
            Ok(found) => evidence.row("bpf_cgroup_programs", &row(host, hierarchy, path, word, &found))?,
            // A place that this kernel does not have; or a group that is gone.
            Err(Errno::EINVAL | Errno::ENOENT | Errno::ENODEV | Errno::EOPNOTSUPP) => {}
            Err(Errno::ENOSYS | Errno::EPERM) => return Ok(()),
            Err(errno) => evidence.gap(Gap::whole(path, format!("programs at {word}: {errno}"))),
        }
    }
    Ok(())
}

fn row(host: &Host, hierarchy: &Hierarchy, path: &[u8], word: &str, found: &Attached) -> Row {
    let mut row = Row::new(host.clock.now(), "BPF_PROG_QUERY");
    row.bytes("mount_point", &hierarchy.point).bytes("cgroup", &[b"/", path].concat());
    row.text("attach_type", word).json("program_ids", &found.programs).hex("flags", found.flags.into());
    row
}
