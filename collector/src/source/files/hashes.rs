//! Digests of programs: files that may be executed, and those that begin like an ELF file whatever their permissions.
//!
//! In profile triage those in the folders of `PATH`, in homes and in the folders that everybody may write to, and whatever gives rights
//! to who starts it; in profile full all. Each file is read once, one with several names too, within budgets of time and bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::limit;
use super::traits::Traits;
use crate::host::{Clock, Content, Host, ReadError, Reason, Watchdog, read};
use crate::model::{Digest, Row};
use crate::source::executables::failed;
use crate::source::walk::Entry;
use crate::source::{Evidence, Stop, failure, file_set};

/// How much is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    pub(super) bytes: u64,
    pub(super) time: Duration,
}

/// In profile triage: somebody waits for it, before the host is cut off.
pub(super) const TRIAGE: Budget = Budget { bytes: 2 << 30, time: Duration::from_secs(60) };
/// In profile full.
pub(super) const FULL: Budget = Budget { bytes: 64 << 30, time: Duration::from_secs(20 * 60) };

/// No program is larger, but a file of holes costs its maker nothing.
const LARGEST: u64 = 4 << 30;

/// The most files of several names that are remembered.
const MOST_LINKED: usize = 200_000;

const ELF: [u8; 4] = *b"\x7fELF";

/// Where programs are looked for in profile triage, beside homes: `PATH`, and where everybody may write.
const PLACES: [&str; 14] = [
    "/bin",
    "/sbin",
    "/usr/bin",
    "/usr/sbin",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/snap/bin",
    "/tmp",
    "/var/tmp",
    "/dev",
    "/run",
    "/var/run",
    "/var/lock",
    "/var/crash",
];

/// Makes digests until the budget is spent.
#[derive(Debug)]
pub(super) struct Hashes {
    watchdog: Watchdog,
    clock: Clock,
    /// `None`: everywhere.
    places: Option<BTreeSet<Vec<u8>>>,
    budget: Budget,
    left: u64,
    /// Time that may still be spent on content: on a large disk the walk alone takes longer than all of it.
    left_ns: u64,
    linked: BTreeMap<((u32, u32), u64), Digest>,
    /// How many files were not looked into because the budget was spent, and the first of them.
    beyond: Option<(u64, Vec<u8>)>,
}

/// What came of looking into a file.
enum Looked {
    /// It is no program.
    Other,
    /// It is one.
    Program { sha256: Digest, elf: bool },
}

impl Hashes {
    pub(super) fn new(host: &Host, thorough: bool, evidence: &mut dyn Evidence) -> Self {
        let budget = if thorough { FULL } else { TRIAGE };
        let places = (!thorough).then(|| {
            let homes = file_set::homes(host, evidence).into_iter().map(|home| home.path).filter(|path| path != b"/");
            PLACES.iter().map(|place| place.as_bytes().to_owned()).chain(homes).collect()
        });
        let left_ns = u64::try_from(budget.time.as_nanos()).unwrap_or(u64::MAX);
        let (watchdog, clock, left) = (host.watchdog(), host.clock, budget.bytes);
        Self { watchdog, clock, places, budget, left, left_ns, linked: BTreeMap::new(), beyond: None }
    }

    /// Looks into a file if it may be a program that is wanted.
    pub(super) fn entry(&mut self, host: &Host, entry: &Entry, traits: &Traits, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        let wanted = entry.stat.is_regular() && entry.stat.size > 0 && (traits.gives_rights() || self.is_place(&entry.path));
        if !wanted {
            return Ok(());
        }
        let inode = (entry.stat.dev, entry.stat.ino);
        let mut row = Row::new(host.clock.now(), "content");
        row.bytes("path", &entry.path).int("size", entry.stat.size).int("inode", entry.stat.ino);
        row.text("dev", &format!("{}:{}", entry.stat.dev.0, entry.stat.dev.1));
        row.flag("executable", entry.stat.mode & 0o111 != 0);
        if let Some(known) = self.linked.get(&inode) {
            row.text("sha256", &known.to_string());
            return evidence.row("executable_hashes", &row);
        }
        if self.is_spent(entry) {
            return Ok(());
        }
        let began_ns = self.clock.mono_ns();
        let looked = self.look(entry, evidence)?;
        self.left_ns = self.left_ns.saturating_sub(self.clock.mono_ns().saturating_sub(began_ns));
        match looked {
            Ok(Looked::Other) => return Ok(()),
            Ok(Looked::Program { sha256, elf }) => {
                row.text("sha256", &sha256.to_string()).flag("elf", elf);
                if entry.stat.nlink > 1 && self.linked.len() < MOST_LINKED {
                    self.linked.insert(inode, sha256);
                }
            }
            Err(error) => failure::note(&mut row, evidence, "sha256", &error),
        }
        evidence.row("executable_hashes", &row)
    }

