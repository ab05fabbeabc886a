//! Which file systems must not be touched, known without touching them: the mount tables of all processes.

use std::collections::{BTreeMap, BTreeSet};

use super::mounts::{self, Mount};
use super::read;
use super::sys::Stat;
use super::{ProcRoot, Reason};
use crate::model::escape;

/// File systems whose server is not this kernel, by mount id (unique on the host) and by device number.
#[derive(Debug, Default)]
pub struct FileSystems {
    by_mount: BTreeMap<u64, Vec<u8>>,
    by_device: BTreeMap<(u32, u32), Vec<u8>>,
}

impl FileSystems {
    /// From the mount table of each mount namespace that has a process. Tables that cannot be read are left out: what lies
    /// there is unknown, so its reader must be ready to abandon the read.
    #[must_use]
    pub fn of_all_processes(proc: &ProcRoot) -> Self {
        let mut all = Self::default();
        let mut seen = BTreeSet::new();
        for pid in proc.pids().unwrap_or_default() {
            let namespace = proc.link(format!("{pid}/ns/mnt"));
            if namespace.is_ok_and(|namespace| seen.insert(namespace))
                && let Ok(table) = proc.file(format!("{pid}/mountinfo"), read::SMALL)
            {
                all.add(&mounts::parse(&table.bytes).0);
            }
        }
        all
    }

    /// Adds a mount table.
    pub fn add(&mut self, mounts: &[Mount]) {
        for mount in mounts.iter().filter(|mount| !mount.is_local()) {
            self.by_mount.insert(u64::from(mount.id), mount.kind.clone());
            self.by_device.insert(mount.dev, mount.kind.clone());
        }
    }

    /// Whether files of the mount `id` may be touched. Mounts that are in no table (the kernel's own, for memfds; lazily
    /// unmounted ones) pass.
    ///
    /// # Errors
    /// [`Reason::FileSystem`] where its server is not this kernel.
    pub fn check_mount(&self, id: u64) -> Result<(), Reason> {
        refuse(self.by_mount.get(&id))
    }

    /// Whether files of the device `(major, minor)` may be touched.
    ///
    /// # Errors
    /// [`Reason::FileSystem`] where its server is not this kernel.
    pub fn check_device(&self, device: (u32, u32)) -> Result<(), Reason> {
        refuse(self.by_device.get(&device))
    }

    /// Whether the file of which `statx` said this may be read.
    ///
    /// # Errors
    /// [`Reason::FileSystem`] where its server is not this kernel.
    pub fn check(&self, stat: &Stat) -> Result<(), Reason> {
        self.check_device(stat.dev)?;
        stat.mnt_id.map_or(Ok(()), |id| self.check_mount(id))
    }
}

fn refuse(kind: Option<&Vec<u8>>) -> Result<(), Reason> {
    kind.map_or(Ok(()), |kind| Err(Reason::FileSystem(escape::bytes(kind))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Footprint;

    #[test]
    fn remote_file_systems_are_refused_by_mount_and_by_device() {
        let table = b"21 1 8:1 / / rw - ext4 /dev/root rw\n23 21 0:21 /x /mnt rw - fuse.sshfs host:/ rw\n";
        let mut known = FileSystems::default();
        known.add(&mounts::parse(table).0);
        assert_eq!(known.check_mount(23), Err(Reason::FileSystem("fuse.sshfs".to_owned())));
        assert!(known.check_device((0, 21)).is_err());
        assert!(known.check_mount(21).is_ok() && known.check_device((8, 1)).is_ok() && known.check_mount(99).is_ok());
    }

    #[test]
    fn pseudo_file_systems_of_this_machine_are_known() {
        let all = FileSystems::of_all_processes(&ProcRoot::live(&Footprint::default()).unwrap());
        assert!(all.by_mount.values().any(|kind| kind == b"proc"));
    }
}
