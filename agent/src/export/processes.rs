//! Which processes the evidence describes: those of which it has `/proc/PID/stat`.
//!
//! Of a process that began behind the freeze-frame there is what single artefacts read of it, and no `stat`. Tools that list the processes
//! of a tree come to an end at the first folder without one (dissect.target's `processes`). So such a process has no folder among the others.

use std::collections::BTreeSet;

use hozen_collector::model::ObjectKey;

use super::place::{Place, Tree};
use crate::verify::Opened;
use crate::verify::name::Name;

/// Artefacts that describe processes. Their archives are read before all others.
const DESCRIBE: [&str; 2] = ["freeze_frame", "hidden_processes"];

/// What is said of a member that does not stand among the processes.
pub(super) const APART: &str = "its process began behind the freeze-frame, or ended within it: there is no stat of it";

/// The processes that have a `stat`.
#[derive(Debug, Default)]
pub(super) struct Processes {
    described: BTreeSet<Vec<u8>>,
}

impl Processes {
    /// Whether the member at `place`, which comes next, is of a process without `stat`. Where nobody has one there was no freeze-frame,
    /// and nothing to tell processes apart by.
    pub(super) fn lacks(&mut self, place: &Place) -> bool {
        let Some((pid, below)) = of(place) else { return false };
        if matches!(below, [name] if name == b"stat") {
            self.described.insert(pid.to_vec());
        }
        !self.described.is_empty() && !self.described.contains(pid)
    }
}

/// The id of the process that a place in `[root]/proc` belongs to, and the names below its folder.
fn of(place: &Place) -> Option<(&[u8], &[Vec<u8>])> {
    let (proc, rest) = place.names.split_first()?;
    let (pid, below) = rest.split_first()?;
    let is_pid = !pid.is_empty() && pid.iter().all(u8::is_ascii_digit);
    (place.tree == Tree::Root && proc == b"proc" && is_pid).then_some((pid, below))
}

/// The archives of a run with their artefacts, those first that describe processes.
pub(super) fn archives(evidence: &Opened) -> Vec<(&ObjectKey, &str)> {
    let mut archives: Vec<_> = evidence
        .objects()
        .filter_map(|key| match Name::of(key) {
            Some(Name::Archive { artefact }) => Some((key, artefact)),
            _ => None,
        })
        .collect();
    archives.sort_by_key(|(_, artefact)| DESCRIBE.iter().position(|name| name == artefact).unwrap_or(DESCRIBE.len()));
    archives
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_without_stat_is_told_from_others() {
        let mut processes = Processes::default();
        let mut lacks = |path: &str| processes.lacks(&Place::of(format!("[root]/{path}").as_bytes(), "x").unwrap());
        assert!(!lacks("proc/7/environ"), "there was no freeze-frame");
        assert!(!lacks("proc/8/task/9/stat"));
        for path in [
            "proc/1/stat",
            "proc/2/stat",
            "proc/1/fd/3",
            "proc/2/fd",
            "proc/self/stat",
            "proc/stat",
            "etc/proc/7/environ",
            "proc",
        ] {
            assert!(!lacks(path), "{path}");
        }
        for path in ["proc/7/environ", "proc//7", "proc/8/task/9/stat"] {
            assert!(lacks(path), "{path}");
        }
        assert!(!lacks(".hozen/proc/7/environ"));
        assert!(!processes.lacks(&Place::of(b"[root]/proc/7/environ", "x").unwrap().aside("x").unwrap()));
    }
}
