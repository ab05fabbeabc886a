//! What this process may do on the host.

use std::collections::BTreeMap;

use super::{ProcRoot, ReadError, read};

/// Names of the capabilities by number (linux/capability.h).
pub const CAPABILITIES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

/// The capabilities without which something cannot be seen, and what that is.
const NEEDED: [(&str, &str); 5] = [
    ("sys_ptrace", "environment, memory maps, open files and executables of other users' processes"),
    ("dac_read_search", "files that only their owner may read"),
    ("sys_admin", "private views of file systems, other network namespaces, processes hidden by mounts over /proc"),
    ("syslog", "the kernel's log and its addresses"),
    ("net_admin", "details of sockets and packet filters"),
];

/// Effective user id and capabilities of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Privileges {
    /// Effective user id.
    pub euid: u32,
    /// Effective capabilities, as a bit mask.
    pub effective: u64,
}

impl Privileges {
    /// Reads them from `/proc/self/status`.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn read(proc: &ProcRoot) -> Result<Self, ReadError> {
        let status = proc.file("self/status", read::SMALL)?;
        let mask = status.bytes.split(|b| *b == b'\n').find_map(|line| line.strip_prefix(b"CapEff:"));
        let effective = mask.and_then(|mask| u64::from_str_radix(std::str::from_utf8(mask).ok()?.trim(), 16).ok()).unwrap_or(0);
        Ok(Self { euid: nix::unistd::geteuid().as_raw(), effective })
    }

    /// Whether the capability of this name (without `CAP_`, lower case) is effective.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        CAPABILITIES.iter().position(|known| *known == name).is_some_and(|bit| self.effective & (1 << bit) != 0)
    }

    /// What cannot be seen, by the capability that is missing. Empty for root of the host.
    #[must_use]
    pub fn unseen(&self) -> BTreeMap<&'static str, &'static str> {
        NEEDED.iter().filter(|(name, _)| !self.has(name)).copied().collect()
    }
}

/// The names of the capabilities in a bit mask; bits without a name are numbers.
#[must_use]
pub fn names(mask: u64) -> Vec<String> {
    let name = |bit: usize| CAPABILITIES.get(bit).map_or_else(|| bit.to_string(), |name| (*name).to_owned());
    (0..64).filter(|bit| mask & (1 << bit) != 0).map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_have_the_kernels_names() {
        assert_eq!(names(1 | 1 << 21 | 1 << 40 | 1 << 63), ["chown", "sys_admin", "checkpoint_restore", "63"]);
        let all = Privileges { euid: 0, effective: u64::MAX };
        assert!(all.has("syslog") && all.unseen().is_empty());
        assert_eq!(Privileges { euid: 1, effective: 0 }.unseen().len(), NEEDED.len());
    }
}
