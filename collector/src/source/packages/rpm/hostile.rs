//! A database of rpm that may be anything, from its first page to the files of its packages, held against what must be true of it whatever
//! comes.

use std::convert::Infallible;

use super::MOST_HEADER;
use super::header::{Header, LONGEST_PATH};
use super::kind::Kind;
use super::passed::Passed;
use crate::source::packages::sums::Sum;
use crate::source::pages::{Pages, Stopped};

impl Pages for &[u8] {
    type Error = &'static str;

    fn read(&mut self, offset: u64, into: &mut [u8]) -> Result<(), Self::Error> {
        let bytes = usize::try_from(offset).ok().and_then(|at| self.get(at..)?.get(..into.len())).ok_or("short")?;
        into.copy_from_slice(bytes);
        Ok(())
    }
}

/// What was found.
#[derive(Debug, Default)]
struct Found {
    packages: usize,
    files: usize,
    /// Of headers.
    bytes: usize,
}

/// A database of the kind that its first bytes show. Returns how many packages it has, and how many files they have.
///
/// # Panics
/// When there is more in it than it has bytes, or a path is longer than any.
#[must_use]
pub fn rpm(database: &[u8]) -> (usize, usize) {
    let mut found = Found::default();
    // That it is none, or ends in the middle, is as good an answer as any.
    let _ = read(database, &mut found);
    assert!(found.bytes <= database.len(), "{} bytes of headers in {}", found.bytes, database.len());
    (found.packages, found.files)
}

fn read(bytes: &[u8], found: &mut Found) -> Result<Passed, Stopped<&'static str, Infallible>> {
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    kind(bytes).headers(bytes, size, MOST_HEADER, &mut |_, blob| {
        found.take(blob);
        Ok(())
    })
}

/// What the name of the file says else.
fn kind(bytes: &[u8]) -> Kind {
    match bytes {
        [b'S', ..] => Kind::Sqlite,
        [b'R', ..] => Kind::Ndb,
        _ => Kind::Berkeley,
    }
}

impl Found {
    fn take(&mut self, blob: &[u8]) {
        self.bytes += blob.len();
        let Some(header) = Header::parse(blob) else { return };
        self.packages += usize::from(header.package().is_some());
        let before = self.files;
        for file in header.files() {
            assert!(file.path.len() <= LONGEST_PATH, "a path of {} bytes", file.path.len());
            let _ = (file.is_as_built(), Sum::of_digits(file.digest));
            self.files += 1;
        }
        assert!(self.files - before <= blob.len(), "{} files in {} bytes", self.files - before, blob.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::seeds;

    #[test]
    fn the_seeds_have_packages_with_files() {
        for (name, bytes) in seeds("rpm") {
            let (packages, files) = rpm(&bytes);
            assert!(packages >= 2 && files > packages, "{name}: {packages} packages, {files} files");
        }
        for none in [&b"SQLite format 3\0"[..], b"RpmP", b""] {
            assert_eq!(rpm(none), (0, 0));
        }
    }
}
