//! `struct ext4_super_block`: how large everything is, and where groups and inodes stand.

use super::Fault;
use crate::model::little_endian::{short, word};

const MAGIC: u16 = 0xef53;

/// Features without which a reader would go wrong (`EXT4_FEATURE_INCOMPAT_…`): those that are read or do no harm here. Not among them:
/// compression, a device that is only a journal, and data in folder entries (Lustre).
const KNOWN: u32 = FILE_TYPE
    | RECOVER
    | META_GROUPS
    | 0x40
    | WIDE
    | 0x100
    | 0x200
    | 0x400
    | 0x2000
    | LARGE_FOLDERS
    | 0x8000
    | 0x1_0000
    | 0x2_0000;
const FILE_TYPE: u32 = 0x2;
const RECOVER: u32 = 0x4;
const META_GROUPS: u32 = 0x10;
const WIDE: u32 = 0x80;
const LARGE_FOLDERS: u32 = 0x4000;

/// `EXT4_FEATURE_RO_COMPAT_SPARSE_SUPER` and `EXT4_FEATURE_COMPAT_SPARSE_SUPER2`: which groups begin with a copy of the superblock.
const SPARSE: u32 = 0x1;
const SPARSE_2: u32 = 0x200;

/// What the superblock says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Superblock {
    /// Bytes of a block.
    pub(in super::super) block_size: u64,
    /// Blocks of the file system.
    pub(in super::super) blocks: u64,
    /// Its identity.
    pub(in super::super) uuid: [u8; 16],
    /// Its name.
    pub(in super::super) label: Vec<u8>,
    pub(super) inode_size: usize,
    pub(super) descriptor_size: usize,
    pub(super) large_folders: bool,
    inodes: u32,
    inodes_per_group: u32,
    blocks_per_group: u32,
    first_block: u32,
    /// The first block of descriptors that stands in its own group, where groups are gathered.
    first_meta: Option<u32>,
    sparse: bool,
    /// The only two groups with a copy, where there are two.
    copies: Option<[u32; 2]>,
}

impl Superblock {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let cut = Fault::Malformed("a superblock that is cut short");
        let parsed = parse(bytes).ok_or(cut)??;
        let fits = |size: usize, least: usize, most: u64| {
            size.is_power_of_two() && size >= least && u64::try_from(size).is_ok_and(|size| size <= most)
        };
        let is_whole = fits(parsed.inode_size, 128, parsed.block_size)
            && fits(parsed.descriptor_size, 32, 1024)
            && parsed.inodes_per_group > 0
            && parsed.blocks_per_group > 0;
        if is_whole { Ok(parsed) } else { Err(Fault::Malformed("sizes in the superblock that cannot be")) }
    }

    /// The group of an inode, and its place in it.
    pub(super) fn place(&self, number: u32) -> Option<(u32, u32)> {
        let index = number.checked_sub(1).filter(|_| number <= self.inodes)?;
        Some((index.checked_div(self.inodes_per_group)?, index.checked_rem(self.inodes_per_group)?))
    }

    /// Where the descriptor of a group stands (`descriptor_loc`, fs/ext4/super.c).
    pub(super) fn descriptor(&self, group: u32) -> Option<u64> {
        let size = u64::try_from(self.descriptor_size).ok()?;
        let in_block = self.block_size.checked_div(size).filter(|count| *count > 0)?;
        let (number, inside) = (u64::from(group).checked_div(in_block)?, u64::from(group).checked_rem(in_block)?);
        let block = match self.first_meta {
            Some(first) if number >= u64::from(first) => self.meta_block(number, number.checked_mul(in_block)?)?,
            // Behind the superblock, which stands in block 1 where blocks are that small.
            _ => 1024_u64.checked_div(self.block_size)?.checked_add(number)?.checked_add(1)?,
        };
        block.checked_mul(self.block_size)?.checked_add(inside.checked_mul(size)?)
    }

    /// The block of descriptors that stands in the first group that it describes.
    fn meta_block(&self, number: u64, group: u64) -> Option<u64> {
        let start = group.checked_mul(u64::from(self.blocks_per_group))?.checked_add(u64::from(self.first_block))?;
        let small = self.block_size == 1024 && number == 0 && self.first_block == 0;
        start.checked_add(u64::from(self.has_copy(group)))?.checked_add(u64::from(small))
    }

    /// Whether a group begins with a copy of the superblock (`ext4_bg_has_super`, fs/ext4/balloc.c).
    fn has_copy(&self, group: u64) -> bool {
        let is_power = |base: u64| {
            std::iter::successors(Some(base), |power| power.checked_mul(base)).take_while(|p| *p <= group).any(|p| p == group)
        };
        match self.copies {
            _ if group == 0 => true,
            Some(copies) => copies.iter().any(|copy| u64::from(*copy) == group),
            None if group == 1 || !self.sparse => true,
            None => [3, 5, 7].into_iter().any(is_power),
        }
    }

    /// Where the inode with this place in the group of `descriptor` stands.
    pub(super) fn inode(&self, descriptor: &[u8], index: u32) -> Option<u64> {
        let high = if self.descriptor_size >= 64 { word(descriptor, 0x28)? } else { 0 };
        let table = u64::from(word(descriptor, 0x8)?) | u64::from(high) << 32;
        let within = u64::from(index).checked_mul(u64::try_from(self.inode_size).ok()?)?;
        table.checked_mul(self.block_size)?.checked_add(within)
    }
}

