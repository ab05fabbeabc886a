//! An object of a [`super::directory`] while it grows.

use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, ftruncate, unlinkat};
use sha2::{Digest as _, Sha256};

use super::directory::PART_SUFFIX;
use super::folder::{is_free, sync_folder};
use super::reserve::Reserve;
use super::{Cause, ObjectWriter, SinkError};
use crate::host::sys;
use crate::model::{Digest, Held, ObjectKey};

/// An object that grows.
#[derive(Debug)]
pub(super) struct DirectoryObject {
    key: ObjectKey,
    folder: Arc<OwnedFd>,
    reserve: Arc<Reserve>,
    name: String,
    file: OwnedFd,
    size: u64,
    hasher: Sha256,
    open: bool,
    /// Whether the file may hold bytes that no part brought.
    broken: bool,
}

impl DirectoryObject {
    /// Creates the file that is to be called `name` in `folder`.
    pub(super) fn create(key: &ObjectKey, folder: Arc<OwnedFd>, name: &str, reserve: &Arc<Reserve>) -> Result<Self, SinkError> {
        if !is_free(&folder, name) {
            return Err(SinkError { key: key.clone(), cause: Cause::Exists });
        }
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let part = format!("{name}{PART_SUFFIX}");
        let file = openat(&folder, part.as_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR)
            .map_err(|errno| system_error(reserve, key, "create the file", errno))?;
        let (key, name, reserve) = (key.clone(), name.to_owned(), Arc::clone(reserve));
        Ok(Self { key, folder, reserve, name, file, size: 0, hasher: Sha256::new(), open: true, broken: false })
    }

    fn part_name(&self) -> String {
        format!("{}{PART_SUFFIX}", self.name)
    }

    fn error(&self, action: &'static str, errno: Errno) -> SinkError {
        system_error(&self.reserve, &self.key, action, errno)
    }

    fn write_all(&self, mut bytes: &[u8]) -> Result<(), Errno> {
        while !bytes.is_empty() {
            match nix::unistd::write(&self.file, bytes) {
                Ok(0) => return Err(Errno::EIO),
                Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    fn remove(&mut self) -> Result<(), SinkError> {
        self.open = false;
        let part = self.part_name();
        unlinkat(&self.folder, part.as_str(), UnlinkatFlags::NoRemoveDir).map_err(|errno| self.error("remove the part", errno))
    }

    /// Puts bytes and name on disk; the name last.
    fn publish(&self) -> Result<(), SinkError> {
        nix::unistd::fsync(&self.file).map_err(|errno| self.error("sync the file", errno))?;
        self.rename().map_err(|errno| self.error("name the file", errno))?;
        sync_folder(self.folder.as_fd()).map_err(|errno| {
            // The name may not survive a crash, so it must not be seen now either.
            let _ = unlinkat(&self.folder, self.name.as_str(), UnlinkatFlags::NoRemoveDir);
            self.error("sync the folder", errno)
        })
    }

    /// Gives the file its name without replacing anything. File systems that cannot promise that (NFS, 9p, some of FUSE) are
    /// asked first whether the name is free; the folder is ours alone.
    fn rename(&self) -> Result<(), Errno> {
        let (part, name) = (self.part_name(), self.name.as_str());
        let folder = self.folder.as_fd();
        match sys::rename(folder, &part, name, false) {
            Err(Errno::EINVAL | Errno::ENOSYS) if is_free(&self.folder, name) => sys::rename(folder, &part, name, true),
            Err(Errno::EINVAL | Errno::ENOSYS) => Err(Errno::EEXIST),
            result => result,
        }
    }
}

impl ObjectWriter for DirectoryObject {
    fn part(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        if let Err(errno) = self.write_all(bytes) {
            // Back to the end of the last whole part, so that the object can still be finished with that.
            let length = i64::try_from(self.size).unwrap_or(i64::MAX);
            let back =
                ftruncate(&self.file, length).and_then(|()| nix::unistd::lseek(&self.file, length, nix::unistd::Whence::SeekSet));
            self.broken |= back.is_err();
            return Err(self.error("write", errno));
        }
        self.hasher.update(bytes);
        self.size = self.size.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    fn taken(&self) -> (u64, Digest) {
        (self.size, Digest::so_far(&self.hasher))
    }

    fn finish(mut self: Box<Self>, size: u64, sha256: &Digest) -> Result<Option<Held>, SinkError> {
        let matches = !self.broken && self.taken() == (size, *sha256);
        let result = if matches { self.publish() } else { Err(SinkError { key: self.key.clone(), cause: Cause::Mismatch }) };
        if result.is_ok() {
            self.open = false;
        }
        result.map(|()| None)
    }

    fn abort(mut self: Box<Self>) -> Result<(), SinkError> {
        self.remove()
    }
}

impl Drop for DirectoryObject {
    fn drop(&mut self) {
        if self.open {
            let _ = self.remove();
        }
    }
}

/// What the system refused. Where it has no more room, what comes next has to say so, and gets what was kept back for that.
pub(super) fn system_error(reserve: &Reserve, key: &ObjectKey, action: &'static str, errno: Errno) -> SinkError {
    let cause = match errno {
        Errno::ENOSPC | Errno::EDQUOT => {
            reserve.release_for_tables();
            Cause::Full
        }
        Errno::EEXIST => Cause::Exists,
        errno => Cause::System { action, errno },
    };
    SinkError { key: key.clone(), cause }
}
