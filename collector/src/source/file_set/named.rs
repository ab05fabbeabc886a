//! Files that are kept because the text of another names them.

use std::collections::{BTreeSet, VecDeque};

use nix::errno::Errno::{ELOOP, ENOTDIR};

use super::Found;
use crate::host::{Host, ReadError, Reason};
use crate::model::Gap;
use crate::source::Evidence;

/// The most names that are looked for, of all texts together.
pub(super) const MOST_NAMED: usize = 1000;

/// Names of files on their way.
pub(super) struct Named<'f> {
    /// Each with the file whose text names it.
    waiting: VecDeque<(Vec<u8>, Found<'f>)>,
    /// What is kept already, or waits.
    known: BTreeSet<Vec<u8>>,
    left: usize,
    /// How many names there was no room for.
    more: u64,
}

impl<'f> Named<'f> {
    /// None so far, beside the files that were `found`.
    pub(super) fn beside(found: &[Found<'f>]) -> Self {
        let known = found.iter().map(|found| found.path.clone()).collect();
        Self { waiting: VecDeque::new(), known, left: MOST_NAMED, more: 0 }
    }

    /// Adds what the text of `by` names.
    pub(super) fn add(&mut self, paths: Vec<Vec<u8>>, by: &Found<'f>) {
        for path in paths {
            if self.known.contains(&path) {
                continue;
            }
            let Some(left) = self.left.checked_sub(1) else {
                self.more += 1;
                continue;
            };
            self.left = left;
            self.known.insert(path.clone());
            self.waiting.push_back((path, by.clone()));
        }
    }

    /// The next that is a file and not kept yet under another name. It is what the file that names it is. One that cannot be looked at is a
    /// gap; one that is not there is none.
    pub(super) fn pop(&mut self, host: &Host, evidence: &mut dyn Evidence) -> Option<Found<'f>> {
        loop {
            let (path, by) = self.waiting.pop_front()?;
            let (real, stat) = match host.files.real(&path) {
                Ok(found) => found,
                Err(error) => {
                    if !is_nothing(&error) {
                        evidence.gap(error.gap());
                    }
                    continue;
                }
            };
            if stat.is_regular() && (real == path || self.known.insert(real.clone())) {
                let (group, home, via) = (by.group, by.home, Some(by.path));
                return Some(Found { path: real, stat, target: None, group, others: Vec::new(), home, via });
            }
        }
    }

    /// Tells of the names that there was no room for.
    pub(super) fn tell(&self, table: &str, evidence: &mut dyn Evidence) {
        if self.more > 0 {
            let reason = format!("{} names in texts beyond the {MOST_NAMED} that are looked for", self.more);
            evidence.gap(Gap::whole(table.as_bytes(), reason));
        }
    }
}

/// Whether nothing is there.
fn is_nothing(error: &ReadError) -> bool {
    error.is_gone() || matches!(error.reason, Reason::Errno(ELOOP | ENOTDIR))
}
