//! Digests of the files whose code is at work: what processes have mapped to execute (libraries, plugins, their own programs), and the files
//! of loaded kernel modules.
//!
//! A mapped file is read through `/proc/PID/map_files`, which leads to the very file that is mapped, whatever its path says now.

mod mapped;
mod modules;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use self::mapped::Mapped;
use super::digests::{Digests, Known};
use super::each_process::each_process;
use super::{Evidence, Source, Stop, failure};
use crate::host::sys::Stat;
use crate::host::{Content, Host, ReadError, SpareThread};
use crate::model::{Artefact, Category, Outcome, Profile, Row, Status};

/// The line of the catalogue.
pub const ARTEFACT: Artefact = Artefact {
    name: "loaded_files",
    category: Category::Process,
    profile: Profile::Triage,
    budget: Duration::from_secs(120),
    budget_bytes: None,
    source: "/proc/PID/map_files, /proc/modules, /lib/modules/RELEASE and its modules.dep",
    about: "SHA-256 of every file that a process has mapped to execute, libraries foremost, and of the files of loaded kernel modules",
    tables: &["mapped_files", "module_files"],
};

/// The longest that opening a file may take.
const LIMIT: Duration = Duration::from_secs(2);

/// Hashes what is loaded.
#[derive(Debug, Default)]
pub struct LoadedFiles {
    digests: Arc<Digests>,
}

impl LoadedFiles {
    /// Of what is in `digests` none is made again.
    pub(super) fn new(digests: Arc<Digests>) -> Self {
        Self { digests }
    }
}

impl Source for LoadedFiles {
    fn artefact(&self) -> Artefact {
        ARTEFACT
    }

    fn acquire(&self, host: &Host, evidence: &mut dyn Evidence) -> Result<Outcome, Stop> {
        modules::all(host, &self.digests, evidence)?;
        if !host.live {
            return Ok(Outcome::because(Status::Absent, "the magic links of processes exist on a live host only"));
        }
        let mut mapped = Mapped::new(host, &self.digests);
        each_process(host, evidence, |process, evidence| mapped.process(process, evidence))
    }
}

/// Columns of a file that is open: what it is, and its digest or why it has none.
fn columns(
    row: &mut Row,
    (path, content): (&[u8], &Content),
    (digests, spare): (&Digests, &mut SpareThread),
    evidence: &mut dyn Evidence,
) -> Result<(), Stop> {
    let Stat { dev, ino, size, nlink, .. } = content.stat;
    row.text("dev", &format!("{}:{}", dev.0, dev.1)).int("inode", ino).int("size", size).flag("deleted", nlink == 0);
    match digests.learn_content((path, content), spare, evidence)? {
        Ok(Known { sha256, elf }) => {
            row.text("sha256", &sha256.to_string()).flag("elf", elf);
        }
        Err(error) => unread(row, &error, evidence),
    }
    Ok(())
}

/// Notes that a file has no digest, and why.
fn unread(row: &mut Row, error: &ReadError, evidence: &mut dyn Evidence) {
    failure::note(row, evidence, "sha256", error);
}
