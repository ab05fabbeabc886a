//! The search: which files a list of patterns means on this host.
//!
//! Folders are held open and names resolved in them, so nothing that is renamed or replaced by a link meanwhile leads the search
//! elsewhere. Nothing is opened but folders. What is mounted on a folder is searched in its place, unless its server is another
//! machine or a program.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::homes::Home;
use super::pattern::{Part, Pattern, matches};
use super::{Group, Limits};
use crate::host::sys::Stat;
use crate::host::{Dir, Host, ReadError, Reason};
use crate::model::Gap;
use crate::source::{Evidence, Stop};

/// Folders inside each other that are descended into. Each holds a descriptor.
const DEEPEST: usize = 128;

/// Something that a pattern means.
#[derive(Debug, Clone)]
pub(in crate::source) struct Found {
    /// Its absolute path on the host.
    pub(in crate::source) path: Vec<u8>,
    /// What `statx` says of it.
    pub(in crate::source) stat: Stat,
    /// Its target, if it is a symbolic link that could be read.
    pub(in crate::source) target: Option<Vec<u8>>,
    /// The group of patterns that found it first.
    pub(in crate::source) group: &'static Group,
    /// Whose home it was looked for in.
    pub(in crate::source) home: Option<Arc<Home>>,
    /// The symbolic link that led to it, if no pattern means it itself.
    pub(in crate::source) via: Option<Vec<u8>>,
}

/// A search of one host.
pub(super) struct Search<'a> {
    host: &'a Host,
    evidence: &'a mut dyn Evidence,
    limits: Limits,
    found: BTreeMap<Vec<u8>, Found>,
    /// What is being looked for, and in whose home.
    group: &'static Group,
    home: Option<Arc<Home>>,
    full: bool,
    /// What was told to be missing: several patterns may come to the same folder.
    told: BTreeSet<Vec<u8>>,
}

