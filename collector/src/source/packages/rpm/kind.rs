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

/// One row of its table for each package.
fn of_sqlite<P: Pages, E>(pages: P, size: u64, most: usize, take: Take<'_, E>) -> Result<Passed, Stopped<P::Error, E>> {
    let mut database = Database::open(pages, size)?;
    let root = database.root(TABLE)?.ok_or(Stopped::Trouble(Trouble::Malformed("it has no table Packages")))?;
    let long = database.rows(root, most, &mut |row| match row.column(1) {
        Some(Value::Blob(header)) => take(row.id, header),
        _ => Ok(()),
    })?;
    Ok(Passed { long, ..Passed::default() })
}
