//! Files that processes have mapped to execute, each once.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{LIMIT, columns, unread};
use crate::host::{Content, FileSystems, Host, Process, ReadError, SpareThread, read};
use crate::model::{Gap, Row};
use crate::source::digests::Digests;
use crate::source::process_memory_map::{self, parse};
use crate::source::{Evidence, Stop, failure};

/// The most files that are told apart: 20 MiB of paths.
const MOST: usize = 100_000;

/// A mapped file as a memory map words it: device, inode, path.
type Key = (Vec<u8>, u64, Vec<u8>);

/// Hashes mapped files.
pub(super) struct Mapped<'a> {
    host: &'a Host,
    digests: &'a Digests,
    spare: SpareThread,
    file_systems: Arc<FileSystems>,
    seen: BTreeSet<Key>,
    /// Whether there were more than [`MOST`].
    is_full: bool,
}

impl<'a> Mapped<'a> {
    pub(super) fn new(host: &'a Host, digests: &'a Digests) -> Self {
        let file_systems = Arc::new(FileSystems::of_all_processes(&host.proc));
        Self { host, digests, spare: host.spare_thread(), file_systems, seen: BTreeSet::new(), is_full: false }
    }

    /// Hashes what `process` has mapped to execute and no process before it had.
    pub(super) fn process(&mut self, process: &Arc<Process>, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        let map = match process_memory_map::read(process, "maps", &mut self.spare) {
            Ok(map) => map,
            Err(error) => {
                failure::gap(evidence, &error);
                return Ok(());
            }
        };
        if map.truncated {
            let reason = "its memory map is longer than what is read; files mapped behind that have no digest";
            evidence.gap(Gap::whole(process.path("maps").as_bytes(), reason));
        }
        for mapping in parse::mappings(&map.bytes).0.iter().filter(|mapping| mapping.inode != 0 && mapping.is_executable()) {
            evidence.check()?;
            self.mapping(process, mapping, evidence)?;
        }
        Ok(())
    }

    fn mapping(&mut self, process: &Arc<Process>, mapping: &parse::Mapping<'_>, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        let key = (mapping.device.to_owned(), mapping.inode, mapping.path.to_owned());
        if self.seen.contains(&key) || self.has_no_room(process, evidence) {
            return Ok(());
        }
        let name = format!("map_files/{:x}-{:x}", mapping.start, mapping.end);
        let opened = self.open(process, &name, mapping);
        // A process that ended, or unmapped it, leaves it to the next that has it.
        if opened.as_ref().is_err_and(ReadError::is_gone) {
            return Ok(());
        }
        self.seen.insert(key);
        let path = process.path(&name);
        let mut row = Row::new(self.host.clock.now(), path.as_str());
        row.int("pid", process.pid).bytes("path", mapping.path);
        match opened {
            Ok(content) => {
                columns(&mut row, (path.as_bytes(), &content), (self.digests, &mut self.spare), evidence)?;
            }
            Err(error) => unread(&mut row, &error, evidence),
        }
        evidence.row("mapped_files", &row)
    }

    fn open(&mut self, process: &Arc<Process>, name: &str, mapping: &parse::Mapping<'_>) -> Result<Content, ReadError> {
        let path = process.path(name).into_bytes();
        if let Some(device) = mapping.device_number() {
            self.file_systems.check_device(device).map_err(|reason| ReadError::new(&path, reason))?;
        }
        let (owned, name, file_systems) = (Arc::clone(process), name.to_owned(), Arc::clone(&self.file_systems));
        self.spare.read(LIMIT, &path.clone(), move || {
            file_systems.check(&owned.target_stat(&name)?).map_err(|reason| ReadError::new(&path, reason))?;
            let (fd, stat) = owned.open_target(&name)?;
            read::named(&path, Content::new(fd, stat))
        })
    }

    /// Tells once that there are more files than are told apart.
    fn has_no_room(&mut self, process: &Process, evidence: &mut dyn Evidence) -> bool {
        let is_full = self.seen.len() >= MOST;
        if is_full && !self.is_full {
            let reason = format!("of more than {MOST} mapped files the others have no digest, from this process on");
            evidence.gap(Gap::whole(process.path("maps").as_bytes(), reason));
        }
        self.is_full = is_full;
        is_full
    }
}
