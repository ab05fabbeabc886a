//! Digests of programs: files that may be executed, and those that begin like an ELF file whatever their permissions.
//!
//! In profile triage those in the folders of `PATH`, in homes and in the folders that everybody may write to, and whatever gives rights
//! to who starts it; in profile full all. Each file is read once, one with several names too, within budgets of time and bytes, one for
//! files of packages and one for all others; and of one that the run has read before the digest is known.
//!
//! The walk goes on while files are looked into. Rows stand in the order of the walk.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::limit;
use super::look::{Looked, look};
use super::packaged::Packaged;
use super::traits::Traits;
use crate::host::content::READ_LIMIT;
use crate::host::spare_thread::TimedOut;
use crate::host::sys::Stat;
use crate::host::{Crew, Host, ReadError, Reason};
use crate::model::{Digest, Row};
use crate::source::digests::{Digests, Known, LARGEST};
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

/// The most files of several names that are remembered.
const MOST_LINKED: usize = 200_000;

/// The most rows that wait for the file before them.
const MOST_WAITING: usize = 4096;

/// What may still be read.
#[derive(Debug, Clone, Copy)]
struct Left {
    bytes: u64,
    /// Time that may still be spent on content: on a large disk the walk alone takes longer than all of it.
    ns: u64,
}

/// From here on time is counted file by file, so that no more of it is spent than there is.
const NEARLY_SPENT: u64 = 1_000_000_000;

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

/// Whose budget is the first of the two, and whose the second.
const WHOSE: [&str; 2] = ["of packages", "of no known package"];

/// Makes digests until the budget is spent.
#[derive(Debug)]
pub(super) struct Hashes {
    crew: Crew<Done>,
    /// What is looked into, and rows that wait for that, in the order of the walk.
    waiting: VecDeque<Waiting>,
    digests: Arc<Digests>,
    /// `None`: everywhere.
    places: Option<BTreeSet<Vec<u8>>>,
    budget: Budget,
    /// What is left of the budget: `[0]` files of packages, `[1]` all others. Kept apart because the walk meets the
    /// distribution's files first and would leave nothing for what an intruder brought.
    left: [Left; 2],
    linked: BTreeMap<Inode, Digest>,
    /// Files of several names that are looked into just now.
    being_linked: BTreeSet<Inode>,
    /// How many files were not looked into because their budget was spent, and the first of them.
    beyond: [Option<(u64, Vec<u8>)>; 2],
}

type Inode = ((u32, u32), u64);

/// A file on its way to its row.
#[derive(Debug)]
struct Waiting {
    path: Vec<u8>,
    stat: Stat,
    row: Row,
    /// Whether it is of a package, and so of the budget for those.
    is_packaged: bool,
    /// Bytes of that budget that are set aside for it.
    reserved: u64,
    /// Whether it is looked into; if not, its row is whole.
    is_looked_into: bool,
}

/// What came of it, and how many nanoseconds it took.
#[derive(Debug)]
struct Done {
    looked: Result<Looked, ReadError>,
    took_ns: u64,
}

impl Hashes {
    pub(super) fn new(host: &Host, thorough: bool, digests: Arc<Digests>, evidence: &mut dyn Evidence) -> Self {
        let budget = if thorough { FULL } else { TRIAGE };
        let places = (!thorough).then(|| {
            let homes = file_set::homes(host, evidence).into_iter().map(|home| home.path).filter(|path| path != b"/");
            PLACES.iter().map(|place| place.as_bytes().to_owned()).chain(homes).collect()
        });
        Self {
            crew: host.crew(READ_LIMIT).leaving_a_processor(),
            waiting: VecDeque::new(),
            digests,
            places,
            budget,
            left: [Left { bytes: budget.bytes, ns: nanoseconds(budget.time) }; 2],
            linked: BTreeMap::new(),
            being_linked: BTreeSet::new(),
            beyond: [None, None],
        }
    }

    /// Looks into a file if it may be a program that is wanted, and writes the rows of those that were looked into.
    pub(super) fn entry(
        &mut self,
        (host, packaged): (&Host, &Packaged),
        entry: &Entry,
        traits: &Traits,
        evidence: &mut dyn Evidence,
    ) -> Result<(), Stop> {
        self.write_ready(evidence)?;
        let wanted = entry.stat.is_regular() && entry.stat.size > 0 && (traits.gives_rights() || self.is_place(&entry.path));
        if !wanted {
            return Ok(());
        }
        let (inode, is_packaged) = (inode(&entry.stat), packaged.has(&entry.path) == Some(true));
        if self.being_linked.contains(&inode) || self.left(is_packaged).ns < NEARLY_SPENT {
            self.finish(evidence)?;
        }
        let mut row = Row::new(host.clock.now(), "content");
        row.bytes("path", &entry.path).int("size", entry.stat.size).int("inode", entry.stat.ino);
        row.text("dev", &format!("{}:{}", entry.stat.dev.0, entry.stat.dev.1));
        row.flag("executable", entry.stat.mode & 0o111 != 0);
        let mut waiting =
            Waiting { path: entry.path.clone(), stat: entry.stat, row, is_packaged, reserved: 0, is_looked_into: false };
        if let Some(known) = self.linked.get(&inode) {
            waiting.row.text("sha256", &known.to_string());
        } else if let Some(known) = self.digests.of(&entry.stat) {
            if entry.stat.mode & 0o111 == 0 && !known.elf {
                return Ok(());
            }
            self.learn(&mut waiting, known);
        } else if self.is_spent(is_packaged, entry) {
            return Ok(());
        } else {
            self.look_into(entry.clone(), &mut waiting);
        }
        self.waiting.push_back(waiting);
        if self.crew.is_full() || self.waiting.len() >= MOST_WAITING { self.write_first(evidence) } else { Ok(()) }
    }

