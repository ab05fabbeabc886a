//! Digests of programs that this run has made already: what one artefact has digested, another need not digest again.
//!
//! A file is the same as long as its inode has not changed: the kernel sets the time of the last status change with every write and
//! every change of other times (inode(7)), and who sets it back has changed what no digest made on this host would show either.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::host::sys::Stat;
use crate::model::Digest;

/// The most files that are remembered: 20 MiB.
const MOST: usize = 200_000;

/// Device, inode, time of the last status change, size: what a file's content is known by.
pub(super) type Identity = ((u32, u32), u64, i128, u64);

/// The identity of the file that `stat` describes.
pub(super) fn identity(stat: &Stat) -> Identity {
    (stat.dev, stat.ino, stat.ctime_ns, stat.size)
}

/// What the first bytes of a program in the format ELF are (elf(5)).
pub(super) const ELF: [u8; 4] = *b"\x7fELF";

/// What is known of a file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    /// Its digest.
    pub(super) sha256: Digest,
    /// Whether it begins like an ELF file.
    pub(super) elf: bool,
}

/// Digests by file, shared by the artefacts of a run.
#[derive(Debug, Default)]
pub(super) struct Digests(Mutex<BTreeMap<Identity, Known>>);

impl Digests {
    /// What is known of the file.
    pub(super) fn of(&self, stat: &Stat) -> Option<Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&identity(stat)).copied()
    }

    /// Remembers what is known of the file, if there is room.
    pub(super) fn learn(&self, stat: &Stat, known: Known) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < MOST {
            all.insert(identity(stat), known);
        }
    }
}
