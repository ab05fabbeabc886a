//! One look into a file: whether it is a program, and its digest if it is.

use std::io::{ErrorKind, Read};

use sha2::{Digest as _, Sha256};

use crate::host::crew::Pace;
use crate::host::sys::Stat;
use crate::host::{Content, ReadError, Reason, read};
use crate::model::Digest;
use crate::source::digests::{ELF, Known, LARGEST, changed, failed, too_large};
use crate::source::walk::Entry;

/// The most that one read asks for.
const CHUNK: usize = 256 << 10;

/// What came of looking into a file.
#[derive(Debug)]
pub(super) enum Looked {
    /// It is no program.
    Other,
    /// It is one, and what `statx` said of it when it was opened.
    Program(Stat, Known),
}

/// Looks into a file, on a thread that can be spared.
pub(super) fn look(entry: &Entry, pace: &Pace) -> Result<Looked, ReadError> {
    let path = &entry.path;
    let (reader, stat) = entry.open()?;
    let content = read::named(path, Content::new(reader.0, stat))?;
    let size = content.stat.size;
    let mut reader = content.reader_of_own(0..size);
    let mut head = vec![0; usize::try_from(size.min(4)).unwrap_or(4)];
    if let Err(error) = reader.read_exact(&mut head) {
        return Err(if error.kind() == ErrorKind::UnexpectedEof { changed(path) } else { failed(path, &error) });
    }
    let elf = head == ELF;
    if entry.stat.mode & 0o111 == 0 && !elf {
        return Ok(Looked::Other);
    }
    if size > LARGEST {
        return Err(too_large(path));
    }
    let sha256 = rest((path, size), &head, &mut reader, pace)?;
    if content.has_changed() { Err(changed(path)) } else { Ok(Looked::Program(stat, Known { sha256, elf })) }
}

/// The digest of `head` and all that `reader` still has.
fn rest((path, size): (&[u8], u64), head: &[u8], reader: &mut impl Read, pace: &Pace) -> Result<Digest, ReadError> {
    let mut hasher = Sha256::new();
    hasher.update(head);
    // Most programs are small, and memory that is not touched costs nothing.
    let mut chunk = vec![0; usize::try_from(size).unwrap_or(CHUNK).min(CHUNK)];
    loop {
        if !pace.step() {
            return Err(ReadError::new(path, Reason::Timeout));
        }
        match reader.read(&mut chunk) {
            Ok(0) => return Ok(Digest::so_far(&hasher)),
            Ok(length) => hasher.update(chunk.get(..length).unwrap_or_default()),
            Err(error) => return Err(failed(path, &error)),
        }
    }
}
