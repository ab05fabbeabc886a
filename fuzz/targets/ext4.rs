//! A disk with an ext4 file system: superblock, inodes, maps, folders and content.

#![no_main]

use hozen_collector::source::hostile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = hostile::ext4(bytes);
});
