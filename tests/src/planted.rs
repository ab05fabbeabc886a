//! A small host: something for each artefact that a run of profile triage reads on a disk, and what must be in the evidence of it.
//!
//! It is planted in a root of a test's own ([`crate::root`]) or in a guest ([`crate::vm`]).

use std::collections::BTreeMap;

use crate::evidence::{Evidence, Raw, bytes, number, sha256};
use crate::root::Root;
use crate::vm::Guest;

/// A file.
#[derive(Debug, Clone, Copy)]
pub struct Planted {
    /// Its path.
    pub path: &'static str,
    /// Its permissions.
    pub mode: u32,
    /// Its content.
    pub content: &'static str,
    /// The artefact whose archive has its content; none where it is only among all files.
    pub kept_by: Option<&'static str>,
}

const fn kept(kept_by: &'static str, path: &'static str, content: &'static str) -> Planted {
    Planted { path, mode: 0o640, content, kept_by: Some(kept_by) }
}

const fn listed(path: &'static str, mode: u32, content: &'static str) -> Planted {
    Planted { path, mode, content, kept_by: None }
}

/// A program.
const PROGRAM: &str = "#!/bin/sh\nid\n";
/// What dpkg keeps of the package that one is of.
const SUMS: &str = "4cf17a1669e140f92e644af099700dd8  usr/bin/app\n";

/// All files. Nothing in them looks like a secret.
pub const FILES: &[Planted] = &[
    kept("accounts", "/etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n"),
    kept("accounts", "/etc/group", "root:x:0:\n"),
    kept("accounts", "/etc/sudoers.d/ann", "ann ALL=(ALL) ALL\n"),
    kept("persistence", "/etc/cron.d/job", "* * * * * root /opt/app/run\n"),
    kept("persistence", "/etc/systemd/system/app.service", "[Service]\nExecStart=/opt/app/run\n"),
    kept("persistence", "/home/ann/.bashrc", "alias ls=true\n"),
    kept("persistence", "/root/.ssh/config", "Host x\n"),
    kept("histories", "/home/ann/.bash_history", "curl http://192.0.2.1/x\n"),
    kept("histories", "/root/.python_history", "import os\n"),
    kept("cloud", "/var/lib/amazon/ssm/runtimeconfig/identity_config.json", "{\"a\":1}"),
    kept("cloud", "/var/lib/cloud/data/status.json", "{\"v1\":{}}"),
    kept("logs", "/var/log/auth.log", "accepted\n"),
    kept("logs", "/var/log/journal/0a/system.journal", "LPKSHHRH"),
    kept("logs", "/var/lib/docker/containers/0a1b2c3d4e5f/0a1b2c3d4e5f-json.log", "{\"log\":\"x\"}\n"),
    kept("containers", "/var/lib/docker/containers/0a1b2c3d4e5f/config.v2.json", "{\"Name\":\"/web\"}"),
    kept("containers", "/var/lib/docker/image/overlay2/layerdb/mounts/0a1b2c3d4e5f/mount-id", "layer1"),
    kept("containers", "/var/lib/docker/overlay2/layer1/diff/tmp/dropped", "written\n"),
    kept("packages", "/var/lib/dpkg/status", "Package: app\nStatus: install ok installed\nVersion: 1\n"),
    kept("packages", "/var/lib/dpkg/info/app.md5sums", SUMS),
    listed("/usr/bin/app", 0o755, PROGRAM),
    listed("/home/ann/tool", 0o755, PROGRAM),
    listed("/var/tmp/tool", 0o755, PROGRAM),
    listed("/opt/app/run", 0o755, PROGRAM),
    listed("/srv/www/index.php", 0o644, "<?php ?>"),
];

/// Symbolic links and their targets.
pub const LINKS: &[(&str, &str)] = &[
    ("/usr/bin/alias", "app"),
    ("/home/ann/.profile", "/opt/app/run"),
    ("/etc/cron.d/linked", "/opt/app/run"),
    ("/var/log/current", "auth.log"),
    ("/var/lib/docker/overlay2/layer1/diff/etc/localtime", "/usr/share/zoneinfo/UTC"),
];

/// Plants them in a root of the test's own.
pub fn plant(root: &Root) {
    FILES.iter().for_each(|file| root.file(file.path, file.mode, file.content));
    LINKS.iter().for_each(|(path, target)| root.link(path, target));
}

/// Plants the files in a guest.
#[must_use]
pub fn in_guest(guest: Guest) -> Guest {
    FILES.iter().fold(guest, |guest, file| guest.file(file.path, file.mode, file.content))
}

/// Everything is in the evidence: what is kept with its content, all of it among the files, programs with their digests, and the package's
/// file as one that is as it was installed.
///
/// # Panics
/// When something is not.
pub fn assert_taken(evidence: &Evidence) {
    let mut archives: BTreeMap<&str, BTreeMap<Vec<u8>, Raw>> = BTreeMap::new();
    for (artefact, file) in FILES.iter().filter_map(|file| Some((file.kept_by?, file))) {
        let members = archives.entry(artefact).or_insert_with(|| evidence.raw(artefact));
        let member = members.get(file.path.as_bytes()).unwrap_or_else(|| panic!("{artefact} has no {}", file.path));
        assert_eq!(String::from_utf8_lossy(&member.content), file.content, "{artefact}: {}", file.path);
    }
    let rows = evidence.table("files");
    let walked: Vec<_> = rows.iter().filter_map(|row| bytes(row, "path")).collect();
    for file in FILES {
        assert!(walked.iter().any(|path| path == file.path.as_bytes()), "the walk has no {}", file.path);
    }
    let digests = evidence.table("executable_hashes");
    for program in ["/usr/bin/app", "/home/ann/tool", "/var/tmp/tool"] {
        let row = digests.iter().find(|row| bytes(row, "path").as_deref() == Some(program.as_bytes()));
        let digest = row.and_then(|row| bytes(row, "sha256"));
        assert_eq!(digest, Some(sha256(PROGRAM.as_bytes()).into_bytes()), "{program}: {digests:#?}");
    }
    let tallies = evidence.table("package_verification");
    let dpkg = tallies.iter().find(|row| bytes(row, "manager").as_deref() == Some(b"dpkg"));
    assert_eq!(dpkg.and_then(|row| number(row, "verified")), Some(1), "{tallies:#?}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use md5::{Digest as _, Md5};

    #[test]
    fn the_package_has_the_sum_of_its_file() {
        let sum: String = Md5::digest(PROGRAM.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(SUMS, format!("{sum}  usr/bin/app\n"));
    }
}
