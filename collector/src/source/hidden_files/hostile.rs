//! A disk that may hold anything, read as an ext4 file system, held against what must be true of it whatever comes.

use std::sync::Arc;

use super::ext4::{FileSystem, Name, ROOT};

/// The most names that are looked at.
const MOST: usize = 300;
/// The most bytes of one file that are read.
const LIMIT: u64 = 1 << 20;
/// `PATH_MAX`.
const LONGEST_TARGET: usize = 4096;

/// Goes through all that a disk may hold. Returns how many names it has.
///
/// # Panics
/// When a name is none that can be, or a file has more bytes than it says or were asked for.
#[must_use]
pub fn ext4(disk: &[u8]) -> usize {
    let Ok(system) = FileSystem::open(Arc::new(disk.to_owned())) else { return 0 };
    let (mut folders, mut found) = (vec![ROOT], 0);
    while let Some(number) = folders.pop() {
        let Ok(folder) = system.inode(number) else { continue };
        for name in system.names(&folder).unwrap_or_default() {
            look(&system, &name);
            folders.push(name.inode);
            found += 1;
            if found == MOST {
                return found;
            }
        }
    }
    found
}

fn look(system: &FileSystem, name: &Name) {
    let can_be = !matches!(name.name.as_slice(), b"" | b"." | b"..") && !name.name.iter().any(|byte| matches!(byte, b'/' | 0));
    assert!(can_be, "{:?} is no name", name.name);
    let _ = name.is_folder();
    let Ok(inode) = system.inode(name.inode) else { return };
    if let Ok(content) = system.content(&inode, LIMIT) {
        let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
        assert!(length <= inode.size.min(LIMIT), "{length} bytes of a file of {}", inode.size);
    }
    if let Ok(target) = system.target(&inode) {
        assert!(target.len() <= LONGEST_TARGET, "a target of {} bytes", target.len());
    }
    let _ = inode.stat((8, 1), system.superblock.block_size);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::seeds;

    #[test]
    fn the_seeds_have_names() {
        for (name, bytes) in seeds("ext4") {
            let found = ext4(&bytes);
            assert!((4..MOST).contains(&found), "{name}: {found} names");
        }
        assert_eq!(ext4(b""), 0);
    }
}
