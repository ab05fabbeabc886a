//! The search: which files a list of patterns means on this host.
//!
//! Folders are held open and names resolved in them, so nothing that is renamed or replaced by a link meanwhile leads the search
//! elsewhere. Nothing is opened but folders. What is mounted on a folder is searched in its place, unless its server is another
//! machine or a program.
//!
//! A user decides what lies in his home: what he puts there takes no more than his share of the search, and a link of his to a folder
//! elsewhere is not followed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::homes::Home;
use super::pattern::{Part, Pattern, matches};
use super::shares::user_of;
use super::{Form, Group, Limits};
use crate::host::sys::Stat;
use crate::host::{Dir, Host, ReadError, Reason};
use crate::model::{Gap, escape};
use crate::source::{Evidence, Stop};

/// Folders inside each other that are descended into. Each holds a descriptor.
const DEEPEST: usize = 128;

/// Paths of this length and more cannot be opened (`PATH_MAX` of limits.h, with the byte at the end).
const PATH_MAX: usize = 4096;

/// Which part of all entries, and of all bytes, one user may take.
pub(in crate::source) const SHARES: usize = 10;

/// The most paths that are remembered because they were told to be missing.
const MOST_TOLD: usize = 1000;

/// Something that a pattern means.
#[derive(Debug, Clone)]
pub(in crate::source) struct Found<'a> {
    /// Its absolute path on the host.
    pub(in crate::source) path: Vec<u8>,
    /// What `statx` says of it.
    pub(in crate::source) stat: Stat,
    /// Its target, if it is a symbolic link that could be read.
    pub(in crate::source) target: Option<Vec<u8>>,
    /// The group of patterns that found it first.
    pub(in crate::source) group: &'a Group<'a>,
    /// Other groups of patterns that mean it too, each once.
    pub(in crate::source) others: Vec<&'a Group<'a>>,
    /// Whose home it was looked for in.
    pub(in crate::source) home: Option<Arc<Home>>,
    /// The symbolic link that led to it, if no pattern means it itself, or the file whose text names it.
    pub(in crate::source) via: Option<Vec<u8>>,
    /// The symbolic link outside of all homes that led to it first, also where a pattern means it itself.
    pub(in crate::source) host_link: Option<Vec<u8>>,
}

impl<'a> Found<'a> {
    /// Notes another group that means it.
    fn add(&mut self, other: &'a Group<'a>) {
        if self.group.kind != other.kind && self.others.iter().all(|known| known.kind != other.kind) {
            self.others.push(other);
        }
    }
}

/// A search of one host.
pub(super) struct Search<'a, 'g> {
    host: &'a Host,
    evidence: &'a mut dyn Evidence,
    limits: Limits,
    found: BTreeMap<Vec<u8>, Found<'g>>,
    /// What is being looked for, and in whose home.
    group: &'g Group<'g>,
    home: Option<Arc<Home>>,
    /// Where that home really lies.
    top: Vec<u8>,
    /// The link to the folder that is being searched, if no pattern names it.
    led: Option<Vec<u8>>,
    /// Files, and folders that no pattern names, that were looked at: of all, and of each user.
    seen: usize,
    shares: BTreeMap<Vec<u8>, usize>,
    full: bool,
    /// How many paths were too long, and the folder of the first.
    too_long: Option<(u64, Vec<u8>)>,
    /// What was told to be missing: several patterns may come to the same folder.
    told: BTreeSet<Vec<u8>>,
}

