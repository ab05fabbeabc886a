//! One walk over all local file systems: what `stat` says of every file, as rows and as lines of a bodyfile, and on the way what
//! stands out (set-user-id programs, capabilities, flags, files without owner) and the digests of programs.
//!
//! Each mounted file system is walked once, through its private view, so that no access time moves and what is hidden under other
//! mounts is seen. Which ones are walked is decided by the mount table alone (`tops`): what a server in user space or another machine
//! answers for is not touched. Nothing is opened but folders, and the programs whose digests are made; each of those is read once.

mod bodyfile;
mod capability;
mod hashes;
mod look;
mod owners;
mod packaged;
pub(super) mod tops;
mod traits;

use std::sync::Arc;
use std::time::Duration;

use self::hashes::Hashes;
use self::owners::Owners;
use self::packaged::Packaged;
use self::tops::Top;
use super::digests::Digests;
use super::file_set::Few;
use super::walk::{Entry, Walk};
use super::{Evidence, Source, Stop, packages, stat_columns};
use crate::host::Host;
use crate::host::sys::Stat;
use crate::model::{Artefact, Category, Gap, Outcome, Profile, Row};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "files",
    category: Category::File,
    profile: Profile::Triage,
    budget: Duration::from_secs(30 * 60),
    budget_bytes: Some(hashes::TRIAGE.bytes),
    source: "statx(2) of every file of every local mount of /proc/self/mountinfo, security.capability, content of programs",
    about: "one walk of all local file systems: a bodyfile row for each file; set-user-id programs, capabilities, immutable, unowned and \
            world-writable files; SHA-256 of programs in PATH, homes and tmp, in profile full of all (64 GiB)",
    tables: &[
        FILES,
        "file_systems",
        "suid_bin",
        "file_capabilities",
        "file_flags",
        "unowned_files",
        "world_writable_executables",
        "executable_hashes",
    ],
};

const FILES: &str = "files";

/// Walks the file systems.
#[derive(Debug)]
pub struct Files {
    /// Make digests of all programs, wherever they lie and whether or not they may be executed.
    thorough: bool,
    digests: Arc<Digests>,
}

impl Files {
    /// The artefact, with the digests that others of the run have made.
    pub(super) fn new(thorough: bool, digests: Arc<Digests>) -> Self {
        Self { thorough, digests }
    }
}

impl Source for Files {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    /// A walk is one thread's work, and so is most of what hashes the files of packages; and each learns digests from the other.
    fn beside(&self) -> Option<&'static str> {
        Some(packages::ARTEFACT.name)
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let mut few = Few::new(evidence);
        let tops = tops::all(host);
        let done = self.walk(host, tops, &mut few);
        few.tell(FILES);
        done.map(|()| Outcome::ok())
    }
}

impl Files {
    fn walk(&self, host: &Host, tops: Vec<Top>, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        let owners = Owners::read(host, evidence);
        let packaged = Packaged::read(host, evidence)?;
        let hashes = Hashes::new(host, self.thorough, Arc::clone(&self.digests), evidence);
        let mut looker = Looker { host, owners, packaged, hashes, written: traits::Written::default() };
        for top in tops {
            let count = match &top.skipped {
                None => looker.top(&top.point, evidence)?,
                Some(_) => 0,
            };
            evidence.row("file_systems", &top.row(host.clock.now(), count))?;
        }
        looker.hashes.tell(evidence);
        looker.written.tell(evidence);
        Ok(())
    }
}

/// Looks at one file after the other.
struct Looker<'a> {
    host: &'a Host,
    owners: Owners,
    packaged: Packaged,
    hashes: Hashes,
    written: traits::Written,
}

impl Looker<'_> {
    /// Walks the file system at `point`. Returns how many files it has.
    fn top(&mut self, point: &[u8], evidence: &mut dyn Evidence) -> Result<u64, Stop> {
        let stat = self.host.files.stat(point);
        // Where something is mounted on a file, as on /etc/hosts in containers, that file is all that the mount shows.
        if let Ok(stat) = &stat
            && !stat.is_directory()
        {
            self.row(point, None, stat, evidence)?;
            return Ok(1);
        }
        let walk = match Walk::new(&self.host.files, point) {
            Ok(walk) => walk,
            Err(error) => {
                // A mount that another one covers as a whole has no path that leads to it.
                evidence.gap(error.gap());
                return Ok(0);
            }
        };
        let mut count = 0_u64;
        match stat {
            Ok(stat) => {
                self.row(point, None, &stat, evidence)?;
                count += 1;
            }
            Err(error) => evidence.gap(error.gap()),
        }
        for found in walk {
            evidence.check()?;
            match found {
                Ok(entry) => {
                    self.entry(&entry, evidence)?;
                    count += 1;
                }
                // What vanished is gone, and a folder that something is mounted on is walked as that mount.
                Err(error) if error.is_gone() || error.is_mount() => {}
                Err(error) => evidence.gap(error.gap()),
            }
        }
        self.hashes.finish(evidence)?;
        Ok(count)
    }

    fn entry(&mut self, entry: &Entry, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        // Where reading a link moves its access time, its target is not worth that.
        let target = (entry.stat.is_symlink() && entry.keeps_times()).then(|| entry.link().ok()).flatten();
        self.row(&entry.path, target.as_deref(), &entry.stat, evidence)?;
        let traits = traits::of(entry, &self.owners, evidence);
        self.written.rows((self.host, &self.owners, &self.packaged), entry, &traits, evidence)?;
        self.hashes.entry((self.host, &self.packaged), entry, &traits, evidence)
    }

    fn row(&self, path: &[u8], target: Option<&[u8]>, stat: &Stat, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        let mut row = Row::new(self.host.clock.now(), "statx");
        row.bytes("path", path);
        if let Some(target) = target {
            row.bytes("symlink_target_path", target);
        }
        stat_columns::add(&mut row, stat);
        row.text("bodyfile", &bodyfile::line(path, target, stat));
        evidence.row(FILES, &row)
    }
}

/// A gap that says that a limit was reached at `path`.
fn limit(path: &[u8], what: &str) -> Gap {
    Gap::whole(path, format!("{what}; this is the first that it was too much for"))
}

#[cfg(test)]
mod tests;
