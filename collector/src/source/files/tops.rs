//! Which file systems are walked, decided by the mount table alone.

use std::collections::BTreeMap;

use crate::host::Host;
use crate::host::mounts::{self, Mount};
use crate::model::{Row, Timestamp};

/// A mount, and why it is not walked if it is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source) struct Top {
    /// Where it is mounted.
    pub(super) point: Vec<u8>,
    /// Why it is left out.
    pub(in crate::source) skipped: Option<&'static str>,
    mount: Option<Mount>,
}

impl Top {
    /// The mount, which a fixture has not.
    pub(in crate::source) fn mount(&self) -> Option<&Mount> {
        self.mount.as_ref()
    }

    /// Its row: what it is, and how many files it has if it was walked.
    pub(super) fn row(&self, now: Timestamp, count: u64) -> Row {
        let mut row = Row::new(now, "/proc/self/mountinfo");
        row.bytes("path", &self.point);
        if let Some(mount) = &self.mount {
            row.bytes("type", &mount.kind).bytes("device", &mount.source).bytes("root", &mount.root);
            row.text("dev", &format!("{}:{}", mount.dev.0, mount.dev.1)).int("mount_id", mount.id);
        }
        row.flag("walked", self.skipped.is_none());
        match self.skipped {
            Some(why) => row.text("reason", why),
            None => row.int("files", count),
        };
        row
    }
}

/// All mounts in the order in which they are walked: the root first. A fixture has one.
pub(super) fn all(host: &Host) -> Vec<Top> {
    let mounts = host.files.mounts();
    if mounts.is_empty() {
        return vec![Top { point: b"/".to_vec(), skipped: None, mount: None }];
    }
    choose(mounts)
}

/// The mounts of this table, each with why it is left out if it is.
pub(in crate::source) fn choose(mounts: &[Mount]) -> Vec<Top> {
    let mut tops: Vec<Top> = mounts
        .iter()
        .map(|mount| Top { point: mount.point.clone(), skipped: refused(mount, mounts), mount: Some(mount.clone()) })
        .collect();
    tops.sort_by(|one, other| one.point.cmp(&other.point));
    leave_out_twins(&mut tops);
    tops
}

fn refused(mount: &Mount, mounts: &[Mount]) -> Option<&'static str> {
    if !mount.is_local() {
        return Some("its server is not this kernel, or it has no files of a disk");
    }
    let covering = mounts::covering(mounts, &mount.point);
    if covering.is_some_and(|other| other.id != mount.id) {
        return Some("another mount covers it");
    }
    (mount.kind == b"overlay" && mount.point != b"/").then_some("its layers are walked where they lie")
}

/// One file system that is mounted several times is walked once: at the mount that shows most of it.
fn leave_out_twins(tops: &mut [Top]) {
    let mut roots: BTreeMap<(u32, u32), Vec<Vec<u8>>> = BTreeMap::new();
    for top in tops.iter().filter(|top| top.skipped.is_none()) {
        if let Some(mount) = &top.mount {
            roots.entry(mount.dev).or_default().push(mount.root.clone());
        }
    }
    let mut walked: Vec<((u32, u32), Vec<u8>)> = Vec::new();
    for top in tops.iter_mut().filter(|top| top.skipped.is_none()) {
        let Some(mount) = &top.mount else { continue };
        let others = roots.get(&mount.dev).map(Vec::as_slice).unwrap_or_default();
        let inside = others.iter().any(|root| *root != mount.root && mounts::below(&mount.root, root).is_some());
        let again = walked.contains(&(mount.dev, mount.root.clone()));
        if inside || again {
            top.skipped = Some("the same file system is walked at another place");
        } else {
            walked.push((mount.dev, mount.root.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_local_file_system_is_walked_once() {
        let table = b"21 1 8:1 / / rw - ext4 /dev/a rw\n\
            22 21 0:20 / /proc rw - proc proc rw\n\
            23 21 0:21 / /mnt rw - fuse.sshfs host:/ rw\n\
            24 21 8:1 /var/lib/x /srv rw - ext4 /dev/a rw\n\
            25 21 8:2 /sub /data rw - xfs /dev/b rw\n\
            26 21 8:2 /sub /again rw - xfs /dev/b rw\n\
            27 21 0:30 / /var/lib/docker/m rw - overlay overlay rw\n\
            28 21 0:40 / /run rw - tmpfs tmpfs rw\n\
            29 21 0:41 / /run rw - tmpfs tmpfs rw\n\
            30 21 0:42 / /efs rw - nfs4 host:/ rw\n";
        let tops = choose(&mounts::parse(table).0);
        let walked: Vec<&[u8]> = tops.iter().filter(|top| top.skipped.is_none()).map(|top| top.point.as_slice()).collect();
        assert_eq!(walked, [&b"/"[..], b"/again", b"/run"]);
        let run: Vec<bool> = tops.iter().filter(|top| top.point == b"/run").map(|top| top.skipped.is_none()).collect();
        assert_eq!(run.iter().filter(|walked| **walked).count(), 1);
        assert_eq!(tops.len(), 10);
    }
}
