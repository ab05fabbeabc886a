//! Which folders are compared first: those where implants live.

use std::collections::BTreeSet;

use crate::host::Host;
use crate::host::mounts::below;
use crate::source::{Evidence, file_set};

/// What is executed, loaded or started, what everybody may write to, and where state is kept; homes are added.
const PLACES: [&str; 27] = [
    "/etc",
    "/root",
    "/home",
    "/tmp",
    "/var/tmp",
    "/usr/bin",
    "/usr/sbin",
    "/usr/lib",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/local",
    "/bin",
    "/sbin",
    "/lib",
    "/lib64",
    "/opt",
    "/srv",
    "/boot",
    "/dev",
    "/run",
    "/var/spool",
    "/var/lib",
    "/var/log",
    "/var/www",
    "/var/run",
    "/var/lock",
    "/var/crash",
];

/// The places of one host.
#[derive(Debug)]
pub(super) struct Places(BTreeSet<Vec<u8>>);

impl Places {
    pub(super) fn of(host: &Host, evidence: &mut dyn Evidence) -> Self {
        let homes = file_set::homes(host, evidence).into_iter().map(|home| home.path).filter(|path| path != b"/");
        Self(PLACES.iter().map(|place| place.as_bytes().to_owned()).chain(homes).collect())
    }

    /// Whether a folder is one of them, lies in one, or on the way to one.
    pub(super) fn is_near(&self, path: &[u8]) -> bool {
        self.0.iter().any(|place| below(path, place).is_some() || below(place, path).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_what_is_in_it_and_the_way_to_it() {
        let places = Places([b"/var/spool".to_vec(), b"/etc".to_vec()].into());
        for near in [&b"/"[..], b"/var", b"/var/spool", b"/var/spool/cron", b"/etc/x"] {
            assert!(places.is_near(near), "{near:?}");
        }
        assert!(!places.is_near(b"/usr") && !places.is_near(b"/var/cache") && !places.is_near(b"/etcx"));
    }
}
