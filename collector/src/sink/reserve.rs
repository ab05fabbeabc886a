//! Space that a folder keeps back.
//!
//! A destination that is full takes no more of a large object; that this was so must still be told. So space is held from the start,
//! in nameless files, and set free in two steps: the first when something did not fit, for the tables that say so (what an image is
//! worth, where its ranges lie); the second for the seal.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Mutex;

use nix::fcntl::{FallocateFlags, OFlag, fallocate, openat};
use nix::sys::stat::Mode;
use nix::sys::statvfs::fstatvfs;

/// Bytes of each of the two, at most; an eighth of the free space where that is less.
const EACH: u64 = 2 << 20;

/// What is kept back. Nothing where the file system has no nameless files.
#[derive(Debug, Default)]
pub(super) struct Reserve {
    tables: Mutex<Option<OwnedFd>>,
    seal: Mutex<Option<OwnedFd>>,
}

impl Reserve {
    /// Takes space in the file system of `folder`.
    pub(super) fn take(folder: BorrowedFd<'_>) -> Self {
        let Ok(stat) = fstatvfs(folder) else { return Self::default() };
        let free = stat.blocks_available().saturating_mul(stat.fragment_size());
        let length = EACH.min(free / 8);
        Self { tables: Mutex::new(hold(folder, length)), seal: Mutex::new(hold(folder, length)) }
    }

    /// Whether space for the seal is held.
    pub(super) fn is_held(&self) -> bool {
        self.seal.lock().is_ok_and(|held| held.is_some())
    }

    /// Something did not fit: the tables that say so get their space.
    pub(super) fn release_for_tables(&self) {
        release(&self.tables);
    }

    /// Nothing but the seal comes now: it gets all there is.
    pub(super) fn release_for_seal(&self) {
        release(&self.tables);
        release(&self.seal);
    }
}

fn release(held: &Mutex<Option<OwnedFd>>) {
    if let Ok(mut held) = held.lock() {
        *held = None;
    }
}

/// A nameless file of so many bytes, which holds them until it is closed.
fn hold(folder: BorrowedFd<'_>, length: u64) -> Option<OwnedFd> {
    let flags = OFlag::O_WRONLY | OFlag::O_TMPFILE | OFlag::O_CLOEXEC;
    let file = openat(folder, ".", flags, Mode::S_IRUSR | Mode::S_IWUSR).ok()?;
    fallocate(&file, FallocateFlags::empty(), 0, i64::try_from(length).ok()?).ok()?;
    Some(file)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn it_is_set_free_in_two_steps() {
        let folder = std::fs::File::open(tempfile::tempdir().unwrap().path()).unwrap();
        let reserve = Reserve::take(folder.as_fd());
        let held = |held: &Mutex<Option<OwnedFd>>| {
            held.lock().unwrap().as_ref().map(|file| nix::sys::stat::fstat(file).unwrap().st_blocks)
        };
        let before = held(&reserve.tables);
        assert_eq!(before, held(&reserve.seal));
        reserve.release_for_tables();
        assert_eq!((held(&reserve.tables), held(&reserve.seal)), (None, before));
        assert_eq!(reserve.is_held(), before.is_some());
        reserve.release_for_seal();
        assert!(!reserve.is_held());
    }
}
