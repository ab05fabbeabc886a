//! Tables `kernel_info` and `kernel_security`: which kernel runs, how it was started, and what it forbids.

use std::collections::BTreeMap;

use crate::host::SysRoot;
use crate::model::{Row, escape};
use crate::source::keep::{self, Keeper};
use crate::source::text;
use crate::source::{Stop, taint};

/// Settings below `/proc/sys` that say what an intruder, or we, may do.
const SYSCTLS: [(&str, &str); 16] = [
    ("kptr_restrict", "sys/kernel/kptr_restrict"),
    ("dmesg_restrict", "sys/kernel/dmesg_restrict"),
    ("modules_disabled", "sys/kernel/modules_disabled"),
    ("kexec_load_disabled", "sys/kernel/kexec_load_disabled"),
    ("unprivileged_bpf_disabled", "sys/kernel/unprivileged_bpf_disabled"),
    ("bpf_jit_harden", "sys/net/core/bpf_jit_harden"),
    ("perf_event_paranoid", "sys/kernel/perf_event_paranoid"),
    ("yama_ptrace_scope", "sys/kernel/yama/ptrace_scope"),
    ("randomize_va_space", "sys/kernel/randomize_va_space"),
    ("ftrace_enabled", "sys/kernel/ftrace_enabled"),
    ("core_pattern", "sys/kernel/core_pattern"),
    ("modprobe", "sys/kernel/modprobe"),
    ("poweroff_cmd", "sys/kernel/poweroff_cmd"),
    ("sysrq", "sys/kernel/sysrq"),
    ("max_user_namespaces", "sys/user/max_user_namespaces"),
    ("fips_enabled", "sys/crypto/fips_enabled"),
];

/// Settings below `/sys`.
const SYSFS: [(&str, &str); 5] = [
    ("module_sig_enforce", "module/module/parameters/sig_enforce"),
    ("apparmor_enabled", "module/apparmor/parameters/enabled"),
    ("kexec_loaded", "kernel/kexec_loaded"),
    ("kexec_crash_loaded", "kernel/kexec_crash_loaded"),
    ("uevent_helper", "kernel/uevent_helper"),
];

/// The UEFI's global variables (UEFI specification 3.3): 4 bytes of attributes, then the value.
const EFI_GLOBAL: &str = "8be4df61-93ca-11d2-aa0d-00e098032b8c";

pub(super) fn info(keeper: &mut Keeper<'_>) -> Result<(), Stop> {
    let mut row = Row::new(keeper.host.clock.now(), "/proc/version");
    keep::column(&mut row, "version", keeper.proc("sys/kernel/osrelease")?);
    if let Some(line) = keep::content(&mut row, "arguments", keeper.proc("cmdline")?) {
        let command = CommandLine::parse(&line);
        row.bytes("arguments", &command.arguments).bytes("path", &command.path).bytes("device", &command.device);
    }
    keep::column(&mut row, "build", keeper.proc("sys/kernel/version")?);
    keep::column(&mut row, "banner", keeper.proc("version")?);
    keep::column(&mut row, "banner_of_distribution", keeper.proc("version_signature")?);
    keep::column(&mut row, "bootconfig", keeper.proc("bootconfig")?);
    row.text("machine", &keeper.host.identity.facts.machine);
    keeper.evidence.row("kernel_info", &row)
}

pub(super) fn security(keeper: &mut Keeper<'_>) -> Result<(), Stop> {
    let mut row = Row::new(keeper.host.clock.now(), "/proc/sys/kernel");
    if let Some(mask) = keep::column(&mut row, "tainted", keeper.proc("sys/kernel/tainted")?) {
        let mask = text::number(&mask).and_then(|mask| u64::try_from(mask).ok());
        row.json("taint", &mask.map(taint::meanings).unwrap_or_default());
    }
    for (column, path) in SYSCTLS {
        keep::column(&mut row, column, keeper.proc(path)?);
    }
    for (column, path) in SYSFS {
        keep::column(&mut row, column, keeper.sys(path)?);
    }
    modules_of_security(&mut row, keeper)?;
    secure_boot(&mut row, keeper)?;
    keeper.evidence.row("kernel_security", &row)
}

/// Lockdown, and the state of the security modules.
fn modules_of_security(row: &mut Row, keeper: &mut Keeper<'_>) -> Result<(), Stop> {
    if let Some(security) = keeper.filesystem(row, "lockdown", c"securityfs", "/sys/kernel/security") {
        if let Some(text) = keep::content(row, "lockdown", keeper.below(&security, b"lockdown")?) {
            row.bytes("lockdown", &chosen(&text));
        }
        keep::column(row, "lsm", keeper.below(&security, b"lsm")?);
        if let Some(profiles) = keep::content(row, "apparmor_profiles", keeper.below(&security, b"apparmor/profiles")?) {
            row.int("apparmor_profiles", i64::try_from(text::lines(&profiles).count()).unwrap_or(i64::MAX));
        }
        keep::column(row, "ima_runtime_measurements", keeper.below(&security, b"ima/runtime_measurements_count")?);
    }
    if let Some(selinux) = keeper.host.mounted(c"selinuxfs", "/sys/fs/selinux") {
        for (column, name) in [("selinux_enforce", "enforce"), ("selinux_policy_version", "policyvers"), ("selinux_mls", "mls")] {
            keep::column(row, column, keeper.below(&selinux, name.as_bytes())?);
        }
        booleans(row, keeper, &selinux)?;
    }
    Ok(())
}

