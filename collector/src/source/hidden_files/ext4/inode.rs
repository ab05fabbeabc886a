//! `struct ext4_inode`.

use crate::host::sys::Stat;
use crate::model::little_endian::{short, word};

/// `EXT4_…_FL`.
const ENCRYPTED: u32 = 0x800;
const EXTENTS: u32 = 0x8_0000;
const INLINE: u32 = 0x1000_0000;
/// Blocks are counted in blocks of the file system.
const HUGE: u32 = 0x4_0000;

/// Flags that statx(2) has at the same place: compressed, immutable, append-only, nodump, encrypted, verity.
const AS_STATX: u32 = 0x4 | 0x10 | 0x20 | 0x40 | 0x800 | 0x10_0000;

/// Where the part of an inode begins whose length `i_extra_isize` tells.
const EXTRA: usize = 0x80;

/// An inode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Inode {
    /// Its number.
    pub(in super::super) number: u32,
    /// Bytes of content.
    pub(in super::super) size: u64,
    /// Which of the inodes that had this number it is.
    pub(in super::super) generation: u32,
    /// `EXT4_…_FL`.
    pub(in super::super) flags: u32,
    mode: u16,
    body: Vec<u8>,
}

impl Inode {
    /// `None` where the bytes end before.
    pub(super) fn parse(number: u32, body: Vec<u8>, large_folders: bool) -> Option<Self> {
        let (mode, flags) = (short(&body, 0x0)?, word(&body, 0x20)?);
        let is_folder = u32::from(mode) & libc::S_IFMT == libc::S_IFDIR;
        let high = if is_folder && !large_folders { 0 } else { word(&body, 0x6c)? };
        let size = u64::from(word(&body, 0x4)?) | u64::from(high) << 32;
        let generation = word(&body, 0x64)?;
        body.get(..EXTRA)?;
        Some(Self { number, size, generation, flags, mode, body })
    }

    /// The bits of its type (`S_IFMT`).
    fn kind(&self) -> u32 {
        u32::from(self.mode) & libc::S_IFMT
    }

    /// Whether it is a folder.
    pub(in super::super) fn is_folder(&self) -> bool {
        self.kind() == libc::S_IFDIR
    }

    /// Whether it is a regular file.
    pub(in super::super) fn is_regular(&self) -> bool {
        self.kind() == libc::S_IFREG
    }

    /// Whether it is a symbolic link.
    pub(in super::super) fn is_link(&self) -> bool {
        self.kind() == libc::S_IFLNK
    }

    /// Whether names or content are encrypted (fscrypt): the disk has other names than the kernel shows.
    pub(in super::super) fn is_encrypted(&self) -> bool {
        self.flags & ENCRYPTED != 0
    }

    pub(super) fn is_inline(&self) -> bool {
        self.flags & INLINE != 0
    }

    pub(super) fn has_extents(&self) -> bool {
        self.flags & EXTENTS != 0
    }

    /// `i_block`: the root of the tree of extents, numbers of blocks, or content.
    pub(super) fn map(&self) -> &[u8] {
        self.body.get(0x28..0x64).unwrap_or_default()
    }

    /// What stands behind the fields: extended attributes.
    pub(super) fn attributes(&self) -> &[u8] {
        let extra = short(&self.body, EXTRA).map_or(0, usize::from);
        self.body.get(EXTRA.saturating_add(extra)..).unwrap_or_default()
    }

    /// The target of a symbolic link that is kept in place of numbers of blocks.
    pub(super) fn short_target(&self) -> Option<&[u8]> {
        let length = usize::try_from(self.size).ok().filter(|length| *length < self.map().len() && !self.is_inline())?;
        self.map().get(..length)
    }

    fn short(&self, at: usize) -> u16 {
        short(&self.body, at).unwrap_or(0)
    }

    fn word(&self, at: usize) -> u32 {
        word(&self.body, at).unwrap_or(0)
    }

