//! The folder as it lies there: what it holds, without following a link or opening anything that is not a regular file.
//!
//! **Invariant:** nothing is ever written, and a FIFO or device in the folder is never opened.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use hozen_collector::host::Reason;
use hozen_collector::host::read::{self, FdReader};
use hozen_collector::host::sys::{self, Stat};
use hozen_collector::model::record::END_KEY;
use hozen_collector::model::{ObjectKey, escape};

use super::findings::{Findings, Place};
use super::name::{self, Name};
use super::words;

/// The most entries that are looked at; no run has nearly as many.
const MAX_ENTRIES: u64 = 100_000;

/// A folder that should hold one run.
#[derive(Debug, Default)]
pub(super) struct Folder {
    folders: BTreeMap<String, OwnedFd>,
    objects: BTreeSet<ObjectKey>,
    growing: Vec<ObjectKey>,
    /// What could not be looked into: nothing below it can be called missing.
    blind: Vec<String>,
    entries: u64,
}

impl Folder {
    /// Lists the folder at `path` and notes what no run may hold. `None` where it cannot be read at all.
    pub(super) fn open(path: &Path, findings: &mut Findings) -> Option<Self> {
        let root = match open_root(path) {
            Ok(root) => root,
            Err(error) => {
                findings.unreadable(Place::folder(), format!("cannot be opened: {error}"));
                return None;
            }
        };
        let mut folder = Self::default();
        folder.folders.insert(String::new(), root);
        folder.list("", findings);
        folder.judge_growing(findings);
        Some(folder)
    }

    /// Whether the object is there.
    pub(super) fn has(&self, key: &str) -> bool {
        key.parse().is_ok_and(|key: ObjectKey| self.objects.contains(&key))
    }

    /// Whether the object is surely not there.
    pub(super) fn lacks(&self, key: &ObjectKey) -> bool {
        !self.objects.contains(key) && !self.blind.iter().any(|path| key.as_str().starts_with(path.as_str()))
    }

    /// Whether all of it could be looked into.
    pub(super) fn is_whole(&self) -> bool {
        self.blind.is_empty()
    }

    /// The objects that are there, sorted by name.
    pub(super) fn objects(&self) -> &BTreeSet<ObjectKey> {
        &self.objects
    }

    /// The objects that were still growing.
    pub(super) fn growing(&self) -> &[ObjectKey] {
        &self.growing
    }

    /// Files looked at.
    pub(super) fn entries(&self) -> u64 {
        self.entries
    }

    /// Opens an object; notes it where that fails.
    pub(super) fn reader(&self, key: &ObjectKey, findings: &mut Findings) -> Option<FdReader> {
        let opened = self.open_object(key)?;
        match opened {
            Ok(reader) => return Some(reader),
            Err(Reason::NotRegular(kind)) => findings.fail(key, format!("is a {kind}, not a regular file")),
            Err(reason) => findings.unreadable(key, format!("cannot be opened: {reason}")),
        }
        None
    }

    /// Opens an object, or says why not. `None` where there is no folder for it.
    pub(super) fn reader_of(&self, key: &ObjectKey) -> Option<Result<FdReader, String>> {
        Some(self.open_object(key)?.map_err(|reason| format!("cannot be opened: {reason}")))
    }

    fn open_object(&self, key: &ObjectKey) -> Option<Result<FdReader, Reason>> {
        let (path, file) = key.as_str().rsplit_once('/').unwrap_or(("", key.as_str()));
        let folder = self.folders.get(path)?;
        Some(read::open_regular(folder.as_fd(), file).map(|(fd, _)| FdReader(fd)))
    }