    /// Whether `path` lies in one of the places.
    fn is_place(&self, path: &[u8]) -> bool {
        let Some(places) = &self.places else { return true };
        let ends = path.iter().enumerate().skip(1).filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        ends.filter_map(|end| path.get(..end)).any(|folder| places.contains(folder))
    }

    fn is_spent(&mut self, entry: &Entry) -> bool {
        let runs = entry.stat.mode & 0o111 != 0;
        let spent = self.left_ns == 0 || (runs && entry.stat.size.min(LARGEST) > self.left);
        if spent {
            self.beyond.get_or_insert_with(|| (0, entry.path.clone())).0 += 1;
        }
        spent
    }

    fn look(&mut self, entry: &Entry, evidence: &dyn Evidence) -> Result<Result<Looked, ReadError>, Stop> {
        let path = &entry.path;
        let opened = entry.open().and_then(|(reader, stat)| read::named(path, Content::new(reader.0, stat)));
        let content = match opened {
            Ok(content) => content,
            Err(error) => return Ok(Err(error)),
        };
        let size = content.stat.size;
        let mut reader = content.reader(0..size, &mut self.watchdog);
        let mut head = vec![0; usize::try_from(size.min(4)).unwrap_or(4)];
        if let Err(error) = reader.read_exact(&mut head) {
            return Ok(Err(if error.kind() == ErrorKind::UnexpectedEof { changed(path) } else { failed(path, &error) }));
        }
        let elf = head == ELF;
        if entry.stat.mode & 0o111 == 0 && !elf {
            return Ok(Ok(Looked::Other));
        }
        if size > LARGEST {
            return Ok(Err(ReadError::new(path, Reason::Limit(format!("files of more than {LARGEST} bytes are not hashed")))));
        }
        self.left = self.left.saturating_sub(size);
        let sha256 = rest(path, &head, &mut reader, evidence)?;
        let sha256 = sha256.and_then(|sha256| if content.has_changed() { Err(changed(path)) } else { Ok(sha256) });
        Ok(sha256.map(|sha256| Looked::Program { sha256, elf }))
    }

    /// Tells how much the budget was too little for.
    pub(super) fn tell(&self, evidence: &mut dyn Evidence) {
        if let Some((count, first)) = &self.beyond {
            let (bytes, seconds) = (self.budget.bytes, self.budget.time.as_secs());
            let what = format!("{count} files have no digest, for there was time of {seconds} s and room for {bytes} bytes");
            evidence.gap(limit(first, &what));
        }
    }
}

/// The digest of `head` and all that `reader` still has.
fn rest(path: &[u8], head: &[u8], reader: &mut impl Read, evidence: &dyn Evidence) -> Result<Result<Digest, ReadError>, Stop> {
    let (mut hasher, mut chunk) = (Sha256::new(), vec![0; 1 << 20]);
    hasher.update(head);
    loop {
        evidence.check()?;
        match reader.read(&mut chunk) {
            Ok(0) => return Ok(Ok(Digest::so_far(&hasher))),
            Ok(length) => hasher.update(chunk.get(..length).unwrap_or_default()),
            Err(error) => return Ok(Err(failed(path, &error))),
        }
    }
}

fn changed(path: &[u8]) -> ReadError {
    ReadError::new(path, Reason::Malformed("the file changed while it was read".to_owned()))
}

#[cfg(test)]
impl Hashes {
    /// Leaves room for so many bytes and nanoseconds.
    pub(super) fn allow(&mut self, bytes: u64, left_ns: u64) {
        (self.left, self.left_ns) = (bytes, left_ns);
    }
}