impl<'a> Search<'a> {
    /// All that `groups` mean, by path.
    pub(super) fn all(
        host: &'a Host,
        evidence: &'a mut dyn Evidence,
        groups: &'static [Group],
        homes: Vec<Home>,
        limits: Limits,
    ) -> Result<BTreeMap<Vec<u8>, Found>, Stop> {
        let Some(first) = groups.first() else { return Ok(BTreeMap::new()) };
        let (found, told) = (BTreeMap::new(), BTreeSet::new());
        let mut search = Self { host, evidence, limits, found, group: first, home: None, full: false, told };
        let patterns: Vec<(&'static Group, Pattern)> =
            groups.iter().flat_map(|group| group.patterns.iter().map(move |text| (group, Pattern::new(text)))).collect();
        search.from(b"/", &patterns, false)?;
        for home in homes {
            let home = Arc::new(home);
            search.home = Some(Arc::clone(&home));
            search.from(&home.path, &patterns, true)?;
        }
        Ok(search.found)
    }

    fn from(&mut self, top: &[u8], patterns: &[(&'static Group, Pattern)], at_home: bool) -> Result<(), Stop> {
        let mut wanted = patterns.iter().filter(|(_, pattern)| pattern.at_home == at_home).peekable();
        if wanted.peek().is_none() {
            return Ok(());
        }
        let dir = match self.host.files.dir(top) {
            Ok(dir) => Arc::new(dir),
            Err(error) => {
                self.missing(&error);
                return Ok(());
            }
        };
        for (group, pattern) in wanted {
            self.group = group;
            self.folder(&dir, &pattern.parts, 0)?;
        }
        Ok(())
    }

    /// What `parts` mean in `dir`.
    fn folder(&mut self, dir: &Arc<Dir>, parts: &[Part], depth: usize) -> Result<(), Stop> {
        self.evidence.check()?;
        if depth >= DEEPEST {
            let reason = Reason::Limit(format!("only {DEEPEST} folders inside each other are descended into"));
            self.missing(&ReadError::new(dir.path(), reason));
            return Ok(());
        }
        match parts.split_first() {
            None => Ok(()),
            Some((Part::Name(name), rest)) => self.name(dir, name, rest, depth, true),
            Some((Part::Glob(glob), rest)) => {
                for name in self.names(dir).into_iter().filter(|name| matches(glob, name)) {
                    self.name(dir, &name, rest, depth, false)?;
                }
                Ok(())
            }
            Some((Part::Folders, rest)) => {
                self.folder(dir, rest, depth)?;
                for name in self.names(dir) {
                    if self.full {
                        break;
                    }
                    if self.look(dir, &name).is_ok_and(|stat| stat.is_directory())
                        && let Some(child) = self.enter(dir, &name)
                    {
                        self.folder(&child, parts, depth + 1)?;
                    }
                }
                Ok(())
            }
        }
    }

    /// What `rest` means at `name` in `dir`; a link there is followed if the pattern names it.
    fn name(&mut self, dir: &Arc<Dir>, name: &[u8], rest: &[Part], depth: usize, named: bool) -> Result<(), Stop> {
        if self.full {
            return Ok(());
        }
        let stat = match self.look(dir, name) {
            Ok(stat) => stat,
            Err(error) => {
                self.missing(&error);
                return Ok(());
            }
        };
        if rest.is_empty() {
            if !stat.is_directory() {
                self.entry(dir, name, stat);
            }
            return Ok(());
        }
        let child = if stat.is_directory() {
            self.enter(dir, name)
        } else if stat.is_symlink() && named {
            let opened = self.host.files.dir(dir.path_of(name));
            self.opened(opened)
        } else {
            None
        };
        child.map_or(Ok(()), |child| self.folder(&child, rest, depth + 1))
    }

    /// What `statx` says of `name` in `dir`, or of what is mounted there: that is asked only if its server is this kernel.
    fn look(&self, dir: &Dir, name: &[u8]) -> Result<Stat, ReadError> {
        let path = dir.path_of(name);
        if self.host.files.is_mount_point(&path) { self.host.files.stat(&path) } else { dir.stat(name) }
    }

    fn enter(&mut self, dir: &Arc<Dir>, name: &[u8]) -> Option<Arc<Dir>> {
        let path = dir.path_of(name);
        // A private view does not have what is mounted on a folder, only the folder.
        let opened = if self.host.files.is_mount_point(&path) { self.host.files.dir(path) } else { dir.enter(name) };
        self.opened(opened)
    }

    fn opened(&mut self, opened: Result<Dir, ReadError>) -> Option<Arc<Dir>> {
        match opened {
            Ok(dir) => Some(Arc::new(dir)),
            Err(error) => {
                self.missing(&error);
                None
            }
        }
    }

    fn names(&mut self, dir: &Dir) -> Vec<Vec<u8>> {
        match dir.names(self.limits.names) {
            Ok((names, more)) => {
                if more {
                    let reason = Reason::Limit(format!("only {} names of this folder were looked at", self.limits.names));
                    self.missing(&ReadError::new(dir.path(), reason));
                }
                names
            }
            Err(error) => {
                self.missing(&error);
                Vec::new()
            }
        }
    }

    /// Remembers an entry, and the file that a link leads to.
    fn entry(&mut self, dir: &Arc<Dir>, name: &[u8], stat: Stat) {
        let path = dir.path_of(name);
        if self.found.contains_key(&path) {
            return;
        }
        if !stat.is_symlink() {
            return self.add(path, stat, None, None);
        }
        let target = dir.link(name);
        if let Err(error) = &target {
            self.missing(error);
        }
        self.add(path.clone(), stat, target.ok(), None);
        match self.host.files.real(&path) {
            Ok((real, stat)) if stat.is_regular() && !self.found.contains_key(&real) => self.add(real, stat, None, Some(path)),
            Ok(_) => {}
            Err(error) => self.missing(&error),
        }
    }

    fn add(&mut self, path: Vec<u8>, stat: Stat, target: Option<Vec<u8>>, via: Option<Vec<u8>>) {
        if self.found.len() >= self.limits.entries {
            if !self.full {
                let reason = format!("only {} files are looked at; what else the patterns mean is left out", self.limits.entries);
                self.evidence.gap(Gap::whole(&path, reason));
            }
            self.full = true;
            return;
        }
        let home = self.home.clone();
        self.found.insert(path.clone(), Found { path, stat, target, group: self.group, home, via });
    }

    /// What is not there, and a link that leads nowhere, is no gap.
    fn missing(&mut self, error: &ReadError) {
        use nix::errno::Errno::{ELOOP, ENOTDIR};
        let is_gap = !error.is_gone() && !matches!(error.reason, Reason::Errno(ELOOP | ENOTDIR));
        if is_gap && self.told.insert(error.path.clone()) {
            self.evidence.gap(error.gap());
        }
    }
}
