//! Which package of the distribution has the debug information of a kernel: the way to types where the kernel has no BTF.

use crate::model::escape;
use crate::source::context;

/// The distribution that the text of an os-release(5) names: its `ID`, escaped; empty where there is none.
#[must_use]
pub fn distribution(os_release: &[u8]) -> String {
    let variables = context::os_release(os_release);
    escape::bytes(variables.get(&b"ID"[..]).map(Vec::as_slice).unwrap_or_default())
}

/// The package for the kernel `release` of a distribution (`ID` of os-release(5)), and where it comes from. None where the
/// distribution is not known, or the release is not a kernel's.
#[must_use]
pub fn debug_package(id: &str, release: &str, machine: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._+~-".contains(c);
    if release.is_empty() || !release.chars().all(plain) {
        return None;
    }
    match id {
        "amzn" => Some(format!("{} (dnf debuginfo-install, or yum on Amazon Linux 2)", amazon(release))),
        "debian" => Some(format!("linux-image-{release}-dbg (Debian's archive, or snapshot.debian.org)")),
        "ubuntu" => Some(format!("linux-image-unsigned-{release}-dbgsym, else linux-image-{release}-dbgsym (ddebs.ubuntu.com)")),
        "rhel" | "centos" | "rocky" | "almalinux" | "fedora" | "ol" => {
            Some(format!("{} (the distribution's debuginfo repository)", red_hat(release, machine)))
        }
        "sles" | "sle_hpc" | "sles_sap" | "opensuse-leap" | "opensuse-tumbleweed" => suse(release),
        _ => None,
    }
}

/// Amazon Linux 2023 has its newer kernels beside 6.1 under names of their own.
fn amazon(release: &str) -> String {
    let version: Vec<&str> = release.split('.').take(2).collect();
    let version = version.join(".");
    if release.contains(".amzn2023.") && version != "6.1" {
        format!("kernel{version}-debuginfo-{release}")
    } else {
        format!("kernel-debuginfo-{release}")
    }
}

/// `5.14.0-427.el9.aarch64+64k` is of the variant `64k`; Oracle's own kernel has `uek` in its release.
fn red_hat(release: &str, machine: &str) -> String {
    if release.contains("uek") {
        return format!("kernel-uek-debuginfo-{release}");
    }
    match release.split_once('+').filter(|(plain, _)| plain.ends_with(machine)) {
        Some((plain, variant)) => format!("kernel-{variant}-debuginfo-{plain}"),
        None => format!("kernel-debuginfo-{release}"),
    }
}

/// `5.3.18-150300.59.93-default`: version, then flavour.
fn suse(release: &str) -> Option<String> {
    let (version, flavour) = release.rsplit_once('-')?;
    Some(format!("kernel-{flavour}-debuginfo of version {version} (SUSE's debuginfo repository)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_distribution_names_its_package() {
        for (id, release, machine, package) in [
            ("amzn", "4.14.336-257.562.amzn2.x86_64", "x86_64", "kernel-debuginfo-4.14.336-257.562.amzn2.x86_64 "),
            ("amzn", "6.1.102-111.182.amzn2023.x86_64", "x86_64", "kernel-debuginfo-6.1.102-111.182.amzn2023.x86_64 "),
            ("amzn", "6.12.20-23.97.amzn2023.aarch64", "aarch64", "kernel6.12-debuginfo-6.12.20-23.97.amzn2023.aarch64 "),
            ("debian", "6.1.0-56-cloud-amd64", "x86_64", "linux-image-6.1.0-56-cloud-amd64-dbg "),
            ("ubuntu", "5.4.0-1103-aws", "x86_64", "linux-image-unsigned-5.4.0-1103-aws-dbgsym"),
            ("rocky", "4.18.0-553.el8.x86_64", "x86_64", "kernel-debuginfo-4.18.0-553.el8.x86_64 "),
            ("rhel", "5.14.0-427.el9.aarch64+64k", "aarch64", "kernel-64k-debuginfo-5.14.0-427.el9.aarch64 "),
            ("ol", "5.15.0-206.el8uek.x86_64", "x86_64", "kernel-uek-debuginfo-5.15.0-206.el8uek.x86_64 "),
            ("sles", "5.3.18-150300.59.93-default", "x86_64", "kernel-default-debuginfo of version 5.3.18-150300.59.93 "),
        ] {
            let said = debug_package(id, release, machine).unwrap();
            assert!(said.starts_with(package), "{said}");
        }
    }

    #[test]
    fn text_that_is_no_release_names_nothing() {
        for release in ["", "6.1; rm -rf /", "6.1\u{1b}[0m"] {
            assert_eq!(debug_package("debian", release, "x86_64"), None, "{release:?}");
        }
        assert_eq!(debug_package("arch", "6.1", "x86_64"), None);
    }
}
