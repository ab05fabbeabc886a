//! The entries of a folder (`struct ext4_dir_entry_2`): number of the inode, length of the entry, length of the name, type, name.
//!
//! Read one after the other, as the kernel does where a folder has no index. With one it is the same: the blocks of the index look like
//! entries without a name, so that readers who do not know them pass over them.

use super::{Fault, FileSystem, Inode, inline, map};
use crate::model::little_endian::{short, word};

/// The longest folder that is read: some 800,000 names.
const MOST: u64 = 32 << 20;
/// An entry up to its name.
const HEAD: usize = 8;
/// `EXT4_FT_DIR`, and the type of entries of file systems that do not note it.
const FOLDER: u8 = 2;
const UNKNOWN: u8 = 0;

/// A name in a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct Name {
    pub(in super::super) name: Vec<u8>,
    pub(in super::super) inode: u32,
    kind: u8,
}

impl Name {
    /// Whether it is a folder, if the entry says so.
    pub(in super::super) fn is_folder(&self) -> Option<bool> {
        (self.kind != UNKNOWN).then_some(self.kind == FOLDER)
    }
}

pub(super) fn names(system: &FileSystem, folder: &Inode) -> Result<Vec<Name>, Fault> {
    let mut names = Vec::new();
    if folder.is_inline() {
        for part in inline::folder(folder) {
            entries(part, &mut names)?;
        }
        return Ok(names);
    }
    if folder.size > MOST {
        return Err(Fault::Limit("a folder of more than 32 MiB"));
    }
    for run in map::runs(system, folder, folder.size)? {
        for number in 0..run.length {
            let block = system.block(run.physical.saturating_add(number))?;
            entries(&block, &mut names)?;
        }
    }
    Ok(names)
}

/// Adds the names of one block.
fn entries(block: &[u8], names: &mut Vec<Name>) -> Result<(), Fault> {
    let mut rest = block;
    while let Some(head) = rest.get(..HEAD) {
        let fields = || Some((word(head, 0)?, short(head, 4)?, usize::from(*head.get(6)?), *head.get(7)?));
        let (inode, length, name, kind) = fields().ok_or(Fault::Malformed("a folder that is cut short"))?;
        let length = record(length, block.len());
        let (entry, behind) =
            rest.split_at_checked(length).filter(|_| length >= HEAD).ok_or(Fault::Malformed("the length of a folder's entry"))?;
        if inode != 0 && name > 0 {
            let name = entry.get(HEAD..).and_then(|bytes| bytes.get(..name)).ok_or(Fault::Malformed("the length of a name"))?;
            add(name, inode, kind, names)?;
        }
        rest = behind;
    }
    Ok(())
}

/// The kernel lists nothing of a block with such a name, and no path can hold it.
fn add(name: &[u8], inode: u32, kind: u8, names: &mut Vec<Name>) -> Result<(), Fault> {
    if name.iter().any(|b| matches!(b, b'/' | 0)) {
        return Err(Fault::Malformed("a name that none can be"));
    }
    if name != b"." && name != b".." {
        names.push(Name { name: name.to_owned(), inode, kind });
    }
    Ok(())
}

/// A length of 65,536, which is one too many for its 16 bits, is written as 65,535 or 0 (`ext4_rec_len_from_disk`).
fn record(length: u16, block: usize) -> usize {
    match length {
        0 | u16::MAX if block == 65_536 => block,
        length => length.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(inode: u32, length: u16, name: &[u8]) -> Vec<u8> {
        let mut out = [&inode.to_le_bytes()[..], &length.to_le_bytes(), &[u8::try_from(name.len()).unwrap(), 1], name].concat();
        out.resize(length.into(), 0);
        out
    }

    #[test]
    fn entries_are_read_to_the_end_of_the_block_and_empty_ones_passed_over() {
        let block = [entry(2, 12, b"."), entry(2, 12, b".."), entry(0, 16, b"gone"), entry(9, 24, b"n\n\xff"), entry(0, 12, b"")]
            .concat();
        let mut names = Vec::new();
        entries(&block, &mut names).unwrap();
        assert_eq!(names, [Name { name: b"n\n\xff".to_vec(), inode: 9, kind: 1 }]);
        for bad in [
            [entry(9, 4, b""), vec![0; 8]].concat(),
            [entry(9, 12, b"a"), vec![0; 9]].concat(),
            entry(9, 12, b"a/b"),
            entry(9, 12, b"longer").into_iter().take(11).collect(),
        ] {
            assert!(entries(&bad, &mut Vec::new()).is_err(), "{bad:?}");
        }
        let mut long = entry(9, 12, b"abcd");
        long[6] = 5;
        assert!(entries(&long, &mut Vec::new()).is_err());
        assert_eq!((record(0, 65_536), record(65_535, 4096), record(12, 65_536)), (65_536, 65_535, 12));
    }

    proptest::proptest! {
        #[test]
        fn any_block_is_survived(block: Vec<u8>) {
            let _ = entries(&block, &mut Vec::new());
        }
    }
}
