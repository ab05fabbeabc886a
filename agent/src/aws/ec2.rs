//! Whether this is EC2, as the firmware's tables say it. Nobody on the network is asked.

use hozen_collector::host::Host;

/// The instance metadata's address on every instance.
pub(super) const IMDS: &str = "http://169.254.169.254";

/// Whether DMI says that this is an EC2 instance ("Detect whether a host is an EC2 instance" of the EC2 user guide): Nitro names
/// its maker, Xen has a UUID that begins with `ec2`.
pub(super) fn is_ec2(host: &Host) -> bool {
    let line = |path: &str| {
        let bytes = host.sys.file(path, 4096).map(|file| file.bytes).unwrap_or_default();
        bytes.trim_ascii().to_ascii_lowercase()
    };
    let instance = |tag: Vec<u8>| tag.starts_with(b"i-") && tag.len() > 9;
    line("class/dmi/id/sys_vendor") == b"amazon ec2"
        || instance(line("class/dmi/id/board_asset_tag"))
        || line("hypervisor/uuid").starts_with(b"ec2")
        || line("class/dmi/id/product_uuid").starts_with(b"ec2")
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests lay out files with the standard library")]
mod tests {
    use super::*;

    fn host(files: &[(&str, &str)]) -> bool {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("proc")).unwrap();
        for (path, text) in files {
            let path = dir.path().join("sys").join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        is_ec2(&Host::fixture(dir.path()).unwrap())
    }

    #[test]
    fn dmi_decides() {
        assert!(host(&[("class/dmi/id/sys_vendor", "Amazon EC2\n")]));
        assert!(host(&[("class/dmi/id/board_asset_tag", "i-0123456789abcdef0\n")]));
        assert!(host(&[("hypervisor/uuid", "EC2E1916-9099-7CAF-FD21-012345ABCDEF\n")]));
        assert!(!host(&[]));
        assert!(!host(&[("class/dmi/id/sys_vendor", "QEMU\n"), ("class/dmi/id/board_asset_tag", "i-x\n")]));
    }
}
