//! What identifies a host without asking anybody.

use super::{HostFiles, ProcRoot, SysRoot};
use crate::model::escape;
use crate::model::record::HostFacts;

/// Who the host is, as far as its own files and kernel say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The facts for the begin record.
    pub facts: HostFacts,
}

impl Identity {
    /// Reads DMI, machine id, host name and boot id. What is missing stays out.
    #[must_use]
    pub fn read(proc: &ProcRoot, sys: &SysRoot, files: &HostFiles) -> Self {
        let line = |path: &str| proc.file(path, 4096).ok().map(|text| first_line(&text.bytes)).filter(|text| !text.is_empty());
        let hostname = line("sys/kernel/hostname").unwrap_or_default();
        let machine_id = files.file("/etc/machine-id", 4096).ok().map(|text| first_line(&text.bytes)).filter(|id| !id.is_empty());
        let (id, id_kind) = match (instance_id(sys), machine_id) {
            (Some(id), _) => (id, "instance-id"),
            (None, Some(id)) => (id, "machine-id"),
            (None, None) => (hostname.clone(), "hostname"),
        };
        let machine = nix::sys::utsname::uname().map(|u| u.machine().to_string_lossy().into_owned()).unwrap_or_default();
        let facts = HostFacts {
            id,
            id_kind: id_kind.to_owned(),
            hostname,
            kernel: line("sys/kernel/osrelease").unwrap_or_default(),
            machine,
            boot_id: line("sys/kernel/random/boot_id"),
        };
        Self { facts }
    }
}

/// The EC2 instance id, which Nitro machines carry in DMI. No network is asked.
fn instance_id(sys: &SysRoot) -> Option<String> {
    let tag = sys.file("class/dmi/id/board_asset_tag", 4096).ok()?;
    let tag = first_line(&tag.bytes);
    let digits = tag.strip_prefix("i-")?;
    let valid = matches!(digits.len(), 8 | 17) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    valid.then_some(tag)
}

fn first_line(text: &[u8]) -> String {
    escape::bytes(text.split(|b| *b == b'\n').next().unwrap_or_default().trim_ascii())
}
