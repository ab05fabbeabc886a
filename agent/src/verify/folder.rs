//! The folder as it lies there: what it holds, without following a link or opening anything that is not a regular file.
//!
//! **Invariant:** nothing is ever written, and a FIFO or device in the folder is never opened.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use hozen_collector::host::Reason;
use hozen_collector::host::read::{self, FdReader};
use hozen_collector::host::sys::{self, Stat};
use hozen_collector::model::{ObjectKey, escape};

use super::findings::{Findings, Place};
use super::holding::{Holding, Opener, Unopened};
use super::name;

/// The most entries that are looked at; no run has nearly as many.
const MAX_ENTRIES: u64 = 100_000;

/// Lists the folder at `path` and notes what no run may hold. `None` where it cannot be read at all.
pub(super) fn open(path: &Path, findings: &mut Findings) -> Option<Holding> {
    let root = match open_root(path) {
        Ok(root) => root,
        Err(error) => {
            findings.unreadable(Place::folder(), format!("cannot be opened: {error}"));
            return None;
        }
    };
    let mut listing = Listing { holding: Holding::default(), folders: Folders::default() };
    listing.folders.0.insert(String::new(), root);
    listing.list("", findings);
    Some(listing.holding.complete(Box::new(listing.folders), findings))
}

/// The folders of a run, by their path below its own.
#[derive(Debug, Default)]
struct Folders(BTreeMap<String, OwnedFd>);

impl Opener for Folders {
    fn open(&self, key: &ObjectKey) -> Result<Box<dyn Read>, Unopened> {
        let (path, file) = key.as_str().rsplit_once('/').unwrap_or(("", key.as_str()));
        let folder = self.0.get(path).ok_or_else(|| Unopened::Failed("its folder is not open".to_owned()))?;
        match read::open_regular(folder.as_fd(), file) {
            Ok((fd, _)) => Ok(Box::new(FdReader(fd))),
            Err(Reason::NotRegular(kind)) => Err(Unopened::Wrong(format!("is a {kind}, not a regular file"))),
            Err(reason) => Err(Unopened::Failed(reason.to_string())),
        }
    }
}

/// A folder that is being listed.
struct Listing {
    holding: Holding,
    folders: Folders,
}

impl Listing {
    fn list(&mut self, path: &str, findings: &mut Findings) {
        let limit = usize::try_from(MAX_ENTRIES.saturating_sub(self.holding.entries())).unwrap_or(usize::MAX);
        let Some(folder) = self.folders.0.get(path) else { return };
        let (mut names, more) = match read::names_limited(folder.as_fd(), b"", limit) {
            Ok(names) => names,
            Err(errno) => {
                let place = if path.is_empty() { Place::folder() } else { Place::from(path) };
                self.holding.blind(path);
                return findings.unreadable(place, format!("the folder cannot be listed: {errno}"));
            }
        };
        if more {
            self.holding.blind("");
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
        let Some(folder) = self.folders.0.get(path) else { return };
        let stat = match sys::statx(folder.as_fd(), name, false) {
            Ok(stat) => stat,
            Err(errno) => {
                findings.unreadable(&shown, format!("cannot be looked at: {errno}"));
                self.holding.blind(&shown);
                return;
            }
        };
        if stat.is_directory() {
            return self.enter(path, &shown, findings);
        }
        self.holding.count();
        self.take_file(&shown, stat, findings);
    }

    fn enter(&mut self, parent: &str, path: &str, findings: &mut Findings) {
        if !name::is_folder(path) {
            return findings.fail(path, "is a folder that no run has; it was not entered");
        }
        let last = path.rsplit('/').next().unwrap_or(path);
        let opened = self.folders.0.get(parent).map(|folder| read::open_folder(folder.as_fd(), last));
        match opened {
            Some(Ok(folder)) => {
                self.folders.0.insert(path.to_owned(), folder);
                self.list(path, findings);
            }
            Some(Err(errno)) => {
                self.holding.blind(path);
                findings.unreadable(path, format!("the folder cannot be opened: {errno}"));
            }
            None => {}
        }
    }

    fn take_file(&mut self, shown: &str, stat: Stat, findings: &mut Findings) {
        if !stat.is_regular() {
            return findings.fail(shown, format!("is a {}, not a regular file; it was not opened", stat.kind_name()));
        }
        self.holding.take(shown, findings);
    }
}

/// The folder itself may be reached through a link: the caller named it.
fn open_root(path: &Path) -> std::io::Result<OwnedFd> {
    if !std::fs::metadata(path)?.is_dir() {
        return Err(std::io::ErrorKind::NotADirectory.into());
    }
    File::open(path).map(OwnedFd::from)
}
