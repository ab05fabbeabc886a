//! The look at all processes: which files without a name they hold, and how.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::row;
use crate::host::sys::Stat;
use crate::host::{FileSystems, Host, Process, ReadError, Reason, SpareThread};
use crate::model::row::RowStatus;
use crate::model::{Gap, Row};
use crate::source::process::link::DELETED;
use crate::source::process_memory_map::parse::{self, Mapping};
use crate::source::{Evidence, Stop, failure, process_memory_map};

/// The longest that asking for one file may take.
const LIMIT: Duration = Duration::from_secs(2);

/// Time-outs of one process after which the rest of it is left alone.
const MOST_TIMEOUTS: u32 = 3;

/// Device and inode.
type FileId = ((u32, u32), u64);

/// A mapped file as a memory map words it: device, inode, path.
type MapKey = (Vec<u8>, u64, Vec<u8>);

/// A file without a name.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// What the magic link says.
    pub(super) target: Vec<u8>,
    /// What `statx` said.
    pub(super) stat: Stat,
    /// Who holds it.
    pub(super) references: Vec<Reference>,
}

/// A magic link that leads to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    /// The process.
    pub(super) pid: i32,
    /// The link below `/proc/PID`: `exe`, `fd/3`, `map_files/7f00-7f10`.
    pub(super) name: String,
}

/// A magic link of a process that is being looked at.
#[derive(Clone, Copy)]
struct Link<'l> {
    process: &'l Arc<Process>,
    /// Its name below `/proc/PID`.
    name: &'l str,
    /// What it says.
    target: &'l [u8],
}

/// What was found so far.
pub(super) struct Scan<'a> {
    host: &'a Host,
    spare: SpareThread,
    file_systems: Arc<FileSystems>,
    files: BTreeMap<FileId, Found>,
    /// Mapped files that were asked for already; `None` where one has a name. Libraries are mapped by every process.
    mapped: BTreeMap<MapKey, Option<FileId>>,
    timeouts: u32,
}

impl<'a> Scan<'a> {
    pub(super) fn new(host: &'a Host, file_systems: Arc<FileSystems>) -> Self {
        let (files, mapped) = (BTreeMap::new(), BTreeMap::new());
        Self { host, spare: host.spare_thread(), file_systems, files, mapped, timeouts: 0 }
    }

    /// What was found: executables first, then small files before large ones.
    pub(super) fn in_order(self) -> Vec<Found> {
        let mut found: Vec<Found> = self.files.into_values().collect();
        let is_executable = |found: &Found| found.references.iter().any(|reference| reference.name == "exe");
        found.sort_by_key(|found| (!is_executable(found), found.stat.size, found.stat.dev, found.stat.ino));
        found
    }

    /// Looks at the executable, the open files and the mapped files of `process`.
    pub(super) fn process(&mut self, process: &Arc<Process>, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        self.timeouts = 0;
        if let Ok(target) = process.link("exe") {
            self.candidate(Link { process, name: "exe", target: &target }, evidence)?;
        }
        self.open_files(process, evidence)?;
        self.mapped_files(process, evidence)
    }

    fn open_files(&mut self, process: &Arc<Process>, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        let numbers = match process.numbers("fd") {
            Ok(numbers) => numbers,
            Err(error) => {
                failure::gap(evidence, &error);
                return Ok(());
            }
        };
        for number in numbers {
            evidence.check()?;
            let name = format!("fd/{number}");
            // What has no path (sockets, pipes, anonymous inodes) is no file.
            if let Ok(target) = process.link(&name)
                && target.starts_with(b"/")
            {
                self.candidate(Link { process, name: &name, target: &target }, evidence)?;
            }
        }
        Ok(())
    }

    fn mapped_files(&mut self, process: &Arc<Process>, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        let map = match process_memory_map::read(process, "maps", &mut self.spare) {
            Ok(map) => map,
            Err(error) => {
                failure::gap(evidence, &error);
                return Ok(());
            }
        };
        if map.truncated {
            let reason = "its memory map is longer than what is read; files mapped behind that are not looked for";
            evidence.gap(Gap::whole(process.path("maps").as_bytes(), reason));
        }
        for mapping in parse::mappings(&map.bytes).0.iter().filter(|mapping| mapping.inode != 0) {
            evidence.check()?;
            self.mapping(process, mapping, evidence)?;
        }
        Ok(())
    }

    fn mapping(&mut self, process: &Arc<Process>, mapping: &Mapping<'_>, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        let key = (mapping.device.to_owned(), mapping.inode, mapping.path.to_owned());
        let name = format!("map_files/{:x}-{:x}", mapping.start, mapping.end);
        match self.mapped.get(&key) {
            Some(None) => return Ok(()),
            Some(Some(id)) => {
                if let Some(found) = self.files.get_mut(id) {
                    found.references.push(Reference { pid: process.pid, name });
                }
                return Ok(());
            }
            None => {}
        }
        let link = Link { process, name: &name, target: mapping.path };
        let allowed = mapping.device_number().map_or(Ok(()), |device| self.file_systems.check_device(device));
        let looked = match allowed {
            Ok(()) => self.candidate(link, evidence)?,
            Err(reason) => self.refused(link, &reason, evidence)?,
        };
        if let Looked::At(id) = looked {
            self.mapped.insert(key, id);
        }
        Ok(())
    }

