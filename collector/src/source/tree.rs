//! Trees of files that are kept with their content: tmpfs, and the folders that containers write into.
//!
//! Each entry is a row and a member of the archive; FIFOs, sockets and devices are noted and never opened. Secrets follow the
//! rule of all files (`super::secret`): a file that is one as a whole, and may not run, is a row with its digest, and in texts of at most
//! [`MOST_TEXT`] bytes each byte of one is an `x`, and so it is in each stretch of one that there is no room for as a whole. Whatever is longer, or
//! has a NUL (a hole is zeros), is kept as it is.

use std::collections::BTreeMap;
use std::io::Read as _;

use super::content::{Keeper, Part};
use super::walk::{Entry, Walk};
use super::{Evidence, Member, MemberKind, Stop, failure, secret, stat_columns};
use crate::host::{Content, Host, ReadError, read};
use crate::model::{Digest, Gap, Row};

/// The most bytes of a text in which secrets are looked for.
const MOST_TEXT: u64 = 1 << 20;

/// The most bytes of a file of secrets of which a digest is made.
const MOST_SECRET: u64 = 32 << 20;

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// The most bytes that are kept of one file, holes included.
    pub(super) file: u64,
    /// The most bytes of data that are kept of all files together, and the most zeros that are written out for holes.
    pub(super) total: u64,
    /// The most entries that are looked at.
    pub(super) entries: usize,
}

/// Trees on their way into the evidence.
pub(super) struct Tree<'a> {
    host: &'a Host,
    table: &'static str,
    keeper: Keeper,
    entries_left: usize,
    include_secrets: bool,
    /// The path under which the content of an inode with several names was kept.
    linked: BTreeMap<((u32, u32), u64), Vec<u8>>,
}

/// Where a tree lies.
pub(super) struct Place<'p> {
    /// What the paths of entries begin with only in the archive, because the tree is not seen at that path of the host.
    pub(super) prefix: &'p [u8],
    /// The source of its rows.
    pub(super) source: &'p str,
    /// Whether targets of links are read: outside our own views that moves their access times.
    pub(super) reads_links: bool,
    /// Adds columns to the row of an entry, of which this is the path.
    pub(super) columns: &'p dyn Fn(&mut Row, &[u8]),
}

impl<'a> Tree<'a> {
    /// Rows go to `table`.
    pub(super) fn new(host: &'a Host, table: &'static str, limits: Limits, include_secrets: bool) -> Self {
        let (file_cap, left) = (limits.file, limits.total);
        let keeper = Keeper { spare: host.spare_thread(), file_cap, left, holes: left, part: Part::First };
        Self { host, table, keeper, entries_left: limits.entries, include_secrets, linked: BTreeMap::new() }
    }

    /// Bytes that may still be kept.
    pub(super) fn left(&self) -> u64 {
        self.keeper.left
    }

    /// Keeps what `walk` comes to, of which at most `share` bytes.
    ///
    /// # Errors
    /// When the run wants no more of this artefact.
    pub(super) fn keep(&mut self, walk: Walk, place: &Place<'_>, share: u64, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        let held_back = self.keeper.left.saturating_sub(share);
        self.keeper.left -= held_back;
        let done = self.all(walk, place, evidence);
        self.keeper.left += held_back;
        done
    }