/// `None` where the bytes end before.
fn parse(bytes: &[u8]) -> Option<Result<Superblock, Fault>> {
    if short(bytes, 0x38)? != MAGIC {
        return Some(Err(Fault::Malformed("no superblock is there")));
    }
    let (features, read_only) = (word(bytes, 0x60)?, word(bytes, 0x64)?);
    if features & !KNOWN != 0 {
        return Some(Err(Fault::Unsupported(format!("features {:#x} of the file system", features & !KNOWN))));
    }
    let Some(block_size) = 1024_u64.checked_shl(word(bytes, 0x18)?).filter(|size| (1024..=65_536).contains(size)) else {
        return Some(Err(Fault::Malformed("the size of a block")));
    };
    let wide = features & WIDE != 0;
    let high = if wide { word(bytes, 0x150)? } else { 0 };
    // Before revision 1 inodes have one size.
    let is_old = word(bytes, 0x4c)? == 0;
    Some(Ok(Superblock {
        block_size,
        blocks: u64::from(word(bytes, 0x4)?) | u64::from(high) << 32,
        uuid: *bytes.get(0x68..)?.first_chunk()?,
        label: bytes.get(0x78..0x88)?.split(|b| *b == 0).next()?.to_owned(),
        inode_size: if is_old { 128 } else { usize::from(short(bytes, 0x58)?) },
        descriptor_size: if wide { usize::from(short(bytes, 0xfe)?) } else { 32 },
        large_folders: features & LARGE_FOLDERS != 0,
        inodes: word(bytes, 0x0)?,
        inodes_per_group: word(bytes, 0x28)?,
        blocks_per_group: word(bytes, 0x20)?,
        first_block: word(bytes, 0x14)?,
        first_meta: (features & META_GROUPS != 0).then_some(word(bytes, 0x104)?),
        sparse: read_only & SPARSE != 0,
        copies: (word(bytes, 0x5c)? & SPARSE_2 != 0).then_some([word(bytes, 0x24c)?, word(bytes, 0x250)?]),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> Superblock {
        let mut bytes = vec![0; 1024];
        for (at, value) in
            [(0x0, 1000_u32), (0x4, 100_000), (0x18, 2), (0x20, 32_768), (0x28, 100), (0x4c, 1), (0x60, 0x2c2), (0x64, 1)]
        {
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        bytes[0x38..0x3a].copy_from_slice(&MAGIC.to_le_bytes());
        bytes[0x58..0x5a].copy_from_slice(&256_u16.to_le_bytes());
        bytes[0xfe..0x100].copy_from_slice(&64_u16.to_le_bytes());
        bytes[0x78..0x7c].copy_from_slice(b"root");
        Superblock::parse(&bytes).unwrap()
    }

    #[test]
    fn places_follow_from_the_sizes() {
        let superblock = made();
        assert_eq!((superblock.block_size, superblock.label.as_slice()), (4096, &b"root"[..]));
        assert_eq!(
            (superblock.place(0), superblock.place(2), superblock.place(101), superblock.place(1001)),
            (None, Some((0, 1)), Some((1, 0)), None)
        );
        assert_eq!((superblock.descriptor(0), superblock.descriptor(65)), (Some(4096), Some(2 * 4096 + 64)));
        let small = Superblock { block_size: 1024, ..made() };
        assert_eq!(small.descriptor(0), Some(2048));
        let mut descriptor = vec![0; 64];
        descriptor[0x8] = 10;
        descriptor[0x28] = 1;
        assert_eq!(superblock.inode(&descriptor, 3), Some(((1 << 32) + 10) * 4096 + 3 * 256));
    }

    #[test]
    fn gathered_groups_hold_their_own_descriptors() {
        let superblock = Superblock { first_meta: Some(1), ..made() };
        assert_eq!(superblock.descriptor(0), Some(4096));
        // The 64 descriptors from group 64 on: no power of 3, 5 or 7, so it has no copy of the superblock.
        assert_eq!(superblock.descriptor(65), Some(64 * 32_768 * 4096 + 64));
        let copies: Vec<u64> = (0..130).filter(|group| superblock.has_copy(*group)).collect();
        assert_eq!(copies, [0, 1, 3, 5, 7, 9, 25, 27, 49, 81, 125]);
        let two = Superblock { copies: Some([1, 9]), ..superblock };
        assert_eq!((0..130).filter(|group| two.has_copy(*group)).collect::<Vec<_>>(), [0, 1, 9]);
    }

    #[test]
    fn sizes_that_cannot_be_are_refused() {
        let refused = |at: usize, value: u32| {
            let mut bytes = vec![0; 1024];
            bytes[0x38..0x3a].copy_from_slice(&MAGIC.to_le_bytes());
            for (at, value) in [(0x20, 1_u32), (0x28, 1), (at, value)] {
                bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
            }
            Superblock::parse(&bytes).is_err()
        };
        assert!(!refused(0x18, 0));
        assert!(refused(0x18, 7) && refused(0x18, u32::MAX) && refused(0x20, 0) && refused(0x28, 0) && refused(0x60, 0x8));
        assert!(refused(0x4c, 1), "inodes of no size");
        assert!(Superblock::parse(&[]).is_err() && Superblock::parse(&[0; 1024]).is_err());
    }
}
