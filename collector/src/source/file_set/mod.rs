//! "Keep these files": lists of patterns of paths whose files are kept as they are, each with a row of what is known of it.
//!
//! First all files that the patterns mean are looked for (`find`), then each is kept (`keep`) within budgets of bytes: as a
//! member of the archive under its own path, and a row. What lies in no user's home comes first, and what lies in one takes a part of the
//! budget at most (`shares`). What is left out is a gap, or, for files that the budget of all
//! together had no room for, one gap and a row each. FIFOs, sockets and devices are listed and never opened; file systems whose server
//! is not this kernel are not touched.
//!
//! Secrets ([`super::secret`]) in texts are not taken along unless asked for: a file that is one as a whole is a row with its length and
//! digest; in text, each byte of one is an `x`. A name does not make a secret of what may run.

mod ahead;
mod find;
mod gaps;
mod homes;
mod keep;
mod named;
mod pattern;
mod shares;

use self::find::Search;
pub(super) use self::find::{Found, SHARES, is_below};
pub(super) use self::gaps::Few;
pub(super) use self::homes::all as homes;
pub(super) use self::named::{Unlisted, in_folder};
use super::content::Part;
use super::{Evidence, Stop};
use crate::host::Host;
use crate::model::Gap;

/// What sort of files some patterns mean.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Group<'a> {
    /// The word for it in rows.
    pub(super) kind: &'a str,
    /// How such files are kept.
    pub(super) form: Form,
    /// Patterns of paths.
    pub(super) patterns: &'a [&'a str],
}

/// How files are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Read whole, secrets in its lines hidden, and handed on to be made rows of.
    Text,
    /// Read whole, secrets in its strings hidden, and handed on; what is no JSON is `Text`.
    Json,
    /// Read whole and handed on as it is, whatever is in it.
    Plain,
    /// What it is, nobody said: as `Text` if its beginning is text, and else as `Bulk`.
    Any,
    /// Not opened: files and folders of which only the row is wanted.
    Listed,
    /// Kept as it is, and not handed on; of what is too long a part.
    Bulk,
    /// A database, in which no secret can be hidden without harm: only its length and digest, or as `Bulk` if secrets are asked for.
    Withheld,
    /// A database of which rows are made: handed on as it is, and then kept as `Withheld` is.
    Database,
    /// Kept as it is, and not handed on; whole or not at all, because a part of it is of no use.
    Whole,
}

/// How much is looked at and kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// The most bytes that are kept of one file.
    pub(super) file: u64,
    /// The most bytes that are kept of all files together; of what one user decides a tenth of it.
    pub(super) total: u64,
    /// The most files, and folders that no pattern names, that are looked at; of what one user decides a tenth of it.
    pub(super) entries: usize,
    /// The most names of one folder that are looked at.
    pub(super) names: usize,
}

impl Limits {
    /// Limits with the usual number of files: 100,000, of which each takes some 300 bytes of memory.
    pub(super) const fn bytes(file: u64, total: u64) -> Self {
        Self { file, total, entries: 100_000, names: 100_000 }
    }
}

/// In which order files are kept, and so what the budget of bytes is spent on; what users decide comes after all else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// By path.
    Path,
    /// Those that were changed last come first, and of a file that is too long its end is kept.
    NewestFirst,
}

/// Says of a real path whether the host reads that file.
pub(super) type IsRead<'a> = &'a dyn Fn(&[u8]) -> bool;

/// Files to keep.
#[derive(Clone, Copy)]
pub(super) struct FileSet<'a> {
    /// The table of their rows.
    pub(super) table: &'static str,
    /// What they are.
    pub(super) groups: &'a [Group<'a>],
    /// How much of them.
    pub(super) limits: Limits,
    /// In which order.
    pub(super) order: Order,
    /// Keep secrets as they are.
    pub(super) include_secrets: bool,
    /// Whether the host looks for keys or settings in the file at a real path, whatever it is called: then its name does not make a secret of it.
    pub(super) is_read: Option<IsRead<'a>>,
}

/// A file of text that was kept whole, or a database.
#[derive(Debug)]
pub(super) struct Text<'a> {
    /// The file.
    pub(super) found: &'a Found<'a>,
    /// What was kept of it: its bytes, secrets hidden. Of a [`Form::Database`] all of them: what is a secret, its reader has to know.
    pub(super) bytes: &'a [u8],
}

impl Text<'_> {
    /// The file's name in its folder.
    pub(super) fn name(&self) -> &[u8] {
        self.found.path.rsplit(|b| *b == b'/').next().unwrap_or_default()
    }
}

/// What makes rows of a text, and names more files to keep, whose texts it is handed as well.
pub(super) type Reader<'a> = &'a mut dyn FnMut(&Text<'_>, &mut dyn Evidence) -> Result<Vec<Vec<u8>>, Stop>;

impl FileSet<'_> {
    /// Keeps the files, and hands each text to `reader`. Returns how many entries there are.
    ///
    /// # Errors
    /// When the run wants no more of this artefact.
    pub(super) fn keep(&self, host: &Host, evidence: &mut dyn Evidence, reader: Reader<'_>) -> Result<usize, Stop> {
        let mut few = Few::new(evidence);
        let done = self.keep_all(host, &mut few, reader);
        few.tell(self.table);
        done
    }

    fn keep_all(&self, host: &Host, evidence: &mut dyn Evidence, reader: Reader<'_>) -> Result<usize, Stop> {
        let homes = homes::all(host, evidence);
        let found = Search::all(host, evidence, self.groups, homes, self.limits)?;
        let count = found.len();
        let mut found: Vec<Found<'_>> = found.into_values().collect();
        if self.order == Order::NewestFirst {
            // Stable, so that files of one time stay in the order of their paths.
            found.sort_by_key(|found| std::cmp::Reverse(found.stat.mtime_ns));
        }
        found.sort_by_key(Found::turn);
        keep::all(self, host, found, evidence, reader)?;
        Ok(count)
    }

    /// Which part of a file that is too long is kept.
    fn part(&self) -> Part {
        if self.order == Order::NewestFirst { Part::Last } else { Part::First }
    }
}

/// The most rows that one text becomes.
pub(super) const MOST_ROWS: usize = 100_000;

/// Calls `write` for each of the first [`MOST_ROWS`] `items` of a text; that there are more is a gap.
///
/// # Errors
/// When the run wants no more of this artefact.
pub(super) fn bounded<T>(
    text: &Text<'_>,
    evidence: &mut dyn Evidence,
    items: impl Iterator<Item = T>,
    mut write: impl FnMut(T, &mut dyn Evidence) -> Result<(), Stop>,
) -> Result<(), Stop> {
    for (count, item) in items.enumerate() {
        evidence.check()?;
        if count >= MOST_ROWS {
            let reason = format!("rows of all but the first {MOST_ROWS} things that it says; the archive has its bytes");
            evidence.gap(Gap::whole(&text.found.path, reason));
            break;
        }
        write(item, evidence)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