    fn look_into(&mut self, entry: Entry, waiting: &mut Waiting) {
        let size = entry.stat.size;
        waiting.is_looked_into = true;
        if entry.stat.mode & 0o111 != 0 && size <= LARGEST {
            waiting.reserved = size;
            self.spend(waiting.is_packaged, size, 0);
        }
        if entry.stat.nlink > 1 {
            self.being_linked.insert(inode(&entry.stat));
        }
        self.crew.hand_over(move |pace| {
            let began = Instant::now();
            let looked = look(&entry, pace);
            Done { looked, took_ns: nanoseconds(began.elapsed()) }
        });
    }

    /// Fills the row with what is known of the file.
    fn learn(&mut self, waiting: &mut Waiting, known: Known) {
        waiting.row.text("sha256", &known.sha256.to_string()).flag("elf", known.elf);
        if waiting.stat.nlink > 1 && self.linked.len() < MOST_LINKED {
            self.linked.insert(inode(&waiting.stat), known.sha256);
        }
    }

    /// Writes rows until the first file that is not done.
    fn write_ready(&mut self, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        while let Some(first) = self.waiting.front() {
            let done = if first.is_looked_into { self.crew.ready().map(Ok) } else { None };
            if first.is_looked_into && done.is_none() {
                break;
            }
            let Some(first) = self.waiting.pop_front() else { break };
            self.settle(first, done, evidence)?;
        }
        Ok(())
    }

    /// Waits for the first file and writes its row.
    fn write_first(&mut self, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        let Some(first) = self.waiting.pop_front() else { return Ok(()) };
        let done = if first.is_looked_into { self.crew.next(|| evidence.check())? } else { None };
        self.settle(first, done, evidence)
    }

    /// Waits for all files and writes their rows.
    pub(super) fn finish(&mut self, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        while !self.waiting.is_empty() {
            self.write_first(evidence)?;
        }
        Ok(())
    }

    /// Writes the row of a file of which all is known, or which is `done`.
    fn settle(
        &mut self,
        mut waiting: Waiting,
        done: Option<Result<Done, TimedOut>>,
        evidence: &mut dyn Evidence,
    ) -> Result<(), Stop> {
        let Some(done) = done else { return evidence.row("executable_hashes", &waiting.row) };
        self.being_linked.remove(&inode(&waiting.stat));
        let hung =
            |TimedOut| Done { looked: Err(ReadError::new(&waiting.path, Reason::Timeout)), took_ns: nanoseconds(READ_LIMIT) };
        let Done { looked, took_ns } = done.unwrap_or_else(hung);
        let threads = u64::try_from(self.crew.size()).unwrap_or(1);
        self.spend(waiting.is_packaged, 0, took_ns / threads);
        self.give_back(waiting.is_packaged, waiting.reserved);
        match looked {
            Ok(Looked::Other) => return Ok(()),
            Ok(Looked::Program(stat, known)) => {
                self.spend(waiting.is_packaged, stat.size, 0);
                self.digests.learn(&stat, known);
                self.learn(&mut waiting, known);
            }
            Err(error) => {
                failure::note(&mut waiting.row, evidence, "sha256", &error);
            }
        }
        evidence.row("executable_hashes", &waiting.row)
    }

    /// Whether `path` lies in one of the places.
    fn is_place(&self, path: &[u8]) -> bool {
        let Some(places) = &self.places else { return true };
        let ends = path.iter().enumerate().skip(1).filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        ends.filter_map(|end| path.get(..end)).any(|folder| places.contains(folder))
    }

    fn left(&mut self, is_packaged: bool) -> &mut Left {
        let [packages, others] = &mut self.left;
        if is_packaged { packages } else { others }
    }

    fn spend(&mut self, is_packaged: bool, bytes: u64, ns: u64) {
        let left = self.left(is_packaged);
        *left = Left { bytes: left.bytes.saturating_sub(bytes), ns: left.ns.saturating_sub(ns) };
    }

    fn give_back(&mut self, is_packaged: bool, bytes: u64) {
        let left = self.left(is_packaged);
        left.bytes = left.bytes.saturating_add(bytes);
    }

    fn is_spent(&mut self, is_packaged: bool, entry: &Entry) -> bool {
        let (runs, left) = (entry.stat.mode & 0o111 != 0, *self.left(is_packaged));
        let spent = left.ns == 0 || (runs && entry.stat.size.min(LARGEST) > left.bytes);
        if spent {
            let [packages, others] = &mut self.beyond;
            let beyond = if is_packaged { packages } else { others };
            beyond.get_or_insert_with(|| (0, entry.path.clone())).0 += 1;
        }
        spent
    }

    /// Tells how much each budget was too little for.
    pub(super) fn tell(&self, evidence: &mut dyn Evidence) {
        let (bytes, seconds) = (self.budget.bytes, self.budget.time.as_secs());
        for (beyond, whose) in self.beyond.iter().zip(WHOSE) {
            if let Some((count, first)) = beyond {
                let what =
                    format!("{count} files {whose} have no digest, for they had time of {seconds} s and room for {bytes} bytes");
                evidence.gap(limit(first, &what));
            }
        }
    }
}

fn inode(stat: &Stat) -> Inode {
    (stat.dev, stat.ino)
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
impl Hashes {
    /// Leaves room for so many bytes and nanoseconds to files of packages, and to all others.
    pub(super) fn allow(&mut self, left: [(u64, u64); 2]) {
        self.left = left.map(|(bytes, ns)| Left { bytes, ns });
    }
}
