//! What lies there of one run, wherever that is: the names of its objects, and a way to read each.
//!
//! **Invariant:** nothing is ever written, and nothing is known of an object but what its place says of it.

use std::collections::BTreeSet;
use std::fmt;
use std::io::Read;

use hozen_collector::model::ObjectKey;
use hozen_collector::model::killed::KILLED_KEY;
use hozen_collector::model::record::END_KEY;

use super::findings::Findings;
use super::name::{self, Name};
use super::words;

/// A folder or a prefix of a bucket that should hold one run.
#[derive(Debug, Default)]
pub(super) struct Holding {
    objects: BTreeSet<ObjectKey>,
    growing: Vec<ObjectKey>,
    /// Seals lie beside the run: they were put there after it had ended.
    seals: BTreeSet<ObjectKey>,
    /// Records of salvages lie beside it, too.
    salvages: BTreeSet<ObjectKey>,
    /// What the watchdog of a killed agent laid beside it.
    killed: Option<ObjectKey>,
    /// What could not be looked into: nothing below it can be called missing.
    blind: Vec<String>,
    entries: u64,
    opener: Option<Box<dyn Opener>>,
}

/// Reads objects at their place.
pub(super) trait Opener: fmt::Debug {
    /// Opens an object from its first byte.
    ///
    /// # Errors
    /// When it is not what an object must be, or cannot be opened.
    fn open(&self, key: &ObjectKey) -> Result<Box<dyn Read>, Unopened>;
}

/// Why an object was not opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unopened {
    /// It is something that no run leaves behind.
    Wrong(String),
    /// It may be right, and could not be opened.
    Failed(String),
}

impl Holding {
    /// Notes an entry that lies there under this name.
    pub(super) fn take(&mut self, name: &str, findings: &mut Findings) {
        match name.parse::<ObjectKey>() {
            Ok(key) if Name::of(&key) == Some(Name::Seal) => drop(self.seals.insert(key)),
            Ok(key) if Name::of(&key) == Some(Name::Salvage) => drop(self.salvages.insert(key)),
            Ok(key) if Name::of(&key) == Some(Name::Killed) => self.killed = Some(key),
            Ok(key) if Name::of(&key).is_some() => drop(self.objects.insert(key)),
            Ok(_) | Err(_) => match name::growing(name) {
                // It may be about to be written, and is none of the run's objects.
                Some(key) if key.as_str() == KILLED_KEY => {}
                Some(key) => self.growing.push(key),
                None => findings.fail(name, "is not a name that a run has: somebody else put it there"),
            },
        }
    }

    /// Counts an entry that was looked at.
    pub(super) fn count(&mut self) {
        self.entries += 1;
    }

    /// Notes that what lies below `path` could not be looked into.
    pub(super) fn blind(&mut self, path: &str) {
        self.blind.push(path.to_owned());
    }

    /// All entries are known, and `opener` reads them.
    pub(super) fn complete(mut self, opener: Box<dyn Opener>, findings: &mut Findings) -> Self {
        self.opener = Some(opener);
        // A seal that was being written when its writer died says nothing of the run.
        let beside = |key: &ObjectKey| matches!(Name::of(key), Some(Name::Seal | Name::Salvage));
        let of_the_run = |key: &&ObjectKey| self.has(END_KEY) && !beside(key);
        for key in self.growing.iter().filter(of_the_run) {
            findings.fail(format!("{key}.part"), "is an object that was still growing, and yet the run has ended");
        }
        self
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

    /// The objects of the run that are there, sorted by name.
    pub(super) fn objects(&self) -> &BTreeSet<ObjectKey> {
        &self.objects
    }

    /// The seals that are there, sorted by name.
    pub(super) fn seals(&self) -> &BTreeSet<ObjectKey> {
        &self.seals
    }

    /// The records of salvages that are there, sorted by name.
    pub(super) fn salvages(&self) -> &BTreeSet<ObjectKey> {
        &self.salvages
    }

    /// What others laid beside the run: seals, records of salvages, the watchdog's record.
    pub(super) fn beside(&self) -> impl Iterator<Item = &ObjectKey> {
        self.seals.iter().chain(&self.salvages).chain(&self.killed)
    }

    /// The object is none of the run's: a salvage made it.
    pub(super) fn set_aside(&mut self, key: &ObjectKey) {
        self.objects.remove(key);
    }

    /// The objects that were still growing.
    pub(super) fn growing(&self) -> &[ObjectKey] {
        &self.growing
    }

    /// Entries looked at.
    pub(super) fn entries(&self) -> u64 {
        self.entries
    }

    /// Opens an object; notes it where that fails.
    pub(super) fn reader(&self, key: &ObjectKey, findings: &mut Findings) -> Option<Box<dyn Read>> {
        match self.opener.as_ref()?.open(key) {
            Ok(reader) => Some(reader),
            Err(Unopened::Wrong(what)) => {
                findings.fail(key, what);
                None
            }
            Err(Unopened::Failed(why)) => {
                findings.unreadable(key, format!("cannot be opened: {why}"));
                None
            }
        }
    }

    /// Opens an object, or says why not.
    pub(super) fn open(&self, key: &ObjectKey) -> Result<Box<dyn Read>, String> {
        let opener = self.opener.as_ref().ok_or_else(|| "cannot be opened: nothing there can be".to_owned())?;
        opener.open(key).map_err(|unopened| match unopened {
            Unopened::Wrong(what) => what,
            Unopened::Failed(why) => format!("cannot be opened: {why}"),
        })
    }

    fn holds(&self, key: &ObjectKey) -> bool {
        [&self.objects, &self.seals, &self.salvages].into_iter().any(|names| names.contains(key))
            || self.killed.as_ref() == Some(key)
    }

    /// Reads a small object whole; notes it where it is there and cannot be read or is larger than `limit` bytes.
    pub(super) fn read(&self, key: &str, limit: u64, findings: &mut Findings) -> Option<Vec<u8>> {
        let object = key.parse().ok().filter(|object| self.holds(object))?;
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
}
