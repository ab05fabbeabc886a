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
mod tests {
    use super::*;
    use hozen_collector::host::fixture;

    fn host(files: &[(&str, &str)]) -> bool {
        let dir = tempfile::tempdir().unwrap();
        is_ec2(&fixture::host(dir.path(), files))
    }

    #[test]
    fn dmi_decides() {
        assert!(host(&[("sys/class/dmi/id/sys_vendor", "Amazon EC2\n")]));
        assert!(host(&[("sys/class/dmi/id/board_asset_tag", "i-0123456789abcdef0\n")]));
        assert!(host(&[("sys/hypervisor/uuid", "EC2E1916-9099-7CAF-FD21-012345ABCDEF\n")]));
        assert!(!host(&[]));
        assert!(!host(&[("sys/class/dmi/id/sys_vendor", "QEMU\n"), ("sys/class/dmi/id/board_asset_tag", "i-x\n")]));
    }
}
