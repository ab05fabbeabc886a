//! The host's network cards, as `/sys/class/net` has them: on EC2 those of the Elastic Network Adapter, with the version of its
//! driver and its clock.

use crate::host::Host;
use crate::model::Row;
use crate::source::keep::Keeper;
use crate::source::{Evidence, Stop};

/// The most interfaces that are looked at.
const MOST: usize = 4096;

/// Attributes of the device, and their columns.
const DEVICE: [(&str, &str); 5] = [
    ("vendor", "device/vendor"),
    ("device", "device/device"),
    ("subsystem", "device/subsystem_device"),
    ("numa_node", "device/numa_node"),
    ("mac", "address"),
];

/// Writes a row for each interface that has a device of its own.
///
/// # Errors
/// When the run wants no more of this artefact.
pub(super) fn rows(host: &Host, evidence: &mut dyn Evidence) -> Result<usize, Stop> {
    let mut keeper = Keeper { host, evidence };
    let mut count = 0;
    for name in host.sys.names("class/net").unwrap_or_default().into_iter().take(MOST) {
        keeper.evidence.check()?;
        let Ok(name) = String::from_utf8(name) else { continue };
        let top = format!("class/net/{name}");
        let Ok(driver) = host.sys.link(format!("{top}/device/driver")) else { continue };
        let driver = last(&driver).to_owned();
        let mut row = Row::new(host.clock.now(), format!("/sys/{top}"));
        row.text("interface", &name).bytes("driver", &driver);
        for (column, attribute) in DEVICE {
            if let Ok(text) = keeper.sys(&format!("{top}/{attribute}"))? {
                row.bytes(column, text.bytes.trim_ascii());
            }
        }
        if let Ok(slot) = host.sys.link(format!("{top}/device")) {
            row.bytes("pci_slot", last(&slot));
        }
        let version = [b"module/".as_slice(), &driver, b"/version"].concat();
        if let Ok(version) = keeper.below(&host.sys, &version)? {
            row.bytes("driver_version", version.bytes.trim_ascii());
        }
        keeper.evidence.row("network_adapters", &row)?;
        count += 1;
    }
    Ok(count)
}

fn last(path: &[u8]) -> &[u8] {
    path.rsplit(|b| *b == b'/').next().unwrap_or_default()
}
