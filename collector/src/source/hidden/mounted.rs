//! Mounts over `/proc/PID`: the way to hide a process that needs no code in the kernel.

use crate::host::Host;
use crate::host::mounts::{self, Mount};
use crate::host::procfs::number;
use crate::host::read::SMALL;

/// The mount table of now.
#[derive(Debug)]
pub(super) struct Mounted {
    pub(super) mounts: Vec<Mount>,
}

impl Mounted {
    /// Reads it; empty where it cannot be read.
    pub(super) fn read(host: &Host) -> Self {
        let text = host.proc.file("self/mountinfo", SMALL).unwrap_or_default().bytes;
        Self { mounts: mounts::parse(&text).0 }
    }

    /// Whether something is mounted over all of `/proc/PID`.
    pub(super) fn covers(&self, pid: i32) -> bool {
        self.over_processes().any(|(over, mount)| over == pid && !inside(mount))
    }

    /// The mounts over `/proc/PID` or something in it, with the process they stand over.
    pub(super) fn over_processes(&self) -> impl Iterator<Item = (i32, &Mount)> {
        self.mounts.iter().filter_map(|mount| {
            let below = mount.point.strip_prefix(b"/proc/")?;
            Some((number(below.split(|b| *b == b'/').next()?)?, mount))
        })
    }
}

/// Whether the mount covers only a part of the process's directory.
pub(super) fn inside(mount: &Mount) -> bool {
    mount.point.iter().filter(|b| **b == b'/').count() > 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_mounts_over_processes_count() {
        let text = b"1 0 0:9 / /proc/7 rw - tmpfs t rw\n2 0 0:9 / /proc/8/maps rw - tmpfs t rw\n\
            3 0 0:9 / /proc/fs rw - x x rw\n4 0 0:9 / /proc rw - proc p rw\n5 0 0:9 / /procx/7 rw - x x rw\n";
        let mounted = Mounted { mounts: mounts::parse(text).0 };
        let over: Vec<(i32, bool)> = mounted.over_processes().map(|(pid, mount)| (pid, inside(mount))).collect();
        assert_eq!(over, [(7, false), (8, true)]);
        assert!(mounted.covers(7) && !mounted.covers(8));
    }
}
