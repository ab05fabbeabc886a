//! Content that stands in the inode itself (`inline_data`): the 60 bytes of `i_block`, and behind them the value of the
//! extended attribute `system.data` (fs/ext4/inline.c, fs/ext4/xattr.h).

use super::Inode;
use crate::model::little_endian::{short, word};

const MAGIC: u32 = 0xea02_0000;
/// `EXT4_XATTR_INDEX_SYSTEM`.
const SYSTEM: u8 = 7;
const NAME: &[u8] = b"data";
/// `struct ext4_xattr_entry` up to its name.
const ENTRY: usize = 16;

/// All of it; longer than the file where room is left.
pub(super) fn content(file: &Inode) -> Vec<u8> {
    [file.map(), value(file).unwrap_or_default()].concat()
}

/// The two parts of a folder's content that hold entries: the first behind the number of the folder's own folder.
pub(super) fn folder(folder: &Inode) -> [&[u8]; 2] {
    [folder.map().get(4..).unwrap_or_default(), value(folder).unwrap_or_default()]
}

/// The value of `system.data`, if there is one.
fn value(inode: &Inode) -> Option<&[u8]> {
    let attributes = inode.attributes();
    let entries = attributes.get(4..).filter(|_| word(attributes, 0) == Some(MAGIC))?;
    let mut at = 0_usize;
    // Each entry takes at least 16 bytes, so this ends with the inode.
    while word(entries, at)? != 0 {
        let entry = entries.get(at..)?;
        let (length, index) = (usize::from(*entry.first()?), *entry.get(1)?);
        let name = entry.get(ENTRY..)?.get(..length)?;
        if index == SYSTEM && name == NAME {
            let (offset, size) = (usize::from(short(entry, 2)?), usize::try_from(word(entry, 8)?).ok()?);
            return entries.get(offset..)?.get(..size);
        }
        at = at.checked_add(ENTRY)?.checked_add(length)?.checked_next_multiple_of(4)?;
    }
    None
}