    /// Looks at what a magic link leads to, and remembers it if it has no name or is memory.
    fn candidate(&mut self, link: Link<'_>, evidence: &mut dyn Evidence) -> Result<Looked, Stop> {
        if self.timeouts >= MOST_TIMEOUTS {
            return Ok(Looked::Away);
        }
        let Link { process, name, target } = link;
        let (owned, owned_name, file_systems) = (Arc::clone(process), name.to_owned(), Arc::clone(&self.file_systems));
        let job = move || look(&owned, &owned_name, &file_systems);
        let stat = match self.spare.read(LIMIT, process.path(name).as_bytes(), job) {
            Ok(stat) => stat,
            Err(error) => return self.failed(link, &error, evidence),
        };
        // A file that lost the name it was opened by may have another one left, or be that of a lower overlay layer.
        let nameless = stat.nlink == 0 || (stat.is_regular() && target.ends_with(DELETED));
        let lost = nameless || (stat.is_regular() && row::memory(target).is_some());
        if !lost {
            return Ok(Looked::At(None));
        }
        let id = (stat.dev, stat.ino);
        let found = self.files.entry(id).or_insert_with(|| Found { target: target.to_owned(), stat, references: Vec::new() });
        found.references.push(Reference { pid: process.pid, name: name.to_owned() });
        Ok(Looked::At(Some(id)))
    }

    fn failed(&mut self, link: Link<'_>, error: &ReadError, evidence: &mut dyn Evidence) -> Result<Looked, Stop> {
        if let Reason::FileSystem(_) = error.reason {
            return self.refused(link, &error.reason, evidence);
        }
        let timeout = error.reason == Reason::Timeout;
        self.timeouts += u32::from(timeout);
        if self.timeouts == MOST_TIMEOUTS {
            let reason = format!("{MOST_TIMEOUTS} of its files did not answer in time; the others are left alone");
            evidence.gap(Gap::whole(format!("/proc/{}", link.process.pid).as_bytes(), reason));
        }
        // Of a file that its link calls a named one nothing is lost, unless it could not even be asked.
        if timeout || (!error.is_gone() && (link.target.ends_with(DELETED) || row::memory(link.target).is_some())) {
            self.unread(link, error, evidence)?;
        }
        Ok(Looked::Away)
    }

    /// A file system that may hang: a deleted file on it is listed, not read.
    fn refused(&self, link: Link<'_>, reason: &Reason, evidence: &mut dyn Evidence) -> Result<Looked, Stop> {
        if link.target.ends_with(DELETED) {
            let error = ReadError::new(link.process.path(link.name).as_bytes(), reason.clone());
            self.unread(link, &error, evidence)?;
        }
        Ok(Looked::Away)
    }

    fn unread(&self, link: Link<'_>, error: &ReadError, evidence: &mut dyn Evidence) -> Result<(), Stop> {
        let Link { process, name, target } = link;
        let mut row = Row::new(self.host.clock.now(), process.path(name));
        row::names(&mut row, target, target.ends_with(DELETED));
        row.json("pids", &[process.pid]);
        row.status(RowStatus::Error);
        failure::note(&mut row, evidence, "content", error);
        evidence.row(row::table_of(target), &row)
    }
}

/// What came of a look.
enum Looked {
    /// It was seen; it has a name, or it is this one.
    At(Option<FileId>),
    /// It could not be seen; the next process may have a better way to it.
    Away,
}

/// `statx` of what the magic link `name` leads to. Even that may wait for a server, so the mount is known first where the
/// kernel tells it: `fdinfo` has it for open files.
fn look(process: &Process, name: &str, file_systems: &FileSystems) -> Result<Stat, ReadError> {
    let refuse = |reason| ReadError::new(process.path(name).as_bytes(), reason);
    if let Some(number) = name.strip_prefix("fd/")
        && let Ok(info) = process.file(&format!("fdinfo/{number}"), 4096)
        && let Some(mount) = mount_id(&info.bytes)
    {
        file_systems.check_mount(mount).map_err(refuse)?;
    }
    let stat = process.target_stat(name)?;
    file_systems.check(&stat).map_err(refuse)?;
    Ok(stat)
}

/// The line `mnt_id:` of `/proc/PID/fdinfo/N` (proc_pid_fdinfo(5)).
fn mount_id(info: &[u8]) -> Option<u64> {
    let value = info.split(|b| *b == b'\n').find_map(|line| line.strip_prefix(b"mnt_id:"))?;
    std::str::from_utf8(value).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::mount_id;

    #[test]
    fn the_mount_is_found_in_fdinfo() {
        assert_eq!(mount_id(b"pos:\t0\nflags:\t0100002\nmnt_id:\t29\nino:\t3\n"), Some(29));
        for hostile in [&b""[..], b"mnt_id:", b"mnt_id:\t-1\n", b"mnt_id:\t\xff\n", b"xmnt_id:\t1"] {
            assert_eq!(mount_id(hostile), None);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read(info: Vec<u8>) {
            mount_id(&info);
        }
    }
}