    /// A field of the part that old inodes do not have; 0 where this one has it not.
    fn extra(&self, at: usize) -> Option<u32> {
        let end = EXTRA.saturating_add(short(&self.body, EXTRA)?.into());
        (at.saturating_add(4) <= end).then(|| word(&self.body, at)).flatten()
    }

    /// Nanoseconds since the epoch: seconds of 32 bits with sign, two more bits of them and 30 of nanoseconds.
    fn time(&self, seconds: usize, extra: usize) -> i128 {
        let more = self.extra(extra).unwrap_or(0);
        let seconds = i128::from(self.word(seconds).cast_signed()).saturating_add(i128::from(more & 3) << 32);
        seconds.saturating_mul(1_000_000_000).saturating_add(i128::from(more >> 2))
    }

    fn blocks(&self, block_size: u64) -> u64 {
        let count = u64::from(self.word(0x1c)) | u64::from(self.short(0x74)) << 32;
        if self.flags & HUGE != 0 { count.saturating_mul(block_size / 512) } else { count }
    }

    /// The number of a device node: in the old way, or where that is none in the new one (`old_decode_dev`, linux/kdev_t.h).
    fn device(&self) -> (u32, u32) {
        match (self.kind(), self.word(0x28), self.word(0x2c)) {
            (libc::S_IFBLK | libc::S_IFCHR, 0, new) => ((new & 0xf_ff00) >> 8, (new & 0xff) | ((new >> 12) & 0xf_ff00)),
            (libc::S_IFBLK | libc::S_IFCHR, old, _) => ((old >> 8) & 0xff, old & 0xff),
            _ => (0, 0),
        }
    }

    /// What statx(2) would say of it.
    pub(in super::super) fn stat(&self, dev: (u32, u32), block_size: u64) -> Stat {
        let wide = |low: usize, high: usize| u32::from(self.short(low)) | u32::from(self.short(high)) << 16;
        Stat {
            mode: self.mode.into(),
            nlink: self.short(0x1a).into(),
            uid: wide(0x2, 0x78),
            gid: wide(0x18, 0x7a),
            ino: self.number.into(),
            size: self.size,
            blocks: self.blocks(block_size),
            dev,
            rdev: self.device(),
            atime_ns: self.time(0x8, 0x8c),
            mtime_ns: self.time(0x10, 0x88),
            ctime_ns: self.time(0xc, 0x84),
            btime_ns: self.extra(0x90).map(|_| self.time(0x90, 0x94)),
            attributes: (self.flags & AS_STATX).into(),
            mnt_id: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_where_the_kernel_has_them() {
        let mut body = vec![0; 256];
        let mut put = |at: usize, bytes: &[u8]| body[at..at + bytes.len()].copy_from_slice(bytes);
        put(0x0, &0o020_640_u16.to_le_bytes());
        put(0x2, &1000_u16.to_le_bytes());
        put(0x78, &1_u16.to_le_bytes());
        put(0x10, &(-2_i32).to_le_bytes());
        put(0x88, &(5_u32 << 2 | 1).to_le_bytes());
        put(0x80, &32_u16.to_le_bytes());
        put(0x90, &7_u32.to_le_bytes());
        put(0x2c, &0x0010_0305_u32.to_le_bytes());
        put(0x20, &0x10_u32.to_le_bytes());
        let stat = Inode::parse(12, body.clone(), false).unwrap().stat((8, 1), 4096);
        assert_eq!((stat.mode, stat.uid, stat.ino, stat.rdev), (0o020_640, 66_536, 12, (3, 0x105)));
        assert_eq!((stat.mtime_ns, stat.btime_ns), (((1_i128 << 32) - 2) * 1_000_000_000 + 5, Some(7_000_000_000)));
        assert_eq!(stat.attributes, 0x10);
        // An old inode has no time of birth.
        body.truncate(128);
        assert_eq!(Inode::parse(12, body.clone(), false).unwrap().stat((8, 1), 4096).btime_ns, None);
        body.truncate(127);
        assert_eq!(Inode::parse(12, body, false), None);
    }
}
