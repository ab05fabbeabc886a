//! Files that are kept because the text of another names them.

use std::collections::{BTreeSet, VecDeque};

use nix::errno::Errno::{ELOOP, ENOTDIR};

use super::Found;
use crate::host::{Host, ReadError, Reason};
use crate::model::Gap;
use crate::source::Evidence;

/// The most names that are looked for, of all texts together.
pub(super) const MOST_NAMED: usize = 1000;

/// The most names of one folder that a text names.
const MOST_IN_FOLDER: usize = 1000;

/// The paths of what is in `folder`, which a text names, and why some of them are missing; that the folder is not there is no reason.
pub(in crate::source) fn in_folder(host: &Host, folder: &[u8]) -> (Vec<Vec<u8>>, Option<ReadError>) {
    match host.files.dir(folder).and_then(|dir| dir.names(MOST_IN_FOLDER)) {
        Ok((names, more)) => {
            let limit =
                || Reason::Limit(format!("only {MOST_IN_FOLDER} names of this folder were looked for, which a text names"));
            let paths = names.iter().map(|name| [folder, b"/", name].concat()).collect();
            (paths, more.then(|| ReadError::new(folder, limit())))
        }
        Err(error) => (Vec::new(), (!is_nothing(&error)).then_some(error)),
    }
}

/// Folders that a text names and that could not be listed whole: a text may name as many as it likes, so the first is told, and how many more
/// there are.
#[derive(Debug, Default)]
pub(in crate::source) struct Unlisted {
    first: Option<ReadError>,
    more: u64,
}

impl Unlisted {
    /// Notes what was missing of a folder.
    pub(in crate::source) fn note(&mut self, error: Option<ReadError>) {
        let Some(error) = error else { return };
        if self.first.is_none() {
            self.first = Some(error);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// Tells of them; `path` is where the text lies.
    pub(in crate::source) fn tell(self, path: &[u8], evidence: &mut dyn Evidence) {
        if let Some(error) = self.first {
            evidence.gap(error.gap());
        }
        if self.more > 0 {
            evidence.gap(Gap::whole(path, format!("{} more folders that it names could not be listed whole", self.more)));
        }
    }
}

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
        let known = found.iter().filter(|found| !found.is_led_by_user()).map(|found| found.path.clone()).collect();
        Self { waiting: VecDeque::new(), known, left: MOST_NAMED, more: 0 }
    }

    /// Whether the file at `path` is not known yet; from now on it is.
    pub(super) fn is_first(&mut self, path: &[u8]) -> bool {
        self.known.insert(path.to_owned())
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
                return Some(Found { path: real, stat, target: None, group, others: Vec::new(), home, via, host_link: None });
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
