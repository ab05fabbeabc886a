//! A process with memory of which every part is known.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::AsFd as _;

use hozen_tests::life::{Failure, Life};
use hozen_tests::raw::{Mapping, map, memfd_secret, page_out};
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::{hex, stay};

/// Bytes of a page.
const PAGE: usize = 4096;
/// Reserved and never touched: whoever reads it makes page tables of 2 GiB.
const RESERVED: usize = 1 << 40;

/// Maps: a private mapping of four pages of which the first is written, a page that can be written and executed, a memfd
/// of which one page is mapped, a page that is put into swap where there is any, a terabyte. Each page that is written begins with its kind and a random mark.
pub(super) fn memory() -> Result<(), Failure> {
    let life = Life::begin()?;
    let mut mark = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut mark)?;
    let mark = hex(&mark);
    let page = |kind: &str| -> Vec<u8> {
        let mut page = format!("{kind}:{mark}").into_bytes();
        page.resize(PAGE, b'.');
        page
    };
    let own = Mapping { length: 4 * PAGE, executable: false, file: None };
    let plain = map(own, &page("plain"))?;
    let code = map(Mapping { length: PAGE, executable: true, ..own }, &page("code"))?;
    let backing = memfd_create(c"known content", MFdFlags::MFD_CLOEXEC)?;
    nix::unistd::ftruncate(&backing, i64::try_from(PAGE)?)?;
    let file = map(Mapping { length: PAGE, file: Some(backing.as_fd()), ..own }, &page("file"))?;
    let swapped = map(Mapping { length: PAGE, ..own }, &page("swapped"))?;
    page_out(swapped, PAGE)?;
    let reserved = map(Mapping { length: RESERVED, ..own }, b"")?;
    let address = |name, address: usize| (name, format!("{address:#x}"));
    let facts = [("plain", plain), ("code", code), ("file", file), ("swapped", swapped), ("reserved", reserved)];
    let facts = facts.map(|(name, place)| address(name, place));
    stay(&life, facts.into_iter().chain([("mark", mark)]).collect())
}

/// Two pages that no one but this process can read.
pub(super) fn secretmem() -> Result<(), Failure> {
    let life = Life::begin()?;
    let secret = match memfd_secret() {
        Ok(file) => {
            nix::unistd::ftruncate(&file, i64::try_from(2 * PAGE)?)?;
            let mapping = Mapping { length: 2 * PAGE, executable: false, file: Some(file.as_fd()) };
            format!("{:#x}", map(mapping, &[b's'; 2 * PAGE])?)
        }
        Err(_) => "none".to_owned(),
    };
    stay(&life, vec![("secret", secret)])
}
