//! May the kernel be asked, or would it load a module to answer?
//!
//! A `sock_diag` request for a family whose module is not there makes the kernel run `modprobe`, a program of the suspect host.
//! So a family is asked for only where the module is there already, or where the kernel cannot run `modprobe` at all.
//! `modules_disabled` does not help: it forbids the loading, not the running (`__request_module`, kernel/module/kmod.c).

use std::collections::BTreeSet;

use crate::host::{Host, module, read};

/// What is known before the kernel is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// Whether the kernel cannot run `modprobe`.
    impossible: bool,
    /// Modules that are loaded or built in.
    present: BTreeSet<&'static str>,
}

/// Every module that a question of ours may need.
const MODULES: [&str; 11] = [
    "inet_diag",
    "tcp_diag",
    "udp_diag",
    "raw_diag",
    "unix_diag",
    "af_packet_diag",
    "netlink_diag",
    "nfnetlink",
    "nf_tables",
    "ip_set",
    "nf_conntrack_netlink",
];

impl Guard {
    /// Reads what the host says of its modules. What cannot be read counts as not there.
    #[must_use]
    pub fn read(host: &Host) -> Self {
        let builtin = builtin(host);
        let present = MODULES.into_iter().filter(|name| builtin.contains(*name) || is_loaded(host, name)).collect();
        Self { impossible: is_impossible(host), present }
    }

    /// Whether a question that needs `modules` may be asked.
    ///
    /// # Errors
    /// Why not.
    pub fn may_ask(&self, modules: &[&'static str]) -> Result<(), String> {
        let missing: Vec<&str> = modules.iter().filter(|name| !self.present.contains(*name)).copied().collect();
        if self.impossible || missing.is_empty() {
            return Ok(());
        }
        Err(format!("not asked: the kernel would run modprobe to load {}", missing.join(", ")))
    }
}

/// Without modules there is neither `/proc/modules` nor the sysctl; with an empty sysctl the kernel runs nothing.
fn is_impossible(host: &Host) -> bool {
    match host.proc.file("sys/kernel/modprobe", 4096) {
        Ok(path) => path.bytes.trim_ascii().is_empty(),
        Err(error) => error.is_gone() && host.proc.stat("modules").is_err_and(|error| error.is_gone()),
    }
}

fn is_loaded(host: &Host, name: &str) -> bool {
    if host.live { module::is_shown(name) } else { host.files.stat(format!("/sys/module/{name}")).is_ok() }
}

fn builtin(host: &Host) -> BTreeSet<String> {
    let release = host.proc.file("sys/kernel/osrelease", 4096).map(|text| text.bytes).unwrap_or_default();
    let path = [b"/lib/modules/", release.trim_ascii(), b"/modules.builtin"].concat();
    host.files.file(path, read::SMALL).map(|text| parse_builtin(&text.bytes)).unwrap_or_default()
}

/// The module names in a `modules.builtin`, whose lines look like `kernel/net/ipv4/tcp_diag.ko`.
fn parse_builtin(text: &[u8]) -> BTreeSet<String> {
    let name = |line: &[u8]| {
        let file = line.trim_ascii().strip_suffix(b".ko")?.rsplit(|b| *b == b'/').next()?;
        Some(std::str::from_utf8(file).ok()?.replace('-', "_"))
    };
    text.split(|b| *b == b'\n').filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture;

    fn fixture(files: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
        let dir = tempfile::tempdir().unwrap();
        let host = fixture::host(dir.path(), files);
        (dir, host)
    }

    #[test]
    fn a_module_that_is_not_there_is_not_asked_for() {
        let (_dir, host) = fixture(&[
            ("proc/sys/kernel/modprobe", "/sbin/modprobe\n"),
            ("proc/sys/kernel/modules_disabled", "1\n"),
            ("proc/sys/kernel/osrelease", "6.1\n"),
            ("lib/modules/6.1/modules.builtin", "kernel/net/ipv4/inet_diag.ko\nkernel/net/unix/unix-diag.ko\n"),
            ("sys/module/tcp_diag/initstate", "live\n"),
        ]);
        let guard = Guard::read(&host);
        assert_eq!(guard.may_ask(&["inet_diag", "tcp_diag"]), Ok(()));
        assert_eq!(guard.may_ask(&["unix_diag"]), Ok(()));
        assert!(guard.may_ask(&["inet_diag", "raw_diag"]).unwrap_err().ends_with("to load raw_diag"));
    }

    #[test]
    fn everything_may_be_asked_where_modprobe_cannot_run() {
        for files in [&[][..], &[("proc/sys/kernel/modprobe", "\n"), ("proc/modules", "")]] {
            let (_dir, host) = fixture(files);
            assert_eq!(Guard::read(&host).may_ask(&["raw_diag"]), Ok(()), "{files:?}");
        }
        let (_dir, host) = fixture(&[("proc/modules", "")]);
        assert!(Guard::read(&host).may_ask(&["raw_diag"]).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_parsed(text in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = parse_builtin(&text);
        }
    }
}
