//! Both views of one file system, folder by folder.
//!
//! The disk is read first and the kernel asked then. A name that the kernel lacks is looked at again, twice: the kernel, the disk, the kernel
//! once more. What has kept its name, its inode and that inode's generation from the first look to the last was there all
//! the time, so the kernel's lists in between should have had it. A file that was made or deleted meanwhile falls out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use nix::errno::Errno;

use super::ext4::{Fault, FileSystem, Inode, Name};
use super::places::Places;
use crate::host::mounts::Mount;
use crate::host::spare_thread::TimedOut;
use crate::host::{Clock, Dir, ReadError, Reason, SpareThread};
use crate::model::{Gap, escape};
use crate::source::{Evidence, Stop};

/// Folders whose names are read from the disk at once, on a thread that can be spared, and how long that may take.
const BATCH: usize = 32;
pub(super) const LIMIT: Duration = Duration::from_secs(20);

/// Time between two looks, and looks after the first.
const PAUSE: Duration = Duration::from_millis(100);
const LOOKS_AGAIN: usize = 2;

/// The most names of one folder that are asked of the kernel.
const MOST_NAMES: usize = 900_000;
/// The most names that are looked at again, and what is named of folders that could not be compared.
const MOST_SUSPECTS: usize = 5_000;
const NAMED_FAULTS: u64 = 20;
/// The longest path (`PATH_MAX`).
const LONGEST: usize = 4096;

/// How much is compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    pub(super) folders: usize,
    pub(super) time: Duration,
    pub(super) bytes: u64,
}

/// A folder of the file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Folder {
    /// Its path below the mount's root, without a slash at its beginning; empty for the root.
    pub(super) path: Vec<u8>,
    pub(super) inode: u32,
}

impl Folder {
    /// The path of `name` in it, below the mount's root.
    pub(super) fn path_of(&self, name: &[u8]) -> Vec<u8> {
        let slash: &[u8] = if self.path.is_empty() { b"" } else { b"/" };
        [self.path.as_slice(), slash, name].concat()
    }
}

/// A name that the disk has and the kernel's list lacks.
#[derive(Debug, Clone)]
pub(super) struct Suspect {
    pub(super) folder: Folder,
    pub(super) name: Vec<u8>,
    pub(super) inode: Inode,
}

/// A name that something is mounted on.
#[derive(Debug)]
pub(super) struct Covered {
    pub(super) path: Vec<u8>,
    pub(super) inode: u32,
    /// Type and source of what is mounted there.
    pub(super) by: Cover,
}

/// What is mounted somewhere.
#[derive(Debug, Clone)]
pub(super) struct Cover {
    pub(super) kind: Vec<u8>,
    pub(super) source: Vec<u8>,
}

/// What the first look came to.
#[derive(Debug, Default)]
pub(super) struct First {
    pub(super) suspects: Vec<Suspect>,
    pub(super) covered: Vec<Covered>,
    /// Folders that both sides were asked for.
    pub(super) folders: u64,
    /// Names of the disk in them.
    pub(super) names: u64,
    /// Names that only the kernel had.
    pub(super) kernel_only: u64,
    /// Folders whose names are encrypted.
    pub(super) encrypted: u64,
    /// Folders that could not be compared.
    pub(super) faults: u64,
    /// Whether there were more suspects than are looked at again.
    is_full: bool,
}

impl First {
    fn count(&mut self, names: &[(Name, bool)], shown: &BTreeSet<Vec<u8>>) {
        self.folders = self.folders.saturating_add(1);
        self.names = self.names.saturating_add(count(names.len()));
        let on_disk: BTreeSet<&[u8]> = names.iter().map(|(name, _)| name.name.as_slice()).collect();
        let only = shown.iter().filter(|name| !on_disk.contains(name.as_slice())).count();
        self.kernel_only = self.kernel_only.saturating_add(count(only));
    }
}

/// A folder from both sides.
enum Both {
    /// Names of the disk, with whether each is a folder; names that the kernel lists.
    Names(Vec<(Name, bool)>, BTreeSet<Vec<u8>>),
    /// The disk has other names than the kernel shows.
    Encrypted,
    /// It is not there any more.
    Gone,
}

/// One file system from both sides.
pub(super) struct Sides<'a> {
    pub(super) clock: Clock,
    pub(super) system: FileSystem,
    pub(super) mount: &'a Mount,
    /// The mount's root, through the kernel.
    pub(super) top: Dir,
    pub(super) spare: SpareThread,
    /// What is mounted where, by paths of the host.
    pub(super) covers: BTreeMap<Vec<u8>, Cover>,
}

