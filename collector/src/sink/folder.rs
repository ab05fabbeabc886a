//! The folders of a [`super::directory`]: opened under high numbers, made without following a link, put on disk.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::directory::FOLDER_FDS;
use crate::host::sys;

/// The folder `name` below `parent`, created if need be. What failed is told with the error.
pub(super) fn subfolder(parent: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, (&'static str, Errno)> {
    match mkdirat(parent, name, Mode::S_IRWXU) {
        // Also where it is there already: an earlier try may have made it and failed to sync.
        Ok(()) | Err(Errno::EEXIST) => sync_folder(parent).map_err(|errno| ("sync the folder above", errno))?,
        Err(errno) => return Err(("create the folder", errno)),
    }
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let folder = openat(parent, name, flags, Mode::empty()).map_err(|errno| ("open the folder", errno))?;
    raise(folder.as_fd()).map_err(|errno| ("keep the folder open", errno))
}

/// Puts the names in a folder on disk. Some file systems cannot be asked that; there is nothing more to be done for them.
pub(super) fn sync_folder(folder: BorrowedFd<'_>) -> Result<(), Errno> {
    match nix::unistd::fsync(folder) {
        Err(Errno::EINVAL | Errno::EOPNOTSUPP) => Ok(()),
        result => result,
    }
}

/// Puts the name of the new folder `path` on disk, as far as the folder above it may be opened.
pub(super) fn sync_parent(path: &Path) {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let opened = nix::fcntl::open(parent, OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty());
    if let Ok(parent) = opened {
        let _ = sync_folder(parent.as_fd());
    }
}

/// The same open folder under a number from [`FOLDER_FDS`] up.
pub(super) fn raise(folder: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    sys::duplicate_from(folder, FOLDER_FDS)
}

/// Whether nothing is in the folder.
pub(super) fn is_empty(folder: BorrowedFd<'_>) -> Result<bool, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut entries = nix::dir::Dir::openat(folder, ".", flags, Mode::empty())?;
    Ok(!entries.iter().flatten().any(|entry| !matches!(entry.file_name().to_bytes(), b"." | b"..")))
}

/// Creates and removes a file, so that a destination that cannot be written is refused before anything is read.
pub(super) fn probe(folder: BorrowedFd<'_>) -> Result<(), Errno> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    drop(openat(folder, ".probe", flags, Mode::S_IRUSR | Mode::S_IWUSR)?);
    unlinkat(folder, ".probe", UnlinkatFlags::NoRemoveDir)
}

/// Whether the folder has nothing of this name.
pub(super) fn is_free(folder: &OwnedFd, name: &str) -> bool {
    nix::sys::stat::fstatat(folder, name, nix::fcntl::AtFlags::AT_SYMLINK_NOFOLLOW) == Err(Errno::ENOENT)
}
