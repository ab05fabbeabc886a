//! A database of rpm that may be anything, from its first page to the files of its packages, held against what must be true of it whatever
//! comes.

use std::convert::Infallible;

use super::header::{Header, LONGEST_PATH};
use super::sqlite::{Database, Pages, Row, Stopped, Value};
use super::{MOST_HEADER, TABLE};
use crate::source::packages::sums::Sum;

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

/// A `rpmdb.sqlite`. Returns how many packages it has, and how many files they have.
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

fn read(bytes: &[u8], found: &mut Found) -> Result<(), Stopped<&'static str, Infallible>> {
    let mut database = Database::open(bytes, u64::try_from(bytes.len()).unwrap_or(u64::MAX))?;
    let Some(root) = database.root(TABLE)? else { return Ok(()) };
    database.rows(root, MOST_HEADER, &mut |row| {
        found.take(&row);
        Ok::<_, Infallible>(())
    })?;
    Ok(())
}

impl Found {
    fn take(&mut self, row: &Row<'_>) {
        let Some(Value::Blob(blob)) = row.column(1) else { return };
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
        assert_eq!(rpm(b"SQLite format 3\0"), (0, 0));
    }
}
