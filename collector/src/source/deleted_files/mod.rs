//! Files that have no name any more but live on in processes: deleted executables, deleted files that are open or mapped,
//! memfds and other memory that is shared. Their content is lost with the last process that holds them.
//!
//! They are read through magic links (`/proc/PID/exe`, `fd/N`, `map_files/A-B`), which work without a name and across mount
//! namespaces. First all processes are looked at, then each file is read once: executables first, then small before large, so
//! that a large one cannot use up the budget of what matters more.

mod row;
mod scan;

use std::sync::Arc;
use std::time::Duration;

use self::scan::{Found, Scan};
use super::content::{Keeper, Part};
use super::{Evidence, Source, Stop, failure};
use crate::host::{Content, FileSystems, Host, ReadError, Reason, read};
use crate::model::{Artefact, Category, Outcome, Profile, Status};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "deleted_files",
    category: Category::Process,
    profile: Profile::Volatile,
    budget: Duration::from_secs(300),
    budget_bytes: Some(TOTAL),
    source: "/proc/PID/exe, /proc/PID/fd, /proc/PID/map_files",
    about: "deleted executables, deleted open or mapped files and memfds, with their content",
    tables: &["deleted_files", "memfd_files"],
};

/// The most bytes that are kept of all files together.
const TOTAL: u64 = 16 << 30;

/// The longest that opening a file may take, with looking for its holes.
const LIMIT: Duration = Duration::from_secs(10);

/// References of a file that are tried until one leads to it.
const MOST_TRIES: usize = 16;

/// Reads files without a name.
#[derive(Debug, Clone, Copy)]
pub struct DeletedFiles {
    /// The most bytes that are kept of one file; the holes of a larger one are left out.
    pub file_cap: u64,
    /// The most bytes that are kept of all files together.
    pub total_cap: u64,
}

impl Default for DeletedFiles {
    fn default() -> Self {
        Self { file_cap: 4 << 30, total_cap: TOTAL }
    }
}

impl Source for DeletedFiles {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        if !host.live {
            return Ok(Outcome::because(Status::Absent, "the magic links of processes exist on a live host only"));
        }
        match host.proc.pids() {
            Ok(pids) => self.of(&pids, FileSystems::of_all_processes(&host.proc), host, evidence),
            Err(error) => Ok(failure::outcome(&error)),
        }
    }
}

impl DeletedFiles {
    fn of(&self, pids: &[i32], known: FileSystems, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        let mut scan = Scan::new(host, Arc::new(known));
        let total = u64::try_from(pids.len()).unwrap_or(u64::MAX);
        for (done, pid) in (1_u64..).zip(pids) {
            evidence.check()?;
            if let Ok(process) = host.proc.process(*pid) {
                scan.process(&Arc::new(process), evidence)?;
            }
            evidence.progress(done, total);
        }
        let (spare, part) = (host.spare_thread(), Part::First);
        let mut keeper = Keeper { spare, file_cap: self.file_cap, left: self.total_cap, holes: self.total_cap, part };
        for found in scan.in_order() {
            evidence.check()?;
            keep(&found, host, &mut keeper, evidence)?;
        }
        Ok(Outcome::ok())
    }
}

/// Writes the row of a file, and its content where it has any.
fn keep(found: &Found, host: &Host, keeper: &mut Keeper, evidence: &mut dyn Evidence) -> Result<(), Stop> {
    let mut row = row::of(found, host);
    if found.stat.is_regular() {
        match open(found, host, keeper) {
            Ok((path, content)) => {
                row.text("member", &path);
                keeper.keep(path.as_bytes(), &content, &mut row, evidence)?;
            }
            Err(error) => failure::note(&mut row, evidence, "content", &error),
        }
    }
    evidence.row(row::table(found), &row)
}

/// Opens the file by the first of its references that still leads to it. Between the look and this a process may have ended
/// and its number been given away; that it is the same file is known by its device and inode.
fn open(found: &Found, host: &Host, keeper: &mut Keeper) -> Result<(String, Content), ReadError> {
    let mut last = ReadError::errno(&found.target, nix::errno::Errno::ENOENT);
    for reference in found.references.iter().take(MOST_TRIES) {
        let (host, name, known) = (host.clone(), reference.name.clone(), found.stat);
        let path = format!("/proc/{}/{name}", reference.pid);
        let pid = reference.pid;
        let opened = keeper.spare.read(LIMIT, path.as_bytes(), move || {
            let process = host.proc.process(pid)?;
            let (fd, stat) = process.open_target(&name)?;
            let shown = process.path(&name).into_bytes();
            if (stat.dev, stat.ino) != (known.dev, known.ino) {
                return Err(ReadError::errno(&shown, nix::errno::Errno::ENOENT));
            }
            read::named(&shown, Content::new(fd, stat))
        });
        match opened {
            Ok(content) => return Ok((path, content)),
            // Every other way leads to the same disk.
            Err(error) if error.reason == Reason::Timeout => return Err(error),
            Err(error) if error.is_gone() && !last.is_gone() => {}
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests;
