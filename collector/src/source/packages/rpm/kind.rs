//! The kinds of databases that rpm has had, each with a reader of its own.

use super::passed::{Passed, Take};
use super::{bdb, ndb};
use crate::source::pages::{Pages, Stopped, Trouble};
use crate::source::sqlite::{Database, Value};

/// SQLite's table of packages.
const TABLE: &str = "Packages";

/// A kind of database. A host has one; where there are more, the newest is taken, as that to which rpm was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Of rpm 4.16 and later, but for SUSE's.
    Sqlite,
    /// rpm's own, which is SUSE's.
    Ndb,
    /// Of rpm before 4.16.
    Berkeley,
}

impl Kind {
    /// All kinds, the newest first.
    pub(super) const ALL: [Self; 3] = [Self::Sqlite, Self::Ndb, Self::Berkeley];

    /// The name of the file.
    pub(super) const fn file(self) -> &'static str {
        match self {
            Self::Sqlite => "rpmdb.sqlite",
            Self::Ndb => "Packages.db",
            Self::Berkeley => "Packages",
        }
    }

    /// Hands over the packages of a database in a file of `size` bytes that have headers of at most `most` bytes, and returns what it came
    /// past.
    pub(super) fn headers<P: Pages, E>(
        self,
        pages: P,
        size: u64,
        most: usize,
        take: Take<'_, E>,
    ) -> Result<Passed, Stopped<P::Error, E>> {
        match self {
            Self::Sqlite => of_sqlite(pages, size, most, take),
            Self::Ndb => ndb::headers(pages, size, most, take),
            Self::Berkeley => bdb::headers(pages, size, most, take),
        }
    }
}

/// One row of its table for each package. rpm takes the bytes of the header whatever SQLite calls them: one that somebody has made a text
/// (`CAST(blob AS TEXT)`) is a package still.
fn of_sqlite<P: Pages, E>(pages: P, size: u64, most: usize, take: Take<'_, E>) -> Result<Passed, Stopped<P::Error, E>> {
    let mut database = Database::open(pages, size)?;
    let root = database.root(TABLE)?.ok_or(Stopped::Trouble(Trouble::Malformed("it has no table Packages")))?;
    let mut passed = Passed::default();
    let long = database.rows(root, most, &mut |row| match row.column(1) {
        Some(Value::Blob(header) | Value::Text(header)) => take(row.id, header),
        _ => {
            passed.note("a package has no header");
            Ok(())
        }
    })?;
    Ok(Passed { long, ..passed })
}

#[cfg(test)]
mod tests {
    use super::super::passed::tests::found;
    use super::*;
    use crate::source::containers::sqlite_writer::{self, Cell};

    #[test]
    fn a_header_that_is_text_is_one_and_what_is_none_is_told() {
        let rows = vec![vec![Cell::Int(1), Cell::Text("header")], vec![Cell::Int(2), Cell::Null], vec![Cell::Int(3)]];
        let bytes = sqlite_writer::database(&[(TABLE, rows)]);
        let size = u64::try_from(bytes.len()).unwrap();
        let (packages, passed) = found(|take| Kind::Sqlite.headers(bytes.as_slice(), size, 1 << 20, take)).unwrap();
        assert_eq!(packages, [(1, b"header".to_vec())]);
        assert_eq!((passed.long, passed.malformed.into_iter().collect::<Vec<_>>()), (0, vec![("a package has no header", 2)]));
    }
}
