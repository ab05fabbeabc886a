//! An ext4 file system as it stands on its device, read while it is mounted.
//!
//! ```text
//! superblock → group descriptor → inode → extents or indirect blocks → folder entries, content
//! ```
//!
//! The kernel keeps superblock, descriptors, inodes, maps and folders of ext4 in the page cache of the device (`sb_bread`,
//! fs/ext4/inode.c), and this reads through the same cache: it sees every change at once, and the journal holds nothing newer. So the journal is
//! not replayed; replayed in a running system it would put older blocks in the place of newer ones. Content of files is
//! elsewhere: what was not written back yet is not on the device.
//!
//! **Invariant:** the bytes may be anything, and may change between two reads. Every number is checked before it is used, every loop has a
//! bound, and what makes no sense is a [`Fault`].
//!
//! Source: Documentation/filesystems/ext4 of Linux, fs/ext4/ext4.h and ext4_extents.h.

mod folder;
mod inline;
mod inode;
mod map;
mod superblock;

use std::sync::Arc;

use nix::errno::Errno;

pub(super) use self::folder::Name;
pub(super) use self::inode::Inode;
use self::superblock::Superblock;

/// The number of the root folder.
pub(super) const ROOT: u32 = 2;

/// Where the superblock stands, and how long it is.
const SUPERBLOCK: (u64, usize) = (1024, 1024);

/// The longest symbolic link (`PATH_MAX`).
const MOST_TARGET: u64 = 4096;

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    /// The device refused, or ends before.
    #[error("the device cannot be read: {0}")]
    Device(Errno),
    /// What stands there makes no sense.
    #[error("not as ext4 writes it: {0}")]
    Malformed(&'static str),
    /// It is written in a way that is not read here.
    #[error("not read by this program: {0}")]
    Unsupported(String),
    /// There is more than what is read.
    #[error("beyond the limit: {0}")]
    Limit(&'static str),
}

/// What holds the bytes.
pub(super) trait Disk: Send + Sync {
    /// Fills `buffer` with what stands at `offset`.
    ///
    /// # Errors
    /// When it cannot be read, or has no such offset.
    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Fault>;
}

/// A file system on a disk.
#[derive(Clone)]
pub(super) struct FileSystem {
    disk: Arc<dyn Disk>,
    /// What it says of itself.
    pub(super) superblock: Superblock,
}

impl FileSystem {
    /// Reads the superblock.
    pub(super) fn open(disk: Arc<dyn Disk>) -> Result<Self, Fault> {
        let mut bytes = vec![0; SUPERBLOCK.1];
        disk.read(SUPERBLOCK.0, &mut bytes)?;
        Ok(Self { superblock: Superblock::parse(&bytes)?, disk })
    }

    /// Reads an inode.
    pub(super) fn inode(&self, number: u32) -> Result<Inode, Fault> {
        let superblock = &self.superblock;
        let (group, index) = superblock.place(number).ok_or(Fault::Malformed("the number of an inode"))?;
        let mut descriptor = vec![0; superblock.descriptor_size];
        let at = superblock.descriptor(group).ok_or(Fault::Malformed("the place of a group"))?;
        self.disk.read(at, &mut descriptor)?;
        let at = superblock.inode(&descriptor, index).ok_or(Fault::Malformed("the place of an inode"))?;
        let mut body = vec![0; superblock.inode_size];
        self.disk.read(at, &mut body)?;
        Inode::parse(number, body, superblock.large_folders).ok_or(Fault::Malformed("an inode that is cut short"))
    }

    /// The names in a folder, in the order of the disk, without `.` and `..`.
    pub(super) fn names(&self, folder: &Inode) -> Result<Vec<Name>, Fault> {
        folder::names(self, folder)
    }

    /// The inode that the names of `path` lead to from the root; none where one of them is not there.
    pub(super) fn find(&self, path: &[u8]) -> Result<Option<Inode>, Fault> {
        let mut inode = self.inode(ROOT)?;
        for wanted in path.split(|b| *b == b'/').filter(|name| !name.is_empty()) {
            let Some(name) = self.names(&inode)?.into_iter().find(|name| name.name == wanted) else { return Ok(None) };
            inode = self.inode(name.inode)?;
        }
        Ok(Some(inode))
    }

    /// The first `limit` bytes of a file's content; what no block holds is zeros.
    pub(super) fn content(&self, file: &Inode, limit: u64) -> Result<Vec<u8>, Fault> {
        let length = file.size.min(limit);
        if file.is_inline() {
            let mut bytes = inline::content(file);
            bytes.truncate(usize::try_from(length).unwrap_or(usize::MAX));
            return Ok(bytes);
        }
        let mut out = vec![0; usize::try_from(length).map_err(|_| Fault::Limit("a file that is larger than memory"))?];
        for run in map::runs(self, file, length)? {
            let start = usize::try_from(run.logical.saturating_mul(self.superblock.block_size)).unwrap_or(usize::MAX);
            let end =
                usize::try_from(run.bytes(self.superblock.block_size)).map_or(usize::MAX, |bytes| start.saturating_add(bytes));
            let end = end.min(out.len());
            if let Some(part) = out.get_mut(start..end) {
                self.blocks(run.physical, part)?;
            }
        }
        Ok(out)
    }

    /// The target of a symbolic link.
    pub(super) fn target(&self, link: &Inode) -> Result<Vec<u8>, Fault> {
        match link.short_target() {
            Some(target) => Ok(target.to_owned()),
            None => self.content(link, MOST_TARGET),
        }
    }

    /// Fills `buffer` with what stands from the beginning of block `number` on.
    fn blocks(&self, number: u64, buffer: &mut [u8]) -> Result<(), Fault> {
        let at = number.checked_mul(self.superblock.block_size).filter(|_| number < self.superblock.blocks);
        self.disk.read(at.ok_or(Fault::Malformed("the number of a block"))?, buffer)
    }

    /// A whole block.
    fn block(&self, number: u64) -> Result<Vec<u8>, Fault> {
        let mut bytes =
            vec![0; usize::try_from(self.superblock.block_size).map_err(|_| Fault::Malformed("the size of a block"))?];
        self.blocks(number, &mut bytes)?;
        Ok(bytes)
    }
}

impl std::fmt::Debug for FileSystem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileSystem").field("superblock", &self.superblock).finish_non_exhaustive()
    }
}

#[cfg(any(test, feature = "test-util"))]
impl Disk for Vec<u8> {
    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Fault> {
        let start = usize::try_from(offset).map_err(|_| Fault::Device(Errno::EOVERFLOW))?;
        let bytes = start.checked_add(buffer.len()).and_then(|end| self.get(start..end)).ok_or(Fault::Device(Errno::ENXIO))?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }
}