/// What the disk has of a folder.
type Listed = Result<(Inode, Vec<(Name, bool)>), Fault>;

/// What the disk has of a folder when it is looked at again: names and their inodes, and the inodes of suspects.
type OnDisk = (BTreeMap<Vec<u8>, u32>, Vec<Result<Inode, Fault>>);

/// What waits to be compared: first what is near.
#[derive(Debug, Default)]
struct Queue {
    near: VecDeque<Folder>,
    far: VecDeque<Folder>,
    /// Inodes of folders that are in it or were: a disk whose folders lead back is no endless one.
    known: BTreeSet<u32>,
}

impl Queue {
    fn push(&mut self, folder: Folder, is_near: bool) {
        if self.known.insert(folder.inode) {
            if is_near { &mut self.near } else { &mut self.far }.push_back(folder);
        }
    }

    fn batch(&mut self) -> Vec<Folder> {
        let from = if self.near.is_empty() { &mut self.far } else { &mut self.near };
        from.drain(..BATCH.min(from.len())).collect()
    }

    fn left(&self) -> usize {
        self.near.len().saturating_add(self.far.len())
    }
}

impl Sides<'_> {
    /// The path on the host of a path below the mount's root.
    pub(super) fn on_host(&self, path: &[u8]) -> Vec<u8> {
        self.top.path_of(path)
    }

    /// Asks the disk, on a thread that can be spared.
    pub(super) fn ask<T: Send + 'static>(&mut self, job: impl FnOnce(&FileSystem) -> T + Send + 'static) -> Result<T, TimedOut> {
        let system = self.system.clone();
        self.spare.run(LIMIT, move || job(&system))
    }

    /// Compares folder by folder from `root` on, level by level, until the budget is spent.
    ///
    /// # Errors
    /// When the run wants no more of this artefact.
    pub(super) fn first(
        &mut self,
        root: u32,
        budget: Budget,
        places: &Places,
        evidence: &mut dyn Evidence,
    ) -> Result<First, Stop> {
        let (mut first, mut queue) = (First::default(), Queue::default());
        queue.push(Folder { path: Vec::new(), inode: root }, true);
        let until_ns = self.clock.mono_ns().saturating_add(u64::try_from(budget.time.as_nanos()).unwrap_or(u64::MAX));
        loop {
            evidence.check()?;
            if queue.known.len() > budget.folders || self.clock.mono_ns() > until_ns {
                self.tell_left(&queue, evidence);
                return Ok(first);
            }
            let batch = queue.batch();
            if batch.is_empty() {
                return Ok(first);
            }
            let Ok(listed) = self.ask(move |system| batch.into_iter().map(|folder| list(system, folder)).collect::<Vec<_>>())
            else {
                evidence.gap(ReadError::new(self.mount.point.as_slice(), Reason::Timeout).gap());
                return Ok(first);
            };
            for (folder, listed) in listed {
                evidence.check()?;
                self.folder(&folder, listed, places, (&mut first, &mut queue), evidence)?;
            }
            evidence.progress(first.folders, first.folders.saturating_add(u64::try_from(queue.left()).unwrap_or(0)));
        }
    }

    fn tell_left(&self, queue: &Queue, evidence: &mut dyn Evidence) {
        if let Some(next) = queue.near.front().or(queue.far.front()) {
            let path = self.on_host(&next.path);
            let reason = format!(
                "at least {} folders were not compared, for want of time; the first is {}",
                queue.left(),
                escape::bytes(&path)
            );
            evidence.gap(Gap::whole(&self.mount.point, reason));
        }
    }

    /// Compares one folder.
    fn folder(
        &mut self,
        folder: &Folder,
        listed: Listed,
        places: &Places,
        (first, queue): (&mut First, &mut Queue),
        evidence: &mut dyn Evidence,
    ) -> Result<(), Stop> {
        let (names, shown) = match self.both(folder, listed) {
            Ok(Both::Names(names, shown)) => (names, shown),
            Ok(Both::Encrypted) => {
                first.encrypted = first.encrypted.saturating_add(1);
                return Ok(());
            }
            Ok(Both::Gone) => return Ok(()),
            Err(reason) => return self.fault(folder, &reason, first, evidence),
        };
        first.count(&names, &shown);
        let (path, mut unknown) = (self.on_host(&folder.path), None);
        for (name, is_folder) in &names {
            let (below, host_path) = (folder.path_of(&name.name), join(&path, &name.name));
            if let Some(by) = self.covers.get(&host_path) {
                first.covered.push(Covered { path: below, inode: name.inode, by: by.clone() });
            } else if !shown.contains(&name.name) {
                if let Err(reason) = self.suspect(folder, name, first, evidence) {
                    unknown.get_or_insert(reason);
                }
            } else if *is_folder && below.len() < LONGEST {
                queue.push(Folder { path: below, inode: name.inode }, places.is_near(&host_path));
            }
        }
        match unknown {
            Some(reason) => self.fault(folder, &format!("a name that the kernel does not list: {reason}"), first, evidence),
            None => Ok(()),
        }
    }

    /// What both sides have of a folder, or why that cannot be said.
    fn both(&mut self, folder: &Folder, listed: Listed) -> Result<Both, String> {
        let listed = match listed {
            Err(_) => {
                // It may have been written to while it was read.
                let again = folder.clone();
                self.ask(move |system| list(system, again).1).map_err(|TimedOut| Reason::Timeout.to_string())?
            }
            listed => listed,
        };
        match (listed, self.kernel(&folder.path)) {
            (Ok((inode, _)), _) if inode.is_encrypted() => Ok(Both::Encrypted),
            // It was removed since its own folder was read, or another file has its inode by now.
            (_, Err(error)) if error.is_gone() || error.is_removed() => Ok(Both::Gone),
            (Err(Fault::Device(Errno::ENOTDIR)), _) => Ok(Both::Gone),
            (Err(fault), _) => Err(fault.to_string()),
            (_, Err(error)) => Err(error.reason.to_string()),
            (Ok((_, names)), Ok(shown)) => Ok(Both::Names(names, shown)),
        }
    }

    /// Notes a name that the kernel lacks, with its inode as it is now. The error says why that is not known.
    fn suspect(&mut self, folder: &Folder, name: &Name, first: &mut First, evidence: &mut dyn Evidence) -> Result<(), String> {
        if first.suspects.len() >= MOST_SUSPECTS {
            if !first.is_full {
                let reason =
                    format!("more than {MOST_SUSPECTS} names that the kernel does not list; the rest is not looked at again");
                evidence.gap(Gap::whole(&self.mount.point, reason));
            }
            first.is_full = true;
            return Ok(());
        }
        let number = name.inode;
        let answer = self.ask(move |system| system.inode(number)).map_err(|TimedOut| Reason::Timeout.to_string())?;
        let inode = answer.map_err(|fault| fault.to_string())?;
        first.suspects.push(Suspect { folder: folder.clone(), name: name.name.clone(), inode });
        Ok(())
    }

    /// A folder that could not be compared: the first of them are named.
    fn fault(&self, folder: &Folder, reason: &str, first: &mut First, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        first.faults = first.faults.saturating_add(1);
        if first.faults <= NAMED_FAULTS {
            evidence.gap(Gap::whole(&self.on_host(&folder.path), reason));
        }
        evidence.check()
    }

    /// The names that the kernel lists in a folder.
    fn kernel(&self, path: &[u8]) -> Result<BTreeSet<Vec<u8>>, ReadError> {
        let entered = if path.is_empty() { None } else { Some(self.top.enter(path)?) };
        let (names, more) = entered.as_ref().unwrap_or(&self.top).names(MOST_NAMES)?;
        if more {
            let reason = Reason::Limit(format!("only {MOST_NAMES} names of one folder are asked of the kernel"));
            return Err(ReadError::new(&self.on_host(path), reason));
        }
        Ok(names.into_iter().collect())
    }

    /// What of `suspects` the kernel still lacks and the disk still has, each time. Of what cannot be looked at again nothing is said: that
    /// is a gap.
    ///
    /// # Errors
    /// When the run wants no more of this artefact.
    pub(super) fn confirm(&mut self, mut suspects: Vec<Suspect>, evidence: &mut dyn Evidence) -> Result<Vec<Suspect>, Stop> {
        let mut faults = 0_u64;
        for _ in 0..LOOKS_AGAIN {
            if suspects.is_empty() {
                break;
            }
            std::thread::sleep(PAUSE);
            let mut kept = Vec::new();
            for same in suspects.chunk_by(|one, other| one.folder == other.folder) {
                evidence.check()?;
                let Some(Suspect { folder, .. }) = same.first() else { continue };
                let (stand, fault) = self.again(folder, same);
                if let Some(reason) = fault {
                    faults = faults.saturating_add(1);
                    if faults <= NAMED_FAULTS {
                        let reason = format!("names that the kernel does not list could not be looked at again: {reason}");
                        evidence.gap(Gap::whole(&self.on_host(&folder.path), reason));
                    }
                }
                kept.extend(stand);
            }
            suspects = kept;
        }
        if let Some(more @ 1..) = faults.checked_sub(NAMED_FAULTS) {
            let reason = format!("names of {more} more folders that the kernel does not list could not be looked at again");
            evidence.gap(Gap::whole(&self.mount.point, reason));
        }
        Ok(suspects)
    }

    /// Looks again at suspects of one folder: the kernel, the disk, the kernel. Returns what still stands, and why of some that is not known.
    fn again(&mut self, folder: &Folder, same: &[Suspect]) -> (Vec<Suspect>, Option<String>) {
        let before = self.kernel(&folder.path);
        // It may have been written to while it was read.
        let disk = self.on_disk(folder, same).or_else(|_| self.on_disk(folder, same));
        let (before, after) = match (before, self.kernel(&folder.path)) {
            (Ok(before), Ok(after)) => (before, after),
            // Where the folder was removed since, so were its names.
            (Err(error), _) | (_, Err(error)) if error.is_gone() || error.is_removed() => return (Vec::new(), None),
            (Err(error), _) | (_, Err(error)) => return (Vec::new(), Some(error.reason.to_string())),
        };
        let (names, inodes) = match disk {
            Ok(disk) => disk,
            Err(reason) => return (Vec::new(), Some(reason)),
        };
        let (mut stand, mut unknown) = (Vec::new(), None);
        for (suspect, now) in same.iter().zip(inodes) {
            let is_there = names.get(&suspect.name) == Some(&suspect.inode.number);
            if !is_there || before.contains(&suspect.name) || after.contains(&suspect.name) {
                continue;
            }
            match now {
                Ok(now) if now.generation == suspect.inode.generation => stand.push(Suspect { inode: now, ..suspect.clone() }),
                Ok(_) => {}
                Err(fault) => unknown = unknown.or(Some(fault.to_string())),
            }
        }
        (stand, unknown)
    }

    /// What the disk has of `folder`: its names with their inodes, and the inodes of the suspects `same`.
    fn on_disk(&mut self, folder: &Folder, same: &[Suspect]) -> Result<OnDisk, String> {
        let number = folder.inode;
        let numbers: Vec<u32> = same.iter().map(|suspect| suspect.inode.number).collect();
        let job = move |system: &FileSystem| {
            let names = system.names(&system.inode(number)?)?;
            let inodes = numbers.into_iter().map(|number| system.inode(number)).collect();
            Ok::<OnDisk, Fault>((names.into_iter().map(|name| (name.name, name.inode)).collect(), inodes))
        };
        self.ask(job).map_err(|TimedOut| Reason::Timeout.to_string())?.map_err(|fault| fault.to_string())
    }

    /// The word for what the kernel says when it is asked for a path itself; none where it finds it.
    pub(super) fn lookup(&self, path: &[u8]) -> Option<String> {
        self.top.stat(path).err().map(|error| match error.reason {
            Reason::Errno(errno) => format!("{errno:?}"),
            other => other.word(),
        })
    }
}

/// What the disk has in a folder; an entry that does not say whether it is a folder is looked up.
fn list(system: &FileSystem, folder: Folder) -> (Folder, Listed) {
    let listed = || {
        let inode = system.inode(folder.inode)?;
        if !inode.is_folder() {
            // Removed since, and its number given away, or a name that lies.
            return Err(Fault::Device(Errno::ENOTDIR));
        }
        let names = if inode.is_encrypted() { Vec::new() } else { system.names(&inode)? };
        let is_folder =
            |name: &Name| name.is_folder().unwrap_or_else(|| system.inode(name.inode).is_ok_and(|inode| inode.is_folder()));
        let flagged = |name: Name| (is_folder(&name), name);
        Ok((inode, names.into_iter().map(flagged).map(|(is_folder, name)| (name, is_folder)).collect()))
    };
    let listed = listed();
    (folder, listed)
}

fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    let slash: &[u8] = if folder.ends_with(b"/") { b"" } else { b"/" };
    [folder, slash, name].concat()
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