/// The switches of SELinux's policy: of each its value, and the one that it gets with the next commit, as the kernel writes them.
fn booleans(row: &mut Row, keeper: &mut Keeper<'_>, selinux: &SysRoot) -> Result<(), Stop> {
    let names = match selinux.names("booleans") {
        Ok(names) => names,
        Err(error) if error.is_gone() => return Ok(()),
        Err(error) => {
            row.error("selinux_booleans", error.reason.word());
            keeper.evidence.gap(error.gap());
            return Ok(());
        }
    };
    let mut values = BTreeMap::new();
    for name in names {
        let kept = keeper.below(selinux, &[b"booleans/", name.as_slice()].concat())?;
        if let Some(value) = keep::content(row, "selinux_booleans", kept) {
            values.insert(escape::bytes(&name), escape::bytes(value.trim_ascii()));
        }
    }
    row.json("selinux_booleans", &values);
    Ok(())
}

fn secure_boot(row: &mut Row, keeper: &mut Keeper<'_>) -> Result<(), Stop> {
    let efi = keeper.host.sys.stat("firmware/efi").is_ok();
    row.flag("efi", efi);
    if !efi {
        return Ok(());
    }
    let point = "/sys/firmware/efi/efivars";
    let Some(variables) = keeper.filesystem(row, "secure_boot", c"efivarfs", point) else { return Ok(()) };
    for (column, name) in [("secure_boot", "SecureBoot"), ("setup_mode", "SetupMode")] {
        if let Some(value) = efi_variable(row, keeper, &variables, column, name)? {
            row.int(column, value);
        }
    }
    Ok(())
}

fn efi_variable(
    row: &mut Row,
    keeper: &mut Keeper<'_>,
    variables: &SysRoot,
    column: &'static str,
    name: &str,
) -> Result<Option<u8>, Stop> {
    let kept = keeper.below(variables, format!("{name}-{EFI_GLOBAL}").as_bytes())?;
    Ok(keep::content(row, column, kept).and_then(|bytes| bytes.get(4).copied()))
}

/// The word in square brackets, as `none [integrity] confidentiality` has it; all of it where there are none.
pub(crate) fn chosen(text: &[u8]) -> Vec<u8> {
    let inside = text.split(|b| *b == b'[').nth(1).and_then(|rest| rest.split(|b| *b == b']').next());
    inside.unwrap_or(text).trim_ascii().to_owned()
}

/// The kernel's command line, cut as osquery cuts it.
#[derive(Debug, PartialEq, Eq, Default)]
struct CommandLine {
    arguments: Vec<u8>,
    path: Vec<u8>,
    device: Vec<u8>,
}

impl CommandLine {
    fn parse(line: &[u8]) -> Self {
        let mut out = Self::default();
        let mut rest: Vec<&[u8]> = Vec::new();
        for word in line.trim_ascii_end().split(|b| *b == b' ') {
            if let Some(path) = word.strip_prefix(b"BOOT_IMAGE=").filter(|_| out.path.is_empty()) {
                out.path = path.to_owned();
            } else if let Some(device) = word.strip_prefix(b"root=").filter(|_| out.device.is_empty()) {
                out.device = device.to_owned();
            } else {
                rest.push(word);
            }
        }
        out.arguments = rest.join(&b' ');
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture;
    use crate::source::recorded::Recorded;
    use proptest::prelude::*;

    #[test]
    fn booleans_of_selinux_are_one_column() {
        let dir = tempfile::tempdir().unwrap();
        let files = [("enforce", "1"), ("booleans/a_b", "0 1"), ("booleans/c", "1 1\n")];
        let files = files.map(|(path, text)| (format!("sys/fs/selinux/{path}"), text));
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        let host = fixture::host(dir.path(), &files);
        let mut evidence = Recorded::default();
        security(&mut Keeper { host: &host, evidence: &mut evidence }).unwrap();
        let row = &evidence.rows("kernel_security")[0];
        assert_eq!((&row["selinux_enforce"], &row["status"]), (&1.into(), &"ok".into()));
        assert_eq!(row["selinux_booleans"], serde_json::json!({"a_b": "0 1", "c": "1 1"}));
        assert_eq!(evidence.member("/sys/fs/selinux/booleans/a_b"), Some(&b"0 1"[..]));
        assert_eq!(evidence.gaps, []);
    }

    #[test]
    fn a_host_without_selinux_has_no_such_column() {
        let dir = tempfile::tempdir().unwrap();
        let host = fixture::host(dir.path(), &[("sys/kernel/kexec_loaded", "0")]);
        let mut evidence = Recorded::default();
        security(&mut Keeper { host: &host, evidence: &mut evidence }).unwrap();
        assert_eq!(evidence.rows("kernel_security")[0].get("selinux_booleans"), None);
    }

    #[test]
    fn the_command_line_is_cut_as_osquery_does() {
        let line = CommandLine::parse(b"BOOT_IMAGE=(hd0)/vmlinuz root=UUID=1 ro quiet  x=\"a b\" root=2\n");
        assert_eq!(line.path, b"(hd0)/vmlinuz");
        assert_eq!(line.device, b"UUID=1");
        assert_eq!(line.arguments, b"ro quiet  x=\"a b\" root=2");
    }

    #[test]
    fn the_chosen_word_stands_in_brackets() {
        assert_eq!(chosen(b"none [integrity] confidentiality\n"), b"integrity");
        assert_eq!(chosen(b"plain\n"), b"plain");
        assert_eq!(chosen(b"[open"), b"open");
    }

    proptest! {
        #[test]
        fn any_bytes_parse(bytes: Vec<u8>) {
            CommandLine::parse(&bytes);
            chosen(&bytes);
        }
    }
}
