//! Digests of programs that this run has made already: what one artefact has digested, another need not digest again.
//!
//! A file is the same as long as its inode has not changed: the kernel sets the time of the last status change with every write and
//! every change of other times (inode(7)), and who sets it back has changed what no digest made on this host would show either.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::sync::{Mutex, PoisonError};

use nix::errno::Errno;
use sha2::{Digest as _, Sha256};

use super::{Evidence, Stop};
use crate::host::sys::Stat;
use crate::host::{Content, ReadError, Reason, SpareThread};
use crate::model::Digest;

/// The most files that are remembered: 20 MiB.
const MOST: usize = 200_000;

/// Larger files have no digest: no program is that large, but a file of holes costs its maker nothing.
pub(super) const LARGEST: u64 = 4 << 30;

/// The most that one read asks for.
const CHUNK: usize = 1 << 20;

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

    /// What is known of the content of `path`, which is open; it is read if nothing is known yet.
    ///
    /// # Errors
    /// [`Stop`] if the run ends; inside, why the file has no digest: larger than [`LARGEST`], unreadable, changed while it was read.
    pub(super) fn learn_content(
        &self,
        (path, content): (&[u8], &Content),
        spare: &mut SpareThread,
        evidence: &dyn Evidence,
    ) -> Result<Result<Known, ReadError>, Stop> {
        if let Some(known) = self.of(&content.stat) {
            return Ok(Ok(known));
        }
        if content.stat.size > LARGEST {
            return Ok(Err(too_large(path)));
        }
        let (mut hasher, mut chunk, mut head) = (Sha256::new(), vec![0; CHUNK], Vec::<u8>::new());
        let mut reader = content.reader(0..content.stat.size, spare);
        loop {
            evidence.check()?;
            let piece = match reader.read(&mut chunk) {
                Ok(0) => break,
                Ok(length) => chunk.get(..length).unwrap_or_default(),
                Err(error) => return Ok(Err(failed(path, &error))),
            };
            head.extend(piece.iter().take(ELF.len() - head.len()));
            hasher.update(piece);
        }
        if content.has_changed() {
            return Ok(Err(changed(path)));
        }
        let known = Known { sha256: Digest::so_far(&hasher), elf: head == ELF };
        self.learn(&content.stat, known);
        Ok(Ok(known))
    }
}

/// A file that is larger than what gets a digest.
pub(super) fn too_large(path: &[u8]) -> ReadError {
    ReadError::new(path, Reason::Limit(format!("files of more than {LARGEST} bytes are not hashed")))
}

/// A file that could not be read: without an errno it did not answer in time.
pub(super) fn failed(path: &[u8], error: &io::Error) -> ReadError {
    let errno = error.raw_os_error().map(Errno::from_raw);
    ReadError::new(path, errno.map_or(Reason::Timeout, Reason::Errno))
}

/// A file of which no digest can be made that means anything.
pub(super) fn changed(path: &[u8]) -> ReadError {
    ReadError::new(path, Reason::Malformed("the file changed while it was read".to_owned()))
}
