//! One file of an export that is not a copy of one object: written piece by piece, named only when it is whole.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use super::destination::{Destination, PART, Refused, SparseFile};

/// Bytes that are collected before they are written.
const ROOM: usize = 256 << 10;

/// A file in the making.
#[derive(Debug)]
pub(super) struct Output<'a> {
    destination: &'a Destination,
    folder: OwnedFd,
    path: String,
    name: String,
    file: SparseFile,
    waiting: Vec<u8>,
}

impl<'a> Output<'a> {
    /// The file `name` in the folder `path` of the export, as yet under a name that says that it is not whole.
    pub(super) fn create(destination: &'a Destination, path: &str, name: &str) -> Result<Self, Refused> {
        let folder = destination.folder(path)?;
        let file = destination.file(folder.as_fd(), path, &format!("{name}{PART}"))?;
        Ok(Self { destination, folder, path: path.to_owned(), name: name.to_owned(), file, waiting: Vec::with_capacity(ROOM) })
    }

    /// Adds bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= ROOM { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Refused> {
        let waiting = std::mem::take(&mut self.waiting);
        self.file.write(&waiting).map_err(|errno| self.destination.errno(&self.name, errno))
    }

    /// Gives it its name. Returns its size.
    pub(super) fn finish(mut self) -> Result<u64, Refused> {
        self.flush()?;
        let size = self.file.size();
        let shown = format!("{}/{}", self.path, self.name);
        let file = self.file.end(None).map_err(|errno| self.destination.errno(&shown, errno))?;
        nix::unistd::fsync(file).map_err(|errno| self.destination.errno(&shown, errno))?;
        let folder: BorrowedFd<'_> = self.folder.as_fd();
        self.destination.rename(folder, &format!("{}{PART}", self.name), &self.name)?;
        Ok(size)
    }
}