    /// Reads a small object whole; notes it where it is there and cannot be read or is larger than `limit` bytes.
    pub(super) fn read(&self, key: &str, limit: u64, findings: &mut Findings) -> Option<Vec<u8>> {
        let object = key.parse().ok().filter(|object| self.objects.contains(object))?;
        let reader = self.reader(&object, findings)?;
        let mut bytes = Vec::new();
        if let Err(error) = reader.take(limit.saturating_add(1)).read_to_end(&mut bytes) {
            findings.unreadable(key, format!("cannot be read: {error}"));
            return None;
        }
        if words::length(bytes.len()) > limit {
            findings.fail(key, format!("is larger than {} MiB, which no record of this kind is", limit >> 20));
            return None;
        }
        Some(bytes)
    }

    fn list(&mut self, path: &str, findings: &mut Findings) {
        let limit = usize::try_from(MAX_ENTRIES.saturating_sub(self.entries)).unwrap_or(usize::MAX);
        let Some(folder) = self.folders.get(path) else { return };
        let (mut names, more) = match read::names_limited(folder.as_fd(), b"", limit) {
            Ok(names) => names,
            Err(errno) => {
                let place = if path.is_empty() { Place::folder() } else { Place::from(path) };
                self.blind.push(path.to_owned());
                return findings.unreadable(place, format!("the folder cannot be listed: {errno}"));
            }
        };
        if more {
            self.blind.push(String::new());
            findings.fail(Place::folder(), format!("holds more than {MAX_ENTRIES} entries; the rest was not looked at"));
        }
        names.sort_unstable();
        for name in names {
            self.take_entry(path, &name, findings);
        }
    }

    fn take_entry(&mut self, path: &str, name: &[u8], findings: &mut Findings) {
        let shown = escape::bytes(name);
        let shown = if path.is_empty() { shown } else { format!("{path}/{shown}") };
        let Some(folder) = self.folders.get(path) else { return };
        let stat = match sys::statx(folder.as_fd(), name, false) {
            Ok(stat) => stat,
            Err(errno) => {
                findings.unreadable(&shown, format!("cannot be looked at: {errno}"));
                self.blind.push(shown);
                return;
            }
        };
        if stat.is_directory() {
            return self.enter(path, &shown, findings);
        }
        self.entries += 1;
        self.take_file(&shown, stat, findings);
    }

    fn enter(&mut self, parent: &str, path: &str, findings: &mut Findings) {
        if !name::is_folder(path) {
            return findings.fail(path, "is a folder that no run has; it was not entered");
        }
        let last = path.rsplit('/').next().unwrap_or(path);
        let opened = self.folders.get(parent).map(|folder| read::open_folder(folder.as_fd(), last));
        match opened {
            Some(Ok(folder)) => {
                self.folders.insert(path.to_owned(), folder);
                self.list(path, findings);
            }
            Some(Err(errno)) => {
                self.blind.push(path.to_owned());
                findings.unreadable(path, format!("the folder cannot be opened: {errno}"));
            }
            None => {}
        }
    }

    fn take_file(&mut self, shown: &str, stat: Stat, findings: &mut Findings) {
        if !stat.is_regular() {
            return findings.fail(shown, format!("is a {}, not a regular file; it was not opened", stat.kind_name()));
        }
        match shown.parse::<ObjectKey>() {
            Ok(key) if Name::of(&key).is_some() => drop(self.objects.insert(key)),
            Ok(_) | Err(_) => match name::growing(shown) {
                Some(key) => self.growing.push(key),
                None => findings.fail(shown, "is not a name that a run has: somebody else put it there"),
            },
        }
    }

    fn judge_growing(&self, findings: &mut Findings) {
        for key in self.growing.iter().filter(|_| self.has(END_KEY)) {
            findings.fail(format!("{key}.part"), "is an object that was still growing, and yet the run has ended");
        }
    }
}

/// The folder itself may be reached through a link: the caller named it.
fn open_root(path: &Path) -> std::io::Result<OwnedFd> {
    if !std::fs::metadata(path)?.is_dir() {
        return Err(std::io::ErrorKind::NotADirectory.into());
    }
    File::open(path).map(OwnedFd::from)
}