impl<'a, 'g> Search<'a, 'g> {
    /// All that `groups` mean, by path.
    pub(super) fn all(
        host: &'a Host,
        evidence: &'a mut dyn Evidence,
        groups: &'g [Group<'g>],
        homes: Vec<Home>,
        limits: Limits,
    ) -> Result<BTreeMap<Vec<u8>, Found<'g>>, Stop> {
        let Some(first) = groups.first() else { return Ok(BTreeMap::new()) };
        let mut search = Self {
            host,
            evidence,
            limits,
            found: BTreeMap::new(),
            group: first,
            home: None,
            top: Vec::new(),
            led: None,
            seen: 0,
            shares: BTreeMap::new(),
            full: false,
            too_long: None,
            told: BTreeSet::new(),
        };
        let patterns: Vec<(&'g Group<'g>, Pattern)> =
            groups.iter().flat_map(|group| group.patterns.iter().map(move |text| (group, Pattern::new(text)))).collect();
        search.from(b"/", &patterns, false)?;
        for home in homes {
            let home = Arc::new(home);
            search.home = Some(Arc::clone(&home));
            search.from(&home.path, &patterns, true)?;
        }
        if let Some((count, folder)) = search.too_long {
            let reason =
                format!("{count} names make paths of {PATH_MAX} bytes and more, which were not looked at; the first here");
            search.evidence.gap(Gap::whole(&folder, reason));
        }
        Ok(search.found)
    }

    fn from(&mut self, top: &[u8], patterns: &[(&'g Group<'g>, Pattern)], at_home: bool) -> Result<(), Stop> {
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
        dir.path().clone_into(&mut self.top);
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
            self.too_deep(dir);
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
            Some((Part::Folders(most), rest)) => self.below(dir, rest, *most, depth),
        }
    }

    /// What `parts` mean in `dir` and in the folders below it, at most `most` of them inside each other.
    fn below(&mut self, dir: &Arc<Dir>, parts: &[Part], most: usize, depth: usize) -> Result<(), Stop> {
        self.folder(dir, parts, depth)?;
        if most == 0 || depth >= DEEPEST {
            return Ok(());
        }
        for name in self.names(dir) {
            if self.is_full(dir.path()) {
                break;
            }
            let path = dir.path_of(&name);
            if path.len() < PATH_MAX
                && self.look(dir, &name).is_ok_and(|stat| stat.is_directory())
                && self.takes(&path)
                && let Some(child) = self.enter(dir, &name)
            {
                self.below(&child, parts, most - 1, depth + 1)?;
            }
        }
        Ok(())
    }

    fn too_deep(&mut self, dir: &Dir) {
        let reason = Reason::Limit(format!("only {DEEPEST} folders inside each other are descended into"));
        self.missing(&ReadError::new(dir.path(), reason));
    }

    /// What `rest` means at `name` in `dir`; a link there is followed if the pattern names it.
    fn name(&mut self, dir: &Arc<Dir>, name: &[u8], rest: &[Part], depth: usize, named: bool) -> Result<(), Stop> {
        if self.is_full(dir.path()) || self.is_too_long(dir, name) {
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
            if !stat.is_directory() || self.group.form == Form::Listed {
                self.entry(dir, name, stat);
            }
            return Ok(());
        }
        if stat.is_symlink() {
            return self.linked(dir, name, &stat, rest, depth, named);
        }
        let child = if stat.is_directory() && (named || self.takes(&dir.path_of(name))) { self.enter(dir, name) } else { None };
        child.map_or(Ok(()), |child| self.folder(&child, rest, depth + 1))
    }

    /// What `rest` means in the folder that the link `name` leads to.
    fn linked(&mut self, dir: &Arc<Dir>, name: &[u8], stat: &Stat, rest: &[Part], depth: usize, named: bool) -> Result<(), Stop> {
        let path = dir.path_of(name);
        let opened = self.host.files.dir(&path);
        let Some(child) = self.opened(opened) else { return Ok(()) };
        let user = self.user(&path);
        let is_own = user.as_ref().is_some_and(|top| is_below(child.path(), top));
        if stat.uid != 0 && !is_own && (user.is_some() || !named) {
            let target = dir.link(name).map_or_else(|_| "?".to_owned(), |target| escape::bytes(&target));
            let reason = Reason::Limit(format!("a link of user {} to the folder {target}, which was not followed", stat.uid));
            self.missing(&ReadError::new(&path, reason));
            return Ok(());
        }
        let before = self.led.clone();
        if !named {
            self.led = Some(path);
        }
        let done = self.folder(&child, rest, depth + 1);
        self.led = before;
        done
    }

    /// Who decides what lies at `path`: the top of the home that is searched, or the folder of a user in `/run/user`.
    fn user(&self, path: &[u8]) -> Option<Vec<u8>> {
        const RUN: &[u8] = b"/run/user/";
        if self.home.is_some() {
            return Some(self.top.clone());
        }
        let name = path.strip_prefix(RUN)?.split(|b| *b == b'/').next()?;
        Some([RUN, name].concat())
    }

    /// Whether nothing more is looked at of what lies in the folder `path`.
    fn is_full(&self, path: &[u8]) -> bool {
        let spent = self.user(path).and_then(|user| self.shares.get(&user));
        self.full || spent.is_some_and(|spent| *spent > self.share())
    }

    fn share(&self) -> usize {
        (self.limits.entries / SHARES).max(1)
    }

    /// Counts `path`. Says whether there is room for it; that there is none is told once for all and once for each user.
    fn takes(&mut self, path: &[u8]) -> bool {
        let share = self.share();
        if self.seen >= self.limits.entries {
            if !self.full {
                let reason = format!(
                    "only {} files and folders are looked at; what else the patterns mean is left out",
                    self.limits.entries
                );
                self.evidence.gap(Gap::whole(path, reason));
            }
            self.full = true;
            return false;
        }
        if let Some(user) = self.user(path) {
            let spent = self.shares.entry(user.clone()).or_default();
            *spent += 1;
            if *spent > share {
                if *spent == share + 1 {
                    let reason = format!(
                        "only {share} files and folders of one user are looked at; the first that was not is {}",
                        escape::bytes(path)
                    );
                    self.evidence.gap(Gap::whole(&user, reason));
                }
                return false;
            }
        }
        self.seen += 1;
        true
    }

    fn is_too_long(&mut self, dir: &Dir, name: &[u8]) -> bool {
        // The folder's path may be at the limit already.
        let is = dir.path().len() + name.len() + 1 >= PATH_MAX;
        if is {
            self.too_long.get_or_insert_with(|| (0, dir.path().to_owned())).0 += 1;
        }
        is
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
        let led = self.led.clone();
        if let Some(known) = self.found.get_mut(&path) {
            // A link to it does not decide what it is, and who only lists it does not decide that it is not kept.
            let is_better = known.via.is_some() || (known.group.form == Form::Listed && self.group.form != Form::Listed);
            let mut other = self.group;
            if is_better && led.is_none() {
                other = std::mem::replace(&mut known.group, self.group);
                (known.home, known.via) = (self.home.clone(), None);
            }
            known.add(other);
            return;
        }
        if !self.takes(&path) {
            return;
        }
        if !stat.is_symlink() {
            return self.add(path, stat, None, led);
        }
        let target = dir.link(name);
        if let Err(error) = &target {
            self.missing(error);
        }
        self.add(path.clone(), stat, target.ok(), led);
        match self.host.files.real(&path) {
            Ok((real, stat)) if stat.is_regular() && !self.found.contains_key(&real) => {
                if self.takes(&path) {
                    self.add(real, stat, None, Some(path));
                }
            }
            Ok(_) => {}
            Err(error) => self.missing(&error),
        }
    }

    fn add(&mut self, path: Vec<u8>, stat: Stat, target: Option<Vec<u8>>, via: Option<Vec<u8>>) {
        let home = self.home.clone();
        let (group, others) = (self.group, Vec::new());
        let host_link = via.clone().filter(|link| user_of(link, home.as_deref()).is_none());
        self.found.insert(path.clone(), Found { path, stat, target, group, others, home, via, host_link });
    }

    /// What is not there, and a link that leads nowhere, is no gap.
    fn missing(&mut self, error: &ReadError) {
        use nix::errno::Errno::{ELOOP, ENOTDIR};
        let is_gap = !error.is_gone() && !matches!(error.reason, Reason::Errno(ELOOP | ENOTDIR));
        if is_gap && (self.told.len() >= MOST_TOLD || self.told.insert(error.path.clone())) {
            self.evidence.gap(error.gap());
        }
    }
}

/// Whether `path` is the folder `top` or lies below it.
pub(in crate::source) fn is_below(path: &[u8], top: &[u8]) -> bool {
    path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/") || top == b"/")
}
