//! Where a sparse file holds data (lseek(2), `SEEK_DATA` and `SEEK_HOLE`).

use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::unistd::{Whence, lseek};

use super::read::FdReader;

/// A stretch of a file that may hold data: first byte and the byte behind the last.
pub type Extent = (u64, u64);

/// The stretches of `file` that hold data, ascending, at most `limit` of them. A file system that does not know answers
/// with one stretch, the whole file. The descriptor's position is changed.
///
/// # Errors
/// The kernel's errno.
pub fn of(file: &FdReader, limit: usize) -> Result<Vec<Extent>, Errno> {
    let mut extents = Vec::new();
    let mut position = 0;
    while extents.len() < limit {
        let start = match seek(&file.0, position, Whence::SeekData) {
            Err(Errno::ENXIO) => break,
            result => result?,
        };
        position = seek(&file.0, start, Whence::SeekHole)?;
        if position <= start {
            break;
        }
        extents.push((start, position));
    }
    Ok(extents)
}

/// Sets the place where the next read of `file` begins.
///
/// # Errors
/// The kernel's errno.
pub fn go_to(file: &FdReader, position: u64) -> Result<(), Errno> {
    seek(&file.0, position, Whence::SeekSet).map(drop)
}

fn seek(fd: &OwnedFd, position: u64, whence: Whence) -> Result<u64, Errno> {
    let position = i64::try_from(position).map_err(|_| Errno::EOVERFLOW)?;
    u64::try_from(lseek(fd, position, whence)?).map_err(|_| Errno::EOVERFLOW)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt as _;

    #[test]
    fn holes_are_skipped_where_the_file_system_knows_them() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(64 << 20).unwrap();
        file.write_all_at(b"data", 32 << 20).unwrap();
        let reader = FdReader(OwnedFd::from(file));
        let extents = of(&reader, 100).unwrap();
        assert!(extents.iter().any(|(start, end)| *start <= 32 << 20 && *end >= (32 << 20) + 4), "{extents:?}");
        assert!(of(&reader, 0).unwrap().is_empty());
        go_to(&reader, 3).unwrap();
    }
}
