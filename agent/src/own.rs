//! The program that runs, as the records name it.

use std::io::Read as _;

use hozen_collector::host::read::{self, FdReader};
use hozen_collector::model::Digest;
use hozen_collector::model::seal::Sealer;
use sha2::{Digest as _, Sha256};

/// SHA-256 of the program that runs, on a machine that is trusted: `/proc/self/exe` by its name.
#[must_use]
pub fn digest() -> Option<Digest> {
    let (fd, _) = read::open_magic(nix::fcntl::AT_FDCWD, "/proc/self/exe").ok()?;
    digest_of(FdReader(fd))
}

/// This program, as a record made away from the host names it.
#[must_use]
pub fn sealer() -> Sealer {
    Sealer { version: crate::VERSION.to_owned(), sha256: digest() }
}

/// SHA-256 of all that `reader` gives; `None` where it cannot be read.
pub(crate) fn digest_of(mut reader: FdReader) -> Option<Digest> {
    let (mut hasher, mut chunk) = (Sha256::new(), vec![0_u8; 256 << 10]);
    loop {
        match reader.read(&mut chunk).ok()? {
            0 => return Some(Digest::so_far(&hasher)),
            length => hasher.update(chunk.get(..length)?),
        }
    }
}