    fn all(&mut self, walk: Walk, place: &Place<'_>, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        for found in walk {
            evidence.check()?;
            match found {
                Ok(entry) if self.entries_left == 0 => {
                    evidence.gap(Gap::whole(&entry.path, "more files and folders than are looked at; the first that was not"));
                    return Ok(());
                }
                Ok(entry) => self.entry(&entry, place, evidence)?,
                Err(error) => failure::gap(evidence, &error),
            }
        }
        Ok(())
    }

    fn entry(&mut self, entry: &Entry, place: &Place<'_>, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        self.entries_left -= 1;
        let mut row = Row::new(self.host.clock.now(), place.source);
        let seen = |path: &'_ [u8]| path.strip_prefix(place.prefix).unwrap_or(path).to_owned();
        let path = seen(&entry.path);
        row.bytes("path", &path).bytes("directory", &seen(entry.directory())).bytes("filename", &entry.name);
        stat_columns::add(&mut row, &entry.stat);
        (place.columns)(&mut row, &path);
        let member = Member { path: &entry.path, kind: MemberKind::Special, stat: Some(entry.stat) };
        if entry.stat.is_regular() {
            self.file(entry, &mut row, evidence)?;
        } else if entry.stat.is_directory() {
            evidence.raw(&Member { kind: MemberKind::Directory, ..member }, b"")?;
        } else if entry.stat.is_symlink() {
            if place.reads_links {
                link(entry, &mut row, member, evidence)?;
            } else {
                row.error("symlink_target_path", "access-time");
            }
        } else {
            evidence.raw(&member, b"")?;
        }
        evidence.row(self.table, &row)
    }

    fn file(&mut self, entry: &Entry, row: &mut Row, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        if entry.stat.nlink > 1 {
            let inode = (entry.stat.dev, entry.stat.ino);
            if let Some(first) = self.linked.get(&inode) {
                row.bytes("content_at", first);
                return Ok(());
            }
            self.linked.insert(inode, entry.path.clone());
        }
        match open(entry) {
            Ok(content) if self.include_secrets => self.keeper.keep(&entry.path, &content, row, evidence),
            Ok(content) if secret::is_file(&entry.path) && !self.may_run(entry, &content) => {
                self.withhold(entry, &content, row, evidence)
            }
            Ok(content) if content.stat.size <= MOST_TEXT && self.keeper.is_whole(&content) => {
                self.small(entry, &content, row, evidence)
            }
            // There is no room for all of it: what is kept is a text all the same.
            Ok(content) if content.stat.size <= MOST_TEXT => {
                self.keeper.keep_masked(&entry.path, &content, row, &|bytes| masked(&entry.path, bytes), evidence)
            }
            Ok(content) => self.keeper.keep(&entry.path, &content, row, evidence),
            Err(error) => {
                failure::note(row, evidence, "content", &error);
                Ok(())
            }
        }
    }

    /// Whether a file that is a secret by its name may run.
    fn may_run(&mut self, entry: &Entry, content: &Content) -> bool {
        let (mut bytes, end) = (Vec::new(), content.stat.size.min(secret::BEGINNING));
        let reading = content.reader(0..end, &mut self.keeper.spare).read_to_end(&mut bytes);
        reading.is_ok() && secret::may_run(&entry.path, &bytes)
    }

    /// Reads a file of at most `limit` bytes whole.
    fn read(&mut self, entry: &Entry, content: &Content, row: &mut Row, evidence: &mut dyn Evidence) -> Vec<u8> {
        let (size, mut bytes) = (content.stat.size, Vec::new());
        let result = content.reader(0..size, &mut self.keeper.spare).read_to_end(&mut bytes);
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if length < size {
            row.error("content", "truncated");
            let reason =
                result.err().map_or_else(|| "it has shrunk since it was looked at".to_owned(), |error| error.to_string());
            evidence.gap(Gap::from(&entry.path, length, Some(size - length), reason));
        } else {
            row.text("sha256", &Digest::of(&bytes).to_string());
        }
        bytes
    }

    /// Only its length and digest.
    fn withhold(&mut self, entry: &Entry, content: &Content, row: &mut Row, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        if content.stat.size <= MOST_SECRET {
            self.read(entry, content, row, evidence);
        }
        row.flag("secret", true).int("stored", 0);
        evidence.check()
    }

    /// A small file, without the secrets in it if it is a text.
    fn small(&mut self, entry: &Entry, content: &Content, row: &mut Row, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        let mut bytes = self.read(entry, content, row, evidence);
        let hidden = masked(&entry.path, &mut bytes);
        let stored = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.keeper.charge(content, &(0..content.stat.size));
        evidence.raw(&Member::file(&entry.path, content.stat), &bytes)?;
        row.int("stored", stored).int("hidden_bytes", hidden).flag("changed_during_read", content.has_changed());
        Ok(())
    }
}

/// Hides the secrets in what is a text. Returns how many bytes that were.
fn masked(path: &[u8], bytes: &mut [u8]) -> u64 {
    if bytes.contains(&0) { 0 } else { without_secrets(path, bytes) }
}

/// Hides the secrets in a text. Returns how many bytes that were.
pub(super) fn without_secrets(path: &[u8], bytes: &mut [u8]) -> u64 {
    let has_hashes = secret::is_accounts(path) || secret::is_called_shadow(path);
    let hashes = if has_hashes { secret::mask_shadow(bytes) } else { 0 };
    let words = if secret::is_file(path) { secret::mask_netrc(bytes) } else { 0 };
    // In `passwd`, what looks like `user:password@host` is an account with an address in its comment.
    if secret::is_accounts(path) { hashes } else { hashes + words + secret::mask_json(bytes) }
}

fn open(entry: &Entry) -> Result<Content, ReadError> {
    let (reader, stat) = entry.open()?;
    read::named(&entry.path, Content::new(reader.0, stat))
}

/// Keeps a symbolic link and what it leads to.
fn link(entry: &Entry, row: &mut Row, member: Member<'_>, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    match entry.link() {
        Ok(target) => {
            row.bytes("symlink_target_path", &target);
            evidence.raw(&Member { kind: MemberKind::Symlink(&target), ..member }, b"")
        }
        Err(error) => {
            failure::note(row, evidence, "symlink_target_path", &error);
            Ok(())
        }
    }
}
